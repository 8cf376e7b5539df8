//! A backtest as a report to read.

use std::io::Write;

use anstyle::{AnsiColor, Style};
use jiff::SignedDuration;

use super::Found;
use crate::traffic::Tier;
use crate::traffic::backtest::summary::Summary;
use crate::traffic::backtest::{Alarm, Ended};
use crate::traffic::ensemble::Scope;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const BAD: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default();

/// Writes the report; the caller's stream drops the colours where they are not wanted.
pub(super) fn write(mut out: impl Write, found: &Found<'_>) -> std::io::Result<()> {
    let table = found.table;
    writeln!(
        out,
        "{BOLD}{} series{BOLD:#}, {} to {}, bins of {:#}\n",
        table.columns.len(),
        table.start,
        table.start_of(table.len()),
        table.bin
    )?;
    let width = (found.summaries.iter())
        .map(|summary| name(found, summary.scope).chars().count())
        .max()
        .unwrap_or(0)
        .max("series".len());
    alarms(&mut out, found, width)?;
    writeln!(
        out,
        "\n{DIM}{:width$}  alarms  a month  noticed    median  limit{DIM:#}",
        "series"
    )?;
    for one in &found.summaries {
        summary(&mut out, found, one, width)?;
    }
    if found.summaries.iter().any(|summary| summary.simulated.is_some()) {
        writeln!(
            out,
            "\n{DIM}alarms: after the warm-up, those within an hour as one; false ones, if nothing was wrong. noticed: of total\n\
             outages of 72 min that were put into the history. limit: the median delay that no test can beat.{DIM:#}"
        )?;
    }
    Ok(())
}

fn alarms(out: &mut impl Write, found: &Found<'_>, width: usize) -> std::io::Result<()> {
    if found.alarms.is_empty() {
        return writeln!(out, "no alarms");
    }
    writeln!(
        out,
        "{DIM}{:20}  {:>10}  {:7}  {:width$}  {:>10}  {:>10}  evidence{DIM:#}",
        "raised", "lasted", "tier", "series", "expected", "observed"
    )?;
    for alarm in &found.alarms {
        let raised = &alarm.raised;
        let style = match alarm.tier {
            Tier::Partial => WARNING,
            Tier::Outage => BAD,
        };
        writeln!(
            out,
            "{:20}  {:>10}  {style}{:7}{style:#}  {:width$}  {:>10.1}  {:>10.1}  {:.1} of {:.1}{}",
            raised.at.to_string(),
            lasted(alarm),
            alarm.tier.as_str(),
            name(found, raised.scope),
            raised.expected,
            raised.observed,
            raised.evidence,
            raised.threshold,
            match alarm.ended {
                Some((_, Ended::LevelAccepted)) => "  (new level accepted)",
                Some((_, Ended::Changed | Ended::Cleared)) | None => "",
            }
        )?;
    }
    Ok(())
}

fn summary(out: &mut impl Write, found: &Found<'_>, summary: &Summary, width: usize) -> std::io::Result<()> {
    write!(
        out,
        "{:width$}  {:>6}  {:>7.2}",
        name(found, summary.scope),
        summary.episodes,
        summary.per_month
    )?;
    if let Some(delays) = &summary.simulated {
        let noticed = format!("{} of {}", delays.noticed, delays.outages);
        write!(
            out,
            "  {noticed:9}  {:>6}  {:>5}",
            time(delays.median),
            time(delays.limit)
        )?;
    }
    writeln!(out)
}

/// A series' name, or what stands for all of them.
pub(super) fn name<'a>(found: &'a Found<'_>, scope: Scope) -> &'a str {
    match scope {
        Scope::Series(_) => found.table.name(scope),
        Scope::Pool(_) => "(group)",
    }
}

/// A delay, or that there is none.
pub(super) fn time(delay: Option<SignedDuration>) -> String {
    delay.map_or_else(|| "never".into(), |delay| format!("{delay:#}"))
}

fn lasted(alarm: &Alarm) -> String {
    alarm.ended.map_or_else(
        || "stands".into(),
        |(end, _)| format!("{:#}", end.duration_since(alarm.raised.at)),
    )
}
