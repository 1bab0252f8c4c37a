//! Clients that write numbered rows, keep what was acknowledged, and judge in the end.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{ConnectOptions, Connection};

use crate::clock::{pause, run_name};
use crate::error::{Doing, LabError, Result};
use crate::lab::Lab;
use crate::layout::{Layout, POSTGRES_PORT, WRITE_PORT};
use crate::network;
use crate::places::{Node, Place, Site};
use crate::verdict::{Journal, Verdict};

/// Between two rows.
const EVERY: Duration = Duration::from_millis(10);
/// Longer than any healthy write, shorter than a person's patience.
const PATIENCE: Duration = Duration::from_secs(2);
/// Between two attempts to connect through a proxy.
const PAUSE: Duration = Duration::from_millis(20);
/// Between two attempts to connect to the same server: what is measured is the outage and not the client.
const PAUSE_DIRECT: Duration = Duration::from_millis(5);
/// How long reading back waits for a primary.
const READ_BACK_WITHIN: Duration = Duration::from_mins(1);

/// Ends a running load from elsewhere; clones end the same one.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Ends the load; its verdict follows.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// How a client of the database finds the primary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// Through the write endpoints of both sites, one after the other.
    Proxies,
    /// Directly at these nodes, as a client does that knows several hosts and wants one that it can write to.
    Direct(Vec<Node>),
}

impl Way {
    /// Directly at all four nodes.
    pub fn direct() -> Self {
        Self::Direct(Node::all().collect())
    }
}

/// What came of a run, for programs.
#[derive(Debug, Clone)]
pub struct Run {
    /// The verdict.
    pub verdict: Verdict,
    /// When it began.
    pub began: Instant,
    /// When each row was acknowledged, in order.
    pub acknowledged_at: Vec<Instant>,
    /// When each of those was acknowledged that are lost, in order.
    pub lost_at: Vec<Instant>,
}

impl Run {
    /// How long after `moment` the first row was acknowledged on a connection that was made after it; nothing when none was.
    ///
    /// Rows that the old primary still acknowledged are no sign of the new one, so this looks behind the longest gap that contains or
    /// follows the moment.
    pub fn first_after(&self, moment: Instant) -> Option<Duration> {
        let (_, next) = self.gap_around(moment)?;
        Some(next.saturating_duration_since(moment))
    }

    /// The longest time without an acknowledgement that ends after `moment`.
    pub fn outage_after(&self, moment: Instant) -> Option<Duration> {
        self.gap_around(moment).map(|(last, next)| next.duration_since(last))
    }

    /// How many rows were acknowledged after `moment`.
    pub fn acknowledged_after(&self, moment: Instant) -> usize {
        self.acknowledged_at.iter().filter(|at| **at > moment).count()
    }

    fn gap_around(&self, moment: Instant) -> Option<(Instant, Instant)> {
        let pairs = self.acknowledged_at.windows(2).map(|pair| (pair[0], pair[1]));
        pairs.filter(|(_, next)| *next > moment).max_by_key(|(last, next)| next.duration_since(*last))
    }
}

/// A load that runs in the background.
#[derive(Debug)]
pub struct Running {
    thread: std::thread::JoinHandle<Result<Run>>,
    stop: Stop,
}

impl Running {
    /// Begins one on a thread of its own.
    pub(crate) fn begin<F>(load: impl FnOnce(Stop) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<Run>>,
    {
        let stop = Stop::default();
        let until = stop.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().doing(|| "making a runtime".to_owned())?;
            runtime.block_on(load(until))
        });
        Self { thread, stop }
    }

    /// Ends it and says what came of it.
    pub async fn end(self) -> Result<Run> {
        self.stop.stop();
        let ended = tokio::task::spawn_blocking(move || self.thread.join()).await;
        let ended = ended.map_err(std::io::Error::other).doing(|| "waiting for the load".to_owned())?;
        ended.map_err(|_| LabError::Refused("the load panicked".to_owned()))?
    }
}

