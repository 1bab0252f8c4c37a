//! One SQL text for two databases.
//!
//! `$1` placeholders, upserts and window functions mean the same in `SQLite` and `PostgreSQL`, so a statement is
//! written once. What differs is only the Rust type of the connection, and sqlx wants that type at compile time.
//! [`Which`] holds either of the two, and [`run!`] and [`rows!`] match on it and expand the same sqlx call in both arms:
//! every statement stays typed for its database, no run-time driver (`sqlx::Any`) is between, and the code around it
//! is ordinary Rust without generic bounds.

use crate::{file::InUse, head::HeadFile, open_files::OpenFiles, reserve::ReserveFile};
use jiff::Timestamp;
use sqlx::{PgConnection, PgPool, Postgres, Sqlite, SqliteConnection, SqlitePool, Transaction};
use std::{fmt, sync::Arc};
use switchback_domain::{BrokenGuard, LostFile, Reserve};
use switchback_engine::ports::{Store, StoreError, Stored};

/// A thing of the one database or of the other.
pub(crate) enum Which<S, P> {
    Sqlite(S),
    Postgres(P),
}

/// Runs a statement and gives how many rows it touched.
macro_rules! run {
    ($on:expr, $sql:expr $(, $value:expr)* $(,)?) => {
        match $on {
            $crate::sql::Which::Sqlite(on) => sqlx::query($sql)$(.bind($value))*.execute(on).await.map(|done| done.rows_affected()),
            $crate::sql::Which::Postgres(on) => sqlx::query($sql)$(.bind($value))*.execute(on).await.map(|done| done.rows_affected()),
        }
        .map_err($crate::sql::failed)
    };
}

/// Runs a query and gives its rows as tuples.
macro_rules! rows {
    ($on:expr, $sql:expr $(, $value:expr)* $(,)?) => {
        match $on {
            $crate::sql::Which::Sqlite(on) => sqlx::query_as($sql)$(.bind($value))*.fetch_all(on).await,
            $crate::sql::Which::Postgres(on) => sqlx::query_as($sql)$(.bind($value))*.fetch_all(on).await,
        }
        .map_err($crate::sql::failed)
    };
}

pub(crate) use {rows, run};

/// The store. `SQLite` knows one writer at a time, so there its writers wait for each other here, in order, instead of
/// running into each other's locks; readers see the last committed state and never wait.
pub(crate) struct SqlStore {
    pub(crate) readers: Which<SqlitePool, PgPool>,
    pub(crate) writers: Which<SqlitePool, PgPool>,
    pub(crate) reserve: ReserveFile,
    /// Nothing when the store is not in a file.
    pub(crate) files: Option<OpenFiles>,
    /// Nothing for programs that only look in for a moment.
    pub(crate) head: Option<HeadFile>,
    /// Keeps others from restoring the store meanwhile.
    #[expect(dead_code, reason = "held, and let go with the store")]
    pub(crate) in_use: Option<InUse>,
}

impl SqlStore {
    /// Begins statements that happen together or not at all; dropped without `commit`, they did not happen.
    pub(crate) async fn work(&self) -> Result<Work, StoreError> {
        let begun = match &self.writers {
            // Taking the write lock at once: a lock that is taken midway can fail without waiting.
            Which::Sqlite(pool) => pool.begin_with("BEGIN IMMEDIATE").await.map(Which::Sqlite),
            Which::Postgres(pool) => pool.begin().await.map(Which::Postgres),
        };
        begun.map(Work).map_err(failed)
    }
}

/// A transaction.
pub(crate) struct Work(Which<Transaction<'static, Sqlite>, Transaction<'static, Postgres>>);

impl Work {
    pub(crate) fn on(&mut self) -> Which<&mut SqliteConnection, &mut PgConnection> {
        match &mut self.0 {
            Which::Sqlite(transaction) => Which::Sqlite(transaction),
            Which::Postgres(transaction) => Which::Postgres(transaction),
        }
    }

    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        match self.0 {
            Which::Sqlite(transaction) => transaction.commit().await,
            Which::Postgres(transaction) => transaction.commit().await,
        }
        .map_err(failed)
    }
}

