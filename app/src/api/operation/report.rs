//! The report of an operation, told for people who were not there. It is laid out by a template of the server.

use super::steps;
use crate::{paths, ui::time_of_day};
use jiff::{SignedDuration, Timestamp};
use switchback_domain::{
    Millis, Side,
    operation::{Beyond, FoundLoss, Intent, LossCode, LostWrites, Outage, Outcome, Report, StepReport, StepState},
};
use switchback_words::{self as words, Locale, Names, duration, figures, operation::choice, readiness, say};

/// Everything that the printed page says.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportView {
    /// The language's tag.
    pub lang: &'static str,
    /// The heading.
    pub title: String,
    /// What was done.
    pub subtitle: String,
    /// Pool and its purpose.
    pub pool: String,
    /// Back to the operation: address and words.
    pub back: (String, String),
    /// The same as JSON: address and words.
    pub json: (String, String),
    /// How to print.
    pub print: String,
    /// The day: label and value.
    pub date: (String, String),
    /// The result in a word, and whether it is good, bad or open.
    pub result: (&'static str, String),
    /// The figures: name, value, note.
    pub figures: Vec<(String, String, String)>,
    /// The table of steps: heading, heads of its columns.
    pub run: (String, [String; 4]),
    /// The time without writes before the first step, if there was any.
    pub before: Option<BeforeTold>,
    /// Its rows.
    pub rows: Vec<RowView>,
    /// What the bars mean: clients without writes, clients served.
    pub key: Option<(String, String)>,
    /// What was taken back.
    pub undone: Option<(String, Vec<RowView>)>,
    /// Everything else: heading and pairs of name and value. Values that are hashes are set in one width.
    pub parts: Vec<Part>,
    /// What was saved: heading, and for each its address and its name.
    pub evidence: Option<(String, Vec<(String, String)>)>,
    /// Who signs.
    pub signs: [String; 3],
}

/// A heading with its pairs of name and value, and whether the value is set in one width.
pub type Part = (String, Vec<(String, String, bool)>);

/// A step in the table.
#[derive(Debug, Clone, PartialEq)]
pub struct RowView {
    /// The point of no return stands before it.
    pub gate: Option<String>,
    /// Counted from one.
    pub number: usize,
    /// What it did.
    pub text: String,
    /// How it ended, unless it is done.
    pub state: Option<String>,
    /// When it began.
    pub start: String,
    /// How long it took.
    pub took: String,
    /// What it saw, and why it failed.
    pub evidence: Vec<String>,
    /// What became of the attempts before, and what each of them saw.
    pub earlier: Vec<(String, Vec<String>)>,
    /// Where its bar begins and how wide it is, in thousandths; nothing when it was not begun.
    pub bar: Option<(u64, u64)>,
    /// Clients could not write during it.
    pub outage: bool,
}

/// The time that clients were without writes before anybody asked for the operation.
#[derive(Debug, Clone, PartialEq)]
pub struct BeforeTold {
    /// What it is.
    pub text: String,
    /// Since when.
    pub start: String,
    /// How long.
    pub took: String,
    /// How wide its bar is, in thousandths; it begins at the left.
    pub width: u64,
}

/// A report in a reader's language.
pub fn present(tag: &str, report: &Report) -> ReportView {
    let lang = super::form::language(tag);
    let names = &report.sites;
    let told = Telling { lang, report, names };
    let title = words::operation::title(lang, &report.intent, report.dry_run, names);
    let rows = told.rows(&report.steps, false);
    let moved = report.intent.moves_the_active_site() && !report.dry_run;
    ReportView {
        lang: words::tag(lang),
        title: say!(lang, operations.report.title, operation = report.id.to_string()),
        subtitle: title,
        pool: if report.pool.1.is_empty() { report.pool.0.to_string() } else { format!("{} · {}", report.pool.0, report.pool.1) },
        back: (paths::operation(report.id), say!(lang, operations.report.back, operation = report.id.to_string())),
        json: (format!("{}.json", paths::report(report.id)), say!(lang, operations.report.json)),
        print: say!(lang, operations.report.print),
        date: (say!(lang, operations.report.date), figures::date(lang, report.requested_at)),
        result: told.result(),
        figures: told.figures(moved),
        run: (
            say!(lang, operations.report.run),
            [
                say!(lang, operations.report.number),
                say!(lang, operations.report.step),
                say!(lang, operations.report.start),
                say!(lang, operations.report.took),
            ],
        ),
        key: (report.outage_before.is_some() || rows.iter().any(|row| row.outage))
            .then(|| (say!(lang, operations.report.key_out), say!(lang, operations.report.key_in))),
        before: told.before(),
        rows,
        undone: (!report.undone.is_empty()).then(|| (say!(lang, operations.report.undone), told.rows(&report.undone, true))),
        parts: told.parts(moved),
        evidence: (!report.evidence.is_empty()).then(|| {
            let one = |name: &String| (paths::evidence(report.id, name), name.clone());
            (say!(lang, operations.by_hand.evidence), report.evidence.iter().map(one).collect())
        }),
        signs: [
            say!(lang, operations.report.sign_operator),
            say!(lang, operations.report.sign_manager),
            say!(lang, operations.report.sign_auditor),
        ],
    }
}

