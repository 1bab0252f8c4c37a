//! The picture of a pool: everything a person or a rule may know about it at one instant, worked out from readings.
//! Pages show it, the live stream carries it, readiness and (later) operations judge by it.

mod links;
mod protection;
mod readings;
mod sites;
mod witnesses;
mod work_out;

pub(crate) use readings::{NodeView, Readings, WriteState};
pub(crate) use sites::members_up;

pub use work_out::{Sightings, work_out};

use crate::operation::{FenceState, OperationSummary, PoolState};
use crate::{
    ByteLag, Check, CheckKind, EndpointKind, EndpointName, Evidence, Finding, Lsn, MemberName, MemberState, Millis, NodeName, Objection,
    Pair, PoolId, ProbeFailure, Side, SiteId, Timeline, Verdict, Witness,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A pool at one instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Picture {
    /// The pool's name.
    pub pool: PoolId,
    /// What it is for.
    pub title: String,
    /// The site it prefers.
    pub home: Side,
    /// Which site accepts writes. `None`: none does, both do, or it is not known.
    pub active: Option<Side>,
    /// The site that a switchover or failover would make active.
    pub target: Side,
    /// The sites, in their places.
    pub sites: Pair<SitePicture>,
    /// Replication between nodes.
    pub links: Vec<LinkPicture>,
    /// What would be lost if the active site died now.
    pub protection: Protection,
    /// What is the matter, worst first. Empty means healthy.
    pub findings: Vec<Finding>,
    /// Whether the pool is ready for a planned operation, and why not, worst first.
    pub checks: Vec<Check>,
    /// Why each guarded action cannot be taken now.
    pub actions: Actions,
    /// The recovery point targets, for showing beside the figures.
    pub loss_target: Millis,
    /// The same in bytes of WAL.
    pub loss_target_bytes: ByteLag,
    /// What the console's store says about the pool: its epoch, fences, the running operation.
    pub pool_state: PoolState,
}

/// How well a part of the picture is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Knowledge {
    /// Read recently.
    Fresh {
        /// When.
        seen_at: Timestamp,
    },
    /// Read, but too long ago to rely on.
    Stale {
        /// When.
        seen_at: Timestamp,
        /// Why nothing newer is there.
        cause: Option<ProbeFailure>,
    },
    /// Never read since the console started.
    Missing {
        /// Why.
        cause: ProbeFailure,
    },
}

impl Knowledge {
    /// It may be relied on.
    pub fn is_fresh(&self) -> bool {
        matches!(self, Knowledge::Fresh { .. })
    }

    /// When it was read.
    pub fn seen_at(&self) -> Option<Timestamp> {
        match self {
            Knowledge::Fresh { seen_at } | Knowledge::Stale { seen_at, .. } => Some(*seen_at),
            Knowledge::Missing { .. } => None,
        }
    }
}

/// A site at one instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SitePicture {
    /// Its name.
    pub id: SiteId,
    /// Where it is.
    pub place: String,
    /// What part it plays.
    pub role: SiteRole,
    /// The newest good answer of any of its endpoints.
    pub heard_at: Option<Timestamp>,
    /// Signs of life of it that others have seen, the strongest first. What the console hears itself is not repeated here.
    #[serde(default)]
    pub witnesses: Vec<Witness>,
    /// Database nodes of which nothing that proves who it is says whether they accept writes: before a failover somebody has to say that
    /// these are off.
    #[serde(default)]
    pub unproven: Vec<NodeName>,
    /// Its database cluster's leader, from the nodes themselves.
    pub leader: Option<NodeName>,
    /// Its database nodes, in the order of the configuration.
    pub nodes: Vec<NodePicture>,
    /// Its members, in `HAProxy`'s order.
    pub members: Vec<MemberPicture>,
    /// Every endpoint of it, in the order of the configuration: the source and age of everything above.
    pub endpoints: Vec<EndpointPicture>,
}

