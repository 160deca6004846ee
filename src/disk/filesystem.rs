//! The file system that a directory lies on: synced, and what it says of itself.

use rustix::fs;
use rustix::io::Errno;

use super::directory::failed;
use super::{Directory, DiskError};

impl Directory {
    /// Waits until the whole file system is on disk.
    ///
    /// # Errors
    /// Those of `syncfs`, such as a write that failed earlier.
    pub fn sync_filesystem(&self) -> Result<(), DiskError> {
        fs::syncfs(self).map_err(failed("sync the file system of", self.path()))
    }

    /// Bytes and inodes that are free for this process.
    ///
    /// # Errors
    /// Those of `fstatvfs`.
    pub fn free_space(&self) -> Result<(u64, u64), DiskError> {
        let stat = fs::fstatvfs(self).map_err(failed("look at the file system of", self.path()))?;
        Ok((stat.f_bavail.saturating_mul(stat.f_frsize), stat.f_favail))
    }

    /// Whether the directory `name` can be moved elsewhere. Only an overlay file system is asked: it cannot move what comes from
    /// a lower layer, unless it was mounted with `redirect_dir=on`, and tells only whoever tries. What is tried never
    /// happens: no directory takes the place of one that has something in it, which `full` must be.
    ///
    /// # Errors
    /// Those of `renameat`, apart from the expected ones; when `full` is empty.
    pub fn can_move(&self, name: &str, full: &str) -> Result<bool, DiskError> {
        if self.filesystem()? != "overlay" {
            return Ok(true);
        }
        if self.subdirectory(full)?.map_or(Ok(true), |full| full.names().map(|names| names.is_empty()))? {
            return Err(self.error_at("try to move a directory over", full.as_ref(), Errno::NOENT));
        }
        match fs::renameat(self, name, self, full) {
            Err(Errno::NOTEMPTY | Errno::EXIST) => Ok(true),
            Err(Errno::XDEV) => Ok(false),
            Err(errno) => Err(self.error_at("move", name.as_ref(), errno)),
            Ok(()) => Err(self.error_at("leave where it was", name.as_ref(), Errno::IO)),
        }
    }

    /// The kind of file system, as far as it is one of those that systems are installed on.
    ///
    /// # Errors
    /// Those of `fstatfs`.
    pub fn filesystem(&self) -> Result<String, DiskError> {
        let stat = fs::fstatfs(self).map_err(failed("look at the file system of", self.path()))?;
        // The magic numbers of statfs(2).
        Ok(match stat.f_type {
            0xEF53 => "ext4".to_owned(),
            0x5846_5342 => "xfs".to_owned(),
            0x9123_683E => "btrfs".to_owned(),
            0xF2F5_2010 => "f2fs".to_owned(),
            0x0102_1994 => "tmpfs".to_owned(),
            0x794C_7630 => "overlay".to_owned(),
            other => format!("file system {other:#x}"),
        })
    }
}
