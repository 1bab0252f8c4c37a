//! Operations: asked for, watched, paused, cancelled, answered.

use super::{
    input::{Asking, Sent},
    pools::parse_pool_id,
    problem::{Problem, Problems},
};
use crate::http::{
    Web,
    live::{last_event_id, respond},
    request::Peer,
    session::Secret,
};
use axum::{
    Extension, Json,
    extract::{Path, Query, State, rejection::QueryRejection},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use switchback_domain::{
    audit::Deed,
    operation::{Choice, ControlRequest, Evidence, Operation, OperationId, OperationSummary, Report, Request},
    people::Caller,
};
use switchback_engine::ports::IdempotencyKey;
use utoipa::{IntoParams, ToSchema};

/// How many operations are listed when nobody says how many.
const LISTED: u32 = 50;

/// How many are listed at most.
const LISTED_MAX: u32 = 200;

/// The longest idempotency key, in bytes.
const KEY_MAX: usize = 200;

/// An operation that has begun.
#[derive(Serialize, Deserialize, ToSchema)]
pub(super) struct Begun {
    /// Its number.
    id: OperationId,
}

/// Which operations are listed.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    /// Only of this pool.
    pool: Option<String>,
    /// At most so many; 50 unless told.
    #[param(minimum = 1, maximum = 200)]
    most: Option<u32>,
}

/// What somebody wants of a running operation.
#[derive(Serialize, Deserialize, ToSchema)]
pub(super) struct WishBody {
    /// What.
    wish: ControlRequest,
}

/// An answer to an operation's question.
#[derive(Serialize, Deserialize, ToSchema)]
pub(super) struct AnswerBody {
    /// Which question; an answer is never given to another one.
    #[serde(deserialize_with = "whole")]
    question: u32,
    /// What.
    choice: Choice,
    /// Why. Skipping, attesting, confirming, giving up and abandoning need one.
    #[serde(default)]
    reason: String,
    /// The name of the site that loses what is given up. Only `give_up` needs it.
    #[serde(default)]
    typed_site: String,
}

/// A whole number, also where it is written with a point: in JSON `3.0` is one.
fn whole<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let number = serde_json::Number::deserialize(deserializer)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is whole and within the bounds")]
    let from_point = || number.as_f64().filter(|n| n.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(n)).map(|n| n as u32);
    let whole = number.as_u64().and_then(|n| u32::try_from(n).ok()).or_else(from_point);
    whole.ok_or_else(|| serde::de::Error::custom(format!("{number} is no whole number from 0 to {}", u32::MAX)))
}

/// The number of an operation out of an address.
fn parse_operation_id(text: &str) -> Result<OperationId, Problem> {
    text.parse().map_err(|_| Problem::unknown_operation(text))
}

/// Asks for an operation, with the hash of the plan that was seen. It begins at once.
///
/// With the header `Idempotency-Key`, the same request sent again gets the same answer and begins nothing; the same key with another
/// request is refused. Keys are remembered for a day, for each person.
#[utoipa::path(
    post, path = "/operations", tag = "operations", operation_id = "request_operation",
    params(("Idempotency-Key" = Option<String>, Header, description = "Any text of your own of at most 200 bytes")),
    request_body = Request,
    responses(
        (status = 201, description = "It has begun", body = Begun, headers(("Location" = String, description = "The operation"))),
        Problems,
    )
)]
pub(super) async fn request(
    State(web): State<Web>,
    Extension(caller): Extension<Caller>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    sent: Sent,
) -> Result<Response, Problem> {
    let asking = |subject| Asking { web: &web, caller: &caller, peer: &peer, deed: Deed::OperationRequested, subject };
    let request: Request = asking("").read(&headers, sent).await?;
    let pool = request.pool.clone();
    let asking = asking(pool.as_str());
    let key = match key(&headers) {
        Ok(key) => key,
        Err(problem) => return Err(asking.refused(problem).await),
    };
    // The same request written with other spaces is the same request.
    let body = || Sha256::digest(serde_json::to_vec(&request).unwrap_or_default()).into();
    let key = key.map(|key| IdempotencyKey { key: key.to_owned(), body: body() });
    Ok(begun(web.console.request(&caller, request, key, &peer.address.to_string()).await?))
}

