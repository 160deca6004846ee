//! Many files that get their names together, once all of them are on disk.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tempfile::{NamedTempFile, TempPath};

use super::directory::make_readable;
use super::{Site, SiteError};

/// Files that are being written, from any thread. Nothing has a name in the publication before [`Batch::publish`].
#[derive(Debug)]
pub struct Batch<'a> {
    site: &'a Site,
    ready: Mutex<Vec<(TempPath, PathBuf)>>,
}

/// A file under way that is not open.
#[derive(Debug)]
pub struct ClosedDraft {
    path: TempPath,
}

/// One file of a batch that is being written.
#[derive(Debug)]
pub struct Draft {
    file: NamedTempFile,
}

impl<'a> Batch<'a> {
    pub(super) fn begin(site: &'a Site) -> Self {
        Self { site, ready: Mutex::default() }
    }

    /// Begins one file.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn draft(&self) -> Result<Draft, SiteError> {
        Ok(Draft { file: self.site.temporary_file()? })
    }

    /// Takes a finished file, to be called `path`. Returns its length in bytes.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn add(&self, path: &str, draft: Draft) -> Result<u64, SiteError> {
        let place = self.site.root().join(path);
        let length = make_readable(draft.file.as_file())
            .and_then(|()| draft.file.as_file().metadata())
            .map_err(SiteError::io("write", &place))?
            .len();
        let ready = draft.file.into_temp_path();
        self.ready.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((ready, place));
        Ok(length)
    }

    /// A whole file in one step.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn add_bytes(&self, path: &str, bytes: &[u8]) -> Result<u64, SiteError> {
        let mut draft = self.draft()?;
        draft.write_all(bytes).map_err(SiteError::io("write", self.site.root().join(path)))?;
        self.add(path, draft)
    }

    /// Gives all files their names, after all of them are on disk; returns when the names are, too.
    ///
    /// # Errors
    /// When the disk refuses; some files may then have their names, all of them whole.
    pub fn publish(self) -> Result<(), SiteError> {
        let ready = self.ready.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        if ready.is_empty() {
            return Ok(());
        }
        self.site.sync()?;
        for (file, place) in ready {
            self.site.parent_of(&place)?;
            file.persist(&place).map_err(|error| SiteError::io("write", &place)(error.error))?;
        }
        self.site.sync()
    }
}

impl Draft {
    /// The file, for reading back and for writing at a place.
    pub fn file(&self) -> &File {
        self.file.as_file()
    }

    /// Closes the file, which stays until the returned value goes.
    pub fn close(self) -> ClosedDraft {
        ClosedDraft { path: self.file.into_temp_path() }
    }
}

impl ClosedDraft {
    /// A reader of the file, which is open only while it is being read: there may be more files than may be open at
    /// once.
    pub fn reader(&self) -> impl Read + '_ {
        LazyReader { path: &self.path, state: LazyState::Waiting }
    }
}

struct LazyReader<'a> {
    path: &'a Path,
    state: LazyState,
}

enum LazyState {
    Waiting,
    Open(File),
    Done,
}

impl Read for LazyReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let LazyState::Waiting = self.state {
            self.state = LazyState::Open(File::open(self.path)?);
        }
        let LazyState::Open(file) = &mut self.state else { return Ok(0) };
        let count = file.read(buffer)?;
        if count == 0 && !buffer.is_empty() {
            self.state = LazyState::Done;
        }
        Ok(count)
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.as_file_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_file_mut().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Access;
    use super::*;

    #[test]
    fn nothing_has_a_name_before_all_is_done() {
        let place = tempfile::tempdir().expect("a directory");
        let site = Site::create(place.path()).expect("empty");
        let batch = site.batch();
        batch.add_bytes("objects/ab/x", b"one").expect("write");
        let mut draft = batch.draft().expect("a draft");
        draft.write_all(b"three").expect("write");
        assert_eq!(batch.add("packs/1-2/all", draft).expect("write"), 5);
        assert!(site.list().files.is_empty());
        batch.publish().expect("publish");
        assert!(site.list().files.iter().eq(["objects/ab/x", "packs/1-2/all"]));

        let lost = site.batch();
        lost.add_bytes("objects/cd/y", b"lost").expect("write");
        drop(lost);
        drop(site);
        let site = Site::open(place.path(), Access::Write).expect("again");
        assert_eq!(site.list().files.len(), 2);
    }
}
