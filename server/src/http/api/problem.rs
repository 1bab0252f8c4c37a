//! What the API answers when it does not do what was asked: `application/problem+json`, as RFC 9457 has it.

use super::is_api;
use crate::http::forms::{BUSY_S, SLOW_DOWN_S};
use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use switchback_domain::{
    error::{ConfirmError, ConsoleError, RequestError, SignInError, WishError},
    operation::{OperationId, PlanChange, PlanObjection, Refusal},
};
use utoipa::{
    IntoResponses, ToSchema,
    openapi::{ContentBuilder, RefOr, ResponseBuilder, schema::Ref},
};

/// What every error looks like.
const MEDIA_TYPE: &str = "application/problem+json";

/// Why something was not done.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    status: StatusCode,
    code: String,
    detail: String,
    extra: Map<String, Value>,
    retry_after: Option<u32>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Problem {
        Problem { status, code: code.to_owned(), detail: detail.into(), extra: Map::new(), retry_after: None }
    }

    /// The console failed; the cause is in its log under this incident.
    pub(crate) fn incident(status: StatusCode, incident: &str) -> Problem {
        let detail = format!("this failed on the console's side; quote incident {incident}");
        Problem::new(status, if status == StatusCode::INTERNAL_SERVER_ERROR { "internal" } else { "unavailable" }, detail)
            .with("incident", incident)
    }

    /// There is no session.
    pub(crate) fn not_signed_in() -> Problem {
        Problem::new(
            StatusCode::UNAUTHORIZED,
            "not_signed_in",
            "sign in first: POST /api/v1/session, then send the token as `Authorization: Bearer <token>`",
        )
    }

    /// No operation has this number.
    pub(super) fn unknown_operation(text: &str) -> Problem {
        let detail = match text.parse::<OperationId>() {
            Ok(id) => format!("there is no operation with this number: {id}"),
            Err(error) => error.to_string(),
        };
        Problem::new(StatusCode::NOT_FOUND, "unknown_operation", detail).with("operation", text)
    }

    /// No pool has this name.
    pub(super) fn unknown_pool(text: &str) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "unknown_pool", format!("there is no pool with this name: {text}")).with("pool", text)
    }

    /// After how many seconds it is worth trying again.
    pub(crate) fn retry_after(self, seconds: u32) -> Problem {
        Problem { retry_after: Some(seconds), ..self.with("retry_after_s", seconds) }
    }

    /// More for programs.
    pub(crate) fn with(mut self, name: &str, value: impl Serialize) -> Problem {
        self.extra.insert(name.to_owned(), json!(value));
        self
    }

    /// The word by which programs tell problems apart.
    pub(super) fn code(&self) -> &str {
        &self.code
    }

    /// The sentence for people.
    pub(super) fn detail(&self) -> &str {
        &self.detail
    }
}

