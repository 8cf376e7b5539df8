//! Every alert once, end to end: something breaks, linkwatch sees it, the real Prometheus evaluates the rules that ship,
//! the real Alertmanager routes what fires as the configuration that ships says, and a receiver gets a text.
//!
//! What takes minutes by design (`for`, `keep_firing_for`, `group_wait`, the intervals) is shortened by one factor;
//! expressions, labels, texts, routes and inhibitions are those that ship.

#![expect(clippy::unwrap_used, reason = "what cannot be run fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use linkwatch::alert::{AlertName, Parameters, Severity, rules_yaml};
use regex::{Captures, Regex};
use serde_json::Value;
use tokio::time::Instant;

use super::chain::template;
use super::peers::{
    Alertmanager, Generation, Program as Real, Prometheus, find_or_leave_out, start_alertmanager,
    start_prometheus_with,
};
use crate::causes::program::Program;
use crate::lab::Webhook;
use crate::watched::assert_golden;

mod document;
mod scenes;
mod world;

use scenes::{Scene, scene};
use world::World;

/// How long everything together may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(45);

/// How many times as fast Prometheus waits.
const TIMES: u64 = 300;

/// How Prometheus names the four, so that texts are the same in every run.
const INSTANCES: [&str; 4] = [
    "linkwatch-sites:9716",
    "linkwatch-clicks:9716",
    "linkwatch-offline:9716",
    "linkwatch-skewed:9716",
];

/// Endpoints that are up before anything breaks: those of the sites, the clicks and the skewed.
const WELL: usize = 12 + world::TRACKING.len() + world::NEWSLETTER.len() + 1;

