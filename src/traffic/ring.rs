//! The last hours of one series, bin by bin, as running sums.

use super::grid::Grid;

/// What is remembered of one bin; the sums run from the first bin on.
#[derive(Debug, Clone, Copy, Default)]
struct Kept {
    /// Clicks of all known bins up to here.
    clicks: f64,
    /// The shapes of all known bins up to here.
    shape: f64,
    /// Clicks of the bins that may tell the level.
    quiet_clicks: f64,
    /// Their shapes.
    quiet_shape: f64,
    /// The level that a window which begins with this bin is compared with.
    level: f32,
}

/// Sums over a stretch.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Sum {
    /// Clicks.
    pub(super) clicks: f64,
    /// The sum of the shapes of the bins that are known.
    pub(super) shape: f64,
}

/// The last hours, from the bin numbered `first` on; bin numbers only grow.
#[derive(Debug, Clone)]
pub(super) struct Ring {
    kept: Vec<Kept>,
    /// One past the newest bin.
    next: i64,
    first: i64,
}

impl Ring {
    /// An empty one.
    #[must_use]
    pub(super) fn new(grid: &Grid) -> Self {
        Self {
            kept: vec![Kept::default(); grid.kept],
            next: 0,
            first: 0,
        }
    }

    fn place(&self, index: i64) -> usize {
        usize::try_from(index.rem_euclid(i64::try_from(self.kept.len()).unwrap_or(1))).unwrap_or(0)
    }

    /// The oldest bin that a window may begin with.
    #[must_use]
    pub(super) fn oldest(&self) -> i64 {
        let length = i64::try_from(self.kept.len()).unwrap_or(1);
        self.first.max(self.next - length + 1)
    }

    /// One past the newest bin.
    #[must_use]
    pub(super) const fn next(&self) -> i64 {
        self.next
    }

    /// Starts with this bin.
    pub(super) fn start(&mut self, first: i64) {
        (self.first, self.next) = (first, first);
    }

    /// Appends a bin. `known` is its count, `telling` whether it may tell the level.
    pub(super) fn push(&mut self, known: Option<f64>, shape: f64, telling: bool, level: f64) {
        let before = if self.next > self.first {
            self.kept[self.place(self.next - 1)]
        } else {
            Kept::default()
        };
        let (clicks, weight) = known.map_or((0.0, 0.0), |clicks| (clicks, shape));
        let told = if telling { 1.0 } else { 0.0 };
        let place = self.place(self.next);
        #[expect(clippy::cast_possible_truncation, reason = "a level needs no more digits")]
        let level = level as f32;
        self.kept[place] = Kept {
            clicks: before.clicks + clicks,
            shape: before.shape + weight,
            quiet_clicks: before.quiet_clicks + told * clicks,
            quiet_shape: before.quiet_shape + told * weight,
            level,
        };
        self.next += 1;
    }

    fn sums_before(&self, index: i64) -> Kept {
        if index <= self.first {
            Kept::default()
        } else {
            self.kept[self.place(index - 1)]
        }
    }

    /// The bins from `from` up to, and without, `to`.
    #[must_use]
    pub(super) fn sum(&self, from: i64, to: i64) -> Sum {
        let (begin, end) = (self.sums_before(from.max(self.oldest())), self.sums_before(to));
        Sum {
            clicks: end.clicks - begin.clicks,
            shape: end.shape - begin.shape,
        }
    }

    /// Those of them that may tell the level.
    #[must_use]
    pub(super) fn telling(&self, from: i64, to: i64) -> Sum {
        let (begin, end) = (self.sums_before(from.max(self.oldest())), self.sums_before(to));
        Sum {
            clicks: end.quiet_clicks - begin.quiet_clicks,
            shape: end.quiet_shape - begin.quiet_shape,
        }
    }

    /// The level that a window which begins with this bin is compared with.
    #[must_use]
    pub(super) fn level(&self, index: i64) -> f64 {
        f64::from(self.kept[self.place(index)].level)
    }

    /// The bins from here on no longer tell the level, which stays as it was before them.
    pub(super) fn freeze(&mut self, from: i64, level: f64) {
        let before = self.sums_before(from);
        #[expect(clippy::cast_possible_truncation, reason = "a level needs no more digits")]
        let level = level as f32;
        for index in from.max(self.oldest())..self.next {
            let place = self.place(index);
            self.kept[place].quiet_clicks = before.quiet_clicks;
            self.kept[place].quiet_shape = before.quiet_shape;
            self.kept[place].level = level;
        }
    }

    /// All remembered bins tell the level again, which is this one.
    pub(super) fn accept(&mut self, level: f64) {
        #[expect(clippy::cast_possible_truncation, reason = "a level needs no more digits")]
        let level = level as f32;
        for kept in &mut self.kept {
            (kept.quiet_clicks, kept.quiet_shape, kept.level) = (kept.clicks, kept.shape, level);
        }
    }

    /// Corrects the count of a bin that is still remembered; `shape` is what it adds where nothing was known.
    pub(super) fn amend(&mut self, index: i64, clicks: f64, shape: f64, telling: bool) {
        for later in index.max(self.oldest())..self.next {
            let place = self.place(later);
            let kept = &mut self.kept[place];
            kept.clicks += clicks;
            kept.shape += shape;
            if telling {
                kept.quiet_clicks += clicks;
                kept.quiet_shape += shape;
            }
        }
    }
}
