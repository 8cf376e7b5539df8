//! What is known of each endpoint's certificates: the last chain seen, whether it is trusted or not.

use std::fmt;

use super::catalog::Family;
use super::catalog::Kind::Gauge;
use super::catalog::{Series, Unit};
use super::collector::{Out, SeenEndpoint, seconds};
use super::labels::bounded;
use crate::outcome::{CertificateFacts, ChainFacts};

/// How many certificates of a chain are exported: a chain is as long as its server wants.
const MOST_POSITIONS: usize = 4;

/// The positions by name.
pub(super) const POSITIONS: [&str; MOST_POSITIONS] = ["0", "1", "2", "3"];

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "linkwatch_certificate_not_after_timestamp_seconds",
        kind: Gauge,
        unit: Some(Unit::Seconds),
        labels: &["position"],
        help: "Last instant of validity; position 0 is the leaf, then the presented order, at most four.",
        series: Series::Endpoint(|seen, out| {
            positions(seen, |position, certificate| {
                out.gauge_with(&[("position", position)], seconds(certificate.not_after))
            })
        }),
    },
    Family {
        name: "linkwatch_certificate_not_before_timestamp_seconds",
        kind: Gauge,
        unit: Some(Unit::Seconds),
        labels: &["position"],
        help: "First instant of validity.",
        series: Series::Endpoint(|seen, out| {
            positions(seen, |position, certificate| {
                out.gauge_with(&[("position", position)], seconds(certificate.not_before))
            })
        }),
    },
    Family {
        name: "linkwatch_certificate_trusted",
        kind: Gauge,
        unit: None,
        labels: &[],
        help: "Whether a browser would accept the last chain seen.",
        series: Series::Endpoint(|seen, out| match chain(seen) {
            Some(chain) => out.flag(chain.trusted()),
            None => Ok(()),
        }),
    },
    Family {
        name: "linkwatch_certificate_info",
        kind: Gauge,
        unit: None,
        labels: &["position", "issuer", "subject", "serial", "fingerprint_sha256"],
        help: "What the presented certificates say of themselves.",
        series: Series::Endpoint(|seen, out| positions(seen, |position, facts| info(out, position, facts))),
    },
    Family {
        name: "linkwatch_certificate_observed_timestamp_seconds",
        kind: Gauge,
        unit: Some(Unit::Seconds),
        labels: &[],
        help: "When the chain was last seen; it stays while the endpoint is unreachable.",
        series: Series::Endpoint(
            |seen, out| match seen.state.and_then(|state| state.chain_observed) {
                Some(at) => out.gauge(seconds(at)),
                None => Ok(()),
            },
        ),
    },
    Family {
        name: "linkwatch_certificate_expiry_seconds",
        kind: Gauge,
        unit: Some(Unit::Seconds),
        labels: &[],
        help: "Time until the certificate that ends first does, as of this scrape; negative once it has.",
        series: Series::Endpoint(|seen, out| match first_to_end(seen) {
            Some(certificate) => out.gauge(seconds(certificate.not_after) - seconds(seen.now)),
            None => Ok(()),
        }),
    },
    Family {
        name: "linkwatch_certificate_lifetime_left_ratio",
        kind: Gauge,
        unit: Some(Unit::Ratio),
        labels: &[],
        help: "Share of its lifetime that the certificate that ends first has left, as of this scrape; negative once it has ended.",
        series: Series::Endpoint(
            |seen, out| match first_to_end(seen).and_then(|facts| left(facts, seen)) {
                Some(ratio) => out.gauge(ratio),
                None => Ok(()),
            },
        ),
    },
];

fn chain<'a>(seen: &SeenEndpoint<'a>) -> Option<&'a ChainFacts> {
    seen.state?.chain.as_deref()
}

fn positions(
    seen: &SeenEndpoint<'_>,
    mut write: impl FnMut(&'static str, &CertificateFacts) -> fmt::Result,
) -> fmt::Result {
    let certificates = chain(seen).into_iter().flat_map(|chain| &chain.certificates);
    POSITIONS
        .into_iter()
        .zip(certificates)
        .try_for_each(|(position, certificate)| write(position, certificate))
}

fn info(out: &mut Out<'_, '_>, position: &str, facts: &CertificateFacts) -> fmt::Result {
    let labels = [
        ("position", position),
        ("issuer", bounded(&facts.issuer)),
        ("subject", bounded(&facts.subject)),
        ("serial", bounded(&facts.serial)),
        ("fingerprint_sha256", bounded(&facts.fingerprint_sha256)),
    ];
    out.gauge_with(&labels, 1_u64)
}

fn first_to_end<'a>(seen: &SeenEndpoint<'a>) -> Option<&'a CertificateFacts> {
    chain(seen)?
        .certificates
        .iter()
        .min_by_key(|facts| facts.not_after)
}

/// `None` of a certificate that ends before it begins.
fn left(facts: &CertificateFacts, seen: &SeenEndpoint<'_>) -> Option<f64> {
    let lifetime = seconds(facts.not_after) - seconds(facts.not_before);
    (lifetime > 0.0).then(|| (seconds(facts.not_after) - seconds(seen.now)) / lifetime)
}
