//! Builds and signs the single documents that `signing`, `renewal` and `rotation` hand out, always to the same bytes.

use std::collections::{BTreeMap, HashMap};
use std::num::{NonZeroU16, NonZeroU64};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tough::schema::{
    Hashes, Metafile, Role as ToughRole, RoleKeys, RoleType, Root, Signed, Snapshot, Targets,
    Timestamp as TimestampRole,
};

use super::error::{Role, TrustError};
use super::keys::{KeyDirectory, RootKeys, SigningKey};
use super::roles::{ISSUED, Quartet, Seen};
use crate::types::Digest;

/// The version of the TUF specification that documents claim to follow. `tough` writes the same.
const SPEC_VERSION: &str = "1.0.0";

/// The roles that the root names beside itself.
pub(super) const BELOW_ROOT: [RoleType; 3] = [RoleType::Targets, RoleType::Snapshot, RoleType::Timestamp];

/// For how many days each role's metadata is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// Root: two years.
    pub root_days: u32,
    /// Targets: half a year.
    pub targets_days: u32,
    /// Snapshot: four weeks.
    pub snapshot_days: u32,
    /// Timestamp: a week; to be signed again daily.
    pub timestamp_days: u32,
}

/// A file of the publication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Whose metadata it is.
    pub role: Role,
    /// Where it goes, relative to the publication.
    pub path: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// The time of signing, in whole seconds, and the ends that follow from it.
pub(super) struct When {
    issued: Timestamp,
    pub(super) root: Timestamp,
    pub(super) targets: Timestamp,
    pub(super) snapshot: Timestamp,
    pub(super) timestamp: Timestamp,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self { root_days: 730, targets_days: 183, snapshot_days: 28, timestamp_days: 7 }
    }
}

impl Lifetimes {
    /// For how many days this role's metadata is good.
    pub(super) const fn days(&self, role: Role) -> u32 {
        match role {
            Role::Root => self.root_days,
            Role::Targets => self.targets_days,
            Role::Snapshot => self.snapshot_days,
            Role::Timestamp => self.timestamp_days,
        }
    }
}

impl When {
    pub(super) fn new(now: Timestamp, lifetimes: &Lifetimes) -> Result<Self, TrustError> {
        let out_of_range = |_| TrustError::OutOfRange { what: "time" };
        let issued = Timestamp::from_second(now.as_second()).map_err(out_of_range)?;
        let after =
            |days: u32| issued.checked_add(SignedDuration::from_hours(i64::from(days) * 24)).map_err(out_of_range);
        Ok(Self {
            issued,
            root: after(lifetimes.root_days)?,
            targets: after(lifetimes.targets_days)?,
            snapshot: after(lifetimes.snapshot_days)?,
            timestamp: after(lifetimes.timestamp_days)?,
        })
    }

    /// As [`When::new`], but not before the present timestamp was signed: clients count that time as come.
    pub(super) fn after(present: &Quartet, now: Timestamp, lifetimes: &Lifetimes) -> Result<Self, TrustError> {
        let when = Self::new(now, lifetimes)?;
        match present.timestamp.issued()? {
            Some(issued) if issued > when.issued => Err(TrustError::TimeWentBack { issued, now }),
            _ => Ok(when),
        }
    }

    pub(super) fn issued(&self) -> HashMap<String, Value> {
        HashMap::from([(ISSUED.to_owned(), Value::from(self.issued.to_string()))])
    }
}

/// A signed role, and what it is for those that refer to it.
pub(super) struct SignedDocument {
    pub(super) document: Document,
    file: String,
    version: NonZeroU64,
}

impl SignedDocument {
    fn meta(&self) -> HashMap<String, Metafile> {
        let meta = Metafile {
            length: Some(self.document.bytes.len() as u64),
            hashes: Some(hashes(&Digest::of(&self.document.bytes))),
            version: self.version,
            _extra: HashMap::new(),
        };
        HashMap::from([(self.file.clone(), meta)])
    }
}

pub(super) fn next(version: u64) -> Result<NonZeroU64, TrustError> {
    version.checked_add(1).and_then(NonZeroU64::new).ok_or(TrustError::OutOfRange { what: "version" })
}

pub(super) fn hashes(digest: &Digest) -> Hashes {
    Hashes { sha256: digest.as_bytes().to_vec().into(), _extra: HashMap::new() }
}

pub(super) fn root_of(
    keys: &KeyDirectory,
    root_keys: RootKeys,
    version: NonZeroU64,
    when: &When,
) -> Result<Root, TrustError> {
    let (root, targets, timestamp) = (keys.root()?, keys.targets()?, keys.timestamp()?);
    let threshold = NonZeroU64::from(NonZeroU16::new(root_keys.threshold()).unwrap_or(NonZeroU16::MIN));
    if (root.len() as u64) < threshold.get() {
        let (keys, valid) = (keys.path().to_owned(), root.len() as u64);
        return Err(TrustError::CannotSign { keys, role: Role::Root, threshold: threshold.get(), valid });
    }
    let role = |keys: &[&SigningKey], threshold| RoleKeys {
        keyids: keys.iter().map(|key| key.id.clone()).collect(),
        threshold,
        _extra: HashMap::new(),
    };
    let one = NonZeroU64::MIN;
    let all: Vec<&SigningKey> = root.iter().collect();
    let roles = HashMap::from([
        (RoleType::Root, role(&all, threshold)),
        (RoleType::Targets, role(&[&targets], one)),
        (RoleType::Snapshot, role(&[&targets], one)),
        (RoleType::Timestamp, role(&[&timestamp], one)),
    ]);
    let known = all.into_iter().chain([&targets, &timestamp]);
    Ok(Root {
        spec_version: SPEC_VERSION.to_owned(),
        consistent_snapshot: true,
        version,
        expires: when.root,
        keys: known.map(|key| (key.id.clone(), key.public.clone())).collect(),
        roles,
        _extra: HashMap::new(),
    })
}

