//! The real programs beside linkwatch: where they are, and how one runs for the length of a test.
//!
//! They come from `make real` (`target/real`) or from `PATH`. This file depends on nothing else of the tests, so
//! an example or a driver can include it with `#[path]`.
//!
//! ```text
//! let Some(prometheus) = peers::find_or_leave_out("scrapes", Program::Prometheus, Generation::Current) else { return };
//! let prometheus = peers::start_prometheus(&prometheus, config_yaml).await;     // also start_alertmanager and the rest
//! prometheus.query("up == 1").await;                                            // samples: labels and a value
//! prometheus.log();                                                             // what it has said so far
//! ```

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a peer that cannot be run fails the test that asked for it"
)]
#![expect(
    clippy::missing_panics_doc,
    reason = "every one of them is the failure of the test"
)]

use std::{
    collections::BTreeMap,
    io::Write as _,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use tokio::time::{Instant, sleep};

mod server;

pub use server::Server;

/// A program that the tests run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// The server.
    Prometheus,
    /// Its tool: rules, rule tests, metrics.
    Promtool,
    /// The server.
    Alertmanager,
    /// Its tool: configuration, routes.
    Amtool,
    /// The prober that linkwatch is compared with.
    Blackbox,
    /// A second source of click counts, single-node.
    VictoriaMetrics,
    /// A certificate authority that speaks ACME.
    Pebble,
    /// An authoritative DNS server that signs, and transfers with keys.
    Knot,
    /// An authoritative DNS server that flattens.
    PowerDns,
    /// A validating resolver.
    Unbound,
    /// A web server.
    Nginx,
    /// A Python with servers for mail and gRPC.
    Python,
    /// A tester that makes requests of its own from a description of an API.
    Schemathesis,
    /// A linter of container files.
    Hadolint,
    /// A validator of Kubernetes manifests.
    KubernetesValidate,
    /// systemd's judge of unit files; it comes with the system.
    SystemdAnalyze,
    /// What evaluates the mixin.
    Jsonnet,
}

impl Program {
    /// Its own name, then the one that Debian gives it.
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Prometheus => &["prometheus"],
            Self::Promtool => &["promtool"],
            Self::Alertmanager => &["alertmanager", "prometheus-alertmanager"],
            Self::Amtool => &["amtool"],
            Self::Blackbox => &["blackbox_exporter", "prometheus-blackbox-exporter"],
            Self::Pebble => &["pebble"],
            Self::Knot => &["knotd"],
            Self::PowerDns => &["pdns_server"],
            Self::Unbound => &["unbound"],
            Self::Nginx => &["nginx"],
            Self::Python => &["peers-python"],
            Self::Schemathesis => &["schemathesis"],
            Self::Hadolint => &["hadolint"],
            Self::KubernetesValidate => &["kubernetes-validate"],
            Self::SystemdAnalyze => &["systemd-analyze"],
            Self::Jsonnet => &["jsonnet"],
            Self::VictoriaMetrics => &["victoria-metrics", "victoria-metrics-prod"],
        }
    }

    /// Where the program of a generation is.
    #[must_use]
    pub fn find(self, generation: Generation) -> Option<PathBuf> {
        let real = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/real");
        let mut folders = vec![];
        match generation {
            Generation::Current => {
                folders.push(real.join("bin"));
                folders.extend(std::env::split_paths(
                    &std::env::var_os("PATH").unwrap_or_default(),
                ));
            }
            Generation::Old => folders.push(real.join("old/bin")),
        }
        let candidates = folders
            .iter()
            .flat_map(|folder| self.names().iter().map(|name| folder.join(name)));
        candidates.into_iter().find(|path| path.is_file())
    }
}

/// What rules and configuration must be valid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generation {
    /// Prometheus 3.x, Alertmanager 0.33, blackbox_exporter 0.28, `VictoriaMetrics` 1.145.
    Current,
    /// What the machine's own Debian suite has: Prometheus 2.42 and its time at the oldest; no `VictoriaMetrics`.
    Old,
}

impl Generation {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Current, Self::Old];
}

/// The program, or `None` after saying that `test` is left out. In CI a missing program is a failure.
#[must_use]
pub fn find_or_leave_out(test: &str, program: Program, generation: Generation) -> Option<PathBuf> {
    let found = program.find(generation);
    if found.is_none() {
        let name = program.names()[0];
        let what = format!("{name} ({generation:?}) is neither in target/real nor on PATH: run `make real`");
        assert!(std::env::var_os("CI").is_none(), "{test}: {what}");
        // Past the test harness, which would swallow it: what is left out must be seen.
        let _ = writeln!(std::io::stderr(), "left out: {test}: {what}");
    }
    found
}

/// Runs a tool to its end; its output, or a panic with everything it said.
#[must_use]
pub fn run(program: &Path, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        // What a tool leaves behind does not belong among the sources.
        .current_dir(std::env::temp_dir())
        .output()
        .unwrap_or_else(|error| {
            panic!("cannot run {}: {error}", program.display());
        });
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        output.status.success(),
        "{} {arguments:?}: {}\n{text}",
        program.display(),
        output.status
    );
    text
}

/// A running Prometheus.
#[derive(Debug)]
pub struct Prometheus(Server);

