//! Somebody removes or replaces a file of a store in `SQLite` while a console has it open.

use crate::{
    audit::entry,
    fixture::{Fixture, at},
    links::a_moment,
};
use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
};
use switchback_engine::ports::Store;
use switchback_store::{Author, BackupError, OpenError, RepairError, back_up, restore};

async fn subjects(store: &dyn Store) -> usize {
    store.entries(1_000).await.unwrap().len()
}

fn author() -> Author {
    Author { user: "root".to_owned(), reason: "a test".to_owned() }
}

/// What the store's file says without everything that is beside it.
async fn in_the_file_alone(file: &Path) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let alone = folder.path().join("alone.db");
    // `cp`, because this process must not open the file.
    assert!(std::process::Command::new("cp").arg(file).arg(&alone).status().unwrap().success());
    let store = switchback_store::open(&format!("sqlite:{}", alone.display())).await.unwrap();
    subjects(&*store).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_young_store_is_in_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.db");
    let store = Fixture::open(format!("sqlite:{}", file.display())).await.store;
    assert_eq!(in_the_file_alone(&file).await, 0, "the tables are there");
    for number in 1..=20 {
        store.append(&entry(number)).await.unwrap();
    }
    store.look_after_file(at(0)).await.unwrap();
    assert_eq!((in_the_file_alone(&file).await, store.lost_file()), (20, None));
}

async fn saved_after(lose: impl AsyncFn(PathBuf)) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.db");
    let store = Fixture::open(format!("sqlite:{}", file.display())).await.store;
    store.append(&entry(1)).await.unwrap();
    store.look_after_file(at(0)).await.unwrap();
    assert_eq!(store.lost_file(), None);
    store.append(&entry(2)).await.unwrap();

    lose(file.clone()).await;
    let lost = store.lost_file().expect("it is noticed");
    assert_eq!(lost.copy, None, "there has been no time yet");
    store.append(&entry(3)).await.unwrap();
    store.look_after_file(at(1_000)).await.unwrap();
    // What is written after the copy was made is in it, too.
    store.append(&entry(4)).await.unwrap();
    store.look_after_file(at(6_000)).await.unwrap();
    let copy = PathBuf::from(store.lost_file().expect("it stays lost").copy.expect("a copy"));
    let reads = futures::future::join_all((0..12).map(|_| subjects(&*store))).await;
    assert_eq!(reads, [4; 12], "every connection is to the store that was opened");

    assert_eq!(Arc::strong_count(&store), 1);
    drop(store);
    let mut restored = restore(&copy, &file, at(9_000), &author()).await;
    // The connections are closed by threads of their own.
    for _ in 0..50 {
        if !matches!(restored, Err(BackupError::InUse(_))) {
            break;
        }
        a_moment().await;
        restored = restore(&copy, &file, at(9_000), &author()).await;
    }
    restored.unwrap();
    let store = switchback_store::open(&format!("sqlite:{}", file.display())).await.unwrap();
    assert_eq!(subjects(&*store).await, 5, "and the line of the restore");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_console_whose_log_was_removed_notices_it_and_saves_everything() {
    saved_after(async |file| {
        let log = file.with_file_name("store.db-wal");
        fs::remove_file(log).unwrap();
        // Another program that opened the store now would write into a log of its own.
        let refused = back_up(&file, &file.with_file_name("backup.db"), at(0), &author()).await;
        assert!(matches!(refused, Err(BackupError::NotShared(OpenError::LogGone { .. }))), "{refused:?}");
        let refused = switchback_store::open(&format!("sqlite:{}", file.display())).await.err();
        assert!(matches!(refused, Some(OpenError::LogGone { .. })), "{refused:?}");
        assert!(!file.with_file_name("store.db-wal").exists(), "nobody has made another log");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_console_whose_file_was_replaced_notices_it_and_saves_everything() {
    saved_after(async |file| {
        let other = file.with_file_name("other.db");
        drop(switchback_store::open(&format!("sqlite:{}", other.display())).await.unwrap());
        fs::rename(other, &file).unwrap();
        nobody_else_opens(&file).await;
    })
    .await;
}

/// The console has another file open than the one that is at this place. A backup would be one of the wrong store, and whoever opened that one
/// would read it with the log of the other.
async fn nobody_else_opens(file: &Path) {
    let backup = file.with_file_name("backup.db");
    let (before, url) = (fs::metadata(file).ok().map(|found| (found.ino(), found.len())), format!("sqlite:{}", file.display()));
    let refused = back_up(file, &backup, at(0), &author()).await;
    assert!(matches!(refused, Err(BackupError::NotShared(OpenError::Replaced { .. }))), "{refused:?}");
    let refused = switchback_store::open(&url).await.err();
    assert!(matches!(refused, Some(OpenError::Replaced { .. })), "{refused:?}");
    let refused = switchback_store::repair_guards(&url, at(0), &author()).await;
    if before.is_some() {
        assert!(matches!(refused, Err(RepairError::Open(OpenError::Replaced { .. }))), "{refused:?}");
    }
    assert!(!backup.exists(), "no copy of the wrong store");
    assert_eq!(fs::metadata(file).ok().map(|found| (found.ino(), found.len())), before, "nobody has made or changed a file there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_console_whose_file_was_removed_notices_it_and_saves_everything() {
    saved_after(async |file| {
        fs::remove_file(&file).unwrap();
        nobody_else_opens(&file).await;
    })
    .await;
}