struct Telling<'a> {
    lang: Locale,
    report: &'a Report,
    names: &'a Names,
}

impl Telling<'_> {
    fn result(&self) -> (&'static str, String) {
        let (lang, report) = (self.lang, self.report);
        let Some(outcome) = &report.outcome else { return ("open", say!(lang, operations.report.result_open)) };
        let word = words::operation::stage(lang, outcome.as_code(), report.dry_run, report.loss.word);
        let kept = [report.targets.recovery_time_kept, report.targets.recovery_point_kept];
        match outcome {
            Outcome::Done if report.dry_run => ("open", word),
            Outcome::Done if kept.contains(&Some(false)) => ("bad", say!(lang, operations.report.result_missed)),
            Outcome::Done if kept == [Some(true), Some(true)] => ("good", say!(lang, operations.report.result_met)),
            // As long as nobody knows what was lost, nobody says that it is well.
            Outcome::Done if report.loss.word != LossCode::Nothing => ("open", word),
            Outcome::Done => ("good", word),
            Outcome::Undone { .. } => ("open", word),
            Outcome::Abandoned { .. } | Outcome::ClosedUnread { .. } => ("bad", word),
        }
    }

    fn kept(&self, kept: Option<bool>, target: Millis) -> String {
        let target = figures::target(self.lang, target);
        match kept {
            Some(true) => say!(self.lang, operations.num.target_met, target = target),
            Some(false) => say!(self.lang, operations.num.target_missed, target = target),
            None => say!(self.lang, operations.num.target, target = target),
        }
    }

    fn figures(&self, moved: bool) -> Vec<(String, String, String)> {
        let (lang, report) = (self.lang, self.report);
        let mut told = Vec::new();
        if moved {
            let now = |outage: &Outage| report.ended_at.unwrap_or(outage.last_write_at);
            let outage = report.outage.map(|outage| words::operation::outage(lang, &outage, now(&outage)));
            let outage = outage.unwrap_or_else(|| say!(lang, operations.num.not_measured));
            let targets = &report.targets;
            told.push((say!(lang, operations.report.rto), outage, self.kept(targets.recovery_time_kept, targets.recovery_time)));
            let note = if self.loss_is_open() {
                say!(lang, operations.num.target_open, target = figures::target(lang, targets.recovery_point))
            } else {
                self.kept(targets.recovery_point_kept, targets.recovery_point)
            };
            told.push((say!(lang, operations.report.rpo), self.loss(), note));
        }
        if let Some(execution) = report.execution {
            told.push((say!(lang, operations.report.execution), duration(lang, execution), say!(lang, operations.report.execution_note)));
        }
        let note = words::operation::decision_note(lang, report);
        told.push((say!(lang, operations.report.decision), duration(lang, report.decision), note));
        told
    }

    /// What a failover lost, of which nobody knows yet what it is.
    fn loss_is_open(&self) -> bool {
        let report = self.report;
        let moved = matches!(report.outcome, Some(Outcome::Done | Outcome::Abandoned { .. })) && !report.dry_run;
        moved && report.intent.gives_up().is_some() && report.loss.found.is_none()
    }

    fn loss(&self) -> String {
        let (lang, loss) = (self.lang, &self.report.loss);
        if matches!(self.report.outcome, Some(Outcome::Undone { .. })) {
            return say!(lang, operations.num.loss_zero);
        }
        if let Some(found) = &loss.found {
            return words::operation::found(lang, found);
        }
        match (loss.rows_missing.filter(|rows| *rows > 0), loss.proved_none, self.expected()) {
            (Some(rows), ..) => format!("{} {}", words::count(rows), say!(lang, operations.num.loss_rows)),
            (None, true, _) => say!(lang, operations.num.loss_zero),
            (None, false, Some(expected)) => say!(lang, operations.num.about, figure = expected),
            (None, false, None) => say!(lang, operations.num.loss_not_yet),
        }
    }

    fn expected(&self) -> Option<String> {
        let loss = &self.report.loss;
        match (loss.expected.map(|loss| duration(self.lang, loss)), loss.expected_bytes.map(words::bytes)) {
            (Some(loss), Some(bytes)) => Some(format!("{loss} · {bytes}")),
            (one, other) => one.or(other),
        }
    }

    /// Where the bars begin and end: they begin with the operation, or with the end of writes, when that was before.
    fn drawn(&self) -> (Timestamp, Timestamp) {
        let (report, requested) = (self.report, self.report.requested_at);
        let before = report.outage_before.and_then(|before| i64::try_from(before.0).ok()).map(SignedDuration::from_millis);
        let began = before.and_then(|before| requested.checked_sub(before).ok()).unwrap_or(requested);
        let ended = report.ended_at.or_else(|| report.steps.iter().filter_map(|step| step.run.ended_at).max()).unwrap_or(requested);
        (began, ended)
    }

    fn before(&self) -> Option<BeforeTold> {
        let (lang, before) = (self.lang, self.report.outage_before?);
        let (began, ended) = self.drawn();
        let took = duration(lang, before);
        let uncertain = self.report.outage.is_none_or(|outage| outage.uncertain > Millis(0));
        Some(BeforeTold {
            text: say!(lang, operations.report.before),
            start: time_of_day(began).trim_end_matches(" UTC").to_owned(),
            took: if uncertain { say!(lang, operations.num.at_least, figure = took) } else { took },
            width: (before.0 * 1_000 / Millis::between(began, ended).0.max(1)).clamp(5, 1_000),
        })
    }

    fn rows(&self, steps: &[StepReport], undone: bool) -> Vec<RowView> {
        let (lang, report) = (self.lang, self.report);
        let (began, ended) = self.drawn();
        let whole = Millis::between(began, ended).0.max(1);
        let thousandths = |from: Timestamp, to: Timestamp| Millis::between(from, to).0 * 1_000 / whole;
        let is_out = |step: &StepReport| {
            let (Some(outage), Some(from)) = (report.outage, step.run.began_at) else { return false };
            let to = step.run.ended_at.unwrap_or(from);
            outage.last_write_at <= to && outage.first_write_at.is_none_or(|until| from < until)
        };
        let row = |(index, step): (usize, &StepReport)| {
            let number = if undone { report.steps.iter().position(|other| other.step == step.step).unwrap_or(index) } else { index };
            let text = if undone {
                words::operation::undo(lang, &step.step, self.names)
            } else {
                words::operation::step(lang, &step.step, self.names)
            };
            let mut evidence: Vec<String> = step.run.facts.iter().map(|fact| words::operation::fact(lang, fact, self.names)).collect();
            match &step.run.state {
                StepState::Failed { trouble } => evidence.push(words::operation::trouble(lang, trouble, self.names)),
                StepState::Skipped { .. } | StepState::Waiting | StepState::Running | StepState::Done => {}
            }
            evidence.extend(words::operation::left_out(lang, &step.run));
            if step.run.attempts > 1 {
                evidence.push(say!(lang, operations.state.attempts, n = step.run.attempts.to_string()));
            }
            let state = words::operation::step_state(lang, &step.run, &step.step, report.dry_run && !undone);
            let plain = step.run.state == StepState::Done && !(report.dry_run && step.step.changes_something());
            let gate = (!undone && step.step.is_point_of_no_return(&report.intent)).then(|| {
                match step.run.first_began_at().filter(|_| !report.dry_run) {
                    Some(time) => {
                        let passed = say!(lang, operations.page.no_return_passed, time = words::clock_time(lang, time));
                        format!("{}, {passed}", say!(lang, operations.page.no_return))
                    }
                    None => say!(lang, operations.page.no_return),
                }
            });
            RowView {
                gate,
                number: number + 1,
                text,
                state: (!plain).then_some(state),
                start: step.run.began_at.map(|at| time_of_day(at).trim_end_matches(" UTC").to_owned()).unwrap_or_default(),
                took: step.took.map(|took| duration(lang, took)).unwrap_or_default(),
                evidence,
                earlier: steps::earlier(lang, &step.run, self.names),
                bar: step.run.began_at.map(|from| {
                    let to = step.run.ended_at.unwrap_or(ended);
                    (thousandths(began, from).min(995), thousandths(from, to).clamp(5, 1_000))
                }),
                outage: is_out(step),
            }
        };
        steps.iter().enumerate().map(row).collect()
    }

    fn parts(&self, moved: bool) -> Vec<Part> {
        let (lang, report) = (self.lang, self.report);
        let plain = |name: String, value: String| (name, value, false);
        let time = |at: Timestamp| figures::date_time(lang, at);
        let mut why = vec![
            plain(say!(lang, operations.page.reason), report.reason.clone()),
            plain(
                say!(lang, operations.page.ticket),
                if report.ticket.is_empty() { say!(lang, operations.page.no_ticket) } else { report.ticket.clone() },
            ),
            plain(
                say!(lang, operations.report.asked_by),
                say!(lang, operations.report.asked_value, by = report.requested_by.to_string(), time = time(report.requested_at)),
            ),
            plain(say!(lang, operations.page.planned_at), time(report.planned_at)),
        ];
        if !report.acknowledged.is_empty() {
            let titles = report.acknowledged.iter().map(|check| readiness::title(lang, *check));
            why.push(plain(say!(lang, operations.page.taken_on), words::lines(titles)));
        }
        if report.accepts_loss && report.intent.gives_up().is_some() {
            let by = report.requested_by.to_string();
            why.push(plain(say!(lang, operations.report.loss_accepted), say!(lang, operations.report.loss_accepted_by, by = by)));
        }
        if let Some(attested) = &report.attested {
            let value = say!(lang, operations.report.attested_value, by = attested.by.to_string(), how = attested.how.clone());
            why.push(plain(say!(lang, operations.report.attested), value));
        }
        if !report.overridden.is_empty() {
            let signs = report.overridden.iter().map(|kind| words::witness_kind(lang, *kind));
            why.push(plain(say!(lang, operations.report.overridden), words::lines(signs)));
        }
        let outcome = report.outcome.as_ref().map_or_else(
            || say!(lang, operations.report.not_ended),
            |outcome| match outcome {
                Outcome::Undone { why, stays } => {
                    let back = super::page::undone(lang, stays, report);
                    let stayed = stays.iter().filter_map(|step| Some((*step, report.steps.get(*step)?)));
                    let told = stayed.map(|(number, step)| words::operation::stays(lang, number, &step.run, &step.step, self.names));
                    let differs = report.differences.iter().map(|difference| words::operation::difference(lang, difference, self.names));
                    let said =
                        [words::plain(&back), words::operation::given_up(lang, why, self.names)].into_iter().chain(told).chain(differs);
                    words::sentences(lang, &said.collect::<Vec<_>>())
                }
                Outcome::Abandoned { by } => words::plain(&say!(lang, operations.say.abandoned, by = by.to_string())),
                Outcome::ClosedUnread { by } => words::plain(&say!(lang, operations.say.closed_unread, by = by.to_string())),
                Outcome::Done => words::operation::stage(lang, outcome.as_code(), report.dry_run, report.loss.word),
            },
        );
        let still_needed = words::operation::refusal::still_needed(lang, &report.still_needed, self.names);
        let unprotected = report.left_unprotected.map(|side| {
            words::plain(&words::operation::unprotected(
                lang,
                report.pool.0.as_str(),
                self.names[side].as_str(),
                self.names[side.other()].as_str(),
            ))
        });
        let outcome = words::sentences(lang, &[outcome].into_iter().chain(unprotected).chain(still_needed).collect::<Vec<_>>());
        why.push(plain(say!(lang, operations.report.outcome), outcome));
        if let Some(ended) = report.ended_at {
            why.push(plain(say!(lang, operations.report.ended_at), time(ended)));
        }
        if report.outage.is_some() {
            why.push(plain(say!(lang, operations.report.path), words::operation::path(lang)));
        }
        for fence in &report.fences {
            why.push(plain(say!(lang, operations.fence.title), words::operation::fence(lang, fence, self.names)));
        }
        let mut parts = vec![(say!(lang, operations.report.why), why)];
        if moved || report.intent.gives_up().is_some() && !report.dry_run {
            parts.push((say!(lang, operations.report.loss_title), self.lost()));
        }
        parts.push((say!(lang, operations.report.questions), self.questions()));
        parts.push((
            say!(lang, operations.report.authenticity),
            vec![
                (say!(lang, operations.page.hash), report.plan_hash.clone(), true),
                plain(say!(lang, operations.page.epoch), report.epoch.to_string()),
            ],
        ));
        parts
    }

    fn lost(&self) -> Vec<(String, String, bool)> {
        let (lang, loss) = (self.lang, &self.report.loss);
        if matches!(self.report.outcome, Some(Outcome::Undone { .. })) {
            return vec![(say!(lang, operations.report.loss_proof), say!(lang, operations.report.loss_undone), false)];
        }
        // Nobody was promoted, so there is nothing to prove and nothing to count but what the other site has written.
        if let Intent::Resolve { keep } = self.report.intent {
            let found = (say!(lang, operations.report.loss_found), self.found(keep.other()), false);
            return [found].into_iter().chain(self.not_saved()).collect();
        }
        let proof = if loss.proved_none { say!(lang, operations.report.proof_yes) } else { say!(lang, operations.report.proof_no) };
        let mut told = vec![(say!(lang, operations.report.loss_proof), proof, false)];
        if let Some(expected) = self.expected() {
            let expected = say!(lang, operations.report.expected_value, figure = expected);
            told.push((say!(lang, operations.report.loss_expected), expected, false));
        }
        if let Intent::Failover { to } = self.report.intent {
            told.extend(self.by_heartbeat(to).map(|text| (say!(lang, operations.report.loss_heartbeat), text, false)));
            told.push((say!(lang, operations.report.loss_found), self.found(to.other()), false));
            told.extend(self.not_saved());
        }
        let rows = match loss.rows_missing {
            None => say!(lang, operations.report.rows_not),
            Some(0) => say!(lang, operations.report.rows_none),
            Some(rows) => say!(lang, operations.report.rows, n = words::count(rows)),
        };
        told.push((say!(lang, operations.report.loss_measured), rows, false));
        told
    }

    fn by_heartbeat(&self, to: Side) -> Option<String> {
        let (lang, loss) = (self.lang, &self.report.loss);
        let (from, to) = (self.names[to.other()].to_string(), self.names[to].to_string());
        let about =
            loss.by_heartbeat.map(|gap| say!(lang, operations.report.heartbeat_about, gap = duration(lang, gap), from = from, to = to));
        let most = loss.at_most.map(|most| say!(lang, operations.report.heartbeat_most, most = duration(lang, most)));
        let said: Vec<String> = [about, most].into_iter().flatten().collect();
        (!said.is_empty()).then(|| words::sentences(lang, &said))
    }

    fn found(&self, site: Side) -> String {
        let lang = self.lang;
        let Some(found) = &self.report.loss.found else {
            return say!(lang, operations.report.found_not_yet, site = self.names[site].to_string());
        };
        let operation = found.operation.to_string();
        let Some(beyond) = &found.beyond else {
            let (from, to) = (self.names[site].to_string(), self.names[site.other()].to_string());
            return say!(lang, operations.report.found_nothing, from = from, to = to, operation = operation);
        };
        if let Some(writes) = &found.writes {
            return self.counted(found, writes, beyond);
        }
        let what = say!(
            lang,
            operations.report.found_value,
            bytes = words::bytes(found.bytes),
            node = beyond.node.to_string(),
            timeline = beyond.timeline.to_string(),
            fork = beyond.fork.to_string(),
            end = beyond.end.to_string(),
            operation = operation
        );
        let rows = found.rows.map(|rows| say!(lang, operations.fact.diverged_rows, n = words::count(rows)));
        words::sentences(lang, &[Some(what), rows].into_iter().flatten().collect::<Vec<_>>())
    }

    /// What clients committed in the lost log and only there, by table.
    fn counted(&self, found: &FoundLoss, writes: &LostWrites, beyond: &Beyond) -> String {
        let lang = self.lang;
        let (node, timeline, fork) = (beyond.node.to_string(), beyond.timeline.to_string(), beyond.fork.to_string());
        let operation = found.operation.to_string();
        if writes.is_nothing() {
            return say!(
                lang,
                operations.report.found_nothing_of_clients,
                node = node,
                timeline = timeline,
                fork = fork,
                operation = operation
            );
        }
        let what = say!(
            lang,
            operations.report.found_writes,
            figure = words::operation::lost::figure(lang, writes),
            node = node,
            timeline = timeline,
            fork = fork,
            operation = operation
        );
        let span = writes.first_commit_at.zip(writes.last_commit_at).map(|(first, last)| {
            let (first, last) = (figures::date_time(lang, first), figures::date_time(lang, last));
            say!(lang, operations.report.found_span, first = first, last = last)
        });
        let said = [Some(what), words::operation::lost::saved(lang, found), words::operation::lost::tables(lang, writes), span];
        words::sentences(lang, &said.into_iter().flatten().collect::<Vec<_>>())
    }

    /// What of it could not be saved, and who gave it up.
    fn not_saved(&self) -> Option<(String, String, bool)> {
        let (lang, found) = (self.lang, self.report.loss.found.as_ref()?);
        if found.not_saved.is_empty() && found.given_up.is_none() {
            return None;
        }
        let each = found.not_saved.iter().map(|one| words::operation::lost::not_saved(lang, one));
        let who = match &found.given_up {
            Some(given) => {
                let (by, time) = (given.by.to_string(), figures::date_time(lang, given.at));
                say!(lang, operations.report.given_up, by = by, time = time, reason = given.reason.clone())
            }
            None => say!(lang, operations.report.not_given_up),
        };
        Some((say!(lang, operations.report.loss_not_saved), words::lines(each.chain([who])), false))
    }

    fn questions(&self) -> Vec<(String, String, bool)> {
        let (lang, report) = (self.lang, self.report);
        if report.questions.is_empty() {
            return vec![(say!(lang, operations.report.timeline), say!(lang, operations.report.no_questions), false)];
        }
        let tell = |asked: &switchback_domain::operation::Asked| {
            let mut said = vec![words::operation::trouble(lang, &asked.question.trouble, self.names)];
            match &asked.answer {
                None => said.push(say!(lang, operations.report.unanswered)),
                Some(answer) => {
                    let (by, time) = (answer.by.to_string(), words::clock_time(lang, answer.at));
                    said.push(say!(lang, operations.report.answer_row, by = by, choice = choice::title(lang, answer.choice), time = time));
                    if !answer.reason.is_empty() {
                        said.push(say!(lang, operations.report.answer_why, reason = answer.reason.clone()));
                    }
                }
            }
            (words::clock_time(lang, asked.at), words::sentences(lang, &said), false)
        };
        report.questions.iter().map(tell).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchback_domain::{ByteLag, Lsn, Pair, Timeline, operation::*};

    fn report() -> Report {
        let at = |text: &str| text.parse::<Timestamp>().expect("a time");
        let run = |state: StepState, from: &str, to: &str, facts: Vec<StepEvidence>| StepRun {
            state,
            attempts: 1,
            began_at: Some(at(from)),
            ended_at: Some(at(to)),
            facts,
            earlier: Vec::new(),
            acted_before: false,
        };
        let promoted = StepEvidence::Promoted { node: "b1".parse().expect("a name"), from: None, to: Timeline(8), at: None };
        let steps = vec![
            StepReport {
                step: Step::Demote { side: Side::A },
                run: run(StepState::Done, "2026-03-14T03:00:10Z", "2026-03-14T03:00:12Z", Vec::new()),
                took: Some(Millis(2_000)),
            },
            StepReport {
                step: Step::Promote { side: Side::B },
                run: run(StepState::Done, "2026-03-14T03:00:12Z", "2026-03-14T03:00:20Z", vec![promoted]),
                took: Some(Millis(8_000)),
            },
        ];
        Report {
            id: OperationId(42),
            pool: ("chat-core".parse().expect("a name"), "Chat".to_owned()),
            sites: Pair { a: "dc-a".parse().expect("a name"), b: "dc-b".parse().expect("a name") },
            intent: Intent::Switchover { to: Side::B },
            dry_run: false,
            still_needed: Vec::new(),
            requested_by: "mira".parse().expect("a name"),
            reason: "cooling".to_owned(),
            ticket: String::new(),
            acknowledged: Vec::new(),
            accepts_loss: true,
            attested: None,
            overridden: Vec::new(),
            planned_at: at("2026-03-14T02:59:00Z"),
            requested_at: at("2026-03-14T03:00:00Z"),
            ended_at: Some(at("2026-03-14T03:00:40Z")),
            outcome: Some(Outcome::Done),
            epoch: Epoch(41),
            plan_hash: "9f2c".to_owned(),
            outage_before: None,
            decision: Millis(60_000),
            execution: Some(Millis(40_000)),
            outage: Some(Outage {
                last_write_at: at("2026-03-14T03:00:11Z"),
                first_write_at: Some(at("2026-03-14T03:00:19Z")),
                acknowledged: 10,
                found: Some(10),
                uncertain: Millis(0),
            }),
            loss: Loss { proved_none: true, rows_missing: Some(0), ..Loss::default() },
            targets: Targets {
                recovery_time: Millis(60_000),
                recovery_time_kept: Some(true),
                recovery_point: Millis(5_000),
                recovery_point_kept: Some(true),
            },
            steps,
            undone: Vec::new(),
            differences: Vec::new(),
            left_unprotected: None,
            fences: Vec::new(),
            questions: Vec::new(),
            evidence: Vec::new(),
            instructions: Vec::new(),
        }
    }

    #[test]
    fn decision_is_told_apart_from_execution_and_targets_from_what_was_achieved() {
        let told = present("en", &report());
        let figures: Vec<_> = told.figures.iter().map(|(_, value, note)| (value.as_str(), note.as_str())).collect();
        let expected = [
            ("8.0 s", "target ≤ 1 min 00 s, met"),
            ("0 B", "target ≤ 5 s, met"),
            ("40 s", "the console’s time"),
            ("1 min 00 s", "people’s time"),
        ];
        assert_eq!(figures, expected);
        assert_eq!(told.result, ("good", "Targets met".to_owned()));
    }

    #[test]
    fn every_step_has_its_evidence_its_bar_and_the_gate_before_the_promotion() {
        let told = present("en", &report());
        assert_eq!(told.rows[0].bar, Some((250, 50)));
        assert!(told.rows.iter().all(|row| row.outage && row.state.is_none()));
        assert_eq!(told.rows[0].gate, None);
        assert_eq!(told.rows[1].gate.as_deref(), Some("Point of no return, passed at 03:00:12 UTC"));
        assert_eq!(told.rows[1].evidence, ["b1 accepts writes on timeline 8."]);
    }

    #[test]
    fn the_time_without_writes_before_the_request_has_a_bar_of_its_own_and_the_steps_stand_behind_it() {
        let mut early = failover();
        early.outage_before = Some(Millis(120_000));
        early.decision = Millis(120_000);
        let told = present("en", &early);
        let before = told.before.expect("a bar");
        // Two minutes of 2 min 40 s; the first step begins ten seconds after the request.
        assert_eq!((before.start.as_str(), before.took.as_str(), before.width), ("02:58:00", "2 min 00 s", 750));
        assert_eq!(told.rows[0].bar, Some((812, 12)));
        assert!(told.key.is_some());
        let (name, value, note) = &told.figures[3];
        assert_eq!((name.as_str(), value.as_str(), note.as_str()), ("Decision", "2 min 00 s", "people’s time, since writes stopped"));
        assert_eq!(present("en", &report()).before, None);
    }

    #[test]
    fn one_word_says_how_it_ended_and_that_a_site_is_left_unprotected() {
        let mut ended = failover();
        ended.targets.recovery_time_kept = None;
        for (loss, word) in
            [(LossCode::Nothing, "Done"), (LossCode::NotKnown, "Done, loss not known yet"), (LossCode::Lost, "Done, with loss")]
        {
            ended.loss.word = loss;
            let told = present("en", &ended);
            assert_eq!(told.result.1, word);
            assert_eq!(told.result.0 == "good", loss == LossCode::Nothing);
        }
        ended.intent = Intent::Reprotect { side: Side::A };
        ended.outcome = Some(Outcome::Undone { why: GivenUp::Cancelled { by: "mira".parse().expect("a name") }, stays: Vec::new() });
        ended.left_unprotected = Some(Side::A);
        let told = present("en", &ended);
        let (_, why) = told.parts.first().expect("the part about why");
        let outcome = why.iter().find(|(name, ..)| name == "Outcome").map(|(_, value, _)| value.as_str()).expect("an outcome");
        assert!(outcome.contains("chat-core was still unprotected: dc-a did not follow dc-b"), "{outcome}");
    }

    #[test]
    fn attempts_that_failed_are_told_with_what_they_saw() {
        let mut report = report();
        let began_at = report.requested_at;
        report.steps[1].run.earlier = vec![
            Attempt {
                number: 1,
                began_at,
                ended_at: Some(began_at + jiff::SignedDuration::from_secs(2)),
                facts: vec![StepEvidence::TakenUpAgain],
                trouble: Some(StepFailure::SplitBrain),
            },
            Attempt { number: 2, began_at, ended_at: None, facts: Vec::new(), trouble: None },
        ];
        let told = present("en", &report);
        let [(failed, saw), (cut, nothing)] = &told.rows[1].earlier[..] else { panic!("{:?}", told.rows[1].earlier) };
        assert!(failed.starts_with("Attempt 1, begun at 03:00:00 UTC, failed after 2.0 s. "), "{failed}");
        assert_eq!(saw.len(), 1);
        assert!(cut.contains("the console stopped"), "{cut}");
        assert!(nothing.is_empty());
        // The line is passed when the promotion was ordered for the first time.
        assert_eq!(told.rows[1].gate.as_deref(), Some("Point of no return, passed at 03:00:00 UTC"));
    }

    /// A failover of which nobody knows yet what it lost.
    fn failover() -> Report {
        let mut lossy = report();
        lossy.intent = Intent::Failover { to: Side::B };
        let (expected, expected_bytes) = (Some(Millis(1_800)), Some(ByteLag(24 * 1024)));
        lossy.loss = Loss {
            word: LossCode::NotKnown,
            expected,
            expected_bytes,
            by_heartbeat: Some(Millis(900)),
            at_most: Some(Millis(1_900)),
            ..Loss::default()
        };
        lossy.targets.recovery_point_kept = None;
        lossy
    }

    fn lost(told: &ReportView) -> Vec<(&str, &str)> {
        let (_, rows) = told.parts.iter().find(|(title, _)| title == "What was lost").expect("the part about the loss");
        rows.iter().map(|(name, value, _)| (name.as_str(), value.as_str())).collect()
    }

    #[test]
    fn a_loss_that_was_not_proved_away_is_never_told_as_none() {
        for tag in ["en", "zh-CN"] {
            let told = present(tag, &failover());
            assert!(told.figures[1].1.starts_with('≈'), "{:?}", told.figures);
            assert_eq!(told.result.0, "open");
        }
    }

    #[test]
    fn what_was_said_before_stands_beside_what_is_not_found_yet() {
        let told = present("en", &failover());
        assert_eq!(told.figures[1].2, "target ≤ 5 s, not judged yet");
        let expected = [
            ("Proof", "There is no proof that nothing was lost."),
            ("Stated before", "≈ 1.8 s · 24 KiB, an estimate"),
            (
                "By heartbeat",
                "About 0.9 s: from the last heartbeat row that dc-b had to the last one that dc-a confirmed. At most 1.9 s: after that nothing ran there any more.",
            ),
            ("Found", "Not yet: nobody has looked at the log of dc-a since."),
            ("Measured after", "Rows were not counted."),
        ];
        assert_eq!(lost(&told), expected);
    }

    #[test]
    fn what_was_said_before_stands_beside_what_was_found() {
        let mut found = failover();
        let beyond = || Some(Beyond { node: "a1".parse().expect("a name"), timeline: Timeline(7), fork: Lsn(0x1000), end: Lsn(0x3000) });
        let table = Some("public.messages".to_owned());
        let table = LostTable { database: "chat".to_owned(), table, inserted: 343, updated: 0, deleted: 0, saved: 0 };
        let at = |text: &str| Some(text.parse::<Timestamp>().expect("a time"));
        let writes = LostWrites {
            transactions: 9,
            bytes: ByteLag(0x2000),
            first_commit_at: at("2026-03-14T02:58:01Z"),
            last_commit_at: at("2026-03-14T02:58:02Z"),
            tables: vec![table],
            more_tables: 0,
            complete: true,
        };
        let (schema, why) = ("public".to_owned(), "permission denied".to_owned());
        let not_saved = NotSaved::Table { database: "chat".to_owned(), schema, table: "messages".to_owned(), rows: 343, why };
        let (by, reason) = ("mira".parse().expect("a name"), "copied to a tape".to_owned());
        let given_up = Answered { choice: Choice::GiveUp, by, reason, at: at("2026-03-14T04:00:00Z").expect("a time") };
        let counted = FoundLoss {
            operation: OperationId(43),
            bytes: writes.bytes,
            rows: Some(343),
            writes: Some(writes),
            not_saved: vec![not_saved],
            given_up: Some(given_up),
            beyond: beyond(),
        };
        found.loss.found = Some(counted.clone());
        found.targets.recovery_point_kept = Some(true);
        let told = present("en", &found);
        let figure = "343 rows · 9 transactions · 8.0 KiB";
        assert_eq!((told.figures[1].1.as_str(), told.figures[1].2.as_str()), (figure, "target ≤ 5 s, met"));
        assert_eq!(told.result, ("good", "Targets met".to_owned()));
        let expected = "343 rows · 9 transactions · 8.0 KiB, in the log of a1, on timeline 7 from 0/1000 on; op-0043 has counted it. \
                        By table: chat: public.messages (343 inserted). \
                        The first commit was at 14 Mar 2026, 02:58:01 UTC, the last at 14 Mar 2026, 02:58:02 UTC.";
        let [_, ("Stated before", before), _, ("Found", after), ("Not saved", not_saved), _] = lost(&told)[..] else {
            panic!("{:?}", lost(&told))
        };
        assert_eq!((before, after), ("≈ 1.8 s · 24 KiB, an estimate", expected));
        let given =
            "chat: public.messages, 343 rows: permission denied.\nGiven up by mira at 14 Mar 2026, 04:00:00 UTC: “copied to a tape”";
        assert_eq!(not_saved, given);

        // What was only measured by positions is never told as what clients lost.
        let measured =
            FoundLoss { bytes: ByteLag(14 << 20), rows: None, writes: None, not_saved: Vec::new(), given_up: None, ..counted.clone() };
        found.loss.found = Some(measured.clone());
        assert_eq!(present("en", &found).figures[1].1, "at most 14 MiB, not counted");

        // And where nothing of clients is, nothing was lost, however far the log goes on.
        let writes = Some(LostWrites { complete: true, ..LostWrites::default() });
        found.loss.found = Some(FoundLoss { bytes: ByteLag(0), rows: Some(0), writes, ..measured.clone() });
        let told = present("en", &found);
        assert_eq!(told.figures[1].1, "nothing");
        let nothing = "Nothing: the log of a1 holds nothing of clients behind 0/1000, on timeline 7; op-0043 has counted it.";
        assert_eq!(lost(&told)[3].1, nothing);

        let mut nothing = failover();
        nothing.loss.found = Some(FoundLoss { bytes: ByteLag(0), beyond: None, ..measured });
        let told = present("en", &nothing);
        assert_eq!(lost(&told)[3].1, "Nothing: no log of dc-a goes on beyond what dc-b had; op-0043 has looked.");
    }

    #[test]
    fn an_operation_that_was_undone_has_lost_nothing_and_says_what_stays() {
        let mut undone = failover();
        undone.outage = None;
        let why = GivenUp::Cancelled { by: "mira".parse().expect("a name") };
        undone.outcome = Some(Outcome::Undone { why: why.clone(), stays: Vec::new() });
        let outcome = |report: &Report| {
            let told = present("en", report);
            let (_, rows) = told.parts.into_iter().next().expect("the part about why");
            rows.into_iter().find_map(|(name, value, _)| (name == "Outcome").then_some(value)).expect("an outcome")
        };
        assert_eq!(outcome(&undone), "Everything is as it was before. mira cancelled it.");
        assert_eq!(lost(&present("en", &undone)), [("Proof", "Nothing was lost: the active site did not change.")]);
        undone.steps[0].step = Step::Follow { side: Side::A };
        undone.outcome = Some(Outcome::Undone { why, stays: vec![0] });
        let kept = "Not everything is as it was before. mira cancelled it. dc-a was told to follow, and that stays.";
        assert_eq!(outcome(&undone), kept);
    }
}
