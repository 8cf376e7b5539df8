//! Series judged bin by bin: made-up clicks in, alarms out.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use linkwatch::traffic::ensemble::{Change, Ensemble, Event, Scope};
use linkwatch::traffic::{Bin, Rules, Tier};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// A Monday.
const START: i64 = 1_767_571_200;

fn rules(sharers: usize) -> Rules {
    Rules {
        bin: SignedDuration::from_mins(1),
        time_zone: TimeZone::UTC,
        mean_between_false_alarms: SignedDuration::from_hours(30 * 24),
        sharers,
        accept_after: SignedDuration::from_hours(24),
    }
}

/// Poisson counts from a seed; the same for the same seed.
pub(crate) struct Clicks(u64);

impl Clicks {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        #[expect(clippy::cast_precision_loss, reason = "53 bits")]
        let share = ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64;
        share
    }

    pub(crate) fn poisson(&mut self, mean: f64) -> f64 {
        // A sum of parts, because the exponential of a large mean is nothing.
        if mean > 200.0 {
            return self.poisson(mean / 2.0) + self.poisson(mean / 2.0);
        }
        let (mut left, mut count, floor) = (1.0, -1.0, (-mean).exp());
        while left > floor {
            left *= self.uniform();
            count += 1.0;
        }
        f64::max(count, 0.0)
    }
}

/// Minutes from the start, replayed: `rate` gives the expected clicks of a minute, or nothing where nothing is known.
fn replay(days: i64, seed: u64, rate: impl Fn(i64) -> Option<f64>) -> Vec<Event> {
    let mut ensemble = Ensemble::new(rules(1));
    ensemble.add_series(None);
    let mut clicks = Clicks(seed);
    let mut events = Vec::new();
    for second in (0..days * DAY).step_by(60) {
        let drawn = rate(second).map_or(Bin::Missing, |rate| Bin::Count(clicks.poisson(rate)));
        let at = Timestamp::from_second(START + second).unwrap();
        events.extend(ensemble.push(at, &[drawn], &[]));
    }
    events
}

/// Minutes after `second` at which an alarm of this tier was raised, within so many minutes.
fn raised_within(events: &[Event], second: i64, minutes: i64) -> Option<i64> {
    events
        .iter()
        .filter(|event| matches!(event.change, Change::Raised(_)))
        .map(|event| (event.at.as_second() - START - second) / MINUTE)
        .find(|after| (0..=minutes).contains(after))
}

/// A day's rhythm: quiet at night, four times as much by day.
pub(crate) fn daily(second: i64, mean: f64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "seconds of a day")]
    let phase = (second % DAY) as f64 / DAY as f64 * std::f64::consts::TAU;
    mean * (1.0 - 0.6 * phase.cos())
}

#[test]
fn a_total_outage_is_noticed_near_the_limit_and_ends_when_clicks_are_back() {
    let begin = 24 * DAY + 12 * HOUR;
    let events = replay(25, 1, |second| {
        let out = (begin..begin + 72 * MINUTE).contains(&second);
        Some(if out { 0.0 } else { daily(second, 5.0) })
    });
    let after = raised_within(&events, begin, 6).expect("an alarm within twice the limit of three minutes");
    assert!(after >= 1, "{events:?}");
    let end = events.last().unwrap();
    assert_eq!(end.change, Change::Cleared, "{events:?}");
    let back = (end.at.as_second() - START - begin) / MINUTE;
    assert!((72..=84).contains(&back), "cleared after {back} minutes");
}

#[test]
fn ordinary_traffic_raises_no_more_than_the_budget_of_false_alarms() {
    let raised: usize = [(2, 0.2), (3, 1.0), (4, 5.0), (5, 50.0), (12, 0.5), (13, 2.0)]
        .into_iter()
        .map(|(seed, mean)| replay(30, seed, |second| Some(daily(second, mean))))
        .map(|events| {
            events
                .iter()
                .filter(|event| event.change != Change::Cleared)
                .count()
        })
        .sum();
    assert!(raised <= 6, "{raised} in six months at one a month");
}

#[test]
fn what_is_missing_is_not_silence() {
    let events = replay(25, 6, |second| {
        let gap = (24 * DAY..24 * DAY + 3 * HOUR).contains(&second);
        (!gap).then(|| daily(second, 20.0))
    });
    assert_eq!(events, []);
}

#[test]
fn a_series_that_is_always_zero_raises_nothing_and_is_blind() {
    let mut ensemble = Ensemble::new(rules(1));
    let series = ensemble.add_series(None);
    for second in (0..10 * DAY).step_by(60) {
        let at = Timestamp::from_second(START + second).unwrap();
        assert_eq!(ensemble.push(at, &[Bin::Count(0.0)], &[]), []);
    }
    assert!(ensemble.series(series).blind());
}

