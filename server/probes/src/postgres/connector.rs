//! How a `PostgreSQL` is reached: options, TLS, signing in, and what its errors mean.

use super::{
    guarded::{AsksForPassword, Guarded},
    session::Session,
};
use crate::{
    failure::{Problem, bounded, chain, find, millis},
    target::{PostgresTarget, PostgresTls, SetUpError, host_and_port},
    tls,
};
use futures::FutureExt;
use secrecy::ExposeSecret;
use std::{
    future::{Ready, ready},
    io,
    panic::AssertUnwindSafe,
    time::Duration,
};
use switchback_domain::ProbeFailure;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, Empty},
    net::TcpStream,
};
use tokio_postgres::{
    Config, NoTls,
    config::{ChannelBinding, SslMode, SslNegotiation},
    error::Severity,
    tls::{MakeTlsConnect, TlsConnect},
};
use tokio_postgres_rustls::MakeRustlsConnect;

/// "Do you speak TLS?", which every `PostgreSQL` answers with one byte.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// What every session has, so that times are the same everywhere, whatever a role or a database is set to.
const ALWAYS: [(&str, &str); 2] = [("DateStyle", "ISO,MDY"), ("TimeZone", "UTC")];

/// Makes connections to one `PostgreSQL`.
#[derive(Clone)]
pub(crate) struct Connector {
    host: String,
    port: u16,
    config: Config,
    tls: Option<MakeRustlsConnect>,
}

/// How long the server works on one statement at most.
pub(crate) fn statement_timeout(limit: Duration) -> (&'static str, String) {
    ("statement_timeout", format!("{}ms", millis(limit).0.max(1)))
}

/// How long a statement waits for a lock at most.
pub(crate) fn lock_timeout(limit: Duration) -> (&'static str, String) {
    ("lock_timeout", format!("{}ms", millis(limit).0.max(1)))
}

impl Connector {
    /// Prepares; nothing is asked yet. Reads the files of `target`. `settings` are those of each session; their values have no spaces.
    pub(crate) fn new(target: PostgresTarget, settings: &[(&'static str, String)]) -> Result<Self, SetUpError> {
        let (host, port) = host_and_port(&target.address)?;
        let tls = match target.tls {
            PostgresTls::Off if !target.tls_files.is_empty() => return Err(SetUpError::PlainWithFiles { address: target.address }),
            PostgresTls::Off => None,
            PostgresTls::VerifyCa => Some(tls::client_config_for_any_name(&target.tls_files)?),
            PostgresTls::VerifyFull => Some(tls::client_config(&target.tls_files)?),
        };
        let all = ALWAYS.iter().map(|(name, value)| (*name, *value)).chain(settings.iter().map(|(name, value)| (*name, value.as_str())));
        let options: Vec<String> = all.map(|(name, value)| format!("-c {name}={value}")).collect();
        let mut config = Config::new();
        config.user(&target.username).dbname(&target.database).application_name("switchback").options(options.join(" "));
        // Without one, a server that wants it says that it is wrong.
        config.password(target.password.as_ref().map_or("", |password| password.expose_secret()));
        // Over TLS a server has to prove that it knows the password, on this very connection: nobody who only has a certificate for its
        // name can take its place, nor pass on what it says. A role without a password is let in by a certificate of ours.
        let bound = tls.is_some() && target.password.is_some();
        config.channel_binding(if bound { ChannelBinding::Require } else { ChannelBinding::Prefer });
        // Encrypted or not, the connection is handed over as it shall be.
        let (mode, negotiation) =
            if tls.is_some() { (SslMode::Require, SslNegotiation::Direct) } else { (SslMode::Disable, SslNegotiation::Postgres) };
        config.ssl_mode(mode).ssl_negotiation(negotiation);
        Ok(Connector { host, port, config, tls: tls.map(MakeRustlsConnect::new) })
    }

    /// The same in another database.
    pub(crate) fn in_database(&self, name: &str) -> Connector {
        let mut other = self.clone();
        other.config.dbname(name);
        other
    }

    /// A new connection. `limit` is how long the caller waits for it.
    pub(crate) async fn connect(&self, limit: Duration) -> Result<Session, Problem> {
        self.sign_in(self.reach(limit).await?, limit).await
    }

    /// Only the way there: whether anybody listens. `limit` is how long the caller waits for it.
    pub(crate) async fn reach(&self, limit: Duration) -> Result<TcpStream, Problem> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(|error| Problem::io(&error, limit))?;
        // Questions are short, and each waits for its answer.
        stream.set_nodelay(true).map_err(|error| Problem::io(&error, limit))?;
        Ok(stream)
    }

    /// Agrees on TLS and proves who we are, over what [`Connector::reach`] has made.
    pub(crate) async fn sign_in(&self, stream: TcpStream, limit: Duration) -> Result<Session, Problem> {
        let Some(tls) = &self.tls else {
            let (client, connection) = signed_in(Box::pin(self.config.connect_raw(Guarded::new(stream), NoTls)), limit).await?;
            return Ok(Session::new(client, connection));
        };
        let encrypted = Encrypted(Guarded::new(encrypt(stream, tls.clone(), &self.host, limit).await?));
        let (client, connection) = signed_in(Box::pin(self.config.connect_raw(tokio::io::empty(), encrypted)), limit).await?;
        Ok(Session::new(client, connection))
    }
}

async fn signed_in<T>(work: impl Future<Output = Result<T, tokio_postgres::Error>>, limit: Duration) -> Result<T, Problem> {
    calm(work).await?.map_err(|error| problem(&error, limit))
}

type RustlsStream = <MakeRustlsConnect as MakeTlsConnect<TcpStream>>::Stream;

/// Agrees on TLS. Nothing is believed that came before it.
async fn encrypt(mut stream: TcpStream, mut tls: MakeRustlsConnect, host: &str, limit: Duration) -> Result<RustlsStream, Problem> {
    let problem = |error: &io::Error| Problem::io(error, limit);
    stream.write_all(&SSL_REQUEST).await.map_err(|error| problem(&error))?;
    match stream.read_u8().await.map_err(|error| problem(&error))? {
        b'S' => {}
        b'N' => return Err(Problem::new(ProbeFailure::Tls, "the server does not encrypt")),
        other => return Err(Problem::garbage(format!("a PostgreSQL begins with S or N, this one with the byte {other}"))),
    }
    let Ok(connector) = MakeTlsConnect::<TcpStream>::make_tls_connect(&mut tls, host);
    connector.connect(stream).await.map_err(|error| match problem(&error) {
        // Whoever hangs up or talks nonsense in the middle of a handshake does not speak TLS.
        Problem { failure: ProbeFailure::CutShort | ProbeFailure::Garbage, cause, .. } => Problem::new(ProbeFailure::Tls, cause),
        other => other,
    })
}

/// A connection on which TLS is agreed already, for a client library that asks for it itself.
struct Encrypted(Guarded<RustlsStream>);

impl TlsConnect<Empty> for Encrypted {
    type Stream = Guarded<RustlsStream>;
    type Error = io::Error;
    type Future = Ready<io::Result<Self::Stream>>;

