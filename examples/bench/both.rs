//! linkwatch and the real blackbox_exporter side by side, with the same modules, asked as Prometheus asks them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::time::Instant;
use url::Url;

use crate::blackbox::Running;
use crate::child::Child;
use crate::server::ROOT_FILE;
use crate::targets::NAME;
use crate::watch::Watch;

/// What is asked of every prober that both have.
pub(crate) const PROBES: [Probe; 8] = [
    Probe {
        name: "http over TLS",
        module: "http",
        url: "https://127.0.0.1:$0/",
        most: 0.25,
    },
    Probe {
        name: "http",
        module: "http",
        url: "http://127.0.0.1:$1/",
        most: 0.125,
    },
    Probe {
        name: "tcp",
        module: "talk",
        url: "tcp://127.0.0.1:$3",
        most: 0.5,
    },
    Probe {
        name: "tcp over TLS",
        module: "talk_tls",
        url: "tcp://127.0.0.1:$4",
        most: 0.5,
    },
    Probe {
        name: "dns",
        module: "dns",
        url: "dns://127.0.0.1:$5",
        most: 0.5,
    },
    Probe {
        name: "grpc",
        module: "grpc",
        url: "grpc://127.0.0.1:$6",
        most: 0.5,
    },
    Probe {
        name: "unix",
        module: "unix",
        url: "unix://$folder/talk.sock",
        most: 0.5,
    },
    Probe {
        name: "icmp",
        module: "icmp",
        url: "icmp://127.0.0.1",
        most: 0.5,
    },
];

/// The target that never answers.
pub(crate) const MUTE: &str = "http://127.0.0.1:$2/";

/// One kind of probe.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Probe {
    pub(crate) name: &'static str,
    pub(crate) module: &'static str,
    /// `$` and a digit is a port of the targets, `$folder` their folder.
    pub(crate) url: &'static str,
    /// What linkwatch may cost at most, as a share of `blackbox_exporter`'s.
    pub(crate) most: f64,
}

/// A target as `/probe` takes it: only those of the web are URLs.
pub(crate) fn asked_for(url: &str) -> &str {
    match url.split_once("://") {
        Some((scheme, rest)) if !scheme.starts_with("http") => rest,
        Some(_) | None => url,
    }
}

fn modules(root: &Path) -> String {
    let tls = format!("tls_config: {{ca_file: '{}'}}", root.display());
    let talk = "query_response: [{expect: '^220 ', send: hello}, {expect: '^250 '}]";
    format!(
        "modules:
  http: {{prober: http, timeout: 5s, http: {{{tls}}}}}
  mute: {{prober: http, timeout: 5s, http: {{{tls}}}}}
  talk: {{prober: tcp, timeout: 5s, tcp: {{{talk}}}}}
  talk_tls: {{prober: tcp, timeout: 5s, tcp: {{tls: true, {tls}, query_response: [{{expect: '^220 '}}]}}}}
  dns: {{prober: dns, timeout: 5s, dns: {{query_name: {NAME}, query_type: A}}}}
  grpc: {{prober: grpc, timeout: 5s, grpc: {{preferred_ip_protocol: ip4}}}}
  unix: {{prober: unix, timeout: 5s, unix: {{{talk}}}}}
  icmp: {{prober: icmp, timeout: 5s, icmp: {{preferred_ip_protocol: ip4}}}}
"
    )
}

/// Both programs and their targets.
pub(crate) struct Both {
    watch: Watch,
    blackbox: Running,
    _targets: Child,
    folder: tempfile::TempDir,
    ports: Vec<String>,
    configuration: PathBuf,
}

impl Both {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut targets = Child::start(&["targets", &folder.path().to_string_lossy()])?;
        let ports = targets.line()?.split(' ').map(str::to_owned).collect();
        let modules = modules(&folder.path().join(ROOT_FILE));
        let configuration = folder.path().join("linkwatch.yml");
        std::fs::write(&configuration, &modules)?;
        let blackbox = Running::start(folder.path(), &modules)?;
        blackbox.until_ready(&client()?).await?;
        Ok(Self {
            watch: Watch::start(&configuration).await?,
            blackbox,
            _targets: targets,
            folder,
            ports,
            configuration,
        })
    }

    /// Both, by name, process and address.
    pub(crate) fn programs(&self) -> [Program; 2] {
        [
            Program {
                name: "linkwatch",
                pid: self.watch.pid(),
                base: self.watch.base(),
            },
            Program {
                name: "blackbox_exporter",
                pid: self.blackbox.pid(),
                base: self.blackbox.base(),
            },
        ]
    }

    /// The URL of a target, with its port.
    pub(crate) fn url(&self, text: &str) -> String {
        let ports = self.ports.iter().enumerate();
        let text = text.replace("$folder", &self.folder.path().to_string_lossy());
        ports.fold(text, |text, (number, port)| {
            text.replace(&format!("${number}"), port)
        })
    }

    /// linkwatch's probe alone, without the program around it.
    pub(crate) fn alone(&self, probe: Probe) -> anyhow::Result<Child> {
        let configuration = self.configuration.to_string_lossy();
        Child::start(&[
            "module-worker",
            &configuration,
            probe.module,
            &self.url(probe.url),
        ])
    }
}

/// A program that is asked.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) pid: u32,
    base: Url,
}

/// What became of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    /// 200 and `probe_success 1`, where it is a probe.
    pub(crate) well: bool,
    pub(crate) took: Duration,
}

impl Program {
    /// The URL of a probe.
    pub(crate) fn probe(&self, module: &str, target: &str) -> anyhow::Result<Url> {
        let mut url = self.base.join("/probe").context("an address")?;
        url.query_pairs_mut()
            .append_pair("module", module)
            .append_pair("target", target);
        Ok(url)
    }

    /// The URL of its own metrics.
    pub(crate) fn metrics(&self) -> anyhow::Result<Url> {
        Ok(self.base.join("/metrics")?)
    }
}

/// A client that waits longer than any probe takes.
pub(crate) fn client() -> anyhow::Result<reqwest::Client> {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Ok(reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(60))
        .build()?)
}

/// Asks once.
pub(crate) async fn ask(client: &reqwest::Client, url: &Url) -> Asked {
    let begun = Instant::now();
    let text = async {
        client
            .get(url.clone())
            .send()
            .await?
            .error_for_status()?
            .text()
            .await
    };
    let well = match text.await {
        Ok(text) => !url.path().ends_with("/probe") || text.contains("\nprobe_success 1\n"),
        Err(_) => false,
    };
    Asked {
        well,
        took: begun.elapsed(),
    }
}

/// Asks so many times, one after the other; every one must go well.
pub(crate) async fn ask_well(client: &reqwest::Client, url: &Url, count: usize) -> anyhow::Result<()> {
    for _ in 0..count {
        ensure!(ask(client, url).await.well, "a probe failed: {url}");
    }
    Ok(())
}
