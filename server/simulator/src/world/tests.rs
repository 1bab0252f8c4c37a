//! The world behaves as the real engines were measured (`probes/ENGINES.md`).

use super::*;
use crate::world::orders::Answer;

fn quiet() -> World {
    let mut world = World::new(1, Setting::default());
    world.advance(5_000);
    world
}

fn patroni(node: &str) -> EndpointName {
    format!("patroni-{node}").parse().expect("a name")
}

fn order(world: &mut World, to: &str, ask: Ask) -> u64 {
    world.send(Order { to: to.parse().expect("a name"), ask })
}

/// Lets time pass until something is so; returns how long that took.
fn until(world: &mut World, most: Ms, so: impl Fn(&World) -> bool) -> Ms {
    let began = world.now;
    while !so(world) {
        assert!(world.now - began < most, "not within {most} ms:\n{}\n{:#?}", world.summary(), world.story);
        world.advance(world.now + STEP);
    }
    world.now - began
}

fn both_follow(world: &World, side: Side) -> bool {
    nodes_of(side).into_iter().all(|node| world.nodes[node].stream.is_some() && !world.nodes[node].collided)
}

#[test]
fn in_peace_everything_streams_and_clients_are_acknowledged() {
    let world = quiet();
    assert_eq!(world.writers(), [0]);
    assert!(world.nodes[1..].iter().all(|node| node.stream.is_some()));
    assert!(world.acknowledged.len() > 150, "{}", world.acknowledged.len());
    assert_eq!(world.mirror_of(0), Some(1));
    assert_eq!(world.wrong, [] as [String; 0]);
    // Nothing but what is on its way is missing anywhere.
    assert!(world.missing_rows(3) <= 6, "{}", world.missing_rows(3));
}

#[test]
fn a_demotion_is_stored_in_50_ms_goes_on_writing_for_a_while_and_is_proved_in_the_other_site() {
    let mut world = quiet();
    let from = world.end(0);
    let id = order(&mut world, "patroni-a1", Ask::Follow(Side::A));
    let stored = until(&mut world, 200, |world| world.places.a.etcd.mode == ClusterMode::Standby);
    assert!((40..=60).contains(&stored), "{stored}");
    assert!(world.writes(0), "Patroni has only just heard of it");
    let silent = until(&mut world, 400, |world| !world.writes(0));
    assert!((100..=260).contains(&silent), "{silent}");
    assert!(world.answer(id).is_some_and(|answer| answer.is_ok()));
    let proved =
        until(&mut world, 400, |world| world.nodes[2].log.replayed_tip().is_some_and(|tip| world.records.get(tip).what == What::Shutdown));
    assert!(proved <= 150, "{proved}");
    assert!(world.replayed(2) > from);
    assert_eq!(world.timeline(2), Timeline(7));
    assert!(!world.status(0).may_write() || world.now < 5_400);
    // The mirror takes the lead of the standby, as measured.
    until(&mut world, 3_000, |world| world.nodes[1].role == PatroniRole::StandbyLeader);
    let down = until(&mut world, 6_000, |world| world.nodes[0].server == Server::Running { recovery: true });
    assert!((3_500..=5_500).contains(&down), "{down}");
    assert_eq!(world.writers(), [] as [usize; 0]);
}

#[test]
fn a_planned_switch_takes_some_hundred_milliseconds_and_loses_nothing() {
    let mut world = quiet();
    world.expect_move(Side::B);
    order(&mut world, "patroni-a1", Ask::Follow(Side::A));
    until(&mut world, 1_000, |world| world.nodes[2].log.replayed_tip().is_some_and(|tip| world.records.get(tip).what == What::Shutdown));
    order(&mut world, "patroni-b1", Ask::Lead);
    let promoted = until(&mut world, 1_000, |world| world.writes(2));
    assert!((200..=320).contains(&promoted), "{promoted}");
    assert_eq!((world.timeline(2), world.missing_rows(2)), (Timeline(8), 0));
    let back = until(&mut world, 12_000, |world| both_follow(world, Side::A));
    assert!((3_000..=8_000).contains(&back), "{back}");
    until(&mut world, 10_000, |world| world.mirror_of(2) == Some(3));
    assert_eq!(world.history(Side::B).len(), 1);
    assert_eq!(world.wrong, [] as [String; 0]);
}

#[test]
fn a_promotion_without_a_demotion_is_stopped_by_the_guard_and_noticed_without_it() {
    let mut world = quiet();
    order(&mut world, "patroni-b1", Ask::Lead);
    world.advance(15_000);
    assert_eq!(world.writers(), [0], "{:#?}", world.story);

    let mut world = World::new(1, Setting { guard: false, ..Setting::default() });
    world.advance(5_000);
    order(&mut world, "patroni-b1", Ask::Lead);
    world.advance(15_000);
    assert_eq!(world.wrong.len(), 1, "the eye sees both: {:?}", world.wrong);
}

