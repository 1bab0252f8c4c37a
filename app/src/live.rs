//! Following what happens: one `EventSource` per page, which patches one value. Parts of a page are derived from it by
//! memos, so that only what changed is drawn again.
//!
//! A value that is not followed any more is history: [`Live::trusted`] says so, and pages show it aged.

mod aged;
mod mirror;
mod patch;
#[cfg(feature = "hydrate")]
mod stream;

pub use aged::{aged, aged_summary};

use crate::ui::{Clock, use_clock};
use jiff::{SignedDuration, Timestamp};
use leptos::prelude::*;
use serde::{Serialize, de::DeserializeOwned};
use std::sync::Arc;
use switchback_domain::{
    Millis,
    history::{Metric, Point},
};

/// After this much silence a page says that it is not live: two beats and a little.
pub const SILENCE_MAX: Millis = Millis(5_000);

/// Whether a page follows what happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    /// It does, or the last event is only a moment old.
    Live,
    /// Somebody stopped it.
    Paused {
        /// When.
        since: Timestamp,
    },
    /// Nothing has come for too long.
    Lost {
        /// When the last event came.
        since: Timestamp,
    },
    /// The session has ended; nothing will come.
    Ended {
        /// When the last event came.
        since: Timestamp,
    },
}

impl Connection {
    /// Since when it is not live.
    pub fn silent_since(self) -> Option<Timestamp> {
        match self {
            Connection::Live => None,
            Connection::Paused { since } | Connection::Lost { since } | Connection::Ended { since } => Some(since),
        }
    }
}

/// A value that follows the server's.
pub struct Live<T: Send + Sync + 'static> {
    /// The value as it was last heard of.
    pub value: RwSignal<Arc<T>>,
    /// Whether it is still followed.
    pub connection: RwSignal<Connection>,
    clock: Clock,
    wish: RwSignal<Wanted>,
}

impl<T: Send + Sync + 'static> Clone for Live<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Send + Sync + 'static> Copy for Live<T> {}

/// What the person wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wanted {
    paused: bool,
    /// Counts up with each wish to connect now.
    retry: u32,
}

/// What newly closed spans of history are given to.
pub type OnPoints = Callback<Vec<(Metric, Point)>>;

impl<T> Live<T>
where
    T: Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Follows the value at `address` until the page is left. `first` is what the server rendered at `at`.
    pub fn follow(address: String, first: T, at: Timestamp, on_points: OnPoints) -> Live<T> {
        let clock = use_clock();
        let live = Live {
            value: RwSignal::new(Arc::new(first)),
            connection: RwSignal::new(Connection::Live),
            clock,
            wish: RwSignal::new(Wanted { paused: false, retry: 0 }),
        };
        #[cfg(feature = "hydrate")]
        Effect::new(move || {
            clock.set(at);
            stream::follow(address.clone(), live, on_points);
        });
        #[cfg(not(feature = "hydrate"))]
        let _ = (address, at, on_points);
        live
    }
}

impl<T: Send + Sync + 'static> Live<T> {
    /// The value may be taken for the present: it is followed, or was until a moment ago.
    pub fn trusted(self) -> Memo<bool> {
        Memo::new(move |_| match self.connection.get() {
            Connection::Live => true,
            Connection::Paused { since } => Millis::between(since, self.clock.now()) <= SILENCE_MAX,
            Connection::Lost { .. } | Connection::Ended { .. } => false,
        })
    }

    /// Stops following, or goes on.
    pub fn toggle(self) {
        self.wish.update(|wish| wish.paused = !wish.paused);
    }

    /// Stops following for good: there is nothing more to come.
    pub fn end(self) {
        self.wish.update(|wish| wish.paused = true);
    }

    /// Connects now, without waiting for the next attempt.
    pub fn retry(self) {
        self.wish.update(|wish| wish.retry += 1);
    }

    /// The server's time `silent` milliseconds ago.
    #[cfg_attr(not(feature = "hydrate"), expect(dead_code, reason = "only the browser follows"))]
    fn ago(self, silent: f64) -> Timestamp {
        #[expect(clippy::cast_possible_truncation, reason = "a page is not open for 200 million years")]
        let silent = SignedDuration::from_millis(silent.max(0.0) as i64);
        let now = self.clock.now_untracked();
        now.checked_sub(silent).unwrap_or(now)
    }
}
