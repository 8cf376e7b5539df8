//! How far our clock is off, by what servers say in their `Date` headers.

use std::collections::VecDeque;

use jiff::SignedDuration;

use crate::outcome::Outcome;

/// How many offsets the estimate rests on at most, and at least.
const MOST: usize = 51;
const LEAST: usize = 3;

/// A sliding median: one server with a wrong clock does not move it.
#[derive(Debug, Default)]
pub(super) struct Estimate {
    offsets: VecDeque<i64>,
}

impl Estimate {
    /// Takes in what one probe's answers said; true when there was anything.
    pub(super) fn note(&mut self, outcome: &Outcome) -> bool {
        // One offset a probe: many addresses of one service are one clock.
        let said = outcome
            .attempts
            .iter()
            .flat_map(|attempt| &attempt.hops)
            .find_map(|hop| hop.response.as_ref().and_then(|response| response.clock_offset));
        let Some(offset) = said else { return false };
        if self.offsets.len() == MOST {
            self.offsets.pop_front();
        }
        self.offsets.push_back(offset.as_secs());
        true
    }

    /// Our clock minus the servers'; `None` while too few have spoken.
    pub(super) fn skew(&self) -> Option<SignedDuration> {
        if self.offsets.len() < LEAST {
            return None;
        }
        let mut sorted: Vec<i64> = self.offsets.iter().copied().collect();
        sorted.sort_unstable();
        Some(SignedDuration::from_secs(-sorted[sorted.len() / 2]))
    }
}
