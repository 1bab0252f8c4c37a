//! An operation under way whose journal cannot be read: it is shown as such everywhere, and bars nobody.

use crate::{
    api::{Program, json_of},
    cli::TestConsole,
    records::{control, drain, mira, request, until},
    support::{PASSWORD, World, ask_for, body},
};
use axum::body::Body;
use http::{Method, StatusCode, header};
use jiff::Timestamp;
use std::time::Duration;
use switchback_domain::{
    Millis, Policy, Side,
    audit::Deed,
    fixture,
    operation::{Entry, Epoch, Event, Intent, IntentKind, OperationId, OperationSummary, PlanObjection, Refusal, StageCode},
};
use switchback_engine::{
    audit::{Actor, audited},
    ports::{LeaseAsk, Opening},
};

const ID: OperationId = OperationId(1);

/// A console that is started on a store in which a failover is under way whose first entry is none.
async fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let store = switchback_store::open(&format!("sqlite:{}", folder.path().join("store.db").display())).await.unwrap();
    let (pool, from) = (fixture::pool(), Timestamp::UNIX_EPOCH);
    let ask = LeaseAsk {
        holder: "a console that is gone",
        machine: "another",
        since_boot: Duration::ZERO,
        lasts: Duration::from_secs(6),
        stood_still: None,
        told_until: from,
    };
    let lease = store.take_lease(&pool.id, &ask).await.unwrap().taken().unwrap();
    let ada: switchback_domain::Login = "ada".parse().unwrap();
    let audit = audited(&Actor::person(&ada, ""), Deed::OperationRequested, "").done(from, serde_json::json!({}));
    let summary = OperationSummary {
        kind: Some(IntentKind::Failover),
        side: Some(Side::B),
        requested_by: Some("ada".parse().unwrap()),
        requested_at: Some(from),
        stage: StageCode::Running,
        ..OperationSummary::unknown(ID, pool.id.clone())
    };
    let first = Entry { at: from, event: Event::StepBegun { step: 3 } };
    let opening = Opening { first, audit, epoch: Epoch(0), key: None, summary, closes: None };
    assert_eq!(store.open_operation(&lease, &opening).await.unwrap(), ID);
    store.give_lease_back(&lease).await.unwrap();
    let world = World::over(folder, store, control(), Policy { cool_down: Millis(0), ..fixture::pool().policy });
    until("it is shown", async || {
        let shown = world.console.picture(&mira(), &pool.id).unwrap().pool_state.operation.clone();
        shown.is_some_and(|shown| shown.stage == StageCode::Unreadable)
    })
    .await;
    world
}

#[tokio::test]
async fn it_is_shown_as_what_it_is_on_every_page_in_both_languages() {
    let world = world().await;
    let session = world.signed_in().await;
    for (lang, sentence, state) in
        [("en", "How far op-0001 has come is not known: entry 0", "Cannot be read"), ("zh-CN", "不知道 op-0001 进行到哪一步", "无法读取")]
    {
        for (page, status, wanted) in [
            ("/pools/chat-core", StatusCode::OK, sentence),
            ("/operations/op-0001", StatusCode::CONFLICT, sentence),
            ("/operations", StatusCode::OK, state),
            ("/", StatusCode::OK, state),
            ("/pools/chat-core/plan/failover", StatusCode::OK, sentence),
        ] {
            let asked = ask_for(Method::GET, page, Some(&session)).header(header::ACCEPT_LANGUAGE, lang);
            let response = world.ask(asked.body(Body::empty()).unwrap()).await;
            assert_eq!(response.status(), status, "{page}");
            let text = body(response).await;
            assert!(text.contains(wanted), "{page} does not say {wanted:?}");
            assert!(page != "/operations" || text.contains("ada"), "who asked for it is known");
        }
    }
}

#[tokio::test]
async fn the_interface_and_the_command_line_say_which_entry_it_is_and_what_to_do() {
    let world = world().await;
    let program = Program::of(&world).await;
    let get = async |path: &str| {
        let response = program.get(path).await;
        (response.status(), json_of(response).await)
    };
    let (status, list) = get("/operations").await;
    assert_eq!((status, &list[0]["stage"], &list[0]["kind"]), (StatusCode::OK, &"unreadable".into(), &"failover".into()));
    assert_eq!(list[0]["unreadable"], serde_json::json!({ "number": 0, "cause": { "cause": "does_not_fit" } }));
    for path in ["/operations/op-0001", "/operations/op-0001/report"] {
        let (status, problem) = get(path).await;
        assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &"unreadable_operation".into()), "{path}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains("entry 0 of its journal cannot be read"), "{problem}");
    }
    let wish = program.send("/operations/op-0001/wishes", &[], r#"{"wish":"cancel"}"#).await;
    let (status, problem) = (wish.status(), json_of(wish).await);
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &"unreadable_operation".into()));
    assert!(world.audit().await.contains(&"operation_wish refused unreadable_operation".to_owned()), "{:?}", world.audit().await);

    let desk = TestConsole::at(self::world().await).await;
    assert_eq!(desk.sign_in(&format!("{PASSWORD}\n")).await.code, 0);
    let list = desk.run(&["operations"]).await;
    assert!(list.code == 0 && list.out.contains("Cannot be read") && list.out.contains("begin what is needed"), "{list:?}");
    let shown = desk.run(&["operation", "show", "op-0001"]).await;
    assert!(shown.code != 0 && shown.err.contains("entry 0 of its journal cannot be read"), "{shown:?}");
}

#[tokio::test]
async fn another_operation_begins_beside_it_and_closes_it() {
    for intent in [drain("member-a1"), Intent::Failover { to: Side::B }] {
        let world = world().await;
        let pool = fixture::pool().id;
        let planned = world.console.plan(&mira(), &pool, intent.clone()).await.unwrap();
        let told = |objection: &PlanObjection| matches!(objection, PlanObjection::OperationUnreadable { operation: ID, .. });
        assert!(planned.plan.objections.iter().any(told) && planned.plan.is_possible(), "{:?}", planned.plan.objections);
        // A request that is refused closes nothing.
        let mut wrong = request(planned.clone());
        "another".clone_into(&mut wrong.typed_pool);
        let refused = world.console.request(&mira(), wrong, None, "192.0.2.7").await.unwrap_err();
        assert!(matches!(refused, switchback_domain::error::RequestError::Refused { refusal: Refusal::WrongPool { .. } }), "{refused}");
        assert_eq!(world.store.open_operation_of(&pool).await.unwrap(), Some(ID));

        let id = world.console.request(&mira(), request(planned), None, "192.0.2.7").await.unwrap();
        let closed = world.store.summary(ID).await.unwrap().unwrap();
        assert_eq!((closed.stage, closed.kind), (StageCode::ClosedUnread, Some(IntentKind::Failover)));
        let entries = world.store.entries(100).await.unwrap();
        let line = entries.iter().find(|entry| *entry.deed() == Deed::OperationClosedUnread).unwrap();
        assert_eq!((line.subject.as_str(), line.actor.clone(), &line.detail["entry"]), ("op-0001", Some(mira().person.login), &0.into()));
        let list = world.console.operations(&mira(), None, 9).await.unwrap();
        assert_eq!(list.iter().map(|line| line.id).collect::<Vec<_>>(), [id, ID]);
    }
}
