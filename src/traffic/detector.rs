//! One series: is what came in the last minutes or hours too little?
//!
//! Every bin, windows that end with it are tested, from one bin to 144 minutes, and the stretch since the last click.
//! The count that is expected in a window is its seasonal shape times the level of the hours before the window began, so
//! that neither an outage nor a decaying burst enters its own reference.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::baseline::Season;
use super::calibration::{DailyMaxima, Scatter};
use super::grid::Grid;
use super::ring::Ring;
use super::{Bin, Judgement, Tier, evidence};

/// At most this share of the expected clicks is next to nothing.
pub(super) const OUTAGE_GATE: f64 = 0.2;

/// At most this share is well below.
pub(super) const PARTIAL_GATE: f64 = 0.5;

/// A partial drop is only said with so much more evidence, because levels wander.
pub(super) const PARTIAL_EXTRA: f64 = 4.0;

/// An alarm ends once so much of the expected clicks is back, by tier.
pub(super) const fn back(tier: Tier) -> f64 {
    match tier {
        Tier::Outage => 0.5,
        Tier::Partial => 0.7,
    }
}

/// Before the end of an alarm is said, so many clicks must have been expected since.
pub(super) const CLEARING: f64 = 8.0;

/// Each stretch's level is drawn towards the longer one's as if that were worth so many clicks.
const PRIOR_CLICKS: f64 = 10.0;

/// A window of a series: what came, what was expected, how it scatters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Window {
    pub(super) since: i64,
    pub(super) observed: f64,
    pub(super) expected: f64,
    pub(super) size: f64,
}

impl Window {
    pub(super) fn evidence(&self) -> f64 {
        evidence::of_so_few(self.observed, self.expected, self.size)
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

/// What an alarm or a pool's alarm holds on to.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Hold {
    level: f64,
    /// It is this series' own alarm that holds.
    own: bool,
    /// It is a pool's.
    pool: bool,
}

/// An alarm that stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Alarm {
    pub(super) tier: Tier,
    /// The first bin of the quiet.
    pub(super) since: i64,
    /// The bin after which it was raised.
    pub(super) raised: i64,
}

/// The state of one series.
#[derive(Debug)]
pub(super) struct Detector {
    grid: Arc<Grid>,
    season: Season,
    ring: Ring,
    /// Clicks and shapes of the last day's slots, without those of outages.
    day: VecDeque<(f32, f32)>,
    day_sum: (f64, f64),
    slot: i64,
    shape: f64,
    scatter: Vec<Scatter>,
    sizes: Vec<f64>,
    maxima: [DailyMaxima; 2],
    /// Thresholds by tier, renewed every day.
    thresholds: [f64; 2],
    /// The first bin after the last click.
    silent_since: i64,
    hold: Option<Hold>,
    pub(super) alarm: Option<Alarm>,
    strongest: f64,
    newest: Option<i64>,
    shifted: Option<Timestamp>,
}

impl Detector {
    pub(super) fn new(grid: Arc<Grid>, zone: TimeZone) -> Self {
        let windows = grid.windows.len();
        Self {
            season: Season::new(SignedDuration::from_secs(grid.bin), zone),
            ring: Ring::new(&grid),
            day: VecDeque::new(),
            day_sum: (0.0, 0.0),
            slot: i64::MIN,
            shape: 1.0,
            scatter: vec![Scatter::default(); windows],
            sizes: vec![Scatter::default().size(); windows],
            maxima: [DailyMaxima::default(), DailyMaxima::default()],
            thresholds: [f64::INFINITY; 2],
            silent_since: 0,
            hold: None,
            alarm: None,
            strongest: 0.0,
            newest: None,
            shifted: None,
            grid,
        }
    }

    /// Takes in the bin with this number; the number of bins since 1970.
    pub(super) fn push(&mut self, index: i64, bin: Bin, budget: Budget) {
        if self.newest.is_none() && bin == Bin::Missing {
            return;
        }
        if self.slot == i64::MIN {
            self.ring.start(index);
            self.silent_since = index;
        }
        self.turn_slot(index, budget);
        let level = self
            .hold
            .map_or_else(|| self.level_before(index), |hold| hold.level);
        let telling = self.hold.is_none();
        self.ring.push(bin.count(), self.shape, telling, level);
        let Some(clicks) = bin.count() else { return };
        self.newest = Some(index);
        if clicks > 0.0 {
            self.silent_since = index + 1;
        }
        if telling {
            self.season.add(self.slot, clicks);
            self.note_day(clicks, self.shape, 1.0);
            self.learn(index);
        }
    }

