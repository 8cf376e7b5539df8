//! What is known of click traffic: the sources, and the last judgement of every series and group.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;

use crate::diagnosis::{Finding, traffic::quiet};
use crate::endpoint::{Endpoint, EndpointName, GroupName};
use crate::traffic::{Judgement, Subject};

/// Judgements of a series that are remembered, for a chart: two hours of minutes.
const COURSE: usize = 120;

/// The whole of it; replaced by every change, so that a reader sees one moment.
#[derive(Debug, Clone, Default)]
pub struct Traffic {
    /// In the order of the configuration.
    pub sources: Vec<Source>,
    /// By name.
    streams: BTreeMap<Arc<str>, Arc<Stream>>,
}

/// A source of counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its name, unique.
    pub name: Arc<str>,
    /// Whether it answered when it was last asked; `None` before.
    pub up: Option<bool>,
    /// What was wrong then, at most 200 bytes.
    pub problem: Option<String>,
}

/// The series and groups of one stream.
#[derive(Debug, Default)]
struct Stream {
    /// In order of subject.
    series: Vec<Arc<Series>>,
    /// Where the series of an endpoint stand in it.
    of_endpoints: HashMap<EndpointName, Vec<usize>>,
    /// The alarms that stand, by the endpoint whose series is quiet.
    quiet_endpoints: HashMap<EndpointName, Finding>,
    /// The alarms that stand, by the group that is quiet as a whole.
    quiet_groups: HashMap<GroupName, Finding>,
}

/// A series, or a group of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// What it is about.
    pub subject: Subject,
    /// What is known of it.
    pub judgement: Judgement,
    /// The alarm that stands, in words; as they were when it was raised, since the rates change every minute.
    pub quiet: Option<Finding>,
    /// How it came to this: the oldest first.
    pub course: VecDeque<Point>,
}

/// One moment of a series, in clicks per minute.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// The end of the bin that was judged.
    pub at: Timestamp,
    /// What came.
    pub observed: f32,
    /// What was expected.
    pub expected: f32,
    /// At or below this an alarm would be raised by this time alone; none of a group.
    pub expected_low: Option<f32>,
    /// Whether an alarm stood.
    pub low: bool,
}

impl Point {
    /// `None` before the first count.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a chart's rates, not an account's"
    )]
    fn of(judgement: &Judgement) -> Option<Self> {
        Some(Self {
            at: judgement.at?,
            observed: judgement.observed as f32,
            expected: judgement.expected as f32,
            expected_low: judgement.expected_low.map(|low| low as f32),
            low: judgement.low.is_some(),
        })
    }
}

impl Traffic {
    /// Every series and every group, in order of stream, then subject.
    pub fn series(&self) -> impl Iterator<Item = &Arc<Series>> {
        self.streams.values().flat_map(|stream| &stream.series)
    }

    /// The series that count the clicks of an endpoint's host.
    pub fn of_endpoint(&self, name: &EndpointName) -> impl Iterator<Item = &Arc<Series>> {
        self.streams.values().flat_map(|stream| stream.of_endpoint(name))
    }

    /// Whether the stream is configured.
    #[must_use]
    pub fn has_stream(&self, stream: &str) -> bool {
        self.streams.contains_key(stream)
    }

    /// The streams that are configured, by name.
    pub fn streams(&self) -> impl Iterator<Item = &Arc<str>> {
        self.streams.keys()
    }

    /// The hosts that clicks of a stream are seen on, where its series are told apart by host: names with a dot in them.
    #[must_use]
    pub fn hosts(&self, stream: &str) -> Vec<String> {
        let series = self
            .streams
            .get(stream)
            .into_iter()
            .flat_map(|stream| &stream.series);
        let names = series.filter_map(|series| series.subject.series.as_deref());
        names.filter(|name| is_host(name)).map(str::to_owned).collect()
    }

    /// What is known of one subject.
    #[must_use]
    pub fn find(&self, subject: &Subject) -> Option<&Series> {
        self.streams.get(&subject.stream)?.find(subject)
    }

    /// The alarm that concerns an endpoint: of its own series, else of its group.
    #[must_use]
    pub fn quiet(&self, endpoint: &Endpoint) -> Option<&Finding> {
        let mut own = self.streams.values();
        let mut group = self.streams.values();
        own.find_map(|stream| stream.quiet_endpoints.get(&endpoint.name))
            .or_else(|| group.find_map(|stream| stream.quiet_groups.get(&endpoint.group.name)))
    }

