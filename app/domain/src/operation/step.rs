//! The steps that plans are made of, what they see, and why they do not succeed.

use crate::{
    ByteLag, CheckKind, EndpointName, Finding, Login, Lsn, MemberName, Millis, NodeName, ProbeFailure, Side, Timeline, Verdict, Witness,
    operation::{Choice, FenceAnswer, Intent, LostWrites, MemberChange, MemberOrder, NotSaved, Outage},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One step. It leaves nothing to choose while it runs, except who leads a site: leaders move, and are looked for anew.
/// Each begins by looking whether its effect is there already, so that it can be begun again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// Look at everything anew under the lease, and stand down when the situation is not the planned one.
    Preflight,
    /// Write a marker row on the primary and begin to write the outage meter's rows.
    Mark {
        /// The active site.
        side: Side,
    },
    /// A checkpoint on the primary, so that the one at shutdown, for which clients wait, is small.
    Checkpoint {
        /// The active site.
        side: Side,
    },
    /// Take the members' sessions away gently.
    Drain {
        /// The site.
        side: Side,
        /// For at most so long; then the operation goes on with those that are left.
        at_most: Millis,
    },
    /// Make the active site's cluster a standby: Patroni stops the primary. Clients cannot write from here on.
    Demote {
        /// The site.
        side: Side,
    },
    /// Wait for the proof that the other site has everything: its last replayed record is the primary's shutdown checkpoint.
    Prove {
        /// The site that was demoted.
        from: Side,
        /// The site that has to have everything.
        to: Side,
    },
    /// Say what is known of the site that is given up.
    Assess {
        /// The site.
        side: Side,
    },
    /// Shut out everything of the site that can be reached, and keep doing so until it follows.
    Fence {
        /// The site.
        side: Side,
    },
    /// Wait until what was received is replayed.
    Settle {
        /// The site that becomes active.
        side: Side,
    },
    /// Make the site's cluster lead. The point of no return.
    Promote {
        /// The site.
        side: Side,
    },
    /// Exactly one node writes, on a new timeline, the marker row is there, a write of ours succeeds.
    Verify {
        /// The site.
        side: Side,
    },
    /// Exactly one node of the pool writes, it is one of this site, and a write of ours succeeds there.
    SoleWriter {
        /// The site.
        side: Side,
    },
    /// Members of the active site take sessions, those of the other one do not.
    Reroute {
        /// The active site.
        to: Side,
    },
    /// Look whether a returning site has a history of its own.
    Inspect {
        /// The site.
        side: Side,
    },
    /// Save what only the lost timeline of a returning site has, as far as it can be had, before anything of it is given up.
    Save {
        /// The site.
        side: Side,
    },
    /// Make sure that the site's cluster is told to follow.
    Follow {
        /// The site.
        side: Side,
    },
    /// Wait until every node of the site follows and the active site has its mirror.
    Reprotect {
        /// The site that follows.
        side: Side,
    },
    /// Make the mirror of a site its leader.
    SwitchInSite {
        /// The site.
        side: Side,
    },
    /// Tell a member what to do.
    SetMember {
        /// What.
        change: MemberChange,
    },
}

/// A part of an operation, of which a reader wants to know whether clients notice it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Before clients notice anything.
    Prepare,
    /// From the end of writes to the proof.
    Stop,
    /// Shutting the old site out.
    Isolate,
    /// The point of no return and what follows at once.
    Switch,
    /// Clients are led to the active site.
    Serve,
    /// The other site follows.
    Protect,
    /// Only within one site.
    Within,
    /// Only about members.
    Members,
}

/// What a step does to the engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: it looks. A rehearsal carries it out.
    Looks,
    /// Nothing: it waits for what an earlier step has done, or saves what a later one would give up. A rehearsal leaves it out.
    Waits,
    /// It changes something. A rehearsal leaves it out.
    Changes,
    /// It changes something, and only by orders whose answers are kept: when none of them was taken, that is known.
    Orders,
}

/// Whether a step's effect is taken back when the operation gives up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undo {
    /// It is not.
    Never,
    /// When it is known how things were before.
    WhenKnown,
    /// It always is.
    Always,
}

/// What comes of a step that fails before the point of no return. After that a person is always asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// The operation gives up.
    GiveUp,
    /// A person is asked.
    Ask {
        /// How the person may go on although the step has failed: nothing, or to leave the step out because what follows does not rest on it,
        /// or to give up what it could not save.
        without: Option<Choice>,
    },
}

