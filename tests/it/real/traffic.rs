//! Clicks from the real Prometheus and the real `VictoriaMetrics`: what was written is what is fetched, and what is
//! judged as soon as linkwatch runs.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "what cannot be run fails the test; how long a fetch takes is worth seeing"
)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use linkwatch::clock::{Clock as _, SystemClock};
use linkwatch::probe::tls;
use linkwatch::traffic::Bin;
use linkwatch::traffic::bucket::{self, Buckets, Stretch};
use linkwatch::traffic::plan::Kind;
use linkwatch::traffic::source::{self, Answer as Counts, Api, Client, Point, Question, Source};
use tokio::time::Instant;

use super::clicks::{self, Counter, DAYS, HOSTS, METRIC, Sample, host};
use super::peers::{
    Generation, Program, find_or_leave_out, start_prometheus_on, start_victoria_metrics, write_blocks,
};
use crate::lab::{Answer, DnsLab, WebLab};
use crate::program::{Home, Metrics, Served};

/// The host whose counter was not scraped for a while, and when: two hours, a day before the end.
const UNSEEN: usize = 3;
const UNSEEN_BEFORE_END: std::ops::Range<i64> = 86_400..86_400 + 7_200;

/// Prometheus repeats a sample for so long.
const LOOKBACK: SignedDuration = SignedDuration::from_mins(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_weeks_come_from_prometheus_as_they_were_written() {
    let what = "four weeks from Prometheus";
    let found = [Program::Prometheus, Program::Promtool]
        .map(|program| find_or_leave_out(what, program, Generation::Current));
    let [Some(prometheus), Some(promtool)] = found else {
        return;
    };
    let written = Written::new();
    let data = tempfile::tempdir().unwrap();
    write_blocks(&promtool, &clicks::openmetrics(&written.history), data.path());
    let prometheus = start_prometheus_on(&prometheus, "{}", data.path(), None).await;
    let answer = written.fetch("prometheus", &prometheus.url).await;
    written.assert_fetched(&answer);
    written.assert_counted(&answer);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_weeks_come_from_victoria_metrics_as_they_were_written() {
    let what = "four weeks from VictoriaMetrics";
    let Some(victoria) = find_or_leave_out(what, Program::VictoriaMetrics, Generation::Current) else {
        return;
    };
    let written = Written::new();
    let victoria = start_victoria_metrics(&victoria).await;
    victoria.import(clicks::exposition(&written.history)).await;
    let answer = written.fetch("victoria-metrics", &victoria.url).await;
    written.assert_fetched(&answer);
    written.assert_counted(&answer);
}

/// The history that a source was filled with, up to a full minute an hour ago.
struct Written {
    end: i64,
    history: Vec<(Counter, Vec<Sample>)>,
}

impl Written {
    fn new() -> Self {
        let end = full_minute() - 3600;
        let mut history = clicks::history(end, (0, 0));
        history[UNSEEN]
            .1
            .retain(|(at, _)| !UNSEEN_BEFORE_END.contains(&(end - at / 1000)));
        Self { end, history }
    }

    fn begin(&self) -> i64 {
        self.end - DAYS * 86_400
    }

    async fn fetch(&self, name: &str, url: &str) -> Counts {
        let source = Source::new(source::Settings {
            name: name.into(),
            url: url.parse().unwrap(),
            api: Api::Prometheus,
            client: Client {
                timeout: Duration::from_secs(30),
                headers: HeaderMap::new(),
                tls: tls::Settings::default(),
                proxy: None,
                follow_redirects: true,
            },
        });
        let question = Question {
            query: METRIC.to_owned(),
            from: Timestamp::from_second(self.begin() + 60).unwrap(),
            to: Timestamp::from_second(self.end).unwrap(),
            step: SignedDuration::from_mins(1),
            counters: true,
        };
        let began = Instant::now();
        let answer = source.unwrap().fetch(&question).await.unwrap();
        let took = began.elapsed();
        let points: usize = answer.samples.iter().map(|samples| samples.points.len()).sum();
        eprintln!("{name}: {points} minutes of {HOSTS} series fetched in {took:.2?}");
        assert_eq!(answer.warnings, [] as [String; 0]);
        answer
    }

    /// Every minute that was scraped is there, with the value and the time of its own sample; a repeated sample has the
    /// time of the one that it repeats.
    fn assert_fetched(&self, answer: &Counts) {
        assert_eq!(answer.samples.len(), HOSTS);
        for (number, samples) in answer.samples.iter().enumerate() {
            assert_eq!(samples.labels["host"], host(number));
            assert_eq!(samples.labels["instance"], format!("tracker-{}:9100", number % 2));
            let written: BTreeMap<i64, u64> = self.history[number].1.iter().copied().collect();
            let points: BTreeMap<Timestamp, Point> =
                samples.points.iter().map(|point| (point.at, *point)).collect();
            assert_eq!(points.len(), samples.points.len(), "no minute twice");
            for (at, value) in &written {
                let end = Timestamp::from_second(at / 1000 + clicks::SCRAPED_BEFORE).unwrap();
                let taken = Timestamp::from_millisecond(*at).unwrap();
                let point = points.get(&end);
                let found = point.map(|point| (point.value, point.sampled));
                #[expect(clippy::cast_precision_loss, reason = "clicks of days")]
                let expected = (*value as f64, Some(taken));
                assert_eq!(found, Some(expected), "{} at {end}", host(number));
            }
            for point in points.values() {
                let (last, _) = written.range(..=point.at.as_millisecond()).next_back().unwrap();
                let last = Timestamp::from_millisecond(*last).unwrap();
                assert_eq!(point.sampled, Some(last), "{} at {}", host(number), point.at);
                assert!(point.at.duration_since(last) <= LOOKBACK, "{point:?}");
            }
        }
    }

    /// The bins hold what was clicked, also where a counter began anew; what nobody saw is zero or missing.
    fn assert_counted(&self, answer: &Counts) {
        let mut buckets = Buckets::new(bucket::Settings {
            name: "clicks".into(),
            bin: 60,
            kind: Kind::Counter,
            sum_by: Some("host".to_owned()),
            host_label: Some("host".to_owned()),
            ignore: Vec::new(),
        });
        let stretch = Stretch {
            first: self.begin() / 60,
            last: self.end / 60 - 1,
        };
        let taken = buckets.take(stretch, stretch.last, answer);
        assert_eq!(taken.rows.len(), HOSTS);
        for (row, (_, samples)) in taken.rows.iter().zip(&self.history) {
            let mut resets = 0;
            for pair in samples.windows(2) {
                let [(before, counted), (at, value)] = [pair[0], pair[1]];
                if at - before > clicks::SCRAPED_EVERY * 1000 {
                    continue;
                }
                resets += usize::from(value < counted);
                let clicked = if value < counted { value } else { value - counted };
                let place = usize::try_from((at - 1) / 60_000 - stretch.first).unwrap();
                #[expect(clippy::cast_precision_loss, reason = "clicks of a minute")]
                let expected = Bin::Count(clicked as f64);
                assert_eq!(row.bins[place], expected, "{} in minute {place}", row.name);
            }
            assert!(resets >= 8, "{}: {resets} resets", row.name);
        }
        let unseen = &taken.rows[UNSEEN].bins;
        let unseen = &unseen[unseen.len() - 1440 - 100..unseen.len() - 1440 - 10];
        let nothing = |bin: &Bin| matches!(bin, Bin::Missing | Bin::Count(0.0));
        assert!(unseen.iter().all(nothing), "{unseen:?}");
    }
}

fn full_minute() -> i64 {
    SystemClock.now().as_second().div_euclid(60) * 60
}

/// How long it may take from the start until everything is judged. What a debug build beside other tests takes is no
/// promise.
const FIRST_JUDGEMENT: Duration = Duration::from_secs(if cfg!(debug_assertions) { 30 } else { 10 });

/// So many of the ten are quiet when linkwatch starts, for so long.
const QUIET: usize = 9;
const QUIET_FOR: i64 = 15 * 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_in_the_middle_of_an_outage_knows_it_at_once_from_prometheus_history() {
    let what = "a start in the middle of an outage";
    let found = [Program::Prometheus, Program::Promtool]
        .map(|program| find_or_leave_out(what, program, Generation::Current));
    let [Some(prometheus), Some(promtool)] = found else {
        return;
    };
    let end = full_minute();
    let history = clicks::history(end, (QUIET, end - QUIET_FOR));
    let data = tempfile::tempdir().unwrap();
    write_blocks(&promtool, &clicks::openmetrics(&history), data.path());
    let exporter = exporter(history.into_iter().map(|(counter, _)| counter).collect()).await;
    let scrape = clicks::scrape_config(&exporter.addr().to_string(), "1s");
    let configuration = format!("scrape_configs:{scrape}\n");
    let prometheus = start_prometheus_on(&prometheus, &configuration, data.path(), None).await;
    let scraped = format!("count(changes({METRIC}[1m])) == {HOSTS}");
    prometheus.wait_for(&scraped, Duration::from_secs(10)).await;

    let site = WebLab::plain().answer(Answer::text("here")).start().await;
    let dns = DnsLab::start().await;
    for number in 0..HOSTS {
        dns.a(&host(number), &["127.0.0.1"]);
    }
    let home = Home::new(&configured(&prometheus.url, &dns, &site));
    let began = Instant::now();
    let linkwatch = Served::start(&home, &[]).await;
    let metrics = all_judged(&linkwatch, began).await;
    eprintln!(
        "four weeks of {HOSTS} series: judged {:.2?} after the start of linkwatch",
        began.elapsed()
    );
    for number in 0..HOSTS {
        assert_judged(&metrics, number, end - QUIET_FOR);
    }
    let source = metrics.value("linkwatch_traffic_source_up", &["source=\"history\""]);
    assert_eq!(source, Some(1.0));
    let group = [r#"stream="clicks",group="tracking""#, r#"tier="outage""#];
    let low = metrics.value("linkwatch_traffic_low", &group);
    assert_eq!(low, Some(1.0), "nine of ten are quiet: so is their group");
}

/// The metrics in which every series is observed for the first time.
async fn all_judged(linkwatch: &Served, began: Instant) -> Metrics {
    loop {
        let metrics = linkwatch.web.metrics().await;
        let observed = |number: usize| {
            let series = format!("series=\"{}\"", host(number));
            metrics.value("linkwatch_traffic_observed", &[&series])
        };
        if (0..HOSTS).all(|number| observed(number).is_some()) {
            return metrics;
        }
        let waited = began.elapsed();
        assert!(
            waited < FIRST_JUDGEMENT,
            "nothing after {waited:?}:\n{}",
            linkwatch.log()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn assert_judged(metrics: &Metrics, number: usize, quiet_since: i64) {
    let name = host(number);
    let series = format!("series=\"{name}\",group=\"tracking\",name=\"{name}\"");
    let value = |family: &str| metrics.value(&format!("linkwatch_traffic_{family}"), &[&series]);
    assert_eq!(value("baseline_ready"), Some(1.0), "{name}");
    assert_eq!(value("blind"), Some(0.0), "{name}");
    let outage = metrics.value("linkwatch_traffic_low", &[&series, r#"tier="outage""#]);
    if number < QUIET {
        assert_eq!(outage, Some(1.0), "{name} is quiet");
        assert_eq!(value("observed"), Some(0.0), "{name}");
        #[expect(clippy::cast_precision_loss, reason = "seconds of this century")]
        let late = value("low_since_timestamp_seconds").unwrap() - quiet_since as f64;
        assert!(
            late.abs() <= 120.0,
            "{name} is said to be quiet since {late} s after it was"
        );
    } else {
        assert_eq!(outage, Some(0.0), "{name} is not quiet");
        assert!(value("observed") > Some(30.0), "{name}");
    }
}

/// An exporter whose counters go on counting.
async fn exporter(counters: Vec<Counter>) -> WebLab {
    let counters = Arc::new(Mutex::new(counters));
    let metrics = Answer::decide(move |_| {
        let now = SystemClock.now().as_millisecond();
        Answer::text(&clicks::scraped(&mut counters.lock().unwrap(), now))
    });
    WebLab::plain().route("/metrics", metrics).start().await
}

fn configured(source: &str, dns: &DnsLab, site: &WebLab) -> String {
    let (resolver, port) = (dns.addr(), site.port());
    format!(
        r#"resolver:
  servers: ["udp://{resolver}"]
  authoritative_port: {}
groups:
  - name: tracking
    hosts: ["link-{{0000..0009}}.example"]
    url: "http://{{host}}:{port}/"
traffic:
  sources:
    - {{name: history, type: prometheus, url: "{source}"}}
  streams:
    - {{name: clicks, source: history, query: {METRIC}, kind: counter, sum_by: host, host_label: host, bin: 1m,
       ingest_delay: 5s, history: 28d}}
"#,
        resolver.port()
    )
}
