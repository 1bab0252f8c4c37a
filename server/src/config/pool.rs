//! The `[[pool]]` part: what a pool consists of and how each of its endpoints is reached.

use super::{
    address::{BaseUrl, HostPort},
    files::{self, TlsFiles},
    section::Section,
    standby::{self, StandbyCluster},
};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use std::{collections::BTreeMap, fmt::Display, ops::Range, path::Path};
use switchback_domain::{ByteLag, EndpointName, FreezeWindow, Millis, Node, NodeName, Pair, Policy, Pool, PoolId, Site, SiteId};
use toml::Spanned;

/// A pool and how to reach everything in it.
#[derive(Debug, Clone)]
pub struct PoolConfig {
    /// What it consists of.
    pub pool: Pool,
    /// How each endpoint is reached; the names are those of [`Pool::endpoints`], in the same order.
    pub access: Vec<(EndpointName, Access)>,
    /// How the cluster of each site follows the other one, where that is configured.
    pub standby: Pair<Option<StandbyCluster>>,
}

/// How an endpoint is reached.
#[derive(Debug, Clone)]
pub enum Access {
    /// A Patroni REST interface.
    Patroni(HttpAccess),
    /// A `PostgreSQL`.
    Postgres(PostgresAccess),
    /// An `HAProxy` runtime interface.
    Haproxy(HaproxyAccess),
    /// An etcd client interface.
    Etcd(HttpAccess),
}

/// An interface over HTTP.
#[derive(Debug, Clone)]
pub struct HttpAccess {
    /// Where it is.
    pub url: BaseUrl,
    /// Who we are there.
    pub login: Option<(String, SecretString)>,
    /// Certificates.
    pub tls: TlsFiles,
}

/// A `PostgreSQL`.
#[derive(Debug, Clone)]
pub struct PostgresAccess {
    /// Where it is.
    pub address: HostPort,
    /// The database to connect to.
    pub database: String,
    /// The role.
    pub username: String,
    /// Its password; none where the server trusts a client certificate.
    pub password: Option<SecretString>,
    /// Whether TLS is used.
    pub tls_mode: TlsMode,
    /// Certificates.
    pub tls: TlsFiles,
    /// The console may write its row into `switchback.heartbeat`.
    pub heartbeat: bool,
}

/// How it is made sure that the right one answers. Whatever is not [`TlsMode::VerifyFull`] stands in the file, word by word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsMode {
    /// Not at all, and nothing is encrypted.
    Off,
    /// Its certificate must be of the authority that the file names, for whatever host.
    VerifyCa,
    /// Its certificate must be of an authority that is trusted, and for this very host.
    VerifyFull,
}

impl Access {
    /// What the endpoint's identity rests on.
    pub fn tls_mode(&self) -> TlsMode {
        match self {
            Access::Patroni(access) | Access::Etcd(access) if access.url.https => TlsMode::VerifyFull,
            Access::Haproxy(access) if access.use_tls => TlsMode::VerifyFull,
            Access::Patroni(_) | Access::Etcd(_) | Access::Haproxy(_) => TlsMode::Off,
            Access::Postgres(access) => access.tls_mode,
        }
    }

    /// Whether a password of ours can be read on its way there, or by whoever answers in its place.
    pub fn shows_password(&self) -> bool {
        match self {
            Access::Patroni(access) | Access::Etcd(access) => access.login.is_some() && !access.url.https,
            // PostgreSQL is sent what proves that the password is known and does not tell it; HAProxy is sent none.
            Access::Postgres(_) | Access::Haproxy(_) => false,
        }
    }
}

/// An `HAProxy` runtime interface.
#[derive(Debug, Clone)]
pub struct HaproxyAccess {
    /// Where it is.
    pub address: HostPort,
    /// The backend whose servers are the pool's members.
    pub backend: String,
    /// The backend that the write port's rule counts, when the rule is installed.
    pub guard_backend: Option<String>,
    /// TLS is used.
    pub use_tls: bool,
    /// Certificates.
    pub tls: TlsFiles,
}

const DAY_MS: u64 = 86_400_000;

/// A freeze window that has been over for so long is complained about.
const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_hours(24 * 7);

