//! Backup and restore of a store in `SQLite`, while a console runs and while none does.
//!
//! A backup says of itself that it is one: whatever it is put back by, a console that is started on it finds the mark, and does nothing to any
//! pool before somebody has confirmed that what it remembers is still so.

use crate::{
    audit::append_audit,
    file::{self, beside},
    guards,
    open::{OpenError, SQLITE, bring_up_to_date, migrations, sqlite_code},
    sql::Which,
};
use jiff::Timestamp;
use sqlx::{
    Connection, PgConnection, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::Duration,
};
use switchback_domain::{
    BrokenGuard,
    audit::{Deed, DeedOutcome},
};
use switchback_engine::{
    audit::{Actor, OpenDeed, audited},
    ports::{AuditEntry, StoreError},
};

/// How long it is waited for a lock of a console that writes.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many there are of what only grows, and the newest line of the audit history.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Contents {
    /// Lines of the audit history.
    pub audit: i64,
    /// The number of the newest of them.
    pub newest_audit: i64,
    /// Operations.
    pub operations: i64,
    /// Entries of their journals.
    pub journal: i64,
    /// Files of evidence.
    pub evidence: i64,
}

impl Contents {
    fn is_between(self, before: Contents, after: Contents) -> bool {
        let parts = |it: Contents| [it.audit, it.newest_audit, it.operations, it.journal, it.evidence];
        let (these, least, most) = (parts(self), parts(before), parts(after));
        these.iter().zip(least).zip(most).all(|((this, least), most)| (least..=most).contains(this))
    }
}

/// Why there is no backup, or why nothing was restored. Nothing that was there before has changed, except for lines in the audit history.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The file is there already.
    #[error("{} is there already, and no backup is ever overwritten; name another file", .0.display())]
    Exists(PathBuf),
    /// The file, its folder, or the store cannot be used.
    #[error("{} cannot be used", .file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no store.
    #[error("there is no store at {}", .0.display())]
    NoStore(PathBuf),
    /// The tables are of another version.
    #[error(
        "the tables in {} are of version {found}, and this program knows version {known}: use the switchback that the console runs with, or start the console of this version first", .file.display()
    )]
    OtherVersion {
        /// Of which file.
        file: PathBuf,
        /// What it has.
        found: i64,
        /// What this program knows.
        known: i64,
    },
    /// Somebody uses the store.
    #[error("a console is running on {}, or another program has it open; stop it first", .0.display())]
    InUse(PathBuf),
    /// There is no room for the copy.
    #[error("there is no room for a copy of the store at {}; make room, or name another disk", .0.display())]
    NoRoom(PathBuf),
    /// The store cannot be used now.
    #[error(transparent)]
    NotShared(OpenError),
    /// The file is no store, or a damaged one.
    #[error("{} is no whole store of switchback: {why}", .file.display())]
    Damaged {
        /// Which file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A backup that was made and looked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MadeBackup {
    /// What is in it.
    pub contents: Contents,
    /// Its size.
    pub bytes: u64,
}

/// A store that was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeRestore {
    /// What is in it.
    pub contents: Contents,
    /// When the backup was taken, as far as it says so.
    pub taken_at: Timestamp,
    /// Where the store is that was there before.
    pub kept_aside: Option<PathBuf>,
}

/// Who does it, and why, for the audit history.
#[derive(Debug, Clone)]
pub struct Author {
    /// The user of the operating system.
    pub user: String,
    /// Why.
    pub reason: String,
}

/// Opens a deed of whoever runs this program on a file.
fn opened(deed: Deed, file: &Path) -> OpenDeed {
    audited(&Actor::console(), deed, file.display().to_string())
}

fn of_file(file: &Path) -> impl FnOnce(io::Error) -> BackupError + '_ {
    move |source| BackupError::File { file: file.to_owned(), source }
}

fn options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new().filename(file).foreign_keys(true).synchronous(SqliteSynchronous::Full).busy_timeout(PATIENCE)
}

async fn write_down(on: &mut SqliteConnection, entry: &AuditEntry) -> Result<(), StoreError> {
    append_audit!(Which::<&mut SqliteConnection, &mut PgConnection>::Sqlite(on), entry).map(drop)
}

async fn version(on: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM _sqlx_migrations").fetch_one(on).await
}

pub(crate) async fn contents(on: &mut SqliteConnection) -> Result<Contents, sqlx::Error> {
    let (audit, newest_audit, operations, journal, evidence) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM audit), (SELECT coalesce(max(id), 0) FROM audit), (SELECT count(*) FROM operations),
            (SELECT count(*) FROM journal), (SELECT count(*) FROM evidence)",
    )
    .fetch_one(on)
    .await?;
    Ok(Contents { audit, newest_audit, operations, journal, evidence })
}

