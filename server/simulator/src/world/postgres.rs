//! `PostgreSQL`: streams, replay, starting and stopping.

use super::{Doing, NodeId, STREAM_TIMEOUT, Server, Source, Stream, World, mate, nodes_of, side_of};
use crate::wal::What;
use switchback_domain::PatroniRole;

/// From the order to shut down to the checkpoint in the log.
const SHUTDOWN_CHECKPOINT_AFTER: u64 = 40;

impl World {
    /// Streams carry what was written up to one step ago; replay follows one step later.
    pub(super) fn move_logs(&mut self) {
        for node in 0..self.nodes.len() {
            self.nodes[node].sent = self.nodes[node].log.len();
        }
        let now = self.now;
        for node in 0..self.nodes.len() {
            if self.is_frozen(node) || self.nodes[node].server != (Server::Running { recovery: true }) {
                continue;
            }
            if now >= self.nodes[node].replay_stopped_until && !self.nodes[node].collided {
                self.replay(node);
            }
            if let Some(stream) = self.nodes[node].stream {
                self.receive(node, stream);
            } else if now >= self.nodes[node].retry_at {
                self.nodes[node].retry_at = now + 1_000;
                self.connect(node);
            }
        }
    }

    fn replay(&mut self, node: NodeId) {
        let log = &self.nodes[node].log;
        let (from, to) = (log.replayed, log.len());
        for index in from..to {
            let record = self.records.get(self.nodes[node].log.records[index]);
            if matches!(record.what, What::Checkpoint | What::Shutdown | What::EndOfRecovery) {
                self.nodes[node].control = record.timeline;
            }
        }
        self.nodes[node].log.replayed = to;
    }

    /// The server at the other end is the one that the stream was opened to, and is there.
    fn is_alive(&self, stream: &Stream) -> bool {
        let source = &self.nodes[stream.from];
        source.start == stream.start && matches!(source.server, Server::Running { .. } | Server::Stopping { .. })
    }

    fn receive(&mut self, node: NodeId, stream: Stream) {
        let hears = self.reaches(node, stream.from) && !self.is_frozen(stream.from);
        if !hears {
            if self.now - stream.heard > STREAM_TIMEOUT {
                self.hang_up(node);
            }
            return;
        }
        if !self.is_alive(&stream) {
            self.hang_up(node);
            return;
        }
        let source = &self.nodes[stream.from];
        let (have, sent) = (self.nodes[node].log.len(), source.sent);
        // A standby that was promoted goes on sending; its log is still the continuation of ours.
        if sent > have {
            let news = source.log.records[have..sent].to_vec();
            self.nodes[node].log.records.extend(news);
            self.nodes[node].partial = false;
        }
        // Keepalives come about each second.
        if let Some(stream) = &mut self.nodes[node].stream {
            stream.heard = self.now;
        }
    }

    fn hang_up(&mut self, node: NodeId) {
        self.nodes[node].stream = None;
        self.nodes[node].retry_at = self.now + 200;
        self.nodes[node].partial = self.dice(super::NAMES[node]).percent(50);
    }

    /// Whom it would connect to now.
    pub(super) fn source_node(&self, node: NodeId) -> Option<NodeId> {
        let reachable = |from: NodeId| self.reaches(node, from) && !self.is_frozen(from);
        match self.nodes[node].source {
            Source::Nobody => None,
            Source::Mate => {
                let from = mate(node);
                (reachable(from) && matches!(self.nodes[from].server, Server::Running { .. })).then_some(from)
            }
            Source::OtherSite => nodes_of(side_of(node).other())
                .into_iter()
                .find(|from| reachable(*from) && self.nodes[*from].server == Server::Running { recovery: false }),
        }
    }

    fn connect(&mut self, node: NodeId) {
        let Some(from) = self.source_node(node) else { return };
        if self.nodes[node].collided {
            return;
        }
        if self.nodes[node].log.is_prefix_of(&self.nodes[from].log) {
            let start = self.nodes[from].start;
            self.nodes[node].stream = Some(Stream { from, start, heard: self.now });
            self.nodes[node].diverged = false;
            return;
        }
        if self.nodes[from].log.is_prefix_of(&self.nodes[node].log) {
            // It asks for what is not there yet, and asks again.
            return;
        }
        if self.timeline(node) == self.timeline(from) {
            // Patroni and PostgreSQL compare the numbers only.
            self.nodes[node].collided = true;
            let (node, from) = (super::NAMES[node], super::NAMES[from]);
            self.tell(format!("{node} receives another history of its own timeline from {from} and hangs"));
        } else {
            self.nodes[node].diverged = true;
        }
    }

