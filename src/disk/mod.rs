//! Directory handles beneath a root: the ground that every door to the disk stands on.
//!
//! Nothing here takes a path from outside and joins it as a string: a [`Directory`] is opened once, and everything in it
//! is reached by single names that are never followed when they are symlinks, or by `openat2` with `RESOLVE_BENEATH`
//! and `RESOLVE_NO_SYMLINKS` (Linux 5.6). The paths that a handle carries are for messages only.

mod directory;
mod filesystem;
mod inode;
mod lock;
mod metadata;
mod mounts;
mod names;
mod processes;
mod replace;
mod users;
mod walk;
mod weigh;

pub use directory::Directory;
pub use inode::{FileType, Inode, Ownership};
pub use lock::Lock;
pub use mounts::mounts_within;
pub use processes::{Manager, Mapped, mapped_beneath};
pub use replace::{Owner, replace_as};
pub use users::is_in_use;
pub use walk::{Walker, Way, walk};
pub use weigh::{Weight, weigh};

use std::io::Read;
use std::path::{Path, PathBuf};

/// A system call failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}", path.display())]
pub struct DiskError {
    /// What was being done, as a verb: `open`, `link`.
    pub action: &'static str,
    /// To what.
    pub path: PathBuf,
    /// What the system says.
    pub source: std::io::Error,
}

/// The content of a file of the person who runs the program, of at most `limit` bytes.
///
/// # Errors
/// When it cannot be read or is longer.
pub fn read_file(path: &Path, limit: u64) -> Result<Vec<u8>, DiskError> {
    let failed = |source| DiskError { action: "read", path: path.to_owned(), source };
    let mut bytes = Vec::new();
    std::fs::File::open(path).map_err(failed)?.take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > limit {
        return Err(failed(std::io::ErrorKind::FileTooLarge.into()));
    }
    Ok(bytes)
}

/// Gives a file of the person who runs the program this content, for nobody else to read, as a whole or not at all.
///
/// # Errors
/// When it cannot be written.
pub fn write_private_file(path: &Path, content: &[u8]) -> Result<(), DiskError> {
    let failed = |source| DiskError { action: "write", path: path.to_owned(), source };
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| failed(std::io::ErrorKind::InvalidInput.into()))?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Directory::open_path(parent)?.replace(name, content)
}

/// Makes a directory of the person who runs the program, with those above it; no error when it is there.
///
/// # Errors
/// When it cannot be made.
pub fn make_directory(path: &Path) -> Result<(), DiskError> {
    std::fs::create_dir_all(path).map_err(|source| DiskError {
        action: "make directory",
        path: path.to_owned(),
        source,
    })
}

impl DiskError {
    /// Whether the disk, its inodes or a quota is full.
    pub fn is_full(&self) -> bool {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        matches!(self.source.kind(), StorageFull | QuotaExceeded)
    }

    /// Whether the file system may not be written.
    pub fn is_read_only(&self) -> bool {
        self.source.kind() == std::io::ErrorKind::ReadOnlyFilesystem
    }

    /// Whether the failing call got this error number.
    pub fn is(&self, errno: rustix::io::Errno) -> bool {
        self.source.raw_os_error() == Some(errno.raw_os_error())
    }
}
