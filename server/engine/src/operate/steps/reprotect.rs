//! Wait until a site follows and the active one has its mirror.

use super::{StepExecution, ready};
use crate::{
    operate::context::{Deadline, trouble},
    ports::Position,
};
use std::time::Duration;
use switchback_domain::{
    LinkKind, LinkState, Lsn, Node, NodeName, Promotion, Side, Timeline,
    operation::{Missing, Operation, StepEvidence, StepFailure, StepRun},
};

/// A site that was told to follow and has no leader for so long is told whom to take: its members may stand in each other's way
/// (ENGINES.md, 9).
const ELECT_AFTER: Duration = Duration::from_secs(15);

impl StepExecution<'_> {
    /// Every node of the site streams the active site's timeline and has replayed what was written *afterwards*, and the active site has
    /// a mirror of its own. Lag as Patroni's `/cluster` has it is no proof.
    pub(super) async fn reprotect(&mut self, operation: &Operation, side: Side) -> Result<(), StepFailure> {
        let mut written: Option<(NodeName, Timeline, Lsn)> = None;
        let mut without_leader: Option<Deadline> = None;
        let mut elected = false;
        loop {
            let active: Vec<(&Node, Position)> = ready(self.context.positions(side.other()).await);
            let primary = active.iter().find(|(_, position)| !position.in_recovery);
            let following = ready(self.context.positions(side).await);
            if following.iter().any(|(_, position)| !position.in_recovery) && primary.is_some() {
                return Err(StepFailure::SplitBrain);
            }
            let streaming = |timeline: Timeline| {
                following.len() == self.context.nodes(side).len()
                    && following.iter().all(|(_, position)| position.streaming && position.timeline == Some(timeline))
            };
            if let Some((node, position)) = primary
                && let (Some(at), Some(timeline)) = (position.written, position.timeline)
            {
                match &written {
                    // A promotion in between makes every earlier figure worthless.
                    Some((_, before, _)) if *before != timeline => written = None,
                    // Noted only once everything streams, so that what is replayed up to it came by this stream.
                    None if streaming(timeline) => written = Some((node.name.clone(), timeline, at)),
                    _ => {}
                }
            }
            if let Some((primary_name, timeline, at)) = &written
                && streaming(*timeline)
                && following.iter().all(|(_, position)| position.replayed.is_some_and(|replayed| replayed >= *at))
            {
                let mirrors = primary.map(|(_, position)| position.synchronous.clone()).unwrap_or_default();
                let own = |name: &String| self.context.nodes(side.other()).iter().find(|node| node.name.as_str() == name.as_str());
                let mirror = mirrors.iter().find_map(own);
                if mirror.is_some() || self.context.nodes(side.other()).len() < 2 {
                    self.facts.push(StepEvidence::Written { node: primary_name.clone(), at: *at });
                    for (node, position) in &following {
                        if let Some(replayed) = position.replayed {
                            self.facts.push(StepEvidence::Follows { node: node.name.clone(), timeline: *timeline, replayed });
                        }
                    }
                    self.facts.extend(mirror.map(|node| StepEvidence::Mirror { node: node.name.clone() }));
                    return self.nothing_left_in_the_archive(operation, side, *timeline).await;
                }
                self.again(100, || Missing::Mirror).await?;
                continue;
            }
            let leaderless = self.context.leader(side).await.is_none();
            match (&without_leader, leaderless) {
                (None, true) => without_leader = Some(Deadline::after(ELECT_AFTER)),
                (Some(since), true) if since.has_passed() && !elected => {
                    elected = true;
                    self.elect(side, &following).await;
                }
                (_, false) => without_leader = None,
                _ => {}
            }
            let missing = || {
                let right = |node: &NodeName| {
                    let seen = following.iter().find(|(of, _)| of.name == *node);
                    seen.is_some_and(|(_, position)| {
                        position.streaming && primary.is_some_and(|(_, first)| first.timeline == position.timeline)
                    })
                };
                let names = self.context.nodes(side).iter().map(|node| node.name.clone());
                Missing::Nodes { nodes: names.filter(|node| !right(node)).collect() }
            };
            self.again(100, missing).await?;
        }
    }

    /// A timeline that the site has begun and that was given up has left files in the archive, under names that its next promotion uses
    /// again: the other site then takes the old history for the new one and does not start (seen with `PostgreSQL` 15: "requested timeline
    /// 2 is not a child of this server's history"), and nothing more is shipped. Nobody but a person can look there.
    async fn nothing_left_in_the_archive(&self, operation: &Operation, side: Side, now: Timeline) -> Result<(), StepFailure> {
        let picture = self.context.watched.picture();
        if picture.link(LinkKind::Archive).is_some_and(|link| link.state == LinkState::Off && link.knowledge.is_fresh()) {
            return Ok(());
        }
        let promotions = loop {
            match self.promotions(side).await {
                Ok(promotions) => break promotions,
                Err(error) if self.deadline.has_passed() => return Err(trouble(error)),
                Err(_) => self.again(200, || Missing::Answer).await?,
            }
        };
        let found = operation.steps.iter().flat_map(StepRun::every_fact);
        let timelines = beyond(&promotions, found, side, now);
        if timelines.is_empty() || operation.has_set_aside(side, &timelines) {
            return Ok(());
        }
        Err(StepFailure::TimelinesGivenUp { side, timelines })
    }

    /// Names the member that has most as the one to lead. What Patroni says to it is seen by the next look.
    async fn elect(&mut self, side: Side, seen: &[(&Node, Position)]) {
        let most = seen.iter().max_by_key(|(_, position)| (position.timeline, position.received.max(position.replayed)));
        let candidate = most.map(|(node, _)| *node).or_else(|| self.context.nodes(side).first());
        if let Some(node) = candidate
            && self.context.control.elect(node).await.is_ok()
        {
            self.facts.push(StepEvidence::Elected { node: node.name.clone() });
        }
    }
}

