//! Promises about the journal of operations and the record of pools.

use crate::{
    audit::{entry as audited, vague},
    fixture::{Fixture, at, pool},
    lease::ask,
};
use jiff::SignedDuration;
use switchback_domain::{
    ByteLag, Millis, Side, fixture,
    operation::{
        Choice, Entry, Epoch, Event, Fence, Intent, OperationId, OperationSummary, Outage, Outcome, PoolState, Request, StageCode, plan,
    },
};
use switchback_engine::ports::{AuditEntry, Lease, Opening, PoolRecord, RecordChange, Store, StoreError};

/// The lease of a pool for a day.
pub async fn leased(store: &dyn Store, name: &str) -> Lease {
    store.take_lease(&pool(name), &ask("the console", "here", 0)).await.unwrap().taken().expect("nobody else holds it")
}

/// Entries that differ by their number.
pub fn step(number: u32) -> Entry {
    Entry { at: at(i64::from(number)), event: Event::StepBegun { step: number as usize } }
}

/// An operation as lists show it, running or ended.
pub fn summary(ended: bool) -> OperationSummary {
    let stage = if ended { StageCode::Done } else { StageCode::Running };
    OperationSummary { stage, ..OperationSummary::unknown(OperationId(0), pool("p")) }
}

/// The opening of an operation, with entry 0, in the first epoch.
pub fn opening(number: i64) -> Opening {
    Opening { first: step(0), audit: audited(number), epoch: Epoch::default(), key: None, summary: summary(false), closes: None }
}

fn rests_on(epoch: u64) -> Opening {
    Opening { epoch: Epoch(epoch), ..opening(0) }
}

/// Opens an operation of the pool, with entry 0.
pub async fn opened(store: &dyn Store, name: &str) -> (Lease, OperationId) {
    let lease = leased(store, name).await;
    let id = store.open_operation(&lease, &opening(0)).await.unwrap();
    (lease, id)
}

fn fence(side: Side) -> Fence {
    let since = at(7) + SignedDuration::from_nanos(89);
    Fence { side, epoch: Epoch(3), operation: Some(OperationId(1)), since, expected_loss: Some(ByteLag(u64::MAX)), answers: Vec::new() }
}

/// Everything that an operation's write could have changed.
pub async fn seen(store: &dyn Store, name: &str) -> (Vec<Vec<Entry>>, Vec<AuditEntry>, PoolRecord, Option<OperationId>) {
    let mut journals = Vec::new();
    for id in store.operations(None, 99).await.unwrap() {
        journals.push(store.journal(id).await.unwrap());
    }
    let audit = store.entries(999).await.unwrap();
    (journals, audit, store.record(&pool(name)).await.unwrap(), store.open_operation_of(&pool(name)).await.unwrap())
}

fn is_taken<T: std::fmt::Debug>(outcome: &Result<T, StoreError>) {
    assert!(matches!(outcome, Err(StoreError::Taken)), "{outcome:?}");
}

fn has_failed<T: std::fmt::Debug>(outcome: &Result<T, StoreError>) {
    assert!(matches!(outcome, Err(StoreError::Failed(_))), "{outcome:?}");
}

/// A journal with real plans, odd texts, extreme figures and times between milliseconds.
fn eventful() -> Vec<Entry> {
    let odd = "'; DROP TABLE journal; -- \u{0} \u{1} 爱达 \u{1f600} \\ \" \u{202e}".to_owned();
    let world = fixture::World::healthy(at(0));
    let intent = Intent::Switchover { to: Side::B };
    let plan = plan(&world.pool, &world.picture(), &PoolState::default(), intent.clone(), at(0));
    assert!(!plan.steps.is_empty());
    let request = Request {
        pool: world.pool.id.clone(),
        intent,
        plan: "00".repeat(32),
        planned_at: at(0),
        reason: odd.clone(),
        ticket: "x".repeat(100_000),
        typed_pool: world.pool.id.to_string(),
        typed_site: "b".into(),
        accepts_loss: false,
        acknowledged: Vec::new(),
        attestation: odd.clone(),
        overridden: Vec::new(),
        dry_run: true,
    };
    let outage = Outage { last_write_at: at(1), first_write_at: None, acknowledged: u64::MAX, found: Some(0), uncertain: Millis(7) };
    let by: switchback_domain::Login = "ada".parse().unwrap();
    let events = [
        Event::Requested { request: request.into(), by: by.clone(), plan: plan.into() },
        Event::StepBegun { step: 0 },
        Event::OutageSeen { outage },
        Event::Answered { number: u32::MAX, choice: Choice::Attest, by: by.clone(), reason: odd },
        Event::Finished { outcome: Outcome::Abandoned { by } },
    ];
    let times = (1..).map(|number| at(number) + SignedDuration::from_nanos(number));
    times.zip(events).map(|(at, event)| Entry { at, event }).collect()
}

