//! Operations: their journal, the record and the lease of each pool, and what was begun under which idempotency key.
//!
//! Whatever belongs to an entry is one transaction with it, so that the database waits for its disk once. That nothing
//! in the journal changes, and that a pool has one open operation at most, is enforced by the database itself.

use crate::{
    audit::append_audit,
    sql::{SqlStore, Which, Work, parsed, rows, run, time, unreadable, without_nul},
    summary,
};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;
use switchback_domain::{
    PoolId, Restored, Side,
    operation::{Entry, Epoch, MadeActive, OperationId, OperationSummary, UnreadableCause, UnreadableEntry},
};
use switchback_engine::ports::{
    AuditEntry, Closing, HeldLease, IdempotencyKey, JournalStore, Lease, LeaseAnswer, LeaseAsk, Opening, PoolRecord, RecordChange,
    StoreError, Stored,
};
use switchback_journal_format::Unreadable;

/// How long an answer is remembered.
const REMEMBERED_FOR: SignedDuration = SignedDuration::from_hours(24);

/// What was remembered at this time or before, in milliseconds since 1970, is forgotten at `now`.
pub(crate) fn forgotten_until(now: Timestamp) -> i64 {
    now.as_millisecond().saturating_sub(i64::try_from(REMEMBERED_FOR.as_millis()).unwrap_or(i64::MAX))
}

/// Of which backup a store was restored, unless somebody has confirmed for the pool what it says.
const UNCONFIRMED: &str = "
    SELECT restored_at, taken_at FROM restored
    WHERE NOT EXISTS (SELECT 1 FROM confirmed WHERE confirmed.pool = $1 AND confirmed.restored_at = restored.restored_at)";

fn whole_millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

fn side_word(side: Side) -> &'static str {
    match side {
        Side::A => "a",
        Side::B => "b",
    }
}

pub(crate) fn id_of(id: i64) -> Result<OperationId, StoreError> {
    u64::try_from(id).map(OperationId).map_err(|_| unreadable("the number of an operation", id))
}

/// The number as the database knows it; it gives no operation a negative one.
pub(crate) fn number_of(operation: OperationId) -> i64 {
    i64::try_from(operation.0).unwrap_or(-1)
}

fn epoch_number(epoch: Epoch) -> Result<i64, StoreError> {
    i64::try_from(epoch.0).map_err(|_| unreadable("an epoch", epoch))
}

fn text_of(entry: &Entry) -> Result<String, StoreError> {
    switchback_journal_format::entry_to_text(entry).map_err(|error| unreadable("a journal entry", error))
}

/// Insists that the lease is held, and that nobody takes it before the transaction ends. One that has expired and that
/// nobody has taken is still held.
async fn insist(work: &mut Work, lease: &Lease) -> Result<(), StoreError> {
    let sql = match work.on() {
        // SQLite has one writer at a time, and that is this transaction.
        Which::Sqlite(_) => "SELECT token FROM leases WHERE pool = $1 AND token = $2 AND holder IS NOT NULL",
        Which::Postgres(_) => "SELECT token FROM leases WHERE pool = $1 AND token = $2 AND holder IS NOT NULL FOR UPDATE",
    };
    let held: Vec<(i64,)> = rows!(work.on(), sql, lease.pool.as_str(), lease.token)?;
    if held.is_empty() { Err(StoreError::Taken) } else { Ok(()) }
}

