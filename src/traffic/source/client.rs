//! Requests to a source: built as every client here is, bounded, and never repeated with what is secret.

use std::sync::Arc;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Method, Proxy, RequestBuilder, Response};
use serde::Deserialize;
use tokio::sync::Semaphore;
use url::Url;

use super::{Bound, CONCURRENT, Settings, SourceError};
use crate::build_info;
use crate::fetch::{chain, client_config};

/// How a source is asked.
#[derive(Debug)]
pub(super) struct Http {
    name: Arc<str>,
    client: Client,
    headers: HeaderMap,
    slots: Semaphore,
}

/// What an API says when it does not answer; the keys in use by Prometheus, Loki, Plausible and `PostHog`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Refusal {
    error_type: Option<String>,
    #[serde(alias = "detail", alias = "message", alias = "exception")]
    error: String,
}

impl Http {
    pub(super) fn new(settings: &Settings) -> Result<Self, SourceError> {
        let refuse = |problem: String| SourceError::Settings {
            name: Arc::clone(&settings.name),
            problem,
        };
        let asked = &settings.client;
        if asked.tls.insecure_skip_verify || asked.tls.server_name.is_some() {
            let problem = "insecure_skip_verify and server_name are not supported here; give the server's authority \
                           in ca_file and ask it by a name of its certificate";
            return Err(refuse(problem.to_owned()));
        }
        let tls = client_config(&asked.tls)
            .map_err(|error| refuse(format!("the tls settings cannot be used: {error}")))?;
        let builder = Client::builder()
            .tls_backend_preconfigured(tls)
            .timeout(asked.timeout)
            .user_agent(build_info::USER_AGENT)
            .default_headers(asked.headers.clone())
            .redirect(if asked.follow_redirects {
                Policy::custom(redirect)
            } else {
                Policy::none()
            })
            // Nothing below `app` reads the environment.
            .no_proxy();
        let builder = match &asked.proxy {
            None => builder,
            Some(url) => builder.proxy(Proxy::all(url.clone()).map_err(|error| {
                refuse(format!(
                    "the proxy cannot be used: {}",
                    chain(&error.without_url())
                ))
            })?),
        };
        let client = builder
            .build()
            .map_err(|error| refuse(format!("cannot make a client: {}", chain(&error.without_url()))))?;
        Ok(Self {
            name: Arc::clone(&settings.name),
            client,
            headers: asked.headers.clone(),
            slots: Semaphore::new(CONCURRENT),
        })
    }

    /// A request to be completed and sent.
    pub(super) fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.client.request(method, url)
    }

    /// With a body of this type, unless the user names another.
    pub(super) fn body(&self, request: RequestBuilder, kind: &str, body: String) -> RequestBuilder {
        let request = if self.headers.contains_key(CONTENT_TYPE) {
            request
        } else {
            request.header(CONTENT_TYPE, kind)
        };
        request.body(body)
    }

    /// The body of a successful response of at most so many bytes, as what it is parsed to.
    pub(super) async fn ask<T>(
        &self,
        request: RequestBuilder,
        limit: usize,
        parse: impl FnOnce(&[u8]) -> Result<T, SourceError>,
    ) -> Result<T, SourceError> {
        // Held until the body is parsed: no more than two bodies are in memory.
        let _slot = self.slots.acquire().await;
        let response = request.send().await.map_err(|error| self.failed(error))?;
        if !response.status().is_success() {
            return Err(self.refused(response).await);
        }
        let body = self.read(response, limit).await?;
        parse(&body)
    }

    /// Text from outside, for a log line: one line, short, without control characters and secrets.
    pub(super) fn quote(&self, text: &str) -> String {
        let mut text: String = text
            .chars()
            .take(4 * LONGEST_TEXT)
            .map(|char| if char.is_control() { ' ' } else { char })
            .collect();
        for value in self.headers.values().filter(|value| value.is_sensitive()) {
            let Ok(value) = value.to_str() else { continue };
            let bare = value.rsplit(' ').next().unwrap_or(value);
            for secret in [value, bare].into_iter().filter(|secret| !secret.is_empty()) {
                text = text.replace(secret, "<secret>");
            }
        }
        let text = text.trim();
        match text.char_indices().nth(LONGEST_TEXT) {
            None => text.to_owned(),
            Some((end, _)) => format!("{}…", &text[..end]),
        }
    }

    pub(super) fn format(&self, error: &str) -> SourceError {
        SourceError::Format {
            name: Arc::clone(&self.name),
            error: self.quote(error),
        }
    }

    pub(super) fn api(&self, kind: &str, message: &str) -> SourceError {
        SourceError::Api {
            name: Arc::clone(&self.name),
            kind: self.quote(kind),
            message: self.quote(message),
        }
    }

    pub(super) fn question(&self, problem: &str) -> SourceError {
        SourceError::Question {
            name: Arc::clone(&self.name),
            problem: problem.to_owned(),
        }
    }

    pub(super) fn too_large(&self, what: Bound, limit: usize) -> SourceError {
        SourceError::TooLarge {
            name: Arc::clone(&self.name),
            what,
            limit,
        }
    }

    fn failed(&self, error: reqwest::Error) -> SourceError {
        SourceError::Fetch {
            name: Arc::clone(&self.name),
            error: self.quote(&chain(&error.without_url())),
        }
    }

    async fn read(&self, mut response: Response, limit: usize) -> Result<Vec<u8>, SourceError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failed(error))? {
            if body.len() + chunk.len() > limit {
                return Err(self.too_large(Bound::Bytes, limit));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    async fn refused(&self, response: Response) -> SourceError {
        let status = response.status();
        let kind = response.headers().get(CONTENT_TYPE);
        let plain = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/plain"));
        // A body that cannot be read leaves the status to say it.
        let body = self.read(response, LARGEST_REFUSAL).await.unwrap_or_default();
        if let Ok(refusal) = serde_json::from_slice::<Refusal>(&body) {
            if let Some(kind) = refusal.error_type {
                return self.api(&kind, &refusal.error);
            }
            return self.status(status, &refusal.error);
        }
        let text = if plain {
            String::from_utf8_lossy(&body)
        } else {
            "".into()
        };
        self.status(status, text.lines().next().unwrap_or_default())
    }

    fn status(&self, status: StatusCode, message: &str) -> SourceError {
        SourceError::Status {
            name: Arc::clone(&self.name),
            status,
            message: self.quote(message),
        }
    }
}

/// A redirect takes the headers along, secrets among them: not to another host, and not out of TLS.
fn redirect(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let Some(from) = attempt.previous().last() else {
        return attempt.stop();
    };
    let same = from.host_str() == attempt.url().host_str()
        && (from.scheme() == attempt.url().scheme() || attempt.url().scheme() == "https");
    if !same {
        return attempt.stop();
    }
    if attempt.previous().len() > MOST_REDIRECTS {
        return attempt.error("too many redirects");
    }
    attempt.follow()
}

const MOST_REDIRECTS: usize = 10;

/// Characters of a text from outside.
const LONGEST_TEXT: usize = 300;

/// Bytes of an answer without success; more is not read.
const LARGEST_REFUSAL: usize = 64 << 10;
