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
    /// It may have been shorter by so much: the console did not see all of it, because it was started anew in its middle, because before an
    /// emergency it wrote only once a second, or because a node gave no answer for a while. Zero: both ends are known to some 50 ms together.
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

    /// How long it lasted at least and at most, or has lasted at `now`.
    pub fn bounds(&self, now: Timestamp) -> [Millis; 2] {
        let most = self.length(now);
        [Millis(most.0.saturating_sub(self.uncertain.0)), most]
    }

    /// Whether it kept within a limit, or has kept within it at `now`; nothing when that is not known, or not yet.
    pub fn is_within(&self, limit: Millis, now: Timestamp) -> Option<bool> {
        let [least, most] = self.bounds(now);
        if least > limit {
            return Some(false);
        }
        (self.first_write_at.is_some() && most <= limit).then_some(true)
    }
}
