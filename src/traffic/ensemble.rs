//! All series of a stream, judged bin by bin: each for itself, and pooled over groups.

use std::sync::Arc;

use jiff::Timestamp;

use super::detector::Detector;
use super::grid::Grid;
use super::pool::Pool;
use super::trial::{Finding, back};
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
    grid: Arc<Grid>,
    series: Vec<Detector>,
    pools: Vec<Pool>,
    next: Option<i64>,
}

/// A gap of more bins than this is not walked through bin by bin: 28 days of minutes.
const LONGEST_GAP: i64 = 40_320;

impl Ensemble {
    /// An ensemble without series.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self {
            grid: Arc::new(Grid::new(rules.bin)),
            rules,
            series: Vec::new(),
            pools: Vec::new(),
            next: None,
        }
    }

    /// What it judges by.
    #[must_use]
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Says anew how many series and groups of the installation share the budget of false alarms.
    pub fn share_among(&mut self, sharers: usize) {
        let sharers = sharers.max(1);
        if sharers == self.rules.sharers {
            return;
        }
        self.rules.sharers = sharers;
        let budget = self.rules.budget();
        for detector in &mut self.series {
            detector.set_thresholds(budget);
        }
        for pool in &mut self.pools {
            pool.set_threshold(budget);
        }
    }

    /// Adds a pool: series that are also judged together.
    pub fn add_pool(&mut self) -> usize {
        self.pools.push(Pool::new());
        self.pools.len() - 1
    }

    /// Adds a series, judged for itself and in its pool. It may come late: bins before are missing.
    pub fn add_series(&mut self, pool: Option<usize>) -> usize {
        let detector = Detector::new(Arc::clone(&self.grid), self.rules.time_zone.clone());
        self.series.push(detector);
        let number = self.series.len() - 1;
        if let Some(pool) = pool.and_then(|pool| self.pools.get_mut(pool)) {
            pool.members.push(number);
        }
        number
    }

    /// Moves a series to another pool, or to none.
    pub fn join(&mut self, series: usize, pool: Option<usize>) {
        for (number, other) in self.pools.iter_mut().enumerate() {
            if pool == Some(number) {
                continue;
            }
            let Some(place) = other.members.iter().position(|member| *member == series) else {
                continue;
            };
            other.members.swap_remove(place);
            if let Some(detector) = self.series.get_mut(series) {
                detector.release_for_pool();
            }
        }
        if let Some(pool) = pool.and_then(|pool| self.pools.get_mut(pool))
            && !pool.members.contains(&series)
        {
            pool.members.push(series);
        }
    }

    /// Takes in one bin of every series and says what has changed.
    ///
    /// Bins come in order of time; what lies between two calls is missing, and what is not later than the last call is
    /// ignored. `row` and `references` stand in the order of the series; a missing tail of either is nothing known. A
    /// reference is what explains the series' traffic (mails sent, say), where one is configured.
    pub fn push(&mut self, start: Timestamp, row: &[Bin], references: &[Bin]) -> Vec<Event> {
        let index = start.as_second().div_euclid(self.grid.bin);
        let from = self.next.unwrap_or(index);
        if index < from {
            return Vec::new();
        }
        let budget = self.rules.budget();
        for missing in from.max(index - LONGEST_GAP)..index {
            for detector in &mut self.series {
                detector.push(missing, Bin::Missing, None, budget);
            }
        }
        self.next = Some(index + 1);
        let mut events = Vec::new();
        for (number, detector) in self.series.iter_mut().enumerate() {
            let bin = row.get(number).copied().unwrap_or(Bin::Missing);
            detector.push(index, bin, references.get(number).copied(), budget);
            if detector.is_fresh() {
                let change = step(detector, index, &self.rules);
                events.extend(
                    change.map(|(change, finding)| {
                        event(Scope::Series(number), change, finding, index, detector)
                    }),
                );
            }
        }
        for (number, pool) in self.pools.iter_mut().enumerate() {
            let change = pool.step(index, &mut self.series, &self.grid, &self.rules);
            events.extend(change.map(|event| Event {
                scope: Scope::Pool(number),
                ..event
            }));
        }
        events
    }

    /// Corrects a bin that has been pushed, because samples came late. What was judged on it stays judged.
    pub fn amend(&mut self, series: usize, start: Timestamp, bin: Bin) {
        let index = start.as_second().div_euclid(self.grid.bin);
        if let Some(detector) = self.series.get_mut(series) {
            detector.amend(index, bin);
        }
    }

    /// What is known of a series.
    #[must_use]
    pub fn series(&self, series: usize) -> Judgement {
        self.series
            .get(series)
            .map_or(Judgement::NOTHING, Detector::judgement)
    }

    /// What is known of a pool.
    #[must_use]
    pub fn pool(&self, pool: usize) -> Judgement {
        self.pools.get(pool).map_or(Judgement::NOTHING, |pool| {
            pool.judgement(&self.series, &self.grid)
        })
    }
}

/// Judges a series at its newest bin.
fn step(detector: &mut Detector, index: i64, rules: &Rules) -> Option<(Change, Option<Finding>)> {
    let finding = detector.look();
    match (detector.alarm, finding) {
        (None, Some(finding)) => {
            detector.raise(&finding);
            Some((Change::Raised(finding.tier), Some(finding)))
        }
        (Some(alarm), found) => {
            if detector.is_back(alarm.since, back(alarm.tier)) {
                detector.clear();
                return Some((Change::Cleared, None));
            }
            if (index + 1 - alarm.since) * detector.bin() >= rules.accept_after.as_secs() {
                detector.accept(detector.end_of(index)?);
                return Some((Change::LevelAccepted, None));
            }
            let worse = found.filter(|found| found.tier > alarm.tier)?;
            detector.raise(&worse);
            Some((Change::Raised(worse.tier), Some(worse)))
        }
        (None, None) => None,
    }
}

fn event(scope: Scope, change: Change, finding: Option<Finding>, index: i64, detector: &Detector) -> Event {
    let at = detector.end_of(index).unwrap_or_default();
    let since = finding
        .and_then(|finding| detector.end_of(finding.window.since - 1))
        .unwrap_or(at);
    Event {
        scope,
        change,
        at,
        since,
        expected: finding.map_or(0.0, |finding| finding.window.expected),
        observed: finding.map_or(0.0, |finding| finding.window.observed),
        evidence: finding.map_or(0.0, |finding| finding.evidence),
        threshold: finding.map_or(0.0, |finding| finding.threshold),
    }
}
