//! The page on which a restored store and the engines stand beside each other, and its form. Without scripts.

use super::{
    Web,
    operations::language,
    request::{Peer, incident},
};
use askama::Template;
use axum::{
    Extension, Router,
    body::Bytes,
    extract::{Path, Query, State},
    response::{Html, IntoResponse, Redirect, Response},
    routing::get,
};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use switchback_app::{api::restored, paths};
use switchback_domain::{
    Confirmation, PoolId,
    audit::Deed,
    error::{ConfirmError, ConsoleError},
    people::Caller,
};

pub(super) fn router() -> Router<Web> {
    Router::new().route("/pools/{pool}/restored", get(page).post(confirm))
}

#[derive(Template)]
#[template(path = "restored.html")]
struct Page {
    told: restored::RestoredView,
    style: String,
}

#[derive(Deserialize)]
struct PageQuery {
    problem: Option<String>,
}

/// `GET /pools/{pool}/restored`.
async fn page(
    State(web): State<Web>,
    Extension(caller): Extension<Caller>,
    Path(pool): Path<String>,
    Query(told): Query<PageQuery>,
    headers: HeaderMap,
) -> Response {
    let Ok(pool) = pool.parse::<PoolId>() else { return Redirect::to(&paths::overview()).into_response() };
    let Ok(Some(beside)) = web.console.restored(&caller, &pool) else {
        // Nothing is to be confirmed (any more); the pool's page says what there is.
        return Redirect::to(&paths::pool(&pool)).into_response();
    };
    let page = Page { told: restored::present(language(&headers), &beside, told.problem.as_deref()), style: web.files.style() };
    match page.render() {
        Ok(page) => Html(page).into_response(),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, %pool, "a page was not laid out");
            incident(StatusCode::INTERNAL_SERVER_ERROR, pool.as_str())
        }
    }
}

/// What the form says. A box that is not ticked is not there at all, and there may be several of one name.
fn read(body: &[u8]) -> Option<Confirmation> {
    let mut confirmation = Confirmation::default();
    for (name, value) in form_urlencoded::parse(body) {
        match &*name {
            "reason" => value.trim().clone_into(&mut confirmation.reason),
            "lift" => confirmation.lift.push(value.parse().ok()?),
            "fence" => confirmation.fence.push(value.parse().ok()?),
            "unseen" => confirmation.unseen = true,
            _ => return None,
        }
    }
    Some(confirmation)
}

/// `POST /pools/{pool}/restored`.
async fn confirm(
    State(web): State<Web>,
    Extension(caller): Extension<Caller>,
    Extension(peer): Extension<Peer>,
    Path(pool): Path<String>,
    body: Bytes,
) -> Response {
    let from = peer.address.to_string();
    let (Ok(pool), Some(confirmation)) = (pool.parse::<PoolId>(), read(&body)) else {
        if let Err(error) = web.console.note_refusal(&caller, Deed::RestoredConfirmed, &pool, "bad_form", &from).await {
            tracing::error!(error = &error as &dyn std::error::Error, "a refusal was not written down");
        }
        return Redirect::to(&paths::overview()).into_response();
    };
    match web.console.confirm_restored(&caller, &pool, &confirmation, &from).await {
        Ok(()) => Redirect::to(&paths::pool(&pool)).into_response(),
        Err(ConfirmError::Console { console: ConsoleError::Internal { incident: number } }) => {
            incident(StatusCode::INTERNAL_SERVER_ERROR, &number)
        }
        Err(refused) => Redirect::to(&format!("{}?problem={}", paths::restored(&pool), refused.code())).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_whole_or_not_at_all() {
        let read_text = |text: &str| read(text.as_bytes());
        let confirmation = read_text("lift=dc-a&lift=dc-b&fence=dc-c&reason=+looked+at+both%0D%0A&unseen=true").expect("a form of ours");
        assert_eq!((confirmation.lift.len(), confirmation.fence.len()), (2, 1));
        assert_eq!((confirmation.reason.as_str(), confirmation.unseen), ("looked at both", true));
        for bad in ["lift=..%2F&reason=x", "reason=x&more=y"] {
            assert_eq!(read_text(bad), None, "{bad}");
        }
    }
}
