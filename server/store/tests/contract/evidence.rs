//! Promises about what operations keep for people.

use crate::{
    audit::{entry as audited, vague},
    fixture::{Fixture, at},
    journal::{opened, step, summary},
};
use switchback_domain::operation::{Evidence, OperationId};
use switchback_engine::ports::StoreError;

pub fn evidence(name: &str, content: &[u8]) -> Evidence {
    Evidence { name: name.to_owned(), bytes: content.len() as u64, sha256: "0f".repeat(32), kept_at: at(7) }
}

fn is_taken<T: std::fmt::Debug>(outcome: &Result<T, StoreError>) {
    assert!(matches!(outcome, Err(StoreError::Taken)), "{outcome:?}");
}

pub async fn what_is_kept_comes_back_whole_and_listed_by_name(fixture: Fixture) {
    let store = &*fixture.store;
    let (_, first) = opened(store, "p").await;
    let (_, second) = opened(store, "q").await;
    let odd: Vec<u8> = (0..=255).collect();
    for (name, content) in [("b.jsonl", odd.as_slice()), ("a'; --.jsonl", b"{}\n"), ("empty", b"")] {
        store.keep_evidence(first, &evidence(name, content), content, &audited(1)).await.unwrap();
    }
    store.keep_evidence(second, &evidence("b.jsonl", b"other"), b"other", &audited(2)).await.unwrap();
    assert_eq!(store.entries(9).await.unwrap().len(), 6, "one line for each, and two operations");

    let fixture = fixture.reopen().await;
    let store = &*fixture.store;
    let listed = [evidence("a'; --.jsonl", b"{}\n"), evidence("b.jsonl", &odd), evidence("empty", b"")];
    assert_eq!(store.evidence_names(first).await.unwrap(), listed);
    assert_eq!(store.evidence(first, "b.jsonl").await.unwrap(), Some(odd));
    assert_eq!(store.evidence(first, "empty").await.unwrap(), Some(Vec::new()));
    assert_eq!(store.evidence(second, "b.jsonl").await.unwrap(), Some(b"other".to_vec()));
    for (operation, name) in [(first, "B.jsonl"), (first, "b\0.jsonl"), (second, "empty"), (OperationId(99), "b.jsonl")] {
        assert_eq!(store.evidence(operation, name).await.unwrap(), None, "{operation} {name:?}");
    }
    assert_eq!(store.evidence_names(OperationId(u64::MAX)).await.unwrap(), []);
}

pub async fn an_operation_that_has_ended_keeps_nothing_more(fixture: Fixture) {
    let store = &*fixture.store;
    let (lease, id) = opened(store, "p").await;
    is_taken(&store.keep_evidence(OperationId(id.0 + 1), &evidence("a", b"x"), b"x", &audited(1)).await);
    store.keep_evidence(id, &evidence("a", b"x"), b"x", &audited(1)).await.unwrap();
    store.append_entry(&lease, id, 1, &step(1), None, &[], &summary(true)).await.unwrap();
    let before = store.entries(9).await.unwrap();
    is_taken(&store.keep_evidence(id, &evidence("b", b"y"), b"y", &audited(2)).await);
    assert_eq!(store.evidence_names(id).await.unwrap(), [evidence("a", b"x")]);
    assert_eq!(store.entries(9).await.unwrap(), before, "what is not kept has no line in the audit history");
}

pub async fn nothing_that_is_kept_can_be_changed(fixture: Fixture) {
    let store = &*fixture.store;
    let (lease, ended) = opened(store, "p").await;
    store.append_entry(&lease, ended, 1, &step(1), None, &[], &summary(true)).await.unwrap();
    let (_, id) = opened(store, "p").await;
    let kept = evidence("a", b"first");
    store.keep_evidence(id, &kept, b"first", &audited(1)).await.unwrap();
    let before = store.entries(9).await.unwrap();
    is_taken(&store.keep_evidence(id, &evidence("a", b"second"), b"second", &audited(2)).await);
    // What fails last takes everything before it back.
    let vague = vague(2);
    let refused = store.keep_evidence(id, &evidence("b", b"second"), b"second", &vague).await;
    assert!(matches!(refused, Err(StoreError::Failed(_))), "{refused:?}");
    assert_eq!(store.entries(9).await.unwrap(), before);

    let digest = "0f".repeat(32);
    let other = if fixture.url.starts_with("sqlite:") { "x'78'" } else { "'x'" };
    let columns = "(operation, name, sha256, kept_at, content)";
    let row = |operation: OperationId, name: &str| format!("({}, '{name}', '{digest}', 0, {other})", operation.0);
    let mut attempts = vec![
        format!("UPDATE evidence SET content = {other}"),
        "UPDATE evidence SET name = 'b' WHERE name = 'a'".to_owned(),
        "DELETE FROM evidence".to_owned(),
        format!("INSERT INTO evidence {columns} VALUES {} ON CONFLICT (operation, name) DO UPDATE SET content = {other}", row(id, "a")),
        format!("INSERT INTO evidence {columns} VALUES {}", row(ended, "late")),
    ];
    if fixture.url.starts_with("sqlite:") {
        attempts.push(format!("INSERT OR REPLACE INTO evidence {columns} VALUES {}", row(id, "a")));
        let moved = row(id, "b").replacen('(', "(1, ", 1);
        attempts.push(format!("INSERT OR REPLACE INTO evidence (rowid, operation, name, sha256, kept_at, content) VALUES {moved}"));
        attempts.push("PRAGMA foreign_keys = off; DELETE FROM evidence".to_owned());
    } else {
        attempts.push("TRUNCATE evidence".to_owned());
        for attempt in attempts.clone() {
            attempts.push(format!("SET session_replication_role = replica; {attempt}"));
        }
    }
    for attempt in attempts {
        let refused = fixture.tamper(&attempt).await.expect_err(&attempt);
        assert!(refused.to_string().contains("append-only"), "{attempt}: {refused}");
        assert_eq!(store.evidence_names(id).await.unwrap(), std::slice::from_ref(&kept), "{attempt}");
        assert_eq!(store.evidence(id, "a").await.unwrap().as_deref(), Some(b"first".as_slice()), "{attempt}");
        assert_eq!(store.evidence_names(ended).await.unwrap(), [], "{attempt}");
    }
}

/// Prints how long it takes, because the journal waits for it meanwhile; a machine that is busy with other tests may take longer.
pub async fn as_much_as_a_lost_timeline_may_have_is_kept(fixture: Fixture) {
    let store = &*fixture.store;
    let (lease, id) = opened(store, "p").await;
    let line = "{\"database\":\"chat\",\"schema\":\"public\",\"table\":\"archive\",\"xid\":4711,\"row\":{\"id\":1,\"text\":\"爱达\"}}\n";
    let content = line.repeat(64 * 1024 * 1024 / line.len()).into_bytes();
    let begun = std::time::Instant::now();
    store.keep_evidence(id, &evidence("large", &content), &content, &audited(1)).await.unwrap();
    let kind = fixture.url.split(':').next().unwrap();
    println!("{kind}: {} bytes kept in {:.2} s", content.len(), begun.elapsed().as_secs_f64());
    assert!(store.evidence(id, "large").await.unwrap().as_deref() == Some(content.as_slice()));
    store.append_entry(&lease, id, 1, &step(1), None, &[], &summary(true)).await.unwrap();
}
