//! Watches for what must never happen.

use super::{Link, Ms, NAMES, NodeId, World, nodes_of, side_of};
use switchback_domain::Side;

/// The console has this long to shut a site out that it could reach all the time, before a second primary counts as its own doing.
const CHANCE_BEFORE: Ms = 1_500;

/// And this long to end a split that began while it could do nothing.
const CHANCE_AFTER: Ms = 15_000;

/// Whoever writes for so long while the console can ask it has been asked, and has answered.
const ANSWERS_WITHIN: Ms = 200;

/// What it remembers.
#[derive(Debug, Default)]
pub struct InvariantMonitor {
    /// Both sites accept writes, since then.
    split_since: Option<Ms>,
    /// It was told of already.
    told: bool,
    /// Since when the console could have shut out each site without a break.
    could_fence: [Option<Ms>; 2],
    /// Since when each node has written while the console could ask it, without a break.
    heard: [Option<Ms>; 4],
    /// How often each site's nodes were promoted, by whom it was wanted.
    pub(super) planned_move: Option<Side>,
    /// A failover was asked for: what it loses is stated, and what cannot be reached may go on writing until it can.
    pub(super) failover_to: Option<Side>,
    /// Somebody has said in words that what is silent of the site that is given up is off.
    attested: bool,
    /// The site that was told to lead.
    lead_sent: Option<Side>,
    /// How many orders to do so were not refused.
    leads_out: u32,
    /// Somebody else has made both sites write, and the console has not begun to stop one of them.
    by_others: bool,
    /// How often both sites accepted writes.
    pub(super) splits: u32,
}

impl World {
    /// The console must know of this node that it writes.
    pub fn is_heard_writing(&self, node: NodeId) -> bool {
        // A planned promotion rests on what nodes have said, so there nobody's silence of a moment before is an excuse.
        let within = if self.monitor.failover_to.is_some() { ANSWERS_WITHIN } else { 0 };
        self.monitor.heard[node].is_some_and(|since| self.now - since >= within) && self.writes(node) && self.can_be_asked(node)
    }

    /// A planned operation begins to move the active site: from here on nothing may be lost and never may both sites write. What an
    /// earlier failover has lost is lost.
    pub fn expect_move(&mut self, to: Side) {
        if self.monitor.planned_move == Some(to) && self.monitor.failover_to.is_none() {
            return;
        }
        self.monitor.planned_move = Some(to);
        self.monitor.lead_sent = None;
        self.monitor.leads_out = 0;
        if self.monitor.failover_to.take().is_some() {
            // Its newest log is what counts, also of a site that is down at this very moment.
            let newest = nodes_of(to.other()).into_iter().max_by_key(|node| (self.timeline(*node), self.end(*node))).unwrap_or(0);
            let log = &self.nodes[newest].log.records;
            let kept = self.acknowledged.iter().filter(|(record, _)| log.binary_search(record).is_ok());
            self.acknowledged = kept.copied().collect();
        }
    }

    /// A failover was asked for, and what it gave up may be lost.
    pub fn is_in_failover(&self) -> bool {
        self.monitor.failover_to.is_some()
    }

    /// The console has told a site to lead.
    pub(super) fn note_lead(&mut self, side: Side) {
        let same = self.monitor.lead_sent == Some(side);
        self.monitor.leads_out = if same { self.monitor.leads_out + 1 } else { 1 };
        self.monitor.lead_sent = Some(side);
    }

    /// The site has said no to that.
    pub(super) fn note_lead_refused(&mut self, side: Side) {
        if self.monitor.lead_sent == Some(side) {
            self.monitor.leads_out = self.monitor.leads_out.saturating_sub(1);
            self.monitor.lead_sent = Some(side).filter(|_| self.monitor.leads_out > 0);
        }
    }

    /// Which site the console told to lead, since a planned operation began to move it.
    pub fn lead_sent(&self) -> Option<Side> {
        self.monitor.lead_sent
    }

    /// Somebody asked for a failover.
    pub fn expect_failover(&mut self, to: Side) {
        self.monitor.failover_to = Some(to);
    }

    /// Somebody says that what is silent of the old site is off.
    pub fn somebody_attests(&mut self) {
        self.monitor.attested = true;
    }

    /// Somebody makes both sites write, past the console.
    pub(super) fn expect_split(&mut self) {
        self.monitor.by_others = true;
    }

    /// Both sites may write, and it is not for the console to have ended that.
    pub fn is_split_by_others(&self) -> bool {
        self.monitor.by_others
    }

    /// The console has begun to stop the other site: from now on it has its usual time to do so, and what that site alone has may be lost.
    pub fn expect_end_of_split(&mut self, keep: Side) {
        if !std::mem::take(&mut self.monitor.by_others) {
            return;
        }
        self.monitor.failover_to = Some(keep);
        self.monitor.could_fence = [None; 2];
        self.monitor.told = false;
        self.monitor.split_since = self.monitor.split_since.map(|_| self.now);
    }

    /// A failover has left this site.
    pub(super) fn was_given_up(&self, side: Side) -> bool {
        self.monitor.failover_to == Some(side.other())
    }

    /// How often both sites accepted writes.
    pub fn splits(&self) -> u32 {
        self.monitor.splits
    }

