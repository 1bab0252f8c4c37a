//! What watchers get, in every order of coming, going and being slow.

use super::*;
use crate::testing::{Event, Page, TestClock, let_pass};
use futures::StreamExt;
use proptest::prelude::*;
use switchback_domain::{
    Lsn, MemberFacts, MemberState, Picture, ProbeFailure, Side,
    fixture::{World, at},
};

fn live(picture: Picture) -> Arc<Live<Picture>> {
    Arc::new(Live::new("b00t".into(), Arc::new(picture)))
}

fn watch(live: &Arc<Live<Picture>>, last_seen: Option<&str>) -> LiveStream {
    LiveStream::watch(Arc::clone(live), Arc::new(TestClock::starting_now()), last_seen, at(3_600_000))
}

/// A picture that differs from every other by its number.
fn numbered(n: u64) -> Arc<Picture> {
    Arc::new(Picture { title: format!("number {n}"), ..World::healthy(at(0)).picture() })
}

/// Something that may happen to a pool or to a watcher.
#[derive(Debug, Clone)]
enum Happens {
    TimePasses(i64),
    Writes(u64),
    Fails(usize, ProbeFailure),
    SiteFails(bool),
    ForgetsMembers,
    MembersDrain(usize),
    Promotes,
    Title(String),
    WatcherLeaves,
    WatcherComesBack,
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        3 => (1i64..20_000).prop_map(Happens::TimePasses),
        3 => (0u64..1 << 40).prop_map(Happens::Writes),
        2 => (0usize..12, prop_oneof![Just(ProbeFailure::Refused), Just(ProbeFailure::Garbage), Just(ProbeFailure::Tls)]).prop_map(|(n, cause)| Happens::Fails(n, cause)),
        1 => any::<bool>().prop_map(Happens::SiteFails),
        1 => Just(Happens::ForgetsMembers),
        1 => (0usize..4).prop_map(Happens::MembersDrain),
        1 => Just(Happens::Promotes),
        1 => ".{0,12}".prop_map(Happens::Title),
        2 => Just(Happens::WatcherLeaves),
        2 => Just(Happens::WatcherComesBack),
    ]
}