/// What is told beside the scenes: the domains that are down with their group, in the same page, and that the certificate
/// that has ended should have been renewed.
const BESIDES: [(&str, AlertName, &str); 2] = [
    ("page", AlertName::EndpointDown, "tracking"),
    ("ticket", AlertName::CertificateExpiring, "intranet"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_alert_is_provoked_and_its_text_reaches_its_receiver() {
    let what = "every alert, end to end";
    let Some(prometheus) = find_or_leave_out(what, Real::Prometheus, Generation::Current) else {
        return;
    };
    let Some(alertmanager) = find_or_leave_out(what, Real::Alertmanager, Generation::Current) else {
        return;
    };
    let world = World::start().await;
    let programs = world.watch().await;
    let hook = Webhook::start().await;
    let alertmanager = start_alertmanager(&alertmanager, &routing(&hook)).await;
    let folder = tempfile::tempdir().unwrap();
    let scraping = scraping(folder.path(), &programs, &alertmanager);
    // What is sent before Alertmanager is discovered is sent again after this delay.
    let resend = ["--rules.alert.resend-delay=2s"];
    let prometheus = start_prometheus_with(&prometheus, &scraping, &resend).await;
    let mut heard = Heard::default();

    let well = format!(
        "count(linkwatch_endpoint_up == 1) == {WELL} \
         and on() count(linkwatch_traffic_baseline_ready{{name!=\"\"}} == 1) == 3 \
         and on() count(linkwatch_platform_up == 1) == 2"
    );
    prometheus.wait_for(&well, LIMIT).await;
    heard.listen(&hook, Duration::from_secs(1)).await;
    assert_eq!(heard.groups_of("page"), set([]), "a page while all is well");

    world.break_all().await;
    let answer = programs[3].reload("groups: [").await;
    assert!(!answer.contains(" 200 "), "{answer}");
    let others = AlertName::ALL.iter().filter(|name| **name != AlertName::Down);
    heard.until(&hook, others.copied().collect(), &prometheus).await;
    let paged = ["campaigns", "newsletter", "tracking", "website"];
    assert_eq!(heard.groups_of("page"), set(paged));

    for program in programs {
        program.stop().await;
    }
    heard.until(&hook, vec![AlertName::Down], &prometheus).await;
    assert_eq!(heard.groups_of("page"), set(paged.into_iter().chain([""])));
    heard.holds_nothing_else();
    let failed = prometheus
        .query("prometheus_rule_evaluation_failures_total > 0")
        .await;
    assert_eq!(
        failed,
        [],
        "rules that cannot be evaluated:\n{}",
        prometheus.log()
    );
    assert_golden("docs/alerts.md", &document::document(&heard));
}

fn set<'a>(groups: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    groups.into_iter().map(str::to_owned).collect()
}

/// What a receiver has got.
#[derive(Default)]
struct Heard {
    /// Alerts that fire, by receiver, name and group.
    alerts: BTreeMap<(String, String, String), Value>,
    /// Texts by receiver, the latest last.
    texts: Vec<(String, Text)>,
}

/// A text as the templates that ship make it.
#[derive(Clone)]
struct Text {
    title: String,
    text: String,
}

impl Heard {
    /// Takes in what comes within a time.
    async fn listen(&mut self, hook: &Webhook, during: Duration) {
        let end = Instant::now() + during;
        while let Some(delivery) = hook.next(end.saturating_duration_since(Instant::now())).await {
            let body = delivery.json();
            if let Some(receiver) = delivery.path.strip_suffix("/text") {
                let part = |name: &str| {
                    body["attachments"][0][name]
                        .as_str()
                        .unwrap_or_default()
                        .to_owned()
                };
                let text = Text {
                    title: part("title"),
                    text: part("text"),
                };
                let receiver = receiver.trim_start_matches('/').to_owned();
                self.texts.push((receiver, text));
                continue;
            }
            for alert in body["alerts"].as_array().unwrap() {
                let label = |name: &str| alert["labels"][name].as_str().unwrap_or_default().to_owned();
                let receiver = body["receiver"].as_str().unwrap().to_owned();
                let key = (receiver, label("alertname"), label("group"));
                if alert["status"] == "firing" {
                    self.alerts.insert(key, alert.clone());
                }
            }
        }
    }

    /// Listens until all of these have come as they should.
    async fn until(&mut self, hook: &Webhook, wanted: Vec<AlertName>, prometheus: &Prometheus) {
        let deadline = Instant::now() + LIMIT;
        loop {
            let missing: Vec<String> = wanted.iter().filter_map(|name| self.misses(*name)).collect();
            if missing.is_empty() {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "after {LIMIT:?}:\n{}\n\nit fires:\n{}\n{}",
                missing.join("\n"),
                fires(prometheus).await,
                prometheus.log()
            );
            self.listen(hook, Duration::from_millis(300)).await;
        }
    }

    /// What is not as its scene says.
    fn misses(&self, name: AlertName) -> Option<String> {
        let Scene {
            severity,
            receiver,
            group,
            says,
            ..
        } = scene(name);
        let key = (
            receiver.to_owned(),
            name.to_string(),
            group.unwrap_or_default().to_owned(),
        );
        let Some(alert) = self.alerts.get(&key) else {
            return Some(format!("{name}: not delivered to {receiver}"));
        };
        if alert["labels"]["severity"] != word(severity) {
            return Some(format!("{name}: {}", alert["labels"]));
        }
        if self.text(name).is_some() {
            return None;
        }
        let last = self
            .texts
            .iter()
            .rev()
            .find(|(to, text)| to == receiver && about(name, text));
        Some(match last {
            Some((_, text)) => format!("{name}: {says:?} not all in:\n{}\n{}", text.title, text.text),
            None => format!("{name}: no text for {receiver}"),
        })
    }

    /// The first text about an alert that says what it must.
    fn text(&self, name: AlertName) -> Option<&Text> {
        let Scene { receiver, says, .. } = scene(name);
        let full = |text: &Text| about(name, text) && says.iter().all(|part| text.text.contains(part));
        self.texts
            .iter()
            .find(|(to, text)| to == receiver && full(text))
            .map(|(_, text)| text)
    }

    /// The groups that a receiver was told of.
    fn groups_of(&self, receiver: &str) -> BTreeSet<String> {
        let told = self.alerts.keys().filter(|(to, ..)| to == receiver);
        told.map(|(.., group)| group.clone()).collect()
    }

    /// Nobody was told of anything but the scenes and what goes with them.
    fn holds_nothing_else(&self) {
        let told: BTreeSet<_> = self.alerts.keys().cloned().collect();
        let expected = AlertName::ALL.iter().map(|name| {
            let scene = scene(*name);
            (
                scene.receiver.to_owned(),
                name.to_string(),
                scene.group.unwrap_or_default().to_owned(),
            )
        });
        let further =
            BESIDES.map(|(receiver, name, group)| (receiver.to_owned(), name.to_string(), group.to_owned()));
        let expected: BTreeSet<_> = expected.chain(further).collect();
        assert_eq!(told, expected);
    }
}

/// What Prometheus says fires, a line each.
async fn fires(prometheus: &Prometheus) -> String {
    let samples = prometheus.query("ALERTS{alertstate=\"firing\"}").await;
    let lines = samples.iter().map(|sample| {
        let label = |name: &str| sample.labels.get(name).map_or("", String::as_str);
        format!("{} {} {}\n", label("alertname"), label("group"), label("name"))
    });
    lines.collect()
}

/// Whether a text leads to the runbook of an alert.
fn about(name: AlertName, text: &Text) -> bool {
    text.text.contains(&format!("/docs/runbooks/{name}.md"))
}

const fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "critical",
        Severity::Warning => "warning",
        Severity::Info => "info",
    }
}

