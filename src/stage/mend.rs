//! Makes a kept tree whole: the one that was live and is kept from now on, and the one that is to be live again.
//!
//! What its manifests say is enough for directories, symlinks, modes, owners, attributes and times; content comes from a tree
//! that has it. A whole thing is made beside and takes the place of the damaged one in one instant. Where that is of another
//! type it may be somebody's own, so it is not removed but left beside: it goes when the tree goes or is to be live.

use super::{StageError, StagedTree};
use crate::disk::{Directory, DiskError, FileType};
use crate::manifest::Tree;
use crate::report::{Checkpoint, Reporter};
use crate::state::LockedMachine;
use crate::tree::{KnownContent, Writer};
use crate::types::{Difference, Digest, Entry, Kind, Seen, Slot};

/// A kept tree and what it is mended with.
pub(super) struct Mender<'a> {
    pub kept: &'a Directory,
    /// Trees that content may come from, the best first.
    pub sources: &'a [&'a Directory],
    /// What is known of their files.
    pub known: &'a dyn KnownContent,
    pub writer: Writer,
    pub reporter: &'a dyn Reporter,
}

impl StagedTree {
    /// Makes the tree that was live before this one whole, now that it is the previous one, as far as this one has the content:
    /// before the switch it had `seen` of what it should be. What is of another type than it should be is left to a rollback.
    ///
    /// # Errors
    /// When the disk says no. All else is mended then.
    pub fn heal_former(
        &self,
        machine: &LockedMachine,
        expected: &Tree,
        seen: &[Seen],
        reporter: &dyn Reporter,
    ) -> Result<(), StageError> {
        let (Some(live), Some(kept)) = (machine.tree(Slot::Live)?, machine.tree(Slot::Previous)?) else {
            return Ok(());
        };
        let mut wrong = wrong(expected, seen);
        wrong.retain(|(_, seen)| *seen != Seen::Differs(Difference::Type));
        let mender =
            Mender { kept: &kept, sources: &[&live], known: &self.fingerprints, writer: self.writer, reporter };
        mender.mend(&wrong)?;
        reporter.passes(Checkpoint::Healed);
        Ok(())
    }
}

impl Mender<'_> {
    /// Mends these entries, which are in the order of the tree, and goes on after a failure.
    pub fn mend(&self, wrong: &[(&Entry, Seen)]) -> Result<(), DiskError> {
        // The first failure is told: what fails after it mostly does for the same reason.
        let mut done = Ok(());
        for (entry, _) in wrong {
            done = done.and(self.place(entry));
        }
        // One that nobody may write to must have all that is in it before.
        for (entry, _) in wrong.iter().rev().filter(|(entry, _)| entry.is_directory()) {
            done = done.and(self.settle(entry));
        }
        done
    }

    /// Puts the entry at its place, where something else is or nothing; not the content that no source has.
    fn place(&self, entry: &Entry) -> Result<(), DiskError> {
        let (parent, name) = entry.path.split_beneath_usr();
        let Some(to) = descend(self.kept, parent)? else { return Ok(()) };
        match &entry.kind {
            Kind::Directory if descend(self.kept, entry.path.beneath_usr())?.is_some() => Ok(()),
            Kind::Directory => put(&to, name, self.reporter, |beside| to.ensure_subdirectory(beside, 0o700).map(drop)),
            Kind::Symlink { target } => {
                put(&to, name, self.reporter, |beside| self.writer.symlink(&to, beside, target, &entry.metadata))
            }
            Kind::File { size, digest, .. } => match self.source(parent, name, (*size, *digest))? {
                Some(from) => put(&to, name, self.reporter, |beside| {
                    self.writer.take(&from, name, (&to, beside), &entry.metadata)
                }),
                None => Ok(()),
            },
        }
    }

    fn settle(&self, entry: &Entry) -> Result<(), DiskError> {
        match descend(self.kept, entry.path.beneath_usr())? {
            Some(directory) => self.writer.settle_directory(&directory, &entry.metadata),
            None => Ok(()),
        }
    }

    /// The directory `parent` of the first source whose file `name` has that length and content.
    fn source(&self, parent: &str, name: &str, content: (u64, Digest)) -> Result<Option<Directory>, DiskError> {
        for tree in self.sources {
            if let Some(directory) = descend(tree, parent)?
                && self.has(&directory, name, content)?
            {
                return Ok(Some(directory));
            }
        }
        Ok(None)
    }

    fn has(&self, directory: &Directory, name: &str, (size, digest): (u64, Digest)) -> Result<bool, DiskError> {
        let inode = directory.look(name)?.filter(|inode| inode.file_type == FileType::File && inode.size == size);
        let Some(inode) = inode else { return Ok(false) };
        if let Some(known) = self.known.digest(&inode) {
            return Ok(known == digest);
        }
        let failed = |source| DiskError { action: "read", path: directory.path().join(name), source };
        match directory.open_file(name).and_then(|file| Digest::of_reader(file).map_err(failed)) {
            Ok((found, _)) => Ok(found == digest),
            // What the disk does not give back is not there: another source may have it.
            Err(error) if error.is_damage() => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// The entries that are not there as they should be, in the order of the tree.
pub(super) fn wrong<'t>(expected: &'t Tree, seen: &[Seen]) -> Vec<(&'t Entry, Seen)> {
    let all = expected.entries().iter().zip(seen.iter().copied());
    all.filter(|(_, seen)| *seen != Seen::Same).collect()
}

/// The directory of a tree that holds a path; none when it is not there, or a symlink or a file is in its place or on the way
/// there: that is damage too.
pub(super) fn descend(tree: &Directory, parent: &str) -> Result<Option<Directory>, DiskError> {
    match tree.descend(parent) {
        Err(error) if error.is_no_directory() => Ok(None),
        other => other,
    }
}

/// Puts what `make` makes at a name in the place of `name`, in one instant; the time of the directory stays. What is there of
/// another type has the other name then. What fails leaves nothing.
pub(super) fn put(
    to: &Directory,
    name: &str,
    reporter: &dyn Reporter,
    make: impl FnOnce(&str) -> Result<(), DiskError>,
) -> Result<(), DiskError> {
    let mtime = to.inode()?.mtime;
    let beside = free_name(to)?;
    let placed = make(&beside).and_then(|()| {
        reporter.passes(Checkpoint::WholeLinked);
        match (to.look(&beside)?, to.look(name)?) {
            (Some(made), Some(there)) if made.file_type != there.file_type => to.exchange(&beside, to, name),
            _ => to.rename(&beside, to, name),
        }
    });
    match &placed {
        Ok(()) => reporter.passes(Checkpoint::WholePlaced),
        Err(_) => to.remove(&beside)?,
    }
    to.set_mtime(mtime)?;
    placed
}

/// A name that nothing has in a directory; not made of another one, which may be as long as names can be.
fn free_name(directory: &Directory) -> Result<String, DiskError> {
    let mut number = 0_u64;
    loop {
        let name = format!(".whole-{number}");
        if directory.look(&name)?.is_none() {
            return Ok(name);
        }
        number += 1;
    }
}
