//! A machine: what lies beneath its root, and the lock that one run at a time holds.

use std::path::Path;

use rustix::io::Errno;

use super::{HOME, Record, StateError};
use crate::disk::{Directory, DiskError, FileType, Lock};
use crate::manifest::{HistoryEntry, MirrorOverride};
use crate::types::Slot;

/// The cache of what is known of the content of files, in [`HOME`].
pub const FINGERPRINTS: &str = "fingerprints";
/// The search index, in [`Machine::cache`].
pub const SEARCH_INDEX: &str = "search-index";
/// Caches that everybody may read, beneath the root.
const CACHE: &str = "var/cache/stateless-update";
const HISTORY: &str = "history";
const MIRROR: &str = "mirror.json";
const MAX_MIRROR_BYTES: u64 = 64 << 10;
const MAX_FINGERPRINT_BYTES: u64 = 720 << 20;

/// A machine: a root and the trees beneath it.
#[derive(Debug)]
pub struct Machine {
    root: Directory,
}

/// A machine that no other run is at work on. Dropping it gives the lock back.
#[derive(Debug)]
pub struct LockedMachine {
    machine: Machine,
    home: Directory,
    _lock: Lock,
}

impl Machine {
    /// The machine with this root.
    ///
    /// # Errors
    /// When the root is no directory.
    pub fn open(root: &Path) -> Result<Self, StateError> {
        Ok(Self { root: Directory::open_path(root)? })
    }

    /// The machine with this root, or where nothing is there yet, an empty one in its place.
    ///
    /// # Errors
    /// When the root is something else than a directory, or could not be made there.
    pub fn to_be(root: &Path) -> Result<Self, StateError> {
        match Directory::open_path(root) {
            Err(error) if error.is(Errno::NOENT) => Ok(Self { root: Directory::stand_in(root)? }),
            other => Ok(Self { root: other? }),
        }
    }

    /// The machine with this root, which a release must be on.
    ///
    /// # Errors
    /// As [`Machine::open`] and [`Machine::live_record`].
    pub fn managed(root: &Path) -> Result<Self, StateError> {
        let machine = Self::open(root)?;
        machine.live_record()?;
        Ok(machine)
    }

    /// The root directory.
    pub fn root(&self) -> &Directory {
        &self.root
    }

    /// Whether the root is that of the system which this program runs on, however it was named.
    ///
    /// # Errors
    /// When the disk says no.
    pub fn is_running_system(&self) -> Result<bool, StateError> {
        Ok(self.root.inode()?.is_same_inode(&Directory::open_path(Path::new("/"))?.inode()?))
    }

    /// The directory beside the trees, if it has been made.
    ///
    /// # Errors
    /// [`StateError::NotYours`] when it is somebody else's; when something else is in its place, or others may enter it.
    pub fn home(&self) -> Result<Option<Directory>, StateError> {
        let Some(inode) = self.root.look(HOME)? else { return Ok(None) };
        let path = self.root.path().join(HOME);
        if inode.file_type != FileType::Directory || inode.mode & 0o077 != 0 {
            return Err(StateError::UnsafeHome { path });
        }
        if inode.uid != rustix::process::geteuid().as_raw() {
            return Err(StateError::NotYours { path, uid: inode.uid });
        }
        Ok(self.root.subdirectory(HOME)?)
    }

    /// The tree in a slot, if there is one.
    ///
    /// # Errors
    /// When something that is no directory is in its place.
    pub fn tree(&self, slot: Slot) -> Result<Option<Directory>, StateError> {
        let parent = match slot {
            Slot::Live => Some(self.root.again()?),
            Slot::Previous | Slot::Next => self.home()?,
        };
        Ok(parent.map(|parent| parent.subdirectory(slot.name())).transpose()?.flatten())
    }

    /// What the tree in a slot says of itself; none when there is no tree, or it has no record.
    ///
    /// # Errors
    /// When the record is damaged.
    pub fn record(&self, slot: Slot) -> Result<Option<Record>, StateError> {
        match self.tree(slot)? {
            Some(tree) => Record::of(&tree),
            None => Ok(None),
        }
    }

    /// What one of the other trees says of itself. A record that is damaged there counts as none: trees are synced before they
    /// are exchanged and not before, so a power cut may leave half of one in a tree that was only staged, and no such tree may
    /// keep the live one from moving on. Nor may a block that the disk does not give back.
    ///
    /// # Errors
    /// When the system says no for another reason.
    pub fn other_record(&self, slot: Slot) -> Result<Option<Record>, StateError> {
        match self.record(slot) {
            Err(StateError::DamagedRecord { .. }) => Ok(None),
            other => other,
        }
    }

    /// What the live tree says of itself.
    ///
    /// # Errors
    /// [`StateError::NotManaged`] when it says nothing.
    pub fn live_record(&self) -> Result<Record, StateError> {
        let not_managed = || StateError::NotManaged { root: self.root.path().to_owned() };
        self.record(Slot::Live)?.ok_or_else(not_managed)
    }

    /// What is known of the content of files: a cache. A damaged one is an empty one.
    ///
    /// # Errors
    /// Those of [`Machine::home`].
    pub fn cached_fingerprints(&self) -> Result<Vec<u8>, StateError> {
        let Some(home) = self.home()? else { return Ok(Vec::new()) };
        Ok(home.read(FINGERPRINTS, MAX_FINGERPRINT_BYTES).ok().flatten().unwrap_or_default())
    }

