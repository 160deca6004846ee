//! An open directory and what can be done in it.

use std::ffi::{CStr, OsStr, OsString};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use rustix::fs::{self, AtFlags, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::{DiskError, Inode};

/// An open directory. Names given to its methods are single components; symlinks are never followed.
#[derive(Debug)]
pub struct Directory {
    fd: OwnedFd,
    path: PathBuf,
}

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const FILE: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);

/// Directories are listed in pieces of this many bytes.
const LISTING_BYTES: usize = 32 << 10;

impl Directory {
    /// Opens the directory at a path of the person who runs the program; that one may lead over symlinks.
    ///
    /// # Errors
    /// When it is not there, or is no directory.
    pub fn open_path(path: &Path) -> Result<Self, DiskError> {
        let flags = DIRECTORY.difference(OFlags::NOFOLLOW);
        let fd = fs::open(path, flags, Mode::empty()).map_err(failed("open directory", path))?;
        Ok(Self { fd, path: path.to_owned() })
    }

    /// An empty directory that has no name any more, to be looked at in place of one that is yet to be made at `path`. It is
    /// on the file system where that will be.
    ///
    /// # Errors
    /// When no directory can be made there.
    pub fn stand_in(path: &Path) -> Result<Self, DiskError> {
        let above = path.ancestors().find(|above| above.is_dir()).unwrap_or(Path::new("."));
        let failed = |source| DiskError { action: "make a directory in", path: above.to_owned(), source };
        let temporary = tempfile::tempdir_in(above).map_err(failed)?;
        let made = Self::open_path(temporary.path())?;
        temporary.close().map_err(failed)?;
        Ok(Self { path: path.to_owned(), ..made })
    }

    /// Where it was when it was opened; for messages and for programs that take a path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Another handle of the same directory.
    ///
    /// # Errors
    /// When the process has no handles left.
    pub fn again(&self) -> Result<Self, DiskError> {
        let fd = self.fd.try_clone().map_err(|source| self.error("open directory", source))?;
        Ok(Self { fd, path: self.path.clone() })
    }

    /// What the system says of the directory itself.
    ///
    /// # Errors
    /// Those of `statx`.
    pub fn inode(&self) -> Result<Inode, DiskError> {
        let stat =
            fs::statx(&self.fd, c"", AtFlags::EMPTY_PATH, Inode::WANTED).map_err(failed("look at", &self.path))?;
        Ok(Inode::of(&stat))
    }

    /// What lies at `name`; none when nothing does.
    ///
    /// # Errors
    /// Those of `statx`, apart from the absence of the name.
    pub fn look(&self, name: impl AsRef<OsStr>) -> Result<Option<Inode>, DiskError> {
        let name = name.as_ref();
        match fs::statx(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW, Inode::WANTED) {
            Ok(stat) => Ok(Some(Inode::of(&stat))),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(errno) => Err(self.error_at("look at", name, errno)),
        }
    }

    /// The names in it, sorted.
    ///
    /// # Errors
    /// Those of `getdents`.
    pub fn names(&self) -> Result<Vec<OsString>, DiskError> {
        let read = || -> rustix::io::Result<Vec<OsString>> {
            let mut names = Vec::new();
            let mut buffer = Vec::with_capacity(LISTING_BYTES);
            // Whoever listed it before left the handle at the end.
            fs::seek(&self.fd, fs::SeekFrom::Start(0))?;
            let mut listing = fs::RawDir::new(&self.fd, buffer.spare_capacity_mut());
            while let Some(entry) = listing.next() {
                let entry = entry?;
                let name: &CStr = entry.file_name();
                if name != c"." && name != c".." {
                    names.push(OsString::from_vec(name.to_bytes().to_vec()));
                }
            }
            names.sort_unstable();
            Ok(names)
        };
        read().map_err(failed("list", &self.path))
    }

    /// Opens the directory `name`; none when it is not there.
    ///
    /// # Errors
    /// When it is something else, or cannot be opened.
    pub fn subdirectory(&self, name: impl AsRef<OsStr>) -> Result<Option<Self>, DiskError> {
        let name = name.as_ref();
        match fs::openat(&self.fd, name, DIRECTORY, Mode::empty()) {
            Ok(fd) => Ok(Some(Self { fd, path: self.path.join(name) })),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(self.error_at("open directory", name, errno)),
        }
    }

