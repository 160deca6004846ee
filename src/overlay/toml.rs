//! Reads TOML.

use serde_json::Value;
use toml::de::{DeTable, DeValue};

use super::documents::{Node, flattened};
use super::{OverlayError, Setting, syntax};

/// Its settings, in the order of their lines.
pub(super) fn parse(file: &str, text: &str) -> Result<Vec<Setting>, OverlayError> {
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
            text @ DeValue::String(_) => Node::Leaf(of_leaf(text)),
            leaf => match of_leaf(leaf) {
                Value::String(text) => Node::Other(text),
                value => Node::Leaf(value),
            },
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
