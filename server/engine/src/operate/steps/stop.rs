//! Making the old active site stop: demote and prove, or establish and fence.

use super::{LOOK_WITHIN, StepExecution, noted_position, noted_timeline, protect::ready};
use crate::{
    operate::{
        context::{Deadline, StepContext, trouble},
        meter::Meter,
    },
    ports::{ClusterMode, ControlError, LogEnd, PatroniStatus, Position},
    time::millis,
};
use futures::future::{join, join_all, join3, join4};
use std::{sync::PoisonError, time::Duration};
use switchback_domain::{
    EndpointName, Millis, Node, NodeName, NodePicture, NodeRole, NodeState, Picture, ProbeFailure, Protection, Side, SiteRole, Witness,
    operation::{FenceAnswer, Intent, Missing, Operation, OrderFailure, OrderKind, Step, StepEvidence, StepFailure, StepRun},
};

/// How long the question of the proof may take to be answered before the demotion. The proof itself has eight seconds, in which clients wait.
const PROOF_ANSWERS: Duration = Duration::from_secs(5);

/// How long a site that has been silent for long is asked once more for what it has to say.
const SILENT_WITHIN: Duration = Duration::from_millis(300);

/// How long everything of a site that is given up may take to answer while it is fenced.
const FENCE_WITHIN: Duration = Duration::from_millis(500);

/// How long they may take before somebody is asked about them: an answer that comes late is one, and a person takes longer.
const SLOW_WITHIN: Duration = Duration::from_secs(3);

/// Patroni reads what was written into its etcd within its `loop_wait` (10 s unless configured), and stops its primary then.
const READ_IN_ETCD_WITHIN: Duration = Duration::from_secs(13);

/// How long the site that is given up may take to say that it writes after all, right before the other one is told to lead.
const LAST_LOOK_WITHIN: Duration = Duration::from_millis(150);