    /// Begins a new slot of the season, and with it perhaps a new day.
    fn turn_slot(&mut self, index: i64, budget: Budget) {
        let slot = self.season.slot_at(index * self.grid.bin);
        if slot == self.slot {
            return;
        }
        let a_day = self.season.slots_a_day();
        if self.slot == i64::MIN || slot.div_euclid(a_day) != self.slot.div_euclid(a_day) {
            if self.slot != i64::MIN {
                self.maxima.iter_mut().for_each(DailyMaxima::end_day);
            }
            self.set_thresholds(budget);
        }
        let passed = if self.slot == i64::MIN {
            1
        } else {
            (slot - self.slot).min(a_day)
        };
        self.slot = slot;
        self.shape = self.season.shape(slot);
        for _ in 0..passed {
            self.day.push_back((0.0, 0.0));
            if i64::try_from(self.day.len()).unwrap_or(i64::MAX) > a_day
                && let Some((clicks, shape)) = self.day.pop_front()
            {
                self.day_sum.0 -= f64::from(clicks);
                self.day_sum.1 -= f64::from(shape);
            }
        }
        self.renew_sizes();
    }

    /// Says anew what raises an alarm.
    pub(super) fn set_thresholds(&mut self, budget: Budget) {
        for tier in Tier::ALL {
            let extra = if tier == Tier::Partial { PARTIAL_EXTRA } else { 0.0 };
            self.thresholds[tier as usize] =
                extra + self.maxima[tier as usize].threshold(budget.days, budget.bins(self.grid.bin));
        }
    }

    fn note_day(&mut self, clicks: f64, shape: f64, sign: f64) {
        if let Some(today) = self.day.back_mut() {
            #[expect(clippy::cast_possible_truncation, reason = "sums of clicks")]
            let (clicks, shape) = ((sign * clicks) as f32, (sign * shape) as f32);
            today.0 += clicks;
            today.1 += shape;
            self.day_sum.0 += f64::from(clicks);
            self.day_sum.1 += f64::from(shape);
        }
    }

    /// Clicks per bin and unit of shape before this bin: the lowest of what the last four hours, the last hour and the
    /// last quarter of an hour say, each drawn towards the longer one where it holds few clicks.
    fn level_before(&self, index: i64) -> f64 {
        let usual = self.season.mean().unwrap_or(0.0);
        let mut level = shrunk(self.day_sum.0.max(0.0), self.day_sum.1.max(0.0), usual);
        let mut lowest = f64::INFINITY;
        for length in self.grid.references {
            let sum = self
                .ring
                .telling(index - i64::try_from(length).unwrap_or(0), index);
            level = shrunk(sum.clicks, sum.shape, level);
            lowest = lowest.min(level);
        }
        lowest
    }

    /// The window of the grid with this place, if enough of it is known.
    pub(super) fn window(&self, place: usize) -> Option<Window> {
        let length = *self.grid.windows.get(place)?;
        let since = self.ring.next() - i64::try_from(length).ok()?;
        self.window_since(since, self.sizes[place])
    }

    fn window_since(&self, since: i64, size: f64) -> Option<Window> {
        if since <= self.ring.oldest() {
            return None;
        }
        let sum = self.ring.sum(since, self.ring.next());
        let expected = sum.shape * self.ring.level(since);
        (expected > 0.0).then_some(Window {
            since,
            observed: sum.clicks,
            expected,
            size,
        })
    }

    /// The stretch since the last click, at most as long as the longest window.
    fn silence(&self) -> Option<Window> {
        let length = usize::try_from(self.ring.next() - self.silent_since).ok()?;
        let place = self.grid.windows.partition_point(|window| *window < length);
        let size = *self.sizes.get(place)?;
        (length > 0).then(|| self.window_since(self.silent_since, size))?
    }

    /// Learns how much windows scatter.
    fn learn(&mut self, index: i64) {
        for place in 0..self.grid.windows.len() {
            let stride = i64::try_from(self.grid.windows[place]).unwrap_or(1).max(5);
            if index % stride == 0
                && let Some(window) = self.window(place)
            {
                self.scatter[place].learn(window.observed, window.expected);
            }
        }
    }

    /// Sizes of windows in which too little is expected are those of the next longer window that knows.
    fn renew_sizes(&mut self) {
        let mut size = Scatter::default().size();
        if let Some(known) = self.scatter.iter().rev().find(|scatter| scatter.knows()) {
            size = known.size();
        }
        for (place, scatter) in self.scatter.iter().enumerate().rev() {
            if scatter.knows() {
                size = scatter.size();
            }
            self.sizes[place] = size;
        }
    }

