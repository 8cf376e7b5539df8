//! What hosting platforms expect of the domains that they serve: asked on a schedule of its own, never by a probe.
//!
//! Every adapter does the same: it lists the platform's domains, and gives each with where DNS must lead, how it stands
//! with the certificate, and the platform's own word for it. A list is whole or it is an error: a page that is missing
//! must not look like domains that are. A word that an adapter does not know passes through.

use std::time::Duration;

use jiff::Timestamp;
use url::Url;

use crate::endpoint::PlatformName;
use crate::fetch::{self, FetchError};
use crate::outlook::platform::Domain;

mod api;
mod heroku;
pub mod json;
pub mod watch;

use api::Api;

/// Domains that one platform may tell of.
pub const MOST_DOMAINS: usize = 100_000;

/// A platform, and how it is asked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its name, unique.
    pub name: PlatformName,
    /// How often.
    pub interval: Duration,
    /// What its paths are relative to.
    pub url: Url,
    /// Headers (the token among them), TLS, bounds.
    pub client: fetch::Settings,
    /// What it speaks.
    pub kind: Kind,
}

/// What a platform speaks, and what of it is asked for.
#[derive(Debug, Clone)]
pub enum Kind {
    /// Heroku's Platform API.
    Heroku {
        /// The app, by name or id.
        app: String,
    },
    /// Any list of domains in JSON.
    Json(Box<json::Shape>),
}

impl Kind {
    /// The name in the configuration.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Heroku { .. } => "heroku",
            Self::Json(_) => "json",
        }
    }

    /// How many requests may be sent in how long: half of what the platform documents for one token, since people and
    /// their tools use it too.
    #[must_use]
    pub const fn limit(&self) -> Limit {
        match self {
            // "4500 requests per hour" per account.
            Self::Heroku { .. } => Limit::new(2_250, 3_600),
            // Nobody documents it: a request a second is what any server bears.
            Self::Json(_) => Limit::new(60, 60),
        }
    }
}

/// Requests that may be sent within a window of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// So many.
    pub requests: u32,
    /// In so long.
    pub window: Duration,
}

impl Limit {
    const fn new(requests: u32, seconds: u64) -> Self {
        Self {
            requests,
            window: Duration::from_secs(seconds),
        }
    }
}

/// Why a platform has not told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlatformError {
    /// No answer, or none that can be used.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The token is not known there.
    #[error("{0}; check the token: it may have expired or been revoked")]
    Unauthorized(FetchError),
    /// The token may not do this.
    #[error("{0}; the token needs leave to read the domains")]
    Forbidden(FetchError),
    /// More was asked than the platform allows.
    #[error("{place} allows no more requests until {until}")]
    RateLimited {
        /// What was asked.
        place: String,
        /// When it is asked again.
        until: Timestamp,
    },
    /// A list that does not end.
    #[error("{place} tells of more than {MOST_DOMAINS} domains")]
    TooMany {
        /// What was asked.
        place: String,
    },
    /// An answer in another shape.
    #[error("the answer of {place} is not what was expected: {problem}")]
    Shape {
        /// What was asked.
        place: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// A platform at work.
#[derive(Debug)]
pub struct Adapter {
    api: Api,
    kind: Kind,
}

impl Adapter {
    /// Makes ready to ask; fails where the TLS settings cannot be used.
    pub fn new(settings: &Settings) -> Result<Self, PlatformError> {
        Ok(Self {
            api: Api::new(settings)?,
            kind: settings.kind.clone(),
        })
    }

    /// Asks for every domain. Waits where asking at once would break the platform's limit.
    pub async fn domains(&mut self, now: Timestamp) -> Result<Vec<Domain>, PlatformError> {
        self.api.begin(now)?;
        let domains = match &self.kind {
            Kind::Heroku { app } => heroku::domains(&mut self.api, app).await,
            Kind::Json(shape) => json::domains(&mut self.api, shape).await,
        };
        self.api.end();
        domains
    }
}
