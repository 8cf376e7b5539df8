//! Clicks that never were, and a source that tells of them as Prometheus does.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use linkwatch::traffic::bucket::Stretch;
use linkwatch::traffic::source::{Answer, Point, Samples};
use serde::Deserialize;

use crate::traffic_judged::Clicks;

/// Prometheus repeats a sample for so many seconds.
const LOOKBACK: i64 = 300;

/// Minutes from the start; written as `DAY HH:MM`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Moment(pub(super) i64);

impl TryFrom<String> for Moment {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let numbers: Vec<i64> = text
            .split([' ', ':'])
            .filter_map(|number| number.parse().ok())
            .collect();
        match numbers[..] {
            [day, hour, minute] => Ok(Self((day * 24 + hour) * 60 + minute)),
            _ => Err(format!("{text} is not DAY HH:MM")),
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (day, hour, minute) = (self.0 / 1440, self.0 / 60 % 24, self.0 % 60);
        write!(f, "{day} {hour:02}:{minute:02}")
    }
}

/// What happens, and what the source tells of it.
#[derive(Debug, Deserialize)]
pub(super) struct WorldPlan {
    /// When day 0 begins.
    start: Timestamp,
    #[serde(default = "utc")]
    pub(super) zone: String,
    days: i64,
    /// Whether the source counts by itself; else it tells counters.
    #[serde(default)]
    pub(super) increase: bool,
    /// Seconds between two samples.
    #[serde(default = "every_minute")]
    scraped_every: i64,
    series: Vec<SeriesPlan>,
    #[serde(default)]
    events: Vec<EventPlan>,
}

fn utc() -> String {
    "UTC".to_owned()
}

fn every_minute() -> i64 {
    60
}

/// One series.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SeriesPlan {
    name: String,
    /// Clicks per minute, by the day's mean.
    rate: f64,
    /// It does not exist before.
    begins: Option<Moment>,
    /// Whether newsletters make it burst: to 5 to 50 times the rate, fading over 1 to 6 hours.
    #[serde(default)]
    bursts: bool,
    /// A burst that is told, 30 times the rate and fading over 4 hours.
    burst: Option<Moment>,
}

/// Something out of the ordinary.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EventPlan {
    /// Without any: all series.
    #[serde(default)]
    of: Vec<String>,
    from: Moment,
    until: Moment,
    what: What,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    /// No clicks.
    Silent,
    /// So many times the clicks.
    Times(f64),
    /// Ever fewer clicks, down to none.
    Ramp,
    /// The source has no samples, though clicks go on.
    Gap,
    /// The scraping stops so many seconds into the first minute, and goes on as many into the one after the last.
    Stop(i64),
    /// No clicks and no samples.
    Gone,
    /// The counter begins anew.
    Reset,
    /// Samples come so many minutes late.
    Late(i64),
}

/// The world: every click of every series.
#[derive(Debug)]
pub(super) struct World<'a> {
    plan: &'a WorldPlan,
    /// By series: all clicks before each minute.
    clicks: Vec<Vec<f64>>,
}

impl<'a> World<'a> {
    pub(super) fn new(plan: &'a WorldPlan) -> Self {
        let zone = TimeZone::get(&plan.zone).unwrap();
        let clicks = plan.series.iter().zip(1..);
        let clicks = clicks.map(|(series, seed)| history(plan, series, seed, &zone));
        Self {
            plan,
            clicks: clicks.collect(),
        }
    }

    pub(super) fn minutes(&self) -> i64 {
        self.plan.days * 1440
    }

    /// When the bin of this minute may be judged.
    pub(super) fn now(&self, minute: i64, delay: i64) -> Timestamp {
        let second = self.plan.start.as_second() + (minute + 1) * 60 + delay;
        Timestamp::from_second(second).unwrap()
    }

    /// What the source tells of a stretch of bins when it is asked now.
    pub(super) fn answer(&self, stretch: Stretch, now: Timestamp) -> Answer {
        let begin = self.plan.start.as_second() / 60;
        let newest = now.as_second() / 60 - begin - 1;
        let samples = self
            .plan
            .series
            .iter()
            .zip(&self.clicks)
            .map(|(series, clicks)| Samples {
                labels: BTreeMap::from([("host".to_owned(), series.name.clone())]),
                points: (stretch.first..=stretch.last)
                    .filter_map(|bin| self.point(series, clicks, bin - begin, newest))
                    .collect(),
            });
        Answer {
            samples: samples.filter(|samples| !samples.points.is_empty()).collect(),
            warnings: Vec::new(),
        }
    }

