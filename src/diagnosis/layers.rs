//! The layers of one probe as a person reads them: what should be, beside what is.

use std::time::Duration;

use super::Verdict;
use crate::cause::{Effect, Stage};
use crate::endpoint::{Endpoint, TextMatch};
use crate::outcome::{Attempt, Failure, Hop, Outcome, Reply, Resolution, ResponseFacts, TlsFacts};

/// One layer of a probe. The texts come from outside: whoever shows them makes them fit to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Which: `dns`, `connect`, `tls` or `http`.
    pub stage: Stage,
    /// How it stands.
    pub state: LayerState,
    /// The time spent in it, at the slowest address.
    pub took: Duration,
    /// What should be, a line each.
    pub expected: Vec<String>,
    /// What is, a line each; empty where the probe did not come that far.
    pub actual: Vec<String>,
}

/// How a layer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerState {
    /// As it should be.
    Right,
    /// A warning stands.
    Warned,
    /// It takes the endpoint down.
    Wrong,
    /// The probe did not come that far.
    Unreached,
}

/// The layers in the order of a probe; without `tls` for an endpoint that is asked in plain HTTP.
#[must_use]
pub fn layers(endpoint: &Endpoint, outcome: &Outcome, verdict: &Verdict) -> Vec<Layer> {
    let timings = outcome.slowest_timings();
    let tls = endpoint.url.scheme() == "https";
    let layer = |stage, took, expected, actual: Vec<String>| Layer {
        stage,
        state: state(stage, verdict, actual.is_empty()),
        took,
        expected,
        actual,
    };
    let dns = layer(
        Stage::Dns,
        timings.dns,
        expected_dns(endpoint),
        resolved(&outcome.resolution),
    );
    let connect = layer(
        Stage::Connect,
        timings.connect,
        expected_connection(endpoint),
        each(outcome, connected),
    );
    let shaken = tls.then(|| {
        layer(
            Stage::Tls,
            timings.tls,
            expected_certificate(endpoint),
            each(outcome, shaken_hands),
        )
    });
    let http = layer(
        Stage::Http,
        timings.processing + timings.transfer,
        expected_answer(endpoint),
        each(outcome, answered),
    );
    [dns, connect].into_iter().chain(shaken).chain([http]).collect()
}

fn state(stage: Stage, verdict: &Verdict, unreached: bool) -> LayerState {
    let effects: Vec<Effect> = verdict
        .findings()
        .filter(|finding| finding.cause.stage() == stage)
        .map(|finding| finding.cause.effect())
        .collect();
    if effects.contains(&Effect::Down) {
        LayerState::Wrong
    } else if unreached {
        LayerState::Unreached
    } else if effects.is_empty() {
        LayerState::Right
    } else {
        LayerState::Warned
    }
}

/// A line for each address that has something to say; the same line is said once.
fn each(outcome: &Outcome, line: fn(&Attempt) -> Option<String>) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for said in outcome.attempts.iter().filter_map(line) {
        if !lines.contains(&said) {
            lines.push(said);
        }
    }
    lines
}

fn expected_dns(endpoint: &Endpoint) -> Vec<String> {
    match endpoint.dns() {
        Some(dns) if !dns.targets.is_empty() => dns.targets.iter().map(ToString::to_string).collect(),
        Some(_) => vec!["the target that the platform will name".to_owned()],
        None => vec!["an address".to_owned()],
    }
}

fn resolved(resolution: &Resolution) -> Vec<String> {
    let mut lines = Vec::new();
    let mut say = |line: String| {
        if !lines.contains(&line) {
            lines.push(line);
        }
    };
    for answer in &resolution.answers {
        match &answer.reply {
            Reply::Message(message) if !message.chain.is_empty() => {
                let chain: Vec<&str> = message.chain.iter().map(|alias| alias.target.as_str()).collect();
                say(format!("CNAME {}", chain.join(" → ")));
            }
            Reply::Message(_) => {}
            Reply::Timeout => say(format!("{}: no usable answer in time", answer.server)),
            Reply::Broken(why) => say(format!("{}: {why}", answer.server)),
        }
    }
    let addresses: Vec<String> = resolution.addresses.iter().map(ToString::to_string).collect();
    say(if addresses.is_empty() {
        "no address".to_owned()
    } else {
        addresses.join(", ")
    });
    lines
}

fn expected_connection(endpoint: &Endpoint) -> Vec<String> {
    let port = endpoint.url.port_or_known_default().unwrap_or_default();
    vec![format!("a connection to port {port} of every address")]
}

fn connected(attempt: &Attempt) -> Option<String> {
    let first = attempt.hops.first()?;
    if let Some(failure) = &first.failure
        && first.tls.is_none()
        && first.response.is_none()
    {
        return Some(format!("{}: {failure}", attempt.peer));
    }
    Some(attempt.peer.to_string())
}

fn expected_certificate(endpoint: &Endpoint) -> Vec<String> {
    let expect = &endpoint.group.expect.certificate;
    let mut lines = vec![format!("a trusted certificate for {}", endpoint.host)];
    if !expect.issuer.is_empty() {
        lines.push(format!("by {}", expect.issuer.join(" or ")));
    }
    if let Some(left) = expect.lifetime_left {
        lines.push(format!(
            "with at least {:.0} % of its lifetime left",
            left * 100.0
        ));
    }
    lines
}

fn shaken_hands(attempt: &Attempt) -> Option<String> {
    let hop = attempt.hops.iter().find(|hop| hop.tls.is_some())?;
    let facts = hop.tls.as_ref()?;
    Some(match (certificate(facts), &hop.failure, facts.version) {
        (Some(certificate), _, version) => {
            let version = version.map(|version| format!(", {version}"));
            format!("{certificate}{}", version.unwrap_or_default())
        }
        (None, Some(failure), _) => failure.to_string(),
        (None, None, version) => version.unwrap_or("no certificate").to_owned(),
    })
}

fn certificate(facts: &TlsFacts) -> Option<String> {
    let leaf = facts.chain.as_ref()?.leaf()?;
    let name = leaf.names.first().unwrap_or(&leaf.subject);
    let more = match leaf.name_count {
        ..=1 => String::new(),
        count => format!(" and {} more", count - 1),
    };
    let until = leaf.not_after.strftime("%Y-%m-%d");
    Some(format!("{name}{more}, by {}, until {until}", leaf.issuer_name))
}

fn expected_answer(endpoint: &Endpoint) -> Vec<String> {
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
    lines.extend(
        expect
            .body
            .iter()
            .map(|body: &TextMatch| format!("body with {body}")),
    );
    if let Some(duration) = expect.duration {
        lines.push(format!("within {} ms", duration.as_millis()));
    }
    lines
}

fn answered(attempt: &Attempt) -> Option<String> {
    let hop = attempt.last()?;
    match (&hop.response, &hop.failure) {
        (Some(response), None) => Some(said(hop, response, attempt.hops.len())),
        (Some(response), Some(failure)) => Some(format!("{}; {failure}", response.status)),
        (None, Some(failure @ Failure::Http(_))) => Some(failure.to_string()),
        (None, _) => None,
    }
}

fn said(hop: &Hop, response: &ResponseFacts, hops: usize) -> String {
    let location = response.location.as_deref().map(|to| format!(" → {to}"));
    let after = match hops {
        ..=1 => String::new(),
        count => format!(", after {} redirects, at {}", count - 1, hop.url),
    };
    format!(
        "{}{}, {} bytes, HTTP/{}{after}",
        response.status,
        location.unwrap_or_default(),
        response.body_length,
        response.version,
    )
}
