//! Replaces a file or a symlink as a whole: whoever looks, also after a power cut, finds the old one or the new.

use std::io::Write;

use rustix::fs::{self, Mode};

use super::{Directory, DiskError, FileType, Ownership};
use crate::types::{Metadata, Timestamp, Xattrs};

/// Whose a file is, and what others may do with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

/// Gives the file `name` this content and owner, durably and at once. Until then the new file has a hidden name and is
/// nobody else's to read; extended attributes of the old one go along.
///
/// # Errors
/// When something else than a file has the name, or a step fails; what has the name then still has it.
pub fn replace_as(directory: &Directory, name: &str, content: &[u8], owner: Owner) -> Result<(), DiskError> {
    let xattrs = match directory.look(name)? {
        Some(_) => directory.file_xattrs(&directory.open_file(name)?, name)?,
        None => Xattrs::new(),
    };
    put_in_place(directory, name, content, owner, xattrs)
}

/// The same where a symlink may have the name: it makes way, and what it leads to is not touched.
///
/// # Errors
/// As [`replace_as`].
pub fn replace_even_symlink_as(
    directory: &Directory,
    name: &str,
    content: &[u8],
    owner: Owner,
) -> Result<(), DiskError> {
    match directory.look(name)?.map(|inode| inode.file_type) {
        Some(FileType::Symlink) => put_in_place(directory, name, content, owner, Xattrs::new()),
        _ => replace_as(directory, name, content, owner),
    }
}

/// Puts a symlink with this target in the place of whatever has the name and is no directory, durably and at once.
///
/// # Errors
/// When a step fails; what has the name then still has it.
pub fn replace_by_symlink(directory: &Directory, name: &str, target: &str) -> Result<(), DiskError> {
    let fresh = hidden(name);
    directory.remove(&fresh)?;
    directory.symlink(&fresh, target)?;
    directory.rename(&fresh, directory, name)?;
    directory.sync()
}

/// What is to have the name `name` has this one until it is complete.
fn hidden(name: &str) -> String {
    format!(".{name}.new")
}

fn put_in_place(
    directory: &Directory,
    name: &str,
    content: &[u8],
    owner: Owner,
    xattrs: Xattrs,
) -> Result<(), DiskError> {
    let fresh = hidden(name);
    let path = directory.path().join(&fresh);
    let failed = |action, source| DiskError { action, path: path.clone(), source };
    directory.remove(&fresh)?;
    let mut file = directory.create_file(&fresh, 0o600)?;
    file.write_all(content).map_err(|source| failed("write", source))?;
    let changed = file.metadata().and_then(|metadata| metadata.modified());
    let since = changed.ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok()).unwrap_or_default();
    let mtime =
        Timestamp { seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX), nanoseconds: since.subsec_nanos() };
    let metadata = Metadata { mode: owner.mode, uid: owner.uid, gid: owner.gid, mtime, xattrs };
    directory.set_file_metadata(&file, &fresh, &metadata, Ownership::of_this_process())?;
    file.sync_all().map_err(|source| failed("sync", source))?;
    directory.rename(&fresh, directory, name)?;
    directory.sync()
}

impl Directory {
    /// Gives the directory itself this owner; without root only the mode.
    ///
    /// # Errors
    /// Those of `fchown` and `fchmod`.
    pub fn set_owner(&self, owner: Owner) -> Result<(), DiskError> {
        let failed = |errno: rustix::io::Errno| DiskError {
            action: "set mode and owner of",
            path: self.path().to_owned(),
            source: errno.into(),
        };
        if Ownership::of_this_process() == Ownership::Kept {
            let ids = (Some(fs::Uid::from_raw(owner.uid)), Some(fs::Gid::from_raw(owner.gid)));
            fs::fchown(self, ids.0, ids.1).map_err(failed)?;
        }
        fs::fchmod(self, Mode::from_raw_mode(owner.mode)).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_file_has_the_owner_that_is_asked_for() {
        let temporary = tempfile::tempdir().expect("a temporary directory");
        let directory = Directory::open_path(temporary.path()).expect("it opens");
        let inode = directory.inode().expect("looked at");
        let owner = |mode| Owner { mode, uid: inode.uid, gid: inode.gid };
        replace_as(&directory, "x", b"one", owner(0o640)).expect("written");
        replace_as(&directory, "x", b"two", owner(0o604)).expect("written");
        let found = directory.look("x").expect("looked at").expect("there");
        assert_eq!((found.mode, directory.read("x", 9).expect("read")), (0o604, Some(b"two".to_vec())));
        assert_eq!(directory.names().expect("listed"), ["x"]);
        std::os::unix::fs::symlink("/etc/passwd", temporary.path().join("link")).expect("linked");
        assert!(replace_as(&directory, "link", b"", owner(0o600)).is_err(), "a symlink is not what is replaced");
        replace_even_symlink_as(&directory, "link", b"three", owner(0o600)).expect("written");
        assert_eq!(directory.read("link", 9).expect("a file"), Some(b"three".to_vec()));
        replace_by_symlink(&directory, "x", "elsewhere").expect("linked");
        assert_eq!(directory.read_link("x").expect("a symlink"), "elsewhere");
        assert_eq!(directory.names().expect("listed"), ["link", "x"]);
    }
}
