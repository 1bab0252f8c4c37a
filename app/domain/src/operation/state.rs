//! How far an operation and its steps have come.

use super::{Question, StepEvidence, StepFailure};
use crate::Login;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How far a step has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StepRun {
    /// Where it stands.
    pub state: StepState,
    /// How often it was begun.
    pub attempts: u32,
    /// When the present attempt was begun.
    pub began_at: Option<Timestamp>,
    /// When the present attempt ended.
    pub ended_at: Option<Timestamp>,
    /// What the present attempt saw.
    pub facts: Vec<StepEvidence>,
    /// The attempts before it, oldest first; of more than [`Attempt::KEPT`] the first one and the newest.
    #[serde(default)]
    pub earlier: Vec<Attempt>,
    /// An attempt before the present one may have changed something in an engine: it did not end with [`StepEvidence::NoOrderTaken`].
    #[serde(default)]
    pub acted_before: bool,
}

/// An attempt at a step before its present one: it failed, or the console ended in its middle, or it was done and had to be seen once more
/// before what comes next could rest on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Attempt {
    /// Which, counted from one.
    pub number: u32,
    /// When it was begun.
    pub began_at: Timestamp,
    /// When it ended; nothing when the console ended first.
    pub ended_at: Option<Timestamp>,
    /// What it saw.
    pub facts: Vec<StepEvidence>,
    /// Why it did not succeed, if it ended and did not.
    pub trouble: Option<StepFailure>,
}

impl Attempt {
    /// How many earlier attempts a step keeps beside its present one. Each begins with a person's answer or with a start of the console,
    /// so more than these are only there when something is tried for hours; the journal has them all.
    pub const KEPT: usize = 8;
}

/// Where a step stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum StepState {
    /// Not begun.
    Waiting,
    /// Begun. After a crash of the console: nobody knows, so its effect is looked for first.
    Running,
    /// Done, and seen to be done.
    Done,
    /// Did not succeed.
    Failed {
        /// Why.
        trouble: StepFailure,
    },
    /// Left out by somebody.
    Skipped {
        /// By whom.
        by: Login,
        /// Why.
        reason: String,
    },
}

/// An effect that is being taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct UndoRun {
    /// The step whose effect it is.
    pub step: usize,
    /// How far it has come.
    pub run: StepRun,
}

/// Where an operation stands as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "stage", rename_all = "snake_case")]
pub enum Stage {
    /// Steps are done one after the other.
    Running,
    /// Somebody holds it.
    Paused {
        /// Who.
        by: Login,
        /// Since when.
        since: Timestamp,
    },
    /// What it has done is taken back.
    Undoing {
        /// Why.
        why: GivenUp,
    },
    /// It cannot go on by itself.
    NeedsPerson {
        /// What it asks.
        question: Question,
        /// Since when.
        since: Timestamp,
    },
    /// It has ended.
    Finished {
        /// How.
        outcome: Outcome,
        /// When.
        at: Timestamp,
    },
}

impl Stage {
    /// It in one word.
    pub fn as_code(&self) -> StageCode {
        match self {
            Stage::Running => StageCode::Running,
            Stage::Paused { .. } => StageCode::Paused,
            Stage::Undoing { .. } => StageCode::Undoing,
            Stage::NeedsPerson { .. } => StageCode::NeedsPerson,
            Stage::Finished { outcome, .. } => outcome.as_code(),
        }
    }
}

/// Where an operation stands as a whole, in one word: for lists and for pictures, which say nothing of questions and causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum StageCode {
    /// Steps are done one after the other.
    Running,
    /// Somebody holds it.
    Paused,
    /// What it has done is taken back.
    Undoing,
    /// It cannot go on by itself.
    NeedsPerson,
    /// It has ended: everything was done.
    Done,
    /// It has ended before the point of no return, because somebody cancelled it.
    Cancelled,
    /// It has ended before the point of no return, because a step did not succeed.
    Stopped,
    /// Somebody ended it although not everything was done.
    Abandoned,
    /// Nobody knows: its journal cannot be read.
    Unreadable,
    /// It has ended because another operation was begun while its journal could not be read.
    ClosedUnread,
}

impl StageCode {
    /// It has ended.
    pub fn is_end(self) -> bool {
        match self {
            StageCode::Done | StageCode::Cancelled | StageCode::Stopped | StageCode::Abandoned | StageCode::ClosedUnread => true,
            StageCode::Running | StageCode::Paused | StageCode::Undoing | StageCode::NeedsPerson | StageCode::Unreadable => false,
        }
    }
}

/// Why an operation ended before its point of no return.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum GivenUp {
    /// Somebody cancelled it.
    Cancelled {
        /// Who.
        by: Login,
    },
    /// A step did not succeed.
    StepFailed {
        /// Which, counted from zero.
        step: usize,
        /// Why.
        trouble: StepFailure,
    },
}

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Everything was done.
    Done,
    /// It ended before the point of no return, and what it had done is taken back.
    Undone {
        /// Why.
        why: GivenUp,
        /// The steps whose effects could not be taken back, counted from zero. Without any, everything is as it was before.
        #[serde(default)]
        stays: Vec<usize>,
    },
    /// Somebody ended it although not everything was done.
    Abandoned {
        /// Who.
        by: Login,
    },
    /// A console that could not read its journal has closed it, because somebody began another operation. How far it had come was not looked
    /// at, and nothing was taken back.
    ClosedUnread {
        /// Who began the other one.
        by: Login,
    },
}

impl Outcome {
    /// It in one word.
    pub fn as_code(&self) -> StageCode {
        match self {
            Outcome::Done => StageCode::Done,
            Outcome::Undone { why: GivenUp::Cancelled { .. }, .. } => StageCode::Cancelled,
            Outcome::Undone { why: GivenUp::StepFailed { .. }, .. } => StageCode::Stopped,
            Outcome::Abandoned { .. } => StageCode::Abandoned,
            Outcome::ClosedUnread { .. } => StageCode::ClosedUnread,
        }
    }
}
