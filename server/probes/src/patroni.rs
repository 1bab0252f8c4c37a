//! Patroni: one member about itself and its cluster.

pub(crate) mod wire;

use crate::{
    failure::{Diary, Problem},
    http::Http,
    target::{HttpTarget, SetUpError},
};
use futures::{FutureExt, future::BoxFuture};
use jiff::Timestamp;
use std::time::Duration;
use switchback_domain::{DynamicConfig, Endpoint, Facts, ProbeFailure, Promotion};
use switchback_engine::ports::Probe;
use tokio::time::Instant;
use tracing::warn;
use wire::Cluster;

/// What Patroni reads from etcd is remembered this long when it cannot be had: while etcd is down, nobody can change it either.
const REMEMBERED_FOR: Duration = Duration::from_mins(1);

/// Patroni answers with five threads. A question that waits for a dead etcd keeps one of them for ten seconds, whether somebody still
/// listens or not, and the checks of `HAProxy` need them too: such a question is not repeated sooner than this.
const PAUSE_AFTER_SILENCE: Duration = Duration::from_secs(10);

/// The list of promotions only grows with a new timeline, so it is not asked for every second.
const HISTORY_EVERY: Duration = Duration::from_secs(10);

/// Asks the REST interface of one Patroni member.
pub struct PatroniProbe {
    endpoint: Endpoint,
    http: Http,
    diary: Diary,
    cluster: Remembered<Cluster>,
    config: Remembered<DynamicConfig>,
    history: Remembered<Vec<Promotion>>,
}

impl PatroniProbe {
    /// Prepares; nothing is asked yet. Reads the files of `target`.
    pub fn new(endpoint: Endpoint, target: HttpTarget) -> Result<Self, SetUpError> {
        Ok(PatroniProbe {
            endpoint,
            http: Http::new(target)?,
            diary: Diary::default(),
            cluster: Remembered::new("/cluster", Duration::ZERO),
            config: Remembered::new("/config", Duration::ZERO),
            history: Remembered::new("/history", HISTORY_EVERY),
        })
    }

    async fn ask(&mut self) -> Result<Facts, Problem> {
        let limit = self.http.timeout();
        let http = &self.http;
        // 503 is what `/patroni` may answer while PostgreSQL is down: an answer like any other.
        let status = async { wire::status(&http.get("/patroni", limit).await?.body_of(&[200, 503])?) };
        let (status, (), (), ()) = tokio::join!(
            status,
            self.cluster.refresh(http, wire::cluster),
            self.config.refresh(http, wire::config),
            self.history.refresh(http, wire::history),
        );
        let status = status?;
        // Without the configuration it is not known whether this cluster follows another one, and "no" would be a lie.
        let config = self.config.value()?;
        // Who leads is simply not known when nobody says so; the list of promotions may be missing after a rebuild of etcd anyway.
        let (cluster, history) = (self.cluster.value().unwrap_or_default(), self.history.value().unwrap_or_default());
        Ok(Facts::Patroni(status.facts(http.base(), cluster, config, history)?))
    }
}

impl Probe for PatroniProbe {
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

/// An answer beside the main one, kept for when it cannot be had.
struct Remembered<T> {
    path: &'static str,
    every: Duration,
    value: Option<(T, Instant)>,
    ask_at: Option<Instant>,
    failure: Option<ProbeFailure>,
}

impl<T: Clone> Remembered<T> {
    fn new(path: &'static str, every: Duration) -> Self {
        Remembered { path, every, value: None, ask_at: None, failure: None }
    }

    /// Asks, unless it is too soon.
    async fn refresh(&mut self, http: &Http, read: impl Fn(&[u8]) -> Result<T, Problem>) {
        // The member's own word does not wait for what hangs behind it, once there is something to show instead.
        let limit = if self.value.is_some() { http.timeout() / 2 } else { http.timeout() };
        if self.is_due() {
            let answer = http.get(self.path, limit).await;
            self.take(answer.and_then(|answer| read(&answer.body_of(&[200])?)));
        }
    }

    fn is_due(&self) -> bool {
        self.ask_at.is_none_or(|at| at <= Instant::now())
    }

    fn take(&mut self, outcome: Result<T, Problem>) {
        let now = Instant::now();
        match outcome {
            Ok(value) => {
                self.value = Some((value, now));
                self.ask_at = Some(now + self.every);
                self.failure = None;
            }
            Err(problem) => {
                if self.failure.as_ref() != Some(&problem.failure) {
                    warn!(path = self.path, failure = ?problem.failure, cause = %problem.cause, "a part of Patroni's answer is missing");
                }
                // Whoever answered something has nobody waiting inside, and is asked again with the next look.
                let silent = matches!(problem.failure, ProbeFailure::TimedOut { .. });
                self.ask_at = Some(if silent { now + PAUSE_AFTER_SILENCE } else { now });
                self.failure = Some(problem.failure);
            }
        }
    }

    /// The newest answer, unless it is too old to be repeated.
    fn value(&self) -> Result<T, Problem> {
        match (&self.value, &self.failure) {
            (Some((value, at)), _) if at.elapsed() < REMEMBERED_FOR => Ok(value.clone()),
            (_, Some(failure)) => Err(Problem::new(failure.clone(), format!("{} gives no usable answer", self.path))),
            (_, None) => Err(Problem::new(ProbeFailure::NotAskedYet, self.path)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status() -> Problem {
        Problem::new(ProbeFailure::Status { code: 502 }, "")
    }

    #[tokio::test(start_paused = true)]
    async fn a_part_that_fails_is_remembered_for_a_minute() {
        let mut part = Remembered::new("/config", Duration::ZERO);
        assert!(part.is_due() && part.value().is_err());
        part.take(Ok(1));
        part.take(Err(status()));
        assert!(part.is_due());
        assert_eq!(part.value().expect("it is remembered"), 1);
        tokio::time::advance(REMEMBERED_FOR).await;
        assert_eq!(part.value().expect_err("it is too old").failure, ProbeFailure::Status { code: 502 });
        part.take(Ok(2));
        assert_eq!(part.value().expect("it is new"), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_part_that_was_silent_is_left_alone_for_a_while() {
        let mut part = Remembered::new("/config", Duration::ZERO);
        part.take(Ok(1));
        part.take(Err(Problem::timed_out(Duration::ZERO)));
        tokio::time::advance(PAUSE_AFTER_SILENCE / 2).await;
        assert!(!part.is_due());
        tokio::time::advance(PAUSE_AFTER_SILENCE).await;
        assert!(part.is_due());
    }

    #[tokio::test(start_paused = true)]
    async fn a_part_that_hardly_changes_is_asked_for_rarely() {
        let mut part = Remembered::new("/history", HISTORY_EVERY);
        part.take(Ok(1));
        assert!(!part.is_due());
        tokio::time::advance(HISTORY_EVERY).await;
        assert!(part.is_due());
    }
}