async fn change(work: &mut Work, pool: &PoolId, change: &RecordChange) -> Result<(), StoreError> {
    match change {
        RecordChange::Epoch(epoch) => {
            let epoch = epoch_number(*epoch)?;
            let written = run!(
                work.on(),
                "INSERT INTO pools AS kept (pool, epoch) VALUES ($1, $2)
                 ON CONFLICT (pool) DO UPDATE SET epoch = excluded.epoch WHERE kept.epoch <= excluded.epoch",
                pool.as_str(),
                epoch,
            )?;
            if written == 0 {
                return Err(StoreError::OtherEpoch);
            }
        }
        RecordChange::FenceUp(fence) => {
            let text = switchback_journal_format::fence_to_text(fence).map_err(|error| unreadable("a fence", error))?;
            run!(work.on(), "INSERT INTO pools (pool, epoch) VALUES ($1, 0) ON CONFLICT (pool) DO NOTHING", pool.as_str())?;
            run!(
                work.on(),
                "INSERT INTO fences (pool, side, fence) VALUES ($1, $2, $3)
                 ON CONFLICT (pool, side) DO UPDATE SET fence = excluded.fence",
                pool.as_str(),
                side_word(fence.side),
                text.as_str(),
            )?;
        }
        RecordChange::FenceDown(side) => {
            run!(work.on(), "DELETE FROM fences WHERE pool = $1 AND side = $2", pool.as_str(), side_word(*side))?;
        }
        RecordChange::Ended(at) => {
            run!(
                work.on(),
                "INSERT INTO pools (pool, epoch, ended_at) VALUES ($1, 0, $2) ON CONFLICT (pool) DO UPDATE SET ended_at = excluded.ended_at",
                pool.as_str(),
                at.as_millisecond(),
            )?;
        }
    }
    Ok(())
}

/// Closes the open operation of the lease's pool, whose journal cannot be read, behind whatever is in it.
async fn close_unread(work: &mut Work, pool: &PoolId, closing: &Closing) -> Result<(), StoreError> {
    let id = number_of(closing.operation);
    let entry = text_of(&closing.entry)?;
    // What is missing in it cannot be written any more: the next entry comes behind the last one.
    let appended = run!(
        work.on(),
        "INSERT INTO journal (operation, number, entry)
         SELECT $1, (SELECT coalesce(max(number) + 1, 0) FROM journal WHERE operation = $1), $2
         FROM operations WHERE id = $1 AND pool = $3 AND ended = 0",
        id,
        entry.as_str(),
        pool.as_str(),
    )?;
    if appended == 0 {
        return Err(StoreError::Taken);
    }
    let entries: Vec<(i64,)> = rows!(work.on(), "SELECT count(*) FROM journal WHERE operation = $1", id)?;
    append_audit!(work.on(), &closing.audit)?;
    for one in &closing.changes {
        change(work, pool, one).await?;
    }
    run!(work.on(), "UPDATE operations SET ended = 1 WHERE id = $1", id)?;
    summary::write_closed(work, id, pool, entries.first().map_or(0, |(entries,)| *entries), closing.entry.at).await
}

