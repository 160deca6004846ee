//! The declaration of a program's layers: `/usr/share/defaults/APP/.overlay.toml`, which its bundle ships.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::documents::{joined, quoted};
use super::{Format, OverlayError, oslo, syntax};

/// How a program combines defaults with overrides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Model {
    /// As oslo.config does.
    Oslo,
    /// As the UAPI Configuration Files Specification says.
    Uapi,
    /// Per option, files with sections.
    Ini,
    /// Per option, files without sections.
    KeyValue,
    /// Per option, TOML.
    Toml,
    /// Per option, JSON.
    Json,
    /// Per option, YAML.
    Yaml,
    /// Not at all: an override replaces the file.
    Opaque,
}

/// At so many dots a name is split at most.
const MAX_DOTS: usize = 16;

/// What a bundle says of a program's configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declaration {
    /// How defaults and overrides combine.
    pub model: Model,
    /// Files and, with names that end in `.d`, directories of drop-ins; `APP.conf` and `APP.conf.d` unless it is said.
    #[serde(default)]
    pub files: Vec<String>,
    /// Options that accumulate: `SECTION.KEY`, where either may be `*`.
    #[serde(default)]
    pub multi: Vec<String>,
    /// Options whose value is a list in one text.
    #[serde(default)]
    pub lists: Vec<String>,
    /// Options that are never shown; without it, those whose names say so.
    #[serde(default)]
    pub secret: Option<Vec<String>>,
    /// Former names of options, each with the present one.
    #[serde(default)]
    pub deprecated: BTreeMap<String, String>,
    /// A shipped file that lists the known options, as oslo's generator writes it.
    #[serde(default)]
    pub options: Option<String>,
    /// How the files of a `uapi` program are read: `ini` unless it is said.
    #[serde(default)]
    pub format: Option<Format>,
}

impl Model {
    /// Its name in declarations.
    pub fn name(self) -> &'static str {
        match self {
            Self::Oslo => "oslo",
            Self::Uapi => "uapi",
            Self::Ini => "ini",
            Self::KeyValue => "keyvalue",
            Self::Toml => "toml",
            Self::Json => "json",
            Self::Yaml => "yaml",
            Self::Opaque => "opaque",
        }
    }
}

impl Declaration {
    /// The name of the file in a program's directory of defaults.
    pub const FILE: &str = ".overlay.toml";

    /// One that only says the model.
    pub fn of(model: Model) -> Self {
        Self {
            model,
            files: Vec::new(),
            multi: Vec::new(),
            lists: Vec::new(),
            secret: None,
            deprecated: BTreeMap::new(),
            options: None,
            format: None,
        }
    }

