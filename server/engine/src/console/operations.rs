//! What the console is asked about operations. The caller comes first, everything that changes something is in the audit history.

use super::Console;
use crate::{
    audit::{Actor, audited},
    live::{Live, LiveStream},
    operate,
    ports::{IdempotencyKey, StoreError},
};
use std::sync::Arc;
use switchback_domain::{
    Confirmation, PoolId, RestoredPool,
    audit::Deed,
    error::{ConfirmError, ConsoleError, RequestError, WishError},
    operation::{
        Choice, ControlRequest, Evidence, FoundLoss, Intent, Operation, OperationId, OperationSummary, Plan, PlanChange, Planned, Report,
        Request, tell_found_losses,
    },
    people::Caller,
    permission::Action,
    text::visible,
};

/// More than anybody reads at once.
const OPERATIONS_MAX: u32 = 200;

impl Console {
    /// The plan for what somebody wants, as the pool stands now, and the hash under which it is requested.
    ///
    /// # Errors
    /// When the caller's session has ended, or no pool has this name.
    #[expect(clippy::unused_async, reason = "approvals and policies will be read from the store here")]
    pub async fn plan(&self, caller: &Caller, pool: &PoolId, intent: Intent) -> Result<Planned, ConsoleError> {
        self.operator(caller, pool, Action::See).map(|operator| operator.show_plan(intent))
    }

    /// What has changed between a plan and an earlier one for the same, by the earlier one's hash; nothing when that is not remembered.
    ///
    /// # Errors
    /// When the caller's session has ended, or no pool has this name.
    pub fn changes_since(&self, caller: &Caller, seen: &str, now: &Plan) -> Result<Vec<PlanChange>, ConsoleError> {
        self.operator(caller, &now.pool, Action::See).map(|operator| operator.changes_since(seen, now))
    }

    /// What a restored store says about a pool, beside what its engines say; nothing when there is nothing to confirm.
    ///
    /// # Errors
    /// When the caller's session has ended, or no pool has this name.
    pub fn restored(&self, caller: &Caller, pool: &PoolId) -> Result<Option<RestoredPool>, ConsoleError> {
        self.operator(caller, pool, Action::See).map(operate::PoolOperations::restored)
    }

    /// Confirms what a restored store says about a pool: from then on the console acts on it again.
    ///
    /// # Errors
    /// Why it was not taken; the refusal is in the audit history.
    pub async fn confirm_restored(
        &self,
        caller: &Caller,
        pool: &PoolId,
        confirmation: &Confirmation,
        from: &str,
    ) -> Result<(), ConfirmError> {
        let operator = self.operator(caller, pool, Action::ConfirmRestored);
        let operator = self.noted(caller, Deed::RestoredConfirmed, pool.as_str(), from, operator).await?;
        let confirmation = &Confirmation { reason: visible(&confirmation.reason).into_owned(), ..confirmation.clone() };
        operator.confirm_restored(confirmation, &caller.person.login, from).await.map_err(|error| self.failed(&error))?
    }

    /// Asks for an operation, after having seen its plan. Under a key, the same asked again gets the same answer and begins nothing, for a
    /// day; the answer is remembered in the same transaction that begins it. `from` is the address of whoever asks.
    ///
    /// # Errors
    /// Why it was not begun; then nothing has happened, and the refusal is in the audit history.
    pub async fn request(
        &self,
        caller: &Caller,
        request: Request,
        key: Option<IdempotencyKey>,
        from: &str,
    ) -> Result<OperationId, RequestError> {
        let operator = self.operator(caller, &request.pool, Action::Request(request.intent.kind()));
        let operator = self.noted(caller, Deed::OperationRequested, request.pool.as_str(), from, operator).await?;
        let mut request = request;
        for text in [&mut request.reason, &mut request.ticket, &mut request.attestation] {
            *text = visible(text).into_owned();
        }
        let login = &caller.person.login;
        let key = key.map(|key| IdempotencyKey { key: format!("{login}:{}", key.key), ..key });
        operator.request(request, key, login, from).await.map_err(|error| self.failed(&error))?
    }

    /// An operation and how far it has come.
    ///
    /// # Errors
    /// When there is none of this number, the session has ended, or the store failed.
    pub async fn operation(&self, caller: &Caller, id: OperationId) -> Result<Arc<Operation>, ConsoleError> {
        self.allowed(caller, Action::See)?;
        match self.live_operation(id) {
            Some(live) => Ok(live.value()),
            None => self.stored_operation(id).await.map(Arc::new),
        }
    }

