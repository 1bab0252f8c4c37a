//! Making a site follow again, and moving the leadership within a site.

use super::Run;
use crate::{
    operate::scene::{Deadline, trouble},
    ports::{HandError, Position},
};
use std::time::Duration;
use switchback_domain::{
    Lsn, Millis, Node, NodeName, PatroniState, Promotion, Side, Timeline,
    operation::{Fact, Missing, Operation, Trouble},
};

/// A site that was told to follow and has no leader for so long is told whom to take: its members may stand in each other's way
/// (operations.md, gotcha 7).
const ELECT_AFTER: Duration = Duration::from_secs(15);

/// A returning member may still start: its history is waited for.
const HISTORY_WITHIN: Duration = Duration::from_secs(20);

impl Run<'_> {
    /// Whether the returning site has a history of its own: the same timeline left at two places means that neither following nor
    /// promoting may be used there any more.
    pub(super) async fn inspect(&mut self, side: Side) -> Result<(), Trouble> {
        let patience = Deadline::after(HISTORY_WITHIN);
        loop {
            let (active, returning) = (self.longest_history(side.other()).await, self.longest_history(side).await);
            if let (Some(active), Some(returning)) = (&active, &returning) {
                if let Some(collision) = collision(active, returning) {
                    return Err(collision);
                }
                // Nothing at all may also mean that the site's etcd was rebuilt; then its timeline has to tell.
                if !returning.is_empty() || patience.has_passed() || active.is_empty() {
                    let timeline = returning.iter().map(|promotion| promotion.parent).max();
                    self.facts.push(Fact::HistoriesAgree { timeline });
                    return Ok(());
                }
            }
            if patience.has_passed() && active.is_none() {
                return Err(Trouble::NoLeader { side: side.other() });
            }
            if patience.has_passed() {
                return Err(Trouble::NoLeader { side });
            }
            self.again(200, || Missing::Answer).await?;
        }
    }

    /// The longest list of promotions that a member of the site tells.
    async fn longest_history(&self, side: Side) -> Option<Vec<Promotion>> {
        let mut longest = None;
        for node in self.scene.nodes(side) {
            if let Ok(history) = self.scene.hands.history(node).await
                && longest.as_ref().is_none_or(|before: &Vec<Promotion>| history.len() > before.len())
            {
                longest = Some(history);
            }
        }
        longest
    }

    /// Makes sure that the site is told to follow.
    pub(super) async fn follow(&mut self, side: Side) -> Result<(), Trouble> {
        let leader = self.scene.leader(side).await.map(|(node, _)| node.name.clone());
        self.store(side, true, leader.as_ref(), true).await
    }

    /// Every node of the site streams the active site's timeline and has replayed what was written *afterwards*, and the active site has
    /// a mirror of its own. Lag as Patroni's `/cluster` has it is no proof.
    pub(super) async fn reprotect(&mut self, side: Side) -> Result<(), Trouble> {
        let mut written: Option<(NodeName, Timeline, Lsn)> = None;
        let mut without_leader: Option<Deadline> = None;
        let mut elected = false;
        loop {
            let active: Vec<(&Node, Position)> = ready(self.scene.positions(side.other()).await);
            let primary = active.iter().find(|(_, position)| !position.in_recovery);
            let following = ready(self.scene.positions(side).await);
            if following.iter().any(|(_, position)| !position.in_recovery) && primary.is_some() {
                return Err(Trouble::SplitBrain);
            }
            let streaming = |timeline: Timeline| {
                following.len() == self.scene.nodes(side).len()
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
                let own = |name: &String| self.scene.nodes(side.other()).iter().find(|node| node.name.as_str() == name.as_str());
                let mirror = mirrors.iter().find_map(own);
                if mirror.is_some() || self.scene.nodes(side.other()).len() < 2 {
                    self.facts.push(Fact::Written { node: primary_name.clone(), at: *at });
                    for (node, position) in &following {
                        if let Some(replayed) = position.replayed {
                            self.facts.push(Fact::Follows { node: node.name.clone(), timeline: *timeline, replayed });
                        }
                    }
                    self.facts.extend(mirror.map(|node| Fact::Mirror { node: node.name.clone() }));
                    return Ok(());
                }
                self.again(100, || Missing::Mirror).await?;
                continue;
            }
            let leaderless = self.scene.leader(side).await.is_none();
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
                let names = self.scene.nodes(side).iter().map(|node| node.name.clone());
                Missing::Nodes { nodes: names.filter(|node| !right(node)).collect() }
            };
            self.again(100, missing).await?;
        }
    }

    /// Names the member that has most as the one to lead. What Patroni says to it is seen by the next look.
    async fn elect(&mut self, side: Side, seen: &[(&Node, Position)]) {
        let most = seen.iter().max_by_key(|(_, position)| (position.timeline, position.received.max(position.replayed)));
        let candidate = most.map(|(node, _)| *node).or_else(|| self.scene.nodes(side).first());
        if let Some(node) = candidate
            && self.scene.hands.elect(node).await.is_ok()
        {
            self.facts.push(Fact::Elected { node: node.name.clone() });
        }
    }

    /// Makes the mirror of a site its leader; the other site has to go on following.
    pub(super) async fn switch_in_site(&mut self, operation: &Operation, side: Side) -> Result<(), Trouble> {
        let planned = operation.plan.leaders.iter().find(|(of, ..)| *of == side).and_then(|(_, node, _)| node.clone());
        let Some((leader, status)) = self.scene.leader(side).await else { return Err(Trouble::NoLeader { side }) };
        let leader = leader.clone();
        // An earlier attempt has done it: somebody else leads than when the plan was made.
        let again = operation.steps.iter().any(|run| run.attempts > 1);
        if !(again && planned.as_ref().is_some_and(|planned| *planned != leader.name)) {
            let candidate = self.candidate(side, &leader).await?;
            // Patroni answers only when it is done, which may take longer than anybody waits; without an answer it is looked at.
            if let Err(error @ HandError::Refused { .. }) = self.scene.hands.switch_in_site(&leader, &candidate).await {
                return Err(trouble(error));
            }
        }
        let writes = status.is_running_primary();
        loop {
            if let Some((node, status)) = self.scene.leader(side).await
                && (again || node.name != leader.name)
                && status.state == PatroniState::Running
                && let Ok(position) = self.scene.hands.position(node).await
                && position.in_recovery != writes
            {
                self.facts.push(Fact::Leader { side, node: node.name.clone(), timeline: position.timeline });
                return Ok(());
            }
            self.again(50, || Missing::Primary).await?;
        }
    }

    /// The synchronous mirror, or in a standby site the other node that has most.
    async fn candidate(&self, side: Side, leader: &Node) -> Result<Node, Trouble> {
        let position = self.scene.hands.position(leader).await.map_err(trouble)?;
        let others = ready(self.scene.positions(side).await);
        let others = others.iter().filter(|(node, _)| node.name != leader.name);
        let best = if position.in_recovery {
            others.max_by_key(|(_, position)| position.replayed).map(|(node, _)| (*node).clone())
        } else {
            others.map(|(node, _)| *node).find(|node| position.synchronous.iter().any(|name| name == node.name.as_str())).cloned()
        };
        best.ok_or(Trouble::TooLate { after: Millis(0), missing: Missing::Mirror })
    }
}

