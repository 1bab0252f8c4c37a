//! etcd's JSON gateway: questions and orders in its v3 interface, with a token where it wants one.

use crate::{
    control::{OrderTrouble, status_says_no},
    failure::Problem,
    http::{Http, Question},
    target::{Credentials, HttpTarget, SetUpError},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::Method;
use secrecy::ExposeSecret;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};
use switchback_domain::{LeaderKey, Millis};

/// One etcd.
pub(crate) struct Gateway {
    http: Http,
    credentials: Option<Credentials>,
    limit: Duration,
    /// The last token that etcd gave us. To make one takes it as long as to check a password, so it is used until it is refused.
    known_token: Mutex<Option<String>>,
}

impl Gateway {
    pub(crate) fn new(mut target: HttpTarget, limit: Duration) -> Result<Self, SetUpError> {
        // The gateway knows no basic authentication: a token is fetched with user name and password.
        let credentials = target.credentials.take();
        let http = Http::new(HttpTarget { timeout: limit, ..target })?;
        Ok(Gateway { http, credentials, limit, known_token: Mutex::default() })
    }

    /// What to show with each question; nothing where no user is configured, or etcd asks for none.
    pub(crate) async fn token(&self) -> Result<Option<String>, OrderTrouble> {
        #[derive(Deserialize)]
        struct Said {
            token: String,
        }
        let Some(credentials) = &self.credentials else { return Ok(None) };
        let login = json!({ "name": credentials.username, "password": credentials.password.expose_secret() });
        match self.ask("/v3/auth/authenticate", &login, None).await {
            Ok(body) => Ok(Some(read::<Said>(&body)?.token)),
            Err(OrderTrouble::Refused(said)) if said.contains("authentication is not enabled") => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    pub(crate) async fn ask(&self, path: &str, body: &Value, token: Option<&str>) -> Result<Vec<u8>, OrderTrouble> {
        let answer = self
            .http
            .order(Question { method: Method::POST, path, body: Some(body), token }, self.limit)
            .await
            .map_err(OrderTrouble::of_order)?;
        if answer.status == 200 { Ok(answer.body) } else { Err(status_says_no(answer.status, &answer.body)) }
    }

    /// A question that is asked each second: with the last token, and with a new one only when etcd asks for it. A server that has not proved
    /// who it is gets no password for asking.
    async fn look_up(&self, path: &str, body: &Value) -> Result<Vec<u8>, OrderTrouble> {
        let token = self.known_token.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match self.ask(path, body, token.as_deref()).await {
            Err(OrderTrouble::Refused(said)) if wants_a_token(&said) && self.credentials.is_some() && self.http.is_verified() => {
                let token = self.token().await?;
                self.known_token.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&token);
                self.ask(path, body, token.as_deref()).await
            }
            answer => answer,
        }
    }

    /// Patroni's leader key and how old its lease's last renewal is; nothing when nobody holds it.
    pub(crate) async fn leader_key(&self, key: &str) -> Result<Option<LeaderKey>, OrderTrouble> {
        let found = pairs(&self.look_up("/v3/kv/range", &json!({ "key": encoded(key) })).await?)?;
        let Some(pair) = found.into_iter().next() else { return Ok(None) };
        let holder = String::from_utf8_lossy(&decoded(&pair.value)?).into_owned();
        let holder = holder.parse().map_err(|error: switchback_domain::BadName| Problem::garbage(error.to_string()))?;
        let Some(lease) = pair.lease else { return Err(Problem::garbage("the leader key has no lease").into()) };
        let lease = read::<Lease>(&self.look_up("/v3/lease/timetolive", &json!({ "ID": lease })).await?)?;
        Ok(lease.renewed_ago().map(|(lasts, renewed_ago)| LeaderKey { holder, lasts, renewed_ago }))
    }

    /// The last parts of all keys that begin with `prefix`, such as the names of members.
    pub(crate) async fn names_below(&self, prefix: &str) -> Result<Vec<String>, OrderTrouble> {
        let token = self.token().await?;
        // The end of a range is not in it: the byte after the last slash ends everything that begins with the prefix.
        let end = format!("{}0", prefix.trim_end_matches('/'));
        let question = json!({ "key": encoded(prefix), "range_end": encoded(&end), "keys_only": true, "limit": "200" });
        let found = pairs(&self.ask("/v3/kv/range", &question, token.as_deref()).await?)?;
        let name = |pair: &Pair| Ok(String::from_utf8_lossy(&decoded(&pair.key)?).trim_start_matches(prefix).to_owned());
        found.iter().map(name).collect()
    }
}

/// etcd's words for a question without a token, and for one with a token that has run out.
fn wants_a_token(said: &str) -> bool {
    ["invalid auth token", "user name is empty"].iter().any(|words| said.contains(words))
}

/// How long a lease lasts and how much of it is left, in seconds; −1 once it has run out.
#[derive(Deserialize)]
struct Lease {
    #[serde(rename = "TTL", default)]
    left: String,
    #[serde(rename = "grantedTTL", default)]
    granted: String,
}

impl Lease {
    fn renewed_ago(&self) -> Option<(Millis, Millis)> {
        let (left, granted) = (self.left.parse::<i64>().ok()?, self.granted.parse::<i64>().ok()?);
        let millis = |seconds: i64| u64::try_from(seconds).ok().map(|seconds| Millis(seconds * 1_000));
        if left < 0 { None } else { Some((millis(granted)?, millis((granted - left).max(0))?)) }
    }
}

/// A key as `/v3/kv/range` tells it.
#[derive(Debug, Deserialize)]
pub(crate) struct Pair {
    pub(crate) key: String,
    #[serde(default)]
    pub(crate) value: String,
    #[serde(default)]
    pub(crate) mod_revision: String,
    #[serde(default)]
    lease: Option<String>,
}

/// What `/v3/kv/range` found. Every etcd answers with a header, whatever it found: an answer without one is not etcd's.
pub(crate) fn pairs(body: &[u8]) -> Result<Vec<Pair>, Problem> {
    #[derive(Deserialize)]
    struct Said {
        #[serde(rename = "header")]
        _header: Map<String, Value>,
        #[serde(default)]
        kvs: Vec<Pair>,
    }
    Ok(read::<Said>(body)?.kvs)
}

pub(crate) fn encoded(text: &str) -> String {
    STANDARD.encode(text)
}

pub(crate) fn decoded(text: &str) -> Result<Vec<u8>, Problem> {
    STANDARD.decode(text).map_err(|error| Problem::garbage(error.to_string()))
}

pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| Problem::json(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(text: &str) -> Option<(Millis, Millis)> {
        read::<Lease>(text.as_bytes()).expect("a lease").renewed_ago()
    }

    #[test]
    fn a_lease_says_how_long_ago_it_was_renewed() {
        let running = r#"{"header":{"revision":"7"},"ID":"7587883","TTL":"27","grantedTTL":"30"}"#;
        assert_eq!(lease(running), Some((Millis(30_000), Millis(3_000))));
        // A lease that has run out, and one that never was.
        assert_eq!(lease(r#"{"header":{},"ID":"7587883","TTL":"-1","grantedTTL":"0"}"#), None);
        assert_eq!(lease(r#"{"header":{},"ID":"7587883","TTL":"-1"}"#), None);
    }

    #[test]
    fn an_answer_without_etcds_header_is_not_etcds() {
        assert!(pairs(br#"{"kvs":[]}"#).is_err());
        assert_eq!(pairs(br#"{"header":{"revision":"1"}}"#).expect("nothing found").len(), 0);
        let one = br#"{"header":{},"kvs":[{"key":"YQ==","value":"YTE=","mod_revision":"5","lease":"7587883"}],"count":"1"}"#;
        let found = pairs(one).expect("one key");
        assert_eq!((found[0].mod_revision.as_str(), found[0].lease.as_deref()), ("5", Some("7587883")));
    }
}
