//! Making the old active site stop: demote and prove, or establish and fence.

use super::{LOOK_WITHIN, Run, noted_position, noted_timeline};
use crate::{
    operate::scene::{Deadline, trouble},
    ports::LogEnd,
};
use futures::future::{join_all, join3};
use std::time::Duration;
use switchback_domain::{
    EndpointName, Millis, Node, NodeName, ProbeFailure, Side,
    operation::{Fact, Missing, Operation, Trouble},
};

/// The record that ends the log of a primary that was shut down properly.
const SHUTDOWN: &str = "XLOG/CHECKPOINT_SHUTDOWN";

/// How long everything of a site that is given up may take to answer while it is fenced.
const FENCE_WITHIN: Duration = Duration::from_millis(500);

impl Run<'_> {
    /// Makes the active site's cluster a standby. From the answer on the fence is stored in that site itself.
    pub(super) async fn demote(&mut self, operation: &Operation, side: Side) -> Result<(), Trouble> {
        let leader = self.scene.leader(side).await.map(|(node, _)| node.clone());
        let told = match &leader {
            Some(node) => matches!(self.scene.hands.follows(node).await, Ok(true)),
            None => false,
        };
        // Since the first look people may have drained members for minutes. This look costs nobody a write yet.
        if !told {
            self.preflight(operation).await?;
            if let Some(node) = &leader {
                self.link_carries(node, side.other()).await?;
            }
        }
        if let Some(node) = &leader
            && let Ok(position) = self.scene.hands.position(node).await
            && let Some(at) = position.written
        {
            self.facts.push(Fact::Written { node: node.name.clone(), at });
        }
        self.store(side, true, leader.as_ref().map(|node| &node.name), told).await
    }

    /// What the primary has written by now arrives in the other site within moments. A link that has just been cut shows here, where
    /// giving up costs nobody anything, and not while clients wait.
    async fn link_carries(&self, primary: &Node, to: Side) -> Result<(), Trouble> {
        let patience = Deadline::after(Duration::from_secs(3));
        let written = self.scene.hands.position(primary).await.map_err(trouble)?.written;
        loop {
            for (_, position) in self.scene.positions(to).await {
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

    /// Waits for the proof. All of it at once: the last record in the other site's log is the old primary's shutdown checkpoint, it is
    /// replayed to its end, the timeline there has not changed, and the old site's own members say that none of them is primary.
    pub(super) async fn prove(&mut self, operation: &Operation, from: Side, to: Side) -> Result<(), Trouble> {
        let names: Vec<&NodeName> = self.scene.nodes(from).iter().map(|node| &node.name).collect();
        // Behind everything that was written later: without it there is nothing to prove from.
        let Some(noted) = noted_position(operation, &names) else { return Err(Trouble::NoLeader { side: from }) };
        let timeline = noted_timeline(operation, from);
        let mut target = None;
        loop {
            if target.is_none() {
                target = self.scene.leader(to).await.map(|(node, _)| node.clone());
            }
            let Some(node) = &target else {
                self.again(20, || Missing::ShutdownCheckpoint { last_record: None }).await?;
                continue;
            };
            let end = self.scene.hands.log_end(node, noted).await;
            let (seen, missing) = match &end {
                Ok(end) => judged(&node.name, end, timeline),
                Err(_) => (None, Missing::ShutdownCheckpoint { last_record: None }),
            };
            // The old site is left alone while it stops: each question would take its Patroni's time from just that.
            let statuses = if seen.is_some() { self.scene.statuses(from).await } else { Vec::new() };
            let silent = statuses.iter().any(|(_, status)| status.is_err());
            let still = statuses.iter().any(|(_, status)| status.as_ref().is_ok_and(crate::ports::MemberStatus::is_running_primary));
            // A member of the old site that does not answer may be a primary; the one that was it has to say itself that it is not.
            let gone: Vec<_> =
                statuses.iter().filter_map(|(node, status)| Some((node.name.clone(), status.as_ref().ok()?.said.clone()))).collect();
            match seen {
                Some(fact) if !still && (!silent || old_primary_spoke(operation, &gone)) => {
                    self.facts.push(fact);
                    self.facts.extend(gone.into_iter().map(|(node, said)| Fact::NoLongerPrimary { node, said }));
                    return Ok(());
                }
                Some(_) => self.again(10, || Missing::OldPrimaryGone).await?,
                None => {
                    if end.is_err() {
                        // It may have moved.
                        target = None;
                    }
                    self.again(10, || missing).await?;
                }
            }
        }
    }

    /// What is known of a site that is given up, and what will probably be lost.
    pub(super) async fn establish(&mut self, side: Side) -> Result<(), Trouble> {
        let before = self.scene.watched.picture();
        let picture = self.scene.watched.look_now(LOOK_WITHIN).await;
        for endpoint in &picture.sites[side].endpoints {
            self.facts
                .push(Fact::Answer { endpoint: endpoint.name.clone(), failure: endpoint.failure.as_ref().map(|(cause, _)| cause.clone()) });
        }
        self.note_leaders(&picture);
        // The look itself cannot know more of a dead site than the last answers did.
        let loss = if picture.protection.measured_at.is_some() { &picture.protection } else { &before.protection };
        let age = loss.measured_at.map(|at| Millis::between(at, self.scene.clock.now()));
        self.facts.push(Fact::ExpectedLoss { bytes: loss.loss_bytes, time: loss.loss, age });
        Ok(())
    }

    /// Shuts out everything of the site that can be reached. The fencer goes on with what cannot until the site follows.
    pub(super) async fn fence(&mut self, operation: &Operation, side: Side) -> Result<(), Trouble> {
        let scene = self.scene;
        let site = &scene.pool.sites[side];
        let within = |work| async move { tokio::time::timeout(FENCE_WITHIN, work).await.ok() };
        let etcd = join_all(site.etcd.iter().map(|etcd| async move { (etcd.clone(), within(scene.hands.fence_etcd(etcd, side)).await) }));
        let within = |work| async move { tokio::time::timeout(FENCE_WITHIN, work).await.ok() };
        let rest = join_all(site.nodes.iter().map(|node| async move { (node, within(scene.hands.follow(node, side)).await) }));
        let members = join_all(site.proxies.iter().map(|proxy| async move {
            let closing = tokio::time::timeout(FENCE_WITHIN, scene.close_members(proxy)).await;
            (proxy.clone(), matches!(closing, Ok(Ok(()))))
        }));
        let (etcd, rest, members) = join3(etcd, rest, members).await;
        let (mut fenced, mut unreached) = (false, Vec::new());
        let mut unless_refused = |endpoint: &EndpointName, refused: bool| {
            if !refused {
                unreached.push(endpoint.clone());
            }
        };
        for (endpoint, outcome) in etcd {
            match outcome {
                Some(Ok(_)) => {
                    fenced = true;
                    self.facts.push(Fact::Fenced { endpoint });
                }
                Some(Err(error)) => unless_refused(&endpoint, is_gone(&error)),
                None => unless_refused(&endpoint, false),
            }
        }
        for (node, outcome) in rest {
            match outcome {
                Some(Ok(())) => {
                    fenced = true;
                    self.facts.push(Fact::Fenced { endpoint: node.patroni.clone() });
                }
                Some(Err(error)) => unless_refused(&node.patroni, is_gone(&error)),
                None => unless_refused(&node.patroni, false),
            }
        }
        for (endpoint, closed) in members {
            if closed {
                self.facts.push(Fact::Fenced { endpoint });
            }
        }
        // Whoever refuses is gone: the machine answers and the process is not there. The fencer waits for it.
        if fenced {
            return self.until_stopped(side).await;
        }
        if unreached.is_empty() {
            return Ok(());
        }
        if let Some((by, how)) = &operation.attested {
            self.facts.push(Fact::Attested { by: by.clone(), how: how.clone() });
            return Ok(());
        }
        Err(Trouble::NotFenced { side, unreached })
    }

    /// A site that was told to follow stops its primary; it is waited for, because until then it accepts writes that would be lost.
    async fn until_stopped(&mut self, side: Side) -> Result<(), Trouble> {
        let patience = Deadline::after(Duration::from_secs(4));
        loop {
            let positions = tokio::time::timeout(FENCE_WITHIN, self.scene.positions(side)).await.unwrap_or_default();
            let writable = positions.iter().any(|(_, position)| position.as_ref().is_ok_and(|position| !position.in_recovery));
            if !writable || patience.has_passed() {
                return Ok(());
            }
            self.again(20, || Missing::OldPrimaryGone).await?;
        }
    }

    /// Waits until replay has come to rest. Equality with what was received is not to be had: a partial page may stay.
    pub(super) async fn settle(&mut self, operation: &Operation, side: Side) -> Result<(), Trouble> {
        let patience = Deadline::after(Duration::from_secs(2));
        let (mut last, mut same) = (None, 0_u32);
        let mut leader = None;
        loop {
            if leader.is_none() {
                leader = self.scene.leader(side).await.map(|(node, _)| node.clone());
            }
            let Some(node) = leader.clone() else {
                self.again(20, || Missing::Replay).await?;
                continue;
            };
            let Ok(position) = self.scene.hands.position(&node).await else {
                // It may have moved.
                leader = None;
                self.again(20, || Missing::Replay).await?;
                continue;
            };
            if !position.in_recovery {
                // Promoted by an earlier attempt, or by somebody else: the next step finds out.
                return Ok(());
            }
            let replayed = position.replayed;
            same = if last == Some(replayed) { same + 1 } else { 0 };
            last = Some(replayed);
            // A stream that goes on means that the old primary lives; waiting for it to end could last for ever.
            if let Some(replayed) = replayed
                && (same >= 3 || patience.has_passed())
            {
                self.facts.push(Fact::Rest { node: node.name.clone(), received: position.received, replayed });
                if let Ok(rows) = self.scene.hands.rows(&node, operation.id).await
                    && let Some(last_write_at) = rows.heartbeat_at
                {
                    self.facts.push(Fact::LastHeartbeat { node: node.name, at: last_write_at });
                }
                return Ok(());
            }
            self.again(15, || Missing::Replay).await?;
        }
    }

    /// Takes a fence back, as far as anything of the site answers: what does not answer was not fenced, or comes back as a standby.
    pub(super) async fn let_in_again(&mut self, side: Side) -> Result<(), Trouble> {
        let mut told = false;
        for node in self.scene.nodes(side) {
            told |=
                tokio::time::timeout(FENCE_WITHIN, self.scene.hands.follows(node)).await.is_ok_and(|follows| matches!(follows, Ok(true)));
        }
        if told {
            self.lead_again(side).await?;
        }
        for proxy in &self.scene.pool.sites[side].proxies {
            // Its sessions go to whoever is primary; a proxy that does not answer has lost nothing.
            let _ = tokio::time::timeout(FENCE_WITHIN, self.scene.open_members(proxy)).await;
        }
        Ok(())
    }

    /// Takes a demotion back: the old active site leads again. Only ever before the point of no return: nobody else was told to lead.
    pub(super) async fn lead_again(&mut self, side: Side) -> Result<(), Trouble> {
        let leader = self.scene.leader(side).await.map(|(node, _)| node.name.clone());
        self.store(side, false, leader.as_ref(), true).await?;
        loop {
            for (node, position) in self.scene.positions(side).await {
                if let Ok(position) = position
                    && !position.in_recovery
                {
                    let name = node.name.clone();
                    let to = position.timeline.unwrap_or(switchback_domain::Timeline(0));
                    self.facts.push(Fact::Promoted { node: name, from: None, to, at: position.written });
                    return Ok(());
                }
            }
            if self.deadline.has_passed() {
                return Err(self.deadline.missed(Missing::Primary));
            }
            if !self.scene.wait(20).await {
                return Err(Trouble::Interrupted);
            }
        }
    }
}

fn is_gone(error: &crate::ports::HandError) -> bool {
    matches!(error, crate::ports::HandError::Failed { failure: ProbeFailure::Refused, .. })
}

/// The proof, or what is missing to it.
fn judged(node: &NodeName, end: &LogEnd, timeline: Option<switchback_domain::Timeline>) -> (Option<Fact>, Missing) {
    let missing = || Missing::ShutdownCheckpoint { last_record: end.kind.clone() };
    let (Some(record), Some(last), Some(replayed), Some(now)) = (end.record, end.end, end.replayed, end.timeline) else {
        return (None, missing());
    };
    if !end.in_recovery || end.kind.as_deref() != Some(SHUTDOWN) || timeline.is_some_and(|before| before != now) {
        return (None, missing());
    }
    if last != replayed {
        return (None, Missing::Replay);
    }
    (Some(Fact::ShutdownReplayed { node: node.clone(), record, end: last, timeline: now }), Missing::OldPrimaryGone)
}

/// The node that was primary when it was told to stop is among those that say they are not.
fn old_primary_spoke(operation: &Operation, gone: &[(NodeName, String)]) -> bool {
    let written = operation.steps.iter().rev().flat_map(|run| &run.facts).find_map(|fact| match fact {
        Fact::Written { node, .. } => Some(node),
        _ => None,
    });
    written.is_some_and(|was| gone.iter().any(|(node, _)| node == was))
}
