//! Evidence pooled over the series of a group: ten small domains that fail together are seen long before one of them
//! could be.
//!
//! The counts of the members are added up, but none counts for more than a few expected clicks: otherwise the busiest
//! and most bursty of them would decide alone.

use jiff::Timestamp;

use super::detector::Detector;
use super::ensemble::{Change, Event, Scope};
use super::grid::Grid;
use super::trial::{Budget, CLEARING, Finding, Trial, Window, back};
use super::{Judgement, Rules, Tier, evidence};

/// A member counts for at most so many expected clicks of a window.
const LOUDEST: f64 = 20.0;

/// A pool of one is no pool.
const FEWEST: usize = 2;

/// An alarm that stands.
#[derive(Debug, Clone, Copy)]
struct Alarm {
    tier: Tier,
    since: i64,
}

/// A group of series judged together.
#[derive(Debug)]
pub(super) struct Pool {
    /// Their numbers.
    pub(super) members: Vec<usize>,
    trial: Trial,
    day: Option<i64>,
    alarm: Option<Alarm>,
    newest: Option<i64>,
    shifted: Option<Timestamp>,
}

impl Pool {
    /// A pool without members.
    pub(super) fn new() -> Self {
        Self {
            members: Vec::new(),
            trial: Trial::new(),
            day: None,
            alarm: None,
            newest: None,
            shifted: None,
        }
    }

    /// Says anew what raises an alarm.
    pub(super) fn set_threshold(&mut self, budget: Budget) {
        self.trial.set_thresholds(budget);
    }

    fn turn_day(&mut self, index: i64, grid: &Grid, budget: Budget) {
        let day = (index * grid.bin).div_euclid(86_400);
        if self.day != Some(day) {
            if self.day.is_some() {
                self.trial.end_day();
            }
            self.day = Some(day);
            self.set_threshold(budget);
        }
    }

    /// Judges the pool at its members' newest bin.
    pub(super) fn step(
        &mut self,
        index: i64,
        series: &mut [Detector],
        grid: &Grid,
        rules: &Rules,
    ) -> Option<Event> {
        self.turn_day(index, grid, rules.budget());
        let reporting = self
            .members
            .iter()
            .filter(|member| series.get(**member).is_some_and(Detector::is_fresh))
            .count();
        if reporting < FEWEST {
            return None;
        }
        self.newest = Some(index);
        let finding = self.look(index, series, grid);
        let at = Timestamp::from_second((index + 1) * grid.bin).ok()?;
        let Some(alarm) = self.alarm else {
            return finding.map(|finding| self.raise(&finding, at, series, grid));
        };
        if self.is_back(index, series, grid, alarm) {
            self.end(series);
            return Some(plain(Change::Cleared, at));
        }
        if (index + 1 - alarm.since) * grid.bin >= rules.accept_after.as_secs() {
            for member in &self.members {
                if let Some(detector) = series.get_mut(*member) {
                    detector.accept(at);
                }
            }
            self.end(series);
            self.shifted = Some(at);
            return Some(plain(Change::LevelAccepted, at));
        }
        let worse = finding.filter(|finding| finding.tier > alarm.tier)?;
        Some(self.raise(&worse, at, series, grid))
    }

    fn raise(&mut self, finding: &Finding, at: Timestamp, series: &mut [Detector], grid: &Grid) -> Event {
        let since = self.alarm.map_or(finding.window.since, |alarm| alarm.since);
        self.alarm = Some(Alarm {
            tier: finding.tier,
            since,
        });
        self.trial.spoil_day();
        for member in &self.members {
            if let Some(detector) = series.get_mut(*member) {
                detector.freeze_for_pool(since);
            }
        }
        Event {
            since: Timestamp::from_second(finding.window.since * grid.bin).unwrap_or(at),
            expected: finding.window.expected,
            observed: finding.window.observed,
            evidence: finding.evidence,
            threshold: finding.threshold,
            ..plain(Change::Raised(finding.tier), at)
        }
    }

    fn end(&mut self, series: &mut [Detector]) {
        self.alarm = None;
        for member in &self.members {
            if let Some(detector) = series.get_mut(*member) {
                detector.release_for_pool();
            }
        }
    }

