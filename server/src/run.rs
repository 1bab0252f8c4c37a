//! The commands.

use crate::{
    config::{
        Config, ConfigError, PoolConfig,
        pool::{Access, TlsMode},
        render,
    },
    http::{self, Site},
    wiring,
};
use anyhow::Context as _;
use axum::serve::ListenerExt as _;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use secrecy::ExposeSecret as _;
use std::{fmt::Write as _, net::SocketAddr, path::Path, process::ExitCode, time::Duration};
use switchback_domain::{EndpointKind, EndpointName};
use switchback_engine::{Console, SetUpLink, Started};
use tokio::{net::TcpListener, signal::unix::SignalKind};
use tokio_util::sync::CancellationToken;

/// How long the console takes leave: then it goes, whatever still hangs on.
const LEAVE_WITHIN: Duration = Duration::from_secs(5);

/// Upper ends of the spans of time that figures are counted in, in seconds.
const SECONDS: [f64; 11] = [0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];

/// Says what is wrong with a configuration, or what the console would watch.
pub fn check_config(file: &Path) -> ExitCode {
    match Config::read(file, wiring::now()) {
        Ok(config) => {
            eprint!("{}", warnings(file, &config));
            print!("{}", summary(&config));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{}", error.to_string().trim_end());
            if let ConfigError::Rejected(rejected) = &error {
                let count = rejected.errors.len();
                eprintln!("\n{count} {} to mend.", if count == 1 { "mistake" } else { "mistakes" });
            }
            ExitCode::FAILURE
        }
    }
}

fn warnings(file: &Path, config: &Config) -> String {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    render(file, &text, "warning", &config.warnings)
}

/// One line for each pool.
fn summary(config: &Config) -> String {
    let mut out = String::new();
    for pool in &config.pools {
        let endpoints = pool.pool.endpoints();
        let count = |kind| endpoints.iter().filter(|endpoint| endpoint.kind == kind).count();
        let [a, b] = [&pool.pool.sites.a, &pool.pool.sites.b].map(|site| format!("{} ({})", site.id, site.place));
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "{}: watches {a} and {b}, home {}: {} nodes, {} HAProxy, {} etcd; {} endpoints every {} ms.",
            pool.pool.id,
            pool.pool.sites[pool.pool.home].id,
            count(EndpointKind::Postgres),
            count(EndpointKind::Haproxy),
            count(EndpointKind::Etcd),
            endpoints.len(),
            config.observe.interval.as_millis(),
        );
        out.push_str(&unverified(pool));
    }
    out
}

/// The endpoints of a pool that do not have to prove who they are, one on each line; nothing when there is none.
fn unverified(pool: &PoolConfig) -> String {
    let line = |(name, access): &(EndpointName, Access)| {
        let (address, word) = match access {
            Access::Patroni(access) | Access::Etcd(access) => (access.url.to_string(), "nothing is encrypted"),
            Access::Haproxy(access) => (access.address.to_string(), "nothing is encrypted"),
            Access::Postgres(access) if access.tls_mode == TlsMode::VerifyCa => (access.address.to_string(), "its name is not verified"),
            Access::Postgres(access) => (access.address.to_string(), "nothing is encrypted"),
        };
        let password = if access.shows_password() { ", and our password can be read" } else { "" };
        format!("  {name}, {address}: {word}{password}\n")
    };
    let unverified = pool.access.iter().filter(|(_, access)| access.tls_mode() != TlsMode::VerifyFull);
    let lines: String = unverified.map(line).collect();
    if lines.is_empty() { lines } else { format!("{}: without verified TLS, as the file says:\n{lines}", pool.pool.id) }
}

fn read(file: &Path) -> anyhow::Result<Config> {
    let config = Config::read(file, wiring::now())?;
    eprint!("{}", warnings(file, &config));
    eprint!("{}", config.pools.iter().map(unverified).collect::<String>());
    Ok(config)
}

