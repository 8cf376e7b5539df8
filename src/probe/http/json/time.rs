//! Times and durations in CEL, and numbers as texts, as cel-go has them.
//!
//! The interpreter's own differ: it reads other texts too (`duration('1h and more')`, a leap second), counts fractions in
//! floating point, asks a time for its hour in the zone that it was written in, and writes times in UTC and large numbers
//! with all their zeros. So what its functions are given is looked at here first: as an expression is compiled,
//! `timestamp(x)` becomes `timestamp(@time(x))`, and so on, by names that no expression can hold.

use std::sync::Arc;

use cel::common::ast::{CallExpr, Expr};
use cel::common::types::{
    CelDouble, CelDuration, CelInt, CelString, CelTimestamp, DOUBLE_TYPE, DURATION_TYPE, DYN_TYPE,
    STRING_TYPE, TIMESTAMP_TYPE, Type,
};
use cel::common::value::{CowVal, Val};
use cel::parser::Macro;
use cel::{DeclarationError, Env, ExecutionError, IdedExpr};

/// What a time or a duration can be asked for.
pub(super) const PARTS: [&str; 10] = [
    "getFullYear",
    "getMonth",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getHours",
    "getMinutes",
    "getSeconds",
    "getMilliseconds",
];

const TIME: &str = "@time";
const SPAN: &str = "@span";
const TEXT: &str = "@text";
const UTC: &str = "@utc";
const READERS: [&str; 4] = [TIME, SPAN, TEXT, UTC];

type Given<'b, 'v> = Vec<CowVal<'b, 'v>>;
type Made<'b, 'v> = Result<CowVal<'b, 'v>, ExecutionError>;
type Reader = for<'b, 'v> fn(Given<'b, 'v>) -> Made<'b, 'v>;

/// Whether a call is one that is looked at here.
pub(super) fn is_reader(function: &str) -> bool {
    READERS.contains(&function)
}

/// What expressions with times are compiled and evaluated in.
pub(super) fn environment() -> Result<Arc<Env>, DeclarationError> {
    let mut env = Env::stdlib();
    let readers: [(&str, Type, Reader); 4] = [
        (TIME, STRING_TYPE, time),
        (SPAN, STRING_TYPE, span),
        (TEXT, TIMESTAMP_TYPE, text),
        (UTC, TIMESTAMP_TYPE, utc),
    ];
    for (name, of, reader) in readers {
        env.add_overload(name, &format!("{name}_of_it"), vec![of], reader)?;
    }
    env.add_overload(
        TEXT,
        &format!("{TEXT}_of_numbers"),
        vec![DOUBLE_TYPE],
        text_of_number,
    )?;
    for name in READERS {
        env.add_overload(name, &format!("{name}_of_others"), vec![DYN_TYPE], as_it_is)?;
    }
    env.add_overload("int", "duration_to_int64", vec![DURATION_TYPE], int)?;
    for (function, reader) in [("timestamp", TIME), ("duration", SPAN), ("string", TEXT)] {
        env.add_macro(Macro::global(function, 1, move |helper, _, arguments| {
            let read = helper.next_expr(call(reader, None, std::mem::take(arguments)));
            Ok(Some(helper.next_expr(call(function, None, vec![read]))))
        }))?;
    }
    for part in PARTS {
        env.add_macro(Macro::receiver(part, 0, move |helper, target, _| {
            let asked = helper.next_expr(call(UTC, None, target.take().into_iter().collect()));
            Ok(Some(helper.next_expr(call(part, Some(asked), Vec::new()))))
        }))?;
    }
    Ok(Arc::new(env))
}

fn call(name: &str, target: Option<IdedExpr>, args: Vec<IdedExpr>) -> Expr {
    Expr::Call(CallExpr {
        func_name: name.to_owned(),
        target: target.map(Box::new),
        args,
    })
}

/// What is no text, or no time, is for the interpreter to judge.
fn as_it_is<'b, 'v>(mut given: Given<'b, 'v>) -> Made<'b, 'v> {
    given
        .pop()
        .ok_or_else(|| ExecutionError::function_error("call", "nothing is given"))
}

/// What a value of one type is made into; it has that type, for overloads are chosen by it.
fn made<'b, 'v, M: Val + 'v>(
    given: Given<'b, 'v>,
    make: impl FnOnce(&CowVal<'b, 'v>) -> Option<M>,
    function: &str,
) -> Made<'b, 'v> {
    let value = as_it_is(given)?;
    make(&value)
        .map(CowVal::owned)
        .ok_or_else(|| ExecutionError::function_error(function, "not such a value"))
}

