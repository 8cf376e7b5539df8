//! The incident of May 8th, in one process: ten tracking domains behind a flattened apex, the platform they lead to,
//! and linkwatch watching them.
//!
//! The platform moves the domains to a new target. The configuration learns of it (a reload); DNS keeps the old one,
//! whose router now answers with the platform's own certificate. What must come of it: root `dns_target_drift`,
//! symptom `tls_hostname_mismatch`, on all ten, within a minute.
//!
//! `cargo run --example incident` replays it at a fast pace, prints the timeline and exits 0 only if every verdict came
//! as it should. With `--live` it runs at the shipped intervals on port 9716 until Ctrl-C.

#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]
#![expect(
    clippy::expect_used,
    reason = "a demonstration that cannot be set up has nothing to show"
)]

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use linkwatch::app::{App, Settings, Shard};
use linkwatch::cause::Cause;
use linkwatch::clock::{Clock, SystemClock};
use linkwatch::state::{EndpointState, State};
use linkwatch::telemetry;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The lab that the tests use.
#[path = "../tests/it"]
pub mod it {
    pub mod lab;
}
use it::lab::{Answer, Authority, DnsLab, WebLab};

const DOMAINS: usize = 10;
const OLD_TARGET: &str = "old-harbor-0987.platform.example";
const NEW_TARGET: &str = "stark-cove-1234.platform.example";
const OLD_ROUTER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 11);
const NEW_ROUTER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 12);
const LANDING: &str = "https://news.example/landing";

#[tokio::main]
async fn main() -> ExitCode {
    let live = std::env::args().any(|argument| argument == "--live");
    telemetry::install(
        if live {
            telemetry::Level::Info
        } else {
            telemetry::Level::Error
        },
        telemetry::Format::Logfmt,
    );
    let directory = tempfile::tempdir().expect("a temporary directory");
    let internet = Internet::start().await;
    let pace = if live { Pace::shipped() } else { Pace::fast() };
    internet.write_config(directory.path(), &pace, OLD_TARGET);

    let app = App::load(settings(directory.path()), Arc::new(SystemClock)).expect("the configuration loads");
    let state = app.state();
    let address: SocketAddr = if live {
        "127.0.0.1:9716".parse().expect("an address")
    } else {
        "127.0.0.1:0".parse().expect("an address")
    };
    let listener = match TcpListener::bind(address).await {
        Ok(listener) => listener,
        Err(error) => {
            println!("cannot serve on {address}: {error}; is another linkwatch running?");
            return ExitCode::FAILURE;
        }
    };
    let web = listener.local_addr().expect("a bound address");
    let stop = CancellationToken::new();
    let mut running = JoinSet::new();
    running.spawn(app.run(vec![listener], stop.clone()));

    println!(
        "lab:    {DOMAINS} domains, flattened to {OLD_TARGET}; a resolver at {}",
        internet.dns.addr()
    );
    println!("watch:  http://{web}/          the status of every endpoint");
    println!("        http://{web}/metrics   what Prometheus scrapes");
    let passed = replay(&internet, &state, web, directory.path(), &pace).await;
    if live {
        println!("\nThe incident goes on: look at the pages above, or try\n");
        println!("  curl -s http://{web}/metrics | grep endpoint_cause\n");
        println!("Ctrl-C ends it.");
        drop(tokio::signal::ctrl_c().await);
    }
    stop.cancel();
    running.join_all().await;
    if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// How fast everything goes.
struct Pace {
    interval: &'static str,
    timeout: &'static str,
    pause: &'static str,
    /// The longest that a verdict may take: an interval and the confirmations, with some room for a busy machine.
    limit: Duration,
    /// Whether the incident is mended at the end.
    repairs: bool,
}

impl Pace {
    fn shipped() -> Self {
        Self {
            interval: "15s",
            timeout: "5s",
            pause: "2s",
            limit: Duration::from_secs(60),
            repairs: false,
        }
    }

    fn fast() -> Self {
        Self {
            interval: "2s",
            timeout: "1s",
            pause: "200ms",
            limit: Duration::from_secs(20),
            repairs: true,
        }
    }
}

/// The part of the internet that matters here.
struct Internet {
    dns: DnsLab,
    authority: Authority,
    old_router: WebLab,
    /// Serves what it should all the time; only DNS does not lead to it.
    _new_router: WebLab,
    port: u16,
}

impl Internet {
    async fn start() -> Self {
        let authority = Authority::new();
        let names: Vec<String> = (0..DOMAINS).map(domain).collect();
        let others: Vec<&str> = names[1..].iter().map(String::as_str).collect();
        let good = || authority.leaf(&names[0]).also(&others).issue();
        let router = |address: SocketAddr| {
            WebLab::tls(good())
                .at(address)
                .route("/c/canary", Answer::redirect(302, LANDING))
        };
        let old_router = router((OLD_ROUTER, 0).into()).start().await;
        let port = old_router.port();
        let new_router = router((NEW_ROUTER, port).into()).start().await;
        let dns = DnsLab::start().await;
        dns.a(OLD_TARGET, &[&OLD_ROUTER.to_string()]);
        dns.a(NEW_TARGET, &[&NEW_ROUTER.to_string()]);
        for name in &names {
            dns.flatten(name, OLD_TARGET);
        }
        Self {
            dns,
            authority,
            old_router,
            _new_router: new_router,
            port,
        }
    }

    /// The platform resets the targets: the old router no longer knows the domains.
    fn reset_targets(&self) {
        let own = self
            .authority
            .leaf("*.platform.example")
            .also(&["platform.example"])
            .issue();
        self.old_router.certificate(&own);
    }

    /// The owner sets the record that linkwatch names.
    fn repair_dns(&self) {
        for number in 0..DOMAINS {
            self.dns.flatten(&domain(number), NEW_TARGET);
        }
    }

    fn write_config(&self, directory: &Path, pace: &Pace, target: &str) {
        let Pace {
            interval,
            timeout,
            pause,
            ..
        } = pace;
        let (resolver, port) = (self.dns.addr(), self.port);
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
"#,
            first_part = "buttondown-",
            roots = roots.display(),
        );
        std::fs::write(directory.join("linkwatch.yml"), config).expect("write the configuration");
    }
}