/// The last message of a site that has just died is taken note of for so long by those who see its signs of life.
const SIGNS_END_WITHIN: Duration = Duration::from_secs(5);

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

    /// Asks the question of the proof once before clients wait for its answer. A right or an extension that is missing in the other site,
    /// or a log that does not arrive there, would otherwise be found after the demotion.
    pub(super) async fn rehearse_proof(&mut self, operation: &Operation, from: Side) -> Result<(), StepFailure> {
        let names: Vec<&NodeName> = self.context.nodes(from).iter().map(|node| &node.name).collect();
        let Some(noted) = noted_position(operation, &names) else { return Err(StepFailure::NoLeader { side: from }) };
        let until = Deadline::after(PROOF_ANSWERS);
        loop {
            let trouble = match self.context.leader(from.other()).await {
                Some((node, _)) => match self.context.control.log_end(node, noted).await {
                    Ok(end) if end.record.is_some() => return Ok(()),
                    Ok(_) => until.missed(Missing::Replay),
                    // Also when nothing of what was written since has arrived.
                    Err(error) => trouble(error),
                },
                None => StepFailure::NoLeader { side: from.other() },
            };
            if until.has_passed() {
                return Err(trouble);
            }
            self.again(50, || Missing::Replay).await?;
        }
    }

    /// Waits for the proof. All of it at once: the last record in the other site's log is the old primary's shutdown checkpoint, it is
    /// replayed to its end, the timeline there has not changed, and the old site's own members say that none of them is primary.
    pub(super) async fn prove(&mut self, operation: &Operation, from: Side, to: Side) -> Result<(), StepFailure> {
        let names: Vec<&NodeName> = self.context.nodes(from).iter().map(|node| &node.name).collect();
        // Behind everything that was written later: without it there is nothing to prove from.
        let Some(noted) = noted_position(operation, &names) else { return Err(StepFailure::NoLeader { side: from }) };
        let timeline = noted_timeline(operation, from);
        let mut target = None;
        loop {
            if target.is_none() {
                target = self.context.leader(to).await.map(|(node, _)| node.clone());
            }
            let Some(node) = &target else {
                self.again(20, || Missing::ShutdownCheckpoint { last_record: None }).await?;
                continue;
            };
            let end = self.context.control.log_end(node, noted).await;
            if matches!(&end, Ok(end) if !end.in_recovery) {
                // Somebody else has made it lead.
                return Err(StepFailure::SituationChanged { checks: Vec::new(), findings: Vec::new() });
            }
            let (seen, missing) = match &end {
                Ok(end) => judged(&node.name, end, timeline),
                Err(_) => (None, Missing::ShutdownCheckpoint { last_record: None }),
            };
            // The old site is left alone while it stops: each question would take its Patroni's time from just that.
            let statuses = if seen.is_some() { self.context.statuses(from).await } else { Vec::new() };
            let silent = statuses.iter().any(|(_, status)| status.is_err());
            let still = statuses.iter().any(|(_, status)| status.as_ref().is_ok_and(PatroniStatus::may_write));
            // A member of the old site that does not answer may be a primary; the one that was it has to say itself that it is not.
            let gone: Vec<_> =
                statuses.iter().filter_map(|(node, status)| Some((node.name.clone(), status.as_ref().ok()?.said.clone()))).collect();
            match seen {
                Some(fact) if !still && (!silent || old_primary_spoke(operation, &gone)) => {
                    self.facts.push(fact);
                    self.facts.extend(gone.into_iter().map(|(node, said)| StepEvidence::NoLongerPrimary { node, said }));
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

    /// Shuts out everything of the site that can be reached, and goes on only when nobody in it accepts writes any more: by the word of each
    /// node, or by a person's for those that are silent. The fencer goes on with what cannot be reached until the site follows.
    pub(super) async fn fence(&mut self, operation: &Operation, number: usize, side: Side) -> Result<(), StepFailure> {
        let context = self.context;
        // The console was away, and the site was brought back meanwhile: that is for a person to say, not for a plan of that time.
        let taken_up = |run: &StepRun| run.every_fact().any(|fact| *fact == StepEvidence::TakenUpAgain);
        let resumed = self.hints.confirms || operation.steps[..=number].iter().any(taken_up);
        // Where both sites write it is this one's doing that is to be stopped.
        if resumed && operation.plan.no_return() != Some(number) {
            let nodes = heard(context, side, LOOK_WITHIN).await.writing;
            if !nodes.is_empty() {
                return Err(StepFailure::StillWrites { nodes });
            }
        }
        let site = &context.pool.sites[side];
        let etcd = join_all(site.etcd.iter().map(async |etcd| (etcd, within(context.control.hold_in_etcd(etcd)).await)));
        let nodes = join_all(site.nodes.iter().map(async |node| (&node.patroni, within(context.control.hold(node)).await)));
        let proxies = join_all(site.proxies.iter().map(async |proxy| (proxy, within(context.close_members(proxy)).await)));
        // Asked while the orders are on their way: of a site that is silent nothing is learned by asking after them.
        let (etcd, nodes, proxies, first) = join4(etcd, nodes, proxies, answers_of(context, side, FENCE_WITHIN)).await;
        let by_patroni = nodes.iter().any(|(_, told)| told.as_ref().is_some_and(Result::is_ok));
        let by_etcd = etcd.iter().any(|(_, told)| told.as_ref().is_some_and(Result::is_ok));
        let held = Held { at_all: by_patroni || by_etcd, by_etcd_alone: by_etcd && !by_patroni };
        let etcd = etcd.into_iter().map(|(endpoint, told)| fence_answer(endpoint, OrderKind::Hold, told.map(|told| told.map(drop))));
        let nodes = nodes.into_iter().map(|(endpoint, told)| fence_answer(endpoint, OrderKind::Hold, told));
        let proxies = proxies.into_iter().map(|(endpoint, told)| fence_answer(endpoint, OrderKind::CloseMembers, told));
        self.facts.extend(etcd.chain(nodes).chain(proxies));
        self.until_shut(operation, side, held, first).await
    }

    /// Waits until no node of the site accepts writes. `first`: what was heard while the orders were on their way.
    async fn until_shut(&mut self, operation: &Operation, side: Side, held: Held, first: Vec<Answers<'_>>) -> Result<(), StepFailure> {
        let context = self.context;
        // It may be older than the orders are; only silence stays what it is.
        let mut answers = if first.iter().all(Answers::is_silence) { first } else { answers_of(context, side, FENCE_WITHIN).await };
        let (mut asked_twice, mut limit) = (false, FENCE_WITHIN);
        loop {
            let of = |wanted: WriteState| {
                answers.iter().filter(move |answers| answers.write_state(held.at_all) == wanted).map(|answers| &answers.node.name)
            };
            let (writing, unknown): (Vec<_>, Vec<_>) =
                (of(WriteState::Writes).cloned().collect(), of(WriteState::Unknown).cloned().collect());
            if writing.is_empty() && unknown.is_empty() {
                return Ok(());
            }
            // A machine whose etcd answers is not off. Whatever of its site cannot be heard stops by itself once Patroni has read the order.
            let stops = held.by_etcd_alone && operation.attested.is_some() && self.deadline.elapsed() < READ_IN_ETCD_WITHIN;
            if writing.is_empty() && !stops {
                let alive = self.seen_alive_since(operation, side);
                // A sign that was on its way when somebody spoke is not one that speaks against them.
                if operation.attested.is_some() && !alive.is_empty() {
                    if self.deadline.elapsed() >= SIGNS_END_WITHIN {
                        return Err(StepFailure::SeenAlive { side, witnesses: alive });
                    }
                } else if let Some((by, how)) = operation.attested.as_ref().filter(|_| !self.refuted(operation, &unknown)) {
                    self.facts.extend(unknown.into_iter().map(|node| StepEvidence::Silent { node }));
                    self.facts.push(StepEvidence::Attested { by: by.clone(), how: how.clone() });
                    return Ok(());
                }
                let person_is_asked = asked_twice && (alive.is_empty() || operation.attested.is_none());
                if person_is_asked && limit == SLOW_WITHIN {
                    let silent = context.nodes(side).iter().filter(|node| unknown.contains(&node.name));
                    let unreached = silent.flat_map(|node| [node.patroni.clone(), node.postgres.clone()]).collect();
                    return Err(StepFailure::NotFenced { side, unreached, within: Some(millis(SLOW_WITHIN)) });
                }
                if person_is_asked {
                    limit = SLOW_WITHIN;
                }
                asked_twice = true;
            }
            if self.deadline.has_passed() {
                return Err(StepFailure::StillWrites { nodes: writing });
            }
            self.again(20, || Missing::OldPrimaryGone).await?;
            answers = answers_of(context, side, limit).await;
        }
    }

    /// Signs of life that others have seen of the site since somebody has said that it is off, without those that were overridden by name.
    fn seen_alive_since(&self, operation: &Operation, side: Side) -> Vec<Witness> {
        let picture = self.context.watched.picture();
        let since = operation.attested_at();
        let contradicts =
            |witness: &&Witness| since.is_none_or(|since| witness.at > since) && !operation.overridden.contains(&witness.kind);
        picture.sites[side].witnesses.iter().filter(contradicts).cloned().collect()
    }

    /// One of these nodes has said that it writes after somebody had said that it is off.
    fn refuted(&self, operation: &Operation, silent: &[NodeName]) -> bool {
        let picture = self.context.watched.picture();
        let wrote_since = |name: &NodeName| {
            let node = picture.node(name).map(|(_, node)| node).filter(|node| node.state == NodeState::AcceptingWrites);
            node.is_some_and(|node| node.knowledge.seen_at() > operation.attested_at())
        };
        silent.iter().any(wrote_since)
    }

    /// Waits until replay has come to rest. Equality with what was received is not to be had: a partial page may stay.
    pub(super) async fn settle(&mut self, operation: &Operation, side: Side) -> Result<(), StepFailure> {
        let patience = Deadline::after(Duration::from_secs(2));
        let (mut last, mut same) = (None, 0_u32);
        let mut leader = None;
        loop {
            if leader.is_none() {
                leader = self.context.leader(side).await.map(|(node, _)| node.clone());
            }
            let Some(node) = leader.clone() else {
                self.again(20, || Missing::Replay).await?;
                continue;
            };
            let Ok(position) = self.context.control.position(&node).await else {
                // It may have moved.
                leader = None;
                self.again(20, || Missing::Replay).await?;
                continue;
            };
            if !position.in_recovery {
                // Promoted by an earlier attempt, or by somebody else.
                return self.last_look(side.other()).await;
            }
            let replayed = position.replayed;
            same = if last == Some(replayed) { same + 1 } else { 0 };
            last = Some(replayed);
            // A stream that goes on means that the old primary lives; waiting for it to end could last for ever.
            if let Some(replayed) = replayed
                && (same >= 3 || patience.has_passed())
            {
                self.facts.push(StepEvidence::Rest { node: node.name.clone(), received: position.received, replayed });
                if let Ok(rows) = self.context.control.rows(&node, operation.id).await
                    && let Some(last_write_at) = rows.heartbeat_at
                {
                    self.facts.push(StepEvidence::LastHeartbeat { node: node.name, at: last_write_at });
                }
                self.last_look(side.other()).await?;
                return self.still_off(operation, side.other());
            }
            self.again(15, || Missing::Replay).await?;
        }
    }

    /// Whoever was only silent for a moment while the site was fenced is heard now; whoever is gone says so at once.
    pub(super) async fn last_look(&self, given_up: Side) -> Result<(), StepFailure> {
        let nodes = heard(self.context, given_up, LAST_LOOK_WITHIN).await.writing;
        if nodes.is_empty() { Ok(()) } else { Err(StepFailure::StillWrites { nodes }) }
    }

    /// Where the site was given up on somebody's word alone, nobody has seen a sign of life of it since.
    fn still_off(&self, operation: &Operation, given_up: Side) -> Result<(), StepFailure> {
        let by_word = operation.steps.iter().flat_map(|run| &run.facts).any(|fact| matches!(fact, StepEvidence::Attested { .. }));
        let witnesses = if by_word { self.seen_alive_since(operation, given_up) } else { Vec::new() };
        if witnesses.is_empty() { Ok(()) } else { Err(StepFailure::SeenAlive { side: given_up, witnesses }) }
    }

    /// Takes a fence back, as far as anything of the site answers: what does not answer was not fenced, or comes back as a standby.
    pub(super) async fn let_in_again(&mut self, operation: &Operation, side: Side) -> Result<(), StepFailure> {
        let told = join_all(self.context.nodes(side).iter().map(|node| within(self.context.control.cluster_mode(node)))).await;
        // What the fence has told Patroni or etcd is not in Patroni's own answer before its next round.
        let site = &self.context.pool.sites[side];
        let told_by_us = |fact: &StepEvidence| {
            let held = |endpoint| site.etcd.contains(endpoint) || site.nodes.iter().any(|node| node.patroni == *endpoint);
            matches!(fact, StepEvidence::Fenced { endpoint } if held(endpoint))
        };
        let held = told.iter().any(|told| matches!(told, Some(Ok(ClusterMode::Held))))
            || operation.steps.iter().flat_map(StepRun::every_fact).any(told_by_us)
            || self.fencer_told.iter().any(FenceAnswer::holds);
        let followed = operation.steps.iter().flat_map(|run| &run.facts).any(|fact| *fact == StepEvidence::FollowedBefore { side });
        // Its Patronis are silent and its etcd is not: there it was told, and there it is told again.
        let by_etcd = held && !site.etcd.is_empty() && told.iter().all(|told| !matches!(told, Some(Ok(_))));
        if held && followed {
            // It was no primary before, so it is made none now.
            if by_etcd {
                self.tell_etcd(side, true).await?;
            } else {
                let leader = self.context.leader(side).await.map(|(node, _)| node.name.clone());
                self.store(side, true, leader.as_ref(), false).await?;
            }
        } else if held {
            self.meter_put_back(side);
            if by_etcd {
                self.may_lead_again(operation, side).await?;
                self.tell_etcd(side, false).await?;
            } else {
                self.lead_again(operation, side).await?;
            }
            self.note_outage().await;
        }
        for proxy in &self.context.pool.sites[side].proxies {
            // Its sessions go to whoever is primary; a proxy that does not answer has lost nothing.
            let _ = within(self.context.open_members(proxy)).await;
        }
        Ok(())
    }

    /// Takes a demotion back: the old active site leads again. Only ever before the point of no return, when nobody else was told to lead by
    /// this operation; and not when somebody else has told the other site to: then two would.
    ///
    /// Silence of the other site says nothing about who leads it. Whoever has driven the operation until here without a break has heard it
    /// follow a moment ago; else somebody may have promoted it meanwhile, and a person has to say that it is off.
    pub(super) async fn lead_again(&mut self, operation: &Operation, side: Side) -> Result<(), StepFailure> {
        self.may_lead_again(operation, side).await?;
        self.order_to_lead_again(side).await
    }

    /// Clients of the site have waited since it was first held.
    fn meter_put_back(&self, side: Side) {
        let held_at = self.fencer_told.iter().filter(|answer| answer.holds()).map(|answer| answer.at).min();
        let mut meter = self.meter.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held_at) = held_at.filter(|_| meter.is_none()) {
            let last_sign = self.context.watched.last_sign(side).map(|sign| sign.at);
            *meter = Some(Meter::of_put_back(self.context, self.open, side, last_sign, held_at));
        }
    }

    /// Takes a hold back through the site's etcd; whoever comes back there finds it so.
    async fn tell_etcd(&mut self, side: Side, follows: bool) -> Result<(), StepFailure> {
        let context = self.context;
        let mut outcome = Ok(());
        for etcd in &context.pool.sites[side].etcd {
            let told = if follows {
                self.order(OrderKind::Follow, context.control.follow_in_etcd(etcd, side)).await
            } else {
                self.order(OrderKind::Lead, context.control.release_in_etcd(etcd)).await
            };
            match told {
                Ok(_) => {
                    if let Some(node) = context.nodes(side).first() {
                        self.facts.push(StepEvidence::Stored { side, node: node.name.clone(), follows, already: false });
                    }
                    return Ok(());
                }
                Err(error) => outcome = Err(trouble(error)),
            }
        }
        outcome
    }

    /// Nobody leads the other site, as far as that must be known before a site is made to lead again.
    async fn may_lead_again(&mut self, operation: &Operation, side: Side) -> Result<(), StepFailure> {
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
}

impl StepExecution<'_> {
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

/// Who has taken the order to hold a site.
#[derive(Debug, Clone, Copy)]
struct Held {
    /// Somebody has, and the site's Patroni will see to it.
    at_all: bool,
    /// Only its etcd was reached.
    by_etcd_alone: bool,
}

/// What each node of a site and its Patroni say within a limit.
async fn answers_of(context: &StepContext, side: Side, limit: Duration) -> Vec<Answers<'_>> {
    let picture = context.watched.picture();
    let ask = async |node: &'_ Node| {
        let position = tokio::time::timeout(limit, context.control.position(node));
        let (position, status) = join(position, tokio::time::timeout(limit, context.control.status(node))).await;
        let impostor = picture.node(&node.name).is_some_and(|(_, seen)| seen.impostor);
        (position.ok(), status.ok(), impostor)
    };
    let asked = join_all(context.nodes(side).iter().map(async |node| (node, ask(node).await)));
    asked.await.into_iter().map(|(node, (position, status, impostor))| Answers { node, position, status, impostor }).collect()
}

/// What is heard of a site beside which nobody must be made to lead.
pub(super) struct SiteAnswers {
    /// Nodes that accept writes by their own word, or let nobody in while their Patroni says that they are primary. A process that is gone is
    /// not one of them, whatever its Patroni has not noticed yet.
    pub(super) writing: Vec<NodeName>,
    /// Nodes of which nothing is known.
    pub(super) silent: Vec<NodeName>,
}

/// Asks the nodes of a site and their Patronis within a limit.
pub(super) async fn heard(context: &StepContext, side: Side, limit: Duration) -> SiteAnswers {
    let answers = answers_of(context, side, limit).await;
    let of = |wanted: WriteState| answers.iter().filter(|one| one.write_state(true) == wanted).map(|one| one.node.name.clone()).collect();
    SiteAnswers { writing: of(WriteState::Writes), silent: of(WriteState::Unknown) }
}

/// What a node that must not write and its Patroni have said; nothing where they were silent.
struct Answers<'a> {
    node: &'a Node,
    position: Option<Result<Position, ControlError>>,
    status: Option<Result<PatroniStatus, ControlError>>,
    /// Another server answers at the node's addresses.
    impostor: bool,
}

