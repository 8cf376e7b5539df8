//! Reads serde types from a tree and reports every fault, not just the first.
//!
//! A type that is read by serde gives up at the first fault. So a fault is noted, the node that caused it is
//! left out, and the reading begins anew until nothing is left to object to. An unknown key needs no second
//! round: it is noted and passed over. What a `null` stands for is left out as well, as Go's YAML does.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fmt;

use serde::de::value::{BorrowedStrDeserializer, StrDeserializer};
use serde::de::{self, Deserialize, DeserializeOwned, DeserializeSeed, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::error::{Findings, Place, did_you_mean, shown};
use super::tree::{Key, Node, Value};

/// The name by which `At` asks a reader for the place of what it holds.
pub(super) const AT: &str = "$at";

/// The name by which `OneOrMany` asks for a list or for what would be its one item.
pub(super) const ONE_OR_MANY: &str = "$one_or_many";

/// More faults than this are not looked for: each costs one reading of the file.
const ROUNDS: usize = 200;

/// Reads a document; what could not be read is left at its default.
pub(super) fn read<T: DeserializeOwned + Default>(root: &Node, findings: &Findings) -> T {
    let session = Session {
        findings,
        spoiled: RefCell::default(),
    };
    for _ in 0..ROUNDS {
        let reader = Reader {
            node: root,
            session: &session,
        };
        match T::deserialize(reader) {
            Ok(read) => return read,
            Err(error) => {
                let (id, place) = error.at.get().unwrap_or((root.id, root.place));
                match &error.hint {
                    Some(hint) => findings.fault_with_hint(place, &error.what, hint),
                    None => findings.fault(place, &error.what),
                }
                if id == root.id || !session.spoiled.borrow_mut().insert(id) {
                    break;
                }
            }
        }
    }
    T::default()
}

struct Session<'t> {
    findings: &'t Findings,
    spoiled: RefCell<BTreeSet<usize>>,
}

impl Session<'_> {
    fn is_spoiled(&self, node: &Node) -> bool {
        self.spoiled.borrow().contains(&node.id)
    }
}

#[derive(Clone, Copy)]
struct Reader<'t> {
    node: &'t Node,
    session: &'t Session<'t>,
}

/// A fault on its way up: the innermost node that saw it is the one it belongs to.
#[derive(Debug)]
struct ReadError {
    at: Cell<Option<(usize, Place)>>,
    what: String,
    hint: Option<String>,
}

