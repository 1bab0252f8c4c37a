//! A store that the configuration names by a symbolic link to another disk.

use crate::{audit::entry, fixture::at};
use std::{fs, os::unix::fs::symlink, path::Path};
use switchback_store::{Author, BackupError, OpenError, back_up, open, restore};

#[expect(clippy::disallowed_methods, reason = "SQLite's threads close their connections in their own time")]
pub(crate) async fn a_moment() {
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
}

fn author() -> Author {
    Author { user: "root".to_owned(), reason: "a test".to_owned() }
}

fn url(file: &Path) -> String {
    format!("sqlite:{}", file.display())
}

fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_beside_a_linked_store_is_on_its_own_disk_and_a_restore_leaves_the_link() {
    let (links, disk, backups) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (link, real, backup) = (links.path().join("store.db"), disk.path().join("real.db"), backups.path().join("backup.db"));
    // A link may lead to another one, and to a file that is not there yet.
    symlink("second", &link).unwrap();
    symlink(&real, links.path().join("second")).unwrap();
    let store = open(&url(&link)).await.unwrap();
    store.append(&entry(1)).await.unwrap();
    assert_eq!(names_in(links.path()), ["second", "store.db", "store.db-lock"], "beside the link is only what says that it is in use");
    for name in ["real.db", "real.db-lock", "real.db-reserve", "real.db-wal"] {
        assert!(disk.path().join(name).exists(), "{name}: {:?}", names_in(disk.path()));
    }
    assert_eq!(switchback_store::head_file(&link), disk.path().join("real.db-head"));
    back_up(&link, &backup, at(0), &author()).await.unwrap();
    // By whichever path: it is the same store, which is in use.
    for path in [&link, &real] {
        let refused = restore(&backup, path, at(1), &author()).await;
        assert!(matches!(refused, Err(BackupError::InUse(_))), "{refused:?}");
    }
    // The link itself is replaced by another store.
    assert_eq!(store.lost_file(), None);
    fs::remove_file(&link).unwrap();
    fs::write(&link, "").unwrap();
    assert!(store.lost_file().is_some());
    fs::remove_file(&link).unwrap();
    symlink("second", &link).unwrap();
    assert_eq!(store.lost_file(), None);

    drop(store);
    let mut restored = restore(&backup, &link, at(2), &author()).await;
    for _ in 0..50 {
        if !matches!(restored, Err(BackupError::InUse(_))) {
            break;
        }
        a_moment().await;
        restored = restore(&backup, &link, at(2), &author()).await;
    }
    let aside = restored.unwrap().kept_aside.expect("the one before");
    assert!(aside.starts_with(disk.path()), "{}", aside.display());
    assert_eq!(names_in(links.path()), ["second", "store.db", "store.db-lock"]);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    let store = open(&url(&real)).await.unwrap();
    assert!(store.entries(9).await.unwrap().iter().any(|entry| entry.deed().as_code() == "store_restored"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_leads_to_another_store_than_the_console_has_open_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let at_place = |name: &str| folder.path().join(name);
    let (link, between, backup) = (at_place("store.db"), at_place("between"), at_place("backup.db"));
    symlink(&between, &link).unwrap();
    symlink(at_place("first.db"), &between).unwrap();
    let console = open(&url(&link)).await.unwrap();
    console.append(&entry(1)).await.unwrap();
    back_up(&at_place("first.db"), &at_place("second.db"), at(0), &author()).await.unwrap();
    fs::remove_file(&between).unwrap();
    symlink(at_place("second.db"), &between).unwrap();
    let refused = back_up(&link, &backup, at(1), &author()).await;
    assert!(matches!(refused, Err(BackupError::NotShared(OpenError::Replaced { .. }))), "{refused:?}");
    let refused = restore(&at_place("second.db"), &link, at(1), &author()).await;
    assert!(matches!(refused, Err(BackupError::InUse(_))), "{refused:?}");
    assert!(!backup.exists());
    // By its own name the store of the console is still copied.
    let made = back_up(&at_place("first.db"), &backup, at(2), &author()).await.unwrap();
    assert!(made.contents.audit >= 3, "{made:?}");
}

#[tokio::test]
async fn the_folder_that_a_link_leads_to_is_named_when_it_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("store.db");
    symlink("not-there/store.db", &link).unwrap();
    let refused = open(&url(&link)).await.err().expect("it cannot be opened");
    assert!(matches!(&refused, OpenError::NoFolder { folder: missing } if *missing == folder.path().join("not-there")), "{refused:?}");
}
