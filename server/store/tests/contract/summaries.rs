//! Promises about operations as lists show them.

use crate::{
    audit::entry as audited,
    fixture::{Fixture, pool},
    journal::{leased, opening},
};
use std::path::Path;
use switchback_domain::{
    Side,
    operation::{Entry, Epoch, MadeActive, Operation, OperationId, OperationSummary, StageCode},
};
use switchback_engine::ports::{Lease, Opening, Store};

/// A golden journal of the first version.
pub fn golden(name: &str) -> Vec<Entry> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../journal-format/golden/v1");
    let text = std::fs::read_to_string(folder.join(format!("{name}.jsonl"))).unwrap();
    text.lines().map(|line| switchback_journal_format::entry_from_text(line).unwrap()).collect()
}

/// Writes a whole journal as the console does.
pub async fn written(store: &dyn Store, lease: &Lease, journal: &[Entry]) -> OperationId {
    let mut operation = Operation::from_journal(OperationId(0), &journal[..1]).unwrap();
    let epoch = store.record(&lease.pool).await.unwrap().epoch;
    let first = journal[0].clone();
    let opening = Opening { first, epoch, summary: operation.summary(), ..opening(0) };
    let id = store.open_operation(lease, &opening).await.unwrap();
    for entry in &journal[1..] {
        let number = operation.events;
        operation.evolve(entry).unwrap();
        store.append_entry(lease, id, number, entry, Some(&audited(1)), &[], &operation.summary()).await.unwrap();
    }
    id
}

/// What a list shows of it; times are kept in whole milliseconds.
fn expected(id: OperationId, name: &str, journal: &[Entry]) -> OperationSummary {
    let whole = |at: jiff::Timestamp| jiff::Timestamp::from_millisecond(at.as_millisecond()).unwrap();
    let told = Operation::from_journal(id, journal).unwrap().summary();
    OperationSummary { pool: pool(name), requested_at: told.requested_at.map(whole), ended_at: told.ended_at.map(whole), ..told }
}

const ENDED: [&str; 5] = ["switchover-done", "failover-cancelled", "members-done", "rehearsed-switchover-done", "resolve-abandoned"];

/// Changes an entry behind the store's back, as a damaged disk would.
pub async fn damage(fixture: &Fixture, change: &str) {
    let sql = if fixture.url.starts_with("sqlite:") {
        format!("DROP TRIGGER IF EXISTS journal_refuses_update; DROP TRIGGER IF EXISTS journal_refuses_delete; {change}")
    } else {
        format!(
            "ALTER TABLE journal DISABLE TRIGGER journal_refuses_change; {change}; ALTER TABLE journal ENABLE ALWAYS TRIGGER journal_refuses_change"
        )
    };
    fixture.tamper(&sql).await.unwrap();
}

pub async fn lists_show_what_the_journals_say_and_read_none(fixture: Fixture) {
    let store = &*fixture.store;
    let lease = leased(store, "p").await;
    let mut all = Vec::new();
    for name in ENDED {
        let journal = golden(name);
        let id = written(store, &lease, &journal).await;
        all.insert(0, expected(id, "p", &journal));
    }
    // After each entry the line is what the journal says until then.
    let journal = golden("failover-asks");
    let other = leased(store, "q").await;
    let mut operation = Operation::from_journal(OperationId(0), &journal[..1]).unwrap();
    let id =
        store.open_operation(&other, &Opening { first: journal[0].clone(), summary: operation.summary(), ..opening(0) }).await.unwrap();
    for (number, entry) in (1..).zip(&journal[1..]) {
        operation.evolve(entry).unwrap();
        store.append_entry(&other, id, number, entry, None, &[], &operation.summary()).await.unwrap();
        let now = expected(id, "q", &journal[..=number as usize]);
        assert_eq!(store.summary(id).await.unwrap(), Some(now.clone()));
        assert_eq!(store.summaries(None, 1).await.unwrap(), [now]);
    }
    assert_eq!(store.summaries(Some(&pool("p")), 99).await.unwrap(), all);
    assert_eq!(store.summaries(Some(&pool("p")), 2).await.unwrap(), all[..2]);
    assert_eq!(store.summaries(Some(&pool("r")), 99).await.unwrap(), []);
    assert_eq!(store.summary(OperationId(u64::MAX)).await.unwrap(), None);
    // No journal of them is read: these could not be.
    damage(&fixture, "UPDATE journal SET entry = 'x' WHERE operation <= 5").await;
    assert_eq!(store.summaries(Some(&pool("p")), 99).await.unwrap(), all);
}

