//! A series that a reference explains: clicks that follow mailings.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use linkwatch::traffic::ensemble::{Change, Ensemble, Event};
use linkwatch::traffic::{Bin, Judgement, Rules};

use crate::traffic_judged::{Clicks, daily};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// A Monday.
const START: i64 = 1_767_571_200;

/// Clicks per minute beside those of mailings.
const BASE: f64 = 4.0;

/// A mailing: when it begins, how many mails a minute for ten minutes, and over how many minutes its clicks fade.
type Mailing = (i64, f64, f64);

/// Mailings at irregular times: one a day or so, each worth 5 to 50 times the base at its height.
fn mailings(days: i64) -> Vec<Mailing> {
    let mut drawn = Clicks::new(99);
    let mut mailings = Vec::new();
    let mut second = 5 * HOUR;
    while second < days * DAY {
        let mails = 500.0 * 10_f64.powf(drawn.uniform());
        mailings.push((second, mails, 90.0));
        #[expect(clippy::cast_possible_truncation, reason = "seconds of two days")]
        let pause = (drawn.uniform() * 36.0 * 3600.0) as i64;
        second += 6 * HOUR + pause / MINUTE * MINUTE;
    }
    mailings
}

fn mails(mailings: &[Mailing], second: i64) -> f64 {
    let sent = |(begin, mails, _): &Mailing| {
        if (*begin..begin + 10 * MINUTE).contains(&second) {
            *mails
        } else {
            0.0
        }
    };
    mailings.iter().map(sent).sum()
}

/// One click for 250 mails in the first minute, fading.
#[expect(clippy::cast_precision_loss, reason = "minutes")]
fn brought(mailings: &[Mailing], second: i64) -> f64 {
    let brings = |(begin, mails, fading): &Mailing| {
        let minutes = ((second - begin) / MINUTE) as f64;
        let rising = (minutes / 10.0).min(1.0);
        mails * 0.04 * rising * (-minutes / fading).exp()
    };
    mailings
        .iter()
        .filter(|mailing| mailing.0 <= second)
        .map(brings)
        .sum()
}

/// Replays minutes; `share` says what share of the clicks comes at a second.
fn replay(days: i64, seed: u64, explained: bool, share: impl Fn(i64) -> f64) -> (Vec<Event>, Judgement) {
    let mut ensemble = Ensemble::new(Rules {
        bin: SignedDuration::from_mins(1),
        time_zone: TimeZone::UTC,
        mean_between_false_alarms: SignedDuration::from_hours(30 * 24),
        sharers: 1,
        accept_after: SignedDuration::from_hours(24),
    });
    let series = ensemble.add_series(None);
    let (mut clicks, mailings, mut events) = (Clicks::new(seed), mailings(days), Vec::new());
    for second in (0..days * DAY).step_by(60) {
        let rate = (daily(second, BASE) + brought(&mailings, second)) * share(second);
        let row = [Bin::Count(clicks.poisson(rate))];
        let sent = [Bin::Count(mails(&mailings, second))];
        let references: &[Bin] = if explained { &sent } else { &[] };
        let at = Timestamp::from_second(START + second).unwrap_or_default();
        events.extend(ensemble.push(at, &row, references));
    }
    (events, ensemble.series(series))
}

fn raised_after(events: &[Event], second: i64) -> Option<i64> {
    events
        .iter()
        .filter(|event| matches!(event.change, Change::Raised(_)))
        .map(|event| (event.at.as_second() - START - second) / MINUTE)
        .find(|after| *after >= 0)
}

#[test]
fn mailings_that_bring_their_clicks_raise_nothing_while_they_fade() {
    for seed in 1..4 {
        let (events, _) = replay(28, seed, true, |_| 1.0);
        assert_eq!(raised_after(&events, 10 * DAY), None, "{events:?}");
    }
}

#[test]
fn expected_clicks_follow_the_reference() {
    let days = 21;
    let last = mailings(days).last().map_or(0, |mailing| mailing.0);
    let until = (last + 15 * MINUTE) / DAY + 1;
    assert!(until <= days);
    let stop = |second: i64| if second < last + 15 * MINUTE { 1.0 } else { 0.0 };
    let (with, _) = replay(days, 7, true, stop);
    let after = raised_after(&with, last + 15 * MINUTE);
    assert!(
        after.is_some_and(|minutes| minutes <= 3),
        "{after:?} minutes at the height of a mailing"
    );
}

#[test]
fn a_mailing_that_brings_no_clicks_is_an_alarm_that_only_the_reference_can_tell() {
    let days = 21;
    let all = mailings(days);
    let dead = all[all.len() - 1];
    // Nobody can click on the links of the last mailing; all others go on.
    let mailings = &all;
    let share = move |second: i64| {
        let rest = daily(second, BASE) + brought(&mailings[..mailings.len() - 1], second);
        rest / (daily(second, BASE) + brought(mailings, second))
    };
    let (with, _) = replay(days, 8, true, share);
    let (without, _) = replay(days, 8, false, share);
    let after = raised_after(&with, dead.0);
    assert!(
        after.is_some_and(|minutes| minutes <= 30),
        "{after:?} minutes after the mailing"
    );
    let unexplained = raised_after(&without, dead.0).filter(|minutes| *minutes <= 120);
    assert_eq!(unexplained, None, "without the reference nothing is missing");
}
