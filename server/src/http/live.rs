//! The live streams. What they say is made by the engine; here it only leaves the machine.

use super::{Web, session::Secret};
use axum::{
    Extension,
    body::Body,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use futures::StreamExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use std::convert::Infallible;
use switchback_domain::{PoolId, error::ConsoleError, people::Caller};
use switchback_engine::LiveStream;

/// `GET /live/pools`.
pub(super) async fn overview(
    State(web): State<Web>,
    Extension(caller): Extension<Caller>,
    Extension(secret): Extension<Secret>,
    headers: HeaderMap,
) -> Response {
    told(&web, web.console.watch_overview(&caller, last_event_id(&headers)), &secret)
}

/// `GET /live/pools/{pool}`.
pub(super) async fn pool(
    State(web): State<Web>,
    Extension(caller): Extension<Caller>,
    Extension(secret): Extension<Secret>,
    Path(pool): Path<String>,
    headers: HeaderMap,
) -> Response {
    let Ok(pool) = pool.parse::<PoolId>() else { return (StatusCode::NOT_FOUND, "There is no such pool.\n").into_response() };
    told(&web, web.console.watch_pool(&caller, &pool, last_event_id(&headers)), &secret)
}

/// The stream, or why there is none.
pub(super) fn told(web: &Web, stream: Result<LiveStream, ConsoleError>, secret: &Secret) -> Response {
    match stream {
        Ok(stream) => respond(web, stream, secret),
        Err(error) => refused(&error),
    }
}

/// Why something that is no page is not answered.
pub(super) fn refused(error: &ConsoleError) -> Response {
    let status = match error {
        ConsoleError::NotSignedIn => StatusCode::UNAUTHORIZED,
        ConsoleError::NotAllowed => StatusCode::FORBIDDEN,
        ConsoleError::UnknownPool { .. } | ConsoleError::UnknownOperation { .. } => StatusCode::NOT_FOUND,
        ConsoleError::UnreadableOperation { .. } => StatusCode::CONFLICT,
        ConsoleError::Internal { .. } => StatusCode::INTERNAL_SERVER_ERROR,
    };
    (status, format!("{error}\n")).into_response()
}

pub(super) fn last_event_id(headers: &HeaderMap) -> Option<&str> {
    headers.get("last-event-id").and_then(|value| value.to_str().ok())
}

/// Sends a stream until it ends, its session ends, or nobody reads it any more.
pub(super) fn respond(web: &Web, stream: LiveStream, secret: &Secret) -> Response {
    let follower = web.sessions.follow(&secret.0);
    let ended = follower.ended();
    let events = stream.take_until(ended.cancelled_owned()).map(move |event| {
        // The stream holds the follower for as long as it is read.
        let _held = &follower;
        Ok::<_, Infallible>(event)
    });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform")),
        // nginx would collect events into packages otherwise.
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    (headers, Body::from_stream(events)).into_response()
}
