//! What the last probes of an endpoint saw: for people, who want to see how it came to this. In memory only.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::diagnosis::{Finding, Verdict};
use crate::outcome::Outcome;

/// Probes that are remembered: ten minutes at the default interval.
pub const PROBES: usize = 40;

/// What is remembered of an endpoint's probes.
#[derive(Debug, Clone, Default)]
pub struct Recent {
    /// The oldest first, at most `PROBES`.
    pub probes: VecDeque<Probe>,
    /// All that the last one saw; `None` before the first.
    pub outcome: Option<Arc<Outcome>>,
}

/// One probe, by itself: what a single failure says is not confirmed.
#[derive(Debug, Clone)]
pub struct Probe {
    /// When it began.
    pub at: Timestamp,
    /// The whole of it.
    pub took: Duration,
    /// Status of the answer, 0 without one.
    pub status: u16,
    /// Whether it found the endpoint down.
    pub failed: bool,
    /// What stands in the way, or what it warns of.
    pub finding: Option<Arc<Finding>>,
}

impl Recent {
    /// With one more probe.
    #[must_use]
    pub fn with(&self, outcome: Arc<Outcome>, verdict: &Verdict) -> Self {
        let mut probes = self.probes.clone();
        if probes.len() >= PROBES {
            probes.pop_front();
        }
        let finding = verdict.symptom.as_ref().or(verdict.root.as_ref());
        let last = probes.back().and_then(|last: &Probe| last.finding.as_ref());
        let finding = finding.map(|finding| {
            // An outage says the same again and again: it is kept once.
            let known = last.filter(|last| ***last == *finding);
            known.map_or_else(|| Arc::new(finding.clone()), Arc::clone)
        });
        probes.push_back(Probe {
            at: outcome.started,
            took: outcome.elapsed,
            status: outcome.status(),
            failed: verdict.symptom.is_some(),
            finding,
        });
        Self {
            probes,
            outcome: Some(outcome),
        }
    }
}
