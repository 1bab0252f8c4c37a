//! What every step works with.

use crate::{
    observe::ObservedPool,
    ports::{Clock, ControlError, EngineControl, PatroniStatus, Position, Store},
    time::{millis, pause},
};
use futures::future::join_all;
use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};
use switchback_domain::{
    Node, NodeName, Pool, Side,
    operation::{Missing, StepFailure},
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The pool, what is observed of it, and what gives its engines orders.
#[derive(Clone)]
pub(crate) struct StepContext {
    pub(crate) pool: Arc<Pool>,
    pub(crate) watched: Arc<ObservedPool>,
    pub(crate) control: Arc<dyn EngineControl>,
    /// For what is kept beside the journal; the journal itself is written by [`OpenOperation`](super::open_operation::OpenOperation) alone.
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) stop: CancellationToken,
    /// The store has failed for so long that nothing new is to be waited for.
    pub(crate) unwritten: Arc<AtomicBool>,
}

/// A time by which something must have come about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    began: Instant,
    at: Instant,
}

impl Deadline {
    pub(crate) fn after(length: Duration) -> Deadline {
        let began = Instant::now();
        Deadline { began, at: began + length }
    }

    pub(crate) fn has_passed(self) -> bool {
        Instant::now() >= self.at
    }

    pub(crate) fn elapsed(self) -> Duration {
        self.began.elapsed()
    }

    pub(crate) fn missed(self, missing: Missing) -> StepFailure {
        StepFailure::TooLate { after: millis(self.elapsed()), missing }
    }
}

pub(crate) fn trouble(error: ControlError) -> StepFailure {
    match error {
        ControlError::Refused { endpoint, said } => StepFailure::Refused { endpoint, said },
        ControlError::NotSent { endpoint, failure } | ControlError::Failed { endpoint, failure } => {
            StepFailure::Endpoint { endpoint, failure }
        }
    }
}

impl StepContext {
    /// The nodes of a site.
    pub(crate) fn nodes(&self, side: Side) -> &[Node] {
        &self.pool.sites[side].nodes
    }

    /// What each node's Patroni of a site says right now.
    pub(crate) async fn statuses(&self, side: Side) -> Vec<(&Node, Result<PatroniStatus, ControlError>)> {
        join_all(self.nodes(side).iter().map(async |node| (node, self.control.status(node).await))).await
    }

    /// Where each node's log of a site stands right now.
    pub(crate) async fn positions(&self, side: Side) -> Vec<(&Node, Result<Position, ControlError>)> {
        join_all(self.nodes(side).iter().map(async |node| (node, self.control.position(node).await))).await
    }

    /// What each node of a site says, each within a limit of its own: a machine that is off must not hide the word of its neighbour.
    /// Nothing of a node that did not answer in time.
    pub(crate) async fn heard_positions(&self, side: Side, within: Duration) -> Vec<(&Node, Option<Result<Position, ControlError>>)> {
        let ask = async |node| (node, tokio::time::timeout(within, self.control.position(node)).await.ok());
        join_all(self.nodes(side).iter().map(ask)).await
    }

    /// The nodes of a site that accept writes by their own word, as far as they answer within the limit.
    pub(crate) async fn writing(&self, side: Side, within: Duration) -> Vec<NodeName> {
        let heard = self.heard_positions(side, within).await;
        let writes = |answer: &Option<Result<Position, ControlError>>| matches!(answer, Some(Ok(position)) if !position.in_recovery);
        heard.into_iter().filter(|(_, answer)| writes(answer)).map(|(node, _)| node.name.clone()).collect()
    }

    /// Who leads a site right now, by the word of its members: leaders move, so nobody is remembered.
    pub(crate) async fn leader(&self, side: Side) -> Option<(&Node, PatroniStatus)> {
        use switchback_domain::PatroniRole::{Primary, StandbyLeader};
        // The first who says so is enough: one that hangs must not hold up the others.
        let mut asked: Vec<_> =
            self.nodes(side).iter().map(|node| Box::pin(async move { (node, self.control.status(node).await) })).collect();
        while !asked.is_empty() {
            let ((node, answer), _, rest) = futures::future::select_all(asked).await;
            if let Ok(status) = answer
                && matches!(status.role, Primary | StandbyLeader)
            {
                return Some((node, status));
            }
            asked = rest;
        }
        None
    }

    /// Waits a little before the next look; false when everything stops.
    pub(crate) async fn wait(&self, ms: u64) -> bool {
        pause(Duration::from_millis(ms), &self.stop).await
    }
}
