//! What is known of each endpoint.

use std::fmt;

use super::catalog::Kind::{Counter, Gauge, Info};
use super::catalog::{Family, Series, Unit};
use super::collector::{Out, SeenEndpoint, seconds};
use super::labels::bounded;
use crate::cause::Cause;
use crate::diagnosis::{Finding, TargetState, Verdict};
use crate::outcome::Timings;
use crate::text::without_credentials;

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "linkwatch_endpoint_up",
        kind: Gauge,
        unit: None,
        labels: &[],
        help: "Whether the endpoint does its job: 1 up, 0 down and confirmed; absent until the first verdict.",
        series: Series::Endpoint(|seen, out| match seen.state.and_then(|state| state.up) {
            Some(up) => out.flag(up),
            None => Ok(()),
        }),
    },
    Family {
        name: "linkwatch_endpoint_cause",
        kind: Gauge,
        unit: None,
        labels: &["cause", "stage", "role"],
        help: "1 for every cause that stands: the root, the symptom of an endpoint that is down, and all others.",
        series: Series::Endpoint(causes),
    },
    Family {
        name: "linkwatch_endpoint_fault_info",
        kind: Gauge,
        unit: None,
        labels: &["cause", "expected", "actual"],
        help: "What should be and what is, once for every cause that stands; for annotations, never for the labels of an alert.",
        series: Series::Endpoint(faults),
    },
    Family {
        name: "linkwatch_endpoint_info",
        kind: Info,
        unit: None,
        labels: &["host", "url", "module"],
        help: "What is watched, to join on.",
        series: Series::Endpoint(|seen, out| {
            let endpoint = &seen.slot.endpoint;
            out.info(&[
                ("host", &endpoint.host),
                ("url", without_credentials(&endpoint.url).as_str()),
                ("module", endpoint.group.module.as_str()),
            ])
        }),
    },
    Family {
        name: "linkwatch_endpoint_in_maintenance",
        kind: Gauge,
        unit: None,
        labels: &[],
        help: "Whether a maintenance window of the endpoint's group holds.",
        series: Series::Endpoint(|seen, out| out.flag(seen.state.is_some_and(|state| state.in_maintenance))),
    },
    Family {
        name: "linkwatch_endpoint_addresses",
        kind: Gauge,
        unit: None,
        labels: &[],
        help: "Addresses behind the name.",
        series: Series::Endpoint(|seen, out| match verdict(seen) {
            Some(verdict) => out.gauge(verdict.addresses),
            None => Ok(()),
        }),
    },
    Family {
        name: "linkwatch_endpoint_addresses_up",
        kind: Gauge,
        unit: None,
        labels: &[],
        help: "Addresses behind the name that answer as expected: none is down, some is degraded.",
        series: Series::Endpoint(|seen, out| match verdict(seen) {
            Some(verdict) => out.gauge(verdict.addresses_up),
            None => Ok(()),
        }),
    },
    Family {
        name: "linkwatch_endpoint_duration_seconds",
        kind: Gauge,
        unit: Some(Unit::Seconds),
        labels: &["phase"],
        help: "Time that the last probe spent in each phase.",
        series: Series::Endpoint(durations),
    },
    Family {
        name: "linkwatch_endpoint_http_status_code",
        kind: Gauge,
        unit: None,
        labels: &[],
        help: "Status of the last answer; 0 without one.",
        series: Series::Endpoint(|seen, out| match probed(seen) {
            Some(state) => out.gauge(u32::from(state.status)),
            None => Ok(()),
        }),
    },
    Family {
        name: "linkwatch_endpoint_probe_failures_total",
        kind: Counter,
        unit: None,
        labels: &[],
        help: "Probes of the endpoint that failed, unconfirmed ones too.",
        series: Series::Endpoint(|seen, out| out.counter(seen.state.map_or(0, |state| state.failures))),
    },
    Family {
        name: "linkwatch_probe_last_run_timestamp_seconds",
        kind: Gauge,
        unit: Some(Unit::Seconds),
        labels: &[],
        help: "When the endpoint was last probed.",
        series: Series::Endpoint(|seen, out| match seen.state.and_then(|state| state.last_run) {
            Some(at) => out.gauge(seconds(at)),
            None => Ok(()),
        }),
    },
    Family {
        name: "linkwatch_dns_target_state",
        kind: Gauge,
        unit: None,
        labels: &["state"],
        help: "Where the name leads, compared with the expected target: one of the states is 1; absent where none is expected.",
        series: Series::Endpoint(target),
    },
    Family {
        name: "linkwatch_dns_answer_changes_total",
        kind: Counter,
        unit: None,
        labels: &[],
        help: "Changes of the DNS answer: the end of the CNAME chain, or the addresses where there is none.",
        series: Series::Endpoint(|seen, out| out.counter(seen.state.map_or(0, |state| state.answer_changes))),
    },
    Family {
        name: "linkwatch_dns_answer_changed_timestamp_seconds",
        kind: Gauge,
        unit: Some(Unit::Seconds),
        labels: &[],
        help: "When the DNS answer last changed; absent until it does.",
        series: Series::Endpoint(
            |seen, out| match seen.state.and_then(|state| state.answer_changed) {
                Some(at) => out.gauge(seconds(at)),
                None => Ok(()),
            },
        ),
    },
    Family {
        name: "linkwatch_dns_disagreement_since_timestamp_seconds",
        kind: Gauge,
        unit: Some(Unit::Seconds),
        labels: &[],
        help: "Since when servers disagree about the name; absent while they agree.",
        series: Series::Endpoint(
            |seen, out| match seen.state.and_then(|state| state.disagreement) {
                Some(disagreement) => out.gauge(seconds(disagreement.since)),
                None => Ok(()),
            },
        ),
    },
];

