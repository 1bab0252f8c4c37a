//! Following an operation: its event stream, and a line for each thing that happens.

use super::{
    Client, End, Failure, Out, Outcome, operation, pools,
    words::{self, Sites, word},
};
use futures::StreamExt as _;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::time::Duration;
use switchback_domain::{
    Millis, Pair,
    operation::{Operation, OperationId, Outage, Outcome as Ending, Question, Stage, StepFailure, StepRun, StepState},
};
use switchback_words::{self as app_words, Locale};

/// A stream that broke off is opened again for so long, if nothing at all comes.
const PATIENCE: u32 = 20;

/// The longest event that is read, in bytes.
const EVENT_MAX: usize = 16 * 1024 * 1024;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Line<'a> {
    /// A step has begun or ended.
    Step {
        operation: OperationId,
        /// Counted from zero.
        step: usize,
        name: &'static str,
        undoing: bool,
        state: String,
        attempt: u32,
        /// Since the operation was asked for.
        elapsed_ms: Option<u64>,
        took_ms: Option<u64>,
        trouble: Option<&'a StepFailure>,
    },
    /// Clients cannot write, or could not.
    Outage { operation: OperationId, outage: &'a Outage, ended: bool },
    /// The operation as a whole stands elsewhere.
    Stage { operation: OperationId, stage: &'a Stage },
}

/// What is different, in the order in which it is told.
fn lines<'a>(before: Option<&Operation>, now: &'a Operation) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    let mut told = |step: usize, undoing: bool, before: Option<&StepRun>, run: &'a StepRun| {
        let same = before.is_some_and(|before| word(&before.state) == word(&run.state) && before.attempts == run.attempts);
        if same || (before.is_none() && run.state == StepState::Waiting) {
            return;
        }
        let at = run.ended_at.or(run.began_at);
        let trouble = match &run.state {
            StepState::Failed { trouble } => Some(trouble),
            _ => None,
        };
        lines.push(Line::Step {
            operation: now.id,
            step,
            name: now.plan.steps.get(step).map_or("", switchback_domain::operation::Step::as_code),
            undoing,
            state: word(&run.state),
            attempt: run.attempts,
            elapsed_ms: at.map(|at| Millis::between(now.requested_at, at).0),
            took_ms: run.began_at.zip(run.ended_at).map(|(from, to)| Millis::between(from, to).0),
            trouble,
        });
    };
    for (step, run) in now.steps.iter().enumerate() {
        told(step, false, before.and_then(|before| before.steps.get(step)), run);
    }
    for undo in &now.undo {
        let before = before.and_then(|before| before.undo.iter().find(|other| other.step == undo.step));
        told(undo.step, true, before.map(|before| &before.run), &undo.run);
    }
    if let Some(outage) = &now.outage {
        let before = before.and_then(|before| before.outage.as_ref());
        let ended = outage.first_write_at.is_some();
        if before.is_none_or(|before| before.first_write_at.is_some() != ended) {
            lines.push(Line::Outage { operation: now.id, outage, ended });
        }
    }
    if before.is_none_or(|before| before.stage != now.stage) {
        lines.push(Line::Stage { operation: now.id, stage: &now.stage });
    }
    lines
}

fn print(out: &Out, line: &Line, now: &Operation, sites: &Sites) {
    out.tell(line);
    match line {
        Line::Step { step, undoing, state, attempt, elapsed_ms, took_ms, trouble, .. } => {
            let title = now.plan.steps.get(*step).map(|step| words::step(step, sites)).unwrap_or_default();
            let number = format!("{:>2}/{}", step + 1, now.steps.len());
            let title = if *undoing { format!("take back: {title}") } else { title };
            let since = elapsed_ms.map_or_else(String::new, |ms| format!("+{}.{:03} s", ms / 1_000, ms % 1_000));
            let took = took_ms.filter(|_| state != "running").map(|ms| format!(" in {}", words::time(Millis(ms)))).unwrap_or_default();
            let again = if *attempt > 1 { format!(", attempt {attempt}") } else { String::new() };
            let why = trouble.map(|trouble| format!(": {}", words::trouble(trouble, sites))).unwrap_or_default();
            out.say(format_args!("{since:>11}  {number}  {title} - {state}{took}{again}{why}"));
        }
        Line::Outage { outage, ended: true, .. } => {
            let found = outage.found.map(|found| format!(" Of {} acknowledged rows {found} are there.", outage.acknowledged));
            let length = words::outage(outage, outage.last_write_at);
            out.say(format_args!("             Clients at the nodes could not write for {length}.{}", found.unwrap_or_default()));
            out.say(format_args!("             {}", app_words::operation::path(Locale::en)));
        }
        Line::Outage { outage, ended: false, .. } => {
            out.say(format_args!("             Clients at the nodes have not been able to write since {:.3}.", outage.last_write_at));
        }
        Line::Stage { .. } => {
            out.say(format_args!("{}: {}", now.id, words::pool_state(now, sites)));
            if now.is_finished() {
                out.say_some(now.left_unprotected().map(|side| words::unprotected(now.plan.pool.as_str(), side, sites)));
                out.say_some(words::still_needed(&now.still_needed()));
            }
        }
    }
}

/// How to go on, for people.
fn say_question(out: &Out, id: OperationId, question: &Question) {
    out.say(format_args!("Question {}. Answer it with one of:", question.number));
    for choice in &question.options {
        let answer = word(choice).replace('_', "-");
        out.say(format_args!("  switchback operation answer {id} {answer:<8} {}", words::choice(*choice)));
    }
}

