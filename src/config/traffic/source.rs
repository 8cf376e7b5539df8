//! One source of counts.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::Bounds;
use super::raw;
use crate::config::at::At;
use crate::config::error::{Place, shown};
use crate::config::resolve::Resolving;
use crate::config::{credential, defaults, header};
use crate::traffic::source::{Api, Client, JsonShape, Settings};

/// How a source is asked, and where.
pub(super) fn resolve(
    place: Place,
    raw: &raw::Source,
    name: &At<String>,
    api: raw::SourceType,
    at: &mut Resolving<'_>,
) -> Option<Settings> {
    let shape = match (api, &raw.json) {
        (raw::SourceType::Json, Some(json)) => Some(json_shape(json, at)),
        (raw::SourceType::Json, None) => {
            at.findings
                .missing(place, "json", "say where times and counts stand in the answer");
            None
        }
        (raw::SourceType::Prometheus | raw::SourceType::Loki, Some(json)) => {
            at.findings
                .fault_with_hint(json.place, "json is for the type json only", "write type: json");
            None
        }
        (raw::SourceType::Prometheus | raw::SourceType::Loki, None) => None,
    };
    let client = client(raw, at);
    let Some(url) = raw.url.as_ref() else {
        at.findings.missing(place, "url", "name where the source is");
        return None;
    };
    Some(Settings {
        name: Arc::from(name.value.as_str()),
        url: at.web_url(url)?,
        api: match api {
            raw::SourceType::Prometheus => Api::Prometheus,
            raw::SourceType::Loki => Api::Loki,
            raw::SourceType::Json => Api::Json(shape??),
        },
        client,
    })
}

fn client(raw: &raw::Source, at: &mut Resolving<'_>) -> Client {
    let credentials = credential::Sources {
        basic_auth: raw.basic_auth.as_ref(),
        authorization: raw.authorization.as_ref(),
        ..credential::Sources::default()
    };
    let mut headers = HeaderMap::new();
    for (name, value) in header::named(raw.http_headers.iter().flatten(), at) {
        headers.append(name, value);
    }
    if let Some(authorization) = credential::authorization(&credentials, at) {
        headers.insert(AUTHORIZATION, authorization);
    }
    let tls = credential::tls(raw.tls_config.as_ref(), at);
    if let Some(given) = &raw.tls_config
        && (tls.insecure_skip_verify || tls.server_name.is_some())
    {
        at.findings.unsupported(
            given.place,
            "insecure_skip_verify or server_name for a source of traffic",
        );
    }
    let timeout = Bounds {
        what: "timeout",
        least: Duration::from_secs(1),
        most: Duration::from_secs(600),
    };
    Client {
        timeout: Duration::try_from(timeout.hold(raw.timeout, defaults::SOURCE_TIMEOUT, at))
            .unwrap_or_default(),
        headers,
        tls,
        proxy: raw.proxy_url.as_ref().and_then(|url| at.web_url(url)),
        follow_redirects: raw.follow_redirects.unwrap_or(true),
    }
}

/// A JSON Pointer, checked.
pub(in crate::config) fn pointer_of(pointer: &At<String>, at: &Resolving<'_>) -> String {
    if !pointer.value.is_empty() && !pointer.value.starts_with('/') {
        let what = format!("{} is not a JSON Pointer", shown(&pointer.value));
        at.findings.fault_with_hint(
            pointer.place,
            what,
            "it begins with a slash, as in /data/count (RFC 6901)",
        );
    }
    pointer.value.clone()
}

fn json_shape(At { place, value: raw }: &At<raw::Json>, at: &Resolving<'_>) -> Option<JsonShape> {
    let pointer = |pointer: &At<String>| pointer_of(pointer, at);
    let method = match raw.method.as_ref().map(|method| method.value) {
        Some(raw::Method::Post) => http::Method::POST,
        Some(raw::Method::Get) | None => http::Method::GET,
    };
    if let Some(body) = raw.body.as_ref().filter(|_| method == http::Method::GET) {
        at.findings
            .fault_with_hint(body.place, "a GET request has no body", "write method: POST");
    }
    for (key, given) in [("time", &raw.time), ("count", &raw.count)] {
        if given.is_none() {
            at.findings
                .missing(*place, key, "say where it stands within a row, as in /0");
        }
    }
    let labels = raw.labels.iter().flatten();
    Some(JsonShape {
        method,
        body: raw.body.as_ref().map(|body| body.value.clone()),
        rows: raw.rows.as_ref().map(pointer).unwrap_or_default(),
        time: raw.time.as_ref().map(pointer)?,
        count: raw.count.as_ref().map(pointer)?,
        labels: labels.map(|(name, path)| (name.clone(), pointer(path))).collect(),
    })
}
