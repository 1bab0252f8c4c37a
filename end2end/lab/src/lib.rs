//! Two sites of real engines on one machine: Patroni with PostgreSQL, etcd, `HAProxy`, and chat servers as members; as a command
//! and as a harness for tests.
//!
//! [`Lab`] is the door to everything: [`Lab::up`] starts one, [`Lab::open`] finds a running one, [`Lab::down`] removes it.

mod actions;
pub mod archive;
mod arrangement;
mod bare;
mod between;
mod chat;
mod clock;
mod command;
mod config;
mod console;
mod console_config;
mod dirty;
mod error;
mod http;
mod lab;
mod layout;
mod load;
mod network;
mod patronictl;
mod places;
mod process;
mod record;
mod runtime_api;
mod scram;
mod secrets;
pub mod slow;
mod status;
mod tls;
mod up;
mod verdict;
mod watch;

pub use arrangement::differences;
pub use bare::{Bare, Commands, Switched};
pub use between::{Between, Lie, Order, Said};
pub use console::{Answer, Console, Program, side};
pub use console_config::ConsoleConfig;
pub use error::{LabError, Result};
pub use lab::Lab;
pub use layout::{Layout, Options};
pub use load::{Run, Running, Stop, Way};
pub use places::{Node, Place, Service, Site, Target};
pub use secrets::Secrets;
pub use status::{MemberStatus, NodeStatus, ServiceStatus, SiteStatus, Status};
pub use verdict::Verdict;
pub use watch::{Overlap, Sample, Seen, Span, Watch, Watched};
