//! Sessions: the cookie, the gate that everything passes, and the end of streams when their session ends.

use super::{
    Web,
    api::{self, problem::Problem},
    files::SiteFiles,
    refusals,
    request::{Peer, RequestId, incident},
    serve::Connection,
};
use axum::{
    Json,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use switchback_domain::error::ConsoleError;
use switchback_engine::Console;
use tokio_util::sync::CancellationToken;

/// The session cookie. Its prefix makes browsers insist on `Secure`, on `Path=/` and on this very host.
pub const COOKIE: &str = "__Host-switchback";

/// The cookie by which a browser is known that somebody has signed in with. It stays after signing out.
pub const DEVICE_COOKIE: &str = "__Host-switchback-device";

/// How often an open stream asks whether its session is still there.
const CHECK_EVERY: Duration = Duration::from_secs(5);

/// The longest address that sign-in leads back to, in bytes.
const NEXT_MAX: usize = 512;

/// The secret of the request's session, known to be good.
#[derive(Clone)]
pub(crate) struct Secret(pub(crate) Arc<str>);

/// One plain path segment. A slash, a backslash or dots would be another page to whoever routes after us.
pub(super) fn is_segment(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// What can be reached without a session. Everything that is not named here cannot.
fn is_open(method: &Method, path: &str, files: &SiteFiles) -> bool {
    let reading = matches!(*method, Method::GET | Method::HEAD);
    match path {
        "/sign-in" | "/health/live" | "/health/ready" | "/metrics" if reading => true,
        "/sign-in" | "/set-up" | "/sign-out" => *method == Method::POST,
        _ if reading && path.strip_prefix("/set-up/").is_some_and(is_segment) => true,
        _ if api::is_api(path) => api::is_open(method, path),
        _ => reading && (path.starts_with("/pkg/") || files.has(path)),
    }
}

/// Lets a request pass if it has a session or needs none, and tells the handler who asks.
pub(super) async fn gate(State(web): State<Web>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let open = is_open(request.method(), path, &web.files);
    // A token that is not good (any more) is not made good by a cookie beside it.
    let secret = api::token(path, request.headers()).or_else(|| cookie(request.headers()));
    let caller = match &secret {
        Some(secret) => web.console.caller(secret).await,
        None => Ok(None),
    };
    match caller {
        Ok(Some(caller)) => {
            if let Some(connection) = request.extensions().get::<Arc<Connection>>() {
                connection.is_signed_in();
            }
            let Some(secret) = secret else { return refused(&request) };
            let counts = refusals::leaves_a_trace(request.method(), path);
            if counts
                && let Some(peer) = request.extensions().get::<Peer>()
                && let Some(answer) = refusals::slow_down(&web, &secret, &caller, peer, path).await
            {
                return answer;
            }
            request.extensions_mut().insert(caller);
            request.extensions_mut().insert(Secret(Arc::clone(&secret)));
            let response = next.run(request).await;
            if counts {
                refusals::note(&web, &secret, &response);
            }
            response
        }
        Ok(None) | Err(_) if open => next.run(request).await,
        Ok(None) => refused(&request),
        // Whether there is a session is not known; that is not the same as being signed out.
        Err(error) => {
            let number = match error {
                ConsoleError::Internal { incident } => incident,
                other => {
                    tracing::error!(error = &other as &dyn std::error::Error, "the session could not be looked up");
                    request.extensions().get::<RequestId>().map(ToString::to_string).unwrap_or_default()
                }
            };
            if api::is_api(request.uri().path()) {
                return Problem::incident(StatusCode::SERVICE_UNAVAILABLE, &number).into_response();
            }
            incident(StatusCode::SERVICE_UNAVAILABLE, &number)
        }
    }
}

fn refused(request: &Request) -> Response {
    let path = request.uri().path();
    if api::is_api(path) {
        return Problem::not_signed_in().into_response();
    }
    if path.starts_with("/api/") {
        // Pages understand this from wherever it comes.
        return (StatusCode::UNAUTHORIZED, Json(ConsoleError::NotSignedIn)).into_response();
    }
    let is_page = matches!(*request.method(), Method::GET | Method::HEAD) && !path.starts_with("/live/");
    if !is_page {
        return (StatusCode::UNAUTHORIZED, "Sign in first.\n").into_response();
    }
    let wanted = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    match safe_next(wanted) {
        Some("/") | None => Redirect::to("/sign-in").into_response(),
        Some(next) => Redirect::to(&format!("/sign-in?next={}", encoded(next))).into_response(),
    }
}

/// An address to go on to after signing in, if it is one of ours: anything else could lead people to a page that only looks like ours.
pub(super) fn safe_next(next: &str) -> Option<&str> {
    let local = next.starts_with('/') && !next.starts_with("//") && next.len() <= NEXT_MAX;
    // Browsers read a backslash as a slash, and drop tabs and line ends.
    let plain = next.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    let elsewhere = ["/sign-in", "/sign-out", "/set-up", "/live/", "/api/"].iter().any(|path| next.starts_with(path));
    (local && plain && !elsewhere).then_some(next)
}

/// Percent-encodes a value for the query of an address.
pub(super) fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut out, b| {
        if b.is_ascii_alphanumeric() || b"-_.~/".contains(&b) {
            out.push(char::from(b));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{b:02X}");
        }
        out
    })
}

