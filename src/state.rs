//! What is known now: one record per endpoint, and the counters. Written by `record` alone, read by
//! `metrics` and `web`.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use jiff::Timestamp;
use prometheus_client::metrics::histogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::cause::Cause;
use crate::diagnosis::Verdict;
use crate::endpoint::{DnsTarget, Endpoint, EndpointName, Group, GroupName, Labels};
use crate::observation;
use crate::outcome::{ChainFacts, Timings};
use crate::outlook::platform::{self, TargetChange};

pub mod platforms;
pub mod store;
pub mod traffic;

use platforms::Platforms;
use traffic::Traffic;

/// How many former targets are kept per endpoint.
const MOST_FORMER_TARGETS: usize = 4;

/// Buckets of the scheduler's lag in seconds: from a timer's tick to a probe that is hopelessly late.
const LAG_BUCKETS: [f64; 9] = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

/// The whole of what is known; shared by reference.
#[derive(Debug)]
pub struct State {
    catalogue: ArcSwap<Catalogue>,
    traffic: ArcSwap<Traffic>,
    platforms: ArcSwap<Platforms>,
    /// What linkwatch knows of itself.
    pub own: Own,
}

/// What is watched, with what is known of each; replaced whole by a reload.
#[derive(Debug, Default)]
pub struct Catalogue {
    /// In order of name.
    pub groups: Vec<Arc<GroupSlot>>,
    /// In order of group, then name.
    pub slots: Vec<Arc<Slot>>,
}

/// A group and its counters; both survive a reload that keeps the group's name.
#[derive(Debug)]
pub struct GroupSlot {
    /// What its endpoints share.
    pub group: Arc<Group>,
    /// The group's own labels, for its own series.
    pub labels: Labels,
    /// What has been counted.
    pub counters: Arc<GroupCounters>,
}

/// What is counted per group.
#[derive(Debug)]
pub struct GroupCounters {
    /// Probes made.
    pub probes: AtomicU64,
    /// Failed probes by the symptom's cause, in the order of `Cause::ALL`.
    pub failures: Box<[AtomicU64]>,
    /// Scheduled probes that were not made because the last one of the endpoint was still running.
    pub missed_runs: AtomicU64,
}

impl Default for GroupCounters {
    fn default() -> Self {
        Self {
            probes: AtomicU64::new(0),
            failures: Cause::ALL.iter().map(|_| AtomicU64::new(0)).collect(),
            missed_runs: AtomicU64::new(0),
        }
    }
}

/// What linkwatch knows of itself.
#[derive(Debug)]
pub struct Own {
    /// Probes running now.
    pub in_flight: AtomicU64,
    /// Seconds between when a probe was due and when it began.
    pub lag: Histogram,
    /// What the rarer events left.
    pub health: ArcSwap<Health>,
}

/// What changes rarely.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Health {
    /// Whether any anchor answers; `None` without anchors, or before they were asked.
    pub vantage_up: Option<bool>,
    /// Our clock minus the servers', by the median of their `Date` headers, in seconds; `None` unknown.
    pub clock_skew: Option<f64>,
    /// Whether the last load of the configuration worked.
    pub reload_successful: bool,
    /// When it last worked.
    pub reload_success: Option<Timestamp>,
    /// Whether what is known outlives a restart.
    pub storage_persistent: bool,
}

/// One endpoint and what is known of it.
#[derive(Debug)]
pub struct Slot {
    /// What is watched.
    pub endpoint: Arc<Endpoint>,
    /// `None` until its first probe (or what the store remembers).
    current: ArcSwapOption<EndpointState>,
}

impl Slot {
    /// What is known of the endpoint; `None` before its first probe.
    #[must_use]
    pub fn current(&self) -> Option<Arc<EndpointState>> {
        self.current.load_full()
    }
}

impl Slot {
    /// An endpoint of which nothing is known yet.
    #[must_use]
    pub fn new(endpoint: Arc<Endpoint>) -> Self {
        Self {
            endpoint,
            current: ArcSwapOption::empty(),
        }
    }

