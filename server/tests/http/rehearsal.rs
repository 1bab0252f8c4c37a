//! Rehearsals of an emergency: nobody has to answer for what does not happen, by page, by program and on the command line; and each says
//! what the operation itself would need.

use crate::{
    api::{Program, json_of},
    cli::TestConsole,
    control::MembersOnly,
    operations::{hidden, page, shown_when},
    support::{PASSWORD, World, body, location},
};
use serde_json::{Value, json};
use std::sync::Arc;

async fn world() -> World {
    World::cut_off(Arc::new(MembersOnly::default())).await
}

const PLAN: &str = "/pools/chat-core/plan/failover?site=dc-b";

/// What the page sends by its two buttons, with a reason and both names.
async fn form(world: &World, session: &str, more: &str) -> String {
    let dialog = page(world, PLAN, session).await;
    let (plan, planned_at) = (hidden(&dialog, "plan"), hidden(&dialog, "planned_at").replace(':', "%3A"));
    let fields = format!("pool=chat-core&kind=failover&site=dc-b&plan={plan}&planned_at={planned_at}");
    format!("{fields}&typed_pool=chat-core&typed_site=dc-b&reason=exercise&attestation={more}")
}

#[tokio::test]
async fn the_page_rehearses_without_ticks_or_words_and_says_what_the_failover_would_need() {
    let world = world().await;
    let mira = world.signed_in().await;
    let dialog = page(&world, PLAN, &mira).await;
    let foot = dialog.split("dlg__foot").nth(1).unwrap();
    let button = foot.split("<button").find(|button| button.contains("name=\"dry_run\"")).expect("a button of its own");
    assert!(button.contains("formnovalidate") && button.contains("Rehearse only"), "{button}");
    assert!(foot.find("dry_run") < foot.find("btn--danger"), "Enter in a field sends the form by the first button");
    assert!(dialog.contains("I know that this is wrong"), "the failover itself still asks for it: {dialog}");

    let form = form(&world, &mira, "").await;
    let refused = world.post("/operations", &form, Some(&mira)).await;
    assert!(location(&refused).contains("problem=not_acknowledged"), "{}", location(&refused));
    let begun = world.post("/operations", &format!("{form}&dry_run=yes"), Some(&mira)).await;
    let rehearsal = location(&begun).to_owned();
    assert!(rehearsal.starts_with("/operations/op-"), "{rehearsal}");
    let has_ended = |page: &str| page.contains("The operation itself would also need");
    let shown = shown_when(&world, &rehearsal, &mira, has_ended).await;
    let needed = ["nothing was changed", "taken on by name", "overridden by name", "a1, a2 are off", "loss accepted"];
    for words in needed {
        assert!(shown.contains(words), "{words} is missing");
    }
    assert!(shown.contains(">Rehearsed") && !shown.contains("with loss") && !shown.contains("not found yet"), "nothing was lost: {shown}");
    let report = body(world.get(&format!("{rehearsal}/report"), Some(&mira)).await).await;
    assert!(needed[1..].iter().all(|words| report.contains(words)), "{report}");

    // Whoever goes back to the dialog after a rehearsal means the operation itself, and is not led to the rehearsal.
    let again = world.post("/operations", &form, Some(&mira)).await;
    assert!(location(&again).contains("problem=not_acknowledged"), "{}", location(&again));
}

#[tokio::test]
async fn programs_rehearse_in_the_same_way_and_read_in_the_report_what_is_left_open() {
    let world = world().await;
    let program = Program::of(&world).await;
    let planned = program.send("/pools/chat-core/plans", &[], json!({ "kind": "failover", "to": "b" }).to_string()).await;
    let planned = json_of(planned).await;
    let request = |dry_run: bool| {
        json!({
            "pool": "chat-core", "intent": planned["plan"]["intent"], "plan": planned["hash"], "planned_at": planned["plan"]["made_at"],
            "reason": "exercise", "typed_pool": "chat-core", "typed_site": "dc-b", "dry_run": dry_run,
        })
    };
    let asked = async |dry_run: bool| {
        let key = if dry_run { "rehearsal" } else { "failover" };
        json_of(program.send("/operations", &[("idempotency-key", key)], request(dry_run).to_string()).await).await
    };
    let refused = asked(false).await;
    assert_eq!(refused["code"], "not_acknowledged", "{refused}");
    let begun = asked(true).await;
    let id = begun["id"].as_str().unwrap_or_else(|| panic!("{begun}")).to_owned();
    let report = json_of(program.get(&format!("/operations/{id}/report")).await).await;
    let needed: Vec<&str> = report["still_needed"].as_array().unwrap().iter().filter_map(|one| one["refusal"].as_str()).collect();
    assert_eq!(needed, ["not_acknowledged", "seen_alive", "no_attestation", "loss_not_accepted"]);
}

#[tokio::test]
async fn the_command_line_rehearses_without_asking_and_names_the_flags_that_the_failover_would_need() {
    let desk = TestConsole::at(world().await).await;
    assert_eq!(desk.sign_in(&format!("{PASSWORD}\n")).await.code, 0);
    let words = ["failover", "chat-core", "--to", "dc-b", "--reason", "exercise", "--confirm-pool", "chat-core", "--confirm-site", "dc-b"];
    let refused = desk.run(&words).await;
    assert_eq!(refused.code, 2, "{refused:?}");
    let rehearsed = desk.run(&[&words[..], &["--dry-run"]].concat()).await;
    assert_eq!(rehearsed.code, 0, "{rehearsed:?}");
    let needed = ["--acknowledge ", "--override-sign log-stream proxy-check", "--attest ", "--accept-loss"];
    for flag in needed {
        assert!(rehearsed.out.contains(flag), "{flag} is missing: {rehearsed:?}");
    }
    let id = rehearsed.out.lines().find_map(|line| line.strip_suffix(" has begun.")).unwrap().to_owned();
    let report = desk.run(&["operation", "report", &id]).await;
    assert!(needed.iter().all(|flag| report.out.contains(flag)), "{report:?}");
    assert!(report.out.contains("only a rehearsal"), "{report:?}");
    let report: Value = serde_json::from_str(&desk.run(&["operation", "report", &id, "--json"]).await.out).unwrap();
    assert_eq!(report["still_needed"].as_array().map(Vec::len), Some(4));
}
