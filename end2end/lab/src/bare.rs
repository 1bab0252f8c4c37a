//! Two bare `PostgreSQL` servers, one in each site, with nothing that looks after them: what the engine itself allows, to compare with.
//!
//! They run with the settings, in the networks and as the users of the lab's own servers, so that a slow link is slow for them too.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{ConnectOptions, Connection};

use crate::clock::{pause, run_name};
use crate::command;
use crate::config;
use crate::error::{Doing, LabError, Result};
use crate::lab::{Lab, make_folder, write};
use crate::layout::POSTGRES_PORT;
use crate::load::{self, Run, Stop};
use crate::places::Site;
use crate::process::{self, Launch, Process};

const PROGRAMS: &str = "/usr/lib/postgresql/15/bin";
const PATIENCE: Duration = Duration::from_mins(1);

/// How the primary is stopped and the standby promoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commands {
    /// As a person's script does: `pg_ctl -m fast -w stop`, then `pg_promote()`. `pg_ctl` looks ten times a second whether it is done.
    PgCtl,
    /// The floor: a signal to the postmaster, which is looked at every millisecond, then `pg_promote()` without waiting.
    Signals,
}

/// The two servers.
#[derive(Debug)]
pub struct Bare {
    lab: Lab,
    active: Site,
}

/// What a switch of the bare servers cost.
#[derive(Debug, Clone)]
pub struct Switched {
    /// What the client saw.
    pub run: Run,
    /// When the stop was ordered.
    pub asked: Instant,
    /// How long the stop took.
    pub stop: Duration,
}

impl Bare {
    /// Makes and starts both, site a's as primary. The lab must run, for its networks.
    pub async fn up(lab: &Lab) -> Result<Self> {
        let bare = Self { lab: lab.clone(), active: Site::A };
        let folder = lab.layout.dir().join("bare");
        if folder.exists() {
            fs::remove_dir_all(&folder).doing(|| format!("removing {}", folder.display()))?;
        }
        for site in Site::BOTH {
            let folder = bare.folder(site);
            make_folder(&folder)?;
            process::give_to(&lab.layout, site, &folder)?;
        }
        let data = bare.data(Site::A).display().to_string();
        bare.as_user(
            Site::A,
            "initdb",
            &["-D", &data, "-U", "postgres", "-k", "--no-sync", "--wal-segsize=1", "-E", "UTF8", "--locale=C.UTF-8", "-A", "trust"],
        )?;
        bare.configure(Site::A)?;
        bare.start(Site::A)?;
        bare.answers(Site::A).await?;
        let mut connection = bare.connect(Site::A, "postgres").await?;
        for statement in [
            "CREATE ROLE load LOGIN PASSWORD '{}'",
            "CREATE ROLE replicator LOGIN REPLICATION PASSWORD '{replicator}'",
            "CREATE DATABASE load OWNER load",
        ] {
            let statement =
                statement.replace("{}", &crate::scram::verifier(&lab.secrets.load)).replace("{replicator}", &lab.secrets.replication);
            execute(&mut connection, &statement).await?;
        }
        let mut connection = bare.connect(Site::A, "load").await?;
        for statement in [
            "CREATE TABLE numbered (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, run text NOT NULL, number bigint NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp())",
            "CREATE INDEX ON numbered (run, number)",
            "ALTER TABLE numbered OWNER TO load",
        ] {
            execute(&mut connection, statement).await?;
        }
        let data = bare.data(Site::B).display().to_string();
        bare.as_user(Site::B, "pg_basebackup", &["-d", &bare.conninfo(Site::A), "-D", &data, "-X", "stream", "-c", "fast"])?;
        bare.configure(Site::B)?;
        bare.follow(Site::B)?;
        bare.start(Site::B)?;
        bare.streams().await?;
        Ok(bare)
    }

    /// Where the primary is.
    pub fn active(&self) -> Site {
        self.active
    }

    fn folder(&self, site: Site) -> PathBuf {
        self.lab.layout.dir().join("bare").join(site.letter())
    }