#[test]
fn an_aborted_demotion_is_writable_again_in_a_third_of_a_second_on_the_mirror() {
    let mut world = quiet();
    world.strike(Fault::Cut(Link::Between));
    order(&mut world, "patroni-a1", Ask::Follow(Side::A));
    until(&mut world, 3_000, |world| world.nodes[1].role == PatroniRole::StandbyLeader);
    world.advance(world.now + 3_000);
    assert_eq!(world.replayed(2), world.end(2));
    assert!(world.end(2) < world.end(1), "the checkpoint cannot get through");
    // With the line cut the guard's questions time out; without it the promotion takes what was measured.
    world.setting.guard = false;
    order(&mut world, "patroni-a2", Ask::Lead);
    let again = until(&mut world, 1_000, |world| world.writes(1));
    assert!((200..=350).contains(&again), "{again}");
    assert_eq!(world.missing_rows(1), 0);
    world.strike(Fault::Heal(Link::Between));
    until(&mut world, 70_000, |world| both_follow(world, Side::B));
}

#[test]
fn a_dead_leader_is_replaced_within_the_life_of_its_key_without_loss() {
    let mut world = quiet();
    world.strike(Fault::KillNode(0));
    let gone = until(&mut world, 30_000, |world| world.writes(1));
    assert!((15_000..=24_000).contains(&gone), "{gone}");
    assert_eq!(world.missing_rows(1), 0);
    until(&mut world, 5_000, |world| world.nodes[2].stream.is_some_and(|stream| stream.from == 1));
    world.strike(Fault::StartNode(0));
    until(&mut world, 15_000, |world| world.nodes[0].stream.is_some());
    until(&mut world, 5_000, |world| world.mirror_of(1) == Some(0));
}

#[test]
fn a_returning_site_promotes_itself_in_three_seconds_unless_its_etcd_says_otherwise() {
    for fenced in [false, true] {
        let mut world = World::new(3, Setting { guard: false, ..Setting::default() });
        world.advance(5_000);
        world.expect_failover(Side::B);
        world.strike(Fault::Cut(Link::Between));
        world.advance(5_500);
        world.strike(Fault::KillSite(Side::A));
        world.strike(Fault::Heal(Link::Between));
        world.advance(7_000);
        order(&mut world, "patroni-b1", Ask::Lead);
        world.advance(30_000);
        assert_eq!(world.writers(), [2]);
        world.strike(Fault::StartSite(Side::A, 0));
        world.places.a.etcd.stuck = false;
        if fenced {
            // Held, it follows nobody and keeps what only it has; told to follow then, it is rewound and follows.
            let end = world.end(0).max(world.end(1));
            order(&mut world, "etcd-a", Ask::HoldInEtcd);
            until(&mut world, 25_000, |world| (0..2).all(|node| world.nodes[node].server == Server::Running { recovery: true }));
            world.advance(world.now + 10_000);
            assert_eq!(world.writers(), [2]);
            assert_eq!(world.end(0).max(world.end(1)), end);
            assert!((0..2).all(|node| world.nodes[node].stream.is_none_or(|stream| side_of(stream.from) == Side::A)));
            order(&mut world, "patroni-a1", Ask::Follow(Side::A));
            order(&mut world, "patroni-a2", Ask::Follow(Side::A));
            until(&mut world, 25_000, |world| both_follow(world, Side::A));
            assert_eq!(world.writers(), [2]);
        } else {
            let rogue = until(&mut world, 5_000, |world| world.writes(0) || world.writes(1));
            assert!((2_000..=3_800).contains(&rogue), "{rogue}");
            // Both were promoted once from the same timeline: their numbers are equal and their histories are not.
            world.advance(world.now + 5_000);
            order(&mut world, "patroni-a1", Ask::Follow(Side::A));
            order(&mut world, "patroni-a2", Ask::Follow(Side::A));
            until(&mut world, 15_000, |world| world.nodes[..2].iter().any(|node| node.collided));
            let (a, b) = (world.history(Side::A), world.history(Side::B));
            assert_eq!(a[0].parent, b[0].parent);
            assert_ne!(a[0].switched_at, b[0].switched_at);
        }
    }
}

#[test]
fn the_guard_keeps_a_returning_site_from_writing_without_any_console() {
    let mut world = quiet();
    world.expect_failover(Side::B);
    world.strike(Fault::KillSite(Side::A));
    world.advance(7_000);
    order(&mut world, "patroni-b1", Ask::Lead);
    world.advance(30_000);
    world.strike(Fault::StartSite(Side::A, 0));
    world.advance(60_000);
    assert_eq!(world.writers(), [2]);
}