impl ReadError {
    fn with_hint(what: String, hint: Option<String>) -> Self {
        Self {
            at: Cell::new(None),
            what,
            hint,
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for ReadError {}

impl de::Error for ReadError {
    fn custom<T: fmt::Display>(text: T) -> Self {
        // A message may carry its hint behind a line break: see `value::refuse`.
        let text = text.to_string();
        match text.split_once('\n') {
            Some((what, hint)) => Self::with_hint(what.to_owned(), Some(hint.to_owned())),
            None => Self::with_hint(text, None),
        }
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let choices = expected.join(", ");
        let hint =
            did_you_mean(variant, expected.iter().copied()).unwrap_or_else(|| format!("one of: {choices}"));
        Self::with_hint(format!("unknown value {}", shown(variant)), Some(hint))
    }
}

impl<'t> Reader<'t> {
    fn child(self, node: &'t Node) -> Self {
        Self { node, ..self }
    }

    fn place<T>(self, result: Result<T, ReadError>) -> Result<T, ReadError> {
        result.inspect_err(|error| {
            if error.at.get().is_none() {
                error.at.set(Some((self.node.id, self.node.place)));
            }
        })
    }

    fn expected<T>(self, what: &str) -> Result<T, ReadError> {
        let found = self.node.value.kind();
        self.place(Err(ReadError::with_hint(
            format!("expected {what}, found {found}"),
            None,
        )))
    }

    fn scalar(self, what: &str) -> Result<&'t str, ReadError> {
        match &self.node.value {
            Value::Scalar(text) => Ok(text),
            Value::Null | Value::List(_) | Value::Mapping(_) => self.expected(what),
        }
    }

    fn parsed<T>(self, what: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, ReadError> {
        let text = self.scalar(what)?;
        let refused = || ReadError::with_hint(format!("expected {what}, found {}", shown(text)), None);
        self.place(parse(text).ok_or_else(refused))
    }

    fn items(self, items: &'t [Node]) -> Items<'t> {
        Items {
            reader: self,
            items: items.iter(),
        }
    }

    fn entries(self, entries: &'t [(Key, Node)], fields: Option<&'static [&'static str]>) -> Entries<'t> {
        Entries {
            reader: self,
            left: entries.iter(),
            fields,
            value: None,
        }
    }
}

macro_rules! whole_numbers {
    ($($method:ident $visit:ident $type:ty;)+) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            let number = self.parsed("a whole number", |text| text.parse::<$type>().ok())?;
            self.place(visitor.$visit(number))
        })+
    };
}

impl<'de> de::Deserializer<'de> for Reader<'de> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self.node.value {
            Value::Null => self.place(visitor.visit_unit()),
            Value::Scalar(text) => self.place(visitor.visit_borrowed_str(text)),
            Value::List(items) => self.place(visitor.visit_seq(self.items(items))),
            Value::Mapping(entries) => self.place(visitor.visit_map(self.entries(entries, None))),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let truth = self.parsed("true or false", truth)?;
        self.place(visitor.visit_bool(truth))
    }

    whole_numbers! {
        deserialize_u16 visit_u16 u16;
        deserialize_u32 visit_u32 u32;
        deserialize_u64 visit_u64 u64;
        deserialize_i64 visit_i64 i64;
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let number = self.parsed("a number", |text| text.parse().ok())?;
        self.place(visitor.visit_f64(number))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let text = self.scalar("a text")?;
        self.place(visitor.visit_borrowed_str(text))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.node.value {
            Value::Null => self.place(visitor.visit_none()),
            Value::Scalar(_) | Value::List(_) | Value::Mapping(_) => self.place(visitor.visit_some(self)),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.place(visitor.visit_newtype_struct(self))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self.node.value {
            Value::Null => self.place(visitor.visit_seq(self.items(&[]))),
            Value::List(items) => self.place(visitor.visit_seq(self.items(items))),
            Value::Scalar(_) | Value::Mapping(_) => self.expected("a list"),
        }
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        if name == AT {
            return self.place(visitor.visit_seq(AtParts {
                reader: self,
                next: 0,
            }));
        }
        let one = matches!(self.node.value, Value::Scalar(_) | Value::Mapping(_));
        if name == ONE_OR_MANY && one {
            return self.place(visitor.visit_newtype_struct(self));
        }
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self.node.value {
            Value::Null => self.place(visitor.visit_map(self.entries(&[], None))),
            Value::Mapping(entries) => self.place(visitor.visit_map(self.entries(entries, None))),
            Value::Scalar(_) | Value::List(_) => self.expected("a mapping"),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match &self.node.value {
            Value::Null => self.place(visitor.visit_map(self.entries(&[], Some(fields)))),
            Value::Mapping(entries) => self.place(visitor.visit_map(self.entries(entries, Some(fields)))),
            Value::Scalar(_) | Value::List(_) => self.expected("a mapping"),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let text = self.scalar(&format!("one of {}", variants.join(", ")))?;
        let variant: StrDeserializer<'_, ReadError> = text.into_deserializer();
        self.place(visitor.visit_enum(variant))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u128 f32 char bytes byte_buf unit unit_struct tuple identifier
    }
}

/// The spellings that Go's YAML library takes for truth values.
fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "y" => Some(true),
        "false" | "no" | "off" | "n" => Some(false),
        _ => None,
    }
}

struct Items<'t> {
    reader: Reader<'t>,
    items: std::slice::Iter<'t, Node>,
}

impl<'t> de::SeqAccess<'t> for Items<'t> {
    type Error = ReadError;

