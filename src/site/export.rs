//! Writes a publication, or a part of one, as one file: a tar archive that the client reads as an origin.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::SiteError;
use super::directory::make_readable;
use crate::disk::{Directory, DiskError, Lock, directory_of};
use crate::manifest::archive::{BLOCK, Header};

/// How an archive's name begins until it is complete. Some such file that nobody has locked was left by a run that was killed.
const UNFINISHED: &str = ".stateless-update-export-";

/// An archive that is being written.
#[derive(Debug)]
pub struct ArchiveWriter {
    path: PathBuf,
    file: BufWriter<NamedTempFile>,
    lock: Option<Lock>,
    files: u64,
    bytes: u64,
    /// Where the content that was begun lies, and how long it is.
    content: (u64, u64),
    /// How many bytes of the content that was begun are still to come.
    owed: u64,
    /// What fills its last block.
    padding: usize,
}

/// An archive that is complete and has not got its name: it is gone when dropped.
#[derive(Debug)]
pub struct CompleteArchive {
    path: PathBuf,
    file: NamedTempFile,
    _lock: Option<Lock>,
    /// How many files it has.
    pub files: u64,
    /// How many bytes it is long.
    pub bytes: u64,
}

impl ArchiveWriter {
    /// Begins an archive that is to lie at `path`. What runs that were killed left in that directory goes.
    ///
    /// # Errors
    /// When the directory that it is to lie in refuses.
    pub fn create(path: &Path) -> Result<Self, SiteError> {
        let directory = directory_of(path);
        if let Err(error) = remove_left_overs(directory) {
            tracing::debug!(%error, "unfinished exports stay");
        }
        let (file, lock) = begun_in(directory).map_err(SiteError::io("write", path))?;
        let file = BufWriter::with_capacity(256 << 10, file);
        Ok(Self { path: path.to_owned(), file, lock, files: 0, bytes: 0, content: (0, 0), owed: 0, padding: 0 })
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
        self.content = (self.bytes, length);
        self.owed = length;
        self.padding = (Header::padded(length) - length) as usize;
        Ok(())
    }

    /// Begins the content of the same file once more: what came of it was not the right one.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn again(&mut self) -> Result<(), SiteError> {
        let (place, length) = self.content;
        self.file.seek(SeekFrom::Start(place)).map_err(SiteError::io("write", &self.path))?;
        (self.bytes, self.owed) = (place, length);
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

    /// Ends the archive.
    ///
    /// # Errors
    /// When the disk refuses, or the last file is not complete.
    pub fn finish(mut self) -> Result<CompleteArchive, SiteError> {
        self.complete()?;
        self.put(&[0; 2 * BLOCK])?;
        let failed = SiteError::io("write", &self.path);
        let file = self.file.into_inner().map_err(|error| failed(error.into_error()))?;
        let synced = make_readable(file.as_file()).and_then(|()| file.as_file().sync_all());
        synced.map_err(SiteError::io("write", &self.path))?;
        let Self { path, lock, files, bytes, .. } = self;
        Ok(CompleteArchive { path, file, _lock: lock, files, bytes })
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
        SiteError::io("write", &self.path)(io::Error::other("a file has another length than was announced"))
    }
}

impl CompleteArchive {
    /// Where it lies until it gets its name.
    pub fn place(&self) -> &Path {
        self.file.path()
    }

    /// Gives it its name, in the place of what had that, durably: when this returns, a power cut does not undo it.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn keep(self) -> Result<(), SiteError> {
        self.file.persist(&self.path).map_err(|error| SiteError::io("name", &self.path)(error.error))?;
        let directory = directory_of(&self.path);
        File::open(directory).and_then(|directory| directory.sync_all()).map_err(SiteError::io("sync", directory))
    }
}

/// An unfinished archive, and the lock by which other runs know that it is being written.
fn begun_in(directory: &Path) -> io::Result<(NamedTempFile, Option<Lock>)> {
    loop {
        let file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(directory)?;
        match file.as_file().try_clone().and_then(Lock::exclusive) {
            Ok(Some(lock)) if file.as_file().metadata()?.nlink() > 0 => return Ok((file, Some(lock))),
            // Another run took it for left over before it was locked.
            Ok(_) => {}
            // Where files cannot be locked (some network file systems) none is taken for left over either.
            Err(_) => return Ok((file, None)),
        }
    }
}

/// Removes unfinished archives that no run is writing.
fn remove_left_overs(directory: &Path) -> Result<(), DiskError> {
    let directory = Directory::open_path(directory)?;
    let names = directory.names()?;
    for name in names.iter().filter(|name| name.as_encoded_bytes().starts_with(UNFINISHED.as_bytes())) {
        // Anything but a file is none of ours.
        let Ok(file) = directory.open_file(name) else { continue };
        if let Ok(Some(_lock)) = Lock::exclusive(file) {
            directory.remove(name)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_run_left_goes_and_what_another_is_writing_stays() {
        let directory = tempfile::tempdir().expect("a directory");
        let left = directory.path().join(format!("{UNFINISHED}left"));
        std::fs::write(&left, "half").expect("written");
        let (one, other) = (directory.path().join("one"), directory.path().join("other"));
        let writer = ArchiveWriter::create(&one).expect("a directory");
        assert!(!left.exists());
        ArchiveWriter::create(&other).and_then(ArchiveWriter::finish).and_then(CompleteArchive::keep).expect("kept");
        writer.finish().and_then(CompleteArchive::keep).expect("it was not taken away");
        let mut names: Vec<_> = Directory::open_path(directory.path()).and_then(|all| all.names()).expect("listed");
        names.sort();
        assert_eq!(names, ["one", "other"]);
    }

    #[test]
    fn what_others_begin_at_the_same_time_takes_none_away() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("export.tar");
        let begin_and_look = || {
            for _ in 0..500 {
                let writer = ArchiveWriter::create(&path).expect("a directory");
                assert!(writer.file.get_ref().path().exists(), "another took it for left over");
            }
        };
        std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(begin_and_look))));
    }

    #[test]
    fn a_content_that_is_begun_again_is_as_if_it_had_come_once() {
        let directory = tempfile::tempdir().expect("a directory");
        let written = |name: &str, twice: &[&[u8]]| {
            let path = directory.path().join(name);
            std::fs::write(&path, "earlier").expect("written");
            let mut writer = ArchiveWriter::create(&path).expect("a directory");
            for (name, contents) in [("a", &[b"0123".as_slice()][..]), ("b", twice), ("c", &[b"cc"])] {
                writer.begin(name, contents[0].len().max(contents[contents.len() - 1].len()) as u64).expect("room");
                for (number, content) in contents.iter().enumerate() {
                    if number > 0 {
                        writer.again().expect("room");
                    }
                    writer.write(content).expect("room");
                }
            }
            let complete = writer.finish().expect("room");
            let (files, bytes) = (complete.files, complete.bytes);
            assert_eq!(std::fs::read(&path).expect("there"), b"earlier", "it has no name yet");
            complete.keep().expect("named");
            let content = std::fs::read(&path).expect("there");
            assert_eq!((files, bytes), (3, content.len() as u64));
            content
        };
        let once = written("once", &[b"right"]);
        for wrong in [&b"wrong"[..], b"wr", b""] {
            assert!(written("again", &[wrong, b"right"]) == once);
        }
    }
}
