//! Promises about people and sessions.

use crate::fixture::{Fixture, at, person, session, with_person};
use switchback_domain::people::Person;
use switchback_engine::ports::StoreError;

pub async fn the_set_up_link_works_once_and_only_while_it_is_open(fixture: Fixture) {
    let store = &*fixture.store;
    let (right, wrong) = ([1; 32], [2; 32]);
    assert!(!store.set_up_is_open(&right, at(0)).await.unwrap());
    store.open_set_up(&right, at(1_000)).await.unwrap();
    assert!(store.set_up_is_open(&right, at(999)).await.unwrap());
    assert!(!store.set_up_is_open(&right, at(1_000)).await.unwrap());
    assert!(!store.set_up_is_open(&wrong, at(0)).await.unwrap());

    let ada = person("ada");
    assert!(matches!(store.set_up(&wrong, &ada, "hash", at(0)).await, Err(StoreError::Taken)));
    assert!(matches!(store.set_up(&right, &ada, "hash", at(1_000)).await, Err(StoreError::Taken)));
    assert_eq!(store.people_count().await.unwrap(), 0);
    store.set_up(&right, &ada, "hash", at(999)).await.unwrap();
    assert_eq!(store.people_count().await.unwrap(), 1);
    assert_eq!(store.person(&ada.login).await.unwrap(), Some((ada.clone(), "hash".to_owned())));
    assert!(!store.set_up_is_open(&right, at(999)).await.unwrap());
    assert!(matches!(store.set_up(&right, &person("eve"), "hash", at(999)).await, Err(StoreError::Taken)));
    assert_eq!(store.person(&person("eve").login).await.unwrap(), None);
}

pub async fn a_new_set_up_link_replaces_the_old_one(fixture: Fixture) {
    let store = &*fixture.store;
    store.open_set_up(&[1; 32], at(1_000)).await.unwrap();
    store.open_set_up(&[2; 32], at(500)).await.unwrap();
    assert!(!store.set_up_is_open(&[1; 32], at(0)).await.unwrap());
    assert!(store.set_up_is_open(&[2; 32], at(499)).await.unwrap());
    assert!(!store.set_up_is_open(&[2; 32], at(500)).await.unwrap(), "the new link has its own end");
}

pub async fn a_failed_set_up_changes_nothing(fixture: Fixture) {
    let store = &*fixture.store;
    with_person(store, "ada").await;
    store.open_set_up(&[1; 32], at(1_000)).await.unwrap();
    assert!(matches!(store.set_up(&[1; 32], &person("eve"), "hash", at(0)).await, Err(StoreError::Taken)));
    assert!(store.set_up_is_open(&[1; 32], at(0)).await.unwrap(), "both or neither");
    assert_eq!(store.people_count().await.unwrap(), 1);
}

pub async fn of_many_who_use_the_set_up_link_at_once_one_succeeds(fixture: Fixture) {
    let store = &fixture.store;
    store.open_set_up(&[1; 32], at(1_000)).await.unwrap();
    let tasks = (0..16).map(|number| {
        let store = store.clone();
        tokio::spawn(async move { store.set_up(&[1; 32], &person(&format!("person-{number}")), "hash", at(0)).await })
    });
    let mut made = 0;
    for outcome in futures::future::join_all(tasks).await {
        match outcome.unwrap() {
            Ok(()) => made += 1,
            Err(StoreError::Taken) => {}
            Err(failed) => panic!("{failed}"),
        }
    }
    assert_eq!((made, store.people_count().await.unwrap()), (1, 1));
}

