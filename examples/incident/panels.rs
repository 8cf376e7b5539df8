//! The dashboards that ship, asked what they show of what was seen: every query of every panel, by the real Prometheus.

use linkwatch::alert::Parameters;
use linkwatch::clock::{Clock as _, SystemClock};
use linkwatch::dashboard::{self, DashboardName};
use serde_json::Value;

use super::it::real::peers::Prometheus;

/// Seconds that a panel over time looks back.
const BACK: i64 = 60;

/// What came of all panels.
#[derive(Debug, Default)]
pub(crate) struct Panels {
    /// Those that show something.
    pub(crate) with_data: usize,
    /// Those that say in their own words why they show nothing.
    pub(crate) said_empty: usize,
    /// Those that show nothing, or that Prometheus finds fault with, and what it says.
    pub(crate) faults: Vec<String>,
}

impl Panels {
    /// Asks all of them, with this as `$__rate_interval`.
    pub(crate) async fn ask(prometheus: &Prometheus, rate: &str) -> Self {
        let mut panels = Self::default();
        for name in DashboardName::ALL {
            let board = dashboard::json(name, &Parameters::default());
            let all = board["panels"].as_array().expect("panels").iter();
            for panel in all.filter(|panel| panel["type"] != "row") {
                panels.take(name, panel, prometheus, rate).await;
            }
        }
        panels
    }

    async fn take(&mut self, name: DashboardName, panel: &Value, prometheus: &Prometheus, rate: &str) {
        let mut found = 0;
        for target in panel["targets"].as_array().expect("targets") {
            let answer = prometheus.json(&path(target, rate)).await;
            for said in ["error", "warnings", "infos"] {
                if !answer[said].is_null() {
                    self.faults
                        .push(format!("{name}: {}: {}", panel["title"], answer[said]));
                }
            }
            found += answer["data"]["result"].as_array().map_or(0, Vec::len);
        }
        let says_so = panel["fieldConfig"]["defaults"]["noValue"].is_string();
        if found > 0 {
            self.with_data += 1;
        } else if says_so {
            self.said_empty += 1;
        } else {
            self.faults.push(format!("{name}: {}: no data", panel["title"]));
        }
    }
}

/// The request that Grafana would make, with everything chosen.
fn path(target: &Value, rate: &str) -> String {
    let query = target["expr"].as_str().expect("a query");
    let query = query.replace("$__rate_interval", rate);
    let query = ["job", "instance", "group", "name"]
        .iter()
        .fold(query, |query, name| query.replace(&format!("${name}"), ".+"));
    let encoded: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
    let now = SystemClock.now().as_second();
    if target["instant"] == true {
        format!("/api/v1/query?query={encoded}")
    } else {
        format!(
            "/api/v1/query_range?query={encoded}&start={}&end={now}&step=1",
            now - BACK
        )
    }
}
