//! The driver: asks the operation what comes next, writes the intent, acts, writes the outcome, and asks again.

use super::{
    PoolOperations,
    context::StepContext,
    locked,
    meter::Meter,
    open_operation::{JournalError, OpenOperation},
    steps::{self, StepOutcome},
};
use crate::ports::StoreError;
use futures::FutureExt;
use std::{
    collections::BTreeMap,
    error::Error,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, atomic::Ordering},
    task::Poll,
    time::Duration,
};
use switchback_domain::{
    EndpointName, Millis, Side,
    operation::{
        Event, Fence, FenceAnswer, GivenUp, Intent, Next, Operation, OrderKind, Outage, Step, StepEvidence, StepFailure, StepState, UndoRun,
    },
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// While clients wait and nothing can be written down, the old site is made to lead again after so long: that this may happen is part of
/// what was written before it was demoted.
pub(super) const UNWRITTEN_PATIENCE: Duration = Duration::from_secs(3);

const BETWEEN_WRITES: Duration = Duration::from_millis(100);

/// A store that hangs is a store that fails. Whether the entry was written shows when it is tried again.
const WRITE_WITHIN: Duration = Duration::from_secs(2);

/// How long what a step saw may be the ground of one that cannot be taken back. Between a proof and the promotion lies one entry of the
/// journal; between a fence and a failover's promotion what replay takes to come to rest.
const GROUND_LASTS: Duration = Duration::from_secs(10);

/// How long the last look of a failover at the site that is given up may be past when the intent to promote is written. Two entries of the
/// journal lie between the two; when they take longer, it is looked once more.
const LOOK_LASTS: Duration = Duration::from_millis(300);

/// Why the driver lets an operation lie.
#[derive(Debug)]
pub(crate) enum Halt {
    /// Somebody has to say something, or it has ended.
    Rest,
    /// Another console acts now, or the journal was changed by somebody: nothing may be done before it is read again.
    LeaseLost,
    /// The console stops.
    Stopping,
}

/// Brings an operation as far as it goes by itself.
pub(crate) async fn drive(
    operator: &PoolOperations,
    context: &StepContext,
    open: &Arc<OpenOperation>,
    meter: &Mutex<Option<Meter>>,
    keeping: &CancellationToken,
) -> Halt {
    {
        let mut meter = locked(meter);
        if meter.is_none() {
            *meter = Meter::take_up(context, open, &[]);
        }
    }
    let mut driver = Driver { operator, context, open, meter, keeping, seen: BTreeMap::new(), lifted: None, fencer_told: Vec::new() };
    loop {
        let operation = open.operation();
        driver.show_emergency(&operation);
        let went = match operation.decide() {
            Next::Rest => Err(Halt::Rest),
            Next::Write(event) => driver.write_at_leisure(*event).await,
            Next::Begin { step } => match driver.stale_ground(&operation, step) {
                Some(ground) => driver.step(ground).await,
                None => driver.step(step).await,
            },
            Next::Undo { step } => driver.undo(step).await,
        };
        match went {
            Ok(()) if context.stop.is_cancelled() => return Halt::Stopping,
            Ok(()) => {}
            Err(halt) => return halt,
        }
    }
}

struct Driver<'a> {
    operator: &'a PoolOperations,
    context: &'a StepContext,
    open: &'a Arc<OpenOperation>,
    meter: &'a Mutex<Option<Meter>>,
    /// Cancelled when the lease is somebody else's or has run out: from then on no order is given.
    keeping: &'a CancellationToken,
    /// The steps that this driver has itself brought to a good end without a break, and when.
    seen: BTreeMap<usize, Instant>,
    /// The fence of the site that is to lead, which was lifted for it: put up again when nobody took the order.
    lifted: Option<Fence>,
    /// How the endpoints of a fenced site had answered when the fence was lifted.
    fencer_told: Vec<FenceAnswer>,
}

