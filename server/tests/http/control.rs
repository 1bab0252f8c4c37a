//! Control that reaches members and nothing else: every other order is turned down.

use switchback_domain::{
    EndpointName, Lsn, MemberName, MemberState, Millis, Node, PatroniRole, PatroniState, Promotion, Side, Timeline,
    operation::{MemberOrder, OperationId},
};
use switchback_engine::ports::{
    ClusterMode, ControlError, ControlFuture, EngineControl, Lineage, LogEnd, MemberSeen, PatroniStatus, Position, Rows, Saved,
};

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// What members were told.
#[derive(Default)]
pub struct MembersOnly {
    pub told: Mutex<BTreeMap<MemberName, MemberState>>,
    /// One that never does what it is told.
    pub stubborn: Option<MemberName>,
}

fn no<'a, T: Send + 'a>(endpoint: &EndpointName) -> ControlFuture<'a, T> {
    let error = ControlError::Refused { endpoint: endpoint.clone(), said: "not in this test".to_owned() };
    Box::pin(async move { Err(error) })
}

impl EngineControl for MembersOnly {
    fn cluster_mode<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, ClusterMode> {
        no(&node.patroni)
    }
    fn follow<'a>(&'a self, node: &'a Node, _: Side) -> ControlFuture<'a, ()> {
        no(&node.patroni)
    }
    fn hold<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, ()> {
        no(&node.patroni)
    }
    fn lead<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, ()> {
        no(&node.patroni)
    }
    fn status<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, PatroniStatus> {
        no(&node.patroni)
    }
    fn history<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, Vec<Promotion>> {
        no(&node.patroni)
    }
    fn lineage<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, Lineage> {
        no(&node.postgres)
    }
    fn switch_in_site<'a>(&'a self, leader: &'a Node, _: &'a Node) -> ControlFuture<'a, ()> {
        no(&leader.patroni)
    }
    fn elect<'a>(&'a self, candidate: &'a Node) -> ControlFuture<'a, ()> {
        no(&candidate.patroni)
    }
    fn checkpoint<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, Millis> {
        no(&node.postgres)
    }
    fn position<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, Position> {
        no(&node.postgres)
    }
    fn log_end<'a>(&'a self, node: &'a Node, _: Lsn) -> ControlFuture<'a, LogEnd> {
        no(&node.postgres)
    }
    fn takes_rows<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, bool> {
        no(&node.postgres)
    }
    fn write_row<'a>(&'a self, node: &'a Node, _: OperationId, _: u64) -> ControlFuture<'a, ()> {
        no(&node.postgres)
    }
    fn rows<'a>(&'a self, node: &'a Node, _: OperationId) -> ControlFuture<'a, Rows> {
        no(&node.postgres)
    }
    fn save_diverged<'a>(&'a self, node: &'a Node, _: Timeline, _: Lsn, _: usize) -> ControlFuture<'a, Saved> {
        no(&node.postgres)
    }
    fn data_directory<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, String> {
        no(&node.postgres)
    }
    fn members<'a>(&'a self, proxy: &'a EndpointName) -> ControlFuture<'a, Vec<MemberSeen>> {
        let letter = proxy.as_str().trim_start_matches("haproxy-");
        let usual = if letter == "a" { MemberState::Active } else { MemberState::Standby };
        let told = self.told.lock().unwrap();
        let seen = [1, 2].map(|number| {
            let member: MemberName = format!("member-{letter}{number}").parse().unwrap();
            let state = told.get(&member).copied().filter(|_| self.stubborn.as_ref() != Some(&member)).unwrap_or(usual);
            MemberSeen { member, state, healthy: true, sessions: 0 }
        });
        Box::pin(async move { Ok(seen.into()) })
    }
    fn tell_member<'a>(&'a self, _: &'a EndpointName, member: &'a MemberName, order: MemberOrder) -> ControlFuture<'a, ()> {
        let state = match order {
            MemberOrder::Ready => MemberState::Active,
            MemberOrder::Drain => MemberState::Draining,
            MemberOrder::Maintenance => MemberState::Maintenance,
        };
        self.told.lock().unwrap().insert(member.clone(), state);
        Box::pin(async { Ok(()) })
    }
    fn hold_in_etcd<'a>(&'a self, etcd: &'a EndpointName) -> ControlFuture<'a, bool> {
        no(etcd)
    }
    fn members_in_etcd<'a>(&'a self, etcd: &'a EndpointName) -> ControlFuture<'a, Vec<String>> {
        no(etcd)
    }
    fn release_in_etcd<'a>(&'a self, etcd: &'a EndpointName) -> ControlFuture<'a, bool> {
        no(etcd)
    }
    fn follow_in_etcd<'a>(&'a self, etcd: &'a EndpointName, _: Side) -> ControlFuture<'a, bool> {
        no(etcd)
    }
}

/// Control of two sites that both accept writes, until one of them is told to hold.
#[derive(Default)]
pub struct BothWrite {
    members: MembersOnly,
    /// The letter of the site that was.
    held: Mutex<Option<char>>,
    /// Some site was told to lead.
    led: AtomicBool,
    /// How long each node of a site that is held takes to say something.
    held_answers_after: Duration,
}

