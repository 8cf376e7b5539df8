//! Times as a person reads them: one form on every page.

use std::time::Duration;

use jiff::Timestamp;
use maud::{Markup, html};

/// To the second, in UTC.
pub(super) fn instant(at: Timestamp) -> Markup {
    html! { time datetime=(at) { (at.strftime("%Y-%m-%d %H:%M:%S UTC")) } }
}

/// The time of day alone on the same day, else with its date.
pub(super) fn clock(at: Timestamp, now: Timestamp) -> Markup {
    let day = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
    if day(at) == day(now) {
        html! { time datetime=(at) { (at.strftime("%H:%M:%S UTC")) } }
    } else {
        instant(at)
    }
}

/// Since when, and how long that is.
pub(super) fn since(at: Timestamp, now: Timestamp) -> Markup {
    html! { "since " (clock(at, now)) " (" (span(at, now)) ")" }
}

/// From one moment to another, in the two greatest units.
pub(super) fn span(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.duration_since(from).as_secs().max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, _, _) => format!("{hours} h {minutes} min"),
        (1..10, _, _) => format!("{days} d {hours} h"),
        _ => format!("{days} d"),
    }
}

/// As short as it stays true: `0.4 ms`, `37 ms`, `2.4 s`.
pub(super) fn duration(duration: Duration) -> String {
    let milliseconds = duration.as_secs_f64() * 1e3;
    match milliseconds {
        ..10.0 => format!("{milliseconds:.1} ms"),
        ..1_000.0 => format!("{milliseconds:.0} ms"),
        _ => format!("{:.1} s", milliseconds / 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_told_in_its_greatest_units() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        for (seconds, text) in [
            (5, "5 s"),
            (150, "2 min"),
            (3_700, "1 h 1 min"),
            (90_000, "1 d 1 h"),
            (2_000_000, "23 d"),
        ] {
            assert_eq!(span(at(0), at(seconds)), text);
        }
        assert_eq!(span(at(9), at(0)), "0 s");
    }

    #[test]
    fn a_duration_is_as_short_as_it_stays_true() {
        for (micros, text) in [(400, "0.4 ms"), (37_200, "37 ms"), (2_440_000, "2.4 s")] {
            assert_eq!(duration(Duration::from_micros(micros)), text);
        }
    }
}
