//! A store that was restored from a backup: what it says beside what the engines say, and the confirmation without which nothing is done.

use super::{PoolOperations, open_operation, stored_operation};
use crate::{
    audit::OpenDeed,
    ports::{Lease, RecordChange, StoreError},
};
use switchback_domain::{
    Confirmation, Login, RestoredPool, Side, SiteBeside,
    audit::Deed,
    error::ConfirmError,
    operation::{Entry, Event, Fence, OperationId, Outcome},
};

impl PoolOperations {
    /// What a restored store says about the pool, beside what its engines say now; nothing when there is nothing to confirm.
    pub(crate) fn restored(&self) -> Option<RestoredPool> {
        let (pool_state, picture) = (self.watched.pool_state(), self.watched.picture());
        let site = |side| SiteBeside {
            site: picture.sites[side].id.clone(),
            fenced: pool_state.fences.iter().any(|fence| fence.side == side),
            made_active: pool_state.made_active.as_ref().is_some_and(|made| made.side == side),
            role: picture.sites[side].role,
            active: picture.active == Some(side),
            leader: picture.sites[side].leader.clone(),
            timeline: picture.sites[side].leader.as_ref().and_then(|leader| picture.node(leader)).and_then(|(_, node)| node.timeline),
            heard_at: picture.sites[side].heard_at,
        };
        Some(RestoredPool {
            pool: picture.pool.clone(),
            restored: pool_state.restored?,
            epoch: pool_state.epoch,
            operation: pool_state.operation.map(|summary| summary.id),
            sites: Side::BOTH.map(site).to_vec(),
        })
    }

    /// Takes a confirmation in: from then on the console acts on the pool again. The confirmation and every refusal are in the audit history.
    pub(crate) async fn confirm_restored(
        &self,
        confirmation: &Confirmation,
        by: &Login,
        from: &str,
    ) -> Result<Result<(), ConfirmError>, StoreError> {
        let deed = self.audited(by, from, Deed::RestoredConfirmed);
        let outcome = {
            let _turn = self.turn.lock().await;
            self.confirm(confirmation, by, &deed).await?
        };
        match &outcome {
            Ok(()) => self.wake.notify_one(),
            Err(refused) => {
                let detail = serde_json::json!({ "reason": refused.code(), "refusal": refused, "confirmation": confirmation });
                self.store.append(&deed.refused(self.clock.now(), detail)).await?;
            }
        }
        Ok(outcome)
    }

    async fn confirm(&self, confirmation: &Confirmation, by: &Login, deed: &OpenDeed) -> Result<Result<(), ConfirmError>, StoreError> {
        self.read_record(None).await?;
        let Some(beside) = self.restored() else { return Ok(Err(ConfirmError::NothingToConfirm)) };
        if let Err(refused) = beside.judge(confirmation) {
            return Ok(Err(refused));
        }
        let Some(lease) = self.take_lease().await? else { return Ok(Err(ConfirmError::LeaseHeld)) };
        let confirmed = self.confirm_under(&lease, &beside, confirmation, by, deed).await;
        self.give_back(&lease).await;
        match confirmed {
            Ok(()) => {
                self.read_record(None).await?;
                Ok(Ok(()))
            }
            // Somebody else was faster.
            Err(StoreError::Taken) => Ok(Err(ConfirmError::LeaseHeld)),
            Err(error) => Err(error),
        }
    }

    async fn confirm_under(
        &self,
        lease: &Lease,
        beside: &RestoredPool,
        confirmation: &Confirmation,
        by: &Login,
        deed: &OpenDeed,
    ) -> Result<(), StoreError> {
        if let Some(open) = self.store.open_operation_of(&beside.pool).await? {
            self.abandon(lease, open, by, deed).await?;
        }
        // Whatever was decided by what the engines are past is void.
        let mut changes = vec![RecordChange::Epoch(beside.epoch.next())];
        for fence in self.watched.pool_state().fences {
            if confirmation.lift.contains(&self.watched.pool.sites[fence.side].id) {
                changes.push(RecordChange::FenceDown(fence.side));
            }
        }
        // Nobody here knows which operation has put such a fence up.
        let missing = |side: &Side| {
            let site = &self.watched.pool.sites[*side].id;
            confirmation.fence.contains(site) && beside.sites.iter().any(|beside| beside.site == *site && !beside.fenced)
        };
        for side in Side::BOTH.into_iter().filter(missing) {
            let (epoch, since) = (beside.epoch.next(), self.clock.now());
            let fence = Fence { side, epoch, operation: None, since, expected_loss: None, answers: Vec::new() };
            changes.push(RecordChange::FenceUp(fence));
        }
        let audit = deed.clone().done(self.clock.now(), serde_json::json!({ "confirmation": confirmation, "seen": beside }));
        self.store.confirm_restored(lease, beside.restored, &changes, &audit).await
    }

    /// An operation that was open when the backup was taken has come to some end since, which nobody knows here: it is not carried on.
    async fn abandon(&self, lease: &Lease, id: OperationId, by: &Login, deed: &OpenDeed) -> Result<(), StoreError> {
        let operation = match stored_operation(&*self.store, id).await {
            Ok(operation) => operation,
            Err(StoreError::Unreadable(entry)) => {
                return self.store.close_unread(lease, &self.closing(id, entry, by, deed.actor(), "restored_confirmed")).await;
            }
            Err(error) => return Err(error),
        };
        let entry = Entry { at: self.clock.now(), event: Event::Finished { outcome: Outcome::Abandoned { by: by.clone() } } };
        let audit = open_operation::audit_entry(&operation, &entry, deed.actor());
        let mut ended = operation.clone();
        ended.evolve(&entry).map_err(|bad| StoreError::Unreadable(bad.into()))?;
        self.store.append_entry(lease, id, operation.events, &entry, audit.as_ref(), &[], &ended.summary()).await
    }
}
