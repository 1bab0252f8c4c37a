//! Operations: taking requests, keeping the journal, driving steps, fencing. One operator for each pool; here is how it lives, what it
//! is asked and what it does is in the rooms below.

mod context;
mod drive;
mod fencer;
mod meter;
mod open_operation;
mod recent_plans;
mod record;
mod requests;
mod restored;
mod steps;
mod unreadable;

pub(crate) use requests::hash;

use crate::{
    figures,
    live::Live,
    observe::ObservedPool,
    ports::{Chance, Clock, EngineControl, HeldLease, Lease, LeaseAnswer, LeaseAsk, Store, StoreError},
    time::{millis, pause},
};
use context::StepContext;
use drive::Halt;
use jiff::Timestamp;
use meter::Meter;
use open_operation::OpenOperation;
use recent_plans::RecentPlans;
use std::{
    error::Error,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use switchback_domain::operation::{Epoch, Fence, MadeActive, Operation, OperationId, Stage};
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
pub(crate) struct PoolOperations {
    watched: Arc<ObservedPool>,
    control: Option<Arc<dyn EngineControl>>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    boot: Arc<str>,
    /// Random for each start: who holds the lease.
    holder: String,
    /// Until when the lease that this console took or renewed last is its own, in milliseconds since the machine was started.
    lease_ends: AtomicU64,
    /// Another console's lease, and since when (since the machine was started) it has not been renewed.
    others_lease: Mutex<Option<(HeldLease, Duration)>>,
    open: Mutex<Option<Arc<OpenOperation>>>,
    /// Whoever takes the lease for something else than the open operation, or gives it back, does so alone: the lease is one for all of
    /// this console, and must not be given back under somebody who has just been given it too.
    turn: tokio::sync::Mutex<()>,
    fencers: Mutex<Vec<(Fence, DropGuard)>>,
    /// Which site the pool's operations made active last, in which epoch that was looked up.
    made_active: Mutex<Option<(Epoch, Option<MadeActive>)>>,
    shown: RecentPlans,
    wake: Notify,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl PoolOperations {
    pub(crate) fn new(
        watched: Arc<ObservedPool>,
        control: Option<Arc<dyn EngineControl>>,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        chance: &dyn Chance,
        boot: Arc<str>,
    ) -> PoolOperations {
        let mut bytes = [0; 16];
        chance.fill(&mut bytes);
        let holder = crate::people::hex(&bytes);
        PoolOperations {
            watched,
            control,
            store,
            clock,
            boot,
            holder,
            lease_ends: AtomicU64::new(0),
            others_lease: Mutex::default(),
            open: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            fencers: Mutex::default(),
            made_active: Mutex::default(),
            shown: RecentPlans::default(),
            wake: Notify::new(),
        }
    }

    /// Takes the lease or renews it. One that somebody else has and does not renew is watched for as long as a lease lasts: whatever the
    /// clocks of two machines say, its holder has stopped acting by then.
    async fn take_lease(&self) -> Result<Option<Lease>, StoreError> {
        let asked = self.clock.since_boot();
        let watched = *locked(&self.others_lease);
        let ask = LeaseAsk {
            holder: &self.holder,
            machine: self.clock.machine(),
            since_boot: asked,
            lasts: LEASE_LASTS,
            stood_still: watched.filter(|(_, since)| asked.saturating_sub(*since) >= LEASE_LASTS).map(|(lease, _)| lease),
            told_until: self.clock.now() + LEASE_LASTS,
        };
        match self.store.take_lease(&self.watched.pool.id, &ask).await? {
            LeaseAnswer::Taken(lease) => {
                *locked(&self.others_lease) = None;
                self.lease_ends.fetch_max(millis(asked + LEASE_LASTS).0, Ordering::SeqCst);
                Ok(Some(lease))
            }
            LeaseAnswer::Held(held) => {
                let mut watched = locked(&self.others_lease);
                if watched.is_none_or(|(known, _)| known != held) {
                    // It may have been renewed until this moment, which is later than the question.
                    *watched = Some((held, self.clock.since_boot()));
                }
                Ok(None)
            }
        }
    }

    /// The lease has run out, or does so in a moment: another console may have it, or may take it before an order arrives. Also right after
    /// the machine has slept, before anything else of this console goes on.
    fn lease_has_run_out(&self) -> bool {
        let ends = Duration::from_millis(self.lease_ends.load(Ordering::SeqCst));
        ends.saturating_sub(self.clock.since_boot()) < LEASE_MARGIN
    }

    fn lay_out(&self, lease: Lease, operation: Operation) -> Arc<OpenOperation> {
        let mut place = locked(&self.open);
        // Whoever asked for it and whoever takes up what lies in the store may both have seen it.
        if let Some(open) = place.as_ref().filter(|open| open.operation().id == operation.id) {
            return Arc::clone(open);
        }
        let live = Arc::new(Live::new(Arc::clone(&self.boot), Arc::new(operation)));
        let open = Arc::new(OpenOperation::new(lease, live, Arc::clone(&self.store), Arc::clone(&self.clock)));
        *place = Some(Arc::clone(&open));
        drop(place);
        self.show(Some(&open));
        open
    }

    /// Shows on the pool how far its operation has come.
    fn show(&self, open: Option<&OpenOperation>) {
        let summary = open.map(OpenOperation::operation).filter(|operation| !operation.is_finished()).map(|operation| operation.summary());
        self.watched.change_standing(|pool_state| pool_state.operation = summary);
    }

    fn context(&self, stop: &CancellationToken) -> Option<StepContext> {
        Some(StepContext {
            pool: Arc::new(self.watched.pool.clone()),
            watched: Arc::clone(&self.watched),
            control: Arc::clone(self.control.as_ref()?),
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock),
            stop: stop.clone(),
            unwritten: Arc::default(),
        })
    }

    /// Reads what stands about the pool, and the operation that has not ended, and takes it up again.
    async fn take_up(&self, context: Option<&StepContext>) -> Result<bool, StoreError> {
        self.read_record(context).await?;
        let Some(id) = self.store.open_operation_of(&self.watched.pool.id).await? else {
            if locked(&self.open).is_none() && self.watched.pool_state().operation.is_some() {
                self.watched.change_standing(|pool_state| pool_state.operation = None);
            }
            return Ok(true);
        };
        // RecentPlans even while another console holds the lease, so that nobody thinks that nothing runs.
        let operation = match stored_operation(&*self.store, id).await {
            Ok(operation) => operation,
            Err(StoreError::Unreadable(entry)) => {
                self.show_unreadable(id, entry).await?;
                return Ok(true);
            }
            Err(error) => return Err(error),
        };
        self.watched.change_standing(|pool_state| pool_state.operation = Some(operation.summary()));
        // What a restored store says of it may have been decided long ago, by somebody else.
        if self.watched.pool_state().restored.is_some() {
            return Ok(true);
        }
        let _turn = self.turn.lock().await;
        let Some(lease) = self.take_lease().await? else { return Ok(false) };
        // Whoever held it before may have written until now.
        let operation = match stored_operation(&*self.store, id).await {
            Ok(operation) => operation,
            Err(StoreError::Unreadable(entry)) => {
                self.store.give_lease_back(&lease).await?;
                self.show_unreadable(id, entry).await?;
                return Ok(true);
            }
            Err(error) => return Err(error),
        };
        if operation.is_finished() {
            self.store.give_lease_back(&lease).await?;
            self.watched.change_standing(|pool_state| pool_state.operation = None);
            return Ok(true);
        }
        tracing::warn!(operation = %id, pool = %self.watched.pool.id, "an operation that has not ended is taken up again");
        self.lay_out(lease, operation);
        Ok(true)
    }

    /// What an operation that has come to its end leaves.
    async fn clear_up(&self, open: &OpenOperation) {
        let _turn = self.turn.lock().await;
        let operation = open.operation();
        let ended_at = match operation.stage {
            Stage::Finished { at, .. } if !operation.request.dry_run => Some(at),
            _ => None,
        };
        *locked(&self.open) = None;
        self.watched.change_standing(|pool_state| {
            pool_state.operation = None;
            // After a rehearsal the time of the operation before it goes on.
            if let Some(at) = ended_at {
                pool_state.cool_until = self.cool_until(at);
            }
        });
        open.live.close();
        self.give_back(&open.lease).await;
    }

    async fn give_back(&self, lease: &Lease) {
        if let Err(error) = self.store.give_lease_back(lease).await {
            tracing::warn!(error = &error as &dyn Error, "the lease was not given back; it ends by itself");
        }
    }

    /// Until when no other operation may begin after one that ended at `ended_at`; nothing when that time is over.
    fn cool_until(&self, ended_at: Timestamp) -> Option<Timestamp> {
        let until = ended_at + Duration::from_millis(self.watched.pool.policy.cool_down.0);
        self.watched.pool.policy.is_cooling(until, self.clock.now()).then_some(until)
    }

    /// What begins and ends by the clock alone.
    fn keep_time(&self) {
        let now = self.clock.now();
        let freeze = self.watched.pool.policy.freeze(now);
        if self.watched.pool_state().freeze.as_ref() != freeze {
            self.watched.change_standing(|pool_state| pool_state.freeze = freeze.cloned());
        }
        if self.watched.pool_state().cool_until.is_some_and(|until| !self.watched.pool.policy.is_cooling(until, now)) {
            self.watched.change_standing(|pool_state| pool_state.cool_until = None);
        }
    }
}

/// Reads an operation from its journal.
///
/// # Errors
/// [`StoreError::Unreadable`] when an entry cannot be read, or does not follow from those before it.
pub(crate) async fn stored_operation(store: &dyn Store, id: OperationId) -> Result<Operation, StoreError> {
    let journal = store.journal(id).await?;
    Operation::from_journal(id, &journal).map_err(|bad| StoreError::Unreadable(bad.into()))
}

/// Drives the operations of a pool until everything stops.
pub(crate) async fn keep_operating(operator: Arc<PoolOperations>, stop: CancellationToken) {
    let context = operator.context(&stop);
    let meter: Mutex<Option<Meter>> = Mutex::default();
    let mut known = false;
    let mut looked = Instant::now();
    loop {
        if !known {
            match operator.take_up(context.as_ref()).await {
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
        let open = locked(&operator.open).clone();
        if let (Some(open), Some(context)) = (open, &context) {
            let keeping = stop.child_token();
            let kept = tokio::spawn(keep_lease(Arc::clone(&operator), Arc::clone(&open), context.clone(), keeping.clone()));
            let halt = loop {
                let halt = drive::drive(&operator, context, &open, &meter, &keeping).await;
                // Somebody may have said something between the last look and now.
                if !matches!(halt, Halt::Rest) || open.operation().is_finished() {
                    break halt;
                }
                tokio::select! {
                    () = stop.cancelled() => break Halt::Stopping,
                    () = operator.wake.notified() => {}
                    () = keeping.cancelled() => break Halt::LeaseLost,
                    () = open.doubt.cancelled() => break Halt::LeaseLost,
                }
            };
            keeping.cancel();
            let _ = kept.await;
            *locked(&meter) = None;
            match halt {
                Halt::Stopping => return,
                Halt::Rest => operator.clear_up(&open).await,
                Halt::LeaseLost => {
                    tracing::error!(operation = %open.operation().id, "the lease was lost, or the journal is in doubt: it is read again");
                    *locked(&operator.open) = None;
                    open.live.close();
                    known = false;
                }
            }
            continue;
        }
        operator.keep_time();
        if context.is_some()
            && let Err(error) = operator.keep_fence_answers().await
        {
            figures::store_failed("fence_answered");
            tracing::error!(pool = %operator.watched.pool.id, error = &error as &dyn Error, "how the fenced site answered was not written down; it is tried again");
        }
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

/// Renews the lease while an operation is open, and shows how far it has come.
async fn keep_lease(operator: Arc<PoolOperations>, open: Arc<OpenOperation>, context: StepContext, keeping: CancellationToken) {
    // It was taken a moment ago; how long a moment is not known, so it is asked for at once.
    let mut asked = Instant::now() - RENEW_EVERY;
    let mut failing: Option<Instant> = None;
    let mut shown = None;
    context.unwritten.store(false, Ordering::Relaxed);
    loop {
        let operation = open.operation();
        if shown != Some((operation.events, operation.outage)) {
            shown = Some((operation.events, operation.outage));
            operator.show(Some(&open));
        }
        // Before anybody else could have it: an order that is given after this moment may cross another console's.
        if operator.lease_has_run_out() {
            tracing::error!(operation = %operation.id, "the lease could not be renewed and runs out: this console gives no more orders");
            keeping.cancel();
            return;
        }
        if asked.elapsed() >= RENEW_EVERY {
            asked = Instant::now();
            match tokio::time::timeout(RENEW_EVERY, operator.take_lease()).await {
                Ok(Ok(Some(lease))) if lease.token == open.lease.token => {
                    failing = None;
                    context.unwritten.store(false, Ordering::Relaxed);
                }
                Ok(Ok(_)) => {
                    keeping.cancel();
                    return;
                }
                Ok(Err(_)) | Err(_) => {
                    let since = *failing.get_or_insert(asked);
                    if since.elapsed() + RENEW_EVERY >= drive::UNWRITTEN_PATIENCE {
                        context.unwritten.store(true, Ordering::Relaxed);
                    }
                }
            }
        }
        open.live.beat(operator.clock.now());
        if !pause(Duration::from_millis(20), &keeping).await {
            return;
        }
    }
}
