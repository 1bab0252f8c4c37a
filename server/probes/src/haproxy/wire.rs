//! What the runtime interface answers to `show info;show stat BACKEND 4 -1;show stat GUARD 6 -1`: one part for each command, each
//! ended by an empty line.

use crate::failure::{Problem, bounded};
use switchback_domain::{HaproxyFacts, MemberFacts, MemberName, MemberState, ProbeFailure};

const NO_SUCH_PROXY: &str = "No such proxy.";
const DENIED: &str = "Permission denied";
/// How a table begins, in front of the names of its columns.
const COLUMNS: &str = "# ";

pub(super) fn facts(answer: &[u8], guarded: bool) -> Result<HaproxyFacts, Problem> {
    let text = text(answer)?;
    if text.starts_with(DENIED) {
        return Err(Problem::new(ProbeFailure::Unauthorized, "show info is not permitted at this level"));
    }
    let mut rest = text;
    let version = version(&mut rest)?;
    let members = servers(&mut rest)?;
    // The table has a row of its own for a backend; with the name of a bare frontend it has none.
    let peers = if guarded { table(&mut rest)? } else { None };
    let guard = peers.as_ref().is_some_and(|table| !table.rows.is_empty());
    let peers_up = peers.map_or_else(Vec::new, |table| {
        let up = |row: &&Vec<String>| table.cell(row, "svname") != Some("BACKEND") && table.cell(row, "status").is_some_and(is_up);
        table.rows.iter().filter(up).filter_map(|row| table.cell(row, "svname")).map(|name| bounded(name, 63)).collect()
    });
    Ok(HaproxyFacts { version, members, guard, peers_up })
}

/// What `show stat BACKEND 4 -1` alone answers.
pub(crate) fn members(answer: &[u8]) -> Result<Vec<MemberFacts>, Problem> {
    servers(&mut text(answer)?)
}

/// What an order answers: nothing but an empty line when it was followed, else why not.
pub(crate) fn order(answer: &[u8]) -> Result<Option<String>, Problem> {
    let said = text(answer)?;
    if said.is_empty() {
        return Err(cut());
    }
    let said = said.trim();
    Ok((!said.is_empty()).then(|| said.to_owned()))
}

fn text(answer: &[u8]) -> Result<&str, Problem> {
    std::str::from_utf8(answer).map_err(|error| match error.error_len() {
        None => cut(),
        Some(_) => Problem::garbage("it is not text"),
    })
}

fn servers(rest: &mut &str) -> Result<Vec<MemberFacts>, Problem> {
    match table(rest)? {
        None => Err(Problem::new(ProbeFailure::NoSuchBackend, "the backend of the members does not exist")),
        Some(table) => table.rows.iter().map(|row| member(&table, row)).collect(),
    }
}

fn cut() -> Problem {
    Problem::new(ProbeFailure::CutShort, "the answer ends in its middle")
}

/// Lines of `Name: value` until an empty one.
fn version(rest: &mut &str) -> Result<String, Problem> {
    const FIRST: &str = "Name: ";
    if !rest.starts_with(FIRST) {
        return Err(if FIRST.starts_with(*rest) { cut() } else { Problem::garbage("it does not begin as show info does") });
    }
    let (part, after) = rest.split_once("\n\n").ok_or_else(cut)?;
    *rest = after;
    let version = part.lines().find_map(|line| line.strip_prefix("Version: "));
    version.map(|text| bounded(text.trim(), 64)).ok_or_else(|| Problem::garbage("show info tells no version"))
}

/// Comma-separated values with the names of the columns in the first row.
struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    fn cell<'a>(&self, row: &'a [String], column: &str) -> Option<&'a str> {
        let at = self.columns.iter().position(|name| name == column)?;
        row.get(at).map(String::as_str)
    }
}

/// Takes one answer to `show stat` off the front; nothing if there is no such proxy.
fn table(rest: &mut &str) -> Result<Option<Table>, Problem> {
    if let Some(after) = rest.strip_prefix(NO_SUCH_PROXY) {
        *rest = after.strip_prefix("\n\n").ok_or_else(cut)?;
        return Ok(None);
    }
    if rest.starts_with(DENIED) {
        return Err(Problem::new(ProbeFailure::Unauthorized, "show stat is not permitted at this level"));
    }
    let Some(after) = rest.strip_prefix(COLUMNS) else {
        let begun = COLUMNS.starts_with(*rest) || NO_SUCH_PROXY.starts_with(*rest);
        return Err(if begun { cut() } else { Problem::garbage("it does not begin as show stat does") });
    };
    *rest = after;
    let columns = row(rest)?;
    let mut rows = Vec::new();
    loop {
        if let Some(after) = rest.strip_prefix('\n') {
            *rest = after;
            return Ok(Some(Table { columns, rows }));
        }
        rows.push(row(rest)?);
    }
}

/// Takes one row off the front. A value with a comma, a quote or a line break in it is in quotes.
fn row(rest: &mut &str) -> Result<Vec<String>, Problem> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    let mut chars = rest.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' if quoted && chars.peek().is_some_and(|(_, next)| *next == '"') => {
                chars.next();
                push(&mut cells, '"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            '\n' if !quoted => {
                *rest = &rest[at + 1..];
                return Ok(cells);
            }
            other => push(&mut cells, other),
        }
    }
    Err(cut())
}

fn push(cells: &mut [String], c: char) {
    if let Some(cell) = cells.last_mut() {
        cell.push(c);
    }
}

fn member(table: &Table, row: &[String]) -> Result<MemberFacts, Problem> {
    let cell = |column: &str| table.cell(row, column).ok_or_else(|| Problem::garbage(format!("show stat has no {column} for a server")));
    let name: MemberName = cell("svname")?.parse().map_err(|error: switchback_domain::BadName| Problem::garbage(error.to_string()))?;
    let number = |column: &str, text: &str| {
        // A server that never changed its state has no figure there.
        if text.is_empty() { Ok(0) } else { text.parse::<u64>().map_err(|_| Problem::garbage(format!("{column} is not a number"))) }
    };
    let sessions = u32::try_from(number("scur", cell("scur")?)?).map_err(|_| Problem::garbage("scur is too large"))?;
    let unchanged_for_s = number("lastchg", cell("lastchg")?)?;
    // An asterisk says that a new check is under way; the figure is that of the last one.
    let check = cell("check_status")?.trim_start_matches("* ");
    Ok(MemberFacts {
        name,
        state: state(cell("status")?, sessions),
        healthy: matches!(check, "L4OK" | "L6OK" | "L7OK" | "L7OKC" | "PROCOK"),
        sessions,
        unchanged_for_s,
    })
}

/// Its check passes. "no check" is not a check that passes.
fn is_up(status: &str) -> bool {
    status.split(' ').next() == Some("UP")
}

/// The first word tells; what may follow are counts ("UP 1/2") and reasons ("MAINT (via x/y)").
fn state(status: &str, sessions: u32) -> MemberState {
    match status.split(' ').next().unwrap_or_default() {
        "UP" | "OPEN" => MemberState::Active,
        // Without a check nothing is known against it, and HAProxy sends it sessions.
        "no" if status == "no check" => MemberState::Active,
        "DRAIN" if sessions > 0 => MemberState::Draining,
        "DRAIN" => MemberState::Standby,
        "MAINT" => MemberState::Maintenance,
        "DOWN" | "NOLB" => MemberState::Down,
        _ => MemberState::Unknown,
    }
}

#[cfg(test)]
mod tests;
