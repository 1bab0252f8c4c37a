//! What a person does to a running lab: kill, freeze, cut, stall, rebuild, and the ways back.

use std::fs;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::error::{Doing, LabError, Result};
use crate::lab::Lab;
use crate::network::{self, Rule};
use crate::places::{Node, Place, Service, Site, Target};
use crate::process;
use crate::runtime_api;

impl Lab {
    /// Ends everything meant at once, without a chance to say goodbye.
    pub async fn kill(&self, target: Target) -> Result<()> {
        let services = target.services();
        for service in &services {
            if let Service::Haproxy(site) = service
                && process::recorded(&self.layout, &service.to_string()).is_some()
            {
                self.save_proxy_state(*site).await?;
            }
        }
        // All are looked for before the first is killed: PostgreSQL is found through what it wrote while it lived.
        let processes: Vec<_> = services.iter().flat_map(|service| process::of_service(&self.layout, *service)).collect();
        process::kill_all(&processes);
        for service in services {
            process::forget(&self.layout, &service.to_string());
        }
        Ok(())
    }

    /// Stands for the timer with which a site keeps the state of its `HAProxy` on disk: a frozen one has nothing newer to say.
    async fn save_proxy_state(&self, site: Site) -> Result<()> {
        match runtime_api::ask(&self.layout, site, "show servers state").await {
            Ok(state) => crate::lab::write(&self.layout.haproxy_state(site), &state),
            Err(_) => Ok(()),
        }
    }

    /// Starts everything meant that does not run. What runs is left alone; PostgreSQL is started by its Patroni.
    pub fn revive(&self, target: Target) -> Result<()> {
        for service in target.services() {
            match service {
                Service::Postgres(node) if process::recorded(&self.layout, &Service::Patroni(node).to_string()).is_none() => {
                    return Err(LabError::Refused(format!(
                        "only Patroni starts PostgreSQL, and that of {node} does not run: revive {node}"
                    )));
                }
                other => self.start(other)?,
            }
        }
        Ok(())
    }

    /// Stops everything meant in its tracks: it answers nothing, but its connections stay open.
    pub fn freeze(&self, target: Target) {
        self.signal(target, Signal::SIGSTOP);
    }

    /// Lets what was frozen go on.
    pub fn thaw(&self, target: Target) {
        self.signal(target, Signal::SIGCONT);
    }

    fn signal(&self, target: Target, signal: Signal) {
        for process in target.services().into_iter().flat_map(|service| process::of_service(&self.layout, service)) {
            process.signal(signal);
        }
    }

    /// Drops every packet between two places, in both directions and without a word, also of open connections.
    pub fn cut(&self, x: Place, y: Place) -> Result<()> {
        network::forbid(&self.layout, Rule::Cut, x, y)
    }

    /// Answers every TCP packet between two places with a reset, also of open connections: each side seems to refuse the other one.
    pub fn reset(&self, x: Place, y: Place) -> Result<()> {
        network::forbid(&self.layout, Rule::Reset, x, y)
    }

    /// Ends cuts and resets.
    pub fn heal(&self, x: Place, y: Place) -> Result<()> {
        network::allow(&self.layout, Rule::Cut, x, y)?;
        network::allow(&self.layout, Rule::Reset, x, y)
    }

    /// Drops replication between the sites, and nothing else: WAL files still travel, and so do members and consoles.
    pub fn stall_replication(&self) -> Result<()> {
        network::forbid(&self.layout, Rule::Stall, Place::A, Place::B)
    }

    /// Ends a stall.
    pub fn resume_replication(&self) -> Result<()> {
        network::allow(&self.layout, Rule::Stall, Place::A, Place::B)
    }

    /// Lets a standby node receive but not replay, so that its lag grows although it streams.
    ///
    /// By stopping the process that replays: Patroni undoes `pg_wal_replay_pause()` within a loop of its own.
    pub fn pause_replay(&self, node: Node) -> Result<()> {
        self.replaying(node).map(|process| process.signal(Signal::SIGSTOP))
    }

    /// Lets a standby node replay again.
    pub fn resume_replay(&self, node: Node) -> Result<()> {
        self.replaying(node).map(|process| process.signal(Signal::SIGCONT))
    }

    /// PostgreSQL's startup process, which lives as long as its server is a standby.
    fn replaying(&self, node: Node) -> Result<process::Process> {
        let found = process::of_service(&self.layout, Service::Postgres(node)).into_iter().find(|process| {
            let title = fs::read(format!("/proc/{}/cmdline", process.pid)).unwrap_or_default();
            String::from_utf8_lossy(&title).contains(" startup ")
        });
        found.ok_or_else(|| LabError::Refused(format!("{node} is no standby that runs")))
    }

