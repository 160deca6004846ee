//! Lines of `key=value`, or of `key value`, without sections: sysctl.conf, login.defs, files in `/etc/default`, and the like.
//!
//! Comments are whole lines that begin with `#` or `;`. Spaces around key and value go; `export` in front of a key goes too,
//! and without an `=` it assigns nothing. A key alone has an empty value.
//!
//! What sh, os-release(5) and systemd's `EnvironmentFile=` agree about holds behind an `=`:
//!
//! - A value in quotes goes on to the next such quote, over lines too. Between `"`, a backslash takes the meaning of `"`, `\`,
//!   `$` and `` ` `` away, and one at the end of a line takes the line break; between `'` nothing has a meaning.
//! - Without quotes, a backslash at the very end of a line that no other one escapes takes the line break.
//!
//! Where they do not agree, the value is told as it stands, and where that leaves a quote open, the file is not edited. A value
//! is written in the manner of the assignments that are there ([`Manner`]).

use super::ini::ends_escaping;
use super::{OverlayError, Setting, syntax, whole_lines};

/// How an assignment is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Manner {
    exported: bool,
    /// What stands between key and value.
    separator: String,
    quoted: bool,
}

struct Assignment<'a> {
    key: &'a str,
    exported: bool,
    separator: &'a str,
    /// What stands there for the value.
    text: &'a str,
    /// Whether all of it is in one pair of quotes.
    quoted: bool,
    line: u32,
    last_line: u32,
}

/// Reads a file.
pub(super) fn parse(file: &str, text: &str) -> Result<Vec<Setting>, OverlayError> {
    let setting = |one: Assignment<'_>| Setting {
        section: String::new(),
        key: one.key.to_owned(),
        value: one.value(),
        line: one.line,
        last_line: one.last_line,
        is_text: false,
    };
    Ok(assignments(file, text)?.into_iter().map(setting).collect())
}

/// Whether a shell finds an open quote in a value that is told as it stands: what it takes for a line of its own, programs
/// may take for a part of the value.
pub(super) fn is_doubtful(text: &str) -> bool {
    // What cannot be read has been told of before.
    assignments("", text).is_ok_and(|all| all.iter().any(Assignment::leaves_open))
}

fn assignments<'a>(file: &str, text: &'a str) -> Result<Vec<Assignment<'a>>, OverlayError> {
    let mut all = Vec::new();
    let mut line = 1;
    let mut rest = text;
    while !rest.is_empty() {
        let end = line_of(rest).len();
        let begin = rest[..end].trim_start();
        if begin.is_empty() || begin.starts_with(['#', ';']) {
            (rest, line) = (behind(rest, end), line + 1);
            continue;
        }
        let (exported, begin) = match begin.strip_prefix("export ") {
            Some(exported) => (true, exported.trim_start()),
            None => (false, begin),
        };
        let key_end = begin.find(|letter: char| letter == '=' || letter.is_whitespace()).unwrap_or(begin.len());
        let (key, behind_key) = begin.split_at(key_end);
        if key.is_empty() {
            return Err(syntax(file, line, "an option without a name"));
        }
        let has_sign = behind_key.trim_start().starts_with('=');
        let value = behind_key.trim_start().strip_prefix('=').unwrap_or(behind_key).trim_start();
        let at = end - value.len();
        let (length, quoted) =
            if has_sign { extent(&rest[at..]) } else { (value.len(), is_in_quotes(value.trim_end())) };
        let breaks = whole_lines(&rest[..at + length]).filter(|(.., end)| !end.is_empty()).count();
        let lines = u32::try_from(breaks + 1).unwrap_or(u32::MAX);
        if has_sign || !exported {
            all.push(Assignment {
                key,
                exported,
                separator: &behind_key[..behind_key.len() - value.len()],
                text: if quoted { rest[at..at + length].trim_end() } else { &rest[at..at + length] },
                quoted,
                line,
                last_line: line + lines - 1,
            });
        }
        (rest, line) = (behind(rest, at + length), line + lines);
    }
    Ok(all)
}

impl Assignment<'_> {
    /// Whether it may be one of a shell's.
    fn is_of_shell(&self) -> bool {
        is_of_shell(self.separator, self.key)
    }

    fn leaves_open(&self) -> bool {
        self.is_of_shell() && !self.quoted && seen(self.text).open.is_some()
    }

    /// Whether it shows how a key and a value are put together.
    fn shows_manner(&self) -> bool {
        self.separator.contains('=') || !self.text.trim().is_empty()
    }

    fn value(&self) -> String {
        let inner = if self.quoted { &self.text[1..self.text.len() - 1] } else { self.text };
        let is_literal = !self.separator.contains('=') || self.quoted && self.text.starts_with('\'');
        let value = if is_literal { inner.to_owned() } else { unescaped(inner, self.quoted) };
        if self.quoted { value } else { value.trim_end().to_owned() }
    }
}

/// How far a value goes, to the end of a line, and whether it is one pair of quotes with what is between.
fn extent(text: &str) -> (usize, bool) {
    if let Some(closing) = closing_quote(text) {
        let end = closing + 1 + line_of(&text[closing + 1..]).len();
        if text[closing + 1..end].trim().is_empty() {
            return (end, true);
        }
    }
    let mut end = line_of(text).len();
    let mut line = &text[..end];
    while ends_escaping(line) && end < text.len() {
        let next = behind(text, end);
        line = line_of(next);
        end = text.len() - next.len() + line.len();
    }
    (end, false)
}

