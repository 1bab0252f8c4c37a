//! The only place that knows every adapter.

use crate::{
    Argon2id,
    config::{
        Config, StoreAddress,
        files::TlsFiles,
        pool::{Access, HaproxyAccess, HttpAccess, PoolConfig, PostgresAccess, TlsMode},
        standby::StandbyCluster,
    },
};
use anyhow::Context as _;
use jiff::Timestamp;
use nix::time::{ClockId, clock_gettime};
use rand::{Rng as _, RngExt as _};
use secrecy::{ExposeSecret as _, SecretString};
use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};
use switchback_domain::{Endpoint, EndpointName, Pair, Side, picture::work_out};
use switchback_engine::{
    Parts, PoolParts, Settings,
    ports::{Chance, Clock, Probe, Store},
};
use switchback_probes::{
    ControlTargets, Credentials, EtcdKeyTarget, EtcdProbe, HaproxyProbe, HaproxyTarget, HttpTarget, PatroniProbe, PoolControl,
    PostgresProbe, PostgresTarget, PostgresTls, StandbySection,
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

    fn since_boot(&self) -> Duration {
        // Without it no lease would ever be known to last, so nothing would be done.
        clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(Duration::MAX, Duration::from)
    }

    fn machine(&self) -> &str {
        static MACHINE: LazyLock<String> = LazyLock::new(|| {
            let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
            // Containers may each have a time of their own since the start.
            let time = std::fs::read_link("/proc/self/ns/time");
            match (boot, time) {
                (Ok(boot), Ok(time)) => format!("{} {}", boot.trim(), time.display()),
                // Then nobody has this name, and everybody watches.
                _ => format!("unknown {:032x}", rand::rng().random::<u128>()),
            }
        });
        &MACHINE
    }
}

/// Now, before there is a console that could be asked.
pub(crate) fn now() -> Timestamp {
    MachineClock.now()
}

/// The generator that the operating system seeds.
struct MachineChance;

impl Chance for MachineChance {
    fn fill(&self, bytes: &mut [u8]) {
        rand::rng().fill_bytes(bytes);
    }
}

/// The store's address as one text.
pub(crate) fn store_url(store: &StoreAddress) -> SecretString {
    match store {
        StoreAddress::Sqlite(file) => format!("sqlite:{}", file.display()).into(),
        StoreAddress::Postgres(url) => url.clone(),
    }
}

/// Opens the store for a moment, and brings its tables up to date.
pub(crate) async fn store(config: &Config) -> anyhow::Result<Arc<dyn Store>> {
    switchback_store::open(store_url(&config.store).expose_secret()).await.context("the store cannot be used")
}

