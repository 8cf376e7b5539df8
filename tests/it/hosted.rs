//! The whole program beside a platform: a reset that happens while it is stopped, a platform that goes away, domains that
//! come and go.

use linkwatch::cause::Cause;
use linkwatch::diagnosis::TargetState;
use linkwatch::state::EndpointState;

use crate::lab::heroku::TOKEN;
use crate::lab::{Answer, Connect, DnsLab, HerokuLab, WebLab};
use crate::program::{Home, Program};

const HOST: &str = "a.shop.test";
const OLD: &str = "old.hosting.test";
const NEW: &str = "new.hosting.test";

/// A domain that leads to the old target, which answers.
struct Hosting {
    platform: HerokuLab,
    dns: DnsLab,
    site: WebLab,
}

impl Hosting {
    async fn start() -> Self {
        let site = WebLab::plain().answer(Answer::status(200)).start().await;
        let dns = DnsLab::start().await;
        dns.a(OLD, &["127.0.0.1"]);
        dns.a(NEW, &["127.0.0.9"]);
        dns.flatten(HOST, OLD);
        let platform = HerokuLab::start().await;
        platform.domain(HOST, OLD, "ok", None);
        Self { platform, dns, site }
    }

    fn config(&self, group: &str) -> String {
        let (dns, port) = (self.dns.addr(), self.site.port());
        format!(
            "global: {{interval: 1s, timeout: 1s, confirm: {{attempts: 1, pause: 100ms}}}}\n\
             resolver: {{servers: [\"udp://{dns}\"], authoritative_port: {}}}\n\
             platforms: [{{name: heroku-main, type: heroku, app: shop, interval: 10s, url: \"{}\", token: {TOKEN}}}]\n\
             coverage: {{}}\n\
             groups:\n  - name: shop\n    url: \"http://{{host}}:{port}/\"\n    expect: {{dns: {{platform: heroku-main}}}}\n    {group}\n",
            dns.port(),
            self.platform.url(),
        )
    }

    fn watching(&self) -> String {
        self.config(&format!("hosts: [{HOST}]"))
    }
}

fn root(known: &EndpointState) -> Option<Cause> {
    Some(known.verdict.as_ref()?.root.as_ref()?.cause)
}

fn target(known: &EndpointState) -> Option<TargetState> {
    known.verdict.as_ref()?.target
}

fn matches(known: &EndpointState) -> bool {
    known.up == Some(true) && target(known) == Some(TargetState::Match)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_that_happens_while_nobody_watches_is_named_at_the_next_start() {
    let hosting = Hosting::start().await;
    let home = Home::new(&hosting.watching());
    let program = Program::start(home.persistent()).await;
    program.until(HOST, "it leads where it should", matches).await;
    program.stop().await;

    hosting.platform.domain(HOST, NEW, "ok", None);
    let program = Program::start(home.persistent()).await;
    let reset = |known: &EndpointState| root(known) == Some(Cause::PlatformTargetChanged);
    program.until(HOST, "the reset is named", reset).await;
    let known = program.known(HOST).unwrap();
    let verdict = known.verdict.as_ref().unwrap();
    let found = verdict.root.as_ref().unwrap();
    assert_eq!(
        (found.expected.as_str(), found.actual.as_str()),
        (NEW, "addresses of old.hosting.test")
    );
    assert_eq!(known.up, Some(true), "links still work");
    let metrics = program.web.metrics().await;
    let name = format!("name=\"{HOST}\"");
    assert_eq!(
        metrics.value("linkwatch_platform_target_match", &[&name]),
        Some(0.0)
    );
    program.stop().await;

    // It stands over another restart, until DNS follows.
    let program = Program::start(home.persistent()).await;
    program.until(HOST, "the reset is still named", reset).await;
    hosting.dns.flatten(HOST, NEW);
    let followed = |known: &EndpointState| {
        target(known) == Some(TargetState::Match) && root(known) != Some(Cause::PlatformTargetChanged)
    };
    program.until(HOST, "DNS has followed", followed).await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_goes_away_says_so_and_makes_nothing_look_wrong() {
    let hosting = Hosting::start().await;
    let home = Home::new(&hosting.watching());
    let program = Program::start(home.persistent()).await;
    program.until(HOST, "it leads where it should", matches).await;
    let up = ("linkwatch_platform_up", &["platform=\"heroku-main\""][..]);
    assert_eq!(program.web.metrics().await.value(up.0, up.1), Some(1.0));
    program.stop().await;

    hosting.platform.web().connect(Connect::Refuse).await;
    let program = Program::start(home.persistent()).await;
    program
        .until(HOST, "it still leads where it should", matches)
        .await;
    let metrics = crate::program::until("the platform is down", async || {
        let metrics = program.web.metrics().await;
        (metrics.value(up.0, up.1) == Some(0.0)).then_some(metrics)
    });
    let metrics = metrics.await;
    assert!(
        metrics
            .value("linkwatch_platform_observed_timestamp_seconds", up.1)
            .is_some(),
        "{}",
        metrics.0
    );
    assert_eq!(root(&program.known(HOST).unwrap()), None);
    let shown = program.web.get("/config").await.body;
    assert!(shown.contains("heroku-main") && !shown.contains(TOKEN), "{shown}");
    assert!(!metrics.mentions(TOKEN));
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_that_the_platform_gains_is_watched_by_itself_and_covered() {
    let hosting = Hosting::start().await;
    let other = "b.shop.test";
    let home = Home::new(&hosting.watching());
    hosting.platform.domain(other, OLD, "ok", None);
    hosting.dns.flatten(other, OLD);
    let program = Program::start(home.settings()).await;
    let unwatched = ("linkwatch_hosts_unwatched", &["source=\"heroku-main\""][..]);
    let counted = async |wanted: f64| {
        let text = format!("{wanted} unwatched");
        crate::program::until(&text, async || {
            let metrics = program.web.metrics().await;
            (metrics.value(unwatched.0, unwatched.1) == Some(wanted)).then_some(())
        })
        .await;
    };
    counted(1.0).await;
    assert!(program.known(other).is_none());

    home.configure(&hosting.config("discover: [{platform: heroku-main}]"));
    assert_eq!(program.web.reload().await.status, 200);
    program
        .until(other, "the other one leads where it should", matches)
        .await;
    counted(0.0).await;
    program.stop().await;
}
