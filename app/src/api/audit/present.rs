//! From what was written down to sentences.

use super::{EntryView, MOST};
use crate::{
    api::{ApiError, door::signed_in, operation::form},
    ui::Tone,
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};
use switchback_domain::{
    Pair, PoolId, Side,
    audit::{Deed, DeedOutcome, Recorded},
    error::RequestError,
    operation::{
        ControlRequest, Event, LossCode, Operation, OperationId, Outcome, Plan, Refusal, Request, Step, StepEvidence, UnreadableEntry,
    },
};
use switchback_engine::audit::AuditEntry;
use switchback_journal_format::{answer_from_json, event_from_json, request_from_json};
use switchback_words::{
    self as words, Locale, Names,
    operation::{self as operations, choice, fact, refusal, trouble},
    say,
};

pub(super) async fn newest_entries(lang: &str) -> Result<Vec<EntryView>, ApiError> {
    let (console, caller) = signed_in()?;
    let lang = form::language(lang);
    let entries = console.audit(&caller).await?;
    let mut operations: BTreeMap<OperationId, Option<Arc<Operation>>> = BTreeMap::new();
    let mut names: BTreeMap<PoolId, Names> = BTreeMap::new();
    let mut told = Vec::with_capacity(entries.len().min(MOST));
    for entry in entries.iter().take(MOST) {
        let id = operation_of(entry);
        let operation = match id {
            // What is told of a step needs the plan.
            Some(id) => {
                if let Some(known) = operations.get(&id) {
                    known.clone()
                } else {
                    let found = console.operation(&caller, id).await.ok();
                    operations.insert(id, found.clone());
                    found
                }
            }
            None => None,
        };
        let pool = pool_of(entry, operation.as_deref());
        let names = match pool {
            Some(pool) => names
                .entry(pool.clone())
                .or_insert_with(|| console.picture(&caller, &pool).map_or_else(|_| nameless(), |picture| form::names(&picture))),
            None => &nameless(),
        };
        told.push(present(lang, entry, id.filter(|_| operation.is_some()), operation.as_deref(), names));
    }
    Ok(told)
}

/// The sites of a pool that is not configured any more.
fn nameless() -> Names {
    Pair::of(|side| if side == Side::A { "a" } else { "b" }.parse().expect("a letter is a name"))
}

fn read<T: DeserializeOwned>(value: &Value) -> Option<T> {
    T::deserialize(value).ok()
}

/// The operation that an entry is about: its subject, the first part of it, or what its detail names.
fn operation_of(entry: &AuditEntry) -> Option<OperationId> {
    let subject = entry.subject.split('/').next().and_then(|first| first.parse().ok());
    subject.or_else(|| read(&entry.detail["operation"]))
}

fn pool_of(entry: &AuditEntry, operation: Option<&Operation>) -> Option<PoolId> {
    let told = operation.map(|operation| operation.plan.pool.clone());
    told.or_else(|| read(&entry.detail["pool"])).or_else(|| read(&entry.detail["request"]["pool"])).or_else(|| entry.subject.parse().ok())
}

fn present(lang: Locale, entry: &AuditEntry, id: Option<OperationId>, operation: Option<&Operation>, names: &Names) -> EntryView {
    let mut telling = Telling { lang, entry, operation, names, more: Vec::new() };
    let what = telling.what();
    // What nothing else says of it is better shown raw than not at all.
    let unread = what.is_none() || !entry.detail["event"].is_null() && read::<Event>(&entry.detail["event"]).is_none();
    let raw = (unread && !entry.detail.is_null()).then(|| format!("{:#}", entry.detail));
    telling.reason();
    if !entry.from_address.is_empty() {
        telling.more.push((say!(lang, audit.from), vec![entry.from_address.clone()]));
    }
    let (tone, result) = match entry.outcome() {
        Recorded::Known(DeedOutcome::Done) => (Tone::Ok, say!(lang, audit.done)),
        Recorded::Known(DeedOutcome::Refused) => (Tone::Warn, say!(lang, audit.refused)),
        Recorded::Known(DeedOutcome::Failed) => (Tone::Fail, say!(lang, audit.failed)),
        Recorded::Unknown(other) => (Tone::Fail, other.clone()),
    };
    EntryView {
        at: entry.at,
        who: entry.actor.as_ref().map_or_else(|| telling.nobody(), ToString::to_string),
        what: what.unwrap_or_else(|| entry.deed().as_code().replace('_', " ")),
        about: telling.about(id),
        result,
        tone,
        operation: id,
        more: telling.more,
        raw,
    }
}

