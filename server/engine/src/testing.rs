//! What tests own: time, chance, endpoints, the store and passwords.

mod store;

pub(crate) use store::TestStore;

use crate::{
    Console, Parts, PoolParts, Settings, Started,
    ports::{Chance, Clock, Lane, Passwords, PasswordsFailed, Probe},
};
use bytes::Bytes;
use futures::{FutureExt, StreamExt, future::BoxFuture};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use switchback_domain::{
    Endpoint, Facts, Heartbeat, Picture, Pool, PostgresFacts, ProbeFailure, fixture,
    people::{Caller, Person},
    permission::Role,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Lets test time pass.
#[expect(clippy::disallowed_methods, reason = "tests pause time, so this takes none")]
pub(crate) async fn let_pass(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

/// A clock that follows the paused time of the test.
#[derive(Debug, Clone)]
pub(crate) struct TestClock {
    began: tokio::time::Instant,
    /// By how much somebody has set it, in milliseconds.
    set_by: Arc<std::sync::atomic::AtomicI64>,
}

impl TestClock {
    pub(crate) fn starting_now() -> TestClock {
        TestClock { began: tokio::time::Instant::now(), set_by: Arc::default() }
    }

    /// Somebody sets it: so far ahead, or behind, of the right time.
    pub(crate) fn set_by(&self, ms: i64) {
        self.set_by.store(ms, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        fixture::at(self.set_by.load(Ordering::Relaxed)) + self.began.elapsed()
    }
    fn since_boot(&self) -> Duration {
        Duration::from_hours(1) + self.began.elapsed()
    }
    fn machine(&self) -> &'static str {
        "the test's"
    }
}

/// Chance that is the same each time, and never twice the same (splitmix64).
#[derive(Debug, Default)]
pub(crate) struct TestChance(AtomicU64);

impl Chance for TestChance {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let mut z = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed).wrapping_add(0x9E37_79B9_7F4A_7C15);
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}

/// Passwords without the slowness; remembers how often it was asked.
#[derive(Debug, Default)]
pub(crate) struct TestPasswords {
    pub(crate) verified: AtomicU64,
    /// All places for strangers are taken.
    pub(crate) strangers_wait: AtomicBool,
}

impl Passwords for TestPasswords {
    fn hash(&self, password: SecretString, _: Lane) -> BoxFuture<'_, Result<String, PasswordsFailed>> {
        async move { Ok(format!("$test${}", password.expose_secret().chars().rev().collect::<String>())) }.boxed()
    }

    fn verify(&self, password: SecretString, hash: String, lane: Lane) -> BoxFuture<'_, Result<bool, PasswordsFailed>> {
        async move {
            if lane == Lane::Stranger && self.strangers_wait.load(Ordering::Relaxed) {
                return Err(PasswordsFailed::Busy);
            }
            self.verified.fetch_add(1, Ordering::Relaxed);
            Ok(self.hash(password, lane).await? == hash)
        }
        .boxed()
    }
}

/// What an endpoint does when it is asked.
#[derive(Debug, Clone, Default)]
pub(crate) enum Does {
    /// Answers in good health.
    #[default]
    Answer,
    Fail(ProbeFailure),
    Hang,
    Panic,
}

/// What each endpoint does, and when it was asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Script(Arc<Mutex<Lines>>);

#[derive(Debug, Default)]
struct Lines {
    does: BTreeMap<String, Does>,
    asked: BTreeMap<String, Vec<Timestamp>>,
}

impl Script {
    pub(crate) fn set(&self, endpoint: &str, does: Does) {
        self.0.lock().expect("no test panics while it holds this").does.insert(endpoint.to_owned(), does);
    }

    pub(crate) fn asked(&self, endpoint: &str) -> Vec<Timestamp> {
        self.0.lock().expect("no test panics while it holds this").asked.get(endpoint).cloned().unwrap_or_default()
    }

    fn ask(&self, endpoint: &str, now: Timestamp) -> Does {
        let mut lines = self.0.lock().expect("no test panics while it holds this");
        lines.asked.entry(endpoint.to_owned()).or_default().push(now);
        lines.does.get(endpoint).cloned().unwrap_or_default()
    }
}

struct TestProbe {
    endpoint: Endpoint,
    script: Script,
}

impl Probe for TestProbe {
    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn look(&mut self, now: Timestamp) -> BoxFuture<'_, Result<Facts, ProbeFailure>> {
        async move {
            match self.script.ask(self.endpoint.name.as_str(), now) {
                Does::Answer => Ok(healthy(&self.endpoint, now)),
                Does::Fail(cause) => Err(cause),
                Does::Hang => std::future::pending().await,
                Does::Panic => panic!("this probe panics as its test asked it to"),
            }
        }
        .boxed()
    }
}

/// What an endpoint of the fixture's pool says at `now` when all is well.
pub(crate) fn healthy(endpoint: &Endpoint, now: Timestamp) -> Facts {
    let world = fixture::World::healthy(fixture::at(0));
    let sighting = &world.sightings[&endpoint.name];
    match sighting.answer.clone().expect("every endpoint of the fixture answers").0 {
        Facts::Postgres(facts) => {
            let heartbeat = Some(Heartbeat { beat: 1, beat_at: now });
            Facts::Postgres(PostgresFacts { clock: now, heartbeat, ..facts })
        }
        other => other,
    }
}

