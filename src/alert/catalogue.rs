//! Every alert with its condition and its words; those about linkwatch itself stand in `itself`.

use std::time::Duration;

use super::expression::{Expressions, aggregate, indent, one_line};
use super::{
    Alert, AlertName, Parameters, Rule, Scope, Severity, certificate, coverage, foresight, itself, platform,
    text, traffic,
};
use crate::cause::{Cause, Effect};

pub(super) const AT_ONCE: Duration = Duration::ZERO;
pub(super) const MINUTE: Duration = Duration::from_secs(60);

/// What bridges a restart, or a probe that succeeds between failures, without a second page.
pub(super) const KEEP_FIRING: Duration = Duration::from_secs(2 * 60);

/// The warnings that have an alert of their own; every other one is `LinkwatchEndpointDegraded`.
const OWN_ALERT: &[(Cause, AlertName)] = &[
    (Cause::PlatformTargetChanged, AlertName::PlatformTargetChanged),
    (
        Cause::PlatformCertificateFailing,
        AlertName::PlatformCertificateFailing,
    ),
    (Cause::DnsTargetDrift, AlertName::DnsTargetDrift),
    (Cause::CertificateExpiring, AlertName::CertificateExpiring),
    (Cause::RenewalOverdue, AlertName::RenewalOverdue),
    (Cause::CaaForbidsIssuer, AlertName::CaaForbidsIssuer),
    (Cause::RegistrationExpiring, AlertName::RegistrationExpiring),
    (Cause::Flapping, AlertName::EndpointFlapping),
    (Cause::TrafficLow, AlertName::TrafficLow),
];

/// The alert that tells of a cause.
#[must_use]
pub fn alert_of(cause: Cause) -> AlertName {
    let own = OWN_ALERT.iter().find(|(own, _)| *own == cause);
    match (own, cause.effect()) {
        (Some((_, name)), _) => *name,
        (None, Effect::Down) => AlertName::EndpointDown,
        (None, Effect::Warns) => AlertName::EndpointDegraded,
        (None, Effect::Suspends) => AlertName::VantageOffline,
    }
}

/// Every alert, in the order of [`AlertName::ALL`].
#[must_use]
pub fn catalogue(parameters: &Parameters) -> Vec<Alert> {
    AlertName::ALL
        .iter()
        .map(|name| alert(*name, parameters))
        .collect()
}

fn alert(name: AlertName, parameters: &Parameters) -> Alert {
    let expressions = Expressions::new(parameters);
    match name {
        AlertName::EndpointDown => endpoint_down(expressions),
        AlertName::GroupDown => group_down(expressions),
        AlertName::EndpointDegraded => endpoint_degraded(expressions),
        AlertName::EndpointFlapping => endpoint_flapping(expressions),
        AlertName::DnsTargetDrift => dns_target_drift(expressions),
        AlertName::PlatformTargetChanged => platform::target_changed(expressions),
        AlertName::PlatformCertificateFailing => platform::certificate_failing(expressions),
        AlertName::CertificateInvalid => certificate::invalid(expressions),
        AlertName::CertificateExpiring => certificate::expiring(expressions, parameters),
        AlertName::RenewalOverdue => foresight::renewal_overdue(expressions),
        AlertName::CertificateAuthorityDown => foresight::authority_down(expressions),
        AlertName::CaaForbidsIssuer => foresight::caa_forbids_issuer(expressions),
        AlertName::RegistrationExpiring => foresight::registration_expiring(expressions),
        AlertName::TrafficLow => traffic::low(expressions),
        AlertName::ProbeStale => probe_stale(expressions),
        AlertName::TrafficSourceDown => traffic::source_down(expressions),
        AlertName::HostUnwatched => coverage::host_unwatched(expressions),
        AlertName::PlatformDown => platform::down(expressions),
        AlertName::VantageOffline => itself::vantage_offline(expressions),
        AlertName::ClockSkewed => itself::clock_skewed(expressions, parameters),
        AlertName::ConfigReloadFailed => itself::config_reload_failed(expressions),
        AlertName::RulesOutdated => itself::rules_outdated(expressions, parameters),
        AlertName::Down => itself::down(expressions),
        AlertName::Watchdog => itself::watchdog(),
    }
}

fn endpoint_down(expressions: Expressions<'_>) -> Alert {
    Alert {
        name: AlertName::EndpointDown,
        scope: Scope::Endpoint,
        summary: "A public endpoint is down.",
        description: format!(
            "{{{{ $labels.name }}}} of group {{{{ $labels.group }}}} is down.\n{}{}",
            text::own_faults(expressions),
            text::upstream(expressions)
        ),
        remedy: Some(text::own_remedies(expressions)),
        hold: AT_ONCE,
        keep_firing: KEEP_FIRING,
        rules: expressions.paging(&expressions.down()),
    }
}

