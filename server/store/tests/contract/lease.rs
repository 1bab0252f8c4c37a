//! Promises about the lease of a pool, and about what is begun under an idempotency key.

use crate::{
    audit::entry,
    fixture::{Fixture, at, pool},
    journal::{leased, opened, opening, seen, step},
};
use switchback_domain::operation::{Entry, Epoch, OperationId};
use switchback_engine::ports::{AuditEntry, IdempotencyKey, Lease, Opening, Store, StoreError};

const DAY: i64 = 86_400_000;

async fn take(store: &dyn Store, holder: &str, now: i64, until: i64) -> Option<i64> {
    let lease = store.take_lease(&pool("p"), holder, at(now), at(until)).await.unwrap();
    lease.map(|lease| {
        assert_eq!(lease.pool, pool("p"));
        lease.token
    })
}

pub async fn a_lease_is_held_until_it_expires_or_is_given_back(fixture: Fixture) {
    let store = &*fixture.store;
    let first = take(store, "one", 0, 10).await.unwrap();
    assert_eq!(take(store, "two", 9, 99).await, None);
    // The holder keeps its token, and gets the new time.
    assert_eq!(take(store, "one", 9, 20).await, Some(first));
    assert_eq!(take(store, "two", 10, 99).await, None);
    // Also after it has expired, as long as nobody else has taken it.
    assert_eq!(take(store, "one", 25, 30).await, Some(first));
    assert_eq!(take(store, "two", 29, 99).await, None);
    let second = take(store, "two", 30, 40).await.unwrap();
    assert!(second > first);
    assert_eq!(take(store, "one", 39, 99).await, None);

    store.give_lease_back(&Lease { pool: pool("p"), token: second }).await.unwrap();
    let third = take(store, "two", 31, 40).await.unwrap();
    assert!(third > second, "what was given back does not come again");
    store.give_lease_back(&Lease { pool: pool("p"), token: third }).await.unwrap();
    let fixture = fixture.reopen().await;
    let fourth = take(&*fixture.store, "one", 32, 40).await.unwrap();
    assert!(fourth > third);
    assert_eq!(take(&*fixture.store, "two", 33, 40).await, None);
    // Each pool has its own.
    assert!(fixture.store.take_lease(&pool("q"), "two", at(33), at(40)).await.unwrap().is_some());
}

pub async fn an_expired_lease_that_nobody_took_still_writes(fixture: Fixture) {
    let store = &*fixture.store;
    let (lease, id) = opened(store, "p").await;
    assert_eq!(take(store, "the console", 0, 1).await, Some(lease.token));
    // The store has no clock: all that counts is that nobody else was let in.
    store.append_entry(&lease, id, 1, &step(1), None, &[], false).await.unwrap();
    take(store, "another console", 1, 9).await.unwrap();
    let refused = store.append_entry(&lease, id, 2, &step(2), None, &[], false).await;
    assert!(matches!(refused, Err(StoreError::Taken)), "{refused:?}");
    assert_eq!(store.journal(id).await.unwrap(), [step(0), step(1)]);
}

pub async fn of_many_who_want_a_lease_at_once_one_gets_it(fixture: Fixture) {
    let store = &fixture.store;
    let mut last = 0;
    for round in 0..10_i64 {
        let mut tasks = Vec::new();
        for holder in 0..6 {
            let store = store.clone();
            tasks.push(tokio::spawn(async move { take(&*store, &format!("{round}-{holder}"), round * 10, round * 10 + 10).await }));
        }
        let mut tokens = Vec::new();
        for task in tasks {
            tokens.extend(task.await.unwrap());
        }
        assert_eq!(tokens.len(), 1, "round {round}: {tokens:?}");
        assert!(tokens[0] > last);
        last = tokens[0];
    }
}

pub async fn a_lease_is_never_taken_between_the_check_and_the_entry(fixture: Fixture) {
    let store = &fixture.store;
    for round in 0..20_u32 {
        let (lease, id) = opened(&**store, &format!("p{round}")).await;
        let writing = {
            let (store, lease) = (store.clone(), lease.clone());
            tokio::spawn(async move {
                let mut number = 1;
                while store.append_entry(&lease, id, number, &step(number), None, &[], false).await.is_ok() {
                    number += 1;
                    assert!(number < 5_000, "the lost lease goes on writing");
                }
                number
            })
        };
        let name = lease.pool.clone();
        let taken = store.take_lease(&name, "another console", at(2 * DAY), at(3 * DAY)).await.unwrap().unwrap();
        // From here on the new holder is alone: what it reads stays as it is.
        let inherited = u32::try_from(store.journal(id).await.unwrap().len()).unwrap();
        assert_eq!(writing.await.unwrap(), inherited);
        store.append_entry(&taken, id, inherited, &step(inherited), None, &[], true).await.unwrap();
        assert_eq!(store.journal(id).await.unwrap(), (0..=inherited).map(step).collect::<Vec<_>>());
    }
}

