//! Questions and orders to one `PostgreSQL`.

mod diverged;
mod records;

use super::{ORDER, OrderTrouble, QUESTION};
use crate::{
    ANSWER_LIMIT,
    failure::{Problem, millis},
    postgres::{
        connector::{Connector, calm, is_farewell, problem, refusal, state, statement_timeout},
        lineage::history_file,
        session::{self, Session},
    },
    target::{PostgresTarget, SetUpError},
};
use futures::future::BoxFuture;
use jiff::Timestamp;
use serde::{Deserialize, de::DeserializeOwned};
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};
use switchback_domain::{Lsn, Millis, Timeline, operation::OperationId};
use switchback_engine::ports::{Lineage, LogEnd, Position, Rows};
use tokio::time::Instant;
use tracing::debug;

const POSITION: &str = concat!(include_str!("../../sql/place.sql"), include_str!("../../sql/position.sql"));
const LOG_END: &str = concat!(include_str!("../../sql/place.sql"), include_str!("../../sql/log_end.sql"));
const LINEAGE: &str = concat!(include_str!("../../sql/place.sql"), include_str!("../../sql/lineage.sql"));
const ROWS: &str = include_str!("../../sql/rows.sql");
const DATA_DIRECTORY: &str = "select to_json(current_setting('data_directory'))::text";

const TAKES_ROWS: &str = "select to_json(not pg_is_in_recovery())::text";

/// How long the commit of a row may take.
const WRITE: Duration = Duration::from_secs(5);

/// How long the server works on a row. Longer than anybody waits for it: a commit that the server itself stops waiting for is acknowledged
/// although no mirror has it.
const COMMITS_WITHIN: Duration = Duration::from_secs(15);

/// How long a checkpoint may take.
const CHECKPOINT: Duration = Duration::from_mins(2);

/// One server.
pub(super) struct Postgres {
    questions: Line,
    writes: Line,
    checkpoints: Connector,
    /// For the log of a timeline that was given up, and for the rows that it has, in any database.
    lost_log: Connector,
    lost_rows: Connector,
}

/// A connection that is kept. Whoever comes while it is in use gets a fresh one, so that nobody waits for somebody else's answer.
struct Line {
    connector: Connector,
    kept: Mutex<Option<Session>>,
    limit: Duration,
}

impl Line {
    fn new(target: PostgresTarget, limit: Duration, settings: &[(&'static str, String)]) -> Result<Self, SetUpError> {
        Ok(Line { connector: Connector::new(target, settings)?, kept: Mutex::new(None), limit })
    }

    /// Runs `work` over the connection that is kept, or over a new one when that turns out to be dead: `work` must bear to be begun twice.
    async fn over<T>(
        &self,
        work: impl for<'c> Fn(&'c mut Session) -> BoxFuture<'c, Result<T, tokio_postgres::Error>>,
    ) -> Result<T, OrderTrouble> {
        let all = async {
            let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(connection) = kept {
                match self.once(connection, &work).await {
                    Err(OrderTrouble::Failed(problem)) if is_farewell(&problem.failure) => {
                        debug!(cause = %problem.cause, "the connection has ended");
                    }
                    outcome => return outcome,
                }
            }
            self.once(self.connector.connect(self.limit).await?, &work).await
        };
        tokio::time::timeout(self.limit, all).await.unwrap_or_else(|_| Err(Problem::timed_out(self.limit).into()))
    }

    async fn once<T>(
        &self,
        mut connection: Session,
        work: &impl for<'c> Fn(&'c mut Session) -> BoxFuture<'c, Result<T, tokio_postgres::Error>>,
    ) -> Result<T, OrderTrouble> {
        let outcome = calm(work(&mut connection)).await?.map_err(|error| trouble(&error, self.limit));
        // After a refusal the connection is as good as before; after anything else nobody knows what it is in the middle of.
        if matches!(outcome, Ok(_) | Err(OrderTrouble::Refused(_))) {
            *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection);
        }
        outcome
    }

    async fn ask<T: DeserializeOwned>(&self, question: &'static str, argument: Option<String>) -> Result<T, OrderTrouble> {
        let text = self
            .over(|connection| {
                let argument = argument.clone();
                Box::pin(async move {
                    let with: Vec<session::With<'_>> = argument.iter().map(session::text).collect();
                    connection.text(question, &with).await
                })
            })
            .await?;
        let text = text.ok_or_else(|| Problem::garbage("the answer has no row"))?;
        if text.len() > ANSWER_LIMIT {
            return Err(Problem::too_large(ANSWER_LIMIT).into());
        }
        serde_json::from_str(&text).map_err(|error| Problem::json(&error).into())
    }
}

/// An error that ends only the statement says no: what was begun is taken back. One that ends the session says nothing about it.
fn trouble(error: &tokio_postgres::Error, limit: Duration) -> OrderTrouble {
    if let (Some(said), Some(state)) = (refusal(error), state(error))
        && !["28", "57"].iter().any(|class| state.starts_with(class))
    {
        return OrderTrouble::refused(format!("{} ({state})", said.message()));
    }
    problem(error, limit).into()
}

impl Postgres {
    pub(super) fn new(target: PostgresTarget) -> Result<Self, SetUpError> {
        // What is only read waits for nobody; a row is committed as any client's is, by the server's own `synchronous_commit`.
        let reading = [statement_timeout(QUESTION), ("default_transaction_read_only", "on".to_owned())];
        Ok(Postgres {
            questions: Line::new(target.clone(), QUESTION, &reading)?,
            writes: Line::new(target.clone(), WRITE, &[statement_timeout(COMMITS_WITHIN)])?,
            checkpoints: Connector::new(target.clone(), &[statement_timeout(CHECKPOINT)])?,
            lost_log: Connector::new(target.clone(), &diverged::reading_log())?,
            lost_rows: Connector::new(target, &diverged::reading_rows())?,
        })
    }