fn ready(asked: Vec<(&Node, Result<Position, HandError>)>) -> Vec<(&Node, Position)> {
    asked.into_iter().filter_map(|(node, position)| Some((node, position.ok()?))).collect()
}

/// The first timeline that the two histories leave at different places.
fn collision(active: &[Promotion], returning: &[Promotion]) -> Option<Trouble> {
    active.iter().find_map(|ours| {
        let theirs = returning.iter().find(|theirs| theirs.parent == ours.parent && theirs.switched_at != ours.switched_at)?;
        Some(Trouble::Collision { timeline: ours.parent, active_left_at: ours.switched_at, returning_left_at: theirs.switched_at })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn promotion(parent: u32, at: u64) -> Promotion {
        Promotion { parent: Timeline(parent), switched_at: Lsn(at), at: None, leader: None }
    }

    #[test]
    fn a_timeline_that_was_left_at_two_places_is_a_collision_and_a_shorter_list_is_none() {
        let active = [promotion(1, 10), promotion(2, 20)];
        assert_eq!(collision(&active, &[promotion(1, 10)]), None);
        assert_eq!(collision(&active, &[]), None);
        let found = collision(&active, &[promotion(1, 10), promotion(2, 19)]);
        assert_eq!(found, Some(Trouble::Collision { timeline: Timeline(2), active_left_at: Lsn(20), returning_left_at: Lsn(19) }));
    }
}
