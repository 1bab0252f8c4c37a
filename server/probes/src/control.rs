//! Orders to the engines of one pool, and questions that look closer than the probes do.
//!
//! Orders and quick questions have limits of their own, far apart from those of observation, because an order that is given up too
//! early leaves nobody knowing whether it was followed.

mod etcd;
mod haproxy;
mod patroni;
mod postgres;
mod section;

pub use etcd::EtcdKeyTarget;
pub use section::StandbySection;

use crate::{
    failure::{Problem, bounded},
    target::{HaproxyTarget, HttpTarget, PostgresTarget, SetUpError},
};
use etcd::Etcd;
use futures::FutureExt;
use haproxy::Haproxy;
use patroni::Patroni;
use postgres::Postgres;
use std::{collections::BTreeMap, time::Duration};
use switchback_domain::{
    EndpointName, Lsn, MemberName, Node, Pair, ProbeFailure, Side, Timeline,
    operation::{MemberOrder, OperationId},
};
use switchback_engine::ports::{ClusterMode, ControlError, ControlFuture, EngineControl, Lineage};
use tracing::debug;

/// How long an order may take.
const ORDER: Duration = Duration::from_secs(5);

/// How long a quick question may take.
const QUESTION: Duration = Duration::from_secs(1);

/// How to reach everything that may be given orders. The `timeout` of a target counts for looks only and is ignored here.
#[derive(Debug, Clone, Default)]
pub struct ControlTargets {
    /// Patroni's REST interfaces.
    pub patroni: Vec<(EndpointName, HttpTarget)>,
    /// The `PostgreSQL` servers.
    pub postgres: Vec<(EndpointName, PostgresTarget)>,
    /// The `HAProxy` runtime interfaces.
    pub haproxy: Vec<(EndpointName, HaproxyTarget)>,
    /// The etcds, with the key of their site's configuration.
    pub etcd: Vec<(EndpointName, EtcdKeyTarget)>,
    /// How the cluster of each site follows the other one; nothing when that is not configured.
    pub standby: Pair<Option<StandbySection>>,
}

/// Gives orders to the engines of one pool.
pub struct PoolControl {
    patroni: BTreeMap<EndpointName, Patroni>,
    postgres: BTreeMap<EndpointName, Postgres>,
    haproxy: BTreeMap<EndpointName, Haproxy>,
    etcd: BTreeMap<EndpointName, Etcd>,
    standby: Pair<Option<StandbySection>>,
}

impl PoolControl {
    /// Prepares; nothing is asked yet. Reads the files of all targets.
    pub fn new(targets: ControlTargets) -> Result<Self, SetUpError> {
        let ControlTargets { patroni, postgres, haproxy, etcd, standby } = targets;
        Ok(PoolControl {
            patroni: made(patroni, Patroni::new)?,
            postgres: made(postgres, Postgres::new)?,
            haproxy: made(haproxy, Haproxy::new)?,
            etcd: made(etcd, Etcd::new)?,
            standby,
        })
    }

    fn section(&self, side: Side) -> Result<&StandbySection, OrderTrouble> {
        let missing = || OrderTrouble::refused("the configuration has no [pool.site.standby_cluster] for this site");
        self.standby[side].as_ref().ok_or_else(missing)
    }
}

fn made<T, H>(targets: Vec<(EndpointName, T)>, make: impl Fn(T) -> Result<H, SetUpError>) -> Result<BTreeMap<EndpointName, H>, SetUpError> {
    targets.into_iter().map(|(name, target)| Ok((name, make(target)?))).collect()
}

fn of<'a, H>(all: &'a BTreeMap<EndpointName, H>, name: &EndpointName) -> Result<&'a H, OrderTrouble> {
    all.get(name).ok_or_else(|| OrderTrouble::refused("it is not configured"))
}

/// Why something was not done, before it is known whose trouble it is.
#[derive(Debug)]
pub(crate) enum OrderTrouble {
    /// It said no, in these words.
    Refused(String),
    /// It was an order, and was not sent.
    NotSent(Problem),
    /// It gave no usable answer.
    Failed(Problem),
}

