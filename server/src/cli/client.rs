//! Questions to the console's API, and its answers.

use super::{Failure, Reach, token};
use futures::{Stream, StreamExt as _};
use reqwest::{Method, RequestBuilder, Response, StatusCode, header, redirect::Policy};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::time::Duration;

/// How long an ordinary answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// A stream that says nothing for so long has broken off: the console gives a sign of life much more often.
const SILENT_FOR: Duration = Duration::from_secs(40);

/// A request that may be sent again is sent so often.
const TRIES: u32 = 3;

/// What the console said instead of doing what was asked.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// The problem as it came.
    pub(super) body: Value,
}

impl Answer {
    pub(super) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    pub(super) fn detail(&self) -> &str {
        self.body["detail"].as_str().unwrap_or("the console refused")
    }
}

/// The console, as far as this command knows it.
pub(super) struct Client {
    http: reqwest::Client,
    url: String,
}

impl Client {
    pub(super) fn new(reach: &Reach) -> Result<Client, Failure> {
        let url = reach.url.trim_end_matches('/').to_owned();
        let parsed = reqwest::Url::parse(&url).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let Some(parsed) = parsed else {
            return Err(Failure::Trouble(format!(
                "--url: {url:?} is no address of a console; it looks like https://switchback.example.com"
            )));
        };
        let here = parsed.host_str().is_some_and(|host| host == "localhost" || host.starts_with("127.") || host == "[::1]");
        if parsed.scheme() == "http" && !here {
            eprintln!("switchback: warning: {url} is not encrypted; whoever listens can act in your name");
        }
        // A token goes to the address that it is for, and is not carried on to where that may lead.
        let mut builder = reqwest::Client::builder().redirect(Policy::none()).connect_timeout(Duration::from_secs(5));
        if let Some(file) = &reach.ca_file {
            let pem =
                std::fs::read(file).map_err(|error| Failure::Trouble(format!("cannot read --ca-file {}: {error}", file.display())))?;
            let certificates = reqwest::Certificate::from_pem_bundle(&pem).ok().filter(|certificates| !certificates.is_empty());
            let Some(certificates) = certificates else {
                return Err(Failure::Trouble(format!("--ca-file {} has no certificate in PEM form", file.display())));
            };
            builder = builder.tls_certs_only(certificates);
        }
        let http = builder.build().map_err(|error| Failure::Trouble(format!("cannot use TLS: {}", causes(&error))))?;
        Ok(Client { http, url })
    }

