//! A made-up pool in good health, and its readings, for tests: take it and break what the test is about.

#![expect(clippy::missing_panics_doc, reason = "a fixture that is wrong should panic")]

pub mod questions;

use crate::{
    Archiver, DynamicConfig, EndpointName, EtcdFacts, Facts, HaproxyFacts, Heartbeat, LeaderKey, Lsn, MemberFacts, MemberState, Millis,
    Node, Pair, PatroniFacts, PatroniRole, PatroniState, Picture, Policy, Pool, PostgresFacts, ProbeFailure, Receiver, RoleRights, Sender,
    Side, Sighting, Site, Slot, StandbyCluster, Timeline,
    operation::{Intent, IntentKind, MemberChange, MemberOrder, Plan, PoolState, Step, plan},
    picture,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// The primary's log end in the healthy pool.
pub const WRITTEN: Lsn = Lsn(0x5_0300_4000);

fn name<T: std::str::FromStr>(text: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    text.parse().expect("a name of the fixture is well-formed")
}

/// A moment, counted in milliseconds from an arbitrary instant.
pub fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(1_770_000_000_000 + ms).expect("a time of this era")
}

/// The pool `chat-core`: a1 and a2 in `dc-a` (home), b1 and b2 in `dc-b`.
pub fn pool() -> Pool {
    let site = |id: &str, place: &str, letter: &str| Site {
        id: name(id),
        place: place.to_owned(),
        scope: format!("pool-{letter}"),
        keys: format!("/service/pool-{letter}/"),
        nodes: [1, 2]
            .map(|number| Node {
                name: name(&format!("{letter}{number}")),
                patroni: name(&format!("patroni-{letter}{number}")),
                postgres: name(&format!("postgres-{letter}{number}")),
            })
            .into(),
        proxies: vec![name(&format!("haproxy-{letter}"))],
        etcd: vec![name(&format!("etcd-{letter}"))],
        can_follow: true,
        unverified: Vec::new(),
    };
    Pool {
        id: name("chat-core"),
        title: "Persistent chat for staff".to_owned(),
        home: Side::A,
        sites: Pair { a: site("dc-a", "Zürich", "a"), b: site("dc-b", "Bern", "b") },
        policy: Policy::default(),
    }
}

/// A plan of each kind, whether it could be begun in the healthy pool or not. Together they have every step that there is.
pub fn plans() -> Vec<Plan> {
    let mut world = World::healthy(at(0));
    world.pool.policy.drain_for = Millis(30_000);
    let orders = [MemberOrder::Ready, MemberOrder::Drain, MemberOrder::Maintenance];
    let picture = world.picture();
    let of = |kind| {
        let intent = match kind {
            IntentKind::Switchover => Intent::Switchover { to: Side::B },
            IntentKind::Failover => Intent::Failover { to: Side::B },
            IntentKind::Reprotect => Intent::Reprotect { side: Side::B },
            IntentKind::Failback => Intent::Failback { to: Side::A },
            IntentKind::Resolve => Intent::Resolve { keep: Side::A },
            IntentKind::LocalSwitchover => Intent::LocalSwitchover { side: Side::A },
            IntentKind::Members => {
                let change = |to| MemberChange { side: Side::A, member: name("member-a1"), to };
                Intent::Members { changes: orders.map(change).into() }
            }
        };
        plan(&world.pool, &picture, &PoolState::default(), intent, world.now)
    };
    IntentKind::ALL.map(of).into()
}

/// Each step that is in any plan, one of each kind, and each order to a member.
pub fn steps() -> Vec<Step> {
    let mut all: Vec<Step> = Vec::new();
    for step in plans().into_iter().flat_map(|plan| plan.steps) {
        let same = |other: &Step| *other == step || other.as_code() == step.as_code() && !matches!(step, Step::SetMember { .. });
        if !all.iter().any(same) {
            all.push(step);
        }
    }
    all
}

/// Readings of [`pool`] in perfect health, all taken at `now`: a1 writes, a2 mirrors, b1 follows, b2 follows b1.
#[derive(Debug, Clone)]
pub struct World {
    /// The pool.
    pub pool: Pool,
    /// What its endpoints said.
    pub sightings: picture::Sightings,
    /// Now.
    pub now: Timestamp,
}

