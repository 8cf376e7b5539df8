//! Every cause, from the socket to what is said of it: the metric, the interface and the command line name the same
//! one.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

use std::sync::Arc;
use std::time::Duration;

use linkwatch::cause::{Cause, Effect};
use linkwatch::clock::{Clock as _, SystemClock};
use linkwatch::endpoint::EndpointName;
use linkwatch::outlook::registration::Registration;
use linkwatch::record::Recorder;
use linkwatch::traffic::{Judgement, Report, Subject, Tier};
use serde_json::Value;

pub(crate) mod cases;
mod certificates;
pub(crate) mod program;

use cases::{Internet, host};
use program::{Program, label, series};

/// How long a verdict may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// Where the reports of all causes are to be written, for people to read: a file.
const REPORTS: &str = "LINKWATCH_TEST_REPORTS";

const HEALTHY: &str = "healthy.test";

#[tokio::test(flavor = "multi_thread")]
async fn every_cause_is_named_alike_by_metric_interface_and_command_line() {
    let mut internet = Internet::start().await;
    internet.healthy(HEALTHY).await;
    let causes = || {
        Cause::ALL
            .iter()
            .copied()
            .filter(|cause| *cause != Cause::VantageOffline)
    };
    for cause in causes() {
        internet.provoke(cause).await;
    }
    let program = Program::start(&internet.config("")).await;
    quieten(&program, &host(Cause::TrafficLow)).await;
    let_expire(&program, &host(Cause::RegistrationExpiring));
    program
        .wait(LIMIT, |program| {
            causes()
                .map(|cause| (cause, program.root(&host(cause)), up(program, &host(cause))))
                .filter(|(cause, root, up)| {
                    *root != Some(*cause) || *up != Some(cause.effect() != Effect::Down)
                })
                .map(|(cause, root, up)| format!("{cause}: root {root:?}, up {up:?}"))
                .collect()
        })
        .await;

    let scraped = program.get("/metrics").await;
    let endpoints = program.endpoints().await;
    let (checked, exit) = program.check().await;
    assert_eq!(exit, Some(1));
    let reports = program.reports().await;
    if let Ok(file) = std::env::var(REPORTS) {
        std::fs::write(file, &reports).unwrap();
    }
    for cause in causes() {
        let name = host(cause);
        assert_eq!(roots(&scraped, &name), [cause.as_str()], "the metric of {name}");
        let value = if cause.effect() == Effect::Down { "0" } else { "1" };
        assert_eq!(
            of(&scraped, "linkwatch_endpoint_up", &name),
            [value],
            "up of {name}"
        );
        let shown = &named(&endpoints, &name)["root"];
        assert_eq!(shown["cause"], cause.as_str(), "the interface of {name}");
        assert_eq!(shown["stage"], cause.stage().as_str(), "the interface of {name}");
        if !needs_time(cause) {
            let said = named(&checked, &name);
            assert_eq!(said["root"], cause.as_str(), "the check of {name}: {said:#}");
            assert_eq!(said["up"], cause.effect() != Effect::Down, "the check of {name}");
            reported(&reports, cause);
        }
    }
    assert!(roots(&scraped, HEALTHY).is_empty());
    assert_eq!(of(&scraped, "linkwatch_endpoint_up", HEALTHY), ["1"]);
    assert_eq!(named(&endpoints, HEALTHY)["root"], Value::Null);
    assert_eq!(named(&checked, HEALTHY)["root"], Value::Null);
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offline_vantage_point_is_named_alike_and_nothing_is_said_of_targets() {
    let mut internet = Internet::start().await;
    internet.provoke(Cause::VantageOffline).await;
    internet.provoke(Cause::HttpStatus).await;
    let anchors = [
        internet.refusing("127.0.0.1").await,
        internet.refusing("127.0.0.2").await,
    ];
    let vantage = format!("vantage: {{anchors: [\"{}\", \"{}\"]}}", anchors[0], anchors[1]);
    let program = Program::start(&internet.config(&vantage)).await;
    let names = [host(Cause::VantageOffline), host(Cause::HttpStatus)];
    program
        .wait(LIMIT, |program| {
            names
                .iter()
                .filter(|name| program.root(name) != Some(Cause::VantageOffline))
                .map(|name| format!("{name}: root {:?}", program.root(name)))
                .collect()
        })
        .await;

    let scraped = program.get("/metrics").await;
    let endpoints = program.endpoints().await;
    let (checked, exit) = program.check().await;
    assert_eq!(exit, Some(3));
    for name in &names {
        assert_eq!(roots(&scraped, name), ["vantage_offline"]);
        assert_ne!(of(&scraped, "linkwatch_endpoint_up", name), ["0"]);
        assert_eq!(named(&endpoints, name)["root"]["cause"], "vantage_offline");
        assert_eq!(named(&checked, name)["root"], "vantage_offline");
        assert_eq!(named(&checked, name)["up"], Value::Null);
    }
    program.stop().await;
}

/// The report of the cause's host begins with its verdict, names the cause, and says what to do in words that name the
/// host or the value to set.
fn reported(reports: &str, cause: Cause) {
    let name = host(cause);
    let verdict = if cause.effect() == Effect::Down {
        "down"
    } else {
        "degraded"
    };
    let (_, report) = reports
        .split_once(&format!("{name} is {verdict} now"))
        .unwrap_or_else(|| panic!("no report says that {name} is {verdict}:\n{reports}"));
    let report = report.split(" now  ").next().unwrap();
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (before, after) = report.split_once("\ndo ").unwrap();
    assert!(before.contains(&format!("cause      {cause}: ")), "{report}");
    let remedy = words(after.split("\n\n").next().unwrap());
    let expected = before.split_once("\nexpected ").unwrap().1;
    let expected = words(expected.split_once("\nactual ").unwrap().0);
    assert!(
        remedy.contains(&name) || remedy.contains(&expected),
        "{cause}: {remedy}"
    );
    assert_ne!(remedy, cause.remedy(), "{cause}");
}

/// Once the host is watched, says that clicks for it have stopped, as a round over its stream would.
/// Whether one look cannot tell: that something flaps, that clicks are missing, what was expected or seen before, what
/// third parties say.
const fn needs_time(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::Flapping
            | Cause::TrafficLow
            | Cause::PlatformTargetChanged
            | Cause::RenewalOverdue
            | Cause::CaaForbidsIssuer
            | Cause::IssuerDown
            | Cause::RegistrationExpiring
    )
}

