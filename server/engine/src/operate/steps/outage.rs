//! How long clients have waited.

use super::StepExecution;
use crate::operate::context::Deadline;
use std::{sync::PoisonError, time::Duration};
use switchback_domain::operation::{Event, Missing, Outage, StepEvidence, StepFailure};

impl StepExecution<'_> {
    /// The outage, and the rows that the meter had acknowledged; nothing without a meter. It has seen the end of the outage by now, or sees
    /// it with its next row.
    pub(super) async fn measured(&mut self) -> Result<Option<(Option<Outage>, Option<Vec<u64>>)>, StepFailure> {
        loop {
            {
                let meter = self.meter.lock().unwrap_or_else(PoisonError::into_inner);
                let Some(meter) = &*meter else { return Ok(None) };
                let outage = meter.outage();
                // In an emergency nobody may know since when clients waited.
                let nothing = outage.is_none() && meter.writes();
                if nothing || outage.is_some_and(|outage| outage.first_write_at.is_some()) {
                    return Ok(Some((outage, meter.finish())));
                }
            }
            self.again(10, || Missing::Write).await?;
        }
    }

    /// How long clients waited for a move that was taken back. The old site takes writes by now, so the meter sees it within moments; what it
    /// has not seen by then is not waited for.
    pub(super) async fn note_outage(&mut self) {
        let patience = Deadline::after(Duration::from_secs(2));
        loop {
            let (outage, writes) = match &*self.meter.lock().unwrap_or_else(PoisonError::into_inner) {
                Some(meter) => (meter.outage(), meter.writes()),
                None => return,
            };
            if writes || patience.has_passed() || !self.context.wait(10).await {
                self.facts.extend(outage.map(|outage| StepEvidence::ClientsWaited { outage }));
                return;
            }
        }
    }
}

/// The event for the outage that a step has seen, if it has seen one.
pub(in crate::operate) fn outage_event(facts: &[StepEvidence]) -> Option<Event> {
    facts.iter().find_map(|fact| match fact {
        StepEvidence::ClientsWaited { outage } => Some(Event::OutageSeen { outage: *outage }),
        _ => None,
    })
}
