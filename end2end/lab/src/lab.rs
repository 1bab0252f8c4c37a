//! One lab: what is in it, and how to start and stop each service of it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::clock::pause;
use crate::config;
use crate::error::{Doing, LabError, Result};
use crate::http::Http;
use crate::layout::{HAPROXY_API_PORT, Layout, Options, POOL_PORT, POSTGRES_PORT, SHARE_PORT, WRITE_PORT, XMPP_PORT};
use crate::places::{Node, Place, Service, Site};
use crate::process::{self, Launch};
use crate::runtime_api;
use crate::secrets::Secrets;

/// The SQL that users run for their own pools; the lab runs exactly this.
pub(crate) const POOL_SETUP: &str = include_str!("../../../server/probes/sql/pool-setup.sql");
/// What that script includes at its end; it is given to psql on its standard input, which has no folder to find it in.
pub(crate) const POOL_UPGRADE: &str = include_str!("../../../server/probes/sql/pool-upgrade.sql");
const GUARD: &str = include_str!("../../../server/guards/pre-promote-guard.sh");
const PROSODY_MODULES: [(&str, &str); 3] = [
    ("mod_pool_health.lua", include_str!("../prosody/mod_pool_health.lua")),
    ("mod_pool_room.lua", include_str!("../prosody/mod_pool_room.lua")),
    ("mod_lab_setup.lua", include_str!("../prosody/mod_lab_setup.lua")),
];

/// A lab: real engines in two sites on this machine.
#[derive(Debug, Clone)]
pub struct Lab {
    /// Where everything is.
    pub layout: Layout,
    /// All passwords.
    pub secrets: Secrets,
    pub(crate) http: Http,
}

impl Lab {
    /// The lab in this folder.
    pub fn open(dir: &Path) -> Result<Self> {
        let layout = Layout::load(dir)?
            .ok_or_else(|| LabError::Refused(format!("there is no lab in {}: start one with `switchback-lab up`", dir.display())))?;
        Self::of(layout)
    }

    fn of(layout: Layout) -> Result<Self> {
        let secrets = Secrets::ensure(&layout.dir().join("secrets"))?;
        let http = Http::new(&layout)?;
        Ok(Self { layout, secrets, http })
    }

    /// Writes every file of a new lab; nothing runs yet.
    pub(crate) fn create(options: Options) -> Result<Self> {
        let layout = Layout::new(options)?;
        for folder in ["run", "log", "bin/prosody"] {
            make_folder(&layout.dir().join(folder))?;
        }
        let text = serde_json::to_string_pretty(&layout.options).doing(|| "options.json".to_owned())?;
        // First of all, so that `down` finds what to clean up whatever goes wrong from here on.
        write(&layout.dir().join("options.json"), &text)?;
        if layout.options.tls {
            crate::tls::create(&layout)?;
        }
        let lab = Self::of(layout)?;
        lab.write_programs()?;
        for site in Site::BOTH {
            process::ensure_user(&lab.layout, site)?;
            lab.write_site(site, site == Site::B)?;
        }
        if lab.layout.options.tls {
            crate::tls::hand_out(&lab.layout)?;
        }
        lab.write_description()?;
        Ok(lab)
    }

    /// The lab's own program and the scripts, as the services use them: copies, because what a build folder holds may change.
    fn write_programs(&self) -> Result<()> {
        let own = self.layout.options.program.clone().map_or_else(std::env::current_exe, Ok);
        let own = own.doing(|| "finding the lab's own program".to_owned())?;
        let target = self.layout.program();
        fs::copy(&own, &target).doing(|| format!("copying {} to {}", own.display(), target.display()))?;
        set_mode(&target, 0o755)?;
        let guard = self.layout.bin_dir().join("pre-promote-guard.sh");
        write(&guard, GUARD)?;
        set_mode(&guard, 0o755)?;
        for (name, text) in PROSODY_MODULES {
            write(&self.layout.bin_dir().join("prosody").join(name), text)?;
        }
        Ok(())
    }

