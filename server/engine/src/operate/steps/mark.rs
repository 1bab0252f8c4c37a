//! Write a marker row, and begin to measure the outage.

use super::StepExecution;
use crate::operate::{context::trouble, meter::Meter};
use std::sync::PoisonError;
use switchback_domain::{
    Side,
    operation::{Operation, StepEvidence, StepFailure},
};

impl StepExecution<'_> {
    /// The marker row, where the log stands, and the outage meter.
    pub(super) async fn mark(&mut self, operation: &Operation, side: Side) -> Result<(), StepFailure> {
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
}
