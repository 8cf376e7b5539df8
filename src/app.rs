//! The composition: builds the parts from the configuration, owns their tasks, and stops them in order.
//!
//! One supervisor holds the configuration in force and what discovery has found. Whatever changes either (a signal,
//! a request, a file, a discovery) ends in one place: a new deployment for the runner.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::{self, Config, ConfigErrors, WebConfig};
use crate::probe::http::Bodies;
use crate::probe::{Module, Prober, dns, tls};
use crate::record::{Recorder, keeper};
use crate::state::store::{Remembered, Store, StoreError};
use crate::state::{Catalogue, Own, State};
use crate::web;

mod access;
mod attendants;
mod demand;
mod on_demand;
mod single;
mod supervisor;

use on_demand::{OnDemand, Terms};

/// Requests for the supervisor that may lie in their channel.
const COMMANDS: usize = 16;

/// How long connections under way may go on once everything else has stopped.
const WEB_GRACE: Duration = Duration::from_secs(3);

/// What the program is told from outside its configuration file.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The configuration.
    pub config_file: PathBuf,
    /// How often to look whether it has changed; `None`: only when told.
    pub auto_reload: Option<Duration>,
    /// Where what must outlive a restart is kept; `None`: nowhere.
    pub storage_path: Option<PathBuf>,
    /// Taken off the timeout that a scrape of `/probe` announces.
    pub timeout_offset: Duration,
    /// The URL under which users reach this server.
    pub external_url: Option<url::Url>,
    /// Which share of the catalogue is probed here.
    pub shard: Shard,
    /// What the web side is told of its own.
    pub web: WebSettings,
}

/// What the web side is told from outside the configuration.
#[derive(Debug, Clone, Default)]
pub struct WebSettings {
    /// Who is let in, and how: a file in the schema of Prometheus' exporter toolkit; `None`: everybody, without TLS.
    pub config_file: Option<PathBuf>,
    /// What all paths begin with: empty, or a slash and more without one at its end.
    pub prefix: String,
    /// Results of probes on demand that are kept, and as many failed ones of before.
    pub history: usize,
}

/// A share of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Which one, from 0.
    pub ordinal: u32,
    /// Of how many.
    pub total: u32,
}

impl Shard {
    /// Everything.
    pub const WHOLE: Self = Self { ordinal: 0, total: 1 };

    /// Whether an endpoint of this name is probed in this share.
    ///
    /// Jump consistent hash (Lamping and Veach, 2014): one more share moves as few endpoints as possible.
    #[must_use]
    pub fn holds(self, name: &str) -> bool {
        let mut key = crate::schedule::hash(name);
        let (mut bucket, mut next) = (0_u64, 0_u64);
        while next < u64::from(self.total) {
            bucket = next;
            key = key.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(1);
            next = (bucket + 1).saturating_mul(1 << 31) / ((key >> 33) + 1);
        }
        bucket == u64::from(self.ordinal)
    }
}

/// Why the program cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration is not usable.
    #[error("{0}")]
    Config(#[from] ConfigErrors),
    /// The store is not usable.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The share does not exist.
    #[error("--shard {ordinal} is not below --total-shards {total}")]
    Shard {
        /// What was asked for.
        ordinal: u32,
        /// How many there are.
        total: u32,
    },
}

/// The program, loaded and ready to run.
#[derive(Debug)]
pub struct App {
    settings: Settings,
    clock: Arc<dyn Clock>,
    config: Config,
    access: Option<WebConfig>,
    state: Arc<State>,
    store: Option<Arc<Store>>,
    anchor_module: Arc<Module>,
    remembered: Remembered,
}

impl App {
    /// Loads the configuration and opens the store.
    pub fn load(settings: Settings, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        let Shard { ordinal, total } = settings.shard;
        if ordinal >= total {
            return Err(StartError::Shard { ordinal, total });
        }
        let config = config::load(&settings.config_file)?;
        let access = settings
            .web
            .config_file
            .as_deref()
            .map(config::load_web)
            .transpose()?;
        let opened = settings.storage_path.as_deref().map(Store::open).transpose()?;
        let (store, remembered) = match opened {
            Some(opened) => {
                if let Some((aside, reason)) = &opened.set_aside {
                    tracing::error!(%reason, aside = %aside.display(), "the store was damaged: it is set aside, a new one begun");
                }
                (Some(Arc::new(opened.store)), opened.remembered)
            }
            None => (None, Remembered::default()),
        };
        let state = Arc::new(State::new(Catalogue::default(), Own::new(store.is_some())));
        let anchor_module = config::anchor_module()?;
        Ok(Self {
            settings,
            clock,
            config,
            access,
            state,
            store,
            anchor_module,
            remembered,
        })
    }

    /// Whether it stands in for `blackbox_exporter`: its configuration holds nothing but modules.
    #[must_use]
    pub const fn stands_in(&self) -> bool {
        self.config.as_blackbox
    }

    /// What is known; for tests and the one-shot commands.
    #[must_use]
    pub fn state(&self) -> Arc<State> {
        Arc::clone(&self.state)
    }

