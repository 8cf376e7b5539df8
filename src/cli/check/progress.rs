//! How far a long check has come: a bar on standard error, drawn over itself, where that is a terminal.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use tokio::time::Instant;

use super::super::terminal;
use super::{Checked, Health};

/// Fewer endpoints are checked before a bar could be read.
const WORTHWHILE: usize = 8;

/// Time between two drawings.
const REDRAW: Duration = Duration::from_millis(100);

/// Cells of the bar.
const CELLS: usize = 30;

/// A bar under way; it is gone from the screen once it is dropped.
#[derive(Debug)]
pub(super) struct Progress {
    total: usize,
    done: usize,
    wrong: usize,
    drawn: Option<Instant>,
    shown: bool,
}

impl Progress {
    /// A bar for so many endpoints; none where nobody would see it.
    pub(super) fn over(total: usize) -> Self {
        Self {
            total,
            done: 0,
            wrong: 0,
            drawn: None,
            shown: total >= WORTHWHILE && std::io::stderr().is_terminal(),
        }
    }

    /// One more is done.
    pub(super) fn saw(&mut self, checked: &Checked) {
        self.done += 1;
        self.wrong += usize::from(Health::of(&checked.verdict) != Health::Fine);
        let now = Instant::now();
        if self.shown && self.drawn.is_none_or(|drawn| now >= drawn + REDRAW) {
            self.drawn = Some(now);
            self.draw();
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of endpoints")]
    fn draw(&self) {
        let bar = terminal::bar(self.done as f64 / self.total as f64, CELLS);
        let mut out = std::io::stderr().lock();
        // A terminal that has gone needs no bar.
        let _ = write!(
            out,
            "\r{bar} {} of {} checked, {} not as they should be\u{1b}[K",
            self.done, self.total, self.wrong
        );
        let _ = out.flush();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.drawn.is_some() {
            let _ = write!(std::io::stderr(), "\r\u{1b}[K");
        }
    }
}
