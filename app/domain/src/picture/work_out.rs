//! From readings to the picture.

use super::{
    Picture, Readings, SiteRole,
    links::links,
    protection::protection,
    sites::{position, site},
};
use crate::{EndpointName, Facts, Pair, Pool, Side, Sighting, diagnosis::diagnose, readiness};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// What is known of every endpoint of a pool, by its name.
pub type Sightings = BTreeMap<EndpointName, Sighting<Facts>>;

/// The picture of a pool at `now`, from what its endpoints said.
pub fn work_out(pool: &Pool, sightings: &Sightings, now: Timestamp) -> Picture {
    let readings = Readings::new(pool, sightings, now);
    let sites = Pair::of(|side| site(&readings, side));
    let active = match (sites.a.role, sites.b.role) {
        (SiteRole::Active, _) => Some(Side::A),
        (_, SiteRole::Active) => Some(Side::B),
        _ => None,
    };
    let source_side = active.or_else(|| last_known_source(&readings, &sites));
    let links = links(&readings, source_side);
    let protection = protection(&readings, active, source_side, &sites, &links);
    let target = source_side.map_or(pool.home.other(), Side::other);
    let mut picture = Picture {
        pool: pool.id.clone(),
        title: pool.title.clone(),
        home: pool.home,
        active,
        target,
        sites,
        links,
        protection,
        findings: Vec::new(),
        checks: Vec::new(),
        actions: crate::Actions::default(),
        loss_target: pool.policy.loss_target,
        loss_target_bytes: pool.policy.loss_target_bytes,
        pool_state: crate::operation::PoolState::default(),
    };
    picture.findings = diagnose(&readings, &picture);
    picture.checks = readiness::checks(&readings, &picture);
    picture.actions = readiness::actions(&readings, &picture);
    picture
}

/// Where the log came from when it was last known: the one that does not follow by its own configuration, else the one that was
/// last seen writing.
fn last_known_source(readings: &Readings, sites: &Pair<super::SitePicture>) -> Option<Side> {
    // Both writing is not a direction.
    if sites.a.role == SiteRole::ClaimsActive {
        return None;
    }
    let end =
        |side: Side| readings.nodes_of(side).filter_map(|view| view.postgres.fresh()).map(|facts| (facts.timeline, position(facts))).max();
    // The one that is further is the one to make active; where neither is, either may be.
    let less_far = || if end(Side::A) >= end(Side::B) { Side::B } else { Side::A };
    let is = |wanted: SiteRole| Side::BOTH.into_iter().filter(move |side| sites[*side].role == wanted).collect::<Vec<_>>();
    match is(SiteRole::Standby)[..] {
        [one] => return Some(one.other()),
        // Both follow: somebody stopped half way.
        [_, _] => return Some(less_far()),
        _ => {}
    }
    let last = readings
        .nodes
        .iter()
        .filter(|view| view.was_writable())
        .max_by_key(|view| view.postgres.seen_at().max(view.patroni.seen_at()))
        .map(|view| view.side);
    // Nobody was seen to write since the start of the console: whoever held a site held it for the other one.
    last.or_else(|| match is(SiteRole::Fenced)[..] {
        [one] => Some(one.other()),
        [_, _] => Some(less_far()),
        _ => (end(Side::A).is_some() && end(Side::B).is_some()).then(less_far),
    })
}
