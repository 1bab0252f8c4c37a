//! The readings of a pool, arranged by node: what every rule starts from.

use super::{Knowledge, Sightings};
use crate::{
    DynamicConfig, EndpointName, EtcdFacts, Facts, HaproxyFacts, Millis, Node, PatroniFacts, PatroniRole, PatroniState, Pool,
    PostgresFacts, ProbeFailure, Reading, Side, Sighting, StandbyCluster,
};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// One look at a pool.
pub(crate) struct Readings<'a> {
    pub pool: &'a Pool,
    pub sightings: &'a Sightings,
    pub now: Timestamp,
    pub nodes: Vec<NodeView<'a>>,
}

/// What is known of one node.
pub(crate) struct NodeView<'a> {
    pub side: Side,
    pub node: &'a Node,
    pub patroni: Reading<&'a PatroniFacts>,
    pub postgres: Reading<&'a PostgresFacts>,
    /// Why the newest question to its `PostgreSQL` failed, and whether that question is itself recent.
    pub postgres_failure: Option<(&'a ProbeFailure, Timestamp)>,
    /// Its word that it accepts writes is older than the first such word of another node: it may well have been told to stop in
    /// between, as in every switchover, and its next word tells.
    pub superseded: bool,
    /// Why the newest question to its Patroni failed, as `postgres_failure`.
    pub patroni_failure: Option<(&'a ProbeFailure, Timestamp)>,
    /// What answers at its addresses is another server: nothing that it says is about this node.
    pub impostor: bool,
    /// That server has another database than all of the other site: whether it accepts writes is nothing to this pool.
    pub foreign_database: bool,
}

/// Whether a node accepts writes, by answers that are fresh and its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WriteState {
    /// It does.
    Writes,
    /// It does not: it is in recovery, or its Patroni says that it is stopped or no primary.
    ReadOnly,
    /// Nothing that proves who it is says so.
    Unknown,
}

fn pick<'a, T>(reading: Reading<&'a Facts>, part: impl Fn(&'a Facts) -> Option<&'a T>) -> Reading<&'a T> {
    let garbage = || Reading::Missing { cause: ProbeFailure::Garbage };
    match reading {
        Reading::Fresh { value, seen_at } => part(value).map_or_else(garbage, |value| Reading::Fresh { value, seen_at }),
        Reading::Stale { value, seen_at, cause } => part(value).map_or_else(garbage, |value| Reading::Stale { value, seen_at, cause }),
        Reading::Missing { cause } => Reading::Missing { cause },
    }
}

