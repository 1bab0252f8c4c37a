//! What is refused to somebody who is signed in is written into the audit history, which keeps everything. So a program that goes on asking
//! for what it does not get has to slow down: each session may be refused so often at once, and then once in a while.

use super::{Web, api::problem::Problem, request::Peer};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, Method, StatusCode, header};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use switchback_domain::{audit::Deed, people::Caller};
use tokio::time::Instant;

/// More than any person provokes.
const AT_ONCE: u32 = 60;

const EVERY: Duration = Duration::from_secs(2);

/// Above this many sessions the quiet ones are forgotten.
const REMEMBERED_MAX: usize = 1_000;

#[derive(Debug, Clone, Copy)]
struct Used {
    /// When the limit is whole again.
    until: Instant,
    /// They were told to slow down, and that is in the audit history.
    told: bool,
}

/// Refusals of each session.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    used: Mutex<HashMap<Arc<str>, Used>>,
}

/// Somebody has to slow down.
#[derive(Debug, PartialEq, Eq)]
struct TooMany {
    /// For the first time in a row.
    first: bool,
}

impl Refusals {
    fn check(&self, session: &str, now: Instant) -> Result<(), TooMany> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        match used.get_mut(session) {
            Some(used) if used.until.saturating_duration_since(now) > EVERY * (AT_ONCE - 1) => {
                Err(TooMany { first: !std::mem::replace(&mut used.told, true) })
            }
            _ => Ok(()),
        }
    }

    fn count(&self, session: &Arc<str>, now: Instant) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.len() > REMEMBERED_MAX {
            used.retain(|_, used| used.until > now);
        }
        let used = used.entry(Arc::clone(session)).or_insert(Used { until: now, told: false });
        // Whoever was quiet for a while is told anew.
        let told = used.told && used.until > now;
        *used = Used { until: used.until.max(now) + EVERY, told };
    }
}

/// Whether refusals of this request leave a trace.
pub(super) fn leaves_a_trace(method: &Method, path: &str) -> bool {
    super::api::is_api(path) || !matches!(*method, Method::GET | Method::HEAD)
}

/// The answer to a session that was refused too often; nothing when it may go on.
pub(super) async fn slow_down(web: &Web, session: &str, caller: &Caller, peer: &Peer, path: &str) -> Option<Response> {
    let TooMany { first } = web.refusals.check(session, Instant::now()).err()?;
    if first && let Err(error) = web.console.note_refusal(caller, Deed::AnyRequest, path, "slow_down", &peer.address.to_string()).await {
        tracing::error!(error = &error as &dyn std::error::Error, "a refusal was not written down");
    }
    let seconds = u32::try_from(EVERY.as_secs()).unwrap_or(u32::MAX);
    let detail = "too much of what was asked for was refused; wait a little";
    Some(if super::api::is_api(path) {
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "slow_down", detail).retry_after(seconds).into_response()
    } else {
        (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, seconds.to_string())], format!("{detail}\n")).into_response()
    })
}

/// Counts an answer that says no.
pub(super) fn note(web: &Web, session: &Arc<str>, response: &Response) {
    if response.status().is_client_error() || leads_to_problem(response.headers()) {
        web.refusals.count(session, Instant::now());
    }
}

/// Forms are answered by a redirect to the page that says what was wrong.
fn leads_to_problem(headers: &HeaderMap) -> bool {
    let to = headers.get(header::LOCATION).and_then(|to| to.to_str().ok()).unwrap_or_default();
    to.contains("problem=") || to.contains("refused=")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_session_that_is_refused_too_often_has_to_slow_down_and_no_other() {
        let refusals = Refusals::default();
        let (loud, quiet): (Arc<str>, Arc<str>) = ("loud".into(), "quiet".into());
        let now = Instant::now();
        for _ in 0..AT_ONCE {
            assert_eq!(refusals.check(&loud, now), Ok(()));
            refusals.count(&loud, now);
        }
        assert_eq!(refusals.check(&loud, now), Err(TooMany { first: true }));
        assert_eq!(refusals.check(&loud, now), Err(TooMany { first: false }));
        assert_eq!(refusals.check(&quiet, now), Ok(()));
        assert_eq!(refusals.check(&loud, now + EVERY), Ok(()), "once in a while it may go on");
        refusals.count(&loud, now + EVERY);
        assert_eq!(refusals.check(&loud, now + EVERY), Err(TooMany { first: false }), "it is still the same row");
        let later = now + EVERY * (AT_ONCE + 2);
        refusals.count(&loud, later);
        for _ in 1..AT_ONCE {
            refusals.count(&loud, later);
        }
        assert_eq!(refusals.check(&loud, later), Err(TooMany { first: true }));
    }
}