    fn data(&self, site: Site) -> PathBuf {
        self.folder(site).join("data")
    }

    fn conninfo(&self, site: Site) -> String {
        let address = self.lab.layout.bare(site);
        format!("host={address} port={POSTGRES_PORT} user=replicator password={} application_name=bare", self.lab.secrets.replication)
    }

    fn name(site: Site) -> String {
        format!("bare-{site}")
    }

    fn launch(&self, site: Site, program: &str) -> Launch {
        Launch {
            name: Self::name(site),
            namespace: self.lab.layout.namespace(site.into()),
            user: self.lab.layout.user(site),
            program: format!("{PROGRAMS}/{program}"),
            args: Vec::new(),
            env: Vec::new(),
        }
    }

    /// Runs one of PostgreSQL's programs to its end, as the site's user in its network.
    fn as_user(&self, site: Site, program: &str, args: &[&str]) -> Result<String> {
        let words = process::chain(&self.launch(site, program).args(args.iter().copied()));
        let mut command = std::process::Command::new(&words[0]);
        command.args(&words[1..]).current_dir("/");
        command::finish(command, "", program)
    }

    fn configure(&self, site: Site) -> Result<()> {
        let mut text = format!("listen_addresses = '{}'\nport = {POSTGRES_PORT}\n", self.lab.layout.bare(site));
        let _ = writeln!(text, "unix_socket_directories = '{}'", self.folder(site).display());
        for (name, value) in config::patroni::parameters().as_object().into_iter().flatten() {
            // Neither shipping of WAL files nor a mirror: nothing but the engine.
            if !name.starts_with("archive_") {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let _ = writeln!(text, "{name} = '{value}'");
            }
        }
        if self.lab.layout.options.tls {
            let tls = self.lab.layout.tls_dir();
            let (certificate, key) = (tls.join(format!("site-{site}.crt")), tls.join(format!("site-{site}.key")));
            let _ = writeln!(text, "ssl = on\nssl_cert_file = '{}'\nssl_key_file = '{}'", certificate.display(), key.display());
        }
        // Writing to a string cannot fail.
        let _ = writeln!(text, "primary_conninfo = '{}'", self.conninfo(site.peer()));
        write(&self.data(site).join("postgresql.auto.conf"), &text)?;
        write(
            &self.data(site).join("pg_hba.conf"),
            "local all all trust\nhost replication replicator all scram-sha-256\nhost all load all scram-sha-256\n",
        )?;
        process::give_to(&self.lab.layout, site, &self.data(site))
    }

    fn follow(&self, site: Site) -> Result<()> {
        let signal = self.data(site).join("standby.signal");
        write(&signal, "")?;
        process::give_to(&self.lab.layout, site, &signal)
    }

    fn start(&self, site: Site) -> Result<()> {
        let data = self.data(site);
        process::forget(&self.lab.layout, &Self::name(site));
        process::start(&self.lab.layout, &self.launch(site, "postgres").args(["-D".to_owned(), data.display().to_string()])).map(drop)
    }

    async fn connect(&self, site: Site, database: &str) -> Result<PgConnection> {
        let options = PgConnectOptions::new_without_pgpass()
            .socket(self.folder(site))
            .username("postgres")
            .database(database)
            .ssl_mode(PgSslMode::Disable)
            .disable_statement_logging();
        PgConnection::connect_with(&options).await.doing(|| format!("connecting to the bare server in {site}"))
    }

    async fn answers(&self, site: Site) -> Result<()> {
        self.lab
            .wait("the bare server answers", PATIENCE, async || {
                self.connect(site, "postgres").await.map(drop).map_err(|error| error.to_string())
            })
            .await
    }

    /// Waits until the standby has everything.
    async fn streams(&self) -> Result<()> {
        let question = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND replay_lsn >= pg_current_wal_lsn() - 8192";
        self.lab
            .wait("the bare standby streams", PATIENCE, async || {
                let mut connection = self.connect(self.active, "postgres").await.map_err(|error| error.to_string())?;
                let streaming: i64 = sqlx::query_scalar(question).fetch_one(&mut connection).await.map_err(|error| error.to_string())?;
                if streaming == 1 { Ok(()) } else { Err(format!("{streaming} stream")) }
            })
            .await
    }