impl<'a> Readings<'a> {
    pub fn new(pool: &'a Pool, sightings: &'a Sightings, now: Timestamp) -> Readings<'a> {
        let mut readings = Readings { pool, sightings, now, nodes: Vec::new() };
        for (side, site) in pool.sites.iter() {
            for node in &site.nodes {
                let view = NodeView {
                    side,
                    node,
                    patroni: pick(
                        readings.reading(&node.patroni),
                        |facts| if let Facts::Patroni(facts) = facts { Some(facts) } else { None },
                    ),
                    postgres: pick(
                        readings.reading(&node.postgres),
                        |facts| if let Facts::Postgres(facts) = facts { Some(facts) } else { None },
                    ),
                    postgres_failure: readings.current_failure(&node.postgres),
                    superseded: false,
                    patroni_failure: readings.current_failure(&node.patroni),
                    impostor: false,
                    foreign_database: false,
                };
                readings.nodes.push(view);
            }
        }
        let foreign: Vec<bool> = readings.nodes.iter().map(|view| readings.has_foreign_database(view)).collect();
        for (view, foreign) in readings.nodes.iter_mut().zip(foreign) {
            view.foreign_database = foreign;
        }
        let claims: Vec<_> = readings.nodes.iter().map(|view| readings.claim(view)).collect();
        for (view, claim) in readings.nodes.iter_mut().zip(&claims) {
            let later =
                |other: &Option<(Timestamp, Timestamp)>| other.is_some_and(|(since, _)| claim.is_some_and(|(_, seen_at)| since > seen_at));
            view.superseded = claims.iter().any(later);
        }
        let impostors: Vec<bool> = readings.nodes.iter().map(|view| readings.is_impostor(view)).collect();
        for (view, impostor) in readings.nodes.iter_mut().zip(impostors) {
            view.impostor = impostor;
        }
        readings
    }

    fn has_foreign_database(&self, view: &NodeView) -> bool {
        let Some(own) = view.system_identifier() else { return false };
        let others: BTreeSet<&str> = self.nodes_of(view.side.other()).filter_map(NodeView::system_identifier).collect();
        others.len() == 1 && !others.contains(own)
    }

    /// Another server answers at this node's addresses: its database is another one, its Patroni has another name, or it is the very process
    /// that answers for another node too (no two start in the same microsecond).
    fn is_impostor(&self, view: &NodeView<'a>) -> bool {
        if view.foreign_database
            || view.patroni.fresh().is_some_and(|facts| facts.name.as_ref().is_some_and(|name| *name != view.node.name))
        {
            return true;
        }
        let process = |view: &NodeView<'a>| view.postgres.fresh().map(|facts| (&facts.system_identifier, facts.started_at));
        let same = |other: &&NodeView<'a>| other.node.name != view.node.name && process(other) == process(view);
        process(view).is_some() && self.nodes.iter().any(|other| same(&other))
    }

    /// Since when a node has said that it accepts writes, and when it said so last.
    fn claim(&self, view: &NodeView) -> Option<(Timestamp, Timestamp)> {
        let (endpoint, seen_at) = match (&view.postgres, &view.patroni) {
            (Reading::Fresh { seen_at, .. }, _) => (&view.node.postgres, *seen_at),
            (_, Reading::Fresh { seen_at, .. }) => (&view.node.patroni, *seen_at),
            _ => return None,
        };
        Some((self.sighting(endpoint)?.writes_since?, seen_at))
    }

    pub fn sighting(&self, endpoint: &EndpointName) -> Option<&'a Sighting<Facts>> {
        self.sightings.get(endpoint)
    }

    pub fn reading(&self, endpoint: &EndpointName) -> Reading<&'a Facts> {
        self.sighting(endpoint).map_or(Reading::Missing { cause: ProbeFailure::NotAskedYet }, |sighting| {
            sighting.reading(self.now, self.pool.policy.stale_after)
        })
    }

    pub fn haproxy(&self, endpoint: &EndpointName) -> Reading<&'a HaproxyFacts> {
        pick(self.reading(endpoint), |facts| if let Facts::Haproxy(facts) = facts { Some(facts) } else { None })
    }

    pub fn etcd(&self, endpoint: &EndpointName) -> Reading<&'a EtcdFacts> {
        pick(self.reading(endpoint), |facts| if let Facts::Etcd(facts) = facts { Some(facts) } else { None })
    }

    /// The failure of the newest question, if that question is recent, and when it was asked.
    fn current_failure(&self, endpoint: &EndpointName) -> Option<(&'a ProbeFailure, Timestamp)> {
        let sighting = self.sighting(endpoint)?;
        let (cause, _) = sighting.failure.as_ref()?;
        let asked_at = sighting.asked_at?;
        (Millis::between(asked_at, self.now) <= self.pool.policy.stale_after).then_some((cause, asked_at))
    }

    pub fn nodes_of(&self, side: Side) -> impl Iterator<Item = &NodeView<'a>> {
        self.nodes.iter().filter(move |view| view.side == side)
    }

    /// Nodes that accept writes, by a fresh reading.
    pub fn writable(&self) -> Vec<&NodeView<'a>> {
        self.nodes.iter().filter(|view| view.is_writable()).collect()
    }

    /// The leader of a site: its writable node, else its standby leader.
    pub fn leader(&self, side: Side) -> Option<&NodeView<'a>> {
        self.nodes_of(side)
            .find(|view| view.is_writable())
            .or_else(|| self.nodes_of(side).find(|view| view.patroni.fresh().is_some_and(|facts| facts.role == PatroniRole::StandbyLeader)))
    }

    /// Another node of its cluster says that it leads, which only the holder of the leader key does, and this one was no primary when it was
    /// last read.
    pub fn led_by_another(&self, view: &NodeView) -> bool {
        let leads = |other: &NodeView| {
            let says = |facts: &PatroniFacts| {
                matches!(facts.role, PatroniRole::Primary | PatroniRole::StandbyLeader) && facts.state == PatroniState::Running
            };
            other.node.name != view.node.name && !other.impostor && other.patroni.fresh().is_some_and(|facts| says(facts))
        };
        let read = view.postgres.last_known().is_some() || view.patroni.last_known().is_some();
        read && !view.impostor && !view.was_writable() && self.nodes_of(view.side).any(leads)
    }

    /// The same by the last known answers, however old: for showing only.
    pub fn last_known_leader(&self, side: Side) -> Option<&NodeView<'a>> {
        self.leader(side).or_else(|| {
            let leads = |view: &&NodeView| {
                view.was_writable() || view.patroni.last_known().is_some_and(|facts| facts.role == PatroniRole::StandbyLeader)
            };
            self.nodes_of(side).filter(leads).max_by_key(|view| view.patroni.seen_at().max(view.postgres.seen_at()))
        })
    }

    /// The cluster of this side is configured to follow the other one, by the last known answers of its Patroni. One that is held follows
    /// nobody.
    pub fn follows_by_configuration(&self, side: Side) -> Option<bool> {
        self.configuration(side).map(|config| config.standby_cluster.as_ref().is_some_and(|section| !section.is_held()))
    }

    /// The cluster of this side is configured to be read-only and to follow nobody, by the last known answers of its Patroni.
    pub fn held_by_configuration(&self, side: Side) -> bool {
        self.configuration(side).and_then(|config| config.standby_cluster.as_ref()).is_some_and(StandbyCluster::is_held)
    }

    fn configuration(&self, side: Side) -> Option<&DynamicConfig> {
        let newest = self.nodes_of(side).max_by_key(|view| view.patroni.seen_at())?;
        newest.patroni.last_known().map(|facts| &facts.config)
    }
}

