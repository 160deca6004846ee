//! Writes a publication, or a part of one, as one file: a tar archive that the client reads as an origin.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::SiteError;
use super::directory::make_readable;
use crate::manifest::archive::{BLOCK, Header};

/// An archive that is being written. It gets its name when it is complete.
#[derive(Debug)]
pub struct ArchiveWriter {
    path: PathBuf,
    file: BufWriter<NamedTempFile>,
    files: u64,
    bytes: u64,
    /// How many bytes of the content that was begun are still to come.
    owed: u64,
    /// What fills its last block.
    padding: usize,
}

impl ArchiveWriter {
    /// Begins an archive that is to lie at `path`.
    ///
    /// # Errors
    /// When the directory that it is to lie in refuses.
    pub fn create(path: &Path) -> Result<Self, SiteError> {
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let file = NamedTempFile::new_in(directory).map_err(SiteError::io("write", path))?;
        let file = BufWriter::with_capacity(256 << 10, file);
        Ok(Self { path: path.to_owned(), file, files: 0, bytes: 0, owed: 0, padding: 0 })
    }

    /// Begins a file of the publication, of which exactly `length` bytes are to follow.
    ///
    /// # Errors
    /// When the disk refuses, the file before is not complete, or it is too long for an archive.
    pub fn begin(&mut self, path: &str, length: u64) -> Result<(), SiteError> {
        self.complete()?;
        let header = Header::of_file(path, length)
            .ok_or_else(|| SiteError::TooLong { path: path.to_owned(), limit: Header::MAX_LENGTH })?;
        self.put(&header)?;
        self.files += 1;
        self.owed = length;
        self.padding = (Header::padded(length) - length) as usize;
        Ok(())
    }

    /// The next bytes of the file that was begun.
    ///
    /// # Errors
    /// When the disk refuses, or there are more than were announced.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), SiteError> {
        self.owed = self.owed.checked_sub(bytes.len() as u64).ok_or_else(|| self.other_length())?;
        self.put(bytes)
    }

    /// Ends the archive and gives it its name. Says how many files it has, and how many bytes it is long.
    ///
    /// # Errors
    /// When the disk refuses, or the last file is not complete.
    pub fn finish(mut self) -> Result<(u64, u64), SiteError> {
        self.complete()?;
        self.put(&[0; 2 * BLOCK])?;
        let failed = SiteError::io("write", &self.path);
        let file = self.file.into_inner().map_err(|error| failed(error.into_error()))?;
        let synced = make_readable(file.as_file()).and_then(|()| file.as_file().sync_all());
        synced.map_err(SiteError::io("write", &self.path))?;
        file.persist(&self.path).map_err(|error| SiteError::io("name", &self.path)(error.error))?;
        Ok((self.files, self.bytes))
    }

    fn complete(&mut self) -> Result<(), SiteError> {
        if self.owed > 0 {
            return Err(self.other_length());
        }
        let padding = std::mem::take(&mut self.padding);
        self.put(&[0; BLOCK][..padding])
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), SiteError> {
        self.bytes += bytes.len() as u64;
        self.file.write_all(bytes).map_err(SiteError::io("write", &self.path))
    }

    fn other_length(&self) -> SiteError {
        SiteError::io("write", &self.path)(std::io::Error::other("a file has another length than was announced"))
    }
}
