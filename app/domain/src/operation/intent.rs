//! What somebody wants of a pool.

use crate::{MemberName, Side};
use serde::{Deserialize, Serialize};

/// What somebody wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Intent {
    /// Make the other site active without losing anything.
    Switchover {
        /// The site that becomes active.
        to: Side,
    },
    /// Make the other site active although the active one may be gone.
    Failover {
        /// The site that becomes active.
        to: Side,
    },
    /// Make a site a standby of the active one.
    Reprotect {
        /// The site that shall follow.
        side: Side,
    },
    /// Re-protect the home site if needed, then switch over to it.
    Failback {
        /// The home site.
        to: Side,
    },
    /// Both sites accept writes: let one of them go on and fence the other one. What only that one has written leaves the pool.
    Resolve {
        /// The site that goes on.
        keep: Side,
    },
    /// Make the mirror of a site its leader.
    LocalSwitchover {
        /// The site.
        side: Side,
    },
    /// Tell members what to do.
    Members {
        /// Each change.
        changes: Vec<MemberChange>,
    },
}

impl Intent {
    /// What kind of thing it is.
    pub fn kind(&self) -> IntentKind {
        match self {
            Intent::Switchover { .. } => IntentKind::Switchover,
            Intent::Failover { .. } => IntentKind::Failover,
            Intent::Reprotect { .. } => IntentKind::Reprotect,
            Intent::Failback { .. } => IntentKind::Failback,
            Intent::Resolve { .. } => IntentKind::Resolve,
            Intent::LocalSwitchover { .. } => IntentKind::LocalSwitchover,
            Intent::Members { .. } => IntentKind::Members,
        }
    }

    /// The word of the kind, as in addresses, commands and the audit history.
    pub fn as_code(&self) -> &'static str {
        self.kind().as_code()
    }

    /// The site that it is about: the one that becomes active, stays so, or is worked on.
    pub fn side(&self) -> Option<Side> {
        match self {
            Intent::Switchover { to } | Intent::Failover { to } | Intent::Failback { to } => Some(*to),
            Intent::Resolve { keep } => Some(*keep),
            Intent::Reprotect { side } | Intent::LocalSwitchover { side } => Some(*side),
            Intent::Members { changes } => changes.first().map(|change| change.side),
        }
    }

    /// The active site changes with it.
    pub fn moves_the_active_site(&self) -> bool {
        matches!(self, Intent::Switchover { .. } | Intent::Failover { .. } | Intent::Failback { .. })
    }

    /// The site that is given up with it, and with it what only that site has written. Whoever asks for this is in an emergency, which waits
    /// for no convenient time.
    pub fn gives_up(&self) -> Option<Side> {
        match self {
            Intent::Failover { to } => Some(to.other()),
            Intent::Resolve { keep } => Some(keep.other()),
            Intent::Switchover { .. }
            | Intent::Failback { .. }
            | Intent::Reprotect { .. }
            | Intent::LocalSwitchover { .. }
            | Intent::Members { .. } => None,
        }
    }
}

/// The kinds of [`Intent`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum IntentKind {
    /// See [`Intent::Switchover`].
    Switchover,
    /// See [`Intent::Failover`].
    Failover,
    /// See [`Intent::Reprotect`].
    Reprotect,
    /// See [`Intent::Failback`].
    Failback,
    /// See [`Intent::Resolve`].
    Resolve,
    /// See [`Intent::LocalSwitchover`].
    LocalSwitchover,
    /// See [`Intent::Members`].
    Members,
}

impl IntentKind {
    /// All of them.
    pub const ALL: [IntentKind; 7] = [
        IntentKind::Switchover,
        IntentKind::Failover,
        IntentKind::Reprotect,
        IntentKind::Failback,
        IntentKind::Resolve,
        IntentKind::LocalSwitchover,
        IntentKind::Members,
    ];

    /// Its word, as in addresses, commands and the audit history.
    pub fn as_code(self) -> &'static str {
        match self {
            IntentKind::Switchover => "switchover",
            IntentKind::Failover => "failover",
            IntentKind::Reprotect => "reprotect",
            IntentKind::Failback => "failback",
            IntentKind::Resolve => "resolve",
            IntentKind::LocalSwitchover => "local_switchover",
            IntentKind::Members => "members",
        }
    }
}

/// What one member shall do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MemberChange {
    /// Its site.
    pub side: Side,
    /// Which.
    pub member: MemberName,
    /// What it shall do.
    pub to: MemberOrder,
}

/// What a member is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MemberOrder {
    /// Take sessions.
    Ready,
    /// Keep your sessions, take no new ones.
    Drain,
    /// Out of service, sessions are closed.
    Maintenance,
}