    /// The same knowledge under a configuration with these sources and streams; of others nothing is left.
    #[must_use]
    pub fn succeed(&self, sources: &[Arc<str>], streams: &[Arc<str>]) -> Self {
        let source = |name: &Arc<str>| {
            let known = self.sources.iter().find(|source| source.name == *name);
            known.cloned().unwrap_or_else(|| Source {
                name: Arc::clone(name),
                up: None,
                problem: None,
            })
        };
        let stream = |name: &Arc<str>| {
            let known = self.streams.get(name).cloned().unwrap_or_default();
            (Arc::clone(name), known)
        };
        Self {
            sources: sources.iter().map(source).collect(),
            streams: streams.iter().map(stream).collect(),
        }
    }

    /// With what was last heard of a source; one that is not configured any more stays forgotten.
    #[must_use]
    pub fn with_source(&self, name: &str, up: bool, problem: Option<&str>) -> Self {
        let mut after = self.clone();
        for source in after.sources.iter_mut().filter(|source| *source.name == *name) {
            source.up = Some(up);
            source.problem = problem.map(str::to_owned);
        }
        after
    }

    /// With all that a round over a stream has led to, in place of what was known of the stream. A stream that is not
    /// configured any more stays forgotten.
    #[must_use]
    pub fn with_judgements(&self, stream: &Arc<str>, judgements: &BTreeMap<Subject, Judgement>) -> Self {
        let mut after = self.clone();
        if let Some(known) = after.streams.get_mut(stream) {
            *known = Arc::new(Stream::of(known, judgements));
        }
        after
    }
}

/// Whether a series is named by a host, and not by a path, a number or "other".
fn is_host(name: &str) -> bool {
    let mut labels = name.trim_end_matches('.').split('.');
    let letters = |label: &str| label.chars().any(char::is_alphabetic);
    let plain = |label: &str| {
        !label.is_empty()
            && label
                .chars()
                .all(|char| char.is_alphanumeric() || matches!(char, '-' | '_'))
    };
    name.contains('.') && labels.clone().all(plain) && labels.next_back().is_some_and(letters)
}

impl Stream {
    fn of(before: &Self, judgements: &BTreeMap<Subject, Judgement>) -> Self {
        let mut after = Self::default();
        for (subject, judgement) in judgements {
            let series = Series::of(before.find(subject), subject, judgement);
            if let Some(finding) = &series.quiet {
                after.remember(subject, finding);
            }
            if let Some(name) = &subject.name {
                let places = after.of_endpoints.entry(name.clone()).or_default();
                places.push(after.series.len());
            }
            after.series.push(Arc::new(series));
        }
        after
    }

    fn of_endpoint(&self, name: &EndpointName) -> impl Iterator<Item = &Arc<Series>> {
        let places = self.of_endpoints.get(name).into_iter().flatten();
        places.filter_map(|place| self.series.get(*place))
    }

    fn find(&self, subject: &Subject) -> Option<&Series> {
        let place = self
            .series
            .binary_search_by(|series| series.subject.cmp(subject))
            .ok()?;
        self.series.get(place).map(AsRef::as_ref)
    }

    fn remember(&mut self, subject: &Subject, finding: &Finding) {
        if let Some(name) = &subject.name {
            self.quiet_endpoints
                .entry(name.clone())
                .or_insert_with(|| finding.clone());
        } else if let (None, Some(group)) = (&subject.series, &subject.group) {
            self.quiet_groups
                .entry(group.clone())
                .or_insert_with(|| finding.clone());
        }
    }
}

impl Series {
    fn of(before: Option<&Self>, subject: &Subject, judgement: &Judgement) -> Self {
        let standing = before.filter(|before| before.judgement.low == judgement.low);
        let quiet = judgement.low.map(|_| {
            let said = standing.and_then(|standing| standing.quiet.clone());
            said.unwrap_or_else(|| quiet(subject, judgement))
        });
        let mut course = before.map(|before| before.course.clone()).unwrap_or_default();
        if let Some(point) = Point::of(judgement) {
            // A bin that is judged anew, because a late count came in, takes the place of its first judgement.
            course.retain(|known| known.at < point.at);
            if course.len() >= COURSE {
                course.pop_front();
            }
            course.push_back(point);
        }
        Self {
            subject: subject.clone(),
            judgement: judgement.clone(),
            quiet,
            course,
        }
    }
}