    /// The address of the console, without a slash at its end.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Asks without being signed in.
    pub(super) async fn post_openly(&self, path: &str, body: &impl Serialize) -> Result<Value, Failure> {
        json(self.send(self.ask(Method::POST, path).timeout(ANSWER_WITHIN).json(body)).await?).await
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<(T, Value), Failure> {
        let ask = || Ok(self.signed(self.ask(Method::GET, path))?.timeout(ANSWER_WITHIN));
        let value = json(self.send_again(ask).await?).await?;
        Ok((read(value.clone())?, value))
    }

    /// Writes something long to `to` as it comes.
    pub(super) async fn fetch(&self, path: &str, mut to: impl std::io::Write) -> Result<(), Failure> {
        let mut body = self.send(self.signed(self.ask(Method::GET, path))?).await?.bytes_stream();
        loop {
            let piece = tokio::time::timeout(SILENT_FOR, body.next()).await;
            let piece = piece.map_err(|_| Failure::Trouble(format!("{} has stopped sending", self.url)))?;
            let Some(piece) = piece else { break };
            to.write_all(&piece.map_err(|error| self.unreachable(&error))?).map_err(|error| unwritable(&error))?;
        }
        to.flush().map_err(|error| unwritable(&error))
    }

    pub(super) async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<(T, Value), Failure> {
        let value = json(self.send(self.signed(self.ask(Method::POST, path))?.timeout(ANSWER_WITHIN).json(body)).await?).await?;
        Ok((read(value.clone())?, value))
    }

    /// Sends something that is answered with nothing.
    pub(super) async fn tell(&self, path: &str, body: &impl Serialize) -> Result<(), Failure> {
        self.send(self.signed(self.ask(Method::POST, path))?.timeout(ANSWER_WITHIN).json(body)).await.map(drop)
    }

    /// Sends something that is done once however often it arrives.
    pub(super) async fn post_once<T: DeserializeOwned>(&self, path: &str, key: &str, body: &impl Serialize) -> Result<(T, Value), Failure> {
        let ask = || Ok(self.signed(self.ask(Method::POST, path))?.timeout(ANSWER_WITHIN).header("idempotency-key", key).json(body));
        let value = json(self.send_again(ask).await?).await?;
        Ok((read(value.clone())?, value))
    }

    /// Ends the session. Returns whether that is stored; else the console accepts it no more and goes on trying.
    pub(super) async fn end_session(&self) -> Result<bool, Failure> {
        let response = self.send(self.signed(self.ask(Method::DELETE, "/session"))?.timeout(ANSWER_WITHIN)).await?;
        Ok(response.status() != StatusCode::ACCEPTED)
    }

    /// Opens a stream of events. It ends with an error when the console is silent for too long.
    pub(super) async fn events(
        &self,
        path: &str,
        after: Option<&str>,
    ) -> Result<impl Stream<Item = Result<Vec<u8>, String>> + Unpin + use<>, Failure> {
        let mut ask = self.signed(self.ask(Method::GET, path))?.header(header::ACCEPT, "text/event-stream");
        if let Some(after) = after {
            ask = ask.header("last-event-id", after);
        }
        let response = tokio::time::timeout(ANSWER_WITHIN, self.send(ask))
            .await
            .unwrap_or_else(|_| Err(Failure::Unreachable(format!("{} does not answer", self.url))))?;
        let bytes = response.bytes_stream().boxed();
        Ok(futures::stream::unfold(bytes, |mut bytes| async move {
            match tokio::time::timeout(SILENT_FOR, bytes.next()).await {
                Ok(Some(Ok(part))) => Some((Ok(part.to_vec()), bytes)),
                Ok(Some(Err(error))) => Some((Err(causes(&error)), bytes)),
                Ok(None) => None,
                Err(_) => Some((Err("the console has fallen silent".to_owned()), bytes)),
            }
        })
        .boxed())
    }

    fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}/api/v1{path}", self.url))
    }

    fn signed(&self, ask: RequestBuilder) -> Result<RequestBuilder, Failure> {
        let token = match std::env::var("SWITCHBACK_TOKEN") {
            Ok(token) if !token.trim().is_empty() => token.trim().to_owned(),
            _ => match token::kept(&token::file()?, &self.url)? {
                Some(kept) => kept.token,
                None => return Err(Failure::Trouble(format!("you are not signed in at {}: switchback sign-in LOGIN", self.url))),
            },
        };
        Ok(ask.bearer_auth(token))
    }

    async fn send_again(&self, ask: impl Fn() -> Result<RequestBuilder, Failure>) -> Result<Response, Failure> {
        let mut tries = 1;
        loop {
            match self.send(ask()?).await {
                Err(Failure::Unreachable(_)) if tries < TRIES => {
                    super::pause(Duration::from_millis(300) * tries).await;
                    tries += 1;
                }
                other => return other,
            }
        }
    }

    async fn send(&self, ask: RequestBuilder) -> Result<Response, Failure> {
        let response = ask.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let is_problem = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/problem+json");
        let body: Value = response.json().await.unwrap_or_default();
        let told = Answer { status: status.as_u16(), body };
        if !is_problem {
            let why = format!("{} answers with {status}, which is not what a console says; is this its address?", self.url);
            return Err(Failure::Trouble(why));
        }
        match status {
            StatusCode::UNAUTHORIZED if told.code() == "not_signed_in" => {
                Err(Failure::SessionEnded(format!("your session at {} has ended: switchback sign-in LOGIN", self.url)))
            }
            status if status.is_server_error() => Err(Failure::Trouble(told.detail().to_owned())),
            _ => Err(Failure::Refused(told)),
        }
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let hint = if error.is_timeout() {
            "it did not answer in time"
        } else if error.is_connect() {
            "is it running, and is --url right?"
        } else {
            "the connection broke off"
        };
        Failure::Unreachable(format!("cannot reach the console at {}: {hint} ({})", self.url, causes(error)))
    }
}

fn unwritable(error: &std::io::Error) -> Failure {
    Failure::Trouble(format!("cannot write: {error}"))
}

async fn json(response: Response) -> Result<Value, Failure> {
    response.json().await.map_err(|error| Failure::Trouble(format!("the console's answer is not JSON: {}", causes(&error))))
}

fn read<T: DeserializeOwned>(value: Value) -> Result<T, Failure> {
    serde_json::from_value(value)
        .map_err(|error| Failure::Trouble(format!("the console speaks another version of the API than this program: {error}")))
}

/// An error with everything that caused it, without the address, which may be long and is known.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let innermost = std::iter::successors(Some(error), |error| error.source()).last();
    innermost.map(ToString::to_string).unwrap_or_default()
}