    fn connect(self, _: Empty) -> Self::Future {
        ready(Ok(self.0))
    }
}

/// Whether this is how a kept connection ends: without a word, or with one.
pub(crate) fn is_farewell(failure: &ProbeFailure) -> bool {
    matches!(failure, ProbeFailure::Refused | ProbeFailure::CutShort) || failure.ends_the_session()
}

/// The client library is not written for servers that lie and may panic on one; that must stay one endpoint's failure.
pub(crate) async fn calm<T>(question: impl Future<Output = T>) -> Result<T, Problem> {
    AssertUnwindSafe(question).catch_unwind().await.map_err(|_| Problem::garbage("the client library gave up on the answer"))
}

/// The SQLSTATE that the server said.
pub(crate) fn state(error: &tokio_postgres::Error) -> Option<&str> {
    error.code().map(tokio_postgres::error::SqlState::code)
}

/// What the server said, when that ends the statement only and not the session.
pub(crate) fn refusal(error: &tokio_postgres::Error) -> Option<&tokio_postgres::error::DbError> {
    error.as_db_error().filter(|said| match said.parsed_severity() {
        Some(severity) => severity == Severity::Error,
        None => said.severity() == "ERROR",
    })
}

/// What an error of the client library means. `limit` is how long was waited at most.
pub(crate) fn problem(error: &tokio_postgres::Error, limit: Duration) -> Problem {
    let because = |failure| Problem::new(failure, chain(error));
    if let Some(state) = state(error) {
        let state = bounded(state, 5);
        return match state.as_str() {
            state if state.starts_with("28") => because(ProbeFailure::Unauthorized),
            // Our own time limit, enforced by the server.
            "57014" => because(ProbeFailure::TimedOut { after: millis(limit) }),
            _ => because(ProbeFailure::Sql { state }),
        };
    }
    if error.is_closed() {
        return because(ProbeFailure::CutShort);
    }
    // The library says no more than this of who did not prove that the password is known there.
    if find::<AsksForPassword>(error).is_some() || error.to_string() == "authentication error" {
        return because(ProbeFailure::Unproved);
    }
    match find::<io::Error>(error) {
        Some(io) => Problem { cause: chain(error), ..Problem::io(io, limit) },
        None => because(ProbeFailure::Garbage),
    }
}