/// How it ended, if it did, or needs somebody.
fn end(stage: &Stage) -> Option<End> {
    match stage {
        Stage::NeedsPerson { .. } => Some(End::NeedsPerson),
        Stage::Finished { outcome: Ending::Done, .. } => Some(End::Done),
        Stage::Finished { outcome: Ending::Undone { .. }, .. } => Some(End::Undone),
        Stage::Finished { outcome: Ending::Abandoned { .. } | Ending::ClosedUnread { .. }, .. } => Some(End::Failed),
        Stage::Running | Stage::Paused { .. } | Stage::Undoing { .. } => None,
    }
}

/// Follows an operation until it ends or needs a person.
pub(super) async fn follow(client: &Client, out: &Out, id: OperationId, sites: Option<Sites>) -> Outcome {
    tokio::select! {
        outcome = until_its_end(client, out, id, sites) => outcome,
        _ = tokio::signal::ctrl_c() => {
            eprintln!("switchback: {id} goes on without you. Follow it: switchback operation watch {id}. End it: switchback operation cancel {id}");
            Ok(End::Trouble)
        }
    }
}

async fn until_its_end(client: &Client, out: &Out, id: OperationId, mut sites: Option<Sites>) -> Outcome {
    let path = format!("/operations/{id}/events");
    let mut seen = Seen::default();
    let mut before: Option<Operation> = None;
    let mut tries = 0;
    loop {
        let why = match client.events(&path, seen.last_id.as_deref()).await {
            Ok(mut parts) => loop {
                match parts.next().await {
                    None => break "the stream ended".to_owned(),
                    Some(Err(why)) => break why,
                    Some(Ok(part)) => {
                        tries = 0;
                        for now in seen.take(&part).map_err(Failure::Trouble)? {
                            if sites.is_none() {
                                sites = Some(names(client, &now).await);
                            }
                            let letters = letters();
                            let sites = sites.as_ref().unwrap_or(&letters);
                            for line in lines(before.as_ref(), &now) {
                                print(out, &line, &now, sites);
                            }
                            if let Some(end) = end(&now.stage) {
                                if let Stage::NeedsPerson { question, .. } = &now.stage {
                                    operation::say_by_hand(client, out, id).await?;
                                    say_question(out, id, question);
                                }
                                return Ok(end);
                            }
                            before = Some(now);
                        }
                    }
                }
            },
            Err(Failure::Unreachable(why)) => why,
            Err(other) => return Err(other),
        };
        seen.broken();
        tries += 1;
        if tries > PATIENCE {
            return Err(Failure::Unreachable(format!("{why}; {id} goes on without you: switchback operation watch {id}")));
        }
        super::pause(Duration::from_millis(u64::from(tries) * 250)).await;
    }
}

/// The names of the sites of an operation's pool; letters, when they cannot be had.
async fn names(client: &Client, operation: &Operation) -> Sites {
    pools::picture(client, &operation.plan.pool).await.map_or_else(|_| letters(), |picture| pools::sites(&picture))
}

pub(super) fn letters() -> Sites {
    Pair { a: "site A".to_owned(), b: "site B".to_owned() }
}

/// What has come of a stream of events.
#[derive(Default)]
struct Seen {
    buffer: Vec<u8>,
    last_id: Option<String>,
    value: Option<Value>,
}

impl Seen {
    /// Takes a part of the stream in and returns the operation after each event that was complete with it.
    fn take(&mut self, part: &[u8]) -> Result<Vec<Operation>, String> {
        self.buffer.extend_from_slice(part);
        let mut after = Vec::new();
        while let Some(end) = self.buffer.windows(2).position(|two| two == b"\n\n") {
            let event: Vec<u8> = self.buffer.drain(..end + 2).collect();
            after.extend(self.event(&String::from_utf8_lossy(&event))?);
        }
        if self.buffer.len() > EVENT_MAX {
            return Err("the console sends an event without end".to_owned());
        }
        Ok(after)
    }

    /// What was cut off in its middle comes again.
    fn broken(&mut self) {
        self.buffer.clear();
    }

    fn event(&mut self, text: &str) -> Result<Option<Operation>, String> {
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        let bad = |error: &dyn std::fmt::Display| format!("the console's events cannot be read ({error})");
        let (Some(kind), Some(data)) = (field("event"), field("data")) else { return Ok(None) };
        let mut data: Value = serde_json::from_str(data).map_err(|error| bad(&error))?;
        match kind {
            "whole" => self.value = Some(data["value"].take()),
            "change" => {
                let patch: json_patch::Patch = serde_json::from_value(data["patch"].take()).map_err(|error| bad(&error))?;
                let Some(value) = &mut self.value else { return Err(bad(&"a change of nothing")) };
                json_patch::patch(value, &patch).map_err(|error| bad(&error))?;
            }
            _ => return Ok(None),
        }
        if let Some(id) = field("id") {
            self.last_id = Some(id.to_owned());
        }
        let value = self.value.clone().unwrap_or_default();
        serde_json::from_value(value).map(Some).map_err(|error| bad(&error))
    }
}

/// An operation on lines, as it stands.
pub(super) fn show(out: &Out, operation: &Operation, sites: &Sites) {
    for line in lines(None, operation) {
        print(out, &line, operation, sites);
    }
    if let Stage::NeedsPerson { question, .. } = &operation.stage {
        say_question(out, operation.id, question);
    }
}

/// How the command ends that showed this.
pub(super) fn end_of(operation: &Operation) -> End {
    end(&operation.stage).unwrap_or(End::Done)
}

/// A moment, to the second.
pub(super) fn moment(at: Timestamp) -> String {
    format!("{at:.0}")
}

#[cfg(test)]
mod tests;
