//! Whatever is written down has a sentence in both languages, and nothing of it is hidden.

use super::*;
use serde_json::json;
use switchback_domain::{
    Bound, CheckKind, Millis, Protection, ProtectionState,
    operation::{Choice, Epoch, GivenUp, Intent, Outage, Question, StepEvidence, StepFailure},
};
use switchback_engine::audit::{Actor, audited};

const LANGUAGES: [Locale; 2] = [Locale::en, Locale::zh_CN];

fn at() -> jiff::Timestamp {
    "2026-03-14T02:47:09Z".parse().expect("a time")
}

fn entry(deed: Deed, outcome: DeedOutcome, detail: Value) -> AuditEntry {
    audited(&Actor::stranger("192.0.2.7"), deed, "chat-core").close(at(), outcome, detail)
}

fn from_store(words: (&str, &str), detail: Value) -> AuditEntry {
    AuditEntry::from_store(at(), None, words, "chat-core".to_owned(), detail, "192.0.2.7".to_owned())
}

fn names() -> Names {
    Pair { a: "dc-a".parse().expect("a name"), b: "dc-b".parse().expect("a name") }
}

fn request() -> Request {
    Request {
        pool: "chat-core".parse().expect("a name"),
        intent: Intent::Switchover { to: Side::B },
        plan: "00".repeat(32),
        planned_at: at(),
        reason: "new kernel".to_owned(),
        ticket: "CHG-7".to_owned(),
        typed_pool: "chat-core".to_owned(),
        typed_site: "dc-b".to_owned(),
        accepts_loss: false,
        acknowledged: Vec::new(),
        attestation: String::new(),
        overridden: Vec::new(),
        dry_run: false,
    }
}

fn asked() -> Event {
    let plan = Plan {
        pool: request().pool,
        intent: request().intent,
        epoch: Epoch::default(),
        made_at: at(),
        steps: vec![Step::Demote { side: Side::A }, Step::Promote { side: Side::B }],
        leaders: Vec::new(),
        not_passed: Vec::new(),
        loss: Protection { state: ProtectionState::Protected, loss_bytes: None, loss: None, bound: Bound::NotKnown, measured_at: None },
        unproven: Vec::new(),
        witnesses: Vec::new(),
        objections: Vec::new(),
    };
    Event::Requested { request: Box::new(request()), by: by(), plan: Box::new(plan) }
}

fn by() -> switchback_domain::Login {
    "mira".parse().expect("a name")
}

fn operation() -> Operation {
    let first = switchback_domain::operation::Entry { at: at(), event: asked() };
    Operation::from_journal(OperationId(7), &[first]).expect("a journal")
}

fn events() -> Vec<Event> {
    let failed = Some(StepFailure::SplitBrain);
    let question =
        Question { number: 1, step: 1, undoing: false, trouble: StepFailure::SplitBrain, options: vec![Choice::Retry, Choice::Skip] };
    let outage = Outage { last_write_at: at(), first_write_at: Some(at()), acknowledged: 7, found: None, uncertain: Millis(0) };
    let all = vec![
        asked(),
        Event::StepBegun { step: 0 },
        Event::StepEnded { step: 0, facts: vec![StepEvidence::TakenUpAgain], trouble: None },
        Event::StepEnded { step: 1, facts: Vec::new(), trouble: failed.clone() },
        Event::UndoBegun { step: 0 },
        Event::UndoEnded { step: 0, facts: vec![StepEvidence::TakenUpAgain], trouble: None },
        Event::UndoEnded { step: 0, facts: Vec::new(), trouble: failed },
        Event::GaveUp { why: GivenUp::Cancelled { by: by() } },
        Event::PauseWanted { by: by() },
        Event::Paused { by: by() },
        Event::Resumed { by: by() },
        Event::CancelWanted { by: by() },
        Event::Asked { question },
        Event::Answered { number: 1, choice: Choice::Skip, by: by(), reason: "it is known".to_owned() },
        Event::OutageSeen { outage },
        Event::Finished { outcome: Outcome::Done },
    ];
    for event in &all {
        match event {
            Event::Requested { .. }
            | Event::StepBegun { .. }
            | Event::StepEnded { .. }
            | Event::UndoBegun { .. }
            | Event::UndoEnded { .. }
            | Event::GaveUp { .. }
            | Event::PauseWanted { .. }
            | Event::Paused { .. }
            | Event::Resumed { .. }
            | Event::CancelWanted { .. }
            | Event::Asked { .. }
            | Event::Answered { .. }
            | Event::OutageSeen { .. }
            | Event::Finished { .. } => {}
        }
    }
    all
}

fn told(lang: Locale, entry: &AuditEntry) -> EntryView {
    let operation = operation();
    let named = entry.detail.get("event").is_some().then_some(&operation);
    present(lang, entry, named.map(|operation| operation.id), named, &names())
}

/// Everything that is told of an entry, in one text.
fn whole(told: &EntryView) -> String {
    let more = told.more.iter().map(|(name, lines)| format!("{name}: {}", lines.join(" | ")));
    [told.what.clone()].into_iter().chain(more).collect::<Vec<_>>().join("\n")
}

