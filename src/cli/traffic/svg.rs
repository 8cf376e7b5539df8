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
use plotters::style::text_anchor::{HPos, Pos, VPos};

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
const PANEL: u32 = 236;
/// Left, right and above of a panel's plot, in pixels.
const MARGINS: (u32, u32, u32) = (56, 44, 40);
const OBSERVED: RGBColor = RGBColor(96, 148, 204);
const EXPECTED: RGBColor = RGBColor(38, 50, 68);
const LOW: RGBColor = RGBColor(214, 138, 16);
const OUTAGE: RGBColor = RGBColor(208, 32, 44);
const PARTIAL: RGBColor = RGBColor(238, 128, 96);
const GROUP: RGBColor = RGBColor(128, 64, 176);
const INK: RGBColor = RGBColor(50, 50, 50);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<TimeAxis, RangedCoordf64>>;
/// Where the plot begins and ends, in seconds since 1970, and its top.
type Space = (f64, f64, f64);
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
        let points = curves.of(series);
        let space = (
            seconds(range.0),
            seconds(range.1).max(seconds(range.0) + 1.0),
            ceiling(points),
        );
        panel(area, found, (series, points), space, (&marks, zone))?;
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
        ("clicks", OBSERVED),
        ("expected", EXPECTED),
        ("lower limit (0: too few are expected at once)", LOW),
        ("outage, paler before the alarm", OUTAGE),
        ("partial drop", PARTIAL),
        ("alarm of the group", GROUP),
    ];
    for (key, colour) in keys {
        area.draw(&Rectangle::new([(x, 35), (x + 14, 45)], colour.filled()))?;
        write_text(area, key, (x + 20, 33), 13)?;
        x += 44 + i32::try_from(key.len())? * 6;
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
    (series, points): (usize, &[Point]),
    space: Space,
    (marks, zone): (&[(Timestamp, String)], &TimeZone),
) -> Drawn {
    let scope = Scope::Series(series);
    let summary = found.summaries.iter().find(|one| one.scope == scope);
    let title = summary.map_or_else(String::new, |summary| {
        format!("{}: {}", name(found, scope), sums(summary))
    });
    write_text(area, &title, (56, 4), 14)?;
    let (from, to, top) = space;
    let axis = TimeAxis {
        seconds: from..to,
        marks: marks.iter().map(|(mark, _)| seconds(*mark)).collect(),
    };
    let mut chart = ChartBuilder::on(area)
        .margin_top(MARGINS.2)
        .margin_right(MARGINS.1)
        .x_label_area_size(24)
        .y_label_area_size(MARGINS.0)
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
    let of = |scope: Scope| {
        found
            .alarms
            .iter()
            .filter(move |alarm| alarm.raised.scope == scope)
    };
    for alarm in of(scope) {
        shade(&mut chart, alarm, space)?;
    }
    lines(&mut chart, points, space)?;
    for alarm in found
        .alarms
        .iter()
        .filter(|alarm| matches!(alarm.raised.scope, Scope::Pool(_)))
    {
        strip(&mut chart, alarm, space)?;
    }
    flags(&mut chart, of(scope), space, zone)
}

