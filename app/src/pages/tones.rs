//! From states to the families of the design: a total map for each, so that a new state cannot be forgotten.

use crate::ui::{Heading, Part, Place, Road, Sign, Tone};
use switchback_domain::{
    EndpointPicture, Knowledge, LinkPicture, LinkState, MemberPicture, MemberState, NodePicture, NodeRole, NodeState, ProtectionState,
    Severity, Side, SiteRole, Verdict,
};

/// Protection of a pool.
pub(super) fn protection(state: ProtectionState) -> Tone {
    match state {
        ProtectionState::Protected => Tone::Ok,
        ProtectionState::NoReading => Tone::Stale,
        ProtectionState::AtRisk => Tone::Warn,
        ProtectionState::Unprotected | ProtectionState::SiteSilent => Tone::Fail,
        ProtectionState::SplitBrain => Tone::Split,
    }
}

/// A finding.
pub(super) fn severity(severity: Severity) -> Tone {
    match severity {
        Severity::Degraded | Severity::AtRisk => Tone::Warn,
        Severity::Serious => Tone::Fail,
        Severity::Critical => Tone::Split,
    }
}

/// A check.
pub(super) fn verdict(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Pass => Tone::Ok,
        Verdict::Warn => Tone::Warn,
        Verdict::Fail => Tone::Fail,
        Verdict::Unknown => Tone::Stale,
    }
}

/// A site's tile and column.
pub(super) fn part(role: SiteRole) -> Part {
    match role {
        SiteRole::Active => Part::Active,
        SiteRole::Standby => Part::Standby,
        SiteRole::ClaimsActive => Part::Split,
        SiteRole::Fenced => Part::Fenced,
        SiteRole::Silent | SiteRole::OutOfSight | SiteRole::Unknown => Part::Lost,
    }
}

/// A site's chip, and its sign where that is not the tone's own.
pub(super) fn site(role: SiteRole) -> (Tone, Option<Sign>) {
    match role {
        SiteRole::Active => (Tone::Ok, Some(Sign::Flag)),
        SiteRole::Standby => (Tone::Idle, Some(Sign::Pause)),
        SiteRole::ClaimsActive => (Tone::Split, None),
        SiteRole::Fenced => (Tone::Idle, Some(Sign::Fence)),
        SiteRole::Silent => (Tone::Fail, None),
        SiteRole::OutOfSight => (Tone::Warn, None),
        SiteRole::Unknown => (Tone::Stale, None),
    }
}

/// A node. `split`: its site accepts writes although the other one does too.
pub(super) fn node(node: &NodePicture, split: bool) -> Tone {
    match node.state {
        // That it is down is read from its absence, so the last answer need not be fresh.
        NodeState::Stopped => Tone::Fail,
        NodeState::NoAnswer | NodeState::Unknown => Tone::Stale,
        _ if !node.knowledge.is_fresh() => Tone::Stale,
        NodeState::AcceptingWrites if split => Tone::Split,
        NodeState::AcceptingWrites | NodeState::InStep | NodeState::Replaying => Tone::Ok,
        NodeState::FromArchive | NodeState::WaitingForLog | NodeState::ReplayPaused | NodeState::InTransition => Tone::Warn,
    }
}

/// The frame of a node's card.
pub(super) fn place(node: &NodePicture, site: SiteRole) -> Place {
    match (node.state, site) {
        _ if !node.knowledge.is_fresh() => Place::Stale,
        (NodeState::AcceptingWrites, SiteRole::ClaimsActive) => Place::Split,
        (NodeState::AcceptingWrites, _) => Place::Primary,
        (_, SiteRole::Fenced) => Place::Fenced,
        _ => Place::Copy,
    }
}

/// A node's sign.
pub(super) fn node_sign(role: NodeRole) -> Sign {
    match role {
        NodeRole::Primary | NodeRole::StandbyLeader | NodeRole::Unknown => Sign::Database,
        NodeRole::SyncStandby | NodeRole::BackupMirror => Sign::Mirror,
    }
}

/// A member.
pub(super) fn member(member: &MemberPicture) -> Tone {
    match member.state {
        _ if !member.knowledge.is_fresh() => Tone::Stale,
        MemberState::Unknown => Tone::Stale,
        MemberState::Down => Tone::Fail,
        MemberState::Active | MemberState::Standby if !member.healthy => Tone::Fail,
        MemberState::Active => Tone::Ok,
        MemberState::Draining => Tone::Warn,
        MemberState::Standby | MemberState::Maintenance => Tone::Idle,
    }
}

/// A link's word.
pub(super) fn link(link: &LinkPicture) -> Tone {
    match link.state {
        LinkState::Off => Tone::Idle,
        LinkState::Unknown => Tone::Stale,
        // A link that broke stays broken, however long ago its ends were heard.
        LinkState::Broken | LinkState::Failing => Tone::Fail,
        _ if !link.knowledge.is_fresh() => Tone::Stale,
        LinkState::Streaming | LinkState::Synchronous | LinkState::Shipping => Tone::Ok,
        LinkState::CatchingUp => Tone::Warn,
    }
}

/// A link's line. `split`: both sites accept writes, so their copies grow apart.
pub(super) fn road(link: &LinkPicture, split: bool) -> Road {
    match link.state {
        _ if split => Road::Split,
        LinkState::Off => Road::None,
        LinkState::Broken | LinkState::Failing => Road::Broken,
        LinkState::Unknown => Road::Stale,
        _ if !link.knowledge.is_fresh() => Road::Stale,
        LinkState::Streaming | LinkState::Synchronous | LinkState::CatchingUp | LinkState::Shipping => Road::Ok,
    }
}

/// The line between the tiles of a pool on one line.
pub(super) fn summary_road(state: LinkState, protection: ProtectionState) -> Road {
    match (protection, state) {
        (ProtectionState::SplitBrain, _) => Road::Split,
        (ProtectionState::NoReading, _) | (_, LinkState::Unknown) => Road::Stale,
        (_, LinkState::Off) => Road::None,
        (_, LinkState::Broken | LinkState::Failing) => Road::Broken,
        (_, LinkState::Streaming | LinkState::Synchronous | LinkState::CatchingUp | LinkState::Shipping) => Road::Ok,
    }
}

/// Where data goes that starts at a side.
pub(super) fn heading(from: Side) -> Heading {
    match from {
        Side::A => Heading::AToB,
        Side::B => Heading::BToA,
    }
}

/// An endpoint.
pub(super) fn endpoint(endpoint: &EndpointPicture) -> Tone {
    match (&endpoint.knowledge, &endpoint.failure) {
        (Knowledge::Fresh { .. }, None) => Tone::Ok,
        (Knowledge::Fresh { .. }, Some(_)) => Tone::Warn,
        (Knowledge::Stale { .. }, None) => Tone::Stale,
        (Knowledge::Stale { .. } | Knowledge::Missing { .. }, _) => Tone::Fail,
    }
}