/// Whether this is a root between two, of a rotation: only there has a role below the root more than one key.
pub(super) fn is_between(root: &Root) -> bool {
    BELOW_ROOT.iter().filter_map(|role| root.roles.get(role)).any(|role| role.keyids.len() > 1)
}

pub(super) fn targets_of(version: NonZeroU64, when: &When) -> Targets {
    Targets { delegations: None, ..Targets::new(SPEC_VERSION.to_owned(), version, when.targets) }
}

/// Targets, the snapshot that lists them, and the timestamp that names it, in the order of writing.
pub(super) fn below_root(
    keys: &KeyDirectory,
    targets: Targets,
    snapshot_version: NonZeroU64,
    timestamp_version: NonZeroU64,
    when: &When,
) -> Result<Vec<Document>, TrustError> {
    let targets_key = keys.targets()?;
    let targets = signed(targets, &[&targets_key])?;
    let mut snapshot = Snapshot::new(SPEC_VERSION.to_owned(), snapshot_version, when.snapshot);
    snapshot.meta = targets.meta();
    let snapshot = signed(snapshot, &[&targets_key])?;
    let timestamp = timestamp_for(&snapshot, &keys.timestamp()?, timestamp_version, when)?;
    Ok(vec![targets.document, snapshot.document, timestamp])
}

pub(super) fn timestamp_for(
    snapshot: &SignedDocument,
    key: &SigningKey,
    version: NonZeroU64,
    when: &When,
) -> Result<Document, TrustError> {
    let mut timestamp = TimestampRole::new(SPEC_VERSION.to_owned(), version, when.timestamp);
    timestamp.meta = snapshot.meta();
    timestamp._extra = when.issued();
    Ok(signed(timestamp, &[key])?.document)
}

/// A root with the signatures of `signers`, which must be as many as itself and the root before it ask for; the first has
/// none before it.
pub(super) fn signed_root(
    before: Option<&Root>,
    root: Root,
    signers: &[SigningKey],
    keys: &KeyDirectory,
) -> Result<Document, TrustError> {
    let document = signed(root, &signers.iter().collect::<Vec<_>>())?.document;
    let seen: Seen<Root> = Seen::parse_root(&document.path, document.bytes.clone())?;
    for root in before.into_iter().chain([&seen.document.signed]) {
        can_sign(root, &seen.document, keys)?;
    }
    Ok(document)
}

pub(super) fn signed<T: ToughRole>(role: T, keys: &[&SigningKey]) -> Result<SignedDocument, TrustError> {
    let file = role.filename(false);
    let canonical = role.canonical_form().map_err(|source| TrustError::malformed(file.clone(), source))?;
    let signatures: BTreeMap<String, String> =
        keys.iter().map(|key| (hex::encode(&key.id), hex::encode(key.sign(&canonical)))).collect();
    let signatures: Vec<String> =
        signatures.iter().map(|(id, signature)| format!(r#"{{"keyid":"{id}","sig":"{signature}"}}"#)).collect();
    let mut bytes = format!(r#"{{"signatures":[{}],"signed":"#, signatures.join(",")).into_bytes();
    bytes.extend_from_slice(&canonical);
    bytes.extend_from_slice(b"}\n");
    let document = Document { role: T::TYPE.into(), path: format!("metadata/{}", role.filename(true)), bytes };
    // For a root both names carry the version; nothing refers to it by name.
    Ok(SignedDocument { document, file, version: role.version() })
}

/// The keys at hand may be others than the root's: what a client would refuse is not given out.
pub(super) fn checked(root: &Root, documents: Vec<Document>, keys: &KeyDirectory) -> Result<Vec<Document>, TrustError> {
    for Document { role, path, bytes } in &documents {
        let bytes = bytes.clone();
        match role {
            Role::Root => can_sign(root, &Seen::parse_root(path, bytes)?.document, keys)?,
            Role::Targets => can_sign(root, &Seen::<Targets>::parse(path, bytes)?.document, keys)?,
            Role::Snapshot => can_sign(root, &Seen::<Snapshot>::parse(path, bytes)?.document, keys)?,
            Role::Timestamp => can_sign(root, &Seen::<TimestampRole>::parse(path, bytes)?.document, keys)?,
        }
    }
    Ok(documents)
}

/// What is carried over from a publication into what is signed must bear the signature of a key at hand. That the newest root
/// there says whose signatures count is not enough: whoever tampers with the publication can put another root there,
/// which names keys of his own beside those at hand.
pub(super) fn check_own<T: ToughRole + serde::Serialize>(
    root: &Root,
    seen: &Seen<T>,
    signers: &[SigningKey],
    keys: &KeyDirectory,
) -> Result<(), TrustError> {
    let mut own = root.clone();
    if let Some(role) = own.roles.get_mut(&T::TYPE) {
        role.keyids.retain(|id| signers.iter().any(|key| key.id == *id));
        role.threshold = NonZeroU64::MIN;
    }
    can_sign(&own, &seen.document, keys)
}

fn can_sign<T: ToughRole + serde::Serialize>(
    root: &Root,
    document: &Signed<T>,
    keys: &KeyDirectory,
) -> Result<(), TrustError> {
    let role = Role::from(T::TYPE);
    root.verify_role(document).map_err(|source| match source {
        tough::schema::Error::SignatureThreshold { threshold, valid, .. } => {
            TrustError::CannotSign { keys: keys.path().to_owned(), role, threshold, valid }
        }
        source => TrustError::Signature { role, source: Box::new(source) },
    })
}
