//! The forms of operations: what they begin, what they refuse, and what is left of what was typed.

use crate::{
    control::MembersOnly,
    support::{World, ask_for, body, location, machine_time, text},
};
use axum::body::Body;
use http::{Method, StatusCode, header};
use std::{sync::Arc, time::Duration};
use switchback_domain::{FreezeWindow, Policy, fixture};

/// The value of a hidden field on a page.
pub fn hidden(page: &str, name: &str) -> String {
    let field = page.split("<input").find(|field| field.contains(&format!("name=\"{name}\""))).unwrap_or_else(|| panic!("no field {name}"));
    let value = field.split("value=\"").nth(1).unwrap_or_else(|| panic!("{name} has no value: {field}"));
    value.split('"').next().unwrap().to_owned()
}

pub async fn page(world: &World, path: &str, session: &str) -> String {
    let response = world.get(path, Some(session)).await;
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    body(response).await
}

const DRAIN: &str = "dc-a/member-a1/drain";
const PLAN: &str = "/pools/chat-core/plan/members?changes=dc-a%2Fmember-a1%2Fdrain";

/// The form of the dialog as a browser without scripts would send it, with `more` after it.
async fn filled(world: &World, session: &str, more: &str) -> String {
    let page = page(world, PLAN, session).await;
    let (plan, planned_at) = (hidden(&page, "plan"), hidden(&page, "planned_at").replace(':', "%3A"));
    assert_eq!(plan.len(), 64, "a hash: {plan}");
    let changes = hidden(&page, "changes");
    assert_eq!(changes, DRAIN);
    format!("pool=chat-core&kind=members&site=dc-a&changes={}&plan={plan}&planned_at={planned_at}{more}", changes.replace('/', "%2F"))
}

const TYPED: &str = "&typed_pool=Chat-Core+&typed_site=dc-a&reason=new+kernel&ticket=CHG-7";

