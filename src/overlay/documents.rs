//! TOML, JSON and YAML: tables within tables become sections, and each leaf one setting with its line.
//!
//! The path of tables to a leaf, joined with dots, is its section, and the last name its key; names that hold a dot are
//! quoted. A list is one value, told as JSON. Aliases, tags and several documents in one YAML file are refused: a few bytes
//! could stand for any number. Depth is bounded by the parsers, here for YAML.

use std::cell::Cell;
use std::io::Read;

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use toml::de::{DeTable, DeValue};

use super::{OverlayError, Setting, lines, syntax};

/// Tables within tables, at most.
const MAX_DEPTH: usize = 64;

/// What a document holds.
#[derive(Debug)]
enum Node {
    Table(Vec<(String, u32, Node)>),
    Leaf(Value),
}

/// The name of a leaf as one text: its section and its key joined.
pub(super) fn joined(section: &str, key: &str) -> String {
    if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") }
}

/// A name in a section or a key; quoted when it would be taken for several.
pub(super) fn quoted(name: &str) -> String {
    if name.is_empty() || name.contains(['.', '"']) { Value::from(name).to_string() } else { name.to_owned() }
}

/// The names of a path that [`quoted`] names were joined to.
pub(super) fn split(path: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<String>();
        let (name, after) = match stream.next() {
            Some(Ok(name)) if rest.starts_with('"') => (name, stream.byte_offset()),
            _ => {
                let end = rest.find('.').unwrap_or(rest.len());
                (rest[..end].to_owned(), end)
            }
        };
        names.push(name);
        rest = rest[after..].strip_prefix('.').unwrap_or_default();
    }
    names
}

fn flattened(node: Node) -> Vec<Setting> {
    fn walk(node: Node, section: &str, settings: &mut Vec<Setting>) {
        let Node::Table(entries) = node else { return };
        for (name, line, node) in entries {
            let key = quoted(&name);
            match node {
                Node::Table(_) => walk(node, &joined(section, &key), settings),
                Node::Leaf(value) => {
                    let value = match value {
                        Value::String(text) => text,
                        other => other.to_string(),
                    };
                    settings.push(Setting { section: section.to_owned(), key, value, line, last_line: line });
                }
            }
        }
    }
    let mut settings = Vec::new();
    walk(node, "", &mut settings);
    settings
}

/// Reads TOML.
pub(super) fn toml(file: &str, text: &str) -> Result<Vec<Setting>, OverlayError> {
    // Ascending, so that a line is found by bisection.
    let breaks: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
    let line = |at: usize| u32::try_from(breaks.partition_point(|end| *end < at) + 1).unwrap_or(u32::MAX);
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        syntax(file, line(at), error.message())
    })?;
    let mut settings = flattened(of_table(table.get_ref(), &line));
    settings.sort_by_key(|setting| setting.line);
    Ok(settings)
}

fn of_table(table: &DeTable<'_>, line: &impl Fn(usize) -> u32) -> Node {
    let entries = table.iter().map(|(name, value)| {
        let node = match value.get_ref() {
            DeValue::Table(table) => of_table(table, line),
            leaf => Node::Leaf(of_leaf(leaf)),
        };
        (name.get_ref().to_string(), line(name.span().start), node)
    });
    Node::Table(entries.collect())
}

fn of_leaf(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::from(&**text),
        DeValue::Boolean(is) => Value::from(*is),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Value::from(number),
            Err(_) => Value::from(number.as_str()),
        },
        DeValue::Float(number) => match number.as_str().parse::<f64>().ok().and_then(serde_json::Number::from_f64) {
            Some(number) => Value::Number(number),
            None => Value::from(number.as_str()),
        },
        DeValue::Datetime(time) => Value::from(time.to_string()),
        DeValue::Array(items) => items.iter().map(|item| of_leaf(item.get_ref())).collect(),
        DeValue::Table(table) => {
            table.iter().map(|(name, value)| (name.get_ref().to_string(), of_leaf(value.get_ref()))).collect()
        }
    }
}

/// Reads JSON. What is outermost must be an object; an empty file is one.
pub(super) fn json(file: &str, text: &str) -> Result<Vec<Setting>, OverlayError> {
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
        Node::Leaf(_) => Err(syntax(file, 1, "what is outermost must be an object")),
    }
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