/// What came, what was expected, and what would have been too little; broken where nothing is known.
fn lines(chart: &mut Chart<'_, '_>, points: &[Point], space: Space) -> Drawn {
    let expected = |point: &Point| point.expected().map(|(expected, _)| expected);
    let low = |point: &Point| point.expected().map(|(_, low)| low);
    for run in runs(points, Point::observed, space) {
        chart.draw_series(
            AreaSeries::new(run, 0.0, OBSERVED.mix(0.35)).border_style(OBSERVED.stroke_width(1)),
        )?;
    }
    for (of, style) in [
        (&low as &dyn Fn(&Point) -> Option<f64>, LOW.stroke_width(2)),
        (&expected, EXPECTED.stroke_width(2)),
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
    (from, to, top): Space,
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

const fn colour(alarm: &Alarm) -> RGBColor {
    match (alarm.raised.scope, alarm.tier) {
        (Scope::Pool(_), _) => GROUP,
        (Scope::Series(_), Tier::Partial) => PARTIAL,
        (Scope::Series(_), Tier::Outage) => OUTAGE,
    }
}

/// From when to when an alarm stands, so wide that it is seen in a long history too; none outside of the picture.
fn standing(alarm: &Alarm, (from, to, _): Space) -> Option<(f64, f64)> {
    let begin = seconds(alarm.raised.at);
    let end = alarm.ended.map_or(to, |(end, _)| seconds(end));
    (begin <= to && end >= from).then(|| {
        let begin = begin.max(from);
        (begin, end.max(begin + (to - from) / 250.0).min(to))
    })
}

/// Shades the time of an alarm, and paler the quiet before it that raised it.
fn shade(chart: &mut Chart<'_, '_>, alarm: &Alarm, space: Space) -> Drawn {
    let Some((begin, end)) = standing(alarm, space) else {
        return Ok(());
    };
    let quiet = seconds(alarm.raised.since).clamp(space.0, begin);
    let colour = colour(alarm);
    chart.draw_series([
        Rectangle::new([(quiet, 0.0), (begin, space.2)], colour.mix(0.15).filled()),
        Rectangle::new([(begin, 0.0), (end, space.2)], colour.mix(0.4).filled()),
    ])?;
    Ok(())
}

/// An alarm of the group, as a strip along the top.
fn strip(chart: &mut Chart<'_, '_>, alarm: &Alarm, space: Space) -> Drawn {
    if let Some((begin, end)) = standing(alarm, space) {
        let corners = [(begin, space.2 * 0.95), (end, space.2)];
        chart.draw_series([Rectangle::new(corners, colour(alarm).filled())])?;
    }
    Ok(())
}

/// Flags above the plot where alarms were raised, with tier and wall clock where there is room.
fn flags<'a>(
    chart: &mut Chart<'_, '_>,
    alarms: impl Iterator<Item = &'a Alarm>,
    space: Space,
    zone: &TimeZone,
) -> Drawn {
    let (from, to, top) = space;
    let room = (to - from) / 7.0;
    let mut free = from;
    for alarm in alarms {
        let Some((begin, _)) = standing(alarm, space) else {
            continue;
        };
        let flag = Polygon::new(vec![(-6, -11), (6, -11), (0, 0)], colour(alarm).filled());
        chart.draw_series([EmptyElement::at((begin, top)) + flag])?;
        let (side, offset) = if begin + room > to {
            (HPos::Right, -9)
        } else {
            (HPos::Left, 9)
        };
        if begin < free {
            continue;
        }
        free = begin + room;
        let at = alarm.raised.at.to_zoned_datetime(zone.clone());
        let text = format!("{} {}", alarm.tier, at.strftime("%m-%d %H:%M"));
        let style = ("sans-serif", 12)
            .into_font()
            .color(&INK)
            .pos(Pos::new(side, VPos::Bottom));
        chart.draw_series([EmptyElement::at((begin, top)) + Text::new(text, (offset, 0), style)])?;
    }
    Ok(())
}

/// The top of the axis: what usually comes and what is usually expected. Bursts are cut off, and a baseline that has gone
/// astray too: neither must flatten the rest.
fn ceiling(points: &[Point]) -> f64 {
    let percentile = |mut values: Vec<f64>, percent: usize| {
        values.sort_by(f64::total_cmp);
        let place = values.len().saturating_sub(1) * percent / 100;
        values.get(place).copied().unwrap_or(0.0)
    };
    let observed: Vec<f64> = points.iter().filter_map(Point::observed).collect();
    let expected: Vec<f64> = points
        .iter()
        .filter_map(Point::expected)
        .map(|(expected, _)| expected)
        .collect();
    let burst = percentile(observed.clone(), 99).min(2.0 * percentile(expected.clone(), 95));
    let top = percentile(observed, 95).max(percentile(expected, 50)).max(burst) * 1.15;
    if top > 0.0 && top.is_finite() { top } else { 1.0 }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "seconds of our time are far below 2^52"
)]
fn seconds(time: Timestamp) -> f64 {
    time.as_second() as f64
}