    /// The strongest finding of each tier at the newest bin, by how far it reaches beyond its threshold.
    pub(super) fn look(&mut self) -> Option<Finding> {
        let mut best: [Option<Finding>; 2] = [None, None];
        let places = self.grid.windows.len();
        let candidates = (0..places)
            .filter_map(|place| Some((self.grid.windows[place], self.window(place)?)))
            .chain(self.silence().map(|window| (0, window)));
        for (length, window) in candidates {
            let share = window.observed / window.expected;
            if share > PARTIAL_GATE {
                continue;
            }
            let evidence = window.evidence();
            for tier in Tier::ALL {
                let allowed = match tier {
                    Tier::Outage => share <= OUTAGE_GATE,
                    Tier::Partial => length >= self.grid.partial_from,
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
        outage.filter(raises).or(partial.filter(raises))
    }

    /// Raises an alarm, or its tier.
    pub(super) fn raise(&mut self, finding: &Finding) {
        let raised = self.ring.next() - 1;
        let since = self.alarm.map_or(finding.window.since, |alarm| alarm.since);
        self.alarm = Some(Alarm {
            tier: finding.tier,
            since,
            raised: self.alarm.map_or(raised, |alarm| alarm.raised),
        });
        self.freeze(
            since,
            Hold {
                level: 0.0,
                own: true,
                pool: false,
            },
        );
    }

    /// Keeps the level as it was before `since`, on behalf of a pool.
    pub(super) fn freeze_for_pool(&mut self, since: i64) {
        self.freeze(
            since,
            Hold {
                level: 0.0,
                own: false,
                pool: true,
            },
        );
    }

    fn freeze(&mut self, since: i64, by: Hold) {
        self.maxima.iter_mut().for_each(DailyMaxima::spoil);
        if let Some(hold) = &mut self.hold {
            hold.own |= by.own;
            hold.pool |= by.pool;
            return;
        }
        let since = since.max(self.ring.oldest() + 1).min(self.ring.next());
        if self.ring.next() <= self.ring.oldest() {
            return;
        }
        let level = self.ring.level(since.min(self.ring.next() - 1));
        for index in since..self.ring.next() {
            let bin = self.ring.sum(index, index + 1);
            if bin.shape > 0.0 {
                let slot = self.season.slot_at(index * self.grid.bin);
                self.season.remove(slot, bin.clicks);
                self.forget_of_day(slot, bin.clicks, bin.shape);
            }
        }
        self.ring.freeze(since, level);
        self.hold = Some(Hold { level, ..by });
    }

    fn forget_of_day(&mut self, slot: i64, clicks: f64, shape: f64) {
        let back = usize::try_from(self.slot - slot).unwrap_or(usize::MAX);
        let Some(place) = self.day.len().checked_sub(back.saturating_add(1)) else {
            return;
        };
        #[expect(clippy::cast_possible_truncation, reason = "sums of clicks")]
        let (less_clicks, less_shape) = (clicks as f32, shape as f32);
        self.day[place].0 -= less_clicks;
        self.day[place].1 -= less_shape;
        self.day_sum.0 -= f64::from(less_clicks);
        self.day_sum.1 -= f64::from(less_shape);
    }

    /// Whether traffic is back to a share of what is expected, in bins since `since`: judged by the shortest window of
    /// five minutes or more in which enough was expected.
    pub(super) fn is_back(&self, since: i64, share: f64) -> bool {
        self.clearing_window(since)
            .is_some_and(|window| window.observed >= share * window.expected)
    }

    fn clearing_window(&self, since: i64) -> Option<Window> {
        let shortest = self.grid.shown;
        let last = self.grid.windows.len() - 1;
        (0..=last)
            .filter(|place| self.grid.windows[*place] >= shortest)
            .filter_map(|place| Some((place, self.window(place)?)))
            .filter(|(_, window)| window.since > since)
            .find(|(place, window)| window.expected >= CLEARING || *place == last)
            .map(|(_, window)| window)
    }

    /// Ends the alarm: traffic is back.
    pub(super) fn clear(&mut self) {
        self.alarm = None;
        self.release(Hold {
            level: 0.0,
            own: true,
            pool: false,
        });
    }

    /// Lets go of what a pool held.
    pub(super) fn release_for_pool(&mut self) {
        self.release(Hold {
            level: 0.0,
            own: false,
            pool: true,
        });
    }

    fn release(&mut self, by: Hold) {
        if let Some(hold) = &mut self.hold {
            hold.own &= !by.own;
            hold.pool &= !by.pool;
            if !hold.own && !hold.pool {
                self.hold = None;
            }
        }
    }

    /// Ends the alarm: this is how busy it is from now on.
    pub(super) fn accept(&mut self, at: Timestamp) {
        let next = self.ring.next();
        let sum = self
            .ring
            .sum(next - i64::try_from(self.grid.references[0]).unwrap_or(0), next);
        let level = if sum.shape > 0.0 {
            sum.clicks / sum.shape
        } else {
            0.0
        };
        self.ring.accept(level);
        self.day.iter_mut().for_each(|slot| *slot = (0.0, 0.0));
        self.day_sum = (sum.clicks, sum.shape);
        if let Some(today) = self.day.back_mut() {
            #[expect(clippy::cast_possible_truncation, reason = "sums of clicks")]
            let kept = (sum.clicks as f32, sum.shape as f32);
            *today = kept;
        }
        self.alarm = None;
        self.hold = None;
        self.shifted = Some(at);
    }

    /// Corrects a bin because samples came late.
    pub(super) fn amend(&mut self, index: i64, bin: Bin) {
        let Some(clicks) = bin.count() else { return };
        if self.newest.is_none() || index < self.ring.oldest() || index >= self.ring.next() {
            return;
        }
        let was = self.ring.sum(index, index + 1);
        let shape = if was.shape > 0.0 {
            0.0
        } else {
            self.season.shape(self.season.slot_at(index * self.grid.bin))
        };
        self.ring.amend(index, clicks - was.clicks, shape);
        if clicks > 0.0 && index >= self.silent_since {
            self.silent_since = index + 1;
        }
        if self.hold.is_none() {
            let slot = self.season.slot_at(index * self.grid.bin);
            if was.shape > 0.0 {
                self.season.remove(slot, was.clicks);
            }
            self.season.add(slot, clicks);
        }
    }

    /// Seconds of a bin.
    pub(super) fn bin(&self) -> i64 {
        self.grid.bin
    }

    /// Whether the newest bin is this one.
    pub(super) fn saw(&self, index: i64) -> bool {
        self.newest == Some(index)
    }

    /// What is known, for those who look.
    pub(super) fn judgement(&self) -> Judgement {
        let Some(newest) = self.newest else {
            return Judgement::NOTHING;
        };
        #[expect(clippy::cast_precision_loss, reason = "seconds of a bin")]
        let minutes = self.grid.bin as f64 / 60.0;
        let shown = i64::try_from(self.grid.shown).unwrap_or(1);
        let from = (newest + 1 - shown).max(self.ring.oldest() + 1).min(newest);
        let sum = self.ring.sum(from, newest + 1);
        let known = if self.shape > 0.0 {
            (sum.shape / self.shape).max(1e-9)
        } else {
            1.0
        };
        let expected = sum.shape * self.ring.level(from);
        let size = self.sizes[self
            .grid
            .windows
            .partition_point(|window| *window < self.grid.shown)
            .min(self.sizes.len() - 1)];
        let threshold = self.thresholds[Tier::Outage as usize];
        let per_minute = |clicks: f64| clicks / (known * minutes);
        Judgement {
            at: self.end_of(newest),
            observed: per_minute(sum.clicks),
            expected: per_minute(expected),
            expected_low: per_minute(lowest_unalarming(expected, size, threshold)),
            low: self.alarm.map(|alarm| alarm.tier),
            since: self.alarm.and_then(|alarm| self.end_of(alarm.since - 1)),
            evidence_ratio: self.strongest,
            ready: self.season.knows_a_day(),
            level_shift: self.shifted,
            time_to_notice: self.time_to_notice(threshold),
        }
    }

    fn time_to_notice(&self, threshold: f64) -> Option<SignedDuration> {
        let level = self
            .hold
            .map_or_else(|| self.level_before(self.ring.next()), |hold| hold.level);
        let a_bin = self.shape * level;
        let (place, bins) = self.grid.windows.iter().enumerate().find_map(|(place, length)| {
            let needed = evidence::expected_for(threshold, self.sizes[place]) / a_bin;
            #[expect(clippy::cast_precision_loss, reason = "at most a few hundred")]
            let fits = needed <= *length as f64;
            fits.then_some((place, needed.ceil().max(1.0)))
        })?;
        let _ = place;
        #[expect(clippy::cast_possible_truncation, reason = "at most a few hundred")]
        let bins = bins as i64;
        Some(SignedDuration::from_secs(bins * self.grid.bin))
    }

    /// The time at which a bin ends.
    pub(super) fn end_of(&self, index: i64) -> Option<Timestamp> {
        Timestamp::from_second((index + 1) * self.grid.bin).ok()
    }
}

/// The share of the budget of false alarms that one series or pool has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Budget {
    /// Mean days between two false alarms.
    pub(super) days: f64,
}

impl Budget {
    pub(super) fn bins(self, seconds: i64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "seconds of a bin")]
        let a_day = 86_400.0 / seconds as f64;
        self.days * a_day
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

/// The highest count that still raises an outage's alarm.
fn lowest_unalarming(expected: f64, size: f64, threshold: f64) -> f64 {
    let (mut low, mut high) = (0.0, (OUTAGE_GATE * expected).floor());
    if evidence::of_so_few(0.0, expected, size) < threshold {
        return 0.0;
    }
    while high - low >= 1.0 {
        let middle = f64::midpoint(low, high).ceil();
        if evidence::of_so_few(middle, expected, size) >= threshold {
            low = middle;
        } else {
            high = middle - 1.0;
        }
    }
    low
}
