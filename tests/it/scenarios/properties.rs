//! What must hold of any facts whatever, and of any run of probes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use linkwatch::cause::{Cause, Effect};
use linkwatch::diagnosis::{Context, Standing, Verdict, diagnose, remedy, summary};
use linkwatch::endpoint::{CertificateExpectation, DnsExpectation, DnsTarget, Endpoint, Expectation};
use linkwatch::observation::{AttemptKind, Memory, Next};
use linkwatch::outcome::{
    Alias, Answer, Attempt, CertificateFacts, ChainFacts, ChainProblem, ConnectFailure, Failure, Family, Hop,
    HttpFailure, Message, Outcome, Peer, Reply, Resolution, ResponseCode, ResponseFacts, Rule, ServerRole,
    Staple, TargetLookup, TargetResolution, TargetStanding, Timings, TlsFacts, TlsFailure, Violation,
};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

use super::facts::{endpoint, group, now};
use super::sequence::{Player, verdict};

fn address() -> impl Strategy<Value = IpAddr> {
    let v4 = (0..6u8).prop_map(|last| IpAddr::V4(Ipv4Addr::new(203, 0, 113, last)));
    let v6 = (0..3u16).prop_map(|last| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last)));
    prop_oneof![3 => v4, 1 => v6, 1 => any::<IpAddr>()]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("new.herokudns.com".to_owned()),
        Just("old.herokudns.com".to_owned()),
        Just("links.example.com".to_owned()),
        any::<String>(),
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "\\PC{0,400}"]
}

fn date() -> impl Strategy<Value = Timestamp> {
    let near = (-10_000_000..10_000_000i64).prop_map(|second| now() + SignedDuration::from_secs(second));
    prop_oneof![8 => near, 1 => Just(Timestamp::MIN), 1 => Just(Timestamp::MAX)]
}

fn reply() -> impl Strategy<Value = Reply> {
    let rcode = prop_oneof![
        6 => Just(ResponseCode::NoError),
        2 => Just(ResponseCode::NxDomain),
        1 => Just(ResponseCode::ServFail),
        1 => Just(ResponseCode::Refused),
        1 => any::<u16>().prop_map(ResponseCode::Other),
    ];
    let alias = name().prop_map(|target| Alias { target, ttl: 60 });
    let message = (
        rcode,
        option::of(any::<u16>()),
        any::<bool>(),
        vec(alias, 0..3),
        vec(address(), 0..4),
    );
    let message = message.prop_map(|(rcode, extended_error, bogus, chain, addresses)| Message {
        rcode,
        extended_error,
        bogus,
        chain,
        addresses,
        ttl: 60,
    });
    prop_oneof![
        8 => message.prop_map(Reply::Message),
        1 => Just(Reply::Timeout),
        1 => text().prop_map(Reply::Broken),
    ]
}

fn answer() -> impl Strategy<Value = Answer> {
    let role = prop_oneof![Just(ServerRole::Resolver), Just(ServerRole::Authoritative)];
    let family = prop_oneof![Just(Family::Ipv4), Just(Family::Ipv6)];
    (0..4u8, role, family, reply()).prop_map(|(server, role, family, reply)| Answer {
        server: format!("127.0.0.{server}:53").into(),
        role,
        family,
        reply,
    })
}

fn target() -> impl Strategy<Value = TargetResolution> {
    let standing = prop_oneof![Just(TargetStanding::Current), Just(TargetStanding::Former)];
    let state = prop_oneof![3 => Just(TargetLookup::Resolved), 1 => Just(TargetLookup::Absent), 1 => Just(TargetLookup::Failed)];
    (name(), standing, state, vec(address(), 0..4)).prop_map(|(name, standing, state, addresses)| {
        TargetResolution {
            name,
            standing,
            state,
            addresses,
        }
    })
}

