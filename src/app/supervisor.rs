//! Holds the configuration in force and what discovery has found, and turns every change into a new deployment.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Mutex, broadcast, mpsc, watch};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::on_demand::{OnDemand, Terms};
use super::{Settings, attendants, demand};
use crate::clock::Clock;
use crate::config::{self, Config, ConfigErrors, GroupPlan, Sources};
use crate::discovery::{self, Discovered, Feed};
use crate::endpoint::{Endpoint, Labels, ModuleName};
use crate::probe::{Module, Prober};
use crate::record::Recorder;
use crate::schedule::runner::{Deployment, Doubts, Runner};
use crate::state::State;
use crate::state::store::Remembered;
use crate::web::{Command, Front, Gate};

/// What the supervisor is built from.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) settings: Settings,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) state: Arc<State>,
    pub(super) recorder: Arc<Recorder>,
    pub(super) front: Arc<ArcSwap<Front>>,
    pub(super) gate: Arc<ArcSwap<Gate>>,
    pub(super) on_demand: Arc<OnDemand>,
    pub(super) anchor_module: Arc<Module>,
    pub(super) remembered: Remembered,
}

/// The loop that holds it all together.
#[derive(Debug)]
pub(super) struct Supervisor {
    parts: Parts,
    config: Config,
    /// The files of the last reload, where they could not be used.
    refused: Option<Sources>,
    prober: Arc<Prober>,
    /// What each source of each group has found; the last good answer stays over reloads.
    found: HashMap<attendants::SourceKey, Vec<Discovered>>,
    attendants: attendants::Attendants,
    deployments: watch::Sender<Deployment>,
    /// Every endpoint, whichever share of the catalogue it is in.
    everything: watch::Sender<Arc<[Arc<Endpoint>]>>,
}

impl Supervisor {
    /// Puts the first configuration in force; nothing runs yet.
    pub(super) fn new(parts: Parts, config: Config) -> (Self, Runner) {
        let bodies = Arc::clone(&parts.state.own.bodies);
        let prober = Arc::new(super::prober(&config, Arc::clone(&parts.clock), bodies));
        let deployment = Deployment {
            catalogue: parts.state.catalogue(),
            modules: Arc::new(config.modules.clone()),
            prober: Arc::clone(&prober),
        };
        let (deployments, deployed) = watch::channel(deployment);
        let (doubt, doubts) = mpsc::channel(1);
        let (everything, endpoints) = watch::channel(Arc::from([]));
        let (failing, _) = broadcast::channel(16);
        let means = attendants::Means {
            failing: failing.clone(),
            state: Arc::clone(&parts.state),
            anchor_module: Arc::clone(&parts.anchor_module),
            recorder: Arc::clone(&parts.recorder),
            clock: Arc::clone(&parts.clock),
            endpoints,
            watches_traffic: parts.settings.shard.ordinal == 0,
        };
        let attendants = attendants::Attendants::new(Arc::new(Mutex::new(doubts)), means);
        let runner = Runner::new(
            deployed,
            Arc::clone(&parts.recorder),
            Doubts {
                anchors: doubt,
                platforms: failing,
            },
        );
        let mut supervisor = Self {
            parts,
            config,
            refused: None,
            prober,
            found: HashMap::new(),
            attendants,
            deployments,
            everything,
        };
        supervisor.put_in_force();
        (supervisor, runner)
    }

