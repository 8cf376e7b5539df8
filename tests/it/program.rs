//! The whole program under test: in this process, or as the binary that users start.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

use std::io::{BufRead as _, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use linkwatch::app::{App, Settings, Shard, StartError, WebSettings};
use linkwatch::clock::{Clock, SystemClock};
use linkwatch::state::{EndpointState, State};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long anything that must happen may take: far longer than it does, for a busy machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// A directory with a configuration, and perhaps a store; both outlive the program.
#[derive(Debug)]
pub(crate) struct Home {
    directory: tempfile::TempDir,
}

impl Home {
    pub(crate) fn new(config: &str) -> Self {
        let home = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        home.configure(config);
        home
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn config_file(&self) -> PathBuf {
        self.path().join("linkwatch.yml")
    }

    /// Where a store may be.
    pub(crate) fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// Writes another configuration; the program learns of it by a reload.
    pub(crate) fn configure(&self, config: &str) {
        self.write("linkwatch.yml", config);
    }

    pub(crate) fn write(&self, name: &str, content: &str) {
        // By renaming, so that no half of it is ever read.
        let draft = self.path().join(format!("{name}.draft"));
        std::fs::write(&draft, content).unwrap();
        std::fs::rename(draft, self.path().join(name)).unwrap();
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings {
            config_file: self.config_file(),
            auto_reload: None,
            storage_path: None,
            timeout_offset: Duration::from_millis(500),
            external_url: None,
            shard: Shard::WHOLE,
            web: WebSettings {
                history: 100,
                ..WebSettings::default()
            },
        }
    }

    /// The same with a store.
    pub(crate) fn persistent(&self) -> Settings {
        Settings {
            storage_path: Some(self.data()),
            ..self.settings()
        }
    }
}

/// The program in this process; dropping it ends its tasks.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) web: Site,
    pub(crate) state: Arc<State>,
    stop: CancellationToken,
    running: JoinSet<()>,
}

impl Program {
    pub(crate) async fn start(settings: Settings) -> Self {
        Self::with_clock(settings, Arc::new(SystemClock)).await.unwrap()
    }

    pub(crate) async fn with_clock(settings: Settings, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        let program = Self::unasked(settings, clock).await?;
        program.web.until_ready().await;
        Ok(program)
    }

    /// Starts it and asks it nothing.
    pub(crate) async fn unasked(settings: Settings, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        let app = App::load(settings, clock)?;
        let state = app.state();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let web = Site(listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        let mut running = JoinSet::new();
        running.spawn(app.run(vec![listener], stop.clone()));
        Ok(Self {
            web,
            state,
            stop,
            running,
        })
    }

    /// What is known of an endpoint, if anything is.
    pub(crate) fn known(&self, name: &str) -> Option<Arc<EndpointState>> {
        self.state.catalogue().find(name)?.current()
    }

    /// Waits until this holds of what is known of an endpoint.
    pub(crate) async fn until(
        &self,
        name: &str,
        what: &str,
        holds: impl Fn(&EndpointState) -> bool,
    ) -> Arc<EndpointState> {
        let seen = until(what, async || self.known(name).filter(|known| holds(known)));
        tokio::time::timeout(LIMIT, seen)
            .await
            .unwrap_or_else(|_| panic!("not within {LIMIT:?}: {what}; known: {:?}", self.known(name)))
    }

    /// Stops it as a signal would.
    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        while let Some(ended) = self.running.join_next().await {
            ended.unwrap();
        }
    }
}

/// The program's web, wherever it runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Site(pub(crate) SocketAddr);

/// An answer as text.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Site {
    /// Where it listens.
    pub(crate) fn address(self) -> SocketAddr {
        self.0
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "").await.unwrap()
    }

    pub(crate) async fn reload(&self) -> Answer {
        self.ask("POST", "/-/reload", "").await.unwrap()
    }

    /// One request with these further header lines; as HTTP/1.0, so that the answer comes unchunked.
    pub(crate) async fn ask(&self, method: &str, path: &str, headers: &str) -> std::io::Result<Answer> {
        let mut stream = TcpStream::connect(self.0).await?;
        let request = format!("{method} {path} HTTP/1.0\r\nHost: {}\r\n{headers}\r\n", self.0);
        stream.write_all(request.as_bytes()).await?;
        let mut said = String::new();
        stream.read_to_string(&mut said).await?;
        let (head, body) = said
            .split_once("\r\n\r\n")
            .ok_or(std::io::ErrorKind::UnexpectedEof)?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        Ok(Answer {
            status: status.ok_or(std::io::ErrorKind::InvalidData)?,
            body: body.to_owned(),
        })
    }

    pub(crate) async fn metrics(&self) -> Metrics {
        let answer = self.get("/metrics").await;
        assert_eq!(answer.status, 200);
        Metrics(answer.body)
    }

    /// Waits until this holds of the metrics.
    pub(crate) async fn until_metrics(&self, what: &str, holds: impl Fn(&Metrics) -> bool) -> Metrics {
        until(what, async || {
            Some(self.metrics().await).filter(|metrics| holds(metrics))
        })
        .await
    }

    async fn until_ready(&self) {
        until("ready", async || {
            (self.get("/-/ready").await.status == 200).then_some(())
        })
        .await;
    }
}

