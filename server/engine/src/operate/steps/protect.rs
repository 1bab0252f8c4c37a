//! Making a site follow again, and moving the leadership within a site.

use super::StepExecution;
use crate::{
    operate::context::{Deadline, trouble},
    ports::{ControlError, Lineage, Position},
};
use futures::future::{join, join_all};
use std::time::Duration;
use switchback_domain::{
    EndpointName, LinkKind, LinkState, Lsn, Millis, Node, NodeName, PatroniState, Promotion, Side, Timeline,
    operation::{Missing, Operation, OrderKind, StepEvidence, StepFailure, StepRun},
};

/// A site that was told to follow and has no leader for so long is told whom to take: its members may stand in each other's way
/// (ENGINES.md, 9).
const ELECT_AFTER: Duration = Duration::from_secs(15);

/// A returning member may still start: its history is waited for.
const HISTORY_WITHIN: Duration = Duration::from_secs(20);

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

    /// Where the nodes of a returning site parted from the active site. Waits for nodes that still start.
    pub(super) async fn lineages(&self, side: Side) -> Result<Seen, StepFailure> {
        let patience = Deadline::after(HISTORY_WITHIN);
        loop {
            let (active, returning) = join(self.told_lineages(side.other()), self.told_lineages(side)).await;
            let refused =
                active.iter().chain(&returning).find_map(|(_, told)| told.as_ref().err().filter(|error| !error.may_pass()).cloned());
            if let Some(refused) = refused {
                return Err(trouble(refused));
            }
            let heard = |told: Vec<(_, Result<Lineage, ControlError>)>| -> Vec<(_, Lineage)> {
                told.into_iter().filter_map(|(node, lineage)| Some((node, lineage.ok()?))).collect()
            };
            let (active, returning) = (heard(active), heard(returning));
            let primary = active.iter().find(|(_, lineage)| !lineage.in_recovery).map(|(_, lineage)| lineage);
            let writes = returning.iter().any(|(_, lineage)| !lineage.in_recovery);
            // The fencer holds a site that has only just come back.
            if primary.is_some() && writes && patience.has_passed() {
                return Err(StepFailure::SplitBrain);
            }
            if let Some(primary) = primary
                && !writes
                && (returning.len() == self.context.nodes(side).len() || (patience.has_passed() && !returning.is_empty()))
            {
                match self.promoted_itself(side).await {
                    Ok(own) => return Ok(Seen::of(self.context.nodes(side), primary, &returning, own.as_ref())),
                    // Without this nobody knows whether two histories that look the same are the same.
                    Err(error) if patience.has_passed() => return Err(trouble(error)),
                    Err(_) => {}
                }
            }
            if patience.has_passed() {
                return Err(StepFailure::NoLeader { side: if primary.is_none() { side.other() } else { side } });
            }
            self.again(200, || Missing::Answer).await?;
        }
    }

    async fn told_lineages(&self, side: Side) -> Vec<(&Node, Result<Lineage, ControlError>)> {
        join_all(self.context.nodes(side).iter().map(async |node| (node, self.context.control.lineage(node).await))).await
    }

    /// The last promotion of a site, if it was one of its own nodes that was promoted: Patroni names it, and a timeline that was only
    /// followed has no name there. Two sites that were promoted at the very same place have histories that look the same otherwise
    /// (ENGINES.md, 4).
    async fn promoted_itself(&self, side: Side) -> Result<Option<Promotion>, ControlError> {
        let last = self.promotions(side).await?.into_iter().max_by_key(|promotion| promotion.parent);
        let own = |name: &String| self.context.nodes(side).iter().any(|node| node.name.as_str() == name.as_str());
        Ok(last.filter(|last| last.leader.as_ref().is_some_and(own)))
    }

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

    /// Every promotion that any member of a site remembers: one that is cut off from its etcd knows an older state. Silence of all is no
    /// answer.
    async fn promotions(&self, side: Side) -> Result<Vec<Promotion>, ControlError> {
        let histories = join_all(self.context.nodes(side).iter().map(|node| self.context.control.history(node))).await;
        let (heard, silent): (Vec<_>, Vec<_>) = histories.into_iter().partition(Result::is_ok);
        match silent.into_iter().find_map(Result::err) {
            Some(error) if heard.is_empty() => Err(error),
            _ => Ok(heard.into_iter().filter_map(Result::ok).flatten().collect()),
        }
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

/// What an inspection of this operation has found: the site has a history of its own.
fn found_collision(operation: &Operation, side: Side) -> Option<StepFailure> {
    operation.steps.iter().rev().flat_map(|run| &run.facts).find_map(|fact| match fact {
        StepEvidence::Collided { side: of, timeline, active_left_at, returning_left_at } if *of == side => {
            Some(StepFailure::Collision { timeline: *timeline, active_left_at: *active_left_at, returning_left_at: *returning_left_at })
        }
        _ => None,
    })
}

/// Those that answered.
pub(super) fn ready(asked: Vec<(&Node, Result<Position, ControlError>)>) -> Vec<(&Node, Position)> {
    asked.into_iter().filter_map(|(node, position)| Some((node, position.ok()?))).collect()
}

/// What the nodes of a returning site say of where they come from.
pub(super) struct Seen {
    /// Each node, and where it parted from the active site.
    partings: Vec<(NodeName, Parting)>,
    /// The newest timeline that every node shares with the active site.
    common: Option<Timeline>,
    /// The node that went furthest beyond: its timeline, where it parted, and where its log ends.
    pub(super) furthest: Option<(NodeName, Timeline, Lsn, Lsn)>,
}

/// How a node's log stands to the active site's.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Parting {
    /// It is a beginning of it.
    None,
    /// It goes on where the active site took another way; Patroni rewinds it.
    Beyond,
    /// The same timeline was left at two places, or begun twice.
    Collided { timeline: Timeline, active_left_at: Lsn, returning_left_at: Lsn },
    /// The node does not answer.
    Silent,
    /// The history file of its timeline is not there, or that of the active site's primary is not.
    Unreadable { endpoint: EndpointName },
}