/// A second pool, of the same shape.
pub(crate) fn pool_named(id: &str) -> Pool {
    Pool { id: id.parse().expect("a name"), ..fixture::pool() }
}

/// A running console over endpoints, a store and a time that the test owns.
pub(crate) struct TestPool {
    pub(crate) console: Arc<Console>,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
    /// Of the pool `chat-core`.
    pub(crate) script: Script,
    /// Of the pool `chat-rest`.
    pub(crate) second: Script,
    pub(crate) store: Arc<TestStore>,
    pub(crate) passwords: Arc<TestPasswords>,
    pub(crate) clock: Arc<TestClock>,
}

impl TestPool {
    /// Starts it. Nothing has been asked yet.
    pub(crate) fn start() -> TestPool {
        let (script, second) = (Script::default(), Script::default());
        let pools = vec![parts_of(fixture::pool(), &script), parts_of(pool_named("chat-rest"), &second)];
        TestPool::start_with(pools, script, second)
    }

    /// The same without pools, for tests that let days pass.
    pub(crate) fn without_pools() -> TestPool {
        TestPool::start_with(Vec::new(), Script::default(), Script::default())
    }

    fn start_with(pools: Vec<PoolParts>, script: Script, second: Script) -> TestPool {
        let store = Arc::new(TestStore::default());
        let passwords = Arc::new(TestPasswords::default());
        let clock = Arc::new(TestClock::starting_now());
        let stop = CancellationToken::new();
        let parts = Parts {
            pools,
            store: Arc::clone(&store) as _,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            chance: Arc::new(TestChance::default()),
            passwords: Arc::clone(&passwords) as _,
            work_out: switchback_domain::picture::work_out,
            settings: Settings::default(),
        };
        let Started { console, tasks } = Console::start(parts, &stop);
        TestPool { console, tasks, stop, script, second, store, passwords, clock }
    }

    /// Somebody who is signed in.
    pub(crate) fn caller() -> Caller {
        let person = Person { login: "ann".parse().expect("a name"), name: "Ann".to_owned(), created_at: fixture::at(0) };
        Caller { person, role: Role::Administrator, session_ends_at: fixture::at(12 * 3_600_000) }
    }

    pub(crate) fn picture(&self) -> Arc<Picture> {
        self.console.picture(&TestPool::caller(), &fixture::pool().id).expect("the pool is there")
    }
}

fn parts_of(pool: Pool, script: &Script) -> PoolParts {
    let probes =
        pool.endpoints().into_iter().map(|endpoint| Box::new(TestProbe { endpoint, script: script.clone() }) as Box<dyn Probe>).collect();
    PoolParts { pool, probes, control: None }
}

/// An event as a browser reads it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    pub(crate) id: Option<String>,
    pub(crate) name: String,
    pub(crate) data: serde_json::Value,
}

impl Event {
    /// Reads one frame, and insists that it is exactly one.
    pub(crate) fn read(frame: &Bytes) -> Event {
        let text = std::str::from_utf8(frame).expect("frames are text").strip_suffix("\n\n").expect("frames end with an empty line");
        let (mut id, mut name, mut data) = (None, None, None);
        for line in text.split('\n') {
            let (field, value) = line.split_once(": ").expect("each line has a field");
            let slot = match field {
                "id" => &mut id,
                "event" => &mut name,
                "data" => &mut data,
                other => panic!("no such field: {other}"),
            };
            assert!(slot.replace(value.to_owned()).is_none(), "one {field} in each frame");
        }
        let data = serde_json::from_str(&data.expect("there is data")).expect("the data is JSON");
        Event { id, name: name.expect("there is a name"), data }
    }
}

/// What a page makes of the events: the same value as the console's, or nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Page {
    pub(crate) value: serde_json::Value,
    pub(crate) last_id: Option<String>,
    pub(crate) names: Vec<String>,
    pub(crate) points: usize,
}

impl Page {
    pub(crate) fn take(&mut self, frame: &Bytes) {
        let mut event = Event::read(frame);
        match event.name.as_str() {
            "whole" => self.value = event.data["value"].take(),
            "change" => {
                let patch: json_patch::Patch = serde_json::from_value(event.data["patch"].take()).expect("a patch");
                json_patch::patch(&mut self.value, &patch).expect("the patch fits the value of the id before");
            }
            "points" => self.points += event.data["points"].as_array().expect("a list").len(),
            "beat" => assert!(event.data["at"].is_string()),
            other => panic!("no such event: {other}"),
        }
        self.last_id = event.id.or(self.last_id.take());
        self.names.push(event.name);
    }

    /// Takes what is in the stream for the next `ms`.
    pub(crate) async fn watch(&mut self, stream: &mut crate::LiveStream, ms: u64) {
        let until = tokio::time::Instant::now() + Duration::from_millis(ms);
        while let Ok(Some(frame)) = tokio::time::timeout_at(until, stream.next()).await {
            self.take(&frame);
        }
    }

    /// The value as the page's own types.
    pub(crate) fn read<T: serde::de::DeserializeOwned>(&self) -> T {
        serde_json::from_value(self.value.clone()).expect("the value is what the page expects")
    }
}
