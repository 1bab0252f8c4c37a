//! The words of the audit history: what can be done or tried, and how it can go. Each word is spelled here and nowhere else.

use crate::operation::Event;
use std::{fmt, str::FromStr};

/// This program has no such word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no word of the audit history")]
pub struct UnknownCode;

/// A word of the audit history as the store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recorded<T> {
    /// One that this program knows.
    Known(T),
    /// Any other: a newer program wrote it.
    Unknown(String),
}

impl<T: Copy> Recorded<T> {
    /// The word, if this program knows it.
    pub fn known(&self) -> Option<T> {
        match self {
            Recorded::Known(word) => Some(*word),
            Recorded::Unknown(_) => None,
        }
    }
}

impl<T: FromStr> From<&str> for Recorded<T> {
    fn from(code: &str) -> Recorded<T> {
        code.parse().map_or_else(|_| Recorded::Unknown(code.to_owned()), Recorded::Known)
    }
}

impl<T: PartialEq> PartialEq<T> for Recorded<T> {
    fn eq(&self, other: &T) -> bool {
        matches!(self, Recorded::Known(word) if word == other)
    }
}

impl<T: fmt::Display> fmt::Display for Recorded<T> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Recorded::Known(word) => word.fmt(to),
            Recorded::Unknown(code) => to.write_str(code),
        }
    }
}

