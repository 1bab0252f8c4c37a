//! What the console asks and orders: how it gets there, what comes of it, and whether the answer gets back.

use super::{Agent, Doing, Happening, Link, Ms, NAMES, NodeId, Posted, Server, World, clients::Fate, mate, nodes_of, side_of};
use crate::wal::What;
use jiff::Timestamp;
use switchback_domain::{
    EndpointKind, EndpointName, Facts, Lsn, MemberState, Millis, PatroniRole, PatroniState, ProbeFailure, Promotion, Side, Timeline,
    fixture,
    operation::{MemberOrder, OperationId},
};
use switchback_engine::ports::{ClusterMode, ControlError, Lineage, LogEnd, MemberSeen, PatroniStatus, Position, Rows, Saved};

/// A question or an order to one endpoint.
#[derive(Debug, Clone)]
pub struct Order {
    /// To whom.
    pub to: EndpointName,
    /// What.
    pub ask: Ask,
}

/// What is asked or ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// What a probe asks, with the console's time for the heartbeat row.
    Look(Timestamp),
    /// `GET /config`.
    ClusterMode,
    /// `PATCH /config` with the section.
    Follow(Side),
    /// `PATCH /config` with a section that names nobody who listens.
    Hold,
    /// `PATCH /config` with null.
    Lead,
    /// `GET /patroni`.
    Status,
    /// `GET /history`.
    History,
    /// The history file of its timeline.
    Lineage,
    /// `POST /switchover`.
    Switch {
        /// The present leader.
        leader: NodeId,
        /// The next one.
        candidate: NodeId,
    },
    /// `POST /failover`.
    Elect(NodeId),
    /// `CHECKPOINT`.
    Checkpoint,
    /// Where the log stands.
    Position,
    /// The last record behind a position.
    LogEnd(Lsn),
    /// A row of the outage meter.
    WriteRow(OperationId, u64),
    /// Those rows.
    Rows(OperationId),
    /// What only its log has, behind a place on a timeline, in so many bytes.
    SaveDiverged(Timeline, Lsn, usize),
    /// Where its data is.
    DataDirectory,
    /// The members of a proxy.
    Members,
    /// What a member shall do.
    TellMember(switchback_domain::MemberName, MemberOrder),
    /// The same section in etcd.
    HoldInEtcd,
    /// Which members are registered in its etcd.
    MembersInEtcd,
    /// A section that holds is taken out of etcd.
    ReleaseInEtcd,
    /// The section of a site that follows, in etcd.
    FollowInEtcd,
}

impl Ask {
    /// Something in an engine is changed by it, beyond a small row.
    pub fn is_effect(&self) -> bool {
        matches!(
            self,
            Ask::Follow(_)
                | Ask::Hold
                | Ask::Lead
                | Ask::Switch { .. }
                | Ask::Elect(_)
                | Ask::Checkpoint
                | Ask::TellMember(..)
                | Ask::HoldInEtcd
                | Ask::ReleaseInEtcd
                | Ask::FollowInEtcd
        )
    }

    /// How long it takes to get there and to take effect.
    fn way(&self, mut dice: crate::chance::Dice) -> Ms {
        match self {
            Ask::Follow(_) | Ask::Hold | Ask::Lead => dice.between(40, 55),
            Ask::HoldInEtcd | Ask::ReleaseInEtcd | Ask::FollowInEtcd => dice.between(5, 15),
            _ => dice.between(2, 6),
        }
    }

    /// How long the console waits for it at most.
    pub fn limit(&self) -> Ms {
        match self {
            Ask::Look(_) => 900,
            Ask::Checkpoint | Ask::SaveDiverged(..) => 120_000,
            _ => 5_000,
        }
    }
}

/// An answer.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each is the answer to the question of the same name")]
pub enum Answer {
    Facts(Box<Facts>),
    Done,
    Yes(bool),
    ClusterMode(ClusterMode),
    Status(PatroniStatus),
    History(Vec<Promotion>),
    Lineage(Lineage),
    Took(Millis),
    Position(Position),
    LogEnd(LogEnd),
    Rows(Rows),
    Saved(Saved),
    Directory(String),
    Members(Vec<MemberSeen>),
    Names(Vec<String>),
}