/// Everything that is known of a step before it runs. Its action and its way back are in `server/engine/src/operate/steps`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nature {
    /// Its word in the audit history and the API.
    pub word: &'static str,
    /// The part of the operation that it belongs to.
    pub phase: Phase,
    /// What it does to the engines.
    pub effect: Effect,
    /// Whether that is taken back when the operation gives up.
    pub undo: Undo,
    /// Somebody finds its effect after the operation has given up, unless it is taken back. A marker row and a checkpoint concern nobody.
    pub lasts: bool,
    /// What comes of its failure.
    pub on_failure: OnFailure,
    /// Clients wait for their writes before it begins, so no operation pauses there.
    pub within_outage: bool,
    /// How long it may take before it counts as failed.
    pub deadline: Millis,
}

impl Step {
    /// Everything that is known of the step before it runs, in one place.
    pub fn nature(&self) -> Nature {
        use Effect::{Changes, Looks, Orders, Waits};
        use OnFailure::GiveUp;
        const ASK: OnFailure = OnFailure::Ask { without: None };
        const SKIP: OnFailure = OnFailure::Ask { without: Some(Choice::Skip) };
        // Most have nothing that is taken back, nothing that lasts, and no clients that wait.
        let step = |word, phase, effect, on_failure, deadline| Nature {
            word,
            phase,
            effect,
            undo: Undo::Never,
            lasts: false,
            on_failure,
            within_outage: false,
            deadline: Millis(deadline),
        };
        match self {
            Step::Preflight => step("preflight", Phase::Prepare, Looks, GiveUp, 5_000),
            Step::Mark { .. } => step("mark", Phase::Prepare, Changes, GiveUp, 5_000),
            Step::Checkpoint { .. } => step("checkpoint", Phase::Prepare, Changes, GiveUp, 120_000),
            Step::Drain { at_most, .. } => {
                Nature { undo: Undo::Always, ..step("drain", Phase::Prepare, Orders, GiveUp, at_most.0.saturating_add(5_000)) }
            }
            Step::Demote { .. } => Nature { undo: Undo::Always, ..step("demote", Phase::Stop, Orders, GiveUp, 10_000) },
            // Everything was there a moment before, so what is not there by then will not come soon.
            Step::Prove { .. } => Nature { within_outage: true, ..step("prove", Phase::Stop, Waits, GiveUp, 8_000) },
            Step::Assess { .. } => step("assess", Phase::Isolate, Looks, ASK, 5_000),
            // Told through its etcd alone, Patroni reads it within its `loop_wait`, 10 s unless configured, and then stops its primary.
            // The fencer gives orders, too, so it is not known that none was taken.
            Step::Fence { .. } => Nature { undo: Undo::Always, ..step("fence", Phase::Isolate, Changes, ASK, 15_000) },
            Step::Settle { .. } => step("settle", Phase::Isolate, Waits, ASK, 5_000),
            // Where a site was demoted for it, clients wait for that one: see `Operation::gives_up_after`.
            Step::Promote { .. } => Nature { within_outage: true, ..step("promote", Phase::Switch, Orders, ASK, 20_000) },
            // A leader that dies right after it was told to lead is replaced within Patroni's own `ttl`.
            Step::Verify { .. } => Nature { within_outage: true, ..step("verify", Phase::Switch, Waits, ASK, 60_000) },
            Step::SoleWriter { .. } => step("sole_writer", Phase::Isolate, Waits, ASK, 60_000),
            Step::Reroute { .. } => Nature { lasts: true, ..step("reroute", Phase::Serve, Changes, SKIP, 10_000) },
            Step::Inspect { .. } => step("inspect", Phase::Protect, Looks, ASK, 60_000),
            Step::Save { .. } => step("save", Phase::Protect, Waits, OnFailure::Ask { without: Some(Choice::GiveUp) }, 120_000),
            Step::Follow { .. } => Nature { lasts: true, ..step("follow", Phase::Protect, Changes, ASK, 60_000) },
            Step::Reprotect { .. } => Nature { lasts: true, ..step("reprotect", Phase::Protect, Waits, SKIP, 180_000) },
            Step::SwitchInSite { .. } => Nature { lasts: true, ..step("switch_in_site", Phase::Within, Orders, ASK, 60_000) },
            Step::SetMember { .. } => {
                Nature { undo: Undo::WhenKnown, lasts: true, ..step("set_member", Phase::Members, Orders, ASK, 10_000) }
            }
        }
    }

