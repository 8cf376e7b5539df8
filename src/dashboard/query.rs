//! The pieces that the queries are made of: the alerts' own, for the replicas and endpoints that a reader has chosen.

use crate::alert::expression::{Expressions, aggregate, one_line};
use crate::alert::text::standing_roots;

/// What a reader has chosen of groups.
pub(super) const GROUP: &str = "group=~\"$group\"";

/// What a reader has chosen of endpoints.
pub(super) const ENDPOINT: &str = "group=~\"$group\", name=~\"$name\"";

/// Where a name may lead, the place of each being its number in `places`.
pub(super) const TARGETS: [&str; 4] = ["match", "drift", "dangling", "unverifiable"];

const CHOSEN: Expressions<'static> = Expressions::chosen();

/// A selector.
pub(super) fn series(family: &str, matchers: &str) -> String {
    CHOSEN.series(family, matchers)
}

/// A selector of a family that is not linkwatch's own.
pub(super) fn foreign(family: &str, matchers: &str) -> String {
    CHOSEN.any_series(family, matchers)
}

/// A family with the replicas aggregated away.
pub(super) fn max(family: &str, matchers: &str) -> String {
    aggregate("max", "", &series(family, matchers))
}

/// The same, without what a replica last saw before it stopped probing.
pub(super) fn fresh(family: &str, matchers: &str) -> String {
    one_line(&aggregate(
        "max",
        "",
        &CHOSEN.fresh(&series(family, matchers), ""),
    ))
}

/// 1 of an endpoint that a fresh replica calls up, 0 of one that all of them call down.
pub(super) fn up(matchers: &str) -> String {
    fresh("endpoint_up", matchers)
}

/// A number in place of a label: of the series that are 1, the place of their label's value in the list. What is drawn
/// as a state over time is then one row that changes, and not a row for each value.
pub(super) fn places(family: &str, matchers: &str, label: &str, values: &[&str]) -> String {
    let besides = if family == "endpoint_cause" {
        format!("{label}, stage")
    } else {
        label.to_owned()
    };
    let place = |(place, value): (usize, &&str)| {
        let matchers = format!("{matchers}, {label}=\"{value}\"");
        format!(
            "{place} * ({} == 1)",
            aggregate("max", &besides, &series(family, &matchers))
        )
    };
    values
        .iter()
        .enumerate()
        .map(place)
        .collect::<Vec<_>>()
        .join(" or ")
}

/// The endpoints with a root, each once.
pub(super) fn rooted(matchers: &str) -> String {
    let root = format!("{matchers}, role=\"root\"");
    format!("count by(group, name) ({})", fresh("endpoint_cause", &root))
}

/// The roots that stand, with what should be and what is.
pub(super) fn roots(matchers: &str) -> String {
    standing_roots(CHOSEN, matchers)
}

/// The endpoints that are watched, whatever is known of them.
pub(super) fn watched(matchers: &str) -> String {
    format!("count by(group, name) ({})", series("endpoint_info", matchers))
}

/// A count that is 0 where there is nothing to count.
pub(super) fn count(of: &str) -> String {
    format!("count({of}) or vector(0)")
}
