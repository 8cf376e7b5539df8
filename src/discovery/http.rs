//! Endpoints from a URL, in the format of Prometheus' `http_sd_configs`.

use std::fmt;
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use url::Url;

use super::{Discovered, DiscoveryError, TargetGroup, flatten};
use crate::build_info;
use crate::fetch::{chain, client_config};
use crate::probe::tls;

/// A server has this long for its whole answer.
pub const LONGEST_REQUEST: Duration = Duration::from_secs(30);

/// Bytes of an answer at most, after decompression.
const LARGEST: usize = 16 << 20;

/// Which URL, and how it is asked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What is asked; `http` or `https`, without credentials.
    pub url: Url,
    /// How often.
    pub interval: Duration,
    /// The `Authorization` header; marked sensitive, so that it is not printed.
    pub authorization: Option<HeaderValue>,
    /// How the server is verified, and what it is shown.
    pub tls: tls::Settings,
}

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The authorities, the client certificate or the versions.
    #[error("the tls settings of {url} cannot be used: {error}")]
    Tls {
        /// The URL that they are for.
        url: Url,
        /// What is wrong with them.
        error: String,
    },
    /// The client could not be built.
    #[error("cannot make a client for {url}: {error}")]
    Client {
        /// The URL that it is for.
        url: Url,
        /// What the library says.
        error: String,
    },
}

/// The URL at work.
#[derive(Debug)]
pub(super) struct Endpoint {
    settings: Settings,
    client: reqwest::Client,
}

impl Endpoint {
    pub(super) fn new(settings: Settings) -> Result<Self, SettingsError> {
        let tls = client_config(&settings.tls).map_err(|error| SettingsError::Tls {
            url: settings.url.clone(),
            error,
        })?;
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .timeout(LONGEST_REQUEST)
            .user_agent(build_info::USER_AGENT)
            // Nothing below `app` reads the environment.
            .no_proxy()
            .build()
            .map_err(|error| SettingsError::Client {
                url: settings.url.clone(),
                error: chain(&error),
            })?;
        Ok(Self { settings, client })
    }

    pub(super) const fn interval(&self) -> Duration {
        self.settings.interval
    }

    /// Asks once.
    pub(super) async fn fetch(&self) -> Result<Vec<Discovered>, DiscoveryError> {
        let mut request = self
            .client
            .get(self.settings.url.clone())
            .header(ACCEPT, "application/json")
            .header(
                "X-Prometheus-Refresh-Interval-Seconds",
                self.settings.interval.as_secs_f64().to_string(),
            );
        if let Some(authorization) = &self.settings.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let response = request.send().await.map_err(|error| self.failed(chain(&error)))?;
        if response.status() != StatusCode::OK {
            return Err(self.failed(format!("the server answers {}, not 200", response.status())));
        }
        let kind = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .unwrap_or_default();
        if !kind
            .trim_start()
            .to_ascii_lowercase()
            .starts_with("application/json")
        {
            return Err(self.failed(format!("the content type is {kind:?}, not \"application/json\"")));
        }
        let body = self.body(response).await?;
        let groups: Vec<TargetGroup> =
            serde_json::from_slice(&body).map_err(|error| DiscoveryError::Format {
                place: self.settings.url.to_string(),
                error: error.to_string(),
            })?;
        Ok(flatten(groups))
    }

    async fn body(&self, mut response: reqwest::Response) -> Result<Vec<u8>, DiscoveryError> {
        let mut body = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| self.failed(chain(&error)))?
        {
            if body.len() + chunk.len() > LARGEST {
                return Err(DiscoveryError::TooLarge {
                    place: self.settings.url.to_string(),
                    limit: LARGEST,
                });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn failed(&self, error: String) -> DiscoveryError {
        DiscoveryError::Fetch {
            url: self.settings.url.to_string(),
            error,
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http_sd {}", self.settings.url)
    }
}
