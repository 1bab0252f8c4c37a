//! A restored store: what is shown of it, and how it is confirmed, by page, interface and command.

use crate::{
    api::{Program, json_of},
    cli::TestConsole,
    control::MembersOnly,
    operations::shown_when,
    records::{mira, until},
    support::{PASSWORD, World, body, location},
};
use http::StatusCode;
use serde_json::json;
use std::{path::Path, sync::Arc, time::Duration};
use switchback_domain::{
    Policy, Side,
    audit::Deed,
    fixture,
    operation::{Epoch, Fence, OperationId},
};
use switchback_engine::{
    audit::{Actor, audited},
    ports::{LeaseAsk, RecordChange, Store},
};

/// A store as it was when its site of this side was fenced; of that a backup, opened.
async fn restored(folder: &Path, side: Side) -> Arc<dyn Store> {
    let (file, backup) = (folder.join("first.db"), folder.join("store.db"));
    let store = switchback_store::open(&format!("sqlite:{}", file.display())).await.unwrap();
    let ask = LeaseAsk {
        holder: "a test",
        machine: "another",
        since_boot: Duration::ZERO,
        lasts: Duration::from_secs(1),
        stood_still: None,
        told_until: fixture::at(0),
    };
    let lease = store.take_lease(&fixture::pool().id, &ask).await.unwrap().taken().unwrap();
    let fence =
        Fence { side, epoch: Epoch(3), operation: Some(OperationId(1)), since: fixture::at(0), expected_loss: None, answers: Vec::new() };
    let audit = audited(&Actor::console(), Deed::StepBegun, "").done(fixture::at(0), ());
    for change in [RecordChange::Epoch(Epoch(3)), RecordChange::FenceUp(fence)] {
        store.change_record(&lease, &change, &audit).await.unwrap();
    }
    drop(store);
    let by = switchback_store::Author { user: "a test".to_owned(), reason: String::new() };
    switchback_store::back_up(&file, &backup, fixture::at(5), &by).await.unwrap();
    switchback_store::open(&format!("sqlite:{}", backup.display())).await.unwrap()
}

async fn world(side: Side) -> World {
    let folder = tempfile::tempdir().unwrap();
    let store = restored(folder.path(), side).await;
    let world = World::over(folder, store, Arc::new(MembersOnly::default()), Policy::default());
    // Until the console has read what stands about the pool.
    until("the console has read that its store was restored", async || {
        world.console.picture(&mira(), &fixture::pool().id).unwrap().pool_state.restored.is_some()
    })
    .await;
    world
}

#[tokio::test]
async fn a_fence_that_would_shut_the_active_site_out_is_not_confirmed_and_a_confirmation_has_a_reason() {
    let world = world(Side::A).await;
    let program = Program::of(&world).await;
    let console = json_of(program.get("/console").await).await;
    assert_eq!(console["unconfirmed"], json!(["chat-core"]));
    let beside = json_of(program.get("/pools/chat-core/restored").await).await;
    assert_eq!((&beside["sites"][0]["fenced"], &beside["sites"][0]["active"]), (&json!(true), &json!(true)), "{beside}");
    let planned = json_of(program.send("/pools/chat-core/plans", &[], json!({ "kind": "switchover", "to": "b" }).to_string()).await).await;
    assert!(planned["plan"]["objections"].to_string().contains("not_confirmed"), "{planned}");
    for (sent, status, code) in [
        (json!({ "reason": "" }), 422, "no_reason"),
        (json!({ "reason": "x" }), 409, "fences_active"),
        (json!({ "reason": "x", "lift": ["dc-x"] }), 422, "no_such_site"),
        (json!({ "reason": "x", "fence": ["dc-x"] }), 422, "no_such_site"),
        (json!({ "reason": "x", "lift": ["dc-a"], "fence": ["dc-a"] }), 422, "lifts_and_fences"),
        (json!({ "reason": "x", "fence": ["dc-a"] }), 409, "fences_active"),
        (json!({ "reason": "x", "more": 1 }), 400, "malformed"),
    ] {
        let refused = program.send("/pools/chat-core/restored", &[], sent.to_string()).await;
        assert_eq!(refused.status().as_u16(), status, "{sent}");
        assert_eq!(json_of(refused).await["code"], code, "{sent}");
    }
    assert_eq!(program.send("/pools/nowhere/restored", &[], json!({ "reason": "x" }).to_string()).await.status(), StatusCode::NOT_FOUND);
    let done = program.send("/pools/chat-core/restored", &[], json!({ "reason": "looked at both", "lift": ["dc-a"] }).to_string()).await;
    assert_eq!(done.status(), StatusCode::NO_CONTENT);
    assert_eq!(json_of(program.get("/pools/chat-core/restored").await).await, json!(null));
    assert_eq!(world.audit().await.last().unwrap(), "restored_confirmed done");
    let record = world.store.record(&fixture::pool().id).await.unwrap();
    assert_eq!((record.epoch, record.fences, record.unconfirmed), (Epoch(4), vec![], None));
    let again = program.send("/pools/chat-core/restored", &[], json!({ "reason": "x" }).to_string()).await;
    assert_eq!(json_of(again).await["code"], "nothing_to_confirm");
}

