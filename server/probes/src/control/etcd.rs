//! Orders to one etcd over its JSON gateway, for a site whose Patroni does not run.

use super::{ORDER, OrderTrouble, StandbySection, section};
use crate::{
    etcd::gateway::{Gateway, Pair, decoded, encoded, pairs, read},
    failure::Problem,
    target::{HttpTarget, SetUpError},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use switchback_engine::ports::ClusterMode;

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
    gateway: Gateway,
    key: String,
}

impl Etcd {
    pub(super) fn new(EtcdKeyTarget { http, key }: EtcdKeyTarget) -> Result<Self, SetUpError> {
        Ok(Etcd { gateway: Gateway::new(http, ORDER)?, key })
    }

    /// The members whose Patroni is registered there.
    pub(super) async fn members(&self) -> Result<Vec<String>, OrderTrouble> {
        let prefix = format!("{}members/", self.key.trim_end_matches("config"));
        tokio::time::timeout(ORDER, self.gateway.names_below(&prefix)).await.unwrap_or_else(|_| Err(Problem::timed_out(ORDER).into()))
    }

    /// Writes the section, or none, unless what is stored is `good` already. Returns whether it was written.
    pub(super) async fn put(&self, section: Option<&StandbySection>, good: fn(ClusterMode) -> bool) -> Result<bool, OrderTrouble> {
        tokio::time::timeout(ORDER, self.try_to_put(section, good)).await.unwrap_or_else(|_| Err(Problem::timed_out(ORDER).into()))
    }

    async fn try_to_put(&self, section: Option<&StandbySection>, good: fn(ClusterMode) -> bool) -> Result<bool, OrderTrouble> {
        let token = self.gateway.token().await?;
        for _ in 0..TRIES {
            let stored = stored(&self.gateway.ask("/v3/kv/range", &json!({ "key": encoded(&self.key) }), token.as_deref()).await?)?;
            let Some(Stored { mut config, revision }) = stored else {
                return Err(OrderTrouble::refused(format!("there is no key {} in it", self.key)));
            };
            if good(section::cluster_mode(&config)) {
                return Ok(false);
            }
            match section {
                Some(section) => section.put_into(&mut config),
                None => StandbySection::take_out_of(&mut config),
            }
            let order = transaction(&self.key, &revision, &Value::Object(config));
            if done(&self.gateway.ask("/v3/kv/txn", &order, token.as_deref()).await?)? {
                return Ok(true);
            }
        }
        Err(OrderTrouble::refused("other changes came between again and again"))
    }
}

/// A configuration and the revision that it was last changed with.
#[derive(Debug)]
struct Stored {
    config: Map<String, Value>,
    revision: String,
}

/// What `/v3/kv/range` says of one key; nothing when there is none.
fn stored(body: &[u8]) -> Result<Option<Stored>, OrderTrouble> {
    let Some(Pair { mod_revision, value, .. }) = pairs(body)?.into_iter().next() else { return Ok(None) };
    if mod_revision.parse::<u64>().is_err() {
        return Err(Problem::garbage("the revision is no number").into());
    }
    let no_config = |_| OrderTrouble::refused("what is stored under the key is no configuration of Patroni's");
    Ok(Some(Stored { config: serde_json::from_slice(&decoded(&value)?).map_err(no_config)?, revision: mod_revision }))
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
