//! What the pages about operations show, told on the server in the reader's language.
//!
//! An operation is told anew for each reader rather than told in the browser: its plan, its evidence and its troubles have more words
//! than all other pages together, and none of them has to be in the wasm. The stream only says that something has happened.

mod calls;
#[cfg(feature = "ssr")]
mod dialog;
#[cfg(feature = "ssr")]
pub(in crate::api) mod form;
#[cfg(feature = "ssr")]
mod list;
#[cfg(feature = "ssr")]
mod page;
#[cfg(feature = "ssr")]
mod question;
#[cfg(feature = "ssr")]
pub mod report;
#[cfg(feature = "ssr")]
mod steps;

pub use calls::{all_operations, ask, one_operation, one_plan};
#[cfg(feature = "ssr")]
pub use form::{OperationForm, PlanQuery, Refused, plan_address};

use crate::ui::{Part, Tone};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use switchback_domain::{
    PoolId,
    operation::{Choice, OperationId, Outage},
};

/// How many operations the list shows.
pub const MOST: u32 = 100;

/// A figure with its name and how it is to be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figure {
    /// What it is.
    pub name: String,
    /// What it is worth, with its unit.
    pub value: String,
    /// The target, or how it is to be read.
    pub note: String,
    /// Good, bad or neither.
    pub tone: Tone,
}

/// The two sites and where the active one goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteView {
    /// The part of the first site.
    pub a: Part,
    /// The part of the second site.
    pub b: Part,
    /// From the first to the second.
    pub to_b: bool,
    /// Nothing flows.
    pub broken: bool,
    /// The picture in words.
    pub label: String,
}

/// A plan before somebody asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanView {
    /// The console's clock.
    pub at: Timestamp,
    /// The pool.
    pub pool: PoolId,
    /// The last part of the page's address.
    pub kind: String,
    /// It may lose something.
    pub danger: bool,
    /// The heading.
    pub title: String,
    /// What it does, in a sentence or two.
    pub about: String,
    /// The sites.
    pub route: Option<RouteView>,
    /// How many steps.
    pub steps: String,
    /// The steps; the line of no return stands before the phase that has a gate.
    pub phases: Vec<PhaseView>,
    /// The plan's hash.
    pub hash: String,
    /// When it was made, as it is sent back.
    pub made_at: String,
    /// When it was made, for people.
    pub made: String,
    /// Why it cannot be asked for.
    pub objections: Vec<String>,
    /// What speaks against it.
    pub advice: Vec<String>,
    /// What the decision rests on.
    pub stakes: Vec<Figure>,
    /// What will be lost, in sentences.
    pub lost: Vec<String>,
    /// What is accepted with the loss; nothing when there is none to accept. With marks.
    pub accept: Option<String>,
    /// The checks in one line, and how they stand.
    pub checks_title: String,
    /// How the checks stand as a whole.
    pub checks_tone: Tone,
    /// Checks that do not pass.
    pub checks: Vec<CheckView>,
    /// Each of them has to be taken on.
    pub acknowledge: bool,
    /// The site that may have to be attested as off.
    pub attest: Option<String>,
    /// Why it has to be.
    pub attest_needed: Option<String>,
    /// Signs of life of the site that would be given up.
    pub alive: Option<AliveView>,
    /// The site that has to be typed, if any.
    pub site: Option<String>,
    /// The site that would be typed by mistake.
    pub other_site: Option<String>,
    /// The words of the button.
    pub button: String,
    /// What members may be told, when the plan is about members.
    pub members: Vec<MemberView>,
    /// The changes that were chosen, as they are sent back.
    pub changes: Vec<String>,
    /// Why the last request was refused, when the address says so.
    pub problem: Option<String>,
}

/// A part of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseView {
    /// Its name.
    pub title: String,
    /// What clients notice of it.
    pub note: String,
    /// The point of no return stands before it; with what is to be said of it.
    pub gate: Option<String>,
    /// Its steps.
    pub steps: Vec<StepView>,
}

/// A step. Its whole content is its identity: a step that has changed is drawn anew.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StepView {
    /// Counted from one.
    pub number: usize,
    /// What it does.
    pub text: String,
    /// `todo`, `run`, `done`, `fail` or `skip`.
    pub state: String,
    /// The state in a word.
    pub word: String,
    /// The most important thing about it.
    pub note: String,
    /// Since when it is running.
    pub running_since: Option<Timestamp>,
    /// How long it took; or how long it may take.
    pub took: String,
    /// How long it may take, while it runs.
    pub limit: String,
    /// What it saw.
    pub evidence: Vec<String>,
    /// What became of the attempts before the present one, and what each of them saw.
    pub earlier: Vec<(String, Vec<String>)>,
    /// What to do about its failure.
    pub remedy: String,
}

/// A check that does not pass, or several that do not for the same reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckView {
    /// The names under which they are sent back, with spaces between them.
    pub code: String,
    /// What is wrong.
    pub text: String,
    /// The name of each, if there are several.
    pub each: Vec<String>,
    /// What is said by taking them on.
    pub take: String,
    /// How they stand.
    pub tone: Tone,
}

