//! Where the contents of files wait that come out of archives: one file for each, named by number.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use super::scanned::FileId;
use super::{Site, SiteError};

/// A directory that goes with the value.
#[derive(Debug)]
pub struct Spool {
    directory: tempfile::TempDir,
    next: AtomicU64,
}

impl Spool {
    /// An empty spool beside a publication: there is room for large trees, and what a run that was killed leaves is
    /// cleared by the next.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn beside(site: &Site) -> Result<Self, SiteError> {
        Ok(Self { directory: site.temporary_directory()?, next: AtomicU64::new(0) })
    }

    /// Keeps the next `size` bytes.
    ///
    /// # Errors
    /// `UnexpectedEof` when there are fewer; those of the disk and of `content`.
    pub(super) fn keep(&self, content: impl Read, size: u64) -> io::Result<FileId> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut file = File::create_new(self.place(number))?;
        let found = io::copy(&mut content.take(size), &mut file)?;
        if found == size { Ok(FileId::Spooled { number }) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    /// Where a content is kept.
    pub(super) fn place(&self, number: u64) -> PathBuf {
        self.directory.path().join(number.to_string())
    }

    /// A spool in the system's directory for temporary files.
    #[cfg(test)]
    pub(super) fn anywhere() -> Self {
        Self { directory: tempfile::tempdir().expect("a directory"), next: AtomicU64::new(0) }
    }
}
