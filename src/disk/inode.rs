//! What the file system says of one inode.

use rustix::fs::{Statx, StatxAttributes, StatxFlags};

use crate::types::{Difference, Metadata, Timestamp};

/// The type of an inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileType {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A device, pipe or socket.
    Special,
}

/// Whether owners and privileged attributes are set and compared; only root can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// As manifests say.
    Kept,
    /// Everything belongs to whoever runs the program.
    Ignored,
}

/// One inode at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inode {
    /// Device number, major in the upper half.
    pub device: u64,
    /// Inode number.
    pub number: u64,
    /// Type.
    pub file_type: FileType,
    /// Permission bits, at most `0o7777`.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Bytes of content.
    pub size: u64,
    /// Names it has.
    pub links: u32,
    /// Last change of the content.
    pub mtime: Timestamp,
    /// Last change of the inode.
    pub ctime: Timestamp,
    /// Whether `chattr(1)` has made it immutable or append-only: then nobody can move it, and in a directory nothing.
    pub is_fixed: bool,
    /// Whether it is the top of something mounted.
    pub is_mount_point: bool,
}

impl Ownership {
    /// [`Ownership::Kept`] for root.
    pub fn of_this_process() -> Self {
        if rustix::process::geteuid().is_root() { Self::Kept } else { Self::Ignored }
    }

    /// The mode that is set and compared where a manifest says `mode`: whatever a plain user makes, he can read, and change
    /// the directories of, which later transitions bring forward.
    pub fn mode(self, mode: u32, file_type: FileType) -> u32 {
        match (self, file_type) {
            (Self::Ignored, FileType::Directory) => mode | 0o700,
            (Self::Ignored, FileType::File) => mode | 0o400,
            _ => mode,
        }
    }

    /// Whether an extended attribute of this name is set and compared.
    pub fn covers_xattr(self, name: &str) -> bool {
        self == Self::Kept || name.starts_with("user.")
    }
}

impl Inode {
    pub(super) const WANTED: StatxFlags = StatxFlags::BASIC_STATS;

    pub(super) fn of(stat: &Statx) -> Self {
        let file_type = match rustix::fs::FileType::from_raw_mode(stat.stx_mode.into()) {
            rustix::fs::FileType::RegularFile => FileType::File,
            rustix::fs::FileType::Directory => FileType::Directory,
            rustix::fs::FileType::Symlink => FileType::Symlink,
            _ => FileType::Special,
        };
        let time = |time: rustix::fs::StatxTimestamp| Timestamp { seconds: time.tv_sec, nanoseconds: time.tv_nsec };
        Self {
            device: u64::from(stat.stx_dev_major) << 32 | u64::from(stat.stx_dev_minor),
            number: stat.stx_ino,
            file_type,
            mode: u32::from(stat.stx_mode) & 0o7777,
            uid: stat.stx_uid,
            gid: stat.stx_gid,
            size: stat.stx_size,
            links: stat.stx_nlink,
            mtime: time(stat.stx_mtime),
            ctime: time(stat.stx_ctime),
            is_fixed: stat.stx_attributes.intersects(StatxAttributes::IMMUTABLE | StatxAttributes::APPEND),
            is_mount_point: stat.stx_attributes.contains(StatxAttributes::MOUNT_ROOT),
        }
    }

    /// Whether both names lead to this inode.
    pub fn is_same_inode(&self, other: &Self) -> bool {
        (self.device, self.number) == (other.device, other.number)
    }

    /// In what the inode's mode, owner or time differ from `metadata`; attributes are not looked at.
    pub fn metadata_difference(&self, metadata: &Metadata, ownership: Ownership) -> Option<Difference> {
        let owner_differs = (self.uid, self.gid) != (metadata.uid, metadata.gid);
        let mode = ownership.mode(metadata.mode, self.file_type);
        if self.file_type != FileType::Symlink && self.mode != mode {
            Some(Difference::Mode)
        } else if ownership == Ownership::Kept && owner_differs {
            Some(Difference::Owner)
        } else if self.mtime != metadata.mtime {
            Some(Difference::Time)
        } else {
            None
        }
    }
}
