//! From what went wrong on the wire to the closed list of failures.

use std::{error::Error, io, time::Duration};
use switchback_domain::{Endpoint, Millis, ProbeFailure, text::acts_on_display};
use tracing::{info, warn};

/// A failure together with its cause in the words of whoever noticed it, for the log.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) failure: ProbeFailure,
    pub(crate) cause: String,
    /// No connection was made, so nothing was sent.
    pub(crate) not_connected: bool,
}

impl Problem {
    pub(crate) fn new(failure: ProbeFailure, cause: impl Into<String>) -> Self {
        Problem { failure, cause: cause.into(), not_connected: false }
    }

    pub(crate) fn garbage(cause: impl Into<String>) -> Self {
        Problem::new(ProbeFailure::Garbage, cause)
    }

    pub(crate) fn timed_out(after: Duration) -> Self {
        Problem::new(ProbeFailure::TimedOut { after: millis(after) }, "no answer in time")
    }

    pub(crate) fn too_large(limit: usize) -> Self {
        Problem::new(ProbeFailure::TooLarge { limit: limit as u64 }, "the answer does not end")
    }

    /// What `serde_json` found: an end in the middle is told apart from nonsense.
    pub(crate) fn json(error: &serde_json::Error) -> Self {
        let failure = if error.is_eof() { ProbeFailure::CutShort } else { ProbeFailure::Garbage };
        Problem::new(failure, error.to_string())
    }

    /// An error of a socket or of TLS on it. `limit` is how long was waited at most.
    pub(crate) fn io(error: &io::Error, limit: Duration) -> Self {
        use io::ErrorKind as Kind;
        let failure = if let Some(tls) = find::<rustls::Error>(error) {
            tls_failure(tls)
        } else {
            match innermost(error).kind() {
                Kind::ConnectionRefused | Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe | Kind::NotConnected => {
                    ProbeFailure::Refused
                }
                Kind::TimedOut => ProbeFailure::TimedOut { after: millis(limit) },
                Kind::UnexpectedEof => ProbeFailure::CutShort,
                Kind::InvalidData | Kind::InvalidInput => ProbeFailure::Garbage,
                // No route, no network, no such name, no more sockets of our own: nothing was reached.
                _ => ProbeFailure::Unreachable,
            }
        };
        Problem::new(failure, chain(error))
    }
}

/// A certificate of ours that the other side turned down is a matter of rights, everything else is a matter of TLS.
pub(crate) fn tls_failure(error: &rustls::Error) -> ProbeFailure {
    use rustls::AlertDescription as Alert;
    match error {
        rustls::Error::AlertReceived(
            Alert::CertificateRequired
            | Alert::NoCertificate
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied,
        ) => ProbeFailure::Unauthorized,
        _ => ProbeFailure::Tls,
    }
}

/// The first error of this type among the causes. An `io::Error` does not name what it carries as its source, so it is opened.
pub(crate) fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut at = Some(error);
    while let Some(one) = at {
        if let Some(found) = one.downcast_ref::<T>() {
            return Some(found);
        }
        let carried = one.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        at = match carried {
            Some(inner) => Some(inner),
            None => one.source(),
        };
    }
    None
}

/// An error of the system is often wrapped in one that only says "other".
fn innermost(mut error: &io::Error) -> &io::Error {
    while let Some(inner) = error.get_ref().and_then(|inner| inner.downcast_ref::<io::Error>()) {
        error = inner;
    }
    error
}

/// All causes in one line. Bounded, because an answer may be quoted in it.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut at = error.source();
    while let Some(one) = at {
        let next = one.to_string();
        if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        at = one.source();
    }
    bounded(&text, 400)
}

/// At most this many characters, none of which can disturb a log.
pub(crate) fn bounded(text: &str, most: usize) -> String {
    text.chars().map(|c| if c.is_control() || acts_on_display(c) { ' ' } else { c }).take(most).collect()
}

pub(crate) fn millis(duration: Duration) -> Millis {
    Millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

/// Writes causes to the log once per change and not once per second.
#[derive(Debug, Default)]
pub(crate) struct Diary {
    last: Option<ProbeFailure>,
}

impl Diary {
    pub(crate) fn note<T>(&mut self, endpoint: &Endpoint, outcome: Result<T, Problem>) -> Result<T, ProbeFailure> {
        match outcome {
            Ok(value) => {
                if self.last.take().is_some() {
                    info!(endpoint = %endpoint.name, "the endpoint answers again");
                }
                Ok(value)
            }
            Err(problem) => {
                if self.last.as_ref() != Some(&problem.failure) {
                    warn!(endpoint = %endpoint.name, failure = ?problem.failure, cause = %problem.cause, "the endpoint gives no usable answer");
                    self.last = Some(problem.failure.clone());
                }
                Err(problem.failure)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_inside_an_io_error_is_found() {
        let tls = rustls::Error::General("inner".to_owned());
        let outer = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, tls));
        assert!(find::<rustls::Error>(&outer).is_some());
        assert!(find::<std::fmt::Error>(&outer).is_none());
        assert_eq!(Problem::io(&outer, Duration::ZERO).failure, ProbeFailure::Tls);
        let refused = io::Error::other(io::Error::from(io::ErrorKind::ConnectionRefused));
        assert_eq!(Problem::io(&refused, Duration::ZERO).failure, ProbeFailure::Refused);
    }

    #[test]
    fn a_certificate_of_ours_that_is_turned_down_is_a_matter_of_rights() {
        let failure = |error| Problem::io(&io::Error::new(io::ErrorKind::InvalidData, error), Duration::ZERO).failure;
        assert_eq!(failure(rustls::Error::AlertReceived(rustls::AlertDescription::CertificateRequired)), ProbeFailure::Unauthorized);
        assert_eq!(failure(rustls::Error::AlertReceived(rustls::AlertDescription::HandshakeFailure)), ProbeFailure::Tls);
        assert_eq!(failure(rustls::Error::InvalidCertificate(rustls::CertificateError::Expired)), ProbeFailure::Tls);
    }
}
