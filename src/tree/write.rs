//! Makes entries in a tree that is under construction.
//!
//! A file gets into a tree as another name of an inode that is already right (in the live tree, or a blob of the store),
//! and only where that cannot be as a copy. An inode that has several names is never changed: it is part of other trees.

use std::fs::File;
use std::io;

use rustix::io::Errno;

use super::scan::same_xattrs;
use crate::disk::{Directory, DiskError, Inode, Ownership};
use crate::types::Metadata;

/// Makes entries, with or without their owners.
#[derive(Clone, Copy, Debug)]
pub struct Writer {
    /// Whether owners and privileged attributes are set.
    pub ownership: Ownership,
}

impl Writer {
    /// Gives `name` in `from` the same name in `to`; as a copy where the inode can have no more names.
    ///
    /// # Errors
    /// When the name is taken, the inode is immutable, or the disk is full.
    pub fn link(&self, from: &Directory, to: &Directory, name: &str, metadata: &Metadata) -> Result<(), DiskError> {
        match from.link(name, to, name) {
            Err(error) if error.is(Errno::MLINK) => self.copy(&from.open_file(name)?, to, name, metadata).map(|_| ()),
            other => other,
        }
    }

    /// Makes `name` in `to` of the blob `blob` in `store`: as another name of the blob's inode while nobody else uses
    /// that with other metadata, as a copy otherwise. Gives the inode, as it is then, if it is the blob's.
    ///
    /// # Errors
    /// When the blob is not there, the name is taken, or the disk is full.
    pub fn place(
        &self,
        store: &Directory,
        blob: &str,
        to: &Directory,
        name: &str,
        metadata: &Metadata,
    ) -> Result<Option<Inode>, DiskError> {
        let file = store.open_file(blob)?;
        if store.look(blob)?.is_some_and(|inode| inode.links == 1) {
            store.set_file_metadata(&file, blob, metadata, self.ownership)?;
        } else if !self.is_already(store, blob, metadata)? {
            return self.copy(&file, to, name, metadata).map(|_| None);
        }
        match store.link(blob, to, name) {
            Err(error) if error.is(Errno::MLINK) => self.copy(&file, to, name, metadata).map(|_| None),
            Err(error) => Err(error),
            Ok(()) => store.look(blob),
        }
    }

    /// Gives the file `name` of `from` a name in another directory: as another name of the inode where that has this metadata
    /// and can have more names, as a copy otherwise. A copy is on disk before its name can take the place of another.
    ///
    /// # Errors
    /// When it is not there, the name is taken, the inode is immutable, or the disk is full.
    pub fn take(
        &self,
        from: &Directory,
        name: &str,
        (to, new_name): (&Directory, &str),
        metadata: &Metadata,
    ) -> Result<(), DiskError> {
        if self.is_already(from, name, metadata)? {
            match from.link(name, to, new_name) {
                Err(error) if error.is(Errno::MLINK) => {}
                linked => return linked,
            }
        }
        let made = self.copy(&from.open_file(name)?, to, new_name, metadata)?;
        made.sync_all().map_err(|source| DiskError { action: "sync", path: to.path().join(new_name), source })
    }

    /// Makes a symlink.
    ///
    /// # Errors
    /// When the name is taken or the disk is full.
    pub fn symlink(&self, to: &Directory, name: &str, target: &str, metadata: &Metadata) -> Result<(), DiskError> {
        to.symlink(name, target)?;
        to.set_symlink_metadata(name, metadata, self.ownership)
    }

