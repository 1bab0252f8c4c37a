//! etcd: is it healthy, which means, has it a leader.

use crate::{
    failure::{Diary, Problem},
    http::Http,
    target::{HttpTarget, SetUpError},
};
use futures::{FutureExt, future::BoxFuture};
use jiff::Timestamp;
use serde::Deserialize;
use switchback_domain::{Endpoint, EtcdFacts, Facts, ProbeFailure};
use switchback_engine::ports::Probe;

/// Asks one etcd for `/health`.
pub struct EtcdProbe {
    endpoint: Endpoint,
    http: Http,
    diary: Diary,
}

impl EtcdProbe {
    /// Prepares; nothing is asked yet. Reads the files of `target`.
    pub fn new(endpoint: Endpoint, target: HttpTarget) -> Result<Self, SetUpError> {
        Ok(EtcdProbe { endpoint, http: Http::new(target)?, diary: Diary::default() })
    }

    async fn ask(&self) -> Result<Facts, Problem> {
        let answer = self.http.get("/health", self.http.timeout()).await?;
        // etcd answers 503 while it says that it is not healthy.
        health(&answer.body_of(&[200, 503])?).map(Facts::Etcd)
    }
}

impl Probe for EtcdProbe {
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

/// `{"health":"true"}`; newer versions add a reason.
fn health(body: &[u8]) -> Result<EtcdFacts, Problem> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Said {
        Word(String),
        Flag(bool),
    }
    #[derive(Deserialize)]
    struct Health {
        health: Said,
    }
    let health: Health = serde_json::from_slice(body).map_err(|error| Problem::json(&error))?;
    match health.health {
        Said::Flag(healthy) => Ok(EtcdFacts { healthy }),
        Said::Word(word) if word == "true" => Ok(EtcdFacts { healthy: true }),
        Said::Word(word) if word == "false" => Ok(EtcdFacts { healthy: false }),
        Said::Word(_) => Err(Problem::garbage("health is neither true nor false")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn failure(body: &str) -> ProbeFailure {
        health(body.as_bytes()).expect_err("not an answer").failure
    }

    #[test]
    fn health_is_read_as_etcd_3_4_and_later_say_it() {
        let healthy = |body: &str| health(body.as_bytes()).expect("an answer").healthy;
        assert!(healthy(r#"{"health":"true"}"#));
        assert!(healthy(r#"{"health":"true","reason":""}"#));
        assert!(!healthy(r#"{"health":"false","reason":"RAFT NO LEADER"}"#));
        assert!(!healthy(r#"{"health":false}"#));
    }

    #[test]
    fn anything_else_is_not_healthy_and_not_sick_but_no_answer() {
        assert_eq!(failure(r#"{"health":"#), ProbeFailure::CutShort);
        assert_eq!(failure(""), ProbeFailure::CutShort);
        assert_eq!(failure(r#"{"health":"yes"}"#), ProbeFailure::Garbage);
        assert_eq!(failure("<html>"), ProbeFailure::Garbage);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused_without_panic(bytes: Vec<u8>) {
            let _ = health(&bytes);
        }
    }
}
