//! What was last seen, read back and verified, and how it binds what comes next.
//!
//! A role's last document binds the next one until its keys are rotated, for that is how a publisher recovers after a
//! thief has signed absurdly high versions (TUF 5.3.11). Which rotation frees which document:
//!
//! | document | is forgotten when the keys of these roles change |
//! |---|---|
//! | timestamp | timestamp or snapshot |
//! | snapshot | snapshot (TUF also says: timestamp; but that key lies on a server and is rotated freely) |
//! | targets | targets or snapshot |
//!
//! Targets that are forgotten while the timestamp stays keep their place in the directory, where they show that nothing was
//! lost: what is signed by keys that a root of the chain no longer names binds nothing.

use std::collections::BTreeMap;
use std::path::Path;

use tough::schema::{RoleType, Root, Snapshot, Targets, Timestamp as TimestampRole};

use super::directory::{ETAG, Files, RELEASE, TrustDirectory};
use super::error::{Role, TrustError};
use super::roles::{Quartet, Seen, keys_differ};
use super::time::KnownTime;

/// The longest tag that is kept, in bytes.
const MAX_ETAG_BYTES: usize = 512;

/// Roots as fetched, by version.
type Chain = BTreeMap<u64, Vec<u8>>;

/// The content of a trust directory.
#[derive(Clone, Debug)]
pub(super) struct Held {
    roots: Chain,
    pub(super) root: Seen<Root>,
    pub(super) timestamp: Option<Seen<TimestampRole>>,
    pub(super) snapshot: Option<Seen<Snapshot>>,
    pub(super) targets: Option<Seen<Targets>>,
    /// Targets that a rotation freed.
    freed: Option<Seen<Targets>>,
    pub(super) etag: Option<String>,
    release: Option<Vec<u8>>,
}

impl Held {
    /// A machine that has seen nothing but its first root.
    pub(super) fn begin(root: Seen<Root>) -> Self {
        let roots = BTreeMap::from([(root.version(), root.bytes.clone())]);
        Self { roots, root, timestamp: None, snapshot: None, targets: None, freed: None, etag: None, release: None }
    }

    /// What a directory holds; nothing when it holds nothing.
    ///
    /// # Errors
    /// [`TrustError::LocalDamaged`] when anything in it is not what was once written there; those of reading.
    pub(super) fn read(directory: &TrustDirectory) -> Result<Option<Self>, TrustError> {
        let mut files = directory.read()?;
        if files.is_empty() {
            return Ok(None);
        }
        let (roots, root) = read_chain(directory.path(), &mut files)?;
        let release = files.remove(RELEASE);
        let etag = match files.remove(ETAG).map(String::from_utf8) {
            Some(Ok(etag)) if sane_etag(&etag) => Some(etag),
            None => None,
            Some(_) => return Err(TrustError::damaged(directory.path().join(ETAG), "it is no tag")),
        };
        let freed = read_freed(&mut files, &root, &roots)?;
        let held = Self {
            timestamp: read_role(directory.path(), "timestamp.json", &mut files, &root)?,
            snapshot: read_role(directory.path(), "snapshot.json", &mut files, &root)?,
            targets: read_role(directory.path(), "targets.json", &mut files, &root)?,
            freed,
            roots,
            root,
            etag,
            release,
        };
        // Without these two the timestamp would be taken for proof that there is nothing to compare.
        let no_targets = held.targets.is_none() && held.freed.is_none();
        for (name, absent) in [("snapshot.json", held.snapshot.is_none()), ("targets.json", no_targets)] {
            if held.timestamp.is_some() && absent {
                return Err(TrustError::damaged(directory.path().join(name), "it is not there"));
            }
        }
        Ok(Some(held))
    }

