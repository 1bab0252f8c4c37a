//! What every answer tells the browser to allow, and which requests are refused for where they come from.

use super::{Shared, Web, api};
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use leptos::nonce::Nonce;

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

/// A year.
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
    let origin = headers.get(header::ORIGIN);
    match headers.get("sec-fetch-site") {
        Some(site) if site != "same-origin" => false,
        // With both, both must agree; browsers without TLS tell only the origin.
        Some(_) => origin.is_none_or(|origin| origin == web.origin.as_str()),
        None => origin.is_some_and(|origin| origin == web.origin.as_str()),
    }
}
