//! A body in JSON as the interpreter's own values, made within a bound of memory: 8 MiB of empty maps would take 210 MiB,
//! and 8 MiB of maps with one entry 350.

use std::collections::HashMap;
use std::fmt;

use cel::common::types::{CelBool, CelDouble, CelList, CelMap, CelMapKey, CelNull, CelString};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::BODY;

/// Bytes that the values of one body may take: what 8 MiB of ordinary records take, and some more.
const LIMIT: usize = 96 * 1024 * 1024;

/// Bytes of a value: on the heap, in a piece of its own.
const VALUE: usize = 32;

/// Bytes of a value's place in a list, which grows by doubling.
const PLACE: usize = 32;

/// Bytes of a map beyond those of a value, of the table for its first entries, and of each entry that this does not hold.
const MAP: usize = 32;
const TABLE: usize = 224;
const TABLE_HOLDS: usize = 3;
const ENTRY: usize = 112;

/// Bytes of text that are counted as one cell.
const TEXT_CELL: u64 = 64;

type Value<'t> = Box<dyn Val + 't>;

/// A body in JSON. Its texts stand where they stood, but for those with escapes.
#[derive(Debug)]
pub(in crate::probe::http) struct Body<'t> {
    pub(super) value: Value<'t>,
    /// Values in all, at every depth.
    pub(super) elements: u64,
    /// Its size, as [`size`] has it.
    pub(super) size: u64,
}

impl<'t> Body<'t> {
    /// Reads a body, or says why it is none that can be judged.
    pub(in crate::probe::http) fn parse(text: &'t str) -> Result<Self, String> {
        let mut taken = Taken::default();
        let mut json = serde_json::Deserializer::from_str(text);
        let value = Seed(&mut taken).deserialize(&mut json);
        match value.and_then(|value| json.end().map(|()| value)) {
            Ok(value) => Ok(Self {
                size: size(value.as_ref()),
                value,
                elements: taken.elements,
            }),
            Err(_) if taken.bytes > LIMIT => {
                Err(format!("not read: its values take more than {} MiB", LIMIT >> 20))
            }
            Err(error) => Err(format!("not JSON: {error}")),
        }
    }
}

/// The only variable is looked at where it is: nothing is copied.
impl VariableResolver for Body<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        (variable == BODY).then(|| CowVal::Borrowed(self.value.as_ref()))
    }
}

/// The size of a value in cells, each of some 100 bytes at most: one for every value and every key, and one for 64 bytes of text.
pub(super) fn size(value: &dyn Val) -> u64 {
    if let Some(list) = value.downcast_ref::<CelList<'_>>() {
        return list.inner().iter().fold(1, |sum, item| sum + size(item.as_ref()));
    }
    if let Some(map) = value.downcast_ref::<CelMap<'_>>() {
        return map.inner().iter().fold(1, |sum, (key, item)| {
            let CelMapKey::String(key) = key else { return sum };
            sum + text_size(key.inner()) + size(item.as_ref())
        });
    }
    let text = value.downcast_ref::<CelString<'_>>();
    text.map_or(1, |text| text_size(text.inner()))
}

pub(super) const fn text_size(text: &str) -> u64 {
    1 + text.len() as u64 / TEXT_CELL
}

/// What was taken by the values so far.
#[derive(Default)]
struct Taken {
    bytes: usize,
    elements: u64,
}

impl Taken {
    fn take<E: Error>(&mut self, bytes: usize) -> Result<(), E> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > LIMIT {
            return Err(E::custom("too much"));
        }
        Ok(())
    }
}

/// Makes a value. Every number is a double, as for `blackbox_exporter`.
struct Seed<'r>(&'r mut Taken);

impl Seed<'_> {
    fn made<'de, V: Val + 'de, E: Error>(self, bytes: usize, value: V) -> Result<Value<'de>, E> {
        self.0.elements += 1;
        self.0.take(VALUE + bytes)?;
        Ok(Box::new(value))
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Value<'de>, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value<'de>, E> {
        self.made(0, CelNull)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value<'de>, E> {
        self.made(0, CelBool::from(value))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value<'de>, E> {
        self.made(0, CelDouble::from(number))
    }

    #[expect(clippy::cast_precision_loss, reason = "numbers of JSON are doubles here")]
    fn visit_u64<E: Error>(self, number: u64) -> Result<Value<'de>, E> {
        self.visit_f64(number as f64)
    }

    #[expect(clippy::cast_precision_loss, reason = "numbers of JSON are doubles here")]
    fn visit_i64<E: Error>(self, number: i64) -> Result<Value<'de>, E> {
        self.visit_f64(number as f64)
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Value<'de>, E> {
        self.made(0, CelString::from(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value<'de>, E> {
        self.made(text.len(), CelString::from(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value<'de>, A::Error> {
        let mut list: Vec<Value<'de>> = Vec::new();
        while let Some(item) = items.next_element_seed(Seed(self.0))? {
            self.0.take(PLACE)?;
            list.push(item);
        }
        self.made(0, CelList::from(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value<'de>, A::Error> {
        let mut map = HashMap::new();
        while let Some(key) = entries.next_key_seed(KeySeed(self.0))? {
            self.0.take(match map.len() {
                0 => TABLE,
                held if held < TABLE_HOLDS => 0,
                _ => ENTRY,
            })?;
            map.insert(key, entries.next_value_seed(Seed(self.0))?);
        }
        self.made(MAP, CelMap::from(map))
    }
}

/// Makes the key of an entry.
struct KeySeed<'r>(&'r mut Taken);

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = CelMapKey<'de>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<CelMapKey<'de>, D::Error> {
        json.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for KeySeed<'_> {
    type Value = CelMapKey<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E: Error>(self, key: &'de str) -> Result<CelMapKey<'de>, E> {
        Ok(CelMapKey::from(key))
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<CelMapKey<'de>, E> {
        self.0.take(key.len())?;
        Ok(CelMapKey::from(key.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled_with(value: &str) -> String {
        format!("[{}]", vec![value; (8 << 20) / (value.len() + 1)].join(","))
    }

    #[test]
    fn a_body_of_what_takes_most_for_its_bytes_is_not_read_whole() {
        for value in ["[]", "{}", r#"{"a":1}"#, r#"{"\n":1}"#, "1", r#""\n""#] {
            let why = Body::parse(&filled_with(value)).unwrap_err();
            assert_eq!(why, "not read: its values take more than 96 MiB", "{value}");
        }
    }

    #[test]
    fn a_body_of_records_is_read_as_far_as_bodies_are() {
        let record = r#"{"id": 12345, "name": "something that has a name", "state": "running", "ok": true}"#;
        let text = filled_with(record);
        let body = Body::parse(&text).unwrap();
        assert_eq!(body.elements, 5 * (text.len() / (record.len() + 1)) as u64 + 1);
    }

    #[test]
    fn values_are_those_that_stand_there() {
        let size_of = |text: &str| Body::parse(text).unwrap().size;
        assert_eq!(size_of("[1, -2, 1.5e3, null, true, \"x\"]"), 7);
        assert_eq!(size_of(r#"{"a": [1], "a": {"b\n": ""}}"#), 5);
        assert_eq!(size_of(&format!("\"{}\"", "x".repeat(640))), 11);
        for text in ["", "[1,]", "{\"a\":1", "1 2", "{1:2}", "1e999", "nul"] {
            assert!(Body::parse(text).unwrap_err().starts_with("not JSON: "), "{text}");
        }
        let deep = "[".repeat(10_000);
        assert!(Body::parse(&deep).unwrap_err().starts_with("not JSON: recursion"));
    }
}
