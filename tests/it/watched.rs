//! States to be shown: what `record` would have made of some probes.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use linkwatch::cause::Cause;
use linkwatch::clock::ManualClock;
use linkwatch::diagnosis::{Finding, Standing, TargetState, Verdict};
use linkwatch::endpoint::{
    AddressChoice, Confirm, DnsExpectation, Endpoint, EndpointName, Expectation, Group, GroupName, Labels,
    ModuleName, PlatformName,
};
use linkwatch::incident::Sighting;
use linkwatch::outcome::{CertificateFacts, ChainFacts, ChainProblem, Disagreement, Staple, Timings};
use linkwatch::outlook::caa::Caa;
use linkwatch::outlook::feed::{self, Indicator};
use linkwatch::outlook::platform::{CertificateState, Domain};
use linkwatch::outlook::registration::Registration;
use linkwatch::outlook::renewal::Window;
use linkwatch::record::Recorder;
use linkwatch::record::demand::Asked;
use linkwatch::state::{Catalogue, EndpointState, GroupSlot, Own, Slot, State};
use linkwatch::traffic::{Judgement, Report, Subject, Tier};

/// When every test takes place.
pub(crate) fn now() -> Timestamp {
    "2026-05-08T10:30:00Z".parse().unwrap()
}

pub(crate) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(now()))
}

pub(crate) fn group(name: &str) -> Arc<Group> {
    Arc::new(Group {
        name: GroupName::from(name),
        module: ModuleName::from("http_2xx"),
        interval: Duration::from_secs(15),
        timeout: Duration::from_secs(5),
        confirm: Confirm {
            attempts: 2,
            pause: Duration::from_secs(2),
        },
        addresses: AddressChoice::All,
        page: true,
        maintenance: Vec::new(),
        accepted: Vec::new(),
        expect: Expectation::default(),
    })
}

pub(crate) fn labels() -> Labels {
    Labels::new([("team".to_owned(), "delivery".to_owned())])
}

pub(crate) fn endpoint(group: &Arc<Group>, name: &str) -> Arc<Endpoint> {
    Arc::new(Endpoint {
        name: EndpointName::from(name),
        group: Arc::clone(group),
        host: name.to_owned(),
        url: format!("https://{name}/c/canary").parse().unwrap(),
        labels: labels(),
        told: None,
    })
}

pub(crate) fn slot(group: &Arc<Group>, name: &str, state: Option<EndpointState>) -> Arc<Slot> {
    let slot = Slot::new(endpoint(group, name));
    if let Some(state) = state {
        slot.publish(state);
    }
    Arc::new(slot)
}

/// A slot whose endpoint's platform has spoken.
fn told(group: &Arc<Group>, name: &str, state: EndpointState) -> Arc<Slot> {
    let targets = vec!["new.dns.example".to_owned().into()];
    let slot = Slot::new(Arc::new(Endpoint {
        told: Some(targets.into()),
        ..Endpoint::clone(&endpoint(group, name))
    }));
    slot.publish(state);
    Arc::new(slot)
}

pub(crate) fn catalogue(group: &Arc<Group>, slots: Vec<Arc<Slot>>) -> Catalogue {
    Catalogue {
        groups: vec![Arc::new(GroupSlot {
            group: Arc::clone(group),
            labels: labels(),
            counters: Arc::default(),
        })],
        slots,
    }
}

