//! Any list of domains in JSON over HTTP: pointers into the answer, so that a platform can be added without code.

use http::HeaderMap;
use serde_json::Value;
use url::Url;

use super::PlatformError;
use super::api::{Api, Pages};
use crate::endpoint::DnsTarget;
use crate::outlook::platform::{CertificateState, Domain};

/// Where things stand in the answer; paths are JSON Pointers (RFC 6901).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shape {
    /// The list of domains; empty: the answer itself.
    pub rows: String,
    /// Within a row: the name; empty: the row itself.
    pub host: String,
    /// Within a row: where DNS must lead, each a text or a list of texts.
    pub targets: Vec<String>,
    /// Within a row: the platform's word for how the certificate stands.
    pub status: Option<String>,
    /// Within a row: why.
    pub reason: Option<String>,
    /// Within a row: whether the platform finds DNS as it should be.
    pub dns_ok: Option<String>,
    /// Words that mean that the certificate is issued.
    pub issued: Vec<String>,
    /// Words that mean that the platform is at work on it.
    pub pending: Vec<String>,
    /// Words that mean that it has failed.
    pub failing: Vec<String>,
    /// In the answer: the URL of the next page, absolute or relative; absent, null or empty on the last.
    pub next: Option<String>,
}

pub(super) async fn domains(api: &mut Api, shape: &Shape) -> Result<Vec<Domain>, PlatformError> {
    let mut pages = Pages::new();
    let mut url = api.url(&[]);
    loop {
        let answer = api.get(url.clone(), &HeaderMap::new()).await?;
        let body: Value = api.parse(&answer)?;
        let wrong = |problem: String| PlatformError::Shape {
            place: answer.place.clone(),
            problem,
        };
        let rows = body
            .pointer(&shape.rows)
            .and_then(Value::as_array)
            .ok_or_else(|| wrong(format!("there is no list at {:?}", shape.rows)))?;
        let read = rows.iter().enumerate().map(|(number, row)| {
            domain(shape, row)
                .ok_or_else(|| wrong(format!("row {}: no name at {:?}", number + 1, shape.host)))
        });
        pages.add(&answer.place, read.collect::<Result<Vec<_>, _>>()?)?;
        let next = shape.next.as_ref().and_then(|path| body.pointer(path)?.as_str());
        match next.filter(|next| !next.is_empty()) {
            None => return Ok(pages.finish()),
            Some(next) => url = follow(&url, next).map_err(wrong)?,
        }
    }
}

/// The next page: on the same server, for the headers hold what opens that one and no other.
fn follow(url: &Url, next: &str) -> Result<Url, String> {
    let joined = url
        .join(next)
        .map_err(|error| format!("the next page is no URL: {error}"))?;
    if joined.origin() != url.origin() {
        return Err("the next page is on another server".to_owned());
    }
    if joined == *url {
        return Err("the next page is the same one".to_owned());
    }
    Ok(joined)
}

fn domain(shape: &Shape, row: &Value) -> Option<Domain> {
    let host = row.pointer(&shape.host)?.as_str()?;
    let targets = shape.targets.iter().filter_map(|path| row.pointer(path));
    let targets = targets
        .flat_map(texts)
        .map(|text| DnsTarget::from(text.to_owned()));
    let mut domain = Domain::new(host, targets.collect());
    domain.dns_ok = shape
        .dns_ok
        .as_ref()
        .and_then(|path| row.pointer(path)?.as_bool());
    let word = |path: &Option<String>| {
        let value = row.pointer(path.as_ref()?)?;
        value
            .as_str()
            .map(str::to_owned)
            .or_else(|| value.as_bool().map(|flag| flag.to_string()))
    };
    let Some(status) = word(&shape.status) else {
        return Some(domain);
    };
    let means = [
        (&shape.issued, CertificateState::Issued),
        (&shape.pending, CertificateState::Pending),
        (&shape.failing, CertificateState::Failing),
    ];
    let state = means
        .into_iter()
        .find(|(words, _)| words.contains(&status))
        .map(|(_, state)| state);
    let reason = word(&shape.reason).unwrap_or_default();
    Some(domain.saying(&status, state, &reason))
}

/// A text, or all those of a list.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) if !text.is_empty() => vec![text],
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) | Value::String(_) => Vec::new(),
    }
}