    /// Everything that a site's services read. The site's folder must not hold data yet.
    pub(crate) fn write_site(&self, site: Site, standby: bool) -> Result<()> {
        let layout = &self.layout;
        let folder = layout.site_dir(site);
        make_folder(&layout.share_dir(site))?;
        make_folder(&folder.join("etcd"))?;
        set_mode(&folder.join("etcd"), 0o700)?;
        for node in site.nodes() {
            make_folder(&layout.node_dir(node))?;
            let yml = layout.patroni_yml(node);
            write(&yml, &config::patroni::file(layout, &self.secrets, node, standby))?;
            set_mode(&yml, 0o600)?;
            for (name, text) in config::patroni::scripts(layout, node) {
                let path = layout.node_dir(node).join(name);
                write(&path, &text)?;
                set_mode(&path, 0o755)?;
            }
        }
        write(&layout.haproxy_cfg(site), &config::haproxy::file(layout, site))?;
        for number in [1, 2] {
            let folder = layout.member_dir(site, number);
            make_folder(&folder)?;
            let path = folder.join("prosody.cfg.lua");
            write(&path, &config::prosody::file(layout, &self.secrets, site, number, (site, number) == (Site::A, 1)))?;
            set_mode(&path, 0o600)?;
        }
        process::give_to(layout, site, &folder)
    }

    /// How a service is started; nothing for PostgreSQL, which only Patroni starts.
    fn launch(&self, service: Service) -> Option<Launch> {
        let layout = &self.layout;
        let launch = match service {
            Service::Etcd(site) => Launch::of(layout, service, "etcd").args(config::etcd::arguments(layout, site)),
            Service::Share(site) => Launch::of(layout, service, layout.program().display().to_string())
                .args(["receive-wal", "--listen"])
                .args([format!("{}:{SHARE_PORT}", layout.share(site)), "--share".to_owned()])
                .args([layout.share_dir(site).display().to_string()]),
            Service::Patroni(node) => Launch::of(layout, service, patroni(layout, "patroni").display().to_string())
                .args([layout.patroni_yml(node).display().to_string()])
                .env("HOME", layout.node_dir(node).display().to_string())
                .env("PYTHONDONTWRITEBYTECODE", "1"),
            Service::Postgres(_) => return None,
            Service::Haproxy(site) => {
                Launch::of(layout, service, "haproxy").args(["-db", "-f"]).args([layout.haproxy_cfg(site).display().to_string()])
            }
            Service::Member(site, number) => {
                let folder = layout.member_dir(site, number);
                let mut launch = Launch::of(layout, service, "prosody")
                    .args(["--config".to_owned(), folder.join("prosody.cfg.lua").display().to_string(), "-F".to_owned()])
                    .env("HOME", folder.display().to_string())
                    // Its database driver stops the whole member while it connects.
                    .env("PGCONNECT_TIMEOUT", "2");
                if layout.options.tls {
                    launch =
                        launch.env("PGSSLMODE", "verify-ca").env("PGSSLROOTCERT", layout.tls_dir().join("ca.crt").display().to_string());
                }
                launch
            }
        };
        Some(launch)
    }

    /// Starts a service unless it runs.
    pub(crate) fn start(&self, service: Service) -> Result<()> {
        if let Service::Patroni(node) = service {
            self.remove_stale_locks(node);
        }
        if let Some(launch) = self.launch(service) {
            process::start(&self.layout, &launch)?;
        }
        Ok(())
    }

    /// After kill -9 the numbers in PostgreSQL's lock files may belong to another process by now, and it would refuse to start.
    fn remove_stale_locks(&self, node: Node) {
        if process::postmaster(&self.layout, node).is_none() {
            let _ = fs::remove_file(self.layout.data_dir(node).join("postmaster.pid"));
            for name in [".s.PGSQL.5432", ".s.PGSQL.5432.lock"] {
                let _ = fs::remove_file(self.layout.node_dir(node).join(name));
            }
        }
    }

