//! Make the other site active. The point of no return.

use super::{StepExecution, silence::heard};
use crate::{
    observe::LastSign,
    operate::{context::trouble, meter::Meter},
    ports::ControlError,
};
use std::sync::PoisonError;
use switchback_domain::{
    NodeName, Side,
    operation::{Missing, Operation, OrderKind, Step, StepEvidence, StepFailure, StepRun},
};

impl StepExecution<'_> {
    /// Tells the site's cluster to lead. From here on the other site is never made writable again by this operation.
    pub(super) async fn promote(&mut self, operation: &Operation, number: usize, side: Side) -> Result<(), StepFailure> {
        self.order_to_lead(operation, number, side).await?;
        // Only after the order: it waits for nothing.
        if operation.may_have_lost() {
            self.measure_emergency(&operation.steps[number], side.other());
        }
        Ok(())
    }

    /// In an emergency there is no marker before it: the outage meter begins here, and what the lost site last confirmed is noted.
    fn measure_emergency(&mut self, promotion: &StepRun, lost: Side) {
        // A site that has come back and follows confirms rows of the new primary.
        let before = |at: &LastSign| promotion.first_began_at().is_some_and(|began| at.at <= began);
        if let Some(LastSign { at, failing_since }) = self.context.watched.last_sign(lost).filter(before) {
            // Refused connections do not tell when it stopped: anything on the way can refuse.
            self.facts.push(StepEvidence::LastConfirmed { side: lost, at, failing_since, gone_since: None });
        }
        let mut meter = self.meter.lock().unwrap_or_else(PoisonError::into_inner);
        if meter.is_none() {
            *meter = Meter::take_up(self.context, self.open, &self.facts);
        }
    }

    async fn order_to_lead(&mut self, operation: &Operation, number: usize, side: Side) -> Result<(), StepFailure> {
        let planned = operation.plan.steps.iter().any(|step| matches!(step, Step::Demote { .. }));
        let again = operation.steps[number].attempts > 1;
        // Begun again, after a crash or an order without an answer: unless the site leads already, everything is looked at once more.
        if again && !self.context.writing(side, super::LOOK_WITHIN).await.is_empty() {
            return Ok(());
        }
        if planned {
            return self.promote_proven(operation, side, again).await;
        }
        if again {
            let nodes = heard(self.context, side.other(), super::LOOK_WITHIN).await.writing;
            if !nodes.is_empty() {
                return Err(StepFailure::StillWrites { nodes });
            }
        } else if self.hints.late {
            self.last_look(side.other()).await?;
        }
        // The node that came to rest led a moment ago; clients wait, so it is not asked for again. Should it have died since, the others are
        // told: in an emergency they are what there is.
        let rested = seen(operation.steps.iter().rev().flat_map(|run| &run.facts));
        self.store(side, false, rested.as_ref(), again).await
    }

    /// Only the node whose log is the proof is told to lead: another one of its site may have less. If it cannot be told any more, the proof
    /// is taken anew from whoever leads there now.
    async fn promote_proven(&mut self, operation: &Operation, side: Side, again: bool) -> Result<(), StepFailure> {
        let mut proven = seen(operation.steps.iter().rev().flat_map(|run| &run.facts)).filter(|_| !again);
        // An order of this very attempt may have been taken, whatever was answered.
        let mut perhaps_taken = false;
        loop {
            let name = if let Some(name) = proven.take() {
                name
            } else {
                // The old site may have been made to lead in the meantime, by the console itself (when its store was away) or by somebody
                // else, and an order to do so may be on its way still.
                self.still_demoted(side.other()).await?;
                match self.prove(operation, side.other(), side).await {
                    // It leads, because it was told to a moment ago.
                    Err(StepFailure::SituationChanged { .. })
                        if perhaps_taken && !self.context.writing(side, super::LOOK_WITHIN).await.is_empty() =>
                    {
                        return Ok(());
                    }
                    proven => proven?,
                }
                seen(self.facts.iter().rev()).ok_or(StepFailure::NoLeader { side })?
            };
            let node = self.context.nodes(side).iter().find(|node| node.name == name).ok_or(StepFailure::NoLeader { side })?;
            let context = self.context;
            match self.order(OrderKind::Lead, context.control.lead(node)).await {
                Ok(()) => {
                    self.facts.push(StepEvidence::Stored { side, node: name, follows: false, already: false });
                    return Ok(());
                }
                Err(error @ ControlError::Refused { .. }) if !perhaps_taken => return Err(trouble(error)),
                Err(error) => {
                    perhaps_taken |= !error.order_failure().is_certain();
                    // Whether it was taken is seen by what the site does.
                    if !self.context.writing(side, super::LOOK_WITHIN).await.is_empty() {
                        return Ok(());
                    }
                    if self.deadline.has_passed() {
                        return Err(trouble(error));
                    }
                    self.again(20, || Missing::Answer).await?;
                }
            }
        }
    }
}

/// The node whose log is the proof, or the one whose replay came to rest: the first that these facts name.
fn seen<'a>(facts: impl IntoIterator<Item = &'a StepEvidence>) -> Option<NodeName> {
    facts.into_iter().find_map(|fact| match fact {
        StepEvidence::ShutdownReplayed { node, .. } | StepEvidence::Rest { node, .. } => Some(node.clone()),
        _ => None,
    })
}
