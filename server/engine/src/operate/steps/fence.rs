//! Shut a site out, and let it in again.

use super::{
    LOOK_WITHIN, StepExecution,
    silence::{Answers, FENCE_WITHIN, SLOW_WITHIN, WriteState, answers_of, heard, within},
};
use crate::{
    operate::{context::trouble, meter::Meter},
    ports::{ClusterMode, ControlError},
    time::millis,
};
use futures::future::{join_all, join4};
use std::{sync::PoisonError, time::Duration};
use switchback_domain::{
    EndpointName, NodeName, NodeState, ProbeFailure, Side,
    operation::{FenceAnswer, Missing, Operation, OrderFailure, OrderKind, StepEvidence, StepFailure, StepRun},
};

/// Patroni reads what was written into its etcd within its `loop_wait` (10 s unless configured), and stops its primary then.
const READ_IN_ETCD_WITHIN: Duration = Duration::from_secs(13);

/// The last message of a site that has just died is taken note of for so long by those who see its signs of life.
const SIGNS_END_WITHIN: Duration = Duration::from_secs(5);

impl StepExecution<'_> {
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

    /// One of these nodes has said that it writes after somebody had said that it is off.
    fn refuted(&self, operation: &Operation, silent: &[NodeName]) -> bool {
        let picture = self.context.watched.picture();
        let wrote_since = |name: &NodeName| {
            let node = picture.node(name).map(|(_, node)| node).filter(|node| node.state == NodeState::AcceptingWrites);
            node.is_some_and(|node| node.knowledge.seen_at() > operation.attested_at())
        };
        silent.iter().any(wrote_since)
    }

    /// Takes a fence back, as far as anything of the site answers: what does not answer was not fenced, or comes back as a standby.
    pub(super) async fn undo_fence(&mut self, operation: &Operation, side: Side) -> Result<(), StepFailure> {
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
}

/// Who has taken the order to hold a site.
#[derive(Debug, Clone, Copy)]
struct Held {
    /// Somebody has, and the site's Patroni will see to it.
    at_all: bool,
    /// Only its etcd was reached.
    by_etcd_alone: bool,
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
