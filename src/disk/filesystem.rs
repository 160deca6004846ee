//! The file system that a directory lies on: synced, and what it says of itself.

use rustix::fs;

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
