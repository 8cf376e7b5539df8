//! What is known, as metrics: names and labels stand here and nowhere else.
//!
//! A scrape takes a snapshot of the state and encodes it in pieces, family by family, so that neither the memory nor
//! the time of one step grows with the number of endpoints. What a family means stands in its catalogue entry, beside
//! the code that reads its value. A metric of the product belongs to the table of its subject (`endpoint`,
//! `certificate`, `platform`, `foresight`, `coverage`, `group`, `traffic`, `own`, `demand`, `process`); the series of `/probe` stand in `blackbox`,
//! the families of blackbox_exporter itself in `standin`.

use std::sync::Arc;

use crate::clock::Clock;
use crate::state::State;

pub mod blackbox;
pub mod catalog;
mod certificate;
mod collector;
mod coverage;
mod demand;
mod endpoint;
mod foresight;
mod group;
pub mod labels;
pub mod negotiate;
mod own;
mod platform;
mod process;
pub mod protobuf;
mod scrape;
mod standin;
pub mod text;
mod traffic;

pub use scrape::{Scrape, ScrapeError};

use collector::Snapshot;
use negotiate::{Coding, Format};

/// Where scrapes come from.
#[derive(Debug, Clone)]
pub struct Exporter {
    state: Arc<State>,
    clock: Arc<dyn Clock>,
}

impl Exporter {
    /// Exports this state, dated by this clock.
    #[must_use]
    pub fn new(state: Arc<State>, clock: Arc<dyn Clock>) -> Self {
        Self { state, clock }
    }

    /// Begins a scrape of what is known now. Cheap; the work is in the iterator's steps, which may be taken on any
    /// thread and wait for nothing.
    #[must_use]
    pub fn scrape(&self, format: Format, coding: Coding) -> Scrape {
        let snapshot = Snapshot::take(&self.state, self.clock.now());
        Scrape::new(Arc::new(snapshot), format, coding)
    }
}
