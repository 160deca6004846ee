//! `config diff` and `config redundant`: what overrides do to defaults, and which of them do nothing.

use std::sync::Arc;

use serde::Serialize;

use super::gather::Gatherer;
use super::next::NextRelease;
use super::prune::prunable;
use super::writing::{check_all, write_all};
use super::{Loaded, told};
use crate::client::session::Session;
use crate::client::{ClientError, Mode, Settings};
use crate::overlay::{Change, ChangeKind, differences};
use crate::report::{Event, Reporter};
use crate::state::Machine;
use crate::types::Version;

/// The answer of `config redundant`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Redundant {
    /// Overrides that say what the default says.
    pub changes: Vec<Change>,
    /// Files that they were taken out of, from the root.
    pub pruned: Vec<String>,
}

/// What the overrides of one program, or of all, do to the defaults that are installed; with `to`, what changes about it
/// when that release comes.
///
/// # Errors
/// When there is no such program or release, or a file of the program that was asked for cannot be read.
pub async fn config_diff(
    settings: &Settings,
    app: Option<&str>,
    to: Option<Version>,
    reporter: &Arc<dyn Reporter>,
) -> Result<Vec<Change>, ClientError> {
    let Some(to) = to else {
        let machine = Machine::managed(&settings.root)?;
        let loaded = Gatherer::new(machine.root(), &**reporter).overridden(app)?;
        return Ok(loaded.iter().flat_map(|loaded| differences(loaded.view(), None)).collect());
    };
    let session = Session::look(settings, reporter)?;
    let loaded = Gatherer::new(session.machine.root(), &**reporter).overridden(app)?;
    let next = NextRelease::of(&session, to).await?;
    let mut changes = Vec::new();
    for loaded in &loaded {
        let then = match app {
            Some(_) => next.load(loaded).await?,
            None => match next.load_or_tell(loaded).await? {
                Some(then) => then,
                None => continue,
            },
        };
        changes.extend(differences(loaded.view(), Some(then.as_ref().map(Loaded::view))));
    }
    Ok(changes)
}

/// Overrides that say what the default says; with [`Mode::Run`] they are taken away.
///
/// # Errors
/// When there is no such program, or a file of the program that was asked for cannot be edited: then none is changed. Of all
/// programs, those whose files cannot be edited are told and stay.
pub fn config_redundant(
    settings: &Settings,
    app: Option<&str>,
    mode: Mode,
    reporter: &Arc<dyn Reporter>,
) -> Result<Redundant, ClientError> {
    let machine = Machine::managed(&settings.root)?;
    let locked = match mode {
        Mode::Run => Some(Machine::open(&settings.root)?.lock()?),
        _ => None,
    };
    let mut found = Redundant { changes: Vec::new(), pruned: Vec::new() };
    let overridden = Gatherer::new(machine.root(), &**reporter).overridden(app)?;
    let mut edits = Vec::new();
    for loaded in &overridden {
        let mut changes = differences(loaded.view(), None);
        changes.retain(|change| change.kind == ChangeKind::Redundant);
        if let Some(locked) = locked.as_ref().filter(|_| !changes.is_empty()) {
            let pruned = prunable(loaded, &mut changes, &**reporter);
            let checked = pruned.and_then(|edits| check_all(locked, loaded, &edits).map(|()| edits));
            match (checked, app) {
                (Ok(without), _) => edits.push((loaded, without)),
                (Err(error), Some(_)) => return Err(error),
                (Err(error), None) => {
                    let notice = format!("what is redundant of {} stays: {}", loaded.app.name, told(error)?);
                    reporter.report(Event::Warning(notice));
                    changes.clear();
                }
            }
        }
        found.changes.extend(changes);
    }
    if let Some(locked) = locked {
        found.pruned = write_all(&locked, &edits)?;
    }
    Ok(found)
}
