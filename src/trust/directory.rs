//! The directory that remembers what was last seen of a publication.
//!
//! **Promises.** Its content changes as a whole and durably: the next content is written into a scratch directory beside
//! it, every file and the directory are synced, the two are exchanged by one `renameat2`, and the parent is synced. The
//! one file that is replaced alone, the release document, is renamed over its predecessor. Nothing in it is reached
//! through a symlink. **Needs** a parent directory that only root can write, and a caller that holds the process lock; who
//! only reads needs no lock and gets one content, never parts of two.
//! **Leaves to** `held` what the files mean.
//!
//! ```text
//! trust/N.root.json ...   the whole chain of roots, as fetched
//!       timestamp.json, snapshot.json, targets.json   as fetched
//!       timestamp.etag    the timestamp's tag, where the origin gives tags
//!       unfinished        there when a look was refused midway: then some documents may be absent or not fit together
//!       release.json      the newest release document, for its version floor
//! ```

use std::collections::BTreeMap;
use std::fs::{File, Permissions};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use super::MAX_METADATA_BYTES;
use super::error::TrustError;
use super::trusted::Trusted;
use crate::manifest::Release;

/// The newest release document, opaque here.
pub(super) const RELEASE: &str = TrustDirectory::RELEASE;
const RELEASE_NEXT: &str = "release.json.next";
/// So often is read what another run exchanges meanwhile. Each of its looks exchanges once, and takes requests.
const MAX_READS: usize = 4;
/// The tag of the timestamp.
pub(super) const ETAG: &str = "timestamp.etag";
/// An empty file that is there after a look that did not come to its end.
pub(super) const UNFINISHED: &str = "unfinished";

/// File names and contents.
pub(super) type Files = BTreeMap<String, Vec<u8>>;

/// Where a machine keeps what it last saw of its publication, beside the trees, so that neither a factory reset nor a
/// rollback of the system rolls back trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustDirectory {
    path: PathBuf,
}

/// A directory beside the trust directory, gone when dropped; or the next content of the trust directory.
#[derive(Debug)]
pub(super) struct Scratch {
    directory: tempfile::TempDir,
    target: PathBuf,
}

impl TrustDirectory {
    /// The name in it of the newest release document.
    pub const RELEASE: &str = "release.json";

    /// The directory at `path`. It need not exist yet; its parent must, writable by root alone.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The newest release document that was remembered: offline, its version floor still holds.
    ///
    /// # Errors
    /// [`TrustError::Local`], [`TrustError::LocalNotPlain`], [`TrustError::LocalDamaged`].
    pub fn last_release(&self) -> Result<Option<Trusted<Vec<u8>>>, TrustError> {
        Ok(self.read()?.remove(RELEASE).map(Trusted::vouch))
    }

    /// Those of the newest documents of the four roles that are there, as fetched, by their plain names.
    ///
    /// # Errors
    /// [`TrustError::Local`], [`TrustError::LocalNotPlain`], [`TrustError::LocalDamaged`].
    pub fn documents(&self) -> Result<BTreeMap<String, Vec<u8>>, TrustError> {
        let version = |name: &str| name.strip_suffix(".root.json").and_then(|number| number.parse::<u64>().ok());
        let (roots, mut rest): (Files, Files) = self.read()?.into_iter().partition(|(name, _)| version(name).is_some());
        rest.retain(|name, _| matches!(name.as_str(), "timestamp.json" | "snapshot.json" | "targets.json"));
        let newest = roots.into_iter().max_by_key(|(name, _)| version(name));
        rest.extend(newest.map(|(_, bytes)| ("root.json".to_owned(), bytes)));
        Ok(rest)
    }

    /// Remembers the newest release document, durably.
    ///
    /// # Errors
    /// [`TrustError::Local`], [`TrustError::LocalNotPlain`]; the directory must exist, as it does after a look.
    pub fn remember_release(&self, document: &Trusted<Vec<u8>>) -> Result<(), TrustError> {
        let failed = |source: Errno| TrustError::local("remember", &self.path.join(RELEASE), source);
        let directory = open_directory(&self.path)?;
        match rustix::fs::unlinkat(&directory, RELEASE_NEXT, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(failed(error)),
        }
        create_file(&directory, &self.path, RELEASE_NEXT, document)?;
        rustix::fs::renameat(&directory, RELEASE_NEXT, &directory, RELEASE).map_err(failed)?;
        rustix::fs::fsync(&directory).map_err(failed)
    }

