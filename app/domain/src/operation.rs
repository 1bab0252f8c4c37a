//! Operations: what somebody asked for, the plan it became, and how far it has come. Everything here is worked out from a journal of
//! [`Event`]s: [`Operation::evolve`] takes one in, [`Operation::decide`] says what comes next. Neither does anything.

mod advice;
mod change;
mod decide;
mod event;
mod evolve;
mod intent;
mod lost;
mod outage;
mod plan;
mod pool_state;
mod question;
mod rebuild;
mod report;
mod state;
mod step;
#[cfg(test)]
mod tests;

pub use advice::{Advice, Because};
pub use change::PlanChange;
pub use decide::Next;
pub use event::{BadEntry, Entry, Event, UnreadableCause, UnreadableEntry};
pub use intent::{Intent, IntentKind, MemberChange, MemberOrder};
pub use lost::{LostTable, LostWrites, NotSaved};
pub use outage::Outage;
pub use plan::{Plan, PlanObjection, Refusal, Request, ToAcknowledge, plan};
pub use pool_state::{
    Fence, FenceAnswer, FenceState, LossAtAGlance, LossCode, MadeActive, OperationSummary, PoolState, Split, tell_found_losses,
};
pub use question::{Answered, Asked, Choice, Question};
pub use rebuild::{Instruction, Task};
pub use report::{Beyond, Difference, FoundLoss, Loss, Report, StepReport, Targets};
pub use state::{Attempt, GivenUp, Outcome, Stage, StageCode, StepRun, StepState, UndoRun};
pub use step::{Effect, Missing, Nature, OnFailure, OrderFailure, OrderKind, Phase, Step, StepEvidence, StepFailure, Undo};

use crate::{Login, Millis};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// The number of an operation, unique in the console's store; written `op-0042`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(value_type = String, example = "op-0042"))]
#[serde(try_from = "String", into = "String")]
pub struct OperationId(pub u64);

/// Why a text names no operation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an operation is named like op-0042; this is not: {0:?}")]
pub struct BadOperationId(pub String);

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "op-{:04}", self.0)
    }
}

impl FromStr for OperationId {
    type Err = BadOperationId;
    fn from_str(text: &str) -> Result<Self, BadOperationId> {
        let digits = text.strip_prefix("op-").filter(|digits| digits.len() <= 18 && digits.bytes().all(|b| b.is_ascii_digit()));
        digits.and_then(|digits| digits.parse().ok()).map(OperationId).ok_or_else(|| BadOperationId(text.to_owned()))
    }
}

impl TryFrom<String> for OperationId {
    type Error = BadOperationId;
    fn try_from(text: String) -> Result<Self, BadOperationId> {
        text.parse()
    }
}

impl From<OperationId> for String {
    fn from(id: OperationId) -> String {
        id.to_string()
    }
}

/// Counts changes of a pool's active site; everything that was decided under an older one is stale.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct Epoch(pub u64);

impl Epoch {
    /// The one that a change of the active site begins.
    #[must_use]
    pub fn next(self) -> Epoch {
        Epoch(self.0 + 1)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An operation and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Operation {
    /// Its number.
    pub id: OperationId,
    /// What was asked for and by whom.
    pub request: Request,
    /// Who asked.
    pub requested_by: Login,
    /// When.
    pub requested_at: Timestamp,
    /// What it became.
    pub plan: Plan,
    /// How far each step of the plan has come, in its order.
    pub steps: Vec<StepRun>,
    /// What is being undone, last effect first; empty unless the operation was cancelled or gave up.
    pub undo: Vec<UndoRun>,
    /// Where it stands as a whole.
    pub stage: Stage,
    /// Why it gave up, if it did.
    pub given_up: Option<GivenUp>,
    /// How long it was paused altogether.
    pub paused_for: Millis,
    /// Who said that what cannot be reached of the old site is off, and how they know.
    pub attested: Option<(Login, String)>,
    /// Signs of life of that site that somebody has overridden by name.
    #[serde(default)]
    pub overridden: Vec<crate::WitnessKind>,
    /// Somebody wants it to pause at the next place where it may.
    pub pause_wanted_by: Option<Login>,
    /// Somebody wants it to end without the point of no return.
    pub cancel_wanted_by: Option<Login>,
    /// What was asked and answered.
    pub questions: Vec<Asked>,
    /// How long clients could not write, by the console's own writer.
    pub outage: Option<Outage>,
    /// How many events it was worked out from; the next event has this number.
    pub events: u32,
}

/// A plan and the hash under which it is requested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// SHA-256 of its essence, in hexadecimal digits.
    pub hash: String,
}

/// What somebody wants of a running operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ControlRequest {
    /// Stop at the next place where it may.
    Pause,
    /// Go on.
    Resume,
    /// End without the point of no return, and take back what was done.
    Cancel,
}

/// Something that an operation keeps for people: a file of its own, beside the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = KeptEvidence))]
pub struct Evidence {
    /// Its name, unique in the operation.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its content, in hexadecimal digits.
    pub sha256: String,
    /// Since when it is kept.
    pub kept_at: Timestamp,
}
