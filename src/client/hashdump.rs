//! `hashdump`: what a manifest would say of one path.

use std::sync::Arc;

use serde::Serialize;

use super::session::Session;
use super::{ClientError, Settings};
use crate::report::Reporter;
use crate::tree::{Found, FoundKind, look};
use crate::types::{Digest, Slot, TreePath};

/// The answer of `hashdump`: the fields of a manifest's entry that a tree on disk tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HashDump {
    /// The path, `usr` first.
    pub path: TreePath,
    /// `file`, `directory`, `symlink`, or `special` for what no manifest can have.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Last change of the content, in seconds since the epoch.
    pub mtime: i64,
    /// Length of a file.
    pub size: Option<u64>,
    /// SHA-256 of a file's content.
    pub sha256: Option<Digest>,
    /// What a symlink points to.
    pub target: Option<String>,
}

/// Reads what lies at `path` of the live tree. Symlinks are told, not followed.
///
/// # Errors
/// [`ClientError::NotThere`] when nothing lies there; others when it cannot be read.
pub fn hashdump(settings: &Settings, path: &TreePath, reporter: &Arc<dyn Reporter>) -> Result<HashDump, ClientError> {
    let session = Session::look(settings, reporter)?;
    let not_there = || ClientError::NotThere { path: path.clone() };
    let live = session.machine.tree(Slot::Live)?.ok_or_else(not_there)?;
    let Found { kind, mode, uid, gid, mtime } = look(&live, path)?.ok_or_else(not_there)?;
    let (kind, size, sha256, target) = match kind {
        FoundKind::File { size, digest } => ("file", Some(size), Some(digest), None),
        FoundKind::Directory => ("directory", None, None, None),
        FoundKind::Symlink { target } => ("symlink", None, None, Some(target)),
        FoundKind::Special => ("special", None, None, None),
    };
    Ok(HashDump { path: path.clone(), kind, mode, uid, gid, mtime, size, sha256, target })
}
