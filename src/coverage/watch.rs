//! Keeps the lists of hosts, and holds what is watched against them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::source::{CoverageError, Settings};
use super::{Ignored, host};
use crate::endpoint::Endpoint;
use crate::record::Recorder;
use crate::state::State;

/// How often what the program knows by itself is looked at.
const TICK: Duration = Duration::from_secs(5);

/// After a list that could not be had, at the latest.
const AFTER_FAILURE: Duration = Duration::from_secs(600);

/// What is to be covered.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Lists that are asked for.
    pub sources: Vec<Settings>,
    /// Hosts that nobody needs to watch.
    pub ignored: Vec<Ignored>,
}

/// The name of the source that the endpoints' own certificates are.
pub const CERTIFICATES: &str = "certificates";

/// The loop.
#[derive(Debug)]
pub struct Watch {
    /// What is to be covered.
    pub plan: Plan,
    /// Every endpoint, whichever share of the catalogue it is in.
    pub endpoints: tokio::sync::watch::Receiver<Arc<[Arc<Endpoint>]>>,
    /// What platforms, clicks and certificates tell.
    pub state: Arc<State>,
    /// Makes known what is missing.
    pub recorder: Arc<Recorder>,
}

impl Watch {
    /// Looks until told to stop.
    pub async fn run(self, stop: CancellationToken) {
        let mut due: BTreeMap<usize, Instant> = BTreeMap::new();
        let mut asking: JoinSet<(usize, Result<BTreeSet<String>, CoverageError>)> = JoinSet::new();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                Some(Ok((place, list))) = asking.join_next(), if !asking.is_empty() => {
                    due.insert(place, Instant::now() + self.take_in(place, list));
                }
                _ = tick.tick() => {
                    let now = Instant::now();
                    for (place, source) in self.plan.sources.iter().enumerate() {
                        if due.get(&place).is_none_or(|due| *due <= now) {
                            // Not again before this one has come.
                            due.insert(place, now + source.interval.max(AFTER_FAILURE));
                            let source = source.clone();
                            asking.spawn(async move { (place, source.ask().await) });
                        }
                    }
                    self.look_around();
                }
            }
            self.recorder
                .coverage_held_against(&self.watched(), &self.plan.ignored);
        }
    }

    /// Makes a list known; gives how long to wait before asking again.
    fn take_in(&self, place: usize, list: Result<BTreeSet<String>, CoverageError>) -> Duration {
        let Some(source) = self.plan.sources.get(place) else {
            return AFTER_FAILURE;
        };
        match list {
            Ok(hosts) => {
                self.recorder.coverage_list(&source.name, hosts);
                source.interval
            }
            Err(error) => {
                self.recorder.coverage_failed(&source.name, &error.to_string());
                source.interval.min(AFTER_FAILURE)
            }
        }
    }

    /// What the program knows by itself: the platforms' domains, the hosts that get clicks, and the names in the
    /// certificates that are served.
    fn look_around(&self) {
        for platform in &self.state.platforms().0 {
            if let Some(known) = &platform.known {
                let hosts = known.domains.keys().filter_map(|domain| host(domain));
                self.recorder
                    .coverage_list(platform.name.as_str(), hosts.collect());
            }
        }
        let traffic = self.state.traffic();
        for stream in traffic.streams() {
            let hosts: BTreeSet<_> = traffic
                .hosts(stream)
                .iter()
                .filter_map(|name| host(name))
                .collect();
            if !hosts.is_empty() {
                self.recorder.coverage_list(stream, hosts);
            }
        }
        let mut names = BTreeSet::new();
        for slot in &self.state.catalogue().slots {
            let state = slot.current();
            let chain = state.as_ref().and_then(|state| state.chain.as_ref());
            // A certificate of somebody else's has somebody else's names.
            let own = chain
                .filter(|chain| chain.trusted())
                .and_then(|chain| chain.leaf());
            names.extend(
                own.into_iter()
                    .flat_map(|leaf| &leaf.names)
                    .filter_map(|name| host(name)),
            );
        }
        if !names.is_empty() {
            self.recorder.coverage_list(CERTIFICATES, names);
        }
    }

    fn watched(&self) -> BTreeSet<String> {
        let endpoints = self.endpoints.borrow();
        endpoints
            .iter()
            .filter_map(|endpoint| host(&endpoint.host))
            .collect()
    }
}
