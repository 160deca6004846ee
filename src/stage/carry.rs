//! Takes along what no release owns: the administrator's own places in `/usr`.

use std::ffi::OsStr;
use std::path::Path;

use super::{StageError, split};
use crate::disk::{Directory, DiskError, FileType, Inode};
use crate::tree::Writer;
use crate::types::Metadata;

/// Links `path` of the live tree, with all that is in it, into the same place of `next`.
pub(super) fn carry(live: &Directory, next: &Directory, path: &Path, writer: Writer) -> Result<(), StageError> {
    let (parent, name) = split(path);
    let (Some(live), Some(next)) = (live.descend(parent)?, next.descend(parent)?) else { return Ok(()) };
    Ok(link_all(&live, &next, name, writer)?)
}

fn link_all(from: &Directory, to: &Directory, name: &OsStr, writer: Writer) -> Result<(), DiskError> {
    let Some(inode) = from.look(name)? else { return Ok(()) };
    if inode.file_type != FileType::Directory {
        return from.link(name, to, name);
    }
    let Some(inner) = from.subdirectory(name)? else { return Ok(()) };
    let made = to.ensure_subdirectory(name, 0o700)?;
    for inner_name in inner.names()? {
        link_all(&inner, &made, &inner_name, writer)?;
    }
    let Inode { mode, uid, gid, mtime, .. } = inode;
    let metadata = Metadata { mode, uid, gid, mtime, xattrs: inner.xattrs()? };
    made.set_metadata(&metadata, writer.ownership)
}
