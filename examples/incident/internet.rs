//! The part of the internet that matters here.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use linkwatch::clock::Clock as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use super::it::lab::{Answer, Authority, ClickLab, DnsLab, Reply, WebLab};
use super::pace::{Pace, PacedClock};

pub(crate) const DOMAINS: usize = 10;
pub(crate) const OLD_TARGET: &str = "old-harbor-0987.platform.example";
pub(crate) const NEW_TARGET: &str = "stark-cove-1234.platform.example";
pub(crate) const LANDING: &str = "https://news.example/landing";
pub(crate) const WRONG_PAGE: &str = "https://platform.example/parked";
const OLD_ROUTER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 11);
const NEW_ROUTER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 12);

/// On each domain.
const CLICKS_PER_MINUTE: f64 = 60.0;

/// The domains, what they lead to, and who counts the clicks that arrive.
#[derive(Debug)]
pub(crate) struct Internet {
    pub(crate) dns: DnsLab,
    authority: Authority,
    old_router: WebLab,
    /// Serves what it should all the time; only DNS does not lead to it.
    _new_router: WebLab,
    clicks: ClickLab,
    pub(crate) clock: PacedClock,
}

impl Internet {
    pub(crate) async fn start(clock: PacedClock) -> Self {
        let authority = Authority::new();
        let names: Vec<String> = (0..DOMAINS).map(domain).collect();
        let others: Vec<&str> = names[1..].iter().map(String::as_str).collect();
        let good = || authority.leaf(&names[0]).also(&others).issue();
        let router = |address: SocketAddr| WebLab::tls(good()).at(address).answer(leads_to(LANDING));
        let old_router = router((OLD_ROUTER, 0).into()).start().await;
        let new_router = router((NEW_ROUTER, old_router.port()).into()).start().await;
        let dns = DnsLab::start().await;
        dns.a(OLD_TARGET, &[&OLD_ROUTER.to_string()]);
        dns.a(NEW_TARGET, &[&NEW_ROUTER.to_string()]);
        for name in &names {
            dns.flatten(name, OLD_TARGET);
        }
        let clicks = ClickLab::spec().metric("landing_clicks_total");
        let clicks = names
            .iter()
            .fold(clicks, |clicks, name| clicks.host(name, CLICKS_PER_MINUTE));
        Self {
            dns,
            authority,
            old_router,
            _new_router: new_router,
            clicks: clicks.start(move || clock.now()).await,
            clock,
        }
    }

    /// The platform resets the targets: the old router no longer knows the domains, and browsers refuse what it shows.
    pub(crate) fn reset_targets(&self) {
        let own = self
            .authority
            .leaf("*.platform.example")
            .also(&["platform.example"])
            .issue();
        self.old_router.certificate(&own);
        self.nobody_arrives();
    }

    /// The owner sets the record that linkwatch names.
    pub(crate) fn repair_dns(&self) {
        for number in 0..DOMAINS {
            self.dns.flatten(&domain(number), NEW_TARGET);
        }
        self.readers_arrive();
    }

    /// A release: every link but the canary's leads to a wrong page.
    pub(crate) fn mislead(&self) {
        self.old_router.route("/c/canary", leads_to(LANDING));
        self.old_router.answer(leads_to(WRONG_PAGE));
        self.nobody_arrives();
    }

    /// The release is taken back.
    pub(crate) fn lead_right(&self) {
        self.old_router.answer(leads_to(LANDING));
        self.readers_arrive();
    }

    /// Clicks are counted where they should lead.
    fn nobody_arrives(&self) {
        for number in 0..DOMAINS {
            self.clicks.quiet(&domain(number), self.clock.now()..);
        }
    }

    fn readers_arrive(&self) {
        for number in 0..DOMAINS {
            self.clicks.resume(&domain(number), self.clock.now());
        }
    }

    /// Where a link of the first domain leads, as its router says now.
    pub(crate) async fn follow(&self, path: &str) -> Option<String> {
        let host = domain(0);
        let config = ClientConfig::builder()
            .with_root_certificates(self.authority.roots())
            .with_no_client_auth();
        let stream = TcpStream::connect(self.old_router.addr()).await.ok()?;
        let name = ServerName::try_from(host.clone()).ok()?;
        let mut stream = TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
            .ok()?;
        let request = format!("GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        let location = answer.lines().find_map(|line| line.strip_prefix("location: "))?;
        Some(location.trim().to_owned())
    }

    pub(crate) fn write_config(&self, directory: &Path, pace: &Pace, target: &str) {
        let Pace {
            interval,
            timeout,
            pause,
            ..
        } = pace;
        let (resolver, port) = (self.dns.addr(), self.old_router.port());
        let resolver_port = resolver.port();
        let roots = self.authority.root_pem_file();
        let config = format!(
            r#"global:
  interval: {interval}
  timeout: {timeout}
  confirm: {{attempts: 2, pause: {pause}}}
resolver:
  servers: ["udp://{resolver}"]
  authoritative_port: {resolver_port}
modules:
  tracked_link:
    prober: http
    http:
      follow_redirects: false
      valid_status_codes: [302]
      tls_config: {{ca_file: "{roots}"}}
groups:
  - name: tracking
    hosts: ["{first_part}{{0000..0009}}.example"]
    url: "https://{{host}}:{port}/c/canary"
    module: tracked_link
    labels: {{team: delivery}}
    expect:
      status: [302]
      location: "{LANDING}"
      dns: {{target: "{target}"}}
traffic:
  sources:
    - {{name: prometheus, type: prometheus, url: "{prometheus}"}}
  streams:
    - name: clicks
      source: prometheus
      query: landing_clicks_total
      sum_by: host
      host_label: host
      ingest_delay: 15s
      history: 7d
"#,
            first_part = "buttondown-",
            roots = roots.display(),
            prometheus = self.clicks.url(),
        );
        std::fs::write(directory.join("linkwatch.yml"), config).expect("write the configuration");
    }
}

pub(crate) fn domain(number: usize) -> String {
    format!("buttondown-{number:04}.example")
}

/// Without a date: the machine's clock is not the one of the replay.
fn leads_to(page: &str) -> Answer {
    Reply::new(302, "").header("location", page).undated().into()
}
