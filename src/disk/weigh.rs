//! How much a name and all beneath it hold.

use std::ffi::OsStr;
use std::iter::Sum;

use super::{Directory, DiskError, FileType};

/// What would be free if something were removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weight {
    /// Files and symlinks.
    pub files: u64,
    /// Bytes of those that have no other name.
    pub bytes: u64,
}

impl Sum for Weight {
    fn sum<I: Iterator<Item = Self>>(weights: I) -> Self {
        weights.fold(Self::default(), |sum, weight| Self {
            files: sum.files + weight.files,
            bytes: sum.bytes + weight.bytes,
        })
    }
}

/// The weight of `name` in `directory`; nothing when it is not there.
///
/// # Errors
/// When a directory cannot be listed.
pub fn weigh(directory: &Directory, name: impl AsRef<OsStr>) -> Result<Weight, DiskError> {
    let name = name.as_ref();
    let Some(inode) = directory.look(name)? else { return Ok(Weight::default()) };
    if inode.file_type != FileType::Directory {
        return Ok(Weight { files: 1, bytes: if inode.links == 1 { inode.size } else { 0 } });
    }
    let Some(inner) = directory.subdirectory(name)? else { return Ok(Weight::default()) };
    inner.names()?.iter().map(|name| weigh(&inner, name)).sum()
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
