//! What the door lets through, and in which order.

use super::*;
use crate::{
    audit::{Actor, audited},
    ports::{JournalStore, LeaseAsk, Opening, RecordChange},
    testing::{Does, Page, TestPool, let_pass},
};
use std::{sync::atomic::Ordering, time::Duration};
use switchback_domain::{
    ByteLag, Knowledge, Lsn, ProbeFailure, Side, Timeline,
    audit::Deed,
    fixture,
    operation::{
        Choice, ControlRequest, Entry, Epoch, Event, Intent, Next, Operation, OperationId, PoolState, Request, Step, StepEvidence,
    },
};

fn unknown() -> PoolId {
    "nowhere".parse().expect("a name")
}

#[tokio::test(start_paused = true)]
async fn an_unknown_pool_is_refused_by_name_everywhere() {
    let bench = TestPool::start();
    let (console, caller, pool) = (&bench.console, TestPool::caller(), unknown());
    let refused = Some(ConsoleError::UnknownPool { pool: pool.clone() });
    assert_eq!(console.picture(&caller, &pool).err(), refused);
    assert_eq!(console.trends(&caller, &pool).await.err(), refused);
    assert_eq!(console.series(&caller, &pool, &Metric::Loss, Span::Week).await.err(), refused);
    assert_eq!(console.changes(&caller, &pool).await.err(), refused);
    assert_eq!(console.watch_pool(&caller, &pool, None).err(), refused);
}

#[tokio::test(start_paused = true)]
async fn a_caller_whose_session_has_ended_gets_nothing() {
    let bench = TestPool::start();
    let (console, pool) = (&bench.console, fixture::pool().id);
    let caller = Caller { session_ends_at: console.now(), ..TestPool::caller() };
    let refused = Some(ConsoleError::NotSignedIn);
    assert_eq!(console.picture(&caller, &pool).err(), refused);
    assert_eq!(console.trends(&caller, &pool).await.err(), refused);
    assert_eq!(console.series(&caller, &pool, &Metric::Loss, Span::Week).await.err(), refused);
    assert_eq!(console.changes(&caller, &pool).await.err(), refused);
    assert_eq!(console.watch_pool(&caller, &pool, None).err(), refused);
    assert_eq!(console.audit(&caller).await.err(), refused);
    assert_eq!(console.summaries(&caller), []);
    assert_eq!(console.watch_overview(&caller, None).err(), refused);
    let intent = Intent::Switchover { to: Side::B };
    assert_eq!(console.plan(&caller, &pool, intent.clone()).await.err(), refused);
    let id = kept(&bench, intent.clone(), 0, |_| Vec::new()).await;
    assert_eq!(console.operation(&caller, id).await.err(), refused);
    assert_eq!(console.operations(&caller, None, 9).await.err(), refused);
    assert_eq!(console.watch_operation(&caller, id, None).await.err(), refused);
    assert_eq!(console.report(&caller, id).await.err(), refused);
    assert_eq!(console.evidence_names(&caller, id).await.err(), refused);
    assert_eq!(console.evidence(&caller, id, "lost-rows-a1.jsonl", "192.0.2.7").await.err(), refused);
    let request = console.operation(&TestPool::caller(), id).await.expect("an operation").request.clone();
    let not_signed_in = ConsoleError::NotSignedIn;
    assert_eq!(console.request(&caller, request, None, "192.0.2.7").await, Err(not_signed_in.clone().into()));
    assert_eq!(console.wish(&caller, id, ControlRequest::Pause, "192.0.2.7").await, Err(not_signed_in.clone().into()));
    assert_eq!(console.answer(&caller, id, 1, Choice::Retry, ("", ""), "192.0.2.7").await, Err(not_signed_in.into()));
}

#[tokio::test(start_paused = true)]
async fn before_anything_was_asked_nothing_looks_healthy() {
    let bench = TestPool::start();
    let picture = bench.picture();
    assert_eq!(picture.active, None);
    assert!(
        picture.sites.iter().all(|(_, site)| site.endpoints.iter().all(|endpoint| matches!(endpoint.knowledge, Knowledge::Missing { .. })))
    );
}

