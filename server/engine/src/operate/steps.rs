//! Carrying out steps. Each first looks whether its effect is there already, so that it can be begun again after a crash of the console;
//! none decides what comes after it.

mod members;
mod promote;
mod protect;
mod save;
mod stop;

use super::{
    context::{Deadline, StepContext, trouble},
    meter::Meter,
    open_operation::OpenOperation,
};
use crate::ports::{ClusterMode, ControlError};
use std::{
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    time::Duration,
};
use switchback_domain::{
    CheckKind, Lsn, Node, NodeName, Picture, Side, Verdict,
    operation::{Effect, FenceAnswer, Intent, MemberChange, Operation, OrderKind, Step, StepEvidence, StepFailure, StepState},
};

pub(super) use promote::{LAST_ROW, outage_event};

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
        Step::Drain { side, .. } => run.end_drain(&operation, number, *side).await,
        Step::Demote { side } => match run.lead_again(&operation, *side).await {
            Ok(()) => {
                run.note_outage().await;
                Ok(())
            }
            failed => failed,
        },
        Step::Fence { side } => run.let_in_again(&operation, *side).await,
        Step::SetMember { change } => match operation.steps[number].member_was(&change.member) {
            Some(to) => run.set_member(&operation, number, &MemberChange { to, ..change.clone() }).await,
            // Then it stays as it is, and the operation's end says so.
            None => Ok(()),
        },
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

    /// Everything anew: the situation must still be the one that was planned for.
    async fn preflight(&mut self, operation: &Operation) -> Result<(), StepFailure> {
        let picture = self.context.watched.look_now(LOOK_WITHIN).await;
        if picture.pool_state.epoch != operation.plan.epoch {
            return Err(StepFailure::OtherEpoch);
        }
        self.note_leaders(&picture);
        let in_the_way = |kind: &CheckKind| !operation.request.acknowledged.contains(kind);
        let checks: Vec<(CheckKind, Verdict)> = match operation.plan.intent {
            // Nothing of the other site is touched.
            Intent::LocalSwitchover { .. } | Intent::Members { .. } | Intent::Reprotect { .. } | Intent::Resolve { .. } => Vec::new(),
            Intent::Failover { .. } => picture
                .checks
                .iter()
                .filter(|check| matches!(check.verdict, Verdict::Fail | Verdict::Unknown) && in_the_way(&check.kind))
                .map(|check| (check.kind, check.verdict))
                .collect(),
            // A planned operation cannot take anything upon itself.
            Intent::Switchover { .. } | Intent::Failback { .. } => picture
                .checks
                .iter()
                .filter(|check| matches!(check.verdict, Verdict::Fail | Verdict::Unknown))
                .map(|check| (check.kind, check.verdict))
                .collect(),
        };
        let planned_move = matches!(operation.plan.intent, Intent::Switchover { .. } | Intent::Failback { .. });
        let members = picture.old_patroni();
        if planned_move && !members.is_empty() {
            return Err(StepFailure::PatroniTooOld { members });
        }
        let moved = operation.plan.moves().is_some_and(|(from, _)| picture.active != Some(from));
        let forbidden = picture.findings.iter().any(|finding| finding.severity() == switchback_domain::Severity::Critical);
        // A promotion within a site that has a second history would make it worse.
        let planned = matches!(operation.plan.intent, Intent::Switchover { .. } | Intent::Failback { .. } | Intent::LocalSwitchover { .. });
        if !checks.is_empty() || moved || (forbidden && planned) {
            return Err(StepFailure::SituationChanged { checks, findings: picture.findings });
        }
        Ok(())
    }

    fn note_leaders(&mut self, picture: &Picture) {
        for side in Side::BOTH {
            if let Some(leader) = &picture.sites[side].leader {
                let timeline = picture.node(leader).and_then(|(_, node)| node.timeline);
                self.facts.push(StepEvidence::Leader { side, node: leader.clone(), timeline });
            }
        }
    }

    /// The marker row, where the log stands, and the outage meter.
    async fn mark(&mut self, operation: &Operation, side: Side) -> Result<(), StepFailure> {
        let Some((node, _)) = self.context.leader(side).await else { return Err(StepFailure::NoLeader { side }) };
        let node = node.clone();
        let position = self.context.control.position(&node).await.map_err(trouble)?;
        let Some(at) = position.written else { return Err(StepFailure::NoLeader { side }) };
        self.facts.push(StepEvidence::Leader { side, node: node.name.clone(), timeline: position.timeline });
        self.facts.push(StepEvidence::Written { node: node.name.clone(), at });
        self.context.control.write_row(&node, operation.id, 0).await.map_err(trouble)?;
        self.facts.push(StepEvidence::Marker { node: node.name.clone() });
        let meter = Meter::start(self.context, self.open, node);
        *self.meter.lock().unwrap_or_else(PoisonError::into_inner) = Some(meter);
        Ok(())
    }

    /// A checkpoint now makes the one at shutdown small.
    async fn checkpoint(&mut self, operation: &Operation, side: Side) -> Result<(), StepFailure> {
        self.rehearse_proof(operation, side).await?;
        let Some((node, _)) = self.context.leader(side).await else { return Err(StepFailure::NoLeader { side }) };
        let took = self.context.control.checkpoint(node).await.map_err(trouble)?;
        self.facts.push(StepEvidence::Checkpoint { node: node.name.clone(), took });
        Ok(())
    }

    /// Tells a site's cluster whether to follow, unless it is told already, and finds out what became of an order without an answer:
    /// the order is only given again when the site says that it is not stored. Without `look_first` the first order is given at once:
    /// it was looked at a moment ago, and clients wait.
    async fn store(&mut self, side: Side, follows: bool, first: Option<&NodeName>, look_first: bool) -> Result<(), StepFailure> {
        let mut nodes: Vec<_> = self.context.nodes(side).iter().collect();
        // An order wakes only the member that it is sent to, so the leader comes first.
        nodes.sort_by_key(|node| Some(&node.name) != first);
        self.store_by(&nodes, side, follows, look_first).await
    }

    /// The same, told to these nodes only.
    async fn store_by(&mut self, nodes: &[&Node], side: Side, follows: bool, look_first: bool) -> Result<(), StepFailure> {
        let context = self.context;
        let (wanted, other) =
            if follows { (ClusterMode::Standby, ClusterMode::Primary) } else { (ClusterMode::Primary, ClusterMode::Standby) };
        let mut already = look_first;
        let mut look = look_first;
        let mut last = None;
        loop {
            let (mut refused, mut unclear) = (None, false);
            for node in nodes {
                let stored = if std::mem::replace(&mut look, true) { context.control.cluster_mode(node).await } else { Ok(other) };
                match stored {
                    Ok(stored) if stored == wanted => {
                        // Whoever told it so: perhaps this step, whose order was not answered.
                        self.facts.push(StepEvidence::Stored { side, node: node.name.clone(), follows, already });
                        return Ok(());
                    }
                    Ok(_) => {
                        already = false;
                        let told = if follows {
                            self.order(OrderKind::Follow, context.control.follow(node, side)).await
                        } else {
                            self.order(OrderKind::Lead, context.control.lead(node)).await
                        };
                        match told {
                            Ok(()) => {
                                self.facts.push(StepEvidence::Stored { side, node: node.name.clone(), follows, already: false });
                                return Ok(());
                            }
                            // Another member may take it: they have one configuration.
                            Err(error @ ControlError::Refused { .. }) => refused = Some(error),
                            // Whether it happened is asked next.
                            Err(error) => (last, unclear) = (Some(error), true),
                        }
                    }
                    Err(error) => last = Some(error),
                }
            }
            if let Some(error) = refused.filter(|_| !unclear) {
                return Err(trouble(error));
            }
            if self.deadline.has_passed()
                && let Some(error) = last
            {
                return Err(trouble(error));
            }
            self.again(20, || switchback_domain::operation::Missing::Answer).await?;
        }
    }
}

/// Where the old primary's log stood at the last look before it was told to stop: from the newest step that noted it.
fn noted_position(operation: &Operation, names: &[&NodeName]) -> Option<Lsn> {
    operation.steps.iter().rev().flat_map(|run| run.facts.iter().rev()).find_map(|fact| match fact {
        StepEvidence::Written { node, at } if names.contains(&node) => Some(*at),
        _ => None,
    })
}

/// The timeline that the active site's leader had when the operation looked first.
fn noted_timeline(operation: &Operation, of: Side) -> Option<switchback_domain::Timeline> {
    let seen = operation.steps.iter().filter(|run| matches!(run.state, StepState::Done | StepState::Running)).flat_map(|run| &run.facts);
    let mut noted = seen.filter_map(|fact| match fact {
        StepEvidence::Leader { side, timeline, .. } if *side == of => *timeline,
        _ => None,
    });
    noted.next().or_else(|| {
        let planned = operation.plan.leaders.iter().find(|(side, ..)| *side == of);
        planned.and_then(|(_, _, timeline)| *timeline)
    })
}
