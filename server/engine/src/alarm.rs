//! The alarm: when both sites accept writes, by whoever's doing, that is said once and at once, whether anybody looks or not: in the log, as
//! a figure, in the audit history, and as a part of what stands about the pool. When it is over that is said too.

use crate::{
    audit::{Actor, audited},
    figures,
    observe::ObservedPool,
    ports::{AuditEntry, Store},
    time::pause,
};
use jiff::Timestamp;
use std::{
    collections::{BTreeSet, VecDeque},
    error::Error,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use switchback_domain::{Finding, Millis, NodeName, NodeState, Picture, PoolId, Side, SiteRole, audit::Deed, operation::Split};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// So many entries wait for a store that is away. More would be one occurrence after the other, of which the log tells.
const ENTRIES_MAX: usize = 64;

const STORE_AGAIN: Duration = Duration::from_secs(1);

/// The alarm of one pool.
#[derive(Debug)]
pub(crate) struct Alarm {
    pool: PoolId,
    state: Mutex<State>,
    more: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// The occurrence that is not over, and every node that was seen to take part in it.
    split: Option<(Split, BTreeSet<NodeName>)>,
    /// The site that was last seen to be the only active one.
    active: Option<Side>,
    /// What is not written down yet, oldest first.
    waiting: VecDeque<AuditEntry>,
}

impl Alarm {
    pub(crate) fn new(pool: PoolId) -> Alarm {
        figures::split_brain(&pool, false);
        Alarm { pool, state: Mutex::default(), more: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in the picture of now; returns the split brain that is not over. Never waits.
    pub(crate) fn take(&self, picture: &Picture, now: Timestamp) -> Option<Split> {
        let mut state = self.state();
        let writing = picture.findings.iter().find_map(|finding| match finding {
            Finding::SplitBrain { nodes } => Some(nodes),
            _ => None,
        });
        match (writing, &mut state.split) {
            (Some(nodes), Some((_, seen))) => seen.extend(nodes.iter().cloned()),
            (Some(nodes), None) => {
                let split = Split { since: now, before: state.active };
                tracing::error!(pool = %self.pool, nodes = %listed(nodes), before = ?split.before, "split brain: more than one node accepts writes");
                figures::split_brain(&self.pool, true);
                state.split = Some((split, nodes.iter().cloned().collect()));
                self.note(&mut state, Deed::SplitBrainSeen, now, serde_json::json!({ "nodes": nodes }));
            }
            (None, Some((split, seen))) if is_over(picture, seen) => {
                let lasted = Millis::between(split.since, now);
                let detail = serde_json::json!({ "nodes": seen, "since": split.since, "lasted_ms": lasted });
                tracing::warn!(pool = %self.pool, nodes = %listed(&*seen), lasted_ms = lasted.0, "the split brain is over");
                figures::split_brain(&self.pool, false);
                state.split = None;
                self.note(&mut state, Deed::SplitBrainOver, now, detail);
            }
            (None, _) => {}
        }
        if state.split.is_none() && picture.active.is_some() {
            state.active = picture.active;
        }
        state.split.as_ref().map(|(split, _)| split.clone())
    }

    fn note(&self, state: &mut State, deed: Deed, at: Timestamp, detail: serde_json::Value) {
        if state.waiting.len() == ENTRIES_MAX {
            tracing::error!(pool = %self.pool, "the store is away for so long that an entry about a split brain is not written down");
            return;
        }
        state.waiting.push_back(audited(&Actor::console(), deed, self.pool.to_string()).done(at, detail));
        self.more.notify_one();
    }
}

/// Whether a split brain is known to be over, rather than out of sight: at most one of those that wrote can still do so.
fn is_over(picture: &Picture, seen: &BTreeSet<NodeName>) -> bool {
    if let Some(active) = picture.active
        && matches!(picture.sites[active.other()].role, SiteRole::Standby | SiteRole::Fenced)
    {
        return true;
    }
    let may_write = |name: &&NodeName| {
        let node = picture.node(name).map(|(_, node)| node);
        node.is_some_and(|node| !node.knowledge.is_fresh() || node.state == NodeState::AcceptingWrites)
    };
    seen.iter().filter(may_write).count() < 2
}

fn listed<'a>(nodes: impl IntoIterator<Item = &'a NodeName>) -> String {
    nodes.into_iter().map(NodeName::as_str).collect::<Vec<_>>().join(", ")
}

/// Writes down what a pool's alarm has said, in its order and each once, however long the store is away.
pub(crate) async fn keep_writing(watched: Arc<ObservedPool>, store: Arc<dyn Store>, stop: CancellationToken) {
    let alarm = &watched.alarm;
    loop {
        let next = alarm.state().waiting.front().cloned();
        let Some(entry) = next else {
            tokio::select! {
                () = stop.cancelled() => return,
                () = alarm.more.notified() => continue,
            }
        };
        match store.append(&entry).await {
            Ok(()) => drop(alarm.state().waiting.pop_front()),
            Err(error) => {
                figures::store_failed("append_alarm");
                tracing::error!(pool = %alarm.pool, action = entry.deed().as_code(), error = &error as &dyn Error, "the alarm is not written down yet");
                if !pause(STORE_AGAIN, &stop).await {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
