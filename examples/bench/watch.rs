//! The whole program, in a process of its own, and what can be seen of it from outside.

use std::fs::File;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use clap::Parser as _;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING};
use tokio::time::Instant;
use url::Url;

/// The formats of `/metrics`, with what a Prometheus asks for them.
pub(crate) const FORMATS: [(&str, &str); 3] = [
    ("openmetrics", "application/openmetrics-text;version=1.0.0"),
    ("text 0.0.4", "text/plain;version=0.0.4"),
    (
        "protobuf",
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
    ),
];

/// `linkwatch …`: this process becomes the program itself, as its `main` would run it.
pub(crate) fn run(arguments: &[String]) -> ExitCode {
    let arguments = std::iter::once("linkwatch").chain(arguments.iter().map(String::as_str));
    linkwatch::cli::run(linkwatch::cli::Cli::parse_from(arguments)).into()
}

/// A running `linkwatch serve`.
#[derive(Debug)]
pub(crate) struct Watch {
    process: Child,
    metrics: Url,
    client: reqwest::Client,
}

/// One answer of `/metrics`.
#[derive(Debug)]
pub(crate) struct Scrape {
    /// Until its last byte had come.
    pub(crate) took: Duration,
    /// Bytes as sent.
    pub(crate) size: usize,
}

impl Watch {
    /// Starts it with a configuration and waits until it serves.
    pub(crate) async fn start(configuration: &Path) -> anyhow::Result<Self> {
        // Free a moment ago; nobody else here takes ports by number.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let log = File::create(configuration.with_extension("log"))?;
        let process = Command::new(std::env::current_exe()?)
            .args(["linkwatch", "serve", "--config.file"])
            .arg(configuration)
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        // reqwest takes the provider of the process.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let watch = Self {
            process,
            metrics: Url::parse(&format!("http://{address}/metrics"))?,
            client: reqwest::Client::builder().no_proxy().no_gzip().build()?,
        };
        for _ in 0..200 {
            if watch.client.get(watch.metrics.clone()).send().await.is_ok() {
                return Ok(watch);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("linkwatch did not begin to serve within 10 s");
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Where it serves.
    pub(crate) fn base(&self) -> Url {
        let mut base = self.metrics.clone();
        base.set_path("/");
        base
    }

    /// Scrapes by gzip, as Prometheus does.
    pub(crate) async fn scrape(&self, accept: &str) -> anyhow::Result<Scrape> {
        let begun = Instant::now();
        let request = self.client.get(self.metrics.clone()).header(ACCEPT, accept);
        let answer = request.header(ACCEPT_ENCODING, "gzip").send().await?;
        ensure!(
            answer.status().is_success(),
            "/metrics answered {}",
            answer.status()
        );
        let size = answer.bytes().await?.len();
        Ok(Scrape {
            took: begun.elapsed(),
            size,
        })
    }

    /// What it says of itself.
    pub(crate) async fn figures(&self) -> anyhow::Result<Series> {
        let answer = self.client.get(self.metrics.clone()).send().await?;
        Ok(Series(answer.text().await?))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // It may have ended by itself already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An exposition in text.
#[derive(Debug)]
pub(crate) struct Series(String);

impl Series {
    /// The sum over all series of a name.
    pub(crate) fn sum(&self, name: &str) -> f64 {
        self.of(name).map(|(_, value)| value).sum()
    }

    /// The buckets of a histogram: upper bound and how many are at most that.
    pub(crate) fn buckets(&self, name: &str) -> anyhow::Result<Vec<(f64, f64)>> {
        self.of(&format!("{name}_bucket"))
            .map(|(labels, count)| {
                let bound = labels
                    .split("le=\"")
                    .nth(1)
                    .and_then(|rest| rest.split('"').next());
                let bound = bound.context("a bucket without a bound")?;
                Ok((
                    if bound == "+Inf" {
                        f64::INFINITY
                    } else {
                        bound.parse()?
                    },
                    count,
                ))
            })
            .collect()
    }

    fn of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
        self.0.lines().filter_map(move |line| {
            let rest = line.strip_prefix(name)?;
            if !rest.starts_with(['{', ' ']) {
                return None;
            }
            let (labels, value) = rest.rsplit_once(' ')?;
            Some((labels, value.parse().ok()?))
        })
    }
}

/// The least bound of the buckets that holds this share of what came in between two looks.
pub(crate) fn quantile(before: &[(f64, f64)], after: &[(f64, f64)], share: f64) -> f64 {
    let grown: Vec<_> = after
        .iter()
        .enumerate()
        .map(|(place, (bound, count))| (*bound, count - before.get(place).map_or(0.0, |(_, count)| *count)))
        .collect();
    let all = grown.last().map_or(0.0, |(_, count)| *count);
    let found = grown.iter().find(|(_, count)| *count >= share * all);
    found.map_or(f64::INFINITY, |(bound, _)| *bound)
}
