//! Orders to one Patroni member over its REST interface.

use super::{ORDER, OrderTrouble, QUESTION, section, status_says_no};
use crate::{
    failure::Problem,
    http::{Http, Question},
    patroni::wire,
    target::{HttpTarget, SetUpError},
};
use reqwest::Method;
use serde_json::{Map, Value, json};
use std::{sync::Arc, time::Duration};
use switchback_domain::{NodeName, ProbeFailure, Promotion};
use switchback_engine::ports::{ClusterMode, PatroniStatus};
use tokio::sync::Semaphore;

/// How long a member may take to speak about itself. It is asked every few milliseconds, so a late answer is worth nothing.
const STATUS: Duration = Duration::from_millis(700);

/// Patroni itself gives up after twice its `loop_wait`, at least after 20 s. An order that is given up before is one of which nobody
/// knows how it ended.
const SWITCH: Duration = Duration::from_secs(30);

/// How often a change is tried when another one came between.
const TRIES: u32 = 5;

/// How long to wait before a change is tried again.
const BEFORE_NEXT_TRY: Duration = Duration::from_millis(50);

/// Patroni answers with five threads, and the checks of `HAProxy` need them too. Orders are not counted: there is one at a time.
const QUESTIONS_AT_ONCE: usize = 2;

/// A question that was not answered in time may keep a thread of Patroni busy for a while longer.
const THREAD_LOST_FOR: Duration = Duration::from_secs(2);

/// One member.
pub(super) struct Patroni {
    http: Http,
    turns: Arc<Semaphore>,
}

impl Patroni {
    pub(super) fn new(target: HttpTarget) -> Result<Self, SetUpError> {
        let http = Http::new(HttpTarget { timeout: ORDER, ..target })?;
        Ok(Patroni { http, turns: Arc::new(Semaphore::new(QUESTIONS_AT_ONCE)) })
    }

    pub(super) async fn status(&self) -> Result<PatroniStatus, OrderTrouble> {
        // 503 is what `/patroni` may answer while PostgreSQL is down: an answer like any other.
        let body = self.ask("/patroni", STATUS, &[200, 503]).await?;
        Ok(wire::status(&body)?.member()?)
    }

    pub(super) async fn history(&self) -> Result<Vec<Promotion>, OrderTrouble> {
        Ok(wire::history(&self.ask("/history", QUESTION, &[200]).await?)?)
    }

    pub(super) async fn cluster_mode(&self) -> Result<ClusterMode, OrderTrouble> {
        Ok(section::cluster_mode(&config(&self.ask("/config", QUESTION, &[200]).await?)?))
    }

    async fn ask(&self, path: &str, limit: Duration, good: &[u16]) -> Result<Vec<u8>, Problem> {
        let answer = async {
            // It is never closed, so the turn always comes.
            let turn = Arc::clone(&self.turns).acquire_owned().await.ok();
            let answer = self.http.get(path, limit).await;
            if answer.as_ref().is_err_and(|problem| matches!(problem.failure, ProbeFailure::TimedOut { .. })) {
                tokio::spawn(pause(THREAD_LOST_FOR, turn));
            }
            answer
        };
        tokio::time::timeout(limit, answer).await.unwrap_or_else(|_| Err(Problem::timed_out(limit)))?.body_of(good)
    }

    /// Changes the site's configuration. Success means that the site's own etcd has it.
    pub(super) async fn configure(&self, patch: Value) -> Result<(), OrderTrouble> {
        let change = async {
            let mut tries = 1;
            let mut answer = self.try_to_configure(&patch).await;
            while tries < TRIES && is_conflict(&answer) {
                pause(BEFORE_NEXT_TRY, ()).await;
                answer = self.try_to_configure(&patch).await;
                tries += 1;
            }
            // A try before the last one may have been taken. Whatever is answered to the last one, a refusal too, says nothing of it.
            if tries > 1 { answer.map_err(OrderTrouble::after_one_that_may_have_been_taken) } else { answer }
        };
        tokio::time::timeout(ORDER, change).await.unwrap_or_else(|_| Err(Problem::timed_out(ORDER).into()))
    }

    async fn try_to_configure(&self, patch: &Value) -> Result<(), OrderTrouble> {
        config_answer(&self.order(Method::PATCH, "/config", patch, ORDER).await?)
    }

    /// Makes `candidate` the leader, in place of `leader` or of nobody.
    pub(super) async fn switch(&self, leader: Option<&NodeName>, candidate: &NodeName) -> Result<(), OrderTrouble> {
        let (path, order) = match leader {
            Some(leader) => ("/switchover", json!({ "leader": leader, "candidate": candidate })),
            None => ("/failover", json!({ "candidate": candidate })),
        };
        switch_answer(&self.order(Method::POST, path, &order, SWITCH).await?)
    }

    async fn order(&self, method: Method, path: &str, body: &Value, limit: Duration) -> Result<(u16, Vec<u8>), OrderTrouble> {
        let answer =
            self.http.order(Question { method, path, body: Some(body), token: None }, limit).await.map_err(OrderTrouble::of_order)?;
        Ok((answer.status, answer.body))
    }
}

/// The configuration as it stands, which Patroni also answers a change with.
fn config(body: &[u8]) -> Result<Map<String, Value>, Problem> {
    serde_json::from_slice(body).map_err(|error| Problem::json(&error))
}

/// Another change came between.
fn is_conflict(answer: &Result<(), OrderTrouble>) -> bool {
    matches!(answer, Err(OrderTrouble::Failed(Problem { failure: ProbeFailure::Status { code: 409 }, .. })))
}

fn config_answer((status, body): &(u16, Vec<u8>)) -> Result<(), OrderTrouble> {
    match status {
        // A web server in Patroni's place may answer anything with 200.
        200 => Ok(config(body).map(|_| ())?),
        // Another change came between, again and again. Or an earlier try of Patroni's own was written, and its etcd's word of that got
        // lost: then Patroni tries once more, finds its own change, and says the same.
        // 408 and 503 may be said by somebody in between who has sent it on.
        408 | 409 | 503 => Err(OrderTrouble::Failed(Problem::new(ProbeFailure::Status { code: *status }, String::from_utf8_lossy(body)))),
        _ => Err(status_says_no(*status, body)),
    }
}

fn switch_answer((status, body): &(u16, Vec<u8>)) -> Result<(), OrderTrouble> {
    let text = String::from_utf8_lossy(body);
    let unknown = || Err(OrderTrouble::Failed(Problem::new(ProbeFailure::Status { code: *status }, text.clone())));
    match status {
        // Somebody leads, and it is not the candidate.
        200 if text.contains(" instead of ") => unknown(),
        200..=299 if text.starts_with("Success") || *status == 202 => Ok(()),
        200..=299 => Err(Problem::garbage(format!("{status}: {text}")).into()),
        // The order was taken, and Patroni has stopped waiting for its end.
        503 if text.contains("status unknown") => unknown(),
        _ => Err(status_says_no(*status, body)),
    }
}

/// Keeps something for a while.
#[expect(clippy::disallowed_methods, reason = "an engine needs a moment before it is asked again")]
async fn pause<T>(length: Duration, kept: T) {
    tokio::time::sleep(length).await;
    drop(kept);
}
