//! The world: what there is, and how its time passes. It is advanced only when somebody looks at it, in steps of ten milliseconds, so
//! it is the same however often it is looked at.

mod clients;
mod faults;
mod lost;
mod monitor;
mod orders;
mod patroni;
mod postgres;
#[cfg(test)]
mod tests;

pub use faults::{Fault, Lie, Link};
pub use orders::{Answer, Ask, Order, clock as orders_clock};

use crate::{
    chance::Dice,
    wal::{Log, Record, RecordId, Records, What},
};
use std::collections::{BTreeMap, VecDeque};
use switchback_domain::{EndpointKind, EndpointName, Lsn, Pair, PatroniRole, Pool, Side, Timeline, fixture, operation::MemberOrder};
use switchback_engine::ports::ClusterMode;

/// Milliseconds since the world began.
pub type Ms = u64;

/// How finely its time passes.
pub const STEP: Ms = 10;

/// A stream of which nothing is heard is given up after this long (`wal_receiver_timeout`, `wal_sender_timeout`).
pub const STREAM_TIMEOUT: Ms = 60_000;

/// A database node, counted from zero: a1, a2, b1, b2.
pub type NodeId = usize;

/// Names of the nodes.
pub const NAMES: [&str; 4] = ["a1", "a2", "b1", "b2"];

/// The site of a node.
pub fn side_of(node: NodeId) -> Side {
    if node < 2 { Side::A } else { Side::B }
}

/// The nodes of a site.
pub fn nodes_of(side: Side) -> [NodeId; 2] {
    match side {
        Side::A => [0, 1],
        Side::B => [2, 3],
    }
}

/// The other node of the same site.
pub fn mate(node: NodeId) -> NodeId {
    node ^ 1
}

/// What differs between worlds.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The leader key's life, in milliseconds.
    pub ttl: Ms,
    /// The pause between two rounds of Patroni, in milliseconds.
    pub loop_wait: Ms,
    /// The `pre_promote` guard is installed.
    pub guard: bool,
    /// The version that Patroni says it is. It behaves as 4.1 does, whatever it says.
    pub patroni: &'static str,
}

impl Default for Setting {
    fn default() -> Setting {
        Setting { ttl: 20_000, loop_wait: 2_000, guard: true, patroni: "4.1.5" }
    }
}

/// A Patroni process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agent {
    /// Not there.
    Down,
    /// Started; its REST interface does not answer yet.
    Starting {
        /// When it does.
        at: Ms,
    },
    /// There.
    Up,
}

/// A `PostgreSQL`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// Not there.
    Down,
    /// Starting, as a standby.
    Starting {
        /// When it is there.
        at: Ms,
    },
    /// There.
    Running {
        /// It accepts no writes.
        recovery: bool,
    },
    /// Shutting down: it accepts nothing, and waits until connected standbys have everything.
    Stopping {
        /// Since when.
        since: Ms,
    },
}

/// Whom a standby is told to receive from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Nobody.
    Nobody,
    /// Whoever writes in the other site.
    OtherSite,
    /// A node of its own site.
    Mate,
}

/// An incoming stream.
#[derive(Debug, Clone, Copy)]
pub struct Stream {
    /// From whom.
    pub from: NodeId,
    /// Which start of that server it is connected to.
    pub start: u64,
    /// When something was last heard.
    pub heard: Ms,
}

/// Something that Patroni is in the middle of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// Nothing.
    Nothing,
    /// It has decided to stop the primary, which goes on writing for some moments.
    AboutToStop {
        /// When the server is told.
        at: Ms,
    },
    /// It asks the other site before it promotes.
    Asking {
        /// When it has its answers.
        until: Ms,
    },
    /// It promotes.
    Promoting {
        /// When the server writes.
        at: Ms,
    },
    /// It lets `pg_rewind` run.
    Rewinding {
        /// When that is done.
        until: Ms,
    },
}

