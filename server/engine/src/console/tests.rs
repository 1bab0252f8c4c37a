//! What the door lets through, and in which order.

use super::*;
use crate::testing::{Bench, Does, Page, let_pass};
use std::sync::atomic::Ordering;
use switchback_domain::{Knowledge, ProbeFailure, fixture};

fn unknown() -> PoolId {
    "nowhere".parse().expect("a name")
}

#[tokio::test(start_paused = true)]
async fn an_unknown_pool_is_refused_by_name_everywhere() {
    let bench = Bench::start();
    let (console, caller, pool) = (&bench.console, Bench::caller(), unknown());
    let refused = Some(ConsoleError::UnknownPool { pool: pool.clone() });
    assert_eq!(console.picture(&caller, &pool).err(), refused);
    assert_eq!(console.trends(&caller, &pool).await.err(), refused);
    assert_eq!(console.series(&caller, &pool, &Metric::Loss, Span::Week).await.err(), refused);
    assert_eq!(console.changes(&caller, &pool).await.err(), refused);
    assert_eq!(console.watch_pool(&caller, &pool, None).err(), refused);
}

#[tokio::test(start_paused = true)]
async fn a_caller_whose_session_has_ended_gets_nothing() {
    let bench = Bench::start();
    let (console, pool) = (&bench.console, fixture::pool().id);
    let caller = Caller { session_ends_at: console.now(), ..Bench::caller() };
    let refused = Some(ConsoleError::NotSignedIn);
    assert_eq!(console.picture(&caller, &pool).err(), refused);
    assert_eq!(console.trends(&caller, &pool).await.err(), refused);
    assert_eq!(console.series(&caller, &pool, &Metric::Loss, Span::Week).await.err(), refused);
    assert_eq!(console.changes(&caller, &pool).await.err(), refused);
    assert_eq!(console.watch_pool(&caller, &pool, None).err(), refused);
    assert_eq!(console.audit(&caller).await.err(), refused);
    assert_eq!(console.summaries(&caller), []);
    let mut page = Page::default();
    page.watch(&mut console.watch_overview(&caller, None), 5_000).await;
    assert_eq!(page.names, [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn before_anything_was_asked_nothing_looks_healthy() {
    let bench = Bench::start();
    let picture = bench.picture();
    assert_eq!(picture.active, None);
    assert!(
        picture.sites.iter().all(|(_, site)| site.endpoints.iter().all(|endpoint| matches!(endpoint.knowledge, Knowledge::Missing { .. })))
    );
}

#[tokio::test(start_paused = true)]
async fn the_overview_shows_the_worst_pool_first_and_follows_live() {
    let bench = Bench::start();
    let_pass(3_000).await;
    let order = |all: &[Summary]| all.iter().map(|summary| summary.pool.to_string()).collect::<Vec<_>>();
    assert_eq!(order(&bench.console.summaries(&Bench::caller())), ["chat-core", "chat-rest"]);
    let mut stream = bench.console.watch_overview(&Bench::caller(), None);
    let mut page = Page::default();
    page.watch(&mut stream, 1_000).await;
    assert_eq!(order(&page.read::<Vec<Summary>>()), ["chat-core", "chat-rest"]);
    for endpoint in fixture::pool().endpoints() {
        bench.second.set(endpoint.name.as_str(), Does::Fail(ProbeFailure::Refused));
    }
    page.watch(&mut stream, 20_000).await;
    let summaries: Vec<Summary> = page.read();
    assert_eq!(order(&summaries), ["chat-rest", "chat-core"]);
    assert!(summaries[0].worst.is_some());
    let again = bench.console.summaries(&Bench::caller());
    assert_eq!(order(&again), ["chat-rest", "chat-core"]);
    assert_eq!(page.names.iter().filter(|name| *name == "whole").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_pool_page_follows_live_and_beats_fill_the_silence() {
    let bench = Bench::start();
    let_pass(2_000).await;
    let pool = fixture::pool().id;
    let mut stream = bench.console.watch_pool(&Bench::caller(), &pool, None).expect("the pool is there");
    let mut page = Page::default();
    page.watch(&mut stream, 30_000).await;
    assert_eq!(page.read::<Picture>(), *bench.picture());
    for endpoint in fixture::pool().endpoints() {
        bench.script.set(endpoint.name.as_str(), Does::Hang);
    }
    // Answers that never come end as time-outs; after these, nothing changes any more.
    page.watch(&mut stream, 60_000).await;
    page.names.clear();
    page.watch(&mut stream, 20_000).await;
    let beats = page.names.iter().filter(|name| *name == "beat").count();
    assert!(beats >= 4, "{:?}", page.names);
    assert_eq!(page.read::<Picture>(), *bench.picture());
}

#[tokio::test(start_paused = true)]
async fn the_console_is_not_ready_while_its_store_is_away() {
    let bench = Bench::start();
    assert!(bench.console.readiness().await.is_ready());
    bench.store.history_fails.store(true, Ordering::Relaxed);
    assert_eq!(bench.console.readiness().await, Readiness { store: false, pictures: true });
    let error = bench.console.changes(&Bench::caller(), &fixture::pool().id).await;
    assert!(matches!(error, Err(ConsoleError::Internal { .. })));
}
