//! How far a long check has come: a bar on standard error, drawn over itself, where that is a terminal.

use std::time::Duration;

use tokio::time::Instant;

use super::super::terminal::{Live, bar, width};
use super::{Checked, Health};

/// Fewer endpoints are checked before a bar could be read.
const WORTHWHILE: usize = 8;

/// Time between two drawings.
const REDRAW: Duration = Duration::from_millis(100);

/// Cells of the bar at most, and those below which it says nothing.
const CELLS: usize = 30;
const FEWEST_CELLS: usize = 8;

/// A bar under way; it is gone from the screen once it is dropped.
#[derive(Debug)]
pub(super) struct Progress {
    total: usize,
    done: usize,
    wrong: usize,
    drawn: Option<Instant>,
    line: Option<Live>,
}

impl Progress {
    /// A bar for so many endpoints; none where nobody would see it.
    pub(super) fn over(total: usize) -> Self {
        Self {
            total,
            done: 0,
            wrong: 0,
            drawn: None,
            line: Live::Error.on().filter(|_| total >= WORTHWHILE),
        }
    }

    /// How many are done, and of how many.
    pub(super) const fn so_far(&self) -> (usize, usize) {
        (self.done, self.total)
    }

    /// One more is done.
    pub(super) fn saw(&mut self, checked: &Checked) {
        self.done += 1;
        self.wrong += usize::from(Health::of(&checked.verdict) != Health::Fine);
        let now = Instant::now();
        let Some(line) = self.line else { return };
        if self.drawn.is_none_or(|drawn| now >= drawn + REDRAW) {
            self.drawn = Some(now);
            line.draw(&self.text(line.room()));
        }
    }

    /// The counts, with a bar before them where there is room for one.
    #[expect(clippy::cast_precision_loss, reason = "counts of endpoints")]
    fn text(&self, room: usize) -> String {
        let counts = format!(
            "{} of {} checked, {} not as they should be",
            self.done, self.total, self.wrong
        );
        let cells = room.saturating_sub(width(&counts) + 1).min(CELLS);
        if cells < FEWEST_CELLS {
            return counts;
        }
        let bar = bar(self.done as f64 / self.total as f64, cells);
        format!("{bar} {counts}")
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(line) = self.line.filter(|_| self.drawn.is_some()) {
            line.erase();
        }
    }
}
