//! Takes along what no release owns: the administrator's own places in `/usr`.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::{StageError, StagedTree, settle_above, split};
use crate::disk::{Directory, DiskError, FileType, Inode};
use crate::plan::{is_shared, taken_over};
use crate::report::{Checkpoint, Reporter, Silent, Step};
use crate::state::LockedMachine;
use crate::tree::{Depth, Writer, scan, split_up};
use crate::types::{Metadata, Slot};

/// What is the administrator's in a tree.
#[derive(Debug, Default)]
pub(crate) struct His {
    /// The paths that go along.
    pub carried: Vec<PathBuf>,
    /// Those that do not, for what the staged tree has in their place.
    pub displaced: Vec<PathBuf>,
}

impl StagedTree {
    /// What is the administrator's, as this tree has it now: the live one, or the one that was it.
    pub(crate) fn his_in(&self, tree: &Directory) -> Result<His, StageError> {
        let found = scan(tree, &self.carried.live, Depth::Metadata, self.writer.ownership, (Step::Check, &Silent))?;
        let extra = split_up(tree, &found.extra, &|path| is_shared(path, &self.carried.target))?;
        let (carried, mut displaced) = self.carried.among(&extra);
        // What he has put in place of something of the release since the plan was made goes along nowhere.
        displaced.extend(taken_over(&self.carried.live, &found.seen).map(Path::to_owned));
        Ok(His { carried, displaced })
    }

    /// Takes along what has come to the live tree since it was scanned, and lets go of what has gone from there.
    pub(crate) fn catch_up(&self, machine: &LockedMachine, reporter: &dyn Reporter) -> Result<(), StageError> {
        let (Some(live), Some(staged)) = (machine.tree(Slot::Live)?, machine.tree(self.slot)?) else { return Ok(()) };
        let now = self.his_in(&live)?.carried;
        let (before, now): (BTreeSet<_>, BTreeSet<_>) = (self.carried.paths.iter().collect(), now.iter().collect());
        for path in before.difference(&now) {
            let (parent, name) = split(path);
            if let Some(parent) = staged.descend(parent)? {
                parent.remove(name)?;
                reporter.passes(Checkpoint::Cleared);
            }
        }
        for path in now.difference(&before) {
            carry(&live, &staged, path, self.writer)?;
            reporter.passes(Checkpoint::Carried);
        }
        let changed = before.symmetric_difference(&now).copied();
        settle_above(&staged, changed, (&self.carried.target, &self.carried), self.writer)
    }
}

/// Links `path` of the live tree, with all that is in it, into the same place of `next`. Directories above it that the target
/// does not have are made; what they are like is settled when all that goes along is there.
pub(super) fn carry(live: &Directory, next: &Directory, path: &Path, writer: Writer) -> Result<(), StageError> {
    let (parent, name) = split(path);
    let Some(live) = live.descend(parent)? else { return Ok(()) };
    let next = match next.descend(parent)? {
        Some(there) => there,
        None => {
            Path::new(parent).iter().try_fold(next.again()?, |above, name| above.ensure_subdirectory(name, 0o700))?
        }
    };
    Ok(link_all(&live, &next, name, writer)?)
}

/// What goes while it is looked at is gone.
fn link_all(from: &Directory, to: &Directory, name: &OsStr, writer: Writer) -> Result<(), DiskError> {
    let Some(inode) = from.look(name)? else { return Ok(()) };
    if inode.file_type != FileType::Directory {
        return match from.link(name, to, name) {
            Err(error) if error.is(Errno::NOENT) => Ok(()),
            other => other,
        };
    }
    let Some(inner) = from.subdirectory(name)? else { return Ok(()) };
    let made = to.ensure_subdirectory(name, 0o700)?;
    for inner_name in inner.names()? {
        link_all(&inner, &made, &inner_name, writer)?;
    }
    let Inode { mode, uid, gid, mtime, .. } = inode;
    let metadata = Metadata { mode, uid, gid, mtime, xattrs: inner.xattrs()? };
    made.set_metadata(&metadata, writer.ownership)
}
