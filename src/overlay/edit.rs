//! The smallest change of a file's text that sets an option or takes it away. Comments and everything else stay, the ends
//! of lines included, but where a whole document is written anew.
//!
//! What comes out is read again before it is given back: it says what is wanted, and of all other options what it said
//! before. TOML and YAML cannot be written again without losing comments and style, nor JSON with numbers of more than 64
//! bits, so such files are only edited where there is nothing to lose. Nor are lines edited of which programs may read
//! something else.

use serde_json::Value;

use super::documents::{put, split, take};
use super::{Declaration, Format, OverlayError, Setting, ini, json, keyvalue, lines, oslo, parse, whole_lines};

/// An option as it shall be.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The section, as [`Declaration::option`] gives it.
    pub section: &'a str,
    /// The option.
    pub key: &'a str,
    /// Its values in this file; more than one only for an option that accumulates.
    pub values: &'a [String],
    /// A file of the release that shows how the program's assignments are written, where this file has none.
    pub like: Option<&'a [u8]>,
    /// Whether it is a text, whatever it looks like, where the format has other types too.
    pub is_text: bool,
}

/// The text of `file` with the option set; `old` is none when there is no such file yet.
///
/// # Errors
/// When the old text cannot be read, or the value cannot be written in this format.
pub fn edited(
    declaration: &Declaration,
    file: &str,
    old: Option<&[u8]>,
    wanted: Wanted<'_>,
) -> Result<Vec<u8>, OverlayError> {
    let not_editable = || OverlayError::NotEditable { file: file.to_owned() };
    let format = declaration.format().ok_or_else(not_editable)?;
    let old = old.unwrap_or_default();
    let before = parse(format, file, old)?;
    let is_meant = |setting: &Setting| is_option(declaration, setting, wanted.section, wanted.key);
    let has_namesake =
        || format == Format::Indented && ini::has_namesake(&String::from_utf8_lossy(old), wanted.section, wanted.key);
    if is_doubtful(format, old, &before, is_meant) || has_namesake() {
        return Err(not_editable());
    }
    let text = match format.is_document() {
        false => inserted(declaration, format, old, &before, wanted),
        true => {
            let mut document = document(format, file, old, &before)?;
            let path = [split(wanted.section), split(wanted.key)].concat();
            let typed = |text: &String| if wanted.is_text { Some(text.as_str().into()) } else { typed(text) };
            let value = match wanted.values {
                [one] => typed(one),
                several => several.iter().map(typed).collect(),
            };
            value.and_then(|value| {
                put(&mut document, &path, value);
                written(format, &document)
            })
        }
    };
    let unwritable = || OverlayError::Unwritable {
        file: file.to_owned(),
        section: wanted.section.to_owned(),
        key: wanted.key.to_owned(),
    };
    let text = text.ok_or_else(unwritable)?;
    let after = parse(format, file, text.as_bytes())?;
    let meant: Vec<_> = after.iter().filter(|setting| is_meant(setting)).collect();
    let is_right = match format.is_document() {
        false => meant.iter().map(|setting| &setting.value).eq(wanted.values),
        true => meant.len() == 1,
    };
    let same = others(format, &before, is_meant) == others(format, &after, is_meant);
    if is_right && same { Ok(text.into_bytes()) } else { Err(unwritable()) }
}

/// What is in a file that sets nothing and stays, since a shipped file would come into force without it.
pub fn stand_in(format: Format) -> &'static str {
    match format {
        Format::Oslo | Format::Ini | Format::Indented | Format::KeyValue => {
            "# Nothing is set here. This file stays because it takes the place of one of the release.\n"
        }
        // With a comment it could not be edited any more.
        Format::Toml => "\n",
        Format::Json | Format::Yaml => "{}\n",
    }
}

