//! What the configuration says of traffic, resolved.

use std::sync::Arc;

use jiff::SignedDuration;
use jiff::tz::TimeZone;

use super::source;

/// The section `traffic` of the configuration.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where counts come from; their names are unique.
    pub sources: Vec<Arc<source::Settings>>,
    /// What is judged; their names are unique.
    pub streams: Vec<Arc<StreamPlan>>,
    /// The mean time between two false alarms that is accepted of all streams together.
    pub mean_between_false_alarms: SignedDuration,
    /// After so long at a new level the level is accepted.
    pub accept_after: SignedDuration,
    /// The wall clock that the seasonal shape follows.
    pub time_zone: TimeZone,
}

/// One stream: series of one kind, from one query.
#[derive(Debug, Clone)]
pub struct StreamPlan {
    /// Its name in metrics.
    pub name: Arc<str>,
    /// The source, by its place in the plan's list.
    pub source: usize,
    /// What is asked.
    pub query: String,
    /// What the answer's values are.
    pub kind: Kind,
    /// The label whose values tell the series apart; samples that share a value are added up. None: all is one series,
    /// named as the stream.
    pub sum_by: Option<String>,
    /// The label that holds the host which joins a series to the endpoints of that host; a label other than `sum_by`
    /// is looked at in the samples of the series.
    pub host_label: Option<String>,
    /// The length of a bin.
    pub bin: SignedDuration,
    /// A bin is judged so long after its end, when late samples are in.
    pub ingest_delay: SignedDuration,
    /// How far back history is fetched at start.
    pub history: SignedDuration,
    /// What explains the stream's bursts and quiet.
    pub reference: Option<Reference>,
    /// What to do about the requests of linkwatch's own probes.
    pub own_probes: OwnProbes,
    /// Series that are never judged, by name or pattern-free exact value.
    pub ignore: Vec<String>,
}

/// What the values of an answer are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A counter: it only grows, and starts anew with its process. Differenced here, per label set.
    Counter,
    /// Clicks in the bin that ends at the sample's time, taken as they are.
    Increase,
}

/// A second query of the same source whose values lead the stream's expectation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// What is asked.
    pub query: String,
    /// What the answer's values are.
    pub kind: Kind,
}

/// Requests of linkwatch's own probes within a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnProbes {
    /// The query leaves them out (they carry a marker header and a User-Agent of their own).
    Excluded,
    /// The query counts them: so many as were sent to the series' host are taken off, for this many instances of
    /// linkwatch that watch it.
    Subtracted {
        /// Instances, at least 1.
        instances: u32,
    },
}
