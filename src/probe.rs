//! One probe of one endpoint: resolve, connect, handshake, exchange; every stage returns facts.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join_all};
use tokio::time::Instant;
use url::{Host, Url};

use self::budget::Stage;
use self::call::Call;
use self::policy::Policy;
use crate::clock::Clock;
use crate::endpoint::{AddressChoice, DnsTarget, Endpoint, Expectation, ModuleName, ProberName};
use crate::outcome::{Attempt, Family, Outcome, Resolution, TargetStanding};

mod budget;
mod call;
pub mod connect;
pub mod dialogue;
pub mod dns;
pub mod grpc;
pub mod http;
pub mod icmp;
pub mod line;
mod local_wake;
pub mod nameserver;
pub mod policy;
pub mod tcp;
pub mod tls;
pub mod unix;
pub mod websocket;

/// Addresses of one name that are tried: a hostile zone may have thousands.
const ADDRESSES_LIMIT: usize = 32;

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
    /// A dialogue by lines or bytes over TCP.
    Tcp(Box<tcp::Settings>),
    /// A dialogue over a socket of this machine.
    Unix(Box<unix::Settings>),
    /// A question to a DNS server.
    Dns(Box<nameserver::Settings>),
    /// The health check of gRPC.
    Grpc(Box<grpc::Settings>),
    /// A dialogue by messages over a WebSocket.
    WebSocket(Box<websocket::Settings>),
    /// An ICMP echo request.
    Icmp(Box<icmp::Settings>),
}

/// Which of a host's addresses are asked: two keys that every prober with addresses has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addressing {
    /// The family whose addresses come first.
    pub preferred: Family,
    /// Whether the other family is used when the preferred one has no address.
    pub fallback: bool,
}

impl ProberKind {
    /// Which it is.
    #[must_use]
    pub const fn name(&self) -> ProberName {
        match self {
            Self::Http(_) => ProberName::Http,
            Self::Tcp(_) => ProberName::Tcp,
            Self::Unix(_) => ProberName::Unix,
            Self::Dns(_) => ProberName::Dns,
            Self::Grpc(_) => ProberName::Grpc,
            Self::WebSocket(_) => ProberName::WebSocket,
            Self::Icmp(_) => ProberName::Icmp,
        }
    }

    /// How the target's addresses are chosen; `None` where it has none.
    const fn addressing(&self) -> Option<Addressing> {
        match self {
            Self::Http(settings) => Some(settings.addressing),
            Self::Tcp(settings) => Some(settings.addressing),
            Self::Dns(settings) => Some(settings.addressing),
            Self::Icmp(settings) => Some(settings.addressing),
            Self::Unix(_) => None,
            Self::Grpc(settings) => Some(settings.addressing),
            Self::WebSocket(settings) => Some(settings.addressing),
        }
    }

    /// Whether the target's name is left to a proxy.
    fn leaves_resolving(&self, url: &Url) -> bool {
        match self {
            Self::Http(settings) => settings.proxies.resolve(url),
            Self::Tcp(_)
            | Self::Unix(_)
            | Self::Dns(_)
            | Self::Icmp(_)
            | Self::Grpc(_)
            | Self::WebSocket(_) => false,
        }
    }

    /// Whose addresses are asked for a target: its own, but where the module names a server.
    fn place<'a>(&'a self, target: &'a Url) -> &'a Url {
        match self {
            Self::Http(_)
            | Self::Tcp(_)
            | Self::Unix(_)
            | Self::Icmp(_)
            | Self::Grpc(_)
            | Self::WebSocket(_) => target,
            Self::Dns(settings) => settings.place(target),
        }
    }

    /// Tries the target at each address; without one, where it is left to a proxy.
    fn attempts<'a>(&'a self, call: Call<'a>, addresses: &[IpAddr]) -> Vec<BoxFuture<'a, Attempt>> {
        // Boxed: an attempt is some kilobytes, and joining moves them about.
        match self {
            Self::Http(settings) if settings.proxies.resolve(call.request.url) => {
                vec![http::Journey { call, settings }.attempt(None).boxed()]
            }
            Self::Http(settings) => {
                let journey = http::Journey { call, settings };
                each(addresses, |address| journey.attempt(Some(address)).boxed())
            }
            Self::Tcp(settings) => each(addresses, |address| tcp::attempt(call, settings, address).boxed()),
            Self::Unix(settings) => vec![unix::attempt(call, settings).boxed()],
            Self::Dns(settings) => each(addresses, |address| {
                nameserver::attempt(call, settings, address).boxed()
            }),
            Self::Grpc(settings) => each(addresses, |address| {
                grpc::attempt(call, settings, address).boxed()
            }),
            Self::WebSocket(settings) => each(addresses, |address| {
                websocket::attempt(call, settings, address).boxed()
            }),
            Self::Icmp(settings) => each(addresses, |address| {
                icmp::attempt(call, settings, address).boxed()
            }),
        }
    }
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
    /// Where the host's platform says that it must lead, beside what is expected of the answer.
    pub told: &'a [DnsTarget],
    /// DNS targets that were expected formerly, to tell a change from a drift.
    pub former_targets: &'a [String],
    /// Whether the probe marks its requests (`build_info::MARKER_HEADER`): catalogue probes do, `/probe` does not.
    pub marked: bool,
    /// `Host` header and server name to use in place of the URL's.
    pub hostname: Option<&'a str>,
    /// What may be asked at which address.
    pub policy: &'a Policy,
    /// When everything must have ended.
    pub deadline: Instant,
}

