//! Promises about the audit history.

use crate::fixture::{Fixture, at};
use serde_json::json;
use switchback_domain::audit::{Deed, DeedOutcome, Recorded};
use switchback_engine::{
    audit::{Actor, audited},
    ports::{AuditEntry, StoreError},
};

pub fn entry(number: i64) -> AuditEntry {
    from_store(number, "sign_in", DeedOutcome::ALL[usize::try_from(number % 3).unwrap()].as_code())
}

fn from_store(number: i64, deed: &str, outcome: &str) -> AuditEntry {
    let actor = (number % 2 == 0).then(|| "ada".parse().unwrap());
    let detail = json!({ "number": number, "list": [1.5, null, "text"] });
    AuditEntry::from_store(at(number), actor, (deed, outcome), format!("number {number}"), detail, "192.0.2.7".into())
}

/// An entry that the store refuses whatever comes with it.
pub fn vague(number: i64) -> AuditEntry {
    from_store(number, "sign_in", "maybe")
}

pub async fn a_deed_of_a_newer_program_comes_back_as_it_was_written(fixture: Fixture) {
    let newer = from_store(1, "moon_landed", "failed");
    fixture.store.append(&newer).await.unwrap();
    let read = fixture.store.entries(1).await.unwrap().remove(0);
    assert_eq!((read.deed(), read.deed().as_code()), (&Recorded::Unknown("moon_landed".to_owned()), "moon_landed"));
    assert_eq!((read.outcome(), &read), (&Recorded::Known(DeedOutcome::Failed), &newer));
}

pub async fn every_deed_can_be_written_down_with_every_outcome(fixture: Fixture) {
    for deed in Deed::ALL {
        for outcome in DeedOutcome::ALL {
            let entry = audited(&Actor::stranger("192.0.2.7"), *deed, "x").close(at(1), *outcome, json!({}));
            fixture.store.append(&entry).await.unwrap();
            assert_eq!(fixture.store.entries(1).await.unwrap(), [entry]);
        }
    }
}

pub async fn entries_come_back_whole_and_newest_first(fixture: Fixture) {
    let store = &*fixture.store;
    assert_eq!(store.entries(10).await.unwrap(), []);
    // The order is the order of writing, also when a clock was set back.
    let written = [entry(5), entry(4), entry(6)];
    for entry in &written {
        store.append(entry).await.unwrap();
    }
    let newest_first: Vec<AuditEntry> = written.iter().rev().cloned().collect();
    assert_eq!(store.entries(10).await.unwrap(), newest_first);
    assert_eq!(store.entries(2).await.unwrap(), newest_first[..2]);
}

pub async fn nothing_in_the_audit_history_can_be_changed(fixture: Fixture) {
    let store = &*fixture.store;
    store.append(&entry(1)).await.unwrap();
    store.append(&entry(2)).await.unwrap();
    let before = store.entries(10).await.unwrap();
    let columns = "(id, at, action, subject, result, detail, from_address)";
    let row = "(1, 0, 'x', 'x', 'done', '{}', 'x')";
    let mut attempts = vec![
        "UPDATE audit SET subject = 'nothing happened'".to_owned(),
        "UPDATE audit SET actor = NULL WHERE id = 2".to_owned(),
        "DELETE FROM audit WHERE id = 1".to_owned(),
        "DELETE FROM audit".to_owned(),
    ];
    if fixture.url.starts_with("sqlite:") {
        attempts.push(format!("INSERT OR REPLACE INTO audit {columns} VALUES {row}"));
        attempts.push(format!("INSERT INTO audit {columns} VALUES {row} ON CONFLICT (id) DO UPDATE SET subject = 'x'"));
    } else {
        let insert = format!("INSERT INTO audit {columns} OVERRIDING SYSTEM VALUE VALUES {row}");
        attempts.push(format!("{insert} ON CONFLICT (id) DO UPDATE SET subject = 'x'"));
        attempts.push("TRUNCATE audit".to_owned());
        attempts.push("SET session_replication_role = replica; DELETE FROM audit".to_owned());
        attempts.push("SET session_replication_role = replica; TRUNCATE audit".to_owned());
    }
    for attempt in attempts {
        let refused = fixture.tamper(&attempt).await.expect_err(&attempt);
        assert!(refused.to_string().contains("append-only"), "{attempt}: {refused}");
        assert_eq!(store.entries(10).await.unwrap(), before, "{attempt}");
    }
    store.append(&entry(3)).await.unwrap();
    assert_eq!(store.entries(1).await.unwrap(), [entry(3)]);
}

pub async fn any_text_can_be_written_down(fixture: Fixture) {
    let store = &*fixture.store;
    // Nobody may keep an attempt out of the history by typing something that the database refuses.
    let typed = "'; DROP TABLE audit; -- \u{0} \u{1} 爱达 \u{1f600} \u{202e}";
    let odd = AuditEntry::from_store(at(1), None, ("sign_in", "refused"), typed.into(), json!({ typed: typed }), typed.into());
    store.append(&odd).await.unwrap();
    let kept = store.entries(1).await.unwrap().remove(0);
    assert_eq!(kept.subject, typed.replace('\0', "\u{fffd}"));
    assert_eq!(kept.detail, odd.detail);
    let long = entry(2).with_subject("x".repeat(1_000_000));
    store.append(&long).await.unwrap();
    assert_eq!(store.entries(1).await.unwrap(), [long]);
}

pub async fn an_unknown_result_is_refused(fixture: Fixture) {
    assert!(matches!(fixture.store.append(&vague(1)).await, Err(StoreError::Failed(_))));
    assert_eq!(fixture.store.entries(1).await.unwrap(), []);
}
