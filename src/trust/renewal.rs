//! The publisher's side: signs what is published again, so that it ends later.
//!
//! **Promises.** What is signed again says what it said, with a later end and the next version, and whatever refers to it is
//! signed with it. Only what bears a signature of the keys at hand is signed again: nobody who tampers with a publication has
//! it sign for what he put there. **Leaves to** `rotation` the change of keys.

use jiff::{SignedDuration, Timestamp};
use tough::schema::{Root, Snapshot, Targets, Timestamp as TimestampRole};

use super::documents::{
    Document, Lifetimes, When, below_root, check_own, checked, is_between, next, signed, signed_root, timestamp_for,
};
use super::error::{Role, TrustError};
use super::keys::KeyDirectory;
use super::roles::{Expirations, Quartet};
use super::signing::CurrentMetadata;

/// How long before its end metadata is due at the earliest: enough for a key to be fetched from where it is kept.
const NOTICE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What is signed again, to end later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resign {
    /// The timestamp, and of what else is [`due`] that which the keys at hand sign.
    Due,
    /// This role and what refers to it: targets, snapshot and timestamp in this order. To the root nothing refers.
    From(Role),
}

/// What has to be signed again by now, as the roles to begin with: the root, and the uppermost of the others, since what
/// refers to it is signed with it.
///
/// A role is due when a third of its life is left, and at most a month before its end.
pub fn due(ends: &Expirations, lifetimes: &Lifetimes, now: Timestamp) -> Vec<Role> {
    let is_due = |role: &Role| {
        let third = SignedDuration::from_hours(i64::from(lifetimes.days(*role)) * 24 / 3);
        ends.of(*role).duration_since(now) <= third.min(NOTICE)
    };
    let root = [Role::Root].into_iter().find(is_due);
    let below = [Role::Targets, Role::Snapshot, Role::Timestamp].into_iter().find(is_due);
    root.into_iter().chain(below).collect()
}

/// Signs what is published again, so that it ends later.
///
/// # Errors
/// As [`super::sign_release`]; [`TrustError::CannotSign`] also when what is there was not signed by the keys at hand;
/// [`TrustError::Rotating`] for the root, where a rotation was begun: the keys that it replaces get no more time.
pub fn resign(
    current: &CurrentMetadata,
    keys: &KeyDirectory,
    what: Resign,
    lifetimes: &Lifetimes,
    now: Timestamp,
) -> Result<Vec<Document>, TrustError> {
    let present = current.verify()?;
    let when = When::after(&present, now, lifetimes)?;
    match what {
        Resign::From(role) => resign_from(role, &present, keys, &when),
        Resign::Due => resign_due(due(&present.expirations(), lifetimes, now), &present, keys, &when),
    }
}

/// What is due, as far as the keys at hand sign it; the timestamp in any case.
fn resign_due(
    due: Vec<Role>,
    present: &Quartet,
    keys: &KeyDirectory,
    when: &When,
) -> Result<Vec<Document>, TrustError> {
    let mut documents = Vec::new();
    for role in due {
        match resign_from(role, present, keys, when) {
            // A key that is elsewhere, encrypted, not for this user, or no longer the role's, is no reason to let the timestamp
            // end; neither is a root that waits for the end of a rotation. Nothing but keys is read here.
            Err(
                TrustError::KeyMissing { .. }
                | TrustError::KeyUnusable { .. }
                | TrustError::Local { .. }
                | TrustError::CannotSign { .. }
                | TrustError::Rotating,
            ) => {}
            signed => documents.extend(signed?),
        }
    }
    if !documents.iter().any(|document| document.role == Role::Timestamp) {
        documents.extend(resign_from(Role::Timestamp, present, keys, when)?);
    }
    Ok(documents)
}

fn resign_from(role: Role, present: &Quartet, keys: &KeyDirectory, when: &When) -> Result<Vec<Document>, TrustError> {
    let before = &present.root.document.signed;
    if role != Role::Root {
        // It names all the others by digest, and what is signed now counts on from its version.
        check_own(before, &present.timestamp, &[keys.timestamp()?], keys)?;
    }
    let timestamp_version = || next(present.timestamp.version());
    let documents = match role {
        Role::Root => {
            let signers = keys.root()?;
            check_own(before, &present.root, &signers, keys)?;
            if is_between(before) {
                return Err(TrustError::Rotating);
            }
            let root = Root { version: next(present.root.version())?, expires: when.root, ..before.clone() };
            vec![signed_root(Some(before), root, &signers, keys)?]
        }
        Role::Targets => {
            check_own(before, &present.targets, &[keys.targets()?], keys)?;
            let targets = Targets {
                version: next(present.targets.version())?,
                expires: when.targets,
                ..present.targets.document.signed.clone()
            };
            below_root(keys, targets, next(present.snapshot.version())?, timestamp_version()?, when)?
        }
        Role::Snapshot => {
            check_own(before, &present.snapshot, &[keys.targets()?], keys)?;
            let snapshot = Snapshot {
                version: next(present.snapshot.version())?,
                expires: when.snapshot,
                ..present.snapshot.document.signed.clone()
            };
            let snapshot = signed(snapshot, &[&keys.targets()?])?;
            let timestamp = timestamp_for(&snapshot, &keys.timestamp()?, timestamp_version()?, when)?;
            vec![snapshot.document, timestamp]
        }
        Role::Timestamp => {
            let timestamp = TimestampRole {
                version: timestamp_version()?,
                expires: when.timestamp,
                _extra: when.issued(),
                ..present.timestamp.document.signed.clone()
            };
            vec![signed(timestamp, &[&keys.timestamp()?])?.document]
        }
    };
    checked(before, documents, keys)
}
