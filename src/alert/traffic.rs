//! The alerts about click traffic: what has gone quiet without a probe to say so, and what cannot be seen.

use super::catalogue::{AT_ONCE, KEEP_FIRING, MINUTE, warning};
use super::expression::{Expressions, aggregate, indent, one_line};
use super::{Alert, AlertName, REPLICA_LABELS, Rule, Scope, Severity, text};
use crate::cause::Cause;

/// The labels that tell one judgement from all others, whatever its replica.
const JUDGEMENT: &str = "stream, series, group, name";

/// How far, in seconds, a replica may lag behind the one with the newest sample and still be believed.
const LAG: u32 = 300;

/// What was down explains the quiet for so long afterwards: clicks come back more slowly than an endpoint does.
const AFTERMATH: &str = "30m";

/// How many series a text names: the ones that miss the most.
const NAMED: usize = 20;

/// Matches the judgement that the alert is about. A label that the alert lacks is empty, and so matches its absence.
const OWN: &str = "stream=%[1]q, series=%[2]q, group=%[3]q, name=%[4]q";

/// Matches every series of the alert's stream and group.
const MEMBERS: &str = "stream=%[1]q, group=%[2]q, series!=\"\"";

/// Matches judgements of groups.
const GROUPS: &str = "series=\"\"";

/// Matches judgements of single series.
const SINGLES: &str = "series!=\"\"";

/// A quiet group pages, a group that is only well below its traffic and a single quiet series are warnings; the series
/// only while its group says nothing.
pub(super) fn low(expressions: Expressions<'_>) -> Alert {
    let group = |condition: &str| format!("{condition} == 1\n{}", outside_group_downs(expressions));
    let may_not_page = format!("unless on(group) ({} == 0)", expressions.page());
    let outage = outage(expressions);
    let either = group(&either_tier(expressions, GROUPS));
    let beside_page = format!(
        "unless on(stream, group) (\n{}\n)",
        indent(&format!("{outage} == 1\n{may_not_page}"))
    );
    let single = format!(
        "{} == 1\nunless on(name, group) (\n{}\n)\nunless on(stream, group) (\n{}\n)",
        either_tier(expressions, SINGLES),
        indent(&excused(expressions)),
        indent(&either)
    );
    Alert {
        name: AlertName::TrafficLow,
        scope: Scope::Group,
        summary: "Far fewer clicks arrive than expected.",
        description: description(expressions),
        remedy: Some(Cause::TrafficLow.remedy().to_owned()),
        hold: AT_ONCE,
        keep_firing: KEEP_FIRING,
        rules: vec![
            Rule {
                severity: Severity::Critical,
                expr: format!("{}\n{may_not_page}", group(&outage)),
            },
            warning(format!("{either}\n{beside_page}\nor\n{single}")),
        ],
    }
}

/// Said of any replica: one that cannot ask is half of a pair that watches nothing alone.
pub(super) fn source_down(expressions: Expressions<'_>) -> Alert {
    let down = |matchers: &str| format!("{} == 0", expressions.series("traffic_source_up", matchers));
    let own = down("source=%q");
    Alert {
        name: AlertName::TrafficSourceDown,
        scope: Scope::Installation,
        summary: "A source of click counts does not answer: its traffic is not watched.",
        description: format!(
            "The source {{{{ $labels.source }}}} gives no usable answer to \
             {{{{ range $i, $replica := printf `{own}` $labels.source | query | sortByLabel \"instance\" }}}}\
             {{{{ if $i }}}}, {{{{ end }}}}{{{{ .Labels.instance }}}}{{{{ end }}}}: \
             quiet traffic would not be noticed there."
        ),
        remedy: Some(
            "Check that the source runs and that its credentials are valid; linkwatch's log says what it answers.".to_owned(),
        ),
        hold: 2 * MINUTE,
        keep_firing: KEEP_FIRING,
        rules: vec![warning(aggregate("count", "", &down("")))],
    }
}

/// Judgements, without those of a replica whose source has fallen behind another's: it knows only the past.
///
/// Against each other, not against the clock: bins may be a day long, and an alarm outlives a source that is down.
fn current(expressions: Expressions<'_>, values: &str) -> String {
    let sampled = expressions.series("traffic_sample_timestamp_seconds", "");
    format!(
        "{values}\nunless on(job, instance, {JUDGEMENT}) (\n  \
           {sampled}\n    \
             < ignoring({REPLICA_LABELS}) group_left() (\n      \
               {} - {LAG}\n    \
             )\n\
         )",
        aggregate("max", "", &sampled)
    )
}