    /// An empty one in a temporary place, for a look by somebody who has seen nothing. It lives as long as the first value.
    ///
    /// # Errors
    /// [`TrustError::Local`].
    pub fn throwaway() -> Result<(tempfile::TempDir, Self), TrustError> {
        let failed = |source| TrustError::local("make a directory in", &std::env::temp_dir(), source);
        let temporary = tempfile::tempdir().map_err(failed)?;
        let directory = Self::new(temporary.path().join("trust"));
        Ok((temporary, directory))
    }

    /// A copy in a temporary place, for a look that shall leave no trace. It lives as long as the first value.
    ///
    /// # Errors
    /// [`TrustError::Local`], [`TrustError::LocalNotPlain`].
    pub fn throwaway_copy(&self) -> Result<(tempfile::TempDir, Self), TrustError> {
        let failed = |source| TrustError::local("copy", &self.path, source);
        let (temporary, copy) = Self::throwaway()?;
        let files = self.read()?;
        if !files.is_empty() {
            std::fs::create_dir(&copy.path).map_err(failed)?;
            for (name, bytes) in files {
                std::fs::write(copy.path.join(name), bytes).map_err(failed)?;
            }
        }
        Ok((temporary, copy))
    }

    /// Forgets everything that was seen, so that the machine can follow another publication. The owner must ask for it:
    /// afterwards any older state of the publication that is not past its end is taken again.
    ///
    /// # Errors
    /// [`TrustError::Local`].
    pub fn forget(&self) -> Result<(), TrustError> {
        let failed = |source| TrustError::local("remove", &self.path, source);
        match std::fs::remove_dir_all(&self.path) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed(error)),
        }
        rustix::fs::fsync(open_directory(parent_of(&self.path)?)?).map_err(|error| failed(error.into()))
    }

    /// All files that this module writes; nothing when there is no directory yet. Other files are passed over.
    ///
    /// # Errors
    /// [`TrustError::Local`], [`TrustError::LocalNotPlain`], [`TrustError::LocalDamaged`] for one that is too long.
    pub(super) fn read(&self) -> Result<Files, TrustError> {
        self.read_while(|| {})
    }

    /// The same, while something else goes on: it is called each time that the directory has been opened.
    ///
    /// What is open may be exchanged and removed file by file: what was read of it, errors too, counts only when it is
    /// still the trust directory afterwards.
    pub(super) fn read_while(&self, mut meanwhile: impl FnMut()) -> Result<Files, TrustError> {
        for _ in 0..MAX_READS {
            let directory = match open_directory(&self.path) {
                Err(TrustError::Local { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                    return Ok(Files::new());
                }
                other => other?,
            };
            meanwhile();
            let files = self.read_opened(&directory);
            if self.is_still(&directory)? {
                return files;
            }
        }
        let source = std::io::Error::other("other runs exchange it again and again; try again");
        Err(TrustError::local("read", &self.path, source))
    }

    /// Whether the path leads to this directory.
    fn is_still(&self, directory: &OwnedFd) -> Result<bool, TrustError> {
        let failed = |source: Errno| TrustError::local("look at", &self.path, source);
        let opened = rustix::fs::fstat(directory).map_err(failed)?;
        match rustix::fs::lstat(&self.path) {
            Ok(now) => Ok((now.st_dev, now.st_ino) == (opened.st_dev, opened.st_ino)),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(failed(error)),
        }
    }

    fn read_opened(&self, directory: &OwnedFd) -> Result<Files, TrustError> {
        let failed = |source: Errno| TrustError::local("list", &self.path, source);
        let mut files = Files::new();
        for entry in rustix::fs::Dir::read_from(directory).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let Some(name) = entry.file_name().to_str().ok().filter(|name| is_ours(name)) else { continue };
            files.insert(name.to_owned(), read_file(directory, &self.path, name)?);
        }
        Ok(files)
    }

    /// A new empty scratch directory. Those that a crash left behind are removed.
    ///
    /// # Errors
    /// [`TrustError::Local`], [`TrustError::LocalNotPlain`].
    pub(super) fn scratch(&self) -> Result<Scratch, TrustError> {
        let parent = parent_of(&self.path)?;
        let prefix = scratch_prefix(&self.path)?;
        let failed = |source| TrustError::local("make a scratch directory in", parent, source);
        open_directory(parent)?;
        for entry in std::fs::read_dir(parent).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if entry.file_name().to_string_lossy().starts_with(&prefix) {
                let path = entry.path();
                let plain = entry.file_type().map_err(failed)?.is_dir();
                let removed = if plain { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
                removed.map_err(|source| TrustError::local("remove the left-over", &path, source))?;
            }
        }
        let directory = tempfile::Builder::new()
            .prefix(&prefix)
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(parent)
            .map_err(failed)?;
        let scratch = Scratch { directory, target: self.path.clone() };
        // Said again, because a umask may have taken the owner's own rights away.
        std::fs::set_permissions(scratch.path(), Permissions::from_mode(0o700)).map_err(failed)?;
        std::fs::create_dir(scratch.load_path()).map_err(failed)?;
        Ok(scratch)
    }
}

