//! What hosting platforms expect of the domains that they serve: asked on a schedule of its own, never by a probe.
//!
//! Every adapter does the same: it lists the platform's domains, and gives each with where DNS must lead, how it stands
//! with the certificate, and the platform's own word for it. A list is whole or it is an error: a page that is missing
//! must not look like domains that are. A word that an adapter does not know passes through.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::Quota;
use http::StatusCode;
use jiff::Timestamp;
use url::Url;

use crate::endpoint::PlatformName;
use crate::fetch::{self, FetchError};
use crate::outlook::platform::Domain;

mod api;
mod cloudflare;
mod details;
mod fly;
mod heroku;
pub mod json;
mod netlify;
mod railway;
mod render;
mod vercel;
pub mod watch;

use api::Api;
use details::Details;

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
    /// How many requests may be sent in how long.
    pub limit: Limit,
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
    /// Cloudflare for `SaaS`.
    Cloudflare {
        /// The zone, by id.
        zone: String,
    },
    /// Fly.io's Machines API.
    Fly {
        /// The app, by name.
        app: String,
    },
    /// Vercel's REST API.
    Vercel {
        /// The project, by name or id.
        project: String,
        /// The team that owns it, by id or by the name in its URL.
        team: Option<String>,
    },
    /// Railway's public API.
    Railway {
        /// The project, by id.
        project: String,
        /// The environment, by id.
        environment: String,
        /// The service, by id.
        service: String,
    },
    /// Netlify's API.
    Netlify {
        /// The site, by id or by one of its domains.
        site: String,
    },
    /// Render's API.
    Render {
        /// The service, by id.
        service: String,
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
            Self::Cloudflare { .. } => "cloudflare",
            Self::Fly { .. } => "fly",
            Self::Vercel { .. } => "vercel",
            Self::Railway { .. } => "railway",
            Self::Netlify { .. } => "netlify",
            Self::Render { .. } => "render",
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
            // "1200 requests per five minutes" per user; what goes beyond it blocks the user for five more.
            Self::Cloudflare { .. } => Limit::new(600, 300),
            // "1 request per second" per action and app; the burst that is allowed beyond it is left to people.
            Self::Fly { .. } => Limit::new(15, 30),
            // "100 requests per hour" on the smallest plan: a round is one request.
            Self::Railway { .. } => Limit::new(50, 3_600),
            // "500 requests per minute" per token.
            Self::Netlify { .. } => Limit::new(250, 60),
            // "400 requests per minute" for reading.
            Self::Render { .. } => Limit::new(200, 60),
            // Vercel documents hundreds a minute, endpoint by endpoint, and nobody anything of the rest: a request a
            // second is what any server bears.
            Self::Vercel { .. } | Self::Json(_) => Limit::new(60, 60),
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

    /// The pace of a limiter: bursts of a tenth of a window, so that a list of pages does not take minutes.
    #[must_use]
    pub fn quota(self) -> Quota {
        let burst = NonZeroU32::new(self.requests / 10).unwrap_or(NonZeroU32::MIN);
        let each = self.window / self.requests.max(1);
        Quota::with_period(each.max(Duration::from_nanos(1)))
            .unwrap_or_else(|| Quota::per_second(NonZeroU32::MIN))
            .allow_burst(burst)
    }

    /// Requests of a round, asked this often, that may go to domains one by one: a quarter of what is allowed in that
    /// time, or within a window where that is longer. The list itself must not wait for them.
    #[must_use]
    pub fn details(self, interval: Duration) -> usize {
        let window = self.window.as_millis().max(1);
        let time = interval.as_millis().max(window);
        let allowed = u128::from(self.requests) * time / window / 4;
        usize::try_from(allowed).unwrap_or(MOST_DOMAINS).max(1)
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

impl PlatformError {
    /// Whether the platform says that there is no such thing.
    fn is_absent(&self) -> bool {
        matches!(
            self,
            Self::Fetch(FetchError::Status {
                status: StatusCode::NOT_FOUND,
                ..
            })
        )
    }
}

/// A platform at work.
#[derive(Debug)]
pub struct Adapter {
    api: Api,
    kind: Kind,
    details: Details,
}

impl Adapter {
    /// Makes ready to ask; fails where the TLS settings cannot be used.
    pub fn new(settings: &Settings) -> Result<Self, PlatformError> {
        Ok(Self {
            api: Api::new(settings)?,
            kind: settings.kind.clone(),
            details: Details::default(),
        })
    }

    /// Asks for every domain. Waits where asking at once would break the platform's limit.
    pub async fn domains(&mut self, now: Timestamp) -> Result<Vec<Domain>, PlatformError> {
        self.api.begin(now)?;
        let (api, details) = (&mut self.api, &mut self.details);
        let domains = match &self.kind {
            Kind::Heroku { app } => heroku::domains(api, app).await,
            Kind::Cloudflare { zone } => cloudflare::domains(api, zone).await,
            Kind::Fly { app } => fly::domains(api, details, app).await,
            Kind::Vercel { project, team } => vercel::domains(api, details, project, team.as_deref()).await,
            Kind::Railway {
                project,
                environment,
                service,
            } => railway::domains(api, project, environment, service).await,
            Kind::Netlify { site } => netlify::domains(api, site).await,
            Kind::Render { service } => render::domains(api, service).await,
            Kind::Json(shape) => json::domains(api, shape).await,
        };
        self.api.end();
        domains
    }
}
