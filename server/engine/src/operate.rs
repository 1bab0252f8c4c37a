//! Operations: taking requests, keeping the journal, driving steps, fencing. One operator for each pool.

mod desk;
mod drive;
mod fencer;
mod meter;
mod scene;
mod shown;
mod steps;

use crate::{
    figures,
    live::Live,
    observe::Watched,
    ports::{AuditEntry, Chance, Clock, Hands, IdempotencyKey, Lease, Opening, RecordChange, Store, StoreError},
    time::pause,
};
use desk::{Author, Desk, DeskError};
use drive::Halt;
use jiff::Timestamp;
use meter::Meter;
use scene::Scene;
use sha2::{Digest, Sha256};
use shown::Shown;
use std::{
    error::Error,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};
use switchback_domain::{
    Login,
    error::{RequestError, WishError},
    operation::{
        self, Choice, Entry, Epoch, Event, Fence, Intent, MadeActive, Operation, OperationId, Plan, PlanChange, PlanObjection, Planned,
        Refusal, Request, Stage, Step, Wish,
    },
};
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::{CancellationToken, DropGuard};

/// A lease lasts so long without being renewed: after a crash the console that is started next waits at most this.
const LEASE_LASTS: Duration = Duration::from_secs(6);

const RENEW_EVERY: Duration = Duration::from_secs(1);

/// The last order is given so long before the lease runs out.
const LEASE_MARGIN: Duration = Duration::from_millis(500);

/// How often is looked whether something has come to its end by itself.
const TICK: Duration = Duration::from_millis(500);

/// How often a console that has nothing to do looks what stands about the pool: another one may have changed it.
const LOOK_AGAIN_EVERY: Duration = Duration::from_secs(2);

/// How long the operator waits before it tries again what the store did not do.
const STORE_AGAIN: Duration = Duration::from_secs(1);

