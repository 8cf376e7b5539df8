//! Alerts about what hosting platforms say.

use super::catalogue::{AT_ONCE, KEEP_FIRING, MINUTE, warning};
use super::expression::{Expressions, aggregate};
use super::{Alert, AlertName, Scope, text};
use crate::cause::Cause;

/// Critical while links still work: they stop when the old target's certificate ends or is taken away, and the one
/// thing that helps is a change of DNS, which takes its time.
pub(super) fn target_changed(expressions: Expressions<'_>) -> Alert {
    let changed = format!(
        "{}\n{}",
        expressions.standing(&[Cause::PlatformTargetChanged.as_str()]),
        expressions.outside_maintenance()
    );
    Alert {
        name: AlertName::PlatformTargetChanged,
        scope: Scope::Endpoint,
        summary: "The hosting platform has changed where DNS must lead.",
        description: format!(
            "The platform of {{{{ $labels.name }}}} in group {{{{ $labels.group }}}} expects DNS to lead to another target \
             than before, and DNS still leads to the old one. Links may still work; they end with the certificate of the old \
             target.\n{}",
            text::own_faults(expressions)
        ),
        remedy: Some(text::own_remedy(
            expressions,
            Cause::PlatformTargetChanged,
            "Set the record of {{ $labels.name }} to {{ .Labels.expected }}; do it before certificates fail.",
        )),
        hold: AT_ONCE,
        keep_firing: KEEP_FIRING,
        rules: expressions.paging(&changed),
    }
}

pub(super) fn certificate_failing(expressions: Expressions<'_>) -> Alert {
    Alert {
        name: AlertName::PlatformCertificateFailing,
        scope: Scope::Endpoint,
        summary: "The hosting platform fails to get or renew a certificate.",
        description: format!(
            "The platform of {{{{ $labels.name }}}} in group {{{{ $labels.group }}}} fails to get or renew its \
             certificate.\n{}",
            text::own_faults(expressions)
        ),
        remedy: Some(Cause::PlatformCertificateFailing.remedy().to_owned()),
        hold: 5 * MINUTE,
        keep_firing: KEEP_FIRING,
        rules: vec![warning(format!(
            "{}\n{}",
            expressions.standing(&[Cause::PlatformCertificateFailing.as_str()]),
            expressions.outside_maintenance()
        ))],
    }
}

/// What a platform expects is not known any more: a change would not be noticed. A platform that has a bad quarter of
/// an hour is nobody's ticket.
pub(super) fn down(expressions: Expressions<'_>) -> Alert {
    let up = aggregate("max", "", &expressions.series("platform_up", ""));
    Alert {
        name: AlertName::PlatformDown,
        scope: Scope::Installation,
        summary: "A hosting platform does not tell what it expects.",
        description:
            "Platform {{ $labels.platform }} has not told what it expects for half an hour: a change of its \
                      targets would not be noticed. linkwatch's log says what it answers."
                .to_owned(),
        remedy: Some(
            "Check that the token is valid and may read the domains, then the platform's status page."
                .to_owned(),
        ),
        hold: 30 * MINUTE,
        keep_firing: KEEP_FIRING,
        rules: vec![warning(format!("{up} == 0"))],
    }
}