    /// Reads the TOML text of a declaration.
    ///
    /// # Errors
    /// When it is no TOML, a field is unknown or of the wrong type, or a file leads outside of the program's directory.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Self, OverlayError> {
        let text = std::str::from_utf8(bytes).map_err(|_| OverlayError::NotText { file: file.to_owned() })?;
        let declaration: Self = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            syntax(file, 1 + u32::try_from(before.matches('\n').count()).unwrap_or(u32::MAX - 1), error.message())
        })?;
        let named = declaration.files.iter().chain(&declaration.options);
        match named.into_iter().find(|name| !is_beneath(name)) {
            Some(_) => Err(syntax(file, 1, "files must be relative paths that stay in the program's directory")),
            None => Ok(declaration),
        }
    }

    /// How the program's files are read; none when they are not.
    pub fn format(&self) -> Option<Format> {
        match self.model {
            Model::Oslo => Some(Format::Oslo),
            Model::Uapi => Some(self.format.unwrap_or(Format::Ini)),
            Model::Ini => Some(Format::Indented),
            Model::KeyValue => Some(Format::KeyValue),
            Model::Toml => Some(Format::Toml),
            Model::Json => Some(Format::Json),
            Model::Yaml => Some(Format::Yaml),
            Model::Opaque => None,
        }
    }

    /// Splits `SECTION.KEY` as this program names options. Without a dot the section is `DEFAULT` for oslo, and none for
    /// others. Of several dots the last one splits: a key that has one is found among [`Self::readings`].
    pub fn option(&self, text: &str) -> (String, String) {
        let (section, key) = match self.format() {
            Some(Format::KeyValue) | None => ("", text),
            Some(Format::Toml | Format::Json | Format::Yaml) => {
                let names = super::documents::split(text);
                let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
                let (key, sections) =
                    names.split_last().map_or((String::new(), &[][..]), |(key, rest)| (key.clone(), rest));
                return (sections.join("."), key);
            }
            Some(Format::Oslo | Format::Ini | Format::Indented) => text.rsplit_once('.').unwrap_or(("", text)),
        };
        self.canonical(section, key)
    }

    /// All options that `SECTION.KEY` may mean, since sections and keys may have dots in them: what [`Self::option`] gives
    /// first, one without a section last.
    pub fn readings(&self, text: &str) -> Vec<(String, String)> {
        let mut readings = vec![self.option(text)];
        if let Some(Format::Oslo | Format::Ini | Format::Indented) = self.format() {
            let dots = text.rmatch_indices('.').take(MAX_DOTS).skip(1).map(|(at, _)| (&text[..at], &text[at + 1..]));
            let others = dots.chain(text.contains('.').then_some(("", text)));
            readings.extend(others.map(|(section, key)| self.canonical(section, key)));
        }
        readings
    }

    /// The option's section and key as they are compared; its present name is not looked up.
    pub(super) fn canonical(&self, section: &str, key: &str) -> (String, String) {
        match self.model {
            Model::Oslo if section.is_empty() => (oslo::DEFAULT.to_owned(), key.to_owned()),
            Model::Oslo => (oslo::folded(section), key.to_owned()),
            _ => (section.to_owned(), key.to_owned()),
        }
    }

    /// Whether one of these patterns means the option. Where it is split is not clear with dots in the option's own name,
    /// so that it may also stand for all of it, and without a section it need not name one.
    pub(super) fn names(&self, patterns: &[String], section: &str, key: &str) -> bool {
        let whole = joined(section, key);
        let is_meant = |(of_section, of_key): (String, String)| matches(&of_section, section) && matches(&of_key, key);
        patterns.iter().any(|pattern| {
            let of_any = pattern.strip_prefix("*.").filter(|_| self.format() == Some(Format::KeyValue));
            self.readings(pattern).into_iter().any(is_meant)
                || matches(pattern, &whole)
                || of_any.is_some_and(|pattern| matches(pattern, key))
        })
    }

    /// Whether the option is never shown.
    pub fn is_secret(&self, section: &str, key: &str) -> bool {
        match &self.secret {
            Some(patterns) => self.names(patterns, section, key),
            // Tables have names, and what is in them is not told apart from them.
            None => sounds_secret(key) || self.is_document() && sounds_secret(section),
        }
    }

    /// Whether the files are tables within tables.
    fn is_document(&self) -> bool {
        matches!(self.format(), Some(Format::Toml | Format::Json | Format::Yaml))
    }

    /// Whether a value is never shown for what is in it: a list of a document is one value, also with tables in it, and
    /// these have names of their own.
    pub(super) fn has_secret(&self, value: &str) -> bool {
        let is_list = self.is_document() && value.starts_with('[');
        is_list && serde_json::from_str(value).is_ok_and(|value| self.has_secret_name(&value))
    }

    fn has_secret_name(&self, value: &Value) -> bool {
        let is_meant = |name: &str| match &self.secret {
            Some(patterns) => patterns.iter().any(|pattern| matches(&self.option(pattern).1, &quoted(name))),
            None => sounds_secret(name),
        };
        match value {
            Value::Array(items) => items.iter().any(|item| self.has_secret_name(item)),
            Value::Object(entries) => entries.iter().any(|(name, value)| is_meant(name) || self.has_secret_name(value)),
            _ => false,
        }
    }
}

/// Whether a name says that its value is a secret.
fn sounds_secret(key: &str) -> bool {
    let key = key.to_lowercase();
    ["password", "passwd", "passphrase", "secret", "private_key", "admin_token"].iter().any(|word| key.contains(word))
}

/// Whether the text is what the pattern says, in which each `*` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(text) = text.strip_prefix(first) else { return false };
    let Some((middle, last)) = rest.rsplit_once('*') else { return text.ends_with(rest) };
    let Some(mut text) = text.strip_suffix(last) else { return false };
    middle.split('*').all(|part| match text.find(part) {
        Some(at) => {
            text = &text[at + part.len()..];
            true
        }
        None => false,
    })
}

/// Whether a path is relative and has only names in it.
fn is_beneath(path: &str) -> bool {
    path.len() <= 1024 && path.split('/').all(|name| !matches!(name, "" | "." | "..")) && !path.contains('\0')
}
