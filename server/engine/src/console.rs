//! The console: the only door for whoever shows, tells or (later) changes anything. The caller always comes first.

use crate::{
    alarm, history,
    live::{Live, LiveStream},
    observe::{Asking, ObservedPool, keep_asking, keep_picture},
    operate::{PoolOperations, keep_operating},
    people::{self, Incident, People, SessionLimits, SetUpForm, SetUpLink, SignedIn, SignedOut, Source},
    ports::{AuditEntry, Chance, Clock, EngineControl, Passwords, Probe, Store, StoreError},
    store_watch::{self, StoreWatch},
    time::pause,
};
use jiff::Timestamp;
use secrecy::SecretString;
use std::{cmp::Reverse, collections::BTreeMap, sync::Arc, time::Duration};
use switchback_domain::{
    ConsoleState, LinkKind, Picture, Pool, PoolId, Reserve, Summary,
    error::{ConsoleError, SetUpError, SignInError},
    history::{Change, Metric, Series, Span},
    people::Caller,
    permission::{Action, may},
    picture::Sightings,
};
use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

mod operations;

/// How a picture is worked out from readings: [`switchback_domain::picture::work_out`], except in tests.
pub type WorkOut = fn(&Pool, &Sightings, Timestamp) -> Picture;

/// The least time between two changes of the overview, which may come from many pools.
const OVERVIEW_EVERY: Duration = Duration::from_millis(100);

/// How many changes a pool page shows.
const CHANGES_SHOWN: u32 = 20;

/// How many audit entries are shown.
const ENTRIES_SHOWN: u32 = 200;

/// A pool to observe.
pub struct PoolParts {
    /// The pool as configured.
    pub pool: Pool,
    /// One probe for each of its endpoints.
    pub probes: Vec<Box<dyn Probe>>,
    /// Gives orders to its engines; without it the pool is only watched.
    pub control: Option<Arc<dyn EngineControl>>,
}

/// How often, how long.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// From one question to an endpoint to the next.
    pub interval: Duration,
    /// A session that is not used ends after this long.
    pub session_idle: Duration,
    /// Every session ends after this long.
    pub session_absolute: Duration,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { interval: Duration::from_secs(1), session_idle: Duration::from_mins(30), session_absolute: Duration::from_hours(12) }
    }
}

/// Everything that a console is made of.
pub struct Parts {
    /// The pools.
    pub pools: Vec<PoolParts>,
    /// Where history, people and the audit history are kept.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance, fit for secrets.
    pub chance: Arc<dyn Chance>,
    /// Hashes passwords.
    pub passwords: Arc<dyn Passwords>,
    /// How a picture is worked out.
    pub work_out: WorkOut,
    /// How often, how long.
    pub settings: Settings,
}

/// A console that has been started.
pub struct Started {
    /// The door.
    pub console: Arc<Console>,
    /// Its loops. They end when the token is cancelled that it was started with; then `tasks.wait()` returns.
    pub tasks: TaskTracker,
}

/// Whether the console itself can do its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a thing that can be amiss by itself")]
pub struct Readiness {
    /// The store can be written: it was written to a moment ago.
    pub store: bool,
    /// The store's disk has more room than what is kept for an emergency.
    pub reserve: bool,
    /// The store's files are at their places. If not, everything that is written is gone when the console ends.
    pub file: bool,
    /// The pictures of all pools can be worked out.
    pub pictures: bool,
    /// The store's guards are as they were made. If not, the console works all the same, and raises an alarm.
    pub guards: bool,
}

impl Readiness {
    /// It can.
    pub fn is_ready(self) -> bool {
        self.store && self.reserve && self.file && self.pictures
    }
}

/// The only door for handlers. Each question takes the caller first; a caller whose session has ended gets no answer.
pub struct Console {
    pools: BTreeMap<PoolId, Arc<ObservedPool>>,
    operators: BTreeMap<PoolId, Arc<PoolOperations>>,
    overview: Arc<Live<Vec<Summary>>>,
    people: Arc<People>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    chance: Arc<dyn Chance>,
    boot: Arc<str>,
    store_watch: Arc<StoreWatch>,
}

