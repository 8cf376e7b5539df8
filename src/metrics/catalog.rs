//! Every metric family once: its name, type, unit, labels, meaning, and where its values come from.
//!
//! The collector, `docs/METRICS.md` and the tests all read these tables.

use std::fmt::{self, Write as _};

use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Unit as ClientUnit;

use super::collector::{Out, SeenEndpoint, SeenGroup, Snapshot};
use super::{
    certificate, coverage, demand, endpoint, foresight, group, own, platform, process, standin, traffic,
};
use crate::endpoint::ProberName;
use crate::traffic::Judgement;

/// A metric family.
#[derive(Debug)]
pub struct Family {
    /// The name of its series (without `_bucket`, `_sum` and `_count` for a histogram).
    pub name: &'static str,
    /// What kind of values it holds.
    pub kind: Kind,
    /// The unit that ends its name.
    pub unit: Option<Unit>,
    /// Its own labels, beside those of an endpoint or a group.
    pub labels: &'static [&'static str],
    /// What it means, as a sentence.
    pub help: &'static str,
    /// Where its series come from.
    pub(super) series: Series,
}

/// What kind of values a family holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A value that goes up and down.
    Gauge,
    /// A value that only grows.
    Counter,
    /// A distribution.
    Histogram,
    /// 1, with facts as labels.
    Info,
}

/// The unit of a family's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Seconds, of a duration or since the epoch.
    Seconds,
    /// Bytes.
    Bytes,
    /// A share of one.
    Ratio,
}

/// What a family has series for, and the code that writes them.
pub(super) enum Series {
    /// Every endpoint.
    Endpoint(fn(&SeenEndpoint<'_>, &mut Out<'_, '_>) -> fmt::Result),
    /// Every group.
    Group(WriteGroup),
    /// Every series of click traffic, and every group of them.
    Traffic(WriteTraffic),
    /// linkwatch itself.
    Own(fn(&Snapshot, &mut Out<'_, '_>) -> fmt::Result),
    /// linkwatch itself: a distribution.
    Distribution(fn(&Snapshot) -> &Histogram),
}

/// Writes what is known of a group.
pub(super) type WriteGroup = fn(&SeenGroup<'_>, &mut Out<'_, '_>) -> fmt::Result;

/// Writes what a judgement says.
pub(super) type WriteTraffic = fn(&Judgement, &mut Out<'_, '_>) -> fmt::Result;

impl fmt::Debug for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.subject())
    }
}

impl Series {
    const fn subject(&self) -> &'static str {
        match self {
            Self::Endpoint(_) => "endpoint",
            Self::Group(_) => "group",
            Self::Traffic(_) => "traffic",
            Self::Own(_) | Self::Distribution(_) => "linkwatch",
        }
    }
}

/// Every family that `/metrics` serves, in the order in which it serves them.
pub fn families() -> impl Iterator<Item = &'static Family> {
    TABLES.iter().flat_map(|table| table.iter())
}

/// The tables, by subject.
const TABLES: [&[Family]; 11] = [
    endpoint::FAMILIES,
    certificate::FAMILIES,
    platform::FAMILIES,
    foresight::FAMILIES,
    coverage::FAMILIES,
    group::FAMILIES,
    traffic::FAMILIES,
    own::FAMILIES,
    demand::FAMILIES,
    process::FAMILIES,
    standin::FAMILIES,
];

impl Kind {
    /// The name of the type in OpenMetrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Histogram => "histogram",
            Self::Info => "info",
        }
    }

    /// What the encoders put after the name by themselves.
    const fn suffix(self) -> &'static str {
        match self {
            Self::Gauge | Self::Histogram => "",
            Self::Counter => "_total",
            Self::Info => "_info",
        }
    }

    pub(super) const fn client(self) -> MetricType {
        match self {
            Self::Gauge => MetricType::Gauge,
            Self::Counter => MetricType::Counter,
            Self::Histogram => MetricType::Histogram,
            Self::Info => MetricType::Info,
        }
    }
}

impl Unit {
    /// As it stands in names.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Seconds => "seconds",
            Self::Bytes => "bytes",
            Self::Ratio => "ratio",
        }
    }

    pub(super) fn client(self) -> ClientUnit {
        match self {
            Self::Seconds => ClientUnit::Seconds,
            Self::Bytes => ClientUnit::Bytes,
            Self::Ratio => ClientUnit::Other(self.as_str().to_owned()),
        }
    }
}