    /// Starts the site's `HAProxy` for the first time. In the standby site the members are drained: checked, but without traffic.
    /// After a restart it finds the states in its state file, as `kill` has left them.
    pub(crate) async fn start_haproxy(&self, site: Site, active: bool) -> Result<()> {
        self.start(Service::Haproxy(site))?;
        if active {
            return Ok(());
        }
        self.wait("HAProxy answers", Duration::from_secs(10), async || {
            for member in site.members() {
                runtime_api::tell(&self.layout, site, &format!("set server members/{member} state drain"))
                    .await
                    .map_err(|error| error.to_string())?;
            }
            Ok(())
        })
        .await
    }

    /// Asks again and again until the answer is fine, and says after `within` what it was last.
    pub(crate) async fn wait<F>(&self, what: &str, within: Duration, mut look: F) -> Result<()>
    where
        F: AsyncFnMut() -> std::result::Result<(), String>,
    {
        let began = Instant::now();
        loop {
            match look().await {
                Ok(()) => return Ok(()),
                Err(seen) if began.elapsed() > within => {
                    return Err(LabError::Timeout { what: what.to_owned(), after: within, seen: format!("; last seen: {seen}") });
                }
                Err(_) => pause(Duration::from_millis(50)).await,
            }
        }
    }

    /// The node that says it is primary, by asking all four; nothing when none or more than one does.
    pub async fn primary(&self) -> Option<Node> {
        let asked = futures::future::join_all(Node::all().map(|node| async move {
            let answer = self.http.get_json(&format!("{}/patroni", self.layout.patroni_url(node))).await.ok()?;
            (answer["role"] == "primary" && answer["state"] == "running").then_some(node)
        }));
        let found: Vec<Node> = asked.await.into_iter().flatten().collect();
        if let [one] = found[..] { Some(one) } else { None }
    }

    /// The node that leads a site, as primary or as the one that follows the other site, by its own word.
    pub async fn leader(&self, site: Site) -> Option<Node> {
        for node in site.nodes() {
            let seen = self.http.get_json(&format!("{}/patroni", self.layout.patroni_url(node))).await.unwrap_or_default();
            if seen["state"] == "running" && (seen["role"] == "primary" || seen["role"] == "standby_leader") {
                return Some(node);
            }
        }
        None
    }

    /// The node of a site that accepts writes, found without any network: for a site that is cut off.
    pub fn leader_unseen(&self, site: Site) -> Option<Node> {
        site.nodes().into_iter().find(|node| {
            let folder = self.layout.node_dir(*node).display().to_string();
            let asked = ["-X", "-A", "-t", "-h", &folder, "-U", "postgres", "-c", "SELECT pg_is_in_recovery()"];
            crate::command::run("psql", &asked).is_ok_and(|said| said.trim() == "f")
        })
    }

    /// What is missing until the pool is whole: one primary, everything else streaming from it, a synchronous mirror, all members
    /// healthy. Nothing when it is.
    pub async fn unsettled(&self) -> Option<String> {
        let Some(primary) = self.primary().await else { return Some("there is not exactly one primary".to_owned()) };
        let ask = async |node: Node| self.http.get_json(&format!("{}/patroni", self.layout.patroni_url(node))).await.unwrap_or_default();
        let first = ask(primary).await;
        let mirror = first["replication"].as_array().is_some_and(|all| all.iter().any(|one| one["sync_state"] == "sync"));
        if !mirror {
            return Some(format!("{primary} has no synchronous mirror yet"));
        }
        for node in Node::all().filter(|node| *node != primary) {
            let seen = ask(node).await;
            if seen["state"] != "running" || seen["replication_state"] != "streaming" || seen["timeline"] != first["timeline"] {
                return Some(format!("{node} is {} ({}, timeline {})", seen["state"], seen["replication_state"], seen["timeline"]));
            }
        }
        for site in Site::BOTH {
            for number in [1, 2] {
                let url = self.layout.health_url(site, number);
                match self.http.get(&url).await {
                    Ok(answer) if answer.status == 200 => {}
                    Ok(answer) => return Some(format!("member-{site}{number} answers {}: {}", answer.status, answer.body.trim())),
                    Err(error) => return Some(error.to_string()),
                }
            }
        }
        None
    }

