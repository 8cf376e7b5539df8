//! A web server that can be told to misbehave at every stage: connect, TLS, HTTP.
//!
//! [`WebLab::plain`] and [`WebLab::tls`] describe one, `start` runs it. What it does is changed while it runs:
//! [`WebLab::connect`], [`WebLab::handshake`], [`WebLab::certificate`], [`WebLab::answer`], [`WebLab::route`].

pub mod answer;
mod http1;
mod http2;
mod listen;
mod seen;
mod tls;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use rustls::SupportedProtocolVersion;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
};

use self::{
    answer::Script,
    listen::{Command, Port},
    seen::Log,
    tls::{Certificates, TlsSettings},
};
use super::authority::{Authority, Issued};

pub use self::{
    answer::{Answer, Coding, Framing, Reply},
    listen::Connect,
    seen::SeenRequest,
    tls::Handshake,
};

/// Connecting to this address fails with "network unreachable" (the broadcast address of the loopback network).
pub const UNREACHABLE: Ipv4Addr = Ipv4Addr::new(127, 255, 255, 255);

/// What a connection reads of its server; every part can be replaced while it runs.
pub(crate) struct State {
    pub(crate) script: ArcSwap<Script>,
    pub(crate) handshake: ArcSwap<Handshake>,
    pub(crate) tls: Option<TlsSettings>,
    /// How far the `Date` header is off, in seconds.
    pub(crate) skew: AtomicI64,
    pub(crate) log: Log,
}

/// What a web server shall be before it starts.
#[derive(Debug)]
pub struct WebSpec {
    addr: SocketAddr,
    certificate: Option<Issued>,
    alpn: Vec<Vec<u8>>,
    versions: Vec<&'static SupportedProtocolVersion>,
    clients_of: Option<rustls::RootCertStore>,
    script: Script,
}

impl WebSpec {
    fn new(certificate: Option<Issued>) -> Self {
        Self {
            addr: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            certificate,
            alpn: vec![b"http/1.1".to_vec()],
            versions: rustls::ALL_VERSIONS.to_vec(),
            clients_of: None,
            script: Script::default(),
        }
    }

    /// Binds this address instead of 127.0.0.1 and any port; port 0 is any port. Servers at several addresses
    /// with one port: start the first at port 0, the others at its port.
    #[must_use]
    pub fn at(mut self, addr: SocketAddr) -> Self {
        self.addr = addr;
        self
    }

    /// Offers these protocols in TLS instead of `http/1.1` alone; none is none. `h2` is served as HTTP/2.
    #[must_use]
    pub fn alpn(mut self, protocols: &[&str]) -> Self {
        self.alpn = protocols
            .iter()
            .map(|protocol| protocol.as_bytes().to_vec())
            .collect();
        self
    }

    /// Speaks only these versions of TLS.
    #[must_use]
    pub fn versions(mut self, versions: &[&'static SupportedProtocolVersion]) -> Self {
        self.versions = versions.to_vec();
        self
    }

    /// Refuses clients without a certificate of this authority.
    #[must_use]
    pub fn demand_client(mut self, authority: &Authority) -> Self {
        self.clients_of = Some(authority.roots());
        self
    }

    /// Answers so wherever no route says otherwise.
    #[must_use]
    pub fn answer(mut self, answer: impl Into<Answer>) -> Self {
        self.script.set("", "", answer.into());
        self
    }

    /// Answers so at one path.
    #[must_use]
    pub fn route(mut self, path: &str, answer: impl Into<Answer>) -> Self {
        self.script.set("", path, answer.into());
        self
    }

    /// Binds and serves.
    pub async fn start(self) -> WebLab {
        let port = Port::reserve(self.addr);
        let tls = self.certificate.map(|issued| {
            TlsSettings::new(
                Certificates::of(&issued),
                self.alpn,
                &self.versions,
                self.clients_of,
            )
        });
        let scheme = if tls.is_some() { "https" } else { "http" };
        let state = Arc::new(State {
            script: ArcSwap::from_pointee(self.script),
            handshake: ArcSwap::from_pointee(Handshake::Complete),
            tls,
            skew: AtomicI64::new(0),
            log: Log::default(),
        });
        let (commands, receiver) = mpsc::channel(1);
        let addr = port.addr();
        let mut task = JoinSet::new();
        task.spawn(listen::run(port, Arc::clone(&state), receiver));
        let lab = WebLab {
            addr,
            scheme,
            state,
            commands,
            _task: task,
        };
        lab.connect(Connect::Accept).await;
        lab
    }
}

/// A running web server; dropping it ends it and every connection to it.
pub struct WebLab {
    addr: SocketAddr,
    scheme: &'static str,
    state: Arc<State>,
    commands: mpsc::Sender<Command>,
    _task: JoinSet<()>,
}

impl std::fmt::Debug for WebLab {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebLab")
            .field("addr", &self.addr)
            .field("scheme", &self.scheme)
            .finish_non_exhaustive()
    }
}

