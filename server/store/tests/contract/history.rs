//! Promises about points and changes.

use crate::fixture::{Fixture, at, pool};
use proptest::{
    collection::vec,
    prelude::any,
    test_runner::{Config, TestCaseError, TestRunner},
};
use std::collections::BTreeMap;
use switchback_domain::{
    LinkKind, LinkState, ProtectionState, Side,
    history::{Change, Changed, Metric, Point, Span},
};
use switchback_engine::ports::Store;

fn point(milliseconds: i64, min: i64, max: i64, last: i64) -> Point {
    Point { at: at(milliseconds), min, max, last }
}

fn lag() -> Metric {
    Metric::Lag { kind: LinkKind::CrossSite, to: "b1".parse().unwrap() }
}

async fn all(store: &dyn Store, name: &str, metric: &Metric, span: Span) -> Vec<Point> {
    store.points(&pool(name), metric, span, at(-i64::from(u32::MAX)), at(i64::from(u32::MAX))).await.unwrap()
}

pub async fn points_come_back_in_order_and_gaps_stay_gaps(fixture: Fixture) {
    let store = &*fixture.store;
    let third = point(50_000, 5, 9, 7);
    let first = point(0, 1, 3, 2);
    let second = point(10_000, 0, 4, 4);
    for point in [third, first, second] {
        store.add_points(&pool("p"), &[(lag(), point)]).await.unwrap();
    }
    assert_eq!(all(store, "p", &lag(), Span::Quarter).await, [first, second, third]);
    // From the beginning on, up to and without the end.
    let between = store.points(&pool("p"), &lag(), Span::Quarter, at(10_000), at(50_000)).await.unwrap();
    assert_eq!(between, [second]);
}

pub async fn points_of_pools_and_figures_are_kept_apart(fixture: Fixture) {
    let store = &*fixture.store;
    let sessions = Metric::Sessions { side: Side::A };
    store.add_points(&pool("p"), &[(lag(), point(0, 1, 1, 1)), (sessions.clone(), point(0, 2, 2, 2))]).await.unwrap();
    store.add_points(&pool("q"), &[(lag(), point(0, 3, 3, 3))]).await.unwrap();
    for span in [Span::Quarter, Span::Hours, Span::Week] {
        assert_eq!(all(store, "p", &lag(), span).await, [point(0, 1, 1, 1)]);
        assert_eq!(all(store, "p", &sessions, span).await, [point(0, 2, 2, 2)]);
        assert_eq!(all(store, "q", &lag(), span).await, [point(0, 3, 3, 3)]);
        assert_eq!(all(store, "q", &sessions, span).await, []);
    }
}

/// The coarser points as the finer ones say they must be.
fn recomputed(fine: &[Point], step_ms: i64) -> Vec<Point> {
    let mut spans: BTreeMap<i64, Point> = BTreeMap::new();
    for point in fine {
        let start = point.at.as_millisecond().div_euclid(step_ms) * step_ms;
        let begun = Point { at: jiff::Timestamp::from_millisecond(start).unwrap(), ..*point };
        let span = spans.entry(start).or_insert(begun);
        *span = Point { at: span.at, min: span.min.min(point.min), max: span.max.max(point.max), last: point.last };
    }
    spans.into_values().collect()
}

pub async fn coarser_points_equal_what_the_finer_ones_say(fixture: Fixture) {
    let store = fixture.store.clone();
    let on = tokio::runtime::Handle::current();
    let checked = tokio::task::spawn_blocking(move || {
        // Which spans of two hours have readings, with which values, and in which order they arrive.
        let readings = vec((0..720_i64, any::<i64>(), any::<i64>(), any::<i64>(), any::<u32>()), 1..40);
        // A failing case is printed in full, so no file has to remember its seed.
        let config = Config { cases: 40, failure_persistence: None, ..Config::default() };
        TestRunner::new(config).run(&readings, |readings| {
            let name = format!("p{}", next());
            let mut arriving: Vec<(u32, Point)> = Vec::new();
            for (place, a, b, c, order) in readings {
                let [min, last, max] = sorted(a, b, c);
                let at = point(place * 10_000, min, max, last);
                if arriving.iter().all(|(_, other)| other.at != at.at) {
                    arriving.push((order, at));
                }
            }
            let mut fine: Vec<Point> = arriving.iter().map(|(_, point)| *point).collect();
            fine.sort_by_key(|point| point.at);
            arriving.sort_by_key(|(order, _)| *order);
            on.block_on(async {
                for (_, point) in arriving {
                    store.add_points(&pool(&name), &[(lag(), point)]).await.unwrap();
                }
                for (span, step_ms) in [(Span::Quarter, 10_000), (Span::Hours, 120_000), (Span::Week, 3_600_000)] {
                    let kept = all(&*store, &name, &lag(), span).await;
                    let expected = recomputed(&fine, step_ms);
                    if kept != expected {
                        return Err(TestCaseError::fail(format!("{span:?}\n kept {kept:?}\n expected {expected:?}")));
                    }
                }
                Ok(())
            })
        })
    });
    checked.await.unwrap().unwrap();
}

