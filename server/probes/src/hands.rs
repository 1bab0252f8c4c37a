//! The hands: what changes something in the engines of one pool, or looks closer than the probes do.
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
use switchback_engine::ports::{HandError, Handled, Hands, Lineage, Told};
use tracing::debug;

/// How long an order may take.
const ORDER: Duration = Duration::from_secs(5);

/// How long a quick question may take.
const QUESTION: Duration = Duration::from_secs(1);

/// How to reach everything that hands may touch. The `timeout` of a target counts for looks only and is ignored here.
#[derive(Debug, Clone, Default)]
pub struct HandTargets {
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

/// Hands on the engines of one pool.
pub struct PoolHands {
    patroni: BTreeMap<EndpointName, Patroni>,
    postgres: BTreeMap<EndpointName, Postgres>,
    haproxy: BTreeMap<EndpointName, Haproxy>,
    etcd: BTreeMap<EndpointName, Etcd>,
    standby: Pair<Option<StandbySection>>,
}

impl PoolHands {
    /// Prepares; nothing is asked yet. Reads the files of all targets.
    pub fn new(targets: HandTargets) -> Result<Self, SetUpError> {
        let HandTargets { patroni, postgres, haproxy, etcd, standby } = targets;
        Ok(PoolHands {
            patroni: made(patroni, Patroni::new)?,
            postgres: made(postgres, Postgres::new)?,
            haproxy: made(haproxy, Haproxy::new)?,
            etcd: made(etcd, Etcd::new)?,
            standby,
        })
    }

    fn section(&self, side: Side) -> Result<&StandbySection, Trouble> {
        let missing = || Trouble::refused("the configuration has no [pool.site.standby_cluster] for this site");
        self.standby[side].as_ref().ok_or_else(missing)
    }
}

fn made<T, H>(targets: Vec<(EndpointName, T)>, make: impl Fn(T) -> Result<H, SetUpError>) -> Result<BTreeMap<EndpointName, H>, SetUpError> {
    targets.into_iter().map(|(name, target)| Ok((name, make(target)?))).collect()
}

fn of<'a, H>(all: &'a BTreeMap<EndpointName, H>, name: &EndpointName) -> Result<&'a H, Trouble> {
    all.get(name).ok_or_else(|| Trouble::refused("it is not configured"))
}

/// Why something was not done, before it is known whose trouble it is.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// It said no, in these words.
    Refused(String),
    /// It was an order, and was not sent.
    NotSent(Problem),
    /// It gave no usable answer.
    Failed(Problem),
}

impl Trouble {
    fn refused(said: impl AsRef<str>) -> Trouble {
        let said = said.as_ref().split_whitespace().collect::<Vec<_>>().join(" ");
        Trouble::Refused(bounded(&said, 200))
    }

    /// What went wrong with an order.
    pub(crate) fn of_order(problem: Problem) -> Trouble {
        if problem.not_connected { Trouble::NotSent(problem) } else { Trouble::Failed(problem) }
    }

    /// The same where an earlier try of the order may have been taken: then nothing is certain any more.
    fn after_one_that_may_have_been_taken(self) -> Trouble {
        match self {
            Trouble::Refused(said) => Trouble::Failed(Problem::new(ProbeFailure::Status { code: 409 }, said)),
            Trouble::NotSent(problem) | Trouble::Failed(problem) => Trouble::Failed(problem),
        }
    }

    fn by(self, endpoint: &EndpointName) -> HandError {
        let endpoint = endpoint.clone();
        match self {
            Trouble::Refused(said) => HandError::Refused { endpoint, said },
            Trouble::NotSent(Problem { failure, cause, .. }) => {
                debug!(%endpoint, ?failure, %cause, "no connection was made for an order");
                HandError::NotSent { endpoint, failure }
            }
            Trouble::Failed(Problem { failure, cause, .. }) => {
                debug!(%endpoint, ?failure, %cause, "no usable answer");
                HandError::Failed { endpoint, failure }
            }
        }
    }
}

impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Trouble {
        Trouble::Failed(problem)
    }
}

/// An answer with a status that says no: the status and the beginning of the text that came with it.
pub(crate) fn status_says_no(status: u16, body: &[u8]) -> Trouble {
    let text = String::from_utf8_lossy(&body[..body.len().min(2_000)]);
    let text = text.trim();
    match status {
        // The engines say no in a line of text. A page is what somebody in between shows, who may have passed the order on before.
        _ if text.starts_with('<') => Trouble::Failed(Problem::new(ProbeFailure::Status { code: status }, text)),
        400..=499 | 503 if text.is_empty() => Trouble::refused(format!("status {status}")),
        400..=499 | 503 => Trouble::refused(format!("status {status}: {text}")),
        // Said by somebody in between, or by a program that failed in the middle of the order.
        _ => Trouble::Failed(Problem::new(ProbeFailure::Status { code: status }, text)),
    }
}

/// Runs one question or order and says whose trouble it was.
fn handled<'a, T: Send + 'a>(endpoint: &'a EndpointName, work: impl Future<Output = Result<T, Trouble>> + Send + 'a) -> Handled<'a, T> {
    async move { work.await.map_err(|trouble| trouble.by(endpoint)) }.boxed()
}

impl Hands for PoolHands {
    fn told<'a>(&'a self, node: &'a Node) -> Handled<'a, Told> {
        handled(&node.patroni, async { of(&self.patroni, &node.patroni)?.told().await })
    }

