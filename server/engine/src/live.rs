//! The live stream: a value that changes, encoded once per change and shared by everybody who watches it.
//!
//! Watchers get the whole value first, then JSON patches (RFC 6902). A watcher that comes back tells the id of the last
//! event it saw and gets exactly what it missed, as long as that is still kept; else the whole value again. A watcher
//! that is too slow gets the whole value too, never a gap. While nobody watches, nothing is encoded.

mod frame;
mod ring;
mod stream;

pub use stream::LiveStream;

use crate::figures;
use bytes::Bytes;
use frame::Id;
use jiff::Timestamp;
use ring::Ring;
use serde::Serialize;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use switchback_domain::history::{Metric, Point};
use tokio::{sync::broadcast, time::Instant};

/// After this much silence a beat is sent, so that a page knows that silence means no change.
pub(crate) const BEAT_AFTER: Duration = Duration::from_secs(2);

/// How many events may wait for a slow watcher before it gets the whole value instead.
const WAITING_MAX: usize = 64;

/// For how long one encoded whole value serves everybody who arrives, so that a crowd that comes back at once costs one.
const WHOLE_SERVES: Duration = Duration::from_millis(250);

/// One live value and its watchers.
#[derive(Debug)]
pub(crate) struct Live<T> {
    boot: Arc<str>,
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    /// Nothing after the end.
    sender: Option<broadcast::Sender<Bytes>>,
    value: Arc<T>,
    /// Number of the newest event; together with the boot it makes its id.
    n: u64,
    /// The value as watchers have it; only while somebody watches.
    encoded: Option<serde_json::Value>,
    whole: Option<Whole>,
    ring: Ring,
    sent_at: Instant,
}

#[derive(Debug)]
struct Whole {
    n: u64,
    made_at: Instant,
    frame: Bytes,
}

/// What a watcher begins with.
pub(crate) struct Joined {
    /// To be sent first.
    pub(crate) first: Vec<Bytes>,
    /// Where the rest comes from; nothing after the end.
    pub(crate) rest: Option<broadcast::Receiver<Bytes>>,
}

impl<T: Serialize + PartialEq> Live<T> {
    /// A live value that nobody watches yet. `boot` differs with each start of the console, so that ids of an
    /// earlier start are recognized as unknown.
    pub(crate) fn new(boot: Arc<str>, value: Arc<T>) -> Live<T> {
        let state = State {
            sender: Some(broadcast::Sender::new(WAITING_MAX)),
            value,
            n: 0,
            encoded: None,
            whole: None,
            ring: Ring::default(),
            sent_at: Instant::now(),
        };
        Live { boot, state: Mutex::new(state) }
    }

    /// The value now.
    pub(crate) fn value(&self) -> Arc<T> {
        Arc::clone(&self.locked().value)
    }

    /// Whether anybody watches.
    pub(crate) fn is_watched(&self) -> bool {
        self.locked().is_watched()
    }

    /// Takes a new value and tells everybody, if it differs. Returns whether it does.
    pub(crate) fn publish(&self, value: Arc<T>, now: Timestamp) -> bool {
        let mut state = self.locked();
        if state.value == value {
            return false;
        }
        state.value = value;
        let watched = state.is_watched();
        let Some(before) = state.encoded.take().filter(|_| watched) else {
            state.n += 1;
            state.ring.forget();
            return true;
        };
        let after = encode(&*state.value);
        let patch = json_patch::diff(&before, &after);
        state.encoded = Some(after);
        // Two values may differ and still look the same to watchers.
        if !patch.is_empty() {
            state.n += 1;
            let frame = frame::change(&self.boot, state.n, now, &patch);
            state.send_kept(frame);
        }
        true
    }

    /// Tells everybody about newly closed spans of history.
    pub(crate) fn points(&self, points: &[(Metric, Point)]) {
        let mut state = self.locked();
        if points.is_empty() || !state.is_watched() {
            return;
        }
        state.n += 1;
        let frame = frame::points(&self.boot, state.n, points);
        state.send_kept(frame);
    }

    /// When the next beat is due, if nothing is sent before.
    pub(crate) fn beat_due_at(&self) -> Instant {
        self.locked().sent_at + BEAT_AFTER
    }

    /// Sends a beat if it is due.
    pub(crate) fn beat(&self, now: Timestamp) {
        let mut state = self.locked();
        if state.sent_at + BEAT_AFTER > Instant::now() {
            return;
        }
        if state.is_watched() {
            state.send(frame::beat(now));
        }
        state.sent_at = Instant::now();
    }

    /// Joins the watchers; `last_seen` is the id of the last event that this watcher saw earlier.
    pub(crate) fn join(&self, last_seen: Option<&str>, now: Timestamp) -> Joined {
        let mut state = self.locked();
        let rest = state.sender.as_ref().map(broadcast::Sender::subscribe);
        let missed = last_seen
            .and_then(|text| Id::read(text, &self.boot))
            .filter(|_| state.encoded.is_some())
            .and_then(|Id(n)| state.ring.since(n, state.n));
        let first = match missed {
            // A page that missed nothing still wants to know that it is live again.
            Some(missed) if missed.is_empty() => vec![frame::beat(now)],
            Some(missed) => missed,
            None => vec![state.whole(&self.boot, now)],
        };
        Joined { first, rest }
    }

    /// Ends all streams.
    pub(crate) fn close(&self) {
        self.locked().sender = None;
    }

    fn locked(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Serialize> State<T> {
    fn is_watched(&self) -> bool {
        self.sender.as_ref().is_some_and(|sender| sender.receiver_count() > 0)
    }

    fn send(&mut self, frame: Bytes) {
        figures::encoded(frame.len());
        self.sent_at = Instant::now();
        if let Some(sender) = &self.sender {
            // It fails only when the last watcher has just left.
            let _ = sender.send(frame);
        }
    }

    fn send_kept(&mut self, frame: Bytes) {
        self.ring.keep(self.n, frame.clone(), Instant::now());
        self.send(frame);
    }

    fn whole(&mut self, boot: &str, now: Timestamp) -> Bytes {
        let made_at = Instant::now();
        if let Some(whole) = &self.whole
            && whole.n == self.n
            && made_at.duration_since(whole.made_at) < WHOLE_SERVES
            && self.encoded.is_some()
        {
            return whole.frame.clone();
        }
        let value = &self.value;
        let encoded = self.encoded.get_or_insert_with(|| encode(&**value));
        let frame = frame::whole(boot, self.n, now, encoded);
        figures::whole_encoded();
        figures::encoded(frame.len());
        self.whole = Some(Whole { n: self.n, made_at, frame: frame.clone() });
        frame
    }
}

fn encode(value: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(value).expect("pictures and summaries are made of nothing that JSON lacks")
}

#[cfg(test)]
mod tests;