fn time<'b, 'v>(given: Given<'b, 'v>) -> Made<'b, 'v> {
    let value = as_it_is(given)?;
    let right = value
        .downcast_ref::<CelString<'_>>()
        .is_some_and(|text| is_rfc3339(text.inner()));
    if right {
        Ok(value)
    } else {
        Err(ExecutionError::function_error("timestamp", "not RFC 3339"))
    }
}

fn span<'b, 'v>(given: Given<'b, 'v>) -> Made<'b, 'v> {
    let read = |value: &CowVal<'b, 'v>| {
        let nanoseconds = nanoseconds(value.downcast_ref::<CelString<'_>>()?.inner())?;
        Some(CelString::from(in_parts(nanoseconds)))
    };
    made(given, read, "duration")
}

/// A time as it was written, without the ends of fractions that say nothing.
fn text<'b, 'v>(given: Given<'b, 'v>) -> Made<'b, 'v> {
    let write = |value: &CowVal<'b, 'v>| {
        let time = value.downcast_ref::<CelTimestamp>()?.inner();
        let fraction = match time.timestamp_subsec_nanos() {
            0 => String::new(),
            nanoseconds => format!(".{nanoseconds:09}").trim_end_matches('0').to_owned(),
        };
        let moment = time.format("%Y-%m-%dT%H:%M:%S");
        let zone = time.format("%:z").to_string();
        let zone = if zone == "+00:00" { "Z" } else { &zone };
        Some(CelString::from(format!("{moment}{fraction}{zone}")))
    };
    made(given, write, "string")
}

fn utc<'b, 'v>(given: Given<'b, 'v>) -> Made<'b, 'v> {
    let shift = |value: &CowVal<'b, 'v>| {
        let time = value.downcast_ref::<CelTimestamp>()?.inner();
        Some(CelTimestamp::from(time.to_utc().fixed_offset()))
    };
    made(given, shift, "timestamp")
}

fn text_of_number<'b, 'v>(given: Given<'b, 'v>) -> Made<'b, 'v> {
    let write = |value: &CowVal<'b, 'v>| {
        let number = *value.downcast_ref::<CelDouble>()?.inner();
        Some(CelString::from(shortest(number)))
    };
    made(given, write, "string")
}

/// A number with as few digits as tell it apart; from a million on, and below a ten-thousandth, by its exponent, as Go
/// writes it.
fn shortest(number: f64) -> String {
    let text = format!("{number:e}");
    let parts = text.split_once('e');
    let parts = parts.and_then(|(digits, exponent)| Some((digits, exponent.parse::<i32>().ok()?)));
    match parts {
        Some((digits, exponent)) if number != 0.0 && !(-4..6).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.abs())
        }
        _ => number.to_string(),
    }
}

/// A duration in nanoseconds.
fn int<'b, 'v>(given: Given<'b, 'v>) -> Made<'b, 'v> {
    let count = |value: &CowVal<'b, 'v>| {
        let duration = value.downcast_ref::<CelDuration>()?.inner();
        duration.num_nanoseconds().map(CelInt::from)
    };
    made(given, count, "int")
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
    fn numbers_are_written_as_go_writes_them() {
        for (number, text) in [
            (0.0, "0"),
            (3.0, "3"),
            (-2.5, "-2.5"),
            (123_456.75, "123456.75"),
            (1_000_000.0, "1e+06"),
            (1_767_225_600.0, "1.7672256e+09"),
            (0.0001, "0.0001"),
            (0.000_012_5, "1.25e-05"),
            (-1e100, "-1e+100"),
        ] {
            assert_eq!(shortest(number), text);
        }
    }

    #[test]
    fn times_have_the_form_that_go_wants() {
        for text in [
            "2026-01-01T00:00:00Z",
            "2026-01-01T00:00:00.5+01:00",
            "9999-12-31T23:59:59.999999999Z",
        ] {
            assert!(is_rfc3339(text), "{text}");
        }
        for text in [
            "2026-01-01T00:00:00,5Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T0:00:00Z",
            "20260101T000000+01",
            "2026-01-01T00:00:00",
            "2026-01-01 00:00:00Z",
            "2026-01-01t00:00:00Z",
            "2026-01-01T00:00:00z",
            "2026-01-01T00:00:00+00:00[UTC]",
            "2016-12-31T23:59:60Z",
            "2026-01-01T00:00:00−01:00",
        ] {
            assert!(!is_rfc3339(text), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,30}|[-+0-9.,hmsTZ:]{0,30}") {
            let _ = (is_rfc3339(&text), nanoseconds(&text));
        }

        #[test]
        fn what_is_handed_on_is_what_was_read(nanoseconds: i64) {
            proptest::prop_assert_eq!(super::nanoseconds(&in_parts(nanoseconds)), Some(nanoseconds));
        }
    }
}
