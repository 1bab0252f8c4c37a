//! Patroni: one round after the other, by its etcd's word.

use super::{Agent, Doing, Link, NAMES, NodeId, Server, Source, World, mate, nodes_of, side_of};
use switchback_domain::PatroniRole;
use switchback_engine::ports::ClusterMode;

/// A primary that cannot reach its etcd demotes itself after this long (`retry_timeout`).
const RETRY_TIMEOUT: u64 = 10_000;

/// `pg_rewind` of a small database.
const REWIND_TAKES: u64 = 3_500;

impl World {
    pub(super) fn run_agent(&mut self, node: NodeId) {
        let now = self.now;
        match self.nodes[node].agent {
            Agent::Down => return,
            Agent::Starting { at } if now < at => return,
            Agent::Starting { .. } => {
                self.nodes[node].agent = Agent::Up;
                self.nodes[node].round_at = now + 100;
                self.tell(format!("{}'s Patroni answers", NAMES[node]));
            }
            Agent::Up => {}
        }
        if let Doing::Asking { until } = self.nodes[node].doing {
            if now >= until {
                self.heard_from_peers(node);
            }
            return;
        }
        if now >= self.nodes[node].round_at && self.nodes[node].doing == Doing::Nothing {
            let this = &mut self.nodes[node];
            this.round_at = now + if this.hurry > 0 { 1_200 } else { self.setting.loop_wait };
            this.hurry = this.hurry.saturating_sub(1);
            self.round(node);
        }
    }

    /// Its Patroni begins a round at once.
    pub(super) fn wake(&mut self, node: NodeId) {
        self.nodes[node].round_at = self.nodes[node].round_at.min(self.now);
    }

    /// Who holds the leader key of a node's site.
    pub(super) fn key_holder(&self, node: NodeId) -> Option<NodeId> {
        let etcd = &self.places[side_of(node)].etcd;
        etcd.leader.filter(|(_, until)| self.now < *until).map(|(holder, _)| holder)
    }

    fn reaches_etcd(&self, node: NodeId) -> bool {
        let place = &self.places[side_of(node)];
        place.etcd.up && !place.frozen
    }

    pub(super) fn give_key_back(&mut self, node: NodeId) {
        if self.reaches_etcd(node) && self.key_holder(node) == Some(node) {
            self.places[side_of(node)].etcd.leader = None;
            self.tell(format!("{} gives its leader key back", NAMES[node]));
            self.wake(mate(node));
        }
    }

    fn round(&mut self, node: NodeId) {
        let now = self.now;
        if !self.reaches_etcd(node) {
            let since = *self.nodes[node].without_etcd_since.get_or_insert(now);
            if self.nodes[node].server == (Server::Running { recovery: false }) && now - since >= RETRY_TIMEOUT {
                self.tell(format!("{} cannot reach its etcd and demotes itself", NAMES[node]));
                self.nodes[node].role = PatroniRole::Demoted;
                self.nodes[node].doing = Doing::AboutToStop { at: now };
            } else if self.nodes[node].server == Server::Down && now >= self.nodes[node].rests_until {
                self.nodes[node].role = PatroniRole::Replica;
                self.nodes[node].source = Source::Nobody;
                self.nodes[node].server = Server::Starting { at: now + 900 };
            }
            return;
        }
        self.nodes[node].without_etcd_since = None;
        if matches!(self.nodes[node].server, Server::Stopping { .. } | Server::Starting { .. }) {
            // A key that is held is renewed also while the server stops.
            if self.key_holder(node) == Some(node) {
                self.take_key(node);
            }
            return;
        }
        if self.nodes[node].server == Server::Down {
            if now >= self.nodes[node].rests_until {
                self.start_server(node);
            }
            return;
        }
        match self.key_holder(node) {
            Some(holder) if holder == node => {
                self.take_key(node);
                self.lead(node);
            }
            Some(_) => self.obey(node),
            None => self.contend(node),
        }
    }

