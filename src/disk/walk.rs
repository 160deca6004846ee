//! A walk through all that lies in a directory, however deep.
//!
//! Anyone can make directories in each other by the thousand where all may write. So a walk holds one handle, not one for
//! each level, and goes back up by `..`, where it takes no other directory than the one that it came from. It stays in
//! one mount: what is mounted in the directory is an error, and not entered.

use std::ffi::{OsStr, OsString};
use std::vec;

use super::{Directory, DiskError, Inode};

/// Where a walk goes from a name that it has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Into the directory of that name.
    In,
    /// On to the next name.
    On,
}

/// What is done on a walk.
pub trait Walker {
    /// The walk has come to `name` in `directory`. Says where it goes from there.
    ///
    /// # Errors
    /// Those that end the walk.
    fn come(&mut self, directory: &Directory, name: &OsStr) -> Result<Way, DiskError>;

    /// The walk has gone [`Way::In`] and through all that is in the directory `name`, and is back in `directory`.
    ///
    /// # Errors
    /// Those that end the walk.
    fn leave(&mut self, directory: &Directory, name: &OsStr) -> Result<(), DiskError>;
}

/// A directory that the walk has gone on from, deeper.
struct Above {
    inode: Inode,
    /// The directory in it that was entered.
    entered: OsString,
    /// The names in it that are still to come.
    names: vec::IntoIter<OsString>,
}

/// Walks through all that lies in `directory`, by its names in order.
///
/// # Errors
/// Those of the walker; when a directory cannot be listed or entered, has something mounted on it, or is moved elsewhere
/// during the walk.
pub fn walk(directory: Directory, walker: &mut impl Walker) -> Result<(), DiskError> {
    let mut here = directory;
    let mut names = here.names()?.into_iter();
    let mut above: Vec<Above> = Vec::new();
    loop {
        if let Some(name) = names.next() {
            if walker.come(&here, &name)? == Way::On {
                continue;
            }
            let Some(inner) = here.same_mount_subdirectory(&name)? else {
                walker.leave(&here, &name)?;
                continue;
            };
            let names_here = std::mem::replace(&mut names, inner.names()?.into_iter());
            above.push(Above { inode: here.inode()?, entered: name, names: names_here });
            here = inner;
        } else {
            let Some(last) = above.pop() else { return Ok(()) };
            here = here.parent(&last.inode)?;
            walker.leave(&here, &last.entered)?;
            names = last.names;
        }
    }
}

/// Comes to `name` in `directory`, and where the walker goes in there, walks through all that lies beneath it.
///
/// # Errors
/// Those of [`walk`].
pub(super) fn walk_at(directory: &Directory, name: &OsStr, walker: &mut impl Walker) -> Result<(), DiskError> {
    if walker.come(directory, name)? == Way::On {
        return Ok(());
    }
    if let Some(inner) = directory.same_mount_subdirectory(name)? {
        walk(inner, walker)?;
    }
    walker.leave(directory, name)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::disk::{FileType, weigh};

    /// More levels than a process has handles for as a rule, by which a path gets longer than the kernel takes.
    const LEVELS: usize = 1100;

    /// Writes down where it comes, and moves a directory away when it comes to that name in it.
    #[derive(Default)]
    struct Diary {
        lines: Vec<String>,
        moves_at: Option<&'static str>,
    }

    impl Walker for Diary {
        fn come(&mut self, directory: &Directory, name: &OsStr) -> Result<Way, DiskError> {
            self.lines.push(name.to_string_lossy().into_owned());
            if self.moves_at.is_some_and(|at| name == at) {
                let path = directory.path();
                std::fs::rename(path, path.with_file_name("../moved")).expect("moved");
            }
            let is_directory = directory.look(name)?.is_some_and(|inode| inode.file_type == FileType::Directory);
            Ok(if is_directory { Way::In } else { Way::On })
        }

        fn leave(&mut self, _: &Directory, name: &OsStr) -> Result<(), DiskError> {
            self.lines.push(format!("/{}", name.display()));
            Ok(())
        }
    }

    fn scratch() -> (tempfile::TempDir, Directory) {
        let temporary = tempfile::tempdir().expect("a temporary directory");
        std::fs::create_dir_all(temporary.path().join("top/b/c")).expect("made");
        for file in ["a", "b/d", "e"] {
            std::fs::write(temporary.path().join("top").join(file), "").expect("written");
        }
        let top = Directory::open_path(&temporary.path().join("top")).expect("it opens");
        (temporary, top)
    }

    #[test]
    fn every_name_is_come_to_and_every_directory_left() {
        let (_keep, top) = scratch();
        let mut diary = Diary::default();
        walk(top, &mut diary).expect("walked");
        assert_eq!(diary.lines, ["a", "b", "c", "/c", "d", "/b", "e"]);
    }

    #[test]
    fn a_directory_that_is_moved_away_ends_the_walk() {
        let (_keep, top) = scratch();
        let mut diary = Diary { moves_at: Some("d"), ..Diary::default() };
        let error = walk(top, &mut diary).expect_err("not where it was");
        assert!(error.source.to_string().contains("moved"), "{error:?}");
        assert_eq!(diary.lines.last().map(String::as_str), Some("d"));
    }

    #[test]
    fn what_is_mounted_is_not_entered() {
        let root = Directory::open_path(Path::new("/")).expect("it opens");
        let error = root.same_mount_subdirectory("proc").expect_err("that is a mount point");
        assert!(error.source.to_string().contains("mounted"), "{error:?}");
        assert!(weigh(&root, "proc").is_err());
    }

    #[test]
    fn depth_takes_no_handles() {
        let (keep, top) = scratch();
        let mut inner = top.again().expect("opened");
        for _ in 0..LEVELS {
            inner = inner.ensure_subdirectory("level", 0o700).expect("made");
        }
        inner.write_new("file", 0o600, b"12345").expect("written");
        drop(inner);
        let weight = weigh(&top, "level").expect("weighed");
        assert_eq!((weight.files, weight.bytes), (1, 5));
        top.remove("level").expect("removed");
        assert_eq!(std::fs::read_dir(keep.path().join("top")).expect("listed").count(), 3);
    }
}
