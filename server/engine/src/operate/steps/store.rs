//! Tell a site's cluster whether to follow.

use super::StepExecution;
use crate::{
    operate::context::trouble,
    ports::{ClusterMode, ControlError},
};
use switchback_domain::{
    Node, NodeName, Side,
    operation::{OrderKind, StepEvidence, StepFailure},
};

impl StepExecution<'_> {
    /// Tells a site's cluster whether to follow, unless it is told already, and finds out what became of an order without an answer:
    /// the order is only given again when the site says that it is not stored. Without `look_first` the first order is given at once:
    /// it was looked at a moment ago, and clients wait.
    pub(super) async fn store(&mut self, side: Side, follows: bool, first: Option<&NodeName>, look_first: bool) -> Result<(), StepFailure> {
        let mut nodes: Vec<_> = self.context.nodes(side).iter().collect();
        // An order wakes only the member that it is sent to, so the leader comes first.
        nodes.sort_by_key(|node| Some(&node.name) != first);
        self.store_by(&nodes, side, follows, look_first).await
    }

    /// The same, told to these nodes only.
    async fn store_by(&mut self, nodes: &[&Node], side: Side, follows: bool, look_first: bool) -> Result<(), StepFailure> {
        let context = self.context;
        let (wanted, other) =
            if follows { (ClusterMode::Standby, ClusterMode::Primary) } else { (ClusterMode::Primary, ClusterMode::Standby) };
        let mut already = look_first;
        let mut look = look_first;
        let mut last = None;
        loop {
            let (mut refused, mut unclear) = (None, false);
            for node in nodes {
                let stored = if std::mem::replace(&mut look, true) { context.control.cluster_mode(node).await } else { Ok(other) };
                match stored {
                    Ok(stored) if stored == wanted => {
                        // Whoever told it so: perhaps this step, whose order was not answered.
                        self.facts.push(StepEvidence::Stored { side, node: node.name.clone(), follows, already });
                        return Ok(());
                    }
                    Ok(_) => {
                        already = false;
                        let told = if follows {
                            self.order(OrderKind::Follow, context.control.follow(node, side)).await
                        } else {
                            self.order(OrderKind::Lead, context.control.lead(node)).await
                        };
                        match told {
                            Ok(()) => {
                                self.facts.push(StepEvidence::Stored { side, node: node.name.clone(), follows, already: false });
                                return Ok(());
                            }
                            // Another member may take it: they have one configuration.
                            Err(error @ ControlError::Refused { .. }) => refused = Some(error),
                            // Whether it happened is asked next.
                            Err(error) => (last, unclear) = (Some(error), true),
                        }
                    }
                    Err(error) => last = Some(error),
                }
            }
            if let Some(error) = refused.filter(|_| !unclear) {
                return Err(trouble(error));
            }
            if self.deadline.has_passed()
                && let Some(error) = last
            {
                return Err(trouble(error));
            }
            self.again(20, || switchback_domain::operation::Missing::Answer).await?;
        }
    }
}
