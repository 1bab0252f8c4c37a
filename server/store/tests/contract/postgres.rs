//! A `PostgreSQL` server of our own, and what only a server can do to its clients.

use crate::{
    audit::entry,
    fixture::{Fixture, at, session, with_person},
    journal::{opened, seen, step, summary},
    lease::ask,
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, Uid, User, chown},
};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};
use switchback_domain::operation::Epoch;
use switchback_engine::ports::{RecordChange, StoreError};
use switchback_store::OpenError;
use tempfile::TempDir;

/// Runs until it is dropped, which also happens when a test panics; and ends by itself when the test's process is killed.
pub struct Server {
    process: Child,
    folder: TempDir,
}

impl Server {
    /// Starts it, as the user `postgres` when we are root, because `PostgreSQL` refuses to run as root.
    pub fn start() -> Self {
        let programs = programs();
        let folder = tempfile::Builder::new().prefix("switchback-store-").tempdir().unwrap();
        if Uid::effective().is_root() {
            let owner = User::from_name("postgres").unwrap().expect("Debian's package makes the user postgres");
            chown(folder.path(), Some(owner.uid), Some(owner.gid)).unwrap();
        }
        let data = folder.path().join("data");
        let made = unprivileged(&programs.join("initdb"), folder.path())
            .args(["--auth=trust", "--no-sync", "--username=postgres", "--encoding=UTF8", "--locale=C", "-D"])
            .arg(&data)
            .output()
            .expect("initdb");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let process = unprivileged(&programs.join("postgres"), folder.path())
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(folder.path())
            .args(["-h", "", "-c", "fsync=off", "-c", "shared_buffers=16MB", "-c", "max_connections=300"])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("postgres");
        Self { process, folder }
    }

    fn url(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@localhost/{database}?host={}", self.folder.path().display())
    }

    /// Waits until the server answers.
    #[expect(clippy::disallowed_methods, reason = "nobody tells when a server that was just started is ready")]
    pub async fn connect(&self) -> PgConnection {
        let mut refused = None;
        for _ in 0..300 {
            match PgConnection::connect(&self.url("postgres", "postgres")).await {
                Ok(connection) => return connection,
                Err(error) => refused = Some(error),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        panic!("the server does not answer: {refused:?}\n{log}");
    }

    pub async fn run(&self, sql: String) {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut self.connect().await).await.unwrap();
    }

    pub async fn new_database(&self, name: &str) -> String {
        // Names of tests may be longer than PostgreSQL keeps.
        let name: String = name.chars().take(60).collect();
        self.run(format!("CREATE DATABASE {name}")).await;
        self.url("postgres", &name)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGQUIT ends it at once, and its data is thrown away anyway.
        if let Ok(id) = i32::try_from(self.process.id()) {
            let _ = kill(Pid::from_raw(id), Signal::SIGQUIT);
        }
        let _ = self.process.wait();
    }
}

/// Where Debian puts the newest version's programs.
pub fn programs() -> PathBuf {
    let version = |folder: &PathBuf| folder.file_name()?.to_str()?.parse::<u32>().ok();
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path());
    let newest = installed.filter(|folder| version(folder).is_some()).max_by_key(version);
    newest.expect("these tests need Debian's package postgresql").join("bin")
}

/// `setpriv` passes the process on, so that its id is the program's, and has it ended with ours.
fn unprivileged(program: &Path, home: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "QUIT"]);
    if Uid::effective().is_root() {
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
    }
    command.arg("--").arg(program).current_dir(home);
    command
}

