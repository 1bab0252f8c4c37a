//! What a full disk does to `SQLite`: a real one, small, which only this test sees.

use crate::{
    audit::entry as audited,
    fixture::{Fixture, at, pool},
    journal::{opened, seen, step, summary},
    lease::ask,
};
use nix::unistd::Uid;
use std::{env, fs, io::Write, os::unix::fs::PermissionsExt, path::Path, process::Command};
use switchback_domain::{
    Reserve,
    history::{Metric, Point},
    operation::Epoch,
};
use switchback_engine::ports::{RecordChange, StoreError};
use switchback_store::{Author, BackupError, back_up};

/// Tells the test that it runs where the small disk is, and where that is.
const DISK: &str = "SWITCHBACK_TEST_SMALL_DISK";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_leaves_nothing_half_written_and_the_store_goes_on_afterwards() {
    match env::var_os(DISK) {
        Some(disk) => on_a_small_disk(Path::new(&disk)).await,
        None => again_on_a_disk_of("2m", "a_full_disk_leaves_nothing_half_written_and_the_store_goes_on_afterwards"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_kept_for_an_emergency_is_given_up_for_operations_alone_and_kept_again() {
    match env::var_os(DISK) {
        Some(disk) => with_a_reserve(Path::new(&disk)).await,
        None => again_on_a_disk_of("40m", "what_is_kept_for_an_emergency_is_given_up_for_operations_alone_and_kept_again"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_that_does_not_fit_is_gone_again_and_the_store_and_its_history_are_whole() {
    match env::var_os(DISK) {
        Some(disk) => back_up_to(Path::new(&disk)).await,
        None => again_on_a_disk_of("100k", "a_backup_that_does_not_fit_is_gone_again_and_the_store_and_its_history_are_whole"),
    }
}

async fn back_up_to(disk: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let (file, backup) = (folder.path().join("store.db"), disk.join("backup.db"));
    let fixture = Fixture::open(format!("sqlite:{}", file.display())).await;
    fixture.store.append(&audited(1)).await.unwrap();
    let by = Author { user: "ada".to_owned(), reason: "a test".to_owned() };
    let refused = back_up(&file, &backup, at(0), &by).await;
    assert!(matches!(refused, Err(BackupError::NoRoom(ref at)) if *at == backup), "{refused:?}");
    assert_eq!(fs::read_dir(disk).unwrap().count(), 0, "nothing is left of it");
    let lines = fixture.store.entries(9).await.unwrap();
    let said: Vec<_> = lines.iter().map(|line| format!("{} {}", line.deed(), line.outcome())).collect();
    assert_eq!(said[..2], ["store_backup_ended failed", "store_backup_begun done"], "{said:?}");
    // Another disk has room.
    back_up(&file, &folder.path().join("backup.db"), at(1), &by).await.unwrap();
}

async fn with_a_reserve(disk: &Path) {
    let fixture = Fixture::open(format!("sqlite:{}", disk.join("store.db").display())).await;
    let store = &*fixture.store;
    let (lease, id) = opened(store, "p").await;
    assert_eq!(store.tend_reserve(), Reserve::Kept);
    let reserve = fs::metadata(disk.join("store.db-reserve")).unwrap();
    assert_eq!((reserve.len(), reserve.permissions().mode() & 0o777), (16 << 20, 0o600));
    let point = [(Metric::Loss, Point { at: at(0), min: 1, max: 1, last: 1 })];
    for round in 0..2_u32 {
        store.add_points(&pool("p"), &point).await.unwrap();
        fill(&disk.join("filler"));
        // An operation is written down to its end as if there were room, also in its last round where nothing was noticed before.
        for number in (round * 400 + 1)..=(round * 400 + 400) {
            store.append_entry(&lease, id, number, &step(number), Some(&audited(1)), &[], &summary(false)).await.unwrap();
        }
        store.write_check(at(0)).await.unwrap();
        assert_eq!(store.tend_reserve(), Reserve::GivenUp, "round {round}");
        assert!(!disk.join("store.db-reserve").exists());
        let refused = store.add_points(&pool("p"), &point).await;
        assert!(matches!(&refused, Err(StoreError::Failed(cause)) if cause.to_string().contains("full")), "{refused:?}");
        fs::remove_file(disk.join("filler")).unwrap();
        assert_eq!(store.tend_reserve(), Reserve::Kept, "there is room again");
    }
    store.add_points(&pool("p"), &point).await.unwrap();
    assert_eq!(store.journal(id).await.unwrap().len(), 801);
}

/// Runs the test of this name again where it has a disk of its own.
fn again_on_a_disk_of(size: &str, name: &str) {
    // The same test again, in a process with its own view of what is mounted; everybody may have that as the root of a
    // user namespace.
    let folder = tempfile::tempdir().unwrap();
    let name = format!("full_disk::{name}");
    let mut command = Command::new("unshare");
    if !Uid::effective().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--mount", "sh", "-ec", "mount -t tmpfs -o size=$4 none \"$1\"; exec \"$2\" --exact \"$3\" --nocapture", "sh"]);
    let again = command.arg(folder.path()).arg(env::current_exe().unwrap()).arg(name).arg(size).env(DISK, folder.path());
    let done = again.output().expect("util-linux has unshare");
    let text = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success() && text.contains("1 passed"), "{text}\n{}", String::from_utf8_lossy(&done.stderr));
}

/// Writes until the disk is full.
fn fill(file: &Path) {
    let mut filler = fs::File::create(file).unwrap();
    for block in [4096, 1] {
        while filler.write_all(&vec![1; block]).is_ok() {}
    }
}

async fn on_a_small_disk(disk: &Path) {
    let fixture = Fixture::open(format!("sqlite:{}", disk.join("store.db").display())).await;
    let store = &*fixture.store;
    let (lease, id) = opened(store, "p").await;
    let mut number = 1;
    for round in 0..3 {
        fill(&disk.join("filler"));
        // The log has room for a while, because what it holds goes into the database now and then.
        let mut before = seen(store, "p").await;
        let refused = loop {
            let changes = [RecordChange::Epoch(Epoch(u64::from(number)))];
            match store.append_entry(&lease, id, number, &step(number), Some(&audited(1)), &changes, &summary(false)).await {
                Ok(()) => number += 1,
                Err(error) => break error,
            }
            before = seen(store, "p").await;
            assert!(number < 5_000, "the disk is not full");
        };
        let StoreError::Failed(cause) = refused else { panic!("{refused:?}") };
        assert!(cause.to_string().contains("full"), "{cause}");
        assert_eq!(seen(store, "p").await, before, "round {round}");
        for _ in 0..3 {
            let refused = store.append_entry(&lease, id, number, &step(number), Some(&audited(1)), &[], &summary(true)).await;
            assert!(matches!(&refused, Err(StoreError::Failed(cause)) if cause.to_string().contains("full")), "{refused:?}");
        }
        assert_eq!(seen(store, "p").await, before, "round {round}");

        // With room again, the same store goes on, and the lease is still held.
        fs::remove_file(disk.join("filler")).unwrap();
        store.append_entry(&lease, id, number, &step(number), Some(&audited(2)), &[], &summary(false)).await.unwrap();
        number += 1;
        assert_eq!(store.take_lease(&pool("p"), &ask("the console", "here", 0)).await.unwrap().taken(), Some(lease.clone()));
    }
    assert_eq!(store.journal(id).await.unwrap(), (0..number).map(step).collect::<Vec<_>>());
    assert_eq!(store.entries(9_999).await.unwrap().len(), number as usize);
}
