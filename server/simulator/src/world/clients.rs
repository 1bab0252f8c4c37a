//! Clients: one in each site writes row after row to whoever accepts it, and remembers what was acknowledged.

use super::{Ms, NodeId, Server, Waiting, World, nodes_of};
use crate::wal::{RecordId, What};
use switchback_domain::Side;

/// From one acknowledged row to the next one.
const PAUSE: Ms = 30;

/// A client gives a connection up that has not answered for so long.
const PATIENCE: Ms = 3_000;

/// What became of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Waits,
    Acknowledged,
    /// The connection is gone: nobody knows.
    Gone,
}

impl World {
    pub(super) fn write_rows(&mut self) {
        for side in Side::BOTH {
            self.client(side);
        }
        self.acknowledge_console_rows();
    }

    fn client(&mut self, side: Side) {
        if self.places[side].frozen {
            return;
        }
        if let Some(waiting) = self.clients[side].waits {
            match self.fate(&waiting) {
                Fate::Acknowledged if self.client_reaches(side, waiting.node) => {
                    self.acknowledged.push((waiting.record, super::side_of(waiting.node)));
                    self.clients[side].acknowledged_at.push(self.now);
                    self.clients[side].waits = None;
                    self.clients[side].next_at = self.now + PAUSE;
                }
                Fate::Gone => self.reconnect(side),
                _ if self.now - waiting.since > PATIENCE => self.reconnect(side),
                Fate::Waits | Fate::Acknowledged => {}
            }
            return;
        }
        if self.now < self.clients[side].next_at {
            return;
        }
        let usable = |node: NodeId| self.writes(node) && self.client_reaches(side, node);
        let node = self.clients[side].node.filter(|node| usable(*node));
        // Its own site's nodes stand first in its list of hosts.
        let node = node.or_else(|| nodes_of(side).into_iter().chain(nodes_of(side.other())).find(|node| usable(*node)));
        self.clients[side].node = node;
        let Some(node) = node else {
            self.clients[side].next_at = self.now + PAUSE;
            return;
        };
        self.clients[side].number += 1;
        let row = What::Row { client: usize::from(side == Side::B), number: self.clients[side].number };
        let record = self.append(node, row);
        self.clients[side].waits = Some(self.waiting(node, record));
    }

    /// The longest pause between two acknowledged rows of a site's client that ended in this time: its last row before and its first after.
    pub fn longest_pause(&self, side: Side, from: Ms, until: Ms) -> (Ms, Ms) {
        let rows = &self.clients[side].acknowledged_at;
        let pauses = rows.windows(2).map(|pair| (pair[0], pair[1]));
        let within = pauses.filter(|(last, first)| *last >= from && *first <= until.saturating_add(PATIENCE));
        within.max_by_key(|(last, first)| first - last).unwrap_or_default()
    }

    fn reconnect(&mut self, side: Side) {
        self.clients[side].waits = None;
        self.clients[side].node = None;
        self.clients[side].next_at = self.now + PAUSE;
    }

    fn client_reaches(&self, side: Side, node: NodeId) -> bool {
        super::side_of(node) == side || self.is_open(super::Link::Between)
    }

    /// A commit that was just written.
    pub(super) fn waiting(&self, node: NodeId, record: RecordId) -> Waiting {
        let index = self.nodes[node].log.len() - 1;
        Waiting { node, start: self.nodes[node].start, index, record, since: self.now }
    }

    /// What became of a commit: it counts when the mirror has it, where there is one.
    pub(super) fn fate(&self, waiting: &Waiting) -> Fate {
        let node = &self.nodes[waiting.node];
        if node.server != (Server::Running { recovery: false }) || node.start != waiting.start {
            return Fate::Gone;
        }
        if self.is_frozen(waiting.node) {
            return Fate::Waits;
        }
        match node.waits_for {
            Some(mirror) if !self.nodes[mirror].log.has_at(waiting.index, waiting.record) => Fate::Waits,
            _ => Fate::Acknowledged,
        }
    }
}
