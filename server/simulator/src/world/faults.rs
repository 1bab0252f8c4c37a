//! What breaks, and what comes back.

use super::{Agent, Doing, Happening, Ms, NAMES, NodeId, Server, World, nodes_of, side_of};
use switchback_domain::{PatroniRole, ProbeFailure, Side, operation::MemberOrder};
use switchback_engine::ports::ClusterMode;

/// A line between two of: site a, site b, the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Link {
    /// Between the sites.
    Between,
    /// Between the console and site a.
    ConsoleA,
    /// Between the console and site b.
    ConsoleB,
}

impl Link {
    /// All of them.
    pub const ALL: [Link; 3] = [Link::Between, Link::ConsoleA, Link::ConsoleB];

    /// From the console to a site.
    pub fn console(side: Side) -> Link {
        match side {
            Side::A => Link::ConsoleA,
            Side::B => Link::ConsoleB,
        }
    }
}

/// What something between the console and a site answers in the site's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    /// A firewall's reset.
    Refused,
    /// A router's "no route to host".
    Unreachable,
    /// A proxy's error page.
    BadGateway,
    /// A server of somebody else's, with a certificate of its own.
    OtherCertificate,
}

impl Lie {
    /// All of them.
    pub const ALL: [Lie; 4] = [Lie::Refused, Lie::Unreachable, Lie::BadGateway, Lie::OtherCertificate];

    /// What the console hears.
    pub fn failure(self) -> ProbeFailure {
        match self {
            Lie::Refused => ProbeFailure::Refused,
            Lie::Unreachable => ProbeFailure::Unreachable,
            Lie::BadGateway => ProbeFailure::Status { code: 502 },
            Lie::OtherCertificate => ProbeFailure::Tls,
        }
    }
}

/// Something that breaks or comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// `kill -9` of a node's Patroni and `PostgreSQL`.
    KillNode(NodeId),
    /// They are started again.
    StartNode(NodeId),
    /// `kill -9` of a node's Patroni only: its `PostgreSQL` lives on as it is.
    KillPatroni(NodeId),
    /// A node's machine stands still.
    FreezeNode(NodeId),
    /// It goes on.
    ThawNode(NodeId),
    /// Every process of a site is killed.
    KillSite(Side),
    /// Its etcd is started, and so much later its nodes.
    StartSite(Side, Ms),
    /// A whole site stands still.
    FreezeSite(Side),
    /// It goes on.
    ThawSite(Side),
    /// An etcd is killed.
    KillEtcd(Side),
    /// It is started.
    StartEtcd(Side),
    /// An `HAProxy` is killed.
    KillProxy(Side),
    /// It is started, with the states of its configuration.
    StartProxy(Side),
    /// A line carries nothing.
    Cut(Link),
    /// It carries again.
    Heal(Link),
    /// The console reaches nothing of a site but its etcd.
    WallOff(Side),
    /// It reaches everything of it again.
    OpenAgain(Side),
    /// Something between the console and a site answers in its name.
    LieAbout(Side, Lie),
    /// The site answers itself again.
    HearItself(Side),
    /// Every Patroni and the proxy of a site refuse the console's orders, as after a change of their password; they go on answering questions.
    RefuseOrders(Side),
    /// They take them again.
    TakeOrders(Side),
    /// Somebody tells a site's cluster to lead, past the console.
    ToldToLead(Side),
    /// Answers to the console are lost, so many of a hundred.
    LoseAnswers(u64),
    /// Replay of a node stands still for so long.
    StopReplay(NodeId, Ms),
    /// The store fails.
    StoreFails,
    /// It works again.
    StoreWorks,
    /// The store does what it is told and says that it failed, so many times of a hundred.
    StoreForgets(u64),
}

impl Fault {
    /// What brings back what it broke; nothing when it heals by itself.
    pub fn remedy(self) -> Option<Fault> {
        match self {
            Fault::KillNode(node) | Fault::KillPatroni(node) => Some(Fault::StartNode(node)),
            Fault::FreezeNode(node) => Some(Fault::ThawNode(node)),
            Fault::KillSite(side) => Some(Fault::StartSite(side, 500)),
            Fault::FreezeSite(side) => Some(Fault::ThawSite(side)),
            Fault::KillEtcd(side) => Some(Fault::StartEtcd(side)),
            Fault::KillProxy(side) => Some(Fault::StartProxy(side)),
            Fault::Cut(link) => Some(Fault::Heal(link)),
            Fault::WallOff(side) => Some(Fault::OpenAgain(side)),
            Fault::LieAbout(side, _) => Some(Fault::HearItself(side)),
            Fault::RefuseOrders(side) => Some(Fault::TakeOrders(side)),
            Fault::LoseAnswers(_) => Some(Fault::LoseAnswers(0)),
            Fault::StoreFails => Some(Fault::StoreWorks),
            Fault::StoreForgets(_) => Some(Fault::StoreForgets(0)),
            _ => None,
        }
    }
}

