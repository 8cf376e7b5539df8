//! What a series' own past says of its test: how much it scatters, and how strong the evidence gets on calm days.

use std::collections::VecDeque;

/// The size r of the negative binomial where nothing is known yet.
const USUAL_SIZE: f64 = 20.0;

/// The size that is taken where nothing is known yet.
pub const fn usual_size() -> f64 {
    USUAL_SIZE
}

/// Sizes stay between these.
const SIZES: (f64, f64) = (2.0, 300.0);

/// Windows in which fewer clicks are expected say nothing of the size.
pub const TELLING: f64 = 10.0;

/// What is learnt of the size counts this many windows at most, so that the latest weigh more.
const MEMORY: f64 = 2_000.0;

/// The prior counts as so many windows.
const PRIOR: f64 = 20.0;

/// A single window counts at most as so many variances.
const WINSOR: f64 = 9.0;

/// How far counts in windows of one length scatter below what is expected.
#[derive(Debug, Clone, Copy)]
pub struct Scatter {
    /// 1/r, averaged.
    inverse: f64,
    seen: f64,
}

impl Default for Scatter {
    fn default() -> Self {
        Self {
            inverse: 1.0 / USUAL_SIZE,
            seen: PRIOR,
        }
    }
}

impl Scatter {
    /// Learns from a window. Only shortfalls are looked at: bursts say nothing of drops.
    pub fn learn(&mut self, observed: f64, expected: f64) {
        if expected < TELLING {
            return;
        }
        let short = (expected - observed).max(0.0);
        let variance = expected + expected * expected * self.inverse.max(1.0 / SIZES.1);
        let squared = (2.0 * short * short).min(WINSOR * variance);
        let inverse = (squared - expected) / (expected * expected);
        self.seen = (self.seen + 1.0).min(MEMORY);
        self.inverse += (inverse - self.inverse) / self.seen;
    }

    /// Whether anything was learnt.
    #[must_use]
    pub fn knows(&self) -> bool {
        self.seen > PRIOR
    }

    /// The size r.
    #[must_use]
    pub fn size(&self) -> f64 {
        (1.0 / self.inverse.max(1.0 / SIZES.1)).max(SIZES.0)
    }
}

/// The strongest evidence of each of the last days without an alarm.
#[derive(Debug, Clone, Default)]
pub struct DailyMaxima {
    days: VecDeque<f32>,
    today: f32,
    spoilt: bool,
}

/// Days that are remembered.
const DAYS: usize = 28;

/// Before so many days nothing can be said from them.
const FEWEST_DAYS: usize = 7;

/// No threshold is higher: beyond it history was not as calm as it looked.
const HIGHEST: f64 = 30.0;

/// What is asked in addition of a series whose own scatter is not known yet.
const STRANGER: f64 = 4.0;

impl DailyMaxima {
    /// Notes the evidence of a bin.
    pub fn note(&mut self, evidence: f64) {
        #[expect(clippy::cast_possible_truncation, reason = "nats need no more digits")]
        let evidence = evidence as f32;
        self.today = self.today.max(evidence);
    }

    /// An alarm stands today: its evidence tells nothing of calm days.
    pub fn spoil(&mut self) {
        self.spoilt = true;
    }

    /// Ends the day.
    pub fn end_day(&mut self) {
        if !self.spoilt {
            self.days.push_back(self.today);
            if self.days.len() > DAYS {
                self.days.pop_front();
            }
        }
        (self.today, self.spoilt) = (0.0, false);
    }

    /// The evidence that raises an alarm, for one false alarm in so many days and bins.
    ///
    /// The larger of what theory asks (each bin is a chance: ln of their number) and of what the calm days lead to
    /// expect once in that time: the return level of a Gumbel distribution fitted to their quartiles.
    #[must_use]
    pub fn threshold(&self, days: f64, bins: f64) -> f64 {
        let theory = bins.max(std::f64::consts::E).ln();
        let known = self.days.len();
        if known < FEWEST_DAYS {
            #[expect(clippy::cast_precision_loss, reason = "at most 7")]
            let unknown = 1.0 - known as f64 / FEWEST_DAYS as f64;
            return theory + STRANGER * unknown;
        }
        let mut sorted: Vec<f64> = self.days.iter().map(|day| f64::from(*day)).collect();
        sorted.sort_by(f64::total_cmp);
        let quartile = |share: usize| sorted[(known - 1) * share / 4];
        let ln_ln_2 = std::f64::consts::LN_2.ln();
        // The quartiles of a standard Gumbel distribution are 1.5725 apart, its median is -ln ln 2.
        let scale = (quartile(3) - quartile(1)) / 1.5725;
        let place = quartile(2) + scale * ln_ln_2;
        let once = place - scale * (-(1.0 - 1.0 / days.max(2.0)).ln()).ln();
        once.clamp(theory, HIGHEST.max(theory))
    }
}
