//! See that exactly one node of the pool writes.

use super::{StepExecution, silence::heard};
use switchback_domain::{
    Side,
    operation::{Missing, Operation, StepEvidence, StepFailure},
};

impl StepExecution<'_> {
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
}
