//! The API for programs: who may ask, what is refused and how, and that refusals are remembered.

use crate::{
    control::MembersOnly,
    support::{ORIGIN, PASSWORD, World, ask_for, body, text},
};
use axum::body::Body;
use futures::StreamExt as _;
use http::{Method, Response, StatusCode, header};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use switchback_server::http::openapi;

/// What may be asked without a session; every other route must refuse.
const OPEN: [(&str, &str); 2] = [("post", "/api/v1/session"), ("get", "/api/v1/openapi.json")];

/// Every route of the API, with its method in small letters.
fn routes() -> Vec<(String, String)> {
    let document = openapi();
    let paths = document["paths"].as_object().unwrap();
    paths.iter().flat_map(|(path, methods)| methods.as_object().unwrap().keys().map(|method| (method.clone(), path.clone()))).collect()
}

fn example_of(path: &str) -> String {
    path.replace("{pool}", "chat-core").replace("{id}", "op-0042").replace("{name}", "lost-rows-a1.jsonl")
}

/// A program that has signed in.
pub struct Program<'a> {
    pub world: &'a World,
    pub token: String,
}

impl Program<'_> {
    pub async fn of(world: &World) -> Program<'_> {
        world.signed_in().await;
        let signed_in = sign_in(world, "mira", PASSWORD).await;
        assert_eq!(signed_in.status(), StatusCode::CREATED);
        assert!(signed_in.headers().get(header::SET_COOKIE).is_none(), "a program has no use for a cookie");
        let token = json_of(signed_in).await["token"].as_str().unwrap().to_owned();
        Program { world, token }
    }

    fn asks(&self, method: Method, path: &str) -> http::request::Builder {
        let authorization = format!("Bearer {}", self.token);
        ask_for(method, &format!("/api/v1{path}"), None).header(header::AUTHORIZATION, authorization)
    }

    /// The same program with another session, if it gets one.
    pub async fn anew(self) -> Self {
        let signed_in = sign_in(self.world, "mira", PASSWORD).await;
        if signed_in.status() != StatusCode::CREATED {
            return self;
        }
        Program { token: json_of(signed_in).await["token"].as_str().unwrap().to_owned(), ..self }
    }

    /// The status of an answer to a request as it is: these headers instead of the usual ones of their names, and no token for signing in.
    pub async fn status(&self, method: &str, path: &str, headers: &[(&str, &str)], text: &str) -> u16 {
        let authorization = format!("Bearer {}", self.token);
        let mut usual = vec![("host", "127.0.0.1:8480"), ("content-type", "application/json")];
        if !path.contains("/session") {
            usual.push(("authorization", &authorization));
        }
        usual.retain(|(name, _)| !headers.iter().any(|(other, _)| other == name));
        let mut request = http::Request::builder().method(method).uri(path);
        for (name, value) in usual.iter().chain(headers) {
            request = request.header(*name, *value);
        }
        self.world.ask(request.body(Body::from(text.to_owned())).unwrap()).await.status().as_u16()
    }

    pub async fn get(&self, path: &str) -> Response<Body> {
        self.world.ask(self.asks(Method::GET, path).body(Body::empty()).unwrap()).await
    }

    pub async fn send(&self, path: &str, headers: &[(&str, &str)], text: impl Into<String>) -> Response<Body> {
        let mut request = self.asks(Method::POST, path);
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.world.ask(request.body(Body::from(text.into())).unwrap()).await
    }

    /// A request for what was planned just now, well-formed and allowed.
    pub async fn request_for(&self, intent: Value) -> Value {
        let planned = json_of(self.send("/pools/chat-core/plans", &[], intent.to_string()).await).await;
        let advice = json!({"because": "situation", "objection": {"active_site_answers": {"side": "a"}}});
        let in_the_way = planned["plan"]["objections"].as_array().unwrap().iter().find(|objection| **objection != advice);
        assert_eq!(in_the_way, None, "{planned}");
        let side = intent["to"].as_str().or(intent["side"].as_str()).unwrap_or("a");
        json!({
            "pool": "chat-core", "intent": intent, "plan": planned["hash"], "planned_at": planned["plan"]["made_at"],
            "reason": "drill", "typed_pool": "chat-core", "typed_site": format!("dc-{side}"),
        })
    }

    pub async fn operation_when(&self, id: &str, is: impl Fn(&Value) -> bool) -> Value {
        self.when(&format!("/operations/{id}"), is).await
    }

    /// The answer, once it is what the test waits for.
    #[expect(clippy::disallowed_methods, reason = "the test waits for the driver")]
    pub async fn when(&self, path: &str, is: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..200 {
            let answer = json_of(self.get(path).await).await;
            if is(&answer) {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{path} did not get there");
    }
}

async fn sign_in(world: &World, login: &str, password: &str) -> Response<Body> {
    let request = ask_for(Method::POST, "/api/v1/session", None).header(header::CONTENT_TYPE, "application/json");
    world.ask(request.body(Body::from(json!({ "login": login, "password": password }).to_string())).unwrap()).await
}

pub async fn json_of(response: Response<Body>) -> Value {
    serde_json::from_str(&body(response).await).unwrap()
}

/// The problem of an answer, after a look at its form.
async fn problem(response: Response<Body>) -> (u16, String, Value) {
    let status = response.status().as_u16();
    assert_eq!(text(response.headers(), "content-type"), "application/problem+json", "{response:?}");
    let problem = json_of(response).await;
    let code = problem["code"].as_str().unwrap().to_owned();
    assert_eq!(problem["status"], status, "{problem}");
    assert_eq!(problem["type"], format!("urn:switchback:problem:{code}"));
    assert!(problem["title"].is_string() && problem["detail"].is_string(), "{problem}");
    (status, code, problem)
}

fn drain() -> Value {
    json!({"kind": "members", "changes": [{"side": "a", "member": "member-a1", "to": "drain"}]})
}

#[tokio::test]
async fn every_route_of_the_api_refuses_whoever_is_not_signed_in() {
    let world = World::new().await;
    world.signed_in().await;
    let all = routes();
    assert!(all.contains(&("post".to_owned(), "/api/v1/operations".to_owned())), "{all:?}");
    for open in OPEN {
        assert!(all.contains(&(open.0.to_owned(), open.1.to_owned())), "{open:?} is not there any more");
    }
    for (method, path) in all.iter().filter(|(method, path)| !OPEN.contains(&(method.as_str(), path.as_str()))) {
        let who: [&[(&str, &str)]; 6] = [
            &[],
            &[("authorization", "Bearer deadbeef")],
            &[("authorization", "Bearer ")],
            &[("authorization", "Basic bWlyYTptaXJh")],
            &[("cookie", "__Host-switchback=deadbeef"), ("origin", ORIGIN)],
            &[("authorization", "Bearer deadbeef"), ("cookie", "__Host-switchback=deadbeef")],
        ];
        for headers in who {
            let method: Method = method.to_uppercase().parse().unwrap();
            let mut request = ask_for(method.clone(), &example_of(path), None).header(header::CONTENT_TYPE, "application/json");
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let response = world.ask(request.body(Body::from("{}")).unwrap()).await;
            assert_eq!(text(response.headers(), "www-authenticate"), "Bearer", "{method} {path} {headers:?}");
            let (status, code, _) = problem(response).await;
            assert_eq!((status, code.as_str()), (401, "not_signed_in"), "{method} {path} {headers:?}");
        }
    }
}

#[tokio::test]
async fn every_route_that_is_described_is_there() {
    let world = World::new().await;
    let program = Program::of(&world).await;
    for (method, path) in routes().into_iter().filter(|route| *route != ("delete".to_owned(), "/api/v1/session".to_owned())) {
        let request = program.asks(method.to_uppercase().parse().unwrap(), example_of(&path).trim_start_matches("/api/v1"));
        let response = world.ask(request.body(Body::empty()).unwrap()).await;
        assert_ne!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
        if response.status() == StatusCode::NOT_FOUND {
            assert_ne!(problem(response).await.1, "not_found", "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_token_is_a_session_and_ends_like_one() {
    let world = World::new().await;
    let program = Program::of(&world).await;
    assert_eq!(program.get("/pools").await.status(), StatusCode::OK);
    let page = ask_for(Method::GET, "/", None).header(header::AUTHORIZATION, format!("Bearer {}", program.token));
    assert_eq!(world.ask(page.body(Body::empty()).unwrap()).await.status(), StatusCode::SEE_OTHER, "a token opens no pages");
    let out = program.asks(Method::DELETE, "/session").body(Body::empty()).unwrap();
    assert_eq!(world.ask(out).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(program.get("/pools").await.status(), StatusCode::UNAUTHORIZED);
    assert!(world.audit().await.iter().any(|entry| entry.starts_with("sign_out done")), "{:?}", world.audit().await);
}

#[tokio::test]
async fn signing_in_by_a_program_is_limited_and_written_down_like_that_of_a_person() {
    let world = World::new().await;
    world.signed_in().await;
    let (status, code, _) = problem(sign_in(&world, "mira", "wrong wrong wrong").await).await;
    assert_eq!((status, code.as_str()), (401, "wrong"));
    assert!(world.audit().await.iter().any(|entry| entry.starts_with("sign_in refused")), "{:?}", world.audit().await);
    let mut slowed = false;
    for _ in 0..30 {
        slowed |= sign_in(&world, "mira", "wrong wrong wrong").await.status() == StatusCode::TOO_MANY_REQUESTS;
    }
    assert!(slowed, "nobody may try without end");
}

#[tokio::test]
async fn a_cookie_alone_changes_nothing_from_elsewhere() {
    let world = World::new().await;
    let mira = world.signed_in().await;
    let plans = "/api/v1/pools/chat-core/plans";
    let with = |origin: Option<&str>| {
        let mut request = ask_for(Method::POST, plans, Some(&mira)).header(header::CONTENT_TYPE, "application/json");
        if let Some(origin) = origin {
            request = request.header(header::ORIGIN, origin);
        }
        request.body(Body::from(r#"{"kind":"switchover","to":"b"}"#)).unwrap()
    };
    for elsewhere in [None, Some("https://evil.example"), Some("null")] {
        let (status, code, _) = problem(world.ask(with(elsewhere)).await).await;
        assert_eq!((status, code.as_str()), (403, "other_origin"), "{elsewhere:?}");
    }
    assert_eq!(world.ask(with(Some(ORIGIN))).await.status(), StatusCode::OK);
    let spoilt = ask_for(Method::GET, "/api/v1/pools", Some(&mira)).header(header::AUTHORIZATION, "Bearer deadbeef");
    let spoilt = world.ask(spoilt.body(Body::empty()).unwrap()).await;
    assert_eq!(spoilt.status(), StatusCode::UNAUTHORIZED, "a bad token is not made good by a cookie");
}

#[tokio::test]
async fn refused_input_is_told_clearly_and_leaves_a_trace() {
    let world = World::with_hands(Arc::new(MembersOnly::default())).await;
    let program = Program::of(&world).await;
    let good = program.request_for(json!({"kind": "switchover", "to": "b"})).await;
    let failover = program.request_for(json!({"kind": "failover", "to": "b"})).await;
    let with = |request: &Value, field: &str, value: Value| {
        let mut changed = request.clone();
        changed[field] = value;
        changed.to_string()
    };
    let long_ago = (world.console.now() - Duration::from_mins(6)).to_string();
    let mut unknown_field = good.clone();
    unknown_field["force"] = json!(true);
    let cases: Vec<(&str, String, u16, &str)> = vec![
        ("wrong pool", with(&good, "typed_pool", json!("chat-cor")), 422, "wrong_pool"),
        ("wrong site", with(&good, "typed_site", json!("dc-a")), 422, "wrong_site"),
        ("no reason", with(&good, "reason", json!(" ")), 422, "no_reason"),
        ("long reason", with(&good, "reason", json!("x".repeat(1_001))), 422, "too_long"),
        ("expired plan", with(&good, "planned_at", json!(long_ago)), 410, "plan_expired"),
        ("stale plan", with(&good, "plan", json!("0".repeat(64))), 409, "plan_changed"),
        ("loss not accepted", failover.to_string(), 422, "loss_not_accepted"),
        ("unknown pool", with(&good, "pool", json!("nowhere")), 404, "unknown_pool"),
        ("no pool's name", with(&good, "pool", json!("../etc")), 400, "malformed"),
        ("unknown field", unknown_field.to_string(), 400, "unknown_field"),
        ("half a request", good.to_string()[..60].to_owned(), 400, "malformed"),
        ("nothing", String::new(), 400, "malformed"),
        ("no object", "[]".to_owned(), 400, "malformed"),
        ("a bottomless one", "[".repeat(10_000), 400, "malformed"),
    ];
    for (what, sent, status, code) in cases {
        let before = world.audit().await.len();
        let (told_status, told_code, told) = problem(program.send("/operations", &[], sent).await).await;
        assert_eq!((told_status, told_code.as_str()), (status, code), "{what}: {told}");
        let audit = world.audit().await;
        assert_eq!(audit.len(), before + 1, "{what}: {audit:?}");
        assert!(audit.last().unwrap().starts_with(&format!("operation_requested refused {code}")), "{what}: {audit:?}");
    }
    let (_, _, told) = problem(program.send("/operations", &[], with(&good, "typed_site", json!("x"))).await).await;
    assert_eq!(told["expected"], "dc-b");
    let (_, _, told) = problem(program.send("/operations", &[], "{\n  \"pool\": 7").await).await;
    assert_eq!((told["line"].as_u64(), told["column"].as_u64()), (Some(2), Some(11)), "{told}");

    let elsewhere: [(&str, &str, u16, &str, &str); 5] = [
        ("/pools/nowhere/plans", r#"{"kind":"switchover","to":"b"}"#, 404, "unknown_pool", "operation_planned"),
        ("/pools/chat-core/plans", r#"{"kind":"explode"}"#, 400, "malformed", "operation_planned"),
        ("/operations/op-9999/wishes", r#"{"wish":"pause"}"#, 404, "unknown_operation", "operation_wish"),
        ("/operations/op-9999/wishes", r#"{"wish":"explode"}"#, 400, "malformed", "operation_wish"),
        ("/operations/nonsense/answers", r#"{"question":1,"choice":"retry"}"#, 404, "unknown_operation", "operation_answer"),
    ];
    for (path, sent, status, code, action) in elsewhere {
        let (told_status, told_code, told) = problem(program.send(path, &[], sent).await).await;
        assert_eq!((told_status, told_code.as_str()), (status, code), "{path}: {told}");
        let audit = world.audit().await;
        assert!(audit.last().unwrap().starts_with(&format!("{action} refused {code}")), "{path}: {audit:?}");
    }
    assert_eq!(json_of(program.get("/operations").await).await, json!([]), "nothing has happened");
}

#[tokio::test]
async fn what_never_reaches_a_handler_has_the_same_form() {
    let world = World::new().await;
    let program = Program::of(&world).await;
    let send = async |path: &str, headers: &[(&str, &str)], text: String| problem(program.send(path, headers, text).await).await;
    let plans = "/pools/chat-core/plans";
    let (status, code, _) = send(plans, &[("content-type", "text/plain")], "{}".to_owned()).await;
    assert_eq!((status, code.as_str()), (415, "unsupported_media_type"));
    let (status, code, _) = send(plans, &[("content-length", "70000")], "x".repeat(70_000)).await;
    assert_eq!((status, code.as_str()), (413, "too_large"));
    let (status, code, _) = send(plans, &[], "x".repeat(70_000)).await;
    assert_eq!((status, code.as_str()), (413, "too_large"), "without a length told beforehand");
    let (status, code, _) = send("/pools", &[], "{}".to_owned()).await;
    assert_eq!((status, code.as_str()), (405, "method_not_allowed"));
    let (status, code, _) = problem(program.get("/nowhere").await).await;
    assert_eq!((status, code.as_str()), (404, "not_found"));
    let (status, code, _) = problem(program.get("/pools/nowhere").await).await;
    assert_eq!((status, code.as_str()), (404, "unknown_pool"));
    let (status, code, _) = problem(program.get("/operations?most=many").await).await;
    assert_eq!((status, code.as_str()), (400, "malformed"));
    let (status, code, _) = problem(program.get("/operations?pol=chat-core").await).await;
    assert_eq!((status, code.as_str()), (400, "malformed"), "a misspelt filter must not mean everything");
    let long = format!("/pools?{}", "x".repeat(3_000));
    assert_eq!(problem(program.get(&long).await).await.1, "address_too_long");
}

#[tokio::test]
async fn the_same_key_begins_one_operation() {
    let world = World::with_hands(Arc::new(MembersOnly::default())).await;
    let program = Program::of(&world).await;
    let request = program.request_for(drain()).await;
    let key = [("idempotency-key", "monday-1")];
    let both = tokio::join!(program.send("/operations", &key, request.to_string()), program.send("/operations", &key, request.to_string()));
    let mut ids = Vec::new();
    for response in [both.0, both.1] {
        assert_eq!(response.status(), StatusCode::CREATED);
        let location = text(response.headers(), "location").to_owned();
        let id = json_of(response).await["id"].as_str().unwrap().to_owned();
        assert_eq!(location, format!("/api/v1/operations/{id}"));
        ids.push(id);
    }
    assert_eq!(ids[0], ids[1]);
    program.operation_when(&ids[0], |operation| operation["stage"]["stage"] == "finished").await;
    let spaced = serde_json::to_string_pretty(&request).unwrap();
    assert_eq!(
        json_of(program.send("/operations", &key, spaced).await).await["id"],
        ids[0],
        "also after it has ended, and written otherwise"
    );

    let mut other = request.clone();
    other["reason"] = json!("something else");
    let (status, code, _) = problem(program.send("/operations", &key, other.to_string()).await).await;
    assert_eq!((status, code.as_str()), (422, "idempotency_key_reused"));
    assert!(world.audit().await.last().unwrap().starts_with("operation_requested refused idempotency_key_reused"));
    for bad in ["", &"x".repeat(201)] {
        let (status, code, _) = problem(program.send("/operations", &[("idempotency-key", bad)], request.to_string()).await).await;
        assert_eq!((status, code.as_str()), (400, "bad_idempotency_key"));
    }
    assert_eq!(json_of(program.get("/operations?pool=chat-core").await).await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_operation_can_be_asked_for_watched_and_reported() {
    let world = World::with_hands(Arc::new(MembersOnly::default())).await;
    let program = Program::of(&world).await;
    let request = program.request_for(drain()).await;
    let id = json_of(program.send("/operations", &[], request.to_string()).await).await["id"].as_str().unwrap().to_owned();
    let operation = program.operation_when(&id, |operation| operation["stage"]["stage"] == "finished").await;
    assert_eq!(operation["stage"]["outcome"]["outcome"], "done", "{operation}");
    assert_eq!(operation["steps"][0]["state"]["state"], "done");

    let events = program.get(&format!("/operations/{id}/events")).await;
    assert_eq!(text(events.headers(), "content-type"), "text/event-stream");
    assert!(events.headers().get(header::CONTENT_ENCODING).is_none(), "a compressor would hold events back");
    let first = events.into_body().into_data_stream().next().await.unwrap().unwrap();
    let first = String::from_utf8(first.to_vec()).unwrap();
    assert!(first.contains("event: whole\n") && first.contains(&format!("\"id\":\"{id}\"")), "{first}");

    let report = json_of(program.get(&format!("/operations/{id}/report")).await).await;
    assert_eq!((report["id"].as_str(), report["reason"].as_str()), (Some(id.as_str()), Some("drill")));
    let (status, code, _) = problem(program.send(&format!("/operations/{id}/wishes"), &[], r#"{"wish":"cancel"}"#).await).await;
    assert_eq!((status, code.as_str()), (409, "ended"));
}

#[tokio::test]
async fn a_change_of_members_that_is_cancelled_gives_them_back_what_they_did() {
    let control = Arc::new(MembersOnly { stubborn: Some("member-b2".parse().unwrap()), ..MembersOnly::default() });
    let world = World::with_hands(Arc::clone(&control) as Arc<dyn switchback_engine::ports::EngineControl>).await;
    let program = Program::of(&world).await;
    let change = |member: &str| json!({"side": "b", "member": member, "to": "maintenance"});
    let mut request = program.request_for(json!({"kind": "members", "changes": [change("member-b1"), change("member-b2")]})).await;
    request["typed_site"] = json!("dc-b");
    let id = json_of(program.send("/operations", &[], request.to_string()).await).await["id"].as_str().unwrap().to_owned();
    program.operation_when(&id, |operation| operation["steps"][1]["state"]["state"] == "running").await;
    assert_eq!(control.told.lock().unwrap()[&"member-b1".parse().unwrap()], switchback_domain::MemberState::Maintenance);
    let wish = program.send(&format!("/operations/{id}/wishes"), &[], r#"{"wish":"cancel"}"#).await;
    assert_eq!(wish.status(), StatusCode::NO_CONTENT);
    let ended = program.operation_when(&id, |operation| operation["stage"]["stage"] == "finished").await;
    assert_eq!(ended["stage"]["outcome"]["outcome"], "undone", "{ended}");
    assert_eq!(ended["stage"]["outcome"]["stays"], json!([]), "{ended}");
    // They were up and told to take no sessions, which is what they are told again.
    let told = control.told.lock().unwrap().values().copied().collect::<Vec<_>>();
    assert_eq!(told, [switchback_domain::MemberState::Draining; 2]);
}

#[tokio::test]
async fn one_operation_of_a_pool_at_a_time_and_its_question_is_answered_once() {
    let world = World::with_hands(Arc::new(MembersOnly::default())).await;
    let program = Program::of(&world).await;
    let mut request = program.request_for(json!({"kind": "failover", "to": "b"})).await;
    request["accepts_loss"] = json!(true);
    let other = program.request_for(drain()).await;
    let id = json_of(program.send("/operations", &[], request.to_string()).await).await["id"].as_str().unwrap().to_owned();
    let asks = program.operation_when(&id, |operation| operation["stage"]["stage"] == "needs_person").await;
    let (status, code, told) = problem(program.send("/operations", &[], other.to_string()).await).await;
    assert_eq!((status, code.as_str(), told["operation"].as_str()), (409, "operation_runs", Some(id.as_str())), "{told}");

    let question = asks["stage"]["question"]["number"].as_u64().unwrap();
    let answers = format!("/operations/{id}/answers");
    let answer = async |question: u64, choice: &str, reason: &str| {
        program.send(&answers, &[], json!({"question": question, "choice": choice, "reason": reason}).to_string()).await
    };
    assert_eq!(problem(answer(question + 7, "retry", "").await).await.1, "no_such_question");
    assert_eq!(problem(answer(question, "skip", "no").await).await.1, "not_offered", "{asks}");
    assert_eq!(problem(answer(question, "attest", " ").await).await.1, "no_reason");
    assert_eq!(answer(question, "undo", "a drill").await.status(), StatusCode::NO_CONTENT);
    let ended = program.operation_when(&id, |operation| operation["stage"]["stage"] == "finished").await;
    assert_eq!(ended["stage"]["outcome"]["outcome"], "undone", "{ended}");
    assert!(problem(answer(question, "undo", "again").await).await.0 == 409);
}
