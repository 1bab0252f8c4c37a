//! Signing in and out by programs. The same sessions, limits and audit history as for people.

use super::{
    input::{self, Sent},
    problem::{Problem, Problems},
};
use crate::http::{
    Web,
    request::Peer,
    session::{Secret, forget},
};
use axum::{
    Extension, Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use switchback_domain::{ConsoleState, people::Caller};
use switchback_engine::{SignedOut, Source};
use utoipa::ToSchema;

/// Who wants to sign in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SignIn {
    /// The sign-in name.
    login: String,
    /// The password.
    #[schema(format = Password)]
    password: String,
    /// What an earlier answer said as `device`: this program is known then, and does not wait behind strangers who guess.
    device: Option<String>,
}

/// A session.
#[derive(Serialize, ToSchema)]
pub(super) struct Session {
    /// To be sent as `Authorization: Bearer <token>`. Nobody keeps it; whoever has it is the person.
    token: String,
    /// When it ends at the latest. It ends earlier when it is not used for a while.
    expires_at: Timestamp,
    /// The sign-in name as it is written.
    login: String,
    /// A note by which this program is known the next time. It is no secret and opens nothing.
    device: String,
}

/// Signs in.
#[utoipa::path(
    post, path = "/session", tag = "session", operation_id = "sign_in", security(()),
    request_body = SignIn, responses((status = 201, description = "Signed in", body = Session), Problems)
)]
pub(super) async fn begin(
    State(web): State<Web>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    sent: Sent,
) -> Result<Response, Problem> {
    let SignIn { login, password, device } = input::parse(&input::body(&headers, sent)?)?;
    let from = peer.address.to_string();
    let source = Source { address: &from, device: device.as_deref(), is_this_machine: peer.is_this_machine };
    let signed_in = web.console.sign_in(&login, SecretString::from(password), source).await?;
    let session = Session {
        token: signed_in.secret.expose_secret().to_owned(),
        expires_at: signed_in.caller.session_ends_at,
        login: signed_in.caller.person.login.to_string(),
        device: signed_in.device,
    };
    Ok((StatusCode::CREATED, Json(session)).into_response())
}

/// How the console itself is: its store, and pools that wait for somebody to confirm what a restored store says.
#[utoipa::path(
    get, path = "/console", tag = "session", operation_id = "console",
    responses((status = 200, description = "How the console is", body = ConsoleState), Problems)
)]
pub(super) async fn console(State(web): State<Web>, Extension(caller): Extension<Caller>) -> Result<Json<ConsoleState>, Problem> {
    Ok(Json(web.console.state(&caller)?))
}

/// Signs out: the session ends at once, with all its streams.
#[utoipa::path(
    delete, path = "/session", tag = "session", operation_id = "sign_out",
    responses(
        (status = 204, description = "Signed out"),
        (status = 202, description = "Signed out at this console, which goes on trying to store that: its store cannot be written now"),
        Problems
    )
)]
pub(super) async fn end(
    State(web): State<Web>,
    Extension(peer): Extension<Peer>,
    Extension(secret): Extension<Secret>,
) -> Result<Response, Problem> {
    let ended = web.console.sign_out(&secret.0, &peer.address.to_string()).await?;
    web.sessions.end(&secret.0);
    let status = match ended {
        SignedOut::Stored => StatusCode::NO_CONTENT,
        SignedOut::NotStoredYet => StatusCode::ACCEPTED,
    };
    Ok((status, [(header::SET_COOKIE, forget())]).into_response())
}
