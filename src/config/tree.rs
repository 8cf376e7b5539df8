//! A YAML document as a tree whose nodes know their place.
//!
//! Scalars keep their own spelling, so that `1.10`, `0644` and `on` can still become text: what they are is
//! for the type that reads them to say.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::options::NonFiniteFloatPolicy;
use serde_saphyr::{MessageFormatter, Spanned};

use super::error::Place;

/// How deep collections may stand in each other: twice what any configuration needs, and far from the stack's end.
const DEEPEST: usize = 16;

/// A node of the tree.
#[derive(Debug)]
pub(super) struct Node {
    /// Unique in its tree.
    pub(super) id: usize,
    /// A scalar's own place; a collection's key, where it has one.
    pub(super) place: Place,
    pub(super) value: Value,
}

#[derive(Debug)]
pub(super) enum Value {
    Null,
    Scalar(String),
    List(Vec<Node>),
    Mapping(Vec<(Key, Node)>),
}

#[derive(Debug)]
pub(super) struct Key {
    pub(super) text: String,
    pub(super) place: Place,
}

impl Value {
    /// What an error calls it.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Scalar(_) => "a single value",
            Self::List(_) => "a list",
            Self::Mapping(_) => "a mapping",
        }
    }
}

/// Why a text is not YAML.
#[derive(Debug)]
pub(super) struct SyntaxError {
    pub(super) place: Place,
    pub(super) what: String,
}

/// Parses one document; an empty text is a null.
pub(super) fn parse(text: &str) -> Result<Node, SyntaxError> {
    let options = serde_saphyr::options! {
        with_snippet: false,
        // Binary values belong to probers that come later; until then their spelling will do.
        ignore_binary_tag_for_string: true,
        budget: serde_saphyr::budget! { max_depth: DEEPEST },
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
    };
    let raw = serde_saphyr::from_str_with_options::<Option<Spanned<Raw>>>(text, options)
        .map_err(|error| syntax_error(&error))?;
    let mut ids = 0..;
    Ok(raw.map_or(
        Node {
            id: usize::MAX,
            place: Place { line: 1, column: 1 },
            value: Value::Null,
        },
        |raw| raw_to_node(raw, None, text, &mut ids),
    ))
}

fn syntax_error(error: &serde_saphyr::Error) -> SyntaxError {
    use serde_saphyr::Error as Yaml;
    let error = error.without_snippet();
    let place = error.location().map_or_else(Place::default, place_of);
    let what = if let Yaml::DuplicateMappingKey { key, .. } = error {
        key.as_ref().map_or_else(
            || "a key stands twice in one mapping".to_owned(),
            |key| format!("the key {} stands twice in one mapping", super::error::shown(key)),
        )
    } else if let Yaml::Budget { breach, .. } = error {
        if matches!(breach, BudgetBreach::Depth { .. }) {
            format!("values are nested here in more than {DEEPEST} levels: no key of a configuration is")
        } else {
            "the file is too large here, with what its aliases repeat: name values once, or spread groups over files of file_sd".to_owned()
        }
    } else {
        let text = serde_saphyr::UserMessageFormatter
            .format_message(error)
            .into_owned();
        format!("this is not YAML: {text}")
    };
    SyntaxError { place, what }
}

fn place_of(location: serde_saphyr::Location) -> Place {
    let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    Place {
        line: number(location.line()),
        column: number(location.column()),
    }
}

fn raw_to_node(
    raw: Spanned<Raw>,
    key: Option<Place>,
    text: &str,
    ids: &mut impl Iterator<Item = usize>,
) -> Node {
    let own = place_of(raw.referenced);
    let id = ids.next().unwrap_or(usize::MAX);
    let (place, value) = match raw.value {
        Raw::Null => (own, Value::Null),
        Raw::Text(value) => (own, Value::Scalar(value)),
        Raw::Typed(value) => {
            let span = raw.defined.span();
            let spelling = span
                .byte_offset()
                .zip(span.byte_len())
                .and_then(|(from, length)| {
                    let from = usize::try_from(from).ok()?;
                    text.get(from..from.checked_add(usize::try_from(length).ok()?)?)
                });
            (
                own,
                Value::Scalar(spelling.map_or(value, |spelling| spelling.trim().to_owned())),
            )
        }
        Raw::List(items) => {
            let items = items
                .into_iter()
                .map(|item| raw_to_node(item, None, text, ids))
                .collect();
            (key.unwrap_or(own), Value::List(items))
        }
        Raw::Mapping(entries) => {
            let entries = entries
                .into_iter()
                .map(|(key, value)| {
                    let key = Key {
                        text: key.value,
                        place: place_of(key.referenced),
                    };
                    let value = raw_to_node(value, Some(key.place), text, ids);
                    (key, value)
                })
                .collect();
            (key.unwrap_or(own), Value::Mapping(entries))
        }
    };
    Node { id, place, value }
}

/// What the YAML library says of a node.
enum Raw {
    Null,
    Text(String),
    /// A plain scalar that the library took for a number or a truth value, in its spelling of it.
    Typed(String),
    List(Vec<Spanned<Self>>),
    Mapping(Vec<(Spanned<String>, Spanned<Self>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML")
    }

    fn visit_unit<E: Error>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Typed(value.to_string()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Typed(value.to_string()))
    }

    fn visit_i128<E: Error>(self, value: i128) -> Result<Raw, E> {
        Ok(Raw::Typed(value.to_string()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Typed(value.to_string()))
    }

    fn visit_u128<E: Error>(self, value: u128) -> Result<Raw, E> {
        Ok(Raw::Typed(value.to_string()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Typed(value.to_string()))
    }

    fn visit_bytes<E: Error>(self, value: &[u8]) -> Result<Raw, E> {
        Ok(Raw::Text(String::from_utf8_lossy(value).into_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Mapping(entries))
    }
}