impl<'a> Request<'a> {
    /// A probe of a watched endpoint, from now on within its timeout.
    #[must_use]
    pub fn catalogue(endpoint: &'a Endpoint, module: &'a Module, former_targets: &'a [String]) -> Self {
        let group = &endpoint.group;
        let timeout = module.timeout.map_or(group.timeout, |own| own.min(group.timeout));
        Self {
            url: &endpoint.url,
            module,
            addresses: group.addresses,
            expect: &group.expect,
            told: endpoint.told.as_deref().unwrap_or_default(),
            former_targets,
            marked: true,
            hostname: None,
            // Whoever runs the program has chosen what is watched.
            policy: &policy::OPEN,
            deadline: Instant::now() + timeout,
        }
    }
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
    /// What there is for the bodies of answers.
    pub bodies: Arc<http::Bodies>,
}

impl Prober {
    /// Probes once. Never fails: what goes wrong is part of the outcome. Ends by the request's deadline.
    ///
    /// With `AddressChoice::All` every address is tried at once, 32 at most.
    pub async fn probe(&self, request: &Request<'_>) -> Outcome {
        local_wake::keep(pin!(self.ask(request))).await
    }

    async fn ask(&self, request: &Request<'_>) -> Outcome {
        let started = self.clock.now();
        let begun = Instant::now();
        let prober = &request.module.prober;
        let addressing = prober
            .addressing()
            .filter(|_| !prober.leaves_resolving(request.url));
        let resolution = match addressing {
            Some(addressing) => self.resolve(request, addressing).await,
            None => Resolution::elsewhere(),
        };
        let call = Call {
            prober: self,
            request,
            dns: resolution.elapsed,
        };
        let most = match request.addresses {
            AddressChoice::All => ADDRESSES_LIMIT,
            AddressChoice::One => 1,
        };
        let addresses = &resolution.addresses;
        let attempts = prober.attempts(call, addresses.get(..most).unwrap_or(addresses));
        let attempts = join_all(attempts).await;
        Outcome {
            prober: prober.name(),
            judges_json: matches!(prober, ProberKind::Http(settings) if settings.judges_json()),
            started,
            elapsed: begun.elapsed(),
            resolution,
            attempts,
        }
    }

    async fn resolve(&self, request: &Request<'_>, addressing: Addressing) -> Resolution {
        let host = host_of(request.module.prober.place(request.url));
        let targets = targets(request);
        let question = dns::Question {
            host: &host,
            preferred: addressing.preferred,
            fallback: addressing.fallback,
            thorough: request.addresses == AddressChoice::All,
            targets: &targets,
        };
        let until = budget::until(Stage::Dns, request.deadline);
        self.resolver.resolve(&question, until).await
    }
}

fn each<'a>(
    addresses: &[IpAddr],
    attempt: impl Fn(IpAddr) -> BoxFuture<'a, Attempt>,
) -> Vec<BoxFuture<'a, Attempt>> {
    addresses.iter().map(|address| attempt(*address)).collect()
}

/// The names that the host should lead to, and those that it should have led to before.
fn targets<'a>(request: &Request<'a>) -> Vec<(&'a str, TargetStanding)> {
    let Some(expected) = &request.expect.dns else {
        return Vec::new();
    };
    let told = request.told.iter().filter_map(DnsTarget::name);
    let current = told.chain(expected.names());
    let mut targets: Vec<_> = current.map(|name| (name, TargetStanding::Current)).collect();
    for former in request.former_targets {
        if !targets.iter().any(|(name, _)| *name == former.as_str()) {
            targets.push((former, TargetStanding::Former));
        }
    }
    targets
}

/// The name that a server is verified by: the host's, or what the request puts in its place.
fn server_name<'a>(request: &'a Request<'_>) -> Cow<'a, str> {
    request
        .hostname
        .map_or_else(|| host_of(request.url), Cow::Borrowed)
}

/// The host of a URL: a name, or an address without brackets. Of schemes that are not the web's, an address of the
/// fourth version stands in a URL as a name would. A socket of this machine has no name but the machine's own.
fn host_of(url: &Url) -> Cow<'_, str> {
    match url.host() {
        Some(Host::Domain(name)) => Cow::Borrowed(name),
        Some(Host::Ipv4(address)) => Cow::Owned(address.to_string()),
        Some(Host::Ipv6(address)) => Cow::Owned(address.to_string()),
        None => Cow::Borrowed("localhost"),
    }
}
