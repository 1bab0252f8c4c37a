//! Make sure that a site is told to follow.

use super::{StepExecution, lineages::Parting};
use crate::operate::context::trouble;
use futures::future::{join, join_all};
use switchback_domain::{
    Side,
    operation::{Operation, StepEvidence, StepFailure},
};

impl StepExecution<'_> {
    /// Makes sure that the site is told to follow. Never a site with a history of its own: Patroni compares the numbers of timelines only,
    /// would not rewind it, and its log would be overwritten (ENGINES.md, 4). And never the only site that writes.
    pub(super) async fn follow(&mut self, operation: &Operation, number: usize, side: Side) -> Result<(), StepFailure> {
        if self.nothing_runs(side).await {
            // Machines that are only starting again have their old data. That it is gone is said by whoever was told how to remove it.
            let told = operation.steps[number].earlier.iter().any(|attempt| matches!(attempt.trouble, Some(StepFailure::Collision { .. })));
            if let Some(collision) = found_collision(operation, side).filter(|_| !told) {
                return Err(collision);
            }
            // It is being made anew: whoever starts its Patroni next must not start a primary, and needs somebody to copy from.
            for etcd in &self.context.pool.sites[side].etcd {
                self.context.control.follow_in_etcd(etcd, side).await.map_err(trouble)?;
            }
            if let Some(node) = self.context.nodes(side).first() {
                self.facts.push(StepEvidence::Stored { side, node: node.name.clone(), follows: true, already: false });
            }
            return Ok(());
        }
        let seen = self.lineages(side).await?;
        for (_, parting) in seen.partings {
            match parting {
                Parting::Collided { timeline, active_left_at, returning_left_at } => {
                    return Err(StepFailure::Collision { timeline, active_left_at, returning_left_at });
                }
                Parting::Unreadable { endpoint } => {
                    let said = "the history file of its timeline is not there, so that nobody knows whether it has a history of its own";
                    return Err(StepFailure::Refused { endpoint, said: said.to_owned() });
                }
                // A node that is silent is rewound or made anew by its own site's leader when it comes.
                Parting::None | Parting::Beyond | Parting::Silent => {}
            }
        }
        let leader = self.context.leader(side).await.map(|(node, _)| node.name.clone());
        self.store(side, true, leader.as_ref(), true).await
    }

    /// Nothing of the site answers, and the site's own etcd says that no Patroni is registered there any more: its members' keys end with their
    /// lease. That connections are refused says nothing, because a firewall refuses them too, and what is only hidden behind one has its rows.
    async fn nothing_runs(&self, side: Side) -> bool {
        let (statuses, positions) = join(self.context.statuses(side), self.context.positions(side)).await;
        if statuses.iter().any(|(_, status)| status.is_ok()) || positions.iter().any(|(_, position)| position.is_ok()) {
            return false;
        }
        let site = &self.context.pool.sites[side];
        let told = join_all(site.etcd.iter().map(|etcd| self.context.control.members_in_etcd(etcd))).await;
        told.iter().any(|told| matches!(told, Ok(members) if members.is_empty()))
            && told.iter().all(|told| told.as_ref().map_or(true, Vec::is_empty))
    }
}

/// What an inspection of this operation has found: the site has a history of its own.
fn found_collision(operation: &Operation, side: Side) -> Option<StepFailure> {
    operation.steps.iter().rev().flat_map(|run| &run.facts).find_map(|fact| match fact {
        StepEvidence::Collided { side: of, timeline, active_left_at, returning_left_at } if *of == side => {
            Some(StepFailure::Collision { timeline: *timeline, active_left_at: *active_left_at, returning_left_at: *returning_left_at })
        }
        _ => None,
    })
}