    fn next_element_seed<S: DeserializeSeed<'t>>(&mut self, seed: S) -> Result<Option<S::Value>, ReadError> {
        let Some(node) = self.items.find(|node| !self.reader.session.is_spoiled(node)) else {
            return Ok(None);
        };
        let item = self.reader.child(node);
        let read = item.place(seed.deserialize(item));
        if read.is_err() {
            // An emptied list is not one that was left empty.
            self.reader.session.findings.refuse(self.reader.node.place, "");
        }
        read.map(Some)
    }
}

struct Entries<'t> {
    reader: Reader<'t>,
    left: std::slice::Iter<'t, (Key, Node)>,
    /// Of a struct: the only keys it knows.
    fields: Option<&'static [&'static str]>,
    value: Option<(&'t Key, &'t Node)>,
}

impl<'t> Entries<'t> {
    fn next_known(&mut self) -> Option<&'t (Key, Node)> {
        let session = self.reader.session;
        let fields = self.fields;
        self.left.find(|(key, node)| {
            let Some(fields) = fields else {
                return !session.is_spoiled(node);
            };
            if !fields.contains(&key.text.as_str()) {
                let what = format!("unknown key {}", shown(&key.text));
                match did_you_mean(&key.text, fields.iter().copied()) {
                    Some(hint) => session.findings.fault_with_hint(key.place, what, hint),
                    None => session.findings.fault(key.place, what),
                }
                return false;
            }
            !matches!(node.value, Value::Null) && !session.is_spoiled(node)
        })
    }
}

impl<'t> de::MapAccess<'t> for Entries<'t> {
    type Error = ReadError;

    fn next_key_seed<S: DeserializeSeed<'t>>(&mut self, seed: S) -> Result<Option<S::Value>, ReadError> {
        let Some((key, node)) = self.next_known() else {
            return Ok(None);
        };
        self.value = Some((key, node));
        let text = BorrowedStrDeserializer::<ReadError>::new(&key.text);
        // A key that cannot be read spoils its value, or the next round would meet it again.
        self.reader.child(node).place(seed.deserialize(text)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'t>>(&mut self, seed: S) -> Result<S::Value, ReadError> {
        let Some((key, node)) = self.value.take() else {
            return Err(de::Error::custom("a value without a key"));
        };
        let value = self.reader.child(node);
        let read = value.place(seed.deserialize(value));
        if let Err(error) = &read
            && error.at.get().is_some_and(|(id, _)| id == node.id)
        {
            self.reader
                .session
                .findings
                .refuse(self.reader.node.place, &key.text);
        }
        read
    }
}

/// The parts of an `At`: line, column, value.
struct AtParts<'t> {
    reader: Reader<'t>,
    next: usize,
}

impl<'t> de::SeqAccess<'t> for AtParts<'t> {
    type Error = ReadError;

    fn next_element_seed<S: DeserializeSeed<'t>>(&mut self, seed: S) -> Result<Option<S::Value>, ReadError> {
        let place = self.reader.node.place;
        self.next += 1;
        let part = match self.next {
            1 => seed.deserialize(place.line.into_deserializer()),
            2 => seed.deserialize(place.column.into_deserializer()),
            3 => seed.deserialize(self.reader),
            _ => return Ok(None),
        };
        part.map(Some)
    }
}

/// A value and the place where it stands.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct At<T> {
    pub(super) place: Place,
    pub(super) value: T,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for At<T> {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AtVisitor<T>(std::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for AtVisitor<T> {
            type Value = At<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value with its place")
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut parts: A) -> Result<At<T>, A::Error> {
                let short = || de::Error::custom("a value without its place");
                let line = parts.next_element()?.ok_or_else(short)?;
                let column = parts.next_element()?.ok_or_else(short)?;
                let value = parts.next_element()?.ok_or_else(short)?;
                Ok(At {
                    place: Place { line, column },
                    value,
                })
            }
        }

        deserializer.deserialize_tuple_struct(AT, 3, AtVisitor(std::marker::PhantomData))
    }
}

impl<T: serde::Serialize> serde::Serialize for At<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

impl<T: schemars::JsonSchema> schemars::JsonSchema for At<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> std::borrow::Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        T::json_schema(generator)
    }
}