    /// The word of the step, as in the audit history and the API.
    pub fn as_code(&self) -> &'static str {
        self.nature().word
    }

    /// Something in an engine is changed by it.
    pub fn changes_something(&self) -> bool {
        matches!(self.nature().effect, Effect::Changes | Effect::Orders)
    }

    /// Once this one is begun nothing is taken back: the site that was given up is never made writable again. Where both sites write that is
    /// so from the fence on: to let the fenced one in again would only bring the second writer back.
    pub fn is_point_of_no_return(&self, intent: &Intent) -> bool {
        match intent {
            Intent::Resolve { .. } => matches!(self, Step::Fence { .. }),
            _ => matches!(self, Step::Promote { .. }),
        }
    }
}

/// Something that a step saw, kept as evidence. Pages and reports turn each into a sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum StepEvidence {
    /// Who leads a site.
    Leader {
        /// The site.
        side: Side,
        /// The node.
        node: NodeName,
        /// Its timeline, if it is known.
        timeline: Option<Timeline>,
    },
    /// Where a node's log ends.
    Written {
        /// The node.
        node: NodeName,
        /// Up to here.
        at: Lsn,
    },
    /// A marker row was written, or found.
    Marker {
        /// The node.
        node: NodeName,
    },
    /// A checkpoint ended.
    Checkpoint {
        /// The node.
        node: NodeName,
        /// How long it took.
        took: Millis,
    },
    /// A cluster's configuration says that it follows (or no longer follows) the other site.
    Stored {
        /// The site.
        side: Side,
        /// The node that confirmed it.
        node: NodeName,
        /// It follows.
        follows: bool,
        /// It said so before anything was sent.
        already: bool,
    },
    /// The proof: the last record in the other site's log is the shutdown checkpoint, and it is replayed.
    ShutdownReplayed {
        /// The node in the other site.
        node: NodeName,
        /// Where the checkpoint begins.
        record: Lsn,
        /// Where it ends, which is also what is replayed.
        end: Lsn,
        /// The timeline, which has not changed.
        timeline: Timeline,
    },
    /// The old primary does not accept writes any more, by its own word.
    NoLongerPrimary {
        /// The node.
        node: NodeName,
        /// Patroni's words for its role and state.
        said: String,
    },
    /// How an endpoint answered.
    Answer {
        /// Which.
        endpoint: EndpointName,
        /// Nothing when it gave a good answer.
        failure: Option<ProbeFailure>,
    },
    /// What will probably be lost: an estimate, not a bound.
    ExpectedLoss {
        /// In bytes of the log.
        bytes: Option<ByteLag>,
        /// In time.
        time: Option<Millis>,
        /// How old the figures are.
        age: Option<Millis>,
    },
    /// Something that keeps a site from coming back as active.
    Fenced {
        /// Where.
        endpoint: EndpointName,
    },
    /// An endpoint did not take an order.
    OrderFailed {
        /// Which.
        endpoint: EndpointName,
        /// What it was told.
        order: OrderKind,
        /// How it answered.
        answer: OrderFailure,
    },
    /// How an endpoint had answered the fencer by the time the fence was lifted.
    FencerTold {
        /// Its answer.
        answer: FenceAnswer,
    },
    /// No order of this attempt was taken: each was refused for certain or never sent, or none was given. Nothing has changed by it.
    NoOrderTaken,
    /// Somebody said that what cannot be reached is off.
    Attested {
        /// Who.
        by: Login,
        /// In their words.
        how: String,
    },
    /// Replay has come to rest.
    Rest {
        /// The node.
        node: NodeName,
        /// What it received.
        received: Option<Lsn>,
        /// What it replayed.
        replayed: Lsn,
    },
    /// The console's last heartbeat row that the node has: what was written after it may be lost.
    LastHeartbeat {
        /// The node.
        node: NodeName,
        /// When the row was written.
        at: Timestamp,
    },
    /// The last sign of a site that is given up.
    LastConfirmed {
        /// The site.
        side: Side,
        /// When the console wrote the last heartbeat row that the site is known to have confirmed.
        at: Timestamp,
        /// Since when the console cannot write there; nothing when it still could.
        failing_since: Option<Timestamp>,
        /// Since when each of its databases refuses connections, so that nothing runs there; nothing when it is only silent.
        #[serde(default)]
        gone_since: Option<Timestamp>,
    },
    /// A node is out of recovery.
    Promoted {
        /// The node.
        node: NodeName,
        /// Its timeline before, if it was seen.
        from: Option<Timeline>,
        /// Its timeline now.
        to: Timeline,
        /// Where its log ends, or where the new timeline begins.
        at: Option<Lsn>,
    },
    /// The outage meter's rows that were acknowledged by the old primary, and how many of them the new one has.
    RowsFound {
        /// Acknowledged.
        acknowledged: u64,
        /// Found.
        found: u64,
    },
    /// How long clients could not write.
    ClientsWaited {
        /// From when to when.
        outage: Outage,
    },
    /// What a member did before it was told something else: taken back by telling it that.
    MemberWas {
        /// Which.
        member: MemberName,
        /// What it would have to be told.
        order: MemberOrder,
    },
    /// A member does what it was told.
    Member {
        /// Which.
        member: MemberName,
        /// What it was told.
        order: MemberOrder,
        /// Sessions on it.
        sessions: u32,
    },
    /// A node follows: it receives the right timeline and has replayed what was written afterwards.
    Follows {
        /// The node.
        node: NodeName,
        /// The timeline.
        timeline: Timeline,
        /// Replayed up to here.
        replayed: Lsn,
    },
    /// A synchronous mirror is there.
    Mirror {
        /// The node.
        node: NodeName,
    },
    /// The site was told to follow before it was fenced.
    FollowedBefore {
        /// The site.
        side: Side,
    },
    /// A node did not answer, so that nothing is known of it.
    Silent {
        /// Which.
        node: NodeName,
    },
    /// Both sites have left the same timeline at different places: the returning one cannot be made to follow, only made anew.
    Collided {
        /// The site.
        side: Side,
        /// The timeline that was left at two places.
        timeline: Timeline,
        /// Where the active site left it.
        active_left_at: Lsn,
        /// Where the returning site left it.
        returning_left_at: Lsn,
    },
    /// The histories of both sites agree.
    HistoriesAgree {
        /// The last timeline that both have.
        timeline: Option<Timeline>,
    },
    /// A returning site has a history of its own: what its old primary wrote and the other site never received.
    Diverged {
        /// The site that came back.
        side: Side,
        /// The node whose log goes furthest.
        node: NodeName,
        /// The timeline that it wrote.
        timeline: Timeline,
        /// Where the other site left that timeline to go on without it.
        fork: Lsn,
        /// Where the node's own log ends: everything between the two is missing in the other site.
        end: Lsn,
        /// How many rows of it could be read out of the log; nothing when nobody could count them.
        rows: Option<u64>,
    },
    /// What clients committed in that log and only there, counted out of the log itself.
    LostWrites {
        /// The node.
        node: NodeName,
        /// The timeline that it wrote.
        timeline: Timeline,
        /// Where the other site left that timeline.
        fork: Lsn,
        /// Where the node's own log ends.
        end: Lsn,
        /// What.
        writes: LostWrites,
    },
    /// Where a node's data is, for whoever may have to rebuild it.
    DataDirectory {
        /// The node.
        node: NodeName,
        /// The directory, by the node's own word.
        path: String,
    },
    /// What only the lost timeline of a node has was saved, as far as it could be had; it is kept with the operation.
    Saved {
        /// The node.
        node: NodeName,
        /// The name under which it is kept.
        name: String,
        /// How many rows.
        rows: u64,
        /// Its size.
        bytes: u64,
        /// Of how many tables.
        tables: u64,
        /// How many lines of it say what could not be had.
        left_out: u64,
    },
    /// No log of the site goes on beyond what the other site has: nothing had to be saved.
    NothingToSave {
        /// The site.
        side: Side,
    },
    /// A node was told to take part in an election, because its site had no leader.
    Elected {
        /// The node.
        node: NodeName,
    },
    /// Others saw a sign of life of a site that the console did not hear.
    Witnessed {
        /// The site.
        side: Side,
        /// What they saw.
        witness: Witness,
    },
    /// A step that changes something was only rehearsed.
    Rehearsed,
    /// The console was started anew in the middle of the step and looked for its effect first.
    TakenUpAgain,
}

