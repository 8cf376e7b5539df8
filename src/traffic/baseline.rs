//! What the time of the week leads to expect: the seasonal shape of one series.
//!
//! The shape is relative (about 1 on average); how busy it is now is the level, which the detector takes from the hours
//! before. A shape is the (lower) median over the last four weeks of what came around the same local time of the week, drawn
//! towards the median over the last seven days where the weeks are few or the counts small. Bins of a known outage never
//! enter it.

use std::collections::VecDeque;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

/// History is kept in slots of about this length.
const SLOT: SignedDuration = SignedDuration::from_mins(15);

/// So much history is kept.
const KEPT_DAYS: i64 = 28;

/// "Around the same time" reaches so far to both sides.
const REACH: SignedDuration = SignedDuration::from_mins(30);

/// An estimate from fewer clicks than this owes half of itself to the coarser one (a gamma prior of that weight).
const PRIOR_CLICKS: f64 = 20.0;

/// A median of fewer samples than this may be that of a burst.
const FEWEST: usize = 3;

/// A shape is never below this share of the mean: at the quietest hour something is expected.
const LEAST: f64 = 0.02;

/// The seasonal history of one series.
#[derive(Debug, Clone)]
pub struct Season {
    zone: TimeZone,
    slot_seconds: i64,
    bins_per_slot: f64,
    /// The number of the oldest slot that is kept, counted from 1970.
    first: i64,
    sums: VecDeque<f32>,
    bins: VecDeque<u8>,
    clicks: f64,
    covered: f64,
}

impl Season {
    /// An empty history of bins of this length.
    #[must_use]
    pub fn new(bin: SignedDuration, zone: TimeZone) -> Self {
        let slot_seconds = slot_seconds(bin.as_secs().max(1));
        #[expect(clippy::cast_precision_loss, reason = "at most 86,400")]
        let bins_per_slot = (slot_seconds / bin.as_secs().max(1)) as f64;
        Self {
            zone,
            slot_seconds,
            bins_per_slot,
            first: 0,
            sums: VecDeque::new(),
            bins: VecDeque::new(),
            clicks: 0.0,
            covered: 0.0,
        }
    }

    /// The number of the slot that a time falls into.
    #[must_use]
    pub const fn slot_at(&self, seconds: i64) -> i64 {
        seconds.div_euclid(self.slot_seconds)
    }

    /// Slots of a day.
    #[must_use]
    pub const fn slots_a_day(&self) -> i64 {
        86_400 / self.slot_seconds
    }