/// What `/metrics` said, in text 0.0.4.
#[derive(Debug)]
pub(crate) struct Metrics(pub(crate) String);

impl Metrics {
    /// The value of the only series of this family whose labels hold all of these texts; `None` without one.
    #[track_caller]
    pub(crate) fn value(&self, family: &str, labels: &[&str]) -> Option<f64> {
        let mut found = self.0.lines().filter_map(|line| {
            let rest = line.strip_prefix(family)?;
            let (series, value) = rest.rsplit_once(' ')?;
            let whole = series.is_empty() || series.starts_with('{');
            (whole && labels.iter().all(|label| series.contains(label)))
                .then(|| value.parse::<f64>().unwrap())
        });
        let value = found.next();
        assert_eq!(found.next(), None, "{family}{labels:?} is one series");
        value
    }

    /// Whether any series speaks of this.
    pub(crate) fn mentions(&self, text: &str) -> bool {
        self.0.contains(text)
    }
}

/// Asks again and again until there is an answer.
#[track_caller]
pub(crate) fn until<T>(what: &str, ask: impl AsyncFn() -> Option<T>) -> impl Future<Output = T> {
    let caller = std::panic::Location::caller();
    async move {
        let deadline = Instant::now() + LIMIT;
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        loop {
            tick.tick().await;
            if let Some(answer) = ask().await {
                return answer;
            }
            assert!(
                Instant::now() < deadline,
                "not within {LIMIT:?}: {what} ({caller})"
            );
        }
    }
}

/// The binary with these arguments, and nothing of this machine's environment that it reads.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_linkwatch"));
    command.args(arguments).stdin(Stdio::null());
    for name in [
        "CONFIG_FILE",
        "STORAGE_PATH",
        "WEB_LISTEN_ADDRESS",
        "WEB_CONFIG_FILE",
        "LOG_LEVEL",
        "LOG_FORMAT",
    ] {
        command.env_remove(format!("LINKWATCH_{name}"));
    }
    command
}

/// Runs the binary to its end, on a thread of its own, so that the lab goes on.
pub(crate) async fn run(arguments: &[&str]) -> Output {
    let mut command = command(arguments);
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

/// The binary, serving; killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) web: Site,
    child: Child,
    log: Arc<Mutex<String>>,
}

impl Served {
    /// Starts it on a free port and waits until it is ready.
    pub(crate) async fn start(home: &Home, arguments: &[&str]) -> Self {
        let config = format!("--config.file={}", home.config_file().display());
        let mut all = vec!["serve", config.as_str(), "--web.listen-address", "127.0.0.1:0"];
        all.extend(arguments);
        Self::of(command(&all)).await
    }

    /// Starts it on a free port, wherever its paths are.
    pub(crate) async fn unready(home: &Home, arguments: &[&str]) -> Self {
        let config = format!("--config.file={}", home.config_file().display());
        let mut all = vec!["serve", config.as_str(), "--web.listen-address", "127.0.0.1:0"];
        all.extend(arguments);
        Self::listening(command(&all)).await
    }

    /// Starts this command, which must serve on a free port.
    pub(crate) async fn of(command: Command) -> Self {
        let served = Self::listening(command).await;
        served.web.until_ready().await;
        served
    }

    async fn listening(mut command: Command) -> Self {
        let mut child = command
            .stderr(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        keep(out, &log);
        keep(err, &log);
        let address = until("serving", async || {
            let log = log.lock().unwrap();
            let line = log.lines().find(|line| line.contains("serving"))?;
            line.split_once("address=")?
                .1
                .split_whitespace()
                .next()?
                .trim_matches('"')
                .parse()
                .ok()
        });
        let web = Site(address.await);
        Self { web, child, log }
    }

    /// All that it has written, on standard output and standard error.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("/bin/kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }
}

/// Keeps what is written, line by line.
fn keep(written: impl Read + Send + 'static, log: &Arc<Mutex<String>>) {
    let lines = BufReader::new(written).lines();
    let log = Arc::clone(log);
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            let mut log = log.lock().unwrap();
            log.push_str(&line);
            log.push('\n');
        }
    });
}

impl Drop for Served {
    fn drop(&mut self) {
        // One that has ended cannot be killed, and need not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
