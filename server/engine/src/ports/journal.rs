//! Where operations are kept.

use super::{AuditEntry, Stored};
use jiff::Timestamp;
use switchback_domain::{
    PoolId,
    operation::{Entry, Epoch, Fence, OperationId},
};

/// The right to act on a pool, held by one console at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Which pool.
    pub pool: PoolId,
    /// Grows with each new holder: whatever carries an older one is refused.
    pub token: i64,
}

/// What the journal says about a pool beside its operations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PoolRecord {
    /// The present epoch; 0 until the first change of the active site.
    pub epoch: Epoch,
    /// Sites that must not come back as active.
    pub fences: Vec<Fence>,
    /// When the last operation ended that was no rehearsal, in whole milliseconds.
    pub ended_at: Option<Timestamp>,
}

/// A change of the pool's record that belongs to an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordChange {
    /// The epoch is now this one.
    Epoch(Epoch),
    /// A site is fenced.
    FenceUp(Fence),
    /// A site is no longer fenced.
    FenceDown(switchback_domain::Side),
    /// An operation that was no rehearsal ended at this time.
    Ended(Timestamp),
}

/// The journal. Entries are only ever added.
pub trait JournalStore: Send + Sync + 'static {
    /// Takes the lease of a pool until `until`, if nobody else holds it at `now`; the holder may take it again and keeps its token.
    /// `holder` is random for each start of a console. Nothing: somebody else holds it.
    fn take_lease<'a>(&'a self, pool: &'a PoolId, holder: &'a str, now: Timestamp, until: Timestamp) -> Stored<'a, Option<Lease>>;

    /// Gives the lease back.
    fn give_lease_back<'a>(&'a self, lease: &'a Lease) -> Stored<'a, ()>;

    /// Opens an operation with its first entry and its audit entry, both or neither, and gives it its number.
    /// [`super::StoreError::Taken`] when the pool has one that has not ended, or the lease is not held any more.
    fn open_operation<'a>(&'a self, lease: &'a Lease, first: &'a Entry, audit: &'a AuditEntry) -> Stored<'a, OperationId>;

    /// Appends entry `number` (counted from zero) with its audit entry and the changes of the pool's record: all or nothing.
    /// [`super::StoreError::Taken`] when that number exists already or the lease is not held any more. `ends` closes the operation.
    #[expect(clippy::too_many_arguments, reason = "one transaction takes them all; a struct of borrowed parts would only hide it")]
    fn append_entry<'a>(
        &'a self,
        lease: &'a Lease,
        operation: OperationId,
        number: u32,
        entry: &'a Entry,
        audit: Option<&'a AuditEntry>,
        changes: &'a [RecordChange],
        ends: bool,
    ) -> Stored<'a, ()>;

    /// The journal of an operation, oldest first; empty when there is none.
    fn journal(&self, operation: OperationId) -> Stored<'_, Vec<Entry>>;

    /// The newest operations, of one pool or of all, newest first, at most `most`.
    fn operations<'a>(&'a self, pool: Option<&'a PoolId>, most: u32) -> Stored<'a, Vec<OperationId>>;

    /// The operation of a pool that has not ended.
    fn open_operation_of<'a>(&'a self, pool: &'a PoolId) -> Stored<'a, Option<OperationId>>;

    /// What stands about a pool.
    fn record<'a>(&'a self, pool: &'a PoolId) -> Stored<'a, PoolRecord>;

    /// Changes a pool's record outside of an operation's entry (a fence that is taken down when the site follows).
    fn change_record<'a>(&'a self, lease: &'a Lease, change: &'a RecordChange, audit: &'a AuditEntry) -> Stored<'a, ()>;

    /// Remembers the answer to a request that carried an idempotency key, for a day. `body` is the SHA-256 of what was asked. When the key is
    /// known already, returns what is remembered instead: the body's hash and the answer.
    fn remember<'a>(&'a self, key: &'a str, body: &'a [u8; 32], answer: &'a str, now: Timestamp) -> Stored<'a, Option<([u8; 32], String)>>;

    /// What is remembered under an idempotency key.
    fn remembered<'a>(&'a self, key: &'a str, now: Timestamp) -> Stored<'a, Option<([u8; 32], String)>>;
}