/// A database node.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a plain fact about a node")]
pub struct Node {
    /// The machine stands still, and nobody can tell.
    pub frozen: bool,
    /// Its Patroni.
    pub agent: Agent,
    /// Its `PostgreSQL`.
    pub server: Server,
    /// Counts the starts of its server.
    pub start: u64,
    /// Its server's start.
    pub started_at: Ms,
    /// Patroni's word for it.
    pub role: PatroniRole,
    /// Its log.
    pub log: Log,
    /// How long its log was one step ago: what may have reached others.
    pub sent: usize,
    /// Its incoming stream.
    pub stream: Option<Stream>,
    /// Whom it is told to receive from.
    pub source: Source,
    /// It tries to connect not before.
    pub retry_at: Ms,
    /// The stream broke in the middle of a record.
    pub partial: bool,
    /// The timeline of its control file.
    pub control: Timeline,
    /// The timeline that Patroni shows.
    pub shown: Timeline,
    /// It was fed another history under the same timeline, and hangs.
    pub collided: bool,
    /// Its log is not the beginning of its source's: it needs `pg_rewind`.
    pub diverged: bool,
    /// Replay stands still until then.
    pub replay_stopped_until: Ms,
    /// The standby of its own site whose confirmation each commit waits for.
    pub waits_for: Option<NodeId>,
    /// What Patroni is in the middle of.
    pub doing: Doing,
    /// Its Patroni's next round.
    pub round_at: Ms,
    /// Rounds that follow quickly after a promotion.
    pub hurry: u8,
    /// Its Patroni does not try to lead before.
    pub backs_off_until: Ms,
    /// Its Patroni does not start the server before.
    pub rests_until: Ms,
    /// Since when its Patroni cannot reach its etcd.
    pub without_etcd_since: Option<Ms>,
    /// It was promoted, and its Patroni has not written that to etcd yet.
    pub history_unwritten: bool,
}

/// A line of `/history`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Promoted {
    /// The timeline that ended.
    pub parent: Timeline,
    /// Where.
    pub at: Lsn,
    /// When.
    pub when: Ms,
    /// Who.
    pub who: NodeId,
}

/// An etcd.
#[derive(Debug, Clone)]
pub struct Etcd {
    /// It answers.
    pub up: bool,
    /// What the cluster's configuration says.
    pub mode: ClusterMode,
    /// Counts changes of the configuration.
    pub revision: u64,
    /// Who holds the leader key, and until when.
    pub leader: Option<(NodeId, Ms)>,
    /// The leader that was last written, with its synchronous mirror: only these may lead after it.
    pub sync: Option<(NodeId, Option<NodeId>)>,
    /// Past promotions.
    pub history: Vec<Promoted>,
    /// Nobody is fit to lead until somebody names one (gotcha 7).
    pub stuck: bool,
    /// Somebody named one.
    pub named: Option<NodeId>,
}

/// A member of the pool.
#[derive(Debug, Clone)]
pub struct Member {
    /// What it was told.
    pub order: MemberOrder,
    /// Its process is there.
    pub up: bool,
    /// Sessions on it.
    pub sessions: u32,
}

/// A site beside its database nodes.
#[derive(Debug, Clone)]
pub struct SiteWorld {
    /// Its etcd.
    pub etcd: Etcd,
    /// Its `HAProxy` is there.
    pub proxy: bool,
    /// Its members.
    pub members: [Member; 2],
    /// Everything in it stands still.
    pub frozen: bool,
}

/// A client in a site that writes row after row.
#[derive(Debug, Clone, Default)]
pub struct Client {
    /// The next row's number.
    pub number: u64,
    /// The node it is connected to.
    pub node: Option<NodeId>,
    /// The row it waits for.
    pub waits: Option<Waiting>,
    /// Its next row.
    pub next_at: Ms,
    /// When each of its rows was acknowledged.
    pub acknowledged_at: Vec<Ms>,
}

/// A commit that waits for its acknowledgement.
#[derive(Debug, Clone, Copy)]
pub struct Waiting {
    /// Where it was written.
    pub node: NodeId,
    /// Under which start of the server.
    pub start: u64,
    /// Its place in the log.
    pub index: usize,
    /// Its record.
    pub record: RecordId,
    /// Since when.
    pub since: Ms,
}

