//! Promises about the lease of a pool, and about what is begun under an idempotency key.

use crate::{
    audit::vague,
    fixture::{Fixture, at, pool},
    journal::{leased, opened, opening, seen, step, summary},
};
use std::time::Duration;
use switchback_domain::operation::{Entry, Epoch, OperationId};
use switchback_engine::ports::{HeldLease, IdempotencyKey, Lease, LeaseAnswer, LeaseAsk, Opening, Store, StoreError};

const DAY: i64 = 86_400_000;

/// Asks on a machine that was started so many milliseconds ago, for a lease of ten milliseconds.
pub fn ask<'a>(holder: &'a str, machine: &'a str, since_boot: u64) -> LeaseAsk<'a> {
    LeaseAsk {
        holder,
        machine,
        since_boot: Duration::from_millis(since_boot),
        lasts: Duration::from_millis(10),
        stood_still: None,
        told_until: at(0),
    }
}

async fn get(store: &dyn Store, ask: LeaseAsk<'_>) -> Result<i64, HeldLease> {
    match store.take_lease(&pool("p"), &ask).await.unwrap() {
        LeaseAnswer::Taken(lease) => {
            assert_eq!(lease.pool, pool("p"));
            Ok(lease.token)
        }
        LeaseAnswer::Held(held) => Err(held),
    }
}

/// All on one machine.
async fn take(store: &dyn Store, holder: &str, now: u64) -> Option<i64> {
    get(store, ask(holder, "here", now)).await.ok()
}

pub async fn a_lease_is_held_until_it_expires_or_is_given_back(fixture: Fixture) {
    let store = &*fixture.store;
    let first = take(store, "one", 0).await.unwrap();
    assert_eq!(take(store, "two", 9).await, None);
    // The holder keeps its token, and gets the new time.
    assert_eq!(take(store, "one", 9).await, Some(first));
    assert_eq!(take(store, "two", 10).await, None);
    // Also after it has expired, as long as nobody else has taken it.
    assert_eq!(take(store, "one", 25).await, Some(first));
    assert_eq!(take(store, "two", 34).await, None);
    let second = take(store, "two", 35).await.unwrap();
    assert!(second > first);
    assert_eq!(take(store, "one", 44).await, None);

    store.give_lease_back(&Lease { pool: pool("p"), token: second }).await.unwrap();
    let third = take(store, "two", 36).await.unwrap();
    assert!(third > second, "what was given back does not come again");
    store.give_lease_back(&Lease { pool: pool("p"), token: third }).await.unwrap();
    let fixture = fixture.reopen().await;
    let fourth = take(&*fixture.store, "one", 37).await.unwrap();
    assert!(fourth > third);
    assert_eq!(take(&*fixture.store, "two", 38).await, None);
    // Each pool has its own.
    assert!(fixture.store.take_lease(&pool("q"), &ask("two", "here", 38)).await.unwrap().taken().is_some());
}

pub async fn another_machine_takes_a_lease_only_when_it_has_watched_it_stand_still(fixture: Fixture) {
    let store = &*fixture.store;
    let first = get(store, ask("one", "here", 0)).await.unwrap();
    // Neither a clock that is far ahead nor a machine that has run for long makes a lease that lives one that is over.
    let ahead = |holder| LeaseAsk { told_until: at(2 * DAY), ..ask(holder, "there", 9_999_999) };
    let seen = get(store, ahead("two")).await.unwrap_err();
    assert_eq!(get(store, ahead("two")).await, Err(seen), "it stands still until it is renewed");
    // Renewed within the same millisecond, and with a clock that was set back: it is another one all the same.
    let mut known = vec![seen];
    for told_until in [0, 0, -DAY] {
        assert_eq!(get(store, LeaseAsk { told_until: at(told_until), ..ask("one", "here", 1) }).await, Ok(first));
        let stale = *known.last().unwrap();
        let moved = get(store, LeaseAsk { stood_still: Some(stale), ..ahead("two") }).await.unwrap_err();
        assert!(!known.contains(&moved), "{known:?}");
        known.push(moved);
    }
    // What was watched and not renewed is taken.
    let stood_still = known.pop();
    let second = get(store, LeaseAsk { stood_still, ..ahead("two") }).await.unwrap();
    assert!(second > first);
    assert!(get(store, ask("one", "here", 99)).await.is_err(), "the old holder is told so");
}

