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
use http::{HeaderMap, StatusCode};
use switchback_domain::{
    Check, Confirmation, Picture, PoolId, RestoredPool, Summary,
    audit::Deed,
    operation::{Intent, Planned},
    people::Caller,
};

/// The name of a pool out of an address.
pub(super) fn parse_pool_id(text: &str) -> Result<PoolId, Problem> {
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
    let picture = web.console.picture(&caller, &parse_pool_id(&pool)?)?;
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
    let picture = web.console.picture(&caller, &parse_pool_id(&pool)?)?;
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
    let asking = Asking { web: &web, caller: &caller, peer: &peer, deed: Deed::OperationPlanned, subject: &pool };
    let intent: Intent = asking.read(&headers, sent).await?;
    let planned = match parse_pool_id(&pool) {
        Ok(pool) => web.console.plan(&caller, &pool, intent).await.map_err(Problem::from),
        Err(problem) => Err(problem),
    };
    asking.known(planned).await.map(Json)
}

/// What a restored store says about the pool, beside what its engines say now; `null` when there is nothing to confirm.
#[utoipa::path(
    get, path = "/pools/{pool}/restored", tag = "pools", operation_id = "restored",
    params(("pool" = String, Path, description = "The pool's name")),
    responses((status = 200, description = "Both, or `null`", body = Option<RestoredPool>), Problems)
)]
pub(super) async fn restored(
    State(web): State<Web>,
    Extension(caller): Extension<Caller>,
    Path(pool): Path<String>,
) -> Result<Json<Option<RestoredPool>>, Problem> {
    Ok(Json(web.console.restored(&caller, &parse_pool_id(&pool)?)?))
}

/// Confirms that what a restored store says about the pool is still so, or says what of it is not. From then on the console acts on it again.
#[utoipa::path(
    post, path = "/pools/{pool}/restored", tag = "pools", operation_id = "confirm_restored",
    params(("pool" = String, Path, description = "The pool's name")), request_body = Confirmation,
    responses((status = 204, description = "Confirmed"), Problems)
)]
pub(super) async fn confirm_restored(
    State(web): State<Web>,
    Extension(caller): Extension<Caller>,
    Extension(peer): Extension<Peer>,
    Path(pool): Path<String>,
    headers: HeaderMap,
    sent: Sent,
) -> Result<StatusCode, Problem> {
    let asking = Asking { web: &web, caller: &caller, peer: &peer, deed: Deed::RestoredConfirmed, subject: &pool };
    let confirmation: Confirmation = asking.read(&headers, sent).await?;
    let pool = asking.known(parse_pool_id(&pool)).await?;
    web.console.confirm_restored(&caller, &pool, &confirmation, &peer.address.to_string()).await?;
    Ok(StatusCode::NO_CONTENT)
}
