//! The layers of an HTTP probe: connection, handshake and exchange, once more for each redirect that was followed.

use super::super::text::bounded;
use super::connection::{certificate, connected, connection, shaken};
use super::{Fact, Layer, LayerState, Verdict};
use crate::cause::Stage;
use crate::endpoint::{Endpoint, TextMatch};
use crate::outcome::{Attempt, Failure, Hop, Violation};

/// The layers behind DNS, in order; unreached ones where there was no address to try.
pub(super) fn layers(endpoint: &Endpoint, attempt: Option<&Attempt>, verdict: &Verdict) -> Vec<Layer> {
    let secure = endpoint.url.scheme() == "https";
    let Some(attempt) = attempt else {
        let tls = secure.then(|| Layer::unreached("tls", Stage::Tls).expecting(certificate(endpoint)));
        let connect = Layer::unreached("connect", Stage::Connect).expecting(connection(endpoint));
        let http = Layer::unreached("http", Stage::Http).expecting(answer(endpoint));
        return [Some(connect), tls, Some(http)].into_iter().flatten().collect();
    };
    let mut layers: Vec<Layer> = Vec::new();
    for (place, hop) in attempt.hops.iter().enumerate() {
        if place > 0 {
            layers.push(redirect(hop));
            layers.extend(looked_up(hop));
        }
        let tls = if hop.url.starts_with("https:") {
            shaken(hop)
        } else {
            Layer::skipped("tls", Stage::Tls, "not asked for: the URL is http")
        };
        layers.extend([connected(hop, &attempt.peer), tls, answered(hop)]);
    }
    // What should be is said of the endpoint's own connection, and of the answer that is judged.
    expect(layers.iter_mut(), "connect", connection(endpoint));
    expect(
        layers.iter_mut(),
        "tls",
        if secure { certificate(endpoint) } else { Vec::new() },
    );
    expect(layers.iter_mut().rev(), "http", answer(endpoint));
    if let Some(http) = layers.last_mut() {
        http.facts.extend(broken(attempt, verdict));
    }
    layers
}

fn expect<'a>(mut layers: impl Iterator<Item = &'a mut Layer>, name: &str, expected: Vec<String>) {
    if let Some(layer) = layers.find(|layer| layer.name == name) {
        layer.expected = expected;
    }
}

fn redirect(hop: &Hop) -> Layer {
    Layer {
        facts: vec![Fact::plain(format!("to {}", hop.url))],
        ..Layer::new("redirect", None, LayerState::Right)
    }
}

/// The look-up of a name that a redirect led to; none where it led to the same one.
fn looked_up(hop: &Hop) -> Option<Layer> {
    let fact = match &hop.failure {
        Some(failure @ Failure::Dns(_)) => Fact::bad(format!("failed: {failure}")),
        Some(_) | None if hop.timings.dns.is_zero() => return None,
        Some(_) | None => Fact::plain("has an address"),
    };
    Some(Layer::passed("dns", Stage::Dns, hop.timings.dns, vec![fact]))
}

fn answered(hop: &Hop) -> Layer {
    let ended = match &hop.failure {
        Some(
            Failure::Dns(_) | Failure::Connect(_) | Failure::Proxy(_) | Failure::Tls(_) | Failure::Untrusted,
        ) => {
            return Layer::unreached("http", Stage::Http);
        }
        Some(
            failure @ (Failure::Http(_)
            | Failure::Exchange(_)
            | Failure::Token(_)
            | Failure::Forbidden(_)
            | Failure::Unable(_)),
        ) => Some(format!("failed: {failure}")),
        None => None,
    };
    let came = hop.response.as_ref().map(|response| {
        let location = response.location.as_deref();
        let location = location.map_or_else(String::new, |to| format!(" to {to}"));
        format!(
            "{}{location}, HTTP/{:.1}, {} bytes",
            response.status, response.version, response.body_length
        )
    });
    let tone = if ended.is_some() { Fact::bad } else { Fact::plain };
    let said: Vec<String> = came.into_iter().chain(ended).collect();
    let fact = tone(format!("{}: {}", hop.url, said.join("; ")));
    let took = hop.timings.processing + hop.timings.transfer;
    Layer::passed("http", Stage::Http, took, vec![fact])
}

/// Rules that the answer broke and that no cause speaks of.
pub(super) fn broken<'a>(attempt: &'a Attempt, verdict: &'a Verdict) -> impl Iterator<Item = Fact> + 'a {
    let texts = |violation: &Violation| (bounded(&violation.expected), bounded(&violation.actual));
    let untold = |(expected, actual): &(String, String)| {
        let mut findings = verdict.findings();
        !findings.any(|one| (&one.expected, &one.actual) == (expected, actual))
    };
    let line = |(expected, actual)| Fact::bad(format!("rule broken: expected {expected}; actual {actual}"));
    attempt.violations.iter().map(texts).filter(untold).map(line)
}

fn answer(endpoint: &Endpoint) -> Vec<String> {
    let expect = &endpoint.group.expect;
    let mut lines = Vec::new();
    if expect.status.is_empty() {
        lines.push(format!("what module {} takes as right", endpoint.group.module));
    } else {
        let statuses: Vec<String> = expect.status.iter().map(ToString::to_string).collect();
        lines.push(format!("status {}", statuses.join(" or ")));
    }
    if let Some(location) = &expect.location {
        lines.push(format!("a redirect to {location}"));
    }
    for header in &expect.headers {
        let value = header.value.as_ref().map(|value| format!(": {value}"));
        lines.push(format!("header {}{}", header.name, value.unwrap_or_default()));
    }
    let body = |body: &TextMatch| format!("body with {body}");
    lines.extend(expect.body.iter().map(body));
    if let Some(duration) = expect.duration {
        lines.push(format!("within {} ms", duration.as_millis()));
    }
    lines
}
