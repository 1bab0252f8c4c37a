//! Roles and states. What is not fresh is told in the past tense.

use super::{Locale, say};
use switchback_domain::{EndpointKind, LinkKind, LinkState, MemberState, NodeRole, NodeState, SiteRole};

/// A site's part.
pub fn site_role(lang: Locale, role: SiteRole) -> String {
    match role {
        SiteRole::Active => say!(lang, words.site_role.active),
        SiteRole::Standby => say!(lang, words.site_role.standby),
        SiteRole::ClaimsActive => say!(lang, words.site_role.claims_active),
        SiteRole::Fenced => say!(lang, words.site_role.fenced),
        SiteRole::Silent => say!(lang, words.site_role.silent),
        SiteRole::OutOfSight => say!(lang, words.site_role.out_of_sight),
        SiteRole::Unknown => say!(lang, words.site_role.unknown),
    }
}

/// A node's part.
pub fn node_role(lang: Locale, role: NodeRole) -> String {
    match role {
        NodeRole::Primary => say!(lang, words.node_role.primary),
        NodeRole::SyncStandby => say!(lang, words.node_role.mirror),
        NodeRole::StandbyLeader => say!(lang, words.node_role.backup),
        NodeRole::BackupMirror => say!(lang, words.node_role.backup_mirror),
        NodeRole::Unknown => say!(lang, words.node_role.unknown),
    }
}

/// What a node is doing, or was doing when it was last read.
pub fn node_state(lang: Locale, state: NodeState, fresh: bool) -> String {
    if fresh {
        match state {
            NodeState::AcceptingWrites => say!(lang, words.node_state.accepting_writes),
            NodeState::InStep => say!(lang, words.node_state.in_step),
            NodeState::Replaying => say!(lang, words.node_state.replaying),
            NodeState::FromArchive => say!(lang, words.node_state.from_archive),
            NodeState::WaitingForLog => say!(lang, words.node_state.waiting_for_log),
            NodeState::ReplayPaused => say!(lang, words.node_state.replay_paused),
            NodeState::InTransition => say!(lang, words.node_state.in_transition),
            NodeState::Stopped => say!(lang, words.node_state.stopped),
            NodeState::NoAnswer => say!(lang, words.node_state.no_answer),
            NodeState::Unknown => say!(lang, words.node_state.unknown),
        }
    } else {
        match state {
            NodeState::AcceptingWrites => say!(lang, words.node_state_was.accepting_writes),
            NodeState::InStep => say!(lang, words.node_state_was.in_step),
            NodeState::Replaying => say!(lang, words.node_state_was.replaying),
            NodeState::FromArchive => say!(lang, words.node_state_was.from_archive),
            NodeState::WaitingForLog => say!(lang, words.node_state_was.waiting_for_log),
            NodeState::ReplayPaused => say!(lang, words.node_state_was.replay_paused),
            NodeState::InTransition => say!(lang, words.node_state_was.in_transition),
            NodeState::Stopped => say!(lang, words.node_state_was.stopped),
            // In the present: that it gives none is known.
            NodeState::NoAnswer => say!(lang, words.node_state.no_answer),
            NodeState::Unknown => say!(lang, words.node_state_was.unknown),
        }
    }
}

/// What a member is doing, or was doing when it was last read.
pub fn member_state(lang: Locale, state: MemberState, fresh: bool) -> String {
    if fresh {
        match state {
            MemberState::Active => say!(lang, words.member_state.active),
            MemberState::Draining => say!(lang, words.member_state.draining),
            MemberState::Standby => say!(lang, words.member_state.standby),
            MemberState::Maintenance => say!(lang, words.member_state.maintenance),
            MemberState::Down => say!(lang, words.member_state.down),
            MemberState::Unknown => say!(lang, words.member_state.unknown),
        }
    } else {
        match state {
            MemberState::Active => say!(lang, words.member_state_was.active),
            MemberState::Draining => say!(lang, words.member_state_was.draining),
            MemberState::Standby => say!(lang, words.member_state_was.standby),
            MemberState::Maintenance => say!(lang, words.member_state_was.maintenance),
            MemberState::Down => say!(lang, words.member_state_was.down),
            MemberState::Unknown => say!(lang, words.member_state_was.unknown),
        }
    }
}

/// A kind of link.
pub fn link_kind(lang: Locale, kind: LinkKind) -> String {
    match kind {
        LinkKind::Mirror => say!(lang, words.link_kind.mirror),
        LinkKind::CrossSite => say!(lang, words.link_kind.cross_site),
        LinkKind::Cascade => say!(lang, words.link_kind.cascade),
        LinkKind::Archive => say!(lang, words.link_kind.archive),
    }
}

/// What a link is doing, or was doing when it was last read.
pub fn link_state(lang: Locale, state: LinkState, fresh: bool) -> String {
    if fresh {
        match state {
            LinkState::Streaming => say!(lang, words.link_state.streaming),
            LinkState::Synchronous => say!(lang, words.link_state.synchronous),
            LinkState::CatchingUp => say!(lang, words.link_state.catching_up),
            LinkState::Shipping => say!(lang, words.link_state.shipping),
            LinkState::Failing => say!(lang, words.link_state.failing),
            LinkState::Broken => say!(lang, words.link_state.broken),
            LinkState::Off => say!(lang, words.link_state.off),
            LinkState::Unknown => say!(lang, words.link_state.unknown),
        }
    } else {
        match state {
            LinkState::Streaming => say!(lang, words.link_state_was.streaming),
            LinkState::Synchronous => say!(lang, words.link_state_was.synchronous),
            LinkState::CatchingUp => say!(lang, words.link_state_was.catching_up),
            LinkState::Shipping => say!(lang, words.link_state_was.shipping),
            LinkState::Failing => say!(lang, words.link_state_was.failing),
            LinkState::Broken => say!(lang, words.link_state_was.broken),
            LinkState::Off => say!(lang, words.link_state_was.off),
            LinkState::Unknown => say!(lang, words.link_state_was.unknown),
        }
    }
}

/// A kind of endpoint. These are names, the same in every language.
pub fn endpoint_kind(lang: Locale, kind: EndpointKind) -> String {
    match kind {
        EndpointKind::Patroni => say!(lang, words.endpoint_kind.patroni),
        EndpointKind::Postgres => say!(lang, words.endpoint_kind.postgres),
        EndpointKind::Haproxy => say!(lang, words.endpoint_kind.haproxy),
        EndpointKind::Etcd => say!(lang, words.endpoint_kind.etcd),
    }
}