impl World {
    /// Something breaks or comes back at a moment.
    pub fn strike_at(&mut self, at: Ms, fault: Fault) {
        self.plan(at, Happening::Fault(fault));
    }

    /// Something breaks or comes back now.
    pub fn strike(&mut self, fault: Fault) {
        self.tell(format!("fault: {fault:?}"));
        match fault {
            Fault::KillNode(node) => self.kill(node),
            Fault::StartNode(node) => self.start(node, self.now),
            Fault::KillPatroni(node) => {
                self.nodes[node].agent = Agent::Down;
                self.nodes[node].doing = Doing::Nothing;
                self.nodes[node].hurry = 0;
            }
            Fault::FreezeNode(node) => self.nodes[node].frozen = true,
            Fault::ThawNode(node) => {
                self.nodes[node].frozen = false;
                self.wake(node);
            }
            Fault::KillSite(side) => {
                for node in nodes_of(side) {
                    self.kill(node);
                }
                self.places[side].etcd.up = false;
                self.places[side].proxy = false;
                self.clients[side].waits = None;
                self.clients[side].node = None;
            }
            Fault::StartSite(side, later) => {
                self.places[side].etcd.up = true;
                // What etcd remembers of the dead timeline may make every member seem unfit (gotcha 7).
                self.places[side].etcd.stuck = self.was_given_up(side) && self.dice("stuck").percent(30);
                if self.places[side].etcd.stuck {
                    self.places[side].etcd.leader = None;
                    self.tell("nobody in the returning site will seem fit to lead");
                }
                self.start_proxy(side);
                for node in nodes_of(side) {
                    self.start(node, self.now + later);
                }
            }
            Fault::FreezeSite(side) => self.places[side].frozen = true,
            Fault::ThawSite(side) => {
                self.places[side].frozen = false;
                for node in nodes_of(side) {
                    self.wake(node);
                }
            }
            Fault::KillEtcd(side) => self.places[side].etcd.up = false,
            Fault::StartEtcd(side) => self.places[side].etcd.up = true,
            Fault::KillProxy(side) => self.places[side].proxy = false,
            Fault::StartProxy(side) => self.start_proxy(side),
            Fault::Cut(link) => {
                if !self.cut.contains(&link) {
                    self.cut.push(link);
                }
            }
            Fault::Heal(link) => {
                self.cut.retain(|cut| *cut != link);
                self.deliver_late(link);
            }
            Fault::WallOff(side) => {
                if !self.walled.contains(&side) {
                    self.walled.push(side);
                }
            }
            Fault::OpenAgain(side) => {
                self.walled.retain(|walled| *walled != side);
                self.deliver_late(Link::console(side));
            }
            Fault::LieAbout(side, lie) => {
                if self.lie_about(side).is_none() {
                    self.lies.push((side, lie));
                }
            }
            Fault::HearItself(side) => self.lies.retain(|(about, _)| *about != side),
            Fault::RefuseOrders(side) => {
                if !self.refusing.contains(&side) {
                    self.refusing.push(side);
                }
            }
            Fault::TakeOrders(side) => self.refusing.retain(|refusing| *refusing != side),
            Fault::ToldToLead(side) => {
                self.places[side].etcd.mode = ClusterMode::Primary;
                self.places[side].etcd.revision += 1;
                for node in nodes_of(side) {
                    self.wake(node);
                }
                self.expect_split();
            }
            Fault::LoseAnswers(percent) => self.answers_lost = percent,
            Fault::StopReplay(node, length) => self.nodes[node].replay_stopped_until = self.now + length,
            Fault::StoreFails => self.store_works = false,
            Fault::StoreWorks => self.store_works = true,
            Fault::StoreForgets(percent) => self.store_forgets = percent,
        }
    }

