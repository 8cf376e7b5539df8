//! What is known now: one record per endpoint, and the counters. Written by `record` alone, read by
//! `metrics` and `web`.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::{ArcSwap, ArcSwapOption};
use jiff::Timestamp;
use prometheus_client::metrics::histogram::Histogram;

use crate::cause::Cause;
use crate::endpoint::{Endpoint, EndpointName, Group, GroupName, Labels};
use crate::incident::{Book, Incident};
use crate::probe::http::Bodies;

pub mod coverage;
pub mod demand;
mod endpoint;
pub mod foresight;
pub mod platforms;
pub mod recent;
pub mod store;
pub mod traffic;

use coverage::Coverage;
use demand::Demand;
pub use endpoint::EndpointState;
use foresight::{Foresight, Outlook};
use platforms::Platforms;
use recent::Recent;
use traffic::Traffic;

/// Buckets of the scheduler's lag in seconds: from a timer's tick to a probe that is hopelessly late.
const LAG_BUCKETS: [f64; 9] = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

/// The whole of what is known; shared by reference.
#[derive(Debug)]
pub struct State {
    catalogue: ArcSwap<Catalogue>,
    traffic: ArcSwap<Traffic>,
    platforms: ArcSwap<Platforms>,
    foresight: ArcSwap<Foresight>,
    coverage: ArcSwap<Coverage>,
    incidents: Mutex<Book>,
    /// What has been asked of `/probe`.
    pub demand: Demand,
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
    /// What has been asked of `/metrics`.
    pub scrapes: Scrapes,
    /// What the bodies of answers cost.
    pub bodies: Arc<Bodies>,
}

/// Requests for `/metrics`.
#[derive(Debug, Default)]
pub struct Scrapes {
    /// Being answered.
    pub in_flight: AtomicU64,
    /// Answered in full.
    pub done: AtomicU64,
    /// Broken off because something could not be encoded.
    pub failed: AtomicU64,
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
    /// Whether the last load of the web configuration worked; `None` where there is none.
    pub web_reload_successful: Option<bool>,
    /// Whether the program stands in for `blackbox_exporter`: its families are shown too.
    pub as_blackbox: bool,
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
    /// What is known beside the probes: learnt by another task, and so kept apart.
    outlook: ArcSwap<Outlook>,
    recent: ArcSwap<Recent>,
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
            outlook: ArcSwap::default(),
            recent: ArcSwap::default(),
        }
    }

    /// What is known beside the probes.
    #[must_use]
    pub fn outlook(&self) -> Arc<Outlook> {
        self.outlook.load_full()
    }

    /// Replaces what is known beside the probes; for `record` alone.
    pub fn foresee(&self, outlook: Outlook) {
        self.outlook.store(Arc::new(outlook));
    }

    /// What the last probes saw.
    #[must_use]
    pub fn recent(&self) -> Arc<Recent> {
        self.recent.load_full()
    }

    /// Replaces what the last probes saw; for `record` alone.
    pub fn look_back(&self, recent: Recent) {
        self.recent.store(Arc::new(recent));
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
        let kept: HashMap<_, _> = self
            .slots
            .iter()
            .map(|slot| (&slot.endpoint.name, (slot.outlook(), slot.recent())))
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
                if let Some((outlook, recent)) = kept.get(&slot.endpoint.name) {
                    slot.outlook.store(Arc::clone(outlook));
                    slot.recent.store(Arc::clone(recent));
                }
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
            scrapes: Scrapes::default(),
            bodies: Arc::default(),
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
            traffic: ArcSwap::default(),
            platforms: ArcSwap::default(),
            foresight: ArcSwap::default(),
            coverage: ArcSwap::default(),
            incidents: Mutex::default(),
            demand: Demand::default(),
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

    /// What is known of authorities and registrations.
    #[must_use]
    pub fn foresight(&self) -> Arc<Foresight> {
        self.foresight.load_full()
    }

    /// Changes what is known of authorities and registrations, and gives what was known before; for `record` alone.
    pub fn change_foresight(&self, change: impl Fn(&Foresight) -> Foresight) -> Arc<Foresight> {
        self.foresight.rcu(|foresight| change(foresight))
    }

    /// What is known of which hosts there are.
    #[must_use]
    pub fn coverage(&self) -> Arc<Coverage> {
        self.coverage.load_full()
    }

    /// Changes what is known of hosts, and gives what was known before; for `record` alone.
    pub fn change_coverage(&self, change: impl Fn(&Coverage) -> Coverage) -> Arc<Coverage> {
        self.coverage.rcu(|coverage| change(coverage))
    }

    /// Every incident that is known, the newest first.
    #[must_use]
    pub fn incidents(&self) -> Vec<Arc<Incident>> {
        self.book().newest().cloned().collect()
    }

    /// The incidents, and who is in them. Held while others wait: not for long.
    pub fn book(&self) -> MutexGuard<'_, Book> {
        self.incidents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is watched now.
    #[must_use]
    pub fn catalogue(&self) -> Arc<Catalogue> {
        self.catalogue.load_full()
    }
}
