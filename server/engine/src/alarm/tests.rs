//! The alarm with pictures that the test owns.

use super::*;
use crate::{
    ports::AuditStore,
    testing::{TestStore, let_pass},
};
use std::sync::atomic::Ordering;
use switchback_domain::{
    HELD_HOST, HELD_PORT, PatroniRole, PoolId, ProbeFailure, StandbyCluster, Timeline,
    fixture::{World, at},
};

fn pool() -> PoolId {
    World::healthy(at(0)).pool.id
}

/// Somebody makes b1 lead while a1 does.
fn split(world: &mut World) {
    world.pass(1_000);
    world.postgres("b1", |facts| {
        facts.in_recovery = false;
        facts.timeline = Some(Timeline(8));
    });
    world.patroni("b1", |facts| {
        facts.role = PatroniRole::Primary;
        facts.config.standby_cluster = None;
    });
}

fn actions(alarm: &Alarm) -> Vec<String> {
    alarm.state().waiting.iter().map(|entry| entry.deed().to_string()).collect()
}

#[test]
fn a_split_brain_is_said_once_and_once_more_when_it_is_over() {
    let (alarm, mut world) = (Alarm::new(pool()), World::healthy(at(0)));
    assert_eq!(alarm.take(&world.picture(), world.now), None);
    split(&mut world);
    let began = world.now;
    for _ in 0..5 {
        let seen = alarm.take(&world.picture(), world.now);
        assert_eq!(seen, Some(Split { since: began, before: Some(Side::A) }));
        world.pass(1_000);
    }
    assert_eq!(actions(&alarm), ["split_brain_seen"]);
    assert_eq!(alarm.state().waiting[0].detail["nodes"], serde_json::json!(["a1", "b1"]));
    world.postgres("b1", |facts| facts.in_recovery = true);
    world.patroni("b1", |facts| facts.role = PatroniRole::StandbyLeader);
    assert_eq!(alarm.take(&world.picture(), world.now), None);
    assert_eq!(actions(&alarm), ["split_brain_seen", "split_brain_over"]);
    assert_eq!(alarm.state().waiting[1].detail["lasted_ms"], 5_000);
    // Another one is another occurrence.
    split(&mut world);
    alarm.take(&world.picture(), world.now);
    assert_eq!(actions(&alarm).len(), 3);
}

#[test]
fn a_split_brain_that_is_only_out_of_sight_is_not_over() {
    let (alarm, mut world) = (Alarm::new(pool()), World::healthy(at(0)));
    split(&mut world);
    let began = alarm.take(&world.picture(), world.now);
    for _ in 0..30 {
        world.site_fails(Side::B, &ProbeFailure::TimedOut { after: Millis(800) });
        assert_eq!(alarm.take(&world.picture(), world.now), began, "nobody knows what b1 does");
        world.pass(1_000);
    }
    assert!(!world.picture().is_split(), "it is out of sight");
    world.site_fails(Side::B, &ProbeFailure::Refused);
    assert_eq!(alarm.take(&world.picture(), world.now), began, "who refuses, nobody knows");
    world.sightings = World::healthy(world.now).sightings;
    assert_eq!(alarm.take(&world.picture(), world.now), None);
    assert_eq!(actions(&alarm), ["split_brain_seen", "split_brain_over"]);
}

#[test]
fn a_site_that_is_held_ends_it() {
    let (alarm, mut world) = (Alarm::new(pool()), World::healthy(at(0)));
    split(&mut world);
    assert!(alarm.take(&world.picture(), world.now).is_some());
    world.postgres("b1", |facts| facts.in_recovery = true);
    for node in ["b1", "b2"] {
        let held = StandbyCluster { host: HELD_HOST.to_owned(), port: Some(HELD_PORT), slot: None };
        world.patroni(node, |facts| facts.config.standby_cluster = Some(held));
    }
    assert_eq!(world.picture().sites[Side::B].role, SiteRole::Fenced);
    assert_eq!(alarm.take(&world.picture(), world.now), None);
}

#[tokio::test(start_paused = true)]
async fn what_it_has_said_is_written_down_when_the_store_is_back() {
    let store = Arc::new(TestStore::default());
    let clock = Arc::new(crate::testing::TestClock::starting_now());
    let work_out = switchback_domain::picture::work_out;
    let watched = Arc::new(ObservedPool::new(switchback_domain::fixture::pool(), "boot".into(), clock, work_out, Arc::default()));
    tokio::spawn(keep_writing(Arc::clone(&watched), Arc::clone(&store) as _, CancellationToken::new()));
    store.audit_fails.store(true, Ordering::SeqCst);
    let mut world = World::healthy(at(0));
    split(&mut world);
    watched.alarm.take(&world.picture(), world.now);
    let_pass(10_000).await;
    store.audit_fails.store(false, Ordering::SeqCst);
    let_pass(2_000).await;
    let entries = store.entries(10).await.expect("the store works");
    let said: Vec<_> = entries.iter().map(|entry| (entry.deed().as_code(), entry.subject.as_str(), &entry.actor)).collect();
    assert_eq!(said, [("split_brain_seen", "chat-core", &None)]);
    assert_eq!(entries[0].at, world.now);
}