/// Every phase of a probe, by its name.
fn phases(timings: &Timings) -> [(&'static str, f64); 5] {
    [
        ("dns", timings.dns.as_secs_f64()),
        ("connect", timings.connect.as_secs_f64()),
        ("tls", timings.tls.as_secs_f64()),
        ("processing", timings.processing.as_secs_f64()),
        ("transfer", timings.transfer.as_secs_f64()),
    ]
}

fn verdict<'a>(seen: &SeenEndpoint<'a>) -> Option<&'a Verdict> {
    seen.state?.verdict.as_deref()
}

/// What is known, if any of it comes from a probe of this run.
fn probed<'a>(seen: &SeenEndpoint<'a>) -> Option<&'a crate::state::EndpointState> {
    seen.state.filter(|state| state.last_run.is_some())
}

fn causes(seen: &SeenEndpoint<'_>, out: &mut Out<'_, '_>) -> fmt::Result {
    let Some(verdict) = verdict(seen) else {
        return Ok(());
    };
    let mut cause = |finding: &Finding, role| {
        let labels = [
            ("cause", finding.cause.as_str()),
            ("stage", finding.cause.stage().as_str()),
            ("role", role),
        ];
        out.gauge_with(&labels, 1_u64)
    };
    if let Some(finding) = &verdict.root {
        cause(finding, "root")?;
    }
    if let Some(finding) = &verdict.symptom {
        cause(finding, "symptom")?;
    }
    let mut others = Distinct::default();
    for finding in verdict
        .others
        .iter()
        .filter(|finding| others.first(finding.cause))
    {
        cause(finding, "other")?;
    }
    Ok(())
}

fn faults(seen: &SeenEndpoint<'_>, out: &mut Out<'_, '_>) -> fmt::Result {
    let Some(verdict) = verdict(seen) else {
        return Ok(());
    };
    let findings = verdict.root.iter().chain(&verdict.symptom).chain(&verdict.others);
    let mut causes = Distinct::default();
    for finding in findings.filter(|finding| causes.first(finding.cause)) {
        let labels = [
            ("cause", finding.cause.as_str()),
            ("expected", bounded(&finding.expected)),
            ("actual", bounded(&finding.actual)),
        ];
        out.gauge_with(&labels, 1_u64)?;
    }
    Ok(())
}

fn durations(seen: &SeenEndpoint<'_>, out: &mut Out<'_, '_>) -> fmt::Result {
    let Some(state) = probed(seen) else { return Ok(()) };
    for (phase, duration) in phases(&state.timings) {
        out.gauge_with(&[("phase", phase)], duration)?;
    }
    Ok(())
}

fn target(seen: &SeenEndpoint<'_>, out: &mut Out<'_, '_>) -> fmt::Result {
    let Some(target) = verdict(seen).and_then(|verdict| verdict.target) else {
        return Ok(());
    };
    for state in TargetState::ALL {
        out.gauge_with(&[("state", state.as_str())], u64::from(state == target))?;
    }
    Ok(())
}

/// Tells a cause's first finding from the ones that follow at other addresses: two series may not have the same labels.
#[derive(Default)]
struct Distinct(Vec<Cause>);

impl Distinct {
    fn first(&mut self, cause: Cause) -> bool {
        let first = !self.0.contains(&cause);
        if first {
            self.0.push(cause);
        }
        first
    }
}
