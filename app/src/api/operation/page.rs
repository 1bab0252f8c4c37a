//! An operation, as far as it has come.

use super::{ByHandView, EvidenceView, Figure, MeterView, OperationView, RouteView, form, question, steps};
use crate::{
    api::{ApiError, door::signed_in},
    paths,
    ui::{Part, Tone},
};
use jiff::Timestamp;
use switchback_domain::{
    Millis, Side,
    operation::{
        FenceState, GivenUp, Instruction, Intent, LossCode, Operation, OperationId, Outcome, Report, Stage, StageCode, Step, StepState,
    },
};
use switchback_words::{self as words, Locale, Names, clock_time, duration, figures, readiness, say, sentences};

/// A number out of an address.
pub(super) fn parse_operation_id(text: &str) -> Result<OperationId, ApiError> {
    text.parse().map_err(|_| ApiError::NoSuchOperation { operation: text.to_owned() })
}

pub(super) async fn one_operation(id: &str, problem: &str, lang: &str) -> Result<OperationView, ApiError> {
    let (console, caller) = signed_in()?;
    let id = parse_operation_id(id)?;
    let operation = console.operation(&caller, id).await?;
    // Sites' names, targets and figures are where the report has them from.
    let report = console.report(&caller, id).await?;
    Ok(present(form::language(lang), &operation, &report, problem, console.now()))
}

/// The family of a stage.
pub(super) fn tone(stage: StageCode, dry_run: bool, loss: LossCode) -> Tone {
    match stage {
        StageCode::Paused | StageCode::Undoing => Tone::Warn,
        StageCode::Running => Tone::Run,
        StageCode::NeedsPerson | StageCode::Abandoned | StageCode::Unreadable | StageCode::ClosedUnread => Tone::Fail,
        StageCode::Done if !dry_run && loss != LossCode::Nothing => Tone::Warn,
        StageCode::Done => Tone::Ok,
        StageCode::Cancelled | StageCode::Stopped => Tone::Idle,
    }
}

fn present(lang: Locale, operation: &Operation, report: &Report, problem: &str, now: Timestamp) -> OperationView {
    let names = &report.sites;
    let told = Telling { lang, operation, report, names };
    let finished = operation.is_finished();
    let title = words::operation::title(lang, &operation.plan.intent, operation.request.dry_run, names);
    let (request, plan) = (&operation.request, &operation.plan);
    let lede = [plan.pool.to_string(), operation.id.to_string(), request.ticket.clone(), format!("“{}”", request.reason)];
    let lede = lede.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ");
    let lost = report.loss.word;
    let state = words::operation::stage(lang, operation.stage.as_code(), request.dry_run, lost);
    let question = match &operation.stage {
        Stage::NeedsPerson { question, .. } => Some(question),
        _ => None,
    };
    let (road, road_label) = told.road();
    OperationView {
        at: now,
        id: operation.id,
        pool: plan.pool.clone(),
        events: operation.events,
        outage: operation.outage,
        title,
        lede,
        route: told.route(),
        finished,
        tone: tone(operation.stage.as_code(), request.dry_run, lost),
        announcement: told.announcement(&state),
        alarming: question.is_some(),
        state,
        small: told.small(),
        say: told.say(),
        running_since: (!finished).then_some(operation.requested_at),
        figures: told.figures(),
        road,
        road_label,
        road_ends: told.road_ends(),
        phases: steps::run(lang, operation, names),
        question: question.map(|question| question::present(lang, operation, question, names)),
        by_hand: told.by_hand(),
        evidence: told.evidence(),
        meter: told.meter(),
        controls: question::controls(lang, operation),
        people: told.people(),
        plan: told.plan(),
        problem: (!problem.is_empty()).then(|| words::operation::refusal::wish_by_code(lang, problem)),
    }
}

struct Telling<'a> {
    lang: Locale,
    operation: &'a Operation,
    report: &'a Report,
    names: &'a Names,
}

