//! Making the other site active, and seeing that it is.

use super::{
    StepExecution, noted_timeline,
    stop::{SiteAnswers, heard},
};
use crate::{
    observe::LastSign,
    operate::{
        context::{Deadline, trouble},
        meter::Meter,
    },
    ports::ControlError,
};
use std::{collections::BTreeSet, sync::PoisonError, time::Duration};
use switchback_domain::{
    Node, NodeName, Side, Timeline,
    operation::{Event, Missing, Operation, OrderKind, Outage, Step, StepEvidence, StepFailure, StepRun},
};

/// Far above every number that the outage meter uses: the row by which a new primary shows that it takes writes.
pub(in crate::operate) const LAST_ROW: u64 = i64::MAX as u64;

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

    /// Exactly one node of the site is out of recovery, on a later timeline; it takes a write; the marker row is there, and with it every
    /// row that the outage meter had acknowledged.
    pub(super) async fn verify(&mut self, operation: &Operation, side: Side) -> Result<(), StepFailure> {
        let before = noted_timeline(operation, side.other()).or_else(|| noted_timeline(operation, side));
        let (node, timeline, at) = self.new_primary(side, before).await?;
        self.facts.push(StepEvidence::Promoted { node: node.name.clone(), from: before, to: timeline, at });
        loop {
            if self.context.control.write_row(&node, operation.id, LAST_ROW).await.is_ok() {
                break;
            }
            // A repetition of this step finds its own row already there, which is as good.
            if self.context.control.rows(&node, operation.id).await.is_ok_and(|rows| rows.numbers.last() == Some(&LAST_ROW)) {
                break;
            }
            self.again(20, || Missing::Write).await?;
        }
        let planned = operation.plan.steps.iter().any(|step| matches!(step, Step::Mark { .. }));
        if planned {
            self.count_rows(operation, &node).await?;
        } else if let Some((Some(outage), _)) = self.measured().await? {
            self.facts.push(StepEvidence::ClientsWaited { outage });
        }
        self.nobody_else_writes(side.other()).await
    }

    /// Exactly one node of the pool is out of recovery, it is one of this site, and it takes a write.
    pub(super) async fn sole_writer(&mut self, operation: &Operation, side: Side) -> Result<(), StepFailure> {
        let (node, timeline, at) = self.new_primary(side, None).await?;
        self.facts.push(StepEvidence::Leader { side, node: node.name.clone(), timeline: Some(timeline) });
        self.facts.extend(at.map(|at| StepEvidence::Written { node: node.name.clone(), at }));
        while self.context.control.write_row(&node, operation.id, 0).await.is_err() {
            self.again(20, || Missing::Write).await?;
        }
        self.facts.push(StepEvidence::Marker { node: node.name });
        let nodes = heard(self.context, side.other(), super::LOOK_WITHIN).await.writing;
        if nodes.is_empty() { Ok(()) } else { Err(StepFailure::StillWrites { nodes }) }
    }

    /// The one node of the site that is out of recovery.
    async fn new_primary(
        &self,
        side: Side,
        before: Option<Timeline>,
    ) -> Result<(Node, Timeline, Option<switchback_domain::Lsn>), StepFailure> {
        loop {
            let positions = self.context.positions(side).await;
            let mut writable =
                positions.into_iter().filter_map(|(node, position)| Some((node, position.ok()?))).filter(|(_, p)| !p.in_recovery);
            match (writable.next(), writable.next()) {
                (Some((node, position)), None) => {
                    if let Some(timeline) = position.timeline
                        && before.is_none_or(|before| timeline > before)
                    {
                        return Ok((node.clone(), timeline, position.written));
                    }
                }
                (Some(_), Some(_)) => return Err(StepFailure::SplitBrain),
                (None, _) => {}
            }
            self.again(15, || Missing::Primary).await?;
        }
    }

    /// Every row that the old primary acknowledged to the console must be there. Rows whose acknowledgement was lost may be too.
    async fn count_rows(&mut self, operation: &Operation, node: &Node) -> Result<(), StepFailure> {
        let (outage, acknowledged) = self.measured().await?.unwrap_or_default();
        let rows = loop {
            match self.context.control.rows(node, operation.id).await {
                Ok(rows) => break rows,
                Err(_) => self.again(20, || Missing::Write).await?,
            }
        };
        if rows.has_marker() {
            self.facts.push(StepEvidence::Marker { node: node.name.clone() });
        }
        let Some(acknowledged) = acknowledged else {
            // After a start of the console in the middle nobody knows what was acknowledged before it.
            self.facts.extend(outage.map(|outage| StepEvidence::ClientsWaited { outage }));
            return if rows.has_marker() { Ok(()) } else { Err(StepFailure::RowsMissing { acknowledged: 1, found: 0 }) };
        };
        let there: BTreeSet<u64> = rows.numbers.iter().copied().collect();
        let found = acknowledged.iter().filter(|number| there.contains(number)).count() as u64 + u64::from(rows.has_marker());
        let acknowledged = acknowledged.len() as u64 + 1;
        self.facts.push(StepEvidence::RowsFound { acknowledged, found });
        if let Some(outage) = outage {
            self.facts.push(StepEvidence::ClientsWaited { outage: Outage { acknowledged, found: Some(found), ..outage } });
        }
        if found < acknowledged { Err(StepFailure::RowsMissing { acknowledged, found }) } else { Ok(()) }
    }

    /// The outage, and the rows that the meter had acknowledged; nothing without a meter. It has seen the end of the outage by now, or sees
    /// it with its next row.
    async fn measured(&mut self) -> Result<Option<(Option<Outage>, Option<Vec<u64>>)>, StepFailure> {
        loop {
            {
                let meter = self.meter.lock().unwrap_or_else(PoisonError::into_inner);
                let Some(meter) = &*meter else { return Ok(None) };
                let outage = meter.outage();
                // In an emergency nobody may know since when clients waited.
                let nothing = outage.is_none() && meter.writes();
                if nothing || outage.is_some_and(|outage| outage.first_write_at.is_some()) {
                    return Ok(Some((outage, meter.finish())));
                }
            }
            self.again(10, || Missing::Write).await?;
        }
    }

    /// How long clients waited for a move that was taken back. The old site takes writes by now, so the meter sees it within moments; what it
    /// has not seen by then is not waited for.
    pub(super) async fn note_outage(&mut self) {
        let patience = Deadline::after(Duration::from_secs(2));
        loop {
            let (outage, writes) = match &*self.meter.lock().unwrap_or_else(PoisonError::into_inner) {
                Some(meter) => (meter.outage(), meter.writes()),
                None => return,
            };
            if writes || patience.has_passed() || !self.context.wait(10).await {
                self.facts.extend(outage.map(|outage| StepEvidence::ClientsWaited { outage }));
                return;
            }
        }
    }

    /// Nobody in the old site accepts writes, as far as it can be asked.
    async fn nobody_else_writes(&mut self, side: Side) -> Result<(), StepFailure> {
        let SiteAnswers { writing, silent } = heard(self.context, side, super::LOOK_WITHIN).await;
        if !writing.is_empty() {
            return Err(StepFailure::SplitBrain);
        }
        self.facts.extend(silent.into_iter().map(|node| StepEvidence::Silent { node }));
        Ok(())
    }
}

/// The node whose log is the proof, or the one whose replay came to rest: the first that these facts name.
fn seen<'a>(facts: impl IntoIterator<Item = &'a StepEvidence>) -> Option<NodeName> {
    facts.into_iter().find_map(|fact| match fact {
        StepEvidence::ShutdownReplayed { node, .. } | StepEvidence::Rest { node, .. } => Some(node.clone()),
        _ => None,
    })
}

/// The event for the outage that a step has seen, if it has seen one.
pub(in crate::operate) fn outage_event(facts: &[StepEvidence]) -> Option<Event> {
    facts.iter().find_map(|fact| match fact {
        StepEvidence::ClientsWaited { outage } => Some(Event::OutageSeen { outage: *outage }),
        _ => None,
    })
}
