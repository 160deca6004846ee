//! The one thing that the targets metadata says: which release document is the newest.
//!
//! ```text
//! target name   releases/20.json           custom {"version": 20, "deltas": {"10": 612}}, length, sha256
//! file          releases/<sha256>.20.json  (TUF's naming under consistent snapshots)
//! ```
//!
//! Exactly one target, of exactly that shape; anything else is refused. Unknown fields are passed over, and `deltas` may
//! be absent.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use tough::schema::Target;

use super::error::TrustError;
use super::roles::Quartet;
use super::trusted::{Reference, Trusted};
use crate::manifest::Release;
use crate::types::{Digest, Version};

/// The newest release of a publication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewestRelease {
    /// Its number.
    pub version: Version,
    /// Its release document.
    pub reference: Reference,
    /// From which older releases' documents there is a delta to this one, and its length in bytes. Hints: what such a
    /// delta makes is believed when it is what `reference` names.
    pub deltas: BTreeMap<Version, u64>,
}

impl NewestRelease {
    /// The release of that number with this document, and no deltas to it.
    pub fn new(version: Version, reference: Reference) -> Self {
        Self { version, reference, deltas: BTreeMap::new() }
    }

    /// Where its document lies, relative to the publication.
    pub fn path(&self) -> String {
        Release::path(self.version, self.reference.digest)
    }

    /// What the targets metadata says of it beside digest and length.
    pub(super) fn custom(&self) -> HashMap<String, Value> {
        let deltas = self.deltas.iter().map(|(from, length)| (from.to_string(), Value::from(*length)));
        let mut custom = HashMap::from([("version".to_owned(), Value::from(self.version.number()))]);
        if !self.deltas.is_empty() {
            custom.insert("deltas".to_owned(), Value::Object(deltas.collect()));
        }
        custom
    }
}

/// The name that the targets metadata gives to the release document of a version.
pub(super) fn target_name(version: Version) -> String {
    format!("releases/{version}.json")
}

/// What verified metadata names.
///
/// # Errors
/// [`TrustError::NoRelease`], [`TrustError::NotOneRelease`], [`TrustError::Delegation`].
pub(super) fn newest(metadata: &Quartet) -> Result<Trusted<NewestRelease>, TrustError> {
    let refused = |reason: String| TrustError::NotOneRelease { reason };
    if !metadata.root.document.signed.consistent_snapshot {
        return Err(refused("the root does not ask for consistent snapshots".to_owned()));
    }
    let targets = &metadata.targets.document.signed;
    no_delegation(metadata)?;
    let mut named = targets.targets.iter();
    let (name, target) = match (named.next(), named.next()) {
        (None, _) => return Err(TrustError::NoRelease { targets_version: targets.version.get() }),
        (Some(only), None) => only,
        (Some(_), Some(_)) => return Err(refused(format!("it names {} targets", targets.targets.len()))),
    };
    read(name.raw(), target).map(Trusted::vouch).map_err(refused)
}

fn no_delegation(metadata: &Quartet) -> Result<(), TrustError> {
    let delegations = metadata.targets.document.signed.delegations.as_ref();
    match delegations.and_then(|delegations| delegations.roles.first()) {
        Some(role) => Err(TrustError::Delegation { name: shown(&role.name) }),
        None => Ok(()),
    }
}

/// The digest of a target.
pub(super) fn sha256(target: &Target) -> Option<Digest> {
    <[u8; 32]>::try_from(&*target.hashes.sha256).ok().map(Digest::from_bytes)
}

/// A foreign name, as far as it is shown.
pub(super) fn shown(name: &str) -> String {
    name.chars().take(200).collect()
}

fn read(name: &str, target: &Target) -> Result<NewestRelease, String> {
    let shown = shown(name);
    let version = name.strip_prefix("releases/").and_then(|rest| rest.strip_suffix(".json"));
    let version: Option<Version> = version.and_then(|text| text.parse().ok());
    let version = version.ok_or_else(|| format!("a target is named `{shown}`"))?;
    if target.custom.get("version").and_then(Value::as_u64) != Some(u64::from(version.number())) {
        return Err(format!("the custom version of `{shown}` is not {version}"));
    }
    let digest = sha256(target).ok_or_else(|| format!("the digest of `{shown}` is not 32 bytes long"))?;
    if target.length > Release::MAX_BYTES {
        return Err(format!("`{shown}` has {} bytes; {} are allowed", target.length, Release::MAX_BYTES));
    }
    let mut newest = NewestRelease::new(version, Reference { digest, length: target.length });
    if let Some(deltas) = target.custom.get("deltas") {
        let bad = || format!("the custom deltas of `{shown}` are not lengths by release");
        for (from, length) in deltas.as_object().ok_or_else(bad)? {
            newest.deltas.insert(from.parse().map_err(|_| bad())?, length.as_u64().ok_or_else(bad)?);
        }
    }
    Ok(newest)
}
