//! Operations as lists show them: columns that are written in the same transaction as each entry of a journal, so that no list reads one.

use crate::{
    journal::{id_of, number_of},
    sql::{SqlStore, Work, rows, run, time, unreadable},
};
use jiff::Timestamp;
use std::error::Error;
use switchback_domain::{
    PoolId, Side,
    operation::{MadeActive, Operation, OperationId, OperationSummary, StageCode},
};
use switchback_engine::ports::{JournalStore, StoreError};
use switchback_journal_format::{kind_of, kind_word, loss_from_text, loss_to_text, rest_from_text, rest_to_text, stage_of, stage_words};

/// How many operations are read at once where the columns of many are missing.
const BATCH: i64 = 200;

/// Of an operation that cannot be read it is not known whether it has made a site active.
const NOT_KNOWN: &str = "unknown";

type Row = (
    i64,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<i64>,
    Option<String>,
    Option<String>,
    Option<i64>,
    Option<String>,
    Option<String>,
    Option<String>,
    i64,
);

/// Whether the columns rest on all of the journal is compared for the open operation of a pool only: a console of an older version, which
/// does not know them, may still be running beside this one.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT o.id, o.pool, s.kind, s.side, s.requester, s.began_at, s.stage, s.outcome, s.ended_at, s.made_active, s.rest, s.loss,
                CAST(CASE WHEN s.operation IS NULL OR s.ended <> o.ended OR s.loss_entries IS NULL OR s.loss_entries <> s.entries THEN 0
                    WHEN o.ended = 0 AND s.entries <> (SELECT count(*) FROM journal WHERE journal.operation = o.id) THEN 0
                    ELSE 1 END AS bigint)
             FROM operations o LEFT JOIN operation_summaries s ON s.operation = o.id ",
            $rest
        )
    };
}

fn side_of(word: &str) -> Option<Side> {
    match word {
        "a" => Some(Side::A),
        "b" => Some(Side::B),
        _ => None,
    }
}

fn side_word(side: Side) -> &'static str {
    match side {
        Side::A => "a",
        Side::B => "b",
    }
}

fn pool_of(pool: &str) -> Result<PoolId, StoreError> {
    pool.parse().map_err(|_| unreadable("the name of a pool", pool))
}

/// Writes the columns of an operation of which so many entries are written. Columns that rest on more entries stay.
pub(crate) async fn write(
    work: &mut Work,
    id: i64,
    pool: &PoolId,
    entries: i64,
    ended: bool,
    summary: &OperationSummary,
) -> Result<(), StoreError> {
    let (stage, outcome) = stage_words(summary.stage);
    let rest = rest_to_text(summary).map_err(|error| unreadable("a summary", error))?;
    let loss = loss_to_text(summary).map_err(|error| unreadable("a summary", error))?;
    let unknown = (summary.stage == StageCode::Unreadable).then_some(NOT_KNOWN);
    run!(
        work.on(),
        "INSERT INTO operation_summaries AS kept
             (operation, pool, entries, ended, kind, side, requester, began_at, stage, outcome, ended_at, made_active, rest, loss, loss_entries)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $3)
         ON CONFLICT (operation) DO UPDATE SET
             entries = excluded.entries, ended = excluded.ended, kind = excluded.kind, side = excluded.side,
             requester = excluded.requester, began_at = excluded.began_at, stage = excluded.stage, outcome = excluded.outcome,
             ended_at = excluded.ended_at, made_active = excluded.made_active, rest = excluded.rest,
             loss = excluded.loss, loss_entries = excluded.loss_entries
         WHERE kept.entries <= excluded.entries",
        id,
        pool.as_str(),
        entries,
        i64::from(ended),
        summary.kind.map(kind_word),
        summary.side.map(side_word),
        summary.requested_by.as_ref().map(ToString::to_string),
        summary.requested_at.map(Timestamp::as_millisecond),
        stage,
        outcome,
        summary.ended_at.map(Timestamp::as_millisecond),
        summary.made_active.map(side_word).or(unknown),
        rest.as_str(),
        loss.as_str(),
    )?;
    Ok(())
}