    fn start_server(&mut self, node: NodeId) {
        let at = self.now + 900;
        self.nodes[node].server = Server::Starting { at };
        self.nodes[node].role = PatroniRole::Replica;
        if self.key_holder(node) == Some(node) {
            self.take_key(node);
        }
    }

    fn take_key(&mut self, node: NodeId) {
        let until = self.now + self.setting.ttl;
        self.places[side_of(node)].etcd.leader = Some((node, until));
    }

    fn lead(&mut self, node: NodeId) {
        let side = side_of(node);
        let writes = self.nodes[node].server == Server::Running { recovery: false };
        if self.is_standby(side) {
            if writes {
                self.demote(node);
            } else {
                if self.nodes[node].role != PatroniRole::StandbyLeader {
                    self.tell(format!("{} leads as a standby", NAMES[node]));
                }
                self.nodes[node].role = PatroniRole::StandbyLeader;
                let held = self.places[side].etcd.mode == ClusterMode::Held;
                self.follow(node, if held { Source::Nobody } else { Source::OtherSite });
            }
            return;
        }
        if !writes {
            self.begin_promotion(node);
            return;
        }
        self.nodes[node].role = PatroniRole::Primary;
        if std::mem::take(&mut self.nodes[node].history_unwritten) {
            // The whole history file of its timeline, promotions of the other site included.
            let log = &self.nodes[node].log.records;
            let history = self.promotions.iter().filter(|(first, _)| log.binary_search(first).is_ok()).map(|(_, promoted)| *promoted);
            self.places[side].etcd.history = history.collect();
        }
        self.choose_mirror(node);
    }

    /// The mirror is synchronous when it streams; without one commits do not wait.
    fn choose_mirror(&mut self, node: NodeId) {
        let other = mate(node);
        let start = self.nodes[node].start;
        let streams = self.nodes[other].stream.is_some_and(|stream| stream.from == node && stream.start == start)
            && self.nodes[other].server == (Server::Running { recovery: true })
            && self.nodes[other].log.len() + 20 >= self.nodes[node].log.len()
            && !self.is_frozen(other);
        let mirror = streams.then_some(other);
        if self.nodes[node].waits_for != mirror {
            self.tell(format!("{} has {} as its synchronous mirror", NAMES[node], mirror.map_or("nobody", |mirror| NAMES[mirror])));
        }
        self.nodes[node].waits_for = mirror;
        self.places[side_of(node)].etcd.sync = Some((node, mirror));
    }

    fn demote(&mut self, node: NodeId) {
        let at = self.now + self.dice("demote").between(110, 170);
        self.tell(format!("{} is told to follow and will shut down", NAMES[node]));
        self.nodes[node].doing = Doing::AboutToStop { at };
    }

    /// Begins a promotion: the other site is asked first where the guard is installed.
    fn begin_promotion(&mut self, node: NodeId) {
        if self.nodes[node].collided {
            // A promotion of such a node ends in a PANIC.
            self.tell(format!("{} panics on its promotion: its history is not one", NAMES[node]));
            self.nodes[node].server = Server::Down;
            self.nodes[node].rests_until = self.now + 5_000;
            return;
        }
        let mut takes = 0;
        if self.setting.guard {
            for peer in nodes_of(side_of(node).other()) {
                let silent = self.peer_says(node, peer).is_none();
                takes += if silent { 1_000 } else { 15 };
            }
        }
        self.nodes[node].doing = Doing::Asking { until: self.now + takes };
    }

    /// Whether a node of the other site says that it is primary (`/primary`); nothing when it is silent.
    fn peer_says(&self, node: NodeId, peer: NodeId) -> Option<bool> {
        if !self.reaches(node, peer) || self.is_frozen(peer) {
            return None;
        }
        let there = self.nodes[peer].agent == Agent::Up;
        let follows = self.is_standby(side_of(peer));
        Some(there && self.nodes[peer].server == (Server::Running { recovery: false }) && !follows)
    }

