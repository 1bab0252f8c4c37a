//! Where the logs of both sites come from, and where they part.

use super::StepExecution;
use crate::{
    operate::context::{Deadline, trouble},
    ports::{ControlError, Lineage},
};
use futures::future::{join, join_all};
use std::time::Duration;
use switchback_domain::{
    EndpointName, Lsn, Node, NodeName, Promotion, Side, Timeline,
    operation::{Missing, StepFailure},
};

/// A returning member may still start: its history is waited for.
const HISTORY_WITHIN: Duration = Duration::from_secs(20);

impl StepExecution<'_> {
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

    pub(super) async fn told_lineages(&self, side: Side) -> Vec<(&Node, Result<Lineage, ControlError>)> {
        join_all(self.context.nodes(side).iter().map(async |node| (node, self.context.control.lineage(node).await))).await
    }

    /// The last promotion of a site, if it was one of its own nodes that was promoted: Patroni names it, and a timeline that was only
    /// followed has no name there. Two sites that were promoted at the very same place have histories that look the same otherwise
    /// (ENGINES.md, 4).
    pub(super) async fn promoted_itself(&self, side: Side) -> Result<Option<Promotion>, ControlError> {
        let last = self.promotions(side).await?.into_iter().max_by_key(|promotion| promotion.parent);
        let own = |name: &String| self.context.nodes(side).iter().any(|node| node.name.as_str() == name.as_str());
        Ok(last.filter(|last| last.leader.as_ref().is_some_and(own)))
    }

    /// Every promotion that any member of a site remembers: one that is cut off from its etcd knows an older state. Silence of all is no
    /// answer.
    pub(super) async fn promotions(&self, side: Side) -> Result<Vec<Promotion>, ControlError> {
        let histories = join_all(self.context.nodes(side).iter().map(|node| self.context.control.history(node))).await;
        let (heard, silent): (Vec<_>, Vec<_>) = histories.into_iter().partition(Result::is_ok);
        match silent.into_iter().find_map(Result::err) {
            Some(error) if heard.is_empty() => Err(error),
            _ => Ok(heard.into_iter().filter_map(Result::ok).flatten().collect()),
        }
    }
}

/// What the nodes of a returning site say of where they come from.
pub(super) struct Seen {
    /// Each node, and where it parted from the active site.
    pub(super) partings: Vec<(NodeName, Parting)>,
    /// The newest timeline that every node shares with the active site.
    pub(super) common: Option<Timeline>,
    /// The node that went furthest beyond: its timeline, where it parted, and where its log ends.
    pub(super) furthest: Option<(NodeName, Timeline, Lsn, Lsn)>,
}

/// How a node's log stands to the active site's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Parting {
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

    pub(super) fn of(nodes: &[Node], primary: &Lineage, returning: &[(&Node, Lineage)], own: Option<&Promotion>) -> Seen {
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
    fn without_a_history_nothing_is_known() {
        let (active, mut other) = (lineage(&[10, 20], 30), lineage(&[10], 40));
        other.history = None;
        assert_eq!(parting(&active, &other, None), None);
        assert_eq!(parting(&active, &Lineage { timeline: None, ..lineage(&[10], 40) }, None), None);
    }
}