    /// Replaces what is known; for `record` alone.
    pub fn publish(&self, state: EndpointState) {
        self.current.store(Some(Arc::new(state)));
    }
}

impl Catalogue {
    /// What is to be watched, with what was known of the same names before: counters, verdicts and last answers stay,
    /// what is no longer watched is gone.
    #[must_use]
    pub fn succeed(
        &self,
        groups: impl IntoIterator<Item = (Arc<Group>, Labels)>,
        endpoints: impl IntoIterator<Item = Arc<Endpoint>>,
        mut remembered: impl FnMut(&EndpointName) -> Option<EndpointState>,
        now: Timestamp,
    ) -> Self {
        let counters: HashMap<_, _> = self
            .groups
            .iter()
            .map(|slot| (&slot.group.name, Arc::clone(&slot.counters)))
            .collect();
        let known: HashMap<_, _> = self
            .slots
            .iter()
            .filter_map(|slot| Some((&slot.endpoint.name, slot.current()?)))
            .collect();
        let mut groups: Vec<_> = groups
            .into_iter()
            .map(|(group, labels)| {
                let counters = counters.get(&group.name).cloned().unwrap_or_default();
                Arc::new(GroupSlot {
                    group,
                    labels,
                    counters,
                })
            })
            .collect();
        groups.sort_by(|a, b| a.group.name.cmp(&b.group.name));
        let mut slots: Vec<_> = endpoints
            .into_iter()
            .map(|endpoint| {
                let known = known.get(&endpoint.name).map(|state| EndpointState::clone(state));
                let state = known
                    .or_else(|| remembered(&endpoint.name))
                    .map(|state| state.under(&endpoint, now));
                let slot = Slot::new(endpoint);
                if let Some(state) = state {
                    slot.publish(state);
                }
                Arc::new(slot)
            })
            .collect();
        slots.sort_by(|a, b| {
            (&a.endpoint.group.name, &a.endpoint.name).cmp(&(&b.endpoint.group.name, &b.endpoint.name))
        });
        Self { groups, slots }
    }

    /// Finds a group by its name.
    #[must_use]
    pub fn group(&self, name: &GroupName) -> Option<&GroupSlot> {
        let place = self
            .groups
            .binary_search_by(|slot| slot.group.name.cmp(name))
            .ok()?;
        self.groups.get(place).map(AsRef::as_ref)
    }

    /// Finds an endpoint by its name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Arc<Slot>> {
        self.slots.iter().find(|slot| slot.endpoint.name.as_str() == name)
    }
}

impl Own {
    /// Nothing counted yet; `storage_persistent` says whether what is known outlives a restart.
    #[must_use]
    pub fn new(storage_persistent: bool) -> Self {
        Self {
            in_flight: AtomicU64::new(0),
            lag: Histogram::new(LAG_BUCKETS),
            health: ArcSwap::from_pointee(Health {
                storage_persistent,
                ..Health::default()
            }),
        }
    }

    /// Changes what changes rarely.
    pub fn update(&self, change: impl Fn(&mut Health)) {
        self.health.rcu(|health| {
            let mut health = Health::clone(health);
            change(&mut health);
            health
        });
    }
}

impl EndpointState {
    /// Whether a restart would say the same of both: all that matters but when and how fast the last probe was.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
        let essence = |state: &Self| {
            let mut state = state.clone();
            (state.last_run, state.chain_observed) = (None, None);
            (state.timings, state.duration) = (Timings::default(), Duration::ZERO);
            state
        };
        essence(self) == essence(other)
    }

    /// The same knowledge under a definition that may have changed: targets that were expected become former ones.
    fn under(mut self, endpoint: &Endpoint, now: Timestamp) -> Self {
        match &endpoint.told {
            Some(told) => {
                let standing = self.target_change.as_ref();
                self.target_change = platform::change(standing, &self.told, told, now);
                self.told = told.to_vec();
            }
            // What the platform said is out of force, or has not been heard since the start.
            None if endpoint.platform().is_none() => (self.target_change, self.told) = (None, Vec::new()),
            None => {}
        }
        let targets = endpoint.target_names();
        if self.targets != targets {
            let mut former = std::mem::take(&mut self.targets);
            former.append(&mut self.former_targets);
            former.retain(|name| !targets.contains(name));
            former.truncate(MOST_FORMER_TARGETS);
            self.former_targets = former;
            self.targets = targets;
        }
        self
    }
}

