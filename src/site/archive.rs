//! Reading one bundle's tree from a tar archive, as a stream of entries: nothing is unpacked. Contents go to the spool, and
//! all else is what the headers say: owners too, so root is not needed to publish a tree as root would.
//!
//! What is read is POSIX ustar and pax (POSIX.1-2024, `pax`, "pax Interchange Format") with attributes as
//! `SCHILY.xattr.NAME`, and GNU tar's long names. Crate tar reads headers and finds where entries begin; what two readers
//! could understand differently is refused here.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use tar::{Entry, EntryType};

use super::pax::{self, Pax};
use super::scanned::{InputEntry, InputKind, ScannedTree};
use super::{ArchiveError, InputError, Spool};
use crate::types::{BundleName, Metadata, Timestamp, TreePath, Xattrs};

/// The longest text of a header that speaks of others.
const MAX_TEXT_BYTES: u64 = 16 << 20;

/// What stands ahead of an entry and is said of it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Ahead {
    pax: Option<Pax>,
    long_name: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
}

struct Reading<'a> {
    bundle: &'a BundleName,
    archive: &'a Path,
    spool: &'a Spool,
    found: BTreeMap<TreePath, InputEntry>,
    tree: ScannedTree,
}

/// Reads the tree of `bundle` from an archive that holds `usr` and nothing else.
pub(super) fn scan(bundle: &BundleName, archive: &Path, spool: &Spool) -> Result<ScannedTree, InputError> {
    let mut reading = Reading { bundle, archive, spool, found: BTreeMap::new(), tree: ScannedTree::default() };
    let file = File::open(archive).map_err(|error| reading.failed("", error))?;
    let mut stream = tar::Archive::new(BufReader::with_capacity(1 << 20, file));
    let entries = stream.entries().map_err(|error| reading.failed("", error))?;
    let mut ahead = Ahead::default();
    // Raw: all headers are seen here.
    for entry in entries.raw(true) {
        let mut entry = entry.map_err(|error| reading.failed("", error))?;
        if entry.header().as_ustar().is_none() && entry.header().as_gnu().is_none() {
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            return Err(reading.refused(&name, ArchiveError::NotUstar));
        }
        let slot = match entry.header().entry_type() {
            EntryType::XGlobalHeader if ahead != Ahead::default() => {
                return Err(reading.refused("", ArchiveError::GlobalBetween));
            }
            EntryType::XGlobalHeader => {
                reading.check_global(&reading.text(&mut entry)?)?;
                continue;
            }
            EntryType::XHeader if ahead.pax.is_none() => {
                let pax = Pax::read(&reading.text(&mut entry)?).map_err(|why| reading.refused("", why))?;
                ahead.pax = Some(pax);
                continue;
            }
            EntryType::GNULongName => &mut ahead.long_name,
            EntryType::GNULongLink => &mut ahead.long_link,
            EntryType::XHeader => return Err(reading.refused("", ArchiveError::Disagree("pax records"))),
            _ => {
                reading.take(entry, std::mem::take(&mut ahead))?;
                continue;
            }
        };
        let text = reading.text(&mut entry)?;
        let name = text.strip_suffix(b"\0").unwrap_or(&text).to_vec();
        if slot.replace(name).is_some() {
            return Err(reading.refused("", ArchiveError::Disagree("long name")));
        }
    }
    if ahead != Ahead::default() {
        return Err(reading.refused("", ArchiveError::NoEnd));
    }
    // The end are two blocks of zeros, of which crate tar has read one, and then only zeros.
    let mut zeros = 0;
    let mut rest = stream.into_inner().bytes();
    while let Some(byte) = rest.next().transpose().map_err(|error| reading.failed("", error))? {
        if byte != 0 {
            return Err(reading.refused("", ArchiveError::NoEnd));
        }
        zeros += 1;
    }
    if zeros < 512 {
        return Err(reading.refused("", ArchiveError::NoEnd));
    }
    reading.finish()
}

