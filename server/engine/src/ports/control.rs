//! What changes something in an engine, or looks closer than the probes do. Nothing here decides anything.

use futures::future::BoxFuture;
use jiff::Timestamp;
use switchback_domain::{
    EndpointName, Lsn, MemberName, MemberState, Millis, Node, PatroniRole, PatroniState, ProbeFailure, Promotion, Side, Timeline,
    operation::{LostWrites, MemberOrder, NotSaved, OperationId, OrderFailure},
};

/// Why an engine did not do what it was told, or did not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// It said no; nothing has happened.
    #[error("{endpoint} said no: {said}")]
    Refused {
        /// Who.
        endpoint: EndpointName,
        /// Its words, shortened to 200 characters.
        said: String,
    },
    /// An order was not sent, because no connection was made; nothing has happened. A question that failed in this way is
    /// [`ControlError::Failed`].
    #[error("no connection to {endpoint} was made: {failure:?}")]
    NotSent {
        /// To whom.
        endpoint: EndpointName,
        /// Why.
        failure: ProbeFailure,
    },
    /// It gave no usable answer. When something was sent, nobody knows whether it happened.
    #[error("{endpoint} gave no usable answer: {failure:?}")]
    Failed {
        /// Who.
        endpoint: EndpointName,
        /// What is the matter.
        failure: ProbeFailure,
    },
}

impl ControlError {
    /// The same question may be answered in a moment: the server starts or stops, or cannot be reached. What was refused stays so.
    pub fn may_pass(&self) -> bool {
        matches!(self, ControlError::Failed { .. } | ControlError::NotSent { .. })
    }

    /// Who.
    pub fn endpoint(&self) -> &EndpointName {
        match self {
            ControlError::Refused { endpoint, .. } | ControlError::NotSent { endpoint, .. } | ControlError::Failed { endpoint, .. } => {
                endpoint
            }
        }
    }

    /// What became of an order that this was the answer to.
    pub fn order_failure(&self) -> OrderFailure {
        match self {
            ControlError::Refused { said, .. } => OrderFailure::Refused { said: said.clone() },
            ControlError::NotSent { failure, .. } => OrderFailure::NotSent { failure: failure.clone() },
            ControlError::Failed { failure, .. } => OrderFailure::Unanswered { failure: failure.clone() },
        }
    }
}

/// What the methods of [`EngineControl`] return.
pub type ControlFuture<'a, T> = BoxFuture<'a, Result<T, ControlError>>;

/// A Patroni member about itself, right now (`/patroni`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatroniStatus {
    /// Its role.
    pub role: PatroniRole,
    /// What its `PostgreSQL` does.
    pub state: PatroniState,
    /// Patroni's own words for both, such as `primary, running`.
    pub said: String,
    /// The timeline that Patroni shows.
    pub timeline: Option<Timeline>,
}

impl PatroniStatus {
    /// It may accept writes now or in a moment. `/primary` answers 503 already while `PostgreSQL` still does, so this is asked of
    /// `/patroni`; and a primary that starts, restarts, or cannot be asked by its own Patroni is one all the same.
    pub fn may_write(&self) -> bool {
        self.role == PatroniRole::Primary && !matches!(self.state, PatroniState::Stopping | PatroniState::Stopped)
    }
}

/// The end of a node's log, for the proof of a planned switchover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEnd {
    /// It is in recovery.
    pub in_recovery: bool,
    /// The timeline of what it received last, or writes.
    pub timeline: Option<Timeline>,
    /// Where its last record begins, nothing when there is none behind the position asked for.
    pub record: Option<Lsn>,
    /// Where its last record ends.
    pub end: Option<Lsn>,
    /// What its last record is, in `PostgreSQL`'s words, for people.
    pub kind: Option<String>,
    /// That record is the checkpoint with which a primary ends its log when it is shut down properly.
    pub ends_in_shutdown: bool,
    /// What it has replayed.
    pub replayed: Option<Lsn>,
}

