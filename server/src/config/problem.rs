//! What is wrong in a configuration: where, what, and what to do.

use std::{cell::RefCell, fmt, ops::Range, path::Path};

/// One thing that is wrong, or unwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where in the text, in bytes; nothing when it is about the file as a whole.
    pub at: Option<Range<usize>>,
    /// What is wrong, one clause.
    pub what: String,
    /// What to do about it, one sentence.
    pub remedy: String,
}

/// Collects problems while a configuration is read, so that one run tells all of them.
#[derive(Debug, Default)]
pub(super) struct Problems {
    errors: RefCell<Vec<Problem>>,
    warnings: RefCell<Vec<Problem>>,
}

impl Problems {
    /// Notes something that keeps the console from starting.
    pub(super) fn error(&self, at: Range<usize>, what: impl Into<String>, remedy: impl Into<String>) {
        // An empty span at the very beginning stands for the file as a whole.
        let at = (at != (0..0)).then_some(at);
        self.errors.borrow_mut().push(Problem { at, what: what.into(), remedy: remedy.into() });
    }

    /// Notes something that is unwise, but works.
    pub(super) fn warning(&self, at: Range<usize>, what: impl Into<String>, remedy: impl Into<String>) {
        self.warnings.borrow_mut().push(Problem { at: Some(at), what: what.into(), remedy: remedy.into() });
    }

    /// Both lists, in the order of the file.
    pub(super) fn into_lists(self) -> (Vec<Problem>, Vec<Problem>) {
        let in_order = |list: RefCell<Vec<Problem>>| {
            let mut list = list.into_inner();
            list.sort_by_key(|problem| problem.at.as_ref().map_or(0, |at| at.start));
            list
        };
        (in_order(self.errors), in_order(self.warnings))
    }
}

/// A configuration that cannot be used, with everything that is wrong in it.
#[derive(Debug)]
pub struct Rejected {
    /// The file's name as it was given.
    pub file: String,
    /// The file's text, to quote from.
    pub text: String,
    /// Everything that is wrong, in the order of the file; never empty.
    pub errors: Vec<Problem>,
    /// What is unwise beside that.
    pub warnings: Vec<Problem>,
}

impl std::error::Error for Rejected {}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&render(Path::new(&self.file), &self.text, "error", &self.errors))?;
        f.write_str(&render(Path::new(&self.file), &self.text, "warning", &self.warnings))
    }
}

/// Problems as people read them: place, the line itself with the spot underlined, and what to do.
pub fn render(file: &Path, text: &str, grade: &str, problems: &[Problem]) -> String {
    use fmt::Write as _;
    let mut out = String::new();
    for problem in problems {
        let place = problem.at.clone().map(|at| Place::find(text, at));
        let file = file.display();
        // Writing to a String cannot fail.
        let _ = match &place {
            Some(place) => writeln!(out, "{file}:{}:{}: {grade}: {}", place.line, place.column, problem.what),
            None => writeln!(out, "{file}: {grade}: {}", problem.what),
        };
        if let Some(place) = place {
            let margin = " ".repeat(place.line.to_string().len());
            let underline = format!("{}{}", " ".repeat(place.column - 1), "^".repeat(place.width));
            let _ = writeln!(out, "  {} | {}\n  {margin} | {underline}", place.line, place.quoted);
        }
        let _ = writeln!(out, "  {}", problem.remedy);
    }
    out
}

/// A spot in a text, as an editor counts: lines and columns from 1, columns in characters.
struct Place {
    line: usize,
    column: usize,
    width: usize,
    quoted: String,
}

impl Place {
    fn find(text: &str, at: Range<usize>) -> Place {
        // Spans come from a parser that may stand inside a character of a damaged text; step back to its beginning.
        let start = floor(text, at.start);
        let end = floor(text, at.end).max(start);
        let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
        let shown = |part: &str| part.chars().filter(|c| *c != '\r').map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
        let quoted = without_secrets(&shown(&text[line_start..line_end]));
        let width = text[start..end.min(line_end).max(start)].chars().count().max(1);
        Place { line: text[..start].matches('\n').count() + 1, column: text[line_start..start].chars().count() + 1, width, quoted }
    }
}

/// Stars instead of what may be a secret in a line, as many as it had characters: complaints end up in logs and chats.
fn without_secrets(line: &str) -> String {
    let chars: Vec<char> = line.chars().collect();
    let find =
        |from: usize, wanted: &str| (from..chars.len()).find(|at| chars[*at..].iter().take(wanted.len()).copied().eq(wanted.chars()));
    let key: String = line.split('=').next().unwrap_or_default().trim().to_lowercase();
    let hidden = if ["password", "secret", "token"].iter().any(|word| key.ends_with(word)) && line.contains('=') {
        find(0, "=").map(|equals| equals + 1..chars.len())
    } else {
        let user = find(0, "://").map(|scheme| scheme + 3);
        user.and_then(|user| {
            let end = (user..chars.len()).rev().find(|at| chars[*at] == '@')?;
            let start = find(user, ":").filter(|colon| *colon < end)?;
            Some(start + 1..end)
        })
    };
    let hide = |(at, c): (usize, &char)| if hidden.as_ref().is_some_and(|hidden| hidden.contains(&at)) && *c != ' ' { '*' } else { *c };
    chars.iter().enumerate().map(hide).collect()
}

fn floor(text: &str, index: usize) -> usize {
    let mut index = index.min(text.len());
    while !text.is_char_boundary(index) {
        index -= 1;
    }
    index
}
