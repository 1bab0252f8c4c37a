//! What happens to an operation: the entries of its journal.

use super::{Choice, GivenUp, Outage, Outcome, Plan, Question, Request, StepEvidence, StepFailure};
use crate::Login;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Something that happened to an operation. The journal is a list of these; nothing else is stored of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Somebody asked for it, and was not refused.
    Requested {
        /// What was asked for.
        request: Box<Request>,
        /// Who.
        by: Login,
        /// What it became.
        plan: Box<Plan>,
    },
    /// A step is about to be begun: written before its first effect.
    StepBegun {
        /// Which, counted from zero.
        step: usize,
    },
    /// What came of a step.
    StepEnded {
        /// Which, counted from zero.
        step: usize,
        /// What it saw.
        facts: Vec<StepEvidence>,
        /// Why it did not succeed, if it did not.
        trouble: Option<StepFailure>,
    },
    /// An effect is about to be taken back.
    UndoBegun {
        /// Which step's, counted from zero.
        step: usize,
    },
    /// What came of taking back.
    UndoEnded {
        /// Which step's, counted from zero.
        step: usize,
        /// What was seen.
        facts: Vec<StepEvidence>,
        /// Why it did not succeed, if it did not.
        trouble: Option<StepFailure>,
    },
    /// The operation gives up and takes back what it has done.
    GaveUp {
        /// Why.
        why: GivenUp,
    },
    /// Somebody wants it to pause.
    PauseWanted {
        /// Who.
        by: Login,
    },
    /// It pauses.
    Paused {
        /// Whose wish it was.
        by: Login,
    },
    /// Somebody lets it go on, or takes the wish for a pause back.
    Resumed {
        /// Who.
        by: Login,
    },
    /// Somebody wants it to end without the point of no return.
    CancelWanted {
        /// Who.
        by: Login,
    },
    /// It asks.
    Asked {
        /// What.
        question: Question,
    },
    /// Somebody answered.
    Answered {
        /// Which question.
        number: u32,
        /// What.
        choice: Choice,
        /// Who.
        by: Login,
        /// Why.
        reason: String,
    },
    /// What the console's own writer saw.
    OutageSeen {
        /// What.
        outage: Outage,
    },
    /// It has ended.
    Finished {
        /// How.
        outcome: Outcome,
    },
}

/// A journal is not one that this program writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("entry {number} of the operation's journal does not fit to those before it")]
pub struct BadEntry {
    /// Which entry, counted from zero.
    pub number: u32,
}

/// An entry of an operation's journal that this program cannot read. Without it nobody knows how far the operation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[error("entry {number} of its journal cannot be read: {cause}")]
pub struct UnreadableEntry {
    /// Which entry, counted from zero.
    pub number: u32,
    /// Why.
    pub cause: UnreadableCause,
}

/// Why an entry of a journal cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum UnreadableCause {
    /// A newer console has written it.
    Newer {
        /// The version of its written form.
        version: u32,
    },
    /// It is damaged, or has something in it that this program does not know.
    Damaged,
    /// It is there, and does not follow from the entries before it; or one before it is missing.
    DoesNotFit,
}

impl std::fmt::Display for UnreadableCause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            UnreadableCause::Newer { version } => write!(f, "a newer console has written it, in version {version} of the written form"),
            UnreadableCause::Damaged => f.write_str("it is damaged, or has something in it that this version does not know"),
            UnreadableCause::DoesNotFit => f.write_str("it does not follow from the entries before it"),
        }
    }
}

impl From<BadEntry> for UnreadableEntry {
    fn from(bad: BadEntry) -> UnreadableEntry {
        UnreadableEntry { number: bad.number, cause: UnreadableCause::DoesNotFit }
    }
}

/// An event and when it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// What.
    pub event: Event,
}
