//! Whether an endpoint fails and recovers in turn.
//!
//! Two signs, each of which alone is enough:
//!
//! - of the last 32 probes, confirmations included, at least 8 failed and at least 3 runs of failures ended in a
//!   success: one bad replica behind a balancer, or an overloaded service. Where 2 % of probes fail by chance, 8 of 32
//!   come about once in some 20 million probes.
//! - it recovered from a confirmed outage twice within half an hour: each of them paged.
//!
//! It ends with 20 probes in a row that all succeed or all fail: steady up, or plainly down. After an outage ten
//! minutes of successes are enough, where probes are rare.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

const FAILED: u32 = 8;
const RECOVERIES: u32 = 3;
const STEADY: u32 = 20;
const CALM: SignedDuration = SignedDuration::from_mins(10);
const TWICE_WITHIN: SignedDuration = SignedDuration::from_mins(30);

/// The last 32 probes and the last recovery.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct History {
    /// A bit per probe, the newest lowest; 1 failed. One that was not made counts as a success.
    probes: u32,
    /// When it last recovered from a confirmed outage.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    recovered: Option<Timestamp>,
    /// Whether it flaps.
    pub(super) flapping: bool,
}

impl History {
    /// A probe succeeded, perhaps that of an endpoint that was down.
    pub(super) fn succeeded(&mut self, at: Timestamp, was_down: bool) {
        let turned = self.probes & 1 == 1;
        self.probes <<= 1;
        if !was_down {
            return self.judge(false);
        }
        // Every success after a failure sets the date anew, so it tells how long the run of successes is.
        let before = if turned {
            self.recovered.replace(at)
        } else {
            self.recovered
        };
        let passed = before.map(|before| at.duration_since(before));
        self.judge(turned && passed.is_some_and(|passed| passed <= TWICE_WITHIN));
        if !turned && passed.is_some_and(|passed| passed >= CALM) {
            self.flapping = false;
        }
    }

    /// A probe failed.
    pub(super) fn failed(&mut self) {
        self.probes = (self.probes << 1) | 1;
        self.judge(false);
    }

    fn judge(&mut self, again: bool) {
        if self.probes.trailing_zeros() >= STEADY || self.probes.trailing_ones() >= STEADY {
            self.flapping = false;
        } else if again || (self.probes.count_ones() >= FAILED && self.recoveries() >= RECOVERIES) {
            self.flapping = true;
        }
    }

    /// How many runs of failures ended in a success.
    fn recoveries(self) -> u32 {
        (self.probes & !(self.probes << 1) & !1).count_ones()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(probes: &str) -> History {
        let mut history = History::default();
        for probe in probes.chars() {
            if probe == 'x' {
                history.failed();
            } else {
                history.succeeded(Timestamp::UNIX_EPOCH, false);
            }
        }
        history
    }

    #[test]
    fn every_run_of_failures_that_ended_is_a_recovery() {
        assert_eq!(history("x.xx..x").recoveries(), 2);
        assert_eq!(history("x.xx..x.").recoveries(), 3);
        assert_eq!(history("xxxxxxxx").recoveries(), 0);
    }

    #[test]
    fn every_second_probe_failing_is_flapping_and_one_long_outage_is_not() {
        assert!(history("x.x.x.x.x.x.x.x.").flapping);
        assert!(!history(&"x".repeat(40)).flapping);
        assert!(!history(&format!("{}.", "x".repeat(40))).flapping);
    }

    #[test]
    fn steadiness_ends_it_either_way() {
        let alternating = "x.".repeat(10);
        assert!(history(&format!("{alternating}{}", ".".repeat(18))).flapping);
        assert!(!history(&format!("{alternating}{}", ".".repeat(19))).flapping);
        assert!(!history(&format!("{alternating}{}", "x".repeat(20))).flapping);
    }
}
