//! What a look takes over, one document after the other, as `tough` verifies them.
//!
//! **Promises.** A document is taken when its signatures, its version and its end are as they should be, whatever becomes
//! of those after it: a timestamp whose snapshot is refused binds the next look all the same. The targets are taken last
//! and only when the caller can read them. Nothing is taken below a root that is not, or does not lead through, the one
//! that the machine's owner gave.
//!
//! **Needs** documents in TUF's order, verified by `tough`. **Leaves to** `refresh` when the outcome is written.

use std::path::Path;

use tough::schema::{Metafile, Role as ToughRole, Root, Snapshot, Targets, Timestamp as TimestampRole};

use super::directory::{Scratch, TrustDirectory};
use super::error::{Role, TrustError};
use super::held::Held;
use super::roles::{Quartet, Seen};
use super::time::{Expiry, KnownTime};

/// A look on its way.
#[derive(Debug)]
pub(super) struct Progress<'a> {
    directory: &'a Path,
    first: &'a Seen<Root>,
    before: &'a Held,
    held: Held,
    /// The newest, not yet read by the caller.
    targets: Option<Seen<Targets>>,
    /// The latest that is known. After new roots, which may have freed the machine from a timestamp that a thief dated far
    /// ahead, that is less than what was known before.
    time: KnownTime,
    expiry: Expiry,
}

impl<'a> Progress<'a> {
    /// A look at the beginning: `before` is what was seen last time, `first` the root that the owner gave.
    pub(super) fn new(
        directory: &'a TrustDirectory,
        first: &'a Seen<Root>,
        before: &'a Held,
        (time, expiry): (KnownTime, Expiry),
    ) -> Self {
        Self { directory: directory.path(), first, before, held: before.clone(), targets: None, time, expiry }
    }

    /// Takes the next document.
    ///
    /// # Errors
    /// [`TrustError::RolledBack`], [`TrustError::SameVersion`], [`TrustError::Expired`], [`TrustError::ForeignRoot`];
    /// those of parsing and of signatures, which `tough` has already excluded.
    pub(super) fn take(&mut self, role: Role, bytes: Vec<u8>, etag: Option<String>) -> Result<(), TrustError> {
        match role {
            Role::Root => self.held.take_root(Seen::parse_root("root.json", bytes)?),
            Role::Timestamp => {
                self.held.reach(self.first, self.directory)?;
                let next: Seen<TimestampRole> = self.verified(bytes)?;
                Self::follows(self.held.timestamp.as_ref(), &next)?;
                self.time = self.held.time(self.time)?;
                self.time = next.issued()?.map_or(self.time, |issued| self.time.not_before(issued));
                self.in_time(&self.held.root)?;
                self.in_time(&next)?;
                self.held.take_timestamp(next, etag);
            }
            Role::Snapshot => {
                let next: Seen<Snapshot> = self.verified(bytes)?;
                Self::follows(self.held.snapshot.as_ref(), &next)?;
                self.in_time(&next)?;
                self.held.take_snapshot(next);
            }
            Role::Targets => {
                let next: Seen<Targets> = self.verified(bytes)?;
                Self::follows(self.held.targets.as_ref(), &next)?;
                self.in_time(&next)?;
                self.targets = Some(next);
            }
        }
        Ok(())
    }

    /// Whether all four documents were taken.
    pub(super) const fn is_complete(&self) -> bool {
        self.targets.is_some()
    }

    /// Whether there was a new root.
    pub(super) fn has_rotated(&self) -> bool {
        self.held.root.version() > self.before.root.version()
    }

    /// What the document above says of the snapshot or the targets.
    pub(super) fn named(&self, role: Role) -> Option<&Metafile> {
        match role {
            Role::Snapshot => self.held.timestamp.as_ref()?.document.signed.meta.get("snapshot.json"),
            Role::Targets => self.held.snapshot.as_ref()?.document.signed.meta.get("targets.json"),
            Role::Root | Role::Timestamp => None,
        }
    }

    /// The snapshot or the targets last seen, when they are those that the document above names: they need not be fetched.
    pub(super) fn kept(&self, role: Role) -> Option<Vec<u8>> {
        let named = self.named(role)?;
        match role {
            Role::Snapshot => kept(self.held.snapshot.as_ref(), named),
            Role::Targets => kept(self.held.targets.as_ref(), named),
            Role::Root | Role::Timestamp => None,
        }
    }

    /// Lets the caller read all four documents, and takes the targets too if it can.
    ///
    /// # Errors
    /// Those of `read`.
    pub(super) fn finish<T>(
        &mut self,
        read: impl Fn(&Quartet) -> Result<T, TrustError>,
    ) -> Result<(T, Quartet, KnownTime), TrustError> {
        let mut whole = self.held.clone();
        if let Some(targets) = self.targets.take() {
            whole.take_targets(targets);
        }
        let quartet = whole.quartet().expect("`tough` has verified all four documents");
        let value = read(&quartet)?;
        self.held = whole;
        Ok((value, quartet, self.time))
    }

    /// Makes what was taken the content of the trust directory, if that is anything new.
    ///
    /// # Errors
    /// [`TrustError::Local`].
    pub(super) fn keep(&self, scratch: Scratch) -> Result<(), TrustError> {
        let files = self.held.files();
        // Roots that lead past the owner's are none of ours.
        if files == self.before.files() || self.held.compare(self.first, self.directory).is_err() {
            return Ok(());
        }
        scratch.commit(&files)
    }

    /// Parses, and verifies again by the newest root, as whoever reads the directory will do.
    fn verified<T>(&self, bytes: Vec<u8>) -> Result<Seen<T>, TrustError>
    where
        T: ToughRole + serde::Serialize + serde::de::DeserializeOwned + PartialEq,
    {
        let seen: Seen<T> = Seen::parse(&format!("{}.json", Role::from(T::TYPE)), bytes)?;
        seen.verify(&self.held.root.document.signed)?;
        Ok(seen)
    }

    fn follows<T>(last: Option<&Seen<T>>, next: &Seen<T>) -> Result<(), TrustError>
    where
        T: ToughRole + serde::Serialize + PartialEq,
    {
        last.map_or(Ok(()), |last| last.check_successor(next))
    }

    fn in_time<T: ToughRole>(&self, seen: &Seen<T>) -> Result<(), TrustError> {
        match self.expiry {
            Expiry::Enforced => seen.check_end(self.time.now()),
            Expiry::Ignored => Ok(()),
        }
    }
}

fn kept<T: ToughRole + serde::Serialize + PartialEq>(seen: Option<&Seen<T>>, named: &Metafile) -> Option<Vec<u8>> {
    seen.filter(|seen| seen.is_named_by(named)).map(|seen| seen.bytes.clone())
}
