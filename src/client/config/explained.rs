//! What the administrator's files do to one shipped file, for `explain`.

use serde::Serialize;

use super::gather::Gatherer;
use super::{Loaded, told};
use crate::client::ClientError;
use crate::disk::Directory;
use crate::overlay::{App, Change, Model, Side, WithOverrides, differences};
use crate::report::{Event, Reporter};
use crate::types::TreePath;

/// A file of a program's defaults, beneath the overrides of this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Configured {
    /// The program.
    pub app: String,
    /// How its files combine.
    pub model: Model,
    /// What is left of this one.
    pub effect: Effect,
    /// The overrides of what this file says.
    pub overrides: Vec<Change>,
}

/// What overrides leave of a shipped file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// All of it is in force.
    None,
    /// It is read, and some of its options are overridden.
    Options,
    /// It is not read: a file of the administrator's takes its place, or masks it.
    Whole,
}

/// Tells that of the file at `path`; none when no program has it among its defaults. What cannot be read as the program
/// would read it, or may not be read, costs a warning and the answer.
///
/// # Errors
/// When the disk says no.
pub(in crate::client) fn configured(
    root: &Directory,
    path: &TreePath,
    reporter: &dyn Reporter,
) -> Result<Option<Configured>, ClientError> {
    let gatherer = Gatherer::new(root, reporter);
    for (name, files) in gatherer.all()? {
        let found = files.and_then(|(app, snapshot)| match is_default(&app, path) {
            true => Ok(of_file(&Loaded::new(app, snapshot)?, path.as_str())?),
            false => Ok(None),
        });
        match found {
            Ok(None) => {}
            Err(error) => {
                let why = told(error)?;
                let notice = format!("what overrides do to the configuration of {name} cannot be told: {why}");
                reporter.report(Event::Warning(notice));
            }
            found => return found,
        }
    }
    Ok(None)
}

fn is_default(app: &App, path: &TreePath) -> bool {
    app.places().iter().any(|place| place.side == Side::Shipped && place.holds(path.as_str()))
}

/// None for a file that says nothing to the program, such as a list of its options.
fn of_file(loaded: &Loaded, path: &str) -> Result<Option<Configured>, ClientError> {
    let is_read = |overrides| -> Result<bool, ClientError> {
        Ok(loaded.app.layers(&loaded.snapshot, overrides)?.iter().any(|layer| layer.path == path))
    };
    if !is_read(WithOverrides::No)? {
        return Ok(None);
    }
    let mut overrides = differences(loaded.view(), None);
    overrides.retain(|change| {
        let default = loaded.defaults.find(&change.section, &change.key);
        default.is_some_and(|default| default.assigned.iter().any(|origin| *origin.file == *path))
    });
    // Files that are not read for what they say are replaced whole, though all of them are layers.
    let is_whole = loaded.app.declaration.format().is_none() && !overrides.is_empty();
    let effect = match is_read(WithOverrides::Yes)? && !is_whole {
        false => Effect::Whole,
        true if overrides.is_empty() => Effect::None,
        true => Effect::Options,
    };
    let (app, model) = (loaded.app.name.clone(), loaded.app.declaration.model);
    Ok(Some(Configured { app, model, effect, overrides }))
}
