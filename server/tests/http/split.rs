//! A split brain that others have caused: it is said, and ended by a plain form, over the API, or on the command line.

use crate::{
    api::{Program, json_of},
    cli::TestConsole,
    control::BothWrite,
    operations::{ended, hidden, page, shown_when},
    support::{PASSWORD, World, body, location},
};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

async fn world() -> (World, Arc<BothWrite>) {
    let control = Arc::new(BothWrite::default());
    (World::split(Arc::clone(&control) as _).await, control)
}

#[tokio::test]
async fn while_both_sites_write_the_page_offers_nothing_but_to_stop_one_of_them() {
    let (world, control) = world().await;
    let mira = world.signed_in().await;
    let shown = shown_when(&world, "/pools/chat-core", &mira, |page| page.contains("Stop one side")).await;
    let place = |words: &str| shown.find(words).unwrap_or_else(|| panic!("{words} is missing"));
    // The advised one comes first.
    assert!(place("Keep dc-b, stop dc-a…") < place("Keep dc-a, stop dc-b…"));
    assert!(shown.contains("Keeping dc-b is advised: it was promoted later than dc-a."));
    assert!(shown.contains("What only dc-a has written stays there, read-only, until re-protection has saved it."));
    assert!(!shown.contains("Plan switchover") && !shown.contains("Plan emergency failover"), "there is only one thing to do");
    let entries = world.store.entries(10).await.unwrap();
    let seen = entries
        .iter()
        .find(|entry| entry.deed().as_code() == "split_brain_seen")
        .expect("it is written down, whether anybody looks or not");
    assert_eq!((&seen.actor, seen.subject.as_str(), &seen.detail["nodes"]), (&None, "chat-core", &json!(["a1", "b1"])));

    let plan = "/pools/chat-core/plan/resolve?site=dc-a";
    assert!(shown.contains(plan), "the button leads to the plan");
    let dialog = page(&world, plan, &mira).await;
    for words in [
        "Both sites accept writes for chat-core. dc-a goes on; dc-b is fenced",
        "Keeping dc-b is advised",
        "Type the site that goes on: dc-a",
        "I accept that what only dc-b has written leaves the pool.",
        "Point of no return",
        "Keep dc-a, stop dc-b",
    ] {
        assert!(dialog.contains(words), "{words} is missing");
    }
    let (plan, planned_at) = (hidden(&dialog, "plan"), hidden(&dialog, "planned_at").replace(':', "%3A"));
    let form = |more: &str| {
        let fields = format!("pool=chat-core&kind=resolve&site=dc-a&plan={plan}&planned_at={planned_at}");
        format!("{fields}&typed_pool=chat-core&reason=two+writers{more}")
    };
    for (more, problem) in [
        ("&typed_site=dc-a", "problem=loss_not_accepted&"),
        ("&typed_site=dc-b&accepts_loss=yes", "problem=wrong_site&"),
        ("&typed_site=&accepts_loss=yes", "problem=wrong_site&"),
    ] {
        let refused = world.post("/operations", &form(more), Some(&mira)).await;
        assert!(location(&refused).contains(problem), "{more}: {}", location(&refused));
    }
    assert_eq!(control.stopped(), None, "nobody was stopped by what was refused");

    let begun = world.post("/operations", &form("&typed_site=dc-a&accepts_loss=yes"), Some(&mira)).await;
    let operation = location(&begun).to_owned();
    let done = ended(&world, &operation, &mira).await;
    for words in [
        "Only dc-a accepts writes.",
        "What only dc-b has written is set aside there",
        "Verify that only dc-a accepts writes",
        "the point of no return",
    ] {
        assert!(done.contains(words) || done.to_lowercase().contains(words), "{words} is missing");
    }
    assert_eq!(control.stopped(), Some('b'));
    let report = body(world.get(&format!("{operation}/report"), Some(&mira)).await).await;
    assert!(report.contains("nobody has looked at the log of dc-b since"), "{report}");
}

