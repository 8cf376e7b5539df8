//! The families of `/probe`, by name.

use std::net::IpAddr;
use std::time::Duration;

use super::{View, success};
use crate::metrics::collector::seconds;
use crate::metrics::labels::bounded;
use crate::outcome::{ChainFacts, ConnectFailure, Failure, Hop, Rule, Timings, TlsFacts};

/// What blackbox_exporter exports for a chain that nobody verified: the zero time of its language, as a timestamp.
const NO_VERIFIED_CHAIN: f64 = -62_135_596_800.0;

/// A family of `/probe`: a gauge like all of them.
#[derive(Debug)]
pub(in crate::metrics) struct ProbeSeries {
    pub(in crate::metrics) name: &'static str,
    pub(in crate::metrics) labels: &'static [&'static str],
    pub(in crate::metrics) help: &'static str,
    pub(super) samples: fn(&View<'_>) -> Vec<Sample>,
}

/// A value with its labels.
pub(super) type Sample = (Vec<(&'static str, String)>, f64);

/// Every family of `/probe`, by name.
pub(in crate::metrics) const SERIES: &[ProbeSeries] = &[
    ProbeSeries {
        name: "linkwatch_probe_cause",
        labels: &["cause"],
        help: "1 for the cause that stands, by this one probe; absent where none does.",
        samples: |view| {
            let cause = view
                .cause
                .map(|cause| (vec![("cause", cause.as_str().to_owned())], 1.0));
            cause.into_iter().collect()
        },
    },
    ProbeSeries {
        name: "probe_dns_lookup_time_seconds",
        labels: &[],
        help: "Time until the addresses of the target were known.",
        samples: |view| one(view.outcome.resolution.elapsed.as_secs_f64()),
    },
    ProbeSeries {
        name: "probe_duration_seconds",
        labels: &[],
        help: "Time that the probe took.",
        samples: |view| one(view.outcome.elapsed.as_secs_f64()),
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
        name: "probe_ip_addr_hash",
        labels: &[],
        help: "Hash of the address that was probed (FNV-1a, 32 bit), to see it change.",
        samples: |view| one(view.address().map_or(0.0, |address| f64::from(hash(address)))),
    },
    ProbeSeries {
        name: "probe_ip_protocol",
        labels: &[],
        help: "Version of IP that was probed: 4 or 6; 0 without an address.",
        samples: |view| {
            one(view
                .address()
                .map_or(0.0, |address| if address.is_ipv4() { 4.0 } else { 6.0 }))
        },
    },
    ProbeSeries {
        name: "probe_ssl_earliest_cert_expiry",
        labels: &[],
        help: "When the first of the presented certificates ends.",
        samples: |view| {
            let ends = view.chain().and_then(|chain| {
                let certificates = chain.certificates.iter();
                certificates.map(|certificate| certificate.not_after).min()
            });
            maybe(ends.map(seconds))
        },
    },
    ProbeSeries {
        name: "probe_ssl_last_chain_expiry_timestamp_seconds",
        labels: &[],
        help: "When the verified chain ends; -62135596800 where none was verified.",
        samples: |view| {
            maybe(
                view.chain()
                    .map(|chain| chain.verified_until.map_or(NO_VERIFIED_CHAIN, seconds)),
            )
        },
    },
    ProbeSeries {
        name: "probe_ssl_last_chain_info",
        labels: &[
            "fingerprint_sha256",
            "subject",
            "issuer",
            "subjectalternative",
            "serialnumber",
        ],
        help: "What the server's certificate says of itself.",
        samples: leaf,
    },
    ProbeSeries {
        name: "probe_success",
        labels: &[],
        help: "Whether the probe succeeded.",
        samples: |view| flag(success(view.outcome)),
    },
    ProbeSeries {
        name: "probe_tls_cipher_info",
        labels: &["cipher"],
        help: "The TLS cipher suite.",
        samples: |view| tls_info(view, "cipher", |tls| tls.cipher),
    },
    ProbeSeries {
        name: "probe_tls_version_info",
        labels: &["version"],
        help: "The TLS version.",
        samples: |view| tls_info(view, "version", |tls| tls.version),
    },
];

/// What `docs/METRICS.md` says before the table.
pub(in crate::metrics) const PREFACE: &str = "
## Of `/probe`

The names and meanings of blackbox_exporter's http prober, all gauges, and the cause beside them.";

/// Without an address there was no request: then only the time of the look-up. A phase counts where it was completed.
fn phases(view: &View<'_>) -> Vec<Sample> {
    let later = view.hops().get(1..).unwrap_or_default().iter();
    let resolve = view.outcome.resolution.elapsed + later.map(|hop| hop.timings.dns).sum::<Duration>();
    let sample = |phase: &str, spent: Duration| (vec![("phase", phase.to_owned())], spent.as_secs_f64());
    if view.attempt.is_none() {
        return vec![sample("resolve", resolve)];
    }
    let connected = |hop: &Hop| match &hop.failure {
        None | Some(Failure::Http(_)) => true,
        // Without TLS there was a connection before there was a reset.
        Some(Failure::Connect(ConnectFailure::Reset)) => hop.tls.is_none() && hop.url.starts_with("http:"),
        Some(_) => false,
    };
    let sum = |reached: &dyn Fn(&Hop) -> bool, of: fn(&Timings) -> Duration| -> Duration {
        let hops = view.hops().iter().filter(|hop| reached(hop));
        hops.map(|hop| of(&hop.timings)).sum()
    };
    vec![
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
    ]
}

fn leaf(view: &View<'_>) -> Vec<Sample> {
    let Some(leaf) = view.chain().and_then(ChainFacts::leaf) else {
        return Vec::new();
    };
    let names: Vec<_> = leaf
        .names
        .iter()
        .filter(|name| name.parse::<IpAddr>().is_err())
        .map(String::as_str)
        .collect();
    let labels = vec![
        ("fingerprint_sha256", leaf.fingerprint_sha256.clone()),
        ("subject", bounded(&leaf.subject).to_owned()),
        ("issuer", bounded(&leaf.issuer).to_owned()),
        ("subjectalternative", names.join(",")),
        ("serialnumber", bounded(&leaf.serial).to_owned()),
    ];
    vec![(labels, 1.0)]
}

/// What a handshake does not say is `unknown`.
fn tls_info(
    view: &View<'_>,
    label: &'static str,
    value: fn(&TlsFacts) -> Option<&'static str>,
) -> Vec<Sample> {
    let value = view.tls.map(|tls| value(tls).unwrap_or("unknown").to_owned());
    value
        .map(|value| (vec![(label, value)], 1.0))
        .into_iter()
        .collect()
}

/// FNV-1a over the bytes of the address (draft-eastlake-fnv).
fn hash(address: IpAddr) -> u32 {
    let fold = |bytes: &[u8]| {
        bytes.iter().fold(0x811c_9dc5_u32, |hash, byte| {
            (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
        })
    };
    match address {
        IpAddr::V4(address) => fold(&address.octets()),
        IpAddr::V6(address) => fold(&address.octets()),
    }
}

fn one(value: f64) -> Vec<Sample> {
    vec![(Vec::new(), value)]
}

fn maybe(value: Option<f64>) -> Vec<Sample> {
    value.map(one).unwrap_or_default()
}

fn flag(value: bool) -> Vec<Sample> {
    one(f64::from(u8::from(value)))
}

#[expect(clippy::cast_precision_loss, reason = "lengths and counts are far below 2^53")]
fn count(value: u64) -> f64 {
    value as f64
}
