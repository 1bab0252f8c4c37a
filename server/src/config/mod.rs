//! The configuration: one TOML file, read once at start. Everything that is wrong in it is told in one run, with the place and what to do.

pub mod address;
pub mod files;
pub mod pool;
mod problem;
mod section;
pub mod standby;

pub use address::{BaseUrl, HostPort};
pub use pool::PoolConfig;
pub use problem::{Problem, Rejected, render};

use crate::network::TrustedProxies;
use ipnet::IpNet;
use jiff::Timestamp;
use problem::Problems;
use secrecy::{ExposeSecret as _, SecretString};
use section::Section;
use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};
use toml::{Spanned, de::DeTable};

/// Everything that can be configured.
#[derive(Debug, Clone)]
pub struct Config {
    /// `[server]`.
    pub server: Server,
    /// `[store]`.
    pub store: StoreAddress,
    /// Where it is remembered how far the store has come.
    pub store_head: PathBuf,
    /// `[sessions]`.
    pub sessions: Sessions,
    /// `[observe]`.
    pub observe: Observe,
    /// `[[pool]]`, in the order of the file.
    pub pools: Vec<PoolConfig>,
    /// What is unwise in it.
    pub warnings: Vec<Problem>,
}

/// Where the console listens and how people reach it.
#[derive(Debug, Clone)]
pub struct Server {
    /// Address and port to listen on.
    pub listen: SocketAddr,
    /// The address in people's browsers.
    pub public_url: BaseUrl,
    /// Who may read `/metrics`.
    pub metrics: MetricsAccess,
    /// Whose `X-Forwarded-For` is believed.
    pub proxies: TrustedProxies,
    /// Where the first set-up link is written, when not beside the store.
    pub set_up_link_file: Option<PathBuf>,
}

/// Who may read `/metrics`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricsAccess {
    /// Only this machine.
    Loopback,
    /// Whoever reaches the console.
    Open,
}

/// Where the console keeps what it must not forget.
#[derive(Debug, Clone)]
pub enum StoreAddress {
    /// A file of `SQLite`.
    Sqlite(PathBuf),
    /// A `PostgreSQL`, by URL.
    Postgres(SecretString),
}

/// When sessions end by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sessions {
    /// After so long without a request.
    pub idle: Duration,
    /// After so long in any case.
    pub absolute: Duration,
}

/// How endpoints are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observe {
    /// From one question to the next.
    pub interval: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
}

/// Why a configuration could not be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file itself cannot be read.
    #[error("the configuration {} cannot be read: {why}\n  Copy switchback.example.toml there and change it, or give another path with --config.", file.display())]
    Unreadable {
        /// The path as it was given.
        file: PathBuf,
        /// Why.
        why: std::io::Error,
    },
    /// It can be read, but not used.
    #[error("{0}")]
    Rejected(Box<Rejected>),
}

impl Config {
    /// Reads a configuration file and the files that it points to. `now` tells what in it is over.
    pub fn read(file: &Path, now: Timestamp) -> Result<Config, ConfigError> {
        let text = std::fs::read_to_string(file).map_err(|why| ConfigError::Unreadable { file: file.to_owned(), why })?;
        let folder = file.parent().unwrap_or(Path::new(""));
        Config::parse(&text, folder, now).map_err(|(errors, warnings)| {
            ConfigError::Rejected(Box::new(Rejected { file: file.display().to_string(), text, errors, warnings }))
        })
    }

    /// Understands a configuration. Paths in it are relative to `folder`. The error is everything that is wrong, and what is unwise beside it.
    pub fn parse(text: &str, folder: &Path, now: Timestamp) -> Result<Config, (Vec<Problem>, Vec<Problem>)> {
        let (document, mistakes) = DeTable::parse_recoverable(text);
        if !mistakes.is_empty() {
            // What follows a broken line would be complained about although it is right.
            let problem = |mistake: &toml::de::Error| Problem {
                at: mistake.span(),
                what: format!("this is not TOML: {}", mistake.message().replace('\n', " ")),
                remedy: "Mend this line first; what comes after it has not been looked at.".to_owned(),
            };
            return Err((mistakes.iter().take(5).map(problem).collect(), Vec::new()));
        }
        let problems = Problems::default();
        let config = read_file(Section::new("the file", 0..0, document.get_ref(), &problems), folder, now);
        let (errors, warnings) = problems.into_lists();
        match config {
            Some(config) if errors.is_empty() => Ok(Config { warnings, ..config }),
            _ => Err((errors, warnings)),
        }
    }
}