/// What a pool is read against.
pub(super) struct Surroundings<'a> {
    /// Where relative paths begin.
    pub(super) folder: &'a Path,
    /// How old a reading may be before the next one arrives, in milliseconds.
    pub(super) round_ms: u64,
    /// Now.
    pub(super) now: Timestamp,
}

/// Names that are in use already, with the place of the first use.
type Taken<T> = BTreeMap<T, Range<usize>>;

fn take<T: Ord + Clone + Display>(taken: &mut Taken<T>, name: &Spanned<T>, section: &Section<'_, '_>, what: &str, where_: &str) {
    if taken.insert(name.get_ref().clone(), name.span()).is_some() {
        section.problems().error(
            name.span(),
            format!("the {what} {} is there twice", name.get_ref()),
            format!("Every {what} needs a name of its own {where_}."),
        );
    }
}

/// Reads one pool. `None` when something is missing without which it cannot be put together; what is wrong is noted.
pub(super) fn read(
    mut section: Section<'_, '_>,
    surroundings: &Surroundings<'_>,
    pools: &mut BTreeMap<PoolId, Range<usize>>,
) -> Option<PoolConfig> {
    let id = section.required::<PoolId>("id", "chat-core");
    if let Some(id) = &id {
        take(pools, id, &section, "pool", "in this file");
    }
    let title = section.text("title").map(Spanned::into_inner);
    let home = section.required::<SiteId>("home", "dc-a");
    let policy = read_policy(&mut section, surroundings);

    let mut names = Names::default();
    let written = section.tables("site", "[[pool.site]]");
    let number = written.len();
    let sites: Vec<Option<SiteConfig>> = written.into_iter().map(|site| read_site(site, surroundings.folder, &mut names)).collect();
    if number != 2 {
        section.problems().error(
            section.header(),
            format!("the pool has {number} {}", if number == 1 { "site" } else { "sites" }),
            "A stretched pool has exactly two [[pool.site]] tables.",
        );
    }
    let side = home.as_ref().and_then(|home| {
        let ids: Vec<&SiteId> = sites.iter().flatten().map(|config| &config.site.id).collect();
        match ids.iter().position(|id| *id == home.get_ref()) {
            Some(0) => Some(switchback_domain::Side::A),
            Some(_) => Some(switchback_domain::Side::B),
            None => {
                // Without both names the mistake may be there and not here.
                if ids.len() == 2 {
                    section.problems().error(
                        home.span(),
                        format!("`home` is {}, which is not one of the sites", home.get_ref()),
                        format!("It must be {} or {}.", ids[0], ids[1]),
                    );
                }
                None
            }
        }
    });

    let Ok([Some(mut first), Some(mut second)]) = <[_; 2]>::try_from(sites) else {
        section.finish();
        return None;
    };
    let (at_first, at_second) = (first.addresses(), second.addresses());
    let complete = |site: &mut SiteConfig, others: &[HostPort]| site.standby.take().and_then(|table| table.complete(&section, others));
    let standby = Pair { a: complete(&mut first, &at_second), b: complete(&mut second, &at_first) };
    first.site.can_follow = standby.a.is_some();
    second.site.can_follow = standby.b.is_some();
    section.finish();
    let id = id?.into_inner();
    let access = first.access.into_iter().chain(second.access).collect();
    let pool =
        Pool { title: title.unwrap_or_else(|| id.to_string()), id, home: side?, sites: Pair { a: first.site, b: second.site }, policy };
    Some(PoolConfig { pool, access, standby })
}

#[derive(Default)]
struct Names {
    sites: Taken<SiteId>,
    nodes: Taken<NodeName>,
    endpoints: Taken<EndpointName>,
}

