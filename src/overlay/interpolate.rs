//! Interpolation as oslo.config does it, after all files are combined.
//!
//! `$name` and `${name}` stand for the option of the same group, or else of `DEFAULT`; `${group.name}` for that of another
//! group. `$$` and `\$` are a dollar sign. An option that no file sets has its known default, and is nothing when it has
//! none; where its default is not told, its name stays as it is written. A list is told as Python writes it. What nobody
//! knows, and what stands for itself, stays as it is written, and is named in [`Value::unresolved`]; oslo.config itself
//! refuses to read such options. Where the option of the same group cannot be read since it has the name of an option that
//! nobody knows in it, oslo.config takes that of `DEFAULT`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use super::options::Name;
use super::{Declaration, KnownOption, Options, OverlayError, Value, oslo};

/// All interpolated values of a program together, as they are written or as they are read: what is longer.
const MAX_BYTES: usize = 8 << 20;
/// Options that stand for options that stand for options.
const MAX_DEPTH: usize = 64;

pub(super) struct Interpolation<'a> {
    app: &'a str,
    declaration: &'a Declaration,
    options: &'a Options,
    values: HashMap<Name, (Vec<String>, bool)>,
    /// Those of the values.
    groups: BTreeSet<String>,
    done: HashMap<Name, Rc<Done>>,
    under_way: BTreeSet<Name>,
    bytes: usize,
}

/// What an option is read as.
#[derive(Debug, Default)]
struct Done {
    values: Vec<String>,
    /// What its name stands for.
    text: String,
    secret: bool,
    unresolved: Vec<String>,
    failure: Option<Failure>,
    is_cut: bool,
}

/// Why an option cannot be read: what is met first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    /// It has the name of an option in it that nobody knows.
    UnknownOption,
    /// It has the name of a group in it that nobody knows, or stands for itself.
    Other,
}

/// What a name stands for.
enum Stand {
    /// As it is read, maybe with something in it that cannot be.
    For(Rc<Done>),
    /// For something, but what is the program's own business.
    Untold,
    Nothing(Failure),
}

impl<'a> Interpolation<'a> {
    pub fn new(
        app: &'a str,
        declaration: &'a Declaration,
        options: &'a Options,
        values: &BTreeMap<Name, Value>,
    ) -> Self {
        let groups = values.keys().map(|(group, _)| group.clone()).collect();
        let values = values.iter().map(|(name, value)| (name.clone(), (value.raw.clone(), value.secret))).collect();
        let (done, under_way) = (HashMap::new(), BTreeSet::new());
        Self { app, declaration, options, values, groups, done, under_way, bytes: 0 }
    }

    /// Interpolates all values.
    pub fn apply(mut self, values: &mut BTreeMap<Name, Value>) -> Result<(), OverlayError> {
        for (name, value) in values {
            let Some(done) = self.resolve(name)? else { continue };
            value.value = done.values.last().cloned().unwrap_or_default();
            value.values = done.values.clone();
            value.secret |= done.secret;
            value.unresolved = done.unresolved.clone();
        }
        Ok(())
    }

    /// The option's values; none when nobody knows the option, or it is under way.
    fn resolve(&mut self, name: &Name) -> Result<Option<Rc<Done>>, OverlayError> {
        if let Some(done) = self.done.get(name) {
            return Ok(Some(Rc::clone(done)));
        }
        if self.under_way.len() >= MAX_DEPTH || self.under_way.contains(name) {
            return Ok(None);
        }
        let known = self.options.option(&name.0, &name.1);
        let (raw, secret) = match (self.values.get(name), known) {
            (Some((raw, secret)), _) => (raw.clone(), *secret),
            (None, Some(known)) => (known.defaults.clone(), self.declaration.is_secret(&name.0, &name.1)),
            (None, None) => return Ok(None),
        };
        self.under_way.insert(name.clone());
        let mut done = Done { secret, ..Done::default() };
        for text in &raw {
            let value = self.substituted(text, &name.0, &mut done)?;
            done.values.push(value);
        }
        self.under_way.remove(name);
        done.text = self.text(name, &done.values);
        let done = Rc::new(done);
        // What a circle has cut short is something else from elsewhere.
        if !done.is_cut {
            self.done.insert(name.clone(), Rc::clone(&done));
        }
        Ok(Some(done))
    }

    /// What the name of an option with these values stands for.
    fn text(&self, (group, key): &Name, values: &[String]) -> String {
        match values.last() {
            None => String::new(),
            Some(_) if self.declaration.accumulates(self.options, group, key) => python_list(values),
            Some(value) if self.declaration.is_list(self.options, group, key) => python_list(&oslo::list_items(value)),
            Some(value) => value.clone(),
        }
    }

