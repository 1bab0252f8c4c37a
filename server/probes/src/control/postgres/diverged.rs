//! Saving what only a log that was given up has: which transactions committed behind the fork, which blocks they wrote, and what is in
//! those blocks now.
//!
//! Nothing here is remembered for longer than it is needed, and nothing takes longer than it may: a lost timeline may be large, and
//! most of a large one is better than nothing.

use super::{
    OrderTrouble, Postgres,
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
use jiff::Timestamp;
use serde::{Deserialize, de::DeserializeOwned};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    pin::pin,
    time::Duration,
};
use switchback_domain::{
    ByteLag, Lsn, Timeline,
    operation::{LostTable, LostWrites, NotSaved},
};
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

/// Figures about other tables, which the server writes by itself: `pg_statistic` and `pg_statistic_ext_data`, each with its TOAST table.
const STATISTICS: [i64; 4] = [2619, 2840, 3429, 3430];

/// Large objects and who owns them: `pg_largeobject` and `pg_largeobject_metadata`.
const LARGE_OBJECTS: [i64; 2] = [2613, 2995];

/// How the log is read.
pub(super) fn reading_log() -> Vec<(&'static str, String)> {
    vec![statement_timeout(STATEMENT), ("default_transaction_read_only", "on".to_owned())]
}

/// How rows are read: a table that hides some from us is one that cannot be read, and nobody's own functions are in the way.
pub(super) fn reading_rows() -> Vec<(&'static str, String)> {
    let ours = [("row_security", "off".to_owned()), ("search_path", "pg_catalog".to_owned()), ("lock_timeout", "1s".to_owned())];
    reading_log().into_iter().chain(ours).collect()
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
    /// How many rows each transaction inserted, changed, deleted and moved to another partition, and whether it counted a sequence on.
    done: BTreeMap<Xid, Done>,
}

/// What one transaction did to a file, in rows: `left` are those that moved to another partition, and `taken_back` those whose insertion did
/// not come to its end.
#[derive(Debug, Default, Clone, Copy)]
struct Done {
    inserted: u64,
    updated: u64,
    deleted: u64,
    left: u64,
    taken_back: u64,
}

impl Touched {
    /// Everything together; an insertion that was taken back is none.
    fn sum(&self) -> Done {
        let all = self.done.values().fold(Done::default(), |sum, done| Done {
            inserted: sum.inserted + done.inserted,
            updated: sum.updated + done.updated,
            deleted: sum.deleted + done.deleted,
            left: sum.left + done.left,
            taken_back: sum.taken_back + done.taken_back,
        });
        Done { inserted: all.inserted.saturating_sub(all.taken_back), taken_back: 0, ..all }
    }

    /// How often a row was inserted, changed or deleted.
    fn changes(&self) -> u64 {
        let Done { inserted, updated, deleted, .. } = self.sum();
        inserted + updated + deleted
    }
}

/// The lines so far.
struct Lines {
    text: Vec<u8>,
    most: usize,
    rows: u64,
    tables: u64,
    left_out: u64,
    /// The first of what could not be had.
    not_saved: Vec<NotSaved>,
}

impl Lines {
    fn new(most: usize) -> Lines {
        Lines { text: Vec::new(), most, rows: 0, tables: 0, left_out: 0, not_saved: Vec::new() }
    }

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

    /// Adds a line that is no row; false when there is no room.
    fn more(&mut self, line: &str) -> bool {
        let there_is_room = self.row(line);
        self.rows -= u64::from(there_is_room);
        there_is_room
    }

