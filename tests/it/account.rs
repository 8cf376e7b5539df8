//! The account of a probe that page and terminal share: what was met, in order, with the cause where it belongs.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::time::Duration;

use linkwatch::cause::{Cause, Stage};
use linkwatch::diagnosis::layers::LayerState::{self, Right, Skipped, Unreached, Warned, Wrong};
use linkwatch::diagnosis::layers::{Account, Tone, account};
use linkwatch::diagnosis::{Finding, Standing, Verdict};
use linkwatch::endpoint::Endpoint;
use linkwatch::outcome::{
    AddressSource, Attempt, ConnectFailure, Failure, Hop, HttpFailure, Outcome, Peer, Resolution,
    ResponseFacts, Rule, Timings, Violation,
};

use crate::watched::{endpoint, finding, group, now};

fn asked(url: &str) -> Endpoint {
    let mut asked = Endpoint::clone(&endpoint(&group("tracking"), "a.example"));
    asked.url = url.parse().unwrap();
    asked
}

fn hop(url: &str, address: &str, status: Option<u16>) -> Hop {
    Hop {
        answer: None,
        url: url.to_owned(),
        address: Some(address.parse().unwrap()),
        proxy: None,
        revocation: None,
        timings: Timings {
            connect: Duration::from_millis(3),
            processing: Duration::from_millis(status.map_or(0, |_| 20)),
            ..Timings::default()
        },
        tls: None,
        response: status.map(|status| ResponseFacts {
            status,
            version: 1.1,
            location: (status == 302).then(|| "http://b.example/".to_owned()),
            content_length: None,
            body_length: 0,
            last_modified: None,
            clock_offset: None,
            limited: false,
        }),
        failure: None,
    }
}

fn attempt(hops: Vec<Hop>) -> Attempt {
    Attempt {
        peer: Peer::Address(hops[0].address.unwrap()),
        hops,
        violations: Vec::new(),
    }
}

fn outcome(attempts: Vec<Attempt>) -> Outcome {
    Outcome {
        prober: linkwatch::endpoint::ProberName::Http,
        judges_json: false,
        started: now(),
        elapsed: Duration::from_millis(50),
        resolution: Resolution {
            name: "a.example".to_owned(),
            elapsed: Duration::from_millis(5),
            addresses: attempts
                .iter()
                .map(|attempt| attempt.peer.ip().unwrap())
                .collect(),
            ..Resolution::default()
        },
        attempts,
    }
}

fn verdict(standing: Standing, findings: Vec<Finding>) -> Verdict {
    let mut findings = findings.into_iter();
    let root = findings.next();
    Verdict {
        standing,
        symptom: root.clone().filter(|_| standing == Standing::Down),
        root,
        others: findings.collect(),
        addresses: 1,
        addresses_up: 0,
        target: None,
    }
}

/// Name, state and causes of every layer.
fn met(account: &Account) -> Vec<(&'static str, LayerState, Vec<Cause>)> {
    let causes = |findings: &[Finding]| findings.iter().map(|finding| finding.cause).collect();
    let layers = account.layers.iter();
    layers
        .map(|layer| (layer.name, layer.state, causes(&layer.findings)))
        .collect()
}

#[test]
fn redirects_are_told_hop_by_hop_and_a_cause_stands_once_where_it_was_met() {
    let mut last = hop("http://b.example/", "192.0.2.9:80", Some(500));
    last.timings.dns = Duration::from_millis(4);
    let seen = outcome(vec![attempt(vec![
        hop("http://a.example/", "192.0.2.7:80", Some(302)),
        last,
    ])]);
    let down = verdict(
        Standing::Down,
        vec![
            finding(Cause::HttpStatus, "2xx", "500"),
            finding(Cause::DnsTargetDrift, "x", "y"),
        ],
    );
    let account = account(&asked("http://a.example/"), &seen, &down);
    assert_eq!(
        met(&account),
        [
            ("dns", Warned, vec![Cause::DnsTargetDrift]),
            ("connect", Right, vec![]),
            ("tls", Skipped, vec![]),
            ("http", Right, vec![]),
            ("redirect", Right, vec![]),
            ("dns", Right, vec![]),
            ("connect", Right, vec![]),
            ("tls", Skipped, vec![]),
            ("http", Wrong, vec![Cause::HttpStatus]),
        ]
    );
    let told: Vec<&str> = account
        .layers
        .iter()
        .map(|layer| layer.facts[0].text.as_str())
        .collect();
    assert_eq!(told[0], "a.example has 192.0.2.7");
    assert_eq!(
        told[3],
        "http://a.example/: 302 to http://b.example/, HTTP/1.1, 0 bytes"
    );
    assert_eq!(told[4], "to http://b.example/");
    assert_eq!(told[8], "http://b.example/: 500, HTTP/1.1, 0 bytes");
    let expected: Vec<bool> = account
        .layers
        .iter()
        .map(|layer| !layer.expected.is_empty())
        .collect();
    assert_eq!(
        expected,
        [true, true, false, false, false, false, false, false, true]
    );
    let took: Vec<_> = account
        .phases
        .iter()
        .map(|phase| (phase.name, phase.took.as_millis()))
        .collect();
    assert_eq!(took, [("dns", 5), ("connect", 6), ("processing", 40)]);
}