/// The text of `file` without the settings that are meant; none when nothing is left that is worth a file.
///
/// # Errors
/// When the text cannot be read, or not be written again without loss.
pub fn without(
    declaration: &Declaration,
    file: &str,
    old: &[u8],
    is_meant: impl Fn(&Setting) -> bool,
) -> Result<Option<Vec<u8>>, OverlayError> {
    let not_editable = || OverlayError::NotEditable { file: file.to_owned() };
    let format = declaration.format().ok_or_else(not_editable)?;
    let before = parse(format, file, old)?;
    if is_doubtful(format, old, &before, &is_meant) {
        return Err(not_editable());
    }
    let text = match format.is_document() {
        false => Some(kept_lines(old, &before, &is_meant).into_iter().map(|(_, line)| line).collect::<String>()),
        true => {
            let mut document = document(format, file, old, &before)?;
            for setting in before.iter().filter(|setting| is_meant(setting)) {
                take(&mut document, &[split(&setting.section), split(&setting.key)].concat());
            }
            written(format, &document)
        }
    };
    let text = text.ok_or_else(not_editable)?;
    let after = parse(format, file, text.as_bytes())?;
    if after.iter().any(&is_meant) || others(format, &before, &is_meant) != others(format, &after, &is_meant) {
        return Err(not_editable());
    }
    let is_section = |line: &str| line.starts_with('[') && line.ends_with(']');
    let says_nothing = |line: &str| line.trim().is_empty() || is_section(line.trim());
    let is_empty = match format.is_document() {
        false => after.is_empty() && ini::without_mark(&text).lines().all(says_nothing),
        // A table without anything in it may mean something to the program.
        true => matches!(text.trim(), "" | "{}"),
    };
    Ok((!is_empty).then(|| text.into_bytes()))
}

/// Whether programs may read something else of the lines that would be edited.
fn is_doubtful(format: Format, old: &[u8], before: &[Setting], is_meant: impl Fn(&Setting) -> bool) -> bool {
    let text = String::from_utf8_lossy(old);
    match format {
        Format::KeyValue => keyvalue::is_doubtful(&text),
        Format::Indented => {
            let meant: Vec<&Setting> = before.iter().filter(|one| is_meant(one) && one.line < one.last_line).collect();
            let is_further = |number: u32| meant.iter().any(|one| one.line < number && number <= one.last_line);
            lines(&text).any(|(number, line)| is_further(number) && ini::is_doubtful(line))
        }
        Format::Oslo | Format::Ini | Format::Toml | Format::Json | Format::Yaml => false,
    }
}

fn is_option(declaration: &Declaration, setting: &Setting, section: &str, key: &str) -> bool {
    declaration.canonical(&setting.section, &setting.key) == (section.to_owned(), key.to_owned())
}

/// What the settings that are not meant say: in their order, where a format has one.
fn others(format: Format, settings: &[Setting], is_meant: impl Fn(&Setting) -> bool) -> Vec<(&str, &str, &str, bool)> {
    let others = settings.iter().filter(|setting| !is_meant(setting));
    let mut others: Vec<_> = others.map(|one| (&*one.section, &*one.key, &*one.value, one.is_text)).collect();
    if format.is_document() {
        others.sort_unstable();
    }
    others
}

/// The lines of a text with their numbers and their ends, without those of the settings that are meant.
fn kept_lines(old: &[u8], settings: &[Setting], is_meant: impl Fn(&Setting) -> bool) -> Vec<(u32, String)> {
    let gone: Vec<(u32, u32)> =
        settings.iter().filter(|setting| is_meant(setting)).map(|setting| (setting.line, setting.last_line)).collect();
    let text = String::from_utf8_lossy(old);
    let stays = |number: u32| !gone.iter().any(|(first, last)| (*first..=*last).contains(&number));
    let kept = whole_lines(&text).filter(|(number, ..)| stays(*number));
    kept.map(|(number, line, end)| (number, format!("{line}{end}"))).collect()
}

/// How the lines of a text end: as the first one does.
fn line_end(old: &[u8]) -> &'static str {
    let text = String::from_utf8_lossy(old);
    match whole_lines(&text).next() {
        Some((.., "\r\n")) => "\r\n",
        Some((.., "\r")) => "\r",
        _ => "\n",
    }
}

/// The blanks that a line begins with.
fn indent(old: &[u8], number: u32) -> String {
    let text = String::from_utf8_lossy(old);
    let line = lines(ini::without_mark(&text)).find(|(of, _)| *of == number).map_or("", |(_, line)| line);
    line[..line.len() - line.trim_start().len()].to_owned()
}