    /// Attends to whatever comes until told to stop.
    pub(super) async fn run(mut self, mut asked: mpsc::Receiver<Command>, stop: CancellationToken) {
        let mut hangup = hangup();
        let mut look = tokio::time::interval(self.parts.settings.auto_reload.unwrap_or(Duration::MAX / 4));
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        look.reset();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(command) = asked.recv() => self.obey(command),
                () = received(&mut hangup) => self.reload_unasked(),
                Some(news) = self.attendants.next() => self.take_in(news),
                _ = look.tick() => self.look_for_changes(),
            }
        }
        self.attendants.stop().await;
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Reload { reply } => {
                // Whoever asked may have gone: the reload stands all the same.
                let _ = reply.send(self.reload());
            }
        }
    }

    /// Loads the configuration anew; one that is not usable changes nothing but the metric that says so.
    fn reload(&mut self) -> Result<(), String> {
        self.refused = None;
        match config::load(&self.parts.settings.config_file) {
            Ok(config) if config.sources == self.config.sources => {
                tracing::info!("no file of the configuration has changed: it stays in force");
                self.parts.recorder.reload_succeeded();
                Ok(())
            }
            Ok(config) if config.is_blank && !self.config.groups.is_empty() => {
                let errors = ConfigErrors::emptied(&self.parts.settings.config_file, config.sources);
                Err(self.refuse(errors))
            }
            Ok(config) => {
                self.config = config;
                self.put_in_force();
                Ok(())
            }
            Err(errors) => Err(self.refuse(errors)),
        }
    }

    /// A reload that nobody waits for; what is wrong with it is in the log and the metric.
    fn reload_unasked(&mut self) {
        let _ = self.reload();
    }

    fn refuse(&mut self, errors: ConfigErrors) -> String {
        self.parts.recorder.reload_failed();
        let text = errors.to_string();
        self.refused = Some(errors.sources);
        tracing::error!(errors = %text, "the configuration cannot be used: the one in force stays");
        text
    }

    /// Reloads if a file of the configuration has changed since it was read, whether it could be used then or not.
    fn look_for_changes(&mut self) {
        let read = self.refused.as_ref().unwrap_or(&self.config.sources);
        if read.changed() {
            self.reload_unasked();
        }
    }

    fn take_in(&mut self, attendants::News { generation, what }: attendants::News) {
        if !self.attendants.is_current(generation) {
            return;
        }
        match what {
            attendants::What::Hosts(key, hosts) => {
                if self.found.get(&key) != Some(&hosts) {
                    tracing::info!(group = %key.group, hosts = hosts.len(), "discovery has changed");
                    self.found.insert(key, hosts);
                    self.deploy();
                }
            }
            // What it expects is read from the state, where it stands already.
            attendants::What::Elsewhere => self.deploy(),
        }
    }

    /// Makes everything follow the configuration.
    fn put_in_force(&mut self) {
        let bodies = Arc::clone(&self.parts.state.own.bodies);
        let clock = Arc::clone(&self.parts.clock);
        self.prober = Arc::new(super::prober(&self.config, clock, bodies));
        self.found
            .retain(|key, _| self.config.groups.iter().any(|plan| plan.group.name == key.group));
        let platforms = self.config.platforms.iter();
        let platforms: Vec<_> = platforms
            .map(|settings| (settings.name.clone(), settings.interval))
            .collect();
        let remembered = &self.parts.remembered.platforms;
        self.parts
            .recorder
            .platforms_replaced(&platforms, |name| remembered.get(name).cloned());
        let authorities = self.config.foresight.authorities.iter();
        let authorities: Vec<_> = authorities
            .map(|settings| (settings.name.clone(), settings.issuers.clone()))
            .collect();
        let feeds = self.config.foresight.feeds.iter();
        let feeds: Vec<_> = feeds.map(|feed| feed.name.clone()).collect();
        self.parts.recorder.foresight_replaced(
            &authorities,
            &feeds,
            self.config.foresight.registration.is_some(),
            &self.parts.remembered.registrations,
        );
        self.put_demand_in_force();
        self.deploy();
        self.attendants.replace(&self.config, &self.prober);
        self.parts.recorder.reload_succeeded();
        for warning in &self.config.warnings {
            tracing::warn!("{warning}");
        }
        tracing::info!(
            groups = self.config.groups.len(),
            endpoints = self.parts.state.catalogue().slots.len(),
            "the configuration is in force"
        );
        // Last: whoever waits for readiness finds all of it done.
        let config = config::show(&self.config).into();
        self.parts.front.store(Arc::new(Front {
            ready: true,
            config,
            external_url: self.parts.settings.external_url.clone(),
        }));
    }

    /// Makes `/probe` follow the configuration.
    fn put_demand_in_force(&self) {
        let parts = &self.parts;
        parts.on_demand.replace(Terms::of(&self.config, &self.prober));
        let modules = self.config.modules.keys().map(ModuleName::as_str);
        parts
            .recorder
            .demand_replaced(modules, parts.settings.web.history);
        parts.recorder.stands_in(self.config.as_blackbox);
        let room = demand::room(&self.config.demand);
        if parts.gate.load().room() != room {
            parts
                .gate
                .store(Arc::new(Gate::new(room, Arc::clone(&parts.state))));
        }
        if self.config.as_blackbox {
            tracing::warn!(
                "the file holds nothing but modules: /probe asks whatever it is told to, as blackbox_exporter does; a \
                 file with a section \"probe\" limits that"
            );
        }
    }

    /// Gives the runner and the state what is to be watched now.
    fn deploy(&mut self) {
        let found: Vec<Vec<Discovered>> = self
            .config
            .groups
            .iter()
            .map(|plan| self.found_for(plan))
            .collect();
        let plans = self
            .config
            .groups
            .iter()
            .zip(&found)
            .map(|(plan, found)| (plan, found.as_slice()));
        let (mut endpoints, rejected) = discovery::catalogue(plans);
        for rejected in rejected {
            tracing::warn!(target = rejected.target, reason = %rejected.reason, "a discovered target cannot be watched");
        }
        let platforms = self.parts.state.platforms();
        for endpoint in &mut endpoints {
            platforms.tell(endpoint);
        }
        self.everything.send_replace(endpoints.iter().cloned().collect());
        let shard = self.parts.settings.shard;
        endpoints.retain(|endpoint| shard.holds(endpoint.name.as_str()));
        let groups = self
            .config
            .groups
            .iter()
            .map(|plan| (Arc::clone(&plan.group), plan.labels.clone()));
        // Taken out, so that an endpoint that is removed and comes back later begins with nothing known.
        let remembered = &mut self.parts.remembered.endpoints;
        self.parts
            .recorder
            .replace_catalogue(groups, endpoints, |name| remembered.remove(name));
        self.deployments.send_replace(Deployment {
            catalogue: self.parts.state.catalogue(),
            modules: Arc::new(self.config.modules.clone()),
            prober: Arc::clone(&self.prober),
        });
    }

    /// What the sources of a group have found, in their order.
    fn found_for(&self, plan: &GroupPlan) -> Vec<Discovered> {
        let key = |source| attendants::SourceKey {
            group: plan.group.name.clone(),
            source,
        };
        (0..plan.sources.len())
            .filter_map(|source| self.found.get(&key(source)))
            .flatten()
            .cloned()
            .chain(plan.feeds.iter().flat_map(|feed| self.fed(feed)))
            .collect()
    }

    /// The hosts that another part of the program knows of.
    fn fed(&self, feed: &Feed) -> Vec<Discovered> {
        let hosts: Vec<String> = match feed {
            Feed::Platform(name) => {
                let platforms = self.parts.state.platforms();
                let known = platforms.find(name).and_then(|platform| platform.known.clone());
                let hosts = known.iter().flat_map(|known| known.domains.keys());
                hosts.filter(|host| !host.starts_with("*.")).cloned().collect()
            }
            Feed::Traffic(stream) => self.parts.state.traffic().hosts(stream),
        };
        let discovered = |target| Discovered {
            target,
            labels: Labels::default(),
        };
        hosts.into_iter().map(discovered).collect()
    }
}

/// The signal that asks for a reload; a system that will not tell of it is served without.
fn hangup() -> Option<Signal> {
    signal(SignalKind::hangup())
        .inspect_err(|error| tracing::warn!(%error, "SIGHUP cannot be waited for"))
        .ok()
}

async fn received(signal: &mut Option<Signal>) {
    match signal {
        Some(waiting) => {
            if waiting.recv().await.is_none() {
                std::future::pending::<()>().await;
            }
        }
        None => std::future::pending().await,
    }
}
