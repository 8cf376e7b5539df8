//! The debug output of a probe, as blackbox_exporter's users know it: log, series, module.

use std::fmt;

use super::super::ProbeAnswer;
use super::log::log;
use crate::metrics::blackbox::render;
use crate::metrics::negotiate::Format;

/// An answer that is told in full. It is written when somebody reads it, which is rarely.
#[derive(Debug)]
pub struct Explained<A>(pub A);

impl<A: AsRef<ProbeAnswer>> fmt::Display for Explained<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answer = self.0.as_ref();
        f.write_str("Logs for the probe:\n")?;
        log(f, answer)?;
        f.write_str("\n\n\nMetrics that would have been returned:\n")?;
        match render(&answer.seen(), Format::CLASSIC) {
            Ok(series) => f.write_str(&String::from_utf8_lossy(&series))?,
            Err(error) => error.fmt(f)?,
        }
        writeln!(f, "\n\n\nModule configuration:\n{}", answer.module)
    }
}

impl AsRef<Self> for ProbeAnswer {
    fn as_ref(&self) -> &Self {
        self
    }
}
