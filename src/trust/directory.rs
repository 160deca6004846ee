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
use std::ffi::OsStr;
use std::fs::Permissions;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::MAX_METADATA_BYTES;
use super::error::TrustError;
use super::trusted::Trusted;
use crate::disk::{Directory, DiskError, directory_of};
use crate::manifest::Release;

/// The newest release document, opaque here.
pub(super) const RELEASE: &str = TrustDirectory::RELEASE;
/// So often is read what another run exchanges meanwhile. Each of its looks exchanges once, and takes requests.
const MAX_READS: usize = 4;
/// The tag of the timestamp.
pub(super) const ETAG: &str = "timestamp.etag";
/// An empty file that is there after a look that did not come to its end.
pub(super) const UNFINISHED: &str = "unfinished";

/// Where `tough` works, in a scratch directory.
const LOAD: &str = "load";

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
    target: TrustDirectory,
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
        let absent = || TrustError::local("open", &self.path, Errno::NOENT);
        Ok(self.open()?.ok_or_else(absent)?.replace(RELEASE, document)?)
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
        let parent = match self.parent() {
            Err(error) if error.is(Errno::NOENT) => return Ok(()),
            parent => parent?,
        };
        parent.remove(self.name()?)?;
        Ok(parent.sync()?)
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
            let Some(directory) = self.open()? else { return Ok(Files::new()) };
            meanwhile();
            let files = read_all(&directory);
            if self.is_still(&directory)? {
                return files;
            }
        }
        let source = std::io::Error::other("other runs exchange it again and again; try again");
        Err(TrustError::local("read", &self.path, source))
    }

    /// Whether the path leads to this directory.
    fn is_still(&self, directory: &Directory) -> Result<bool, TrustError> {
        let (opened, now) = (directory.inode()?, self.open()?.map(|now| now.inode()).transpose()?);
        Ok(now.is_some_and(|now| now.is_same_inode(&opened)))
    }

    /// The directory itself; none when it is not there.
    fn open(&self) -> Result<Option<Directory>, TrustError> {
        match self.parent() {
            Err(error) if error.is(Errno::NOENT) => Ok(None),
            parent => parent?.subdirectory(self.name()?).map_err(unreadable),
        }
    }

    fn parent(&self) -> Result<Directory, DiskError> {
        Directory::open_path(directory_of(&self.path))
    }

    fn name(&self) -> Result<&OsStr, TrustError> {
        self.path.file_name().ok_or_else(|| TrustError::local("name", &self.path, Errno::INVAL))
    }

    /// A new empty scratch directory. Those that a crash left behind are removed.
    ///
    /// # Errors
    /// [`TrustError::Local`], [`TrustError::LocalNotPlain`].
    pub(super) fn scratch(&self) -> Result<Scratch, TrustError> {
        let parent = self.parent()?;
        let prefix = format!(".{}.scratch-", self.name()?.to_string_lossy());
        let failed = |source| TrustError::local("make a scratch directory in", parent.path(), source);
        for left in parent.names()?.iter().filter(|name| name.as_encoded_bytes().starts_with(prefix.as_bytes())) {
            parent.remove(left)?;
        }
        let directory = tempfile::Builder::new()
            .prefix(&prefix)
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(parent.path())
            .map_err(failed)?;
        let scratch = Scratch { directory, target: self.clone() };
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
        self.path().join(LOAD)
    }

    /// Makes these files the content of the trust directory, durably and at once.
    ///
    /// # Errors
    /// [`TrustError::Local`]; the trust directory then holds what it held.
    pub(super) fn commit(self, files: &Files) -> Result<(), TrustError> {
        let directory = Directory::open_path(self.path())?;
        directory.remove(LOAD)?;
        for (name, bytes) in files {
            directory.write_synced(name, 0o600, bytes)?;
        }
        directory.sync()?;
        let (parent, name) = (self.target.parent()?, self.target.name()?);
        let fresh = self.path().file_name().unwrap_or_default();
        match parent.exchange(fresh, &parent, name) {
            Err(error) if error.is(Errno::NOENT) => parent.rename(fresh, &parent, name)?,
            other => other?,
        }
        // The name of the scratch directory now stands for the former content, which goes when `self` is dropped; should
        // that fail, the next run removes it.
        Ok(parent.sync()?)
    }
}

fn is_ours(name: &str) -> bool {
    matches!(name, RELEASE | ETAG | UNFINISHED | "timestamp.json" | "snapshot.json" | "targets.json")
        || name.ends_with(".root.json")
}

fn read_all(directory: &Directory) -> Result<Files, TrustError> {
    let mut files = Files::new();
    for name in directory.names()? {
        let Some(name) = name.to_str().filter(|name| is_ours(name)) else { continue };
        let limit = if name == RELEASE { Release::MAX_BYTES } else { MAX_METADATA_BYTES };
        files.extend(directory.read(name, limit).map_err(unreadable)?.map(|bytes| (name.to_owned(), bytes)));
    }
    Ok(files)
}

/// The error for what cannot be opened or read: what lies there may be something that nothing here has written.
fn unreadable(error: DiskError) -> TrustError {
    if error.is_another_kind() {
        TrustError::LocalNotPlain { path: error.path }
    } else if error.source.kind() == ErrorKind::FileTooLarge {
        TrustError::damaged(error.path, error.source)
    } else {
        error.into()
    }
}
