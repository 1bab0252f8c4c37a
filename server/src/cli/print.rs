//! What goes to standard output: sentences, or JSON.

use super::{End, Failure};
use serde::Serialize;
use serde_json::Value;
use std::{
    fmt::Display,
    io::{IsTerminal as _, Write as _},
};
use switchback_domain::text::{visible, visible_in_json};

/// Standard output, for people or for programs.
pub(super) struct Out {
    json: bool,
}

impl Out {
    pub(super) fn new(json: bool) -> Out {
        Out { json }
    }

    /// Programs read this.
    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    /// Somebody sits there who can be asked.
    pub(super) fn can_ask(&self) -> bool {
        !self.json && std::io::stdin().is_terminal()
    }

    /// A line for people.
    pub(super) fn say(&self, line: impl Display) {
        if !self.json {
            write(&line);
        }
    }

    /// A line for people, if there is one.
    pub(super) fn say_some(&self, line: Option<impl Display>) {
        if let Some(line) = line {
            self.say(line);
        }
    }

    /// A document for programs, on one line.
    pub(super) fn tell(&self, document: &impl Serialize) {
        if self.json {
            write(&visible_in_json(&serde_json::to_string(document).unwrap_or_default()));
        }
    }

    /// A table for people: columns as wide as their widest cell.
    pub(super) fn table<const N: usize>(&self, heads: [&str; N], rows: &[[String; N]]) {
        let rows: Vec<[String; N]> = rows.iter().map(|row| row.each_ref().map(|cell| visible(cell).into_owned())).collect();
        let width = |column: usize| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.chain([heads[column].chars().count()]).max().unwrap_or(0)
        };
        let widths: [usize; N] = std::array::from_fn(width);
        let line = |cells: [&str; N]| {
            let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
            padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        self.say(line(heads));
        for row in &rows {
            self.say(line(std::array::from_fn(|column| row[column].as_str())));
        }
    }

    /// Says why it did not work. People read standard error; programs get the problem as a document too.
    pub(super) fn failure(&self, failure: &Failure) -> End {
        match failure {
            Failure::Trouble(why) | Failure::SessionEnded(why) | Failure::Unreachable(why) => {
                complain(format_args!("switchback: {why}"));
                self.tell(&serde_json::json!({ "code": "trouble", "detail": why }));
                End::Trouble
            }
            Failure::Refused(told) => {
                complain(format_args!("switchback: refused: {}", told.detail()));
                for line in super::words::hints(told.code(), &told.body) {
                    complain(format_args!("  {line}"));
                }
                self.tell(&told.body);
                if told.status == 404 && told.code() == "not_found" { End::Trouble } else { End::Refused }
            }
        }
    }
}

/// Asks whoever sits there. Only for those who [can be asked](Out::can_ask).
pub(super) fn ask(question: &str) -> Result<String, Failure> {
    let mut out = std::io::stderr();
    let mut answer = String::new();
    let read = write!(out, "{} ", visible(question)).and_then(|()| out.flush()).and_then(|()| std::io::stdin().read_line(&mut answer));
    match read {
        Ok(0) => Err(Failure::Trouble("nothing was answered; nothing has happened".to_owned())),
        Ok(_) => Ok(answer.trim().to_owned()),
        Err(error) => Err(Failure::Trouble(format!("cannot ask: {error}"))),
    }
}

/// What people typed and engines said may hold characters that drive a terminal. A reader that has gone away (`| head`) is no reason to break
/// off.
fn write(line: &impl Display) {
    let _ = writeln!(std::io::stdout(), "{}", visible(&line.to_string()));
}

/// A line on standard error.
pub(super) fn complain(line: impl Display) {
    let _ = writeln!(std::io::stderr(), "{}", visible(&line.to_string()));
}

/// Where the domain's documents have their own word.
pub(super) const TAGS: [&str; 9] = ["fact", "trouble", "missing", "because", "stage", "why", "kind", "outcome", "state"];

/// A document in a few words: its own word first, then its parts. `{"fact":"marker","node":"a1"}` is `marker, node a1`.
pub(super) fn told(value: &Value) -> String {
    match value {
        // What has its word outside, such as `{"nodes":{"nodes":["a1"]}}`.
        Value::Object(parts) if parts.len() == 1 && parts.values().all(Value::is_object) => {
            let told = parts.iter().map(|(word, parts)| [word.replace('_', " "), told(parts)]);
            told.flatten().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", ")
        }
        Value::Object(parts) => {
            let word = TAGS.iter().find_map(|word| parts.get(*word).and_then(Value::as_str).map(|text| (*word, text.replace('_', " "))));
            let rest = parts.iter().filter(|(name, value)| Some(name.as_str()) != word.as_ref().map(|(word, _)| *word) && !is_empty(value));
            let rest = rest.map(|(name, value)| format!("{} {}", name.replace('_', " "), told(value)));
            word.clone().map(|(_, text)| text).into_iter().chain(rest).collect::<Vec<_>>().join(", ")
        }
        Value::Array(items) => items.iter().map(told).collect::<Vec<_>>().join(" "),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn evidence_reads_as_words() {
        assert_eq!(
            told(&json!({"fact": "no_longer_primary", "node": "a1", "said": "replica"})),
            "no longer primary, node a1, said replica"
        );
        assert_eq!(told(&json!({"nodes": {"nodes": ["a1", "b1"]}})), "nodes, nodes a1 b1");
        assert_eq!(told(&json!({"replica": {"node": null, "streaming": false}})), "replica, streaming false");
    }
}
