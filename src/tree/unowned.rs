//! Lists what lies beneath paths that no release owns.

use std::path::{Path, PathBuf};

use crate::disk::{Directory, DiskError};

/// `paths` of the tree in `top`, each followed by everything that lies beneath it, apart from what `leave` says yes to.
///
/// # Errors
/// When a directory cannot be listed.
pub fn with_all_beneath(
    top: &Directory,
    paths: &[PathBuf],
    leave: &dyn Fn(&Path) -> bool,
) -> Result<Vec<PathBuf>, DiskError> {
    let mut all = Vec::new();
    for path in paths.iter().filter(|path| !leave(path)) {
        all.push(path.clone());
        if let Some(directory) = open(top, path)? {
            list(&directory, path, leave, &mut all)?;
        }
    }
    Ok(all)
}

/// The directory at `path`; none when it is something else, or gone.
fn open(top: &Directory, path: &Path) -> Result<Option<Directory>, DiskError> {
    let mut directory = top.again()?;
    for name in path {
        match inner(&directory, name)? {
            Some(next) => directory = next,
            None => return Ok(None),
        }
    }
    Ok(Some(directory))
}

fn inner(directory: &Directory, name: &std::ffi::OsStr) -> Result<Option<Directory>, DiskError> {
    let is_directory = |inode: crate::disk::Inode| inode.file_type == crate::disk::FileType::Directory;
    match directory.look(name)?.is_some_and(is_directory) {
        true => directory.subdirectory(name),
        false => Ok(None),
    }
}

fn list(
    directory: &Directory,
    path: &Path,
    leave: &dyn Fn(&Path) -> bool,
    all: &mut Vec<PathBuf>,
) -> Result<(), DiskError> {
    for name in directory.names()? {
        let path = path.join(&name);
        if !leave(&path) {
            all.push(path.clone());
            if let Some(inner) = inner(directory, &name)? {
                list(&inner, &path, leave, all)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_listed_but_what_is_to_be_left() {
        let temporary = tempfile::tempdir().expect("a temporary directory");
        for path in ["a/b/c", "a/d/e"] {
            std::fs::create_dir_all(temporary.path().join(path)).expect("made");
        }
        std::fs::write(temporary.path().join("f"), "").expect("written");
        std::os::unix::fs::symlink("a", temporary.path().join("g")).expect("linked");
        let top = Directory::open_path(temporary.path()).expect("opened");
        let leave = |path: &Path| path == Path::new("a/d");
        let listed = with_all_beneath(&top, &["a".into(), "f".into(), "g".into(), "gone".into()], &leave);
        let wanted: Vec<PathBuf> = ["a", "a/b", "a/b/c", "f", "g", "gone"].map(Into::into).to_vec();
        assert_eq!(listed.expect("listed"), wanted);
    }
}
