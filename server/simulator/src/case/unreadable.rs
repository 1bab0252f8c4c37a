//! A console that is started anew and finds an operation under way whose journal cannot be read: damaged, or written by a newer one.

use super::{Case, Kind, Run, caller};
use crate::{console_handle::let_pass, store::Crash, world::Ms};
use switchback_domain::{
    Side,
    audit::Deed,
    operation::{
        Event, Intent, MemberChange, MemberOrder, OperationId, Outcome, PlanObjection, StageCode, UnreadableCause, UnreadableEntry,
    },
};

const A_WHILE: Ms = 20_000;

const UNREADABLE: [UnreadableEntry; 3] = [
    UnreadableEntry { number: 0, cause: UnreadableCause::Damaged },
    UnreadableEntry { number: 1, cause: UnreadableCause::Newer { version: 2 } },
    UnreadableEntry { number: 2, cause: UnreadableCause::DoesNotFit },
];

fn simulated<T>(test: impl AsyncFnOnce() -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(test())
}

/// The console dies with this write of the operation, and the next one cannot read it. Nothing when the operation ends before.
async fn left_unread(intent: Intent, at: u32, written: bool) -> Option<Run> {
    let case = Case { crashes: vec![Crash { at, written }], ..Case::plain(Kind::Switchover, 4) };
    let mut run = Run::begin(case).await;
    if let Intent::Failover { .. } = intent {
        run.lose_site_a().await;
    }
    run.arm();
    let asked = run.request(&intent).await;
    assert!(matches!(asked, None | Some(Ok(_))), "{asked:?}");
    while !run.room.is_shut() {
        let_pass(20).await;
        run.expect_what_is_written();
        if run.room.books().operations.last().is_some_and(|kept| kept.ended) {
            return None;
        }
    }
    let entry = UNREADABLE[at as usize % UNREADABLE.len()];
    {
        // It was killed before anything was written.
        let mut books = run.room.books();
        books.operations.last_mut()?.unreadable = Some(entry);
    }
    run.operations.push((OperationId(1), intent));
    run.pass(A_WHILE).await;
    let [line] = &run.console.operations(&caller(), None, 9).await.expect("a list")[..] else { panic!("one operation") };
    assert_eq!((line.stage, line.unreadable), (StageCode::Unreadable, Some(entry)), "it is shown as what it is");
    Some(run)
}

/// Nobody is told to lead by a console that does not know how far the operation had come.
fn told_to_lead(run: &Run, since: usize) -> Vec<String> {
    let world = run.room.world();
    world.story[since..]
        .iter()
        .filter(|(_, line)| line.starts_with("console ->") && line.ends_with(": Lead"))
        .map(|(_, line)| line.clone())
        .collect()
}

/// What is needed now is begun beside it, and everything comes to a good end.
async fn goes_on(mut run: Run) {
    let before = run.room.world().story.len();
    run.peace(A_WHILE).await;
    run.site_a_comes_back().await;
    run.peace(A_WHILE).await;
    assert_eq!(told_to_lead(&run, before), Vec::<String>::new(), "nothing is resumed");
    let pool = run.room.world().pool.id.clone();
    let next = match (run.is_active(Side::A), run.is_active(Side::B)) {
        (true, _) => Intent::Switchover { to: Side::B },
        (false, true) => Intent::Reprotect { side: Side::A },
        (false, false) => Intent::Failover { to: Side::B },
    };
    let planned = run.console.plan(&caller(), &pool, next.clone()).await.expect("a plan").plan;
    let told = |objection: &PlanObjection| matches!(objection, PlanObjection::OperationUnreadable { operation: OperationId(1), .. });
    assert!(planned.objections.iter().any(told), "{:?}", planned.objections);
    run.operate(next).await;
    {
        let books = run.room.books();
        let closed = books.operations[0].entries.last().map(|entry| entry.event.clone());
        assert!(matches!(closed, Some(Event::Finished { outcome: Outcome::ClosedUnread { .. } })), "{closed:?}");
        let lines = books.audit.iter().filter(|entry| *entry.deed() == Deed::OperationClosedUnread && entry.actor.is_some()).count();
        assert_eq!((books.operations.len(), lines), (2, 1));
    }
    if run.room.books().operations[1].summary.kind == Some(switchback_domain::operation::IntentKind::Failover) {
        run.peace(A_WHILE).await;
        run.operate(Intent::Reprotect { side: Side::A }).await;
    }
    let told = run.end().await;
    assert!(told.wrong.is_empty(), "{:?}\n{}", told.wrong, told.last(160));
    assert_eq!(told.writers.len(), 1, "{}", told.last(160));
    assert!(told.ends[1..].iter().all(|end| end.ends_with(": done")), "{:?}\n{}", told.ends, told.last(160));
}

