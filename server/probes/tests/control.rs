//! Orders to servers that answer as real ones were heard to, and against those that do not.

#![expect(clippy::unwrap_used, reason = "a test may fail anywhere")]

mod support;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use support::{haproxy_target, http, http_target, nobody, say, serve, silent};
use switchback_domain::{
    EndpointName, MemberState, Millis, Node, Pair, PatroniRole, PatroniState, ProbeFailure, Side, operation::MemberOrder,
};
use switchback_engine::ports::{ClusterMode, ControlError, EngineControl};
use switchback_probes::{ControlTargets, Credentials, EtcdKeyTarget, HttpTarget, PoolControl, StandbySection};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// What a fake server was asked: the head, and the body as JSON.
type Asked = Arc<Mutex<Vec<(String, Value)>>>;

fn name(text: &str) -> EndpointName {
    text.parse().unwrap()
}

fn node(of: &str) -> Node {
    Node { name: of.parse().unwrap(), patroni: name("patroni"), postgres: name("postgres") }
}

fn section() -> StandbySection {
    StandbySection {
        host: "198.18.1.11,198.18.1.12".to_owned(),
        port: 5432,
        primary_slot_name: "site_b".to_owned(),
        restore_command: Some("../restore-wal.sh %f %p".to_owned()),
        archive_cleanup_command: None,
        recovery_min_apply_delay: None,
        create_replica_methods: vec!["basebackup".to_owned()],
    }
}

fn credentials() -> Credentials {
    Credentials { username: "switchback".to_owned(), password: "not-a-secret".into() }
}

/// Control of which only Patroni and etcd are there, both at `address`; the section is that of the second site.
fn control(address: SocketAddr) -> PoolControl {
    let target = || HttpTarget { credentials: Some(credentials()), ..http_target(format!("http://{address}")) };
    let targets = ControlTargets {
        patroni: vec![(name("patroni"), target())],
        etcd: vec![(name("etcd"), EtcdKeyTarget { http: target(), key: "/service/pool-b/config".to_owned() })],
        haproxy: vec![(name("haproxy"), haproxy_target(address))],
        standby: Pair { a: None, b: Some(section()) },
        ..ControlTargets::default()
    };
    PoolControl::new(targets).unwrap()
}

