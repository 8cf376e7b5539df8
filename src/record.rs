//! The one place where a fact becomes state, counter and log line.
//!
//! What changes when a probe comes back changes here, together, so that metric, page, log and store cannot tell
//! different stories.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::Ordering;

use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::cause::Cause;
use crate::clock::Clock;
use crate::diagnosis::{self, Standing, TargetState, Verdict};
use crate::endpoint::{Endpoint, EndpointName, Group, Labels};
use crate::observation::{self, AttemptKind, Change, Next, Observed, Shown};
use crate::outcome::{ChainFacts, Disagreement, Outcome, Reply, Resolution};
use crate::outlook::renewal;
use crate::state::{EndpointState, Own, Slot, State};

mod coverage;
pub mod demand;
mod foresight;
mod incident;
pub mod keeper;
mod platform;
mod skew;
mod traffic;

/// A probe that has come back.
#[derive(Debug)]
pub struct Seen {
    /// Of which endpoint.
    pub slot: Arc<Slot>,
    /// Why it was made.
    pub kind: AttemptKind,
    /// What it saw.
    pub outcome: Outcome,
}

/// Writes what is known.
#[derive(Debug)]
pub struct Recorder {
    state: Arc<State>,
    clock: Arc<dyn Clock>,
    skew: Mutex<skew::Estimate>,
    keeper: Option<mpsc::Sender<keeper::Kept>>,
}

impl Recorder {
    /// Writes into this state; what must outlive a restart goes to the keeper too.
    #[must_use]
    pub fn new(state: Arc<State>, clock: Arc<dyn Clock>, keeper: Option<mpsc::Sender<keeper::Kept>>) -> Self {
        Self {
            state,
            clock,
            skew: Mutex::default(),
            keeper,
        }
    }

    /// What linkwatch knows of itself.
    #[must_use]
    pub fn own(&self) -> &Own {
        &self.state.own
    }

    /// A scheduled probe was not made, because the endpoint's last one was still under way.
    pub fn missed(&self, slot: &Slot) {
        if let Some(group) = self.state.catalogue().group(&slot.endpoint.group.name) {
            group.counters.missed_runs.fetch_add(1, Ordering::Relaxed);
        }
        tracing::debug!(endpoint = %slot.endpoint.name, "missed a turn: the last probe is still under way");
    }

    /// Judges what a probe saw and makes it known.
    pub fn record(&self, seen: Seen) -> Next {
        let Seen { slot, kind, outcome } = seen;
        let outcome = Arc::new(outcome);
        let now = self.clock.now();
        let clock_skew = self.note_skew([&*outcome]);
        let before = slot.current();
        let shown = before.as_ref().and_then(|state| state.verdict.as_deref());
        let vantage_up = self.state.own.health.load().vantage_up;
        let traffic = self.state.traffic();
        let platforms = self.state.platforms();
        let (foresight, outlook) = (self.state.foresight(), slot.outlook());
        let leaf = outcome.chain().and_then(|chain| chain.leaf());
        let renewed_with = before.as_ref().and_then(|state| state.renewed_with);
        let change = before.as_ref().and_then(|state| state.target_change.as_ref());
        let context = diagnosis::Context {
            now,
            vantage_up,
            clock_skew,
            previous: shown,
            traffic: traffic.quiet(&slot.endpoint),
            platform: platforms.about(&slot.endpoint, change, now),
            disagreement: before.as_ref().and_then(|state| state.disagreement),
            foreseen: foresight.about(&outlook, leaf, renewed_with, now),
        };
        let verdict = diagnosis::diagnose(&outcome, &slot.endpoint, &context);
        self.count(&slot.endpoint, &verdict);

        let failed = verdict.symptom.is_some();
        let followed = followed(&verdict);
        let disagreeing = verdict
            .findings()
            .any(|finding| finding.cause == Cause::DnsDisagreement);
        let memory = before.as_ref().map(|state| state.memory).unwrap_or_default();
        slot.look_back(slot.recent().with(Arc::clone(&outcome), &verdict));
        let observed = Observed {
            verdict,
            at: outcome.started,
            kind,
            shown,
        };
        let step = observation::fold(&memory, &observed, &slot.endpoint.group);
        let mut after = before.as_deref().cloned().unwrap_or_default();
        after.failures += u64::from(failed);
        take_in(&mut after, &slot.endpoint, &outcome, now);
        if followed && after.target_change.take().is_some() {
            tracing::info!(endpoint = %slot.endpoint.name, "DNS has followed the platform's new target");
        }
        let first = || Disagreement::of(&outcome.resolution, now);
        after.disagreement = disagreeing.then(|| after.disagreement.unwrap_or_else(first));
        after.memory = step.memory;
        (after.up, after.since, after.flapping) = (step.memory.up, step.memory.since, step.memory.flapping());
        match step.shown {
            Shown::Replaced(verdict) => after.verdict = Some(Arc::from(verdict)),
            Shown::Kept => {}
            Shown::Withdrawn => after.verdict = None,
        }
        log(&slot.endpoint, &step.changes, &after);
        self.note_incident(&slot.endpoint, before.as_deref(), &after, outcome.started);
        self.keep(&slot.endpoint.name, before.as_deref(), &after);
        slot.publish(after);
        step.next
    }