fn sorted(a: i64, b: i64, c: i64) -> [i64; 3] {
    let mut values = [a, b, c];
    values.sort_unstable();
    values
}

/// A number that was not given before, so that no two cases share a pool.
fn next() -> u32 {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

pub async fn the_same_span_added_twice_is_merged(fixture: Fixture) {
    let store = &*fixture.store;
    // A console that was restarted within a span adds what it saw of it after what the one before saw.
    store.add_points(&pool("p"), &[(lag(), point(20_000, 3, 8, 5))]).await.unwrap();
    store.add_points(&pool("p"), &[(lag(), point(20_000, 1, 6, 4))]).await.unwrap();
    assert_eq!(all(store, "p", &lag(), Span::Quarter).await, [point(20_000, 1, 8, 4)]);
    assert_eq!(all(store, "p", &lag(), Span::Hours).await, [point(0, 1, 8, 4)]);
    assert_eq!(all(store, "p", &lag(), Span::Week).await, [point(0, 1, 8, 4)]);
}

pub async fn extreme_values_survive(fixture: Fixture) {
    let store = &*fixture.store;
    let extreme = point(0, i64::MIN, i64::MAX, -1);
    store.add_points(&pool("p"), &[(lag(), extreme)]).await.unwrap();
    store.add_points(&pool("p"), &[]).await.unwrap();
    assert_eq!(all(store, "p", &lag(), Span::Week).await, [extreme]);
}

pub async fn pruning_keeps_exactly_what_the_charts_can_show(fixture: Fixture) {
    let store = &*fixture.store;
    let day = 24 * 3_600_000;
    let now = 8 * day;
    let each = [(Span::Quarter, 15 * 60_000), (Span::Hours, 6 * 3_600_000), (Span::Week, 7 * day)];
    let mut points = Vec::new();
    for (_, length) in each {
        points.extend([point(now - length - 1, 1, 1, 1), point(now - length, 2, 2, 2)]);
    }
    for point in points {
        store.add_points(&pool("p"), &[(lag(), point)]).await.unwrap();
    }
    let mut before = 0;
    let mut kept = Vec::new();
    for (span, length) in each {
        let shown = all(store, "p", &lag(), span).await;
        before += shown.len();
        kept.push(shown.into_iter().filter(|point| point.at >= at(now - length)).collect::<Vec<_>>());
    }
    let gone = store.prune(at(now)).await.unwrap();
    for ((span, _), kept) in each.into_iter().zip(&kept) {
        assert_eq!(all(store, "p", &lag(), span).await, *kept, "{span:?}");
        assert!(!kept.is_empty(), "{span:?}: the boundary itself must stay");
    }
    assert_eq!(gone, u64::try_from(before - kept.iter().map(Vec::len).sum::<usize>()).unwrap());
    assert!(gone >= 3, "one point of each step is too old");
    assert_eq!(store.prune(at(now)).await.unwrap(), 0, "nothing is left to prune");
    // A console that was off for a month shows nothing, not something old.
    store.prune(at(now + 30 * day)).await.unwrap();
    assert_eq!(all(store, "p", &lag(), Span::Week).await, []);
}

fn change(milliseconds: i64, up: bool) -> Change {
    let (from, to) = (LinkState::Streaming, LinkState::Broken);
    let (from, to) = if up { (to, from) } else { (from, to) };
    let what = Changed::Link { kind: LinkKind::CrossSite, to_node: Some("b1".parse().unwrap()), from, to };
    Change { at: at(milliseconds), what }
}

pub async fn changes_come_newest_first(fixture: Fixture) {
    let store = &*fixture.store;
    let protection = Changed::Protection { from: ProtectionState::Protected, to: ProtectionState::Unprotected };
    let alone = Change { at: at(2), what: protection };
    store.add_changes(&pool("p"), &[change(1, false), change(1, true)]).await.unwrap();
    store.add_changes(&pool("p"), &[alone.clone(), change(0, false)]).await.unwrap();
    store.add_changes(&pool("q"), &[change(9, false)]).await.unwrap();
    // Of two at the same time, the one that was added later is newer.
    let expected = [alone.clone(), change(1, true), change(1, false), change(0, false)];
    assert_eq!(store.changes(&pool("p"), 20).await.unwrap(), expected);
    assert_eq!(store.changes(&pool("p"), 1).await.unwrap(), [alone]);
    assert_eq!(store.changes(&pool("p"), 0).await.unwrap(), []);
}

pub async fn pruning_keeps_the_newest_thousand_changes_of_each_pool(fixture: Fixture) {
    let store = &*fixture.store;
    let many: Vec<Change> = (0..1_003).map(|number| change(number, number % 2 == 0)).collect();
    store.add_changes(&pool("p"), &many).await.unwrap();
    store.add_changes(&pool("q"), &many[..1_000]).await.unwrap();
    assert_eq!(store.prune(at(0)).await.unwrap(), 3);
    let newest_first = |changes: &[Change]| changes.iter().rev().cloned().collect::<Vec<_>>();
    assert_eq!(store.changes(&pool("p"), 2_000).await.unwrap(), newest_first(&many[3..]));
    assert_eq!(store.changes(&pool("q"), 2_000).await.unwrap(), newest_first(&many[..1_000]));
}
