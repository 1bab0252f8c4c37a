//! Every request has an id, a line in the log and a figure in the metrics; a panic in a handler becomes an incident, not a broken connection.

use super::Web;
use crate::network::TrustedProxies;
use axum::{
    body::{Body, Bytes, HttpBody},
    extract::{ConnectInfo, MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::FutureExt as _;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body::{Frame, SizeHint};
use rand::Rng as _;
use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};
use tracing::Instrument as _;

/// The name of the figure about answers.
pub(crate) const SECONDS: &str = "switchback_http_seconds";

/// The id of a request, in the log and in the answer's header `x-request-id`.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(Arc<str>);

impl RequestId {
    fn mint() -> RequestId {
        let mut bytes = [0; 8];
        rand::rng().fill_bytes(&mut bytes);
        RequestId(format!("{:016x}", u64::from_le_bytes(bytes)).into())
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who asks, as far as the network tells.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer {
    /// The address that limits and the audit history go by.
    pub(crate) address: IpAddr,
    /// The request came from this machine and through no proxy.
    pub(crate) is_this_machine: bool,
}

impl Peer {
    fn of(headers: &HeaderMap, socket: Option<SocketAddr>, proxies: &TrustedProxies) -> Peer {
        let socket = socket.map_or(IpAddr::from([0, 0, 0, 0]), |socket| socket.ip().to_canonical());
        let address = proxies.client(headers, socket);
        // A proxy on this machine must not make everybody a neighbour.
        let through_proxy = ["x-forwarded-for", "forwarded", "x-real-ip", "via"].iter().any(|name| headers.contains_key(*name))
            || *proxies == TrustedProxies::WhoeverConnects;
        Peer { address, is_this_machine: socket.is_loopback() && !through_proxy }
    }
}

/// How long the body of a request may take to arrive.
const BODY_WITHIN: Duration = Duration::from_secs(10);

/// Answers 408 when the body of a request does not arrive in time, whatever the handler made of the part that did.
#[expect(clippy::disallowed_methods, reason = "a deadline for one request, which ends with it")]
pub(super) async fn sent_in_time(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let late = Arc::new(AtomicBool::new(false));
    let deadline = Box::pin(tokio::time::sleep(BODY_WITHIN));
    let request = request.map(|body| Body::new(Timed { body, deadline, late: Arc::clone(&late) }));
    let response = next.run(request).await;
    if late.load(Ordering::Relaxed) {
        return (StatusCode::REQUEST_TIMEOUT, [(header::CONNECTION, "close")], "The request did not arrive in time.\n").into_response();
    }
    response
}

/// A body that fails when it has not arrived in time.
struct Timed {
    body: Body,
    deadline: Pin<Box<tokio::time::Sleep>>,
    late: Arc<AtomicBool>,
}

impl HttpBody for Timed {
    type Data = Bytes;
    type Error = axum::Error;
    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            return Poll::Ready(frame);
        }
        ready!(self.deadline.as_mut().poll(context));
        self.late.store(true, Ordering::Relaxed);
        Poll::Ready(Some(Err(axum::Error::new(std::io::Error::from(std::io::ErrorKind::TimedOut)))))
    }
    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Gives the request its id, notes what became of it, and turns a panic into an incident.
pub(super) async fn noted(State(web): State<Web>, mut request: Request, next: Next) -> Response {
    let id = RequestId::mint();
    let began = Instant::now();
    let socket = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(socket)| *socket);
    let peer = Peer::of(request.headers(), socket, &web.proxies);
    request.extensions_mut().insert(id.clone());
    request.extensions_mut().insert(peer);
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or_else(|| "other".to_owned(), |path| path.as_str().to_owned());
    let path = shown(request.uri().path());
    let span = tracing::info_span!("request", %id, %method, %path, from = %peer.address);

    let outcome = AssertUnwindSafe(next.run(request)).catch_unwind().instrument(span.clone()).await;
    let _in_span = span.enter();
    let mut response = outcome.unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<&str>().map(|said| (*said).to_owned()).or_else(|| panic.downcast_ref::<String>().cloned());
        tracing::error!(incident = %id, said = said.as_deref(), "a handler panicked");
        incident(StatusCode::INTERNAL_SERVER_ERROR, &id.to_string())
    });
    let took = began.elapsed();
    let status = response.status();
    metrics::histogram!(SECONDS, "route" => route, "status" => status.as_u16().to_string()).record(took.as_secs_f64());
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let (id, method, path) = (id.to_string(), method.as_str(), path.as_str());
    let from = peer.address;
    // Who is told to slow down must not fill the log by not listening; the figures have them all.
    if status.is_server_error() {
        tracing::warn!(request = id, method, path, %from, status = status.as_u16(), took_ms, "answered");
    } else if status == StatusCode::TOO_MANY_REQUESTS || ["/health/", "/pkg/", "/metrics"].iter().any(|quiet| path.starts_with(quiet)) {
        tracing::debug!(request = id, method, path, %from, status = status.as_u16(), took_ms, "answered");
    } else {
        tracing::info!(request = id, method, path, %from, status = status.as_u16(), took_ms, "answered");
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-request-id", value);
    }
    response
}