/// One sample of an instant query.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// All labels, `__name__` included.
    pub labels: BTreeMap<String, String>,
    /// The value.
    pub value: f64,
}

/// Starts Prometheus with a configuration.
pub async fn start_prometheus(program: &Path, configuration: &str) -> Prometheus {
    start_prometheus_with(program, configuration, &[]).await
}

/// Starts Prometheus with a configuration and further arguments.
pub async fn start_prometheus_with(program: &Path, configuration: &str, more: &[&str]) -> Prometheus {
    let arguments = ["--storage.tsdb.path={folder}/data", "--web.enable-lifecycle"];
    let arguments = [&arguments[..], more].concat();
    Prometheus(Server::start(program, configuration, &arguments, "/-/ready").await)
}

/// Starts Prometheus on what `data` already holds; at an address, if one that has run before shall come back.
pub async fn start_prometheus_on(
    program: &Path,
    configuration: &str,
    data: &Path,
    address: Option<SocketAddr>,
) -> Prometheus {
    let address = address.unwrap_or_else(|| ([127, 0, 0, 1], 0).into());
    let arguments = [
        &*format!("--storage.tsdb.path={}", data.display()),
        // The default keeps 15 days.
        "--storage.tsdb.retention.time=60d",
        &*format!("--web.listen-address={address}"),
    ];
    Prometheus(Server::start(program, configuration, &arguments, "/-/ready").await)
}

/// Writes samples, in the text of `OpenMetrics`, into blocks below `data`, for a Prometheus to be started on.
pub fn write_blocks(promtool: &Path, openmetrics: &str, data: &Path) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("samples.om");
    std::fs::write(&file, openmetrics).expect("write samples");
    let (file, data) = (file.display().to_string(), data.display().to_string());
    // Every block reads the whole file again: a few long ones take a second, one for each two hours a minute.
    let long = "--max-block-duration=31d";
    let _ = run(
        promtool,
        &[
            "tsdb",
            "create-blocks-from",
            "openmetrics",
            "--quiet",
            long,
            &file,
            &data,
        ],
    );
}

impl Prometheus {
    /// The samples of an expression that gives a vector, now.
    pub async fn query(&self, expression: &str) -> Vec<Sample> {
        let encoded: String = url::form_urlencoded::byte_serialize(expression.as_bytes()).collect();
        let answer = self.json(&format!("/api/v1/query?query={encoded}")).await;
        let samples = answer["data"]["result"].as_array().expect("a vector").iter();
        samples
            .map(|sample| Sample {
                labels: serde_json::from_value(sample["metric"].clone()).expect("labels"),
                value: sample["value"][1]
                    .as_str()
                    .and_then(|value| value.parse().ok())
                    .expect("a number"),
            })
            .collect()
    }

    /// Asks again until the expression has a sample, at most `limit`.
    pub async fn wait_for(&self, expression: &str, limit: Duration) -> Vec<Sample> {
        let deadline = Instant::now() + limit;
        loop {
            let samples = self.query(expression).await;
            if !samples.is_empty() {
                return samples;
            }
            assert!(
                Instant::now() < deadline,
                "nothing for {expression}:\n{}",
                self.log()
            );
            sleep(Duration::from_millis(50)).await;
        }
    }
}

/// A running Alertmanager.
#[derive(Debug)]
pub struct Alertmanager(Server);

/// Starts Alertmanager with a configuration.
pub async fn start_alertmanager(program: &Path, configuration: &str) -> Alertmanager {
    let arguments = ["--storage.path={folder}/data", "--cluster.listen-address="];
    Alertmanager(Server::start(program, configuration, &arguments, "/-/ready").await)
}

/// A running `blackbox_exporter`.
#[derive(Debug)]
pub struct Blackbox(Server);

/// Starts `blackbox_exporter` with a configuration.
pub async fn start_blackbox(program: &Path, configuration: &str) -> Blackbox {
    Blackbox(Server::start(program, configuration, &[], "/-/healthy").await)
}

/// A running `VictoriaMetrics`.
#[derive(Debug)]
pub struct VictoriaMetrics(Server);

/// Starts an empty `VictoriaMetrics`.
pub async fn start_victoria_metrics(program: &Path) -> VictoriaMetrics {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let arguments = [
        "-httpListenAddr=127.0.0.1:0",
        "-storageDataPath={folder}/data",
        // The default keeps a month.
        "-retentionPeriod=1y",
        "-loggerTimezone=UTC",
    ];
    VictoriaMetrics(Server::run(program, folder, &arguments, "/health").await)
}

impl VictoriaMetrics {
    /// Takes samples in, in the text format with times in milliseconds, and returns when they can be asked for.
    pub async fn import(&self, samples: String) {
        self.post("/api/v1/import/prometheus", samples).await;
        assert!(
            self.get("/internal/force_flush").await.is_some(),
            "{}",
            self.log()
        );
    }
}

macro_rules! is_a_server {
    ($($name:ident)+) => {
        $(impl std::ops::Deref for $name {
            type Target = Server;

            fn deref(&self) -> &Server {
                &self.0
            }
        })+
    };
}

is_a_server!(Prometheus Alertmanager Blackbox VictoriaMetrics);
