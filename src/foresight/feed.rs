//! The status pages of others, in the three shapes that most of them have.

use std::time::Duration;

use http::header::{ACCEPT, RETRY_AFTER};
use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use url::Url;

use crate::fetch::{self, Answer, FetchError};
use crate::outlook::feed::{Feed, Report};

pub mod shape;

/// The longest that a page is left alone, whatever it asks for.
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

/// A status page, and how it is asked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its name, unique.
    pub name: String,
    /// The document (Statuspage, Status.io), or what the API's paths are relative to (Trust).
    pub url: Url,
    /// What it speaks.
    pub kind: Kind,
    /// How often.
    pub interval: Duration,
    /// How it is asked.
    pub client: fetch::Settings,
}

impl Settings {
    /// A page with the usual interval and bounds: five minutes; ten seconds; 4 MiB, since pages list years of incidents.
    #[must_use]
    pub fn new(name: &str, url: Url, kind: Kind) -> Self {
        Self {
            name: name.to_owned(),
            url,
            kind,
            interval: Duration::from_secs(300),
            client: fetch::Settings {
                timeout: Duration::from_secs(10),
                largest: 4 << 20,
                ..fetch::Settings::default()
            },
        }
    }
}

/// What a status page speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Atlassian Statuspage and what is compatible with it: `/api/v2/summary.json`.
    Statuspage,
    /// Status.io: `/1.0/status/{page}`.
    StatusIo,
    /// Salesforce Trust: `instances` and `incidents/active` below the URL.
    Trust {
        /// Whose instances, as in `Heroku`.
        product: String,
    },
}

impl Kind {
    /// The name in the configuration.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Statuspage => "statuspage",
            Self::StatusIo => "status_io",
            Self::Trust { .. } => "trust",
        }
    }
}

/// Why a page has not told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    /// No answer, or none that can be used.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// More was asked than the page allows.
    #[error("{place} allows no more requests until {until}")]
    RateLimited {
        /// What was asked.
        place: String,
        /// When it may be asked again.
        until: Timestamp,
    },
}

/// Asks one status page.
#[derive(Debug)]
pub struct Client {
    http: fetch::Client,
    url: Url,
    kind: Kind,
}

impl Client {
    /// Makes ready to ask; fails where the TLS settings cannot be used.
    pub fn new(settings: &Settings) -> Result<Self, FetchError> {
        Ok(Self {
            http: fetch::Client::new(&settings.client)?,
            url: settings.url.clone(),
            kind: settings.kind.clone(),
        })
    }

    /// Asks once.
    pub async fn ask(&self, now: Timestamp) -> Result<Report, FeedError> {
        match &self.kind {
            Kind::Statuspage => {
                let answer = self.get(self.url.clone(), now).await?;
                Ok(shape::statuspage(&self.http.parse(&answer)?))
            }
            Kind::StatusIo => {
                let answer = self.get(self.url.clone(), now).await?;
                Ok(shape::status_io(&self.http.parse(&answer)?))
            }
            Kind::Trust { product } => {
                let mut instances = self.below(&["instances"]);
                instances.query_pairs_mut().append_pair("products", product);
                let instances = self.get(instances, now).await?;
                let incidents = self.get(self.below(&["incidents", "active"]), now).await?;
                Ok(shape::trust(
                    &self.http.parse::<Vec<_>>(&instances)?,
                    &self.http.parse::<Vec<_>>(&incidents)?,
                ))
            }
        }
    }

    /// A path below the API's own URL.
    fn below(&self, segments: &[&str]) -> Url {
        let mut url = self.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    async fn get(&self, url: Url, now: Timestamp) -> Result<Answer, FeedError> {
        let request = self.http.request(Method::GET, url);
        let answer = self.http.ask(request.header(ACCEPT, "application/json")).await?;
        if answer.status == StatusCode::OK {
            return Ok(answer);
        }
        let said = answer
            .headers
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok());
        let wait = said.and_then(|text| fetch::retry_after(text, now));
        match wait.and_then(|wait| now.saturating_add(wait.max(SignedDuration::ZERO)).ok()) {
            Some(until) => Err(FeedError::RateLimited {
                place: answer.place,
                until,
            }),
            None => Err(self.http.refused(&answer).into()),
        }
    }
}

/// How long to wait before a page is asked again: its interval, doubled with each failure to an hour at most; longer
/// than its interval also where it has asked for it.
#[must_use]
pub fn wait(interval: Duration, feed: &Feed, error: Option<&FeedError>, now: Timestamp) -> Duration {
    let longest = LONGEST_WAIT.max(interval);
    let doubled = interval.saturating_mul(1 << feed.failures.min(6));
    let asked = match error {
        Some(FeedError::RateLimited { until, .. }) => until.duration_since(now).max(SignedDuration::ZERO),
        Some(FeedError::Fetch(_)) | None => SignedDuration::ZERO,
    };
    doubled.max(asked.unsigned_abs()).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_fails_is_asked_less_often_and_at_least_every_hour() {
        let now: Timestamp = "2026-05-08T10:30:00Z".parse().unwrap();
        let minutes = |failures, error: Option<&FeedError>| {
            let feed = Feed {
                failures,
                ..Feed::new("x")
            };
            wait(Duration::from_secs(300), &feed, error, now).as_secs() / 60
        };
        assert_eq!(
            [0, 1, 2, 3, 4, 99].map(|failures| minutes(failures, None)),
            [5, 10, 20, 40, 60, 60]
        );
        let limited = |wait: i64| FeedError::RateLimited {
            place: String::new(),
            until: now + SignedDuration::from_mins(wait),
        };
        assert_eq!(minutes(1, Some(&limited(30))), 30);
        assert_eq!(minutes(1, Some(&limited(-30))), 10);
        assert_eq!(minutes(1, Some(&limited(9_999))), 60);
        let feed = Feed::new("x");
        assert_eq!(wait(LONGEST_WAIT * 2, &feed, None, now), LONGEST_WAIT * 2);
    }
}
