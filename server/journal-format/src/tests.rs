//! Every build reads what consoles of every version have written. `golden/v1` and so on hold whole journals, one entry in each line, and
//! beside each what it was replayed to (`.expected`). Neither is ever changed. `SWITCHBACK_EXPECT=1` writes the second for a journal that is new.

use crate::{VERSION, change_from_text, change_to_text, entry_from_text, entry_to_text, fence_from_text, fence_to_text, names::VARIANTS};
use std::{
    cell::RefCell,
    collections::BTreeSet,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};
use switchback_domain::operation::{Entry, GivenUp, Operation, OperationId, Outcome, Stage, Step, StepRun, StepState};

thread_local! {
    static READ: RefCell<BTreeSet<(&'static str, &'static str)>> = RefCell::default();
}

/// A variant was read.
pub(crate) fn note(kind: &'static str, variant: &'static str) {
    READ.with_borrow_mut(|read| read.insert((kind, variant)));
}

const WHAT_TO_DO: &str = "What stands in quotes in server/journal-format/src/names.rs is in the stores of others and stays as it is, whatever \
                          things are called in the code. If a name there was changed, change it back; if one was taken away, read it still.";

fn golden() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let versions = (1..=VERSION).map(|version| folder.join(format!("v{version}")));
    let files = versions.flat_map(|version| fs::read_dir(version).expect("a folder for each version").flatten());
    let mut files: Vec<PathBuf> = files.map(|file| file.path()).filter(|file| file.extension().is_some_and(|end| end == "jsonl")).collect();
    files.sort();
    files
}

fn name(file: &Path) -> &str {
    file.file_stem().and_then(|name| name.to_str()).expect("a name")
}

fn lines(file: &Path) -> Vec<String> {
    fs::read_to_string(file).expect("a golden file").lines().map(str::to_owned).collect()
}

fn journals() -> Vec<(PathBuf, Vec<String>)> {
    let journals = golden().into_iter().filter(|file| !matches!(name(file), "fences" | "changes"));
    journals.map(|file| (file.clone(), lines(&file))).collect()
}

fn read(file: &Path, lines: &[String]) -> Vec<Entry> {
    let read = |(number, line): (usize, &String)| {
        entry_from_text(line).unwrap_or_else(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            panic!(
                "{}, entry {number}: consoles have written this, and it is not read any more: {error}: {cause}. {WHAT_TO_DO}",
                name(file)
            )
        })
    };
    lines.iter().enumerate().map(read).collect()
}

fn of_run(run: &StepRun) -> String {
    let state = match &run.state {
        StepState::Waiting => "waiting".to_owned(),
        StepState::Running => "running".to_owned(),
        StepState::Done => "done".to_owned(),
        StepState::Failed { .. } => "failed".to_owned(),
        StepState::Skipped { by, reason } => format!("left out by {by} ({reason})"),
    };
    let (facts, earlier, acted) = (run.facts.len(), run.earlier.len(), run.may_have_acted());
    format!("{state}, begun {} times, {facts} facts, {earlier} earlier attempts, may have acted: {acted}", run.attempts)
}

fn of_given_up(why: &GivenUp) -> String {
    match why {
        GivenUp::Cancelled { by } => format!("cancelled by {by}"),
        GivenUp::StepFailed { step, .. } => format!("step {step} failed"),
    }
}

/// A step in words of this test.
fn of_step(step: &Step) -> &'static str {
    match step {
        Step::Preflight => "looks",
        Step::Mark { .. } => "marks",
        Step::Checkpoint { .. } => "makes a checkpoint",
        Step::Drain { .. } => "drains",
        Step::Demote { .. } => "demotes",
        Step::Prove { .. } => "proves",
        Step::Assess { .. } => "assesses",
        Step::Fence { .. } => "fences",
        Step::Settle { .. } => "waits for replay",
        Step::Promote { .. } => "promotes",
        Step::Verify { .. } => "verifies",
        Step::SoleWriter { .. } => "finds one writer",
        Step::Reroute { .. } => "moves members",
        Step::Inspect { .. } => "compares histories",
        Step::Save { .. } => "saves",
        Step::Follow { .. } => "lets follow",
        Step::Reprotect { .. } => "waits for protection",
        Step::SwitchInSite { .. } => "switches within a site",
        Step::SetMember { .. } => "tells a member",
    }
}

