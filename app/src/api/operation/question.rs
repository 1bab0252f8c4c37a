//! What an operation asks, and what may be wanted of it.

use super::{ControlView, OptionView, QuestionView, form::code};
use crate::ui::Tone;
use switchback_domain::operation::{Choice, NotSaved, Operation, Question, Stage, Step, StepFailure};
use switchback_words::{self as words, Locale, Names, say};

/// The question.
pub(super) fn present(lang: Locale, operation: &Operation, question: &Question, names: &Names) -> QuestionView {
    let step = &operation.plan.steps[question.step];
    let number = question.step + 1;
    let title = if question.undoing {
        say!(lang, operations.question.undo, n = number.to_string())
    } else {
        say!(lang, operations.question.step, n = number.to_string(), steps = operation.steps.len().to_string())
    };
    let mut text = vec![words::operation::failure::brief(lang, &question.trouble, names)];
    if let StepFailure::NotSaved { what, .. } = &question.trouble {
        text.extend(what.iter().map(|one| words::operation::lost::not_saved(lang, one)));
    }
    text.push(words::operation::failure::remedy(lang, &question.trouble, names));
    if operation.plan.no_return().is_some() {
        text.push(if operation.is_past_no_return() {
            say!(lang, operations.question.past)
        } else {
            say!(lang, operations.question.before)
        });
    }
    let outage = operation.outage.is_some_and(|outage| outage.first_write_at.is_none());
    let when = words::operation::choice::When { outage, undoing: question.undoing, unknown: is_unknown(&question.trouble) };
    let active = operation.plan.moves().map(|(from, _)| from);
    let option = |choice: &Choice| {
        let choice = *choice;
        let lines = words::operation::choice::consequences(lang, choice, step, active, when, names);
        let last = lines.len().saturating_sub(1);
        let tone = move |index: usize| match choice {
            Choice::Retry | Choice::Undo if index == 0 => Tone::Ok,
            Choice::Attest | Choice::Confirm | Choice::GiveUp if index == last => Tone::Fail,
            Choice::Undo if matches!(step, Step::Save { .. }) => Tone::Ok,
            _ => Tone::Warn,
        };
        OptionView {
            choice,
            code: code(&choice),
            title: words::operation::choice::title(lang, choice),
            lines: lines.into_iter().enumerate().map(|(index, line)| (tone(index), line)).collect(),
            reason: choice.needs_reason().then(|| match choice {
                Choice::Attest => say!(lang, operations.choice.how),
                Choice::Confirm => say!(lang, operations.choice.what),
                _ => say!(lang, operations.choice.reason),
            }),
            type_site: operation.gives_up_by(choice).map(|side| say!(lang, operations.choice.type_site, site = names[side].to_string())),
            button: words::operation::choice::button(lang, choice, number, operation.id),
        }
    };
    QuestionView { number: question.number, title, text, options: question.options.iter().map(option).collect() }
}

/// How much could not be saved is not known: nobody could look, or not everywhere.
fn is_unknown(trouble: &StepFailure) -> bool {
    match trouble {
        StepFailure::NotSaved { what, .. } => what.iter().any(|one| {
            matches!(
                one,
                NotSaved::Silent { .. }
                    | NotSaved::Log { .. }
                    | NotSaved::Before { .. }
                    | NotSaved::Limit { .. }
                    | NotSaved::Unknown { .. }
            )
        }),
        _ => true,
    }
}

/// What may be wanted of it: nothing once it has ended.
pub(super) fn controls(lang: Locale, operation: &Operation) -> Vec<ControlView> {
    let control = |wish: &str, text: String, blocked: bool, why: String| ControlView { wish: wish.to_owned(), text, blocked, why };
    let pause = match &operation.stage {
        Stage::Finished { .. } => return Vec::new(),
        Stage::Paused { .. } => control("resume", say!(lang, operations.page.resume), false, String::new()),
        Stage::Undoing { .. } => control("pause", say!(lang, operations.page.pause), true, say!(lang, operations.page.pause_blocked_undo)),
        Stage::NeedsPerson { .. } => {
            control("pause", say!(lang, operations.page.pause), true, say!(lang, operations.page.pause_blocked_question))
        }
        Stage::Running if operation.pause_wanted_by.is_some() => {
            control("resume", say!(lang, operations.page.resume_take_back), false, String::new())
        }
        Stage::Running => control("pause", say!(lang, operations.page.pause), false, say!(lang, operations.page.pause_outage)),
    };
    let passed = operation.plan.no_return().and_then(|at| operation.steps[at].first_began_at()).filter(|_| operation.is_past_no_return());
    let cancel = |blocked: bool, why: String| control("cancel", say!(lang, operations.page.cancel), blocked, why);
    let cancel = match (&operation.stage, passed) {
        (_, Some(time)) => cancel(true, say!(lang, operations.page.cancel_blocked, time = words::clock_time(lang, time))),
        (Stage::Undoing { .. }, _) => cancel(true, say!(lang, operations.page.cancel_wanted)),
        (Stage::NeedsPerson { question, .. }, _) if question.undoing => cancel(true, say!(lang, operations.page.cancel_asks)),
        _ if operation.cancel_wanted_by.is_some() => cancel(true, say!(lang, operations.page.cancel_wanted)),
        _ => cancel(false, say!(lang, operations.page.cancel_hint)),
    };
    vec![pause, cancel]
}
