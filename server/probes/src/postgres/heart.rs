//! The heartbeat row: written on the primary with each look, read on every node.

use super::{
    TimeLeft,
    connector::state,
    session::{Question, Session, text},
    wire,
};
use crate::failure::chain;
use jiff::Timestamp;
use switchback_domain::Heartbeat;
use tokio_postgres::types::Type;
use tracing::{info, warn};

const BEAT: &str = include_str!("../../sql/beat.sql");
const READ: &str = include_str!("../../sql/read_heartbeat.sql");

/// What is asked here. Which of them, a promotion changes under a connection.
pub(super) const QUESTIONS: [Question; 2] = [(BEAT, &[Type::TEXT]), (READ, &[])];

/// Writes and reads the row. What goes wrong is said once in the log and never spoils a look.
#[derive(Debug, Default)]
pub(super) struct Heart {
    silent_since: Option<String>,
}

impl Heart {
    /// Writes the row on a primary, reads it on a standby. Nothing when there is no row to see. An error means that the
    /// connection is broken.
    pub(super) async fn beat(
        &mut self,
        connection: &mut Session,
        primary: bool,
        now: Timestamp,
        time: TimeLeft,
    ) -> Result<Option<Heartbeat>, tokio_postgres::Error> {
        if primary {
            let written = connection.text(BEAT, &[text(&now.to_string())]).await;
            if let Some(row) = self.noted(written)? {
                return Ok(wire::heartbeat(&row));
            }
        }
        if primary && !time.is_enough() {
            return Ok(None);
        }
        // On a primary that may not be written, the row may still be there to read.
        let read = connection.text(READ, &[]).await;
        if primary {
            return Ok(read.ok().flatten().as_deref().and_then(wire::heartbeat));
        }
        Ok(self.noted(read)?.as_deref().and_then(wire::heartbeat))
    }

    fn noted(&mut self, outcome: Result<Option<String>, tokio_postgres::Error>) -> Result<Option<String>, tokio_postgres::Error> {
        match outcome {
            Ok(row) => {
                if self.silent_since.take().is_some() {
                    info!("the heartbeat is back");
                }
                Ok(row)
            }
            // The server refused this one statement, and the connection is as good as before.
            Err(error) if state(&error).is_some() => {
                let state = state(&error).unwrap_or_default().to_owned();
                if self.silent_since.as_ref() != Some(&state) {
                    warn!(%state, cause = %chain(&error), "no heartbeat: lag in time is not known; switchback.heartbeat must exist and be writable");
                    self.silent_since = Some(state);
                }
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}
