//! The fencer: as long as a site is fenced, nothing in it may come back as active. It writes into the site's etcd before its Patroni can
//! read the old configuration there, tells its Patroni at its first answer, and keeps its members closed.
//!
//! A returning site is *held*, not made to follow: read-only, with everything that only it has. What becomes of that is looked at by
//! re-protect, under the lease and in the journal.

use super::context::StepContext;
use crate::{
    ports::{ClusterMode, ControlError, Store},
    time::{millis, pause},
};
use futures::future::join_all;
use std::{sync::Arc, time::Duration};
use switchback_domain::{
    EndpointName, MemberState, Node, ProbeFailure, Side,
    operation::{Fence, FenceAnswer, MemberOrder, OrderFailure, OrderKind, PoolState},
};
use tokio_util::sync::CancellationToken;

/// Between two questions to what does not answer: Patroni has promoted itself 2.8 s after its start and answered after 1.2 s
/// (ENGINES.md, 8).
const WHILE_SILENT: Duration = Duration::from_millis(40);

/// Between two questions to what is held already.
const WHILE_FOLLOWING: Duration = Duration::from_secs(1);

/// One question may take so long: a machine that is off answers nothing at all, and the next question must not wait for it.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where it is written that a site is fenced.
pub(crate) struct Record {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) side: Side,
    /// The fence that is kept.
    pub(crate) fence: Fence,
}

impl Record {
    /// Keeps how an endpoint has answered beside the fence, where everybody sees it. From there it is written down.
    fn note(&self, context: &StepContext, endpoint: &EndpointName, order: OrderKind, failure: Option<OrderFailure>) {
        let answer = FenceAnswer { endpoint: endpoint.clone(), order, at: context.clock.now(), failure };
        let take = |pool_state: &mut PoolState| {
            let fence = pool_state.fences.iter_mut().find(|fence| fence.is_same(&self.fence));
            fence.is_some_and(|fence| fence.take(answer.clone()))
        };
        // Most answers are the same again, and nobody is woken for them.
        if take(&mut context.watched.pool_state()) {
            context.watched.change_standing(|pool_state| {
                take(pool_state);
            });
        }
    }

    /// The fence is still up. Read before each order, because another console may have taken it down. When it cannot be read it is up as
    /// long as the other site is active by the picture, and by its own word right now: the picture may be older than the order by which
    /// another console has just moved the pool back. A console that knows neither gives no order.
    async fn stands(&self, context: &StepContext) -> bool {
        if let Ok(Ok(record)) = tokio::time::timeout(PATIENCE, self.store.record(&context.pool.id)).await {
            return record.unconfirmed.is_none() && record.fences.iter().any(|fence| fence.side == self.side);
        }
        let other = self.side.other();
        context.watched.picture().active == Some(other) && !context.writing(other, PATIENCE).await.is_empty()
    }
}

/// Keeps a site from coming back until `lifted`.
pub(crate) async fn keep_fenced(context: StepContext, record: Record, lifted: CancellationToken) {
    let side = record.side;
    let record = &record;
    let site = context.pool.sites[side].clone();
    let etcd = join_all(site.etcd.iter().map(|etcd| keep_etcd(&context, etcd, record, &lifted)));
    let nodes = join_all(site.nodes.iter().map(|node| keep_node(&context, node, record, &lifted)));
    let proxies = join_all(site.proxies.iter().map(|proxy| keep_closed(&context, proxy, record, &lifted)));
    tracing::info!(pool = %context.pool.id, site = %site.id, "the fencer keeps this site from coming back as active");
    tokio::select! {
        // Whatever is on its way is given up: a site that may lead again must not be told to follow a moment later.
        () = lifted.cancelled() => {}
        _ = futures::future::join3(etcd, nodes, proxies) => {}
    }
}

async fn keep_etcd(context: &StepContext, etcd: &EndpointName, record: &Record, lifted: &CancellationToken) {
    loop {
        let answer = if record.stands(context).await {
            let answer = tokio::time::timeout(PATIENCE, context.control.hold_in_etcd(etcd)).await.unwrap_or_else(|_| Err(silent(etcd)));
            record.note(context, etcd, OrderKind::Hold, answer.as_ref().err().map(ControlError::order_failure));
            answer
        } else {
            Err(silent(etcd))
        };
        let wait = match answer {
            Ok(false) => WHILE_FOLLOWING,
            // It may still be stopped and come back with an older state.
            Ok(true) => {
                tracing::warn!(pool = %context.pool.id, endpoint = %etcd, "the returning site is held through its etcd");
                WHILE_SILENT
            }
            Err(_) => WHILE_SILENT,
        };
        if !pause(wait, lifted).await {
            return;
        }
    }
}

async fn keep_node(context: &StepContext, node: &Node, record: &Record, lifted: &CancellationToken) {
    loop {
        let wait = match tokio::time::timeout(PATIENCE, context.control.cluster_mode(node)).await {
            Ok(Ok(ClusterMode::Held | ClusterMode::Standby)) if !may_write(context, node).await => {
                record.note(context, &node.patroni, OrderKind::Hold, None);
                WHILE_FOLLOWING
            }
            // ClusterMode through its etcd, Patroni finds out within its `loop_wait`; told by its own interface, at once.
            Ok(Ok(_)) if record.stands(context).await => {
                let told = tokio::time::timeout(PATIENCE * 5, context.control.hold(node)).await;
                let failure = told.as_ref().map_or_else(
                    |_| Some(silent(&node.patroni).order_failure()),
                    |told| told.as_ref().err().map(ControlError::order_failure),
                );
                record.note(context, &node.patroni, OrderKind::Hold, failure);
                tracing::warn!(pool = %context.pool.id, node = %node.name, stored = matches!(told, Ok(Ok(()))), "the returning site's Patroni was told to hold it");
                WHILE_SILENT
            }
            Ok(Ok(_) | Err(_)) | Err(_) => WHILE_SILENT,
        };
        if !pause(wait, lifted).await {
            return;
        }
    }
}

async fn may_write(context: &StepContext, node: &Node) -> bool {
    matches!(tokio::time::timeout(PATIENCE, context.control.status(node)).await, Ok(Ok(status)) if status.may_write())
}

async fn keep_closed(context: &StepContext, proxy: &EndpointName, record: &Record, lifted: &CancellationToken) {
    loop {
        if let Ok(Ok(members)) = tokio::time::timeout(PATIENCE, context.control.members(proxy)).await
            && record.stands(context).await
        {
            for seen in members.iter().filter(|seen| matches!(seen.state, MemberState::Active | MemberState::Down | MemberState::Unknown)) {
                let _ = tokio::time::timeout(PATIENCE, context.control.tell_member(proxy, &seen.member, MemberOrder::Maintenance)).await;
            }
        }
        if !pause(WHILE_FOLLOWING, lifted).await {
            return;
        }
    }
}

fn silent(endpoint: &EndpointName) -> ControlError {
    ControlError::Failed { endpoint: endpoint.clone(), failure: ProbeFailure::TimedOut { after: millis(PATIENCE) } }
}
