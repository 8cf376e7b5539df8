//! What the community has published for blackbox_exporter, asked of the real Prometheus over linkwatch.
//!
//! The real Prometheus scrapes `/probe` by the usual relabelling; every expression then returns what it must: a
//! dashboard's has data for every target that it is about, an alert's fires for the targets that are broken and for no
//! healthy one.

#![expect(clippy::panic, reason = "what cannot be run fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use super::peers::{Generation, Program as Real, Prometheus, find_or_leave_out, start_prometheus};
use crate::lab::talk::{TalkLab, Turn};
use crate::lab::{Answer, Authority, Connect, DAY, WebLab};
use crate::program::{Home, Program};

use queries::{QUERIES, Query, Returns};

mod queries;

const LIMIT: Duration = Duration::from_secs(60);

/// What is probed, by the names that the expressions' results are told in: name, job, target.
struct Targets {
    of: Vec<(&'static str, &'static str, String)>,
    _sites: Vec<WebLab>,
    _talks: Vec<TalkLab>,
}

impl Targets {
    async fn start(authority: &Authority) -> Self {
        let healthy = WebLab::tls(authority.good("127.0.0.1")).start().await;
        let plain = WebLab::plain().start().await;
        plain.route("/broken", Answer::status(500));
        let late = Answer::After(Duration::from_millis(1500), Box::new(Answer::text("late\n")));
        plain.route("/slow", late);
        let refused = WebLab::plain().start().await;
        refused.connect(Connect::Refuse).await;
        let ends_soon = authority.leaf("127.0.0.1").valid(-80 * DAY, 10 * DAY).issue();
        let expiring = WebLab::tls(ends_soon).start().await;
        let expired = authority.leaf("127.0.0.1").valid(-90 * DAY, -5 * DAY).issue();
        let expired = WebLab::tls(expired).start().await;
        let tls = std::sync::Arc::new(authority.good("127.0.0.1").server_config(&[]));
        let talk = TalkLab::start([Turn::Tls(tls), Turn::say("220 ready\r\n"), Turn::Hang]).await;
        let wrong = TalkLab::start([Turn::say("500 not here\r\n")]).await;
        let of = vec![
            ("healthy", "http", healthy.url("/")),
            ("plain", "http", plain.url("/")),
            ("broken", "http", plain.url("/broken")),
            ("slow", "http", plain.url("/slow")),
            ("refused", "http", refused.url("/")),
            ("expiring", "http", expiring.url("/")),
            ("expired", "unverified", expired.url("/")),
            ("talk", "talk", talk.addr().to_string()),
            ("wrong", "line", wrong.addr().to_string()),
            ("echo", "icmp", "127.0.0.1".to_owned()),
        ];
        Self {
            of,
            _sites: vec![healthy, plain, refused, expiring, expired],
            _talks: vec![talk, wrong],
        }
    }

    /// The name of an instance.
    fn name(&self, instance: &str) -> &'static str {
        let mut of = self.of.iter();
        of.find_map(|(name, _, target)| (target == instance).then_some(*name))
            .unwrap_or_else(|| panic!("there is no target {instance}"))
    }

    /// What Prometheus scrapes, by the relabelling that every guide shows.
    fn scraped_from(&self, linkwatch: std::net::SocketAddr) -> String {
        let mut text = String::from("global: {scrape_interval: 3s, scrape_timeout: 3s}\nscrape_configs:\n");
        for job in ["http", "unverified", "talk", "line", "icmp"] {
            let of = self.of.iter().filter(|(_, of, _)| *of == job);
            let targets: Vec<_> = of.map(|(_, _, target)| format!("'{target}'")).collect();
            let targets = targets.join(", ");
            let _ = write!(
                text,
                "  - job_name: {job}
    metrics_path: /probe
    params: {{module: [{job}]}}
    static_configs: [{{targets: [{targets}]}}]
    relabel_configs:
      - {{source_labels: [__address__], target_label: __param_target}}
      - {{source_labels: [__param_target], target_label: instance}}
      - {{target_label: __address__, replacement: '{linkwatch}'}}
"
            );
        }
        text
    }
}

/// What is wrong with what an expression returns; `None` for what it must.
async fn judge(prometheus: &Prometheus, targets: &Targets, query: &Query) -> Option<String> {
    let samples = prometheus.query(query.expression).await;
    let of = |samples: &[super::peers::Sample]| -> BTreeSet<&'static str> {
        let instances = samples.iter().filter_map(|sample| sample.labels.get("instance"));
        instances.map(|instance| targets.name(instance)).collect()
    };
    let right = match query.returns {
        Returns::All => of(&samples).len() == targets.of.len(),
        Returns::Of(names) => of(&samples) == names.iter().copied().collect(),
        Returns::Value(value) => samples.len() == 1 && (samples[0].value - value).abs() < 1e-9,
        Returns::Some => !samples.is_empty(),
    };
    let values: BTreeMap<_, _> = samples
        .iter()
        .map(|sample| (format!("{:?}", sample.labels), sample.value))
        .collect();
    (!right).then(|| {
        format!(
            "{}: {}\n  must return {:?}, returns {:?}\n  {values:?}",
            query.source,
            query.expression,
            query.returns,
            of(&samples)
        )
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn published_dashboards_and_alerts_return_what_they_must() {
    let test = "published_dashboards_and_alerts_return_what_they_must";
    let Some(program) = find_or_leave_out(test, Real::Prometheus, Generation::Current) else {
        return;
    };
    let authority = Authority::new();
    let targets = Targets::start(&authority).await;
    let root = authority.root_pem_file();
    let home = Home::new(&format!(
        "modules:
  http: {{prober: http, http: {{tls_config: {{ca_file: '{root}'}}}}}}
  unverified: {{prober: http, http: {{tls_config: {{insecure_skip_verify: true}}}}}}
  talk: {{prober: tcp, tcp: {{tls: true, tls_config: {{ca_file: '{root}'}}, query_response: [{{expect: '^220 '}}]}}}}
  line: {{prober: tcp, tcp: {{query_response: [{{expect: '^220 '}}]}}}}
  icmp: {{prober: icmp}}
",
        root = root.display()
    ));
    let linkwatch = Program::start(home.settings()).await;
    let prometheus = start_prometheus(&program, &targets.scraped_from(linkwatch.web.address())).await;
    let twice = format!(
        "count(count_over_time(probe_success[1m]) >= 2) == {}",
        targets.of.len()
    );
    prometheus.wait_for(&twice, LIMIT).await;
    let mut wrong = Vec::new();
    for query in QUERIES {
        wrong.extend(judge(&prometheus, &targets, query).await);
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        QUERIES.len(),
        wrong.join("\n")
    );
}
