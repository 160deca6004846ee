//! The archive of a machine's overrides: a tar whose first member says what is in it.
//!
//! ```text
//! manifest.json       {"format": "overrides-1", "version": 20, "entries": [{"path", "mode", "uid", "gid",
//!                      "sha256", "size"} or {"path", ..., "target"} or {"path", ..., "directory": true}]}
//! etc/nova/nova.conf  the files, in the order of the manifest, each once
//! ```
//!
//! All members are plain files. Paths lie beneath `etc` and are checked when an archive is read, as are digests, lengths and
//! the number of files.

use std::io::Read;

use serde::{Deserialize, Serialize};

use super::{MAX_FILE_BYTES, OverlayError};
use crate::types::Digest;

/// The longest archive that is read.
pub const MAX_SAVED_BYTES: u64 = 256 << 20;
const FORMAT: &str = "overrides-1";
const MANIFEST: &str = "manifest.json";
const MAX_ENTRIES: usize = 1 << 16;

/// Overrides as they are on a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// The release that they lay over.
    pub version: u32,
    /// Directories before what is in them.
    pub files: Vec<SavedFile>,
}

/// One file, symlink or directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedFile {
    /// Relative to the root, beneath `etc`.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// What it is.
    pub kind: SavedKind,
}

/// What a saved path is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SavedKind {
    /// A file.
    File(Vec<u8>),
    /// A symlink.
    Symlink(String),
    /// A directory, which may have more in it than is saved.
    Directory,
}

#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    format: String,
    version: u32,
    entries: Vec<Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    path: String,
    mode: u32,
    uid: u32,
    gid: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha256: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    directory: bool,
}

impl Saved {
    /// The bytes of the archive; equal overrides give equal bytes.
    pub fn to_tar(&self) -> Vec<u8> {
        let entries = self.files.iter().map(Entry::of).collect();
        let manifest = Manifest { format: FORMAT.to_owned(), version: self.version, entries };
        let mut archive = tar::Builder::new(Vec::new());
        let json = serde_json::to_vec_pretty(&manifest).expect("plain data is JSON");
        append(&mut archive, MANIFEST, 0o600, &json);
        for file in &self.files {
            if let SavedKind::File(content) = &file.kind {
                append(&mut archive, &file.path, file.mode, content);
            }
        }
        archive.into_inner().expect("memory takes everything")
    }

    /// Reads an archive.
    ///
    /// # Errors
    /// [`OverlayError::Archive`] when anything in it is not as it must be.
    pub fn from_tar(bytes: &[u8]) -> Result<Self, OverlayError> {
        let wrong = |reason: &str| OverlayError::Archive { reason: reason.to_owned() };
        let mut archive = tar::Archive::new(bytes);
        let mut members = archive.entries().map_err(|_| wrong("it is no tar archive"))?;
        let mut next = || -> Result<Option<(String, Vec<u8>)>, OverlayError> {
            let Some(member) = members.next() else { return Ok(None) };
            let member = member.map_err(|_| wrong("it is damaged"))?;
            // One with holes would have more content than the archive has bytes.
            if member.header().entry_type() != tar::EntryType::Regular {
                return Err(wrong("a member is no plain file"));
            }
            let path = String::from_utf8(member.path_bytes().into_owned()).map_err(|_| wrong("a path is no text"))?;
            let mut content = Vec::new();
            // The manifest may be longer than a file.
            let limit = 4 * MAX_FILE_BYTES;
            let read = member.take(limit + 1).read_to_end(&mut content).map_err(|_| wrong("it is cut off"))?;
            if read as u64 > limit {
                return Err(wrong("a file is too long"));
            }
            Ok(Some((path, content)))
        };
        let (_, json) =
            next()?.filter(|(path, _)| path == MANIFEST).ok_or_else(|| wrong("it begins with no manifest"))?;
        let manifest: Manifest = serde_json::from_slice(&json).map_err(|_| wrong("its manifest cannot be read"))?;
        if manifest.format != FORMAT {
            return Err(wrong("its format is not known"));
        }
        if manifest.entries.len() > MAX_ENTRIES {
            return Err(wrong("it has too many files"));
        }
        let mut files: Vec<SavedFile> = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        for entry in manifest.entries {
            if !is_safe(&entry.path) || !seen.insert(entry.path.clone()) || entry.mode > 0o7777 {
                return Err(wrong("a path in its manifest is twice, or leads outside of etc"));
            }
            let kind = match (entry.directory, entry.target, entry.sha256) {
                (true, None, None) => SavedKind::Directory,
                (false, Some(target), None) if target.len() < 4096 && !target.contains('\0') => {
                    SavedKind::Symlink(target)
                }
                (false, None, Some(digest)) => {
                    let (path, content) = next()?.ok_or_else(|| wrong("a file is missing"))?;
                    if path != entry.path || Digest::of(&content) != digest {
                        return Err(wrong("a file is not the one in its manifest"));
                    }
                    SavedKind::File(content)
                }
                _ => return Err(wrong("an entry of its manifest is not clear")),
            };
            let (mode, uid, gid) = (entry.mode, entry.uid, entry.gid);
            files.push(SavedFile { path: entry.path, mode, uid, gid, kind });
        }
        match next()? {
            None => Ok(Self { version: manifest.version, files }),
            Some(_) => Err(wrong("it has a file that its manifest does not have")),
        }
    }
}

impl Entry {
    fn of(file: &SavedFile) -> Self {
        let SavedFile { path, mode, uid, gid, kind } = file;
        let mut entry = Self {
            path: path.clone(),
            mode: *mode,
            uid: *uid,
            gid: *gid,
            sha256: None,
            size: None,
            target: None,
            directory: false,
        };
        match kind {
            SavedKind::File(content) => {
                (entry.sha256, entry.size) = (Some(Digest::of(content)), Some(content.len() as u64));
            }
            SavedKind::Symlink(target) => entry.target = Some(target.clone()),
            SavedKind::Directory => entry.directory = true,
        }
        entry
    }
}

fn append(archive: &mut tar::Builder<Vec<u8>>, path: &str, mode: u32, content: &[u8]) {
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(mode);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    archive.append_data(&mut header, path, content).expect("memory takes everything, and paths are checked");
}

/// Whether a path lies beneath `etc` and has only names in it.
fn is_safe(path: &str) -> bool {
    let plain = |name: &str| !matches!(name, "" | "." | "..") && name.len() <= 255;
    let beneath = path.strip_prefix("etc/").is_some_and(|rest| rest.split('/').all(plain));
    beneath && path.len() <= 4096 && !path.contains('\0')
}