/// Reads one request to the end of its body.
async fn request(stream: &mut TcpStream) -> (String, Value) {
    let mut seen = Vec::new();
    let mut byte = [0];
    while !seen.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte).await, Ok(1)) {
        seen.push(byte[0]);
    }
    let head = String::from_utf8(seen).unwrap().to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    (head, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

/// A server that answers the n-th request, counted from zero, with `answer(n, path, body)`, and closes as Patroni does.
async fn answering(answer: impl Fn(usize, &str, &Value) -> String + Send + Sync + 'static) -> (SocketAddr, Asked) {
    let (answer, asked) = (Arc::new(answer), Asked::default());
    let log = Arc::clone(&asked);
    let address = serve(move |mut stream| {
        let (answer, log) = (Arc::clone(&answer), Arc::clone(&log));
        async move {
            let (head, body) = request(&mut stream).await;
            let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
            let text = {
                let mut log = log.lock().unwrap();
                log.push((head, body.clone()));
                answer(log.len() - 1, &path, &body)
            };
            let _ = stream.write_all(text.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    })
    .await;
    (address, asked)
}

/// Patroni's servers say 1.0 and no length; what ends is the connection.
fn patroni(status: &str, body: &str) -> String {
    format!("HTTP/1.0 {status}\r\nServer: BaseHTTP/0.6 Python/3.11.2\r\nContent-Type: text/html\r\n\r\n{body}")
}

fn said(outcome: Result<impl std::fmt::Debug, ControlError>) -> String {
    match outcome {
        Err(ControlError::Refused { said, .. }) => said,
        other => panic!("not refused: {other:?}"),
    }
}

fn failure(outcome: Result<impl std::fmt::Debug, ControlError>) -> ProbeFailure {
    match outcome {
        Err(ControlError::Failed { failure, .. }) => failure,
        other => panic!("not failed: {other:?}"),
    }
}

#[tokio::test]
async fn to_follow_the_complete_section_is_sent_at_once_with_the_password() {
    let (address, asked) = answering(|_, _, _| patroni("200 OK", r#"{"ttl": 20, "standby_cluster": {}}"#)).await;
    let control = control(address);
    control.follow(&node("b1"), Side::B).await.unwrap();
    control.lead(&node("b1")).await.unwrap();
    let asked = asked.lock().unwrap().clone();
    let (head, body) = &asked[0];
    assert!(head.starts_with("patch /config "), "{head}");
    assert!(head.contains("authorization: basic "), "no round trip is lost to be asked for the password");
    let expected = json!({"standby_cluster": {
        "host": "198.18.1.11,198.18.1.12", "port": 5432, "primary_slot_name": "site_b",
        "restore_command": "../restore-wal.sh %f %p", "archive_cleanup_command": null, "recovery_min_apply_delay": null,
        "create_replica_methods": ["basebackup"],
    }});
    assert_eq!(*body, expected);
    assert_eq!(asked[1].1, json!({"standby_cluster": null}));
    assert_eq!(asked.len(), 2);
}

#[tokio::test]
async fn a_site_whose_section_is_not_configured_is_not_told_anything() {
    let (address, asked) = answering(|_, _, _| patroni("200 OK", "{}")).await;
    let control = control(address);
    assert!(said(control.follow(&node("a1"), Side::A).await).contains("[pool.site.standby_cluster]"));
    assert!(said(control.follow_in_etcd(&name("etcd"), Side::A).await).contains("[pool.site.standby_cluster]"));
    assert!(said(control.members(&name("elsewhere")).await).contains("not configured"));
    assert_eq!(asked.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn a_change_that_another_one_came_before_is_tried_again_but_not_forever() {
    let conflict = || patroni("409 Conflict", "<html><body><h1>Error response</h1></body></html>");
    let (address, asked) = answering(move |n, _, _| if n < 2 { conflict() } else { patroni("200 OK", "{}") }).await;
    control(address).lead(&node("b1")).await.unwrap();
    assert_eq!(asked.lock().unwrap().len(), 3);

    let (address, asked) = answering(move |_, _, _| conflict()).await;
    // An earlier try of Patroni's own may have been written.
    assert_eq!(failure(control(address).lead(&node("b1")).await), ProbeFailure::Status { code: 409 });
    assert_eq!(asked.lock().unwrap().len(), 5);
}

/// Patroni has taken the order, finds its own change in etcd, and says that another one came before. What is said to the next try says
/// nothing of that any more.
#[tokio::test]
async fn after_a_try_that_may_have_been_taken_no_refusal_is_certain() {
    let conflict = || patroni("409 Conflict", "<html><body><h1>Error response</h1></body></html>");
    let after = async |tries: usize, then: String| {
        let (address, asked) = answering(move |n, _, _| if n < tries { conflict() } else { then.clone() }).await;
        let outcome = control(address).lead(&node("b1")).await;
        assert_eq!(asked.lock().unwrap().len(), tries + 1);
        outcome
    };
    for then in [patroni("401 Unauthorized", "not authenticated"), patroni("503 Service Unavailable", ""), String::new()] {
        for tries in 1..5 {
            failure(after(tries, then.clone()).await);
        }
    }
    assert_eq!(said(after(0, patroni("401 Unauthorized", "not authenticated")).await), "status 401: not authenticated");
}

#[tokio::test]
async fn who_says_no_is_told_apart_from_who_says_nothing_usable() {
    let outcome = async |answer: String| {
        let (address, _) = answering(move |_, _, _| answer.clone()).await;
        control(address).follow(&node("b1"), Side::B).await
    };
    assert_eq!(said(outcome(patroni("401 Unauthorized", "not authenticated")).await), "status 401: not authenticated");
    assert_eq!(said(outcome(patroni("403 Forbidden", "client certificate required")).await), "status 403: client certificate required");
    let page = "<!DOCTYPE HTML>\n<html lang=\"en\"><body>Error code: 503</body></html>";
    // Somebody in between may have sent the order on.
    assert_eq!(failure(outcome(patroni("503 Service Unavailable", page)).await), ProbeFailure::Status { code: 503 });
    assert_eq!(failure(outcome(patroni("408 Request Timeout", page)).await), ProbeFailure::Status { code: 408 });
    for (status, code) in [("404 Not Found", 404), ("401 Unauthorized", 401), ("501 Not Implemented", 501)] {
        assert_eq!(failure(outcome(patroni(status, page)).await), ProbeFailure::Status { code }, "Patroni says no without a page");
    }
    assert_eq!(failure(outcome(patroni("505 HTTP Version Not Supported", "")).await), ProbeFailure::Status { code: 505 });
    let long = said(outcome(patroni("400 Bad Request", &"a\u{7}\n".repeat(10_000))).await);
    assert!(long.chars().count() == 200 && !long.contains(char::is_control), "{long:?}");

    assert_eq!(failure(outcome(patroni("502 Bad Gateway", "")).await), ProbeFailure::Status { code: 502 });
    assert_eq!(failure(outcome(patroni("200 OK", "<html>Welcome to nginx!</html>")).await), ProbeFailure::Garbage);
    assert_eq!(failure(outcome(patroni("200 OK", "")).await), ProbeFailure::CutShort);
    assert_eq!(failure(outcome("HTTP/1.0 302 Found\r\nLocation: http://198.18.9.9/\r\n\r\n".to_owned()).await), ProbeFailure::Redirected);
    assert_eq!(failure(outcome(String::new()).await), ProbeFailure::CutShort);
    // An order for which there was no connection was not sent, one whose connection was cut off may have been taken.
    let not_sent = control(nobody().await).lead(&node("b1")).await;
    assert!(matches!(&not_sent, Err(ControlError::NotSent { failure: ProbeFailure::Refused, .. })), "{not_sent:?}");
    assert_eq!(failure(control(nobody().await).cluster_mode(&node("b1")).await), ProbeFailure::Refused, "a question is no order");
}

#[tokio::test]
async fn an_order_that_is_not_answered_is_given_up_after_five_seconds() {
    let control = control(silent().await);
    let began = Instant::now();
    assert_eq!(failure(control.lead(&node("b1")).await), ProbeFailure::TimedOut { after: Millis(5_000) });
    assert!(began.elapsed() < Duration::from_secs(7));
}

#[tokio::test]
async fn a_member_that_does_not_answer_is_asked_no_more_than_twice_at_a_time() {
    let waiting = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&waiting);
    let address = serve(move |mut stream| {
        let counter = Arc::clone(&counter);
        async move {
            request(&mut stream).await;
            // Its thread is busy, whether somebody still listens or not.
            counter.fetch_add(1, Ordering::Relaxed);
            std::future::pending::<()>().await;
        }
    })
    .await;
    let (control, node) = (control(address), node("b1"));
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(1_700) {
        assert_eq!(failure(control.status(&node).await), ProbeFailure::TimedOut { after: Millis(700) });
    }
    assert_eq!(waiting.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn what_a_member_says_about_itself_is_read_as_it_is() {
    let stopping =
        r#"{"state": "stopping", "role": "primary", "timeline": 4, "patroni": {"version": "4.1.5", "scope": "pool-a", "name": "a1"}}"#;
    let (address, asked) = answering(|_, _, _| patroni("503 Service Unavailable", stopping)).await;
    let status = control(address).status(&node("a1")).await.unwrap();
    assert_eq!(
        (status.role, status.state.clone(), status.said.as_str()),
        (PatroniRole::Primary, PatroniState::Stopping, "primary, stopping")
    );
    assert_eq!(status.timeline.unwrap().0, 4);
    assert!(!status.may_write());
    assert!(asked.lock().unwrap()[0].0.starts_with("get /patroni "), "and nothing else is asked for");
}

#[tokio::test]
async fn a_cluster_is_told_what_its_configuration_says() {
    let (address, _) = answering(|n, path, _| {
        assert_eq!(path, "/config");
        let held = json!({"host": "127.0.0.1", "port": 1});
        let section = [json!({"host": "198.18.1.11", "port": 5432}), Value::Null, json!({"host": null, "port": null}), held][n].clone();
        patroni("200 OK", &json!({"ttl": 20, "standby_cluster": section}).to_string())
    })
    .await;
    let (control, node) = (control(address), node("b1"));
    for expected in [ClusterMode::Standby, ClusterMode::Primary, ClusterMode::Primary, ClusterMode::Held] {
        assert_eq!(control.cluster_mode(&node).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn a_switchover_has_succeeded_only_when_patroni_says_so() {
    let outcome = async |status: &'static str, body: &'static str| {
        let (address, asked) = answering(move |_, _, _| patroni(status, body)).await;
        let outcome = control(address).switch_in_site(&node("a1"), &node("a2")).await;
        let (head, order) = asked.lock().unwrap()[0].clone();
        assert!(head.starts_with("post /switchover "), "{head}");
        assert_eq!(order, json!({"leader": "a1", "candidate": "a2"}));
        outcome
    };
    outcome("200 OK", "Successfully switched over to \"a2\"").await.unwrap();
    let no = "candidate name does not match with sync_standby";
    assert_eq!(said(outcome("412 Precondition Failed", no).await), format!("status 412: {no}"));
    assert_eq!(said(outcome("503 Service Unavailable", "Switchover failed").await), "status 503: Switchover failed");
    // Something has happened, or is about to: nobody may take that for a no.
    let unknown = "Switchover status unknown after 20 seconds; operation may still be in progress";
    assert_eq!(failure(outcome("503 Service Unavailable", unknown).await), ProbeFailure::Status { code: 503 });
    assert_eq!(failure(outcome("200 OK", "Switched over to \"a3\" instead of \"a2\"").await), ProbeFailure::Status { code: 200 });
    assert_eq!(failure(outcome("200 OK", "<html>").await), ProbeFailure::Garbage);

    let (address, asked) = answering(|_, _, _| patroni("200 OK", "Successfully failed over to \"a1\"")).await;
    control(address).elect(&node("a1")).await.unwrap();
    let (head, order) = asked.lock().unwrap()[0].clone();
    assert!(head.starts_with("post /failover "), "{head}");
    assert_eq!(order, json!({"candidate": "a1"}));
}

const HEADER: &str = r#"{"cluster_id":"6613971099640539016","member_id":"14293658034904894613","revision":"68","raft_term":"2"}"#;
const AUTH_OFF: &str =
    r#"{"error":"etcdserver: authentication is not enabled","message":"etcdserver: authentication is not enabled","code":9}"#;

/// What etcd 3.4 answers to a range with one key.
fn stored(config: &Value, revision: u32) -> String {
    let value = STANDARD.encode(config.to_string());
    let body = format!(
        r#"{{"header":{HEADER},"kvs":[{{"key":"L3NlcnZpY2UvcG9vbC1iL2NvbmZpZw==","create_revision":"8","mod_revision":"{revision}","version":"1","value":"{value}"}}],"count":"1"}}"#
    );
    http("200 OK", &body)
}

fn etcd(body: &str) -> String {
    http("200 OK", &body.replace("HEADER", HEADER))
}

/// An etcd without passwords that answers everything else with `answer`.
async fn open_etcd(answer: impl Fn(&str, &Value) -> String + Send + Sync + 'static) -> (SocketAddr, Asked) {
    answering(move |_, path, body| match path {
        "/v3/auth/authenticate" => http("412 Precondition Failed", AUTH_OFF),
        _ => answer(path, body),
    })
    .await
}

#[tokio::test]
async fn a_section_is_put_into_etcd_and_everything_else_stays() {
    let (address, asked) = open_etcd(|path, _| match path {
        "/v3/kv/range" => {
            stored(&json!({"ttl": 20, "slots": {"site_a": {"type": "physical"}}, "standby_cluster": {"host": null, "surprise": 1}}), 8)
        }
        _ => etcd(r#"{"header":HEADER,"succeeded":true,"responses":[{"response_put":{"header":{"revision":"69"}}}]}"#),
    })
    .await;
    let control = control(address);
    assert!(control.hold_in_etcd(&name("etcd")).await.unwrap());
    let held: Value = {
        let put = &asked.lock().unwrap()[2].1["success"][0]["request_put"];
        serde_json::from_slice(&STANDARD.decode(put["value"].as_str().unwrap()).unwrap()).unwrap()
    };
    let section = json!({"host": "127.0.0.1", "port": 1, "primary_slot_name": "held", "create_replica_methods": ["basebackup"]});
    assert_eq!(held, json!({"ttl": 20, "slots": {"site_a": {"type": "physical"}}, "standby_cluster": section}));
    asked.lock().unwrap().clear();

    assert!(control.follow_in_etcd(&name("etcd"), Side::B).await.unwrap());
    let asked = asked.lock().unwrap().clone();
    assert_eq!(asked[1].1, json!({"key": STANDARD.encode("/service/pool-b/config")}));
    let (compare, put) = (&asked[2].1["compare"], &asked[2].1["success"][0]["request_put"]);
    let key = STANDARD.encode("/service/pool-b/config");
    assert_eq!(*compare, json!([{"key": key, "target": "MOD", "result": "EQUAL", "mod_revision": "8"}]));
    let written: Value = serde_json::from_slice(&STANDARD.decode(put["value"].as_str().unwrap()).unwrap()).unwrap();
    let section = json!({
        "host": "198.18.1.11,198.18.1.12", "port": 5432, "primary_slot_name": "site_b",
        "restore_command": "../restore-wal.sh %f %p", "create_replica_methods": ["basebackup"],
    });
    assert_eq!(written, json!({"ttl": 20, "slots": {"site_a": {"type": "physical"}}, "standby_cluster": section}));
    assert_eq!(put["key"], key);
}

#[tokio::test]
async fn only_a_section_that_holds_is_taken_out_of_etcd() {
    let held = json!({"ttl": 20, "standby_cluster": {"host": "127.0.0.1", "port": 1, "primary_slot_name": "held"}});
    let done = r#"{"header":HEADER,"succeeded":true,"responses":[{"response_put":{"header":{"revision":"69"}}}]}"#;
    let (address, asked) = open_etcd(move |path, _| if path == "/v3/kv/range" { stored(&held, 8) } else { etcd(done) }).await;
    assert!(control(address).release_in_etcd(&name("etcd")).await.unwrap());
    let put = asked.lock().unwrap()[2].1["success"][0]["request_put"]["value"].as_str().map(|text| STANDARD.decode(text).unwrap());
    assert_eq!(serde_json::from_slice::<Value>(&put.unwrap()).unwrap(), json!({"ttl": 20}));

    for config in [json!({"ttl": 20}), json!({"ttl": 20, "standby_cluster": {"host": "198.18.1.11", "port": 5432}})] {
        let (address, asked) = open_etcd(move |_, _| stored(&config, 8)).await;
        assert!(!control(address).release_in_etcd(&name("etcd")).await.unwrap());
        assert_eq!(asked.lock().unwrap().len(), 2, "nothing is written");
    }
}

#[tokio::test]
async fn a_change_in_etcd_that_came_between_is_never_overwritten() {
    let rounds = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&rounds);
    // Whenever somebody looks, the configuration has changed again; the third time it follows already.
    let (address, asked) = open_etcd(move |path, _| match path {
        "/v3/kv/range" => match counter.fetch_add(1, Ordering::Relaxed) {
            2 => stored(&json!({"standby_cluster": {"host": "198.18.1.11"}}), 12),
            n => stored(&json!({"ttl": n}), 8 + u32::try_from(n).unwrap()),
        },
        _ => etcd(r#"{"header":HEADER,"responses":[]}"#),
    })
    .await;
    assert!(!control(address).hold_in_etcd(&name("etcd")).await.unwrap(), "it is there, and somebody else wrote it");
    let revisions: Vec<_> =
        asked.lock().unwrap().iter().filter_map(|(_, body)| body["compare"][0]["mod_revision"].as_str().map(str::to_owned)).collect();
    assert_eq!(revisions, ["8", "9"], "each try is about what was read last");

    let (address, _) = open_etcd(|path, _| if path == "/v3/kv/range" { stored(&json!({}), 8) } else { etcd(r#"{"header":HEADER}"#) }).await;
    assert!(said(control(address).hold_in_etcd(&name("etcd")).await).contains("again and again"));
}

#[tokio::test]
async fn an_etcd_without_the_key_or_with_nonsense_in_it_is_left_alone() {
    let outcome = async |answer: String| {
        let (address, asked) =
            open_etcd(move |path, _| if path == "/v3/kv/range" { answer.clone() } else { panic!("{path} was asked for") }).await;
        let outcome = control(address).hold_in_etcd(&name("etcd")).await;
        assert_eq!(asked.lock().unwrap().len(), 2);
        outcome
    };
    assert_eq!(said(outcome(etcd(r#"{"header":HEADER}"#)).await), "there is no key /service/pool-b/config in it");
    assert!(said(outcome(stored(&json!([1, 2]), 8)).await).contains("no configuration of Patroni's"));
    assert!(said(outcome(http("404 Not Found", "404 page not found\n")).await).contains("404 page not found"));
    assert_eq!(failure(outcome(http("200 OK", "{}")).await), ProbeFailure::Garbage, "whatever this is, it is no etcd without the key");
    assert_eq!(
        failure(outcome(http("200 OK", r#"{"header":{},"kvs":[{"mod_revision":"8","value":"%%%"}]}"#)).await),
        ProbeFailure::Garbage
    );
    assert_eq!(
        failure(outcome(http("200 OK", r#"{"header":{},"kvs":[{"mod_revision":"x","value":"e30="}]}"#)).await),
        ProbeFailure::Garbage
    );
    assert_eq!(failure(outcome(http("200 OK", r#"{"header":"#)).await), ProbeFailure::CutShort);
}

#[tokio::test]
async fn an_etcd_that_wants_a_password_gets_it_for_a_token() {
    let (address, asked) = answering(|_, path, _| match path {
        "/v3/auth/authenticate" => etcd(r#"{"header":HEADER,"token":"abc.9"}"#),
        "/v3/kv/range" => stored(&json!({"standby_cluster": {"host": "198.18.1.11"}}), 12),
        other => panic!("{other} was asked for"),
    })
    .await;
    assert!(!control(address).hold_in_etcd(&name("etcd")).await.unwrap());
    let asked = asked.lock().unwrap().clone();
    assert_eq!(asked[0].1, json!({"name": "switchback", "password": "not-a-secret"}));
    assert!(asked[1].0.contains("authorization: abc.9\r\n"), "{}", asked[1].0);

    let wrong = r#"{"error":"etcdserver: authentication failed, invalid user ID or password","code":3}"#;
    let (address, _) = answering(move |_, _, _| http("400 Bad Request", wrong)).await;
    assert!(said(control(address).hold_in_etcd(&name("etcd")).await).contains("invalid user ID or password"));
}

/// An `HAProxy` that notes what it is told and answers `answer`.
async fn haproxy(answer: &'static str) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&told);
    let address = serve(move |mut stream| {
        let log = Arc::clone(&log);
        async move {
            let line = support::question(&mut stream).await;
            log.lock().unwrap().push(line);
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    })
    .await;
    (address, told)
}

#[tokio::test]
async fn a_member_is_told_by_one_command_and_only_silence_means_yes() {
    let proxy = name("haproxy");
    let member = "member-a1".parse().unwrap();
    let (address, told) = haproxy("\n").await;
    for order in [MemberOrder::Ready, MemberOrder::Drain, MemberOrder::Maintenance] {
        control(address).tell_member(&proxy, &member, order).await.unwrap();
    }
    let expected = ["ready", "drain", "maint"].map(|word| format!("set server members/member-a1 state {word}\n"));
    assert_eq!(*told.lock().unwrap(), expected);

    let outcome = async |answer| control(haproxy(answer).await.0).tell_member(&proxy, &member, MemberOrder::Ready).await;
    assert_eq!(said(outcome("No such server.\n\n").await), "No such server.");
    assert_eq!(said(outcome("Permission denied\n\n").await), "Permission denied");
    assert_eq!(failure(outcome("").await), ProbeFailure::CutShort);
    assert_eq!(failure(control(nobody().await).tell_member(&proxy, &member, MemberOrder::Ready).await), ProbeFailure::Refused);
}

#[tokio::test]
async fn members_are_read_from_the_figures_of_their_backend() {
    let table = "# pxname,svname,scur,status,lastchg,check_status\nmembers,member-a1,3,UP,17,L7OK\nmembers,member-a2,0,MAINT,5,\n\n";
    let (address, told) = haproxy(table).await;
    let members = control(address).members(&name("haproxy")).await.unwrap();
    let seen: Vec<_> = members.iter().map(|member| (member.member.as_str(), member.state, member.healthy, member.sessions)).collect();
    assert_eq!(seen, [("member-a1", MemberState::Active, true, 3), ("member-a2", MemberState::Maintenance, false, 0)]);
    assert_eq!(*told.lock().unwrap(), ["show stat members 4 -1\n"]);
    assert_eq!(failure(control(haproxy("No such proxy.\n\n").await.0).members(&name("haproxy")).await), ProbeFailure::NoSuchBackend);
    assert_eq!(failure(control(say("HTTP/1.1 400 Bad request\r\n\r\n").await).members(&name("haproxy")).await), ProbeFailure::Garbage);
}
