//! Opening the store by its address, and bringing its tables up to what this program needs.

use crate::{
    file::{self, NotShared},
    head::{self, HeadFile},
    open_files::OpenFiles,
    reserve::ReserveFile,
    sql::{SqlStore, Which, as_port, rows},
};
use jiff::Timestamp;
use sqlx::{
    Connection, PgConnection, PgPool, SqlSafeStr, SqlitePool,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use switchback_domain::Restored;
use switchback_engine::ports::{AuditEntry, Store, StoreError};

/// How long a statement waits for a connection or a lock before it fails: longer than any statement of ours takes,
/// shorter than the patience of somebody in front of a browser.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a console's connections are called in `pg_stat_activity`.
const APPLICATION: &str = "switchback";

/// Why the store cannot be opened, and what to do about it. Never holds the address itself, because a password may be in it.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address is of neither kind.
    #[error("the store's address must begin with `sqlite:` and a file, or with `postgres://`; write for example `sqlite:switchback.db`")]
    UnknownKind,
    /// `sqlite::memory:` or no file at all.
    #[error(
        "the store must be a file, otherwise sign-ins and the audit history are lost at every start; write for example `sqlite:switchback.db`"
    )]
    NotAFile,
    /// The folder of the file does not exist.
    #[error("the folder {} for the store does not exist; create it, or name another file", .folder.display())]
    NoFolder {
        /// Which folder.
        folder: PathBuf,
    },
    /// The file, or its folder, cannot be written.
    #[error("the store {} cannot be opened for writing; give the user that runs switchback the right to write it and its folder", .file.display())]
    NotWritable {
        /// Which file.
        file: PathBuf,
        /// What the system said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file is something else.
    #[error("{} is not an SQLite database; move it away, or name another file for the store", .file.display())]
    NotADatabase {
        /// Which file.
        file: PathBuf,
    },
    /// Its log was removed while somebody has it open.
    #[error(
        "the log of {} was removed while a console runs: whoever opened the store now would damage it. The console has made a copy of \
         everything beside it, and says so in its log; stop it, and restore that copy", .file.display()
    )]
    LogGone {
        /// Which file.
        file: PathBuf,
    },
    /// Another file is in its place while somebody has it open.
    #[error(
        "{} was removed or replaced while a console runs: whoever opened it now would damage it. The console still has the store that was there before, \
         has made a copy of it beside it, and says so in its log; stop it, and restore that copy, or start it on what is there now", .file.display()
    )]
    Replaced {
        /// Which file.
        file: PathBuf,
    },
    /// Its log is that of another file.
    #[error(
        "the log {}-wal was written for another file, which was in this place while a console ran: with it, the store would be damaged. To \
         use the store as it is, move that log and {}-shm away; or restore a backup", .file.display(), .file.display()
    )]
    LogOfAnother {
        /// Which file.
        file: PathBuf,
    },
    /// It is being restored.
    #[error("the store {} is being restored; start again when that is done", .file.display())]
    BeingRestored {
        /// Which file.
        file: PathBuf,
    },
    /// Other consoles use it.
    #[error("{others} connections of a console use the store; stop it first")]
    InUse {
        /// How many connections.
        others: i64,
    },
    /// A console runs on it.
    #[error("a console is running on {}; stop it first", .file.display())]
    Running {
        /// Which file.
        file: PathBuf,
    },
    /// There is none.
    #[error("there is no store at {}", .file.display())]
    NotThere {
        /// Which file.
        file: PathBuf,
    },
    /// It could not be compared with what was remembered of it.
    #[error("it could not be found out whether the store is the one that was used last")]
    NotCompared {
        /// What the store said.
        source: StoreError,
    },
    /// It could not be written that the store was restored.
    #[error("it could not be written down that the store was restored")]
    NotMarked {
        /// What the store said.
        source: StoreError,
    },
    /// The address begins right and goes on wrong.
    #[error(
        "the store's address cannot be read; write it as `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, with special characters in the password as %XX"
    )]
    BadAddress {
        /// What is wrong with it.
        source: sqlx::Error,
    },
    /// Nobody answers as a `PostgreSQL` server should.
    #[error("cannot connect to PostgreSQL at {place} for the store; check that it runs and can be reached from here, and the address")]
    CannotConnect {
        /// Host and port.
        place: String,
        /// What went wrong.
        source: sqlx::Error,
    },
    /// User or password is wrong.
    #[error("PostgreSQL at {place} refuses the user {user} for the store; check user and password in the address, and pg_hba.conf there")]
    Refused {
        /// Host and port.
        place: String,
        /// Who wanted in.
        user: String,
        /// What it said.
        source: sqlx::Error,
    },
    /// The server has no such database.
    #[error(
        "PostgreSQL at {place} has no database {database} for the store; create it with: CREATE DATABASE \"{database}\" OWNER \"{user}\""
    )]
    NoDatabase {
        /// Host and port.
        place: String,
        /// The name of the database.
        database: String,
        /// Who wanted in.
        user: String,
    },
    /// The user may not make the tables.
    #[error(
        "the store's tables have to be made or brought up to date, and the user {user} may not do that; run `switchback migrate-store` as their owner (server/store/sql/postgres-setup.sql says how), or make it the owner with: ALTER DATABASE \"{database}\" OWNER TO \"{user}\""
    )]
    NoRights {
        /// The name of the database.
        database: String,
        /// Who may not.
        user: String,
        /// What the database said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The console's user could not be given its rights.
    #[error("the user {user} could not be given the rights that the console needs; make it with server/store/sql/postgres-setup.sql first")]
    NotGranted {
        /// Who.
        user: String,
        /// What the database said.
        source: sqlx::Error,
    },
    /// A newer program has brought the tables up to its own needs.
    #[error(
        "the store was last used by a newer switchback (its tables are of version {found}, this program knows up to {known}); start that version, or restore the backup made before the upgrade"
    )]
    Newer {
        /// The newest version in the store.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// The tables could not be made, or are not what they were made as.
    #[error("the tables of the store cannot be brought up to date; look at the cause, and restore a backup if the store is damaged")]
    Tables {
        /// What went wrong.
        source: MigrateError,
    },
}

