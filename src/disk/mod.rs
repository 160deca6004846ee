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
pub use replace::{Owner, replace_as, replace_by_symlink, replace_even_symlink_as};
pub use users::is_in_use;
pub use walk::{Walker, Way, walk};
pub use weigh::{Weight, weigh};

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

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

/// Whether the person who runs the program can give a file this path without losing anything but an older file: nothing
/// else lies there, be it a directory, a device or a symlink.
///
/// # Errors
/// When it cannot be looked at.
pub fn is_file_or_free(path: &Path) -> Result<bool, DiskError> {
    match std::fs::symlink_metadata(path) {
        Ok(metadata) => Ok(metadata.is_file()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(source) => Err(DiskError { action: "look at", path: path.to_owned(), source }),
    }
}

/// The directory that a file with this path lies in.
pub fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Gives a file of the person who runs the program this content, for nobody else to read, as a whole or not at all. No
/// other file is touched, whatever its name, and none is left behind when it fails.
///
/// # Errors
/// When it cannot be written.
pub fn write_private_file(path: &Path, content: &[u8]) -> Result<(), DiskError> {
    let failed = |source| DiskError { action: "write", path: path.to_owned(), source };
    let parent = directory_of(path);
    // Only its owner may read it from the start.
    let mut file = tempfile::NamedTempFile::new_in(parent).map_err(failed)?;
    file.write_all(content).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Directory::open_path(parent)?.sync()
}

/// Makes the directory that is to be the root of a system, which all who use that may enter; those above it are made as the
/// umask says. No error when it is there.
///
/// # Errors
/// When it cannot be made.
pub fn make_root(path: &Path) -> Result<(), DiskError> {
    let failed = |source| DiskError { action: "make directory", path: path.to_owned(), source };
    if path.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(path).map_err(failed)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).map_err(failed)
}

/// Whether this machine's kernel keeps programs from files by labels of SELinux: without a right one a file is of no use.
pub fn labels_are_enforced() -> bool {
    // Where SELinux is not at work there is no such file.
    std::fs::read("/sys/fs/selinux/enforce").is_ok_and(|enforce| enforce.starts_with(b"1"))
}

impl DiskError {
    /// Whether the disk, its inodes or a quota is full.
    pub fn is_full(&self) -> bool {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        matches!(self.source.kind(), StorageFull | QuotaExceeded)
    }

    /// Whether whoever runs the program may not do it.
    pub fn is_denied(&self) -> bool {
        self.source.kind() == std::io::ErrorKind::PermissionDenied
    }

    /// Whether a directory still has something in it.
    pub fn is_not_empty(&self) -> bool {
        self.source.kind() == std::io::ErrorKind::DirectoryNotEmpty
    }

    /// Whether what lies there is damaged: the disk does not give it back, or it is not of the kind or the length that it
    /// must be. Then trying again is no help, and what can be had from elsewhere should be.
    pub fn is_damage(&self) -> bool {
        let unread = [Errno::IO, Errno::UCLEAN, Errno::BADMSG];
        let is_too_long = self.source.kind() == std::io::ErrorKind::FileTooLarge;
        is_too_long || self.is_another_kind() || unread.into_iter().any(|errno| self.is(errno))
    }

    /// Whether what was to be opened, or something on the way there, is not of the kind that it must be: a symlink, a device.
    pub fn is_another_kind(&self) -> bool {
        let kinds = [Errno::LOOP, Errno::NOTDIR, Errno::ISDIR, Errno::INVAL, Errno::NXIO];
        kinds.into_iter().any(|errno| self.is(errno))
    }

    /// Whether something else than a directory, a symlink perhaps, is where one was looked for, or on the way there.
    pub fn is_no_directory(&self) -> bool {
        self.is(Errno::NOTDIR) || self.is(Errno::LOOP)
    }

    /// Whether the failing call got this error number.
    pub fn is(&self, errno: Errno) -> bool {
        self.source.raw_os_error() == Some(errno.raw_os_error())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_private_file_takes_the_place_of_an_older_one_alone() {
        let temporary = tempfile::tempdir().expect("a temporary directory");
        let path = |name: &str| temporary.path().join(name);
        std::fs::create_dir(path("saved.new")).expect("made");
        std::fs::create_dir(path("directory")).expect("made");
        std::fs::write(path("aim"), "theirs").expect("written");
        symlink("aim", path("link")).expect("linked");
        for content in [&b"one"[..], b"two"] {
            write_private_file(&path("saved"), content).expect("written");
            assert_eq!(std::fs::read(path("saved")).expect("read"), content);
        }
        assert_eq!(std::fs::metadata(path("saved")).expect("there").permissions().mode() & 0o7777, 0o600);
        assert!(write_private_file(&path("directory"), b"x").is_err());
        let mut left: Vec<_> = Directory::open_path(temporary.path()).and_then(|all| all.names()).expect("listed");
        left.sort();
        assert_eq!(left, ["aim", "directory", "link", "saved", "saved.new"]);
        for (name, is_fine) in [("aim", true), ("nothing", true), ("link", false), ("directory", false), ("..", false)]
        {
            assert_eq!(is_file_or_free(&path(name)).expect("looked at"), is_fine, "{name}");
        }
        assert!(!is_file_or_free(Path::new("/dev/null")).expect("looked at"));
    }
}
