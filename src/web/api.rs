//! `/api/v1`: what is known of the endpoints, as JSON.

use std::sync::Arc;

use bytes::Bytes;
use hyper::header::HeaderValue;
use hyper::{Response, StatusCode};
use jiff::Timestamp;
use serde::Serialize;

use super::Server;
use super::body::{self, Body};
use crate::cause::{Cause, Stage};
use crate::diagnosis::{Finding, TargetState, Verdict, remedy};
use crate::endpoint::{Endpoint, Labels};
use crate::outcome::{CertificateFacts, ChainFacts, ChainProblem, Timings};
use crate::state::{EndpointState, Slot};
use crate::text::bounded;
use crate::text::without_credentials;

mod outlook;

use outlook::{Beside, PlatformView, RenewalView};

/// Endpoints per chunk of the list.
const CHUNK: usize = 64;

/// Every endpoint, as an array in order of group and name.
pub(super) fn endpoints(server: &Arc<Server>) -> Response<Body> {
    let catalogue = server.site.state.catalogue();
    let beside = beside(server);
    let body = body::stepped(move || {
        let count = catalogue.slots.len();
        let chunks = (0..count).step_by(CHUNK).map(move |start| {
            let slots = &catalogue.slots[start..count.min(start + CHUNK)];
            list(slots, start == 0, &beside)
        });
        array(count == 0, chunks)
    });
    body::with_type(StatusCode::OK, body::JSON, body)
}

/// Every incident, as an array with the newest first.
pub(super) fn incidents(server: &Server) -> Response<Body> {
    let incidents = server.site.state.incidents();
    let body = body::stepped(move || {
        let count = incidents.len();
        let chunks = (0..count).map(move |place| {
            let mut json = vec![if place == 0 { b'[' } else { b',' }];
            serde_json::to_writer(&mut json, &*incidents[place])?;
            Ok::<_, serde_json::Error>(json.into())
        });
        array(count == 0, chunks)
    });
    body::with_type(StatusCode::OK, body::JSON, body)
}

/// What the API answers, in the words of `docs/openapi.yaml`.
pub(super) fn description() -> Response<Body> {
    const YAML: HeaderValue = HeaderValue::from_static("application/yaml");
    let description = include_str!("../../docs/openapi.yaml");
    body::with_type(StatusCode::OK, YAML, body::whole(description))
}

/// One endpoint by its name, which may be percent-encoded.
pub(super) fn endpoint(server: &Server, encoded: &str) -> Response<Body> {
    let name = decode(encoded);
    let catalogue = server.site.state.catalogue();
    let Some(slot) = catalogue.find(&name) else {
        let body = serde_json::json!({ "error": format!("no endpoint is named {:?}", bounded(&name)) });
        return body::with_type(
            StatusCode::NOT_FOUND,
            body::JSON,
            body::whole(format!("{body}\n")),
        );
    };
    let state = slot.current();
    match serde_json::to_vec(&EndpointView::of(slot, state.as_deref(), &beside(server))) {
        Ok(json) => body::with_type(StatusCode::OK, body::JSON, body::whole(json)),
        Err(error) => body::text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}

fn beside(server: &Server) -> Beside {
    Beside::of(&server.site.state, server.site.clock.now())
}

/// An array of parts that bring their own opening bracket or comma with them.
fn array<E>(
    empty: bool,
    parts: impl Iterator<Item = Result<Bytes, E>>,
) -> impl Iterator<Item = Result<Bytes, E>> {
    let open = empty.then(|| Ok(Bytes::from_static(b"[")));
    open.into_iter()
        .chain(parts)
        .chain([Ok(Bytes::from_static(b"]\n"))])
}

/// A part of the list, with what stands before it.
fn list(slots: &[Arc<Slot>], first: bool, beside: &Beside) -> Result<Bytes, serde_json::Error> {
    let mut json = Vec::new();
    for (at, slot) in slots.iter().enumerate() {
        json.push(if first && at == 0 { b'[' } else { b',' });
        let state = slot.current();
        serde_json::to_writer(&mut json, &EndpointView::of(slot, state.as_deref(), beside))?;
    }
    Ok(json.into())
}

/// Percent-decoding as form decoding does it, but a plus is a plus and an ampersand ends nothing.
pub(super) fn decode(path: &str) -> String {
    let pair = format!("={}", path.replace('+', "%2B").replace('&', "%26"));
    let mut pairs = url::form_urlencoded::parse(pair.as_bytes());
    pairs
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

#[derive(Serialize)]
struct EndpointView<'a> {
    name: &'a str,
    group: &'a str,
    host: &'a str,
    url: String,
    module: &'a str,
    labels: LabelsView<'a>,
    up: Option<bool>,
    since: Option<Timestamp>,
    root: Option<FindingView<'a>>,
    symptom: Option<FindingView<'a>>,
    others: Vec<FindingView<'a>>,
    flapping: bool,
    in_maintenance: bool,
    addresses: Addresses,
    dns: DnsView<'a>,
    status: u16,
    duration: f64,
    timings: TimingsView,
    failures: u64,
    last_run: Option<Timestamp>,
    certificate: Option<CertificateView<'a>>,
    renewal: RenewalView,
    platform: Option<PlatformView>,
}

impl<'a> EndpointView<'a> {
    fn of(slot: &'a Slot, state: Option<&'a EndpointState>, beside: &Beside) -> Self {
        let endpoint = &slot.endpoint;
        let verdict = state.and_then(|state| state.verdict.as_deref());
        let view = |finding: &'a Finding| FindingView::of(finding, endpoint);
        let finding = |of: fn(&Verdict) -> Option<&Finding>| verdict.and_then(of).map(view);
        Self {
            name: endpoint.name.as_str(),
            group: endpoint.group.name.as_str(),
            host: &endpoint.host,
            url: without_credentials(&endpoint.url).to_string(),
            module: endpoint.group.module.as_str(),
            labels: LabelsView(&endpoint.labels),
            up: state.and_then(|state| state.up),
            since: state.and_then(|state| state.since),
            root: finding(|verdict| verdict.root.as_ref()),
            symptom: finding(|verdict| verdict.symptom.as_ref()),
            others: verdict.map_or_else(Vec::new, |verdict| verdict.others.iter().map(view).collect()),
            flapping: state.is_some_and(|state| state.flapping),
            in_maintenance: state.is_some_and(|state| state.in_maintenance),
            addresses: Addresses {
                total: verdict.map_or(0, |verdict| verdict.addresses),
                up: verdict.map_or(0, |verdict| verdict.addresses_up),
            },
            dns: DnsView {
                target: verdict.and_then(|verdict| verdict.target),
                answer: state.map_or(&[], |state| state.answer.as_slice()),
                changes: state.map_or(0, |state| state.answer_changes),
                changed: state.and_then(|state| state.answer_changed),
            },
            status: state.map_or(0, |state| state.status),
            duration: state.map_or(0.0, |state| state.duration.as_secs_f64()),
            timings: TimingsView::of(state.map(|state| state.timings).unwrap_or_default()),
            failures: state.map_or(0, |state| state.failures),
            last_run: state.and_then(|state| state.last_run),
            certificate: state.and_then(CertificateView::of),
            renewal: RenewalView::of(slot, state, beside),
            platform: PlatformView::of(slot, state, beside),
        }
    }
}

/// The user's labels as an object.
struct LabelsView<'a>(&'a Labels);

