//! Which windows are tested, in bins: fine for short ones, ever coarser for long ones.

use jiff::SignedDuration;

/// The longest tested window: twice the 72 minutes of May 8th.
const LONGEST: SignedDuration = SignedDuration::from_mins(144);

/// A window is so much longer than the one before.
const GROWTH: f64 = 1.3;

/// The level before a window is looked at over these stretches.
const REFERENCES: [SignedDuration; 3] = [
    SignedDuration::from_mins(240),
    SignedDuration::from_mins(60),
    SignedDuration::from_mins(15),
];

/// The windows for one length of bins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grid {
    /// Seconds of a bin.
    pub(super) bin: i64,
    /// Lengths of the tested windows, rising.
    pub(super) windows: Vec<usize>,
    /// Lengths of the stretches before a window that tell the level, falling.
    pub(super) references: [usize; 3],
    /// Bins shown as "now": five minutes, or one bin.
    pub(super) shown: usize,
    /// The shortest window that can say `partial`: 13 minutes.
    pub(super) partial_from: usize,
    /// Bins that must be remembered.
    pub(super) kept: usize,
}

impl Grid {
    /// The grid for bins of this length.
    #[must_use]
    pub(super) fn new(bin: SignedDuration) -> Self {
        let seconds = bin.as_secs().max(1);
        let bins = |length: SignedDuration, least: i64| {
            usize::try_from((length.as_secs() / seconds).max(least)).unwrap_or(1)
        };
        let longest = bins(LONGEST, 4);
        let mut windows = vec![1];
        while let Some(last) = windows.last().copied().filter(|last| *last < longest) {
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "at most a few hundred"
            )]
            let next = (last as f64 * GROWTH).round() as usize;
            windows.push(next.max(last + 1).min(longest));
        }
        let references = [
            bins(REFERENCES[0], 3),
            bins(REFERENCES[1], 2),
            bins(REFERENCES[2], 1),
        ];
        Self {
            bin: seconds,
            references,
            shown: bins(SignedDuration::from_mins(5), 1),
            partial_from: bins(SignedDuration::from_mins(13), 2),
            kept: longest + references[0] + 2,
            windows,
        }
    }
}
