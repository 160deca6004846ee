//! Compares a tree on disk with the tree that it should be.
//!
//! One walk looks at every expected entry and lists every directory; the content of files that look right but are not
//! known to be right is then read and hashed by all cores. The walk reads and never writes, not even access times
//! matter to it.

use std::io::Read;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::{Fingerprints, KnownContent};
use crate::disk::{Directory, DiskError, FileType, Inode, Ownership};
use crate::manifest::Tree;
use crate::report::{Progress, Reporter, Step};
use crate::types::{Difference, Digest, Entry, Kind, Metadata, Seen, Xattrs};

/// How closely files are looked at.
#[derive(Clone, Copy)]
pub enum Depth<'a> {
    /// Existence, type, size and metadata; content is not read.
    Metadata,
    /// Also the content, except where it is known.
    Content(&'a dyn KnownContent),
}

/// What a scan found.
#[derive(Debug)]
pub struct Scan {
    /// For each entry of the expected tree, by index, what is there.
    pub seen: Vec<Seen>,
    /// Paths relative to the tree's top that are not expected: the topmost ones only.
    pub extra: Vec<PathBuf>,
    /// Fingerprints of all files whose content is now known to be right.
    pub fingerprints: Fingerprints,
}

/// Looks at the tree in `top` and compares it with `expected`; the tree's own record is left out.
///
/// # Errors
/// When a directory cannot be listed or a file cannot be read for another reason than being absent.
pub fn scan(
    top: &Directory,
    expected: &Tree,
    depth: Depth<'_>,
    ownership: Ownership,
    progress: (Step, &dyn Reporter),
) -> Result<Scan, DiskError> {
    let mut walk = Walk {
        expected,
        depth,
        ownership,
        progress: Progress::new(progress.1, progress.0, expected.entries().len() as u64),
        scan: Scan {
            seen: vec![Seen::Missing; expected.entries().len()],
            extra: Vec::new(),
            fingerprints: Fingerprints::default(),
        },
        unread: Vec::new(),
    };
    if !expected.entries().is_empty() {
        walk.directory(top, 0)?;
    }
    let Walk { mut scan, unread, progress, .. } = walk;
    let read: Vec<(usize, Seen, Option<Inode>)> = unread
        .into_par_iter()
        .map_init(
            || vec![0; Digest::BUFFER_BYTES],
            |buffer, (index, inode)| {
                let (seen, inode) = hash(top, &expected.entries()[index], inode, ownership, buffer)?;
                progress.advance(1);
                Ok((index, seen, inode))
            },
        )
        .collect::<Result<_, DiskError>>()?;
    for (index, seen, inode) in read {
        scan.seen[index] = seen;
        if let (Some(inode), Some(digest)) = (inode, expected.entries()[index].kind.digest()) {
            scan.fingerprints.note(&inode, digest);
        }
    }
    Ok(scan)
}

struct Walk<'a> {
    expected: &'a Tree,
    depth: Depth<'a>,
    ownership: Ownership,
    progress: Progress<&'a dyn Reporter>,
    scan: Scan,
    /// Files that look right and whose content is not known.
    unread: Vec<(usize, Inode)>,
}

impl Walk<'_> {
    /// `index` is that of the expected entry of `directory` itself.
    fn directory(&mut self, directory: &Directory, index: usize) -> Result<(), DiskError> {
        let entry = &self.expected.entries()[index];
        self.scan.seen[index] = look_at_directory(directory, entry, self.ownership)?;
        self.progress.advance(1);
        let mut expected = self.expected.children(index).peekable();
        for name in directory.names()? {
            // Both lists are sorted by bytes, so absent entries are passed over and stay `Missing`.
            let name_of = |child: usize| self.expected.entries()[child].path.name().as_bytes();
            let bytes = name.as_encoded_bytes();
            while let Some(child) = expected.next_if(|&child| name_of(child) < bytes) {
                self.progress.advance(self.expected.subtree(child).len() as u64);
            }
            match expected.next_if(|&child| name_of(child) == bytes) {
                Some(child) => self.child(directory, child)?,
                None => {
                    let path = Path::new(entry.path.beneath_usr()).join(&name);
                    if path != Path::new(Tree::record_beneath_usr()) {
                        self.scan.extra.push(path);
                    }
                }
            }
        }
        for child in expected {
            self.progress.advance(self.expected.subtree(child).len() as u64);
        }
        Ok(())
    }

    fn child(&mut self, directory: &Directory, index: usize) -> Result<(), DiskError> {
        let entry = &self.expected.entries()[index];
        let name = entry.path.name();
        let Some(inode) = directory.look(name)? else {
            self.progress.advance(self.expected.subtree(index).len() as u64);
            return Ok(());
        };
        let difference = outer_difference(directory, &inode, entry, self.ownership)?;
        if entry.is_directory() && difference != Some(Difference::Type) {
            let Some(inner) = directory.subdirectory(name)? else { return Ok(()) };
            return self.directory(&inner, index);
        }
        let seen = match (difference, entry.kind.digest(), self.depth) {
            (Some(Difference::Type), _, _) => {
                // With all that should be beneath it, which stays `Missing`.
                self.progress.advance(self.expected.subtree(index).len() as u64 - 1);
                Seen::Differs(Difference::Type)
            }
            (Some(difference), _, _) => Seen::Differs(difference),
            (None, Some(digest), Depth::Content(known)) => {
                if known.digest(&inode) != Some(digest) {
                    // Counted as done when it has been hashed.
                    self.unread.push((index, inode));
                    return Ok(());
                }
                self.scan.fingerprints.note(&inode, digest);
                Seen::Same
            }
            (None, _, _) => Seen::Same,
        };
        self.scan.seen[index] = seen;
        self.progress.advance(1);
        Ok(())
    }
}

