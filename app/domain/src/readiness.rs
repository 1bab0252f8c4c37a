//! Readiness: the conditions of a planned operation, each with evidence, age, source and what to do about it.

use crate::{ByteLag, EndpointName, Lsn, MemberName, Millis, NodeName, Side, Timeline, Witness};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One condition and how it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Check {
    /// Which condition.
    pub kind: CheckKind,
    /// How it stands.
    pub verdict: Verdict,
    /// What that rests on.
    pub evidence: Evidence,
    /// When the oldest fact it rests on was read; nothing when a fact is missing.
    pub seen_at: Option<Timestamp>,
    /// Where the facts come from.
    pub sources: Vec<EndpointName>,
}

/// How a check stands. The order is the order of pages: worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Not met.
    Fail,
    /// Cannot be told: a reading is missing or stale.
    Unknown,
    /// Met, but not as it should be.
    Warn,
    /// Met.
    Pass,
}

/// What a verdict rests on. Pages turn it into a sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// These endpoints gave no fresh reading.
    NoReading {
        /// Which.
        endpoints: Vec<EndpointName>,
    },
    /// A fact this check rests on does not exist at present, because there is no primary or no backup.
    NoSubject,
    /// Values that should be the same everywhere.
    Values {
        /// Of what.
        of: ValueOf,
        /// Each once.
        found: Vec<String>,
    },
    /// Nodes that this is about.
    Nodes {
        /// Which, perhaps none.
        nodes: Vec<NodeName>,
    },
    /// A node and a timeline for both ends.
    Timelines {
        /// The primary's.
        primary: Timeline,
        /// What the backup receives, if it receives.
        backup: Option<Timeline>,
    },
    /// A duration against its limit.
    Age {
        /// What was found.
        age: Millis,
        /// What is allowed.
        limit: Millis,
    },
    /// A distance against its limit.
    Bytes {
        /// What was found.
        bytes: ByteLag,
        /// What is allowed.
        limit: ByteLag,
    },
    /// A slot.
    Slot {
        /// Its name, if there is one.
        name: Option<String>,
        /// Somebody streams from it.
        active: bool,
        /// `PostgreSQL`'s word for whether its WAL is kept.
        wal_status: Option<String>,
    },
    /// A replica.
    Replica {
        /// Its name, if there is one.
        node: Option<NodeName>,
        /// It streams.
        streaming: bool,
        /// It confirms commits.
        synchronous: bool,
    },
    /// The archive.
    Archive {
        /// Newest file shipped.
        newest: Option<String>,
        /// When.
        at: Option<Timestamp>,
        /// The last attempt failed.
        failing: bool,
        /// Up to where the log is shipped.
        up_to: Option<Lsn>,
    },
    /// Sites that this is about, perhaps none.
    Sides {
        /// Which.
        sides: Vec<Side>,
    },
    /// A setting that is smaller on a standby.
    Setting {
        /// Its name.
        name: String,
        /// The standby.
        node: NodeName,
        /// The standby's value.
        standby: i64,
        /// The primary's value.
        primary: i64,
    },
    /// All compared settings fit.
    SettingsEqual,
    /// Members up against the number wanted.
    Members {
        /// Up in the target site.
        up: Vec<MemberName>,
        /// How many are wanted.
        wanted: u32,
    },
    /// Endpoints that this is about, perhaps none.
    Endpoints {
        /// Which.
        endpoints: Vec<EndpointName>,
    },
    /// What the console may not read.
    Unreadable {
        /// Databases that it cannot enter.
        databases: Vec<String>,
        /// How many tables of other databases it may not read.
        tables: u64,
        /// The first of them, each with its database.
        first: Vec<String>,
    },
    /// Nobody has looked yet.
    NotYet,
    /// Which guards are missing.
    Guards {
        /// Sites without Patroni's `pre_promote` guard.
        pre_promote_missing: Vec<Side>,
        /// Sites without `HAProxy`'s rule.
        proxy_missing: Vec<Side>,
    },
    /// Members whose Patroni is too old to stop a primary cleanly, perhaps none.
    OldPatroni {
        /// Each with its version, as it says it.
        members: Vec<(NodeName, String)>,
    },
    /// What the console's role may do on the nodes that were asked.
    Rights {
        /// Rights that it has and does not need, each once.
        excess: Vec<String>,
        /// It may not read the histories of timelines, which re-protect needs.
        no_histories: bool,
    },
}