    /// Dirties so many megabytes of buffers on the primary, as [`Lab::dirty`] does.
    pub async fn dirty(&self, megabytes: u32) -> Result<()> {
        let mut connection = self.connect(self.active, "load").await?;
        for statement in crate::dirty::statements(megabytes) {
            execute(&mut connection, &statement).await?;
        }
        self.streams().await
    }

    /// Stops the primary and promotes the standby, under load; then the stopped one follows. With a checkpoint before, as the console makes one.
    pub async fn switch(&mut self, commands: Commands) -> Result<Switched> {
        let (from, to) = (self.active, self.active.peer());
        let servers = Site::BOTH.map(|site| self.lab.database(self.lab.layout.bare(site).into(), POSTGRES_PORT)).to_vec();
        let (layout, name, stop) = (self.lab.layout.clone(), run_name(), Stop::default());
        let (until, named) = (stop.clone(), name.clone());
        let client = tokio::spawn(async move { load::write_directly(&layout, servers, named, until).await });
        pause(Duration::from_millis(1500)).await;
        let mut standby = self.connect(to, "postgres").await?;
        execute(&mut self.connect(from, "postgres").await?, "CHECKPOINT").await?;
        let server = process::recorded(&self.lab.layout, &Self::name(from))
            .ok_or_else(|| LabError::Refused(format!("the bare server in {from} does not run")))?;
        let asked = Instant::now();
        self.stop(from, server, commands).await?;
        let took = asked.elapsed();
        execute(&mut standby, if commands == Commands::PgCtl { "SELECT pg_promote(true, 30)" } else { "SELECT pg_promote(false)" }).await?;
        pause(Duration::from_millis(1500)).await;
        stop.stop();
        self.active = to;
        let (journal, began, ran) = client.await.map_err(std::io::Error::other).doing(|| "running the load".to_owned())??;
        let server = self.lab.database(self.lab.layout.bare(to).into(), POSTGRES_PORT);
        let found = load::rows_of(&server, &name).await.doing(|| "reading back from the bare server".to_owned())?;
        self.follow(from)?;
        self.start(from)?;
        self.streams().await?;
        Ok(Switched { run: load::run(journal, &found, began, ran, Self::name(to)), asked, stop: took })
    }

    async fn stop(&self, site: Site, server: Process, commands: Commands) -> Result<()> {
        match commands {
            Commands::PgCtl => {
                let (bare, data) = (self.launch(site, "pg_ctl"), self.data(site).display().to_string());
                let words = process::chain(&bare.args(["-D", &data, "-m", "fast", "-w", "stop"]));
                let mut command = std::process::Command::new(&words[0]);
                command.args(&words[1..]).current_dir("/");
                let stopped = tokio::task::spawn_blocking(move || command::finish(command, "", "pg_ctl stop")).await;
                stopped.map_err(std::io::Error::other).doing(|| "stopping".to_owned())?.map(drop)
            }
            Commands::Signals => {
                server.signal(Signal::SIGINT);
                while server.is_alive() {
                    pause(Duration::from_millis(1)).await;
                }
                Ok(())
            }
        }
    }

    /// Ends both.
    pub fn down(&self) {
        for site in Site::BOTH {
            if let Some(server) = process::recorded(&self.lab.layout, &Self::name(site)) {
                server.signal(Signal::SIGQUIT);
                process::wait_gone(&[server], Duration::from_secs(5));
            }
            process::forget(&self.lab.layout, &Self::name(site));
        }
        let _ = fs::remove_dir_all(self.lab.layout.dir().join("bare"));
    }
}

async fn execute(connection: &mut PgConnection, statement: &str) -> Result<()> {
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned())).execute(connection).await.map(drop).doing(|| statement.to_owned())
}
