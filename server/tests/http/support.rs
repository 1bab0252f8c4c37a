//! A console with a real store in a temporary folder, scripted endpoints, and a clock that tests move.

use axum::{Router, body::Body, extract::ConnectInfo};
use futures::future::BoxFuture;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};
use switchback_domain::{
    Endpoint, EndpointName, Facts, HaproxyFacts, MemberFacts, MemberState, Millis, Node, Pair, Policy, Pool, ProbeFailure, Side, Site,
    Timeline,
    audit::Deed,
    error::WishError,
    fixture,
    operation::{ControlRequest, Entry, Epoch, Operation, OperationId},
    people::{Caller, Person},
    permission::Role,
    picture::work_out,
};
use switchback_engine::{
    Console, Parts, PoolParts, Settings, Started, WorkOut,
    audit::{Actor, audited},
    ports::{AuditEntry, Chance, Clock, EngineControl, Lane, LeaseAsk, Opening, Passwords, PasswordsFailed, Probe, Store},
};
use switchback_server::{
    config::MetricsAccess,
    http::{COOKIE, Parts as WebParts, Site as WebSite, router},
    network::TrustedProxies,
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

pub const ORIGIN: &str = "http://127.0.0.1:8480";
pub const PASSWORD: &str = "correct horse battery staple";

/// The time on the machine's clock.
#[expect(clippy::disallowed_methods, reason = "the tests' own clock")]
pub fn machine_time() -> Timestamp {
    Timestamp::now()
}

/// The machine's clock, moved.
#[derive(Default)]
pub struct MovedClock(AtomicI64);

impl Clock for MovedClock {
    fn now(&self) -> Timestamp {
        machine_time() + jiff::SignedDuration::from_secs(self.0.load(Ordering::SeqCst))
    }
    fn since_boot(&self) -> Duration {
        let since_1970 = self.now().duration_since(Timestamp::UNIX_EPOCH);
        since_1970.try_into().unwrap()
    }
    fn machine(&self) -> &'static str {
        "the test's"
    }
}

/// Different bytes each time; guessing them is not what these tests are about.
#[derive(Default)]
struct CountedChance(AtomicU64);

impl Chance for CountedChance {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let number = self.0.fetch_add(1, Ordering::SeqCst).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            chunk.copy_from_slice(&number.to_le_bytes()[..chunk.len()]);
        }
    }
}

/// Quick instead of safe.
struct QuickPasswords;

impl Passwords for QuickPasswords {
    fn hash(&self, password: SecretString, _: Lane) -> BoxFuture<'_, Result<String, PasswordsFailed>> {
        Box::pin(async move { Ok(format!("quick:{}", password.expose_secret())) })
    }
    fn verify(&self, password: SecretString, hash: String, _: Lane) -> BoxFuture<'_, Result<bool, PasswordsFailed>> {
        Box::pin(async move { Ok(hash == format!("quick:{}", password.expose_secret())) })
    }
}

type Answers = Arc<Mutex<BTreeMap<EndpointName, Facts>>>;

/// Says what the test wants.
struct Scripted {
    endpoint: Endpoint,
    answers: Answers,
}

impl Probe for Scripted {
    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
    fn look(&mut self, _: Timestamp) -> BoxFuture<'_, Result<Facts, ProbeFailure>> {
        let answer = self.answers.lock().unwrap().get(&self.endpoint.name).cloned();
        Box::pin(async move { answer.ok_or(ProbeFailure::Refused) })
    }
}

fn pool() -> Pool {
    let site = |letter: &str| Site {
        id: format!("dc-{letter}").parse().unwrap(),
        place: letter.to_uppercase(),
        scope: format!("pool-{letter}"),
        keys: format!("/service/pool-{letter}/"),
        nodes: vec![Node {
            name: format!("{letter}1").parse().unwrap(),
            patroni: format!("patroni-{letter}1").parse().unwrap(),
            postgres: format!("postgres-{letter}1").parse().unwrap(),
        }],
        proxies: vec![format!("haproxy-{letter}").parse().unwrap()],
        etcd: Vec::new(),
        can_follow: true,
        unverified: Vec::new(),
    };
    Pool {
        id: "chat-core".parse().unwrap(),
        title: "Chat".to_owned(),
        home: Side::A,
        sites: Pair { a: site("a"), b: site("b") },
        policy: Policy::default(),
    }
}

/// In good health whatever its endpoints say.
const WELL: WorkOut = |_, _, now| fixture::World::healthy(now).picture();

