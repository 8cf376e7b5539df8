//! `/api/v1/traffic`: what is known of click traffic, as JSON.

use std::sync::Arc;

use bytes::Bytes;
use hyper::{Response, StatusCode};
use jiff::Timestamp;
use serde::Serialize;

use super::Server;
use super::body::{self, Body};
use crate::endpoint::{EndpointName, GroupName};
use crate::state::traffic::{Series, Source};
use crate::traffic::Tier;

/// Series per chunk of the list.
const CHUNK: usize = 64;

/// Every source, every series and every group.
pub(super) fn traffic(server: &Server) -> Response<Body> {
    let traffic = server.site.state.traffic();
    let body = body::stepped(move || {
        let series: Vec<_> = traffic.series().cloned().collect();
        let count = series.len();
        let chunks = (0..count).step_by(CHUNK).map(move |start| {
            let part = series.get(start..count.min(start + CHUNK));
            list(part.unwrap_or_default(), start == 0)
        });
        [head(&traffic.sources)]
            .into_iter()
            .chain(chunks)
            .chain([Ok(Bytes::from_static(b"]}\n"))])
    });
    body::with_type(StatusCode::OK, body::JSON, body)
}

/// Everything up to the first series.
fn head(sources: &[Source]) -> Result<Bytes, serde_json::Error> {
    let views: Vec<_> = sources.iter().map(SourceView::of).collect();
    let sources = serde_json::to_string(&views)?;
    Ok(format!("{{\"sources\":{sources},\"series\":[").into())
}

fn list(series: &[Arc<Series>], first: bool) -> Result<Bytes, serde_json::Error> {
    let mut json = Vec::new();
    for (at, series) in series.iter().enumerate() {
        if !first || at > 0 {
            json.push(b',');
        }
        serde_json::to_writer(&mut json, &SeriesView::of(series))?;
    }
    Ok(json.into())
}

#[derive(Serialize)]
struct SourceView<'a> {
    name: &'a str,
    up: Option<bool>,
    problem: Option<&'a str>,
}

impl<'a> SourceView<'a> {
    fn of(source: &'a Source) -> Self {
        Self {
            name: &source.name,
            up: source.up,
            problem: source.problem.as_deref(),
        }
    }
}

/// A series, or a group, which has neither `series` nor `name`. Rates are null before the first count.
#[derive(Serialize)]
struct SeriesView<'a> {
    stream: &'a str,
    series: Option<&'a str>,
    group: Option<&'a str>,
    name: Option<&'a str>,
    at: Option<Timestamp>,
    observed_per_minute: Option<f64>,
    expected_per_minute: Option<f64>,
    expected_low_per_minute: Option<f64>,
    low: Option<Tier>,
    since: Option<Timestamp>,
    evidence_ratio: Option<f64>,
    ready: bool,
    blind: bool,
    /// Null where a total outage would never be noticed.
    time_to_notice_seconds: Option<f64>,
    level_shift: Option<Timestamp>,
}

impl<'a> SeriesView<'a> {
    fn of(series: &'a Series) -> Self {
        let Series {
            subject, judgement, ..
        } = series;
        let counted = |value: f64| judgement.at.map(|_| value);
        Self {
            stream: &subject.stream,
            series: subject.series.as_deref(),
            group: subject.group.as_ref().map(GroupName::as_str),
            name: subject.name.as_ref().map(EndpointName::as_str),
            at: judgement.at,
            observed_per_minute: counted(judgement.observed),
            expected_per_minute: counted(judgement.expected),
            expected_low_per_minute: judgement.expected_low.and_then(counted),
            low: judgement.low,
            since: judgement.since.filter(|_| judgement.low.is_some()),
            evidence_ratio: counted(judgement.evidence_ratio),
            ready: judgement.ready,
            blind: judgement.blind(),
            time_to_notice_seconds: judgement.time_to_notice.map(|time| time.as_secs_f64()),
            level_shift: judgement.level_shift,
        }
    }
}
