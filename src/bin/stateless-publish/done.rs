//! The answer of a command that did what it was asked for.

use serde_json::{Map, Value};

use super::common::{Answer, Weight};

/// It was done: the text for a person, the fields of an object for a script.
pub(crate) fn done(text: String, fields: Value) -> Answer {
    let fields = match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    Answer { text, fields, exit_code: 0, weight: Weight::Story }
}
