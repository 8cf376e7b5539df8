//! Clicks from one Prometheus, alerts from another: what the shipped rules make of a source that is gone, and of links
//! that nobody clicks any more.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use linkwatch::clock::{Clock as _, SystemClock};
use linkwatch::state::traffic::Series;
use serde_json::Value;
use tokio::time::Instant;

use crate::fleet::{Fleet, TRACKING};
use crate::it::lab::{Answer, Delivery, WebLab, Webhook};
use crate::it::real::clicks::{self, Counter, HOSTS, METRIC};
use crate::it::real::peers::{
    Alertmanager, Prometheus, start_alertmanager, start_prometheus, start_prometheus_on, write_blocks,
};
use crate::replica::Replica;
use crate::{ASK, routing, scraping};

/// From the start of linkwatch until all ten are judged.
const FIRST_JUDGEMENT: Duration = Duration::from_secs(10);
/// From the last click to the notification: two bins at most (the first may be half full), the ingest delay, a scrape,
/// an evaluation of the rules, Alertmanager's `group_wait`.
const NOTIFIED: Duration = Duration::from_secs(60 + 60 + 5 + 10 + 10 + 15);
/// From the source's end to the firing alert: a bin, the ingest delay, a scrape, the rule's two minutes, an evaluation.
const SOURCE_DOWN: Duration = Duration::from_secs(60 + 5 + 10 + 120 + 10);
/// From the end of an outage to the last word about it: the alarm ends after some minutes of clicks, the rule keeps firing
/// for two more, and Alertmanager tells it within its `group_interval`.
const RESOLVED: Duration = Duration::from_secs(20 * 60);

/// The programs that this needs.
pub(crate) struct Programs {
    pub(crate) prometheus: PathBuf,
    pub(crate) promtool: PathBuf,
    pub(crate) alertmanager: PathBuf,
}

/// Everything that runs.
struct Stage {
    fleet: Fleet,
    counters: Arc<Mutex<Vec<Counter>>>,
    exporter: WebLab,
    data: tempfile::TempDir,
    hook: Webhook,
    alertmanager: Alertmanager,
    heard: Vec<(Instant, String, Value)>,
    failures: usize,
}

/// Runs all of it; whether it is as it should be.
pub(crate) async fn run(quick: bool, programs: &Programs) -> bool {
    let (mut stage, clicks) = Stage::set_up(programs).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = folder.path().join("linkwatch.yml");
    stage.fleet.write_tracking(&config, &section(&clicks.url));
    let began = Instant::now();
    let linkwatch = Replica::start(&config, ([127, 0, 0, 1], 0).into()).await;
    stage.first_judgement(&linkwatch, began).await;
    let rules = start_prometheus(
        &programs.prometheus,
        &scraping(&[&linkwatch], &stage.alertmanager),
    )
    .await;
    let up = format!(
        "count(linkwatch_endpoint_up == 1) == {HOSTS} and count(linkwatch_traffic_baseline_ready{{name!=\"\"}} == 1) == {HOSTS}"
    );
    stage
        .until(
            "all ten up and ready, as the second Prometheus knows",
            &rules,
            &up,
            Duration::from_secs(60),
        )
        .await;
    let stopped_for = Duration::from_secs(if quick { 300 } else { 600 });
    let clicks = stage.source_stops(programs, clicks, &rules, stopped_for).await;
    stage.clicks_stop(&linkwatch, &rules).await;
    if !quick {
        stage.clicks_come_back().await;
    }
    drop(clicks);
    linkwatch.stop().await;
    println!("\n{} failures", stage.failures);
    stage.failures == 0
}

impl Stage {
    /// Four weeks of clicks in blocks, a Prometheus on them that scrapes on, and Alertmanager.
    async fn set_up(programs: &Programs) -> (Self, Prometheus) {
        let fleet = Fleet::start(0).await;
        let history = clicks::history(SystemClock.now().as_second().div_euclid(60) * 60, (0, 0));
        let data = tempfile::tempdir().expect("a temporary folder");
        write_blocks(&programs.promtool, &clicks::openmetrics(&history), data.path());
        let counters = history.into_iter().map(|(counter, _)| counter).collect();
        let counters = Arc::new(Mutex::new(counters));
        let exporter = exporter(&counters).await;
        let hook = Webhook::start().await;
        let alertmanager = start_alertmanager(&programs.alertmanager, &routing(&hook)).await;
        let stage = Self {
            fleet,
            counters,
            exporter,
            data,
            hook,
            alertmanager,
            heard: Vec::new(),
            failures: 0,
        };
        let clicks = stage.start_clicks(&programs.prometheus, None).await;
        (stage, clicks)
    }