pub async fn a_session_is_found_until_it_is_ended(fixture: Fixture) {
    let store = &*fixture.store;
    let ada = with_person(store, "ada").await;
    let (one, other) = (session(1, "ada", at(10), at(20)), session(2, "ada", at(11), at(11)));
    assert_eq!(store.session(&one.secret_hash).await.unwrap(), None);
    store.add_session(&one).await.unwrap();
    store.add_session(&other).await.unwrap();
    assert_eq!(store.session(&one.secret_hash).await.unwrap(), Some((one.clone(), ada.clone())));
    store.end_session(&one.secret_hash).await.unwrap();
    store.end_session(&one.secret_hash).await.unwrap();
    assert_eq!(store.session(&one.secret_hash).await.unwrap(), None);
    assert_eq!(store.session(&other.secret_hash).await.unwrap(), Some((other, ada)));
}

pub async fn touching_a_session_never_moves_it_back(fixture: Fixture) {
    let store = &*fixture.store;
    with_person(store, "ada").await;
    let kept = session(1, "ada", at(10), at(20));
    store.add_session(&kept).await.unwrap();
    let used_at = async || store.session(&kept.secret_hash).await.unwrap().unwrap().0.used_at;
    store.touch_session(&kept.secret_hash, at(50)).await.unwrap();
    assert_eq!(used_at().await, at(50));
    store.touch_session(&kept.secret_hash, at(40)).await.unwrap();
    assert_eq!(used_at().await, at(50));
    // A session that has just ended is not brought back.
    store.touch_session(&[9; 32], at(60)).await.unwrap();
    assert_eq!(store.session(&[9; 32]).await.unwrap(), None);
}

pub async fn pruning_removes_sessions_that_are_too_old_or_idle(fixture: Fixture) {
    let store = &*fixture.store;
    with_person(store, "ada").await;
    let too_old = session(1, "ada", at(99), at(1_000));
    let idle = session(2, "ada", at(500), at(799));
    let good = session(3, "ada", at(100), at(800));
    for session in [&too_old, &idle, &good] {
        store.add_session(session).await.unwrap();
    }
    assert_eq!(store.prune_sessions(at(100), at(800)).await.unwrap(), 2);
    assert_eq!(store.session(&too_old.secret_hash).await.unwrap(), None);
    assert_eq!(store.session(&idle.secret_hash).await.unwrap(), None);
    assert!(store.session(&good.secret_hash).await.unwrap().is_some());
}

pub async fn a_session_needs_a_person_and_a_new_secret(fixture: Fixture) {
    let store = &*fixture.store;
    with_person(store, "ada").await;
    let nobodys = session(1, "nobody", at(0), at(0));
    assert!(matches!(store.add_session(&nobodys).await, Err(StoreError::Failed(_))));
    let adas = session(2, "ada", at(0), at(0));
    store.add_session(&adas).await.unwrap();
    assert!(matches!(store.add_session(&adas).await, Err(StoreError::Taken)));
}

pub async fn any_name_survives(fixture: Fixture) {
    let store = &*fixture.store;
    let name = "Åda 'of' \"Löve\"; 爱达 \\ %_ \u{0}end";
    let ada = Person { name: name.to_owned(), ..person("ada") };
    store.open_set_up(&[1; 32], at(1)).await.unwrap();
    store.set_up(&[1; 32], &ada, "hash", at(0)).await.unwrap();
    let (kept, _) = store.person(&ada.login).await.unwrap().unwrap();
    assert_eq!(kept.name, name.replace('\0', "\u{fffd}"));
    assert_eq!(store.person(&"Ada".parse().unwrap()).await.unwrap(), None, "sign-in names are compared letter by letter");
}

pub async fn the_first_device_key_stays(fixture: Fixture) {
    let store = &fixture.store;
    let tasks = (0..8_u8).map(|number| {
        let store = store.clone();
        tokio::spawn(async move { store.device_key(&[number; 32]).await })
    });
    let keys: Vec<[u8; 32]> = futures::future::join_all(tasks).await.into_iter().map(|key| key.unwrap().unwrap()).collect();
    assert!(keys.iter().all(|key| *key == keys[0]), "consoles that start at the same time agree: {keys:?}");
    assert_eq!(store.device_key(&[99; 32]).await.unwrap(), keys[0]);
}
