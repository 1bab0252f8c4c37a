//! How a `PostgreSQL` is reached: options, the knock before, and what its errors mean.

use crate::{
    failure::{Problem, bounded, chain, find, millis, tls_failure},
    target::{PostgresTarget, PostgresTls, SetUpError, host_and_port},
    tls,
};
use futures::FutureExt;
use secrecy::ExposeSecret;
use sqlx::{
    ConnectOptions, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};
use std::{panic::AssertUnwindSafe, time::Duration};
use switchback_domain::ProbeFailure;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// "Do you speak TLS?", the first message that every `PostgreSQL` answers with one byte.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// Makes connections to one `PostgreSQL`.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    host: String,
    port: u16,
    options: PgConnectOptions,
}

/// How long the server works on one statement at most.
pub(crate) fn statement_timeout(limit: Duration) -> (&'static str, String) {
    ("statement_timeout", format!("{}ms", millis(limit).0.max(1)))
}

impl Connector {
    /// Prepares; nothing is asked yet. Reads the files of `target`. `settings` are those of each session.
    pub(crate) fn new(target: PostgresTarget, settings: &[(&'static str, String)]) -> Result<Self, SetUpError> {
        let (host, port) = host_and_port(&target.address)?;
        if target.tls == PostgresTls::Off && !target.tls_files.is_empty() {
            return Err(SetUpError::PlainWithFiles { address: target.address });
        }
        let files = if target.tls_files.is_empty() { None } else { Some(tls::checked_pem(&target.tls_files)?) };
        let mode = match target.tls {
            PostgresTls::Off => PgSslMode::Disable,
            PostgresTls::VerifyCa => PgSslMode::VerifyCa,
            PostgresTls::VerifyFull => PgSslMode::VerifyFull,
        };
        let mut options = PgConnectOptions::new_without_pgpass()
            .host(&host)
            .port(port)
            .username(&target.username)
            .database(&target.database)
            .application_name("switchback")
            .ssl_mode(mode)
            .options(settings.iter().map(|(name, value)| (*name, value.as_str())))
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
        Ok(Connector { host, port, options })
    }

    /// The same in another database.
    pub(crate) fn in_database(&self, name: &str) -> Connector {
        Connector { options: self.options.clone().database(name), ..self.clone() }
    }

    /// A new connection. `limit` is how long the caller waits for it.
    pub(crate) async fn connect(&self, limit: Duration) -> Result<PgConnection, Problem> {
        self.knock(limit).await?;
        calm(self.options.connect()).await?.map_err(|error| problem(&error, limit))
    }

    /// Makes sure that a `PostgreSQL` is there before the client library listens to it: the library makes room for as many bytes as
    /// the first ones announce, and what another kind of server says would be taken for gigabytes.
    async fn knock(&self, limit: Duration) -> Result<(), Problem> {
        let problem = |error| Problem::io(&error, limit);
        let mut stream = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(problem)?;
        stream.write_all(&SSL_REQUEST).await.map_err(problem)?;
        match stream.read_u8().await.map_err(problem)? {
            b'S' | b'N' => Ok(()),
            other => Err(Problem::garbage(format!("a PostgreSQL begins with S or N, this one with the byte {other}"))),
        }
    }
}

/// Whether this is how a kept connection ends: without a word, or with one of 57P01 to 57P05 (shutdown, crash, idle for too long).
pub(crate) fn is_farewell(failure: &ProbeFailure) -> bool {
    match failure {
        ProbeFailure::Refused | ProbeFailure::CutShort => true,
        ProbeFailure::Sql { state } => state.starts_with("57P"),
        _ => false,
    }
}

/// The client library is not written for servers that lie and may panic on one; that must stay one endpoint's failure.
pub(crate) async fn calm<T>(question: impl Future<Output = T>) -> Result<T, Problem> {
    AssertUnwindSafe(question).catch_unwind().await.map_err(|_| Problem::garbage("the client library gave up on the answer"))
}

/// What an error of the client library means. `limit` is how long was waited at most.
pub(crate) fn problem(error: &sqlx::Error, limit: Duration) -> Problem {
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
