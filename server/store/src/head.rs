//! How far a store has come, remembered in a small file of its own: the newest line of the audit history that a console has seen in it.
//!
//! A copy that was put back by hand (`sqlite3 store.db ".backup X"`, `cp`, `pg_restore`, a snapshot of the disk with the store alone) does not
//! say of itself that it is one. But the line that was remembered is not in it, or another one stands at its number: then the store is
//! marked as restored, and the console only watches until somebody has confirmed what it says (`restored` and `confirmed`).
//!
//! The file is written after the line is in the store and never before, so a kill or a power failure leaves it behind the store, never ahead
//! of it. What it cannot tell: whether a snapshot of the whole machine was put back, with this file in it; `switchback restore --loaded` is
//! for that.

use crate::{
    audit::append_audit,
    file::{self, beside},
    sql::{SqlStore, Which, rows, run, time},
};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use std::{
    fmt::Write as _,
    fs::{self, File, OpenOptions, Permissions},
    io::{self, ErrorKind, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};
use switchback_domain::{Restored, audit::Deed};
use switchback_engine::{
    audit::{Actor, audited},
    ports::{AuditEntry, StoreError},
};
use tokio::sync::Mutex;

/// The line of the audit history that says that a store in a file has a head file from now on.
const BEGUN: Deed = Deed::StoreHeadKept;

/// A line of the audit history: its number, and the digest of what it says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Line {
    /// Zero before the first one.
    number: i64,
    digest: String,
}

/// What a head file holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Head {
    newest: Line,
    /// The store says that it has a head file.
    noted: bool,
}

/// The file, and what is in it.
pub(crate) struct HeadFile {
    path: PathBuf,
    /// Nothing when it could not be written.
    written: Mutex<Option<Head>>,
    /// It could not be written the last time, and that was said.
    fails: AtomicBool,
}

/// Why a store is not the one that was used last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Suspicion {
    /// The line that was remembered is not in it.
    LineMissing,
    /// It says that it has a head file, and there is none.
    HeadMissing,
}

impl Suspicion {
    fn as_code(self) -> &'static str {
        match self {
            Suspicion::LineMissing => "line_missing",
            Suspicion::HeadMissing => "head_missing",
        }
    }
}

impl HeadFile {
    /// The usual place for a store in a file.
    pub(crate) fn beside(store: &Path) -> PathBuf {
        beside(store, "-head")
    }

    /// Compares a store that was just opened with what was remembered, marks it as restored when it is not the one that was used last, and
    /// remembers how far it has come now.
    pub(crate) async fn compare(path: &Path, store: &SqlStore, now: Timestamp) -> Result<HeadFile, StoreError> {
        let known = match read(path) {
            Ok(known) => known,
            Err(error) => {
                tracing::warn!(file = %path.display(), error = &error as &dyn std::error::Error, "what was remembered of the store cannot be read");
                None
            }
        };
        let in_a_file = matches!(store.writers, Which::Sqlite(_));
        let suspicion = match &known {
            Some(known) if holds(store, &known.newest).await? => None,
            Some(_) => Some(Suspicion::LineMissing),
            // To a store in PostgreSQL another console may come at any time, which has seen nothing of it yet.
            None if in_a_file && is_begun(store).await? => Some(Suspicion::HeadMissing),
            None => None,
        };
        if let Some(suspicion) = suspicion {
            distrust(store, suspicion, known.as_ref(), now).await?;
        }
        let head = HeadFile { path: path.to_owned(), written: Mutex::new(None), fails: AtomicBool::new(false) };
        // A store that was put back may be from before it had a head file.
        let noted = known.is_some_and(|known| known.noted) && suspicion.is_none();
        head.remember(Head { newest: newest(store).await?, noted }).await;
        let written = head.written.lock().await.is_some();
        if written && in_a_file && !noted {
            if !is_begun(store).await? {
                let begun = audited(&Actor::console(), BEGUN, "").done(now, ());
                append_audit!(&store.writers, begun)?;
            }
            head.remember(Head { newest: newest(store).await?, noted: true }).await;
        }
        Ok(head)
    }

    /// Remembers how far the store has come. When it has come back since the last time, somebody has put an older one in its place while the
    /// console was running, which is possible in `PostgreSQL`: then it is marked as restored.
    pub(crate) async fn keep(&self, store: &SqlStore, now: Timestamp) -> Result<(), StoreError> {
        let known = self.written.lock().await.clone();
        let mut next = Head { newest: newest(store).await?, noted: known.as_ref().is_some_and(|known| known.noted) };
        if known.as_ref() == Some(&next) {
            return Ok(());
        }
        if let Some(known) = &known
            && !holds(store, &known.newest).await?
        {
            distrust(store, Suspicion::LineMissing, Some(known), now).await?;
            next.newest = newest(store).await?;
        }
        self.remember(next).await;
        Ok(())
    }

