//! Reads serde types from a tree and reports every fault, not just the first.
//!
//! A type that is read by serde gives up at the first fault. So a fault is noted, the node that caused it is
//! left out, and the reading begins anew until nothing is left to object to. An unknown key needs no second
//! round: it is noted and passed over. What a `null` stands for is left out as well, as Go's YAML does.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeOwned, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::at::{AT, ONE_OR_MANY};
use super::error::{Findings, Place, did_you_mean, shown};
use super::tree::{Node, Value};

mod access;

use access::{AtParts, Entries, Items};

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
                    _ if error.silent => {}
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
    /// Of a mapping that lost all its entries to faults: it has been told of already.
    silent: bool,
}

impl ReadError {
    fn with_hint(what: String, hint: Option<String>) -> Self {
        Self {
            at: Cell::new(None),
            what,
            hint,
            silent: false,
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
            Value::List(items) => self.place(visitor.visit_seq(Items::new(self, items))),
            Value::Mapping(entries) => {
                if !entries.is_empty() && entries.iter().all(|(_, node)| self.session.is_spoiled(node)) {
                    let mut emptied = ReadError::with_hint(String::new(), None);
                    emptied.silent = true;
                    return self.place(Err(emptied));
                }
                self.place(visitor.visit_map(Entries::new(self, entries, None)))
            }
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
            Value::Null => self.place(visitor.visit_seq(Items::new(self, &[]))),
            Value::List(items) => self.place(visitor.visit_seq(Items::new(self, items))),
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
            return self.place(visitor.visit_seq(AtParts::new(self)));
        }
        let one = matches!(self.node.value, Value::Scalar(_) | Value::Mapping(_));
        if name == ONE_OR_MANY && one {
            return self.place(visitor.visit_newtype_struct(self));
        }
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self.node.value {
            Value::Null => self.place(visitor.visit_map(Entries::new(self, &[], None))),
            Value::Mapping(entries) => self.place(visitor.visit_map(Entries::new(self, entries, None))),
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
            Value::Null => self.place(visitor.visit_map(Entries::new(self, &[], Some(fields)))),
            Value::Mapping(entries) => {
                self.place(visitor.visit_map(Entries::new(self, entries, Some(fields))))
            }
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
