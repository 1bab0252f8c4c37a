//! What several steps need of the members behind `HAProxy`.

use super::StepExecution;
use crate::{
    operate::context::{StepContext, trouble},
    ports::{ControlError, MemberSeen},
};
use switchback_domain::{
    EndpointName, MemberState,
    operation::{MemberOrder, Missing, StepEvidence, StepFailure, StepRun},
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
    /// Notes what a member did before this step. Only the first attempt can see it: a later one sees what that one has made of it.
    pub(super) fn note_before(&mut self, run: &StepRun, seen: &MemberSeen) {
        if run.attempts == 1
            && let Some(order) = stands_for(seen.state)
        {
            self.facts.push(StepEvidence::MemberWas { member: seen.member.clone(), order });
        }
    }

    /// Tells every member of a proxy the same. Clients can write, so a proxy that is away is waited for.
    pub(super) async fn tell_all(&self, proxy: &EndpointName, order: MemberOrder) -> Result<(), StepFailure> {
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

    pub(super) async fn tell_and_see(&self, proxy: &EndpointName, order: MemberOrder) -> Result<Vec<StepEvidence>, StepFailure> {
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

pub(super) fn obeys(seen: &MemberSeen, order: MemberOrder) -> bool {
    match order {
        MemberOrder::Ready => matches!(seen.state, MemberState::Active | MemberState::Down),
        MemberOrder::Drain => matches!(seen.state, MemberState::Draining | MemberState::Standby | MemberState::Down),
        MemberOrder::Maintenance => seen.state == MemberState::Maintenance,
    }
}
