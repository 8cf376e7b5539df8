//! What stays as it was while an alarm stands: the level, and the season.

use jiff::Timestamp;

use super::{Alarm, Detector};
use crate::traffic::trial::Finding;

/// What an alarm or a pool's alarm holds on to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Hold {
    pub(super) level: f64,
    /// It is this series' own alarm that holds.
    own: bool,
    /// It is a pool's.
    pool: bool,
    /// A slot with fewer clicks per bin is silent: it never enters the season.
    silent_below: f64,
    /// Clicks and bins of the present slot.
    pub(super) slot: (f64, u8),
}

impl Hold {
    const fn by(own: bool, pool: bool) -> Self {
        Self {
            level: 0.0,
            own,
            pool,
            silent_below: 0.0,
            slot: (0.0, 0),
        }
    }
}

/// Less than this share of what is usual is silence. What is more enters the season even while an alarm stands, where a
/// median outvotes a real outage: otherwise a season that is wrong would raise the same false alarm every day and never
/// learn better.
const SILENT: f64 = 0.05;

impl Detector {
    /// Raises an alarm, or its tier.
    pub(in crate::traffic) fn raise(&mut self, finding: &Finding) {
        let raised = self.ring.next() - 1;
        let since = self.alarm.map_or(finding.window.since, |alarm| alarm.since);
        self.alarm = Some(Alarm {
            tier: finding.tier,
            since,
            raised: self.alarm.map_or(raised, |alarm| alarm.raised),
        });
        self.freeze(since, Hold::by(true, false));
    }

    /// Keeps the level as it was before `since`, on behalf of a pool.
    pub(in crate::traffic) fn freeze_for_pool(&mut self, since: i64) {
        self.freeze(since, Hold::by(false, true));
    }

    fn freeze(&mut self, since: i64, by: Hold) {
        self.trial.spoil_day();
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
                self.level.forget(self.slot - slot, bin.clicks, bin.shape);
            }
        }
        self.ring.freeze(since, level);
        self.hold = Some(Hold {
            level,
            silent_below: SILENT * self.season.median(),
            ..by
        });
    }

    /// Ends the alarm: traffic is back.
    pub(in crate::traffic) fn clear(&mut self) {
        self.alarm = None;
        self.fresh_from = self.ring.next();
        self.release(Hold::by(true, false));
    }

    /// Lets go of what a pool held.
    pub(in crate::traffic) fn release_for_pool(&mut self) {
        self.fresh_from = self.ring.next();
        self.release(Hold::by(false, true));
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
    pub(in crate::traffic) fn accept(&mut self, at: Timestamp) {
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
        self.level.restart(sum);
        self.alarm = None;
        self.hold = None;
        self.shifted = Some(at);
    }

    /// Lets the season learn the slot that ends, unless it was silent.
    pub(super) fn learn_held_slot(&mut self) {
        if let Some(hold) = &mut self.hold {
            let (clicks, bins) = std::mem::take(&mut hold.slot);
            if clicks > hold.silent_below * f64::from(bins) {
                self.season.add_slot(self.slot, clicks, bins);
            }
        }
    }
}
