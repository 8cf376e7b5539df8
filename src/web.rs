//! What is known, over HTTP: metrics, health, the configuration, the JSON API, probes on demand and a page.
//!
//! A server holds no state of its own. It reads the state that the scrape reads, and asks `app` for what it may not do
//! itself: a reload over one bounded channel, a probe by way of [`Probing`].

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::{Request, Response, StatusCode, Version};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::{JoinError, JoinSet};

use crate::cause::ProbeCause;
use crate::clock::Clock;
use crate::endpoint::{AddressChoice, Endpoint};
use crate::metrics::Exporter;
use crate::outcome::Outcome;
use crate::state::State;

pub mod access;
mod api;
mod badge;
mod body;
mod connection;
mod gate;
mod logs;
mod page;
mod probe;
mod route;
mod stall;
mod traffic;

pub use gate::{Gate, Room};
pub use logs::shown_target;
pub use probe::Explained;

use access::Access;
use body::Body;

/// The longest pause after an accept that failed for want of resources.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a server shows and whom it asks. Cloned for every listener.
#[derive(Debug, Clone)]
pub struct Site {
    /// What is known.
    pub state: Arc<State>,
    /// Dates what is computed when it is asked for.
    pub clock: Arc<dyn Clock>,
    /// What only `app` knows.
    pub front: Arc<ArcSwap<Front>>,
    /// Where requests go that `app` carries out; a full channel is answered with 503.
    pub commands: mpsc::Sender<Command>,
    /// Makes the probes on demand.
    pub probing: Arc<dyn Probing>,
    /// Taken off the scrape timeout that Prometheus announces (`--timeout-offset`).
    pub timeout_offset: Duration,
    /// How much is taken on.
    pub limits: Limits,
    /// Who is let in, and how; replaced whole when its file changes.
    pub access: Arc<ArcSwap<Access>>,
    /// Which probes on demand may begin; replaced whole when the configuration changes.
    pub gate: Arc<ArcSwap<Gate>>,
    /// What all paths begin with: empty, or a slash and more without one at its end.
    pub prefix: Arc<str>,
}

/// What only `app` knows.
#[derive(Debug, Clone, Default)]
pub struct Front {
    /// Whether a configuration is loaded and its probes have begun.
    pub ready: bool,
    /// The configuration in YAML, with every secret masked.
    pub config: Arc<str>,
    /// The URL under which users reach this server; `None`: the one they used.
    pub external_url: Option<url::Url>,
}

/// How much a server takes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections held at once; more wait to be accepted.
    pub connections: usize,
    /// How long a TLS handshake may take.
    pub handshake: Duration,
    /// How long a request's head may take, and how long a connection may lie idle.
    pub head: Duration,
    /// How long either may take on a connection that is accepted while few are left: whoever sends nothing shall not keep out
    /// those who ask.
    pub scarce: Duration,
    /// How long a reader may take nothing of what it asked for.
    pub stall: Duration,
    /// How long requests under way may take once the server stops.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 512,
            handshake: Duration::from_secs(10),
            // Longer than anybody's scrape interval, so that a scraper's connection lasts.
            head: Duration::from_secs(180),
            scarce: Duration::from_secs(1),
            stall: Duration::from_secs(30),
            grace: Duration::from_secs(10),
        }
    }
}

/// What a server asks `app` to do.
#[derive(Debug)]
pub enum Command {
    /// Load the configuration anew.
    Reload {
        /// Done, or why the old configuration stays.
        reply: oneshot::Sender<Result<(), String>>,
    },
}

/// Makes probes on demand, in the task of whoever asks: a request that goes away takes its probe along.
pub trait Probing: fmt::Debug + Send + Sync {
    /// Probes once, now.
    fn probe(&self, request: ProbeRequest) -> BoxFuture<'_, Result<Arc<ProbeAnswer>, Unprobed>>;
}

/// A probe on demand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeRequest {
    /// As it was asked for: a URL, or a host.
    pub target: String,
    /// The module's name.
    pub module: String,
    /// `Host` header and server name to use in place of the target's.
    pub hostname: Option<String>,
    /// Which of the target's addresses are probed.
    pub addresses: AddressChoice,
    /// What the scraper leaves for it. The module's own timeout counts where it is shorter, or where this is zero.
    pub timeout: Duration,
}

