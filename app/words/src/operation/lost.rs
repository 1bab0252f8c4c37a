//! What only a lost log has: how much it is, by table, and what of it could not be saved.

use crate::{Locale, bytes, count, list, say};
use switchback_domain::{
    operation::{FoundLoss, LostTable, LostWrites, NotSaved},
    text::visible,
};

/// How much was lost, as a figure: `343 rows · 2 transactions · 41 KiB`.
pub fn figure(lang: Locale, writes: &LostWrites) -> String {
    if writes.is_nothing() {
        return say!(lang, operations.lost.nothing);
    }
    let (rows, transactions, size) = (rows(lang, writes.changes()), transactions(lang, writes.transactions), bytes(writes.bytes));
    let figure = say!(lang, operations.lost.figure, rows = rows, transactions = transactions, bytes = size);
    if writes.complete { figure } else { say!(lang, operations.num.at_least, figure = figure) }
}

fn rows(lang: Locale, n: u64) -> String {
    if n == 1 { say!(lang, operations.lost.row) } else { say!(lang, operations.lost.rows, n = count(n)) }
}

fn transactions(lang: Locale, n: u64) -> String {
    if n == 1 { say!(lang, operations.lost.transaction) } else { say!(lang, operations.lost.transactions, n = count(n)) }
}

fn deletions(lang: Locale, n: u64) -> String {
    if n == 1 { say!(lang, operations.lost.deletion) } else { say!(lang, operations.lost.deletions, n = count(n)) }
}

/// What of it was saved, and where it is; nothing when nothing was.
pub fn saved(lang: Locale, found: &FoundLoss) -> Option<String> {
    let rows: u64 = found.writes.iter().flat_map(|writes| &writes.tables).map(|table| table.saved).sum();
    (rows > 0).then(|| say!(lang, operations.lost.saved, n = count(rows), operation = found.operation.to_string()))
}

/// The tables that were written, with what was done to each; nothing when there are none.
pub fn tables(lang: Locale, writes: &LostWrites) -> Option<String> {
    let mut told: Vec<String> = writes.tables.iter().map(|one| table(lang, one)).collect();
    if writes.more_tables > 0 {
        told.push(say!(lang, operations.lost.more_tables, n = count(writes.more_tables)));
    }
    (!told.is_empty()).then(|| say!(lang, operations.lost.tables, tables = list(lang, told)))
}

fn table(lang: Locale, table: &LostTable) -> String {
    let done = [
        (table.inserted > 0).then(|| say!(lang, operations.lost.inserted, n = count(table.inserted))),
        (table.updated > 0).then(|| say!(lang, operations.lost.updated, n = count(table.updated))),
        (table.deleted > 0).then(|| say!(lang, operations.lost.deleted, n = count(table.deleted))),
    ];
    let done = done.into_iter().flatten().collect::<Vec<_>>().join(&say!(lang, operations.lost.and));
    let database = visible(&table.database).into_owned();
    match &table.table {
        Some(name) => say!(lang, operations.lost.table, database = database, table = visible(name).into_owned(), done = done),
        None => say!(lang, operations.lost.table_unnamed, database = database, done = done),
    }
}

/// One thing that could not be saved, and why.
pub fn not_saved(lang: Locale, what: &NotSaved) -> String {
    let whole = |database: &str, schema: &str, table: &str| visible(&format!("{database}: {schema}.{table}")).into_owned();
    match what {
        NotSaved::Table { database, schema, table, rows, why } => {
            let table = whole(database, schema, table);
            say!(lang, operations.not_saved.table, table = table, rows = self::rows(lang, *rows), why = visible(why).into_owned())
        }
        NotSaved::Database { database, tables, rows, why } => say!(
            lang,
            operations.not_saved.database,
            database = visible(database).into_owned(),
            tables = count(*tables),
            rows = self::rows(lang, *rows),
            why = visible(why).into_owned()
        ),
        NotSaved::Deleted { database, schema, table, rows } => {
            say!(lang, operations.not_saved.deleted, table = whole(database, schema, table), deletions = deletions(lang, *rows))
        }
        NotSaved::Long { database, schema, table, rows } => {
            say!(lang, operations.not_saved.long, table = whole(database, schema, table), rows = self::rows(lang, *rows))
        }
        NotSaved::Gone { database, file, rows } => {
            say!(
                lang,
                operations.not_saved.gone,
                database = visible(database).into_owned(),
                file = file.to_string(),
                rows = self::rows(lang, *rows)
            )
        }
        NotSaved::Definitions { database, transactions } if database.is_empty() => {
            say!(lang, operations.not_saved.definitions_shared, transactions = self::transactions(lang, *transactions))
        }
        NotSaved::Definitions { database, transactions } => {
            say!(
                lang,
                operations.not_saved.definitions,
                database = visible(database).into_owned(),
                transactions = self::transactions(lang, *transactions)
            )
        }
        NotSaved::LargeObjects { database, rows } => {
            say!(lang, operations.not_saved.large_objects, database = visible(database).into_owned(), n = count(*rows))
        }
        NotSaved::Sequence { database, schema, sequence, why } => {
            say!(lang, operations.not_saved.sequence, sequence = whole(database, schema, sequence), why = visible(why).into_owned())
        }
        NotSaved::Messages { messages } => say!(lang, operations.not_saved.messages, n = count(*messages)),
        NotSaved::Prepared { transactions } => say!(lang, operations.not_saved.prepared, n = count(*transactions)),
        NotSaved::Unknown { transactions } => {
            say!(lang, operations.not_saved.unknown, transactions = self::transactions(lang, *transactions))
        }
        NotSaved::Log { from, to } => say!(lang, operations.not_saved.log, from = from.to_string(), to = to.to_string()),
        NotSaved::Before { at } => say!(lang, operations.not_saved.before, at = at.to_string()),
        NotSaved::Limit { reached } => match reached.as_str() {
            "time" => say!(lang, operations.not_saved.limit_time),
            "size" => say!(lang, operations.not_saved.limit_size),
            _ => say!(lang, operations.not_saved.limit_memory),
        },
        NotSaved::Silent { node } => say!(lang, operations.not_saved.silent, node = node.to_string()),
        NotSaved::More { things } => say!(lang, operations.not_saved.more, n = count(*things)),
    }
}