#[test]
fn whatever_an_operation_writes_down_has_a_sentence_of_its_own() {
    let mut said = std::collections::BTreeSet::new();
    let all = events();
    for event in &all {
        // What was only measured is no deed; it has a sentence all the same.
        let (deed, outcome) = Deed::of_event(event).unwrap_or((Deed::StepEnded, DeedOutcome::Done));
        let one = entry(deed, outcome, json!({ "pool": "chat-core", "kind": "switchover", "event": event }));
        let [en, zh] = LANGUAGES.map(|lang| told(lang, &one));
        for told in [&en, &zh] {
            assert_eq!(told.raw, None, "{event:?}");
            assert_eq!(told.operation, Some(OperationId(7)));
            assert!(!told.what.contains("raw") && !whole(told).contains("{{"), "{told:?}");
        }
        assert_ne!(en.what, zh.what, "{event:?}");
        said.insert(en.what);
    }
    assert_eq!(said.len(), all.len(), "{said:#?}");
    let request = told(Locale::en, &entry(Deed::OperationRequested, DeedOutcome::Done, json!({ "event": asked() })));
    for words in ["Planned switchover to dc-b", "Reason: new kernel", "Ticket: CHG-7", "1. ", "2. ", "From: 192.0.2.7"] {
        assert!(whole(&request).contains(words), "{words}: {}", whole(&request));
    }
}

#[test]
fn every_other_deed_has_a_sentence_for_each_way_it_can_go() {
    let mut said = std::collections::BTreeSet::new();
    let deeds = [
        (Deed::SignIn, DeedOutcome::Done, json!({})),
        (Deed::SignIn, DeedOutcome::Refused, json!({ "reason": "wrong_password" })),
        (Deed::SignOut, DeedOutcome::Done, json!({})),
        (Deed::SignOut, DeedOutcome::Failed, json!({})),
        (Deed::StoreBackupBegun, DeedOutcome::Done, json!({ "user": "root" })),
        (Deed::StoreBackupEnded, DeedOutcome::Done, json!({ "user": "root", "bytes": 4096 })),
        (Deed::StoreBackupEnded, DeedOutcome::Failed, json!({ "user": "root", "why": "no room" })),
        (Deed::StoreRestored, DeedOutcome::Done, json!({ "user": "root" })),
        (Deed::StoreHeadKept, DeedOutcome::Done, json!(null)),
        (Deed::StoreFoundOlder, DeedOutcome::Done, json!({ "why": "line_missing", "newest": 7, "remembered": 9 })),
        (Deed::StoreGuardsRepaired, DeedOutcome::Done, json!({ "user": "root", "broken": [] })),
        (Deed::StoreGuardsRepaired, DeedOutcome::Failed, json!({ "user": "root", "broken": [] })),
        (Deed::RestoredConfirmed, DeedOutcome::Done, json!({})),
        (Deed::RestoredConfirmed, DeedOutcome::Refused, json!({ "reason": "not_seen" })),
        (Deed::StoreGuardsChecked, DeedOutcome::Failed, json!({ "broken": [] })),
        (Deed::StoreGuardsChecked, DeedOutcome::Done, json!({ "broken": [] })),
        (Deed::StoreFileChecked, DeedOutcome::Failed, json!({ "file": "store.db-wal", "copy": null })),
        (Deed::StoreFileChecked, DeedOutcome::Done, json!({ "file": null, "copy": null })),
        (Deed::SetUp, DeedOutcome::Done, json!({})),
        (Deed::SetUp, DeedOutcome::Refused, json!({ "reason": "closed" })),
        (Deed::OpenSetUp, DeedOutcome::Done, json!({})),
        (Deed::OperationPlanned, DeedOutcome::Refused, json!({ "reason": "unknown_pool" })),
        (Deed::OperationRequested, DeedOutcome::Refused, json!({ "reason": "bad_form" })),
        (Deed::OperationRequested, DeedOutcome::Refused, json!({ "reason": "lease_held", "request": request() })),
        (Deed::OperationWish, DeedOutcome::Refused, json!({ "reason": "ended", "wish": "pause" })),
        (Deed::OperationWish, DeedOutcome::Refused, json!({ "reason": "ended", "wish": "resume" })),
        (Deed::OperationWish, DeedOutcome::Refused, json!({ "reason": "past_no_return", "wish": "cancel" })),
        (Deed::OperationWish, DeedOutcome::Refused, json!({ "reason": "bad_form" })),
        (Deed::OperationAnswer, DeedOutcome::Refused, json!({ "reason": "bad_form" })),
        (
            Deed::OperationAnswer,
            DeedOutcome::Refused,
            json!({ "reason": "not_offered", "question": 2, "choice": "skip", "why": "it is known" }),
        ),
        (Deed::OperationClosedUnread, DeedOutcome::Done, json!({ "entry": 3, "cause": { "cause": "damaged" }, "because": "failover" })),
        (Deed::EvidenceKept, DeedOutcome::Done, json!({ "rows": 3 })),
        (Deed::EvidenceRead, DeedOutcome::Done, json!({ "bytes": 3 })),
        (Deed::AnyRequest, DeedOutcome::Refused, json!({ "reason": "slow_down" })),
        (
            Deed::FenceAnswered,
            DeedOutcome::Done,
            json!({ "answers": [{ "endpoint": "etcd-a", "order": "hold", "at": "2026-03-14T02:47:09Z", "failure": null }] }),
        ),
        (Deed::SplitBrainSeen, DeedOutcome::Done, json!({ "nodes": ["a1", "b1"] })),
        (Deed::SplitBrainOver, DeedOutcome::Done, json!({ "nodes": ["a1", "b1"] })),
    ];
    for (deed, outcome, detail) in &deeds {
        let one = entry(*deed, *outcome, detail.clone());
        let [en, zh] = LANGUAGES.map(|lang| told(lang, &one));
        assert_ne!(en.what, zh.what, "{deed}");
        assert!(en.raw.is_none() && !en.what.contains('_') && !whole(&zh).contains("{{"), "{en:?}");
        // A refusal always says why, and in words.
        let because = en.more.iter().find(|(name, _)| name == "Because").map(|(_, lines)| lines.concat());
        assert_eq!(because.is_some(), detail.get("reason").is_some(), "{en:?}");
        assert!(because.is_none_or(|because| because.contains(' ') && !because.contains('_')), "{en:?}");
        said.insert(en.what);
    }
    assert_eq!(said.len(), deeds.len(), "{said:#?}");
    let of_events: Vec<Deed> = events().iter().filter_map(|event| Deed::of_event(event)).map(|(deed, _)| deed).collect();
    for deed in Deed::ALL {
        assert!(of_events.contains(deed) || deeds.iter().any(|(tried, ..)| tried == deed), "{deed} is tried nowhere here");
    }
}

