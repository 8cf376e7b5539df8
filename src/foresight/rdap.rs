//! How long a domain is registered, by RDAP (RFC 9082, RFC 9083), with the registry found by IANA's bootstrap file
//! (RFC 9224).

use std::collections::BTreeMap;
use std::time::Duration;

use http::header::{ACCEPT, RETRY_AFTER};
use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use url::Url;

use crate::fetch::{self, Client, FetchError};
use crate::outlook::registration::Registration;
use crate::text::bounded;

mod registrable;

pub use registrable::registrable;

/// How registrations are looked up.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which registry to ask.
    pub bootstrap: Bootstrap,
    /// TLS and bounds.
    pub client: fetch::Settings,
}

/// Which registry speaks for which top-level domain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bootstrap(BTreeMap<String, Url>);

/// What the program brings along: some of the larger top-level domains, as IANA listed them in 2026.
const BUILT_IN: &[u8] = include_bytes!("rdap/bootstrap.json");

/// At most one look a day at a domain.
pub const BETWEEN_LOOKS: Duration = Duration::from_secs(86_400);

/// Until the next look where this one has failed; registries limit those who ask again and again.
const AFTER_FAILURE: Duration = Duration::from_secs(4 * 3_600);

/// States of a domain that are kept.
const MOST_STATUSES: usize = 16;

/// Why a registration is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RdapError {
    /// Nobody is known to ask.
    #[error("no registry is known for {0}: name one in bootstrap_file")]
    NoRegistry(String),
    /// The registry does not know the domain.
    #[error("{0} does not know the domain")]
    NotFound(String),
    /// It wants to be asked less often.
    #[error("{place} allows no more requests for {} s", wait.as_secs())]
    RateLimited {
        /// Who was asked.
        place: String,
        /// How long it wants to be left alone.
        wait: Duration,
    },
    /// It speaks of another domain.
    #[error("{place} speaks of {found}")]
    Other {
        /// Who was asked.
        place: String,
        /// Of what it speaks.
        found: String,
    },
    /// No answer, or none that can be used.
    #[error(transparent)]
    Fetch(#[from] FetchError),
}

impl RdapError {
    /// How long to wait before asking again.
    #[must_use]
    pub fn wait(&self) -> Duration {
        match self {
            Self::NoRegistry(_) | Self::NotFound(_) | Self::Other { .. } => BETWEEN_LOOKS,
            Self::RateLimited { wait, .. } => (*wait).clamp(AFTER_FAILURE, 7 * BETWEEN_LOOKS),
            Self::Fetch(_) => AFTER_FAILURE,
        }
    }
}

/// The file of RFC 9224 section 4.
#[derive(Debug, Deserialize)]
struct BootstrapFile {
    services: Vec<(Vec<String>, Vec<Url>)>,
}

impl Bootstrap {
    /// What the program brings along.
    #[must_use]
    pub fn built_in() -> Self {
        Self::parse(BUILT_IN).unwrap_or_default()
    }

    /// IANA's file, or one like it.
    pub fn parse(json: &[u8]) -> Result<Self, String> {
        let file: BootstrapFile = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        let mut registries = BTreeMap::new();
        for (domains, urls) in file.services {
            let secure = urls.iter().find(|url| url.scheme() == "https");
            let Some(url) = secure.or_else(|| urls.first()) else {
                continue;
            };
            for domain in domains {
                registries.insert(domain.to_ascii_lowercase(), url.clone());
            }
        }
        if registries.is_empty() {
            return Err("it names no registry".to_owned());
        }
        Ok(Self(registries))
    }

    /// Who speaks for a domain: the entry that matches most of its labels (RFC 9224 section 4).
    fn registry(&self, domain: &str) -> Option<&Url> {
        let starts = domain.match_indices('.').map(|(at, _)| at + 1);
        let mut ends = std::iter::once(0).chain(starts).map(|at| &domain[at..]);
        ends.find_map(|end| self.0.get(end))
    }
}

/// An answer, as far as it matters here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Domain {
    ldh_name: Option<String>,
    #[serde(default)]
    status: Vec<String>,
    #[serde(default)]
    events: Vec<Event>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    event_action: String,
    event_date: Option<String>,
}

/// Looks registrations up.
#[derive(Debug)]
pub struct Registries {
    bootstrap: Bootstrap,
    client: Client,
}

impl Registries {
    /// Makes ready to ask; fails where the TLS settings cannot be used.
    pub fn new(settings: Settings) -> Result<Self, RdapError> {
        Ok(Self {
            client: Client::new(&settings.client)?,
            bootstrap: settings.bootstrap,
        })
    }

    /// What the registry says of a domain now.
    pub async fn look_up(&self, domain: &str, now: Timestamp) -> Result<Registration, RdapError> {
        let registry = self.bootstrap.registry(domain);
        let mut url = registry
            .ok_or_else(|| RdapError::NoRegistry(domain.to_owned()))?
            .clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["domain", domain]);
        }
        let request = self.client.request(Method::GET, url);
        let answer = self
            .client
            .ask(request.header(ACCEPT, "application/rdap+json"))
            .await?;
        match answer.status {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Err(RdapError::NotFound(answer.place)),
            StatusCode::TOO_MANY_REQUESTS => {
                let said = answer
                    .headers
                    .get(RETRY_AFTER)
                    .and_then(|value| value.to_str().ok());
                let wait = said.and_then(|text| fetch::retry_after(text, now));
                return Err(RdapError::RateLimited {
                    place: answer.place,
                    wait: wait.map_or(AFTER_FAILURE, SignedDuration::unsigned_abs),
                });
            }
            _ => return Err(self.client.refused(&answer).into()),
        }
        let found: Domain = self.client.parse(&answer)?;
        match found.ldh_name.as_deref().map(|name| name.trim_end_matches('.')) {
            Some(name) if !name.eq_ignore_ascii_case(domain) => Err(RdapError::Other {
                place: answer.place,
                found: bounded(name),
            }),
            Some(_) | None => Ok(registration(domain, &found, now)),
        }
    }
}

fn registration(domain: &str, found: &Domain, now: Timestamp) -> Registration {
    // The registry's date, not the registrar's: of several the first to come.
    let ends = found
        .events
        .iter()
        .filter(|event| event.event_action == "expiration");
    let dates = ends.filter_map(|event| event.event_date.as_deref()?.parse::<Timestamp>().ok());
    let statuses = found.status.iter().take(MOST_STATUSES);
    Registration {
        domain: domain.to_owned(),
        expiry: dates.min(),
        statuses: statuses.map(|status| bounded(status)).collect(),
        observed: now,
    }
}
