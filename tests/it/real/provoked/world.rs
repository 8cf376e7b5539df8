//! What is watched while every alert is provoked: sites, DNS, a hosting platform, authorities, a registry and click
//! counts on loopback, and the four linkwatches that watch them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hickory_proto::rr::rdata::CAA;
use hickory_proto::rr::{RData, RecordType};
use jiff::Timestamp;
use linkwatch::alert::AlertName;
use linkwatch::clock::{Clock, SystemClock};
use tokio::time::Instant;

use super::scenes::{group, host};
use crate::causes::program::Program;
use crate::lab::heroku::TOKEN;
use crate::lab::{Answer, Authority, ClickLab, Connect, DAY, DnsLab, Flaw, HerokuLab, Reply, WebLab};

/// Where sites are, and where one of them should not be led to.
const HERE: &str = "127.0.0.1";
const ELSEWHERE: &str = "127.0.0.2";

const OLD_TARGET: &str = "old-harbor-0987.herokudns.example";
const NEW_TARGET: &str = "stark-cove-1234.herokudns.example";

/// The domains that fail together.
pub(super) const TRACKING: [&str; 3] = [
    "link-0.tracking.example",
    "link-1.tracking.example",
    "link-2.tracking.example",
];

/// The domains whose clicks are counted.
pub(super) const NEWSLETTER: [&str; 3] = [
    "a.newsletter.example",
    "b.newsletter.example",
    "c.newsletter.example",
];

/// Of the linkwatch that counts clicks: a day of clicks need not be waited for.
#[derive(Debug, Clone, Copy)]
pub(super) struct FastClock {
    start: Timestamp,
    began: Instant,
}

const TIMES: u32 = 20;

impl FastClock {
    fn start() -> Self {
        Self {
            start: SystemClock.now(),
            began: Instant::now(),
        }
    }
}

impl Clock for FastClock {
    fn now(&self) -> Timestamp {
        self.start + self.began.elapsed() * TIMES
    }

    fn time_for(&self, moves: Duration) -> Duration {
        moves / TIMES
    }
}

/// Everything but linkwatch.
pub(super) struct World {
    authority: Authority,
    /// Another one, which says when it wants certificates renewed.
    watched: Authority,
    /// A third one, which does not.
    plain: Authority,
    pub(super) dns: DnsLab,
    /// Every site, by its name.
    site: WebLab,
    /// A second copy, at another address.
    _elsewhere: WebLab,
    /// Its answers carry a date that is five minutes ahead.
    ahead: WebLab,
    /// Its answers carry no date: they are seen by a clock that runs fast.
    undated: WebLab,
    platform: HerokuLab,
    /// Another one, which goes away.
    old_platform: HerokuLab,
    acme: WebLab,
    registry: WebLab,
    /// Refuses connections.
    nobody: WebLab,
    pub(super) clicks: ClickLab,
    pub(super) clock: FastClock,
    folder: tempfile::TempDir,
}

impl World {
    /// Well, but for what is slow to be looked at twice: certificates, CAA records, registrations.
    pub(super) async fn start() -> Self {
        let authority = Authority::new();
        let watched = Authority::named(authority.now(), "Watched Authority");
        let plain = Authority::named(authority.now(), "Plain Authority");
        let dns = DnsLab::start().await;
        let mut names: Vec<&str> = AlertName::ALL.iter().filter_map(|alert| host(*alert)).collect();
        names.extend(TRACKING);
        names.extend(NEWSLETTER);
        for name in &names {
            dns.a(name, &[HERE]);
        }
        let good = || authority.leaf(names[0]).also(&names[1..]).issue();
        let site = WebLab::tls(good()).answer(Answer::text("ok\n")).start().await;
        let elsewhere = WebLab::tls(good())
            .at((ELSEWHERE.parse::<std::net::IpAddr>().unwrap(), site.port()).into())
            .answer(Answer::text("ok\n"));
        let ahead = WebLab::plain().answer(Answer::text("ok\n")).start().await;
        ahead.clock_skew(300);
        let clock = FastClock::start();
        let clicks = NEWSLETTER
            .iter()
            .fold(ClickLab::spec(), |clicks, host| clicks.host(host, 60.0));
        let nobody = WebLab::plain().start().await;
        nobody.connect(Connect::Refuse).await;
        let world = Self {
            _elsewhere: elsewhere.start().await,
            undated: WebLab::tls(good())
                .answer(Reply::text("ok\n").undated())
                .start()
                .await,
            platform: HerokuLab::start().await,
            old_platform: HerokuLab::start().await,
            acme: directory().await,
            registry: WebLab::plain().answer(registration()).start().await,
            clicks: clicks.start(move || clock.now()).await,
            folder: tempfile::tempdir().unwrap(),
            ahead,
            authority,
            watched,
            plain,
            dns,
            site,
            nobody,
            clock,
        };
        world.prepare();
        world
    }

