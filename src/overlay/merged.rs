//! One file that says what all layers of a program come to, for whoever reads only that one.
//!
//! What is made is read again before it is given back, and has the same values. References of oslo's dialect stay where
//! they come to the same, since all that they refer to is in the file too; other values are written as they are read, with
//! `$$` for a dollar sign. Lines of `keyvalue` are those of the files, unless a shell reads them by what is before them.
//! Leaves of documents keep their types. Secrets are left out, each with a comment in its place.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value as Json;

use super::documents::{joined, put, split};
use super::edit::written;
use super::options::Name;
use super::{App, Content, Format, Layer, Model, Options, OverlayError, Side, Snapshot, Value, Values};
use super::{effective, ini, json, keyvalue, oslo, parse, yaml};
use crate::types::Visible;

/// The file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// Its text.
    pub text: String,
    /// Section and key of secrets that are left out without a word, since JSON has no comments.
    pub untold: Vec<(String, String)>,
}

/// Makes it of the values that the files of a program come to.
///
/// # Errors
/// [`OverlayError::NotEditable`] for files that are not read for what they say, or that cannot be written again without
/// loss, [`OverlayError::Unwritable`] for a value that no file of this format can have so that it is read as it is.
pub fn merged(app: &App, options: &Options, snapshot: &Snapshot, all: &Values) -> Result<Merged, OverlayError> {
    let file = format!("{}/{}", app.override_directory(), app.declaration.files.first().map_or("", String::as_str));
    let format = app.declaration.format().ok_or_else(|| OverlayError::NotEditable { file: file.clone() })?;
    let mut escaped = BTreeSet::new();
    loop {
        let merged = match format {
            Format::Oslo | Format::Ini | Format::Indented | Format::KeyValue => {
                lines(format, &file, snapshot, all, &escaped)?
            }
            Format::Toml | Format::Json | Format::Yaml => document(format, &file, snapshot, all)?,
        };
        let settings = parse(format, &file, merged.text.as_bytes())?;
        let layer = Layer { path: file.clone(), side: Side::Override, settings };
        let again = effective(&app.name, &app.declaration, options, &[layer])?;
        let is_other = |value: &&Value| {
            !value.secret && again.find(&value.section, &value.key).is_none_or(|found| found.values != value.values)
        };
        let others: Vec<&Value> = all.iter().filter(is_other).collect();
        let name = |value: &Value| (value.section.clone(), value.key.clone());
        match others.iter().find(|value| app.declaration.model != Model::Oslo || escaped.contains(&name(value))) {
            _ if others.is_empty() => return Ok(merged),
            Some(value) => return Err(unwritable(&file, value)),
            None => escaped.extend(others.into_iter().map(name)),
        }
    }
}

fn unwritable(file: &str, value: &Value) -> OverlayError {
    OverlayError::Unwritable { file: file.to_owned(), section: value.section.clone(), key: value.key.clone() }
}

/// Sections and lines. Those of `escaped` have no references.
fn lines(
    format: Format,
    file: &str,
    snapshot: &Snapshot,
    all: &Values,
    escaped: &BTreeSet<Name>,
) -> Result<Merged, OverlayError> {
    let mut values: Vec<&Value> = all.iter().collect();
    // Nothing leads back to no section.
    values.sort_by_key(|value| !value.section.is_empty());
    let mut text = String::new();
    let mut section = "";
    for value in values {
        if value.section != section {
            let space = if text.is_empty() { "" } else { "\n" };
            text.push_str(&format!("{space}[{}]\n", value.section));
            section = &value.section;
        }
        let key = &value.key;
        if value.secret {
            text.push_str(&format!("# {} is a secret\n", Visible(key)));
            continue;
        }
        let mut says = match escaped.contains(&(value.section.clone(), key.clone())) {
            true => value.values.iter().map(|text| text.replace('$', "$$")).collect(),
            false => value.raw.clone(),
        };
        if says.is_empty() {
            // What takes all away that was said before.
            says.push(String::new());
        }
        let origins = match value.raw.len() {
            1 => std::slice::from_ref(&value.origin),
            several => &value.assigned[value.assigned.len().saturating_sub(several)..],
        };
        for (index, one) in says.iter().enumerate() {
            let line = match format {
                Format::Oslo => oslo::written(key, one),
                Format::KeyValue => {
                    let origin = origins.get(index);
                    let file = &*origin.unwrap_or(&value.origin).file;
                    let bytes = snapshot.get(file).and_then(Content::bytes).unwrap_or_default();
                    let like = String::from_utf8_lossy(bytes);
                    match origin {
                        // In other words, a shell might read another value.
                        Some(origin) => keyvalue::stated(&like, origin.line, key),
                        None => keyvalue::written(&keyvalue::manner(&[&like], key), key, one),
                    }
                }
                format => ini::written(format, "", key, one),
            };
            text.push_str(&line.filter(|line| is_plain(line)).ok_or_else(|| unwritable(file, value))?);
        }
    }
    Ok(Merged { text, untold: Vec::new() })
}

