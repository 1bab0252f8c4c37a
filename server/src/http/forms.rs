//! The plain forms: sign in, set up, sign out. Each is answered by a redirect, so that it works without scripts and reloads without harm.

use super::{
    Web,
    request::{Peer, incident},
    session::{self, encoded, safe_next},
};
use axum::{
    Extension, Form, Router,
    extract::{Request, State},
    middleware::Next,
    response::{AppendHeaders, Html, IntoResponse, Redirect, Response},
    routing::post,
};
use http::{HeaderMap, Method, StatusCode, header};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use std::fmt::Write as _;
use switchback_domain::error::{ConsoleError, SetUpError, SignInError};
use switchback_engine::{SetUpForm, SignedIn, SignedOut, Source};

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
    let device = session::device(&headers);
    let from = peer.address.to_string();
    let source = Source { address: &from, device: device.as_deref(), is_this_machine: peer.is_this_machine };
    match web.console.sign_in(&form.login, SecretString::from(form.password), source).await {
        Ok(signed_in) => {
            // Whoever signs in again leaves no second session behind.
            if let Some(old) = session::cookie(&headers) {
                let _ = end(&web, &old, &peer).await;
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
            match error {
                SignInError::SlowDown => come_back(&address, SLOW_DOWN_S),
                SignInError::Busy => come_back(&address, BUSY_S),
                SignInError::Wrong | SignInError::Internal { .. } => Redirect::to(&address).into_response(),
            }
        }
    }
}

/// A stranger may guess once more after so many seconds.
pub(super) const SLOW_DOWN_S: u32 = 6;

/// When too many sign in at once, it is somebody else's turn after so many seconds.
pub(super) const BUSY_S: u32 = 3;

/// Programs see at once that they have to wait; browsers go on to the page that says so in their language.
fn come_back(address: &str, seconds: u32) -> Response {
    let address = address.replace('&', "&amp;");
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Switchback</title>\
         <meta http-equiv=\"refresh\" content=\"0;url={address}\"><p><a href=\"{address}\">Try again / 重试</a></p></html>"
    );
    (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, seconds.to_string())], Html(page)).into_response()
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
            if error == SetUpError::SlowDown {
                return come_back(&address, SLOW_DOWN_S);
            }
            if let SetUpError::Internal { incident } = &error {
                let _ = write!(address, "&incident={}", encoded(incident));
            }
            Redirect::to(&address).into_response()
        }
    }
}

async fn sign_out(State(web): State<Web>, Extension(peer): Extension<Peer>, headers: HeaderMap) -> Response {
    let ended = match session::cookie(&headers) {
        Some(secret) => end(&web, &secret, &peer).await,
        None => Ok(SignedOut::Stored),
    };
    match ended {
        Ok(SignedOut::Stored) => ([(header::SET_COOKIE, session::forget())], Redirect::to("/sign-in")).into_response(),
        Ok(SignedOut::NotStoredYet) => ([(header::SET_COOKIE, session::forget())], signed_out_in_memory()).into_response(),
        // The session lives: the browser keeps it, so that its owner can try again.
        Err(error) => {
            let number = match error {
                ConsoleError::Internal { incident } => incident,
                other => other.to_string(),
            };
            incident(StatusCode::SERVICE_UNAVAILABLE, &number)
        }
    }
}

/// Without scripts or style, in both languages: it is shown while the store is away.
fn signed_out_in_memory() -> Response {
    let page = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Switchback</title><h1>Switchback</h1>\
        <p>You are signed out: this console does not accept your session any more. Its store cannot be written at the moment, so this is \
        not stored yet; the console goes on trying. If it is started again before that, the session lives on until it ends by itself.</p>\
        <p lang=\"zh-CN\">您已退出登录：本控制台不再接受您的会话。由于存储暂时无法写入，退出状态尚未保存；控制台会继续重试。如果控制台在保存之前重新启动，\
        该会话将继续有效，直到自行过期。</p><p><a href=\"/sign-in\">Sign in / 登录</a></p></html>";
    (StatusCode::ACCEPTED, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response()
}

async fn end(web: &Web, secret: &str, peer: &Peer) -> Result<SignedOut, ConsoleError> {
    let ended = web.console.sign_out(secret, &peer.address.to_string()).await;
    match &ended {
        Ok(_) => web.sessions.end(secret),
        Err(error) => tracing::error!(error = error as &dyn std::error::Error, "a session was not ended"),
    }
    ended
}

fn begin(web: &Web, signed_in: &SignedIn, next: &str) -> Response {
    let seconds = signed_in.caller.session_ends_at.as_second() - web.console.now().as_second();
    let session = session::keep(signed_in.secret.expose_secret(), seconds);
    let device = session::keep_device(&signed_in.device, signed_in.device_known_for);
    (AppendHeaders([(header::SET_COOKIE, session), (header::SET_COOKIE, device)]), Redirect::to(next)).into_response()
}