    /// Takes a server's starts and stops further.
    pub(super) fn run_server(&mut self, node: NodeId) {
        let now = self.now;
        match self.nodes[node].server {
            Server::Starting { at } if now >= at => {
                let shown = self.timeline(node);
                let this = &mut self.nodes[node];
                this.server = Server::Running { recovery: true };
                this.start += 1;
                this.started_at = now;
                this.stream = None;
                this.retry_at = now;
                this.shown = shown;
                this.control = shown;
                this.waits_for = None;
                if this.role != PatroniRole::StandbyLeader {
                    this.role = PatroniRole::Replica;
                }
                // What was received before the stop is replayed at the start.
                this.log.replayed = this.log.len();
                this.round_at = this.round_at.min(now + 200);
            }
            Server::Stopping { since } => self.stop(node, since),
            _ => {}
        }
        match self.nodes[node].doing {
            Doing::AboutToStop { at } if now >= at => {
                self.nodes[node].doing = Doing::Nothing;
                if let Server::Running { recovery } = self.nodes[node].server {
                    self.nodes[node].server = Server::Stopping { since: now };
                    self.tell(format!("{} shuts down", super::NAMES[node]));
                    if recovery {
                        self.nodes[node].server = Server::Down;
                    }
                }
            }
            Doing::Promoting { at } if now >= at => self.promote(node),
            Doing::Rewinding { until } if now >= until => self.rewound(node),
            _ => {}
        }
    }

    fn stop(&mut self, node: NodeId, since: u64) {
        let now = self.now;
        let has_checkpoint = self.nodes[node].log.tip().is_some_and(|tip| self.records.get(tip).what == What::Shutdown);
        if !has_checkpoint {
            if now >= since + SHUTDOWN_CHECKPOINT_AFTER {
                self.append(node, What::Shutdown);
            }
            return;
        }
        let length = self.nodes[node].log.len();
        let connected: Vec<NodeId> = (0..self.nodes.len())
            .filter(|other| self.nodes[*other].stream.is_some_and(|stream| stream.from == node && stream.start == self.nodes[node].start))
            .filter(|other| matches!(self.nodes[*other].server, Server::Running { .. }))
            .collect();
        // A line that is cut or a machine that stands still is waited for until the sender's own limit.
        let waits = |other: &NodeId| {
            let heard = self.nodes[*other].stream.map_or(0, |stream| stream.heard);
            self.nodes[*other].log.len() < length && now.saturating_sub(heard) < STREAM_TIMEOUT
        };
        let local_has_it = self.nodes[mate(node)].log.replayed >= length && connected.contains(&mate(node));
        let done = !connected.iter().any(waits);
        if local_has_it {
            self.give_key_back(node);
        }
        if done {
            self.give_key_back(node);
            let this = &mut self.nodes[node];
            this.server = Server::Down;
            this.role = PatroniRole::Demoted;
            this.doing = Doing::Nothing;
            // Measured: the old primary is a running standby 4.7 s after it was told.
            this.rests_until = since + 3_600;
            this.round_at = this.rests_until;
            self.tell(format!("{} is down after a clean shutdown", super::NAMES[node]));
        }
    }

    fn promote(&mut self, node: NodeId) {
        self.nodes[node].doing = Doing::Nothing;
        if self.nodes[node].server != (Server::Running { recovery: true }) {
            return;
        }
        // Everything that was received is replayed first.
        if self.now < self.nodes[node].replay_stopped_until {
            self.nodes[node].doing = Doing::Promoting { at: self.nodes[node].replay_stopped_until };
            return;
        }
        self.replay(node);
        let (parent, at) = (self.timeline(node), self.end(node));
        let first = self.append(node, What::EndOfRecovery);
        let timeline = self.timeline(node);
        self.promotions.insert(first, super::Promoted { parent, at, when: self.now, who: node });
        let this = &mut self.nodes[node];
        this.server = Server::Running { recovery: false };
        this.stream = None;
        this.source = Source::Nobody;
        this.partial = false;
        this.role = PatroniRole::Primary;
        this.shown = timeline;
        this.control = timeline;
        this.waits_for = None;
        this.history_unwritten = true;
        this.hurry = 4;
        this.round_at = self.now + 1_000;
        self.tell(format!("{} writes on timeline {timeline}", super::NAMES[node]));
        self.note_promotion(node);
    }

    fn rewound(&mut self, node: NodeId) {
        self.nodes[node].doing = Doing::Nothing;
        let Some(from) = self.source_node(node) else { return };
        let common = self.nodes[node].log.common(&self.nodes[from].log);
        let lost = self.nodes[node].log.len() - common;
        self.nodes[node].log.cut(common);
        self.nodes[node].diverged = false;
        self.nodes[node].server = Server::Starting { at: self.now + 900 };
        self.tell(format!("{} is rewound by {lost} records", super::NAMES[node]));
    }
}