impl Reading<'_> {
    fn take<R: Read>(&mut self, mut entry: Entry<'_, R>, ahead: Ahead) -> Result<(), InputError> {
        let Ahead { pax, long_name, long_link } = ahead;
        let pax = pax.unwrap_or_default();
        let shown = pax.path.as_ref().or(long_name.as_ref()).cloned().unwrap_or(entry.path_bytes().into_owned());
        let shown = String::from_utf8_lossy(&shown).into_owned();
        let link = entry.link_name_bytes().map(|link| link.into_owned());
        let link = self.one_of(&shown, pax.link_path.clone(), long_link, link.unwrap_or_default(), "link target")?;
        let name = self.one_of(&shown, pax.path.clone(), long_name, entry.path_bytes().into_owned(), "name")?;
        let name = String::from_utf8(name).map_err(|_| self.not_utf8(&shown, "name"))?;
        let name = name.strip_prefix("./").unwrap_or(&name);
        let is_directory = entry.header().entry_type() == EntryType::Directory;
        let name = if is_directory { name.strip_suffix('/').unwrap_or(name) } else { name };
        if is_directory && matches!(name, "" | ".") {
            return Ok(());
        }
        let path: TreePath = name.parse().map_err(|source| InputError::BadPath {
            bundle: self.bundle.clone(),
            path: self.place(&shown),
            source,
        })?;
        let (kind, metadata) = match entry.header().entry_type() {
            EntryType::Link => self.linked(&entry, &pax, link, &path)?,
            _ => {
                let metadata = self.metadata(&entry, &pax, &path)?;
                (self.kind(&mut entry, &pax, link, &path)?, metadata)
            }
        };
        InputEntry::check_record(&path, &kind, self.bundle, &self.place(name))?;
        if self.found.insert(path.clone(), InputEntry { path, kind, metadata }).is_some() {
            return Err(self.refused(name, ArchiveError::Twice));
        }
        Ok(())
    }

    fn kind<R: Read>(
        &self,
        entry: &mut Entry<'_, R>,
        pax: &Pax,
        link: Vec<u8>,
        path: &TreePath,
    ) -> Result<InputKind, InputError> {
        let what = match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous if pax.is_sparse => {
                return Err(self.refused(path.as_str(), ArchiveError::Sparse));
            }
            EntryType::Regular | EntryType::Continuous => {
                let size = self.size(entry, pax, path)?;
                let id = self.spool.keep(entry, size).map_err(|error| self.failed(path.as_str(), error))?;
                return Ok(InputKind::File { size, id });
            }
            EntryType::Directory => return Ok(InputKind::Directory),
            EntryType::Symlink => {
                let target = self.target(link, path)?;
                return Ok(InputKind::Symlink { target: target.into() });
            }
            EntryType::GNUSparse => return Err(self.refused(path.as_str(), ArchiveError::Sparse)),
            EntryType::Fifo => "fifo",
            EntryType::Char | EntryType::Block => "device node",
            other => return Err(self.refused(path.as_str(), ArchiveError::UnknownType(other.as_byte().into()))),
        };
        Err(InputError::Special { bundle: self.bundle.clone(), path: self.place(path.as_str()), what })
    }

    /// A hard link is the file that it links to, by another name.
    fn linked<R: Read>(
        &self,
        entry: &Entry<'_, R>,
        pax: &Pax,
        link: Vec<u8>,
        path: &TreePath,
    ) -> Result<(InputKind, Metadata), InputError> {
        let target = self.target(link, path)?;
        let known = target.strip_prefix("./").unwrap_or(&target).parse().ok().and_then(|path| self.found.get(&path));
        let known = known.filter(|known| known.kind != InputKind::Directory);
        let known = known.ok_or_else(|| self.refused(path.as_str(), ArchiveError::BadLink(target)))?;
        // Some writers give the content again.
        if self.size(entry, pax, path)? != 0 {
            return Err(self.refused(path.as_str(), ArchiveError::Disagree("content")));
        }
        Ok((known.kind.clone(), known.metadata.clone()))
    }

    /// What pax says, or else GNU tar's long name, or else the header, which has room for a part of it only.
    fn one_of(
        &self,
        shown: &str,
        pax: Option<Vec<u8>>,
        long: Option<Vec<u8>>,
        plain: Vec<u8>,
        what: &'static str,
    ) -> Result<Vec<u8>, InputError> {
        match (pax, long) {
            (Some(pax), Some(long)) if pax != long => Err(self.refused(shown, ArchiveError::Disagree(what))),
            (pax, long) => Ok(pax.or(long).unwrap_or(plain)),
        }
    }

    fn target(&self, link: Vec<u8>, path: &TreePath) -> Result<String, InputError> {
        String::from_utf8(link).map_err(|_| self.not_utf8(path.as_str(), "link target"))
    }

    /// The length of the content, which a pax header may only repeat. What the old header has no room for, 8 GiB, is no
    /// file of a release.
    fn size<R: Read>(&self, entry: &Entry<'_, R>, pax: &Pax, path: &TreePath) -> Result<u64, InputError> {
        let plain = entry.header().entry_size().map_err(|error| self.failed(path.as_str(), error))?;
        if pax.size.is_some_and(|size| size != plain) || entry.size() != plain {
            return Err(self.refused(path.as_str(), ArchiveError::Disagree("length")));
        }
        Ok(plain)
    }

    fn metadata<R: Read>(&mut self, entry: &Entry<'_, R>, pax: &Pax, path: &TreePath) -> Result<Metadata, InputError> {
        let header = entry.header();
        let failed = |error| self.failed(path.as_str(), error);
        let number = |found: u64, what| {
            u32::try_from(found).map_err(|_| self.refused(path.as_str(), ArchiveError::BadNumber(what)))
        };
        let mode = header.mode().map_err(failed)? & 0o7777;
        let uid = number(pax.uid.map_or_else(|| header.uid(), Ok).map_err(failed)?, "owner")?;
        let gid = number(pax.gid.map_or_else(|| header.gid(), Ok).map_err(failed)?, "group")?;
        let plain = header.mtime().map_err(failed)?;
        // A number before 1970 is written in two's complement.
        let mtime = pax.mtime.unwrap_or(Timestamp { seconds: plain.cast_signed(), nanoseconds: 0 });
        let mode = if header.entry_type() == EntryType::Symlink { 0o777 } else { mode };
        let mut xattrs = Xattrs::new();
        for (name, value) in &pax.xattrs {
            if self.tree.takes_xattr(path, name) {
                xattrs.insert(name.as_str().into(), value.as_slice().into());
            }
        }
        Ok(Metadata { mode, uid, gid, mtime, xattrs })
    }

    /// The text of a header that speaks of others.
    fn text<R: Read>(&self, entry: &mut Entry<'_, R>) -> Result<Vec<u8>, InputError> {
        let mut text = Vec::new();
        let read = entry.take(MAX_TEXT_BYTES + 1).read_to_end(&mut text).map_err(|error| self.failed("", error))?;
        let complete = read as u64 <= MAX_TEXT_BYTES && read as u64 == entry.size();
        if complete { Ok(text) } else { Err(self.refused("", ArchiveError::BadNumber("length"))) }
    }

    /// Nothing that is said of all entries at once is understood, but comments may be made.
    fn check_global(&self, text: &[u8]) -> Result<(), InputError> {
        let records = pax::records(text).map_err(|why| self.refused("", why))?;
        match records.into_iter().find(|(key, _)| key != "comment") {
            Some((key, _)) => Err(self.refused("", ArchiveError::Global(key))),
            None => Ok(()),
        }
    }

    fn finish(mut self) -> Result<ScannedTree, InputError> {
        let usr = self.found.get(&TreePath::top());
        if usr.is_none_or(|usr| usr.kind != InputKind::Directory) {
            return Err(InputError::NoUsr { bundle: self.bundle.clone(), path: self.place(TreePath::TOP) });
        }
        for path in self.found.keys() {
            let Some(parent) = path.parent() else { continue };
            if self.found.get(&parent).is_none_or(|parent| parent.kind != InputKind::Directory) {
                return Err(self.refused(path.as_str(), ArchiveError::NoParent(parent)));
            }
        }
        self.tree.entries = self.found.into_values().collect();
        self.tree.ignored_xattrs.sort();
        Ok(self.tree)
    }

    /// What to call an entry: the archive and the path in it.
    fn place(&self, name: &str) -> PathBuf {
        // Not `join`, for which an absolute name is the whole path.
        if name.is_empty() { self.archive.to_owned() } else { format!("{}/{name}", self.archive.display()).into() }
    }

    fn refused(&self, name: &str, source: ArchiveError) -> InputError {
        InputError::Archive { bundle: self.bundle.clone(), path: self.place(name), source }
    }

    /// What no system call said is said by crate tar.
    fn failed(&self, name: &str, source: io::Error) -> InputError {
        if source.raw_os_error().is_none() {
            return self.refused(name, ArchiveError::Malformed(source));
        }
        InputError::Read { bundle: self.bundle.clone(), path: self.place(name), source }
    }

    fn not_utf8(&self, name: &str, what: &'static str) -> InputError {
        InputError::NotUtf8 { bundle: self.bundle.clone(), path: self.place(name), what }
    }
}

#[cfg(test)]
#[path = "archive_tests.rs"]
mod tests;
