//! What hosting platforms say: of themselves, and of each endpoint.

use std::fmt;

use super::catalog::Kind::{Counter, Gauge};
use super::catalog::{Family, Series, Unit};
use super::collector::{Out, SeenEndpoint, Snapshot, seconds};
use crate::diagnosis::TargetState;
use crate::outlook::platform::{CertificateState, Domain};
use crate::state::platforms::Platform;

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "linkwatch_platform_target_match",
        kind: Gauge,
        unit: None,
        labels: &[],
        help: "Whether DNS leads where the platform expects it to; absent while that cannot be told.",
        series: Series::Endpoint(target_match),
    },
    Family {
        name: "linkwatch_platform_certificate_ok",
        kind: Gauge,
        unit: None,
        labels: &[],
        help: "Whether the platform says that the certificate is issued and in place; absent where it says nothing of it.",
        series: Series::Endpoint(|seen, out| match domain(seen).map(|domain| domain.certificate) {
            Some(CertificateState::Issued) => out.flag(true),
            Some(CertificateState::Pending | CertificateState::Failing) => out.flag(false),
            Some(CertificateState::Unknown) | None => Ok(()),
        }),
    },
    Family {
        name: "linkwatch_platform_status_info",
        kind: Gauge,
        unit: None,
        labels: &["status"],
        help: "The platform's own word for how the domain stands; unknown where it is longer than 64 characters.",
        series: Series::Endpoint(|seen, out| match domain(seen) {
            Some(domain) if !domain.status.is_empty() => out.gauge_with(&[("status", &domain.status)], 1_u64),
            Some(_) | None => Ok(()),
        }),
    },
    Family {
        name: "linkwatch_platform_up",
        kind: Gauge,
        unit: None,
        labels: &["platform"],
        help: "Whether the platform told what it expects when it was last asked; its last word stays while it does not.",
        series: Series::Own(|snapshot, out| {
            each(snapshot, out, |platform| {
                platform.up.map(|up| f64::from(u8::from(up)))
            })
        }),
    },
    Family {
        name: "linkwatch_platform_observed_timestamp_seconds",
        kind: Gauge,
        unit: Some(Unit::Seconds),
        labels: &["platform"],
        help: "When the platform last told what it expects.",
        series: Series::Own(|snapshot, out| {
            each(snapshot, out, |platform| {
                platform.known.as_ref().map(|known| seconds(known.observed))
            })
        }),
    },
    Family {
        name: "linkwatch_platform_unknown_statuses_total",
        kind: Counter,
        unit: None,
        labels: &["platform"],
        help: "Statuses of domains that this version of linkwatch does not know.",
        series: Series::Own(|snapshot, out| {
            snapshot.platforms.0.iter().try_for_each(|platform| {
                let labels = [("platform", platform.name.as_str())];
                out.counter_with(&labels, platform.unknown_statuses)
            })
        }),
    },
];

fn domain<'a>(seen: &SeenEndpoint<'a>) -> Option<&'a Domain> {
    let endpoint = &seen.slot.endpoint;
    let platform = seen.platforms.find(endpoint.platform()?)?;
    platform.known.as_ref()?.find(&endpoint.host)
}

fn target_match(seen: &SeenEndpoint<'_>, out: &mut Out<'_, '_>) -> fmt::Result {
    let told = seen.slot.endpoint.told.is_some();
    let verdict = seen.state.and_then(|state| state.verdict.as_ref());
    match verdict.and_then(|verdict| verdict.target).filter(|_| told) {
        Some(TargetState::Match) => out.flag(true),
        Some(TargetState::Drift | TargetState::Dangling) => out.flag(false),
        Some(TargetState::Unverifiable) | None => Ok(()),
    }
}

/// A gauge for each platform of which the value is known.
fn each(snapshot: &Snapshot, out: &mut Out<'_, '_>, value: impl Fn(&Platform) -> Option<f64>) -> fmt::Result {
    let known = snapshot
        .platforms
        .0
        .iter()
        .filter_map(|platform| Some((platform, value(platform)?)));
    for (platform, value) in known {
        out.gauge_with(&[("platform", platform.name.as_str())], value)?;
    }
    Ok(())
}