type Outcome = Result<Answer, ControlError>;

/// A moment of the world on the console's clock.
pub fn clock(now: Ms) -> Timestamp {
    fixture::at(i64::try_from(now).unwrap_or(i64::MAX))
}

impl World {
    /// Sends an order on its way; returns its number.
    pub fn send(&mut self, order: Order) -> u64 {
        self.counter += 1;
        let id = self.counter;
        let (side, kind, _) = self.place_of(&order.to);
        if order.ask.is_effect() {
            self.tell_seldom(format!("console -> {}: {:?}", order.to, order.ask));
        }
        if self.traced {
            self.tell(format!("sent: {} {:?}", order.to, order.ask));
        }
        let words = format!("{} {:?}", order.to, order.ask);
        let way = order.ask.way(self.dice(&words));
        if order.ask == Ask::Lead {
            self.note_lead(side);
        }
        if self.console_gets_to(side, kind) || self.lie_about(side).is_some() {
            self.plan(self.now + way, Happening::Arrive { id, order });
        } else if order.ask.is_effect() && self.dice(&format!("late {words}")).percent(10) {
            // What was handed to the network is sent again when the line is there.
            self.late.push_back((Link::console(side), id, order));
        }
        id
    }

    pub(super) fn deliver_late(&mut self, link: Link) {
        let (now_open, still): (Vec<_>, Vec<_>) = std::mem::take(&mut self.late).into_iter().partition(|(late, ..)| *late == link);
        self.late = still.into();
        for (_, id, order) in now_open {
            self.tell(format!("{} gets late: {:?}", order.to, order.ask));
            self.plan(self.now + 20, Happening::Arrive { id, order });
        }
    }

    /// The answer, if it is back.
    pub fn answer(&mut self, id: u64) -> Option<Outcome> {
        let posted = self.posted.get(&id)?;
        if posted.at > self.now {
            return None;
        }
        self.posted.remove(&id).map(|posted| posted.answer)
    }

    pub(super) fn arrive(&mut self, id: u64, order: Order) {
        let (side, kind, node) = self.place_of(&order.to);
        if let Some(lie) = self.lie_about(side) {
            let failed = ControlError::Failed { endpoint: order.to.clone(), failure: lie.failure() };
            self.post(id, side, Err(failed), 2);
            return;
        }
        if !self.console_gets_to(side, kind) {
            if order.ask.is_effect() && self.dice(&format!("late {:?}", order.ask)).percent(30) {
                self.late.push_back((Link::console(side), id, order));
            }
            return;
        }
        let frozen = self.places[side].frozen || node.is_some_and(|node| self.is_frozen(node));
        if frozen {
            // The kernel took it; the process finds it when it goes on.
            if order.ask.is_effect() && self.dice(&format!("taken {:?}", order.ask)).percent(50) {
                self.plan(self.now + 200, Happening::Arrive { id, order });
            }
            return;
        }
        let refused = Err(ControlError::Failed { endpoint: order.to.clone(), failure: ProbeFailure::Refused });
        let down = match (kind, node) {
            (EndpointKind::Patroni, Some(node)) => self.nodes[node].agent != Agent::Up,
            (EndpointKind::Postgres, Some(node)) => {
                !matches!(self.nodes[node].server, Server::Running { .. } | Server::Stopping { .. } | Server::Starting { .. })
            }
            (EndpointKind::Haproxy, _) => !self.places[side].proxy,
            (EndpointKind::Etcd, _) => !self.places[side].etcd.up,
            _ => true,
        };
        if down {
            self.post(id, side, refused, 2);
            return;
        }
        if order.ask.is_effect() {
            self.tell_seldom(format!("{} is told: {:?}", order.to, order.ask));
        }
        let outcome = match (kind, node) {
            (EndpointKind::Patroni, Some(node)) => self.ask_patroni(id, &order, node),
            (EndpointKind::Postgres, Some(node)) => self.ask_postgres(id, &order, node),
            (EndpointKind::Haproxy, _) => Some(self.ask_proxy(&order, side)),
            _ => Some(self.ask_etcd(&order, side)),
        };
        if let Some(outcome) = outcome {
            let back = self.dice(&format!("back {} {:?}", order.to, order.ask)).between(2, 5);
            self.post(id, side, outcome, back);
        }
    }