/// The columns of an operation that is closed because nobody can read its journal: all but its end stay what they were.
pub(crate) async fn write_closed(work: &mut Work, id: i64, pool: &PoolId, entries: i64, at: Timestamp) -> Result<(), StoreError> {
    let (stage, outcome) = stage_words(StageCode::ClosedUnread);
    let unknown = OperationSummary { stage: StageCode::ClosedUnread, ..OperationSummary::unknown(id_of(id)?, pool.clone()) };
    let rest = rest_to_text(&unknown).map_err(|error| unreadable("a summary", error))?;
    let loss = loss_to_text(&unknown).map_err(|error| unreadable("a summary", error))?;
    run!(
        work.on(),
        "INSERT INTO operation_summaries (operation, pool, entries, ended, stage, outcome, ended_at, made_active, rest, loss, loss_entries)
         VALUES ($1, $2, $3, 1, $4, $5, $6, $7, $8, $9, $3)
         ON CONFLICT (operation) DO UPDATE SET
             entries = excluded.entries, loss_entries = excluded.loss_entries, ended = 1, stage = excluded.stage,
             outcome = excluded.outcome, ended_at = excluded.ended_at",
        id,
        pool.as_str(),
        entries,
        stage,
        outcome,
        at.as_millisecond(),
        NOT_KNOWN,
        rest.as_str(),
        loss.as_str(),
    )?;
    Ok(())
}

impl SqlStore {
    pub(crate) async fn read_summaries(&self, pool: Option<&PoolId>, most: i64) -> Result<Vec<OperationSummary>, StoreError> {
        let rows: Vec<Row> = match pool {
            None => rows!(&self.readers, select!("ORDER BY o.id DESC LIMIT $1"), most)?,
            Some(pool) => rows!(&self.readers, select!("WHERE o.pool = $1 ORDER BY o.id DESC LIMIT $2"), pool.as_str(), most)?,
        };
        let mut summaries = Vec::with_capacity(rows.len());
        for row in rows {
            summaries.push(self.summary_of(row).await?);
        }
        Ok(summaries)
    }

    pub(crate) async fn read_summary(&self, operation: OperationId) -> Result<Option<OperationSummary>, StoreError> {
        let rows: Vec<Row> = rows!(&self.readers, select!("WHERE o.id = $1"), number_of(operation))?;
        match rows.into_iter().next() {
            Some(row) => self.summary_of(row).await.map(Some),
            None => Ok(None),
        }
    }

    async fn summary_of(&self, row: Row) -> Result<OperationSummary, StoreError> {
        let (id, pool, kind, side, requester, began_at, stage, outcome, ended_at, made_active, rest, loss, is_whole) = row;
        let (id, pool) = (id_of(id)?, pool_of(&pool)?);
        let mut summary = OperationSummary {
            kind: kind.as_deref().and_then(kind_of),
            side: side.as_deref().and_then(side_of),
            requested_by: requester.and_then(|login| login.parse().ok()),
            requested_at: began_at.map(time).transpose()?,
            stage: stage.map_or(StageCode::Unreadable, |stage| stage_of(&stage, outcome.as_deref())),
            ended_at: ended_at.map(time).transpose()?,
            made_active: made_active.as_deref().and_then(side_of),
            ..OperationSummary::unknown(id, pool)
        };
        if let Some(rest) = rest {
            rest_from_text(&rest, &mut summary);
        }
        if let Some(loss) = loss {
            loss_from_text(&loss, &mut summary);
        }
        if is_whole == 1 { Ok(summary) } else { self.replayed(summary).await }
    }

