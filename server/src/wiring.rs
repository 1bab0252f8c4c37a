//! The only place that knows every adapter.

use crate::{
    Argon2id,
    config::{
        Config, StoreAddress,
        files::TlsFiles,
        pool::{Access, HttpAccess, PoolConfig, TlsMode},
    },
};
use anyhow::Context as _;
use jiff::Timestamp;
use rand::Rng as _;
use secrecy::ExposeSecret as _;
use std::{sync::Arc, time::Duration};
use switchback_domain::{Endpoint, picture::work_out};
use switchback_engine::{
    Parts, PoolParts, Settings,
    ports::{Chance, Clock, Probe, Store},
};
use switchback_probes::{
    Credentials, EtcdProbe, HaproxyProbe, HaproxyTarget, HttpTarget, PatroniProbe, PostgresProbe, PostgresTarget, PostgresTls,
};

/// The machine's clock.
struct MachineClock;

impl Clock for MachineClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else takes")]
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        // Whole milliseconds, as the store keeps them: what is finer would only make every event longer.
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }
}

/// The generator that the operating system seeds.
struct MachineChance;

impl Chance for MachineChance {
    fn fill(&self, bytes: &mut [u8]) {
        rand::rng().fill_bytes(bytes);
    }
}

/// Opens the store and brings its tables up to date.
pub(crate) async fn store(config: &Config) -> anyhow::Result<Arc<dyn Store>> {
    let opened = match &config.store {
        StoreAddress::Sqlite(file) => switchback_store::open(&format!("sqlite:{}", file.display())).await,
        StoreAddress::Postgres(url) => switchback_store::open(url.expose_secret()).await,
    };
    opened.context("the store cannot be used")
}

/// Everything that a console is made of, with or without its pools.
pub(crate) fn parts(config: &Config, store: Arc<dyn Store>, pools: Vec<PoolParts>) -> Parts {
    Parts {
        pools,
        store,
        clock: Arc::new(MachineClock),
        chance: Arc::new(MachineChance),
        passwords: Arc::new(Argon2id::default()),
        work_out,
        settings: Settings {
            interval: config.observe.interval,
            session_idle: config.sessions.idle,
            session_absolute: config.sessions.absolute,
        },
    }
}

/// A probe for every endpoint of every pool.
pub(crate) fn pools(config: &Config) -> anyhow::Result<Vec<PoolParts>> {
    config.pools.iter().map(|pool| pool_parts(pool, config.observe.timeout)).collect()
}

fn pool_parts(config: &PoolConfig, timeout: Duration) -> anyhow::Result<PoolParts> {
    let endpoints = config.pool.endpoints();
    let probes = config.access.iter().map(|(name, access)| {
        let endpoint = endpoints.iter().find(|endpoint| endpoint.name == *name);
        let endpoint = endpoint.with_context(|| format!("{name} belongs to no endpoint of {}", config.pool.id))?;
        probe(endpoint.clone(), access, timeout).with_context(|| format!("the pool {}, the endpoint {name}", config.pool.id))
    });
    let probes = probes.collect::<anyhow::Result<Vec<_>>>()?;
    anyhow::ensure!(probes.len() == endpoints.len(), "not every endpoint of {} is configured", config.pool.id);
    Ok(PoolParts { pool: config.pool.clone(), probes })
}

fn probe(endpoint: Endpoint, access: &Access, timeout: Duration) -> anyhow::Result<Box<dyn Probe>> {
    Ok(match access {
        Access::Patroni(access) => Box::new(PatroniProbe::new(endpoint, http_target(access, timeout))?),
        Access::Etcd(access) => Box::new(EtcdProbe::new(endpoint, http_target(access, timeout))?),
        Access::Postgres(access) => Box::new(PostgresProbe::new(
            endpoint,
            PostgresTarget {
                address: access.address.to_string(),
                username: access.username.clone(),
                password: access.password.clone(),
                database: access.database.clone(),
                heartbeat: access.heartbeat,
                tls: match access.tls_mode {
                    TlsMode::Off => PostgresTls::Off,
                    TlsMode::Prefer => PostgresTls::Prefer,
                    TlsMode::Require => PostgresTls::Require,
                    TlsMode::VerifyFull => PostgresTls::VerifyFull,
                },
                tls_files: tls_files(&access.tls),
                timeout,
            },
        )?),
        Access::Haproxy(access) => Box::new(HaproxyProbe::new(
            endpoint,
            HaproxyTarget {
                address: access.address.to_string(),
                backend: access.backend.clone(),
                guard_backend: access.guard_backend.clone(),
                tls: access.use_tls.then(|| tls_files(&access.tls)),
                timeout,
            },
        )?),
    })
}

fn http_target(access: &HttpAccess, timeout: Duration) -> HttpTarget {
    let credentials = access.login.clone().map(|(username, password)| Credentials { username, password });
    HttpTarget { url: access.url.to_string(), credentials, tls: tls_files(&access.tls), timeout }
}

fn tls_files(files: &TlsFiles) -> switchback_probes::TlsFiles {
    switchback_probes::TlsFiles { ca: files.ca.clone(), client_cert: files.client_cert.clone(), client_key: files.client_key.clone() }
}
