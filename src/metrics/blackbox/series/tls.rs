//! Of every prober that speaks TLS.

use std::net::IpAddr;

use super::{ProbeSeries, Sample, maybe, tls_info};
use crate::metrics::blackbox::View;
use crate::metrics::collector::seconds;
use crate::metrics::labels::bounded;
use crate::outcome::{CertificateFacts, ChainFacts};

/// What blackbox_exporter exports for a chain that nobody verified: the zero time of its language, as a timestamp.
const NO_VERIFIED_CHAIN: f64 = -62_135_596_800.0;

pub(super) const SERIES: &[ProbeSeries] = &[
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
        name: "probe_tls_version_info",
        labels: &["version"],
        help: "The TLS version.",
        samples: |view| tls_info(view, "version", |tls| tls.version),
    },
];

/// The DNS names of a certificate.
pub(super) fn names_of(certificate: &CertificateFacts) -> String {
    let names = certificate.names.iter();
    let names: Vec<_> = names
        .filter(|name| name.parse::<IpAddr>().is_err())
        .map(String::as_str)
        .collect();
    names.join(",")
}

fn leaf(view: &View<'_>) -> Vec<Sample> {
    let Some(leaf) = view.chain().and_then(ChainFacts::leaf) else {
        return Vec::new();
    };
    let labels = vec![
        ("fingerprint_sha256".into(), leaf.fingerprint_sha256.clone()),
        ("subject".into(), bounded(&leaf.subject).to_owned()),
        ("issuer".into(), bounded(&leaf.issuer).to_owned()),
        ("subjectalternative".into(), names_of(leaf)),
        ("serialnumber".into(), bounded(&leaf.serial).to_owned()),
    ];
    vec![(labels, 1.0)]
}