pub async fn entries_come_back_whole_and_in_order(fixture: Fixture) {
    let store = &*fixture.store;
    let written = eventful();
    let lease = leased(store, "p").await;
    let id = store.open_operation(&lease, &Opening { first: written[0].clone(), ..opening(0) }).await.unwrap();
    for (number, entry) in (0..).zip(&written).skip(1) {
        let audit = (number % 2 == 0).then(|| audited(i64::from(number)));
        store.append_entry(&lease, id, number, entry, audit.as_ref(), &[], &summary(false)).await.unwrap();
        assert_eq!(store.journal(id).await.unwrap(), written[..=number as usize]);
    }
    assert_eq!(store.entries(9).await.unwrap(), [audited(4), audited(2), audited(0).with_subject(id.to_string())]);
    for unknown in [OperationId(0), OperationId(id.0 + 1), OperationId(u64::MAX)] {
        assert_eq!(store.journal(unknown).await.unwrap(), []);
        is_taken(&store.append_entry(&lease, unknown, 0, &step(0), None, &[], &summary(false)).await);
    }
    let fixture = fixture.reopen().await;
    assert_eq!(fixture.store.journal(id).await.unwrap(), written);
    assert_eq!(fixture.store.open_operation_of(&pool("p")).await.unwrap(), Some(id));
}

pub async fn a_pool_has_one_open_operation_at_most(fixture: Fixture) {
    let store = &*fixture.store;
    let (lease, first) = opened(store, "p").await;
    let before = seen(store, "p").await;
    is_taken(&store.open_operation(&lease, &opening(1)).await);
    assert_eq!(seen(store, "p").await, before);
    // Not even somebody with a database client opens a second one.
    fixture.tamper("INSERT INTO operations (pool, ended) VALUES ('p', 0)").await.expect_err("a second open operation");
    assert_eq!(seen(store, "p").await, before);

    let (_, other) = opened(store, "q").await;
    store.append_entry(&lease, first, 1, &step(1), None, &[], &summary(true)).await.unwrap();
    assert_eq!(store.open_operation_of(&pool("p")).await.unwrap(), None);
    let second = store.open_operation(&lease, &opening(2)).await.unwrap();
    assert!(first < other && other < second, "{first} {other} {second}");
    assert_eq!(store.open_operation_of(&pool("p")).await.unwrap(), Some(second));
    assert_eq!(store.open_operation_of(&pool("q")).await.unwrap(), Some(other));
    assert_eq!(store.operations(None, 9).await.unwrap(), [second, other, first]);
    assert_eq!(store.operations(None, 2).await.unwrap(), [second, other]);
    assert_eq!(store.operations(Some(&pool("p")), 9).await.unwrap(), [second, first]);
    assert_eq!(store.operations(Some(&pool("p")), 1).await.unwrap(), [second]);
    assert_eq!(store.operations(Some(&pool("r")), 9).await.unwrap(), []);
}

