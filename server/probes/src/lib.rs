//! Probes and control: what asks Patroni, `PostgreSQL`, `HAProxy` and etcd, what gives them orders, and the only place that knows
//! how they speak. [`PoolControl`] does one thing at a time for an operation and decides nothing either.
//!
//! Each probe implements [`switchback_engine::ports::Probe`]: it asks its one endpoint, translates the answer into
//! [`switchback_domain::Facts`], and decides nothing. Every answer is bounded in size and in time, because an endpoint may be
//! anything: a web server put in its place, a machine that froze in the middle of a sentence, or somebody who means harm.

mod control;
mod etcd;
mod failure;
mod haproxy;
mod http;
mod patroni;
mod postgres;
#[cfg(test)]
mod recorded;
mod target;
mod tls;

pub use control::{ControlTargets, EtcdKeyTarget, PoolControl, StandbySection};
pub use etcd::EtcdProbe;
pub use haproxy::HaproxyProbe;
pub use patroni::PatroniProbe;
pub use postgres::PostgresProbe;
pub use target::{Credentials, HaproxyTarget, HttpTarget, PostgresTarget, PostgresTls, SetUpError, TlsFiles};

/// More than any honest answer has, in bytes.
const ANSWER_LIMIT: usize = 1024 * 1024;
