//! The alert catalogue against everything that is written from it or about it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a file that cannot be read fails the test"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use linkwatch::alert::{
    AlertName, Parameters, REPLICA_LABELS, Scope, Severity, catalogue, recording_rules_yaml, rules_yaml,
};
use linkwatch::cause::{Cause, Effect};
use linkwatch::metrics::catalog::families;
use regex::Regex;
use serde_json::Value;

#[test]
fn the_rule_file_is_what_the_catalogue_says() {
    let path = repository("alerts/rules/linkwatch.yml");
    let written = rules_yaml(&Parameters::default()).unwrap();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &written).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == written,
        "{} is not what the catalogue says: run `UPDATE_GOLDEN=1 cargo test --test it alerts::`",
        path.display()
    );
}

#[test]
fn the_recording_rules_are_what_the_code_says() {
    let written = recording_rules_yaml(&Parameters::default(), 0.999).unwrap();
    crate::watched::assert_golden("alerts/rules/linkwatch-availability.yml", &written);
}

#[test]
fn every_alert_has_its_rules_its_rule_tests_and_its_runbook_and_nothing_else_has() {
    let alerts: BTreeSet<String> = AlertName::ALL
        .iter()
        .map(|name| name.as_str().to_owned())
        .collect();
    assert_eq!(alerts.len(), AlertName::ALL.len(), "a name stands twice");
    let ruled = rules()
        .iter()
        .map(|rule| text(&rule["alert"]).to_owned())
        .collect();
    assert_eq!(alerts, ruled, "alerts and rules");
    assert_eq!(alerts, stems("alerts/tests", "yml"), "alerts and rule tests");
    assert_eq!(alerts, stems("docs/runbooks", "md"), "alerts and runbooks");
}

/// What is shown of every alert, by the first word of a rule test's name.
const CASES: [&str; 5] = [
    // It fires, with its texts.
    "firing",   // What is well, or too little, is silent.
    "silent",   // Its condition comes and goes: it is one alert, not one each time.
    "flapping", // Its series are not there, or vanish.
    "missing",
    // linkwatch is gone for a moment: counters begin anew, series have a gap, verdicts come back.
    "restart",
];

#[test]
fn every_alert_is_tested_firing_silent_flapping_without_its_series_and_over_a_restart() {
    let mut lacking = Vec::new();
    for name in AlertName::ALL {
        for case in CASES {
            // It is meant never to be silent.
            if (*name, case) == (AlertName::Watchdog, "silent") {
                continue;
            }
            let tests = rule_tests(*name, case);
            if tests.is_empty() {
                lacking.push(format!("{name}: {case}"));
            }
            for test in &tests {
                if let Err(why) = shows(case, test) {
                    lacking.push(format!("{name}: {}: {why}", text(&test["name"])));
                }
            }
        }
    }
    assert!(lacking.is_empty(), "{lacking:#?}");
}

/// Whether a rule test shows what its name says.
fn shows(case: &str, test: &Value) -> Result<(), &'static str> {
    let looks = test["promql_expr_test"].as_array().map_or(&[][..], Vec::as_slice);
    let fires = |look: &Value| {
        look["exp_samples"]
            .as_array()
            .is_some_and(|samples| !samples.is_empty())
    };
    let firing = looks.iter().filter(|look| fires(look)).count();
    let series = test["input_series"].as_array().map_or(&[][..], Vec::as_slice);
    let gaps = series.iter().any(|series| {
        let values = text(&series["values"]);
        values.contains("stale") || values.contains('_')
    });
    match case {
        _ if looks.is_empty() => Err("nothing is looked at"),
        "firing" if firing == 0 => Err("it does not fire"),
        "silent" if firing > 0 => Err("it fires"),
        "flapping" if firing == 0 || looks.len() < 2 => Err("it is not seen to go on"),
        "restart" if !gaps && !series.iter().any(starts_anew) => Err("nothing begins anew"),
        _ => Ok(()),
    }
}

/// Whether a counter falls, or a configuration has only just been loaded.
fn starts_anew(series: &Value) -> bool {
    let name = text(&series["series"]);
    name.contains("_total{") || name.starts_with("linkwatch_config_last_reload_success_timestamp_seconds")
}

#[test]
fn every_alert_is_tested_with_its_texts_and_with_two_replicas() {
    for name in AlertName::ALL {
        let tests = read(&format!("alerts/tests/{name}.yml"));
        assert!(
            tests.contains(&format!("alertname: {name}\n")),
            "{name}: its texts are not tested"
        );
        assert!(
            tests.contains("replica"),
            "{name} is not tested with two replicas"
        );
    }
}

#[test]
fn every_rule_carries_a_severity_and_texts_that_lead_to_its_runbook() {
    for rule in rules() {
        let name = text(&rule["alert"]);
        let labels: Vec<_> = rule["labels"].as_object().unwrap().keys().collect();
        assert_eq!(
            labels,
            ["severity"],
            "{name}: a page must not change its labels with its cause"
        );
        let summary = text(&rule["annotations"]["summary"]);
        assert!(
            summary.ends_with('.') && !summary.contains("{{"),
            "{name}: {summary}"
        );
        assert!(!text(&rule["annotations"]["description"]).is_empty(), "{name}");
        let runbook = text(&rule["annotations"]["runbook_url"]);
        assert!(
            runbook.ends_with(&format!("/docs/runbooks/{name}.md")),
            "{name}: {runbook}"
        );
    }
}

