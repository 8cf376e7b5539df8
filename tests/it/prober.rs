//! Probes by a module as its file has it: what the probers other than `http` have in common in tests.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use linkwatch::clock::{Clock as _, SystemClock};
use linkwatch::config::{self, Files};
use linkwatch::diagnosis::{Context, Verdict, diagnose};
use linkwatch::endpoint::{AddressChoice, Endpoint, Expectation, ModuleName};
use linkwatch::metrics::blackbox::{Probe, render};
use linkwatch::metrics::negotiate::Format;
use linkwatch::outcome::Outcome;
use linkwatch::probe::http::Bodies;
use linkwatch::probe::policy;
use linkwatch::probe::{Module, Prober, Request, dns, tls};
use tokio::time::Instant;
use url::Url;

use crate::lab::DnsLab;
use crate::watched;

/// What is asked, and how.
pub(crate) struct Asking {
    module: Arc<Module>,
    servers: Vec<dns::Server>,
    timeout: Duration,
    addresses: AddressChoice,
    bodies: Arc<Bodies>,
}

impl Asking {
    /// By a module, as it stands below its name.
    pub(crate) fn by(module: &str) -> Self {
        Self::by_files(module, &[])
    }

    /// By a module that names these files, each with what it holds.
    pub(crate) fn by_files(module: &str, files: &[(&str, &str)]) -> Self {
        let mut text = String::from("modules:\n  asked:\n");
        for line in module.lines() {
            writeln!(text, "    {line}").expect("a string takes all");
        }
        let files = files
            .iter()
            .map(|(name, held)| (name.into(), held.as_bytes().to_vec()));
        let config = config::parse(Path::new("linkwatch.yml"), text.as_bytes(), Files::memory(files))
            .unwrap_or_else(|errors| panic!("{errors}"));
        Self {
            module: Arc::clone(&config.modules[&ModuleName::from("asked")]),
            servers: vec![dns::Server::System],
            timeout: Duration::from_secs(10),
            addresses: AddressChoice::One,
            bodies: Arc::default(),
        }
    }

    /// With what there is for the bodies of answers in common with others.
    pub(crate) fn sharing(mut self, bodies: &Arc<Bodies>) -> Self {
        self.bodies = Arc::clone(bodies);
        self
    }

    /// What there is for the bodies of answers.
    pub(crate) fn bodies(&self) -> Arc<Bodies> {
        Arc::clone(&self.bodies)
    }

    /// Names are looked up there.
    pub(crate) fn asking(mut self, dns: &DnsLab) -> Self {
        self.servers = vec![dns::Server::Udp(dns.addr())];
        self
    }

    /// Within this time.
    pub(crate) fn within(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// At all addresses of a name.
    pub(crate) fn everywhere(mut self) -> Self {
        self.addresses = AddressChoice::All;
        self
    }

    /// Probes once.
    pub(crate) async fn probe(&self, url: &str) -> Seen {
        let prober = Prober {
            resolver: dns::Resolver::new(dns::Settings {
                servers: self.servers.clone(),
                ..dns::Settings::default()
            }),
            clock: Arc::new(SystemClock),
            intermediates: tls::Intermediates::default(),
            bodies: self.bodies(),
        };
        let url = Url::parse(url).expect("a URL");
        let outcome = prober
            .probe(&Request {
                url: &url,
                module: &self.module,
                addresses: self.addresses,
                expect: &Expectation::default(),
                told: &[],
                former_targets: &[],
                marked: false,
                hostname: None,
                policy: &policy::OPEN,
                deadline: Instant::now() + self.timeout,
            })
            .await;
        let endpoint = Endpoint::of(url, watched::group("tested"));
        let verdict = diagnose(&outcome, &endpoint, &Context::at(SystemClock.now()));
        Seen { outcome, verdict }
    }
}

/// What a probe saw and what was made of it.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) outcome: Outcome,
    pub(crate) verdict: Verdict,
}

impl Seen {
    /// The cause that is shown first; empty where none stands.
    pub(crate) fn root(&self) -> &'static str {
        self.verdict.root.as_ref().map_or("", |root| root.cause.as_str())
    }

    /// The series of `/probe` in the classic text format.
    pub(crate) fn series(&self) -> String {
        let probe = Probe {
            outcome: &self.outcome,
            cause: self.verdict.root.as_ref().map(|root| root.cause.into()),
        };
        let series = render(&probe, Format::CLASSIC).expect("series that can be written");
        String::from_utf8(series).expect("text")
    }

    /// The value of a series, by its name and labels; `None` where there is none.
    pub(crate) fn value(&self, series: &str) -> Option<f64> {
        let text = self.series();
        let mut lines = text.lines();
        let value = lines.find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
        Some(value.parse().expect("a number"))
    }
}
