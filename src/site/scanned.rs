//! What was found in the input: the same for a directory and for an archive.

use super::InputError;
use crate::manifest::{Tree, is_allowed_xattr};
use crate::types::{BundleName, Metadata, TreePath};
use std::path::Path;

/// Which content it is: hard links to one file share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileId {
    /// That of a file which lies in a directory.
    OnDisk {
        /// The filesystem.
        device: u64,
        /// The file in it.
        inode: u64,
    },
    /// That of a file in an archive, which is kept in the spool.
    Spooled {
        /// Its number there.
        number: u64,
    },
}

/// What an entry of an input tree is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InputKind {
    /// A regular file.
    File {
        /// Length in bytes.
        size: u64,
        /// Its content.
        id: FileId,
    },
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink {
        /// What it points to.
        target: Box<str>,
    },
}

/// One entry of an input tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputEntry {
    /// Where it lies.
    pub path: TreePath,
    /// What it is.
    pub kind: InputKind,
    /// Mode, owner, time, attributes.
    pub metadata: Metadata,
}

/// One bundle's tree as it was found.
#[derive(Clone, Debug, Default)]
pub struct ScannedTree {
    /// All entries, in path order.
    pub entries: Vec<InputEntry>,
    /// Attributes that were left out, as a path and a name.
    pub ignored_xattrs: Vec<(TreePath, String)>,
}

/// Whose the published entries of directories are; those of archives are whose the archive says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owners {
    /// Whose they are on the disk.
    AsOnDisk,
    /// All belong to 0:0: on the disk they belong to whoever checked them out.
    AllRoot,
}

impl Owners {
    /// Only root can make trees whose owners mean something.
    pub fn of_this_process() -> Self {
        if rustix::process::geteuid().is_root() { Self::AsOnDisk } else { Self::AllRoot }
    }
}

impl ScannedTree {
    /// Whether an entry may carry this attribute; one that it may not is noted.
    pub(super) fn takes_xattr(&mut self, path: &TreePath, name: &str) -> bool {
        let allowed = is_allowed_xattr(name);
        // Labels are made on each machine by its own policy.
        if !allowed && name != "security.selinux" {
            self.ignored_xattrs.push((path.clone(), name.to_owned()));
        }
        allowed
    }
}

impl InputEntry {
    /// Refuses what would be in the way of the installed tree's own record. `place` is where it was found.
    pub(super) fn check_record(
        path: &TreePath,
        kind: &InputKind,
        bundle: &BundleName,
        place: &Path,
    ) -> Result<(), InputError> {
        let (bundle, place) = (|| bundle.clone(), || place.to_owned());
        if path.as_str() == Tree::RECORD_PATH {
            return Err(InputError::RecordPath { bundle: bundle(), path: place() });
        }
        if path.as_str() == "usr/share" && *kind != InputKind::Directory {
            return Err(InputError::MustBeDirectory { bundle: bundle(), path: place() });
        }
        Ok(())
    }
}
