//! Bringing the next tree forward, directory by directory: what is right already costs a look and nothing else.

use std::ffi::OsStr;

use super::{Job, StageError};
use crate::disk::{Directory, DiskError, FileType, Inode};
use crate::report::{Checkpoint, Progress, Reporter, Step};
use crate::tree::{Fingerprints, KnownContent, Writer};
use crate::types::{Entry, Kind};

/// Brings a next tree to its target.
pub(super) struct Builder<'a> {
    job: Job<'a>,
    writer: Writer,
    store: &'a Directory,
    /// The inodes that were linked and whose content is known, as they are since: a link changes an inode's ctime.
    placed: Fingerprints,
    reporter: &'a dyn Reporter,
    progress: Progress<&'a dyn Reporter>,
}

impl<'a> Builder<'a> {
    /// One that takes what the live tree has not from this store.
    pub(super) fn new(job: Job<'a>, store: &'a Directory, writer: Writer, reporter: &'a dyn Reporter) -> Self {
        let progress = Progress::new(reporter, Step::Stage, job.target.entries().len() as u64);
        Self { job, writer, store, placed: Fingerprints::default(), reporter, progress }
    }

    /// Brings the whole tree `next` to the target, and gives what is known of the inodes that were linked.
    pub(super) fn build(mut self, live: Option<&Directory>, next: &Directory) -> Result<Fingerprints, StageError> {
        self.directory(live, next, 0)?;
        Ok(self.placed)
    }

    /// Brings the directory `next`, the target's entry `index`, to the target.
    fn directory(&mut self, live: Option<&Directory>, next: &Directory, index: usize) -> Result<(), StageError> {
        let entries = self.job.target.entries();
        let present = next.names()?;
        let expected: Vec<usize> = self.job.target.children(index).collect();
        for name in &present {
            let bytes = name.as_encoded_bytes();
            if expected.binary_search_by(|&child| entries[child].path.name().as_bytes().cmp(bytes)).is_err() {
                next.remove(name)?;
                self.reporter.passes(Checkpoint::Cleared);
            }
        }
        for child in expected {
            let entry = &entries[child];
            let name = entry.path.name();
            let there = match present.binary_search_by(|present| present.as_os_str().cmp(OsStr::new(name))) {
                Ok(_) => next.look(name)?,
                Err(_) => None,
            };
            if entry.is_directory() {
                let is_directory = there.is_some_and(|inode| inode.file_type == FileType::Directory);
                if there.is_some() && !is_directory {
                    next.remove(name)?;
                }
                let inner = if is_directory { next.same_mount_subdirectory(name)? } else { None };
                let inner = inner.map_or_else(|| next.ensure_subdirectory(name, 0o700), Ok)?;
                self.directory(same_directory(live, name)?.as_ref(), &inner, child)?;
            } else {
                self.leaf(live, next, there, child)?;
                self.progress.advance(1);
            }
        }
        self.progress.advance(1);
        self.writer.settle_directory(next, &entries[index].metadata)?;
        self.reporter.passes(Checkpoint::DirectorySettled);
        Ok(())
    }

    /// Puts the file or symlink `index` into `next`, unless what is `there` is that already.
    fn leaf(
        &mut self,
        live: Option<&Directory>,
        next: &Directory,
        there: Option<Inode>,
        index: usize,
    ) -> Result<(), StageError> {
        let entry = &self.job.target.entries()[index];
        let name = entry.path.name();
        if let Some(there) = there {
            if self.is_right(live, next, there, index)? {
                return Ok(());
            }
            next.remove(name)?;
            self.reporter.passes(Checkpoint::Cleared);
        }
        match (&entry.kind, live) {
            (_, Some(live)) if self.job.kept[index] => self.link(live, next, entry)?,
            (Kind::File { digest, .. }, _) => {
                let placed = self.writer.place(self.store, &digest.to_string(), next, name, &entry.metadata)?;
                if let Some(inode) = placed {
                    self.placed.note(&inode, *digest);
                }
            }
            (Kind::Symlink { target }, _) => self.writer.symlink(next, name, target, &entry.metadata)?,
            (Kind::Directory, _) => {}
        }
        self.reporter.passes(Checkpoint::Placed);
        Ok(())
    }

    /// Links an entry of the live tree. Of what is as it was when its content became known, attributes and all, it is known
    /// after the link, too; what somebody has changed meanwhile is read when the tree is checked.
    fn link(&mut self, live: &Directory, next: &Directory, entry: &Entry) -> Result<(), StageError> {
        let name = entry.path.name();
        let before = live.look(name)?;
        let known = before.and_then(|inode| self.job.live_files.digest(&inode).or_else(|| self.placed.digest(&inode)));
        self.writer.link(live, next, name, &entry.metadata)?;
        if let (Some(before), Some(digest), Some(after)) = (before, known, next.look(name)?)
            && after.is_same_inode(&before)
        {
            self.placed.note(&after, digest);
        }
        Ok(())
    }

    /// Whether what is `there` in `next` is the inode that the file or symlink `index` is to be, as it is to be.
    fn is_right(
        &self,
        live: Option<&Directory>,
        next: &Directory,
        there: Inode,
        index: usize,
    ) -> Result<bool, StageError> {
        let entry = &self.job.target.entries()[index];
        let name = entry.path.name();
        let is_there = |wanted: Option<Inode>| wanted.is_some_and(|wanted| there.is_same_inode(&wanted));
        Ok(match (&entry.kind, live) {
            (_, Some(live)) if self.job.kept[index] => {
                is_there(live.look(name)?)
                    && there.metadata_difference(&entry.metadata, self.writer.ownership).is_none()
            }
            // Placed by an earlier run, maybe for another release: with the same content and other attributes.
            (Kind::File { digest, .. }, _) => {
                is_there(self.store.look(digest.to_string())?) && self.writer.is_already(next, name, &entry.metadata)?
            }
            _ => false,
        })
    }
}

/// The directory of that name in the live tree, if it is one.
fn same_directory(live: Option<&Directory>, name: &str) -> Result<Option<Directory>, DiskError> {
    let Some(live) = live else { return Ok(None) };
    match live.look(name)? {
        Some(inode) if inode.file_type == FileType::Directory => live.subdirectory(name),
        _ => Ok(None),
    }
}