pub async fn a_server_that_refuses_writes_fails_them_and_keeps_the_data(server: &Server) {
    let fixture = Fixture::open(server.new_database("refuses_writes").await).await;
    let store = &*fixture.store;
    with_person(store, "ada").await;
    let kept = session(1, "ada", at(0), at(0));
    store.add_session(&kept).await.unwrap();
    let (lease, id) = opened(store, "p").await;
    let written = seen(store, "p").await;
    // A standby, or a server whose disk is full, answers and refuses to write.
    let read_only = |state: &str| {
        format!(
            "ALTER DATABASE refuses_writes SET default_transaction_read_only = {state};
             SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'refuses_writes'"
        )
    };
    server.run(read_only("on")).await;
    assert!(matches!(store.append(&entry(1)).await, Err(StoreError::Failed(_))));
    assert!(matches!(store.touch_session(&kept.secret_hash, at(9)).await, Err(StoreError::Failed(_))));
    let changes = [RecordChange::Epoch(Epoch(1))];
    let refused = store.append_entry(&lease, id, 1, &step(1), Some(&entry(1)), &changes, &summary(true)).await;
    assert!(matches!(refused, Err(StoreError::Failed(_))), "{refused:?}");
    assert!(matches!(store.take_lease(&lease.pool, &ask("another", "here", 99)).await, Err(StoreError::Failed(_))));
    assert_eq!(store.session(&kept.secret_hash).await.unwrap().unwrap().0, kept);
    assert_eq!(seen(store, "p").await, written);
    server.run(read_only("off")).await;
    store.append_entry(&lease, id, 1, &step(1), Some(&entry(2)), &changes, &summary(true)).await.unwrap();
    assert_eq!(store.entries(9).await.unwrap(), [entry(2), entry(0).with_subject(id.to_string())]);
    assert_eq!(store.record(&lease.pool).await.unwrap().epoch, Epoch(1));
}

pub async fn cut_connections_are_replaced(server: &Server) {
    let fixture = Fixture::open(server.new_database("cut_connections").await).await;
    fixture.store.append(&entry(1)).await.unwrap();
    server.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'cut_connections'".into()).await;
    assert_eq!(fixture.store.entries(9).await.unwrap(), [entry(1)]);
    fixture.store.append(&entry(2)).await.unwrap();
}

pub async fn the_console_s_user_can_take_no_guard_away(server: &Server) {
    let owner = server.new_database("no_owner").await;
    let fixture = Fixture::open_as("console", server.url("console", "no_owner"), owner).await;
    let (_, id) = opened(&*fixture.store, "p").await;
    let mut console = PgConnection::connect(&fixture.url).await.unwrap();
    for attempt in [
        "DROP TABLE audit",
        "DROP TRIGGER audit_refuses_change ON audit",
        "ALTER TABLE audit DISABLE TRIGGER audit_refuses_change",
        "SET session_replication_role = replica",
        "CREATE OR REPLACE FUNCTION audit_refuses_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END; $$",
        "CREATE TABLE more (x int)",
        "CREATE RULE quiet AS ON INSERT TO audit DO INSTEAD NOTHING",
        "DELETE FROM audit",
        "UPDATE journal SET entry = '{}'",
        "TRUNCATE evidence",
        "UPDATE operations SET pool = 'q'",
        "DELETE FROM _sqlx_migrations",
    ] {
        let refused = sqlx::raw_sql(AssertSqlSafe(attempt.to_owned())).execute(&mut console).await.expect_err(attempt);
        let code = refused.as_database_error().and_then(sqlx::error::DatabaseError::code);
        assert_eq!(code.as_deref(), Some("42501"), "{attempt}: {refused}");
    }
    assert_eq!(fixture.store.journal(id).await.unwrap(), [step(0)]);
    assert_eq!(fixture.store.broken_guards().await.unwrap(), []);
}

pub async fn wrong_addresses_say_what_to_do(server: &Server) {
    let sentence = async |url: String| {
        let refused = switchback_store::open(&url).await.err().unwrap();
        (refused.to_string(), refused)
    };
    let (text, refused) = sentence(server.url("postgres", "not_there")).await;
    assert!(matches!(refused, OpenError::NoDatabase { .. }), "{refused:?}");
    assert!(text.contains("CREATE DATABASE \"not_there\" OWNER \"postgres\""), "{text}");

    let (text, refused) = sentence(server.url("nobody-there", "postgres")).await;
    assert!(matches!(refused, OpenError::Refused { .. }), "{refused:?}");
    assert!(text.contains("nobody-there"), "{text}");

    server.new_database("of_somebody_else").await;
    let (text, refused) = sentence(server.url("console", "of_somebody_else")).await;
    assert!(matches!(refused, OpenError::NoRights { .. }), "{refused:?}");
    assert!(text.contains("ALTER DATABASE \"of_somebody_else\" OWNER TO \"console\""), "{text}");
    // What the sentence says helps.
    server.run("ALTER DATABASE \"of_somebody_else\" OWNER TO \"console\"".into()).await;
    switchback_store::open(&server.url("console", "of_somebody_else")).await.unwrap();
}