fn read_policy(pool: &mut Section<'_, '_>, surroundings: &Surroundings<'_>) -> Policy {
    let round_ms = surroundings.round_ms;
    let default = Policy::default();
    let Some(mut section) = pool.table("policy", "[pool.policy]") else { return default };
    let stale_after = section.number("stale_after_ms", default.stale_after.0, 100, DAY_MS);
    let lost_after = section.number("lost_after_ms", default.lost_after.0, 100, DAY_MS);
    if stale_after <= round_ms {
        let at = section.place("stale_after_ms");
        section.problems().error(
            at,
            format!("`stale_after_ms` is {stale_after}, but a reading may be {round_ms} ms old before the next one arrives"),
            "Make it longer than interval_ms and timeout_ms of [observe] together, or everything is always stale.",
        );
    }
    if lost_after < stale_after {
        let at = section.place("lost_after_ms");
        section.problems().error(
            at,
            format!("`lost_after_ms` is {lost_after}, which is less than `stale_after_ms` ({stale_after})"),
            "A site is stale first and lost later.",
        );
    }
    let policy = Policy {
        stale_after: Millis(stale_after),
        lost_after: Millis(lost_after),
        loss_target: Millis(section.number("loss_target_ms", default.loss_target.0, 0, DAY_MS)),
        loss_target_bytes: ByteLag(section.number("loss_target_bytes", default.loss_target_bytes.0, 0, u64::from(u32::MAX) * 1024)),
        message_age_limit: Millis(section.number("message_age_limit_ms", default.message_age_limit.0, 1, DAY_MS)),
        clock_limit: Millis(section.number("clock_limit_ms", default.clock_limit.0, 1, DAY_MS)),
        standby_members_min: u32::try_from(section.number("standby_members_min", default.standby_members_min.into(), 0, 1_000))
            .unwrap_or(default.standby_members_min),
        recovery_time_target: Millis(section.number("recovery_time_target_ms", default.recovery_time_target.0, 1, DAY_MS)),
        drain_for: Millis(section.number("drain_for_ms", default.drain_for.0, 0, DAY_MS)),
        members_active_max: u32::try_from(section.number("members_active_max", default.members_active_max.into(), 1, 10_000))
            .unwrap_or(default.members_active_max),
        members_local: section.flag("members_local", default.members_local),
        cool_down: Millis(section.number("cool_down_ms", default.cool_down.0, 0, DAY_MS)),
        freeze_windows: section
            .tables("freeze", "[[pool.policy.freeze]]")
            .into_iter()
            .filter_map(|window| read_freeze(window, surroundings.now))
            .collect(),
    };
    section.finish();
    policy
}

fn read_freeze(mut section: Section<'_, '_>, now: Timestamp) -> Option<FreezeWindow> {
    let from = section.required_time("from", "2026-12-18T18:00:00Z");
    let until = section.required_time("until", "2027-01-04T06:00:00Z");
    let reason = section.required_text("reason", "end of the year");
    if let (Some(from), Some(until)) = (&from, &until)
        && from.get_ref() >= until.get_ref()
    {
        section.problems().error(
            until.span(),
            "`until` in [[pool.policy.freeze]] is not later than `from`",
            format!("Write a time after {}, or exchange the two.", from.get_ref()),
        );
    } else if let Some(until) = until.as_ref().filter(|until| now.duration_since(*until.get_ref()) > FORGOTTEN_AFTER) {
        section.problems().warning(until.span(), "this freeze window is long over", "Remove it, or give it the times of the next one.");
    }
    section.finish();
    Some(FreezeWindow { from: from?.into_inner(), until: until?.into_inner(), reason: reason?.into_inner() })
}

struct PatroniSettings {
    scope: String,
    namespace: String,
    login: Option<(String, SecretString)>,
    tls_mode: TlsMode,
    /// Where it is said that TLS is off.
    tls_off: Option<Range<usize>>,
    tls: TlsFiles,
}

struct PostgresSettings {
    username: String,
    password: Option<SecretString>,
    database: String,
    heartbeat: bool,
    tls_mode: TlsMode,
    tls: TlsFiles,
}

/// A site and how to reach everything in it.
struct SiteConfig {
    site: Site,
    access: Vec<(EndpointName, Access)>,
    standby: Option<standby::Written>,
}

impl SiteConfig {
    /// Where the site's `PostgreSQL` servers are.
    fn addresses(&self) -> Vec<HostPort> {
        let address = |(_, access): &(EndpointName, Access)| match access {
            Access::Postgres(access) => Some(access.address.clone()),
            _ => None,
        };
        self.access.iter().filter_map(address).collect()
    }
}