/// The operations of one pool.
pub(crate) struct Operator {
    watched: Arc<Watched>,
    hands: Option<Arc<dyn Hands>>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    boot: Arc<str>,
    /// Random for each start: who holds the lease.
    holder: String,
    desk: Mutex<Option<Arc<Desk>>>,
    /// Whoever takes the lease for something that does not lie on the desk, or gives it back, does so alone: the lease is one for all of
    /// this console, and must not be given back under somebody who has just been given it too.
    turn: tokio::sync::Mutex<()>,
    fencers: Mutex<Vec<(Fence, DropGuard)>>,
    /// Which site the pool's operations made active last, in which epoch that was looked up.
    made_active: Mutex<Option<(Epoch, Option<MadeActive>)>>,
    shown: Shown,
    wake: Notify,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Operator {
    pub(crate) fn new(
        watched: Arc<Watched>,
        hands: Option<Arc<dyn Hands>>,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        chance: &dyn Chance,
        boot: Arc<str>,
    ) -> Operator {
        let mut bytes = [0; 16];
        chance.fill(&mut bytes);
        let holder = crate::people::hex(&bytes);
        Operator {
            watched,
            hands,
            store,
            clock,
            boot,
            holder,
            desk: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            fencers: Mutex::default(),
            made_active: Mutex::default(),
            shown: Shown::default(),
            wake: Notify::new(),
        }
    }

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
        let mut standing = self.watched.standing();
        standing.freeze = self.watched.pool.policy.freeze(now).cloned();
        standing.cool_until = standing.cool_until.filter(|until| *until > now);
        let mut plan = operation::plan(&self.watched.pool, &picture, &standing, intent, now);
        if self.hands.is_none() {
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
        let outcome = self.begin(&request, key, by, from).await?;
        if let Err(refused) = &outcome {
            let refusal = match refused {
                RequestError::Refused { refusal } => Some(refusal),
                _ => None,
            };
            let detail =
                serde_json::json!({ "kind": request.intent.word(), "reason": refused.code(), "refusal": refusal, "request": request });
            self.note(by, from, "operation_requested", "refused", detail).await?;
        }
        Ok(outcome)
    }

    async fn begin(
        &self,
        request: &Request,
        key: Option<IdempotencyKey>,
        by: &Login,
        from: &str,
    ) -> Result<Result<OperationId, RequestError>, StoreError> {
        if let Some(known) = self.begun_before(key.as_ref()).await? {
            return Ok(known);
        }
        if let Err(refusal) = self.judge(request) {
            return Ok(Err(RequestError::Refused { refusal }));
        }
        let Some(lease) = self.take_lease().await? else { return Ok(Err(RequestError::LeaseHeld)) };
        let begun = self.begin_under(&lease, request, key, by, from).await;
        // What lies on the desk needs the lease, whether it was begun now or lay there.
        if locked(&self.desk).is_none() {
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
        from: &str,
    ) -> Result<Result<OperationId, RequestError>, StoreError> {
        let refused = |refusal| Ok(Err(RequestError::Refused { refusal }));
        self.read_record(None).await?;
        let Planned { plan, hash } = match self.judge(request) {
            Ok(planned) => planned,
            Err(refusal) => return refused(refusal),
        };
        let (at, epoch) = (self.clock.now(), plan.epoch);
        let (pool, kind) = (plan.pool.clone(), plan.intent.word());
        let first = Entry { at, event: Event::Requested { request: Box::new(request.clone()), by: by.clone(), plan: Box::new(plan) } };
        let audit = AuditEntry {
            at,
            actor: Some(by.clone()),
            action: "operation_requested".to_owned(),
            subject: String::new(),
            result: "done".to_owned(),
            detail: serde_json::json!({ "pool": pool, "kind": kind, "plan": hash, "entry": 0, "event": first.event }),
            from_address: from.to_owned(),
        };
        let opening = Opening { first, audit, epoch, key };
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

    async fn note(&self, by: &Login, from: &str, action: &str, result: &str, detail: serde_json::Value) -> Result<(), StoreError> {
        let entry = AuditEntry {
            at: self.clock.now(),
            actor: Some(by.clone()),
            action: action.to_owned(),
            subject: self.watched.pool.id.to_string(),
            result: result.to_owned(),
            detail,
            from_address: from.to_owned(),
        };
        self.store.append(&entry).await
    }

    /// The operation that lies on the desk, if it is this one.
    pub(crate) fn live(&self, id: OperationId) -> Option<Arc<Live<Operation>>> {
        locked(&self.desk).as_ref().filter(|desk| desk.operation().id == id).map(|desk| Arc::clone(&desk.live))
    }

    /// Takes a wish in.
    pub(crate) async fn wish(&self, id: OperationId, wish: Wish, by: &Login, from: &str) -> Result<Result<(), WishError>, StoreError> {
        self.say(id, by, from, "operation_wish", serde_json::json!({ "wish": wish }), |operation| desk::wished(operation, wish, by)).await
    }

    /// Takes an answer in.
    pub(crate) async fn answer(
        &self,
        id: OperationId,
        question: u32,
        choice: Choice,
        reason: &str,
        by: &Login,
        from: &str,
    ) -> Result<Result<(), WishError>, StoreError> {
        let detail = serde_json::json!({ "question": question, "choice": choice, "why": reason });
        self.say(id, by, from, "operation_answer", detail, |operation| desk::answered(operation, question, choice, by, reason)).await
    }

    async fn say(
        &self,
        id: OperationId,
        by: &Login,
        from: &str,
        action: &str,
        mut detail: serde_json::Value,
        event: impl FnOnce(&Operation) -> Result<Option<Event>, WishError>,
    ) -> Result<Result<(), WishError>, StoreError> {
        let desk = locked(&self.desk).clone().filter(|desk| desk.operation().id == id);
        let author = Author { login: Some(by.clone()), address: from.to_owned() };
        let said = match &desk {
            Some(desk) => match desk.write_if(&author, &[], event).await {
                Ok(said) => said,
                Err(error) => {
                    // It may be written all the same; a driver that rests would never find out.
                    desk.doubt.cancel();
                    match error {
                        DeskError::Store(error) => return Err(error),
                        DeskError::LeaseLost | DeskError::Bad(_) => Err(WishError::LeaseHeld),
                    }
                }
            },
            // Taken up again soon, by this console or by another one.
            None if self.store.open_operation_of(&self.watched.pool.id).await? == Some(id) => Err(WishError::LeaseHeld),
            None => Err(WishError::Ended),
        };
        match said {
            Ok(_) => {
                self.show(desk.as_deref());
                self.wake.notify_one();
                Ok(Ok(()))
            }
            Err(refused) => {
                detail["operation"] = serde_json::json!(id);
                detail["reason"] = refused.code().into();
                self.note(by, from, action, "refused", detail).await?;
                Ok(Err(refused))
            }
        }
    }

    async fn take_lease(&self) -> Result<Option<Lease>, StoreError> {
        let now = self.clock.now();
        self.store.take_lease(&self.watched.pool.id, &self.holder, now, now + LEASE_LASTS).await
    }

    fn lay_out(&self, lease: Lease, operation: Operation) -> Arc<Desk> {
        let mut place = locked(&self.desk);
        // Whoever asked for it and whoever takes up what lies in the store may both have seen it.
        if let Some(desk) = place.as_ref().filter(|desk| desk.operation().id == operation.id) {
            return Arc::clone(desk);
        }
        let live = Arc::new(Live::new(Arc::clone(&self.boot), Arc::new(operation)));
        let desk = Arc::new(Desk::new(lease, live, Arc::clone(&self.store), Arc::clone(&self.clock)));
        *place = Some(Arc::clone(&desk));
        drop(place);
        self.show(Some(&desk));
        desk
    }

    /// Shows on the pool how far its operation has come.
    fn show(&self, desk: Option<&Desk>) {
        let glance = desk.map(Desk::operation).filter(|operation| !operation.is_finished()).map(|operation| operation.glance());
        self.watched.change_standing(|standing| standing.operation = glance);
    }

    fn scene(&self, stop: &CancellationToken) -> Option<Scene> {
        Some(Scene {
            pool: Arc::new(self.watched.pool.clone()),
            watched: Arc::clone(&self.watched),
            hands: Arc::clone(self.hands.as_ref()?),
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock),
            stop: stop.clone(),
            unwritten: Arc::default(),
        })
    }

    /// Reads what stands about the pool, and the operation that has not ended, and takes it up again.
    async fn take_up(&self, scene: Option<&Scene>) -> Result<bool, StoreError> {
        self.read_record(scene).await?;
        let Some(id) = self.store.open_operation_of(&self.watched.pool.id).await? else {
            if locked(&self.desk).is_none() && self.watched.standing().operation.is_some() {
                self.watched.change_standing(|standing| standing.operation = None);
            }
            return Ok(true);
        };
        // Shown even while another console holds the lease, so that nobody thinks that nothing runs.
        let journal = self.store.journal(id).await?;
        let operation = Operation::from_journal(id, &journal).map_err(|error| StoreError::Failed(Box::new(error)))?;
        self.watched.change_standing(|standing| standing.operation = Some(operation.glance()));
        let _turn = self.turn.lock().await;
        let Some(lease) = self.take_lease().await? else { return Ok(false) };
        // Whoever held it before may have written until now.
        let journal = self.store.journal(id).await?;
        let operation = Operation::from_journal(id, &journal).map_err(|error| StoreError::Failed(Box::new(error)))?;
        if operation.is_finished() {
            self.store.give_lease_back(&lease).await?;
            self.watched.change_standing(|standing| standing.operation = None);
            return Ok(true);
        }
        tracing::warn!(operation = %id, pool = %self.watched.pool.id, "an operation that has not ended is taken up again");
        self.lay_out(lease, operation);
        Ok(true)
    }

    async fn read_record(&self, scene: Option<&Scene>) -> Result<(), StoreError> {
        let record = self.store.record(&self.watched.pool.id).await?;
        let mut kept = record.fences.clone();
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
        let same = (standing.epoch, &standing.fences, standing.cool_until, &standing.made_active)
            == (record.epoch, &record.fences, cool_until, &made_active);
        if !same {
            self.watched.change_standing(|standing| {
                standing.epoch = record.epoch;
                standing.fences = record.fences;
                standing.cool_until = cool_until;
                standing.made_active = made_active;
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
    fn take_changes_in(&self, scene: &Scene, changes: &[RecordChange]) {
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

    /// What an operation that has come to its end leaves.
    async fn clear_up(&self, desk: &Desk) {
        let _turn = self.turn.lock().await;
        let operation = desk.operation();
        let ended_at = match operation.stage {
            Stage::Finished { at, .. } if !operation.request.dry_run => Some(at),
            _ => None,
        };
        *locked(&self.desk) = None;
        self.watched.change_standing(|standing| {
            standing.operation = None;
            // After a rehearsal the time of the operation before it goes on.
            if let Some(at) = ended_at {
                standing.cool_until = self.cool_until(at);
            }
        });
        desk.live.close();
        self.give_back(&desk.lease).await;
    }

    async fn give_back(&self, lease: &Lease) {
        if let Err(error) = self.store.give_lease_back(lease).await {
            tracing::warn!(error = &error as &dyn Error, "the lease was not given back; it ends by itself");
        }
    }

    /// Until when no other operation may begin after one that ended at `ended_at`; nothing when that time is over.
    fn cool_until(&self, ended_at: Timestamp) -> Option<Timestamp> {
        let until = ended_at + Duration::from_millis(self.watched.pool.policy.cool_down.0);
        (until > self.clock.now()).then_some(until)
    }

    /// What begins and ends by the clock alone.
    fn keep_time(&self) {
        let now = self.clock.now();
        let freeze = self.watched.pool.policy.freeze(now);
        if self.watched.standing().freeze.as_ref() != freeze {
            self.watched.change_standing(|standing| standing.freeze = freeze.cloned());
        }
        if self.watched.standing().cool_until.is_some_and(|until| until <= now) {
            self.watched.change_standing(|standing| standing.cool_until = None);
        }
    }
}

/// SHA-256 of a plan's essence, in hexadecimal digits.
pub(crate) fn hash(plan: &Plan) -> String {
    // What the essence is made of always has a text.
    let text = serde_json::to_vec(&plan.essence()).unwrap_or_default();
    crate::people::hex(&Sha256::digest(text))
}

/// Drives the operations of a pool until everything stops.
pub(crate) async fn keep_operating(operator: Arc<Operator>, stop: CancellationToken) {
    let scene = operator.scene(&stop);
    let meter: Mutex<Option<Meter>> = Mutex::default();
    let mut known = false;
    let mut looked = Instant::now();
    loop {
        if !known {
            match operator.take_up(scene.as_ref()).await {
                Ok(taken) => known = taken,
                Err(error) => {
                    figures::store_failed("take_up");
                    tracing::error!(pool = %operator.watched.pool.id, error = &error as &dyn Error, "what stands about the pool could not be read");
                }
            }
            if !known && !pause(STORE_AGAIN, &stop).await {
                return;
            }
            continue;
        }
        let desk = locked(&operator.desk).clone();
        if let (Some(desk), Some(scene)) = (desk, &scene) {
            let keeping = stop.child_token();
            let kept = tokio::spawn(keep_lease(Arc::clone(&operator), Arc::clone(&desk), scene.clone(), keeping.clone()));
            let halt = loop {
                let halt = drive::drive(&operator, scene, &desk, &meter, &keeping).await;
                // Somebody may have said something between the last look and now.
                if !matches!(halt, Halt::Rest) || desk.operation().is_finished() {
                    break halt;
                }
                tokio::select! {
                    () = stop.cancelled() => break Halt::Stopping,
                    () = operator.wake.notified() => {}
                    () = keeping.cancelled() => break Halt::LeaseLost,
                    () = desk.doubt.cancelled() => break Halt::LeaseLost,
                }
            };
            keeping.cancel();
            let _ = kept.await;
            *locked(&meter) = None;
            match halt {
                Halt::Stopping => return,
                Halt::Rest => operator.clear_up(&desk).await,
                Halt::LeaseLost => {
                    tracing::error!(operation = %desk.operation().id, "the lease was lost, or the journal is in doubt: it is read again");
                    *locked(&operator.desk) = None;
                    desk.live.close();
                    known = false;
                }
            }
            continue;
        }
        operator.keep_time();
        if looked.elapsed() >= LOOK_AGAIN_EVERY {
            looked = Instant::now();
            known = false;
            continue;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = operator.wake.notified() => {}
            () = pause_tick(&stop) => {}
        }
    }
}

async fn pause_tick(stop: &CancellationToken) {
    pause(TICK, stop).await;
}

/// Renews the lease while an operation lies on the desk, and shows how far it has come.
async fn keep_lease(operator: Arc<Operator>, desk: Arc<Desk>, scene: Scene, keeping: CancellationToken) {
    let mut asked = Instant::now();
    // It was taken a moment ago; how long a moment is not known, so it is asked for at once.
    let mut ends = asked + RENEW_EVERY * 2;
    asked -= RENEW_EVERY;
    let mut failing: Option<Instant> = None;
    let mut shown = None;
    scene.unwritten.store(false, Ordering::Relaxed);
    loop {
        let operation = desk.operation();
        if shown != Some((operation.events, operation.outage)) {
            shown = Some((operation.events, operation.outage));
            operator.show(Some(&desk));
        }
        // By its own clock, and before anybody else could have it: an order that is given after this moment may cross another console's.
        if ends.saturating_duration_since(Instant::now()) < LEASE_MARGIN {
            tracing::error!(operation = %operation.id, "the lease could not be renewed and runs out: this console gives no more orders");
            keeping.cancel();
            return;
        }
        if asked.elapsed() >= RENEW_EVERY {
            asked = Instant::now();
            match tokio::time::timeout(RENEW_EVERY, operator.take_lease()).await {
                Ok(Ok(Some(lease))) if lease.token == desk.lease.token => {
                    ends = asked + LEASE_LASTS;
                    failing = None;
                    scene.unwritten.store(false, Ordering::Relaxed);
                }
                Ok(Ok(_)) => {
                    keeping.cancel();
                    return;
                }
                Ok(Err(_)) | Err(_) => {
                    let since = *failing.get_or_insert(asked);
                    if since.elapsed() + RENEW_EVERY >= drive::UNWRITTEN_PATIENCE {
                        scene.unwritten.store(true, Ordering::Relaxed);
                    }
                }
            }
        }
        desk.live.beat(operator.clock.now());
        if !pause(Duration::from_millis(20), &keeping).await {
            return;
        }
    }
}
