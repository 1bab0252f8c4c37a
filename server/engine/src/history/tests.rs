//! The history that successive pictures leave.

use super::*;
use crate::testing::{Does, Page, TestPool, let_pass};
use std::{sync::atomic::Ordering, time::Duration};
use switchback_domain::{
    LinkKind, Lsn, NodeState, ProtectionState, Side,
    fixture::{WRITTEN, World, at, pool},
    history::{Changed, Span},
};

/// Passes time second by second and takes everything noted; the instants count from [`at`] zero.
fn live_through(world: &mut World, recorder: &mut Recorder, seconds: u32, mut each: impl FnMut(&mut World)) -> Vec<Noted> {
    (0..seconds)
        .map(|_| {
            world.pass(1_000);
            each(world);
            recorder.take(&Arc::new(world.picture()), world.now)
        })
        .collect()
}

fn points_of(noted: &[Noted], metric: &Metric) -> Vec<Point> {
    noted.iter().flat_map(|noted| &noted.points).filter(|(of, _)| of == metric).map(|(_, point)| *point).collect()
}

fn lag_bytes() -> Metric {
    Metric::LagBytes { kind: LinkKind::CrossSite, to: "b1".parse().expect("a name") }
}

#[test]
fn a_span_has_the_smallest_the_largest_and_the_last_value_that_was_read_in_it() {
    let mut world = World::healthy(at(0));
    let mut recorder = Recorder::new(&world.pool);
    let mut lags = [500_u64, 40, 9_000, 300].into_iter().chain(std::iter::repeat(70));
    let noted = live_through(&mut world, &mut recorder, 25, |world| {
        let behind = lags.next().expect("it repeats");
        world.postgres("b1", |facts| {
            facts.received = Some(Lsn(WRITTEN.0 - behind));
            facts.replayed = facts.received;
            if let Some(receiver) = &mut facts.receiver {
                receiver.flushed = facts.received;
            }
        });
        world.postgres("a1", |facts| {
            for sender in facts.senders.iter_mut().filter(|sender| sender.application_name == "b1") {
                sender.flushed = Some(Lsn(WRITTEN.0 - behind));
            }
        });
    });
    let points = points_of(&noted, &lag_bytes());
    assert_eq!(points, [Point { at: at(0), min: 40, max: 9_000, last: 70 }, Point { at: at(10_000), min: 70, max: 70, last: 70 }]);
    assert_eq!(points_of(&noted, &Metric::LossBytes), points, "what would be lost is what the other site has not");
    // Points that are handed over together are of the same span.
    assert!(noted.iter().all(|noted| noted.points.iter().all(|(_, point)| point.at == noted.points[0].1.at)));
}

#[test]
fn a_gap_stays_a_gap() {
    let mut world = World::healthy(at(0));
    let mut recorder = Recorder::new(&world.pool);
    let rate = || Metric::WalRate { node: "b1".parse().expect("a name") };
    let whole: Vec<Timestamp> = (0..12).map(|span| at(span * 10_000)).collect();
    let mut noted = live_through(&mut world, &mut recorder, 20, |_| {});
    let come_back = |world: &mut World| world.sightings.values_mut().for_each(|sighting| sighting.failure = None);
    // First one site falls silent, later both.
    noted.extend(live_through(&mut world, &mut recorder, 30, |world| world.site_dies(Side::B, &ProbeFailure::Refused)));
    come_back(&mut world);
    noted.extend(live_through(&mut world, &mut recorder, 30, |_| {}));
    noted.extend(live_through(&mut world, &mut recorder, 20, |world| {
        for side in Side::BOTH {
            world.site_dies(side, &ProbeFailure::Refused);
        }
    }));
    come_back(&mut world);
    noted.extend(live_through(&mut world, &mut recorder, 22, |_| {}));
    let begins = |metric| points_of(&noted, &metric).iter().map(|point| point.at).collect::<Vec<_>>();
    let but = |gaps: &[usize]| whole.iter().enumerate().filter(|(n, _)| !gaps.contains(n)).map(|(_, at)| *at).collect::<Vec<_>>();
    // The 20th second still answers and begins the third span; the 50th is the last that fails, the 81st the first.
    assert_eq!(begins(Metric::Sessions { side: Side::A }), but(&[9]));
    assert_eq!(begins(Metric::Sessions { side: Side::B }), but(&[3, 4, 9]));
    assert_eq!(begins(rate()), but(&[3, 4, 9]));
    assert_eq!(begins(lag_bytes()), but(&[9]), "the sender still told how far the silent end is");
}

