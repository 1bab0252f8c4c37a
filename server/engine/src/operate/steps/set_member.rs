//! Tell one member what to do.

use super::{StepExecution, members::obeys};
use crate::operate::context::trouble;
use switchback_domain::{
    ProbeFailure,
    operation::{MemberChange, Missing, Operation, OrderKind, StepEvidence, StepFailure},
};

impl StepExecution<'_> {
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

    /// Tells it again what it did before. Where that is not known it stays as it is, and the operation's end says so.
    pub(super) async fn undo_set_member(&mut self, operation: &Operation, number: usize, change: &MemberChange) -> Result<(), StepFailure> {
        match operation.steps[number].member_was(&change.member) {
            Some(to) => self.set_member(operation, number, &MemberChange { to, ..change.clone() }).await,
            None => Ok(()),
        }
    }
}