impl Scratch {
    fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Where `tough` may work. Nothing in it is kept.
    pub(super) fn load_path(&self) -> PathBuf {
        self.path().join("load")
    }

    /// Makes these files the content of the trust directory, durably and at once.
    ///
    /// # Errors
    /// [`TrustError::Local`]; the trust directory then holds what it held.
    pub(super) fn commit(self, files: &Files) -> Result<(), TrustError> {
        let load = self.load_path();
        std::fs::remove_dir_all(&load).map_err(|source| TrustError::local("remove", &load, source))?;
        let directory = open_directory(self.path())?;
        for (name, bytes) in files {
            create_file(&directory, self.path(), name, bytes)?;
        }
        let failed = |source: Errno| TrustError::local("replace", &self.target, source);
        rustix::fs::fsync(&directory).map_err(failed)?;
        let parent = open_directory(parent_of(&self.target)?)?;
        let exchange =
            |flags| rustix::fs::renameat_with(&parent, name_of(self.path())?, &parent, name_of(&self.target)?, flags);
        match exchange(RenameFlags::EXCHANGE) {
            Err(Errno::NOENT) => exchange(RenameFlags::NOREPLACE),
            other => other,
        }
        .map_err(failed)?;
        // The name of the scratch directory now stands for the former content, which goes when `self` is dropped; should
        // that fail, the next run removes it.
        rustix::fs::fsync(&parent).map_err(failed)
    }
}

fn is_ours(name: &str) -> bool {
    matches!(name, RELEASE | ETAG | UNFINISHED | "timestamp.json" | "snapshot.json" | "targets.json")
        || name.ends_with(".root.json")
}

fn parent_of(path: &Path) -> Result<&Path, TrustError> {
    let parent = path.parent().filter(|_| path.file_name().is_some());
    parent.ok_or_else(|| TrustError::local("find the parent of", path, Errno::INVAL))
}

fn name_of(path: &Path) -> Result<&std::ffi::OsStr, Errno> {
    path.file_name().ok_or(Errno::INVAL)
}

fn scratch_prefix(path: &Path) -> Result<String, TrustError> {
    let name = name_of(path).map_err(|source| TrustError::local("name", path, source))?;
    Ok(format!(".{}.scratch-", name.to_string_lossy()))
}

fn open_directory(path: &Path) -> Result<OwnedFd, TrustError> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty()).map_err(|error| match error {
        Errno::LOOP | Errno::NOTDIR => TrustError::LocalNotPlain { path: path.to_owned() },
        error => TrustError::local("open", path, error),
    })
}

fn read_file(directory: &OwnedFd, path: &Path, name: &str) -> Result<Vec<u8>, TrustError> {
    let path = path.join(name);
    let not_plain = || TrustError::LocalNotPlain { path: path.clone() };
    // Without NONBLOCK a fifo would hold the program up for ever.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::openat(directory, name, flags, Mode::empty()).map_err(|error| match error {
        Errno::LOOP | Errno::NXIO => not_plain(),
        error => TrustError::local("open", &path, error),
    })?;
    let stat = rustix::fs::fstat(&file).map_err(|error| TrustError::local("open", &path, error))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(not_plain());
    }
    let limit = if name == RELEASE { Release::MAX_BYTES } else { MAX_METADATA_BYTES };
    let mut bytes = Vec::new();
    let read = File::from(file).take(limit + 1).read_to_end(&mut bytes);
    let count = read.map_err(|source| TrustError::local("read", &path, source))?;
    if count as u64 > limit {
        return Err(TrustError::damaged(path, format_args!("it has more than {limit} bytes")));
    }
    Ok(bytes)
}

fn create_file(directory: &OwnedFd, path: &Path, name: &str, bytes: &[u8]) -> Result<(), TrustError> {
    let failed = |source| TrustError::local("write", &path.join(name), source);
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mode = Mode::from_raw_mode(0o600);
    let file = rustix::fs::openat(directory, name, flags, mode).map_err(|error| failed(error.into()))?;
    rustix::fs::fchmod(&file, mode).map_err(|error| failed(error.into()))?;
    let mut file = File::from(file);
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)
}
