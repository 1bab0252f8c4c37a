//! What a site says beside which nobody must be made to lead.

use super::StepExecution;
use crate::{
    operate::context::StepContext,
    ports::{ControlError, PatroniStatus, Position},
};
use futures::future::{join, join_all};
use std::time::Duration;
use switchback_domain::{
    Node, NodeName, Side, Witness,
    operation::{Operation, StepFailure},
};

/// How long everything of a site that is given up may take to answer while it is fenced.
pub(super) const FENCE_WITHIN: Duration = Duration::from_millis(500);

/// How long they may take before somebody is asked about them: an answer that comes late is one, and a person takes longer.
pub(super) const SLOW_WITHIN: Duration = Duration::from_secs(3);

/// How long the site that is given up may take to say that it writes after all, right before the other one is told to lead.
const LAST_LOOK_WITHIN: Duration = Duration::from_millis(150);

impl StepExecution<'_> {
    /// Whoever was only silent for a moment while the site was fenced is heard now; whoever is gone says so at once.
    pub(super) async fn last_look(&self, given_up: Side) -> Result<(), StepFailure> {
        let nodes = heard(self.context, given_up, LAST_LOOK_WITHIN).await.writing;
        if nodes.is_empty() { Ok(()) } else { Err(StepFailure::StillWrites { nodes }) }
    }

    /// Signs of life that others have seen of the site since somebody has said that it is off, without those that were overridden by name.
    pub(super) fn seen_alive_since(&self, operation: &Operation, side: Side) -> Vec<Witness> {
        let picture = self.context.watched.picture();
        let since = operation.attested_at();
        let contradicts =
            |witness: &&Witness| since.is_none_or(|since| witness.at > since) && !operation.overridden.contains(&witness.kind);
        picture.sites[side].witnesses.iter().filter(contradicts).cloned().collect()
    }
}

/// What each node of a site and its Patroni say within a limit.
pub(super) async fn answers_of(context: &StepContext, side: Side, limit: Duration) -> Vec<Answers<'_>> {
    let picture = context.watched.picture();
    let ask = async |node: &'_ Node| {
        let position = tokio::time::timeout(limit, context.control.position(node));
        let (position, status) = join(position, tokio::time::timeout(limit, context.control.status(node))).await;
        let impostor = picture.node(&node.name).is_some_and(|(_, seen)| seen.impostor);
        (position.ok(), status.ok(), impostor)
    };
    let asked = join_all(context.nodes(side).iter().map(async |node| (node, ask(node).await)));
    asked.await.into_iter().map(|(node, (position, status, impostor))| Answers { node, position, status, impostor }).collect()
}

/// What is heard of a site beside which nobody must be made to lead.
pub(super) struct SiteAnswers {
    /// Nodes that accept writes by their own word, or let nobody in while their Patroni says that they are primary. A process that is gone is
    /// not one of them, whatever its Patroni has not noticed yet.
    pub(super) writing: Vec<NodeName>,
    /// Nodes of which nothing is known.
    pub(super) silent: Vec<NodeName>,
}

/// Asks the nodes of a site and their Patronis within a limit.
pub(super) async fn heard(context: &StepContext, side: Side, limit: Duration) -> SiteAnswers {
    let answers = answers_of(context, side, limit).await;
    let of = |wanted: WriteState| answers.iter().filter(|one| one.write_state(true) == wanted).map(|one| one.node.name.clone()).collect();
    SiteAnswers { writing: of(WriteState::Writes), silent: of(WriteState::Unknown) }
}

/// What a node that must not write and its Patroni have said; nothing where they were silent.
pub(super) struct Answers<'a> {
    pub(super) node: &'a Node,
    position: Option<Result<Position, ControlError>>,
    status: Option<Result<PatroniStatus, ControlError>>,
    /// Another server answers at the node's addresses.
    impostor: bool,
}