impl OpenError {
    pub(crate) fn not_shared(why: NotShared, file: &Path) -> OpenError {
        let file = file.to_owned();
        match why {
            NotShared::BeingRestored => OpenError::BeingRestored { file },
            NotShared::LogGone => OpenError::LogGone { file },
            NotShared::Replaced => OpenError::Replaced { file },
            NotShared::LogOfAnother => OpenError::LogOfAnother { file },
            NotShared::Failed(error) => OpenError::NotWritable { file, source: error.into() },
        }
    }
}

/// Opens the store at `sqlite:FILE` or `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, makes its tables or brings them up
/// to date. A missing file is created, a missing folder is not. Only the owner can read the file afterwards, whoever could before.
pub async fn open(url: &str) -> Result<Arc<dyn Store>, OpenError> {
    let store = open_store(url).await?;
    fill(&store).await;
    Ok(as_port(store))
}

/// The path of a store in `SQLite`, as it was given; nothing when it is none. It may be a [link](file::resolved).
pub(crate) fn path_of(url: &str) -> Result<Option<&Path>, OpenError> {
    let Some(rest) = url.strip_prefix("sqlite:") else { return Ok(None) };
    let file = rest.strip_prefix("//").unwrap_or(rest);
    if file.is_empty() || file == ":memory:" { Err(OpenError::NotAFile) } else { Ok(Some(Path::new(file))) }
}

async fn open_store(url: &str) -> Result<SqlStore, OpenError> {
    if let Some(path) = path_of(url)? {
        return open_file(path).await;
    }
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return open_server(url.parse().map_err(|source| OpenError::BadAddress { source })?, APPLICATION).await;
    }
    Err(OpenError::UnknownKind)
}

/// Fills what an older version has not written. A console that cannot do that reads journals instead, so nobody is barred by it.
async fn fill(store: &SqlStore) {
    match store.fill_summaries(None).await {
        Ok(0) => {}
        Ok(filled) => tracing::info!(operations = filled, "what lists show of operations was worked out from their journals, once"),
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "what lists show of operations could not be worked out; they are slower until the next start"
            );
        }
    }
}

