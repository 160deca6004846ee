//! Lines of `key=value`, or of `key value`, without sections: sysctl.conf, files in `/etc/default`, and the like.
//!
//! Comments are whole lines that begin with `#` or `;`. Spaces around key and value go, and one pair of quotes around the
//! value; `export` in front of a key goes too. A key alone has an empty value.

use super::{OverlayError, Setting, lines, syntax};

/// Reads a file.
pub(super) fn parse(file: &str, text: &str) -> Result<Vec<Setting>, OverlayError> {
    let mut settings = Vec::new();
    for (number, line) in lines(text) {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        let line = line.strip_prefix("export ").map_or(line, str::trim_start);
        let end = line.find(|letter: char| letter == '=' || letter.is_whitespace()).unwrap_or(line.len());
        let (key, rest) = line.split_at(end);
        if key.is_empty() {
            return Err(syntax(file, number, "an option without a name"));
        }
        let rest = rest.trim_start();
        let value = rest.strip_prefix('=').unwrap_or(rest).trim();
        settings.push(Setting {
            section: String::new(),
            key: key.to_owned(),
            value: unquoted(value).to_owned(),
            line: number,
            last_line: number,
            is_text: false,
        });
    }
    Ok(settings)
}

/// How the value is written so that it is read again as it is; none when that cannot be done.
pub(super) fn written(key: &str, value: &str) -> Option<String> {
    let needs_quotes = value != value.trim() || unquoted(value) != value;
    let text = if needs_quotes { format!("{key}=\"{value}\"\n") } else { format!("{key}={value}\n") };
    let plain = parse("", &text).ok()?;
    matches!(&plain[..], [only] if only.key == key && only.value == value).then_some(text)
}

fn unquoted(value: &str) -> &str {
    let inner = |quote| value.strip_prefix(quote).and_then(|value| value.strip_suffix(quote));
    inner('"').or_else(|| inner('\'')).unwrap_or(value)
}