pub(crate) fn state(catalogue: Catalogue) -> Arc<State> {
    Arc::new(State::new(catalogue, Own::new(false)))
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn certificate(subject: &str, issuer: &str, not_after: &str) -> CertificateFacts {
    CertificateFacts {
        subject: format!("CN={subject}"),
        issuer: format!("CN={issuer}"),
        issuer_name: issuer.to_owned(),
        serial: "0a1b".to_owned(),
        fingerprint_sha256: "ab".repeat(32),
        not_before: at("2026-03-01T00:00:00Z"),
        not_after: at(not_after),
        names: vec![subject.to_owned(), "192.0.2.1".to_owned()],
        name_count: 2,
        self_signed: false,
        has_ca_issuers: true,
        renewal_id: Some("aki.serial".to_owned()),
    }
}

pub(crate) fn chain(problems: Vec<ChainProblem>) -> ChainFacts {
    ChainFacts {
        certificates: vec![
            certificate("platform.example", "Test CA", "2026-05-30T00:00:00Z"),
            certificate("Test CA", "Test Root", "2027-03-01T00:00:00Z"),
        ],
        verified_until: problems.is_empty().then(|| at("2026-05-30T00:00:00Z")),
        problems,
        staple: Staple::Absent,
    }
}

pub(crate) fn finding(cause: Cause, expected: &str, actual: &str) -> Finding {
    Finding {
        cause,
        expected: expected.to_owned(),
        actual: actual.to_owned(),
        address: None,
        led_to: None,
    }
}

fn verdict(standing: Standing) -> Verdict {
    Verdict {
        standing,
        symptom: None,
        root: None,
        others: Vec::new(),
        addresses: 2,
        addresses_up: 2,
        target: None,
    }
}

/// Up, with nothing to say of it.
pub(crate) fn healthy() -> EndpointState {
    EndpointState {
        last_run: Some(at("2026-05-08T10:29:50.25Z")),
        up: Some(true),
        since: Some(at("2026-05-01T00:00:00Z")),
        verdict: Some(Arc::new(verdict(Standing::Up))),
        timings: Timings {
            dns: Duration::from_millis(2),
            connect: Duration::from_millis(10),
            tls: Duration::from_millis(20),
            processing: Duration::from_millis(30),
            transfer: Duration::from_millis(1),
        },
        duration: Duration::from_millis(63),
        status: 200,
        chain: Some(Arc::new(chain(Vec::new()))),
        chain_observed: Some(at("2026-05-08T10:29:50Z")),
        answer_changes: 1,
        answer_changed: Some(at("2026-05-02T00:00:00Z")),
        answer: vec!["192.0.2.7".to_owned()],
        ..EndpointState::default()
    }
}

/// Down for want of an answer, which explains itself: root and symptom are the same.
pub(crate) fn down() -> EndpointState {
    let refused = finding(Cause::ConnectRefused, "a connection", "connection refused");
    EndpointState {
        up: Some(false),
        since: Some(at("2026-05-08T10:12:03Z")),
        verdict: Some(Arc::new(Verdict {
            root: Some(refused.clone()),
            symptom: Some(refused),
            addresses_up: 0,
            ..verdict(Standing::Down)
        })),
        status: 0,
        failures: 12,
        ..healthy()
    }
}

/// Down with another platform's certificate, because its name leads elsewhere.
pub(crate) fn drifted() -> EndpointState {
    let wrong_name = finding(Cause::TlsHostnameMismatch, "c.example", "platform.example");
    EndpointState {
        verdict: Some(Arc::new(Verdict {
            root: Some(finding(Cause::DnsTargetDrift, "new.dns.example", "192.0.2.7")),
            symptom: Some(wrong_name.clone()),
            others: vec![
                finding(Cause::CertificateExpiring, "33% left", "24% left"),
                // Once more, at another address.
                finding(Cause::CertificateExpiring, "33% left", "24% left"),
            ],
            addresses_up: 0,
            target: Some(TargetState::Drift),
            ..verdict(Standing::Down)
        })),
        disagreement: Some(Disagreement {
            since: at("2026-05-08T10:12:03Z"),
            caches_end: at("2026-05-08T10:17:03Z"),
        }),
        chain: Some(Arc::new(chain(vec![ChainProblem::HostnameMismatch]))),
        ..down()
    }
}

/// What is known of the web side and of `/probe`.
fn demanded(recorder: &Recorder) {
    recorder.web_reloaded(true);
    recorder.stands_in(true);
    recorder.demand_replaced(["http_2xx"].into_iter(), 10);
    recorder.asked(Asked {
        module: "http_2xx".to_owned(),
        target: "https://a.example/".to_owned(),
        success: false,
        cause: None,
        elapsed: Duration::from_millis(250),
        size: 0,
        account: linkwatch::state::demand::Account::new("Logs for the probe:\n"),
    });
}

/// A small catalogue in which every family has a series: healthy, down, drifted, and not probed yet.
pub(crate) fn small() -> Arc<State> {
    let group = hosted(&group("tracking"));
    let slots = vec![
        slot(&group, "a.example", Some(healthy())),
        slot(&group, "b.example", Some(down())),
        told(&group, "c.example", drifted()),
        slot(&group, "d.example", None),
    ];
    let state = state(catalogue(&group, slots));
    state.own.update(|health| {
        health.vantage_up = Some(true);
        health.clock_skew = Some(-0.5);
        health.reload_successful = true;
        health.reload_success = Some(at("2026-05-08T10:00:00Z"));
    });
    state.own.lag.observe(0.003);
    note_incident(&state, &group.name, "b.example", &down());
    let recorder = Recorder::new(Arc::clone(&state), clock(), None);
    let platform = PlatformName::from("heroku-main");
    let authorities = [("letsencrypt".to_owned(), vec!["Test CA".to_owned()])];
    recorder.foresight_replaced(&authorities, &["heroku".to_owned()], true, &[]);
    recorder.feed(
        "heroku",
        Ok(feed::Report::new(Indicator::Degraded, "Routing errors")),
    );
    recorder.authority("letsencrypt", None);
    demanded(&recorder);
    recorder.registration(Registration {
        domain: "example".to_owned(),
        expiry: Some(at("2026-12-01T00:00:00Z")),
        statuses: Vec::new(),
        observed: now(),
    });
    let slots = state.catalogue();
    let first = slots.find("a.example").unwrap();
    recorder.caa(first, Caa::Permits);
    recorder.renewal_window(
        first,
        Some(Window {
            certificate: "aki.serial".to_owned(),
            start: at("2026-05-10T00:00:00Z"),
            end: at("2026-05-12T00:00:00Z"),
            explanation: None,
        }),
    );
    recorder.coverage_list("zone", ["new.example".to_owned()].into());
    recorder.coverage_held_against(&std::collections::BTreeSet::new(), &[]);
    recorder.platforms_replaced(&[(platform.clone(), Duration::from_secs(60))], |_| None);
    let domain = Domain::new("c.example", vec!["new.dns.example".to_owned().into()]);
    let domain = domain.saying("failing", Some(CertificateState::Failing), "");
    recorder.platform_told(&platform, vec![domain]);
    recorder.traffic_replaced(&["prometheus".into()], &["clicks".into()]);
    recorder.traffic_source("prometheus", true, None);
    recorder.record_traffic(Report {
        stream: "clicks".into(),
        judgements: vec![
            (subject(Some("a.example")), quiet(Tier::Outage)),
            (subject(None), quiet(Tier::Partial)),
        ],
    });
    state
}

/// The root of an endpoint that is down is an incident of its group.
fn note_incident(state: &State, group: &GroupName, name: &str, known: &EndpointState) {
    state.book().note(&Sighting {
        name: &EndpointName::from(name),
        group,
        root: known.verdict.as_ref().and_then(|verdict| verdict.root.as_ref()),
        down: true,
        at: at("2026-05-08T10:12:03Z"),
    });
}

/// The group, with a platform that says where its names must lead.
fn hosted(group: &Arc<Group>) -> Arc<Group> {
    let dns = DnsExpectation {
        targets: Vec::new(),
        platform: Some(PlatformName::from("heroku-main")),
        moving: None,
        proxies: Vec::new(),
    };
    Arc::new(Group {
        expect: Expectation {
            dns: Some(dns),
            ..Expectation::default()
        },
        ..Group::clone(group)
    })
}

/// A series of the group `tracking` and the endpoint that has its host; without a name, the whole group.
pub(crate) fn subject(series: Option<&str>) -> Subject {
    Subject {
        stream: "clicks".into(),
        series: series.map(Into::into),
        group: Some(GroupName::from("tracking")),
        name: series.map(EndpointName::from),
    }
}

/// Everything that a judgement can say, of traffic that is low.
pub(crate) fn quiet(tier: Tier) -> Judgement {
    Judgement {
        at: Some(at("2026-05-08T10:29:00Z")),
        observed: 0.0,
        expected: 12.34,
        expected_low: Some(3.5),
        low: Some(tier),
        since: Some(at("2026-05-08T10:12:00Z")),
        evidence_ratio: 2.5,
        ready: true,
        level_shift: Some(at("2026-04-01T00:00:00Z")),
        time_to_notice: Some(SignedDuration::from_mins(4)),
    }
}

/// So many endpoints, every tenth of them down.
pub(crate) fn large(count: usize) -> Arc<State> {
    let group = group("fleet");
    let slots = (0..count).map(|number| {
        let known = if number % 10 == 0 { down() } else { healthy() };
        slot(&group, &format!("endpoint-{number:05}.example"), Some(known))
    });
    let slots = slots.collect();
    state(catalogue(&group, slots))
}

/// Compares with a file of `tests/golden`, or writes it with `UPDATE_GOLDEN=1`.
#[track_caller]
pub(crate) fn assert_golden(path: &str, actual: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        expected == actual,
        "{} is out of date, UPDATE_GOLDEN=1 writes it; it should be:\n{actual}",
        path.display()
    );
}
