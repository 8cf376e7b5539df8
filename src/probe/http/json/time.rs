//! Times and durations in CEL, read as cel-go reads them.
//!
//! The interpreter takes other texts too (`duration('1h and more')`, a time without its `T`) and counts in
//! floating point. So what `timestamp` and `duration` are given is read here first: as they are
//! compiled, `timestamp(x)` becomes `timestamp(@time(x))` and `duration(x)` becomes `duration(@span(x))`, by names that
//! no expression can hold. What comes out is a text that the interpreter reads in one way only. So with `int`, which the
//! interpreter does not have of durations.

use cel::common::ast::{CallExpr, Expr};
use cel::parser::{Macro, ParseErrors};
use cel::{Context, DeclarationError, Env, ExecutionError, IdedExpr, Program, Value};

const TIME: &str = "@time";
const SPAN: &str = "@span";
const NUMBER: &str = "@number";

/// Compiles an expression whose times are read here.
pub(super) fn compile(text: &str) -> Result<Program, ParseErrors> {
    let mut env = Env::stdlib();
    for (function, reader) in [("timestamp", TIME), ("duration", SPAN), ("int", NUMBER)] {
        let reading = Macro::global(function, 1, move |helper, _, arguments| {
            let read = helper.next_expr(call(reader, std::mem::take(arguments)));
            Ok(Some(helper.next_expr(call(function, vec![read]))))
        });
        // Cannot fail: the standard macros have other names.
        let _ = env.add_macro(reading);
    }
    env.compile(text)
}

fn call(name: &str, args: Vec<IdedExpr>) -> Expr {
    Expr::Call(CallExpr {
        func_name: name.to_owned(),
        target: None,
        args,
    })
}

/// Lets what was compiled here be evaluated.
pub(super) fn add_readers(context: &mut Context<'_, '_>) -> Result<(), DeclarationError> {
    context.add_function(TIME, time)?;
    context.add_function(SPAN, span)?;
    context.add_function(NUMBER, number)
}

fn time(value: Value) -> Result<Value, ExecutionError> {
    let Value::String(text) = &value else {
        return Ok(value);
    };
    let read = in_utc(text).ok_or_else(|| ExecutionError::function_error("timestamp", "not RFC 3339"))?;
    Ok(Value::String(read.into()))
}

fn span(value: Value) -> Result<Value, ExecutionError> {
    let Value::String(text) = &value else {
        return Ok(value);
    };
    let read =
        nanoseconds(text).ok_or_else(|| ExecutionError::function_error("duration", "not a duration"))?;
    Ok(Value::String(in_parts(read).into()))
}

/// Nanoseconds of a duration; whatever else is a number already, or none.
fn number(value: Value) -> Value {
    if let Value::Duration(duration) = &value {
        duration.num_nanoseconds().map_or(value, Value::Int)
    } else {
        value
    }
}

/// A time by RFC 3339, in UTC: what it has in it is asked in UTC where no zone is named.
fn in_utc(text: &str) -> Option<String> {
    if !is_rfc3339(text) {
        return None;
    }
    // The last day of all is not one of jiff's times: it is compared as it is.
    let utc = || Some(text.parse::<jiff::Timestamp>().ok()?.to_string());
    let zoned = !text.ends_with('Z');
    Some(zoned.then(utc).flatten().unwrap_or_else(|| text.to_owned()))
}

/// Whether it has the form of a time, with `T` and `Z` in capitals; a leap second is none.
fn is_rfc3339(text: &str) -> bool {
    const MOMENT: &str = "dddd-dd-ddTdd:dd:dd";
    let Some((moment, rest)) = text.split_at_checked(MOMENT.len()) else {
        return false;
    };
    let zone = match rest.strip_prefix('.') {
        Some(fraction) => {
            let zone = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            if zone.len() == fraction.len() {
                return false;
            }
            zone
        }
        None => rest,
    };
    let zoned = ["Z", "+dd:dd", "-dd:dd"].iter().any(|form| has_form(zone, form));
    has_form(moment, MOMENT) && !moment.ends_with(":60") && zoned
}

/// Whether a text has a digit for each `d` of a form, and else what the form has.
fn has_form(text: &str, form: &str) -> bool {
    let fits = |(own, wanted): (u8, u8)| match wanted {
        b'd' => own.is_ascii_digit(),
        other => own == other,
    };
    text.len() == form.len() && text.bytes().zip(form.bytes()).all(fits)
}