/// Both sites accept writes, whatever its endpoints say.
const SPLIT: WorkOut = |_, _, now| {
    let mut world = fixture::World::healthy(now);
    world.postgres("b1", |facts| {
        facts.in_recovery = false;
        facts.timeline = Some(Timeline(8));
    });
    world.picture()
};

/// Every endpoint of dc-a refuses, and dc-b still sees it alive.
const UNSEEN: WorkOut = |_, _, now| {
    let mut world = fixture::World::healthy(now);
    world.site_fails(Side::A, &ProbeFailure::Refused);
    world.picture()
};

fn scripted(pool: &Pool, answers: &Answers) -> Vec<Box<dyn Probe>> {
    let probes = pool.endpoints().into_iter();
    probes.map(|endpoint| Box::new(Scripted { endpoint, answers: Arc::clone(answers) }) as Box<dyn Probe>).collect()
}

fn start(
    pool: PoolParts,
    store: &Arc<dyn Store>,
    clock: &Arc<MovedClock>,
    chance: CountedChance,
    work_out: WorkOut,
    stop: &CancellationToken,
) -> Arc<Console> {
    let parts = Parts {
        pools: vec![pool],
        store: Arc::clone(store),
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        chance: Arc::new(chance),
        passwords: Arc::new(QuickPasswords),
        work_out,
        settings: Settings { interval: Duration::from_millis(50), ..Settings::default() },
    };
    let Started { console, .. } = Console::start(parts, stop);
    console
}

/// A console and the way to ask it.
pub struct World {
    pub router: Router,
    pub console: Arc<Console>,
    pub store: Arc<dyn Store>,
    pub stop: CancellationToken,
    clock: Arc<MovedClock>,
    answers: Answers,
    _folder: tempfile::TempDir,
}

impl World {
    /// A console as most tests want it.
    pub async fn new() -> World {
        World::with(ORIGIN, MetricsAccess::Loopback, TrustedProxies::none()).await
    }

    /// A console that may give orders, and a pool that is in good health whatever its endpoints say.
    pub async fn with_hands(control: Arc<dyn EngineControl>) -> World {
        World::with_policy(control, Policy { cool_down: Millis(0), ..fixture::pool().policy }).await
    }

    /// The same under a policy of the test's own.
    pub async fn with_policy(control: Arc<dyn EngineControl>, policy: Policy) -> World {
        let pool = Pool { policy, ..fixture::pool() };
        World::of(pool, Some(control), WELL, ORIGIN, MetricsAccess::Loopback, TrustedProxies::none()).await
    }

    /// A console whose pool has two sites that both accept writes.
    pub async fn split(control: Arc<dyn EngineControl>) -> World {
        World::of(fixture::pool(), Some(control), SPLIT, ORIGIN, MetricsAccess::Loopback, TrustedProxies::none()).await
    }

    /// A console that is cut off from dc-a, which is alive.
    pub async fn cut_off(control: Arc<dyn EngineControl>) -> World {
        World::of(fixture::pool(), Some(control), UNSEEN, ORIGIN, MetricsAccess::Loopback, TrustedProxies::none()).await
    }

    pub async fn with(public_url: &str, metrics_access: MetricsAccess, proxies: TrustedProxies) -> World {
        World::of(pool(), None, work_out, public_url, metrics_access, proxies).await
    }

    /// A console that finds this journal of an operation that has not ended. It only watches, so the operation stays where it is.
    pub async fn with_journal(journal: &[Entry]) -> World {
        let folder = tempfile::tempdir().unwrap();
        let store = switchback_store::open(&format!("sqlite:{}", folder.path().join("store.db").display())).await.unwrap();
        let [first, rest @ ..] = journal else { panic!("an empty journal") };
        let pool = fixture::pool();
        let from = fixture::at(0);
        let ask = LeaseAsk {
            holder: "somebody else",
            machine: "another",
            since_boot: Duration::ZERO,
            lasts: Duration::from_secs(6),
            stood_still: None,
            told_until: from,
        };
        let lease = store.take_lease(&pool.id, &ask).await.unwrap().taken().unwrap();
        let audit = audited(&Actor::console(), Deed::OperationRequested, "").done(from, serde_json::json!({}));
        let mut operation = Operation::from_journal(OperationId(0), std::slice::from_ref(first)).unwrap();
        let opening = Opening { first: first.clone(), audit, epoch: Epoch(0), key: None, summary: operation.summary(), closes: None };
        let id = store.open_operation(&lease, &opening).await.unwrap();
        for (number, entry) in (1..).zip(rest) {
            operation.evolve(entry).unwrap();
            store.append_entry(&lease, id, number, entry, None, &[], &operation.summary()).await.unwrap();
        }
        store.give_lease_back(&lease).await.unwrap();
        let world = World::on(folder, store, pool, None, WELL, ORIGIN, MetricsAccess::Loopback, TrustedProxies::none());
        world.taken_up(id).await;
        world
    }

