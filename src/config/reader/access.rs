//! What serde sees of lists, mappings and places: all but what has been objected to.

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{self, DeserializeSeed, IntoDeserializer};

use super::{ReadError, Reader};
use crate::config::error::{did_you_mean, shown};
use crate::config::tree::{Key, Node, Value};

pub(super) struct Items<'t> {
    reader: Reader<'t>,
    items: std::slice::Iter<'t, Node>,
}

impl<'t> Items<'t> {
    pub(super) fn new(reader: Reader<'t>, items: &'t [Node]) -> Self {
        Self {
            reader,
            items: items.iter(),
        }
    }
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

pub(super) struct Entries<'t> {
    reader: Reader<'t>,
    left: std::slice::Iter<'t, (Key, Node)>,
    /// Of a struct: the only keys it knows.
    fields: Option<&'static [&'static str]>,
    value: Option<(&'t Key, &'t Node)>,
}

impl<'t> Entries<'t> {
    pub(super) fn new(
        reader: Reader<'t>,
        entries: &'t [(Key, Node)],
        fields: Option<&'static [&'static str]>,
    ) -> Self {
        Self {
            reader,
            left: entries.iter(),
            fields,
            value: None,
        }
    }

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
pub(super) struct AtParts<'t> {
    reader: Reader<'t>,
    next: usize,
}

impl<'t> AtParts<'t> {
    pub(super) const fn new(reader: Reader<'t>) -> Self {
        Self { reader, next: 0 }
    }
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
