//! The outage meter: while an operation moves the active site, the console writes a small row on the primary every 20 ms, as a client
//! would, and so knows how long clients could not write and whether anything that was acknowledged is missing afterwards.

use super::scene::Scene;
use crate::time::pause;
use futures::future::select_all;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use switchback_domain::{
    Node,
    operation::{OperationId, Outage},
};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Between two rows.
const EVERY: Duration = Duration::from_millis(20);

/// Between two searches for whoever accepts writes.
const SEARCH_EVERY: Duration = Duration::from_millis(20);

/// What was acknowledged, and the gap.
#[derive(Debug, Default)]
struct Seen {
    acknowledged: Vec<u64>,
    last_write_at: Option<jiff::Timestamp>,
    /// The longest row of failures between two acknowledged writes; the one that lasts counts as soon as it is there.
    gap: Option<Outage>,
    failing: bool,
    paused: bool,
}

/// A running meter; it stops when it is dropped.
#[derive(Debug)]
pub(crate) struct Meter {
    seen: Arc<Mutex<Seen>>,
    _stop: DropGuard,
}

fn locked(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Meter {
    /// Begins to write on `first`, which acknowledged the marker just now.
    pub(crate) fn start(scene: &Scene, operation: OperationId, first: Node) -> Meter {
        let stop = scene.stop.child_token();
        let seen = Arc::new(Mutex::new(Seen { last_write_at: Some(scene.clock.now()), ..Seen::default() }));
        tokio::spawn(keep_writing(scene.clone(), operation, first, Arc::clone(&seen), stop.clone()));
        Meter { seen, _stop: stop.drop_guard() }
    }

    /// The gap that was seen, or the one that lasts.
    pub(crate) fn outage(&self) -> Option<Outage> {
        locked(&self.seen).gap
    }

    /// Stops writing and returns the numbers of all rows that were acknowledged.
    pub(crate) fn finish(&self) -> Vec<u64> {
        let mut seen = locked(&self.seen);
        seen.paused = true;
        seen.acknowledged.clone()
    }
}

async fn keep_writing(scene: Scene, operation: OperationId, first: Node, seen: Arc<Mutex<Seen>>, stop: CancellationToken) {
    let mut node = Some(first);
    // Numbers of an earlier start of the console must not come again.
    let mut number = u64::try_from(scene.clock.now().as_millisecond()).unwrap_or(1).max(1);
    while !stop.is_cancelled() && !locked(&seen).paused {
        let Some(current) = &node else {
            node = whoever_writes(&scene).await;
            if node.is_none() && !pause(SEARCH_EVERY, &stop).await {
                return;
            }
            continue;
        };
        number += 1;
        let written = scene.hands.write_row(current, operation, number).await;
        let now = scene.clock.now();
        let ok = written.is_ok();
        {
            let mut seen = locked(&seen);
            if ok {
                seen.acknowledged.push(number);
                let count = seen.acknowledged.len() as u64;
                if std::mem::take(&mut seen.failing)
                    && let Some(last_write_at) = seen.last_write_at
                {
                    let gap = Outage { last_write_at, first_write_at: Some(now), acknowledged: count - 1, found: None };
                    if seen.gap.is_none_or(|before| before.first_write_at.is_none() || before.length(now) < gap.length(now)) {
                        seen.gap = Some(gap);
                    }
                }
                seen.last_write_at = Some(now);
            } else if !seen.failing {
                seen.failing = true;
                // Shown at once; a single failure that the next write makes good is a short gap and nothing more.
                if seen.gap.is_none()
                    && let Some(last_write_at) = seen.last_write_at
                {
                    let acknowledged = seen.acknowledged.len() as u64;
                    seen.gap = Some(Outage { last_write_at, first_write_at: None, acknowledged, found: None });
                }
            }
        }
        if !ok {
            node = None;
        } else if !pause(EVERY, &stop).await {
            return;
        }
    }
}

/// The first node that says it is out of recovery. Nodes that do not answer hold up nobody.
async fn whoever_writes(scene: &Scene) -> Option<Node> {
    let nodes: Vec<&Node> = scene.pool.sites.iter().flat_map(|(_, site)| &site.nodes).collect();
    let mut asked: Vec<_> = nodes
        .into_iter()
        .map(|node| {
            Box::pin(async move {
                let position = scene.hands.position(node).await;
                position.is_ok_and(|position| !position.in_recovery).then(|| node.clone())
            })
        })
        .collect();
    while !asked.is_empty() {
        let (answer, _, rest) = select_all(asked).await;
        if answer.is_some() {
            return answer;
        }
        asked = rest;
    }
    None
}