/// What is compared between nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ValueOf {
    /// The identifier of the database system.
    SystemIdentifier,
    /// `PostgreSQL`'s version, such as `15.18`.
    PostgresVersion,
}

/// Why a guarded action cannot be taken now, or is advised against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Objection {
    /// Both sites accept writes: stop one side first.
    SplitBrain,
    /// Two histories of one timeline.
    Collision,
    /// Neither site's part is known.
    ActiveSiteUnknown,
    /// A required check does not pass.
    CheckFails {
        /// Which.
        check: CheckKind,
        /// How it stands.
        verdict: Verdict,
    },
    /// A member of the active site has a Patroni that would stop the primary without a shutdown checkpoint, so nothing could be proved.
    PatroniTooOld {
        /// The member.
        node: NodeName,
        /// Its Patroni's version.
        version: String,
    },
    /// The site that should become active gives no fresh reading.
    TargetSilent {
        /// Which.
        side: Side,
    },
    /// The site that should become active has no node to promote.
    NothingToPromote {
        /// Which.
        side: Side,
    },
    /// The active site answers: a planned switchover loses nothing. Advice, not a refusal.
    ActiveSiteAnswers {
        /// Which.
        side: Side,
    },
    /// The console does not hear the site that would be given up, but others see it alive. Advice that has to be overridden by name.
    SeenAlive {
        /// Which site.
        side: Side,
        /// Who sees it.
        witnesses: Vec<Witness>,
        /// No database and no Patroni of it is heard at all.
        #[serde(default)]
        out_of_sight: bool,
    },
    /// The other site answers and is not told to follow: it may write unseen, or its own cluster may be about to elect a leader. Advice, not
    /// a refusal.
    OtherMayElect {
        /// Which.
        side: Side,
    },
    /// Nobody writes, and the log of the other site goes further: what only that one has would be given up. Advice, not a refusal.
    OtherIsFurther {
        /// Which.
        side: Side,
        /// By so much; nothing when it is on another timeline.
        bytes: Option<ByteLag>,
    },
    /// The pool already runs in its home site.
    AlreadyHome {
        /// Which.
        side: Side,
    },
    /// The home site does not follow: it must be re-protected first.
    HomeDoesNotFollow {
        /// Which.
        side: Side,
    },
}

impl Objection {
    /// It only advises against the action; it does not refuse it.
    pub fn is_advice(&self) -> bool {
        matches!(
            self,
            Objection::ActiveSiteAnswers { .. }
                | Objection::SeenAlive { .. }
                | Objection::OtherMayElect { .. }
                | Objection::OtherIsFurther { .. }
        )
    }
}

mod actions;
mod checks;
#[cfg(test)]
mod tests;

pub(crate) use actions::actions;
pub use checks::CheckKind;
pub(crate) use checks::checks;

/// A list of checks with their verdicts, for the description of the API, in which a pair would repeat every name.
#[cfg(feature = "schema")]
pub(crate) fn checks_with_verdicts() -> utoipa::openapi::schema::Array {
    use utoipa::openapi::{
        Ref,
        schema::{AllOfBuilder, ArrayBuilder, ArrayItems, Schema},
    };
    let of = |name| Schema::AllOf(AllOfBuilder::new().item(Ref::from_schema_name(name)).build());
    let pair = ArrayBuilder::new().items(ArrayItems::False).prefix_items([of("CheckKind"), of("Verdict")]);
    ArrayBuilder::new().items(pair).description(Some("Checks, each with how it stands.")).build()
}
