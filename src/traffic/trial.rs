//! The trial of one series or pool: windows in, at most one finding out.

use super::Tier;
use super::calibration::DailyMaxima;
use super::evidence;

/// At most this share of the expected clicks is next to nothing.
const OUTAGE_GATE: f64 = 0.2;

/// At most this share is well below.
const PARTIAL_GATE: f64 = 0.4;

/// A partial drop is only said with so much more evidence, because levels wander.
const PARTIAL_EXTRA: f64 = 4.0;

/// At most this share of the expected clicks is silence; with more, it may be a dip as the series has them.
const SILENCE: f64 = 0.05;

/// Levels wander, though not to nothing: the size is at most this where clicks still come.
const DIP_SIZE: f64 = 22.0;

/// Before the end of an alarm is said, so many clicks must have been expected since.
pub(super) const CLEARING: f64 = 8.0;

/// An alarm ends once so much of the expected clicks is back, by tier.
pub(super) const fn back(tier: Tier) -> f64 {
    match tier {
        Tier::Outage => 0.5,
        Tier::Partial => 0.7,
    }
}

/// The share of the budget of false alarms that one series or pool has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Budget {
    /// Mean days between two false alarms.
    pub(super) days: f64,
}

/// A window: what came, what was expected, how such windows scatter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Window {
    /// Its first bin.
    pub(super) since: i64,
    pub(super) observed: f64,
    pub(super) expected: f64,
    pub(super) size: f64,
}

impl Window {
    fn share(&self) -> f64 {
        self.observed / self.expected
    }

    /// Whether clicks still come.
    pub(super) fn is_dip(&self) -> bool {
        self.share() > SILENCE
    }

    fn evidence(&self) -> f64 {
        let size = if self.is_dip() {
            self.size.min(DIP_SIZE)
        } else {
            self.size
        };
        evidence::of_so_few(self.observed, self.expected, size)
    }

    /// Whether so much of what was expected came.
    pub(super) fn reaches(&self, share: f64) -> bool {
        self.observed >= share * self.expected
    }
}

/// A window that speaks for a drop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Finding {
    pub(super) tier: Tier,
    pub(super) window: Window,
    pub(super) evidence: f64,
    pub(super) threshold: f64,
}

/// What raises an alarm, and how near it has come.
#[derive(Debug)]
pub(super) struct Trial {
    maxima: [DailyMaxima; 2],
    thresholds: [f64; 2],
    strongest: f64,
}

impl Trial {
    pub(super) fn new() -> Self {
        Self {
            maxima: [DailyMaxima::default(), DailyMaxima::default()],
            thresholds: [f64::INFINITY; 2],
            strongest: 0.0,
        }
    }

    /// Ends a day.
    pub(super) fn end_day(&mut self) {
        self.maxima.iter_mut().for_each(DailyMaxima::end_day);
    }

    /// An alarm stands today.
    pub(super) fn spoil_day(&mut self) {
        self.maxima.iter_mut().for_each(DailyMaxima::spoil);
    }

    /// Says anew what raises an alarm.
    pub(super) fn set_thresholds(&mut self, budget: Budget) {
        for tier in Tier::ALL {
            let extra = if tier == Tier::Partial { PARTIAL_EXTRA } else { 0.0 };
            self.thresholds[tier as usize] = extra + self.maxima[tier as usize].threshold(budget.days);
        }
    }

    /// What raises an outage's alarm.
    pub(super) const fn threshold(&self) -> f64 {
        self.thresholds[Tier::Outage as usize]
    }

    /// The strongest evidence of the last judgement, over what raises an alarm.
    pub(super) const fn ratio(&self) -> f64 {
        self.strongest
    }

    /// Judges windows; each says whether it is long enough to be called partial. The graver tier comes first.
    pub(super) fn judge(&mut self, windows: impl Iterator<Item = (bool, Window)>) -> Option<Finding> {
        let mut best: [Option<Finding>; 2] = [None, None];
        for (long, window) in windows {
            if window.share() > PARTIAL_GATE {
                continue;
            }
            let evidence = window.evidence();
            for tier in Tier::ALL {
                let allowed = match tier {
                    Tier::Outage => window.share() <= OUTAGE_GATE,
                    Tier::Partial => long,
                };
                let found = &mut best[tier as usize];
                if allowed && found.is_none_or(|found| found.evidence < evidence) {
                    *found = Some(Finding {
                        tier,
                        window,
                        evidence,
                        threshold: self.thresholds[tier as usize],
                    });
                }
            }
        }
        self.strongest = 0.0;
        for found in best.iter().flatten() {
            self.maxima[found.tier as usize].note(found.evidence);
            self.strongest = self.strongest.max(found.evidence / found.threshold);
        }
        let [partial, outage] = best;
        let raises = |found: &Finding| found.evidence >= found.threshold;
        outage.filter(raises).or_else(|| partial.filter(raises))
    }

    /// The most clicks of so many expected that would still raise an outage's alarm; 0 where not even silence would.
    pub(super) fn alarming(&self, expected: f64, size: f64) -> f64 {
        let alarms = |observed: f64| {
            let window = Window {
                since: 0,
                observed,
                expected,
                size,
            };
            window.evidence() >= self.threshold()
        };
        let (mut low, mut high) = (0.0, (OUTAGE_GATE * expected).floor());
        if !alarms(0.0) {
            return 0.0;
        }
        while high - low >= 1.0 {
            let middle = f64::midpoint(low, high).ceil();
            if alarms(middle) {
                low = middle;
            } else {
                high = middle - 1.0;
            }
        }
        low
    }
}
