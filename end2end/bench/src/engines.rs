//! Recorded engines: what real Patroni, `PostgreSQL`, `HAProxy` and etcd answered in the lab, over their own protocols, with the
//! figures that move put in anew. Every pool has listeners of its own, as real pools have.

mod haproxy;
mod http;
mod postgres;

use std::{
    collections::HashMap,
    fmt::Write,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Instant,
};
use tokio::{net::TcpListener, task::JoinSet};

/// Sessions of a member begin here, so that a viewer recognizes them among everything else that is sent.
pub const FIRST_MARK: u32 = 1_700_000_000;

/// How large a pool is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Two nodes in each site: 12 endpoints.
    Whole,
    /// One node in each site: 8 endpoints.
    Small,
}

impl Shape {
    /// Names of the nodes of site a and of site b.
    fn nodes(self) -> [&'static [&'static str]; 2] {
        match self {
            Shape::Whole => [&["a1", "a2"], &["b1", "b2"]],
            Shape::Small => [&["a1"], &["b1"]],
        }
    }

    /// How many endpoints it has.
    pub fn endpoints(self) -> usize {
        // A Patroni and a PostgreSQL for each node, an HAProxy and an etcd for each site.
        self.nodes().iter().map(|nodes| nodes.len() * 2 + 2).sum()
    }
}

/// What moves in a pool, and what was asked.
#[derive(Debug)]
pub struct Moving {
    began: Instant,
    /// Sessions of the first member.
    sessions: AtomicU32,
    /// Each answer of the first `HAProxy` has another number of sessions.
    always_new: AtomicBool,
    /// When a number of sessions was first told.
    told: Mutex<HashMap<u32, Instant>>,
    /// Questions that were answered, a connection to `PostgreSQL` or a visit to Patroni counted as one each time.
    looks: AtomicU64,
}

impl Moving {
    /// A new number of sessions from now on; returns it.
    pub fn change(&self) -> u32 {
        self.sessions.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// From now on each answer of the first `HAProxy` is a change.
    pub fn change_with_each_answer(&self) {
        self.always_new.store(true, Ordering::Relaxed);
    }

    /// When this number of sessions was first told to the console.
    pub fn told_at(&self, sessions: u32) -> Option<Instant> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).get(&sessions).copied()
    }

    /// How many looks at endpoints were answered.
    pub fn looks(&self) -> u64 {
        self.looks.load(Ordering::Relaxed)
    }

    fn looked(&self) {
        self.looks.fetch_add(1, Ordering::Relaxed);
    }

    /// The sessions to tell now.
    fn tell_sessions(&self) -> u32 {
        let sessions = if self.always_new.load(Ordering::Relaxed) { self.change() } else { self.sessions.load(Ordering::Relaxed) };
        self.told.lock().unwrap_or_else(PoisonError::into_inner).entry(sessions).or_insert_with(Instant::now);
        sessions
    }

    /// Where the primary writes: a megabyte a second.
    fn position(&self) -> u64 {
        let milliseconds = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        0x0180_0000 + milliseconds * 1_048
    }

    /// Counts up each second, as the console's heartbeat row does.
    fn beat(&self) -> u64 {
        self.began.elapsed().as_secs()
    }
}

/// A pool's engines, answering until this is dropped.
pub struct Pool {
    /// Its name.
    pub id: String,
    /// What moves in it.
    pub moving: Arc<Moving>,
    shape: Shape,
    addresses: HashMap<String, SocketAddr>,
    serving_tasks: JoinSet<()>,
}

impl Pool {
    /// Starts answering.
    pub async fn start(id: String, shape: Shape) -> anyhow::Result<Pool> {
        let moving = Arc::new(Moving {
            began: Instant::now(),
            sessions: AtomicU32::new(FIRST_MARK),
            always_new: AtomicBool::new(false),
            told: Mutex::default(),
            looks: AtomicU64::new(0),
        });
        let mut pool = Pool { id, moving, shape, addresses: HashMap::new(), serving_tasks: JoinSet::new() };
        for (side, nodes) in ["a", "b"].into_iter().zip(shape.nodes()) {
            for node in nodes {
                let moving = Arc::clone(&pool.moving);
                pool.serve(format!("patroni-{node}"), move |listener| http::patroni(listener, node, moving)).await?;
                let moving = Arc::clone(&pool.moving);
                let recorded = Arc::new(postgres::Recorded::of_node(node)?);
                pool.serve(format!("postgres-{node}"), move |listener| postgres::serve(listener, recorded, moving)).await?;
            }
            let moving = Arc::clone(&pool.moving);
            pool.serve(format!("haproxy-{side}"), move |listener| haproxy::serve(listener, side, moving)).await?;
            let moving = Arc::clone(&pool.moving);
            pool.serve(format!("etcd-{side}"), move |listener| http::etcd(listener, moving)).await?;
        }
        Ok(pool)
    }

    async fn serve<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        name: String,
        serving: impl FnOnce(TcpListener) -> F,
    ) -> anyhow::Result<()> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        self.addresses.insert(name, listener.local_addr()?);
        self.serving_tasks.spawn(serving(listener));
        Ok(())
    }

    /// How many endpoints it has.
    pub fn endpoints(&self) -> usize {
        self.shape.endpoints()
    }

    /// The pool's part of the console's configuration.
    pub fn configuration(&self) -> String {
        let address = |name: String| self.addresses[&name];
        let mut text = format!("[[pool]]\nid = \"{}\"\nhome = \"dc-a\"\n", self.id);
        for (side, nodes) in ["a", "b"].into_iter().zip(self.shape.nodes()) {
            let _ = write!(
                text,
                "[[pool.site]]\nid = \"dc-{side}\"\n[pool.site.patroni]\nscope = \"pool-{side}\"\ntls = \"off\"\n\
                 [pool.site.postgres]\nusername = \"switchback\"\npassword_file = \"password\"\ndatabase = \"switchback\"\n\
                 heartbeat = true\ntls = \"off\"\n",
            );
            for node in nodes {
                let (patroni, postgres) = (address(format!("patroni-{node}")), address(format!("postgres-{node}")));
                let _ = write!(text, "[[pool.site.node]]\nname = \"{node}\"\npatroni = \"http://{patroni}\"\npostgres = \"{postgres}\"\n");
            }
            let (haproxy, etcd) = (address(format!("haproxy-{side}")), address(format!("etcd-{side}")));
            let _ = write!(
                text,
                "[[pool.site.haproxy]]\nname = \"haproxy-{side}\"\naddress = \"{haproxy}\"\nbackend = \"members\"\n\
                 guard_backend = \"peer_pg\"\ntls = \"off\"\n\
                 [[pool.site.etcd]]\nname = \"etcd-{side}\"\nurl = \"http://{etcd}\"\ntls = \"off\"\n",
            );
        }
        text
    }
}
