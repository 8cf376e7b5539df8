//! Of every prober that speaks TLS, beside blackbox_exporter's: what was presented, whether or not it was accepted.

use std::borrow::Cow;

use super::{ProbeSeries, Sample, flag, maybe};
use crate::metrics::blackbox::View;
use crate::metrics::certificate::POSITIONS;
use crate::metrics::collector::seconds;
use crate::metrics::labels::bounded;
use crate::outcome::{CertificateFacts, ChainFacts};

pub(super) const SERIES: &[ProbeSeries] = &[
    ProbeSeries {
        name: "linkwatch_probe_certificate_info",
        labels: &["position", "issuer", "subject", "serial", "fingerprint_sha256"],
        help: "What the presented certificates say of themselves, acceptable or not; position 0 is the leaf, at most four.",
        samples: |view| each(view, info),
    },
    ProbeSeries {
        name: "linkwatch_probe_certificate_lifetime_left_ratio",
        labels: &[],
        help: "Share of its lifetime that the certificate that ends first has left; negative once it has ended.",
        samples: |view| {
            maybe(
                view.presented()
                    .and_then(|chain| left(chain, seconds(view.outcome.started))),
            )
        },
    },
    ProbeSeries {
        name: "linkwatch_probe_certificate_not_after_timestamp_seconds",
        labels: &["position"],
        help: "Last instant of validity of the presented certificates, acceptable or not.",
        samples: |view| each(view, |facts| (Vec::new(), seconds(facts.not_after))),
    },
    ProbeSeries {
        name: "linkwatch_probe_certificate_not_before_timestamp_seconds",
        labels: &["position"],
        help: "First instant of validity of the presented certificates, acceptable or not.",
        samples: |view| each(view, |facts| (Vec::new(), seconds(facts.not_before))),
    },
    ProbeSeries {
        name: "linkwatch_probe_certificate_trusted",
        labels: &[],
        help: "Whether a browser would accept the presented chain; absent where none was presented.",
        samples: |view| {
            view.presented()
                .map(|chain| flag(chain.trusted()))
                .unwrap_or_default()
        },
    },
];

fn each(view: &View<'_>, sample: fn(&CertificateFacts) -> Sample) -> Vec<Sample> {
    let certificates = view.presented().into_iter().flat_map(|chain| &chain.certificates);
    let numbered = POSITIONS.into_iter().zip(certificates);
    let samples = numbered.map(|(position, facts)| {
        let (mut labels, value) = sample(facts);
        labels.insert(0, ("position".into(), position.to_owned()));
        (labels, value)
    });
    samples.collect()
}

fn info(facts: &CertificateFacts) -> Sample {
    let label = |name: &'static str, value: &str| (Cow::Borrowed(name), bounded(value).to_owned());
    let labels = vec![
        label("issuer", &facts.issuer),
        label("subject", &facts.subject),
        label("serial", &facts.serial),
        label("fingerprint_sha256", &facts.fingerprint_sha256),
    ];
    (labels, 1.0)
}

/// `None` of a certificate that ends before it begins.
fn left(chain: &ChainFacts, now: f64) -> Option<f64> {
    let facts = chain.certificates.iter().min_by_key(|facts| facts.not_after)?;
    let (begin, end) = (seconds(facts.not_before), seconds(facts.not_after));
    (end > begin).then(|| (end - now) / (end - begin))
}
