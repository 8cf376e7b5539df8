//! What becomes of a round over click traffic: state, and a log line for each change.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Recorder;
use crate::metrics::labels::bounded;
use crate::state::traffic::Traffic;
use crate::text;
use crate::traffic::{Judgement, Report, Subject, Tier};

impl Recorder {
    /// Makes known what a round over a stream has led to. What the report does not name is gone.
    pub fn record_traffic(&self, report: Report) {
        let stream = Arc::clone(&report.stream);
        let judgements = distinct(report);
        let before = self
            .state
            .change_traffic(|traffic| traffic.with_judgements(&stream, &judgements));
        if !before.has_stream(&stream) {
            return;
        }
        for (subject, judgement) in &judgements {
            let known = before.find(subject).map(|series| &series.judgement);
            if let Some(change) = Change::between(known, judgement) {
                change.log(subject, judgement);
            }
        }
    }

    /// Makes known whether a source answers, and what is wrong with it.
    pub fn traffic_source(&self, name: &str, up: bool, problem: Option<String>) {
        let problem = problem.map(|problem| text::bounded(&problem));
        let before = self
            .state
            .change_traffic(|traffic| traffic.with_source(name, up, problem.as_deref()));
        let Some(source) = before.sources.iter().find(|source| *source.name == *name) else {
            return;
        };
        match (source.up, up) {
            (Some(true) | None, false) => {
                tracing::error!(source = name, problem, "the source of traffic does not answer");
            }
            (Some(false), true) => tracing::info!(source = name, "the source of traffic answers again"),
            (Some(true) | None, true) | (Some(false), false) => {}
        }
    }

    /// A configuration names these sources and streams: what is known of others is forgotten.
    pub fn traffic_replaced(&self, sources: &[Arc<str>], streams: &[Arc<str>]) {
        self.state
            .change_traffic(|traffic: &Traffic| traffic.succeed(sources, streams));
    }
}

/// What a report says, one judgement for each subject. Names of series come from the network: they are cut to what a
/// label takes, and of two that are alike then the first stays.
fn distinct(report: Report) -> BTreeMap<Subject, Judgement> {
    let mut distinct = BTreeMap::new();
    for (mut subject, judgement) in report.judgements {
        let short = subject.series.as_deref().map(bounded);
        if short.map(str::len) != subject.series.as_deref().map(str::len) {
            subject.series = short.map(Arc::from);
        }
        subject.stream = Arc::clone(&report.stream);
        distinct.entry(subject).or_insert(judgement);
    }
    distinct
}

/// What is different of one subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Raised(Tier),
    Cleared,
    LevelAccepted,
}

impl Change {
    fn between(before: Option<&Judgement>, after: &Judgement) -> Option<Self> {
        let low = before.and_then(|before| before.low);
        let shifted = before.is_some_and(|before| before.level_shift != after.level_shift);
        match after.low {
            Some(tier) if low != Some(tier) => Some(Self::Raised(tier)),
            None if shifted && after.level_shift.is_some() => Some(Self::LevelAccepted),
            None if low.is_some() => Some(Self::Cleared),
            Some(_) | None => None,
        }
    }

    fn log(self, subject: &Subject, judgement: &Judgement) {
        let stream = &*subject.stream;
        let series = subject.series.as_deref();
        let group = subject.group.as_ref().map(tracing::field::display);
        let endpoint = subject.name.as_ref().map(tracing::field::display);
        let (observed, expected) = (judgement.observed, judgement.expected);
        let since = judgement.since.map(tracing::field::display);
        match self {
            Self::Raised(tier) => {
                tracing::warn!(
                    stream, series, group, endpoint, %tier, observed, expected, since,
                    "traffic is low, in clicks per minute"
                );
            }
            Self::Cleared => {
                tracing::info!(
                    stream,
                    series,
                    group,
                    endpoint,
                    observed,
                    expected,
                    "traffic is back, in clicks per minute"
                );
            }
            Self::LevelAccepted => {
                tracing::info!(
                    stream,
                    series,
                    group,
                    endpoint,
                    observed,
                    expected,
                    "the new level of traffic is accepted, in clicks per minute"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judgement(low: Option<Tier>, level_shift: Option<i64>) -> Judgement {
        Judgement {
            low,
            level_shift: level_shift.and_then(|second| jiff::Timestamp::from_second(second).ok()),
            ..Judgement::NOTHING
        }
    }

    #[test]
    fn a_change_is_told_once_and_what_stays_is_not() {
        let nothing = judgement(None, None);
        let partial = judgement(Some(Tier::Partial), None);
        let outage = judgement(Some(Tier::Outage), None);
        let accepted = judgement(None, Some(7));
        let raised = |tier| Some(Change::Raised(tier));
        for (before, after, change) in [
            (None, &nothing, None),
            (None, &outage, raised(Tier::Outage)),
            (None, &accepted, None),
            (Some(&nothing), &partial, raised(Tier::Partial)),
            (Some(&partial), &partial, None),
            (Some(&partial), &outage, raised(Tier::Outage)),
            (Some(&outage), &nothing, Some(Change::Cleared)),
            (Some(&outage), &accepted, Some(Change::LevelAccepted)),
            (Some(&accepted), &accepted, None),
        ] {
            assert_eq!(Change::between(before, after), change, "{before:?} to {after:?}");
        }
    }
}
