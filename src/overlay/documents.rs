//! What TOML, JSON and YAML hold: tables within tables become sections, and each leaf one setting with its line.
//!
//! The path of tables to a leaf, joined with dots, is its section, and the last name its key; names that hold a dot are
//! quoted. A list is one value, told as JSON. Depth is bounded by the parsers.

use serde_json::Value;

use super::Setting;

/// What a document holds.
#[derive(Debug)]
pub(super) enum Node {
    /// Names with their lines and what they name.
    Table(Vec<(String, u32, Node)>),
    /// A value, or a list of them.
    Leaf(Value),
    /// A value of a type that JSON has not, or a number that it writes in another way, as it stands in the file.
    Other(String),
}

impl Node {
    /// The same without lines.
    pub(super) fn into_value(self) -> Value {
        match self {
            Self::Leaf(value) => value,
            Self::Other(text) => Value::from(text),
            Self::Table(entries) => entries.into_iter().map(|(name, _, node)| (name, node.into_value())).collect(),
        }
    }
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

/// The leaves of a document.
pub(super) fn flattened(node: Node) -> Vec<Setting> {
    fn walk(node: Node, section: &str, settings: &mut Vec<Setting>) {
        let Node::Table(entries) = node else { return };
        for (name, line, node) in entries {
            let key = quoted(&name);
            let (value, is_text) = match node {
                Node::Table(_) => {
                    walk(node, &joined(section, &key), settings);
                    continue;
                }
                Node::Leaf(Value::String(text)) => (text, true),
                Node::Leaf(other) => (other.to_string(), false),
                Node::Other(text) => (text, false),
            };
            settings.push(Setting { section: section.to_owned(), key, value, line, last_line: line, is_text });
        }
    }
    let mut settings = Vec::new();
    walk(node, "", &mut settings);
    settings
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
