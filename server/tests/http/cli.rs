//! The command line against a console: exit codes, what it prints, and where it keeps its session.

use crate::{
    control::MembersOnly,
    support::{PASSWORD, World},
};
use serde_json::Value;
use std::{net::SocketAddr, os::unix::fs::PermissionsExt as _, path::PathBuf, process::Output, sync::Arc};
use tokio::{net::TcpListener, process::Command};

/// A console that listens, and somebody's machine.
pub struct TestConsole {
    world: World,
    url: String,
    home: tempfile::TempDir,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ended {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("not one document ({error}): {self:?}"))
    }

    fn lines(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line} ({error})"))).collect()
    }
}

impl TestConsole {
    async fn new() -> TestConsole {
        TestConsole::at(World::with_hands(Arc::new(MembersOnly::default())).await).await
    }

    pub async fn at(world: World) -> TestConsole {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let service = world.router.clone().into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        world.signed_in().await;
        TestConsole { world, url, home: tempfile::tempdir().unwrap() }
    }

    async fn signed_in() -> TestConsole {
        let desk = TestConsole::new().await;
        let signed_in = desk.sign_in(&format!("{PASSWORD}\n")).await;
        assert_eq!(signed_in.code, 0, "{signed_in:?}");
        desk
    }

    pub async fn sign_in(&self, password: &str) -> Ended {
        let file = self.home.path().join("password");
        std::fs::write(&file, password).unwrap();
        self.run(&["sign-in", "mira", "--password-file", file.to_str().unwrap()]).await
    }

    fn sessions(&self) -> PathBuf {
        self.home.path().join("switchback/sessions.json")
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_switchback"));
        command.args(words).env_clear().env("SWITCHBACK_URL", &self.url).env("XDG_STATE_HOME", self.home.path());
        command.stdin(std::process::Stdio::null()).kill_on_drop(true);
        command
    }

    pub async fn run(&self, words: &[&str]) -> Ended {
        ended(self.command(words).output().await.unwrap())
    }
}

fn ended(output: Output) -> Ended {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

#[tokio::test]
async fn what_was_saved_is_listed_and_fetched_and_what_is_to_be_done_by_hand_is_told_with_its_commands() {
    let world = World::new().await;
    let id = crate::evidence::collided(&world).await.to_string();
    let desk = TestConsole::at(world).await;
    desk.sign_in(&format!("{PASSWORD}\n")).await;
    let listed = desk.run(&["operation", "evidence", &id]).await;
    assert_eq!(listed.code, 0, "{listed:?}");
    assert!(listed.out.contains("lost-rows-a1.jsonl") && listed.out.contains(&"0f".repeat(32)), "{listed:?}");
    let as_json = desk.run(&["operation", "evidence", &id, "--json"]).await.json();
    assert_eq!(as_json[0]["name"], "lost-rows-a1.jsonl");
    let fetched = desk.run(&["operation", "evidence", &id, "lost-rows-a1.jsonl"]).await;
    assert_eq!((fetched.code, fetched.lines().len()), (0, 2), "{fetched:?}");
    assert_eq!(fetched.lines()[1]["row"]["body"], "爱达");
    let unknown = desk.run(&["operation", "evidence", &id, "no such/name"]).await;
    assert_eq!(unknown.code, 2, "{unknown:?}");
    assert!(unknown.err.contains("no such/name") && unknown.out.is_empty(), "{unknown:?}");

    for words in [["operation", "watch", &id], ["operation", "show", &id], ["operation", "report", &id]] {
        let told = desk.run(&words).await;
        for said in ["To be done by hand", "on a1: stop Patroni", "systemctl stop patroni", "etcdctl del '/service/pool-a/'"] {
            assert!(told.out.contains(said), "{words:?} does not say {said}: {told:?}");
        }
        assert!(told.out.contains(&format!("switchback operation retry {id}")), "{words:?}: {told:?}");
    }
}

const CONFIRMED: [&str; 4] = ["--reason", "drill", "--confirm-pool", "chat-core"];

fn confirmed<'a>(words: &[&'a str], site: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [words, &CONFIRMED, &["--confirm-site", site], more].concat()
}