    fn follow<'a>(&'a self, node: &'a Node, side: Side) -> Handled<'a, ()> {
        handled(&node.patroni, async move { of(&self.patroni, &node.patroni)?.configure(self.section(side)?.patch()).await })
    }

    fn hold<'a>(&'a self, node: &'a Node) -> Handled<'a, ()> {
        handled(&node.patroni, async { of(&self.patroni, &node.patroni)?.configure(StandbySection::held().patch()).await })
    }

    fn lead<'a>(&'a self, node: &'a Node) -> Handled<'a, ()> {
        handled(&node.patroni, async { of(&self.patroni, &node.patroni)?.configure(StandbySection::none()).await })
    }

    fn status<'a>(&'a self, node: &'a Node) -> Handled<'a, switchback_engine::ports::MemberStatus> {
        handled(&node.patroni, async { of(&self.patroni, &node.patroni)?.status().await })
    }

    fn history<'a>(&'a self, node: &'a Node) -> Handled<'a, Vec<switchback_domain::Promotion>> {
        handled(&node.patroni, async { of(&self.patroni, &node.patroni)?.history().await })
    }

    fn lineage<'a>(&'a self, node: &'a Node) -> Handled<'a, Lineage> {
        handled(&node.postgres, async { of(&self.postgres, &node.postgres)?.lineage().await })
    }

    fn switch_in_site<'a>(&'a self, leader: &'a Node, candidate: &'a Node) -> Handled<'a, ()> {
        handled(&leader.patroni, async { of(&self.patroni, &leader.patroni)?.switch(Some(&leader.name), &candidate.name).await })
    }

    fn elect<'a>(&'a self, candidate: &'a Node) -> Handled<'a, ()> {
        handled(&candidate.patroni, async { of(&self.patroni, &candidate.patroni)?.switch(None, &candidate.name).await })
    }

    fn checkpoint<'a>(&'a self, node: &'a Node) -> Handled<'a, switchback_domain::Millis> {
        handled(&node.postgres, async { of(&self.postgres, &node.postgres)?.checkpoint().await })
    }

    fn position<'a>(&'a self, node: &'a Node) -> Handled<'a, switchback_engine::ports::Position> {
        handled(&node.postgres, async { of(&self.postgres, &node.postgres)?.position().await })
    }

    fn log_end<'a>(&'a self, node: &'a Node, from: Lsn) -> Handled<'a, switchback_engine::ports::LogEnd> {
        handled(&node.postgres, async move { of(&self.postgres, &node.postgres)?.log_end(from).await })
    }

    fn takes_rows<'a>(&'a self, node: &'a Node) -> Handled<'a, bool> {
        handled(&node.postgres, async move { of(&self.postgres, &node.postgres)?.takes_rows().await })
    }

    fn write_row<'a>(&'a self, node: &'a Node, operation: OperationId, number: u64) -> Handled<'a, ()> {
        handled(&node.postgres, async move { of(&self.postgres, &node.postgres)?.write_row(operation, number).await })
    }

    fn rows<'a>(&'a self, node: &'a Node, operation: OperationId) -> Handled<'a, switchback_engine::ports::Rows> {
        handled(&node.postgres, async move { of(&self.postgres, &node.postgres)?.rows(operation).await })
    }

    fn save_diverged<'a>(
        &'a self,
        node: &'a Node,
        timeline: Timeline,
        fork: Lsn,
        most_bytes: usize,
    ) -> Handled<'a, switchback_engine::ports::Saved> {
        handled(&node.postgres, async move { of(&self.postgres, &node.postgres)?.save_diverged(timeline, fork, most_bytes).await })
    }

    fn data_directory<'a>(&'a self, node: &'a Node) -> Handled<'a, String> {
        handled(&node.postgres, async { of(&self.postgres, &node.postgres)?.data_directory().await })
    }

    fn members<'a>(&'a self, proxy: &'a EndpointName) -> Handled<'a, Vec<switchback_engine::ports::MemberSeen>> {
        handled(proxy, async move { of(&self.haproxy, proxy)?.members().await })
    }

    fn tell_member<'a>(&'a self, proxy: &'a EndpointName, member: &'a MemberName, order: MemberOrder) -> Handled<'a, ()> {
        handled(proxy, async move { of(&self.haproxy, proxy)?.tell(member, order).await })
    }

    fn hold_in_etcd<'a>(&'a self, etcd: &'a EndpointName) -> Handled<'a, bool> {
        handled(etcd, async move { of(&self.etcd, etcd)?.put(Some(&StandbySection::held()), |told| told != Told::Leads).await })
    }

    fn release_in_etcd<'a>(&'a self, etcd: &'a EndpointName) -> Handled<'a, bool> {
        handled(etcd, async move { of(&self.etcd, etcd)?.put(None, |told| told != Told::Held).await })
    }

    fn members_in_etcd<'a>(&'a self, etcd: &'a EndpointName) -> Handled<'a, Vec<String>> {
        handled(etcd, async move { of(&self.etcd, etcd)?.members().await })
    }

    fn follow_in_etcd<'a>(&'a self, etcd: &'a EndpointName, side: Side) -> Handled<'a, bool> {
        handled(etcd, async move { of(&self.etcd, etcd)?.put(Some(self.section(side)?), |told| told == Told::Follows).await })
    }
}
