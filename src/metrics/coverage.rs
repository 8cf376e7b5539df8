//! Which hosts there are, and which of them nobody watches.

use super::catalog::Kind::Gauge;
use super::catalog::{Family, Series};
use super::labels::bounded;

/// Hosts that are named in series, of all sources together: the rest is only counted.
const MOST_NAMED: usize = 1_000;

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "linkwatch_hosts_known",
        kind: Gauge,
        unit: None,
        labels: &["source"],
        help: "Public hosts that the source last told of.",
        series: Series::Own(|snapshot, out| {
            let coverage = snapshot.state.coverage();
            let lists = coverage.0.iter();
            lists
                .filter_map(|source| Some((source.name.as_str(), source.known.as_ref()?.len())))
                .try_for_each(|(name, hosts)| out.gauge_with(&[("source", name)], hosts as u64))
        }),
    },
    Family {
        name: "linkwatch_hosts_unwatched",
        kind: Gauge,
        unit: None,
        labels: &["source"],
        help: "Those of them that no group watches and nobody has ignored.",
        series: Series::Own(|snapshot, out| {
            let coverage = snapshot.state.coverage();
            let lists = coverage.0.iter().filter(|source| source.known.is_some());
            lists
                .map(|source| (source.name.as_str(), source.unwatched.len()))
                .try_for_each(|(name, hosts)| out.gauge_with(&[("source", name)], hosts as u64))
        }),
    },
    Family {
        name: "linkwatch_hosts_source_up",
        kind: Gauge,
        unit: None,
        labels: &["source"],
        help: "Whether the source told of hosts when it was last asked; its last list stays while it does not.",
        series: Series::Own(|snapshot, out| {
            let coverage = snapshot.state.coverage();
            let asked = coverage.0.iter();
            asked
                .filter_map(|source| Some((source.name.as_str(), source.up?)))
                .try_for_each(|(name, up)| out.gauge_with(&[("source", name)], u64::from(up)))
        }),
    },
    Family {
        name: "linkwatch_host_unwatched_info",
        kind: Gauge,
        unit: None,
        labels: &["host", "source"],
        help: "The hosts that nobody watches, by name; at most 1000.",
        series: Series::Own(|snapshot, out| {
            let coverage = snapshot.state.coverage();
            let named = coverage
                .0
                .iter()
                .flat_map(|source| source.unwatched.iter().map(|host| (host, &source.name)));
            named.take(MOST_NAMED).try_for_each(|(host, source)| {
                out.gauge_with(&[("host", bounded(host)), ("source", source.as_str())], 1_u64)
            })
        }),
    },
];
