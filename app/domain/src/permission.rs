//! Who may do what. One function decides, and everything that the console is asked goes through it: pages, interface and command line alike.

use crate::operation::IntentKind;
use serde::{Deserialize, Serialize};

/// What a person is to the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// May everything. Other roles cannot be given yet.
    Administrator,
}

/// What a person may be allowed to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// See pools, plans, operations and their reports.
    See,
    /// See the audit history.
    SeeAudit,
    /// Read what an operation keeps beside its journal, which may hold whatever the pool's tables hold.
    ReadEvidence,
    /// Ask for an operation of this kind.
    Request(IntentKind),
    /// Pause an operation, let it go on, or cancel it.
    Steer,
    /// Answer an operation's question.
    Answer,
    /// Confirm that what a restored store says about a pool is still so.
    ConfirmRestored,
}

/// Whether somebody of this role may do this.
pub fn may(role: Role, action: Action) -> bool {
    match (role, action) {
        (
            Role::Administrator,
            Action::See
            | Action::SeeAudit
            | Action::ReadEvidence
            | Action::Request(_)
            | Action::Steer
            | Action::Answer
            | Action::ConfirmRestored,
        ) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_administrator_may_everything() {
        let kinds = [
            IntentKind::Switchover,
            IntentKind::Failover,
            IntentKind::Failback,
            IntentKind::Resolve,
            IntentKind::Reprotect,
            IntentKind::LocalSwitchover,
            IntentKind::Members,
        ];
        let others = [Action::See, Action::SeeAudit, Action::ReadEvidence, Action::Steer, Action::Answer, Action::ConfirmRestored];
        for action in kinds.map(Action::Request).into_iter().chain(others) {
            assert!(may(Role::Administrator, action), "{action:?}");
        }
    }
}
