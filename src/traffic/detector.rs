//! One series: is what came in the last minutes or hours too little?
//!
//! Every bin, windows that end with it are tested, from one bin to 144 minutes, and the stretch since the last click.
//! The count that is expected in a window is its seasonal shape times the level of the hours before the window began, so
//! that neither an outage nor a decaying burst enters its own reference.

use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::baseline::Season;
use super::calibration::Scatter;
use super::grid::Grid;
use super::level::Level;
use super::reference::Reference;
use super::ring::Ring;
use super::trial::{Budget, CLEARING, Finding, Trial, Window};
use super::{Bin, Tier};

mod hold;
mod shown;

use hold::Hold;

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
    level: Level,
    slot: i64,
    /// What the season leads to expect in the present slot.
    seasonal: f64,
    /// What is expected in the newest bin, the reference taken into account.
    shape: f64,
    reference: Option<Box<Reference>>,
    scatter: Vec<Scatter>,
    sizes: Vec<f64>,
    trial: Trial,
    /// The first bin after the last click.
    silent_since: i64,
    /// Windows begin here or later: what an alarm that has ended was about is not alarmed at again.
    fresh_from: i64,
    hold: Option<Hold>,
    pub(super) alarm: Option<Alarm>,
    newest: Option<i64>,
    /// Something has become known with the last bin.
    fresh: bool,
    /// Something has become known of bins before.
    amended: bool,
    shifted: Option<Timestamp>,
}

impl Detector {
    pub(super) fn new(grid: Arc<Grid>, zone: TimeZone) -> Self {
        let windows = grid.windows.len();
        Self {
            season: Season::new(SignedDuration::from_secs(grid.bin), zone),
            ring: Ring::new(&grid),
            level: Level::default(),
            slot: i64::MIN,
            seasonal: 1.0,
            shape: 1.0,
            reference: None,
            scatter: vec![Scatter::default(); windows],
            sizes: vec![Scatter::default().size(); windows],
            trial: Trial::new(),
            silent_since: 0,
            fresh_from: i64::MIN,
            hold: None,
            alarm: None,
            newest: None,
            fresh: false,
            amended: false,
            shifted: None,
            grid,
        }
    }

    /// Takes in the bin with this number; the number of bins since 1970.
    pub(super) fn push(&mut self, index: i64, bin: Bin, reference: Option<Bin>, budget: Budget) {
        if self.newest.is_none() && bin == Bin::Missing {
            return;
        }
        if self.slot == i64::MIN {
            self.ring.start(index);
            self.silent_since = index;
        }
        self.turn_slot(index, budget);
        self.explain(reference);
        let level = self
            .hold
            .map_or_else(|| self.expected_level(index), |hold| hold.level);
        let telling = self.hold.is_none();
        self.ring.push(bin.count(), self.shape, telling, level);
        let amended = std::mem::take(&mut self.amended);
        self.fresh = amended || bin.count().is_some();
        if let Some(clicks) = bin.count() {
            self.newest = Some(index);
            if clicks > 0.0 {
                self.silent_since = index + 1;
            }
            if let Some(hold) = &mut self.hold {
                hold.slot = (hold.slot.0 + clicks, hold.slot.1.saturating_add(1));
            } else {
                self.season.add(self.slot, clicks);
                self.level.note(clicks, self.shape);
                let usual = self.season.mean().unwrap_or(0.0);
                if let Some(reference) = &mut self.reference {
                    reference.learn(self.seasonal * usual, clicks, usual);
                }
            }
        }
        if telling && self.fresh {
            self.learn(index);
        }
    }