impl Serialize for LabelsView<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter())
    }
}

#[derive(Serialize)]
struct FindingView<'a> {
    cause: Cause,
    stage: Stage,
    expected: &'a str,
    actual: &'a str,
    address: Option<std::net::IpAddr>,
    meaning: &'static str,
    remedy: String,
}

impl<'a> FindingView<'a> {
    fn of(finding: &'a Finding, endpoint: &Endpoint) -> Self {
        Self {
            cause: finding.cause,
            stage: finding.cause.stage(),
            expected: &finding.expected,
            actual: &finding.actual,
            address: finding.address,
            meaning: finding.cause.meaning(),
            remedy: remedy(finding, endpoint),
        }
    }
}

#[derive(Serialize)]
struct Addresses {
    total: usize,
    up: usize,
}

#[derive(Serialize)]
struct DnsView<'a> {
    target: Option<TargetState>,
    answer: &'a [String],
    changes: u64,
    changed: Option<Timestamp>,
}

/// Seconds per phase.
#[derive(Serialize)]
struct TimingsView {
    dns: f64,
    connect: f64,
    tls: f64,
    processing: f64,
    transfer: f64,
}

impl TimingsView {
    fn of(timings: Timings) -> Self {
        Self {
            dns: timings.dns.as_secs_f64(),
            connect: timings.connect.as_secs_f64(),
            tls: timings.tls.as_secs_f64(),
            processing: timings.processing.as_secs_f64(),
            transfer: timings.transfer.as_secs_f64(),
        }
    }
}

#[derive(Serialize)]
struct CertificateView<'a> {
    trusted: bool,
    problems: &'a [ChainProblem],
    observed: Option<Timestamp>,
    verified_until: Option<Timestamp>,
    /// As presented, the leaf first.
    chain: &'a [CertificateFacts],
}

impl<'a> CertificateView<'a> {
    fn of(state: &'a EndpointState) -> Option<Self> {
        let chain: &ChainFacts = state.chain.as_deref()?;
        Some(Self {
            trusted: chain.trusted(),
            problems: &chain.problems,
            observed: state.chain_observed,
            verified_until: chain.verified_until,
            chain: &chain.certificates,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_a_path_is_decoded_and_keeps_its_plus() {
        assert_eq!(decode("a%2Fb+c%20d"), "a/b+c d");
        assert_eq!(decode("a&b=c"), "a&b=c");
    }
}
