use crate::support::{World, ask_for, text};
use axum::body::{Body, BodyDataStream};
use futures::StreamExt as _;
use http::{Method, Response, StatusCode, header};
use serde_json::Value;
use std::time::Duration;
use switchback_domain::MemberState;

/// One event as a browser would read it.
#[derive(Debug)]
struct Event {
    name: String,
    id: Option<String>,
    data: Value,
}

struct Reader {
    body: BodyDataStream,
    text: String,
}

impl Reader {
    fn new(response: Response<Body>) -> Reader {
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(text(response.headers(), "content-type"), "text/event-stream");
        assert!(text(response.headers(), "cache-control").starts_with("no-cache"));
        assert_eq!(text(response.headers(), "x-accel-buffering"), "no");
        assert!(response.headers().get(header::CONTENT_ENCODING).is_none(), "a compressor would hold events back");
        Reader { body: response.into_body().into_data_stream(), text: String::new() }
    }

    /// The next event, or nothing when the stream has ended.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let event: String = self.text.drain(..end + 2).collect();
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim_start().to_owned());
                let read = Event {
                    name: field("event:").expect("a name"),
                    id: field("id:"),
                    data: serde_json::from_str(&field("data:").expect("data")).expect("JSON"),
                };
                return Some(read);
            }
            let bytes = tokio::time::timeout(Duration::from_secs(20), self.body.next()).await.expect("an event or the end")?;
            self.text.push_str(std::str::from_utf8(&bytes.unwrap()).unwrap());
        }
    }

    /// The next event of this name.
    async fn next_of(&mut self, name: &str) -> Event {
        loop {
            let event = self.next().await.expect("the stream goes on");
            if event.name == name {
                return event;
            }
        }
    }
}

async fn watch(world: &World, path: &str, session: &str, last: Option<&str>) -> Reader {
    let mut request =
        ask_for(Method::GET, path, Some(session)).header(header::ACCEPT, "text/event-stream").header(header::ACCEPT_ENCODING, "br, gzip");
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    Reader::new(world.ask(request.body(Body::empty()).unwrap()).await)
}

#[tokio::test]
async fn a_stream_begins_with_the_whole_goes_on_with_changes_and_resumes_after_the_last_one() {
    let world = World::new().await;
    let mira = world.signed_in().await;
    let mut stream = watch(&world, "/live/pools/chat-core", &mira, None).await;
    let whole = stream.next().await.expect("a first event");
    assert_eq!(whole.name, "whole");
    assert_eq!(whole.data["value"]["pool"], "chat-core");
    assert!(whole.data["at"].is_string());

    world.member("a", MemberState::Active, 7);
    let mut seen = stream.next_of("change").await;
    while !seen.data["patch"].to_string().contains("member-a") {
        seen = stream.next_of("change").await;
    }
    let last = seen.id.expect("a change has an id");
    world.member("a", MemberState::Draining, 3);
    let mut missed = stream.next_of("change").await;
    while !missed.data["patch"].to_string().contains("draining") {
        missed = stream.next_of("change").await;
    }
    let mut again = watch(&world, "/live/pools/chat-core", &mira, Some(&last)).await;
    let mut first = again.next().await.expect("what was missed");
    assert_eq!(first.name, "change", "it goes on, it does not begin anew");
    while first.id != missed.id {
        first = again.next_of("change").await;
    }
    assert_eq!(first.data, missed.data, "encoded once for everybody");

    let mut unknown = watch(&world, "/live/pools/chat-core", &mira, Some("another-boot-7")).await;
    assert_eq!(unknown.next().await.expect("a first event").name, "whole");
}

#[tokio::test]
async fn the_overview_is_live_too_and_says_so_when_nothing_changes() {
    let world = World::new().await;
    let mira = world.signed_in().await;
    let mut stream = watch(&world, "/live/pools", &mira, None).await;
    let whole = stream.next().await.expect("a first event");
    assert_eq!(whole.data["value"][0]["pool"], "chat-core");
    assert!(stream.next_of("beat").await.data["at"].is_string());
}

#[tokio::test]
async fn signing_out_ends_the_streams_of_that_session_at_once_and_no_other() {
    let world = World::new().await;
    let mira = world.signed_in().await;
    let form = format!("login=mira&password={}", crate::support::PASSWORD.replace(' ', "+"));
    let other = crate::support::session(&world.post("/sign-in", &form, None).await).unwrap();
    let (mut ends, mut stays) = (watch(&world, "/live/pools", &mira, None).await, watch(&world, "/live/pools", &other, None).await);
    ends.next().await.expect("a first event");
    stays.next().await.expect("a first event");
    world.post("/sign-out", "", Some(&mira)).await;
    let until_end = async { while ends.next().await.is_some() {} };
    tokio::time::timeout(Duration::from_secs(1), until_end).await.expect("the stream ends");
    assert!(stays.next().await.is_some(), "the other one goes on");
}

#[tokio::test]
async fn a_session_that_expires_ends_its_streams_within_seconds() {
    let world = World::new().await;
    let mira = world.signed_in().await;
    let mut stream = watch(&world, "/live/pools/chat-core", &mira, None).await;
    stream.next().await.expect("a first event");
    world.pass(Duration::from_hours(13));
    let until_end = async { while stream.next().await.is_some() {} };
    tokio::time::timeout(Duration::from_secs(8), until_end).await.expect("the stream ends");
}

#[tokio::test]
async fn stopping_ends_all_streams() {
    let world = World::new().await;
    let mira = world.signed_in().await;
    let mut streams = Vec::new();
    for path in ["/live/pools", "/live/pools/chat-core"] {
        streams.push(watch(&world, path, &mira, None).await);
    }
    world.stop.cancel();
    for mut stream in streams {
        let until_end = async { while stream.next().await.is_some() {} };
        tokio::time::timeout(Duration::from_secs(2), until_end).await.expect("the stream ends");
    }
}
