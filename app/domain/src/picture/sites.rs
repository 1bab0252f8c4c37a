//! Sites, their nodes, members and endpoints.

use super::{
    EndpointPicture, Knowledge, MemberPicture, NodePicture, NodeRole, NodeState, NodeView, Readings, SitePicture, SiteRole, WriteState,
    witnesses::witnesses,
};
use crate::{ByteLag, EndpointName, Lsn, MemberFacts, MemberState, Millis, PatroniRole, PatroniState, PostgresFacts, Reading, Side};
use jiff::{SignedDuration, Timestamp};

pub(super) fn site(readings: &Readings, side: Side) -> SitePicture {
    let site = &readings.pool.sites[side];
    SitePicture {
        id: site.id.clone(),
        place: site.place.clone(),
        role: role(readings, side),
        heard_at: heard_at(readings, side),
        witnesses: witnesses(readings, side),
        unproven: readings
            .nodes_of(side)
            .filter(|view| view.write_state() == WriteState::Unknown)
            .map(|view| view.node.name.clone())
            .collect(),
        leader: readings.leader(side).map(|view| view.node.name.clone()),
        nodes: readings.nodes_of(side).map(|view| node(readings, view)).collect(),
        members: site.proxies.iter().flat_map(|proxy| members(readings, proxy)).collect(),
        endpoints: readings
            .pool
            .endpoints()
            .into_iter()
            .filter(|endpoint| endpoint.side == side)
            .map(|endpoint| {
                let sighting = readings.sighting(&endpoint.name);
                EndpointPicture {
                    knowledge: Knowledge::of(&readings.reading(&endpoint.name)),
                    failure: sighting.and_then(|sighting| sighting.failure.clone()),
                    name: endpoint.name,
                    kind: endpoint.kind,
                }
            })
            .collect(),
    }
}

/// When any endpoint of the site last gave a good answer.
fn heard_at(readings: &Readings, side: Side) -> Option<Timestamp> {
    endpoint_names(readings, side).iter().filter_map(|name| readings.reading(name).seen_at()).max()
}

fn endpoint_names(readings: &Readings, side: Side) -> Vec<EndpointName> {
    readings.pool.endpoints().into_iter().filter(|endpoint| endpoint.side == side).map(|endpoint| endpoint.name).collect()
}

/// No endpoint of the site gave a good answer for longer than the limit. Why makes no difference: a refusal, an answer in somebody else's
/// words or a wrong certificate can come from anything that stands between.
fn is_silent(readings: &Readings, side: Side) -> bool {
    let names = endpoint_names(readings, side);
    let too_long_ago = |since: Timestamp| Millis::between(since, readings.now) > readings.pool.policy.lost_after;
    match heard_at(readings, side) {
        Some(heard_at) => too_long_ago(heard_at),
        // Before the first answer ever: since when it has been failing counts.
        None => names.iter().all(|name| {
            let failure = readings.sighting(name).and_then(|sighting| sighting.failure.as_ref());
            failure.is_some_and(|(_, since)| too_long_ago(*since))
        }),
    }
}

/// No database and no Patroni of the site gives an answer that can be relied on now. Its etcd and its `HAProxy` may: they run on other machines
/// or are on another network.
fn is_unheard(readings: &Readings, side: Side) -> bool {
    readings.nodes_of(side).all(|view| view.postgres.fresh().is_none() && view.patroni.fresh().is_none())
}

fn role(readings: &Readings, side: Side) -> SiteRole {
    let writes = |side| readings.nodes_of(side).any(NodeView::is_writable);
    if writes(side) {
        return if writes(side.other()) { SiteRole::ClaimsActive } else { SiteRole::Active };
    }
    if is_unheard(readings, side) && !witnesses(readings, side).is_empty() {
        return SiteRole::OutOfSight;
    }
    if is_silent(readings, side) {
        return SiteRole::Silent;
    }
    let in_recovery = readings.nodes_of(side).any(|view| match view.postgres.fresh() {
        Some(facts) => facts.in_recovery,
        None => view.patroni.fresh().is_some_and(|facts| facts.role == PatroniRole::StandbyLeader),
    });
    let patroni_answers = readings.nodes_of(side).any(|view| view.patroni.fresh().is_some());
    // Without Patroni's word a site that is in recovery while the other one writes is still a standby.
    let follows = if patroni_answers { readings.follows_by_configuration(side) == Some(true) } else { writes(side.other()) };
    match (in_recovery, readings.held_by_configuration(side)) {
        (true, true) => SiteRole::Fenced,
        (true, false) if follows => SiteRole::Standby,
        _ => SiteRole::Unknown,
    }
}

fn node(readings: &Readings, view: &NodeView) -> NodePicture {
    let facts = view.postgres.last_known();
    let (state, knowledge) = node_state(readings, view);
    NodePicture {
        name: view.node.name.clone(),
        role: node_role(readings, view),
        state,
        knowledge,
        timeline: facts.and_then(|facts| facts.timeline),
        position: facts.and_then(|facts| position(facts)),
        replayed: facts.and_then(|facts| facts.replayed),
        started_at: facts.map(|facts| facts.started_at),
        server_version: facts.map(|facts| facts.server_version),
        kept_for_slots: facts.and_then(|facts| kept_for_slots(facts)),
        impostor: view.impostor,
        patroni: view.node.patroni.clone(),
        postgres: view.node.postgres.clone(),
    }
}

