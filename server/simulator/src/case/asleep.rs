//! A machine that sleeps in the middle of an operation.

use super::{Case, Kind, Run};
use std::sync::atomic::Ordering;
use switchback_domain::{Side, operation::Intent};

#[test]
fn a_console_that_has_slept_gives_no_order_before_it_knows_that_the_lease_is_still_its_own() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(async {
        for seed in 1..=8 {
            let mut run = Run::begin(Case::plain(Kind::Switchover, seed)).await;
            let (slept, books) = (run.room.slept.clone(), run.room.books.clone());
            // It sleeps for an hour while a step runs; meanwhile another console has taken the lease, and has it for a while.
            let nap = tokio::spawn(async move {
                let from = u32::try_from(seed).expect("a small number");
                loop {
                    crate::console_handle::let_pass(1).await;
                    let mut books = books.lock().expect("nobody panics");
                    if books.writes >= from {
                        slept.fetch_add(3_600_000, Ordering::SeqCst);
                        books.seize_leases();
                        return;
                    }
                }
            });
            let mut taken = false;
            for _ in 0..60 {
                taken = matches!(run.request(&Intent::Switchover { to: Side::B }).await, Some(Ok(_)));
                if taken {
                    break;
                }
                crate::console_handle::let_pass(1_000).await;
            }
            assert!(taken, "seed {seed}: nobody could ask for it");
            nap.await.expect("it falls asleep");
            // As long as the other one has it nobody gives orders.
            for _ in 0..400 {
                crate::console_handle::let_pass(5).await;
            }
            let wrong = run.room.world().wrong.clone();
            assert!(wrong.iter().all(|line| !line.contains("without the lease")), "seed {seed}: {wrong:?}");
            run.stop.cancel();
        }
    });
}
