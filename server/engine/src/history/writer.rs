//! Brings the history to the store. A store that is away holds up nobody: a bounded part waits, the rest is given up and counted.

use super::Noted;
use crate::{
    figures,
    ports::{Clock, HistoryStore, Store, StoreError},
    time::pause,
};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use switchback_domain::{
    PoolId,
    history::{Change, Metric, Point},
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Ten minutes of spans.
const SPANS_MAX: usize = 60;
/// As many as the store keeps of a pool.
const CHANGES_MAX: usize = 1_000;

const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(30);

const PRUNE_EVERY: Duration = Duration::from_mins(10);

/// What of one pool waits to be written.
#[derive(Debug)]
pub(crate) struct Writer {
    pool: PoolId,
    waiting: Mutex<Waiting>,
    more: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    spans: VecDeque<Vec<(Metric, Point)>>,
    changes: VecDeque<Change>,
    /// How many spans and changes were given up, so that the writer knows what its batch still stands for.
    given_up: (usize, usize),
}

impl Writer {
    pub(crate) fn new(pool: PoolId) -> Writer {
        Writer { pool, waiting: Mutex::default(), more: Notify::new() }
    }

    /// Takes what is to be written. Never waits.
    pub(crate) fn hand_over(&self, noted: Noted) {
        if noted.points.is_empty() && noted.changes.is_empty() {
            return;
        }
        let mut waiting = self.waiting();
        if !noted.points.is_empty() {
            waiting.spans.push_back(noted.points);
        }
        waiting.changes.extend(noted.changes);
        let spans = waiting.spans.len().saturating_sub(SPANS_MAX);
        let changes = waiting.changes.len().saturating_sub(CHANGES_MAX);
        waiting.spans.drain(..spans);
        waiting.changes.drain(..changes);
        waiting.given_up.0 += spans;
        waiting.given_up.1 += changes;
        drop(waiting);
        if spans + changes > 0 {
            figures::history_dropped(spans + changes);
        }
        self.more.notify_one();
    }

    /// Writes everything that waits, oldest first; what is written no longer waits.
    async fn write(&self, store: &dyn HistoryStore) -> Result<(), StoreError> {
        loop {
            let (points, given_up) = {
                let waiting = self.waiting();
                (waiting.spans.front().cloned(), waiting.given_up.0)
            };
            let Some(points) = points else { break };
            store.add_points(&self.pool, &points).await?;
            let mut waiting = self.waiting();
            // The front may have been given up while it was being written.
            if waiting.given_up.0 == given_up {
                waiting.spans.pop_front();
            }
        }
        let (changes, given_up) = {
            let waiting = self.waiting();
            (waiting.changes.iter().cloned().collect::<Vec<_>>(), waiting.given_up.1)
        };
        if !changes.is_empty() {
            store.add_changes(&self.pool, &changes).await?;
            let mut waiting = self.waiting();
            let since = waiting.given_up.1 - given_up;
            let written = changes.len().saturating_sub(since);
            waiting.changes.drain(..written);
        }
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn waiting_count(&self) -> (usize, usize) {
        let waiting = self.waiting();
        (waiting.spans.len(), waiting.changes.len())
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes a pool's history as it comes; while the store is away it tries again, less and less often.
pub(crate) async fn keep_writing(watched: Arc<crate::observe::ObservedPool>, store: Arc<dyn Store>, stop: CancellationToken) {
    let writer = &watched.writer;
    let mut retry = RETRY_FIRST;
    loop {
        match writer.write(store.as_ref()).await {
            Ok(()) => {
                retry = RETRY_FIRST;
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = writer.more.notified() => {}
                }
            }
            Err(error) => {
                figures::store_failed("history");
                tracing::warn!(pool = %writer.pool, error = &error as &dyn std::error::Error, retry_s = retry.as_secs(), "history was not written");
                if !pause(retry, &stop).await {
                    return;
                }
                retry = (retry * 2).min(RETRY_MAX);
            }
        }
    }
}

/// Removes old history every ten minutes.
pub(crate) async fn keep_pruning(store: Arc<dyn Store>, clock: Arc<dyn Clock>, stop: CancellationToken) {
    while pause(PRUNE_EVERY, &stop).await {
        match store.prune(clock.now()).await {
            Ok(rows) => tracing::debug!(rows, "old history removed"),
            Err(error) => {
                figures::store_failed("prune");
                tracing::warn!(error = &error as &dyn std::error::Error, "old history was not removed");
            }
        }
    }
}
