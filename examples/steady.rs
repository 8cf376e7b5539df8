//! Two hundred healthy endpoints, of whose probes 2 % fail, never two in a row on one endpoint: nothing may be said to
//! be down.
//!
//! `cargo run --release --example steady -- --minutes 10` probes each of them every 2 s over real sockets, looks at
//! what is said of them ten times a second, and exits 0 only if no endpoint was ever said to be down and no cause that
//! takes down ever stood.

#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]
#![expect(
    clippy::expect_used,
    reason = "a demonstration that cannot be set up has nothing to show"
)]

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use linkwatch::app::{App, Settings, Shard, WebSettings};
use linkwatch::cause::{Cause, Effect};
use linkwatch::clock::SystemClock;
use linkwatch::state::State;
use linkwatch::telemetry;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The lab that the tests use.
#[path = "../tests/it"]
pub mod it {
    pub mod lab;
}
use it::lab::{Answer, Authority, DnsLab, WebLab};

const ENDPOINTS: usize = 200;

/// One probe of so many fails, of those that do not follow a failure: of all probes it is one in 50, 2 %.
const ONE_OF: u64 = 49;

/// How often is looked at what is said.
const LOOK: Duration = Duration::from_millis(100);

#[tokio::main]
async fn main() -> ExitCode {
    let Some(minutes) = minutes() else {
        println!("usage: steady [--minutes N]");
        return ExitCode::from(2);
    };
    telemetry::install(telemetry::Level::Error, None, telemetry::Format::Logfmt);
    let directory = tempfile::tempdir().expect("a temporary directory");
    let internet = Internet::start().await;
    internet.write_config(directory.path());
    let settings = Settings {
        config_file: directory.path().join("linkwatch.yml"),
        auto_reload: None,
        storage_path: Some(directory.path().join("data")),
        timeout_offset: Duration::from_millis(500),
        external_url: None,
        shard: Shard::WHOLE,
        web: WebSettings::default(),
    };
    let app = App::load(settings, Arc::new(SystemClock)).expect("the configuration loads");
    let state = app.state();
    let stop = CancellationToken::new();
    let mut running = JoinSet::new();
    running.spawn(app.run(Vec::new(), stop.clone()));
    println!("{ENDPOINTS} endpoints, an interval of 2 s, 2 % of all probes fail, {minutes} minutes");

    let mut watch = Watch::default();
    let began = Instant::now();
    let end = began + Duration::from_secs(60 * minutes);
    let mut tick = tokio::time::interval(LOOK);
    let mut report = began + Duration::from_secs(60);
    while Instant::now() < end {
        tick.tick().await;
        watch.look(&state);
        if Instant::now() >= report {
            report += Duration::from_secs(60);
            println!(
                "{:6.0} s  {} probes, {} failures injected",
                began.elapsed().as_secs_f64(),
                probes(&state),
                internet.faults.injected.load(Ordering::Relaxed)
            );
        }
    }
    let passed = watch.judge(&state, &internet.faults);
    stop.cancel();
    running.join_all().await;
    if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// What `--minutes` says; 10 without it.
fn minutes() -> Option<u64> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [] => Some(10),
        [flag, minutes] if flag == "--minutes" => minutes.parse().ok().filter(|minutes| *minutes > 0),
        _ => None,
    }
}

/// The part of the internet that matters here.
struct Internet {
    dns: DnsLab,
    authority: Authority,
    site: WebLab,
    faults: Arc<Faults>,
}

impl Internet {
    async fn start() -> Self {
        let authority = Authority::new();
        let faults = Arc::new(Faults::default());
        let choose = Arc::clone(&faults);
        let site = WebLab::tls(authority.good("*.steady.example"))
            .answer(Answer::decide(move |request| choose.answer(&request.host)))
            .start()
            .await;
        let dns = DnsLab::start().await;
        for number in 0..ENDPOINTS {
            dns.a(&format!("e{number:03}.steady.example"), &["127.0.0.1"]);
        }
        Self {
            dns,
            authority,
            site,
            faults,
        }
    }

    fn write_config(&self, directory: &Path) {
        let config = format!(
            r#"global:
  interval: 2s
  timeout: 1s
resolver:
  servers: ["udp://{resolver}"]
modules:
  steady: {{prober: http, http: {{tls_config: {{ca_file: "{roots}"}}}}}}
groups:
  - name: steady
    hosts: ["e{{000..{last}}}.steady.example"]
    url: "https://{{host}}:{port}/"
    module: steady
"#,
            resolver = self.dns.addr(),
            roots = self.authority.root_pem_file().display(),
            last = ENDPOINTS - 1,
            port = self.site.port(),
        );
        std::fs::write(directory.join("linkwatch.yml"), config).expect("write the configuration");
    }
}

