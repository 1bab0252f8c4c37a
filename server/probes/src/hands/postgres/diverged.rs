//! Saving what only a log that was given up has: which transactions committed behind the fork, which blocks they wrote, and what is in
//! those blocks now.
//!
//! Nothing here is remembered for longer than it is needed, and nothing takes longer than it may: a lost timeline may be large, and
//! most of a large one is better than nothing.

use super::{
    Postgres, Trouble,
    records::{File, Record, Xid, is_before},
    trouble,
};
use crate::{
    failure::{Problem, bounded},
    postgres::{
        connector::{calm, refusal, state, statement_timeout},
        session::{self, Session},
    },
};
use futures::TryStreamExt;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    pin::pin,
    time::Duration,
};
use switchback_domain::{Lsn, Timeline};
use switchback_engine::ports::Saved;
use tokio::time::Instant;
use tokio_postgres::SimpleQueryMessage;

const PLACE: &str = concat!(include_str!("../../../sql/place.sql"), include_str!("../../../sql/lost_place.sql"));
const RECORDS: &str = include_str!("../../../sql/lost_records.sql");
const TABLE: &str = include_str!("../../../sql/lost_table.sql");

/// How long all of it may take. What was found by then is what there is.
const WITHIN: Duration = Duration::from_secs(90);

/// How long one statement may take.
const STATEMENT: Duration = Duration::from_secs(15);

/// So much of the log is asked for at once.
const PAGE: u64 = 1024 * 1024;

/// So far before the fork is looked for what transactions wrote before they committed behind it.
const LOOK_BACK: u64 = 256 * 1024 * 1024;

/// More transactions, and more blocks that they wrote, than this are not remembered.
const REMEMBERED: usize = 2_000_000;

/// A row that is longer is not saved.
const ROW: usize = 4 * 1024 * 1024;

/// Blocks that are this close are read in one go, also those between them.
const GAP: u32 = 16;

/// So many blocks are read in one go, and rows of so many transactions looked for.
const RUN: (u32, usize) = (256, 4_000);

/// The first number that a database gives to something that is not its own.
const FIRST_NORMAL_OBJECT: i64 = 16_384;

/// Figures about other tables, which the server writes by itself: `pg_statistic` and `pg_statistic_ext_data`.
const STATISTICS: [i64; 2] = [2619, 3429];

/// How the log is read.
pub(super) fn reading_log() -> Vec<(&'static str, String)> {
    vec![statement_timeout(STATEMENT), ("default_transaction_read_only", "on".to_owned())]
}

/// How rows are read: a table that hides some from us is one that cannot be read, and nobody's own functions are in the way.
pub(super) fn reading_rows() -> Vec<(&'static str, String)> {
    let ours = [("row_security", "off".to_owned()), ("search_path", "pg_catalog".to_owned()), ("lock_timeout", "1s".to_owned())];
    reading_log().into_iter().chain(ours).collect()
}

/// What could not be had, and why. Each is a line of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "left_out", rename_all = "snake_case")]
enum LeftOut {
    /// A table that could not be read.
    Table { database: String, schema: String, table: String, why: String },
    /// A database that could not be entered, with so many tables in it.
    Database { database: String, tables: usize, why: String },
    /// Rows that are there no more: an old version is not kept for long.
    Deleted { database: String, schema: String, table: String, rows: u64 },
    /// Rows that are too long.
    Long { database: String, schema: String, table: String, rows: u64 },
    /// A table that was dropped, emptied or written anew after so many of its blocks were written.
    Gone { database: String, file: u32, blocks: usize },
    /// So many transactions changed what a database consists of.
    Definitions { database: String, transactions: usize },
    /// A part of the log that is not there any more: nobody knows what committed in it.
    Log { from: Lsn, to: Lsn },
    /// What was written before this and committed behind the fork was not looked for.
    Before { at: Lsn },
    /// A limit was reached: `time`, `size`, or `memory`.
    Limit { reached: &'static str },
}

/// What `lost_place.sql` answers.
#[derive(Debug, Deserialize)]
struct Place {
    in_recovery: bool,
    timeline: Option<Timeline>,
    replayed: Option<Lsn>,
    file_bytes: u64,
    database: String,
    databases: Vec<(u32, String)>,
}

/// What `lost_table.sql` answers.
#[derive(Debug, Deserialize)]
struct Relation {
    oid: i64,
    schema: String,
    table: String,
    kind: String,
    quoted: String,
}

impl Relation {
    /// It belongs to the server itself.
    fn is_system(&self) -> bool {
        self.oid < FIRST_NORMAL_OBJECT
    }

