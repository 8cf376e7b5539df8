//! What is known of one endpoint from its probes.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::diagnosis::Verdict;
use crate::endpoint::{DnsTarget, Endpoint};
use crate::observation;
use crate::outcome::{ChainFacts, Disagreement, Timings};
use crate::outlook::platform::{self, TargetChange};

/// How many former targets are kept per endpoint.
const MOST_FORMER_TARGETS: usize = 4;

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
    /// Since when servers disagree about the name; `None` while they do not.
    pub disagreement: Option<Disagreement>,
    /// The share of its lifetime that the certificate before the last one had left when it was replaced.
    pub renewed_with: Option<f64>,
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
    pub(super) fn under(mut self, endpoint: &Endpoint, now: Timestamp) -> Self {
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
