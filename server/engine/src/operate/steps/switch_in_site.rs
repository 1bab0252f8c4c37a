//! Make the mirror of a site its leader.

use super::{StepExecution, ready};
use crate::{operate::context::trouble, ports::ControlError};
use switchback_domain::{
    Millis, Node, PatroniState, Side,
    operation::{Missing, Operation, OrderKind, StepEvidence, StepFailure},
};

impl StepExecution<'_> {
    /// Makes the mirror of a site its leader; the other site has to go on following.
    pub(super) async fn switch_in_site(&mut self, operation: &Operation, side: Side) -> Result<(), StepFailure> {
        let planned = operation.plan.leaders.iter().find(|(of, ..)| *of == side).and_then(|(_, node, _)| node.clone());
        let Some((leader, status)) = self.context.leader(side).await else { return Err(StepFailure::NoLeader { side }) };
        let leader = leader.clone();
        // An earlier attempt has done it when somebody else leads than when the plan was made.
        let again = operation.steps.iter().any(|run| run.attempts > 1);
        let done = planned.filter(|planned| again && *planned != leader.name);
        if done.is_none() {
            let candidate = self.candidate(side, &leader).await?;
            // Patroni answers only when it is done, which may take longer than anybody waits; without an answer it is looked at.
            let context = self.context;
            let told = context.control.switch_in_site(&leader, &candidate);
            if let Err(error @ (ControlError::Refused { .. } | ControlError::NotSent { .. })) =
                self.order(OrderKind::SwitchInSite, told).await
            {
                return Err(trouble(error));
            }
        }
        let writes = status.may_write();
        let before = done.unwrap_or_else(|| leader.name.clone());
        loop {
            if let Some((node, status)) = self.context.leader(side).await
                && node.name != before
                && status.state == PatroniState::Running
                && let Ok(position) = self.context.control.position(node).await
                && position.in_recovery != writes
            {
                self.facts.push(StepEvidence::Leader { side, node: node.name.clone(), timeline: position.timeline });
                return Ok(());
            }
            self.again(50, || Missing::Primary).await?;
        }
    }

    /// The synchronous mirror, or in a standby site the other node that has most.
    async fn candidate(&self, side: Side, leader: &Node) -> Result<Node, StepFailure> {
        let position = self.context.control.position(leader).await.map_err(trouble)?;
        let others = ready(self.context.positions(side).await);
        let others = others.iter().filter(|(node, _)| node.name != leader.name);
        let best = if position.in_recovery {
            others.max_by_key(|(_, position)| position.replayed).map(|(node, _)| (*node).clone())
        } else {
            others.map(|(node, _)| *node).find(|node| position.synchronous.iter().any(|name| name == node.name.as_str())).cloned()
        };
        best.ok_or(StepFailure::TooLate { after: Millis(0), missing: Missing::Mirror })
    }
}
