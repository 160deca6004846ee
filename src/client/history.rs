//! `history`, and how transitions get into it.
//!
//! It lies beside the trees, so it survives transitions, rollbacks and a factory reset. An entry is written when the
//! transition has ended, whole or not at all; that it cannot be written is a warning, never a failure of the transition.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::engine::{Goal, go};
use super::session::Session;
use super::{ClientError, Mode, Settings, Thoroughness, Transition};
use crate::manifest::{Ending, HistoryEntry};
use crate::report::{Event, Reporter};
use crate::state::{LockedMachine, Slot, StateError};
use crate::types::{BundleName, Version};

/// All transitions that are remembered, the newest last.
///
/// # Errors
/// When the root is not managed, or the history cannot be read.
pub async fn history(settings: &Settings, reporter: &Arc<dyn Reporter>) -> Result<Vec<HistoryEntry>, ClientError> {
    let session = Session::look(settings, reporter)?;
    Ok(HistoryEntry::parse_all(&session.machine.history()?))
}

/// Moves the machine to `goal` for `command`, and remembers it.
pub(super) async fn go_remembered(
    session: &Session,
    command: &str,
    goal: &Goal,
    mode: Mode,
    thoroughness: Thoroughness,
) -> Result<Transition, ClientError> {
    let result = go(session, goal, mode, thoroughness).await;
    remember(session, command, goal.release.release.version, mode, &result);
    result
}

/// Remembers how a transition ended, unless nothing was to be done.
pub(super) fn remember(
    session: &Session,
    command: &str,
    to: Version,
    mode: Mode,
    result: &Result<Transition, ClientError>,
) {
    let Some(machine) = session.locked().filter(|_| mode != Mode::DryRun) else { return };
    let now = Timestamp::now().as_second();
    let from = session.record.as_ref().map(|record| record.installed.version());
    let mut entry = match result {
        Ok(done) if done.changed || mode == Mode::DownloadOnly => {
            let outcome = if done.changed { Ending::Done } else { Ending::Staged };
            let before = session.record.as_ref().map(|record| record.installed.bundles.keys().cloned().collect());
            let after = done.bundles.iter().cloned().collect();
            let mut entry = HistoryEntry::new(now, command, from, to, outcome);
            entry = entry.with_bundles(&before.unwrap_or_default(), &after);
            (entry.files_added, entry.files_changed, entry.files_removed) =
                (done.files_added, done.files_changed, done.files_removed);
            entry
        }
        Ok(_) | Err(ClientError::Declined) => return,
        Err(error) => HistoryEntry::new(now, command, from, to, Ending::Failed).with_error(&error.to_string()),
    };
    let meter = session.transport.meter();
    (entry.download_bytes, entry.requests) = (meter.bytes, meter.requests);
    entry.duration_ms = session.stopwatch.elapsed_ms();
    write(machine, &entry, &*session.reporter);
}

/// Remembers a transition that an earlier run made and this one has finished.
pub(super) fn remember_recovery(machine: &LockedMachine, reporter: &dyn Reporter) -> Result<(), StateError> {
    let live = machine.live_record()?.installed;
    let previous = machine.record(Slot::Previous)?.map(|record| record.installed);
    let names = |record: &crate::manifest::InstalledRecord| record.bundles.keys().cloned().collect();
    let before: BTreeSet<BundleName> = previous.as_ref().map(names).unwrap_or_default();
    let from = previous.map(|record| record.version());
    let entry = HistoryEntry::new(Timestamp::now().as_second(), "recovery", from, live.version(), Ending::Done);
    write(machine, &entry.with_bundles(&before, &names(&live)), reporter);
    Ok(())
}

fn write(machine: &LockedMachine, entry: &HistoryEntry, reporter: &dyn Reporter) {
    if let Err(error) = machine.remember(entry) {
        reporter.report(Event::Warning(format!("the history could not be written: {error}")));
    }
}