/// What part a site plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SiteRole {
    /// Its primary accepts writes.
    Active,
    /// Follows the active site.
    Standby,
    /// Accepts writes although the other one does too.
    ClaimsActive,
    /// Told by the console not to come back as active.
    Fenced,
    /// Not a single good answer for longer than the limit, and nobody else has seen a sign of life either. Whether it is dead is not known.
    #[serde(alias = "lost")]
    Silent,
    /// None of its databases and none of its Patronis answers this console, but others see that it is alive.
    OutOfSight,
    /// Some answers, or none for a short while: not enough to say.
    Unknown,
}

/// A database node at one instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NodePicture {
    /// Its name.
    pub name: NodeName,
    /// What part it plays.
    pub role: NodeRole,
    /// What it is doing; in the past tense when `knowledge` is not fresh.
    pub state: NodeState,
    /// How well the figures of this node are known; they come from its `PostgreSQL`.
    pub knowledge: Knowledge,
    /// The timeline it writes or receives.
    pub timeline: Option<Timeline>,
    /// On a primary the end of what is written, else of what is received.
    pub position: Option<Lsn>,
    /// On a standby the end of what is replayed.
    pub replayed: Option<Lsn>,
    /// When its `PostgreSQL` was started.
    pub started_at: Option<Timestamp>,
    /// `PostgreSQL`'s version, such as 150018.
    pub server_version: Option<u32>,
    /// WAL kept for slots on this node, in bytes; only on nodes that have slots.
    pub kept_for_slots: Option<ByteLag>,
    /// What answers at its addresses is another server (`Finding::OtherServerAnswers`): nothing of it is a word of this node.
    #[serde(default)]
    pub impostor: bool,
    /// Its Patroni endpoint.
    pub patroni: EndpointName,
    /// Its `PostgreSQL` endpoint.
    pub postgres: EndpointName,
}

/// What part a node plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum NodeRole {
    /// The only writable node.
    Primary,
    /// Synchronous replica in the active site.
    SyncStandby,
    /// Leader of the standby cluster.
    StandbyLeader,
    /// Follows the backup.
    BackupMirror,
    /// Never seen since the console started, or its part cannot be told.
    Unknown,
}

/// What a node is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    /// A primary, out of recovery.
    AcceptingWrites,
    /// A synchronous replica that confirms commits.
    InStep,
    /// Streams and replays.
    Replaying,
    /// Gets its log from the archive because streaming is away.
    FromArchive,
    /// In recovery, but nothing arrives.
    WaitingForLog,
    /// Replay was paused by somebody.
    ReplayPaused,
    /// Starting, stopping or being created.
    InTransition,
    /// `PostgreSQL` is down: its Patroni says so.
    Stopped,
    /// Neither its `PostgreSQL` nor its Patroni answers; whether it is down is not known.
    NoAnswer,
    /// Not known.
    Unknown,
}

/// A member at one instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MemberPicture {
    /// Its name.
    pub name: MemberName,
    /// What it is doing; in the past tense when `knowledge` is not fresh.
    pub state: MemberState,
    /// Its health check passes.
    pub healthy: bool,
    /// Sessions on it.
    pub sessions: u32,
    /// When its state last changed.
    pub since: Option<Timestamp>,
    /// How well this is known.
    pub knowledge: Knowledge,
    /// The `HAProxy` that says so.
    pub source: EndpointName,
}

/// An endpoint at one instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct EndpointPicture {
    /// Its name.
    pub name: EndpointName,
    /// What it is.
    pub kind: EndpointKind,
    /// How well it is known.
    pub knowledge: Knowledge,
    /// What is the matter with it right now and since when, even while its last answer is still fresh.
    pub failure: Option<(ProbeFailure, Timestamp)>,
}

