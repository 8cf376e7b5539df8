//! What the running program serves on `/metrics`, as the real Prometheus and promtool see it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what cannot be run fails the test"
)]

use std::{
    io::Write as _,
    net::SocketAddr,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use linkwatch::app::{App, Settings, Shard, WebSettings};
use linkwatch::clock::SystemClock;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::peers::{Generation, Program, Prometheus, find_or_leave_out, start_prometheus};
use crate::lab::{Answer, Authority, Flaw, WebLab};

const LIMIT: Duration = Duration::from_secs(30);

/// A running linkwatch that watches a good endpoint and a broken one; dropping it ends both.
struct Watching {
    address: SocketAddr,
    _sites: [WebLab; 2],
    _authority: Authority,
    _folder: tempfile::TempDir,
    _running: JoinSet<()>,
}

impl Watching {
    async fn start() -> Self {
        let authority = Authority::new();
        let good = WebLab::tls(authority.good("localhost"))
            .answer(Answer::text("here"))
            .start()
            .await;
        let bad = WebLab::tls(authority.bad("localhost", Flaw::Expired))
            .start()
            .await;
        let folder = tempfile::tempdir().unwrap();
        let config_file = folder.path().join("linkwatch.yml");
        let roots = authority.root_pem_file();
        let config = format!(
            r#"global: {{interval: 1s, timeout: 900ms, confirm: {{attempts: 1, pause: 100ms}}}}
modules:
  local: {{prober: http, http: {{tls_config: {{ca_file: "{}", server_name: localhost}}}}}}
groups:
  - {{name: good, hosts: ["127.0.0.1:{}"], url: "https://{{host}}/", module: local, labels: {{team: "a \"quoted\" \\ name"}}}}
  - {{name: bad, hosts: ["127.0.0.1:{}"], url: "https://{{host}}/", module: local}}
"#,
            roots.display(),
            good.port(),
            bad.port(),
        );
        std::fs::write(&config_file, config).unwrap();
        let settings = Settings {
            config_file,
            auto_reload: None,
            storage_path: Some(folder.path().join("data")),
            timeout_offset: Duration::from_millis(500),
            external_url: None,
            shard: Shard::WHOLE,
            web: WebSettings::default(),
        };
        let app = App::load(settings, Arc::new(SystemClock)).unwrap_or_else(|error| panic!("{error}"));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut running = JoinSet::new();
        running.spawn(app.run(vec![listener], CancellationToken::new()));
        Self {
            address,
            _sites: [good, bad],
            _authority: authority,
            _folder: folder,
            _running: running,
        }
    }
}

/// Starts Prometheus with one job per list of formats.
async fn scrape(program: &Path, watching: &Watching, jobs: &[(&str, &str)]) -> Prometheus {
    let address = watching.address;
    let job = |(name, protocols): &(&str, &str)| {
        format!("\n  - {{job_name: {name}, {protocols} static_configs: [{{targets: ['{address}']}}]}}")
    };
    let jobs = jobs.iter().map(job).collect::<Vec<_>>().concat();
    let configuration =
        format!("global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs:{jobs}\n");
    start_prometheus(program, &configuration).await
}

/// What Prometheus has complained of.
fn complaints(prometheus: &Prometheus) -> Vec<String> {
    let log = prometheus.log();
    let bad = |line: &&str| {
        let line = line.to_lowercase();
        line.contains("level=warn") || line.contains("level=error")
    };
    log.lines().filter(bad).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prometheus_scrapes_all_three_formats_without_a_warning() {
    let what = "scrapes in three formats";
    let Some(program) = find_or_leave_out(what, Program::Prometheus, Generation::Current) else {
        return;
    };
    let watching = Watching::start().await;
    let jobs = [
        ("text", "scrape_protocols: [PrometheusText0.0.4],"),
        ("openmetrics", "scrape_protocols: [OpenMetricsText1.0.0],"),
        ("protobuf", "scrape_protocols: [PrometheusProto],"),
    ];
    let prometheus = scrape(&program, &watching, &jobs).await;
    let judged = "count(linkwatch_endpoint_up == 0) == 3 and count(linkwatch_endpoint_up == 1) == 3";
    prometheus.wait_for(judged, LIMIT).await;
    // Three further scrapes, so that what only a second one can show is seen.
    prometheus
        .wait_for("count(count_over_time(up[1m]) >= 4) == 3 and sum(up) == 3", LIMIT)
        .await;
    assert_eq!(complaints(&prometheus), [] as [String; 0]);
    for family in [
        "linkwatch_endpoint_cause",
        "linkwatch_certificate_info",
        "linkwatch_build_info",
        "linkwatch_probes_total",
        "linkwatch_probe_lag_seconds_bucket",
    ] {
        let counted = prometheus.query(&format!("count by (job) ({family})")).await;
        assert_eq!(counted.len(), 3, "{family} is in every format: {counted:?}");
        let first = counted[0].value;
        assert!(
            counted
                .iter()
                .all(|sample| sample.value.total_cmp(&first).is_eq()),
            "{family} has as many series in every format: {counted:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_old_prometheus_scrapes_without_a_warning() {
    let what = "scrapes of the old generation";
    let Some(program) = find_or_leave_out(what, Program::Prometheus, Generation::Old) else {
        return;
    };
    let watching = Watching::start().await;
    let prometheus = scrape(&program, &watching, &[("linkwatch", "")]).await;
    prometheus
        .wait_for("count_over_time(up[1m]) >= 3 and up == 1", LIMIT)
        .await;
    prometheus
        .wait_for("count(linkwatch_endpoint_up) == 2", LIMIT)
        .await;
    assert_eq!(complaints(&prometheus), [] as [String; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promtool_has_nothing_to_say_about_the_metrics() {
    let what = "promtool check metrics";
    for generation in Generation::ALL {
        let Some(promtool) = find_or_leave_out(what, Program::Promtool, generation) else {
            continue;
        };
        let Some(prometheus) = find_or_leave_out(what, Program::Prometheus, generation) else {
            continue;
        };
        let watching = Watching::start().await;
        let prometheus = scrape(&prometheus, &watching, &[("linkwatch", "")]).await;
        prometheus.wait_for("linkwatch_endpoint_fault_info", LIMIT).await;
        check_metrics(&promtool, &text_of(watching.address).await);
    }
}

/// The classic text, as `promtool check metrics` wants it. Over HTTP/1.0, so that the body is not chunked.
async fn text_of(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("text/plain; version=0.0.4"), "{head}");
    body.to_owned()
}

fn check_metrics(promtool: &Path, text: &str) {
    let mut child = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(
        output.status.success() && said.trim().is_empty(),
        "{}: {said}",
        output.status
    );
}