/// The page once it shows what the test waits for.
#[expect(clippy::disallowed_methods, reason = "the test waits for the driver")]
pub async fn shown_when(world: &World, path: &str, session: &str, is: impl Fn(&str) -> bool) -> String {
    for _ in 0..100 {
        let page = page(world, path, session).await;
        if is(&page) {
            return page;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{path} did not get there");
}

/// The page of the operation once it has ended.
pub async fn ended(world: &World, path: &str, session: &str) -> String {
    let has_ended = |page: &str| {
        let words = [">Done ", r#"class="verdict__state">Done"#, "Target", "Everything was done"];
        words.iter().any(|word| page.contains(word))
    };
    shown_when(world, path, session, has_ended).await
}

#[tokio::test]
async fn a_form_without_scripts_begins_an_operation_and_leads_to_its_page_and_report() {
    let world = World::with_hands(Arc::new(MembersOnly::default())).await;
    let mira = world.signed_in().await;
    let form = filled(&world, &mira, TYPED).await;
    let begun = world.post("/operations", &form, Some(&mira)).await;
    let operation = location(&begun).to_owned();
    assert!(operation.starts_with("/operations/op-"), "{operation}");
    let shown = ended(&world, &operation, &mira).await;
    for words in ["Change of members", "new kernel", "CHG-7", "Drain member-a1", "takes no new sessions"] {
        assert!(shown.contains(words), "{words} is missing");
    }
    assert!(page(&world, "/operations", &mira).await.contains("Change of members"));

    let audit = page(&world, "/audit", &mira).await;
    for words in [
        "Asked for an operation: Change of members",
        "new kernel",
        "1. Drain member-a1",
        "Step 1 is done: Drain member-a1",
        "takes no new sessions",
        "The operation has ended: Done",
        "Signed in",
        &format!("href=\"{operation}\""),
    ] {
        assert!(audit.contains(words), "{words} is missing from the audit history");
    }
    for raw in ["step_begun", "step_ended", "operation_requested", "operation_finished", "sign_in"] {
        assert!(!audit.contains(raw), "{raw} has no words");
    }
    let in_chinese = ask_for(Method::GET, "/audit", Some(&mira)).header(header::ACCEPT_LANGUAGE, "zh-CN").body(Body::empty()).unwrap();
    let in_chinese = body(world.ask(in_chinese).await).await;
    assert!(in_chinese.contains("请求执行操作：") && in_chinese.contains("第 1 步完成："), "{in_chinese}");

    let report = world.get(&format!("{operation}/report"), Some(&mira)).await;
    assert!(text(report.headers(), "content-type").starts_with("text/html"));
    let printed = body(report).await;
    for words in ["Operation report", "new kernel", "Drain member-a1", "takes no new sessions", "Plan hash", "/pkg/switchback.9bLm4.css"] {
        assert!(printed.contains(words), "{words} is missing from the report");
    }
    assert!(!printed.contains("style=") && !printed.contains("<script"), "the content security policy would stop it");
    let json = world.get(&format!("{operation}/report.json"), Some(&mira)).await;
    let json: serde_json::Value = serde_json::from_str(&body(json).await).unwrap();
    assert_eq!((json["reason"].as_str(), json["outcome"]["outcome"].as_str()), (Some("new kernel"), Some("done")));
}

#[tokio::test]
async fn the_same_dialog_sent_again_begins_nothing_new() {
    let world = World::with_hands(Arc::new(MembersOnly::default())).await;
    let mira = world.signed_in().await;
    let form = filled(&world, &mira, TYPED).await;
    let first = location(&world.post("/operations", &form, Some(&mira)).await).to_owned();
    ended(&world, &first, &mira).await;
    let again = location(&world.post("/operations", &form, Some(&mira)).await).to_owned();
    assert_eq!(first, again);
    let begun = world.audit().await.into_iter().filter(|entry| entry.starts_with("operation_requested done")).count();
    assert_eq!(begun, 1);
}

#[tokio::test]
async fn a_wrong_name_comes_back_with_what_was_typed_and_is_remembered() {
    let world = World::with_hands(Arc::new(MembersOnly::default())).await;
    let mira = world.signed_in().await;
    let form = filled(&world, &mira, "&typed_pool=chat-core&typed_site=dc-b&reason=new+%26+better&ticket=CHG-7").await;
    let refused = world.post("/operations", &form, Some(&mira)).await;
    let back = location(&refused).to_owned();
    assert!(back.starts_with("/pools/chat-core/plan/members?problem=wrong_site&"), "{back}");
    let shown = page(&world, &back, &mira).await;
    for words in ["type the site’s name, dc-a", "new &amp; better", "CHG-7", DRAIN] {
        assert!(shown.contains(words), "{words} is missing");
    }
    let audit = world.audit().await;
    assert!(audit.iter().any(|entry| entry.contains("refused") && entry.contains("wrong_site")), "{audit:?}");
    let shown = page(&world, "/audit", &mira).await;
    assert!(shown.contains("type the site’s name, dc-a") && shown.contains("Refused"), "the audit history says why");
}

#[tokio::test]
async fn an_open_freeze_window_refuses_what_is_planned_and_an_emergency_ignores_it() {
    let (from, until) = (machine_time() - Duration::from_mins(1), machine_time() + Duration::from_mins(10));
    let policy =
        Policy { freeze_windows: vec![FreezeWindow { from, until, reason: "end of the quarter".to_owned() }], ..fixture::pool().policy };
    let world = World::with_policy(Arc::new(MembersOnly::default()), policy).await;
    let mira = world.signed_in().await;
    // The strip that says so, and the reason under each planned action.
    let shown = shown_when(&world, "/pools/chat-core", &mira, |page| page.contains("A freeze window is open until")).await;
    assert!(shown.contains("Planned operations are frozen: end of the quarter."), "{shown}");

    let form = filled(&world, &mira, TYPED).await;
    let back = location(&world.post("/operations", &form, Some(&mira)).await).to_owned();
    assert!(back.starts_with("/pools/chat-core/plan/members?problem=objections&"), "{back}");
    assert!(page(&world, &back, &mira).await.contains("Planned operations are frozen: end of the quarter."));
    let refused = world.store.entries(1).await.unwrap().remove(0);
    assert_eq!((refused.deed().as_code(), refused.outcome().as_code()), ("operation_requested", "refused"));
    assert_eq!(refused.detail["refusal"]["objections"][0]["because"], "freeze_window", "{}", refused.detail);

    let failover = page(&world, "/pools/chat-core/plan/failover", &mira).await;
    assert!(!failover.contains("frozen"), "an emergency asks for no convenient time");
    let (plan, planned_at) = (hidden(&failover, "plan"), hidden(&failover, "planned_at").replace(':', "%3A"));
    let form = format!("pool=chat-core&kind=failover&site=dc-b&plan={plan}&planned_at={planned_at}{TYPED}&accepts_loss=on");
    let begun = world.post("/operations", &form.replace("typed_site=dc-a", "typed_site=dc-b"), Some(&mira)).await;
    assert!(location(&begun).starts_with("/operations/op-"), "{}", location(&begun));

    world.pass(Duration::from_mins(11));
    let later = page(&world, PLAN, &mira).await;
    assert!(!later.contains("frozen"), "the window has closed");
}

#[tokio::test]
async fn forms_that_no_page_sends_begin_nothing_and_lead_to_a_page() {
    let world = World::with_hands(Arc::new(MembersOnly::default())).await;
    let mira = world.signed_in().await;
    for (form, leads_to) in [
        ("", "/"),
        ("pool=..%2F..%2Fevil", "/"),
        ("pool=nowhere", "/pools/nowhere/plan/switchover?problem=bad_form"),
        ("pool=chat-core", "/pools/chat-core/plan/switchover?problem=bad_form"),
        ("pool=chat-core&kind=switchover&plan=x&planned_at=yesterday", "/pools/chat-core/plan/switchover?problem=bad_form"),
        (
            "pool=chat-core&kind=failover&site=elsewhere&planned_at=2026-03-14T02%3A47%3A09Z",
            "/pools/chat-core/plan/failover?problem=bad_form&site=elsewhere",
        ),
    ] {
        assert_eq!(location(&world.post("/operations", form, Some(&mira)).await), leads_to, "{form}");
        assert_eq!(world.audit().await.last().unwrap(), "operation_requested refused bad_form", "{form}");
    }
    assert!(page(&world, "/operations", &mira).await.contains("No operations yet"));
}

#[tokio::test]
async fn without_a_session_nothing_is_begun_wished_answered_or_shown() {
    let world = World::with_hands(Arc::new(MembersOnly::default())).await;
    let mira = world.signed_in().await;
    let form = filled(&world, &mira, TYPED).await;
    for path in ["/operations", "/operations/op-0001/wish", "/operations/op-0001/answer"] {
        assert_eq!(world.post(path, &form, None).await.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
    for path in ["/operations", "/operations/op-0001", "/operations/op-0001/report", "/operations/op-0001/report.json", PLAN] {
        assert!(location(&world.get(path, None).await).starts_with("/sign-in"), "{path}");
    }
    assert_eq!(world.get("/live/operations/op-0001", None).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn an_operation_that_is_not_there_says_so() {
    let world = World::with_hands(Arc::new(MembersOnly::default())).await;
    let mira = world.signed_in().await;
    for path in
        ["/operations/op-9999", "/operations/nonsense", "/pools/chat-core/plan/sideways", "/pools/chat-core/plan/reprotect?site=dc-z"]
    {
        assert_eq!(world.get(path, Some(&mira)).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    for path in ["/live/operations/op-9999", "/live/operations/nonsense", "/operations/op-9999/report.json"] {
        assert_eq!(world.get(path, Some(&mira)).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(location(&world.get("/operations/op-9999/report", Some(&mira)).await), "/operations/op-9999");
    for (path, form) in [("wish", "wish=pause"), ("answer", "question=1&choice=retry")] {
        for (id, leads_to) in [("op-9999", "/operations/op-9999?problem=unknown_operation"), ("nonsense", "/operations")] {
            let answer = world.post(&format!("/operations/{id}/{path}"), form, Some(&mira)).await;
            assert_eq!(location(&answer), leads_to, "{path}");
            let trace = world.store.entries(1).await.unwrap().remove(0);
            assert_eq!((trace.deed().as_code(), trace.outcome().as_code()), (format!("operation_{path}").as_str(), "refused"));
            assert_eq!((trace.subject.as_str(), trace.detail["reason"].as_str()), (id, Some("unknown_operation")));
        }
    }
}

#[tokio::test]
async fn wishes_and_answers_that_fit_nothing_come_back_with_their_reason() {
    let world = World::with_hands(Arc::new(MembersOnly::default())).await;
    let mira = world.signed_in().await;
    let operation = location(&world.post("/operations", &filled(&world, &mira, TYPED).await, Some(&mira)).await).to_owned();
    ended(&world, &operation, &mira).await;
    for (path, form, problem) in [
        ("wish", "wish=pause", "ended"),
        ("wish", "wish=explode", "bad_form"),
        ("wish", "", "bad_form"),
        ("answer", "question=one&choice=retry", "bad_form"),
        ("answer", "question=1&choice=explode", "bad_form"),
    ] {
        let answer = world.post(&format!("{operation}/{path}"), form, Some(&mira)).await;
        assert_eq!(location(&answer), format!("{operation}?problem={problem}"), "{form}");
        assert_eq!(world.audit().await.last().unwrap(), &format!("operation_{path} refused {problem}"), "{form}");
    }
    let odd = world.post_as("text/plain", &format!("{operation}/wish"), "wish=pause", &mira).await;
    assert_eq!(location(&odd), format!("{operation}?problem=bad_form"));
    assert_eq!(world.audit().await.last().unwrap(), "operation_wish refused bad_form");
    let shown = page(&world, &format!("{operation}?problem=ended"), &mira).await;
    assert!(shown.contains("the operation has ended"), "the reason is told");
}
