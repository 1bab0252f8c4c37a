//! What is the matter with a pool: a closed list of findings, worked out from the picture.

use crate::picture::{NodeView, Readings};
use crate::{
    EndpointName, LinkKind, LinkPicture, LinkState, MemberName, MemberState, Millis, NodeName, NodeState, Picture, ProbeFailure, Promotion,
    ProtectionState, Side, SiteRole, Timeline, Witness,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Something that a person should know. Ordered by how bad it is; see [`Finding::severity`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
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
    /// At a node's address another server answers: another name, another database, or the process that answers for another node too.
    OtherServerAnswers {
        /// The node that is configured there.
        node: NodeName,
    },
    /// No database and no Patroni of a site answers the console, but others see it alive.
    ConsoleCutOff {
        /// The site.
        side: Side,
        /// It is the site that the other one follows.
        active: bool,
        /// The strongest sign of life.
        witness: Witness,
    },
    /// The active site does not answer, and nobody has seen a sign of life of it.
    #[serde(alias = "active_site_lost")]
    ActiveSiteSilent {
        /// Which.
        side: Side,
        /// Its last good answer.
        heard_at: Option<Timestamp>,
    },
    /// The standby site does not answer, and nobody has seen a sign of life of it.
    #[serde(alias = "standby_site_lost")]
    StandbySiteSilent {
        /// Which.
        side: Side,
        /// Its last good answer.
        heard_at: Option<Timestamp>,
    },
    /// Neither site answers: more likely the console is cut off than both are gone.
    NothingAnswers,
    /// No node of the pool accepts writes: each of them says so.
    NoPrimary,
    /// No node is seen to accept writes, but not every node is seen: whether clients are served is not known.
    PrimaryNotSeen {
        /// The nodes that are not seen.
        unseen: Vec<NodeName>,
    },
    /// The sites answer us, but not each other.
    Partitioned,
    /// A site is back after having been lost and is not following yet.
    ReturningSite {
        /// Which.
        side: Side,
    },
    /// A site that was failed over from is back, read-only, and keeps what only it has until it is re-protected.
    HeldSite {
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
    /// A node's `PostgreSQL` is down, by its Patroni's word.
    NodeDown {
        /// Which.
        node: NodeName,
    },
    /// Neither a node's `PostgreSQL` nor its Patroni answers.
    NodeSilent {
        /// Which.
        node: NodeName,
        /// What came of the newest question to its `PostgreSQL`.
        cause: ProbeFailure,
        /// Since when it fails.
        since: Timestamp,
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
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
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
            Finding::ActiveSiteSilent { .. }
            | Finding::StandbySiteSilent { .. }
            | Finding::PrimaryNotSeen { .. }
            | Finding::ConsoleCutOff { .. }
            | Finding::NothingAnswers
            | Finding::NoPrimary
            | Finding::Partitioned
            | Finding::ProtectionOff => Severity::Serious,
            Finding::OtherServerAnswers { .. }
            | Finding::ReturningSite { .. }
            | Finding::HeldSite { .. }
            | Finding::LagOverTarget
            | Finding::NoActiveMember { .. } => Severity::AtRisk,
            Finding::LinkDown { .. }
            | Finding::NodeDown { .. }
            | Finding::NodeSilent { .. }
            | Finding::ReplayPaused { .. }
            | Finding::MemberDown { .. }
            | Finding::ClusterPaused { .. }
            | Finding::EndpointFails { .. }
            | Finding::EtcdUnhealthy { .. } => Severity::Degraded,
        }
    }
}

/// A heartbeat row is written each second and read in rounds of a second: one that is replayed at all is no further behind than this.
const BEATS_APART: Millis = Millis(5_000);

/// Everything that is the matter, worst first.
pub(crate) fn diagnose(readings: &Readings, picture: &Picture) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(databases(readings));
    findings.extend(sites(readings, picture));
    findings.extend(replication(readings, picture));
    findings.extend(parts(readings, picture));
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity()));
    findings
}

fn databases(readings: &Readings) -> Vec<Finding> {
    let mut findings = Vec::new();
    let writable = readings.writable();
    if writable.len() > 1 {
        findings.push(Finding::SplitBrain { nodes: writable.iter().map(|view| view.node.name.clone()).collect() });
    }
    if let Some(parent) = collision(readings) {
        findings.push(Finding::Collision { parent });
    }
    if system_identifiers(readings).len() > 1 {
        findings.push(Finding::DifferentDatabases);
    }
    findings
}

/// The database system identifiers of all nodes, as last read, each once.
pub(crate) fn system_identifiers(readings: &Readings) -> Vec<String> {
    let found: std::collections::BTreeSet<String> =
        readings.nodes.iter().filter_map(NodeView::system_identifier).map(str::to_owned).collect();
    found.into_iter().collect()
}

