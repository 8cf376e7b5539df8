//! The kinds of values that stand in a configuration: durations, shares, sizes, patterns.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use regex::Regex;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Serialize, Serializer};

use super::error::shown;
use super::regexp;
use crate::endpoint::TextMatch;

/// A fault with a hint, in the one text that serde lets through.
fn refuse<E: de::Error>(what: &str, hint: &str) -> E {
    E::custom(format_args!("{what}\n{hint}"))
}

/// Implements a scalar kind by a function from its text.
macro_rules! scalar {
    ($type:ident, $title:literal, $schema:tt) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse(&text).map_err(|(what, hint)| refuse(&what, &hint))
            }
        }

        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                $title.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

type Refusal = (String, String);

/// A length of time as Prometheus writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Lasting(pub(super) Duration);

scalar!(Lasting, "duration", {
    "title": "duration", "type": "string", "pattern": r"^([0-9]+(\.[0-9]+)?(ms|y|w|d|h|m|s))+$|^0$",
});

/// Units from the longest, in milliseconds.
const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

impl Lasting {
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        let refused = || {
            (
                format!("{} is not a duration", shown(text)),
                "write it as in 15s, 1m30s or 500ms".to_owned(),
            )
        };
        if text == "0" {
            return Ok(Self(Duration::ZERO));
        }
        let mut rest = text;
        let mut total = Duration::ZERO;
        let mut units = UNITS.iter();
        while !rest.is_empty() {
            let digits = rest
                .find(|c: char| !c.is_ascii_digit() && c != '.')
                .ok_or_else(refused)?;
            let (number, after) = rest.split_at(digits);
            let letters = after
                .find(|c: char| !c.is_ascii_alphabetic())
                .unwrap_or(after.len());
            let (unit, after) = after.split_at(letters);
            // Each unit at most once, from the longest to the shortest.
            let (_, millis) = units.find(|(name, _)| *name == unit).ok_or_else(refused)?;
            let number: f64 = number.parse().map_err(|_| refused())?;
            #[expect(
                clippy::cast_precision_loss,
                reason = "a year in milliseconds is far below 2^52"
            )]
            let part =
                Duration::try_from_secs_f64(number * (*millis as f64) / 1000.0).map_err(|_| refused())?;
            total = total.checked_add(part).ok_or_else(refused)?;
            rest = after;
        }
        if text.is_empty() {
            Err(refused())
        } else {
            Ok(Self(total))
        }
    }
}

/// The shortest spelling, as in `1m30s`.
impl fmt::Display for Lasting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = self.0.as_millis();
        if left == 0 {
            return f.write_str("0s");
        }
        // Weeks and years are for reading only: 90d says more than 12w6d.
        for (unit, millis) in &UNITS[2..] {
            let count = left / u128::from(*millis);
            left %= u128::from(*millis);
            if count > 0 {
                write!(f, "{count}{unit}")?;
            }
        }
        Ok(())
    }
}

impl Serialize for Lasting {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A part of a whole, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Share(pub(super) f64);

scalar!(Share, "percentage", {
    "title": "percentage", "type": ["string", "number"], "pattern": r"^[0-9]+(\.[0-9]+)?%$", "minimum": 0, "maximum": 1,
});

impl Share {
    fn parse(text: &str) -> Result<Self, Refusal> {
        let share = match text.strip_suffix('%') {
            Some(percent) => percent.trim_end().parse::<f64>().map(|percent| percent / 100.0),
            None => text.parse(),
        };
        match share {
            Ok(share) if (0.0..=1.0).contains(&share) => Ok(Self(share)),
            Ok(_) => Err((
                format!("{} is not between 0% and 100%", shown(text)),
                "write a percentage as in 33%, or a share as in 0.33".to_owned(),
            )),
            Err(_) => Err((
                format!("{} is not a percentage", shown(text)),
                "write it as in 33%, or as a share, 0.33".to_owned(),
            )),
        }
    }
}

/// A number of bytes as blackbox_exporter writes it; every unit is a power of 1024.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ByteCount(pub(super) u64);

scalar!(ByteCount, "size", {
    "title": "size", "type": ["string", "integer"], "pattern": r"^[0-9]+(\.[0-9]+)?([KMGTPE]?i?B)?$", "minimum": 0,
});

impl ByteCount {
    fn parse(text: &str) -> Result<Self, Refusal> {
        let refused = || {
            (
                format!("{} is not a size", shown(text)),
                "write it as in 512KB, 1MB or 2MiB".to_owned(),
            )
        };
        let digits = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let power = match unit.trim() {
            "" | "B" => 0,
            "KB" | "KiB" => 1,
            "MB" | "MiB" => 2,
            "GB" | "GiB" => 3,
            "TB" | "TiB" => 4,
            _ => return Err(refused()),
        };
        let bytes = number.parse::<f64>().map_err(|_| refused())? * 1024_f64.powi(power);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the digits hold no sign, a cast saturates, and a part of a byte is none"
        )]
        Ok(Self(bytes as u64))
    }
}