impl BothWrite {
    /// Each node of a site that is held takes so long to say something.
    pub fn held_answers_after(delay: Duration) -> BothWrite {
        BothWrite { held_answers_after: delay, ..BothWrite::default() }
    }

    /// Which site was stopped, after a look whether anybody was told to lead: nobody has to be.
    pub fn stopped(&self) -> Option<char> {
        assert!(!self.led.load(Ordering::SeqCst), "a site was told to lead");
        *self.held.lock().unwrap()
    }

    #[expect(clippy::disallowed_methods, reason = "a server that takes its time")]
    fn late<'a, T: Send + 'a>(&self, node: &Node, answer: T) -> ControlFuture<'a, T> {
        let after = if self.is_held(node) { self.held_answers_after } else { Duration::ZERO };
        Box::pin(async move {
            tokio::time::sleep(after).await;
            Ok(answer)
        })
    }

    fn is_held(&self, node: &Node) -> bool {
        node.name.as_str().chars().next() == *self.held.lock().unwrap()
    }

    /// The first node of a site leads it.
    fn writes(&self, node: &Node) -> bool {
        node.name.as_str().ends_with('1') && !self.is_held(node)
    }
}

fn yes<'a, T: Send + 'a>(answer: T) -> ControlFuture<'a, T> {
    Box::pin(async move { Ok(answer) })
}

impl EngineControl for BothWrite {
    fn cluster_mode<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, ClusterMode> {
        yes(if self.is_held(node) { ClusterMode::Held } else { ClusterMode::Primary })
    }
    fn follow<'a>(&'a self, node: &'a Node, side: Side) -> ControlFuture<'a, ()> {
        self.members.follow(node, side)
    }
    fn hold<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, ()> {
        *self.held.lock().unwrap() = node.name.as_str().chars().next();
        yes(())
    }
    fn lead<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, ()> {
        self.led.store(true, Ordering::SeqCst);
        self.members.lead(node)
    }
    fn status<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, PatroniStatus> {
        let role = if self.writes(node) { PatroniRole::Primary } else { PatroniRole::Replica };
        self.late(node, PatroniStatus { role, state: PatroniState::Running, said: "as it should".to_owned(), timeline: Some(Timeline(8)) })
    }
    fn history<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, Vec<Promotion>> {
        self.members.history(node)
    }
    fn lineage<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, Lineage> {
        self.members.lineage(node)
    }
    fn switch_in_site<'a>(&'a self, leader: &'a Node, candidate: &'a Node) -> ControlFuture<'a, ()> {
        self.members.switch_in_site(leader, candidate)
    }
    fn elect<'a>(&'a self, candidate: &'a Node) -> ControlFuture<'a, ()> {
        self.members.elect(candidate)
    }
    fn checkpoint<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, Millis> {
        self.members.checkpoint(node)
    }
    fn position<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, Position> {
        let writes = self.writes(node);
        let position = Position {
            in_recovery: !writes,
            timeline: Some(Timeline(8)),
            written: writes.then_some(Lsn(1_000)),
            received: (!writes).then_some(Lsn(1_000)),
            replayed: (!writes).then_some(Lsn(1_000)),
            streaming: !writes,
            synchronous: Vec::new(),
        };
        self.late(node, position)
    }
    fn log_end<'a>(&'a self, node: &'a Node, from: Lsn) -> ControlFuture<'a, LogEnd> {
        self.members.log_end(node, from)
    }
    fn takes_rows<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, bool> {
        yes(self.writes(node))
    }
    fn write_row<'a>(&'a self, node: &'a Node, operation: OperationId, number: u64) -> ControlFuture<'a, ()> {
        if self.writes(node) { yes(()) } else { self.members.write_row(node, operation, number) }
    }
    fn rows<'a>(&'a self, node: &'a Node, operation: OperationId) -> ControlFuture<'a, Rows> {
        self.members.rows(node, operation)
    }
    fn save_diverged<'a>(&'a self, node: &'a Node, timeline: Timeline, fork: Lsn, most: usize) -> ControlFuture<'a, Saved> {
        self.members.save_diverged(node, timeline, fork, most)
    }
    fn data_directory<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, String> {
        self.members.data_directory(node)
    }
    fn members<'a>(&'a self, proxy: &'a EndpointName) -> ControlFuture<'a, Vec<MemberSeen>> {
        self.members.members(proxy)
    }
    fn tell_member<'a>(&'a self, proxy: &'a EndpointName, member: &'a MemberName, order: MemberOrder) -> ControlFuture<'a, ()> {
        self.members.tell_member(proxy, member, order)
    }
    fn hold_in_etcd<'a>(&'a self, etcd: &'a EndpointName) -> ControlFuture<'a, bool> {
        self.members.hold_in_etcd(etcd)
    }
    fn members_in_etcd<'a>(&'a self, etcd: &'a EndpointName) -> ControlFuture<'a, Vec<String>> {
        self.members.members_in_etcd(etcd)
    }
    fn release_in_etcd<'a>(&'a self, etcd: &'a EndpointName) -> ControlFuture<'a, bool> {
        self.members.release_in_etcd(etcd)
    }
    fn follow_in_etcd<'a>(&'a self, etcd: &'a EndpointName, side: Side) -> ControlFuture<'a, bool> {
        self.members.follow_in_etcd(etcd, side)
    }
}
