//! The outage meter: while an operation moves the active site, the console writes a small row on the primary every 20 ms, as a client
//! would, and so knows how long clients could not write and whether anything that was acknowledged is missing afterwards. What it sees is
//! shown while it sees it.
//!
//! A row's number is the millisecond in which it was sent. So the rows themselves tell a console that is started in the middle what was
//! written last.

use super::{desk::Desk, locked, scene::Scene, steps::LAST_ROW};
use crate::time::pause;
use futures::future::{join, join_all, select_all};
use jiff::Timestamp;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use switchback_domain::{
    Millis, Node, Side,
    operation::{Fact, Operation, OperationId, Outage, Step, StepRun, StepState},
};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Between two rows.
const EVERY: Duration = Duration::from_millis(20);

/// Between two questions to a node whether it accepts writes.
const SEARCH_EVERY: Duration = Duration::from_millis(20);

/// The same of one that lets nobody in: each time it starts a process to say so, and the one that stops is to stop soon.
const REFUSED_EVERY: Duration = Duration::from_millis(60);

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
    /// It was started after a crash of the console: what was acknowledged before is not known.
    again: bool,
    finished: bool,
}

impl Seen {
    /// The gap that lasts, or else the longest one.
    fn outage(&self) -> Option<Outage> {
        let lasting = self.last.filter(|_| self.waits).map(|since| self.gap(since, None));
        lasting.or(self.longest)
    }

    fn gap(&self, since: Since, first_write_at: Option<Timestamp>) -> Outage {
        let Since { last_write_at, uncertain } = since;
        Outage { last_write_at, first_write_at, acknowledged: self.acknowledged.len() as u64, found: None, uncertain }
    }

    /// A row was acknowledged at `now`.
    fn took(&mut self, number: u64, now: Timestamp) {
        if let Some(since) = self.last.filter(|_| std::mem::take(&mut self.waits)) {
            let mut gap = self.gap(since, Some(now));
            gap.uncertain = gap.uncertain.min(gap.length(now));
            if self.longest.is_none_or(|before| before.length(now) < gap.length(now)) {
                self.longest = Some(gap);
            }
        }
        self.acknowledged.push(number);
        self.last = Some(Since { last_write_at: now, uncertain: Millis(0) });
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
    pub(crate) fn start(scene: &Scene, desk: &Arc<Desk>, first: Node) -> Meter {
        let last = Some(Since { last_write_at: scene.clock.now(), uncertain: Millis(0) });
        Meter::run(scene, desk, Side::BOTH.to_vec(), Seen { last, ..Seen::default() }, Some(first))
    }

    /// Begins in the middle of an operation that needs it, if this is one: after a crash of the console, or in an emergency, before which
    /// nobody has written but clients and the heartbeat. `seen`: what the step has seen that is being done.
    pub(crate) fn take_up(scene: &Scene, desk: &Arc<Desk>, seen: &[Fact]) -> Option<Meter> {
        let operation = desk.operation();
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
            let last = since_confirmed(&operation, seen, promotion, scene.clock.now());
            let waits = last.is_some();
            return Some(Meter::run(scene, desk, vec![to], Seen { last, waits, ..Seen::default() }, None));
        }
        let marked = begun(|step| matches!(step, Step::Mark { .. })).is_some_and(|mark| mark.state == StepState::Done);
        let led_again = |undo: &switchback_domain::operation::UndoRun| {
            matches!(operation.plan.steps.get(undo.step), Some(Step::Demote { .. })) && undo.run.is_behind()
        };
        let needed = marked && !operation.undo.iter().any(led_again);
        needed.then(|| Meter::run(scene, desk, Side::BOTH.to_vec(), Seen { again: true, ..Seen::default() }, None))
    }

    /// Begins while a site is let in again that the fencer has stopped. Since its last sign its clients may have gone on writing until the first
    /// of its endpoints confirmed that it holds.
    pub(crate) fn of_put_back(scene: &Scene, desk: &Arc<Desk>, side: Side, last_sign: Option<Timestamp>, held_at: Timestamp) -> Meter {
        let last_write_at = last_sign.unwrap_or(held_at);
        let last = Some(Since { last_write_at, uncertain: Millis::between(last_write_at, held_at) });
        Meter::run(scene, desk, vec![side], Seen { last, waits: true, ..Seen::default() }, None)
    }