#[tokio::test(start_paused = true)]
async fn the_overview_shows_the_worst_pool_first_and_follows_live() {
    let bench = TestPool::start();
    let_pass(3_000).await;
    let order = |all: &[Summary]| all.iter().map(|summary| summary.pool.to_string()).collect::<Vec<_>>();
    assert_eq!(order(&bench.console.summaries(&TestPool::caller())), ["chat-core", "chat-rest"]);
    let mut stream = bench.console.watch_overview(&TestPool::caller(), None).expect("whoever is signed in may see it");
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
    let again = bench.console.summaries(&TestPool::caller());
    assert_eq!(order(&again), ["chat-rest", "chat-core"]);
    assert_eq!(page.names.iter().filter(|name| *name == "whole").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_pool_page_follows_live_and_beats_fill_the_silence() {
    let bench = TestPool::start();
    let_pass(2_000).await;
    let pool = fixture::pool().id;
    let mut stream = bench.console.watch_pool(&TestPool::caller(), &pool, None).expect("the pool is there");
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

/// An operation that was done, of which each step saw what `saw` says, kept in the store as the next one.
async fn kept(bench: &TestPool, intent: Intent, epoch: u64, saw: impl Fn(&Step) -> Vec<StepEvidence>) -> OperationId {
    let mut world = fixture::World::healthy(fixture::at(0));
    world.site_fails(Side::A, &ProbeFailure::Refused);
    let pool_state = PoolState { epoch: Epoch(epoch), ..PoolState::default() };
    let plan = switchback_domain::operation::plan(&world.pool, &world.picture(), &pool_state, intent.clone(), world.now);
    let request = Request {
        pool: world.pool.id.clone(),
        intent,
        plan: String::new(),
        planned_at: world.now,
        reason: "a test".to_owned(),
        ticket: String::new(),
        typed_pool: String::new(),
        typed_site: String::new(),
        accepts_loss: true,
        acknowledged: Vec::new(),
        attestation: String::new(),
        overridden: Vec::new(),
        dry_run: false,
    };
    let by = TestPool::caller().person.login;
    let entry = |event| Entry { at: world.now, event };
    let first = entry(Event::Requested { request: Box::new(request), by, plan: Box::new(plan) });
    let now = bench.console.now();
    let ask = LeaseAsk {
        holder: "a test",
        machine: "another",
        since_boot: Duration::ZERO,
        lasts: Duration::from_mins(1),
        stood_still: None,
        told_until: now,
    };
    let lease = bench.store.take_lease(&world.pool.id, &ask).await.expect("a store").taken().expect("nobody else acts");
    let audit = audited(&Actor::console(), Deed::OperationRequested, "").done(now, ());
    bench.store.change_record(&lease, &RecordChange::Epoch(Epoch(epoch)), &audit).await.expect("not an earlier one");
    let summary = Operation::from_journal(OperationId(0), std::slice::from_ref(&first)).expect("a journal").summary();
    let opening = Opening { first, audit, epoch: Epoch(epoch), key: None, summary, closes: None };
    let id = bench.store.open_operation(&lease, &opening).await.expect("nothing else runs");
    let mut operation = Operation::from_journal(id, &[opening.first]).expect("a journal");
    while !operation.is_finished() {
        let event = match operation.decide() {
            Next::Begin { step } if operation.steps[step].attempts > 0 => {
                Event::StepEnded { step, facts: saw(&operation.plan.steps[step]), trouble: None }
            }
            Next::Begin { step } => Event::StepBegun { step },
            Next::Write(event) => *event,
            Next::Undo { .. } | Next::Rest => panic!("{:?}", operation.stage),
        };
        let (entry, number) = (entry(event), operation.events);
        operation.evolve(&entry).expect("it fits");
        bench.store.append_entry(&lease, id, number, &entry, None, &[], &operation.summary()).await.expect("a store");
    }
    bench.store.give_lease_back(&lease).await.expect("a store");
    id
}

#[tokio::test(start_paused = true)]
async fn the_report_of_a_failover_grows_when_the_lost_site_comes_back() {
    let bench = TestPool::start();
    let (console, caller) = (&bench.console, TestPool::caller());
    let diverged = |end: u64| {
        move |step: &Step| {
            let node = "a1".parse().expect("a name");
            let fact =
                StepEvidence::Diverged { side: Side::A, node, timeline: Timeline(7), fork: Lsn(1_000), end: Lsn(end), rows: Some(2) };
            if matches!(step, Step::Inspect { .. }) { vec![fact] } else { Vec::new() }
        }
    };
    let nothing = |_: &Step| Vec::new();
    let failover = kept(&bench, Intent::Failover { to: Side::B }, 4, nothing).await;
    let report = console.report(&caller, failover).await.expect("a report");
    assert_eq!((report.loss.found, report.targets.recovery_point_kept), (None, None));
    let looked = kept(&bench, Intent::Reprotect { side: Side::A }, 5, diverged(9_000)).await;
    // A look that comes later sees less: the site follows already.
    kept(&bench, Intent::Reprotect { side: Side::A }, 5, diverged(1_200)).await;
    // And another failover of the same site has a loss of its own.
    kept(&bench, Intent::Reprotect { side: Side::A }, 7, diverged(90_000)).await;
    let report = console.report(&caller, failover).await.expect("a report");
    let found = report.loss.found.expect("it was found");
    assert_eq!((found.operation, found.bytes, found.rows), (looked, ByteLag(8_000), Some(2)), "{found:?}");
    assert_eq!(console.report(&caller, looked).await.expect("a report").loss.found, None, "it has lost nothing itself");
}

#[tokio::test(start_paused = true)]
async fn the_console_is_not_ready_while_its_store_is_away() {
    let bench = TestPool::start();
    assert!(bench.console.readiness().await.is_ready());
    bench.store.history_fails.store(true, Ordering::Relaxed);
    bench.store.audit_fails.store(true, Ordering::Relaxed);
    // A check stands for a moment.
    let_pass(3_000).await;
    assert_eq!(bench.console.readiness().await, Readiness { store: false, reserve: true, file: true, pictures: true, guards: true });
    let error = bench.console.changes(&TestPool::caller(), &fixture::pool().id).await;
    assert!(matches!(error, Err(ConsoleError::Internal { .. })));
}