#[test]
fn a_deed_is_known_by_its_kind_also_where_its_detail_cannot_be_read() {
    for deed in Deed::ALL {
        for outcome in DeedOutcome::ALL {
            let newer = entry(*deed, *outcome, json!({ "event": { "event": "moon_landed" }, "wish": "fly", "request": {}, "answers": 7 }));
            let [en, zh] = LANGUAGES.map(|lang| told(lang, &newer));
            assert!(!en.what.contains('_') && en.what.contains(' ') | en.what.starts_with("Signed"), "{deed}: {}", en.what);
            assert_ne!(en.what, zh.what, "{deed}");
            assert!(en.raw.is_some_and(|raw| raw.contains("moon_landed")), "{deed}: nothing of it is hidden");
        }
    }
}

#[test]
fn a_refusal_is_told_with_everything_that_is_known_about_it() {
    let refusal = Refusal::NotAcknowledged { checks: vec![CheckKind::OnePrimary] };
    let one = entry(
        Deed::OperationRequested,
        DeedOutcome::Refused,
        json!({ "reason": refusal.code(), "refusal": refusal, "request": request() }),
    );
    let told_whole = whole(&told(Locale::en, &one));
    assert!(told_whole.contains("take these checks upon you: "), "{told_whole}");
    // What an interface says of a text that it could not read has no sentence, and is shown as it is.
    let odd = entry(Deed::OperationRequested, DeedOutcome::Refused, json!({ "reason": "malformed: expected value at line 1 column 1" }));
    assert!(whole(&told(Locale::zh_CN, &odd)).contains("malformed: expected value at line 1 column 1"));
}

#[test]
fn what_has_no_words_is_shown_as_it_was_written_down() {
    let told = told(Locale::en, &from_store(("moon_landed", "failed"), json!({ "where": "the sea" })));
    assert_eq!((told.what.as_str(), told.result.as_str(), told.tone), ("moon landed", "Failed", Tone::Fail));
    assert!(told.raw.is_some_and(|raw| raw.contains("\"where\": \"the sea\"")));
    let half = self::told(Locale::zh_CN, &from_store(("sign_in", "half_done"), json!({})));
    assert_eq!((half.result.as_str(), half.tone), ("half_done", Tone::Fail), "an outcome that is not known is never shown as a good one");
}

#[test]
fn an_entry_finds_its_operation_and_its_pool() {
    let with = |subject: &str, detail: Value| from_store(("x", "done"), detail).with_subject(subject);
    assert_eq!(operation_of(&with("op-0042", json!({}))), Some(OperationId(42)));
    assert_eq!(operation_of(&with("op-0042/lost-rows-a1.jsonl", json!({}))), Some(OperationId(42)));
    assert_eq!(operation_of(&with("chat-core", json!({ "operation": "op-0007" }))), Some(OperationId(7)));
    assert_eq!(operation_of(&with("mira", json!({}))), None);
    let pool = Some(request().pool);
    assert_eq!(pool_of(&with("op-0042", json!({})), Some(&operation())), pool);
    assert_eq!(pool_of(&with("op-0042", json!({ "pool": "chat-core" })), None), pool);
    assert_eq!(pool_of(&with("", json!({ "request": request() })), None), pool);
}
