//! What was last seen, read back and verified, and how it binds what comes next.
//!
//! A role's last document binds the next one until one of its keys is revoked, for that is how a publisher recovers after a
//! thief has signed absurdly high versions (TUF 5.3.11). A root that merely adds keys, as the first of the two roots of our
//! own rotations does, frees nothing: whoever could sign still can, so there is nobody to recover from, while an older
//! document of the old keys would pass again. Which revocation frees which document:
//!
//! | document | is forgotten when a key of these roles is revoked |
//! |---|---|
//! | timestamp | timestamp or snapshot |
//! | snapshot | snapshot (TUF also says: timestamp; but that key lies on a server and is rotated freely) |
//! | targets | targets or snapshot |
//!
//! What a look verified stays, also when the look was refused further down: then the four documents need not fit together,
//! and some may never have been there. The directory says so (`unfinished`), and such documents bind the next look one by
//! one but never answer for it. Without that word all four must be there and name each other, or something was lost.

use std::collections::BTreeMap;
use std::path::Path;

use tough::schema::{RoleType, Root, Snapshot, Targets, Timestamp as TimestampRole};

use super::directory::{ETAG, Files, RELEASE, TrustDirectory, UNFINISHED};
use super::error::{Role, TrustError};
use super::roles::{Quartet, Seen, keys_revoked};
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
    pub(super) etag: Option<String>,
    release: Option<Vec<u8>>,
    extent: Extent,
}

/// How far the last look came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    /// To its end: the four documents name each other.
    Whole,
    /// Not so far, or a revocation freed some of them.
    Part,
}