/// The timelines beyond the active site's that the following one has begun, by what its cluster remembers of its promotions and by what
/// this operation has found in its log.
fn beyond<'a>(promotions: &[Promotion], found: impl Iterator<Item = &'a StepEvidence>, side: Side, now: Timeline) -> Vec<Timeline> {
    let found = found.filter_map(|fact| match fact {
        StepEvidence::Diverged { side: of, timeline, .. } if *of == side => Some(*timeline),
        _ => None,
    });
    let begun = promotions.iter().map(|promotion| Timeline(promotion.parent.0 + 1));
    // It has gone through every number up to its last one.
    let last = begun.chain(found).max().unwrap_or(now);
    (now.0 + 1..=last.0).map(Timeline).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchback_domain::Lsn;

    fn promotion(parent: u32, at: u64) -> Promotion {
        Promotion { parent: Timeline(parent), switched_at: Lsn(at), at: None, leader: None }
    }

    #[test]
    fn only_timelines_beyond_the_active_one_are_given_up() {
        let now = Timeline(3);
        let numbers = |promotions: &[Promotion], found: &[StepEvidence]| -> Vec<u32> {
            let all = beyond(promotions, found.iter(), Side::B, now);
            all.into_iter().map(|timeline| timeline.0).collect()
        };
        assert_eq!(numbers(&[promotion(1, 10), promotion(2, 20)], &[]), [0; 0], "the active site has gone through both");
        assert_eq!(numbers(&[promotion(1, 10), promotion(2, 20), promotion(3, 30)], &[]), [4]);
        let diverged = |side, timeline| {
            let (fork, end) = (Lsn(30), Lsn(40));
            StepEvidence::Diverged { side, node: "b1".parse().expect("a name"), timeline: Timeline(timeline), fork, end, rows: None }
        };
        // Patroni forgets with its etcd what the log still says.
        assert_eq!(numbers(&[], &[diverged(Side::B, 5), diverged(Side::B, 3), diverged(Side::A, 6)]), [4, 5]);
        assert_eq!(numbers(&[promotion(3, 30)], &[diverged(Side::B, 4)]), [4]);
    }
}
