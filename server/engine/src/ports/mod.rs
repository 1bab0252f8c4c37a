//! What the engine needs from outside. Adapters implement these; tests implement them too.

mod control;
mod evidence;
mod journal;

pub use crate::audit::AuditEntry;
pub use control::{
    ClusterMode, ControlError, ControlFuture, EngineControl, Lineage, LogEnd, MemberSeen, PatroniStatus, Position, Rows, Saved,
};
pub use evidence::EvidenceStore;
pub use journal::{Closing, HeldLease, IdempotencyKey, JournalStore, Lease, LeaseAnswer, LeaseAsk, Opening, PoolRecord, RecordChange};

use futures::future::BoxFuture;
use jiff::Timestamp;
use secrecy::SecretString;
use std::time::Duration;
use switchback_domain::{
    BrokenGuard, Endpoint, Facts, Login, LostFile, PoolId, ProbeFailure, Reserve,
    history::{Change, Metric, Point},
    operation::UnreadableEntry,
    people::Person,
};

/// The only source of chance in the engine, so that tests own it. Must be fit for secrets.
pub trait Chance: Send + Sync + 'static {
    /// Fills `bytes` with what nobody can guess.
    fn fill(&self, bytes: &mut [u8]);
}

/// Why a password was not hashed or compared.
#[derive(Debug, thiserror::Error)]
pub enum PasswordsFailed {
    /// So many are waiting already that whoever asks would give up before it is their turn.
    #[error("too many passwords are waiting to be compared")]
    Busy,
    /// The machine is out of memory, or a stored hash is no hash.
    #[error("the password could not be hashed or compared: {0}")]
    Failed(String),
}

/// Who waits for a password. Each lane has places of its own, so that strangers cannot keep others waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// A device that somebody has signed in with before, or this machine.
    Known,
    /// Everybody else.
    Stranger,
}

/// Hashes passwords, deliberately slowly; does it where it holds up nobody else.
pub trait Passwords: Send + Sync + 'static {
    /// A new hash (PHC string) with its own salt.
    fn hash(&self, password: SecretString, lane: Lane) -> BoxFuture<'_, Result<String, PasswordsFailed>>;

    /// Whether the password fits the hash. Takes as long for a wrong password as for the right one.
    fn verify(&self, password: SecretString, hash: String, lane: Lane) -> BoxFuture<'_, Result<bool, PasswordsFailed>>;
}

/// The only source of time in the engine, so that tests own it.
pub trait Clock: Send + Sync + 'static {
    /// Now, for people. Somebody may set it, so nothing that is dangerous rests on it.
    fn now(&self) -> Timestamp;

    /// Time since the machine was started, including the time that it slept. Nobody can set it; it means nothing on another machine.
    fn since_boot(&self) -> Duration;

    /// Names this start of this machine: where it is the same, `since_boot` is the same time.
    fn machine(&self) -> &str;
}

/// Asks one endpoint. Keeps its connection between questions; one question at a time.
pub trait Probe: Send + 'static {
    /// Whom it asks.
    fn endpoint(&self) -> &Endpoint;

    /// Asks once. Must end by itself within the time limit it was made with; `now` is the console's clock, for the heartbeat row.
    fn look(&mut self, now: Timestamp) -> BoxFuture<'_, Result<Facts, ProbeFailure>>;
}

/// Why the store did not do what was asked. For people this is an incident; the cause goes to the log.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else has it already (a login that exists, a set-up link that was used).
    #[error("it exists already")]
    Taken,
    /// The pool's epoch is another one than what was asked rests on: its active site has changed meanwhile.
    #[error("the pool is in another epoch")]
    OtherEpoch,
    /// An entry of the operation's journal cannot be read.
    #[error(transparent)]
    Unreadable(UnreadableEntry),
    /// The database failed.
    #[error("the store failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Shorthand for what the store's methods return.
pub type Stored<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// A session as it is kept. The cookie's secret is kept only as its SHA-256.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// SHA-256 of the secret in the cookie.
    pub secret_hash: [u8; 32],
    /// Whose it is.
    pub login: Login,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used; decides idle expiry.
    pub used_at: Timestamp,
}