/// Where a node's log stands, in one quick question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// It is in recovery.
    pub in_recovery: bool,
    /// The timeline it writes or receives.
    pub timeline: Option<Timeline>,
    /// Where it writes; only on a primary.
    pub written: Option<Lsn>,
    /// What it has safely received; only on a standby.
    pub received: Option<Lsn>,
    /// What it has replayed; only on a standby.
    pub replayed: Option<Lsn>,
    /// Its incoming stream says `streaming`.
    pub streaming: bool,
    /// Names of synchronous standbys that stream from it.
    pub synchronous: Vec<String>,
}

/// Rows of the outage meter on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    /// The numbers of this operation's rows, ascending; number 0 is the marker.
    pub numbers: Vec<u64>,
    /// When the console last wrote its heartbeat row, as this node has it.
    pub heartbeat_at: Option<Timestamp>,
}

impl Rows {
    /// The marker is there.
    pub fn has_marker(&self) -> bool {
        self.numbers.first() == Some(&0)
    }
}

/// What a site's cluster is told by its configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClusterMode {
    /// To lead: there is no `standby_cluster` section.
    Primary,
    /// To follow somebody.
    Standby,
    /// To be read-only and to follow nobody, so that nothing of what it has is rewound ([`EngineControl::hold`]).
    Held,
}

/// Where a node's log comes from, by its own files: the timelines that it went through and where it left each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lineage {
    /// It accepts no writes.
    pub in_recovery: bool,
    /// The timeline that it is on.
    pub timeline: Option<Timeline>,
    /// Where its log ends: what it has written, or what it has replayed.
    pub end: Option<Lsn>,
    /// Every timeline that it has left, oldest first. Nothing when the history file of its timeline is not there to be read.
    pub history: Option<Vec<Promotion>>,
}

/// What only the log of one node has, as far as it could be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// Where its log ends.
    pub end: Lsn,
    /// JSON Lines. One for each row as it is now, `{"database", "schema", "table", "xid", "row"}`, one for each sequence that went on,
    /// `{"database", "schema", "sequence", "last_value"}`, and one for each thing that could not be had, with its kind as `left_out`.
    pub lines: Vec<u8>,
    /// How many rows.
    pub rows: u64,
    /// Of how many tables.
    pub tables: u64,
    /// How many things could not be had, also when there was no room for their lines.
    pub left_out: u64,
    /// What clients committed in it, counted out of the log, whether or not it could be saved.
    pub writes: LostWrites,
    /// What could not be had, as far as it is named; empty only when nothing is missing.
    pub not_saved: Vec<NotSaved>,
}

/// A member as one `HAProxy` has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberSeen {
    /// Which.
    pub member: MemberName,
    /// What it does.
    pub state: MemberState,
    /// Its health check passes.
    pub healthy: bool,
    /// Sessions on it.
    pub sessions: u32,
}