impl Answers<'_> {
    fn is_silence(&self) -> bool {
        self.position.is_none() && self.status.is_none()
    }

    /// Whether the node may accept writes. `held`: the site's own etcd says that it must not. A refused connection says nothing: it looks the
    /// same whether the process is gone or a firewall refuses in its name.
    fn write_state(&self, held: bool) -> WriteState {
        if self.impostor {
            return WriteState::Unknown;
        }
        match &self.position {
            Some(Ok(position)) if position.in_recovery => WriteState::ReadOnly,
            Some(Ok(_)) => WriteState::Writes,
            // It takes no new sessions.
            Some(Err(ControlError::Failed { failure, .. })) if failure.says_it_starts_or_stops() && held => WriteState::ReadOnly,
            // It lets nobody in, or does not answer in time: then its Patroni's word counts, whichever it is.
            _ => match &self.status {
                Some(Ok(status)) if status.may_write() => WriteState::Writes,
                Some(Ok(_)) => WriteState::ReadOnly,
                _ => WriteState::Unknown,
            },
        }
    }
}

/// What is known of a node that must not write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WriteState {
    /// It accepts no writes.
    ReadOnly,
    /// It does.
    Writes,
    /// It does not say.
    Unknown,
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

/// What an endpoint has answered to the order that fences it, as evidence.
fn fence_answer(endpoint: &EndpointName, order: OrderKind, told: Option<Result<(), ControlError>>) -> StepEvidence {
    let endpoint = endpoint.clone();
    let silence = || OrderFailure::Unanswered { failure: ProbeFailure::TimedOut { after: millis(FENCE_WITHIN) } };
    match told {
        Some(Ok(())) => StepEvidence::Fenced { endpoint },
        Some(Err(error)) => StepEvidence::OrderFailed { endpoint, order, answer: error.order_failure() },
        None => StepEvidence::OrderFailed { endpoint, order, answer: silence() },
    }
}

