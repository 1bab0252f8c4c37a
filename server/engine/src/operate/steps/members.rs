//! Members: whom `HAProxy` sends sessions to.

use super::StepExecution;
use crate::{
    operate::context::{Deadline, StepContext, trouble},
    ports::{ControlError, MemberSeen},
};
use futures::future::join_all;
use std::time::Duration;
use switchback_domain::{
    EndpointName, MemberState, Millis, ProbeFailure, Side,
    operation::{MemberChange, MemberOrder, Missing, Operation, OrderKind, StepEvidence, StepFailure, StepRun},
};

impl StepContext {
    /// Tells every member of a proxy the same.
    async fn tell_members(&self, proxy: &EndpointName, order: MemberOrder) -> Result<Vec<MemberSeen>, ControlError> {
        let members = self.control.members(proxy).await?;
        for seen in &members {
            self.control.tell_member(proxy, &seen.member, order).await?;
        }
        Ok(members)
    }

    /// No member of a proxy takes sessions any more, and those that are there end.
    pub(crate) async fn close_members(&self, proxy: &EndpointName) -> Result<(), ControlError> {
        self.tell_members(proxy, MemberOrder::Maintenance).await.map(drop)
    }

    /// Members that were closed take sessions again.
    pub(crate) async fn open_members(&self, proxy: &EndpointName) -> Result<(), ControlError> {
        self.tell_members(proxy, MemberOrder::Ready).await.map(drop)
    }
}

