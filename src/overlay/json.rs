//! Reads JSON, with the lines on which names stand.

use std::cell::Cell;
use std::io::Read;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::documents::{Node, flattened};
use super::{OverlayError, Setting, syntax};

/// Its settings. What is outermost must be an object; an empty file is one.
pub(super) fn parse(file: &str, text: &str) -> Result<Vec<Setting>, OverlayError> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let line = Cell::new(1);
    let mut reader = serde_json::Deserializer::from_reader(Counted { rest: text.as_bytes(), line: &line });
    let node = Lined { line: &line }.deserialize(&mut reader).and_then(|node| reader.end().map(|()| node));
    let node = node.map_err(|error| {
        let reason = match error.classify() {
            serde_json::error::Category::Eof => "it ends too early",
            _ => "it is not JSON",
        };
        syntax(file, u32::try_from(error.line()).unwrap_or(u32::MAX).max(1), reason)
    })?;
    match node {
        Node::Table(_) => Ok(flattened(node)),
        Node::Leaf(_) | Node::Other(_) => Err(syntax(file, 1, "what is outermost must be an object")),
    }
}

/// Whether all numbers of a JSON text are written again as they are. Others are rounded, or change their form.
pub(super) fn keeps_numbers(text: &str) -> bool {
    let mut rest = text;
    // Texts are read as well, since they may have digits in them.
    while let Some(at) = rest.find(|letter: char| matches!(letter, '"' | '-') || letter.is_ascii_digit()) {
        rest = &rest[at..];
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        let Some(Ok(value)) = values.next() else { return false };
        let (read, after) = rest.split_at(values.byte_offset());
        if matches!(&value, Value::Number(number) if number.to_string() != read) {
            return false;
        }
        rest = after;
    }
    true
}

/// Counts the lines that have been read. The parser reads a byte at a time, so that is where it is.
struct Counted<'a> {
    rest: &'a [u8],
    line: &'a Cell<u32>,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.rest.read(buffer)?;
        let breaks = buffer[..read].iter().filter(|byte| **byte == b'\n').count();
        self.line.set(self.line.get().saturating_add(u32::try_from(breaks).unwrap_or(u32::MAX)));
        Ok(read)
    }
}

/// Reads a value with the lines of its names.
struct Lined<'a> {
    line: &'a Cell<u32>,
}

impl<'de> DeserializeSeed<'de> for Lined<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Lined<'_> {
    type Value = Node;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Leaf(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Leaf(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Leaf(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Leaf(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Leaf(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Leaf(Value::Null))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element::<Value>()? {
            all.push(item);
        }
        Ok(Node::Leaf(all.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut all = Vec::new();
        while let Some(name) = entries.next_key::<String>()? {
            let line = self.line.get();
            all.push((name, line, entries.next_value_seed(Lined { line: self.line })?));
        }
        Ok(Node::Table(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::overlay::{Declaration, Model, Wanted, edited, without};

    #[test]
    fn numbers_that_would_be_written_as_others_are_left_alone() {
        let json = Declaration::of(Model::Json);
        let cases = [
            ("12345678901234567890123", false),
            ("18446744073709551616", false),
            ("0.1234567890123456789", false),
            ("1.50", false),
            ("1e5", false),
            ("[1, 12345678901234567890123]", false),
            ("18446744073709551615", true),
            ("-7", true),
            ("0.5", true),
            ("[1, \"1.50\"]", true),
            ("\"\\\"1e5\"", true),
        ];
        for (value, is_kept) in cases {
            assert_eq!(keeps_numbers(value), is_kept, "{value}");
            let old = format!("{{\"a\": {{\"1.50\": {value}}}, \"b\": 1}}");
            let set = |key, value: &str| {
                let wanted = Wanted { section: "", key, values: &[value.to_owned()], like: None, is_text: false };
                edited(&json, "etc/x", Some(old.as_bytes()), wanted)
            };
            assert_eq!(set("b", "2").is_ok(), is_kept, "set beside {value}");
            assert_eq!(without(&json, "etc/x", old.as_bytes(), |one| one.key == "b").is_ok(), is_kept, "{value}");
        }
        let set = |value: &str| {
            edited(
                &json,
                "etc/x",
                None,
                Wanted { section: "", key: "b", values: &[value.to_owned()], like: None, is_text: false },
            )
        };
        assert!(set("12345678901234567890123").is_err() && set("[1e5]").is_err());
        assert_eq!(set("1.50 GB"), Ok(b"{\n  \"b\": \"1.50 GB\"\n}\n".to_vec()));
    }
}
