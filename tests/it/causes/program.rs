//! The whole program in this process, with a web address of its own, and the binary beside it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use linkwatch::app::{App, Settings, Shard, WebSettings};
use linkwatch::cause::Cause;
use linkwatch::clock::{Clock, SystemClock};
use linkwatch::state::{EndpointState, State};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A running program; dropping it ends it.
pub(crate) struct Program {
    web: SocketAddr,
    /// What it knows.
    pub(crate) state: Arc<State>,
    directory: TempDir,
    stop: CancellationToken,
    running: JoinSet<()>,
}

impl Program {
    /// Runs this configuration.
    pub(crate) async fn start(config: &str) -> Self {
        Self::start_by(config, Arc::new(SystemClock)).await
    }

    /// Runs this configuration, by another clock than the machine's.
    pub(crate) async fn start_by(config: &str, clock: Arc<dyn Clock>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config_file = directory.path().join("linkwatch.yml");
        std::fs::write(&config_file, config).unwrap();
        let settings = Settings {
            config_file,
            auto_reload: None,
            storage_path: Some(directory.path().join("data")),
            timeout_offset: Duration::from_millis(500),
            external_url: None,
            shard: Shard::WHOLE,
            web: WebSettings::default(),
        };
        let app = App::load(settings, clock).unwrap();
        let state = app.state();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let web = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let mut running = JoinSet::new();
        running.spawn(app.run(vec![listener], stop.clone()));
        Self {
            web,
            state,
            directory,
            stop,
            running,
        }
    }

    /// Where it serves.
    pub(crate) fn address(&self) -> SocketAddr {
        self.web
    }

    /// Writes another configuration file and asks for it to be taken over; the status line of the answer.
    pub(crate) async fn reload(&self, config: &str) -> String {
        std::fs::write(self.config_file(), config).unwrap();
        let answer = self.ask("POST", "/-/reload").await;
        answer.lines().next().unwrap_or_default().to_owned()
    }

    /// Ends it as a signal does, and waits until it has ended.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.running.join_all().await;
    }

    /// The body at a path, which must be there.
    pub(crate) async fn get(&self, path: &str) -> String {
        let answer = self.ask("GET", path).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(
            head.lines().next().is_some_and(|status| status.contains(" 200 ")),
            "{path}: {head}"
        );
        body.to_owned()
    }

    /// The whole answer, head and body.
    async fn ask(&self, method: &str, path: &str) -> String {
        let mut stream = TcpStream::connect(self.web).await.unwrap();
        // In HTTP/1.0 the body ends with the connection: there are no chunks to put together.
        let request = format!(
            "{method} {path} HTTP/1.0\r\nHost: {}\r\nContent-Length: 0\r\n\r\n",
            self.web
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    /// What `/api/v1/endpoints` says.
    pub(crate) async fn endpoints(&self) -> Vec<Value> {
        serde_json::from_str(&self.get("/api/v1/endpoints").await).unwrap()
    }

    /// What is known of an endpoint, once it has been probed.
    pub(crate) fn known(&self, name: &str) -> Option<Arc<EndpointState>> {
        self.state.catalogue().find(name)?.current()
    }

    /// The root cause that stands for an endpoint.
    pub(crate) fn root(&self, name: &str) -> Option<Cause> {
        Some(self.known(name)?.verdict.as_ref()?.root.as_ref()?.cause)
    }

    /// Waits until this holds of what is known; what is missing at the deadline is the failure's text.
    pub(crate) async fn wait(&self, limit: Duration, missing: impl Fn(&Self) -> Vec<String>) {
        let deadline = Instant::now() + limit;
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        loop {
            let left = missing(self);
            if left.is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "after {limit:?}: {left:#?}");
            tick.tick().await;
        }
    }

    /// What `linkwatch check` prints about the same configuration, for people: every report.
    pub(crate) async fn reports(&self) -> String {
        let output = self.run_check(&["--all", "--details", "1000"]).await;
        String::from_utf8(output.stdout).unwrap()
    }

    async fn run_check(&self, arguments: &'static [&'static str]) -> Output {
        let config_file = self.config_file();
        let output = tokio::task::spawn_blocking(move || {
            Command::new(env!("CARGO_BIN_EXE_linkwatch"))
                .arg("check")
                .args(arguments)
                .arg("--config.file")
                .arg(config_file)
                .output()
        });
        output.await.unwrap().unwrap()
    }

    /// `linkwatch check -o json` on the same configuration: its array and its exit code.
    pub(crate) async fn check(&self) -> (Vec<Value>, Option<i32>) {
        let output = self.run_check(&["-o", "json"]).await;
        let said = String::from_utf8_lossy(&output.stderr);
        let array = serde_json::from_slice(&output.stdout);
        (
            array.unwrap_or_else(|error| panic!("{error}: {said}")),
            output.status.code(),
        )
    }

    fn config_file(&self) -> PathBuf {
        self.directory.path().join("linkwatch.yml")
    }
}

/// The series of a family in text format, each with its value.
pub(crate) fn series<'a>(scraped: &'a str, family: &str) -> Vec<(&'a str, &'a str)> {
    scraped
        .lines()
        .filter(|line| {
            line.strip_prefix(family)
                .is_some_and(|rest| rest.starts_with('{'))
        })
        .filter_map(|line| line.rsplit_once(' '))
        .collect()
}

/// The value of a label.
pub(crate) fn label<'a>(series: &'a str, name: &str) -> Option<&'a str> {
    let start = [format!("{{{name}=\""), format!(",{name}=\"")];
    let after = start
        .iter()
        .find_map(|start| series.split_once(start.as_str()).map(|(_, rest)| rest))?;
    after.split_once('"').map(|(value, _)| value)
}