    pub(super) async fn position(&self) -> Result<Position, OrderTrouble> {
        Ok(self.questions.ask::<PositionRow>(POSITION, None).await?.into())
    }

    pub(super) async fn lineage(&self) -> Result<Lineage, OrderTrouble> {
        let LineageRow { in_recovery, timeline, end, history } = self.questions.ask(LINEAGE, None).await?;
        let history = match history {
            Some(text) => Some(history_file(&text)?),
            // The first timeline has left none, and has no file.
            None => (timeline == Some(Timeline(1))).then(Vec::new),
        };
        Ok(Lineage { in_recovery, timeline, end, history })
    }

    pub(super) async fn log_end(&self, from: Lsn) -> Result<LogEnd, OrderTrouble> {
        Ok(self.questions.ask::<LogEndRow>(LOG_END, Some(from.to_string())).await?.into())
    }

    pub(super) async fn rows(&self, operation: OperationId) -> Result<Rows, OrderTrouble> {
        Ok(self.questions.ask::<RowsRow>(ROWS, Some(operation.0.to_string())).await?.into())
    }

    /// A server that does not answer soon is asked anew over another connection.
    pub(super) async fn takes_rows(&self) -> Result<bool, OrderTrouble> {
        let answer = tokio::time::timeout(QUESTION, self.writes.ask(TAKES_ROWS, None)).await;
        answer.unwrap_or_else(|_| Err(Problem::timed_out(QUESTION).into()))
    }

    pub(super) async fn write_row(&self, operation: OperationId, number: u64) -> Result<(), OrderTrouble> {
        let statements = write_statements(operation, number)?;
        self.writes
            .over(|connection| {
                let statements = statements.clone();
                Box::pin(async move { connection.run(&statements).await })
            })
            .await
    }

    pub(super) async fn data_directory(&self) -> Result<String, OrderTrouble> {
        self.questions.ask(DATA_DIRECTORY, None).await
    }

    pub(super) async fn checkpoint(&self) -> Result<Millis, OrderTrouble> {
        let connecting = tokio::time::timeout(ORDER, self.checkpoints.connect(ORDER));
        let connection = connecting.await.unwrap_or_else(|_| Err(Problem::timed_out(ORDER)))?;
        let began = Instant::now();
        let work = async { calm(connection.run("checkpoint")).await };
        let outcome = tokio::time::timeout(CHECKPOINT, work).await.unwrap_or_else(|_| Err(Problem::timed_out(CHECKPOINT)))?;
        outcome.map_err(|error| trouble(&error, CHECKPOINT))?;
        let took = millis(began.elapsed());
        // Saying goodbye is a courtesy and must not cost a switchover anything.
        let _ = tokio::time::timeout(QUESTION / 10, calm(connection.close())).await;
        Ok(took)
    }
}

/// One round trip, one transaction. The row is always a new one: a commit that changes nothing is acknowledged without waiting for the
/// mirror, so a row that is there already, of a commit that nobody has heard of, would prove nothing.
fn write_statements(operation: OperationId, number: u64) -> Result<String, OrderTrouble> {
    let fits = |value: u64| i64::try_from(value).map_err(|_| OrderTrouble::refused("the number is too large"));
    let (operation, number) = (fits(operation.0)?, fits(number)?);
    let older = if number == 0 { format!("operation < {operation} or ") } else { String::new() };
    Ok(format!(
        "delete from switchback.marker where {older}(operation = {operation} and number = {number}); \
         insert into switchback.marker (operation, number) values ({operation}, {number})"
    ))
}

/// What `position.sql` answers.
#[derive(Debug, Deserialize)]
struct PositionRow {
    in_recovery: bool,
    timeline: Option<Timeline>,
    written: Option<Lsn>,
    received: Option<Lsn>,
    replayed: Option<Lsn>,
    streaming: bool,
    synchronous: Vec<String>,
}

impl From<PositionRow> for Position {
    fn from(row: PositionRow) -> Position {
        let PositionRow { in_recovery, timeline, written, received, replayed, streaming, synchronous } = row;
        Position { in_recovery, timeline, written, received, replayed, streaming, synchronous }
    }
}

/// The resource manager and the kind of that record, as `log_end.sql` has them of `pg_walinspect`.
const SHUTDOWN_CHECKPOINT: &str = "XLOG/CHECKPOINT_SHUTDOWN";

/// What `lineage.sql` answers.
#[derive(Debug, Deserialize)]
struct LineageRow {
    in_recovery: bool,
    timeline: Option<Timeline>,
    end: Option<Lsn>,
    history: Option<String>,
}

/// What `log_end.sql` answers.
#[derive(Debug, Deserialize)]
struct LogEndRow {
    in_recovery: bool,
    timeline: Option<Timeline>,
    record: Option<Lsn>,
    end: Option<Lsn>,
    kind: Option<String>,
    replayed: Option<Lsn>,
}

impl From<LogEndRow> for LogEnd {
    fn from(LogEndRow { in_recovery, timeline, record, end, kind, replayed }: LogEndRow) -> LogEnd {
        let ends_in_shutdown = kind.as_deref() == Some(SHUTDOWN_CHECKPOINT);
        LogEnd { in_recovery, timeline, record, end, kind, ends_in_shutdown, replayed }
    }
}

/// What `rows.sql` answers.
#[derive(Debug, Deserialize)]
struct RowsRow {
    numbers: Vec<u64>,
    heartbeat_at: Option<Timestamp>,
}

impl From<RowsRow> for Rows {
    fn from(RowsRow { numbers, heartbeat_at }: RowsRow) -> Rows {
        Rows { numbers, heartbeat_at }
    }
}