/// Gives orders to the engines of one pool, and asks them what only an operation needs to know. Each method is one question or one order to one endpoint, ends by itself within the limit it was
/// made with (orders: 5 s, `checkpoint`: 2 min), and can be called while others run.
pub trait EngineControl: Send + Sync + 'static {
    /// What the cluster of this node's site is told (`GET /config`). Patroni answers from what its last round saw, which may be older
    /// than an order that it has just confirmed.
    fn cluster_mode<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, ClusterMode>;

    /// Tells the cluster of this node's site to follow the other one: the complete `standby_cluster` section of `side`, every key of it,
    /// those without a value as null, because Patroni merges (`PATCH /config`). Success means that it is stored in the site's own etcd.
    fn follow<'a>(&'a self, node: &'a Node, side: Side) -> ControlFuture<'a, ()>;

    /// Tells the cluster of this node's site to be read-only and to follow nobody: a `standby_cluster` section with an address at which
    /// nobody listens (`PATCH /config`). A primary is shut down and comes back in recovery; nothing is rewound, because Patroni cannot
    /// ask anybody whether it would have to be.
    fn hold<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, ()>;

    /// Tells the cluster of this node's site to lead: `standby_cluster: null` (`PATCH /config`).
    fn lead<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, ()>;

    /// A Patroni member about itself (`GET /patroni`).
    fn status<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, PatroniStatus>;

    /// Past promotions as this member's cluster has them (`GET /history`); empty when there are none.
    fn history<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, Vec<Promotion>>;

    /// Where this node's log comes from, by the history file of its timeline.
    fn lineage<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, Lineage>;

    /// Makes `candidate` leader in place of `leader`, both of one site (`POST /switchover`). Returns when Patroni says that it is done.
    fn switch_in_site<'a>(&'a self, leader: &'a Node, candidate: &'a Node) -> ControlFuture<'a, ()>;

    /// Makes `candidate` leader of a site that has none (`POST /failover`).
    fn elect<'a>(&'a self, candidate: &'a Node) -> ControlFuture<'a, ()>;

    /// `CHECKPOINT`; returns how long it took.
    fn checkpoint<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, Millis>;

    /// Where a node's log stands.
    fn position<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, Position>;

    /// The last record in a node's log at or behind `from`, with `pg_walinspect`. Refused when `from` is past the end of the log: not
    /// everything has arrived yet.
    fn log_end<'a>(&'a self, node: &'a Node, from: Lsn) -> ControlFuture<'a, LogEnd>;

    /// Whether a node takes rows, asked over the connection over which the next row goes: whoever asks first waits for no connection when
    /// it is time to write.
    fn takes_rows<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, bool>;

    /// Writes row `number` of an operation; success means that the commit was acknowledged as any client's is, the mirror's confirmation
    /// included. Number 0 is the marker; with it the rows of older operations go.
    fn write_row<'a>(&'a self, node: &'a Node, operation: OperationId, number: u64) -> ControlFuture<'a, ()>;

    /// The rows of an operation on a node.
    fn rows<'a>(&'a self, node: &'a Node, operation: OperationId) -> ControlFuture<'a, Rows>;

    /// The rows that transactions have written which committed on `timeline` behind `fork`, in at most `most_bytes`: of a standby that has
    /// replayed its own log and follows nobody, with `pg_walinspect`. What was deleted is not there any more, and of what was updated the
    /// newest version is. May take two minutes. Refused when the node accepts writes, or is on another timeline by now.
    fn save_diverged<'a>(&'a self, node: &'a Node, timeline: Timeline, fork: Lsn, most_bytes: usize) -> ControlFuture<'a, Saved>;

    /// The directory that holds a node's data, by its own word.
    fn data_directory<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, String>;

    /// The members of one `HAProxy`.
    fn members<'a>(&'a self, proxy: &'a EndpointName) -> ControlFuture<'a, Vec<MemberSeen>>;

    /// Tells a member what to do (`set server … state …`).
    fn tell_member<'a>(&'a self, proxy: &'a EndpointName, member: &'a MemberName, order: MemberOrder) -> ControlFuture<'a, ()>;

    /// Holds a site through its etcd, unless it is held or follows there already; for a site whose Patroni does not run yet. Returns
    /// whether that had to be written. Never overwrites a change that came between.
    fn hold_in_etcd<'a>(&'a self, etcd: &'a EndpointName) -> ControlFuture<'a, bool>;

    /// The members whose Patroni is registered in the site's etcd: those that have run within the last `ttl`.
    fn members_in_etcd<'a>(&'a self, etcd: &'a EndpointName) -> ControlFuture<'a, Vec<String>>;

    /// Takes the `standby_cluster` section out of the site's configuration in its etcd, if it is one that holds; for a site whose Patroni does
    /// not answer. Returns whether that had to be written. Never overwrites a change that came between.
    fn release_in_etcd<'a>(&'a self, etcd: &'a EndpointName) -> ControlFuture<'a, bool>;

    /// Writes the complete `standby_cluster` section of `side` into the site's configuration in its etcd, unless it follows there already;
    /// for a site of which nothing runs, because it is about to be made anew. Returns whether that had to be written.
    fn follow_in_etcd<'a>(&'a self, etcd: &'a EndpointName, side: Side) -> ControlFuture<'a, bool>;
}
