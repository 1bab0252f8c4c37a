//! Orders to one etcd over its JSON gateway, for a site whose Patroni does not run.

use super::{ORDER, StandbySection, Trouble, section, status_says_no};
use crate::{
    failure::Problem,
    http::{Http, Question},
    target::{Credentials, HttpTarget, SetUpError},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::Method;
use secrecy::ExposeSecret;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};
use switchback_engine::ports::Told;

/// How often the section is written when another change came between.
const TRIES: u32 = 3;

/// An etcd and the key in it that holds the dynamic configuration of its site's cluster.
#[derive(Debug, Clone)]
pub struct EtcdKeyTarget {
    /// The client interface.
    pub http: HttpTarget,
    /// The key, such as `/service/pool-a/config`.
    pub key: String,
}

/// One etcd.
pub(super) struct Etcd {
    http: Http,
    credentials: Option<Credentials>,
    key: String,
}

impl Etcd {
    pub(super) fn new(EtcdKeyTarget { mut http, key }: EtcdKeyTarget) -> Result<Self, SetUpError> {
        // The gateway knows no basic authentication: a token is fetched with user name and password.
        let credentials = http.credentials.take();
        Ok(Etcd { http: Http::new(HttpTarget { timeout: ORDER, ..http })?, credentials, key })
    }

    /// Writes the section unless what is stored is `good` already. Returns whether it was written.
    pub(super) async fn put(&self, section: &StandbySection, good: fn(Told) -> bool) -> Result<bool, Trouble> {
        tokio::time::timeout(ORDER, self.try_to_put(section, good)).await.unwrap_or_else(|_| Err(Problem::timed_out(ORDER).into()))
    }

    async fn try_to_put(&self, section: &StandbySection, good: fn(Told) -> bool) -> Result<bool, Trouble> {
        let token = self.token().await?;
        for _ in 0..TRIES {
            let stored = stored(&self.ask("/v3/kv/range", &json!({ "key": encoded(&self.key) }), token.as_deref()).await?)?;
            let Some(Stored { mut config, revision }) = stored else {
                return Err(Trouble::refused(format!("there is no key {} in it", self.key)));
            };
            if good(section::told(&config)) {
                return Ok(false);
            }
            section.put_into(&mut config);
            let order = transaction(&self.key, &revision, &Value::Object(config));
            if done(&self.ask("/v3/kv/txn", &order, token.as_deref()).await?)? {
                return Ok(true);
            }
        }
        Err(Trouble::refused("other changes came between again and again"))
    }

    async fn token(&self) -> Result<Option<String>, Trouble> {
        #[derive(Deserialize)]
        struct Said {
            token: String,
        }
        let Some(credentials) = &self.credentials else { return Ok(None) };
        let login = json!({ "name": credentials.username, "password": credentials.password.expose_secret() });
        match self.ask("/v3/auth/authenticate", &login, None).await {
            Ok(body) => Ok(Some(read::<Said>(&body)?.token)),
            // Who asks for no password gets none.
            Err(Trouble::Refused(said)) if said.contains("authentication is not enabled") => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    async fn ask(&self, path: &str, body: &Value, token: Option<&str>) -> Result<Vec<u8>, Trouble> {
        let answer = self.http.order(Question { method: Method::POST, path, body: Some(body), token }, ORDER).await?;
        if answer.status == 200 { Ok(answer.body) } else { Err(status_says_no(answer.status, &answer.body)) }
    }
}

fn encoded(text: &str) -> String {
    STANDARD.encode(text)
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| Problem::json(&error))
}

/// A configuration and the revision that it was last changed with.
#[derive(Debug)]
struct Stored {
    config: Map<String, Value>,
    revision: String,
}

/// What `/v3/kv/range` says of one key; nothing when there is none. Every etcd answers with a header, whatever it found.
fn stored(body: &[u8]) -> Result<Option<Stored>, Trouble> {
    #[derive(Deserialize)]
    struct Said {
        #[serde(rename = "header")]
        _header: Map<String, Value>,
        #[serde(default)]
        kvs: Vec<Pair>,
    }
    #[derive(Deserialize)]
    struct Pair {
        mod_revision: String,
        #[serde(default)]
        value: String,
    }
    let Some(Pair { mod_revision, value }) = read::<Said>(body)?.kvs.into_iter().next() else { return Ok(None) };
    if mod_revision.parse::<u64>().is_err() {
        return Err(Problem::garbage("the revision is no number").into());
    }
    let value = STANDARD.decode(value).map_err(|error| Problem::garbage(error.to_string()))?;
    let no_config = |_| Trouble::refused("what is stored under the key is no configuration of Patroni's");
    Ok(Some(Stored { config: serde_json::from_slice(&value).map_err(no_config)?, revision: mod_revision }))
}

/// Writes the value if nobody has changed it since that revision.
fn transaction(key: &str, revision: &str, config: &Value) -> Value {
    let key = encoded(key);
    json!({
        "compare": [{ "key": key, "target": "MOD", "result": "EQUAL", "mod_revision": revision }],
        "success": [{ "request_put": { "key": key, "value": encoded(&config.to_string()) } }],
    })
}

/// What `/v3/kv/txn` says; "false" is left out.
fn done(body: &[u8]) -> Result<bool, Problem> {
    #[derive(Deserialize)]
    struct Said {
        #[serde(rename = "header")]
        _header: Map<String, Value>,
        #[serde(default)]
        succeeded: bool,
    }
    Ok(read::<Said>(body)?.succeeded)
}
