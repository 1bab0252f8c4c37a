//! Take the members' sessions away gently, and give them back.

use super::StepExecution;
use crate::{
    operate::context::{Deadline, trouble},
    ports::MemberSeen,
};
use futures::future::join_all;
use std::time::Duration;
use switchback_domain::{
    MemberState, Millis, Side,
    operation::{MemberOrder, Missing, Operation, OrderKind, StepEvidence, StepFailure},
};

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
    pub(super) async fn undo_drain(&mut self, operation: &Operation, number: usize, side: Side) -> Result<(), StepFailure> {
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
}
