//! What happens to an operation: the entries of its journal.

use super::{Choice, Fact, GivenUp, Outage, Outcome, Plan, Question, Request, Trouble};
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
        facts: Vec<Fact>,
        /// Why it did not succeed, if it did not.
        trouble: Option<Trouble>,
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
        facts: Vec<Fact>,
        /// Why it did not succeed, if it did not.
        trouble: Option<Trouble>,
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

/// An event and when it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// What.
    pub event: Event,
}