impl World {
    /// Everything well at `now`.
    pub fn healthy(now: Timestamp) -> World {
        let mut world = World { pool: pool(), sightings: BTreeMap::new(), now };
        for node in ["a1", "a2", "b1", "b2"] {
            world.says(&format!("patroni-{node}"), Facts::Patroni(patroni(node)));
            world.says(&format!("postgres-{node}"), Facts::Postgres(postgres(node, now)));
        }
        for letter in ["a", "b"] {
            world.says(&format!("haproxy-{letter}"), Facts::Haproxy(haproxy(letter)));
            world.says(&format!("etcd-{letter}"), Facts::Etcd(etcd(letter)));
        }
        world
    }

    /// The picture.
    pub fn picture(&self) -> Picture {
        picture::work_out(&self.pool, &self.sightings, self.now)
    }

    /// An endpoint answers now.
    pub fn says(&mut self, endpoint: &str, facts: Facts) {
        let now = self.now;
        self.sightings.entry(name(endpoint)).or_default().take(Ok(facts), now, Millis(4));
    }

    /// An endpoint fails now.
    pub fn fails(&mut self, endpoint: &str, cause: ProbeFailure) {
        let now = self.now;
        self.sightings.entry(name(endpoint)).or_default().take(Err(cause), now, Millis(4));
    }

    /// Time passes, every endpoint that answered last says the same again, and every one that failed fails again in the same way.
    pub fn pass(&mut self, ms: i64) {
        self.now = self.now.checked_add(SignedDuration::from_millis(ms)).expect("a time of this era");
        let now = self.now;
        for sighting in self.sightings.values_mut() {
            match sighting.failure.clone() {
                Some((cause, _)) => sighting.take(Err(cause), now, Millis(4)),
                None => {
                    if let Some((facts, _)) = sighting.answer.clone() {
                        sighting.take(Ok(refreshed(facts, now)), now, Millis(4));
                    }
                }
            }
        }
    }

    /// Every endpoint of a site fails in the same way from now on.
    pub fn site_fails(&mut self, side: Side, cause: &ProbeFailure) {
        for endpoint in self.pool.endpoints().into_iter().filter(|endpoint| endpoint.side == side) {
            self.fails(endpoint.name.as_str(), cause.clone());
        }
    }

    /// A site is gone: every endpoint of it fails in the same way from now on, and the other site sees no sign of life of it any more.
    pub fn site_dies(&mut self, side: Side, cause: &ProbeFailure) {
        self.site_fails(side, cause);
        let (lost, left) = if side == Side::A { ("a", "b") } else { ("b", "a") };
        for number in [1, 2] {
            self.postgres(&format!("{left}{number}"), |facts| {
                if number == 1 {
                    facts.receiver = None;
                }
                facts.senders.retain(|sender| !sender.application_name.starts_with(lost));
            });
        }
        self.haproxy(left, |facts| facts.peers_up.clear());
    }

    /// Changes what a `PostgreSQL` says.
    pub fn postgres(&mut self, node: &str, change: impl FnOnce(&mut PostgresFacts)) {
        let sighting = self.sightings.get_mut(&name::<EndpointName>(&format!("postgres-{node}")));
        if let Some(Sighting { answer: Some((Facts::Postgres(facts), _)), .. }) = sighting {
            change(facts);
        }
    }

    /// Changes what a Patroni says.
    pub fn patroni(&mut self, node: &str, change: impl FnOnce(&mut PatroniFacts)) {
        let sighting = self.sightings.get_mut(&name::<EndpointName>(&format!("patroni-{node}")));
        if let Some(Sighting { answer: Some((Facts::Patroni(facts), _)), .. }) = sighting {
            change(facts);
        }
    }

    /// Changes what an etcd says.
    pub fn etcd(&mut self, site: &str, change: impl FnOnce(&mut EtcdFacts)) {
        let sighting = self.sightings.get_mut(&name::<EndpointName>(&format!("etcd-{site}")));
        if let Some(Sighting { answer: Some((Facts::Etcd(facts), _)), .. }) = sighting {
            change(facts);
        }
    }

    /// Changes what an `HAProxy` says.
    pub fn haproxy(&mut self, site: &str, change: impl FnOnce(&mut HaproxyFacts)) {
        let sighting = self.sightings.get_mut(&name::<EndpointName>(&format!("haproxy-{site}")));
        if let Some(Sighting { answer: Some((Facts::Haproxy(facts), _)), .. }) = sighting {
            change(facts);
        }
    }
}

fn refreshed(facts: Facts, now: Timestamp) -> Facts {
    match facts {
        Facts::Postgres(facts) => Facts::Postgres(PostgresFacts { clock: now, ..facts }),
        other => other,
    }
}

