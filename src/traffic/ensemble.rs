//! All series of a stream, judged bin by bin: each for itself, and pooled over groups.

use jiff::Timestamp;

use super::{Bin, Judgement, Rules, Tier};

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// A series, by the number that `Ensemble::add_series` gave.
    Series(usize),
    /// A pool, by the number that `Ensemble::add_pool` gave.
    Pool(usize),
}

/// What has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// An alarm of this tier stands from now on; one of the other tier has ended.
    Raised(Tier),
    /// The alarm has ended: traffic is back.
    Cleared,
    /// The alarm has ended: the new level is accepted.
    LevelAccepted,
}

/// A change, with what led to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Event {
    /// What it is about.
    pub scope: Scope,
    /// What has changed.
    pub change: Change,
    /// The end of the last bin that was used.
    pub at: Timestamp,
    /// When the tested window began.
    pub since: Timestamp,
    /// Clicks expected in the tested window.
    pub expected: f64,
    /// Clicks seen in it.
    pub observed: f64,
    /// The negative natural logarithm of the probability of so few clicks.
    pub evidence: f64,
    /// What raises an alarm.
    pub threshold: f64,
}

/// All series of a stream.
#[derive(Debug)]
pub struct Ensemble {
    rules: Rules,
    series: Vec<Judgement>,
    pools: Vec<Judgement>,
}

impl Ensemble {
    /// An ensemble without series.
    #[must_use]
    pub const fn new(rules: Rules) -> Self {
        Self {
            rules,
            series: Vec::new(),
            pools: Vec::new(),
        }
    }

    /// What it judges by.
    #[must_use]
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Says anew how many series and groups of the installation share the budget of false alarms.
    pub fn share_among(&mut self, sharers: usize) {
        self.rules.sharers = sharers.max(1);
    }

    /// Adds a pool: series that are also judged together.
    pub fn add_pool(&mut self) -> usize {
        self.pools.push(Judgement::NOTHING);
        self.pools.len() - 1
    }

    /// Adds a series, judged for itself and in its pool. It may come late: bins before are missing.
    pub fn add_series(&mut self, _pool: Option<usize>) -> usize {
        self.series.push(Judgement::NOTHING);
        self.series.len() - 1
    }

    /// Takes in one bin of every series and says what has changed.
    ///
    /// Bins come in order of time; what lies between two calls is missing. `row` and `references` stand in the order of
    /// the series; a missing tail of either is nothing known. A reference is what explains the series' traffic (mails
    /// sent, say), where one is configured.
    pub fn push(&mut self, _start: Timestamp, _row: &[Bin], _references: &[Bin]) -> Vec<Event> {
        Vec::new()
    }

    /// Corrects a bin that has been pushed, because samples came late. What was judged on it stays judged.
    pub fn amend(&mut self, _series: usize, _start: Timestamp, _bin: Bin) {}

    /// What is known of a series.
    #[must_use]
    pub fn series(&self, series: usize) -> &Judgement {
        self.series.get(series).unwrap_or(&Judgement::NOTHING)
    }

    /// What is known of a pool.
    #[must_use]
    pub fn pool(&self, pool: usize) -> &Judgement {
        self.pools.get(pool).unwrap_or(&Judgement::NOTHING)
    }
}