    /// The newest operations of one pool, or of all, newest first; at most 200.
    ///
    /// # Errors
    /// When no pool has this name, the session has ended, or the store failed.
    pub async fn operations(&self, caller: &Caller, pool: Option<&PoolId>, most: u32) -> Result<Vec<OperationSummary>, ConsoleError> {
        self.allowed(caller, Action::See)?;
        if let Some(pool) = pool {
            self.watched(caller, pool)?;
        }
        let mut summaries = self.store.summaries(pool, most.min(OPERATIONS_MAX)).await.map_err(|error| self.failed(&error))?;
        for summary in summaries.iter_mut().filter(|summary| !summary.stage.is_end()) {
            // What is shown live may be ahead of what is written, and whether it can still be read is known only there.
            let shown = self.watched(caller, &summary.pool).ok().and_then(|watched| watched.pool_state().operation);
            match self.live_operation(summary.id) {
                Some(live) => *summary = live.value().summary(),
                None => *summary = shown.filter(|shown| shown.id == summary.id).unwrap_or_else(|| summary.clone()),
            }
        }
        tell_found_losses(&mut summaries);
        Ok(summaries)
    }

    /// Takes in what somebody wants of a running operation. Wanting it twice is wanting it once.
    ///
    /// # Errors
    /// Why it was not taken; the refusal is in the audit history.
    pub async fn wish(&self, caller: &Caller, id: OperationId, wish: ControlRequest, from: &str) -> Result<(), WishError> {
        let operator = self.operator_of(caller, id, Action::Steer).await;
        let operator = self.noted(caller, Deed::OperationWish, &id.to_string(), from, operator).await?;
        operator.wish(id, wish, &caller.person.login, from).await.map_err(|error| self.failed(&error))?
    }

    /// Answers an operation's open question, with a reason and, where something is given up for good, the typed name of the site.
    ///
    /// # Errors
    /// Why it was not taken; the refusal is in the audit history.
    pub async fn answer(
        &self,
        caller: &Caller,
        id: OperationId,
        question: u32,
        choice: Choice,
        (reason, typed_site): (&str, &str),
        from: &str,
    ) -> Result<(), WishError> {
        let operator = self.operator_of(caller, id, Action::Answer).await;
        let operator = self.noted(caller, Deed::OperationAnswer, &id.to_string(), from, operator).await?;
        operator
            .answer(id, question, choice, (&*visible(reason), typed_site), &caller.person.login, from)
            .await
            .map_err(|error| self.failed(&error))?
    }

    /// An operation's live stream; it goes on after `last_event_id` if that is still known. Of one that has ended it has the whole value and
    /// nothing more.
    ///
    /// # Errors
    /// When there is none of this number, the session has ended, or the store failed.
    pub async fn watch_operation(&self, caller: &Caller, id: OperationId, last_event_id: Option<&str>) -> Result<LiveStream, ConsoleError> {
        self.allowed(caller, Action::See)?;
        let live = match self.live_operation(id) {
            Some(live) => live,
            None => Arc::new(Live::new(Arc::clone(&self.boot), Arc::new(self.stored_operation(id).await?))),
        };
        let ended = live.value().is_finished();
        let stream = LiveStream::watch(Arc::clone(&live), Arc::clone(&self.clock), last_event_id, caller.session_ends_at);
        if ended {
            live.close();
        }
        Ok(stream)
    }

    /// The report of an operation. That of a failover grows when the lost site comes back: what later operations find there is its loss.
    ///
    /// # Errors
    /// When there is none of this number, its pool is not configured any more, the session has ended, or the store failed.
    pub async fn report(&self, caller: &Caller, id: OperationId) -> Result<Report, ConsoleError> {
        let operation = self.operation(caller, id).await?;
        let pool = &self.watched(caller, &operation.plan.pool)?.pool;
        let found = self.found_after(caller, &operation).await?;
        let mut report = operation.report(pool, operate::hash(&operation.plan), found);
        let fences = self.watched(caller, &operation.plan.pool)?.pool_state().fences;
        report.fences = fences.into_iter().filter(|fence| fence.operation == Some(id)).collect();
        Ok(report)
    }

    /// What the operations after a failover found in the site that it gave up, as long as no other site has become active since: whatever
    /// is found then was lost by another one.
    async fn found_after(&self, caller: &Caller, failover: &Operation) -> Result<Option<FoundLoss>, ConsoleError> {
        // Nothing begins before it has ended, and while it runs its page asks for it often.
        if !failover.may_have_lost() || !failover.is_finished() {
            return Ok(None);
        }
        let ids = self.store.operations(Some(&failover.plan.pool), u32::MAX).await.map_err(|error| self.failed(&error))?;
        let mut found: Option<FoundLoss> = None;
        for id in ids.into_iter().rev().filter(|id| *id > failover.id) {
            let later = match self.operation(caller, id).await {
                Ok(later) => later,
                // Whether another site has become active with it is not known, so nothing behind it is looked at.
                Err(ConsoleError::UnreadableOperation { .. }) => break,
                Err(error) => return Err(error),
            };
            if !later.is_next_after(failover) {
                break;
            }
            // Counted is better than measured by positions; of the same kind it is the first one that saw most, and the last one that counted.
            let better = |new: &FoundLoss, old: &FoundLoss| match (&new.writes, &old.writes) {
                (Some(new), Some(old)) => new.transactions >= old.transactions,
                (None, None) => new.bytes > old.bytes,
                (new, _) => new.is_some(),
            };
            found = later.found_of(failover).filter(|new| found.as_ref().is_none_or(|old| better(new, old))).or(found);
        }
        Ok(found)
    }

