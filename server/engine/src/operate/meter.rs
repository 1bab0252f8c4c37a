//! The outage meter: while an operation moves the active site, the console writes a small row on the primary every 20 ms, as a client
//! would, and so knows how long clients could not write and whether anything that was acknowledged is missing afterwards. What it sees is
//! shown while it sees it.
//!
//! It waits as a client would that asks all nodes itself: a row that is not acknowledged is left behind as soon as another node takes rows, and
//! a second one is sent beside it before long. Where it could not look for a while, because a node gave no answer in time, it says by how much
//! the gap may have been shorter.
//!
//! A row's number is the millisecond in which it was sent. So the rows themselves tell a console that is started in the middle what was
//! written last.

use super::{context::StepContext, locked, open_operation::OpenOperation, steps::LAST_ROW};
use crate::{
    ports::{Clock, ControlError},
    time::{millis, pause},
};
use futures::{
    StreamExt,
    future::{join, join_all, select_all},
    stream::FuturesUnordered,
};
use jiff::Timestamp;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use switchback_domain::{
    Millis, Node, NodeName, ProbeFailure, Side,
    operation::{Operation, OperationId, Outage, Step, StepEvidence, StepRun, StepState},
};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Between two rows.
const EVERY: Duration = Duration::from_millis(20);

/// Between two questions to a node whether it takes rows.
const SEARCH_EVERY: Duration = Duration::from_millis(20);

/// The same of one that lets nobody in: each time it starts a process to say so, and the one that stops is to stop soon.
const REFUSED_EVERY: Duration = Duration::from_millis(60);

/// A node that does not acknowledge is sent another row after so long, over another connection: the first one may be dead without a word.
const ANOTHER_AFTER: Duration = Duration::from_secs(1);

/// A gap is told as one figure when both of its ends are known to so much together.
const CLOSE: Millis = Millis(50);

/// A row that is not acknowledged for so long is a client that waits, whatever comes of it.
const WAITS_AFTER: Duration = Duration::from_millis(100);

/// How long a node may take to tell what it has, when the meter is started again.
const LOOK_BACK_WITHIN: Duration = Duration::from_millis(400);

/// Since when clients wait, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Since {
    last_write_at: Timestamp,
    /// They may have gone on writing for so much longer.
    uncertain: Millis,
}

/// What the nodes have answered since the last acknowledged row, as far as it bounds the gap.
#[derive(Debug, Default)]
struct Nos {
    /// Who acknowledged that row.
    writer: Option<NodeName>,
    /// When that one was first heard to take no more.
    stopped_at: Option<Timestamp>,
    /// When each node was last asked that took none.
    last: BTreeMap<NodeName, Timestamp>,
}

impl Nos {
    /// A node was asked at `asked`, and said by `now` that it takes no rows.
    fn heard(&mut self, node: &NodeName, asked: Timestamp, now: Timestamp) {
        if self.writer.as_ref() == Some(node) {
            self.stopped_at.get_or_insert(now);
        }
        self.last.insert(node.clone(), asked);
    }

    /// For how long others may have gone on writing, as far as it is known while the gap lasts.
    fn unseen_before(&self, since: Since) -> Millis {
        match (&self.writer, self.stopped_at) {
            (Some(_), Some(stopped_at)) => Millis::between(since.last_write_at, stopped_at),
            (Some(_), None) => Millis(u64::MAX),
            // What is known of its beginning came with it.
            (None, _) => since.uncertain,
        }
    }

    /// By how much the gap may be shorter that ends with a row of this node: before the last writer was heard to have stopped others may have
    /// written, and after this node was last asked as well.
    fn unseen(&self, node: &NodeName, since: Since, now: Timestamp) -> Millis {
        // It took a row late, and was never heard to take none: that is how long a client waited.
        if self.writer.as_ref() == Some(node) && self.stopped_at.is_none() {
            return Millis(0);
        }
        let before = self.unseen_before(since);
        let after = self.last.get(node).map_or(Millis(u64::MAX), |asked| Millis::between(*asked, now));
        worth_telling(Millis(before.0.saturating_add(after.0)))
    }
}

