//! What samples tell of the bins between them.

use super::Stretch;

/// Clicks that were counted over more bins than this cannot be said to belong to any of them.
pub(super) const WIDEST_SPREAD: i64 = 5;

/// A counter that is seen for the first time counts from 0 up to this value; above it, it is one that was renamed or
/// comes back, not one that begins, and its first value says nothing.
pub(super) const LARGEST_BIRTH: f64 = 100.0;

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

/// Gives the clicks between two samples to the bins between them.
pub(super) fn spread(stretch: Stretch, previous: Sample, sample: Sample, told: &mut [Told]) {
    let clicks = clicks_between(previous.value, sample.value);
    let width = sample.bin - previous.bin;
    if width > WIDEST_SPREAD {
        return;
    }
    let first = if width == 0 { sample.bin } else { previous.bin + 1 };
    #[expect(clippy::cast_precision_loss, reason = "at most WIDEST_SPREAD")]
    let share = Told::Clicks(clicks / width.max(1) as f64);
    for place in (first..=sample.bin).filter_map(|bin| stretch.place(bin)) {
        told[place] = match told[place] {
            Told::Absent | Told::Stale => share,
            counted @ Told::Clicks(_) => counted.and(share),
        };
    }
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