pub async fn what_is_missing_is_worked_out_from_the_journals_at_the_next_start(fixture: Fixture) {
    let lease = leased(&*fixture.store, "p").await;
    for name in ENDED.into_iter().chain(["failover-under-way"]) {
        written(&*fixture.store, &lease, &golden(name)).await;
    }
    let before = fixture.store.summaries(None, 99).await.unwrap();
    assert_eq!(before.len(), 6);
    fixture.tamper("DELETE FROM operation_summaries").await.unwrap();
    let fixture = fixture.reopen().await;
    assert_eq!(fixture.store.summaries(None, 99).await.unwrap(), before);

    // An older program knows nothing of the columns about the loss, and changes rows without them.
    for change in ["loss = NULL, loss_entries = NULL", "loss_entries = loss_entries - 1"] {
        fixture.tamper(&format!("UPDATE operation_summaries SET {change}")).await.unwrap();
        assert_eq!(fixture.store.summaries(None, 99).await.unwrap(), before);
    }
    let fixture = fixture.reopen().await;
    damage(&fixture, "UPDATE journal SET entry = 'x' WHERE operation = 1").await;
    let loss = fixture.store.summary(OperationId(1)).await.unwrap().unwrap().loss;
    assert!(loss.is_some() && loss == before[5].loss, "filled at the start: {loss:?}");

    // Of what cannot be read it is said that it cannot; nothing else is barred by it.
    damage(&fixture, "UPDATE journal SET entry = '{}' WHERE operation = 2 AND number = 1").await;
    fixture.tamper("DELETE FROM operation_summaries").await.unwrap();
    let fixture = fixture.reopen().await;
    let after = fixture.store.summaries(None, 99).await.unwrap();
    assert_eq!(&after[..4], &before[..4]);
    assert_eq!((after[4].stage, after[4].unreadable.map(|entry| entry.number)), (StageCode::Unreadable, Some(1)));
    assert_eq!(fixture.store.made_active(&pool("p")).await.unwrap().map(|made| made.operation), Some(OperationId(5)));
}

pub async fn what_a_console_of_an_older_version_writes_beside_this_one_is_read_from_its_journal(fixture: Fixture) {
    let store = &*fixture.store;
    let journal = golden("failover-under-way");
    let lease = leased(store, "p").await;
    let id = written(store, &lease, &journal).await;
    let entry = switchback_journal_format::entry_to_text(&golden("failover-done")[6]).unwrap();
    fixture.tamper(&format!("INSERT INTO journal (operation, number, entry) VALUES ({}, 6, '{entry}')", id.0)).await.unwrap();
    let now: Vec<Entry> = journal.iter().cloned().chain([golden("failover-done")[6].clone()]).collect();
    assert_eq!(store.summary(id).await.unwrap(), Some(expected(id, "p", &now)));
    fixture.tamper("DELETE FROM operation_summaries").await.unwrap();
    assert_eq!(store.summaries(None, 9).await.unwrap(), [expected(id, "p", &now)]);
}

pub async fn the_newest_operation_that_made_a_site_active_is_found(fixture: Fixture) {
    let store = &*fixture.store;
    let lease = leased(store, "p").await;
    let made = async || store.made_active(&pool("p")).await.unwrap();
    assert_eq!(made().await, None);
    let first = written(store, &lease, &golden("switchover-done")).await;
    assert_eq!(made().await, Some(MadeActive { side: Side::B, operation: first }));
    // Neither what was cancelled nor what moves no site answers the question.
    written(store, &lease, &golden("failover-cancelled")).await;
    written(store, &lease, &golden("reprotect-done")).await;
    assert_eq!(made().await, Some(MadeActive { side: Side::B, operation: first }));
    let home = written(store, &lease, &golden("failback-done")).await;
    assert_eq!(made().await, Some(MadeActive { side: Side::A, operation: home }));
    // What cannot be read may have made any site active.
    damage(&fixture, &format!("UPDATE journal SET entry = '' WHERE operation = {}", home.0)).await;
    fixture.tamper(&format!("DELETE FROM operation_summaries WHERE operation = {}", home.0)).await.unwrap();
    assert_eq!(made().await, None);
    assert_eq!(store.record(&pool("p")).await.unwrap().epoch, Epoch(0));
}