fn worth_telling(unseen: Millis) -> Millis {
    if unseen <= CLOSE { Millis(0) } else { unseen }
}

/// What was acknowledged, and the gap.
#[derive(Debug, Default)]
struct Seen {
    acknowledged: Vec<u64>,
    /// The last write before the present gap, or the last one at all.
    last: Option<Since>,
    /// Clients wait now.
    waits: bool,
    /// The longest gap between two acknowledged writes that has ended.
    longest: Option<Outage>,
    nos: Nos,
    /// It was started after a crash of the console: what was acknowledged before is not known.
    again: bool,
    finished: bool,
}

impl Seen {
    /// The gap that lasts, or else the longest one.
    fn outage(&self) -> Option<Outage> {
        let lasting = self
            .last
            .filter(|_| self.waits)
            .map(|since| Outage { uncertain: worth_telling(self.nos.unseen_before(since)), ..self.gap(since, None) });
        lasting.or(self.longest)
    }

    fn gap(&self, since: Since, first_write_at: Option<Timestamp>) -> Outage {
        let Since { last_write_at, uncertain } = since;
        Outage { last_write_at, first_write_at, acknowledged: self.acknowledged.len() as u64, found: None, uncertain }
    }

    /// A node acknowledged a row at `now`.
    fn took(&mut self, node: &NodeName, number: u64, now: Timestamp) {
        if let Some(since) = self.last.filter(|_| std::mem::take(&mut self.waits)) {
            let mut gap = self.gap(since, Some(now));
            gap.uncertain = self.nos.unseen(node, since, now).min(gap.length(now));
            if self.longest.is_none_or(|before| before.length(now) < gap.length(now)) {
                self.longest = Some(gap);
            }
        }
        self.acknowledged.push(number);
        self.last = Some(Since { last_write_at: now, uncertain: Millis(0) });
        self.nos = Nos { writer: Some(node.clone()), ..Nos::default() };
    }
}

/// A running meter; it stops when it is dropped.
#[derive(Debug)]
pub(crate) struct Meter {
    seen: Arc<Mutex<Seen>>,
    _stop: DropGuard,
}

impl Meter {
    /// Begins to write on `first`, which acknowledged the marker just now.
    pub(crate) fn start(context: &StepContext, open: &Arc<OpenOperation>, first: Node) -> Meter {
        let last = Some(Since { last_write_at: context.clock.now(), uncertain: Millis(0) });
        let nos = Nos { writer: Some(first.name.clone()), ..Nos::default() };
        Meter::run(context, open, Side::BOTH.to_vec(), Seen { last, nos, ..Seen::default() }, Some(first))
    }

    /// Begins in the middle of an operation that needs it, if this is one: after a crash of the console, or in an emergency, before which
    /// nobody has written but clients and the heartbeat. `seen`: what the step has seen that is being done.
    pub(crate) fn take_up(context: &StepContext, open: &Arc<OpenOperation>, seen: &[StepEvidence]) -> Option<Meter> {
        let operation = open.operation();
        if operation.request.dry_run || operation.is_finished() {
            return None;
        }
        let begun = |kind: fn(&Step) -> bool| {
            let step = operation.plan.steps.iter().position(kind)?;
            operation.steps.get(step).filter(|run| run.attempts > 0)
        };
        if begun(|step| matches!(step, Step::Verify { .. })).is_some_and(StepRun::is_behind) {
            return None;
        }
        if let Some(promotion) = begun(|step| matches!(step, Step::Promote { .. }))
            && operation.may_have_lost()
        {
            let (_, to) = operation.plan.moves()?;
            let last = since_confirmed(&operation, seen, promotion, context.clock.now());
            let waits = last.is_some();
            return Some(Meter::run(context, open, vec![to], Seen { last, waits, ..Seen::default() }, None));
        }
        let marked = begun(|step| matches!(step, Step::Mark { .. })).is_some_and(|mark| mark.state == StepState::Done);
        let led_again = |undo: &switchback_domain::operation::UndoRun| {
            matches!(operation.plan.steps.get(undo.step), Some(Step::Demote { .. })) && undo.run.is_behind()
        };
        let needed = marked && !operation.undo.iter().any(led_again);
        needed.then(|| Meter::run(context, open, Side::BOTH.to_vec(), Seen { again: true, ..Seen::default() }, None))
    }