#[test]
fn a_reading_that_is_not_renewed_does_not_fill_later_spans() {
    let mut world = World::healthy(at(9_000));
    let mut recorder = Recorder::new(&world.pool);
    let mut noted = Vec::new();
    // The reading of 9 s is fresh until 14 s, but says nothing about the span that began at 10 s.
    for ms in [9_100, 10_500, 11_500, 13_000, 13_900, 21_500, 31_500] {
        world.now = at(ms);
        noted.push(recorder.take(&Arc::new(world.picture()), world.now));
    }
    assert_eq!(points_of(&noted, &lag_bytes()).iter().map(|point| point.at).collect::<Vec<_>>(), [at(0)]);
}

#[test]
fn the_rate_of_the_log_comes_from_positions_of_one_timeline() {
    let mut world = World::healthy(at(0));
    let mut recorder = Recorder::new(&world.pool);
    let mut written = WRITTEN.0;
    let noted = live_through(&mut world, &mut recorder, 25, |world| {
        written += 5_000;
        let second = (world.now.as_millisecond() - at(0).as_millisecond()) / 1_000;
        world.postgres("a1", |facts| {
            // After 15 s another history goes on far ahead: that jump is no rate.
            facts.written = Some(Lsn(if second >= 15 { written + (1 << 40) } else { written }));
            facts.timeline = Some(switchback_domain::Timeline(if second >= 15 { 8 } else { 7 }));
        });
    });
    let rates = points_of(&noted, &Metric::WalRate { node: "a1".parse().expect("a name") });
    assert_eq!(rates.len(), 2);
    assert!(rates.iter().all(|rate| (rate.min, rate.max) == (5_000, 5_000)), "{rates:?}");
    let idle = points_of(&noted, &Metric::WalRate { node: "b2".parse().expect("a name") });
    assert!(idle.iter().all(|rate| (rate.min, rate.max) == (0, 0)) && idle.len() == 2, "{idle:?}");
}

#[test]
fn sessions_of_which_a_part_is_unknown_are_a_gap() {
    let mut world = World::healthy(at(0));
    let picture = world.picture();
    let mut spans = spans::Spans::new(world.pool.policy.stale_after);
    spans.add(&picture);
    let mut half = picture.clone();
    half.sites.b.members[0].knowledge = Knowledge::Missing { cause: ProbeFailure::Refused };
    half.sites.a.members[0].sessions = 100;
    spans.add(&half);
    world.now = at(11_000);
    let points = spans.close(world.now);
    let of = |side| points.iter().find(|(metric, _)| *metric == Metric::Sessions { side }).map(|(_, point)| (point.max, point.last));
    assert_eq!(of(Side::A), Some((112, 112)));
    assert_eq!(of(Side::B), Some((0, 0)));
    spans.add(&Picture { sites: switchback_domain::Pair { b: half.sites.b.clone(), ..picture.sites.clone() }, ..picture });
    assert_eq!(spans.close(at(100_000)), [], "a closed span takes nothing more");
}

#[test]
fn what_changes_is_noted_once_with_before_and_after() {
    let mut world = World::healthy(at(0));
    let mut recorder = Recorder::new(&world.pool);
    assert_eq!(live_through(&mut world, &mut recorder, 3, |_| {}).iter().map(|noted| noted.changes.len()).sum::<usize>(), 0);
    world.fails("postgres-b2", ProbeFailure::Refused);
    world.fails("patroni-b2", ProbeFailure::Refused);
    let changes: Vec<Change> = live_through(&mut world, &mut recorder, 3, |_| {}).into_iter().flat_map(|noted| noted.changes).collect();
    let node = Changed::Node { node: "b2".parse().expect("a name"), from: NodeState::Replaying, to: NodeState::NoAnswer };
    assert_eq!(changes.iter().filter(|change| change.what == node).map(|change| change.at).collect::<Vec<_>>(), [at(4_000)]);
    let cascade = |what: &Changed| matches!(what, Changed::Link { kind: LinkKind::Cascade, .. });
    assert_eq!(changes.iter().filter(|change| cascade(&change.what)).count(), 1, "{changes:?}");
    assert!(!changes.iter().any(|change| matches!(change.what, Changed::Protection { .. })), "{changes:?}");
    let mut changes = Vec::new();
    world.site_dies(Side::B, &ProbeFailure::Refused);
    changes.extend(live_through(&mut world, &mut recorder, 20, |_| {}).into_iter().flat_map(|noted| noted.changes));
    let protection: Vec<_> = changes
        .iter()
        .filter_map(|change| match change.what {
            Changed::Protection { from, to } => Some((from, to)),
            _ => None,
        })
        .collect();
    assert_eq!(protection.first().map(|(from, _)| *from), Some(ProtectionState::Protected));
    assert_eq!(protection.last().map(|(_, to)| *to), Some(ProtectionState::SiteSilent));
    assert!(changes.iter().any(|change| matches!(change.what, Changed::Site { side: Side::B, .. })));
}

