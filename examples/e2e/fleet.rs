//! What is watched: single endpoints that break one by one, ten domains behind a flattened apex that break at once,
//! and a pair of replicas' common group.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use linkwatch::cause::Cause;

use crate::it::lab::{Answer, Authority, Connect, DnsLab, Flaw, Handshake, Says, WebLab};

/// How many domains break at once.
pub(crate) const DOMAINS: usize = 10;
/// So many of them break for another reason than the rest.
pub(crate) const OTHERS: usize = 3;
/// Their group.
pub(crate) const TRACKING: &str = "tracking";
/// The group that both replicas watch.
pub(crate) const PAIRED: &str = "paired";
const PAIRED_HOSTS: usize = 4;

const CANARY: &str = "/c/canary";
const LANDING: &str = "https://news.example/landing";
const OLD_TARGET: &str = "old-harbor-0987.platform.example";
const NEW_TARGET: &str = "stark-cove-1234.platform.example";
const OLD_ROUTER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 11);
const NEW_ROUTER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 12);

/// Whether a broken endpoint says anything at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// It answers wrongly, at once.
    Answers,
    /// It says nothing until the probe gives up.
    Silent,
}

impl Manner {
    /// The longest that each leg can take at the shipped intervals: probe, confirmation, scrape, rule, notification.
    ///
    /// A probe of silence takes its whole timeout of 5 s, and so does each of the two that confirm it.
    pub(crate) fn bounds(self) -> [Duration; 5] {
        let seconds = match self {
            Self::Answers => [15, 4, 10, 10, 15],
            Self::Silent => [20, 14, 10, 10, 15],
        };
        seconds.map(Duration::from_secs)
    }

    /// What is promised from fault to notification.
    pub(crate) fn limit(self) -> Duration {
        match self {
            Self::Answers => Duration::from_secs(60),
            Self::Silent => Duration::from_secs(75),
        }
    }

    fn prefix(self) -> &'static str {
        match self {
            Self::Answers => "answers",
            Self::Silent => "silent",
        }
    }

    fn faults(self) -> Vec<(Fault, Cause)> {
        match self {
            Self::Answers => vec![
                (Fault::Certificate(Flaw::WrongName), Cause::TlsHostnameMismatch),
                (Fault::Answer(Answer::status(500)), Cause::HttpStatus),
                (Fault::Connect(Connect::Refuse), Cause::ConnectRefused),
                (Fault::Certificate(Flaw::Expired), Cause::TlsExpired),
                (Fault::Handshake(Handshake::Alert(40)), Cause::TlsAlert),
                (Fault::Dns(Says::NxDomain), Cause::DnsNxdomain),
                (
                    Fault::Answer(Answer::redirect(302, "https://elsewhere.example/")),
                    Cause::HttpRedirectWrong,
                ),
                (Fault::Connect(Connect::Reset), Cause::ConnectReset),
                (Fault::Answer(Answer::CloseBeforeHead), Cause::HttpClosed),
                (Fault::Handshake(Handshake::PlainText), Cause::TlsProtocol),
            ],
            Self::Silent => vec![
                (Fault::Connect(Connect::Hang), Cause::ConnectTimeout),
                (Fault::Handshake(Handshake::Stall), Cause::TlsTimeout),
                (Fault::Answer(Answer::Stall), Cause::HttpTimeout),
                (Fault::Dns(Says::Silent), Cause::DnsTimeout),
                (Fault::Answer(Answer::StallInHead), Cause::HttpTimeout),
                (Fault::Handshake(Handshake::StallMidway), Cause::TlsTimeout),
                (
                    Fault::Answer(Answer::SlowHead(Duration::from_secs(1))),
                    Cause::HttpTimeout,
                ),
                (Fault::Connect(Connect::Hang), Cause::ConnectTimeout),
                (Fault::Handshake(Handshake::Stall), Cause::TlsTimeout),
                (Fault::Answer(Answer::Stall), Cause::HttpTimeout),
            ],
        }
    }
}

/// What goes wrong with a single endpoint.
enum Fault {
    Certificate(Flaw),
    Connect(Connect),
    Handshake(Handshake),
    Answer(Answer),
    Dns(Says),
}

/// An endpoint with a group and a server of its own.
pub(crate) struct Single {
    /// Its name; its group's, too.
    pub(crate) name: String,
    /// How it breaks.
    pub(crate) manner: Manner,
    /// What linkwatch must call it.
    pub(crate) cause: Cause,
    fault: Fault,
    site: WebLab,
}

/// The public internet of this run.
pub(crate) struct Fleet {
    /// Endpoints that break one by one.
    pub(crate) singles: Vec<Single>,
    dns: DnsLab,
    authority: Authority,
    /// The platform's router that no longer knows seven of the domains.
    old_router: WebLab,
    new_router: WebLab,
    paired: WebLab,
}

