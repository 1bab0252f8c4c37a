//! `PostgreSQL`: positions, streams, slots and the heartbeat row, by SQL.

pub(crate) mod connector;
mod guarded;
mod heart;
pub(crate) mod lineage;
mod readable;
pub(crate) mod session;
mod wire;

use crate::{
    failure::{Diary, Problem},
    target::{PostgresTarget, SetUpError},
};
use connector::{Connector, calm, is_farewell, lock_timeout, problem, statement_timeout};
use futures::{FutureExt, future::BoxFuture};
use heart::Heart;
use jiff::Timestamp;
use lineage::KnownLineage;
use readable::Readable;
use session::Session;
use std::time::Duration;
use switchback_domain::{Endpoint, Facts, ProbeFailure};
use switchback_engine::ports::Probe;
use tokio::{task::JoinSet, time::Instant};
use tracing::debug;

/// Signing in takes several answers of the server, one after the other: over a long way, or at a busy server, longer than a look may. So it
/// goes on beside the looks, or they would begin anew for ever and get nowhere. Whether anybody listens is seen within one look.
const SIGNED_IN_WITHIN: Duration = Duration::from_secs(5);

const OBSERVE: &str = concat!(include_str!("../sql/place.sql"), include_str!("../sql/observe.sql"));

/// Asks one `PostgreSQL` over one connection that is kept.
pub struct PostgresProbe {
    endpoint: Endpoint,
    connector: Connector,
    connection: Option<Session>,
    /// The connection that is being made, if one is.
    arriving: JoinSet<Result<Arrived, Problem>>,
    heart: Option<Heart>,
    readable: Readable,
    lineage: KnownLineage,
    /// How long the server took for one answer when it was asked last.
    answered_in: Duration,
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
            // Of all that is asked only the heartbeat's table can be locked by somebody. It is done without, and the connection is kept.
            lock_timeout(target.timeout / 5),
        ];
        let (timeout, heart) = (target.timeout, target.heartbeat.then(Heart::default));
        let slowly = [statement_timeout(timeout), ("default_transaction_read_only", "on".to_owned())];
        let readable = Readable::new(Connector::new(target.clone(), &slowly)?);
        let connector = Connector::new(target, &settings)?;
        Ok(PostgresProbe {
            endpoint,
            connector,
            connection: None,
            arriving: JoinSet::new(),
            heart,
            readable,
            lineage: KnownLineage::default(),
            answered_in: Duration::ZERO,
            timeout,
            diary: Diary::default(),
        })
    }

    async fn ask(&mut self, now: Timestamp) -> Result<Facts, Problem> {
        let deadline = Instant::now() + self.timeout;
        let question = tokio::time::timeout_at(deadline, self.observe(deadline));
        let (mut facts, mut connection) = question.await.unwrap_or_else(|_| Err(Problem::timed_out(self.timeout)))?;
        // Rights are the same on every node, and only of the primary it matters.
        facts.unreadable = if facts.in_recovery { None } else { self.readable.seen().map(Box::new) };
        // The answer is there already: whatever happens to the other questions does not take it away.
        let time = TimeLeft { deadline, one_answer: self.answered_in };
        if self.lineage.has_to_ask(&facts) && !time.is_enough() {
            // The next connection reads it while it is made.
            return Ok(Facts::Postgres(facts));
        }
        match tokio::time::timeout_at(deadline, calm(self.lineage.of(&facts, &mut connection, self.timeout))).await {
            Ok(Ok(Ok(lineage))) => facts.lineage = lineage,
            Ok(Ok(Err(problem))) => debug!(endpoint = %self.endpoint.name, cause = %problem.cause, "no history could be read"),
            Ok(Err(_)) | Err(_) => return Ok(Facts::Postgres(facts)),
        }
        if let Some(heart) = self.heart.as_mut().filter(|_| time.is_enough()) {
            let beat = heart.beat(&mut connection, !facts.in_recovery, now, time);
            match tokio::time::timeout_at(deadline, calm(beat)).await {
                Ok(Ok(Ok(heartbeat))) => facts.heartbeat = heartbeat,
                // It is not known what the connection is in the middle of, so it is given up.
                Ok(Ok(Err(_)) | Err(_)) | Err(_) => return Ok(Facts::Postgres(facts)),
            }
        }
        self.connection = Some(connection);
        Ok(Facts::Postgres(facts))
    }

    /// Asks over the connection that was kept. If it turns out to be dead, a new one tells why: a process that is gone refuses at once.
    async fn observe(&mut self, deadline: Instant) -> Result<(switchback_domain::PostgresFacts, Session), Problem> {
        if let Some(mut connection) = self.connection.take() {
            let asked = Instant::now();
            match ask_once(&mut connection, self.timeout).await {
                Ok(facts) => {
                    self.answered_in = asked.elapsed();
                    return Ok((facts, connection));
                }
                Err(problem) if !is_farewell(&problem.failure) => return Err(problem),
                Err(problem) => debug!(endpoint = %self.endpoint.name, cause = %problem.cause, "the connection has ended"),
            }
        }
        let mut connection = self.arrived(deadline).await?;
        let facts = ask_once(&mut connection, self.timeout).await?;
        Ok((facts, connection))
    }

    /// The connection that is being made, or a new one.
    async fn arrived(&mut self, deadline: Instant) -> Result<Session, Problem> {
        // What failed between two looks says nothing of the time of this one.
        if let Some(Ok(Ok(arrived))) = self.arriving.try_join_next() {
            return Ok(self.take_over(arrived));
        }
        if self.arriving.is_empty() {
            self.arriving.spawn(Box::pin(connect(self.connector.clone(), self.heart.is_some(), self.timeout)));
        }
        let arrived = match self.arriving.join_next().await {
            Some(Ok(outcome)) => outcome?,
            Some(Err(_)) | None => return Err(Problem::garbage("the client library gave up on the answer")),
        };
        let session = self.take_over(arrived);
        // A question that is broken off costs the connection. The next look has time for it.
        if (TimeLeft { deadline, one_answer: self.answered_in }).is_enough() {
            return Ok(session);
        }
        self.connection = Some(session);
        Err(Problem::timed_out(self.timeout))
    }

    /// Forgets what an earlier connection has told: its server may have been another one, or have had another history.
    fn take_over(&mut self, arrived: Arrived) -> Session {
        let Arrived { session, answered_in, lineage } = arrived;
        (self.answered_in, self.lineage) = (answered_in, lineage);
        session
    }
}

