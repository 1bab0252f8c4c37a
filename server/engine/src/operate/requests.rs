//! What people ask of the operations of a pool: a plan, that it be carried out, wishes and answers. Every refusal is in the audit history.

use super::{
    PoolOperations, locked,
    open_operation::{self, JournalError},
};
use crate::{
    audit::{Actor, OpenDeed, audited},
    live::Live,
    ports::{IdempotencyKey, Lease, Opening, StoreError},
};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use switchback_domain::{
    Login,
    audit::Deed,
    error::{RequestError, WishError},
    operation::{
        self, Choice, ControlRequest, Entry, Event, Intent, Operation, OperationId, Plan, PlanChange, PlanObjection, Planned, Refusal,
        Request,
    },
};
use switchback_journal_format::{event_to_json, request_to_json};

impl PoolOperations {
    /// The plan for what somebody wants, for a person to look at.
    pub(crate) fn show_plan(&self, intent: Intent) -> Planned {
        let planned = self.plan(intent);
        self.shown.note(&planned);
        planned
    }

    /// What has changed since a plan for the same was shown; nothing when nobody knows any more.
    pub(crate) fn changes_since(&self, seen: &str, now: &Plan) -> Vec<PlanChange> {
        self.shown.changes_since(seen, now)
    }

    /// The plan for what somebody wants, as the pool stands now.
    fn plan(&self, intent: Intent) -> Planned {
        let picture = self.watched.picture();
        let now = self.clock.now();
        let mut pool_state = self.watched.pool_state();
        pool_state.freeze = self.watched.pool.policy.freeze(now).cloned();
        pool_state.cool_until = pool_state.cool_until.filter(|until| self.watched.pool.policy.is_cooling(*until, now));
        let mut plan = operation::plan(&self.watched.pool, &picture, &pool_state, intent, now);
        if pool_state.restored.is_some() {
            plan.objections.push(PlanObjection::NotConfirmed);
        }
        if self.control.is_none() {
            plan.objections.push(PlanObjection::OnlyWatched);
        }
        let hash = hash(&plan);
        Planned { plan, hash }
    }

    /// Takes a request, or says why not. The request and every refusal are in the audit history. What was begun before under the same key
    /// is the answer.
    pub(crate) async fn request(
        &self,
        request: Request,
        key: Option<IdempotencyKey>,
        by: &Login,
        from: &str,
    ) -> Result<Result<OperationId, RequestError>, StoreError> {
        // Whoever asks at the same moment finds what came of this.
        let _turn = self.turn.lock().await;
        let deed = self.audited(by, from, Deed::OperationRequested);
        let outcome = self.begin(&request, key, by, &deed).await?;
        if let Err(refused) = &outcome {
            let refusal = match refused {
                RequestError::Refused { refusal } => Some(refusal),
                _ => None,
            };
            let detail = serde_json::json!({ "kind": request.intent.as_code(), "reason": refused.code(), "refusal": refusal, "request": request_to_json(&request) });
            self.store.append(&deed.refused(self.clock.now(), detail)).await?;
        }
        Ok(outcome)
    }

    async fn begin(
        &self,
        request: &Request,
        key: Option<IdempotencyKey>,
        by: &Login,
        deed: &OpenDeed,
    ) -> Result<Result<OperationId, RequestError>, StoreError> {
        if let Some(known) = self.begun_before(key.as_ref()).await? {
            return Ok(known);
        }
        if let Err(refusal) = self.judge(request) {
            return Ok(Err(RequestError::Refused { refusal }));
        }
        let Some(lease) = self.take_lease().await? else { return Ok(Err(RequestError::LeaseHeld)) };
        let begun = self.begin_under(&lease, request, key, by, deed).await;
        // The open operation needs the lease, whether it was begun just now or before.
        if locked(&self.open).is_none() {
            self.give_back(&lease).await;
        }
        begun
    }

    /// Begins what is asked for, if it is still what was planned now that no other console can change anything about the pool.
    async fn begin_under(
        &self,
        lease: &Lease,
        request: &Request,
        key: Option<IdempotencyKey>,
        by: &Login,
        deed: &OpenDeed,
    ) -> Result<Result<OperationId, RequestError>, StoreError> {
        let refused = |refusal| Ok(Err(RequestError::Refused { refusal }));
        self.read_record(None).await?;
        let unreadable = self.find_unreadable().await?;
        let Planned { plan, hash } = match self.judge(request) {
            Ok(planned) => planned,
            Err(refusal) => return refused(refusal),
        };
        let (at, epoch) = (self.clock.now(), plan.epoch);
        let (pool, kind) = (plan.pool.clone(), plan.intent.as_code());
        let first = Entry { at, event: Event::Requested { request: Box::new(request.clone()), by: by.clone(), plan: Box::new(plan) } };
        let detail = serde_json::json!({ "pool": pool, "kind": kind, "plan": hash, "entry": 0, "event": event_to_json(&first.event) });
        // The store puts the operation's number in the pool's place.
        let audit = deed.clone().done(at, detail);
        let closes = unreadable.map(|(id, entry)| self.closing(id, entry, by, deed.actor(), kind));
        let begun = Operation::from_journal(OperationId(0), std::slice::from_ref(&first));
        let summary = begun.map_err(|bad| StoreError::Failed(Box::new(bad)))?.summary();
        let opening = Opening { first, audit, epoch, key, summary, closes };
        let id = match self.store.open_operation(lease, &opening).await {
            Ok(id) => id,
            // Nobody has seen yet which one it is.
            Err(StoreError::OtherEpoch) => return refused(Refusal::PlanChanged { changes: Vec::new() }),
            Err(StoreError::Taken) => {
                // Another console may have begun it under the same key meanwhile.
                if let Some(known) = self.begun_before(opening.key.as_ref()).await? {
                    return Ok(known);
                }
                return match self.store.open_operation_of(&pool).await? {
                    Some(operation) => refused(Refusal::Objections { objections: vec![PlanObjection::OperationRuns { operation }] }),
                    None => Ok(Err(RequestError::LeaseHeld)),
                };
            }
            Err(error) => return Err(error),
        };
        if let Some(closing) = &opening.closes
            && let Err(error) = self.take_closing_in(closing).await
        {
            // It is read again when the operation that has begun has ended.
            tracing::error!(operation = %id, error = &error as &dyn std::error::Error, "what stands about the pool could not be read");
        }
        // It is written and will be driven, whatever happens to whoever asked.
        if let Ok(operation) = Operation::from_journal(id, &[opening.first]) {
            self.lay_out(lease.clone(), operation);
        }
        self.wake.notify_one();
        Ok(Ok(id))
    }

