//! What earlier steps have noted.

use super::StepExecution;
use switchback_domain::{
    Lsn, NodeName, Picture, Side,
    operation::{Operation, StepEvidence, StepState},
};

/// Where the old primary's log stood at the last look before it was told to stop: from the newest step that noted it.
pub(super) fn noted_position(operation: &Operation, names: &[&NodeName]) -> Option<Lsn> {
    operation.steps.iter().rev().flat_map(|run| run.facts.iter().rev()).find_map(|fact| match fact {
        StepEvidence::Written { node, at } if names.contains(&node) => Some(*at),
        _ => None,
    })
}

/// The timeline that the active site's leader had when the operation looked first.
pub(super) fn noted_timeline(operation: &Operation, of: Side) -> Option<switchback_domain::Timeline> {
    let seen = operation.steps.iter().filter(|run| matches!(run.state, StepState::Done | StepState::Running)).flat_map(|run| &run.facts);
    let mut noted = seen.filter_map(|fact| match fact {
        StepEvidence::Leader { side, timeline, .. } if *side == of => *timeline,
        _ => None,
    });
    noted.next().or_else(|| {
        let planned = operation.plan.leaders.iter().find(|(side, ..)| *side == of);
        planned.and_then(|(_, _, timeline)| *timeline)
    })
}

impl StepExecution<'_> {
    pub(super) fn note_leaders(&mut self, picture: &Picture) {
        for side in Side::BOTH {
            if let Some(leader) = &picture.sites[side].leader {
                let timeline = picture.node(leader).and_then(|(_, node)| node.timeline);
                self.facts.push(StepEvidence::Leader { side, node: leader.clone(), timeline });
            }
        }
    }
}
