//! The series of `/probe`: which are there, and what they say.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::sync::Arc;
use std::time::Duration;

use linkwatch::cause::{Cause, ProbeCause};
use linkwatch::endpoint::ProberName;
use linkwatch::metrics::blackbox::{Probe, render, success};
use linkwatch::metrics::negotiate::Format;
use linkwatch::outcome::{
    Attempt, ChainFacts, ChainProblem, Failure, Hop, HttpFailure, Outcome, Peer, Resolution, ResponseFacts,
    Rule, Timings, TlsFacts, Violation,
};

use crate::watched::{assert_golden, chain, now};

fn response(status: u16) -> ResponseFacts {
    ResponseFacts {
        status,
        version: 1.1,
        location: None,
        content_length: Some(512),
        body_length: 512,
        last_modified: None,
        clock_offset: None,
        limited: false,
    }
}

fn hop(milliseconds: u64) -> Hop {
    let phase = Duration::from_millis(milliseconds);
    Hop {
        url: "https://a.example/".to_owned(),
        address: Some("192.0.2.7:443".parse().unwrap()),
        proxy: None,
        revocation: None,
        timings: Timings {
            dns: phase,
            connect: phase,
            tls: phase,
            processing: phase,
            transfer: phase,
        },
        tls: Some(TlsFacts {
            version: Some("TLS 1.3"),
            cipher: Some("TLS_AES_128_GCM_SHA256"),
            alpn: None,
            chain: Some(Arc::new(chain(Vec::new()))),
        }),
        response: Some(response(200)),
        answer: None,
        failure: None,
    }
}

fn outcome(hops: Vec<Hop>) -> Outcome {
    Outcome {
        prober: ProberName::Http,
        judges_json: false,
        started: now(),
        elapsed: Duration::from_millis(100),
        resolution: Resolution {
            name: "a.example".to_owned(),
            elapsed: Duration::from_millis(4),
            ..Resolution::default()
        },
        attempts: vec![Attempt {
            peer: Peer::Address("192.0.2.7:443".parse().unwrap()),
            hops,
            violations: Vec::new(),
        }],
    }
}

fn text(outcome: &Outcome, cause: Option<Cause>) -> String {
    let cause = cause.map(ProbeCause::Of);
    let probe = Probe { outcome, cause };
    String::from_utf8(render(&probe, Format::CLASSIC).unwrap()).unwrap()
}

#[track_caller]
fn assert_has(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(
            text.lines().any(|candidate| candidate == *line),
            "{line} is missing in\n{text}"
        );
    }
}

fn violation(rule: Rule) -> Violation {
    Violation {
        rule,
        expected: "a".to_owned(),
        actual: "b".to_owned(),
    }
}

#[test]
fn a_good_answer_over_tls_reads_as_it_always_has() {
    let mut last = hop(10);
    last.response = Some(ResponseFacts {
        last_modified: Some(now()),
        ..response(200)
    });
    let mut first = hop(1);
    first.response = Some(ResponseFacts {
        location: Some("/next".to_owned()),
        ..response(302)
    });
    assert_golden(
        "tests/golden/probe.prom",
        &text(&outcome(vec![first, last]), None),
    );
}

#[test]
fn a_name_that_does_not_resolve_has_zeros_and_one_phase() {
    let mut nothing = outcome(Vec::new());
    nothing.attempts.clear();
    let text = text(&nothing, Some(Cause::DnsNxdomain));
    assert_has(
        &text,
        &[
            "probe_success 0",
            "probe_ip_protocol 0",
            "probe_ip_addr_hash 0",
            "probe_http_status_code 0",
            "probe_http_content_length 0",
            "probe_http_version 0",
            "probe_dns_lookup_time_seconds 0.004",
            "linkwatch_probe_cause{cause=\"dns_nxdomain\"} 1",
        ],
    );
    let phases: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("probe_http_duration_seconds"))
        .collect();
    assert_eq!(phases, ["probe_http_duration_seconds{phase=\"resolve\"} 0.004"]);
    assert!(!text.contains("probe_ssl") && !text.contains("probe_tls"));
}

