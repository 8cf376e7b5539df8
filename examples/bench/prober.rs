//! linkwatch's own probe, as the program makes it, without the rest of the program.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use linkwatch::clock::SystemClock;
use linkwatch::endpoint::{AddressChoice, Expectation, ModuleName};
use linkwatch::metrics::blackbox::success;
use linkwatch::outcome::Outcome;
use linkwatch::probe::http::Settings;
use linkwatch::probe::policy;
use linkwatch::probe::{Module, Prober, ProberKind, Request, dns, tls};
use tokio::time::Instant;
use url::Url;

const TIMEOUT: Duration = Duration::from_secs(5);

/// One endpoint, to be probed again and again.
#[derive(Debug)]
pub(crate) struct Probing {
    prober: Prober,
    module: Arc<Module>,
    url: Url,
    expect: Expectation,
}

impl Probing {
    /// Of a URL whose authority has this root.
    pub(crate) fn new(url: Url, root: Vec<u8>) -> anyhow::Result<Self> {
        let settings = settings(tls::Settings {
            roots: Some(root),
            ..tls::Settings::default()
        })?;
        Ok(Self {
            prober: Prober {
                resolver: dns::Resolver::new(dns::Settings::default()),
                clock: Arc::new(SystemClock),
                intermediates: tls::Intermediates::default(),
                bodies: Arc::default(),
            },
            module: Arc::new(Module {
                timeout: None,
                prober: ProberKind::Http(Box::new(settings)),
            }),
            url,
            expect: Expectation::default(),
        })
    }

    /// By a module of a configuration.
    pub(crate) fn by(configuration: &Path, module: &str, url: Url) -> anyhow::Result<Self> {
        let config = linkwatch::config::load(configuration)?;
        let module = config.modules.get(&ModuleName::from(module)).cloned();
        Ok(Self {
            prober: linkwatch::app::prober(&config, Arc::new(SystemClock), Arc::default()),
            module: module.with_context(|| format!("no such module in {}", configuration.display()))?,
            url,
            expect: Expectation::default(),
        })
    }

    /// Probes so many times, one after the other; tells how often it failed.
    pub(crate) async fn probe(&self, count: usize) -> usize {
        let mut failed = 0;
        for _ in 0..count {
            let request = Request {
                url: &self.url,
                module: &self.module,
                addresses: AddressChoice::All,
                expect: &self.expect,
                told: &[],
                former_targets: &[],
                marked: true,
                hostname: None,
                policy: &policy::OPEN,
                deadline: Instant::now() + TIMEOUT,
            };
            let outcome = self.prober.probe(&request).await;
            failed += usize::from(!is_good(&outcome));
        }
        failed
    }
}

fn is_good(outcome: &Outcome) -> bool {
    outcome.attempts.len() == 1 && success(outcome)
}

/// The defaults of the http prober.
fn settings(tls: tls::Settings) -> anyhow::Result<Settings> {
    Ok(Settings::new(tls::Connector::new(tls)?))
}
