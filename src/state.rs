//! What is known now: one record per endpoint, and the counters. Written by `record` alone, read by
//! `metrics` and `web`.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use jiff::Timestamp;
use prometheus_client::metrics::histogram::Histogram;

use crate::cause::Cause;
use crate::diagnosis::Verdict;
use crate::endpoint::{Endpoint, Group, Labels};
use crate::outcome::{ChainFacts, Timings};

/// The whole of what is known; shared by reference.
#[derive(Debug)]
pub struct State {
    catalogue: ArcSwap<Catalogue>,
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

impl State {
    /// What is watched now.
    #[must_use]
    pub fn catalogue(&self) -> Arc<Catalogue> {
        self.catalogue.load_full()
    }
}

/// What is known of an endpoint.
#[derive(Debug, Clone, Default)]
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
    /// The last answer, as sorted texts.
    pub answer: Vec<String>,
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
            lag: Histogram::new([0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0]),
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

impl State {
    /// Begins with this catalogue.
    #[must_use]
    pub fn new(catalogue: Catalogue, own: Own) -> Self {
        Self {
            catalogue: ArcSwap::from_pointee(catalogue),
            own,
        }
    }

    /// Replaces what is watched.
    pub fn replace(&self, catalogue: Catalogue) {
        self.catalogue.store(Arc::new(catalogue));
    }
}