impl Console {
    /// Starts observing. Must be called within a Tokio runtime; everything ends when `stop` is cancelled.
    pub fn start(parts: Parts, stop: &CancellationToken) -> Started {
        let Parts { pools, store, clock, chance, passwords, work_out, settings } = parts;
        let tasks = TaskTracker::new();
        let mut boot = [0; 6];
        chance.fill(&mut boot);
        let boot: Arc<str> = people::hex(&boot).into();
        let stirred = Arc::new(Notify::new());
        let mut watched_pools = BTreeMap::new();
        let mut operators = BTreeMap::new();
        for PoolParts { pool, probes, control } in pools {
            let id = pool.id.clone();
            let watched = Arc::new(ObservedPool::new(pool, Arc::clone(&boot), Arc::clone(&clock), work_out, Arc::clone(&stirred)));
            let asking = Asking::new(settings.interval, Arc::clone(&clock), Arc::clone(&chance));
            for probe in probes {
                tasks.spawn(keep_asking(probe, Arc::clone(&watched), asking.clone(), stop.clone()));
            }
            tasks.spawn(keep_picture(Arc::clone(&watched), stop.clone()));
            tasks.spawn(history::keep_writing(Arc::clone(&watched), Arc::clone(&store), stop.clone()));
            tasks.spawn(alarm::keep_writing(Arc::clone(&watched), Arc::clone(&store), stop.clone()));
            let operator = PoolOperations::new(
                Arc::clone(&watched),
                control,
                Arc::clone(&store),
                Arc::clone(&clock),
                chance.as_ref(),
                Arc::clone(&boot),
            );
            let operator = Arc::new(operator);
            tasks.spawn(keep_operating(Arc::clone(&operator), stop.clone()));
            operators.insert(id.clone(), operator);
            watched_pools.insert(id, watched);
        }
        let limits = SessionLimits { idle: settings.session_idle, absolute: settings.session_absolute };
        let people = Arc::new(People::new(Arc::clone(&store), Arc::clone(&clock), Arc::clone(&chance), passwords, limits));
        tasks.spawn(people::keep_pruning(Arc::clone(&people), stop.clone()));
        tasks.spawn(history::keep_pruning(Arc::clone(&store), Arc::clone(&clock), stop.clone()));
        tasks.spawn(people::keep_ending(Arc::clone(&people), stop.clone()));
        let store_watch = Arc::new(StoreWatch::new(Arc::clone(&store), Arc::clone(&clock)));
        tasks.spawn(store_watch::keep_watching(Arc::clone(&store_watch), stop.clone()));
        let overview = Arc::new(Live::new(Arc::clone(&boot), Arc::new(Vec::new())));
        let console = Arc::new(Console { pools: watched_pools, operators, overview, people, store, clock, chance, boot, store_watch });
        tasks.spawn(keep_overview(Arc::clone(&console), stirred, stop.clone()));
        tasks.close();
        Started { console, tasks }
    }

    /// The console's clock.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// All pools, the one in the worst state first.
    pub fn summaries(&self, caller: &Caller) -> Vec<Summary> {
        if self.allowed(caller, Action::See).is_err() {
            return Vec::new();
        }
        self.summed_up()
    }

    /// A pool at this instant.
    pub fn picture(&self, caller: &Caller, pool: &PoolId) -> Result<Arc<Picture>, ConsoleError> {
        self.watched(caller, pool).map(ObservedPool::picture)
    }

    /// The last quarter of an hour of what a pool page draws: loss, lag of the links between nodes, WAL rates.
    pub async fn trends(&self, caller: &Caller, pool: &PoolId) -> Result<Vec<Series>, ConsoleError> {
        let picture = self.watched(caller, pool)?.picture();
        let mut metrics = vec![Metric::LossBytes, Metric::Loss];
        for link in picture.links.iter().filter(|link| link.kind != LinkKind::Archive) {
            metrics.extend(link.to.clone().map(|to| Metric::Lag { kind: link.kind, to }));
        }
        for (_, site) in picture.sites.iter() {
            metrics.extend(site.nodes.iter().map(|node| Metric::WalRate { node: node.name.clone() }));
        }
        futures::future::try_join_all(metrics.iter().map(|metric| self.series(caller, pool, metric, Span::Quarter))).await
    }

    /// One figure over time.
    pub async fn series(&self, caller: &Caller, pool: &PoolId, metric: &Metric, span: Span) -> Result<Series, ConsoleError> {
        self.watched(caller, pool)?;
        let until = self.clock.now();
        let from = until - Duration::from_millis(span.length().0);
        let points = self.store.points(pool, metric, span, from, until).await.map_err(|error| self.failed(&error))?;
        Ok(Series { metric: metric.clone(), step: span.step(), from, until, points })
    }

    /// The newest 20 changes of a pool, newest first.
    pub async fn changes(&self, caller: &Caller, pool: &PoolId) -> Result<Vec<Change>, ConsoleError> {
        self.watched(caller, pool)?;
        self.store.changes(pool, CHANGES_SHOWN).await.map_err(|error| self.failed(&error))
    }

    /// The newest 200 entries of the audit history, newest first.
    pub async fn audit(&self, caller: &Caller) -> Result<Vec<AuditEntry>, ConsoleError> {
        self.allowed(caller, Action::SeeAudit)?;
        self.store.entries(ENTRIES_SHOWN).await.map_err(|error| self.failed(&error))
    }

    /// A pool's live stream; it goes on after `last_event_id` if that is still known.
    pub fn watch_pool(&self, caller: &Caller, pool: &PoolId, last_event_id: Option<&str>) -> Result<LiveStream, ConsoleError> {
        let watched = self.watched(caller, pool)?;
        Ok(LiveStream::watch(Arc::clone(&watched.live), Arc::clone(&self.clock), last_event_id, caller.session_ends_at))
    }

