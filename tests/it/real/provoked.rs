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
mod reset;
mod scenes;
mod world;

use reset::Reset;
use scenes::{Scene, scene};
use world::World;

/// How long everything together may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);

/// How many times as fast Prometheus waits, and how long at least: a busy machine may need seconds for its first scrape.
const TIMES: u64 = 300;
const AT_LEAST: u64 = 8_000;

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
    let world = World::start().await;
    let programs = world.watch().await;
    let named: Vec<_> = INSTANCES.into_iter().zip(&programs).collect();
    let Some(mut chain) = Chain::start("every alert, end to end", &named).await else {
        return;
    };
    chain
        .well(&format!(
            "count(linkwatch_endpoint_up == 1) == {WELL} \
             and on() count(linkwatch_traffic_baseline_ready{{name!=\"\"}} == 1) == 3 \
             and on() count(linkwatch_platform_up == 1) == 2"
        ))
        .await;

    world.break_all().await;
    let answer = programs[3].reload("groups: [").await;
    assert!(!answer.contains(" 200 "), "{answer}");
    let others = AlertName::ALL.iter().filter(|name| **name != AlertName::Down);
    chain.until(others.copied().collect()).await;
    let paged = ["campaigns", "newsletter", "tracking", "website"];
    assert_eq!(chain.heard.groups_of("page"), set(paged));

    for program in programs {
        program.stop().await;
    }
    chain.until(vec![AlertName::Down]).await;
    let paged = paged.into_iter().chain([""]);
    assert_eq!(chain.heard.groups_of("page"), set(paged));
    chain.heard.holds_nothing_else();
    chain.evaluated().await;
    assert_golden("docs/alerts.md", &document::document(&chain.heard));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_endpoint_that_becomes_slow_is_a_ticket_and_no_page() {
    let world = World::start().await;
    let program = Program::start(&world.sites()).await;
    let named = [(INSTANCES[0], &program)];
    let Some(mut chain) = Chain::start("a slow endpoint", &named).await else {
        return;
    };
    chain.well("count(linkwatch_endpoint_up == 1) == 15").await;
    world.slow_down();
    chain.until(vec![AlertName::EndpointDegraded]).await;
    // Whatever pages does so at once: its group has been waited for twice by now.
    chain.hear_more(Duration::from_secs(5)).await;
    assert_eq!(chain.heard.groups_of("page"), set([]), "a slow endpoint pages");
    let about_it: Vec<_> = chain
        .heard
        .alerts
        .keys()
        .filter(|(.., group)| group == "shop")
        .collect();
    assert_eq!(about_it.len(), 1, "{about_it:?}");
    let slow = chain
        .prometheus
        .query("linkwatch_endpoint_up{group=\"shop\"} == 1")
        .await;
    assert_eq!(slow.len(), 1, "slow is not down");
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_platform_that_resets_ten_domains_is_one_page_with_the_reset_as_its_root() {
    let reset = Reset::start().await;
    let program = Program::start(&reset.config()).await;
    let named = [(INSTANCES[0], &program)];
    let Some(mut chain) = Chain::start("a reset of ten domains", &named).await else {
        return;
    };
    chain
        .well("count(linkwatch_endpoint_up == 1) == 10 and on() count(linkwatch_platform_up == 1) == 1")
        .await;

    reset.expect_new_targets();
    chain.until_page_says(&reset::still_up()).await;
    reset.end_certificates();
    chain.until_page_says(&reset::down()).await;
    // What follows from the reset fires as well, of every domain, and has had its time to be told.
    let follows = "count(ALERTS{alertstate=\"firing\", alertname=~\
                   \"LinkwatchPlatformCertificateFailing|LinkwatchCertificateInvalid|LinkwatchDnsTargetDrift\"}) == 30";
    chain.prometheus.wait_for(follows, LIMIT).await;
    chain.hear_more(Duration::from_secs(5)).await;

    let told: BTreeSet<_> = chain.heard.alerts.keys().cloned().collect();
    let page = |name: AlertName| ("page".to_owned(), name.to_string(), "tracking".to_owned());
    let besides = told
        .iter()
        .filter(|(receiver, ..)| !["none", "deadman"].contains(&receiver.as_str()));
    let expected = [
        AlertName::EndpointDown,
        AlertName::GroupDown,
        AlertName::PlatformTargetChanged,
    ];
    assert_eq!(
        besides.cloned().collect::<BTreeSet<_>>(),
        expected.map(page).into()
    );
    let held = chain
        .alertmanager
        .json("/api/v2/alerts/groups?receiver=page")
        .await;
    assert_eq!(held.as_array().unwrap().len(), 1, "one page: {held:#}");
    chain.evaluated().await;
    program.stop().await;
}

/// Prometheus, Alertmanager and a receiver.
struct Chain {
    prometheus: Prometheus,
    alertmanager: Alertmanager,
    hook: Webhook,
    heard: Heard,
    _folder: tempfile::TempDir,
}

impl Chain {
    /// Has these programs scraped, by these names; `None` where the real programs are not there.
    async fn start(what: &str, programs: &[(&str, &Program)]) -> Option<Self> {
        let prometheus = find_or_leave_out(what, Real::Prometheus, Generation::Current)?;
        let alertmanager = find_or_leave_out(what, Real::Alertmanager, Generation::Current)?;
        let hook = Webhook::start().await;
        let alertmanager = start_alertmanager(&alertmanager, &routing(&hook)).await;
        let folder = tempfile::tempdir().unwrap();
        let scraping = scraping(folder.path(), programs, &alertmanager);
        // What is sent before Alertmanager is discovered is sent again after this delay.
        let resend = ["--rules.alert.resend-delay=2s"];
        Some(Self {
            prometheus: start_prometheus_with(&prometheus, &scraping, &resend).await,
            alertmanager,
            hook,
            heard: Heard::default(),
            _folder: folder,
        })
    }

    /// Waits until all is well, which is no reason for a page.
    async fn well(&mut self, condition: &str) {
        self.prometheus.wait_for(condition, LIMIT).await;
        self.hear_more(Duration::from_secs(3)).await;
        assert_eq!(self.heard.groups_of("page"), set([]), "a page while all is well");
    }

    async fn hear_more(&mut self, during: Duration) {
        self.heard.listen(&self.hook, during).await;
    }

    /// Listens until all of these have come as their scenes say.
    async fn until(&mut self, wanted: Vec<AlertName>) {
        let missing = |heard: &Heard| wanted.iter().filter_map(|name| heard.misses(*name)).collect();
        self.listen_until(missing).await;
    }

    /// Listens until one text of a page says all of this.
    async fn until_page_says(&mut self, says: &[String]) {
        let missing = |heard: &Heard| {
            let pages = || {
                heard
                    .texts
                    .iter()
                    .filter(|(to, _)| to == "page")
                    .map(|(_, text)| &text.text)
            };
            if pages().any(|text| says.iter().all(|part| text.contains(part))) {
                return Vec::new();
            }
            vec![format!("{says:#?} is not in one of:\n{:#?}", pages().next_back())]
        };
        self.listen_until(missing).await;
    }

    async fn listen_until(&mut self, missing: impl Fn(&Heard) -> Vec<String>) {
        let deadline = Instant::now() + LIMIT;
        loop {
            let left = missing(&self.heard);
            if left.is_empty() {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "after {LIMIT:?}:\n{}\n\nit fires:\n{}\n{}",
                left.join("\n"),
                fires(&self.prometheus).await,
                self.prometheus.log()
            );
            self.hear_more(Duration::from_millis(300)).await;
        }
    }

    /// Every rule could be evaluated.
    async fn evaluated(&self) {
        let failed = "prometheus_rule_evaluation_failures_total > 0";
        let failed = self.prometheus.query(failed).await;
        assert_eq!(
            failed,
            [],
            "rules that cannot be evaluated:\n{}",
            self.prometheus.log()
        );
    }
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

/// The rules of an older version, evaluated every second, and the programs under names that do not change.
fn scraping(folder: &Path, programs: &[(&str, &Program)], alertmanager: &Alertmanager) -> String {
    let parameters = Parameters {
        version: "0.0.9".to_owned(),
        ..Parameters::default()
    };
    let waits = Regex::new(r"(?m)^    (for|keep_firing_for): (\d+)(s|m)$").unwrap();
    let rules = rules_yaml(&parameters).unwrap();
    let rules = waits.replace_all(&rules, |found: &Captures<'_>| {
        let seconds: u64 = found[2].parse().unwrap();
        let seconds = if &found[3] == "m" { 60 * seconds } else { seconds };
        let milliseconds = seconds * 1000 / TIMES;
        let waits = if seconds == 0 {
            0
        } else {
            milliseconds.max(AT_LEAST)
        };
        format!("    {}: {waits}ms", &found[1])
    });
    let file = folder.join("linkwatch.yml");
    std::fs::write(&file, rules.replace("interval: 10s", "interval: 1s")).unwrap();
    let targets: Vec<String> = programs
        .iter()
        .map(|(instance, program)| {
            format!(
                "\n      - {{targets: ['{}'], labels: {{instance: '{instance}'}}}}",
                program.address()
            )
        })
        .collect();
    format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\n\
         rule_files: ['{}']\n\
         alerting:\n  alertmanagers:\n    - static_configs: [{{targets: ['{}']}}]\n\
         scrape_configs:\n  - job_name: linkwatch\n    static_configs:{}\n",
        file.display(),
        alertmanager.addr(),
        targets.concat()
    )
}
