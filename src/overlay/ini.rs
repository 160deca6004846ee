//! Sections of `key=value` lines, as systemd reads them (systemd.syntax(7)); `ini` programs are read alike.
//!
//! Comments are whole lines that begin with `#` or `;`. A backslash at the end of a line continues it with a space in its
//! place; comments between the lines of a value are left out. Crates for INI files keep no line numbers.

use super::{OverlayError, Setting, lines, syntax};

/// Reads a file. Options before the first section are in the section without a name.
pub(super) fn parse(file: &str, text: &str) -> Result<Vec<Setting>, OverlayError> {
    let mut settings = Vec::new();
    let mut section = String::new();
    // The beginning of a line that goes on, and where it began.
    let mut begun: Option<(u32, String)> = None;
    let mut last = 0;
    for (number, line) in lines(text) {
        last = number;
        let trimmed = line.trim();
        if trimmed.starts_with(['#', ';']) || (trimmed.is_empty() && begun.is_none()) {
            continue;
        }
        let (first, mut whole) = begun.take().unwrap_or((number, String::new()));
        whole.push_str(if whole.is_empty() { trimmed } else { line.trim_end() });
        if whole.ends_with('\\') {
            whole.pop();
            whole.push(' ');
            begun = Some((first, whole));
            continue;
        }
        take(file, &whole, (first, number), &mut section, &mut settings)?;
    }
    if let Some((first, whole)) = begun {
        take(file, &whole, (first, last), &mut section, &mut settings)?;
    }
    Ok(settings)
}

fn take(
    file: &str,
    line: &str,
    (first, last): (u32, u32),
    section: &mut String,
    settings: &mut Vec<Setting>,
) -> Result<(), OverlayError> {
    let line = line.trim();
    if let Some(rest) = line.strip_prefix('[') {
        let name = rest.strip_suffix(']').ok_or_else(|| syntax(file, first, "a section must end with ]"))?;
        section.clear();
        section.push_str(name.trim());
        return Ok(());
    }
    let (key, value) = line.split_once('=').ok_or_else(|| syntax(file, first, "no = in it"))?;
    if key.trim().is_empty() {
        return Err(syntax(file, first, "an option without a name"));
    }
    settings.push(Setting {
        section: section.clone(),
        key: key.trim().to_owned(),
        value: value.trim().to_owned(),
        line: first,
        last_line: last,
        is_text: false,
    });
    Ok(())
}

/// How the value is written so that it is read again as it is; none when that cannot be done.
pub(super) fn written(key: &str, value: &str) -> Option<String> {
    let text = format!("{key}={value}\n");
    let plain = parse("", &text).ok()?;
    matches!(&plain[..], [only] if only.key == key && only.value == value).then_some(text)
}
