//! Where a server's log comes from, by its own files. They change with a promotion or a rewind only, so they are read once for each
//! timeline and connection: both break the connection or change the timeline.

use super::{
    connector::problem,
    session::{Question, Session},
};
use crate::failure::Problem;
use std::time::Duration;
use switchback_domain::{PostgresFacts, Promotion, Timeline};
use tokio_postgres::types::Type;

/// The function is of `pool-setup.sql`. The file of the first timeline does not exist, and one that was recycled cannot be read.
const HISTORY: &str = "select coalesce(switchback.timeline_history($1), '')";

pub(super) const QUESTION: Question = (HISTORY, &[Type::INT4]);

/// What was read last.
#[derive(Default)]
pub(super) struct KnownLineage(Option<(Timeline, Vec<Promotion>)>);

impl KnownLineage {
    /// Whether the server has to be asked. Nothing comes before the first timeline, and the role may not be allowed to read.
    pub(super) fn has_to_ask(&self, facts: &PostgresFacts) -> bool {
        let timeline = facts.timeline.filter(|timeline| facts.rights.reads_histories && *timeline != Timeline(1));
        timeline.is_some_and(|timeline| self.0.as_ref().is_none_or(|(known, _)| *known != timeline))
    }

    /// The promotions behind the server's timeline; nothing when they cannot be read.
    pub(super) async fn of(
        &mut self,
        facts: &PostgresFacts,
        connection: &mut Session,
        limit: Duration,
    ) -> Result<Option<Vec<Promotion>>, Problem> {
        let Some(timeline) = facts.timeline.filter(|_| facts.rights.reads_histories) else { return Ok(None) };
        if timeline == Timeline(1) {
            return Ok(Some(Vec::new()));
        }
        if self.has_to_ask(facts) {
            self.0 = None;
            let number = i32::try_from(timeline.0).map_err(|_| Problem::garbage("the timeline's number is too large"))?;
            let text = connection.text(HISTORY, &[(&number, Type::INT4)]).await.map_err(|error| problem(&error, limit))?;
            let text = text.filter(|text| !text.is_empty());
            self.0 = text.map(|text| history_file(&text)).transpose()?.map(|promotions| (timeline, promotions));
        }
        Ok(self.0.as_ref().map(|(_, promotions)| promotions.clone()))
    }
}

/// A timeline history file: on each line the timeline that was left, where, and why; `#` begins a remark
/// (PostgreSQL's documentation, "Timelines").
pub(crate) fn history_file(text: &str) -> Result<Vec<Promotion>, Problem> {
    let line = |line: &str| {
        let mut words = line.split_whitespace();
        let parent = Timeline(words.next()?.parse().ok()?);
        Some(Promotion { parent, switched_at: words.next()?.parse().ok()?, at: None, leader: None })
    };
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let all: Option<Vec<Promotion>> = lines.map(line).collect();
    all.ok_or_else(|| Problem::garbage("a line of the timeline's history file has no timeline and position"))
}