/// Reads YAML. What is outermost must be a mapping; an empty file is one.
pub(super) fn yaml(file: &str, text: &str) -> Result<Vec<Setting>, OverlayError> {
    let mut reader = Yaml { file, parser: Parser::new_from_str(text), line: 1, last: lines(text).count() };
    let mut node = None;
    loop {
        match reader.next()? {
            Event::StreamEnd => break,
            Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
            _ if node.is_some() => return Err(reader.error("there is more than one document")),
            event => node = Some(reader.node(event, MAX_DEPTH)?),
        }
    }
    match node {
        None | Some(Node::Leaf(Value::Null)) => Ok(Vec::new()),
        Some(node @ Node::Table(_)) => Ok(flattened(node)),
        Some(Node::Leaf(_)) => Err(syntax(file, 1, "what is outermost must be a mapping")),
    }
}

struct Yaml<'a> {
    file: &'a str,
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    line: u32,
    /// The parser places what the end of the text implies behind it.
    last: usize,
}

impl<'a> Yaml<'a> {
    fn next(&mut self) -> Result<Event<'a>, OverlayError> {
        let last = self.last;
        let line = |line: usize| u32::try_from(line.min(last)).unwrap_or(u32::MAX).max(1);
        match self.parser.next_event() {
            Some(Ok((event, span))) => {
                self.line = line(span.start.line());
                Ok(event)
            }
            Some(Err(error)) => Err(syntax(self.file, line(error.marker().line()), "it is not YAML")),
            None => Ok(Event::StreamEnd),
        }
    }

    fn error(&self, reason: &str) -> OverlayError {
        syntax(self.file, self.line, reason)
    }

    /// The node that begins with `event`.
    fn node(&mut self, event: Event<'a>, depth: usize) -> Result<Node, OverlayError> {
        let Some(depth) = depth.checked_sub(1) else { return Err(self.error("it is nested too deeply")) };
        match event {
            Event::Scalar(_, _, _, Some(_)) | Event::SequenceStart(_, Some(_)) | Event::MappingStart(_, Some(_)) => {
                Err(self.error("tags are not read"))
            }
            Event::Scalar(text, style, _, None) => Ok(Node::Leaf(scalar(&text, style))),
            Event::SequenceStart(..) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        Event::SequenceEnd => return Ok(Node::Leaf(items.into())),
                        event => items.push(self.node(event, depth)?.into_value()),
                    }
                }
            }
            Event::MappingStart(..) => {
                let mut entries = Vec::new();
                loop {
                    let name = match self.next()? {
                        Event::MappingEnd => return Ok(Node::Table(entries)),
                        Event::Scalar(name, _, _, None) => name.into_owned(),
                        _ => return Err(self.error("a name must be a plain value")),
                    };
                    let line = self.line;
                    let event = self.next()?;
                    entries.push((name, line, self.node(event, depth)?));
                }
            }
            Event::Alias(_) => Err(self.error("aliases are not read")),
            _ => Err(self.error("it is not YAML")),
        }
    }
}

impl Node {
    fn into_value(self) -> Value {
        match self {
            Self::Leaf(value) => value,
            Self::Table(entries) => entries.into_iter().map(|(name, _, node)| (name, node.into_value())).collect(),
        }
    }
}

/// A scalar by the core schema of YAML 1.2.
fn scalar(text: &str, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return text.into();
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => true.into(),
        "false" | "False" | "FALSE" => false.into(),
        // Only what is written as JSON would write it: any other way is a text that is told as it is.
        _ => match serde_json::from_str::<serde_json::Number>(text) {
            Ok(number) if number.to_string() == text => Value::Number(number),
            _ => text.into(),
        },
    }
}

/// A document with this value put at this path of names; what was there and is no table goes.
pub(super) fn put(document: &mut Value, path: &[String], value: Value) {
    let mut place = document;
    for name in path {
        if !place.is_object() {
            *place = Value::Object(serde_json::Map::new());
        }
        place = &mut place[name.as_str()];
    }
    *place = value;
}

/// Takes what is at this path away, with tables that are empty then. Says whether anything was there.
pub(super) fn take(document: &mut Value, path: &[String]) -> bool {
    let Some((name, rest)) = path.split_first() else { return false };
    let Some(table) = document.as_object_mut() else { return false };
    if rest.is_empty() {
        return table.remove(name).is_some();
    }
    let Some(inner) = table.get_mut(name) else { return false };
    let taken = take(inner, rest);
    if taken && inner.as_object().is_some_and(serde_json::Map::is_empty) {
        table.remove(name);
    }
    taken
}
