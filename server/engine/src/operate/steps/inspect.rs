//! Look whether a returning site has a history of its own.

use super::{
    StepExecution,
    lineages::{Parting, Seen},
};
use crate::ports::Lineage;
use futures::future::{join, join_all};
use switchback_domain::{
    Node, Side,
    operation::{StepEvidence, StepFailure},
};

impl StepExecution<'_> {
    /// What only the returning site has, and whether its history is one with the active site's. Nothing is changed by it.
    pub(super) async fn inspect(&mut self, side: Side) -> Result<(), StepFailure> {
        let seen = self.lineages(side).await?;
        for (node, parting) in &seen.partings {
            match parting {
                Parting::Collided { timeline, active_left_at, returning_left_at } => {
                    let (timeline, active_left_at, returning_left_at) = (*timeline, *active_left_at, *returning_left_at);
                    let fact = StepEvidence::Collided { side, timeline, active_left_at, returning_left_at };
                    if !self.facts.contains(&fact) {
                        self.facts.push(fact);
                    }
                }
                Parting::Silent | Parting::Unreadable { .. } => self.facts.push(StepEvidence::Silent { node: node.clone() }),
                Parting::Beyond | Parting::None => {}
            }
        }
        if !self.facts.iter().any(|fact| matches!(fact, StepEvidence::Collided { .. } | StepEvidence::Silent { .. })) {
            self.facts.push(StepEvidence::HistoriesAgree { timeline: seen.common });
        }
        // It has to be made anew, and what has to be removed for that is asked while it can still be said.
        if self.facts.iter().any(|fact| matches!(fact, StepEvidence::Collided { .. })) {
            let asked =
                join_all(self.context.nodes(side).iter().map(async |node| (node, self.context.control.data_directory(node).await))).await;
            let said = asked
                .into_iter()
                .filter_map(|(node, path)| Some(StepEvidence::DataDirectory { node: node.name.clone(), path: path.ok()? }));
            self.facts.extend(said);
        }
        // Its nodes hold the same log up to where each got, so the one that got furthest has everything.
        if let Some((node, timeline, fork, end)) = seen.furthest {
            self.facts.push(StepEvidence::Diverged { side, node, timeline, fork, end, rows: None });
        }
        Ok(())
    }

    /// What only one of two sites that both write has, as far as both say where they come from: for people to know before it is stopped.
    pub(super) async fn note_apart(&mut self, side: Side) {
        let (kept, other) = join(self.heard_lineages(side.other()), self.heard_lineages(side)).await;
        let Some((_, primary)) = kept.iter().find(|(_, lineage)| !lineage.in_recovery) else { return };
        let own = self.promoted_itself(side).await.unwrap_or_default();
        if let Some((node, timeline, fork, end)) = Seen::of(self.context.nodes(side), primary, &other, own.as_ref()).furthest {
            self.facts.push(StepEvidence::Diverged { side, node, timeline, fork, end, rows: None });
        }
    }

    async fn heard_lineages(&self, side: Side) -> Vec<(&Node, Lineage)> {
        let told = tokio::time::timeout(super::LOOK_WITHIN, self.told_lineages(side)).await.unwrap_or_default();
        told.into_iter().filter_map(|(node, lineage)| Some((node, lineage.ok()?))).collect()
    }
}