    /// What was done on this machine, as it was written.
    ///
    /// # Errors
    /// When it cannot be read, or those of [`Machine::home`].
    pub fn history(&self) -> Result<Vec<u8>, StateError> {
        let Some(home) = self.home()? else { return Ok(Vec::new()) };
        Ok(home.read(HISTORY, HistoryEntry::MAX_BYTES)?.unwrap_or_default())
    }

    /// The administrator's mirror, if there is one.
    ///
    /// # Errors
    /// When it cannot be read, or those of [`Machine::home`].
    pub fn mirror(&self) -> Result<Option<MirrorOverride>, StateError> {
        let Some(home) = self.home()? else { return Ok(None) };
        let Some(json) = home.read(MIRROR, MAX_MIRROR_BYTES)? else { return Ok(None) };
        let damaged = |source| StateError::DamagedMirror { path: home.path().join(MIRROR), source };
        MirrorOverride::parse(&json).map(Some).map_err(damaged)
    }

    /// The search index that was kept, of at most `limit` bytes. It lies where everybody may read it: whoever has a use for
    /// it checks it.
    ///
    /// # Errors
    /// When it cannot be read, or is longer.
    pub fn kept_search_index(&self, limit: u64) -> Result<Option<Vec<u8>>, StateError> {
        match self.cache()? {
            Some(cache) => Ok(cache.read(SEARCH_INDEX, limit)?),
            None => Ok(None),
        }
    }

    /// Keeps a search index for later.
    ///
    /// # Errors
    /// When the disk says no, or the person may not.
    pub fn keep_search_index(&self, bytes: &[u8]) -> Result<(), StateError> {
        let mut cache = self.root.again()?;
        for name in CACHE.split('/') {
            cache = cache.ensure_subdirectory(name, 0o755)?;
        }
        let fresh = format!("{SEARCH_INDEX}.{}", std::process::id());
        cache.remove(&fresh)?;
        cache.write_new(&fresh, 0o644, bytes)?;
        Ok(cache.rename(&fresh, &cache, SEARCH_INDEX)?)
    }

    /// The directory of caches that everybody may read, if it has been made. Nothing is kept beyond a symlink, which whoever
    /// keeps `/var/cache` elsewhere has there: then there is none.
    ///
    /// # Errors
    /// When the disk says no.
    pub fn cache(&self) -> Result<Option<Directory>, StateError> {
        match self.root.descend(CACHE) {
            Err(error) if error.is_no_directory() => Ok(None),
            other => Ok(other?),
        }
    }

    /// Takes the lock; makes the directory beside the trees where it is missing.
    ///
    /// # Errors
    /// [`StateError::Locked`] when another run has it.
    pub fn lock(self) -> Result<LockedMachine, StateError> {
        if self.root.look(HOME)?.is_none() {
            self.root.ensure_subdirectory(HOME, 0o700)?;
        }
        let home = self.home()?.ok_or_else(|| StateError::UnsafeHome { path: self.root.path().join(HOME) })?;
        let lock = match home.create_file("lock", 0o600) {
            Err(error) if error.is(Errno::EXIST) => home.open_file("lock")?,
            other => other?,
        };
        let failed = |source| DiskError { action: "lock", path: home.path().join("lock"), source };
        match Lock::exclusive(lock).map_err(failed)? {
            Some(lock) => Ok(LockedMachine { machine: self, home, _lock: lock }),
            None => Err(StateError::Locked { root: self.root.path().to_owned() }),
        }
    }
}

impl std::ops::Deref for LockedMachine {
    type Target = Machine;

    fn deref(&self) -> &Machine {
        &self.machine
    }
}

impl LockedMachine {
    /// The directory beside the trees.
    pub fn own_directory(&self) -> &Directory {
        &self.home
    }

    /// Keeps what is known of the content of files. It need not survive a power cut, so nothing waits for the disk.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn cache_fingerprints(&self, bytes: &[u8]) -> Result<(), StateError> {
        let fresh = format!("{FINGERPRINTS}.new");
        self.home.remove(&fresh)?;
        self.home.write_new(&fresh, 0o600, bytes)?;
        Ok(self.home.rename(&fresh, &self.home, FINGERPRINTS)?)
    }

    /// Keeps the administrator's mirror, or with none forgets it.
    ///
    /// # Errors
    /// When the disk says no.
    pub fn set_mirror(&self, mirror: Option<&MirrorOverride>) -> Result<(), StateError> {
        match mirror {
            Some(mirror) => self.home.replace(MIRROR, &mirror.to_json())?,
            None => {
                self.home.remove(MIRROR)?;
                self.home.sync()?;
            }
        }
        Ok(())
    }

    /// Adds to what was done on this machine. As a whole or not at all, also in a power cut.
    ///
    /// # Errors
    /// When the history cannot be read or the disk is full.
    pub fn remember(&self, entry: &HistoryEntry) -> Result<(), StateError> {
        Ok(self.home.replace(HISTORY, &entry.appended_to(&self.history()?))?)
    }
}