/// A line of the audit history, whole, to compare it.
async fn audit_line(on: &mut SqliteConnection, id: i64) -> Result<Option<String>, sqlx::Error> {
    let line = "SELECT at || ' ' || coalesce(actor, '') || ' ' || action || ' ' || subject || ' ' || result || ' ' || detail FROM audit WHERE id = $1";
    sqlx::query_scalar(line).bind(id).fetch_optional(on).await
}

/// What is wrong with a whole file; nothing when nothing is.
async fn damage(pool: &SqlitePool) -> Result<Option<String>, sqlx::Error> {
    let said: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check(20)").fetch_all(pool).await?;
    if said != ["ok"] {
        return Ok(Some(said.join("; ")));
    }
    if !sqlx::query("PRAGMA foreign_key_check").fetch_all(pool).await?.is_empty() {
        return Ok(Some("rows are missing that others belong to".to_owned()));
    }
    let broken = guards::broken_in_sqlite(pool).await?;
    let named = broken.iter().map(|BrokenGuard { guard, fault }| format!("{guard} ({})", fault.as_code())).collect::<Vec<_>>();
    Ok((!named.is_empty()).then(|| format!("guards of the audit history are not as they were made: {}", named.join(", "))))
}

/// Marks a copy as one, and takes from it what must not come to life again: sessions, the set-up link, leases, earlier confirmations.
async fn mark(pool: &SqlitePool, restored_at: Timestamp, taken_at: Timestamp, line: Option<&AuditEntry>) -> Result<(), BackupError> {
    let mut work = pool.begin().await?;
    sqlx::query(
        "INSERT INTO restored (only_one, restored_at, taken_at) VALUES (1, $1, $2)
         ON CONFLICT (only_one) DO UPDATE SET restored_at = excluded.restored_at, taken_at = excluded.taken_at",
    )
    .bind(restored_at.as_millisecond())
    .bind(taken_at.as_millisecond())
    .execute(&mut *work)
    .await?;
    for statement in ["DELETE FROM confirmed", "DELETE FROM sessions", "DELETE FROM set_up", "UPDATE leases SET holder = NULL"] {
        sqlx::query(statement).execute(&mut *work).await?;
    }
    if let Some(line) = line {
        write_down(&mut work, line).await?;
    }
    work.commit().await?;
    Ok(())
}

/// Copies a store as it is at one moment into a new file that only its owner can read.
async fn copy(on: &mut SqliteConnection, to: &Path) -> Result<(), BackupError> {
    match file::make(to) {
        Ok(true) => {}
        Ok(false) => return Err(BackupError::Exists(to.to_owned())),
        Err(error) => return Err(of_file(to)(error)),
    }
    // SQLite takes an empty file for one that is not there, and keeps its rights.
    sqlx::query("VACUUM INTO $1").bind(to.display().to_string()).execute(on).await?;
    Ok(())
}

/// A copy as one single file without a log beside it.
async fn open_copy(file: &Path) -> Result<SqlitePool, sqlx::Error> {
    SqlitePoolOptions::new().max_connections(1).connect_with(options(file).journal_mode(SqliteJournalMode::Delete)).await
}

/// Brings a file and its name onto the disk. Only for files that nobody in this process has open through `SQLite`.
fn to_disk(file: &Path) -> io::Result<()> {
    File::open(file)?.sync_all()?;
    File::open(file::folder_of(file))?.sync_all()
}

