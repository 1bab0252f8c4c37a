//! Words and rules of Switchback: no input or output, no waiting, no clock, no chance. Compiled for the server and the browser.

pub mod audit;
mod console_state;
mod diagnosis;
pub mod error;
mod facts;
#[cfg(any(test, feature = "fixture"))]
pub mod fixture;
pub mod history;
mod ids;
mod lsn;
pub mod operation;
mod pair;
pub mod people;
pub mod permission;
pub mod picture;
mod readiness;
mod reading;
pub mod text;
mod topology;
mod witness;

pub use console_state::{BrokenGuard, Confirmation, ConsoleState, GuardFault, LostFile, Reserve, Restored, RestoredPool, SiteBeside};
pub use diagnosis::{Finding, Severity};
pub use facts::*;
pub use ids::{BadName, EndpointName, Login, MemberName, NodeName, PoolId, SiteId};
pub use lsn::{BadLsn, ByteLag, Lsn, Millis, Timeline, WAL_FILE_BYTES, wal_file_end};
pub use pair::{Pair, Side};
pub use picture::{
    Actions, Bound, EndpointPicture, Knowledge, LinkKind, LinkPicture, LinkState, MemberPicture, NodePicture, NodeRole, NodeState, Picture,
    Protection, ProtectionState, SitePicture, SiteRole, Summary,
};
pub use readiness::{Check, CheckKind, Evidence, Objection, ValueOf, Verdict};
pub use reading::{Claims, Reading, Sighting};
pub use topology::{Endpoint, EndpointKind, FreezeWindow, Node, Policy, Pool, Site};
pub use witness::{UnknownWitness, Witness, WitnessKind};