#[tokio::test]
async fn the_session_is_kept_in_a_file_that_nobody_else_can_read() {
    let desk = TestConsole::new().await;
    let before = desk.run(&["pools"]).await;
    assert_eq!(before.code, 1, "{before:?}");
    assert!(before.err.contains("switchback sign-in LOGIN"), "{before:?}");

    let wrong = desk.sign_in("wrong wrong wrong").await;
    assert_eq!(wrong.code, 2, "{wrong:?}");
    assert!(!desk.sessions().exists());

    let signed_in = desk.sign_in(PASSWORD).await;
    assert_eq!(signed_in.code, 0, "{signed_in:?}");
    assert_eq!(std::fs::metadata(desk.sessions()).unwrap().permissions().mode() & 0o777, 0o600);
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(desk.sessions()).unwrap()).unwrap();
    let token = kept[&desk.url]["token"].as_str().unwrap().to_owned();
    assert!(!signed_in.out.contains(&token) && !signed_in.err.contains(&token), "a token is nothing to print");

    let pools = desk.run(&["pools"]).await;
    assert_eq!(pools.code, 0, "{pools:?}");
    assert!(pools.out.contains("chat-core") && pools.out.contains("dc-a"), "{pools:?}");

    // The session of one console is not shown to another one, and the environment comes before the file.
    let elsewhere = ended(desk.command(&["pools"]).env("SWITCHBACK_URL", "http://127.0.0.1:9").output().await.unwrap());
    assert!(elsewhere.code == 1 && elsewhere.err.contains("not signed in"), "{elsewhere:?}");
    let spoilt = ended(desk.command(&["pools"]).env("SWITCHBACK_TOKEN", "deadbeef").output().await.unwrap());
    assert!(spoilt.code == 1 && spoilt.err.contains("has ended"), "{spoilt:?}");

    assert_eq!(desk.run(&["sign-out"]).await.code, 0);
    assert_eq!(desk.run(&["pools"]).await.code, 1);
    let still = ended(desk.command(&["pools"]).env("SWITCHBACK_TOKEN", &token).output().await.unwrap());
    assert_eq!(still.code, 1, "signing out ends the session at the console too: {still:?}");
}

#[tokio::test]
async fn wrong_use_is_1_and_help_tells_the_exit_codes() {
    let desk = TestConsole::signed_in().await;
    for words in [&["explode"][..], &["switchover", "chat-core"], &["operation", "watch", "42"], &["failover", "chat-core", "--to", "dc-b"]]
    {
        let wrong = desk.run(words).await;
        assert_eq!(wrong.code, 1, "{words:?}: {wrong:?}");
        assert!(wrong.err.contains("Usage") || wrong.err.contains("error"), "{wrong:?}");
    }
    let help = desk.run(&["--help"]).await;
    assert_eq!(help.code, 0);
    for part in ["sign-in", "switchover", "operation", "4  the operation needs a person", "--ca-file"] {
        assert!(help.out.contains(part), "{part}: {help:?}");
    }
    let away =
        ended(desk.command(&["pools"]).env("SWITCHBACK_URL", "http://127.0.0.1:9").env("SWITCHBACK_TOKEN", "x").output().await.unwrap());
    assert!(away.code == 1 && away.err.contains("cannot reach the console"), "{away:?}");
    let nonsense = ended(desk.command(&["pools", "--url", "nonsense"]).output().await.unwrap());
    assert!(nonsense.code == 1 && nonsense.err.contains("--url"), "{nonsense:?}");
    let nowhere = desk.run(&["plan", "chat-core", "switchover", "--to", "dc-c"]).await;
    assert!(nowhere.code == 1 && nowhere.err.contains("dc-a and dc-b"), "{nowhere:?}");
    let unsure = desk.run(&["switchover", "chat-core", "--to", "dc-b", "--reason", "drill"]).await;
    assert!(unsure.code == 1 && unsure.err.contains("--confirm-pool"), "nobody is there to be asked: {unsure:?}");
}

