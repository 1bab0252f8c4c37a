//! Writes the golden journals of the present version of the written form, out of simulated operations. Once, when a version is new:
//!
//! `SWITCHBACK_GOLDEN=$PWD/server/journal-format/golden/v2 cargo nextest run -p switchback-simulator --test golden --run-ignored only`
//!
//! After that they are never written again: they are what consoles of that version have left in their stores. What no simulated operation
//! reaches is added by hand; the tests of `switchback-journal-format` name what is missing.

use std::{collections::BTreeSet, fs, path::PathBuf};
use switchback_domain::{
    Side,
    operation::{Entry, Operation, OperationId, Stage, StageCode},
};
use switchback_journal_format::entry_to_text;
use switchback_simulator::{
    case::{Case, Kind},
    store::Crash,
};

/// How far the operation of a journal has come, as a part of a file's name; nothing for a place in the middle of it.
fn stands_at(entries: &[Entry]) -> Option<(String, &'static str)> {
    let operation = Operation::from_journal(OperationId(1), entries).expect("a whole journal");
    let rehearsal = if operation.request.dry_run { "rehearsed-" } else { "" };
    let at = match operation.stage {
        Stage::Finished { outcome, .. } => match outcome.as_code() {
            StageCode::Done => "done",
            StageCode::Cancelled => "cancelled",
            StageCode::Stopped => "stopped",
            _ => "abandoned",
        },
        Stage::NeedsPerson { .. } => "asks",
        Stage::Paused { .. } => "paused",
        Stage::Undoing { .. } => "taken-back",
        Stage::Running if entries.len() == 6 => "under-way",
        Stage::Running => return None,
    };
    Some((format!("{rehearsal}{}", operation.plan.intent.as_code().replace('_', "-")), at))
}

/// The names of facts, troubles, answers and the like in a journal.
fn names_in(value: &serde_json::Value, names: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::Array(all) => all.iter().for_each(|one| names_in(one, names)),
        serde_json::Value::Object(all) => {
            for (key, one) in all {
                if let ("event" | "fact" | "trouble" | "missing" | "how" | "choice" | "step" | "outcome" | "why", Some(name)) =
                    (&key[..], one.as_str())
                {
                    names.insert(format!("{key} {name}"));
                }
                names_in(one, names);
            }
        }
        _ => {}
    }
}

fn cases() -> impl Iterator<Item = Case> {
    let quiet = Kind::ALL.into_iter().map(move |kind| Case::plain(kind, 4));
    let eventful = (1..=40).flat_map(move |seed| {
        Kind::ALL.into_iter().map(move |kind| Case {
            wishes: true,
            regrets: seed % 2 == 0,
            rows_are_hidden: seed % 3 == 0,
            faults: seed % 6,
            crashes: if seed % 4 == 0 { vec![Crash { at: u32::try_from(seed % 17).unwrap_or(0), written: true }] } else { Vec::new() },
            refuses: (seed % 5 == 0).then_some((
                u32::try_from(seed % 13).unwrap_or(0),
                if seed % 2 == 0 { Side::A } else { Side::B },
                120_000,
            )),
            ..Case::plain(kind, seed)
        })
    });
    quiet.chain(eventful)
}

#[test]
#[ignore = "writes files: SWITCHBACK_GOLDEN names the folder"]
fn write_golden_journals() {
    let folder = PathBuf::from(std::env::var_os("SWITCHBACK_GOLDEN").expect("SWITCHBACK_GOLDEN names a folder"));
    fs::create_dir_all(&folder).expect("a folder");
    let mut names = BTreeSet::new();
    let mut more = 0;
    for case in cases() {
        for journal in case.run().journals {
            let lines: Vec<String> = journal.iter().map(|entry| entry_to_text(entry).expect("a text")).collect();
            for length in 1..=journal.len() {
                let Some((kind, at)) = stands_at(&journal[..length]) else { continue };
                let file = folder.join(format!("{kind}-{at}.jsonl"));
                if !file.exists() {
                    let text = lines[..length].join("\n") + "\n";
                    for line in text.lines() {
                        names_in(&serde_json::from_str(line).expect("JSON"), &mut names);
                    }
                    fs::write(file, text).expect("a file");
                }
            }
            let mut here = BTreeSet::new();
            for line in &lines {
                names_in(&serde_json::from_str(line).expect("JSON"), &mut here);
            }
            if !here.is_subset(&names) {
                println!("more-{more:02}: {:?}", here.difference(&names).collect::<Vec<_>>());
                names.append(&mut here);
                fs::write(folder.join(format!("more-{more:02}.jsonl")), lines.join("\n") + "\n").expect("a file");
                more += 1;
            }
        }
    }
}
