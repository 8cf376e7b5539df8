//! What is shown of a series.

use jiff::SignedDuration;

use super::Detector;
use crate::traffic::{Judgement, evidence};

impl Detector {
    /// What is known, for those who look.
    pub(in crate::traffic) fn judgement(&self) -> Judgement {
        self.judgement_since(self.alarm.map(|alarm| alarm.since))
    }

    /// The same, with rates that begin no earlier than the quiet that began with this bin: else the minutes before it
    /// would hide how quiet it is.
    pub(in crate::traffic) fn judgement_since(&self, quiet: Option<i64>) -> Judgement {
        let Some(newest) = self.newest else {
            return Judgement::NOTHING;
        };
        #[expect(clippy::cast_precision_loss, reason = "seconds of a bin")]
        let minutes = self.grid.bin as f64 / 60.0;
        let shown = i64::try_from(self.grid.shown).unwrap_or(1);
        let from = (newest + 1 - shown)
            .max(self.ring.oldest() + 1)
            .max(quiet.unwrap_or(i64::MIN))
            .min(newest);
        let sum = self.ring.sum(from, newest + 1);
        let known = (from..=newest)
            .filter(|bin| self.ring.sum(*bin, bin + 1).shape > 0.0)
            .count();
        #[expect(clippy::cast_precision_loss, reason = "a few bins")]
        let known = known.max(1) as f64;
        let expected = sum.shape * self.ring.level(from);
        let size = self.sizes[self
            .grid
            .windows
            .partition_point(|window| *window < self.grid.shown)
            .min(self.sizes.len() - 1)];
        let threshold = self.trial.threshold();
        let per_minute = |clicks: f64| clicks / (known * minutes);
        Judgement {
            at: self.end_of(newest),
            observed: per_minute(sum.clicks),
            expected: per_minute(expected),
            expected_low: Some(per_minute(self.trial.alarming(expected, size))),
            low: self.alarm.map(|alarm| alarm.tier),
            since: self.alarm.and_then(|alarm| self.end_of(alarm.since - 1)),
            evidence_ratio: self.trial.ratio(),
            ready: self.season.knows_a_day(),
            level_shift: self.shifted,
            time_to_notice: self.time_to_notice(threshold),
        }
    }

    fn time_to_notice(&self, threshold: f64) -> Option<SignedDuration> {
        let level = self
            .hold
            .map_or_else(|| self.expected_level(self.ring.next()), |hold| hold.level);
        let a_bin = self.shape * level;
        let bins = self.grid.windows.iter().enumerate().find_map(|(place, length)| {
            let needed = evidence::expected_for(threshold, self.sizes[place]) / a_bin;
            #[expect(clippy::cast_precision_loss, reason = "at most a few hundred")]
            let fits = needed <= *length as f64;
            fits.then(|| needed.ceil().max(1.0))
        })?;
        #[expect(clippy::cast_possible_truncation, reason = "at most a few hundred")]
        let bins = bins as i64;
        Some(SignedDuration::from_secs(bins * self.grid.bin))
    }
}
