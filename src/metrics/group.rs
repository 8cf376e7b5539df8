//! What is known and counted of each group.

use std::fmt;
use std::sync::atomic::Ordering::Relaxed;

use super::catalog::Kind::{Counter, Gauge};
use super::catalog::{Family, Series, Unit};
use super::collector::{Out, SeenGroup, seconds};
use crate::cause::{Cause, Effect};

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "linkwatch_group_page",
        kind: Gauge,
        unit: None,
        labels: &[],
        help: "Whether alerts of the group may page; where not, they are warnings at most.",
        series: Series::Group(|seen, out| out.flag(seen.slot.group.page)),
    },
    Family {
        name: "linkwatch_group_interval_seconds",
        kind: Gauge,
        unit: Some(Unit::Seconds),
        labels: &[],
        help: "Time from one scheduled probe of an endpoint to the next.",
        series: Series::Group(|seen, out| out.gauge(seen.slot.group.interval.as_secs_f64())),
    },
    Family {
        name: "linkwatch_probes_total",
        kind: Counter,
        unit: None,
        labels: &[],
        help: "Probes made.",
        series: Series::Group(|seen, out| out.counter(seen.slot.counters.probes.load(Relaxed))),
    },
    Family {
        name: "linkwatch_probe_failures_total",
        kind: Counter,
        unit: None,
        labels: &["cause"],
        help: "Probes that failed, by the symptom's cause, unconfirmed ones too.",
        series: Series::Group(failures),
    },
    Family {
        name: "linkwatch_probe_missed_runs_total",
        kind: Counter,
        unit: None,
        labels: &[],
        help: "Scheduled probes that were not made because the last one of the endpoint was still running.",
        series: Series::Group(|seen, out| out.counter(seen.slot.counters.missed_runs.load(Relaxed))),
    },
    Family {
        name: "linkwatch_incident_since_timestamp_seconds",
        kind: Gauge,
        unit: Some(Unit::Seconds),
        labels: &["cause"],
        help: "When the incident began, once for every root cause that stands in the group; absent where none does.",
        series: Series::Group(incidents),
    },
];

fn failures(seen: &SeenGroup<'_>, out: &mut Out<'_, '_>) -> fmt::Result {
    for (cause, count) in Cause::ALL.iter().zip(&seen.slot.counters.failures) {
        // A suspended judgement is no failure of anything.
        if cause.effect() != Effect::Suspends {
            out.counter_with(&[("cause", cause.as_str())], count.load(Relaxed))?;
        }
    }
    Ok(())
}

fn incidents(seen: &SeenGroup<'_>, out: &mut Out<'_, '_>) -> fmt::Result {
    let own = seen.incidents.iter();
    own.filter(|incident| incident.group.as_ref() == Some(&seen.slot.group.name))
        .try_for_each(|incident| {
            out.gauge_with(&[("cause", incident.cause.as_str())], seconds(incident.began))
        })
}
