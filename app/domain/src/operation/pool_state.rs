//! What stands about a pool beside its readings.

use super::{Epoch, IntentKind, OperationId, OrderFailure, OrderKind, Outage, StageCode, UnreadableEntry};
use crate::{ByteLag, EndpointName, FreezeWindow, Login, PoolId, Side, Timeline};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A running or finished operation on one line: for the pool's page and for lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OperationSummary {
    /// Its number.
    pub id: OperationId,
    /// Its pool.
    pub pool: PoolId,
    /// What kind of thing it does; nothing when that cannot be read.
    pub kind: Option<IntentKind>,
    /// The site that it is about; see [`Intent::side`].
    pub side: Option<Side>,
    /// It only rehearses: nothing is changed.
    pub dry_run: bool,
    /// Who asked; nothing when that cannot be read.
    pub requested_by: Option<Login>,
    /// When; nothing when that cannot be read.
    pub requested_at: Option<Timestamp>,
    /// Where it stands.
    pub stage: StageCode,
    /// The step that is being done, counted from zero.
    pub step: Option<usize>,
    /// How many steps there are.
    pub steps: usize,
    /// The point of no return is behind it.
    pub past_no_return: bool,
    /// How long clients could not write.
    pub outage: Option<Outage>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// The site that it has made the active one: the point of no return is behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_active: Option<Side>,
    /// Its journal cannot be read because of this entry; everything else here is what was known before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<UnreadableEntry>,
    /// What it has lost; nothing when that cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<LossAtAGlance>,
}

/// What is known of whether something that was acknowledged is lost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LossCode {
    /// Nothing is: it is proved, or nothing was at stake.
    #[default]
    Nothing,
    /// Not known: nobody has counted it yet.
    NotKnown,
    /// Something is.
    Lost,
}

/// What an operation has lost, and what it has found of what another one lost: so much that a list can tell without a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LossAtAGlance {
    /// What is known of its own loss.
    pub word: LossCode,
    /// The epoch in which it was planned.
    pub epoch: Epoch,
    /// The timeline that began with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promoted: Option<Timeline>,
    /// What it has found in the log of the site that the failover before it had given up; nothing when it has not looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<LossCode>,
    /// The timeline on which it has seen that site untouched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub untouched: Option<Timeline>,
}

impl LossAtAGlance {
    /// What it has found of what `failover` lost; nothing when it was not the next one, or has not looked.
    fn found_of(&self, failover: &LossAtAGlance) -> Option<LossCode> {
        if self.epoch != failover.epoch.next() {
            return None;
        }
        // Who follows already may have given up what it had: only what is still where it was left says that there was nothing.
        let untouched = || (self.untouched? < failover.promoted?).then_some(LossCode::Nothing);
        self.found.or_else(untouched)
    }
}

/// Tells of each failover in a list, newest first, what the operations behind it have found of its loss. What is not in the list is not looked at.
pub fn tell_found_losses(newest_first: &mut [OperationSummary]) {
    for at in 0..newest_first.len() {
        let (newer, [failover, ..]) = newest_first.split_at_mut(at) else { continue };
        let ended = failover.stage.is_end();
        let Some(lost) = failover.loss.as_mut().filter(|loss| ended && loss.word == LossCode::NotKnown) else { continue };
        let of_pool = newer.iter().rev().filter(|other| other.pool == failover.pool);
        // Behind one that cannot be read, nobody knows whether another site has become active.
        let known = of_pool.map_while(|other| other.loss.as_ref());
        let found = known.take_while(|other| other.epoch == lost.epoch.next()).filter_map(|other| other.found_of(lost));
        // What was counted once is gone when the site follows, so a later look that finds nothing takes nothing back.
        if let Some(word) = found.max() {
            lost.word = word;
        }
    }
}

impl OperationSummary {
    /// All that is known of an operation of which nothing can be read.
    pub fn unknown(id: OperationId, pool: PoolId) -> OperationSummary {
        OperationSummary {
            id,
            pool,
            kind: None,
            side: None,
            dry_run: false,
            requested_by: None,
            requested_at: None,
            stage: StageCode::Unreadable,
            step: None,
            steps: 0,
            past_no_return: false,
            outage: None,
            ended_at: None,
            made_active: None,
            unreadable: None,
            loss: None,
        }
    }
}

