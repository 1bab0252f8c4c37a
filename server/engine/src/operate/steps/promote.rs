//! Making the other site active, and seeing that it is.

use super::{Run, noted_timeline};
use std::{collections::BTreeSet, sync::PoisonError};
use switchback_domain::{
    Node, Side, Timeline,
    operation::{Event, Fact, Missing, Operation, Outage, Step, Trouble},
};

/// Far above every number that the outage meter uses: the row by which a new primary shows that it takes writes.
const LAST_ROW: u64 = i64::MAX as u64;

impl Run<'_> {
    /// Tells the site's cluster to lead. From here on the other site is never made writable again by this operation.
    pub(super) async fn promote(&mut self, operation: &Operation, number: usize, side: Side) -> Result<(), Trouble> {
        let planned = operation.plan.steps.iter().any(|step| matches!(step, Step::Demote { .. }));
        if planned && operation.steps[number].attempts > 1 {
            self.still_proved(side).await?;
        }
        // The node whose log is the proof, or the one that came to rest, was the leader a moment ago; clients wait, so it is not asked for
        // again. Should it have died since, the others are told.
        let seen = operation.steps.iter().rev().flat_map(|run| &run.facts).find_map(|fact| match fact {
            Fact::ShutdownReplayed { node, .. } | Fact::Rest { node, .. } => Some(node.clone()),
            _ => None,
        });
        let again = operation.steps[number].attempts > 1;
        self.store(side, false, seen.as_ref(), again).await
    }

    /// Begun again, after a crash or an order without an answer: in the meantime the old site may have been made to lead by the
    /// console itself (when its store was away) or by somebody else. Unless the new one leads already, nothing is done then.
    async fn still_proved(&mut self, side: Side) -> Result<(), Trouble> {
        let leads =
            self.scene.positions(side).await.iter().any(|(_, position)| position.as_ref().is_ok_and(|position| !position.in_recovery));
        if leads {
            return Ok(());
        }
        for node in self.scene.nodes(side.other()) {
            if matches!(self.scene.hands.follows(node).await, Ok(false)) {
                return Err(Trouble::SituationChanged { checks: Vec::new(), findings: Vec::new() });
            }
        }
        let running = self.scene.statuses(side.other()).await;
        if running.iter().any(|(_, status)| status.as_ref().is_ok_and(crate::ports::MemberStatus::is_running_primary)) {
            return Err(Trouble::SituationChanged { checks: Vec::new(), findings: Vec::new() });
        }
        Ok(())
    }

    /// Exactly one node of the site is out of recovery, on a later timeline; it takes a write; the marker row is there, and with it every
    /// row that the outage meter had acknowledged.
    pub(super) async fn verify(&mut self, operation: &Operation, side: Side) -> Result<(), Trouble> {
        let before = noted_timeline(operation, side.other()).or_else(|| noted_timeline(operation, side));
        let (node, timeline, at) = self.new_primary(side, before).await?;
        self.facts.push(Fact::Promoted { node: node.name.clone(), from: before, to: timeline, at });
        loop {
            if self.scene.hands.write_row(&node, operation.id, LAST_ROW).await.is_ok() {
                break;
            }
            // A repetition of this step finds its own row already there, which is as good.
            if self.scene.hands.rows(&node, operation.id).await.is_ok_and(|rows| rows.numbers.last() == Some(&LAST_ROW)) {
                break;
            }
            self.again(20, || Missing::Write).await?;
        }
        let first_write_at = self.scene.clock.now();
        let planned = operation.plan.steps.iter().any(|step| matches!(step, Step::Mark { .. }));
        if planned {
            self.count_rows(operation, &node).await?;
        } else {
            self.outage_by_heartbeat(operation, first_write_at);
        }
        self.nobody_else_writes(side.other()).await
    }

    /// The one node of the site that is out of recovery.
    async fn new_primary(&self, side: Side, before: Option<Timeline>) -> Result<(Node, Timeline, Option<switchback_domain::Lsn>), Trouble> {
        loop {
            let positions = self.scene.positions(side).await;
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
                (Some(_), Some(_)) => return Err(Trouble::SplitBrain),
                (None, _) => {}
            }
            self.again(15, || Missing::Primary).await?;
        }
    }

    /// Every row that the old primary acknowledged to the console must be there. Rows whose acknowledgement was lost may be too.
    async fn count_rows(&mut self, operation: &Operation, node: &Node) -> Result<(), Trouble> {
        // The meter has seen the end of the outage by now, or sees it with its next row.
        let (outage, acknowledged) = loop {
            let seen = {
                let meter = self.meter.lock().unwrap_or_else(PoisonError::into_inner);
                // After a start of the console in the middle nobody knows what was acknowledged before it.
                let Some(meter) = &*meter else { break (None, None) };
                meter.outage().filter(|outage| outage.first_write_at.is_some()).map(|outage| (Some(outage), Some(meter.finish())))
            };
            match seen {
                Some(seen) => break seen,
                None => self.again(10, || Missing::Write).await?,
            }
        };
        let rows = loop {
            match self.scene.hands.rows(node, operation.id).await {
                Ok(rows) => break rows,
                Err(_) => self.again(20, || Missing::Write).await?,
            }
        };
        if rows.has_marker() {
            self.facts.push(Fact::Marker { node: node.name.clone() });
        }
        let Some(acknowledged) = acknowledged else {
            return if rows.has_marker() { Ok(()) } else { Err(Trouble::RowsMissing { acknowledged: 1, found: 0 }) };
        };
        let there: BTreeSet<u64> = rows.numbers.iter().copied().collect();
        let found = acknowledged.iter().filter(|number| there.contains(number)).count() as u64 + u64::from(rows.has_marker());
        let acknowledged = acknowledged.len() as u64 + 1;
        self.facts.push(Fact::RowsFound { acknowledged, found });
        if let Some(outage) = outage {
            self.facts.push(Fact::ClientsWaited { outage: Outage { acknowledged, found: Some(found), ..outage } });
        }
        if found < acknowledged { Err(Trouble::RowsMissing { acknowledged, found }) } else { Ok(()) }
    }

    /// After a failover nobody wrote all the time; the last heartbeat row that survived says since when writes were missing.
    fn outage_by_heartbeat(&mut self, operation: &Operation, first_write_at: jiff::Timestamp) {
        let last = operation.steps.iter().flat_map(|run| &run.facts).find_map(|fact| match fact {
            Fact::LastHeartbeat { at, .. } => Some(*at),
            _ => None,
        });
        if let Some(last_write_at) = last {
            let outage = Outage { last_write_at, first_write_at: Some(first_write_at), acknowledged: 0, found: None };
            self.facts.push(Fact::ClientsWaited { outage });
        }
    }

    /// Nobody in the old site accepts writes, as far as it can be asked.
    async fn nobody_else_writes(&self, side: Side) -> Result<(), Trouble> {
        let look = tokio::time::timeout(super::LOOK_WITHIN, self.scene.positions(side)).await.unwrap_or_default();
        let writes = look.iter().any(|(_, position)| position.as_ref().is_ok_and(|position| !position.in_recovery));
        if writes { Err(Trouble::SplitBrain) } else { Ok(()) }
    }
}

/// The event for the outage that a step has seen, if it has seen one.
pub(in crate::operate) fn outage_event(facts: &[Fact]) -> Option<Event> {
    facts.iter().find_map(|fact| match fact {
        Fact::ClientsWaited { outage } => Some(Event::OutageSeen { outage: *outage }),
        _ => None,
    })
}