#[test]
fn an_untrusted_chain_has_no_tls_series_as_blackbox_has_none() {
    let mut untrusted = hop(1);
    untrusted.response = None;
    untrusted.failure = Some(Failure::Untrusted);
    let text = text(&outcome(vec![untrusted]), Some(Cause::TlsExpired));
    assert_has(
        &text,
        &["probe_success 0", "probe_http_ssl 0", "probe_ip_protocol 4"],
    );
    assert!(!text.contains("probe_ssl") && !text.contains("probe_tls"));
    for phase in ["connect", "processing", "tls", "transfer"] {
        assert_has(
            &text,
            &[&format!("probe_http_duration_seconds{{phase=\"{phase}\"}} 0")],
        );
    }
}

#[test]
fn a_chain_that_nobody_verified_ends_at_the_zero_time() {
    let mut unverified = hop(1);
    let facts = ChainFacts {
        ..chain(vec![ChainProblem::UnknownIssuer])
    };
    if let Some(tls) = unverified.tls.as_mut() {
        tls.chain = Some(Arc::new(facts));
    }
    let text = text(&outcome(vec![unverified]), None);
    assert_has(
        &text,
        &[
            "probe_success 1",
            "probe_http_ssl 1",
            "probe_ssl_last_chain_expiry_timestamp_seconds -62135596800",
        ],
    );
}

#[test]
fn a_broken_rule_on_body_or_header_is_told_apart() {
    for (rule, told) in [
        (Rule::Body, "probe_failed_due_to_regex 1"),
        (Rule::Header, "probe_failed_due_to_regex 1"),
        (Rule::Status, "probe_failed_due_to_regex 0"),
    ] {
        let mut broken = outcome(vec![hop(1)]);
        broken.attempts[0].violations.push(violation(rule));
        assert_has(&text(&broken, None), &[told, "probe_success 0"]);
    }
}

#[test]
fn a_redirect_that_is_not_followed_counts_and_is_judged() {
    let mut refused = hop(1);
    refused.response = Some(ResponseFacts {
        location: Some("/elsewhere".to_owned()),
        content_length: None,
        ..response(301)
    });
    let judged = outcome(vec![refused]);
    assert!(success(&judged));
    assert_has(
        &text(&judged, None),
        &[
            "probe_http_redirects 1",
            "probe_http_status_code 301",
            "probe_http_content_length -1",
        ],
    );
}

#[test]
fn redirects_given_up_are_judged_by_the_rules_alone() {
    let mut last = hop(1);
    last.response = Some(response(302));
    last.failure = Some(Failure::Http(HttpFailure::RedirectLoop));
    let mut given_up = outcome(vec![last]);
    assert!(success(&given_up));
    given_up.attempts[0].violations.push(violation(Rule::Status));
    assert!(!success(&given_up));
}

#[test]
fn an_answer_without_tls_has_no_tls_series() {
    let mut plain = hop(1);
    plain.tls = None;
    let text = text(&outcome(vec![plain]), None);
    assert_has(&text, &["probe_http_ssl 0", "probe_success 1"]);
    assert!(!text.contains("probe_ssl") && !text.contains("probe_tls"));
}

#[test]
fn the_address_is_hashed_over_its_4_or_16_bytes() {
    // FNV-1a, 32 bit, by another implementation.
    for (address, lines) in [
        (
            "127.0.0.1:80",
            ["probe_ip_addr_hash 3668918509", "probe_ip_protocol 4"],
        ),
        (
            "[::1]:80",
            ["probe_ip_addr_hash 1751717746", "probe_ip_protocol 6"],
        ),
    ] {
        let mut seen = outcome(vec![hop(1)]);
        seen.attempts[0].peer = Peer::Address(address.parse().unwrap());
        assert_has(&text(&seen, None), &lines);
    }
}

#[test]
fn protobuf_is_there_too() {
    let outcome = outcome(vec![hop(1)]);
    let probe = Probe {
        outcome: &outcome,
        cause: None,
    };
    let encoded = render(&probe, Format::PROTOBUF).unwrap();
    assert!(encoded.windows(13).any(|window| window == b"probe_success"));
}
