//! The forms of operations, their live stream, and their reports. Each form is answered by a redirect, so that it works without scripts
//! and reloads without harm; what the console refuses it has written into the audit history itself.

use super::{
    Web,
    live::{last_event_id, refused, told},
    request::{Peer, incident},
    session::Secret,
};
use askama::Template;
use axum::{
    Extension, Form, Json, Router,
    body::Bytes,
    extract::{Path, State, rejection::FormRejection},
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use switchback_app::{
    api::operation::{OperationForm, Refused, report},
    paths,
};
use switchback_domain::{
    audit::Deed,
    error::{ConsoleError, WishError},
    operation::OperationId,
    people::Caller,
};

pub(super) fn router() -> Router<Web> {
    Router::new()
        .route("/operations", post(begin))
        .route("/operations/{operation}/wish", post(wish))
        .route("/operations/{operation}/answer", post(answer))
        .route("/operations/{operation}/report", get(printed))
        .route("/operations/{operation}/report.json", get(as_json))
}

/// `POST /operations`: the form of the dialog.
async fn begin(State(web): State<Web>, Extension(caller): Extension<Caller>, Extension(peer): Extension<Peer>, body: Bytes) -> Response {
    let form = OperationForm::read(&String::from_utf8_lossy(&body));
    match form.begin(&web.console, &caller, &peer.address.to_string()).await {
        Ok(id) => Redirect::to(&paths::operation(id)).into_response(),
        Err(refused) => Redirect::to(&form.address_after_refusal(&refused)).into_response(),
    }
}

/// Who sends a form from where, for the audit history when it does not even reach the part of the console that writes refusals down.
struct Asking<'a> {
    web: &'a Web,
    caller: &'a Caller,
    peer: &'a Peer,
    deed: Deed,
}

impl Asking<'_> {
    async fn refused(&self, subject: &str, reason: &str) {
        let noted = self.web.console.note_refusal(self.caller, self.deed, subject, reason, &self.peer.address.to_string()).await;
        if let Err(error) = noted {
            tracing::error!(error = &error as &dyn std::error::Error, "a refusal was not written down");
        }
    }

    /// The operation that the address names; else the answer.
    async fn parse_operation_id(&self, text: &str) -> Result<OperationId, Response> {
        if let Ok(id) = text.parse() {
            return Ok(id);
        }
        self.refused(text, "unknown_operation").await;
        Err(Redirect::to(&paths::operations()).into_response())
    }

    /// Answers a form that no page sends.
    async fn bad_form(&self, id: OperationId) -> Response {
        self.refused(&id.to_string(), Refused::BadForm.code()).await;
        back(id, Some(Refused::BadForm.code()))
    }
}

/// Back to the operation, with the reason if something was refused.
fn back(id: OperationId, problem: Option<&str>) -> Response {
    let address = paths::operation(id);
    let address = problem.map_or_else(|| address.clone(), |problem| format!("{address}?problem={problem}"));
    Redirect::to(&address).into_response()
}

fn done(id: OperationId, outcome: &Result<(), WishError>) -> Response {
    match outcome {
        Ok(()) => back(id, None),
        // Its page says that there is no such operation.
        Err(error) => back(id, Some(error.code())),
    }
}

/// A word of the domain out of a form.
fn word<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_value(Value::String(text.to_owned())).ok()
}

#[derive(Deserialize)]
struct WishForm {
    #[serde(default)]
    wish: String,
}

/// `POST /operations/{id}/wish`.
async fn wish(
    State(web): State<Web>,
    Extension(caller): Extension<Caller>,
    Extension(peer): Extension<Peer>,
    Path(id): Path<String>,
    form: Result<Form<WishForm>, FormRejection>,
) -> Response {
    let asking = Asking { web: &web, caller: &caller, peer: &peer, deed: Deed::OperationWish };
    let id = match asking.parse_operation_id(&id).await {
        Ok(id) => id,
        Err(answer) => return answer,
    };
    let Some(wish) = form.ok().and_then(|Form(form)| word(&form.wish)) else { return asking.bad_form(id).await };
    done(id, &web.console.wish(&caller, id, wish, &peer.address.to_string()).await)
}

#[derive(Deserialize)]
struct AnswerForm {
    #[serde(default)]
    question: String,
    #[serde(default)]
    choice: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    typed_site: String,
}