/// 1 where all current replicas say that next to nothing of a group's traffic arrives.
fn outage(expressions: Expressions<'_>) -> String {
    let low = expressions.series("traffic_low", &format!("{GROUPS}, tier=\"outage\""));
    aggregate("min", "tier", &current(expressions, &low))
}

/// 1 where all current replicas say that traffic is low, though they may differ about how low.
fn either_tier(expressions: Expressions<'_>, scope: &str) -> String {
    let low = |tier| expressions.series("traffic_low", &format!("{scope}, tier=\"{tier}\""));
    let worst = format!(
        "(\n  {} == 1\n  or ignoring(tier) {}\n)",
        low("outage"),
        low("partial")
    );
    aggregate("min", "tier", &current(expressions, &worst))
}

/// The endpoints whose quiet is no news: down, or in maintenance, now or in the aftermath.
///
/// Prometheus' own record of the alert says when all replicas agreed, replicas included that are gone by now.
fn excused(expressions: Expressions<'_>) -> String {
    format!(
        "{}\nor\nmax_over_time({}[{AFTERMATH}]) == 1",
        fired(AlertName::EndpointDown),
        expressions.series("endpoint_in_maintenance", "")
    )
}

/// Every alert of a name that has fired in the aftermath.
fn fired(alert: AlertName) -> String {
    format!("max_over_time(ALERTS{{alertname=\"{alert}\", alertstate=\"firing\"}}[{AFTERMATH}])")
}

/// Takes away the groups whose quiet is explained: they were down, or over half of the clicks that they miss are
/// those of excused endpoints.
fn outside_group_downs(expressions: Expressions<'_>) -> String {
    let missing = missing(expressions, SINGLES);
    format!(
        "unless on(group) {}\n\
         unless on(stream, group) (\n  \
           sum by(stream, group) (\n{}\n  )\n  \
           > 0.5 * sum by(stream, group) (\n{}\n  )\n\
         )",
        fired(AlertName::GroupDown),
        indent(&indent(&format!(
            "{missing}\nand on(name, group) (\n{}\n)",
            indent(&excused(expressions))
        ))),
        indent(&indent(&missing)),
    )
}

/// Clicks per minute that were expected and have not come, where any are missing.
fn missing(expressions: Expressions<'_>, matchers: &str) -> String {
    let difference = format!(
        "{} - {}",
        expressions.series("traffic_expected", matchers),
        expressions.series("traffic_observed", matchers)
    );
    format!("{} > 0", aggregate("max", "", &current(expressions, &difference)))
}

/// How much was expected, how much came, since when, which series miss it, and what fails with it.
fn description(expressions: Expressions<'_>) -> String {
    let own = |family| {
        let values = current(expressions, &expressions.series(family, OWN));
        one_line(&aggregate("max", "", &values))
    };
    let one = |query: &str, text: &str| {
        format!(
            "{{{{ range printf `{query}` $labels.stream $labels.series $labels.group $labels.name | query }}}}\
             {text}{{{{ end }}}}"
        )
    };
    let counts = [
        one(
            &own("traffic_expected"),
            "Expected {{ .Value | printf \"%.2f\" }} clicks a minute",
        ),
        one(&own("traffic_observed"), ", {{ .Value | printf \"%.2f\" }} came"),
        one(
            &own("traffic_low_since_timestamp_seconds"),
            ", since {{ .Value | humanizeTimestamp }}",
        ),
    ];
    let most = one_line(&format!(
        "sort_desc(topk({NAMED}, {}))",
        missing(expressions, MEMBERS)
    ));
    format!(
        "Stream {{{{ $labels.stream }}}}{{{{ if $labels.series }}}}, series {{{{ $labels.series }}}}{{{{ end }}}}\
         {{{{ if $labels.group }}}}, group {{{{ $labels.group }}}}{{{{ end }}}}: \
         far fewer clicks arrive than expected.\n\
         {}.\n\
         {{{{ if not $labels.series }}}}\
         {{{{ range printf `{most}` $labels.stream $labels.group | query -}}}}\n\
         {{{{ .Labels.series }}}}: {{{{ .Value | printf \"%.2f\" }}}} a minute are missing\n\
         {{{{ end }}}}{{{{ end }}}}\
         {{{{ if $labels.group }}}}{}{{{{ end }}}}",
        counts.concat(),
        text::member_roots(expressions, "No probe of the group fails with it.")
    )
}
