//! What operations keep for people beside their journal: files that are too large for it.

use super::{AuditEntry, Stored};
use switchback_domain::operation::{Evidence, OperationId};

/// Evidence is only ever added: what is kept under a name stays under it.
pub trait EvidenceStore: Send + Sync + 'static {
    /// Keeps `content` for an operation that has not ended, with its audit entry: both or neither. `evidence` tells its name, its size and
    /// its SHA-256. [`super::StoreError::Taken`] when the operation has evidence of this name already, or has ended.
    fn keep_evidence<'a>(
        &'a self,
        operation: OperationId,
        evidence: &'a Evidence,
        content: &'a [u8],
        audit: &'a AuditEntry,
    ) -> Stored<'a, ()>;

    /// What an operation keeps, without the contents, in the order of their names.
    fn evidence_names(&self, operation: OperationId) -> Stored<'_, Vec<Evidence>>;

    /// The content of one of them; nothing when the operation keeps nothing under this name.
    fn evidence<'a>(&'a self, operation: OperationId, name: &'a str) -> Stored<'a, Option<Vec<u8>>>;
}
