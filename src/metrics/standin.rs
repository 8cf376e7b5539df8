//! The families of `blackbox_exporter` itself, shown where the program stands in for it: where it was started with a
//! file of modules and nothing else.
//!
//! Not among them are `go_*` and `net_conntrack_*`: they tell of a runtime and a library that are not there, and a number
//! under their names would be made up.

use std::fmt;
use std::sync::atomic::Ordering::Relaxed;

use super::catalog::Kind::{Counter, Gauge};
use super::catalog::{Family, Series, Unit};
use super::collector::{Out, Snapshot, seconds};
use crate::build_info;

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "blackbox_exporter_build_info",
        kind: Gauge,
        unit: None,
        labels: &[
            "branch",
            "goarch",
            "goos",
            "goversion",
            "revision",
            "tags",
            "version",
        ],
        help: "What this binary is, under the name that dashboards know; version and revision are linkwatch's.",
        series: Series::Own(build),
    },
    Family {
        name: "blackbox_exporter_config_last_reload_successful",
        kind: Gauge,
        unit: None,
        labels: &[],
        help: "Whether the last load of the configuration worked.",
        series: Series::Own(|snapshot, out| {
            standing_in(snapshot, || out.flag(snapshot.health.reload_successful))
        }),
    },
    Family {
        name: "blackbox_exporter_config_last_reload_success_timestamp_seconds",
        kind: Gauge,
        unit: Some(Unit::Seconds),
        labels: &[],
        help: "When the configuration was last loaded.",
        series: Series::Own(|snapshot, out| {
            let at = snapshot
                .health
                .reload_success
                .filter(|_| snapshot.health.as_blackbox);
            at.map_or(Ok(()), |at| out.gauge(seconds(at)))
        }),
    },
    Family {
        name: "blackbox_module_unknown_total",
        kind: Counter,
        unit: None,
        labels: &[],
        help: "Requests for modules that there are not.",
        series: Series::Own(|snapshot, out| {
            standing_in(snapshot, || {
                out.counter(snapshot.state.demand.unknown_modules.load(Relaxed))
            })
        }),
    },
    Family {
        name: "promhttp_metric_handler_requests_in_flight",
        kind: Gauge,
        unit: None,
        labels: &[],
        help: "Scrapes that are being served.",
        series: Series::Own(|snapshot, out| {
            standing_in(snapshot, || {
                out.gauge(snapshot.state.own.scrapes.in_flight.load(Relaxed))
            })
        }),
    },
    Family {
        name: "promhttp_metric_handler_requests_total",
        kind: Counter,
        unit: None,
        labels: &["code"],
        help: "Scrapes by HTTP status code.",
        series: Series::Own(requests),
    },
];

/// Writes only where the program stands in for `blackbox_exporter`.
fn standing_in(snapshot: &Snapshot, write: impl FnOnce() -> fmt::Result) -> fmt::Result {
    if snapshot.health.as_blackbox {
        write()
    } else {
        Ok(())
    }
}

fn build(snapshot: &Snapshot, out: &mut Out<'_, '_>) -> fmt::Result {
    if !snapshot.health.as_blackbox {
        return Ok(());
    }
    let machine = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let labels = [
        ("branch", ""),
        ("goarch", machine),
        ("goos", std::env::consts::OS),
        ("goversion", ""),
        ("revision", build_info::REVISION),
        ("tags", ""),
        ("version", build_info::VERSION),
    ];
    out.gauge_with(&labels, 1_u64)
}

fn requests(snapshot: &Snapshot, out: &mut Out<'_, '_>) -> fmt::Result {
    if !snapshot.health.as_blackbox {
        return Ok(());
    }
    let scrapes = &snapshot.state.own.scrapes;
    let counts = [
        ("200", scrapes.done.load(Relaxed)),
        ("500", scrapes.failed.load(Relaxed)),
        ("503", 0),
    ];
    for (code, count) in counts {
        out.counter_with(&[("code", code)], count)?;
    }
    Ok(())
}