    /// It holds rows of its own. What a TOAST table holds comes with the rows that it belongs to.
    fn has_rows(&self) -> bool {
        matches!(self.kind.as_str(), "r" | "m")
    }
}

/// What was done to a file.
#[derive(Debug, Default)]
struct Touched {
    /// Blocks with whoever wrote into them.
    written: BTreeSet<(u32, Xid)>,
    /// How many rows were deleted by whom.
    deleted: BTreeMap<Xid, u64>,
}

/// The lines so far.
struct Lines {
    text: Vec<u8>,
    most: usize,
    rows: u64,
    tables: u64,
    left_out: u64,
}

impl Lines {
    /// Adds a row; false when there is no room. A part of the room is kept for what has to be said at the end.
    fn row(&mut self, line: &str) -> bool {
        if self.text.len() + line.len() + 1 > self.most - self.most / 16 {
            return false;
        }
        self.text.extend_from_slice(line.as_bytes());
        self.text.push(b'\n');
        self.rows += 1;
        true
    }

    /// Adds what could not be had. It counts, also where there is no room for it.
    fn left_out(&mut self, what: &LeftOut) {
        self.left_out += 1;
        let Ok(line) = serde_json::to_vec(what) else { return };
        if self.text.len() + line.len() < self.most {
            self.text.extend(line);
            self.text.push(b'\n');
        }
    }
}

/// One search.
struct Search<'a> {
    postgres: &'a Postgres,
    until: Instant,
    lines: Lines,
    /// Every part of a transaction that committed behind the fork, with the whole that it is a part of.
    committed: HashMap<Xid, Xid>,
    touched: BTreeMap<File, Touched>,
    /// How many blocks are remembered.
    blocks: usize,
}

/// From where to where a page was read.
struct Page {
    first: Option<Lsn>,
    last: Option<Lsn>,
    /// The first number that nobody had, where the page says it.
    unused: Option<Xid>,
}

impl Postgres {
    /// Everything that was committed behind `fork` of `timeline`, as far as it can be had, in at most `most_bytes`.
    pub(in crate::hands) async fn save_diverged(&self, timeline: Timeline, fork: Lsn, most_bytes: usize) -> Result<Saved, Trouble> {
        let until = Instant::now() + WITHIN;
        let lines = Lines { text: Vec::new(), most: most_bytes, rows: 0, tables: 0, left_out: 0 };
        let mut search = Search { postgres: self, until, lines, committed: HashMap::new(), touched: BTreeMap::new(), blocks: 0 };
        // What is in hand when time is up is kept; only what hangs is given up altogether.
        let searched = tokio::time::timeout(WITHIN + STATEMENT, search.run(timeline, fork)).await;
        let end = searched.unwrap_or_else(|_| Err(Problem::timed_out(WITHIN + STATEMENT).into()))?;
        let Lines { text, rows, tables, left_out, .. } = search.lines;
        Ok(Saved { end, lines: text, rows, tables, left_out })
    }
}

/// One answer as JSON.
async fn ask<T: DeserializeOwned>(connection: &mut Session, question: &'static str, with: &[i64]) -> Result<Option<T>, Trouble> {
    let with: Vec<session::With<'_>> = with.iter().map(session::number).collect();
    let text = calm(connection.text(question, &with)).await?.map_err(|error| trouble(&error, STATEMENT))?;
    text.map(|text| serde_json::from_str(&text).map_err(|error| Problem::json(&error).into())).transpose()
}

