//! Request headers: which may be set, and which are secrets.

use std::collections::BTreeMap;

use http::header::HOST;
use http::{HeaderName, HeaderValue};

use super::at::At;
use super::error::{Place, shown};
use super::raw::module::{HeaderValues, Http};
use super::resolve::Resolving;

/// Headers that `http_headers` may not set: they have keys of their own, or belong to the connection.
const RESERVED_HEADERS: [&str; 12] = [
    "accept-encoding",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "user-agent",
    "www-authenticate",
];

/// Parts of a header's name that make its value a secret.
const SECRET_HEADERS: [&str; 8] = [
    "auth",
    "cookie",
    "token",
    "secret",
    "key",
    "password",
    "credential",
    "session",
];

/// Headers whose values are no secrets, whoever set them.
const HARMLESS_HEADERS: [&str; 14] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "content-type",
    "host",
    "origin",
    "pragma",
    "range",
    "referer",
    "te",
    "user-agent",
    "x-forwarded-proto",
];

/// The request headers, those of `headers` first, each in the order of the file's keys.
pub(super) fn resolve(raw: &Http, at: &mut Resolving<'_>) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = Vec::new();
    for (name, value) in raw.headers.iter().flatten() {
        if let Some(name) = header_name(name, value.place, at) {
            let secret = is_secret(name.as_str());
            headers.extend(header(&name, &value.value, value.place, secret, at));
        }
    }
    headers.extend(named(raw.http_headers.iter().flatten(), at));
    headers
}

/// The headers of `http_headers`, in the order of the file's keys.
pub(super) fn named<'r>(
    raw: impl Iterator<Item = (&'r String, &'r At<HeaderValues>)>,
    at: &mut Resolving<'_>,
) -> Vec<(HeaderName, HeaderValue)> {
    let (mut headers, mut named) = (Vec::new(), BTreeMap::new());
    for (name, values) in raw {
        let Some(name) = header_name(name, values.place, at) else {
            continue;
        };
        if RESERVED_HEADERS.contains(&name.as_str()) {
            let hint = "write it under \"headers\", or use the key that sets it";
            let what = format!("\"http_headers\" may not set {}", shown(name.as_str()));
            at.findings.fault_with_hint(values.place, what, hint);
        }
        if let Some(first) = named.insert(name.as_str().to_owned(), values.place) {
            let what = format!("the header \"{name}\" also stands at {}", at.findings.spot(first));
            at.findings.fault(values.place, what);
        }
        headers.extend(header_values(&name, &values.value, at));
    }
    headers
}

fn header_values(
    name: &HeaderName,
    raw: &HeaderValues,
    at: &mut Resolving<'_>,
) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = Vec::new();
    for value in raw.values.iter().flatten() {
        headers.extend(header(
            name,
            &value.value,
            value.place,
            is_secret(name.as_str()),
            at,
        ));
    }
    for secret in raw.secrets.iter().flatten() {
        headers.extend(header(name, secret.value.reveal(), secret.place, true, at));
    }
    for file in raw.files.iter().flatten() {
        if let Some(value) = at.read_text(file) {
            headers.extend(header(name, value.trim(), file.place, true, at));
        }
    }
    headers
}

pub(super) fn header_name(name: &str, place: Place, at: &Resolving<'_>) -> Option<HeaderName> {
    let parsed = HeaderName::from_bytes(name.as_bytes()).ok();
    if parsed.is_none() {
        at.findings
            .fault(place, format!("{} cannot be the name of a header", shown(name)));
    }
    parsed
}

pub(super) fn header(
    name: &HeaderName,
    value: &str,
    place: Place,
    secret: bool,
    at: &Resolving<'_>,
) -> Option<(HeaderName, HeaderValue)> {
    let parsed = HeaderValue::from_str(value)
        .ok()
        .filter(|value| *name != HOST || !value.is_empty());
    let Some(mut value) = parsed else {
        at.findings
            .fault(place, format!("the header \"{name}\" cannot have this value"));
        return None;
    };
    value.set_sensitive(secret);
    Some((name.clone(), value))
}

/// Whether a request header may be shown with its value. Any other name may stand before a secret, as `X-Shop-Id` does.
pub(super) fn is_harmless(name: &str) -> bool {
    HARMLESS_HEADERS
        .iter()
        .any(|harmless| name.eq_ignore_ascii_case(harmless))
}

/// Whether the value of a header is masked where it could be shown.
pub(super) fn is_secret(header: &str) -> bool {
    let header = header.to_ascii_lowercase();
    SECRET_HEADERS.iter().any(|part| header.contains(part))
}
