//! The fencer: as long as a site is fenced, nothing in it may come back as active. It writes into the site's etcd before its Patroni can
//! read the old configuration there, tells its Patroni at its first answer, and keeps its members closed.
//!
//! A returning site is *held*, not made to follow: read-only, with everything that only it has. What becomes of that is looked at by
//! re-protect, under the lease and in the journal.

use super::scene::Scene;
use crate::{
    ports::{HandError, Store, Told},
    time::{millis, pause},
};
use futures::future::join_all;
use std::{sync::Arc, time::Duration};
use switchback_domain::{
    EndpointName, MemberState, Node, ProbeFailure, Side,
    operation::{Fence, FenceAnswer, MemberOrder, OrderFailure, OrderKind, Standing},
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
    fn note(&self, scene: &Scene, endpoint: &EndpointName, order: OrderKind, failure: Option<OrderFailure>) {
        let answer = FenceAnswer { endpoint: endpoint.clone(), order, at: scene.clock.now(), failure };
        let take = |standing: &mut Standing| {
            let fence = standing.fences.iter_mut().find(|fence| fence.is_same(&self.fence));
            fence.is_some_and(|fence| fence.take(answer.clone()))
        };
        // Most answers are the same again, and nobody is woken for them.
        if take(&mut scene.watched.standing()) {
            scene.watched.change_standing(|standing| {
                take(standing);
            });
        }
    }

    /// The fence is still up. Read before each order, because another console may have taken it down. When it cannot be read it is up as
    /// long as the other site is active by the picture, and by its own word right now: the picture may be older than the order by which
    /// another console has just moved the pool back. A console that knows neither keeps its hands off.
    async fn stands(&self, scene: &Scene) -> bool {
        if let Ok(Ok(record)) = tokio::time::timeout(PATIENCE, self.store.record(&scene.pool.id)).await {
            return record.unconfirmed.is_none() && record.fences.iter().any(|fence| fence.side == self.side);
        }
        let other = self.side.other();
        scene.watched.picture().active == Some(other) && !scene.writing(other, PATIENCE).await.is_empty()
    }
}

/// Keeps a site from coming back until `lifted`.
pub(crate) async fn keep_fenced(scene: Scene, record: Record, lifted: CancellationToken) {
    let side = record.side;
    let record = &record;
    let site = scene.pool.sites[side].clone();
    let etcd = join_all(site.etcd.iter().map(|etcd| keep_etcd(&scene, etcd, record, &lifted)));
    let nodes = join_all(site.nodes.iter().map(|node| keep_node(&scene, node, record, &lifted)));
    let proxies = join_all(site.proxies.iter().map(|proxy| keep_closed(&scene, proxy, record, &lifted)));
    tracing::info!(pool = %scene.pool.id, site = %site.id, "the fencer keeps this site from coming back as active");
    tokio::select! {
        // Whatever is on its way is given up: a site that may lead again must not be told to follow a moment later.
        () = lifted.cancelled() => {}
        _ = futures::future::join3(etcd, nodes, proxies) => {}
    }
}

async fn keep_etcd(scene: &Scene, etcd: &EndpointName, record: &Record, lifted: &CancellationToken) {
    loop {
        let answer = if record.stands(scene).await {
            let answer = tokio::time::timeout(PATIENCE, scene.hands.hold_in_etcd(etcd)).await.unwrap_or_else(|_| Err(silent(etcd)));
            record.note(scene, etcd, OrderKind::Hold, answer.as_ref().err().map(HandError::order_failure));
            answer
        } else {
            Err(silent(etcd))
        };
        let wait = match answer {
            Ok(false) => WHILE_FOLLOWING,
            // It may still be stopped and come back with an older state.
            Ok(true) => {
                tracing::warn!(pool = %scene.pool.id, endpoint = %etcd, "the returning site is held through its etcd");
                WHILE_SILENT
            }
            Err(_) => WHILE_SILENT,
        };
        if !pause(wait, lifted).await {
            return;
        }
    }
}

async fn keep_node(scene: &Scene, node: &Node, record: &Record, lifted: &CancellationToken) {
    loop {
        let wait = match tokio::time::timeout(PATIENCE, scene.hands.told(node)).await {
            Ok(Ok(Told::Held | Told::Follows)) if !may_write(scene, node).await => {
                record.note(scene, &node.patroni, OrderKind::Hold, None);
                WHILE_FOLLOWING
            }
            // Told through its etcd, Patroni finds out within its `loop_wait`; told by its own interface, at once.
            Ok(Ok(_)) if record.stands(scene).await => {
                let told = tokio::time::timeout(PATIENCE * 5, scene.hands.hold(node)).await;
                let failure = told
                    .as_ref()
                    .map_or_else(|_| Some(silent(&node.patroni).order_failure()), |told| told.as_ref().err().map(HandError::order_failure));
                record.note(scene, &node.patroni, OrderKind::Hold, failure);
                tracing::warn!(pool = %scene.pool.id, node = %node.name, stored = matches!(told, Ok(Ok(()))), "the returning site's Patroni was told to hold it");
                WHILE_SILENT
            }
            Ok(Ok(_) | Err(_)) | Err(_) => WHILE_SILENT,
        };
        if !pause(wait, lifted).await {
            return;
        }
    }
}

async fn may_write(scene: &Scene, node: &Node) -> bool {
    matches!(tokio::time::timeout(PATIENCE, scene.hands.status(node)).await, Ok(Ok(status)) if status.may_write())
}

async fn keep_closed(scene: &Scene, proxy: &EndpointName, record: &Record, lifted: &CancellationToken) {
    loop {
        if let Ok(Ok(members)) = tokio::time::timeout(PATIENCE, scene.hands.members(proxy)).await
            && record.stands(scene).await
        {
            for seen in members.iter().filter(|seen| matches!(seen.state, MemberState::Active | MemberState::Down | MemberState::Unknown)) {
                let _ = tokio::time::timeout(PATIENCE, scene.hands.tell_member(proxy, &seen.member, MemberOrder::Maintenance)).await;
            }
        }
        if !pause(WHILE_FOLLOWING, lifted).await {
            return;
        }
    }
}

fn silent(endpoint: &EndpointName) -> HandError {
    HandError::Failed { endpoint: endpoint.clone(), failure: ProbeFailure::TimedOut { after: millis(PATIENCE) } }
}