impl Search<'_> {
    fn is_late(&self) -> bool {
        Instant::now() >= self.until
    }

    async fn run(&mut self, timeline: Timeline, fork: Lsn) -> Result<Lsn, Trouble> {
        let mut log = self.postgres.lost_log.connect(STATEMENT).await?;
        let place: Place = ask(&mut log, PLACE, &[]).await?.ok_or_else(|| Problem::garbage("no answer to where it stands"))?;
        let Some(end) = place.replayed.filter(|_| place.in_recovery) else {
            return Err(Trouble::refused("it accepts writes: only what a standby has replayed can be saved"));
        };
        if place.timeline != Some(timeline) {
            let now = place.timeline.map_or_else(|| "not known".to_owned(), |timeline| timeline.to_string());
            return Err(Trouble::refused(format!(
                "its timeline is {now} and not {timeline}: the log behind the fork is not there any more"
            )));
        }
        self.read_log(&mut log, fork, end, place.file_bytes.max(1)).await?;
        if !self.committed.is_empty() {
            self.look_back(&mut log, fork).await?;
        }
        log.close().await;
        self.read_rows(&place).await?;
        Ok(end)
    }

    /// Reads the log from the fork to its end: what committed, and what was written.
    async fn read_log(&mut self, log: &mut Session, fork: Lsn, end: Lsn, file_bytes: u64) -> Result<(), Trouble> {
        let (mut at, mut width) = (fork, PAGE);
        while at < end {
            if self.is_late() || self.blocks > REMEMBERED || self.committed.len() > REMEMBERED {
                self.lines.left_out(&LeftOut::Limit { reached: if self.is_late() { "time" } else { "memory" } });
                self.lines.left_out(&LeftOut::Log { from: at, to: end });
                return Ok(());
            }
            let to = Lsn(at.0.saturating_add(width)).min(end);
            match self.page(log, at, to, true).await {
                Ok(Page { last: Some(last), .. }) if last > at => (at, width) = (last, PAGE),
                Ok(_) if to == end => return Ok(()),
                // A record that is longer than what was asked for.
                Ok(_) => width = width.saturating_mul(2),
                Err(error) if is_gone(&error) => {
                    let next = Lsn((at.0 / file_bytes + 1).saturating_mul(file_bytes)).min(end);
                    self.lines.left_out(&LeftOut::Log { from: at, to: next });
                    at = next;
                }
                Err(error) => return Err(trouble_of(error)),
            }
        }
        Ok(())
    }

    /// Reads the log from the fork backwards, for what transactions wrote before it that committed behind it.
    async fn look_back(&mut self, log: &mut Session, fork: Lsn) -> Result<(), Trouble> {
        let wholes = self.committed.values().copied();
        let Some(eldest) = wholes.reduce(|one, other| if is_before(other, one) { other } else { one }) else { return Ok(()) };
        let (mut at, mut from) = (fork, fork);
        loop {
            from = Lsn(from.0.saturating_sub(PAGE));
            if from.0 == 0 || fork.0 - from.0 > LOOK_BACK || self.is_late() || self.blocks > REMEMBERED {
                self.lines.left_out(&LeftOut::Before { at });
                return Ok(());
            }
            match self.page(log, from, at, false).await {
                // None of them had begun.
                Ok(Page { unused: Some(unused), .. }) if !is_before(eldest, unused) => return Ok(()),
                // A record that reaches over the end of a page belongs to the next one.
                Ok(Page { first, .. }) => at = first.unwrap_or(at),
                // The rest of a file that was left before it was full: what is in it is found from further back.
                Err(error) if has_code(&error, "XX000") => {}
                Err(error) if is_gone(&error) => {
                    self.lines.left_out(&LeftOut::Before { at });
                    return Ok(());
                }
                Err(error) => return Err(trouble_of(error)),
            }
        }
    }

    /// Takes in what the log says between two positions.
    async fn page(&mut self, log: &mut Session, from: Lsn, to: Lsn, behind: bool) -> Result<Page, Failed> {
        let (first, last) = (from.to_string(), to.to_string());
        let records = calm(log.rows(RECORDS, &[session::text(&first), session::text(&last)])).await;
        let records = records.map_err(Failed::Problem)?.map_err(Failed::Sql)?;
        let mut page = Page { first: None, last: None, unused: None };
        for record in records {
            let text = |column: usize| record.try_get::<_, String>(column).map_err(Failed::Sql);
            let xid: i64 = record.try_get(0).map_err(Failed::Sql)?;
            let (kind, description, blocks) = (text(1)?, text(2)?, text(3)?);
            if kind == "Page" {
                (page.first, page.last) = (description.parse().ok(), blocks.parse().ok());
                continue;
            }
            let Some(record) = Record::read(Xid::try_from(xid).unwrap_or(0), &kind, &description, &blocks) else { continue };
            match record {
                Record::Committed { whole, parts } if behind => {
                    self.committed.extend(parts.into_iter().chain([whole]).map(|part| (part, whole)));
                }
                Record::Written { by, file, block } if behind || self.committed.contains_key(&by) => {
                    self.blocks += usize::from(self.touched.entry(file).or_default().written.insert((block, by)));
                }
                Record::Deleted { by, file } if behind || self.committed.contains_key(&by) => {
                    *self.touched.entry(file).or_default().deleted.entry(by).or_default() += 1;
                }
                // The lowest of a page, because nobody had begun there at least once.
                Record::Unused { from } => {
                    page.unused = Some(page.unused.map_or(from, |before| if is_before(from, before) { from } else { before }));
                }
                Record::Committed { .. } | Record::Written { .. } | Record::Deleted { .. } => {}
            }
        }
        Ok(page)
    }

    /// Reads the rows of what was written, database by database.
    async fn read_rows(&mut self, place: &Place) -> Result<(), Trouble> {
        let mut databases: BTreeMap<u32, Vec<(File, Touched)>> = BTreeMap::new();
        for (file, mut touched) in std::mem::take(&mut self.touched) {
            // What was rolled back, or never came to its end, was never anybody's.
            touched.written.retain(|(_, by)| self.committed.contains_key(by));
            touched.deleted.retain(|by, _| self.committed.contains_key(by));
            if !touched.written.is_empty() || !touched.deleted.is_empty() {
                databases.entry(file.database).or_default().push((file, touched));
            }
        }
        for (oid, files) in databases {
            let Some((_, database)) = place.databases.iter().find(|(known, _)| *known == oid) else {
                // What all databases share has number 0; one that was dropped has none.
                let transactions = self.wholes(files.iter().map(|(_, touched)| touched)).len();
                self.lines.left_out(&LeftOut::Definitions { database: String::new(), transactions });
                continue;
            };
            if !self.read_database(database, *database == place.database, files).await? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The transactions that did this.
    fn wholes<'t>(&self, touched: impl Iterator<Item = &'t Touched>) -> BTreeSet<Xid> {
        let parts = touched.flat_map(|touched| touched.written.iter().map(|(_, by)| by).chain(touched.deleted.keys()));
        parts.filter_map(|part| self.committed.get(part).copied()).collect()
    }

    /// Reads the rows of one database; false when a limit is reached.
    async fn read_database(&mut self, database: &str, own: bool, files: Vec<(File, Touched)>) -> Result<bool, Trouble> {
        let database = database.to_owned();
        let mut connection = match self.postgres.lost_rows.in_database(&database).connect(STATEMENT).await {
            Ok(connection) => connection,
            // Not for us; anything else would be as bad for the next one.
            Err(Problem {
                failure: switchback_domain::ProbeFailure::Sql { .. } | switchback_domain::ProbeFailure::Unauthorized,
                cause,
            }) => {
                self.lines.left_out(&LeftOut::Database { database, tables: files.len(), why: bounded(&cause, 200) });
                return Ok(true);
            }
            Err(problem) => return Err(problem.into()),
        };
        let mut definitions = BTreeSet::new();
        for (file, touched) in files {
            let table: Option<Relation> = ask(&mut connection, TABLE, &[file.tablespace.into(), file.number.into()]).await?;
            let Some(table) = table else {
                self.lines.left_out(&LeftOut::Gone { database: database.clone(), file: file.number, blocks: touched.written.len() });
                continue;
            };
            if table.is_system() {
                if !STATISTICS.contains(&table.oid) {
                    definitions.extend(self.wholes(std::iter::once(&touched)));
                }
                continue;
            }
            // The console's own rows are nobody's data.
            let ours = own && table.schema == "switchback" && matches!(table.table.as_str(), "heartbeat" | "marker");
            if !table.has_rows() || ours {
                continue;
            }
            if !self.read_table(&mut connection, &database, &table, &touched).await? {
                return Ok(false);
            }
        }
        if !definitions.is_empty() {
            self.lines.left_out(&LeftOut::Definitions { database, transactions: definitions.len() });
        }
        connection.close().await;
        Ok(true)
    }

    /// Reads the rows of one table; false when a limit is reached.
    async fn read_table(&mut self, connection: &mut Session, database: &str, table: &Relation, touched: &Touched) -> Result<bool, Trouble> {
        let before = self.lines.rows;
        let mut long = 0;
        let named = || (database.to_owned(), table.schema.clone(), table.table.clone());
        let mut outcome = Ok(true);
        for run in runs(&touched.written) {
            if self.is_late() {
                self.lines.left_out(&LeftOut::Limit { reached: "time" });
                outcome = Ok(false);
                break;
            }
            match self.read_run(connection, database, table, &run, &mut long).await {
                Ok(true) => {}
                Ok(false) => {
                    self.lines.left_out(&LeftOut::Limit { reached: "size" });
                    outcome = Ok(false);
                    break;
                }
                Err(error) => match trouble_of(error) {
                    Trouble::Refused(why) => {
                        let (database, schema, table) = named();
                        self.lines.left_out(&LeftOut::Table { database, schema, table, why });
                        break;
                    }
                    Trouble::Failed(problem) => {
                        outcome = Err(problem.into());
                        break;
                    }
                },
            }
        }
        self.lines.tables += u64::from(self.lines.rows > before);
        let deleted: u64 = touched.deleted.values().sum();
        let (database, schema, table) = named();
        if long > 0 {
            self.lines.left_out(&LeftOut::Long { database: database.clone(), schema: schema.clone(), table: table.clone(), rows: long });
        }
        if deleted > 0 {
            self.lines.left_out(&LeftOut::Deleted { database, schema, table, rows: deleted });
        }
        outcome
    }

    /// Reads the rows of some blocks; false when there is no room for them.
    async fn read_run(
        &mut self,
        connection: &mut Session,
        database: &str,
        table: &Relation,
        run: &Run,
        long: &mut u64,
    ) -> Result<bool, Failed> {
        let by = run.by.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        // Written out and not as parameters: only then the server looks transactions up in a table instead of in a list, for each row.
        let statement = format!(
            "select xid::text, case when octet_length(line) <= {ROW} then line end from (\
                select t.xmin as xid, to_jsonb(t)::text as line from only {} as t \
                where ctid >= '({},0)'::tid and ctid < '({},0)'::tid and xmin = any ('{{{by}}}'::xid[]) offset 0\
             ) as found",
            table.quoted,
            run.from,
            u64::from(run.to) + 1,
        );
        let text = |text: &str| serde_json::to_string(text).unwrap_or_default();
        let begin =
            format!("{{\"database\":{},\"schema\":{},\"table\":{},\"xid\":", text(database), text(&table.schema), text(&table.table));
        let reading = async {
            let mut rows = pin!(connection.stream(&statement).await?);
            while let Some(message) = rows.try_next().await? {
                let SimpleQueryMessage::Row(row) = message else { continue };
                let xid = row.try_get(0)?.unwrap_or_default();
                let Some(line) = row.try_get(1)? else {
                    *long += 1;
                    continue;
                };
                let part = xid.parse().unwrap_or(0);
                let whole = self.committed.get(&part).copied().unwrap_or(part);
                if !self.lines.row(&format!("{begin}{whole},\"row\":{line}}}")) {
                    return Ok(false);
                }
            }
            Ok(true)
        };
        calm(reading).await.map_err(Failed::Problem)?.map_err(Failed::Sql)
    }
}

