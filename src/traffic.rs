//! Click traffic that goes quiet: the vocabulary, and the rules below it.
//!
//! Counts of clicks come from a source (`source`), become bins of equal length (`bucket`), and are compared with what
//! the time of the week and the hours before lead to expect (`baseline`, `detector`, `ensemble`). Missing is never zero:
//! a bin holds a count, zero included, or says that nothing is known.

use std::fmt;
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::endpoint::{EndpointName, GroupName};

pub mod backtest;
pub mod baseline;
pub mod bucket;
mod calibration;
mod detector;
pub mod ensemble;
pub mod evidence;
mod grid;
mod level;
pub mod plan;
mod pool;
mod reference;
mod ring;
pub mod source;
pub mod stream;
mod trial;
pub mod watch;

/// What is known of one bin of one series.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Bin {
    /// Nothing: the source was not asked, did not answer, or had no fresh sample.
    Missing,
    /// So many clicks, zero included; never negative, not always whole (a source may have scaled them).
    Count(f64),
}

impl Bin {
    /// The count, where there is one.
    #[must_use]
    pub const fn count(self) -> Option<f64> {
        match self {
            Self::Missing => None,
            Self::Count(count) => Some(count),
        }
    }
}

/// How much is missing of what was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// Well below, but clicks still arrive.
    Partial,
    /// Next to nothing arrives.
    Outage,
}

impl Tier {
    /// Every tier, the lesser first.
    pub const ALL: [Self; 2] = [Self::Partial, Self::Outage];

    /// The name in metrics and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Partial => "partial",
            Self::Outage => "outage",
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What all series of an ensemble are judged by. Nothing here is set per series.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// The length of a bin; a minute to a day, and a divisor of a day.
    pub bin: SignedDuration,
    /// Where "Monday, nine o'clock" is meant: the seasonal shape follows this zone's wall clock.
    pub time_zone: TimeZone,
    /// The mean time between two false alarms that the user accepts of the whole installation.
    pub mean_between_false_alarms: SignedDuration,
    /// How many series and groups share that budget, this ensemble's own included; at least 1.
    pub sharers: usize,
    /// After so long at a new level the level is accepted, and the alarm ends.
    pub accept_after: SignedDuration,
}

impl Rules {
    /// The share of the budget that one series or group has.
    fn budget(&self) -> trial::Budget {
        #[expect(clippy::cast_precision_loss, reason = "a number of series")]
        let sharers = self.sharers.max(1) as f64;
        trial::Budget {
            days: self.mean_between_false_alarms.as_secs_f64() / 86_400.0 * sharers,
        }
    }
}

/// What is known of one series, or of a group, at the end of its newest bin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// The end of the newest bin that held a count; none before the first.
    pub at: Option<Timestamp>,
    /// Clicks per minute, over the last five minutes (or the last bin, if that is longer), or since the quiet began that
    /// an alarm is about, if that is shorter.
    pub observed: f64,
    /// Clicks per minute that were expected over the same time.
    pub expected: f64,
    /// Clicks per minute at or below which the same time alone would raise an alarm; 0 where even silence would not, none of
    /// a group, for which it depends on whose clicks they are.
    pub expected_low: Option<f64>,
    /// The alarm that stands.
    pub low: Option<Tier>,
    /// When the quiet began that the alarm is about.
    pub since: Option<Timestamp>,
    /// The strongest evidence for a drop, over what raises an alarm: 1 and more alarms.
    pub evidence_ratio: f64,
    /// Whether the baseline knows at least one whole day, so that the hour of the day is taken into account.
    pub ready: bool,
    /// When a lasting change of level was last accepted.
    pub level_shift: Option<Timestamp>,
    /// How long a total outage that begins now would take to be noticed; none if it never would be.
    pub time_to_notice: Option<SignedDuration>,
}

/// A total outage that takes longer than this to be noticed makes a series blind: the 72 minutes of May 8th.
pub const BLIND_AFTER: SignedDuration = SignedDuration::from_mins(72);

impl Judgement {
    /// Of a series that nothing is known of.
    pub const NOTHING: Self = Self {
        at: None,
        observed: 0.0,
        expected: 0.0,
        expected_low: None,
        low: None,
        since: None,
        evidence_ratio: 0.0,
        ready: false,
        level_shift: None,
        time_to_notice: None,
    };

    /// Whether an outage as long as that of May 8th could pass unseen at the present rate.
    #[must_use]
    pub fn blind(&self) -> bool {
        self.time_to_notice.is_none_or(|time| time > BLIND_AFTER)
    }
}

/// What a judgement is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    /// The stream, as configured.
    pub stream: Arc<str>,
    /// The series, by the value of the label it is summed by; none for a group.
    pub series: Option<Arc<str>>,
    /// The group whose series are judged together, or that the series' endpoint belongs to; none where no endpoint has
    /// the series' host.
    pub group: Option<GroupName>,
    /// The endpoint that has the series' host; none for a group.
    pub name: Option<EndpointName>,
}

/// What one round over a stream has led to.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The stream.
    pub stream: Arc<str>,
    /// Every series and every group of it.
    pub judgements: Vec<(Subject, Judgement)>,
}