fn at_every_write(intent: &Intent) {
    let mut seen = 0;
    for at in 1..60 {
        let written = at % 2 == 0;
        let intent = intent.clone();
        let found = simulated(async || match left_unread(intent, at, written).await {
            Some(run) => {
                goes_on(run).await;
                true
            }
            None => false,
        });
        if !found {
            break;
        }
        seen += 1;
    }
    assert!(seen > 8, "only {seen} writes were found");
}

#[test]
fn a_failover_that_cannot_be_read_after_any_of_its_writes_bars_nobody_and_is_not_resumed() {
    at_every_write(&Intent::Failover { to: Side::B });
}

#[test]
fn a_switchover_that_cannot_be_read_after_any_of_its_writes_bars_nobody_and_is_not_resumed() {
    at_every_write(&Intent::Switchover { to: Side::B });
}

#[test]
fn the_fence_of_a_failover_that_cannot_be_read_is_kept_only_when_the_other_site_may_have_been_promoted() {
    let (mut free, mut held) = (0, 0);
    for at in 1..40 {
        let more = simulated(async || {
            let Some(mut run) = left_unread(Intent::Failover { to: Side::B }, at, true).await else { return false };
            let pool = run.room.world().pool.id.clone();
            let record = run.room.books().records.get(&pool).cloned().unwrap_or_default();
            let Some(fence) = record.fences.first().cloned() else { return true };
            run.peace(1_000).await;
            run.site_a_comes_back().await;
            run.peace(40_000).await;
            if record.epoch >= fence.epoch {
                held += 1;
                assert!(!run.is_active(Side::A), "it was failed over from, and is not let in");
                return true;
            }
            // Nobody was told to lead, so the site that was to be given up serves on, and goes on doing so when the operation is closed.
            free += 1;
            let fenced_by_its_step = run.room.world().story.iter().any(|(_, line)| line.contains("Hold"));
            assert!(run.is_active(Side::A) || fenced_by_its_step, "a fence on which nothing rests shuts the active site out");
            let [member, _] = crate::world::World::member_names(Side::A);
            if run.is_active(Side::A) {
                let change = MemberChange { side: Side::A, member, to: MemberOrder::Drain };
                run.operate(Intent::Members { changes: vec![change] }).await;
                run.pass(A_WHILE).await;
                assert!(run.is_active(Side::A));
                assert_eq!(run.room.books().records[&pool].fences, [], "it went with the operation");
            }
            true
        });
        if !more {
            break;
        }
    }
    assert!(free > 0 && held > 0, "{free} without, {held} with a promotion: this proves nothing");
}

#[test]
fn what_somebody_wants_of_an_operation_that_cannot_be_read_is_refused_with_the_reason() {
    simulated(async || {
        let run = left_unread(Intent::Switchover { to: Side::B }, 6, true).await.expect("an operation under way");
        let id = OperationId(1);
        let refused = |error: &str| error.contains("op-0001") && error.contains("cannot be read");
        let wish = run
            .console
            .wish(&caller(), id, switchback_domain::operation::ControlRequest::Cancel, "here")
            .await
            .expect_err("it is unreadable");
        assert!(refused(&wish.to_string()), "{wish}");
        let shown = run.console.operation(&caller(), id).await.expect_err("it is unreadable");
        assert!(refused(&shown.to_string()), "{shown}");
        assert!(run.console.report(&caller(), id).await.is_err());
        let lines = run.room.books().audit.iter().filter(|entry| entry.detail["reason"] == "unreadable_operation").count();
        assert_eq!(lines, 1, "the refusal is in the audit history");
        // How far it has come is not claimed; who asked for it is known.
        let line = run.console.operations(&caller(), None, 1).await.expect("a list").remove(0);
        assert!(line.step.is_none() && line.requested_by.is_some(), "{line:?}");
    });
}