/// Why a statement failed, before anybody knows whether it matters.
enum Failed {
    Sql(tokio_postgres::Error),
    Problem(Problem),
}

fn has_code(error: &Failed, code: &str) -> bool {
    matches!(error, Failed::Sql(error) if state(error) == Some(code))
}

/// A file of the log has been removed.
fn is_gone(error: &Failed) -> bool {
    has_code(error, "58P01")
}

/// A statement that the server ended, for whatever reason, says no; so does one that took too long.
fn trouble_of(error: Failed) -> Trouble {
    match error {
        Failed::Problem(problem) => problem.into(),
        Failed::Sql(error) => match (refusal(&error), trouble(&error, STATEMENT)) {
            (Some(said), Trouble::Failed(_)) if state(&error) == Some("57014") => Trouble::refused(format!("{} (57014)", said.message())),
            (_, trouble) => trouble,
        },
    }
}

/// Blocks that are read in one go, and whose rows in them are looked for.
#[derive(Debug, PartialEq, Eq)]
struct Run {
    from: u32,
    to: u32,
    by: BTreeSet<Xid>,
}

/// What was written, in as few goes as is good.
fn runs(written: &BTreeSet<(u32, Xid)>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (block, by) in written {
        match runs.last_mut() {
            Some(run) if block - run.to <= GAP && block - run.from < RUN.0 && (run.by.len() < RUN.1 || *block == run.to) => {
                run.to = *block;
                run.by.insert(*by);
            }
            _ => runs.push(Run { from: *block, to: *block, by: BTreeSet::from([*by]) }),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(from: u32, to: u32, by: &[Xid]) -> Run {
        Run { from, to, by: by.iter().copied().collect() }
    }

    #[test]
    fn blocks_that_are_close_are_read_in_one_go_and_none_is_read_twice() {
        let found = |written: &[(u32, Xid)]| runs(&written.iter().copied().collect());
        assert_eq!(found(&[]), []);
        assert_eq!(found(&[(0, 7), (0, 8), (3, 7), (19, 9), (36, 9)]), [run(0, 19, &[7, 8, 9]), run(36, 36, &[9])]);
        let long: Vec<(u32, Xid)> = (0..600).map(|block| (block, 7)).collect();
        assert_eq!(found(&long), [run(0, 255, &[7]), run(256, 511, &[7]), run(512, 599, &[7])]);
        let many: Vec<(u32, Xid)> = (0..5_000).map(|by| (by / 3_000, by)).collect();
        let split = found(&many);
        // A block stays whole, or its rows would be looked for twice.
        assert_eq!(split.iter().map(|run| (run.from, run.to, run.by.len())).collect::<Vec<_>>(), [(0, 1, 5_000)]);
        let many: Vec<(u32, Xid)> = (0..5_000).map(|by| (by / 1_000, by)).collect();
        assert_eq!(found(&many).iter().map(|run| (run.from, run.to, run.by.len())).collect::<Vec<_>>(), [(0, 3, 4_000), (4, 4, 1_000)]);
    }

    #[test]
    fn lines_never_take_more_room_than_there_is_and_what_is_missing_is_said() {
        let mut lines = Lines { text: Vec::new(), most: 320, rows: 0, tables: 0, left_out: 0 };
        let row = "{\"row\":1}";
        let mut kept = 0;
        while lines.row(row) {
            kept += 1;
        }
        assert_eq!((lines.rows, lines.text.len()), (kept, 300));
        lines.left_out(&LeftOut::Limit { reached: "size" });
        assert_eq!(lines.text.len(), 300, "no room for that line either");
        assert_eq!(lines.left_out, 1, "but it counts");
        let said = serde_json::to_string(&LeftOut::Limit { reached: "size" }).expect("a line");
        assert_eq!(said, r#"{"left_out":"limit","reached":"size"}"#);
    }
}