fn read_site(mut section: Section<'_, '_>, folder: &Path, names: &mut Names) -> Option<SiteConfig> {
    let id = section.required::<SiteId>("id", "dc-a");
    if let Some(id) = &id {
        take(&mut names.sites, id, &section, "site", "in its pool");
    }
    let place = section.text("place").map(Spanned::into_inner);
    let patroni = section.required_table("patroni", "[pool.site.patroni]").and_then(|patroni| read_patroni(patroni, folder));
    let postgres = section.required_table("postgres", "[pool.site.postgres]").and_then(|postgres| read_postgres(postgres, folder));
    let standby = section.table("standby_cluster", "[pool.site.standby_cluster]").map(standby::read);

    let (mut nodes, mut proxies, mut etcd, mut access) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut any_plain = false;
    let written = section.tables("node", "[[pool.site.node]]");
    if written.is_empty() {
        section.problems().error(section.header(), "the site has no [[pool.site.node]]", "Add one for each database node of the site.");
    }
    for node in written {
        if let Some((node, patroni_url, address)) = read_node(node, names) {
            if let Some(settings) = &patroni {
                let what = format!("the Patroni interface of {}", node.name);
                refuse_plain(&section, &patroni_url, &what, settings.tls_mode, "[pool.site.patroni]");
                let (url, login) = (patroni_url.into_inner(), settings.login.clone());
                any_plain |= !url.https;
                let tls = if url.https { settings.tls.clone() } else { TlsFiles::default() };
                access.push((node.patroni.clone(), Access::Patroni(HttpAccess { url, login, tls })));
            }
            if let Some(settings) = &postgres {
                access.push((
                    node.postgres.clone(),
                    Access::Postgres(PostgresAccess {
                        address,
                        database: settings.database.clone(),
                        username: settings.username.clone(),
                        password: settings.password.clone(),
                        tls_mode: settings.tls_mode,
                        tls: settings.tls.clone(),
                        heartbeat: settings.heartbeat,
                    }),
                ));
            }
            nodes.push(node);
        }
    }
    if let Some(at) = patroni.as_ref().and_then(|settings| settings.tls_off.clone()).filter(|_| !any_plain) {
        warn_needless(&section, at);
    }
    for proxy in section.tables("haproxy", "[[pool.site.haproxy]]") {
        if let Some((name, haproxy)) = read_haproxy(proxy, folder, names) {
            proxies.push(name.clone());
            access.push((name, Access::Haproxy(haproxy)));
        }
    }
    for store in section.tables("etcd", "[[pool.site.etcd]]") {
        if let Some((name, http)) = read_etcd(store, folder, names) {
            etcd.push(name.clone());
            access.push((name, Access::Etcd(http)));
        }
    }
    section.finish();
    let (id, patroni) = (id?.into_inner(), patroni?);
    let site = Site {
        place: place.unwrap_or_else(|| id.to_string()),
        id,
        unverified: access.iter().filter(|(_, access)| access.tls_mode() != TlsMode::VerifyFull).map(|(name, _)| name.clone()).collect(),
        keys: keys(&patroni.namespace, &patroni.scope),
        scope: patroni.scope,
        nodes,
        proxies,
        etcd,
        can_follow: false,
    };
    Some(SiteConfig { site, access, standby })
}

/// What Patroni's keys in etcd begin with. Slashes around the namespace make no difference to it.
fn keys(namespace: &str, scope: &str) -> String {
    let parts = namespace.split('/').chain([scope]).filter(|part| !part.is_empty());
    parts.fold("/".to_owned(), |keys, part| keys + part + "/")
}

fn login(section: &mut Section<'_, '_>, folder: &Path) -> Option<(String, SecretString)> {
    let username = section.text("username").map(Spanned::into_inner);
    let password = files::secret(section, "password_file", folder);
    for (there, other) in [("username", "password_file"), ("password_file", "username")] {
        if section.has(there) && !section.has(other) {
            let at = section.place(there);
            section.problems().error(at, format!("there is a `{there}` but no `{other}`"), format!("Add the `{other}`, or remove both."));
        }
    }
    username.zip(password)
}

/// What is written in a table to do without TLS.
const TLS_OFF: &str = "tls = \"off\"  # on a trusted network";

/// An interface over plain HTTP that nobody has said may be plain. `table` is where that is said.
fn refuse_plain(section: &Section<'_, '_>, url: &Spanned<BaseUrl>, what: &str, mode: TlsMode, table: &str) {
    if !url.get_ref().https && mode != TlsMode::Off {
        section.problems().error(
            url.span(),
            format!("{what} would be asked without TLS: anybody on the way could answer in its place and read what is sent"),
            format!("Write https://, and the `ca_file` of its authority in {table}; or add `{TLS_OFF}` there."),
        );
    }
}

