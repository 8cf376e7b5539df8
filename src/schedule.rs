//! When each endpoint is probed: a pure plan, in time since the plan began; `runner` carries it out.
//!
//! Every endpoint has its own grid: an offset within the interval, derived from its name, so that probes are spread
//! evenly and stay where they are over restarts and reloads. A probe may also be wanted early (to confirm a
//! failure, or because a sibling failed); an early probe leaves the grid as it is.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::observation::AttemptKind;

pub mod runner;

/// How many siblings a first failure pulls forward at most.
pub const MOST_PULLED_FORWARD: usize = 100;

/// Pulled siblings start this far apart, so that a group's failure does not become a burst.
const PULLED_APART: Duration = Duration::from_millis(20);

/// A stable hash of a name.
///
/// FNV-1a with a final mixing step, because names that differ in their last digit must not land side by side.
#[must_use]
pub fn hash(name: &str) -> u64 {
    let mut hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ (hash >> 33)
}

/// The place of a name in its interval: always the same, and spread like its hash.
#[must_use]
pub fn offset(name: &str, interval: Duration) -> Duration {
    let nanos = u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX).max(1);
    Duration::from_nanos(hash(name) % nanos)
}

/// A probe that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Which endpoint, by its place in the plan.
    pub index: usize,
    /// When it was due.
    pub at: Duration,
    /// Why.
    pub kind: AttemptKind,
}

/// What is to be probed when.
#[derive(Debug, Default)]
pub struct Plan {
    entries: Vec<Entry>,
    queue: BinaryHeap<Reverse<(Duration, usize)>>,
}

#[derive(Debug)]
struct Entry {
    interval: Duration,
    /// The next turn on the grid.
    turn: Duration,
    /// A probe wanted before that.
    early: Option<(Duration, AttemptKind)>,
    running: bool,
}

impl Plan {
    /// Plans endpoints of these names and intervals from `now` on; the place in the list is the index.
    pub fn new<'a>(endpoints: impl IntoIterator<Item = (&'a str, Duration)>, now: Duration) -> Self {
        let mut plan = Self::default();
        for (name, interval) in endpoints {
            let entry = Entry {
                interval,
                turn: next_turn(offset(name, interval), interval, now),
                early: None,
                running: false,
            };
            plan.queue.push(Reverse((entry.turn, plan.entries.len())));
            plan.entries.push(entry);
        }
        plan
    }

    /// When the next probe is due.
    #[must_use]
    pub fn next(&self) -> Option<Duration> {
        self.queue.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes the next probe that is due at `now`; it counts as running until `finished`.
    ///
    /// A turn that comes while the endpoint is still being probed is passed over and reported as `Err`.
    pub fn take(&mut self, now: Duration) -> Option<Result<Due, Missed>> {
        loop {
            let Reverse((at, index)) = *self.queue.peek()?;
            if at > now {
                return None;
            }
            self.queue.pop();
            let entry = &mut self.entries[index];
            let kind = match entry.early {
                Some((early, kind)) if early == at => {
                    entry.early = None;
                    kind
                }
                // Superseded: the queue holds another entry for this endpoint.
                _ if at != entry.turn => continue,
                _ => {
                    entry.turn = next_turn(entry.turn, entry.interval, now);
                    self.queue.push(Reverse((entry.turn, index)));
                    if matches!(entry.early, Some((_, AttemptKind::Confirming(_)))) {
                        // The confirmation that is under way says more than this turn would.
                        continue;
                    }
                    AttemptKind::Scheduled
                }
            };
            if entry.running {
                if kind == AttemptKind::Scheduled {
                    return Some(Err(Missed { index }));
                }
                continue;
            }
            entry.running = true;
            return Some(Ok(Due { index, at, kind }));
        }
    }

    /// The probe of the endpoint has ended.
    pub fn finished(&mut self, index: usize) {
        if let Some(entry) = self.entries.get_mut(index) {
            entry.running = false;
        }
    }

    /// Marks an endpoint whose probe, begun under an earlier plan, still runs.
    pub fn still_running(&mut self, index: usize) {
        if let Some(entry) = self.entries.get_mut(index) {
            entry.running = true;
        }
    }

    /// Wants a confirming probe of the endpoint at `at`.
    pub fn confirm(&mut self, index: usize, attempt: u32, at: Duration) {
        self.want(index, at, AttemptKind::Confirming(attempt));
    }

    /// Wants these endpoints probed soon, a little apart; at most `MOST_PULLED_FORWARD` of them.
    pub fn pull_forward(&mut self, indices: impl IntoIterator<Item = usize>, now: Duration) {
        let mut at = now;
        for index in indices.into_iter().take(MOST_PULLED_FORWARD) {
            at += PULLED_APART;
            self.want(index, at, AttemptKind::PulledForward);
        }
    }

    fn want(&mut self, index: usize, at: Duration, kind: AttemptKind) {
        let Some(entry) = self.entries.get_mut(index) else {
            return;
        };
        let sooner = at < entry.turn && !entry.running;
        let wanted = match (entry.early, kind) {
            (Some((_, AttemptKind::Confirming(_))), AttemptKind::PulledForward) => false,
            (_, AttemptKind::PulledForward) => sooner,
            (_, AttemptKind::Confirming(_) | AttemptKind::Scheduled) => true,
        };
        if wanted {
            entry.early = Some((at, kind));
            self.queue.push(Reverse((at, index)));
        }
    }
}