#[tokio::test]
async fn programs_end_it_too_and_only_with_everything_said() {
    let (world, control) = world().await;
    let program = Program::of(&world).await;
    let intent = json!({ "kind": "resolve", "keep": "b" });
    let planned = json_of(program.send("/pools/chat-core/plans", &[], intent.to_string()).await).await;
    let steps: Vec<&str> = planned["plan"]["steps"].as_array().unwrap().iter().map(|step| step["step"].as_str().unwrap()).collect();
    assert_eq!(steps, ["assess", "fence", "sole_writer", "reroute"]);
    assert_eq!(planned["plan"]["objections"], json!([]));
    let other = json_of(program.send("/pools/chat-core/plans", &[], r#"{"kind":"resolve","keep":"a"}"#).await).await;
    assert_eq!(other["plan"]["objections"][0]["because"], "other_advised", "{other}");
    let request = |accepts_loss: bool| {
        json!({
            "pool": "chat-core", "intent": intent, "plan": planned["hash"], "planned_at": planned["plan"]["made_at"],
            "reason": "two writers", "typed_pool": "chat-core", "typed_site": "dc-b", "accepts_loss": accepts_loss,
        })
    };
    let refused = json_of(program.send("/operations", &[], request(false).to_string()).await).await;
    assert_eq!(refused["code"], "loss_not_accepted", "{refused}");
    let begun = json_of(program.send("/operations", &[], request(true).to_string()).await).await;
    let id = begun["id"].as_str().unwrap_or_else(|| panic!("{begun}")).to_owned();
    let ended = program.operation_when(&id, |operation| operation["stage"]["stage"] == "finished").await;
    assert_eq!(ended["stage"]["outcome"]["outcome"], "done", "{ended}");
    assert_eq!(control.stopped(), Some('a'));
    let fenced = |picture: &Value| picture["pool_state"]["epoch"] == 1 && picture["pool_state"]["fences"][0]["side"] == "a";
    program.when("/pools/chat-core", fenced).await;
}

#[tokio::test]
async fn the_command_line_ends_it() {
    let (world, control) = world().await;
    let desk = TestConsole::at(world).await;
    desk.sign_in(&format!("{PASSWORD}\n")).await;
    let planned = desk.run(&["plan", "chat-core", "resolve", "--keep", "dc-a"]).await;
    assert_eq!(planned.code, 0, "{planned:?}");
    for words in
        ["fence dc-b", "What only dc-b has written leaves the pool", "advice: keep dc-b instead, because it is on the later timeline"]
    {
        assert!(planned.out.contains(words), "{words}: {planned:?}");
    }
    let words =
        ["resolve", "chat-core", "--keep", "dc-a", "--reason", "two writers", "--confirm-pool", "chat-core", "--confirm-site", "dc-a"];
    let refused = desk.run(&words).await;
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.err.contains("accept the stated loss"), "{refused:?}");
    let done = desk.run(&[&words[..], &["--accept-loss"]].concat()).await;
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(control.stopped(), Some('b'));
}

#[tokio::test]
async fn who_answers_late_is_heard_before_anybody_is_asked_whether_it_is_off() {
    let control = Arc::new(BothWrite::held_answers_after(Duration::from_millis(1_500)));
    let desk = TestConsole::at(World::split(Arc::clone(&control) as _).await).await;
    desk.sign_in(&format!("{PASSWORD}\n")).await;
    let words =
        ["resolve", "chat-core", "--keep", "dc-a", "--reason", "two writers", "--confirm-pool", "chat-core", "--confirm-site", "dc-a"];
    let done = desk.run(&[&words[..], &["--accept-loss"]].concat()).await;
    assert_eq!(done.code, 0, "{done:?}");
    assert!(!done.out.contains("attest"), "{done:?}");
    assert_eq!(control.stopped(), Some('b'));

    // One that says nothing for longer than that is asked about, and how long it was waited for is said.
    let control = Arc::new(BothWrite::held_answers_after(Duration::from_mins(1)));
    let desk = TestConsole::at(World::split(Arc::clone(&control) as _).await).await;
    desk.sign_in(&format!("{PASSWORD}\n")).await;
    let asks = desk.run(&[&words[..], &["--accept-loss"]].concat()).await;
    assert_eq!(asks.code, 4, "{asks:?}");
    assert!(asks.out.contains("no answer within 3.0 s from patroni-b1"), "{asks:?}");
}
