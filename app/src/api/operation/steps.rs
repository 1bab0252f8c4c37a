//! The steps of a plan or of an operation, in their phases.

use super::{PhaseView, StepView};
use switchback_domain::{
    Millis,
    operation::{Operation, Phase, Step, StepEvidence, StepRun, StepState},
};
use switchback_words::{self as words, Locale, Names, duration, figures, say};

/// Steps that follow each other and belong together.
fn phases<'a>(
    lang: Locale,
    steps: &'a [Step],
    gate: Option<&(usize, String)>,
    tell: impl Fn(usize, &'a Step) -> StepView,
) -> Vec<PhaseView> {
    let mut told: Vec<(Phase, PhaseView)> = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let phase = step.nature().phase;
        let gate = gate.filter(|(at, _)| *at == index).map(|(_, note)| note.clone());
        if gate.is_some() || told.last().is_none_or(|(last, _)| *last != phase) {
            let (title, note) = words::operation::phase(lang, phase);
            told.push((phase, PhaseView { title, note, gate, steps: Vec::new() }));
        }
        if let Some((_, last)) = told.last_mut() {
            last.steps.push(tell(index, step));
        }
    }
    told.into_iter().map(|(_, phase)| phase).collect()
}

/// The steps of a plan.
pub(super) fn planned(lang: Locale, steps: &[Step], no_return: Option<usize>, names: &Names) -> Vec<PhaseView> {
    let gate = no_return.map(|at| (at, say!(lang, operations.page.no_return_before)));
    phases(lang, steps, gate.as_ref(), |index, step| StepView {
        number: index + 1,
        text: words::operation::step(lang, step, names),
        state: "todo".to_owned(),
        word: say!(lang, operations.state.waiting),
        note: String::new(),
        running_since: None,
        took: figures::target(lang, step.nature().deadline),
        limit: String::new(),
        evidence: Vec::new(),
        earlier: Vec::new(),
        remedy: String::new(),
    })
}

/// The steps of an operation, and what is taken back.
pub(super) fn run(lang: Locale, operation: &Operation, names: &Names) -> Vec<PhaseView> {
    let plan = &operation.plan;
    let gate = plan.no_return().map(|at| {
        let passed = operation.steps[at].first_began_at().filter(|_| operation.is_past_no_return());
        let note = match passed {
            Some(time) => say!(lang, operations.page.no_return_passed, time = words::clock_time(lang, time)),
            None if operation.request.dry_run => say!(lang, operations.page.no_return_rehearsal),
            None => say!(lang, operations.page.no_return_before),
        };
        (at, note)
    });
    let mut told = phases(lang, &plan.steps, gate.as_ref(), |index, step| {
        let text = words::operation::step(lang, step, names);
        one(lang, index, text, step, &operation.steps[index], operation.request.dry_run, names)
    });
    if !operation.undo.is_empty() {
        let steps = operation.undo.iter().map(|undo| {
            let step = &plan.steps[undo.step];
            one(lang, undo.step, words::operation::undo(lang, step, names), step, &undo.run, false, names)
        });
        told.push(PhaseView {
            title: say!(lang, operations.phase.undo),
            note: say!(lang, operations.phase.undo_note),
            gate: None,
            steps: steps.collect(),
        });
    }
    told
}

/// How a step stands, as style sheets call it.
pub(super) fn state(run: &StepRun) -> &'static str {
    match &run.state {
        StepState::Waiting => "todo",
        StepState::Running => "run",
        StepState::Failed { .. } => "fail",
        StepState::Skipped { .. } if words::operation::gave_up_the_rest(run) => "done",
        StepState::Done => "done",
        StepState::Skipped { .. } => "skip",
    }
}

/// How long a step took.
pub(super) fn took(run: &StepRun) -> Option<Millis> {
    Some(Millis::between(run.began_at?, run.ended_at?))
}

fn one(lang: Locale, index: usize, text: String, step: &Step, run: &StepRun, dry_run: bool, names: &Names) -> StepView {
    let (state, word) = (state(run), words::operation::step_state(lang, run, step, dry_run));
    let limit = say!(lang, operations.state.limit, limit = figures::limit(lang, step.nature().deadline));
    let mut evidence: Vec<String> = run.facts.iter().map(|fact| words::operation::fact(lang, fact, names)).collect();
    let (mut note, mut remedy) = (String::new(), String::new());
    match &run.state {
        StepState::Failed { trouble } => {
            note = words::operation::trouble(lang, trouble, names);
            remedy = words::operation::failure::remedy(lang, trouble, names);
        }
        StepState::Skipped { .. } => note = words::operation::left_out(lang, run).unwrap_or_default(),
        StepState::Done | StepState::Running => {
            // Some facts are what the step is for; otherwise it is the last thing it saw.
            let main = run.facts.iter().position(|fact| {
                matches!(
                    fact,
                    StepEvidence::ShutdownReplayed { .. }
                        | StepEvidence::Promoted { .. }
                        | StepEvidence::ExpectedLoss { .. }
                        | StepEvidence::HistoriesAgree { .. }
                        | StepEvidence::Collided { .. }
                        | StepEvidence::Diverged { .. }
                        | StepEvidence::Saved { .. }
                )
            });
            note = main.and_then(|index| evidence.get(index)).or(evidence.last()).cloned().unwrap_or_default();
        }
        StepState::Waiting => {}
    }
    if let Some(began) = run.began_at {
        evidence.insert(0, say!(lang, operations.state.began, time = words::clock_time(lang, began)));
    }
    if run.attempts > 1 {
        evidence.push(say!(lang, operations.state.attempts, n = run.attempts.to_string()));
    }
    let running = run.state == StepState::Running;
    StepView {
        number: index + 1,
        text,
        state: state.to_owned(),
        word,
        note,
        running_since: run.began_at.filter(|_| running),
        took: match took(run) {
            _ if running => String::new(),
            Some(took) => duration(lang, took),
            None => limit.clone(),
        },
        limit: if running { limit } else { String::new() },
        evidence,
        earlier: earlier(lang, run, names),
        remedy,
    }
}

/// The attempts before the present one, and what each of them saw.
pub(super) fn earlier(lang: Locale, run: &StepRun, names: &Names) -> Vec<(String, Vec<String>)> {
    let saw = |fact| words::operation::fact(lang, fact, names);
    run.earlier.iter().map(|attempt| (words::operation::attempt(lang, attempt, names), attempt.facts.iter().map(saw).collect())).collect()
}