fn read_file(mut file: Section<'_, '_>, folder: &Path, now: Timestamp) -> Option<Config> {
    let server = file.required_table("server", "[server]").and_then(|server| read_server(server, folder));
    let store = file.required_table("store", "[store]").and_then(|store| read_store(store, folder)).unzip();
    let sessions = read_sessions(file.table("sessions", "[sessions]"));
    let observe = read_observe(file.table("observe", "[observe]"));
    let mut taken = BTreeMap::new();
    let written = file.tables("pool", "[[pool]]");
    if written.is_empty() && !file.has("pool") {
        file.problems().error(file.header(), "there is no [[pool]]", "Add at least one; the example configuration shows a whole one.");
    }
    let round_ms = u64::try_from((observe.interval + observe.timeout).as_millis()).unwrap_or(u64::MAX);
    let surroundings = pool::Surroundings { folder, round_ms, now };
    let pools: Vec<Option<PoolConfig>> = written.into_iter().map(|section| pool::read(section, &surroundings, &mut taken)).collect();
    file.finish();
    Some(Config {
        server: server?,
        store: store.0?,
        store_head: store.1?,
        sessions,
        observe,
        pools: pools.into_iter().collect::<Option<Vec<_>>>()?,
        warnings: Vec::new(),
    })
}

fn read_server(mut section: Section<'_, '_>, folder: &Path) -> Option<Server> {
    let listen = section.required_text("listen", "127.0.0.1:8480");
    let listen = listen.and_then(|text| {
        let address = text.get_ref().parse::<SocketAddr>().ok();
        if address.is_none() {
            section.problems().error(
                text.span(),
                format!("`listen` is {:?}, which is no address with a port", text.get_ref()),
                "Write an IP address and a port, such as \"127.0.0.1:8480\", or \"[::]:8480\" for every network of this machine.",
            );
        }
        address
    });
    let public_url = section.required::<BaseUrl>("public_url", "https://switchback.example.net");
    if let Some(url) = public_url.as_ref().filter(|url| !url.get_ref().https && !url.get_ref().is_this_machine()) {
        section.problems().error(
            url.span(),
            format!("`public_url` is {}, without TLS", url.get_ref()),
            "Browsers keep the session cookie only on https:// (or http://127.0.0.1); put a proxy with TLS in front and write its https:// address here.",
        );
    }
    let metrics = section.word("metrics", MetricsAccess::Loopback, &[("loopback", MetricsAccess::Loopback), ("open", MetricsAccess::Open)]);
    let proxies = read_proxies(&mut section, public_url.as_ref());
    let set_up_link_file = section.text("set_up_link_file").map(|file| folder.join(file.get_ref()));
    section.finish();
    Some(Server { listen: listen?, public_url: public_url?.into_inner(), metrics, proxies, set_up_link_file })
}

/// Which proxies are believed. Warns where all people would share one address, or anybody could make one up.
fn read_proxies(section: &mut Section<'_, '_>, public_url: Option<&Spanned<BaseUrl>>) -> TrustedProxies {
    /// No organization has larger networks of proxies.
    const WIDEST: (u8, u8) = (8, 32);

    let behind_proxy = section.flag("behind_proxy", false);
    let (listed, old) = (section.has("trusted_proxies"), section.has("behind_proxy"));
    let at = section.place(if listed { "trusted_proxies" } else { "behind_proxy" });
    if !listed && behind_proxy {
        section.problems().warning(
            at,
            "`behind_proxy` believes whoever connects, so anybody who reaches the console without the proxy can make up an address",
            "Remove it, and name the proxy instead: trusted_proxies = [\"127.0.0.1\"] for one on this machine.",
        );
        return TrustedProxies::WhoeverConnects;
    }
    if let (false, Some(url)) = (listed, public_url.filter(|url| url.get_ref().https)) {
        section.problems().warning(
            url.span(),
            "`public_url` is https, so a proxy is in front, but none is named: all people share its address, and with it one limit of guesses",
            "Name it: trusted_proxies = [\"127.0.0.1\"] for one on this machine, and let it set X-Forwarded-For.",
        );
    }
    let mut networks = Vec::new();
    for text in section.texts("trusted_proxies", &[]) {
        let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        match network {
            Ok(network) => {
                let widest = if network.addr().is_ipv4() { WIDEST.0 } else { WIDEST.1 };
                if network.prefix_len() < widest {
                    section.problems().warning(
                        at.clone(),
                        format!("`trusted_proxies` has {network}: whoever is in so large a network can make up an address"),
                        "Name only the proxies themselves.",
                    );
                }
                networks.push(network.trunc());
            }
            Err(_) => section.problems().error(
                at.clone(),
                format!("`trusted_proxies` has {text:?}, which is no network"),
                "Write an address or a network, such as \"127.0.0.1\" or \"10.0.0.0/24\".",
            ),
        }
    }
    if listed && old {
        section.problems().warning(section.place("behind_proxy"), "`behind_proxy` has no effect beside `trusted_proxies`", "Remove it.");
    }
    TrustedProxies::listed(networks)
}

