//! Of the `dns` prober.

use std::time::Duration;

use super::{ProbeSeries, Sample, count, flag, maybe, one};
use crate::metrics::blackbox::View;
use crate::outcome::{AnswerFacts, DnsFacts};

pub(super) const SERIES: &[ProbeSeries] = &[
    ProbeSeries {
        name: "probe_dns_additional_rrs",
        labels: &[],
        help: "Records in the additional section; 0 without an answer.",
        samples: |view| one(counted(view, |facts| facts.additionals)),
    },
    ProbeSeries {
        name: "probe_dns_answer_rrs",
        labels: &[],
        help: "Records in the answer section; 0 without an answer.",
        samples: |view| one(counted(view, |facts| facts.answers)),
    },
    ProbeSeries {
        name: "probe_dns_authority_rrs",
        labels: &[],
        help: "Records in the authority section; 0 without an answer.",
        samples: |view| one(counted(view, |facts| facts.authorities)),
    },
    ProbeSeries {
        name: "probe_dns_duration_seconds",
        labels: &["phase"],
        help: "Time that each phase took; TLS is part of `connect`.",
        samples: phases,
    },
    ProbeSeries {
        name: "probe_dns_query_succeeded",
        labels: &[],
        help: "Whether an answer came, whatever it says.",
        samples: |view| flag(facts(view).is_some()),
    },
    ProbeSeries {
        name: "probe_dns_serial",
        labels: &[],
        help: "Serial of the zone, where an SOA record was asked for; 0 where none came.",
        samples: |view| maybe(facts(view).and_then(|facts| facts.serial).map(f64::from)),
    },
];

fn facts<'a>(view: &View<'a>) -> Option<&'a DnsFacts> {
    match view.last()?.answer.as_ref()? {
        AnswerFacts::Dns(facts) => Some(facts),
        AnswerFacts::Dialogue(_)
        | AnswerFacts::Echo(_)
        | AnswerFacts::Grpc(_)
        | AnswerFacts::WebSocket(_) => None,
    }
}

fn counted(view: &View<'_>, of: fn(&DnsFacts) -> usize) -> f64 {
    facts(view).map_or(0.0, |facts| count(of(facts) as u64))
}

fn phases(view: &View<'_>) -> Vec<Sample> {
    let timings = view.last().map(|hop| hop.timings).unwrap_or_default();
    let sample =
        |phase: &str, spent: Duration| (vec![("phase".into(), phase.to_owned())], spent.as_secs_f64());
    vec![
        sample("connect", timings.connect + timings.tls),
        sample("request", timings.processing),
        sample("resolve", view.outcome.resolution.elapsed),
    ]
}