    /// The operation is open.
    #[expect(clippy::disallowed_methods, reason = "the test waits for the operator")]
    async fn taken_up(&self, id: OperationId) {
        let person = Person { login: "mira".parse().unwrap(), name: "Mira".to_owned(), created_at: fixture::at(0) };
        let session_ends_at = machine_time() + jiff::SignedDuration::from_hours(1);
        let caller = Caller { person, role: Role::Administrator, session_ends_at };
        for _ in 0..500 {
            // Before that nobody takes a wish; after that this one is refused, because nothing is paused.
            if self.console.wish(&caller, id, ControlRequest::Resume, "").await == Err(WishError::NotPaused) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{id} was not taken up");
    }

    async fn of(
        pool: Pool,
        control: Option<Arc<dyn EngineControl>>,
        work_out: WorkOut,
        public_url: &str,
        metrics_access: MetricsAccess,
        proxies: TrustedProxies,
    ) -> World {
        let folder = tempfile::tempdir().unwrap();
        let store = switchback_store::open(&format!("sqlite:{}", folder.path().join("store.db").display())).await.unwrap();
        World::on(folder, store, pool, control, work_out, public_url, metrics_access, proxies)
    }

    /// A console over a store that is there, in this folder; its pool is in good health whatever its endpoints say.
    pub fn over(folder: tempfile::TempDir, store: Arc<dyn Store>, control: Arc<dyn EngineControl>, policy: Policy) -> World {
        let pool = Pool { policy, ..fixture::pool() };
        World::on(folder, store, pool, Some(control), WELL, ORIGIN, MetricsAccess::Loopback, TrustedProxies::none())
    }

    #[expect(clippy::too_many_arguments, reason = "everything that a world is made of")]
    fn on(
        folder: tempfile::TempDir,
        store: Arc<dyn Store>,
        pool: Pool,
        control: Option<Arc<dyn EngineControl>>,
        work_out: WorkOut,
        public_url: &str,
        metrics_access: MetricsAccess,
        proxies: TrustedProxies,
    ) -> World {
        let site = folder.path().join("site");
        std::fs::create_dir_all(site.join("pkg")).unwrap();
        std::fs::create_dir_all(site.join("fonts")).unwrap();
        std::fs::write(site.join("pkg/switchback.5fKd0.js"), "export default 1;\n".repeat(200)).unwrap();
        std::fs::write(site.join("pkg/switchback.js"), "export default 1;\n").unwrap();
        std::fs::write(site.join("favicon.svg"), "<svg xmlns='http://www.w3.org/2000/svg'/>").unwrap();
        std::fs::write(site.join("fonts/text.woff2"), "font").unwrap();
        std::fs::write(folder.path().join("outside.txt"), "outside").unwrap();
        let hash_file = folder.path().join("hash.txt");
        std::fs::write(&hash_file, "js: 5fKd0\nwasm: 7hQx2\ncss: 9bLm4\n").unwrap();

        let clock = Arc::new(MovedClock::default());
        let answers = Answers::default();
        let stop = CancellationToken::new();
        let probes = scripted(&pool, &answers);
        let chance = CountedChance::default();
        let console = start(PoolParts { pool, probes, control }, &store, &clock, chance, work_out, &stop);
        let router = router(WebParts {
            console: Arc::clone(&console),
            public_url: public_url.parse().unwrap(),
            metrics_access,
            metrics: metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder().handle(),
            proxies,
            listen: SocketAddr::from(([127, 0, 0, 1], 8480)),
            site: WebSite { root: PathBuf::from(&site), hash_file: Some(hash_file), reloading: false },
            stop: stop.clone(),
        });
        World { router, console, store, stop, clock, answers, _folder: folder }
    }

    /// Another console over the same store, with a pool of the same name in good health: a second one, or the first one started anew.
    pub fn another(&self, control: Arc<dyn EngineControl>, policy: Policy) -> Arc<Console> {
        let pool = Pool { policy, ..fixture::pool() };
        let probes = scripted(&pool, &self.answers);
        // What it draws must not be what the first one has drawn.
        let chance = CountedChance(AtomicU64::new(1 << 32));
        start(PoolParts { pool, probes, control: Some(control) }, &self.store, &self.clock, chance, WELL, &self.stop)
    }

    /// Time passes.
    pub fn pass(&self, time: Duration) {
        self.clock.0.fetch_add(i64::try_from(time.as_secs()).unwrap(), Ordering::SeqCst);
    }

    /// From now on the site's HAProxy says this of its only member.
    pub fn member(&self, letter: &str, state: MemberState, sessions: u32) {
        let member =
            MemberFacts { name: format!("member-{letter}").parse().unwrap(), state, healthy: true, sessions, unchanged_for_s: 100 };
        let facts = HaproxyFacts { version: "3.0".to_owned(), members: vec![member], guard: true, peers_up: Vec::new() };
        let name = format!("haproxy-{letter}").parse().unwrap();
        self.answers.lock().unwrap().insert(name, Facts::Haproxy(facts));
    }

    pub async fn ask(&self, mut request: Request<Body>) -> Response<Body> {
        if request.extensions().get::<ConnectInfo<SocketAddr>>().is_none() {
            request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 40_000))));
        }
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub async fn get(&self, path: &str, session: Option<&str>) -> Response<Body> {
        self.ask(ask_for(Method::GET, path, session).body(Body::empty()).unwrap()).await
    }

    /// Sends a form as a page of the console would.
    pub async fn post(&self, path: &str, form: &str, session: Option<&str>) -> Response<Body> {
        let kind = "application/x-www-form-urlencoded";
        let request = from_our_page(path, session).header(header::CONTENT_TYPE, kind);
        self.ask(request.body(Body::from(form.to_owned())).unwrap()).await
    }

    /// Sends something else from where a page of the console would.
    pub async fn post_as(&self, kind: &str, path: &str, text: &str, session: &str) -> Response<Body> {
        let request = from_our_page(path, Some(session)).header(header::CONTENT_TYPE, kind);
        self.ask(request.body(Body::from(text.to_owned())).unwrap()).await
    }

    /// The secret of a fresh set-up link.
    pub async fn set_up_link(&self) -> String {
        self.console.open_set_up().await.unwrap().unwrap().secret.expose_secret().to_owned()
    }

    /// Makes the first administrator. Returns their session.
    pub async fn signed_in(&self) -> String {
        let secret = self.set_up_link().await;
        let form = format!("secret={secret}&login=mira&name=Mira+Okafor&password={}", PASSWORD.replace(' ', "+"));
        session(&self.post("/set-up", &form, None).await).expect("a session")
    }

    /// What was written into the audit history, oldest first, as `action result reason`.
    pub async fn audit(&self) -> Vec<String> {
        let mut entries: Vec<AuditEntry> = self.store.entries(100).await.unwrap();
        entries.reverse();
        let reason = |entry: &AuditEntry| entry.detail["reason"].as_str().map(|reason| format!(" {reason}")).unwrap_or_default();
        entries.iter().map(|entry| format!("{} {}{}", entry.deed(), entry.outcome(), reason(entry))).collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn from_our_page(path: &str, session: Option<&str>) -> http::request::Builder {
    ask_for(Method::POST, path, session).header(header::ORIGIN, ORIGIN).header("sec-fetch-site", "same-origin")
}

/// A request with or without a session.
pub fn ask_for(method: Method, path: &str, session: Option<&str>) -> http::request::Builder {
    let request = Request::builder().method(method).uri(path).header(header::HOST, "127.0.0.1:8480");
    match session {
        Some(session) => request.header(header::COOKIE, format!("lang=en; {COOKIE}={session}")),
        None => request,
    }
}

/// The session that an answer begins.
pub fn session(response: &Response<Body>) -> Option<String> {
    let cookie = response.headers().get(header::SET_COOKIE)?.to_str().unwrap();
    let value = cookie.strip_prefix(COOKIE)?.strip_prefix('=')?.split(';').next()?;
    (!value.is_empty()).then(|| value.to_owned())
}

/// Where an answer leads.
pub fn location(response: &Response<Body>) -> &str {
    assert_eq!(response.status(), StatusCode::SEE_OTHER, "{response:?}");
    text(response.headers(), "location")
}

pub fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}

pub async fn body(response: Response<Body>) -> String {
    let bytes = axum::body::to_bytes(response.into_body(), 4 * 1024 * 1024).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}