    /// Starts the Prometheus of the clicks; on an address where it was before.
    async fn start_clicks(&self, program: &Path, address: Option<std::net::SocketAddr>) -> Prometheus {
        let job = clicks::scrape_config(&self.exporter.addr().to_string(), "5s");
        let configuration = format!("scrape_configs:{job}\n");
        let prometheus = start_prometheus_on(program, &configuration, self.data.path(), address).await;
        let scraped = format!("count(timestamp({METRIC}) > time() - 5) == {HOSTS}");
        prometheus.wait_for(&scraped, Duration::from_secs(20)).await;
        prometheus
    }

    /// Counts a failure, unless it holds.
    fn check(&mut self, holds: bool, what: &str) {
        self.failures += usize::from(!holds);
        println!("{} {what}", if holds { "  ok    " } else { "  FAILED" });
    }

    /// Waits until an expression has a sample, and says how long that took.
    async fn until(&mut self, what: &str, prometheus: &Prometheus, expression: &str, limit: Duration) {
        let began = Instant::now();
        while prometheus.query(expression).await.is_empty() && began.elapsed() < limit {
            tokio::time::sleep(ASK).await;
        }
        self.within(what, began.elapsed(), limit);
    }

    fn within(&mut self, what: &str, took: Duration, limit: Duration) {
        let (seconds, most) = (took.as_secs_f64(), limit.as_secs());
        self.check(
            took < limit,
            &format!("{seconds:6.1} s  {what} (at most {most} s)"),
        );
    }

