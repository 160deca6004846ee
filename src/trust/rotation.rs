//! The publisher's side: other keys, without a moment in which clients are refused.
//!
//! **Promises.** After each document that is written the publication is one that clients accept, and from which the same
//! rotation goes on to its end; where it heals a wrong time ([`rotate`]), some do only at that end. **Needs** documents to be
//! written in their order. **Leaves to** `held` what a client forgets when keys are revoked.
//!
//! ```text
//! root N        the old keys
//! root N + 1    the new root keys; for all below it the keys before and the new ones. Signed by both root keys.
//! targets, snapshot, timestamp     signed by the new keys
//! root N + 2    the new keys alone. Signed by the new root keys.
//! ```
//!
//! Each step is done where it still has to be, which the newest root and the signatures tell: a run that was cut off is gone
//! on with, and where a rotation brings no new keys below the root one root is enough. A root between two gives no key more
//! time than it had: it ends with the one before it, or with the new timestamp where that is later, and it is not renewed.

use jiff::Timestamp;
use tough::schema::{RoleType, Root, Targets};

use super::documents::{
    BELOW_ROOT, Document, Lifetimes, When, below_root, check_own, checked, is_between, next, root_of, signed_root,
};
use super::error::TrustError;
use super::keys::{KeyDirectory, RootKeys};
use super::roles::{Quartet, keys_differ, keys_revoked};
use super::signing::CurrentMetadata;

/// What is still to be written until the keys of `new` sign alone; nothing when they do. Of `old` only the root keys are
/// used, and these until the new ones are the root's.
///
/// It also heals metadata that was once signed with a time too far ahead: machines forget that time with the last root.
/// Until then those that saw it take the new timestamp for ended, if the time is ahead by more than a timestamp lives.
/// It does not change a release document that says so: its release stays refused, and machines that have it remember.
///
/// # Errors
/// As [`super::sign_release`]; [`TrustError::CannotSign`] when `old` does not hold enough keys of the present root.
pub fn rotate(
    current: &CurrentMetadata,
    old: &KeyDirectory,
    new: &KeyDirectory,
    root_keys: RootKeys,
    lifetimes: &Lifetimes,
    now: Timestamp,
) -> Result<Vec<Document>, TrustError> {
    let present = current.verify()?;
    let when = When::new(now, lifetimes)?;
    let mut before = present.root.document.signed.clone();
    let mut last = root_of(new, root_keys, next(before.version.get())?, &when)?;
    let mut roles = BELOW_ROOT.into_iter().chain([RoleType::Root]);
    if !roles.any(|role| keys_differ(&before, &last, role)) {
        return Ok(Vec::new());
    }
    let mut signers = new.root()?;
    if keys_differ(&before, &last, RoleType::Root) {
        signers.extend(old.root()?);
    }
    check_own(&before, &present.root, &signers, old)?;
    let mut documents = Vec::new();
    // What the last root's keys sign, the root before does not take yet.
    if BELOW_ROOT.into_iter().any(|role| keys_revoked(&last, &before, role)) {
        let between = between(&before, &last, &when);
        documents.push(signed_root(Some(&before), between.clone(), &signers, old)?);
        last.version = next(between.version.get())?;
        before = between;
        signers = new.root()?;
    }
    if !is_signed_for(&last, &present) {
        let targets = Targets {
            version: next(present.targets.version())?,
            expires: when.targets,
            ..present.targets.document.signed.clone()
        };
        let (snapshot, timestamp) = (next(present.snapshot.version())?, next(present.timestamp.version())?);
        documents.extend(checked(&last, below_root(new, targets, snapshot, timestamp, &when)?, new)?);
    }
    documents.push(signed_root(Some(&before), last, &signers, old)?);
    Ok(documents)
}

impl CurrentMetadata {
    /// Whether a rotation of keys was begun and is not at its end: the keys that it replaces still count.
    ///
    /// # Errors
    /// When the metadata is not what the root's keys signed.
    pub fn is_rotating(&self) -> Result<bool, TrustError> {
        Ok(is_between(&self.verify()?.root.document.signed))
    }
}

/// The last root, which for all below it also has the keys that the root before has.
fn between(before: &Root, last: &Root, when: &When) -> Root {
    let mut between = Root { expires: before.expires.max(when.timestamp), ..last.clone() };
    for role in BELOW_ROOT {
        let (Some(old), Some(keys)) = (before.roles.get(&role), between.roles.get_mut(&role)) else { continue };
        for id in &old.keyids {
            if let Some(key) = before.keys.get(id).filter(|_| !keys.keyids.contains(id)) {
                keys.keyids.push(id.clone());
                between.keys.insert(id.clone(), key.clone());
            }
        }
    }
    between
}

/// Whether what is published below the root would do with this root.
fn is_signed_for(root: &Root, present: &Quartet) -> bool {
    let Quartet { timestamp, snapshot, targets, .. } = present;
    timestamp.verify(root).and(snapshot.verify(root)).and(targets.verify(root)).is_ok()
}
