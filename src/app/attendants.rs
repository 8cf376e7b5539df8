//! The tasks that belong to the configuration in force: discovery, anchors, platforms and traffic. Replaced whole with it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, broadcast, mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::Config;
use crate::coverage;
use crate::discovery::{Discovered, Feed, Source};
use crate::endpoint::{Endpoint, GroupName, PlatformName};
use crate::foresight;
use crate::platform;
use crate::probe::{Module, Prober};
use crate::record::Recorder;
use crate::state::State;
use crate::traffic;
use crate::vantage;

/// How often traffic is looked at for new hosts: its bins are a minute long at least.
const BETWEEN_LOOKS: Duration = Duration::from_secs(30);

/// What the tasks work with, whatever the configuration.
#[derive(Debug)]
pub(super) struct Means {
    pub(super) anchor_module: Arc<Module>,
    pub(super) recorder: Arc<Recorder>,
    pub(super) state: Arc<State>,
    pub(super) clock: Arc<dyn Clock>,
    /// Every endpoint, whichever share of the catalogue it is in.
    pub(super) endpoints: watch::Receiver<Arc<[Arc<Endpoint>]>>,
    /// Tells of the platforms whose endpoints begin to fail.
    pub(super) failing: broadcast::Sender<PlatformName>,
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

/// What has been learnt for a configuration.
#[derive(Debug)]
pub(super) struct News {
    pub(super) generation: u64,
    pub(super) what: What,
}

/// What can be learnt.
#[derive(Debug)]
pub(super) enum What {
    /// A source of discovery has found these hosts.
    Hosts(SourceKey, Vec<Discovered>),
    /// A platform expects something else than before, or clicks are seen on other hosts.
    Elsewhere,
}

/// Owns the tasks.
#[derive(Debug)]
pub(super) struct Attendants {
    generation: u64,
    tasks: JoinSet<()>,
    stop: CancellationToken,
    sender: mpsc::Sender<News>,
    receiver: mpsc::Receiver<News>,
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

    /// What has been learnt next.
    pub(super) async fn next(&mut self) -> Option<News> {
        self.receiver.recv().await
    }

    /// Whether it was learnt for the configuration in force.
    pub(super) const fn is_current(&self, generation: u64) -> bool {
        generation == self.generation
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
        self.watch_platforms(config);
        self.follow_traffic(config);
        self.look_ahead(config, prober);
        self.cover(config);
    }

    fn watch_platforms(&mut self, config: &Config) {
        for settings in &config.platforms {
            let watch = platform::watch::Watch {
                settings: settings.clone(),
                recorder: Arc::clone(&self.means.recorder),
                clock: Arc::clone(&self.means.clock),
                doubts: self.means.failing.subscribe(),
            };
            let (news, generation) = (self.sender.clone(), self.generation);
            let tell = move || {
                let news = news.clone();
                async move {
                    let what = What::Elsewhere;
                    // Nobody is left to be told only while the program ends.
                    let _ = news.send(News { generation, what }).await;
                }
            };
            self.tasks.spawn(watch.run(tell, self.stop.clone()));
        }
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

    /// Holds what is watched against what there is; one share does it for all, since it knows every endpoint.
    fn cover(&mut self, config: &Config) {
        self.means.recorder.coverage_replaced(|name| {
            let mut sources = config.coverage.iter().flat_map(|plan| &plan.sources);
            sources.any(|source| source.name == name)
        });
        let Some(plan) = config.coverage.clone().filter(|_| self.means.watches_traffic) else {
            return;
        };
        let watch = coverage::watch::Watch {
            plan,
            endpoints: self.means.endpoints.clone(),
            state: Arc::clone(&self.means.state),
            recorder: Arc::clone(&self.means.recorder),
        };
        self.tasks.spawn(watch.run(self.stop.clone()));
    }

    fn look_ahead(&mut self, config: &Config, prober: &Arc<Prober>) {
        let foresight::Settings {
            authorities,
            feeds,
            registration,
            ..
        } = &config.foresight;
        if authorities.is_empty() && feeds.is_empty() && registration.is_none() {
            return;
        }
        let means = foresight::watch::Means {
            prober: Arc::clone(prober),
            state: Arc::clone(&self.means.state),
            recorder: Arc::clone(&self.means.recorder),
            clock: Arc::clone(&self.means.clock),
        };
        let watch = foresight::watch::Watch::new(&config.foresight, means);
        self.tasks.spawn(watch.run(self.stop.clone()));
    }

    /// Looks whether clicks are seen on hosts that no group has yet.
    fn follow_traffic(&mut self, config: &Config) {
        let feeds = config.groups.iter().flat_map(|plan| &plan.feeds);
        let streams: Vec<Arc<str>> = feeds
            .filter_map(|feed| match feed {
                Feed::Traffic(stream) => Some(Arc::clone(stream)),
                Feed::Platform(_) => None,
            })
            .collect();
        if streams.is_empty() {
            return;
        }
        let (news, generation, stop) = (self.sender.clone(), self.generation, self.stop.clone());
        let state = Arc::clone(&self.means.state);
        self.tasks.spawn(async move {
            let seen = || {
                let traffic = state.traffic();
                streams
                    .iter()
                    .map(|stream| traffic.hosts(stream))
                    .collect::<Vec<_>>()
            };
            let mut before = seen();
            loop {
                tokio::select! {
                    biased;
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(BETWEEN_LOOKS) => {}
                }
                let after = seen();
                if after != before {
                    before = after;
                    let what = What::Elsewhere;
                    // Nobody is left to be told only while the program ends.
                    let _ = news.send(News { generation, what }).await;
                }
            }
        });
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
    found: mpsc::Sender<News>,
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
                .send(News {
                    generation,
                    what: What::Hosts(key.clone(), hosts),
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