/// Opens the store for a console that acts on what it says: an older copy that was put in its place is noticed.
pub(crate) async fn store_to_act_on(config: &Config) -> anyhow::Result<Arc<dyn Store>> {
    let url = store_url(&config.store);
    switchback_store::open_remembered(url.expose_secret(), &config.store_head, now()).await.context("the store cannot be used")
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

/// For every pool: a probe for each endpoint, and what gives its engines orders.
pub(crate) fn pools(config: &Config) -> anyhow::Result<Vec<PoolParts>> {
    config.pools.iter().map(|pool| pool_parts(pool, config.observe.timeout)).collect()
}

fn pool_parts(config: &PoolConfig, timeout: Duration) -> anyhow::Result<PoolParts> {
    let endpoints = config.pool.endpoints();
    let probes = config.access.iter().map(|(name, access)| {
        let endpoint = endpoints.iter().find(|endpoint| endpoint.name == *name);
        let endpoint = endpoint.with_context(|| format!("{name} belongs to no endpoint of {}", config.pool.id))?;
        probe(config, endpoint.clone(), access, timeout).with_context(|| format!("the pool {}, the endpoint {name}", config.pool.id))
    });
    let probes = probes.collect::<anyhow::Result<Vec<_>>>()?;
    anyhow::ensure!(probes.len() == endpoints.len(), "not every endpoint of {} is configured", config.pool.id);
    let control = Arc::new(control(config, timeout)?);
    Ok(PoolParts { pool: config.pool.clone(), probes, control: Some(control) })
}

fn probe(config: &PoolConfig, endpoint: Endpoint, access: &Access, timeout: Duration) -> anyhow::Result<Box<dyn Probe>> {
    Ok(match access {
        Access::Patroni(access) => Box::new(PatroniProbe::new(endpoint, http_target(access, timeout))?),
        Access::Etcd(access) => {
            let key = format!("{}leader", config.pool.sites[endpoint.side].keys);
            Box::new(EtcdProbe::new(endpoint, EtcdKeyTarget { http: http_target(access, timeout), key })?)
        }
        Access::Postgres(access) => Box::new(PostgresProbe::new(endpoint, postgres_target(access, timeout))?),
        Access::Haproxy(access) => Box::new(HaproxyProbe::new(endpoint, haproxy_target(access, timeout))?),
    })
}

/// What gives orders to every endpoint of a pool.
fn control(config: &PoolConfig, timeout: Duration) -> anyhow::Result<PoolControl> {
    let mut targets =
        ControlTargets { standby: Pair::of(|side| config.standby[side].as_ref().map(standby_section)), ..ControlTargets::default() };
    for (name, access) in &config.access {
        match access {
            Access::Patroni(access) => targets.patroni.push((name.clone(), http_target(access, timeout))),
            Access::Postgres(access) => targets.postgres.push((name.clone(), postgres_target(access, timeout))),
            Access::Haproxy(access) => targets.haproxy.push((name.clone(), haproxy_target(access, timeout))),
            Access::Etcd(access) => {
                let side = side_of_etcd(config, name).with_context(|| format!("{name} belongs to no site of {}", config.pool.id))?;
                let key = format!("{}config", config.pool.sites[side].keys);
                targets.etcd.push((name.clone(), EtcdKeyTarget { http: http_target(access, timeout), key }));
            }
        }
    }
    PoolControl::new(targets).with_context(|| format!("the pool {}", config.pool.id))
}

fn side_of_etcd(config: &PoolConfig, name: &EndpointName) -> Option<Side> {
    config.pool.sites.iter().find(|(_, site)| site.etcd.contains(name)).map(|(side, _)| side)
}

fn standby_section(table: &StandbyCluster) -> StandbySection {
    StandbySection {
        host: table.host.clone(),
        port: table.port,
        primary_slot_name: table.primary_slot_name.clone(),
        restore_command: table.restore_command.clone(),
        archive_cleanup_command: table.archive_cleanup_command.clone(),
        recovery_min_apply_delay: table.recovery_min_apply_delay.clone(),
        create_replica_methods: table.create_replica_methods.clone(),
    }
}

fn postgres_target(access: &PostgresAccess, timeout: Duration) -> PostgresTarget {
    PostgresTarget {
        address: access.address.to_string(),
        username: access.username.clone(),
        password: access.password.clone(),
        database: access.database.clone(),
        heartbeat: access.heartbeat,
        tls: match access.tls_mode {
            TlsMode::Off => PostgresTls::Off,
            TlsMode::VerifyCa => PostgresTls::VerifyCa,
            TlsMode::VerifyFull => PostgresTls::VerifyFull,
        },
        tls_files: tls_files(&access.tls),
        timeout,
    }
}

fn haproxy_target(access: &HaproxyAccess, timeout: Duration) -> HaproxyTarget {
    HaproxyTarget {
        address: access.address.to_string(),
        backend: access.backend.clone(),
        guard_backend: access.guard_backend.clone(),
        tls: access.use_tls.then(|| tls_files(&access.tls)),
        timeout,
    }
}

fn http_target(access: &HttpAccess, timeout: Duration) -> HttpTarget {
    let credentials = access.login.clone().map(|(username, password)| Credentials { username, password });
    HttpTarget { url: access.url.to_string(), credentials, tls: tls_files(&access.tls), timeout }
}

fn tls_files(files: &TlsFiles) -> switchback_probes::TlsFiles {
    switchback_probes::TlsFiles { ca: files.ca.clone(), client_cert: files.client_cert.clone(), client_key: files.client_key.clone() }
}
