//! A backtest as a picture: a panel per series with what came, what was expected, and the alarms.

use std::fmt::Write as _;
use std::io::Write;
use std::ops::Range;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use plotters::coord::Shift;
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use super::Found;
use super::curves::{Curves, Point, marks};
use super::table::{name, time};
use crate::traffic::Tier;
use crate::traffic::backtest::Alarm;
use crate::traffic::backtest::summary::Summary;
use crate::traffic::ensemble::Scope;

/// Panels of one picture.
const MAX_PANELS: usize = 40;
const WIDTH: u32 = 1_200;
const HEADER: u32 = 56;
const PANEL: u32 = 220;
const OBSERVED: RGBColor = RGBColor(96, 148, 204);
const EXPECTED: RGBColor = RGBColor(38, 50, 68);
const LOW: RGBColor = RGBColor(214, 138, 16);
const OUTAGE: RGBColor = RGBColor(208, 32, 44);
const PARTIAL: RGBColor = RGBColor(238, 128, 96);
const GROUP: RGBColor = RGBColor(128, 64, 176);
const INK: RGBColor = RGBColor(50, 50, 50);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<TimeAxis, RangedCoordf64>>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

/// Seconds since 1970, marked where the wall clock is round.
struct TimeAxis {
    seconds: Range<f64>,
    marks: Vec<f64>,
}

impl Ranged for TimeAxis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        RangedCoordf64::from(self.seconds.clone()).map(value, limit)
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() {
            Vec::new()
        } else {
            self.marks.clone()
        }
    }

    fn range(&self) -> Range<f64> {
        self.seconds.clone()
    }
}

/// Writes the picture.
pub(super) fn write(
    mut out: impl Write,
    found: &Found<'_>,
    curves: &Curves,
    zone: &TimeZone,
) -> std::io::Result<()> {
    let mut text = String::new();
    draw(&mut text, found, curves, zone).map_err(|error| std::io::Error::other(error.to_string()))?;
    out.write_all(text.as_bytes())
}

fn draw(text: &mut String, found: &Found<'_>, curves: &Curves, zone: &TimeZone) -> Drawn {
    let panels = found.table.columns.len().min(MAX_PANELS);
    let height = HEADER + PANEL * u32::try_from(panels)?;
    let root = SVGBackend::with_string(text, (WIDTH, height)).into_drawing_area();
    root.fill(&WHITE)?;
    let (head, body) = root.split_vertically(HEADER);
    header(&head, found, curves, panels)?;
    let range = curves.range(found.table);
    let marks = marks(range, zone);
    for (series, area) in body.split_evenly((panels, 1)).iter().enumerate() {
        panel(area, found, curves.of(series), (series, range), &marks)?;
    }
    root.present()?;
    Ok(())
}

/// What is shown, and what the colours mean.
fn header(area: &Area<'_>, found: &Found<'_>, curves: &Curves, panels: usize) -> Drawn {
    let (from, to) = curves.range(found.table);
    let mut title = format!("clicks per minute, {from} to {to}");
    if panels < found.table.columns.len() {
        // Writing to a String cannot fail.
        let _ = write!(
            title,
            ", the first {panels} of {} series",
            found.table.columns.len()
        );
    }
    if let Some(group) = found
        .summaries
        .iter()
        .find(|one| matches!(one.scope, Scope::Pool(_)))
    {
        // Writing to a String cannot fail.
        let _ = write!(title, " · group: {}", sums(group));
    }
    write_text(area, &title, (12, 8), 15)?;
    let mut x = 12;
    let keys = [
        ("observed, mean and least", OBSERVED),
        ("expected", EXPECTED),
        ("lower limit", LOW),
        ("outage", OUTAGE),
        ("partial", PARTIAL),
        ("group alarm", GROUP),
    ];
    for (key, colour) in keys {
        area.draw(&Rectangle::new([(x, 35), (x + 14, 45)], colour.filled()))?;
        write_text(area, key, (x + 20, 33), 13)?;
        x += 50 + i32::try_from(key.len())? * 7;
    }
    Ok(())
}

fn write_text(area: &Area<'_>, text: &str, at: (i32, i32), size: i32) -> Drawn {
    area.draw(&Text::new(
        text.to_owned(),
        at,
        ("sans-serif", size).into_font().color(&INK),
    ))?;
    Ok(())
}

/// A summary in words.
fn sums(summary: &Summary) -> String {
    let mut words = format!("{:.2} alarms a month", summary.per_month);
    if let Some(delays) = &summary.simulated {
        // Writing to a String cannot fail.
        let _ = write!(
            words,
            ", {} of {} simulated outages noticed, median delay {} (limit {})",
            delays.noticed,
            delays.outages,
            time(delays.median),
            time(delays.limit)
        );
    }
    words
}

