//! Pools: what they are, and what would be done with them.

use super::{
    input::{Asking, Sent},
    problem::{Problem, Problems},
};
use crate::http::{Web, request::Peer};
use axum::{
    Extension, Json,
    extract::{Path, State},
};
use http::HeaderMap;
use switchback_domain::{
    Check, Picture, PoolId, Summary,
    operation::{Intent, Planned},
    people::Caller,
};

/// The name of a pool out of an address.
pub(super) fn named(text: &str) -> Result<PoolId, Problem> {
    text.parse().map_err(|_| Problem::unknown_pool(text))
}

/// All pools on a line each, the one in the worst state first.
#[utoipa::path(
    get, path = "/pools", tag = "pools", operation_id = "pools",
    responses((status = 200, description = "All pools", body = Vec<Summary>), Problems)
)]
pub(super) async fn all(State(web): State<Web>, Extension(caller): Extension<Caller>) -> Json<Vec<Summary>> {
    Json(web.console.summaries(&caller))
}

/// Everything that is known of a pool at this instant.
#[utoipa::path(
    get, path = "/pools/{pool}", tag = "pools", operation_id = "pool",
    params(("pool" = String, Path, description = "The pool's name")),
    responses((status = 200, description = "The pool", body = Picture), Problems)
)]
pub(super) async fn one(
    State(web): State<Web>,
    Extension(caller): Extension<Caller>,
    Path(pool): Path<String>,
) -> Result<Json<Picture>, Problem> {
    let picture = web.console.picture(&caller, &named(&pool)?)?;
    Ok(Json(Picture::clone(&picture)))
}

/// Whether the pool is ready for a planned operation, condition by condition, worst first.
#[utoipa::path(
    get, path = "/pools/{pool}/checks", tag = "pools", operation_id = "checks",
    params(("pool" = String, Path, description = "The pool's name")),
    responses((status = 200, description = "Its checks", body = Vec<Check>), Problems)
)]
pub(super) async fn checks(
    State(web): State<Web>,
    Extension(caller): Extension<Caller>,
    Path(pool): Path<String>,
) -> Result<Json<Vec<Check>>, Problem> {
    let picture = web.console.picture(&caller, &named(&pool)?)?;
    Ok(Json(picture.checks.clone()))
}

/// What would be done. Nothing happens. The answer's `hash` and `plan.made_at` are what a request for the operation quotes.
#[utoipa::path(
    post, path = "/pools/{pool}/plans", tag = "operations", operation_id = "plan",
    params(("pool" = String, Path, description = "The pool's name")), request_body = Intent,
    responses((status = 200, description = "The plan; `plan.objections` says why it cannot be requested", body = Planned), Problems)
)]
pub(super) async fn plan(
    State(web): State<Web>,
    Extension(caller): Extension<Caller>,
    Extension(peer): Extension<Peer>,
    Path(pool): Path<String>,
    headers: HeaderMap,
    sent: Sent,
) -> Result<Json<Planned>, Problem> {
    let asking = Asking { web: &web, caller: &caller, peer: &peer, action: "operation_planned", subject: &pool };
    let intent: Intent = asking.read(&headers, sent).await?;
    let planned = match named(&pool) {
        Ok(pool) => web.console.plan(&caller, &pool, intent).await.map_err(Problem::from),
        Err(problem) => Err(problem),
    };
    asking.known(planned).await.map(Json)
}
