//! From nothing to everything streaming, and back to nothing.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::clock::pause;
use crate::command;
use crate::error::{Doing, LabError, Result};
use crate::lab::{Lab, POOL_SETUP, POOL_UPGRADE, patroni};
use crate::layout::{Layout, Options, POSTGRES_PORT};
use crate::network;
use crate::places::{Node, Service, Site};
use crate::process;

/// Longer than any milestone ever took on two busy cores.
const PATIENCE: Duration = Duration::from_secs(90);

/// Says what has been reached, and when.
struct Progress<'a> {
    began: Instant,
    say: &'a (dyn Fn(&str) + Sync),
}

impl Progress<'_> {
    fn reached(&self, what: &str) {
        (self.say)(&format!("{:6.1} s  {what}", self.began.elapsed().as_secs_f32()));
    }
}

impl Lab {
    /// Starts a new lab and returns when everything streams and all members are healthy. `say` gets one line per milestone.
    ///
    /// On failure what was started stays, so that its logs can be read; `down` removes it.
    pub async fn up(options: Options, say: &(dyn Fn(&str) + Sync)) -> Result<Self> {
        let progress = Progress { began: Instant::now(), say };
        check_tools(&Layout::new(options.clone())?)?;
        if let Some(layout) = Layout::load(&options.dir)? {
            if !process::everything(&layout).is_empty() {
                return Err(LabError::Refused(format!(
                    "a lab already runs in {0}: `switchback-lab --dir {0} down` ends it",
                    options.dir.display()
                )));
            }
            // Left behind by a crash of the machine, or of an earlier `up`.
            Self::down(&options.dir, false)?;
        }
        let lab = Self::create(options)?;
        network::create(&lab.layout)?;
        progress.reached("networks and configuration");
        for site in Site::BOTH {
            lab.start(Service::Etcd(site))?;
            lab.start(Service::Share(site))?;
        }
        let [a1, a2] = Site::A.nodes();
        let [b1, b2] = Site::B.nodes();
        // Patroni starts slower than etcd, and waits for it.
        lab.start(Service::Patroni(a1))?;
        lab.answers(a1).await?;
        progress.reached("etcd, a1 starts its database");
        lab.start(Service::Patroni(a2))?;
        lab.says(a1, "primary").await?;
        progress.reached("a1 is primary");

        lab.start(Service::Patroni(b1))?;
        lab.start_haproxy(Site::A, true).await?;
        lab.start_haproxy(Site::B, false).await?;
        lab.set_up_databases(a1)?;
        lab.start(Service::Member(Site::A, 1))?;
        progress.reached("roles and databases");
        lab.answers(b1).await?;
        lab.start(Service::Patroni(b2))?;
        lab.member_healthy(Site::A, 1).await?;
        for member in [Service::Member(Site::A, 2), Service::Member(Site::B, 1), Service::Member(Site::B, 2)] {
            lab.start(member)?;
        }
        progress.reached("the first member serves");
        let streams = async |node: Node| {
            lab.streams(node).await?;
            progress.reached(&format!("{node} streams"));
            Ok::<(), LabError>(())
        };
        let members = async {
            lab.member_healthy(Site::A, 2).await?;
            lab.member_healthy(Site::B, 1).await?;
            lab.member_healthy(Site::B, 2).await?;
            progress.reached("all members serve");
            Ok(())
        };
        futures::future::try_join4(streams(a2), streams(b1), streams(b2), members).await?;
        lab.wait_settled(PATIENCE).await?;
        progress.reached("a1 has its synchronous mirror: everything is up");
        Ok(lab)
    }

    /// Waits for something about a service, and gives up at once when the service has ended.
    async fn wait_on<F>(&self, service: Service, what: &str, mut look: F) -> Result<()>
    where
        F: AsyncFnMut() -> std::result::Result<(), String>,
    {
        let log = self.layout.log(service);
        let began = Instant::now();
        loop {
            let seen = match look().await {
                Ok(()) => return Ok(()),
                Err(seen) => seen,
            };
            if process::recorded(&self.layout, &service.to_string()).is_none() {
                return Err(LabError::Refused(format!("{service} ended before {what}; the reason is in {}", log.display())));
            }
            if began.elapsed() > PATIENCE {
                let seen = format!(" (last seen: {seen}; log: {})", log.display());
                return Err(LabError::Timeout { what: what.to_owned(), after: PATIENCE, seen });
            }
            pause(Duration::from_millis(50)).await;
        }
    }

    /// Waits until a node's Patroni answers, whatever it says.
    async fn answers(&self, node: Node) -> Result<()> {
        let url = format!("{}/patroni", self.layout.patroni_url(node));
        let look = async || self.http.get(&url).await.map(drop).map_err(|error| error.to_string());
        self.wait_on(Service::Patroni(node), &format!("Patroni of {node} answers"), look).await
    }

    /// Waits until a node answers 200 to the question whether it has a role.
    pub(crate) async fn says(&self, node: Node, role: &str) -> Result<()> {
        let url = format!("{}/{role}", self.layout.patroni_url(node));
        let look = async || self.http.get_ok(&url).await.map(drop).map_err(|error| error.to_string());
        self.wait_on(Service::Patroni(node), &format!("{node} is {role}"), look).await
    }

    /// Waits until a standby node streams.
    pub(crate) async fn streams(&self, node: Node) -> Result<()> {
        let url = format!("{}/patroni", self.layout.patroni_url(node));
        let look = async || {
            let seen = self.http.get_json(&url).await.map_err(|error| error.to_string())?;
            if seen["replication_state"] == "streaming" {
                Ok(())
            } else {
                Err(format!("{} ({})", seen["state"], seen["replication_state"]))
            }
        };
        self.wait_on(Service::Patroni(node), &format!("{node} streams"), look).await
    }

