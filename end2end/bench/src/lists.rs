//! The list of operations, and the start of the console, with many operations in the store. No journal of one that has ended may be read
//! for either.

use crate::{
    client::Connection,
    console::{Console, Program},
    engines::{Pool, Shape},
    figures::{Spread, ms},
};
use anyhow::{Context, bail};
use clap::Args;
use sqlx::{Connection as _, SqliteConnection};
use std::{path::Path, time::Duration};

/// The list is there as quickly as a page that reads nothing.
const FIRST_BYTE: Duration = Duration::from_millis(20);

const READY: Duration = Duration::from_secs(2);

/// A finished switchover, as every version reads it.
const JOURNAL: &str = include_str!("../../../server/journal-format/golden/v1/switchover-done.jsonl");

/// What to measure.
#[derive(Args, Clone)]
pub struct Options {
    /// How many finished operations there are.
    #[arg(long, default_value_t = 10_000)]
    operations: u32,
    /// How many times each address is asked for.
    #[arg(long, default_value_t = 200)]
    requests: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options { operations: 10_000, requests: 200 }
    }
}

/// Measures, and fails when a goal is missed.
pub async fn run(program: &Program, options: &Options) -> anyhow::Result<()> {
    let pools = [Pool::start("lists".to_owned(), Shape::Whole).await?];
    let mut console = Console::start(program, &pools).await?;
    let empty = console.start_again(program, async |_| Ok(())).await?;
    // As an older version has left them: what lists show is worked out at the next start, once.
    let once = console.start_again(program, async |store| fill(store, options.operations).await).await?;
    let mut starts = Spread::default();
    for _ in 0..5 {
        starts.push(console.start_again(program, async |_| Ok(())).await?);
    }
    console.settle(&pools[0]).await?;

    let mut connection = Connection::open(console.address).await?;
    let headers = console.headers();
    let addresses = ["/operations", "/api/v1/operations?most=200", "/pools/lists"];
    let mut answers = addresses.map(|_| Spread::default());
    let mut baseline = Spread::default();
    for _ in 0..options.requests {
        baseline.push(connection.ask("GET", "/health/live", &[], "").await?.first_byte);
        for (address, spread) in addresses.iter().zip(&mut answers) {
            let answer = connection.ask("GET", address, &headers, "").await?;
            if answer.status != 200 {
                bail!("{address} answers {}", answer.status);
            }
            let shown = String::from_utf8_lossy(&answer.body).matches("op-1").count();
            if address.contains("operations") && shown < 100 {
                bail!("{address} shows {shown} operations");
            }
            spread.push(answer.first_byte);
        }
    }
    println!("\nlists: {} finished operations in the store; first byte, {} times each", options.operations, options.requests);
    println!("  /health/live:    {}", baseline.in_words());
    let live = baseline.percentile(50).as_secs_f64();
    for (address, spread) in addresses.iter().zip(&mut answers) {
        let times = spread.percentile(50).as_secs_f64() / live;
        println!("  {address}: {}; {times:.1}x of /health/live (p50)", spread.in_words());
    }
    println!("  ready after:     {} with an empty store, {} with these", ms(empty), starts.in_words());
    println!("  {} for the first start on a store that an older version has filled", ms(once));
    let slowest = answers.iter_mut().map(|spread| spread.percentile(95)).max().unwrap_or_default();
    if slowest >= FIRST_BYTE || starts.percentile(100) >= READY {
        bail!("a goal is missed: first byte (p95) below {}, ready below {}", ms(FIRST_BYTE), ms(READY));
    }
    Ok(())
}

/// Puts finished operations into a store that nobody uses, as an older version would have written them.
async fn fill(store: &Path, operations: u32) -> anyhow::Result<()> {
    let mut connection = SqliteConnection::connect(&format!("sqlite:{}", store.display())).await?;
    let guard: (String,) =
        sqlx::query_as("SELECT sql FROM sqlite_master WHERE name = 'journal_refuses_gaps'").fetch_one(&mut connection).await?;
    let mut work = connection.begin().await?;
    // Entries are only taken for an operation that has not ended, one after the other; here all come at once.
    sqlx::query("DROP TRIGGER journal_refuses_gaps").execute(&mut *work).await?;
    sqlx::query(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
         INSERT INTO operations (id, pool, ended) SELECT 10000 + i, 'lists', 1 FROM n",
    )
    .bind(operations)
    .execute(&mut *work)
    .await?;
    for (number, entry) in (0_i64..).zip(JOURNAL.lines()) {
        let insert = sqlx::query("INSERT INTO journal (operation, number, entry) SELECT id, $1, $2 FROM operations");
        insert.bind(number).bind(entry.replace("chat-core", "lists")).execute(&mut *work).await?;
    }
    sqlx::raw_sql(sqlx::AssertSqlSafe(guard.0)).execute(&mut *work).await?;
    work.commit().await.context("the store could not be filled")
}
