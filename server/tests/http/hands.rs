//! Hands that reach members and nothing else: every other order is turned down.

use switchback_domain::{
    EndpointName, Lsn, MemberName, MemberState, Millis, Node, Promotion, Side, Timeline,
    operation::{MemberOrder, OperationId},
};
use switchback_engine::ports::{HandError, Handled, Hands, Lineage, LogEnd, MemberSeen, MemberStatus, Position, Rows, Saved, Told};

use std::{collections::BTreeMap, sync::Mutex};

/// What members were told.
#[derive(Default)]
pub struct MembersOnly {
    pub told: Mutex<BTreeMap<MemberName, MemberState>>,
    /// One that never does what it is told.
    pub stubborn: Option<MemberName>,
}

fn no<'a, T: Send + 'a>(endpoint: &EndpointName) -> Handled<'a, T> {
    let error = HandError::Refused { endpoint: endpoint.clone(), said: "not in this test".to_owned() };
    Box::pin(async move { Err(error) })
}

impl Hands for MembersOnly {
    fn told<'a>(&'a self, node: &'a Node) -> Handled<'a, Told> {
        no(&node.patroni)
    }
    fn follow<'a>(&'a self, node: &'a Node, _: Side) -> Handled<'a, ()> {
        no(&node.patroni)
    }
    fn hold<'a>(&'a self, node: &'a Node) -> Handled<'a, ()> {
        no(&node.patroni)
    }
    fn lead<'a>(&'a self, node: &'a Node) -> Handled<'a, ()> {
        no(&node.patroni)
    }
    fn status<'a>(&'a self, node: &'a Node) -> Handled<'a, MemberStatus> {
        no(&node.patroni)
    }
    fn history<'a>(&'a self, node: &'a Node) -> Handled<'a, Vec<Promotion>> {
        no(&node.patroni)
    }
    fn lineage<'a>(&'a self, node: &'a Node) -> Handled<'a, Lineage> {
        no(&node.postgres)
    }
    fn switch_in_site<'a>(&'a self, leader: &'a Node, _: &'a Node) -> Handled<'a, ()> {
        no(&leader.patroni)
    }
    fn elect<'a>(&'a self, candidate: &'a Node) -> Handled<'a, ()> {
        no(&candidate.patroni)
    }
    fn checkpoint<'a>(&'a self, node: &'a Node) -> Handled<'a, Millis> {
        no(&node.postgres)
    }
    fn position<'a>(&'a self, node: &'a Node) -> Handled<'a, Position> {
        no(&node.postgres)
    }
    fn log_end<'a>(&'a self, node: &'a Node, _: Lsn) -> Handled<'a, LogEnd> {
        no(&node.postgres)
    }
    fn write_row<'a>(&'a self, node: &'a Node, _: OperationId, _: u64) -> Handled<'a, ()> {
        no(&node.postgres)
    }
    fn rows<'a>(&'a self, node: &'a Node, _: OperationId) -> Handled<'a, Rows> {
        no(&node.postgres)
    }
    fn save_diverged<'a>(&'a self, node: &'a Node, _: Timeline, _: Lsn, _: usize) -> Handled<'a, Saved> {
        no(&node.postgres)
    }
    fn data_directory<'a>(&'a self, node: &'a Node) -> Handled<'a, String> {
        no(&node.postgres)
    }
    fn members<'a>(&'a self, proxy: &'a EndpointName) -> Handled<'a, Vec<MemberSeen>> {
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
    fn tell_member<'a>(&'a self, _: &'a EndpointName, member: &'a MemberName, order: MemberOrder) -> Handled<'a, ()> {
        let state = match order {
            MemberOrder::Ready => MemberState::Active,
            MemberOrder::Drain => MemberState::Draining,
            MemberOrder::Maintenance => MemberState::Maintenance,
        };
        self.told.lock().unwrap().insert(member.clone(), state);
        Box::pin(async { Ok(()) })
    }
    fn hold_in_etcd<'a>(&'a self, etcd: &'a EndpointName) -> Handled<'a, bool> {
        no(etcd)
    }
    fn follow_in_etcd<'a>(&'a self, etcd: &'a EndpointName, _: Side) -> Handled<'a, bool> {
        no(etcd)
    }
}
