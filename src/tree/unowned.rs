//! Goes into directories that no release owns.

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

/// `paths` of the tree in `top`, where each directory that `is_shared` says yes to makes way for what is in it.
///
/// # Errors
/// When a directory cannot be listed.
pub fn split_up(
    top: &Directory,
    paths: &[PathBuf],
    is_shared: &dyn Fn(&Path) -> bool,
) -> Result<Vec<PathBuf>, DiskError> {
    let (mut split, mut left): (Vec<PathBuf>, Vec<PathBuf>) = (Vec::new(), paths.iter().rev().cloned().collect());
    while let Some(path) = left.pop() {
        let shared = if is_shared(&path) { open(top, &path)? } else { None };
        match shared {
            Some(directory) => left.extend(directory.names()?.iter().rev().map(|name| path.join(name))),
            None => split.push(path),
        }
    }
    Ok(split)
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

    #[test]
    fn a_directory_that_is_shared_makes_way_for_what_is_in_it() {
        let temporary = tempfile::tempdir().expect("a temporary directory");
        for path in ["local/bin/deep", "local/go/bin", "local/empty", "opt/bin", "src"] {
            std::fs::create_dir_all(temporary.path().join(path)).expect("made");
        }
        std::fs::write(temporary.path().join("local/bin/mine"), "").expect("written");
        std::os::unix::fs::symlink("bin", temporary.path().join("local/link")).expect("linked");
        let top = Directory::open_path(temporary.path()).expect("opened");
        let shared = ["local", "local/bin", "local/empty", "local/link", "src", "gone"].map(Path::new);
        let split = |paths: &[&str]| {
            let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
            split_up(&top, &paths, &|path| shared.contains(&path)).expect("split")
        };
        let wanted = ["local/bin/deep", "local/bin/mine", "local/go", "local/link", "opt"].map(PathBuf::from);
        assert_eq!(split(&["local", "opt", "src"]), wanted);
        assert_eq!(split(&["local/bin/mine", "gone"]), ["local/bin/mine", "gone"].map(PathBuf::from));
    }
}