impl TrustDirectory {
    /// Whether what was seen is of the publication of this root, as far as that can be told: the chain has the root, or its
    /// newest root's keys signed for a later one; or nothing was seen yet.
    ///
    /// # Errors
    /// Those of parsing a root; [`TrustError::Local`], [`TrustError::LocalNotPlain`], [`TrustError::LocalDamaged`].
    pub fn follows(&self, root: &[u8]) -> Result<bool, TrustError> {
        let root = Seen::parse_root("the given root", root.to_vec())?;
        let Some(held) = Held::read(self)? else { return Ok(true) };
        match held.compare(&root, self.path()) {
            Ok(is_ahead) => Ok(!is_ahead || root.verify(&held.root.document.signed).is_ok()),
            Err(TrustError::ForeignRoot { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Where nothing was seen yet, begins the chain with `older` if that is of a lower version than `newer`: whoever may
    /// come back to the older root then finds it in the chain. The next look is given `newer` and must come through it, so
    /// nothing is believed that it would not believe. What is no root is passed over.
    ///
    /// # Errors
    /// [`TrustError::Local`], [`TrustError::LocalNotPlain`], [`TrustError::LocalDamaged`].
    pub fn begin_before(&self, older: &[u8], newer: &[u8]) -> Result<(), TrustError> {
        let parse = |root: &[u8]| Seen::parse_root("the given root", root.to_vec()).ok();
        let (Some(older), Some(newer)) = (parse(older), parse(newer)) else { return Ok(()) };
        let is_before = older.version() < newer.version() && older.verify(&older.document.signed).is_ok();
        if !is_before || !self.read()?.is_empty() {
            return Ok(());
        }
        self.scratch()?.commit(&Held::begin(older).files())
    }
}

impl Held {
    /// A machine that has seen nothing but its first root.
    pub(super) fn begin(root: Seen<Root>) -> Self {
        let roots = BTreeMap::from([(root.version(), root.bytes.clone())]);
        let (timestamp, snapshot, targets) = (None, None, None);
        Self { roots, root, timestamp, snapshot, targets, etag: None, release: None, extent: Extent::Part }
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
        let extent = if files.remove(UNFINISHED).is_some() { Extent::Part } else { Extent::Whole };
        let held = Self {
            timestamp: read_role(directory.path(), "timestamp.json", &mut files, &root)?,
            snapshot: read_role(directory.path(), "snapshot.json", &mut files, &root)?,
            targets: read_role(directory.path(), "targets.json", &mut files, &root)?,
            roots,
            root,
            etag,
            release,
            extent,
        };
        if extent == Extent::Whole {
            held.check_whole(directory.path())?;
        }
        Ok(Some(held))
    }

    /// A look that came to its end left all four documents, and each names the next.
    fn check_whole(&self, path: &Path) -> Result<(), TrustError> {
        let absent = |name| TrustError::damaged(path.join(name), "it is not there");
        let timestamp = self.timestamp.as_ref().ok_or_else(|| absent("timestamp.json"))?;
        let snapshot = self.snapshot.as_ref().ok_or_else(|| absent("snapshot.json"))?;
        let targets = self.targets.as_ref().ok_or_else(|| absent("targets.json"))?;
        let another = |name| TrustError::damaged(path.join(name), "it is not the one that was seen last");
        match timestamp.document.signed.meta.get("snapshot.json") {
            Some(named) if snapshot.is_named_by(named) => {}
            _ => return Err(another("snapshot.json")),
        }
        match snapshot.document.signed.meta.get("targets.json") {
            Some(named) if targets.is_named_by(named) => Ok(()),
            _ => Err(another("targets.json")),
        }
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

    /// All four documents, when a look saw them together.
    pub(super) fn quartet(&self) -> Option<Quartet> {
        (self.extent == Extent::Whole).then_some(())?;
        Some(Quartet {
            root: self.root.clone(),
            timestamp: self.timestamp.clone()?,
            snapshot: self.snapshot.clone()?,
            targets: self.targets.clone()?,
        })
    }

    /// Takes over the next verified root; documents that a revocation freed are forgotten.
    pub(super) fn take_root(&mut self, next: Seen<Root>) {
        let revoked = |role| keys_revoked(&self.root.document.signed, &next.document.signed, role);
        let (timestamp, snapshot, targets) =
            (revoked(RoleType::Timestamp), revoked(RoleType::Snapshot), revoked(RoleType::Targets));
        self.timestamp.take_if(|_| timestamp || snapshot);
        self.snapshot.take_if(|_| snapshot);
        self.targets.take_if(|_| targets || snapshot);
        self.etag.take_if(|_| timestamp || snapshot);
        self.roots.insert(next.version(), next.bytes.clone());
        self.root = next;
        self.extent = Extent::Part;
    }

    /// Takes over a verified timestamp and its tag.
    pub(super) fn take_timestamp(&mut self, next: Seen<TimestampRole>, etag: Option<String>) {
        self.timestamp = Some(next);
        self.etag = etag.filter(|etag| sane_etag(etag));
        self.extent = Extent::Part;
    }

    /// Takes over a verified snapshot.
    pub(super) fn take_snapshot(&mut self, next: Seen<Snapshot>) {
        self.snapshot = Some(next);
        self.extent = Extent::Part;
    }

    /// Takes over verified targets, the last of the documents that a look brings.
    pub(super) fn take_targets(&mut self, next: Seen<Targets>) {
        self.targets = Some(next);
        self.extent = Extent::Whole;
    }

    /// What a trust directory is to hold.
    pub(super) fn files(&self) -> Files {
        let roots = self.roots.iter().map(|(version, bytes)| (format!("{version}.root.json"), bytes.clone()));
        let named = [
            ("timestamp.json", self.timestamp.as_ref().map(|seen| seen.bytes.clone())),
            ("snapshot.json", self.snapshot.as_ref().map(|seen| seen.bytes.clone())),
            ("targets.json", self.targets.as_ref().map(|seen| seen.bytes.clone())),
            (ETAG, self.etag.clone().map(String::into_bytes)),
            (RELEASE, self.release.clone()),
            (UNFINISHED, (self.extent == Extent::Part).then(Vec::new)),
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

fn damaged_by(path: std::path::PathBuf, error: TrustError) -> TrustError {
    use std::error::Error;
    let reason = error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"));
    TrustError::damaged(path, reason)
}
