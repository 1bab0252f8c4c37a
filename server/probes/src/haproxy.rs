//! `HAProxy`: what it does with the pool's members, and whether the rule that guards the write port is there.

mod wire;

use crate::{
    ANSWER_LIMIT,
    failure::{Diary, Problem},
    target::{HaproxyTarget, SetUpError, host_and_port},
    tls,
};
use futures::{FutureExt, future::BoxFuture};
use jiff::Timestamp;
use rustls::pki_types::ServerName;
use std::{sync::Arc, time::Duration};
use switchback_domain::{Endpoint, Facts, ProbeFailure};
use switchback_engine::ports::Probe;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

/// Asks the runtime interface of one `HAProxy`. It closes the connection after each answer, so there is none to keep.
pub struct HaproxyProbe {
    endpoint: Endpoint,
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    question: String,
    guarded: bool,
    timeout: Duration,
    diary: Diary,
}

impl HaproxyProbe {
    /// Prepares; nothing is asked yet. Reads the files of `target`.
    pub fn new(endpoint: Endpoint, target: HaproxyTarget) -> Result<Self, SetUpError> {
        let HaproxyTarget { address, backend, guard_backend, tls, timeout } = target;
        let (host, port) = host_and_port(&address)?;
        for name in [Some(&backend), guard_backend.as_ref()].into_iter().flatten() {
            check_name(name)?;
        }
        let tls = match tls {
            None => None,
            Some(files) => {
                let name = ServerName::try_from(host.clone())
                    .map_err(|_| SetUpError::Address { address, problem: "no certificate can be for this host" })?;
                Some((TlsConnector::from(Arc::new(tls::client_config(&files)?)), name))
            }
        };
        // 4 = servers, 2 = the backend itself. Only what is needed is asked for: an HAProxy may have thousands of others.
        let question = match &guard_backend {
            None => format!("show info;show stat {backend} 4 -1\n"),
            Some(guard) => format!("show info;show stat {backend} 4 -1;show stat {guard} 2 -1\n"),
        };
        Ok(HaproxyProbe { endpoint, host, port, tls, question, guarded: guard_backend.is_some(), timeout, diary: Diary::default() })
    }

    async fn ask(&self) -> Result<Facts, Problem> {
        let answer = tokio::time::timeout(self.timeout, self.answer()).await.unwrap_or_else(|_| Err(Problem::timed_out(self.timeout)))?;
        wire::facts(&answer, self.guarded).map(Facts::Haproxy)
    }

    async fn answer(&self) -> Result<Vec<u8>, Problem> {
        let problem = |error| Problem::io(&error, self.timeout);
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(problem)?;
        match &self.tls {
            None => self.converse(stream).await,
            Some((connector, name)) => {
                let stream = connector.connect(name.clone(), stream).await.map_err(|error| match Problem::io(&error, self.timeout) {
                    // Whoever hangs up or talks nonsense in the middle of a handshake does not speak TLS.
                    Problem { failure: ProbeFailure::CutShort | ProbeFailure::Garbage, cause } => Problem::new(ProbeFailure::Tls, cause),
                    other => other,
                })?;
                self.converse(stream).await
            }
        }
    }

    async fn converse(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> Result<Vec<u8>, Problem> {
        let problem = |error| Problem::io(&error, self.timeout);
        stream.write_all(self.question.as_bytes()).await.map_err(problem)?;
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

impl Probe for HaproxyProbe {
    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn look(&mut self, _now: Timestamp) -> BoxFuture<'_, Result<Facts, ProbeFailure>> {
        async move {
            let outcome = self.ask().await;
            self.diary.note(&self.endpoint, outcome)
        }
        .boxed()
    }
}

/// A name becomes a part of a command, so nothing may be in it that ends one.
fn check_name(name: &str) -> Result<(), SetUpError> {
    let fits = !name.is_empty() && name.len() <= 255 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b));
    // HAProxy takes digits alone for the number of a proxy, not for its name.
    if fits && !name.bytes().all(|b| b.is_ascii_digit()) { Ok(()) } else { Err(SetUpError::Backend { name: name.to_owned() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backend_name_cannot_carry_a_command() {
        assert!(check_name("members").is_ok() && check_name("pool:chat-1.x_y").is_ok());
        for bad in ["", "a;disable frontend web", "a b", "a\nb", "7"] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
    }
}
