//! Backup and restore beside the program itself as it runs: what everybody does with `sqlite3`, what our own commands do, and a kill.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

/// A console in a process of its own. It is killed when it is dropped.
struct Running {
    process: Child,
    /// Where it listens.
    address: String,
}

impl Running {
    fn start(folder: &Path) -> Running {
        let mut command = Command::new(env!("CARGO_BIN_EXE_switchback"));
        command.args(["serve", "--config"]).arg(folder.join("switchback.toml"));
        let mut process = command.env_clear().stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut running = Running { process, address: String::new() };
        let listens = lines.map_while(Result::ok).find_map(|line| line.strip_prefix("Switchback: http://").map(str::to_owned));
        running.address = listens.expect("the console did not start");
        running
    }

    /// Somebody guesses a password, which the console writes into the audit history.
    fn is_guessed_at(&self) {
        let body = r#"{"login":"ada","password":"a wrong password"}"#;
        let mut connection = TcpStream::connect(&self.address).unwrap();
        let head = format!("POST /api/v1/session HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.address);
        let head = format!("{head}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
        connection.write_all(format!("{head}{body}").as_bytes()).unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    }

    fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The example with every secret that it names, without TLS to its engines, on a port of its own.
fn configured() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let text = include_str!("../../../switchback.example.toml").replace("127.0.0.1:8480", &format!("127.0.0.1:{port}"));
    let plain = |line: &str| match line {
        line if line.starts_with("ca_file") => "tls = \"off\"\n".to_owned(),
        line if line.starts_with("client_") => String::new(),
        line => format!("{}\n", line.replace("https://198", "http://198")),
    };
    let text: String = text.lines().map(plain).collect();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some((_, value)) = line.split_once("_file = \"") else { continue };
        let file = folder.path().join(value.split('"').next().unwrap());
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "a secret\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    }
    fs::write(folder.path().join("switchback.toml"), text).unwrap();
    folder
}

fn switchback(folder: &Path, words: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchback"));
    let Output { status, stdout, stderr } =
        command.args(words).arg("--config").arg(folder.join("switchback.toml")).env_clear().output().unwrap();
    (status.code().unwrap_or(-1), format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
}

fn sqlite3(file: &Path, what: &str) -> String {
    let done = Command::new("sqlite3").arg(file).arg(what).output().expect("Debian's package sqlite3");
    assert!(done.status.success(), "{what}: {done:?}");
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

fn lines_of_audit(file: &Path) -> u32 {
    sqlite3(file, "SELECT count(*) FROM audit").parse().unwrap()
}

#[test]
fn nothing_is_lost_beside_other_programs_and_a_backup_is_made_and_put_back() {
    let folder = configured();
    let at = |name: &str| -> PathBuf { folder.path().join(name) };
    let (store, backup) = (at("switchback.db"), at("backup.db"));
    let console = Running::start(folder.path());
    let (code, said) = switchback(folder.path(), &["backup", backup.to_str().unwrap(), "--reason", "nightly"]);
    assert!(code == 0 && said.contains("looked through"), "{said}");
    assert_eq!(fs::metadata(&backup).unwrap().permissions().mode() & 0o777, 0o600);
    let (code, said) = switchback(folder.path(), &["backup", backup.to_str().unwrap()]);
    assert!(code == 1 && said.contains("no backup is ever overwritten"), "{said}");

    // What everybody does, again and again, while the console writes.
    for round in 0..3 {
        sqlite3(&store, &format!(".backup {}", at(&format!("copy-{round}.db")).display()));
        sqlite3(&store, &format!("PRAGMA user_version = {round}"));
        console.is_guessed_at();
        let guesses = sqlite3(&store, "SELECT count(*) FROM audit WHERE action = 'sign_in'");
        assert_eq!(guesses, (round + 1).to_string(), "what the console writes is in the file that others see");
    }
    let before = lines_of_audit(&store);
    let (code, said) = switchback(folder.path(), &["restore", backup.to_str().unwrap(), "--reason", "a test"]);
    assert!(code == 1 && said.contains("a console is running on"), "{said}");
    console.kill();
    let console = Running::start(folder.path());
    assert!(lines_of_audit(&store) > before, "everything is there, and one more set-up link");
    assert_eq!(sqlite3(&store, "SELECT count(*) FROM audit WHERE action = 'sign_in'"), "3");
    console.kill();

    let (code, said) = switchback(folder.path(), &["restore", backup.to_str().unwrap(), "--reason", "a test"]);
    assert!(code == 0 && said.contains("What was there is kept in") && said.contains("confirm-restored"), "{said}");
    assert_eq!(sqlite3(&store, "SELECT action FROM audit ORDER BY id DESC LIMIT 1"), "store_restored");
    assert_eq!(sqlite3(&store, "SELECT count(*) FROM restored"), "1");
    let aside: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(aside.iter().any(|name| name.starts_with("switchback.db.before-restore-")), "{aside:?}");
    // It starts again, and a backup is made without it, too.
    Running::start(folder.path()).kill();
    let (code, said) = switchback(folder.path(), &["backup", at("second.db").to_str().unwrap()]);
    assert_eq!(code, 0, "{said}");
}

#[test]
fn a_backup_is_one_of_what_the_console_has_open_and_of_nothing_else() {
    let folder = configured();
    let at = |name: &str| -> PathBuf { folder.path().join(name) };
    let (store, new) = (at("switchback.db"), at("new.db"));
    let backup = |name: &str| switchback(folder.path(), &["backup", at(name).to_str().unwrap()]);
    let (code, said) = backup("none.db");
    assert!(code == 1 && said.contains("there is no store at") && !at("none.db").exists(), "{said}");
    let console = Running::start(folder.path());
    let (code, said) = backup("new.db");
    assert_eq!(code, 0, "{said}");
    fs::rename(&new, &store).unwrap();
    console.is_guessed_at();
    let (code, said) = backup("wrong.db");
    assert!(code == 1 && said.contains("was removed or replaced while a console runs"), "{said}");
    assert!(!at("wrong.db").exists(), "what the console writes is not in there");
    console.kill();
    // What the killed console has left beside the new file is the log of the old one, and would damage it.
    for words in [&["backup", "wrong.db"][..], &["serve"], &["repair-guards", "--reason", "to be sure"]] {
        let (code, said) = switchback(folder.path(), words);
        assert!(code == 1 && said.contains("was written for another file"), "{words:?}: {said}");
    }
    fs::create_dir(at("away")).unwrap();
    for ending in ["-wal", "-shm"] {
        fs::rename(at(&format!("switchback.db{ending}")), at("away").join(ending)).unwrap();
    }
    let console = Running::start(folder.path());
    let (code, said) = backup("right.db");
    assert_eq!(code, 0, "{said}");
    console.kill();
    assert_eq!(backup("second.db").0, 0, "nobody runs");
    assert!(lines_of_audit(&at("second.db")) > lines_of_audit(&at("right.db")));
}

#[test]
fn a_copy_that_is_put_back_by_hand_is_not_believed_and_neither_a_kill_nor_a_restart_is_one() {
    let folder = configured();
    let at = |name: &str| -> PathBuf { folder.path().join(name) };
    let (store, copy) = (at("switchback.db"), at("copy.db"));
    let marks = || sqlite3(&store, "SELECT count(*) FROM restored");
    let found = || sqlite3(&store, "SELECT count(*) FROM audit WHERE action = 'store_found_older'");
    let console = Running::start(folder.path());
    sqlite3(&store, &format!(".backup {}", copy.display()));
    console.is_guessed_at();
    console.kill();
    for _ in 0..2 {
        Running::start(folder.path()).kill();
        assert_eq!((marks(), found()), ("0".to_owned(), "0".to_owned()), "the store is the one that was there");
    }
    for ending in ["-wal", "-shm"] {
        let _ = fs::remove_file(at(&format!("switchback.db{ending}")));
    }
    fs::copy(&copy, &store).unwrap();
    let console = Running::start(folder.path());
    assert_eq!((marks(), found()), ("1".to_owned(), "1".to_owned()));
    let (code, said) = switchback(folder.path(), &["restore", "--loaded", "--reason", "a test"]);
    assert!(code == 1 && said.contains("a console is running on"), "{said}");
    console.kill();
    Running::start(folder.path()).kill();
    assert_eq!((marks(), found()), ("1".to_owned(), "1".to_owned()), "it is said once, and stays so until somebody confirms it");
}

#[test]
fn a_store_that_came_back_by_other_means_is_marked_by_hand() {
    let folder = configured();
    let store = folder.path().join("switchback.db");
    let (code, said) = switchback(folder.path(), &["restore", "--loaded", "--reason", "the machine's snapshot of Sunday"]);
    assert!(code == 1 && said.contains("there is no store at"), "{said}");
    Running::start(folder.path()).kill();
    let (code, said) = switchback(folder.path(), &["restore", "--loaded", "--reason", "the machine's snapshot of Sunday"]);
    assert!(code == 0 && said.contains("confirm-restored"), "{said}");
    assert_eq!(sqlite3(&store, "SELECT count(*) FROM restored"), "1");
    let line = sqlite3(&store, "SELECT action || ' ' || detail FROM audit ORDER BY id DESC LIMIT 1");
    assert!(line.starts_with("store_restored ") && line.contains("snapshot of Sunday"), "{line}");
    Running::start(folder.path()).kill();
    assert_eq!(sqlite3(&store, "SELECT count(*) FROM audit WHERE action = 'store_found_older'"), "0");
}

#[test]
fn guards_are_put_back_by_a_command_beside_a_console_that_runs() {
    let folder = configured();
    let store = folder.path().join("switchback.db");
    let console = Running::start(folder.path());
    sqlite3(&store, "DROP TRIGGER audit_refuses_delete; DROP TRIGGER audit_refuses_update");
    sqlite3(&store, "CREATE TRIGGER audit_refuses_update BEFORE UPDATE ON audit BEGIN SELECT 1; END");
    let (code, said) = switchback(folder.path(), &["repair-guards", "--reason", "somebody was here"]);
    assert!(code == 0 && said.contains("audit.audit_refuses_delete was missing"), "{said}");
    assert!(said.contains("audit.audit_refuses_update was changed"), "{said}");
    let line = sqlite3(&store, "SELECT action || ' ' || result || ' ' || detail FROM audit ORDER BY id DESC LIMIT 1");
    assert!(line.starts_with("store_guards_repaired done ") && line.contains("somebody was here"), "{line}");
    let refused = Command::new("sqlite3").arg(&store).arg("DELETE FROM audit").output().unwrap();
    assert!(!refused.status.success(), "{refused:?}");
    console.is_guessed_at();
    console.kill();
    let (code, said) = switchback(folder.path(), &["repair-guards", "--reason", "to be sure"]);
    assert!(code == 0 && said.contains("nothing to put back"), "{said}");
}
