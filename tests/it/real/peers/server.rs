//! A real program that serves HTTP, for the length of a test.

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::{
    net::TcpStream,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

/// How long a program may take until it serves.
const START: Duration = Duration::from_secs(30);

/// How long it may take for one answer.
const ANSWER: Duration = Duration::from_secs(10);

/// How long it may take to take in what it is sent.
const LOAD: Duration = Duration::from_secs(30);

/// A program that serves HTTP on loopback; dropping it ends it.
#[derive(Debug)]
pub struct Server {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    addr: SocketAddr,
    child: Child,
    log: Arc<Mutex<String>>,
    folder: TempDir,
}

impl Server {
    /// Starts `program` with `configuration` in a folder of its own, on a port of its own choice unless the arguments
    /// name one, and returns when `ready` (a path) is answered with 200.
    pub(super) async fn start(program: &Path, configuration: &str, arguments: &[&str], ready: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("configuration.yml");
        std::fs::write(&file, configuration).expect("write a configuration");
        let config = format!("--config.file={}", file.display());
        let mut all = vec![config.as_str()];
        let listen = "--web.listen-address=";
        if !arguments.iter().any(|argument| argument.starts_with(listen)) {
            all.push("--web.listen-address=127.0.0.1:0");
        }
        all.extend(arguments);
        Self::run(program, folder, &all, ready).await
    }

    pub(super) async fn run(program: &Path, folder: TempDir, arguments: &[&str], ready: &str) -> Self {
        let mut child = Command::new(program)
            .args(
                arguments
                    .iter()
                    .map(|argument| argument.replace("{folder}", &folder.path().display().to_string())),
            )
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {}: {error}", program.display()));
        let (log, addr) = follow(&mut child);
        let Ok(addr) = addr.recv_timeout(START) else {
            let _ = child.kill().and_then(|()| child.wait().map(drop));
            panic!("{} does not listen:\n{}", program.display(), log.lock().unwrap());
        };
        let server = Self {
            url: format!("http://{addr}"),
            addr,
            child,
            log,
            folder,
        };
        let deadline = Instant::now() + START;
        while server.get(ready).await.is_none() {
            assert!(
                Instant::now() < deadline,
                "{} is not ready:\n{}",
                program.display(),
                server.log()
            );
            sleep(Duration::from_millis(20)).await;
        }
        server
    }

    /// The body of a 200; `None` for anything else.
    pub async fn get(&self, path: &str) -> Option<String> {
        timeout(ANSWER, get(self.addr, path)).await.ok().flatten()
    }

    /// Sends a body, which must be answered with success.
    pub async fn post(&self, path: &str, body: impl Into<Bytes>) {
        let request = http::Request::post(path)
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(Full::new(body.into()));
        let answer = timeout(LOAD, send(self.addr, request.expect("a request")));
        let status = answer.await.ok().flatten().map(|(status, _)| status);
        assert!(
            status.is_some_and(|status| status.is_success()),
            "{path}: {status:?}\n{}",
            self.log()
        );
    }

    /// A 200's body as JSON.
    pub async fn json(&self, path: &str) -> serde_json::Value {
        let body = self
            .get(path)
            .await
            .unwrap_or_else(|| panic!("{path} failed:\n{}", self.log()));
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path} is no JSON: {error}\n{body}"))
    }

    /// What it has said so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its process, for measuring.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// The folder of its configuration and data.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Collects what a program says, and finds the address on which it says that it listens.
///
/// The thread ends with the program's end of the pipe. The toolkit that all of them share logs the address that
/// was really bound, so that no port has to be guessed beforehand.
fn follow(child: &mut Child) -> (Arc<Mutex<String>>, mpsc::Receiver<SocketAddr>) {
    let (sender, addr) = mpsc::channel();
    let log = Arc::new(Mutex::new(String::new()));
    let lines = BufReader::new(child.stderr.take().expect("a piped stderr"));
    let copy = Arc::clone(&log);
    std::thread::spawn(move || {
        for line in lines.lines().map_while(Result::ok) {
            if let Some(addr) = listening(&line) {
                let _ = sender.send(addr);
            }
            let mut log = copy.lock().unwrap();
            log.push_str(&line);
            log.push('\n');
        }
    });
    (log, addr)
}

/// The address that a line of a log says is listened on.
fn listening(line: &str) -> Option<SocketAddr> {
    if line.contains("\"Listening on\"") {
        return line.rsplit_once("address=")?.1.trim_end().parse().ok();
    }
    // VictoriaMetrics.
    let (_, url) = line.split_once("started server at http://")?;
    url.trim_end().trim_end_matches('/').parse().ok()
}

async fn get(addr: SocketAddr, path: &str) -> Option<String> {
    let request = http::Request::get(path).body(Full::default()).ok()?;
    let (status, body) = send(addr, request).await?;
    (status == StatusCode::OK).then(|| String::from_utf8_lossy(&body).into_owned())
}

async fn send(addr: SocketAddr, mut request: http::Request<Full<Bytes>>) -> Option<(StatusCode, Bytes)> {
    let stream = TcpStream::connect(addr).await.ok()?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .ok()?;
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let host = addr.to_string().parse().ok()?;
    request.headers_mut().insert("host", host);
    let response = sender.send_request(request).await.ok()?;
    let status = response.status();
    Some((status, response.into_body().collect().await.ok()?.to_bytes()))
}
