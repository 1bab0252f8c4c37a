//! The API for programs, `/api/v1`: the same use cases as the pages, in JSON, described by its own OpenAPI document.
//!
//! Who asks is told by the session cookie, as for pages, or by `Authorization: Bearer <token>`. A cookie alone changes nothing unless the
//! request comes from a page of ours; a token cannot be sent by somebody else's page.

mod described;
mod input;
mod operations;
mod pools;
pub(super) mod problem;
mod session;

use super::Web;
use axum::{Router, response::IntoResponse};
use http::{HeaderMap, Method, header};
use std::sync::{Arc, OnceLock};
use utoipa::{
    OpenApi,
    openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Where the API is.
const ROOT: &str = "/api/v1";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Switchback",
        description = "A console for the disaster recovery of stretched pools. Errors are `application/problem+json`; their `code` is \
                       what programs go by. Unknown fields are errors."
    ),
    components(schemas(problem::ProblemBody)),
    security(("token" = []), ("cookie" = [])),
    modifiers(&Schemes),
    tags(
        (name = "session", description = "Signing in and out"),
        (name = "pools", description = "What there is"),
        (name = "operations", description = "What is done"),
    )
)]
struct Document;

struct Schemes;

impl utoipa::Modify for Schemes {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()));
        let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(super::COOKIE)));
        components.add_security_scheme("cookie", cookie);
    }
}

/// This address belongs to the API.
pub(super) fn is_api(path: &str) -> bool {
    path.strip_prefix(ROOT).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What of the API can be asked without a session.
pub(super) fn is_open(method: &Method, path: &str) -> bool {
    match path {
        "/api/v1/session" => *method == Method::POST,
        "/api/v1/openapi.json" => matches!(*method, Method::GET | Method::HEAD),
        _ => false,
    }
}

/// The token of a request to the API. Pages and everything else know only the cookie.
pub(super) fn token(path: &str, headers: &HeaderMap) -> Option<Arc<str>> {
    let mut told = headers.get_all(header::AUTHORIZATION).iter().filter(|_| is_api(path));
    let value = told.next()?.to_str().ok()?;
    if told.next().is_some() {
        return None;
    }
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().into())
}

/// No page of somebody else's can have made a browser send this with somebody's rights: browsers add cookies by themselves, never a
/// token, and tell where a request comes from.
pub(super) fn is_by_program(path: &str, headers: &HeaderMap) -> bool {
    let by_browser = ["origin", "sec-fetch-site", "cookie"].iter().any(|name| headers.contains_key(*name));
    is_api(path) && (token(path, headers).is_some() || !by_browser)
}

/// What is answered at once, what is a stream, and the document about both.
fn parts() -> (Router<Web>, Router<Web>, utoipa::openapi::OpenApi) {
    let answers = OpenApiRouter::with_openapi(Document::openapi()).nest(
        ROOT,
        OpenApiRouter::default()
            .routes(routes!(document))
            .routes(routes!(session::begin, session::end))
            .routes(routes!(pools::all))
            .routes(routes!(pools::one))
            .routes(routes!(pools::checks))
            .routes(routes!(pools::plan))
            .routes(routes!(pools::restored, pools::confirm_restored))
            .routes(routes!(session::console))
            .routes(routes!(operations::all, operations::request))
            .routes(routes!(operations::one))
            .routes(routes!(operations::wish))
            .routes(routes!(operations::answer))
            .routes(routes!(operations::report))
            .routes(routes!(operations::evidence_names))
            .routes(routes!(operations::evidence)),
    );
    let streams = OpenApiRouter::default().nest(ROOT, OpenApiRouter::default().routes(routes!(operations::events)));
    let (answers, mut document) = answers.split_for_parts();
    let (streams, about_streams) = streams.split_for_parts();
    document.merge(about_streams);
    (answers, streams, document)
}

/// What is answered at once, and what is a stream.
pub(super) fn routers() -> (Router<Web>, Router<Web>) {
    let (answers, streams, _) = parts();
    (answers, streams)
}

/// The API's description of itself.
pub fn openapi() -> serde_json::Value {
    // What the derived document cannot be written as is nothing.
    let mut document = serde_json::to_value(parts().2).unwrap_or_default();
    described::complete(&mut document);
    document
}

/// This document.
#[utoipa::path(
    get, path = "/openapi.json", tag = "session", operation_id = "openapi", security(()),
    responses((status = 200, description = "The OpenAPI document", body = String, content_type = "application/json"))
)]
async fn document() -> impl IntoResponse {
    static TEXT: OnceLock<String> = OnceLock::new();
    let text = TEXT.get_or_init(|| openapi().to_string());
    ([(header::CONTENT_TYPE, "application/json")], text.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().expect("a name"), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_token_counts_for_the_api_alone() {
        let told = headers(&[("authorization", "Bearer abc")]);
        assert_eq!(token("/api/v1/pools", &told).as_deref(), Some("abc"));
        for elsewhere in ["/", "/api/fn/overview", "/api/v10/pools", "/live/pools", "/API/v1/pools"] {
            assert_eq!(token(elsewhere, &told), None, "{elsewhere}");
        }
        assert_eq!(token("/api/v1/pools", &headers(&[("authorization", "Basic abc")])), None);
    }

    #[test]
    fn a_browser_is_no_program_even_where_no_session_is_needed() {
        let path = "/api/v1/session";
        assert!(is_by_program(path, &headers(&[])));
        assert!(is_by_program(path, &headers(&[("authorization", "Bearer abc"), ("cookie", "a=b")])));
        for sent in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site"), ("cookie", "a=b")] {
            assert!(!is_by_program(path, &headers(&[sent])), "{sent:?}");
        }
        assert!(!is_by_program("/sign-in", &headers(&[("authorization", "Bearer abc")])));
    }
}
