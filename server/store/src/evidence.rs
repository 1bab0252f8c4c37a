//! What operations keep for people. Nothing in it changes: the database itself sees to that.

use crate::{
    audit::append_audit,
    journal::number_of,
    sql::{SqlStore, rows, run, time, unreadable},
};
use switchback_domain::operation::{Evidence, OperationId};
use switchback_engine::ports::{AuditEntry, EvidenceStore, StoreError, Stored};

type Row = (String, i64, String, i64);

impl EvidenceStore for SqlStore {
    fn keep_evidence<'a>(
        &'a self,
        operation: OperationId,
        evidence: &'a Evidence,
        content: &'a [u8],
        audit: &'a AuditEntry,
    ) -> Stored<'a, ()> {
        Box::pin(async move {
            let mut work = self.work().await?;
            let kept = run!(
                work.on(),
                "INSERT INTO evidence (operation, name, content, sha256, kept_at)
                 SELECT $1, $2, $3, $4, $5 FROM operations WHERE id = $1 AND ended = 0
                 AND NOT EXISTS (SELECT 1 FROM evidence WHERE operation = $1 AND name = $2)",
                number_of(operation),
                evidence.name.as_str(),
                content,
                evidence.sha256.as_str(),
                evidence.kept_at.as_millisecond(),
            )?;
            if kept == 0 {
                return Err(StoreError::Taken);
            }
            append_audit!(work.on(), audit)?;
            work.commit().await
        })
    }

    fn evidence_names(&self, operation: OperationId) -> Stored<'_, Vec<Evidence>> {
        Box::pin(async move {
            let rows: Vec<Row> = rows!(
                &self.readers,
                // `length` of bytes means the same in both databases; neither reads the content for it.
                "SELECT name, CAST(length(content) AS bigint), sha256, kept_at FROM evidence WHERE operation = $1 ORDER BY name",
                number_of(operation),
            )?;
            let read = |(name, bytes, sha256, kept_at): Row| {
                let bytes = u64::try_from(bytes).map_err(|_| unreadable("a size", bytes))?;
                Ok(Evidence { name, bytes, sha256, kept_at: time(kept_at)? })
            };
            rows.into_iter().map(read).collect()
        })
    }

    fn evidence<'a>(&'a self, operation: OperationId, name: &'a str) -> Stored<'a, Option<Vec<u8>>> {
        Box::pin(async move {
            let found: Vec<(Vec<u8>,)> = rows!(
                &self.readers,
                "SELECT content FROM evidence WHERE operation = $1 AND name = $2",
                number_of(operation),
                crate::sql::without_nul(name),
            )?;
            Ok(found.into_iter().next().map(|(content,)| content))
        })
    }
}