    /// Makes one probe's verdict known without confirmation, for a command that probes once.
    pub fn record_at_once(&self, slot: &Slot, outcome: &Outcome, verdict: Verdict) {
        let now = self.clock.now();
        self.count(&slot.endpoint, &verdict);
        let mut state = EndpointState {
            since: Some(now),
            ..EndpointState::default()
        };
        state.failures = u64::from(verdict.symptom.is_some());
        state.up = match verdict.standing {
            Standing::Up => Some(true),
            Standing::Down => Some(false),
            Standing::Unknown => None,
        };
        take_in(&mut state, &slot.endpoint, outcome, now);
        state.verdict = Some(Arc::new(verdict));
        slot.publish(state);
    }

    /// What the anchors answered: any HTTP answer of any of them means that this vantage point is not blind.
    pub fn record_anchors(&self, outcomes: &[Outcome]) {
        self.note_skew(outcomes);
        let up = outcomes.iter().any(Outcome::answered);
        let before = self.state.own.health.load().vantage_up;
        if before != Some(up) {
            if up {
                tracing::info!("the anchors answer: judgement goes on");
            } else {
                tracing::error!("no anchor answers: this vantage point is offline, judgement is suspended");
            }
            self.state.own.update(|health| health.vantage_up = Some(up));
            self.note_vantage(up);
        }
    }

    /// The configuration names no anchors: nothing can be said of the vantage point.
    pub fn no_anchors(&self) {
        self.state.own.update(|health| health.vantage_up = None);
    }

    /// A configuration was put in force.
    pub fn reload_succeeded(&self) {
        let now = self.clock.now();
        self.state.own.update(|health| {
            health.reload_successful = true;
            health.reload_success = Some(now);
        });
    }

    /// A configuration could not be used.
    pub fn reload_failed(&self) {
        self.state.own.update(|health| health.reload_successful = false);
    }

    /// What is watched has changed; what is known of the endpoints that stay is kept, the others are forgotten.
    pub fn replace_catalogue(
        &self,
        groups: impl IntoIterator<Item = (Arc<Group>, Labels)>,
        endpoints: impl IntoIterator<Item = Arc<Endpoint>>,
        remembered: impl FnMut(&EndpointName) -> Option<EndpointState>,
    ) {
        let before = self.state.catalogue();
        let after = before.succeed(groups, endpoints, remembered, self.clock.now());
        let stay: HashSet<_> = after.slots.iter().map(|slot| &slot.endpoint.name).collect();
        for slot in &before.slots {
            if !stay.contains(&slot.endpoint.name) {
                tracing::info!(endpoint = %slot.endpoint.name, "no longer watched");
                self.send(keeper::Kept::Forgotten(slot.endpoint.name.clone()));
                self.forget_incident(&slot.endpoint.name);
            }
        }
        self.resume_incidents(&after);
        self.state.replace(after);
    }

