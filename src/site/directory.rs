//! A publication in a local directory.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::{Batch, SiteError};
use crate::disk::Lock;

/// A publication, open for one run.
///
/// The directory itself is locked for as long as the value lives; the kernel drops the lock when the run ends.
#[derive(Debug)]
pub struct Site {
    root: PathBuf,
    lock: Lock,
}

/// What a run does with a publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Only reads; others may read at the same time.
    Read,
    /// Writes; no other run reads or writes.
    Write,
}

impl Site {
    /// Names that begin so are the publisher's own and no part of the publication.
    pub(super) const HIDDEN: char = '.';
    const STAGING: &str = ".staging";
    /// How names in the staging directory begin.
    const TEMPORARY: &str = ".tmp";
    /// The last file that a new publication gets: no client takes it for one before.
    const LAST: &str = "metadata/timestamp.json";
    /// What lies beside it, and comes before it.
    const FIRST: [&str; 3] = ["1.root.json", "1.targets.json", "1.snapshot.json"];

    /// Opens an empty place for a new publication; makes the directory where there is none. What a run left that was killed
    /// before a client could take anything from it does not count.
    ///
    /// # Errors
    /// [`SiteError::NotEmpty`] when something lies there; otherwise as [`Site::open`].
    pub fn create(root: &Path) -> Result<Self, SiteError> {
        if !root.is_dir() {
            // What lies above the publication is no part of it and is made as the umask says.
            let above = root.parent().unwrap_or(root);
            fs::create_dir_all(above).map_err(SiteError::io("make", above))?;
            make_directory(root, above)?;
        }
        let site = Self::open(root, Access::Write)?;
        let is_empty = site.has_only("", |name| [Self::STAGING, "metadata"].contains(&name))?
            && site.has_only("metadata", |name| Self::FIRST.contains(&name))?
            && site.has_only(Self::STAGING, |name| name.starts_with(Self::TEMPORARY))?;
        if !is_empty {
            return Err(SiteError::NotEmpty(root.to_owned()));
        }
        site.clear_staging()?;
        Ok(site)
    }

    /// Opens a publication, and clears its staging directory to write. Where none is published nothing is touched: the path
    /// may be a wrong one.
    ///
    /// # Errors
    /// When there is no directory, or another run has it.
    pub fn open(root: &Path, access: Access) -> Result<Self, SiteError> {
        if !root.is_dir() {
            return Err(SiteError::NoDirectory(root.to_owned()));
        }
        let directory = File::open(root).map_err(SiteError::io("open", root))?;
        let lock = match access {
            Access::Read => Lock::shared(directory),
            Access::Write => Lock::exclusive(directory),
        };
        let lock = lock.map_err(SiteError::io("lock", root))?.ok_or_else(|| SiteError::Locked(root.to_owned()))?;
        let site = Self { root: root.to_owned(), lock };
        if access == Access::Write && site.length(Self::LAST)?.is_some() {
            site.clear_staging()?;
        }
        Ok(site)
    }

