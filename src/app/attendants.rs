//! The tasks that belong to the configuration in force: discovery, anchors and traffic. Replaced whole with it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::Config;
use crate::discovery::{Discovered, Source};
use crate::endpoint::{Endpoint, GroupName};
use crate::probe::{Module, Prober};
use crate::record::Recorder;
use crate::traffic;
use crate::vantage;

/// What the tasks work with, whatever the configuration.
#[derive(Debug)]
pub(super) struct Means {
    pub(super) anchor_module: Arc<Module>,
    pub(super) recorder: Arc<Recorder>,
    pub(super) clock: Arc<dyn Clock>,
    /// Every endpoint, whichever share of the catalogue it is in.
    pub(super) endpoints: watch::Receiver<Arc<[Arc<Endpoint>]>>,
    /// Whether traffic is watched here: one share does it for all, since groups are judged as a whole.
    pub(super) watches_traffic: bool,
}

/// One source of one group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct SourceKey {
    pub(super) group: GroupName,
    /// Its place in the group's list.
    pub(super) source: usize,
}

/// What a source has found.
#[derive(Debug)]
pub(super) struct Found {
    generation: u64,
    pub(super) key: SourceKey,
    pub(super) hosts: Vec<Discovered>,
}

/// Owns the tasks.
#[derive(Debug)]
pub(super) struct Attendants {
    generation: u64,
    tasks: JoinSet<()>,
    stop: CancellationToken,
    sender: mpsc::Sender<Found>,
    receiver: mpsc::Receiver<Found>,
    doubts: Arc<Mutex<mpsc::Receiver<()>>>,
    means: Means,
}

impl Attendants {
    pub(super) fn new(doubts: Arc<Mutex<mpsc::Receiver<()>>>, means: Means) -> Self {
        let (sender, receiver) = mpsc::channel(64);
        Self {
            generation: 0,
            tasks: JoinSet::new(),
            stop: CancellationToken::new(),
            sender,
            receiver,
            doubts,
            means,
        }
    }

    /// What a source has found next.
    pub(super) async fn next(&mut self) -> Option<Found> {
        self.receiver.recv().await
    }

    /// Whether it was found for the configuration in force.
    pub(super) fn is_current(&self, found: &Found) -> bool {
        found.generation == self.generation
    }

    /// Ends the tasks of the last configuration and starts those of this one.
    pub(super) fn replace(&mut self, config: &Config, prober: &Arc<Prober>) {
        self.stop.cancel();
        self.stop = CancellationToken::new();
        self.generation += 1;
        while self.tasks.try_join_next().is_some() {}
        self.discover(config);
        self.watch_anchors(config, prober);
        self.watch_traffic(config);
    }

    fn discover(&mut self, config: &Config) {
        for plan in &config.groups {
            for (place, settings) in plan.sources.iter().enumerate() {
                let key = SourceKey {
                    group: plan.group.name.clone(),
                    source: place,
                };
                let source = match Source::new(settings.clone()) {
                    Ok(source) => source,
                    Err(error) => {
                        tracing::error!(group = %key.group, %error, "a source of discovery cannot be used");
                        continue;
                    }
                };
                let found = self.sender.clone();
                self.tasks
                    .spawn(discover(source, key, self.generation, found, self.stop.clone()));
            }
        }
    }

    fn watch_anchors(&mut self, config: &Config, prober: &Arc<Prober>) {
        if config.anchors.is_empty() {
            self.means.recorder.no_anchors();
        } else {
            let watch = vantage::Watch {
                anchors: config.anchors.clone(),
                module: Arc::clone(&self.means.anchor_module),
                prober: Arc::clone(prober),
                recorder: Arc::clone(&self.means.recorder),
            };
            self.tasks
                .spawn(watch.run(Arc::clone(&self.doubts), self.stop.clone()));
        }
    }

    fn watch_traffic(&mut self, config: &Config) {
        let plan = config.traffic.as_ref().filter(|_| self.means.watches_traffic);
        let Some(plan) = plan else {
            self.means.recorder.traffic_replaced(&[], &[]);
            return;
        };
        let watch = traffic::watch::Watch {
            plan: Arc::clone(plan),
            endpoints: self.means.endpoints.clone(),
            recorder: Arc::clone(&self.means.recorder),
            clock: Arc::clone(&self.means.clock),
        };
        self.tasks.spawn(watch.run(self.stop.clone()));
    }

    pub(super) async fn stop(&mut self) {
        self.stop.cancel();
        self.tasks.shutdown().await;
    }
}

/// Asks one source again and again; what cannot be had is said, and what was found last stays.
async fn discover(
    mut source: Source,
    key: SourceKey,
    generation: u64,
    found: mpsc::Sender<Found>,
    stop: CancellationToken,
) {
    loop {
        let refreshed = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            refreshed = source.refresh() => refreshed,
        };
        for problem in refreshed.problems {
            tracing::warn!(group = %key.group, %problem, "discovery failed: what was found last stays");
        }
        if refreshed.changed {
            let hosts = source.targets().to_vec();
            if found
                .send(Found {
                    generation,
                    key: key.clone(),
                    hosts,
                })
                .await
                .is_err()
            {
                return;
            }
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = tokio::time::sleep(source.interval().max(Duration::from_secs(1))) => {}
        }
    }
}