/// Same parent timeline, different end of it: the sites went separate ways under the same number. Patroni does not notice
/// (ENGINES.md, 4), so neither PATCH nor promotion may be used on such a node. Histories do not change by growing old: what was read last
/// counts even when its site is gone, because that is when the failover button is looked at.
///
/// A site that was rewound after a promotion of its own keeps that line in Patroni's history, also beyond its next promotion. Two things
/// refute it: a row that the active site has written and the other one has replayed since, because a node that was fed a foreign history
/// replays nothing; and, where nobody writes, the servers' own history files.
fn collision(readings: &Readings) -> Option<Timeline> {
    if replays_the_active(readings) || of_one_lineage(readings) {
        return None;
    }
    let servers = |side| readings.nodes_of(side).filter_map(|view| view.postgres.last_known()?.lineage.as_ref()).flatten();
    let patronis = |side| readings.nodes_of(side).filter_map(|view| view.patroni.last_known()).flat_map(|facts| &facts.history);
    parted(servers(Side::A), || servers(Side::B)).or_else(|| parted(patronis(Side::A), || patronis(Side::B)))
}

/// The timeline that was left at two places.
fn parted<'a, T: Iterator<Item = &'a Promotion>>(
    mut ours: impl Iterator<Item = &'a Promotion>,
    theirs: impl Fn() -> T,
) -> Option<Timeline> {
    ours.find_map(|one| theirs().find(|other| other.parent == one.parent && other.switched_at != one.switched_at).map(|other| other.parent))
}

/// Every server of the pool that answers is on one timeline, with one history behind it, by its own files; and one in each site does.
fn of_one_lineage(readings: &Readings) -> bool {
    let answers = |view: &&NodeView| view.postgres.fresh().is_some() || view.patroni.fresh().is_some();
    let mut first: Option<(Timeline, &Vec<Promotion>)> = None;
    for view in readings.nodes.iter().filter(answers) {
        let facts = view.postgres.fresh();
        let Some(own) = facts.and_then(|facts| facts.timeline.zip(facts.lineage.as_ref())) else { return false };
        if *first.get_or_insert(own) != own {
            return false;
        }
    }
    Side::BOTH.into_iter().all(|side| readings.nodes_of(side).any(|view| answers(&view)))
}

/// Every node of the site that does not write has a heartbeat row that is as good as the writing node's newest one, by what was read last.
fn replays_the_active(readings: &Readings) -> bool {
    let beat = |view: &NodeView| view.postgres.last_known().and_then(|facts| facts.heartbeat).map(|beat| beat.beat_at);
    let mut writers = readings.nodes.iter().filter(|view| view.was_writable());
    let (Some(writer), None) = (writers.next(), writers.next()) else { return false };
    let Some(newest) = beat(writer) else { return false };
    readings.nodes_of(writer.side.other()).all(|view| {
        let (beat, started_at) = (beat(view), view.postgres.last_known().map(|facts| facts.started_at));
        beat.is_some_and(|beat| Millis::between(beat, newest) <= BEATS_APART && Some(beat) > started_at)
    })
}

/// The sign that says most: one of a database that is at work, if there is any.
fn best_sign(witnesses: &[Witness]) -> Option<&Witness> {
    witnesses.iter().find(|witness| witness.kind.is_of_working_database()).or(witnesses.first())
}

fn sites(readings: &Readings, picture: &Picture) -> Vec<Finding> {
    let silent = |side: Side| picture.sites[side].role == SiteRole::Silent;
    if silent(Side::A) && silent(Side::B) {
        return vec![Finding::NothingAnswers];
    }
    let mut findings = Vec::new();
    for (side, site) in picture.sites.iter() {
        let active = picture.target != side;
        if site.role == SiteRole::OutOfSight
            && let Some(witness) = best_sign(&site.witnesses).cloned()
        {
            findings.push(Finding::ConsoleCutOff { side, active, witness });
        }
    }
    for side in Side::BOTH.into_iter().filter(|side| silent(*side)) {
        let heard_at = picture.sites[side].heard_at;
        // `target` is the site that follows, so the other one is where the log came from.
        findings.push(if picture.target == side {
            Finding::StandbySiteSilent { side, heard_at }
        } else {
            Finding::ActiveSiteSilent { side, heard_at }
        });
    }
    let unseen: Vec<NodeName> = picture.sites.iter().flat_map(|(_, site)| &site.unproven).cloned().collect();
    let asked = readings.nodes.iter().any(|view| view.postgres.fresh().is_some() || view.patroni.fresh().is_some());
    if readings.writable().is_empty() && asked {
        // Of a site that is silent, or that the console is cut off from, that is said already.
        let said = picture.sites.iter().any(|(_, site)| matches!(site.role, SiteRole::Silent | SiteRole::OutOfSight));
        if unseen.is_empty() {
            findings.push(Finding::NoPrimary);
        } else if !said {
            findings.push(Finding::PrimaryNotSeen { unseen });
        }
    }
    if let Some(active) = picture.active {
        let other = active.other();
        // It answers, and would come up as a primary of its own if nobody stopped it.
        if !silent(other)
            && readings.follows_by_configuration(other) == Some(false)
            && readings.nodes_of(other).any(|view| view.patroni.fresh().is_some())
        {
            let held = readings.held_by_configuration(other);
            findings.push(if held { Finding::HeldSite { side: other } } else { Finding::ReturningSite { side: other } });
        }
    }
    findings
}

