//! What one endpoint said in one answer, in our words. The probes translate into these types and decide nothing.

use crate::{Lsn, MemberName, Millis, NodeName, Timeline};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One endpoint's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Facts {
    /// From a Patroni REST interface.
    Patroni(PatroniFacts),
    /// From a `PostgreSQL` server.
    Postgres(PostgresFacts),
    /// From an `HAProxy`.
    Haproxy(HaproxyFacts),
    /// From an etcd.
    Etcd(EtcdFacts),
}

impl crate::reading::Claims for Facts {
    fn accepts_writes(&self) -> bool {
        match self {
            Facts::Postgres(facts) => !facts.in_recovery,
            Facts::Patroni(facts) => facts.role == PatroniRole::Primary && facts.state == PatroniState::Running,
            Facts::Haproxy(_) | Facts::Etcd(_) => false,
        }
    }
}

/// Why an endpoint gave no usable answer. The sentence for people is made by the console's pages; the cause goes to the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ProbeFailure {
    /// The connection was refused or reset. A machine whose process is gone says that, and so does any firewall on the way: it is no proof that
    /// anything has stopped.
    Refused,
    /// Nothing came back in time: dead or cut off, which of the two is not known.
    TimedOut {
        /// How long it was waited for.
        after: Millis,
    },
    /// The name does not resolve or there is no route.
    Unreachable,
    /// TLS could not be agreed on: wrong authority, expired, wrong name.
    Tls,
    /// Our user name, password or certificate was turned down.
    Unauthorized,
    /// It has not proved that it knows our password: it wants the password itself, or lets us in without.
    Unproved,
    /// An answer with a status that this endpoint should never give.
    Status {
        /// The HTTP status.
        code: u16,
    },
    /// It wants to send us elsewhere, which is never followed.
    Redirected,
    /// More bytes than any honest answer has.
    TooLarge {
        /// Where reading stopped, in bytes.
        limit: u64,
    },
    /// The answer ended in its middle.
    CutShort,
    /// An answer that is not what this kind of endpoint says.
    Garbage,
    /// `PostgreSQL` refused the question itself; the SQLSTATE tells why. What it means is asked below, so that nobody else has to know one.
    Sql {
        /// Five characters of SQLSTATE.
        state: String,
    },
    /// `HAProxy` answers, and has no backend of the configured name.
    NoSuchBackend,
    /// Nothing has been asked yet.
    NotAskedYet,
}

impl ProbeFailure {
    fn sqlstate(&self) -> Option<&str> {
        match self {
            ProbeFailure::Sql { state } => Some(state),
            _ => None,
        }
    }

    /// `PostgreSQL` starts or stops, by its own word, and takes no new sessions (`cannot_connect_now`).
    pub fn says_it_starts_or_stops(&self) -> bool {
        self.sqlstate() == Some("57P03")
    }

    /// `PostgreSQL` ends this session: it is shut down, has crashed, starts or stops, or the session was idle for too long.
    pub fn ends_the_session(&self) -> bool {
        self.sqlstate().is_some_and(|state| state.starts_with("57P0"))
    }

    /// `PostgreSQL` says that a right is missing (`insufficient_privilege`).
    pub fn says_a_right_is_missing(&self) -> bool {
        self.sqlstate() == Some("42501")
    }
}

/// One Patroni member about itself and its cluster (`/patroni`, `/cluster`, `/config`, `/history`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatroniFacts {
    /// Patroni's name of this member; nothing where it does not say it (before 3.2) and `/cluster` does not tell either.
    pub name: Option<NodeName>,
    /// Its cluster's scope.
    pub scope: String,
    /// What `PostgreSQL` is doing, as Patroni sees it.
    pub state: PatroniState,
    /// The member's role.
    pub role: PatroniRole,
    /// Patroni's version.
    pub patroni_version: String,
    /// `server_version`, such as 150018; absent while `PostgreSQL` is down.
    pub server_version: Option<u32>,
    /// The database system identifier.
    pub system_identifier: Option<String>,
    /// The timeline that Patroni shows; old on a standby leader (ENGINES.md, 6).
    pub timeline: Option<Timeline>,
    /// `PostgreSQL` waits for a restart to take over settings.
    pub pending_restart: bool,
    /// The cluster is in maintenance mode: Patroni watches and does nothing.
    pub paused: bool,
    /// A switchover or restart is scheduled.
    pub scheduled_action: bool,
    /// Who leads the local cluster, as `/cluster` says (up to `loop_wait` old).
    pub leader: Option<NodeName>,
    /// The cluster's dynamic configuration.
    pub config: DynamicConfig,
    /// Past promotions.
    pub history: Vec<Promotion>,
}

/// The first version of Patroni, as major and minor number, that stops a primary with a shutdown checkpoint when a `standby_cluster` section
/// appears. Earlier ones stop it immediately: what was not sent yet is cut off, and nothing can be proved (measured with 3.0.2, 3.3.8, 4.0.7).
pub const PATRONI_DEMOTES_CLEANLY_SINCE: (u32, u32) = (4, 1);

