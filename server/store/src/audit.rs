//! The audit history. That nothing in it changes is enforced by the database's triggers, not only by the absence of a
//! statement here.

use crate::sql::{SqlStore, parsed, rows, time, unreadable};
use switchback_engine::ports::{AuditEntry, AuditStore, Stored};

type Row = (i64, Option<String>, String, String, String, String, String);

/// Appends an entry, by itself or within a transaction.
macro_rules! append_audit {
    ($on:expr, $entry:expr) => {
        $crate::sql::run!(
            $on,
            "INSERT INTO audit (at, actor, action, subject, result, detail, from_address) VALUES ($1, $2, $3, $4, $5, $6, $7)",
            $entry.at.as_millisecond(),
            $entry.actor.as_ref().map(switchback_domain::Login::as_str),
            $crate::sql::without_nul($entry.deed().as_code()),
            $crate::sql::without_nul(&$entry.subject),
            $entry.outcome().as_code(),
            $entry.detail.to_string(),
            $crate::sql::without_nul(&$entry.from_address),
        )
    };
}

pub(crate) use append_audit;

impl AuditStore for SqlStore {
    fn append<'a>(&'a self, entry: &'a AuditEntry) -> Stored<'a, ()> {
        self.needed(move || {
            Box::pin(async move {
                append_audit!(&self.writers, entry)?;
                Ok(())
            })
        })
    }

    fn entries(&self, most: u32) -> Stored<'_, Vec<AuditEntry>> {
        Box::pin(async move {
            let rows: Vec<Row> = rows!(
                &self.readers,
                "SELECT at, actor, action, subject, result, detail, from_address FROM audit ORDER BY id DESC LIMIT $1",
                i64::from(most),
            )?;
            rows.into_iter()
                .map(|(at, actor, action, subject, result, detail, from_address)| {
                    let actor = actor.map(|login| parsed("a sign-in name", &login)).transpose()?;
                    let detail = serde_json::from_str(&detail).map_err(|_| unreadable("an audit detail", detail))?;
                    Ok(AuditEntry::from_store(time(at)?, actor, (&action, &result), subject, detail, from_address))
                })
                .collect()
        })
    }
}