struct Telling<'a> {
    lang: Locale,
    entry: &'a AuditEntry,
    operation: Option<&'a Operation>,
    names: &'a Names,
    more: Vec<(String, Vec<String>)>,
}

impl Telling<'_> {
    /// Whoever signs in is not known yet; everything else without a name is the console's own doing.
    fn nobody(&self) -> String {
        match self.entry.deed().known() {
            Some(Deed::SignIn | Deed::SetUp) => say!(self.lang, audit.not_signed_in),
            _ => say!(self.lang, audit.nobody),
        }
    }

    fn about(&self, id: Option<OperationId>) -> String {
        let pool = self.operation.map(|operation| operation.plan.pool.to_string());
        match (id, pool) {
            (Some(id), Some(pool)) => format!("{pool} · {id}"),
            _ => self.entry.subject.clone(),
        }
    }

    fn add(&mut self, name: String, lines: impl IntoIterator<Item = String>) {
        let lines: Vec<String> = lines.into_iter().filter(|line| !line.is_empty()).collect();
        if !lines.is_empty() {
            self.more.push((name, lines));
        }
    }

    /// What was done or tried; nothing when there are no words for it.
    fn what(&mut self) -> Option<String> {
        let (lang, entry) = (self.lang, self.entry);
        if let Some(event) = event_from_json(&entry.detail["event"]) {
            let rehearsed = self.operation.is_some_and(|operation| operation.request.dry_run)
                && matches!(event, Event::StepBegun { .. } | Event::StepEnded { .. });
            let what = self.event(event);
            return Some(if rehearsed { say!(lang, audit.say.in_a_rehearsal, what = what) } else { what });
        }
        let done = *entry.outcome() == DeedOutcome::Done;
        Some(match entry.deed().known()? {
            Deed::SignIn if done => say!(lang, audit.say.signed_in),
            Deed::SignIn => say!(lang, audit.say.sign_in_tried),
            Deed::SignOut if done => say!(lang, audit.say.signed_out),
            Deed::SignOut => say!(lang, audit.say.sign_out_tried),
            Deed::StoreBackupBegun => say!(lang, audit.say.backup_begun),
            Deed::StoreBackupEnded if done => say!(lang, audit.say.backup_made),
            Deed::StoreBackupEnded => say!(lang, audit.say.backup_failed),
            Deed::StoreRestored => say!(lang, audit.say.store_restored),
            Deed::StoreHeadKept => say!(lang, audit.say.store_head_kept),
            Deed::StoreFoundOlder => say!(lang, audit.say.store_found_older),
            Deed::StoreGuardsRepaired if done => say!(lang, audit.say.guards_repaired),
            Deed::StoreGuardsRepaired => say!(lang, audit.say.guards_not_repaired),
            Deed::RestoredConfirmed if done => say!(lang, audit.say.restored_confirmed),
            Deed::RestoredConfirmed => say!(lang, audit.say.restored_confirm_tried),
            Deed::StoreGuardsChecked if done => say!(lang, audit.say.guards_whole),
            Deed::StoreGuardsChecked => say!(lang, audit.say.guards_broken),
            Deed::StoreFileChecked if done => say!(lang, audit.say.file_found),
            Deed::StoreFileChecked => say!(lang, audit.say.file_lost),
            Deed::SetUp if done => say!(lang, audit.say.set_up),
            Deed::SetUp => say!(lang, audit.say.set_up_tried),
            Deed::OpenSetUp => say!(lang, audit.say.open_set_up),
            Deed::OperationPlanned => say!(lang, audit.say.planned),
            Deed::OperationRequested => match request_from_json(&entry.detail["request"]) {
                Some(request) => self.request(&request, None),
                None => say!(lang, audit.say.requested),
            },
            Deed::OperationWish => match read::<ControlRequest>(&entry.detail["wish"]) {
                Some(ControlRequest::Pause) => say!(lang, audit.say.pause_wanted),
                Some(ControlRequest::Resume) => say!(lang, audit.say.resume_wanted),
                Some(ControlRequest::Cancel) => say!(lang, audit.say.cancel_wanted),
                None => say!(lang, audit.say.wished),
            },
            Deed::OperationAnswer => {
                let why = entry.detail["why"].as_str().unwrap_or_default().to_owned();
                self.add(say!(lang, audit.why), [why]);
                match (entry.detail["question"].as_u64(), read(&entry.detail["choice"])) {
                    (Some(number), Some(answer)) => {
                        say!(lang, audit.say.answered, n = number.to_string(), choice = choice::title(lang, answer))
                    }
                    _ => say!(lang, audit.say.answer_tried),
                }
            }
            Deed::OperationClosedUnread => {
                let cause =
                    read::<UnreadableEntry>(&serde_json::json!({ "number": entry.detail["entry"], "cause": entry.detail["cause"] }));
                let id = entry.subject.parse().ok();
                let why = id.zip(cause).map(|(id, cause)| operations::unreadable(lang, id, cause));
                self.add(say!(lang, audit.because), why);
                say!(lang, audit.say.closed_unread)
            }
            Deed::EvidenceKept => say!(lang, audit.say.evidence_kept, name = self.evidence()),
            Deed::EvidenceRead => say!(lang, audit.say.evidence_read, name = self.evidence()),
            Deed::FenceAnswered => {
                let answers = entry.detail["answers"].as_array().into_iter().flatten().filter_map(answer_from_json);
                let told: Vec<String> = answers.map(|answer| fact(lang, &StepEvidence::FencerTold { answer }, self.names)).collect();
                self.add(say!(lang, operations.fence.title), told);
                say!(lang, audit.say.fence_answered, operation = entry.subject.clone())
            }
            Deed::SplitBrainSeen => say!(lang, audit.say.split_brain_seen, nodes = self.nodes()),
            Deed::SplitBrainOver => say!(lang, audit.say.split_brain_over, nodes = self.nodes()),
            Deed::AnyRequest => say!(lang, audit.say.any_request),
            // These are told by their event, above. Where only a newer program can read it, at least its kind is said.
            Deed::StepBegun => say!(lang, audit.say.some_step_begun),
            Deed::StepEnded if done => say!(lang, audit.say.some_step_done),
            Deed::StepEnded => say!(lang, audit.say.some_step_failed),
            Deed::UndoBegun => say!(lang, audit.say.some_undo_begun),
            Deed::UndoEnded if done => say!(lang, audit.say.some_undo_done),
            Deed::UndoEnded => say!(lang, audit.say.some_undo_failed),
            Deed::OperationGaveUp => say!(lang, audit.say.gave_up),
            Deed::PauseWanted => say!(lang, audit.say.pause_wanted),
            Deed::OperationPaused => say!(lang, audit.say.paused),
            Deed::OperationResumed => say!(lang, audit.say.resume_wanted),
            Deed::CancelWanted => say!(lang, audit.say.cancel_wanted),
            Deed::QuestionAsked => say!(lang, audit.say.some_question_asked),
            Deed::QuestionAnswered => say!(lang, audit.say.some_question_answered),
            Deed::OperationFinished => say!(lang, audit.say.some_finished),
        })
    }

    fn evidence(&self) -> String {
        self.entry.subject.split_once('/').map(|(_, name)| name.to_owned()).unwrap_or_default()
    }

    fn nodes(&self) -> String {
        let nodes = self.entry.detail["nodes"].as_array().into_iter().flatten();
        words::list(self.lang, nodes.filter_map(Value::as_str))
    }

    fn request(&mut self, request: &Request, plan: Option<&Plan>) -> String {
        let lang = self.lang;
        self.add(say!(lang, audit.why), [request.reason.clone()]);
        self.add(say!(lang, audit.ticket), [request.ticket.clone()]);
        if let Some(plan) = plan {
            let steps = plan.steps.iter().enumerate();
            let steps = steps.map(|(index, step)| format!("{}. {}", index + 1, operations::step(lang, step, self.names)));
            self.add(say!(lang, audit.steps), steps.collect::<Vec<_>>());
        }
        say!(lang, audit.say.requested_what, title = operations::title(lang, &request.intent, request.dry_run, self.names))
    }

    /// What a step of the operation does, counted from zero.
    fn step(&self, number: usize, words: fn(Locale, &Step, &Names) -> String) -> String {
        let step = self.operation.and_then(|operation| operation.plan.steps.get(number));
        let unknown = || self.entry.detail["step"].as_str().unwrap_or_default().to_owned();
        step.map_or_else(unknown, |step| words(self.lang, step, self.names))
    }

    fn event(&mut self, event: Event) -> String {
        let (lang, names) = (self.lang, self.names);
        let n = |step: usize| (step + 1).to_string();
        match event {
            Event::Requested { request, plan, .. } => self.request(&request, Some(&plan)),
            Event::StepBegun { step } => say!(lang, audit.say.step_begun, n = n(step), step = self.step(step, operations::step)),
            Event::StepEnded { step, facts, trouble: cause } => {
                self.add(say!(lang, audit.saw), facts.iter().map(|seen| fact(lang, seen, names)).collect::<Vec<_>>());
                let text = self.step(step, operations::step);
                match cause {
                    None => say!(lang, audit.say.step_done, n = n(step), step = text),
                    Some(cause) => {
                        self.add(say!(lang, audit.because), [trouble(lang, &cause, names)]);
                        say!(lang, audit.say.step_failed, n = n(step), step = text)
                    }
                }
            }
            Event::UndoBegun { step } => say!(lang, audit.say.undo_begun, n = n(step), step = self.step(step, operations::undo)),
            Event::UndoEnded { step, facts, trouble: cause } => {
                self.add(say!(lang, audit.saw), facts.iter().map(|seen| fact(lang, seen, names)).collect::<Vec<_>>());
                let text = self.step(step, operations::undo);
                match cause {
                    None => say!(lang, audit.say.undo_done, n = n(step), step = text),
                    Some(cause) => {
                        self.add(say!(lang, audit.because), [trouble(lang, &cause, names)]);
                        say!(lang, audit.say.undo_failed, n = n(step), step = text)
                    }
                }
            }
            Event::GaveUp { why } => {
                self.add(say!(lang, audit.because), [operations::given_up(lang, &why, names)]);
                say!(lang, audit.say.gave_up)
            }
            Event::PauseWanted { .. } => say!(lang, audit.say.pause_wanted),
            Event::Paused { .. } => say!(lang, audit.say.paused),
            Event::Resumed { .. } => say!(lang, audit.say.resume_wanted),
            Event::CancelWanted { .. } => say!(lang, audit.say.cancel_wanted),
            Event::Asked { question } => {
                self.add(say!(lang, audit.because), [trouble(lang, &question.trouble, names)]);
                let options: Vec<String> = question.options.iter().map(|option| choice::title(lang, *option)).collect();
                self.add(say!(lang, audit.options), options);
                say!(lang, audit.say.asked, n = question.number.to_string(), step = n(question.step))
            }
            Event::Answered { number, choice: answer, reason, .. } => {
                self.add(say!(lang, audit.why), [reason]);
                say!(lang, audit.say.answered, n = number.to_string(), choice = choice::title(lang, answer))
            }
            Event::OutageSeen { outage } => {
                say!(lang, audit.say.outage, outage = operations::outage(lang, &outage, outage.last_write_at))
            }
            Event::Finished { outcome } => {
                if let Outcome::Undone { why, .. } = &outcome {
                    self.add(say!(lang, audit.because), [operations::given_up(lang, why, names)]);
                }
                let dry_run = self.operation.is_some_and(|operation| operation.request.dry_run);
                let loss = self.operation.and_then(|operation| operation.summary().loss).map_or(LossCode::Nothing, |loss| loss.word);
                say!(lang, audit.say.finished, stage = operations::stage(lang, outcome.as_code(), dry_run, loss))
            }
        }
    }

    /// Why something was refused: a sentence where there is one, else as it was written down.
    fn reason(&mut self) {
        let (lang, detail) = (self.lang, &self.entry.detail);
        let Some(code) = detail["reason"].as_str() else { return };
        let about_wish = matches!(self.entry.deed().known(), Some(Deed::OperationWish | Deed::OperationAnswer));
        let said = match (read::<Refusal>(&detail["refusal"]), code) {
            (Some(refusal), _) => refusal::request(lang, &RequestError::Refused { refusal }, self.names),
            (None, code) if *self.entry.deed() == Deed::RestoredConfirmed => match code {
                "no_reason" => say!(lang, operations.restored.problem.no_reason),
                "fences_active" => {
                    let site = detail["refusal"]["site"].as_str().unwrap_or_default().to_owned();
                    say!(lang, operations.restored.problem.fences_active, site = site)
                }
                "lifts_and_fences" => say!(lang, operations.restored.problem.lifts_and_fences),
                "fences_all" => say!(lang, operations.restored.problem.fences_all),
                "not_seen" => say!(lang, operations.restored.problem.not_seen),
                "lease_held" => say!(lang, operations.restored.problem.lease_held),
                "unknown_pool" => say!(lang, audit.reason.unknown_pool),
                "not_allowed" => say!(lang, audit.reason.not_allowed),
                "nothing_to_confirm" | "no_such_site" | "bad_form" => say!(lang, operations.restored.problem.other),
                other => other.to_owned(),
            },
            (None, "wrong_password") => say!(lang, audit.reason.wrong_password),
            (None, "unknown_login") => say!(lang, audit.reason.unknown_login),
            (None, "slow_down") if *self.entry.deed() == Deed::AnyRequest => say!(lang, audit.reason.too_many_refused),
            (None, "slow_down") => say!(lang, audit.reason.slow_down),
            (None, "closed") => say!(lang, audit.reason.closed),
            (None, "bad_login") => say!(lang, audit.reason.bad_login),
            (None, "wrong_pool" | "wrong_site") => say!(lang, audit.reason.wrong_name),
            (None, "too_short" | "guessable") => say!(lang, audit.reason.weak),
            (None, "unknown_pool") => say!(lang, audit.reason.unknown_pool),
            (None, "unreadable_operation") => say!(lang, audit.reason.unreadable_operation),
            (None, "unknown_operation") => say!(lang, audit.reason.unknown_operation),
            (None, "not_allowed") => say!(lang, audit.reason.not_allowed),
            (None, "lease_held") if !about_wish => refusal::request(lang, &RequestError::LeaseHeld, self.names),
            (None, "idempotency_key_reused") => refusal::request(lang, &RequestError::KeyReused, self.names),
            (None, "bad_form") if !about_wish => say!(lang, operations.refusal.bad_form),
            (None, code) if about_wish && is_wish_code(code) => refusal::wish_by_code(lang, code),
            (None, code) => code.to_owned(),
        };
        self.more.insert(0, (say!(lang, audit.because), vec![said]));
    }
}

/// It has a sentence of its own.
fn is_wish_code(code: &str) -> bool {
    let known = ["ended", "past_no_return", "not_paused", "no_such_question", "not_offered", "lease_held", "no_reason", "bad_form"];
    known.contains(&code)
}

#[cfg(test)]
mod tests;