#[test]
fn an_outage_of_a_day_does_not_hide_the_next_one_a_day_and_a_week_later() {
    let first = 22 * DAY + 10 * HOUR;
    let outages = [
        (first, first + DAY - HOUR),
        (first + 2 * DAY, first + 2 * DAY + 72 * MINUTE),
        (first + 7 * DAY, first + 7 * DAY + 72 * MINUTE),
    ];
    let events = replay(31, 7, |second| {
        let out = outages.iter().any(|(from, to)| (*from..*to).contains(&second));
        Some(if out { 0.0 } else { daily(second, 5.0) })
    });
    for (from, _) in outages {
        assert!(raised_within(&events, from, 10).is_some(), "{from}: {events:?}");
    }
}

#[test]
fn a_lasting_step_is_a_new_level_and_no_alarm() {
    for factor in [0.7, 4.0] {
        let step = 23 * DAY + 9 * HOUR;
        let events = replay(28, 8, |second| {
            let level = if second >= step { factor } else { 1.0 };
            Some(level * daily(second, 10.0))
        });
        assert_eq!(events, [], "times {factor}");
    }
}

#[test]
fn a_newsletters_burst_decays_without_an_alarm_and_hides_no_outage() {
    for (times, hours) in [(5.0, 6), (20.0, 3), (50.0, 1)] {
        let burst = 24 * DAY + 10 * HOUR;
        let out = burst + hours * HOUR / 2;
        let rate = |second: i64, silent: bool| {
            if silent && (out..out + 72 * MINUTE).contains(&second) {
                return Some(0.0);
            }
            #[expect(clippy::cast_precision_loss, reason = "seconds")]
            let decay = if second >= burst {
                (times - 1.0) * (-((second - burst) as f64) / (hours * HOUR) as f64 * 3.0).exp()
            } else {
                0.0
            };
            Some(daily(second, 4.0) * (1.0 + decay))
        };
        assert_eq!(
            replay(26, 9, |second| rate(second, false)),
            [],
            "{times} over {hours} h"
        );
        let events = replay(26, 9, |second| rate(second, true));
        assert!(
            raised_within(&events, out, 10).is_some(),
            "{times} over {hours} h: {events:?}"
        );
    }
}

#[test]
fn ten_small_series_that_fail_together_are_seen_together() {
    let mut ensemble = Ensemble::new(rules(11));
    let pool = ensemble.add_pool();
    for _ in 0..10 {
        ensemble.add_series(Some(pool));
    }
    let mut clicks = Clicks(10);
    let begin = 24 * DAY + 12 * HOUR;
    let mut raised = Vec::new();
    for second in (0..begin + 30 * MINUTE).step_by(60) {
        let mean = if second >= begin { 0.0 } else { daily(second, 0.2) };
        let row: Vec<Bin> = (0..10).map(|_| Bin::Count(clicks.poisson(mean))).collect();
        let at = Timestamp::from_second(START + second).unwrap();
        raised.extend(ensemble.push(at, &row, &[]));
    }
    let first = raised.first().expect("an alarm");
    assert_eq!(first.scope, Scope::Pool(0), "{raised:?}");
    assert_eq!(first.change, Change::Raised(Tier::Outage));
    let after = (first.at.as_second() - START - begin) / MINUTE;
    assert!((0..=12).contains(&after), "after {after} minutes");
    let pool = ensemble.pool(pool);
    assert_eq!(pool.low, Some(Tier::Outage));
    assert_eq!(
        pool.expected_low, None,
        "no number of clicks is the limit of a group"
    );
    assert!(ensemble.series(0).expected_low.is_some());
}

#[test]
fn a_restart_in_mid_outage_says_the_same_alarm() {
    let begin = 24 * DAY + 12 * HOUR;
    let judge = |from: i64| {
        let mut ensemble = Ensemble::new(rules(1));
        let series = ensemble.add_series(None);
        let mut clicks = Clicks(11);
        for second in (0..begin + 40 * MINUTE).step_by(60) {
            let mean = if second >= begin { 0.0 } else { daily(second, 5.0) };
            let count = clicks.poisson(mean);
            if second >= from {
                let at = Timestamp::from_second(START + second).unwrap();
                ensemble.push(at, &[Bin::Count(count)], &[]);
            }
        }
        ensemble.series(series)
    };
    let (whole, later) = (judge(0), judge(3 * DAY));
    assert_eq!(whole.low, Some(Tier::Outage));
    assert_eq!((whole.low, whole.since), (later.low, later.since));
}
