//! Names in a directory: given, moved, exchanged and removed.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;

use rustix::fs::{self, AtFlags, RenameFlags};
use rustix::io::Errno;

use super::walk::{Walker, Way, walk_at};
use super::{Directory, DiskError};

impl Directory {
    /// Gives the inode `name` another name in `other`.
    ///
    /// # Errors
    /// `EMLINK` when it has all the names it can, `EPERM` when it is immutable, and others of `linkat`.
    pub fn link(&self, name: impl AsRef<OsStr>, other: &Self, other_name: impl AsRef<OsStr>) -> Result<(), DiskError> {
        let (name, other_name) = (name.as_ref(), other_name.as_ref());
        fs::linkat(self, name, other, other_name, AtFlags::empty())
            .map_err(|errno| other.error_at("link", other_name, errno))
    }

    /// Moves `name` to `other_name` in `other`, in place of a file or an empty directory that is there.
    ///
    /// # Errors
    /// Those of `renameat`.
    pub fn rename(
        &self,
        name: impl AsRef<OsStr>,
        other: &Self,
        other_name: impl AsRef<OsStr>,
    ) -> Result<(), DiskError> {
        let name = name.as_ref();
        fs::renameat(self, name, other, other_name.as_ref()).map_err(|errno| self.error_at("rename", name, errno))
    }

    /// Exchanges `name` with `other_name` in `other`, in one instant.
    ///
    /// # Errors
    /// `EINVAL` where the file system cannot, `EXDEV` across file systems, `EBUSY` for mount points.
    pub fn exchange(
        &self,
        name: impl AsRef<OsStr>,
        other: &Self,
        other_name: impl AsRef<OsStr>,
    ) -> Result<(), DiskError> {
        let name = name.as_ref();
        fs::renameat_with(self, name, other, other_name.as_ref(), RenameFlags::EXCHANGE)
            .map_err(|errno| self.error_at("exchange", name, errno))
    }

    /// Makes a symlink.
    ///
    /// # Errors
    /// Those of `symlinkat`.
    pub fn symlink(&self, name: &str, target: &str) -> Result<(), DiskError> {
        fs::symlinkat(target, self, name).map_err(|errno| self.error_at("make symlink", OsStr::new(name), errno))
    }

    /// What the symlink `name` points to.
    ///
    /// # Errors
    /// Those of `readlinkat`.
    pub fn read_link(&self, name: impl AsRef<OsStr>) -> Result<OsString, DiskError> {
        let name = name.as_ref();
        let target = fs::readlinkat(self, name, Vec::new());
        let target = target.map_err(|errno| self.error_at("read symlink", name, errno))?;
        Ok(OsString::from_vec(target.into_bytes()))
    }

    /// Removes the empty directory `name`. No error when it is not there.
    ///
    /// # Errors
    /// When something is in it ([`DiskError::is_not_empty`]), and others of `unlinkat`.
    pub fn remove_empty(&self, name: impl AsRef<OsStr>) -> Result<(), DiskError> {
        let name = name.as_ref();
        match fs::unlinkat(self, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(self.error_at("remove", name, errno)),
        }
    }

    /// Removes `name`, with all that is in it when it is a directory. No error when it is not there.
    ///
    /// # Errors
    /// When something is mounted in it, which stays with all that is in it, and those of [`super::walk()`] and `unlinkat`.
    pub fn remove(&self, name: impl AsRef<OsStr>) -> Result<(), DiskError> {
        walk_at(self, name.as_ref(), &mut Removal)
    }
}

/// Removes what it comes to, and directories when they are empty.
struct Removal;

impl Walker for Removal {
    fn come(&mut self, directory: &Directory, name: &OsStr) -> Result<Way, DiskError> {
        match fs::unlinkat(directory, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(Way::On),
            Err(Errno::ISDIR) => Ok(Way::In),
            Err(errno) => Err(directory.error_at("remove", name, errno)),
        }
    }

    fn leave(&mut self, directory: &Directory, name: &OsStr) -> Result<(), DiskError> {
        directory.remove_empty(name)
    }
}
