//! What others say of a site that the console itself does not hear. A site that somebody else sees alive is not dead, however silent it is to
//! us: a firewall, a router or a cut line of the console's own can say "refused" and "no route" in its name.

use crate::{EndpointName, NodeName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A sign of life of a site, seen by something other than the console.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Witness {
    /// What kind of sign it is.
    pub kind: WitnessKind,
    /// The endpoint whose answer says so.
    pub seen_by: EndpointName,
    /// The node of the site that gave the sign, where that is told.
    pub node: Option<NodeName>,
    /// When it gave the sign.
    pub at: Timestamp,
}

/// The kinds of sign. A failover that goes against one names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum WitnessKind {
    /// A database of the other site still gets messages from it (`pg_stat_wal_receiver`).
    LogStream,
    /// A database of it still confirms what the other site sends (`pg_stat_replication`).
    LogReplies,
    /// A node of it has renewed Patroni's leader key in the site's own etcd.
    LeaderKey,
    /// The other site's `HAProxy` sees a primary there (the backend of the write guard).
    ProxyCheck,
    /// A database server answers at the address of one of its nodes, and turns the console down.
    DatabaseRefuses,
}

impl WitnessKind {
    /// It is a sign of a database that is at work. A leader key is renewed by Patroni, whether its database answers anybody or not, and a server
    /// that turns the console down may turn everybody down.
    pub fn is_of_working_database(self) -> bool {
        match self {
            WitnessKind::LogStream | WitnessKind::LogReplies | WitnessKind::ProxyCheck => true,
            WitnessKind::LeaderKey | WitnessKind::DatabaseRefuses => false,
        }
    }

    /// All of them, the strongest sign first.
    pub const ALL: [WitnessKind; 5] =
        [WitnessKind::LogStream, WitnessKind::ProxyCheck, WitnessKind::LeaderKey, WitnessKind::LogReplies, WitnessKind::DatabaseRefuses];

    /// The word in forms, on the command line and in the API.
    pub fn code(self) -> &'static str {
        match self {
            WitnessKind::LogStream => "log_stream",
            WitnessKind::LogReplies => "log_replies",
            WitnessKind::LeaderKey => "leader_key",
            WitnessKind::ProxyCheck => "proxy_check",
            WitnessKind::DatabaseRefuses => "database_refuses",
        }
    }
}

impl std::str::FromStr for WitnessKind {
    type Err = UnknownWitness;

    fn from_str(text: &str) -> Result<WitnessKind, UnknownWitness> {
        let same = |kind: &WitnessKind| kind.code().eq_ignore_ascii_case(text) || kind.code().replace('_', "-").eq_ignore_ascii_case(text);
        WitnessKind::ALL.into_iter().find(same).ok_or(UnknownWitness)
    }
}

/// The text names no kind of witness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a witness is one of log-stream, proxy-check, leader-key, log-replies and database-refuses")]
pub struct UnknownWitness;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_from_its_word() {
        for kind in WitnessKind::ALL {
            assert_eq!(kind.code().parse(), Ok(kind));
            assert_eq!(kind.code().replace('_', "-").parse(), Ok(kind));
        }
        assert_eq!("rumour".parse::<WitnessKind>(), Err(UnknownWitness));
    }
}