/// The secret in the session cookie.
pub(super) fn cookie(headers: &HeaderMap) -> Option<Arc<str>> {
    only(headers, COOKIE)
}

/// The note that this browser is known by.
pub(super) fn device(headers: &HeaderMap) -> Option<Arc<str>> {
    only(headers, DEVICE_COOKIE)
}

/// The cookie of this name. Two of them are none: no browser has two, and nobody could tell which one counts.
fn only(headers: &HeaderMap, wanted: &str) -> Option<Arc<str>> {
    let all = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|list| list.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.find(|(name, _)| *name == wanted)?;
    pairs.all(|(name, _)| name != wanted).then(|| value.into())
}

/// The header that makes the browser known. `Strict`: it is needed by the sign-in form alone.
pub(super) fn keep_device(note: &str, known_for: Duration) -> HeaderValue {
    let seconds = known_for.as_secs();
    let text = format!("{DEVICE_COOKIE}={note}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Strict");
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// The header that keeps a session in the browser for so many seconds.
///
/// `Lax` and not `Strict`: a link to a pool in a mail or a chat at three in the morning must not land on the sign-in page. Nothing that
/// changes something is a GET, and everything else is refused from other origins anyway.
pub(super) fn keep(secret: &str, seconds: i64) -> HeaderValue {
    let text = format!("{COOKIE}={secret}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax");
    HeaderValue::from_str(&text).unwrap_or_else(|_| forget())
}

/// The header that makes the browser forget its session.
pub(super) fn forget() -> HeaderValue {
    HeaderValue::from_static("__Host-switchback=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax")
}

/// Ends the streams of sessions that have ended. One task asks for all streams of a session.
pub(crate) struct SessionEnds {
    console: Arc<Console>,
    stop: CancellationToken,
    followed: Arc<Mutex<HashMap<Arc<str>, Followed>>>,
}

struct Followed {
    ended: CancellationToken,
    followers: usize,
}

/// Held by a stream for as long as it exists.
pub(crate) struct Follower {
    secret: Arc<str>,
    followed: Arc<Mutex<HashMap<Arc<str>, Followed>>>,
    ended: CancellationToken,
}

impl Follower {
    /// Cancelled when the session has ended, or the console ends.
    pub(crate) fn ended(&self) -> CancellationToken {
        self.ended.clone()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = followed.get_mut(&self.secret) {
            entry.followers -= 1;
            if entry.followers == 0 {
                // The task that asks ends with it.
                entry.ended.cancel();
                followed.remove(&self.secret);
            }
        }
    }
}

impl SessionEnds {
    pub(super) fn new(console: Arc<Console>, stop: CancellationToken) -> SessionEnds {
        SessionEnds { console, stop, followed: Arc::default() }
    }

    /// Follows a session.
    pub(super) fn follow(&self, secret: &Arc<str>) -> Follower {
        let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = followed.entry(Arc::clone(secret)).or_insert_with(|| {
            let ended = self.stop.child_token();
            tokio::spawn(keep_checking(Arc::clone(&self.console), Arc::clone(secret), ended.clone()));
            Followed { ended, followers: 0 }
        });
        entry.followers += 1;
        Follower { secret: Arc::clone(secret), followed: Arc::clone(&self.followed), ended: entry.ended.clone() }
    }

    /// Ends a session's streams at once.
    pub(super) fn end(&self, secret: &str) {
        let followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = followed.get(secret) {
            entry.ended.cancel();
        }
    }
}

/// Asks now and then whether a session is still there. A page that is watched counts as use, so this keeps it alive too.
async fn keep_checking(console: Arc<Console>, secret: Arc<str>, ended: CancellationToken) {
    let mut tick = tokio::time::interval(CHECK_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = ended.cancelled() => return,
            _ = tick.tick() => {}
        }
        // While the store is away nobody knows; the stream goes on until its session must have ended in any case.
        if let Ok(None) = console.caller(&secret).await {
            return ended.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sign_in_leads_back_only_to_our_own_pages() {
        for good in ["/", "/pools/chat-core", "/pools/chat-core?span=week", "/audit"] {
            assert_eq!(safe_next(good), Some(good));
        }
        let long = format!("/{}", "x".repeat(NEXT_MAX));
        for bad in [
            "",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/\n/evil",
            " /",
            "pools",
            "/sign-in?next=/",
            "/sign-out",
            "/set-up/x",
            "/live/pools",
            "/api/fn/x",
            "/\u{2028}",
            &long,
        ] {
            assert_eq!(safe_next(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("lang=en; x__Host-switchback=no"));
        assert_eq!(cookie(&headers), None);
        headers.append(header::COOKIE, HeaderValue::from_static("a=b;  __Host-switchback=abc ; c=d"));
        assert_eq!(cookie(&headers).as_deref(), Some("abc"));
        headers.append(header::COOKIE, HeaderValue::from_static("__Host-switchback=other"));
        assert_eq!(cookie(&headers), None, "nobody knows which of two counts");
    }

    #[test]
    fn a_value_in_an_address_is_encoded() {
        assert_eq!(encoded("/pools/a?x=1&y=é"), "/pools/a%3Fx%3D1%26y%3D%C3%A9");
    }
}
