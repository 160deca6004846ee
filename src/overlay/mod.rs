//! Configuration layers: how programs combine the defaults that the system ships with what the administrator overrides.
//! Pure: whoever reads the files passes their contents; equal inputs give equal answers.
//!
//! ```text
//! Declaration (.overlay.toml, or known::guess)    which files, in which model, what is secret
//! Snapshot (paths and contents)  -> App::layers -> [Layer]        files in the order in which they are read
//! [Layer] -> effective -> Values                                  each with the file and line that it comes from
//! Values of defaults, of all, and of the next release -> differences -> [Change]
//! Values -> merged -> one file that says the same
//! ```
//!
//! | model | which files count | how settings combine |
//! |---|---|---|
//! | `oslo` | all: shipped, shipped drop-ins, overrides, override drop-ins | per option, the later file wins |
//! | `uapi` | of the same name only that of the highest directory | per option, the later file wins |
//! | `ini`, `keyvalue`, `toml`, `json`, `yaml` | as `oslo` | per option, the later file wins |
//! | `opaque` | of the same name only the override | not at all: a file is one value, told by its digest |
//!
//! Files are bytes that anybody may have written: what cannot be read ends in an [`OverlayError`] that names file and line
//! and never repeats the text, which may be a secret. The lengths of files, of what interpolation makes and the number of
//! settings are bounded.

mod app;
mod backends;
mod declaration;
mod differences;
mod documents;
mod edit;
mod effective;
mod ini;
mod interpolate;
mod json;
mod keyvalue;
mod known;
mod merged;
mod options;
mod oslo;
mod saved;
mod toml;
mod uapi;
mod values;
mod yaml;

use serde::{Deserialize, Serialize};

pub use app::{App, Content, Place, Reach, Snapshot, WithOverrides};
pub use declaration::{Declaration, Model};
pub use differences::{Change, ChangeKind, View, comparable, differences};
pub use edit::{Wanted, edited, stand_in, without};
pub use effective::{Former, effective, present};
pub use known::{Known, Member, guess, known_apps, members};
pub use merged::{Merged, merged};
pub use options::{Kind, KnownOption, Options};
use oslo::list_items;
pub use saved::{MAX_SAVED_BYTES, Saved, SavedFile, SavedKind};
pub use values::{Origin, Value, Values};

/// Longer files are not read as configuration.
pub const MAX_FILE_BYTES: u64 = 4 << 20;
/// More settings than this in one file are refused.
const MAX_SETTINGS: usize = 1 << 17;

/// How the text of a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// The dialect of oslo.config.
    Oslo,
    /// Sections of `key=value`, as systemd reads them.
    Ini,
    /// The same of programs in general, in which an indented line may continue the one above it: what the model `ini` means.
    #[serde(skip)]
    Indented,
    /// Lines of `key=value` or `key value` without sections.
    KeyValue,
    /// TOML.
    Toml,
    /// JSON.
    Json,
    /// YAML, one document without aliases.
    Yaml,
}

impl Format {
    /// How names of drop-ins in it end; [`App::suffix`] knows of the program's model.
    fn suffix(self) -> &'static str {
        match self {
            Self::Oslo | Self::Ini | Self::Indented | Self::KeyValue => ".conf",
            Self::Toml => ".toml",
            Self::Json => ".json",
            Self::Yaml => ".yaml",
        }
    }

    /// Whether a file is one value with others in it, and no sequence of lines.
    fn is_document(self) -> bool {
        matches!(self, Self::Toml | Self::Json | Self::Yaml)
    }
}

/// Who a file belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The release.
    Shipped,
    /// The administrator.
    Override,
}

/// One assignment in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The section as it is written; empty where the format has none.
    pub section: String,
    /// The option.
    pub key: String,
    /// The value, quotes and continuation resolved, nothing interpolated.
    pub value: String,
    /// The line on which it begins, the first is 1.
    pub line: u32,
    /// The line on which it ends.
    pub last_line: u32,
    /// Whether it is a text in TOML, JSON or YAML, where `"1"` is another value than `1`.
    pub is_text: bool,
}

/// A file that counts, with its settings in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Its path, relative to the root.
    pub path: String,
    /// Whose it is.
    pub side: Side,
    /// What it says.
    pub settings: Vec<Setting>,
}

