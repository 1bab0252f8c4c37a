//! Promises about the store as a whole: many users at once, reopening, other versions.

use crate::{
    audit::entry,
    fixture::{Fixture, at, pool, session, with_person},
    journal::{opened, step},
};
use switchback_domain::{
    history::{Metric, Point, Span},
    operation::Epoch,
};
use switchback_engine::ports::{PoolRecord, RecordChange};
use switchback_store::OpenError;

pub async fn many_tasks_write_and_read_at_once(fixture: Fixture) {
    let store = &fixture.store;
    with_person(&**store, "ada").await;
    for secret in 0..20 {
        store.add_session(&session(secret, "ada", at(0), at(0))).await.unwrap();
    }
    let mut tasks = Vec::new();
    for secret in 0..20_u8 {
        let store = store.clone();
        tasks.push(tokio::spawn(async move {
            for turn in 1..=10 {
                store.touch_session(&[secret; 32], at(turn)).await.unwrap();
                let (seen, _) = store.session(&[secret; 32]).await.unwrap().unwrap();
                assert_eq!(seen.used_at, at(turn), "what was written is read");
            }
        }));
    }
    for writer in 0..4_i64 {
        let store = store.clone();
        tasks.push(tokio::spawn(async move {
            // All write the same spans of two figures, in two different orders.
            for turn in 0..30 {
                let value = writer * 100 + turn;
                let point = Point { at: at(turn * 10_000), min: value, max: value, last: value };
                let mut points = [(Metric::Loss, point), (Metric::LossBytes, point)];
                if writer % 2 == 0 {
                    points.reverse();
                }
                store.add_points(&pool("p"), &points).await.unwrap();
                store.append(&entry(value)).await.unwrap();
            }
        }));
    }
    let pruning = store.clone();
    tasks.push(tokio::spawn(async move {
        for _ in 0..5 {
            pruning.prune(at(0)).await.unwrap();
            pruning.write_check(at(0)).await.unwrap();
        }
    }));
    for task in tasks {
        task.await.unwrap();
    }
    for metric in [Metric::Loss, Metric::LossBytes] {
        let points = store.points(&pool("p"), &metric, Span::Quarter, at(0), at(300_000)).await.unwrap();
        let spans: Vec<_> = points.iter().map(|point| (point.at, point.min, point.max)).collect();
        let expected: Vec<_> = (0..30).map(|turn| (at(turn * 10_000), turn, 300 + turn)).collect();
        assert_eq!(spans, expected);
    }
    assert_eq!(store.entries(1_000).await.unwrap().len(), 120);
}

pub async fn everything_is_there_after_reopening(fixture: Fixture) {
    let ada = with_person(&*fixture.store, "ada").await;
    let kept = session(1, "ada", at(1), at(2));
    let point = Point { at: at(0), min: 1, max: 3, last: 2 };
    fixture.store.add_session(&kept).await.unwrap();
    fixture.store.add_points(&pool("p"), &[(Metric::Loss, point)]).await.unwrap();
    fixture.store.append(&entry(1)).await.unwrap();
    let fixture = fixture.reopen().await.reopen().await;
    let store = &*fixture.store;
    store.write_check(at(0)).await.unwrap();
    assert_eq!(store.session(&kept.secret_hash).await.unwrap(), Some((kept, ada)));
    assert_eq!(store.points(&pool("p"), &Metric::Loss, Span::Week, at(0), at(1)).await.unwrap(), [point]);
    assert_eq!(store.entries(9).await.unwrap(), [entry(1)]);
}

pub async fn the_store_of_the_version_before_is_brought_up_to_date(fixture: Fixture) {
    let ada = with_person(&*fixture.store, "ada").await;
    fixture.store.append(&entry(1)).await.unwrap();
    // Back to the tables of version 1, as they were before there were operations.
    let tables = "DROP TABLE evidence; DROP TABLE journal; DROP TABLE operations; DROP TABLE fences; DROP TABLE pools; \
                  DROP TABLE leases; DROP TABLE remembered; DROP TABLE write_check; DROP TABLE restored; DROP TABLE confirmed; \
                  DROP TABLE signing_keys;";
    let tables = format!("DROP TABLE operation_summaries; {tables}");
    fixture.tamper(&format!("{tables} DELETE FROM _sqlx_migrations WHERE version > 1")).await.unwrap();
    if fixture.url.starts_with("postgres:") {
        let functions = "DROP FUNCTION evidence_refuses_change, evidence_refuses_late, \
                         journal_refuses_change, journal_refuses_gaps, operations_refuse_change";
        fixture.tamper(functions).await.unwrap();
    }
    let fixture = fixture.reopen().await;
    let store = &*fixture.store;
    assert_eq!(store.person(&ada.login).await.unwrap().unwrap().0, ada);
    assert_eq!(store.entries(9).await.unwrap(), [entry(1)]);
    let (_, id) = opened(store, "p").await;
    assert_eq!(store.journal(id).await.unwrap(), [step(0)]);
}

pub async fn the_record_of_the_version_before_is_kept_and_tells_of_no_end(fixture: Fixture) {
    let (lease, _) = opened(&*fixture.store, "p").await;
    fixture.store.change_record(&lease, &RecordChange::Epoch(Epoch(3)), &entry(1)).await.unwrap();
    let back =
        "ALTER TABLE pools DROP COLUMN ended_at; ALTER TABLE leases DROP COLUMN machine; ALTER TABLE leases DROP COLUMN ends_since_boot;
                DROP TABLE write_check; DROP TABLE restored; DROP TABLE confirmed; DROP TABLE signing_keys;
                DROP TABLE operation_summaries;
                DELETE FROM _sqlx_migrations WHERE version > 3";
    fixture.tamper(back).await.unwrap();
    let fixture = fixture.reopen().await;
    let record = PoolRecord { epoch: Epoch(3), ..PoolRecord::default() };
    assert_eq!(fixture.store.record(&pool("p")).await.unwrap(), record);
    fixture.store.change_record(&lease, &RecordChange::Ended(at(5)), &entry(2)).await.unwrap();
    assert_eq!(fixture.store.record(&pool("p")).await.unwrap(), PoolRecord { ended_at: Some(at(5)), ..record });
}

pub async fn the_store_of_a_newer_program_is_refused_and_left_alone(fixture: Fixture) {
    fixture.store.append(&entry(1)).await.unwrap();
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 SELECT 77, 'from the future', success, checksum, execution_time FROM _sqlx_migrations WHERE version = 1";
    fixture.tamper(newer).await.unwrap();
    let refused = switchback_store::open(&fixture.url).await.err().unwrap();
    assert!(matches!(refused, OpenError::Newer { found: 77, known: 14 }), "{refused:?}");
    // Going back to the newer program finds everything as it was.
    fixture.tamper("DELETE FROM _sqlx_migrations WHERE version = 77").await.unwrap();
    let fixture = fixture.reopen().await;
    assert_eq!(fixture.store.entries(9).await.unwrap(), [entry(1)]);
}

pub async fn a_migration_that_was_changed_is_noticed(fixture: Fixture) {
    let checksum = if fixture.url.starts_with("sqlite:") { "x'00'" } else { "'\\x00'::bytea" };
    fixture.tamper(&format!("UPDATE _sqlx_migrations SET checksum = {checksum}")).await.unwrap();
    let refused = switchback_store::open(&fixture.url).await.err().unwrap();
    assert!(matches!(refused, OpenError::Tables { .. }), "{refused:?}");
}
