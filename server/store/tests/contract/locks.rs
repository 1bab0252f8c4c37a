//! Other programs on the store's file while a console runs. `SQLite` protects the file by POSIX locks, which a process loses as soon as
//! it closes any handle on it; then the next one who comes and goes takes the log away under the console.

use crate::{
    audit::entry,
    fixture::{Fixture, pool},
    journal::{opened, step, summary},
};
use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    os::unix::fs::MetadataExt,
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};
use switchback_domain::operation::Epoch;
use switchback_engine::ports::RecordChange;

/// Tells the test that it is the console of the other process, and where its store is.
const FILE: &str = "SWITCHBACK_TEST_STORE_FILE";

/// The locks that this process holds on a file, by what the kernel says of the process's own descriptors. Not by `/proc/locks`: that list of
/// everybody's locks is read in pieces of a page, and while others lock and unlock, lines are passed over between two of them (1 of 60
/// reads beside three processes that do nothing else).
fn locks_on(file: &Path) -> Vec<String> {
    let found = fs::metadata(file).unwrap();
    let mut locks = Vec::new();
    for descriptor in fs::read_dir("/proc/self/fd").unwrap() {
        let descriptor = descriptor.unwrap();
        // `stat` alone: to open and close the file would give the locks up. Others close descriptors meanwhile.
        let Ok(open) = fs::metadata(descriptor.path()) else { continue };
        if (open.dev(), open.ino()) != (found.dev(), found.ino()) {
            continue;
        }
        let Ok(said) = fs::read_to_string(Path::new("/proc/self/fdinfo").join(descriptor.file_name())) else { continue };
        // lock:	1: POSIX  ADVISORY  READ 4711 fe:01:262182 128 128
        locks.extend(said.lines().filter(|line| line.starts_with("lock:") && line.contains("POSIX")).map(str::to_owned));
    }
    locks
}

/// Everything that the store ever does: opening, opening once more in the same process, writing, keeping, reading, closing one of two.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_the_store_does_gives_up_sqlites_locks() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.db");
    let shared = folder.path().join("store.db-shm");
    let fixture = Fixture::open(format!("sqlite:{}", file.display())).await;
    let holds = |when: &str| {
        for file in [&file, &shared] {
            assert!(!locks_on(file).is_empty(), "{when}: no lock on {}", file.display());
        }
    };
    holds("after it was opened");
    let (_, id) = opened(&*fixture.store, "p").await;
    fixture.store.keep_evidence(id, &crate::evidence::evidence("a", b"x"), b"x", &entry(1)).await.unwrap();
    fixture.store.entries(9).await.unwrap();
    fixture.store.write_check(crate::fixture::at(0)).await.unwrap();
    holds("after it was used");
    let second = switchback_store::open(&fixture.url).await.unwrap();
    holds("while it is open twice");
    second.append(&entry(2)).await.unwrap();
    drop(second);
    holds("after the second one was closed");
    // What this test would see if anybody did what nobody may.
    drop(fs::File::open(&file).unwrap());
    assert!(locks_on(&file).is_empty(), "a closed file gives all locks up");
}

/// A console in a process of its own, which can be killed.
struct Console {
    process: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Console {
    fn start(file: &Path) -> Console {
        let name = "locks::what_was_written_survives_other_programs_on_the_file_and_a_kill";
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", name, "--nocapture"]).env(FILE, file);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (to, from) = (process.stdin.take().unwrap(), BufReader::new(process.stdout.take().unwrap()));
        let mut console = Console { process, to, from };
        console.hear("open");
        console
    }

    fn hear(&mut self, wanted: &str) {
        let mut line = String::new();
        while self.from.read_line(&mut line).unwrap() > 0 {
            if line.trim_end().ends_with(wanted) {
                return;
            }
            line.clear();
        }
        panic!("the console ended before it said {wanted}");
    }

    /// Lets it write one more entry, and waits until that is done.
    fn write(&mut self) {
        self.to.write_all(b"write\n").unwrap();
        self.hear("written");
    }

    fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// What the other process does: an operation with an epoch, and then one entry with its line in the audit history whenever it is told to.
async fn be_the_console(file: &Path) {
    let store = switchback_store::open(&format!("sqlite:{}", file.display())).await.unwrap();
    let (lease, id) = opened(&*store, "p").await;
    println!("open");
    for (number, line) in (1..).zip(std::io::stdin().lines()) {
        assert_eq!(line.unwrap(), "write");
        let changes = [RecordChange::Epoch(Epoch(u64::from(number)))];
        store.append_entry(&lease, id, number, &step(number), Some(&entry(i64::from(number))), &changes, &summary(false)).await.unwrap();
        println!("written");
    }
}

fn sqlite3(file: &Path, what: &str) {
    let done = Command::new("sqlite3").arg(file).arg(what).output().expect("Debian's package sqlite3");
    assert!(done.status.success() && done.stderr.is_empty(), "{what}: {done:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_written_survives_other_programs_on_the_file_and_a_kill() {
    if let Some(file) = env::var_os(FILE) {
        return be_the_console(Path::new(&file)).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.db");
    let mut console = Console::start(&file);
    console.write();
    // What everybody does for a backup.
    sqlite3(&file, &format!(".backup {}", folder.path().join("copy.db").display()));
    console.write();
    // Somebody who writes and goes; the log is folded in as far as that may be.
    sqlite3(&file, "PRAGMA user_version = 7;");
    console.write();
    sqlite3(&file, "PRAGMA wal_checkpoint(TRUNCATE); SELECT count(*) FROM audit;");
    console.write();
    console.kill();

    let store = switchback_store::open(&format!("sqlite:{}", file.display())).await.unwrap();
    let id = store.open_operation_of(&pool("p")).await.unwrap().expect("the operation");
    assert_eq!(store.journal(id).await.unwrap(), (0..=4).map(step).collect::<Vec<_>>());
    assert_eq!(store.record(&pool("p")).await.unwrap().epoch, Epoch(4));
    assert_eq!(store.entries(9).await.unwrap().len(), 5, "a line for the operation and for each entry");
    // The copy is whole as well.
    let copy = switchback_store::open(&format!("sqlite:{}", folder.path().join("copy.db").display())).await.unwrap();
    assert_eq!(copy.journal(id).await.unwrap(), (0..=1).map(step).collect::<Vec<_>>());
}