    /// Takes in the servers' dates; gives our clock's skew as it is now known.
    fn note_skew<'a>(&self, outcomes: impl IntoIterator<Item = &'a Outcome>) -> Option<jiff::SignedDuration> {
        let mut estimate = self
            .skew
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut news = false;
        for outcome in outcomes {
            news |= estimate.note(outcome);
        }
        let skew = estimate.skew();
        drop(estimate);
        if news {
            let seconds = skew.map(|skew| skew.as_secs_f64());
            if self.state.own.health.load().clock_skew != seconds {
                self.state.own.update(|health| health.clock_skew = seconds);
            }
        }
        skew
    }

    fn count(&self, endpoint: &Endpoint, verdict: &Verdict) {
        let catalogue = self.state.catalogue();
        let Some(group) = catalogue.group(&endpoint.group.name) else {
            return;
        };
        group.counters.probes.fetch_add(1, Ordering::Relaxed);
        let failed = verdict.symptom.as_ref().map(|symptom| symptom.cause);
        if let Some(place) = failed.and_then(|cause| Cause::ALL.iter().position(|known| *known == cause)) {
            group.counters.failures[place].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Keeps what must outlive a restart, when it differs from what was kept.
    fn keep(&self, name: &EndpointName, before: Option<&EndpointState>, after: &EndpointState) {
        if self.keeper.is_some() && before.is_none_or(|before| !before.says_the_same(after)) {
            self.send(keeper::Kept::State(name.clone(), Box::new(after.clone())));
        }
    }

    fn send(&self, kept: keeper::Kept) {
        if let Some(keeper) = &self.keeper
            && keeper.try_send(kept).is_err()
        {
            tracing::warn!("the store does not keep up: a change is kept with the endpoint's next one");
        }
    }
}

/// Whether the name leads where its platform expects it now.
fn followed(verdict: &Verdict) -> bool {
    let changed = |finding: &diagnosis::Finding| finding.cause == Cause::PlatformTargetChanged;
    verdict.target == Some(TargetState::Match) && !verdict.findings().any(changed)
}

/// Takes in what a probe saw, apart from its verdict.
fn take_in(state: &mut EndpointState, endpoint: &Endpoint, outcome: &Outcome, now: Timestamp) {
    state.last_run = Some(now);
    state.in_maintenance = endpoint
        .group
        .maintenance
        .iter()
        .any(|window| window.holds_at(now));
    state.duration = outcome.elapsed;
    state.timings = outcome.slowest_timings();
    state.status = outcome.status();
    if let Some(chain) = outcome.chain().cloned() {
        note_renewal(state, &chain, now);
        state.chain = Some(chain);
        state.chain_observed = Some(now);
    }
    if let Some(answer) = answer(&outcome.resolution)
        && answer != state.answer
    {
        if !state.answer.is_empty() {
            state.answer_changes += 1;
            state.answer_changed = Some(now);
        }
        state.answer = answer;
    }
    state.targets = endpoint.target_names();
    if let Some(told) = &endpoint.told {
        state.told = told.to_vec();
    }
}

/// Learns how early certificates are renewed here: when a newer one for the same names takes the place of the last.
fn note_renewal(state: &mut EndpointState, chain: &ChainFacts, now: Timestamp) {
    let before = state.chain.as_ref().and_then(|chain| chain.leaf());
    if let (Some(before), Some(after)) = (before, chain.leaf())
        && before.fingerprint_sha256 != after.fingerprint_sha256
        && before.issuer_name == after.issuer_name
        && before.names == after.names
        && before.not_before < after.not_before
    {
        state.renewed_with = renewal::left(before, now);
    }
}

/// What DNS answered, in a form that does not change with a rotation: the end of the CNAME chain where there is one,
/// else the addresses, sorted. `None` when no server answered.
fn answer(resolution: &Resolution) -> Option<Vec<String>> {
    let messages = || {
        resolution
            .answers
            .iter()
            .filter_map(|answer| match &answer.reply {
                Reply::Message(message) => Some(message),
                Reply::Timeout | Reply::Broken(_) | Reply::NoName => None,
            })
    };
    let first = messages().next()?;
    if let Some(alias) = first.chain.last() {
        return Some(vec![alias.target.clone()]);
    }
    let mut addresses: Vec<String> = resolution.addresses.iter().map(ToString::to_string).collect();
    addresses.sort_unstable();
    Some(addresses)
}

/// One line per change of what is said of an endpoint; nothing per probe.
fn log(endpoint: &Endpoint, changes: &[Change], after: &EndpointState) {
    let (name, group) = (&endpoint.name, &endpoint.group.name);
    let root = after.verdict.as_ref().and_then(|verdict| verdict.root.as_ref());
    let cause = root.map(|root| tracing::field::display(root.cause));
    let expected = root.map(|root| root.expected.as_str());
    let actual = root.map(|root| root.actual.as_str());
    let told = changes
        .iter()
        .any(|change| matches!(change, Change::Down | Change::Up | Change::Suspended));
    for change in changes {
        match change {
            Change::Down => tracing::error!(endpoint = %name, %group, cause, expected, actual, "down"),
            // The line that says so names the cause already.
            Change::Verdict if told => {}
            Change::Verdict if root.is_some() => {
                tracing::warn!(endpoint = %name, %group, cause, expected, actual, "the causes have changed");
            }
            Change::Verdict => tracing::info!(endpoint = %name, %group, "no cause stands any more"),
            Change::Up => tracing::info!(endpoint = %name, %group, cause, expected, actual, "up"),
            Change::Suspended => tracing::warn!(endpoint = %name, %group, cause, "judgement is suspended"),
            Change::Resumed => tracing::info!(endpoint = %name, %group, "judgement goes on"),
            Change::FlappingBegan => tracing::warn!(endpoint = %name, %group, "fails and recovers in turn"),
            Change::FlappingEnded => tracing::info!(endpoint = %name, %group, "steady again"),
            Change::Failing => tracing::debug!(endpoint = %name, %group, "failing, not confirmed yet"),
            Change::Cleared => tracing::debug!(endpoint = %name, %group, "the failure was not confirmed"),
        }
    }
}