    /// Opens the directory `name` of the same mount; none when it is not there.
    ///
    /// # Errors
    /// When something is mounted on it, and as [`Directory::subdirectory`].
    pub fn same_mount_subdirectory(&self, name: impl AsRef<OsStr>) -> Result<Option<Self>, DiskError> {
        let name = name.as_ref();
        self.descend_within_mount(name).map_err(|error| match error.is(Errno::XDEV) {
            true => {
                let source = std::io::Error::new(std::io::ErrorKind::CrossesDevices, "something is mounted there");
                DiskError { action: "enter", path: self.path.join(name), source }
            }
            false => error,
        })
    }

    /// The directory that this one lies in, which must still be `expected`.
    ///
    /// # Errors
    /// When it is another by now, or cannot be opened.
    pub(super) fn parent(mut self, expected: &Inode) -> Result<Self, DiskError> {
        let flags = ResolveFlags::NO_XDEV | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let fd = fs::openat2(&self.fd, "..", DIRECTORY, Mode::empty(), flags);
        let fd = fd.map_err(failed("open the directory above", &self.path))?;
        let away = self.error("go back from", std::io::Error::other("it was moved meanwhile"));
        self.path.pop();
        let parent = Self { fd, path: self.path };
        if parent.inode()?.is_same_inode(expected) { Ok(parent) } else { Err(away) }
    }

    /// Opens the directory `name`, which is made with `mode`, whatever the umask takes away, when it is not there.
    ///
    /// # Errors
    /// When it is something else, or cannot be made or opened.
    pub fn ensure_subdirectory(&self, name: impl AsRef<OsStr>, mode: u32) -> Result<Self, DiskError> {
        let name = name.as_ref();
        let mode = Mode::from_raw_mode(mode);
        let made = match fs::mkdirat(&self.fd, name, mode) {
            Ok(()) => true,
            Err(Errno::EXIST) => false,
            Err(errno) => return Err(self.error_at("make directory", name, errno)),
        };
        let fd = fs::openat(&self.fd, name, DIRECTORY, Mode::empty());
        let fd = fd.map_err(|errno| self.error_at("open directory", name, errno))?;
        if made {
            fs::fchmod(&fd, mode).map_err(|errno| self.error_at("set the mode of", name, errno))?;
        }
        Ok(Self { fd, path: self.path.join(name) })
    }

    /// Opens the directory at a path of several names beneath this one; none when it is not there.
    ///
    /// # Errors
    /// When a symlink or anything else that is no directory is on the way.
    pub fn descend(&self, path: &str) -> Result<Option<Self>, DiskError> {
        self.descend_as(OsStr::new(path), beneath())
    }

    /// The same, without entering what is mounted on the way.
    ///
    /// # Errors
    /// As [`Directory::descend`]; `EXDEV` when something is mounted on the way.
    pub fn descend_within_mount(&self, path: impl AsRef<OsStr>) -> Result<Option<Self>, DiskError> {
        self.descend_as(path.as_ref(), beneath() | ResolveFlags::NO_XDEV)
    }

    fn descend_as(&self, path: &OsStr, resolve: ResolveFlags) -> Result<Option<Self>, DiskError> {
        if path.is_empty() {
            return self.again().map(Some);
        }
        match fs::openat2(&self.fd, path, DIRECTORY, Mode::empty(), resolve) {
            Ok(fd) => Ok(Some(Self { fd, path: self.path.join(path) })),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(self.error_at("open directory", path, errno)),
        }
    }

    /// Opens the regular file at a path of one or more names beneath this one for reading.
    ///
    /// # Errors
    /// When it is not there, is no regular file, or a symlink is on the way.
    pub fn open_file(&self, path: impl AsRef<OsStr>) -> Result<File, DiskError> {
        let path = path.as_ref();
        let file = self.open_as_seen(path)?;
        match file.metadata() {
            Ok(metadata) if metadata.is_file() => Ok(file),
            Ok(_) => Err(self.error_at("open", path, Errno::INVAL)),
            Err(source) => Err(DiskError { action: "look at", path: self.path.join(path), source }),
        }
    }

