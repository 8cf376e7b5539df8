//! What has been asked of `/probe`, and of `/metrics`.

use std::fmt;
use std::sync::atomic::Ordering::Relaxed;

use super::catalog::Kind::{Counter, Gauge};
use super::catalog::{Family, Series, Unit};
use super::collector::{Out, Snapshot};
use super::labels::bounded;
use crate::state::demand::{ModuleCounts, Rejection};

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "linkwatch_probe_requests_in_flight",
        kind: Gauge,
        unit: None,
        labels: &[],
        help: "Probes on demand that are running.",
        series: Series::Own(|snapshot, out| out.gauge(snapshot.state.demand.in_flight.load(Relaxed))),
    },
    Family {
        name: "linkwatch_probe_requests_queued",
        kind: Gauge,
        unit: None,
        labels: &[],
        help: "Probes on demand that wait for others to end.",
        series: Series::Own(|snapshot, out| out.gauge(snapshot.state.demand.queued.load(Relaxed))),
    },
    Family {
        name: "linkwatch_probe_requests_limit",
        kind: Gauge,
        unit: None,
        labels: &[],
        help: "Probes on demand that may run at once; one module takes three times what is left free at most, three quarters of it alone.",
        series: Series::Own(|snapshot, out| out.gauge(snapshot.state.demand.limit.load(Relaxed))),
    },
    Family {
        name: "linkwatch_probe_requests_rejected_total",
        kind: Counter,
        unit: None,
        labels: &["reason"],
        help: "Probes on demand that were not made, because too many wait (queue_full) or it took too long (queue_timeout).",
        series: Series::Own(rejected),
    },
    Family {
        name: "linkwatch_probe_requests_refused_total",
        kind: Counter,
        unit: None,
        labels: &[],
        help: "Probes on demand of what may not be probed, by name or by address.",
        series: Series::Own(|snapshot, out| out.counter(snapshot.state.demand.refused.load(Relaxed))),
    },
    Family {
        name: "linkwatch_probe_module_probes_total",
        kind: Counter,
        unit: None,
        labels: &["module"],
        help: "Probes on demand, by module; beyond 200 modules the others are counted as (other).",
        series: Series::Own(|snapshot, out| by_module(snapshot, out, |counts| counts.probes)),
    },
    Family {
        name: "linkwatch_probe_module_failures_total",
        kind: Counter,
        unit: None,
        labels: &["module"],
        help: "Probes on demand that failed, by module.",
        series: Series::Own(|snapshot, out| by_module(snapshot, out, |counts| counts.failures)),
    },
    Family {
        name: "linkwatch_probe_module_duration_seconds_total",
        kind: Counter,
        unit: Some(Unit::Seconds),
        labels: &["module"],
        help: "Time spent on probes on demand, by module.",
        series: Series::Own(|snapshot, out| {
            for (module, counts) in &snapshot.modules {
                out.seconds_counter_with(&[("module", bounded(module))], counts.spent.as_secs_f64())?;
            }
            Ok(())
        }),
    },
];

fn rejected(snapshot: &Snapshot, out: &mut Out<'_, '_>) -> fmt::Result {
    for why in Rejection::ALL {
        out.counter_with(&[("reason", why.as_str())], snapshot.state.demand.rejected(why))?;
    }
    Ok(())
}

fn by_module(snapshot: &Snapshot, out: &mut Out<'_, '_>, of: impl Fn(&ModuleCounts) -> u64) -> fmt::Result {
    for (module, counts) in &snapshot.modules {
        out.counter_with(&[("module", bounded(module))], of(counts))?;
    }
    Ok(())
}
