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
            Event::Scalar(text, ScalarStyle::Plain, _, None) if is_other_number(&text) => {
                Ok(Node::Other(text.into_owned()))
            }
            Event::Scalar(text, style, _, None) => Ok(Node::Leaf(scalar(&text, style))),
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

/// Whether the core schema takes a plain text for a number that JSON would write in another way.
fn is_other_number(text: &str) -> bool {
    let is_canonical =
        |text: &str| serde_json::from_str::<serde_json::Number>(text).is_ok_and(|one| one.to_string() == text);
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let in_base = |prefix, base| text.strip_prefix(prefix).is_some_and(|rest| u128::from_str_radix(rest, base).is_ok());
    let is_decimal =
        digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') && digits.parse::<f64>().is_ok();
    let is_special = matches!(digits, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN");
    !is_canonical(text) && (is_decimal || is_special || in_base("0x", 16) || in_base("0o", 8))
}