/// A path as the log may have it: the secret of a set-up link is none of its business.
fn shown(path: &str) -> String {
    match path.strip_prefix("/set-up/") {
        Some(rest) if !rest.is_empty() => "/set-up/…".to_owned(),
        _ => path.chars().take(200).collect(),
    }
}

/// A page without scripts or style that works when nothing else does.
pub(super) fn incident(status: StatusCode, incident: &str) -> Response {
    let safe: String = incident.chars().filter(char::is_ascii_alphanumeric).collect();
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Switchback</title>\
         <h1>Switchback</h1><p>This failed on the console's side. Quote incident <code>{safe}</code>; the cause is in the console's log.</p>\
         <p lang=\"zh-CN\">控制台内部出错。请提供事件编号 <code>{safe}</code>；原因见控制台日志。</p><p><a href=\"/\">Try again / 重试</a></p></html>"
    );
    (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::StreamExt as _;
    use http::HeaderName;

    fn peer(socket: &str, headers: &[(&'static str, &'static str)], proxies: &TrustedProxies) -> (String, bool) {
        let headers = headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect();
        let peer = Peer::of(&headers, Some(socket.parse().expect("an address")), proxies);
        (peer.address.to_string(), peer.is_this_machine)
    }

    #[test]
    fn only_what_comes_through_no_proxy_comes_from_this_machine() {
        let none = TrustedProxies::none();
        let here = TrustedProxies::listed(["127.0.0.1/32".parse().expect("a network")]);
        assert_eq!(peer("127.0.0.1:1", &[], &none), ("127.0.0.1".to_owned(), true));
        assert_eq!(peer("[::ffff:127.0.0.1]:1", &[], &none), ("127.0.0.1".to_owned(), true));
        assert_eq!(peer("203.0.113.7:1", &[], &none), ("203.0.113.7".to_owned(), false));
        assert_eq!(peer("127.0.0.1:1", &[("x-forwarded-for", "203.0.113.9")], &none), ("127.0.0.1".to_owned(), false));
        assert_eq!(peer("127.0.0.1:1", &[("x-forwarded-for", "127.0.0.1")], &here), ("127.0.0.1".to_owned(), false));
        assert_eq!(peer("127.0.0.1:1", &[("via", "1.1 proxy")], &here), ("127.0.0.1".to_owned(), false));
        assert_eq!(peer("127.0.0.1:1", &[], &TrustedProxies::WhoeverConnects), ("127.0.0.1".to_owned(), false));
    }

    #[test]
    fn the_secret_of_a_set_up_link_never_gets_into_the_log() {
        assert_eq!(shown("/set-up/abc"), "/set-up/…");
        assert_eq!(shown("/pools/chat-core"), "/pools/chat-core");
    }

    #[tokio::test(start_paused = true)]
    #[expect(clippy::disallowed_methods, reason = "tests pause time, so this takes none")]
    async fn a_body_that_does_not_arrive_in_time_is_answered_with_408() {
        use axum::{Router, routing::post};
        use tower::ServiceExt as _;
        let router = Router::new().route("/", post(|body: Bytes| async move { body.len().to_string() }));
        let router = router.layer(axum::middleware::from_fn(sent_in_time));
        let asked = async |parts: Vec<Duration>| {
            let stream = futures::stream::iter(parts).then(|pause| async move {
                tokio::time::sleep(pause).await;
                Ok::<_, std::io::Error>(Bytes::from_static(b"x"))
            });
            let request = http::Request::post("/").body(Body::from_stream(stream)).expect("a request");
            router.clone().oneshot(request).await.expect("an answer").status()
        };
        assert_eq!(asked(vec![Duration::from_secs(3); 3]).await, StatusCode::OK);
        assert_eq!(asked(vec![Duration::from_secs(3); 100]).await, StatusCode::REQUEST_TIMEOUT, "a byte now and then is no body");
        assert_eq!(asked(vec![Duration::MAX / 4]).await, StatusCode::REQUEST_TIMEOUT);
    }
}