/// A code as people read it: `plan_changed` is `Plan changed`.
fn title(code: &str) -> String {
    let mut title = code.replace('_', " ");
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    title
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Problem { status, code, detail, extra, retry_after } = self;
        let mut body = Map::new();
        body.insert("type".to_owned(), json!(format!("urn:switchback:problem:{code}")));
        body.insert("title".to_owned(), json!(title(&code)));
        body.insert("status".to_owned(), json!(status.as_u16()));
        body.insert("detail".to_owned(), json!(detail));
        body.insert("code".to_owned(), json!(code));
        // What is fixed wins over what a problem brings along.
        for (name, value) in extra {
            body.entry(name).or_insert(value);
        }
        let mut response = (status, [(header::CONTENT_TYPE, MEDIA_TYPE)], Value::Object(body).to_string()).into_response();
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<ConsoleError> for Problem {
    fn from(error: ConsoleError) -> Problem {
        match error {
            ConsoleError::NotSignedIn => Problem::not_signed_in(),
            ConsoleError::NotAllowed => Problem::new(StatusCode::FORBIDDEN, error.code(), error.to_string()),
            ConsoleError::UnknownPool { pool } => Problem::unknown_pool(pool.as_str()),
            ConsoleError::UnknownOperation { operation } => Problem::unknown_operation(&operation.to_string()),
            ConsoleError::UnreadableOperation { operation, entry } => {
                Problem::new(StatusCode::CONFLICT, error.code(), error.to_string()).with("operation", operation).with("entry", entry)
            }
            ConsoleError::Internal { incident } => Problem::incident(StatusCode::INTERNAL_SERVER_ERROR, &incident),
        }
    }
}

impl From<SignInError> for Problem {
    fn from(error: SignInError) -> Problem {
        match &error {
            SignInError::Wrong => Problem::new(StatusCode::UNAUTHORIZED, error.code(), error.to_string()),
            SignInError::SlowDown => Problem::new(StatusCode::TOO_MANY_REQUESTS, error.code(), error.to_string()).retry_after(SLOW_DOWN_S),
            SignInError::Busy => Problem::new(StatusCode::TOO_MANY_REQUESTS, error.code(), error.to_string()).retry_after(BUSY_S),
            SignInError::Internal { incident } => Problem::incident(StatusCode::INTERNAL_SERVER_ERROR, incident),
        }
    }
}

impl From<RequestError> for Problem {
    fn from(error: RequestError) -> Problem {
        match error {
            RequestError::Refused { refusal } => refusal.into(),
            RequestError::LeaseHeld => Problem::new(StatusCode::CONFLICT, error.code(), error.to_string()),
            RequestError::KeyReused => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error.code(), error.to_string()),
            RequestError::Console { console } => console.into(),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        let status = match refusal {
            Refusal::Objections { .. } | Refusal::PlanChanged { .. } => StatusCode::CONFLICT,
            Refusal::PlanExpired => StatusCode::GONE,
            Refusal::WrongPool { .. }
            | Refusal::WrongSite { .. }
            | Refusal::NoReason
            | Refusal::TooLong { .. }
            | Refusal::LossNotAccepted
            | Refusal::NoAttestation { .. }
            | Refusal::SeenAlive { .. }
            | Refusal::NotAcknowledged { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        };
        let problem = Problem::new(status, refusal.code(), refusal.to_string());
        match refusal {
            Refusal::Objections { objections } => {
                let running = objections.iter().find_map(|objection| match objection {
                    PlanObjection::OperationRuns { operation } => Some(*operation),
                    _ => None,
                });
                let problem = problem.with("objections", &objections);
                match running {
                    // By far the most frequent one, and the only one that programs can wait for.
                    Some(operation) => Problem {
                        code: "operation_runs".to_owned(),
                        detail: format!("{operation} of this pool has not ended"),
                        ..problem.with("operation", operation)
                    },
                    None => problem,
                }
            }
            Refusal::WrongPool { expected } => problem.with("expected", expected),
            Refusal::WrongSite { expected } => problem.with("expected", expected),
            Refusal::TooLong { most } => problem.with("most", most),
            Refusal::NotAcknowledged { checks } => problem.with("checks", checks),
            Refusal::NoAttestation { nodes } => problem.with("nodes", nodes),
            Refusal::SeenAlive { witnesses } => problem.with("witnesses", witnesses),
            Refusal::PlanChanged { changes } => problem.with("changes", changes),
            Refusal::PlanExpired | Refusal::NoReason | Refusal::LossNotAccepted => problem,
        }
    }
}

impl From<WishError> for Problem {
    fn from(error: WishError) -> Problem {
        let (status, code) = match &error {
            WishError::Ended => (StatusCode::CONFLICT, "ended"),
            WishError::PastNoReturn => (StatusCode::CONFLICT, "past_no_return"),
            WishError::LeaseHeld => (StatusCode::CONFLICT, "lease_held"),
            WishError::NotPaused => (StatusCode::CONFLICT, "not_paused"),
            WishError::NoSuchQuestion => (StatusCode::CONFLICT, "no_such_question"),
            WishError::NotOffered => (StatusCode::UNPROCESSABLE_ENTITY, "not_offered"),
            WishError::NoReason => (StatusCode::UNPROCESSABLE_ENTITY, "no_reason"),
            WishError::WrongSite { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "wrong_site"),
            WishError::Console { console } => return console.clone().into(),
        };
        Problem::new(status, code, error.to_string())
    }
}

impl From<ConfirmError> for Problem {
    fn from(error: ConfirmError) -> Problem {
        let status = match &error {
            ConfirmError::NothingToConfirm
            | ConfirmError::LeaseHeld
            | ConfirmError::FencesActive { .. }
            | ConfirmError::FencesAll
            | ConfirmError::NotSeen => StatusCode::CONFLICT,
            ConfirmError::NoReason | ConfirmError::NoSuchSite { .. } | ConfirmError::LiftsAndFences { .. } => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            ConfirmError::Console { console } => return console.clone().into(),
        };
        Problem::new(status, error.code(), error.to_string())
    }
}

/// Gives errors that did not come from a handler of the API (no such route, too large, from elsewhere, a panic) its form.
pub(in crate::http) async fn in_our_form(request: Request, next: Next) -> Response {
    if !is_api(request.uri().path()) {
        return next.run(request).await;
    }
    let response = next.run(request).await;
    let status = response.status();
    let ours = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == MEDIA_TYPE);
    if ours || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let (code, detail) = match status {
        StatusCode::UNAUTHORIZED => return carried(Problem::not_signed_in(), &response),
        StatusCode::INTERNAL_SERVER_ERROR => {
            let id = response.headers().get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
            return carried(Problem::incident(status, &id), &response);
        }
        StatusCode::FORBIDDEN => ("other_origin", "this request did not come from a page of this console; programs send a bearer token"),
        StatusCode::NOT_FOUND => ("not_found", "there is nothing here; what there is is told by /api/v1/openapi.json"),
        StatusCode::METHOD_NOT_ALLOWED => ("method_not_allowed", "this cannot be asked in this way; see /api/v1/openapi.json"),
        StatusCode::PAYLOAD_TOO_LARGE => ("too_large", "a request has at most 64 KiB"),
        StatusCode::BAD_REQUEST => ("bad_request", "this request cannot be read; it needs one Host header with the console's name"),
        StatusCode::REQUEST_TIMEOUT => ("request_timeout", "the request did not arrive in time; send it again"),
        StatusCode::MISDIRECTED_REQUEST => {
            ("misdirected", "this console has another name; a proxy in front of it must pass the Host header on")
        }
        StatusCode::URI_TOO_LONG => ("address_too_long", "this address is too long"),
        StatusCode::SERVICE_UNAVAILABLE => ("unavailable", "the console could not answer in time; try again"),
        _ => ("refused", status.canonical_reason().unwrap_or("refused")),
    };
    carried(Problem::new(status, code, detail), &response)
}

/// The problem with whatever headers the answer had that are not about its body.
fn carried(problem: Problem, response: &Response) -> Response {
    let mut told = problem.into_response();
    for name in [header::ALLOW, header::CONNECTION, header::RETRY_AFTER, http::HeaderName::from_static("x-request-id")] {
        if let Some(value) = response.headers().get(&name) {
            told.headers_mut().insert(name, value.clone());
        }
    }
    told
}

/// An error, for the document.
#[derive(ToSchema)]
#[schema(as = Problem)]
#[expect(dead_code, reason = "its fields are for the document")]
pub(super) struct ProblemBody {
    /// `urn:switchback:problem:` and the code.
    #[schema(example = "urn:switchback:problem:plan_changed")]
    r#type: String,
    /// The code, for people.
    #[schema(example = "Plan changed")]
    title: String,
    /// The HTTP status.
    #[schema(example = 409)]
    status: u16,
    /// What is the matter, in a sentence.
    detail: String,
    /// The word by which programs tell problems apart; it does not change.
    #[schema(example = "plan_changed")]
    code: String,
    /// What stands in the way (code `objections` and `operation_runs`).
    objections: Option<Vec<PlanObjection>>,
    /// What has changed since the plan was seen; empty when that is not known any more (code `plan_changed`).
    changes: Option<Vec<PlanChange>>,
    /// Checks that were not acknowledged (code `not_acknowledged`).
    checks: Option<Vec<switchback_domain::CheckKind>>,
    /// Nodes of the site that is given up of which nothing proves that they do not write (code `no_attestation`).
    nodes: Option<Vec<switchback_domain::NodeName>>,
    /// Signs of life of that site which were not overridden (code `seen_alive`).
    witnesses: Option<Vec<switchback_domain::Witness>>,
    /// The name that has to be typed (codes `wrong_pool` and `wrong_site`).
    expected: Option<String>,
    /// After how many seconds it is worth trying again (codes `slow_down` and `busy`).
    retry_after_s: Option<u32>,
    /// What to quote to whoever reads the console's log (codes `internal` and `unavailable`).
    incident: Option<String>,
}

/// Every error of every route, for the document.
pub(super) struct Problems;

impl IntoResponses for Problems {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        let response = ResponseBuilder::new().description("Not done; the code says why").content(MEDIA_TYPE, content).build();
        BTreeMap::from([("default".to_owned(), response.into())])
    }
}