    /// The members' windows of one length, added up with none too loud.
    fn window(
        &self,
        index: i64,
        series: &[Detector],
        of: impl Fn(&Detector) -> Option<Window>,
    ) -> Option<Window> {
        let (mut observed, mut expected, mut variance, mut count) = (0.0, 0.0, 0.0, 0);
        let mut since = index;
        for detector in self.members.iter().filter_map(|member| series.get(*member)) {
            if !detector.is_fresh() {
                continue;
            }
            let Some(window) = of(detector) else {
                continue;
            };
            let weight = (LOUDEST / window.expected).min(1.0);
            let mean = weight * window.expected;
            observed += weight * window.observed;
            expected += mean;
            variance += weight * mean + mean * mean / window.size;
            since = since.min(window.since);
            count += 1;
        }
        (count >= FEWEST && expected > 0.0).then(|| Window {
            since,
            observed,
            expected,
            size: size(expected, variance),
        })
    }

    fn look(&mut self, index: i64, series: &[Detector], grid: &Grid) -> Option<Finding> {
        let windows: Vec<(bool, Window)> = (0..grid.windows.len())
            .filter_map(|place| {
                Some((
                    grid.windows[place] >= grid.partial_from,
                    self.window(index, series, |series| series.window(place))?,
                ))
            })
            .collect();
        self.trial.judge(windows.into_iter())
    }

    fn is_back(&self, index: i64, series: &[Detector], grid: &Grid, alarm: Alarm) -> bool {
        let last = grid.windows.len() - 1;
        (0..=last)
            .filter(|place| grid.windows[*place] >= grid.shown)
            .filter_map(|place| {
                let whole = |series: &Detector| series.whole_window(place);
                Some((place, self.window(index, series, whole)?))
            })
            .filter(|(_, window)| window.since > alarm.since)
            .find(|(place, window)| window.expected >= CLEARING || *place == last)
            .is_some_and(|(_, window)| window.reaches(back(alarm.tier)))
    }

    /// What is known, for those who look: the members' clicks added up.
    pub(super) fn judgement(&self, series: &[Detector], grid: &Grid) -> Judgement {
        let Some(newest) = self.newest else {
            return Judgement::NOTHING;
        };
        let (mut observed, mut expected, mut ready, mut fastest) = (0.0, 0.0, false, f64::INFINITY);
        let members = self.members.iter().filter_map(|member| series.get(*member));
        let mut rate = 0.0;
        let quiet = self.alarm.map(|alarm| alarm.since);
        for judgement in members.map(|member| member.judgement_since(quiet)) {
            observed += judgement.observed;
            expected += judgement.expected;
            ready |= judgement.ready;
            fastest = fastest.min(
                judgement
                    .time_to_notice
                    .map_or(f64::INFINITY, |time| time.as_secs_f64()),
            );
            rate += judgement.expected;
        }
        let at = |index: i64| Timestamp::from_second(index * grid.bin).ok();
        let threshold = self.trial.threshold();
        Judgement {
            at: at(newest + 1),
            observed,
            expected,
            expected_low: None,
            low: self.alarm.map(|alarm| alarm.tier),
            since: self.alarm.and_then(|alarm| at(alarm.since)),
            evidence_ratio: self.trial.ratio(),
            ready,
            level_shift: self.shifted,
            time_to_notice: notice(rate, threshold, fastest, grid),
        }
    }
}

/// How long silence of all members takes to be noticed: never longer than that of the fastest of them.
fn notice(per_minute: f64, threshold: f64, fastest: f64, grid: &Grid) -> Option<jiff::SignedDuration> {
    #[expect(clippy::cast_precision_loss, reason = "seconds of a bin")]
    let bin = grid.bin as f64;
    let bins = (evidence::expected_for(threshold, super::calibration::usual_size())
        / (per_minute * bin / 60.0))
        .ceil();
    let seconds = (bins * bin).min(fastest);
    #[expect(clippy::cast_possible_truncation, reason = "a few hours")]
    (seconds < 144.0 * 60.0).then(|| jiff::SignedDuration::from_secs(seconds as i64))
}

/// The size of a negative binomial with this mean and variance.
fn size(mean: f64, variance: f64) -> f64 {
    let beyond = variance - mean;
    if beyond > mean * 1e-6 {
        mean * mean / beyond
    } else {
        1e9
    }
}

const fn plain(change: Change, at: Timestamp) -> Event {
    Event {
        scope: Scope::Pool(0),
        change,
        at,
        since: at,
        expected: 0.0,
        observed: 0.0,
        evidence: 0.0,
        threshold: 0.0,
    }
}
