//! Traffic as it is made known: by metric, interface, page and cause.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use linkwatch::cause::{Cause, Effect};
use linkwatch::diagnosis::{Finding, Standing, Verdict};
use linkwatch::metrics::Exporter;
use linkwatch::metrics::negotiate::{Coding, Format};
use linkwatch::observation::{AttemptKind, Memory, Observed, Shown, fold};
use linkwatch::outcome::{Outcome, Resolution};
use linkwatch::record::{Recorder, Seen};
use linkwatch::state::State;
use linkwatch::traffic::{Judgement, Report, Subject, Tier};
use prometheus_client::encoding::prometheus_protobuf::prometheus_data_model::MetricFamily;
use prost::Message as _;

use crate::watched::{catalogue, clock, finding, group, healthy, now, quiet, slot, state, subject};

fn scrape(state: &Arc<State>, format: Format) -> Vec<u8> {
    let exporter = Exporter::new(Arc::clone(state), clock());
    let chunks = exporter.scrape(format, Coding::Identity).map(Result::unwrap);
    chunks.flat_map(|chunk| chunk.to_vec()).collect()
}

/// The series of traffic, in the classic text format.
fn series(state: &Arc<State>) -> Vec<String> {
    let text = String::from_utf8(scrape(state, Format::CLASSIC)).unwrap();
    let lines = text.lines().filter(|line| line.starts_with("linkwatch_traffic_"));
    lines.map(str::to_owned).collect()
}

/// A state with one endpoint, one source and one stream, and who writes it.
fn watched() -> (Arc<State>, Recorder) {
    let group = group("tracking");
    let state = state(catalogue(&group, vec![slot(&group, "a.example", None)]));
    let recorder = Recorder::new(Arc::clone(&state), clock(), None);
    recorder.traffic_replaced(&["prometheus".into()], &["clicks".into()]);
    (state, recorder)
}

fn report(judgements: impl IntoIterator<Item = (Subject, Judgement)>) -> Report {
    Report {
        stream: "clicks".into(),
        judgements: judgements.into_iter().collect(),
    }
}

fn steady() -> Judgement {
    Judgement {
        low: None,
        since: None,
        ..quiet(Tier::Outage)
    }
}

#[test]
fn a_series_of_traffic_has_at_most_twelve_series() {
    let (state, recorder) = watched();
    let own = || subject(Some("a.example"));
    recorder.record_traffic(report([(own(), quiet(Tier::Outage))]));
    assert_eq!(series(&state).len(), 12, "{:#?}", series(&state));
    recorder.record_traffic(report([(own(), steady())]));
    assert_eq!(series(&state).len(), 11);
    // What is missing is never zero: neither rates nor times.
    recorder.record_traffic(report([(own(), Judgement::NOTHING)]));
    let names = ["low", "low", "baseline_ready", "time_to_notice_seconds", "blind"];
    let found = series(&state);
    assert_eq!(found.len(), names.len());
    for (line, name) in found.iter().zip(names) {
        assert!(line.starts_with(&format!("linkwatch_traffic_{name}{{")), "{line}");
    }
    assert!(found[3].ends_with(" inf"), "{}", found[3]);
    assert!(found[4].ends_with(" 1"), "{}", found[4]);
}

#[test]
fn all_formats_hold_the_same_series_of_traffic() {
    let (state, recorder) = watched();
    recorder.traffic_source("prometheus", false, Some("refused".to_owned()));
    recorder.record_traffic(report(
        (0..150).map(|number| (subject(Some(&format!("{number}.example"))), quiet(Tier::Partial))),
    ));
    let classic = series(&state);
    assert_eq!(classic.iter().collect::<BTreeSet<_>>().len(), 150 * 12 + 1);
    let open = String::from_utf8(scrape(&state, Format::OPEN_METRICS)).unwrap();
    let open: Vec<_> = open
        .lines()
        .filter(|line| line.starts_with("linkwatch_traffic_"))
        .collect();
    assert_eq!(open, classic);
    let bytes = scrape(&state, Format::PROTOBUF);
    let (mut bytes, mut held) = (bytes.as_slice(), 0);
    while !bytes.is_empty() {
        let family = MetricFamily::decode_length_delimited(&mut bytes).unwrap();
        if family.name.starts_with("linkwatch_traffic_") {
            held += family.metric.len();
        }
    }
    assert_eq!(held, classic.len());
}