pub async fn a_crash_with_the_clock_far_ahead_bars_nobody(fixture: Fixture) {
    let store = &*fixture.store;
    let hour_ahead = LeaseAsk { told_until: at(3_600_000), ..ask("one", "here", 5) };
    get(store, hour_ahead).await.unwrap();
    // The clock is right again: the same machine goes by the time since its start ...
    assert!(get(store, ask("two", "here", 14)).await.is_err());
    let second = get(store, ask("two", "here", 15)).await.unwrap();
    // ... and after a start of the machine, of which nobody can say how long ago it was, by watching.
    let seen = get(store, ask("three", "here, started again", 1)).await.unwrap_err();
    let third = get(store, LeaseAsk { stood_still: Some(seen), ..ask("three", "here, started again", 11) }).await.unwrap();
    assert!(third > second);
    assert_eq!(get(store, ask("three", "here, started again", 12)).await, Ok(third));
}

pub async fn what_a_console_of_the_version_before_has_taken_is_not_taken_for_over(fixture: Fixture) {
    let store = &*fixture.store;
    get(store, ask("one", "here", 0)).await.unwrap();
    // It knows nothing of machines, and takes what has ended by the clock.
    fixture.tamper("UPDATE leases SET holder = 'older', token = token + 1, expires_at = expires_at + 6000").await.unwrap();
    let seen = get(store, ask("one", "here", 99)).await.unwrap_err();
    fixture.tamper("UPDATE leases SET expires_at = expires_at + 1000").await.unwrap();
    assert!(get(store, LeaseAsk { stood_still: Some(seen), ..ask("one", "here", 99) }).await.is_err(), "it was renewed");
}

pub async fn an_expired_lease_that_nobody_took_still_writes(fixture: Fixture) {
    let store = &*fixture.store;
    let (lease, id) = opened(store, "p").await;
    // The store has no clock: all that counts is that nobody else was let in.
    store.append_entry(&lease, id, 1, &step(1), None, &[], &summary(false)).await.unwrap();
    take(store, "another console", u64::MAX / 2).await.unwrap();
    let refused = store.append_entry(&lease, id, 2, &step(2), None, &[], &summary(false)).await;
    assert!(matches!(refused, Err(StoreError::Taken)), "{refused:?}");
    assert_eq!(store.journal(id).await.unwrap(), [step(0), step(1)]);
}

pub async fn of_many_who_want_a_lease_at_once_one_gets_it(fixture: Fixture) {
    let store = &fixture.store;
    let mut last = 0;
    for round in 0..10_u64 {
        let mut tasks = Vec::new();
        for holder in 0..6 {
            let store = store.clone();
            tasks.push(tokio::spawn(async move { take(&*store, &format!("{round}-{holder}"), round * 10).await }));
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
                while store.append_entry(&lease, id, number, &step(number), None, &[], &summary(false)).await.is_ok() {
                    number += 1;
                    assert!(number < 5_000, "the lost lease goes on writing");
                }
                number
            })
        };
        let name = lease.pool.clone();
        let taken = store.take_lease(&name, &ask("another console", "here", u64::MAX / 2)).await.unwrap().taken().unwrap();
        // From here on the new holder is alone: what it reads stays as it is.
        let inherited = u32::try_from(store.journal(id).await.unwrap().len()).unwrap();
        assert_eq!(writing.await.unwrap(), inherited);
        store.append_entry(&taken, id, inherited, &step(inherited), None, &[], &summary(true)).await.unwrap();
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
    store.append_entry(&lease, id, 1, &step(1), None, &[], &summary(true)).await.unwrap();
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
    let vague = Opening { audit: vague(1), ..under("key", 1, 0) };
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
