//! Backup and restore of a store in `SQLite`.

use crate::{
    audit::entry,
    fixture::{at, pool, session, with_person},
    journal::{opened, step, summary},
};
use std::{fs, os::unix::fs::PermissionsExt, path::Path, sync::Arc};
use switchback_domain::{
    Restored,
    audit::{Deed, DeedOutcome},
    operation::Epoch,
};
use switchback_engine::ports::{RecordChange, Store};
use switchback_store::{Author, BackupError, OpenError, back_up, restore};

async fn open(file: &Path) -> Arc<dyn Store> {
    switchback_store::open(&format!("sqlite:{}", file.display())).await.unwrap()
}

fn by() -> Author {
    Author { user: "ada".to_owned(), reason: "a test".to_owned() }
}

async fn actions(store: &dyn Store) -> Vec<String> {
    store.entries(4).await.unwrap().into_iter().map(|entry| format!("{} {}", entry.deed(), entry.outcome())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_made_while_the_store_is_written_and_restored_it_acts_on_nothing_before_it_is_confirmed() {
    let folder = tempfile::tempdir().unwrap();
    let (file, to) = (folder.path().join("store.db"), folder.path().join("backup.db"));
    let store = open(&file).await;
    with_person(&*store, "ada").await;
    store.add_session(&session(1, "ada", at(0), at(0))).await.unwrap();
    let (lease, id) = opened(&*store, "p").await;
    let writing = {
        let (store, lease) = (Arc::clone(&store), lease.clone());
        tokio::spawn(async move {
            for number in 1..200 {
                let changes = [RecordChange::Epoch(Epoch(u64::from(number)))];
                store.append_entry(&lease, id, number, &step(number), Some(&entry(1)), &changes, &summary(false)).await.unwrap();
            }
        })
    };
    let made = back_up(&file, &to, at(5), &by()).await.unwrap();
    writing.await.unwrap();
    assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(made.bytes, fs::metadata(&to).unwrap().len());
    assert!(!folder.path().join("backup.db-wal").exists());
    assert!(made.contents.operations == 1 && made.contents.journal <= 200, "{made:?}");
    assert!(store.entries(999).await.unwrap().iter().any(|entry| *entry.deed() == Deed::StoreBackupBegun));
    assert!(
        store
            .entries(999)
            .await
            .unwrap()
            .iter()
            .any(|entry| *entry.deed() == Deed::StoreBackupEnded && *entry.outcome() == DeedOutcome::Done)
    );
    // It is never written over, and the attempt is written down.
    let before = fs::read(&to).unwrap();
    let refused = back_up(&file, &to, at(6), &by()).await.unwrap_err();
    assert!(matches!(refused, BackupError::Exists(_)), "{refused:?}");
    assert_eq!(fs::read(&to).unwrap(), before);
    assert_eq!(actions(&*store).await[0], "store_backup_ended failed");
    assert_eq!(store.record(&pool("p")).await.unwrap().unconfirmed, None, "the store itself is no copy");

    // Nobody takes the store away under a console.
    let refused = restore(&to, &file, at(7), &by()).await.unwrap_err();
    assert!(matches!(refused, BackupError::InUse(_)), "{refused:?}");
    drop(store);
    let mut tries = 0;
    let restored = loop {
        // The pools of a store that was dropped close in the background.
        match restore(&to, &file, at(7), &by()).await {
            Err(BackupError::InUse(_)) if tries < 100 => tries += 1,
            restored => break restored.unwrap(),
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((restored.taken_at, restored.contents.journal), (at(5), made.contents.journal));
    let store = open(&file).await;
    assert_eq!(i64::try_from(store.journal(id).await.unwrap().len()).unwrap(), made.contents.journal);
    assert_eq!(store.record(&pool("p")).await.unwrap().unconfirmed, Some(Restored { at: at(7), taken_at: at(5) }));
    assert_eq!(actions(&*store).await[0], "store_restored done");
    assert!(store.session(&[1; 32]).await.unwrap().is_none(), "no session comes to life again");
    assert_eq!(store.broken_guards().await.unwrap(), []);
    // What was there is kept, whole.
    let aside = open(&restored.kept_aside.unwrap()).await;
    assert_eq!(aside.journal(id).await.unwrap().len(), 200);
    assert_eq!(aside.record(&pool("p")).await.unwrap().epoch, Epoch(199));

    // Confirmed pool by pool, and for this restoration alone.
    let lease = crate::journal::leased(&*store, "p").await;
    let mark = Restored { at: at(7), taken_at: at(5) };
    let other = Restored { at: at(8), ..mark };
    store.confirm_restored(&lease, other, &[], &entry(2)).await.unwrap_err();
    store.confirm_restored(&lease, mark, &[RecordChange::Epoch(Epoch(300))], &entry(2)).await.unwrap();
    let record = store.record(&pool("p")).await.unwrap();
    assert_eq!((record.unconfirmed, record.epoch), (None, Epoch(300)));
    assert_eq!(store.record(&pool("q")).await.unwrap().unconfirmed, Some(mark));
    store.confirm_restored(&lease, mark, &[], &entry(2)).await.expect_err("it is confirmed already");
}

#[tokio::test]
async fn a_backup_that_is_simply_started_is_restored_and_not_confirmed_either() {
    let folder = tempfile::tempdir().unwrap();
    let (file, to) = (folder.path().join("store.db"), folder.path().join("backup.db"));
    drop(open(&file).await);
    back_up(&file, &to, at(5), &by()).await.unwrap();
    let store = open(&to).await;
    assert_eq!(store.record(&pool("p")).await.unwrap().unconfirmed, Some(Restored { at: at(5), taken_at: at(5) }));
}

#[tokio::test]
async fn what_is_no_whole_store_is_not_restored_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (file, to) = (folder.path().join("store.db"), folder.path().join("backup.db"));
    let store = open(&file).await;
    store.append(&entry(1)).await.unwrap();
    drop(store);
    back_up(&file, &to, at(5), &by()).await.unwrap();
    let letter = folder.path().join("letter.txt");
    fs::write(&letter, "Dear all, this is not a database. ".repeat(100)).unwrap();
    let cut = folder.path().join("cut.db");
    fs::write(&cut, &fs::read(&to).unwrap()[..20_480]).unwrap();
    let opened_up = folder.path().join("opened_up.db");
    fs::copy(&to, &opened_up).unwrap();
    let done = std::process::Command::new("sqlite3").arg(&opened_up).arg("DROP TRIGGER audit_refuses_delete; DELETE FROM audit;").status();
    assert!(done.unwrap().success());
    let names = || {
        let mut names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        // The pools of a store that was dropped close in the background.
        names.retain(|name| !name.to_string_lossy().ends_with("-wal") && !name.to_string_lossy().ends_with("-shm"));
        names.sort();
        names
    };
    let before = names();
    for (bad, why) in [(&letter, "no whole store"), (&cut, "no whole store"), (&opened_up, "audit.audit_refuses_delete (missing)")] {
        let refused = restore(bad, &file, at(7), &by()).await.unwrap_err();
        assert!(matches!(&refused, BackupError::Damaged { .. }) && refused.to_string().contains(why), "{refused:?}");
        assert_eq!(names(), before, "{}", bad.display());
    }
    let refused = restore(&folder.path().join("nowhere.db"), &file, at(7), &by()).await.unwrap_err();
    assert!(matches!(refused, BackupError::NoStore(_)), "{refused:?}");
    assert_eq!(open(&file).await.entries(9).await.unwrap().len(), 3, "the entry, and the two lines of the backup");
}

#[tokio::test]
async fn nobody_opens_a_store_while_it_is_being_restored() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.db");
    drop(open(&file).await);
    let lock = fs::OpenOptions::new().write(true).open(folder.path().join("store.db-lock")).unwrap();
    lock.lock().unwrap();
    let refused = switchback_store::open(&format!("sqlite:{}", file.display())).await.err().unwrap();
    assert!(matches!(refused, OpenError::BeingRestored { .. }), "{refused:?}");
}