#[test]
fn what_fails_is_told_where_it_fails_and_what_lies_behind_is_not_reached() {
    let mut refused = hop("https://a.example/", "192.0.2.7:443", None);
    refused.failure = Some(Failure::Connect(ConnectFailure::Refused));
    let down = verdict(
        Standing::Down,
        vec![finding(Cause::ConnectRefused, "a connection", "refused")],
    );
    let endpoint = asked("https://a.example/");
    let told = account(&endpoint, &outcome(vec![attempt(vec![refused])]), &down);
    let expected = [
        ("dns", Right, vec![]),
        ("connect", Wrong, vec![Cause::ConnectRefused]),
        ("tls", Unreached, vec![]),
        ("http", Unreached, vec![]),
    ];
    assert_eq!(met(&told), expected);
    assert_eq!(told.layers[1].facts[0].tone, Tone::Bad);
    assert_eq!(told.layers[2].took, None);

    let nothing = outcome(Vec::new());
    let nameless = verdict(
        Standing::Down,
        vec![finding(Cause::DnsNoRecords, "an address", "none")],
    );
    let told = account(&endpoint, &nothing, &nameless);
    assert_eq!(told.peer, None);
    assert_eq!(met(&told)[0], ("dns", Wrong, vec![Cause::DnsNoRecords]));
    assert!(told.layers[1..].iter().all(|layer| layer.state == Unreached));
    assert!(told.layers.iter().all(|layer| !layer.expected.is_empty()));
}

#[test]
fn the_address_that_the_verdict_names_is_told_and_every_other_is_summed_up() {
    let good = || attempt(vec![hop("http://a.example/", "192.0.2.7:80", Some(200))]);
    let mut late = hop("http://a.example/", "192.0.2.8:80", None);
    late.failure = Some(Failure::Http(HttpFailure::Timeout));
    let mut odd = attempt(vec![hop("http://a.example/", "192.0.2.9:80", Some(200))]);
    odd.violations = vec![Violation {
        rule: Rule::Body,
        expected: "body with yes".to_owned(),
        actual: "no".to_owned(),
    }];
    let seen = outcome(vec![good(), attempt(vec![late]), odd]);
    let named = Finding {
        address: Some("192.0.2.9".parse().unwrap()),
        ..finding(Cause::HttpBody, "body with yes", "no")
    };
    let endpoint = asked("http://a.example/");
    let told = account(&endpoint, &seen, &verdict(Standing::Up, vec![named]));
    assert_eq!(told.peer, Some(Peer::Address("192.0.2.9:80".parse().unwrap())));
    let came: Vec<_> = told
        .addresses
        .iter()
        .map(|tried| (tried.came.tone, tried.came.text.as_str()))
        .collect();
    assert_eq!(
        came,
        [
            (Tone::Plain, "200"),
            (Tone::Bad, "no complete answer in time"),
            (Tone::Bad, "expected body with yes; actual no"),
        ]
    );
    // Nothing is wrong: an address that this machine cannot reach is not what is shown.
    let mut elsewhere = hop("http://a.example/", "[2001:db8::1]:80", None);
    elsewhere.failure = Some(Failure::Connect(ConnectFailure::Unreachable));
    let well = account(
        &endpoint,
        &outcome(vec![attempt(vec![elsewhere]), good()]),
        &verdict(Standing::Up, vec![]),
    );
    assert_eq!(well.peer, Some(Peer::Address("192.0.2.7:80".parse().unwrap())));
}

#[test]
fn a_layer_that_failed_is_never_called_as_it_should_be() {
    let mut late = hop("http://a.example/", "192.0.2.8:80", None);
    late.failure = Some(Failure::Http(HttpFailure::Timeout));
    let offline = verdict(
        Standing::Unknown,
        vec![finding(Cause::VantageOffline, "an answer", "none")],
    );
    let told = account(
        &asked("http://a.example/"),
        &outcome(vec![attempt(vec![late])]),
        &offline,
    );
    let http = told.layers.last().unwrap();
    assert_eq!(
        (http.state, http.stage, http.findings.len()),
        (Wrong, Some(Stage::Http), 0)
    );
}

#[test]
fn what_was_left_out_says_why() {
    let mut seen = outcome(vec![attempt(vec![hop(
        "http://192.0.2.7/",
        "192.0.2.7:80",
        Some(200),
    )])]);
    seen.resolution.source = AddressSource::Literal;
    let told = account(&asked("http://192.0.2.7/"), &seen, &verdict(Standing::Up, vec![]));
    let left_out: Vec<_> = told
        .layers
        .iter()
        .filter(|layer| layer.state == Skipped)
        .collect();
    assert_eq!(left_out.len(), 2);
    assert!(
        left_out
            .iter()
            .all(|layer| layer.facts.len() == 1 && layer.took.is_none())
    );
}