impl Driver<'_> {
    /// In an emergency clients wait before anything is done, and while people are asked: shown from the beginning, and measured from the
    /// promotion on.
    fn show_emergency(&self, operation: &Operation) {
        let Some((lost, _)) = operation.plan.moves().filter(|_| matches!(operation.plan.intent, Intent::Failover { .. })) else { return };
        if operation.request.dry_run || operation.is_past_no_return() || locked(self.meter).is_some() {
            return;
        }
        let failing = self.context.watched.last_sign(lost).and_then(|sign| Some((sign.at, sign.failing_since?)));
        self.open.show_outage(failing.filter(|_| operation.given_up.is_none()).map(|(at, since)| Outage {
            last_write_at: at,
            first_write_at: None,
            acknowledged: 0,
            found: None,
            uncertain: Millis::between(at, since),
        }));
    }

    /// Writes what no engine waits for. Before the operation asks or ends, what the outage meter has seen until then is written down: of an
    /// operation that ends here nothing else would say it.
    async fn write_at_leisure(&mut self, event: Event) -> Result<(), Halt> {
        if matches!(event, Event::Asked { .. } | Event::Finished { .. })
            && locked(self.meter).is_some()
            && let Some(outage) = self.open.unwritten_outage()
        {
            self.write(Event::OutageSeen { outage }).await?;
        }
        self.write(event).await
    }

    /// What a step that cannot be taken back rests on, and that has to be seen once more before it: a proof is only worth something as
    /// long as nobody else can have acted since. After a start of the console, a lost lease, a question or an order to lead that could not
    /// be written down, that is over.
    fn stale_ground(&self, operation: &Operation, step: usize) -> Option<usize> {
        let is_stale = |ground: &usize| self.seen.get(ground).is_none_or(|at| at.elapsed() >= GROUND_LASTS);
        let no_return = operation.plan.no_return() == Some(step);
        let first = no_return && !operation.is_past_no_return();
        // A fence that is put up while both sites write leaves nobody when whoever was to go on has stopped meanwhile. And one that is put
        // up for the first time long after it was looked may shut out a site that is back.
        let fence = matches!(operation.plan.steps[step], Step::Fence { .. });
        let fences = fence && (no_return || operation.steps[step].attempts == 0);
        let again = fences || matches!(operation.plan.steps[step], Step::Prove { .. });
        if operation.request.dry_run || !(first || again) {
            return None;
        }
        let grounds = (0..step).filter(|ground| {
            let kind = &operation.plan.steps[*ground];
            match kind {
                Step::Assess { .. } => fences,
                kind => matches!(kind, Step::Demote { .. } | Step::Prove { .. } | Step::Fence { .. } | Step::Settle { .. }),
            }
        });
        let mut grounds: Vec<usize> = grounds.filter(|ground| operation.steps[*ground].state == StepState::Done).collect();
        // What is old makes everything behind it old.
        let oldest = grounds.iter().position(is_stale)?;
        Some(grounds.swap_remove(oldest))
    }

    async fn step(&mut self, number: usize) -> Result<(), Halt> {
        let confirms = self.open.operation().steps.get(number).is_some_and(|run| run.state == StepState::Done);
        // Whatever rested on what this step saw before has to be seen once more as well.
        self.seen.retain(|other, _| *other < number);
        if let Some(Step::Promote { side }) = self.open.operation().plan.steps.get(number) {
            let fences = self.context.watched.pool_state().fences;
            self.lifted = self.lifted.take().or_else(|| fences.into_iter().find(|fence| fence.side == *side));
        }
        self.write(Event::StepBegun { step: number }).await?;
        // A wish may have come in while the intent was written, or the store was away for so long that everything was taken back.
        if self.open.operation().steps.get(number).is_none_or(|run| run.state != StepState::Running) {
            return Ok(());
        }
        let looked = self.seen.values().max().copied();
        let late = looked.is_none_or(|at| at.elapsed() > LOOK_LASTS);
        let acting = steps::carry_out(
            self.context,
            self.open,
            self.meter,
            number,
            steps::StepHints { confirms, late, ..steps::StepHints::default() },
        );
        let Some(StepOutcome { facts, trouble }) = self.calmly(acting).await else { return Err(self.why_halted()) };
        if let Some(outage) = steps::outage_event(&facts) {
            self.write(outage).await?;
        }
        let (good, ended) = (trouble.is_none(), Instant::now());
        self.write(Event::StepEnded { step: number, facts, trouble }).await?;
        if good {
            self.seen.insert(number, ended);
        }
        Ok(())
    }

    async fn undo(&mut self, number: usize) -> Result<(), Halt> {
        let operation = self.open.operation();
        let mut told = Vec::new();
        if let Some(Step::Fence { side }) = operation.plan.steps.get(number)
            && let Some(fence) = own_fence(self.context, &operation, *side)
        {
            self.fencer_told = fence.answers;
            told.extend(self.fencer_told.iter().map(|answer| StepEvidence::FencerTold { answer: answer.clone() }));
        }
        self.write(Event::UndoBegun { step: number }).await?;
        let acting = steps::take_back(self.context, self.open, self.meter, number, self.how_to_take_back(number), self.fencer_told.clone());
        let Some(StepOutcome { facts, trouble }) = self.calmly(acting).await else { return Err(self.why_halted()) };
        let facts: Vec<StepEvidence> = told.into_iter().chain(facts).collect();
        if let Some(outage) = steps::outage_event(&facts) {
            self.write(outage).await?;
        }
        self.write(Event::UndoEnded { step: number, facts, trouble }).await
    }

    /// This driver has carried out what came before the step, which has asked both sites, and not only confirmed the step after a break.
    fn how_to_take_back(&self, step: usize) -> steps::StepHints {
        steps::StepHints { unbroken: self.seen.keys().any(|seen| *seen < step), ..steps::StepHints::default() }
    }

    /// What a step saw; nothing when the console stops in its middle: then the next start looks for its effect. A step of ours that panics
    /// is a step that failed.
    async fn calmly(&self, acting: impl Future<Output = StepOutcome>) -> Option<StepOutcome> {
        let mut acting = std::pin::pin!(AssertUnwindSafe(acting).catch_unwind());
        // A machine that has slept goes on in the middle of a step, and the lease may be somebody else's by now: so it is asked each time
        // before the step goes on, and not only now and then.
        let leased = std::future::poll_fn(|context| {
            if self.operator.lease_has_run_out() {
                self.keeping.cancel();
                return Poll::Ready(None);
            }
            acting.as_mut().poll(context).map(Some)
        });
        let outcome = tokio::select! {
            biased;
            () = self.context.stop.cancelled() => return None,
            () = self.keeping.cancelled() => return None,
            outcome = leased => outcome?,
        };
        Some(outcome.unwrap_or_else(|_| {
            tracing::error!(operation = %self.open.operation().id, "a step panicked");
            StepOutcome { facts: Vec::new(), trouble: Some(StepFailure::Internal { incident: self.open.operation().id.to_string() }) }
        }))
    }

    fn why_halted(&self) -> Halt {
        if self.context.stop.is_cancelled() { Halt::Stopping } else { Halt::LeaseLost }
    }

    /// Writes an event. Nothing goes on before it is written; while the store is away this waits.
    async fn write(&mut self, event: Event) -> Result<(), Halt> {
        let began = Instant::now();
        let mut told = false;
        let mut taken_back = false;
        loop {
            let operation = self.open.operation();
            // After everything was taken back no new step is begun, whatever was to be written.
            let event = if taken_back && matches!(event, Event::StepBegun { .. }) { gave_up(&operation) } else { event.clone() };
            let changes = changes(self.context, &operation, &event, self.lifted.as_ref());
            let written = tokio::time::timeout(WRITE_WITHIN, self.open.write(event, &changes)).await;
            match written.unwrap_or_else(|_| Err(JournalError::Store(StoreError::Failed("no answer in time".into())))) {
                Ok(_) if taken_back && self.open.operation().given_up.is_none() => {
                    let operation = self.open.operation();
                    return Box::pin(self.write(gave_up(&operation))).await;
                }
                Ok(written) => {
                    if written {
                        self.operator.take_changes_in(self.context, &changes);
                    }
                    return Ok(());
                }
                Err(JournalError::LeaseLost) => return Err(Halt::LeaseLost),
                Err(JournalError::Bad(error)) => {
                    tracing::error!(operation = %operation.id, error = &error as &dyn Error, "the operation's journal does not fit; it is read anew");
                    return Err(Halt::LeaseLost);
                }
                Err(JournalError::Store(error)) => {
                    if !std::mem::replace(&mut told, true) {
                        crate::figures::store_failed("append_entry");
                        tracing::error!(operation = %operation.id, error = &error as &dyn Error, "the journal cannot be written; nothing new is begun");
                    }
                }
            }
            if self.keeping.is_cancelled() {
                return Err(self.why_halted());
            }
            let impatient = began.elapsed() > UNWRITTEN_PATIENCE || self.context.unwritten.load(Ordering::Relaxed);
            if impatient && !taken_back && clients_wait(&operation) {
                taken_back = true;
                self.lead_again_unwritten(&operation).await;
            }
            if !crate::time::pause(BETWEEN_WRITES, &self.context.stop).await {
                return Err(Halt::Stopping);
            }
        }
    }

    /// Takes the demotion back while the store is away, so that clients can write again.
    async fn lead_again_unwritten(&mut self, operation: &Operation) {
        let Some(step) = operation.plan.steps.iter().position(|step| matches!(step, Step::Demote { .. })) else { return };
        tracing::warn!(operation = %operation.id, "the journal cannot be written while clients wait: the demotion is taken back");
        let how = self.how_to_take_back(step);
        self.seen.clear();
        let _ = self.calmly(steps::take_back(self.context, self.open, self.meter, step, how, Vec::new())).await;
    }
}

