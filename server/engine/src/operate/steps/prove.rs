//! Wait for the proof that the other site has everything.

use super::{
    StepExecution,
    facts::{noted_position, noted_timeline},
};
use crate::ports::{LogEnd, PatroniStatus};
use switchback_domain::{
    NodeName, Side,
    operation::{Missing, Operation, StepEvidence, StepFailure},
};

impl StepExecution<'_> {
    /// Waits for the proof. All of it at once: the last record in the other site's log is the old primary's shutdown checkpoint, it is
    /// replayed to its end, the timeline there has not changed, and the old site's own members say that none of them is primary.
    pub(super) async fn prove(&mut self, operation: &Operation, from: Side, to: Side) -> Result<(), StepFailure> {
        let names: Vec<&NodeName> = self.context.nodes(from).iter().map(|node| &node.name).collect();
        // Behind everything that was written later: without it there is nothing to prove from.
        let Some(noted) = noted_position(operation, &names) else { return Err(StepFailure::NoLeader { side: from }) };
        let timeline = noted_timeline(operation, from);
        let mut target = None;
        loop {
            if target.is_none() {
                target = self.context.leader(to).await.map(|(node, _)| node.clone());
            }
            let Some(node) = &target else {
                self.again(20, || Missing::ShutdownCheckpoint { last_record: None }).await?;
                continue;
            };
            let end = self.context.control.log_end(node, noted).await;
            if matches!(&end, Ok(end) if !end.in_recovery) {
                // Somebody else has made it lead.
                return Err(StepFailure::SituationChanged { checks: Vec::new(), findings: Vec::new() });
            }
            let (seen, missing) = match &end {
                Ok(end) => judged(&node.name, end, timeline),
                Err(_) => (None, Missing::ShutdownCheckpoint { last_record: None }),
            };
            // The old site is left alone while it stops: each question would take its Patroni's time from just that.
            let statuses = if seen.is_some() { self.context.statuses(from).await } else { Vec::new() };
            let silent = statuses.iter().any(|(_, status)| status.is_err());
            let still = statuses.iter().any(|(_, status)| status.as_ref().is_ok_and(PatroniStatus::may_write));
            // A member of the old site that does not answer may be a primary; the one that was it has to say itself that it is not.
            let gone: Vec<_> =
                statuses.iter().filter_map(|(node, status)| Some((node.name.clone(), status.as_ref().ok()?.said.clone()))).collect();
            match seen {
                Some(fact) if !still && (!silent || old_primary_spoke(operation, &gone)) => {
                    self.facts.push(fact);
                    self.facts.extend(gone.into_iter().map(|(node, said)| StepEvidence::NoLongerPrimary { node, said }));
                    return Ok(());
                }
                Some(_) => self.again(10, || Missing::OldPrimaryGone).await?,
                None => {
                    if end.is_err() {
                        // It may have moved.
                        target = None;
                    }
                    self.again(10, || missing).await?;
                }
            }
        }
    }
}

/// The proof, or what is missing to it.
fn judged(node: &NodeName, end: &LogEnd, timeline: Option<switchback_domain::Timeline>) -> (Option<StepEvidence>, Missing) {
    let missing = || Missing::ShutdownCheckpoint { last_record: end.kind.clone() };
    let (Some(record), Some(last), Some(replayed), Some(now)) = (end.record, end.end, end.replayed, end.timeline) else {
        return (None, missing());
    };
    if !end.in_recovery || !end.ends_in_shutdown || timeline.is_some_and(|before| before != now) {
        return (None, missing());
    }
    if last != replayed {
        return (None, Missing::Replay);
    }
    (Some(StepEvidence::ShutdownReplayed { node: node.clone(), record, end: last, timeline: now }), Missing::OldPrimaryGone)
}

/// The node that was primary when it was told to stop is among those that say they are not.
fn old_primary_spoke(operation: &Operation, gone: &[(NodeName, String)]) -> bool {
    let written = operation.steps.iter().rev().flat_map(|run| &run.facts).find_map(|fact| match fact {
        StepEvidence::Written { node, .. } => Some(node),
        _ => None,
    });
    written.is_some_and(|was| gone.iter().any(|(node, _)| node == was))
}