/// The left side of the product brings the group's own labels along; endpoints are counted by group alone,
/// because discovery may have given them labels that differ.
fn group_down(expressions: Expressions<'_>) -> Alert {
    let down = indent(&expressions.down());
    let known = indent(&expressions.up());
    let most = format!(
        "on(group) group_left() (\n  \
           count by(group) (\n{}\n  ) >= 3\n\
         )\n\
         and on(group) (\n  \
           count by(group) (\n{}\n  )\n  \
           > 0.5 * count by(group) (\n{}\n  )\n\
         )",
        indent(&down),
        indent(&down),
        indent(&known),
    );
    let page = expressions.page();
    Alert {
        name: AlertName::GroupDown,
        scope: Scope::Group,
        summary: "Most of a group of public endpoints is down.",
        description: format!(
            "{{{{ $value }}}} endpoints of group {{{{ $labels.group }}}} are down.\n{}{}",
            text::member_faults(expressions),
            text::upstream(expressions)
        ),
        remedy: Some(text::member_remedies(expressions)),
        hold: AT_ONCE,
        keep_firing: KEEP_FIRING,
        rules: vec![
            Rule {
                severity: Severity::Critical,
                expr: format!("({page} == 1)\n* {most}"),
            },
            Rule {
                severity: Severity::Warning,
                expr: format!("({page} == 0)\n+ {most}"),
            },
        ],
    }
}

fn endpoint_degraded(expressions: Expressions<'_>) -> Alert {
    let own = text::own_endpoint();
    let answering = expressions.series("endpoint_addresses_up", "");
    let some_fail = format!(
        "{answering} > 0\nand {answering} < {}",
        expressions.series("endpoint_addresses", "")
    );
    let some_fail = aggregate("min", "", &expressions.fresh(&some_fail, ""));
    let failing = format!(
        "max without({}) ({} - {}) > 0",
        super::REPLICA_LABELS,
        expressions.series("endpoint_addresses", own),
        expressions.series("endpoint_addresses_up", own)
    );
    let drift = expressions.fresh(&expressions.series("dns_target_state", "state=\"drift\""), "");
    Alert {
        name: AlertName::EndpointDegraded,
        scope: Scope::Endpoint,
        summary: "A public endpoint works, but not as it should.",
        description: format!(
            "{{{{ $labels.name }}}} of group {{{{ $labels.group }}}} works, but not as it should.\n{}{}{}{}",
            text::own_faults(expressions),
            text::for_each_own(
                &slowest_phase(expressions),
                "The last probe spent most of its time on {{ .Labels.phase }}: {{ .Value | humanizeDuration }}."
            ),
            text::for_each_own(
                &failing,
                "Addresses that do not answer as expected: {{ .Value }}; the endpoint's page names them."
            ),
            text::for_each_own(
                &disagreement(
                    "",
                    &expressions.fresh(&expressions.series("endpoint_up", own), own)
                ),
                "One replica of linkwatch finds it up, another one finds it down."
            ),
        ),
        remedy: Some(text::own_remedies(expressions)),
        hold: MINUTE,
        keep_firing: KEEP_FIRING,
        rules: vec![warning(format!(
            "(\n{}\n)\n{}",
            indent(&format!(
                "{}\nor\n{some_fail}\nor\n{}\nor\n{}",
                expressions.standing(&other_warnings()),
                disagreement("", &expressions.fresh(&expressions.series("endpoint_up", ""), "")),
                disagreement("state", &drift),
            )),
            expressions.outside_maintenance()
        ))],
    }
}

/// The phase that takes longest, of an endpoint that is too slow.
fn slowest_phase(expressions: Expressions<'_>) -> String {
    let own = text::own_endpoint();
    let slow = format!("{own}, cause=\"{}\"", Cause::HttpSlow);
    let phases = format!(
        "{} and on(job, instance, name, group) {}",
        expressions.series("endpoint_duration_seconds", own),
        expressions.series("endpoint_cause", &slow)
    );
    format!("topk(1, {})", aggregate("max", "", &phases))
}

/// What fresh replicas do not agree about.
fn disagreement(besides: &str, values: &str) -> String {
    format!(
        "{}\n!= {}",
        aggregate("max", besides, values),
        aggregate("min", besides, values)
    )
}

fn other_warnings() -> Vec<&'static str> {
    let has_own = |cause: Cause| OWN_ALERT.iter().any(|(own, _)| *own == cause);
    Cause::ALL
        .iter()
        .filter(|cause| cause.effect() == Effect::Warns && !has_own(**cause))
        .map(|cause| cause.as_str())
        .collect()
}

