//! Reads YAML: one document. Aliases and tags are refused: a few bytes could stand for any number.

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::Value;

use super::documents::{Node, flattened};
use super::{OverlayError, Setting, lines, syntax};

/// Tables within tables, at most.
const MAX_DEPTH: usize = 64;

/// Its settings.
pub(super) fn parse(file: &str, text: &str) -> Result<Vec<Setting>, OverlayError> {
    node(file, text).map(flattened)
}

/// What it holds. What is outermost must be a mapping; an empty file is one.
pub(super) fn node(file: &str, text: &str) -> Result<Node, OverlayError> {
    let mut reader = Yaml { file, parser: Parser::new_from_str(text), line: 1, last: lines(text).count() };
    let mut node = None;
    loop {
        match reader.next()? {
            Event::StreamEnd => break,
            Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
            _ if node.is_some() => return Err(reader.error("there is more than one document")),
            event => node = Some(reader.node(event, MAX_DEPTH)?),
        }
    }
    match node {
        None | Some(Node::Leaf(Value::Null)) => Ok(Node::Table(Vec::new())),
        Some(node @ Node::Table(_)) => Ok(node),
        Some(Node::Leaf(_) | Node::Other(_)) => Err(syntax(file, 1, "what is outermost must be a mapping")),
    }
}

struct Yaml<'a> {
    file: &'a str,
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    line: u32,
    /// The parser places what the end of the text implies behind it.
    last: usize,
}

impl<'a> Yaml<'a> {
    fn next(&mut self) -> Result<Event<'a>, OverlayError> {
        let last = self.last;
        let line = |line: usize| u32::try_from(line.min(last)).unwrap_or(u32::MAX).max(1);
        match self.parser.next_event() {
            Some(Ok((event, span))) => {
                self.line = line(span.start.line());
                Ok(event)
            }
            Some(Err(error)) => Err(syntax(self.file, line(error.marker().line()), "it is not YAML")),
            None => Ok(Event::StreamEnd),
        }
    }

    fn error(&self, reason: &str) -> OverlayError {
        syntax(self.file, self.line, reason)
    }

    /// The node that begins with `event`.
    fn node(&mut self, event: Event<'a>, depth: usize) -> Result<Node, OverlayError> {
        let Some(depth) = depth.checked_sub(1) else { return Err(self.error("it is nested too deeply")) };
        match event {
            Event::Scalar(_, _, _, Some(_)) | Event::SequenceStart(_, Some(_)) | Event::MappingStart(_, Some(_)) => {
                Err(self.error("tags are not read"))
            }
            Event::Scalar(text, style, _, None) => Ok(match scalar(&text, style) {
                Value::String(text) if style == ScalarStyle::Plain && !is_text(&text) => Node::Other(text),
                value => Node::Leaf(value),
            }),
            Event::SequenceStart(..) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        Event::SequenceEnd => return Ok(Node::Leaf(items.into())),
                        event => items.push(self.node(event, depth)?.into_value()),
                    }
                }
            }
            Event::MappingStart(..) => {
                let mut entries = Vec::new();
                loop {
                    let name = match self.next()? {
                        Event::MappingEnd => return Ok(Node::Table(entries)),
                        Event::Scalar(name, _, _, None) => name.into_owned(),
                        _ => return Err(self.error("a name must be a plain value")),
                    };
                    let line = self.line;
                    let event = self.next()?;
                    entries.push((name, line, self.node(event, depth)?));
                }
            }
            Event::Alias(_) => Err(self.error("aliases are not read")),
            _ => Err(self.error("it is not YAML")),
        }
    }
}

/// A scalar by the core schema of YAML 1.2.
fn scalar(text: &str, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return text.into();
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => true.into(),
        "false" | "False" | "FALSE" => false.into(),
        // Only what is written as JSON would write it: any other way is a text that is told as it is.
        _ => match serde_json::from_str::<serde_json::Number>(text) {
            Ok(number) if number.to_string() == text => Value::Number(number),
            _ => text.into(),
        },
    }
}

/// Whether YAML of no version takes a text without quotes for something else. Numbers that JSON writes in another way, days
/// and truth values of YAML 1.1 are told as they stand, and in quotes they would be texts to everybody.
pub(super) fn is_text(text: &str) -> bool {
    // Without quotes it would have come as a number.
    if serde_json::from_str::<serde_json::Number>(text).is_ok_and(|number| number.to_string() == text) {
        return true;
    }
    let lower = text.to_lowercase();
    let number = lower.trim_start_matches(['+', '-']).replace('_', "");
    let has_only = |letters: &str| number.chars().all(|letter| letter.is_ascii_digit() || letters.contains(letter));
    let is_word = matches!(&*lower, "y" | "n" | "yes" | "no" | "on" | "off");
    let is_number = number.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        && (number.parse::<f64>().is_ok()
            || matches!(&*number, ".inf" | ".nan")
            || ["0x", "0o", "0b"].iter().any(|base| number.starts_with(base))
            || number.contains(':') && has_only(":."));
    let is_day = number.matches('-').count() >= 2 && has_only("-:.tz+ ");
    !(is_word || is_number || is_day)
}