/// What is at the place of one entry in the tree in `top`, as [`scan`] would say; a file is read.
///
/// # Errors
/// When a file cannot be read for another reason than being absent.
pub fn compare(top: &Directory, entry: &Entry, ownership: Ownership) -> Result<Seen, DiskError> {
    let open = |path| match top.descend(path) {
        // A symlink or a file is on the way.
        Err(error) if error.is_no_directory() => Ok(None),
        other => other,
    };
    let (parent, name) = entry.path.split_beneath_usr();
    let Some(directory) = open(parent)? else { return Ok(Seen::Missing) };
    if name.is_empty() {
        return look_at_directory(&directory, entry, ownership);
    }
    let Some(inode) = directory.look(name)? else { return Ok(Seen::Missing) };
    match (outer_difference(&directory, &inode, entry, ownership)?, &entry.kind) {
        (Some(Difference::Type), _) => Ok(Seen::Differs(Difference::Type)),
        (_, Kind::Directory) => match directory.subdirectory(name)? {
            Some(inner) => look_at_directory(&inner, entry, ownership),
            None => Ok(Seen::Missing),
        },
        (Some(difference), _) => Ok(Seen::Differs(difference)),
        (None, Kind::Symlink { .. }) => Ok(Seen::Same),
        (None, Kind::File { .. }) => Ok(hash(top, entry, inode, ownership, &mut vec![0; Digest::BUFFER_BYTES])?.0),
    }
}

/// In what a directory itself differs.
fn look_at_directory(directory: &Directory, entry: &Entry, ownership: Ownership) -> Result<Seen, DiskError> {
    Ok(match directory.inode()?.metadata_difference(&entry.metadata, ownership) {
        Some(difference) => Seen::Differs(difference),
        None if !same_xattrs(&directory.xattrs()?, &entry.metadata, ownership) => Seen::Differs(Difference::Attributes),
        None => Seen::Same,
    })
}

/// In what the inode of that entry's name in `directory` differs, as far as can be told without opening it.
fn outer_difference(
    directory: &Directory,
    inode: &Inode,
    entry: &Entry,
    ownership: Ownership,
) -> Result<Option<Difference>, DiskError> {
    let content_differs = match (&entry.kind, inode.file_type) {
        (Kind::File { size, .. }, FileType::File) => inode.size != *size,
        (Kind::Symlink { target }, FileType::Symlink) => directory.read_link(entry.path.name())? != **target,
        (Kind::Directory, FileType::Directory) => false,
        _ => return Ok(Some(Difference::Type)),
    };
    let metadata = inode.metadata_difference(&entry.metadata, ownership);
    Ok(if content_differs { Some(Difference::Content) } else { metadata })
}

/// Reads one file. Says what it is and, when it is right, its inode as it was before it was read.
fn hash(
    top: &Directory,
    entry: &Entry,
    inode: Inode,
    ownership: Ownership,
    buffer: &mut [u8],
) -> Result<(Seen, Option<Inode>), DiskError> {
    let path = entry.path.beneath_usr();
    let file = match top.open_as_seen(path) {
        Err(error) if error.is(rustix::io::Errno::NOENT) => return Ok((Seen::Missing, None)),
        // What the disk no longer gives back is damage to be repaired, not a reason to stop.
        Err(error) if error.is_damage() => return Ok((Seen::Differs(Difference::Content), None)),
        other => other?,
    };
    let failed = |source| DiskError { action: "read", path: top.path().join(path), source };
    // One byte more shows that it has grown.
    let digest = match Digest::of_reader_through((&file).take(inode.size.saturating_add(1)), buffer) {
        Ok((digest, _)) => Some(digest),
        Err(error) => match failed(error) {
            error if error.is_damage() => None,
            error => return Err(error),
        },
    };
    if digest != entry.kind.digest() {
        return Ok((Seen::Differs(Difference::Content), None));
    }
    if !same_xattrs(&top.file_xattrs(&file, path)?, &entry.metadata, ownership) {
        return Ok((Seen::Differs(Difference::Attributes), None));
    }
    Ok((Seen::Same, Some(inode)))
}

/// Whether these are the entry's extended attributes, as far as they are compared at all.
pub(super) fn same_xattrs(found: &Xattrs, expected: &Metadata, ownership: Ownership) -> bool {
    fn covered(all: &Xattrs, ownership: Ownership) -> impl Iterator<Item = (&str, &[u8])> {
        let plain = all.iter().map(|(name, value)| (&**name, &**value));
        plain.filter(move |(name, _)| ownership.covers_xattr(name))
    }
    covered(found, ownership).eq(covered(&expected.xattrs, ownership))
}
