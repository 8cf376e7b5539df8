//! Alerts about what nobody watches.

use super::catalogue::{KEEP_FIRING, MINUTE};
use super::expression::{Expressions, aggregate, one_line};
use super::{Alert, AlertName, Rule, Scope, Severity};

/// Hosts that a text names.
const NAMED: usize = 20;

/// By source, not by host: a zone that is connected for the first time has hundreds.
pub(super) fn host_unwatched(expressions: Expressions<'_>) -> Alert {
    let hosts = aggregate("max", "", &expressions.series("hosts_unwatched", ""));
    let names = one_line(&format!(
        "topk({NAMED}, {})",
        aggregate(
            "max",
            "",
            &expressions.series("host_unwatched_info", "source=%[1]q")
        )
    ));
    Alert {
        name: AlertName::HostUnwatched,
        scope: Scope::Installation,
        summary: "Public hosts are not watched.",
        description: format!(
            "Hosts that source {{{{ $labels.source }}}} names and no group watches: {{{{ $value }}}}.\n\
             {{{{ range printf `{names}` $labels.source | query | sortByLabel \"host\" -}}}}\n\
             {{{{ .Labels.host }}}}\n\
             {{{{ end }}}}"
        ),
        remedy: Some(
            "Put them into a group (linkwatch discover prints it), or into coverage.ignore with a reason."
                .to_owned(),
        ),
        hold: 15 * MINUTE,
        keep_firing: KEEP_FIRING,
        rules: vec![Rule {
            severity: Severity::Info,
            expr: format!("{hosts} > 0"),
        }],
    }
}