    /// Runs until told to stop: probes end first, then what is known is kept, and the web last, so that the final state
    /// can be scraped.
    pub async fn run(mut self, listeners: Vec<TcpListener>, stop: CancellationToken) {
        let (kept, changes) = mpsc::channel(keeper::ROOM);
        let mut keeping = JoinSet::new();
        if let Some(store) = self.store.take() {
            keeping.spawn(keeper::run(store, changes));
        }
        let recorder = Arc::new(Recorder::new(
            Arc::clone(&self.state),
            Arc::clone(&self.clock),
            (!keeping.is_empty()).then_some(kept),
        ));
        recorder.remember_incidents(std::mem::take(&mut self.remembered.incidents));
        let (commands, asked) = mpsc::channel(COMMANDS);
        let front = Arc::new(ArcSwap::default());
        let file = self.settings.web.config_file.as_deref();
        let access = access::Watch::new(file, self.access.take(), &recorder);
        let room = demand::room(&self.config.demand);
        let gate = web::Gate::new(room, Arc::clone(&self.state));
        let gate = Arc::new(ArcSwap::from_pointee(gate));
        let on_demand = Arc::new(self.on_demand(&recorder));
        let site = web::Site {
            state: Arc::clone(&self.state),
            clock: Arc::clone(&self.clock),
            front: Arc::clone(&front),
            commands,
            probing: Arc::clone(&on_demand) as Arc<dyn web::Probing>,
            timeout_offset: self.settings.timeout_offset,
            limits: limits(room),
            access: access.current(),
            gate: Arc::clone(&gate),
            prefix: self.settings.web.prefix.as_str().into(),
        };
        let web = Web::serve(listeners, &site);
        drop(site);
        let (supervisor, runner) = supervisor::Supervisor::new(
            supervisor::Parts {
                settings: self.settings,
                clock: self.clock,
                state: self.state,
                recorder: Arc::clone(&recorder),
                front,
                gate,
                on_demand,
                anchor_module: self.anchor_module,
                remembered: self.remembered,
            },
            self.config,
        );
        let mut running = JoinSet::new();
        let probing_stop = stop.clone();
        running.spawn(async move { runner.run(probing_stop).await });
        running.spawn(access.run(stop.clone()));
        supervisor.run(asked, stop).await;
        running.join_all().await;
        drop(recorder);
        keeping.join_all().await;
        web.stop().await;
    }

    fn on_demand(&self, recorder: &Arc<Recorder>) -> OnDemand {
        let bodies = Arc::clone(&self.state.own.bodies);
        let prober = Arc::new(prober(&self.config, Arc::clone(&self.clock), bodies));
        let terms = Terms::of(&self.config, &prober);
        OnDemand::new(terms, Arc::clone(&self.state), recorder)
    }
}

/// What the servers take on beside so many probes on demand.
fn limits(room: web::Room) -> web::Limits {
    web::Limits {
        connections: demand::connections(room),
        grace: WEB_GRACE,
        ..web::Limits::default()
    }
}

/// The servers and what stops them.
#[derive(Debug)]
struct Web {
    servers: JoinSet<web::Ended>,
    stop: CancellationToken,
}

impl Web {
    fn serve(listeners: Vec<TcpListener>, site: &web::Site) -> Self {
        let stop = CancellationToken::new();
        let mut servers = JoinSet::new();
        for listener in listeners {
            log_address(&listener);
            servers.spawn(web::serve(listener, site.clone(), stop.clone().cancelled_owned()));
        }
        Self { servers, stop }
    }

    async fn stop(self) {
        self.stop.cancel();
        for ended in self.servers.join_all().await {
            match ended {
                web::Ended::Clean => tracing::info!("stopped, every request answered"),
                web::Ended::Cut(connections) => {
                    tracing::warn!(connections, "stopped, connections were cut off");
                }
            }
        }
    }
}

fn log_address(listener: &TcpListener) {
    match listener.local_addr() {
        Ok(address) => tracing::info!(%address, "serving"),
        Err(error) => tracing::warn!(%error, "serving on an address that the system does not tell"),
    }
}

/// What probes by this configuration, with what there is for the bodies of answers whatever the configuration.
#[must_use]
pub fn prober(config: &Config, clock: Arc<dyn Clock>, bodies: Arc<Bodies>) -> Prober {
    let intermediates = config.intermediates.as_deref().unwrap_or_default();
    Prober {
        resolver: dns::Resolver::new(config.resolver.clone()),
        clock,
        intermediates: tls::Intermediates::from_pem(intermediates),
        bodies,
    }
}

/// Binds the addresses; `[::]` where there is no IPv6 becomes `0.0.0.0`.
pub async fn bind(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, (SocketAddr, std::io::Error)> {
    let mut listeners = Vec::with_capacity(addresses.len());
    for address in addresses {
        let bound = match TcpListener::bind(address).await {
            Err(error) if address.ip().is_unspecified() && address.is_ipv6() && no_ipv6(&error) => {
                TcpListener::bind((std::net::Ipv4Addr::UNSPECIFIED, address.port())).await
            }
            bound => bound,
        };
        listeners.push(bound.map_err(|error| (*address, error))?);
    }
    Ok(listeners)
}

/// Whether binding failed because the machine has no IPv6.
fn no_ipv6(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::AddrNotAvailable | std::io::ErrorKind::Unsupported
    ) || error.raw_os_error() == Some(97)
}
