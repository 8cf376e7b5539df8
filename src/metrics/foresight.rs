//! What is foreseen: renewal, issuer, registration.

use super::catalog::Kind::Gauge;
use super::catalog::{Family, Series, Unit};
use super::collector::{SeenEndpoint, seconds};
use crate::outlook::caa::Caa;
use crate::outlook::renewal::Window;

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "linkwatch_certificate_renewal_window_start_timestamp_seconds",
        kind: Gauge,
        unit: Some(Unit::Seconds),
        labels: &[],
        help: "From when on the authority wants the served certificate to be renewed (ARI).",
        series: Series::Endpoint(|seen, out| match window(seen) {
            Some(window) => out.gauge(seconds(window.start)),
            None => Ok(()),
        }),
    },
    Family {
        name: "linkwatch_certificate_renewal_window_end_timestamp_seconds",
        kind: Gauge,
        unit: Some(Unit::Seconds),
        labels: &[],
        help: "By when the authority wants the served certificate to be renewed: past means that renewal is broken.",
        series: Series::Endpoint(|seen, out| match window(seen) {
            Some(window) => out.gauge(seconds(window.end)),
            None => Ok(()),
        }),
    },
    Family {
        name: "linkwatch_caa_permits_issuer",
        kind: Gauge,
        unit: None,
        labels: &[],
        help: "Whether CAA records let the issuer of the served certificate renew it; absent while that cannot be told.",
        series: Series::Endpoint(|seen, out| match seen.slot.outlook().caa {
            Some(Caa::Permits) => out.flag(true),
            Some(Caa::Forbids(_)) => out.flag(false),
            Some(Caa::Unknown(_)) | None => Ok(()),
        }),
    },
    Family {
        name: "linkwatch_certificate_authority_up",
        kind: Gauge,
        unit: None,
        labels: &["authority"],
        help: "Whether the authority's ACME directory answers and gives a nonce; two failures in a row are down.",
        series: Series::Own(|snapshot, out| {
            let foresight = snapshot.state.foresight();
            let known = foresight.authorities.iter();
            known
                .filter_map(|authority| Some((authority.name.as_str(), authority.up?)))
                .try_for_each(|(name, up)| out.gauge_with(&[("authority", name)], u64::from(up)))
        }),
    },
    Family {
        name: "linkwatch_registration_expiry_timestamp_seconds",
        kind: Gauge,
        unit: Some(Unit::Seconds),
        labels: &["domain"],
        help: "When the registration of the domain ends, as its registry last said.",
        series: Series::Own(|snapshot, out| {
            let foresight = snapshot.state.foresight();
            let known = foresight.registrations.values();
            known
                .filter(|registration| registration.is_fresh(snapshot.now))
                .filter_map(|registration| Some((registration.domain.as_str(), registration.expiry?)))
                .try_for_each(|(domain, expiry)| out.gauge_with(&[("domain", domain)], seconds(expiry)))
        }),
    },
    Family {
        name: "linkwatch_upstream_status_info",
        kind: Gauge,
        unit: None,
        labels: &["source", "indicator", "headline"],
        help: "What a status page last said of its service, in one of five words and a headline: context, never a cause.",
        series: Series::Own(|snapshot, out| {
            let foresight = snapshot.state.foresight();
            let said = foresight.feeds.iter().filter(|feed| feed.last_success.is_some());
            said.into_iter().try_for_each(|feed| {
                let labels = [
                    ("source", feed.name.as_str()),
                    ("indicator", feed.report.indicator.as_str()),
                    ("headline", feed.report.headline.as_str()),
                ];
                out.gauge_with(&labels, 1_u64)
            })
        }),
    },
    Family {
        name: "linkwatch_upstream_observed_timestamp_seconds",
        kind: Gauge,
        unit: Some(Unit::Seconds),
        labels: &["source"],
        help: "When the status page could last be read.",
        series: Series::Own(|snapshot, out| {
            let foresight = snapshot.state.foresight();
            let said = foresight.feeds.iter();
            said.filter_map(|feed| Some((feed.name.as_str(), feed.last_success?)))
                .try_for_each(|(name, at)| out.gauge_with(&[("source", name)], seconds(at)))
        }),
    },
];

/// The window of the certificate that is served, not of one before it.
fn window(seen: &SeenEndpoint<'_>) -> Option<Window> {
    let leaf = seen.state?.chain.as_ref()?.leaf()?;
    let window = seen.slot.outlook().window.clone()?;
    (leaf.renewal_id.as_deref() == Some(&window.certificate)).then_some(window)
}