    /// What is expected in the newest bin, relative to the mean: what the season says, or the reference with it.
    fn explain(&mut self, value: Option<Bin>) {
        self.shape = self.seasonal;
        if let Some(value) = value
            && self.reference.is_none()
            && value != Bin::Missing
        {
            self.reference = Some(Box::new(Reference::new(self.grid.bin)));
        }
        let usual = self.season.mean().filter(|usual| *usual > 0.0);
        if let Some(reference) = &mut self.reference {
            reference.push(value.unwrap_or(Bin::Missing));
            if let Some(usual) = usual {
                self.shape = reference.expected(self.seasonal * usual) / usual;
            }
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
                self.trial.end_day();
            }
            self.set_thresholds(budget);
        }
        self.learn_held_slot();
        let passed = if self.slot == i64::MIN {
            1
        } else {
            (slot - self.slot).min(a_day)
        };
        self.slot = slot;
        self.seasonal = self.season.shape(slot);
        if let Some(reference) = &mut self.reference {
            reference.conclude();
        }
        self.level.turn(passed, a_day);
        self.renew_sizes();
        self.level.settle(&self.season);
    }

    /// Says anew what raises an alarm.
    pub(super) fn set_thresholds(&mut self, budget: Budget) {
        self.trial.set_thresholds(budget);
    }

    fn expected_level(&self, index: i64) -> f64 {
        self.level.before(index, &self.ring, &self.grid, &self.season)
    }

    /// The window of the grid with this place, if enough of it is known.
    pub(super) fn window(&self, place: usize) -> Option<Window> {
        let length = *self.grid.windows.get(place)?;
        let since = self.ring.next() - i64::try_from(length).ok()?;
        self.window_since(since, self.sizes[place])
            .filter(|_| since >= self.fresh_from)
    }

    /// The same, whatever alarm of this series has ended in it: for a pool that looks whether traffic is back.
    pub(super) fn whole_window(&self, place: usize) -> Option<Window> {
        let length = *self.grid.windows.get(place)?;
        let since = self.ring.next() - i64::try_from(length).ok()?;
        self.window_since(since, self.sizes[place])
    }

    fn window_since(&self, since: i64, size: f64) -> Option<Window> {
        // Before four hours are known there is no level to compare with.
        if since <= self.ring.oldest() || !self.season.knows(self.grid.references[0]) {
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
        (length > 0 && self.silent_since >= self.fresh_from)
            .then(|| self.window_since(self.silent_since, size))?
    }

    /// Learns how much windows scatter.
    fn learn(&mut self, index: i64) {
        for place in 0..self.grid.windows.len() {
            let stride = i64::try_from(self.grid.windows[place] / 4).unwrap_or(1).max(3);
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

    /// Judges the newest bin.
    pub(super) fn look(&mut self) -> Option<Finding> {
        let mut windows: Vec<(bool, Window)> = (0..self.grid.windows.len())
            .filter_map(|place| {
                Some((
                    self.grid.windows[place] >= self.grid.partial_from,
                    self.window(place)?,
                ))
            })
            .collect();
        windows.extend(self.silence().map(|window| (false, window)));
        self.trial.judge(windows.into_iter())
    }

    /// Whether traffic is back to a share of what is expected, in bins since `since`: judged by the shortest window of
    /// five minutes or more in which enough was expected.
    pub(super) fn is_back(&self, since: i64, share: f64) -> bool {
        self.clearing_window(since)
            .is_some_and(|window| window.reaches(share))
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

    /// Corrects a bin because samples came late.
    pub(super) fn amend(&mut self, index: i64, bin: Bin) {
        let Some(clicks) = bin.count() else { return };
        if self.newest.is_none() || index < self.ring.oldest() || index >= self.ring.next() {
            return;
        }
        let was = self.ring.sum(index, index + 1);
        let shape = if was.shape > 0.0 {
            0.0
        } else if self.reference.is_some() {
            self.shape
        } else {
            self.season.shape(self.season.slot_at(index * self.grid.bin))
        };
        let telling = self.hold.is_none();
        self.ring.amend(index, clicks - was.clicks, shape, telling);
        self.amended |= shape > 0.0;
        self.newest = self.newest.max(Some(index));
        if clicks > 0.0 && index >= self.silent_since {
            self.silent_since = index + 1;
        }
        if telling {
            let slot = self.season.slot_at(index * self.grid.bin);
            if was.shape > 0.0 {
                self.season.remove(slot, was.clicks);
            }
            self.season.add(slot, clicks);
            self.level.amend(self.slot - slot, clicks - was.clicks, shape);
        }
    }

    /// Seconds of a bin.
    pub(super) fn bin(&self) -> i64 {
        self.grid.bin
    }

    /// Whether something has become known with the last bin: its own count, or late ones of bins before.
    pub(super) const fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// The time at which a bin ends.
    pub(super) fn end_of(&self, index: i64) -> Option<Timestamp> {
        Timestamp::from_second((index + 1) * self.grid.bin).ok()
    }
}
