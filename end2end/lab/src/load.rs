//! A client that writes numbered rows through the pool's write endpoints, keeps what was acknowledged, and judges in the end.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{ConnectOptions, Connection};

use crate::clock::{pause, run_name};
use crate::error::{Doing, Result};
use crate::lab::Lab;
use crate::layout::{POSTGRES_PORT, WRITE_PORT};
use crate::network;
use crate::places::{Place, Site};
use crate::verdict::{Journal, Verdict};

/// Between two rows.
const EVERY: Duration = Duration::from_millis(10);
/// Longer than any healthy write, shorter than a person's patience.
const PATIENCE: Duration = Duration::from_secs(2);
/// Between two attempts to connect.
const PAUSE: Duration = Duration::from_millis(20);
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

impl Lab {
    /// Writes a row every 10 ms from the place `clients` until `stop` or for `seconds`, then reads back from the primary.
    pub async fn load(&self, seconds: Option<u64>, stop: Stop) -> Result<Verdict> {
        let run = run_name();
        let endpoints = Site::BOTH.map(|site| self.database(self.layout.haproxy(site).into(), WRITE_PORT));
        let (layout, name) = (self.layout.clone(), run.clone());
        let (journal, ran) = tokio::task::spawn_blocking(move || {
            network::within(&layout, Place::Clients, move || write_rows(endpoints, name, seconds, stop))
        })
        .await
        .map_err(std::io::Error::other)
        .doing(|| "running the load".to_owned())??;
        let (found, from) = self.read_back(&run).await?;
        Ok(journal.verdict(&found, ran, from))
    }

    fn database(&self, host: IpAddr, port: u16) -> PgConnectOptions {
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
            let read = async {
                let mut connection = PgConnection::connect_with(&self.database(self.layout.node(node).into(), POSTGRES_PORT)).await?;
                sqlx::query_as::<_, (i64, i64)>("SELECT number, count(*) FROM numbered WHERE run = $1 GROUP BY number")
                    .bind(run)
                    .fetch_all(&mut connection)
                    .await
            };
            let rows = read.await.map_err(|error| error.to_string())?;
            let rows = rows.into_iter().map(|(number, times)| (number.to_string(), u64::try_from(times).unwrap_or(0))).collect();
            found = Some((rows, node.to_string()));
            Ok(())
        })
        .await?;
        // Set whenever the wait ends well.
        Ok(found.unwrap_or_default())
    }
}

fn elapsed_ms(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// The client itself. A number is never written twice: whatever is there twice in the end is not its doing.
async fn write_rows(endpoints: [PgConnectOptions; 2], run: String, seconds: Option<u64>, stop: Stop) -> (Journal, Duration) {
    let began = Instant::now();
    let over = || stop.is_asked() || seconds.is_some_and(|seconds| began.elapsed() >= Duration::from_secs(seconds));
    let mut journal = Journal::default();
    let mut connection: Option<PgConnection> = None;
    let mut number: i64 = 1;
    let mut turn = 0;
    while !over() {
        let tick = Instant::now();
        let Some(open) = &mut connection else {
            let connect = PgConnection::connect_with(&endpoints[turn % 2]);
            turn += 1;
            if let Ok(Ok(open)) = tokio::time::timeout(PATIENCE, connect).await {
                journal.connections += 1;
                connection = Some(open);
            } else {
                // No word about why: the endpoint of the standby site always refuses.
                journal.errors += 1;
                pause(PAUSE).await;
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
                journal.acknowledged.push(((number - 1).to_string(), elapsed_ms(began)));
                pause(EVERY.saturating_sub(tick.elapsed())).await;
            }
            Err(error) => {
                journal.last_error = Some(error);
                journal.errors += 1;
                connection = None;
            }
        }
    }
    (journal, began.elapsed())
}
