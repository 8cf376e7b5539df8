//! Ten domains behind flattened names, and the platform that they lead to, which resets their targets.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::net::IpAddr;

use crate::lab::heroku::TOKEN;
use crate::lab::{Answer, Authority, DnsLab, HerokuLab, WebLab};

const DOMAINS: usize = 10;
const OLD_TARGET: &str = "old-harbor-0987.herokudns.example";
const NEW_TARGET: &str = "stark-cove-1234.herokudns.example";
const OLD_ROUTER: &str = "127.0.0.1";
const NEW_ROUTER: &str = "127.0.0.2";

/// The platform, its two routers, and DNS.
pub(super) struct Reset {
    authority: Authority,
    dns: DnsLab,
    platform: HerokuLab,
    old_router: WebLab,
    _new_router: WebLab,
}

impl Reset {
    pub(super) async fn start() -> Self {
        let authority = Authority::new();
        let names: Vec<String> = (0..DOMAINS).map(domain).collect();
        let others: Vec<&str> = names[1..].iter().map(String::as_str).collect();
        let good = || authority.leaf(&names[0]).also(&others).issue();
        let old_router = WebLab::tls(good()).answer(Answer::text("ok\n")).start().await;
        let new: IpAddr = NEW_ROUTER.parse().unwrap();
        let new_router = WebLab::tls(good()).at((new, old_router.port()).into());
        let dns = DnsLab::start().await;
        dns.a(OLD_TARGET, &[OLD_ROUTER]);
        dns.a(NEW_TARGET, &[NEW_ROUTER]);
        let platform = HerokuLab::start().await;
        for name in &names {
            dns.flatten(name, OLD_TARGET);
            platform.domain(name, OLD_TARGET, "ok", None);
        }
        Self {
            _new_router: new_router.start().await,
            authority,
            dns,
            platform,
            old_router,
        }
    }

    /// The platform expects every domain to lead to the new target, and cannot renew certificates meanwhile.
    pub(super) fn expect_new_targets(&self) {
        for number in 0..DOMAINS {
            let reason = Some("DNS does not point at the target");
            self.platform
                .domain(&domain(number), NEW_TARGET, "failing", reason);
        }
    }

    /// The old router no longer knows the domains.
    pub(super) fn end_certificates(&self) {
        let parked = self.authority.leaf("*.herokuapp.example").issue();
        self.old_router.certificate(&parked);
    }

    pub(super) fn config(&self) -> String {
        let (dns, port) = (self.dns.addr(), self.old_router.port());
        format!(
            r#"global: {{interval: 1s, timeout: 900ms, confirm: {{attempts: 1, pause: 100ms}}}}
resolver: {{servers: ["udp://{dns}"], authoritative_port: {dns_port}}}
modules:
  site: {{prober: http, http: {{tls_config: {{ca_file: "{roots}"}}}}}}
platforms:
  - {{name: heroku-main, type: heroku, app: links, interval: 10s, url: "{platform}", token: {TOKEN}}}
groups:
  - name: tracking
    hosts: ["link-{{0..9}}.tracking.example"]
    url: "https://{{host}}:{port}/"
    module: site
    expect: {{dns: {{platform: heroku-main}}}}
"#,
            dns_port = dns.port(),
            roots = self.authority.root_pem_file().display(),
            platform = self.platform.url(),
        )
    }
}

fn domain(number: usize) -> String {
    format!("link-{number}.tracking.example")
}

/// What the page says while links still work: of each domain, where to lead it.
pub(super) fn still_up() -> Vec<String> {
    (0..DOMAINS)
        .map(|number| {
            format!(
                "Set the record of {} to {NEW_TARGET}; do it before",
                domain(number)
            )
        })
        .collect()
}

/// What the same page says once they do not: ten domains in one list, each with the reset as its root.
pub(super) fn down() -> Vec<String> {
    let member = |number| {
        format!(
            "\n{}: platform_target_changed: expected {NEW_TARGET}, found addresses of {OLD_TARGET}\n",
            domain(number)
        )
    };
    let whole = format!("{DOMAINS} endpoints of group tracking are down.");
    (0..DOMAINS).map(member).chain([whole]).collect()
}