/// Replication from one node to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LinkPicture {
    /// Which of the four kinds.
    pub kind: LinkKind,
    /// The side it starts on.
    pub from_side: Side,
    /// The node it starts at.
    pub from: Option<NodeName>,
    /// The side it ends on.
    pub to_side: Side,
    /// The node it ends at.
    pub to: Option<NodeName>,
    /// What it is doing.
    pub state: LinkState,
    /// How far the target is behind, in bytes of WAL. Mirror, cross-site and cascade: what the target has not flushed.
    /// Archive: what is not yet in the other site's share.
    pub lag_bytes: Option<ByteLag>,
    /// The same in time, by the heartbeat row (archive: age of the newest file while there is something to ship).
    pub lag: Option<Millis>,
    /// How long a commit waits for the mirror; only while there are commits.
    pub commit_wait: Option<Millis>,
    /// The archive's newest file.
    pub newest_file: Option<String>,
    /// How well this is known: as badly as the worse of the two ends.
    pub knowledge: Knowledge,
}

/// The kinds of link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LinkKind {
    /// Primary to mirror, within the active site.
    Mirror,
    /// Primary to backup, between the sites.
    CrossSite,
    /// Backup to backup mirror, within the standby site.
    Cascade,
    /// Log shipping of WAL files between the sites.
    Archive,
}

impl LinkKind {
    /// In the order pages show them.
    pub const ALL: [LinkKind; 4] = [LinkKind::Mirror, LinkKind::CrossSite, LinkKind::Cascade, LinkKind::Archive];
}

/// What a link is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    /// Records flow.
    Streaming,
    /// Records flow and commits wait for them.
    Synchronous,
    /// Flows, but the target still replays old records.
    CatchingUp,
    /// Files are shipped (archive), all of them so far.
    Shipping,
    /// Shipping fails, or nothing has been shipped for too long.
    Failing,
    /// Nothing flows.
    Broken,
    /// Not configured.
    Off,
    /// Not known.
    Unknown,
}

/// What would be lost if the active site died now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Protection {
    /// In one word.
    pub state: ProtectionState,
    /// Writes that the other site does not have, in bytes of WAL.
    pub loss_bytes: Option<ByteLag>,
    /// The same in time.
    pub loss: Option<Millis>,
    /// How the figures are to be read.
    pub bound: Bound,
    /// When the figures were read.
    pub measured_at: Option<Timestamp>,
}

/// Protection in one word, worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ProtectionState {
    /// The other site follows within the targets.
    Protected,
    /// Not known well enough to say.
    NoReading,
    /// The other site follows, but too far behind, or with a part missing.
    AtRisk,
    /// The other site does not follow.
    Unprotected,
    /// A site does not answer, and nobody has seen a sign of life of it.
    #[serde(alias = "site_lost")]
    SiteSilent,
    /// Both sites accept writes.
    SplitBrain,
}

/// How a figure is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// About this much: an estimate of the present.
    About,
    /// At least this much: the link is broken and the other end was last seen there.
    AtLeast,
    /// It was this much when last read.
    Was,
    /// Nothing is known.
    NotKnown,
}

/// The three guarded actions: what stands in the way of each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Actions {
    /// Planned switchover to the other site.
    pub switchover: Vec<Objection>,
    /// Emergency failover to the other site. What is in `Objection::is_advice` only advises against it.
    pub failover: Vec<Objection>,
    /// Emergency failover to the site that is not the target. Only there when nobody is seen to write: then either site may be the way out,
    /// whatever the log says of who followed whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failover_other: Option<Vec<Objection>>,
    /// Failback to the home site.
    pub failback: Vec<Objection>,
}

