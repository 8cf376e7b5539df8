//! Of the http prober.

use std::time::Duration;

use super::{ProbeSeries, Sample, count, flag, maybe, one, tls_info};
use crate::metrics::blackbox::View;
use crate::metrics::collector::seconds;
use crate::outcome::{AddressSource, ConnectFailure, Failure, Hop, Rule, Timings};

pub(super) const SERIES: &[ProbeSeries] = &[
    ProbeSeries {
        name: "probe_failed_due_to_cel",
        labels: &[],
        help: "Whether a CEL expression on the body was broken; absent where the module has none.",
        samples: |view| {
            let mut violations = view.attempt.into_iter().flat_map(|attempt| &attempt.violations);
            let broken = violations.any(|broken| broken.rule == Rule::Cel);
            if view.outcome.judges_json {
                flag(broken)
            } else {
                Vec::new()
            }
        },
    },
    ProbeSeries {
        name: "probe_failed_due_to_regex",
        labels: &[],
        help: "Whether a rule on the body or on a header was broken.",
        samples: |view| {
            let violations = view.attempt.into_iter().flat_map(|attempt| &attempt.violations);
            flag(
                violations
                    .into_iter()
                    .any(|broken| matches!(broken.rule, Rule::Header | Rule::Body)),
            )
        },
    },
    ProbeSeries {
        name: "probe_http_content_length",
        labels: &[],
        help: "Length of the answer's content; -1 where it is not known.",
        samples: |view| {
            one(view
                .response
                .map_or(0.0, |response| response.content_length.map_or(-1.0, count)))
        },
    },
    ProbeSeries {
        name: "probe_http_duration_seconds",
        labels: &["phase"],
        help: "Time that each phase took, summed over all redirects.",
        samples: phases,
    },
    ProbeSeries {
        name: "probe_http_last_modified_timestamp_seconds",
        labels: &[],
        help: "The answer's Last-Modified.",
        samples: |view| {
            maybe(
                view.response
                    .and_then(|response| response.last_modified)
                    .map(seconds),
            )
        },
    },
    ProbeSeries {
        name: "probe_http_redirects",
        labels: &[],
        help: "Redirects met.",
        samples: |view| one(count(view.redirects() as u64)),
    },
    ProbeSeries {
        name: "probe_http_ssl",
        labels: &[],
        help: "Whether the last answer came over TLS.",
        samples: |view| flag(view.tls.is_some()),
    },
    ProbeSeries {
        name: "probe_http_status_code",
        labels: &[],
        help: "Status of the last answer; 0 without one.",
        samples: |view| one(f64::from(view.response.map_or(0, |response| response.status))),
    },
    ProbeSeries {
        name: "probe_http_uncompressed_body_length",
        labels: &[],
        help: "Length of the body after decompression.",
        samples: |view| one(count(view.response.map_or(0, |response| response.body_length))),
    },
    ProbeSeries {
        name: "probe_http_version",
        labels: &[],
        help: "HTTP version of the last answer; 0 without one.",
        samples: |view| one(view.response.map_or(0.0, |response| response.version)),
    },
    ProbeSeries {
        name: "probe_tls_cipher_info",
        labels: &["cipher"],
        help: "The TLS cipher suite.",
        samples: |view| tls_info(view, "cipher", |tls| tls.cipher),
    },
];

/// Without an address there was no request: then only the time of the look-up. A phase counts where it was completed.
fn phases(view: &View<'_>) -> Vec<Sample> {
    let later = view.hops().get(1..).unwrap_or_default().iter();
    let resolve = view.outcome.resolution.elapsed + later.map(|hop| hop.timings.dns).sum::<Duration>();
    let sample =
        |phase: &str, spent: Duration| (vec![("phase".into(), phase.to_owned())], spent.as_secs_f64());
    if view.attempt.is_none() {
        return vec![sample("resolve", resolve)];
    }
    let connected = |hop: &Hop| match &hop.failure {
        None | Some(Failure::Http(_) | Failure::Exchange(_)) => true,
        // Without TLS there was a connection before there was a reset.
        Some(Failure::Connect(ConnectFailure::Reset)) => hop.tls.is_none() && hop.url.starts_with("http:"),
        Some(_) => false,
    };
    let sum = |reached: &dyn Fn(&Hop) -> bool, of: fn(&Timings) -> Duration| -> Duration {
        let hops = view.hops().iter().filter(|hop| reached(hop));
        hops.map(|hop| of(&hop.timings)).sum()
    };
    let mut phases = vec![
        sample("connect", sum(&connected, |timings| timings.connect)),
        sample(
            "processing",
            sum(&|hop| hop.response.is_some(), |timings| timings.processing),
        ),
        sample("resolve", resolve),
        sample("tls", sum(&connected, |timings| timings.tls)),
        // Of the judged answer alone: what a redirect brings along is not waited for.
        sample(
            "transfer",
            view.response
                .and_then(|_| view.hops().last())
                .map_or(Duration::ZERO, |hop| hop.timings.transfer),
        ),
    ];
    let left = view.outcome.resolution.source == AddressSource::Elsewhere;
    if left && view.hops().len() <= 1 {
        phases.retain(|(labels, _)| labels[0].1 != "resolve");
    }
    phases
}