/// A duration as Go's `time.ParseDuration` has it, in nanoseconds; none where they do not fit.
fn nanoseconds(text: &str) -> Option<i64> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let sign: i128 = if text.starts_with('-') { -1 } else { 1 };
    if unsigned == "0" {
        return Some(0);
    }
    if unsigned.is_empty() {
        return None;
    }
    let mut rest = unsigned;
    let mut sum: i128 = 0;
    while !rest.is_empty() {
        let number;
        (number, rest) = split_at_first(rest, |c| !(c.is_ascii_digit() || c == '.'));
        let unit;
        (unit, rest) = split_at_first(rest, |c| c.is_ascii_digit() || c == '.');
        sum = sum.checked_add(scaled(number, unit_of(unit)?)?)?;
    }
    i64::try_from(sign * sum).ok()
}

fn split_at_first(text: &str, end: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(end).unwrap_or(text.len()))
}

/// Nanoseconds in a unit.
fn unit_of(name: &str) -> Option<i128> {
    Some(match name {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60 * 1_000_000_000,
        "h" => 3_600 * 1_000_000_000,
        _ => return None,
    })
}

/// A decimal number of units; what is less than a nanosecond is cut off.
fn scaled(number: &str, unit: i128) -> Option<i128> {
    /// Digits of a fraction that may count for an hour.
    const DIGITS: usize = 18;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    let whole: i128 = match whole {
        "" => 0,
        digits => digits.parse::<u64>().ok()?.into(),
    };
    let fraction = &fraction[..fraction.len().min(DIGITS)];
    let parts = (1..=fraction.len()).fold(1_i128, |parts, _| parts * 10);
    let fraction: i128 = match fraction {
        "" => 0,
        digits => digits.parse().ok()?,
    };
    Some(whole * unit + fraction * unit / parts)
}

/// Hours, seconds and nanoseconds: each so small that the interpreter, which counts in floating point, counts it exactly.
fn in_parts(nanoseconds: i64) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let (seconds, rest) = (
        nanoseconds.unsigned_abs() / 1_000_000_000,
        nanoseconds.unsigned_abs() % 1_000_000_000,
    );
    format!("{sign}{}h{}s{rest}ns", seconds / 3_600, seconds % 3_600)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them_and_exactly() {
        for (text, read) in [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("1h30m", Some(5_400_000_000_000)),
            ("-1.5h", Some(-5_400_000_000_000)),
            ("+.5s", Some(500_000_000)),
            ("1.s", Some(1_000_000_000)),
            ("1.001s", Some(1_001_000_000)),
            ("1.9ns", Some(1)),
            ("3µs4μs5us", Some(12_000)),
            ("0.3333333333333333333333h", Some(1_199_999_999_999)),
            ("9223372036854775807ns", Some(i64::MAX)),
            ("-9223372036854775808ns", Some(i64::MIN)),
            ("9223372036854775808ns", None),
            ("2562048h", None),
            ("", None),
            ("-", None),
            ("1", None),
            ("1 h", None),
            ("1h and more", None),
            ("1h-5m", None),
            ("1e3s", None),
            (".s", None),
            ("1.2.3s", None),
            ("s", None),
            ("1d", None),
            ("infs", None),
        ] {
            assert_eq!(nanoseconds(text), read, "{text}");
        }
    }

    #[test]
    fn times_are_read_as_go_reads_them() {
        for (text, read) in [
            ("2026-01-01T00:00:00Z", Some("2026-01-01T00:00:00Z")),
            ("2026-01-01T00:00:00.5+01:00", Some("2025-12-31T23:00:00.5Z")),
            (
                "9999-12-31T23:59:59.999999999Z",
                Some("9999-12-31T23:59:59.999999999Z"),
            ),
            ("2026-01-01T00:00:00,5Z", None),
            ("2026-01-01T00:00:00.Z", None),
            ("2026-01-01T0:00:00Z", None),
            ("20260101T000000+01", None),
            ("2026-01-01T00:00:00", None),
            ("2026-01-01 00:00:00Z", None),
            ("2026-01-01t00:00:00Z", None),
            ("2026-01-01T00:00:00z", None),
            ("2026-01-01T00:00:00+00:00[UTC]", None),
            ("2016-12-31T23:59:60Z", None),
            ("2026-01-01T00:00:00−01:00", None),
        ] {
            assert_eq!(in_utc(text).as_deref(), read, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,30}|[-+0-9.,hmsTZ:]{0,30}") {
            let _ = (in_utc(&text), nanoseconds(&text));
        }

        #[test]
        fn what_is_handed_on_is_what_was_read(nanoseconds: i64) {
            proptest::prop_assert_eq!(super::nanoseconds(&in_parts(nanoseconds)), Some(nanoseconds));
        }
    }
}
