//! The real blackbox_exporter, driven as Prometheus drives it: GET on `/probe` over a connection kept open.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use url::Url;

/// Where `scripts/real-peers.sh` puts it.
const FETCHED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/real/bin/blackbox_exporter");

/// A running blackbox_exporter.
#[derive(Debug)]
pub(crate) struct Running {
    process: Child,
    base: Url,
}

impl Running {
    /// Starts it with a configuration, which is written into this folder.
    pub(crate) fn start(folder: &Path, configuration: &str) -> anyhow::Result<Self> {
        let program = program()?;
        let file = folder.join("blackbox.yml");
        std::fs::write(&file, configuration)?;
        // Free a moment ago; nobody else here takes ports by number.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let process = Command::new(&program)
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--log.level=error")
            // Builds that name no Go version, as Debian's, leave the hybrid group out; with it all three agree the same.
            .env("GODEBUG", "tlsmlkem=1")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        // reqwest takes the provider of the process.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        Ok(Self {
            process,
            base: Url::parse(&format!("http://127.0.0.1:{port}/"))?,
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Where it serves.
    pub(crate) fn base(&self) -> Url {
        self.base.clone()
    }

    pub(crate) async fn until_ready(&self, client: &reqwest::Client) -> anyhow::Result<()> {
        let health = self.base.join("/-/healthy")?;
        for _ in 0..200 {
            if client.get(health.clone()).send().await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("blackbox_exporter did not begin to listen within 10 s");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A running blackbox_exporter with one module, and a client for it.
#[derive(Debug)]
pub(crate) struct Blackbox {
    running: Running,
    client: reqwest::Client,
    runtime: tokio::runtime::Runtime,
    probe: Url,
}

impl Blackbox {
    /// Starts it with a module that trusts the root in this folder.
    pub(crate) fn start(folder: &Path, root: &Path) -> anyhow::Result<Self> {
        let running = Running::start(folder, &configuration(root))?;
        let blackbox = Self {
            client: reqwest::Client::builder().no_proxy().build()?,
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?,
            probe: running.base().join("/probe?module=bench")?,
            running,
        };
        let ready = blackbox.running.until_ready(&blackbox.client);
        blackbox.runtime.block_on(ready)?;
        Ok(blackbox)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.running.pid()
    }

    /// Probes so many times, one after the other; tells how often it failed.
    pub(crate) fn probe(&self, target: &str, count: usize) -> anyhow::Result<usize> {
        let mut url = self.probe.clone();
        url.query_pairs_mut().append_pair("target", target);
        self.runtime.block_on(async {
            let mut failed = 0;
            for _ in 0..count {
                let answer = self.client.get(url.clone()).send().await?;
                ensure!(
                    answer.status().is_success(),
                    "blackbox_exporter answered {}",
                    answer.status()
                );
                let text = String::from_utf8_lossy(&answer.bytes().await?).into_owned();
                failed += usize::from(!text.contains("\nprobe_success 1\n"));
            }
            Ok(failed)
        })
    }
}

fn program() -> anyhow::Result<PathBuf> {
    let fetched = PathBuf::from(FETCHED);
    if fetched.is_file() {
        return Ok(fetched);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path);
    folders
        .find_map(|folder| Some(folder.join("blackbox_exporter")).filter(|program| program.is_file()))
        .context("there is no blackbox_exporter, neither in target/real/bin nor on PATH: run scripts/real-peers.sh")
}

/// GET and the defaults, as linkwatch's side has them.
fn configuration(root: &Path) -> String {
    format!(
        "modules:\n  bench:\n    prober: http\n    timeout: 5s\n    http:\n      method: GET\n      \
         tls_config:\n        ca_file: {}\n",
        root.display()
    )
}