    /// The overview's live stream; it goes on after `last_event_id` if that is still known.
    pub fn watch_overview(&self, caller: &Caller, last_event_id: Option<&str>) -> Result<LiveStream, ConsoleError> {
        self.allowed(caller, Action::See)?;
        // While nobody watches, the overview is not kept; whoever comes first finds it as it is now.
        if !self.overview.is_watched() {
            self.overview.publish(Arc::new(self.summed_up()), self.clock.now());
        }
        Ok(LiveStream::watch(Arc::clone(&self.overview), Arc::clone(&self.clock), last_event_id, caller.session_ends_at))
    }

    /// Makes the set-up link anew; nothing when somebody has an account already. For the console's start, not for callers.
    pub async fn open_set_up(&self) -> Result<Option<SetUpLink>, ConsoleError> {
        Ok(self.people.open_set_up().await?)
    }

    /// Whether this is the open set-up link.
    pub async fn set_up_is_open(&self, secret: &str) -> Result<bool, ConsoleError> {
        Ok(self.people.set_up_is_open(secret).await?)
    }

    /// Makes the first administrator and signs them in. `from` is the address of whoever asks.
    pub async fn set_up(&self, form: SetUpForm, from: &str) -> Result<SignedIn, SetUpError> {
        self.people.set_up(form, from).await
    }

    /// Signs somebody in. Where it comes from decides how often they may try, and who waits for whom.
    pub async fn sign_in<'a>(&self, login: &str, password: SecretString, source: impl Into<Source<'a>>) -> Result<SignedIn, SignInError> {
        self.people.sign_in(login, password, source.into()).await
    }

    /// Ends the session of this cookie secret, at once. It is fine if it is gone already.
    pub async fn sign_out(&self, secret: &str, from: &str) -> Result<SignedOut, ConsoleError> {
        Ok(self.people.sign_out(secret, from).await?)
    }

    /// Whose session belongs to this cookie secret; nobody's when it is unknown or has ended. An error when the store
    /// is away: then nobody knows, which is not the same as being signed out.
    pub async fn caller(&self, secret: &str) -> Result<Option<Caller>, ConsoleError> {
        Ok(self.people.caller(secret).await?)
    }

    /// Whether the console itself can do its work.
    pub async fn readiness(&self) -> Readiness {
        Readiness {
            store: self.store_watch.can_write().await,
            reserve: self.store_watch.reserve() != Reserve::GivenUp,
            pictures: self.pools.values().all(|watched| watched.is_sound()),
            file: self.store_watch.lost_file().is_none(),
            guards: self.store_watch.broken_guards().is_empty(),
        }
    }

    /// How the console itself is, beside its pools.
    pub fn state(&self, caller: &Caller) -> Result<ConsoleState, ConsoleError> {
        self.allowed(caller, Action::See)?;
        Ok(ConsoleState {
            broken_guards: self.store_watch.broken_guards(),
            reserve: self.store_watch.reserve(),
            lost_file: self.store_watch.lost_file(),
            unconfirmed: self
                .operators
                .iter()
                .filter(|(_, operator)| operator.restored().is_some())
                .map(|(pool, _)| pool.clone())
                .collect(),
        })
    }

    /// Whether the caller's session goes on, and whether they may do this. Everything that has a caller asks here first.
    fn allowed(&self, caller: &Caller, action: Action) -> Result<(), ConsoleError> {
        if self.clock.now() >= caller.session_ends_at {
            return Err(ConsoleError::NotSignedIn);
        }
        if may(caller.role, action) { Ok(()) } else { Err(ConsoleError::NotAllowed) }
    }

    fn watched(&self, caller: &Caller, pool: &PoolId) -> Result<&ObservedPool, ConsoleError> {
        self.allowed(caller, Action::See)?;
        self.pools.get(pool).map(Arc::as_ref).ok_or_else(|| ConsoleError::UnknownPool { pool: pool.clone() })
    }

    fn summed_up(&self) -> Vec<Summary> {
        let mut all: Vec<Summary> = self.pools.values().map(|watched| watched.picture().summary()).collect();
        // Stable, so that equals stay in the order of their names and rows do not dance.
        all.sort_by_key(|summary| Reverse((summary.worst.as_ref().map(switchback_domain::Finding::severity), summary.protection.state)));
        all
    }

    fn failed(&self, error: &StoreError) -> ConsoleError {
        Incident::log(self.chance.as_ref(), error).into()
    }
}

/// Keeps the overview while somebody watches it, and ends all streams when everything stops.
async fn keep_overview(console: Arc<Console>, stirred: Arc<Notify>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            () = stirred.notified() => {}
            () = tokio::time::sleep_until(console.overview.beat_due_at()) => {
                console.overview.beat(console.clock.now());
                continue;
            }
        }
        if console.overview.is_watched() {
            console.overview.publish(Arc::new(console.summed_up()), console.clock.now());
        }
        if !pause(OVERVIEW_EVERY, &stop).await {
            break;
        }
    }
    console.overview.close();
    console.pools.values().for_each(|watched| watched.live.close());
}

#[cfg(test)]
mod tests;
