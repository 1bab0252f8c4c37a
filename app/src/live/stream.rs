//! The browser's side of the live stream.

use super::{
    Connection, Live, OnPoints, SILENCE_MAX, Wanted,
    mirror::{Brought, Mirror, back_off_ms},
};
use crate::api::{ApiError, session_is_open};
use leptos::{leptos_dom::helpers::IntervalHandle, prelude::*, task::spawn_local};
use serde::{Serialize, de::DeserializeOwned};
use std::{cell::RefCell, rc::Rc, sync::Arc, time::Duration};
use switchback_domain::error::ConsoleError;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{Event, EventSource, MessageEvent};

/// The events of the stream.
const EVENTS: [&str; 4] = ["whole", "change", "points", "beat"];

/// What the browser calls with an event.
type Heard = Closure<dyn FnMut(MessageEvent)>;

/// An open stream. Dropping it closes it.
struct Source {
    events: EventSource,
    /// What the browser calls for each kind of event.
    heard: Vec<(&'static str, Heard)>,
    /// Kept because the browser calls it.
    _failed: Closure<dyn FnMut(Event)>,
}

impl Drop for Source {
    fn drop(&mut self) {
        self.events.close();
        // The browser may have an event in its queue already; it must not reach closures that are gone.
        self.events.set_onerror(None);
        for (event, heard) in &self.heard {
            let _ = self.events.remove_event_listener_with_callback(event, heard.as_ref().unchecked_ref());
        }
    }
}

struct Follower<T: Send + Sync + 'static> {
    address: String,
    live: Live<T>,
    on_points: OnPoints,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    mirror: Mirror,
    source: Option<Source>,
    /// When the last event came, by the browser's steady clock.
    heard_at: f64,
    /// Attempts since something came.
    attempts: u32,
    /// The page was left.
    left: bool,
}

/// Ends following when the page is left.
struct Leave<T: Send + Sync + 'static> {
    follower: Rc<Follower<T>>,
    watch: Option<IntervalHandle>,
}

impl<T: Send + Sync + 'static> Drop for Leave<T> {
    fn drop(&mut self) {
        if let Some(watch) = self.watch {
            watch.clear();
        }
        let source = {
            let mut state = self.follower.state.borrow_mut();
            state.left = true;
            state.source.take()
        };
        drop(source);
    }
}

fn steady_ms() -> f64 {
    window().performance().map_or(0.0, |performance| performance.now())
}

/// Opens the stream and keeps it open, as the person wishes, until the owner of the running effect is cleaned up.
pub(super) fn follow<T>(address: String, live: Live<T>, on_points: OnPoints)
where
    T: Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    let state = State { heard_at: steady_ms(), ..State::default() };
    let follower = Rc::new(Follower { address, live, on_points, state: RefCell::new(state) });
    let watched = Rc::clone(&follower);
    let watch = set_interval_with_handle(move || watched.notice_silence(), Duration::from_secs(1)).ok();
    StoredValue::new_local(Leave { follower: Rc::clone(&follower), watch });
    Effect::new(move |before: Option<Wanted>| {
        let wish = live.wish.get();
        match (before, wish.paused) {
            (None, _) => follower.open(),
            (Some(before), true) if !before.paused => follower.pause(),
            (Some(_), true) => {}
            (Some(_), false) => {
                follower.state.borrow_mut().heard_at = steady_ms();
                live.connection.set(Connection::Live);
                follower.open();
            }
        }
        wish
    });
}

impl<T> Follower<T>
where
    T: Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Opens a new stream, which begins with the whole value.
    fn open(self: &Rc<Self>) {
        let old = self.state.borrow_mut().source.take();
        drop(old);
        let Ok(events) = EventSource::new(&self.address) else {
            self.connect_later();
            return;
        };
        let heard = EVENTS.into_iter().map(|event| {
            let follower = Rc::clone(self);
            let heard = Closure::new(move |message: MessageEvent| {
                if let Some(data) = message.data().as_string() {
                    follower.heard(event, &data);
                }
            });
            let _ = events.add_event_listener_with_callback(event, AsRef::<wasm_bindgen::JsValue>::as_ref(&heard).unchecked_ref());
            (event, heard)
        });
        let heard = heard.collect();
        let follower = Rc::clone(self);
        let failed = Closure::new(move |_: Event| follower.failed());
        events.set_onerror(Some(AsRef::<wasm_bindgen::JsValue>::as_ref(&failed).unchecked_ref()));
        self.state.borrow_mut().source = Some(Source { events, heard, _failed: failed });
    }

    fn heard(self: &Rc<Self>, event: &str, data: &str) {
        let brought = {
            let mut state = self.state.borrow_mut();
            if state.left {
                return;
            }
            state.heard_at = steady_ms();
            state.attempts = 0;
            state.mirror.take::<T>(event, data)
        };
        match brought {
            Ok(Brought::Value(at, value)) => {
                self.live.clock.set(at);
                // Whoever reads is told only when there is something new to read.
                if *self.live.value.read_untracked().as_ref() != value {
                    self.live.value.set(Arc::new(value));
                }
            }
            Ok(Brought::Points(points)) => self.on_points.run(points),
            Ok(Brought::Beat(at)) => self.live.clock.set(at),
            Err(_) => self.connect_later(),
        }
        if self.live.connection.get_untracked() != Connection::Live {
            self.live.connection.set(Connection::Live);
        }
    }

    /// The browser reconnects by itself unless it was turned away.
    fn failed(self: &Rc<Self>) {
        let closed = self.state.borrow().source.as_ref().is_none_or(|source| source.events.ready_state() == EventSource::CLOSED);
        if closed {
            self.connect_later();
        }
    }

    /// Asks whether the session is still good, and connects after a while. Not at once: this may run within the old stream's event.
    fn connect_later(self: &Rc<Self>) {
        let attempt = {
            let mut state = self.state.borrow_mut();
            state.attempts += 1;
            state.attempts
        };
        let follower = Rc::clone(self);
        set_timeout(
            move || {
                if !follower.is_wanted() {
                    return;
                }
                spawn_local(async move {
                    let session = session_is_open().await;
                    if !follower.is_wanted() {
                        return;
                    }
                    if session == Err(ApiError::from(ConsoleError::NotSignedIn)) {
                        let since = follower.live.ago(steady_ms() - follower.state.borrow().heard_at);
                        follower.live.connection.set(Connection::Ended { since });
                    } else {
                        follower.open();
                    }
                });
            },
            Duration::from_millis(u64::from(back_off_ms(attempt))),
        );
    }

    /// The page is still there and follows.
    fn is_wanted(&self) -> bool {
        !self.state.borrow().left && self.live.wish.try_get_untracked().is_some_and(|wish| !wish.paused)
    }

    fn pause(&self) {
        let source = self.state.borrow_mut().source.take();
        drop(source);
        self.live.connection.set(Connection::Paused { since: self.live.clock.now_untracked() });
    }

    #[expect(clippy::cast_precision_loss, reason = "the limit is a few seconds")]
    fn notice_silence(&self) {
        if self.live.connection.get_untracked() != Connection::Live {
            return;
        }
        let silent = steady_ms() - self.state.borrow().heard_at;
        if silent > SILENCE_MAX.0 as f64 {
            self.live.connection.set(Connection::Lost { since: self.live.ago(silent) });
        }
    }
}
