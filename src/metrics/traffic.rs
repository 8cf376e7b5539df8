//! What is known of click traffic.

use std::fmt;

use jiff::Timestamp;

use super::catalog::Kind::Gauge;
use super::catalog::{Family, Series, Unit};
use super::collector::{Out, Snapshot, seconds};
use super::labels::bounded;
use crate::traffic::{Judgement, Tier};

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "linkwatch_traffic_observed",
        kind: Gauge,
        unit: None,
        labels: &[],
        help: "Clicks per minute that arrive.",
        series: Series::Traffic(|judgement, out| rate(judgement, judgement.observed, out)),
    },
    Family {
        name: "linkwatch_traffic_expected",
        kind: Gauge,
        unit: None,
        labels: &[],
        help: "Clicks per minute that are expected at this time.",
        series: Series::Traffic(|judgement, out| rate(judgement, judgement.expected, out)),
    },
    Family {
        name: "linkwatch_traffic_expected_low",
        kind: Gauge,
        unit: None,
        labels: &[],
        help: "Clicks per minute at or below which the last minutes alone would raise an alarm; 0 where even silence would not; not of whole groups.",
        series: Series::Traffic(|judgement, out| match judgement.expected_low {
            Some(low) => rate(judgement, low, out),
            None => Ok(()),
        }),
    },
    Family {
        name: "linkwatch_traffic_low",
        kind: Gauge,
        unit: None,
        labels: &["tier"],
        help: "Whether traffic is low: at most one of the tiers is 1, outage where next to nothing arrives, else partial.",
        series: Series::Traffic(low),
    },
    Family {
        name: "linkwatch_traffic_low_since_timestamp_seconds",
        kind: Gauge,
        unit: Some(Unit::Seconds),
        labels: &[],
        help: "When the quiet began; only while traffic is low.",
        series: Series::Traffic(|judgement, out| {
            moment(judgement.since.filter(|_| judgement.low.is_some()), out)
        }),
    },
    Family {
        name: "linkwatch_traffic_evidence_ratio",
        kind: Gauge,
        unit: Some(Unit::Ratio),
        labels: &[],
        help: "The strongest evidence for a drop, over what raises an alarm: 1 and more alarms.",
        series: Series::Traffic(|judgement, out| rate(judgement, judgement.evidence_ratio, out)),
    },
    Family {
        name: "linkwatch_traffic_baseline_ready",
        kind: Gauge,
        unit: None,
        labels: &[],
        help: "Whether the baseline knows a whole day, so that the hour of the day is taken into account.",
        series: Series::Traffic(|judgement, out| out.flag(judgement.ready)),
    },
    Family {
        name: "linkwatch_traffic_level_shift_timestamp_seconds",
        kind: Gauge,
        unit: Some(Unit::Seconds),
        labels: &[],
        help: "When a lasting change of level was last accepted; absent before the first.",
        series: Series::Traffic(|judgement, out| moment(judgement.level_shift, out)),
    },
    Family {
        name: "linkwatch_traffic_time_to_notice_seconds",
        kind: Gauge,
        unit: Some(Unit::Seconds),
        labels: &[],
        help: "How long a total outage that begins now would take to be noticed; +Inf if it never would be.",
        series: Series::Traffic(time_to_notice),
    },
    Family {
        name: "linkwatch_traffic_blind",
        kind: Gauge,
        unit: None,
        labels: &[],
        help: "Whether a total outage of 72 minutes could pass unseen at the present rate.",
        series: Series::Traffic(|judgement, out| out.flag(judgement.blind())),
    },
    Family {
        name: "linkwatch_traffic_sample_timestamp_seconds",
        kind: Gauge,
        unit: Some(Unit::Seconds),
        labels: &[],
        help: "The end of the newest bin that held a count.",
        series: Series::Traffic(|judgement, out| moment(judgement.at, out)),
    },
    Family {
        name: "linkwatch_traffic_source_up",
        kind: Gauge,
        unit: None,
        labels: &["source"],
        help: "Whether the source of counts answered when it was last asked; absent before.",
        series: Series::Own(sources),
    },
];

/// A value that means something once there was a count.
fn rate(judgement: &Judgement, value: f64, out: &mut Out<'_, '_>) -> fmt::Result {
    match judgement.at {
        Some(_) => out.gauge(value),
        None => Ok(()),
    }
}

fn moment(at: Option<Timestamp>, out: &mut Out<'_, '_>) -> fmt::Result {
    match at {
        Some(at) => out.gauge(seconds(at)),
        None => Ok(()),
    }
}

fn low(judgement: &Judgement, out: &mut Out<'_, '_>) -> fmt::Result {
    for tier in Tier::ALL {
        let stands = judgement.low == Some(tier);
        out.gauge_with(&[("tier", tier.as_str())], u64::from(stands))?;
    }
    Ok(())
}

fn time_to_notice(judgement: &Judgement, out: &mut Out<'_, '_>) -> fmt::Result {
    let time = judgement.time_to_notice;
    out.gauge(time.map_or(f64::INFINITY, |time| time.as_secs_f64()))
}

fn sources(snapshot: &Snapshot, out: &mut Out<'_, '_>) -> fmt::Result {
    for source in &snapshot.traffic.sources {
        if let Some(up) = source.up {
            out.gauge_with(&[("source", bounded(&source.name))], u64::from(up))?;
        }
    }
    Ok(())
}