    /// Gives the Patronis of a site another password for whatever changes something in them, as somebody does who forgets to tell the
    /// console; with `None` the one that the console knows. Waits until all that run go by it.
    pub async fn change_patroni_password(&self, site: Site, password: Option<&str>) -> Result<()> {
        for node in site.nodes() {
            let path = self.layout.patroni_yml(node);
            let text = fs::read_to_string(&path).doing(|| format!("reading {}", path.display()))?;
            let mut config: serde_json::Value = serde_json::from_str(&text).doing(|| format!("reading {}", path.display()))?;
            config["restapi"]["authentication"]["password"] = password.unwrap_or(&self.secrets.rest).into();
            crate::lab::write(&path, &format!("{config:#}"))?;
            self.signal(Target::Service(Service::Patroni(node)), Signal::SIGHUP);
        }
        let wanted = if password.is_some() { 401 } else { 200 };
        // What is there already, so that nothing changes where the password is right.
        let same = serde_json::json!({ "loop_wait": 2 });
        for node in site.nodes() {
            let url = format!("{}/config", self.layout.patroni_url(node));
            self.wait(&format!("the Patroni of {node} goes by its new password"), Duration::from_secs(20), async || {
                match self.http.patch(&url, &same, "switchback", &self.secrets.rest).await {
                    Ok(status) if status == wanted => Ok(()),
                    Ok(status) => Err(format!("status {status}")),
                    Err(error) => Err(error.to_string()),
                }
            })
            .await?;
        }
        Ok(())
    }

    /// Gives all services of a site another certificate, a good one or one that expired yesterday, and lets those that run go by it.
    pub async fn renew_certificate(&self, site: Site, good: bool) -> Result<()> {
        crate::tls::renew(&self.layout, site, good)?;
        for node in site.nodes() {
            self.signal(Target::Service(Service::Patroni(node)), Signal::SIGHUP);
            // Only the postmaster: its children are told by it.
            if let Some(postmaster) = process::of_service(&self.layout, Service::Postgres(node)).first() {
                postmaster.signal(Signal::SIGHUP);
            }
        }
        // etcd reads it with each connection; HAProxy when it starts.
        self.kill(Target::Service(Service::Haproxy(site))).await?;
        self.revive(Target::Service(Service::Haproxy(site)))
    }

    /// Wipes a site's database cluster and its etcd, and brings it back as a standby of the other site, which must have the primary.
    pub async fn rebuild(&self, site: Site) -> Result<()> {
        let primary = self.http.get(&format!("{}/primary", self.layout.patroni_url(site.peer().nodes()[0]))).await;
        let other = self.http.get(&format!("{}/primary", self.layout.patroni_url(site.peer().nodes()[1]))).await;
        if ![primary, other].iter().any(|answer| answer.as_ref().is_ok_and(|answer| answer.status == 200)) {
            return Err(LabError::Refused(format!("site {} has no primary to rebuild site {site} from", site.peer())));
        }
        for service in Service::of_site(site) {
            if matches!(service, Service::Etcd(_) | Service::Patroni(_) | Service::Postgres(_)) {
                self.kill(Target::Service(service)).await?;
            }
        }
        let [one, two] = site.nodes();
        let outgoing = self.layout.share_dir(site.peer());
        // What this site shipped belongs to a history that is being given up; the other site must never replay it.
        for folder in [self.layout.node_dir(one), self.layout.node_dir(two), self.layout.site_dir(site).join("etcd"), outgoing.clone()] {
            fs::remove_dir_all(&folder)
                .or_else(|error| if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
                .doing(|| format!("removing {}", folder.display()))?;
        }
        self.write_site(site, true)?;
        crate::lab::make_folder(&outgoing)?;
        process::give_to(&self.layout, site.peer(), &outgoing)?;
        self.start(Service::Etcd(site))?;
        self.start(Service::Patroni(one))?;
        self.says(one, "standby-leader").await?;
        self.start(Service::Patroni(two))?;
        for service in Service::of_site(site) {
            self.revive(Target::Service(service))?;
        }
        self.streams(one).await?;
        self.streams(two).await
    }

    /// Waits until a node has a role, by its own word.
    pub async fn wait_role(&self, node: Node, role: &str, within: Duration) -> Result<()> {
        let url = format!("{}/patroni", self.layout.patroni_url(node));
        self.wait(&format!("{node} is {role}"), within, async || {
            let seen = self.http.get_json(&url).await.map_err(|error| error.to_string())?;
            if seen["role"] == role && seen["state"] == "running" || seen["replication_state"] == role {
                Ok(())
            } else {
                Err(seen.to_string())
            }
        })
        .await
    }
}
