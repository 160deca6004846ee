//! What can go wrong at the publisher's door.

use std::io;
use std::path::PathBuf;

use crate::manifest::DefinitionError;
use crate::types::{BundleName, TreePath, TreePathError};

/// Why a publication could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// There is no publication.
    #[error("{} is not a directory", .0.display())]
    NoDirectory(PathBuf),
    /// A directory that holds something else.
    #[error("{} is no publication: it has neither metadata/timestamp.json nor metadata/1.root.json", .0.display())]
    NoPublication(PathBuf),
    /// A new publication needs an empty place.
    #[error("{} is not empty", .0.display())]
    NotEmpty(PathBuf),
    /// Another run works on the publication.
    #[error("another run works on {}", .0.display())]
    Locked(PathBuf),
    /// A file of the publication is missing.
    #[error("the publication has no {0}")]
    Missing(String),
    /// A file of the publication is longer than it may be.
    #[error("{path} is longer than {limit} bytes")]
    TooLong {
        /// The file, relative to the publication.
        path: String,
        /// What is allowed.
        limit: u64,
    },
    /// The operating system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Why the input of a release could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// A file or directory of the input cannot be read.
    #[error("bundle {bundle}: cannot read {}", path.display())]
    Read {
        /// The bundle.
        bundle: BundleName,
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A directory with definitions or trees cannot be read.
    #[error("cannot read the directory {}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A definition's file has a name that is no bundle name.
    #[error("{} does not name a bundle", path.display())]
    BadName {
        /// The file.
        path: PathBuf,
        /// Why.
        source: crate::types::BundleNameError,
    },
    /// A definition is not valid.
    #[error("{} is not valid", path.display())]
    Definition {
        /// The file.
        path: PathBuf,
        /// Why.
        source: DefinitionError,
    },
    /// Something lies beside `usr` in a bundle's directory.
    #[error("bundle {bundle}: {} lies beside usr, and a release carries only usr", path.display())]
    BesideUsr {
        /// The bundle.
        bundle: BundleName,
        /// What lies there.
        path: PathBuf,
    },
    /// `usr` is missing or no directory.
    #[error("bundle {bundle}: {} is not a directory", path.display())]
    NoUsr {
        /// The bundle.
        bundle: BundleName,
        /// Where it should be.
        path: PathBuf,
    },
    /// A device node, fifo or socket.
    #[error("bundle {bundle}: {} is a {what}, which no release carries", path.display())]
    Special {
        /// The bundle.
        bundle: BundleName,
        /// Where it lies.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// A name, link target or definition that is not UTF-8.
    #[error("bundle {bundle}: the {what} of {} is not UTF-8", path.display())]
    NotUtf8 {
        /// The bundle.
        bundle: BundleName,
        /// Whose name or target.
        path: PathBuf,
        /// `name`, `link target` or `text`.
        what: &'static str,
    },
    /// A path that no release carries.
    #[error("bundle {bundle}: {} cannot be published", path.display())]
    BadPath {
        /// The bundle.
        bundle: BundleName,
        /// The path.
        path: PathBuf,
        /// Why.
        source: TreePathError,
    },
    /// The place that each tree keeps for its own record.
    #[error("bundle {bundle}: {} is kept for the installed tree's own record", path.display())]
    RecordPath {
        /// The bundle.
        bundle: BundleName,
        /// The path.
        path: PathBuf,
    },
    /// `usr/share` leads to the tree's own record.
    #[error("bundle {bundle}: {} must be a directory", path.display())]
    MustBeDirectory {
        /// The bundle.
        bundle: BundleName,
        /// The path.
        path: PathBuf,
    },
    /// A bundle with two trees.
    #[error("bundle {bundle}: both {} and {} are there, and one of them is to be the tree", directory.display(), archive.display())]
    TwoTrees {
        /// The bundle.
        bundle: BundleName,
        /// One tree.
        directory: PathBuf,
        /// The other.
        archive: PathBuf,
    },
    /// Something that is no tree lies where a bundle's tree belongs.
    #[error("bundle {bundle}: {} is {what}: a tree is a directory, or an archive {bundle}.tar that is not compressed", path.display())]
    NoTree {
        /// The bundle.
        bundle: BundleName,
        /// What lies there.
        path: PathBuf,
        /// What it is, or is not.
        what: &'static str,
    },
    /// An archive with something in it that is no part of a tree.
    #[error("bundle {bundle}: {} cannot be taken from the archive", path.display())]
    Archive {
        /// The bundle.
        bundle: BundleName,
        /// The archive and the path in it, or the archive.
        path: PathBuf,
        /// Why.
        source: ArchiveError,
    },
    /// A file with another content than when it was first read.
    #[error("bundle {bundle}: {} changed while it was being published", path.display())]
    Changed {
        /// The bundle.
        bundle: BundleName,
        /// The file.
        path: PathBuf,
    },
}

/// Why an entry of an archive, or the archive, could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It is no tar archive, or a damaged one.
    #[error("it is not well-formed")]
    Malformed(#[source] io::Error),
    /// A header of another form than those that are read, which some readers take for what others do not.
    #[error("its header is not of the form ustar: make the archive with --format=pax")]
    NotUstar,
    /// The archive does not end as archives do.
    #[error("the archive is cut off, or more follows its end")]
    NoEnd,
    /// The same path again.
    #[error("the archive has it twice")]
    Twice,
    /// The directory that holds it is not in the archive.
    #[error("the archive does not have {0} as a directory")]
    NoParent(TreePath),
    /// A hard link to something that is no file before it.
    #[error("it is a hard link to {0:?}, which is no file before it in the archive")]
    BadLink(String),
    /// Headers of one entry that disagree, which readers understand differently.
    #[error("its headers disagree about its {0}")]
    Disagree(&'static str),
    /// A number that cannot be.
    #[error("its {0} is not one that a file can have")]
    BadNumber(&'static str),
    /// A file with holes.
    #[error("it is stored as a sparse file: make the archive without --sparse")]
    Sparse,
    /// A header for all entries that follow.
    #[error("a global header says {0:?} of all that follow")]
    Global(String),
    /// A global header between an entry and what is said of it: to some readers all that is said of the global header.
    #[error("a global header stands between an entry and what is said of it")]
    GlobalBetween,
    /// A type of entry that nothing is known of.
    #[error("it is an entry of the unknown type {0:?}")]
    UnknownType(char),
}

impl SiteError {
    pub(super) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}
