//! A backtest as one object.

use serde_json::{Value, json};

use super::{Found, csv};
use crate::traffic::backtest::Alarm;
use crate::traffic::backtest::summary::Summary;

/// Writes the object.
pub(super) fn write(mut out: impl std::io::Write, found: &Found<'_>) -> std::io::Result<()> {
    let table = found.table;
    let object = json!({
        "bin_seconds": table.bin.as_secs(),
        "start": table.start.to_string(),
        "end": table.start_of(table.len()).to_string(),
        "alarms": found.alarms.iter().map(|alarm| self::alarm(found, alarm)).collect::<Vec<_>>(),
        "series": found.summaries.iter().map(|one| summary(found, one)).collect::<Vec<_>>(),
    });
    writeln!(out, "{object:#}")
}

fn alarm(found: &Found<'_>, alarm: &Alarm) -> Value {
    let raised = &alarm.raised;
    json!({
        "scope": csv::scope(raised.scope),
        "series": found.table.name(raised.scope),
        "start": raised.at.to_string(),
        "end": alarm.ended.map(|(end, _)| end.to_string()),
        "ended_by": alarm.ended.map(|(_, how)| how.as_str()),
        "tier": alarm.tier.as_str(),
        "since": raised.since.to_string(),
        "expected": raised.expected,
        "observed": raised.observed,
        "evidence": raised.evidence,
        "threshold": raised.threshold,
    })
}

fn summary(found: &Found<'_>, summary: &Summary) -> Value {
    let simulated = summary.simulated.as_ref().map(|delays| {
        json!({
            "outages": delays.outages,
            "noticed": delays.noticed,
            "median_delay_seconds": delays.median.map(|delay| delay.as_secs()),
            "limit_noticed": delays.limit_noticed,
            "limit_median_delay_seconds": delays.limit.map(|delay| delay.as_secs()),
        })
    });
    json!({
        "scope": csv::scope(summary.scope),
        "series": found.table.name(summary.scope),
        "alarms": summary.episodes,
        "false_alarms_per_month": summary.per_month,
        "simulated_outages": simulated,
    })
}
