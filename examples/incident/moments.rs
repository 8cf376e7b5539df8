//! The moments of a day that are worth looking at again.

use std::path::Path;

use jiff::Timestamp;
use linkwatch::clock::Clock as _;
use serde_json::json;

use super::pace::PacedClock;

/// When to look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moments {
    began: Timestamp,
    outage: Option<Timestamp>,
}

impl Moments {
    pub(crate) fn begin(clock: PacedClock) -> Self {
        Self {
            began: clock.now(),
            outage: None,
        }
    }

    /// All is broken that breaks, and everything that there is to say is said.
    pub(crate) fn note_outage(&mut self, clock: PacedClock) {
        self.outage = Some(clock.now());
    }

    /// Writes them, in seconds since the epoch, with the present as the end.
    pub(crate) fn write(&self, folder: &Path, clock: PacedClock) -> std::io::Result<()> {
        let moments = json!({
            "began": self.began.as_second(),
            "outage": self.outage.map(Timestamp::as_second),
            "ended": clock.now().as_second(),
        });
        std::fs::write(folder.join("moments.json"), format!("{moments:#}\n"))
    }
}