fn resolution() -> impl Strategy<Value = Resolution> {
    (vec(answer(), 0..8), vec(address(), 0..4), vec(target(), 0..4)).prop_map(
        |(answers, addresses, targets)| Resolution {
            name: "c.example.com".to_owned(),
            answers,
            addresses,
            targets,
            ..Resolution::default()
        },
    )
}

fn problem() -> impl Strategy<Value = ChainProblem> {
    prop_oneof![
        Just(ChainProblem::HostnameMismatch),
        (0..20usize, date()).prop_map(|(position, not_after)| ChainProblem::Expired { position, not_after }),
        (0..20usize, date())
            .prop_map(|(position, not_before)| ChainProblem::NotYetValid { position, not_before }),
        Just(ChainProblem::SelfSigned),
        Just(ChainProblem::UnknownIssuer),
        any::<bool>().prop_map(|proven| ChainProblem::IncompleteChain { proven }),
        text().prop_map(ChainProblem::Bad),
        date().prop_map(|at| ChainProblem::Revoked { at }),
    ]
}

fn certificate() -> impl Strategy<Value = CertificateFacts> {
    (text(), text(), date(), date(), vec(text(), 0..4)).prop_map(
        |(subject, issuer, not_before, not_after, names)| CertificateFacts {
            subject,
            issuer_name: issuer.clone(),
            issuer,
            serial: "00".to_owned(),
            fingerprint_sha256: "00".to_owned(),
            not_before,
            not_after,
            name_count: names.len(),
            names,
            self_signed: false,
            has_ca_issuers: false,
            renewal_id: None,
        },
    )
}

fn tls() -> impl Strategy<Value = TlsFacts> {
    let chain = (vec(certificate(), 0..3), vec(problem(), 0..3), option::of(date()));
    let chain = chain.prop_map(|(certificates, problems, verified_until)| {
        Arc::new(ChainFacts {
            certificates,
            problems,
            staple: Staple::Absent,
            verified_until,
        })
    });
    option::of(chain).prop_map(|chain| TlsFacts {
        version: None,
        cipher: None,
        alpn: None,
        chain,
    })
}

fn failure() -> impl Strategy<Value = Failure> {
    prop_oneof![
        reply().prop_map(|reply| Failure::Dns(Box::new(reply))),
        Just(Failure::Connect(ConnectFailure::Refused)),
        Just(Failure::Connect(ConnectFailure::Unreachable)),
        text().prop_map(|alert| Failure::Tls(TlsFailure::Alert(alert))),
        text().prop_map(|what| Failure::Tls(TlsFailure::BadCertificate(what))),
        Just(Failure::Untrusted),
        any::<u64>().prop_map(|limit| Failure::Http(HttpFailure::TooLarge(limit))),
        text().prop_map(|location| Failure::Http(HttpFailure::BadRedirect(location))),
    ]
}

fn hop() -> impl Strategy<Value = Hop> {
    let response = (any::<u16>(), any::<bool>()).prop_map(|(status, limited)| ResponseFacts {
        status,
        version: 1.1,
        location: None,
        content_length: None,
        body_length: 0,
        last_modified: None,
        clock_offset: None,
        limited,
    });
    let millis = prop_oneof![Just(0), 0..2000u64, Just(u64::MAX)];
    let url = prop_oneof![Just("https://c.example.com/".to_owned()), any::<String>()];
    let failure = option::weighted(0.4, failure());
    (url, millis, option::of(tls()), option::of(response), failure).prop_map(
        |(url, millis, tls, response, failure)| Hop {
            answer: None,
            url,
            address: None,
            proxy: None,
            revocation: None,
            timings: Timings {
                processing: Duration::from_millis(millis),
                transfer: Duration::from_millis(millis),
                ..Timings::default()
            },
            tls,
            response,
            failure,
        },
    )
}

