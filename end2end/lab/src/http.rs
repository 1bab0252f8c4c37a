//! Asking the lab's services over HTTP, as the console would.

use std::time::Duration;

use serde_json::Value;

use crate::error::{Doing, LabError, Result};
use crate::layout::Layout;

/// A client for the lab's services.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    client: reqwest::Client,
}

/// An answer, whatever its status.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub status: u16,
    pub body: String,
}

impl Http {
    pub fn new(layout: &Layout) -> Result<Self> {
        // A second call finds the provider installed, which is what is wanted.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .timeout(Duration::from_secs(3))
            .connect_timeout(Duration::from_secs(1))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy();
        if layout.options.tls {
            let read = |name: &str| {
                let path = layout.tls_dir().join(name);
                std::fs::read(&path).doing(|| format!("reading {}", path.display()))
            };
            let problem = |error| LabError::Http { what: "the lab's certificates".to_owned(), why: chain(&error) };
            let authority = reqwest::Certificate::from_pem(&read("ca.crt")?).map_err(problem)?;
            let identity = [read("console.crt")?, read("console.key")?].concat();
            builder = builder.tls_certs_only([authority]).identity(reqwest::Identity::from_pem(&identity).map_err(problem)?);
        }
        let client = builder.build().map_err(|error| LabError::Http { what: "an HTTP client".to_owned(), why: chain(&error) })?;
        Ok(Self { client })
    }

    async fn send(&self, what: String, request: reqwest::RequestBuilder) -> Result<Answer> {
        let problem = |error: reqwest::Error| LabError::Http { what: what.clone(), why: chain(&error) };
        let response = request.send().await.map_err(problem)?;
        let status = response.status().as_u16();
        Ok(Answer { status, body: response.text().await.map_err(problem)? })
    }

    /// Sends somebody else's request on, and returns whatever comes back.
    pub async fn pass_on(&self, method: reqwest::Method, url: &str, headers: reqwest::header::HeaderMap, body: Vec<u8>) -> Result<Answer> {
        let request = self.client.request(method.clone(), url).headers(headers).body(body).timeout(Duration::from_secs(40));
        self.send(format!("{method} {url}"), request).await
    }

    pub async fn get(&self, url: &str) -> Result<Answer> {
        self.send(format!("GET {url}"), self.client.get(url)).await
    }

    /// Sends a change with a password and returns the status.
    pub async fn patch(&self, url: &str, body: &Value, user: &str, password: &str) -> Result<u16> {
        let request = self.client.patch(url).basic_auth(user, Some(password)).json(body);
        self.send(format!("PATCH {url}"), request).await.map(|answer| answer.status)
    }

    /// The body of an answer with status 200.
    pub async fn get_ok(&self, url: &str) -> Result<String> {
        let answer = self.get(url).await?;
        if answer.status == 200 {
            return Ok(answer.body);
        }
        Err(LabError::Http { what: format!("GET {url}"), why: format!("status {}: {}", answer.status, answer.body.trim()) })
    }

    /// The JSON in an answer, whatever its status.
    pub async fn get_json(&self, url: &str) -> Result<Value> {
        let answer = self.get(url).await?;
        serde_json::from_str(&answer.body).doing(|| format!("the answer to GET {url}"))
    }
}

/// The whole chain of causes; reqwest's own text leaves out what matters.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