pub async fn a_lost_lease_writes_nothing(fixture: Fixture) {
    let store = &*fixture.store;
    let (lost, id) = opened(store, "p").await;
    let others = leased(store, "q").await;
    let raised = RecordChange::Epoch(Epoch(9));
    let refused = async |lease: &Lease| {
        let before = seen(store, "p").await;
        is_taken(&store.append_entry(lease, id, 1, &step(1), Some(&audited(1)), std::slice::from_ref(&raised), &summary(true)).await);
        is_taken(&store.change_record(lease, &raised, &audited(2)).await);
        assert_eq!(seen(store, "p").await, before);
    };
    refused(&Lease { token: lost.token + 1, ..lost.clone() }).await;
    store.give_lease_back(&lost).await.unwrap();
    refused(&lost).await;
    let taken = store.take_lease(&pool("p"), &ask("another console", "here", 99)).await.unwrap().taken().unwrap();
    refused(&lost).await;
    // Somebody who does not know yet that the lease is lost does not give back what is not theirs.
    store.give_lease_back(&lost).await.unwrap();
    store.append_entry(&taken, id, 1, &step(1), Some(&audited(3)), &[], &summary(true)).await.unwrap();
    is_taken(&store.open_operation(&lost, &opening(4)).await);
    assert_eq!(store.open_operation_of(&pool("p")).await.unwrap(), None);

    // The lease of another pool is no lease of this one.
    let second = store.open_operation(&taken, &opening(5)).await.unwrap();
    let before = seen(store, "p").await;
    is_taken(&store.append_entry(&others, second, 1, &step(1), Some(&audited(6)), &[raised], &summary(true)).await);
    assert_eq!(seen(store, "p").await, before);
}

pub async fn an_entry_is_written_once_and_in_turn(fixture: Fixture) {
    let store = &*fixture.store;
    let (lease, id) = opened(store, "p").await;
    store.append_entry(&lease, id, 1, &step(1), Some(&audited(1)), &[], &summary(false)).await.unwrap();
    let before = seen(store, "p").await;
    for number in [0, 1] {
        let changes = [RecordChange::Epoch(Epoch(5))];
        is_taken(&store.append_entry(&lease, id, number, &step(9), Some(&audited(2)), &changes, &summary(true)).await);
    }
    has_failed(&store.append_entry(&lease, id, 3, &step(3), Some(&audited(3)), &[], &summary(true)).await);
    assert_eq!(seen(store, "p").await, before);
    store.append_entry(&lease, id, 2, &step(2), None, &[], &summary(true)).await.unwrap();
    is_taken(&store.append_entry(&lease, id, 3, &step(3), Some(&audited(4)), &[], &summary(false)).await);
    assert_eq!(store.journal(id).await.unwrap(), [step(0), step(1), step(2)]);
    assert_eq!(store.entries(9).await.unwrap().len(), 2);
}

pub async fn nothing_in_the_journal_can_be_changed(fixture: Fixture) {
    let store = &*fixture.store;
    let (lease, first) = opened(store, "p").await;
    store.append_entry(&lease, first, 1, &step(1), None, &[], &summary(true)).await.unwrap();
    let (_, second) = opened(store, "p").await;
    let before = seen(store, "p").await;
    let mut attempts: Vec<String> = [
        "UPDATE journal SET entry = '{}' WHERE number = 1",
        "UPDATE journal SET number = 7",
        "DELETE FROM journal",
        "INSERT INTO journal (operation, number, entry) VALUES (1, 0, '{}') ON CONFLICT (operation, number) DO UPDATE SET entry = '{}'",
        // An ended operation takes no more entries, and an open one none out of turn.
        "INSERT INTO journal (operation, number, entry) VALUES (1, 2, '{}')",
        "INSERT INTO journal (operation, number, entry) VALUES (2, 5, '{}')",
        "INSERT INTO journal (operation, number, entry) VALUES (2, -1, '{}')",
        "UPDATE operations SET ended = 0 WHERE id = 1",
        "UPDATE operations SET ended = 1 WHERE id = 1",
        "UPDATE operations SET pool = 'q' WHERE id = 2",
        "UPDATE operations SET pool = 'q', ended = 1 WHERE id = 2",
        "DELETE FROM operations WHERE id = 2",
    ]
    .map(str::to_owned)
    .into();
    if fixture.url.starts_with("sqlite:") {
        attempts.push("INSERT OR REPLACE INTO journal (operation, number, entry) VALUES (2, 0, '{}')".into());
        attempts.push("INSERT OR REPLACE INTO operations (id, pool, ended) VALUES (1, 'p', 0)".into());
        attempts.push("UPDATE OR REPLACE operations SET id = 9, ended = 1 WHERE id = 2".into());
        attempts.push("PRAGMA foreign_keys = off; DELETE FROM operations".into());
        attempts.push("PRAGMA foreign_keys = off; INSERT OR REPLACE INTO operations (pool, ended) VALUES ('p', 0)".into());
    } else {
        attempts.push("TRUNCATE journal".into());
        attempts.push("TRUNCATE operations CASCADE".into());
        for attempt in attempts.clone() {
            attempts.push(format!("SET session_replication_role = replica; {attempt}"));
        }
    }
    for attempt in attempts {
        let refused = fixture.tamper(&attempt).await.expect_err(&attempt);
        assert!(refused.to_string().contains("append-only"), "{attempt}: {refused}");
        assert_eq!(seen(store, "p").await, before, "{attempt}");
    }
    store.append_entry(&lease, second, 1, &step(1), None, &[], &summary(false)).await.unwrap();
}