#[tokio::test]
async fn what_there_is_is_printed_for_people_and_as_json() {
    let desk = TestConsole::signed_in().await;
    for words in [&["pools"][..], &["show", "chat-core"], &["check", "chat-core"], &["operations"], &["operations", "chat-core"]] {
        let people = desk.run(words).await;
        assert_eq!(people.code, 0, "{words:?}: {people:?}");
        let programs = desk.run(&[words, &["--json"]].concat()).await;
        assert_eq!(programs.code, 0, "{words:?}: {programs:?}");
        assert!(!programs.json().is_null());
    }
    let show = desk.run(&["show", "chat-core"]).await;
    assert!(show.out.contains("Active: dc-a") && show.out.contains("member-a1"), "{show:?}");
    let plan = desk.run(&["plan", "chat-core", "switchover", "--to", "dc-b"]).await;
    assert_eq!(plan.code, 0, "{plan:?}");
    assert!(plan.out.contains("make dc-b lead") && plan.out.contains("nothing after this is taken back"), "{plan:?}");
    let already = desk.run(&["plan", "chat-core", "switchover", "--to", "dc-a"]).await;
    assert!(already.code == 2 && already.out.contains("In the way"), "{already:?}");
    let members = ["plan", "chat-core", "members", "--site", "dc-a", "member-a1", "drain", "member-a2", "ready"];
    let told = desk.run(&members).await;
    assert_eq!(told.code, 0, "{told:?}");
    assert!(told.out.contains("tell member-a1 of dc-a to take no new sessions"), "{told:?}");
    let changes = desk.run(&[&members[..], &["--json"]].concat()).await.json()["plan"]["intent"]["changes"].clone();
    assert_eq!(changes[1]["member"], "member-a2", "{changes}");
    for (words, why) in [
        (&members[..5], "name members"),
        (&members[..6], "ORDER"),
        (&["plan", "chat-core", "members", "member-a1", "drain"][..], "--to SITE"),
        (&["plan", "chat-core", "switchover", "--to", "dc-b", "member-a1", "drain"], "only a plan for `members`"),
    ] {
        let wrong = desk.run(words).await;
        assert!(wrong.code == 1 && wrong.err.contains(why), "{words:?}: {wrong:?}");
    }
    let unknown = desk.run(&["show", "nowhere", "--json"]).await;
    assert_eq!((unknown.code, unknown.json()["code"].as_str()), (2, Some("unknown_pool")), "{unknown:?}");
}

#[tokio::test]
async fn an_operation_that_is_done_is_0_and_one_that_was_undone_is_3() {
    let desk = TestConsole::signed_in().await;
    let words = ["members", "chat-core", "dc-a", "member-a1", "drain"];
    let done = desk.run(&confirmed(&words, "dc-a", &[])).await;
    assert_eq!(done.code, 0, "{done:?}");
    assert!(done.out.contains("tell member-a1 of dc-a to take no new sessions - done"), "{done:?}");

    let undone = desk.run(&confirmed(&["switchover", "chat-core", "--to", "dc-b"], "dc-b", &["--json"])).await;
    assert_eq!(undone.code, 3, "{undone:?}");
    let lines = undone.lines();
    let events: Vec<&str> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(&events[..2], ["planned", "begun"], "{undone:?}");
    let last = lines.last().unwrap();
    assert_eq!(last["stage"]["outcome"]["outcome"], "undone", "{last}");
    let id = last["operation"].as_str().unwrap();

    for (words, code) in [(["operation", "watch", id], 3), (["operation", "show", id], 3), (["operation", "report", id], 0)] {
        let shown = desk.run(&words).await;
        assert_eq!(shown.code, code, "{words:?}: {shown:?}");
        assert!(shown.out.contains(id), "{shown:?}");
    }
    let cancel = desk.run(&["operation", "cancel", id]).await;
    assert!(cancel.code == 2 && cancel.err.contains("has ended"), "{cancel:?}");
}

#[tokio::test]
async fn a_rehearsal_changes_nothing_and_no_wait_does_not_wait() {
    let desk = TestConsole::signed_in().await;
    let words = ["members", "chat-core", "dc-a", "member-a1", "maintenance"];
    let begun = desk.run(&confirmed(&words, "dc-a", &["--dry-run", "--no-wait", "--json"])).await;
    assert_eq!(begun.code, 0, "{begun:?}");
    let id = begun.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(desk.run(&["operation", "watch", &id]).await.code, 0);
    let shown = desk.run(&["operation", "show", &id]).await;
    assert!(shown.out.contains("(dry run)") && shown.out.contains("rehearsed"), "{shown:?}");
}