    /// Writes on whoever writes in these sites.
    fn run(scene: &Scene, desk: &Arc<Desk>, sides: Vec<Side>, seen: Seen, first: Option<Node>) -> Meter {
        let stop = scene.stop.child_token();
        let seen = Arc::new(Mutex::new(seen));
        let writer = Writer { scene: scene.clone(), desk: Arc::clone(desk), sides, seen: Arc::clone(&seen), stop: stop.clone() };
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

struct Writer {
    scene: Scene,
    desk: Arc<Desk>,
    sides: Vec<Side>,
    seen: Arc<Mutex<Seen>>,
    stop: CancellationToken,
}

impl Writer {
    async fn keep_writing(self, first: Option<Node>) {
        let operation = self.desk.operation();
        if locked(&self.seen).again {
            let back = look_back(&self.scene, &operation).await;
            self.change(|seen| (seen.last, seen.waits) = back);
        }
        // Whoever waits already is shown at once.
        self.change(|_| {});
        let mut node = first;
        let mut number = 0;
        while !self.stop.is_cancelled() && !locked(&self.seen).finished {
            let Some(current) = &node else {
                node = tokio::select! {
                    () = self.stop.cancelled() => return,
                    found = whoever_writes(&self.scene, &self.sides) => Some(found),
                };
                continue;
            };
            number = next_number(number, self.scene.clock.now());
            if !self.write(current, operation.id, number).await {
                node = None;
            } else if !pause(EVERY, &self.stop).await {
                return;
            }
        }
    }

    /// Writes one row; tells whether it was acknowledged.
    async fn write(&self, node: &Node, operation: OperationId, number: u64) -> bool {
        let mut writing = self.scene.hands.write_row(node, operation, number);
        let written = if let Ok(written) = tokio::time::timeout(WAITS_AFTER, &mut writing).await {
            written
        } else {
            self.change(|seen| seen.waits = true);
            writing.await
        };
        let now = self.scene.clock.now();
        self.change(|seen| if written.is_ok() { seen.took(number, now) } else { seen.waits = true });
        written.is_ok()
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
            self.desk.show_outage(outage);
        }
    }
}

/// The millisecond, unless a row has that number already.
fn next_number(last: u64, now: Timestamp) -> u64 {
    u64::try_from(now.as_millisecond()).unwrap_or(0).max(last + 1)
}

/// The first node that says it is out of recovery. Nodes that do not answer hold up nobody, not even the next question to another one.
async fn whoever_writes(scene: &Scene, sides: &[Side]) -> Node {
    let ask = |node: &'_ Node| {
        let node = node.clone();
        Box::pin(async move {
            loop {
                let between = match scene.hands.position(&node).await {
                    Ok(position) if !position.in_recovery => return node,
                    Ok(_) => SEARCH_EVERY,
                    Err(_) => REFUSED_EVERY,
                };
                pause(between, &scene.stop).await;
            }
        })
    };
    select_all(sides.iter().flat_map(|side| scene.nodes(*side)).map(ask)).await.0
}

/// Since when clients wait after a site was given up: since the last heartbeat row that it is known to have confirmed, or that survived.
fn since_confirmed(operation: &Operation, seen: &[Fact], promotion: &StepRun, now: Timestamp) -> Option<Since> {
    let facts = || operation.steps.iter().flat_map(StepRun::every_fact).chain(seen);
    let confirmed = facts().find_map(|fact| match fact {
        Fact::LastConfirmed { at, failing_since, .. } => {
            let until = failing_since.or(promotion.first_began_at()).unwrap_or(now);
            Some(Since { last_write_at: *at, uncertain: Millis::between(*at, until) })
        }
        _ => None,
    });
    let survived = || {
        facts().find_map(|fact| match fact {
            Fact::LastHeartbeat { at, .. } => Some(Since { last_write_at: *at, uncertain: Millis(u64::MAX) }),
            _ => None,
        })
    };
    confirmed.or_else(survived)
}