pub async fn changes_of_the_record_are_one_with_their_entry(fixture: Fixture) {
    let store = &*fixture.store;
    assert_eq!(store.record(&pool("p")).await.unwrap(), PoolRecord::default());
    let (lease, id) = opened(store, "p").await;
    let (a, b) = (fence(Side::A), fence(Side::B));
    let both = [RecordChange::FenceUp(b.clone()), RecordChange::Epoch(Epoch(3)), RecordChange::FenceUp(a.clone())];
    store.append_entry(&lease, id, 1, &step(1), Some(&audited(1)), &both, &summary(false)).await.unwrap();
    let record = PoolRecord { epoch: Epoch(3), fences: vec![a.clone(), b.clone()], ended_at: None, unconfirmed: None };
    assert_eq!(store.record(&pool("p")).await.unwrap(), record);
    assert_eq!(store.record(&pool("q")).await.unwrap(), PoolRecord::default());

    // What fails last takes everything before it back: a change that cannot be kept, and an audit entry that cannot.
    let before = seen(store, "p").await;
    let bad = [RecordChange::FenceDown(Side::A), RecordChange::Epoch(Epoch(u64::MAX))];
    has_failed(&store.append_entry(&lease, id, 2, &step(2), Some(&audited(2)), &bad, &summary(true)).await);
    let vague = vague(2);
    let good = [RecordChange::FenceDown(Side::A), RecordChange::Epoch(Epoch(4))];
    has_failed(&store.append_entry(&lease, id, 2, &step(2), Some(&vague), &good, &summary(true)).await);
    has_failed(&store.change_record(&lease, &good[0], &vague).await);
    assert_eq!(seen(store, "p").await, before);
    store.append_entry(&lease, id, 2, &step(2), None, &[], &summary(true)).await.unwrap();
    let ids = store.operations(None, 9).await.unwrap();
    has_failed(&store.open_operation(&lease, &Opening { audit: vague, ..rests_on(3) }).await);
    assert_eq!(store.operations(None, 9).await.unwrap(), ids);

    // A fence that is put up again is the new one; one that is taken down is gone, also when it was gone already.
    let newer = Fence { epoch: Epoch(4), ..a };
    store.change_record(&lease, &RecordChange::FenceUp(newer.clone()), &audited(3)).await.unwrap();
    for number in [4, 5] {
        store.change_record(&lease, &RecordChange::FenceDown(Side::B), &audited(number)).await.unwrap();
    }
    assert_eq!(
        store.record(&pool("p")).await.unwrap(),
        PoolRecord { epoch: Epoch(3), fences: vec![newer.clone()], ended_at: None, unconfirmed: None }
    );
    assert_eq!(store.entries(3).await.unwrap(), [audited(5), audited(4), audited(3)]);
    let fixture = fixture.reopen().await;
    assert_eq!(
        fixture.store.record(&pool("p")).await.unwrap(),
        PoolRecord { epoch: Epoch(3), fences: vec![newer], ended_at: None, unconfirmed: None }
    );
}

fn is_stale<T: std::fmt::Debug>(outcome: &Result<T, StoreError>) {
    assert!(matches!(outcome, Err(StoreError::OtherEpoch)), "{outcome:?}");
}

