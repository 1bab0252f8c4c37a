//! For whoever looks after the console itself: is it alive, can it work, how is it doing.

use super::{Web, request::Peer};
use crate::config::MetricsAccess;
use axum::{
    Extension,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};

/// The process answers.
pub(super) async fn live() -> &'static str {
    "alive\n"
}

/// The console can do its work. Says in a few words what is missing, and nothing more: whoever asks has no session. An alarm about what
/// the store says stands behind it.
pub(super) async fn ready(State(web): State<Web>) -> Response {
    if web.stop.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response();
    }
    let readiness = web.console.readiness().await;
    let missing = if !readiness.store {
        Some("the store cannot be written\n")
    } else if !readiness.file {
        Some(
            "a file of the store was removed or replaced under the console, which still has everything: its log says which, and where the copy \
             is that it keeps. Stop the console, and restore that copy before it is started again\n",
        )
    } else if !readiness.reserve {
        Some("the disk of the store is full: only operations are written\n")
    } else if !readiness.pictures {
        Some("a pool's picture cannot be worked out\n")
    } else {
        None
    };
    let alarm = if readiness.guards { "" } else { "alarm: the guards of the audit history are not as they were made\n" };
    match missing {
        None => format!("ready\n{alarm}").into_response(),
        Some(missing) => (StatusCode::SERVICE_UNAVAILABLE, format!("{missing}{alarm}")).into_response(),
    }
}

/// Figures for Prometheus.
pub(super) async fn metrics(State(web): State<Web>, Extension(peer): Extension<Peer>) -> Response {
    if web.metrics_access == MetricsAccess::Loopback && !peer.is_this_machine {
        let why = "Figures are only for this machine; write metrics = \"open\" into [server] to change that.\n";
        return (StatusCode::FORBIDDEN, why).into_response();
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], web.metrics.render()).into_response()
}
