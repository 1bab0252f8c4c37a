//! The short history of a pool, taken from its successive pictures: figures in spans of 10 seconds, and changes of state.

mod changes;
mod spans;
mod writer;

pub(crate) use writer::{Writer, keep_pruning, keep_writing};

use changes::changes;
use jiff::Timestamp;
use spans::Spans;
use std::sync::Arc;
use switchback_domain::{
    Knowledge, Picture, Pool, ProbeFailure,
    history::{Change, Metric, Point},
};

/// What a picture added to the history.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Noted {
    /// Spans that closed, all of the same 10 seconds.
    pub(crate) points: Vec<(Metric, Point)>,
    pub(crate) changes: Vec<Change>,
}

/// Takes the history from successive pictures.
#[derive(Debug)]
pub(crate) struct Recorder {
    spans: Spans,
    /// The last picture; nothing until every endpoint was asked once, so that a start of the console is no change.
    before: Option<Arc<Picture>>,
}

impl Recorder {
    pub(crate) fn new(pool: &Pool) -> Recorder {
        Recorder { spans: Spans::new(pool.policy.stale_after), before: None }
    }

    /// Takes in the picture of now.
    pub(crate) fn take(&mut self, picture: &Arc<Picture>, now: Timestamp) -> Noted {
        self.spans.add(picture);
        let points = self.spans.close(now);
        let changes = match &self.before {
            Some(before) => changes(before, picture).into_iter().map(|what| Change { at: now, what }).collect(),
            None => Vec::new(),
        };
        if self.before.is_some() || all_asked(picture) {
            self.before = Some(Arc::clone(picture));
        }
        Noted { points, changes }
    }
}

fn all_asked(picture: &Picture) -> bool {
    let not_asked = |knowledge: &Knowledge| matches!(knowledge, Knowledge::Missing { cause: ProbeFailure::NotAskedYet });
    picture.sites.iter().all(|(_, site)| site.endpoints.iter().all(|endpoint| !not_asked(&endpoint.knowledge)))
}

#[cfg(test)]
mod tests;
