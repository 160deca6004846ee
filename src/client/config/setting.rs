//! What would come of setting an option in one file: the layers are combined as they would be then, before anything is written.

use std::collections::BTreeSet;

use super::Loaded;
use crate::client::ClientError;
use crate::overlay::{Content, Model, OverlayError, Value, Wanted, edited};

/// `config set`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetRequest {
    /// The program.
    pub app: String,
    /// `SECTION.KEY`.
    pub option: String,
    /// The values; more than one only for an option that accumulates.
    pub values: Vec<String>,
}

/// An option, and what it is to be.
pub(super) struct NewSetting<'a> {
    pub loaded: &'a Loaded,
    pub request: &'a SetRequest,
    pub section: &'a str,
    pub key: &'a str,
}

/// What would come of a setting in one file.
pub(super) enum Tried {
    /// It counts.
    InForce {
        /// What is in the file then.
        content: Vec<u8>,
        /// What the program reads then.
        value: Box<Value>,
    },
    /// Another file has the last word.
    Beaten {
        /// Which; none when no file has.
        by: Option<String>,
    },
}

impl NewSetting<'_> {
    /// What the program would read with the option set in that file.
    pub fn tried_in(&self, file: &str) -> Result<Tried, ClientError> {
        let Self { loaded, request, section, key } = *self;
        let declaration = &loaded.app.declaration;
        let starts_over = declaration.starts_over(&loaded.options, section, key);
        let mut values = request.values.clone();
        if starts_over
            && is_added_to(loaded, file, section, key)
            && values.first().is_some_and(|first| !first.is_empty())
        {
            values.insert(0, String::new());
        }
        let is_text = loaded.defaults.find(section, key).is_some_and(|value| value.is_text);
        let wanted = Wanted { section, key, values: &values, like: example(loaded, section, key), is_text };
        let content = edited(declaration, file, loaded.snapshot.get(file).and_then(Content::bytes), wanted)?;
        let mut snapshot = loaded.snapshot.clone();
        snapshot.insert(file.to_owned(), Content::File(content.clone()));
        let then = Loaded::new(loaded.app.clone(), snapshot)?;
        let Some(value) = then.all.find(section, key).cloned() else { return Ok(Tried::Beaten { by: None }) };
        if *value.origin.file != *file {
            return Ok(Tried::Beaten { by: Some(value.origin.file.to_string()) });
        }
        self.check_loss(file, &then)?;
        let asked = request.values.iter().rposition(|one| starts_over && one.is_empty()).map_or(0, |empty| empty + 1);
        if value.raw.len() < request.values.len() - asked || starts_over && value.raw != request.values[asked..] {
            // Only an option that accumulates has room for several.
            let (file, section, key) = (file.to_owned(), section.to_owned(), key.to_owned());
            return Err(OverlayError::Unwritable { file, section, key }.into());
        }
        Ok(Tried::InForce { content, value: Box::new(value) })
    }

    /// Refuses a file that would take something else away.
    fn check_loss(&self, file: &str, then: &Loaded) -> Result<(), ClientError> {
        let set = (self.section.to_owned(), self.key.to_owned());
        let Some(lost) = other_than(self.loaded, then, &[set].into()) else { return Ok(()) };
        let of = format!("/{}", lost.origin.file);
        match self.loaded.app.declaration.model {
            Model::Uapi => Err(ClientError::Displaces { file: format!("/{file}"), of }),
            Model::Toml | Model::Json | Model::Yaml => {
                let lost = format!("[{}] {}", lost.section, lost.key);
                Err(ClientError::TakesAway { option: self.request.option.clone(), lost, of })
            }
            // Others may refer to what is set.
            Model::Oslo | Model::Ini | Model::KeyValue | Model::Opaque => Ok(()),
        }
    }
}

/// Whether an option that accumulates has values that are not assigned in this file.
fn is_added_to(loaded: &Loaded, file: &str, section: &str, key: &str) -> bool {
    let elsewhere = |value: &Value| value.assigned.iter().any(|origin| *origin.file != *file);
    let listed =
        loaded.options.option(section, key).is_some_and(|option| option.defaults.iter().any(|one| !one.is_empty()));
    listed || loaded.all.find(section, key).is_some_and(elsewhere)
}

/// A file that shows how the program's assignments are written: of the option if there is one, of the release if it can be.
fn example<'a>(loaded: &'a Loaded, section: &str, key: &str) -> Option<&'a [u8]> {
    let any = || [&loaded.defaults, &loaded.all].into_iter().find_map(|values| values.iter().next());
    let value = of_option(loaded, section, key).or_else(any)?;
    loaded.snapshot.get(&*value.origin.file)?.bytes()
}

/// The option as the release has it, else as it is.
fn of_option<'a>(loaded: &'a Loaded, section: &str, key: &str) -> Option<&'a Value> {
    [&loaded.defaults, &loaded.all].into_iter().find_map(|values| values.find(section, key))
}

/// An option of another name than these that files say something else of in one of the two.
pub(super) fn other_than<'a>(a: &'a Loaded, b: &'a Loaded, names: &BTreeSet<(String, String)>) -> Option<&'a Value> {
    let raw = |loaded: &'a Loaded, value: &Value| {
        loaded.all.find(&value.section, &value.key).map(|value| (value.is_text, &value.raw))
    };
    let others = a.all.iter().chain(b.all.iter());
    let mut others = others.filter(|value| !names.contains(&(value.section.clone(), value.key.clone())));
    others.find(|value| raw(a, value) != raw(b, value))
}