fn apply(world: &mut World, what: &Happens) {
    match what {
        Happens::TimePasses(ms) => world.pass(*ms),
        Happens::Writes(bytes) => world.postgres("a1", |facts| facts.written = Some(Lsn(*bytes))),
        Happens::Fails(n, cause) => {
            let endpoint = world.pool.endpoints()[*n].name.clone();
            world.fails(endpoint.as_str(), cause.clone());
        }
        Happens::SiteFails(first) => world.site_fails(if *first { Side::A } else { Side::B }, &ProbeFailure::Refused),
        Happens::ForgetsMembers => world.haproxy("a", |facts| facts.members.clear()),
        Happens::MembersDrain(n) => world.haproxy("b", |facts| {
            facts.members = (0..*n)
                .map(|n| MemberFacts {
                    name: format!("member-{n}").parse().expect("a name"),
                    state: MemberState::Draining,
                    healthy: true,
                    sessions: 3,
                    unchanged_for_s: 60,
                })
                .collect();
        }),
        Happens::Promotes => world.postgres("b1", |facts| {
            facts.in_recovery = !facts.in_recovery;
            facts.written = facts.received;
        }),
        Happens::Title(title) => world.pool.title.clone_from(title),
        Happens::WatcherLeaves | Happens::WatcherComesBack => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// One watcher stays, another leaves and comes back with the last id it saw. Both always have the console's value.
    #[test]
    fn patches_always_lead_to_the_console_s_own_picture(story in proptest::collection::vec(happens(), 1..40)) {
        let mut world = World::healthy(at(0));
        let live = live(world.picture());
        let mut staying = live.join(None, at(0));
        let mut restless = Some(live.join(None, at(0)));
        let (mut page, mut restless_page) = (Page::default(), Page::default());
        for what in &story {
            apply(&mut world, what);
            match what {
                Happens::WatcherLeaves => restless = None,
                Happens::WatcherComesBack => {
                    let last_seen = restless_page.last_id.clone();
                    restless.get_or_insert_with(|| live.join(last_seen.as_deref(), world.now));
                }
                _ => {}
            }
            let picture = world.picture();
            live.publish(Arc::new(picture.clone()), world.now);
            read(&mut staying, &mut page);
            prop_assert_eq!(&page.read::<Picture>(), &picture);
            if let Some(restless) = &mut restless {
                read(restless, &mut restless_page);
                prop_assert_eq!(&restless_page.read::<Picture>(), &picture);
            }
        }
        // As somebody watched all the time, whoever came back within 120 s never needed the whole again.
        prop_assert!(restless_page.names.iter().filter(|name| *name == "whole").count() <= 1);
    }
}

fn read(joined: &mut Joined, page: &mut Page) {
    joined.first.drain(..).for_each(|frame| page.take(&frame));
    let rest = joined.rest.as_mut().expect("it goes on");
    while let Ok(frame) = rest.try_recv() {
        page.take(&frame);
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_back_gets_exactly_what_was_missed() {
    let live = live((*numbered(0)).clone());
    let (mut stays, mut leaves) = (watch(&live, None), watch(&live, None));
    let (mut kept, mut page) = (Page::default(), Page::default());
    live.publish(numbered(1), at(1_000));
    page.watch(&mut leaves, 1).await;
    drop(leaves);
    live.publish(numbered(2), at(2_000));
    live.points(&[]);
    live.publish(numbered(3), at(3_000));
    let mut back = watch(&live, page.last_id.as_deref());
    live.publish(numbered(4), at(4_000));
    page.names.clear();
    page.watch(&mut back, 1).await;
    assert_eq!(page.names, ["change", "change", "change"]);
    kept.watch(&mut stays, 1).await;
    assert_eq!(page.value, kept.value);
    assert_eq!(page.read::<Picture>(), *numbered(4));
    let mut nothing_missed = watch(&live, page.last_id.as_deref());
    page.names.clear();
    page.watch(&mut nothing_missed, 1).await;
    assert_eq!(page.names, ["beat"]);
}

#[tokio::test(start_paused = true)]
async fn an_id_that_is_not_known_is_answered_with_the_whole() {
    let live = live((*numbered(0)).clone());
    let mut stays = watch(&live, None);
    for n in 1..=5 {
        live.publish(numbered(n), at(0));
    }
    for unknown in ["other-3", "b00t-99", "b00t-", "b00t", "", "b00t--1", "b00t-1-2"] {
        let frame = watch(&live, Some(unknown)).next().await.expect("it begins");
        assert_eq!(Event::read(&frame).name, "whole", "{unknown:?}");
    }
    let frame = watch(&live, Some("b00t-3")).next().await.expect("it begins");
    assert_eq!(Event::read(&frame).id.as_deref(), Some("b00t-4"));
    // After two minutes what was missed is forgotten.
    let_pass(121_000).await;
    live.publish(numbered(6), at(0));
    let frame = watch(&live, Some("b00t-3")).next().await.expect("it begins");
    assert_eq!(Event::read(&frame).name, "whole");
    drop(stays.next().await);
}

#[tokio::test(start_paused = true)]
async fn while_nobody_watches_nothing_is_encoded_and_the_gap_is_not_hidden() {
    let live = live((*numbered(0)).clone());
    let mut page = Page::default();
    let mut stream = watch(&live, None);
    live.publish(numbered(1), at(0));
    page.watch(&mut stream, 1).await;
    drop(stream);
    for n in 2..=4 {
        live.publish(numbered(n), at(0));
        assert!(live.locked().encoded.is_none());
        assert!(live.locked().ring.since(0, 1).is_none());
    }
    let mut stream = watch(&live, page.last_id.as_deref());
    page.watch(&mut stream, 1).await;
    assert_eq!(page.names, ["whole", "change", "whole"]);
    assert_eq!(page.read::<Picture>(), *numbered(4));
}

#[tokio::test(start_paused = true)]
async fn a_watcher_that_is_too_slow_gets_the_whole_and_no_gap() {
    let live = live((*numbered(0)).clone());
    let mut slow = watch(&live, None);
    let mut page = Page::default();
    page.watch(&mut slow, 1).await;
    let most = u64::try_from(WAITING_MAX).expect("it is small");
    for n in 1..=most + 10 {
        live.publish(numbered(n), at(0));
    }
    page.watch(&mut slow, 1).await;
    assert_eq!(page.names, ["whole", "whole"]);
    assert_eq!(page.read::<Picture>(), *numbered(most + 10));
    live.publish(numbered(1_000), at(0));
    page.watch(&mut slow, 1).await;
    assert_eq!(page.read::<Picture>(), *numbered(1_000), "it goes on with changes");
    assert_eq!(page.names.last().map(String::as_str), Some("change"));
}

#[tokio::test(start_paused = true)]
async fn all_watchers_share_the_same_bytes() {
    let live = live((*numbered(0)).clone());
    let mut all: Vec<LiveStream> = (0..100).map(|_| watch(&live, None)).collect();
    live.publish(numbered(1), at(0));
    for _ in ["whole", "change"] {
        let frames = futures::future::join_all(all.iter_mut().map(StreamExt::next)).await;
        let places: std::collections::BTreeSet<_> = frames.iter().map(|frame| frame.as_ref().expect("it goes on").as_ptr()).collect();
        assert_eq!(places.len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_equal_value_is_no_event() {
    let live = live((*numbered(0)).clone());
    let mut stream = watch(&live, None);
    let mut page = Page::default();
    assert!(!live.publish(numbered(0), at(1_000)));
    assert!(live.publish(numbered(1), at(2_000)));
    page.watch(&mut stream, 1).await;
    assert_eq!(page.names, ["whole", "change"]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_with_its_session() {
    let live = live((*numbered(0)).clone());
    let clock = Arc::new(TestClock::starting_now());
    let mut stream = LiveStream::watch(Arc::clone(&live), clock, None, at(10_000));
    let mut page = Page::default();
    let_pass(9_000).await;
    live.publish(numbered(1), at(9_000));
    page.watch(&mut stream, 1).await;
    assert_eq!(page.names, ["whole", "change"]);
    let_pass(1_000).await;
    live.publish(numbered(2), at(10_000));
    assert_eq!(stream.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn line_ends_in_texts_do_not_break_an_event() {
    let title = "one\ntwo\r\n\ndata: three\n\n".to_owned();
    let live = live(Picture { title: title.clone(), ..(*numbered(0)).clone() });
    let frame = watch(&live, None).next().await.expect("it begins");
    assert_eq!(Event::read(&frame).data["value"]["title"], title.as_str());
}
