//! The list of options that a program knows, as oslo's generator writes it: each option as a comment with its default.
//!
//! ```text
//! [section]
//! # What it is for. (integer value)
//! # Minimum value: 0
//! # Deprecated group/name - [DEFAULT]/old_name
//! #name = 3
//! ```
//!
//! An option that may be given several times stands there once for each of its defaults, one line behind the other. Further
//! lines of a text follow behind `#` and four blanks, and a text that begins or ends with blanks is in quotes. What is
//! told to be a sample is no default.
//!
//! Files of systemd and others that list their defaults as comments are read the same way.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::{Declaration, Model, OverlayError, lines};

/// Section and key as they are compared.
pub(super) type Name = (String, String);

/// How further lines of a default begin.
const CONTINUED: &str = "#    ";

/// What kind of value an option takes, as far as that is checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    #[default]
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Float,
    /// Yes or no.
    Boolean,
    /// Several texts in one.
    List,
    /// A text that may be given several times.
    Multi,
}

/// What the list says of an option.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownOption {
    /// What it is when no file says anything: of an option that accumulates all values, of any other one or none.
    pub defaults: Vec<String>,
    /// Whether it may have a default that the list does not tell.
    pub untold: bool,
    /// What it takes.
    pub kind: Kind,
    /// The least number.
    pub minimum: Option<i64>,
    /// The greatest number.
    pub maximum: Option<i64>,
    /// Whether it will go.
    pub deprecated: bool,
}

/// All known options, and former names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    known: BTreeMap<Name, KnownOption>,
    former: BTreeMap<Name, Name>,
}

impl Declaration {
    /// Whether all values of an option count.
    pub(super) fn accumulates(&self, options: &Options, section: &str, key: &str) -> bool {
        self.names(&self.multi, section, key)
            || options.option(section, key).is_some_and(|option| option.kind == Kind::Multi)
    }

    /// Whether an empty assignment of an option takes away what was assigned before it, and others add to that.
    pub fn starts_over(&self, options: &Options, section: &str, key: &str) -> bool {
        let has_lines = self.model != Model::Oslo && self.format().is_some_and(|format| !format.is_document());
        has_lines && self.accumulates(options, section, key)
    }

    /// Whether an option's value is a list in one text.
    pub fn is_list(&self, options: &Options, section: &str, key: &str) -> bool {
        self.names(&self.lists, section, key)
            || options.option(section, key).is_some_and(|option| option.kind == Kind::List)
    }
}

impl Options {
    /// Reads the list.
    ///
    /// # Errors
    /// [`OverlayError::NotText`].
    pub fn parse(declaration: &Declaration, file: &str, bytes: &[u8]) -> Result<Self, OverlayError> {
        let text = std::str::from_utf8(bytes).map_err(|_| OverlayError::NotText { file: file.to_owned() })?;
        let mut options = Self::default();
        let mut section = String::new();
        let mut next = KnownOption::default();
        let mut former = Vec::new();
        // The option that the line above says a default of.
        let mut open: Option<Name> = None;
        for (_, line) in lines(text) {
            let above = open.take();
            if let Some(text) = line.strip_prefix(CONTINUED)
                && above.as_ref().is_some_and(|name| options.append(name, text))
            {
                open = above;
                continue;
            }
            let line = line.trim_end();
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                name.clone_into(&mut section);
            } else if let Some(said) = line.strip_prefix("# ") {
                next.note(said, &mut former);
            } else if let Some((key, text)) = assignment(line.strip_prefix('#').unwrap_or(line)) {
                let name = declaration.canonical(&section, key);
                let mut known = std::mem::take(&mut next);
                // A value that is not a comment is set by the file, which is no default of the program.
                known.says(line.starts_with('#').then_some(text));
                for (old_section, old_key) in former.drain(..) {
                    options.former.insert(declaration.canonical(&old_section, &old_key), name.clone());
                }
                let is_next = above.as_ref() == Some(&name) && declaration.accumulates(&options, &name.0, &name.1);
                match options.known.entry(name.clone()) {
                    Entry::Vacant(place) => drop(place.insert(known)),
                    Entry::Occupied(mut place) if is_next => place.get_mut().defaults.append(&mut known.defaults),
                    Entry::Occupied(_) => continue,
                }
                open = Some(name);
                continue;
            }
            if line.is_empty() {
                next = KnownOption::default();
                former.clear();
            }
        }
        for text in options.known.values_mut().flat_map(|known| &mut known.defaults) {
            unquote(text);
        }
        Ok(options)
    }

    /// Appends a line to the default that is told last of an option. Says whether there is one.
    fn append(&mut self, name: &Name, line: &str) -> bool {
        let Some(text) = self.known.get_mut(name).and_then(|known| known.defaults.last_mut()) else { return false };
        text.push('\n');
        text.push_str(line);
        true
    }

    /// Whether nothing is known, so that nothing can be called unknown.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// What is known of an option, by its section and key as they are compared.
    pub fn option(&self, section: &str, key: &str) -> Option<&KnownOption> {
        self.known.get(&(section.to_owned(), key.to_owned()))
    }

    /// The known options of a section.
    pub fn keys(&self, section: &str) -> impl Iterator<Item = &str> {
        let from = self.known.range((section.to_owned(), String::new())..);
        from.take_while(move |((of, _), _)| of == section).map(|((_, key), _)| key.as_str())
    }

    /// All known options.
    pub(super) fn all(&self) -> impl Iterator<Item = (&Name, &KnownOption)> {
        self.known.iter()
    }

    /// Former names with the present ones.
    pub fn former(&self) -> impl Iterator<Item = (&(String, String), &(String, String))> {
        self.former.iter()
    }

    /// Adds an option by its section and key as they are compared.
    pub fn add(&mut self, section: &str, key: &str, option: KnownOption) {
        self.known.insert((section.to_owned(), key.to_owned()), option);
    }
}

