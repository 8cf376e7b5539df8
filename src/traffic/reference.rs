//! What explains a series: mails sent, or a sibling's traffic, whose bursts and quiet the expected clicks follow.
//!
//! Clicks come after a mailing for minutes and for hours. What is expected in a bin is a sum of parts that are never
//! negative: the season, and what the reference has brought lately, weighed over five time constants. The weights are
//! learned as those of a Poisson regression, by expectation and maximisation (each part is credited with its share of the
//! clicks that came; Shepp and Vardi 1982 for positive sums), and older bins are forgotten.

use super::Bin;

/// Clicks follow the reference over these times, in seconds: from those who read at once to those who read tomorrow.
const TIMES: [f64; 5] = [300.0, 900.0, 3_600.0, 14_400.0, 43_200.0];

const PARTS: usize = TIMES.len() + 1;

/// The weights rest on about so much of the past, in seconds: two weeks.
const REMEMBERED: f64 = 14.0 * 86_400.0;

/// While little is known, early guesses are forgotten sooner: after this share of what is known.
const YOUNG: f64 = 0.25;

/// The reference is believed once so many clicks have come by it: a few mailings' worth.
const ENOUGH_CLICKS: f64 = 300.0;

/// And once it is known for a day, in seconds.
const ENOUGH_TIME: f64 = 86_400.0;

/// One bin teaches no more than this many times what was expected of it, once the reference is believed.
const MOST_TAUGHT: f64 = 5.0;

/// Without a reference for so long, in seconds, it is unknown what it has brought.
const MISSING_FOR: f64 = 900.0;

/// And stays unknown for so long after it is back: what went unseen brings clicks for hours.
const UNKNOWN_FOR: f64 = 14_400.0;

/// The reference of one series.
#[derive(Debug)]
pub(super) struct Reference {
    bin: f64,
    /// What the reference has brought lately: exponentially weighted means, one for each time constant.
    recent: [f64; TIMES.len()],
    /// What a unit of each part is worth, in clicks per bin; the first part is the season.
    weights: [f64; PARTS],
    /// Clicks that each part is credited with, older ones forgotten.
    credit: [f64; PARTS],
    /// What the parts summed up to over the same time.
    exposure: [f64; PARTS],
    /// Clicks credited to the reference since the beginning.
    learned: f64,
    /// Seconds since the first value.
    age: f64,
    /// Seconds without a value.
    missing: f64,
    /// Seconds until what the reference brings is known again.
    unknown: f64,
}

impl Reference {
    /// Nothing is known yet; bins have this length in seconds.
    pub(super) fn new(bin: i64) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "at most 86,400")]
        let bin = bin as f64;
        Self {
            bin,
            recent: [0.0; TIMES.len()],
            weights: [0.0; PARTS],
            credit: [0.0; PARTS],
            exposure: [0.0; PARTS],
            learned: 0.0,
            age: 0.0,
            missing: 0.0,
            unknown: 0.0,
        }
    }

    /// Takes the reference's bin in, before the clicks of the same bin are looked at. `usual` is the mean of the clicks
    /// per bin.
    pub(super) fn push(&mut self, value: Bin, usual: f64) {
        let count = value.count();
        if self.age > 0.0 || count.is_some() {
            self.age += self.bin;
        }
        self.missing = if count.is_some() {
            0.0
        } else {
            self.missing + self.bin
        };
        self.unknown = if self.missing >= MISSING_FOR {
            UNKNOWN_FOR
        } else {
            (self.unknown - self.bin).max(0.0)
        };
        for (recent, time) in self.recent.iter_mut().zip(TIMES) {
            let kept = (-self.bin / time).exp();
            *recent = kept.mul_add(*recent, (1.0 - kept) * count.unwrap_or(0.0));
        }
        if self.weights[1..].iter().all(|weight| *weight <= 0.0)
            && let Some(value) = count.filter(|value| *value > 0.0)
        {
            self.weights = [usual.max(f64::MIN_POSITIVE) / value; PARTS];
            self.weights[0] = 1.0;
        }
    }

    /// Whether what it has brought is known, and what that means for clicks has been learned.
    fn is_believed(&self) -> bool {
        self.learned >= ENOUGH_CLICKS && self.age >= ENOUGH_TIME
    }

    /// The clicks that are expected in this bin where the season alone leads to expect so many.
    pub(super) fn expected(&self, season: f64) -> f64 {
        if !self.is_believed() {
            return season;
        }
        let of_season = self.weights[0] * season;
        if self.unknown > 0.0 {
            return of_season;
        }
        let brought = self.recent.iter().zip(&self.weights[1..]);
        of_season + brought.map(|(recent, weight)| recent * weight).sum::<f64>()
    }

    /// Learns from the clicks of this bin.
    pub(super) fn learn(&mut self, season: f64, clicks: f64) {
        if self.unknown > 0.0 || self.missing > 0.0 || self.age <= 0.0 {
            return;
        }
        let mut parts = [season; PARTS];
        parts[1..].copy_from_slice(&self.recent);
        let expected: f64 = parts
            .iter()
            .zip(self.weights)
            .map(|(part, weight)| part * weight)
            .sum();
        if expected <= 0.0 {
            return;
        }
        let mut ratio = clicks / expected;
        if self.is_believed() {
            ratio = ratio.min(MOST_TAUGHT);
        }
        let kept = 1.0 - self.bin / (YOUNG * self.age).clamp(self.bin, REMEMBERED);
        for (place, part) in parts.into_iter().enumerate() {
            let credit = self.weights[place] * part * ratio;
            self.credit[place] = kept.mul_add(self.credit[place], credit);
            self.exposure[place] = kept.mul_add(self.exposure[place], part);
            if place > 0 {
                self.learned += credit;
            }
        }
    }

    /// Draws the conclusions; once for each slot of the season.
    pub(super) fn conclude(&mut self) {
        for place in 0..PARTS {
            if self.exposure[place] > 0.0 && self.credit[place] > 0.0 {
                self.weights[place] = self.credit[place] / self.exposure[place];
            }
        }
    }
}