/// An enum, and the code that the store has for each of its variants.
macro_rules! with_codes {
    ($(#[$about_all:meta])* $name:ident { $($(#[$about:meta])* $variant:ident = $code:literal,)* }) => {
        $(#[$about_all])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$about])* $variant,)*
        }

        impl $name {
            /// All there are.
            pub const ALL: &'static [$name] = &[$($name::$variant),*];

            /// The code in the store. It never changes: old entries have it.
            pub fn as_code(self) -> &'static str {
                match self {
                    $($name::$variant => $code,)*
                }
            }
        }

        impl FromStr for $name {
            type Err = UnknownCode;

            fn from_str(code: &str) -> Result<$name, UnknownCode> {
                match code {
                    $($code => Ok($name::$variant),)*
                    _ => Err(UnknownCode),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str(self.as_code())
            }
        }

        impl Recorded<$name> {
            /// The code in the store.
            pub fn as_code(&self) -> &str {
                match self {
                    Recorded::Known(word) => word.as_code(),
                    Recorded::Unknown(code) => code,
                }
            }
        }
    };
}

with_codes! {
    /// What is done, or tried, and belongs into the audit history.
    Deed {
        /// A link to make the first administrator was made.
        OpenSetUp = "open_set_up",
        /// The first administrator was made.
        SetUp = "set_up",
        /// Somebody signed in.
        SignIn = "sign_in",
        /// Somebody signed out.
        SignOut = "sign_out",
        /// Any request of a session that has to slow down because too many of its requests were refused.
        AnyRequest = "request",
        /// A plan was asked for. Only refusals are written down: a plan changes nothing.
        OperationPlanned = "operation_planned",
        /// An operation was asked for; if it was not refused, it began with this.
        OperationRequested = "operation_requested",
        /// To pause an operation, to let it go on or to cancel it, refused. What is taken has a deed of its own.
        OperationWish = "operation_wish",
        /// An answer to an operation's question, refused. What is taken is [`Deed::QuestionAnswered`].
        OperationAnswer = "operation_answer",
        /// An operation began a step.
        StepBegun = "step_begun",
        /// An operation's step ended.
        StepEnded = "step_ended",
        /// An operation began to take a step back.
        UndoBegun = "undo_begun",
        /// An operation ended taking a step back.
        UndoEnded = "undo_ended",
        /// An operation gave up and takes back what it did.
        OperationGaveUp = "operation_gave_up",
        /// Somebody wanted an operation to pause.
        PauseWanted = "pause_wanted",
        /// An operation paused.
        OperationPaused = "operation_paused",
        /// Somebody let an operation go on.
        OperationResumed = "operation_resumed",
        /// Somebody cancelled an operation.
        CancelWanted = "cancel_wanted",
        /// An operation asked a question.
        QuestionAsked = "question_asked",
        /// Somebody answered an operation's question.
        QuestionAnswered = "question_answered",
        /// An operation ended.
        OperationFinished = "operation_finished",
        /// An operation whose journal cannot be read was closed, because another one was begun.
        OperationClosedUnread = "operation_closed_unread",
        /// The engines of a fenced site answered the console that fences it.
        FenceAnswered = "fence_answered",
        /// Rows that only a lost timeline had were saved.
        EvidenceKept = "evidence_kept",
        /// Somebody read what was saved.
        EvidenceRead = "evidence_read",
        /// More than one node was seen to accept writes.
        SplitBrainSeen = "split_brain_seen",
        /// That was over.
        SplitBrainOver = "split_brain_over",
        /// The store's guards were not as they were made, or are so again.
        StoreGuardsChecked = "store_guards_checked",
        /// A file of the store was not at its place, or is there again.
        StoreFileChecked = "store_file_checked",
        /// A backup of the store began.
        StoreBackupBegun = "store_backup_begun",
        /// A backup of the store was made, or was not.
        StoreBackupEnded = "store_backup_ended",
        /// The store was restored from a backup.
        StoreRestored = "store_restored",
        /// From then on it is remembered beside the store how far it has come.
        StoreHeadKept = "store_head_kept",
        /// The store was found to be another one than was used last, or an older state of it.
        StoreFoundOlder = "store_found_older",
        /// The guards of the store were put back, or were not.
        StoreGuardsRepaired = "store_guards_repaired",
        /// Somebody confirmed what a restored store says about a pool.
        RestoredConfirmed = "restored_confirmed",
    }
}

with_codes! {
    /// How a deed went.
    DeedOutcome {
        /// It was done.
        Done = "done",
        /// It was not done, because it is not allowed or does not fit.
        Refused = "refused",
        /// It was tried and did not succeed.
        Failed = "failed",
    }
}

impl Deed {
    /// The deed that an entry of an operation's journal is, and how it went; nothing for what was only measured.
    pub fn of_event(event: &Event) -> Option<(Deed, DeedOutcome)> {
        let ended = |failed: bool| if failed { DeedOutcome::Failed } else { DeedOutcome::Done };
        Some(match event {
            Event::Requested { .. } => (Deed::OperationRequested, DeedOutcome::Done),
            Event::StepBegun { .. } => (Deed::StepBegun, DeedOutcome::Done),
            Event::StepEnded { trouble, .. } => (Deed::StepEnded, ended(trouble.is_some())),
            Event::UndoBegun { .. } => (Deed::UndoBegun, DeedOutcome::Done),
            Event::UndoEnded { trouble, .. } => (Deed::UndoEnded, ended(trouble.is_some())),
            Event::GaveUp { .. } => (Deed::OperationGaveUp, DeedOutcome::Done),
            Event::PauseWanted { .. } => (Deed::PauseWanted, DeedOutcome::Done),
            Event::Paused { .. } => (Deed::OperationPaused, DeedOutcome::Done),
            Event::Resumed { .. } => (Deed::OperationResumed, DeedOutcome::Done),
            Event::CancelWanted { .. } => (Deed::CancelWanted, DeedOutcome::Done),
            Event::Asked { .. } => (Deed::QuestionAsked, DeedOutcome::Done),
            Event::Answered { .. } => (Deed::QuestionAnswered, DeedOutcome::Done),
            Event::OutageSeen { .. } => return None,
            Event::Finished { .. } => (Deed::OperationFinished, DeedOutcome::Done),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What lies in stores.
    const WRITTEN: &[&str] = &[
        "open_set_up",
        "set_up",
        "sign_in",
        "sign_out",
        "request",
        "operation_planned",
        "operation_requested",
        "operation_wish",
        "operation_answer",
        "step_begun",
        "step_ended",
        "undo_begun",
        "undo_ended",
        "operation_gave_up",
        "pause_wanted",
        "operation_paused",
        "operation_resumed",
        "cancel_wanted",
        "question_asked",
        "question_answered",
        "operation_finished",
        "operation_closed_unread",
        "fence_answered",
        "evidence_kept",
        "evidence_read",
        "split_brain_seen",
        "split_brain_over",
        "store_guards_checked",
        "store_file_checked",
        "store_backup_begun",
        "store_backup_ended",
        "store_restored",
        "store_head_kept",
        "store_found_older",
        "store_guards_repaired",
        "restored_confirmed",
    ];

    #[test]
    fn every_word_that_lies_in_stores_stays_what_it_is() {
        let now: Vec<&str> = Deed::ALL.iter().map(|deed| deed.as_code()).collect();
        assert_eq!(now, WRITTEN, "a new deed is added here too; nothing that is here may change or go");
        let outcomes: Vec<&str> = DeedOutcome::ALL.iter().map(|outcome| outcome.as_code()).collect();
        assert_eq!(outcomes, ["done", "refused", "failed"], "the store's tables accept no other");
        for deed in Deed::ALL {
            assert_eq!(Recorded::<Deed>::from(deed.as_code()), Recorded::Known(*deed));
        }
        for outcome in DeedOutcome::ALL {
            assert_eq!(outcome.as_code().parse(), Ok(*outcome));
        }
    }

    #[test]
    fn a_word_of_a_newer_program_is_kept_as_it_is() {
        for code in ["moon_landed", "", "Sign_In", "sign_in "] {
            let recorded = Recorded::<Deed>::from(code);
            assert_eq!((recorded.known(), recorded.as_code(), recorded.to_string()), (None, code, code.to_owned()));
            assert!(Deed::ALL.iter().all(|deed| recorded != *deed));
        }
    }
}