impl StepExecution<'_> {
    /// Takes sessions away gently, for as long as the policy allows. A member in maintenance has none, and is left there.
    pub(super) async fn drain(&mut self, operation: &Operation, number: usize, side: Side, at_most: Millis) -> Result<(), StepFailure> {
        let limit = Deadline::after(Duration::from_millis(at_most.0));
        let context = self.context;
        let proxies = &context.pool.sites[side].proxies;
        for proxy in proxies {
            for seen in context.control.members(proxy).await.map_err(trouble)? {
                if seen.state != MemberState::Maintenance {
                    self.note_before(&operation.steps[number], &seen);
                    let told = context.control.tell_member(proxy, &seen.member, MemberOrder::Drain);
                    self.order(OrderKind::TellMember, told).await.map_err(trouble)?;
                }
            }
        }
        loop {
            let seen = join_all(proxies.iter().map(|proxy| self.context.control.members(proxy))).await;
            let members: Vec<MemberSeen> = seen.into_iter().filter_map(Result::ok).flatten().collect();
            if members.iter().all(|seen| seen.sessions == 0) || limit.has_passed() {
                let fact =
                    |seen: MemberSeen| StepEvidence::Member { member: seen.member, order: MemberOrder::Drain, sessions: seen.sessions };
                self.facts.extend(members.into_iter().map(fact));
                return Ok(());
            }
            self.again(200, || Missing::Members { members: members.iter().map(|seen| seen.member.clone()).collect() }).await?;
        }
    }

    /// Takes a drain back: members take sessions again, unless it is known that they did not before.
    pub(super) async fn end_drain(&mut self, operation: &Operation, number: usize, side: Side) -> Result<(), StepFailure> {
        for proxy in &self.context.pool.sites[side].proxies {
            for seen in self.context.control.members(proxy).await.map_err(trouble)? {
                let order = operation.steps[number].member_was(&seen.member).unwrap_or(MemberOrder::Ready);
                if seen.state != MemberState::Maintenance {
                    self.context.control.tell_member(proxy, &seen.member, order).await.map_err(trouble)?;
                    self.facts.push(StepEvidence::Member { member: seen.member, order, sessions: seen.sessions });
                }
            }
        }
        Ok(())
    }

    /// Notes what a member did before this step. Only the first attempt can see it: a later one sees what that one has made of it.
    fn note_before(&mut self, run: &StepRun, seen: &MemberSeen) {
        if run.attempts == 1
            && let Some(order) = stands_for(seen.state)
        {
            self.facts.push(StepEvidence::MemberWas { member: seen.member.clone(), order });
        }
    }

    /// Members of the new active site take sessions first; then those of the other one lose theirs and stay up, ready for the way back.
    /// A proxy that does not answer holds up no other one.
    pub(super) async fn reroute(&mut self, operation: &Operation, to: Side) -> Result<(), StepFailure> {
        let emergency = operation.plan.intent.gives_up().is_some();
        let proxies = |side: Side| self.context.pool.sites[side].proxies.iter();
        let opened = join_all(proxies(to).map(|proxy| self.tell_and_see(proxy, MemberOrder::Ready))).await;
        let closed = join_all(proxies(to.other()).map(|proxy| self.close(proxy, emergency))).await;
        let mut outcome = Ok(());
        for told in opened.into_iter().chain(closed) {
            match told {
                Ok(facts) => self.facts.extend(facts),
                Err(trouble) => outcome = outcome.and(Err(trouble)),
            }
        }
        outcome
    }

    /// Maintenance ends the sessions. A member that is drained is checked and counts as standby; one in maintenance does not.
    async fn close(&self, proxy: &EndpointName, emergency: bool) -> Result<Vec<StepEvidence>, StepFailure> {
        if emergency {
            // The lost site's members stay closed; its proxy may be lost with it, then the fencer tells it when it comes back.
            let _ = self.context.close_members(proxy).await;
            return Ok(Vec::new());
        }
        self.tell_all(proxy, MemberOrder::Maintenance).await?;
        self.tell_and_see(proxy, MemberOrder::Drain).await
    }

    /// Tells every member of a proxy the same. Clients can write, so a proxy that is away is waited for.
    async fn tell_all(&self, proxy: &EndpointName, order: MemberOrder) -> Result<(), StepFailure> {
        loop {
            match self.context.tell_members(proxy, order).await {
                Ok(_) => return Ok(()),
                Err(error) => self.until_back(error).await?,
            }
        }
    }

    /// Lets a proxy that does not answer come back: it may only be starting again. What it has refused stays refused.
    async fn until_back(&self, error: ControlError) -> Result<(), StepFailure> {
        if !error.may_pass() || self.deadline.has_passed() {
            return Err(trouble(error));
        }
        self.again(200, || Missing::Answer).await
    }

    async fn tell_and_see(&self, proxy: &EndpointName, order: MemberOrder) -> Result<Vec<StepEvidence>, StepFailure> {
        self.tell_all(proxy, order).await?;
        loop {
            let members = match self.context.control.members(proxy).await {
                Ok(members) => members,
                Err(error) => {
                    self.until_back(error).await?;
                    // It starts with what its file says.
                    self.tell_all(proxy, order).await?;
                    continue;
                }
            };
            let late: Vec<_> = members.iter().filter(|seen| !obeys(seen, order)).map(|seen| seen.member.clone()).collect();
            // One that is down obeys too: its check decides, and readiness has counted those that are up.
            if late.is_empty() {
                let fact = |seen: MemberSeen| StepEvidence::Member { member: seen.member, order, sessions: seen.sessions };
                return Ok(members.into_iter().map(fact).collect());
            }
            self.again(100, || Missing::Members { members: late }).await?;
        }
    }

    /// Tells one member what to do, and sees that it does.
    pub(super) async fn set_member(&mut self, operation: &Operation, number: usize, change: &MemberChange) -> Result<(), StepFailure> {
        let context = self.context;
        let mut found = None;
        for proxy in &context.pool.sites[change.side].proxies {
            let members = context.control.members(proxy).await.map_err(trouble)?;
            if let Some(seen) = members.into_iter().find(|seen| seen.member == change.member) {
                self.note_before(&operation.steps[number], &seen);
                found = Some(proxy);
            }
        }
        let Some(proxy) = found else {
            let endpoint = self.context.pool.sites[change.side].proxies.first().cloned();
            return Err(match endpoint {
                Some(endpoint) => StepFailure::Endpoint { endpoint, failure: ProbeFailure::NoSuchBackend },
                None => StepFailure::NoLeader { side: change.side },
            });
        };
        self.order(OrderKind::TellMember, context.control.tell_member(proxy, &change.member, change.to)).await.map_err(trouble)?;
        loop {
            let members = self.context.control.members(proxy).await.map_err(trouble)?;
            if let Some(seen) = members.into_iter().find(|seen| seen.member == change.member && obeys(seen, change.to)) {
                self.facts.push(StepEvidence::Member { member: seen.member, order: change.to, sessions: seen.sessions });
                return Ok(());
            }
            self.again(100, || Missing::Members { members: vec![change.member.clone()] }).await?;
        }
    }
}

/// What a member would have to be told to do what it does now; nothing when that cannot be told from what it does.
fn stands_for(state: MemberState) -> Option<MemberOrder> {
    match state {
        MemberState::Active => Some(MemberOrder::Ready),
        MemberState::Draining | MemberState::Standby => Some(MemberOrder::Drain),
        MemberState::Maintenance => Some(MemberOrder::Maintenance),
        MemberState::Down | MemberState::Unknown => None,
    }
}

fn obeys(seen: &MemberSeen, order: MemberOrder) -> bool {
    match order {
        MemberOrder::Ready => matches!(seen.state, MemberState::Active | MemberState::Down),
        MemberOrder::Drain => matches!(seen.state, MemberState::Draining | MemberState::Standby | MemberState::Down),
        MemberOrder::Maintenance => seen.state == MemberState::Maintenance,
    }
}
