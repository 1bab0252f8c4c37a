//! How the console itself is, beside its pools: its store, and whether what that says may be acted on.

use crate::PoolId;
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
    pub fn word(self) -> &'static str {
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

/// The store was restored from a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Restored {
    /// When it was restored; when it was taken, where the console was started on the backup itself.
    pub at: Timestamp,
    /// When the backup was taken. What has happened since then is not in the store.
    pub taken_at: Timestamp,
}

/// How the console itself is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ConsoleState {
    /// Guards of the store that are not as they were made: what it says may have been changed.
    pub broken_guards: Vec<BrokenGuard>,
    /// Space for an emergency.
    pub reserve: Reserve,
    /// Pools of which nobody has confirmed yet that a restored store says the truth. Until then the console does nothing to them.
    pub unconfirmed: Vec<PoolId>,
}

impl ConsoleState {
    /// Nothing of it is for people to know.
    pub fn is_quiet(&self) -> bool {
        self.broken_guards.is_empty() && self.reserve != Reserve::GivenUp && self.unconfirmed.is_empty()
    }
}