    /// An operation as its journal says it is; of one that cannot be read what is known besides, and which entry it is.
    async fn replayed(&self, known: OperationSummary) -> Result<OperationSummary, StoreError> {
        match self.journal(known.id).await {
            Ok(journal) => match Operation::from_journal(known.id, &journal) {
                Ok(operation) => Ok(OperationSummary { pool: known.pool, ..operation.summary() }),
                Err(bad) => Ok(OperationSummary { stage: StageCode::Unreadable, unreadable: Some(bad.into()), ..known }),
            },
            Err(StoreError::Unreadable(entry)) => Ok(OperationSummary { stage: StageCode::Unreadable, unreadable: Some(entry), ..known }),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn read_made_active(&self, pool: &PoolId) -> Result<Option<MadeActive>, StoreError> {
        self.fill_summaries(Some(pool)).await?;
        let newest: Vec<(i64, String)> = rows!(
            &self.readers,
            "SELECT operation, made_active FROM operation_summaries WHERE pool = $1 AND made_active IS NOT NULL
             ORDER BY operation DESC LIMIT 1",
            pool.as_str(),
        )?;
        let Some((id, side)) = newest.first() else { return Ok(None) };
        Ok(side_of(side).map(|side| MadeActive { side, operation: OperationId(u64::try_from(*id).unwrap_or_default()) }))
    }

    /// Fills the columns of operations that have none: those of a store that an older version has written. Each journal is read once, in
    /// batches; where there is nothing to do this is one question.
    pub(crate) async fn fill_summaries(&self, pool: Option<&PoolId>) -> Result<u64, StoreError> {
        let (mut behind, mut filled) = (0, 0);
        loop {
            let missing: Vec<(i64, String, i64)> = match pool {
                None => rows!(
                    &self.readers,
                    "SELECT o.id, o.pool, o.ended FROM operations o LEFT JOIN operation_summaries s ON s.operation = o.id
                     WHERE o.id > $1 AND (s.operation IS NULL OR s.ended <> o.ended
                        OR s.loss_entries IS NULL OR s.loss_entries <> s.entries) ORDER BY o.id LIMIT $2",
                    behind,
                    BATCH,
                )?,
                Some(pool) => rows!(
                    &self.readers,
                    "SELECT o.id, o.pool, o.ended FROM operations o LEFT JOIN operation_summaries s ON s.operation = o.id
                     WHERE o.id > $1 AND o.pool = $3 AND (s.operation IS NULL OR s.ended <> o.ended
                        OR s.loss_entries IS NULL OR s.loss_entries <> s.entries) ORDER BY o.id LIMIT $2",
                    behind,
                    BATCH,
                    pool.as_str(),
                )?,
            };
            let Some((last, ..)) = missing.last() else { return Ok(filled) };
            behind = *last;
            let mut found = Vec::with_capacity(missing.len());
            for (id, pool, ended) in missing {
                let mut summary = self.replayed(OperationSummary::unknown(id_of(id)?, pool_of(&pool)?)).await?;
                if let Some(entry) = summary.unreadable {
                    summary = self.asked_for(summary).await?;
                    tracing::error!(operation = %summary.id, error = &entry as &dyn Error, "an operation in the store cannot be read");
                }
                let entries: Vec<(i64,)> = rows!(&self.readers, "SELECT count(*) FROM journal WHERE operation = $1", id)?;
                found.push((id, entries.first().map_or(0, |(entries,)| *entries), ended == 1, summary));
            }
            let mut work = self.work().await?;
            for (id, entries, ended, summary) in found {
                write(&mut work, id, &summary.pool, entries, ended, &summary).await?;
                filled += 1;
            }
            work.commit().await?;
        }
    }

    /// What the audit history says of how an operation was asked for.
    async fn asked_for(&self, unknown: OperationSummary) -> Result<OperationSummary, StoreError> {
        let lines: Vec<(i64, Option<String>, String)> = rows!(
            &self.readers,
            "SELECT at, actor, detail FROM audit WHERE subject = $1 AND action = 'operation_requested' AND result = 'done' ORDER BY id LIMIT 1",
            unknown.id.to_string(),
        )?;
        let Some((at, actor, detail)) = lines.into_iter().next() else { return Ok(unknown) };
        let detail: serde_json::Value = serde_json::from_str(&detail).unwrap_or_default();
        Ok(OperationSummary {
            kind: detail["kind"].as_str().and_then(kind_of),
            requested_by: actor.and_then(|login| login.parse().ok()),
            requested_at: time(at).ok(),
            ..unknown
        })
    }
}