fn domain(number: usize) -> String {
    format!("buttondown-{number:04}.example")
}

fn settings(directory: &Path) -> Settings {
    Settings {
        config_file: directory.join("linkwatch.yml"),
        auto_reload: None,
        storage_path: Some(directory.join("data")),
        timeout_offset: Duration::from_millis(500),
        external_url: None,
        shard: Shard::WHOLE,
    }
}

/// Breaks things, watches, repairs; true if everything was seen as it should be.
async fn replay(internet: &Internet, state: &State, web: SocketAddr, directory: &Path, pace: &Pace) -> bool {
    let mut timeline = Timeline::new();
    let healthy = all(state, |known| known.up == Some(true) && root(known).is_none());
    let passed = timeline.wait("all ten up, no cause", pace.limit, &healthy).await
        && break_it(internet, web, directory, pace, &mut timeline).await
        && watch_it_break(state, pace, &timeline).await
        && scrape_it(web, &timeline).await;
    if !passed {
        timeline.show_instead(state);
        return false;
    }
    print_advice(state);
    if pace.repairs {
        timeline.restart("the owner sets the record that the page names");
        internet.repair_dns();
        return timeline.wait("all ten up, no cause", pace.limit, &healthy).await;
    }
    true
}

/// The fault: the platform forgets the domains, the configuration learns of the new target, DNS stays as it was.
async fn break_it(
    internet: &Internet,
    web: SocketAddr,
    directory: &Path,
    pace: &Pace,
    timeline: &mut Timeline,
) -> bool {
    timeline
        .restart("the platform resets the targets; DNS keeps the old ones; the configuration is reloaded");
    internet.reset_targets();
    internet.write_config(directory, pace, NEW_TARGET);
    let answer = request(web, "POST", "/-/reload").await;
    answer.is_some_and(|answer| answer.split(' ').nth(1) == Some("200"))
}

/// Waits for the verdicts: unconfirmed, confirmed, everywhere.
async fn watch_it_break(state: &State, pace: &Pace, timeline: &Timeline) -> bool {
    let failed_before = failures(state);
    let drift = |known: &EndpointState| {
        known.up == Some(false)
            && root(known) == Some(Cause::DnsTargetDrift)
            && symptom(known) == Some(Cause::TlsHostnameMismatch)
    };
    let first = "the first is confirmed down: dns_target_drift, tls_hostname_mismatch";
    timeline
        .wait("the first probe fails", pace.limit, || {
            failures(state) > failed_before
        })
        .await
        && timeline.wait(first, pace.limit, || count(state, drift) > 0).await
        && timeline
            .wait(
                "all ten are confirmed down, with the same cause",
                pace.limit,
                all(state, drift),
            )
            .await
}