fn patroni(node: &str) -> PatroniFacts {
    let letter = &node[..1];
    let role = match node {
        "a1" => PatroniRole::Primary,
        "b1" => PatroniRole::StandbyLeader,
        _ => PatroniRole::Replica,
    };
    PatroniFacts {
        name: Some(name(node)),
        scope: format!("pool-{letter}"),
        state: PatroniState::Running,
        role,
        patroni_version: "4.1.5".to_owned(),
        server_version: Some(150_018),
        system_identifier: Some("7711095993085523164".to_owned()),
        timeline: Some(Timeline(7)),
        pending_restart: false,
        paused: false,
        scheduled_action: false,
        leader: Some(name(&format!("{letter}1"))),
        config: DynamicConfig {
            standby_cluster: (letter == "b").then(|| StandbyCluster {
                host: "198.18.1.11,198.18.1.12".to_owned(),
                port: Some(5432),
                slot: Some("dc_b".to_owned()),
            }),
            synchronous_mode: true,
            slots: vec![if letter == "a" { "dc_b" } else { "dc_a" }.to_owned()],
            pre_promote: true,
            ttl_s: Some(30),
            loop_wait_s: Some(10),
        },
        history: Vec::new(),
    }
}

fn postgres(node: &str, now: Timestamp) -> PostgresFacts {
    let primary = node == "a1";
    let standby = !primary;
    let sender = |receiver: &str, synchronous| Sender {
        application_name: receiver.to_owned(),
        client: None,
        state: "streaming".to_owned(),
        synchronous,
        flushed: Some(WRITTEN),
        replayed: Some(WRITTEN),
        flush_lag: None,
        reply_age: Some(Millis(300)),
    };
    let slot = |name: &str| Slot { name: name.to_owned(), active: true, wal_status: Some("reserved".to_owned()), restart: Some(WRITTEN) };
    PostgresFacts {
        in_recovery: standby,
        system_identifier: "7711095993085523164".to_owned(),
        server_version: 150_018,
        clock: now,
        // No two are started in the same microsecond.
        started_at: at(-3_600_000 - i64::from(node.as_bytes()[0]) * 2 - i64::from(node.as_bytes()[1])),
        timeline: Some(Timeline(7)),
        written: primary.then_some(WRITTEN),
        received: standby.then_some(WRITTEN),
        replayed: standby.then_some(WRITTEN),
        replay_paused: false,
        receiver: standby.then(|| Receiver {
            status: "streaming".to_owned(),
            sender_host: Some(if node == "b2" { "198.18.2.11" } else { "198.18.1.11" }.to_owned()),
            timeline: Some(Timeline(7)),
            flushed: Some(WRITTEN),
            message_age: Some(Millis(400)),
            slot: Some(if node == "b1" { "dc_b" } else { node }.to_owned()),
        }),
        senders: match node {
            "a1" => vec![sender("a2", true), sender("b1", false)],
            "b1" => vec![sender("b2", false)],
            _ => Vec::new(),
        },
        slots: match node {
            "a1" => vec![slot("a2"), slot("dc_b")],
            "b1" => vec![slot("b2")],
            _ => Vec::new(),
        },
        archiver: Some(Archiver {
            enabled: true,
            last_file: primary.then(|| "000000070000000500000002".to_owned()),
            last_at: primary.then(|| at(-18_000)),
            last_failed_at: None,
        }),
        heartbeat: Some(Heartbeat { beat: 100, beat_at: now }),
        unreadable: primary.then(Box::default),
        lineage: None,
        settings: [("max_connections", 100), ("max_wal_senders", 10)].map(|(name, value)| (name.to_owned(), value)).into(),
        rights: RoleRights { excess: Vec::new(), reads_histories: true },
    }
}

fn haproxy(letter: &str) -> HaproxyFacts {
    let active = letter == "a";
    let member = |number: u32| MemberFacts {
        name: name(&format!("member-{letter}{number}")),
        state: if active { MemberState::Active } else { MemberState::Standby },
        healthy: true,
        sessions: if active { 12 } else { 0 },
        unchanged_for_s: 3_600,
    };
    HaproxyFacts {
        version: "2.6.12".to_owned(),
        members: vec![member(1), member(2)],
        guard: true,
        peers_up: if active { Vec::new() } else { vec!["a1".to_owned()] },
    }
}

fn etcd(letter: &str) -> EtcdFacts {
    let leader_key = LeaderKey { holder: name(&format!("{letter}1")), lasts: Millis(30_000), renewed_ago: Millis(2_000) };
    EtcdFacts { healthy: true, leader_key: Some(leader_key) }
}