    /// Begins while a site is let in again that the fencer has stopped. Since its last sign its clients may have gone on writing until the first
    /// of its endpoints confirmed that it holds.
    pub(crate) fn of_put_back(
        context: &StepContext,
        open: &Arc<OpenOperation>,
        side: Side,
        last_sign: Option<Timestamp>,
        held_at: Timestamp,
    ) -> Meter {
        let last_write_at = last_sign.unwrap_or(held_at);
        let last = Some(Since { last_write_at, uncertain: Millis::between(last_write_at, held_at) });
        Meter::run(context, open, vec![side], Seen { last, waits: true, ..Seen::default() }, None)
    }

    /// Writes on whoever writes in these sites.
    fn run(context: &StepContext, open: &Arc<OpenOperation>, sides: Vec<Side>, seen: Seen, first: Option<Node>) -> Meter {
        let stop = context.stop.child_token();
        let seen = Arc::new(Mutex::new(seen));
        let clock = Steady { clock: Arc::clone(&context.clock), began: context.clock.now(), since_boot: context.clock.since_boot() };
        let writer = Writer { clock, context: context.clone(), open: Arc::clone(open), sides, seen: Arc::clone(&seen), stop: stop.clone() };
        tokio::spawn(writer.keep_writing(first));
        Meter { seen, _stop: stop.drop_guard() }
    }

    /// The gap that lasts, or else the longest one.
    pub(crate) fn outage(&self) -> Option<Outage> {
        locked(&self.seen).outage()
    }

    /// A row is acknowledged, and clients do not wait now.
    pub(crate) fn writes(&self) -> bool {
        let seen = locked(&self.seen);
        !seen.waits && !seen.acknowledged.is_empty()
    }

    /// Stops writing and returns the numbers of all rows that were acknowledged; nothing when it began after a crash and within the
    /// outage: then none of them says anything about what was acknowledged before it.
    pub(crate) fn finish(&self) -> Option<Vec<u64>> {
        let mut seen = locked(&self.seen);
        seen.finished = true;
        let blind = seen.again && seen.longest.is_none_or(|outage| outage.acknowledged == 0);
        (!blind).then(|| seen.acknowledged.clone())
    }
}

/// The clock as it was when the meter began, whatever somebody sets it to: how long clients wait is measured by the machine's own time.
struct Steady {
    clock: Arc<dyn Clock>,
    began: Timestamp,
    since_boot: Duration,
}

impl Steady {
    fn now(&self) -> Timestamp {
        self.began + Duration::from_millis(millis(self.clock.since_boot().saturating_sub(self.since_boot)).0)
    }
}

struct Writer {
    clock: Steady,
    context: StepContext,
    open: Arc<OpenOperation>,
    sides: Vec<Side>,
    seen: Arc<Mutex<Seen>>,
    stop: CancellationToken,
}

/// What became of a row.
enum Row {
    Acknowledged,
    /// The node takes none.
    Refused,
    /// Another node takes them.
    TakenBy(Node),
}

impl Writer {
    async fn keep_writing(self, first: Option<Node>) {
        let operation = self.open.operation();
        if locked(&self.seen).again {
            let back = look_back(&self.context, &operation).await;
            self.change(|seen| (seen.last, seen.waits) = back);
        }
        // Whoever waits already is shown at once.
        self.change(|_| {});
        join(self.open_all(), self.write_on(first, operation.id)).await;
    }

    /// Opens the connections that will be needed while clients wait; whoever does not answer is left alone.
    async fn open_all(&self) {
        join_all(self.nodes().map(|node| self.context.control.takes_rows(node))).await;
    }

    fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.sides.iter().flat_map(|side| self.context.nodes(*side))
    }

    async fn write_on(&self, first: Option<Node>, operation: OperationId) {
        let mut node = first;
        let mut number = 0;
        while !self.stop.is_cancelled() && !locked(&self.seen).finished {
            let Some(current) = &node else {
                node = tokio::select! {
                    () = self.stop.cancelled() => return,
                    found = self.whoever_takes_rows(None) => Some(found),
                };
                continue;
            };
            match self.write(current, operation, &mut number).await {
                Row::Acknowledged if pause(EVERY, &self.stop).await => {}
                Row::Acknowledged => return,
                Row::Refused => node = None,
                Row::TakenBy(other) => node = Some(other),
            }
        }
    }

    /// Writes a row, and more of them beside it when it is not acknowledged, until one is, the node says no, or another one takes rows.
    async fn write(&self, node: &Node, operation: OperationId, number: &mut u64) -> Row {
        let mut rows = FuturesUnordered::new();
        let mut begin = |rows: &mut FuturesUnordered<_>| {
            let asked = self.clock.now();
            *number = next_number(*number, asked);
            let (number, writing) = (*number, self.context.control.write_row(node, operation, *number));
            rows.push(async move { (number, asked, writing.await) });
        };
        begin(&mut rows);
        let mut answer = tokio::time::timeout(WAITS_AFTER, rows.next()).await.ok().flatten();
        if answer.is_none() {
            self.change(|seen| seen.waits = true);
        }
        let mut others = std::pin::pin!(self.whoever_takes_rows(Some(node)));
        loop {
            if let Some((number, asked, written)) = answer.take() {
                let now = self.clock.now();
                match written {
                    Ok(()) => {
                        self.change(|seen| seen.took(&node.name, number, now));
                        return Row::Acknowledged;
                    }
                    Err(error) => {
                        let says_no = self.says_no(&error);
                        self.change(|seen| {
                            seen.waits = true;
                            if says_no {
                                seen.nos.heard(&node.name, asked, now);
                            }
                        });
                        // It may take rows, and not this one: a full disk, a right that is gone.
                        if matches!(error, ControlError::Refused { .. }) {
                            pause(EVERY, &self.stop).await;
                        }
                        // One that was not answered says nothing of those that were sent after it.
                        if says_no || rows.is_empty() {
                            return Row::Refused;
                        }
                    }
                }
            }
            tokio::select! {
                answered = rows.next() => answer = answered,
                other = &mut others => return Row::TakenBy(other),
                goes_on = pause(ANOTHER_AFTER, &self.stop) => {
                    if !goes_on {
                        return Row::Refused;
                    }
                    begin(&mut rows);
                }
            }
        }
    }

    /// The first node that takes rows, but for one. Nodes that do not answer hold up nobody, not even the next question to another one.
    async fn whoever_takes_rows(&self, but: Option<&Node>) -> Node {
        let ask = |node: &'_ Node| {
            let node = node.clone();
            Box::pin(async move {
                loop {
                    let asked = self.clock.now();
                    let (no, between) = match self.context.control.takes_rows(&node).await {
                        Ok(true) => return node,
                        Ok(false) => (true, SEARCH_EVERY),
                        Err(error) => (self.says_no(&error), REFUSED_EVERY),
                    };
                    if no {
                        locked(&self.seen).nos.heard(&node.name, asked, self.clock.now());
                    }
                    pause(between, &self.context.stop).await;
                }
            })
        };
        let asked = self.nodes().filter(|node| but.is_none_or(|but| node.name != but.name)).map(ask);
        let asked: Vec<_> = asked.collect();
        if asked.is_empty() { std::future::pending().await } else { select_all(asked).await.0 }
    }

    /// Whether an answer says that the node takes no rows. Refused connections, which anything on the way can say, are believed of a site only
    /// once this operation has told it to stop.
    fn says_no(&self, error: &ControlError) -> bool {
        match error {
            ControlError::Refused { .. } => true,
            ControlError::NotSent { failure, .. } | ControlError::Failed { failure, .. } => match failure {
                ProbeFailure::Sql { .. } => true,
                ProbeFailure::Refused | ProbeFailure::CutShort => {
                    let operation = self.open.operation();
                    let stops = |step: &Step| matches!(step, Step::Demote { .. } | Step::Promote { .. });
                    operation.plan.steps.iter().zip(&operation.steps).any(|(step, run)| stops(step) && run.attempts > 0)
                }
                _ => false,
            },
        }
    }

    /// Changes what was seen, and shows it.
    fn change(&self, change: impl FnOnce(&mut Seen)) {
        let outage = {
            let mut seen = locked(&self.seen);
            if seen.finished {
                return;
            }
            change(&mut seen);
            seen.outage()
        };
        if outage.is_some() {
            self.open.show_outage(outage);
        }
    }
}