/// How much of a look is left.
#[derive(Clone, Copy)]
struct TimeLeft {
    deadline: Instant,
    /// How long one answer of the server takes.
    one_answer: Duration,
}

impl TimeLeft {
    /// Whether one more question is likely to be answered. A question that is broken off costs the connection.
    fn is_enough(self) -> bool {
        Instant::now() + self.one_answer * 5 / 4 <= self.deadline
    }
}

/// A connection that has answered the question once.
struct Arrived {
    session: Session,
    answered_in: Duration,
    lineage: KnownLineage,
}

async fn ask_once(connection: &mut Session, timeout: Duration) -> Result<switchback_domain::PostgresFacts, Problem> {
    let text = calm(connection.text(OBSERVE, &[])).await?.map_err(|error| problem(&error, timeout))?;
    wire::facts(&text.ok_or_else(|| Problem::garbage("the answer has no row"))?)
}

/// Reaches the server within one look. Signs in beside the looks, and asks there what would not fit into one over a long way: what a
/// server has to read before it answers, and its history.
async fn connect(connector: Connector, heartbeat: bool, timeout: Duration) -> Result<Arrived, Problem> {
    let stream = within(timeout, connector.reach(timeout)).await?;
    let signing_in = async {
        let mut session = Box::pin(connector.sign_in(stream, SIGNED_IN_WITHIN)).await?;
        let mut questions = vec![(OBSERVE, &[][..]), lineage::QUESTION];
        if heartbeat {
            questions.extend(heart::QUESTIONS);
        }
        calm(session.prepare_all(&questions)).await?.map_err(|error| problem(&error, SIGNED_IN_WITHIN))?;
        let asked = Instant::now();
        // Of what it answers only the timeline is used: whoever waits for the connection asks for what is true then.
        let facts = ask_once(&mut session, SIGNED_IN_WITHIN).await?;
        let answered_in = asked.elapsed();
        let mut lineage = KnownLineage::default();
        // What cannot be read is said by the looks.
        calm(lineage.of(&facts, &mut session, SIGNED_IN_WITHIN)).await?.ok();
        Ok(Arrived { session, answered_in, lineage })
    };
    within(SIGNED_IN_WITHIN, signing_in).await
}

async fn within<T>(limit: Duration, work: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| Err(Problem::timed_out(limit)))
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