/// Opens the store like [`open`], and compares it with what was remembered in `head_file` when it was used last. When it is not that store, or
/// an older state of it, it is marked as restored: a console does nothing to any pool before somebody has confirmed what it says.
///
/// # Errors
/// When it cannot be used.
pub async fn open_remembered(url: &str, head_file: &Path, now: Timestamp) -> Result<Arc<dyn Store>, OpenError> {
    let mut store = open_store(url).await?;
    let head = HeadFile::compare(head_file, &store, now).await.map_err(|source| OpenError::NotCompared { source })?;
    store.head = Some(head);
    fill(&store).await;
    Ok(as_port(store))
}

/// Where it is remembered how far a store in a file has come, unless the configuration names another place.
pub fn head_file(store: &Path) -> PathBuf {
    HeadFile::beside(&file::resolved(store))
}

/// Marks a store as restored that was put back by other means than ours, such as `pg_restore` or a snapshot of the machine: a console does
/// nothing to any pool before somebody has confirmed that what it says is still so. Refused while a console uses it.
///
/// # Errors
/// When it cannot be opened, is used, or cannot be written.
pub async fn mark_restored(url: &str, entry: &AuditEntry) -> Result<Restored, OpenError> {
    let not_marked = |source| OpenError::NotMarked { source };
    let store = if let Some(path) = path_of(url)? {
        let file = &file::resolved(path);
        if !file.exists() {
            return Err(OpenError::NotThere { file: file.to_owned() });
        }
        let alone = file::exclude(path).map_err(|error| OpenError::NotWritable { file: file.to_owned(), source: error.into() })?;
        drop(alone.ok_or_else(|| OpenError::Running { file: file.to_owned() })?);
        open_file(path).await?
    } else {
        let options = url.parse().map_err(|source| OpenError::BadAddress { source })?;
        let store = open_server(options, "switchback restore").await?;
        let others: Result<Vec<(i64,)>, StoreError> = rows!(
            &store.writers,
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1",
            APPLICATION,
        );
        if let Some((others @ 1..,)) = others.map_err(not_marked)?.first() {
            return Err(OpenError::InUse { others: *others });
        }
        store
    };
    head::mark_restored(&store, entry).await.map_err(not_marked)
}

/// Whether every migration of this program was carried out as it is.
pub(crate) async fn is_up_to_date(pool: &PgPool) -> Result<bool, MigrateError> {
    let done = sqlx::query_as("SELECT version, checksum FROM _sqlx_migrations WHERE success ORDER BY version").fetch_all(pool).await;
    // There is nothing yet, or not for us to read: that shows when it is made.
    let Ok(done) = done else { return Ok(false) };
    let done: Vec<(i64, Vec<u8>)> = done;
    let known = migrations(POSTGRES);
    for (version, checksum) in &done {
        match known.iter().find(|migration| migration.version == *version) {
            None => return Err(MigrateError::VersionMissing(*version)),
            Some(migration) if *migration.checksum != **checksum => return Err(MigrateError::VersionMismatch(*version)),
            Some(_) => {}
        }
    }
    Ok(done.len() == known.iter().count())
}

/// Brings the tables in `PostgreSQL` up to date as their owner, and lets the console's user do with them what it has to, and nothing more.
///
/// # Errors
/// When that cannot be done; then say it as [`open`] does.
pub async fn migrate_store(url: &str, console: &str) -> Result<(), OpenError> {
    let store = open_store(url).await?;
    let Which::Postgres(pool) = &store.writers else { return Err(OpenError::UnknownKind) };
    let granted = async {
        for statement in grants(console) {
            sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(pool).await?;
        }
        Ok::<_, sqlx::Error>(())
    };
    let granted = granted.await;
    pool.close().await;
    granted.map_err(|error| OpenError::NotGranted { user: console.to_owned(), source: error })
}

/// Where rows are changed and removed in the console's daily work. Everywhere else they are only added.
const CHANGING: &str = "people, set_up, sessions, points, changes, pools, fences, leases, remembered, write_check, restored, confirmed, signing_keys, operation_summaries";

