//! The operation that is open in a pool: the only place that writes to its journal. The driver and the requests of people all write through
//! it, one after the other, so entries are numbered without a gap and what is shown is what is written, and beside it what the outage meter sees.

use super::locked;
use crate::{
    audit::{Actor, audited},
    live::Live,
    ports::{AuditEntry, Clock, Lease, RecordChange, Store, StoreError},
};
use std::sync::Arc;
use switchback_domain::{
    Login,
    audit::Deed,
    operation::{BadEntry, Choice, ControlRequest, Entry, Event, Operation, Outage},
};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

/// Why an entry was not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JournalError {
    /// Another console has taken over: this one must not act any more.
    #[error("the lease of the pool is held by somebody else now")]
    LeaseLost,
    /// The store failed; the same entry can be tried again.
    #[error("the entry was not written")]
    Store(#[source] StoreError),
    /// The event cannot have happened to this operation.
    #[error(transparent)]
    Bad(#[from] BadEntry),
}

pub(crate) struct OpenOperation {
    pub(crate) lease: Lease,
    pub(crate) live: Arc<Live<Operation>>,
    /// The outage as it is written; what is shown may be ahead of it. Held while what is shown changes.
    written_outage: std::sync::Mutex<Option<Outage>>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    writing: Mutex<()>,
    /// A write came back without saying whether it was done: the journal has to be read again.
    pub(crate) doubt: CancellationToken,
}

impl OpenOperation {
    pub(crate) fn new(lease: Lease, live: Arc<Live<Operation>>, store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> OpenOperation {
        let written_outage = std::sync::Mutex::new(live.value().outage);
        OpenOperation { lease, live, written_outage, store, clock, writing: Mutex::new(()), doubt: CancellationToken::new() }
    }

    /// The operation as it is written.
    pub(crate) fn operation(&self) -> Arc<Operation> {
        self.live.value()
    }

    /// Shows what the outage meter sees, without writing it down. An entry would be written just while the driver waits for the proof, and
    /// the driver's own next entry, the one before the promotion, would queue behind it: clients would wait for the sake of a figure about
    /// their waiting. And nothing is lost by it: what the meter knew before a crash is in its rows and in the heartbeat.
    pub(crate) fn show_outage(&self, outage: Option<Outage>) {
        let _turn = locked(&self.written_outage);
        let shown = self.live.value();
        if shown.outage != outage {
            self.live.publish(Arc::new(Operation { outage, ..Operation::clone(&shown) }), self.clock.now());
        }
    }

    /// What is shown of the outage, unless just that is written already.
    pub(crate) fn unwritten_outage(&self) -> Option<Outage> {
        let written = locked(&self.written_outage);
        self.live.value().outage.filter(|shown| Some(*shown) != *written)
    }

    /// Shows the operation as it is written now. What the meter has seen meanwhile stays beside it.
    fn show_written(&self, mut next: Operation, entry: &Entry) {
        let mut written = locked(&self.written_outage);
        match entry.event {
            Event::OutageSeen { outage } => *written = Some(outage),
            _ => next.outage = self.live.value().outage,
        }
        self.live.publish(Arc::new(next), entry.at);
    }

    /// Writes what `event` makes of the operation as it stands when its turn has come; nothing when it makes nothing of it.
    pub(crate) async fn write_if<E>(
        &self,
        actor: &Actor,
        changes: &[RecordChange],
        event: impl FnOnce(&Operation) -> Result<Option<Event>, E>,
    ) -> Result<Result<bool, E>, JournalError> {
        let _turn = self.writing.lock().await;
        let operation = self.live.value();
        let event = match event(&operation) {
            Ok(Some(event)) => event,
            Ok(None) => return Ok(Ok(false)),
            Err(refused) => return Ok(Err(refused)),
        };
        let entry = Entry { at: self.clock.now(), event };
        let mut next = Operation::clone(&operation);
        next.evolve(&entry)?;
        let audit = audit_entry(&operation, &entry, actor);
        let mut changes = changes.to_vec();
        // Whoever starts after a crash, and another console, must know it as well. A rehearsal leaves nothing to cool down from.
        if next.is_finished() && !next.request.dry_run {
            changes.push(RecordChange::Ended(entry.at));
        }
        let written =
            self.store.append_entry(&self.lease, operation.id, operation.events, &entry, audit.as_ref(), &changes, &next.summary()).await;
        match written {
            Ok(()) => {
                self.show_written(next, &entry);
                Ok(Ok(true))
            }
            Err(StoreError::Taken) => Err(JournalError::LeaseLost),
            Err(error) => Err(JournalError::Store(error)),
        }
    }

    /// Writes an event of the console itself. Returns false, and writes nothing, when it would begin the step that cannot be taken back
    /// although somebody has wanted the operation to end until this very moment.
    pub(crate) async fn write(&self, event: Event, changes: &[RecordChange]) -> Result<bool, JournalError> {
        let unless_cancelled = |operation: &Operation| {
            let crosses = matches!(&event, Event::StepBegun { step } if Some(*step) == operation.plan.no_return());
            let cancelled = crosses && operation.cancel_wanted_by.is_some() && !operation.is_past_no_return();
            Ok((!cancelled).then_some(event))
        };
        let written = self.write_if::<std::convert::Infallible>(&Actor::console(), changes, unless_cancelled).await?;
        match written {
            Ok(written) => Ok(written),
            Err(never) => match never {},
        }
    }
}

/// The event's line in the audit history. What the outage meter saw is no deed, so it has none.
pub(crate) fn audit_entry(operation: &Operation, entry: &Entry, actor: &Actor) -> Option<AuditEntry> {
    let (deed, outcome) = Deed::of_event(&entry.event)?;
    let step = match &entry.event {
        Event::StepBegun { step } | Event::StepEnded { step, .. } | Event::UndoBegun { step } | Event::UndoEnded { step, .. } => {
            operation.plan.steps.get(*step).map(switchback_domain::operation::Step::as_code)
        }
        _ => None,
    };
    let detail = serde_json::json!({
        "pool": operation.plan.pool,
        "kind": operation.plan.intent.as_code(),
        "step": step,
        "entry": operation.events,
        "event": switchback_journal_format::event_to_json(&entry.event),
    });
    Some(audited(actor, deed, operation.id.to_string()).close(entry.at, outcome, detail))
}

/// The event that a wish makes of an operation, or why it makes none.
pub(crate) fn wished(
    operation: &Operation,
    wish: ControlRequest,
    by: &Login,
) -> Result<Option<Event>, switchback_domain::error::WishError> {
    use switchback_domain::{error::WishError, operation::Stage};
    if operation.is_finished() {
        return Err(WishError::Ended);
    }
    let by = by.clone();
    match wish {
        ControlRequest::Pause if operation.pause_wanted_by.is_some() || matches!(operation.stage, Stage::Paused { .. }) => Ok(None),
        ControlRequest::Pause => Ok(Some(Event::PauseWanted { by })),
        ControlRequest::Resume if operation.pause_wanted_by.is_none() && !matches!(operation.stage, Stage::Paused { .. }) => {
            Err(WishError::NotPaused)
        }
        ControlRequest::Resume => Ok(Some(Event::Resumed { by })),
        ControlRequest::Cancel if operation.is_past_no_return() => Err(WishError::PastNoReturn),
        ControlRequest::Cancel if operation.cancel_wanted_by.is_some() || operation.given_up.is_some() => Ok(None),
        ControlRequest::Cancel => Ok(Some(match &operation.stage {
            // To put it back is one of the answers.
            Stage::NeedsPerson { question, .. } if question.options.contains(&Choice::Undo) => {
                Event::Answered { number: question.number, choice: Choice::Undo, by, reason: String::new() }
            }
            _ => Event::CancelWanted { by },
        })),
    }
}

/// The event that an answer makes of an operation, or why it makes none.
pub(crate) fn answered(
    operation: &Operation,
    number: u32,
    choice: Choice,
    by: &Login,
    reason: &str,
) -> Result<Option<Event>, switchback_domain::error::WishError> {
    use switchback_domain::{error::WishError, operation::Stage};
    if operation.is_finished() {
        return Err(WishError::Ended);
    }
    let Stage::NeedsPerson { question, .. } = &operation.stage else { return Err(WishError::NoSuchQuestion) };
    if question.number != number {
        return Err(WishError::NoSuchQuestion);
    }
    if !question.options.contains(&choice) {
        return Err(WishError::NotOffered);
    }
    let reason = reason.trim();
    if reason.is_empty() && choice.needs_reason() {
        return Err(WishError::NoReason);
    }
    let reason = reason.chars().take(1_000).collect();
    Ok(Some(Event::Answered { number, choice, by: by.clone(), reason }))
}

/// Whoever gives up what could not be saved has to name the site that loses it.
pub(crate) fn typed(
    operation: &Operation,
    choice: Choice,
    typed: &str,
    sites: &switchback_domain::Pair<switchback_domain::Site>,
) -> Result<(), switchback_domain::error::WishError> {
    let Some(side) = operation.gives_up_by(choice) else { return Ok(()) };
    let expected = &sites[side].id;
    if typed.trim().eq_ignore_ascii_case(expected.as_str()) {
        return Ok(());
    }
    Err(switchback_domain::error::WishError::WrongSite { expected: expected.clone() })
}