impl OrderTrouble {
    fn refused(said: impl AsRef<str>) -> OrderTrouble {
        let said = said.as_ref().split_whitespace().collect::<Vec<_>>().join(" ");
        OrderTrouble::Refused(bounded(&said, 200))
    }

    /// What went wrong with an order.
    pub(crate) fn of_order(problem: Problem) -> OrderTrouble {
        if problem.not_connected { OrderTrouble::NotSent(problem) } else { OrderTrouble::Failed(problem) }
    }

    /// The same where an earlier try of the order may have been taken: then nothing is certain any more.
    fn after_one_that_may_have_been_taken(self) -> OrderTrouble {
        match self {
            OrderTrouble::Refused(said) => OrderTrouble::Failed(Problem::new(ProbeFailure::Status { code: 409 }, said)),
            OrderTrouble::NotSent(problem) | OrderTrouble::Failed(problem) => OrderTrouble::Failed(problem),
        }
    }

    fn by(self, endpoint: &EndpointName) -> ControlError {
        let endpoint = endpoint.clone();
        match self {
            OrderTrouble::Refused(said) => ControlError::Refused { endpoint, said },
            OrderTrouble::NotSent(Problem { failure, cause, .. }) => {
                debug!(%endpoint, ?failure, %cause, "no connection was made for an order");
                ControlError::NotSent { endpoint, failure }
            }
            OrderTrouble::Failed(Problem { failure, cause, .. }) => {
                debug!(%endpoint, ?failure, %cause, "no usable answer");
                ControlError::Failed { endpoint, failure }
            }
        }
    }
}

impl From<Problem> for OrderTrouble {
    fn from(problem: Problem) -> OrderTrouble {
        OrderTrouble::Failed(problem)
    }
}

/// An answer with a status that says no: the status and the beginning of the text that came with it.
pub(crate) fn status_says_no(status: u16, body: &[u8]) -> OrderTrouble {
    let text = String::from_utf8_lossy(&body[..body.len().min(2_000)]);
    let text = text.trim();
    match status {
        // The engines say no in a line of text. A page is what somebody in between shows, who may have passed the order on before.
        _ if text.starts_with('<') => OrderTrouble::Failed(Problem::new(ProbeFailure::Status { code: status }, text)),
        400..=499 | 503 if text.is_empty() => OrderTrouble::refused(format!("status {status}")),
        400..=499 | 503 => OrderTrouble::refused(format!("status {status}: {text}")),
        // Said by somebody in between, or by a program that failed in the middle of the order.
        _ => OrderTrouble::Failed(Problem::new(ProbeFailure::Status { code: status }, text)),
    }
}

/// Runs one question or order and says whose trouble it was.
fn handled<'a, T: Send + 'a>(
    endpoint: &'a EndpointName,
    work: impl Future<Output = Result<T, OrderTrouble>> + Send + 'a,
) -> ControlFuture<'a, T> {
    async move { work.await.map_err(|trouble| trouble.by(endpoint)) }.boxed()
}

impl EngineControl for PoolControl {
    fn cluster_mode<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, ClusterMode> {
        handled(&node.patroni, async { of(&self.patroni, &node.patroni)?.cluster_mode().await })
    }

    fn follow<'a>(&'a self, node: &'a Node, side: Side) -> ControlFuture<'a, ()> {
        handled(&node.patroni, async move { of(&self.patroni, &node.patroni)?.configure(self.section(side)?.patch()).await })
    }

    fn hold<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, ()> {
        handled(&node.patroni, async { of(&self.patroni, &node.patroni)?.configure(StandbySection::held().patch()).await })
    }

    fn lead<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, ()> {
        handled(&node.patroni, async { of(&self.patroni, &node.patroni)?.configure(StandbySection::none()).await })
    }

    fn status<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, switchback_engine::ports::PatroniStatus> {
        handled(&node.patroni, async { of(&self.patroni, &node.patroni)?.status().await })
    }

    fn history<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, Vec<switchback_domain::Promotion>> {
        handled(&node.patroni, async { of(&self.patroni, &node.patroni)?.history().await })
    }

