//! Say what is known of a site that is given up.

use super::{LOOK_WITHIN, StepExecution, silence::within};
use crate::ports::ClusterMode;
use futures::future::{join, join_all, join3};
use std::time::Duration;
use switchback_domain::{
    Millis, NodeName, NodePicture, NodeRole, NodeState, Picture, Protection, Side, SiteRole,
    operation::{Intent, Operation, StepEvidence, StepFailure},
};

/// How long a site that has been silent for long is asked once more for what it has to say.
const SILENT_WITHIN: Duration = Duration::from_millis(300);

impl StepExecution<'_> {
    /// What is known of a site that is given up, and what will probably be lost.
    pub(super) async fn assess(&mut self, operation: &Operation, side: Side) -> Result<(), StepFailure> {
        let before = self.context.watched.picture();
        // A site that has been silent for long is not waited for once more: clients are.
        let patience = if before.sites[side].role == SiteRole::Silent { SILENT_WITHIN } else { LOOK_WITHIN };
        let told = self.context.nodes(side).iter().map(|node| tokio::time::timeout(patience, self.context.control.cluster_mode(node)));
        let (picture, told) = join(self.context.watched.look_now(patience), join_all(told)).await;
        for endpoint in &picture.sites[side].endpoints {
            self.facts.push(StepEvidence::Answer {
                endpoint: endpoint.name.clone(),
                failure: endpoint.failure.as_ref().map(|(cause, _)| cause.clone()),
            });
        }
        let witnesses = picture.sites[side].witnesses.iter().cloned();
        self.facts.extend(witnesses.map(|witness| StepEvidence::Witnessed { side, witness }));
        self.note_leaders(&picture);
        if told.iter().any(|told| matches!(told, Ok(Ok(ClusterMode::Standby)))) {
            self.facts.push(StepEvidence::FollowedBefore { side });
        }
        if matches!(operation.plan.intent, Intent::Resolve { .. }) {
            return self.split_goes_on(operation, side, picture).await;
        }
        // Nobody was heard to lead it when the plan was seen, and now it serves: that is another situation than the one that was decided about.
        let lost = operation.plan.leaders.iter().any(|(of, leader, _)| *of == side && leader.is_none());
        let serves = |node: &&NodePicture| node.state == NodeState::AcceptingWrites && node.knowledge.is_fresh();
        let nodes: Vec<NodeName> = picture.sites[side].nodes.iter().filter(serves).map(|node| node.name.clone()).collect();
        if lost && !nodes.is_empty() {
            return Err(StepFailure::StillWrites { nodes });
        }
        let loss = expected_loss(side, &picture, &before, &operation.plan.loss);
        let age = loss.measured_at.map(|at| Millis::between(at, self.context.clock.now()));
        self.facts.push(StepEvidence::ExpectedLoss { bytes: loss.loss_bytes, time: loss.loss, age });
        Ok(())
    }

    /// Both sites write still, so that one of them can be stopped: whoever is to go on does so by the word of one of its nodes, and nobody
    /// has told it to stop; and the other one was not stopped by somebody else meanwhile.
    async fn split_goes_on(&mut self, operation: &Operation, side: Side, picture: Picture) -> Result<(), StepFailure> {
        let keep = side.other();
        let told = join_all(self.context.nodes(keep).iter().map(|node| within(self.context.control.cluster_mode(node))));
        let (writing, told, other) =
            join3(self.context.writing(keep, LOOK_WITHIN), told, self.context.heard_positions(side, LOOK_WITHIN)).await;
        let stops = told.iter().any(|told| matches!(told, Some(Ok(ClusterMode::Standby | ClusterMode::Held))));
        let stopped = other.iter().all(|(_, answer)| matches!(answer, Some(Ok(position)) if position.in_recovery));
        if writing.is_empty() || stops || (stopped && !operation.is_past_no_return()) {
            return Err(StepFailure::SituationChanged { checks: Vec::new(), findings: picture.findings });
        }
        self.note_apart(side).await;
        Ok(())
    }
}

/// What would be lost with a site, by the newest figures that there are. A look that the site does not answer has none of its own, and calls
/// older answers older than they are; then those from before it count, and at last those that somebody has accepted with the plan. What is
/// given up by going back where nobody writes stands in the plan only.
fn expected_loss<'a>(side: Side, look: &'a Picture, before: &'a Picture, planned: &'a Protection) -> &'a Protection {
    let wrote = |node: &&NodePicture| node.role == NodeRole::Primary;
    let answers = look.sites[side].nodes.iter().find(wrote).is_some_and(|node| node.knowledge.is_fresh());
    let has_figures = |loss: &&Protection| loss.loss_bytes.is_some() || loss.loss.is_some();
    if before.active.is_none() && before.target == side {
        return planned;
    }
    let newest = [Some(&look.protection).filter(|_| answers), Some(&before.protection), Some(planned)];
    newest.into_iter().flatten().find(has_figures).unwrap_or(&before.protection)
}
