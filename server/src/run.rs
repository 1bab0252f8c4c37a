//! The commands.

use crate::{
    config::{
        Config, ConfigError, PoolConfig, StoreAddress,
        pool::{Access, TlsMode},
        render,
    },
    http::{self, Site},
    wiring,
};
use anyhow::Context as _;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use secrecy::ExposeSecret as _;
use std::{
    fmt::Write as _,
    fs, io,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};
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
    let limits = connection_limits(&config);
    let metrics = figures()?;
    let store = wiring::store_to_act_on(&config).await?;
    let pools = wiring::pools(&config)?;
    let address = config.server.listen;
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}: is another console running? Change `listen` in [server]"))?;

    let stop = CancellationToken::new();
    let Started { console, tasks } = Console::start(wiring::parts(&config, store, pools), &stop);
    tokio::spawn(upkeep(metrics.clone(), stop.clone()));
    let link_file = SetUpLinkFile::of(&config, file);
    link_file.remove();
    if let Some(link) = console.open_set_up().await? {
        link_file.write(&config, file, &link);
    }
    let router = http::router(http::Parts {
        console,
        public_url: config.server.public_url.clone(),
        metrics_access: config.server.metrics,
        metrics,
        proxies: config.server.proxies.clone(),
        listen: address,
        site,
        stop: stop.clone(),
    });
    println!("Switchback: {}", config.server.public_url);
    tracing::info!(%address, pools = config.pools.len(), "listening");

    let serving = tokio::spawn(http::serve(listener, router, limits, config.server.proxies.clone(), stop.clone()));
    let mut serving = std::pin::pin!(serving);
    tokio::select! {
        signal = told_to_stop() => tracing::info!(signal = signal?, "stopping"),
        ended = &mut serving => {
            stop.cancel();
            ended?;
            anyhow::bail!("the console stopped listening");
        }
    }
    stop.cancel();
    link_file.remove();
    let leave = async {
        let _ = (&mut serving).await;
        tasks.wait().await;
    };
    if tokio::time::timeout(LEAVE_WITHIN, leave).await.is_err() {
        tracing::warn!("some requests or questions did not end in time; they are dropped");
    }
    Ok(ExitCode::SUCCESS)
}

/// Raises the limit of open files as far as it may be raised, and gives clients what the console does not need itself.
fn connection_limits(config: &Config) -> http::Limits {
    /// The store, the log, files that are being delivered, and what a command of the console's own needs.
    const OWN_FILES: u64 = 128;
    /// Probes and orders have connections of their own, and a broken one is replaced before it is closed.
    const FILES_OF_AN_ENDPOINT: u64 = 8;
    /// What a process gets where nothing else is known.
    const USUAL: u64 = 1_024;

    let before = getrlimit(Resource::RLIMIT_NOFILE);
    let raised = before.and_then(|(_, most)| setrlimit(Resource::RLIMIT_NOFILE, most, most));
    let files = getrlimit(Resource::RLIMIT_NOFILE).map_or(USUAL, |(files, _)| files);
    let endpoints = config.pools.iter().map(|pool| pool.access.len() as u64).sum::<u64>();
    let reserve = OWN_FILES + endpoints * FILES_OF_AN_ENDPOINT;
    let limits = http::Limits::for_files(files, reserve);
    let (connections, for_an_address) = (limits.in_all, limits.per_address);
    if raised.is_err() || files < 2 * reserve {
        tracing::warn!(files, reserve, connections, for_an_address, "few files may be open; raise LimitNOFILE of the console's service");
    } else {
        tracing::info!(
            files,
            before = before.ok().map(|(files, _)| files),
            reserve,
            connections,
            for_an_address,
            "the limit of open files"
        );
    }
    limits
}

/// The file with the set-up link. It is not in the log, because whoever reads logs must not be able to make the first account.
struct SetUpLinkFile(PathBuf);

impl SetUpLinkFile {
    fn of(config: &Config, config_file: &Path) -> SetUpLinkFile {
        let beside = match &config.store {
            StoreAddress::Sqlite(store) => store.as_path(),
            StoreAddress::Postgres(_) => config_file,
        };
        SetUpLinkFile(config.server.set_up_link_file.clone().unwrap_or_else(|| beside.with_file_name("set-up-link")))
    }

    fn remove(&self) {
        if let Err(error) = fs::remove_file(&self.0)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(file = %self.0.display(), error = &error as &dyn std::error::Error, "an old set-up link was not removed");
        }
    }

    fn write(&self, config: &Config, config_file: &Path, link: &SetUpLink) {
        // A new file: what somebody else has put there is neither written to nor followed.
        let written = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.0);
        match written.and_then(|mut file| writeln!(file, "{}", shown(config, link))) {
            Ok(()) => {
                tracing::info!(file = %self.0.display(), expires_at = %link.expires_at, "nobody has an account yet; the set-up link is in this file");
                println!("Set up the first administrator (once, until {:.0}) with the link in {}", link.expires_at, self.0.display());
            }
            Err(error) => {
                tracing::warn!(file = %self.0.display(), error = &error as &dyn std::error::Error, "the set-up link was not written");
                println!("Nobody has an account yet. For a set-up link run: switchback set-up-link --config {}", config_file.display());
            }
        }
    }
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
