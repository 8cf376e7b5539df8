//! From a metric to a page, through the real Prometheus and the real Alertmanager: ten domains break at once,
//! three of them for another reason. The intervals are shortened, the rules and the routing are those that ship.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what cannot be read fails the test"
)]

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use linkwatch::alert::{Parameters, rules_yaml};
use linkwatch::clock::{Clock as _, SystemClock};
use serde_json::Value;

use super::peers::{
    Alertmanager, Generation, Program, Prometheus, find_or_leave_out, start_alertmanager, start_prometheus,
};
use crate::lab::{Answer, WebLab, Webhook};

const LIMIT: Duration = Duration::from_secs(20);

/// Where the apex should lead and where it leads, for seven; the status for three.
const DRIFT: [&str; 3] = [
    "dns_target_drift",
    "new-1234.platform.example",
    "old-5678.platform.example",
];
const STATUS: [&str; 3] = ["http_status", "302", "503"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_domains_that_break_at_once_are_one_page_that_names_them_all() {
    chain(Generation::Current).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_domains_that_break_at_once_are_one_page_with_the_old_generation() {
    chain(Generation::Old).await;
}

async fn chain(generation: Generation) {
    let what = "one page for ten domains";
    let Some(prometheus) = find_or_leave_out(what, Program::Prometheus, generation) else {
        return;
    };
    let Some(alertmanager) = find_or_leave_out(what, Program::Alertmanager, generation) else {
        return;
    };
    let broken = Arc::new(AtomicBool::new(false));
    let replicas = [exporter(&broken).await, exporter(&broken).await];
    let hook = Webhook::start().await;
    let alertmanager = start_alertmanager(&alertmanager, &routing(&hook)).await;
    let folder = tempfile::tempdir().unwrap();
    let prometheus = start_prometheus(&prometheus, &scraping(folder.path(), &replicas, &alertmanager)).await;

    let all_up = "count(linkwatch_endpoint_up == 1) == 20";
    prometheus.wait_for(all_up, LIMIT).await;
    broken.store(true, Ordering::SeqCst);

    let page = page(&hook, &prometheus).await;
    names_all_ten(&page);
    is_alone(&hook, &alertmanager).await;
    let failed = prometheus
        .query("prometheus_rule_evaluation_failures_total > 0")
        .await;
    assert_eq!(
        failed,
        [],
        "rules that cannot be evaluated:\n{}",
        prometheus.log()
    );
}

fn names_all_ten(page: &Value) {
    let alerts = page["alerts"].as_array().unwrap();
    assert_eq!(page["groupLabels"], serde_json::json!({"group": "tracking"}));
    assert_eq!(alerts.len(), 11, "ten endpoints and their group: {page:#}");
    let whole = alerts
        .iter()
        .find(|alert| alert["labels"]["alertname"] == "LinkwatchGroupDown")
        .unwrap();
    let text = whole["annotations"]["description"].as_str().unwrap();
    for number in 0..10 {
        let [cause, expected, actual] = fault(number);
        let line = format!("{}: {cause}: expected {expected}, found {actual}", name(number));
        assert!(text.contains(&line), "{line} is not in:\n{text}");
    }
    for alert in alerts {
        assert_eq!(alert["labels"]["team"], "delivery", "users' labels survive");
        let foreign = [
            "cause",
            "expected",
            "actual",
            "instance",
            "pod",
            "namespace",
            "endpoint",
        ];
        assert!(
            foreign.iter().all(|label| alert["labels"][label].is_null()),
            "{alert:#}"
        );
        assert!(alert["annotations"]["runbook_url"].is_string(), "{alert:#}");
        assert!(
            alert["annotations"]["remedy"].as_str().unwrap().contains(": "),
            "{alert:#}"
        );
    }
}

async fn is_alone(hook: &Webhook, alertmanager: &Alertmanager) {
    let groups = alertmanager.json("/api/v2/alerts/groups?receiver=page").await;
    assert_eq!(groups.as_array().unwrap().len(), 1, "one page: {groups:#}");
    let pages = hook
        .pending()
        .await
        .into_iter()
        .filter(|delivery| delivery.path == "/page");
    assert_eq!(pages.count(), 0, "a second page");
}

/// The first notification to the receiver of pages.
async fn page(hook: &Webhook, prometheus: &Prometheus) -> Value {
    loop {
        let delivery = hook.next(LIMIT).await;
        let delivery = delivery.unwrap_or_else(|| panic!("no page:\n{}", prometheus.log()));
        if delivery.path == "/page" {
            return delivery.json();
        }
    }
}

fn name(number: usize) -> String {
    format!("link-{number:04}.example")
}

fn fault(number: usize) -> [&'static str; 3] {
    if number < 7 { DRIFT } else { STATUS }
}

/// A server with the metrics of a linkwatch that watches ten domains.
async fn exporter(broken: &Arc<AtomicBool>) -> WebLab {
    let broken = Arc::clone(broken);
    let metrics = Answer::decide(move |_| Answer::text(&exposition(broken.load(Ordering::SeqCst))));
    WebLab::plain().route("/metrics", metrics).start().await
}

fn exposition(broken: bool) -> String {
    let now = SystemClock.now().as_second();
    let group = r#"group="tracking",team="delivery""#;
    let mut lines = vec![
        format!("linkwatch_group_page{{{group}}} 1"),
        format!("linkwatch_group_interval_seconds{{{group}}} 15"),
        "linkwatch_vantage_up 1".to_owned(),
    ];
    for number in 0..10 {
        let own = format!("name=\"{}\",{group}", name(number));
        lines.push(format!("linkwatch_endpoint_up{{{own}}} {}", u8::from(!broken)));
        lines.push(format!("linkwatch_endpoint_in_maintenance{{{own}}} 0"));
        lines.push(format!(
            "linkwatch_probe_last_run_timestamp_seconds{{{own}}} {now}"
        ));
        if broken {
            let [cause, expected, actual] = fault(number);
            lines.push(format!(
                "linkwatch_endpoint_fault_info{{{own},cause=\"{cause}\",expected=\"{expected}\",actual=\"{actual}\"}} 1"
            ));
        }
    }
    lines.join("\n") + "\n"
}

/// The routing that ships, with our receiver and without the long pauses.
fn routing(hook: &Webhook) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("alerts/alertmanager.yml");
    std::fs::read_to_string(file)
        .unwrap()
        .replace("http://127.0.0.1:9099", &hook.url(""))
        .replace("linkwatch.tmpl", &template())
        .replace("group_wait: 15s", "group_wait: 2s")
}

/// Where the texts of notifications are.
pub(super) fn template() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("alerts/linkwatch.tmpl");
    file.display().to_string()
}

/// Two replicas, found as the operator finds them, and the rules that ship, evaluated every second.
fn scraping(folder: &Path, replicas: &[WebLab; 2], alertmanager: &Alertmanager) -> String {
    let rules = rules_yaml(&Parameters::default())
        .unwrap()
        .replace("interval: 10s", "interval: 1s");
    let file = folder.join("linkwatch.yml");
    std::fs::write(&file, rules).unwrap();
    let targets: Vec<String> = (0..2)
        .map(|number| {
            format!(
                "\n      - targets: ['{}']\n        labels: {{namespace: monitoring, pod: linkwatch-{number}, \
                 service: linkwatch, container: linkwatch, endpoint: http, node: node-{number}}}",
                replicas[number].addr()
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
