//! Alerts about what will break if nothing is done.

use super::catalogue::{KEEP_FIRING, MINUTE, warning};
use super::expression::{Expressions, aggregate};
use super::{Alert, AlertName, Scope, text};
use crate::cause::Cause;

pub(super) fn renewal_overdue(expressions: Expressions<'_>) -> Alert {
    of_cause(
        expressions,
        AlertName::RenewalOverdue,
        Cause::RenewalOverdue,
        "A certificate should have been renewed by now, and is not.",
        "The certificate of {{ $labels.name }} in group {{ $labels.group }} should have been renewed by now.",
    )
}

pub(super) fn caa_forbids_issuer(expressions: Expressions<'_>) -> Alert {
    of_cause(
        expressions,
        AlertName::CaaForbidsIssuer,
        Cause::CaaForbidsIssuer,
        "A CAA record forbids the next renewal of a certificate.",
        "CAA records forbid the authority of {{ $labels.name }} in group {{ $labels.group }} to renew its certificate.",
    )
}

pub(super) fn registration_expiring(expressions: Expressions<'_>) -> Alert {
    of_cause(
        expressions,
        AlertName::RegistrationExpiring,
        Cause::RegistrationExpiring,
        "The registration of a domain is about to end, has ended, or is on hold.",
        "The domain of {{ $labels.name }} in group {{ $labels.group }} is about to be lost.",
    )
}

fn of_cause(
    expressions: Expressions<'_>,
    name: AlertName,
    cause: Cause,
    summary: &'static str,
    text: &str,
) -> Alert {
    Alert {
        name,
        scope: Scope::Endpoint,
        summary,
        description: format!("{text}\n{}", text::own_faults(expressions)),
        remedy: Some(cause.remedy().to_owned()),
        hold: 5 * MINUTE,
        keep_firing: KEEP_FIRING,
        rules: vec![warning(format!(
            "{}\n{}",
            expressions.standing(&[cause.as_str()]),
            expressions.outside_maintenance()
        ))],
    }
}

/// An authority that is down for minutes delays renewals that have weeks; one that is down when a certificate is lost
/// is what the person who mends it has to know.
pub(super) fn authority_down(expressions: Expressions<'_>) -> Alert {
    let up = aggregate("max", "", &expressions.series("certificate_authority_up", ""));
    Alert {
        name: AlertName::CertificateAuthorityDown,
        scope: Scope::Installation,
        summary: "A certificate authority does not answer: nothing can be issued or renewed.",
        description: "The authority {{ $labels.authority }} has not answered for ten minutes: certificates that it issues can \
                      be neither issued anew nor renewed meanwhile. Those that are served stay valid."
            .to_owned(),
        remedy: Some(Cause::IssuerDown.remedy().to_owned()),
        hold: 10 * MINUTE,
        keep_firing: KEEP_FIRING,
        rules: vec![warning(format!("{up} == 0"))],
    }
}
