//! A store that went back in time without saying so: a copy that was put in its place by hand.

use crate::{
    audit::entry,
    fixture::{at, pool, session, with_person},
    postgres::Server,
};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};
use switchback_domain::{Restored, audit::Deed};
use switchback_engine::{
    audit::{Actor, audited},
    ports::{AuditEntry, Store},
};
use switchback_store::{Author, OpenError, back_up, head_file, mark_restored, open, open_remembered, restore};

struct Here {
    folder: tempfile::TempDir,
}

impl Here {
    fn new() -> Here {
        Here { folder: tempfile::tempdir().unwrap() }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn url(&self) -> String {
        format!("sqlite:{}", self.at("store.db").display())
    }

    fn head(&self) -> PathBuf {
        head_file(&self.at("store.db"))
    }

    /// A console is started.
    async fn start(&self, ms: i64) -> Arc<dyn Store> {
        open_remembered(&self.url(), &self.head(), at(ms)).await.unwrap()
    }

    /// What everybody does for a backup.
    fn copy(&self, to: &str) {
        let copied = Command::new("sqlite3").arg(self.at("store.db")).arg(format!(".backup {}", self.at(to).display())).status();
        assert!(copied.unwrap().success());
    }

    /// Puts a file in the place of the store, as somebody does who does not know of `switchback restore`.
    async fn put_back(&self, from: &str, store: Arc<dyn Store>) {
        self.stop(store).await;
        fs::copy(self.at(from), self.at("store.db")).unwrap();
    }

    async fn stop(&self, store: Arc<dyn Store>) {
        stop(store, &self.at("store.db")).await;
    }
}

/// What was dropped is closed in the background. The last one who closes it takes the log away; where two close at once, each finds the
/// other one there, and the log stays until somebody opens the store again.
#[expect(clippy::disallowed_methods, reason = "nobody tells when it is closed")]
async fn stop(store: Arc<dyn Store>, file: &Path) {
    drop(store);
    for _ in 0..1_000 {
        if !is_open(file) {
            if file.with_extension("db-wal").exists() {
                programs_run(Path::new("sqlite3"), &[&file.display().to_string(), "pragma wal_checkpoint(truncate)"]);
            }
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{} is still open", file.display());
}

/// This process has the file open, or one of those beside it.
fn is_open(file: &Path) -> bool {
    let name = file.display().to_string();
    let open = fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    open.map(|path| path.display().to_string()).any(|path| path.starts_with(&name))
}

async fn unconfirmed(store: &dyn Store) -> Option<Restored> {
    store.record(&pool("p")).await.unwrap().unconfirmed
}

async fn actions(store: &dyn Store) -> Vec<String> {
    store.entries(99).await.unwrap().into_iter().rev().map(|entry| entry.deed().to_string()).collect()
}

fn restored_by_hand() -> AuditEntry {
    audited(&Actor::console(), Deed::StoreRestored, "").done(at(0), ())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_was_put_back_by_hand_is_noticed_and_only_watched_until_it_is_confirmed() {
    let here = Here::new();
    let store = here.start(1).await;
    with_person(&*store, "ada").await;
    store.add_session(&session(1, "ada", at(0), at(0))).await.unwrap();
    store.append(&entry(1)).await.unwrap();
    here.copy("copy.db");
    store.append(&entry(2)).await.unwrap();
    store.keep_head(at(2)).await.unwrap();
    assert_eq!(fs::metadata(here.head()).unwrap().permissions().mode() & 0o777, 0o600);

    here.put_back("copy.db", store).await;
    let store = here.start(9).await;
    assert_eq!(unconfirmed(&*store).await, Some(Restored { at: at(9), taken_at: entry(1).at }));
    assert_eq!(actions(&*store).await.last().map(String::as_str), Some("store_found_older"));
    assert!(store.session(&[1; 32]).await.unwrap().is_none(), "no session comes to life again");
    here.stop(store).await;
    // It is said once, and a start does not make it good.
    let store = here.start(10).await;
    assert_eq!(unconfirmed(&*store).await.map(|mark| mark.at), Some(at(9)));
    let lease = crate::journal::leased(&*store, "p").await;
    store.confirm_restored(&lease, unconfirmed(&*store).await.unwrap(), &[], &entry(3)).await.unwrap();
    here.stop(store).await;
    let store = here.start(11).await;
    assert_eq!(unconfirmed(&*store).await, None, "somebody has confirmed it");
    assert_eq!(actions(&*store).await.iter().filter(|action| *action == "store_found_older").count(), 1);
    // And the same copy once more.
    here.put_back("copy.db", store).await;
    assert_eq!(unconfirmed(&*here.start(12).await).await.map(|mark| mark.at), Some(at(12)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_has_gone_its_own_way_beyond_the_remembered_line_is_noticed_too() {
    let here = Here::new();
    let store = here.start(1).await;
    here.copy("copy.db");
    store.append(&entry(1)).await.unwrap();
    store.keep_head(at(2)).await.unwrap();
    // Somebody has used the copy elsewhere.
    let elsewhere = open(&format!("sqlite:{}", here.at("copy.db").display())).await.unwrap();
    for number in 2..9 {
        elsewhere.append(&entry(number)).await.unwrap();
    }
    stop(elsewhere, &here.at("copy.db")).await;
    here.put_back("copy.db", store).await;
    assert!(unconfirmed(&*here.start(9).await).await.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_else_happens_to_a_store_is_no_going_back() {
    let here = Here::new();
    // From before there was such a file.
    let older = open(&here.url()).await.unwrap();
    older.append(&entry(1)).await.unwrap();
    here.stop(older).await;
    let mut store = here.start(1).await;
    assert_eq!(actions(&*store).await, [entry(1).deed().to_string(), "store_head_kept".to_owned()]);
    // Stopped, killed after a line that was not remembered, used by another command meanwhile, started again and again.
    for round in 2..6 {
        store.append(&entry(round)).await.unwrap();
        if round % 2 == 0 {
            store.keep_head(at(round)).await.unwrap();
        }
        here.stop(store).await;
        back_up(&here.at("store.db"), &here.at(&format!("backup-{round}.db")), at(round), &by()).await.unwrap();
        store = here.start(round).await;
        assert_eq!(unconfirmed(&*store).await, None, "{round}");
    }
    assert_eq!(actions(&*store).await.iter().filter(|action| *action == "store_head_kept").count(), 1);
    // Nothing was written since the copy was made: then it is no older.
    store.keep_head(at(7)).await.unwrap();
    here.copy("copy.db");
    here.put_back("copy.db", store).await;
    store = here.start(8).await;
    assert_eq!(unconfirmed(&*store).await, None);
    // Our own restore says so itself, and nothing is said twice.
    here.stop(store).await;
    let restored = restore(&here.at("backup-2.db"), &here.at("store.db"), at(9), &by()).await.unwrap();
    let store = here.start(10).await;
    assert_eq!(unconfirmed(&*store).await, Some(Restored { at: at(9), taken_at: restored.taken_at }));
    assert_eq!(actions(&*store).await.last().map(String::as_str), Some("store_restored"));
}

fn by() -> Author {
    Author { user: "ada".to_owned(), reason: "a test".to_owned() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_what_was_remembered_or_with_nothing_in_it_a_store_is_not_believed() {
    let here = Here::new();
    let store = here.start(1).await;
    store.append(&entry(1)).await.unwrap();
    here.stop(store).await;
    // A copy on another machine, which is all that is left of the first one.
    fs::remove_file(here.head()).unwrap();
    let store = here.start(2).await;
    assert_eq!(unconfirmed(&*store).await.map(|mark| mark.at), Some(at(2)));
    let lease = crate::journal::leased(&*store, "p").await;
    store.confirm_restored(&lease, unconfirmed(&*store).await.unwrap(), &[], &entry(3)).await.unwrap();
    here.stop(store).await;
    fs::write(here.head(), "{ torn").unwrap();
    let store = here.start(3).await;
    assert_eq!(unconfirmed(&*store).await.map(|mark| mark.at), Some(at(3)));
    here.stop(store).await;
    // A new store in the place of one that was moved away knows nothing of its fences.
    for ending in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(here.at(&format!("store.db{ending}")));
    }
    assert_eq!(unconfirmed(&*here.start(4).await).await.map(|mark| mark.at), Some(at(4)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_went_back_with_its_whole_machine_is_marked_by_hand_while_no_console_runs() {
    let here = Here::new();
    let refused = mark_restored(&here.url(), &restored_by_hand()).await.unwrap_err();
    assert!(matches!(refused, OpenError::NotThere { .. }) && !here.at("store.db").exists(), "{refused:?}");
    let store = here.start(1).await;
    let refused = mark_restored(&here.url(), &restored_by_hand()).await.unwrap_err();
    assert!(matches!(refused, OpenError::Running { .. }), "{refused:?}");
    here.stop(store).await;
    let marked = mark_restored(&here.url(), &restored_by_hand()).await.unwrap();
    assert_eq!(unconfirmed(&*here.start(2).await).await, Some(marked));
}

fn programs_run(program: &Path, words: &[&str]) {
    let ran = Command::new(program).args(words).output().unwrap();
    assert!(ran.status.success(), "{}: {ran:?}", program.display());
}

/// The server takes note a moment later that nobody is connected any more.
#[expect(clippy::disallowed_methods, reason = "nobody tells when it does")]
async fn once_nobody_is_there(url: &str) -> Restored {
    for _ in 0..500 {
        match mark_restored(url, &restored_by_hand()).await {
            Err(OpenError::InUse { .. }) => tokio::time::sleep(Duration::from_millis(20)).await,
            marked => return marked.unwrap(),
        }
    }
    panic!("somebody is connected");
}

/// On `PostgreSQL`: a dump is loaded while no console runs, and while one does; by what is remembered, and by hand.
pub async fn an_older_dump_that_was_loaded_is_noticed(server: &Server) {
    let url = server.new_database("older_dump").await;
    let folder = tempfile::tempdir().unwrap();
    let (head, dump) = (folder.path().join("store-head"), folder.path().join("dump"));
    let (dump_text, program) = (dump.to_str().unwrap(), |name: &str| crate::postgres::programs().join(name));
    let load = || programs_run(&program("pg_restore"), &["--clean", "--if-exists", "--single-transaction", "--dbname", &url, dump_text]);
    let store = open_remembered(&url, &head, at(1)).await.unwrap();
    store.append(&entry(1)).await.unwrap();
    programs_run(&program("pg_dump"), &["--format=custom", "--file", dump_text, &url]);
    for number in 2..5 {
        store.append(&entry(number)).await.unwrap();
    }
    store.keep_head(at(2)).await.unwrap();
    // Another console comes to it, which remembers nothing yet.
    let other = folder.path().join("other-head");
    assert_eq!(unconfirmed(&*open_remembered(&url, &other, at(3)).await.unwrap()).await, None);
    let refused = mark_restored(&url, &restored_by_hand()).await.unwrap_err();
    assert!(matches!(refused, OpenError::InUse { .. }), "{refused:?}");

    // Against what is written everywhere, the dump is loaded under a console that runs.
    load();
    assert_eq!(unconfirmed(&*store).await, None, "then the next line would show nothing");
    store.keep_head(at(5)).await.unwrap();
    assert_eq!(unconfirmed(&*store).await.map(|mark| mark.at), Some(at(5)));
    assert_eq!(store.broken_guards().await.unwrap(), []);
    store.append(&entry(6)).await.unwrap();
    store.keep_head(at(7)).await.unwrap();
    drop(store);

    // And while none does.
    load();
    let store = open_remembered(&url, &head, at(8)).await.unwrap();
    assert_eq!(unconfirmed(&*store).await.map(|mark| mark.at), Some(at(8)));
    assert_eq!(actions(&*store).await.last().map(String::as_str), Some("store_found_older"));
    drop(store);

    // `switchback restore --loaded` waits for nobody to be there.
    load();
    let marked = once_nobody_is_there(&url).await;
    assert_eq!(marked, Restored { at: entry(0).at, taken_at: entry(1).at });
    let store = open_remembered(&url, &head, at(9)).await.unwrap();
    assert_eq!(unconfirmed(&*store).await, Some(marked), "it says so itself, and nothing is said twice");
    assert_eq!(actions(&*store).await.last().map(String::as_str), Some("store_restored"));
}