    /// Compares the chain with the root that the machine's owner gave, and says whether that root is ahead of it.
    ///
    /// A root within the chain must be the chain's own. A root before the chain's first cannot be compared and is
    /// refused. A root ahead of the chain is checked once the chain has been followed: see [`Held::reach`].
    ///
    /// # Errors
    /// [`TrustError::ForeignRoot`].
    pub(super) fn compare(&self, first: &Seen<Root>, path: &Path) -> Result<bool, TrustError> {
        if first.version() > self.root.version() {
            return Ok(true);
        }
        let own =
            self.roots.get(&first.version()).map(|bytes| Seen::parse_root("root.json", bytes.clone())).transpose()?;
        match own {
            Some(own) if own.document.signed == first.document.signed => Ok(false),
            _ => Err(self.foreign(first, path)),
        }
    }

    /// A chain that was followed must have come to, and through, the root that the machine's owner gave.
    ///
    /// # Errors
    /// [`TrustError::RolledBack`] when the publication withholds that root, [`TrustError::ForeignRoot`] when it has
    /// another one in its place.
    pub(super) fn reach(&self, first: &Seen<Root>, path: &Path) -> Result<(), TrustError> {
        if self.compare(first, path)? {
            let (seen, offered) = (first.version(), self.root.version());
            return Err(TrustError::RolledBack { role: Role::Root, seen, offered });
        }
        Ok(())
    }

    fn foreign(&self, first: &Seen<Root>, path: &Path) -> TrustError {
        let newest = self.root.version();
        let oldest = self.roots.keys().next().copied().unwrap_or(newest);
        TrustError::ForeignRoot { path: path.to_owned(), version: first.version(), oldest, newest }
    }

    /// Not before the newest signed time that was seen.
    ///
    /// # Errors
    /// [`TrustError::Malformed`], which reading has already excluded.
    pub(super) fn time(&self, time: KnownTime) -> Result<KnownTime, TrustError> {
        let issued = self.timestamp.as_ref().map(Seen::issued).transpose()?.flatten();
        Ok(issued.map_or(time, |issued| time.not_before(issued)))
    }

    /// All four documents, when all four are there.
    pub(super) fn quartet(&self) -> Option<Quartet> {
        Some(Quartet {
            root: self.root.clone(),
            timestamp: self.timestamp.clone()?,
            snapshot: self.snapshot.clone()?,
            targets: self.targets.clone()?,
        })
    }

    /// The chain with further verified roots; documents that the rotation freed are forgotten.
    ///
    /// # Errors
    /// [`TrustError::Malformed`], [`TrustError::RepeatedKey`] for a root that makes no sense.
    pub(super) fn with_roots(mut self, roots: Chain) -> Result<Self, TrustError> {
        for (version, bytes) in roots {
            let path = format!("metadata/{version}.root.json");
            let next = Seen::parse_root(&path, bytes.clone())?;
            let changed = |role| keys_differ(&self.root.document.signed, &next.document.signed, role);
            let (timestamp, snapshot, targets) =
                (changed(RoleType::Timestamp), changed(RoleType::Snapshot), changed(RoleType::Targets));
            self.timestamp = self.timestamp.filter(|_| !timestamp && !snapshot);
            self.snapshot = self.snapshot.filter(|_| !snapshot);
            if targets || snapshot {
                self.freed = self.targets.take().or(self.freed).filter(|_| self.timestamp.is_some());
            }
            self.etag = self.etag.filter(|_| self.timestamp.is_some());
            self.roots.insert(version, bytes);
            self.root = next;
        }
        Ok(self)
    }

    /// Takes over what a look brought, if it does not go back behind what was seen.
    ///
    /// # Errors
    /// [`TrustError::RolledBack`], [`TrustError::SameVersion`].
    pub(super) fn succeed(mut self, next: &Quartet, etag: Option<String>) -> Result<Self, TrustError> {
        if let Some(timestamp) = &self.timestamp {
            timestamp.check_successor(&next.timestamp)?;
        }
        if let Some(snapshot) = &self.snapshot {
            snapshot.check_successor(&next.snapshot)?;
        }
        if let Some(targets) = &self.targets {
            targets.check_successor(&next.targets)?;
        }
        self.timestamp = Some(next.timestamp.clone());
        self.snapshot = Some(next.snapshot.clone());
        self.targets = Some(next.targets.clone());
        self.freed = None;
        self.etag = etag.filter(|etag| sane_etag(etag));
        Ok(self)
    }