    async fn first_judgement(&mut self, linkwatch: &Replica, began: Instant) {
        let judged = || {
            let traffic = linkwatch.state.traffic();
            let ready = |series: &&Arc<Series>| series.judgement.ready && series.judgement.at.is_some();
            traffic.series().filter(ready).count()
        };
        // The ten, and their group.
        while judged() < HOSTS + 1 && began.elapsed() < FIRST_JUDGEMENT {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let what = "four weeks fetched, all ten and their group judged";
        self.within(what, began.elapsed(), FIRST_JUDGEMENT);
    }

    /// The Prometheus of the clicks ends, and comes back after a while: the source is told of, the clicks are not.
    async fn source_stops(
        &mut self,
        programs: &Programs,
        clicks: Prometheus,
        rules: &Prometheus,
        stopped_for: Duration,
    ) -> Prometheus {
        println!("\nthe source stops for {} s", stopped_for.as_secs());
        let address = clicks.addr();
        drop(clicks);
        let began = Instant::now();
        let firing = r#"ALERTS{alertname="LinkwatchTrafficSourceDown", alertstate="firing"}"#;
        self.until("LinkwatchTrafficSourceDown fires", rules, firing, SOURCE_DOWN)
            .await;
        self.listen_for(stopped_for.saturating_sub(began.elapsed()), |_, _| false)
            .await;
        let told = self.alerts("/ticket", "LinkwatchTrafficSourceDown", "firing");
        self.check(told > 0, "it is told of in a ticket");
        let clicks = self.start_clicks(&programs.prometheus, Some(address)).await;
        let up =
            r#"linkwatch_traffic_source_up == 1 unless on() ALERTS{alertname="LinkwatchTrafficSourceDown"}"#;
        self.until(
            "it is back, and the alert over",
            rules,
            up,
            Duration::from_secs(300),
        )
        .await;
        // Two bins of the new beginning are judged before anything is concluded from them.
        self.listen_for(Duration::from_secs(130), |_, _| false).await;
        let low = r#"count_over_time(ALERTS{alertname="LinkwatchTrafficLow"}[1h])"#;
        let low = rules.query(low).await;
        self.check(low.is_empty(), "no LinkwatchTrafficLow, not even pending");
        let pages = self.heard.iter().filter(|(_, path, _)| path == "/page").count();
        self.check(pages == 0, "nobody is paged");
        clicks
    }

    /// Nobody clicks any more, while every probe stays green: one page says so.
    async fn clicks_stop(&mut self, linkwatch: &Replica, rules: &Prometheus) {
        println!("\nnobody clicks any more");
        let group = |series: &&Arc<Series>| series.subject.series.is_none();
        let known = || linkwatch.state.traffic().series().find(group).cloned();
        let promised = known().and_then(|group| group.judgement.time_to_notice);
        self.set_share(0.0);
        let began = Instant::now();
        let low = || known().is_some_and(|group| group.judgement.low.is_some());
        while !low() && began.elapsed() < NOTIFIED {
            tokio::time::sleep(ASK).await;
        }
        let promised = promised.map_or_else(|| "never".to_owned(), |time| format!("{} s", time.as_secs()));
        self.within(
            &format!("noticed by linkwatch, which had promised {promised}"),
            began.elapsed(),
            NOTIFIED,
        );
        let firing = r#"ALERTS{alertname="LinkwatchTrafficLow", alertstate="firing", severity="critical"}"#;
        let waited = began.elapsed();
        self.until(
            "then the alert fires",
            rules,
            firing,
            NOTIFIED.saturating_sub(waited),
        )
        .await;
        let before = self.heard.len();
        let of_group = |path: &str, body: &Value| path == "/page" && body["groupLabels"]["group"] == TRACKING;
        self.listen_for(NOTIFIED, of_group).await;
        let Some((at, _, body)) = self.heard[before..]
            .iter()
            .find(|(_, path, _)| path == "/page")
            .cloned()
        else {
            self.check(false, "a page came");
            return;
        };
        self.within("the page since the last click", at - began, NOTIFIED);
        self.check_text(&body);
        // So long that a second page would have come.
        self.listen_for(Duration::from_secs(90), |_, _| false).await;
        let up = format!("count(linkwatch_endpoint_up == 1) == {HOSTS}");
        let up = rules.query(&up).await;
        self.check(!up.is_empty(), "every probe is green");
        let groups = self
            .alertmanager
            .json("/api/v2/alerts/groups?receiver=page")
            .await;
        let groups = groups.as_array().map_or(0, Vec::len);
        self.check(groups == 1, "one page");
        let tickets = self.alerts("/ticket", "LinkwatchTrafficLow", "firing");
        self.check(tickets == 0, "no ticket about a series of the group");
    }

    /// Whether the page says what came, what was expected, since when, of which hosts, and that no probe fails.
    fn check_text(&mut self, body: &Value) {
        let text = body["alerts"][0]["annotations"]["description"].as_str();
        let text = text.unwrap_or_default().to_owned();
        println!("\n{}\n", indented(&text));
        let named = (0..HOSTS).filter(|number| text.contains(&clicks::host(*number)));
        let named = named.count();
        let said = ["Expected ", " came", "since "]
            .iter()
            .all(|part| text.contains(part));
        let what = "the page says how much was expected, how much came, since when";
        self.check(said, what);
        let green = text.contains("No probe of the group fails with it");
        self.check(green, "it says that no probe fails");
        self.check(named == HOSTS, &format!("it names {named} of {HOSTS} hosts"));
        let name = &body["alerts"][0]["labels"]["alertname"];
        self.check(name == "LinkwatchTrafficLow", "it is LinkwatchTrafficLow");
    }

    async fn clicks_come_back(&mut self) {
        println!("\npeople click again");
        self.set_share(1.0);
        let began = Instant::now();
        let resolved = |path: &str, body: &Value| path == "/page" && body["status"] == "resolved";
        self.listen_for(RESOLVED, resolved).await;
        self.within("the page is resolved", began.elapsed(), RESOLVED);
    }

    fn set_share(&self, share: f64) {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let now = SystemClock.now().as_millisecond();
        for counter in counters.iter_mut() {
            // What came until now is counted at the share until now.
            counter.count_until(now);
            counter.share = share;
        }
    }

    /// Listens to Alertmanager for so long, or until something wanted is heard.
    async fn listen_for(&mut self, limit: Duration, wanted: impl Fn(&str, &Value) -> bool) {
        let end = Instant::now() + limit;
        while let Some(Delivery { at, path, body }) = self.hook.next(end - Instant::now()).await {
            let body: Value = serde_json::from_slice(&body).unwrap_or_default();
            let found = wanted(&path, &body);
            self.heard.push((at, path, body));
            if found {
                return;
            }
        }
    }

    /// How many alerts of a name and status a receiver has heard of.
    fn alerts(&self, receiver: &str, name: &str, status: &str) -> usize {
        let bodies = self.heard.iter().filter(|(_, path, _)| path == receiver);
        bodies
            .filter_map(|(_, _, body)| body["alerts"].as_array())
            .flatten()
            .filter(|alert| alert["labels"]["alertname"] == name && alert["status"] == status)
            .count()
    }
}

async fn exporter(counters: &Arc<Mutex<Vec<Counter>>>) -> WebLab {
    let counters = Arc::clone(counters);
    let metrics = Answer::decide(move |_| {
        let now = SystemClock.now().as_millisecond();
        let mut counters = counters.lock().unwrap_or_else(PoisonError::into_inner);
        Answer::text(&clicks::scraped(&mut counters, now))
    });
    WebLab::plain().route("/metrics", metrics).start().await
}

/// The section of the configuration.
fn section(url: &str) -> String {
    format!(
        r#"traffic:
  sources:
    - {{name: clicks, type: prometheus, url: "{url}"}}
  streams:
    - {{name: clicks, source: clicks, query: {METRIC}, kind: counter, sum_by: host, host_label: host, bin: 1m,
       ingest_delay: 5s, history: 28d}}
"#
    )
}

fn indented(text: &str) -> String {
    let lines = text.trim_end().lines();
    lines
        .map(|line| format!("    {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}