/// A turn that was passed over, because the endpoint's last probe was still running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missed {
    /// Which endpoint.
    pub index: usize,
}

/// The first point of the grid through `phase` that lies after `now`.
fn next_turn(phase: Duration, interval: Duration, now: Duration) -> Duration {
    let Some(since) = now.checked_sub(phase) else {
        return phase;
    };
    let steps = since.as_nanos() / interval.as_nanos().max(1) + 1;
    phase + interval * u32::try_from(steps).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn drain(plan: &mut Plan, until: Duration) -> Vec<(usize, AttemptKind)> {
        let mut taken = Vec::new();
        while let Some(at) = plan.next().filter(|at| *at <= until) {
            if let Some(Ok(due)) = plan.take(at) {
                taken.push((due.index, due.kind));
                plan.finished(due.index);
            }
        }
        taken
    }

    #[test]
    fn every_endpoint_gets_one_turn_per_interval() {
        let names: Vec<String> = (0..50).map(|n| format!("host-{n:04}.test")).collect();
        let mut plan = Plan::new(
            names.iter().map(|name| (name.as_str(), 15 * SECOND)),
            Duration::ZERO,
        );
        let taken = drain(&mut plan, 60 * SECOND);
        for (index, name) in names.iter().enumerate() {
            assert_eq!(
                taken.iter().filter(|(taken, _)| *taken == index).count(),
                4,
                "{name}"
            );
        }
    }

    #[test]
    fn names_that_differ_in_one_digit_are_spread_over_the_interval() {
        let interval = 10 * SECOND;
        let mut buckets = [0; 10];
        for n in 0..1000 {
            buckets[usize::try_from(offset(&format!("host-{n:04}.test"), interval).as_secs()).unwrap()] += 1;
        }
        assert!(
            buckets.iter().all(|count| (60..=140).contains(count)),
            "{buckets:?}"
        );
    }

    #[test]
    fn a_turn_that_finds_the_last_probe_running_is_missed() {
        let mut plan = Plan::new([("a.test", SECOND)], Duration::ZERO);
        let first = plan.next().unwrap();
        assert!(matches!(plan.take(first), Some(Ok(_))));
        assert_eq!(plan.take(first + SECOND), Some(Err(Missed { index: 0 })));
    }

    #[test]
    fn a_confirmation_replaces_the_turns_before_it_and_leaves_the_grid() {
        let mut plan = Plan::new([("a.test", SECOND)], Duration::ZERO);
        let first = plan.next().unwrap();
        assert!(plan.take(first).is_some());
        plan.finished(0);
        plan.confirm(0, 1, first + 2 * SECOND + Duration::from_millis(100));
        assert_eq!(
            drain(&mut plan, first + 3 * SECOND),
            [(0, AttemptKind::Confirming(1)), (0, AttemptKind::Scheduled)],
            "two turns stand back, the third comes where the grid has it"
        );
    }

    #[test]
    fn pulled_siblings_are_bounded_and_apart() {
        let names: Vec<String> = (0..300).map(|n| format!("host-{n}")).collect();
        let mut plan = Plan::new(
            names.iter().map(|name| (name.as_str(), 3600 * SECOND)),
            Duration::ZERO,
        );
        plan.pull_forward(0..300, Duration::ZERO);
        let soon = drain(&mut plan, 3 * SECOND);
        assert_eq!(
            soon.iter()
                .filter(|(_, kind)| *kind == AttemptKind::PulledForward)
                .count(),
            MOST_PULLED_FORWARD
        );
    }

    proptest! {
        #[test]
        fn the_next_turn_is_within_one_interval(phase in 0u64..100_000, interval in 1u64..100_000, now in 0u64..10_000_000) {
            let (phase, interval, now) = (Duration::from_millis(phase % interval), Duration::from_millis(interval), Duration::from_millis(now));
            let turn = next_turn(phase, interval, now);
            prop_assert!(turn > now);
            prop_assert!(turn <= now + interval);
        }
    }
}