    fn substituted(&mut self, text: &str, group: &str, done: &mut Done) -> Result<String, OverlayError> {
        let text = text.replace(r"\$", "$$");
        let mut made = String::new();
        let mut rest = text.as_str();
        while let Some(at) = rest.find('$') {
            made.push_str(&rest[..at]);
            rest = &rest[at..];
            let (name, length) = reference(rest);
            match name {
                Some("$") => made.push('$'),
                Some(name) => {
                    let failure = match self.stands_for(name, group, done)? {
                        Stand::For(found) => {
                            made.push_str(&found.text);
                            found.failure
                        }
                        Stand::Untold => {
                            made.push_str(&rest[..length]);
                            None
                        }
                        Stand::Nothing(failure) => {
                            done.unresolved.push(name.to_owned());
                            made.push_str(&rest[..length]);
                            Some(failure)
                        }
                    };
                    done.failure = done.failure.or(failure);
                }
                None => made.push_str(&rest[..length]),
            }
            rest = &rest[length..];
            self.check(made.len())?;
        }
        made.push_str(rest);
        // Also where much stands for nothing: what is in a circle is read again and again.
        self.bytes += made.len().max(text.len());
        self.check(0)?;
        Ok(made)
    }

    fn check(&self, further: usize) -> Result<(), OverlayError> {
        if self.bytes + further > MAX_BYTES {
            return Err(OverlayError::TooLong { app: self.app.to_owned(), limit: MAX_BYTES });
        }
        Ok(())
    }

    /// What a name stands for in an option of this group.
    fn stands_for(&mut self, name: &str, group: &str, done: &mut Done) -> Result<Stand, OverlayError> {
        let default = || (oslo::DEFAULT.to_owned(), name.to_owned());
        let (own, fallback) = match name.split_once('.') {
            Some((group, key)) => ((oslo::folded(group), key.to_owned()), None),
            None => ((group.to_owned(), name.to_owned()), Some(default())),
        };
        let fallback = fallback.filter(|fallback| self.is_known(fallback));
        let name = match fallback {
            // That `DEFAULT` is a group is not known to those who name it.
            _ if name.contains('.') && own.0 == oslo::DEFAULT => return Ok(Stand::Nothing(Failure::Other)),
            Some(fallback) if !self.is_known(&own) => fallback,
            Some(fallback) if self.resolve(&own)?.is_some_and(|own| own.failure == Some(Failure::UnknownOption)) => {
                fallback
            }
            _ if self.is_known(&own) => own,
            _ if name.contains('.') && !self.has_group(&own.0) => {
                return Ok(Stand::Nothing(Failure::Other));
            }
            _ => return Ok(Stand::Nothing(Failure::UnknownOption)),
        };
        let is_untold = |known: &KnownOption| known.untold && !self.values.contains_key(&name);
        if self.options.option(&name.0, &name.1).is_some_and(is_untold) {
            return Ok(Stand::Untold);
        }
        let Some(found) = self.resolve(&name)? else {
            done.is_cut = true;
            return Ok(Stand::Nothing(Failure::Other));
        };
        done.secret |= found.secret;
        done.is_cut |= found.is_cut;
        done.unresolved.extend_from_slice(&found.unresolved);
        Ok(Stand::For(found))
    }

    fn is_known(&self, name: &Name) -> bool {
        self.values.contains_key(name) || self.options.option(&name.0, &name.1).is_some()
    }

    fn has_group(&self, group: &str) -> bool {
        self.groups.contains(group) || self.options.keys(group).next().is_some()
    }
}

/// The name that a text beginning with `$` refers to, `$` itself for an escaped one, and the length of all that.
fn reference(text: &str) -> (Option<&str>, usize) {
    let after = &text[1..];
    if after.starts_with('$') {
        return (Some("$"), 2);
    }
    let (inner, braces) = match after.strip_prefix('{') {
        Some(inner) => (inner, true),
        None => (after, false),
    };
    let starts = inner.starts_with(|letter: char| letter == '_' || letter.is_ascii_alphabetic());
    let is_part = |letter: char| matches!(letter, '_' | '.') || letter.is_ascii_alphanumeric();
    let end = inner.find(|letter| !is_part(letter)).unwrap_or(inner.len());
    match (starts, braces) {
        (true, false) => (Some(&inner[..end]), 1 + end),
        (true, true) if inner[end..].starts_with('}') => (Some(&inner[..end]), 3 + end),
        _ => (None, 1),
    }
}

/// A list of texts as Python tells it.
fn python_list(items: &[String]) -> String {
    let told = items.iter().map(|item| {
        let quote = if item.contains('\'') && !item.contains('"') { '"' } else { '\'' };
        let mut text = String::from(quote);
        for letter in item.chars() {
            match letter {
                '\\' => text.push_str(r"\\"),
                '\n' => text.push_str(r"\n"),
                '\r' => text.push_str(r"\r"),
                '\t' => text.push_str(r"\t"),
                letter if letter == quote => text.extend(['\\', quote]),
                letter if letter.is_control() => text.push_str(&format!("\\x{:02x}", letter as u32)),
                letter => text.push(letter),
            }
        }
        text.push(quote);
        text
    });
    format!("[{}]", told.collect::<Vec<_>>().join(", "))
}