impl Lab {
    /// Writes a row every 10 ms from the place `clients` until `stop` or for `seconds`, then reads back from the primary.
    pub async fn load(&self, seconds: Option<u64>, stop: Stop) -> Result<Verdict> {
        self.load_by(Way::Proxies, seconds, stop).await.map(|run| run.verdict)
    }

    /// The same, and by which way the primary is found.
    pub async fn load_by(&self, way: Way, seconds: Option<u64>, stop: Stop) -> Result<Run> {
        let name = run_name();
        let (endpoints, pause) = match way {
            Way::Proxies => (Site::BOTH.map(|site| self.database(self.layout.haproxy(site).into(), WRITE_PORT)).to_vec(), PAUSE),
            Way::Direct(nodes) => {
                let nodes = nodes.into_iter().map(|node| self.database(self.layout.node(node).into(), POSTGRES_PORT));
                (nodes.collect(), PAUSE_DIRECT)
            }
        };
        let (journal, began, ran) = write_from_clients(&self.layout, endpoints, name.clone(), seconds, stop, pause).await?;
        let (found, from) = self.read_back(&name).await?;
        Ok(run(journal, &found, began, ran, from))
    }

    /// Begins a load in the background.
    pub fn begin_load(&self, way: Way) -> Running {
        let lab = self.clone();
        Running::begin(async move |stop| lab.load_by(way, None, stop).await)
    }

    pub(crate) fn database(&self, host: IpAddr, port: u16) -> PgConnectOptions {
        let mut options = PgConnectOptions::new_without_pgpass()
            .host(&host.to_string())
            .port(port)
            .username("load")
            .password(&self.secrets.load)
            .database("load")
            .application_name("load");
        options = if self.layout.options.tls {
            options.ssl_mode(PgSslMode::VerifyCa).ssl_root_cert(self.layout.tls_dir().join("ca.crt"))
        } else {
            options.ssl_mode(PgSslMode::Disable)
        };
        options.disable_statement_logging()
    }

    /// How often each number of a run is on the primary; waits for one, because a run may end in the middle of an outage.
    async fn read_back(&self, run: &str) -> Result<(HashMap<String, u64>, String)> {
        let mut found = None;
        self.wait("a primary to read back from", READ_BACK_WITHIN, async || {
            let node = self.primary().await.ok_or("there is not exactly one primary")?;
            let rows =
                rows_of(&self.database(self.layout.node(node).into(), POSTGRES_PORT), run).await.map_err(|error| error.to_string())?;
            found = Some((rows, node.to_string()));
            Ok(())
        })
        .await?;
        // Set whenever the wait ends well.
        Ok(found.unwrap_or_default())
    }
}

/// How often each number of a run is on a server.
pub(crate) async fn rows_of(server: &PgConnectOptions, run: &str) -> std::result::Result<HashMap<String, u64>, sqlx::Error> {
    let mut connection = PgConnection::connect_with(server).await?;
    let rows: Vec<(i64, i64)> =
        sqlx::query_as("SELECT number, count(*) FROM numbered WHERE run = $1 GROUP BY number").bind(run).fetch_all(&mut connection).await?;
    Ok(rows.into_iter().map(|(number, times)| (number.to_string(), u64::try_from(times).unwrap_or(0))).collect())
}

/// Begins to write directly to some servers, from the place `clients`.
pub(crate) async fn write_directly(
    layout: &Layout,
    servers: Vec<PgConnectOptions>,
    name: String,
    stop: Stop,
) -> Result<(Journal, Instant, Duration)> {
    write_from_clients(layout, servers, name, None, stop, PAUSE_DIRECT).await
}

/// Joins what a client has seen with what is there.
pub(crate) fn run(journal: Journal, found: &HashMap<String, u64>, began: Instant, ran: Duration, from: String) -> Run {
    let moments = |wanted: &dyn Fn(&String) -> bool| {
        let all = journal.acknowledged.iter().filter(|(name, _)| wanted(name));
        let mut moments: Vec<Instant> = all.map(|(_, at)| began + Duration::from_micros(*at)).collect();
        moments.sort_unstable();
        moments
    };
    let (acknowledged_at, lost_at) = (moments(&|_| true), moments(&|name| !found.contains_key(name)));
    Run { verdict: journal.verdict(found, ran, from), began, acknowledged_at, lost_at }
}