/// Looks at what Prometheus would see.
async fn scrape_it(web: SocketAddr, timeline: &Timeline) -> bool {
    let scraped = request(web, "GET", "/metrics").await.unwrap_or_default();
    let seen = |name: &str, labels: &str, value: &str| {
        let matches = |line: &&str| line.starts_with(name) && line.contains(labels) && line.ends_with(value);
        scraped.lines().filter(matches).count()
    };
    let down = seen("linkwatch_endpoint_up{", "", " 0");
    let roots = seen("linkwatch_endpoint_cause{", "cause=\"dns_target_drift\"", " 1");
    timeline.note(&format!(
        "/metrics: endpoint_up 0 on {down}, root dns_target_drift on {roots}"
    ));
    (down, roots) == (DOMAINS, DOMAINS)
}

/// What the first endpoint's page says.
fn print_advice(state: &State) {
    let catalogue = state.catalogue();
    let Some(slot) = catalogue.slots.first() else {
        return;
    };
    let Some(known) = slot.current() else { return };
    if let Some(found) = known.verdict.as_ref().and_then(|verdict| verdict.root.as_ref()) {
        println!("\n  {}: {}", slot.endpoint.name, found.cause.meaning());
        println!("    expected  {}\n    actual    {}", found.expected, found.actual);
        println!(
            "    remedy    {}\n",
            linkwatch::diagnosis::remedy(found, &slot.endpoint)
        );
    }
}

/// Prints what happened when.
struct Timeline {
    began: Instant,
}

impl Timeline {
    fn new() -> Self {
        println!("\n   0.0 s  linkwatch starts");
        Self {
            began: Instant::now(),
        }
    }

    fn restart(&mut self, event: &str) {
        self.began = Instant::now();
        println!(
            "\n   0.0 s  {event}   ({})",
            SystemClock.now().strftime("%H:%M:%S UTC")
        );
    }

    fn note(&self, event: &str) {
        println!("{:6.1} s  {event}", self.began.elapsed().as_secs_f64());
    }

    async fn wait(&self, event: &str, limit: Duration, holds: impl Fn() -> bool) -> bool {
        let deadline = Instant::now() + limit;
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        while !holds() {
            if Instant::now() > deadline {
                println!("   ---    within {limit:?} not seen: {event}");
                return false;
            }
            tick.tick().await;
        }
        self.note(event);
        true
    }

    /// Shows what is known in place of what should be.
    fn show_instead(&self, state: &State) {
        self.note("what is known instead:");
        for slot in &state.catalogue().slots {
            let verdict = slot.current().and_then(|known| known.verdict.clone());
            println!("          {}: {verdict:?}", slot.endpoint.name);
        }
    }
}

fn symptom(known: &EndpointState) -> Option<Cause> {
    Some(known.verdict.as_ref()?.symptom.as_ref()?.cause)
}

fn root(known: &EndpointState) -> Option<Cause> {
    Some(known.verdict.as_ref()?.root.as_ref()?.cause)
}

fn count(state: &State, holds: impl Fn(&EndpointState) -> bool) -> usize {
    state
        .catalogue()
        .slots
        .iter()
        .filter(|slot| slot.current().is_some_and(|known| holds(&known)))
        .count()
}

fn all(state: &State, holds: impl Fn(&EndpointState) -> bool) -> impl Fn() -> bool {
    move || count(state, &holds) == DOMAINS
}

fn failures(state: &State) -> u64 {
    state
        .catalogue()
        .slots
        .iter()
        .filter_map(|slot| slot.current())
        .map(|known| known.failures)
        .sum()
}

/// One plain HTTP request; the whole answer as text (HTTP/1.0, so that it comes in one piece).
async fn request(web: SocketAddr, method: &str, path: &str) -> Option<String> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(web).await.ok()?;
    let request = format!("{method} {path} HTTP/1.0\r\nHost: {web}\r\nContent-Length: 0\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    Some(answer)
}
