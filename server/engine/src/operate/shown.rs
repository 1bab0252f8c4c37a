//! The plans that people were shown lately: whoever asks for one of them when it is another one by now is told what has changed since.

use super::locked;
use std::{collections::VecDeque, sync::Mutex};
use switchback_domain::operation::{Intent, Plan, PlanChange, Planned};

/// So many different plans of a pool are remembered. Whoever has more dialogs open at once is told that something has changed, but not what.
const KEPT: usize = 64;

/// Newest last.
#[derive(Default)]
pub(super) struct Shown(Mutex<VecDeque<Planned>>);

impl Shown {
    /// Somebody is shown this.
    pub(super) fn note(&self, planned: &Planned) {
        let mut shown = locked(&self.0);
        shown.retain(|known| known.hash != planned.hash);
        if shown.len() == KEPT {
            shown.pop_front();
        }
        shown.push_back(planned.clone());
    }

    /// A plan that was shown for the same, if it is remembered.
    pub(super) fn find(&self, hash: &str, intent: &Intent) -> Option<Plan> {
        locked(&self.0).iter().find(|known| known.hash == hash && known.plan.intent == *intent).map(|known| known.plan.clone())
    }

    /// What has changed since a plan for the same was shown; nothing when it is not remembered any more.
    pub(super) fn changes_since(&self, hash: &str, now: &Plan) -> Vec<PlanChange> {
        self.find(hash, &now.intent).map(|seen| now.changes_since(&seen)).unwrap_or_default()
    }
}