/// An operation in words of this test, so that it stays the same when something in the code is called otherwise.
fn told(operation: &Operation) -> String {
    let mut text = String::new();
    let stage = match &operation.stage {
        Stage::Running => "running".to_owned(),
        Stage::Paused { by, since } => format!("paused by {by} since {since}"),
        Stage::Undoing { why } => format!("taken back: {}", of_given_up(why)),
        Stage::NeedsPerson { question, since } => {
            format!("asks question {} about step {} since {since}, {} answers", question.number, question.step, question.options.len())
        }
        Stage::Finished { outcome, at } => match outcome {
            Outcome::Done => format!("done at {at}"),
            Outcome::Undone { why, stays } => format!("undone at {at}: {}, stays: {stays:?}", of_given_up(why)),
            Outcome::Abandoned { by } => format!("abandoned by {by} at {at}"),
            Outcome::ClosedUnread { by } => format!("closed unread by {by} at {at}"),
        },
    };
    let (plan, request) = (&operation.plan, &operation.request);
    let side = |side: switchback_domain::Side| if side == switchback_domain::Side::A { "a" } else { "b" };
    writeln!(text, "pool {}, epoch {}, planned at {}, hash {}", plan.pool, plan.epoch, plan.made_at, request.plan).expect("text");
    writeln!(
        text,
        "site {:?}, moves {:?}, gives up {:?}, no return {:?}, rehearsal: {}",
        plan.intent.side().map(side),
        plan.moves().map(|(from, to)| (side(from), side(to))),
        plan.intent.gives_up().map(side),
        plan.no_return(),
        request.dry_run
    )
    .expect("text");
    writeln!(text, "by {} at {}: {}", operation.requested_by, operation.requested_at, request.reason).expect("text");
    writeln!(text, "{stage}").expect("text");
    for (number, (step, run)) in plan.steps.iter().zip(&operation.steps).enumerate() {
        writeln!(text, "step {number} {}: {}", of_step(step), of_run(run)).expect("text");
    }
    for undo in &operation.undo {
        writeln!(text, "undo of step {}: {}", undo.step, of_run(&undo.run)).expect("text");
    }
    for asked in &operation.questions {
        let answer = asked.answer.as_ref().map(|answer| (answer.by.to_string(), answer.choice.needs_reason(), &answer.reason));
        writeln!(
            text,
            "question {} about step {}, undoing: {}: {answer:?}",
            asked.question.number, asked.question.step, asked.question.undoing
        )
        .expect("text");
    }
    writeln!(
        text,
        "paused for {} ms, pause wanted by {:?}, cancel wanted by {:?}, attested {:?}, {} signs overridden",
        operation.paused_for.0,
        operation.pause_wanted_by.as_ref().map(ToString::to_string),
        operation.cancel_wanted_by.as_ref().map(ToString::to_string),
        operation.attested.as_ref().map(|(by, how)| (by.to_string(), how)),
        operation.overridden.len()
    )
    .expect("text");
    let outage = operation.outage.map(|outage| (outage.last_write_at.to_string(), outage.first_write_at.map(|at| at.to_string())));
    writeln!(text, "outage {outage:?}, {} events", operation.events).expect("text");
    text
}

#[test]
fn every_golden_journal_is_replayed_to_the_same_operation() {
    let mut wrong = Vec::new();
    for (file, lines) in journals() {
        let operation = Operation::from_journal(OperationId(1), &read(&file, &lines))
            .unwrap_or_else(|error| panic!("{}: consoles have written this, and it is not replayed any more: {error}", name(&file)));
        let expected = file.with_extension("expected");
        if std::env::var_os("SWITCHBACK_EXPECT").is_some() && !expected.exists() {
            fs::write(&expected, told(&operation)).expect("a file");
        }
        let expected = fs::read_to_string(&expected).unwrap_or_default();
        if told(&operation) != expected {
            wrong.push(format!("{}:\n{expected}\nis now\n{}", name(&file), told(&operation)));
        }
    }
    assert!(wrong.is_empty(), "journals are no longer replayed to the same operation. {WHAT_TO_DO}\n{}", wrong.join("\n"));
}

#[test]
fn what_is_written_has_not_changed_by_a_byte() {
    let mut seen = 0;
    for (file, lines) in journals() {
        // What is missing in it was added later.
        if name(&file).starts_with("older") {
            continue;
        }
        for (number, (line, entry)) in lines.iter().zip(read(&file, &lines)).enumerate() {
            assert_eq!(&entry_to_text(&entry).expect("a text"), line, "{}, entry {number}. {WHAT_TO_DO}", name(&file));
            seen += 1;
        }
    }
    for file in golden() {
        for line in lines(&file) {
            let again = match name(&file) {
                "fences" => fence_to_text(&fence_from_text(&line).expect("a fence")),
                "changes" => change_to_text(&change_from_text(&line).expect("a change")),
                _ => continue,
            };
            assert_eq!(again.expect("a text"), line, "{}. {WHAT_TO_DO}", name(&file));
        }
    }
    assert!(seen > 500, "only {seen} entries");
}

#[test]
fn the_golden_journals_have_everything_that_can_be_written() {
    for (file, lines) in journals() {
        read(&file, &lines);
    }
    for file in golden() {
        for line in lines(&file) {
            match name(&file) {
                "fences" => drop(fence_from_text(&line)),
                "changes" => drop(change_from_text(&line)),
                _ => {}
            }
        }
    }
    let all = VARIANTS.iter().flat_map(|(kind, variants)| variants.iter().map(|variant| (*kind, *variant)));
    let missing: Vec<String> =
        READ.with_borrow(|read| all.filter(|one| !read.contains(one)).map(|(kind, one)| format!("{kind} {one}")).collect());
    assert!(
        missing.is_empty(),
        "no golden journal has {missing:?}. Add a journal with it to server/journal-format/golden/v{VERSION}, out of a store or by hand, and \
         what it is replayed to: SWITCHBACK_EXPECT=1 cargo nextest run -p switchback-journal-format"
    );
}

#[test]
fn an_entry_of_a_newer_version_says_so_and_a_damaged_one_is_damaged() {
    let (_, lines) = journals().swap_remove(0);
    let newer = format!("{{\"version\":{},{}", VERSION + 1, &lines[0][1..]);
    assert!(matches!(entry_from_text(&newer), Err(crate::Unreadable::Newer(version)) if version == VERSION + 1));
    let same = format!("{{\"version\":{VERSION},{}", &lines[0][1..]);
    assert_eq!(entry_from_text(&same).expect("an entry"), entry_from_text(&lines[0]).expect("an entry"));
    for damaged in ["", "{}", "null", "{\"at\":1}", &lines[0][..lines[0].len() / 2], &lines[0].replace("requested", "asked_for")] {
        assert!(matches!(entry_from_text(damaged), Err(crate::Unreadable::Damaged(_))), "{damaged}");
    }
}
