//! The rules that ship, judged by the real Prometheus, where it is there.

use std::net::SocketAddr;
use std::path::Path;

use jiff::Timestamp;
use linkwatch::alert::{Parameters, rules_yaml};
use linkwatch::clock::{Clock as _, SystemClock};

use super::it::real::peers::{Generation, Program, Prometheus, start_prometheus, start_prometheus_on};
use super::pace::Pace;
use super::panels::Panels;

/// Prometheus, if there is one.
#[derive(Debug)]
pub(crate) struct Alerts(Option<Prometheus>);

impl Alerts {
    /// Has linkwatch scraped, and the rules evaluated, at this pace; `data` is kept.
    pub(crate) async fn start(directory: &Path, web: SocketAddr, pace: &Pace, data: Option<&Path>) -> Self {
        let Some(program) = Program::Prometheus.find(Generation::Current) else {
            return Self(None);
        };
        let scrape = pace.scrape;
        let rules = rules_yaml(&Parameters::default())
            .expect("the rules that ship")
            .replace("interval: 10s", &format!("interval: {scrape}"));
        let file = directory.join("rules.yml");
        std::fs::write(&file, rules).expect("write the rules");
        let configuration = format!(
            "global: {{scrape_interval: {scrape}, scrape_timeout: {scrape}}}\n\
             rule_files: ['{}']\n\
             scrape_configs: [{{job_name: linkwatch, static_configs: [{{targets: ['{web}']}}]}}]\n",
            file.display()
        );
        Self(Some(match data {
            Some(data) => start_prometheus_on(&program, &configuration, data, None).await,
            None => start_prometheus(&program, &configuration).await,
        }))
    }

    /// Whether anybody judges.
    pub(crate) fn are_judged(&self) -> bool {
        self.0.is_some()
    }

    /// Its URL, or why there is none.
    pub(crate) fn place(&self) -> &str {
        let absent = "not judged: prometheus is neither in target/real nor on PATH (make real)";
        self.0.as_ref().map_or(absent, |prometheus| &prometheus.url)
    }

    /// What the dashboards show.
    pub(crate) async fn panels(&self, pace: &Pace) -> Option<Panels> {
        match &self.0 {
            Some(prometheus) => Some(Panels::ask(prometheus, pace.rate).await),
            None => None,
        }
    }

    /// The names of the alerts of the group that page at this moment, each once, in their order.
    pub(crate) async fn paging(&self) -> Vec<String> {
        let paging = "ALERTS{alertstate=\"firing\", severity=\"critical\", group=\"tracking\"}";
        self.names(&format!("count by (alertname) ({paging})")).await
    }

    /// Whether somebody was paged once: whether the alerts of the group that page began to fire once while none did.
    pub(crate) async fn paged_once(&self) -> bool {
        let Some(prometheus) = &self.0 else { return false };
        let paging = "ALERTS{alertstate=\"firing\", severity=\"critical\", group=\"tracking\"}";
        let changes = format!("changes((count({paging}) > bool 0 or vector(0))[15m:500ms])");
        // Up and down again are two changes, and one page.
        !prometheus
            .query(&format!("ceil({changes} / 2) == 1"))
            .await
            .is_empty()
    }

    /// Whether an alert has fired at all, at any severity.
    pub(crate) async fn has_fired(&self, alert: &str) -> bool {
        let fired = format!("count by (alertname) (max_over_time(ALERTS{{alertname=\"{alert}\"}}[1h]))");
        !self.names(&fired).await.is_empty()
    }

    async fn names(&self, expression: &str) -> Vec<String> {
        let Some(prometheus) = &self.0 else {
            return Vec::new();
        };
        let samples = prometheus.query(expression).await;
        let mut names: Vec<String> = samples
            .into_iter()
            .filter_map(|mut sample| sample.labels.remove("alertname"))
            .collect();
        names.sort();
        names
    }

    /// Since when Prometheus knows that all series of traffic are low.
    pub(crate) async fn sees_quiet(&self, series: usize) -> Option<Timestamp> {
        let low = format!("count(linkwatch_traffic_low{{tier=\"outage\"}} == 1) == {series}");
        let samples = self.0.as_ref()?.query(&low).await;
        (!samples.is_empty()).then(|| SystemClock.now())
    }

    /// Whether the rules of an alert were evaluated, without an error, after this time.
    pub(crate) async fn were_judged_after(&self, alert: &str, time: Timestamp) -> bool {
        let Some(prometheus) = &self.0 else {
            return false;
        };
        let answer = prometheus.json("/api/v1/rules?type=alert").await;
        let groups = answer["data"]["groups"].as_array().into_iter().flatten();
        let mut rules = groups
            .flat_map(|group| group["rules"].as_array().into_iter().flatten())
            .filter(|rule| rule["name"] == alert)
            .peekable();
        let judged = |rule: &serde_json::Value| {
            let last = rule["lastEvaluation"].as_str();
            let last: Option<Timestamp> = last.and_then(|last| last.parse().ok());
            rule["health"] == "ok" && last.is_some_and(|last| last > time)
        };
        rules.peek().is_some() && rules.all(judged)
    }
}