fn gave_up(operation: &Operation) -> Event {
    let step = operation.current_step().unwrap_or(0);
    Event::GaveUp { why: GivenUp::StepFailed { step, trouble: StepFailure::StoreUnwritable } }
}

/// The old site was told to stop and the other one was not told to lead.
fn clients_wait(operation: &Operation) -> bool {
    let mut steps = operation.plan.steps.iter().zip(&operation.steps);
    let demoted = steps.any(|(step, run)| matches!(step, Step::Demote { .. }) && run.may_have_acted());
    let led_again = |undo: &UndoRun| matches!(operation.plan.steps[undo.step], Step::Demote { .. }) && undo.run.is_behind();
    demoted && !operation.request.dry_run && !operation.is_past_no_return() && !operation.undo.iter().any(led_again)
}

/// What an event changes about the pool itself, written together with it.
fn changes(context: &StepContext, operation: &Operation, event: &Event, lifted: Option<&Fence>) -> Vec<crate::ports::RecordChange> {
    use crate::ports::RecordChange;
    if operation.request.dry_run {
        return Vec::new();
    }
    match event {
        Event::StepBegun { step } => match operation.plan.steps.get(*step) {
            // The intent to promote is what begins a new epoch: whoever decided something before it decided in another situation.
            // And a site that is to lead must not be kept from it by a fence of an earlier failover.
            Some(Step::Promote { side }) => {
                let mut changes = vec![RecordChange::Epoch(operation.plan.epoch.next())];
                if context.watched.pool_state().fences.iter().any(|fence| fence.side == *side) {
                    changes.push(RecordChange::FenceDown(*side));
                }
                changes
            }
            Some(Step::Fence { side }) => {
                // Begun again, it is the same fence, since it was asked for first.
                let kept = own_fence(context, operation, *side);
                let (epoch, expected_loss) = (operation.plan.epoch.next(), operation.plan.loss.loss_bytes);
                let fence = Fence {
                    side: *side,
                    epoch,
                    operation: Some(operation.id),
                    since: context.clock.now(),
                    expected_loss,
                    answers: Vec::new(),
                };
                let mut changes = vec![RecordChange::FenceUp(kept.unwrap_or(fence))];
                // Where both sites write, the fence is what answers which of them is active.
                if operation.plan.no_return() == Some(*step) {
                    changes.push(RecordChange::Epoch(epoch));
                }
                changes
            }
            _ => Vec::new(),
        },
        // What is let in again must not be shut out a moment later by the fencer.
        Event::UndoBegun { step } => match operation.plan.steps.get(*step) {
            Some(Step::Fence { side }) => vec![RecordChange::FenceDown(*side)],
            _ => Vec::new(),
        },
        // How each endpoint has answered stands beside the fence from the beginning.
        Event::StepEnded { step, facts, .. } if matches!(operation.plan.steps.get(*step), Some(Step::Fence { .. })) => {
            let Some(Step::Fence { side }) = operation.plan.steps.get(*step) else { return Vec::new() };
            let Some(mut fence) = own_fence(context, operation, *side) else { return Vec::new() };
            for answer in answers_in(context, *side, facts) {
                fence.take(answer);
            }
            vec![RecordChange::FenceUp(fence)]
        }
        // Nobody was told to lead, so what kept that site from it goes on doing so.
        Event::StepEnded { step, facts, .. } if facts.contains(&StepEvidence::NoOrderTaken) => match operation.plan.steps.get(*step) {
            Some(Step::Promote { .. }) => lifted.cloned().map(RecordChange::FenceUp).into_iter().collect(),
            _ => Vec::new(),
        },
        Event::StepEnded { step, trouble: None, .. } => match operation.plan.steps.get(*step) {
            Some(Step::Reprotect { side }) => vec![RecordChange::FenceDown(*side)],
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// The fence that an operation has put up around a site.
fn own_fence(context: &StepContext, operation: &Operation, side: Side) -> Option<Fence> {
    context.watched.pool_state().fences.into_iter().find(|fence| fence.side == side && fence.operation == Some(operation.id))
}

/// How each endpoint has answered, by what the step saw.
fn answers_in(context: &StepContext, side: Side, facts: &[StepEvidence]) -> Vec<FenceAnswer> {
    let at = context.clock.now();
    let order = |endpoint: &EndpointName| {
        if context.pool.sites[side].proxies.contains(endpoint) { OrderKind::CloseMembers } else { OrderKind::Hold }
    };
    let answer = |fact: &StepEvidence| match fact {
        StepEvidence::Fenced { endpoint } => Some(FenceAnswer { endpoint: endpoint.clone(), order: order(endpoint), at, failure: None }),
        StepEvidence::OrderFailed { endpoint, order, answer } => {
            Some(FenceAnswer { endpoint: endpoint.clone(), order: *order, at, failure: Some(answer.clone()) })
        }
        _ => None,
    };
    facts.iter().filter_map(answer).collect()
}