/// The millisecond, unless a row has that number already.
fn next_number(last: u64, now: Timestamp) -> u64 {
    u64::try_from(now.as_millisecond()).unwrap_or(0).max(last + 1)
}

/// Since when clients wait after a site was given up: since the last heartbeat row that it is known to have confirmed, or that survived.
fn since_confirmed(operation: &Operation, seen: &[StepEvidence], promotion: &StepRun, now: Timestamp) -> Option<Since> {
    let facts = || operation.steps.iter().flat_map(StepRun::every_fact).chain(seen);
    let confirmed = facts().find_map(|fact| match fact {
        StepEvidence::LastConfirmed { at, failing_since, .. } => {
            let until = failing_since.or(promotion.first_began_at()).unwrap_or(now);
            Some(Since { last_write_at: *at, uncertain: Millis::between(*at, until) })
        }
        _ => None,
    });
    let survived = || {
        facts().find_map(|fact| match fact {
            StepEvidence::LastHeartbeat { at, .. } => Some(Since { last_write_at: *at, uncertain: Millis(u64::MAX) }),
            _ => None,
        })
    };
    confirmed.or_else(survived)
}

/// What a node tells a meter that is started again.
struct WriteAttempt {
    writes: bool,
    newest_row: Option<u64>,
}

/// The last write that is known of, after a crash of the console in the middle of a planned operation, and whether clients wait since.
async fn look_back(context: &StepContext, operation: &Operation) -> (Option<Since>, bool) {
    let Some((from, to)) = operation.plan.moves() else { return (None, false) };
    let (old, new) = join(look(context, operation.id, from), look(context, operation.id, to)).await;
    let now = context.clock.now();
    let row = old.iter().chain(&new).filter_map(|look| look.newest_row).max();
    let row = row.and_then(|number| Timestamp::from_millisecond(i64::try_from(number).ok()?).ok()).filter(|at| *at <= now);
    let demotion = operation.plan.steps.iter().position(|step| matches!(step, Step::Demote { .. }));
    let demotion = demotion.and_then(|step| operation.steps.get(step)).filter(|run| run.attempts > 0);
    // Until the old site was told to stop, clients could write.
    let Some(last_write_at) = row.max(demotion.and_then(StepRun::first_began_at)) else { return (None, false) };
    let since = |uncertain| Some(Since { last_write_at, uncertain });
    let writes = |site: &[WriteAttempt]| site.iter().any(|look| look.writes);
    // The old site has not been stopped yet, or it was, and leads again.
    let stopped = demotion.is_some_and(|run| run.state == StepState::Done) || !operation.undo.is_empty();
    match (writes(&new), writes(&old)) {
        (false, true) if !stopped => (Some(Since { last_write_at: now, uncertain: Millis(0) }), false),
        // It is over, and nobody saw it.
        (true, _) | (_, true) => (since(Millis(u64::MAX)), true),
        (false, false) => (since(Millis::between(last_write_at, now)), true),
    }
}