    fn prepare(&self) {
        let leaf = |authority: &Authority, alert, from: i64, until: i64| {
            let name = host(alert).unwrap();
            self.site
                .certificate_for(name, &authority.leaf(name).valid(from * DAY, until * DAY).issue());
        };
        leaf(&self.authority, AlertName::CertificateExpiring, -80, 10);
        leaf(&self.watched, AlertName::RenewalOverdue, -50, 40);
        leaf(&self.plain, AlertName::CaaForbidsIssuer, -10, 80);
        let only = CAA::new_issue(
            false,
            Some("other-authority.example".parse().unwrap()),
            Vec::new(),
        );
        self.dns.set(
            host(AlertName::CaaForbidsIssuer).unwrap(),
            RecordType::CAA,
            60,
            vec![RData::CAA(only)],
        );
        self.dns.a(OLD_TARGET, &[HERE]);
        self.dns.a(NEW_TARGET, &[ELSEWHERE]);
        for alert in [
            AlertName::PlatformTargetChanged,
            AlertName::PlatformCertificateFailing,
        ] {
            let name = host(alert).unwrap();
            self.dns.flatten(name, OLD_TARGET);
            self.platform.domain(name, OLD_TARGET, "ok", None);
        }
        self.write("bootstrap.json", &bootstrap(&self.registry));
        self.write("hosts.txt", "forgotten.example\nold-shop.example\n");
        let roots = [&self.authority, &self.watched, &self.plain]
            .map(Authority::root_pem)
            .concat();
        self.write("roots.pem", &roots);
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// What goes wrong.
impl World {
    /// Everything that can go wrong at once, of an endpoint each.
    pub(super) async fn break_all(&self) {
        let name = |alert| host(alert).unwrap();
        self.site.host(name(AlertName::EndpointDown), Answer::status(503));
        let parked = self.authority.leaf("*.herokuapp.example").issue();
        for domain in &TRACKING[..2] {
            self.site.certificate_for(domain, &parked);
        }
        self.site.host(TRACKING[2], Answer::status(503));
        self.slow_down();
        self.site
            .host(name(AlertName::EndpointFlapping), every_second_fails());
        self.dns.a(name(AlertName::DnsTargetDrift), &[ELSEWHERE]);
        self.platform
            .domain(name(AlertName::PlatformTargetChanged), NEW_TARGET, "ok", None);
        let reason = Some("CAA records forbid the authority");
        let failing = name(AlertName::PlatformCertificateFailing);
        self.platform.domain(failing, OLD_TARGET, "failing", reason);
        let expired = name(AlertName::CertificateInvalid);
        self.site
            .certificate_for(expired, &self.authority.bad(expired, Flaw::Expired));
        self.site
            .host(name(AlertName::ProbeStale), Answer::CloseBeforeHead);
        self.old_platform.web().connect(Connect::Refuse).await;
        for host in NEWSLETTER {
            self.clicks.quiet(host, self.clock.now()..);
        }
    }

    /// An answer that is right, and takes longer than it may.
    pub(super) fn slow_down(&self) {
        let slow = Answer::After(Duration::from_millis(450), Box::new(Answer::text("ok\n")));
        self.site.host(host(AlertName::EndpointDegraded).unwrap(), slow);
    }
}

/// Who watches.
impl World {
    /// Sites, certificates, the platform.
    pub(super) fn sites(&self) -> String {
        let (dns, port) = (self.dns.addr(), self.site.port());
        format!(
            r#"global: {{interval: 1s, timeout: 900ms, confirm: {{attempts: 1, pause: 100ms}}}}
resolver: {{servers: ["udp://{dns}"], authoritative_port: {dns_port}}}
modules:
  site: {{prober: http, http: {{tls_config: {{ca_file: "{roots}"}}}}}}
  unverified: {{prober: http, http: {{tls_config: {{ca_file: "{roots}", insecure_skip_verify: true}}}}}}
foresight:
  interval: 10s
  registration: {{bootstrap_file: "{bootstrap}"}}
  authorities:
    - {{name: watched, directory: "{acme}", issuer: Watched Authority, caa: watched.example}}
    - {{name: plain, directory: "{acme}/plain", issuer: Plain Authority, caa: plain.example}}
    - {{name: spare, directory: "{nobody}", issuer: Spare Authority}}
platforms:
  - {{name: heroku-main, type: heroku, app: links, interval: 10s, url: "{platform}", token: {TOKEN}}}
  - {{name: heroku-old, type: heroku, app: links, interval: 10s, url: "{old_platform}", token: {TOKEN}}}
groups:
  - {{name: tracking, hosts: [{tracking}], url: "https://{{host}}:{port}/", module: site, labels: {{team: delivery}}}}
  - {{name: {intranet}, hosts: [{unverified}], url: "https://{{host}}:{port}/", module: unverified}}
{groups}"#,
            dns_port = dns.port(),
            roots = self.path("roots.pem").display(),
            bootstrap = self.path("bootstrap.json").display(),
            acme = self.acme.url("/directory"),
            nobody = self.nobody.url("/directory"),
            platform = self.platform.url(),
            old_platform = self.old_platform.url(),
            tracking = TRACKING.join(", "),
            intranet = group(AlertName::CertificateInvalid).unwrap(),
            unverified = host(AlertName::CertificateInvalid).unwrap(),
            groups = self.groups(),
        )
    }

    /// A group for each alert that speaks of one endpoint.
    fn groups(&self) -> String {
        let port = self.site.port();
        let watched = |alert: AlertName, more: &str| {
            format!(
                "  - {{name: {}, hosts: [{}], url: \"https://{{host}}:{port}/\", module: site, {more}}}\n",
                group(alert).unwrap(),
                host(alert).unwrap()
            )
        };
        let groups = [
            watched(AlertName::EndpointDown, ""),
            watched(AlertName::EndpointDegraded, "expect: {duration: 400ms}"),
            watched(
                AlertName::EndpointFlapping,
                "confirm: {attempts: 5, pause: 100ms}",
            ),
            watched(
                AlertName::DnsTargetDrift,
                &format!("expect: {{dns: {{target: {HERE}}}}}"),
            ),
            watched(
                AlertName::PlatformTargetChanged,
                "expect: {dns: {platform: heroku-main}}",
            ),
            watched(
                AlertName::PlatformCertificateFailing,
                "expect: {dns: {platform: heroku-main}}",
            ),
            watched(AlertName::CertificateExpiring, ""),
            watched(AlertName::RenewalOverdue, ""),
            watched(AlertName::CaaForbidsIssuer, ""),
            watched(AlertName::RegistrationExpiring, ""),
            watched(AlertName::ProbeStale, "confirm: {attempts: 10, pause: 1m}"),
        ];
        groups.concat()
    }

    /// Clicks, by a clock that runs fast.
    pub(super) fn traffic(&self) -> String {
        let (dns, port) = (self.dns.addr(), self.undated.port());
        format!(
            r#"global: {{interval: 1s, timeout: 900ms, confirm: {{attempts: 1, pause: 100ms}}}}
resolver: {{servers: ["udp://{dns}"]}}
modules:
  site: {{prober: http, http: {{tls_config: {{ca_file: "{roots}"}}}}}}
groups:
  - {{name: newsletter, hosts: [{newsletter}], url: "https://{{host}}:{port}/", module: site}}
traffic:
  sources:
    - {{name: prometheus, type: prometheus, url: "{clicks}"}}
    - {{name: warehouse, type: prometheus, url: "{nobody}"}}
  streams:
    - {{name: clicks, source: prometheus, query: link_clicks_total, sum_by: host, host_label: host, ingest_delay: 15s, history: 7d}}
    - {{name: orders, source: warehouse, query: orders_total}}
"#,
            roots = self.path("roots.pem").display(),
            newsletter = NEWSLETTER.join(", "),
            clicks = self.clicks.url(),
            nobody = self.nobody.url("/"),
        )
    }

    /// From a place whose network is gone.
    pub(super) fn offline(&self) -> String {
        let nobody = self.nobody.url("/");
        let no_other = nobody.replace(HERE, ELSEWHERE);
        format!(
            r#"global: {{interval: 1s, timeout: 900ms}}
vantage: {{anchors: ["{nobody}", "{no_other}"]}}
groups:
  - {{name: unseen, hosts: ["{there}"], url: "http://{{host}}/"}}
"#,
            there = self.nobody.addr(),
        )
    }

    /// By a clock that is wrong; and from a list of hosts of which it watches none.
    pub(super) fn skewed(&self) -> String {
        format!(
            r#"global: {{interval: 1s, timeout: 900ms}}
coverage:
  sources: [{{name: zone, type: file, file: "{hosts}"}}]
groups:
  - {{name: plain, hosts: ["{ahead}"], url: "http://{{host}}/"}}
"#,
            hosts = self.path("hosts.txt").display(),
            ahead = self.ahead.addr(),
        )
    }

    /// The four of them.
    pub(super) async fn watch(&self) -> [Program; 4] {
        [
            Program::start(&self.sites()).await,
            Program::start_by(&self.traffic(), Arc::new(self.clock)).await,
            Program::start(&self.offline()).await,
            Program::start(&self.skewed()).await,
        ]
    }
}

/// An authority's directory, nonces and renewal windows (RFC 8555, RFC 9773): every window has ended.
async fn directory() -> WebLab {
    let acme = WebLab::plain().start().await;
    let url = |path: &str| acme.url(path);
    let list = |more: &str| {
        let (nonce, account, order) = (url("/nonce"), url("/account"), url("/order"));
        format!(r#"{{"newNonce": "{nonce}", "newAccount": "{account}", "newOrder": "{order}"{more}}}"#)
    };
    let json = |text: String| Reply::new(200, text).header("content-type", "application/json");
    let renewal = format!(r#", "renewalInfo": "{}""#, url("/renewal"));
    acme.route("/directory", json(list(&renewal)));
    acme.route("/directory/plain", json(list("")));
    acme.route("/nonce", Reply::new(200, "").header("replay-nonce", "lab"));
    let now = SystemClock.now();
    let ago = |days: i64| now - jiff::SignedDuration::from_hours(24 * days);
    acme.answer(json(format!(
        r#"{{"suggestedWindow": {{"start": "{}", "end": "{}"}}}}"#,
        ago(6),
        ago(2)
    )));
    acme
}

fn bootstrap(registry: &WebLab) -> String {
    format!(r#"{{"services": [[["com"], ["{}"]]]}}"#, registry.url("/rdap"))
}

/// What a registry says of a domain whose registration ends in five days.
fn registration() -> Reply {
    let end = SystemClock.now() + jiff::SignedDuration::from_hours(24 * 5);
    let body = format!(
        r#"{{"objectClassName": "domain", "ldhName": "brand.com", "status": ["active"],
            "events": [{{"eventAction": "expiration", "eventDate": "{end}"}}]}}"#
    );
    Reply::new(200, body).header("content-type", "application/rdap+json")
}

fn every_second_fails() -> Answer {
    let asked = Arc::new(AtomicU64::new(0));
    Answer::decide(move |_| {
        let fails = asked.fetch_add(1, Ordering::Relaxed).is_multiple_of(2);
        Answer::status(if fails { 503 } else { 200 })
    })
}