    fn post(&mut self, id: u64, side: Side, answer: Outcome, back: Ms) {
        if self.answers_lost > 0 && self.dice(&format!("lost {answer:?}")).percent(self.answers_lost) {
            return;
        }
        if self.is_open(Link::console(side)) {
            self.posted.insert(id, Posted { at: self.now + back, answer });
        }
    }

    fn ask_patroni(&mut self, id: u64, order: &Order, node: NodeId) -> Option<Outcome> {
        let side = side_of(node);
        let etcd_answers = self.places[side].etcd.up;
        let said_no = |said: &str| Err(ControlError::Refused { endpoint: order.to.clone(), said: said.to_owned() });
        let is_order = matches!(order.ask, Ask::Follow(_) | Ask::Hold | Ask::Lead | Ask::Switch { .. } | Ask::Elect(_));
        if is_order && self.refusing.contains(&side) {
            self.tell_seldom(format!("{} refuses: {:?}", order.to, order.ask));
            if order.ask == Ask::Lead {
                self.note_lead_refused(side);
            }
            return Some(said_no("status 401: not authenticated"));
        }
        // Patroni answers 5xx when it cannot reach its etcd.
        let without_etcd = Err(ControlError::Failed { endpoint: order.to.clone(), failure: ProbeFailure::Status { code: 502 } });
        Some(match &order.ask {
            Ask::Look(_) => Ok(Answer::Facts(Box::new(Facts::Patroni(self.patroni_facts(node))))),
            Ask::ClusterMode => Ok(Answer::ClusterMode(self.places[side].etcd.mode)),
            Ask::Status => Ok(Answer::Status(self.status(node))),
            Ask::History => Ok(Answer::History(self.history(side))),
            _ if !etcd_answers => without_etcd,
            Ask::Follow(_) | Ask::Hold | Ask::Lead => {
                let told = match order.ask {
                    Ask::Lead => ClusterMode::Primary,
                    Ask::Hold => ClusterMode::Held,
                    _ => ClusterMode::Standby,
                };
                let etcd = &mut self.places[side].etcd;
                if etcd.mode != told {
                    etcd.mode = told;
                    etcd.revision += 1;
                }
                // Only the member that was asked begins a round at once.
                self.nodes[node].round_at = self.now + 5;
                Ok(Answer::Done)
            }
            Ask::Switch { leader, candidate } => {
                if self.key_holder(node) != Some(*leader) {
                    return Some(said_no("leader name does not match"));
                }
                let streams = self.nodes[*candidate].stream.is_some_and(|stream| stream.from == *leader);
                let in_sync = self.is_standby(side) || self.nodes[*leader].waits_for == Some(*candidate);
                if !streams || !in_sync {
                    return Some(said_no("candidate name does not match with sync_standby"));
                }
                self.places[side].etcd.named = Some(*candidate);
                self.nodes[*leader].doing = Doing::AboutToStop { at: self.now + 100 };
                if self.nodes[*leader].server == (Server::Running { recovery: true }) {
                    self.nodes[*leader].rests_until = self.now + 1_500;
                    self.give_key_back(*leader);
                }
                self.switching.push((id, side, *candidate, self.now));
                return None;
            }
            Ask::Elect(candidate) => {
                if self.key_holder(node).is_some() {
                    return Some(said_no("Cluster has leader"));
                }
                self.places[side].etcd.named = Some(*candidate);
                self.places[side].etcd.stuck = false;
                self.nodes[*candidate].backs_off_until = 0;
                self.wake(*candidate);
                Ok(Answer::Done)
            }
            _ => said_no("no such question"),
        })
    }