/// Reads `tls` of an interface that either proves who it is or is not encrypted at all: over HTTP, or `HAProxy`'s.
fn read_tls(section: &mut Section<'_, '_>) -> TlsMode {
    if let Some(on) = section.is_flag("tls") {
        // As consoles before verified TLS was the default had it for HAProxy.
        let remedy = if on { "Write `tls = \"verify-full\"`.".to_owned() } else { format!("Write `{TLS_OFF}`.") };
        section.problems().error(section.place("tls"), format!("`tls` is {on}, and is a word now"), remedy);
        return TlsMode::VerifyFull;
    }
    section.word("tls", TlsMode::VerifyFull, &[("off", TlsMode::Off), ("verify-full", TlsMode::VerifyFull)])
}

/// Certificates that would silently not be used are a mistake that nobody notices.
fn refuse_unused(section: &Section<'_, '_>, mode: TlsMode, tls: &TlsFiles) {
    if mode == TlsMode::Off && *tls != TlsFiles::default() {
        let at = section.place("tls");
        section.problems().error(at, "certificates are given, but `tls` is off", "Remove `tls`, or remove the certificates.");
    }
}

/// A permission that nobody needs would go unnoticed once somebody writes http:// by mistake.
fn warn_needless(section: &Section<'_, '_>, at: Range<usize>) {
    section.problems().warning(at, "`tls` is off, and every address here is https://", "Remove the line.");
}

/// No scheme says here whether TLS is meant, so that an older file, of a time when it was not, is told from one that leaves the default.
fn refuse_unsaid(section: &mut Section<'_, '_>, name: &str) {
    if !section.has("tls") && !section.has("ca_file") {
        section.problems().error(
            section.header(),
            format!("{name} does not say whose certificates are trusted"),
            format!(
                "Add the `ca_file` of the authority that has signed them, or `tls = \"verify-full\"` where this machine trusts it already, \
                 or `{TLS_OFF}`."
            ),
        );
    }
}

fn read_patroni(mut section: Section<'_, '_>, folder: &Path) -> Option<PatroniSettings> {
    let scope = section.required_text("scope", "pool-a").map(Spanned::into_inner);
    let namespace = section.text("namespace").map_or_else(|| "/service/".to_owned(), Spanned::into_inner);
    let login = login(&mut section, folder);
    let tls = files::tls(&mut section, folder);
    let tls_mode = read_tls(&mut section);
    let tls_off = (tls_mode == TlsMode::Off).then(|| section.place("tls"));
    section.finish();
    Some(PatroniSettings { scope: scope?, namespace, login, tls_mode, tls_off, tls })
}

fn read_postgres(mut section: Section<'_, '_>, folder: &Path) -> Option<PostgresSettings> {
    let username = section.required_text("username", "switchback").map(Spanned::into_inner);
    let password = files::secret(&mut section, "password_file", folder);
    let database = section.required_text("database", "switchback").map(Spanned::into_inner);
    let heartbeat = section.flag("heartbeat", false);
    let tls = files::tls(&mut section, folder);
    let tls_mode = read_postgres_tls(&mut section);
    refuse_unused(&section, tls_mode, &tls);
    refuse_unsaid(&mut section, "[pool.site.postgres]");
    if !section.has("password_file") && !section.has("client_cert_file") {
        section.problems().error(
            section.header(),
            "[pool.site.postgres] has neither `password_file` nor `client_cert_file`",
            "Add what the role signs in with, such as `password_file = \"secrets/postgres-password\"`.",
        );
    }
    section.finish();
    Some(PostgresSettings { username: username?, password, database: database?, heartbeat, tls_mode, tls })
}