impl State {
    /// Begins with this catalogue.
    #[must_use]
    pub fn new(catalogue: Catalogue, own: Own) -> Self {
        Self {
            catalogue: ArcSwap::from_pointee(catalogue),
            traffic: ArcSwap::default(),
            platforms: ArcSwap::default(),
            own,
        }
    }

    /// Replaces what is watched.
    pub fn replace(&self, catalogue: Catalogue) {
        self.catalogue.store(Arc::new(catalogue));
    }

    /// What is known of click traffic.
    #[must_use]
    pub fn traffic(&self) -> Arc<Traffic> {
        self.traffic.load_full()
    }

    /// Changes what is known of click traffic, and gives what was known before; for `record` alone.
    pub fn change_traffic(&self, change: impl Fn(&Traffic) -> Traffic) -> Arc<Traffic> {
        self.traffic.rcu(|traffic| change(traffic))
    }

    /// What the platforms say.
    #[must_use]
    pub fn platforms(&self) -> Arc<Platforms> {
        self.platforms.load_full()
    }

    /// Changes what is known of platforms, and gives what was known before; for `record` alone.
    pub fn change_platforms(&self, change: impl Fn(&Platforms) -> Platforms) -> Arc<Platforms> {
        self.platforms.rcu(|platforms| change(platforms))
    }

    /// What is watched now.
    #[must_use]
    pub fn catalogue(&self) -> Arc<Catalogue> {
        self.catalogue.load_full()
    }
}

/// What is known of an endpoint.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EndpointState {
    /// When it was last probed; `None` while all that is known comes from the store.
    pub last_run: Option<Timestamp>,
    /// 1 up, 0 down and confirmed; absent until the first verdict.
    pub up: Option<bool>,
    /// Since when `up` has been what it is.
    pub since: Option<Timestamp>,
    /// The standing verdict: of the last probe while up, of the last confirming probe while down.
    pub verdict: Option<Arc<Verdict>>,
    /// Whether it fails and recovers in turn (`Cause::Flapping` then stands among the verdict's others).
    pub flapping: bool,
    /// Whether a maintenance window holds.
    pub in_maintenance: bool,
    /// Phases of the last probe.
    pub timings: Timings,
    /// The whole of the last probe.
    pub duration: Duration,
    /// Status of the last answer, 0 without one.
    pub status: u16,
    /// The last chain seen; it stays while the endpoint is unreachable.
    pub chain: Option<Arc<ChainFacts>>,
    /// When that chain was seen.
    pub chain_observed: Option<Timestamp>,
    /// Probes that failed, unconfirmed ones too.
    pub failures: u64,
    /// Changes of the DNS answer (chain end, or addresses where there is no chain).
    pub answer_changes: u64,
    /// When it last changed.
    pub answer_changed: Option<Timestamp>,
    /// What the confirmation of failures remembers from probe to probe.
    pub memory: observation::Memory,
    /// The last answer: the end of the CNAME chain, else the addresses, sorted.
    pub answer: Vec<String>,
    /// The DNS targets that were expected at the last probe.
    pub targets: Vec<String>,
    /// Targets that were expected before those, newest first.
    pub former_targets: Vec<String>,
    /// What the platform expected when it last spoke.
    pub told: Vec<DnsTarget>,
    /// A change of that, which DNS has not followed.
    pub target_change: Option<TargetChange>,
}