fn begun(id: OperationId) -> Response {
    (StatusCode::CREATED, [(header::LOCATION, format!("/api/v1/operations/{id}"))], Json(Begun { id })).into_response()
}

/// The idempotency key.
fn key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    match value.to_str() {
        Ok(key) if (1..=KEY_MAX).contains(&key.len()) && headers.get_all("idempotency-key").iter().count() == 1 => Ok(Some(key)),
        _ => {
            let detail = format!("an idempotency key is one text of 1 to {KEY_MAX} plain characters");
            Err(Problem::new(StatusCode::BAD_REQUEST, "bad_idempotency_key", detail))
        }
    }
}

/// Operations, newest first.
#[utoipa::path(
    get, path = "/operations", tag = "operations", operation_id = "operations", params(Which),
    responses((status = 200, description = "Operations on a line each", body = Vec<OperationSummary>), Problems)
)]
pub(super) async fn all(
    State(web): State<Web>,
    Extension(caller): Extension<Caller>,
    which: Result<Query<Which>, QueryRejection>,
) -> Result<Json<Vec<OperationSummary>>, Problem> {
    let Query(which) = which.map_err(|rejection| Problem::new(StatusCode::BAD_REQUEST, "malformed", rejection.body_text()))?;
    let pool = which.pool.as_deref().map(parse_pool_id).transpose()?;
    let most = which.most.unwrap_or(LISTED);
    if !(1..=LISTED_MAX).contains(&most) {
        let detail = format!("`most` is {most}; it is from 1 to {LISTED_MAX}");
        return Err(Problem::new(StatusCode::BAD_REQUEST, "out_of_range", detail));
    }
    Ok(Json(web.console.operations(&caller, pool.as_ref(), most).await?))
}

/// An operation and how far it has come.
#[utoipa::path(
    get, path = "/operations/{id}", tag = "operations", operation_id = "operation",
    params(("id" = String, Path, description = "Its number, such as op-0042")),
    responses((status = 200, description = "The operation", body = Operation), Problems)
)]
pub(super) async fn one(
    State(web): State<Web>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<Operation>, Problem> {
    let operation = web.console.operation(&caller, parse_operation_id(&id)?).await?;
    Ok(Json(Operation::clone(&operation)))
}

/// An operation while it happens, as server-sent events: `whole` with the operation, `change` with a JSON patch of it, `beat` now and
/// then. A stream that broke off goes on where it was with the header `Last-Event-ID`.
#[utoipa::path(
    get, path = "/operations/{id}/events", tag = "operations", operation_id = "operation_events",
    params(
        ("id" = String, Path, description = "Its number, such as op-0042"),
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that was received"),
    ),
    responses((status = 200, description = "The events", body = String, content_type = "text/event-stream"), Problems)
)]
pub(super) async fn events(
    State(web): State<Web>,
    Extension(caller): Extension<Caller>,
    Extension(secret): Extension<Secret>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let stream = web.console.watch_operation(&caller, parse_operation_id(&id)?, last_event_id(&headers)).await?;
    Ok(respond(&web, stream, &secret))
}

