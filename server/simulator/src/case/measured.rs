//! What the console says of an outage, beside what clients felt.

use super::{Run, caller};
use crate::world::Ms;
use futures::FutureExt;
use switchback_domain::{
    ByteLag, Millis, Side,
    operation::{Operation, OperationId, Outage, Report, Step, StepEvidence, Undo},
};

/// How long clients waited for one operation that moved the active site.
#[derive(Debug, Clone)]
pub struct Measured {
    /// Which.
    pub operation: OperationId,
    /// The side that became active, or was to.
    pub to: Side,
    /// As the console reports it.
    pub report: Report,
    /// When the client of that side had its last row acknowledged before its longest pause, and when the first one after it.
    pub felt: (Ms, Ms),
    /// When the console first showed that clients wait.
    pub shown_at: Option<Ms>,
}

impl Measured {
    /// The outage as the console reports it, on the world's clock.
    pub fn outage(&self) -> Option<(Ms, Ms, Millis)> {
        let Outage { last_write_at, first_write_at, uncertain, .. } = self.report.outage?;
        Some((ms(last_write_at), ms(first_write_at?), uncertain))
    }
}

impl Measured {
    /// What a failover said beforehand that would be lost, in bytes, how old that figure was, and when it was said.
    pub fn expected_loss(&self) -> Option<(Option<ByteLag>, Option<Millis>, Ms)> {
        let establish = self.report.steps.iter().find(|step| matches!(step.step, Step::Assess { .. }))?;
        let said_at = ms(establish.run.ended_at?);
        let facts = establish.run.every_fact();
        facts
            .into_iter()
            .find_map(|fact| if let StepEvidence::ExpectedLoss { bytes, age, .. } = fact { Some((*bytes, *age, said_at)) } else { None })
    }
}

fn ms(at: jiff::Timestamp) -> Ms {
    Millis::between(switchback_domain::fixture::at(0), at).0
}

impl Run {
    /// Notes that the console shows that clients wait. It is asked as a page asks it, and answers at once while an operation runs.
    pub(super) fn note_what_is_shown(&mut self) {
        let Some((id, _)) = self.operations.last() else { return };
        let shown = self.console.operation(&caller(), *id).now_or_never().and_then(Result::ok).and_then(|operation| operation.outage);
        if shown.is_some_and(|outage| outage.first_write_at.is_none()) {
            let now = self.room.world().now;
            self.shown.entry(*id).or_insert(now);
        }
    }

    /// What came of each operation that has moved the active site, or has begun to.
    pub(super) async fn measured(&self) -> Vec<Measured> {
        let mut all = Vec::new();
        for (operation, _) in &self.operations {
            let Some(told) = self.room.books().operation(*operation) else { continue };
            let Some((_, to)) = told.plan.moves().filter(|_| stopped_writes(&told)) else { continue };
            let Ok(report) = self.console.report(&caller(), *operation).await else { continue };
            // An emergency begins before anybody asks for anything. What clients waited for before a planned operation is not its doing.
            let earlier = if told.plan.intent.gives_up().is_some() { 60_000 } else { 0 };
            let from = ms(told.requested_at).saturating_sub(earlier);
            let until = report.ended_at.map_or(Ms::MAX, ms);
            let felt = self.room.world().longest_pause(to, from, until);
            all.push(Measured { operation: *operation, to, report, felt, shown_at: self.shown.get(operation).copied() });
        }
        all
    }
}

fn stopped_writes(operation: &Operation) -> bool {
    let begun = operation.plan.steps.iter().zip(&operation.steps).filter(|(_, run)| run.attempts > 0);
    begun.into_iter().any(|(step, _)| step.is_point_of_no_return(&operation.plan.intent) || step.nature().undo == Undo::Always)
}