/// What became of an order.
#[derive(Debug, Clone)]
struct Posted {
    /// When the answer is back at the console.
    at: Ms,
    answer: Result<Answer, switchback_engine::ports::ControlError>,
}

/// Something that happens at a moment.
#[derive(Debug, Clone)]
enum Happening {
    Fault(Fault),
    Arrive { id: u64, order: Order },
}

/// The world.
#[expect(clippy::struct_excessive_bools, reason = "each is a thing that is so or not")]
pub struct World {
    /// Now.
    pub now: Ms,
    /// What differs from other worlds.
    pub setting: Setting,
    /// The pool.
    pub pool: Pool,
    /// What chance is made of.
    pub seed: u64,
    /// Every record.
    pub records: Records,
    /// The nodes.
    pub nodes: Vec<Node>,
    /// The sites.
    pub places: Pair<SiteWorld>,
    /// The clients of both sites.
    pub clients: Pair<Client>,
    /// Links that are cut.
    pub cut: Vec<Link>,
    /// Sites of which the console reaches nothing but the etcd.
    pub walled: Vec<Side>,
    /// Sites in whose name something on the way from the console answers.
    pub lies: Vec<(Side, Lie)>,
    /// Sites that refuse the console's orders.
    pub refusing: Vec<Side>,
    /// Answers to the console get lost, so many of a hundred.
    pub answers_lost: u64,
    /// The console runs.
    pub console_runs: bool,
    /// The store works.
    pub store_works: bool,
    /// The console's role may not read the clients' rows.
    pub rows_are_hidden: bool,
    /// The store does what it is told, and says that it failed, so many times of a hundred.
    pub store_forgets: u64,
    /// Every promotion, by the first record of its timeline.
    pub promotions: BTreeMap<RecordId, Promoted>,
    /// Rows that were acknowledged, with the site that did.
    pub acknowledged: Vec<(RecordId, Side)>,
    /// What happened: time, and in words.
    pub story: Vec<(Ms, String)>,
    /// Every question is told of too.
    pub traced: bool,
    /// What must never happen and did.
    pub wrong: Vec<String>,
    /// What people were told that was not so.
    pub misled: Vec<String>,
    /// The watch over that.
    monitor: monitor::InvariantMonitor,
    agenda: BTreeMap<(Ms, String, u64), Happening>,
    counter: u64,
    posted: BTreeMap<u64, Posted>,
    /// Console's rows that wait for their acknowledgement, by order.
    console_rows: Vec<(u64, Waiting)>,
    late: VecDeque<(Link, u64, Order)>,
    /// Switches within a site that have been taken on: order, site, since.
    switching: Vec<(u64, Side, NodeId, Ms)>,
}

