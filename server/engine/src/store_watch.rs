//! Looks after the store: whether it can be written, whether its files are at their places, whether its guards
//! are as they were made, and the space that is kept for an emergency.

use crate::{
    audit::{Actor, audited},
    figures,
    ports::{Clock, Store, StoreError},
    time::pause,
};
use std::{
    error::Error,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use switchback_domain::{
    BrokenGuard, LostFile, Reserve,
    audit::{Deed, DeedOutcome},
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A check of the store by writing stands for so long. Whoever asks more often gets the same answer.
const WRITE_CHECK_LASTS: Duration = Duration::from_secs(3);

/// A store that has not written a row after so long does not work.
const WRITE_WITHIN: Duration = Duration::from_secs(4);

/// How often the space for an emergency is looked after.
const TEND_EVERY: Duration = Duration::from_secs(5);

/// How often the guards are compared with what they should be.
const LOOK_AT_GUARDS_EVERY: Duration = Duration::from_hours(1);

/// What is known of the store.
pub(crate) struct StoreWatch {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// When the store was last written to as a check, and whether that went well.
    checked: tokio::sync::Mutex<Option<(Instant, bool)>>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    broken: Vec<BrokenGuard>,
    /// What of it is in the audit history.
    noted: Vec<BrokenGuard>,
    reserve: Reserve,
    /// What is in the audit history of a file that was lost.
    noted_lost: Option<LostFile>,
}

impl StoreWatch {
    pub(crate) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> StoreWatch {
        let seen = Mutex::new(Seen { reserve: store.tend_reserve(), ..Seen::default() });
        StoreWatch { store, clock, checked: tokio::sync::Mutex::default(), seen }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The guards that were not as they were made at the last look.
    pub(crate) fn broken_guards(&self) -> Vec<BrokenGuard> {
        self.seen().broken.clone()
    }

    /// How the space for an emergency is.
    pub(crate) fn reserve(&self) -> Reserve {
        self.seen().reserve
    }

    /// Whether the store can be written: it is written to, but not more often than every few seconds.
    pub(crate) async fn can_write(&self) -> bool {
        let mut checked = self.checked.lock().await;
        if let Some((at, well)) = *checked
            && at.elapsed() < WRITE_CHECK_LASTS
        {
            return well;
        }
        let written = tokio::time::timeout(WRITE_WITHIN, self.store.write_check(self.clock.now())).await;
        let written = written.unwrap_or_else(|_| Err(StoreError::Failed("no answer in time".into())));
        if let Err(error) = &written {
            figures::store_failed("write_check");
            tracing::warn!(error = error as &dyn Error, "the store cannot be written");
        }
        self.tend();
        *checked = Some((Instant::now(), written.is_ok()));
        written.is_ok()
    }

    fn tend(&self) {
        let reserve = self.store.tend_reserve();
        figures::reserve_given_up(reserve == Reserve::GivenUp);
        let before = std::mem::replace(&mut self.seen().reserve, reserve);
        match reserve {
            Reserve::GivenUp if before != reserve => {
                tracing::error!("there is no space left on the store's disk but for operations: history is not kept; make room");
            }
            Reserve::Kept if before == Reserve::GivenUp => tracing::info!("there is space again on the store's disk"),
            _ => {}
        }
    }

    async fn keep_head(&self) {
        if let Err(error) = self.store.keep_head(self.clock.now()).await {
            figures::store_failed("keep_head");
            tracing::warn!(error = &error as &dyn Error, "it was not found out how far the store has come");
        }
    }

    /// A file of the store that was removed or replaced under the console.
    pub(crate) fn lost_file(&self) -> Option<LostFile> {
        self.store.lost_file()
    }

    /// Looks after the store's files. That one is lost is in the log and in the audit history whenever that changes.
    async fn look_after_file(&self) -> Result<(), StoreError> {
        let kept = self.store.look_after_file(self.clock.now()).await;
        if let Err(error) = &kept
            && self.reserve() != Reserve::GivenUp
        {
            figures::store_failed("look_after_file");
            tracing::error!(error = error as &dyn Error, "what is in the store's log could not be brought into its file, or not be copied");
        }
        let lost = self.lost_file();
        figures::store_file_lost(lost.is_some());
        if self.seen().noted_lost == lost {
            return Ok(());
        }
        match &lost {
            Some(LostFile { file, copy: Some(copy) }) => tracing::error!(
                file,
                copy,
                "a file of the store was removed or replaced while the console runs. The console still has everything, and saves it into the \
                 copy as long as it runs: stop it, and run `switchback restore` with the copy before you start it again"
            ),
            Some(LostFile { file, copy: None }) => tracing::error!(
                file,
                "a file of the store was removed or replaced while the console runs, and no copy could be made: what only the console has is \
                 gone when it ends. Do not stop it; make room beside the store, and give it the right to write there"
            ),
            None => tracing::info!("the store's files are at their places again"),
        }
        let (file, copy) = lost.clone().map(|lost| (lost.file, lost.copy)).unzip();
        let outcome = if lost.is_none() { DeedOutcome::Done } else { DeedOutcome::Failed };
        let deed = audited(&Actor::console(), Deed::StoreFileChecked, "");
        let entry = deed.close(self.clock.now(), outcome, serde_json::json!({ "file": file, "copy": copy.flatten() }));
        self.store.append(&entry).await?;
        self.seen().noted_lost = lost;
        // The copy is to have that line, too.
        self.store.look_after_file(self.clock.now()).await
    }

    async fn look_after_file_or_say_why_not(&self) {
        if let Err(error) = self.look_after_file().await {
            figures::store_failed("look_after_file");
            tracing::error!(error = &error as &dyn Error, "that a file of the store is lost could not be written down");
        }
    }

    /// Looks at the guards. What is wrong with them is in the log each time, and in the audit history whenever it changes.
    async fn look_at_guards(&self) -> Result<(), StoreError> {
        let broken = self.store.broken_guards().await?;
        figures::broken_guards(broken.len());
        for BrokenGuard { guard, fault } in &broken {
            tracing::error!(
                guard,
                fault = fault.as_code(),
                "a guard of the store is not as it was made: the audit history may have been changed. Find out who did this, and whether a \
                 backup says the same; `switchback repair-guards` puts the guards back"
            );
        }
        let changed = {
            let mut seen = self.seen();
            seen.broken.clone_from(&broken);
            seen.noted != broken
        };
        if changed {
            let outcome = if broken.is_empty() { DeedOutcome::Done } else { DeedOutcome::Failed };
            let deed = audited(&Actor::console(), Deed::StoreGuardsChecked, "");
            self.store.append(&deed.close(self.clock.now(), outcome, serde_json::json!({ "broken": broken }))).await?;
            self.seen().noted = broken;
        }
        Ok(())
    }
}

/// Looks after the store until everything stops.
pub(crate) async fn keep_watching(watch: Arc<StoreWatch>, stop: CancellationToken) {
    let mut looked: Option<Instant> = None;
    loop {
        watch.tend();
        watch.look_after_file_or_say_why_not().await;
        watch.keep_head().await;
        if looked.is_none_or(|at| at.elapsed() >= LOOK_AT_GUARDS_EVERY) {
            match watch.look_at_guards().await {
                Ok(()) => looked = Some(Instant::now()),
                Err(error) => {
                    figures::store_failed("look_at_guards");
                    tracing::error!(
                        error = &error as &dyn Error,
                        "the guards of the store could not be looked at, or what is wrong not be written down"
                    );
                }
            }
        }
        if !pause(TEND_EVERY, &stop).await {
            watch.keep_head().await;
            watch.look_after_file_or_say_why_not().await;
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TestClock, TestStore};
    use switchback_domain::GuardFault;

    fn watch(store: &Arc<TestStore>) -> Arc<StoreWatch> {
        Arc::new(StoreWatch::new(Arc::clone(store) as Arc<dyn Store>, Arc::new(TestClock::starting_now())))
    }

    #[tokio::test(start_paused = true)]
    async fn a_broken_guard_stays_an_alarm_and_is_written_down_once_until_it_is_whole_again() {
        let store = Arc::new(TestStore::default());
        let (watch, stop) = (watch(&store), CancellationToken::new());
        let watching = tokio::spawn(keep_watching(Arc::clone(&watch), stop.clone()));
        crate::testing::let_pass(1_000).await;
        assert_eq!((watch.broken_guards(), store.audited()), (vec![], vec![]));

        let broken = vec![BrokenGuard { guard: "audit.audit_refuses_delete".to_owned(), fault: GuardFault::Missing }];
        store.kept().broken_guards.clone_from(&broken);
        crate::testing::let_pass(3 * 3_600_000).await;
        assert_eq!(watch.broken_guards(), broken);
        assert_eq!(store.audited(), ["store_guards_checked failed"], "once, however often it is looked");
        store.kept().broken_guards.clear();
        crate::testing::let_pass(3_700_000).await;
        assert_eq!(watch.broken_guards(), []);
        assert_eq!(store.audited(), ["store_guards_checked failed", "store_guards_checked done"]);
        stop.cancel();
        watching.await.expect("it ends");
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_file_is_an_alarm_and_is_written_down_once() {
        let store = Arc::new(TestStore::default());
        let (watch, stop) = (watch(&store), CancellationToken::new());
        let watching = tokio::spawn(keep_watching(Arc::clone(&watch), stop.clone()));
        crate::testing::let_pass(60_000).await;
        assert_eq!((watch.lost_file(), store.audited()), (None, vec![]));
        let lost = LostFile { file: "store.db-wal".to_owned(), copy: Some("copy.db".to_owned()) };
        store.kept().lost_file = Some(lost.clone());
        crate::testing::let_pass(60_000).await;
        assert_eq!((watch.lost_file(), store.audited()), (Some(lost), vec!["store_file_checked failed".to_owned()]));
        store.kept().lost_file = None;
        crate::testing::let_pass(60_000).await;
        assert_eq!(store.audited(), ["store_file_checked failed", "store_file_checked done"]);
        stop.cancel();
        watching.await.expect("it ends");
    }

    #[tokio::test(start_paused = true)]
    async fn whether_the_store_can_be_written_is_found_out_by_writing_but_not_at_every_question() {
        let store = Arc::new(TestStore::default());
        let watch = watch(&store);
        for _ in 0..100 {
            assert!(watch.can_write().await);
        }
        assert_eq!(store.kept().write_checks, 1);
        // It can still be read, and says no to writes: a full disk.
        store.audit_fails.store(true, std::sync::atomic::Ordering::Relaxed);
        crate::testing::let_pass(3_000).await;
        assert!(!watch.can_write().await);
        store.audit_fails.store(false, std::sync::atomic::Ordering::Relaxed);
        crate::testing::let_pass(3_000).await;
        assert!(watch.can_write().await);
        assert_eq!(store.kept().write_checks, 2, "what failed was not written");
    }
}