/// The lines with the option where its last assignment stood, since what is read from there on may refer to it and comments
/// belong to it; else behind the last one of its section, which is made where it is missing.
fn inserted(
    declaration: &Declaration,
    format: Format,
    old: &[u8],
    before: &[Setting],
    wanted: Wanted<'_>,
) -> Option<String> {
    let is_meant = |setting: &Setting| is_option(declaration, setting, wanted.section, wanted.key);
    let kept = kept_lines(old, before, is_meant);
    let line_end = line_end(old);
    let replaced = before.iter().rfind(|setting| is_meant(setting));
    // What is indented less than what is above or below may be something else.
    let indent = replaced.map_or_else(String::new, |setting| indent(old, setting.line));
    let one = |value: &String| match format {
        Format::Oslo => oslo::written(wanted.key, value),
        Format::KeyValue => {
            let files = [old, wanted.like.unwrap_or_default()].map(String::from_utf8_lossy);
            keyvalue::written(&keyvalue::manner(&[&files[0], &files[1]], wanted.key), wanted.key, value)
        }
        format => ini::written(format, &indent, wanted.key, value),
    };
    let new = wanted.values.iter().map(one).collect::<Option<String>>()?.replace('\n', line_end);
    let in_section = |section: &str| declaration.canonical(section, wanted.key).0 == wanted.section;
    let last = before.iter().filter(|setting| in_section(&setting.section)).map(|setting| setting.last_line).max();
    let header = |line: &str| {
        let name = ini::without_mark(line).trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        name.is_some_and(in_section)
    };
    let header = kept.iter().rfind(|(_, line)| header(line)).map(|(number, _)| *number);
    let end = if wanted.section.is_empty() { last.or(Some(0)) } else { last.max(header) };
    let after = replaced.map(|setting| setting.last_line).or(end);
    let mut text = String::new();
    let mut new = Some(new);
    for (number, line) in kept {
        if after.is_some_and(|after| number > after) {
            text.extend(new.take());
        }
        text.push_str(&line);
    }
    if let Some(new) = new {
        if !text.is_empty() && !text.ends_with(['\n', '\r']) {
            text.push_str(line_end);
        }
        if after.is_none() {
            if !text.is_empty() {
                text.push_str(line_end);
            }
            text.push_str(&format!("[{}]{line_end}", wanted.section));
        }
        text.push_str(&new);
    }
    Some(text)
}

/// The document of a file that can be written again without loss, which says what `before` says.
fn document(format: Format, file: &str, old: &[u8], before: &[Setting]) -> Result<Value, OverlayError> {
    let text = String::from_utf8_lossy(old);
    if text.trim().is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    let document: Option<Value> = match format {
        Format::Toml => toml::from_str(&text).ok(),
        // JSON is YAML; other YAML would lose its style.
        _ => serde_json::from_str(&text).ok().filter(|_| json::keeps_numbers(&text)),
    };
    // TOML has times, which JSON's values have not, numbers of several forms, an order and comments: it is only kept where it
    // comes back line by line.
    let is_kept = |document: &Value| {
        let Some(again) = written(format, document) else { return false };
        let is_same_text = format != Format::Toml || said(&again).eq(said(&text));
        let again = parse(format, file, again.as_bytes());
        is_same_text && again.is_ok_and(|again| others(format, &again, |_| false) == others(format, before, |_| false))
    };
    document.filter(is_kept).ok_or_else(|| OverlayError::NotEditable { file: file.to_owned() })
}

/// The lines of a text, empty ones aside.
fn said(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').filter(|line| !line.trim().is_empty())
}

pub(super) fn written(format: Format, document: &Value) -> Option<String> {
    match format {
        Format::Toml => toml::to_string(document).ok(),
        _ => serde_json::to_string_pretty(document).ok().map(|text| text + "\n"),
    }
}

/// A value as it is typed in: a number, a truth value, a list or a text in quotes where it reads as one, else a text. None for
/// numbers that would be written as others.
fn typed(text: &str) -> Option<Value> {
    match serde_json::from_str(text) {
        Ok(value @ (Value::Number(_) | Value::Bool(_) | Value::Array(_))) => json::keeps_numbers(text).then_some(value),
        Ok(quoted @ Value::String(_)) => Some(quoted),
        _ => Some(text.into()),
    }
}
