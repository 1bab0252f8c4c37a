//! Wait until what was received is replayed.

use super::StepExecution;
use crate::operate::context::Deadline;
use std::time::Duration;
use switchback_domain::{
    Side,
    operation::{Missing, Operation, StepEvidence, StepFailure},
};

impl StepExecution<'_> {
    /// Waits until replay has come to rest. Equality with what was received is not to be had: a partial page may stay.
    pub(super) async fn settle(&mut self, operation: &Operation, side: Side) -> Result<(), StepFailure> {
        let patience = Deadline::after(Duration::from_secs(2));
        let (mut last, mut same) = (None, 0_u32);
        let mut leader = None;
        loop {
            if leader.is_none() {
                leader = self.context.leader(side).await.map(|(node, _)| node.clone());
            }
            let Some(node) = leader.clone() else {
                self.again(20, || Missing::Replay).await?;
                continue;
            };
            let Ok(position) = self.context.control.position(&node).await else {
                // It may have moved.
                leader = None;
                self.again(20, || Missing::Replay).await?;
                continue;
            };
            if !position.in_recovery {
                // Promoted by an earlier attempt, or by somebody else.
                return self.last_look(side.other()).await;
            }
            let replayed = position.replayed;
            same = if last == Some(replayed) { same + 1 } else { 0 };
            last = Some(replayed);
            // A stream that goes on means that the old primary lives; waiting for it to end could last for ever.
            if let Some(replayed) = replayed
                && (same >= 3 || patience.has_passed())
            {
                self.facts.push(StepEvidence::Rest { node: node.name.clone(), received: position.received, replayed });
                if let Ok(rows) = self.context.control.rows(&node, operation.id).await
                    && let Some(last_write_at) = rows.heartbeat_at
                {
                    self.facts.push(StepEvidence::LastHeartbeat { node: node.name, at: last_write_at });
                }
                self.last_look(side.other()).await?;
                return self.still_off(operation, side.other());
            }
            self.again(15, || Missing::Replay).await?;
        }
    }

    /// Where the site was given up on somebody's word alone, nobody has seen a sign of life of it since.
    fn still_off(&self, operation: &Operation, given_up: Side) -> Result<(), StepFailure> {
        let by_word = operation.steps.iter().flat_map(|run| &run.facts).any(|fact| matches!(fact, StepEvidence::Attested { .. }));
        let witnesses = if by_word { self.seen_alive_since(operation, given_up) } else { Vec::new() };
        if witnesses.is_empty() { Ok(()) } else { Err(StepFailure::SeenAlive { side: given_up, witnesses }) }
    }
}
