//! What a picture of a long history shows: so many points that they can be told apart, and not more.

use jiff::{SignedDuration, Timestamp};

use crate::traffic::Bin;
use crate::traffic::backtest::Table;
use crate::traffic::ensemble::Ensemble;

/// Points along a panel.
const MAX_POINTS: usize = 1_500;

/// The part of a history that is shown, point by point, for every series.
#[derive(Debug)]
pub(super) struct Curves {
    first: usize,
    bins: usize,
    series: Vec<Vec<Point>>,
}

/// Some bins, taken together.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Point {
    known: f64,
    sum: f64,
    judged: f64,
    expected: f64,
    low: f64,
}

impl Point {
    /// The mean of the clicks per minute; none where nothing is known.
    pub(super) fn observed(&self) -> Option<f64> {
        (self.known > 0.0).then(|| self.sum / self.known)
    }

    /// The baseline and the lower limit, in clicks per minute.
    pub(super) fn expected(&self) -> Option<(f64, f64)> {
        (self.judged > 0.0).then(|| (self.expected / self.judged, self.low / self.judged))
    }

    fn count(&mut self, rate: f64) {
        self.sum += rate;
        self.known += 1.0;
    }
}

impl Curves {
    /// Room for the bins from `from` to `to`.
    pub(super) fn new(table: &Table, from: Option<Timestamp>, to: Option<Timestamp>) -> Self {
        let place = |time: Timestamp| {
            let bin = table.bin.as_secs().max(1);
            let bins = (time.duration_since(table.start).as_secs() + bin - 1).div_euclid(bin);
            usize::try_from(bins).unwrap_or(0).min(table.len())
        };
        let first = from.map_or(0, place);
        let bins = to.map_or(table.len(), place).saturating_sub(first);
        Self {
            first,
            bins,
            series: vec![vec![Point::default(); bins.min(MAX_POINTS)]; table.columns.len()],
        }
    }

    /// Takes in what is known after a bin.
    pub(super) fn take(&mut self, table: &Table, index: usize, ensemble: &Ensemble) {
        let Some(index_shown) = index.checked_sub(self.first).filter(|shown| *shown < self.bins) else {
            return;
        };
        let place = index_shown * self.bins.min(MAX_POINTS) / self.bins;
        let minutes = table.bin.as_secs_f64() / 60.0;
        for (number, (points, column)) in self.series.iter_mut().zip(&table.columns).enumerate() {
            let Some(point) = points.get_mut(place) else {
                continue;
            };
            if let Some(Bin::Count(count)) = column.bins.get(index) {
                point.count(count / minutes);
            }
            let judgement = ensemble.series(number);
            if judgement.at.is_some() {
                point.judged += 1.0;
                point.expected += judgement.expected;
                point.low += judgement.expected_low.unwrap_or_default();
            }
        }
    }

    /// The points of a series.
    pub(super) fn of(&self, series: usize) -> &[Point] {
        self.series.get(series).map_or(&[], Vec::as_slice)
    }

    /// The begin and the end of what is shown.
    pub(super) fn range(&self, table: &Table) -> (Timestamp, Timestamp) {
        (table.start_of(self.first), table.start_of(self.first + self.bins))
    }
}

/// Where an axis is marked, at most twelve times: at whole days or hours of the wall clock.
pub(super) fn marks(
    (from, to): (Timestamp, Timestamp),
    zone: &jiff::tz::TimeZone,
) -> Vec<(Timestamp, String)> {
    const HOURS: [i64; 12] = [1, 3, 6, 12, 24, 48, 96, 168, 336, 672, 2_184, 8_760];
    let span = to.duration_since(from);
    let step = HOURS
        .into_iter()
        .map(SignedDuration::from_hours)
        .find(|step| step.as_secs() * 12 >= span.as_secs())
        .unwrap_or(span);
    let step = if span < SignedDuration::from_hours(2) {
        SignedDuration::from_mins(10)
    } else {
        step
    };
    let format = if step.as_hours() >= 24 {
        "%Y-%m-%d"
    } else {
        "%m-%d %H:%M"
    };
    let Ok(midnight) = from.to_zoned_datetime(zone.clone()).start_of_day() else {
        return Vec::new();
    };
    // An hour that daylight saving has moved is a mark at an odd hour, not a wrong one: its label is the wall clock's.
    std::iter::successors(Some(midnight.timestamp()), |mark| mark.checked_add(step).ok())
        .skip_while(|mark| *mark < from)
        .take_while(|mark| *mark <= to)
        .map(|mark| {
            (
                mark,
                mark.to_zoned_datetime(zone.clone()).strftime(format).to_string(),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    #[test]
    fn an_axis_is_marked_at_whole_days_or_hours_and_not_too_often() {
        let from: Timestamp = "1998-04-30T21:30:00Z".parse().unwrap();
        for (hours, most) in [(1, 12), (5, 12), (48, 12), (24 * 87, 13), (24 * 4_000, 13)] {
            let to = from + SignedDuration::from_hours(hours);
            let marks = marks((from, to), &TimeZone::UTC);
            assert!((1..=most).contains(&marks.len()), "{hours}: {}", marks.len());
        }
    }
}
