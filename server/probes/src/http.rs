//! Asking over HTTP: bounded in size, never following, telling failures apart.

use crate::{
    ANSWER_LIMIT,
    failure::{Problem, chain, find},
    target::{Credentials, HttpTarget, SetUpError},
    tls,
};
use reqwest::{Client, Method, Url, header::AUTHORIZATION, redirect};
use secrecy::ExposeSecret;
use serde_json::Value;
use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use switchback_domain::ProbeFailure;

/// One server and how to ask it. Its connections are kept where the server allows it (Patroni's server closes each).
pub(crate) struct Http {
    client: Client,
    base: Url,
    credentials: Option<Credentials>,
    /// Whoever answers has proved who it is.
    verified: bool,
    // The answers asked for here are open as the engines come, so a password is shown only to a server that has asked for one.
    password_wanted: AtomicBool,
    timeout: Duration,
}

/// What came back, read to its end.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Http {
    pub(crate) fn new(target: HttpTarget) -> Result<Self, SetUpError> {
        let bad = |problem| SetUpError::Address { address: target.url.clone(), problem };
        let base = Url::parse(&target.url).map_err(|_| bad("it must look like https://198.18.1.11:8008"))?;
        if !base.username().is_empty() || base.password().is_some() {
            return Err(bad("user name and password have settings of their own and must not be in the URL"));
        }
        if base.query().is_some() || base.fragment().is_some() || base.cannot_be_a_base() {
            return Err(bad("it must end after host, port and path"));
        }
        let tls = match base.scheme() {
            "https" => tls::client_config(&target.tls)?,
            "http" if target.tls.is_empty() => tls::no_tls_config()?,
            "http" => return Err(SetUpError::PlainWithFiles { address: target.url }),
            _ => return Err(bad("it must begin with http:// or https://")),
        };
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .user_agent("switchback")
            // A redirect could lead anywhere, also back into networks that only the console reaches.
            .redirect(redirect::Policy::none())
            // An engine is asked directly; the machine's proxy for the web must not come between.
            .no_proxy()
            .http1_only()
            .pool_max_idle_per_host(4)
            .connect_timeout(target.timeout)
            .build()
            .map_err(|error| SetUpError::Tls { cause: chain(&error) })?;
        let verified = base.scheme() == "https";
        Ok(Http {
            client,
            base,
            credentials: target.credentials,
            verified,
            password_wanted: AtomicBool::new(false),
            timeout: target.timeout,
        })
    }

    /// Where it is.
    pub(crate) fn base(&self) -> &Url {
        &self.base
    }

    /// Its certificate is verified, so that it is who it says it is.
    pub(crate) fn is_verified(&self) -> bool {
        self.verified
    }

    /// How long one look may take altogether.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Asks for `path` and reads the answer to its end, whatever its status, within `limit`.
    /// Redirects and refused credentials are failures.
    pub(crate) async fn get(&self, path: &str, limit: Duration) -> Result<Answer, Problem> {
        tokio::time::timeout(limit, self.ask(path, limit)).await.unwrap_or_else(|_| Err(Problem::timed_out(limit)))
    }

    async fn ask(&self, path: &str, limit: Duration) -> Result<Answer, Problem> {
        let showing = self.credentials.as_ref().filter(|_| self.password_wanted.load(Ordering::Relaxed));
        let question = || Question { method: Method::GET, path, body: None, token: None };
        let mut response = self.send(question(), showing, limit).await?;
        // Anybody can say 401; only who has proved who it is gets a password for it.
        if response.status() == 401 && showing.is_none() && self.credentials.is_some() && self.verified {
            self.password_wanted.store(true, Ordering::Relaxed);
            response = self.send(question(), self.credentials.as_ref(), limit).await?;
        }
        let status = response.status();
        if status == 401 || status == 403 {
            return Err(Problem::new(ProbeFailure::Unauthorized, format!("{path} answers {status}")));
        }
        read(response, path, limit).await
    }

    /// Gives an order, with the credentials at once: to be asked for them first would cost a round trip in the middle of an outage. Without
    /// TLS they can be read then, which is why the configuration has to say that there is none.
    /// Whatever the status is, refused credentials included, it is an answer; only redirects are failures.
    pub(crate) async fn order(&self, question: Question<'_>, limit: Duration) -> Result<Answer, Problem> {
        let path = question.path;
        let work = async {
            let credentials = self.credentials.as_ref().filter(|_| question.token.is_none());
            read(self.send(question, credentials, limit).await?, path, limit).await
        };
        tokio::time::timeout(limit, work).await.unwrap_or_else(|_| Err(Problem::timed_out(limit)))
    }

    async fn send(&self, question: Question<'_>, credentials: Option<&Credentials>, limit: Duration) -> Result<reqwest::Response, Problem> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{}", self.base.path().trim_end_matches('/'), question.path));
        let mut request = self.client.request(question.method, url);
        if let Some(credentials) = credentials {
            request = request.basic_auth(&credentials.username, Some(credentials.password.expose_secret()));
        }
        if let Some(token) = question.token {
            request = request.header(AUTHORIZATION, token);
        }
        if let Some(body) = question.body {
            request = request.json(body);
        }
        request.send().await.map_err(|error| send_problem(&error, limit))
    }
}