    /// What an operation keeps for people beside its journal, by name.
    ///
    /// # Errors
    /// When there is none of this number, the session has ended, or the store failed.
    pub async fn evidence_names(&self, caller: &Caller, id: OperationId) -> Result<Vec<Evidence>, ConsoleError> {
        self.pool_of(caller, id).await?;
        self.store.evidence_names(id).await.map_err(|error| self.failed(&error))
    }

    /// The content of one of them; nothing when there is none of this name. It may hold whatever the pool's tables hold, so who has read it
    /// is in the audit history before anybody has.
    ///
    /// # Errors
    /// When there is no operation of this number, the session has ended, or the store failed.
    pub async fn evidence(&self, caller: &Caller, id: OperationId, name: &str, from: &str) -> Result<Option<Vec<u8>>, ConsoleError> {
        let subject = format!("{id}/{name}");
        self.noted(caller, Deed::EvidenceRead, &subject, from, self.allowed(caller, Action::ReadEvidence)).await?;
        let pool = self.pool_of(caller, id).await?;
        let Some(content) = self.store.evidence(id, name).await.map_err(|error| self.failed(&error))? else { return Ok(None) };
        let deed = audited(&Actor::person(&caller.person.login, from), Deed::EvidenceRead, subject);
        let entry = deed.done(self.clock.now(), serde_json::json!({ "pool": pool, "bytes": content.len() }));
        self.store.append(&entry).await.map_err(|error| self.failed(&error))?;
        Ok(Some(content))
    }

    /// Writes down that something was refused before it came to a use case, such as a request that could not be read.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn note_refusal(&self, caller: &Caller, deed: Deed, subject: &str, reason: &str, from: &str) -> Result<(), ConsoleError> {
        let cut = |text: &str| text.chars().take(200).collect::<String>();
        let deed = audited(&Actor::person(&caller.person.login, from), deed, cut(subject));
        let entry = deed.refused(self.clock.now(), serde_json::json!({ "reason": cut(reason) }));
        self.store.append(&entry).await.map_err(|error| self.failed(&error))
    }

    /// Writes down what somebody wanted that is not there, or that they may not do. What failed is in the log, and whoever is not signed in
    /// is nobody.
    async fn noted<T>(
        &self,
        caller: &Caller,
        deed: Deed,
        subject: &str,
        from: &str,
        found: Result<T, ConsoleError>,
    ) -> Result<T, ConsoleError> {
        if let Err(
            error @ (ConsoleError::UnknownPool { .. }
            | ConsoleError::UnknownOperation { .. }
            | ConsoleError::UnreadableOperation { .. }
            | ConsoleError::NotAllowed),
        ) = &found
        {
            self.note_refusal(caller, deed, subject, error.code(), from).await?;
        }
        found
    }

    fn operator(&self, caller: &Caller, pool: &PoolId, action: Action) -> Result<&operate::PoolOperations, ConsoleError> {
        self.allowed(caller, action)?;
        self.operators.get(pool).map(Arc::as_ref).ok_or_else(|| ConsoleError::UnknownPool { pool: pool.clone() })
    }

    async fn operator_of(&self, caller: &Caller, id: OperationId, action: Action) -> Result<&operate::PoolOperations, ConsoleError> {
        let operation = self.operation(caller, id).await?;
        self.operator(caller, &operation.plan.pool, action)
    }

    fn live_operation(&self, id: OperationId) -> Option<Arc<Live<Operation>>> {
        self.operators.values().find_map(|operator| operator.live(id))
    }

    /// The pool of an operation, also of one that cannot be read.
    async fn pool_of(&self, caller: &Caller, id: OperationId) -> Result<PoolId, ConsoleError> {
        match self.operation(caller, id).await {
            Ok(operation) => Ok(operation.plan.pool.clone()),
            Err(error @ ConsoleError::UnreadableOperation { .. }) => {
                let summary = self.store.summary(id).await.map_err(|error| self.failed(&error))?;
                summary.map(|summary| summary.pool).ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    async fn stored_operation(&self, id: OperationId) -> Result<Operation, ConsoleError> {
        match operate::stored_operation(&*self.store, id).await {
            Ok(operation) => Ok(operation),
            Err(StoreError::Unreadable(entry)) => {
                if self.store.summary(id).await.map_err(|error| self.failed(&error))?.is_none() {
                    return Err(ConsoleError::UnknownOperation { operation: id });
                }
                Err(ConsoleError::UnreadableOperation { operation: id, entry })
            }
            Err(error) => Err(self.failed(&error)),
        }
    }
}
