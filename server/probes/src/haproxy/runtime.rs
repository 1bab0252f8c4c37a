//! The runtime interface of one `HAProxy`: one conversation per connection, because it closes after each answer.

use crate::{
    ANSWER_LIMIT,
    failure::Problem,
    target::{SetUpError, TlsFiles, host_and_port},
    tls,
};
use rustls::pki_types::ServerName;
use std::{sync::Arc, time::Duration};
use switchback_domain::ProbeFailure;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

/// Where it is and how it is spoken to.
pub(crate) struct Runtime {
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Runtime {
    /// Prepares; nothing is asked yet. Reads the files.
    pub(crate) fn new(address: String, tls: Option<TlsFiles>) -> Result<Self, SetUpError> {
        let (host, port) = host_and_port(&address)?;
        let tls = match tls {
            None => None,
            Some(files) => {
                let name = ServerName::try_from(host.clone())
                    .map_err(|_| SetUpError::Address { address, problem: "no certificate can be for this host" })?;
                Some((TlsConnector::from(Arc::new(tls::client_config(&files)?)), name))
            }
        };
        Ok(Runtime { host, port, tls })
    }

    /// Says `line`, which ends with a line break, and reads the answer to its end, within `limit`.
    pub(crate) async fn say(&self, line: &str, limit: Duration) -> Result<Vec<u8>, Problem> {
        tokio::time::timeout(limit, self.answer(line, limit)).await.unwrap_or_else(|_| Err(Problem::timed_out(limit)))
    }

    async fn answer(&self, line: &str, limit: Duration) -> Result<Vec<u8>, Problem> {
        let problem = |error| Problem::io(&error, limit);
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(problem)?;
        match &self.tls {
            None => self.converse(stream, line, limit).await,
            Some((connector, name)) => {
                let stream = connector.connect(name.clone(), stream).await.map_err(|error| match Problem::io(&error, limit) {
                    // Whoever hangs up or talks nonsense in the middle of a handshake does not speak TLS.
                    Problem { failure: ProbeFailure::CutShort | ProbeFailure::Garbage, cause, .. } => {
                        Problem::new(ProbeFailure::Tls, cause)
                    }
                    other => other,
                })?;
                self.converse(stream, line, limit).await
            }
        }
    }

    async fn converse(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin, line: &str, limit: Duration) -> Result<Vec<u8>, Problem> {
        let problem = |error| Problem::io(&error, limit);
        stream.write_all(line.as_bytes()).await.map_err(problem)?;
        stream.flush().await.map_err(problem)?;
        let mut answer = Vec::with_capacity(16 * 1024);
        let mut bounded = stream.take(ANSWER_LIMIT as u64 + 1);
        match bounded.read_to_end(&mut answer).await {
            Ok(_) => {}
            // HAProxy ends TLS without a farewell; whether the answer is whole is seen in the answer.
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof && self.tls.is_some() => {}
            Err(_) if !answer.is_empty() => return Err(Problem::new(ProbeFailure::CutShort, "the connection broke in the middle")),
            Err(error) => return Err(problem(error)),
        }
        if answer.len() > ANSWER_LIMIT { Err(Problem::too_large(ANSWER_LIMIT)) } else { Ok(answer) }
    }
}