/// The answer, if it comes soon.
async fn within<T>(work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(FENCE_WITHIN, work).await.ok()
}

/// The proof, or what is missing to it.
fn judged(node: &NodeName, end: &LogEnd, timeline: Option<switchback_domain::Timeline>) -> (Option<StepEvidence>, Missing) {
    let missing = || Missing::ShutdownCheckpoint { last_record: end.kind.clone() };
    let (Some(record), Some(last), Some(replayed), Some(now)) = (end.record, end.end, end.replayed, end.timeline) else {
        return (None, missing());
    };
    if !end.in_recovery || !end.ends_in_shutdown || timeline.is_some_and(|before| before != now) {
        return (None, missing());
    }
    if last != replayed {
        return (None, Missing::Replay);
    }
    (Some(StepEvidence::ShutdownReplayed { node: node.clone(), record, end: last, timeline: now }), Missing::OldPrimaryGone)
}

/// The node that was primary when it was told to stop is among those that say they are not.
fn old_primary_spoke(operation: &Operation, gone: &[(NodeName, String)]) -> bool {
    let written = operation.steps.iter().rev().flat_map(|run| &run.facts).find_map(|fact| match fact {
        StepEvidence::Written { node, .. } => Some(node),
        _ => None,
    });
    written.is_some_and(|was| gone.iter().any(|(node, _)| node == was))
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchback_domain::{PatroniRole, PatroniState, fixture};

    fn failed(failure: ProbeFailure) -> ControlError {
        ControlError::Failed { endpoint: "postgres-a1".parse().expect("a name"), failure }
    }

    fn says(role: PatroniRole, state: PatroniState) -> PatroniStatus {
        PatroniStatus { role, state, said: String::new(), timeline: None }
    }

    #[test]
    fn a_node_that_lets_nobody_in_is_judged_by_its_patroni_and_one_that_is_gone_by_itself() {
        let pool = fixture::pool();
        let full = || Some(Err(failed(ProbeFailure::Sql { state: "53300".to_owned() })));
        let gone = || Some(Err(failed(ProbeFailure::Refused)));
        let primary = || Some(Ok(says(PatroniRole::Primary, PatroniState::Running)));
        let replica = || Some(Ok(says(PatroniRole::Replica, PatroniState::Running)));
        let stopping = || Some(Ok(says(PatroniRole::Primary, PatroniState::Stopping)));
        let stopped = || Some(Ok(says(PatroniRole::Primary, PatroniState::Stopped)));
        for (position, status, held, expected) in [
            (full(), primary(), true, WriteState::Writes),
            (full(), primary(), false, WriteState::Writes),
            (None, primary(), true, WriteState::Writes),
            (full(), replica(), true, WriteState::ReadOnly),
            (None, stopping(), true, WriteState::ReadOnly),
            (full(), None, true, WriteState::Unknown),
            (None, None, true, WriteState::Unknown),
            // Its own Patroni is there and says that it runs: only its port is shut to us.
            (gone(), primary(), true, WriteState::Writes),
            (gone(), primary(), false, WriteState::Writes),
            (gone(), stopped(), false, WriteState::ReadOnly),
            // Refused by whom, nobody knows.
            (gone(), None, false, WriteState::Unknown),
            (gone(), None, true, WriteState::Unknown),
            (gone(), Some(Err(failed(ProbeFailure::Refused))), true, WriteState::Unknown),
            (gone(), Some(Err(failed(ProbeFailure::Unreachable))), true, WriteState::Unknown),
            (gone(), Some(Err(failed(ProbeFailure::Status { code: 502 }))), true, WriteState::Unknown),
        ] {
            let told = format!("{position:?} {status:?} held {held}");
            let answers = Answers { node: &pool.sites.a.nodes[0], position, status, impostor: false };
            assert_eq!(answers.write_state(held), expected, "{told}");
            assert_eq!(Answers { impostor: true, ..answers }.write_state(held), WriteState::Unknown, "another server speaks: {told}");
        }
    }
}
