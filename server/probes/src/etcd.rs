//! etcd: is it healthy, which means, has it a leader; and who holds Patroni's leader key in it.

pub(crate) mod gateway;

use crate::{
    control::{EtcdKeyTarget, OrderTrouble},
    failure::{Diary, Problem},
    http::Http,
    target::SetUpError,
};
use futures::{FutureExt, future::BoxFuture};
use gateway::Gateway;
use jiff::Timestamp;
use serde::Deserialize;
use switchback_domain::{Endpoint, EtcdFacts, Facts, ProbeFailure};
use switchback_engine::ports::Probe;

/// Asks one etcd for `/health` and for Patroni's leader key.
pub struct EtcdProbe {
    endpoint: Endpoint,
    http: Http,
    gateway: Gateway,
    leader_key: String,
    diary: Diary,
    /// The last question for the leader key failed, which is in the log.
    key_unread: bool,
}

impl EtcdProbe {
    /// Prepares; nothing is asked yet. Reads the files of `target`, whose key is Patroni's leader key.
    pub fn new(endpoint: Endpoint, target: EtcdKeyTarget) -> Result<Self, SetUpError> {
        let EtcdKeyTarget { http, key } = target;
        let gateway = Gateway::new(http.clone(), http.timeout)?;
        Ok(EtcdProbe { endpoint, http: Http::new(http)?, gateway, leader_key: key, diary: Diary::default(), key_unread: false })
    }

    async fn ask(&mut self) -> Result<Facts, Problem> {
        let limit = self.http.timeout();
        let key = tokio::time::timeout(limit, self.gateway.leader_key(&self.leader_key));
        let (answer, key) = futures::future::join(self.http.get("/health", limit), key).await;
        // etcd answers 503 while it says that it is not healthy.
        let healthy = health(&answer?.body_of(&[200, 503])?)?;
        // That it is healthy is told without the key as well: it may only be shut to us.
        let leader_key = match key {
            Ok(Ok(key)) => {
                self.key_unread = false;
                key
            }
            failed => {
                if !std::mem::replace(&mut self.key_unread, true) {
                    let cause = match failed {
                        Ok(Err(OrderTrouble::Refused(said))) => said,
                        Ok(Err(OrderTrouble::Failed(problem))) => problem.cause,
                        _ => "no answer in time".to_owned(),
                    };
                    tracing::warn!(endpoint = %self.endpoint.name, cause, "Patroni's leader key could not be read");
                }
                None
            }
        };
        Ok(Facts::Etcd(EtcdFacts { healthy, leader_key }))
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
fn health(body: &[u8]) -> Result<bool, Problem> {
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
        Said::Flag(healthy) => Ok(healthy),
        Said::Word(word) if word == "true" => Ok(true),
        Said::Word(word) if word == "false" => Ok(false),
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
        let healthy = |body: &str| health(body.as_bytes()).expect("an answer");
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