#[tokio::test]
async fn the_page_shows_both_beside_each_other_in_both_languages_and_its_form_confirms() {
    let world = world(Side::A).await;
    let session = world.signed_in().await;
    let pool = body(world.get("/pools/chat-core", Some(&session)).await).await;
    assert!(pool.contains("/pools/chat-core/restored"), "the pool's page leads there: {pool}");
    let page = body(world.get("/pools/chat-core/restored", Some(&session)).await).await;
    for said in
        ["Restored store: chat-core", "Fenced: must not come back as active", "Accepts writes", "The fence of dc-a is not so any more"]
    {
        assert!(page.contains(said), "{said}: {page}");
    }
    let refused = world.post("/pools/chat-core/restored", "reason=looked", Some(&session)).await;
    assert_eq!(location(&refused), "/pools/chat-core/restored?problem=fences_active");
    let told = body(world.get("/pools/chat-core/restored?problem=fences_active", Some(&session)).await).await;
    assert!(told.contains("By its engines dc-a is the active site."), "{told}");
    let done = world.post("/pools/chat-core/restored", "lift=dc-a&reason=looked", Some(&session)).await;
    assert_eq!(location(&done), "/pools/chat-core");
    let over = world.get("/pools/chat-core/restored", Some(&session)).await;
    assert_eq!(location(&over), "/pools/chat-core", "there is nothing more to confirm");
}

#[tokio::test]
async fn the_commands_show_both_and_confirm() {
    let desk = TestConsole::at(world(Side::B).await).await;
    desk.sign_in(&format!("{PASSWORD}\n")).await;
    let shown = desk.run(&["restored", "chat-core"]).await;
    assert_eq!(shown.code, 2, "{shown:?}");
    assert!(shown.out.contains("fenced") && shown.out.contains("active") && shown.out.contains("only watches"), "{shown:?}");
    let done = desk.run(&["confirm-restored", "chat-core", "--reason", "dc-b is still off"]).await;
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(desk.run(&["restored", "chat-core"]).await.code, 0);
}

#[tokio::test]
async fn a_fence_that_the_store_has_forgotten_is_put_up_with_the_confirmation_by_page_interface_and_command() {
    let fences = async |world: &World| {
        let record = world.store.record(&fixture::pool().id).await.unwrap();
        record.fences.iter().map(|fence| (fence.side, fence.epoch, fence.operation)).collect::<Vec<_>>()
    };
    let forgotten = vec![(Side::B, Epoch(4), None)];

    let by_page = world(Side::A).await;
    let session = by_page.signed_in().await;
    let page = body(by_page.get("/pools/chat-core/restored", Some(&session)).await).await;
    assert!(page.contains("name=\"fence\" value=\"dc-b\"") && page.contains("dc-b must not come back as active"), "{page}");
    assert!(!page.contains("name=\"fence\" value=\"dc-a\""), "the active site is not to be shut out: {page}");
    let done = by_page.post("/pools/chat-core/restored", "lift=dc-a&fence=dc-b&reason=looked", Some(&session)).await;
    assert_eq!(location(&done), "/pools/chat-core");
    assert_eq!(fences(&by_page).await, forgotten);
    // Who has put the fence up is said.
    shown_when(&by_page, "/pools/chat-core", &session, |page| page.contains("the confirmation of a restored store")).await;

    let by_program = world(Side::A).await;
    let program = Program::of(&by_program).await;
    let sent = json!({ "reason": "looked", "lift": ["dc-a"], "fence": ["dc-b"] });
    let done = program.send("/pools/chat-core/restored", &[], sent.to_string()).await;
    assert_eq!(done.status(), StatusCode::NO_CONTENT);
    assert_eq!(fences(&by_program).await, forgotten);

    let by_command = world(Side::A).await;
    let store = Arc::clone(&by_command.store);
    let desk = TestConsole::at(by_command).await;
    desk.sign_in(&format!("{PASSWORD}\n")).await;
    let words = ["confirm-restored", "chat-core", "--reason", "looked", "--lift", "dc-a", "--fence", "dc-b"];
    let done = desk.run(&words).await;
    assert_eq!(done.code, 0, "{done:?}");
    let record = store.record(&fixture::pool().id).await.unwrap();
    assert_eq!(record.fences.iter().map(|fence| (fence.side, fence.operation)).collect::<Vec<_>>(), [(Side::B, None)]);
}
