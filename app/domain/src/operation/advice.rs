//! Which of two sites to keep when both accept writes. The person decides; this only says what speaks for which.

use super::{OperationId, PoolState};
use crate::{Picture, Side, Timeline};
use serde::{Deserialize, Serialize};

/// The site that more speaks for, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Advice {
    /// The site.
    pub keep: Side,
    /// Why.
    pub because: Because,
}

/// What speaks for a site, the strongest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Because {
    /// The other one is fenced.
    OtherFenced {
        /// By which operation.
        #[serde(default)]
        operation: Option<OperationId>,
    },
    /// The last operation that answered which site is active has answered so.
    MadeActive {
        /// Which operation.
        operation: OperationId,
    },
    /// It was the only active one when that could last be said.
    ActiveBefore,
    /// It was promoted later than the other one.
    LaterTimeline,
}

impl Picture {
    /// Which site to keep when both accept writes, if something speaks for one; nothing in every other situation.
    pub fn advice(&self) -> Option<Advice> {
        advice(self, &self.pool_state)
    }
}

/// The same with what stands about the pool now.
pub(super) fn advice(picture: &Picture, pool_state: &PoolState) -> Option<Advice> {
    if !picture.is_split() {
        return None;
    }
    if let [fence] = &pool_state.fences[..] {
        return Some(Advice { keep: fence.side.other(), because: Because::OtherFenced { operation: fence.operation } });
    }
    if let Some(made) = &pool_state.made_active {
        return Some(Advice { keep: made.side, because: Because::MadeActive { operation: made.operation } });
    }
    if let Some(before) = pool_state.split.as_ref().and_then(|split| split.before) {
        return Some(Advice { keep: before, because: Because::ActiveBefore });
    }
    let timeline = |side: Side| -> Option<Timeline> { picture.node(picture.sites[side].leader.as_ref()?)?.1.timeline };
    let (a, b) = (timeline(Side::A)?, timeline(Side::B)?);
    let keep = match a.cmp(&b) {
        std::cmp::Ordering::Greater => Side::A,
        std::cmp::Ordering::Less => Side::B,
        std::cmp::Ordering::Equal => return None,
    };
    Some(Advice { keep, because: Because::LaterTimeline })
}
