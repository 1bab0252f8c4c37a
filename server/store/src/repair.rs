//! Puts the guards of a store back as they were made: what is missing, switched off or changed is made anew, what somebody has added is taken
//! away. All of it and its line in the audit history are one transaction.

use crate::{
    audit::append_audit,
    backup::Author,
    file,
    guards::{self, Found},
    open::{OpenError, SQLITE, connect_to_server, is_up_to_date, path_of, postgres_code, statement_of},
    sql::Which,
};
use jiff::Timestamp;
use sqlx::{
    AssertSqlSafe, Connection as _, PgConnection, PgPool, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteSynchronous},
};
use std::{collections::BTreeSet, time::Duration};
use switchback_domain::{
    BrokenGuard, GuardFault,
    audit::{Deed, DeedOutcome},
};
use switchback_engine::{
    audit::{Actor, audited},
    ports::{AuditEntry, StoreError},
};

/// How long it is waited for a lock of a console that writes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why the guards were not put back. Nothing has changed but for a line in the audit history.
#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    /// The store cannot be reached.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The tables are of another version than this program's.
    #[error(
        "the tables of the store are not those of this program: use the switchback that the console runs with, or start the console of this version first (PostgreSQL: run `switchback migrate-store`)"
    )]
    OtherVersion,
    /// The user does not own the tables.
    #[error(
        "this user of PostgreSQL does not own the tables, so it cannot put the guards back; name the file with their owner's address: --url-file FILE"
    )]
    NotOwner(#[source] sqlx::Error),
    /// A guard is still not as it was made.
    #[error(
        "{} could not be put back: a table itself was replaced, or somebody interferes. Restore a backup, or ask the authors", named(.0)
    )]
    StillBroken(Vec<BrokenGuard>),
    /// The database failed.
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for RepairError {
    fn from(error: sqlx::Error) -> RepairError {
        if postgres_code(&error).as_deref() == Some("42501") { RepairError::NotOwner(error) } else { RepairError::Database(error) }
    }
}

fn named(broken: &[BrokenGuard]) -> String {
    broken.iter().map(|BrokenGuard { guard, fault }| format!("{guard} ({})", fault.as_code())).collect::<Vec<_>>().join(", ")
}

fn entry(at: Timestamp, outcome: DeedOutcome, broken: &[BrokenGuard], by: &Author) -> AuditEntry {
    let detail = serde_json::json!({ "user": by.user, "why": by.reason, "broken": broken });
    audited(&Actor::console(), Deed::StoreGuardsRepaired, "").close(at, outcome, detail)
}

/// Puts the guards of the store at `url` back, whether a console runs or not, and returns what was wrong with them. What was done is in the
/// audit history, and that it was tried when it could not be done.
///
/// # Errors
/// When they are not all as they were made afterwards.
pub async fn repair_guards(url: &str, now: Timestamp, by: &Author) -> Result<Vec<BrokenGuard>, RepairError> {
    if let Some(path) = path_of(url)? {
        let file = &file::resolved(path);
        if !file.exists() {
            return Err(OpenError::NotThere { file: file.to_owned() }.into());
        }
        let _open = file::share(path).await.map_err(|why| OpenError::not_shared(why, file))?;
        let options = SqliteConnectOptions::new().filename(file).synchronous(SqliteSynchronous::Full).busy_timeout(PATIENCE);
        let mut store = SqliteConnection::connect_with(&options).await?;
        let repaired = in_sqlite(&mut store, now, by).await;
        let _ = store.close().await;
        repaired
    } else {
        let pool = connect_to_server(url).await?;
        let repaired = in_postgres(&pool, now, by).await;
        pool.close().await;
        repaired
    }
}

