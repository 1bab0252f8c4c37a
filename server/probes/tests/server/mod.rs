//! A throw-away `PostgreSQL` on loopback, in a folder of its own, run by an unprivileged user.

#![expect(clippy::unwrap_used, reason = "a test may fail anywhere")]
#![allow(dead_code, reason = "each test program uses its own part")]

use crate::authority::Authority;
use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, User, chown, geteuid},
};
use std::{
    fs,
    net::{SocketAddr, TcpListener},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// The password of every role.
pub const PASSWORD: &str = "not-a-secret";

/// A server; dropping it takes it down and removes its folder.
pub struct Server {
    folder: tempfile::TempDir,
    port: u16,
    process: Option<Child>,
}

/// The folder with the newest `PostgreSQL` programs: where Debian puts them, or what `pg_config` says.
fn programs() -> PathBuf {
    let version = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path());
    if let Some(newest) = debian.filter(|path| path.join("bin/initdb").exists()).max_by_key(|path| version(path)) {
        return newest.join("bin");
    }
    let said = Command::new("pg_config").arg("--bindir").output().expect("these tests need the programs of a PostgreSQL server");
    PathBuf::from(String::from_utf8(said.stdout).unwrap().trim())
}

/// A program of `PostgreSQL`, which refuses to be run by root.
fn program(name: &str) -> Command {
    let path = programs().join(name);
    let mut command = if geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(path);
        command
    } else {
        Command::new(path)
    };
    command.env("PGPASSWORD", PASSWORD).env("LC_ALL", "C").stdin(Stdio::null()).current_dir("/");
    command
}

fn run(mut command: impl std::borrow::BorrowMut<Command>) -> String {
    let command = command.borrow_mut();
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn own_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    give_away(folder.path());
    folder
}