/// Prints a fresh set-up link; the one before becomes void.
pub async fn set_up_link(file: &Path) -> anyhow::Result<ExitCode> {
    let config = read(file)?;
    let store = wiring::store(&config).await?;
    let stop = CancellationToken::new();
    // The console without its pools: nothing is observed for this.
    let Started { console, tasks } = Console::start(wiring::parts(&config, store, Vec::new()), &stop);
    let link = console.open_set_up().await;
    stop.cancel();
    tasks.wait().await;
    if let Some(link) = link? {
        println!("{}", shown(&config, &link));
        Ok(ExitCode::SUCCESS)
    } else {
        eprintln!("Somebody has an account already, so there is no set-up link any more. Sign in at {}/sign-in", config.server.public_url);
        Ok(ExitCode::FAILURE)
    }
}

fn shown(config: &Config, link: &SetUpLink) -> String {
    format!("{}/set-up/{}", config.server.public_url, link.secret.expose_secret())
}

/// Runs the console until it is told to stop.
pub async fn serve(file: &Path, site: Site) -> anyhow::Result<ExitCode> {
    let config = read(file)?;
    let metrics = figures()?;
    let store = wiring::store(&config).await?;
    let pools = wiring::pools(&config)?;
    let address = config.server.listen;
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}: is another console running? Change `listen` in [server]"))?;

    let stop = CancellationToken::new();
    let Started { console, tasks } = Console::start(wiring::parts(&config, store, pools), &stop);
    tokio::spawn(upkeep(metrics.clone(), stop.clone()));
    if let Some(link) = console.open_set_up().await? {
        tracing::info!(expires_at = %link.expires_at, "nobody has an account yet; the set-up link is on standard output");
        println!("Set up the first administrator (once, until {:.0}): {}", link.expires_at, shown(&config, &link));
    }
    let router = http::router(http::Parts {
        console,
        public_url: config.server.public_url.clone(),
        metrics_access: config.server.metrics,
        metrics,
        behind_proxy: config.server.behind_proxy,
        site,
        stop: stop.clone(),
    });
    println!("Switchback: {}", config.server.public_url);
    tracing::info!(%address, pools = config.pools.len(), "listening");

    // Small events follow each other closely while an operation runs: none of them waits for the one before to be acknowledged.
    let listener = listener.tap_io(|connection| {
        if let Err(error) = connection.set_nodelay(true) {
            tracing::debug!(error = &error as &dyn std::error::Error, "a connection keeps Nagle's algorithm");
        }
    });
    let serving = axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(stop.clone().cancelled_owned());
    let serving = tokio::spawn(async move { serving.await });
    let mut serving = std::pin::pin!(serving);
    tokio::select! {
        signal = told_to_stop() => tracing::info!(signal = signal?, "stopping"),
        ended = &mut serving => {
            stop.cancel();
            ended??;
            anyhow::bail!("the console stopped listening");
        }
    }
    stop.cancel();
    let leave = async {
        let _ = (&mut serving).await;
        tasks.wait().await;
    };
    if tokio::time::timeout(LEAVE_WITHIN, leave).await.is_err() {
        tracing::warn!("some requests or questions did not end in time; they are dropped");
    }
    Ok(ExitCode::SUCCESS)
}

async fn told_to_stop() -> anyhow::Result<&'static str> {
    let mut terminate = tokio::signal::unix::signal(SignalKind::terminate())?;
    let mut interrupt = tokio::signal::unix::signal(SignalKind::interrupt())?;
    Ok(tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    })
}

fn figures() -> anyhow::Result<PrometheusHandle> {
    let handle = PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?.install_recorder()?;
    switchback_engine::describe_metrics();
    http::describe_metrics();
    Ok(handle)
}

/// Without this the recorder would collect single readings until somebody asks for them.
async fn upkeep(metrics: PrometheusHandle, stop: CancellationToken) {
    let mut tick = tokio::time::interval(Duration::from_secs(5));
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => metrics.run_upkeep(),
        }
    }
}
