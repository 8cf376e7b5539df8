//! Certificate authorities that speak ACME (RFC 8555): whether they answer, and when they want a certificate renewed
//! (ARI, RFC 9773). Asks as anybody may, and issues nothing.

use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderMap, Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use url::Url;

use crate::fetch::{self, Client, FetchError};
use crate::outlook::renewal::Window;
use crate::text::bounded;

/// An authority, and how it is asked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its name, unique: the label `authority`.
    pub name: String,
    /// Its directory (RFC 8555 section 7.1.1).
    pub directory: Url,
    /// Texts of which one stands in the issuer's organisation or common name of its certificates.
    pub issuers: Vec<String>,
    /// The domains by which it knows itself in CAA records.
    pub identifiers: Vec<String>,
    /// TLS and bounds.
    pub client: fetch::Settings,
}

/// An authority that many certificates come from.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// Its name in the configuration.
    pub name: &'static str,
    /// Its directory.
    pub directory: &'static str,
    /// As its certificates name it.
    pub issuer: &'static str,
    /// As its documentation for CAA names it.
    pub identifiers: &'static [&'static str],
}

/// Authorities that need no more than their name.
pub const KNOWN: &[Known] = &[
    Known {
        name: "letsencrypt",
        directory: "https://acme-v02.api.letsencrypt.org/directory",
        issuer: "Let's Encrypt",
        identifiers: &["letsencrypt.org"],
    },
    Known {
        name: "google",
        directory: "https://dv.acme-v02.api.pki.goog/directory",
        issuer: "Google Trust Services",
        identifiers: &["pki.goog"],
    },
    Known {
        name: "zerossl",
        directory: "https://acme.zerossl.com/v2/DV90",
        issuer: "ZeroSSL",
        identifiers: &["sectigo.com", "zerossl.com"],
    },
    Known {
        name: "sslcom",
        directory: "https://acme.ssl.com/sslcom-dv-rsa",
        issuer: "SSL Corp",
        identifiers: &["ssl.com"],
    },
];

/// An authority at work.
#[derive(Debug)]
pub struct Authority {
    settings: Settings,
    client: Client,
}

/// What the directory says, as far as it matters here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Directory {
    new_nonce: Url,
    #[serde(rename = "newAccount")]
    _new_account: Url,
    #[serde(rename = "newOrder")]
    _new_order: Url,
    renewal_info: Option<Url>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RenewalInfo {
    suggested_window: SuggestedWindow,
    #[serde(rename = "explanationURL")]
    explanation_url: Option<String>,
}

#[derive(Debug, Deserialize)]
struct SuggestedWindow {
    start: Timestamp,
    end: Timestamp,
}

/// What an authority that answers can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Where renewal windows are asked for; not every authority has them.
    pub renewal_info: Option<Url>,
}

/// Why an authority does not do what it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AcmeError {
    /// No answer, or none that can be used.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// It gives out no nonce, without which nothing can be ordered.
    #[error("{0} gives no nonce")]
    NoNonce(String),
    /// A window that ends before it begins (RFC 9773 section 4.2).
    #[error("the renewal window of {0} ends before it begins")]
    Window(String),
}

/// The shortest and the longest time until a window is asked for again (RFC 9773 section 4.3.2 and 4.3.3).
const BETWEEN: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(86_400));

/// Until a window is asked for again where the authority does not say.
const UNSAID: Duration = Duration::from_secs(6 * 3_600);

impl Authority {
    /// Makes ready to ask; fails where the TLS settings cannot be used.
    pub fn new(settings: Settings) -> Result<Self, AcmeError> {
        Ok(Self {
            client: Client::new(&settings.client)?,
            settings,
        })
    }

    /// How it was set up.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Whether it is up: its directory is there, and gives a nonce.
    pub async fn probe(&self) -> Result<Offer, AcmeError> {
        let directory: Directory = self.client.json(self.settings.directory.clone()).await?;
        let request = self.client.request(Method::HEAD, directory.new_nonce);
        let answer = self.client.ask(request).await?;
        if !answer.status.is_success() {
            return Err(self.client.refused(&answer).into());
        }
        if !answer.headers.contains_key("replay-nonce") {
            return Err(AcmeError::NoNonce(answer.place));
        }
        Ok(Offer {
            renewal_info: directory.renewal_info,
        })
    }

    /// When a certificate should be renewed, and how long to wait before asking again. `None`: the authority does not
    /// know the certificate.
    pub async fn window(
        &self,
        renewal_info: &Url,
        certificate: &str,
        now: Timestamp,
    ) -> Result<(Option<Window>, Duration), AcmeError> {
        let mut url = renewal_info.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push(certificate);
        }
        let answer = self.client.ask(self.client.request(Method::GET, url)).await?;
        let again = again(&answer.headers, now);
        if answer.status == StatusCode::NOT_FOUND {
            return Ok((None, again.max(UNSAID)));
        }
        if answer.status != StatusCode::OK {
            return Err(self.client.refused(&answer).into());
        }
        let info: RenewalInfo = self.client.parse(&answer)?;
        let SuggestedWindow { start, end } = info.suggested_window;
        if end <= start {
            return Err(AcmeError::Window(certificate.to_owned()));
        }
        let window = Window {
            certificate: certificate.to_owned(),
            start,
            end,
            explanation: info.explanation_url.as_deref().map(bounded),
        };
        Ok((Some(window), again))
    }
}

/// How long to wait, by `Retry-After`, within what the RFC bears.
fn again(headers: &HeaderMap, now: Timestamp) -> Duration {
    let said = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let said = said.and_then(|text| fetch::retry_after(text, now));
    let said = said.map(SignedDuration::unsigned_abs);
    said.unwrap_or(UNSAID).clamp(BETWEEN.0, BETWEEN.1)
}