/// An entry as it lies in the store.
fn read_entry(number: u32, text: &[u8], operation: OperationId) -> Result<Entry, StoreError> {
    let cannot = |cause| StoreError::Unreadable(UnreadableEntry { number, cause });
    let told =
        |error: &(dyn std::error::Error + 'static)| tracing::error!(%operation, number, error, "an entry of a journal cannot be read");
    let text = std::str::from_utf8(text).map_err(|error| {
        told(&error);
        cannot(UnreadableCause::Damaged)
    })?;
    switchback_journal_format::entry_from_text(text).map_err(|error| {
        told(&error);
        match error {
            Unreadable::Newer(version) => cannot(UnreadableCause::Newer { version }),
            Unreadable::Damaged(_) => cannot(UnreadableCause::Damaged),
        }
    })
}

impl JournalStore for SqlStore {
    fn take_lease<'a>(&'a self, pool: &'a PoolId, ask: &'a LeaseAsk<'a>) -> Stored<'a, LeaseAnswer> {
        self.needed(move || {
            Box::pin(async move {
                let ends = ask.since_boot.saturating_add(ask.lasts);
                let (token, renewal) = ask.stood_still.map_or((None, None), |held| (Some(held.token), Some(held.renewal)));
                let taken: Vec<(i64,)> = rows!(
                    &self.writers,
                    // `expires_at` is older than the rule that clocks are not compared. Consoles of older versions go by it; for us it is the
                    // count of renewals, so it never stays the same. What an older console has taken has no `machine` that fits its holder.
                    "INSERT INTO leases AS kept (pool, holder, token, expires_at, machine, ends_since_boot) VALUES ($1, $2, 1, $3, $4, $5)
                     ON CONFLICT (pool) DO UPDATE SET
                         token           = CASE WHEN kept.holder = excluded.holder THEN kept.token ELSE kept.token + 1 END,
                         holder          = excluded.holder,
                         expires_at      = CASE WHEN kept.expires_at < excluded.expires_at THEN excluded.expires_at ELSE kept.expires_at + 1 END,
                         machine         = excluded.machine,
                         ends_since_boot = excluded.ends_since_boot
                     WHERE kept.holder IS NULL OR kept.holder = excluded.holder
                         OR (kept.machine = $6 || ' ' || kept.holder AND kept.ends_since_boot <= $7)
                         OR (kept.token = $8 AND kept.expires_at = $9)
                     RETURNING token",
                    pool.as_str(),
                    ask.holder,
                    ask.told_until.as_millisecond(),
                    format!("{} {}", ask.machine, ask.holder),
                    whole_millis(ends),
                    ask.machine,
                    whole_millis(ask.since_boot),
                    token,
                    renewal,
                )?;
                if let Some((token,)) = taken.first() {
                    return Ok(LeaseAnswer::Taken(Lease { pool: pool.clone(), token: *token }));
                }
                let held: Vec<(i64, i64)> =
                    rows!(&self.writers, "SELECT token, expires_at FROM leases WHERE pool = $1 AND holder IS NOT NULL", pool.as_str())?;
                // Given back between the two statements: it is there for the next one who asks.
                let (token, renewal) = held.first().copied().unwrap_or_default();
                Ok(LeaseAnswer::Held(HeldLease { token, renewal }))
            })
        })
    }

    fn give_lease_back<'a>(&'a self, lease: &'a Lease) -> Stored<'a, ()> {
        self.needed(move || {
            Box::pin(async move {
                run!(&self.writers, "UPDATE leases SET holder = NULL WHERE pool = $1 AND token = $2", lease.pool.as_str(), lease.token)?;
                Ok(())
            })
        })
    }

    fn open_operation<'a>(&'a self, lease: &'a Lease, opening: &'a Opening) -> Stored<'a, OperationId> {
        self.needed(move || {
            Box::pin(async move {
                let first = text_of(&opening.first)?;
                let mut work = self.work().await?;
                insist(&mut work, lease).await?;
                // Only who holds the lease changes the epoch, so it stays what it is until this is written.
                let epoch: Vec<(i64,)> = rows!(work.on(), "SELECT epoch FROM pools WHERE pool = $1", lease.pool.as_str())?;
                if epoch.first().map_or(0, |(epoch,)| *epoch) != epoch_number(opening.epoch)? {
                    return Err(StoreError::OtherEpoch);
                }
                if let Some(closing) = &opening.closes {
                    close_unread(&mut work, &lease.pool, closing).await?;
                }
                let opened: Vec<(i64,)> = rows!(
                    work.on(),
                    "INSERT INTO operations (pool)
                     SELECT $1 WHERE NOT EXISTS (SELECT 1 FROM operations WHERE pool = $1 AND ended = 0) RETURNING id",
                    lease.pool.as_str(),
                )?;
                let Some((id,)) = opened.first() else { return Err(StoreError::Taken) };
                run!(work.on(), "INSERT INTO journal (operation, number, entry) VALUES ($1, 0, $2)", *id, first.as_str())?;
                summary::write(&mut work, *id, &lease.pool, 1, false, &opening.summary).await?;
                let id = id_of(*id)?;
                if let Some(IdempotencyKey { key, body }) = &opening.key {
                    let at = opening.first.at;
                    let new = run!(
                        work.on(),
                        "INSERT INTO remembered AS kept (key, body, answer, at) VALUES ($1, $2, $3, $4)
                         ON CONFLICT (key) DO UPDATE SET body = excluded.body, answer = excluded.answer, at = excluded.at
                         WHERE kept.at <= $5",
                        without_nul(key),
                        body.as_slice(),
                        id.to_string(),
                        at.as_millisecond(),
                        forgotten_until(at),
                    )?;
                    if new == 0 {
                        return Err(StoreError::Taken);
                    }
                }
                append_audit!(work.on(), opening.audit.clone().with_subject(id.to_string()))?;
                work.commit().await?;
                Ok(id)
            })
        })
    }

    fn append_entry<'a>(
        &'a self,
        lease: &'a Lease,
        operation: OperationId,
        number: u32,
        entry: &'a Entry,
        audit: Option<&'a AuditEntry>,
        changes: &'a [RecordChange],
        summary: &'a OperationSummary,
    ) -> Stored<'a, ()> {
        self.needed(move || {
            Box::pin(async move {
                let entry = text_of(entry)?;
                let id = number_of(operation);
                let mut work = self.work().await?;
                insist(&mut work, lease).await?;
                let appended = run!(
                    work.on(),
                    "INSERT INTO journal (operation, number, entry)
                     SELECT $1, $2, $3 FROM operations WHERE id = $1 AND pool = $4 AND ended = 0
                     AND NOT EXISTS (SELECT 1 FROM journal WHERE operation = $1 AND number = $2)",
                    id,
                    i64::from(number),
                    entry.as_str(),
                    lease.pool.as_str(),
                )?;
                if appended == 0 {
                    return Err(StoreError::Taken);
                }
                if let Some(audit) = audit {
                    append_audit!(work.on(), audit)?;
                }
                for one in changes {
                    change(&mut work, &lease.pool, one).await?;
                }
                let ends = summary.stage.is_end();
                if ends {
                    run!(work.on(), "UPDATE operations SET ended = 1 WHERE id = $1", id)?;
                }
                summary::write(&mut work, id, &lease.pool, i64::from(number) + 1, ends, summary).await?;
                work.commit().await
            })
        })
    }

    fn close_unread<'a>(&'a self, lease: &'a Lease, closing: &'a Closing) -> Stored<'a, ()> {
        self.needed(move || {
            Box::pin(async move {
                let mut work = self.work().await?;
                insist(&mut work, lease).await?;
                close_unread(&mut work, &lease.pool, closing).await?;
                work.commit().await
            })
        })
    }

    fn summaries<'a>(&'a self, pool: Option<&'a PoolId>, most: u32) -> Stored<'a, Vec<OperationSummary>> {
        Box::pin(self.read_summaries(pool, i64::from(most)))
    }

    fn summary(&self, operation: OperationId) -> Stored<'_, Option<OperationSummary>> {
        Box::pin(self.read_summary(operation))
    }

    fn made_active<'a>(&'a self, pool: &'a PoolId) -> Stored<'a, Option<MadeActive>> {
        Box::pin(self.read_made_active(pool))
    }

    fn journal(&self, operation: OperationId) -> Stored<'_, Vec<Entry>> {
        Box::pin(async move {
            let sql = match &self.readers {
                // As it lies there: a damaged text need not be one.
                Which::Sqlite(_) => "SELECT number, CAST(entry AS blob) FROM journal WHERE operation = $1 ORDER BY number",
                Which::Postgres(_) => "SELECT number, convert_to(entry, 'UTF8') FROM journal WHERE operation = $1 ORDER BY number",
            };
            let rows: Vec<(i64, Vec<u8>)> = rows!(&self.readers, sql, number_of(operation))?;
            let read = |(expected, (number, text)): (u32, (i64, Vec<u8>))| {
                if number != i64::from(expected) {
                    return Err(StoreError::Unreadable(UnreadableEntry { number: expected, cause: UnreadableCause::DoesNotFit }));
                }
                read_entry(expected, &text, operation)
            };
            (0..).zip(rows).map(read).collect()
        })
    }

    fn operations<'a>(&'a self, pool: Option<&'a PoolId>, most: u32) -> Stored<'a, Vec<OperationId>> {
        Box::pin(async move {
            let most = i64::from(most);
            let ids: Vec<(i64,)> = match pool {
                None => rows!(&self.readers, "SELECT id FROM operations ORDER BY id DESC LIMIT $1", most),
                Some(pool) => {
                    rows!(&self.readers, "SELECT id FROM operations WHERE pool = $1 ORDER BY id DESC LIMIT $2", pool.as_str(), most)
                }
            }?;
            ids.into_iter().map(|(id,)| id_of(id)).collect()
        })
    }

    fn open_operation_of<'a>(&'a self, pool: &'a PoolId) -> Stored<'a, Option<OperationId>> {
        Box::pin(async move {
            let open: Vec<(i64,)> = rows!(&self.readers, "SELECT id FROM operations WHERE pool = $1 AND ended = 0", pool.as_str())?;
            open.first().map(|(id,)| id_of(*id)).transpose()
        })
    }

    fn record<'a>(&'a self, pool: &'a PoolId) -> Stored<'a, PoolRecord> {
        Box::pin(async move {
            // First: fences that a confirmation takes down must not be read with it.
            let unconfirmed: Vec<(i64, i64)> = rows!(&self.readers, UNCONFIRMED, pool.as_str())?;
            let unconfirmed =
                unconfirmed.first().map(|(at, taken_at)| Ok::<_, StoreError>(Restored { at: time(*at)?, taken_at: time(*taken_at)? }));
            // One statement, so that everything is of the same moment.
            let rows: Vec<(i64, Option<i64>, Option<String>)> = rows!(
                &self.readers,
                "SELECT pools.epoch, pools.ended_at, fences.fence FROM pools LEFT JOIN fences ON fences.pool = pools.pool
                 WHERE pools.pool = $1 ORDER BY fences.side",
                pool.as_str(),
            )?;
            let mut record = PoolRecord { unconfirmed: unconfirmed.transpose()?, ..PoolRecord::default() };
            for (epoch, ended_at, fence) in rows {
                record.epoch = u64::try_from(epoch).map(Epoch).map_err(|_| unreadable("an epoch", epoch))?;
                record.ended_at = ended_at.map(time).transpose()?;
                if let Some(fence) = fence {
                    record.fences.push(switchback_journal_format::fence_from_text(&fence).map_err(|_| unreadable("a fence", fence))?);
                }
            }
            Ok(record)
        })
    }

    fn change_record<'a>(&'a self, lease: &'a Lease, one: &'a RecordChange, audit: &'a AuditEntry) -> Stored<'a, ()> {
        self.needed(move || {
            Box::pin(async move {
                let mut work = self.work().await?;
                insist(&mut work, lease).await?;
                change(&mut work, &lease.pool, one).await?;
                append_audit!(work.on(), audit)?;
                work.commit().await
            })
        })
    }

    fn confirm_restored<'a>(
        &'a self,
        lease: &'a Lease,
        restored: Restored,
        changes: &'a [RecordChange],
        audit: &'a AuditEntry,
    ) -> Stored<'a, ()> {
        self.needed(move || {
            Box::pin(async move {
                let mut work = self.work().await?;
                insist(&mut work, lease).await?;
                let open: Vec<(i64, i64)> = rows!(work.on(), UNCONFIRMED, lease.pool.as_str())?;
                if open.first().is_none_or(|(at, _)| *at != restored.at.as_millisecond()) {
                    return Err(StoreError::Taken);
                }
                run!(
                    work.on(),
                    "INSERT INTO confirmed (pool, restored_at) VALUES ($1, $2)
                     ON CONFLICT (pool) DO UPDATE SET restored_at = excluded.restored_at",
                    lease.pool.as_str(),
                    restored.at.as_millisecond(),
                )?;
                for one in changes {
                    change(&mut work, &lease.pool, one).await?;
                }
                append_audit!(work.on(), audit)?;
                work.commit().await
            })
        })
    }

    fn remembered<'a>(&'a self, key: &'a str, now: Timestamp) -> Stored<'a, Option<([u8; 32], OperationId)>> {
        Box::pin(async move {
            let known: Vec<(Vec<u8>, String)> = rows!(
                &self.readers,
                "SELECT body, answer FROM remembered WHERE key = $1 AND at > $2",
                without_nul(key),
                forgotten_until(now),
            )?;
            let Some((body, answer)) = known.into_iter().next() else { return Ok(None) };
            let body = body.try_into().map_err(|body: Vec<u8>| unreadable("a digest of so many bytes", body.len()))?;
            Ok(Some((body, parsed("the number of an operation", &answer)?)))
        })
    }
}