impl Telling<'_> {
    fn step_text(&self, index: usize) -> String {
        words::operation::step(self.lang, &self.operation.plan.steps[index], self.names)
    }

    fn promoted(&self) -> bool {
        let steps = self.operation.plan.steps.iter().zip(&self.operation.steps);
        steps.into_iter().any(|(step, run)| matches!(step, Step::Promote { .. }) && run.state == StepState::Done)
            && !self.operation.request.dry_run
    }

    fn route(&self) -> Option<RouteView> {
        let (from, to) = self.operation.plan.moves()?;
        let promoted = self.promoted();
        let follows = self
            .operation
            .plan
            .steps
            .iter()
            .zip(&self.operation.steps)
            .any(|(step, run)| matches!(step, Step::Reprotect { side } if *side == from) && run.state == StepState::Done);
        let fenced = !self.operation.request.dry_run && self.operation.plan.steps.iter().any(|step| matches!(step, Step::Fence { .. }));
        let unconfirmed = self.report.fences.iter().any(|fence| fence.side == from && fence.state() != FenceState::Confirmed);
        let part = |side: Side| match (side == to, promoted) {
            (false, true) if unconfirmed => Part::Lost,
            (false, true) if !follows => Part::Fenced,
            (true, false) | (false, true) => Part::Standby,
            (false, false) if fenced => Part::Lost,
            (true, true) | (false, false) => Part::Active,
        };
        // Data flows from the active site; until the change, towards the other one.
        let (source, target) = if promoted { (to, from) } else { (from, to) };
        Some(RouteView {
            a: part(Side::A),
            b: part(Side::B),
            to_b: target == Side::B,
            broken: promoted && !follows || fenced && !promoted,
            label: say!(self.lang, operations.page.route, from = self.names[source].to_string(), to = self.names[target].to_string()),
        })
    }

    fn small(&self) -> String {
        let (lang, operation) = (self.lang, self.operation);
        let begun = clock_time(lang, operation.requested_at);
        let steps = operation.steps.len().to_string();
        match &operation.stage {
            Stage::Finished { at, .. } => {
                let done = operation.steps.iter().filter(|run| run.state == StepState::Done).count();
                say!(lang, operations.say.at, time = figures::date_time(lang, *at), done = done.to_string(), steps = steps)
            }
            Stage::Paused { since, .. } | Stage::NeedsPerson { since, .. } => {
                say!(lang, operations.say.since, time = clock_time(lang, *since))
            }
            Stage::Running => match operation.current_step() {
                Some(step) => say!(lang, operations.say.step_of, n = (step + 1).to_string(), steps = steps, time = begun),
                None => say!(lang, operations.say.begun, time = begun),
            },
            Stage::Undoing { .. } => say!(lang, operations.say.begun, time = begun),
        }
    }

    fn say(&self) -> String {
        let (lang, operation) = (self.lang, self.operation);
        let mut said = Vec::new();
        match &operation.stage {
            Stage::Running => {
                said.push(match operation.current_step() {
                    Some(step) => say!(lang, operations.say.running, step = self.step_text(step)),
                    None => say!(lang, operations.say.running_last),
                });
                self.pool_state(&mut said);
                if let Some(by) = &operation.pause_wanted_by {
                    said.push(say!(lang, operations.say.pausing, by = by.to_string()));
                }
                if let Some(by) = &operation.cancel_wanted_by {
                    said.push(say!(lang, operations.say.cancelling, by = by.to_string()));
                }
            }
            Stage::Paused { by, .. } => {
                let next = operation.current_step().map(|step| self.step_text(step)).unwrap_or_default();
                said.push(say!(lang, operations.say.paused, by = by.to_string(), step = next));
                self.pool_state(&mut said);
            }
            Stage::Undoing { why } => {
                said.push(say!(lang, operations.say.undoing));
                said.push(self.why(why));
            }
            Stage::NeedsPerson { question, .. } => {
                // An asterisk in an engine's words would be taken for a mark.
                let trouble = words::operation::failure::brief(lang, &question.trouble, self.names).replace('*', "∗");
                said.push(say!(lang, operations.say.needs_person, trouble = trouble));
                self.pool_state(&mut said);
            }
            Stage::Finished { outcome, .. } => self.ended(outcome, &mut said),
        }
        sentences(lang, &said)
    }

    fn why(&self, why: &GivenUp) -> String {
        words::operation::given_up(self.lang, why, self.names).replace('*', "∗")
    }

    /// What clients feel, and whether there is a way back.
    fn pool_state(&self, said: &mut Vec<String>) {
        if let Some(outage) = self.operation.outage {
            said.push(match outage.first_write_at {
                None => say!(self.lang, operations.say.outage, time = clock_time(self.lang, outage.last_write_at)),
                Some(again) => say!(self.lang, operations.say.outage_over, time = clock_time(self.lang, again)),
            });
        }
        if self.operation.is_past_no_return() {
            said.push(say!(self.lang, operations.say.past));
        }
    }

    fn ended(&self, outcome: &Outcome, said: &mut Vec<String>) {
        let (lang, plan) = (self.lang, &self.operation.plan);
        match outcome {
            Outcome::Done if self.operation.request.dry_run => {
                said.push(say!(lang, operations.say.done_rehearsed));
                said.extend(words::operation::refusal::still_needed(lang, &self.report.still_needed, self.names));
            }
            Outcome::Done => {
                said.push(match (&plan.intent, plan.moves()) {
                    (Intent::Resolve { keep }, _) => say!(
                        lang,
                        operations.say.done_resolved,
                        keep = self.names[*keep].to_string(),
                        other = self.names[keep.other()].to_string()
                    ),
                    (_, Some((_, to))) => {
                        say!(lang, operations.say.done_moved, site = self.names[to].to_string(), pool = plan.pool.to_string())
                    }
                    (_, None) if self.left_out().next().is_none() => say!(lang, operations.say.done_plain),
                    (_, None) => say!(lang, operations.say.done_but),
                });
                said.extend(self.left_out());
                said.extend(self.loss_sentence());
            }
            Outcome::Undone { why, stays } => {
                said.push(undone(lang, stays, self.report));
                said.push(self.why(why));
                said.extend(self.report.differences.iter().map(|difference| words::operation::difference(lang, difference, self.names)));
                let stayed = |step: &usize| Some((*step, self.operation.steps.get(*step)?, plan.steps.get(*step)?));
                let told = |(number, run, step)| words::operation::stays(lang, number, run, step, self.names);
                said.extend(stays.iter().filter_map(stayed).map(told));
            }
            Outcome::Abandoned { by } => {
                said.push(say!(lang, operations.say.abandoned, by = by.to_string()));
                said.extend(self.loss_sentence());
            }
            Outcome::ClosedUnread { by } => said.push(say!(lang, operations.say.closed_unread, by = by.to_string())),
        }
        if let Some(side) = self.report.left_unprotected {
            said.push(words::operation::unprotected(
                lang,
                plan.pool.as_str(),
                self.names[side].as_str(),
                self.names[side.other()].as_str(),
            ));
        }
        if let Some(outage) = self.outage_told() {
            said.push(if self.writes_were_stopped() {
                say!(lang, operations.say.outage_was, outage = outage)
            } else {
                say!(lang, operations.say.pause_was, outage = outage)
            });
        }
    }

    /// It has begun to keep clients from writing, or found that they could not.
    fn writes_were_stopped(&self) -> bool {
        let runs = self.operation.plan.steps.iter().zip(&self.operation.steps);
        let mut demotions = runs.filter(|(step, _)| matches!(step, Step::Demote { .. })).peekable();
        demotions.peek().is_none() || demotions.any(|(_, run)| run.attempts > 0)
    }

    /// What somebody has decided to go on without.
    fn left_out(&self) -> impl Iterator<Item = String> {
        let runs = self.operation.steps.iter().enumerate();
        runs.filter_map(|(index, run)| match &run.state {
            StepState::Skipped { by, .. } => {
                let (n, by) = ((index + 1).to_string(), by.to_string());
                Some(if words::operation::gave_up_the_rest(run) {
                    say!(self.lang, operations.say.step_given_up, n = n, by = by)
                } else {
                    say!(self.lang, operations.say.step_left_out, n = n, by = by)
                })
            }
            _ => None,
        })
    }

    fn loss_sentence(&self) -> Option<String> {
        let (lang, loss) = (self.lang, &self.report.loss);
        if let Some(rows) = loss.rows_missing.filter(|rows| *rows > 0) {
            return Some(say!(lang, operations.say.loss_rows, n = words::count(rows)));
        }
        if loss.proved_none {
            return Some(say!(lang, operations.say.loss_none));
        }
        let site = self.operation.plan.intent.gives_up().map(|side| self.names[side].to_string()).unwrap_or_default();
        if let Some(found) = &loss.found {
            let said = match (&found.writes, found.rows) {
                _ if found.is_nothing() => say!(lang, operations.say.loss_found_none, site = site),
                (Some(_), _) => say!(lang, operations.say.loss_found_writes, figure = words::operation::found(lang, found), site = site),
                (None, Some(rows)) => {
                    say!(lang, operations.say.loss_found_rows, n = words::count(rows), bytes = words::bytes(found.bytes), site = site)
                }
                (None, None) => say!(lang, operations.say.loss_found, bytes = words::bytes(found.bytes), site = site),
            };
            let given_up = found.given_up.as_ref().map(|given| say!(lang, operations.say.loss_given_up, by = given.by.to_string()));
            let saved = words::operation::lost::saved(lang, found);
            return Some(sentences(lang, &[Some(said), saved, given_up].into_iter().flatten().collect::<Vec<_>>()));
        }
        let expected = match (loss.expected.map(|loss| duration(lang, loss)), loss.expected_bytes.map(words::bytes)) {
            (Some(loss), Some(bytes)) => Some(say!(lang, operations.say.loss_expected_both, loss = loss, bytes = bytes)),
            (Some(loss), None) | (None, Some(loss)) => Some(say!(lang, operations.say.loss_expected_one, loss = loss)),
            (None, None) => None,
        };
        let open = self.operation.may_have_lost().then(|| match self.operation.plan.intent {
            Intent::Resolve { .. } => say!(lang, operations.say.set_aside, site = site),
            _ => say!(lang, operations.say.loss_open, site = site),
        });
        let said: Vec<String> = [expected, open].into_iter().flatten().collect();
        (!said.is_empty()).then(|| sentences(lang, &said))
    }

    /// How long clients could not write, once that or the operation is over.
    fn outage_told(&self) -> Option<String> {
        let outage = self.report.outage?;
        Some(words::operation::outage(self.lang, &outage, self.report.ended_at.unwrap_or(outage.last_write_at)))
    }

    fn kept(&self, kept: Option<bool>, target: String) -> (String, Tone) {
        match kept {
            Some(true) => (say!(self.lang, operations.num.target_met, target = target), Tone::Ok),
            Some(false) => (say!(self.lang, operations.num.target_missed, target = target), Tone::Fail),
            None => (say!(self.lang, operations.num.target, target = target), Tone::Idle),
        }
    }

    fn figures(&self) -> Vec<Figure> {
        let (lang, operation, report) = (self.lang, self.operation, self.report);
        let mut told = Vec::new();
        if operation.is_finished() {
            if operation.plan.moves().is_some() && !operation.request.dry_run {
                let target = figures::target(lang, report.targets.recovery_time);
                let (note, tone) = self.kept(report.targets.recovery_time_kept, target);
                let value = self.outage_told().unwrap_or_else(|| say!(lang, operations.num.not_measured));
                told.push(Figure { name: say!(lang, operations.num.outage), value, note, tone });
            }
            if report.outage_before.is_some() {
                let (name, note) = (say!(lang, operations.report.decision), words::operation::decision_note(lang, report));
                told.push(Figure { name, value: duration(lang, report.decision), note, tone: Tone::Idle });
            }
            if self.may_lose() {
                told.push(self.loss_figure());
            }
            if let Some(execution) = report.execution {
                let note = say!(lang, operations.report.execution_note);
                told.push(Figure {
                    name: say!(lang, operations.report.execution),
                    value: duration(lang, execution),
                    note,
                    tone: Tone::Idle,
                });
            }
            return told;
        }
        if self.may_lose() {
            told.push(self.loss_figure());
        }
        let at = operation.current_step().map_or(operation.steps.len(), |step| step + 1);
        let note = match (operation.is_past_no_return(), operation.plan.no_return()) {
            (true, _) => say!(lang, operations.num.past),
            (false, Some(_)) => say!(lang, operations.num.before),
            (false, None) => say!(lang, operations.num.no_gate),
        };
        let value = say!(lang, operations.num.step_value, n = at.to_string(), steps = operation.steps.len().to_string());
        told.push(Figure { name: say!(lang, operations.num.step), value, note, tone: Tone::Idle });
        told
    }

    /// Rows may be lost by it, or it proves that none are.
    fn may_lose(&self) -> bool {
        let plan = &self.operation.plan;
        !self.operation.request.dry_run && (plan.moves().is_some() || plan.intent.gives_up().is_some())
    }

    fn loss_figure(&self) -> Figure {
        let (lang, loss) = (self.lang, &self.report.loss);
        let name = say!(lang, operations.num.loss);
        let prove = self.operation.plan.steps.iter().position(|step| matches!(step, Step::Prove { .. })).map(|step| (step + 1).to_string());
        if let Some(rows) = loss.rows_missing.filter(|rows| *rows > 0) {
            return Figure { name, value: words::count(rows), note: say!(lang, operations.num.loss_rows), tone: Tone::Fail };
        }
        if loss.proved_none {
            let note = say!(lang, operations.num.loss_proved, n = prove.unwrap_or_default());
            return Figure { name, value: say!(lang, operations.num.loss_zero), note, tone: Tone::Ok };
        }
        if self.operation.given_up.is_some() {
            let note = say!(lang, operations.num.loss_undone);
            return Figure { name, value: say!(lang, operations.num.loss_zero), note, tone: Tone::Idle };
        }
        if let Some(found) = &loss.found {
            let (note, tone) =
                self.kept(self.report.targets.recovery_point_kept, figures::target(lang, self.report.targets.recovery_point));
            return Figure { name, value: words::operation::found(lang, found), note, tone };
        }
        if let Some(figure) = loss.expected.map(|loss| duration(lang, loss)).or_else(|| loss.expected_bytes.map(words::bytes)) {
            let note = if self.operation.is_finished() {
                say!(lang, operations.num.loss_not_found)
            } else {
                say!(lang, operations.num.loss_estimate)
            };
            return Figure { name, value: say!(lang, operations.num.about, figure = figure), note, tone: Tone::Warn };
        }
        let note = match prove {
            Some(step) if !self.operation.is_finished() => say!(lang, operations.num.loss_to_prove, n = step),
            _ => String::new(),
        };
        Figure { name, value: say!(lang, operations.num.loss_not_yet), note, tone: Tone::Idle }
    }

    fn road(&self) -> (Vec<(String, u8, bool)>, String) {
        let (lang, operation) = (self.lang, self.operation);
        let gate = operation.plan.no_return();
        let width = |time: Millis| match time.0 {
            0..=5_000 => 1,
            5_001..=20_000 => 2,
            20_001..=60_000 => 3,
            _ => 4,
        };
        let runs = operation.plan.steps.iter().zip(&operation.steps).enumerate();
        let road = runs.map(|(index, (step, run))| (steps::state(run).to_owned(), width(step.nature().deadline), gate == Some(index)));
        let before = self.report.outage_before.map(|before| ("out".to_owned(), width(before), false));
        let road = before.into_iter().chain(road).collect();
        let steps = operation.steps.len().to_string();
        let done = operation.steps.iter().filter(|run| run.is_behind()).count();
        let mut label = vec![match (&operation.stage, operation.current_step()) {
            (Stage::Running, Some(step)) => say!(lang, operations.page.road_running, n = (step + 1).to_string(), steps = steps),
            _ => say!(lang, operations.page.road_stands, n = done.to_string(), steps = steps),
        }];
        label.extend(words::operation::outage_before(lang, self.report));
        if let Some(gate) = gate {
            label.push(if operation.is_past_no_return() {
                say!(lang, operations.page.road_past)
            } else {
                say!(lang, operations.page.road_before, n = gate.to_string())
            });
        }
        (road, sentences(lang, &label))
    }

    fn road_ends(&self) -> [String; 3] {
        let (lang, operation) = (self.lang, self.operation);
        let gate = operation.plan.no_return().map(|_| say!(lang, operations.page.no_return)).unwrap_or_default();
        let end = match &operation.stage {
            Stage::Finished { at, .. } => say!(lang, operations.page.ended, time = clock_time(lang, *at)),
            _ => say!(lang, operations.page.open),
        };
        let requested = clock_time(lang, operation.requested_at);
        let begin = match self.report.outage_before {
            Some(before) => say!(lang, operations.page.started_out, before = duration(lang, before), time = requested),
            None => say!(lang, operations.page.started, time = requested),
        };
        [begin, gate, end]
    }

    fn by_hand(&self) -> Vec<ByHandView> {
        let tell = |instruction: &Instruction| ByHandView {
            text: words::operation::by_hand::instruction(self.lang, instruction),
            command: instruction.command.clone(),
        };
        self.report.instructions.iter().map(tell).collect()
    }

    fn evidence(&self) -> Vec<EvidenceView> {
        let tell = |name: &String| EvidenceView { name: name.clone(), address: paths::evidence(self.operation.id, name) };
        self.report.evidence.iter().map(tell).collect()
    }

    fn meter(&self) -> Option<MeterView> {
        let (lang, operation) = (self.lang, self.operation);
        if operation.plan.moves().is_none() || operation.request.dry_run || (operation.is_finished() && operation.outage.is_none()) {
            return None;
        }
        let outage = operation.outage;
        let ended = self.outage_told().map(|figure| {
            let (tone, word) = match self.report.targets.recovery_time_kept {
                Some(true) => (Tone::Ok, say!(lang, operations.meter.met)),
                Some(false) => (Tone::Fail, say!(lang, operations.meter.missed)),
                None => (Tone::Idle, say!(lang, operations.meter.not_known)),
            };
            (figure, tone, word)
        });
        let mut notes = vec![match outage.map(|outage| (outage.last_write_at, outage.first_write_at)) {
            None => say!(lang, operations.meter.waiting),
            Some((from, None)) => say!(lang, operations.meter.from, time = clock_time(lang, from)),
            Some((from, Some(until))) => {
                say!(lang, operations.meter.from_to, from = clock_time(lang, from), to = clock_time(lang, until))
            }
        }];
        notes.extend(words::operation::outage_before(lang, self.report));
        if let Some(outage) = outage.filter(|outage| outage.first_write_at.is_some() && outage.uncertain > Millis(0)) {
            notes.push(say!(lang, operations.meter.uncertain, uncertain = duration(lang, outage.uncertain)));
        }
        if let Some((acknowledged, found)) = outage.and_then(|outage| Some((outage.acknowledged, outage.found?))) {
            notes.push(say!(lang, operations.meter.rows, found = words::count(found), n = words::count(acknowledged)));
        }
        notes.push(say!(lang, operations.meter.how));
        notes.push(words::operation::path(lang));
        let target = self.report.targets.recovery_time;
        Some(MeterView {
            from: outage.map(|outage| outage.last_write_at),
            until: outage.and_then(|outage| outage.first_write_at.or(self.report.ended_at)),
            ended,
            target_ms: target.0,
            target: figures::target(lang, target),
            title: if operation.is_finished() { say!(lang, operations.meter.title_was) } else { say!(lang, operations.meter.title) },
            words: [say!(lang, operations.meter.counting), say!(lang, operations.meter.over)],
            notes,
        })
    }

    fn people(&self) -> Vec<(String, String, String)> {
        let (lang, operation) = (self.lang, self.operation);
        let mut told = Vec::new();
        let mut tell = |name: &switchback_domain::Login, text: String| told.push((initials(name.as_str()), name.to_string(), text));
        tell(&operation.requested_by, say!(lang, operations.page.asked_at, time = clock_time(lang, operation.requested_at)));
        for asked in &operation.questions {
            let Some(answer) = &asked.answer else { continue };
            let (choice, time) = (words::operation::choice::title(lang, answer.choice), clock_time(lang, answer.at));
            let text = if answer.reason.is_empty() {
                say!(lang, operations.page.answered_at, choice = choice, time = time)
            } else {
                say!(lang, operations.page.answered_why, choice = choice, time = time, reason = answer.reason.clone())
            };
            tell(&answer.by, text);
        }
        if let Some((by, how)) = &operation.attested {
            tell(by, say!(lang, operations.page.attested, how = how.clone()));
        }
        told
    }

    fn plan(&self) -> Vec<(String, String, bool)> {
        let (lang, operation) = (self.lang, self.operation);
        let request = &operation.request;
        let mut told = vec![(say!(lang, operations.page.reason), request.reason.clone(), false)];
        let ticket = if request.ticket.is_empty() { say!(lang, operations.page.no_ticket) } else { request.ticket.clone() };
        told.push((say!(lang, operations.page.ticket), ticket, false));
        if !request.acknowledged.is_empty() {
            let titles = request.acknowledged.iter().map(|check| readiness::title(lang, *check));
            told.push((say!(lang, operations.page.taken_on), words::lines(titles), false));
        }
        for fence in &self.report.fences {
            told.push((say!(lang, operations.fence.title), words::operation::fence(lang, fence, self.names), false));
        }
        told.push((say!(lang, operations.page.planned_at), figures::date_time(lang, request.planned_at), false));
        told.push((say!(lang, operations.page.epoch), operation.plan.epoch.to_string(), false));
        told.push((say!(lang, operations.page.hash), request.plan.clone(), true));
        told
    }

    fn announcement(&self, state: &str) -> String {
        let (lang, operation) = (self.lang, self.operation);
        let id = operation.id.to_string();
        match (&operation.stage, operation.current_step()) {
            (Stage::NeedsPerson { question, .. }, _) => {
                let trouble = words::operation::trouble(lang, &question.trouble, self.names);
                say!(lang, operations.page.needs_person, operation = id, trouble = trouble)
            }
            (Stage::Running, Some(step)) => {
                let (n, steps) = ((step + 1).to_string(), operation.steps.len().to_string());
                say!(lang, operations.page.announce_step, operation = id, n = n, steps = steps, step = self.step_text(step))
            }
            _ => say!(lang, operations.page.announce, operation = id, state = state.to_owned()),
        }
    }
}

/// In what state a pool is left by an operation that was taken back: only when nothing differs and nobody had to wait is it as before.
pub(super) fn undone(lang: Locale, stays: &[usize], report: &Report) -> String {
    if !stays.is_empty() || !report.differences.is_empty() {
        say!(lang, operations.say.undone_but)
    } else if report.outage.is_some() {
        say!(lang, operations.say.undone_after)
    } else {
        say!(lang, operations.say.undone)
    }
}

/// The first letters of the parts of a sign-in name.
fn initials(login: &str) -> String {
    let parts = login.split(['.', '-', '_']).filter_map(|part| part.chars().next());
    parts.take(2).flat_map(char::to_uppercase).collect()
}
