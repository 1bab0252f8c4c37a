//! What every answer tells the browser to allow, and which requests are refused for where they come from.

use super::{Shared, Web, api};
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header, uri::Authority};
use leptos::nonce::Nonce;
use std::net::IpAddr;

/// Headers that are the same on every answer.
const ALWAYS: [(HeaderName, &str); 7] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()"),
    (HeaderName::from_static("x-permitted-cross-domain-policies"), "none"),
];

/// The longest address that is read, in bytes.
const ADDRESS_LIMIT: usize = 2_048;

/// A year. Without `includeSubDomains`: names below the console's own may belong to somebody who serves them without TLS, and whoever owns
/// one of them gains nothing here, because a cookie with the prefix `__Host-` can be set by this very host alone.
const TRANSPORT_SECURITY: &str = "max-age=31536000";

/// Adds the security headers, with a nonce of its own for every answer; Leptos puts the same one into its scripts.
pub(super) async fn headers(State(web): State<Web>, mut request: Request, next: Next) -> Response {
    let nonce = Nonce::new();
    request.extensions_mut().insert(nonce.clone());
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(policy) = HeaderValue::from_str(&content_policy(&nonce, web.reloading)) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    if web.public_url.https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(TRANSPORT_SECURITY));
    }
    // Whatever nobody said something else about may hold what only this person should see.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Scripts run only with this answer's nonce or from our own files; wasm may be compiled; nothing comes from elsewhere.
fn content_policy(nonce: &str, reloading: bool) -> String {
    // Only `cargo leptos watch` needs its own socket.
    let reload = if reloading { " ws://127.0.0.1:* ws://localhost:*" } else { "" };
    format!(
        "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; \
         font-src 'self'; connect-src 'self'{reload}; manifest-src 'self'; form-action 'self'; object-src 'none'; base-uri 'none'; \
         frame-ancestors 'none'"
    )
}

/// Refuses whatever was sent to another name than the console's own: a page of somebody else's whose name was made to lead here
/// (DNS rebinding), a proxy that sends others' requests here, or a request that two machines would read in two ways.
///
/// The console is asked under its public name, under the address that it listens on, and as this machine. Health checks and Prometheus may
/// use any address, but no other name.
pub(super) async fn right_host(State(web): State<Web>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let looks_after = path.starts_with("/health/") || path == "/metrics";
    let mut told = request.headers().get_all(header::HOST).iter();
    let host = match (told.next(), told.next()) {
        (Some(host), None) => host.to_str().ok().and_then(|text| text.parse::<Authority>().ok()),
        // Before HTTP/1.1 there was no such header, and some health checks still speak like that.
        (None, None) if looks_after && request.version() < Version::HTTP_11 => return next.run(request).await,
        (None, None) => return (StatusCode::BAD_REQUEST, "A request needs a Host header.\n").into_response(),
        _ => return (StatusCode::BAD_REQUEST, "A request has one Host header.\n").into_response(),
    };
    let Some(host) = host else { return (StatusCode::BAD_REQUEST, "This Host header is no name and no address.\n").into_response() };
    // An address that is written out in the request line counts more than the header; both must be ours.
    let in_line = request.uri().authority();
    if [Some(&host), in_line].into_iter().flatten().all(|name| is_our_name(&web, name, looks_after)) {
        return next.run(request).await;
    }
    let why = format!("This is the console at {}; a proxy in front of it must pass the Host header on.\n", web.origin);
    (StatusCode::MISDIRECTED_REQUEST, why).into_response()
}

fn is_our_name(web: &Shared, name: &Authority, looks_after: bool) -> bool {
    if name.as_str().contains('@') {
        return false;
    }
    let host = name.host().to_ascii_lowercase();
    // Not the port: proxies leave it out or write their own, and another port is not another machine.
    if host == web.public_url.host {
        return true;
    }
    match host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        Ok(address) => looks_after || address.is_loopback() || address == web.listen.ip(),
        Err(_) => host == "localhost",
    }
}

/// Refuses whatever could change something and was not sent by a page of ours.
///
/// Every browser tells where a form or a script comes from. Who tells nothing is no browser of this decade, and has no business here:
/// `tower-http`'s own layer would let it pass.
pub(super) async fn same_origin(State(web): State<Web>, request: Request, next: Next) -> Response {
    // Every page of ours has a short address, and rendering a very long one costs more than asking for it.
    if request.uri().path_and_query().is_some_and(|address| address.as_str().len() > ADDRESS_LIMIT) {
        return StatusCode::URI_TOO_LONG.into_response();
    }
    let by_program = api::is_by_program(request.uri().path(), request.headers());
    if by_program || matches!(*request.method(), Method::GET | Method::HEAD) || is_same_origin(&web, request.headers()) {
        return next.run(request).await;
    }
    tracing::warn!(origin = ?request.headers().get(header::ORIGIN), "refused a request from another origin");
    let why = format!("This request did not come from a page of this console at {}.\n", web.origin);
    (StatusCode::FORBIDDEN, why).into_response()
}

fn is_same_origin(web: &Shared, headers: &HeaderMap) -> bool {
    // No browser tells either of them twice.
    if [header::ORIGIN.as_str(), "sec-fetch-site"].iter().any(|name| headers.get_all(*name).iter().nth(1).is_some()) {
        return false;
    }
    let origin = headers.get(header::ORIGIN);
    match headers.get("sec-fetch-site") {
        Some(site) if site != "same-origin" => false,
        // With both, both must agree; browsers without TLS tell only the origin.
        Some(_) => origin.is_none_or(|origin| origin == web.origin.as_str()),
        None => origin.is_some_and(|origin| origin == web.origin.as_str()),
    }
}
