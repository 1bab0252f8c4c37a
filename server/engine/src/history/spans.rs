//! Figures in spans of 10 seconds. Only fresh readings count, each in the span in which it was read.

use jiff::Timestamp;
use std::collections::BTreeMap;
use switchback_domain::{
    Bound, Lsn, Millis, NodeName, NodePicture, NodeRole, Picture, SitePicture, Timeline,
    history::{Metric, Point, Span},
};

/// How long after its end a span still takes readings: answers arrive a little after they were asked for.
const GRACE_MS: i64 = 1_000;

/// The open spans of a pool.
#[derive(Debug)]
pub(super) struct Spans {
    open: BTreeMap<i64, BTreeMap<Metric, Point>>,
    /// Spans that began before this, in milliseconds, are closed for good.
    closed_before_ms: i64,
    positions: BTreeMap<NodeName, Position>,
    gap_after: Millis,
}

/// Where a node was when it was last read.
#[derive(Debug, Clone, Copy)]
struct Position {
    writes: bool,
    timeline: Option<Timeline>,
    lsn: Lsn,
    seen_at: Timestamp,
}

impl Spans {
    /// Readings further apart than `gap_after` say nothing about the time between them.
    pub(super) fn new(gap_after: Millis) -> Spans {
        Spans { open: BTreeMap::new(), closed_before_ms: i64::MIN, positions: BTreeMap::new(), gap_after }
    }

    /// Adds what is fresh in a picture. A reading that is still in the next picture counts once.
    pub(super) fn add(&mut self, picture: &Picture) {
        let protection = &picture.protection;
        // `Was` is the past, and `NotKnown` nothing: both are gaps.
        if let (Some(seen_at), Bound::About | Bound::AtLeast) = (protection.measured_at, protection.bound) {
            self.put(Metric::LossBytes, seen_at, protection.loss_bytes.map(|bytes| figure(bytes.0)));
            self.put(Metric::Loss, seen_at, protection.loss.map(|loss| figure(loss.0)));
        }
        for link in picture.links.iter().filter(|link| link.knowledge.is_fresh()) {
            let (Some(to), Some(seen_at)) = (&link.to, link.knowledge.seen_at()) else { continue };
            // That nothing flows may be fresh knowledge although the beginning of the link does not answer; its figures are not.
            let begins_at = link.from.as_ref().and_then(|from| picture.node(from));
            if begins_at.and_then(|(side, node)| postgres_seen_at(&picture.sites[side], node)).is_none() {
                continue;
            }
            self.put(Metric::LagBytes { kind: link.kind, to: to.clone() }, seen_at, link.lag_bytes.map(|bytes| figure(bytes.0)));
            self.put(Metric::Lag { kind: link.kind, to: to.clone() }, seen_at, link.lag.map(|lag| figure(lag.0)));
        }
        for (side, site) in picture.sites.iter() {
            // A sum of which a part is unknown is not a sum.
            if !site.members.is_empty() && site.members.iter().all(|member| member.knowledge.is_fresh()) {
                let sessions = site.members.iter().map(|member| i64::from(member.sessions)).sum();
                if let Some(seen_at) = site.members.iter().filter_map(|member| member.knowledge.seen_at()).min() {
                    self.put(Metric::Sessions { side }, seen_at, Some(sessions));
                }
            }
            site.nodes.iter().for_each(|node| self.add_rate(site, node));
        }
    }

    fn add_rate(&mut self, site: &SitePicture, node: &NodePicture) {
        let Some(now) = position(site, node) else {
            self.positions.remove(&node.name);
            return;
        };
        let before = self.positions.get(&node.name).copied();
        if before.is_some_and(|before| before.seen_at >= now.seen_at) {
            return;
        }
        self.positions.insert(node.name.clone(), now);
        let Some(before) = before else { return };
        let took = Millis::between(before.seen_at, now.seen_at);
        let comparable = before.writes == now.writes && before.timeline == now.timeline && now.lsn >= before.lsn;
        if comparable && took.0 > 0 && took <= self.gap_after {
            let bytes = u128::from(now.lsn.bytes_ahead_of(before.lsn).0);
            let rate = u64::try_from(bytes * 1_000 / u128::from(took.0)).unwrap_or(u64::MAX);
            self.put(Metric::WalRate { node: node.name.clone() }, now.seen_at, Some(figure(rate)));
        }
    }

    fn put(&mut self, metric: Metric, seen_at: Timestamp, value: Option<i64>) {
        let Some(value) = value else { return };
        let begins_ms = begin_of(seen_at);
        if begins_ms < self.closed_before_ms {
            return;
        }
        let Ok(at) = Timestamp::from_millisecond(begins_ms) else { return };
        let span = self.open.entry(begins_ms).or_default();
        let point = span.entry(metric).or_insert(Point { at, min: value, max: value, last: value });
        point.min = point.min.min(value);
        point.max = point.max.max(value);
        point.last = value;
    }

    /// Closes the oldest span that is over and returns its points. One at a time, because points that are stored
    /// together are of the same span; a picture comes at least every second.
    pub(super) fn close(&mut self, now: Timestamp) -> Vec<(Metric, Point)> {
        let now_ms = now.as_millisecond();
        let Some(oldest) = self.open.first_entry().filter(|oldest| oldest.key() + step_ms() + GRACE_MS <= now_ms) else {
            return Vec::new();
        };
        self.closed_before_ms = oldest.key() + step_ms();
        oldest.remove().into_iter().collect()
    }
}

fn step_ms() -> i64 {
    figure(Span::Quarter.step().0)
}

fn begin_of(at: Timestamp) -> i64 {
    at.as_millisecond().div_euclid(step_ms()) * step_ms()
}

fn figure(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// When a node's figures were read, if they are fresh. That a node is down may be fresh knowledge too, but then its figures
/// are history; so this asks what is known of its `PostgreSQL` itself.
fn postgres_seen_at(site: &SitePicture, node: &NodePicture) -> Option<Timestamp> {
    let postgres = site.endpoints.iter().find(|endpoint| endpoint.name == node.postgres)?;
    postgres.knowledge.seen_at().filter(|_| postgres.knowledge.is_fresh())
}

/// What a primary wrote, what a standby replayed; nothing that is not fresh.
fn position(site: &SitePicture, node: &NodePicture) -> Option<Position> {
    let seen_at = postgres_seen_at(site, node)?;
    let writes = node.role == NodeRole::Primary;
    let lsn = if writes { node.position } else { node.replayed }?;
    Some(Position { writes, timeline: node.timeline, lsn, seen_at })
}