fn attempts() -> impl Strategy<Value = Vec<Attempt>> {
    let rule = prop_oneof![
        Just(Rule::Location),
        Just(Rule::Status),
        Just(Rule::Version),
        Just(Rule::Tls),
        Just(Rule::Header),
        Just(Rule::Body),
    ];
    let violation = (rule, text(), text()).prop_map(|(rule, expected, actual)| Violation {
        rule,
        expected,
        actual,
    });
    let seen = (vec(hop(), 0..3), vec(violation, 0..3));
    btree_map(address(), seen, 0..4).prop_map(|attempts| {
        attempts
            .into_iter()
            .map(|(address, (hops, violations))| Attempt {
                peer: Peer::Address(SocketAddr::new(address, 443)),
                hops,
                violations,
            })
            .collect()
    })
}

fn outcome() -> impl Strategy<Value = Outcome> {
    (resolution(), attempts()).prop_map(|(resolution, attempts)| Outcome {
        prober: linkwatch::endpoint::ProberName::Http,
        judges_json: false,
        started: now(),
        elapsed: Duration::ZERO,
        resolution,
        attempts,
    })
}

fn strict() -> Expectation {
    Expectation {
        dns: Some(DnsExpectation {
            targets: vec![DnsTarget::Name("new.herokudns.com".to_owned())],
            moving: None,
            proxies: Vec::new(),
            platform: None,
        }),
        certificate: CertificateExpectation {
            issuer: vec!["Let's Encrypt".to_owned()],
            lifetime_left: Some(0.33),
        },
        duration: Some(Duration::from_secs(1)),
        ..Expectation::default()
    }
}

fn watched(expect: Expectation) -> Endpoint {
    endpoint("c.example.com", group(expect, Vec::new()))
}

fn context() -> impl Strategy<Value = Context<'static>> {
    let skew = option::of((-100_000..100_000i64).prop_map(SignedDuration::from_secs));
    (option::weighted(0.8, Just(true)), skew).prop_map(|(vantage_up, clock_skew)| Context {
        vantage_up,
        clock_skew,
        ..Context::at(now())
    })
}