async fn look(context: &StepContext, operation: OperationId, side: Side) -> Vec<WriteAttempt> {
    let ask = async |node| {
        let (position, rows) = join(context.control.position(node), context.control.rows(node, operation)).await;
        let rows = rows.map(|rows| rows.numbers).unwrap_or_default();
        WriteAttempt {
            writes: position.is_ok_and(|position| !position.in_recovery),
            newest_row: rows.into_iter().filter(|number| (1..LAST_ROW).contains(number)).max(),
        }
    };
    let within = async |node| tokio::time::timeout(LOOK_BACK_WITHIN, ask(node)).await.ok();
    join_all(context.nodes(side).iter().map(within)).await.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchback_domain::fixture::at;

    fn node(name: &str) -> NodeName {
        name.parse().expect("a name")
    }

    #[test]
    fn the_longest_gap_counts_and_the_one_that_lasts_is_shown() {
        let mut seen = Seen { last: Some(Since { last_write_at: at(0), uncertain: Millis(0) }), ..Seen::default() };
        seen.took(&node("a1"), 20, at(20));
        assert_eq!(seen.outage(), None);
        seen.waits = true;
        let lasting = seen.outage().expect("clients wait");
        assert_eq!(lasting.uncertain, Millis(u64::MAX), "nobody has heard yet that the writer has stopped");
        assert_eq!((lasting.last_write_at, lasting.first_write_at, lasting.acknowledged), (at(20), None, 1));
        seen.took(&node("a1"), 400, at(400));
        let ended = seen.outage();
        assert_eq!(ended.map(|outage| (outage.last_write_at, outage.first_write_at)), Some((at(20), Some(at(400)))));
        // A row that fails later is shown while it lasts, and is forgotten when it was shorter.
        seen.waits = true;
        assert_eq!(seen.outage().map(|outage| outage.last_write_at), Some(at(400)));
        seen.took(&node("a1"), 440, at(440));
        assert_eq!(seen.outage(), ended);
    }

    #[test]
    fn what_was_not_seen_is_never_more_uncertain_than_long() {
        let last = Some(Since { last_write_at: at(0), uncertain: Millis(u64::MAX) });
        let mut seen = Seen { last, waits: true, ..Seen::default() };
        seen.took(&node("a1"), 900, at(900));
        assert_eq!(seen.outage().map(|outage| outage.uncertain), Some(Millis(900)));
        // The next gap is seen from its beginning to its end.
        seen.waits = true;
        seen.took(&node("a1"), 3_000, at(3_000));
        assert_eq!(seen.outage().map(|outage| (outage.last_write_at, outage.uncertain)), Some((at(900), Millis(0))));
    }

    #[test]
    fn what_nobody_looked_at_may_have_been_no_outage() {
        let gap = |stopped_at: Option<i64>, asked: i64| {
            let mut seen = Seen::default();
            seen.took(&node("a1"), 20, at(20));
            seen.waits = true;
            if let Some(stopped_at) = stopped_at {
                seen.nos.heard(&node("a1"), at(stopped_at - 5), at(stopped_at));
            }
            seen.nos.heard(&node("b1"), at(asked), at(asked + 5));
            seen.took(&node("b1"), 400, at(400));
            seen.outage().map(|outage| (outage.length(at(400)).0, outage.uncertain.0))
        };
        assert_eq!(gap(Some(40), 380), Some((380, 0)), "some milliseconds at each end make no difference");
        assert_eq!(gap(Some(140), 380), Some((380, 140)), "a writer that answers late may have taken rows of others");
        assert_eq!(gap(Some(40), 300), Some((380, 120)), "the new one may have taken rows before it was asked");
        assert_eq!(gap(None, 380), Some((380, 380)), "nobody has heard the last writer stop");
    }

    #[test]
    fn a_row_that_its_node_acknowledges_late_is_a_client_that_waited_so_long() {
        let mut seen = Seen::default();
        seen.took(&node("a1"), 20, at(20));
        seen.waits = true;
        seen.nos.heard(&node("b1"), at(100), at(105));
        seen.took(&node("a1"), 120, at(420));
        assert_eq!(seen.outage().map(|outage| (outage.length(at(420)).0, outage.uncertain.0)), Some((400, 0)));
    }

    #[test]
    fn numbers_of_rows_tell_the_time_and_never_come_twice() {
        let now = at(0);
        let first = next_number(0, now);
        assert_eq!(Timestamp::from_millisecond(i64::try_from(first).expect("a time")).ok(), Some(now));
        assert_eq!(next_number(first, now), first + 1);
        assert_eq!(next_number(first + 1, now - Duration::from_secs(1)), first + 2, "a clock that is set back");
    }
}
