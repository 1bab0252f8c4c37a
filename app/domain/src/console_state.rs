//! How the console itself is, beside its pools: its store, and whether what that says may be acted on.

use crate::{
    NodeName, PoolId, SiteId, Timeline,
    error::ConfirmError,
    operation::{Epoch, OperationId},
    picture::SiteRole,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What is wrong with a guard of the store: a trigger that lets nobody change the audit history, a journal or evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum GuardFault {
    /// It is not there.
    Missing,
    /// It is there and switched off.
    Disabled,
    /// It does something else than it was made for.
    Changed,
    /// Somebody has added it to a guarded table. It may swallow what is written there.
    Foreign,
}

impl GuardFault {
    /// The word for logs and the audit history.
    pub fn as_code(self) -> &'static str {
        match self {
            GuardFault::Missing => "missing",
            GuardFault::Disabled => "disabled",
            GuardFault::Changed => "changed",
            GuardFault::Foreign => "foreign",
        }
    }
}

/// A guard of the store that is not as it was made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct BrokenGuard {
    /// Its table and its name, such as `audit.audit_refuses_update`.
    pub guard: String,
    /// What is wrong with it.
    pub fault: GuardFault,
}

/// Space on the store's disk that is kept for an emergency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Reserve {
    /// There is none to keep: the store is on another machine.
    #[default]
    NotNeeded,
    /// It is there.
    Kept,
    /// The disk is full. What was kept is given up, so that operations can still be written down; nothing else is written.
    GivenUp,
}

/// A file of the store that is not at its place any more while the console has it open: removed, or another one was put there. The console
/// still has everything, until it ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LostFile {
    /// Which file.
    pub file: String,
    /// Where the console has saved a copy of everything, which can be restored.
    pub copy: Option<String>,
}

/// The store was restored from a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Restored {
    /// When it was restored; when it was taken, where the console was started on the backup itself.
    pub at: Timestamp,
    /// When the backup was taken. What has happened since then is not in the store.
    pub taken_at: Timestamp,
}

/// What a restored store says about a site, beside what its engines say now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SiteBeside {
    /// The site.
    pub site: SiteId,
    /// The store says that it is fenced.
    pub fenced: bool,
    /// The store says that an operation made it the active one, last of all.
    pub made_active: bool,
    /// What part it plays by its engines' word. With a fence, that is the store's word.
    pub role: SiteRole,
    /// Its engines say that it accepts writes, and no other.
    pub active: bool,
    /// Who leads it by its engines' word.
    pub leader: Option<NodeName>,
    /// The leader's timeline.
    pub timeline: Option<Timeline>,
    /// When something of it was last heard.
    pub heard_at: Option<Timestamp>,
}

/// What a restored store says about a pool, beside what its engines say now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RestoredPool {
    /// The pool.
    pub pool: PoolId,
    /// Which restoration.
    pub restored: Restored,
    /// The epoch that the store knows. A confirmation begins the next one.
    pub epoch: Epoch,
    /// An operation that was open when the backup was taken. A confirmation abandons it: nobody knows here how it ended.
    pub operation: Option<OperationId>,
    /// Both sites.
    pub sites: Vec<SiteBeside>,
}

/// Somebody confirms that what a restored store says about a pool is still so, or says what of it is not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Confirmation {
    /// Why it is known to be so.
    pub reason: String,
    /// Fenced sites whose fences are not so any more: they are lifted with the confirmation.
    #[serde(default)]
    pub lift: Vec<SiteId>,
    /// Sites that must not come back as active although the store does not say so: fenced with the confirmation.
    #[serde(default)]
    pub fence: Vec<SiteId>,
    /// The engines do not say which site is active, and it is known from elsewhere that the store is right.
    #[serde(default)]
    pub unseen: bool,
}

impl SiteBeside {
    /// Its engines are held by a fence that the store has forgotten.
    pub fn is_held_by_none(&self) -> bool {
        !self.fenced && self.role == SiteRole::Fenced
    }
}

impl RestoredPool {
    /// Whether this may be confirmed like this.
    ///
    /// # Errors
    /// Why it may not.
    pub fn judge(&self, confirmation: &Confirmation) -> Result<(), ConfirmError> {
        if confirmation.reason.trim().is_empty() {
            return Err(ConfirmError::NoReason);
        }
        let Confirmation { lift, fence, .. } = confirmation;
        if let Some(site) = lift.iter().chain(fence).find(|named| self.sites.iter().all(|site| site.site != **named)) {
            return Err(ConfirmError::NoSuchSite { site: site.clone() });
        }
        if let Some(site) = lift.iter().find(|site| fence.contains(site)) {
            return Err(ConfirmError::LiftsAndFences { site: site.clone() });
        }
        let fenced_then = |site: &&SiteBeside| (site.fenced && !lift.contains(&site.site)) || fence.contains(&site.site);
        if let Some(site) = self.sites.iter().filter(fenced_then).find(|site| site.active) {
            return Err(ConfirmError::FencesActive { site: site.site.clone() });
        }
        if self.sites.iter().all(|site| fenced_then(&site)) {
            return Err(ConfirmError::FencesAll);
        }
        if !confirmation.unseen && self.sites.iter().all(|site| !site.active) {
            return Err(ConfirmError::NotSeen);
        }
        Ok(())
    }
}

/// How the console itself is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ConsoleState {
    /// Guards of the store that are not as they were made: what it says may have been changed.
    pub broken_guards: Vec<BrokenGuard>,
    /// Space for an emergency.
    pub reserve: Reserve,
    /// A file of the store that was removed or replaced under the console.
    #[serde(default)]
    pub lost_file: Option<LostFile>,
    /// Pools of which nobody has confirmed yet that a restored store says the truth. Until then the console does nothing to them.
    pub unconfirmed: Vec<PoolId>,
}

impl ConsoleState {
    /// Nothing of it is for people to know.
    pub fn is_quiet(&self) -> bool {
        self.broken_guards.is_empty() && self.reserve != Reserve::GivenUp && self.lost_file.is_none() && self.unconfirmed.is_empty()
    }
}
