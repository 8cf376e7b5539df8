//! Prints what happened when, and keeps it.

use std::time::Duration;

use jiff::Timestamp;
use linkwatch::clock::Clock as _;
use tokio::time::Instant;

use super::pace::PacedClock;

/// Prints what happened when, by the clock of the replay.
#[derive(Debug)]
pub(crate) struct Timeline {
    clock: PacedClock,
    began: Timestamp,
    lines: Vec<String>,
}

impl Timeline {
    pub(crate) fn new(clock: PacedClock) -> Self {
        Self {
            clock,
            began: clock.now(),
            lines: Vec::new(),
        }
    }

    pub(crate) fn say(&mut self, line: &str) {
        println!("{line}");
        self.lines.push(line.to_owned());
    }

    /// Counts time from this event on.
    pub(crate) fn restart(&mut self, event: &str) {
        self.began = self.clock.now();
        let date = self.began.strftime("%H:%M:%S UTC");
        self.say(&format!("\n   0:00  {event}   ({date})"));
    }

    pub(crate) fn note(&mut self, event: &str) {
        let seconds = self.clock.now().duration_since(self.began).as_secs();
        self.say(&format!("{:4}:{:02}  {event}", seconds / 60, seconds % 60));
    }

    /// Waits until it holds, and notes it.
    pub(crate) async fn wait(
        &mut self,
        event: &str,
        limit: Duration,
        mut holds: impl AsyncFnMut() -> bool,
    ) -> bool {
        let deadline = Instant::now() + limit;
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        while !holds().await {
            if Instant::now() > deadline {
                self.say(&format!("   ---   within {limit:?} not seen: {event}"));
                return false;
            }
            tick.tick().await;
        }
        self.note(event);
        true
    }

    /// Notes it if it holds now.
    pub(crate) fn check(&mut self, event: &str, holds: bool) -> bool {
        if holds {
            self.note(event);
        } else {
            self.say(&format!("   ---   does not hold: {event}"));
        }
        holds
    }

    /// All of it.
    #[cfg(test)]
    pub(crate) fn printed(&self) -> String {
        self.lines.join("\n")
    }
}
