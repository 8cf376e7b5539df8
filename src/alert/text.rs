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

/// The faults of the alert's own endpoint, one a line, the root first.
pub(super) fn own_faults(expressions: Expressions<'_>) -> String {
    let list = |query: &str, before: &str| {
        format!(
            "{{{{ range printf `{query}` $labels.name $labels.group | query | sortByLabel \"cause\" -}}}}\n\
             {before}{{{{ .Labels.cause }}}}: expected {{{{ .Labels.expected }}}}, found {{{{ .Labels.actual }}}}\n\
             {{{{ end }}}}"
        )
    };
    let others = format!(
        "{} and on({FAULT}) {}",
        faults(expressions, OWN),
        not_root(expressions, OWN)
    );
    list(&believed(expressions, &roots(expressions, OWN), OWN), "")
        + &list(&believed(expressions, &others, OWN), "also ")
}

/// Every member of the alert's group that is down, with its root, one a line.
pub(super) fn member_faults(expressions: Expressions<'_>) -> String {
    let down = format!(
        "{} and on(job, instance, name, group) ({} == 0)",
        roots(expressions, MEMBERS),
        expressions.series("endpoint_up", MEMBERS),
    );
    member_list(&believed(expressions, &down, MEMBERS))
}

/// Every member of the alert's group with a root of its probes, down or not, one a line; `none` where there is no such
/// member.
pub(super) fn member_roots(expressions: Expressions<'_>, none: &str) -> String {
    let probed = format!("{MEMBERS}, cause!=\"{}\"", Cause::TrafficLow);
    let list = member_list(&believed(expressions, &roots(expressions, &probed), MEMBERS));
    format!("{list}{{{{ if not $faults -}}}}\n{none}\n{{{{ end }}}}")
}

/// What status pages of others say, where they say that something is wrong: context, one a line.
pub(super) fn upstream(expressions: Expressions<'_>) -> String {
    let troubled = "indicator=~\"maintenance|degraded|outage\"";
    let query = aggregate("max", "", &expressions.series("upstream_status_info", troubled));
    format!(
        "{{{{ range query `{query}` -}}}}\n\
         {{{{ .Labels.source }}}} says of itself: {{{{ .Labels.indicator }}}}: {{{{ .Labels.headline }}}}\n\
         {{{{ end }}}}"
    )
}

fn member_list(query: &str) -> String {
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

/// What to do about one cause of the alert's own endpoint, in words that may name `.Labels.expected` and
/// `.Labels.actual`; what is always right where they are not known.
pub(super) fn own_remedy(expressions: Expressions<'_>, cause: Cause, words: &str) -> String {
    let matchers = format!("{OWN}, cause=\"{cause}\"");
    let query = believed(
        expressions,
        &expressions.series("endpoint_fault_info", &matchers),
        OWN,
    );
    format!(
        "{{{{ range $i, $fault := printf `{query}` $labels.name $labels.group | query }}}}\
         {{{{ if not $i }}}}{words}{{{{ end }}}}{{{{ else }}}}{}{{{{ end }}}}",
        cause.remedy()
    )
}

/// What to do about the root of the alert's own endpoint.
pub(super) fn own_remedies(expressions: Expressions<'_>) -> String {
    let query = believed(expressions, &roots(expressions, OWN), OWN);
    remedies(
        &format!("count by(cause) ({query})"),
        "$labels.name $labels.group",
    )
}

/// What to do about every root that stands in the alert's group, one a line.
pub(super) fn member_remedies(expressions: Expressions<'_>) -> String {
    let query = believed(expressions, &roots(expressions, MEMBERS), MEMBERS);
    remedies(&format!("count by(cause) ({query})"), "$labels.group")
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
    replicas(query, "{{ .Labels.instance }}")
}

/// The instances of linkwatch for which `query` has a result, each with its version, as a list.
pub(super) fn versions(query: &str) -> String {
    replicas(query, "{{ .Labels.instance }} ({{ .Labels.version }})")
}

fn replicas(query: &str, each: &str) -> String {
    format!(
        "{{{{ range $i, $replica := query `{}` | sortByLabel \"instance\" }}}}{{{{ if $i }}}}, {{{{ end }}}}\
         {each}{{{{ end }}}}",
        one_line(query)
    )
}

/// Matches the alert's own endpoint in a query of `for_each_own`.
pub(super) const fn own_endpoint() -> &'static str {
    OWN
}

/// The labels that tell one standing cause of one endpoint on one replica from all others.
const FAULT: &str = "job, instance, name, group, cause";

/// What stands at the endpoints. A replica without a network of its own says nothing about its targets.
fn faults(expressions: Expressions<'_>, matchers: &str) -> String {
    let others = format!("{matchers}, cause!=\"{}\"", Cause::VantageOffline);
    expressions.series("endpoint_fault_info", &others)
}

/// The faults that are roots; one whose role is not known is shown rather than lost.
fn roots(expressions: Expressions<'_>, matchers: &str) -> String {
    format!(
        "{} unless on({FAULT}) {}",
        faults(expressions, matchers),
        not_root(expressions, matchers)
    )
}

fn not_root(expressions: Expressions<'_>, matchers: &str) -> String {
    let role = |role: &str| expressions.series("endpoint_cause", &format!("{matchers}, {role}"));
    format!(
        "({} unless on({FAULT}) {})",
        role("role!=\"root\""),
        role("role=\"root\"")
    )
}

/// The faults as fresh replicas see them, each once, on one line.
fn believed(expressions: Expressions<'_>, faults: &str, matchers: &str) -> String {
    one_line(&aggregate("max", "", &expressions.fresh(faults, matchers)))
}

/// The roots that stand, with what should be and what is, as fresh replicas see them.
pub(crate) fn standing_roots(expressions: Expressions<'_>, matchers: &str) -> String {
    believed(expressions, &roots(expressions, matchers), matchers)
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