fn grants(console: &str) -> [String; 4] {
    let user = format!("\"{}\"", console.replace('"', "\"\""));
    [
        format!("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {user}"),
        format!(
            "GRANT SELECT, INSERT ON audit, journal, evidence, operations, {CHANGING} TO {user}; GRANT SELECT ON _sqlx_migrations TO {user}"
        ),
        format!("GRANT UPDATE (ended) ON operations TO {user}"),
        format!("GRANT UPDATE, DELETE ON {CHANGING} TO {user}"),
    ]
}

async fn open_file(path: &Path) -> Result<SqlStore, OpenError> {
    let file = &file::resolved(path);
    let not_writable = |source| OpenError::NotWritable { file: file.to_owned(), source };
    // SQLite would make the file readable by everybody.
    let made = file::make(file).map_err(|error| match error.kind() {
        ErrorKind::NotFound => OpenError::NoFolder { folder: file::folder_of(file).to_owned() },
        _ => not_writable(error.into()),
    })?;
    file::close_to_others(file);
    let mut used = file::share(path).await.map_err(|why| {
        if made {
            let _ = std::fs::remove_file(file);
        }
        OpenError::not_shared(why, file)
    })?;
    let options = SqliteConnectOptions::new()
        .filename(file)
        .journal_mode(SqliteJournalMode::Wal)
        // What is in the audit history must have happened even if the power fails right after it.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(PATIENCE);
    let explain = |error: sqlx::Error| match sqlite_code(&error) {
        // SQLITE_NOTADB.
        Some(26) => OpenError::NotADatabase { file: file.to_owned() },
        _ => not_writable(error.into()),
    };
    let files = OpenFiles::of(file, path);
    // Connections are opened now and kept: a new one opens whatever is at the path by then.
    let pool_of = |connections| {
        let files = files.clone();
        let options = SqlitePoolOptions::new().min_connections(connections).max_connections(connections);
        options.idle_timeout(None).max_lifetime(None).after_connect(move |_, _| {
            let allowed = files.allow_connection();
            Box::pin(async move { allowed })
        })
    };
    let writer = pool_of(1).acquire_timeout(PATIENCE * 2);
    // When a disk is full, SQLite ends the transaction by itself; sqlx does not see that, and would refuse every other one
    // on this connection for ever. A new connection takes its place.
    let writer = writer.before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }));
    let writer = writer.connect_with(options.clone()).await.map_err(explain)?;
    let writable = async {
        let attempt = writer.begin_with("BEGIN IMMEDIATE").await?;
        attempt.rollback().await
    };
    writable.await.map_err(explain)?;
    bring_up_to_date(&migrations(SQLITE), &writer).await.map_err(|error| tables(error, SQLITE))?;
    let readers = pool_of(4).acquire_timeout(PATIENCE).connect_with(options.pragma("query_only", "on"));
    let readers: SqlitePool = readers.await.map_err(explain)?;
    files.note();
    used.note_log(file).map_err(|error| not_writable(error.into()))?;
    // A young store is in its log alone otherwise. Where the disk is full, that has time.
    let _ = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").execute(&writer).await;
    Ok(SqlStore {
        readers: Which::Sqlite(readers),
        writers: Which::Sqlite(writer),
        reserve: ReserveFile::of(file),
        files: Some(files),
        head: None,
        in_use: Some(used),
    })
}

/// A server with a store, and how what it says is told.
struct Server {
    options: PgConnectOptions,
    place: String,
    user: String,
    database: String,
}

