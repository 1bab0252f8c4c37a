//! Make the active site a standby, and make it lead again.

use super::{
    LOOK_WITHIN, StepExecution, ready,
    silence::{FENCE_WITHIN, SLOW_WITHIN, WriteState, answers_of},
};
use crate::{
    operate::context::{Deadline, trouble},
    ports::{ClusterMode, PatroniStatus},
    time::millis,
};
use futures::future::{join, join_all};
use std::time::Duration;
use switchback_domain::{
    Node, NodeName, Side,
    operation::{Missing, Operation, Step, StepEvidence, StepFailure},
};

/// A site that is told to lead again does so when one of its nodes has written for so long: longer than Patroni takes to begin a demotion.
const LEADS_FOR: Duration = Duration::from_secs(1);

impl StepExecution<'_> {
    /// Makes the active site's cluster a standby. From the answer on the fence is stored in that site itself.
    pub(super) async fn demote(&mut self, operation: &Operation, number: usize, side: Side) -> Result<(), StepFailure> {
        if self.hints.confirms {
            return self.still_demoted(side).await;
        }
        let leader = self.context.leader(side).await.map(|(node, _)| node.clone());
        let told = match &leader {
            // Patroni tells what its last round saw; what nobody has ordered is not there.
            Some(node) if operation.steps[number].attempts > 1 => {
                matches!(self.context.control.cluster_mode(node).await, Ok(ClusterMode::Standby))
            }
            _ => false,
        };
        // Since the first look people may have drained members for minutes. This look costs nobody a write yet.
        if !told {
            self.preflight(operation).await?;
            if let Some(node) = &leader {
                self.link_carries(node, side.other()).await?;
            }
        }
        if let Some(node) = &leader
            && let Ok(position) = self.context.control.position(node).await
            && let Some(at) = position.written
        {
            self.facts.push(StepEvidence::Written { node: node.name.clone(), at });
        }
        self.store(side, true, leader.as_ref().map(|node| &node.name), told).await
    }

    /// The site was demoted, and time has passed since, or somebody else has acted. Whoever made it lead again has decided otherwise; where
    /// nobody has, it is told once more, because an order to lead may still be on its way.
    pub(super) async fn still_demoted(&mut self, side: Side) -> Result<(), StepFailure> {
        if !self.context.writing(side, LOOK_WITHIN).await.is_empty() {
            return Err(StepFailure::SituationChanged { checks: Vec::new(), findings: Vec::new() });
        }
        let leader = self.context.leader(side).await.map(|(node, _)| node.name.clone());
        self.store(side, true, leader.as_ref(), false).await
    }

    /// What the primary has written by now arrives in the other site within moments. A link that has just been cut shows here, where
    /// giving up costs nobody anything, and not while clients wait.
    async fn link_carries(&self, primary: &Node, to: Side) -> Result<(), StepFailure> {
        let patience = Deadline::after(Duration::from_secs(3));
        let written = self.context.control.position(primary).await.map_err(trouble)?.written;
        loop {
            for (_, position) in self.context.positions(to).await {
                if position.is_ok_and(|position| written.is_some() && position.replayed >= written) {
                    return Ok(());
                }
            }
            if patience.has_passed() {
                return Err(patience.missed(Missing::Replay));
            }
            self.again(20, || Missing::Replay).await?;
        }
    }

    /// Takes a demotion back, and notes how long clients have waited for it.
    pub(super) async fn undo_demote(&mut self, operation: &Operation, side: Side) -> Result<(), StepFailure> {
        self.lead_again(operation, side).await?;
        self.note_outage().await;
        Ok(())
    }

    /// The old active site leads again. Only ever before the point of no return, when nobody else was told to lead by
    /// this operation; and not when somebody else has told the other site to: then two would.
    ///
    /// Silence of the other site says nothing about who leads it. Whoever has driven the operation until here without a break has heard it
    /// follow a moment ago; else somebody may have promoted it meanwhile, and a person has to say that it is off.
    pub(super) async fn lead_again(&mut self, operation: &Operation, side: Side) -> Result<(), StepFailure> {
        self.may_lead_again(operation, side).await?;
        self.order_to_lead_again(side).await
    }

    /// Nobody leads the other site, as far as that must be known before a site is made to lead again.
    pub(super) async fn may_lead_again(&mut self, operation: &Operation, side: Side) -> Result<(), StepFailure> {
        let other = side.other();
        let heard = if promotion_tried(operation) {
            // It said no to that. Whoever was told after all leads within moments; and as long as nobody can read what the site is told, that
            // its servers do not write yet says nothing of what they are about to do.
            let watched = Deadline::after(LEADS_FOR);
            loop {
                if !self.hears_no_leader(other, ByConfiguration::Only, FENCE_WITHIN).await? {
                    break false;
                }
                if watched.has_passed() {
                    break true;
                }
                if !self.context.wait(100).await {
                    return Err(StepFailure::Interrupted);
                }
            }
        } else {
            // Whoever only answers late is heard before somebody is asked.
            self.hears_no_leader(other, ByConfiguration::OrByServers, FENCE_WITHIN).await?
                || self.hints.unbroken
                || operation.undo_attested().is_none() && self.hears_no_leader(other, ByConfiguration::OrByServers, SLOW_WITHIN).await?
        };
        if !heard {
            let Some((by, how)) = operation.undo_attested() else {
                let unreached = self.context.nodes(other).iter().flat_map(|node| [node.patroni.clone(), node.postgres.clone()]).collect();
                return Err(StepFailure::NotFenced { side: other, unreached, within: Some(millis(SLOW_WITHIN)) });
            };
            self.facts.push(StepEvidence::Attested { by, how });
        }
        Ok(())
    }

    async fn order_to_lead_again(&mut self, side: Side) -> Result<(), StepFailure> {
        let from = self.context.watched.picture().sites[side].nodes.iter().filter_map(|node| node.timeline).max();
        let leader = self.context.leader(side).await.map(|(node, _)| node.name.clone());
        // Patroni would tell what its last round saw, which may be older than the demotion.
        self.store(side, false, leader.as_ref(), false).await?;
        let mut since: Option<(NodeName, Deadline)> = None;
        loop {
            let statuses = self.context.statuses(side).await;
            let leads = |name: &NodeName| {
                let said = statuses.iter().find(|(node, _)| node.name == *name);
                said.is_some_and(|(_, status)| status.as_ref().is_ok_and(PatroniStatus::may_write))
            };
            let writable =
                ready(self.context.positions(side).await).into_iter().find(|(node, position)| !position.in_recovery && leads(&node.name));
            match (writable, &since) {
                (Some((node, position)), Some((name, lasted))) if node.name == *name => {
                    if lasted.has_passed() {
                        let to = position.timeline.unwrap_or(switchback_domain::Timeline(0));
                        self.facts.push(StepEvidence::Promoted {
                            node: name.clone(),
                            from: from.filter(|from| *from < to),
                            to,
                            at: position.written,
                        });
                        return Ok(());
                    }
                }
                // A demotion that has begun is carried through: what writes in this moment may be just about to stop.
                (Some((node, _)), _) => since = Some((node.name.clone(), Deadline::after(LEADS_FOR))),
                (None, _) => since = None,
            }
            if self.deadline.has_passed() {
                return Err(self.deadline.missed(Missing::Primary));
            }
            if !self.context.wait(20).await {
                return Err(StepFailure::Interrupted);
            }
        }
    }

    /// A site says that it is not told to lead and that nobody in it writes; false when nothing of it is heard. Whoever leads, or is told to,
    /// is another situation.
    async fn hears_no_leader(&self, side: Side, by: ByConfiguration, limit: Duration) -> Result<bool, StepFailure> {
        let told =
            join_all(self.context.nodes(side).iter().map(|node| tokio::time::timeout(limit, self.context.control.cluster_mode(node))));
        let (answers, told) = join(answers_of(self.context, side, limit), told).await;
        let leads = told.iter().any(|told| matches!(told, Ok(Ok(ClusterMode::Primary))));
        if leads || answers.iter().any(|answers| answers.write_state(true) == WriteState::Writes) {
            return Err(StepFailure::SituationChanged { checks: Vec::new(), findings: Vec::new() });
        }
        let follows = told.iter().any(|told| matches!(told, Ok(Ok(ClusterMode::Standby | ClusterMode::Held))));
        let shut = || by == ByConfiguration::OrByServers && answers.iter().any(|answers| answers.write_state(true) == WriteState::ReadOnly);
        Ok(follows || shut())
    }
}

/// What proves that a site is not about to lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ByConfiguration {
    /// Only that its configuration tells it to follow, or holds it.
    Only,
    /// Also that one of its servers does not write.
    OrByServers,
}

/// The other site was to lead, and every order to do so was refused.
fn promotion_tried(operation: &Operation) -> bool {
    let mut promotions = operation.plan.steps.iter().zip(&operation.steps).filter(|(step, _)| matches!(step, Step::Promote { .. }));
    promotions.any(|(_, run)| run.attempts > 0)
}
