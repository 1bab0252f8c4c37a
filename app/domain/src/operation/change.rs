//! What makes the plan that would be made now another one than the one that somebody saw.

use super::{Epoch, Plan};
use crate::{CheckKind, NodeName, ProtectionState, Side, Timeline, Verdict};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One fact that plans rest on and that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "changed", rename_all = "snake_case")]
pub enum PlanChange {
    /// An operation has changed the pool in between.
    Epoch {
        /// When the plan was seen.
        was: Epoch,
        /// Now.
        now: Epoch,
    },
    /// Another node leads a site, or nobody is known to.
    Leader {
        /// The site.
        side: Side,
        /// When the plan was seen.
        was: Option<NodeName>,
        /// Now.
        now: Option<NodeName>,
    },
    /// The same node leads a site on another timeline.
    Timeline {
        /// The site.
        side: Side,
        /// When the plan was seen.
        was: Option<Timeline>,
        /// Now.
        now: Option<Timeline>,
    },
    /// A check stands otherwise.
    Check {
        /// Which.
        check: CheckKind,
        /// When the plan was seen; nothing when it did not stand in the way.
        was: Option<Verdict>,
        /// Now; nothing when it does not stand in the way any more.
        now: Option<Verdict>,
    },
    /// The class of protection is another one.
    Protection {
        /// When the plan was seen.
        was: ProtectionState,
        /// Now.
        now: ProtectionState,
    },
    /// Other steps would be taken.
    Steps {
        /// How many when the plan was seen.
        was: usize,
        /// How many now.
        now: usize,
    },
}

impl Plan {
    /// What has changed since `seen`, a plan for the same intent. Nothing exactly when both have the same [`essence`](Plan::essence).
    pub fn changes_since(&self, seen: &Plan) -> Vec<PlanChange> {
        let mut changes = Vec::new();
        if self.epoch != seen.epoch {
            changes.push(PlanChange::Epoch { was: seen.epoch, now: self.epoch });
        }
        for side in Side::BOTH {
            let lead = |plan: &Plan| {
                let found = plan.leaders.iter().find(|(of, ..)| *of == side).cloned();
                found.map_or((None, None), |(_, leader, timeline)| (leader, timeline))
            };
            let ((was, was_on), (now, now_on)) = (lead(seen), lead(self));
            if was != now {
                changes.push(PlanChange::Leader { side, was, now });
            } else if was_on != now_on {
                changes.push(PlanChange::Timeline { side, was: was_on, now: now_on });
            }
        }
        let (before, after): (BTreeMap<_, _>, BTreeMap<_, _>) =
            (seen.not_passed.iter().copied().collect(), self.not_passed.iter().copied().collect());
        for check in CheckKind::ALL {
            let (was, now) = (before.get(&check).copied(), after.get(&check).copied());
            if was != now {
                changes.push(PlanChange::Check { check, was, now });
            }
        }
        if self.loss.state != seen.loss.state {
            changes.push(PlanChange::Protection { was: seen.loss.state, now: self.loss.state });
        }
        if self.steps != seen.steps {
            changes.push(PlanChange::Steps { was: seen.steps.len(), now: self.steps.len() });
        }
        changes
    }
}