/// Life and place of an instance.
impl WebLab {
    /// HTTP/1.1 without TLS.
    #[must_use]
    pub fn plain() -> WebSpec {
        WebSpec::new(None)
    }

    /// HTTPS that presents this certificate, whatever it is.
    #[must_use]
    pub fn tls(issued: Issued) -> WebSpec {
        WebSpec::new(Some(issued))
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.addr.port()
    }

    /// The URL of a path, by address.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.addr)
    }

    /// The URL of a path, by host name.
    #[must_use]
    pub fn url_of(&self, host: &str, path: &str) -> String {
        format!("{}://{host}:{}{path}", self.scheme, self.port())
    }
}

/// Behaviour, in force for the next connection or request.
impl WebLab {
    /// What becomes of connections. In force, and older connections ended, when it returns.
    pub async fn connect(&self, connect: Connect) {
        let (done, in_force) = oneshot::channel();
        self.commands
            .send(Command { connect, done })
            .await
            .expect("a web server that runs");
        in_force.await.expect("a web server that runs");
    }

    /// What goes wrong before HTTP; [`Handshake::Complete`] heals it.
    pub fn handshake(&self, handshake: Handshake) {
        self.state.handshake.store(Arc::new(handshake));
    }

    /// Presents another certificate to hosts without their own.
    pub fn certificate(&self, issued: &Issued) {
        self.certificates(|certificates| certificates.everyone = Some(issued.certified_key()));
    }

    /// Presents another certificate to those who name this host (SNI).
    pub fn certificate_for(&self, host: &str, issued: &Issued) {
        self.certificates(|certificates| {
            certificates
                .by_name
                .insert(host.to_ascii_lowercase(), issued.certified_key());
        });
    }

    /// Has a certificate only for hosts with their own; others get an alert.
    pub fn no_other_certificate(&self) {
        self.certificates(|certificates| certificates.everyone = None);
    }

    /// Answers so wherever no route says otherwise.
    pub fn answer(&self, answer: impl Into<Answer>) {
        self.set("", "", &answer.into());
    }

    /// Answers so at one path (without the query) of every host.
    pub fn route(&self, path: &str, answer: impl Into<Answer>) {
        self.set("", path, &answer.into());
    }

    /// Answers so at every path of one host without its own route.
    pub fn host(&self, host: &str, answer: impl Into<Answer>) {
        self.set(host, "", &answer.into());
    }

    /// Answers so at one path of one host.
    pub fn host_route(&self, host: &str, path: &str, answer: impl Into<Answer>) {
        self.set(host, path, &answer.into());
    }

    /// Sets the clock of the `Date` header off by so many seconds.
    pub fn clock_skew(&self, seconds: i64) {
        self.state.skew.store(seconds, Ordering::Relaxed);
    }

    /// Accepts, completes handshakes, answers 200 everywhere and has the right time. Certificates stay.
    pub async fn heal(&self) {
        self.handshake(Handshake::Complete);
        self.state.script.store(Arc::default());
        self.clock_skew(0);
        self.connect(Connect::Accept).await;
    }

    fn set(&self, host: &str, path: &str, answer: &Answer) {
        self.state.script.rcu(|script| {
            let mut script = Script::clone(script);
            script.set(host, path, answer.clone());
            script
        });
    }

    fn certificates(&self, change: impl Fn(&mut Certificates)) {
        let tls = self.state.tls.as_ref().expect("a web server with TLS");
        tls.certificates().rcu(|certificates| {
            let mut certificates = Certificates::clone(certificates);
            change(&mut certificates);
            certificates
        });
    }
}

/// Observation.
impl WebLab {
    /// How many connections were accepted.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.state.log.connections()
    }

    /// How many requests have arrived whole.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.state.log.requests()
    }

    /// The latest requests, the oldest first, at most 64.
    #[must_use]
    pub fn recent_requests(&self) -> Vec<SeenRequest> {
        self.state.log.recent()
    }

    /// The latest request.
    #[must_use]
    pub fn last_request(&self) -> SeenRequest {
        self.recent_requests().pop().expect("a server that was asked")
    }

    /// Waits until so many requests have arrived since the start.
    pub async fn wait_for_requests(&self, count: u64, limit: Duration) {
        let arrived = tokio::time::timeout(limit, self.state.log.wait_for(count)).await;
        arrived.expect("the requests arrive within the limit");
    }
}
