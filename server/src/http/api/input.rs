//! What is sent to the API: JSON, read strictly, and refused with a sentence that says where and what was expected.

use super::problem::Problem;
use crate::http::{Web, request::Peer};
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use http::{HeaderMap, StatusCode, header};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use switchback_domain::{audit::Deed, operation::OperationId, people::Caller};

/// A body as it came, or why it did not.
pub(super) type Sent = Result<Bytes, BytesRejection>;

/// Who asks for what, from where: for the audit history when it is refused before the console itself has seen it.
pub(super) struct Asking<'a> {
    pub(super) web: &'a Web,
    pub(super) caller: &'a Caller,
    pub(super) peer: &'a Peer,
    pub(super) deed: Deed,
    pub(super) subject: &'a str,
}

impl Asking<'_> {
    /// Reads a body. Whatever the type does not know is an error: a misspelt field must not silently mean its default.
    pub(super) async fn read<T: DeserializeOwned + Serialize>(&self, headers: &HeaderMap, sent: Sent) -> Result<T, Problem> {
        match body(headers, sent).and_then(|bytes| strict(&bytes)) {
            Ok(value) => Ok(value),
            Err(problem) => Err(self.refused(problem).await),
        }
    }

    /// Writes a refusal into the audit history.
    pub(super) async fn refused(&self, problem: Problem) -> Problem {
        let reason = format!("{}: {}", problem.code(), problem.detail());
        let noted = self.web.console.note_refusal(self.caller, self.deed, self.subject, &reason, &self.peer.address.to_string()).await;
        noted.map_or_else(Problem::from, |()| problem)
    }

    /// The operation that the subject names.
    pub(super) async fn parse_operation_id(&self) -> Result<OperationId, Problem> {
        match self.subject.parse() {
            Ok(id) => Ok(id),
            Err(_) => Err(self.refused(Problem::unknown_operation(self.subject)).await),
        }
    }

    /// What the console answered to somebody who only looks: it does not write down itself that a pool is not there.
    pub(super) async fn known<T>(&self, outcome: Result<T, Problem>) -> Result<T, Problem> {
        match outcome {
            Err(problem) if problem.code() == "unknown_pool" => Err(self.refused(problem).await),
            other => other,
        }
    }
}

/// The bytes of a body that says that it is JSON.
pub(super) fn body(headers: &HeaderMap, sent: Sent) -> Result<Bytes, Problem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        let detail = "send JSON, with `Content-Type: application/json`";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail));
    }
    sent.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "a request has at most 64 KiB"),
        _ => Problem::new(StatusCode::BAD_REQUEST, "malformed", "the body could not be read to its end"),
    })
}

/// Reads JSON, or says where it is wrong and what was expected.
pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|error| {
        let detail =
            if bytes.iter().all(u8::is_ascii_whitespace) { "the body is empty; JSON was expected".to_owned() } else { error.to_string() };
        Problem::new(StatusCode::BAD_REQUEST, "malformed", detail).with("line", error.line()).with("column", error.column())
    })
}

/// Reads JSON and refuses every field that the type does not know, at any depth: such a field is missing when the value is written again.
fn strict<T: DeserializeOwned + Serialize>(bytes: &[u8]) -> Result<T, Problem> {
    let value: T = parse(bytes)?;
    let sent: Value = parse(bytes)?;
    let known = serde_json::to_value(&value).unwrap_or_default();
    match unknown(&sent, &known, "") {
        Some(field) => {
            Err(Problem::new(StatusCode::BAD_REQUEST, "unknown_field", format!("there is no field `{field}` here")).with("field", field))
        }
        None => Ok(value),
    }
}

fn unknown(sent: &Value, known: &Value, at: &str) -> Option<String> {
    match (sent, known) {
        (Value::Object(sent), Value::Object(known)) => sent.iter().find_map(|(name, value)| {
            let path = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
            match known.get(name) {
                Some(known) => unknown(value, known, &path),
                None => Some(path),
            }
        }),
        (Value::Array(sent), Value::Array(known)) => {
            sent.iter().zip(known).enumerate().find_map(|(place, (sent, known))| unknown(sent, known, &format!("{at}[{place}]")))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchback_domain::operation::{Intent, Request};

    fn refusal<T: DeserializeOwned + Serialize>(text: &str) -> (String, String) {
        strict::<T>(text.as_bytes())
            .map(|_| ())
            .map_err(|problem| (problem.code().to_owned(), problem.detail().to_owned()))
            .expect_err(text)
    }

    #[test]
    fn a_field_that_nobody_knows_is_an_error_at_any_depth() {
        let (code, detail) = refusal::<Intent>(r#"{"kind":"switchover","to":"b","dry_run":true}"#);
        assert_eq!((code.as_str(), detail.as_str()), ("unknown_field", "there is no field `dry_run` here"));
        let members = r#"{"kind":"members","changes":[{"side":"a","member":"m","to":"ready","by":"force"}]}"#;
        assert_eq!(refusal::<Intent>(members).1, "there is no field `changes[0].by` here");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place_and_what_was_expected() {
        let (code, detail) = refusal::<Intent>("{\n  \"kind\": \"switchover\",\n  \"to\": }");
        assert_eq!(code, "malformed");
        assert!(detail.contains("line 3 column 9"), "{detail}");
        assert!(refusal::<Intent>(r#"{"kind":"explode"}"#).1.contains("expected one of `switchover`"), "names what there is");
        assert!(refusal::<Request>(r#"{"pool":"chat-core"}"#).1.contains("missing field `intent`"));
        assert_eq!(refusal::<Intent>("  \n").1, "the body is empty; JSON was expected");
    }

    #[test]
    fn what_may_be_left_out_may_be_left_out() {
        let text = r#"{"pool":"p","intent":{"kind":"failover","to":"a"},"plan":"00","planned_at":"2026-01-01T00:00:00Z","reason":"r",
            "typed_pool":"p","typed_site":"s"}"#;
        let request: Request = strict(text.as_bytes()).map_err(|problem| problem.detail().to_owned()).expect("good");
        assert!(!request.dry_run && request.acknowledged.is_empty());
    }
}