/// Reads `tls` of `PostgreSQL`, whose own clients know more words than are any good here.
fn read_postgres_tls(section: &mut Section<'_, '_>) -> TlsMode {
    let has_authority = section.has("ca_file");
    let written = section.text("tls");
    let written = written.as_ref().map(|text| text.get_ref().as_str());
    let at = section.place("tls");
    match written {
        Some("prefer" | "require") if !has_authority => section.problems().error(
            at,
            format!("`tls` is {:?}, which takes whoever answers for the server", written.unwrap_or_default()),
            format!("Write the `ca_file` of the servers' authority instead; or `{TLS_OFF}`."),
        ),
        Some("prefer") => {
            section.problems().error(
                at,
                "`tls` is \"prefer\", which does without TLS when it is told to",
                "Remove the line: \"verify-full\" is the default.",
            );
        }
        Some("require") => section.problems().error(
            at,
            "`tls` is \"require\", which does not look at the server's name",
            "Remove the line, which means \"verify-full\"; or write \"verify-ca\" where the certificates are for other names.",
        ),
        Some("verify-ca") if !has_authority => section.problems().error(
            at,
            "`tls` is \"verify-ca\", and there is no `ca_file`",
            "Add it: this machine's own authorities sign certificates for anybody.",
        ),
        _ => {
            let words = [("off", TlsMode::Off), ("verify-ca", TlsMode::VerifyCa), ("verify-full", TlsMode::VerifyFull)];
            return section.word("tls", TlsMode::VerifyFull, &words);
        }
    }
    TlsMode::VerifyFull
}

fn read_node(mut section: Section<'_, '_>, names: &mut Names) -> Option<(Node, Spanned<BaseUrl>, HostPort)> {
    let name = section.required::<NodeName>("name", "a1");
    let url = section.required::<BaseUrl>("patroni", "https://198.18.1.11:8008");
    let address = section.required::<HostPort>("postgres", "198.18.1.11:5432");
    let mut endpoint = |prefix: &str| -> Option<EndpointName> {
        let name = name.as_ref()?;
        let Ok(endpoint) = format!("{prefix}-{}", name.get_ref()).parse::<EndpointName>() else {
            section.problems().error(name.span(), "the node's name is too long", "Use at most 54 characters.");
            return None;
        };
        names.endpoints.entry(endpoint.clone()).or_insert_with(|| name.span());
        Some(endpoint)
    };
    let (patroni, postgres) = (endpoint("patroni"), endpoint("postgres"));
    if let Some(name) = &name {
        // It is also the `application_name` that `synchronous_standby_names` matches, so both sites count.
        take(&mut names.nodes, name, &section, "node", "over both sites");
    }
    section.finish();
    Some((Node { name: name?.into_inner(), patroni: patroni?, postgres: postgres? }, url?, address?.into_inner()))
}

fn read_haproxy(mut section: Section<'_, '_>, folder: &Path, names: &mut Names) -> Option<(EndpointName, HaproxyAccess)> {
    let name = section.required::<EndpointName>("name", "haproxy-a");
    if let Some(name) = &name {
        take(&mut names.endpoints, name, &section, "endpoint", "in its pool");
    }
    let address = section.required::<HostPort>("address", "198.18.1.20:9999");
    let backend = section.required_text("backend", "members").map(Spanned::into_inner);
    let guard_backend = section.text("guard_backend").map(Spanned::into_inner);
    let tls = files::tls(&mut section, folder);
    let tls_mode = read_tls(&mut section);
    refuse_unused(&section, tls_mode, &tls);
    refuse_unsaid(&mut section, "[[pool.site.haproxy]]");
    let use_tls = tls_mode != TlsMode::Off;
    section.finish();
    Some((name?.into_inner(), HaproxyAccess { address: address?.into_inner(), backend: backend?, guard_backend, use_tls, tls }))
}

fn read_etcd(mut section: Section<'_, '_>, folder: &Path, names: &mut Names) -> Option<(EndpointName, HttpAccess)> {
    let name = section.required::<EndpointName>("name", "etcd-a");
    if let Some(name) = &name {
        take(&mut names.endpoints, name, &section, "endpoint", "in its pool");
    }
    let url = section.required::<BaseUrl>("url", "https://198.18.1.5:2379");
    let login = login(&mut section, folder);
    let tls = files::tls(&mut section, folder);
    let tls_mode = read_tls(&mut section);
    if let Some(url) = &url {
        refuse_plain(&section, url, "this etcd", tls_mode, "[[pool.site.etcd]]");
        if !url.get_ref().https {
            refuse_unused(&section, tls_mode, &tls);
        } else if tls_mode == TlsMode::Off {
            warn_needless(&section, section.place("tls"));
        }
    }
    section.finish();
    Some((name?.into_inner(), HttpAccess { url: url?.into_inner(), login, tls }))
}
