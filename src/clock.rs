//! The wall clock as an argument: only `app` holds the real one.
//!
//! Durations are measured with `tokio::time::Instant`, which tests can pause; this trait is for dates.

use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Tells the date.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The wall-clock time, in UTC.
    fn now(&self) -> Timestamp;

    /// How long to wait until it has moved on by so much: as long, unless it is one that runs fast.
    fn time_for(&self, moves: Duration) -> Duration {
        moves
    }
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the wall clock is read"
    )]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock that stands still until it is told to move.
#[derive(Debug)]
pub struct ManualClock(Mutex<Timestamp>);

impl ManualClock {
    /// A clock that stands at `at`.
    #[must_use]
    pub const fn at(at: Timestamp) -> Self {
        Self(Mutex::new(at))
    }

    /// Moves the clock on (or back, with a negative duration); it stays within jiff's range of dates.
    pub fn advance(&self, by: SignedDuration) {
        let mut now = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *now = now.saturating_add(by).unwrap_or(*now);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