impl PatroniFacts {
    /// Whether it stops a primary cleanly when its site is demoted. A version that cannot be read is not taken for a new one.
    pub fn demotes_cleanly(&self) -> bool {
        let mut numbers = self.patroni_version.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= PATRONI_DEMOTES_CLEANLY_SINCE,
            _ => false,
        }
    }
}

/// What Patroni says `PostgreSQL` is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PatroniState {
    /// Running; on a standby also "streaming" and "in archive recovery".
    Running,
    /// Starting or restarting.
    Starting,
    /// Shutting down.
    Stopping,
    /// Down.
    Stopped,
    /// Creating a replica or a new cluster.
    Creating,
    /// A start or stop failed.
    Failed,
    /// A word that this version of the console does not know.
    Other(String),
}

/// Patroni's role of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PatroniRole {
    /// Leader of a cluster that accepts writes.
    Primary,
    /// Leader of a standby cluster.
    StandbyLeader,
    /// Follows the local leader.
    Replica,
    /// Was primary a moment ago.
    Demoted,
    /// Has no data yet.
    Uninitialized,
}

/// The parts of Patroni's dynamic configuration that matter between sites.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DynamicConfig {
    /// Present while the cluster is a standby of another one.
    pub standby_cluster: Option<StandbyCluster>,
    /// Synchronous mode is on.
    pub synchronous_mode: bool,
    /// Names of the permanent slots.
    pub slots: Vec<String>,
    /// A `pre_promote` guard is configured, as far as the dynamic configuration tells.
    pub pre_promote: bool,
    /// Leader lease, in seconds.
    pub ttl_s: Option<u32>,
    /// Pause between two rounds, in seconds.
    pub loop_wait_s: Option<u32>,
}

/// Whom a standby cluster follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandbyCluster {
    /// Comma-separated hosts.
    pub host: String,
    /// Port of all of them.
    pub port: Option<u16>,
    /// The slot in the other site.
    pub slot: Option<String>,
}

/// Where a *held* site is told to stream from: an address at which nobody listens. Its cluster is read-only like any standby, follows
/// nobody, and is not rewound, so that everything that only it has stays there until somebody has looked at it (ARCHITECTURE.md).
pub const HELD_HOST: &str = "127.0.0.1";
/// The port of [`HELD_HOST`]. Nothing that may be started without being asked for listens there.
pub const HELD_PORT: u16 = 1;

impl StandbyCluster {
    /// The cluster is held: read-only, and following nobody.
    pub fn is_held(&self) -> bool {
        self.host == HELD_HOST && self.port == Some(HELD_PORT)
    }
}

/// A past promotion, from `/history`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promotion {
    /// The timeline that ended.
    pub parent: Timeline,
    /// Where it ended.
    pub switched_at: Lsn,
    /// When the new one began, if it is told.
    pub at: Option<Timestamp>,
    /// Who was promoted, if it is told.
    pub leader: Option<String>,
}

/// One `PostgreSQL` about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostgresFacts {
    /// Out of recovery means: it accepts writes.
    pub in_recovery: bool,
    /// The database system identifier.
    pub system_identifier: String,
    /// Such as 150018.
    pub server_version: u32,
    /// Its own clock when it answered.
    pub clock: Timestamp,
    /// When it was started.
    pub started_at: Timestamp,
    /// The timeline it writes, or receives.
    pub timeline: Option<Timeline>,
    /// Where it writes; only on a primary.
    pub written: Option<Lsn>,
    /// What is safely received; only on a standby.
    pub received: Option<Lsn>,
    /// What is replayed; only on a standby.
    pub replayed: Option<Lsn>,
    /// Replay was paused by somebody.
    pub replay_paused: bool,
    /// Its incoming stream, if there is one.
    pub receiver: Option<Receiver>,
    /// Its outgoing streams.
    pub senders: Vec<Sender>,
    /// Its replication slots.
    pub slots: Vec<Slot>,
    /// Its archiver's figures.
    pub archiver: Option<Archiver>,
    /// The newest heartbeat row that is visible here.
    pub heartbeat: Option<Heartbeat>,
    /// What of this primary could not be saved if its site were lost; nothing when nobody has looked yet.
    #[serde(default)]
    pub unreadable: Option<Box<Unreadable>>,
    /// Settings that must not be smaller on a standby than on its primary.
    pub settings: BTreeMap<String, i64>,
    /// What the console's role may do here.
    #[serde(default)]
    pub rights: RoleRights,
    /// Every promotion that its log has behind it, by the history file of its own timeline; nothing when that could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lineage: Option<Vec<Promotion>>,
}

/// What the console's role may do in one `PostgreSQL`, beside what it needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleRights {
    /// Attributes, memberships and functions that it has and does not need, such as `superuser` or `pg_read_server_files`.
    pub excess: Vec<String>,
    /// It may read the histories of timelines, by the function that `pool-setup.sql` makes.
    pub reads_histories: bool,
}