/// The opening of an operation that is asked for at `asked_at` under a key.
fn under(key: &str, body: u8, asked_at: i64) -> Opening {
    let first = Entry { at: at(asked_at), ..step(0) };
    Opening { first, key: Some(IdempotencyKey { key: key.to_owned(), body: [body; 32] }), ..opening(0) }
}

/// Opens one operation after the other: each ends before the next one.
async fn begin(store: &dyn Store, opening: &Opening) -> Result<OperationId, StoreError> {
    let lease = leased(store, "p").await;
    let id = store.open_operation(&lease, opening).await?;
    store.append_entry(&lease, id, 1, &step(1), None, &[], true).await.unwrap();
    Ok(id)
}

pub async fn what_was_begun_under_a_key_is_remembered_for_a_day(fixture: Fixture) {
    let store = &*fixture.store;
    let odd = "' key \u{0} 爱达";
    assert_eq!(store.remembered(odd, at(0)).await.unwrap(), None);
    let first = begin(store, &under(odd, 1, 0)).await.unwrap();
    assert_eq!(store.remembered(odd, at(DAY - 1)).await.unwrap(), Some(([1; 32], first)));
    // Whatever is asked for under a key that is known is not begun.
    let before = seen(store, "p").await;
    for body in [1, 2] {
        let refused = begin(store, &under(odd, body, DAY - 1)).await;
        assert!(matches!(refused, Err(StoreError::Taken)), "{refused:?}");
    }
    assert_eq!(seen(store, "p").await, before);
    assert_eq!(store.remembered(odd, at(DAY - 1)).await.unwrap(), Some(([1; 32], first)));
    begin(store, &under("another", 2, DAY - 1)).await.unwrap();
    assert_eq!(store.remembered(odd, at(DAY)).await.unwrap(), None);
    assert_eq!(store.prune(at(DAY - 1)).await.unwrap(), 0);
    assert_eq!(store.prune(at(DAY)).await.unwrap(), 1);
    assert_eq!(store.remembered(odd, at(0)).await.unwrap(), None);
    // What is a day old makes room also when nobody has pruned.
    let fourth = begin(store, &under("another", 1, 2 * DAY)).await.unwrap();
    assert_eq!(store.remembered("another", at(2 * DAY)).await.unwrap(), Some(([1; 32], fourth)));
    let fixture = fixture.reopen().await;
    assert_eq!(fixture.store.remembered("another", at(3 * DAY - 1)).await.unwrap(), Some(([1; 32], fourth)));
}

pub async fn a_key_is_remembered_with_the_operation_or_not_at_all(fixture: Fixture) {
    let store = &*fixture.store;
    let lease = leased(store, "p").await;
    let vague = Opening { audit: AuditEntry { result: "maybe".into(), ..entry(1) }, ..under("key", 1, 0) };
    let stale = Opening { epoch: Epoch(1), ..under("key", 1, 0) };
    for bad in [vague, stale] {
        store.open_operation(&lease, &bad).await.unwrap_err();
        assert_eq!(store.remembered("key", at(0)).await.unwrap(), None);
    }
    let id = store.open_operation(&lease, &under("key", 1, 0)).await.unwrap();
    assert_eq!(store.remembered("key", at(0)).await.unwrap(), Some(([1; 32], id)));
    assert_eq!(store.open_operation_of(&pool("p")).await.unwrap(), Some(id));
}

pub async fn of_many_who_begin_something_under_one_key_at_once_one_succeeds(fixture: Fixture) {
    let store = &fixture.store;
    for round in 0..5 {
        let mut tasks = Vec::new();
        for asker in 0..6_u8 {
            let store = store.clone();
            tasks.push(tokio::spawn(async move {
                // Each on a pool of its own, so that nothing but the key is in the way.
                let lease = leased(&*store, &format!("p{round}-{asker}")).await;
                (asker, store.open_operation(&lease, &under(&format!("key {round}"), asker, 0)).await)
            }));
        }
        let mut begun = Vec::new();
        for task in tasks {
            match task.await.unwrap() {
                (asker, Ok(id)) => begun.push(([asker; 32], id)),
                (_, refused) => assert!(matches!(refused, Err(StoreError::Taken)), "{refused:?}"),
            }
        }
        assert_eq!(begun.len(), 1, "{begun:?}");
        assert_eq!(store.remembered(&format!("key {round}"), at(0)).await.unwrap(), Some(begun[0]));
        assert_eq!(store.operations(None, 99).await.unwrap().len(), round + 1);
    }
}
