//! One path in the tree: file, directory or symlink, with its mode, owner, time and extended attributes.

use std::collections::BTreeMap;

use super::{Digest, TreePath, Version};

/// Seconds and nanoseconds since the epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// Whole seconds, negative before 1970.
    pub seconds: i64,
    /// 0 to 999,999,999.
    pub nanoseconds: u32,
}

/// What an entry is, apart from where it lies and who owns it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A regular file.
    File {
        /// Length of the content in bytes.
        size: u64,
        /// SHA-256 of the content.
        digest: Digest,
        /// Length in bytes of the object, the blob as published alone and compressed.
        object_bytes: u64,
        /// The release in which this content came to this path.
        since: Version,
    },
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink {
        /// What it points to, as stored: any text without NUL, 1 to 4,095 bytes.
        target: Box<str>,
    },
}

/// Extended attributes by name.
pub type Xattrs = BTreeMap<Box<str>, Box<[u8]>>;

/// What the file system keeps about an entry beside its content.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Metadata {
    /// Permission bits with setuid, setgid and sticky: at most `0o7777`. Symlinks have `0o777`.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Time of the last change of the content.
    pub mtime: Timestamp,
    /// Extended attributes by name, such as `security.capability`.
    pub xattrs: Xattrs,
}

/// In what something on disk differs from the entry that it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// It is another type of thing.
    Type,
    /// A file's content or a symlink's target.
    Content,
    /// Permission bits.
    Mode,
    /// Owner or group.
    Owner,
    /// Time of the last change.
    Time,
    /// Extended attributes.
    Attributes,
}

/// What was found where an entry should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The entry itself.
    Same,
    /// Nothing.
    Missing,
    /// Something else.
    Differs(Difference),
}

/// One path of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it lies.
    pub path: TreePath,
    /// What it is.
    pub kind: Kind,
    /// Mode, owner, time, attributes.
    pub metadata: Metadata,
}

impl Kind {
    /// What to call it in a message.
    pub fn noun(&self) -> &'static str {
        match self {
            Self::File { .. } => "file",
            Self::Directory => "directory",
            Self::Symlink { .. } => "symlink",
        }
    }

    /// The digest of a file's content.
    pub fn digest(&self) -> Option<Digest> {
        match self {
            Self::File { digest, .. } => Some(*digest),
            Self::Directory | Self::Symlink { .. } => None,
        }
    }

    /// Whether both have the same content: equal digests, equal link targets, or both directories.
    pub fn same_content(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File { digest: a, .. }, Self::File { digest: b, .. }) => a == b,
            (Self::Directory, Self::Directory) => true,
            (Self::Symlink { target: a }, Self::Symlink { target: b }) => a == b,
            _ => false,
        }
    }
}

impl Difference {
    /// The word for it in messages and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Content => "content",
            Self::Mode => "mode",
            Self::Owner => "owner",
            Self::Time => "time",
            Self::Attributes => "attributes",
        }
    }
}

impl Entry {
    /// Whether both would be the same inode on disk: same content and same metadata, time included.
    pub fn same_on_disk(&self, other: &Self) -> bool {
        self.kind.same_content(&other.kind) && self.metadata == other.metadata
    }

    /// Whether both are the same entry: same content, mode, owner and attributes. The time travels with the content and
    /// does not count.
    pub fn same_identity(&self, other: &Self) -> bool {
        let (a, b) = (&self.metadata, &other.metadata);
        self.kind.same_content(&other.kind) && (a.mode, a.uid, a.gid) == (b.mode, b.uid, b.gid) && a.xattrs == b.xattrs
    }

    /// Whether this is a directory.
    pub fn is_directory(&self) -> bool {
        self.kind == Kind::Directory
    }
}