    /// Switches within a site are answered when they are done.
    pub(super) fn settle_switches(&mut self) {
        for (id, side, candidate, since) in std::mem::take(&mut self.switching) {
            let leads = self.key_holder(candidate) == Some(candidate)
                && matches!(self.nodes[candidate].role, PatroniRole::Primary | PatroniRole::StandbyLeader)
                && (self.is_standby(side) || self.writes(candidate));
            let endpoint = self.pool.sites[side].nodes[candidate % 2].patroni.clone();
            if leads {
                self.post(id, side, Ok(Answer::Done), 5);
            } else if self.now - since > 15_000 {
                let said = "Switchover failed".to_owned();
                self.post(id, side, Err(ControlError::Refused { endpoint, said }), 5);
            } else {
                self.switching.push((id, side, candidate, since));
            }
        }
    }

    fn ask_postgres(&mut self, id: u64, order: &Order, node: NodeId) -> Option<Outcome> {
        let failed = |failure| Err(ControlError::Failed { endpoint: order.to.clone(), failure });
        let Server::Running { recovery } = self.nodes[node].server else {
            return Some(failed(ProbeFailure::Sql { state: "57P03".to_owned() }));
        };
        let read_only = || Err(ControlError::Refused { endpoint: order.to.clone(), said: "25006 read-only transaction".to_owned() });
        Some(match &order.ask {
            Ask::Look(at) => {
                if !recovery {
                    let beat = self.heartbeat(node).map_or(1, |(beat, _)| beat + 1);
                    self.append(node, What::Heartbeat { beat, beat_at: *at });
                }
                Ok(Answer::Facts(Box::new(Facts::Postgres(self.postgres_facts(node)))))
            }
            Ask::Position => Ok(Answer::Position(self.position(node))),
            Ask::LogEnd(from) => self.log_end(order, node, *from),
            Ask::Lineage => Ok(Answer::Lineage(self.lineage(node))),
            Ask::Rows(operation) => Ok(Answer::Rows(self.rows(node, *operation))),
            Ask::SaveDiverged(timeline, fork, most) => self.save_diverged(order, node, *timeline, *fork, *most).map(Answer::Saved),
            Ask::DataDirectory => Ok(Answer::Directory(format!("/var/lib/postgresql/{}", NAMES[node]))),
            Ask::Checkpoint => {
                let took = self.dice("checkpoint").between(30, 400);
                if !recovery {
                    self.append(node, What::Checkpoint);
                }
                let side = side_of(node);
                self.post(id, side, Ok(Answer::Took(Millis(took))), took);
                return None;
            }
            Ask::WriteRow(..) if recovery => read_only(),
            Ask::WriteRow(operation, number) => {
                let record = self.append(node, What::Meter { operation: *operation, number: *number });
                let waiting = self.waiting(node, record);
                self.console_rows.push((id, waiting));
                return None;
            }
            _ => read_only(),
        })
    }

    pub(super) fn acknowledge_console_rows(&mut self) {
        for (id, waiting) in std::mem::take(&mut self.console_rows) {
            let side = side_of(waiting.node);
            match self.fate(&waiting) {
                Fate::Acknowledged => self.post(id, side, Ok(Answer::Done), 2),
                Fate::Gone => {
                    let endpoint = self.pool.sites[side].nodes[waiting.node % 2].postgres.clone();
                    let failure = ProbeFailure::Sql { state: "57P01".to_owned() };
                    self.post(id, side, Err(ControlError::Failed { endpoint, failure }), 2);
                }
                Fate::Waits => {
                    if self.now - waiting.since < 10_000 {
                        self.console_rows.push((id, waiting));
                    }
                }
            }
        }
    }