/// Why configuration cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OverlayError {
    /// A line is not what the format allows.
    #[error("/{file}, line {line}: {reason}")]
    Syntax {
        /// The file, relative to the root.
        file: String,
        /// The line.
        line: u32,
        /// What is wrong, without the text.
        reason: String,
    },
    /// A file is no text.
    #[error("/{file} is not UTF-8 text")]
    NotText {
        /// The file.
        file: String,
    },
    /// A file has too much in it.
    #[error("/{file} has more than {MAX_SETTINGS} settings")]
    TooMany {
        /// The file.
        file: String,
    },
    /// Interpolation makes too much of too little.
    #[error("the interpolated values of {app} are longer than {limit} bytes")]
    TooLong {
        /// The program.
        app: String,
        /// How much it may be.
        limit: usize,
    },
    /// A setting cannot be written so that it is read again as it should be.
    #[error("[{section}] {key} cannot be written to /{file} with this value")]
    Unwritable {
        /// The file.
        file: String,
        /// The section.
        section: String,
        /// The option.
        key: String,
    },
    /// Files of this model are edited by hand.
    #[error("/{file} cannot be edited without loss")]
    NotEditable {
        /// The file.
        file: String,
    },
    /// An archive of overrides is damaged, or leads outside.
    #[error("the archive of overrides is not valid: {reason}")]
    Archive {
        /// Why.
        reason: String,
    },
}

/// The settings of a file, in its order.
///
/// # Errors
/// [`OverlayError::Syntax`], [`OverlayError::NotText`], [`OverlayError::TooMany`].
pub fn parse(format: Format, file: &str, bytes: &[u8]) -> Result<Vec<Setting>, OverlayError> {
    let text = std::str::from_utf8(bytes).map_err(|_| OverlayError::NotText { file: file.to_owned() })?;
    let settings = match format {
        Format::Oslo => oslo::parse(file, text),
        Format::Ini | Format::Indented => ini::parse(format, file, text).map(|read| read.settings),
        Format::KeyValue => keyvalue::parse(file, text),
        Format::Toml => toml::parse(file, text),
        Format::Json => json::parse(file, text),
        Format::Yaml => yaml::parse(file, text),
    }?;
    if settings.len() > MAX_SETTINGS {
        return Err(OverlayError::TooMany { file: file.to_owned() });
    }
    Ok(settings)
}

/// Lines of a file that programs pass over with a warning, each as the error that it would be elsewhere.
///
/// # Errors
/// As [`parse`].
pub fn passed_over(format: Format, file: &str, bytes: &[u8]) -> Result<Vec<OverlayError>, OverlayError> {
    let text = std::str::from_utf8(bytes).map_err(|_| OverlayError::NotText { file: file.to_owned() })?;
    Ok(match format {
        Format::Ini | Format::Indented => {
            let lines = ini::parse(format, file, text)?.passed_over.into_iter();
            lines.map(|one| syntax(file, one.line, one.reason)).collect()
        }
        Format::Oslo | Format::KeyValue | Format::Toml | Format::Json | Format::Yaml => Vec::new(),
    })
}

fn syntax(file: &str, line: u32, reason: impl Into<String>) -> OverlayError {
    OverlayError::Syntax { file: file.to_owned(), line, reason: reason.into() }
}

/// Lines with their numbers, without their ends.
fn lines(text: &str) -> impl Iterator<Item = (u32, &str)> {
    whole_lines(text).map(|(number, line, _)| (number, line))
}

/// Lines with their numbers and their ends: a line feed, a carriage return, or both, as Python's text files have it; the
/// last one may have none.
fn whole_lines(text: &str) -> impl Iterator<Item = (u32, &str, &str)> {
    let mut rest = Some(text);
    let mut number = 0;
    std::iter::from_fn(move || {
        let text = rest.filter(|text| !text.is_empty())?;
        number += 1;
        let Some(end) = text.find(['\n', '\r']) else {
            rest = None;
            return Some((number, text, ""));
        };
        let skip = if text[end..].starts_with("\r\n") { 2 } else { 1 };
        rest = Some(&text[end + skip..]);
        Some((number, &text[..end], &text[end..end + skip]))
    })
}

#[cfg(test)]
mod tests;