/// What an engine is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OrderKind {
    /// To lead.
    Lead,
    /// To follow the other site.
    Follow,
    /// To be read-only and to follow nobody.
    Hold,
    /// To take no sessions.
    CloseMembers,
    /// To make another node of its site the leader.
    SwitchInSite,
    /// What a member shall do.
    TellMember,
}

/// How an order was answered that is not known to be taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum OrderFailure {
    /// With a no: nothing has happened.
    Refused {
        /// Its words, shortened.
        said: String,
    },
    /// No connection was made: nothing was sent.
    NotSent {
        /// Why.
        failure: ProbeFailure,
    },
    /// Not at all, or with something that says neither yes nor no: nobody knows whether it was taken.
    Unanswered {
        /// What is the matter.
        failure: ProbeFailure,
    },
}

impl OrderFailure {
    /// It is certain that nothing has happened.
    pub fn is_certain(&self) -> bool {
        match self {
            OrderFailure::Refused { .. } | OrderFailure::NotSent { .. } => true,
            OrderFailure::Unanswered { .. } => false,
        }
    }
}

/// Why a step did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "trouble", rename_all = "snake_case")]
pub enum StepFailure {
    /// The situation is not the one that was planned for.
    SituationChanged {
        /// Checks that do not pass now and were not taken upon themselves by anybody.
        #[cfg_attr(feature = "schema", schema(schema_with = crate::readiness::checks_with_verdicts))]
        checks: Vec<(CheckKind, Verdict)>,
        /// What is the matter.
        findings: Vec<Finding>,
    },
    /// The epoch is another one: the active site has changed since.
    OtherEpoch,
    /// Members of the active site have a Patroni that would stop the primary without a shutdown checkpoint.
    PatroniTooOld {
        /// Each with its version.
        members: Vec<(NodeName, String)>,
    },
    /// Nobody leads the site.
    NoLeader {
        /// The site.
        side: Side,
    },
    /// An engine could not be asked or told.
    Endpoint {
        /// Which.
        endpoint: EndpointName,
        /// Why.
        failure: ProbeFailure,
    },
    /// An engine said no.
    Refused {
        /// Which.
        endpoint: EndpointName,
        /// Its words, shortened.
        said: String,
    },
    /// The deadline has passed.
    TooLate {
        /// How long it was waited.
        after: Millis,
        /// What was still missing.
        missing: Missing,
    },
    /// Some of the site could not be fenced, and nobody has said that it is off.
    NotFenced {
        /// The site.
        side: Side,
        /// What could not be reached.
        unreached: Vec<EndpointName>,
        /// How long each of them was waited for; nothing where an older console has not written it down.
        #[serde(default)]
        within: Option<Millis>,
    },
    /// Somebody has said that the site is off, and others have seen a sign of life of it since.
    SeenAlive {
        /// The site.
        side: Side,
        /// The signs of life that nobody has overridden.
        witnesses: Vec<Witness>,
    },
    /// Nodes of a site that must not accept writes do: it was fenced, and they go on, or somebody has brought them back.
    StillWrites {
        /// Which.
        nodes: Vec<NodeName>,
    },
    /// Both sites accept writes.
    SplitBrain,
    /// The returning site has a history of its own: it has to be rebuilt.
    Collision {
        /// The timeline that was left at two places.
        timeline: Timeline,
        /// Where the active site left it.
        active_left_at: Lsn,
        /// Where the returning site left it.
        returning_left_at: Lsn,
    },
    /// Something that only the site has which is about to be rewound could not be saved. Nothing of it is given up before somebody says so.
    NotSaved {
        /// The site.
        side: Side,
        /// The node whose log has it, if any node's log could be looked at.
        node: Option<NodeName>,
        /// What, and why not.
        what: Vec<NotSaved>,
    },
    /// A site that follows now has begun timelines that were given up. What it has shipped of them to the archive bears names that its next
    /// promotion would use again, so it has to be moved away first, and no engine can be asked whether it was.
    TimelinesGivenUp {
        /// The site that has begun them.
        side: Side,
        /// Which.
        timelines: Vec<Timeline>,
    },
    /// The old primary acknowledged rows that the new one does not have.
    RowsMissing {
        /// Acknowledged.
        acknowledged: u64,
        /// Found.
        found: u64,
    },
    /// Somebody wanted it to end while it waited.
    Interrupted,
    /// The console's store could not be written, so the next step could not be begun.
    StoreUnwritable,
    /// The console's own code failed. The cause is in its log under this incident.
    Internal {
        /// What to look for in the log.
        incident: String,
    },
}

/// What was still missing when a deadline passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "missing", rename_all = "snake_case")]
pub enum Missing {
    /// The engine's answer.
    Answer,
    /// The shutdown checkpoint in the other site's log.
    ShutdownCheckpoint {
        /// The last record seen there.
        last_record: Option<String>,
    },
    /// Its replay.
    Replay,
    /// The old primary's own word that it is none any more.
    OldPrimaryGone,
    /// A node out of recovery.
    Primary,
    /// A write of ours.
    Write,
    /// Nodes that do not follow yet.
    Nodes {
        /// Which.
        nodes: Vec<NodeName>,
    },
    /// A synchronous mirror.
    Mirror,
    /// Members that do not do yet what they were told.
    Members {
        /// Which.
        members: Vec<MemberName>,
    },
}