impl KnownOption {
    /// What it is when no file says anything, for comparison and interpolation; none where that is nothing, or not told.
    pub fn told(&self) -> Option<Vec<String>> {
        (!self.defaults.is_empty()).then(|| self.defaults.clone())
    }

    /// Takes up the default that is told behind its description.
    fn says(&mut self, text: Option<&str>) {
        match text {
            Some("<None>") => {}
            // The same is written for none and for one without anything in it.
            Some("") if self.kind == Kind::Multi => self.untold = true,
            Some(text) if !self.untold => self.defaults = vec![text.to_owned()],
            _ => self.untold = true,
        }
    }

    fn note(&mut self, said: &str, former: &mut Vec<(String, String)>) {
        let number = |prefix: &str| said.strip_prefix(prefix).and_then(|text| text.trim().parse().ok());
        if let Some(least) = number("Minimum value:") {
            self.minimum = Some(least);
        } else if let Some(greatest) = number("Maximum value:") {
            self.maximum = Some(greatest);
        } else if let Some(name) = said.strip_prefix("Deprecated group/name - [") {
            former.extend(name.split_once("]/").map(|(section, key)| (section.to_owned(), key.trim().to_owned())));
        } else if said.starts_with("This option is deprecated for removal") || said.starts_with("DEPRECATED:") {
            self.deprecated = true;
        } else if said.starts_with("This option has a sample default set") {
            self.untold = true;
        }
        let kinds = [
            ("(integer value)", Kind::Integer),
            ("(port value)", Kind::Integer),
            ("(floating point value)", Kind::Float),
            ("(boolean value)", Kind::Boolean),
            ("(list value)", Kind::List),
            ("(multi valued)", Kind::Multi),
        ];
        if let Some((_, kind)) = kinds.iter().find(|(words, _)| said.trim_end().ends_with(words)) {
            self.kind = *kind;
        }
    }

    /// Why the option does not take this value; none when it does, or when that cannot be told.
    pub fn refuses(&self, value: &str) -> Option<String> {
        // What is interpolated is known to the program alone.
        if value.contains('$') {
            return None;
        }
        match self.kind {
            // Nothing is no number, and taken.
            Kind::Integer | Kind::Float if value.trim().is_empty() => None,
            Kind::Integer => match as_number(value).parse::<i64>() {
                Err(_) => Some("a whole number is wanted".to_owned()),
                Ok(number) => match (self.minimum, self.maximum) {
                    (Some(least), _) if number < least => Some(format!("at least {least} is wanted")),
                    (_, Some(greatest)) if number > greatest => Some(format!("at most {greatest} is possible")),
                    _ => None,
                },
            },
            Kind::Float => as_number(value).parse::<f64>().err().map(|_| "a number is wanted".to_owned()),
            Kind::Boolean => {
                let words = ["true", "1", "on", "yes", "false", "0", "off", "no"];
                let known = words.contains(&value.trim().to_lowercase().as_str());
                (!known).then(|| "true or false is wanted".to_owned())
            }
            Kind::Text | Kind::List | Kind::Multi => None,
        }
    }
}

/// A number as Python reads it: with underscores between digits.
fn as_number(value: &str) -> String {
    let value = value.trim();
    let bytes = value.as_bytes();
    let is_digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    let is_between = |at: usize| is_digit(at.checked_sub(1)) && is_digit(Some(at + 1));
    match value.match_indices('_').all(|(at, _)| is_between(at)) {
        true => value.replace('_', ""),
        false => value.to_owned(),
    }
}

/// `name = value`, also without spaces; a sentence with an equals sign in it is none.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once('=')?;
    let key = key.trim_end();
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.');
    (!key.is_empty() && key.chars().all(plain)).then_some((key, value.trim()))
}

/// Takes the quotes away that the generator writes around a text, which it does for blanks at its ends alone.
fn unquote(text: &mut String) {
    let inner = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    if let Some(inner) = inner.filter(|inner| inner.trim() != *inner) {
        *text = inner.to_owned();
    }
}