    fn heard_from_peers(&mut self, node: NodeId) {
        self.nodes[node].doing = Doing::Nothing;
        let side = side_of(node);
        // Patroni looks at its key once more when the script has ended.
        if !self.reaches_etcd(node) || self.key_holder(node) != Some(node) || self.is_standby(side) {
            return;
        }
        let no = self.setting.guard && nodes_of(side.other()).into_iter().any(|peer| self.peer_says(node, peer) == Some(true));
        if no {
            self.tell(format!("{} asked the other site, which writes: it does not promote", NAMES[node]));
            self.nodes[node].backs_off_until = self.now + self.setting.loop_wait * 2;
            self.give_key_back(node);
            return;
        }
        let at = self.now + self.dice("promote").between(150, 220);
        self.nodes[node].doing = Doing::Promoting { at };
    }

    /// Another node of the site leads.
    fn obey(&mut self, node: NodeId) {
        if self.nodes[node].server == (Server::Running { recovery: false }) {
            self.tell(format!("{} is no leader any more and stops writing", NAMES[node]));
            self.nodes[node].role = PatroniRole::Demoted;
            self.nodes[node].server = Server::Down;
            self.nodes[node].rests_until = self.now + 500;
            return;
        }
        self.nodes[node].role = PatroniRole::Replica;
        self.follow(node, Source::Mate);
    }

    fn follow(&mut self, node: NodeId, source: Source) {
        if self.nodes[node].source != source {
            self.nodes[node].source = source;
            self.nodes[node].stream = None;
            self.nodes[node].retry_at = self.now;
        }
        if let (true, Some(from)) = (self.nodes[node].diverged, self.source_node(node)) {
            self.tell(format!("{} has written what {} does not have, and is rewound", NAMES[node], NAMES[from]));
            self.nodes[node].server = Server::Down;
            self.nodes[node].stream = None;
            self.nodes[node].rests_until = self.now + REWIND_TAKES;
            self.nodes[node].doing = Doing::Rewinding { until: self.now + REWIND_TAKES };
        }
    }

    /// Nobody leads: it may.
    fn contend(&mut self, node: NodeId) {
        let now = self.now;
        let side = side_of(node);
        let other = mate(node);
        if now < self.nodes[node].backs_off_until {
            return;
        }
        let etcd = &self.places[side].etcd;
        if let Some(named) = etcd.named
            && named != node
            && self.nodes[named].agent == Agent::Up
        {
            return;
        }
        let writes = self.nodes[node].server == Server::Running { recovery: false };
        if etcd.stuck && etcd.named.is_none() {
            if writes {
                self.tell(format!("{} seems not fit to lead and stops writing", NAMES[node]));
                self.nodes[node].role = PatroniRole::Demoted;
                self.nodes[node].server = Server::Down;
                self.nodes[node].rests_until = now + 500;
            }
            return;
        }
        let in_step = |candidate: NodeId| match etcd.sync {
            Some((leader, mirror)) if etcd.mode == ClusterMode::Primary => candidate == leader || mirror == Some(candidate),
            _ => true,
        };
        // Whoever has more of the log goes first, if it can be asked.
        let other_answers = self.nodes[other].agent == Agent::Up
            && !self.is_frozen(other)
            && matches!(self.nodes[other].server, Server::Running { .. })
            && now >= self.nodes[other].backs_off_until;
        let behind = other_answers && in_step(other) && self.end(other) > self.end(node);
        if !writes && (!in_step(node) || behind) {
            return;
        }
        self.places[side].etcd.named = None;
        self.places[side].etcd.stuck = false;
        self.take_key(node);
        self.tell(format!("{} takes the leader key", NAMES[node]));
        self.wake(other);
        self.lead(node);
    }

    /// Patroni of this node and the console, or the other site, can talk.
    pub(super) fn console_reaches(&self, side: switchback_domain::Side) -> bool {
        self.is_open(Link::console(side)) && !self.places[side].frozen
    }
}