    /// Refuses a directory in which no publication lies, nor a part of one. What cannot be looked at is no reason.
    ///
    /// # Errors
    /// [`SiteError::NoPublication`].
    pub fn check_published(&self) -> Result<(), SiteError> {
        let first = format!("metadata/{}", Self::FIRST[0]);
        match [Self::LAST, &first].iter().all(|path| matches!(self.length(path), Ok(None))) {
            true => Err(SiteError::NoPublication(self.root.clone())),
            false => Ok(()),
        }
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The length of a file in bytes; none when there is no such file.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn length(&self, path: &str) -> Result<Option<u64>, SiteError> {
        let place = self.root.join(path);
        match fs::symlink_metadata(&place) {
            Ok(found) if found.is_file() => Ok(Some(found.len())),
            Ok(_) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(SiteError::io("look at", place)(source)),
        }
    }

    /// Opens a file for reading.
    ///
    /// # Errors
    /// [`SiteError::Missing`] when there is none.
    pub fn open_file(&self, path: &str) -> Result<File, SiteError> {
        let place = self.root.join(path);
        File::open(&place).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => SiteError::Missing(path.to_owned()),
            _ => SiteError::io("open", place)(source),
        })
    }

    /// The whole of a file of at most `limit` bytes.
    ///
    /// # Errors
    /// When it is missing or longer, or cannot be read.
    pub fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, SiteError> {
        read_at_most(self.open_file(path)?, (path.to_owned(), self.root.join(path)), limit)
    }

    /// Writes a file, new or over an old one, durably: when this returns, a power cut does not undo it.
    ///
    /// # Errors
    /// When the disk refuses; the old file is then still there.
    pub fn replace(&self, path: &str, bytes: &[u8]) -> Result<(), SiteError> {
        let place = self.root.join(path);
        let parent = self.parent_of(&place)?;
        let mut file = self.temporary_file()?;
        file.write_all(bytes).map_err(SiteError::io("write", &place))?;
        make_readable(file.as_file()).map_err(SiteError::io("write", &place))?;
        file.as_file().sync_all().map_err(SiteError::io("sync", &place))?;
        file.persist(&place).map_err(|error| SiteError::io("write", &place)(error.error))?;
        File::open(parent).and_then(|parent| parent.sync_all()).map_err(SiteError::io("sync", parent))
    }

    /// Begins to write many files.
    pub fn batch(&self) -> Batch<'_> {
        Batch::begin(self)
    }

    /// A file in the staging directory.
    pub(super) fn temporary_file(&self) -> Result<tempfile::NamedTempFile, SiteError> {
        let staging = self.staging()?;
        let named = tempfile::Builder::new().prefix(Self::TEMPORARY).tempfile_in(&staging);
        named.map_err(SiteError::io("make a file in", staging))
    }

    /// A directory in the staging directory.
    pub(super) fn temporary_directory(&self) -> Result<tempfile::TempDir, SiteError> {
        let staging = self.staging()?;
        let named = tempfile::Builder::new().prefix(Self::TEMPORARY).tempdir_in(&staging);
        named.map_err(SiteError::io("make a directory in", staging))
    }

    /// Makes the directory that is to hold `place`, and those above it that are missing.
    pub(super) fn parent_of<'a>(&self, place: &'a Path) -> Result<&'a Path, SiteError> {
        let parent = place.parent().unwrap_or(place);
        let missing: Vec<&Path> = parent.ancestors().take_while(|directory| !directory.is_dir()).collect();
        if !missing.is_empty() {
            let staging = self.staging()?;
            missing.into_iter().rev().try_for_each(|place| make_directory(place, &staging))?;
        }
        Ok(parent)
    }

    /// Waits until all that was written so far is on disk.
    pub(super) fn sync(&self) -> Result<(), SiteError> {
        rustix::fs::syncfs(&self.lock).map_err(|error| SiteError::io("sync", &self.root)(error.into()))
    }

    fn staging(&self) -> Result<PathBuf, SiteError> {
        let staging = self.root.join(Self::STAGING);
        fs::create_dir_all(&staging).map_err(SiteError::io("make", &staging))?;
        Ok(staging)
    }

    /// Whether all that lies in this directory has such a name; also where there is no such directory.
    fn has_only(&self, directory: &str, is_expected: impl Fn(&str) -> bool) -> Result<bool, SiteError> {
        let place = self.root.join(directory);
        let found = match fs::read_dir(&place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Ok(false),
            found => found.map_err(SiteError::io("read", &place))?,
        };
        for found in found {
            let name = found.map_err(SiteError::io("read", &place))?.file_name();
            if !name.to_str().is_some_and(&is_expected) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Removes what a run that was killed left.
    fn clear_staging(&self) -> Result<(), SiteError> {
        let staging = self.root.join(Self::STAGING);
        match fs::remove_dir_all(&staging) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(SiteError::io("remove", staging)(error)),
            _ => Ok(()),
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // Only tidiness: the next run that writes clears what is left here.
        if matches!(self.length(Self::LAST), Ok(Some(_))) {
            let _ = fs::remove_dir(self.root.join(Self::STAGING));
        }
    }
}

/// The whole of a file outside of any publication, of at most `limit` bytes.
///
/// # Errors
/// When it cannot be read or is longer.
pub fn read_file(path: &Path, limit: u64) -> Result<Vec<u8>, SiteError> {
    let file = File::open(path).map_err(SiteError::io("open", path))?;
    read_at_most(file, (path.to_string_lossy().into_owned(), path.to_owned()), limit)
}

/// A directory outside of any publication for work under way; it goes with the value.
///
/// # Errors
/// When the system refuses.
pub fn temporary_directory() -> Result<tempfile::TempDir, SiteError> {
    tempfile::tempdir().map_err(SiteError::io("make a directory in", std::env::temp_dir()))
}

/// The whole of a file with that name, which lies at that place.
fn read_at_most(file: File, (path, place): (String, PathBuf), limit: u64) -> Result<Vec<u8>, SiteError> {
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(SiteError::io("read", place))?;
    if bytes.len() as u64 > limit {
        return Err(SiteError::TooLong { path, limit });
    }
    Ok(bytes)
}

/// Makes one directory of a publication: for everybody, as its files are, whatever the umask takes away. It is made in
/// `staging` and gets its name last: a run that is killed leaves none that servers cannot read and later runs find there.
fn make_directory(place: &Path, staging: &Path) -> Result<(), SiteError> {
    let made = tempfile::Builder::new().prefix(Site::TEMPORARY).tempdir_in(staging);
    made.and_then(|made| {
        fs::set_permissions(made.path(), fs::Permissions::from_mode(0o755))?;
        fs::rename(made.path(), place)?;
        // It has moved on: there is nothing to remove.
        let _ = made.keep();
        Ok(())
    })
    .map_err(SiteError::io("make", place))
}

/// Temporary files are made for the owner alone; those of a publication are for everybody.
pub(super) fn make_readable(file: &File) -> io::Result<()> {
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(test)]
#[path = "directory_tests.rs"]
mod tests;
