//! What linkwatch knows of itself.

use std::sync::atomic::Ordering::Relaxed;

use super::catalog::Kind::{Counter, Gauge, Histogram, Info};
use super::catalog::{Family, Series, Unit};
use super::collector::seconds;
use crate::build_info;

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "linkwatch_vantage_up",
        kind: Gauge,
        unit: None,
        labels: &[],
        help: "Whether any anchor answers; while none does, judgement is suspended; absent without anchors.",
        series: Series::Own(|snapshot, out| match snapshot.health.vantage_up {
            Some(up) => out.flag(up),
            None => Ok(()),
        }),
    },
    Family {
        name: "linkwatch_clock_skew_seconds",
        kind: Gauge,
        unit: Some(Unit::Seconds),
        labels: &[],
        help: "This machine's clock minus that of the servers, by the median of their Date headers; absent while unknown.",
        series: Series::Own(|snapshot, out| match snapshot.health.clock_skew {
            Some(skew) => out.gauge(skew),
            None => Ok(()),
        }),
    },
    Family {
        name: "linkwatch_probes_in_flight",
        kind: Gauge,
        unit: None,
        labels: &[],
        help: "Probes that are running.",
        series: Series::Own(|snapshot, out| out.gauge(snapshot.state.own.in_flight.load(Relaxed))),
    },
    Family {
        name: "linkwatch_probe_lag_seconds",
        kind: Histogram,
        unit: Some(Unit::Seconds),
        labels: &["le"],
        help: "Time from when a probe was due to when it began.",
        series: Series::Distribution(|snapshot| &snapshot.state.own.lag),
    },
    Family {
        name: "linkwatch_probe_bodies_bytes",
        kind: Gauge,
        unit: Some(Unit::Bytes),
        labels: &[],
        help: "Memory that bodies of answers take of what there is for those that are kept to be judged; up to 64 KiB are free.",
        series: Series::Own(|snapshot, out| out.gauge(snapshot.state.own.bodies.taken() as u64)),
    },
    Family {
        name: "linkwatch_probe_bodies_limit_bytes",
        kind: Gauge,
        unit: Some(Unit::Bytes),
        labels: &[],
        help: "Memory that there is for the bodies of answers.",
        series: Series::Own(|snapshot, out| out.gauge(snapshot.state.own.bodies.room() as u64)),
    },
    Family {
        name: "linkwatch_probe_bodies_in_judgement",
        kind: Gauge,
        unit: None,
        labels: &[],
        help: "Bodies of answers that are judged beside the workers; two at once at most.",
        series: Series::Own(|snapshot, out| out.gauge(snapshot.state.own.bodies.judged_now())),
    },
    Family {
        name: "linkwatch_probe_bodies_unjudged_total",
        kind: Counter,
        unit: None,
        labels: &["reason"],
        help: "Bodies of answers of which nothing can be said, because others took the memory (memory) or were judged (queue) for too long.",
        series: Series::Own(|snapshot, out| {
            let bodies = &snapshot.state.own.bodies;
            out.counter_with(&[("reason", "memory")], bodies.unread())?;
            out.counter_with(&[("reason", "queue")], bodies.unjudged())
        }),
    },
    Family {
        name: "linkwatch_storage_persistent",
        kind: Gauge,
        unit: None,
        labels: &[],
        help: "Whether verdicts and last answers outlive a restart.",
        series: Series::Own(|snapshot, out| out.flag(snapshot.health.storage_persistent)),
    },
    Family {
        name: "linkwatch_config_last_reload_successful",
        kind: Gauge,
        unit: None,
        labels: &[],
        help: "Whether the last load of the configuration worked.",
        series: Series::Own(|snapshot, out| out.flag(snapshot.health.reload_successful)),
    },
    Family {
        name: "linkwatch_config_last_reload_success_timestamp_seconds",
        kind: Gauge,
        unit: Some(Unit::Seconds),
        labels: &[],
        help: "When the configuration was last loaded.",
        series: Series::Own(|snapshot, out| match snapshot.health.reload_success {
            Some(at) => out.gauge(seconds(at)),
            None => Ok(()),
        }),
    },
    Family {
        name: "linkwatch_web_config_last_reload_successful",
        kind: Gauge,
        unit: None,
        labels: &[],
        help: "Whether the last load of --web.config.file worked; while it did not, what it said before holds; absent without it.",
        series: Series::Own(|snapshot, out| match snapshot.health.web_reload_successful {
            Some(successful) => out.flag(successful),
            None => Ok(()),
        }),
    },
    Family {
        name: "linkwatch_build_info",
        kind: Info,
        unit: None,
        labels: &["version", "revision", "rustversion"],
        help: "What this binary is.",
        series: Series::Own(|_, out| {
            out.info(&[
                ("version", build_info::VERSION),
                ("revision", build_info::REVISION),
                ("rustversion", build_info::RUST_VERSION),
            ])
        }),
    },
];
