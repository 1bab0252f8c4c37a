//! What stands about a pool in the store: read again and again, because another console may have changed it, and kept to.

use super::{Operator, fencer, locked, scene::Scene};
use crate::ports::{RecordChange, StoreError};
use std::sync::Arc;
use switchback_domain::operation::{Epoch, Fence, MadeActive, Operation, OperationId, Step};

impl Operator {
    pub(super) async fn read_record(&self, scene: Option<&Scene>) -> Result<(), StoreError> {
        let record = self.store.record(&self.watched.pool.id).await?;
        // What a restored store says about fences may be older than the truth: the site that it would keep down may be the active one now.
        let mut kept = if record.unconfirmed.is_none() { record.fences.clone() } else { Vec::new() };
        let made_active = self.look_up_made_active(record.epoch).await?;
        if let Some(begun) = self.begun_fence(&kept).await? {
            // Nothing rests on it yet, and people may have brought this site back, or stopped the other one, while the console was away. Its
            // own step fences it, or asks.
            let fencers = locked(&self.fencers);
            kept.retain(|fence| fence.operation != begun || fencers.iter().any(|(running, _)| running.side == fence.side));
        }
        self.set_fences(scene, &kept);
        let standing = self.watched.standing();
        let cool_until = record.ended_at.and_then(|at| self.cool_until(at));
        let same = (standing.epoch, &standing.fences, standing.cool_until, &standing.made_active, standing.restored)
            == (record.epoch, &record.fences, cool_until, &made_active, record.unconfirmed);
        if !same {
            self.watched.change_standing(|standing| {
                standing.epoch = record.epoch;
                standing.fences = record.fences;
                standing.cool_until = cool_until;
                standing.made_active = made_active;
                standing.restored = record.unconfirmed;
            });
        }
        Ok(())
    }

    /// Which site the pool's own operations made active last: the newest one of which the point of no return was passed has answered that.
    async fn look_up_made_active(&self, epoch: Epoch) -> Result<Option<MadeActive>, StoreError> {
        if let Some((known, made)) = &*locked(&self.made_active)
            && *known == epoch
        {
            return Ok(made.clone());
        }
        let mut made = None;
        if epoch > Epoch::default() {
            for operation in self.store.operations(Some(&self.watched.pool.id), u32::MAX).await? {
                let journal = self.store.journal(operation).await?;
                let passed = Operation::from_journal(operation, &journal).ok().filter(Operation::is_past_no_return);
                made = passed.and_then(|passed| passed.plan.intent.side()).map(|side| MadeActive { side, operation });
                if made.is_some() {
                    break;
                }
            }
        }
        *locked(&self.made_active) = Some((epoch, made.clone()));
        Ok(made)
    }

    /// The operation that has put up one of these fences and on which nothing rests yet: a failover that may still be undone, or a fence
    /// between two sites that both write that was not seen to hold.
    async fn begun_fence(&self, fences: &[Fence]) -> Result<Option<OperationId>, StoreError> {
        if fences.is_empty() {
            return Ok(None);
        }
        let Some(id) = self.store.open_operation_of(&self.watched.pool.id).await? else { return Ok(None) };
        if !fences.iter().any(|fence| fence.operation == id) {
            return Ok(None);
        }
        let operation = Operation::from_journal(id, &self.store.journal(id).await?);
        let holds = |operation: Operation| match operation.plan.no_return().map(|at| (&operation.plan.steps[at], &operation.steps[at])) {
            Some((Step::Fence { .. }, run)) => run.is_behind(),
            _ => operation.is_past_no_return(),
        };
        Ok(operation.is_ok_and(|operation| !holds(operation)).then_some(id))
    }

    /// Takes in what has just been written about the pool: a fence is kept from the moment that it is written, and no longer than it is.
    pub(super) fn take_changes_in(&self, scene: &Scene, changes: &[RecordChange]) {
        if changes.is_empty() {
            return;
        }
        self.watched.change_standing(|standing| {
            for change in changes {
                match change {
                    RecordChange::Epoch(epoch) => standing.epoch = *epoch,
                    RecordChange::FenceUp(fence) => {
                        standing.fences.retain(|other| other.side != fence.side);
                        standing.fences.push(fence.clone());
                    }
                    RecordChange::FenceDown(side) => standing.fences.retain(|fence| fence.side != *side),
                    // It is shown when the operation leaves the desk.
                    RecordChange::Ended(_) => {}
                }
            }
        });
        self.set_fences(Some(scene), &self.watched.standing().fences);
    }

    /// A fencer for each fenced site, and none for the others.
    fn set_fences(&self, scene: Option<&Scene>, fences: &[Fence]) {
        let Some(scene) = scene else { return };
        let mut fencers = locked(&self.fencers);
        fencers.retain(|(kept, _)| fences.contains(kept));
        for fence in fences {
            if !fencers.iter().any(|(kept, _)| kept == fence) {
                let lifted = scene.stop.child_token();
                let record = fencer::Record { store: Arc::clone(&self.store), side: fence.side };
                tokio::spawn(fencer::keep_fenced(scene.clone(), record, lifted.clone()));
                fencers.push((fence.clone(), lifted.drop_guard()));
            }
        }
    }
}