/// The registry of an endpoint's domain has spoken.
fn let_expire(program: &Program, name: &str) {
    let recorder = Recorder::new(Arc::clone(&program.state), Arc::new(SystemClock), None);
    let now = SystemClock.now();
    recorder.registration(Registration {
        domain: name.to_owned(),
        expiry: Some(now + jiff::SignedDuration::from_hours(48)),
        statuses: Vec::new(),
        observed: now,
    });
    let catalogue = program.state.catalogue();
    recorder.registered_under(catalogue.find(name).unwrap(), name);
}

async fn quieten(program: &Program, name: &str) {
    program
        .wait(LIMIT, |program| {
            let known = program.known(name);
            known
                .is_none()
                .then(|| "not probed yet".to_owned())
                .into_iter()
                .collect()
        })
        .await;
    let recorder = Recorder::new(Arc::clone(&program.state), Arc::new(SystemClock), None);
    let stream: Arc<str> = "clicks".into();
    let subject = Subject {
        stream: Arc::clone(&stream),
        series: Some(name.into()),
        group: None,
        name: Some(EndpointName::from(name)),
    };
    let judgement = Judgement {
        expected: 12.0,
        low: Some(Tier::Outage),
        ..Judgement::NOTHING
    };
    recorder.traffic_replaced(&[], std::slice::from_ref(&stream));
    recorder.record_traffic(Report {
        stream,
        judgements: vec![(subject, judgement)],
    });
}

fn up(program: &Program, name: &str) -> Option<bool> {
    program.known(name)?.up
}

/// The root causes that the metric gives an endpoint.
fn roots<'a>(scraped: &'a str, endpoint: &str) -> Vec<&'a str> {
    series(scraped, "linkwatch_endpoint_cause")
        .into_iter()
        .filter(|(series, value)| {
            *value == "1" && label(series, "name") == Some(endpoint) && label(series, "role") == Some("root")
        })
        .filter_map(|(series, _)| label(series, "cause"))
        .collect()
}

/// The values of a family for an endpoint.
fn of<'a>(scraped: &'a str, family: &str, endpoint: &str) -> Vec<&'a str> {
    series(scraped, family)
        .into_iter()
        .filter(|(series, _)| label(series, "name") == Some(endpoint))
        .map(|(_, value)| value)
        .collect()
}

fn named<'a>(array: &'a [Value], name: &str) -> &'a Value {
    array
        .iter()
        .find(|entry| entry["name"] == name)
        .unwrap_or_else(|| panic!("{name} is missing"))
}