    fn ask_proxy(&mut self, order: &Order, side: Side) -> Outcome {
        match &order.ask {
            Ask::Look(_) => Ok(Answer::Facts(Box::new(Facts::Haproxy(self.proxy_facts(side))))),
            Ask::Members => Ok(Answer::Members(self.members(side))),
            Ask::TellMember(..) if self.refusing.contains(&side) => {
                Err(ControlError::Refused { endpoint: order.to.clone(), said: "Permission denied".to_owned() })
            }
            Ask::TellMember(member, told) => {
                let names = World::member_names(side);
                let Some(index) = names.iter().position(|name| name == member) else {
                    return Err(ControlError::Refused { endpoint: order.to.clone(), said: "No such server.".to_owned() });
                };
                let kept = &mut self.places[side].members[index];
                kept.order = *told;
                kept.sessions = match told {
                    MemberOrder::Ready => 12,
                    MemberOrder::Drain => kept.sessions.min(2),
                    MemberOrder::Maintenance => 0,
                };
                Ok(Answer::Done)
            }
            _ => Err(ControlError::Refused { endpoint: order.to.clone(), said: "Unknown command.".to_owned() }),
        }
    }

    fn ask_etcd(&mut self, order: &Order, side: Side) -> Outcome {
        match &order.ask {
            Ask::Look(_) => Ok(Answer::Facts(Box::new(Facts::Etcd(self.etcd_facts(side))))),
            Ask::MembersInEtcd => Ok(Answer::Names(self.registered(side))),
            Ask::ReleaseInEtcd => {
                let etcd = &mut self.places[side].etcd;
                let held = etcd.mode == ClusterMode::Held;
                if held {
                    etcd.mode = ClusterMode::Primary;
                    etcd.revision += 1;
                }
                Ok(Answer::Yes(held))
            }
            Ask::HoldInEtcd | Ask::FollowInEtcd => {
                let hold = order.ask == Ask::HoldInEtcd;
                let etcd = &mut self.places[side].etcd;
                let news = if hold { etcd.mode == ClusterMode::Primary } else { etcd.mode != ClusterMode::Standby };
                if news {
                    etcd.mode = if hold { ClusterMode::Held } else { ClusterMode::Standby };
                    etcd.revision += 1;
                }
                Ok(Answer::Yes(news))
            }
            _ => Err(ControlError::Refused { endpoint: order.to.clone(), said: "unknown".to_owned() }),
        }
    }

    /// What Patroni says of itself. Its word for the state lags behind its server.
    pub(crate) fn status(&self, node: NodeId) -> PatroniStatus {
        let this = &self.nodes[node];
        let (state, word) = match this.server {
            // It says "running" for some moments after the server was told to stop.
            Server::Stopping { since } if self.now < since + 60 => (PatroniState::Running, "running"),
            Server::Running { recovery: true } if this.stream.is_some() => (PatroniState::Running, "streaming"),
            Server::Running { .. } => (PatroniState::Running, "running"),
            Server::Starting { .. } => (PatroniState::Starting, "starting"),
            Server::Stopping { .. } => (PatroniState::Stopping, "stopping"),
            Server::Down if this.role == PatroniRole::Demoted => (PatroniState::Stopping, "stopping"),
            Server::Down => (PatroniState::Stopped, "stopped"),
        };
        let role = match this.server {
            Server::Stopping { since } if self.now > since + 2_000 => PatroniRole::Demoted,
            _ => this.role,
        };
        let said = match role {
            PatroniRole::Primary => "primary",
            PatroniRole::StandbyLeader => "standby_leader",
            PatroniRole::Replica => "replica",
            PatroniRole::Demoted => "demoted",
            PatroniRole::Uninitialized => "uninitialized",
        };
        PatroniStatus { role, state, said: format!("{said}, {word}"), timeline: Some(this.shown) }
    }

    pub(crate) fn history(&self, side: Side) -> Vec<Promotion> {
        let line = |promoted: &super::Promoted| Promotion {
            parent: promoted.parent,
            switched_at: promoted.at,
            at: Some(clock(promoted.when)),
            leader: (side_of(promoted.who) == side).then(|| NAMES[promoted.who].to_owned()),
        };
        self.places[side].etcd.history.iter().map(line).collect()
    }

