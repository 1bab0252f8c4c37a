//! Carrying out steps: each is in a file of its own, with its action and its way back. Each first looks whether its effect is there already, so
//! that it can be begun again after a crash of the console; none decides what comes after it. What is known of a step before it runs is in
//! `Step::nature`. The files `facts`, `lineages`, `members`, `outage`, `silence` and `store` are what several steps need.

mod assess;
mod checkpoint;
mod demote;
mod drain;
mod facts;
mod fence;
mod follow;
mod inspect;
mod lineages;
mod mark;
mod members;
mod outage;
mod preflight;
mod promote;
mod prove;
mod reprotect;
mod reroute;
mod save;
mod set_member;
mod settle;
mod silence;
mod sole_writer;
mod store;
mod switch_in_site;
mod verify;

pub(super) use outage::outage_event;
pub(super) use verify::LAST_ROW;

use crate::{
    operate::{
        context::{Deadline, StepContext},
        meter::Meter,
        open_operation::OpenOperation,
    },
    ports::{ControlError, Position},
};
use std::{
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};
use switchback_domain::{
    Node,
    operation::{Effect, FenceAnswer, OrderKind, Step, StepEvidence, StepFailure},
};

/// Longer than a healthy endpoint takes, shorter than a person's patience.
const LOOK_WITHIN: Duration = Duration::from_millis(900);

/// What a step saw, and why it did not succeed if it did not.
pub(crate) struct StepOutcome {
    pub(crate) facts: Vec<StepEvidence>,
    pub(crate) trouble: Option<StepFailure>,
}

/// Where a step writes down what it sees while it goes on.
pub(crate) struct StepExecution<'a> {
    pub(crate) context: &'a StepContext,
    pub(crate) open: &'a Arc<OpenOperation>,
    pub(crate) meter: &'a Mutex<Option<Meter>>,
    pub(crate) facts: Vec<StepEvidence>,
    pub(crate) deadline: Deadline,
    pub(crate) hints: StepHints,
    /// An order was taken, or may have been.
    pub(crate) acted: bool,
    /// How the endpoints of a site had answered the fencer when its fence was lifted.
    pub(crate) fencer_told: Vec<FenceAnswer>,
}

/// What a step has to know of what went before it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct StepHints {
    /// It was done already, and is done once more because what comes next must not rest on what was seen long ago.
    pub(crate) confirms: bool,
    /// Its intent took so long to be written that what was seen right before it may not be so any more.
    pub(crate) late: bool,
    /// Whoever takes it back has itself carried out what went before, without a break in which somebody else may have acted.
    pub(crate) unbroken: bool,
}

/// Carries out the step of this number.
pub(crate) async fn carry_out(
    context: &StepContext,
    open: &Arc<OpenOperation>,
    meter: &Mutex<Option<Meter>>,
    number: usize,
    hints: StepHints,
) -> StepOutcome {
    let operation = open.operation();
    let step = operation.plan.steps[number].clone();
    let deadline = Deadline::after(Duration::from_millis(step.nature().deadline.0));
    let mut run = StepExecution { context, open, meter, facts: Vec::new(), deadline, hints, acted: false, fencer_told: Vec::new() };
    let effect = step.nature().effect;
    if operation.request.dry_run && effect != Effect::Looks {
        return StepOutcome { facts: vec![StepEvidence::Rehearsed], trouble: None };
    }
    let outcome = match step.clone() {
        Step::Preflight => run.preflight(&operation).await,
        Step::Mark { side } => run.mark(&operation, side).await,
        Step::Checkpoint { side } => run.checkpoint(&operation, side).await,
        Step::Drain { side, at_most } => run.drain(&operation, number, side, at_most).await,
        Step::Demote { side } => run.demote(&operation, number, side).await,
        Step::Prove { from, to } => run.prove(&operation, from, to).await,
        Step::Assess { side } => run.assess(&operation, side).await,
        Step::Fence { side } => run.fence(&operation, number, side).await,
        Step::Settle { side } => run.settle(&operation, side).await,
        Step::Promote { side } => run.promote(&operation, number, side).await,
        Step::Verify { side } => run.verify(&operation, side).await,
        Step::SoleWriter { side } => run.sole_writer(&operation, side).await,
        Step::Reroute { to } => run.reroute(&operation, to).await,
        Step::Inspect { side } => run.inspect(side).await,
        Step::Save { side } => run.save(&operation, side).await,
        Step::Follow { side } => run.follow(&operation, number, side).await,
        Step::Reprotect { side } => run.reprotect(&operation, side).await,
        Step::SwitchInSite { side } => run.switch_in_site(&operation, side).await,
        Step::SetMember { change } => run.set_member(&operation, number, &change).await,
    };
    if outcome.is_err() && !run.acted && effect == Effect::Orders {
        run.facts.push(StepEvidence::NoOrderTaken);
    }
    StepOutcome { facts: run.facts, trouble: outcome.err() }
}

/// Takes the effect of the step of this number back.
pub(crate) async fn take_back(
    context: &StepContext,
    open: &Arc<OpenOperation>,
    meter: &Mutex<Option<Meter>>,
    number: usize,
    hints: StepHints,
    fencer_told: Vec<FenceAnswer>,
) -> StepOutcome {
    let operation = open.operation();
    // A standby that is promoted by its own site again may need Patroni's `ttl`.
    let deadline = Deadline::after(Duration::from_mins(1));
    let mut run = StepExecution { context, open, meter, facts: Vec::new(), deadline, hints, acted: false, fencer_told };
    let outcome = match &operation.plan.steps[number] {
        Step::Drain { side, .. } => run.undo_drain(&operation, number, *side).await,
        Step::Demote { side } => run.undo_demote(&operation, *side).await,
        Step::Fence { side } => run.undo_fence(&operation, *side).await,
        Step::SetMember { change } => run.undo_set_member(&operation, number, change).await,
        _ => Ok(()),
    };
    StepOutcome { facts: run.facts, trouble: outcome.err() }
}

impl StepExecution<'_> {
    /// Somebody wants the operation to end, or nothing can be written down any more, and it still may.
    fn is_interrupted(&self) -> bool {
        let operation = self.open.operation();
        let unwritten = self.context.unwritten.load(Ordering::Relaxed);
        (unwritten || operation.cancel_wanted_by.is_some()) && !operation.is_past_no_return()
    }

    /// Gives an order. How it was answered is evidence unless it was taken.
    async fn order<T>(&mut self, order: OrderKind, given: impl Future<Output = Result<T, ControlError>>) -> Result<T, ControlError> {
        let answer = given.await;
        match &answer {
            Ok(_) => self.acted = true,
            Err(error) => {
                let answer = error.order_failure();
                self.acted |= !answer.is_certain();
                let fact = StepEvidence::OrderFailed { endpoint: error.endpoint().clone(), order, answer };
                // The same again and again is said once.
                if !self.facts.contains(&fact) {
                    self.facts.push(fact);
                }
            }
        }
        answer
    }

    /// Waits a little before the next look, or says why there is none.
    async fn again(&self, ms: u64, missing: impl FnOnce() -> switchback_domain::operation::Missing) -> Result<(), StepFailure> {
        if self.deadline.has_passed() {
            return Err(self.deadline.missed(missing()));
        }
        if self.is_interrupted() || !self.context.wait(ms).await {
            return Err(StepFailure::Interrupted);
        }
        Ok(())
    }
}

/// Those that answered.
pub(super) fn ready(asked: Vec<(&Node, Result<Position, ControlError>)>) -> Vec<(&Node, Position)> {
    asked.into_iter().filter_map(|(node, position)| Some((node, position.ok()?))).collect()
}