    /// The console could do something about a site: it runs, its store works, and either etcd or a Patroni of the site answers it.
    fn console_could_fence(&self, side: Side) -> bool {
        let patroni = nodes_of(side).into_iter().any(|node| self.nodes[node].agent == super::Agent::Up && !self.is_frozen(node));
        // A primary that stands still is told nothing, and one without its Patroni obeys nobody.
        let obeys = |node: NodeId| {
            let writes = self.nodes[node].server == super::Server::Running { recovery: false };
            !writes || (!self.is_frozen(node) && self.nodes[node].agent == super::Agent::Up)
        };
        let patroni = patroni && nodes_of(side).into_iter().all(obeys);
        self.console_runs
            && !self.walled.contains(&side)
            && self.lie_about(side).is_none()
            && self.store_works
            && self.store_forgets == 0
            && self.answers_lost == 0
            && self.console_reaches(side)
            && self.places[side].etcd.up
            && (patroni || nodes_of(side).into_iter().all(|node| self.nodes[node].agent != super::Agent::Up && obeys(node)))
    }

    pub(super) fn watch(&mut self) {
        for (index, side) in Side::BOTH.into_iter().enumerate() {
            let since = self.monitor.could_fence[index];
            self.monitor.could_fence[index] = self.console_could_fence(side).then(|| since.unwrap_or(self.now));
        }
        for node in 0..self.nodes.len() {
            let since = self.monitor.heard[node];
            self.monitor.heard[node] = (self.writes(node) && self.can_be_asked(node)).then(|| since.unwrap_or(self.now));
        }
        let writers = self.writers();
        let split = writers.iter().any(|node| side_of(*node) == Side::A) && writers.iter().any(|node| side_of(*node) == Side::B);
        match (split, self.monitor.split_since) {
            (false, Some(since)) => {
                self.monitor.split_since = None;
                self.monitor.told = false;
                self.tell(format!("only one site writes again, after {} ms", self.now - since));
            }
            (true, None) => {
                self.monitor.split_since = Some(self.now);
                self.monitor.splits += 1;
                let names: Vec<&str> = writers.iter().map(|node| NAMES[*node]).collect();
                self.tell(format!("both sites accept writes: {}", names.join(" and ")));
                self.judge_split_beginning(&writers);
            }
            (true, Some(since)) => self.judge_split_going_on(since),
            (false, None) => {}
        }
    }

    fn judge_split_beginning(&mut self, writers: &[NodeId]) {
        if self.monitor.by_others {
            self.monitor.told = true;
            self.tell("by somebody else's doing");
            return;
        }
        let Some(to) = self.monitor.failover_to else {
            self.monitor.told = true;
            let names: Vec<&str> = writers.iter().map(|node| NAMES[*node]).collect();
            self.complain(format!("both sites accept writes without any failover: {}", names.join(" and ")));
            return;
        };
        if !self.monitor.attested {
            self.monitor.told = true;
            self.complain("both sites accept writes, and nobody has said that the old one is off");
            return;
        }
        let old = to.other();
        let index = usize::from(old == Side::B);
        let could = self.monitor.could_fence[index].map_or(0, |since| self.now - since);
        if could >= CHANCE_BEFORE {
            self.monitor.told = true;
            self.complain(format!("both sites accept writes although the console could reach the old one for {could} ms before"));
        } else {
            self.tell("the old site could not be shut out in time by anybody");
        }
    }

    fn judge_split_going_on(&mut self, since: Ms) {
        if self.monitor.told {
            return;
        }
        let Some(to) = self.monitor.failover_to else { return };
        let index = usize::from(to.other() == Side::B);
        let could = self.monitor.could_fence[index].map_or(0, |from| self.now - from.max(since));
        if could >= CHANCE_AFTER {
            self.monitor.told = true;
            self.complain(format!("both sites still accept writes {could} ms after the old one could be reached"));
        }
    }

    /// A node was promoted: in a planned operation it must have every acknowledged row.
    pub(super) fn note_promotion(&mut self, node: NodeId) {
        if self.monitor.failover_to.is_some() || self.monitor.by_others {
            return;
        }
        let missing = self.missing_rows(node);
        if missing > 0 {
            self.complain(format!("{} was promoted without {missing} acknowledged rows", NAMES[node]));
        }
    }

    /// How many acknowledged rows a node does not have.
    pub fn missing_rows(&self, node: NodeId) -> usize {
        let mut have: Vec<_> = self.nodes[node].log.records.clone();
        have.sort_unstable();
        self.acknowledged.iter().filter(|(record, _)| have.binary_search(record).is_err()).count()
    }

    /// Whether something outside of the console is broken right now.
    pub fn is_whole(&self) -> bool {
        self.cut.is_empty()
            && self.walled.is_empty()
            && self.lies.is_empty()
            && self.refusing.is_empty()
            && self.answers_lost == 0
            && Side::BOTH.into_iter().all(|side| {
                let place = &self.places[side];
                place.etcd.up && place.proxy && !place.frozen
            })
            && self.nodes.iter().all(|node| !node.frozen && node.agent != super::Agent::Down)
            && self.is_open(Link::Between)
    }
}