/// Pauses, resumes or cancels.
#[utoipa::path(
    post, path = "/operations/{id}/wishes", tag = "operations", operation_id = "wish",
    params(("id" = String, Path, description = "Its number, such as op-0042")), request_body = WishBody,
    responses((status = 204, description = "Taken; it happens at the next place where it may"), Problems)
)]
pub(super) async fn wish(
    State(web): State<Web>,
    Extension(caller): Extension<Caller>,
    Extension(peer): Extension<Peer>,
    Path(id): Path<String>,
    headers: HeaderMap,
    sent: Sent,
) -> Result<StatusCode, Problem> {
    let asking = Asking { web: &web, caller: &caller, peer: &peer, deed: Deed::OperationWish, subject: &id };
    let WishBody { wish } = asking.read(&headers, sent).await?;
    let id = asking.parse_operation_id().await?;
    web.console.wish(&caller, id, wish, &peer.address.to_string()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Answers the operation's question.
#[utoipa::path(
    post, path = "/operations/{id}/answers", tag = "operations", operation_id = "answer",
    params(("id" = String, Path, description = "Its number, such as op-0042")), request_body = AnswerBody,
    responses((status = 204, description = "Taken"), Problems)
)]
pub(super) async fn answer(
    State(web): State<Web>,
    Extension(caller): Extension<Caller>,
    Extension(peer): Extension<Peer>,
    Path(id): Path<String>,
    headers: HeaderMap,
    sent: Sent,
) -> Result<StatusCode, Problem> {
    let asking = Asking { web: &web, caller: &caller, peer: &peer, deed: Deed::OperationAnswer, subject: &id };
    let AnswerBody { question, choice, reason, typed_site } = asking.read(&headers, sent).await?;
    let id = asking.parse_operation_id().await?;
    web.console.answer(&caller, id, question, choice, (&reason, &typed_site), &peer.address.to_string()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What an operation achieved; of one that has not ended, as far as it has come.
#[utoipa::path(
    get, path = "/operations/{id}/report", tag = "operations", operation_id = "report",
    params(("id" = String, Path, description = "Its number, such as op-0042")),
    responses((status = 200, description = "The report", body = Report), Problems)
)]
pub(super) async fn report(
    State(web): State<Web>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<Report>, Problem> {
    Ok(Json(web.console.report(&caller, parse_operation_id(&id)?).await?))
}

/// What an operation keeps for people beside its journal, by name: rows that only a lost timeline had.
#[utoipa::path(
    get, path = "/operations/{id}/evidence", tag = "operations", operation_id = "evidence_names",
    params(("id" = String, Path, description = "Its number, such as op-0042")),
    responses((status = 200, description = "What there is", body = Vec<Evidence>), Problems)
)]
pub(super) async fn evidence_names(
    State(web): State<Web>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<Vec<Evidence>>, Problem> {
    Ok(Json(web.console.evidence_names(&caller, parse_operation_id(&id)?).await?))
}

/// The content of one of them, as JSON Lines. Who reads it is in the audit history.
///
/// The first line, `lost_timeline`, tells where the others come from. Each line with a `row` is a row as it was when the log ended, with its
/// `database`, `schema` and `table` and the transaction that wrote it (`xid`). Each line with a `sequence` tells how far it has come. Each line with `left_out` says what could not be had.
#[utoipa::path(
    get, path = "/operations/{id}/evidence/{name}", tag = "operations", operation_id = "evidence",
    params(
        ("id" = String, Path, description = "Its number, such as op-0042"),
        ("name" = String, Path, description = "Its name, such as lost-rows-a1.jsonl"),
    ),
    responses((status = 200, description = "The lines", body = String, content_type = "application/jsonl"), Problems)
)]
pub(super) async fn evidence(
    State(web): State<Web>,
    Extension(caller): Extension<Caller>,
    Extension(peer): Extension<Peer>,
    Path((id, name)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let operation = parse_operation_id(&id)?;
    let Some(content) = web.console.evidence(&caller, operation, &name, &peer.address.to_string()).await? else {
        let detail = format!("{operation} keeps nothing under this name: {name}");
        return Err(Problem::new(StatusCode::NOT_FOUND, "unknown_evidence", detail).with("name", name));
    };
    // What the store has under a name was put there by the console, which takes names that need no quoting.
    let disposition = format!("attachment; filename=\"{operation}-{name}\"");
    Ok(([(header::CONTENT_TYPE, "application/jsonl"), (header::CONTENT_DISPOSITION, &disposition)], content).into_response())
}
