//! `PostgreSQL`: positions, streams, slots and the heartbeat row, by SQL.

mod heart;
mod wire;

use crate::{
    failure::{Diary, Problem, bounded, chain, find, millis, tls_failure},
    target::{PostgresTarget, PostgresTls, SetUpError, host_and_port},
    tls,
};
use futures::{FutureExt, future::BoxFuture};
use heart::Heart;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use sqlx::{
    ConnectOptions, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};
use std::{panic::AssertUnwindSafe, time::Duration};
use switchback_domain::{Endpoint, Facts, ProbeFailure};
use switchback_engine::ports::Probe;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::Instant,
};
use tracing::debug;

const OBSERVE: &str = include_str!("../sql/observe.sql");

/// "Do you speak TLS?", the first message that every `PostgreSQL` answers with one byte.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// Asks one `PostgreSQL` over one connection that is kept.
pub struct PostgresProbe {
    endpoint: Endpoint,
    host: String,
    port: u16,
    options: PgConnectOptions,
    connection: Option<PgConnection>,
    heart: Option<Heart>,
    timeout: Duration,
    diary: Diary,
}

impl PostgresProbe {
    /// Prepares; nothing is asked yet. Reads the files of `target`.
    pub fn new(endpoint: Endpoint, target: PostgresTarget) -> Result<Self, SetUpError> {
        let (host, port) = host_and_port(&target.address)?;
        if target.tls == PostgresTls::Off && !target.tls_files.is_empty() {
            return Err(SetUpError::PlainWithFiles { address: target.address });
        }
        let files = if target.tls_files.is_empty() { None } else { Some(tls::checked_pem(&target.tls_files)?) };
        let mode = match target.tls {
            PostgresTls::Off => PgSslMode::Disable,
            PostgresTls::Prefer => PgSslMode::Prefer,
            PostgresTls::Require if target.tls_files.ca.is_some() => PgSslMode::VerifyCa,
            PostgresTls::Require => PgSslMode::Require,
            PostgresTls::VerifyFull => PgSslMode::VerifyFull,
        };
        let limit = format!("{}ms", millis(target.timeout).0.max(1));
        let mut options = PgConnectOptions::new_without_pgpass()
            .host(&host)
            .port(port)
            .username(&target.username)
            .database(&target.database)
            .application_name("switchback")
            .ssl_mode(mode)
            .options([
                ("statement_timeout", limit.as_str()),
                // A commit that waits for the mirror hangs as long as the mirror is away, and that is just when the console must see.
                // Waiting for the node's own disk stays: nothing is sent to a standby before it is flushed, and an unflushed
                // heartbeat would show up to 600 ms of lag that is not there.
                ("synchronous_commit", "local"),
            ])
            .disable_statement_logging();
        if let Some(password) = &target.password {
            options = options.password(password.expose_secret());
        }
        if let Some(files) = files {
            if let Some(ca) = files.ca {
                options = options.ssl_root_cert_from_pem(ca);
            }
            if let (Some(cert), Some(key)) = (files.cert, files.key) {
                options = options.ssl_client_cert_from_pem(cert).ssl_client_key_from_pem(key);
            }
        }
        let heart = target.heartbeat.then(Heart::default);
        Ok(PostgresProbe { endpoint, host, port, options, connection: None, heart, timeout: target.timeout, diary: Diary::default() })
    }

    async fn ask(&mut self, now: Timestamp) -> Result<Facts, Problem> {
        let deadline = Instant::now() + self.timeout;
        let question = tokio::time::timeout_at(deadline, observe(self.connection.take(), self));
        let (mut facts, mut connection) = question.await.unwrap_or_else(|_| Err(Problem::timed_out(self.timeout)))?;
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

    async fn connect(&self) -> Result<PgConnection, Problem> {
        self.knock().await?;
        calm(self.options.connect()).await?.map_err(|error| self.problem(&error))
    }

    /// Makes sure that a `PostgreSQL` is there before the client library listens to it: the library makes room for as many bytes as
    /// the first ones announce, and what another kind of server says would be taken for gigabytes.
    async fn knock(&self) -> Result<(), Problem> {
        let problem = |error| Problem::io(&error, self.timeout);
        let mut stream = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(problem)?;
        stream.write_all(&SSL_REQUEST).await.map_err(problem)?;
        match stream.read_u8().await.map_err(problem)? {
            b'S' | b'N' => Ok(()),
            other => Err(Problem::garbage(format!("a PostgreSQL begins with S or N, this one with the byte {other}"))),
        }
    }

    fn problem(&self, error: &sqlx::Error) -> Problem {
        problem(error, self.timeout)
    }
}

/// Asks over the connection that was kept. If it turns out to be dead, a new one tells why: a process that is gone refuses at once.
async fn observe(kept: Option<PgConnection>, probe: &PostgresProbe) -> Result<(switchback_domain::PostgresFacts, PgConnection), Problem> {
    if let Some(mut connection) = kept {
        match ask_once(&mut connection, probe).await {
            Ok(facts) => return Ok((facts, connection)),
            Err(problem) if !is_farewell(&problem.failure) => return Err(problem),
            Err(problem) => debug!(endpoint = %probe.endpoint.name, cause = %problem.cause, "the connection has ended"),
        }
    }
    let mut connection = probe.connect().await?;
    let facts = ask_once(&mut connection, probe).await?;
    Ok((facts, connection))
}

async fn ask_once(connection: &mut PgConnection, probe: &PostgresProbe) -> Result<switchback_domain::PostgresFacts, Problem> {
    let text: String = calm(sqlx::query_scalar(OBSERVE).fetch_one(connection)).await?.map_err(|error| probe.problem(&error))?;
    wire::facts(&text)
}

/// Whether this is how a kept connection ends: without a word, or with one of 57P01 to 57P05 (shutdown, crash, idle for too long).
fn is_farewell(failure: &ProbeFailure) -> bool {
    match failure {
        ProbeFailure::Refused | ProbeFailure::CutShort => true,
        ProbeFailure::Sql { state } => state.starts_with("57P"),
        _ => false,
    }
}

/// The client library is not written for servers that lie and may panic on one; that must stay one endpoint's failure.
async fn calm<T>(question: impl Future<Output = T>) -> Result<T, Problem> {
    AssertUnwindSafe(question).catch_unwind().await.map_err(|_| Problem::garbage("the client library gave up on the answer"))
}

fn problem(error: &sqlx::Error, limit: Duration) -> Problem {
    let because = |failure| Problem::new(failure, chain(error));
    match error {
        sqlx::Error::Database(database) => {
            let state = database.code().map(|code| bounded(&code, 5)).unwrap_or_default();
            match state.as_str() {
                state if state.starts_with("28") => because(ProbeFailure::Unauthorized),
                // Our own time limit, enforced by the server.
                "57014" => because(ProbeFailure::TimedOut { after: millis(limit) }),
                _ => because(ProbeFailure::Sql { state }),
            }
        }
        sqlx::Error::Io(io) => Problem::io(io, limit),
        sqlx::Error::Tls(_) => because(find::<rustls::Error>(error).map_or(ProbeFailure::Tls, tls_failure)),
        _ => because(ProbeFailure::Garbage),
    }
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