/// Where the quote that the text begins with is closed.
fn closing_quote(text: &str) -> Option<usize> {
    let quote = text.chars().next().filter(|letter| matches!(letter, '"' | '\''))?;
    let mut escaped = false;
    let closing = text[1..].char_indices().find(|(_, letter)| {
        let closes = *letter == quote && !escaped;
        escaped = quote == '"' && *letter == '\\' && !escaped;
        closes
    });
    closing.map(|(at, _)| at + 1)
}

fn is_in_quotes(value: &str) -> bool {
    value.len() >= 2 && ['"', '\''].iter().any(|quote| value.starts_with(*quote) && value.ends_with(*quote))
}

/// The text without what backslashes do: of those in quotes all that have a meaning, else only those that take a line break.
fn unescaped(text: &str, quoted: bool) -> String {
    let mut value = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        value.push_str(before);
        let next = after.chars().next();
        rest = match next {
            Some('\n' | '\r') => behind(after, 0),
            Some(letter @ ('"' | '\\' | '$' | '`')) if quoted => {
                value.push(letter);
                &after[1..]
            }
            // Of two backslashes, the second takes no line break.
            Some('\\') => {
                value.push_str("\\\\");
                &after[1..]
            }
            _ => {
                value.push('\\');
                after
            }
        };
    }
    value + rest
}

/// What a shell sees in a text.
#[derive(Default)]
struct Seen {
    /// The quote for whose other one it looks behind the text.
    open: Option<char>,
    /// Whether it puts something else in the place of a part.
    refers: bool,
}

fn seen(text: &str) -> Seen {
    let mut seen = Seen::default();
    let mut escaped = false;
    let mut before = '=';
    for letter in text.chars() {
        match (seen.open, letter) {
            _ if escaped => escaped = false,
            (None | Some('"'), '\\') => escaped = true,
            (None | Some('"'), '$' | '`') => seen.refers = true,
            (None, '"' | '\'') => seen.open = Some(letter),
            (None, '#') if before.is_whitespace() => break,
            (Some(quote), _) if quote == letter => seen.open = None,
            _ => {}
        }
        before = letter;
    }
    seen
}

/// The text up to the end of its first line.
fn line_of(text: &str) -> &str {
    &text[..text.find(['\n', '\r']).unwrap_or(text.len())]
}

/// What is behind the end of a line that is at `end`.
fn behind(text: &str, end: usize) -> &str {
    let rest = &text[end..];
    rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix(['\n', '\r'])).unwrap_or(rest)
}

fn is_of_shell(separator: &str, key: &str) -> bool {
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    separator == "=" && key.chars().all(is_name) && !key.starts_with(|first: char| first.is_ascii_digit())
}

/// How the option is to be written: as it is in the first of these files that assigns it, else as the first of them writes
/// any other.
pub(super) fn manner(files: &[&str], key: &str) -> Manner {
    let mut other = None;
    for file in files {
        for one in assignments("", file).unwrap_or_default().into_iter().filter(Assignment::shows_manner) {
            let separator = one.separator.to_owned();
            if one.key == key {
                return Manner { exported: one.exported, separator, quoted: one.quoted };
            }
            other.get_or_insert(Manner { exported: false, separator, quoted: false });
        }
    }
    other.unwrap_or_else(|| Manner { exported: false, separator: "=".to_owned(), quoted: false })
}

/// How the value is written so that it is read again as it is; none when that cannot be done. A shell gets quotes around all
/// that may mean something to it; others would read the quotes.
pub(super) fn written(manner: &Manner, key: &str, value: &str) -> Option<String> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_./:@%+,-".contains(letter);
    let of_shell = is_of_shell(&manner.separator, key);
    let value_text = match manner.quoted || of_shell && !value.chars().all(is_plain) {
        true if manner.separator.contains('=') => {
            let special = |letter| matches!(letter, '"' | '\\' | '$' | '`');
            let escaped = value.chars().flat_map(|letter| special(letter).then_some('\\').into_iter().chain([letter]));
            format!("\"{}\"", escaped.collect::<String>())
        }
        true => format!("\"{value}\""),
        false => value.to_owned(),
    };
    let export = if manner.exported { "export " } else { "" };
    let separator = if value_text.is_empty() { manner.separator.trim_end() } else { &manner.separator };
    let text = format!("{export}{key}{separator}{value_text}\n");
    let read = parse("", &text).ok()?;
    (matches!(&read[..], [only] if only.key == key && only.value == value) && !is_doubtful(&text)).then_some(text)
}

/// The assignment on a line of a file, as it stands there, to an option of this name. None where a shell would find something
/// else in it beside other lines than those of that file, or goes on to look for the end of a quote.
pub(super) fn stated(file: &str, line: u32, key: &str) -> Option<String> {
    let one = assignments("", file).ok()?.into_iter().find(|one| one.line == line)?;
    if one.leaves_open() || one.is_of_shell() && seen(one.text).refers {
        return None;
    }
    let export = if one.exported { "export " } else { "" };
    Some(format!("{export}{key}{}{}\n", one.separator, one.text.replace("\r\n", "\n")))
}
