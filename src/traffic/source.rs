//! Where counts come from: a source is asked for a stretch of time and answers with samples.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use url::Url;

use crate::probe::tls;

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
    /// How the server is verified, and what it is shown.
    pub tls: tls::Settings,
    /// The proxy, where there is one.
    pub proxy: Option<Url>,
    /// Whether redirects are followed.
    pub follow_redirects: bool,
}

/// Where times, labels and counts stand in a JSON answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonShape {
    /// The request's method: GET, or POST with a body.
    pub method: http::Method,
    /// The body's template, with the same placeholders as the query.
    pub body: Option<String>,
    /// JSON Pointer (RFC 6901) to the array of rows; empty for the answer itself. A `*` segment goes through every element.
    pub rows: String,
    /// JSON Pointer within a row to its time: RFC 3339, or seconds or milliseconds since 1970.
    pub time: String,
    /// JSON Pointer within a row to its count.
    pub count: String,
    /// Labels, by JSON Pointer within a row.
    pub labels: BTreeMap<String, String>,
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// In the source's own language.
    pub query: String,
    /// The end of the first bin.
    pub from: Timestamp,
    /// The end of the last bin, included; not before `from`.
    pub to: Timestamp,
    /// The length of a bin.
    pub step: SignedDuration,
    /// Whether counters are asked for, so that the time of their samples matters.
    pub counters: bool,
}

/// An answer: the samples of every label set.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// One entry for each label set.
    pub samples: Vec<Samples>,
    /// What the source warned of.
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