#[test]
fn a_silent_cut_leaves_the_stream_streaming_for_a_minute_and_its_last_message_ages() {
    let mut world = quiet();
    world.strike(Fault::Cut(Link::Between));
    world.advance(world.now + 30_000);
    let receiver = world.postgres_facts(2).receiver.expect("still there");
    assert_eq!(receiver.status, "streaming");
    assert!(receiver.message_age.is_some_and(|age| age.0 >= 29_000));
    world.advance(world.now + 35_000);
    assert!(world.postgres_facts(2).receiver.is_none());
    world.strike(Fault::Heal(Link::Between));
    until(&mut world, 5_000, |world| world.nodes[2].stream.is_some());
    assert_eq!(world.writers(), [0]);
}

#[test]
fn what_an_isolated_site_acknowledged_is_lost_by_its_rewind_and_counted() {
    let mut world = quiet();
    world.expect_failover(Side::B);
    world.strike(Fault::Cut(Link::Between));
    world.strike(Fault::Cut(Link::ConsoleA));
    world.advance(world.now + 3_000);
    order(&mut world, "patroni-b1", Ask::Lead);
    let promoted = until(&mut world, 4_000, |world| world.writes(2));
    assert!((2_000..=2_500).contains(&promoted), "the guard waits a second for each silent peer: {promoted}");
    world.advance(world.now + 10_000);
    assert!(world.missing_rows(2) > 100);
    world.strike(Fault::Heal(Link::Between));
    world.strike(Fault::Heal(Link::ConsoleA));
    order(&mut world, "patroni-a1", Ask::Follow(Side::A));
    until(&mut world, 25_000, |world| both_follow(world, Side::A));
    assert_eq!(world.writers(), [2]);
}

#[test]
fn orders_into_a_cut_line_time_out_and_those_to_dead_processes_are_refused() {
    let mut world = quiet();
    world.strike(Fault::Cut(Link::ConsoleA));
    let id = order(&mut world, "patroni-a1", Ask::Status);
    world.advance(world.now + 5_000);
    assert!(world.answer(id).is_none());
    world.strike(Fault::Heal(Link::ConsoleA));
    world.strike(Fault::KillNode(0));
    let id = order(&mut world, "patroni-a1", Ask::Status);
    world.advance(world.now + 20);
    assert!(matches!(
        world.answer(id),
        Some(Err(switchback_engine::ports::ControlError::Failed { failure: switchback_domain::ProbeFailure::Refused, .. }))
    ));
}

#[test]
fn a_switch_in_a_site_takes_a_few_seconds_and_the_other_site_keeps_following() {
    let mut world = quiet();
    let id = order(&mut world, "patroni-a1", Ask::Switch { leader: 0, candidate: 1 });
    let began = world.now;
    let mut answer = None;
    while answer.is_none() {
        world.advance(world.now + STEP);
        assert!(world.now - began < 10_000, "{:#?}", world.story);
        answer = world.answer(id);
    }
    assert!(matches!(answer, Some(Ok(Answer::Done))));
    assert_eq!(world.writers(), [1]);
    until(&mut world, 3_000, |world| world.nodes[2].stream.is_some_and(|stream| stream.from == 1));
    until(&mut world, 12_000, |world| world.mirror_of(1) == Some(0));
    assert_eq!(world.missing_rows(1), 0);
}

#[test]
fn the_facts_of_a_healthy_world_pass_every_check() {
    let mut world = quiet();
    let mut sightings = switchback_domain::picture::Sightings::new();
    for endpoint in world.pool.endpoints() {
        let id = world.send(Order { to: endpoint.name.clone(), ask: Ask::Look(orders_clock(world.now)) });
        let asked_at = orders_clock(world.now);
        world.advance(world.now + 20);
        let Some(Ok(Answer::Facts(facts))) = world.answer(id) else { panic!("{} answers", endpoint.name) };
        sightings.entry(endpoint.name).or_default().take(Ok(*facts), asked_at, switchback_domain::Millis(8));
    }
    let picture = switchback_domain::picture::work_out(&world.pool, &sightings, orders_clock(world.now));
    assert_eq!(picture.active, Some(Side::A));
    let bad: Vec<_> = picture.checks.iter().filter(|check| check.verdict != switchback_domain::Verdict::Pass).collect();
    assert!(bad.is_empty(), "{bad:#?}");
    assert!(picture.findings.is_empty(), "{:?}", picture.findings);
    assert!(world.place_of(&patroni("b2")).2 == Some(3));
}
