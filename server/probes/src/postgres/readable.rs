//! What the console's role may not read, so that it could not be saved if the site were lost. That changes seldom and takes a connection
//! to each database, so it is looked at now and then, beside the looks of each second.

use super::{
    connector::{Connector, calm, problem},
    session::Session,
    within,
};
use crate::failure::{Problem, bounded};
use serde::Deserialize;
use std::time::Duration;
use switchback_domain::{ProbeFailure, Unreadable};
use tokio::{task::JoinSet, time::Instant};
use tracing::debug;

const DATABASES: &str = "select datname::text, has_database_privilege(oid, 'connect') from pg_database \
                         where datallowconn and not datistemplate order by datname limit 100";
const UNREADABLE: &str = include_str!("../../sql/unreadable.sql");

/// How long what was seen counts.
const EVERY: Duration = Duration::from_mins(10);

/// After a look that failed.
const AGAIN: Duration = Duration::from_mins(1);

/// For one connection or one question.
const LIMIT: Duration = Duration::from_secs(5);

/// For all of it.
const WITHIN: Duration = Duration::from_mins(2);

/// More names than this are not kept.
const NAMES: usize = 5;

/// What was seen last, and the look that is under way.
pub(super) struct Readable {
    connector: Connector,
    seen: Option<Unreadable>,
    due: Instant,
    looking: JoinSet<Result<Unreadable, Problem>>,
}

impl Readable {
    pub(super) fn new(connector: Connector) -> Readable {
        Readable { connector, seen: None, due: Instant::now(), looking: JoinSet::new() }
    }

    /// What was seen last; begins to look again when that is due. Waits for nothing.
    pub(super) fn seen(&mut self) -> Option<Unreadable> {
        if let Some(ended) = self.looking.try_join_next() {
            let (seen, next) = match ended {
                Ok(Ok(seen)) => (Some(seen), EVERY),
                Ok(Err(problem)) => {
                    debug!(cause = %problem.cause, "nobody knows what could be saved");
                    (None, AGAIN)
                }
                Err(_) => (None, AGAIN),
            };
            (self.seen, self.due) = (seen, Instant::now() + next);
        }
        if self.looking.is_empty() && Instant::now() >= self.due {
            let connector = self.connector.clone();
            self.looking.spawn(async move { within(WITHIN, Box::pin(look(&connector))).await });
        }
        self.seen.clone()
    }
}

/// What `unreadable.sql` answers.
#[derive(Deserialize)]
struct Tables {
    tables: u64,
    first: Vec<String>,
}

/// Looks at every database that there is.
pub(super) async fn look(connector: &Connector) -> Result<Unreadable, Problem> {
    let mut connection = within(LIMIT, Box::pin(connector.connect(LIMIT))).await?;
    let databases = within(LIMIT, calm(connection.rows(DATABASES, &[]))).await?.map_err(|error| problem(&error, LIMIT))?;
    connection.close().await;
    let mut found = Unreadable::default();
    for row in databases {
        let database: String = row.try_get(0).map_err(|error| problem(&error, LIMIT))?;
        let may_connect: bool = row.try_get(1).map_err(|error| problem(&error, LIMIT))?;
        let entered =
            if may_connect { within(LIMIT, Box::pin(connector.in_database(&database).connect(LIMIT))).await.map(Some) } else { Ok(None) };
        let mut connection = match entered {
            Ok(Some(connection)) => connection,
            Ok(None) | Err(Problem { failure: ProbeFailure::Sql { .. } | ProbeFailure::Unauthorized, .. }) => {
                found.databases.push(bounded(&database, 70));
                continue;
            }
            Err(problem) => return Err(problem),
        };
        let Tables { tables, first } = within(LIMIT, ask(&mut connection)).await?;
        found.tables += tables;
        let names = first.iter().map(|table| bounded(&format!("{database}: {table}"), 200));
        found.first_tables.extend(names.take(NAMES.saturating_sub(found.first_tables.len())));
        connection.close().await;
    }
    Ok(found)
}

async fn ask(connection: &mut Session) -> Result<Tables, Problem> {
    let text = calm(connection.text(UNREADABLE, &[])).await?.map_err(|error| problem(&error, LIMIT))?;
    let text = text.ok_or_else(|| Problem::garbage("the answer has no row"))?;
    serde_json::from_str(&text).map_err(|error| Problem::json(&error))
}
