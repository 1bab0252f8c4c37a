//! The plain forms: sign in, set up, sign out. Each is answered by a redirect, so that it works without scripts and reloads without harm.

use super::{
    Web,
    request::Peer,
    session::{self, encoded, safe_next},
};
use axum::{
    Extension, Form, Router,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
    routing::post,
};
use http::{HeaderMap, Method, header};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use std::fmt::Write as _;
use switchback_domain::error::{SetUpError, SignInError};
use switchback_engine::{SetUpForm, SignedIn};

pub(super) fn router() -> Router<Web> {
    Router::new().route("/sign-in", post(sign_in)).route("/set-up", post(set_up)).route("/sign-out", post(sign_out))
}

/// A set-up link that is used up or expired says so at once, rather than after the form was filled in.
pub(super) async fn tell_closed_set_up(State(web): State<Web>, request: Request, next: Next) -> Response {
    let secret = request.uri().path().strip_prefix("/set-up/").filter(|_| request.method() == Method::GET).map(str::to_owned);
    let told = request.uri().query().is_some_and(|query| query.contains("problem=closed"));
    match secret {
        // A store that is away is no reason to call a link used up.
        Some(secret) if !told && matches!(web.console.set_up_is_open(&secret).await, Ok(false)) => {
            Redirect::to(&format!("/set-up/{secret}?problem={}", SetUpError::Closed.code())).into_response()
        }
        _ => next.run(request).await,
    }
}

#[derive(Deserialize)]
struct SignIn {
    login: String,
    password: String,
    #[serde(default)]
    next: String,
}

async fn sign_in(State(web): State<Web>, Extension(peer): Extension<Peer>, headers: HeaderMap, Form(form): Form<SignIn>) -> Response {
    let next = safe_next(&form.next);
    match web.console.sign_in(&form.login, SecretString::from(form.password), &peer.address.to_string()).await {
        Ok(signed_in) => {
            // Whoever signs in again leaves no second session behind.
            if let Some(old) = session::cookie(&headers) {
                end(&web, &old, &peer).await;
            }
            begin(&web, &signed_in, next.unwrap_or("/"))
        }
        Err(error) => {
            let mut address = format!("/sign-in?problem={}", error.code());
            if let SignInError::Internal { incident } = &error {
                let _ = write!(address, "&incident={}", encoded(incident));
            }
            if let Some(next) = next {
                let _ = write!(address, "&next={}", encoded(next));
            }
            Redirect::to(&address).into_response()
        }
    }
}

#[derive(Deserialize)]
struct SetUp {
    secret: String,
    login: String,
    #[serde(default)]
    name: String,
    password: String,
}

async fn set_up(State(web): State<Web>, Extension(peer): Extension<Peer>, Form(form): Form<SetUp>) -> Response {
    let wanted = SetUpForm {
        secret: SecretString::from(form.secret.clone()),
        login: form.login,
        name: form.name,
        password: SecretString::from(form.password),
    };
    match web.console.set_up(wanted, &peer.address.to_string()).await {
        Ok(signed_in) => begin(&web, &signed_in, "/"),
        Err(error) => {
            // What came as the secret goes back into an address only if it could have been one.
            let segment = if session::is_segment(&form.secret) { form.secret.as_str() } else { "-" };
            let mut address = format!("/set-up/{segment}?problem={}", error.code());
            if let SetUpError::Internal { incident } = &error {
                let _ = write!(address, "&incident={}", encoded(incident));
            }
            Redirect::to(&address).into_response()
        }
    }
}

async fn sign_out(State(web): State<Web>, Extension(peer): Extension<Peer>, headers: HeaderMap) -> Response {
    if let Some(secret) = session::cookie(&headers) {
        end(&web, &secret, &peer).await;
    }
    ([(header::SET_COOKIE, session::forget())], Redirect::to("/sign-in")).into_response()
}

async fn end(web: &Web, secret: &str, peer: &Peer) {
    if let Err(error) = web.console.sign_out(secret, &peer.address.to_string()).await {
        tracing::error!(error = &error as &dyn std::error::Error, "a session was not ended");
    }
    web.sessions.end(secret);
}

fn begin(web: &Web, signed_in: &SignedIn, next: &str) -> Response {
    let seconds = signed_in.caller.session_ends_at.as_second() - web.console.now().as_second();
    ([(header::SET_COOKIE, session::keep(signed_in.secret.expose_secret(), seconds))], Redirect::to(next)).into_response()
}