/// What stands about a pool beside its readings: kept in the console's store, not read from an engine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PoolState {
    /// The present epoch.
    pub epoch: Epoch,
    /// Sites that must not come back as active, and since when.
    pub fences: Vec<Fence>,
    /// The operation that has not ended.
    pub operation: Option<OperationSummary>,
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
    /// The operation that fenced it. Nothing when somebody has put the fence up while they confirmed a restored store, which knows no operation
    /// that did.
    #[serde(default)]
    pub operation: Option<OperationId>,
    /// When it was asked for. Whether anybody of the site has taken it is in `answers`.
    pub since: Timestamp,
    /// The primary's last known position and when it was read: what is missing beyond it is found when the site comes back.
    pub expected_loss: Option<ByteLag>,
    /// How each endpoint of the site has answered; one that was not told yet is not here.
    #[serde(default)]
    pub answers: Vec<FenceAnswer>,
}

/// How an endpoint of a fenced site has answered, and when that was news.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct FenceAnswer {
    /// Which.
    pub endpoint: EndpointName,
    /// What it was told: to stay read-only, or to take no sessions.
    pub order: OrderKind,
    /// When it answered so for the first time.
    pub at: Timestamp,
    /// Why it has not taken the order; nothing when it has confirmed it.
    pub failure: Option<OrderFailure>,
}

impl FenceAnswer {
    /// It says the same, in whatever words.
    fn says_the_same(&self, other: &FenceAnswer) -> bool {
        match (&self.failure, &other.failure) {
            (None, None) => true,
            (Some(one), Some(other)) => std::mem::discriminant(one) == std::mem::discriminant(other),
            _ => false,
        }
    }

    /// It has confirmed that its site stays read-only.
    pub fn holds(&self) -> bool {
        self.order == OrderKind::Hold && self.failure.is_none()
    }

    /// It was told to stay read-only, and nobody knows whether it has taken that.
    pub fn may_hold(&self) -> bool {
        self.order == OrderKind::Hold && self.failure.as_ref().is_some_and(|failure| !failure.is_certain())
    }
}

/// How far a fence has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FenceState {
    /// The console asks for it; nobody of the site has answered yet.
    AskedFor,
    /// A Patroni or the etcd of the site has confirmed it: whoever comes back there stays read-only.
    Confirmed,
    /// Nobody has confirmed it, and somebody has refused.
    Refused,
}

impl Fence {
    /// How far it has come.
    pub fn state(&self) -> FenceState {
        let refused = |answer: &FenceAnswer| matches!(answer.failure, Some(OrderFailure::Refused { .. }));
        match self.confirmed_at() {
            Some(_) => FenceState::Confirmed,
            None if self.answers.iter().any(refused) => FenceState::Refused,
            None => FenceState::AskedFor,
        }
    }

    /// Since when the site is held, by the first of its Patronis and etcds that has confirmed it.
    pub fn confirmed_at(&self) -> Option<Timestamp> {
        self.answers.iter().filter(|answer| answer.holds()).map(|answer| answer.at).min()
    }

    /// It is the same fence, whoever has answered meanwhile.
    pub fn is_same(&self, other: &Fence) -> bool {
        (self.side, self.epoch, self.operation) == (other.side, other.epoch, other.operation)
    }

    /// Takes an answer in; tells whether it was news. What an endpoint has confirmed is stored there, whether it answers later or not.
    pub fn take(&mut self, answer: FenceAnswer) -> bool {
        match self.answers.iter_mut().find(|known| known.endpoint == answer.endpoint) {
            Some(known) if known.failure.is_none() || known.says_the_same(&answer) => false,
            Some(known) => {
                *known = answer;
                true
            }
            None => {
                self.answers.push(answer);
                self.answers.sort_by(|one, other| one.endpoint.cmp(&other.endpoint));
                true
            }
        }
    }
}