    /// What the source says of a minute at its end: the newest sample that it has by then, or what was counted between
    /// the samples of the minute.
    fn point(&self, series: &SeriesPlan, clicks: &[f64], minute: i64, newest: i64) -> Option<Point> {
        if self
            .events(series, minute)
            .any(|what| matches!(what, What::Gap | What::Gone))
        {
            return None;
        }
        let at = |second: i64| Timestamp::from_second(self.plan.start.as_second() + second).unwrap();
        let end = (minute + 1) * 60;
        let sampled = |from: i64| {
            let every = self.plan.scraped_every;
            let seconds = (from.div_euclid(every) + 1)..=end.div_euclid(every);
            seconds
                .map(move |count| count * every)
                .filter(|second| self.sampled(series, *second, newest))
        };
        if self.plan.increase {
            let last = sampled(end - 60).next_back()?;
            // The sample at the end of the minute before is the first of this one, too.
            let first = sampled(end - 60 - self.plan.scraped_every).next()?;
            return Some(Point {
                at: at(end),
                value: until(clicks, last) - until(clicks, first),
                sampled: None,
            });
        }
        let last = sampled(end - LOOKBACK).next_back()?;
        let restart = self.plan.events.iter().filter(|event| {
            event.what == What::Reset && event.concerns(series) && event.from.0 <= (last - 1).div_euclid(60)
        });
        let restart = restart.map(|event| event.from).max().or(series.begins);
        Some(Point {
            at: at(end),
            value: until(clicks, last) - until(clicks, restart.map_or(0, |restart| restart.0 * 60)),
            sampled: Some(at(last)),
        })
    }

    /// Whether the source has a sample of this second by now.
    fn sampled(&self, series: &SeriesPlan, second: i64, newest: i64) -> bool {
        let minute = (second - 1).div_euclid(60);
        let late = self.events(series, minute).find_map(|what| {
            if let What::Late(late) = what {
                Some(late)
            } else {
                None
            }
        });
        let stopped = self.plan.events.iter().any(|event| {
            matches!(event.what, What::Stop(into) if event.concerns(series)
                && (event.from.0 * 60 + into + 1..=event.until.0 * 60 + into).contains(&second))
        });
        (0..self.minutes()).contains(&minute)
            && series.begins.is_none_or(|begins| begins.0 <= minute)
            && minute + late.unwrap_or(0) <= newest
            && !stopped
    }

    fn events(&self, series: &SeriesPlan, minute: i64) -> impl Iterator<Item = What> {
        self.plan
            .events
            .iter()
            .filter(move |event| event.holds(series, minute))
            .map(|event| event.what)
    }
}

impl EventPlan {
    fn concerns(&self, series: &SeriesPlan) -> bool {
        self.of.is_empty() || self.of.contains(&series.name)
    }

    fn holds(&self, series: &SeriesPlan, minute: i64) -> bool {
        self.concerns(series) && (self.from.0..self.until.0).contains(&minute)
    }

    /// By how much it changes the clicks of a minute.
    #[expect(clippy::cast_precision_loss, reason = "minutes")]
    fn factor(&self, minute: i64) -> f64 {
        match self.what {
            What::Silent | What::Gone => 0.0,
            What::Times(factor) => factor,
            What::Ramp => (self.until.0 - minute) as f64 / (self.until.0 - self.from.0) as f64,
            What::Gap | What::Stop(_) | What::Reset | What::Late(_) => 1.0,
        }
    }
}

/// All clicks before a second; those of a minute are spread over it evenly.
#[expect(clippy::cast_precision_loss, reason = "seconds of a minute")]
fn until(clicks: &[f64], second: i64) -> f64 {
    let before = |minute: i64| clicks[usize::try_from(minute).unwrap()];
    let (minute, rest) = (second.div_euclid(60), second.rem_euclid(60));
    if rest == 0 {
        return before(minute);
    }
    let share = rest as f64 / 60.0;
    before(minute) + ((before(minute + 1) - before(minute)) * share).floor()
}

/// All clicks of a series before each minute: a day's rhythm by the wall clock, quieter weekends, bursts, events.
#[expect(clippy::cast_precision_loss, reason = "minutes")]
fn history(plan: &WorldPlan, series: &SeriesPlan, seed: u64, zone: &TimeZone) -> Vec<f64> {
    let mut clicks = Clicks::new(seed);
    let mut bursts: Vec<(i64, f64, f64)> = series
        .burst
        .map(|burst| (burst.0, 30.0, 240.0))
        .into_iter()
        .collect();
    let (mut sums, mut sum) = (vec![0.0], 0.0);
    for minute in 0..plan.days * 1440 {
        let at = Timestamp::from_second(plan.start.as_second() + minute * 60).unwrap();
        let local = zone.to_datetime(at);
        let hour = f64::from(local.hour()) + f64::from(local.minute()) / 60.0;
        let daily = 1.0 - 0.6 * (hour / 24.0 * std::f64::consts::TAU).cos();
        let weekly = if local.date().weekday().to_monday_zero_offset() >= 5 {
            0.6
        } else {
            1.0
        };
        if series.bursts && clicks.uniform() < 1.0 / 2160.0 {
            let height = 5.0 * 10_f64.powf(clicks.uniform());
            bursts.push((minute, height, 60.0 + 300.0 * clicks.uniform()));
        }
        let burst = bursts.iter().filter(|(begin, ..)| *begin <= minute);
        let burst: f64 = burst
            .map(|(begin, height, decay)| height * (-((minute - begin) as f64) / decay).exp())
            .sum();
        let events = plan.events.iter().filter(|event| event.holds(series, minute));
        let factor: f64 = events.map(|event| event.factor(minute)).product();
        if series.begins.is_none_or(|begins| begins.0 <= minute) {
            sum += clicks.poisson(series.rate * (daily * weekly + burst) * factor);
        }
        sums.push(sum);
    }
    sums
}