    /// What it receives or writes, else what its control file says.
    pub(crate) fn said_timeline(&self, node: NodeId) -> switchback_domain::Timeline {
        let this = &self.nodes[node];
        match (this.server, this.stream) {
            (Server::Running { recovery: true }, None) => this.control,
            _ => self.timeline(node),
        }
    }

    /// What it has received: a broken stream may have left a part of a record.
    pub(crate) fn received(&self, node: NodeId) -> Lsn {
        let part = if self.nodes[node].partial { 48 } else { 0 };
        Lsn(self.end(node).0 + part)
    }

    fn position(&self, node: NodeId) -> Position {
        let this = &self.nodes[node];
        let recovery = this.server == Server::Running { recovery: true };
        let synchronous = self.connected(node).into_iter().filter(|other| this.waits_for == Some(*other));
        Position {
            in_recovery: recovery,
            timeline: Some(self.said_timeline(node)),
            written: (!recovery).then(|| self.end(node)),
            received: recovery.then(|| self.received(node)),
            replayed: recovery.then(|| self.replayed(node)),
            streaming: recovery && this.stream.is_some(),
            synchronous: synchronous.map(|other| NAMES[other].to_owned()).collect(),
        }
    }

    /// Where its log comes from: every promotion whose first record it has.
    pub(crate) fn lineage(&self, node: NodeId) -> Lineage {
        let in_recovery = self.nodes[node].server == Server::Running { recovery: true };
        let log = &self.nodes[node].log.records;
        let had = self.promotions.iter().filter(|(first, _)| log.binary_search(first).is_ok()).map(|(_, promoted)| promoted);
        let line = |promoted: &super::Promoted| Promotion { parent: promoted.parent, switched_at: promoted.at, at: None, leader: None };
        Lineage {
            in_recovery,
            timeline: Some(self.timeline(node)),
            end: Some(if in_recovery { self.replayed(node) } else { self.end(node) }),
            history: Some(had.map(line).collect()),
        }
    }

    /// The cluster of a site is told to be a standby.
    pub(crate) fn is_standby(&self, side: Side) -> bool {
        self.places[side].etcd.mode != ClusterMode::Primary
    }

    /// Who receives from it.
    pub(crate) fn connected(&self, node: NodeId) -> Vec<NodeId> {
        let start = self.nodes[node].start;
        (0..self.nodes.len())
            .filter(|other| self.nodes[*other].stream.is_some_and(|stream| stream.from == node && stream.start == start))
            .collect()
    }

    fn log_end(&self, order: &Order, node: NodeId, from: Lsn) -> Outcome {
        let this = &self.nodes[node];
        let end = self.end(node);
        if from > end {
            let said = "WAL start LSN must be less than current LSN".to_owned();
            return Err(ControlError::Refused { endpoint: order.to.clone(), said });
        }
        // It reads what was replayed on a standby, and what was written on a primary.
        let last = this.log.replayed_tip().map(|tip| self.records.get(tip)).filter(|record| record.start >= from);
        Ok(Answer::LogEnd(LogEnd {
            in_recovery: this.server == (Server::Running { recovery: true }),
            timeline: Some(self.said_timeline(node)),
            record: last.map(|record| record.start),
            end: last.map(|record| record.end),
            kind: last.map(|record| record.what.as_code().to_owned()),
            ends_in_shutdown: last.is_some_and(|record| matches!(record.what, What::Shutdown)),
            replayed: Some(self.replayed(node)),
        }))
    }

    pub(crate) fn heartbeat(&self, node: NodeId) -> Option<(i64, Timestamp)> {
        let log = &self.nodes[node].log;
        log.records[..log.replayed].iter().rev().find_map(|record| match self.records.get(*record).what {
            What::Heartbeat { beat, beat_at } => Some((beat, beat_at)),
            _ => None,
        })
    }