/// Where a node's log ends: what a primary has written, what a standby has. A standby that is fed from the archive has replayed
/// more than it received.
pub(super) fn position(facts: &PostgresFacts) -> Option<Lsn> {
    facts.written.or(facts.received.max(facts.replayed))
}

fn kept_for_slots(facts: &PostgresFacts) -> Option<ByteLag> {
    let end = position(facts)?;
    facts.slots.iter().filter_map(|slot| slot.restart).min().map(|oldest| end.bytes_ahead_of(oldest))
}

/// The part a node plays, by the last known answers: a lost primary is still shown as what it was.
fn node_role(readings: &Readings, view: &NodeView) -> NodeRole {
    if view.was_writable() {
        return NodeRole::Primary;
    }
    let seen = view.postgres.last_known().is_some() || view.patroni.last_known().is_some();
    match (seen, readings.follows_by_configuration(view.side).map(|follows| follows || readings.held_by_configuration(view.side))) {
        (false, _) | (_, None) => NodeRole::Unknown,
        (true, Some(false)) => NodeRole::SyncStandby,
        (true, Some(true)) => match view.patroni.last_known() {
            Some(facts) if facts.role == PatroniRole::StandbyLeader => NodeRole::StandbyLeader,
            _ => NodeRole::BackupMirror,
        },
    }
}

fn node_state(readings: &Readings, view: &NodeView) -> (NodeState, Knowledge) {
    if let Reading::Fresh { value: facts, seen_at } = view.postgres {
        return (postgres_state(readings, view, facts), Knowledge::Fresh { seen_at });
    }
    // Its Patroni's word is fresh knowledge too.
    if let Reading::Fresh { value: facts, seen_at } = view.patroni {
        let state = match facts.state {
            PatroniState::Stopped | PatroniState::Failed => Some(NodeState::Stopped),
            PatroniState::Starting | PatroniState::Stopping | PatroniState::Creating => Some(NodeState::InTransition),
            PatroniState::Running | PatroniState::Other(_) => None,
        };
        if let Some(state) = state {
            return (state, Knowledge::Fresh { seen_at });
        }
    }
    match (view.postgres_failure, view.patroni_failure) {
        (Some((failure, asked_at)), _) if failure.says_it_starts_or_stops() => {
            return (NodeState::InTransition, Knowledge::Fresh { seen_at: asked_at });
        }
        (Some(_), Some(_)) if view.patroni.fresh().is_none() => return (NodeState::NoAnswer, view.knowledge()),
        _ => {}
    }
    let state = view.postgres.last_known().map_or(NodeState::Unknown, |facts| postgres_state(readings, view, facts));
    (state, view.knowledge())
}

fn postgres_state(readings: &Readings, view: &NodeView, facts: &PostgresFacts) -> NodeState {
    if !facts.in_recovery {
        return NodeState::AcceptingWrites;
    }
    if facts.replay_paused {
        return NodeState::ReplayPaused;
    }
    if hears(readings, facts) {
        let confirms = readings.writable().iter().any(|primary| {
            let named = |sender: &&crate::Sender| sender.application_name == view.node.name.as_str();
            primary.postgres.fresh().is_some_and(|facts| facts.senders.iter().find(named).is_some_and(|sender| sender.synchronous))
        });
        return if confirms { NodeState::InStep } else { NodeState::Replaying };
    }
    if from_archive(facts) { NodeState::FromArchive } else { NodeState::WaitingForLog }
}

/// It receives a stream and heard from the other end a moment ago. The status alone says "streaming" for up to
/// `wal_receiver_timeout` after the line was cut (ENGINES.md, 14).
pub(super) fn hears(readings: &Readings, facts: &PostgresFacts) -> bool {
    facts.receiver.as_ref().is_some_and(|receiver| {
        receiver.status == "streaming" && receiver.message_age.is_some_and(|age| age <= readings.pool.policy.message_age_limit)
    })
}

/// It replayed more than ever came by stream: the rest came from the archive.
pub(super) fn from_archive(facts: &PostgresFacts) -> bool {
    facts.received.is_some() && facts.replayed > facts.received
}

fn members(readings: &Readings, proxy: &EndpointName) -> Vec<MemberPicture> {
    let reading = readings.haproxy(proxy);
    let knowledge = Knowledge::of(&reading);
    let picture = |member: &MemberFacts| {
        let seconds = i64::try_from(member.unchanged_for_s).unwrap_or(i64::MAX);
        MemberPicture {
            name: member.name.clone(),
            state: member.state,
            // A stale "healthy" is not healthy.
            healthy: member.healthy && knowledge.is_fresh(),
            sessions: member.sessions,
            // To ten seconds, because HAProxy counts whole seconds and our clock runs beside its own.
            since: reading.seen_at().and_then(|seen_at| seen_at.checked_sub(SignedDuration::from_secs(seconds)).ok()).map(to_ten_seconds),
            knowledge: knowledge.clone(),
            source: proxy.clone(),
        }
    };
    reading.last_known().map(|facts| facts.members.iter().map(picture).collect()).unwrap_or_default()
}

fn to_ten_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second().div_euclid(10) * 10).unwrap_or(at)
}

/// The members of a site that are up, by fresh readings.
pub(crate) fn members_up<'a>(readings: &'a Readings, side: Side) -> impl Iterator<Item = &'a MemberFacts> {
    readings.pool.sites[side]
        .proxies
        .iter()
        .filter_map(|proxy| readings.haproxy(proxy).fresh().copied())
        .flat_map(|facts| &facts.members)
        .filter(|member| member.healthy && matches!(member.state, MemberState::Active | MemberState::Draining | MemberState::Standby))
}
