//! `PostgreSQL`: positions, streams, slots and the heartbeat row, by SQL.

pub(crate) mod connector;
mod guarded;
mod heart;
mod readable;
pub(crate) mod session;
mod wire;

use crate::{
    failure::{Diary, Problem},
    target::{PostgresTarget, SetUpError},
};
use connector::{Connector, calm, is_farewell, problem, statement_timeout};
use futures::{FutureExt, future::BoxFuture};
use heart::Heart;
use jiff::Timestamp;
use readable::Readable;
use session::Session;
use std::time::Duration;
use switchback_domain::{Endpoint, Facts, ProbeFailure};
use switchback_engine::ports::Probe;
use tokio::time::Instant;
use tracing::debug;

const OBSERVE: &str = concat!(include_str!("../sql/place.sql"), include_str!("../sql/observe.sql"));

/// Asks one `PostgreSQL` over one connection that is kept.
pub struct PostgresProbe {
    endpoint: Endpoint,
    connector: Connector,
    connection: Option<Session>,
    heart: Option<Heart>,
    readable: Readable,
    timeout: Duration,
    diary: Diary,
}

impl PostgresProbe {
    /// Prepares; nothing is asked yet. Reads the files of `target`.
    pub fn new(endpoint: Endpoint, target: PostgresTarget) -> Result<Self, SetUpError> {
        let settings = [
            statement_timeout(target.timeout),
            // A commit that waits for the mirror hangs as long as the mirror is away, and that is just when the console must see.
            // Waiting for the node's own disk stays: nothing is sent to a standby before it is flushed, and an unflushed
            // heartbeat would show up to 600 ms of lag that is not there.
            ("synchronous_commit", "local".to_owned()),
        ];
        let (timeout, heart) = (target.timeout, target.heartbeat.then(Heart::default));
        let slowly = [statement_timeout(timeout), ("default_transaction_read_only", "on".to_owned())];
        let readable = Readable::new(Connector::new(target.clone(), &slowly)?);
        let connector = Connector::new(target, &settings)?;
        Ok(PostgresProbe { endpoint, connector, connection: None, heart, readable, timeout, diary: Diary::default() })
    }

    async fn ask(&mut self, now: Timestamp) -> Result<Facts, Problem> {
        let deadline = Instant::now() + self.timeout;
        let question = tokio::time::timeout_at(deadline, observe(self.connection.take(), self));
        let (mut facts, mut connection) = question.await.unwrap_or_else(|_| Err(Problem::timed_out(self.timeout)))?;
        // Rights are the same on every node, and only of the primary it matters.
        facts.unreadable = if facts.in_recovery { None } else { self.readable.seen().map(Box::new) };
        if let Some(heart) = &mut self.heart {
            // The answer is there already: whatever happens to the heartbeat does not take it away.
            let beat = heart.beat(&mut connection, !facts.in_recovery, now);
            match tokio::time::timeout_at(deadline, calm(beat)).await {
                Ok(Ok(Ok(heartbeat))) => facts.heartbeat = heartbeat,
                // It is not known what the connection is in the middle of, so it is given up.
                Ok(Ok(Err(_)) | Err(_)) | Err(_) => return Ok(Facts::Postgres(facts)),
            }
        }
        self.connection = Some(connection);
        Ok(Facts::Postgres(facts))
    }
}

/// Asks over the connection that was kept. If it turns out to be dead, a new one tells why: a process that is gone refuses at once.
async fn observe(kept: Option<Session>, probe: &PostgresProbe) -> Result<(switchback_domain::PostgresFacts, Session), Problem> {
    if let Some(mut connection) = kept {
        match ask_once(&mut connection, probe).await {
            Ok(facts) => return Ok((facts, connection)),
            Err(problem) if !is_farewell(&problem.failure) => return Err(problem),
            Err(problem) => debug!(endpoint = %probe.endpoint.name, cause = %problem.cause, "the connection has ended"),
        }
    }
    let mut connection = probe.connector.connect(probe.timeout).await?;
    let facts = ask_once(&mut connection, probe).await?;
    Ok((facts, connection))
}

async fn ask_once(connection: &mut Session, probe: &PostgresProbe) -> Result<switchback_domain::PostgresFacts, Problem> {
    let text = calm(connection.text(OBSERVE, &[])).await?.map_err(|error| problem(&error, probe.timeout))?;
    wire::facts(&text.ok_or_else(|| Problem::garbage("the answer has no row"))?)
}

impl Probe for PostgresProbe {
    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn look(&mut self, now: Timestamp) -> BoxFuture<'_, Result<Facts, ProbeFailure>> {
        async move {
            let outcome = self.ask(now).await;
            self.diary.note(&self.endpoint, outcome)
        }
        .boxed()
    }
}
