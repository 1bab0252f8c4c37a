//! What a pool consists of, as configured. What it is doing right now is in [`crate::picture`].

use crate::{ByteLag, EndpointName, Millis, NodeName, Pair, PoolId, Side, SiteId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A stretched pool: one logical service over two sites.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// Its name in addresses, commands and the audit history.
    pub id: PoolId,
    /// What it is for, in a few words of its owners.
    pub title: String,
    /// Where it prefers to be active.
    pub home: Side,
    /// Its two data centers.
    pub sites: Pair<Site>,
    /// What it promises and tolerates.
    pub policy: Policy,
}

/// A data center of a pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// Its name.
    pub id: SiteId,
    /// Where it is, for people.
    pub place: String,
    /// Patroni's scope of its database cluster.
    pub scope: String,
    /// What every key of its database cluster begins with in etcd, such as `/service/pool-a/`.
    #[serde(default)]
    pub keys: String,
    /// Its database nodes.
    pub nodes: Vec<Node>,
    /// The `HAProxy` instances in front of its members.
    pub proxies: Vec<EndpointName>,
    /// The etcd endpoints that hold its cluster's state.
    pub etcd: Vec<EndpointName>,
    /// The configuration says how its cluster follows the other site's (`[pool.site.standby_cluster]`).
    #[serde(default)]
    pub can_follow: bool,
    /// Endpoints of it that the configuration has reached without verifying who answers (`tls = "off"` or `"verify-ca"`).
    #[serde(default)]
    pub unverified: Vec<EndpointName>,
}

/// A database node: Patroni and the `PostgreSQL` it looks after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Patroni's member name.
    pub name: NodeName,
    /// Its Patroni REST interface.
    pub patroni: EndpointName,
    /// Its `PostgreSQL`.
    pub postgres: EndpointName,
}

/// What a pool promises and tolerates. All of it has defaults, see `switchback.example.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// A reading older than this is stale: shown grey, never acted upon.
    pub stale_after: Millis,
    /// A site of which nothing has been heard for this long is lost.
    pub lost_after: Millis,
    /// Recovery point target in time: how many seconds of writes may be missing in the other site.
    pub loss_target: Millis,
    /// Recovery point target in bytes of WAL, the bound that readiness checks use.
    pub loss_target_bytes: ByteLag,
    /// How old the backup's last message from the primary may be.
    pub message_age_limit: Millis,
    /// How far a node's clock may be from the console's.
    pub clock_limit: Millis,
    /// How many members of the other site must be up before it may become active.
    pub standby_members_min: u32,
    /// Recovery time target: how long clients may be without writes when the active site changes.
    pub recovery_time_target: Millis,
    /// How long a planned operation lets the members of the old site keep their sessions. Zero: it does not wait.
    pub drain_for: Millis,
    /// How many members may be active at once.
    pub members_active_max: u32,
    /// Only members of the active site may be active.
    pub members_local: bool,
    /// No operation may begin for so long after the last one.
    pub cool_down: Millis,
    /// Times in which no planned operation may begin, such as the end of a quarter.
    pub freeze_windows: Vec<FreezeWindow>,
}

impl Policy {
    /// Whether nothing else may begin yet, when it may at `until`. An end that lies further ahead than such a time may last was written by a clock
    /// that has been set back since; those of two machines may be a little apart.
    pub fn is_cooling(&self, until: Timestamp, now: Timestamp) -> bool {
        const CLOCKS_APART: u64 = 60_000;
        until > now && Millis::between(now, until).0 <= self.cool_down.0.saturating_add(CLOCKS_APART)
    }

    /// The freeze window that is open at `now`; of several, the one that ends last.
    pub fn freeze(&self, now: Timestamp) -> Option<&FreezeWindow> {
        self.freeze_windows.iter().filter(|window| window.from <= now && now < window.until).max_by_key(|window| window.until)
    }
}

/// A time in which no planned operation may begin. An emergency failover may.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct FreezeWindow {
    /// From then on.
    pub from: Timestamp,
    /// Until then.
    pub until: Timestamp,
    /// Why, in a few words of the pool's owners.
    pub reason: String,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            stale_after: Millis(5_000),
            lost_after: Millis(15_000),
            loss_target: Millis(5_000),
            loss_target_bytes: ByteLag(16 * 1024 * 1024),
            message_age_limit: Millis(3_000),
            clock_limit: Millis(2_000),
            standby_members_min: 1,
            recovery_time_target: Millis(60_000),
            drain_for: Millis(0),
            members_active_max: 1_000,
            members_local: true,
            cool_down: Millis(10_000),
            freeze_windows: Vec::new(),
        }
    }
}

/// What kind of thing an endpoint is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum EndpointKind {
    /// A Patroni REST interface.
    Patroni,
    /// A `PostgreSQL` server.
    Postgres,
    /// An `HAProxy` runtime interface.
    Haproxy,
    /// An etcd client interface.
    Etcd,
}

/// One configured endpoint and where it belongs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its site.
    pub side: Side,
    /// What it is.
    pub kind: EndpointKind,
    /// Its name, unique in the pool.
    pub name: EndpointName,
}

impl Pool {
    /// Every endpoint of the pool, site by site.
    pub fn endpoints(&self) -> Vec<Endpoint> {
        let mut all = Vec::new();
        for (side, site) in self.sites.iter() {
            let mut add = |kind, name: &EndpointName| all.push(Endpoint { side, kind, name: name.clone() });
            for node in &site.nodes {
                add(EndpointKind::Patroni, &node.patroni);
                add(EndpointKind::Postgres, &node.postgres);
            }
            site.proxies.iter().for_each(|name| add(EndpointKind::Haproxy, name));
            site.etcd.iter().for_each(|name| add(EndpointKind::Etcd, name));
        }
        all
    }
}