    fn kill(&mut self, node: NodeId) {
        let this = &mut self.nodes[node];
        this.agent = Agent::Down;
        this.server = Server::Down;
        this.stream = None;
        this.doing = Doing::Nothing;
        this.waits_for = None;
        this.hurry = 0;
        this.history_unwritten = false;
    }

    fn start(&mut self, node: NodeId, at: Ms) {
        if self.nodes[node].agent != Agent::Down {
            return;
        }
        // Measured: REST answers 1.2 to 1.8 s after the start, and the server is there a second later.
        let answers = at + self.dice(NAMES[node]).between(1_200, 1_800);
        let this = &mut self.nodes[node];
        this.agent = Agent::Starting { at: answers };
        // Patroni finds a server that runs as it is.
        let writes = this.server == Server::Running { recovery: false };
        this.role = if writes { PatroniRole::Primary } else { PatroniRole::Replica };
        this.source = super::Source::Nobody;
        this.rests_until = answers;
        this.backs_off_until = 0;
        this.without_etcd_since = None;
    }

    fn start_proxy(&mut self, side: Side) {
        if self.places[side].proxy {
            return;
        }
        self.places[side].proxy = true;
        // The configuration file says what it said on the first day: the home site's members are ready.
        for member in &mut self.places[side].members {
            member.order = if side == Side::A { MemberOrder::Ready } else { MemberOrder::Drain };
        }
    }

    /// Everything comes back that is away.
    pub fn heal(&mut self) {
        for link in self.cut.clone() {
            self.strike(Fault::Heal(link));
        }
        for side in self.walled.clone() {
            self.strike(Fault::OpenAgain(side));
        }
        for (side, _) in self.lies.clone() {
            self.strike(Fault::HearItself(side));
        }
        for side in self.refusing.clone() {
            self.strike(Fault::TakeOrders(side));
        }
        if self.answers_lost > 0 {
            self.strike(Fault::LoseAnswers(0));
        }
        if !self.store_works {
            self.strike(Fault::StoreWorks);
        }
        if self.store_forgets > 0 {
            self.strike(Fault::StoreForgets(0));
        }
        for side in Side::BOTH {
            if self.places[side].frozen {
                self.strike(Fault::ThawSite(side));
            }
            if !self.places[side].etcd.up {
                self.strike(Fault::StartEtcd(side));
            }
            if !self.places[side].proxy {
                self.strike(Fault::StartProxy(side));
            }
        }
        for node in 0..self.nodes.len() {
            if self.nodes[node].frozen {
                self.strike(Fault::ThawNode(node));
            }
            if self.nodes[node].agent == Agent::Down {
                self.strike(Fault::StartNode(node));
            }
        }
    }

    /// Nothing that was going to break will break any more.
    pub fn calm(&mut self) {
        self.agenda.retain(|_, happening| !matches!(happening, Happening::Fault(_)));
    }

    /// One line about each node.
    pub fn summary(&self) -> String {
        let line = |node: NodeId| {
            let this = &self.nodes[node];
            format!(
                "{}: {:?} {:?} {:?}, timeline {} up to {}, replayed {}{}{}",
                NAMES[node],
                this.agent,
                this.server,
                this.role,
                self.timeline(node),
                self.end(node),
                self.replayed(node),
                this.stream.map_or(String::new(), |stream| format!(", receives from {}", NAMES[stream.from])),
                if this.collided { ", COLLIDED" } else { "" },
            )
        };
        let place = |side: Side| {
            let etcd = &self.places[side].etcd;
            let key = etcd.leader.map_or("nobody", |(node, _)| NAMES[node]);
            format!(
                "{side:?}: {:?}, key {key}, sync {:?}",
                etcd.mode,
                etcd.sync.map(|(node, mirror)| (NAMES[node], mirror.map(|mirror| NAMES[mirror])))
            )
        };
        let mut lines: Vec<String> = (0..self.nodes.len()).map(line).collect();
        lines.extend(Side::BOTH.map(place));
        lines.join("\n")
    }

    /// Who holds the leader key of its site.
    pub fn leaders(&self) -> Vec<NodeId> {
        (0..self.nodes.len()).filter(|node| self.key_holder(*node) == Some(*node)).collect()
    }

    /// The first node of a site that writes.
    pub fn writer_of(&self, side: Side) -> Option<NodeId> {
        self.writers().into_iter().find(|node| side_of(*node) == side)
    }
}