/// Which requests fail, and how.
#[derive(Default)]
struct Faults {
    /// Whether the last request to each host failed.
    failed: Mutex<HashMap<String, bool>>,
    /// How many requests there were.
    requests: AtomicU64,
    injected: AtomicU64,
}

impl Faults {
    fn answer(&self, host: &str) -> Answer {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let random = scrambled(number);
        let mut hosts = self.failed.lock().expect("a map that nothing panicked with");
        let failed = hosts.entry(host.to_owned()).or_default();
        *failed = !*failed && random.is_multiple_of(ONE_OF);
        if !*failed {
            return Answer::text("ok\n");
        }
        self.injected.fetch_add(1, Ordering::Relaxed);
        match random / ONE_OF % 5 {
            0 => Answer::status(503),
            1 => Answer::CloseBeforeHead,
            2 => Answer::ResetAfterRequest,
            3 => Answer::CloseInBody,
            _ => Answer::Stall,
        }
    }
}

/// The numbers of `SplitMix64` (Steele, Lea and Flood, 2014): the same faults in every run, in no order.
fn scrambled(number: u64) -> u64 {
    let mut mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// What was ever said.
#[derive(Default)]
struct Watch {
    looks: u64,
    /// Since when each endpoint is up. Another date later tells of an outage, however short.
    since: HashMap<String, Timestamp>,
    /// Endpoints that were ever said to be down.
    down: BTreeSet<String>,
    /// Causes that ever stood, with the endpoint.
    causes: BTreeSet<(Cause, String)>,
    /// Endpoints that ever had a first failure.
    confirming: BTreeSet<String>,
}

impl Watch {
    fn look(&mut self, state: &State) {
        self.looks += 1;
        for slot in &state.catalogue().slots {
            let Some(known) = slot.current() else { continue };
            let name = slot.endpoint.name.as_str();
            let up_since = known.since.filter(|_| known.up == Some(true));
            let first = up_since.map(|at| *self.since.entry(name.to_owned()).or_insert(at));
            if known.up == Some(false) || first != up_since {
                self.down.insert(name.to_owned());
            }
            if known.memory.confirming() {
                self.confirming.insert(name.to_owned());
            }
            for finding in known.verdict.iter().flat_map(|verdict| verdict.findings()) {
                self.causes.insert((finding.cause, name.to_owned()));
            }
        }
    }

    /// Prints the figures; true if nothing was ever said to be down.
    fn judge(&self, state: &State, faults: &Faults) -> bool {
        let up = count_up(state);
        let injected = faults.injected.load(Ordering::Relaxed);
        let per_mille = |of: u64| injected * 1000 / of.max(1);
        let requests = faults.requests.load(Ordering::Relaxed);
        let failures = failures(state);
        let taking_down: Vec<_> = self
            .causes
            .iter()
            .filter(|(cause, _)| cause.effect() == Effect::Down)
            .collect();
        let mut said = String::new();
        for (cause, name) in &self.causes {
            // Writing to a String cannot fail.
            let _ = writeln!(said, "  stood:          {cause} of {name}");
        }
        println!(
            "\n  probes:         {}\n  requests:       {requests}\n  failures:       {injected} injected ({}.{} %), {failures} seen",
            probes(state),
            per_mille(requests) / 10,
            per_mille(requests) % 10,
        );
        println!(
            "  first failures: on {} of {ENDPOINTS} endpoints, none confirmed but those named below",
            self.confirming.len()
        );
        println!("  looks:          {} at all {ENDPOINTS}", self.looks);
        println!(
            "  verdicts:       {up} up at the end, {} ever down, {} causes ever stood, {} of them take down\n{said}",
            self.down.len(),
            self.causes.len(),
            taking_down.len()
        );
        self.down.is_empty() && taking_down.is_empty() && up == ENDPOINTS && per_mille(requests) >= 15
    }
}

fn count_up(state: &State) -> usize {
    let catalogue = state.catalogue();
    let slots = catalogue.slots.iter();
    slots
        .filter(|slot| slot.current().is_some_and(|known| known.up == Some(true)))
        .count()
}

fn probes(state: &State) -> u64 {
    let catalogue = state.catalogue();
    let groups = catalogue.groups.iter();
    groups
        .map(|group| group.counters.probes.load(Ordering::Relaxed))
        .sum()
}

fn failures(state: &State) -> u64 {
    let catalogue = state.catalogue();
    let slots = catalogue.slots.iter();
    slots
        .filter_map(|slot| slot.current())
        .map(|known| known.failures)
        .sum()
}
