//! The guards: triggers that let nobody change what must not change. They are part of the database, so somebody with a database client can
//! take them away; then the store goes on as if nothing were missing. So they are compared with what they were made as.

use crate::{
    open::{SQLITE, bring_up_to_date, migrations},
    sql::{SqlStore, Which, failed},
};
use sqlx::{PgConnection, PgPool, SqliteConnection, SqlitePool, sqlite::SqlitePoolOptions};
use std::collections::BTreeMap;
use switchback_domain::{BrokenGuard, GuardFault};
use switchback_engine::ports::StoreError;

/// The tables in which nothing may change.
const GUARDED: [&str; 4] = ["audit", "evidence", "journal", "operations"];

/// What there is on the guarded tables, by table and name; `None` as a text says that a trigger is switched off.
pub(crate) type Found = BTreeMap<String, Option<String>>;

/// What compares the triggers of this store with those that were made: in their order.
pub(crate) async fn broken(store: &SqlStore) -> Result<Vec<BrokenGuard>, StoreError> {
    let broken = match &store.readers {
        Which::Sqlite(pool) => broken_in_sqlite(pool).await,
        Which::Postgres(pool) => broken_in_postgres(pool).await,
    };
    let mut broken = broken.map_err(failed)?;
    broken.sort();
    Ok(broken)
}

/// Compares what is there with what should be.
pub(crate) fn compared(wanted: &BTreeMap<String, String>, found: &Found) -> Vec<BrokenGuard> {
    let mut broken = Vec::new();
    for (guard, text) in wanted {
        let fault = match found.get(guard) {
            None => GuardFault::Missing,
            Some(None) => GuardFault::Disabled,
            Some(Some(found)) if found != text => GuardFault::Changed,
            Some(Some(_)) => continue,
        };
        broken.push(BrokenGuard { guard: guard.clone(), fault });
    }
    let foreign = found.keys().filter(|guard| !wanted.contains_key(*guard));
    broken.extend(foreign.map(|guard| BrokenGuard { guard: guard.clone(), fault: GuardFault::Foreign }));
    broken
}

const SQLITE_TRIGGERS: &str = "SELECT tbl_name || '.' || name, sql FROM sqlite_master WHERE type = 'trigger'";

/// The text of a trigger is kept as it was given, so a store in memory that the same migrations have made tells what it should be. The
/// guarded tables themselves belong to it: a table that was renamed away and made anew has no triggers, but another one may be a view.
pub(crate) async fn wanted_in_sqlite() -> Result<BTreeMap<String, String>, sqlx::Error> {
    let model = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    bring_up_to_date(&migrations(SQLITE), &model).await.map_err(|error| sqlx::Error::Protocol(error.to_string()))?;
    let wanted: Vec<(String, String)> = sqlx::query_as(SQLITE_TRIGGERS).fetch_all(&model).await?;
    model.close().await;
    Ok(wanted.into_iter().collect())
}

pub(crate) async fn found_in_sqlite(store: &mut SqliteConnection) -> Result<Found, sqlx::Error> {
    let found: Vec<(String, String)> = sqlx::query_as(SQLITE_TRIGGERS).fetch_all(store).await?;
    Ok(found.into_iter().map(|(guard, text)| (guard, Some(text))).collect())
}

pub(crate) async fn broken_in_sqlite(pool: &SqlitePool) -> Result<Vec<BrokenGuard>, sqlx::Error> {
    let wanted = wanted_in_sqlite().await?;
    Ok(compared(&wanted, &found_in_sqlite(&mut *pool.acquire().await?).await?))
}

