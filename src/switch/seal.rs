//! Whether somebody has been at the copy of a carried path since the trees were exchanged.

use std::ffi::OsStr;

use crate::disk::{Directory, DiskError, FileType, Inode};
use crate::types::{Digest, Hasher};

/// By what the thing at `name` and all that is in it are known: inodes, and when they were last changed; of files only the time
/// of their content, since each further name is a change of the inode, too. None where there is nothing.
pub(super) fn seal(holder: &Directory, name: &OsStr) -> Result<Option<Digest>, DiskError> {
    let Some(inode) = holder.look(name)? else { return Ok(None) };
    let (mut hasher, device) = (Hasher::default(), holder.inode()?.device);
    let mut add = |inode: Inode| {
        let is_directory = inode.file_type == FileType::Directory;
        let changed = if is_directory { inode.ctime } else { inode.mtime };
        hasher.update(&inode.number.to_le_bytes());
        hasher.update(&changed.seconds.to_le_bytes());
        hasher.update(&changed.nanoseconds.to_le_bytes());
        // Of what is mounted there only the top is looked at: the rest is none of ours.
        is_directory && inode.device == device
    };
    if add(inode) {
        each_beneath(holder, name, &mut add)?;
    }
    Ok(Some(hasher.finish()))
}

/// Shows `visit` all that lies in the directory `name`, in order, and goes into what it says yes to.
fn each_beneath(holder: &Directory, name: &OsStr, visit: &mut dyn FnMut(Inode) -> bool) -> Result<(), DiskError> {
    let Some(directory) = holder.subdirectory(name)? else { return Ok(()) };
    for name in directory.names()? {
        if directory.look(&name)?.is_some_and(&mut *visit) {
            each_beneath(&directory, &name, visit)?;
        }
    }
    Ok(())
}

/// Whether `name` is the same in two directories: the same inode, or directories that are alike with the same in them. What
/// somebody writes into a file of the one is in the other then: a program that goes on with its log has touched nothing.
pub(super) fn is_same(one: &Directory, other: &Directory, name: &OsStr) -> Result<bool, DiskError> {
    let (Some(first), Some(second)) = (one.look(name)?, other.look(name)?) else { return Ok(false) };
    let types = [first.file_type, second.file_type];
    if types != [FileType::Directory, FileType::Directory] || first.is_same_inode(&second) {
        return Ok(first.is_same_inode(&second));
    }
    let like = |inode: &Inode| (inode.device, inode.mode, inode.uid, inode.gid);
    let (Some(one), Some(other)) = (one.subdirectory(name)?, other.subdirectory(name)?) else { return Ok(false) };
    let names = one.names()?;
    if like(&first) != like(&second) || names != other.names()? || one.xattrs()? != other.xattrs()? {
        return Ok(false);
    }
    for name in &names {
        if !is_same(&one, &other, name)? {
            return Ok(false);
        }
    }
    Ok(true)
}
