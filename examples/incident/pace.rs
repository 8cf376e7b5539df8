//! How fast everything goes.

use std::time::Duration;

use jiff::Timestamp;
use linkwatch::clock::{Clock, SystemClock};
use tokio::time::Instant;

/// How fast everything goes.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Of the probes.
    pub(crate) interval: &'static str,
    pub(crate) timeout: &'static str,
    /// Before a failure is confirmed.
    pub(crate) pause: &'static str,
    /// How often the platform is asked.
    pub(crate) asked: &'static str,
    /// The longest that a change at the platform may go unnoticed.
    pub(crate) noticed: Duration,
    /// From the reset to the first certificate that fails, where they do not fail together.
    pub(crate) minutes_later: Duration,
    /// Of scrapes and rules.
    pub(crate) scrape: &'static str,
    /// The longest that a verdict may take: an interval and the confirmations, with some room for a busy machine.
    pub(crate) verdict: Duration,
    /// The longest that clicks may take to be known, to be missed or to be back.
    pub(crate) clicks: Duration,
    /// How many times as fast the clock runs.
    pub(crate) times: u32,
    /// What `$__rate_interval` is in a dashboard over these scrapes.
    pub(crate) rate: &'static str,
    /// How long all is well before anything breaks, and after all is mended.
    pub(crate) calm: Duration,
    /// How long all that is broken stands before anything is mended.
    pub(crate) stands: Duration,
    /// Whether everything is mended at the end.
    pub(crate) repairs: bool,
}

impl Pace {
    pub(crate) fn shipped() -> Self {
        Self {
            interval: "15s",
            timeout: "5s",
            pause: "2s",
            asked: "60s",
            noticed: Duration::from_secs(80),
            minutes_later: Duration::from_secs(120),
            scrape: "10s",
            verdict: Duration::from_secs(60),
            clicks: Duration::from_secs(8 * 60),
            times: 1,
            rate: "40s",
            calm: Duration::ZERO,
            stands: Duration::ZERO,
            repairs: false,
        }
    }

    /// The shipped intervals, with something to see before and after.
    pub(crate) fn recorded() -> Self {
        Self {
            calm: Duration::from_secs(180),
            stands: Duration::from_secs(240),
            repairs: true,
            ..Self::shipped()
        }
    }

    pub(crate) fn fast() -> Self {
        Self {
            interval: "2s",
            timeout: "1s",
            pause: "200ms",
            asked: "10s",
            noticed: Duration::from_secs(15),
            minutes_later: Duration::from_secs(3),
            scrape: "500ms",
            verdict: Duration::from_secs(20),
            clicks: Duration::from_secs(60),
            times: 20,
            rate: "4s",
            calm: Duration::ZERO,
            stands: Duration::ZERO,
            repairs: true,
        }
    }

    pub(crate) fn clock(&self) -> PacedClock {
        PacedClock {
            start: SystemClock.now(),
            began: Instant::now(),
            times: self.times,
        }
    }
}

impl Pace {
    /// Where time is short, things break at half past a minute: the clicks of that minute do not tell yet, so probes
    /// have as much of a lead as they have at the shipped intervals.
    pub(crate) async fn half_a_minute(&self, clock: PacedClock) {
        let after = clock.now().as_second().rem_euclid(60);
        if self.times > 1
            && let Ok(left) = u64::try_from((90 - after) % 60)
        {
            tokio::time::sleep(clock.time_for(Duration::from_secs(left))).await;
        }
    }
}

/// A clock that starts with the machine's and runs a number of times as fast.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PacedClock {
    start: Timestamp,
    began: Instant,
    times: u32,
}

impl Clock for PacedClock {
    fn now(&self) -> Timestamp {
        self.start + self.began.elapsed() * self.times
    }

    fn time_for(&self, moves: Duration) -> Duration {
        moves / self.times
    }
}