impl PostgresFacts {
    /// The size of its WAL files, in bytes.
    pub fn wal_file_bytes(&self) -> u64 {
        self.settings.get("wal_segment_size").and_then(|bytes| u64::try_from(*bytes).ok()).unwrap_or(crate::WAL_FILE_BYTES)
    }

    /// Up to where its archiver has shipped the log.
    pub fn shipped_up_to(&self) -> Option<Lsn> {
        let file = self.archiver.as_ref()?.last_file.as_deref()?;
        crate::wal_file_end(file, self.wal_file_bytes()).map(|(_, end)| end)
    }
}

/// An incoming stream (`pg_stat_wal_receiver`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receiver {
    /// Such as `streaming`.
    pub status: String,
    /// Whom it receives from.
    pub sender_host: Option<String>,
    /// The timeline it receives.
    pub timeline: Option<Timeline>,
    /// What it flushed.
    pub flushed: Option<Lsn>,
    /// Age of the sender's last message when asked.
    pub message_age: Option<Millis>,
    /// The slot it uses there.
    pub slot: Option<String>,
}

/// An outgoing stream (`pg_stat_replication`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    /// The receiver's name.
    pub application_name: String,
    /// The receiver's address.
    pub client: Option<String>,
    /// Such as `streaming` or `catchup`.
    pub state: String,
    /// It confirms commits (`sync` or `quorum`).
    pub synchronous: bool,
    /// What it flushed.
    pub flushed: Option<Lsn>,
    /// What it replayed.
    pub replayed: Option<Lsn>,
    /// How long a commit waits for its flush; nothing when idle.
    pub flush_lag: Option<Millis>,
    /// Age of its last reply when asked.
    pub reply_age: Option<Millis>,
}

/// A replication slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// Its name.
    pub name: String,
    /// Somebody streams from it.
    pub active: bool,
    /// `reserved`, `extended`, `unreserved` or `lost`.
    pub wal_status: Option<String>,
    /// From here on WAL is kept for it.
    pub restart: Option<Lsn>,
}

/// The archiver (`pg_stat_archiver`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archiver {
    /// `archive_mode` is on and there is a command.
    pub enabled: bool,
    /// The newest file shipped.
    pub last_file: Option<String>,
    /// When.
    pub last_at: Option<Timestamp>,
    /// When shipping last failed.
    pub last_failed_at: Option<Timestamp>,
}

/// The row that the console writes on the primary each second, as one node sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// Counts up.
    pub beat: i64,
    /// The console's clock when it wrote it.
    pub beat_at: Timestamp,
}

/// What the console's role may not read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unreadable {
    /// Databases that it cannot enter.
    pub databases: Vec<String>,
    /// How many tables of other databases it may not read, or not all rows of.
    pub tables: u64,
    /// The first of them, each with its database.
    pub first_tables: Vec<String>,
}

/// One `HAProxy`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HaproxyFacts {
    /// Its version.
    pub version: String,
    /// The pool's members in its backend.
    pub members: Vec<MemberFacts>,
    /// The rule that closes the write port while the other site has a primary is there
    /// (a backend named as configured exists).
    pub guard: bool,
    /// The servers of that backend whose check passes: nodes of the other site that are primary by their Patroni's word to this `HAProxy`.
    #[serde(default)]
    pub peers_up: Vec<String>,
}

/// One member, as `HAProxy` sees it (`show stat`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberFacts {
    /// The server's name in the backend.
    pub name: MemberName,
    /// What `HAProxy` does with it.
    pub state: MemberState,
    /// Its own health check passes, whatever the state.
    pub healthy: bool,
    /// Sessions right now.
    pub sessions: u32,
    /// Seconds since the last change of state.
    pub unchanged_for_s: u64,
}

/// What a member is doing. Unknown is what a page shows when the reading is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MemberState {
    /// Takes new sessions.
    Active,
    /// Keeps its sessions, takes no new ones.
    Draining,
    /// Up, told to take no sessions.
    Standby,
    /// Taken out for maintenance.
    Maintenance,
    /// Fails its health check.
    Down,
    /// Not known.
    Unknown,
}

/// One etcd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EtcdFacts {
    /// It says that it is healthy: it has a leader.
    pub healthy: bool,
    /// Patroni's leader key for the site's cluster, if it holds one and was asked for it.
    #[serde(default)]
    pub leader_key: Option<LeaderKey>,
}

/// Patroni's leader key in etcd. Whoever holds it renews its lease every `loop_wait`; it disappears `ttl` after the last renewal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaderKey {
    /// Who holds it.
    pub holder: NodeName,
    /// How long the lease lasts after each renewal.
    pub lasts: Millis,
    /// How long ago it was renewed.
    pub renewed_ago: Millis,
}

/// `PostgreSQL`'s version number as people write it: `150018` is `15.18`, `90603` is `9.6.3`.
pub fn postgres_version(number: u32) -> String {
    if number >= 100_000 {
        format!("{}.{}", number / 10_000, number % 10_000)
    } else {
        format!("{}.{}.{}", number / 10_000, number / 100 % 100, number % 100)
    }
}
