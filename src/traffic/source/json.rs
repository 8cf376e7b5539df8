//! Any JSON over HTTP: a template for the request, pointers into the answer.

use std::collections::BTreeMap;

use http::Method;
use http::header::ACCEPT;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use reqwest::RequestBuilder;
use serde_json::Value;
use url::Url;

use super::client::Http;
use super::prometheus::{milliseconds, seconds};
use super::{
    Bound, JsonShape, Labels, MOST_POINTS, MOST_SERIES, Part, Place, Point, Question, SourceError, Span,
};

/// Asks for a span.
pub(super) async fn part(
    http: &Http,
    url: &Url,
    shape: &JsonShape,
    question: &Question,
    span: Span,
) -> Result<Part, SourceError> {
    let request = request(http, url, shape, question, span)?;
    http.ask(request, LARGEST, |body| {
        let answer: Value = serde_json::from_slice(body).map_err(|error| http.format(&error.to_string()))?;
        counts(shape, &answer, span).map_err(|problem| match problem {
            Problem::Shape(text) => http.format(&text),
            Problem::TooMany(what, limit) => http.too_large(what, limit),
        })
    })
    .await
}

fn request(
    http: &Http,
    url: &Url,
    shape: &JsonShape,
    question: &Question,
    span: Span,
) -> Result<RequestBuilder, SourceError> {
    let filled = fill(&question.query, span);
    let joined = url
        .join(&filled)
        .map_err(|error| http.question(&format!("the query is no path and query string: {error}")))?;
    // The headers hold what opens this source and no other.
    if joined.origin() != url.origin() {
        return Err(http.question("the query leads away from the url; give a path and query string alone"));
    }
    let request = http
        .request(shape.method.clone(), joined)
        .header(ACCEPT, "application/json");
    Ok(match &shape.body {
        Some(template) if shape.method != Method::GET => {
            let body = fill(template, span);
            let kind = if body.trim_start().starts_with(['{', '[']) {
                "application/json"
            } else {
                "text/plain; charset=utf-8"
            };
            http.body(request, kind, body)
        }
        _ => request,
    })
}

/// The template with its placeholders filled; other braces stand as they are.
fn fill(template: &str, span: Span) -> String {
    let (from, to) = (span.first - span.step, span.last());
    let time = |at| Timestamp::from_millisecond(at).map_or_else(|_| seconds(at), |time| time.to_string());
    let step = SignedDuration::from_millis(span.step);
    [
        ("{from}", time(from)),
        ("{to}", time(to)),
        ("{step}", step.to_string()),
        ("{from_unix}", seconds(from)),
        ("{to_unix}", seconds(to)),
        ("{step_seconds}", seconds(span.step)),
    ]
    .into_iter()
    .fold(template.to_owned(), |text, (placeholder, value)| {
        text.replace(placeholder, &value)
    })
}

/// Why an answer is not taken.
enum Problem {
    Shape(String),
    TooMany(Bound, usize),
}

fn counts(shape: &JsonShape, answer: &Value, span: Span) -> Result<Part, Problem> {
    let mut sums: BTreeMap<Labels, BTreeMap<Timestamp, f64>> = BTreeMap::new();
    let mut part = Part::default();
    let mut rows = 0;
    for array in arrays(shape, answer)? {
        for row in array {
            rows += 1;
            if rows > MOST_POINTS {
                return Err(Problem::TooMany(Bound::Points, MOST_POINTS));
            }
            let wrong =
                |pointer: &str, what: &str| Problem::Shape(format!("row {rows}, {pointer:?}: {what}"));
            let start = row.pointer(&shape.time).and_then(time).ok_or_else(|| {
                wrong(
                    &shape.time,
                    "no time; a row needs RFC 3339, YYYY-MM-DD HH:MM:SS, seconds or milliseconds",
                )
            })?;
            let found = row.pointer(&shape.count);
            if found == Some(&Value::Null) {
                continue;
            }
            let count = found
                .and_then(number)
                .filter(|count| count.is_finite() && *count >= 0.0)
                .ok_or_else(|| {
                    wrong(
                        &shape.count,
                        "no count; a row needs a number that is not negative",
                    )
                })?;
            match span.place(start.saturating_add(span.step)) {
                Place::Bin(at) => {
                    *sums.entry(labels(shape, row)).or_default().entry(at).or_default() += count;
                }
                Place::Between => part.between += 1,
                Place::Outside => {}
            }
            if sums.len() > MOST_SERIES {
                return Err(Problem::TooMany(Bound::Series, MOST_SERIES));
            }
        }
    }
    let points = |(at, value)| Point {
        at,
        value,
        sampled: None,
    };
    part.series = sums
        .into_iter()
        .map(|(labels, sums)| (labels, sums.into_iter().map(points).collect()))
        .collect();
    Ok(part)
}

/// The arrays of rows that the pointer leads to; several where it has a `*`.
fn arrays<'a>(shape: &JsonShape, answer: &'a Value) -> Result<Vec<&'a Vec<Value>>, Problem> {
    let mut found = vec![answer];
    let mut parts = shape.rows.split("/*");
    // What stands before the first `*` must be there; below it, elements may differ.
    let head = parts.next().unwrap_or_default();
    let missing = || Problem::Shape(format!("no array of rows at {:?}", shape.rows));
    found[0] = answer.pointer(head).ok_or_else(missing)?;
    for rest in parts {
        if !(rest.is_empty() || rest.starts_with('/')) {
            return Err(missing());
        }
        found = found
            .into_iter()
            .flat_map(elements)
            .filter_map(|element| element.pointer(rest))
            .collect();
    }
    found
        .into_iter()
        .map(|value| value.as_array().ok_or_else(missing))
        .collect()
}

fn elements(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(elements) => elements.iter().collect(),
        Value::Object(members) => members.values().collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A time in milliseconds since 1970.
fn time(value: &Value) -> Option<i64> {
    if let Some(number) = number(value) {
        // As seconds that would be the year 5138; as milliseconds it is 1973.
        let in_seconds = number.abs() < 1e11;
        return milliseconds(if in_seconds { number } else { number / 1_000.0 });
    }
    let text = value.as_str()?.trim();
    let at = text.parse::<Timestamp>().ok().or_else(|| {
        let civil: DateTime = text.parse().ok()?;
        TimeZone::UTC.to_timestamp(civil).ok()
    })?;
    Some(at.as_millisecond())
}

fn labels(shape: &JsonShape, row: &Value) -> Labels {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    shape
        .labels
        .iter()
        .filter_map(|(name, pointer)| Some((name.clone(), text(row.pointer(pointer)?)?)))
        .collect()
}

/// Bytes of an answer at most, after decompression: parsed without a schema, a byte becomes up to 16.
const LARGEST: usize = 16 << 20;