    /// What is remembered under a key, if it is known.
    async fn begun_before(&self, key: Option<&IdempotencyKey>) -> Result<Option<Result<OperationId, RequestError>>, StoreError> {
        let Some(IdempotencyKey { key, body }) = key else { return Ok(None) };
        let known = self.store.remembered(key, self.clock.now()).await?;
        Ok(known.map(|(asked, operation)| if asked == *body { Ok(operation) } else { Err(RequestError::KeyReused) }))
    }

    /// The plan as it would be made now, if it is the one that is asked for and nothing stands in its way.
    fn judge(&self, request: &Request) -> Result<Planned, Refusal> {
        let planned = self.plan(request.intent.clone());
        let seen = self.shown.find(&request.plan, &request.intent);
        match request.refusal(&self.watched.pool, &planned.plan, &planned.hash, seen.as_ref(), self.clock.now()) {
            Some(refusal) => Err(refusal),
            None => Ok(planned),
        }
    }

    /// Opens a deed of a person on this pool.
    pub(super) fn audited(&self, by: &Login, from: &str, deed: Deed) -> OpenDeed {
        audited(&Actor::person(by, from), deed, self.watched.pool.id.to_string())
    }

    /// The open operation, if it is this one.
    pub(crate) fn live(&self, id: OperationId) -> Option<Arc<Live<Operation>>> {
        locked(&self.open).as_ref().filter(|open| open.operation().id == id).map(|open| Arc::clone(&open.live))
    }

    /// Takes a wish in.
    pub(crate) async fn wish(
        &self,
        id: OperationId,
        wish: ControlRequest,
        by: &Login,
        from: &str,
    ) -> Result<Result<(), WishError>, StoreError> {
        let deed = self.audited(by, from, Deed::OperationWish);
        self.say(id, deed, serde_json::json!({ "wish": wish }), |operation| open_operation::wished(operation, wish, by)).await
    }

    /// Takes an answer in.
    pub(crate) async fn answer(
        &self,
        id: OperationId,
        question: u32,
        choice: Choice,
        (reason, typed_site): (&str, &str),
        by: &Login,
        from: &str,
    ) -> Result<Result<(), WishError>, StoreError> {
        let detail = serde_json::json!({ "question": question, "choice": choice, "why": reason });
        let sites = &self.watched.pool.sites;
        let answered = |operation: &Operation| {
            let event = open_operation::answered(operation, question, choice, by, reason)?;
            open_operation::typed(operation, choice, typed_site, sites)?;
            Ok(event)
        };
        self.say(id, self.audited(by, from, Deed::OperationAnswer), detail, answered).await
    }

    async fn say(
        &self,
        id: OperationId,
        deed: OpenDeed,
        mut detail: serde_json::Value,
        event: impl FnOnce(&Operation) -> Result<Option<Event>, WishError>,
    ) -> Result<Result<(), WishError>, StoreError> {
        let open = locked(&self.open).clone().filter(|open| open.operation().id == id);
        let said = match &open {
            Some(open) => {
                // Without an answer it may be written all the same, also when whoever asks goes away meanwhile; a driver that rests would
                // never find out.
                let doubt = open.doubt.clone().drop_guard();
                match open.write_if(deed.actor(), &[], event).await {
                    Ok(said) => {
                        doubt.disarm();
                        said
                    }
                    Err(JournalError::Store(error)) => return Err(error),
                    Err(JournalError::LeaseLost | JournalError::Bad(_)) => Err(WishError::LeaseHeld),
                }
            }
            // Taken up again soon, by this console or by another one.
            None if self.store.open_operation_of(&self.watched.pool.id).await? == Some(id) => Err(WishError::LeaseHeld),
            None => Err(WishError::Ended),
        };
        match said {
            Ok(_) => {
                self.show(open.as_deref());
                self.wake.notify_one();
                Ok(Ok(()))
            }
            Err(refused) => {
                detail["operation"] = serde_json::json!(id);
                detail["reason"] = refused.code().into();
                self.store.append(&deed.refused(self.clock.now(), detail)).await?;
                Ok(Err(refused))
            }
        }
    }
}

/// SHA-256 of a plan's essence, in hexadecimal digits.
pub(crate) fn hash(plan: &Plan) -> String {
    // What the essence is made of always has a text.
    let text = serde_json::to_vec(&plan.essence()).unwrap_or_default();
    crate::people::hex(&Sha256::digest(text))
}