impl World {
    /// Two sites in good health: a1 writes, a2 mirrors it, b1 follows, b2 follows b1.
    pub fn new(seed: u64, setting: Setting) -> World {
        let mut records = Records::default();
        let first = records.add(Record {
            timeline: Timeline(7),
            start: Lsn(fixture::WRITTEN.0 - 120),
            end: fixture::WRITTEN,
            what: What::Checkpoint,
        });
        let node = |id: NodeId| Node {
            frozen: false,
            agent: Agent::Up,
            server: Server::Running { recovery: id != 0 },
            start: 1,
            started_at: 0,
            role: match id {
                0 => PatroniRole::Primary,
                2 => PatroniRole::StandbyLeader,
                _ => PatroniRole::Replica,
            },
            log: Log { records: vec![first], replayed: 1 },
            sent: 1,
            stream: (id != 0).then_some(Stream { from: if id == 3 { 2 } else { 0 }, start: 1, heard: 0 }),
            source: match id {
                0 => Source::Nobody,
                2 => Source::OtherSite,
                _ => Source::Mate,
            },
            retry_at: 0,
            partial: false,
            control: Timeline(7),
            shown: Timeline(7),
            collided: false,
            diverged: false,
            replay_stopped_until: 0,
            waits_for: (id == 0).then_some(1),
            doing: Doing::Nothing,
            round_at: 300 * (id as Ms + 1),
            hurry: 0,
            backs_off_until: 0,
            rests_until: 0,
            without_etcd_since: None,
            history_unwritten: false,
        };
        let place = |side: Side| SiteWorld {
            etcd: Etcd {
                up: true,
                mode: if side == Side::B { ClusterMode::Standby } else { ClusterMode::Primary },
                revision: 1,
                leader: Some((nodes_of(side)[0], setting.ttl)),
                sync: (side == Side::A).then_some((0, Some(1))),
                history: Vec::new(),
                stuck: false,
                named: None,
            },
            proxy: true,
            members: std::array::from_fn(|_| Member {
                order: if side == Side::A { MemberOrder::Ready } else { MemberOrder::Drain },
                up: true,
                sessions: if side == Side::A { 12 } else { 0 },
            }),
            frozen: false,
        };
        World {
            now: 0,
            setting,
            pool: fixture::pool(),
            seed,
            records,
            nodes: (0..4).map(node).collect(),
            places: Pair::of(place),
            clients: Pair::of(|_| Client::default()),
            cut: Vec::new(),
            walled: Vec::new(),
            lies: Vec::new(),
            refusing: Vec::new(),
            answers_lost: 0,
            console_runs: false,
            store_works: true,
            rows_are_hidden: false,
            store_forgets: 0,
            promotions: BTreeMap::new(),
            acknowledged: Vec::new(),
            story: Vec::new(),
            traced: std::env::var_os("SIMULATE_TRACE").is_some(),
            wrong: Vec::new(),
            misled: Vec::new(),
            monitor: monitor::InvariantMonitor::default(),
            agenda: BTreeMap::new(),
            counter: 0,
            posted: BTreeMap::new(),
            console_rows: Vec::new(),
            late: VecDeque::new(),
            switching: Vec::new(),
        }
    }

    /// Lets time pass until `now`.
    pub fn advance(&mut self, now: Ms) {
        loop {
            let next_step = self.now - self.now % STEP + STEP;
            let next_event = self.agenda.first_key_value().map(|((at, ..), _)| (*at).max(self.now));
            match next_event {
                Some(at) if at <= now && at < next_step => {
                    self.now = at;
                    if let Some((_, happening)) = self.agenda.pop_first() {
                        match happening {
                            Happening::Fault(fault) => self.strike(fault),
                            Happening::Arrive { id, order } => self.arrive(id, order),
                        }
                    }
                }
                _ if next_step <= now => {
                    self.now = next_step;
                    self.step();
                }
                _ => break,
            }
        }
        self.now = self.now.max(now);
    }

    fn step(&mut self) {
        self.move_logs();
        self.write_rows();
        for node in 0..self.nodes.len() {
            if !self.is_frozen(node) {
                self.run_server(node);
                self.run_agent(node);
            }
        }
        self.settle_switches();
        if self.now.is_multiple_of(300) {
            self.end_sessions();
        }
        self.watch();
    }

    /// Writes a line of the story.
    pub fn tell(&mut self, line: impl Into<String>) {
        self.story.push((self.now, line.into()));
    }

    /// The same for what may come over and over: told once in ten seconds.
    fn tell_seldom(&mut self, line: String) {
        let since = self.now.saturating_sub(10_000);
        if !self.story.iter().rev().take_while(|(at, _)| *at > since).any(|(_, told)| *told == line) {
            self.story.push((self.now, line));
        }
    }

    /// Notes that something happened that must never happen.
    pub fn complain(&mut self, line: impl Into<String>) {
        let line = line.into();
        // Once is enough.
        if self.wrong.iter().any(|told| told.ends_with(&line)) {
            return;
        }
        self.story.push((self.now, format!("WRONG: {line}")));
        self.wrong.push(format!("at {} ms: {line}", self.now));
    }

    /// Chance of this moment about something.
    fn dice(&self, thing: &str) -> Dice {
        Dice::of(self.seed, self.now, thing)
    }

