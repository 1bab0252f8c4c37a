//! How long clients could not write.

use crate::Millis;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How long clients could not write, as the console's own writer saw it: it writes a small row on the primary every 20 ms, and before an
/// emergency at least its heartbeat row each second. That is the longest wait of a client that asks all nodes itself. Clients behind
/// `HAProxy` or a pooler may wait longer: behind health checks it was seven times as long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Outage {
    /// The last acknowledged write before it.
    pub last_write_at: Timestamp,
    /// The first acknowledged write after it; nothing while it lasts.
    pub first_write_at: Option<Timestamp>,
    /// Rows acknowledged before it.
    pub acknowledged: u64,
    /// Of those, how many the new primary has; nothing until it was asked.
    pub found: Option<u64>,
    /// It may have been shorter by so much: the console did not see all of it, because it was started anew in its middle, or because before
    /// an emergency it wrote only once a second. Zero: it is known to some 20 ms.
    #[serde(default)]
    pub uncertain: Millis,
}

impl Outage {
    /// How long it lasted, or has lasted at `now`.
    pub fn length(&self, now: Timestamp) -> Millis {
        Millis::between(self.last_write_at, self.first_write_at.unwrap_or(now))
    }

    /// How long it had lasted at least when something happened at `at`; nothing when it is not certain that it had begun.
    pub fn before(&self, at: Timestamp) -> Option<Millis> {
        let until = self.first_write_at.map_or(at, |again| again.min(at));
        let certain = Millis::between(self.last_write_at, until).0.saturating_sub(self.uncertain.0);
        (certain > 0).then_some(Millis(certain))
    }

    /// Whether it kept within a limit, or has kept within it at `now`; nothing when that is not known, or not yet.
    pub fn is_within(&self, limit: Millis, now: Timestamp) -> Option<bool> {
        let length = self.length(now);
        if length.0.saturating_sub(self.uncertain.0) > limit.0 {
            return Some(false);
        }
        (self.first_write_at.is_some() && length <= limit).then_some(true)
    }
}
