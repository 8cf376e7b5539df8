//! Windows in which nothing pages, and warnings that somebody has accepted for a time.

use jiff::Timestamp;
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;

use super::at::At;
use super::error::{Findings, Place, did_you_mean, shown};
use super::raw;
use crate::cause::{Cause, Effect};
use crate::endpoint::{Accepted, Maintenance};

pub(super) fn resolve(
    raw: Vec<At<raw::Maintenance>>,
    findings: &Findings,
) -> (Vec<Maintenance>, Vec<Accepted>) {
    let mut windows = Vec::new();
    let mut accepted = Vec::new();
    for item in raw {
        match &item.value.accept {
            Some(cause) => accepted.extend(accept(cause, &item, findings)),
            None => windows.extend(window(&item, findings)),
        }
    }
    (windows, accepted)
}

fn accept(cause: &At<String>, item: &At<raw::Maintenance>, findings: &Findings) -> Option<Accepted> {
    let raw = &item.value;
    let weekly = raw.days.is_some() || raw.time_zone.is_some();
    if raw.from.is_some() || weekly {
        let hint = "it holds from now on and ends with \"until\"";
        findings.fault_with_hint(item.place, "an accepted warning has no window of its own", hint);
    }
    let reason = reason(item, findings);
    let until = until(item, findings).and_then(|until| instant(until, findings));
    let warns = |cause: &&Cause| cause.effect() == Effect::Warns;
    let Some(known) = Cause::ALL.iter().find(|known| known.as_str() == cause.value) else {
        let warnings = Cause::ALL.iter().filter(warns).map(|cause| cause.as_str());
        let what = format!("there is no cause {}", shown(&cause.value));
        let hint = did_you_mean(&cause.value, warnings.clone())
            .unwrap_or_else(|| format!("one of: {}", warnings.collect::<Vec<_>>().join(", ")));
        findings.fault_with_hint(cause.place, what, hint);
        return None;
    };
    if !warns(&known) {
        let what = format!("\"{known}\" cannot be accepted");
        findings.fault_with_hint(
            cause.place,
            what,
            "only warnings can; for the rest, write a window",
        );
        return None;
    }
    Some(Accepted {
        cause: *known,
        reason: reason?,
        until: until?,
    })
}

fn window(item: &At<raw::Maintenance>, findings: &Findings) -> Option<Maintenance> {
    let raw = &item.value;
    let reason = reason(item, findings);
    let until = until(item, findings);
    if raw.from.is_none() {
        findings.missing(item.place, "from", "say when the window begins");
    }
    let (from, until) = (raw.from.as_ref()?, until?);
    // A time of day makes a window weekly, even without days.
    if raw.days.is_some() || raw.time_zone.is_some() || time(&from.value).is_some() {
        let zone = zone(raw.time_zone.as_ref(), findings);
        let (from, until) = (time_of_day(from, findings), time_of_day(until, findings));
        return Some(Maintenance::Weekly {
            days: raw.days.iter().flatten().map(|day| weekday(day.value)).collect(),
            from: from?,
            until: until?,
            zone: zone?,
            reason: reason?,
        });
    }
    let place = until.place;
    let (from, until) = (instant(from, findings), instant(until, findings));
    let (from, until) = (from?, until?);
    if until <= from {
        findings.fault_with_hint(
            place,
            "the window ends before it begins",
            "\"until\" comes after \"from\"",
        );
    }
    Some(Maintenance::Once {
        from,
        until,
        reason: reason?,
    })
}

fn reason(item: &At<raw::Maintenance>, findings: &Findings) -> Option<String> {
    let reason = item
        .value
        .reason
        .as_ref()
        .filter(|reason| !reason.value.trim().is_empty());
    if reason.is_none() {
        findings.missing(
            item.place,
            "reason",
            "who is paged next will want to know why this was silent",
        );
    }
    reason.map(|reason| reason.value.clone())
}

fn until<'r>(item: &'r At<raw::Maintenance>, findings: &Findings) -> Option<&'r At<String>> {
    if item.value.until.is_none() {
        findings.missing(item.place, "until", "everything that is silenced has an end");
    }
    item.value.until.as_ref()
}

pub(super) fn instant(text: &At<String>, findings: &Findings) -> Option<Timestamp> {
    let parsed = text.value.parse().ok();
    if parsed.is_none() {
        let what = format!("{} is not a date and time", shown(&text.value));
        findings.fault_with_hint(
            text.place,
            what,
            "write it with its offset, as in 2026-05-08T02:00:00Z",
        );
    }
    parsed
}

fn time_of_day(text: &At<String>, findings: &Findings) -> Option<Time> {
    let parsed = time(&text.value);
    if parsed.is_none() {
        let what = format!("{} is not a time of day", shown(&text.value));
        findings.fault_with_hint(text.place, what, "a weekly window has times as in \"02:00\"");
    }
    parsed
}

fn time(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let number = |text: &str| {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().ok()).flatten()
    };
    Time::new(number(hour)?, number(minute)?, 0, 0).ok()
}

fn zone(name: Option<&At<String>>, findings: &Findings) -> Option<TimeZone> {
    let Some(At { place, value }) = name else {
        return Some(TimeZone::UTC);
    };
    if value == "UTC" {
        return Some(TimeZone::UTC);
    }
    let zone = TimeZone::get(value).ok();
    if zone.is_none() {
        unknown_zone(*place, value, findings);
    }
    zone
}

fn unknown_zone(place: Place, name: &str, findings: &Findings) {
    let what = format!("there is no time zone {}", shown(name));
    let hint = "write it as in Europe/Berlin; the names come from the system's time zone database";
    findings.fault_with_hint(place, what, hint);
}

const fn weekday(day: raw::Day) -> Weekday {
    match day {
        raw::Day::Mon => Weekday::Monday,
        raw::Day::Tue => Weekday::Tuesday,
        raw::Day::Wed => Weekday::Wednesday,
        raw::Day::Thu => Weekday::Thursday,
        raw::Day::Fri => Weekday::Friday,
        raw::Day::Sat => Weekday::Saturday,
        raw::Day::Sun => Weekday::Sunday,
    }
}