fn give_away(path: &Path) {
    if geteuid().is_root() {
        let user = User::from_name("postgres").unwrap().expect("as root, these tests need the user postgres");
        chown(path, Some(user.uid), Some(user.gid)).unwrap();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Server {
    /// A new cluster with the role and the database of the console.
    pub async fn start() -> Server {
        let folder = own_folder();
        let password = folder.path().join("password");
        fs::write(&password, PASSWORD).unwrap();
        let mut initdb = program("initdb");
        initdb.args(["--auth=scram-sha-256", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"]);
        initdb.arg("--wal-segsize=1").arg("--pwfile").arg(&password).arg("-D").arg(folder.path().join("data"));
        run(initdb);
        let mut server = Server { folder, port: free_port(), process: None };
        server.start_again().await;
        server.psql_in("postgres", &format!("create role switchback login password '{PASSWORD}' in role pg_monitor"));
        server.psql_in("postgres", "create database switchback");
        server
    }

    /// A standby of this server that streams from it.
    pub async fn standby(&self, name: &str) -> Server {
        let folder = own_folder();
        let mut copy = program("pg_basebackup");
        let source = format!("host=127.0.0.1 port={} user=postgres application_name={name}", self.port);
        copy.args(["--checkpoint=fast", "--no-sync", "--write-recovery-conf", "--dbname"])
            .arg(source)
            .arg("-D")
            .arg(folder.path().join("data"));
        run(copy);
        let mut standby = Server { folder, port: free_port(), process: None };
        standby.start_again().await;
        standby
    }

    /// Starts the processes and waits until they serve.
    #[expect(clippy::disallowed_methods, reason = "it can only be asked again and again whether a server has started")]
    pub async fn start_again(&mut self) {
        let mut postgres = program("postgres");
        postgres.arg("-D").arg(self.folder.path().join("data"));
        for setting in [
            format!("port={}", self.port),
            format!("unix_socket_directories={}", self.folder.path().display()),
            "listen_addresses=127.0.0.1".to_owned(),
            "max_connections=20".to_owned(),
            "shared_buffers=8MB".to_owned(),
            "fsync=off".to_owned(),
            "wal_receiver_status_interval=1s".to_owned(),
        ] {
            postgres.arg("-c").arg(setting);
        }
        let log = fs::File::create(self.folder.path().join("log")).unwrap();
        self.process = Some(postgres.stdout(Stdio::null()).stderr(log).spawn().unwrap());
        let end = Instant::now() + Duration::from_mins(1);
        while !self.try_psql("postgres", "select 1").0 {
            assert!(Instant::now() < end, "it does not start: {}", fs::read_to_string(self.folder.path().join("log")).unwrap());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// From now on encrypts with the certificate `name`, and lets the console in only with one of the same authority.
    pub async fn demand_certificates(&mut self, authority: &Authority, name: &str) {
        let data = self.folder.path().join("data");
        for (from, to) in [("ca.pem", "root.crt"), (&*format!("{name}.pem"), "server.crt"), (&*format!("{name}.key"), "server.key")] {
            let to = data.join(to);
            fs::copy(authority.file(from), &to).unwrap();
            fs::set_permissions(&to, fs::Permissions::from_mode(0o600)).unwrap();
            give_away(&to);
        }
        let rules =
            "hostssl all switchback 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\nhost all postgres 127.0.0.1/32 scram-sha-256\n";
        fs::write(data.join("pg_hba.conf"), rules).unwrap();
        self.psql_in("postgres", "alter system set ssl_ca_file = 'root.crt'");
        self.psql_in("postgres", "alter system set ssl = on");
        self.stop();
        self.start_again().await;
    }

    /// From now on lets the console in by this rule, and the superuser as before.
    pub fn let_in(&self, rule: &str) {
        let data = self.folder.path().join("data");
        fs::write(data.join("pg_hba.conf"), format!("{rule}\nhost all all 127.0.0.1/32 scram-sha-256\n")).unwrap();
        // The certificate of these tests is for this name, and the role has another one.
        fs::write(data.join("pg_ident.conf"), "console console switchback\n").unwrap();
        self.psql_in("postgres", "select pg_reload_conf()");
        self.wait_until("select count(*) from pg_hba_file_rules where error is null", "2");
        // The processes that let people in have to hear of it too.
        std::thread::sleep(Duration::from_millis(300));
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    fn client(&self, database: &str, sql: &str) -> Command {
        let mut psql = program("psql");
        psql.args([
            "-XqAt",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            "127.0.0.1",
            "-U",
            "postgres",
            "-d",
            database,
            "-p",
            &self.port.to_string(),
            "-c",
            sql,
        ]);
        psql
    }

    fn try_psql(&self, database: &str, sql: &str) -> (bool, String) {
        let output = self.client(database, sql).output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap().trim().to_owned())
    }

    /// What the superuser gets as an answer in any database.
    pub fn psql_in(&self, database: &str, sql: &str) -> String {
        run(self.client(database, sql))
    }

    /// What the superuser gets as an answer in the console's database.
    pub fn psql(&self, sql: &str) -> String {
        self.psql_in("switchback", sql)
    }

    /// Runs the script that the console's documentation has people run.
    pub fn set_up_pool(&self) {
        self.set_up_pool_with("ON_ERROR_STOP=1");
    }

    /// The same with one of its options.
    pub fn set_up_pool_with(&self, option: &str) {
        self.run_script("postgres", "pool-setup.sql", option);
    }

    /// Runs the script that takes away what older set-up scripts gave.
    pub fn upgrade_pool(&self) {
        self.run_script("switchback", "pool-upgrade.sql", "ON_ERROR_STOP=1");
    }

    /// The server's user may not be able to look into our own folder, so scripts are put where it can.
    fn run_script(&self, database: &str, name: &str, option: &str) {
        let scripts = concat!(env!("CARGO_MANIFEST_DIR"), "/sql");
        let folder = own_folder();
        for file in ["pool-setup.sql", "pool-upgrade.sql"] {
            fs::copy(format!("{scripts}/{file}"), folder.path().join(file)).unwrap();
            give_away(&folder.path().join(file));
        }
        let mut psql = program("psql");
        psql.args(["-Xq", "-v", "ON_ERROR_STOP=1", "-v", option]);
        psql.args(["-h", "127.0.0.1", "-U", "postgres", "-d", database, "-p", &self.port.to_string(), "-f"]).arg(folder.path().join(name));
        run(psql.env("SWITCHBACK_PASSWORD", PASSWORD));
    }

    /// What the console's role gets as an answer, or the error.
    pub fn psql_as_console(&self, sql: &str) -> Result<String, String> {
        let mut psql = program("psql");
        psql.args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", "switchback", "-d", "switchback", "-p"]);
        let output = psql.arg(self.port.to_string()).args(["-c", sql]).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().trim().to_owned();
        if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
    }

    /// Its data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Waits until the superuser gets this answer.
    pub fn wait_until(&self, sql: &str, answer: &str) {
        let end = Instant::now() + Duration::from_mins(1);
        while self.psql(sql) != answer {
            assert!(Instant::now() < end, "{sql} never answered {answer}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// A session that does something for long; it ends with the guard.
    pub fn in_background(&self, sql: &str) -> Session {
        Session(self.client("switchback", sql).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    fn postmaster(&self) -> Pid {
        pid(self.process.as_ref().expect("it runs").id())
    }

    fn family(&self) -> Vec<Pid> {
        let postmaster = self.postmaster();
        let children = fs::read_to_string(format!("/proc/{postmaster}/task/{postmaster}/children")).unwrap_or_default();
        std::iter::once(postmaster).chain(children.split_whitespace().map(|text| Pid::from_raw(text.parse().unwrap()))).collect()
    }

    /// Asks for a shutdown that waits for sessions to end.
    pub fn ask_to_stop(&self) {
        kill(self.postmaster(), Signal::SIGTERM).unwrap();
    }

    /// Shuts down in order, without waiting for sessions.
    pub fn stop(&mut self) {
        kill(self.postmaster(), Signal::SIGINT).unwrap();
        self.process.take().unwrap().wait().unwrap();
    }

    /// Kills all its processes.
    pub fn kill(&mut self) {
        for process in self.family() {
            let _ = kill(process, Signal::SIGKILL);
        }
        self.process.take().unwrap().wait().unwrap();
    }

    /// Makes it a standby that follows nobody, as a site is that was failed over from and is back: it has died, and replays its own log.
    pub async fn hold(&mut self) {
        self.kill();
        let signal = self.folder.path().join("data/standby.signal");
        fs::write(&signal, "").unwrap();
        give_away(&signal);
        self.start_again().await;
    }

    /// Freezes all its processes until the guard is dropped.
    pub fn freeze(&self) -> Frozen {
        let family = self.family();
        for process in &family {
            kill(*process, Signal::SIGSTOP).unwrap();
        }
        Frozen(family)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.process.is_some() {
            self.kill();
        }
    }
}

/// Frozen processes.
pub struct Frozen(Vec<Pid>);

impl Drop for Frozen {
    fn drop(&mut self) {
        for process in &self.0 {
            let _ = kill(*process, Signal::SIGCONT);
        }
    }
}

/// A session in the background.
pub struct Session(Child);

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn pid(number: u32) -> Pid {
    Pid::from_raw(i32::try_from(number).unwrap())
}
