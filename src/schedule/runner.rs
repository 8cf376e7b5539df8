//! Carries the plan out: starts what is due, records what comes back. Decides nothing itself.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Due, Plan};
use crate::endpoint::{EndpointName, GroupName, PlatformName};
use crate::observation::{AttemptKind, Next};
use crate::outcome::Outcome;
use crate::probe::{Module, Modules, Prober, Request};
use crate::record::{Recorder, Seen};
use crate::state::{Catalogue, Slot};

/// More probes than this are never under way at once: a bound for sockets and memory. What is due beyond it waits,
/// and the wait shows as lag.
const MOST_IN_FLIGHT: usize = 4_096;

/// How long probes under way may go on once the program stops.
const GRACE: Duration = Duration::from_secs(2);

/// A group's siblings are pulled forward at most this often, so that scattered failures in a large group do not multiply
/// its probes.
const PULLS_APART: Duration = Duration::from_secs(5);

/// What is to be run; replaced whole by a reload or a discovery.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// What is watched.
    pub catalogue: Arc<Catalogue>,
    /// How to ask.
    pub modules: Arc<Modules>,
    /// Who asks.
    pub prober: Arc<Prober>,
}

/// Whom to ask for a fresh look when an endpoint begins to fail.
#[derive(Debug)]
pub struct Doubts {
    /// The anchors of the vantage point.
    pub anchors: mpsc::Sender<()>,
    /// The platform of the endpoint.
    pub platforms: broadcast::Sender<PlatformName>,
}

/// The loop that probes.
#[derive(Debug)]
pub struct Runner {
    deployments: watch::Receiver<Deployment>,
    recorder: Arc<Recorder>,
    doubts: Doubts,
    deployment: Deployment,
    places: HashMap<EndpointName, usize>,
    plan: Plan,
    probes: JoinSet<Finished>,
    running: HashSet<EndpointName>,
    /// When each group's siblings were last pulled forward.
    pulled: HashMap<GroupName, Duration>,
    epoch: Instant,
}

/// A probe that has come back.
#[derive(Debug)]
struct Finished {
    slot: Arc<Slot>,
    kind: AttemptKind,
    outcome: Outcome,
}

impl Runner {
    /// A runner for the deployments that come by this channel.
    #[must_use]
    pub fn new(
        mut deployments: watch::Receiver<Deployment>,
        recorder: Arc<Recorder>,
        doubts: Doubts,
    ) -> Self {
        let deployment = deployments.borrow_and_update().clone();
        let mut runner = Self {
            deployments,
            recorder,
            doubts,
            deployment,
            places: HashMap::new(),
            plan: Plan::default(),
            probes: JoinSet::new(),
            running: HashSet::new(),
            pulled: HashMap::new(),
            epoch: Instant::now(),
        };
        runner.lay_out();
        runner
    }