impl Server {
    fn of(options: PgConnectOptions, application: &str) -> Server {
        let place = match options.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => format!("{}:{}", options.get_host(), options.get_port()),
        };
        let user = options.get_username().to_owned();
        let database = options.get_database().unwrap_or(&user).to_owned();
        let patience_ms = PATIENCE.as_millis();
        let options = options.application_name(application).options([
            ("statement_timeout", patience_ms.to_string()),
            ("lock_timeout", patience_ms.to_string()),
            ("idle_in_transaction_session_timeout", patience_ms.to_string()),
        ]);
        Server { options, place, user, database }
    }

    fn cannot(&self, source: sqlx::Error) -> OpenError {
        let Server { place, user, database, .. } = self;
        match postgres_code(&source).as_deref() {
            Some("28P01" | "28000") => OpenError::Refused { place: place.clone(), user: user.clone(), source },
            Some("3D000") => OpenError::NoDatabase { place: place.clone(), database: database.clone(), user: user.clone() },
            _ => OpenError::CannotConnect { place: place.clone(), source },
        }
    }

    /// Connections to it, or why there are none.
    async fn connect_pool(&self, most: u32) -> Result<PgPool, OpenError> {
        // A pool would try again and again, and then only know that time is up.
        let first = tokio::time::timeout(PATIENCE, PgConnection::connect_with(&self.options)).await;
        let first = first.map_err(|_| self.cannot(sqlx::Error::PoolTimedOut))?.map_err(|error| self.cannot(error))?;
        // The server forgets the connection anyway.
        let _ = first.close().await;
        let pool = PgPoolOptions::new().max_connections(most).acquire_timeout(PATIENCE).connect_with(self.options.clone()).await;
        pool.map_err(|error| self.cannot(error))
    }
}

/// The server with a store, for somebody who repairs it.
pub(crate) async fn connect_to_server(url: &str) -> Result<PgPool, OpenError> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(OpenError::UnknownKind);
    }
    let options = url.parse().map_err(|source| OpenError::BadAddress { source })?;
    Server::of(options, "switchback repair-guards").connect_pool(1).await
}

async fn open_server(options: PgConnectOptions, application: &str) -> Result<SqlStore, OpenError> {
    let server = Server::of(options, application);
    let pool = server.connect_pool(8).await?;
    let Server { user, database, .. } = server;
    // Whoever does not own the tables may not even ask for what is there already to be made.
    let brought = match is_up_to_date(&pool).await {
        Ok(true) => Ok(()),
        Ok(false) => bring_up_to_date(&migrations(POSTGRES), &pool).await,
        Err(error) => Err(error),
    };
    if let Err(error) = brought {
        // The lock that migrations hold is released only with its connection.
        pool.close().await;
        let forbidden = match &error {
            MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _) => postgres_code(cause).as_deref() == Some("42501"),
            _ => false,
        };
        return Err(if forbidden { OpenError::NoRights { database, user, source: error.into() } } else { tables(error, POSTGRES) });
    }
    Ok(SqlStore {
        readers: Which::Postgres(pool.clone()),
        writers: Which::Postgres(pool),
        reserve: ReserveFile::not_needed(),
        files: None,
        head: None,
        in_use: None,
    })
}

/// Versions, names and texts of what made the tables. A file that was released is never changed, only followed by another;
/// the store remembers a digest of each.
pub(crate) type Files = &'static [(i64, &'static str, &'static str)];

pub(crate) const SQLITE: Files = &[
    (1, "first", include_str!("../migrations/sqlite/0001_first.sql")),
    (2, "operations", include_str!("../migrations/sqlite/0002_operations.sql")),
    (3, "evidence", include_str!("../migrations/sqlite/0003_evidence.sql")),
    (4, "last_end", include_str!("../migrations/sqlite/0004_last_end.sql")),
    (5, "leases_by_machine", include_str!("../migrations/sqlite/0005_leases_by_machine.sql")),
    (6, "restored", include_str!("../migrations/sqlite/0006_restored.sql")),
    (12, "signing_keys", include_str!("../migrations/sqlite/0012_signing_keys.sql")),
    (13, "summaries", include_str!("../migrations/sqlite/0013_summaries.sql")),
    (14, "loss", include_str!("../migrations/sqlite/0014_loss.sql")),
];
pub(crate) const POSTGRES: Files = &[
    (1, "first", include_str!("../migrations/postgres/0001_first.sql")),
    (2, "operations", include_str!("../migrations/postgres/0002_operations.sql")),
    (3, "evidence", include_str!("../migrations/postgres/0003_evidence.sql")),
    (4, "last_end", include_str!("../migrations/postgres/0004_last_end.sql")),
    (5, "leases_by_machine", include_str!("../migrations/postgres/0005_leases_by_machine.sql")),
    (6, "restored", include_str!("../migrations/postgres/0006_restored.sql")),
    (12, "signing_keys", include_str!("../migrations/postgres/0012_signing_keys.sql")),
    (13, "summaries", include_str!("../migrations/postgres/0013_summaries.sql")),
    (14, "loss", include_str!("../migrations/postgres/0014_loss.sql")),
];