/// Signs of life of a site that would be given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AliveView {
    /// That it is alive.
    pub title: String,
    /// Each sign: the word that is sent back, and what is said by overriding it.
    pub signs: Vec<(String, String)>,
}

/// A member and what it may be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberView {
    /// Its name and site.
    pub label: String,
    /// Each order: value, words, and whether it was chosen.
    pub orders: Vec<(String, String, bool)>,
}

/// An operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationView {
    /// The console's clock.
    pub at: Timestamp,
    /// Its number.
    pub id: OperationId,
    /// Its pool.
    pub pool: PoolId,
    /// How many events it was told from.
    pub events: u32,
    /// The outage that it was told from: it is shown while it lasts, without an event.
    pub outage: Option<Outage>,
    /// The heading.
    pub title: String,
    /// Pool, number, ticket and reason.
    pub lede: String,
    /// The sites.
    pub route: Option<RouteView>,
    /// It has ended.
    pub finished: bool,
    /// The family of its stage.
    pub tone: Tone,
    /// Its stage in a word.
    pub state: String,
    /// Where it stands, in a few words.
    pub small: String,
    /// How it stands, in sentences with marks.
    pub say: String,
    /// When it was asked for, while it has not ended.
    pub running_since: Option<Timestamp>,
    /// The figures.
    pub figures: Vec<Figure>,
    /// The progress road: for each step its state, how wide it is, and whether the gate stands before it.
    pub road: Vec<(String, u8, bool)>,
    /// The road in words.
    pub road_label: String,
    /// What stands below the road: beginning, gate, end.
    pub road_ends: [String; 3],
    /// The steps, and then what is taken back.
    pub phases: Vec<PhaseView>,
    /// What it asks.
    pub question: Option<QuestionView>,
    /// What somebody has to do by hand, in this order.
    pub by_hand: Vec<ByHandView>,
    /// What it keeps for people.
    pub evidence: Vec<EvidenceView>,
    /// How long clients could not write.
    pub meter: Option<MeterView>,
    /// What somebody may want of it.
    pub controls: Vec<ControlView>,
    /// Who did what: initials, name, what.
    pub people: Vec<(String, String, String)>,
    /// Facts about the plan: name, value, and whether the value is a hash.
    pub plan: Vec<(String, String, bool)>,
    /// What a listener is told when the stage or the step has changed.
    pub announcement: String,
    /// It is said at once, and not only when there is time.
    pub alarming: bool,
    /// Why the last wish was refused, when the address says so.
    pub problem: Option<String>,
}

/// A question to a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuestionView {
    /// Its number.
    pub number: u32,
    /// The question.
    pub title: String,
    /// What happened, what to do about it, and whether turning back is possible.
    pub text: Vec<String>,
    /// The answers.
    pub options: Vec<OptionView>,
}

/// Something that somebody has to do by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByHandView {
    /// What, and where.
    pub text: String,
    /// The command.
    pub command: Option<String>,
}

/// Something that an operation keeps for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceView {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub address: String,
}

/// An answer that may be given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptionView {
    /// Which.
    pub choice: Choice,
    /// The word under which it is sent back.
    pub code: String,
    /// The answer as a heading.
    pub title: String,
    /// What follows from it, each with its family.
    pub lines: Vec<(Tone, String)>,
    /// The label of the reason; nothing when none is needed.
    pub reason: Option<String>,
    /// The label of the site's name that has to be typed; nothing when none has to be.
    pub type_site: Option<String>,
    /// The words of the button.
    pub button: String,
}

/// How long clients could not write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeterView {
    /// The last acknowledged write before; nothing when clients still write.
    pub from: Option<Timestamp>,
    /// The first acknowledged write after, or when the operation ended without one; nothing while it lasts.
    pub until: Option<Timestamp>,
    /// How long it was, what that means, and in a word; nothing while it lasts.
    pub ended: Option<(String, Tone, String)>,
    /// For how long the pool's policy lets clients be without writes, in milliseconds.
    pub target_ms: u64,
    /// The target in words.
    pub target: String,
    /// Heading.
    pub title: String,
    /// The words for: counting, over the target.
    pub words: [String; 2],
    /// More about it.
    pub notes: Vec<String>,
}

/// What somebody may want of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlView {
    /// The word under which it is sent back.
    pub wish: String,
    /// The words of the button.
    pub text: String,
    /// It may not be wanted now.
    pub blocked: bool,
    /// Why not, or what it does.
    pub why: String,
}

/// An operation on one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SummaryView {
    /// Its number.
    pub id: OperationId,
    /// What it does.
    pub title: String,
    /// The family of its stage.
    pub tone: Tone,
    /// Its stage in a word.
    pub state: String,
    /// Number, pool, who and when.
    pub meta: String,
    /// How far it has come, or how long clients could not write.
    pub right: String,
}

/// What came of asking for an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The address of the operation that was begun.
    pub begun: Option<String>,
    /// Why nothing was started.
    pub refused: Option<String>,
}