/// Copies the store at `store` into the new file `to`, whether a console runs or not, looks through the copy, and writes both into the
/// audit history of the store. A file that was begun and is not good is gone again.
///
/// # Errors
/// When there is no good backup.
pub async fn back_up(store: &Path, to: &Path, now: Timestamp, by: &Author) -> Result<MadeBackup, BackupError> {
    let path = store;
    let store = &file::resolved(path);
    let not_there = || BackupError::NoStore(store.to_owned());
    if !store.exists() && !beside(store, "-lock").exists() {
        return Err(not_there());
    }
    let to = std::path::absolute(to).map_err(of_file(to))?;
    let _open = file::share(path).await.map_err(|why| BackupError::NotShared(OpenError::not_shared(why, store)))?;
    if !store.exists() {
        return Err(not_there());
    }
    let mut source = SqliteConnection::connect_with(&options(store)).await?;
    let (found, known) = (version(&mut source).await?, SQLITE.last().map_or(0, |(version, ..)| *version));
    if found != known {
        return Err(BackupError::OtherVersion { file: store.to_owned(), found, known });
    }
    let about = serde_json::json!({ "user": by.user, "why": by.reason });
    write_down(&mut source, &opened(Deed::StoreBackupBegun, &to).done(now, about)).await?;
    let ended = opened(Deed::StoreBackupEnded, &to);
    let made = make_backup(&mut source, &to, now).await.map_err(|error| match error {
        // SQLITE_FULL.
        BackupError::Database(error) if sqlite_code(&error) == Some(13) => BackupError::NoRoom(to.clone()),
        other => other,
    });
    let outcome = match &made {
        Ok(made) => {
            let detail = serde_json::json!({ "user": by.user, "bytes": made.bytes, "audit": made.contents.newest_audit });
            write_down(&mut source, &ended.done(now, detail)).await
        }
        Err(error) => {
            if !matches!(error, BackupError::Exists(_)) {
                let _ = fs::remove_file(&to);
            }
            let detail = serde_json::json!({ "user": by.user, "why": error.to_string() });
            write_down(&mut source, &ended.close(now, DeedOutcome::Failed, detail)).await
        }
    };
    let _ = source.close().await;
    let made = made?;
    outcome?;
    Ok(made)
}

/// Saves what an open store says, whose own files are gone, into the file `to`. A copy that was there before is replaced only by a whole one.
pub(crate) async fn rescue(source: &mut SqliteConnection, to: &Path, now: Timestamp) -> Result<MadeBackup, BackupError> {
    let new = beside(to, "-new");
    // What an attempt has left that went wrong.
    let _ = fs::remove_file(&new);
    let made = make_backup(source, &new, now).await;
    match &made {
        Ok(_) => {
            fs::rename(&new, to).map_err(of_file(to))?;
            to_disk(to).map_err(of_file(to))?;
        }
        Err(_) => drop(fs::remove_file(&new)),
    }
    made
}

async fn make_backup(source: &mut SqliteConnection, to: &Path, now: Timestamp) -> Result<MadeBackup, BackupError> {
    let before = contents(source).await?;
    copy(source, to).await?;
    let after = contents(source).await?;
    let made = open_copy(to).await?;
    mark(&made, now, now, None).await?;
    let damaged = |why: &str| BackupError::Damaged { file: to.to_owned(), why: why.to_owned() };
    if let Some(why) = damage(&made).await? {
        return Err(damaged(&why));
    }
    let mut on = made.acquire().await?;
    let copied = contents(&mut on).await?;
    if !copied.is_between(before, after) {
        return Err(damaged(&format!("it has {copied:?}, and the store had {before:?} before and {after:?} afterwards")));
    }
    let (here, there) = (audit_line(&mut on, copied.newest_audit).await?, audit_line(source, copied.newest_audit).await?);
    if here.is_none() || here != there {
        return Err(damaged("its newest line of the audit history is not the store's"));
    }
    drop(on);
    made.close().await;
    to_disk(to).map_err(of_file(to))?;
    let bytes = fs::metadata(to).map_err(of_file(to))?.len();
    Ok(MadeBackup { contents: copied, bytes })
}

/// Puts the backup `from` in the place of the store at `store`, on which no console may run. The store that was there is kept beside it.
///
/// # Errors
/// When nothing was restored; then everything is as it was.
pub async fn restore(from: &Path, store: &Path, now: Timestamp, by: &Author) -> Result<MadeRestore, BackupError> {
    if !from.exists() {
        return Err(BackupError::NoStore(from.to_owned()));
    }
    let path = store;
    let store = &file::resolved(path);
    let _alone = file::exclude(path).map_err(of_file(store))?.ok_or_else(|| BackupError::InUse(store.to_owned()))?;
    let new = beside(store, "-restoring");
    // What a restore that was killed has left; nobody else makes such a file while we are alone.
    let _ = fs::remove_file(&new);
    let made = prepare(from, &new, store, now, by).await;
    let (contents, taken_at) = match made {
        Ok(made) => made,
        Err(error) => {
            let _ = fs::remove_file(&new);
            return Err(error);
        }
    };
    let kept_aside = match set_aside(store, now).await {
        Ok(kept) => kept,
        Err(error) => {
            let _ = fs::remove_file(&new);
            return Err(error);
        }
    };
    fs::rename(&new, store).map_err(of_file(store))?;
    to_disk(store).map_err(of_file(store))?;
    Ok(MadeRestore { contents, taken_at, kept_aside })
}

