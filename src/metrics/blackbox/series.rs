//! The families of `/probe`, by prober.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use super::{View, success};
use crate::endpoint::ProberName;
use crate::outcome::TlsFacts;

mod address;
mod certificate;
mod dialogue;
mod dns;
mod grpc;
mod http;
mod icmp;
mod revocation;
mod tls;
mod websocket;

/// A family of `/probe`: a gauge like all of them.
#[derive(Debug)]
pub(in crate::metrics) struct ProbeSeries {
    pub(in crate::metrics) name: &'static str,
    pub(in crate::metrics) labels: &'static [&'static str],
    pub(in crate::metrics) help: &'static str,
    pub(super) samples: fn(&View<'_>) -> Vec<Sample>,
}

/// A value with its labels.
pub(super) type Sample = (Vec<(Cow<'static, str>, String)>, f64);

/// Every family that a prober may export, by name.
pub(in crate::metrics) fn of(prober: ProberName) -> impl Iterator<Item = &'static ProbeSeries> {
    static SORTED: LazyLock<HashMap<ProberName, Vec<&'static ProbeSeries>>> = LazyLock::new(|| {
        let sorted = |prober: &ProberName| {
            let mut series: Vec<_> = tables(*prober).iter().copied().flatten().collect();
            series.sort_by_key(|series| series.name);
            (*prober, series)
        };
        ProberName::ALL.iter().map(sorted).collect()
    });
    SORTED.get(&prober).into_iter().flatten().copied()
}

const fn tables(prober: ProberName) -> &'static [&'static [ProbeSeries]] {
    match prober {
        ProberName::Http => &[
            COMMON,
            address::SERIES,
            tls::SERIES,
            tls::CHAIN,
            certificate::SERIES,
            revocation::SERIES,
            http::SERIES,
        ],
        ProberName::Tcp => &[
            COMMON,
            address::SERIES,
            tls::SERIES,
            tls::CHAIN,
            certificate::SERIES,
            dialogue::SERIES,
        ],
        ProberName::Unix => &[
            COMMON,
            tls::SERIES,
            tls::CHAIN,
            certificate::SERIES,
            dialogue::SERIES,
        ],
        ProberName::Grpc => &[
            COMMON,
            address::SERIES,
            tls::SERIES,
            certificate::SERIES,
            grpc::SERIES,
        ],
        ProberName::WebSocket => &[COMMON, address::SERIES, certificate::SERIES, websocket::SERIES],
        ProberName::Dns => &[COMMON, address::SERIES, certificate::SERIES, dns::SERIES],
        ProberName::Icmp => &[COMMON, address::SERIES, icmp::SERIES],
    }
}

/// Of every prober.
const COMMON: &[ProbeSeries] = &[
    ProbeSeries {
        name: "linkwatch_probe_cause",
        labels: &["cause"],
        help: "1 for the cause that stands, by this one probe; absent where none does. Beside those of CAUSES.md: target_forbidden, target_invalid, vantage_unable.",
        samples: |view| {
            let cause = view
                .cause
                .map(|cause| (vec![("cause".into(), cause.as_str().to_owned())], 1.0));
            cause.into_iter().collect()
        },
    },
    ProbeSeries {
        name: "probe_duration_seconds",
        labels: &[],
        help: "Time that the probe took.",
        samples: |view| one(view.outcome.elapsed.as_secs_f64()),
    },
    ProbeSeries {
        name: "probe_success",
        labels: &[],
        help: "Whether the probe succeeded.",
        samples: |view| flag(success(view.outcome)),
    },
];

/// What `docs/METRICS.md` says before the table.
pub(in crate::metrics) const PREFACE: &str = "
## Of `/probe`

The names and meanings of blackbox_exporter, all gauges, and the cause beside them.";

/// What a handshake does not say is `unknown`.
pub(super) fn tls_info(
    view: &View<'_>,
    label: &'static str,
    value: fn(&TlsFacts) -> Option<&'static str>,
) -> Vec<Sample> {
    let value = view.tls.map(|tls| value(tls).unwrap_or("unknown").to_owned());
    value
        .map(|value| (vec![(label.into(), value)], 1.0))
        .into_iter()
        .collect()
}

pub(super) fn one(value: f64) -> Vec<Sample> {
    vec![(Vec::new(), value)]
}

pub(super) fn maybe(value: Option<f64>) -> Vec<Sample> {
    value.map(one).unwrap_or_default()
}

pub(super) fn flag(value: bool) -> Vec<Sample> {
    one(f64::from(u8::from(value)))
}

#[expect(clippy::cast_precision_loss, reason = "lengths and counts are far below 2^53")]
pub(super) fn count(value: u64) -> f64 {
    value as f64
}
