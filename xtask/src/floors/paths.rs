//! Finds, in the text of a Rust file, which modules of its own crate and which crates with a rule it names.
//!
//! It reads tokens, not syntax: comments and literals are skipped, groups in braces are followed, and what stands under
//! `#[cfg(test)]` is left out.

use super::is_homed;

/// The library's name as the programs write it.
const LIBRARY: &str = "stateless_update";

/// A module, as a file may name it.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// It lies so many modules above the file.
    pub up: usize,
    /// Its path from the root of its crate; the root's own is empty.
    pub path: &'a [String],
}

/// One name that a file uses.
#[derive(Debug, PartialEq, Eq)]
pub struct Used {
    /// Of the module or crate.
    pub name: String,
    /// What the place has: of the root a top-level module. Otherwise it is a crate.
    pub is_module: bool,
    /// Where, from 1.
    pub line: usize,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Uses(pub Vec<Used>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    /// `::`
    Path,
    Mark(char),
}

/// A file as it is read, without its tests.
#[derive(Debug)]
pub struct Tokens(Vec<(Token, usize)>);

impl Tokens {
    /// Reads a file.
    pub fn of(text: &str) -> Self {
        Self(without_tests(tokens(text)))
    }
}

impl Uses {
    /// What a file names of a place, and crates with a rule.
    pub fn of(Tokens(tokens): &Tokens, place: Place<'_>) -> Self {
        let mut uses = Self::default();
        // For each open brace, whether it is that of an inline module.
        let mut braces = Vec::new();
        let mut at = 0;
        while let Some((token, line)) = tokens.get(at) {
            match token {
                Token::Mark('{') => braces.push(opens_module(tokens, at)),
                Token::Mark('}') => _ = braces.pop(),
                Token::Word(word) if starts_path(tokens, at) => {
                    let inline = braces.iter().filter(|module| **module).count();
                    if let Some(behind) = end_of_place(tokens, at, place, inline) {
                        uses.modules(tokens, behind);
                        at = behind;
                        continue;
                    } else if is_homed(word) && is_path_or_import(tokens, at) {
                        uses.0.push(Used { name: word.clone(), is_module: false, line: *line });
                    }
                }
                _ => {}
            }
            at += 1;
        }
        uses
    }