    /// The same for whoever has just seen that it is a regular file, reads no more of it than that one had, and takes
    /// anything else for other content.
    ///
    /// # Errors
    /// When it is not there, or a symlink is on the way.
    pub fn open_as_seen(&self, path: impl AsRef<OsStr>) -> Result<File, DiskError> {
        let path = path.as_ref();
        let fd = fs::openat2(&self.fd, path, FILE, Mode::empty(), beneath());
        fd.map(File::from).map_err(|errno| self.error_at("open", path, errno))
    }

    /// The content of the small file `name`; none when it is not there. A file of more than `limit` bytes is an error.
    ///
    /// # Errors
    /// When it cannot be read or is too long.
    pub fn read(&self, name: impl AsRef<OsStr>, limit: u64) -> Result<Option<Vec<u8>>, DiskError> {
        let name = name.as_ref();
        let file = match self.open_file(name) {
            Err(error) if error.is(Errno::NOENT) => return Ok(None),
            other => other?,
        };
        let mut bytes = Vec::new();
        let read = file.take(limit + 1).read_to_end(&mut bytes);
        let failed = |source| DiskError { action: "read", path: self.path.join(name), source };
        read.map_err(failed)?;
        if bytes.len() as u64 > limit {
            return Err(failed(std::io::Error::new(std::io::ErrorKind::FileTooLarge, "it is longer than it may be")));
        }
        Ok(Some(bytes))
    }

    /// Makes the file `name`, which must not be there yet, with `mode`, whatever the umask takes away.
    ///
    /// # Errors
    /// When it is there, or cannot be made.
    pub fn create_file(&self, name: impl AsRef<OsStr>, mode: u32) -> Result<File, DiskError> {
        let name = name.as_ref();
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(mode);
        let fd = fs::openat(&self.fd, name, flags, mode).map_err(|errno| self.error_at("make", name, errno))?;
        fs::fchmod(&fd, mode).map_err(|errno| self.error_at("set the mode of", name, errno))?;
        Ok(fd.into())
    }

    /// Makes the file `name` with this content.
    ///
    /// # Errors
    /// When it is there, or cannot be written.
    pub fn write_new(&self, name: &str, mode: u32, content: &[u8]) -> Result<(), DiskError> {
        self.written(name, mode, content).map(drop)
    }

    /// The same, and waits until the content is on disk; the name is when the directory is.
    ///
    /// # Errors
    /// When it is there, or cannot be written.
    pub fn write_synced(&self, name: &str, mode: u32, content: &[u8]) -> Result<(), DiskError> {
        let file = self.written(name, mode, content)?;
        file.sync_all().map_err(|source| DiskError { action: "sync", path: self.path.join(name), source })
    }

    fn written(&self, name: &str, mode: u32, content: &[u8]) -> Result<File, DiskError> {
        let mut file = self.create_file(name, mode)?;
        let failed = |source| DiskError { action: "write", path: self.path.join(name), source };
        file.write_all(content).map_err(failed)?;
        Ok(file)
    }

    /// Gives the file `name` this content, durably and at once: whoever reads it, also after a power cut, gets the old
    /// content or the new.
    ///
    /// # Errors
    /// When a step fails; the old content is then still there.
    pub fn replace(&self, name: &str, content: &[u8]) -> Result<(), DiskError> {
        let fresh = format!("{name}.new");
        self.remove(&fresh)?;
        self.write_synced(&fresh, 0o600, content)?;
        self.rename(&fresh, self, name)?;
        self.sync()
    }

    /// Waits until the directory itself is on disk.
    ///
    /// # Errors
    /// Those of `fsync`.
    pub fn sync(&self) -> Result<(), DiskError> {
        fs::fsync(&self.fd).map_err(failed("sync", &self.path))
    }

    fn error(&self, action: &'static str, source: std::io::Error) -> DiskError {
        DiskError { action, path: self.path.clone(), source }
    }

    pub(super) fn error_at(&self, action: &'static str, name: &OsStr, errno: Errno) -> DiskError {
        DiskError { action, path: self.path.join(name), source: errno.into() }
    }
}

impl std::os::fd::AsFd for Directory {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn beneath() -> ResolveFlags {
    ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS
}

pub(super) fn failed(action: &'static str, path: &Path) -> impl Fn(Errno) -> DiskError {
    let path = path.to_owned();
    move |errno| DiskError { action, path: path.clone(), source: errno.into() }
}

#[cfg(test)]
#[path = "directory_tests.rs"]
mod tests;