impl NodeView<'_> {
    /// It accepts writes, by a fresh reading. `PostgreSQL` itself is asked first; when it does not let us in, Patroni's word counts:
    /// a second primary must be seen even where our password is wrong or only the port is shut to us.
    pub fn is_writable(&self) -> bool {
        if self.superseded || self.foreign_database {
            return false;
        }
        match self.postgres.fresh() {
            Some(facts) => !facts.in_recovery,
            None => self.patroni.fresh().is_some_and(|facts| facts.role == PatroniRole::Primary && facts.state == PatroniState::Running),
        }
    }

    /// It accepted writes when it was last read.
    pub fn was_writable(&self) -> bool {
        // Of two old words the newer one counts.
        let patroni_is_newer = self.postgres.fresh().is_none() && self.patroni.seen_at() > self.postgres.seen_at();
        match self.postgres.last_known().filter(|_| !patroni_is_newer) {
            Some(facts) => !facts.in_recovery,
            None => self.patroni.last_known().is_some_and(|facts| facts.role == PatroniRole::Primary),
        }
    }

    /// The database system identifier that was last read of it.
    pub fn system_identifier(&self) -> Option<&str> {
        match (self.postgres.last_known(), self.patroni.last_known()) {
            (Some(facts), _) => Some(&facts.system_identifier),
            (None, Some(facts)) => facts.system_identifier.as_deref(),
            (None, None) => None,
        }
    }

    /// Whether it accepts writes, by what is proved: a refused or silent connection proves nothing.
    pub fn write_state(&self) -> WriteState {
        if self.impostor || self.superseded {
            return WriteState::Unknown;
        }
        if let Some(facts) = self.postgres.fresh() {
            return if facts.in_recovery { WriteState::ReadOnly } else { WriteState::Writes };
        }
        match self.patroni.fresh() {
            Some(facts) if matches!(facts.state, PatroniState::Stopped | PatroniState::Failed) => WriteState::ReadOnly,
            Some(facts) if facts.state != PatroniState::Running => WriteState::Unknown,
            Some(facts) if facts.role == PatroniRole::Primary => WriteState::Writes,
            Some(_) => WriteState::ReadOnly,
            None => WriteState::Unknown,
        }
    }

    /// How well its `PostgreSQL` is known.
    pub fn knowledge(&self) -> Knowledge {
        Knowledge::of(&self.postgres)
    }
}

impl Knowledge {
    pub(crate) fn of<T>(reading: &Reading<T>) -> Knowledge {
        match reading {
            Reading::Fresh { seen_at, .. } => Knowledge::Fresh { seen_at: *seen_at },
            Reading::Stale { seen_at, cause, .. } => Knowledge::Stale { seen_at: *seen_at, cause: cause.clone() },
            Reading::Missing { cause } => Knowledge::Missing { cause: cause.clone() },
        }
    }

    /// Knowledge of something that rests on both: the worse, and among equals the older.
    #[must_use]
    pub(crate) fn and(self, other: Knowledge) -> Knowledge {
        let rank = |knowledge: &Knowledge| match knowledge {
            Knowledge::Missing { .. } => 0,
            Knowledge::Stale { .. } => 1,
            Knowledge::Fresh { .. } => 2,
        };
        let key = |knowledge: &Knowledge| (rank(knowledge), knowledge.seen_at());
        if key(&other) < key(&self) { other } else { self }
    }
}