fn replication(readings: &Readings, picture: &Picture) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Some(active) = picture.active else { return findings };
    let fresh = |link: &&LinkPicture| link.knowledge.is_fresh();
    let cross = picture.link(LinkKind::CrossSite).filter(fresh);
    let archive = picture.link(LinkKind::Archive).filter(fresh);
    let cross_down = cross.is_some_and(|link| link.state == LinkState::Broken);
    let archive_down = archive.is_none_or(|link| matches!(link.state, LinkState::Failing | LinkState::Off));
    let other_answers = readings.nodes_of(active.other()).any(|view| view.postgres.fresh().is_some());
    if cross_down && archive_down {
        findings.push(Finding::ProtectionOff);
        let follows = readings.follows_by_configuration(active.other()) == Some(true);
        if other_answers && follows && archive.is_some_and(|link| link.state == LinkState::Failing) {
            findings.push(Finding::Partitioned);
        }
    }
    for link in picture.links.iter().filter(fresh) {
        let down = matches!(link.state, LinkState::Broken | LinkState::Failing);
        // A node that is down is said once, as a node.
        let told_as_node = link
            .to
            .as_ref()
            .and_then(|to| picture.node(to))
            .is_some_and(|(_, node)| matches!(node.state, NodeState::Stopped | NodeState::NoAnswer));
        if down && (!told_as_node || matches!(link.kind, LinkKind::CrossSite | LinkKind::Archive)) {
            findings.push(Finding::LinkDown { kind: link.kind, to: link.to.clone() });
        }
    }
    if picture.protection.state == ProtectionState::AtRisk && !cross_down {
        findings.push(Finding::LagOverTarget);
    }
    findings
}

fn parts(readings: &Readings, picture: &Picture) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (side, site) in picture.sites.iter() {
        if site.role == SiteRole::Silent {
            continue;
        }
        // That the nodes of such a site fail is said once. Its etcd and its HAProxy may still say something.
        let out_of_sight = site.role == SiteRole::OutOfSight;
        for view in readings.nodes_of(side).filter(|view| view.impostor) {
            findings.push(Finding::OtherServerAnswers { node: view.node.name.clone() });
        }
        for node in site.nodes.iter().filter(|_| !out_of_sight) {
            let failure =
                site.endpoints.iter().find(|endpoint| endpoint.name == node.postgres).and_then(|endpoint| endpoint.failure.clone());
            match (node.state, failure) {
                (NodeState::NoAnswer, Some((cause, since))) => {
                    findings.push(Finding::NodeSilent { node: node.name.clone(), cause, since });
                }
                _ if !node.knowledge.is_fresh() => {}
                (NodeState::Stopped, _) => findings.push(Finding::NodeDown { node: node.name.clone() }),
                (NodeState::ReplayPaused, _) => findings.push(Finding::ReplayPaused { node: node.name.clone() }),
                _ => {}
            }
        }
        for member in site.members.iter().filter(|member| member.knowledge.is_fresh() && member.state == MemberState::Down) {
            findings.push(Finding::MemberDown { member: member.name.clone(), side });
        }
        let known = site.members.iter().filter(|member| member.knowledge.is_fresh());
        if picture.active == Some(side) && known.clone().count() > 0 && !known.clone().any(|member| member.state == MemberState::Active) {
            findings.push(Finding::NoActiveMember { side });
        }
        if readings.nodes_of(side).any(|view| view.patroni.fresh().is_some_and(|facts| facts.paused)) {
            findings.push(Finding::ClusterPaused { side });
        }
        for endpoint in &site.endpoints {
            let down = |node: &crate::NodePicture| {
                matches!(node.state, NodeState::Stopped | NodeState::NoAnswer)
                    && (node.postgres == endpoint.name || node.patroni == endpoint.name)
            };
            if let Some((cause, since)) = &endpoint.failure
                && *cause != ProbeFailure::NotAskedYet
                && !out_of_sight
                && !site.nodes.iter().any(down)
            {
                let (endpoint, cause, since) = (endpoint.name.clone(), cause.clone(), *since);
                findings.push(Finding::EndpointFails { endpoint, side, cause, since });
            }
        }
        for etcd in &readings.pool.sites[side].etcd {
            if readings.etcd(etcd).fresh().is_some_and(|facts| !facts.healthy) {
                findings.push(Finding::EtcdUnhealthy { endpoint: etcd.clone() });
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests;