/// The routing that ships, with our receiver, which gets each text too, and with short waits.
fn routing(hook: &Webhook) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("alerts/alertmanager.yml");
    let mut shipped = std::fs::read_to_string(file).unwrap();
    let mut change = |from: &str, to: &str| {
        assert!(shipped.contains(from), "alertmanager.yml has no {from:?}");
        shipped = shipped.replace(from, to);
    };
    change(
        "  receiver: ticket\n  group_by: [alertname, group]\n",
        "  receiver: ticket\n  group_by: [alertname, group]\n  group_wait: 1s\n  group_interval: 2s\n  repeat_interval: 4s\n",
    );
    change("group_wait: 15s", "group_wait: 2s");
    change(
        "group_interval: 1m\n      repeat_interval: 4h",
        "group_interval: 2s\n      repeat_interval: 4s",
    );
    // Nobody is told of what is only to be seen beside others; here somebody is, so that its text is seen.
    change(
        "  - name: none\n",
        "  - name: none\n    webhook_configs:\n      - url: http://127.0.0.1:9099/none\n",
    );
    for receiver in ["page", "ticket", "deadman", "none"] {
        let text = format!(
            "    slack_configs:\n      - {{api_url: '{}', channel: '#on-call', title: '{{{{ template \"linkwatch.title\" . }}}}', \
             text: '{{{{ template \"linkwatch.text\" . }}}}'}}\n",
            hook.url(&format!("/{receiver}/text"))
        );
        let from = format!("  - name: {receiver}\n");
        change(&from, &format!("{from}{text}"));
    }
    change("http://127.0.0.1:9099", &hook.url(""));
    change("linkwatch.tmpl", &template());
    shipped
}

/// The rules of an older version, evaluated twice a second, and the programs under names that do not change.
fn scraping(folder: &Path, programs: &[Program; 4], alertmanager: &Alertmanager) -> String {
    let parameters = Parameters {
        version: "0.0.9".to_owned(),
        ..Parameters::default()
    };
    let waits = Regex::new(r"(?m)^    (for|keep_firing_for): (\d+)(s|m)$").unwrap();
    let rules = rules_yaml(&parameters).unwrap();
    let rules = waits.replace_all(&rules, |found: &Captures<'_>| {
        let seconds: u64 = found[2].parse().unwrap();
        let seconds = if &found[3] == "m" { 60 * seconds } else { seconds };
        format!("    {}: {}ms", &found[1], seconds * 1000 / TIMES)
    });
    let file = folder.join("linkwatch.yml");
    std::fs::write(&file, rules.replace("interval: 10s", "interval: 500ms")).unwrap();
    let targets: Vec<String> = programs
        .iter()
        .zip(INSTANCES)
        .map(|(program, instance)| {
            format!(
                "\n      - {{targets: ['{}'], labels: {{instance: '{instance}'}}}}",
                program.address()
            )
        })
        .collect();
    format!(
        "global: {{scrape_interval: 500ms, scrape_timeout: 500ms}}\n\
         rule_files: ['{}']\n\
         alerting:\n  alertmanagers:\n    - static_configs: [{{targets: ['{}']}}]\n\
         scrape_configs:\n  - job_name: linkwatch\n    static_configs:{}\n",
        file.display(),
        alertmanager.addr(),
        targets.concat()
    )
}