#[test]
fn the_start_of_the_console_is_no_change() {
    let mut world = World::healthy(at(0));
    let answers = std::mem::take(&mut world.sightings);
    let mut recorder = Recorder::new(&world.pool);
    for (name, sighting) in answers {
        world.sightings.insert(name, sighting);
        assert_eq!(recorder.take(&Arc::new(world.picture()), world.now).changes, []);
    }
    world.fails("postgres-b2", ProbeFailure::Refused);
    world.fails("patroni-b2", ProbeFailure::Refused);
    assert_ne!(recorder.take(&Arc::new(world.picture()), world.now).changes, []);
}

#[tokio::test(start_paused = true)]
async fn spans_and_changes_reach_the_store_and_spans_the_page() {
    let bench = TestPool::start();
    let mut stream = bench.console.watch_pool(&TestPool::caller(), &pool().id, None).expect("the pool is there");
    let mut page = Page::default();
    page.watch(&mut stream, 35_000).await;
    bench.script.set("patroni-b2", Does::Fail(ProbeFailure::Refused));
    bench.script.set("postgres-b2", Does::Fail(ProbeFailure::Refused));
    page.watch(&mut stream, 2_000).await;
    let own: Vec<_> = bench.store.kept().spans.iter().filter(|(of, _)| *of == pool().id).cloned().collect();
    assert_eq!(own.len(), 3);
    assert_eq!(page.points, own.iter().map(|(_, points)| points.len()).sum::<usize>());
    let caller = TestPool::caller();
    let series = bench.console.series(&caller, &pool().id, &Metric::LossBytes, Span::Quarter).await.expect("the store answers");
    assert_eq!(series.points.len(), 3);
    let changes = bench.console.changes(&caller, &pool().id).await.expect("the store answers");
    assert!(changes.iter().any(|change| matches!(change.what, Changed::Node { to: NodeState::NoAnswer, .. })), "{changes:?}");
    let trends = bench.console.trends(&caller, &pool().id).await.expect("the store answers");
    assert!(trends.iter().any(|series| series.metric == Metric::Lag { kind: LinkKind::CrossSite, to: "b1".parse().expect("a name") }));
    assert!(trends.iter().all(|series| series.step == Span::Quarter.step()));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_holds_up_nothing_and_gets_the_newest_ten_minutes_afterwards() {
    let bench = TestPool::start();
    bench.store.history_fails.store(true, Ordering::Relaxed);
    let_pass(1_200_000).await;
    assert!(bench.picture().sites.a.nodes.iter().all(|node| node.knowledge.is_fresh()), "observation goes on");
    assert!(bench.script.asked("postgres-a1").len() > 1_100);
    bench.store.history_fails.store(false, Ordering::Relaxed);
    let_pass(40_000).await;
    let kept: Vec<Timestamp> =
        bench.store.kept().spans.iter().filter(|(of, _)| *of == pool().id).map(|(_, points)| points[0].1.at).collect();
    assert!((60..=64).contains(&kept.len()), "{} spans", kept.len());
    assert!(kept.windows(2).all(|pair| pair[1] == pair[0] + Duration::from_secs(10)), "in order, none twice, none missing");
    assert!(*kept.last().expect("there are some") >= at(1_200_000));
}

#[test]
fn what_waits_for_the_store_is_bounded() {
    let writer = Writer::new(pool().id);
    let world = World::healthy(at(0));
    let point = Point { at: at(0), min: 1, max: 1, last: 1 };
    let change = Change { at: world.now, what: Changed::Protection { from: ProtectionState::Protected, to: ProtectionState::AtRisk } };
    for _ in 0..10_000 {
        writer.hand_over(Noted { points: vec![(Metric::Loss, point)], changes: vec![change.clone()] });
    }
    assert_eq!(writer.waiting_count(), (60, 1_000));
}