/// What came of a probe on demand.
#[derive(Debug)]
pub struct ProbeAnswer {
    /// What was asked; or why the target is one that nobody can ask.
    pub asked: Result<Endpoint, String>,
    /// What it saw.
    pub outcome: Outcome,
    /// What stands in the way, by this one probe.
    pub cause: Option<ProbeCause>,
    /// The module in YAML, with every secret masked.
    pub module: Arc<str>,
}

/// What is wrong with the request for a probe, for the one who sent it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadProbe(pub String);

/// Why a probe was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unprobed {
    /// It cannot be made as it was asked for.
    #[error(transparent)]
    Bad(#[from] BadProbe),
    /// The target may not be probed from here.
    #[error("{0}")]
    Forbidden(String),
}

impl Unprobed {
    const fn status(&self) -> StatusCode {
        match self {
            Self::Bad(_) => StatusCode::BAD_REQUEST,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
        }
    }
}

/// How a server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Every request was answered.
    Clean,
    /// So many connections were cut off when the grace period was over.
    Cut(usize),
}

/// Serves until `stop`, then answers what is under way, for as long as the grace period lasts.
pub async fn serve(listener: TcpListener, site: Site, stop: impl Future<Output = ()>) -> Ended {
    let limits = site.limits;
    let permits = Arc::new(Semaphore::new(limits.connections));
    let server = Arc::new(Server {
        exporter: Exporter::new(Arc::clone(&site.state), Arc::clone(&site.clock)),
        connections: Arc::clone(&permits),
        site,
    });
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            biased;
            () = &mut stop => break,
            Some(ended) = connections.join_next(), if !connections.is_empty() => note(ended),
            (stream, permit) = accept(&listener, &permits) => {
                let connection = connection::serve(Arc::clone(&server), stream, graceful.watcher());
                connections.spawn(async move {
                    if let Err(error) = connection.await {
                        tracing::debug!(%error, "connection ended early");
                    }
                    drop(permit);
                });
            }
        }
    }
    drop(listener);
    let ended = if tokio::time::timeout(limits.grace, graceful.shutdown())
        .await
        .is_ok()
    {
        Ended::Clean
    } else {
        while connections.try_join_next().is_some() {}
        Ended::Cut(connections.len())
    };
    connections.shutdown().await;
    ended
}

/// What the requests of one server share.
#[derive(Debug)]
struct Server {
    site: Site,
    exporter: Exporter,
    /// Connections that may still be made.
    connections: Arc<Semaphore>,
}

impl Server {
    /// Whether fewer than a quarter of the connections are left.
    fn is_scarce(&self) -> bool {
        self.connections.available_permits() < self.site.limits.connections / 4
    }

    /// How long to wait for whoever has just connected: as usual, or less while connections are scarce.
    fn patience(&self, usual: Duration) -> Duration {
        if self.is_scarce() {
            self.site.limits.scarce
        } else {
            usual
        }
    }
}

/// Waits until a connection may be held, then for one.
async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    // Nobody closes the semaphore; were it closed, connections would only not be counted.
    let permit = Arc::clone(permits).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, permit),
            Err(error) => {
                // Out of file descriptors, most likely: try again when some may be free.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Answers one request, whatever its handler does.
async fn answer(server: Arc<Server>, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let access = server.site.access.load_full();
    let version = request.version();
    let mut response = match access.admit(request.headers()).await {
        Ok(()) => handled(&server, request).await,
        Err(refusal) => refusal,
    };
    access.dress(response.headers_mut());
    // While connections are scarce, none may lie idle. In HTTP/2 the header has no meaning (RFC 9113 section 8.2.2).
    if server.is_scarce() && version < Version::HTTP_2 {
        response
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

async fn handled(server: &Arc<Server>, request: Request<Incoming>) -> Response<Body> {
    let path = request.uri().path().to_owned();
    let handled = AssertUnwindSafe(route::route(server, request))
        .catch_unwind()
        .await;
    handled.unwrap_or_else(|_| {
        tracing::error!(path, "the handler of a request panicked");
        body::text(StatusCode::INTERNAL_SERVER_ERROR, "internal error\n")
    })
}

fn note(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection's task failed");
    }
}