/// Makes the new store beside the old one, complete.
async fn prepare(from: &Path, new: &Path, store: &Path, now: Timestamp, by: &Author) -> Result<(Contents, Timestamp), BackupError> {
    let damaged = |why: String| BackupError::Damaged { file: from.to_owned(), why };
    let unreadable = |error: sqlx::Error| match sqlite_code(&error) {
        // SQLITE_ERROR (no such table), SQLITE_CORRUPT, SQLITE_NOTADB.
        Some(1 | 11 | 26) => damaged(error.to_string()),
        _ => BackupError::Database(error),
    };
    let mut source = SqliteConnection::connect_with(&options(from).read_only(true)).await.map_err(unreadable)?;
    let (found, known) = (version(&mut source).await.map_err(unreadable)?, SQLITE.last().map_or(0, |(version, ..)| *version));
    if found > known {
        return Err(BackupError::OtherVersion { file: from.to_owned(), found, known });
    }
    copy(&mut source, new).await.map_err(|error| match error {
        BackupError::Database(error) => unreadable(error),
        other => other,
    })?;
    let _ = source.close().await;
    let made = open_copy(new).await.map_err(unreadable)?;
    bring_up_to_date(&migrations(SQLITE), &made).await.map_err(|error| damaged(error.to_string()))?;
    if let Some(why) = damage(&made).await.map_err(unreadable)? {
        return Err(damaged(why));
    }
    // A copy that something else has made does not say when; its newest line was written before.
    let taken: Option<i64> =
        sqlx::query_scalar("SELECT CASE WHEN NOT EXISTS (SELECT 1 FROM confirmed) THEN (SELECT taken_at FROM restored) END")
            .fetch_one(&made)
            .await?;
    let newest: Option<i64> = sqlx::query_scalar("SELECT at FROM audit ORDER BY id DESC LIMIT 1").fetch_optional(&made).await?;
    let taken_at = taken.or(newest).and_then(|at| Timestamp::from_millisecond(at).ok()).unwrap_or(Timestamp::UNIX_EPOCH);
    let detail = serde_json::json!({ "user": by.user, "why": by.reason, "backup": from.display().to_string(), "taken_at": taken_at });
    mark(&made, now, taken_at, Some(&opened(Deed::StoreRestored, store).done(now, detail))).await?;
    let mut on = made.acquire().await?;
    let contents = contents(&mut on).await?;
    drop(on);
    made.close().await;
    to_disk(new).map_err(of_file(new))?;
    Ok((contents, taken_at))
}

/// Moves the store that is there out of the way, with its log if that cannot be folded in. Whoever still uses it is found out by `SQLite`:
/// the log is given up only by the last one. A log without its store, or with another one than its own, is moved away as well.
async fn set_aside(store: &Path, now: Timestamp) -> Result<Option<PathBuf>, BackupError> {
    let (there, name) = (store.exists(), now.strftime(".before-restore-%Y%m%dT%H%M%SZ").to_string());
    let log_of_another = !there || file::has_log_of_another(store).map_err(of_file(store))?;
    let folded = async {
        let mut old = SqliteConnection::connect_with(&options(store).busy_timeout(Duration::from_secs(2))).await?;
        let mode: String = sqlx::query_scalar("PRAGMA journal_mode = DELETE").fetch_one(&mut old).await?;
        old.close().await?;
        Ok::<_, sqlx::Error>(mode)
    };
    // With the log of another file it would be damaged.
    let folded = if log_of_another { Ok("delete".to_owned()) } else { folded.await };
    match folded {
        Ok(mode) if mode == "delete" => {}
        Ok(_) => return Err(BackupError::InUse(store.to_owned())),
        // SQLITE_BUSY, SQLITE_LOCKED.
        Err(error) if matches!(sqlite_code(&error), Some(5 | 6)) => return Err(BackupError::InUse(store.to_owned())),
        Err(error) => {
            tracing::warn!(file = %store.display(), error = &error as &dyn std::error::Error, "the store that is there is damaged; it is kept as it is");
        }
    }
    let aside = beside(store, &name);
    if aside.exists() {
        return Err(BackupError::Exists(aside));
    }
    if there {
        fs::rename(store, &aside).map_err(of_file(store))?;
    }
    for ending in ["-wal", "-shm", "-journal"] {
        let side_file = beside(store, ending);
        if side_file.exists() {
            let ending = if log_of_another { format!("-of-another{ending}") } else { ending.to_owned() };
            fs::rename(&side_file, beside(&aside, &ending)).map_err(of_file(&side_file))?;
        }
    }
    Ok(there.then_some(aside))
}
