//! Orders to the engines of the simulated world.

use crate::{
    console_handle::ConsoleHandle,
    world::{Answer, Ask, NAMES, NodeId, Order},
};
use futures::FutureExt;
use switchback_domain::{
    EndpointName, Lsn, MemberName, Millis, Node, ProbeFailure, Promotion, Side, Timeline,
    operation::{MemberOrder, OperationId},
};
use switchback_engine::ports::{
    ClusterMode, ControlError, ControlFuture, EngineControl, Lineage, LogEnd, MemberSeen, PatroniStatus, Position, Rows, Saved,
};

/// Gives the console's orders to the engines of the simulated world.
pub struct SimulatedControl(pub ConsoleHandle);

fn number(node: &Node) -> NodeId {
    NAMES.iter().position(|name| *name == node.name.as_str()).expect("a node of the world")
}

impl SimulatedControl {
    fn ask<'a, T: Send + 'a>(&'a self, to: &'a EndpointName, ask: Ask, pick: fn(Answer) -> Option<T>) -> ControlFuture<'a, T> {
        async move {
            let answer = self.0.ask(Order { to: to.clone(), ask }).await?;
            pick(answer).ok_or_else(|| ControlError::Failed { endpoint: to.clone(), failure: ProbeFailure::Garbage })
        }
        .boxed()
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the others take the answer's content out")]
fn done(answer: Answer) -> Option<()> {
    matches!(answer, Answer::Done).then_some(())
}

#[expect(clippy::needless_pass_by_value, reason = "the others take the answer's content out")]
fn yes(answer: Answer) -> Option<bool> {
    if let Answer::Yes(yes) = answer { Some(yes) } else { None }
}

impl EngineControl for SimulatedControl {
    fn cluster_mode<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, ClusterMode> {
        self.ask(&node.patroni, Ask::ClusterMode, |answer| if let Answer::ClusterMode(told) = answer { Some(told) } else { None })
    }

    fn follow<'a>(&'a self, node: &'a Node, side: Side) -> ControlFuture<'a, ()> {
        self.ask(&node.patroni, Ask::Follow(side), done)
    }

    fn hold<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, ()> {
        self.ask(&node.patroni, Ask::Hold, done)
    }

    fn lead<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, ()> {
        self.ask(&node.patroni, Ask::Lead, done)
    }

    fn status<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, PatroniStatus> {
        self.ask(&node.patroni, Ask::Status, |answer| if let Answer::Status(status) = answer { Some(status) } else { None })
    }

    fn history<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, Vec<Promotion>> {
        self.ask(&node.patroni, Ask::History, |answer| if let Answer::History(history) = answer { Some(history) } else { None })
    }

    fn lineage<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, Lineage> {
        self.ask(&node.postgres, Ask::Lineage, |answer| if let Answer::Lineage(lineage) = answer { Some(lineage) } else { None })
    }

    fn switch_in_site<'a>(&'a self, leader: &'a Node, candidate: &'a Node) -> ControlFuture<'a, ()> {
        self.ask(&leader.patroni, Ask::Switch { leader: number(leader), candidate: number(candidate) }, done)
    }

    fn elect<'a>(&'a self, candidate: &'a Node) -> ControlFuture<'a, ()> {
        self.ask(&candidate.patroni, Ask::Elect(number(candidate)), done)
    }

    fn checkpoint<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, Millis> {
        self.ask(&node.postgres, Ask::Checkpoint, |answer| if let Answer::Took(took) = answer { Some(took) } else { None })
    }

    fn position<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, Position> {
        self.ask(&node.postgres, Ask::Position, |answer| if let Answer::Position(position) = answer { Some(position) } else { None })
    }

    fn log_end<'a>(&'a self, node: &'a Node, from: Lsn) -> ControlFuture<'a, LogEnd> {
        self.ask(&node.postgres, Ask::LogEnd(from), |answer| if let Answer::LogEnd(end) = answer { Some(end) } else { None })
    }

    fn takes_rows<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, bool> {
        let out_of_recovery = |answer| if let Answer::Position(position) = answer { Some(!position.in_recovery) } else { None };
        self.ask(&node.postgres, Ask::Position, out_of_recovery)
    }

    fn write_row<'a>(&'a self, node: &'a Node, operation: OperationId, number: u64) -> ControlFuture<'a, ()> {
        self.ask(&node.postgres, Ask::WriteRow(operation, number), done)
    }

    fn rows<'a>(&'a self, node: &'a Node, operation: OperationId) -> ControlFuture<'a, Rows> {
        self.ask(&node.postgres, Ask::Rows(operation), |answer| if let Answer::Rows(rows) = answer { Some(rows) } else { None })
    }

    fn save_diverged<'a>(&'a self, node: &'a Node, timeline: Timeline, fork: Lsn, most_bytes: usize) -> ControlFuture<'a, Saved> {
        let ask = Ask::SaveDiverged(timeline, fork, most_bytes);
        self.ask(&node.postgres, ask, |answer| if let Answer::Saved(saved) = answer { Some(saved) } else { None })
    }

    fn data_directory<'a>(&'a self, node: &'a Node) -> ControlFuture<'a, String> {
        self.ask(&node.postgres, Ask::DataDirectory, |answer| if let Answer::Directory(path) = answer { Some(path) } else { None })
    }

    fn members<'a>(&'a self, proxy: &'a EndpointName) -> ControlFuture<'a, Vec<MemberSeen>> {
        self.ask(proxy, Ask::Members, |answer| if let Answer::Members(members) = answer { Some(members) } else { None })
    }

    fn tell_member<'a>(&'a self, proxy: &'a EndpointName, member: &'a MemberName, order: MemberOrder) -> ControlFuture<'a, ()> {
        self.ask(proxy, Ask::TellMember(member.clone(), order), done)
    }

    fn hold_in_etcd<'a>(&'a self, etcd: &'a EndpointName) -> ControlFuture<'a, bool> {
        self.ask(etcd, Ask::HoldInEtcd, yes)
    }

    fn members_in_etcd<'a>(&'a self, etcd: &'a EndpointName) -> ControlFuture<'a, Vec<String>> {
        self.ask(etcd, Ask::MembersInEtcd, |answer| if let Answer::Names(names) = answer { Some(names) } else { None })
    }

    fn release_in_etcd<'a>(&'a self, etcd: &'a EndpointName) -> ControlFuture<'a, bool> {
        self.ask(etcd, Ask::ReleaseInEtcd, yes)
    }

    fn follow_in_etcd<'a>(&'a self, etcd: &'a EndpointName, _side: Side) -> ControlFuture<'a, bool> {
        self.ask(etcd, Ask::FollowInEtcd, yes)
    }
}
