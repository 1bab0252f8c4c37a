//! The plans that people were shown lately: whoever asks for one of them when it is another one by now is told what has changed since.

use super::locked;
use std::{collections::VecDeque, sync::Mutex};
use switchback_domain::operation::{Intent, Plan, PlanChange, Planned};

/// So many different plans of a pool are remembered. Whoever has more dialogs open at once is told that something has changed, but not what.
const KEPT: usize = 64;

/// Newest last.
#[derive(Default)]
pub(super) struct RecentPlans(Mutex<VecDeque<Planned>>);

impl RecentPlans {
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

#[cfg(test)]
mod tests {
    use super::*;
    use switchback_domain::{
        Side,
        fixture::{World, at},
        operation::{Epoch, PoolState, plan},
    };

    fn planned(epoch: u64) -> Planned {
        let (world, pool_state) = (World::healthy(at(0)), PoolState { epoch: Epoch(epoch), ..PoolState::default() });
        let plan = plan(&world.pool, &world.picture(), &pool_state, Intent::Switchover { to: Side::B }, world.now);
        Planned { plan, hash: epoch.to_string() }
    }

    #[test]
    fn the_plans_of_the_last_dialogs_are_remembered_and_only_for_what_they_were_made_for() {
        let shown = RecentPlans::default();
        let count = u64::try_from(KEPT).expect("a small number");
        for epoch in 0..count {
            shown.note(&planned(epoch));
        }
        // The oldest one is looked at once more, and one more is new: the second oldest goes.
        shown.note(&planned(0));
        shown.note(&planned(count));
        let intent = Intent::Switchover { to: Side::B };
        let known = |epoch: u64| shown.find(&epoch.to_string(), &intent).is_some();
        assert_eq!([known(0), known(1), known(2), known(count)], [true, false, true, true]);
        assert_eq!(shown.find("0", &Intent::Switchover { to: Side::A }), None);
        let now = planned(count).plan;
        assert_eq!(shown.changes_since("0", &now), [PlanChange::Epoch { was: Epoch(0), now: Epoch(count) }]);
        assert_eq!(shown.changes_since("1", &now), []);
    }
}
