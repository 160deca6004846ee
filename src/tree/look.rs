//! Looks at one path and says what a manifest would say of it.

use crate::disk::{Directory, DiskError, FileType};
use crate::types::{Digest, TreePath};

/// What lies at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub kind: FoundKind,
    /// Permission bits; `0o777` for symlinks, as in manifests.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Last change of the content, in whole seconds since the epoch.
    pub mtime: i64,
}

/// What lies at a path, apart from mode, owner and time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FoundKind {
    /// A regular file.
    File {
        /// Length in bytes.
        size: u64,
        /// SHA-256 of the content.
        digest: Digest,
    },
    /// A directory.
    Directory,
    /// A symbolic link, which is not followed.
    Symlink {
        /// What it points to; bytes that are no UTF-8 are replaced.
        target: String,
    },
    /// A device, pipe or socket: nothing that a manifest can have.
    Special,
}

/// What lies at `path` of the tree in `top`; none when nothing does. A file is read and hashed.
///
/// # Errors
/// When something cannot be read, or a symlink or file is on the way to it.
pub fn look(top: &Directory, path: &TreePath) -> Result<Option<Found>, DiskError> {
    let beneath = path.beneath_usr();
    let (parent, name) = path.split_beneath_usr();
    let inode = match top.descend(parent)? {
        Some(_) if name.is_empty() => Some(top.inode()?),
        Some(directory) => directory.look(name)?,
        None => None,
    };
    let Some(inode) = inode else { return Ok(None) };
    let kind = match inode.file_type {
        FileType::File => {
            let failed = |source| DiskError { action: "read", path: top.path().join(beneath), source };
            let (digest, size) = Digest::of_reader(top.open_file(beneath)?).map_err(failed)?;
            FoundKind::File { size, digest }
        }
        FileType::Directory => FoundKind::Directory,
        FileType::Symlink => {
            let target = top.descend(parent)?.map(|directory| directory.read_link(name)).transpose()?;
            FoundKind::Symlink { target: target.unwrap_or_default().to_string_lossy().into_owned() }
        }
        FileType::Special => FoundKind::Special,
    };
    let mode = if inode.file_type == FileType::Symlink { 0o777 } else { inode.mode };
    Ok(Some(Found { kind, mode, uid: inode.uid, gid: inode.gid, mtime: inode.mtime.seconds }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_told_and_symlinks_are_not_followed() {
        let temporary = tempfile::tempdir().expect("a temporary directory");
        let usr = temporary.path().join("usr");
        std::fs::create_dir_all(usr.join("bin")).expect("made");
        std::fs::write(usr.join("bin/a"), "content").expect("written");
        std::os::unix::fs::symlink("a", usr.join("bin/b")).expect("linked");
        std::os::unix::fs::symlink("bin", usr.join("sbin")).expect("linked");
        let top = Directory::open_path(&usr).expect("opened");
        let kind = |path: &str| {
            let found = look(&top, &path.parse().expect("a path")).expect("looked at");
            found.map(|found| found.kind)
        };
        assert_eq!(kind("usr/bin/a"), Some(FoundKind::File { size: 7, digest: Digest::of(b"content") }));
        assert_eq!(kind("usr/bin/b"), Some(FoundKind::Symlink { target: "a".to_owned() }));
        assert_eq!(kind("usr/bin"), Some(FoundKind::Directory));
        assert_eq!(kind("usr"), Some(FoundKind::Directory));
        assert_eq!(kind("usr/bin/c"), None);
        assert_eq!(kind("usr/lib/c"), None);
        assert!(look(&top, &"usr/sbin/a".parse().expect("a path")).is_err(), "a symlink is on the way");
    }
}
