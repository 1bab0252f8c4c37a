//! What is the matter with a pool: a closed list of findings, worked out from the picture.

use crate::{EndpointName, LinkKind, MemberName, NodeName, ProbeFailure, Side, Timeline};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Something that a person should know. Ordered by how bad it is; see [`Finding::severity`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
pub enum Finding {
    /// Both sites accept writes.
    SplitBrain {
        /// The writable nodes.
        nodes: Vec<NodeName>,
    },
    /// Two histories of the same timeline: a node that must neither be promoted nor told to follow.
    Collision {
        /// The timeline that forked twice.
        parent: Timeline,
    },
    /// Not all nodes are copies of one database.
    DifferentDatabases,
    /// The active site does not answer.
    ActiveSiteLost {
        /// Which.
        side: Side,
        /// Its last good answer.
        heard_at: Option<Timestamp>,
    },
    /// The standby site does not answer.
    StandbySiteLost {
        /// Which.
        side: Side,
        /// Its last good answer.
        heard_at: Option<Timestamp>,
    },
    /// Neither site answers: more likely the console is cut off than both are gone.
    NothingAnswers,
    /// No node of the pool accepts writes.
    NoPrimary,
    /// The sites answer us, but not each other.
    Partitioned,
    /// A site is back after having been lost and is not following yet.
    ReturningSite {
        /// Which.
        side: Side,
    },
    /// The other site gets neither stream nor archive.
    ProtectionOff,
    /// A link is broken or failing while others still protect.
    LinkDown {
        /// Which kind.
        kind: LinkKind,
        /// The end that gets nothing.
        to: Option<NodeName>,
    },
    /// The other site is further behind than the target.
    LagOverTarget,
    /// A node's `PostgreSQL` is down.
    NodeDown {
        /// Which.
        node: NodeName,
    },
    /// Replay was paused by somebody.
    ReplayPaused {
        /// Where.
        node: NodeName,
    },
    /// A member fails its health check.
    MemberDown {
        /// Which.
        member: MemberName,
        /// Its site.
        side: Side,
    },
    /// No member of the active site takes sessions.
    NoActiveMember {
        /// The active site.
        side: Side,
    },
    /// A cluster's Patroni is paused.
    ClusterPaused {
        /// Its site.
        side: Side,
    },
    /// An endpoint gives no usable answer.
    EndpointFails {
        /// Which.
        endpoint: EndpointName,
        /// Its site.
        side: Side,
        /// Why.
        cause: ProbeFailure,
        /// Since when.
        since: Timestamp,
    },
    /// An etcd says that it is not healthy.
    EtcdUnhealthy {
        /// Which.
        endpoint: EndpointName,
    },
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Something is missing that still has a stand-in.
    Degraded,
    /// A site's death would cost data, or nobody knows.
    AtRisk,
    /// The pool does not serve, or protects nothing.
    Serious,
    /// Data is being damaged right now.
    Critical,
}

impl Finding {
    /// How bad it is.
    pub fn severity(&self) -> Severity {
        match self {
            Finding::SplitBrain { .. } | Finding::Collision { .. } | Finding::DifferentDatabases => Severity::Critical,
            Finding::ActiveSiteLost { .. }
            | Finding::StandbySiteLost { .. }
            | Finding::NothingAnswers
            | Finding::NoPrimary
            | Finding::Partitioned
            | Finding::ProtectionOff => Severity::Serious,
            Finding::ReturningSite { .. } | Finding::LagOverTarget | Finding::NoActiveMember { .. } => Severity::AtRisk,
            Finding::LinkDown { .. }
            | Finding::NodeDown { .. }
            | Finding::ReplayPaused { .. }
            | Finding::MemberDown { .. }
            | Finding::ClusterPaused { .. }
            | Finding::EndpointFails { .. }
            | Finding::EtcdUnhealthy { .. } => Severity::Degraded,
        }
    }
}
