//! The four signed documents, read and compared.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tough::schema::decoded::{Decoded, Hex};
use tough::schema::key::Key;
use tough::schema::{
    Metafile, Role as ToughRole, RoleType, Root, Signed, Snapshot, Targets, Timestamp as TimestampRole,
};

use super::error::{Role, TrustError};
use super::json::check_outline;
use crate::types::Digest;

/// The field of the timestamp metadata that says when it was signed. TUF tolerates fields that it does not know.
pub(super) const ISSUED: &str = "issued";

/// The roles, in the order in which a client takes their documents.
const ROLES: [Role; 4] = [Role::Root, Role::Timestamp, Role::Snapshot, Role::Targets];

/// When each role's metadata ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expirations {
    /// The root's end.
    pub root: Timestamp,
    /// The timestamp's end.
    pub timestamp: Timestamp,
    /// The snapshot's end.
    pub snapshot: Timestamp,
    /// The targets' end.
    pub targets: Timestamp,
}

impl Expirations {
    /// The role that ends before all others, and when: from then on clients refuse the publication.
    pub fn first(&self) -> (Role, Timestamp) {
        let roles = ROLES.map(|role| (role, self.of(role)));
        roles.into_iter().min_by_key(|(_, end)| *end).expect("there are four roles")
    }

    /// When this role's metadata ends.
    pub const fn of(&self, role: Role) -> Timestamp {
        match role {
            Role::Root => self.root,
            Role::Timestamp => self.timestamp,
            Role::Snapshot => self.snapshot,
            Role::Targets => self.targets,
        }
    }

    /// # Errors
    /// [`TrustError::Expired`] for the first role, from the root down, that is past its end.
    pub(super) fn check(&self, now: Timestamp) -> Result<(), TrustError> {
        ROLES.into_iter().try_for_each(|role| check_end(role, self.of(role), now))
    }
}

fn check_end(role: Role, expired_at: Timestamp, now: Timestamp) -> Result<(), TrustError> {
    if expired_at <= now { Err(TrustError::Expired { role, expired_at, now }) } else { Ok(()) }
}

/// A document as it was signed, with the bytes that it came in.
#[derive(Clone, Debug)]
pub(super) struct Seen<T> {
    pub(super) bytes: Vec<u8>,
    pub(super) document: Signed<T>,
}

impl<T: ToughRole + DeserializeOwned> Seen<T> {
    /// Parses, and verifies nothing.
    ///
    /// # Errors
    /// [`TrustError::Malformed`], [`TrustError::SpecVersion`].
    pub(super) fn parse(path: &str, bytes: Vec<u8>) -> Result<Self, TrustError> {
        check_outline(path, T::TYPE.into(), &bytes)?;
        let document = serde_json::from_slice(&bytes).map_err(|source| TrustError::malformed(path, source))?;
        Ok(Self { bytes, document })
    }
}

impl<T: ToughRole> Seen<T> {
    /// # Errors
    /// [`TrustError::Expired`] when this is past its end.
    pub(super) fn check_end(&self, now: Timestamp) -> Result<(), TrustError> {
        check_end(T::TYPE.into(), self.document.signed.expires(), now)
    }
}

impl<T: ToughRole + Serialize + PartialEq> Seen<T> {
    /// The document's version.
    pub(super) fn version(&self) -> u64 {
        self.document.signed.version().get()
    }

    /// Whether this is what another document names: its version and, where they are signed, its length and digest.
    pub(super) fn is_named_by(&self, named: &Metafile) -> bool {
        self.version() == named.version.get() && has_length_and_digest(named, &self.bytes)
    }

    /// # Errors
    /// [`TrustError::Signature`] when the root's keys did not sign this.
    pub(super) fn verify(&self, root: &Root) -> Result<(), TrustError> {
        root.verify_role(&self.document)
            .map_err(|source| TrustError::Signature { role: T::TYPE.into(), source: Box::new(source) })
    }

    /// A later document of the same role must not have a lower version, and with the same version say the same.
    ///
    /// # Errors
    /// [`TrustError::RolledBack`], [`TrustError::SameVersion`].
    pub(super) fn check_successor(&self, next: &Self) -> Result<(), TrustError> {
        let (role, seen, offered) = (T::TYPE.into(), self.version(), next.version());
        if offered < seen {
            return Err(TrustError::RolledBack { role, seen, offered });
        }
        if offered == seen && self.document.signed != next.document.signed {
            return Err(TrustError::SameVersion { role, version: seen });
        }
        Ok(())
    }
}

impl Seen<Root> {
    /// Parses a root and checks that it makes sense in itself. Verifies no signature.
    ///
    /// # Errors
    /// [`TrustError::Malformed`], [`TrustError::SpecVersion`], [`TrustError::RepeatedKey`].
    pub(super) fn parse_root(path: &str, bytes: Vec<u8>) -> Result<Self, TrustError> {
        let root: Self = Self::parse(path, bytes)?;
        let signed = &root.document.signed;
        for role in [RoleType::Root, RoleType::Timestamp, RoleType::Snapshot, RoleType::Targets] {
            if !signed.roles.get(&role).is_none_or(|keys| keys_are_distinct(&keys.keyids, &signed.keys)) {
                return Err(TrustError::RepeatedKey { version: root.version(), role: role.into() });
            }
        }
        Ok(root)
    }
}

