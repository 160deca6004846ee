//! What no release owns and goes along: the administrator's own places in `/usr`.
//!
//! Staging links copies of it into the staged tree, so that it is there from the exchange on. The exchange takes the real ones
//! along with the old tree; they are the ones that processes have open, and what was written there until then is in them
//! alone. So they go back into the live tree.
//!
//! ```text
//! made before the journal is written    goes back, also when the run is killed
//! made between journal and exchange     goes back, unless the run is killed before: then it stays in the former tree
//! made after the exchange               is in the live tree; through a handle that was opened before, in a directory that a
//!                                       release owns, in the former tree
//! ```
//!
//! From the exchange on people work in the copies: for an instant, or where a run is killed then, until the next run. A copy
//! that somebody has touched is what he sees and counts on, so settling leaves it where it is, moves the real one to where no
//! transition clears anything, and says where that is.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::Path;

use rustix::io::Errno;

use super::SwitchError;
use super::journal::{CarriedPath, DisplacedPath};
use super::rescue::rescue;
use super::seal::{is_same, seal};
use crate::disk::{Directory, DiskError};
use crate::report::{Event, Reporter};
use crate::stage::{His, StagedTree};
use crate::state::{LockedMachine, Machine};
use crate::types::{Digest, Slot};

/// What is to go back after the exchange, as the live tree has it now, with how the copies are known, and what is displaced: for
/// the journal.
pub(super) fn real_paths(
    machine: &LockedMachine,
    staged: &StagedTree,
) -> Result<(Vec<CarriedPath>, Vec<DisplacedPath>), SwitchError> {
    let (mut paths, displaced) = paths_of(machine, staged, Slot::Live)?;
    let displaced_paths = displaced.iter().map(|DisplacedPath(path)| path.as_path());
    check_movable(machine, paths.iter().map(|carried| carried.path.as_path()).chain(displaced_paths))?;
    if let Some(tree) = machine.tree(staged.slot)? {
        for carried in &mut paths {
            let Some((parent, name)) = split(&carried.path) else { continue };
            carried.copy = tree.descend(parent)?.map(|parent| seal(&parent, name)).transpose()?.flatten();
        }
    }
    Ok((paths, displaced))
}

/// Refuses what settling could not move: it comes after the exchange, and must not fail for something that stays as it is. Paths
/// are relative to the top of the live tree.
///
/// # Errors
/// [`SwitchError::Fixed`]; when the disk says no.
pub fn check_movable<'a>(machine: &Machine, paths: impl IntoIterator<Item = &'a Path>) -> Result<(), SwitchError> {
    let Some(live) = machine.tree(Slot::Live)? else { return Ok(()) };
    let refuse = |path| Err(SwitchError::Fixed { path });
    for path in paths {
        let Some((parent, name)) = split(path) else { continue };
        let Some(holder) = live.descend(parent)? else { continue };
        if holder.inode()?.is_fixed {
            return refuse(holder.path().to_owned());
        }
        if holder.look(name)?.is_some_and(|inode| inode.is_fixed) {
            return refuse(holder.path().join(name));
        }
    }
    Ok(())
}

/// What is to go back now that the trees have been exchanged, as it was until then. The copies are known as they were `before`:
/// one that has come since is nobody's copy, and stays.
pub(super) fn real_paths_of_former(
    machine: &LockedMachine,
    staged: &StagedTree,
    before: &[CarriedPath],
) -> Result<(Vec<CarriedPath>, Vec<DisplacedPath>), SwitchError> {
    let copies: HashMap<&Path, Option<Digest>> = before.iter().map(|before| (&*before.path, before.copy)).collect();
    let (mut paths, displaced) = paths_of(machine, staged, staged.slot)?;
    for carried in &mut paths {
        carried.copy = copies.get(&*carried.path).copied().flatten();
    }
    Ok((paths, displaced))
}

