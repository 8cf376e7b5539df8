//! Prometheus' HTTP API: `query_range`, and the matrix that Loki answers with, too.

use std::borrow::Cow;
use std::fmt;

use http::Method;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, Visitor};
use tokio::try_join;
use url::Url;
use url::form_urlencoded;

use super::client::Http;
use super::{Bound, Labels, MOST_POINTS, MOST_SERIES, Part, Place, Point, Question, SourceError, Span};

/// Asks for a span, for the times of its samples too if they matter.
pub(super) async fn part(
    http: &Http,
    url: &Url,
    question: &Question,
    span: Span,
) -> Result<Part, SourceError> {
    let url = below(http, url, &["api", "v1", "query_range"])?;
    let values = query_range(http, &url, &question.query, span);
    if !question.counters {
        return values.await;
    }
    // On lines of their own, so that a comment at the query's end does not swallow the bracket.
    let query = format!("timestamp(\n{}\n)", question.query);
    let (mut values, times) = try_join!(values, query_range(http, &url, &query, span))?;
    for (labels, points) in &mut values.series {
        // Functions drop the metric's name.
        let mut labels = labels.clone();
        labels.remove("__name__");
        if let Some(times) = times.series.get(&labels) {
            date(points, times);
        }
    }
    Ok(values)
}

/// Gives each point the time of its sample.
fn date(points: &mut [Point], times: &[Point]) {
    for point in points {
        let found = times.binary_search_by_key(&point.at, |time| time.at);
        point.sampled = found
            .ok()
            .and_then(|index| times.get(index))
            .and_then(|time| milliseconds(time.value))
            .and_then(|time| Timestamp::from_millisecond(time).ok());
    }
}

async fn query_range(http: &Http, url: &Url, query: &str, span: Span) -> Result<Part, SourceError> {
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("query", query)
        .append_pair("start", &seconds(span.first))
        .append_pair("end", &seconds(span.last()))
        .append_pair("step", &seconds(span.step))
        .finish();
    let request = http.request(Method::POST, url.clone());
    let request = http.body(request, "application/x-www-form-urlencoded", form);
    http.ask(request, LARGEST, |body| matrix(http, body, span)).await
}

/// A path below the one of the source's URL.
pub(super) fn below(http: &Http, url: &Url, path: &[&str]) -> Result<Url, SourceError> {
    let mut url = url.clone();
    url.path_segments_mut()
        .map_err(|()| http.question("the url has no path; give one that begins with http:// or https://"))?
        .pop_if_empty()
        .extend(path);
    Ok(url)
}

/// Milliseconds as decimal seconds.
pub(super) fn seconds(milliseconds: i64) -> String {
    let whole = milliseconds.div_euclid(1_000);
    match milliseconds.rem_euclid(1_000) {
        0 => whole.to_string(),
        rest if whole >= 0 => format!("{whole}.{rest:03}"),
        // Before 1970: -1.5 is -2 and 500 thousandths.
        rest => format!("-{}.{:03}", -(whole + 1), 1_000 - rest),
    }
}

/// The answer, without what it holds.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head<'a> {
    #[serde(borrow)]
    status: Cow<'a, str>,
    error_type: Option<String>,
    error: Option<String>,
    #[serde(default)]
    warnings: Option<Vec<String>>,
    #[serde(default)]
    infos: Option<Vec<String>>,
    data: Option<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "resultType")]
    result_type: String,
}

#[derive(Deserialize)]
struct Matrix {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    result: Vec<Series>,
}

#[derive(Deserialize)]
struct Series {
    metric: Labels,
    #[serde(default)]
    values: Vec<(f64, Value)>,
    #[serde(default)]
    histograms: Option<IgnoredAny>,
}

/// A number within a string, as Prometheus writes it.
struct Value(f64);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Value;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number in a string")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
                text.parse()
                    .map(Value)
                    .map_err(|_| E::custom("a value that is no number"))
            }
        }
        deserializer.deserialize_str(Text).map_err(D::Error::custom)
    }
}

/// An answer of Prometheus or Loki.
pub(super) fn matrix(http: &Http, body: &[u8], span: Span) -> Result<Part, SourceError> {
    let head: Head<'_> = serde_json::from_slice(body).map_err(|error| http.format(&error.to_string()))?;
    if head.status != "success" {
        let kind = head.error_type.unwrap_or_else(|| "error".to_owned());
        return Err(http.api(&kind, &head.error.unwrap_or_default()));
    }
    let kind = head.data.map(|data| data.result_type).unwrap_or_default();
    if kind != "matrix" {
        return Err(http.format(&format!(
            "the result is {kind:?}, not \"matrix\": the query must yield numbers over time"
        )));
    }
    let matrix: Matrix = serde_json::from_slice(body).map_err(|error| http.format(&error.to_string()))?;
    if matrix.data.result.len() > MOST_SERIES {
        return Err(http.too_large(Bound::Series, MOST_SERIES));
    }
    let said = head.warnings.into_iter().chain(head.infos).flatten();
    let mut part = Part {
        warnings: said
            .take(super::MOST_WARNINGS)
            .map(|text| http.quote(&text))
            .collect(),
        ..Part::default()
    };
    let mut histograms = false;
    let mut left = MOST_POINTS;
    for series in matrix.data.result {
        histograms |= series.histograms.is_some();
        left = left
            .checked_sub(series.values.len())
            .ok_or_else(|| http.too_large(Bound::Points, MOST_POINTS))?;
        part.add(series, span);
    }
    if histograms {
        part.warnings
            .push("native histograms were left out: the query must yield numbers".to_owned());
    }
    Ok(part)
}

impl Part {
    fn add(&mut self, series: Series, span: Span) {
        let points = self.series.entry(series.metric).or_default();
        for (time, Value(value)) in series.values {
            if !value.is_finite() {
                continue;
            }
            match milliseconds(time).map_or(Place::Outside, |at| span.place(at)) {
                Place::Bin(at) => points.push(Point {
                    at,
                    value,
                    sampled: None,
                }),
                Place::Between => self.between += 1,
                Place::Outside => {}
            }
        }
        points.sort_by_key(|point| point.at);
        points.dedup_by_key(|point| point.at);
    }
}

/// Seconds since 1970 in whole milliseconds, where they are a time at all.
pub(super) fn milliseconds(seconds: f64) -> Option<i64> {
    let milliseconds = (seconds * 1_000.0).round();
    #[expect(
        clippy::cast_possible_truncation,
        reason = "within the range that was just checked"
    )]
    (milliseconds.abs() < 1e15).then_some(milliseconds as i64)
}

/// Bytes of an answer at most, after decompression.
pub(super) const LARGEST: usize = 64 << 20;