/// Either linkwatch says so, or one probe in five fails without ever being confirmed.
fn endpoint_flapping(expressions: Expressions<'_>) -> Alert {
    let failures = expressions.series("endpoint_probe_failures_total", "");
    let up = expressions.series("endpoint_up", "");
    let unconfirmed = format!(
        "increase({failures}[15m]) / 900\n  \
           * on(job, instance, group) group_left() {}\n  \
           > 0.2\n\
         and on(job, instance, name, group) (min_over_time({up}[15m]) == 1)",
        expressions.series("group_interval_seconds", "")
    );
    Alert {
        name: AlertName::EndpointFlapping,
        scope: Scope::Endpoint,
        summary: "A public endpoint fails and recovers in turn.",
        description: format!(
            "{{{{ $labels.name }}}} of group {{{{ $labels.group }}}} fails and recovers in turn: a part of its visitors \
             gets errors.\n{}",
            text::for_each_own(
                &format!(
                    "max without({}) (increase({}[15m]))",
                    super::REPLICA_LABELS,
                    expressions.series("endpoint_probe_failures_total", text::own_endpoint())
                ),
                "Probes that failed in the last 15 minutes: {{ .Value | printf \"%.0f\" }}."
            )
        ),
        remedy: Some(Cause::Flapping.remedy().to_owned()),
        hold: MINUTE,
        keep_firing: 5 * MINUTE,
        rules: vec![warning(format!(
            "(\n{}\n)\n{}",
            indent(&format!(
                "{}\nor\n{}",
                expressions.standing(&[Cause::Flapping.as_str()]),
                aggregate("max", "", &expressions.fresh(&unconfirmed, "")),
            )),
            expressions.outside_maintenance()
        ))],
    }
}

/// The state says what every replica sees; the cause says that nobody has accepted it.
fn dns_target_drift(expressions: Expressions<'_>) -> Alert {
    let state = expressions.fresh(&expressions.series("dns_target_state", "state=\"drift\""), "");
    let cause = expressions.standing(&[Cause::DnsTargetDrift.as_str()]);
    Alert {
        name: AlertName::DnsTargetDrift,
        scope: Scope::Endpoint,
        summary: "DNS leads a public endpoint to another place than it should.",
        description: format!(
            "{{{{ $labels.name }}}} of group {{{{ $labels.group }}}} does not lead where it should.\n{}",
            text::own_faults(expressions)
        ),
        remedy: Some(text::own_remedy(
            expressions,
            Cause::DnsTargetDrift,
            "Set the record of {{ $labels.name }} to {{ .Labels.expected }}, or change the expectation if {{ .Labels.actual }} \
             is right.",
        )),
        hold: MINUTE,
        keep_firing: KEEP_FIRING,
        rules: vec![warning(format!(
            "{} == 1\nand on(name, group) (\n{}\n)\n{}",
            aggregate("min", "state", &state),
            indent(&cause),
            expressions.outside_maintenance()
        ))],
    }
}

/// By group, not by endpoint: what stops probing usually stops for thousands at once.
fn probe_stale(expressions: Expressions<'_>) -> Alert {
    let never = format!(
        "{}\n\
         unless on(job, instance, name, group) {}\n\
         and on(job, instance, group) (\n  \
           3 * {} < on(job, instance) group_left() (time() - {})\n\
         )",
        expressions.series("endpoint_info", ""),
        expressions.series("probe_last_run_timestamp_seconds", ""),
        expressions.series("group_interval_seconds", ""),
        expressions.series("config_last_reload_success_timestamp_seconds", ""),
    );
    let stale = expressions.stale("");
    let late = format!("{} > 0", aggregate("count", "name", &stale));
    let unprobed = aggregate("count", "name, host, url, module, platform", &never);
    let members = one_line(&aggregate("max", "", &expressions.stale("group=%[1]q")));
    Alert {
        name: AlertName::ProbeStale,
        scope: Scope::Group,
        summary: "Endpoints are not probed any more.",
        description: format!(
            "Endpoints of group {{{{ $labels.group }}}} that were last probed more than three intervals ago, or never: \
             {{{{ $value }}}}. Unless another replica probes them, nothing about them \
             pages.\n\
             {{{{ range $i, $late := printf `{members}` $labels.group | query | sortByLabel \"name\" -}}}}\n\
             {{{{ if lt $i 20 }}}}{{{{ .Labels.name }}}}: {{{{ .Value | humanizeDuration }}}} ago\n\
             {{{{ end }}}}{{{{ end }}}}"
        ),
        remedy: Some(
            "Read linkwatch's log, and look whether its machine has processor time, file descriptors and the right time."
                .to_owned(),
        ),
        hold: MINUTE,
        keep_firing: KEEP_FIRING,
        rules: vec![warning(format!("{late}\nor\n{unprobed}"))],
    }
}

pub(super) fn warning(expr: String) -> Rule {
    Rule {
        severity: Severity::Warning,
        expr,
    }
}
