//! `rollback`: back to the kept previous tree, without network.

use std::sync::Arc;

use super::ahead::ahead;
use super::elsewhere::kept_text;
use super::planning::tell_displaced;
use super::remember::remember;
use super::session::{Session, check_floor};
use super::trees::{Installed, contradiction};
use super::{ClientError, Mode, Settings, Thoroughness, Transition};
use crate::manifest::{BundleManifest, Release, Tree, Union};
use crate::plan::{Carried, Memory, Terms, plan};
use crate::report::{Ahead, Reporter};
use crate::stage::{StageError, previous};
use crate::state::{Record, StateError};
use crate::switch::switch;
use crate::tree::Fingerprints;
use crate::types::{BundleName, Slot};

/// Exchanges the live tree with the previous one; once more brings it back.
///
/// # Errors
/// [`ClientError::Declined`]; when there is no previous tree, it is damaged, or its release is below the floor that the
/// publisher has signed since.
pub fn rollback(settings: &Settings, mode: Mode, reporter: &Arc<dyn Reporter>) -> Result<Transition, ClientError> {
    let session = Session::open(settings, mode, reporter)?;
    let record = session.machine.record(Slot::Previous).map_err(unreadable)?.ok_or(StageError::NoPrevious)?;
    let wanted = record.installed.version();
    let live = session.record()?;
    let (live_release, _) = live.release()?;
    // What the machine has seen since may be gone; what the live tree says of itself is there.
    let floor = session.known_floor()?.map_or(live_release.floor, |seen| seen.max(live_release.floor));
    check_floor(wanted, floor)?;
    let (release, _) = record.release().map_err(unreadable)?;
    let no_manifest = |bundle: &BundleName| {
        session.tell_lost(bundle);
        Ok(())
    };
    // Tens of thousands of entries each, and neither depends on the other.
    let (expected, installed) = rayon::join(
        || kept_tree(&session, &record, &release, |bundle| Err(unreadable(record.lacks(bundle)))),
        || kept_tree(&session, live, &live_release, no_manifest),
    );
    let (expected, mut installed) = (expected?, Installed::of(installed?));
    session.scan_live(&mut installed, Thoroughness::Quick)?;
    session.split_shared(&mut installed, &expected)?;
    let planned = plan(installed.present(), &expected, &[], &Memory::default(), Terms::default());
    tell_displaced(&session, &planned.carried, wanted);
    let done = Transition {
        from: Some(live.installed.version()),
        to: wanted,
        bundles: record.installed.bundles.keys().cloned().collect(),
        bundles_removed: session.without(|name| record.installed.bundles.contains_key(name)),
        changed: true,
        files_added: planned.counts.added,
        files_changed: planned.counts.changed,
        files_removed: planned.counts.removed,
        download_bytes: 0,
        requests: 0,
        disk_peak_bytes: 0,
        duration_ms: 0,
        dry_run: mode == Mode::DryRun,
    };
    let ahead = ahead(&done, &installed.tree, &expected);
    let result = exchange(&session, mode, &expected, planned.carried, &ahead)
        .map(|()| Transition { duration_ms: session.stopwatch.elapsed_ms(), ..done });
    remember(&session, "rollback", wanted, mode, &result);
    result
}

/// Damage in the kept tree's record, told as what it means for a rollback.
fn unreadable(error: StateError) -> ClientError {
    match error {
        StateError::DamagedRecord { .. } => ClientError::DamagedPrevious { source: error.into() },
        other => other.into(),
    }
}

/// Damage in the kept tree that nothing here can mend.
fn incurable(error: StageError) -> ClientError {
    match error {
        StageError::NotTheTarget { .. } => ClientError::DamagedPrevious { source: error },
        other => other.into(),
    }
}

fn exchange(
    session: &Session,
    mode: Mode,
    expected: &Tree,
    carried: Carried,
    ahead: &Ahead,
) -> Result<(), ClientError> {
    if let (Mode::Run, Some(machine)) = (mode, session.locked()) {
        session.check_layout()?;
        session.ask(ahead)?;
        let known = Fingerprints::parse(&session.machine.cached_fingerprints()?);
        let staged =
            previous(machine, expected, carried, &known, session.writer, &*session.reporter).map_err(incurable)?;
        session.check_layout()?;
        switch(machine, &staged, &*session.reporter)?;
    }
    Ok(())
}

/// The tree that a record describes. A rollback asks nobody: a manifest that is damaged there is taken from the records of the
/// other trees; of one that none of them has, `lacks` says what that means.
fn kept_tree(
    session: &Session,
    record: &Record,
    release: &Release,
    lacks: impl Fn(&BundleName) -> Result<(), ClientError>,
) -> Result<Tree, ClientError> {
    let others = session.other_records()?;
    let mut union = Union::default();
    for bundle in record.installed.bundles.keys() {
        let name = release.bundles.get(bundle).map(|offer| &offer.manifest);
        let Some(json) = name.and_then(|name| kept_text(others.iter().chain(&session.record), bundle, name)) else {
            lacks(bundle)?;
            continue;
        };
        let manifest = BundleManifest::parse(bundle, &json)?;
        union.add(manifest).map_err(|source| contradiction(release.version, source))?;
    }
    union.finish().map_err(|source| contradiction(release.version, source))
}
