//! What an operation asks people, and what they answer.

use super::StepFailure;
use crate::Login;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A question to a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Question {
    /// Counts the questions of an operation, so that an answer is never given to another one.
    pub number: u32,
    /// The step that is in the way, counted from zero.
    pub step: usize,
    /// It is about taking the step's effect back.
    pub undoing: bool,
    /// What happened.
    pub trouble: StepFailure,
    /// What may be answered.
    pub options: Vec<Choice>,
}

/// What may be answered to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// Begin the step again. It looks for its effect first.
    Retry,
    /// Go on without the step.
    Skip,
    /// Take back what was done. Never offered after the point of no return.
    Undo,
    /// The site that cannot be reached is known to be off: go on.
    Attest,
    /// What had to be done by hand, and no engine can be asked about, is done: go on.
    Confirm,
    /// Give up what could not be saved of a site that is about to be rewound: go on. It takes the site's name, typed.
    GiveUp,
    /// End the operation here. What is missing is for somebody to do by hand.
    Abandon,
}

impl Choice {
    /// All of them.
    pub const ALL: [Choice; 7] =
        [Choice::Retry, Choice::Skip, Choice::Undo, Choice::Attest, Choice::Confirm, Choice::GiveUp, Choice::Abandon];

    /// It cannot be given without a reason: what it leaves out, vouches for or leaves behind has to be explained to others. To try again,
    /// or to put back what was done, needs no explanation.
    pub fn needs_reason(self) -> bool {
        match self {
            Choice::Skip | Choice::Attest | Choice::Confirm | Choice::GiveUp | Choice::Abandon => true,
            Choice::Retry | Choice::Undo => false,
        }
    }
}

/// A question that was asked, and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Asked {
    /// What was asked.
    pub question: Question,
    /// When.
    pub at: Timestamp,
    /// Who answered what, why, and when.
    pub answer: Option<Answered>,
}

/// An answer to a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Answered {
    /// What.
    pub choice: Choice,
    /// Who.
    pub by: Login,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}
