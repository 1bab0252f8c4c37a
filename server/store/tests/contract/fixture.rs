//! A store under test, and names, times and figures for it.

use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use std::sync::Arc;
use switchback_domain::{PoolId, people::Person};
use switchback_engine::ports::{Session, Store};

pub struct Fixture {
    pub store: Arc<dyn Store>,
    pub url: String,
    /// The address of the tables' owner, where the console's user is another one.
    pub owner: Option<String>,
}

impl Fixture {
    /// Opens the store at `url`, which is made if it is not there.
    pub async fn open(url: String) -> Self {
        let store = switchback_store::open(&url).await.unwrap();
        Self { store, url, owner: None }
    }

    /// Opens a store in `PostgreSQL` whose tables the console's user does not own.
    pub async fn open_as(console: &str, url: String, owner: String) -> Self {
        switchback_store::migrate_store(&owner, console).await.unwrap();
        let store = switchback_store::open(&url).await.unwrap();
        Self { store, url, owner: Some(owner) }
    }

    pub async fn reopen(self) -> Self {
        drop(self.store);
        match self.owner {
            Some(owner) => Self::open_as("console", self.url, owner).await,
            None => Self::open(self.url).await,
        }
    }

    /// The store that a console of this commit has left behind takes the place of this one, and is opened.
    pub async fn replaced_by_the_one_of(self, commit: &str) -> Self {
        drop(self.store);
        let kind = if self.url.starts_with("sqlite:") { "sqlite" } else { "postgres" };
        let dump = format!("{}/tests/stores/{commit}.{kind}.sql", env!("CARGO_MANIFEST_DIR"));
        let dump = AssertSqlSafe(std::fs::read_to_string(dump).unwrap());
        if let Some(file) = self.url.strip_prefix("sqlite:") {
            for end in ["", "-wal", "-shm"] {
                let _ = std::fs::remove_file(format!("{file}{end}"));
            }
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file).create_if_missing(true);
            let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
            sqlx::raw_sql(dump).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
            return Self::open(self.url).await;
        }
        let owner = self.owner.clone().unwrap_or_else(|| self.url.clone());
        let mut connection = PgConnection::connect(&owner).await.unwrap();
        sqlx::raw_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO console")
            .execute(&mut connection)
            .await
            .unwrap();
        sqlx::raw_sql(dump).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        match self.owner {
            Some(owner) => Self::open_as("console", self.url, owner).await,
            None => Self::open(self.url).await,
        }
    }

    /// Runs statements past the store, as somebody with a database client would.
    pub async fn tamper(&self, sql: &str) -> Result<(), sqlx::Error> {
        let sql = AssertSqlSafe(sql.to_owned());
        if self.url.starts_with("sqlite:") {
            let mut connection = SqliteConnection::connect(&self.url).await.unwrap();
            sqlx::raw_sql(sql).execute(&mut connection).await.map(drop)
        } else {
            let mut connection = PgConnection::connect(self.owner.as_ref().unwrap_or(&self.url)).await.unwrap();
            sqlx::raw_sql(sql).execute(&mut connection).await.map(drop)
        }
    }
}

/// So many milliseconds after a fixed day in 2026.
pub fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(1_790_000_000_000 - 1_790_000_000_000 % 3_600_000 + milliseconds).unwrap()
}

pub fn pool(name: &str) -> PoolId {
    name.parse().unwrap()
}

pub fn person(login: &str) -> Person {
    Person { login: login.parse().unwrap(), name: format!("{login} of the tests"), created_at: at(0) }
}

pub fn session(secret: u8, login: &str, created_at: Timestamp, used_at: Timestamp) -> Session {
    Session { secret_hash: [secret; 32], login: login.parse().unwrap(), created_at, used_at }
}

/// Makes the first person.
pub async fn with_person(store: &dyn Store, login: &str) -> Person {
    let person = person(login);
    store.open_set_up(&[255; 32], at(1)).await.unwrap();
    store.set_up(&[255; 32], &person, "a hash", at(0)).await.unwrap();
    person
}