    /// Takes what follows the `::` of a place: one module, or those of a group.
    fn modules(&mut self, tokens: &[(Token, usize)], mut at: usize) {
        let mut level = 0;
        let mut first = true;
        while let Some((token, line)) = tokens.get(at) {
            match token {
                Token::Word(name) if first && level <= 1 && name != "self" => {
                    self.0.push(Used { name: name.clone(), is_module: true, line: *line });
                    first = false;
                }
                Token::Mark('{') => level += 1,
                Token::Mark('}') => level -= 1,
                Token::Mark(',') if level == 1 => first = true,
                _ => {}
            }
            if level <= 0 {
                return;
            }
            at += 1;
        }
    }
}

/// Whether a word begins a path: it continues none, and is no field, method or part of a macro's `$crate`.
fn starts_path(tokens: &[(Token, usize)], at: usize) -> bool {
    let before = at.checked_sub(1).map(|before| &tokens[before].0);
    !matches!(before, Some(Token::Path | Token::Mark('.' | '$')))
}

/// Whether the word is followed by `::`, or is imported whole (`use zstd;`, `extern crate zstd`).
fn is_path_or_import(tokens: &[(Token, usize)], at: usize) -> bool {
    let word = |text: &str| at > 0 && tokens[at - 1].0 == Token::Word(text.to_owned());
    is_path(tokens, at + 1) || word("use") || word("crate")
}

fn is_path(tokens: &[(Token, usize)], at: usize) -> bool {
    matches!(tokens.get(at), Some((Token::Path, _)))
}

/// When the path at `at`, which stands `inline` modules down in its file, starts from a place, where the name after that
/// begins.
fn end_of_place(tokens: &[(Token, usize)], mut at: usize, place: Place<'_>, inline: usize) -> Option<usize> {
    let word = |at: usize| match tokens.get(at) {
        Some((Token::Word(word), _)) if is_path(tokens, at + 1) => Some(word.as_str()),
        _ => None,
    };
    if matches!(word(at), Some("crate" | LIBRARY)) {
        let names = 1 + place.path.len();
        let is_it = place.path.iter().enumerate().all(|(index, name)| word(at + 2 * (index + 1)) == Some(name));
        return is_it.then_some(at + 2 * names);
    }
    if word(at) == Some("self") {
        at += 2;
    }
    let mut up = 0;
    while word(at) == Some("super") {
        up += 1;
        at += 2;
    }
    (up > 0 && up == place.up + inline).then_some(at)
}

/// Whether the brace at `at` opens `mod name {`.
fn opens_module(tokens: &[(Token, usize)], at: usize) -> bool {
    at >= 2 && tokens[at - 2].0 == Token::Word("mod".to_owned())
}

/// Drops each item that stands under `#[cfg(test)]`.
fn without_tests(tokens: Vec<(Token, usize)>) -> Vec<(Token, usize)> {
    let mark = Token::Mark;
    let word = |text: &str| Token::Word(text.to_owned());
    let attribute = [mark('#'), mark('['), word("cfg"), mark('('), word("test"), mark(')'), mark(']')];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let here = tokens[at..].iter().map(|(token, _)| token);
        if here.take(attribute.len()).eq(&attribute) {
            at = end_of_item(&tokens, at + attribute.len());
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// Behind the item at `at`: its closing brace, or its semicolon outside of braces.
fn end_of_item(tokens: &[(Token, usize)], mut at: usize) -> usize {
    let is_import = matches!(tokens.get(at), Some((Token::Word(word), _)) if word == "use");
    let mut level = 0;
    while let Some((token, _)) = tokens.get(at) {
        at += 1;
        match token {
            Token::Mark('{') => level += 1,
            Token::Mark('}') => level -= 1,
            _ => {}
        }
        let closed = *token == Token::Mark('}') && !is_import || *token == Token::Mark(';');
        if level == 0 && closed {
            break;
        }
    }
    at
}

fn tokens(text: &str) -> Vec<(Token, usize)> {
    let mut tokens = Vec::new();
    let mut rest = text;
    let mut line = 1;
    while let Some(first) = rest.chars().next() {
        let length = skipped(rest);
        if length > 0 {
            line += rest[..length].matches('\n').count();
            rest = &rest[length..];
        } else if first.is_alphanumeric() || first == '_' {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            tokens.push((Token::Word(rest[..end].to_owned()), line));
            rest = &rest[end..];
        } else if let Some(behind) = rest.strip_prefix("::") {
            tokens.push((Token::Path, line));
            rest = behind;
        } else {
            tokens.push((Token::Mark(first), line));
            rest = &rest[first.len_utf8()..];
        }
    }
    tokens
}

/// The length of the white space, comment, literal or lifetime at the start; 0 when it is something else.
fn skipped(rest: &str) -> usize {
    let after = |start: usize, end: &str| rest[start..].find(end).map_or(rest.len(), |at| start + at + end.len());
    let quoted = |start: usize, quote: u8| {
        let bytes = rest.as_bytes();
        let mut at = start;
        while at < bytes.len() && bytes[at] != quote {
            at += if bytes[at] == b'\\' { 2 } else { 1 };
        }
        (at + 1).min(bytes.len())
    };
    let white = rest.len() - rest.trim_start().len();
    if white > 0 {
        white
    } else if rest.starts_with("//") {
        rest.find('\n').unwrap_or(rest.len())
    } else if rest.starts_with("/*") {
        after(2, "*/")
    } else if rest.starts_with('"') {
        quoted(1, b'"')
    } else if rest.starts_with("b\"") || rest.starts_with("c\"") {
        quoted(2, b'"')
    } else if let Some((start, end)) = raw(rest) {
        after(start, &end)
    } else if rest.starts_with('\'') {
        // A character ends with a quote after one character or an escape; otherwise it is a lifetime.
        let mut characters = rest.chars().skip(1);
        match (characters.next(), characters.next()) {
            (Some('\\'), _) => quoted(1, b'\''),
            (Some(character), Some('\'')) => 2 + character.len_utf8(),
            _ => 1,
        }
    } else {
        0
    }
}

/// For a raw string such as `r#"` or `br"`: where its content starts and what ends it.
fn raw(rest: &str) -> Option<(usize, String)> {
    let hashes = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'))?;
    let count = hashes.len() - hashes.trim_start_matches('#').len();
    let content = hashes[count..].strip_prefix('"')?;
    Some((rest.len() - content.len(), format!("\"{}", "#".repeat(count))))
}