    /// Clicks per bin over the whole history; none before the first bin.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.covered > 0.0).then(|| self.clicks.max(0.0) / self.covered)
    }

    /// Whether so many bins are known.
    #[must_use]
    pub fn knows(&self, bins: usize) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "a few thousand bins")]
        let bins = bins as f64;
        self.covered >= bins
    }

    /// Whether a whole day is known.
    #[must_use]
    pub fn knows_a_day(&self) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "at most 1,440")]
        let day = self.slots_a_day() as f64 * self.bins_per_slot;
        self.covered >= day
    }

    /// Whether a whole week is known.
    #[must_use]
    pub fn knows_a_week(&self) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "at most 10,080")]
        let week = 7.0 * self.slots_a_day() as f64 * self.bins_per_slot;
        self.covered >= week
    }

    /// Takes a bin in; those older than the history are ignored.
    pub fn add(&mut self, slot: i64, clicks: f64) {
        self.change(slot, clicks, 1);
    }

    /// Takes several bins of a slot in at once.
    pub fn add_slot(&mut self, slot: i64, clicks: f64, bins: u8) {
        for place in 0..bins {
            let clicks = if place == 0 { clicks } else { 0.0 };
            self.change(slot, clicks, 1);
        }
    }

    /// The median over the slots of the last week, in clicks per bin: neither bursts nor outages move it.
    #[must_use]
    pub fn median(&self) -> f64 {
        let a_week = usize::try_from(7 * self.slots_a_day()).unwrap_or(usize::MAX);
        let slots = self.sums.iter().rev().zip(self.bins.iter().rev());
        let mut rates: Vec<f64> = slots
            .take(a_week)
            .filter(|(_, bins)| **bins > 0)
            .map(|(clicks, bins)| f64::from(*clicks) / f64::from(*bins))
            .collect();
        rates.sort_by(f64::total_cmp);
        rates.get(rates.len() / 2).copied().unwrap_or(0.0)
    }

    /// Takes a bin out again, because it belongs to an outage or was wrong.
    pub fn remove(&mut self, slot: i64, clicks: f64) {
        self.change(slot, -clicks, -1);
    }

    fn change(&mut self, slot: i64, clicks: f64, bins: i8) {
        if self.sums.is_empty() {
            self.first = slot;
        }
        let most = KEPT_DAYS * self.slots_a_day() + self.reach() + 1;
        let Ok(mut place) = usize::try_from(slot - self.first) else {
            return;
        };
        if slot - self.first - i64::try_from(self.sums.len()).unwrap_or(i64::MAX) > most {
            self.forget();
            self.first = slot;
            place = 0;
        }
        while self.sums.len() <= place {
            self.make_room();
            self.sums.push_back(0.0);
            self.bins.push_back(0);
        }
        let before = self.sums[place];
        #[expect(
            clippy::cast_possible_truncation,
            reason = "sums of clicks; a relative error of 1e-7 is nothing"
        )]
        let after = (f64::from(before) + clicks).max(0.0) as f32;
        self.sums[place] = after;
        self.clicks += f64::from(after) - f64::from(before);
        let covered = self.bins[place].saturating_add_signed(bins);
        self.covered += f64::from(covered) - f64::from(self.bins[place]);
        self.bins[place] = covered;
        while i64::try_from(self.sums.len()).unwrap_or(i64::MAX) > most {
            self.clicks -= f64::from(self.sums.pop_front().unwrap_or_default());
            self.covered -= f64::from(self.bins.pop_front().unwrap_or_default());
            self.first += 1;
        }
    }

    /// Grows by days: doubling would leave a third of a full history's memory unused.
    fn make_room(&mut self) {
        if self.sums.len() == self.sums.capacity() {
            let days = usize::try_from(4 * self.slots_a_day()).unwrap_or(1);
            self.sums.reserve_exact(days);
            self.bins.reserve_exact(days);
        }
    }

    fn forget(&mut self) {
        self.sums.clear();
        self.bins.clear();
        (self.clicks, self.covered) = (0.0, 0.0);
    }

    /// What is expected in a slot, relative to the mean; 1 while too little is known.
    #[must_use]
    pub fn shape(&self, slot: i64) -> f64 {
        let Some(mean) = self.mean().filter(|mean| *mean > 0.0) else {
            return 1.0;
        };
        let daily = self.typical(slot, (1..=7).map(ToSpan::days));
        let weekly = self.typical(slot, (1..=4).map(ToSpan::weeks));
        // A few samples may all be of bursts: then no more than the mean is expected.
        let trusted = |typical: &Typical, prior: f64| {
            let rate = typical.towards(prior);
            if typical.samples < FEWEST {
                rate.min(prior)
            } else {
                rate
            }
        };
        let by_day = daily.map_or(mean, |typical| trusted(&typical, mean));
        let by_week = weekly.map_or(by_day, |typical| trusted(&typical, by_day));
        // Bursts are seldom at the same time on most days and in most weeks. Where they are in either, the other says
        // what is there without them; the level follows what is busier every week.
        let expected = by_week.min(by_day);
        (expected / mean).max(LEAST)
    }

    /// The median of what came around the same local time so long before.
    fn typical(&self, slot: i64, before: impl Iterator<Item = jiff::Span>) -> Option<Typical> {
        let middle = Timestamp::from_second(slot * self.slot_seconds + self.slot_seconds / 2).ok()?;
        let local = self.zone.to_datetime(middle);
        let (mut rates, mut exposure) = (Vec::with_capacity(7), 0.0);
        for span in before {
            let Some(at) = local
                .checked_sub(span)
                .ok()
                .and_then(|then| self.zone.to_timestamp(then).ok())
            else {
                continue;
            };
            if let Some((rate, bins)) = self.around(self.slot_at(at.as_second())) {
                rates.push(rate);
                exposure += bins;
            }
        }
        rates.sort_by(f64::total_cmp);
        let samples = rates.len();
        // The lower of the two middle ones: of two weeks, one may have been the week of a burst.
        let rate = *rates.get(samples.saturating_sub(1) / 3)?;
        Some(Typical {
            rate,
            exposure,
            samples,
        })
    }

    const fn reach(&self) -> i64 {
        REACH.as_secs() / self.slot_seconds
    }

    /// Clicks per bin around a slot, and bins known there; none if less than half of them are known.
    fn around(&self, slot: i64) -> Option<(f64, f64)> {
        let (mut clicks, mut bins, mut possible) = (0.0, 0.0, 0.0);
        for near in slot - self.reach()..=slot + self.reach() {
            possible += self.bins_per_slot;
            if let Some(place) = usize::try_from(near - self.first)
                .ok()
                .filter(|place| *place < self.sums.len())
            {
                clicks += f64::from(self.sums[place]);
                bins += f64::from(self.bins[place]);
            }
        }
        (bins * 2.0 >= possible).then(|| (clicks / bins, bins))
    }
}

/// A median of rates.
struct Typical {
    /// Clicks per bin.
    rate: f64,
    /// Bins that it was taken from.
    exposure: f64,
    /// Days or weeks that it was taken from.
    samples: usize,
}

impl Typical {
    /// The posterior mean under a gamma prior around a coarser estimate.
    fn towards(&self, prior: f64) -> f64 {
        if prior > 0.0 {
            (self.rate * self.exposure + PRIOR_CLICKS) / (self.exposure + PRIOR_CLICKS / prior)
        } else {
            self.rate
        }
    }
}

/// The smallest multiple of a bin that is no shorter than `SLOT` and divides a day.
fn slot_seconds(bin: i64) -> i64 {
    (1..=SLOT.as_secs())
        .map(|bins| bins * bin)
        .find(|slot| *slot >= SLOT.as_secs() && 86_400 % slot == 0)
        .unwrap_or(bin)
}