    fn rows(&self, node: NodeId, wanted: OperationId) -> Rows {
        let log = &self.nodes[node].log;
        let mut numbers = Vec::new();
        for record in log.records[..log.replayed].iter().rev() {
            match self.records.get(*record).what {
                What::Meter { operation, number } if operation == wanted => numbers.push(number),
                // A marker removes what older operations left behind.
                What::Meter { number: 0, .. } => break,
                _ => {}
            }
        }
        numbers.sort_unstable();
        numbers.dedup();
        Rows { numbers, heartbeat_at: self.heartbeat(node).map(|(_, beat_at)| beat_at) }
    }

    pub(crate) fn member_names(side: Side) -> [switchback_domain::MemberName; 2] {
        let letter = if side == Side::A { "a" } else { "b" };
        [1, 2].map(|number| format!("member-{letter}{number}").parse().expect("a name"))
    }

    fn member_state(member: &super::Member) -> MemberState {
        match member.order {
            MemberOrder::Maintenance => MemberState::Maintenance,
            _ if !member.up => MemberState::Down,
            MemberOrder::Ready => MemberState::Active,
            MemberOrder::Drain if member.sessions > 0 => MemberState::Draining,
            MemberOrder::Drain => MemberState::Standby,
        }
    }

    fn members(&self, side: Side) -> Vec<MemberSeen> {
        let names = World::member_names(side);
        let seen = |(member, kept): (switchback_domain::MemberName, &super::Member)| MemberSeen {
            member,
            state: World::member_state(kept),
            healthy: kept.up,
            sessions: kept.sessions,
        };
        names.into_iter().zip(&self.places[side].members).map(seen).collect()
    }

    fn proxy_facts(&self, side: Side) -> switchback_domain::HaproxyFacts {
        let facts = |seen: MemberSeen| switchback_domain::MemberFacts {
            name: seen.member,
            state: seen.state,
            healthy: seen.healthy,
            sessions: seen.sessions,
            unchanged_for_s: 60,
        };
        switchback_domain::HaproxyFacts {
            version: "2.6.12".to_owned(),
            members: self.members(side).into_iter().map(facts).collect(),
            guard: true,
            peers_up: self.peers_seen_up(side),
        }
    }

    fn etcd_facts(&self, side: Side) -> switchback_domain::EtcdFacts {
        let lasts = self.setting.ttl;
        let leader_key =
            self.places[side].etcd.leader.filter(|(_, until)| self.now < *until).map(|(holder, until)| switchback_domain::LeaderKey {
                holder: NAMES[holder].parse().expect("a name"),
                lasts: Millis(lasts),
                renewed_ago: Millis(lasts.saturating_sub(until - self.now)),
            });
        switchback_domain::EtcdFacts { healthy: true, leader_key }
    }

    /// Members whose Patroni runs, or has run until a moment ago: their keys end with their lease, which is not simulated to the second.
    fn registered(&self, side: Side) -> Vec<String> {
        let runs = |node: &NodeId| self.nodes[*node].agent != Agent::Down;
        nodes_of(side).into_iter().filter(runs).map(|node| NAMES[node].to_owned()).collect()
    }

    /// Which nodes of the other site a site's `HAProxy` sees as primary, by their Patroni's word to it.
    fn peers_seen_up(&self, side: Side) -> Vec<String> {
        let other = side.other();
        let seen = |node: &NodeId| {
            let answers = self.nodes[*node].agent == Agent::Up && !self.is_frozen(*node) && self.is_open(super::Link::Between);
            answers && self.key_holder(*node) == Some(*node) && self.writes(*node)
        };
        nodes_of(other).into_iter().filter(seen).map(|node| NAMES[node].to_owned()).collect()
    }

    /// Sessions end by and by on members that take no new ones.
    pub(super) fn end_sessions(&mut self) {
        for side in Side::BOTH {
            for member in &mut self.places[side].members {
                if member.order == MemberOrder::Drain {
                    member.sessions = member.sessions.saturating_sub(1);
                }
            }
        }
    }

    /// A node's mate that follows it, for tests of the world.
    pub fn mirror_of(&self, node: NodeId) -> Option<NodeId> {
        self.nodes[node].waits_for.filter(|mirror| *mirror == mate(node) && nodes_of(side_of(node)).contains(mirror))
    }
}
