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

use super::it::lab::heroku::TOKEN;
use super::it::lab::{Answer, Authority, ClickLab, Connect, DnsLab, HerokuLab, Issued, Reply, WebLab};
use super::pace::{Pace, PacedClock};

pub(crate) const DOMAINS: usize = 10;
/// The domains whose certificate is issued anew while the authority is in trouble.
pub(crate) const REISSUED: usize = 3;
pub(crate) const OLD_TARGET: &str = "old-harbor-0987.platform.example";
pub(crate) const NEW_TARGET: &str = "stark-cove-1234.platform.example";
pub(crate) const LANDING: &str = "https://news.example/landing";
pub(crate) const WRONG_PAGE: &str = "https://platform.example/parked";
const OLD_ROUTER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 11);
const NEW_ROUTER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 12);
const PROXY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 13);

/// On each domain.
const CLICKS_PER_MINUTE: f64 = 60.0;

/// The domains, what they lead to, and who counts the clicks that arrive.
#[derive(Debug)]
pub(crate) struct Internet {
    pub(crate) dns: DnsLab,
    authority: Authority,
    platform: HerokuLab,
    old_router: WebLab,
    /// Has a certificate only for the domains that got one for the new target.
    new_router: WebLab,
    /// Somebody else's, with certificates of its own.
    _proxy: WebLab,
    /// The authority that the platform gets its certificates from.
    acme: WebLab,
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
        let port = old_router.port();
        let proxy = router((PROXY, port).into()).start().await;
        let new_router = WebLab::tls(platforms_own(&authority))
            .at((NEW_ROUTER, port).into())
            .answer(leads_to(LANDING))
            .start()
            .await;
        let platform = HerokuLab::start().await;
        let acme = directory().await;
        let dns = DnsLab::start().await;
        dns.a(OLD_TARGET, &[&OLD_ROUTER.to_string()]);
        dns.a(NEW_TARGET, &[&NEW_ROUTER.to_string()]);
        for name in &names {
            dns.flatten(name, OLD_TARGET);
            platform.domain(name, OLD_TARGET, "ok", None);
        }
        let clicks = ClickLab::spec().metric("landing_clicks_total");
        let clicks = names
            .iter()
            .fold(clicks, |clicks, name| clicks.host(name, CLICKS_PER_MINUTE));
        Self {
            dns,
            authority,
            platform,
            old_router,
            new_router,
            _proxy: proxy,
            acme,
            clicks: clicks.start(move || clock.now()).await,
            clock,
        }
    }

    /// The platform resets the targets: it expects every domain to lead to the new one, and cannot renew meanwhile.
    pub(crate) fn reset_targets(&self) {
        for number in 0..DOMAINS {
            let reason = "DNS does not point at the target";
            self.platform
                .domain(&domain(number), NEW_TARGET, "failing", Some(reason));
        }
    }

    /// The old router no longer knows the domains: browsers refuse the certificate that it shows.
    pub(crate) fn end_certificates(&self) {
        self.old_router.certificate(&platforms_own(&self.authority));
        self.nobody_arrives();
    }

    /// The owner sets the records that linkwatch names; the platform tries again, and the authority issues three.
    pub(crate) async fn repair_dns(&self) {
        self.acme.connect(Connect::Refuse).await;
        for number in 0..DOMAINS {
            let name = domain(number);
            if number < REISSUED {
                self.issue(number);
            } else {
                let reason = "the certificate authority does not answer";
                self.platform.domain(&name, NEW_TARGET, "failing", Some(reason));
            }
            self.dns.flatten(&name, NEW_TARGET);
        }
        self.readers_arrive(0..REISSUED);
    }

    /// The owner puts a proxy with certificates of its own before the rest.
    pub(crate) fn put_proxy(&self) {
        for number in REISSUED..DOMAINS {
            self.dns.a(&domain(number), &[&PROXY.to_string()]);
        }
        self.readers_arrive(REISSUED..DOMAINS);
    }

    /// The authority is well again: the platform gets the rest, and the proxy is taken away.
    pub(crate) async fn recover(&self) {
        self.acme.connect(Connect::Accept).await;
        for number in REISSUED..DOMAINS {
            self.issue(number);
            self.dns.flatten(&domain(number), NEW_TARGET);
        }
    }

    /// The platform gets a certificate for the new target.
    fn issue(&self, number: usize) {
        let name = domain(number);
        self.new_router
            .certificate_for(&name, &self.authority.good(&name));
        self.platform.domain(&name, NEW_TARGET, "ok", None);
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
        self.readers_arrive(0..DOMAINS);
    }

    /// Clicks are counted where they should lead.
    fn nobody_arrives(&self) {
        for number in 0..DOMAINS {
            self.clicks.quiet(&domain(number), self.clock.now()..);
        }
    }

    fn readers_arrive(&self, domains: std::ops::Range<usize>) {
        for number in domains {
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

    /// Who is asked beside DNS and the endpoints.
    fn asked(&self, interval: &str) -> String {
        format!(
            r#"foresight:
  interval: 10s
  authorities: [{{name: lab, directory: "{acme}", issuer: Lab}}]
platforms:
  - {{name: heroku-main, type: heroku, app: buttondown, interval: {interval}, url: "{platform}", token: {TOKEN}}}
"#,
            platform = self.platform.url(),
            acme = self.acme.url("/directory"),
        )
    }

    /// With a proxy that may stand in front, or without.
    pub(crate) fn write_config(&self, directory: &Path, pace: &Pace, proxied: bool) {
        let Pace {
            interval,
            timeout,
            pause,
            asked,
            ..
        } = pace;
        let proxy = if proxied {
            format!(", proxy: [{PROXY}]")
        } else {
            String::new()
        };
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
{asked}groups:
  - name: tracking
    hosts: ["{first_part}{{0000..0009}}.example"]
    url: "https://{{host}}:{port}/c/canary"
    module: tracked_link
    labels: {{team: delivery}}
    expect:
      status: [302]
      location: "{LANDING}"
      dns: {{platform: heroku-main{proxy}}}
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
            asked = self.asked(asked),
        );
        std::fs::write(directory.join("linkwatch.yml"), config).expect("write the configuration");
    }
}

/// An authority's directory and nonces (RFC 8555), as far as one asks who orders nothing.
async fn directory() -> WebLab {
    let acme = WebLab::plain().start().await;
    let url = |path: &str| acme.url(path);
    let (nonce, account, order) = (url("/nonce"), url("/account"), url("/order"));
    let list = format!(r#"{{"newNonce": "{nonce}", "newAccount": "{account}", "newOrder": "{order}"}}"#);
    acme.route(
        "/directory",
        Reply::new(200, list)
            .header("content-type", "application/json")
            .undated(),
    );
    acme.route(
        "/nonce",
        Reply::new(200, "").header("replay-nonce", "lab").undated(),
    );
    acme
}

/// What the platform shows for domains that it has no certificate for.
fn platforms_own(authority: &Authority) -> Issued {
    authority
        .leaf("*.platform.example")
        .also(&["platform.example"])
        .issue()
}

pub(crate) fn domain(number: usize) -> String {
    format!("buttondown-{number:04}.example")
}

/// Without a date: the machine's clock is not the one of the replay.
fn leads_to(page: &str) -> Answer {
    Reply::new(302, "").header("location", page).undated().into()
}
