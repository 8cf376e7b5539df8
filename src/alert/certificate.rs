//! Alerts about the certificates that are served.

use super::catalogue::{AT_ONCE, KEEP_FIRING, MINUTE, warning};
use super::expression::{Expressions, aggregate};
use super::{Alert, AlertName, Parameters, REPLICA_LABELS, Scope, text};
use crate::cause::Cause;

pub(super) fn invalid(expressions: Expressions<'_>) -> Alert {
    let trusted = expressions.fresh(&expressions.series("certificate_trusted", ""), "");
    let recent = format!(
        "time() - {} < 3600",
        expressions.series("certificate_observed_timestamp_seconds", "")
    );
    Alert {
        name: AlertName::CertificateInvalid,
        scope: Scope::Endpoint,
        summary: "A public endpoint serves a certificate that browsers refuse.",
        description: format!(
            "{{{{ $labels.name }}}} of group {{{{ $labels.group }}}} serves a certificate that browsers refuse.\n{}{}",
            text::own_faults(expressions),
            served(expressions)
        ),
        remedy: Some(
            "Install a certificate that browsers accept: valid now, for this name, of a public authority, with its whole chain."
                .to_owned(),
        ),
        hold: AT_ONCE,
        keep_firing: KEEP_FIRING,
        rules: vec![warning(format!(
            "{} == 0\n{}",
            aggregate(
                "max",
                "",
                &format!("{trusted}\nand on(job, instance, name, group) ({recent})")
            ),
            expressions.outside_maintenance()
        ))],
    }
}

/// The leaf that is served: whose, by whom, until when.
fn served(expressions: Expressions<'_>) -> String {
    let own = format!("{}, position=\"0\"", text::own_endpoint());
    let leaf = aggregate("max", "", &expressions.series("certificate_info", &own));
    let until = aggregate(
        "max",
        "",
        &expressions.series("certificate_not_after_timestamp_seconds", &own),
    );
    text::for_each_own(
        &format!("topk(1, {leaf})"),
        "Served: {{ .Labels.subject }}, issued by {{ .Labels.issuer }}.",
    ) + &text::for_each_own(&until, "It ends, or ended, {{ .Value | humanizeTimestamp }}.")
}

/// The leaf by share of its lifetime, because lifetimes shrink from a year to days; intermediates, which live for
/// years and are renewed by their issuer, by days. A newer certificate on any replica ends it.
pub(super) fn expiring(expressions: Expressions<'_>, parameters: &Parameters) -> Alert {
    let family = |family: &str, matchers: &str| expressions.series(family, matchers);
    let until = family("certificate_not_after_timestamp_seconds", "position=\"0\"");
    let from = family("certificate_not_before_timestamp_seconds", "position=\"0\"");
    let leaf = expressions.fresh(&format!("({until} - time()) / ({until} - {from})"), "");
    let chain = format!(
        "{} - time()",
        family("certificate_not_after_timestamp_seconds", "position!=\"0\"")
    );
    let chain = aggregate("min", "position", &expressions.fresh(&chain, ""));
    let own = format!("{}, position=\"0\"", text::own_endpoint());
    let left = |matchers: &str| {
        let until = family("certificate_not_after_timestamp_seconds", matchers);
        format!("max without({REPLICA_LABELS}) ({until}) - time()")
    };
    let intermediates = left(&format!("{}, position!=\"0\"", text::own_endpoint()));
    let left = left(&own);
    Alert {
        name: AlertName::CertificateExpiring,
        scope: Scope::Endpoint,
        summary: "A certificate of a public endpoint ends soon, or has ended.",
        description: format!(
            "A certificate of {{{{ $labels.name }}}} in group {{{{ $labels.group }}}} ends soon, or has ended.\n{}{}",
            text::for_each_own(
                &left,
                "Its own has {{ .Value | humanizeDuration }} left{{ if lt .Value 0.0 }}: it has ended{{ end }}."
            ),
            text::for_each_own(
                &format!("{intermediates} < 14 * 86400"),
                "The intermediate at position {{ .Labels.position }} of its chain has {{ .Value | humanizeDuration }} left."
            )
        ),
        remedy: Some(Cause::CertificateExpiring.remedy().to_owned()),
        hold: 5 * MINUTE,
        keep_firing: KEEP_FIRING,
        rules: vec![warning(format!(
            "{} < {}\nor\n(0 < {chain} < 14 * 86400)\nor\n{}",
            aggregate("max", "position", &leaf),
            parameters.lifetime_left,
            expressions.standing(&[Cause::CertificateExpiring.as_str()]),
        ))],
    }
}
