//! Where counts come from: a source is asked for a stretch of time and answers with samples.
//!
//! A long stretch is asked for in parts. What a source sends is hostile: bytes, series, points, texts, time and the
//! number of requests are bounded.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;
use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use url::Url;

use crate::probe::tls;

mod client;
mod error;
mod json;
mod loki;
mod prometheus;

use client::Http;

pub use error::{Bound, SourceError};

/// A place that answers queries.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its name in metrics.
    pub name: Arc<str>,
    /// Where it is; `http` or `https`, without credentials.
    pub url: Url,
    /// What it speaks.
    pub api: Api,
    /// How it is asked.
    pub client: Client,
}

/// What a source speaks.
#[derive(Debug, Clone)]
pub enum Api {
    /// Prometheus' HTTP API: Prometheus, Mimir, Thanos, `VictoriaMetrics`.
    Prometheus,
    /// Loki's HTTP API, for metric queries.
    Loki,
    /// Any JSON over HTTP.
    Json(JsonShape),
}

/// How a source is asked; the keys of Prometheus' `http_config`.
#[derive(Debug, Clone)]
pub struct Client {
    /// One request may take so long.
    pub timeout: Duration,
    /// Sent with every request; values that are secret are marked sensitive.
    pub headers: HeaderMap,
    /// How the server is verified, and what it is shown. `server_name` and `insecure_skip_verify` are refused.
    pub tls: tls::Settings,
    /// The proxy, where there is one.
    pub proxy: Option<Url>,
    /// Whether redirects are followed; never to another host or from `https` to `http`, because the headers go along.
    pub follow_redirects: bool,
}

/// Where times, labels and counts stand in a JSON answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonShape {
    /// The request's method: GET, or POST with a body.
    pub method: http::Method,
    /// The body's template, with the same placeholders as the query. It is sent as JSON if it begins as JSON does, else as
    /// text, unless the headers name a content type.
    pub body: Option<String>,
    /// JSON Pointer (RFC 6901) to the array of rows; empty for the answer itself. A `*` segment goes through every element.
    pub rows: String,
    /// JSON Pointer within a row to the start of its bin: RFC 3339, `YYYY-MM-DD HH:MM:SS` in UTC, or seconds or
    /// milliseconds since 1970.
    pub time: String,
    /// JSON Pointer within a row to its count: a number or a numeric string, not negative. Rows of one bin with the same
    /// labels are added up; a row whose count is null says nothing.
    pub count: String,
    /// Labels, by JSON Pointer within a row.
    pub labels: BTreeMap<String, String>,
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// In the source's own language: `PromQL`, `LogQL`; for JSON a path and query string, relative to the source's URL, with
    /// `{from}` (the start of the first bin), `{to}` (the end of the last, excluded) and `{step}` as RFC 3339 and ISO
    /// 8601 have them, or `{from_unix}`, `{to_unix}` and `{step_seconds}`.
    pub query: String,
    /// The end of the first bin; whole milliseconds.
    pub from: Timestamp,
    /// The end of the last bin, included; not before `from`.
    pub to: Timestamp,
    /// The length of a bin; a second at least, whole milliseconds.
    pub step: SignedDuration,
    /// Whether counters are asked for, so that the time of their samples matters. Only Prometheus says it, by
    /// `timestamp(QUERY)`: the time of the sample for a plain selector, of the evaluation for anything else.
    pub counters: bool,
}

/// An answer: the samples of every label set.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// One entry for each label set.
    pub samples: Vec<Samples>,
    /// What the source warned of, and what was left out; at most 20.
    pub warnings: Vec<String>,
}

/// The samples of one label set, in order of time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Samples {
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// A value for each bin that has one.
    pub points: Vec<Point>,
}

/// A value at the end of a bin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// The end of the bin.
    pub at: Timestamp,
    /// The value; never NaN.
    pub value: f64,
    /// When the source took the sample, where it says so: a counter that is repeated because no newer sample is there
    /// has an older time than its bin.
    pub sampled: Option<Timestamp>,
}

/// A source at work.
#[derive(Debug)]
pub struct Source {
    settings: Settings,
    http: Http,
}

impl Source {
    /// A client for it; nothing is asked yet.
    pub fn new(settings: Settings) -> Result<Self, SourceError> {
        let http = Http::new(&settings)?;
        Ok(Self { settings, http })
    }

    /// Asks for all bins of the question. Values that are not finite are left out; so is what lies beside the bins, with
    /// a warning.
    pub async fn fetch(&self, question: &Question) -> Result<Answer, SourceError> {
        let spans = self.spans(question)?;
        let mut answer = Merge::new(&self.settings.name);
        for pair in spans.chunks(CONCURRENT) {
            for parts in try_join_all(pair.iter().map(|span| self.parts(question, *span))).await? {
                for part in parts {
                    answer.add(part)?;
                }
            }
        }
        Ok(answer.finish())
    }

