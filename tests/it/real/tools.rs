//! Rules and configuration, as promtool and amtool see them.

#![expect(clippy::unwrap_used, reason = "a file that cannot be read fails the test")]

use std::path::Path;

use linkwatch::dashboard::DashboardName;
use serde_json::Value;

use super::peers::{Generation, Program, find_or_leave_out, run, start_blackbox};
use crate::lab::{Answer, WebLab};

fn repository(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(path)
        .display()
        .to_string()
}

#[test]
fn promtool_accepts_the_rules() {
    for generation in Generation::ALL {
        let Some(promtool) = find_or_leave_out("the rules' syntax", Program::Promtool, generation) else {
            continue;
        };
        let said = run(
            &promtool,
            &[
                "check",
                "rules",
                "--lint=all",
                &repository("alerts/rules/linkwatch.yml"),
            ],
        );
        assert!(said.contains("SUCCESS"), "{said}");
        let recorded = repository("alerts/rules/linkwatch-availability.yml");
        let said = run(&promtool, &["check", "rules", "--lint=all", &recorded]);
        assert!(said.contains("SUCCESS: 25 rules found"), "{said}");
        let tests = repository("alerts/recording/availability.yml");
        let said = run(&promtool, &["test", "rules", &tests]);
        assert!(said.contains("SUCCESS"), "{said}");
    }
}

#[test]
fn the_rules_pass_their_tests() {
    rule_tests(Generation::Current);
}

#[test]
fn the_rules_pass_their_tests_with_the_old_generation() {
    rule_tests(Generation::Old);
}

fn rule_tests(generation: Generation) {
    let Some(promtool) = find_or_leave_out("the rules' tests", Program::Promtool, generation) else {
        return;
    };
    let files = std::fs::read_dir(repository("alerts/tests")).unwrap();
    let mut files: Vec<String> = files
        .map(|file| file.unwrap().path().display().to_string())
        .collect();
    files.sort();
    let mut arguments = vec!["test", "rules"];
    arguments.extend(files.iter().map(String::as_str));
    let said = run(&promtool, &arguments);
    assert_eq!(said.matches("SUCCESS").count(), files.len(), "{said}");
}

#[test]
fn amtool_accepts_the_configuration() {
    for generation in Generation::ALL {
        let Some(amtool) = find_or_leave_out("Alertmanager's configuration", Program::Amtool, generation)
        else {
            continue;
        };
        let said = run(&amtool, &["check-config", &repository("alerts/alertmanager.yml")]);
        assert!(said.contains("SUCCESS"), "{said}");
    }
}

#[test]
fn every_alert_is_routed_to_its_receiver() {
    let file = format!("--config.file={}", repository("alerts/alertmanager.yml"));
    for generation in Generation::ALL {
        let Some(amtool) = find_or_leave_out("Alertmanager's routing", Program::Amtool, generation) else {
            continue;
        };
        for (receiver, labels) in ROUTES {
            let receivers = format!("--verify.receivers={receiver}");
            let mut arguments = vec!["config", "routes", "test", &file, &receivers];
            arguments.extend(*labels);
            let _ = run(&amtool, &arguments);
        }
    }
}

/// Whether two documents are the same; 1 and 1.0 are, since jsonnet knows numbers only.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let held =
                |(key, value): (&String, &Value)| other.get(key).is_some_and(|other| is_same(value, other));
            one.len() == other.len() && one.iter().all(held)
        }
        _ => one == other,
    }
}

#[test]
fn the_mixin_is_what_ships() {
    let Some(jsonnet) = find_or_leave_out("the mixin", Program::Jsonnet, Generation::Current) else {
        return;
    };
    // Its fields are hidden, as a mixin's are: whoever builds with it picks them.
    let file = repository("mixin/mixin.libsonnet");
    let picked = format!("local m = import '{file}'; {{ [key]: m[key] for key in std.objectFieldsAll(m) }}");
    let said = run(&jsonnet, &["-e", &picked]);
    let mixin: Value = serde_json::from_str(&said).unwrap();
    let read = |path: &str| std::fs::read_to_string(repository(path)).unwrap();
    let dashboards = mixin["grafanaDashboards"].as_object().unwrap();
    let shipped = DashboardName::ALL.map(|name| format!("{name}.json"));
    assert_eq!(dashboards.len(), shipped.len());
    for name in shipped {
        let file: Value = serde_json::from_str(&read(&format!("dashboards/{name}"))).unwrap();
        assert!(is_same(&dashboards[&name], &file), "{name}");
    }
    for (key, rules) in [
        ("prometheusAlerts", "linkwatch"),
        ("prometheusRules", "linkwatch-availability"),
    ] {
        let file: Value = serde_saphyr::from_str(&read(&format!("alerts/rules/{rules}.yml"))).unwrap();
        assert!(is_same(&mixin[key], &file), "{rules}");
    }
}

#[tokio::test]
async fn blackbox_probes_the_lab() {
    let Some(blackbox) = find_or_leave_out("blackbox_exporter", Program::Blackbox, Generation::Current)
    else {
        return;
    };
    let blackbox = start_blackbox(&blackbox, "modules: {http_2xx: {prober: http}}").await;
    let site = WebLab::plain().answer(Answer::text("here")).start().await;
    let probe = format!("/probe?module=http_2xx&target={}", site.url("/"));
    let answer = blackbox.get(&probe).await.expect("an answer");
    assert!(answer.contains("\nprobe_success 1\n"), "{answer}");
}

/// The receiver of an alert with these labels.
const ROUTES: &[(&str, &[&str])] = &[
    (
        "page",
        &[
            "alertname=LinkwatchEndpointDown",
            "severity=critical",
            "group=tracking",
            "name=a.example",
        ],
    ),
    ("page", &["alertname=LinkwatchDown", "severity=critical"]),
    (
        "ticket",
        &[
            "alertname=LinkwatchEndpointDown",
            "severity=warning",
            "group=tracking",
            "name=a.example",
        ],
    ),
    ("ticket", &["alertname=LinkwatchClockSkewed", "severity=warning"]),
    (
        "page",
        &[
            "alertname=LinkwatchTrafficLow",
            "severity=critical",
            "group=tracking",
            "stream=clicks",
        ],
    ),
    (
        "ticket",
        &[
            "alertname=LinkwatchTrafficLow",
            "severity=warning",
            "group=tracking",
            "name=a.example",
            "series=a.example",
            "stream=clicks",
        ],
    ),
    (
        "ticket",
        &[
            "alertname=LinkwatchTrafficSourceDown",
            "severity=warning",
            "source=prom",
        ],
    ),
    ("none", &["alertname=LinkwatchRulesOutdated", "severity=info"]),
    ("deadman", &["alertname=LinkwatchWatchdog", "severity=warning"]),
];
