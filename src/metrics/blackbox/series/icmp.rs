//! Of the `icmp` prober.

use std::time::Duration;

use super::{ProbeSeries, Sample, maybe};
use crate::metrics::blackbox::View;
use crate::outcome::{AnswerFacts, EchoFacts};

pub(super) const SERIES: &[ProbeSeries] = &[
    ProbeSeries {
        name: "probe_icmp_duration_seconds",
        labels: &["phase"],
        help: "Time that each phase took; `rtt` is 0 without a reply.",
        samples: phases,
    },
    ProbeSeries {
        name: "probe_icmp_reply_hop_limit",
        labels: &[],
        help: "Hop limit (time to live) that the reply arrived with; absent where the kernel does not tell it.",
        samples: |view| maybe(facts(view).and_then(|facts| facts.hop_limit).map(f64::from)),
    },
];

fn facts<'a>(view: &View<'a>) -> Option<&'a EchoFacts> {
    match view.last()?.answer.as_ref()? {
        AnswerFacts::Echo(facts) => Some(facts),
        AnswerFacts::Dialogue(_) | AnswerFacts::Dns(_) | AnswerFacts::Grpc(_) | AnswerFacts::WebSocket(_) => {
            None
        }
    }
}

fn phases(view: &View<'_>) -> Vec<Sample> {
    let timings = view.last().map(|hop| hop.timings).unwrap_or_default();
    // Where nothing was sent, the socket was never ready.
    let unready = view.last().is_some_and(|hop| hop.failure.is_some()) && timings.processing.is_zero();
    let setup = if unready { Duration::ZERO } else { timings.connect };
    let trip = facts(view).map_or(Duration::ZERO, |_| timings.processing);
    let sample =
        |phase: &str, spent: Duration| (vec![("phase".into(), phase.to_owned())], spent.as_secs_f64());
    vec![
        sample("resolve", view.outcome.resolution.elapsed),
        sample("rtt", trip),
        sample("setup", setup),
    ]
}