    /// Runs until told to stop; probes under way then get a moment to end.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            let full = self.probes.len() >= MOST_IN_FLIGHT;
            let due = self.plan.next().filter(|_| !full).map(|at| self.epoch + at);
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Ok(()) = self.deployments.changed() => self.redeploy(),
                Some(finished) = self.probes.join_next(), if !self.probes.is_empty() => self.settle(finished),
                () = sleep_until(due) => self.start_due(),
            }
        }
        let drained = tokio::time::timeout(GRACE, async {
            while let Some(finished) = self.probes.join_next().await {
                self.settle(finished);
            }
        });
        if drained.await.is_err() {
            tracing::warn!(probes = self.probes.len(), "stopped with probes under way");
        }
        self.probes.shutdown().await;
    }

    fn now(&self) -> Duration {
        self.epoch.elapsed()
    }

    fn redeploy(&mut self) {
        let before = std::mem::replace(&mut self.deployment, self.deployments.borrow_and_update().clone());
        let places = std::mem::take(&mut self.places);
        self.lay_out();
        // What a platform now expects is held against DNS at once, not when the endpoint's turn comes.
        let told = |(place, slot): (usize, &Arc<Slot>)| {
            let known = places.get(&slot.endpoint.name)?;
            let known = before.catalogue.slots.get(*known)?;
            (known.endpoint.told != slot.endpoint.told).then_some(place)
        };
        let slots = self.deployment.catalogue.slots.iter().enumerate();
        let changed: Vec<usize> = slots.filter_map(told).collect();
        self.plan.pull_forward(changed, self.now());
    }

    /// Plans the deployment's endpoints afresh; probes under way and confirmations wanted go on.
    fn lay_out(&mut self) {
        let slots = &self.deployment.catalogue.slots;
        let now = self.now();
        self.plan = Plan::new(
            slots
                .iter()
                .map(|slot| (slot.endpoint.name.as_str(), slot.endpoint.group.interval)),
            now,
        );
        self.places = slots
            .iter()
            .enumerate()
            .map(|(place, slot)| (slot.endpoint.name.clone(), place))
            .collect();
        for (place, slot) in slots.iter().enumerate() {
            if self.running.contains(&slot.endpoint.name) {
                self.plan.still_running(place);
            } else if slot.current().is_some_and(|state| state.memory.confirming()) {
                self.plan
                    .confirm(place, 1, now + slot.endpoint.group.confirm.pause);
            }
        }
    }

    fn start_due(&mut self) {
        let now = self.now();
        while self.probes.len() < MOST_IN_FLIGHT {
            match self.plan.take(now) {
                None => break,
                Some(Ok(due)) => self.start(due, now),
                Some(Err(missed)) => {
                    if let Some(slot) = self.deployment.catalogue.slots.get(missed.index) {
                        self.recorder.missed(slot);
                    }
                }
            }
        }
    }

    fn start(&mut self, due: Due, now: Duration) {
        let Some(slot) = self.deployment.catalogue.slots.get(due.index).cloned() else {
            return;
        };
        let Some(module) = self.deployment.modules.get(&slot.endpoint.group.module).cloned() else {
            tracing::error!(endpoint = %slot.endpoint.name, module = %slot.endpoint.group.module, "the module is gone");
            return;
        };
        let own = self.recorder.own();
        own.lag.observe(now.saturating_sub(due.at).as_secs_f64());
        own.in_flight.fetch_add(1, Ordering::Relaxed);
        self.running.insert(slot.endpoint.name.clone());
        let prober = Arc::clone(&self.deployment.prober);
        let kind = due.kind;
        self.probes.spawn(async move {
            let outcome = probe(&prober, &slot, &module).await;
            Finished { slot, kind, outcome }
        });
    }

    fn settle(&mut self, finished: Result<Finished, tokio::task::JoinError>) {
        self.recorder.own().in_flight.fetch_sub(1, Ordering::Relaxed);
        let Finished { slot, kind, outcome } = match finished {
            Ok(finished) => finished,
            Err(error) => {
                // The endpoint's name went with the task: the plan is laid out anew, so that none is left "running".
                tracing::error!(%error, "a probe ended without an outcome: this is a defect, please report it");
                self.running.clear();
                self.lay_out();
                return;
            }
        };
        let name = &slot.endpoint.name;
        self.running.remove(name);
        let Some(&place) = self.places.get(name) else {
            return;
        };
        self.plan.finished(place);
        let current = &self.deployment.catalogue.slots[place];
        if current.endpoint.url != slot.endpoint.url {
            return;
        }
        let next = self.recorder.record(Seen {
            slot: Arc::clone(current),
            kind,
            outcome,
        });
        self.follow_up(place, next);
    }

    fn follow_up(&mut self, place: usize, next: Next) {
        let Next::Confirm {
            attempt,
            after,
            pull_siblings,
        } = next
        else {
            return;
        };
        let now = self.now();
        self.plan.confirm(place, attempt, now + after);
        if attempt == 1 {
            // Full means that a look is asked for already.
            let _ = self.doubts.anchors.try_send(());
            if let Some(platform) = self.deployment.catalogue.slots[place].endpoint.platform() {
                // Nobody listens while the configuration is being replaced: the new watch asks at once anyway.
                let _ = self.doubts.platforms.send(platform.clone());
            }
        }
        let slots = &self.deployment.catalogue.slots;
        let group = &slots[place].endpoint.group.name;
        let lately = self
            .pulled
            .get(group)
            .is_some_and(|last| now < *last + PULLS_APART);
        if pull_siblings && !lately {
            self.pulled.insert(group.clone(), now);
            let first = slots.partition_point(|slot| slot.endpoint.group.name < *group);
            let siblings = slots[first..]
                .iter()
                .take_while(|slot| slot.endpoint.group.name == *group)
                .count();
            // From the failing one on, so that a large group's neighbours are seen first, whoever fails.
            let order = (1..siblings).map(|step| first + (place - first + step) % siblings);
            self.plan.pull_forward(order, now);
        }
    }
}

async fn probe(prober: &Prober, slot: &Slot, module: &Module) -> Outcome {
    let former = slot
        .current()
        .map(|state| state.former_targets.clone())
        .unwrap_or_default();
    prober
        .probe(&Request::catalogue(&slot.endpoint, module, &former))
        .await
}

/// Sleeps until then, or for ever.
async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