impl Answers<'_> {
    pub(super) fn is_silence(&self) -> bool {
        self.position.is_none() && self.status.is_none()
    }

    /// Whether the node may accept writes. `held`: the site's own etcd says that it must not. A refused connection says nothing: it looks the
    /// same whether the process is gone or a firewall refuses in its name.
    pub(super) fn write_state(&self, held: bool) -> WriteState {
        if self.impostor {
            return WriteState::Unknown;
        }
        match &self.position {
            Some(Ok(position)) if position.in_recovery => WriteState::ReadOnly,
            Some(Ok(_)) => WriteState::Writes,
            // It takes no new sessions.
            Some(Err(ControlError::Failed { failure, .. })) if failure.says_it_starts_or_stops() && held => WriteState::ReadOnly,
            // It lets nobody in, or does not answer in time: then its Patroni's word counts, whichever it is.
            _ => match &self.status {
                Some(Ok(status)) if status.may_write() => WriteState::Writes,
                Some(Ok(_)) => WriteState::ReadOnly,
                _ => WriteState::Unknown,
            },
        }
    }
}

/// What is known of a node that must not write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WriteState {
    /// It accepts no writes.
    ReadOnly,
    /// It does.
    Writes,
    /// It does not say.
    Unknown,
}

/// The answer, if it comes soon.
pub(super) async fn within<T>(work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(FENCE_WITHIN, work).await.ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchback_domain::{PatroniRole, PatroniState, ProbeFailure, fixture};

    fn failed(failure: ProbeFailure) -> ControlError {
        ControlError::Failed { endpoint: "postgres-a1".parse().expect("a name"), failure }
    }

    fn says(role: PatroniRole, state: PatroniState) -> PatroniStatus {
        PatroniStatus { role, state, said: String::new(), timeline: None }
    }

    #[test]
    fn a_node_that_lets_nobody_in_is_judged_by_its_patroni_and_one_that_is_gone_by_itself() {
        let pool = fixture::pool();
        let full = || Some(Err(failed(ProbeFailure::Sql { state: "53300".to_owned() })));
        let gone = || Some(Err(failed(ProbeFailure::Refused)));
        let primary = || Some(Ok(says(PatroniRole::Primary, PatroniState::Running)));
        let replica = || Some(Ok(says(PatroniRole::Replica, PatroniState::Running)));
        let stopping = || Some(Ok(says(PatroniRole::Primary, PatroniState::Stopping)));
        let stopped = || Some(Ok(says(PatroniRole::Primary, PatroniState::Stopped)));
        for (position, status, held, expected) in [
            (full(), primary(), true, WriteState::Writes),
            (full(), primary(), false, WriteState::Writes),
            (None, primary(), true, WriteState::Writes),
            (full(), replica(), true, WriteState::ReadOnly),
            (None, stopping(), true, WriteState::ReadOnly),
            (full(), None, true, WriteState::Unknown),
            (None, None, true, WriteState::Unknown),
            // Its own Patroni is there and says that it runs: only its port is shut to us.
            (gone(), primary(), true, WriteState::Writes),
            (gone(), primary(), false, WriteState::Writes),
            (gone(), stopped(), false, WriteState::ReadOnly),
            // Refused by whom, nobody knows.
            (gone(), None, false, WriteState::Unknown),
            (gone(), None, true, WriteState::Unknown),
            (gone(), Some(Err(failed(ProbeFailure::Refused))), true, WriteState::Unknown),
            (gone(), Some(Err(failed(ProbeFailure::Unreachable))), true, WriteState::Unknown),
            (gone(), Some(Err(failed(ProbeFailure::Status { code: 502 }))), true, WriteState::Unknown),
        ] {
            let told = format!("{position:?} {status:?} held {held}");
            let answers = Answers { node: &pool.sites.a.nodes[0], position, status, impostor: false };
            assert_eq!(answers.write_state(held), expected, "{told}");
            assert_eq!(Answers { impostor: true, ..answers }.write_state(held), WriteState::Unknown, "another server speaks: {told}");
        }
    }
}