/// Whatever was seen, the verdict holds together.
fn check(verdict: &Verdict, endpoint: &Endpoint) -> Result<(), TestCaseError> {
    prop_assert_eq!(verdict.symptom.is_some(), verdict.standing == Standing::Down);
    prop_assert!(verdict.standing != Standing::Down || verdict.root.is_some());
    prop_assert!(
        verdict.root.is_some() || verdict.others.is_empty() || verdict.standing == Standing::Unknown
    );
    prop_assert!(verdict.addresses_up <= verdict.addresses);
    if let Some(symptom) = &verdict.symptom {
        prop_assert_eq!(symptom.cause.effect(), Effect::Down);
    }
    let others: Vec<Cause> = verdict.others.iter().map(|finding| finding.cause).collect();
    prop_assert!(others.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", others);
    for shown in verdict.root.iter().chain(&verdict.symptom) {
        prop_assert!(!others.contains(&shown.cause));
    }
    for finding in verdict.findings() {
        for text in [&finding.expected, &finding.actual] {
            prop_assert!(text.len() <= 200, "{} bytes", text.len());
            prop_assert!(!text.contains(char::is_control), "{:?}", text);
        }
        prop_assert!(!remedy(finding, endpoint).is_empty());
    }
    prop_assert!(!summary(verdict).is_empty());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn any_facts_have_a_verdict_that_holds_together(outcome in outcome(), context in context()) {
        for expect in [strict(), Expectation::default()] {
            let endpoint = watched(expect);
            check(&diagnose(&outcome, &endpoint, &context), &endpoint)?;
        }
    }

    #[test]
    fn the_order_of_answers_does_not_matter(outcome in outcome(), context in context(), turn in 0..8usize) {
        let endpoint = watched(strict());
        let verdict = diagnose(&outcome, &endpoint, &context);
        let mut turned = outcome;
        turned.attempts.reverse();
        turned.resolution.addresses.reverse();
        turned.resolution.answers.reverse();
        let answers = turned.resolution.answers.len();
        turned.resolution.answers.rotate_left(turn.min(answers));
        for answer in &mut turned.resolution.answers {
            if let Reply::Message(message) = &mut answer.reply {
                message.addresses.reverse();
            }
        }
        prop_assert_eq!(verdict, diagnose(&turned, &endpoint, &context));
    }

    #[test]
    fn an_expectation_that_only_warns_takes_nothing_down(outcome in outcome(), context in context()) {
        let plain = diagnose(&outcome, &watched(Expectation::default()), &context);
        let warned = diagnose(&outcome, &watched(strict()), &context);
        prop_assert_eq!(plain.standing, warned.standing);
        prop_assert_eq!(plain.addresses_up, warned.addresses_up);
        prop_assert_eq!(
            plain.symptom.map(|symptom| symptom.cause),
            warned.symptom.map(|symptom| symptom.cause)
        );
    }

    #[test]
    fn down_is_said_of_none_that_answered_within_its_confirmations(fails in vec(any::<bool>(), 1..200)) {
        let mut player = Player::new(group(Expectation::default(), Vec::new()));
        let mut run = 0;
        for (second, failed) in (0i64..).zip(&fails) {
            run = if *failed { run + 1 } else { 0 };
            let before = player.memory.up;
            let sees = if *failed { "http_timeout" } else { "up" };
            let at = now() + SignedDuration::from_secs(15 * second);
            let step = player.play(verdict(sees), at, AttemptKind::Scheduled);
            if step.memory.up == Some(false) && before != Some(false) {
                prop_assert!(run >= 3, "down after {run} failures");
            }
            prop_assert!(run < 3 || step.memory.up == Some(false));
            if step.memory.up != Some(false) {
                prop_assert!(player.causes().iter().all(|cause| cause.effect() != Effect::Down));
            }
            prop_assert_eq!(player.causes().contains(&Cause::Flapping), step.memory.flapping());
        }
    }
}

#[test]
fn what_is_remembered_is_small_and_outlives_a_restart() {
    assert!(size_of::<Memory>() <= 100, "{} bytes", size_of::<Memory>());
    let mut player = Player::new(group(Expectation::default(), Vec::new()));
    for second in 0..60 {
        let sees = if second % 3 == 0 { "http_timeout" } else { "up" };
        player.play(
            verdict(sees),
            now() + SignedDuration::from_secs(second),
            AttemptKind::Scheduled,
        );
    }
    assert!(player.memory.flapping() && !player.memory.confirming());
    let stored = serde_json::to_string(&player.memory).unwrap();
    assert_eq!(
        serde_json::from_str::<Memory>(&stored).unwrap(),
        player.memory,
        "{stored}"
    );
}

/// 200 endpoints, every 2 seconds for 10 minutes; 2 % of the attempts fail, never two in a row on one endpoint.
#[test]
fn two_in_a_hundred_failing_at_random_take_nothing_down_and_are_no_flapping() {
    let mut random = 1u64;
    for _ in 0..200 {
        let mut player = Player::new(group(Expectation::default(), Vec::new()));
        let mut confirming = false;
        for tick in 0..300 {
            // A linear congruential generator (Knuth's MMIX): the same numbers in every run.
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let failed = !confirming && (random >> 33) % 100 < 2;
            let (sees, kind) = match (failed, confirming) {
                (true, _) => ("connect_timeout", AttemptKind::Scheduled),
                (false, true) => ("up", AttemptKind::Confirming(1)),
                (false, false) => ("up", AttemptKind::Scheduled),
            };
            let step = player.play(verdict(sees), now() + SignedDuration::from_secs(2 * tick), kind);
            confirming = step.next != Next::Nothing;
            assert_ne!(step.memory.up, Some(false));
            assert_eq!(player.causes(), [], "nothing is shown at {tick}");
        }
    }
}
