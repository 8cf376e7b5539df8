//! What has been asked of `/probe`: what runs and waits, what each module has done, and the last results.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

mod history;

pub use history::{Account, Debugged, History};

/// Modules that have series of their own; what the others do is counted together.
pub const MOST_MODULES: usize = 200;

/// The name under which the modules beyond [`MOST_MODULES`] are counted; no module is called so.
pub const OTHER_MODULES: &str = "(other)";

/// Why a probe was not begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejection {
    /// Too many wait already.
    QueueFull,
    /// It waited for as long as it may.
    Waited,
}

impl Rejection {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::QueueFull, Self::Waited];

    /// As a label has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::Waited => "queue_timeout",
        }
    }
}

/// What one module has done.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ModuleCounts {
    /// Probes made.
    pub probes: u64,
    /// Of these, failed.
    pub failures: u64,
    /// Time spent on them.
    pub spent: Duration,
}

/// What has been asked of `/probe`.
#[derive(Debug, Default)]
pub struct Demand {
    /// Probes running.
    pub in_flight: AtomicU64,
    /// Probes waiting to begin.
    pub queued: AtomicU64,
    /// Probes that may run at once.
    pub limit: AtomicU64,
    /// Requests for modules that there are not.
    pub unknown_modules: AtomicU64,
    /// Targets and addresses that may not be probed.
    pub refused: AtomicU64,
    rejected: [AtomicU64; Rejection::ALL.len()],
    modules: Mutex<BTreeMap<String, ModuleCounts>>,
    history: Mutex<History>,
}

impl Demand {
    /// Counts a probe that was not begun.
    pub fn reject(&self, why: Rejection) {
        self.rejections(why).fetch_add(1, Ordering::Relaxed);
    }

    /// How many probes were not begun for this reason.
    #[must_use]
    pub fn rejected(&self, why: Rejection) -> u64 {
        self.rejections(why).load(Ordering::Relaxed)
    }

    const fn rejections(&self, why: Rejection) -> &AtomicU64 {
        let [full, waited] = &self.rejected;
        match why {
            Rejection::QueueFull => full,
            Rejection::Waited => waited,
        }
    }

    /// What each module has done, by name.
    #[must_use]
    pub fn modules(&self) -> BTreeMap<String, ModuleCounts> {
        self.counts().clone()
    }

    /// Replaces the modules that there are; those that stay keep what they have done. For `record` alone.
    pub fn replace_modules<'n>(&self, names: impl Iterator<Item = &'n str>) {
        let mut counts = self.counts();
        let mut next = BTreeMap::new();
        for name in names {
            let name = if next.len() < MOST_MODULES {
                name
            } else {
                OTHER_MODULES
            };
            let known = counts.get(name).copied().unwrap_or_default();
            next.insert(name.to_owned(), known);
        }
        *counts = next;
    }

    /// Counts a probe of a module. For `record` alone.
    pub fn count(&self, module: &str, success: bool, spent: Duration) {
        let mut counts = self.counts();
        let name = if counts.contains_key(module) {
            module
        } else {
            OTHER_MODULES
        };
        if let Some(counts) = counts.get_mut(name) {
            counts.probes += 1;
            counts.failures += u64::from(!success);
            counts.spent += spent;
        }
    }

    /// The last results. Held while others wait: not for long.
    pub fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn counts(&self) -> MutexGuard<'_, BTreeMap<String, ModuleCounts>> {
        self.modules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_beyond_a_number_are_counted_together() {
        let demand = Demand::default();
        let names: Vec<_> = (0..MOST_MODULES + 50)
            .map(|number| format!("m{number:03}"))
            .collect();
        demand.replace_modules(names.iter().map(String::as_str));
        for name in &names {
            demand.count(name, false, Duration::from_secs(1));
        }
        let modules = demand.modules();
        assert_eq!(modules.len(), MOST_MODULES + 1);
        assert_eq!(modules[OTHER_MODULES].failures, 50);
        assert_eq!(modules["m000"].probes, 1);
    }

    #[test]
    fn a_module_that_stays_keeps_what_it_has_done_and_one_that_goes_takes_it_along() {
        let demand = Demand::default();
        demand.replace_modules(["a", "b"].into_iter());
        demand.count("a", true, Duration::from_secs(2));
        demand.count("b", true, Duration::from_secs(2));
        demand.replace_modules(["a", "c"].into_iter());
        demand.count("b", true, Duration::from_secs(2));
        let modules = demand.modules();
        assert_eq!(modules.keys().collect::<Vec<_>>(), ["a", "c"]);
        assert_eq!((modules["a"].probes, modules["a"].failures), (1, 0));
        assert_eq!(modules["c"], ModuleCounts::default());
    }
}
