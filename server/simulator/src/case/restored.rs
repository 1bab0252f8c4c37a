//! A console whose store was restored from an old backup, in a world that has moved on.

use super::{Case, Kind, Run, caller};
use crate::world::{Fault, Link, Ms};
use switchback_domain::{
    Confirmation, Restored, Side,
    error::ConfirmError,
    fixture,
    operation::{Epoch, Fence, Intent, OperationId, PlanObjection},
};
use switchback_engine::ports::PoolRecord;

/// The store says that site A is fenced, as it was once; in truth it is active.
async fn with_an_old_fence(seed: u64, unconfirmed: Option<Restored>) -> Run {
    let run = Run::begin(Case::plain(Kind::Switchover, seed)).await;
    assert!(run.is_active(Side::A));
    let fence = Fence {
        side: Side::A,
        epoch: Epoch(3),
        operation: Some(OperationId(1)),
        since: fixture::at(0),
        expected_loss: None,
        answers: Vec::new(),
    };
    let record = PoolRecord { epoch: Epoch(3), fences: vec![fence], ended_at: None, unconfirmed };
    let pool = run.room.world().pool.id.clone();
    run.room.books().records.insert(pool, record);
    run
}

fn simulated(test: impl AsyncFnOnce()) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(test());
}

const A_WHILE: Ms = 30_000;

#[test]
fn an_old_fence_would_shut_the_active_site_out() {
    simulated(async || {
        let mut run = with_an_old_fence(1, None).await;
        run.pass(A_WHILE).await;
        assert!(!run.is_active(Side::A), "then the next test would show nothing");
    });
}

#[test]
fn a_restored_console_only_watches_until_it_is_confirmed_and_never_shuts_the_active_site_out() {
    simulated(async || {
        let mark = Restored { at: fixture::at(1), taken_at: fixture::at(0) };
        let mut run = with_an_old_fence(2, Some(mark)).await;
        run.pass(A_WHILE).await;
        assert!(run.is_active(Side::A), "it holds the site that is active now");
        let (caller, pool) = (caller(), run.room.world().pool.clone());
        let planned = run.console.plan(&caller, &pool.id, Intent::Switchover { to: Side::B }).await.expect("a plan");
        assert!(planned.plan.objections.contains(&PlanObjection::NotConfirmed), "{:?}", planned.plan.objections);
        let beside = run.console.restored(&caller, &pool.id).expect("a pool").expect("something to confirm");
        assert!(beside.sites[0].fenced && beside.sites[0].active && !beside.sites[1].active, "{beside:?}");

        let site = pool.sites.a.id.clone();
        let mut confirmation = Confirmation { reason: " ".to_owned(), ..Confirmation::default() };
        let confirm = async |confirmation: &Confirmation| run.console.confirm_restored(&caller, &pool.id, confirmation, "here").await;
        assert_eq!(confirm(&confirmation).await, Err(ConfirmError::NoReason));
        "looked at both".clone_into(&mut confirmation.reason);
        assert_eq!(confirm(&confirmation).await, Err(ConfirmError::FencesActive { site: site.clone() }));
        confirmation.lift = vec![site];
        assert_eq!(confirm(&confirmation).await, Ok(()));
        assert_eq!(confirm(&confirmation).await, Err(ConfirmError::NothingToConfirm));
        let actions: Vec<String> = run.room.books().audit.iter().map(|entry| format!("{} {}", entry.deed(), entry.outcome())).collect();
        let [refused, done] = ["restored_confirmed refused", "restored_confirmed done"];
        assert_eq!(actions, [refused, refused, done, refused]);

        run.pass(A_WHILE).await;
        assert!(run.is_active(Side::A));
        let record = run.room.books().records[&pool.id].clone();
        assert_eq!((record.epoch, record.fences, record.unconfirmed), (Epoch(4), vec![], None));
        let planned = run.console.plan(&caller, &pool.id, Intent::Switchover { to: Side::B }).await.expect("a plan");
        assert!(!planned.plan.objections.contains(&PlanObjection::NotConfirmed), "{:?}", planned.plan.objections);
    });
}

#[test]
fn an_operation_that_was_open_in_the_backup_is_not_carried_on() {
    simulated(async || {
        // It is written down as open while nobody works at it.
        let mut run = with_an_old_fence(3, None).await;
        let pool = run.room.world().pool.id.clone();
        run.room.books().records.insert(pool.clone(), PoolRecord::default());
        run.operate(Intent::Switchover { to: Side::B }).await;
        assert!(run.is_active(Side::B));
        let (mark, old) = (Restored { at: fixture::at(1), taken_at: fixture::at(0) }, PoolRecord::default());
        {
            let mut books = run.room.books();
            books.operations[0].ended = false;
            books.operations[0].entries.truncate(4);
            let lines = books.audit.len();
            books.audit.truncate(lines.min(4));
            books.records.insert(pool.clone(), PoolRecord { unconfirmed: Some(mark), ..old });
        }
        run.room.kill();
        run.pass(A_WHILE).await;
        assert!(run.is_active(Side::B) && !run.is_active(Side::A), "nothing was carried on");
        let confirmation = Confirmation { reason: "looked".to_owned(), ..Confirmation::default() };
        run.console.confirm_restored(&caller(), &pool, &confirmation, "here").await.expect("it is so");
        run.pass(A_WHILE).await;
        assert!(run.is_active(Side::B) && !run.is_active(Side::A), "nor afterwards");
        assert!(run.room.books().operations[0].ended);
        assert!(run.console.operation(&caller(), OperationId(1)).await.expect("it is there").is_finished());
    });
}

/// Site A was given up for site B, and the store knows nothing of it. Whether A is active after it has come back, when its fence was put up
/// with the confirmation or not.
async fn comes_back(fence: bool) -> bool {
    let mut run = with_an_old_fence(4, None).await;
    let pool = run.room.world().pool.clone();
    let mark = Restored { at: fixture::at(1), taken_at: fixture::at(0) };
    let record = PoolRecord { unconfirmed: Some(mark), ..PoolRecord::default() };
    run.room.books().records.insert(pool.id.clone(), record);
    run.room.world().strike(Fault::KillSite(Side::A));
    run.room.world().strike(Fault::ToldToLead(Side::B));
    run.pass(A_WHILE).await;
    assert!(run.is_active(Side::B) && !run.is_active(Side::A));
    let mut confirmation = Confirmation { reason: "dc-a was given up yesterday".to_owned(), ..Confirmation::default() };
    confirmation.fence.extend(fence.then(|| pool.sites.a.id.clone()));
    run.console.confirm_restored(&caller(), &pool.id, &confirmation, "here").await.expect("it is so");
    run.pass(2_000).await;
    // The standing guards of the site cannot ask the other one, so nothing but the fence is there.
    run.room.world().strike(Fault::Cut(Link::Between));
    run.room.world().strike(Fault::StartSite(Side::A, 0));
    run.pass(A_WHILE).await;
    assert!(run.is_active(Side::B));
    run.is_active(Side::A)
}

#[test]
fn a_fence_that_the_store_has_forgotten_keeps_its_site_down_when_it_is_put_up_with_the_confirmation() {
    simulated(async || {
        assert!(comes_back(false).await, "then the next line would show nothing");
        assert!(!comes_back(true).await);
    });
}