fn panel(
    area: &Area<'_>,
    found: &Found<'_>,
    points: &[Point],
    (series, (from, to)): (usize, (Timestamp, Timestamp)),
    marks: &[(Timestamp, String)],
) -> Drawn {
    let scope = Scope::Series(series);
    let summary = found.summaries.iter().find(|one| one.scope == scope);
    let title = summary.map_or_else(String::new, |summary| {
        format!("{}: {}", name(found, scope), sums(summary))
    });
    write_text(area, &title, (56, 4), 14)?;
    let (from, to, top) = (seconds(from), seconds(to), ceiling(points));
    let axis = TimeAxis {
        seconds: from..to.max(from + 1.0),
        marks: marks.iter().map(|(mark, _)| seconds(*mark)).collect(),
    };
    let mut chart = ChartBuilder::on(area)
        .margin_top(24)
        .margin_right(44)
        .x_label_area_size(24)
        .y_label_area_size(56)
        .build_cartesian_2d(axis, 0.0..top)?;
    let label = |at: &f64| {
        let found = marks.iter().find(|(mark, _)| (seconds(*mark) - at).abs() < 0.5);
        found.map_or_else(String::new, |(_, label)| label.clone())
    };
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(INK.mix(0.08))
        .axis_style(INK.mix(0.5))
        .y_labels(5)
        .label_style(("sans-serif", 12).into_font().color(&INK))
        .x_label_formatter(&label)
        .y_label_formatter(&|rate| format!("{}", (rate * 1e3).round() / 1e3))
        .draw()?;
    for alarm in &found.alarms {
        if alarm.raised.scope == scope || matches!(alarm.raised.scope, Scope::Pool(_)) {
            shade(&mut chart, alarm, (from, to, top))?;
        }
    }
    lines(&mut chart, points, (from, to, top))?;
    Ok(())
}

/// What came, what was expected, and what would have been too little; broken where nothing is known.
fn lines(chart: &mut Chart<'_, '_>, points: &[Point], (from, to, top): (f64, f64, f64)) -> Drawn {
    let mean = |point: &Point| point.observed().map(|(mean, _)| mean);
    let least = |point: &Point| point.observed().map(|(_, least)| least);
    let expected = |point: &Point| point.expected().map(|(expected, _)| expected);
    let low = |point: &Point| point.expected().map(|(_, low)| low);
    let space = (from, to, top);
    for run in runs(points, mean, space) {
        chart.draw_series(AreaSeries::new(run, 0.0, OBSERVED.mix(0.35)))?;
    }
    for (of, style) in [
        (&least as &dyn Fn(&Point) -> Option<f64>, OBSERVED.stroke_width(1)),
        (&low, LOW.stroke_width(1)),
        (&expected, EXPECTED.stroke_width(1)),
    ] {
        for run in runs(points, of, space) {
            chart.draw_series(LineSeries::new(run, style))?;
        }
    }
    Ok(())
}

/// Stretches of points that have a value, as places in the panel.
#[expect(clippy::cast_precision_loss, reason = "a panel has few points")]
fn runs(
    points: &[Point],
    of: impl Fn(&Point) -> Option<f64>,
    (from, to, top): (f64, f64, f64),
) -> Vec<Vec<(f64, f64)>> {
    let width = (to - from) / points.len().max(1) as f64;
    let mut runs = vec![Vec::new()];
    for (place, point) in points.iter().enumerate() {
        match (of(point), runs.last_mut()) {
            (Some(value), Some(run)) => {
                run.push(((place as f64 + 0.5).mul_add(width, from), value.clamp(0.0, top)));
            }
            _ => runs.push(Vec::new()),
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

/// Shades the time of an alarm, so wide that it is seen in a long history too, and names it where there is room.
fn shade(chart: &mut Chart<'_, '_>, alarm: &Alarm, (from, to, top): (f64, f64, f64)) -> Drawn {
    let least = (to - from) / 400.0;
    let begin = seconds(alarm.raised.at).clamp(from, to);
    let end = alarm
        .ended
        .map_or(to, |(end, _)| seconds(end))
        .clamp(from, to)
        .max(begin + least)
        .min(to);
    let (colour, bottom, word) = match (alarm.raised.scope, alarm.tier) {
        (Scope::Pool(_), _) => (GROUP.mix(0.5), top * 0.95, ""),
        (Scope::Series(_), Tier::Partial) => (PARTIAL.mix(0.4), 0.0, Tier::Partial.as_str()),
        (Scope::Series(_), Tier::Outage) => (OUTAGE.mix(0.35), 0.0, Tier::Outage.as_str()),
    };
    chart.draw_series([Rectangle::new([(begin, bottom), (end, top)], colour.filled())])?;
    if end - begin > (to - from) / 25.0 && !word.is_empty() {
        let style = ("sans-serif", 12).into_font().color(&INK);
        let inset = (to - from) / 300.0;
        chart.draw_series([Text::new(word, (begin + inset, top * 0.92), style)])?;
    }
    Ok(())
}

/// The top of the axis: above all but the highest hundredth of what came, and above what is usually expected; a baseline
/// that has gone astray must not flatten the rest.
fn ceiling(points: &[Point]) -> f64 {
    let percentile = |mut values: Vec<f64>, percent: usize| {
        values.sort_by(f64::total_cmp);
        let place = values.len().saturating_sub(1) * percent / 100;
        values.get(place).copied().unwrap_or(0.0)
    };
    let observed = points.iter().filter_map(Point::observed).map(|(mean, _)| mean);
    let expected = points
        .iter()
        .filter_map(Point::expected)
        .map(|(expected, _)| expected);
    let top = percentile(observed.collect(), 99).max(percentile(expected.collect(), 50)) * 1.15;
    if top > 0.0 && top.is_finite() { top } else { 1.0 }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "seconds of our time are far below 2^52"
)]
fn seconds(time: Timestamp) -> f64 {
    time.as_second() as f64
}