    /// Adds what could not be had. It counts, also where there is no room for it.
    fn left_out(&mut self, what: NotSaved) {
        self.left_out += 1;
        if let Ok(line) = serde_json::to_vec(&what)
            && self.text.len() + line.len() < self.most
        {
            self.text.extend(line);
            self.text.push(b'\n');
        }
        if self.not_saved.len() < NotSaved::NAMED_MAX {
            self.not_saved.push(what);
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
    /// When each whole transaction committed.
    committed_at: HashMap<Xid, Timestamp>,
    /// Transactions that were prepared behind the fork and have not ended.
    prepared: HashSet<Xid>,
    /// How much each transaction, or part of one, wrote behind the fork, and those that wrote in a way that nobody here knows.
    bytes: HashMap<Xid, u64>,
    unknown: HashSet<Xid>,
    /// Messages of transactions, and messages that counted at once.
    messages: Vec<Xid>,
    messages_at_once: u64,
    touched: BTreeMap<File, Touched>,
    /// How many blocks are remembered.
    blocks: usize,
    /// Some of the log was not read.
    incomplete: bool,
    /// No more rows can be saved, because this limit is reached.
    full: Option<&'static str>,
    /// Whole transactions that did something of clients.
    clients: HashSet<Xid>,
    tables: Vec<LostTable>,
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
    pub(in crate::control) async fn save_diverged(&self, timeline: Timeline, fork: Lsn, most_bytes: usize) -> Result<Saved, OrderTrouble> {
        let until = Instant::now() + WITHIN;
        let mut search = Search::new(self, until, Lines::new(most_bytes));
        // What is in hand when time is up is kept; only what hangs is given up altogether.
        let searched = tokio::time::timeout(WITHIN + STATEMENT, search.run(timeline, fork)).await;
        let end = searched.unwrap_or_else(|_| Err(Problem::timed_out(WITHIN + STATEMENT).into()))?;
        let writes = search.writes();
        let Lines { text, rows, tables, left_out, mut not_saved, .. } = search.lines;
        let unnamed = left_out.saturating_sub(not_saved.len() as u64);
        not_saved.extend((unnamed > 0).then_some(NotSaved::More { things: unnamed }));
        Ok(Saved { end, lines: text, rows, tables, left_out, writes, not_saved })
    }
}

/// One answer as JSON.
async fn ask<T: DeserializeOwned>(connection: &mut Session, question: &'static str, with: &[i64]) -> Result<Option<T>, OrderTrouble> {
    let with: Vec<session::With<'_>> = with.iter().map(session::number).collect();
    let text = calm(connection.text(question, &with)).await?.map_err(|error| trouble(&error, STATEMENT))?;
    text.map(|text| serde_json::from_str(&text).map_err(|error| Problem::json(&error).into())).transpose()
}

impl<'a> Search<'a> {
    fn new(postgres: &'a Postgres, until: Instant, lines: Lines) -> Search<'a> {
        Search {
            postgres,
            until,
            lines,
            committed: HashMap::new(),
            committed_at: HashMap::new(),
            prepared: HashSet::new(),
            bytes: HashMap::new(),
            unknown: HashSet::new(),
            messages: Vec::new(),
            messages_at_once: 0,
            touched: BTreeMap::new(),
            blocks: 0,
            incomplete: false,
            full: None,
            clients: HashSet::new(),
            tables: Vec::new(),
        }
    }

    fn is_late(&self) -> bool {
        Instant::now() >= self.until
    }

    fn remembers_too_much(&self) -> bool {
        self.blocks > REMEMBERED || self.committed.len() > REMEMBERED || self.bytes.len() > REMEMBERED
    }

    /// What clients committed behind the fork.
    fn writes(&mut self) -> LostWrites {
        let bytes = self.bytes.iter().filter(|(part, _)| self.committed.get(part).is_some_and(|whole| self.clients.contains(whole)));
        let bytes = ByteLag(bytes.map(|(_, bytes)| bytes).sum());
        let times = || self.clients.iter().filter_map(|whole| self.committed_at.get(whole)).copied();
        let (first_commit_at, last_commit_at) = (times().min(), times().max());
        let mut tables = std::mem::take(&mut self.tables);
        tables.sort_by_key(|table| std::cmp::Reverse(table.changes()));
        let more_tables = tables.len().saturating_sub(LostWrites::TABLES_MAX) as u64;
        tables.truncate(LostWrites::TABLES_MAX);
        let transactions = self.clients.len() as u64;
        LostWrites { transactions, bytes, first_commit_at, last_commit_at, tables, more_tables, complete: !self.incomplete }
    }

    async fn run(&mut self, timeline: Timeline, fork: Lsn) -> Result<Lsn, OrderTrouble> {
        let mut log = self.postgres.lost_log.connect(STATEMENT).await?;
        let place: Place = ask(&mut log, PLACE, &[]).await?.ok_or_else(|| Problem::garbage("no answer to where it stands"))?;
        let Some(end) = place.replayed.filter(|_| place.in_recovery) else {
            return Err(OrderTrouble::refused("it accepts writes: only what a standby has replayed can be saved"));
        };
        if place.timeline != Some(timeline) {
            let now = place.timeline.map_or_else(|| "not known".to_owned(), |timeline| timeline.to_string());
            return Err(OrderTrouble::refused(format!(
                "its timeline is {now} and not {timeline}: the log behind the fork is not there any more"
            )));
        }
        self.read_log(&mut log, fork, end, place.file_bytes.max(1)).await?;
        if !self.committed.is_empty() {
            self.look_back(&mut log, fork, place.file_bytes.max(1)).await?;
        }
        log.close().await;
        self.note_what_is_no_row();
        self.read_rows(&place).await?;
        Ok(end)
    }

    /// Reads the log from the fork to its end: what committed, and what was written.
    async fn read_log(&mut self, log: &mut Session, fork: Lsn, end: Lsn, file_bytes: u64) -> Result<(), OrderTrouble> {
        let (mut at, mut width) = (fork, PAGE);
        while at < end {
            if self.is_late() || self.remembers_too_much() {
                let reached = if self.is_late() { "time" } else { "memory" };
                self.lines.left_out(NotSaved::Limit { reached: reached.to_owned() });
                self.not_read(at, end);
                return Ok(());
            }
            let to = Lsn(at.0.saturating_add(width)).min(end);
            match self.page(log, at, to, true).await {
                Ok(Page { last: Some(last), .. }) if last > at => (at, width) = (last, PAGE),
                Ok(_) if to == end => return Ok(()),
                // A record that is longer than what was asked for.
                Ok(_) => width = width.saturating_mul(2),
                // A file is gone, or what it holds is no log.
                Err(error) if is_gone(&error) || has_code(&error, "XX000") || has_code(&error, "XX001") => {
                    let next = Lsn((at.0 / file_bytes + 1).saturating_mul(file_bytes)).min(end);
                    self.not_read(at, next);
                    (at, width) = (next, PAGE);
                }
                Err(error) => return Err(trouble_of(error)),
            }
        }
        Ok(())
    }

    fn not_read(&mut self, from: Lsn, to: Lsn) {
        self.incomplete = true;
        self.lines.left_out(NotSaved::Log { from, to });
    }

    fn not_looked_for(&mut self, at: Lsn) {
        self.incomplete = true;
        self.lines.left_out(NotSaved::Before { at });
    }

    /// Reads the log from the fork backwards, for what transactions wrote before it that committed behind it.
    async fn look_back(&mut self, log: &mut Session, fork: Lsn, file_bytes: u64) -> Result<(), OrderTrouble> {
        let wholes = self.committed.values().copied();
        let Some(eldest) = wholes.reduce(|one, other| if is_before(other, one) { other } else { one }) else { return Ok(()) };
        let (mut at, mut from, mut oldest) = (fork, fork, None);
        loop {
            // Of the last page, that part counts whose file is still there.
            from = oldest.unwrap_or(Lsn(from.0.saturating_sub(PAGE)));
            if from.0 == 0 || fork.0 - from.0 > LOOK_BACK || self.is_late() || self.remembers_too_much() {
                self.not_looked_for(at);
                return Ok(());
            }
            match self.page(log, from, at, false).await {
                // None of them had begun.
                Ok(Page { unused: Some(unused), .. }) if !is_before(eldest, unused) => return Ok(()),
                // That was all that is there.
                _ if oldest.is_some() => {
                    self.not_looked_for(at);
                    return Ok(());
                }
                // A record that reaches over the end of a page belongs to the next one.
                Ok(Page { first, .. }) => at = first.unwrap_or(at),
                // The rest of a file that was left before it was full: what is in it is found from further back.
                Err(error) if has_code(&error, "XX000") => {}
                Err(error) if is_gone(&error) && oldest.is_none() => {
                    oldest = Some(Lsn((from.0 / file_bytes + 1).saturating_mul(file_bytes))).filter(|oldest| *oldest < at);
                    if oldest.is_some() {
                        continue;
                    }
                    self.not_looked_for(at);
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
            // What was written before the fork matters only of transactions that committed behind it.
            let matters = |by: &Xid| behind || self.committed.contains_key(by);
            match record {
                Record::Committed { whole, parts, at, was_prepared } if behind => {
                    self.committed.extend(parts.into_iter().chain([whole]).map(|part| (part, whole)));
                    self.committed_at.extend(at.map(|at| (whole, at)));
                    if was_prepared {
                        self.prepared.remove(&whole);
                    }
                }
                Record::Prepared { whole } if behind => _ = self.prepared.insert(whole),
                Record::GivenUp { whole } if behind => _ = self.prepared.remove(&whole),
                Record::Bytes { by, bytes, unknown } if behind => {
                    *self.bytes.entry(by).or_default() += bytes;
                    self.unknown.extend(unknown.then_some(by));
                }
                Record::Message { by: Some(by) } if behind => self.messages.push(by),
                Record::Message { by: None } if behind => self.messages_at_once += 1,
                Record::Inserted { by, file, block, rows } if matters(&by) => {
                    let touched = self.touched.entry(file).or_default();
                    self.blocks += usize::from(touched.written.insert((block, by)));
                    touched.done.entry(by).or_default().inserted += rows;
                }
                Record::Updated { by, file, block } if matters(&by) => {
                    let touched = self.touched.entry(file).or_default();
                    self.blocks += usize::from(touched.written.insert((block, by)));
                    touched.done.entry(by).or_default().updated += 1;
                }
                Record::Deleted { by, file } if matters(&by) => self.done(file, by).deleted += 1,
                Record::Left { by, file } if matters(&by) => self.done(file, by).left += 1,
                Record::TakenBack { by, file } if matters(&by) => self.done(file, by).taken_back += 1,
                Record::Counted { by, file } if matters(&by) => _ = self.done(file, by),
                // The lowest of a page, because nobody had begun there at least once.
                Record::Unused { from } => {
                    page.unused = Some(page.unused.map_or(from, |before| if is_before(from, before) { from } else { before }));
                }
                _ => {}
            }
        }
        Ok(page)
    }

    fn done(&mut self, file: File, by: Xid) -> &mut Done {
        self.touched.entry(file).or_default().done.entry(by).or_default()
    }

    /// What committed and left nothing in any table.
    fn note_what_is_no_row(&mut self) {
        let whole = |part: &Xid| self.committed.get(part).copied();
        let messages: Vec<Xid> = self.messages.iter().filter_map(whole).collect();
        let unknown: BTreeSet<Xid> = self.unknown.iter().filter_map(whole).collect();
        let (messages_at_once, prepared) = (self.messages_at_once, self.prepared.len() as u64);
        self.clients.extend(messages.iter().chain(&unknown));
        let messages = messages.len() as u64 + messages_at_once;
        let all = [
            (messages > 0).then_some(NotSaved::Messages { messages }),
            (prepared > 0).then_some(NotSaved::Prepared { transactions: prepared }),
            (!unknown.is_empty()).then_some(NotSaved::Unknown { transactions: unknown.len() as u64 }),
        ];
        for what in all.into_iter().flatten() {
            self.lines.left_out(what);
        }
    }

    /// Reads the rows of what was written, database by database.
    async fn read_rows(&mut self, place: &Place) -> Result<(), OrderTrouble> {
        let mut databases: BTreeMap<u32, Vec<(File, Touched)>> = BTreeMap::new();
        for (file, mut touched) in std::mem::take(&mut self.touched) {
            // What was rolled back, or never came to its end, was never anybody's.
            touched.written.retain(|(_, by)| self.committed.contains_key(by));
            touched.done.retain(|by, _| self.committed.contains_key(by));
            if !touched.done.is_empty() {
                databases.entry(file.database).or_default().push((file, touched));
            }
        }
        for (oid, files) in databases {
            let Some((_, database)) = place.databases.iter().find(|(known, _)| *known == oid) else {
                // What all databases share has number 0; one that was dropped has none.
                let wholes = self.wholes(files.iter().map(|(_, touched)| touched));
                self.clients.extend(&wholes);
                self.lines.left_out(NotSaved::Definitions { database: String::new(), transactions: wholes.len() as u64 });
                continue;
            };
            self.read_database(database, *database == place.database, files).await?;
        }
        Ok(())
    }

    /// The transactions that did this.
    fn wholes<'t>(&self, touched: impl Iterator<Item = &'t Touched>) -> BTreeSet<Xid> {
        touched.flat_map(|touched| touched.done.keys()).filter_map(|part| self.committed.get(part).copied()).collect()
    }

    /// Reads the rows of one database, and counts what was done in it.
    async fn read_database(&mut self, database: &str, own: bool, files: Vec<(File, Touched)>) -> Result<(), OrderTrouble> {
        let mut connection = match self.postgres.lost_rows.in_database(database).connect(STATEMENT).await {
            Ok(connection) => connection,
            // Not for us; anything else would be as bad for the next one.
            Err(Problem {
                failure: switchback_domain::ProbeFailure::Sql { .. } | switchback_domain::ProbeFailure::Unauthorized,
                cause,
                ..
            }) => {
                self.closed(database, &files, &bounded(&cause, 200));
                return Ok(());
            }
            Err(problem) => return Err(problem.into()),
        };
        let (mut definitions, mut large_objects) = (BTreeSet::new(), 0);
        for (file, touched) in files {
            let wholes = self.wholes(std::iter::once(&touched));
            let table: Option<Relation> = ask(&mut connection, TABLE, &[file.tablespace.into(), file.number.into()]).await?;
            let Some(table) = table else {
                self.clients.extend(&wholes);
                let rows = touched.changes();
                self.count(database, None, &touched, 0);
                self.lines.left_out(NotSaved::Gone { database: database.to_owned(), file: file.number, rows });
                continue;
            };
            if LARGE_OBJECTS.contains(&table.oid) {
                self.clients.extend(&wholes);
                large_objects += touched.changes();
            } else if table.is_system() {
                if !STATISTICS.contains(&table.oid) {
                    self.clients.extend(&wholes);
                    definitions.extend(wholes);
                }
            } else if own && table.schema == "switchback" && matches!(table.table.as_str(), "heartbeat" | "marker") {
                // The console's own rows are nobody's data.
            } else if table.kind == "S" {
                self.clients.extend(&wholes);
                self.read_sequence(&mut connection, database, &table).await?;
            } else if table.has_rows() {
                self.clients.extend(&wholes);
                let saved = self.read_table(&mut connection, database, &table, &touched).await?;
                self.count(database, Some(format!("{}.{}", table.schema, table.table)), &touched, saved);
            }
        }
        if !definitions.is_empty() {
            self.lines.left_out(NotSaved::Definitions { database: database.to_owned(), transactions: definitions.len() as u64 });
        }
        if large_objects > 0 {
            self.lines.left_out(NotSaved::LargeObjects { database: database.to_owned(), rows: large_objects });
        }
        connection.close().await;
        Ok(())
    }

    /// Counts what was done in a database that cannot be entered. Tables of the server itself are told apart by their numbers, as far as
    /// nobody has rewritten them.
    fn closed(&mut self, database: &str, files: &[(File, Touched)], why: &str) {
        let wholes = self.wholes(files.iter().map(|(_, touched)| touched));
        self.clients.extend(wholes);
        let users = files.iter().filter(|(file, _)| i64::from(file.number) >= FIRST_NORMAL_OBJECT).map(|(_, touched)| touched);
        let (mut all, mut tables) = (Touched::default(), 0);
        for touched in users.filter(|touched| touched.changes() > 0) {
            tables += 1;
            for (by, done) in &touched.done {
                let sum = all.done.entry(*by).or_default();
                sum.inserted += done.inserted;
                sum.updated += done.updated;
                sum.deleted += done.deleted;
                sum.taken_back += done.taken_back;
            }
        }
        let rows = all.changes();
        self.count(database, None, &all, 0);
        self.lines.left_out(NotSaved::Database { database: database.to_owned(), tables, rows, why: why.to_owned() });
    }

    /// Takes down what was done to a table.
    fn count(&mut self, database: &str, table: Option<String>, touched: &Touched, saved: u64) {
        let Done { inserted, updated, deleted, .. } = touched.sum();
        if inserted + updated + deleted > 0 {
            self.tables.push(LostTable { database: database.to_owned(), table, inserted, updated, deleted, saved });
        }
    }

    /// Saves how far a sequence has come: it is not undone, so it stands where the last transaction left it.
    async fn read_sequence(&mut self, connection: &mut Session, database: &str, sequence: &Relation) -> Result<(), OrderTrouble> {
        let statement = format!("select last_value::text from {}", sequence.quoted);
        let asked = async {
            let mut rows = pin!(connection.stream(&statement).await?);
            let mut value = None;
            while let Some(message) = rows.try_next().await? {
                if let SimpleQueryMessage::Row(row) = message {
                    value = row.try_get(0)?.map(str::to_owned);
                }
            }
            Ok(value)
        };
        let said = match calm(asked).await {
            Ok(Ok(value)) => value.ok_or_else(|| OrderTrouble::refused("it has no value")),
            Ok(Err(error)) => Err(trouble_of(Failed::Sql(error))),
            Err(problem) => return Err(problem.into()),
        };
        let (database, schema, name) = (database.to_owned(), sequence.schema.clone(), sequence.table.clone());
        let why = match said {
            Ok(value) => {
                let line = serde_json::json!({ "database": database, "schema": schema, "sequence": name, "last_value": value });
                if self.lines.more(&line.to_string()) {
                    return Ok(());
                }
                "there is no more room".to_owned()
            }
            Err(OrderTrouble::Refused(why)) => why,
            Err(OrderTrouble::NotSent(problem) | OrderTrouble::Failed(problem)) => return Err(problem.into()),
        };
        self.lines.left_out(NotSaved::Sequence { database, schema, sequence: name, why });
        Ok(())
    }

    /// Reads the rows of one table and says how many were saved.
    async fn read_table(
        &mut self,
        connection: &mut Session,
        database: &str,
        table: &Relation,
        touched: &Touched,
    ) -> Result<u64, OrderTrouble> {
        let before = self.lines.rows;
        let mut long = 0;
        let named = || (database.to_owned(), table.schema.clone(), table.table.clone());
        let Done { inserted, updated, deleted, left, .. } = touched.sum();
        let mut unread: Option<String> = None;
        for run in runs(&touched.written) {
            if self.full.is_none() && self.is_late() {
                self.is_full("time");
            }
            if let Some(reached) = self.full {
                unread = Some(format!("the limit of {reached} was reached"));
                break;
            }
            match self.read_run(connection, database, table, &run, &mut long).await {
                Ok(true) => {}
                Ok(false) => self.is_full("size"),
                Err(error) => match trouble_of(error) {
                    OrderTrouble::Refused(why) => {
                        unread = Some(why);
                        break;
                    }
                    OrderTrouble::NotSent(problem) | OrderTrouble::Failed(problem) => return Err(problem.into()),
                },
            }
        }
        let saved = self.lines.rows - before;
        if unread.is_none() && self.full.is_some() && saved + long < inserted + updated {
            unread = Some("not all of it could be kept".to_owned());
        }
        // Every row that was only inserted has to be there.
        let gone = inserted.saturating_sub(saved + long);
        if unread.is_none() && updated + deleted + left == 0 && gone > 0 {
            unread = Some(format!("{gone} of {inserted} rows were not found"));
        }
        self.lines.tables += u64::from(saved > 0);
        let (database, schema, table) = named();
        if let Some(why) = unread {
            let rows = inserted + updated;
            let what = NotSaved::Table { database: database.clone(), schema: schema.clone(), table: table.clone(), rows, why };
            self.lines.left_out(what);
        }
        if long > 0 {
            let what = NotSaved::Long { database: database.clone(), schema: schema.clone(), table: table.clone(), rows: long };
            self.lines.left_out(what);
        }
        if deleted > 0 {
            self.lines.left_out(NotSaved::Deleted { database, schema, table, rows: deleted });
        }
        Ok(saved)
    }

    /// No more rows can be saved. What else was written is still counted and named.
    fn is_full(&mut self, reached: &'static str) {
        if self.full.replace(reached).is_none() {
            self.lines.left_out(NotSaved::Limit { reached: reached.to_owned() });
        }
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
fn trouble_of(error: Failed) -> OrderTrouble {
    match error {
        Failed::Problem(problem) => problem.into(),
        Failed::Sql(error) => match (refusal(&error), trouble(&error, STATEMENT)) {
            (Some(said), OrderTrouble::Failed(_)) if state(&error) == Some("57014") => {
                OrderTrouble::refused(format!("{} (57014)", said.message()))
            }
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
        let mut lines = Lines::new(320);
        let row = "{\"row\":1}";
        let mut kept = 0;
        while lines.row(row) {
            kept += 1;
        }
        assert_eq!((lines.rows, lines.text.len()), (kept, 300));
        let limit = || NotSaved::Limit { reached: "size".to_owned() };
        lines.left_out(limit());
        assert_eq!(lines.text.len(), 300, "no room for that line either");
        assert_eq!(lines.left_out, 1, "but it counts");
        assert_eq!(lines.not_saved, [limit()], "and is named");
        let said = serde_json::to_string(&limit()).expect("a line");
        assert_eq!(said, r#"{"left_out":"limit","reached":"size"}"#);
    }
}
