//! Writes the administrator's files as they were his before: with owner and mode, and over no symlink.

use super::Loaded;
use crate::client::ClientError;
use crate::disk::{Directory, FileType, Owner, replace_as};
use crate::overlay::OverlayError;
use crate::state::LockedMachine;
use crate::types::split_path;

/// Files of the administrator with what is in them then; none for one that goes.
pub(super) type Edits = Vec<(String, Option<Vec<u8>>)>;

/// Writes files of the administrator, once all of them can be, and gives their names. A symlink in place of one that goes is
/// taken away as such: what it leads to may belong to others, and stays.
pub(super) fn write_all(machine: &LockedMachine, all: &[(&Loaded, Edits)]) -> Result<Vec<String>, ClientError> {
    let edits = || all.iter().flat_map(|(loaded, edits)| edits.iter().map(move |edit| (*loaded, edit)));
    for (_, (path, _)) in edits().filter(|(_, (_, content))| content.is_some()) {
        let (parent, name) = split_path(path);
        if let Some(directory) = machine.root().descend(parent)? {
            owner_of_file(&directory, name, path)?;
        }
    }
    let mut files = Vec::new();
    for (loaded, (path, content)) in edits() {
        write(machine, loaded, path, content.as_deref(), false)?;
        files.push(format!("/{path}"));
    }
    Ok(files)
}

/// Whose a file of the administrator is; none when there is nothing at its path. What is there and no file is not edited.
fn owner_of_file(directory: &Directory, name: &str, path: &str) -> Result<Option<Owner>, ClientError> {
    match directory.look(name)? {
        Some(inode) if inode.file_type == FileType::File => {
            Ok(Some(Owner { mode: inode.mode, uid: inode.uid, gid: inode.gid }))
        }
        Some(_) => Err(OverlayError::NotEditable { file: path.to_owned() }.into()),
        None => Ok(None),
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
            directory.remove(name)?;
            directory.sync()?;
        }
        return Ok(());
    };
    let directory = make(machine.root(), parent)?;
    let owner = match owner_of_file(&directory, name, path)? {
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
