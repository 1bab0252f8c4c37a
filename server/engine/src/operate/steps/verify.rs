//! See that the new primary is the only one, and that it has every row.

use super::{
    StepExecution,
    facts::noted_timeline,
    silence::{SiteAnswers, heard},
};
use std::collections::BTreeSet;
use switchback_domain::{
    Node, Side, Timeline,
    operation::{Missing, Operation, Outage, Step, StepEvidence, StepFailure},
};

/// Far above every number that the outage meter uses: the row by which a new primary shows that it takes writes.
pub(in crate::operate) const LAST_ROW: u64 = i64::MAX as u64;

impl StepExecution<'_> {
    /// Exactly one node of the site is out of recovery, on a later timeline; it takes a write; the marker row is there, and with it every
    /// row that the outage meter had acknowledged.
    pub(super) async fn verify(&mut self, operation: &Operation, side: Side) -> Result<(), StepFailure> {
        let before = noted_timeline(operation, side.other()).or_else(|| noted_timeline(operation, side));
        let (node, timeline, at) = self.new_primary(side, before).await?;
        self.facts.push(StepEvidence::Promoted { node: node.name.clone(), from: before, to: timeline, at });
        loop {
            if self.context.control.write_row(&node, operation.id, LAST_ROW).await.is_ok() {
                break;
            }
            // A repetition of this step finds its own row already there, which is as good.
            if self.context.control.rows(&node, operation.id).await.is_ok_and(|rows| rows.numbers.last() == Some(&LAST_ROW)) {
                break;
            }
            self.again(20, || Missing::Write).await?;
        }
        let planned = operation.plan.steps.iter().any(|step| matches!(step, Step::Mark { .. }));
        if planned {
            self.count_rows(operation, &node).await?;
        } else if let Some((Some(outage), _)) = self.measured().await? {
            self.facts.push(StepEvidence::ClientsWaited { outage });
        }
        self.nobody_else_writes(side.other()).await
    }

    /// The one node of the site that is out of recovery.
    pub(super) async fn new_primary(
        &self,
        side: Side,
        before: Option<Timeline>,
    ) -> Result<(Node, Timeline, Option<switchback_domain::Lsn>), StepFailure> {
        loop {
            let positions = self.context.positions(side).await;
            let mut writable =
                positions.into_iter().filter_map(|(node, position)| Some((node, position.ok()?))).filter(|(_, p)| !p.in_recovery);
            match (writable.next(), writable.next()) {
                (Some((node, position)), None) => {
                    if let Some(timeline) = position.timeline
                        && before.is_none_or(|before| timeline > before)
                    {
                        return Ok((node.clone(), timeline, position.written));
                    }
                }
                (Some(_), Some(_)) => return Err(StepFailure::SplitBrain),
                (None, _) => {}
            }
            self.again(15, || Missing::Primary).await?;
        }
    }

    /// Every row that the old primary acknowledged to the console must be there. Rows whose acknowledgement was lost may be too.
    async fn count_rows(&mut self, operation: &Operation, node: &Node) -> Result<(), StepFailure> {
        let (outage, acknowledged) = self.measured().await?.unwrap_or_default();
        let rows = loop {
            match self.context.control.rows(node, operation.id).await {
                Ok(rows) => break rows,
                Err(_) => self.again(20, || Missing::Write).await?,
            }
        };
        if rows.has_marker() {
            self.facts.push(StepEvidence::Marker { node: node.name.clone() });
        }
        let Some(acknowledged) = acknowledged else {
            // After a start of the console in the middle nobody knows what was acknowledged before it.
            self.facts.extend(outage.map(|outage| StepEvidence::ClientsWaited { outage }));
            return if rows.has_marker() { Ok(()) } else { Err(StepFailure::RowsMissing { acknowledged: 1, found: 0 }) };
        };
        let there: BTreeSet<u64> = rows.numbers.iter().copied().collect();
        let found = acknowledged.iter().filter(|number| there.contains(number)).count() as u64 + u64::from(rows.has_marker());
        let acknowledged = acknowledged.len() as u64 + 1;
        self.facts.push(StepEvidence::RowsFound { acknowledged, found });
        if let Some(outage) = outage {
            self.facts.push(StepEvidence::ClientsWaited { outage: Outage { acknowledged, found: Some(found), ..outage } });
        }
        if found < acknowledged { Err(StepFailure::RowsMissing { acknowledged, found }) } else { Ok(()) }
    }

    /// Nobody in the old site accepts writes, as far as it can be asked.
    async fn nobody_else_writes(&mut self, side: Side) -> Result<(), StepFailure> {
        let SiteAnswers { writing, silent } = heard(self.context, side, super::LOOK_WITHIN).await;
        if !writing.is_empty() {
            return Err(StepFailure::SplitBrain);
        }
        self.facts.extend(silent.into_iter().map(|node| StepEvidence::Silent { node }));
        Ok(())
    }
}