impl Family {
    /// The name without what the encoders add: suffix and unit.
    pub(super) fn stem(&self) -> &'static str {
        let stem = self.name.strip_suffix(self.kind.suffix()).unwrap_or(self.name);
        let Some(unit) = self.unit else { return stem };
        stem.strip_suffix(unit.as_str())
            .and_then(|stem| stem.strip_suffix('_'))
            .unwrap_or(stem)
    }

    /// What the family has series for: `endpoint`, `group`, `traffic` or `linkwatch`.
    #[must_use]
    pub fn subject(&self) -> &'static str {
        self.series.subject()
    }
}

/// The catalogue as a document: `docs/METRICS.md`.
#[must_use]
pub fn document() -> String {
    let mut text = String::from(PREFACE);
    for (subject, preface) in [
        ("endpoint", ENDPOINT_PREFACE),
        ("group", GROUP_PREFACE),
        ("traffic", TRAFFIC_PREFACE),
        ("linkwatch", OWN_PREFACE),
    ] {
        text.push_str(preface);
        text.push_str("\n\n| family | type | labels | meaning |\n|---|---|---|---|\n");
        for family in families().filter(|family| family.subject() == subject) {
            let labels: Vec<_> = family.labels.iter().map(|label| format!("`{label}`")).collect();
            let row = (
                family.name,
                family.kind.as_str(),
                labels.join(", "),
                family.help.replace('|', "\\|"),
            );
            // Writing to a string cannot fail.
            let _ = writeln!(text, "| `{}` | {} | {} | {} |", row.0, row.1, row.2, row.3);
        }
    }
    text.push_str(super::blackbox::PREFACE);
    for prober in ProberName::ALL {
        let _ = writeln!(
            text,
            "\n\nOf the `{}` prober:\n\n| family | labels | meaning |\n|---|---|---|",
            prober.as_str()
        );
        for series in super::blackbox::of(prober) {
            let labels: Vec<_> = series.labels.iter().map(|label| format!("`{label}`")).collect();
            let row = (series.name, labels.join(", "), series.help);
            let _ = writeln!(text, "| `{}` | {} | {} |", row.0, row.1, row.2);
        }
    }
    text
}

const PREFACE: &str = "\
# Metrics

Generated from the catalogue in `src/metrics`; a test holds the two together (`UPDATE_GOLDEN=1 cargo test --test it metrics` writes this page).

`/metrics` serves OpenMetrics 1.0, the text format 0.0.4 and protobuf, whichever the scraper prefers, compressed with gzip where it may.
Dates are Unix timestamps in seconds, so that an age is `time() - …`; a value that is not known has no series. An endpoint that is no longer
watched leaves no series behind.

";

const ENDPOINT_PREFACE: &str = "\
## Of an endpoint

Labels: `name` (the host unless the configuration says otherwise), `group`, and the labels of the configuration. At most 28 series per
endpoint with a chain of two certificates while a cause stands; two more for every further cause, four more where a DNS target is expected,
three more where a platform says it, three more where its authority is watched, one while
servers disagree about its name.";

const GROUP_PREFACE: &str = "
## Of a group

Labels: `group`, and the labels of the configuration.";

const TRAFFIC_PREFACE: &str = "
## Of click traffic

Labels: `stream`, `series`, `group` and `name` (of the endpoint that has the series' host). A group judged as a whole has neither `series` nor
`name`; a series whose host nothing watches has neither `group` nor `name`. Rates are in clicks per minute, over the last five minutes (or the
last bin, if that is longer); before the first count there are none: what is missing is never zero. At most 12 series per series of traffic.";

const OWN_PREFACE: &str = "
## Of linkwatch itself";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_end_as_their_type_and_unit_say() {
        let mut seen = std::collections::BTreeSet::new();
        for family in families() {
            assert!(seen.insert(family.name), "{} stands twice", family.name);
            assert!(family.name.ends_with(family.kind.suffix()), "{}", family.name);
            assert_eq!(family.kind == Kind::Counter, family.name.ends_with("_total"));
            let unit = family
                .unit
                .map_or(String::new(), |unit| format!("_{}", unit.as_str()));
            assert_eq!(
                format!("{}{unit}{}", family.stem(), family.kind.suffix()),
                family.name
            );
            assert_eq!(
                family.unit == Some(Unit::Seconds),
                family.name.contains("_seconds"),
                "{}",
                family.name
            );
        }
    }

    #[test]
    fn every_name_carries_the_prefix_and_every_help_is_one_sentence() {
        for family in families() {
            let prefixes = ["linkwatch_", "process_", "blackbox_", "promhttp_"];
            let carried = prefixes.iter().any(|prefix| family.name.starts_with(prefix));
            assert!(carried, "{}", family.name);
            assert!(family.help.ends_with('.'), "{}", family.name);
            assert!(!family.help.contains(['\n', '\\']), "{}", family.name);
        }
    }
}