pub(crate) fn migrations(files: Files) -> Migrator {
    let migration = |(version, name, text): &(i64, &'static str, &'static str)| {
        Migration::new(*version, (*name).into(), MigrationType::Simple, text.into_sql_str(), false)
    };
    Migrator::with_migrations(files.iter().map(migration).collect())
}

pub(crate) async fn bring_up_to_date<'a, A>(migrator: &Migrator, database: A) -> Result<(), MigrateError>
where
    A: sqlx::Acquire<'a>,
    <A::Connection as std::ops::Deref>::Target: sqlx::migrate::Migrate,
{
    migrator.run(database).await
}

fn tables(error: MigrateError, files: Files) -> OpenError {
    match error {
        MigrateError::VersionMissing(found) => OpenError::Newer { found, known: files.last().map_or(0, |(version, ..)| *version) },
        source => OpenError::Tables { source },
    }
}

/// A statement of the newest migration of `PostgreSQL` that begins like this.
pub(crate) fn statement_of(beginning: &str) -> Option<String> {
    let texts = POSTGRES.iter().rev().map(|(_, _, text)| *text);
    let mut found = texts.filter_map(|text| text.split_once(beginning)).map(|(_, rest)| rest.split(';').next().unwrap_or_default());
    found.next().map(|rest| format!("{beginning}{rest}"))
}

/// `SQLite`'s primary result code, which is in the low byte of what it reports.
pub(crate) fn sqlite_code(error: &sqlx::Error) -> Option<i32> {
    error.as_database_error()?.code()?.parse::<i32>().ok().map(|code| code & 0xff)
}

pub(crate) fn postgres_code(error: &sqlx::Error) -> Option<String> {
    error.as_database_error()?.code().map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchback_domain::audit::Deed;
    use switchback_engine::audit::{Actor, audited};

    fn entry(number: i64) -> AuditEntry {
        let deed = audited(&Actor::stranger("127.0.0.1"), Deed::SignIn, number.to_string());
        deed.refused(Timestamp::UNIX_EPOCH, "x".repeat(2_000))
    }

    #[tokio::test]
    async fn a_full_disk_fails_the_write_and_keeps_what_was_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("full.db").display());
        let sql_store = open_store(&url).await.expect("a store");
        let Which::Sqlite(writer) = &sql_store.writers else { panic!("not SQLite") };
        // The database itself says "disk full" when it may not grow any further, just as when the disk is.
        let grown: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(writer).await.expect("a count");
        let limit = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {}", grown + 10));
        sqlx::query(limit).execute(writer).await.expect("a limit");
        let store = as_port(sql_store);
        let mut written = 0;
        let refused = loop {
            match store.append(&entry(written)).await {
                Ok(()) => written += 1,
                Err(error) => break error,
            }
            assert!(written < 1_000, "the limit does not limit");
        };
        let StoreError::Failed(cause) = refused else { panic!("{refused:?}") };
        assert!(cause.to_string().contains("full"), "{cause}");
        assert!(written > 0);
        let subjects = |entries: Vec<AuditEntry>| entries.into_iter().map(|entry| entry.subject).collect::<Vec<_>>();
        let expected: Vec<String> = (0..written).rev().map(|number| number.to_string()).collect();
        assert_eq!(subjects(store.entries(1_000).await.expect("entries")), expected);

        // With room again, the same store goes on.
        drop(store);
        let store = open(&url).await.expect("the same store");
        store.append(&entry(written)).await.expect("an entry");
        assert_eq!(subjects(store.entries(1).await.expect("entries")), [written.to_string()]);
    }
}
