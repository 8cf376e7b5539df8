//! Small drawings: what one looks at before one reads. Each says the same in words, for those who cannot see it.

use std::fmt::Write as _;

use maud::{Markup, html};

use crate::state::recent::{PROBES, Probe, Recent};
use crate::state::traffic::{Point, Series};

/// The last probes as a row of strokes, the newest on the right.
pub(super) fn strip(recent: &Recent) -> Markup {
    let failed = recent.probes.iter().filter(|probe| probe.failed).count();
    let warned = |probe: &&Probe| !probe.failed && probe.finding.is_some();
    let label = match (
        recent.probes.len(),
        failed,
        recent.probes.iter().filter(warned).count(),
    ) {
        (0, ..) => "no probe yet".to_owned(),
        (all, 0, 0) => format!("last {all} probes: all well"),
        (all, 0, warned) => format!("last {all} probes: {warned} with a warning"),
        (all, failed, _) => format!("last {all} probes: {failed} failed"),
    };
    let kind = |probe: &Probe| match (probe.failed, probe.finding.is_some()) {
        (true, _) => 0,
        (false, true) => 1,
        (false, false) => 2,
    };
    let first = PROBES - recent.probes.len().min(PROBES);
    let mut strokes = [String::new(), String::new(), String::new()];
    for (place, probe) in recent.probes.iter().enumerate() {
        // Writing to a String cannot fail.
        let _ = write!(strokes[kind(probe)], "M{} 1v14", (first + place) * 4 + 2);
    }
    let [down, warning, up] = &strokes;
    html! {
        svg.strip role="img" aria-label=(label) viewBox={ "0 0 " (PROBES * 4) " 16" } preserveAspectRatio="none" {
            title { (label) }
            @for (class, strokes) in [("down", down), ("warning", warning), ("up", up)] {
                @if !strokes.is_empty() { path class=(class) d=(strokes) {} }
            }
        }
    }
}

/// A share, 0 to 1, as a bar; `class` colours it.
pub(super) fn bar(share: f64, class: &str) -> Markup {
    let percent = (share.clamp(0.0, 1.0) * 100.0).round();
    html! { span.bar aria-hidden="true" { span class=(class) style={ "width:" (percent) "%" } {} } }
}

/// Where lines lie in a drawing: times from left to right, rates from the bottom up.
struct Frame {
    width: f64,
    height: f64,
    first: f64,
    length: f64,
    most: f64,
}

impl Frame {
    fn around(points: &[Point], width: f64, height: f64) -> Option<Self> {
        let seconds = |point: &Point| point.at.as_duration().as_secs_f64();
        let (first, last) = (seconds(points.first()?), seconds(points.last()?));
        let most = points.iter().map(|point| point.observed.max(point.expected));
        Some(Self {
            width,
            height,
            first,
            length: (last - first).max(1.0),
            most: f64::from(most.fold(0.0, f32::max)).max(1e-6),
        })
    }

    /// The line of one value, from left to right.
    fn line<'a>(&self, points: impl Iterator<Item = &'a Point>, value: fn(&Point) -> f32) -> String {
        let mut line = String::new();
        for point in points {
            let x = (point.at.as_duration().as_secs_f64() - self.first) / self.length * self.width;
            let y = self.height - f64::from(value(point)) / self.most * self.height;
            // Writing to a String cannot fail.
            let _ = write!(line, "{}{x:.1} {y:.1}", if line.is_empty() { 'M' } else { 'L' });
        }
        line
    }
}

/// Observed over expected, as small as a word.
pub(super) fn sparkline(series: &Series) -> Markup {
    let points: Vec<Point> = series.course.iter().copied().collect();
    let label = rates(series);
    html! {
        @if let Some(frame) = Frame::around(&points, 80.0, 16.0) {
            svg.sparkline role="img" aria-label=(label) viewBox="0 -1 80 18" preserveAspectRatio="none" {
                title { (label) }
                path.expected d=(frame.line(points.iter(), |point| point.expected)) {}
                path class=(if series.judgement.low.is_some() { "observed down" } else { "observed" })
                    d=(frame.line(points.iter(), |point| point.observed)) {}
            }
        }
    }
}

/// The rates in words.
pub(super) fn rates(series: &Series) -> String {
    let judgement = &series.judgement;
    match judgement.at {
        None => "no clicks counted yet".to_owned(),
        Some(_) => format!(
            "{:.1} clicks a minute, {:.1} expected",
            judgement.observed, judgement.expected
        ),
    }
}

/// The last two hours of a series: observed, expected, and the limit below it.
pub(super) fn chart(series: &Series) -> Markup {
    let points: Vec<Point> = series.course.iter().copied().collect();
    let label = rates(series);
    html! {
        @if let (Some(frame), Some(first), Some(last)) = (Frame::around(&points, 640.0, 140.0), points.first(), points.last()) {
            figure.chart {
                svg role="img" aria-label=(label) viewBox="0 -4 640 148" {
                    title { (label) }
                    @if points.iter().all(|point| point.expected_low.is_some()) {
                        path.band d={ (frame.line(points.iter(), |point| point.expected))
                            (frame.line(points.iter().rev(), |point| point.expected_low.unwrap_or_default()).replacen('M', "L", 1)) "Z" } {}
                    }
                    path.expected d=(frame.line(points.iter(), |point| point.expected)) {}
                    path.observed d=(frame.line(points.iter(), |point| point.observed)) {}
                    @if points.iter().any(|point| point.low) {
                        path.low d=(alarms(&frame, &points)) {}
                    }
                }
                figcaption {
                    (super::time::instant(first.at)) " to " (super::time::instant(last.at))
                    "; the top is " (format!("{:.1}", frame.most)) " a minute. "
                    span.key { span.observed { "observed" } ", " span.expected { "expected" } ", shaded down to the limit" }
                }
            }
        } @else { p.dim { "Nothing has been counted yet." } }
    }
}

/// Strokes along the bottom where an alarm stood.
fn alarms(frame: &Frame, points: &[Point]) -> String {
    let mut strokes = String::new();
    for point in points.iter().filter(|point| point.low) {
        let x = (point.at.as_duration().as_secs_f64() - frame.first) / frame.length * frame.width;
        // Writing to a String cannot fail.
        let _ = write!(strokes, "M{x:.1} {}v4", frame.height - 2.0);
    }
    strokes
}
