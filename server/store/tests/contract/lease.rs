//! Promises about the lease of a pool, and about answers that are remembered.

use crate::{
    fixture::{Fixture, at, pool},
    journal::{opened, step},
};
use switchback_engine::ports::{Lease, Store, StoreError};

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

pub async fn answers_are_remembered_for_a_day(fixture: Fixture) {
    let store = &*fixture.store;
    let (one, two) = ([1; 32], [2; 32]);
    let odd = "' key \u{0} 爱达";
    assert_eq!(store.remembered(odd, at(0)).await.unwrap(), None);
    assert_eq!(store.remember(odd, &one, "first", at(0)).await.unwrap(), None);
    let first = Some((one, "first".to_owned()));
    assert_eq!(store.remembered(odd, at(DAY - 1)).await.unwrap(), first);
    assert_eq!(store.remember(odd, &two, "second", at(DAY - 1)).await.unwrap(), first);
    assert_eq!(store.remember("another", &two, "third", at(DAY - 1)).await.unwrap(), None);
    assert_eq!(store.remembered(odd, at(DAY)).await.unwrap(), None);
    assert_eq!(store.prune(at(DAY - 1)).await.unwrap(), 0);
    assert_eq!(store.prune(at(DAY)).await.unwrap(), 1);
    assert_eq!(store.remembered(odd, at(0)).await.unwrap(), None);
    // What is a day old makes room also when nobody has pruned.
    assert_eq!(store.remember("another", &one, "fourth", at(2 * DAY)).await.unwrap(), None);
    assert_eq!(store.remembered("another", at(2 * DAY)).await.unwrap(), Some((one, "fourth".to_owned())));
    let fixture = fixture.reopen().await;
    assert_eq!(fixture.store.remembered("another", at(3 * DAY - 1)).await.unwrap(), Some((one, "fourth".to_owned())));
}

pub async fn of_many_answers_to_one_key_at_once_one_is_remembered(fixture: Fixture) {
    let store = &fixture.store;
    for round in 0..5 {
        let mut tasks = Vec::new();
        for asker in 0..6_u8 {
            let store = store.clone();
            tasks.push(tokio::spawn(async move {
                let answer = asker.to_string();
                let known = store.remember(&format!("key {round}"), &[asker; 32], &answer, at(0)).await.unwrap();
                (known.is_none(), known.unwrap_or(([asker; 32], answer)))
            }));
        }
        let mut answers = Vec::new();
        for task in tasks {
            answers.push(task.await.unwrap());
        }
        assert_eq!(answers.iter().filter(|(new, _)| *new).count(), 1);
        assert!(answers.iter().all(|(_, answer)| *answer == answers[0].1), "{answers:?}");
    }
}
