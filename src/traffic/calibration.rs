//! What a series' own past says of its test: how much it scatters, and how strong the evidence gets on calm days.

use std::collections::VecDeque;

use super::evidence::of_so_few;

/// The size r of the negative binomial where nothing is known yet.
const USUAL_SIZE: f64 = 20.0;

/// The size that is taken where nothing is known yet.
pub(super) const fn usual_size() -> f64 {
    USUAL_SIZE
}

/// Sizes stay between these.
const SIZES: (f64, f64) = (2.0, 100.0);

/// Windows in which fewer clicks are expected say nothing of the size.
pub(super) const TELLING: f64 = 10.0;

/// Evidence beyond this is to occur in as large a share of calm windows as the distribution says: one in a hundred.
const RARE: f64 = 4.605_170_185_988_092;

/// One rare window changes the size by this factor (as a logarithm); a hundred others change it back.
const STEP: f64 = 0.3;

/// How far counts in windows of one length scatter below what is expected, learnt from how often the evidence is strong.
///
/// A variance would be the usual estimate, but drops are rare and deep where they occur: matching one window in a
/// hundred keeps the far tail honest, and a rare outage that was not seen as one does not undo it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scatter {
    /// ln(1/r).
    inverse: f64,
    seen: u32,
}

impl Default for Scatter {
    fn default() -> Self {
        Self {
            inverse: -USUAL_SIZE.ln(),
            seen: 0,
        }
    }
}

/// So many windows must have been seen before they are believed.
const FEWEST: u32 = 20;

impl Scatter {
    /// Learns from a calm window.
    pub(super) fn learn(&mut self, observed: f64, expected: f64) {
        if expected < TELLING {
            return;
        }
        self.seen = self.seen.saturating_add(1);
        let rare = observed < expected && of_so_few(observed, expected, self.size()) > RARE;
        let share = (-RARE).exp();
        self.inverse += if rare { STEP * (1.0 - share) } else { -STEP * share };
        self.inverse = self.inverse.clamp(-SIZES.1.ln(), -SIZES.0.ln());
    }

    /// Whether enough was learnt.
    pub(super) const fn knows(&self) -> bool {
        self.seen >= FEWEST
    }

    /// The size r.
    pub(super) fn size(&self) -> f64 {
        (-self.inverse).exp()
    }
}

/// The strongest evidence of each of the last days without an alarm.
#[derive(Debug, Clone, Default)]
pub(super) struct DailyMaxima {
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
    pub(super) fn note(&mut self, evidence: f64) {
        #[expect(clippy::cast_possible_truncation, reason = "nats need no more digits")]
        let evidence = evidence as f32;
        self.today = self.today.max(evidence);
    }

    /// An alarm stands today: its evidence tells nothing of calm days.
    pub(super) fn spoil(&mut self) {
        self.spoilt = true;
    }

    /// Ends the day.
    pub(super) fn end_day(&mut self) {
        if !self.spoilt {
            self.days.push_back(self.today);
            if self.days.len() > DAYS {
                self.days.pop_front();
            }
        }
        (self.today, self.spoilt) = (0.0, false);
    }

    /// The evidence that raises an alarm, for one false alarm in so many days.
    ///
    /// The larger of what theory asks (each minute is a chance: ln of their number) and of what the calm days lead to
    /// expect once in that time: the return level of a Gumbel distribution fitted to their quartiles.
    #[must_use]
    pub(super) fn threshold(&self, days: f64) -> f64 {
        let theory = (days * 1_440.0).max(std::f64::consts::E).ln();
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