/// Short history of pools.
pub trait HistoryStore: Send + Sync + 'static {
    /// Adds points of the finest step, all of the same span, and merges them into the coarser steps (see [`switchback_domain::history::Span`]).
    fn add_points<'a>(&'a self, pool: &'a PoolId, points: &'a [(Metric, Point)]) -> Stored<'a, ()>;

    /// Points of one figure in `[from, until)`, of the step of `span`, oldest first.
    fn points<'a>(
        &'a self,
        pool: &'a PoolId,
        metric: &'a Metric,
        span: switchback_domain::history::Span,
        from: Timestamp,
        until: Timestamp,
    ) -> Stored<'a, Vec<Point>>;

    /// Adds changes of state.
    fn add_changes<'a>(&'a self, pool: &'a PoolId, changes: &'a [Change]) -> Stored<'a, ()>;

    /// The newest changes, newest first, at most `most`.
    fn changes<'a>(&'a self, pool: &'a PoolId, most: u32) -> Stored<'a, Vec<Change>>;

    /// Removes what is older than each step's length, and changes beyond the newest 1,000 of each pool. Returns how many rows went.
    fn prune(&self, now: Timestamp) -> Stored<'_, u64>;
}

/// People and their sessions.
pub trait PeopleStore: Send + Sync + 'static {
    /// How many people have an account.
    fn people_count(&self) -> Stored<'_, u64>;

    /// Replaces the one open set-up link; only its SHA-256 is kept.
    fn open_set_up<'a>(&'a self, secret_hash: &'a [u8; 32], expires_at: Timestamp) -> Stored<'a, ()>;

    /// Whether this is the open set-up link.
    fn set_up_is_open<'a>(&'a self, secret_hash: &'a [u8; 32], now: Timestamp) -> Stored<'a, bool>;

    /// Uses the set-up link and makes the first person, both or neither. [`StoreError::Taken`] when the link is not open or somebody exists.
    fn set_up<'a>(&'a self, secret_hash: &'a [u8; 32], person: &'a Person, password_hash: &'a str, now: Timestamp) -> Stored<'a, ()>;

    /// A person and the hash of their password (PHC string).
    fn person<'a>(&'a self, login: &'a Login) -> Stored<'a, Option<(Person, String)>>;

    /// The key that notes for known devices are signed with. While there is none, `fresh` is kept as the key.
    fn device_key<'a>(&'a self, fresh: &'a [u8; 32]) -> Stored<'a, [u8; 32]>;

    /// Begins a session.
    fn add_session<'a>(&'a self, session: &'a Session) -> Stored<'a, ()>;

    /// A session and whose it is.
    fn session<'a>(&'a self, secret_hash: &'a [u8; 32]) -> Stored<'a, Option<(Session, Person)>>;

    /// Notes that a session is in use.
    fn touch_session<'a>(&'a self, secret_hash: &'a [u8; 32], used_at: Timestamp) -> Stored<'a, ()>;

    /// Ends a session; it is fine if it is gone already.
    fn end_session<'a>(&'a self, secret_hash: &'a [u8; 32]) -> Stored<'a, ()>;

    /// Removes sessions that began or were used before these times. Returns how many.
    fn prune_sessions(&self, created_before: Timestamp, used_before: Timestamp) -> Stored<'_, u64>;
}

/// The append-only audit history.
pub trait AuditStore: Send + Sync + 'static {
    /// Appends an entry.
    fn append<'a>(&'a self, entry: &'a AuditEntry) -> Stored<'a, ()>;

    /// The newest entries, newest first, at most `most`.
    fn entries(&self, most: u32) -> Stored<'_, Vec<AuditEntry>>;
}

/// Everything that is stored.
pub trait Store: HistoryStore + PeopleStore + AuditStore + JournalStore + EvidenceStore {
    /// Writes a row that is there for nothing else, and so finds out whether the store can be written.
    fn write_check(&self, now: Timestamp) -> Stored<'_, ()>;

    /// The guards that are not as they were made: without them, what must not change can be changed.
    fn broken_guards(&self) -> Stored<'_, Vec<BrokenGuard>>;

    /// Looks after the space that is kept for an emergency, and says how it is. To be called every few seconds.
    fn tend_reserve(&self) -> Reserve;

    /// Remembers outside of the store how far it has come, so that an older copy that is put in its place is noticed. To be called every few
    /// seconds. A store that cannot be replaced has nothing to do here.
    fn keep_head(&self, _now: Timestamp) -> Stored<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    /// A file of the store that was removed or replaced while it is open: everything that is written now is gone when the program ends.
    fn lost_file(&self) -> Option<LostFile> {
        None
    }

    /// Brings what is written into the store's file, and saves a copy of everything when a file is lost. To be called every few seconds. A
    /// store on another machine has nothing to do here.
    fn look_after_file(&self, _now: Timestamp) -> Stored<'_, ()> {
        Box::pin(async { Ok(()) })
    }
}
