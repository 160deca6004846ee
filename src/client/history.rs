//! `history`: what was done to the machine. It lies beside the trees, so it survives transitions, rollbacks and a factory
//! reset.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{ClientError, Settings};
use crate::manifest::{Ending, HistoryEntry, InstalledRecord};
use crate::report::{Event, Reporter};
use crate::state::{LockedMachine, Machine, StateError};
use crate::types::BundleName;

/// All transitions that are remembered, the newest last.
///
/// # Errors
/// When the root is not managed, or the history cannot be read.
pub fn history(settings: &Settings) -> Result<Vec<HistoryEntry>, ClientError> {
    Ok(HistoryEntry::parse_all(&Machine::managed(&settings.root)?.history()?))
}

/// Remembers a transition that an earlier run made and this one has finished. Where it started from is what the tree says that
/// was live until then: after a repair that is not the previous one.
pub(super) fn remember_recovery(
    machine: &LockedMachine,
    former: Option<&InstalledRecord>,
    reporter: &dyn Reporter,
) -> Result<(), StateError> {
    let live = machine.live_record()?.installed;
    let names = |record: &InstalledRecord| record.bundles.keys().cloned().collect();
    let before: BTreeSet<BundleName> = former.map(names).unwrap_or_default();
    let from = former.map(InstalledRecord::version);
    let entry = HistoryEntry::new(Timestamp::now().as_second(), "recovery", from, live.version(), Ending::Done);
    write_down(machine, &entry.with_bundles(&before, &names(&live)), reporter);
    Ok(())
}

/// Adds an entry. That it cannot be written is a warning, never a failure of the transition.
pub(super) fn write_down(machine: &LockedMachine, entry: &HistoryEntry, reporter: &dyn Reporter) {
    if let Err(error) = machine.remember(entry) {
        reporter.report(Event::Warning(format!("the history could not be written: {error}")));
    }
}