pub async fn an_operation_is_opened_only_in_the_epoch_that_it_rests_on(fixture: Fixture) {
    let store = &*fixture.store;
    let lease = leased(store, "p").await;
    let before = seen(store, "p").await;
    is_stale(&store.open_operation(&lease, &rests_on(1)).await);
    assert_eq!(seen(store, "p").await, before, "nothing is left of it");
    store.change_record(&lease, &RecordChange::Epoch(Epoch(2)), &audited(1)).await.unwrap();
    let before = seen(store, "p").await;
    for stale in [0, 1, 3] {
        is_stale(&store.open_operation(&lease, &rests_on(stale)).await);
        assert_eq!(seen(store, "p").await, before);
    }
    // The epoch of another pool is another one.
    let (_, other) = opened(store, "q").await;
    let id = store.open_operation(&lease, &rests_on(2)).await.unwrap();
    assert_eq!(store.operations(None, 9).await.unwrap(), [id, other]);
    // A lost lease is told first: whoever holds it now may raise the epoch.
    store.give_lease_back(&lease).await.unwrap();
    is_taken(&store.open_operation(&lease, &rests_on(0)).await);
}

pub async fn an_epoch_never_becomes_an_earlier_one(fixture: Fixture) {
    let store = &*fixture.store;
    let (lease, id) = opened(store, "p").await;
    for (number, epoch) in [(1, 5), (2, 5), (3, 6)] {
        store.append_entry(&lease, id, number, &step(number), None, &[RecordChange::Epoch(Epoch(epoch))], &summary(false)).await.unwrap();
    }
    let before = seen(store, "p").await;
    let lowers = [RecordChange::FenceUp(fence(Side::A)), RecordChange::Epoch(Epoch(5))];
    is_stale(&store.append_entry(&lease, id, 4, &step(4), Some(&audited(1)), &lowers, &summary(true)).await);
    is_stale(&store.change_record(&lease, &lowers[1], &audited(2)).await);
    assert_eq!(seen(store, "p").await, before, "all or nothing");
    let twice = [RecordChange::Epoch(Epoch(8)), RecordChange::Epoch(Epoch(7))];
    is_stale(&store.append_entry(&lease, id, 4, &step(4), None, &twice, &summary(false)).await);
    assert_eq!(store.record(&pool("p")).await.unwrap().epoch, Epoch(6));
}

/// What two consoles do at once: one opens an operation, the other one has raised the epoch under a lease of its own.
pub async fn an_epoch_is_never_raised_between_the_look_and_the_opening(fixture: Fixture) {
    let store = &fixture.store;
    for round in 0..20_u64 {
        let name = format!("p{round}");
        let lease = leased(&**store, &name).await;
        let opens = {
            let (store, lease) = (store.clone(), lease.clone());
            tokio::spawn(async move { store.open_operation(&lease, &opening(0)).await })
        };
        let raises = {
            let (store, lease) = (store.clone(), lease.clone());
            tokio::spawn(async move { store.change_record(&lease, &RecordChange::Epoch(Epoch(1)), &audited(1)).await })
        };
        let opened = opens.await.unwrap();
        raises.await.unwrap().unwrap();
        let audit = store.entries(2).await.unwrap();
        let raised_last = audit[0] == audited(1);
        match opened {
            Ok(id) => assert!(raised_last && audit[1].subject == id.to_string(), "round {round}: opened in a past epoch"),
            refused => is_stale(&refused),
        }
    }
}

pub async fn the_last_end_of_an_operation_is_one_with_its_entry(fixture: Fixture) {
    let store = &*fixture.store;
    let (lease, id) = opened(store, "p").await;
    let before = seen(store, "p").await;
    let vague = vague(2);
    has_failed(&store.append_entry(&lease, id, 1, &step(1), Some(&vague), &[RecordChange::Ended(at(5))], &summary(true)).await);
    assert_eq!(seen(store, "p").await, before, "all or nothing");
    store.append_entry(&lease, id, 1, &step(1), None, &[RecordChange::Ended(at(5))], &summary(true)).await.unwrap();
    let record = PoolRecord { ended_at: Some(at(5)), ..PoolRecord::default() };
    assert_eq!(store.record(&pool("p")).await.unwrap(), record);
    assert_eq!(store.record(&pool("q")).await.unwrap(), PoolRecord::default());
    // The newest one counts, and nothing else of the record changes with it.
    let raised = [RecordChange::FenceUp(fence(Side::B)), RecordChange::Epoch(Epoch(3))];
    for change in &raised {
        store.change_record(&lease, change, &audited(3)).await.unwrap();
    }
    let second = store.open_operation(&lease, &rests_on(3)).await.unwrap();
    store.append_entry(&lease, second, 1, &step(1), None, &[RecordChange::Ended(at(9))], &summary(true)).await.unwrap();
    let fixture = fixture.reopen().await;
    let record = PoolRecord { epoch: Epoch(3), fences: vec![fence(Side::B)], ended_at: Some(at(9)), unconfirmed: None };
    assert_eq!(fixture.store.record(&pool("p")).await.unwrap(), record);
}

