//! A checkpoint before the demotion, and the question of the proof once before clients wait for its answer.

use super::{StepExecution, facts::noted_position};
use crate::operate::context::{Deadline, trouble};
use std::time::Duration;
use switchback_domain::{
    NodeName, Side,
    operation::{Missing, Operation, StepEvidence, StepFailure},
};

/// How long the question of the proof may take to be answered before the demotion. The proof itself has eight seconds, in which clients wait.
const PROOF_ANSWERS: Duration = Duration::from_secs(5);

impl StepExecution<'_> {
    /// A checkpoint now makes the one at shutdown small.
    pub(super) async fn checkpoint(&mut self, operation: &Operation, side: Side) -> Result<(), StepFailure> {
        self.rehearse_proof(operation, side).await?;
        let Some((node, _)) = self.context.leader(side).await else { return Err(StepFailure::NoLeader { side }) };
        let took = self.context.control.checkpoint(node).await.map_err(trouble)?;
        self.facts.push(StepEvidence::Checkpoint { node: node.name.clone(), took });
        Ok(())
    }

    /// Asks the question of the proof once before clients wait for its answer. A right or an extension that is missing in the other site,
    /// or a log that does not arrive there, would otherwise be found after the demotion.
    async fn rehearse_proof(&mut self, operation: &Operation, from: Side) -> Result<(), StepFailure> {
        let names: Vec<&NodeName> = self.context.nodes(from).iter().map(|node| &node.name).collect();
        let Some(noted) = noted_position(operation, &names) else { return Err(StepFailure::NoLeader { side: from }) };
        let until = Deadline::after(PROOF_ANSWERS);
        loop {
            let trouble = match self.context.leader(from.other()).await {
                Some((node, _)) => match self.context.control.log_end(node, noted).await {
                    Ok(end) if end.record.is_some() => return Ok(()),
                    Ok(_) => until.missed(Missing::Replay),
                    // Also when nothing of what was written since has arrived.
                    Err(error) => trouble(error),
                },
                None => StepFailure::NoLeader { side: from.other() },
            };
            if until.has_passed() {
                return Err(trouble);
            }
            self.again(50, || Missing::Replay).await?;
        }
    }
}