/// A pool on one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Summary {
    /// The pool's name.
    pub pool: PoolId,
    /// What it is for.
    pub title: String,
    /// Names and roles of its sites.
    #[cfg_attr(feature = "schema", schema(value_type = Pair<Vec<String>>))]
    pub sites: Pair<(SiteId, SiteRole)>,
    /// Which site accepts writes.
    pub active: Option<Side>,
    /// The state of the cross-site link.
    pub cross_site: LinkState,
    /// What would be lost.
    pub protection: Protection,
    /// The worst finding, if there is one.
    pub worst: Option<Finding>,
    /// How many findings there are.
    pub findings: usize,
    /// The recovery point target.
    pub loss_target: Millis,
    /// The operation that has not ended.
    pub operation: Option<OperationSummary>,
}

impl Picture {
    /// The same picture with what stands about the pool: a site that has confirmed that it is fenced is shown as such until it follows. One
    /// that was only asked is what it is.
    #[must_use]
    pub fn with_pool_state(mut self, pool_state: PoolState) -> Picture {
        for fence in &pool_state.fences {
            let role = &mut self.sites[fence.side].role;
            let unheard = matches!(role, SiteRole::Silent | SiteRole::OutOfSight | SiteRole::Unknown);
            if unheard && fence.state() == FenceState::Confirmed {
                *role = SiteRole::Fenced;
            }
        }
        self.pool_state = pool_state;
        self
    }

    /// Both sites accept writes.
    pub fn is_split(&self) -> bool {
        self.sites.iter().all(|(_, site)| site.role == SiteRole::ClaimsActive)
    }

    /// How far the log of a site goes, by what its nodes say now; nothing when none of them does.
    pub fn log_end(&self, side: Side) -> Option<(Timeline, Lsn)> {
        let fresh = self.sites[side].nodes.iter().filter(|node| node.knowledge.is_fresh());
        fresh.filter_map(|node| Some((node.timeline?, node.position?))).max()
    }

    /// What stands in the way of an emergency failover to a site; nothing when that is no question, because it is the active one.
    pub fn failover_to(&self, to: Side) -> Option<&[Objection]> {
        if to == self.target { Some(&self.actions.failover) } else { self.actions.failover_other.as_deref() }
    }

    /// The pool on one line.
    pub fn summary(&self) -> Summary {
        Summary {
            pool: self.pool.clone(),
            title: self.title.clone(),
            sites: Pair::of(|side| (self.sites[side].id.clone(), self.sites[side].role)),
            active: self.active,
            cross_site: self.link(LinkKind::CrossSite).map_or(LinkState::Unknown, |link| link.state),
            protection: self.protection.clone(),
            worst: self.findings.first().cloned(),
            findings: self.findings.len(),
            loss_target: self.loss_target,
            operation: self.pool_state.operation.clone(),
        }
    }

    /// The site whose silence is the one reason why a check cannot be told: readings are missing from there only, and nothing there gives
    /// any. Nothing when the check can be told, or has another reason: then it has to be looked at by itself.
    pub fn silence_behind(&self, kind: CheckKind) -> Option<Side> {
        let check = self.checks.iter().find(|check| check.kind == kind && check.verdict == Verdict::Unknown)?;
        let Evidence::NoReading { endpoints } = &check.evidence else { return None };
        let missing = |side: &Side| self.sites[*side].endpoints.iter().any(|endpoint| endpoints.contains(&endpoint.name));
        let silent = |side: &Side| !self.sites[*side].endpoints.iter().any(|endpoint| endpoint.knowledge.is_fresh());
        let mut sides = Side::BOTH.into_iter().filter(missing);
        sides.next().filter(|side| silent(side) && sides.next().is_none())
    }

    /// The link of a kind. Each kind is there at most once towards each node; this is the first.
    pub fn link(&self, kind: LinkKind) -> Option<&LinkPicture> {
        self.links.iter().find(|link| link.kind == kind)
    }

    /// A node and its side, by name.
    pub fn node(&self, name: &NodeName) -> Option<(Side, &NodePicture)> {
        self.sites.iter().find_map(|(side, site)| site.nodes.iter().find(|node| node.name == *name).map(|node| (side, node)))
    }
}