    fn lineage<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, Lineage> {
        handled(&node.postgres, async { of(&self.postgres, &node.postgres)?.lineage().await })
    }

    fn switch_in_site<'a>(&'a self, leader: &'a Node, candidate: &'a Node) -> ControlFuture<'a, ()> {
        handled(&leader.patroni, async { of(&self.patroni, &leader.patroni)?.switch(Some(&leader.name), &candidate.name).await })
    }

    fn elect<'a>(&'a self, candidate: &'a Node) -> ControlFuture<'a, ()> {
        handled(&candidate.patroni, async { of(&self.patroni, &candidate.patroni)?.switch(None, &candidate.name).await })
    }

    fn checkpoint<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, switchback_domain::Millis> {
        handled(&node.postgres, async { of(&self.postgres, &node.postgres)?.checkpoint().await })
    }

    fn position<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, switchback_engine::ports::Position> {
        handled(&node.postgres, async { of(&self.postgres, &node.postgres)?.position().await })
    }

    fn log_end<'a>(&'a self, node: &'a Node, from: Lsn) -> ControlFuture<'a, switchback_engine::ports::LogEnd> {
        handled(&node.postgres, async move { of(&self.postgres, &node.postgres)?.log_end(from).await })
    }

    fn takes_rows<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, bool> {
        handled(&node.postgres, async move { of(&self.postgres, &node.postgres)?.takes_rows().await })
    }

    fn write_row<'a>(&'a self, node: &'a Node, operation: OperationId, number: u64) -> ControlFuture<'a, ()> {
        handled(&node.postgres, async move { of(&self.postgres, &node.postgres)?.write_row(operation, number).await })
    }

    fn rows<'a>(&'a self, node: &'a Node, operation: OperationId) -> ControlFuture<'a, switchback_engine::ports::Rows> {
        handled(&node.postgres, async move { of(&self.postgres, &node.postgres)?.rows(operation).await })
    }

    fn save_diverged<'a>(
        &'a self,
        node: &'a Node,
        timeline: Timeline,
        fork: Lsn,
        most_bytes: usize,
    ) -> ControlFuture<'a, switchback_engine::ports::Saved> {
        handled(&node.postgres, async move { of(&self.postgres, &node.postgres)?.save_diverged(timeline, fork, most_bytes).await })
    }

    fn data_directory<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, String> {
        handled(&node.postgres, async { of(&self.postgres, &node.postgres)?.data_directory().await })
    }

    fn members<'a>(&'a self, proxy: &'a EndpointName) -> ControlFuture<'a, Vec<switchback_engine::ports::MemberSeen>> {
        handled(proxy, async move { of(&self.haproxy, proxy)?.members().await })
    }

    fn tell_member<'a>(&'a self, proxy: &'a EndpointName, member: &'a MemberName, order: MemberOrder) -> ControlFuture<'a, ()> {
        handled(proxy, async move { of(&self.haproxy, proxy)?.tell(member, order).await })
    }

    fn hold_in_etcd<'a>(&'a self, etcd: &'a EndpointName) -> ControlFuture<'a, bool> {
        handled(etcd, async move { of(&self.etcd, etcd)?.put(Some(&StandbySection::held()), |told| told != ClusterMode::Primary).await })
    }

    fn release_in_etcd<'a>(&'a self, etcd: &'a EndpointName) -> ControlFuture<'a, bool> {
        handled(etcd, async move { of(&self.etcd, etcd)?.put(None, |told| told != ClusterMode::Held).await })
    }

    fn members_in_etcd<'a>(&'a self, etcd: &'a EndpointName) -> ControlFuture<'a, Vec<String>> {
        handled(etcd, async move { of(&self.etcd, etcd)?.members().await })
    }

    fn follow_in_etcd<'a>(&'a self, etcd: &'a EndpointName, side: Side) -> ControlFuture<'a, bool> {
        handled(etcd, async move { of(&self.etcd, etcd)?.put(Some(self.section(side)?), |told| told == ClusterMode::Standby).await })
    }
}