pub async fn many_operations_are_written_at_once(fixture: Fixture) {
    const ENTRIES: u32 = 20;
    let store = &fixture.store;
    let mut tasks = Vec::new();
    for number in 0..6 {
        let store = store.clone();
        tasks.push(tokio::spawn(async move {
            let name = format!("p{number}");
            let (lease, id) = opened(&*store, &name).await;
            for number in 1..ENTRIES {
                let changes = [RecordChange::Epoch(Epoch(u64::from(number)))];
                store
                    .append_entry(&lease, id, number, &step(number), Some(&audited(1)), &changes, &summary(number + 1 == ENTRIES))
                    .await
                    .unwrap();
                assert_eq!(store.journal(id).await.unwrap().len(), number as usize + 1, "what was written is read");
                assert!(store.take_lease(&lease.pool, &ask("the console", "here", 0)).await.unwrap().taken() == Some(lease.clone()));
            }
            assert_eq!(store.record(&lease.pool).await.unwrap().epoch, Epoch(u64::from(ENTRIES - 1)));
            id
        }));
    }
    for task in tasks {
        let id = task.await.unwrap();
        assert_eq!(store.journal(id).await.unwrap(), (0..ENTRIES).map(step).collect::<Vec<_>>());
    }
    assert_eq!(store.entries(999).await.unwrap().len(), 6 * ENTRIES as usize);
}

pub async fn of_many_who_append_the_same_entry_at_once_one_succeeds(fixture: Fixture) {
    let store = &fixture.store;
    let (lease, id) = opened(&**store, "p").await;
    for number in 1..10 {
        let mut tasks = Vec::new();
        for writer in 0..6_i64 {
            let (store, lease) = (store.clone(), lease.clone());
            tasks.push(tokio::spawn(async move {
                let entry = Entry { at: at(writer), ..step(number) };
                (writer, store.append_entry(&lease, id, number, &entry, Some(&audited(writer)), &[], &summary(false)).await)
            }));
        }
        let mut winners = Vec::new();
        for task in tasks {
            match task.await.unwrap() {
                (writer, Ok(())) => winners.push(writer),
                (_, lost) => is_taken(&lost),
            }
        }
        assert_eq!(winners.len(), 1, "{winners:?}");
        let journal = store.journal(id).await.unwrap();
        assert_eq!(journal.len(), number as usize + 1);
        assert_eq!(journal[number as usize].at, at(winners[0]));
        assert_eq!(store.entries(99).await.unwrap().len(), number as usize + 1);
    }
}

/// Prints how long an entry takes, because clients wait for it; a machine that is busy with other tests may take longer.
pub async fn entries_one_after_the_other(fixture: Fixture) {
    const ENTRIES: u32 = 300;
    let store = &*fixture.store;
    let (lease, id) = opened(store, "p").await;
    let mut took = Vec::new();
    for number in 1..=ENTRIES {
        let begun = std::time::Instant::now();
        store.append_entry(&lease, id, number, &step(number), Some(&audited(1)), &[], &summary(number == ENTRIES)).await.unwrap();
        took.push(begun.elapsed().as_secs_f64() * 1_000.0);
    }
    took.sort_by(f64::total_cmp);
    let kind = fixture.url.split(':').next().unwrap();
    let [median, late, worst] = [ENTRIES / 2, ENTRIES * 99 / 100, ENTRIES - 1].map(|place| took[place as usize]);
    println!("{kind}: {ENTRIES} entries, each {median:.2} ms in the median, {late:.2} ms at 99 %, {worst:.2} ms at most");
    assert_eq!(store.journal(id).await.unwrap(), (0..=ENTRIES).map(step).collect::<Vec<_>>());
}
