//! One watcher's stream of events.

use super::{Joined, Live};
use crate::{figures::Viewer, ports::Clock};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream::BoxStream};
use jiff::Timestamp;
use serde::Serialize;
use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::sync::broadcast::{Receiver, error::RecvError};

/// Events of a live value, each item one complete event in `text/event-stream` framing, ready to be written.
/// It ends when the caller's session does and when the console stops.
pub struct LiveStream(BoxStream<'static, Bytes>);

impl fmt::Debug for LiveStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LiveStream")
    }
}

impl Stream for LiveStream {
    type Item = Bytes;
    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        self.0.poll_next_unpin(context)
    }
}

struct Watcher<T> {
    live: Arc<Live<T>>,
    clock: Arc<dyn Clock>,
    first: VecDeque<Bytes>,
    rest: Option<Receiver<Bytes>>,
    ends_at: Timestamp,
    _counted: Viewer,
}

impl<T: Serialize + PartialEq + Send + Sync + 'static> Watcher<T> {
    fn join(&mut self, last_seen: Option<&str>) {
        let Joined { first, rest } = self.live.join(last_seen, self.clock.now());
        self.first = first.into();
        self.rest = rest;
    }

    async fn next(mut self) -> Option<(Bytes, Self)> {
        loop {
            let received = match self.first.pop_front() {
                Some(frame) => Ok(frame),
                None => self.rest.as_mut()?.recv().await,
            };
            // There is an event at least with every beat, so this needs no timer of its own.
            if self.clock.now() >= self.ends_at {
                return None;
            }
            match received {
                Ok(frame) => return Some((frame, self)),
                Err(RecvError::Lagged(_)) => self.join(None),
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

impl LiveStream {
    /// Watches `live` from after the event `last_seen`, if that is known, until `ends_at`.
    pub(crate) fn watch<T>(live: Arc<Live<T>>, clock: Arc<dyn Clock>, last_seen: Option<&str>, ends_at: Timestamp) -> LiveStream
    where
        T: Serialize + PartialEq + Send + Sync + 'static,
    {
        let mut watcher = Watcher { live, clock, first: VecDeque::new(), rest: None, ends_at, _counted: Viewer::arrives() };
        watcher.join(last_seen);
        LiveStream(futures::stream::unfold(watcher, Watcher::next).boxed())
    }
}
