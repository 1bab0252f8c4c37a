//! Operations: what somebody asked for, the plan it became, and how far it has come. Everything here is worked out from a journal of
//! [`Event`]s: [`Operation::evolve`] takes one in, [`Operation::decide`] says what comes next. Neither does anything.

mod advice;
mod decide;
mod evolve;
mod plan;
mod rebuild;
mod report;
mod step;
#[cfg(test)]
mod tests;

pub use advice::{Advice, Because};
pub use decide::Next;
pub use plan::{Plan, PlanObjection, Refusal, Request, plan};
pub use rebuild::{Instruction, Task};
pub use report::{Beyond, FoundLoss, Loss, Report, StepReport, Targets};
pub use step::{Fact, Missing, Step, Trouble};

use crate::{ByteLag, FreezeWindow, Login, MemberName, Millis, PoolId, Side};
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
    pub fn word(&self) -> &'static str {
        self.kind().word()
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
    /// Its word, as in addresses, commands and the audit history.
    pub fn word(self) -> &'static str {
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
    pub facts: Vec<Fact>,
    /// The attempts before it, oldest first; of more than [`Attempt::KEPT`] the first one and the newest.
    #[serde(default)]
    pub earlier: Vec<Attempt>,
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
    pub facts: Vec<Fact>,
    /// Why it did not succeed, if it ended and did not.
    pub trouble: Option<Trouble>,
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
        trouble: Trouble,
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
    /// Waits for approvals. Policy asks for none yet.
    AwaitingApproval {
        /// Until when.
        expires_at: Timestamp,
    },
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
    pub fn word(&self) -> StageWord {
        match self {
            Stage::AwaitingApproval { .. } => StageWord::AwaitingApproval,
            Stage::Running => StageWord::Running,
            Stage::Paused { .. } => StageWord::Paused,
            Stage::Undoing { .. } => StageWord::Undoing,
            Stage::NeedsPerson { .. } => StageWord::NeedsPerson,
            Stage::Finished { outcome, .. } => outcome.word(),
        }
    }
}

/// Where an operation stands as a whole, in one word: for lists and for pictures, which say nothing of questions and causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum StageWord {
    /// Waits for approvals.
    AwaitingApproval,
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
}

impl StageWord {
    /// It has ended.
    pub fn is_end(self) -> bool {
        matches!(self, StageWord::Done | StageWord::Cancelled | StageWord::Stopped | StageWord::Abandoned)
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
        trouble: Trouble,
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
}

impl Outcome {
    /// It in one word.
    pub fn word(&self) -> StageWord {
        match self {
            Outcome::Done => StageWord::Done,
            Outcome::Undone { why: GivenUp::Cancelled { .. }, .. } => StageWord::Cancelled,
            Outcome::Undone { why: GivenUp::StepFailed { .. }, .. } => StageWord::Stopped,
            Outcome::Abandoned { .. } => StageWord::Abandoned,
        }
    }
}

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
    pub trouble: Trouble,
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
    /// End the operation here. What is missing is for somebody to do by hand.
    Abandon,
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

/// How long clients could not write, as the console's own writer saw it: it writes a small row on the primary every 20 ms, and before an
/// emergency at least its heartbeat row each second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Outage {
    /// The last acknowledged write before it.
    pub last_write_at: Timestamp,
    /// The first acknowledged write after it; nothing while it lasts.
    pub first_write_at: Option<Timestamp>,
    /// Rows acknowledged before it.
    pub acknowledged: u64,
    /// Of those, how many the new primary has; nothing until it was asked.
    pub found: Option<u64>,
    /// It may have been shorter by so much: the console did not see all of it, because it was started anew in its middle, or because before
    /// an emergency it wrote only once a second. Zero: it is known to some 20 ms.
    #[serde(default)]
    pub uncertain: Millis,
}

impl Outage {
    /// How long it lasted, or has lasted at `now`.
    pub fn length(&self, now: Timestamp) -> Millis {
        Millis::between(self.last_write_at, self.first_write_at.unwrap_or(now))
    }

    /// Whether it kept within a limit, or has kept within it at `now`; nothing when that is not known, or not yet.
    pub fn is_within(&self, limit: Millis, now: Timestamp) -> Option<bool> {
        let length = self.length(now);
        if length.0.saturating_sub(self.uncertain.0) > limit.0 {
            return Some(false);
        }
        (self.first_write_at.is_some() && length <= limit).then_some(true)
    }
}

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
pub enum Wish {
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

/// A running or finished operation on one line: for the pool's page and for lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Glance {
    /// Its number.
    pub id: OperationId,
    /// Its pool.
    pub pool: PoolId,
    /// What kind of thing it does.
    pub kind: IntentKind,
    /// The site that it is about; see [`Intent::side`].
    pub side: Option<Side>,
    /// It only rehearses: nothing is changed.
    pub dry_run: bool,
    /// Who asked.
    pub requested_by: Login,
    /// When.
    pub requested_at: Timestamp,
    /// Where it stands.
    pub stage: StageWord,
    /// The step that is being done, counted from zero.
    pub step: Option<usize>,
    /// How many steps there are.
    pub steps: usize,
    /// The point of no return is behind it.
    pub past_no_return: bool,
    /// How long clients could not write.
    pub outage: Option<Outage>,
}

/// What stands about a pool beside its readings: kept in the console's store, not read from an engine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Standing {
    /// The present epoch.
    pub epoch: Epoch,
    /// Sites that must not come back as active, and since when.
    pub fences: Vec<Fence>,
    /// The operation that has not ended.
    pub operation: Option<Glance>,
    /// No operation may begin before this, because the last one has only just ended.
    pub cool_until: Option<Timestamp>,
    /// A freeze window that is open now.
    pub freeze: Option<FreezeWindow>,
    /// Which site the pool's own operations made the active one, last of all; nothing when none of them ever did.
    pub made_active: Option<MadeActive>,
    /// Both sites accept writes; or they did, and nobody has seen yet that they do not any more.
    pub split: Option<Split>,
}

/// An operation has answered which site is active.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MadeActive {
    /// The site.
    pub side: Side,
    /// The operation.
    pub operation: OperationId,
}

/// A split brain as the console has seen it come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Split {
    /// Since when it is seen.
    pub since: Timestamp,
    /// The site that was seen to be the only active one before; nothing when the console had not seen the pool whole since its start.
    pub before: Option<Side>,
}

/// A site that must not come back as active.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Fence {
    /// Which.
    pub side: Side,
    /// The epoch that began when it was fenced.
    pub epoch: Epoch,
    /// The operation that fenced it.
    pub operation: OperationId,
    /// Since when.
    pub since: Timestamp,
    /// The primary's last known position and when it was read: what is missing beyond it is found when the site comes back.
    pub expected_loss: Option<ByteLag>,
}
