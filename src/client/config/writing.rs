//! Writes the administrator's files as they were his before: with owner and mode, over no symlink, and over nothing but what
//! was read: a file that was left out, or that an editor has changed since, stays as it is.

use super::Loaded;
use crate::client::ClientError;
use crate::disk::{Directory, FileType, Owner, replace_as};
use crate::overlay::{Content, MAX_FILE_BYTES, OverlayError};
use crate::state::LockedMachine;
use crate::types::split_path;

/// Files of the administrator with what is in them then; none for one that goes.
pub(super) type Edits = Vec<(String, Option<Vec<u8>>)>;

/// Writes files of the administrator, once all of them can be, and gives their names. A symlink in place of one that goes is
/// taken away as such: what it leads to may belong to others, and stays.
pub(super) fn write_all(machine: &LockedMachine, all: &[(&Loaded, Edits)]) -> Result<Vec<String>, ClientError> {
    for (loaded, edits) in all {
        check_all(machine, loaded, edits)?;
    }
    let mut files = Vec::new();
    for (loaded, edits) in all {
        for (path, content) in edits {
            write(machine, loaded, path, content.as_deref(), false)?;
            files.push(format!("/{path}"));
        }
    }
    Ok(files)
}

/// Looks whether these files can be written.
pub(super) fn check_all(machine: &LockedMachine, loaded: &Loaded, edits: &Edits) -> Result<(), ClientError> {
    for (path, content) in edits {
        let (parent, name) = split_path(path);
        if let Some(directory) = machine.root().descend(parent)? {
            match content {
                Some(_) => drop(owner_of_file(&directory, name, loaded, path)?),
                None => check_removable(&directory, name, loaded, path)?,
            }
        }
    }
    Ok(())
}

/// Whose a file of the administrator is; none when there is nothing at its path. What is there and no file is not edited, nor
/// what is not what was read.
fn owner_of_file(directory: &Directory, name: &str, loaded: &Loaded, path: &str) -> Result<Option<Owner>, ClientError> {
    let not_editable = || OverlayError::NotEditable { file: path.to_owned() };
    let read = loaded.snapshot.get(path).and_then(Content::bytes);
    match directory.look(name)? {
        Some(inode) if inode.file_type == FileType::File && inode.size <= MAX_FILE_BYTES => {
            match directory.read(name, MAX_FILE_BYTES)?.as_deref() == read {
                true => Ok(Some(Owner { mode: inode.mode, uid: inode.uid, gid: inode.gid })),
                false => Err(not_editable().into()),
            }
        }
        None if read.is_none() => Ok(None),
        _ => Err(not_editable().into()),
    }
}

/// A symlink goes as such, whatever it leads to.
fn check_removable(directory: &Directory, name: &str, loaded: &Loaded, path: &str) -> Result<(), ClientError> {
    match directory.look(name)?.map(|inode| inode.file_type) {
        None | Some(FileType::Symlink) => Ok(()),
        Some(_) => owner_of_file(directory, name, loaded, path).map(drop),
    }
}

/// Writes a file of the administrator, or with none removes it. Mode and owner stay; a new file has those of the
/// program's main file or directory, and a secret in it is not for others to read.
pub(super) fn write(
    machine: &LockedMachine,
    loaded: &Loaded,
    path: &str,
    content: Option<&[u8]>,
    secret: bool,
) -> Result<(), ClientError> {
    let (parent, name) = split_path(path);
    let Some(content) = content else {
        if let Some(directory) = machine.root().descend(parent)? {
            check_removable(&directory, name, loaded, path)?;
            directory.remove(name)?;
            directory.sync()?;
        }
        return Ok(());
    };
    let directory = make(machine.root(), parent)?;
    let owner = match owner_of_file(&directory, name, loaded, path)? {
        Some(owner) => owner,
        None => new_owner(machine.root(), loaded, &directory, secret)?,
    };
    Ok(replace_as(&directory, name, content, owner)?)
}

/// The directory at a path beneath the root, made where it is missing: with the owner of the one above it from the second
/// name on, for `etc` itself is everybody's.
pub(super) fn make(root: &Directory, path: &str) -> Result<Directory, ClientError> {
    let mut directory = root.again()?;
    for (depth, name) in path.split('/').enumerate() {
        let is_new = directory.look(name)?.is_none();
        let inner = directory.ensure_subdirectory(name, 0o755)?;
        if is_new {
            let above = directory.inode()?;
            let owner = match depth {
                0 | 1 => Owner { mode: 0o755, uid: above.uid, gid: above.gid },
                _ => Owner { mode: above.mode, uid: above.uid, gid: above.gid },
            };
            inner.set_owner(owner)?;
            directory.sync()?;
        }
        directory = inner;
    }
    Ok(directory)
}

/// Whose a new file is.
fn new_owner(root: &Directory, loaded: &Loaded, directory: &Directory, secret: bool) -> Result<Owner, ClientError> {
    let own = root.descend(&loaded.app.override_directory())?;
    let main = loaded.app.declaration.files.iter().find(|name| !name.ends_with(".d"));
    let main = match (own, main) {
        (Some(own), Some(main)) if !main.contains('/') => own.look(main)?,
        _ => None,
    };
    Ok(match main.filter(|inode| inode.file_type == FileType::File) {
        Some(inode) => Owner { mode: inode.mode & if secret { 0o660 } else { 0o666 }, uid: inode.uid, gid: inode.gid },
        None => {
            let above = directory.inode()?;
            Owner { mode: if secret { 0o640 } else { 0o644 }, uid: above.uid, gid: above.gid }
        }
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::overlay::{App, Declaration, Model, Snapshot};

    #[test]
    fn what_was_not_read_is_neither_replaced_nor_removed() {
        let temporary = tempfile::tempdir().expect("a temporary directory");
        let directory = Directory::open_path(temporary.path()).expect("it opens");
        let read = |name: &str| (format!("etc/x/{name}"), Content::File(b"[a]\n".to_vec()));
        let snapshot: Snapshot = ["same", "changed", "gone", "link"].into_iter().map(read).collect();
        let app = App::new("x", Some(Declaration::of(Model::Ini)));
        let loaded = Loaded::new(app, snapshot).expect("it is read");
        for (name, text) in [("same", "[a]\n"), ("changed", "[b]\n"), ("left-out", "[a]\n")] {
            fs::write(temporary.path().join(name), text).expect("written");
        }
        symlink("same", temporary.path().join("link")).expect("linked");
        let cases = [
            ("same", true, true),
            ("changed", false, false),
            ("left-out", false, false),
            ("gone", false, true),
            ("link", false, true),
            ("new", true, true),
        ];
        for (name, can_replace, can_remove) in cases {
            let path = format!("etc/x/{name}");
            assert_eq!(owner_of_file(&directory, name, &loaded, &path).is_ok(), can_replace, "{name}");
            assert_eq!(check_removable(&directory, name, &loaded, &path).is_ok(), can_remove, "{name}");
        }
    }
}