impl Serialize for ByteCount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}B", self.0))
    }
}

/// A regular expression in Go's syntax.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    text: String,
    pub(super) regex: Regex,
}

scalar!(Pattern, "regexp", {"title": "regexp", "type": "string", "format": "regex"});

impl Pattern {
    fn parse(text: &str) -> Result<Self, Refusal> {
        let regex = regexp::compile(text).map_err(|why| {
            (
                format!("bad regexp {}: {why}", shown(text)),
                "the syntax is that of RE2, as in Go and Prometheus".to_owned(),
            )
        })?;
        Ok(Self {
            text: text.to_owned(),
            regex,
        })
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// A text, or `{regexp: …}`.
#[derive(Debug, Clone)]
pub(super) struct Match(pub(super) TextMatch);

impl<'de> Deserialize<'de> for Match {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MatchVisitor;

        impl<'de> Visitor<'de> for MatchVisitor {
            type Value = Match;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or {regexp: …}")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Match, E> {
                Ok(Match(TextMatch::Exact(text.to_owned())))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Match, A::Error> {
                match map.next_entry::<String, Pattern>()? {
                    Some((key, pattern)) if key == "regexp" => Ok(Match(TextMatch::Regexp(pattern.regex))),
                    Some((key, _)) => Err(refuse(
                        &format!("unknown key {}", shown(&key)),
                        "write a text, or {regexp: \"…\"}",
                    )),
                    None => Err(refuse(
                        "expected a text, found {}",
                        "write a text, or {regexp: \"…\"}",
                    )),
                }
            }
        }

        deserializer.deserialize_any(MatchVisitor)
    }
}

impl JsonSchema for Match {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "text or {regexp: …}".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": "text or {regexp: …}",
            "anyOf": [
                {"type": "string"},
                {
                    "type": "object",
                    "properties": {"regexp": {"type": "string", "format": "regex"}},
                    "required": ["regexp"],
                    "additionalProperties": false,
                },
            ],
        })
    }
}

/// One value, or a list of them.
#[derive(Debug, Clone)]
pub(super) struct OneOrMany<T>(pub(super) Vec<T>);

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ManyVisitor<T>(std::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ManyVisitor<T> {
            type Value = OneOrMany<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("one value or a list")
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, one: D) -> Result<Self::Value, D::Error> {
                T::deserialize(one).map(|one| OneOrMany(vec![one]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut many = Vec::new();
                while let Some(item) = list.next_element()? {
                    many.push(item);
                }
                Ok(OneOrMany(many))
            }
        }

        // The reader tells one from many: see `reader::ONE_OR_MANY`.
        deserializer.deserialize_tuple_struct(
            super::reader::ONE_OR_MANY,
            1,
            ManyVisitor(std::marker::PhantomData),
        )
    }
}

impl<T: JsonSchema> JsonSchema for OneOrMany<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("one_or_many_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        json_schema!({"anyOf": [one.clone(), {"type": "array", "items": one}]})
    }
}

/// A key of the contract whose meaning comes later: read past.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Later;

impl<'de> Deserialize<'de> for Later {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        de::IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

impl Serialize for Later {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

impl JsonSchema for Later {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "not supported yet".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"title": "not supported yet"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written_as_prometheus_does() {
        for (text, millis, back) in [
            ("15s", 15_000, "15s"),
            ("1m30s", 90_000, "1m30s"),
            ("90s", 90_000, "1m30s"),
            ("500ms", 500, "500ms"),
            ("1.5s", 1_500, "1s500ms"),
            ("1h", 3_600_000, "1h"),
            ("2w", 14 * 86_400_000, "14d"),
            ("0", 0, "0s"),
        ] {
            let lasting = Lasting::parse(text).unwrap();
            assert_eq!(lasting.0, Duration::from_millis(millis), "{text}");
            assert_eq!(lasting.to_string(), back);
        }
        for text in [
            "",
            "15",
            "s",
            "-5s",
            "1s1m",
            "1s1s",
            "5 s",
            "1e9s",
            "99999999999999999999y",
            "1..5s",
        ] {
            assert!(Lasting::parse(text).is_err(), "{text} is taken for a duration");
        }
    }

    #[test]
    fn sizes_are_powers_of_1024_whatever_the_spelling() {
        for (text, bytes) in [
            ("1MB", 1 << 20),
            ("1MiB", 1 << 20),
            ("1.5KB", 1536),
            ("0B", 0),
            ("7", 7),
        ] {
            assert_eq!(ByteCount::parse(text).unwrap(), ByteCount(bytes), "{text}");
        }
        assert!(ByteCount::parse("1 parsec").is_err());
        assert!(ByteCount::parse("-1MB").is_err());
    }

    #[test]
    fn a_share_is_a_percentage_or_a_fraction() {
        assert_eq!(Share::parse("33%").unwrap(), Share(0.33));
        assert_eq!(Share::parse("0.33").unwrap(), Share(0.33));
        assert!(Share::parse("33").is_err());
        assert!(Share::parse("nan").is_err());
    }
}
