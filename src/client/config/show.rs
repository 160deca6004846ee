//! `config list`, `show`, `get`, `argv`: they look and change nothing.

use std::sync::Arc;

use serde::Serialize;

use super::gather::{Files, Gatherer};
use super::{Loaded, shown, told};
use crate::client::{ClientError, Settings};
use crate::overlay::{Merged, Value, merged, present};
use crate::report::{Event, Reporter};
use crate::state::Machine;
use crate::types::Visible;

/// A program of `config list`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AppRow {
    /// Its name.
    pub name: String,
    /// How its files combine; none when they, or what its bundle says of them, cannot be read.
    pub model: Option<&'static str>,
    /// Whether its bundle says so; else it is a guess.
    pub declared: bool,
    /// The administrator's files.
    pub overrides: Vec<String>,
    /// Why it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Where a value stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownOrigin {
    /// The file, from the root.
    pub file: String,
    /// The line.
    pub line: u32,
}

/// A value that another one overrides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownOverride {
    /// The file, from the root.
    pub file: String,
    /// The line.
    pub line: u32,
    /// The value before interpolation; none when it is a secret.
    pub value: Option<String>,
}

/// A value of `config show` and `config get`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownValue {
    /// The section.
    pub section: String,
    /// The option.
    pub key: String,
    /// The effective value; none when it is a secret.
    pub value: Option<String>,
    /// All values of an option that accumulates, the one of any other; none when they are secret.
    pub values: Option<Vec<String>>,
    /// Where it stands; none for a default that only the list of options tells.
    pub origin: Option<ShownOrigin>,
    /// What it overrides, the nearest first.
    pub overrides: Vec<ShownOverride>,
    /// Whether it may not be shown.
    pub secret: bool,
}

/// The answer of `config show`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// The program.
    pub app: String,
    /// How its files combine.
    pub model: &'static str,
    /// Its options.
    pub values: Vec<ShownValue>,
}

/// The answer of `config show --effective`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownFile {
    /// The values.
    pub shown: Shown,
    /// The text of one file from which the program would read the same, but for secrets.
    pub text: String,
}

/// The answer of `config argv`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Arguments {
    /// The program.
    pub app: String,
    /// What to call its services with.
    pub arguments: Vec<String>,
}

/// All programs that have defaults or overrides here.
///
/// # Errors
/// When the root is not managed, or something cannot be read.
pub fn config_list(settings: &Settings, reporter: &Arc<dyn Reporter>) -> Result<Vec<AppRow>, ClientError> {
    let machine = Machine::managed(&settings.root)?;
    let gatherer = Gatherer::new(machine.root(), &**reporter);
    let row = |(name, files): (String, Result<Files, ClientError>)| match files {
        Ok((app, snapshot)) => {
            let (model, overrides) = (Some(app.declaration.model.name()), app.overrides(&snapshot));
            Ok(AppRow { name, model, declared: !app.guessed, overrides, error: None })
        }
        Err(error) => {
            let (overrides, error) = (Vec::new(), Some(told(error)?));
            Ok(AppRow { name, model: None, declared: true, overrides, error })
        }
    };
    gatherer.all()?.map(row).collect()
}

/// The effective values of a program.
///
/// # Errors
/// When there is no such program, or a file cannot be read as what it should be.
pub fn config_show(settings: &Settings, app: &str, reporter: &Arc<dyn Reporter>) -> Result<Shown, ClientError> {
    let machine = Machine::managed(&settings.root)?;
    let loaded = Gatherer::new(machine.root(), &**reporter).load(app, None)?;
    Ok(of_loaded(app, &loaded))
}

