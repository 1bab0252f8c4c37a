//! What stands about a pool beside its readings.

use super::{Epoch, IntentKind, OperationId, Outage, StageWord};
use crate::{ByteLag, FreezeWindow, Login, PoolId, Side};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A running or finished operation on one line: for the pool's page and for lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Glance {
    /// Its number.
    pub id: OperationId,
    /// Its pool.
    pub pool: PoolId,
    /// What kind of thing it does.
    pub kind: IntentKind,
    /// The site that it is about; see [`Intent::side`].
    pub side: Option<Side>,
    /// It only rehearses: nothing is changed.
    pub dry_run: bool,
    /// Who asked.
    pub requested_by: Login,
    /// When.
    pub requested_at: Timestamp,
    /// Where it stands.
    pub stage: StageWord,
    /// The step that is being done, counted from zero.
    pub step: Option<usize>,
    /// How many steps there are.
    pub steps: usize,
    /// The point of no return is behind it.
    pub past_no_return: bool,
    /// How long clients could not write.
    pub outage: Option<Outage>,
}

/// What stands about a pool beside its readings: kept in the console's store, not read from an engine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Standing {
    /// The present epoch.
    pub epoch: Epoch,
    /// Sites that must not come back as active, and since when.
    pub fences: Vec<Fence>,
    /// The operation that has not ended.
    pub operation: Option<Glance>,
    /// No operation may begin before this, because the last one has only just ended.
    pub cool_until: Option<Timestamp>,
    /// A freeze window that is open now.
    pub freeze: Option<FreezeWindow>,
    /// Which site the pool's own operations made the active one, last of all; nothing when none of them ever did.
    pub made_active: Option<MadeActive>,
    /// Both sites accept writes; or they did, and nobody has seen yet that they do not any more.
    pub split: Option<Split>,
    /// The console's store was restored from a backup, and nobody has confirmed yet that what stands here is still so. Until then the
    /// console only watches: it does nothing to the pool, and keeps no site fenced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored: Option<crate::Restored>,
}

/// An operation has answered which site is active.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MadeActive {
    /// The site.
    pub side: Side,
    /// The operation.
    pub operation: OperationId,
}

/// A split brain as the console has seen it come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Split {
    /// Since when it is seen.
    pub since: Timestamp,
    /// The site that was seen to be the only active one before; nothing when the console had not seen the pool whole since its start.
    pub before: Option<Side>,
}

/// A site that must not come back as active.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Fence {
    /// Which.
    pub side: Side,
    /// The epoch that began when it was fenced.
    pub epoch: Epoch,
    /// The operation that fenced it.
    pub operation: OperationId,
    /// Since when.
    pub since: Timestamp,
    /// The primary's last known position and when it was read: what is missing beyond it is found when the site comes back.
    pub expected_loss: Option<ByteLag>,
}
