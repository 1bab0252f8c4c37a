//! An open operation whose journal cannot be read: damaged, or written by a newer console. It is shown, and bars nobody: nothing of it is
//! resumed or taken back, and the next operation that somebody begins closes it in the same transaction.

use super::{PoolOperations, locked, stored_operation};
use crate::{
    audit::{Actor, audited},
    ports::{Closing, RecordChange, StoreError},
};
use std::error::Error;
use switchback_domain::{
    Login,
    audit::Deed,
    operation::{Entry, Event, Fence, OperationId, OperationSummary, Outcome, StageCode, UnreadableEntry},
};

impl PoolOperations {
    /// Shows on the pool that there is an operation of which nobody knows how far it has come.
    pub(super) async fn show_unreadable(&self, id: OperationId, entry: UnreadableEntry) -> Result<(), StoreError> {
        let known = self.store.summary(id).await?.unwrap_or_else(|| OperationSummary::unknown(id, self.watched.pool.id.clone()));
        let shown = OperationSummary { stage: StageCode::Unreadable, unreadable: Some(entry), step: None, ..known };
        if self.watched.pool_state().operation.as_ref() != Some(&shown) {
            tracing::error!(operation = %id, pool = %self.watched.pool.id, error = &entry as &dyn Error, "the operation cannot be read, so it is not taken up again; another one can be begun");
            self.watched.change_standing(|pool_state| pool_state.operation = Some(shown));
        }
        Ok(())
    }

    /// The open operation of the pool, if its journal cannot be read. What is shown is brought up to date with what is found.
    pub(super) async fn find_unreadable(&self) -> Result<Option<(OperationId, UnreadableEntry)>, StoreError> {
        // The open operation was read, and is known whatever becomes of the store.
        if locked(&self.open).is_some() {
            return Ok(None);
        }
        let Some(id) = self.store.open_operation_of(&self.watched.pool.id).await? else {
            if self.watched.pool_state().operation.is_some() {
                self.watched.change_standing(|pool_state| pool_state.operation = None);
            }
            return Ok(None);
        };
        match stored_operation(&*self.store, id).await {
            Ok(operation) => {
                self.watched.change_standing(|pool_state| pool_state.operation = Some(operation.summary()));
                Ok(None)
            }
            Err(StoreError::Unreadable(entry)) => {
                self.show_unreadable(id, entry).await?;
                Ok(Some((id, entry)))
            }
            Err(error) => Err(error),
        }
    }

    /// How an operation that cannot be read is closed because of what `by` does. A fence of it on which nothing rests goes with it: the
    /// intent to promote raises the epoch, so in an earlier epoch no other site was told to lead.
    pub(super) fn closing(&self, id: OperationId, entry: UnreadableEntry, by: &Login, actor: &Actor, because: &str) -> Closing {
        let pool_state = self.watched.pool_state();
        let begun = pool_state.fences.iter().filter(|fence| fence.operation == Some(id) && pool_state.epoch < fence.epoch);
        let lifted: Vec<_> = begun.map(|fence| fence.side).collect();
        let (at, outcome) = (self.clock.now(), Outcome::ClosedUnread { by: by.clone() });
        let detail = serde_json::json!({
            "pool": self.watched.pool.id,
            "entry": entry.number,
            "cause": entry.cause,
            "because": because,
            "fences_lifted": lifted,
        });
        let audit = audited(actor, Deed::OperationClosedUnread, id.to_string()).done(at, detail);
        let changes = lifted.into_iter().map(RecordChange::FenceDown).collect();
        Closing { operation: id, entry: Entry { at, event: Event::Finished { outcome } }, audit, changes }
    }

    /// An unreadable operation has been closed: fences that went with it are kept no longer.
    pub(super) async fn take_closing_in(&self, closing: &Closing) -> Result<(), StoreError> {
        if !closing.changes.is_empty() {
            self.read_record(None).await?;
            let fences = self.watched.pool_state().fences;
            locked(&self.fencers).retain(|(kept, _)| fences.iter().any(|fence: &Fence| fence.is_same(kept)));
        }
        Ok(())
    }
}
