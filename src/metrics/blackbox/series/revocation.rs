//! Of modules that ask for lists of revoked certificates, by the names that blackbox_exporter has for them after 0.28.

use super::tls::names_of;
use super::{ProbeSeries, Sample};
use crate::metrics::blackbox::View;
use crate::metrics::collector::seconds;
use crate::metrics::labels::bounded;
use crate::outcome::{CertificateFacts, ListFacts};

const LABELS: &[&str] = &[
    "fingerprint_sha256",
    "subject",
    "issuer",
    "subjectalternative",
    "serialnumber",
    "chain_pos",
    "crl_url",
];

pub(super) const SERIES: &[ProbeSeries] = &[
    ProbeSeries {
        name: "probe_ssl_crl_available",
        labels: LABELS,
        help: "Whether the list could be fetched and is signed by the certificate's issuer.",
        samples: |view| each(view, |list| Some(flag(list.available))),
    },
    ProbeSeries {
        name: "probe_ssl_crl_fetch_time_seconds",
        labels: &[],
        help: "Time until all lists were there: next to none where they were kept.",
        samples: |view| {
            let took = view.revocation().map(|facts| facts.took.as_secs_f64());
            super::maybe(took)
        },
    },
    ProbeSeries {
        name: "probe_ssl_crl_next_update_timestamp_seconds",
        labels: LABELS,
        help: "Until when the list is current.",
        samples: |view| each(view, |list| list.next_update.map(seconds)),
    },
    ProbeSeries {
        name: "probe_ssl_crl_revoked",
        labels: LABELS,
        help: "Whether the list revokes the certificate.",
        samples: |view| each(view, |list| list.available.then(|| flag(list.revoked))),
    },
    ProbeSeries {
        name: "probe_ssl_crl_stale",
        labels: LABELS,
        help: "Whether the list is no longer current.",
        samples: |view| each(view, |list| list.available.then(|| flag(list.stale))),
    },
];

fn flag(value: bool) -> f64 {
    f64::from(u8::from(value))
}

fn each(view: &View<'_>, value: fn(&ListFacts) -> Option<f64>) -> Vec<Sample> {
    let (Some(facts), Some(chain)) = (view.revocation(), view.presented()) else {
        return Vec::new();
    };
    let samples = facts.lists.iter().filter_map(|list| {
        let certificate = chain.certificates.get(list.position)?;
        Some((labels(certificate, list), value(list)?))
    });
    samples.collect()
}

fn labels(certificate: &CertificateFacts, list: &ListFacts) -> Vec<(std::borrow::Cow<'static, str>, String)> {
    let values = [
        certificate.fingerprint_sha256.clone(),
        bounded(&certificate.subject).to_owned(),
        bounded(&certificate.issuer).to_owned(),
        names_of(certificate),
        bounded(&certificate.serial).to_owned(),
        list.position.to_string(),
        bounded(&list.url).to_owned(),
    ];
    LABELS.iter().map(|name| (*name).into()).zip(values).collect()
}