/// The effective values of a program, as one file too.
///
/// # Errors
/// As [`config_show`], and when no one file of this kind can say the same.
pub fn config_show_file(
    settings: &Settings,
    app: &str,
    reporter: &Arc<dyn Reporter>,
) -> Result<ShownFile, ClientError> {
    let machine = Machine::managed(&settings.root)?;
    let loaded = Gatherer::new(machine.root(), &**reporter).load(app, None)?;
    if loaded.app.declaration.format().is_none() {
        return Err(ClientError::NoOneFile { name: app.to_owned() });
    }
    let Merged { text, untold } = merged(&loaded.app, &loaded.options, &loaded.snapshot, &loaded.all)?;
    for (section, key) in untold {
        let option = if section.is_empty() { key } else { format!("[{section}] {key}") };
        let notice = format!("{} is a secret and left out", Visible(&option));
        reporter.report(Event::Warning(notice));
    }
    Ok(ShownFile { shown: of_loaded(app, &loaded), text })
}

fn of_loaded(app: &str, loaded: &Loaded) -> Shown {
    Shown {
        app: app.to_owned(),
        model: loaded.app.declaration.model.name(),
        values: loaded.all.iter().map(of_value).collect(),
    }
}

/// One option; none when nothing sets it and it has no known default.
///
/// # Errors
/// As [`config_show`].
pub fn config_get(
    settings: &Settings,
    app: &str,
    option: &str,
    reporter: &Arc<dyn Reporter>,
) -> Result<Option<ShownValue>, ClientError> {
    let machine = Machine::managed(&settings.root)?;
    let loaded = Gatherer::new(machine.root(), &**reporter).load(app, Some(option))?;
    let (section, key) = loaded.named(option);
    Ok(loaded.all.find(&section, &key).map(of_value).or_else(|| {
        let values = loaded.options.option(&section, &key)?.told()?;
        let secret = loaded.app.declaration.is_secret(&section, &key);
        let value = values.last().and_then(|value| shown(value, secret));
        let values = Some(values).filter(|_| !secret);
        Some(ShownValue { section, key, value, values, origin: None, overrides: Vec::new(), secret })
    }))
}

impl Loaded {
    /// Section and key of an option as it is typed in, by its present name. Where dots leave a choice, it is the option that
    /// is there.
    pub(super) fn named(&self, option: &str) -> (String, String) {
        let declaration = &self.app.declaration;
        let readings = declaration.readings(option).into_iter();
        let mut named = readings.map(|(section, key)| present(declaration, &self.options, &section, &key));
        let is_there = |(section, key): &(String, String)| {
            let is_set = self.all.find(section, key).or_else(|| self.defaults.find(section, key)).is_some();
            is_set || self.options.option(section, key).is_some()
        };
        let first = named.next().unwrap_or_default();
        if is_there(&first) { first } else { named.find(is_there).unwrap_or(first) }
    }
}

/// What services of the program are called with so that they read its layers.
///
/// # Errors
/// When there is no such program, or it does not read oslo.config.
pub fn config_argv(settings: &Settings, app: &str, reporter: &Arc<dyn Reporter>) -> Result<Arguments, ClientError> {
    let machine = Machine::managed(&settings.root)?;
    let gatherer = Gatherer::new(machine.root(), &**reporter);
    let (found, snapshot) = gatherer.files(&gatherer.only(app, None)?)?;
    let model = found.declaration.model.name();
    let arguments = found.arguments(&snapshot).ok_or_else(|| ClientError::NotOslo { name: app.to_owned(), model })?;
    Ok(Arguments { app: app.to_owned(), arguments })
}

fn of_value(value: &Value) -> ShownValue {
    let overrides = value.overrides.iter().map(|(origin, text)| ShownOverride {
        file: format!("/{}", origin.file),
        line: origin.line,
        value: shown(text, value.secret),
    });
    ShownValue {
        section: value.section.clone(),
        key: value.key.clone(),
        value: shown(&value.value, value.secret),
        values: (!value.secret).then(|| value.values.clone()),
        origin: Some(ShownOrigin { file: format!("/{}", value.origin.file), line: value.origin.line }),
        overrides: overrides.collect(),
        secret: value.secret,
    }
}