/// Whether a terminal does nothing that the text says.
fn is_plain(text: &str) -> bool {
    text.chars().all(|letter| !letter.is_control() || matches!(letter, '\n' | '\t'))
}

/// A document with the leaves as they are in the files that they come from.
fn document(format: Format, file: &str, snapshot: &Snapshot, all: &Values) -> Result<Merged, OverlayError> {
    let mut documents: HashMap<&str, Json> = HashMap::new();
    let mut whole = Json::Object(serde_json::Map::new());
    let mut secrets = Vec::new();
    for value in all.iter() {
        if value.secret {
            secrets.push((value.section.clone(), value.key.clone()));
            continue;
        }
        let origin = &*value.origin.file;
        if !documents.contains_key(origin) {
            let bytes = snapshot.get(origin).and_then(Content::bytes).unwrap_or_default();
            documents.insert(origin, typed(format, origin, bytes)?);
        }
        let path = [split(&value.section), split(&value.key)].concat();
        let there = value.former.as_deref().map_or_else(|| path.clone(), split);
        let leaf = there.iter().try_fold(&documents[origin], |place, name| place.get(name));
        let is_same = |leaf: &&Json| {
            let text = match leaf {
                Json::String(text) => text.clone(),
                other => other.to_string(),
            };
            value.raw == [text] && (format != Format::Yaml || is_clear(leaf))
        };
        let leaf = leaf.filter(is_same).ok_or_else(|| unwritable(file, value))?;
        put(&mut whole, &path, leaf.clone());
    }
    let text = written(format, &whole).ok_or_else(|| OverlayError::NotEditable { file: file.to_owned() })?;
    if format == Format::Json {
        return Ok(Merged { text, untold: secrets });
    }
    let comment = |(section, key): &Name| format!("# {} is a secret\n", Visible(&joined(section, key)));
    Ok(Merged { text: secrets.iter().map(comment).collect::<String>() + &text, untold: Vec::new() })
}

/// What a file holds. Numbers that would be written as others, and what JSON does not have, come out as something else
/// than what was read of them, or as none.
fn typed(format: Format, file: &str, bytes: &[u8]) -> Result<Json, OverlayError> {
    let lost = || OverlayError::NotEditable { file: file.to_owned() };
    let text = std::str::from_utf8(bytes).map_err(|_| OverlayError::NotText { file: file.to_owned() })?;
    match format {
        Format::Toml => toml::from_str(text).map_err(|_| lost()),
        Format::Yaml => Ok(yaml::node(file, text)?.into_value()),
        _ => serde_json::from_str(text).ok().filter(|_| json::keeps_numbers(text)).ok_or_else(lost),
    }
}

/// Whether the texts in a leaf of YAML are texts for sure.
fn is_clear(leaf: &Json) -> bool {
    match leaf {
        Json::Array(items) => items.iter().all(is_clear),
        Json::Object(entries) => entries.values().all(is_clear),
        Json::String(text) => yaml::is_text(text),
        _ => true,
    }
}