    /// Puts something on the agenda. What happens in the same moment happens in the order of its words, not of its coming.
    fn plan(&mut self, at: Ms, happening: Happening) {
        self.counter += 1;
        let words = match &happening {
            Happening::Fault(fault) => format!("{fault:?}"),
            Happening::Arrive { order, .. } => format!("{} {:?}", order.to, order.ask),
        };
        self.agenda.insert((at.max(self.now), words, self.counter), happening);
    }

    /// The machine, or its whole site, stands still.
    pub fn is_frozen(&self, node: NodeId) -> bool {
        self.nodes[node].frozen || self.places[side_of(node)].frozen
    }

    /// Something gets through.
    pub fn is_open(&self, link: Link) -> bool {
        !self.cut.contains(&link)
    }

    /// Something of the console's gets through to an endpoint of a site.
    pub fn console_gets_to(&self, side: Side, kind: EndpointKind) -> bool {
        let walled = kind != EndpointKind::Etcd && self.walled.contains(&side);
        self.is_open(Link::console(side)) && !walled && self.lie_about(side).is_none()
    }

    /// What something on the way from the console answers in a site's name.
    pub fn lie_about(&self, side: Side) -> Option<Lie> {
        self.lies.iter().find(|(about, _)| *about == side).map(|(_, lie)| *lie)
    }

    /// Its `PostgreSQL` would answer the console now.
    pub fn can_be_asked(&self, node: NodeId) -> bool {
        let there = matches!(self.nodes[node].server, Server::Running { .. });
        there && !self.is_frozen(node) && self.answers_lost == 0 && self.console_gets_to(side_of(node), EndpointKind::Postgres)
    }

    /// Two nodes reach each other.
    pub fn reaches(&self, from: NodeId, to: NodeId) -> bool {
        side_of(from) == side_of(to) || self.is_open(Link::Between)
    }

    /// It accepts writes right now.
    pub fn writes(&self, node: NodeId) -> bool {
        self.nodes[node].server == Server::Running { recovery: false } && !self.is_frozen(node)
    }

    /// Nodes that accept writes right now.
    pub fn writers(&self) -> Vec<NodeId> {
        (0..self.nodes.len()).filter(|node| self.writes(*node)).collect()
    }

    /// Appends a record to a primary's log.
    pub fn append(&mut self, node: NodeId, what: What) -> RecordId {
        let length = match &what {
            What::Shutdown | What::Checkpoint | What::EndOfRecovery => 120,
            What::Row { .. } => 184,
            _ => 248,
        };
        let last = self.nodes[node].log.tip().map(|tip| self.records.get(tip).clone());
        let (timeline, start) = last.map_or((Timeline(1), Lsn(0)), |last| (last.timeline, last.end));
        let timeline = if what == What::EndOfRecovery { Timeline(timeline.0 + 1) } else { timeline };
        let record = self.records.add(Record { timeline, start, end: Lsn(start.0 + length), what });
        let log = &mut self.nodes[node].log;
        log.records.push(record);
        log.replayed = log.records.len();
        record
    }

    /// The timeline of the last record that a node has.
    pub fn timeline(&self, node: NodeId) -> Timeline {
        self.nodes[node].log.tip().map_or(Timeline(1), |tip| self.records.get(tip).timeline)
    }

    /// Where a node's log ends.
    pub fn end(&self, node: NodeId) -> Lsn {
        self.nodes[node].log.tip().map_or(Lsn(0), |tip| self.records.get(tip).end)
    }

    /// What a node has replayed.
    pub fn replayed(&self, node: NodeId) -> Lsn {
        self.nodes[node].log.replayed_tip().map_or(Lsn(0), |tip| self.records.get(tip).end)
    }

    /// What an endpoint's name means: its site, its kind, and the node it belongs to.
    ///
    /// # Panics
    /// When the pool has no such endpoint.
    pub fn place_of(&self, endpoint: &EndpointName) -> (Side, EndpointKind, Option<NodeId>) {
        let found = self.pool.endpoints().into_iter().find(|known| known.name == *endpoint).expect("an endpoint of the pool");
        let node = NAMES.iter().position(|name| endpoint.as_str().ends_with(&format!("-{name}")));
        (found.side, found.kind, node)
    }
}
