//! The publisher's side: signs what clients verify.
//!
//! **Promises.** The same input, keys and time give the same bytes: signatures are Ed25519, objects are written in
//! canonical order, signatures in the order of their keys' names. What is signed next continues what is published, which
//! is verified first, so that a tampered site cannot choose the next version. Documents come in the order in which they
//! must be written: whatever a document refers to is written before it, the timestamp last. **Leaves to** `publish`
//! where the documents go and where the present ones come from.
//!
//! A document is `{"signatures":[...],"signed":{...}}` and a newline, without further white space: 0.4 to 1.3 KB each.

use std::collections::HashMap;
use std::num::NonZeroU64;

use jiff::Timestamp;
use tough::TargetName;
use tough::schema::{Target, Targets};

use super::documents::{
    Document, Lifetimes, When, below_root, check_own, checked, hashes, is_between, next, root_of, signed_root,
    targets_of,
};
use super::error::TrustError;
use super::keys::{KeyDirectory, RootKeys};
use super::release::{NewestRelease, target_name};
use super::roles::{Expirations, Quartet, Seen};

/// The newest metadata of a publication, as published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrentMetadata {
    /// The newest `N.root.json`.
    pub root: Vec<u8>,
    /// The newest `N.targets.json`.
    pub targets: Vec<u8>,
    /// The newest `N.snapshot.json`.
    pub snapshot: Vec<u8>,
    /// `timestamp.json`.
    pub timestamp: Vec<u8>,
}

/// The first metadata of a publication: root, empty targets, snapshot, timestamp. A client that looks at it learns that
/// there is no release yet.
///
/// # Errors
/// Those of reading keys; [`TrustError::CannotSign`] when fewer root keys are at hand than `root_keys` says.
pub fn initialize(
    keys: &KeyDirectory,
    root_keys: RootKeys,
    lifetimes: &Lifetimes,
    now: Timestamp,
) -> Result<Vec<Document>, TrustError> {
    let when = When::new(now, lifetimes)?;
    let root = root_of(keys, root_keys, NonZeroU64::MIN, &when)?;
    let mut documents = vec![signed_root(None, root, &keys.root()?, keys)?];
    let first = NonZeroU64::MIN;
    documents.extend(below_root(keys, targets_of(first, &when), first, first, &when)?);
    Ok(documents)
}

/// Names another newest release: new targets, snapshot and timestamp.
///
/// # Errors
/// Those of reading keys; [`TrustError::Signature`] and the like when the present metadata is not what the root's keys
/// signed; [`TrustError::CannotSign`] when the keys at hand are not the root's; [`TrustError::TimeWentBack`];
/// [`TrustError::Expired`] and [`TrustError::Rotating`] when the root has ended: no client takes what is signed beneath it.
pub fn sign_release(
    current: &CurrentMetadata,
    keys: &KeyDirectory,
    newest: &NewestRelease,
    lifetimes: &Lifetimes,
    now: Timestamp,
) -> Result<Vec<Document>, TrustError> {
    let present = current.verify()?;
    let when = check_signing(&present, keys, lifetimes, now)?;
    let target = Target {
        length: newest.reference.length,
        hashes: hashes(&newest.reference.digest),
        custom: newest.custom(),
        _extra: HashMap::new(),
    };
    let name = TargetName::new(target_name(newest.version))?;
    let targets =
        Targets { targets: HashMap::from([(name, target)]), ..targets_of(next(present.targets.version())?, &when) };
    let documents =
        below_root(keys, targets, next(present.snapshot.version())?, next(present.timestamp.version())?, &when)?;
    checked(&present.root.document.signed, documents, keys)
}

impl CurrentMetadata {
    /// When each role's metadata ends.
    ///
    /// # Errors
    /// When the metadata is not what the root's keys signed.
    pub fn expirations(&self) -> Result<Expirations, TrustError> {
        Ok(self.verify()?.expirations())
    }

    /// Whether these keys can sign what comes next at that time, and clients take it: for whoever has much to do first.
    ///
    /// # Errors
    /// Those of reading keys; [`TrustError::CannotSign`] when this was signed by others; [`TrustError::TimeWentBack`];
    /// [`TrustError::Expired`] when the root has ended, [`TrustError::Rotating`] when that is a root between two.
    pub fn check_signing(&self, keys: &KeyDirectory, lifetimes: &Lifetimes, now: Timestamp) -> Result<(), TrustError> {
        check_signing(&self.verify()?, keys, lifetimes, now).map(drop)
    }

    /// Parses all four and verifies them against the root, which must sign itself.
    pub(super) fn verify(&self) -> Result<Quartet, TrustError> {
        let root = Seen::parse_root("root.json", self.root.clone())?;
        root.verify(&root.document.signed)?;
        let quartet = Quartet {
            timestamp: Seen::parse("timestamp.json", self.timestamp.clone())?,
            snapshot: Seen::parse("snapshot.json", self.snapshot.clone())?,
            targets: Seen::parse("targets.json", self.targets.clone())?,
            root,
        };
        let keys = &quartet.root.document.signed;
        quartet.timestamp.verify(keys)?;
        quartet.snapshot.verify(keys)?;
        quartet.targets.verify(keys)?;
        Ok(quartet)
    }
}

/// When what follows `present` is signed, and ends, if it is signed by these keys now.
fn check_signing(
    present: &Quartet,
    keys: &KeyDirectory,
    lifetimes: &Lifetimes,
    now: Timestamp,
) -> Result<When, TrustError> {
    let root = &present.root.document.signed;
    check_own(root, &present.targets, &[keys.targets()?], keys)?;
    check_own(root, &present.timestamp, &[keys.timestamp()?], keys)?;
    // A root between two is never signed again.
    present.root.check_end(now).map_err(|ended| if is_between(root) { TrustError::Rotating } else { ended })?;
    When::after(present, now, lifetimes)
}
