//! What stands about a pool in the store: read again and again, because another console may have changed it, and kept to.

use super::{PoolOperations, context::StepContext, fencer, locked, stored_operation};
use crate::{
    audit::{Actor, audited},
    ports::{RecordChange, StoreError},
};
use std::sync::Arc;
use switchback_domain::{
    audit::Deed,
    operation::{Epoch, Fence, MadeActive, Operation, OperationId, Step},
};
use switchback_journal_format::answer_to_json;

impl PoolOperations {
    pub(super) async fn read_record(&self, context: Option<&StepContext>) -> Result<(), StoreError> {
        let mut record = self.store.record(&self.watched.pool.id).await?;
        // What the fencer has heard since it was written down last stays beside it.
        for fence in &mut record.fences {
            let known = self.watched.pool_state().fences.into_iter().find(|known| known.is_same(fence));
            for answer in known.into_iter().flat_map(|known| known.answers) {
                fence.take(answer);
            }
        }
        // What a restored store says about fences may be older than the truth: the site that it would keep down may be the active one now.
        let mut kept = if record.unconfirmed.is_none() { record.fences.clone() } else { Vec::new() };
        let made_active = self.look_up_made_active(record.epoch).await?;
        if let Some(begun) = self.begun_fence(&kept, record.epoch).await? {
            // Nothing rests on it yet, and people may have brought this site back, or stopped the other one, while the console was away. Its
            // own step fences it, or asks.
            let fencers = locked(&self.fencers);
            kept.retain(|fence| fence.operation != Some(begun) || fencers.iter().any(|(running, _)| running.side == fence.side));
        }
        self.set_fences(context, &kept);
        let pool_state = self.watched.pool_state();
        let cool_until = record.ended_at.and_then(|at| self.cool_until(at));
        let same = (pool_state.epoch, &pool_state.fences, pool_state.cool_until, &pool_state.made_active, pool_state.restored)
            == (record.epoch, &record.fences, cool_until, &made_active, record.unconfirmed);
        if !same {
            self.watched.change_standing(|pool_state| {
                pool_state.epoch = record.epoch;
                pool_state.fences = record.fences;
                pool_state.cool_until = cool_until;
                pool_state.made_active = made_active;
                pool_state.restored = record.unconfirmed;
            });
        }
        Ok(())
    }

    /// Writes down how endpoints have answered the fencer since that was done last, as long as no operation is open: an entry of its
    /// own would stand in the way of the driver's. It belongs to the operation that has put the fence up, also after its end.
    pub(super) async fn keep_fence_answers(&self) -> Result<(), StoreError> {
        let known = self.watched.pool_state().fences;
        if known.iter().all(|fence| fence.answers.is_empty()) {
            return Ok(());
        }
        let _turn = self.turn.lock().await;
        if locked(&self.open).is_some() {
            return Ok(());
        }
        let record = self.store.record(&self.watched.pool.id).await?;
        // A restored store is only read until it is confirmed.
        if record.unconfirmed.is_some() {
            return Ok(());
        }
        let written = record.fences;
        let news = |fence: &&Fence| written.iter().any(|before| before.is_same(fence) && before.answers != fence.answers);
        let news: Vec<&Fence> = known.iter().filter(news).collect();
        if news.is_empty() {
            return Ok(());
        }
        // Whoever holds it writes down what its own fencer hears.
        let Some(lease) = self.take_lease().await? else { return Ok(()) };
        for fence in news {
            let before = written.iter().find(|before| before.is_same(fence)).map(|before| &before.answers[..]).unwrap_or_default();
            let answers: Vec<_> = fence.answers.iter().filter(|answer| !before.contains(answer)).map(answer_to_json).collect();
            let subject = fence.operation.map_or_else(|| self.watched.pool.id.to_string(), |operation| operation.to_string());
            let deed = audited(&Actor::console(), Deed::FenceAnswered, subject);
            let detail = serde_json::json!({ "pool": self.watched.pool.id, "side": fence.side, "answers": answers });
            let audit = deed.done(self.clock.now(), detail);
            self.store.change_record(&lease, &RecordChange::FenceUp(fence.clone()), &audit).await?;
        }
        self.give_back(&lease).await;
        Ok(())
    }

    /// Which site the pool's own operations made active last: the newest one of which the point of no return was passed has answered that.
    async fn look_up_made_active(&self, epoch: Epoch) -> Result<Option<MadeActive>, StoreError> {
        if let Some((known, made)) = &*locked(&self.made_active)
            && *known == epoch
        {
            return Ok(made.clone());
        }
        let made = if epoch > Epoch::default() { self.store.made_active(&self.watched.pool.id).await? } else { None };
        *locked(&self.made_active) = Some((epoch, made.clone()));
        Ok(made)
    }

    /// The operation that has put up one of these fences and on which nothing rests yet: a failover that may still be undone, or a fence
    /// between two sites that both write that was not seen to hold.
    async fn begun_fence(&self, fences: &[Fence], epoch: Epoch) -> Result<Option<OperationId>, StoreError> {
        if fences.is_empty() {
            return Ok(None);
        }
        let Some(id) = self.store.open_operation_of(&self.watched.pool.id).await? else { return Ok(None) };
        let Some(fence) = fences.iter().find(|fence| fence.operation == Some(id)) else { return Ok(None) };
        let operation = match stored_operation(&*self.store, id).await {
            Ok(operation) => operation,
            // The intent to promote raises the epoch, so before that nothing rests on the fence. After it nobody knows, and it is kept.
            Err(StoreError::Unreadable(_)) => return Ok((epoch < fence.epoch).then_some(id)),
            Err(error) => return Err(error),
        };
        let holds = |operation: Operation| match operation.plan.no_return().map(|at| (&operation.plan.steps[at], &operation.steps[at])) {
            Some((Step::Fence { .. }, run)) => run.is_behind(),
            _ => operation.is_past_no_return(),
        };
        Ok((!holds(operation)).then_some(id))
    }

    /// Takes in what has just been written about the pool: a fence is kept from the moment that it is written, and no longer than it is.
    pub(super) fn take_changes_in(&self, context: &StepContext, changes: &[RecordChange]) {
        if changes.is_empty() {
            return;
        }
        self.watched.change_standing(|pool_state| {
            for change in changes {
                match change {
                    RecordChange::Epoch(epoch) => pool_state.epoch = *epoch,
                    RecordChange::FenceUp(fence) => {
                        pool_state.fences.retain(|other| other.side != fence.side);
                        pool_state.fences.push(fence.clone());
                    }
                    RecordChange::FenceDown(side) => pool_state.fences.retain(|fence| fence.side != *side),
                    // It is shown when the operation is not open any more.
                    RecordChange::Ended(_) => {}
                }
            }
        });
        self.set_fences(Some(context), &self.watched.pool_state().fences);
    }

    /// A fencer for each fenced site, and none for the others.
    fn set_fences(&self, context: Option<&StepContext>, fences: &[Fence]) {
        let Some(context) = context else { return };
        let mut fencers = locked(&self.fencers);
        fencers.retain(|(kept, _)| fences.iter().any(|fence| fence.is_same(kept)));
        for fence in fences {
            if !fencers.iter().any(|(kept, _)| kept.is_same(fence)) {
                let lifted = context.stop.child_token();
                let record = fencer::Record { store: Arc::clone(&self.store), side: fence.side, fence: fence.clone() };
                tokio::spawn(fencer::keep_fenced(context.clone(), record, lifted.clone()));
                fencers.push((fence.clone(), lifted.drop_guard()));
            }
        }
    }
}