    async fn remember(&self, head: Head) {
        let (path, text) = (self.path.clone(), head.text());
        let done = tokio::task::spawn_blocking(move || write(&path, &text)).await.unwrap_or_else(|error| Err(io::Error::other(error)));
        let mut written = self.written.lock().await;
        match done {
            Ok(()) => {
                *written = Some(head);
                self.fails.store(false, Ordering::Relaxed);
            }
            Err(_) if self.fails.swap(true, Ordering::Relaxed) => {}
            Err(error) => {
                tracing::warn!(
                    file = %self.path.display(), error = &error as &dyn std::error::Error,
                    "it cannot be remembered how far the store has come: an older copy that is put in its place may go unnoticed"
                );
            }
        }
    }
}

impl Head {
    fn text(&self) -> String {
        let Line { number, digest } = &self.newest;
        format!("{}\n", serde_json::json!({ "audit": number, "sha256": digest, "noted": self.noted }))
    }
}

/// Nothing when there is no such file.
fn read(path: &Path) -> io::Result<Option<Head>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let found: serde_json::Value = serde_json::from_str(&text).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
    let line = found["audit"].as_i64().zip(found["sha256"].as_str());
    let (number, digest) = line.ok_or_else(|| io::Error::new(ErrorKind::InvalidData, "it names no line of the audit history"))?;
    Ok(Some(Head { newest: Line { number, digest: digest.to_owned() }, noted: found["noted"] == true }))
}

/// Whole or not at all, and on the disk afterwards. This is never the file that `SQLite` has open.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let new = beside(path, ".new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    File::open(file::folder_of(path))?.sync_all()
}

type Row = (i64, i64, Option<String>, String, String, String, String, String);

fn line_of(rows: Vec<Row>) -> Line {
    let Some(row) = rows.into_iter().next() else { return Line::default() };
    // Numbers and texts always have a text.
    let text = serde_json::to_vec(&row).unwrap_or_default();
    let digest = Sha256::digest(text).iter().fold(String::new(), |mut digest, byte| {
        // Writing to a String cannot fail.
        let _ = write!(digest, "{byte:02x}");
        digest
    });
    Line { number: row.0, digest }
}

async fn newest(store: &SqlStore) -> Result<Line, StoreError> {
    let rows: Vec<Row> =
        rows!(&store.readers, "SELECT id, at, actor, action, subject, result, detail, from_address FROM audit ORDER BY id DESC LIMIT 1",)?;
    Ok(line_of(rows))
}

/// Whether the store has this very line.
async fn holds(store: &SqlStore, line: &Line) -> Result<bool, StoreError> {
    if line.number == 0 {
        return Ok(true);
    }
    let rows: Vec<Row> = rows!(
        &store.readers,
        "SELECT id, at, actor, action, subject, result, detail, from_address FROM audit WHERE id = $1",
        line.number,
    )?;
    Ok(line_of(rows) == *line)
}

async fn is_begun(store: &SqlStore) -> Result<bool, StoreError> {
    let rows: Vec<(i64,)> = rows!(&store.readers, "SELECT id FROM audit WHERE action = $1 LIMIT 1", BEGUN.as_code())?;
    Ok(!rows.is_empty())
}

/// Marks the store as restored, unless it says so itself and nobody has confirmed anything yet.
async fn distrust(store: &SqlStore, suspicion: Suspicion, known: Option<&Head>, now: Timestamp) -> Result<(), StoreError> {
    let marked: Vec<(i64,)> = rows!(
        &store.readers,
        "SELECT restored_at FROM restored
         WHERE NOT EXISTS (SELECT 1 FROM confirmed WHERE confirmed.restored_at = restored.restored_at)",
    )?;
    if !marked.is_empty() {
        tracing::info!("the store was restored; it is as far as the backup was");
        return Ok(());
    }
    let (found, known) = (newest(store).await?.number, known.map(|known| known.newest.number));
    tracing::error!(
        found,
        known,
        why = suspicion.as_code(),
        "the store is not the one that was used last: somebody has put an older copy, or another store, in its place. The console only watches \
         until somebody has confirmed what the store says, pool by pool: `switchback restored POOL`, `switchback confirm-restored POOL`"
    );
    let detail = serde_json::json!({ "why": suspicion.as_code(), "newest": found, "remembered": known });
    mark_restored(store, &audited(&Actor::console(), Deed::StoreFoundOlder, "").done(now, detail)).await.map(drop)
}

/// Marks a store as restored, and takes from it what must not come to life again: sessions, the set-up link, leases, earlier confirmations.
pub(crate) async fn mark_restored(store: &SqlStore, entry: &AuditEntry) -> Result<Restored, StoreError> {
    let newest: Vec<(i64,)> = rows!(&store.readers, "SELECT at FROM audit ORDER BY id DESC LIMIT 1")?;
    let taken_at = newest.first().map_or(Ok(entry.at), |(at,)| time(*at))?;
    let mut work = store.work().await?;
    run!(work.on(), "DELETE FROM restored")?;
    run!(
        work.on(),
        "INSERT INTO restored (only_one, restored_at, taken_at) VALUES (1, $1, $2)",
        entry.at.as_millisecond(),
        taken_at.as_millisecond(),
    )?;
    for statement in ["DELETE FROM confirmed", "DELETE FROM sessions", "DELETE FROM set_up", "UPDATE leases SET holder = NULL"] {
        run!(work.on(), statement)?;
    }
    append_audit!(work.on(), entry)?;
    work.commit().await?;
    Ok(Restored { at: entry.at, taken_at })
}
