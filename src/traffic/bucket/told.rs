//! What samples tell of the bins between them.

use super::Stretch;

/// Clicks that were counted over more bins than this cannot be said to belong to any of them.
pub(super) const WIDEST_SPREAD: i64 = 5;

/// A counter that is seen for the first time counts from 0 up to this value; above it, it is one that was renamed or
/// comes back, not one that begins, and its first value says nothing.
pub(super) const LARGEST_BIRTH: f64 = 100.0;

/// Samples that have seen less than this share of the bins between them say nothing of them.
const LEAST_SEEN: f64 = 0.5;

/// Scrapes that are off by less than this share of a bin keep whole clicks whole.
const OUT_OF_STEP: f64 = 0.05;

/// A source that reports nothing for so many bins has stopped.
const LEAST_GAP: usize = 3;

/// A sample in its bin.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub(super) bin: i64,
    /// When it was taken, in milliseconds since 1970.
    pub(super) taken: i64,
    pub(super) value: f64,
}

/// What a series' samples say of a bin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Told {
    /// No sample at all.
    Absent,
    /// A sample that is older than the bin: the next will tell.
    Stale,
    /// So many clicks.
    Clicks(f64),
}

impl Told {
    /// What two label sets of one series come to: as long as one of them is yet to tell, the sum is not known.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Clicks(one), Self::Clicks(another)) => Self::Clicks(one + another),
            (Self::Stale, _) | (_, Self::Stale) => Self::Stale,
            (Self::Absent, told) | (told, Self::Absent) => told,
        }
    }
}

impl Sample {
    /// How many bins of this length, in milliseconds, the time since another sample makes up.
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of some days at most")]
    pub(super) fn lengths_since(self, previous: Self, length: i64) -> f64 {
        (self.taken - previous.taken) as f64 / length as f64
    }

    /// Over how many bins the clicks since another sample are spread.
    #[expect(clippy::cast_precision_loss, reason = "bins of some weeks at most")]
    fn width(self, previous: Self) -> f64 {
        (self.bin - previous.bin).max(1) as f64
    }

    /// Whether so little time has passed since another sample that nothing can be said of the bins between them: the
    /// scraping has stopped in the middle of a bin. The next sample tells of them too.
    pub(super) fn tells_too_little(self, previous: Self, length: i64) -> bool {
        self.lengths_since(previous, length) < LEAST_SEEN * self.width(previous)
    }
}

/// Gives the clicks between two samples to the bins between them.
///
/// Where a scrape was missed, or comes at another rhythm than the bins, more or less time than theirs has passed: then
/// each gets what came in the mean of that time, as a part of a bin would otherwise look like a lack of clicks.
pub(super) fn spread(stretch: Stretch, length: i64, previous: Sample, sample: Sample, told: &mut [Told]) {
    let clicks = clicks_between(previous.value, sample.value);
    if sample.bin - previous.bin > WIDEST_SPREAD {
        return;
    }
    let (width, lengths) = (sample.width(previous), sample.lengths_since(previous, length));
    let in_step = (lengths / width - 1.0).abs() <= OUT_OF_STEP;
    let share = Told::Clicks(clicks / if in_step { width } else { lengths });
    let first = sample.bin.min(previous.bin + 1);
    for place in (first..=sample.bin).filter_map(|bin| stretch.place(bin)) {
        told[place] = match told[place] {
            Told::Absent | Told::Stale => share,
            counted @ Told::Clicks(_) => counted.and(share),
        };
    }
}

/// Whether the source, as long as nobody reports, ended or came back in this bin: what it counted by itself is then that
/// of a part of the bin, and which part is not known.
pub(super) fn beside_gap(reporting: &[bool], place: usize) -> bool {
    let gap = |bins: Option<&[bool]>| bins.is_some_and(|bins| !bins.contains(&true));
    let before = place.checked_sub(LEAST_GAP);
    gap(before.and_then(|first| reporting.get(first..place)))
        || gap(reporting.get(place + 1..=place + LEAST_GAP))
}

/// What a counter has counted between two of its values. One that has fallen began anew with its process, unless it
/// fell by less than half: then another replica of the source has answered, which lags behind.
fn clicks_between(before: f64, after: f64) -> f64 {
    if after >= before {
        after - before
    } else if after > before / 2.0 && after > LARGEST_BIRTH {
        0.0
    } else {
        after
    }
}

pub(super) fn newest<'a>(stretch: Stretch, tables: impl Iterator<Item = &'a Vec<Told>>) -> Option<i64> {
    let told = |told: &Told| matches!(told, Told::Clicks(_));
    tables
        .filter_map(|table| table.iter().rposition(told))
        .max()
        .and_then(|place| Some(stretch.first + i64::try_from(place).ok()?))
}