/// The paths that go along and those that are displaced, as the tree in a slot has them.
fn paths_of(
    machine: &LockedMachine,
    staged: &StagedTree,
    slot: Slot,
) -> Result<(Vec<CarriedPath>, Vec<DisplacedPath>), SwitchError> {
    let Some(tree) = machine.tree(slot)? else { return Ok((Vec::new(), Vec::new())) };
    let His { carried, displaced } = staged.his_in(&tree)?;
    let mut paths = Vec::new();
    for path in carried {
        let Some((parent, name)) = split(&path) else { continue };
        let real = tree.descend(parent)?.map(|parent| parent.look(name)).transpose()?.flatten();
        if let (Some(real), Some(above)) = (real, staged.carried.directory(Path::new(parent))) {
            let parent_mtime = above.metadata.mtime.into();
            paths.push(CarriedPath { path, inode: real.number, parent_mtime, copy: None });
        }
    }
    Ok((paths, displaced.into_iter().map(DisplacedPath).collect()))
}

/// Where somebody has been at the copy of a carried path since the exchange, takes the real one out of the former tree, which a
/// later transition clears.
pub(super) fn rescue_if_touched(
    machine: &LockedMachine,
    former: Slot,
    carried: &CarriedPath,
    reporter: &dyn Reporter,
) -> Result<(), SwitchError> {
    let Some(waiting) = waiting(machine, former, carried)? else { return Ok(()) };
    if !waiting.is_touched(carried)? {
        return Ok(());
    }
    let told = |place| {
        Event::Warning(format!(
            "usr/{} has been worked on since the trees were exchanged, and stays as it is; as it was before that, it lies in \
             {place}, which no run removes",
            carried.path.display()
        ))
    };
    rescue(machine, &waiting.from, waiting.name, told, reporter)
}

/// Puts the real one of a carried path, which the exchange took along with the old tree, back into the live tree, and its
/// copy into the old one. Nothing is done where it is back already, or has no place any more.
pub(super) fn bring_back(machine: &LockedMachine, former: Slot, carried: &CarriedPath) -> Result<(), SwitchError> {
    if let Some(Waiting { name, from, to: Some(to) }) = waiting(machine, former, carried)? {
        match to.look(name)? {
            Some(_) => from.exchange(name, &to, name)?,
            None => from.rename(name, &to, name)?,
        }
    }
    if let Some((parent, _)) = split(&carried.path)
        && let Some(live) = holder(machine, Slot::Live, parent)?
    {
        live.set_mtime(carried.parent_mtime.into())?;
    }
    Ok(())
}

/// A real one that is in the former tree and not in the live one.
struct Waiting<'a> {
    name: &'a OsStr,
    from: Directory,
    /// The directory in which it has its place, if there is one.
    to: Option<Directory>,
}

impl Waiting<'_> {
    /// Whether its place is not as the exchange left it, and has something else than the real one has.
    fn is_touched(&self, carried: &CarriedPath) -> Result<bool, DiskError> {
        let Some(to) = &self.to else { return Ok(true) };
        let is_changed = seal(to, self.name)?.is_some_and(|seal| Some(seal) != carried.copy);
        Ok(is_changed && !is_same(to, &self.from, self.name)?)
    }
}

/// Where the real one of a carried path waits to go back; none when it does not.
fn waiting<'a>(
    machine: &LockedMachine,
    former: Slot,
    carried: &'a CarriedPath,
) -> Result<Option<Waiting<'a>>, SwitchError> {
    let Some((parent, name)) = split(&carried.path) else { return Ok(None) };
    let has_it = |directory: &Directory| -> Result<bool, DiskError> {
        Ok(directory.look(name)?.is_some_and(|inode| inode.number == carried.inode))
    };
    let Some(from) = holder(machine, former, parent)? else { return Ok(None) };
    let to = holder(machine, Slot::Live, parent)?;
    let is_back = to.as_ref().map_or(Ok(false), has_it)?;
    Ok((has_it(&from)? && !is_back).then_some(Waiting { name, from, to }))
}

/// The directory in which a carried path lies, in one of the trees; none when it has gone, is something else, or something is
/// mounted there.
pub(super) fn holder(machine: &LockedMachine, slot: Slot, path: &str) -> Result<Option<Directory>, SwitchError> {
    let Some(tree) = machine.tree(slot)? else { return Ok(None) };
    match tree.descend_within_mount(path) {
        Err(error) if error.is_no_directory() || error.is(Errno::XDEV) => Ok(None),
        other => Ok(other?),
    }
}

/// The directory above a path and the name in it. That directory is one of a release, whose paths are text: anything else is
/// none of what was carried.
pub(super) fn split(path: &Path) -> Option<(&str, &OsStr)> {
    Some((path.parent()?.to_str()?, path.file_name()?))
}
