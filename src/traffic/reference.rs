//! What explains a series: mails sent, or a sibling's traffic, whose bursts and quiet the expected clicks follow.
//!
//! Clicks come after a mailing for minutes and for hours. What is expected in a bin is a sum of parts that are never
//! negative: the season, and what the reference has brought lately, weighed over five time constants. The weights are
//! those of a regression of counts: least squares, each bin weighed by the variance that its expectation means (Nelder
//! and Wedderburn 1972), under the condition that no weight is negative (solved by coordinate descent); older bins are
//! forgotten.

use std::collections::VecDeque;

use super::Bin;

/// Clicks follow the reference over these times, in seconds: from those who read at once to those who read tomorrow.
const TIMES: [f64; 5] = [300.0, 900.0, 3_600.0, 14_400.0, 43_200.0];

const PARTS: usize = TIMES.len() + 1;

/// The weights rest on about so much of the past, in seconds: two weeks.
const REMEMBERED: f64 = 14.0 * 86_400.0;

/// Rounds of coordinate descent; the next slot goes on where the last has ended.
const SWEEPS: usize = 50;

/// The variance of a bin is at least this share of the usual one's.
const LEAST_VARIANCE: f64 = 0.1;

/// The reference is believed once so many clicks have come by it: a few mailings' worth.
const ENOUGH_CLICKS: f64 = 300.0;

/// And once it is known for a day, in seconds.
const ENOUGH_TIME: f64 = 86_400.0;

/// One bin teaches no more than this many times what was expected of it, once the reference is believed.
const MOST_TAUGHT: f64 = 5.0;

/// What the reference brings is expected once it has been due for so long, in seconds: nobody clicks before he reads.
const REACTION: f64 = 900.0;

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
    /// What all of it brought, in clicks per bin, over the time of reaction.
    brought: VecDeque<f32>,
    /// What a unit of each part is worth, in clicks per bin; the first part is the season.
    weights: [f64; PARTS],
    /// Products of the parts with each other, older ones forgotten.
    products: [[f64; PARTS]; PARTS],
    /// Products of the parts with the clicks.
    moments: [f64; PARTS],
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
            brought: VecDeque::new(),
            weights: [0.0; PARTS],
            products: [[0.0; PARTS]; PARTS],
            moments: [0.0; PARTS],
            learned: 0.0,
            age: 0.0,
            missing: 0.0,
            unknown: 0.0,
        }
    }

    /// Takes the reference's bin in, before the clicks of the same bin are looked at.
    pub(super) fn push(&mut self, value: Bin) {
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
        #[expect(clippy::cast_precision_loss, reason = "at most 16 bins")]
        while self.brought.len() as f64 * self.bin > REACTION {
            self.brought.pop_front();
        }
        #[expect(clippy::cast_possible_truncation, reason = "an expectation")]
        self.brought.push_back(self.brings() as f32);
    }

    /// Clicks that the reference brings in this bin.
    fn brings(&self) -> f64 {
        let parts = self.recent.iter().zip(&self.weights[1..]);
        parts.map(|(recent, weight)| recent * weight).sum()
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
        let least = self.brought.iter().copied().fold(f32::INFINITY, f32::min);
        of_season + f64::from(least).min(self.brings())
    }

    /// Learns from the clicks of this bin. `usual` is the mean of the clicks per bin.
    pub(super) fn learn(&mut self, season: f64, clicks: f64, usual: f64) {
        if self.unknown > 0.0 || self.missing > 0.0 || self.age <= 0.0 {
            return;
        }
        let mut parts = [season; PARTS];
        parts[1..].copy_from_slice(&self.recent);
        let brought = self.brings();
        let expected = self.weights[0]
            .mul_add(season, brought)
            .max(LEAST_VARIANCE * usual);
        if expected <= 0.0 {
            return;
        }
        let clicks = if self.is_believed() {
            clicks.min(MOST_TAUGHT * expected)
        } else {
            clicks
        };
        self.learned += brought.min(clicks);
        let kept = 1.0 - self.bin / self.age.clamp(self.bin, REMEMBERED);
        for (place, part) in parts.into_iter().enumerate() {
            for (product, other) in self.products[place].iter_mut().zip(parts) {
                *product = kept.mul_add(*product, part * other / expected);
            }
            self.moments[place] = kept.mul_add(self.moments[place], part * clicks / expected);
        }
    }

    /// Draws the conclusions; once for each slot of the season.
    pub(super) fn conclude(&mut self) {
        for _ in 0..SWEEPS {
            for place in 0..PARTS {
                let own = self.products[place][place];
                if own <= 0.0 {
                    continue;
                }
                let all: f64 = self.products[place]
                    .iter()
                    .zip(self.weights)
                    .map(|(product, weight)| product * weight)
                    .sum();
                let others = own.mul_add(-self.weights[place], all);
                self.weights[place] = ((self.moments[place] - others) / own).max(0.0);
            }
        }
    }
}
