//! Loki's HTTP API: metric queries over a range.

use http::Method;
use url::Url;

use super::client::Http;
use super::prometheus::{LARGEST, below, matrix, seconds};
use super::{Part, Question, SourceError, Span};

/// Asks for a span.
pub(super) async fn part(
    http: &Http,
    url: &Url,
    question: &Question,
    span: Span,
) -> Result<Part, SourceError> {
    let mut url = below(http, url, &["loki", "api", "v1", "query_range"])?;
    url.query_pairs_mut()
        .append_pair("query", &question.query)
        .append_pair("start", &nanoseconds(span.first))
        .append_pair("end", &nanoseconds(span.last()))
        .append_pair("step", &seconds(span.step));
    let request = http.request(Method::GET, url);
    http.ask(request, LARGEST, |body| matrix(http, body, span)).await
}

fn nanoseconds(milliseconds: i64) -> String {
    (i128::from(milliseconds) * 1_000_000).to_string()
}

/// Milliseconds of one request at most: Loki refuses ranges of more than 30 days and an hour.
pub(super) const LONGEST: i64 = 7 * 24 * 60 * 60 * 1_000;
