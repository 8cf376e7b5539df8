//! linkwatch at work, and what it knows.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use linkwatch::app::{App, Settings, Shard, WebSettings};
use linkwatch::cause::Cause;
use linkwatch::clock::Clock;
use linkwatch::state::traffic::Series;
use linkwatch::state::{EndpointState, State};
use linkwatch::traffic::Tier;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::internet::DOMAINS;

/// The running program.
#[derive(Debug)]
pub(crate) struct Watched {
    /// Where it serves.
    pub(crate) web: SocketAddr,
    pub(crate) state: Arc<State>,
    stop: CancellationToken,
    running: JoinSet<()>,
}

/// The program's life.
impl Watched {
    /// Starts it with the configuration of a directory.
    pub(crate) fn start(directory: &Path, listener: TcpListener, clock: Arc<dyn Clock>) -> Self {
        let settings = Settings {
            config_file: directory.join("linkwatch.yml"),
            auto_reload: None,
            storage_path: Some(directory.join("data")),
            timeout_offset: Duration::from_millis(500),
            external_url: None,
            shard: Shard::WHOLE,
            web: WebSettings::default(),
        };
        let app = App::load(settings, clock).expect("the configuration loads");
        let (state, stop) = (app.state(), CancellationToken::new());
        let web = listener.local_addr().expect("a bound address");
        let mut running = JoinSet::new();
        running.spawn(app.run(vec![listener], stop.clone()));
        Self {
            web,
            state,
            stop,
            running,
        }
    }

    pub(crate) async fn stop(&mut self) {
        self.stop.cancel();
        while self.running.join_next().await.is_some() {}
    }

    /// Whether the configuration is taken over.
    pub(crate) async fn reload(&self) -> bool {
        let answer = self.request("POST", "/-/reload").await;
        answer.is_some_and(|answer| answer.split(' ').nth(1) == Some("200"))
    }

    /// One plain HTTP request; the whole answer as text (HTTP/1.0, so that it comes in one piece).
    async fn request(&self, method: &str, path: &str) -> Option<String> {
        let web = self.web;
        let mut stream = TcpStream::connect(web).await.ok()?;
        let request = format!("{method} {path} HTTP/1.0\r\nHost: {web}\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        Some(answer)
    }
}

/// What it knows.
impl Watched {
    /// How many endpoints are so.
    pub(crate) fn count(&self, holds: impl Fn(&EndpointState) -> bool) -> usize {
        let catalogue = self.state.catalogue();
        let known = catalogue.slots.iter().filter_map(|slot| slot.current());
        known.filter(|known| holds(known)).count()
    }

    pub(crate) fn all(&self, holds: impl Fn(&EndpointState) -> bool) -> bool {
        self.count(holds) == DOMAINS
    }

    /// Probes that failed, confirmed or not.
    pub(crate) fn failures(&self) -> u64 {
        let catalogue = self.state.catalogue();
        let known = catalogue.slots.iter().filter_map(|slot| slot.current());
        known.map(|known| known.failures).sum()
    }

    /// How many series of traffic that belong to an endpoint are so.
    pub(crate) fn series(&self, holds: impl Fn(&Series) -> bool) -> usize {
        let traffic = self.state.traffic();
        let of_endpoints = traffic.series().filter(|series| series.subject.name.is_some());
        of_endpoints.filter(|series| holds(series)).count()
    }

    /// What is known of the group's traffic.
    pub(crate) fn group(&self) -> Option<Arc<Series>> {
        let traffic = self.state.traffic();
        let mut groups = traffic.series().filter(|series| series.subject.series.is_none());
        groups.next().cloned()
    }

    /// What Prometheus would see.
    pub(crate) async fn scrape(&self) -> Scrape {
        Scrape(self.request("GET", "/metrics").await.unwrap_or_default())
    }
}

/// A scrape of `/metrics`.
pub(crate) struct Scrape(String);

impl Scrape {
    /// How many series of a family have these labels, in part, and this value.
    pub(crate) fn count(&self, family: &str, labels: &[&str], value: &str) -> usize {
        let matches = |line: &&str| {
            line.strip_prefix(family)
                .is_some_and(|rest| rest.starts_with('{'))
                && labels.iter().all(|label| line.contains(label))
                && line.ends_with(value)
        };
        self.0.lines().filter(matches).count()
    }
}

pub(crate) fn symptom(known: &EndpointState) -> Option<Cause> {
    Some(known.verdict.as_ref()?.symptom.as_ref()?.cause)
}

pub(crate) fn root(known: &EndpointState) -> Option<Cause> {
    Some(known.verdict.as_ref()?.root.as_ref()?.cause)
}

/// Whether next to nothing arrives.
pub(crate) fn is_quiet(series: &Series) -> bool {
    series.judgement.low == Some(Tier::Outage)
}
