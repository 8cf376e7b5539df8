//! Of the probers that hold a dialogue.

use super::{ProbeSeries, Sample, flag};
use crate::metrics::blackbox::View;
use crate::outcome::{AnswerFacts, Awaited, DialogueFacts, ExchangeFailure, Failure};

pub(super) const SERIES: &[ProbeSeries] = &[
    ProbeSeries {
        name: "probe_expect_info",
        labels: &["(those of the module)"],
        help: "What a matched expectation captured, under the labels that the module names.",
        samples: |view| {
            let labels = facts(view).into_iter().flat_map(|facts| &facts.labels);
            let owned = |labels: &Vec<(String, String)>| {
                let labels = labels.iter().cloned();
                (labels.map(|(name, value)| (name.into(), value)).collect(), 1.0)
            };
            labels.map(owned).collect()
        },
    },
    ProbeSeries {
        name: "probe_failed_due_to_bytes",
        labels: &[],
        help: "Whether other bytes came than the module expects.",
        samples: |view| failed_waiting_for(view, Awaited::Bytes),
    },
    ProbeSeries {
        name: "probe_failed_due_to_regex",
        labels: &[],
        help: "Whether a rule on the answer was broken.",
        samples: |view| failed_waiting_for(view, Awaited::Line),
    },
];

fn facts<'a>(view: &View<'a>) -> Option<&'a DialogueFacts> {
    match view.last()?.answer.as_ref()? {
        AnswerFacts::Dialogue(facts) => Some(facts),
        AnswerFacts::Dns(_) | AnswerFacts::Echo(_) | AnswerFacts::Grpc(_) | AnswerFacts::WebSocket(_) => None,
    }
}

/// Whether what was waited for last did not come: another answer did, or, where a line was waited for, the end; bytes
/// that do not come at all are no other bytes. Absent where there was no dialogue.
fn failed_waiting_for(view: &View<'_>, awaited: Awaited) -> Vec<Sample> {
    let Some(facts) = facts(view) else {
        return Vec::new();
    };
    let broken = view.attempt.is_some_and(|attempt| !attempt.violations.is_empty());
    let closed = Failure::Exchange(ExchangeFailure::Closed);
    let ended = awaited == Awaited::Line
        && view
            .last()
            .is_some_and(|hop| hop.failure.as_ref() == Some(&closed));
    flag((broken || ended) && facts.awaited == Some(awaited))
}