#[tokio::test]
async fn an_operation_that_asks_is_4_and_one_that_was_abandoned_or_undone_says_so() {
    let desk = TestConsole::signed_in().await;
    let refused = desk.run(&confirmed(&["failover", "chat-core", "--to", "dc-b"], "dc-b", &[])).await;
    assert!(refused.code == 2 && refused.err.contains("--accept-loss"), "{refused:?}");

    let asks = desk.run(&confirmed(&["failover", "chat-core", "--to", "dc-b"], "dc-b", &["--accept-loss"])).await;
    assert_eq!(asks.code, 4, "{asks:?}");
    let id = asks.out.lines().find_map(|line| line.strip_suffix(" has begun.")).unwrap().to_owned();
    assert!(asks.out.contains(&format!("switchback operation answer {id} retry")), "{asks:?}");
    assert_eq!(desk.run(&["operation", "watch", &id]).await.code, 4);

    let retried = desk.run(&["operation", "retry", &id]).await;
    assert_eq!(retried.code, 0, "{retried:?}");
    assert_eq!(desk.run(&["operation", "watch", &id]).await.code, 4, "it asks again");
    let unasked = desk.run(&["operation", "answer", &id, "undo", "--question", "1", "--reason", "late"]).await;
    assert!(unasked.code == 2 && unasked.err.contains("not open"), "{unasked:?}");
    assert_eq!(desk.run(&["operation", "answer", &id, "undo", "--reason", "a drill"]).await.code, 0);
    assert_eq!(desk.run(&["operation", "watch", &id]).await.code, 3);
}

#[tokio::test]
async fn a_report_shows_characters_that_act_on_a_terminal_by_their_numbers() {
    let desk = TestConsole::signed_in().await;
    let asks = desk.run(&confirmed(&["failover", "chat-core", "--to", "dc-b"], "dc-b", &["--accept-loss"])).await;
    let id = asks.out.lines().find_map(|line| line.strip_suffix(" has begun.")).expect("an operation").to_owned();
    // A console of today keeps no such characters; an older one did, and an engine's words or a file's name may hold them.
    let mut report = desk.run(&["operation", "report", &id, "--json"]).await.json();
    let sly = "power\u{1b}[2Jsupply\u{7}\u{202e}gnp.exe";
    for field in ["reason", "ticket"] {
        report[field] = sly.into();
    }
    report["pool"][1] = sly.into();
    report["attested"] = serde_json::json!({ "by": "mira", "how": sly });
    report["evidence"] = serde_json::json!([sly]);
    let path = format!("/api/v1/operations/{id}/report");
    let router = axum::Router::new().route(&path, axum::routing::get(async move || axum::Json(report)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    for json in [false, true] {
        let mut command = desk.command(&["operation", "report", &id]);
        command.env("SWITCHBACK_URL", &url).env("SWITCHBACK_TOKEN", "any").args(json.then_some("--json"));
        let shown = ended(command.output().await.unwrap());
        assert_eq!(shown.code, 0, "{shown:?}");
        let acts = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!shown.out.contains(acts), "{shown:?}");
        let (escape, turn) = if json { ("\\u001b", "\\u202e") } else { ("\\u{1b}", "\\u{202e}") };
        // Each of the five is there, the name of the file twice.
        let told = shown.out.matches(&format!("power{escape}[2Jsupply")).count();
        assert_eq!((told, shown.out.matches(turn).count()), if json { (5, 5) } else { (6, 6) }, "{shown:?}");
    }
}

#[tokio::test]
async fn wrong_names_are_refused_by_the_console_and_remembered() {
    let desk = TestConsole::signed_in().await;
    let words = ["members", "chat-core", "dc-a", "member-a1", "drain"];
    let refused = desk.run(&confirmed(&words, "dc-b", &["--json"])).await;
    assert_eq!(refused.code, 2, "{refused:?}");
    assert_eq!(refused.lines().last().unwrap()["code"], "wrong_site");
    assert!(desk.world.audit().await.last().unwrap().starts_with("operation_requested refused wrong_site"));
    let odd = desk.run(&confirmed(&["members", "chat-core", "dc-a", "member-a1", "explode"], "dc-a", &[])).await;
    assert!(odd.code == 1 && odd.err.contains("ready|drain|maintenance"), "{odd:?}");
    let twice = desk.run(&confirmed(&words, "dc-a", &["--idempotency-key", "k", "--no-wait", "--json"])).await;
    assert_eq!(twice.code, 0, "{twice:?}");
}