/// What a node tells a meter that is started again.
struct Look {
    writes: bool,
    newest_row: Option<u64>,
}

/// The last write that is known of, after a crash of the console in the middle of a planned operation, and whether clients wait since.
async fn look_back(scene: &Scene, operation: &Operation) -> (Option<Since>, bool) {
    let Some((from, to)) = operation.plan.moves() else { return (None, false) };
    let (old, new) = join(look(scene, operation.id, from), look(scene, operation.id, to)).await;
    let now = scene.clock.now();
    let row = old.iter().chain(&new).filter_map(|look| look.newest_row).max();
    let row = row.and_then(|number| Timestamp::from_millisecond(i64::try_from(number).ok()?).ok()).filter(|at| *at <= now);
    let demotion = operation.plan.steps.iter().position(|step| matches!(step, Step::Demote { .. }));
    let demotion = demotion.and_then(|step| operation.steps.get(step)).filter(|run| run.attempts > 0);
    // Until the old site was told to stop, clients could write.
    let Some(last_write_at) = row.max(demotion.and_then(StepRun::first_began_at)) else { return (None, false) };
    let since = |uncertain| Some(Since { last_write_at, uncertain });
    let writes = |site: &[Look]| site.iter().any(|look| look.writes);
    // The old site has not been stopped yet, or it was, and leads again.
    let stopped = demotion.is_some_and(|run| run.state == StepState::Done) || !operation.undo.is_empty();
    match (writes(&new), writes(&old)) {
        (false, true) if !stopped => (Some(Since { last_write_at: now, uncertain: Millis(0) }), false),
        // It is over, and nobody saw it.
        (true, _) | (_, true) => (since(Millis(u64::MAX)), true),
        (false, false) => (since(Millis::between(last_write_at, now)), true),
    }
}

async fn look(scene: &Scene, operation: OperationId, side: Side) -> Vec<Look> {
    let ask = async |node| {
        let (position, rows) = join(scene.hands.position(node), scene.hands.rows(node, operation)).await;
        let rows = rows.map(|rows| rows.numbers).unwrap_or_default();
        Look {
            writes: position.is_ok_and(|position| !position.in_recovery),
            newest_row: rows.into_iter().filter(|number| (1..LAST_ROW).contains(number)).max(),
        }
    };
    let within = async |node| tokio::time::timeout(LOOK_BACK_WITHIN, ask(node)).await.ok();
    join_all(scene.nodes(side).iter().map(within)).await.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchback_domain::fixture::at;

    #[test]
    fn the_longest_gap_counts_and_the_one_that_lasts_is_shown() {
        let mut seen = Seen { last: Some(Since { last_write_at: at(0), uncertain: Millis(0) }), ..Seen::default() };
        seen.took(20, at(20));
        assert_eq!(seen.outage(), None);
        seen.waits = true;
        let lasting = seen.outage().expect("clients wait");
        assert_eq!((lasting.last_write_at, lasting.first_write_at, lasting.acknowledged), (at(20), None, 1));
        seen.took(400, at(400));
        let ended = seen.outage();
        assert_eq!(ended.map(|outage| (outage.last_write_at, outage.first_write_at)), Some((at(20), Some(at(400)))));
        // A row that fails later is shown while it lasts, and is forgotten when it was shorter.
        seen.waits = true;
        assert_eq!(seen.outage().map(|outage| outage.last_write_at), Some(at(400)));
        seen.took(440, at(440));
        assert_eq!(seen.outage(), ended);
    }

    #[test]
    fn what_was_not_seen_is_never_more_uncertain_than_long() {
        let last = Some(Since { last_write_at: at(0), uncertain: Millis(u64::MAX) });
        let mut seen = Seen { last, waits: true, ..Seen::default() };
        seen.took(900, at(900));
        assert_eq!(seen.outage().map(|outage| outage.uncertain), Some(Millis(900)));
        // The next gap is seen from its beginning to its end.
        seen.waits = true;
        seen.took(3_000, at(3_000));
        assert_eq!(seen.outage().map(|outage| (outage.last_write_at, outage.uncertain)), Some((at(900), Millis(0))));
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
