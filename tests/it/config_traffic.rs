//! The section `traffic` of the configuration: what it resolves to.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

use std::path::Path;
use std::time::Duration;

use jiff::SignedDuration;
use linkwatch::config::{self, Files};
use linkwatch::traffic::plan::{Kind, OwnProbes, Plan};
use linkwatch::traffic::source::Api;

fn plan(text: &str) -> std::sync::Arc<Plan> {
    let files = Files::memory([]);
    let config = config::parse(Path::new("linkwatch.yml"), text.as_bytes(), files);
    config
        .unwrap_or_else(|errors| panic!("{errors}"))
        .traffic
        .unwrap()
}

#[test]
fn a_source_and_a_query_are_enough() {
    let plan = plan(
        r#"
traffic:
  sources: [{name: prom, url: "http://127.0.0.1:9090/"}]
  streams: [{name: clicks, query: link_clicks_total, sum_by: host}]
"#,
    );
    assert_eq!(
        plan.mean_between_false_alarms,
        SignedDuration::from_hours(30 * 24)
    );
    assert_eq!(plan.accept_after, SignedDuration::from_hours(24));
    assert_eq!(plan.time_zone.iana_name(), Some("UTC"));
    let source = &plan.sources[0];
    assert!(matches!(source.api, Api::Prometheus));
    assert_eq!(source.client.timeout, Duration::from_secs(30));
    assert!(source.client.follow_redirects);
    let stream = &plan.streams[0];
    assert_eq!(
        (&*stream.name, stream.source, stream.kind),
        ("clicks", 0, Kind::Counter)
    );
    assert_eq!(stream.sum_by.as_deref(), Some("host"));
    assert_eq!(stream.host_label.as_deref(), Some("host"), "that of sum_by");
    assert_eq!(stream.bin, SignedDuration::from_mins(1));
    assert_eq!(stream.ingest_delay, SignedDuration::from_mins(2));
    assert_eq!(stream.history, SignedDuration::from_hours(35 * 24));
    assert_eq!(stream.own_probes, OwnProbes::Excluded);
    assert!(stream.reference.is_none());
}

const EVERYTHING: &str = r#"
traffic:
  false_alarms: 2 per 1w
  time_zone: Europe/Berlin
  accept_after: 3d
  sources:
    - name: mimir
      url: "https://127.0.0.1/prometheus"
      timeout: 10s
      authorization: {credentials: word}
      http_headers: {X-Scope-OrgID: {values: [team]}}
      proxy_url: "http://127.0.0.1:3128"
      follow_redirects: false
    - {name: loki, type: loki, url: "http://127.0.0.1:3100"}
    - name: plausible
      type: json
      url: "http://127.0.0.1:8000"
      json: {method: POST, body: '{"date_range": ["{from}", "{to}"]}', rows: /results, time: /dimensions/0, count: /metrics/0, labels: {host: /dimensions/1}}
  streams:
    - name: clicks
      source: mimir
      query: link_clicks_total
      kind: counter
      sum_by: instance
      host_label: host
      bin: 5m
      ingest_delay: 90s
      history: 14d
      reference: {query: mails_sent_total}
      own_probe_instances: 2
      ignore: [old.example]
    - {name: logs, source: loki, query: "sum by (host) (count_over_time({job='web'}[1m]))", sum_by: host}
    - {name: visits, source: plausible, query: /api/v2/query, sum_by: host}
"#;

#[test]
fn every_key_arrives() {
    let plan = plan(EVERYTHING);
    assert_eq!(plan.mean_between_false_alarms, SignedDuration::from_hours(84));
    assert_eq!(plan.accept_after, SignedDuration::from_hours(72));
    assert_eq!(plan.time_zone.iana_name(), Some("Europe/Berlin"));
    let client = &plan.sources[0].client;
    assert_eq!(client.headers["x-scope-orgid"], "team");
    assert!(client.headers["authorization"].is_sensitive());
    assert_eq!(client.timeout, Duration::from_secs(10));
    assert_eq!(
        client.proxy.as_ref().map(url::Url::as_str),
        Some("http://127.0.0.1:3128/")
    );
    assert!(!client.follow_redirects);
    let Api::Json(shape) = &plan.sources[2].api else {
        panic!("{:?}", plan.sources[2]);
    };
    assert_eq!(
        (shape.time.as_str(), shape.count.as_str()),
        ("/dimensions/0", "/metrics/0")
    );
    assert_eq!(shape.labels["host"], "/dimensions/1");
    let kinds: Vec<Kind> = plan.streams.iter().map(|stream| stream.kind).collect();
    assert_eq!(kinds, [Kind::Counter, Kind::Increase, Kind::Increase]);
    let stream = &plan.streams[0];
    assert_eq!(stream.host_label.as_deref(), Some("host"));
    assert_eq!(stream.bin, SignedDuration::from_mins(5));
    assert_eq!(stream.own_probes, OwnProbes::Subtracted { instances: 2 });
    assert_eq!(
        stream.reference.as_ref().map(|reference| reference.kind),
        Some(Kind::Counter)
    );
    assert_eq!(stream.ignore, ["old.example"]);
}

#[test]
fn a_configuration_is_shown_without_the_secrets_of_its_sources() {
    let text = r#"
traffic:
  sources: [{name: prom, url: "http://127.0.0.1:9090/", basic_auth: {username: u, password: secret-word}}]
"#;
    let config = config::parse(Path::new("linkwatch.yml"), text.as_bytes(), Files::memory([]));
    let config = config.unwrap_or_else(|errors| panic!("{errors}"));
    assert!(!config::show(&config).contains("secret-word"));
    assert!(!format!("{config:?}").contains("secret-word"));
}