/// What a trigger of `PostgreSQL` is, in one line: when it runs and for what (`pg_trigger.tgtype`), whether under a condition, and what its
/// function does. Rules and policies can swallow writes just as triggers can, and are none of ours.
const POSTGRES_TRIGGERS: &str = "
    SELECT c.relname || '.' || t.tgname, t.tgenabled = 'A',
        t.tgtype || ' ' || CASE WHEN t.tgqual IS NULL THEN '' ELSE 'WHEN ' END || md5(p.prosrc) || ' ' || l.lanname
    FROM pg_trigger t
        JOIN pg_class c ON c.oid = t.tgrelid
        JOIN pg_proc p ON p.oid = t.tgfoid
        JOIN pg_language l ON l.oid = p.prolang
    WHERE c.oid = ANY (ARRAY[to_regclass('audit'), to_regclass('evidence'), to_regclass('journal'), to_regclass('operations')]::oid[])
        AND NOT t.tgisinternal
    UNION ALL
    SELECT c.relname || '.' || r.rulename, true, 'rule' FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
    WHERE c.oid = ANY (ARRAY[to_regclass('audit'), to_regclass('evidence'), to_regclass('journal'), to_regclass('operations')]::oid[])
    UNION ALL
    SELECT c.relname || '.row_security', true, 'policy' FROM pg_class c
    WHERE c.oid = ANY (ARRAY[to_regclass('audit'), to_regclass('evidence'), to_regclass('journal'), to_regclass('operations')]::oid[])
        AND c.relrowsecurity";

/// Of each guard in `PostgreSQL`: its table, its name, when it runs (row 1, before 2, insert 4, delete 8, update 16, truncate 32), and its
/// function, whose text is in the migrations.
const POSTGRES_GUARDS: [(&str, &str, u8, &str); 10] = [
    ("audit", "audit_refuses_change", 27, "audit_refuses_change"),
    ("audit", "audit_refuses_truncate", 34, "audit_refuses_change"),
    ("operations", "operations_refuse_change", 27, "operations_refuse_change"),
    ("operations", "operations_refuse_truncate", 34, "operations_refuse_change"),
    ("journal", "journal_refuses_change", 27, "journal_refuses_change"),
    ("journal", "journal_refuses_truncate", 34, "journal_refuses_change"),
    ("journal", "journal_refuses_gaps", 7, "journal_refuses_gaps"),
    ("evidence", "evidence_refuses_change", 27, "evidence_refuses_change"),
    ("evidence", "evidence_refuses_truncate", 34, "evidence_refuses_change"),
    ("evidence", "evidence_refuses_late", 7, "evidence_refuses_late"),
];

pub(crate) async fn wanted_in_postgres(store: &mut PgConnection) -> Result<BTreeMap<String, String>, sqlx::Error> {
    let mut wanted = BTreeMap::new();
    for (table, name, kind, function) in POSTGRES_GUARDS {
        // The database works out the digest, so that there is one way to do it.
        let digest: (String,) = sqlx::query_as("SELECT md5($1)").bind(body_of(function)).fetch_one(&mut *store).await?;
        wanted.insert(format!("{table}.{name}"), format!("{kind} {} plpgsql", digest.0));
    }
    debug_assert!(POSTGRES_GUARDS.iter().all(|(table, ..)| GUARDED.contains(table)), "the query asks for these tables");
    Ok(wanted)
}

pub(crate) async fn found_in_postgres(store: &mut PgConnection) -> Result<Found, sqlx::Error> {
    let found: Vec<(String, bool, String)> = sqlx::query_as(POSTGRES_TRIGGERS).fetch_all(store).await?;
    Ok(found.into_iter().map(|(guard, always, text)| (guard, always.then_some(text))).collect())
}

async fn broken_in_postgres(pool: &PgPool) -> Result<Vec<BrokenGuard>, sqlx::Error> {
    let mut store = pool.acquire().await?;
    let wanted = wanted_in_postgres(&mut store).await?;
    Ok(compared(&wanted, &found_in_postgres(&mut store).await?))
}

/// The function that a guard in `PostgreSQL` runs; nothing when it is none of ours.
pub(crate) fn function_of(guard: &str) -> Option<&'static str> {
    POSTGRES_GUARDS.iter().find(|(table, name, ..)| guard.split_once('.') == Some((*table, *name))).map(|(.., function)| *function)
}

/// The body of a function as a migration has made it.
pub(crate) fn body_of(function: &str) -> &'static str {
    let made = format!("CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$");
    let texts = crate::open::POSTGRES.iter().rev().map(|(_, _, text)| *text);
    let found = texts.filter_map(|text| text.split_once(made.as_str())).map(|(_, rest)| rest.split("$$").next().unwrap_or_default());
    found.into_iter().next().unwrap_or_default()
}
