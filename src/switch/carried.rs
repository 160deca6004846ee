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
//! Where a run is killed after the exchange, people work in the copies until the next run. A copy that somebody has touched
//! is what he sees and counts on, so recovery leaves it where it is, moves the real one to where no transition clears anything,
//! and says where that is.

use std::ffi::OsStr;
use std::path::Path;

use rustix::io::Errno;

use super::SwitchError;
use super::journal::CarriedPath;
use super::rescue::rescue;
use crate::disk::{Directory, DiskError, FileType, Inode};
use crate::report::{Event, Reporter};
use crate::stage::StagedTree;
use crate::state::{LockedMachine, Slot};
use crate::types::{Digest, Hasher};

/// What is to go back after the exchange, as the live tree has it now, with how the copies are known: for the journal.
pub(super) fn real_paths(machine: &LockedMachine, staged: &StagedTree) -> Result<Vec<CarriedPath>, SwitchError> {
    let mut paths = paths_of(machine, staged, Slot::Live)?;
    if let Some(tree) = machine.tree(staged.slot)? {
        for carried in &mut paths {
            let Some((parent, name)) = split(&carried.path) else { continue };
            carried.copy = tree.descend(parent)?.map(|parent| seal(&parent, name)).transpose()?.flatten();
        }
    }
    Ok(paths)
}

/// What is to go back now that the trees have been exchanged. The copies have been there for an instant, so the real ones are
/// what people have worked on.
pub(super) fn real_paths_of_former(
    machine: &LockedMachine,
    staged: &StagedTree,
) -> Result<Vec<CarriedPath>, SwitchError> {
    paths_of(machine, staged, staged.slot)
}

/// The paths that go along, as the tree in a slot has them.
fn paths_of(machine: &LockedMachine, staged: &StagedTree, slot: Slot) -> Result<Vec<CarriedPath>, SwitchError> {
    let Some(tree) = machine.tree(slot)? else { return Ok(Vec::new()) };
    let mut paths = Vec::new();
    for path in staged.carried_in(&tree)? {
        let Some((parent, name)) = split(&path) else { continue };
        let real = tree.descend(parent)?.map(|parent| parent.look(name)).transpose()?.flatten();
        if let (Some(real), Some(above)) = (real, staged.carried.directory(Path::new(parent))) {
            let parent_mtime = above.metadata.mtime.into();
            paths.push(CarriedPath { path, inode: real.number, parent_mtime, copy: None });
        }
    }
    Ok(paths)
}

/// For recovery: where somebody has been at the copy of a carried path since the exchange, takes the real one out of the former
/// tree, which a later transition clears.
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
            "usr/{} has been worked on since a run died, and stays as it is; as it was before that, it lies in {place}, which \
             no run removes",
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
    /// Whether its place is not as the exchange left it.
    fn is_touched(&self, carried: &CarriedPath) -> Result<bool, DiskError> {
        let Some(to) = &self.to else { return Ok(true) };
        Ok(seal(to, self.name)?.is_some_and(|seal| Some(seal) != carried.copy))
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
        Err(error) if [Errno::NOTDIR, Errno::LOOP, Errno::XDEV].iter().any(|errno| error.is(*errno)) => Ok(None),
        other => Ok(other?),
    }
}

/// By what the thing at `name` and all that is in it are known: inodes, and when they were last changed; of files only the time
/// of their content, since each further name is a change of the inode, too. None where there is nothing.
fn seal(holder: &Directory, name: &OsStr) -> Result<Option<Digest>, DiskError> {
    let Some(inode) = holder.look(name)? else { return Ok(None) };
    let (mut hasher, device) = (Hasher::default(), holder.inode()?.device);
    let mut add = |inode: Inode| {
        let is_directory = inode.file_type == FileType::Directory;
        let changed = if is_directory { inode.ctime } else { inode.mtime };
        hasher.update(&inode.number.to_le_bytes());
        hasher.update(&changed.seconds.to_le_bytes());
        hasher.update(&changed.nanoseconds.to_le_bytes());
        // Of what is mounted there only the top is looked at: the rest is none of ours.
        is_directory && inode.device == device
    };
    if add(inode) {
        each_beneath(holder, name, &mut add)?;
    }
    Ok(Some(hasher.finish()))
}

/// Shows `visit` all that lies in the directory `name`, in order, and goes into what it says yes to.
fn each_beneath(holder: &Directory, name: &OsStr, visit: &mut dyn FnMut(Inode) -> bool) -> Result<(), DiskError> {
    let Some(directory) = holder.subdirectory(name)? else { return Ok(()) };
    for name in directory.names()? {
        if directory.look(&name)?.is_some_and(&mut *visit) {
            each_beneath(&directory, &name, visit)?;
        }
    }
    Ok(())
}

/// The directory above a path and the name in it. That directory is one of a release, whose paths are text: anything else is
/// none of what was carried.
pub(super) fn split(path: &Path) -> Option<(&str, &OsStr)> {
    Some((path.parent()?.to_str()?, path.file_name()?))
}
