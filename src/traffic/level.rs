//! How busy it is: the level of one series, in clicks per bin and unit of shape.

use std::collections::VecDeque;

use super::baseline::Season;
use super::grid::Grid;
use super::ring::{Ring, Sum};

/// Each stretch's level is drawn towards the longer one's as if that were worth so many clicks.
const PRIOR_CLICKS: f64 = 40.0;

/// A day with so many clicks owes next to nothing to what was before it.
const ENOUGH_CLICKS: f64 = 10.0 * PRIOR_CLICKS;

/// A burst beyond so many times what the season leads to expect is not relied on to last.
const BUSIEST: f64 = 8.0;

/// A median over fewer hours says nothing.
const FEWEST_HOURS: usize = 6;

/// What tells the level beside the last hours' bins.
#[derive(Debug)]
pub(super) struct Level {
    /// Clicks and shapes of the last day's slots, without those of outages.
    day: VecDeque<(f32, f32)>,
    /// Their sum.
    sum: (f64, f64),
    /// No level is above this.
    calm: f64,
    /// The level that was accepted, while the season knows better of another.
    accepted: Option<f64>,
}

impl Default for Level {
    fn default() -> Self {
        Self {
            day: VecDeque::new(),
            sum: (0.0, 0.0),
            calm: f64::INFINITY,
            accepted: None,
        }
    }
}

impl Level {
    /// So many slots begin; a day has so many.
    pub(super) fn turn(&mut self, slots: i64, a_day: i64) {
        for _ in 0..slots {
            self.day.push_back((0.0, 0.0));
            if i64::try_from(self.day.len()).unwrap_or(i64::MAX) > a_day
                && let Some((clicks, shape)) = self.day.pop_front()
            {
                self.sum.0 -= f64::from(clicks);
                self.sum.1 -= f64::from(shape);
            }
        }
    }

    /// Takes a bin of the present slot in.
    pub(super) fn note(&mut self, clicks: f64, shape: f64) {
        self.change(0, clicks, shape);
    }

    /// Adds what has become known of a bin that many slots back.
    pub(super) fn amend(&mut self, back: i64, clicks: f64, shape: f64) {
        self.change(back, clicks, shape);
    }

    /// Takes a bin out again that many slots back, because it belongs to an outage.
    pub(super) fn forget(&mut self, back: i64, clicks: f64, shape: f64) {
        self.change(back, -clicks, -shape);
    }

    fn change(&mut self, back: i64, clicks: f64, shape: f64) {
        let place = usize::try_from(back)
            .ok()
            .and_then(|back| self.day.len().checked_sub(back.saturating_add(1)));
        if let Some(slot) = place.and_then(|place| self.day.get_mut(place)) {
            #[expect(clippy::cast_possible_truncation, reason = "sums of clicks")]
            let (clicks, shape) = (clicks as f32, shape as f32);
            slot.0 += clicks;
            slot.1 += shape;
            self.sum.0 += f64::from(clicks);
            self.sum.1 += f64::from(shape);
        }
    }

    /// Starts anew from what came last: this is how busy it is from now on.
    pub(super) fn restart(&mut self, sum: Sum) {
        self.day.iter_mut().for_each(|slot| *slot = (0.0, 0.0));
        self.sum = (0.0, 0.0);
        self.calm = f64::INFINITY;
        self.note(sum.clicks, sum.shape);
        self.accepted = (sum.shape > 0.0).then(|| sum.clicks / sum.shape);
    }

    /// Clicks per bin and unit of shape before this bin: the lowest of what the last four hours, the last hour and the
    /// last quarter of an hour say, each drawn towards the longer one where it holds few clicks.
    pub(super) fn before(&self, index: i64, ring: &Ring, grid: &Grid, season: &Season) -> f64 {
        let usual = self.accepted.or_else(|| season.mean()).unwrap_or(0.0);
        let mut level = shrunk(self.sum.0.max(0.0), self.sum.1.max(0.0), usual);
        let mut lowest = f64::INFINITY;
        for length in grid.references {
            let sum = ring.telling(index - i64::try_from(length).unwrap_or(0), index);
            level = shrunk(sum.clicks, sum.shape, level);
            lowest = lowest.min(level);
        }
        lowest.min(self.calm)
    }

    /// Renews what bursts do not move: the median over the hours of the last day.
    pub(super) fn settle(&mut self, season: &Season) {
        if self.sum.0 >= ENOUGH_CLICKS {
            self.accepted = None;
        }
        let an_hour = (self.day.len() / 24).max(1);
        let known: Vec<(f64, f64)> = self
            .day
            .iter()
            .map(|(clicks, shape)| (f64::from(*clicks), f64::from(*shape)))
            .collect();
        let mut hours: Vec<f64> = known
            .chunks(an_hour)
            .map(|hour| {
                hour.iter()
                    .fold((0.0, 0.0), |sum, slot| (sum.0 + slot.0, sum.1 + slot.1))
            })
            .filter(|(_, shape)| *shape > 0.0)
            .map(|(clicks, shape)| clicks / shape)
            .collect();
        hours.sort_by(f64::total_cmp);
        let usual = season
            .mean()
            .filter(|_| season.knows_a_week())
            .map_or(f64::INFINITY, |mean| BUSIEST * mean);
        self.calm = if hours.len() < FEWEST_HOURS {
            usual
        } else {
            hours[hours.len() / 2].min(usual)
        };
    }
}

/// The gamma-shrunk ratio of clicks to shape.
fn shrunk(clicks: f64, shape: f64, prior: f64) -> f64 {
    if prior > 0.0 {
        (clicks + PRIOR_CLICKS) / (shape + PRIOR_CLICKS / prior)
    } else if shape > 0.0 {
        clicks / shape
    } else {
        0.0
    }
}