async fn write_from_clients(
    layout: &Layout,
    endpoints: Vec<PgConnectOptions>,
    name: String,
    seconds: Option<u64>,
    stop: Stop,
    pause: Duration,
) -> Result<(Journal, Instant, Duration)> {
    let layout = layout.clone();
    tokio::task::spawn_blocking(move || network::within(&layout, Place::Clients, move || write_rows(endpoints, name, seconds, stop, pause)))
        .await
        .map_err(std::io::Error::other)
        .doing(|| "running the load".to_owned())?
}

fn elapsed_us(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// One look at a server over an open connection, or over a new one: the connection, and whether the server takes writes.
async fn look(server: &PgConnectOptions, open: Option<PgConnection>) -> sqlx::Result<(PgConnection, bool)> {
    let mut open = match open {
        Some(open) => open,
        None => PgConnection::connect_with(server).await?,
    };
    let in_recovery: bool = sqlx::query_scalar("SELECT pg_is_in_recovery()").fetch_one(&mut open).await?;
    Ok((open, !in_recovery))
}

/// Looks at one server again and again until it takes writes. A standby is asked over one connection: to come anew every few milliseconds,
/// with a password to be proved each time, would keep both cores of a small machine busy, and then the client would measure itself.
async fn keep_trying(server: &PgConnectOptions, between: Duration, errors: &std::cell::Cell<u64>) -> PgConnection {
    let mut open = None;
    loop {
        let wait = match tokio::time::timeout(PATIENCE, look(server, open.take())).await {
            Ok(Ok((open, true))) => return open,
            Ok(Ok((standby, false))) => {
                open = Some(standby);
                between
            }
            Ok(Err(_)) | Err(_) => {
                errors.set(errors.get() + 1);
                // One that stops or starts has to start a process for each refusal, too.
                between.max(PAUSE)
            }
        };
        pause(wait).await;
    }
}

/// The client itself. All servers are tried at the same time, so that a silent one holds nobody up, and the first that is not in
/// recovery is taken. A number is never written twice: whatever is there twice in the end is not its doing.
async fn write_rows(
    servers: Vec<PgConnectOptions>,
    run: String,
    seconds: Option<u64>,
    stop: Stop,
    between: Duration,
) -> (Journal, Instant, Duration) {
    let began = Instant::now();
    let over = || stop.is_asked() || seconds.is_some_and(|seconds| began.elapsed() >= Duration::from_secs(seconds));
    let until_over = async || {
        while !over() {
            pause(Duration::from_millis(20)).await;
        }
    };
    let mut journal = Journal::default();
    let errors = std::cell::Cell::new(0);
    let mut connection: Option<PgConnection> = None;
    let mut number: i64 = 1;
    while !over() {
        let tick = Instant::now();
        let Some(open) = &mut connection else {
            let any = futures::future::select_all(servers.iter().map(|server| Box::pin(keep_trying(server, between, &errors))));
            tokio::select! {
                (open, _, _) = any => {
                    journal.connections += 1;
                    connection = Some(open);
                }
                () = until_over() => {}
            }
            continue;
        };
        let write = sqlx::query("INSERT INTO numbered (run, number) VALUES ($1, $2)").bind(&run).bind(number).execute(open);
        let outcome = match tokio::time::timeout(PATIENCE, write).await {
            Ok(done) => done.map(drop).map_err(|error| error.to_string()),
            Err(_) => Err("no answer to a write".to_owned()),
        };
        number += 1;
        match outcome {
            Ok(()) => {
                journal.acknowledged.push(((number - 1).to_string(), elapsed_us(began)));
                pause(EVERY.saturating_sub(tick.elapsed())).await;
            }
            Err(error) => {
                journal.last_error = Some(error);
                errors.set(errors.get() + 1);
                connection = None;
            }
        }
    }
    journal.errors += errors.get();
    (journal, began, began.elapsed())
}