#[test]
fn what_pages_is_confirmed_already_and_keeps_its_identity_when_the_cause_changes() {
    let alerts = catalogue(&Parameters::default());
    for alert in alerts
        .iter()
        .filter(|alert| alert.pages() && alert.scope != Scope::Installation)
    {
        assert!(
            alert.hold.is_zero(),
            "{}: its verdict is confirmed before it is said",
            alert.name
        );
        assert_eq!(alert.keep_firing.as_secs(), 120, "{}", alert.name);
        for rule in &alert.rules {
            let foreign = ["endpoint_cause", "fault_info", "cause", "expected", "actual"];
            // A rate of clicks, no label.
            let labels = rule.expr.replace("linkwatch_traffic_expected", "");
            // One cause that never changes, and that goes with its labels.
            let labels = labels
                .replace("endpoint_cause{cause=\"platform_target_changed\"}", "")
                .replace(&format!("without({REPLICA_LABELS}, cause, stage, role)"), "");
            assert!(
                !foreign.iter().any(|word| labels.contains(word)),
                "{}: {}",
                alert.name,
                rule.expr
            );
        }
        let severities: Vec<_> = alert.rules.iter().map(|rule| rule.severity).collect();
        assert_eq!(
            severities,
            [Severity::Critical, Severity::Warning],
            "{}: `page: false`",
            alert.name
        );
    }
}

#[test]
fn every_condition_takes_the_replicas_away_with_without() {
    let without = format!("without({REPLICA_LABELS}");
    for alert in catalogue(&Parameters::default()) {
        for rule in alert.rules.iter().filter(|_| alert.name != AlertName::Watchdog) {
            assert!(rule.expr.contains(&without), "{}: {}", alert.name, rule.expr);
            let with = rule.expr.matches("without(").count();
            assert_eq!(
                with,
                rule.expr.matches(&without).count(),
                "{}: {}",
                alert.name,
                rule.expr
            );
            // Endpoints and series, never replicas, are added up by their group.
            let added_up = ["count by(group) (\n", "sum by(stream, group) (\n"];
            assert_eq!(
                rule.expr.matches("by(").count(),
                added_up
                    .map(|by| rule.expr.matches(by).count())
                    .iter()
                    .sum::<usize>()
            );
        }
    }
}

#[test]
fn every_metric_that_alerts_and_runbooks_name_is_exported() {
    let exported: BTreeSet<&str> = families().map(|family| family.name).collect();
    let metric = Regex::new(r"\blinkwatch_[a-z0-9_]+").unwrap();
    let runbooks = AlertName::ALL
        .iter()
        .map(|name| format!("docs/runbooks/{name}.md"));
    let tests = AlertName::ALL
        .iter()
        .map(|name| format!("alerts/tests/{name}.yml"));
    for file in runbooks
        .chain(tests)
        .chain(["alerts/rules/linkwatch.yml".to_owned()])
    {
        for name in metric.find_iter(&read(&file)).map(|found| found.as_str()) {
            let family = name.strip_suffix("_bucket").unwrap_or(name);
            assert!(
                exported.contains(family),
                "{file}: {name} is not in the catalogue of metrics"
            );
        }
    }
}

#[test]
fn every_cause_of_an_outage_stands_in_its_runbook_with_what_to_do() {
    let runbook = read("docs/runbooks/LinkwatchEndpointDown.md");
    for cause in Cause::ALL
        .iter()
        .filter(|cause| cause.effect() != Effect::Suspends)
    {
        let row = format!("| `{cause}` | {} | {} |", cause.meaning(), cause.remedy());
        assert!(
            runbook.contains(&row),
            "LinkwatchEndpointDown.md lacks the row:\n{row}"
        );
    }
}

#[test]
fn every_runbook_answers_the_same_questions_in_the_same_order() {
    for name in AlertName::ALL {
        let runbook = read(&format!("docs/runbooks/{name}.md"));
        let headings: Vec<&str> = runbook
            .lines()
            .filter(|line| line.starts_with("# ") || line.starts_with("## "))
            .collect();
        let title = format!("# {name}");
        let expected = [
            title.as_str(),
            "## Meaning",
            "## Impact",
            "## Diagnosis",
            "## Mitigation",
            "## How to silence",
            "## When to escalate",
        ];
        assert_eq!(headings, expected, "{name}");
        assert!(runbook.contains("```"), "{name}: no command to copy");
    }
}

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The rules as the committed file holds them.
fn rules() -> Vec<Value> {
    let file: Value = serde_saphyr::from_str(&read("alerts/rules/linkwatch.yml")).unwrap();
    let groups = file["groups"].as_array().unwrap();
    groups
        .iter()
        .flat_map(|group| group["rules"].as_array().unwrap().clone())
        .collect()
}

/// The rule tests of an alert that show a case.
fn rule_tests(name: AlertName, case: &str) -> Vec<Value> {
    let file: Value = serde_saphyr::from_str(&read(&format!("alerts/tests/{name}.yml"))).unwrap();
    let tests = file["tests"].as_array().unwrap().iter();
    let named = tests.filter(|test| text(&test["name"]).starts_with(&format!("{case}: ")));
    named.cloned().collect()
}

/// The names of the files in a folder, without their extension, which must be the same for all.
fn stems(folder: &str, extension: &str) -> BTreeSet<String> {
    let files = std::fs::read_dir(repository(folder)).unwrap();
    files
        .map(|file| {
            let path = file.unwrap().path();
            assert_eq!(path.extension().unwrap(), extension, "{}", path.display());
            path.file_stem().unwrap().to_string_lossy().into_owned()
        })
        .collect()
}
