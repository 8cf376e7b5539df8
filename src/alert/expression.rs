//! The pieces that the conditions are made of.

use super::{Parameters, Rule, Severity};

/// Labels that say how Prometheus found a replica, not what is watched: every rule takes them away.
///
/// `endpoint`, `namespace`, `pod`, `service`, `container` and `node` are those of the Prometheus operator.
pub const REPLICA_LABELS: &str = "job, instance, pod, container, endpoint, node, namespace, service";

/// The labels that tell the series of one endpoint on one replica from all others.
const ENDPOINT: &str = "job, instance, name, group";

/// Writes `PromQL` for one installation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expressions<'a> {
    replicas: Replicas<'a>,
}

/// Whose series are meant.
#[derive(Debug, Clone, Copy)]
enum Replicas<'a> {
    /// Those of a job, or of any.
    Job(Option<&'a str>),
    /// Those that a dashboard's reader has chosen.
    Chosen,
}

impl<'a> Expressions<'a> {
    pub(super) fn new(parameters: &'a Parameters) -> Self {
        Self {
            replicas: Replicas::Job(parameters.job.as_deref()),
        }
    }

    /// Of the replicas that the variables `job` and `instance` of a dashboard name.
    pub(crate) const fn chosen() -> Self {
        Self {
            replicas: Replicas::Chosen,
        }
    }

    /// A selector of one of linkwatch's families; `matchers` without braces, possibly empty.
    pub(crate) fn series(self, family: &str, matchers: &str) -> String {
        self.any_series(&format!("linkwatch_{family}"), matchers)
    }

    /// A selector of any family.
    pub(crate) fn any_series(self, family: &str, matchers: &str) -> String {
        let replicas = match self.replicas {
            Replicas::Job(job) => job.map(|job| format!("job={job:?}")),
            Replicas::Chosen => Some("job=~\"$job\", instance=~\"$instance\"".to_owned()),
        };
        let all: Vec<&str> = replicas
            .as_deref()
            .into_iter()
            .chain(Some(matchers).filter(|m| !m.is_empty()))
            .collect();
        if all.is_empty() {
            family.to_owned()
        } else {
            format!("{family}{{{}}}", all.join(", "))
        }
    }

    /// `values` of endpoints, without those of a replica that has stopped probing or is itself offline.
    ///
    /// `matchers` narrow the freshness down to the endpoints that are asked about, for speed alone.
    pub(crate) fn fresh(self, values: &str, matchers: &str) -> String {
        format!(
            "{values}\n\
             unless on({ENDPOINT}) (\n{}\n)\n\
             unless on(job, instance) ({} == 0)",
            indent(&self.stale(matchers)),
            self.series("vantage_up", "")
        )
    }

    /// The age in seconds of the last probe, where it is more than three intervals.
    pub(super) fn stale(self, matchers: &str) -> String {
        format!(
            "time() - {}\n  > on(job, instance, group) group_left() 3 * {}",
            self.series("probe_last_run_timestamp_seconds", matchers),
            self.series("group_interval_seconds", "")
        )
    }

    /// The endpoints that are up by at least one fresh replica as 1, down by all of them as 0.
    pub(super) fn up(self) -> String {
        aggregate("max", "", &self.fresh(&self.series("endpoint_up", ""), ""))
    }

    /// The endpoints that every fresh replica calls down, outside of maintenance.
    pub(super) fn down(self) -> String {
        format!("{} == 0\n{}", self.up(), self.outside_maintenance())
    }

    /// Takes away what is in a maintenance window.
    pub(super) fn outside_maintenance(self) -> String {
        let windows = aggregate("max", "", &self.series("endpoint_in_maintenance", ""));
        format!(
            "unless on(name, group) (\n{}\n)",
            indent(&format!("{windows} == 1"))
        )
    }

    /// The rules of an alert of endpoints that pages, and that is a warning where the group may not page.
    pub(super) fn paging(self, condition: &str) -> Vec<Rule> {
        let unpaged = indent(&format!("{} == 0", self.page()));
        let rule = |severity, word| Rule {
            severity,
            expr: format!("{condition}\n{word} on(group) (\n{unpaged}\n)"),
        };
        vec![rule(Severity::Critical, "unless"), rule(Severity::Warning, "and")]
    }

    /// 1 for groups that may page, 0 for the others, with the groups' own labels.
    pub(super) fn page(self) -> String {
        aggregate("max", "", &self.series("group_page", ""))
    }

    /// The endpoints for which one of `causes` stands on any fresh replica, whatever its role.
    pub(super) fn standing(self, causes: &[&str]) -> String {
        let matchers = match causes {
            [cause] => format!("cause=\"{cause}\""),
            several => format!("cause=~\"{}\"", several.join("|")),
        };
        aggregate(
            "max",
            "cause, stage, role",
            &self.fresh(&self.series("endpoint_cause", &matchers), ""),
        )
    }
}

/// Aggregates replicas away, and the labels of `besides` with them.
pub(crate) fn aggregate(operator: &str, besides: &str, body: &str) -> String {
    let besides = if besides.is_empty() {
        String::new()
    } else {
        format!(", {besides}")
    };
    if body.contains('\n') {
        format!(
            "{operator} without({REPLICA_LABELS}{besides}) (\n{}\n)",
            indent(body)
        )
    } else {
        format!("{operator} without({REPLICA_LABELS}{besides}) ({body})")
    }
}

/// Two spaces before every line.
pub(super) fn indent(text: &str) -> String {
    text.lines()
        .map(|line| format!("  {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// The same expression on one line, for a query inside a template.
pub(crate) fn one_line(expression: &str) -> String {
    expression.split_whitespace().collect::<Vec<_>>().join(" ")
}
