//! The console's own log: text for people, JSON for collectors.

use clap::ValueEnum;
use std::io::{self, IsTerminal as _, Write};
use switchback_domain::text::{visible_but, visible_in_json};
use tracing_subscriber::EnvFilter;

/// How lines of the log look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For reading.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// What is logged unless told otherwise.
const DEFAULT_FILTER: &str = "info,sqlx=warn";

/// Standard error, without what people typed or engines said acting on the terminal that shows it. Each write is a whole line.
struct Shown<W> {
    out: W,
    format: Format,
    /// The lines have colours of their own. What comes from elsewhere has no escapes any more by then.
    colours: bool,
}

impl<W: Write> Write for Shown<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let shown = match self.format {
            Format::Text => visible_but(&text, |c| self.colours && c == '\u{1b}'),
            Format::Json => visible_in_json(&text),
        };
        self.out.write_all(shown.as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Starts logging to standard error, so that standard output stays free for what a command answers.
pub fn start(format: Format, filter: Option<&str>) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(filter.unwrap_or(DEFAULT_FILTER))?;
    let colours = matches!(format, Format::Text) && io::stderr().is_terminal();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(move || Shown { out: io::stderr(), format, colours });
    let started = match format {
        Format::Text => log.with_target(false).with_ansi(colours).try_init(),
        Format::Json => log.json().flatten_event(true).with_span_list(false).try_init(),
    };
    started.map_err(|why| anyhow::anyhow!(why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_log_neither_drives_a_terminal_nor_turns_a_sentence_round() {
        let logged = |format, colours, line: &str| {
            let mut shown = Shown { out: Vec::new(), format, colours };
            shown.write_all(line.as_bytes()).expect("memory");
            String::from_utf8(shown.out).expect("text")
        };
        assert_eq!(logged(Format::Text, false, "why=\u{1b}[2J\u{202e}\n"), "why=\\u{1b}[2J\\u{202e}\n");
        assert_eq!(logged(Format::Text, true, "\u{1b}[1mINFO\u{9b}\n"), "\u{1b}[1mINFO\\u{9b}\n");
        assert_eq!(logged(Format::Json, false, "{\"why\":\"\u{202e}\"}\n"), "{\"why\":\"\\u202e\"}\n");
    }
}