    /// Waits until nothing is missing.
    pub async fn wait_settled(&self, within: Duration) -> Result<()> {
        self.wait("everything streams and all members are healthy", within, async || self.unsettled().await.map_or(Ok(()), Err)).await
    }

    /// Everything another program needs to know about the lab.
    pub fn description(&self) -> Value {
        let layout = &self.layout;
        let password = |name: &str| self.secrets.file(name).display().to_string();
        let site = |site: Site| {
            let nodes: Vec<Value> = site
                .nodes()
                .iter()
                .map(|node| json!({ "name": node.to_string(), "patroni": layout.patroni_url(*node), "postgres": format!("{}:{POSTGRES_PORT}", layout.node(*node)) }))
                .collect();
            let members: Vec<Value> = [1, 2]
                .iter()
                .map(|number| json!({ "name": format!("member-{site}{number}"), "xmpp": format!("{}:{XMPP_PORT}", layout.member(site, *number)), "health": layout.health_url(site, *number) }))
                .collect();
            let proxy = layout.haproxy(site);
            json!({
                "name": site.letter(), "network": layout.network(site.into()), "namespace": layout.namespace(site.into()), "scope": site.scope(),
                "slot_on_peer": site.slot(), "etcd": layout.etcd_url(site), "nodes": nodes, "members": members,
                "haproxy": { "runtime_api": format!("{proxy}:{HAPROXY_API_PORT}"), "write": format!("{proxy}:{WRITE_PORT}"), "pool": format!("{proxy}:{POOL_PORT}"),
                             "members_backend": "members", "xmpp": format!("{proxy}:{XMPP_PORT}") },
                "share": layout.share_dir(site), "standby_cluster": config::patroni::standby_section(layout, site),
            })
        };
        json!({
            "dir": layout.dir(), "instance": layout.options.instance, "tls": layout.options.tls, "networks": layout.has_networks(),
            "places": Place::ALL.iter().map(|place| json!({ "name": place.name(), "network": layout.network(*place), "namespace": layout.namespace(*place) })).collect::<Vec<_>>(),
            "sites": Site::BOTH.map(site),
            "credentials": {
                "patroni_rest": { "user": "switchback", "password_file": password("rest") },
                "console_database": { "user": "switchback", "database": "switchback", "password_file": password("console") },
                "superuser": { "user": "postgres", "password_file": password("superuser") },
                "chat": { "users": (1..=config::prosody::ACCOUNTS).map(|n| format!("u{n}@{}", config::prosody::HOST)).collect::<Vec<_>>(), "password_file": password("chat") },
                "tls": layout.options.tls.then(|| json!({ "ca": layout.tls_dir().join("ca.crt"), "certificate": layout.tls_dir().join("console.crt"), "key": layout.tls_dir().join("console.key") })),
            },
            "room": format!("{}@{}", config::prosody::ROOM, config::prosody::ROOMS),
        })
    }

    fn write_description(&self) -> Result<()> {
        let text = serde_json::to_string_pretty(&self.description()).doing(|| "lab.json".to_owned())?;
        write(&self.layout.dir().join("lab.json"), &text)
    }
}

/// A program of the lab's Patroni.
pub(crate) fn patroni(layout: &Layout, program: &str) -> PathBuf {
    let folder = layout.options.patroni.as_ref().map_or_else(|| "patroni".to_owned(), |version| format!("patroni-{version}"));
    tools().join(folder).join("bin").join(program)
}

/// Where `./setup` put what is no package: Patroni.
pub(crate) fn tools() -> PathBuf {
    if let Some(tools) = std::env::var_os("SWITCHBACK_TOOLS") {
        return PathBuf::from(tools);
    }
    if nix::unistd::geteuid().is_root() {
        return PathBuf::from("/var/cache/switchback");
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = std::env::var_os("HOME").map_or_else(|| PathBuf::from("/"), PathBuf::from);
    cache.unwrap_or_else(|| home.join(".cache")).join("switchback")
}

pub(crate) fn make_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).doing(|| format!("making {}", path.display()))
}

pub(crate) fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).doing(|| format!("writing {}", path.display()))
}

pub(crate) fn set_mode(path: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).doing(|| format!("setting the rights of {}", path.display()))
}