async fn in_sqlite(store: &mut SqliteConnection, now: Timestamp, by: &Author) -> Result<Vec<BrokenGuard>, RepairError> {
    let version: i64 = sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM _sqlx_migrations").fetch_one(&mut *store).await?;
    if SQLITE.last().is_none_or(|(known, ..)| *known != version) {
        return Err(RepairError::OtherVersion);
    }
    let wanted = guards::wanted_in_sqlite().await?;
    let mut work = store.begin_with("BEGIN IMMEDIATE").await?;
    let broken = guards::compared(&wanted, &guards::found_in_sqlite(&mut work).await?);
    if broken.is_empty() {
        return Ok(broken);
    }
    let repaired = async {
        for BrokenGuard { guard, fault } in &broken {
            let name = guard.split_once('.').map_or(guard.as_str(), |(_, name)| name);
            let taken_away = (*fault != GuardFault::Missing).then(|| format!("DROP TRIGGER {}", quoted(name)));
            for statement in taken_away.into_iter().chain(wanted.get(guard).cloned()) {
                sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *work).await?;
            }
        }
        let left = guards::compared(&wanted, &guards::found_in_sqlite(&mut work).await?);
        if left.is_empty() { Ok(()) } else { Err(RepairError::StillBroken(left)) }
    };
    let repaired: Result<(), RepairError> = repaired.await;
    if let Err(error) = repaired {
        work.rollback().await?;
        let line = entry(now, DeedOutcome::Failed, &broken, by);
        append_audit!(Which::<&mut SqliteConnection, &mut PgConnection>::Sqlite(store), line)?;
        return Err(error);
    }
    let line = entry(now, DeedOutcome::Done, &broken, by);
    append_audit!(Which::<&mut SqliteConnection, &mut PgConnection>::Sqlite(&mut work), line)?;
    work.commit().await?;
    Ok(broken)
}

async fn in_postgres(pool: &PgPool, now: Timestamp, by: &Author) -> Result<Vec<BrokenGuard>, RepairError> {
    if !is_up_to_date(pool).await.map_err(|_| RepairError::OtherVersion)? {
        return Err(RepairError::OtherVersion);
    }
    let mut work = pool.begin().await?;
    let wanted = guards::wanted_in_postgres(&mut work).await?;
    let found = guards::found_in_postgres(&mut work).await?;
    let mut broken = guards::compared(&wanted, &found);
    broken.sort();
    if broken.is_empty() {
        return Ok(broken);
    }
    let repaired = async {
        for statement in statements(&broken, &found) {
            sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *work).await?;
        }
        let left = guards::compared(&wanted, &guards::found_in_postgres(&mut work).await?);
        if left.is_empty() { Ok(()) } else { Err(RepairError::StillBroken(left)) }
    };
    let repaired: Result<(), RepairError> = repaired.await;
    if let Err(error) = repaired {
        work.rollback().await?;
        let line = entry(now, DeedOutcome::Failed, &broken, by);
        append_audit!(Which::<&SqlitePool, &PgPool>::Postgres(pool), line)?;
        return Err(error);
    }
    let line = entry(now, DeedOutcome::Done, &broken, by);
    append_audit!(Which::<&mut SqliteConnection, &mut PgConnection>::Postgres(&mut work), line)?;
    work.commit().await?;
    Ok(broken)
}

/// What has to be run in `PostgreSQL`: the functions first, because a trigger may be whole and its function not.
fn statements(broken: &[BrokenGuard], found: &Found) -> Vec<String> {
    let mut all = Vec::new();
    let functions: BTreeSet<&str> = broken.iter().filter_map(|broken| guards::function_of(&broken.guard)).collect();
    for function in functions {
        let body = guards::body_of(function);
        all.push(format!("CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $${body}$$"));
    }
    for BrokenGuard { guard, fault } in broken {
        let Some((table, name)) = guard.split_once('.') else { continue };
        let (quoted_name, quoted_table) = (quoted(name), quoted(table));
        let kind = found.get(guard).cloned().flatten();
        all.push(match (fault, kind.as_deref()) {
            (GuardFault::Foreign, Some("rule")) => format!("DROP RULE {quoted_name} ON {quoted_table}"),
            (GuardFault::Foreign, Some("policy")) => format!("ALTER TABLE {quoted_table} DISABLE ROW LEVEL SECURITY"),
            _ => format!("DROP TRIGGER IF EXISTS {quoted_name} ON {quoted_table}"),
        });
        if *fault != GuardFault::Foreign {
            all.extend(statement_of(&format!("CREATE TRIGGER {name} ")));
            all.push(format!("ALTER TABLE {quoted_table} ENABLE ALWAYS TRIGGER {quoted_name}"));
        }
    }
    all
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
