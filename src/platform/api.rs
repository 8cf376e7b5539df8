//! The API of a platform: within its limits, without asking again for what has not changed.

use std::collections::{HashMap, HashSet};

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, RateLimiter};
use http::header::{ACCEPT, ETAG, IF_NONE_MATCH, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::{MOST_DOMAINS, PlatformError, Settings};
use crate::fetch::{Answer, Client, retry_after};
use crate::outlook::platform::Domain;

/// Pages of one list at most.
const MOST_PAGES: usize = 10_000;

/// How long to wait where the platform says to wait, and not how long.
const SHORTEST_PAUSE: SignedDuration = SignedDuration::from_secs(60);

/// The longest that is waited, whatever the platform says: it may have meant something else.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_secs(3_600);

/// Bytes of remembered answers: what is larger is asked for whole each time.
const LARGEST_MEMORY: usize = 64 << 20;

/// Asks one platform.
#[derive(Debug)]
pub(super) struct Api {
    client: Client,
    base: Url,
    limiter: DefaultDirectRateLimiter,
    /// Domains that one round may ask for one by one.
    details: usize,
    /// Answers by what was asked, while the platform says that they hold.
    memory: HashMap<Question, Answer>,
    /// What was asked since [`Api::begin`]; the rest is forgotten.
    asked: Vec<Question>,
    now: Timestamp,
    paused_until: Option<Timestamp>,
    /// Refusals for too many requests in a row.
    refusals: u32,
}

/// What tells one request from another: the URL, and the page where a header names it.
type Question = (Url, Option<HeaderValue>);

impl Api {
    pub(super) fn new(settings: &Settings) -> Result<Self, PlatformError> {
        Ok(Self {
            client: Client::new(&settings.client)?,
            base: settings.url.clone(),
            limiter: RateLimiter::direct(settings.limit.quota()),
            details: settings.limit.details(settings.interval),
            memory: HashMap::new(),
            asked: Vec::new(),
            now: Timestamp::UNIX_EPOCH,
            paused_until: None,
            refusals: 0,
        })
    }

    /// Begins a round; refused while the platform wants to be left alone.
    pub(super) fn begin(&mut self, now: Timestamp) -> Result<(), PlatformError> {
        self.now = now;
        self.asked.clear();
        match self.paused_until {
            Some(until) if now < until => Err(PlatformError::RateLimited {
                place: self.base.to_string(),
                until,
            }),
            Some(_) | None => Ok(()),
        }
    }

    /// Ends a round: answers that were not needed in it are forgotten.
    pub(super) fn end(&mut self) {
        let asked = std::mem::take(&mut self.asked);
        self.memory.retain(|question, _| asked.contains(question));
        let mut room = LARGEST_MEMORY;
        self.memory.retain(|_, answer| {
            let fits = answer.body.len() <= room;
            room -= if fits { answer.body.len() } else { 0 };
            fits
        });
    }

    /// When the round began.
    pub(super) const fn now(&self) -> Timestamp {
        self.now
    }

    /// Domains that one round may ask for one by one.
    pub(super) const fn details(&self) -> usize {
        self.details
    }

    /// A path below the API's own URL, its segments escaped.
    pub(super) fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    /// Asks by GET, with further headers; 200 and 206 are answers.
    pub(super) async fn get(&mut self, url: Url, headers: &HeaderMap) -> Result<Answer, PlatformError> {
        let question = (url.clone(), headers.get(http::header::RANGE).cloned());
        let known = self.memory.get(&question);
        let mut request = self
            .client
            .request(Method::GET, url)
            .header(ACCEPT, "application/json");
        if let Some(tag) = known.and_then(|answer| answer.headers.get(ETAG)) {
            request = request.header(IF_NONE_MATCH, tag);
        }
        let answer = self.send(request.headers(headers.clone())).await?;
        if answer.status == StatusCode::NOT_MODIFIED
            && let Some(known) = known
        {
            let known = known.clone();
            self.asked.push(question);
            return Ok(known);
        }
        let answer = self.accepted(answer)?;
        if answer.headers.contains_key(ETAG) {
            self.memory.insert(question.clone(), answer.clone());
            self.asked.push(question);
        }
        Ok(answer)
    }

    /// Asks by POST with a body in JSON; only 200 is an answer.
    pub(super) async fn post_json(
        &mut self,
        url: Url,
        body: &(impl Serialize + Sync),
    ) -> Result<Answer, PlatformError> {
        let request = self.client.request(Method::POST, url);
        let request = request.header(ACCEPT, "application/json").json(body);
        let answer = self.send(request).await?;
        self.accepted(answer)
    }

    /// An answer that says, whatever its status, that it is none.
    pub(super) fn refused(&self, answer: &Answer) -> PlatformError {
        self.client.refused(answer).into()
    }

    /// An answer that says, whatever its status, that the token is not known.
    pub(super) fn unauthorized(&self, answer: &Answer) -> PlatformError {
        PlatformError::Unauthorized(self.client.refused(answer))
    }

    /// The body of an answer as what its documentation says.
    pub(super) fn parse<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, PlatformError> {
        Ok(self.client.parse(answer)?)
    }

    /// Sends as soon as the limit allows.
    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Answer, PlatformError> {
        while let Err(wait) = self.limiter.check() {
            let wait = wait.wait_time_from(DefaultClock::default().now());
            tokio::time::sleep(wait).await;
        }
        Ok(self.client.ask(request).await?)
    }

    /// An answer that can be used, or why not.
    fn accepted(&mut self, answer: Answer) -> Result<Answer, PlatformError> {
        match answer.status {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => {
                self.refusals = 0;
                Ok(answer)
            }
            StatusCode::UNAUTHORIZED => Err(self.unauthorized(&answer)),
            StatusCode::FORBIDDEN => Err(PlatformError::Forbidden(self.client.refused(&answer))),
            StatusCode::TOO_MANY_REQUESTS => {
                let pause = pause(&answer.headers, self.now, self.refusals);
                self.refusals = self.refusals.saturating_add(1);
                let until = self.now.saturating_add(pause).unwrap_or(Timestamp::MAX);
                self.paused_until = Some(until);
                Err(PlatformError::RateLimited {
                    place: answer.place,
                    until,
                })
            }
            _ => Err(self.refused(&answer)),
        }
    }
}

/// How long a platform that refuses is left alone: as long as it says, else longer each time.
fn pause(headers: &HeaderMap, now: Timestamp, refusals: u32) -> SignedDuration {
    let said = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let said = said.and_then(|text| retry_after(text, now));
    let grown = SHORTEST_PAUSE
        .checked_mul(1 << refusals.min(10))
        .unwrap_or(LONGEST_PAUSE);
    said.unwrap_or(grown)
        .clamp(SignedDuration::from_secs(1), LONGEST_PAUSE)
}

/// Gathers the pages of a list, and refuses one that does not end.
#[derive(Debug)]
pub(super) struct Pages {
    domains: Vec<Domain>,
    count: usize,
    /// Domains of the last page.
    last: usize,
    /// What the next pages were asked by.
    followed: HashSet<String>,
}

impl Pages {
    pub(super) fn new() -> Self {
        Self {
            domains: Vec::new(),
            count: 0,
            last: 0,
            followed: HashSet::new(),
        }
    }

    /// Takes in one page.
    pub(super) fn add(
        &mut self,
        place: &str,
        domains: impl IntoIterator<Item = Domain>,
    ) -> Result<(), PlatformError> {
        let before = self.domains.len();
        // One too many is enough to know.
        self.domains
            .extend(domains.into_iter().take(MOST_DOMAINS + 1 - before));
        self.last = self.domains.len() - before;
        self.count += 1;
        if self.domains.len() > MOST_DOMAINS || self.count > MOST_PAGES {
            return Err(PlatformError::TooMany {
                place: place.to_owned(),
            });
        }
        Ok(())
    }

    /// Domains of the last page.
    pub(super) const fn last(&self) -> usize {
        self.last
    }

    /// Goes on to another page: one that has been there already leads nowhere.
    pub(super) fn follow(&mut self, place: &str, next: &str) -> Result<(), PlatformError> {
        if self.followed.insert(next.to_owned()) {
            Ok(())
        } else {
            Err(PlatformError::Shape {
                place: place.to_owned(),
                problem: "the next page is one that has been before".to_owned(),
            })
        }
    }

    pub(super) fn finish(self) -> Vec<Domain> {
        self.domains
    }
}

/// A header's name that is known to be one.
pub(super) const fn header(name: &'static str) -> HeaderName {
    HeaderName::from_static(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platform_that_refuses_is_left_alone_as_long_as_it_says_else_longer_each_time() {
        let now: Timestamp = "2026-05-08T20:00:00Z".parse().unwrap();
        let said = |text: &'static str| HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(text))]);
        assert_eq!(pause(&said("7"), now, 3).as_secs(), 7);
        assert_eq!(
            pause(&said("Fri, 08 May 2026 20:01:30 GMT"), now, 0).as_secs(),
            90
        );
        assert_eq!(pause(&said("999999"), now, 0), LONGEST_PAUSE);
        assert_eq!(pause(&said("soon"), now, 0), SHORTEST_PAUSE);
        let silent = HeaderMap::new();
        assert_eq!(pause(&silent, now, 0).as_secs(), 60);
        assert_eq!(pause(&silent, now, 1).as_secs(), 120);
        assert_eq!(pause(&silent, now, 40), LONGEST_PAUSE);
    }
}