    fn spans(&self, question: &Question) -> Result<Vec<Span>, SourceError> {
        let refuse = |problem: &str| SourceError::Question {
            name: Arc::clone(&self.settings.name),
            problem: problem.to_owned(),
        };
        let step = i64::try_from(question.step.as_millis()).unwrap_or(i64::MAX);
        if step < 1_000 || question.step.subsec_nanos() % 1_000_000 != 0 {
            return Err(refuse(
                "a bin of less than a second or of broken milliseconds; use whole seconds",
            ));
        }
        if question.from.subsec_nanosecond() % 1_000_000 != 0 || question.to < question.from {
            return Err(refuse(
                "a time range that ends before it begins or begins within a millisecond",
            ));
        }
        let first = question.from.as_millisecond();
        let bins = (question.to.as_millisecond() - first) / step + 1;
        if bins > MOST_BINS {
            return Err(refuse(
                "a time range of more than 1,100,000 bins; ask for less history or longer bins",
            ));
        }
        let most = match &self.settings.api {
            Api::Prometheus | Api::Json(_) => CHUNK,
            Api::Loki => loki::LONGEST.div_euclid(step).clamp(1, CHUNK),
        };
        let whole = Span { first, bins, step };
        Ok((0..bins)
            .step_by(usize::try_from(most).unwrap_or(1))
            .map(|skipped| whole.cut(skipped, most))
            .collect())
    }

    /// A span, in halves where its answer is too large for one response.
    async fn parts(&self, question: &Question, span: Span) -> Result<Vec<Part>, SourceError> {
        let mut parts = Vec::new();
        let mut open = vec![(span, 0)];
        while let Some((span, halved)) = open.pop() {
            match self.part(question, span).await {
                Err(SourceError::TooLarge {
                    what: Bound::Bytes, ..
                }) if halved < MOST_HALVINGS && span.bins > 1 => {
                    let middle = span.bins / 2;
                    open.push((span.cut(middle, span.bins), halved + 1));
                    open.push((span.cut(0, middle), halved + 1));
                }
                part => parts.push(part?),
            }
        }
        Ok(parts)
    }

    async fn part(&self, question: &Question, span: Span) -> Result<Part, SourceError> {
        let url = &self.settings.url;
        match &self.settings.api {
            Api::Prometheus => prometheus::part(&self.http, url, question, span).await,
            Api::Loki => loki::part(&self.http, url, question, span).await,
            Api::Json(shape) => json::part(&self.http, url, shape, question, span).await,
        }
    }
}

/// Consecutive bins, by their ends in milliseconds since 1970.
#[derive(Debug, Clone, Copy)]
struct Span {
    first: i64,
    bins: i64,
    step: i64,
}

/// Where a time lies.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// At the end of a bin of the span.
    Bin(Timestamp),
    /// Within the span, but at the end of no bin.
    Between,
    /// Before or after the span.
    Outside,
}

impl Span {
    const fn last(self) -> i64 {
        self.first + (self.bins - 1) * self.step
    }

    fn cut(self, skipped: i64, most: i64) -> Self {
        Self {
            first: self.first + skipped * self.step,
            bins: (self.bins - skipped).min(most),
            step: self.step,
        }
    }

    fn place(self, at: i64) -> Place {
        if at < self.first || at > self.last() {
            return Place::Outside;
        }
        match Timestamp::from_millisecond(at) {
            Ok(time) if (at - self.first) % self.step == 0 => Place::Bin(time),
            _ => Place::Between,
        }
    }
}

type Labels = BTreeMap<String, String>;

/// The answer for one span.
#[derive(Debug, Default)]
struct Part {
    series: BTreeMap<Labels, Vec<Point>>,
    warnings: Vec<String>,
    /// Points that belong to no bin.
    between: usize,
}

/// Parts, in order of time, on their way to an answer.
struct Merge<'a> {
    name: &'a Arc<str>,
    series: BTreeMap<Labels, Vec<Point>>,
    warnings: Vec<String>,
    points: usize,
    between: usize,
}

impl<'a> Merge<'a> {
    const fn new(name: &'a Arc<str>) -> Self {
        Self {
            name,
            series: BTreeMap::new(),
            warnings: Vec::new(),
            points: 0,
            between: 0,
        }
    }

    fn add(&mut self, part: Part) -> Result<(), SourceError> {
        for (labels, mut points) in part.series {
            self.points += points.len();
            if points.is_empty() {
                continue;
            }
            match self.series.entry(labels) {
                Entry::Occupied(known) => known.into_mut().append(&mut points),
                Entry::Vacant(new) => {
                    new.insert(points);
                }
            }
        }
        for warning in part.warnings {
            if self.warnings.len() < MOST_WARNINGS - 1 && !self.warnings.contains(&warning) {
                self.warnings.push(warning);
            }
        }
        self.between += part.between;
        let bounds = [
            (Bound::Series, self.series.len(), MOST_SERIES),
            (Bound::Points, self.points, MOST_POINTS),
        ];
        match bounds.into_iter().find(|(_, found, limit)| found > limit) {
            None => Ok(()),
            Some((what, _, limit)) => Err(SourceError::TooLarge {
                name: Arc::clone(self.name),
                what,
                limit,
            }),
        }
    }

    fn finish(mut self) -> Answer {
        if self.between > 0 {
            let count = self.between;
            self.warnings.push(format!(
                "{count} points are at the end of no bin and were left out"
            ));
        }
        let series = self.series.into_iter();
        Answer {
            samples: series
                .map(|(labels, points)| Samples { labels, points })
                .collect(),
            warnings: self.warnings,
        }
    }
}

/// Bins of one request; Prometheus and Loki refuse more than 11,000 points a series.
const CHUNK: i64 = 10_000;

/// Requests to one source at once.
const CONCURRENT: usize = 2;

/// Bins of one question: two years of minutes.
const MOST_BINS: i64 = 1_100_000;

/// A response that is too large is asked for again in halves, so often.
const MOST_HALVINGS: u32 = 6;

const MOST_SERIES: usize = 10_000;

const MOST_POINTS: usize = 10_000_000;

const MOST_WARNINGS: usize = 20;