/// `POST /operations/{id}/answer`.
async fn answer(
    State(web): State<Web>,
    Extension(caller): Extension<Caller>,
    Extension(peer): Extension<Peer>,
    Path(id): Path<String>,
    form: Result<Form<AnswerForm>, FormRejection>,
) -> Response {
    let asking = Asking { web: &web, caller: &caller, peer: &peer, deed: Deed::OperationAnswer };
    let id = match asking.parse_operation_id(&id).await {
        Ok(id) => id,
        Err(answer) => return answer,
    };
    let Ok(Form(form)) = form else { return asking.bad_form(id).await };
    let (Ok(question), Some(choice)) = (form.question.parse(), word(&form.choice)) else { return asking.bad_form(id).await };
    let reason = form.reason.replace("\r\n", "\n");
    done(id, &web.console.answer(&caller, id, question, choice, (reason.trim(), &form.typed_site), &peer.address.to_string()).await)
}

/// `GET /live/operations/{id}`.
pub(super) async fn live(
    State(web): State<Web>,
    Extension(caller): Extension<Caller>,
    Extension(secret): Extension<Secret>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let Ok(id) = id.parse::<OperationId>() else { return (StatusCode::NOT_FOUND, "There is no such operation.\n").into_response() };
    told(&web, web.console.watch_operation(&caller, id, last_event_id(&headers)).await, &secret)
}

/// The report as a page that can be printed.
#[derive(Template)]
#[template(path = "report.html")]
struct Printed {
    told: report::ReportView,
    style: String,
}

/// `GET /operations/{id}/report`.
async fn printed(State(web): State<Web>, Extension(caller): Extension<Caller>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    // A number that is none leads to the app's own page, which says so.
    let Ok(id) = id.parse::<OperationId>() else { return Redirect::to(&format!("{}/x", paths::operations())).into_response() };
    let report = match web.console.report(&caller, id).await {
        Ok(report) => report,
        Err(ConsoleError::Internal { incident: number }) => return incident(StatusCode::INTERNAL_SERVER_ERROR, &number),
        Err(_) => return Redirect::to(&paths::operation(id)).into_response(),
    };
    let page = Printed { told: report::present(language(&headers), &report), style: web.files.style() };
    match page.render() {
        Ok(page) => Html(page).into_response(),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, operation = %id, "a report was not laid out");
            incident(StatusCode::INTERNAL_SERVER_ERROR, &id.to_string())
        }
    }
}

/// `GET /operations/{id}/report.json`.
async fn as_json(State(web): State<Web>, Extension(caller): Extension<Caller>, Path(id): Path<String>) -> Response {
    let Ok(id) = id.parse::<OperationId>() else { return (StatusCode::NOT_FOUND, "There is no such operation.\n").into_response() };
    match web.console.report(&caller, id).await {
        Ok(report) => {
            let name = format!("attachment; filename=\"{id}.json\"");
            ([(header::CONTENT_DISPOSITION, name)], Json(report)).into_response()
        }
        Err(error) => refused(&error),
    }
}

/// The language that was chosen, or else the first one of ours that the browser asks for.
pub(super) fn language(headers: &HeaderMap) -> &'static str {
    let told = |name| headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    let chosen = told(header::COOKIE).flat_map(|list| list.split(';')).find_map(|pair| pair.trim().strip_prefix("switchback_language="));
    let wished = || {
        told(header::ACCEPT_LANGUAGE)
            .flat_map(|list| list.split(','))
            .map(str::trim)
            .find(|tag| tag.starts_with("en") || tag.starts_with("zh"))
    };
    match chosen.or_else(wished) {
        Some(tag) if tag.starts_with("zh") => "zh-CN",
        _ => "en",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn a_report_has_the_language_that_was_chosen_or_the_first_one_asked_for_that_there_is() {
        let mut headers = HeaderMap::new();
        assert_eq!(language(&headers), "en");
        headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static("de, zh-TW;q=0.9, en;q=0.8"));
        assert_eq!(language(&headers), "zh-CN");
        headers.insert(header::COOKIE, HeaderValue::from_static("a=b; switchback_language=en"));
        assert_eq!(language(&headers), "en");
    }
}