    async fn member_healthy(&self, site: Site, number: u8) -> Result<()> {
        let url = self.layout.health_url(site, number);
        let member = Service::Member(site, number);
        let look = async || self.http.get_ok(&url).await.map(drop).map_err(|error| error.to_string());
        self.wait_on(member, &format!("{member} is healthy"), look).await
    }

    /// Roles and databases of console, members and load.
    fn set_up_databases(&self, node: Node) -> Result<()> {
        self.set_up_for_console(node)?;
        let others = format!(
            "CREATE ROLE prosody LOGIN PASSWORD '{}';\nCREATE DATABASE prosody OWNER prosody;\n\
             CREATE ROLE load LOGIN PASSWORD '{}';\nCREATE DATABASE load OWNER load;\n\\connect load load\n\
             -- No unique key on run and number: a row that was written twice must be seen twice.\n\
             CREATE TABLE numbered (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, run text NOT NULL, number bigint NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp());\n\
             CREATE INDEX ON numbered (run, number);\n",
            self.secrets.prosody,
            crate::scram::verifier(&self.secrets.load)
        );
        // The connection as `load` needs its password, which psql takes from the same place as the first one.
        let script = others.replace("\\connect load load\n", "\\connect load\nSET ROLE load;\n");
        self.psql(node, "postgres", &[], &script).map(drop)
    }

    /// Runs the script that users run for their pools, on the node that is the primary; the second time it mends what is missing.
    pub fn set_up_for_console(&self, node: Node) -> Result<()> {
        // With everything that the console can make use of: rows of a lost timeline are saved, whosever they are.
        let script = format!("\\set save_rows on\n{}", POOL_SETUP.replace("\\ir pool-upgrade.sql", POOL_UPGRADE));
        self.psql(node, "postgres", &[("SWITCHBACK_PASSWORD", &self.secrets.console)], &script).map(drop)
    }

    /// Runs a script with psql as superuser on a node and returns what it says.
    pub fn psql(&self, node: Node, database: &str, env: &[(&str, &str)], script: &str) -> Result<String> {
        let mut target = format!("host={} port={POSTGRES_PORT} user=postgres dbname={database} connect_timeout=5", self.layout.node(node));
        if self.layout.options.tls {
            target = format!("{target} sslmode=verify-ca sslrootcert={}", self.layout.tls_dir().join("ca.crt").display());
        }
        let mut psql = Command::new("psql");
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", &target, "-f", "-"]);
        psql.env("PGPASSWORD", &self.secrets.superuser).envs(env.iter().copied());
        command::finish(psql, script, &format!("psql at {node}"))
    }

    /// Ends everything that the lab in this folder started, and removes its networks and data. Logs, passwords and the
    /// console's store stay unless `purge`, so that a console goes on with the next lab in the same folder.
    ///
    /// Works whatever state the lab is in, and changes nothing the second time.
    pub fn down(dir: &Path, purge: bool) -> Result<()> {
        // Two at once would pull folders from under each other; the second waits, and finds nothing left to do.
        let folder = match fs::File::open(dir) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            opened => opened.doing(|| format!("opening {}", dir.display()))?,
        };
        folder.lock().doing(|| format!("locking {}", dir.display()))?;
        if let Some(layout) = Layout::load(dir)? {
            // Twice: a supervisor may have started a child between the look and the signal.
            for _ in 0..2 {
                process::kill_all(&process::everything(&layout));
            }
            for namespace in network::namespaces(&layout) {
                let own = i32::try_from(std::process::id()).unwrap_or(0);
                let left: Vec<_> =
                    network::pids(&namespace).into_iter().filter(|pid| *pid != own).filter_map(process::Process::now).collect();
                process::kill_all(&left);
            }
            network::destroy(&layout)?;
            for entry in ["a", "b", "bare", "bin", "run", "tls", "lab.json", "slow.json"] {
                remove(&layout.dir().join(entry))?;
            }
            // Last, because it is what tells `down` that there is something left to do.
            remove(&layout.dir().join("options.json"))?;
            if purge {
                for user in Site::BOTH.iter().filter_map(|site| layout.user(*site)) {
                    // Another lab on this machine may still run under it; userdel refuses then.
                    let _ = command::run("userdel", &[&user]);
                }
            }
        }
        // Also of a lab that was taken down before.
        if purge {
            for entry in ["console", "log", "secrets", "switchback.db", "switchback.db-shm", "switchback.db-wal"] {
                remove(&dir.join(entry))?;
            }
            // Only if nothing of somebody else's is in it.
            let _ = fs::remove_dir(dir);
        }
        Ok(())
    }
}

fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).doing(|| format!("removing {}", path.display())),
        _ => Ok(()),
    }
}

/// Says in one sentence what is missing on this machine.
fn check_tools(layout: &Layout) -> Result<()> {
    let search = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    let found = |program: &str| search.split(':').any(|folder| Path::new(folder).join(program).is_file());
    let mut missing: Vec<String> = ["etcd", "haproxy", "prosody", "psql", "curl", "ip", "nft", "setpriv", "nsenter", "setsid"]
        .iter()
        .filter(|program| !found(program))
        .map(ToString::to_string)
        .collect();
    for path in [Path::new("/usr/lib/postgresql/15/bin/postgres").to_owned(), patroni(layout, "patroni")] {
        if !path.is_file() {
            missing.push(path.display().to_string());
        }
    }
    if missing.is_empty() {
        Ok(())
    } else {
        Err(LabError::Refused(format!("the lab needs {}: run ./setup lab (for another Patroni, ./setup full)", missing.join(", "))))
    }
}