    /// What a trust directory is to hold.
    pub(super) fn files(&self) -> Files {
        let roots = self.roots.iter().map(|(version, bytes)| (format!("{version}.root.json"), bytes.clone()));
        let named = [
            ("timestamp.json", self.timestamp.as_ref().map(|seen| seen.bytes.clone())),
            ("snapshot.json", self.snapshot.as_ref().map(|seen| seen.bytes.clone())),
            ("targets.json", self.targets.as_ref().or(self.freed.as_ref()).map(|seen| seen.bytes.clone())),
            (ETAG, self.etag.clone().map(String::into_bytes)),
            (RELEASE, self.release.clone()),
        ];
        roots.chain(named.into_iter().filter_map(|(name, bytes)| Some((name.to_owned(), bytes?)))).collect()
    }
}

fn sane_etag(etag: &str) -> bool {
    !etag.is_empty() && etag.len() <= MAX_ETAG_BYTES && etag.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// The chain, each root signed by itself and by the one before, without a gap; and its newest root.
fn read_chain(directory: &Path, files: &mut Files) -> Result<(Chain, Seen<Root>), TrustError> {
    let names: Vec<String> = files.keys().filter(|name| name.ends_with(".root.json")).cloned().collect();
    let mut chain = BTreeMap::new();
    for name in names {
        let path = directory.join(&name);
        let bytes = files.remove(&name).unwrap_or_default();
        let root = Seen::parse_root(&name, bytes).map_err(|error| damaged_by(path.clone(), error))?;
        if name != format!("{}.root.json", root.version()) {
            return Err(TrustError::damaged(path, format_args!("it holds root version {}", root.version())));
        }
        chain.insert(root.version(), root);
    }
    let mut newest: Option<Seen<Root>> = None;
    let mut roots = BTreeMap::new();
    for (version, root) in chain {
        let path = directory.join(format!("{version}.root.json"));
        if let Some(before) = newest {
            if before.version() + 1 != version {
                return Err(TrustError::damaged(path, "the root before it is not there"));
            }
            root.verify(&before.document.signed).map_err(|error| damaged_by(path.clone(), error))?;
        }
        root.verify(&root.document.signed).map_err(|error| damaged_by(path, error))?;
        roots.insert(version, root.bytes.clone());
        newest = Some(root);
    }
    match newest {
        Some(newest) => Ok((roots, newest)),
        None => Err(TrustError::damaged(directory.to_owned(), "it holds no root")),
    }
}

fn read_role<T>(
    directory: &Path,
    name: &str,
    files: &mut Files,
    root: &Seen<Root>,
) -> Result<Option<Seen<T>>, TrustError>
where
    T: tough::schema::Role + serde::Serialize + serde::de::DeserializeOwned + PartialEq,
{
    let Some(bytes) = files.remove(name) else { return Ok(None) };
    let checked = Seen::parse(name, bytes).and_then(|seen| seen.verify(&root.document.signed).map(|()| seen));
    checked.map(Some).map_err(|error| damaged_by(directory.join(name), error))
}

/// Takes targets out of the files that a rotation freed: those that an older root verifies and the newest does not.
fn read_freed(files: &mut Files, root: &Seen<Root>, roots: &Chain) -> Result<Option<Seen<Targets>>, TrustError> {
    const NAME: &str = "targets.json";
    // What makes no sense is told by whoever reads it as the targets that it should be.
    let Some(seen) = files.get(NAME).and_then(|bytes| Seen::<Targets>::parse(NAME, bytes.clone()).ok()) else {
        return Ok(None);
    };
    for older in roots.values().rev().skip(1) {
        let older = Seen::parse_root("root.json", older.clone())?;
        if seen.verify(&root.document.signed).is_err() && seen.verify(&older.document.signed).is_ok() {
            files.remove(NAME);
            return Ok(Some(seen));
        }
    }
    Ok(None)
}

fn damaged_by(path: std::path::PathBuf, error: TrustError) -> TrustError {
    use std::error::Error;
    let reason = error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"));
    TrustError::damaged(path, reason)
}
