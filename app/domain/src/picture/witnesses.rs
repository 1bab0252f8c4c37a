//! Signs of life of a site that others have seen, for when the console does not hear it itself.

use super::{NodeView, Readings, sites::hears};
use crate::{Millis, PatroniRole, ProbeFailure, Side, StandbyCluster, Witness, WitnessKind};
use jiff::{SignedDuration, Timestamp};

/// Everything that others say of this site, the strongest sign first.
pub(super) fn witnesses(readings: &Readings, side: Side) -> Vec<Witness> {
    let mut found: Vec<Witness> = Vec::new();
    found.extend(log_stream(readings, side));
    found.extend(log_replies(readings, side));
    found.extend(leader_key(readings, side));
    found.extend(proxy_check(readings, side));
    found.extend(database_refuses(readings, side));
    let rank = |kind| WitnessKind::ALL.iter().position(|one| *one == kind);
    found.sort_by_key(|witness| (rank(witness.kind), std::cmp::Reverse(witness.at)));
    found
}

fn before(at: Timestamp, age: Millis) -> Timestamp {
    let age = SignedDuration::from_millis(i64::try_from(age.0).unwrap_or(i64::MAX));
    at.checked_sub(age).unwrap_or(at)
}

/// A database of the other site gets messages from this one. The word "streaming" alone stays for a minute after a cut.
fn log_stream(readings: &Readings, side: Side) -> Vec<Witness> {
    let receives = |view: &NodeView| {
        let (facts, seen_at) = (view.postgres.fresh()?, view.postgres.seen_at()?);
        let receiver = facts.receiver.as_ref().filter(|_| hears(readings, facts) && !view.impostor)?;
        follows_across(view, receiver.sender_host.as_deref(), receiver.slot.as_deref()).then(|| Witness {
            kind: WitnessKind::LogStream,
            seen_by: view.node.postgres.clone(),
            node: None,
            at: before(seen_at, receiver.message_age.unwrap_or_default()),
        })
    };
    readings.nodes_of(side.other()).filter_map(receives).collect()
}

/// The node follows the other site and not a node of its own: it leads its site, or uses the host or the slot of its `standby_cluster` section.
fn follows_across(view: &NodeView, host: Option<&str>, slot: Option<&str>) -> bool {
    let Some(patroni) = view.patroni.last_known() else { return false };
    let section = patroni.config.standby_cluster.as_ref().filter(|section| !section.is_held());
    let names = |section: &StandbyCluster| {
        host.is_some_and(|host| section.host.split(',').any(|one| one.trim() == host))
            || section.slot.is_some() && section.slot.as_deref() == slot
    };
    section.is_some_and(|section| patroni.role == PatroniRole::StandbyLeader || names(section))
}

/// A node of this site confirms what a database of the other one sends.
fn log_replies(readings: &Readings, side: Side) -> Vec<Witness> {
    let mut found = Vec::new();
    for view in readings.nodes_of(side.other()).filter(|view| !view.impostor) {
        let (Some(facts), Some(seen_at)) = (view.postgres.fresh(), view.postgres.seen_at()) else { continue };
        for node in readings.nodes_of(side) {
            let of_node = |sender: &&crate::Sender| sender.application_name == node.node.name.as_str();
            let Some(age) = facts.senders.iter().find(of_node).and_then(|sender| sender.reply_age) else { continue };
            if age <= readings.pool.policy.message_age_limit {
                let (seen_by, node) = (view.node.postgres.clone(), Some(node.node.name.clone()));
                found.push(Witness { kind: WitnessKind::LogReplies, seen_by, node, at: before(seen_at, age) });
            }
        }
    }
    found
}

/// The site's own etcd holds a leader key that was renewed within half of its lease: Patroni renews it more often than that.
fn leader_key(readings: &Readings, side: Side) -> Vec<Witness> {
    let mut found = Vec::new();
    for etcd in &readings.pool.sites[side].etcd {
        let reading = readings.etcd(etcd);
        let (Some(facts), Some(seen_at)) = (reading.fresh(), reading.seen_at()) else { continue };
        let Some(key) = facts.leader_key.as_ref().filter(|key| key.renewed_ago.0 <= key.lasts.0 / 2) else { continue };
        // What the node says itself is heard, and needs no witness.
        let heard = |view: &NodeView| view.patroni.fresh().is_some() || view.postgres.fresh().is_some();
        if readings.nodes_of(side).any(|view| view.node.name == key.holder && !heard(view)) {
            let (seen_by, node) = (etcd.clone(), Some(key.holder.clone()));
            found.push(Witness { kind: WitnessKind::LeaderKey, seen_by, node, at: before(seen_at, key.renewed_ago) });
        }
    }
    found
}

/// The other site's `HAProxy` asks this site's Patronis who is primary, for the write guard.
fn proxy_check(readings: &Readings, side: Side) -> Vec<Witness> {
    let sees = |proxy: &crate::EndpointName| {
        let reading = readings.haproxy(proxy);
        let (facts, at) = (reading.fresh()?, reading.seen_at()?);
        let up = facts.peers_up.first()?;
        let node = readings.nodes_of(side).map(|view| &view.node.name).find(|name| name.as_str() == up).cloned();
        Some(Witness { kind: WitnessKind::ProxyCheck, seen_by: proxy.clone(), node, at })
    };
    readings.pool.sites[side.other()].proxies.iter().filter_map(sees).collect()
}

/// A database server answers at a node's address, and says why it does not let the console in. Weak, because it may be any server's, but a sign
/// of life needs no proof: it only asks people to look once more.
fn database_refuses(readings: &Readings, side: Side) -> Vec<Witness> {
    let turns_down = |view: &NodeView| match view.postgres_failure {
        Some((ProbeFailure::Sql { .. } | ProbeFailure::Unauthorized, at)) if view.postgres.fresh().is_none() => Some(Witness {
            kind: WitnessKind::DatabaseRefuses,
            seen_by: view.node.postgres.clone(),
            node: Some(view.node.name.clone()),
            at,
        }),
        _ => None,
    };
    readings.nodes_of(side).filter_map(turns_down).collect()
}