impl Seen {
    /// The nodes of which nobody knows what their logs have.
    pub(super) fn silent(&self) -> Vec<NodeName> {
        let unknown = |parting: &Parting| matches!(parting, Parting::Silent | Parting::Unreadable { .. });
        self.partings.iter().filter(|(_, parting)| unknown(parting)).map(|(node, _)| node.clone()).collect()
    }

    fn of(nodes: &[Node], primary: &Lineage, returning: &[(&Node, Lineage)], own: Option<&Promotion>) -> Seen {
        let mut seen = Seen { partings: Vec::new(), common: None, furthest: None };
        for node in nodes {
            let lineage = returning.iter().find(|(of, _)| of.name == node.name).map(|(_, lineage)| lineage);
            let Some(lineage) = lineage else {
                seen.partings.push((node.name.clone(), Parting::Silent));
                continue;
            };
            let Some((parting, fork)) = parting(primary, lineage, own) else {
                seen.partings.push((node.name.clone(), Parting::Unreadable { endpoint: node.postgres.clone() }));
                continue;
            };
            if let (Some(fork), Some(end), Some(timeline)) = (fork, lineage.end, lineage.timeline)
                && end > fork
                && seen.furthest.as_ref().is_none_or(|(_, at, _, far)| (timeline, end) > (*at, *far))
            {
                seen.furthest = Some((node.name.clone(), timeline, fork, end));
            }
            seen.common = match (seen.common, lineage.timeline) {
                (Some(common), Some(timeline)) => Some(common.min(timeline)),
                (common, timeline) => common.or(timeline),
            };
            seen.partings.push((node.name.clone(), parting));
        }
        seen
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

/// Where a returning node's log parts from the active primary's, and where what only it has begins. `own`: the last promotion of its site,
/// if one of its own nodes was promoted. Nothing when one of them does not know where it comes from.
fn parting(active: &Lineage, returning: &Lineage, own: Option<&Promotion>) -> Option<(Parting, Option<Lsn>)> {
    let (ours, theirs) = (active.history.as_ref()?, returning.history.as_ref()?);
    let (now, its) = (active.timeline?, returning.timeline?);
    for left in ours {
        let Some(other) = theirs.iter().find(|other| other.parent == left.parent) else { continue };
        if other.switched_at != left.switched_at {
            let collided =
                Parting::Collided { timeline: left.parent, active_left_at: left.switched_at, returning_left_at: other.switched_at };
            return Some((collided, Some(left.switched_at.min(other.switched_at))));
        }
    }
    let left_by_us = ours.iter().find(|left| left.parent == its).map(|left| left.switched_at);
    let left_by_them = theirs.iter().find(|left| left.parent == now).map(|left| left.switched_at);
    Some(match (left_by_us, left_by_them) {
        (Some(fork), _) if returning.end.is_some_and(|end| end > fork) => (Parting::Beyond, Some(fork)),
        (Some(_), _) => (Parting::None, None),
        // It was promoted more often than the active site.
        (None, Some(fork)) => (Parting::Beyond, Some(fork)),
        (None, None) if its == now => match own.filter(|own| own.parent.0 + 1 == now.0) {
            Some(own) => {
                let left = own.switched_at;
                (Parting::Collided { timeline: own.parent, active_left_at: left, returning_left_at: left }, Some(left))
            }
            None => (Parting::None, None),
        },
        (None, None) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn promotion(parent: u32, at: u64) -> Promotion {
        Promotion { parent: Timeline(parent), switched_at: Lsn(at), at: None, leader: None }
    }

    /// A log on a timeline, with the places where the earlier ones were left.
    fn lineage(left: &[u64], end: u64) -> Lineage {
        let history: Vec<Promotion> = (1..).zip(left).map(|(parent, at)| promotion(parent, *at)).collect();
        let timeline = u32::try_from(left.len()).expect("few") + 1;
        Lineage { in_recovery: true, timeline: Some(Timeline(timeline)), end: Some(Lsn(end)), history: Some(history) }
    }

    #[test]
    fn a_log_that_ends_before_the_fork_is_whole_and_one_that_ends_behind_it_is_rewound() {
        let active = lineage(&[10, 20], 30);
        assert_eq!(parting(&active, &lineage(&[10], 20), None), Some((Parting::None, None)));
        assert_eq!(parting(&active, &lineage(&[10], 21), None), Some((Parting::Beyond, Some(Lsn(20)))));
        assert_eq!(parting(&active, &lineage(&[], 8), None), Some((Parting::None, None)));
        assert_eq!(parting(&active, &lineage(&[10, 20], 25), None), Some((Parting::None, None)));
        // It was promoted once more than the active site.
        assert_eq!(parting(&lineage(&[10], 30), &lineage(&[10, 20], 25), None), Some((Parting::Beyond, Some(Lsn(20)))));
    }

    #[test]
    fn a_timeline_that_was_left_at_two_places_or_begun_twice_is_a_collision() {
        let active = lineage(&[10, 20], 30);
        let at_19 = Parting::Collided { timeline: Timeline(2), active_left_at: Lsn(20), returning_left_at: Lsn(19) };
        assert_eq!(parting(&active, &lineage(&[10, 19], 40), None), Some((at_19, Some(Lsn(19)))));
        // Both were promoted at the very same place: only Patroni's word for who was promoted tells them apart.
        let twice = Parting::Collided { timeline: Timeline(2), active_left_at: Lsn(20), returning_left_at: Lsn(20) };
        assert_eq!(parting(&active, &lineage(&[10, 20], 25), Some(&promotion(2, 20))), Some((twice, Some(Lsn(20)))));
        // An own promotion of long ago, which the active site has followed since, is none.
        assert_eq!(parting(&active, &lineage(&[10, 20], 25), Some(&promotion(1, 10))), Some((Parting::None, None)));
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

    #[test]
    fn without_a_history_nothing_is_known() {
        let (active, mut other) = (lineage(&[10, 20], 30), lineage(&[10], 40));
        other.history = None;
        assert_eq!(parting(&active, &other, None), None);
        assert_eq!(parting(&active, &Lineage { timeline: None, ..lineage(&[10], 40) }, None), None);
    }
}
