//! Of the websocket prober.

use std::time::Duration;

use super::{ProbeSeries, Sample, flag, one};
use crate::metrics::blackbox::View;
use crate::outcome::{AnswerFacts, ConnectFailure, Failure, Hop, WebSocketFacts};

pub(super) const SERIES: &[ProbeSeries] = &[
    ProbeSeries {
        name: "probe_websocket_connection_upgraded",
        labels: &[],
        help: "Whether the connection was upgraded.",
        samples: |view| flag(facts(view).is_some_and(|facts| facts.upgraded)),
    },
    ProbeSeries {
        name: "probe_websocket_duration_seconds",
        labels: &["phase"],
        help: "Time that each phase took.",
        samples: phases,
    },
    ProbeSeries {
        name: "probe_websocket_failed_due_to_regex",
        labels: &[],
        help: "Whether the dialogue over the upgraded connection did not go as the module expects.",
        samples: |view| {
            let upgraded = facts(view).is_some_and(|facts| facts.upgraded);
            let failed = view
                .attempt
                .is_some_and(|attempt| attempt.failure().is_some() || !attempt.violations.is_empty());
            flag(upgraded && failed)
        },
    },
    ProbeSeries {
        name: "probe_websocket_status_code",
        labels: &[],
        help: "Status of the answer to the request for an upgrade; 0 without one.",
        samples: |view| one(facts(view).map_or(0.0, |facts| f64::from(facts.status))),
    },
];

/// A phase that was not reached is absent.
fn phases(view: &View<'_>) -> Vec<Sample> {
    let Some(hop) = view.last() else { return Vec::new() };
    let sample =
        |phase: &str, spent: Duration| (vec![("phase".into(), phase.to_owned())], spent.as_secs_f64());
    let timings = hop.timings;
    let connected = connected(hop).then(|| sample("connect", timings.connect));
    let transfer = (!timings.transfer.is_zero()).then(|| sample("transfer", timings.transfer));
    let processing = sample("processing", timings.tls + timings.processing);
    let resolve = sample("resolve", view.outcome.resolution.elapsed);
    let phases = [connected, Some(processing), Some(resolve), transfer];
    phases.into_iter().flatten().collect()
}

/// Whether there was a connection, whatever became of it.
fn connected(hop: &Hop) -> bool {
    match &hop.failure {
        Some(Failure::Connect(failure)) => *failure == ConnectFailure::Reset,
        Some(_) | None => true,
    }
}

fn facts<'a>(view: &View<'a>) -> Option<&'a WebSocketFacts> {
    match view.last()?.answer.as_ref()? {
        AnswerFacts::WebSocket(facts) => Some(facts),
        AnswerFacts::Dialogue(_) | AnswerFacts::Dns(_) | AnswerFacts::Echo(_) | AnswerFacts::Grpc(_) => None,
    }
}
