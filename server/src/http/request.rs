//! Every request has an id, a line in the log and a figure in the metrics; a panic in a handler becomes an incident, not a broken connection.

use super::Web;
use axum::{
    extract::{ConnectInfo, MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::FutureExt as _;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use rand::Rng as _;
use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Instant,
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
    fn of(headers: &HeaderMap, socket: Option<SocketAddr>, behind_proxy: bool) -> Peer {
        let socket = socket.map_or(IpAddr::from([0, 0, 0, 0]), |socket| socket.ip().to_canonical());
        let forwarded = headers.get_all("x-forwarded-for").iter().next_back().and_then(|value| value.to_str().ok());
        let told = forwarded.and_then(|list| list.rsplit(',').next()).and_then(|last| last.trim().parse::<IpAddr>().ok());
        // A proxy on this machine must not make everybody a neighbour.
        let through_proxy = behind_proxy || forwarded.is_some() || headers.contains_key("forwarded");
        Peer { address: told.filter(|_| behind_proxy).unwrap_or(socket), is_this_machine: socket.is_loopback() && !through_proxy }
    }
}

/// Gives the request its id, notes what became of it, and turns a panic into an incident.
pub(super) async fn noted(State(web): State<Web>, mut request: Request, next: Next) -> Response {
    let id = RequestId::mint();
    let began = Instant::now();
    let socket = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(socket)| *socket);
    let peer = Peer::of(request.headers(), socket, web.behind_proxy);
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
    if status.is_server_error() {
        tracing::warn!(request = id, method, path, %from, status = status.as_u16(), took_ms, "answered");
    } else if ["/health/", "/pkg/", "/metrics"].iter().any(|quiet| path.starts_with(quiet)) {
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

    fn peer(socket: &str, forwarded: Option<&str>, behind_proxy: bool) -> (String, bool) {
        let mut headers = HeaderMap::new();
        if let Some(value) = forwarded {
            headers.insert("x-forwarded-for", HeaderValue::from_str(value).expect("a header"));
        }
        let peer = Peer::of(&headers, Some(socket.parse().expect("an address")), behind_proxy);
        (peer.address.to_string(), peer.is_this_machine)
    }

    #[test]
    fn a_forwarded_address_is_believed_only_behind_a_proxy_and_only_its_last_entry() {
        assert_eq!(peer("127.0.0.1:1", None, false), ("127.0.0.1".to_owned(), true));
        assert_eq!(peer("127.0.0.1:1", Some("203.0.113.9"), false), ("127.0.0.1".to_owned(), false));
        assert_eq!(peer("127.0.0.1:1", Some("1.2.3.4, 203.0.113.9"), true), ("203.0.113.9".to_owned(), false));
        assert_eq!(peer("127.0.0.1:1", Some("nonsense"), true), ("127.0.0.1".to_owned(), false));
        assert_eq!(peer("[::ffff:127.0.0.1]:1", None, false), ("127.0.0.1".to_owned(), true));
        assert_eq!(peer("203.0.113.7:1", None, false), ("203.0.113.7".to_owned(), false));
    }

    #[test]
    fn the_secret_of_a_set_up_link_never_gets_into_the_log() {
        assert_eq!(shown("/set-up/abc"), "/set-up/…");
        assert_eq!(shown("/pools/chat-core"), "/pools/chat-core");
    }
}