impl SqlStore {
    /// Writes what an emergency needs. When the disk is full, the space that is kept for that is given up, and it is tried once more.
    pub(crate) fn needed<'a, T: Send + 'a>(&'a self, write: impl Fn() -> Stored<'a, T> + Send + Sync + 'a) -> Stored<'a, T> {
        Box::pin(async move {
            match write().await {
                Err(error) if is_full(&error) && self.reserve.give_up() => write().await,
                written => written,
            }
        })
    }

    /// An error while what was kept for an emergency is given up: what can be done without must not use it up.
    pub(crate) fn unless_full(&self) -> Result<(), StoreError> {
        match self.reserve.state() {
            Reserve::GivenUp => Err(StoreError::Failed("the disk is full; what is left of it is for operations".into())),
            Reserve::Kept | Reserve::NotNeeded => Ok(()),
        }
    }
}

/// `SQLITE_FULL`, or an error of writing or growing a file.
fn is_full(error: &StoreError) -> bool {
    let StoreError::Failed(cause) = error else { return false };
    let code = cause.downcast_ref::<sqlx::Error>().and_then(sqlx::Error::as_database_error).and_then(sqlx::error::DatabaseError::code);
    matches!(code.and_then(|code| code.parse::<i32>().ok()).map(|code| code & 0xff), Some(10 | 13))
}

impl Store for SqlStore {
    fn write_check(&self, now: Timestamp) -> Stored<'_, ()> {
        self.needed(move || {
            Box::pin(async move {
                let written = run!(&self.writers, "UPDATE write_check SET checked_at = $1 WHERE only_one = 1", now.as_millisecond())?;
                if written == 1 { Ok(()) } else { Err(unreadable("rows to write to", written)) }
            })
        })
    }

    fn broken_guards(&self) -> Stored<'_, Vec<BrokenGuard>> {
        Box::pin(crate::guards::broken(self))
    }

    fn tend_reserve(&self) -> Reserve {
        self.reserve.tend()
    }

    fn keep_head(&self, now: Timestamp) -> Stored<'_, ()> {
        Box::pin(async move {
            match &self.head {
                Some(head) => head.keep(self, now).await,
                None => Ok(()),
            }
        })
    }

    fn lost_file(&self) -> Option<LostFile> {
        self.files.as_ref()?.lost()
    }

    fn look_after_file(&self, now: Timestamp) -> Stored<'_, ()> {
        Box::pin(async move {
            match (&self.files, &self.writers) {
                (Some(files), Which::Sqlite(writer)) => files.look_after(writer, now).await,
                _ => Ok(()),
            }
        })
    }
}

/// The store as the engine knows it.
pub(crate) fn as_port(store: SqlStore) -> Arc<dyn Store> {
    Arc::new(store)
}

pub(crate) fn failed(error: sqlx::Error) -> StoreError {
    match &error {
        sqlx::Error::Database(cause) if cause.is_unique_violation() => StoreError::Taken,
        _ => StoreError::Failed(Box::new(error)),
    }
}

/// A row holds something that this program does not write.
#[derive(Debug, thiserror::Error)]
#[error("the store holds {found:?} as {what}, which this program does not write")]
struct Unreadable {
    what: &'static str,
    found: String,
}

pub(crate) fn unreadable(what: &'static str, found: impl fmt::Display) -> StoreError {
    StoreError::Failed(Box::new(Unreadable { what, found: found.to_string() }))
}

pub(crate) fn time(milliseconds: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(milliseconds).map_err(|_| unreadable("a time", milliseconds))
}

pub(crate) fn parsed<T: std::str::FromStr>(what: &'static str, text: &str) -> Result<T, StoreError> {
    text.parse().map_err(|_| unreadable(what, text))
}

/// `PostgreSQL` refuses the character NUL in text, which anybody may type into a form; both databases keep the sign for
/// an unreadable character instead.
pub(crate) fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
