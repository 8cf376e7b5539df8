//! The texts that ask Prometheus for facts when an alert fires: causes, what should be and what is.
//!
//! Prometheus runs the queries inside them at each evaluation, so a changed cause changes the text of an alert,
//! never its identity.

use std::fmt::Write as _;

use super::expression::{Expressions, aggregate, one_line};
use crate::cause::{Cause, Effect};

/// How many endpoints a text names before it only counts the rest: a page must stay readable.
const NAMED: usize = 50;

/// Matches the series of the alert's own endpoint; `%[1]q` and `%[2]q` are its name and group.
const OWN: &str = "name=%[1]q, group=%[2]q";

/// Matches the series of the alert's group; `%[1]q` is its name.
const MEMBERS: &str = "group=%[1]q";

/// The faults of the alert's own endpoint, one a line.
pub(super) fn own_faults(expressions: Expressions<'_>) -> String {
    let query = faults(expressions, OWN);
    format!(
        "{{{{ range printf `{query}` $labels.name $labels.group | query | sortByLabel \"cause\" -}}}}\n\
         {{{{ .Labels.cause }}}}: expected {{{{ .Labels.expected }}}}, found {{{{ .Labels.actual }}}}\n\
         {{{{ end }}}}"
    )
}

/// Every member of the alert's group that is down, with its faults, one a line.
pub(super) fn member_faults(expressions: Expressions<'_>) -> String {
    let down = format!(
        "{} and on(job, instance, name, group) ({} == 0)",
        expressions.series("endpoint_fault_info", &fault_matchers(MEMBERS)),
        expressions.series("endpoint_up", MEMBERS),
    );
    let query = one_line(&aggregate("max", "", &expressions.fresh(&down, MEMBERS)));
    format!(
        "{{{{ $faults := printf `{query}` $labels.group | query | sortByLabel \"name\" -}}}}\n\
         {{{{ range $i, $fault := $faults }}}}{{{{ if lt $i {NAMED} -}}}}\n\
         {{{{ .Labels.name }}}}: {{{{ .Labels.cause }}}}: expected {{{{ .Labels.expected }}}}, \
         found {{{{ .Labels.actual }}}}\n\
         {{{{ else if eq $i {NAMED} -}}}}\n\
         and more: {{{{ len $faults }}}} in all\n\
         {{{{ end }}}}{{{{ end }}}}"
    )
}

/// What to do about every cause that stands at the alert's own endpoint, one a line.
pub(super) fn own_remedies(expressions: Expressions<'_>) -> String {
    let query = one_line(&format!("count by(cause) ({})", faults(expressions, OWN)));
    remedies(&query, "$labels.name $labels.group")
}

/// What to do about every cause that stands in the alert's group, one a line.
pub(super) fn member_remedies(expressions: Expressions<'_>) -> String {
    let query = one_line(&format!("count by(cause) ({})", faults(expressions, MEMBERS)));
    remedies(&query, "$labels.group")
}

/// Some lines for each result of a query about the alert's own endpoint.
pub(super) fn for_each_own(query: &str, lines: &str) -> String {
    format!(
        "{{{{ range printf `{}` $labels.name $labels.group | query -}}}}\n{lines}\n{{{{ end }}}}",
        one_line(query)
    )
}

/// The instances of linkwatch for which `query` has a result, as a list.
pub(super) fn instances(query: &str) -> String {
    format!(
        "{{{{ range $i, $replica := query `{}` | sortByLabel \"instance\" }}}}{{{{ if $i }}}}, {{{{ end }}}}\
         {{{{ .Labels.instance }}}}{{{{ end }}}}",
        one_line(query)
    )
}

/// Matches the alert's own endpoint in a query of `for_each_own`.
pub(super) const fn own_endpoint() -> &'static str {
    OWN
}

fn faults(expressions: Expressions<'_>, matchers: &str) -> String {
    let series = expressions.series("endpoint_fault_info", &fault_matchers(matchers));
    one_line(&aggregate("max", "", &expressions.fresh(&series, matchers)))
}

/// A replica without a network of its own says nothing about its targets.
fn fault_matchers(matchers: &str) -> String {
    format!("{matchers}, cause!=\"{}\"", Cause::VantageOffline)
}

fn remedies(query: &str, arguments: &str) -> String {
    let mut text = format!(
        "{{{{ range printf `{query}` {arguments} | query | sortByLabel \"cause\" -}}}}\n\
         {{{{ $cause := .Labels.cause -}}}}\n{{{{ $cause }}}}: "
    );
    let said = Cause::ALL
        .iter()
        .filter(|cause| cause.effect() != Effect::Suspends);
    for (position, cause) in said.enumerate() {
        let word = if position == 0 { "if" } else { "else if" };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{{{{- {word} eq $cause \"{cause}\" }}}} {}", cause.remedy());
    }
    text.push_str("{{- end }}\n{{ end }}");
    text
}