/// What is asked for, or ordered.
pub(crate) struct Question<'a> {
    pub(crate) method: Method,
    pub(crate) path: &'a str,
    pub(crate) body: Option<&'a Value>,
    /// Shown in place of user name and password.
    pub(crate) token: Option<&'a str>,
}

async fn read(mut response: reqwest::Response, path: &str, limit: Duration) -> Result<Answer, Problem> {
    let status = response.status();
    if status.is_redirection() {
        return Err(Problem::new(ProbeFailure::Redirected, format!("{path} answers {status}")));
    }
    if response.content_length().is_some_and(|length| length > ANSWER_LIMIT as u64) {
        return Err(Problem::too_large(ANSWER_LIMIT));
    }
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await.map_err(|error| body_problem(&error, limit))? {
        if body.len() + part.len() > ANSWER_LIMIT {
            return Err(Problem::too_large(ANSWER_LIMIT));
        }
        body.extend_from_slice(&part);
    }
    Ok(Answer { status: status.as_u16(), body })
}

impl Answer {
    /// The body, if the status is one of those that come with an answer.
    pub(crate) fn body_of(self, good: &[u16]) -> Result<Vec<u8>, Problem> {
        if good.contains(&self.status) {
            Ok(self.body)
        } else {
            Err(Problem::new(ProbeFailure::Status { code: self.status }, format!("status {}", self.status)))
        }
    }
}

fn send_problem(error: &reqwest::Error, limit: Duration) -> Problem {
    // Its time-out while it connects is one of these as well.
    let not_connected = error.is_connect();
    Problem { not_connected, ..send_problem_named(error, limit) }
}

fn send_problem_named(error: &reqwest::Error, limit: Duration) -> Problem {
    let because = |failure| Problem::new(failure, chain(error));
    if error.is_timeout() {
        return Problem::timed_out(limit);
    }
    if error.is_dns() {
        return because(ProbeFailure::Unreachable);
    }
    if let Some(hyper) = find::<hyper::Error>(error) {
        if hyper.is_parse() {
            return because(ProbeFailure::Garbage);
        }
        if hyper.is_incomplete_message() {
            return because(ProbeFailure::CutShort);
        }
    }
    match find::<io::Error>(error) {
        Some(io) => Problem { cause: chain(error), ..Problem::io(io, limit) },
        None => because(ProbeFailure::Garbage),
    }
}

/// Once an answer has begun, a connection that ends is an answer that was cut.
fn body_problem(error: &reqwest::Error, limit: Duration) -> Problem {
    if error.is_timeout() {
        return Problem::timed_out(limit);
    }
    let ended = match (find::<hyper::Error>(error), find::<io::Error>(error)) {
        (Some(hyper), None) => !hyper.is_parse(),
        (_, Some(io)) => !matches!(io.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput),
        (None, None) => false,
    };
    Problem::new(if ended { ProbeFailure::CutShort } else { ProbeFailure::Garbage }, chain(error))
}