impl Seen<TimestampRole> {
    /// When this was signed, if it says so.
    ///
    /// # Errors
    /// [`TrustError::Malformed`] when the time cannot be read or lies after the end.
    pub(super) fn issued(&self) -> Result<Option<Timestamp>, TrustError> {
        let signed = &self.document.signed;
        let Some(value) = signed._extra.get(ISSUED) else { return Ok(None) };
        let issued: Option<Timestamp> = value.as_str().and_then(|text| text.parse().ok());
        match issued.filter(|issued| *issued <= signed.expires) {
            Some(issued) => Ok(Some(issued)),
            None => Err(TrustError::malformed("metadata/timestamp.json", format!("`{ISSUED}` is {value}"))),
        }
    }
}

/// All four documents of one look, verified against each other.
#[derive(Clone, Debug)]
pub(super) struct Quartet {
    pub(super) root: Seen<Root>,
    pub(super) timestamp: Seen<TimestampRole>,
    pub(super) snapshot: Seen<Snapshot>,
    pub(super) targets: Seen<Targets>,
}

impl Quartet {
    pub(super) fn expirations(&self) -> Expirations {
        Expirations {
            root: self.root.document.signed.expires,
            timestamp: self.timestamp.document.signed.expires,
            snapshot: self.snapshot.document.signed.expires,
            targets: self.targets.document.signed.expires,
        }
    }
}

/// Checks that this is root metadata, which its own keys signed.
///
/// # Errors
/// [`TrustError::Malformed`] when it is no root, [`TrustError::Signature`] when its keys did not sign it; others of parsing.
pub fn check_root(root: &[u8]) -> Result<(), TrustError> {
    let root = Seen::parse_root("the given root", root.to_vec())?;
    root.verify(&root.document.signed)
}

/// Checks that `root` is the one before `next`, which everybody who has `root` then comes to.
///
/// # Errors
/// [`TrustError::Malformed`] when it has another number or is no root, [`TrustError::Signature`] when its keys did not sign
/// one of the two; others of parsing.
pub fn check_leads_to(root: &[u8], next: &[u8]) -> Result<(), TrustError> {
    let next = Seen::parse_root("the next root", next.to_vec())?;
    let path = format!("metadata/{}.root.json", next.version() - 1);
    let root = Seen::parse_root(&path, root.to_vec())?;
    if root.version() + 1 != next.version() {
        return Err(TrustError::malformed(&path, format!("it has version {}", root.version())));
    }
    root.verify(&root.document.signed)?;
    next.verify(&root.document.signed)
}

/// Whether a role has other keys, or another threshold, in one root than in another.
pub(super) fn keys_differ(before: &Root, after: &Root, role: RoleType) -> bool {
    keys_of(before, role) != keys_of(after, role)
}

/// Whether what could be signed for a role by one root cannot by another: a key is gone, or more of them must sign.
pub(super) fn keys_revoked(before: &Root, after: &Root, role: RoleType) -> bool {
    let ((old, old_threshold), (new, new_threshold)) = (keys_of(before, role), keys_of(after, role));
    !old.is_subset(&new) || new_threshold > old_threshold
}

/// A role's keys and how many of them must sign; where there is no such role, no key and none. An id alone is no key: nothing
/// is signed with one that the root does not have, and leaving it out of `keys` revokes it.
fn keys_of(root: &Root, role: RoleType) -> (BTreeSet<&[u8]>, u64) {
    let keys = root.roles.get(&role);
    let ids = keys.into_iter().flat_map(|keys| &keys.keyids).filter(|id| root.keys.contains_key(*id));
    let ids = ids.map(|id| &id[..]).collect();
    (ids, keys.map_or(0, |keys| keys.threshold.get()))
}

/// Whether no key has two names, so that one signature could count as two.
pub(super) fn keys_are_distinct(names: &[Decoded<Hex>], keys: &HashMap<Decoded<Hex>, Key>) -> bool {
    let mut publics = BTreeSet::new();
    let names: BTreeSet<_> = names.iter().collect();
    names.into_iter().filter_map(|name| keys.get(name)).map(public_bytes).all(|public| publics.insert(public))
}

/// # Errors
/// [`TrustError::Malformed`] when the bytes of `path` do not have the length and digest that are signed for.
pub(super) fn check_named(path: &str, named: &Metafile, bytes: &[u8]) -> Result<(), TrustError> {
    if has_length_and_digest(named, bytes) {
        return Ok(());
    }
    Err(TrustError::malformed(path, "it is not the file that is signed for"))
}

/// Whether bytes have the length and the digest that are signed for, as far as they are.
fn has_length_and_digest(named: &Metafile, bytes: &[u8]) -> bool {
    let digest = |hashes: &tough::schema::Hashes| *hashes.sha256 == *Digest::of(bytes).as_bytes();
    named.length.is_none_or(|length| length == bytes.len() as u64) && named.hashes.as_ref().is_none_or(digest)
}

fn public_bytes(key: &Key) -> &[u8] {
    match key {
        Key::Rsa { keyval, .. } => &keyval.public,
        Key::Ed25519 { keyval, .. } => &keyval.public,
        Key::Ecdsa { keyval, .. } | Key::EcdsaOld { keyval, .. } => &keyval.public,
    }
}