/// Where the store is, and where it is remembered how far it has come.
fn read_store(mut section: Section<'_, '_>, folder: &Path) -> Option<(StoreAddress, PathBuf)> {
    let head_file = section.text("head_file").map(|file| folder.join(file.get_ref()));
    let plain = section.text("url");
    let secret = files::secret(&mut section, "url_file", folder);
    let (at, url) = match (section.has("url"), section.has("url_file")) {
        (true, true) => {
            let at = section.place("url_file");
            section.problems().error(at, "[store] has both `url` and `url_file`", "Keep one of them.");
            return None;
        }
        (false, false) => {
            section.problems().error(section.header(), "[store] has no `url`", "Add `url = \"sqlite:switchback.db\"`.");
            section.finish();
            return None;
        }
        (true, false) => plain.map(|url: Spanned<String>| (url.span(), SecretString::from(url.into_inner())))?,
        (false, true) => (section.place("url_file"), secret?),
    };
    let written_openly = section.has("url");
    let address = match url.expose_secret() {
        text if text.starts_with("sqlite:") => {
            let file = text.trim_start_matches("sqlite:").trim_start_matches("//");
            if file.is_empty() || file.contains('?') || file == ":memory:" {
                section.problems().error(at, "the store needs a file", "Write it after the colon, such as \"sqlite:switchback.db\".");
                None
            } else {
                Some(StoreAddress::Sqlite(folder.join(file)))
            }
        }
        text if text.starts_with("postgres://") || text.starts_with("postgresql://") => {
            let user = text.split_once("://").and_then(|(_, rest)| rest.split('/').next()).and_then(|authority| authority.rsplit_once('@'));
            let has_password = user.is_some_and(|(user, _)| user.contains(':')) || text.contains("password=");
            if written_openly && has_password {
                section.problems().error(
                    at,
                    "the store's `url` has a password in it",
                    "Put the whole URL into a file that only the console can read, and name it with `url_file` instead.",
                );
                None
            } else {
                Some(StoreAddress::Postgres(url))
            }
        }
        _ => {
            section.problems().error(
                at,
                "the store's URL is of no kind that the console knows",
                "It must start with sqlite: (such as \"sqlite:switchback.db\") or postgres://.",
            );
            None
        }
    };
    section.finish();
    let address = address?;
    let head_file = head_file.unwrap_or_else(|| match &address {
        StoreAddress::Sqlite(store) => switchback_store::head_file(store),
        StoreAddress::Postgres(_) => folder.join("store-head"),
    });
    Some((address, head_file))
}

fn read_sessions(section: Option<Section<'_, '_>>) -> Sessions {
    let (mut idle, mut absolute) = (30, 12);
    if let Some(mut section) = section {
        idle = section.number("idle_minutes", idle, 1, 24 * 60);
        absolute = section.number("absolute_hours", absolute, 1, 24 * 30);
        if idle > absolute * 60 {
            let at = section.place("idle_minutes");
            section.problems().error(at, "`idle_minutes` is longer than `absolute_hours`", "Make it shorter; it would never take effect.");
        }
        section.finish();
    }
    Sessions { idle: Duration::from_mins(idle), absolute: Duration::from_hours(absolute) }
}

fn read_observe(section: Option<Section<'_, '_>>) -> Observe {
    let (mut interval, mut timeout) = (1_000, 800);
    if let Some(mut section) = section {
        interval = section.number("interval_ms", interval, 100, 60_000);
        timeout = section.number("timeout_ms", timeout, 50, 60_000);
        if timeout >= interval {
            // Whichever of the two is written is the one to change.
            let at = if section.has("timeout_ms") { section.place("timeout_ms") } else { section.place("interval_ms") };
            section.problems().error(
                at,
                format!("`timeout_ms` ({timeout}) is not shorter than `interval_ms` ({interval})"),
                "Make it shorter, so that a question always ends before the next one.",
            );
        }
        section.finish();
    }
    Observe { interval: Duration::from_millis(interval), timeout: Duration::from_millis(timeout) }
}

#[cfg(test)]
mod tests;