#[test]
fn one_tier_stands_at_a_time_and_a_group_has_neither_series_nor_name() {
    let (state, recorder) = watched();
    recorder.record_traffic(report([
        (subject(None), quiet(Tier::Outage)),
        (subject(Some("a.example")), quiet(Tier::Partial)),
    ]));
    let low: Vec<_> = series(&state)
        .into_iter()
        .filter(|line| line.contains("_low{"))
        .collect();
    let own = r#"stream="clicks",series="a.example",group="tracking",name="a.example""#;
    let expected = [
        r#"linkwatch_traffic_low{stream="clicks",group="tracking",tier="partial"} 0"#.to_owned(),
        r#"linkwatch_traffic_low{stream="clicks",group="tracking",tier="outage"} 1"#.to_owned(),
        format!(r#"linkwatch_traffic_low{{{own},tier="partial"}} 1"#),
        format!(r#"linkwatch_traffic_low{{{own},tier="outage"}} 0"#),
    ];
    let low: Vec<_> = low.iter().filter(|line| line.contains("tier=")).collect();
    assert_eq!(low, expected.iter().collect::<Vec<_>>());
}

#[test]
fn what_is_no_longer_configured_leaves_no_series_behind_and_does_not_come_back() {
    let (state, recorder) = watched();
    recorder.traffic_source("prometheus", true, None);
    recorder.record_traffic(report([(subject(Some("a.example")), steady())]));
    assert_eq!(series(&state).len(), 12);
    recorder.traffic_replaced(&["prometheus".into(), "loki".into()], &["clicks".into()]);
    assert_eq!(series(&state).len(), 12, "what stays is kept");
    assert_eq!(state.traffic().sources[1].up, None);
    recorder.traffic_replaced(&[], &[]);
    // A round that was under way comes late.
    recorder.traffic_source("prometheus", true, None);
    recorder.record_traffic(report([(subject(Some("a.example")), steady())]));
    assert_eq!(series(&state), [""; 0]);
}

#[test]
fn hostile_names_and_problems_are_bounded_and_stay_distinct() {
    let (state, recorder) = watched();
    let long = |end: &str| Subject {
        series: Some(format!("\"\n{}{end}", "ü".repeat(500)).into()),
        ..subject(None)
    };
    recorder.record_traffic(report([(long("a"), steady()), (long("b"), steady())]));
    let found = series(&state);
    assert_eq!(found.len(), 11);
    assert!(found.iter().all(|line| line.len() < 600));
    recorder.traffic_source("prometheus", false, Some("x\n".repeat(500)));
    let problem = state.traffic().sources[0].problem.clone().unwrap();
    assert!(problem.len() <= 200 && !problem.contains('\n'), "{problem}");
}

/// What the endpoint's next confirmed probe, which fails, leads to beside its failure.
fn traffic_low(state: &State, recorder: &Recorder) -> Option<Finding> {
    let slot = Arc::clone(state.catalogue().find("a.example").unwrap());
    for confirmation in 1..4 {
        recorder.record(Seen {
            slot: Arc::clone(&slot),
            kind: AttemptKind::Confirming(confirmation),
            outcome: Outcome {
                prober: linkwatch::endpoint::ProberName::Http,
                judges_json: false,
                started: now(),
                elapsed: Duration::from_millis(7),
                resolution: Resolution::default(),
                attempts: Vec::new(),
            },
        });
    }
    let verdict = slot.current().unwrap().verdict.clone().unwrap();
    assert_eq!(
        verdict.root.as_ref().unwrap().cause.effect(),
        Effect::Down,
        "a failure comes first"
    );
    verdict
        .others
        .iter()
        .find(|finding| finding.cause == Cause::TrafficLow)
        .cloned()
}

#[test]
fn flapping_takes_the_place_of_quiet_traffic_as_the_root_and_gives_it_back() {
    let group = group("tracking");
    let low = finding(Cause::TrafficLow, "12.3", "0.0");
    let up = |root: Option<Finding>| Verdict {
        standing: Standing::Up,
        root,
        ..Verdict::clone(healthy().verdict.as_ref().unwrap())
    };
    let mut down = up(Some(finding(Cause::HttpStatus, "200", "503")));
    (down.standing, down.symptom) = (Standing::Down, down.root.clone());
    let (mut memory, mut shown, mut seen) = (Memory::default(), None, Vec::new());
    for turn in 0..400_i64 {
        let verdict = if turn < 40 && turn % 2 == 0 {
            down.clone()
        } else {
            up(Some(low.clone()))
        };
        let observed = Observed {
            verdict,
            at: now() + SignedDuration::from_secs(15 * turn),
            kind: AttemptKind::Scheduled,
            shown: shown.as_ref(),
        };
        let step = fold(&memory, &observed, &group);
        memory = step.memory;
        if let Shown::Replaced(verdict) = step.shown {
            shown = Some(*verdict);
        }
        let causes: Vec<_> = shown
            .iter()
            .flat_map(Verdict::findings)
            .map(|finding| finding.cause)
            .collect();
        if seen.last() != Some(&causes) {
            seen.push(causes);
        }
    }
    let both = vec![Cause::Flapping, Cause::TrafficLow];
    assert_eq!(
        seen,
        [vec![], vec![Cause::TrafficLow], both, vec![Cause::TrafficLow]]
    );
}

#[test]
fn the_words_of_an_alarm_stay_while_it_stands_and_a_series_of_its_own_comes_before_the_group() {
    let (state, recorder) = watched();
    recorder.record_traffic(report([(subject(None), quiet(Tier::Outage))]));
    let raised = traffic_low(&state, &recorder).unwrap();
    assert_eq!(raised.expected, "about 12.3 clicks a minute in group tracking");
    let later = Judgement {
        expected: 14.0,
        observed: 0.4,
        ..quiet(Tier::Outage)
    };
    recorder.record_traffic(report([(subject(None), later.clone())]));
    assert_eq!(traffic_low(&state, &recorder).unwrap(), raised);
    recorder.record_traffic(report([
        (subject(None), later),
        (subject(Some("a.example")), quiet(Tier::Partial)),
    ]));
    let own = traffic_low(&state, &recorder).unwrap();
    assert_eq!(own.actual, "0.0 clicks a minute since 2026-05-08T10:12:00Z");
    recorder.record_traffic(report([(subject(None), steady())]));
    assert_eq!(traffic_low(&state, &recorder), None);
}