    /// Whether the file `name` of a directory has this mode, owner and time and these attributes.
    ///
    /// # Errors
    /// Those of the system calls.
    pub fn is_already(&self, directory: &Directory, name: &str, metadata: &Metadata) -> Result<bool, DiskError> {
        let inode = directory.look(name)?;
        if inode.is_none_or(|inode| inode.metadata_difference(metadata, self.ownership).is_some()) {
            return Ok(false);
        }
        match directory.open_file(name) {
            Ok(file) => Ok(same_xattrs(&directory.file_xattrs(&file, name)?, metadata, self.ownership)),
            // A plain user's own file that its mode keeps even him from reading.
            Err(error) if error.is(Errno::ACCESS) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Gives a directory its mode, owner, attributes and time, when it does not have them.
    ///
    /// # Errors
    /// Those of the system calls.
    pub fn settle_directory(&self, directory: &Directory, metadata: &Metadata) -> Result<(), DiskError> {
        let right = directory.inode()?.metadata_difference(metadata, self.ownership).is_none()
            && same_xattrs(&directory.xattrs()?, metadata, self.ownership);
        if right { Ok(()) } else { directory.set_metadata(metadata, self.ownership) }
    }

    /// A new inode with the content of `file`; shares its blocks where the file system can.
    fn copy(&self, mut file: &File, to: &Directory, name: &str, metadata: &Metadata) -> Result<File, DiskError> {
        let mut made = to.create_file(name, 0o600)?;
        if rustix::fs::ioctl_ficlone(&made, file).is_err() {
            io::copy(&mut file, &mut made).map_err(|source| DiskError {
                action: "copy to",
                path: to.path().join(name),
                source,
            })?;
        }
        to.set_file_metadata(&made, name, metadata, self.ownership)?;
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Timestamp;

    #[test]
    fn an_inode_with_several_names_is_never_changed() {
        let temporary = tempfile::tempdir().expect("a temporary directory");
        let directory = Directory::open_path(temporary.path()).expect("it opens");
        let inode = directory.inode().expect("look");
        let metadata = |mode| Metadata {
            mode,
            uid: inode.uid,
            gid: inode.gid,
            mtime: Timestamp { seconds: 1, nanoseconds: 2 },
            ..Metadata::default()
        };
        directory.write_new("blob", 0o600, b"content").expect("written");
        let writer = Writer { ownership: Ownership::of_this_process() };
        writer.place(&directory, "blob", &directory, "a", &metadata(0o644)).expect("placed");
        writer.place(&directory, "blob", &directory, "b", &metadata(0o644)).expect("placed");
        writer.place(&directory, "blob", &directory, "c", &metadata(0o755)).expect("placed");
        let look = |name| directory.look(name).expect("look").expect("there");
        assert!(look("a").is_same_inode(&look("b")) && look("a").is_same_inode(&look("blob")));
        assert!(!look("a").is_same_inode(&look("c")));
        assert_eq!((look("a").mode, look("c").mode), (0o644, 0o755));
        assert_eq!(look("c").mtime, look("a").mtime);
        assert_eq!(directory.read("c", 99).expect("read"), Some(b"content".to_vec()));
    }

    /// Programs that everybody may only execute come with some distributions.
    #[test]
    fn what_a_plain_user_makes_he_can_read() {
        let temporary = tempfile::tempdir().expect("a temporary directory");
        let directory = Directory::open_path(temporary.path()).expect("it opens");
        let metadata = Metadata { mode: 0o4111, ..Metadata::default() };
        for (ownership, file_mode, directory_mode) in
            [(Ownership::Ignored, 0o4511, 0o4711), (Ownership::Kept, 0o4111, 0o4111)]
        {
            if ownership == Ownership::Kept && Ownership::of_this_process() != ownership {
                continue;
            }
            let writer = Writer { ownership };
            directory.write_new("file", 0o600, b"content").expect("written");
            let file = directory.open_file("file").expect("open");
            directory.set_file_metadata(&file, "file", &metadata, ownership).expect("set");
            let inner = directory.ensure_subdirectory("directory", 0o700).expect("made");
            writer.settle_directory(&inner, &metadata).expect("settled");
            let look = |name| directory.look(name).expect("look").expect("there");
            assert_eq!((look("file").mode, look("directory").mode), (file_mode, directory_mode));
            assert_eq!(look("file").metadata_difference(&metadata, ownership), None);
            assert_eq!(look("directory").metadata_difference(&metadata, ownership), None);
            for name in ["file", "directory"] {
                directory.remove(name).expect("removed");
            }
        }
    }
}
