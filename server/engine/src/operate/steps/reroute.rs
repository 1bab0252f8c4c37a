//! Lead clients to the active site.

use super::StepExecution;
use futures::future::join_all;
use switchback_domain::{
    EndpointName, Side,
    operation::{MemberOrder, Operation, StepEvidence, StepFailure},
};

impl StepExecution<'_> {
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
}
