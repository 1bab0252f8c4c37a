//! Observation with endpoints and time that the test owns.

use super::*;
use crate::testing::{Does, Page, TestChance, TestClock, TestPool, healthy, let_pass};
use futures::StreamExt;
use switchback_domain::{Knowledge, NodeState, fixture};

fn name<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a name")
}

fn failure_of(picture: &Picture, endpoint: &str) -> Option<ProbeFailure> {
    knowledge_of(picture, endpoint).1
}

fn knowledge_of(picture: &Picture, endpoint: &str) -> (Knowledge, Option<ProbeFailure>) {
    let mut all = picture.sites.iter().flat_map(|(_, site)| &site.endpoints);
    let endpoint = all.find(|other| other.name.as_str() == endpoint).expect("the endpoint is in the picture");
    (endpoint.knowledge.clone(), endpoint.failure.clone().map(|(cause, _)| cause))
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_hangs_holds_up_no_other() {
    let bench = TestPool::start();
    bench.script.set("postgres-b2", Does::Hang);
    let_pass(10_500).await;
    for endpoint in fixture::pool().endpoints().iter().filter(|endpoint| endpoint.name.as_str() != "postgres-b2") {
        assert!(bench.script.asked(endpoint.name.as_str()).len() >= 9, "{}", endpoint.name);
        assert!(knowledge_of(&bench.picture(), endpoint.name.as_str()).0.is_fresh(), "{}", endpoint.name);
    }
    assert!(matches!(failure_of(&bench.picture(), "postgres-b2"), Some(ProbeFailure::TimedOut { .. })));
    bench.script.set("postgres-b2", Does::Answer);
    let_pass(7_000).await;
    assert!(knowledge_of(&bench.picture(), "postgres-b2").0.is_fresh(), "a question that hung is given up and asked again");
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_panics_is_asked_again() {
    let bench = TestPool::start();
    bench.script.set("haproxy-a", Does::Panic);
    let_pass(3_500).await;
    assert!(bench.script.asked("haproxy-a").len() >= 2);
    assert_eq!(failure_of(&bench.picture(), "haproxy-a"), Some(ProbeFailure::Garbage));
    bench.script.set("haproxy-a", Does::Answer);
    let_pass(1_500).await;
    assert_eq!(failure_of(&bench.picture(), "haproxy-a"), None);
}

/// Everything in a picture that does not say a time.
fn gist(picture: &Picture) -> String {
    let sites = picture.sites.iter().map(|(side, site)| (side, site.role, site.nodes.iter().map(|node| node.state).collect::<Vec<_>>()));
    format!("{:?} {:?} {:?} {:?}", picture.active, picture.protection.state, picture.findings, sites.collect::<Vec<_>>())
}

#[tokio::test(start_paused = true)]
async fn whoever_sets_the_clock_makes_nothing_old_and_nobody_silent() {
    let bench = TestPool::start();
    let_pass(10_000).await;
    let before = gist(&bench.picture());
    assert!(bench.picture().active.is_some(), "{before}");
    let hour = 3_600_000;
    for set_by in [hour, 0, -hour, 0, 700, -hour] {
        bench.clock.set_by(set_by);
        for _ in 0..80 {
            let_pass(100).await;
            assert_eq!(gist(&bench.picture()), before, "the clock was set to {set_by} ms");
        }
    }
    bench.script.set("postgres-b2", Does::Fail(ProbeFailure::Refused));
    bench.script.set("patroni-b2", Does::Fail(ProbeFailure::Refused));
    let_pass(3_000).await;
    let state = bench.picture().node(&name("b2")).map(|(_, node)| node.state);
    assert_eq!(state, Some(NodeState::NoAnswer), "what happens afterwards is seen as before");
}

#[tokio::test(start_paused = true)]
async fn a_killed_node_is_seen_to_give_no_answer_within_three_seconds_and_a_returning_one_within_two() {
    let bench = TestPool::start();
    let_pass(60_000).await;
    let state = || bench.picture().node(&name("b2")).map(|(_, node)| node.state);
    assert_eq!(state(), Some(NodeState::Replaying));
    let refuses = Does::Fail(ProbeFailure::Refused);
    bench.script.set("patroni-b2", refuses.clone());
    bench.script.set("postgres-b2", refuses);
    let_pass(3_000).await;
    assert_eq!(state(), Some(NodeState::NoAnswer));
    // Long enough away for any back-off to have grown.
    let_pass(600_000).await;
    bench.script.set("patroni-b2", Does::Answer);
    bench.script.set("postgres-b2", Does::Answer);
    let_pass(2_000).await;
    assert_eq!(state(), Some(NodeState::Replaying));
}

#[tokio::test(start_paused = true)]
async fn the_last_sign_of_a_site_is_the_newest_row_that_it_confirmed_and_gone_is_only_what_refuses() {
    let clock = Arc::new(TestClock::starting_now());
    let watched = ObservedPool::new(fixture::pool(), "boot".into(), clock, switchback_domain::picture::work_out, Arc::default());
    let at = |ms| fixture::at(ms);
    let heard = std::cell::Cell::new(0);
    let hear = |node: &str, asked_ms: i64, answer: Result<Facts, ProbeFailure>| {
        heard.set(heard.get() + 1);
        watched.take(&name(&format!("postgres-{node}")), Outcome { number: heard.get(), asked_at: at(asked_ms), took: Millis(5), answer });
    };
    let facts = |node: &str, beat_ms: i64| {
        let endpoint = fixture::pool().endpoints().into_iter().find(|endpoint| endpoint.name.as_str() == format!("postgres-{node}"));
        match healthy(&endpoint.expect("an endpoint"), at(beat_ms)) {
            Facts::Postgres(facts) => Ok(Facts::Postgres(facts)),
            other => panic!("{other:?}"),
        }
    };
    let silent = || Err(ProbeFailure::TimedOut { after: Millis(900) });
    assert_eq!(watched.last_sign(Side::A), None);
    hear("a1", 5_000, facts("a1", 5_000));
    hear("a2", 5_001, facts("a2", 4_000));
    assert_eq!(watched.last_sign(Side::A), Some(LastSign { at: at(5_000), failing_since: None }));
    hear("a1", 6_000, silent());
    hear("a2", 6_001, facts("a2", 5_000));
    let since = Some(at(6_000));
    assert_eq!(watched.last_sign(Side::A), Some(LastSign { at: at(5_000), failing_since: since }));
    hear("a1", 7_000, Err(ProbeFailure::Refused));
    hear("a2", 7_001, Err(ProbeFailure::Refused));
    assert_eq!(watched.last_sign(Side::A), Some(LastSign { at: at(5_000), failing_since: since }), "refusals tell nothing more");
}

#[tokio::test(start_paused = true)]
async fn the_endpoints_of_a_pool_are_asked_together_in_a_round_each_second() {
    let bench = TestPool::start();
    let_pass(100_000).await;
    let mut first = Vec::new();
    for endpoint in fixture::pool().endpoints() {
        let asked = bench.script.asked(endpoint.name.as_str());
        assert!((98..=101).contains(&asked.len()), "{} was asked {} times", endpoint.name, asked.len());
        for pair in asked.windows(2) {
            let apart = Millis::between(pair[0], pair[1]).0;
            assert!((979..=1_021).contains(&apart), "{apart} ms apart");
        }
        first.push(asked[0]);
    }
    let (earliest, latest) = (first.iter().min().expect("asked"), first.iter().max().expect("asked"));
    assert!(Millis::between(*earliest, *latest) <= Millis(21), "one round lies within the jitter");
}

#[tokio::test(start_paused = true)]
async fn rounds_of_different_pools_are_spread_over_the_second() {
    let chance = Arc::new(TestChance::default());
    let starts: std::collections::BTreeSet<u64> = (0..40)
        .map(|_| {
            let asking = Asking::new(Duration::from_secs(1), Arc::new(TestClock::starting_now()), Arc::clone(&chance) as _);
            u64::try_from(asking.first_round.saturating_duration_since(Instant::now()).as_millis() / 100).expect("within a second")
        })
        .collect();
    assert!(starts.len() >= 7, "forty pools begin in {starts:?} tenths of the second");
}

#[tokio::test(start_paused = true)]
async fn everything_ends_when_it_is_told_to() {
    let bench = TestPool::start();
    bench.script.set("etcd-a", Does::Hang);
    let mut stream = bench.console.watch_overview(&TestPool::caller(), None).expect("whoever is signed in may see it");
    let_pass(1_000).await;
    bench.stop.cancel();
    tokio::time::timeout(Duration::from_millis(100), bench.tasks.wait()).await.expect("the loops end");
    tokio::time::timeout(Duration::from_millis(100), async { while stream.next().await.is_some() {} }).await.expect("the streams end");
}

/// A pool without probes: the test itself brings the answers.
struct Alone {
    watched: Arc<ObservedPool>,
    clock: TestClock,
    number: u64,
}

impl Alone {
    fn start() -> Alone {
        let clock = TestClock::starting_now();
        let work_out = switchback_domain::picture::work_out;
        let watched = Arc::new(ObservedPool::new(fixture::pool(), "boot".into(), Arc::new(clock.clone()), work_out, Arc::default()));
        tokio::spawn(keep_picture(Arc::clone(&watched), CancellationToken::new()));
        Alone { watched, clock, number: 0 }
    }

    fn all_answer(&mut self) {
        self.number += 1;
        for endpoint in fixture::pool().endpoints() {
            let asked_at = self.clock.now();
            let answer = Ok(healthy(&endpoint, asked_at));
            self.watched.take(&endpoint.name, Outcome { number: self.number, asked_at, took: Millis(3), answer });
        }
    }

    fn watch(&self) -> crate::LiveStream {
        crate::LiveStream::watch(Arc::clone(&self.watched.live), Arc::new(self.clock.clone()), None, fixture::at(1_000_000))
    }
}

#[tokio::test(start_paused = true)]
async fn without_any_answer_readings_grow_stale_by_time_alone_and_watchers_are_told() {
    let mut alone = Alone::start();
    let_pass(100).await;
    alone.all_answer();
    let_pass(100).await;
    assert_eq!(alone.watched.picture().active, Some(switchback_domain::Side::A));
    let (mut stream, mut page) = (alone.watch(), Page::default());
    page.watch(&mut stream, 4_500).await;
    assert!(knowledge_of(&page.read(), "postgres-a1").0.is_fresh());
    page.watch(&mut stream, 1_500).await;
    let picture: Picture = page.read();
    for endpoint in fixture::pool().endpoints() {
        let knowledge = knowledge_of(&picture, endpoint.name.as_str()).0;
        assert!(matches!(knowledge, Knowledge::Stale { .. }), "{} is {knowledge:?}", endpoint.name);
    }
}

#[tokio::test(start_paused = true)]
async fn answers_that_come_together_make_one_change_and_the_first_is_not_held_up() {
    let mut alone = Alone::start();
    let_pass(500).await;
    let (mut stream, mut page) = (alone.watch(), Page::default());
    page.watch(&mut stream, 1).await;
    let changes = |page: &Page| page.names.iter().filter(|name| *name == "change").count();
    alone.all_answer();
    page.watch(&mut stream, 1).await;
    assert_eq!(changes(&page), 1, "an idle pool is worked out at once");
    // Twelve endpoints answer each millisecond for 200 ms.
    for _ in 0..200 {
        alone.all_answer();
        page.watch(&mut stream, 1).await;
    }
    assert!((3..=5).contains(&(changes(&page) - 1)), "{} changes in 200 ms", changes(&page) - 1);
    page.watch(&mut stream, 60).await;
    assert_eq!(page.read::<Picture>(), *alone.watched.picture(), "the last answer is not lost");
}

#[tokio::test(start_paused = true)]
async fn a_slow_old_answer_never_overwrites_a_newer_one() {
    let alone = Alone::start();
    let endpoint: EndpointName = name("etcd-a");
    let say = |number, ms, answer| alone.watched.take(&endpoint, Outcome { number, asked_at: fixture::at(ms), took: Millis(1), answer });
    let healthy = |healthy| Ok(Facts::Etcd(switchback_domain::EtcdFacts { healthy, leader_key: None }));
    say(2, 1_000, healthy(true));
    say(1, 0, Err(ProbeFailure::Refused));
    let_pass(100).await;
    assert_eq!(failure_of(&alone.watched.picture(), "etcd-a"), None);
    say(3, 2_000, Err(ProbeFailure::Refused));
    let_pass(100).await;
    assert_eq!(failure_of(&alone.watched.picture(), "etcd-a"), Some(ProbeFailure::Refused));
}

#[tokio::test(start_paused = true)]
async fn a_picture_that_cannot_be_worked_out_stops_the_beats_but_not_the_loop() {
    fn breaks(pool: &Pool, sightings: &Sightings, now: jiff::Timestamp) -> Picture {
        let etcd: EndpointName = name("etcd-a");
        assert!(sightings[&etcd].failure.is_none(), "this test's rules know no failure");
        switchback_domain::picture::work_out(pool, sightings, now)
    }
    let clock = TestClock::starting_now();
    let watched = Arc::new(ObservedPool::new(fixture::pool(), "boot".into(), Arc::new(clock.clone()), breaks, Arc::default()));
    tokio::spawn(keep_picture(Arc::clone(&watched), CancellationToken::new()));
    let mut stream = crate::LiveStream::watch(Arc::clone(&watched.live), Arc::new(clock.clone()), None, fixture::at(1_000_000));
    let mut page = Page::default();
    page.watch(&mut stream, 6_100).await;
    assert_eq!(page.names, ["whole", "beat", "beat", "beat"]);
    let say = |number, answer| watched.take(&name("etcd-a"), Outcome { number, asked_at: clock.now(), took: Millis(1), answer });
    say(1, Err(ProbeFailure::Refused));
    page.watch(&mut stream, 10_000).await;
    assert_eq!(page.names.len(), 4, "silence says that this page is not live");
    assert!(!watched.is_sound());
    say(2, Ok(Facts::Etcd(switchback_domain::EtcdFacts { healthy: true, leader_key: None })));
    page.watch(&mut stream, 100).await;
    assert_eq!(page.names.last().map(String::as_str), Some("change"));
    assert!(watched.is_sound());
}
