//! One probe of one endpoint: resolve, connect, handshake, exchange; every stage returns facts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use url::Url;

use crate::clock::Clock;
use crate::endpoint::{AddressChoice, Expectation, ModuleName};
use crate::outcome::{Outcome, TargetStanding};

pub mod connect;
pub mod dns;
pub mod http;
pub mod tls;

/// How to ask: a module in blackbox_exporter's sense, resolved and ready to use.
#[derive(Debug)]
pub struct Module {
    /// Its own limit for a whole probe; `None`: the caller's.
    pub timeout: Option<Duration>,
    /// What it speaks.
    pub prober: ProberKind,
}

/// The protocols that can be probed.
#[derive(Debug)]
pub enum ProberKind {
    /// HTTP/1.1 and HTTP/2, with or without TLS.
    Http(Box<http::Settings>),
}

/// The modules by name; replaced whole by a reload.
pub type Modules = BTreeMap<ModuleName, Arc<Module>>;

/// What to probe.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// What is asked for.
    pub url: &'a Url,
    /// How.
    pub module: &'a Module,
    /// Which addresses.
    pub addresses: AddressChoice,
    /// What must be true: its body, header, location and status rules are checked while the answer is at hand,
    /// its DNS targets are looked up beside the name.
    pub expect: &'a Expectation,
    /// DNS targets that were expected formerly, to tell a change from a drift.
    pub former_targets: &'a [String],
    /// Whether the probe marks its requests (`build_info::MARKER_HEADER`): catalogue probes do, `/probe` does not.
    pub marked: bool,
    /// `Host` header and server name to use in place of the URL's.
    pub hostname: Option<&'a str>,
    /// When everything must have ended.
    pub deadline: Instant,
}

/// What every probe shares.
#[derive(Debug)]
pub struct Prober {
    /// Asks DNS.
    pub resolver: dns::Resolver,
    /// Dates certificates and outcomes.
    pub clock: Arc<dyn Clock>,
    /// Intermediate certificates known from elsewhere: a file, or other endpoints.
    pub intermediates: tls::Intermediates,
}

impl Prober {
    /// Probes once. Never fails: what goes wrong is part of the outcome. Ends by the request's deadline.
    pub async fn probe(&self, request: &Request<'_>) -> Outcome {
        let _ = (request, TargetStanding::Current);
        unimplemented!("branch http")
    }
}
