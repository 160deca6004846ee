//! Where what nobody keeps is put: in memory, where the system has such a directory and there is room. What a run leaves
//! does not depend on the disk, the disk has others to serve, and file systems can be slow at what tests do most: ext4
//! without a journal looks for an inode that was not freed within the last seconds whenever a file is made, which was a third
//! of the processor time of the suite.

use std::path::{Path, PathBuf};

use rustix::fs::{XattrFlags, setxattr, statvfs};

/// Files in memory, on Linux.
const MEMORY: &str = "/dev/shm";
/// As many bytes as tests may need; containers often have 64 MiB there.
const ROOM: u64 = 4 << 30;

/// The directory in memory, if it serves.
pub fn in_memory() -> Option<PathBuf> {
    serves(Path::new(MEMORY)).then(|| MEMORY.into())
}

/// The directory in memory, or else the one for temporary files.
pub fn place() -> PathBuf {
    in_memory().unwrap_or_else(std::env::temp_dir)
}

/// Whether there is room, and files may carry attributes (in memory since Linux 6.6).
fn serves(directory: &Path) -> bool {
    let roomy = statvfs(directory).is_ok_and(|found| found.f_bavail.saturating_mul(found.f_frsize) >= ROOM);
    let carries = |file: tempfile::NamedTempFile| setxattr(file.path(), "user.t", b"t", XattrFlags::empty()).is_ok();
    roomy && tempfile::NamedTempFile::new_in(directory).is_ok_and(carries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_does_not_serve_is_not_taken() {
        assert!(!serves(Path::new("/proc")) && !serves(Path::new("/nowhere")));
        assert!(place().is_dir());
    }
}
