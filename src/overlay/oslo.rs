//! The dialect of oslo.config (`iniparser.py` and `cfg.py` of release 10): no crate reads it.
//!
//! - `[section]` ends with the bracket; what is inside is taken as it is. Nothing may be assigned before the first one.
//! - `key = value` or `key: value`, whichever sign comes first. One pair of equal quotes around the value goes.
//! - A line that begins with a space or tab continues the value above it, after a line feed. An empty line, a comment or
//!   a section ends the value; what continues nothing is an error.
//! - Group names fold case, but for `DEFAULT`; option names do not. `DEFAULT` is not inherited by other groups.
//! - Per option the later file wins, and in one file the later line. An option that accumulates has the values of all
//!   files in order. In one file an option's present name wins over its deprecated ones, whatever the order of lines.
//!
//! `cargo xtask oracle oslo` compares all of it with the real one.

use super::{OverlayError, Setting, lines, syntax};

/// Reads a file.
pub(super) fn parse(file: &str, text: &str) -> Result<Vec<Setting>, OverlayError> {
    let mut settings: Vec<Setting> = Vec::new();
    let mut section: Option<&str> = None;
    // Whether the last setting may still be continued.
    let mut open = false;
    for (number, line) in lines(text) {
        let line = line.trim_end_matches(is_space);
        if line.is_empty() {
            open = false;
        } else if line.starts_with([' ', '\t']) {
            let continued = settings.last_mut().filter(|_| open);
            let continued = continued.ok_or_else(|| syntax(file, number, "it continues no line"))?;
            continued.value.push('\n');
            continued.value.push_str(line.trim_start_matches(is_space));
            continued.last_line = number;
        } else if let Some(rest) = line.strip_prefix('[') {
            open = false;
            let name = rest.strip_suffix(']').ok_or_else(|| syntax(file, number, "a section must end with ]"))?;
            if name.is_empty() {
                return Err(syntax(file, number, "a section without a name"));
            }
            section = Some(name);
        } else if line.starts_with(['#', ';']) {
            open = false;
        } else {
            let at = line.find([':', '=']).ok_or_else(|| syntax(file, number, "neither : nor = in it"))?;
            let key = line[..at].trim_matches(is_space);
            if key.is_empty() {
                return Err(syntax(file, number, "an option without a name"));
            }
            let section = section.ok_or_else(|| syntax(file, number, "an option before the first section"))?;
            settings.push(Setting {
                section: section.to_owned(),
                key: key.to_owned(),
                value: unquoted(line[at + 1..].trim_matches(is_space)).to_owned(),
                line: number,
                last_line: number,
                is_text: false,
            });
            open = true;
        }
    }
    Ok(settings)
}

/// The name by which a group is known.
pub(super) fn folded(group: &str) -> String {
    if group == DEFAULT { group.to_owned() } else { group.to_lowercase() }
}

/// The group of options that were given none.
pub(super) const DEFAULT: &str = "DEFAULT";

/// The items of a value that is a list.
pub fn list_items(value: &str) -> Vec<String> {
    let value = value.trim_matches(is_space).trim_end_matches(',');
    match value {
        "" => Vec::new(),
        _ => value.split(',').map(|item| item.trim_matches(is_space).to_owned()).collect(),
    }
}

/// How the value is written so that it is read again as it is; none when that cannot be done.
pub(super) fn written(key: &str, value: &str) -> Option<String> {
    let mut lines = value.split('\n');
    let first = lines.next().unwrap_or_default();
    let needs_quotes = first != first.trim_matches(is_space) || unquoted(first) != first;
    let mut text = if needs_quotes { format!("{key} = \"{first}\"\n") } else { format!("{key} = {first}\n") };
    for line in lines {
        text.push_str("    ");
        text.push_str(line);
        text.push('\n');
    }
    let plain = parse("", &format!("[x]\n{text}")).ok()?;
    matches!(&plain[..], [only] if only.key == key && only.value == value).then_some(text)
}

/// The value without one pair of quotes; a single quotation mark is a pair.
fn unquoted(value: &str) -> &str {
    for quote in ['"', '\''] {
        if value.starts_with(quote) && value.ends_with(quote) {
            return value.get(1..value.len().max(2) - 1).unwrap_or_default();
        }
    }
    value
}

/// What Python's `str.strip` takes away.
fn is_space(letter: char) -> bool {
    letter.is_whitespace() || ('\x1c'..='\x1f').contains(&letter)
}