impl Fleet {
    /// Starts every server, all of them in good order; so many singles break in each manner.
    pub(crate) async fn start(faults: usize) -> Self {
        let authority = Authority::new();
        let dns = DnsLab::start().await;
        let mut singles = Vec::new();
        for manner in [Manner::Answers, Manner::Silent] {
            for (number, (fault, cause)) in manner.faults().into_iter().take(faults).enumerate() {
                let name = format!("{}-{number:02}.example", manner.prefix());
                dns.a(&name, &["127.0.0.1"]);
                let site = good(WebLab::tls(authority.good(&name))).start().await;
                singles.push(Single {
                    name,
                    manner,
                    cause,
                    fault,
                    site,
                });
            }
        }
        let names: Vec<String> = (0..DOMAINS).map(domain).collect();
        let others: Vec<&str> = names[1..].iter().map(String::as_str).collect();
        let all = || authority.leaf(&names[0]).also(&others).issue();
        let new_router = good(WebLab::tls(all())).at((NEW_ROUTER, 0).into()).start().await;
        let own = authority.leaf("*.platform.example").also(&["platform.example"]);
        let at: SocketAddr = (OLD_ROUTER, new_router.port()).into();
        let old_router = good(WebLab::tls(own.issue())).at(at).start().await;
        dns.a(OLD_TARGET, &[&OLD_ROUTER.to_string()]);
        dns.a(NEW_TARGET, &[&NEW_ROUTER.to_string()]);
        for name in &names {
            dns.flatten(name, NEW_TARGET);
        }
        let pair: Vec<String> = (0..PAIRED_HOSTS).map(paired).collect();
        let rest: Vec<&str> = pair[1..].iter().map(String::as_str).collect();
        for name in &pair {
            dns.a(name, &["127.0.0.1"]);
        }
        let site = good(WebLab::tls(authority.leaf(&pair[0]).also(&rest).issue()));
        Self {
            singles,
            dns,
            old_router,
            new_router,
            paired: site.start().await,
            authority,
        }
    }

    /// Breaks one single endpoint.
    pub(crate) async fn break_single(&self, number: usize) {
        let single = &self.singles[number];
        let site = &single.site;
        match &single.fault {
            Fault::Certificate(flaw) => site.certificate(&self.authority.bad(&single.name, *flaw)),
            Fault::Connect(connect) => site.connect(*connect).await,
            Fault::Handshake(handshake) => site.handshake(*handshake),
            Fault::Answer(answer) => site.route(CANARY, answer.clone()),
            Fault::Dns(says) => self.dns.says(&single.name, says.clone()),
        }
    }

    /// Breaks the ten: DNS of seven leads to the old router, three answer 503.
    pub(crate) fn break_domains(&self) {
        for number in 0..DOMAINS {
            if number < DOMAINS - OTHERS {
                self.dns.flatten(&domain(number), OLD_TARGET);
            } else {
                self.new_router
                    .host_route(&domain(number), CANARY, Answer::status(503));
            }
        }
    }

    /// Mends every other one of the ten.
    pub(crate) fn mend_half_of_the_domains(&self) {
        for name in recovering() {
            self.dns.flatten(&name, NEW_TARGET);
            self.new_router
                .host_route(&name, CANARY, Answer::redirect(302, LANDING));
        }
    }

    /// Breaks what both replicas watch.
    pub(crate) fn break_pair(&self) {
        self.paired.route(CANARY, Answer::status(503));
    }

    /// Writes the configuration of the first replica, which watches everything.
    pub(crate) fn write_whole(&self, file: &Path) {
        let mut groups = String::new();
        for single in &self.singles {
            let port = single.site.port();
            groups += &group(&single.name, &single.name, port, "");
        }
        groups += &self.tracking_group();
        groups += &self.paired_group();
        self.write(file, &groups);
    }

    /// Writes the configuration of the second replica.
    pub(crate) fn write_paired(&self, file: &Path) {
        self.write(file, &self.paired_group());
    }

    /// Writes a configuration with the ten alone, and with further sections.
    pub(crate) fn write_tracking(&self, file: &Path, sections: &str) {
        self.write(file, &(self.tracking_group() + sections));
    }

    fn tracking_group(&self) -> String {
        let expected = format!("\n      dns: {{target: \"{NEW_TARGET}\"}}");
        group(
            TRACKING,
            "link-{0000..0009}.example",
            self.old_router.port(),
            &expected,
        )
    }

    fn paired_group(&self) -> String {
        group(PAIRED, "pair-{0000..0003}.example", self.paired.port(), "")
    }

    /// Intervals and confirmation are left out: the defaults are what ships.
    fn write(&self, file: &Path, groups: &str) {
        let resolver = self.dns.addr();
        let port = resolver.port();
        let roots = self.authority.root_pem_file();
        let config = format!(
            r#"resolver:
  servers: ["udp://{resolver}"]
  authoritative_port: {port}
modules:
  tracked_link:
    prober: http
    http:
      follow_redirects: false
      valid_status_codes: [302]
      tls_config: {{ca_file: "{roots}"}}
groups:
{groups}"#,
            roots = roots.display(),
        );
        std::fs::write(file, config).expect("write the configuration");
    }
}

fn good(spec: crate::it::lab::WebSpec) -> crate::it::lab::WebSpec {
    spec.route(CANARY, Answer::redirect(302, LANDING))
}

fn group(name: &str, hosts: &str, port: u16, expect: &str) -> String {
    format!(
        r#"  - name: {name}
    hosts: ["{hosts}"]
    url: "https://{{host}}:{port}{CANARY}"
    module: tracked_link
    labels: {{team: delivery}}
    expect:
      status: [302]
      location: "{LANDING}"{expect}
"#
    )
}

/// One of the ten.
pub(crate) fn domain(number: usize) -> String {
    format!("link-{number:04}.example")
}

/// One of what both replicas watch.
pub(crate) fn paired(number: usize) -> String {
    format!("pair-{number:04}.example")
}

/// The names of the ten.
pub(crate) fn domains() -> Vec<String> {
    (0..DOMAINS).map(domain).collect()
}

/// The names of what both replicas watch.
pub(crate) fn pair() -> Vec<String> {
    (0..PAIRED_HOSTS).map(paired).collect()
}

/// Those of the ten that are mended.
pub(crate) fn recovering() -> Vec<String> {
    (0..DOMAINS).step_by(2).map(domain).collect()
}
