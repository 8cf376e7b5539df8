//! Of the grpc prober.

use super::{ProbeSeries, Sample, flag, one};
use crate::metrics::blackbox::View;
use crate::outcome::{
    AnswerFacts, ConnectFailure, ExchangeFailure, Failure, GrpcFacts, ServingStatus, TlsFailure,
};

/// The status of a call that did not end in time.
const DEADLINE_EXCEEDED: f64 = 4.0;

/// The status of a call for which there was no server.
const UNAVAILABLE: f64 = 14.0;

pub(super) const SERIES: &[ProbeSeries] = &[
    ProbeSeries {
        name: "probe_grpc_duration_seconds",
        labels: &["phase"],
        help: "Time that each phase took.",
        samples: phases,
    },
    ProbeSeries {
        name: "probe_grpc_healthcheck_response",
        labels: &["serving_status"],
        help: "1 for what the service says of its health, 0 for all else; absent where it was not asked.",
        samples: health,
    },
    ProbeSeries {
        name: "probe_grpc_ssl",
        labels: &[],
        help: "Whether the answer came over TLS.",
        samples: |view| flag(view.tls.is_some()),
    },
    ProbeSeries {
        name: "probe_grpc_status_code",
        labels: &[],
        help: "Status of the call, as clients of gRPC have it: 0 is OK.",
        samples: |view| one(status(view)),
    },
];

fn phases(view: &View<'_>) -> Vec<Sample> {
    let sample = |phase: &str, seconds: f64| (vec![("phase".into(), phase.to_owned())], seconds);
    let check = view.last().map(|hop| {
        let timings = hop.timings;
        let check = timings.connect + timings.tls + timings.processing + timings.transfer;
        sample("check", check.as_secs_f64())
    });
    let resolve = sample("resolve", view.outcome.resolution.elapsed.as_secs_f64());
    check.into_iter().chain([resolve]).collect()
}

fn health(view: &View<'_>) -> Vec<Sample> {
    if view.attempt.is_none() {
        return Vec::new();
    }
    let serving = facts(view).and_then(|facts| facts.serving);
    let sample = |status: ServingStatus| {
        let labels = vec![("serving_status".into(), status.as_str().to_owned())];
        (labels, f64::from(u8::from(serving == Some(status))))
    };
    ServingStatus::ALL.map(sample).to_vec()
}

/// What the server says, else what a client makes of its silence.
fn status(view: &View<'_>) -> f64 {
    if let Some(facts) = facts(view) {
        return f64::from(facts.status);
    }
    match view.last().map(|hop| &hop.failure) {
        None => 0.0,
        Some(Some(
            Failure::Exchange(ExchangeFailure::Timeout)
            | Failure::Tls(TlsFailure::Timeout)
            | Failure::Connect(ConnectFailure::Timeout),
        )) => DEADLINE_EXCEEDED,
        Some(_) => UNAVAILABLE,
    }
}

fn facts<'a>(view: &View<'a>) -> Option<&'a GrpcFacts> {
    match view.last()?.answer.as_ref()? {
        AnswerFacts::Grpc(facts) => Some(facts),
        AnswerFacts::Dialogue(_) | AnswerFacts::Dns(_) | AnswerFacts::Echo(_) | AnswerFacts::WebSocket(_) => {
            None
        }
    }
}
