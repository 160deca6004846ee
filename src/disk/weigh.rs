//! How much a name and all beneath it hold.

use std::ffi::OsStr;

use super::walk::{Walker, Way, walk_at};
use super::{Directory, DiskError, FileType};

/// What would be free if something were removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weight {
    /// Files and symlinks.
    pub files: u64,
    /// Bytes of those that have no other name.
    pub bytes: u64,
}

/// The weight of `name` in `directory`; nothing when it is not there.
///
/// # Errors
/// When something is mounted in it, and those of [`super::walk()`].
pub fn weigh(directory: &Directory, name: impl AsRef<OsStr>) -> Result<Weight, DiskError> {
    let mut weight = Weight::default();
    walk_at(directory, name.as_ref(), &mut weight)?;
    Ok(weight)
}

impl Walker for Weight {
    fn come(&mut self, directory: &Directory, name: &OsStr) -> Result<Way, DiskError> {
        let Some(inode) = directory.look(name)? else { return Ok(Way::On) };
        if inode.file_type == FileType::Directory {
            return Ok(Way::In);
        }
        let bytes = if inode.links == 1 { inode.size } else { 0 };
        *self = Self { files: self.files + 1, bytes: self.bytes + bytes };
        Ok(Way::On)
    }

    fn leave(&mut self, _: &Directory, _: &OsStr) -> Result<(), DiskError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_another_name_frees_nothing() {
        let temporary = tempfile::tempdir().expect("a temporary directory");
        std::fs::create_dir_all(temporary.path().join("a/b")).expect("made");
        std::fs::write(temporary.path().join("a/b/c"), "12345").expect("written");
        std::fs::write(temporary.path().join("a/d"), "12").expect("written");
        std::fs::hard_link(temporary.path().join("a/d"), temporary.path().join("elsewhere")).expect("linked");
        let top = Directory::open_path(temporary.path()).expect("opened");
        assert_eq!(weigh(&top, "a").expect("weighed"), Weight { files: 2, bytes: 5 });
        assert_eq!(weigh(&top, "nothing").expect("weighed"), Weight::default());
    }
}
