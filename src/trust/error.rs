//! What can go wrong with trust, told so that a reader can act on it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::source::SourceError;
use crate::disk::DiskError;
use crate::types::Digest;

/// The four roles of TUF that are used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Signs the keys of all roles.
    Root,
    /// Signs which snapshot is the newest.
    Timestamp,
    /// Signs which targets metadata is the newest.
    Snapshot,
    /// Signs the newest release document.
    Targets,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Root => "root",
            Self::Timestamp => "timestamp",
            Self::Snapshot => "snapshot",
            Self::Targets => "targets",
        })
    }
}

/// Why something is not trusted, could not be looked at, or could not be signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The source could not bring a file.
    #[error("cannot fetch `{path}` from the publication")]
    Unreachable {
        /// The file, relative to the publication.
        path: String,
        /// What the source said.
        source: SourceError,
    },
    /// The publication lacks a file that it must have.
    #[error("the publication has no `{path}`")]
    Missing {
        /// The file, relative to the publication.
        path: String,
    },
    /// The publication is properly signed and names no release yet.
    #[error("the publication has no release yet (targets version {targets_version})")]
    NoRelease {
        /// The version of the targets metadata that says so.
        targets_version: u64,
    },
    /// A file is larger than it may be.
    #[error("`{path}` is larger than {limit_bytes} bytes")]
    TooLarge {
        /// The file, relative to the publication.
        path: String,
        /// What was allowed.
        limit_bytes: u64,
    },
    /// A file is not the JSON that TUF asks for.
    #[error("`{path}` is not well-formed metadata")]
    Malformed {
        /// The file, relative to the publication, or the role's plain file name.
        path: String,
        /// What the parser said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Metadata is written to a specification that this program does not know.
    #[error("`{path}` follows TUF specification `{found}`; this program knows 1.x")]
    SpecVersion {
        /// The file, relative to the publication.
        path: String,
        /// What it claims to follow.
        found: String,
    },
    /// Not enough valid signatures, or the same one twice.
    #[error("the {role} metadata is not signed by its keys")]
    Signature {
        /// Whose metadata.
        role: Role,
        /// How many were wanted and found.
        source: Box<tough::schema::Error>,
    },
    /// A root lists one key under two names, so that one signature could count as two.
    #[error("root version {version} gives the {role} role one key under two names")]
    RepeatedKey {
        /// The root's version.
        version: u64,
        /// The role with that key.
        role: Role,
    },
    /// An older document than the last seen was offered.
    #[error("the {role} metadata went back from version {seen} to {offered}")]
    RolledBack {
        /// Whose metadata.
        role: Role,
        /// The version last seen.
        seen: u64,
        /// The version offered now.
        offered: u64,
    },
    /// Another document of a version that was seen before.
    #[error("the {role} metadata changed while its version stayed {version}")]
    SameVersion {
        /// Whose metadata.
        role: Role,
        /// The version of both.
        version: u64,
    },
    /// A document has another version than the one asked for: a gap in the roots, or a mix of two publications.
    #[error("the {role} metadata has version {found} where {wanted} was signed for")]
    VersionMismatch {
        /// Whose metadata.
        role: Role,
        /// The version that must be there.
        wanted: u64,
        /// The version that is there.
        found: u64,
    },
    /// A file's digest is not the signed one.
    #[error("`{path}` has digest {found} where {wanted} was signed for")]
    MetadataDigest {
        /// The file, relative to the publication.
        path: String,
        /// The signed digest, in hexadecimal.
        wanted: String,
        /// The digest found, in hexadecimal.
        found: String,
    },
    /// Metadata is past its end.
    #[error("the {role} metadata expired at {expired_at} (the time is taken to be {now:.0})")]
    Expired {
        /// Whose metadata.
        role: Role,
        /// Its end.
        expired_at: Timestamp,
        /// The time that it was compared with.
        now: Timestamp,
    },
    /// More roots than any honest publication has.
    #[error("the publication has more than {limit} new roots")]
    TooManyRoots {
        /// How many are followed.
        limit: u64,
    },
    /// The targets metadata delegates, which this program never follows.
    #[error("the targets metadata delegates to `{name}`; delegations are not followed")]
    Delegation {
        /// The role, or the file that was asked for it.
        name: String,
    },
    /// The targets metadata does not name exactly one release document as it must.
    #[error("the targets metadata does not name one release document: {reason}")]
    NotOneRelease {
        /// What is wrong.
        reason: String,
    },
    /// Metadata breaks another rule of TUF.
    #[error("the metadata breaks a rule of TUF")]
    Refused {
        /// Which.
        source: Box<tough::error::Error>,
    },
    /// The root given is not one that the local chain knows.
    #[error("root version {version} as given is not the one that `{path}` follows (versions {oldest} to {newest})")]
    ForeignRoot {
        /// The trust directory.
        path: PathBuf,
        /// The version of the root given.
        version: u64,
        /// The oldest root of the local chain.
        oldest: u64,
        /// The newest root of the local or the published chain.
        newest: u64,
    },
    /// What was last seen is damaged, so nothing can be compared with it.
    #[error("`{path}` is damaged: {reason}")]
    LocalDamaged {
        /// The file.
        path: PathBuf,
        /// How.
        reason: String,
    },
    /// A symlink or a device where a plain file or directory must be.
    #[error("`{path}` is not a plain file or directory")]
    LocalNotPlain {
        /// What was found instead.
        path: PathBuf,
    },
    /// The local disk failed.
    #[error("cannot {action} `{path}`")]
    Local {
        /// What was tried: a verb.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A document has another length than its reference says.
    #[error("the document has {found} bytes where {wanted} were signed for")]
    Length {
        /// The signed length.
        wanted: u64,
        /// The length found.
        found: u64,
    },
    /// A document has another digest than its reference says.
    #[error("the document has digest {found} where {wanted} was signed for")]
    Digest {
        /// The signed digest.
        wanted: Digest,
        /// The digest found.
        found: Digest,
    },
    /// A key is already there; keys are never overwritten.
    #[error("the key `{path}` exists already")]
    KeyExists {
        /// The key file.
        path: PathBuf,
    },
    /// A key that is needed is not there.
    #[error("the key `{path}` is not there")]
    KeyMissing {
        /// The key file.
        path: PathBuf,
    },
    /// A file is not an Ed25519 key in PKCS#8 PEM.
    #[error("`{path}` is not an Ed25519 private key in PKCS#8 PEM")]
    KeyUnusable {
        /// The key file.
        path: PathBuf,
    },
    /// The system gave no key.
    #[error("cannot make a key")]
    KeyGeneration,
    /// The number of root keys and their threshold make no sense.
    #[error("a threshold of {threshold} with {count} root keys is not possible (1 to 16 keys)")]
    Threshold {
        /// How many must sign.
        threshold: u64,
        /// How many there are.
        count: usize,
    },
    /// The keys at hand are not those of this role.
    #[error("the keys in `{}` do not sign the {role} metadata: {valid} of {threshold} signatures", keys.display())]
    CannotSign {
        /// The directory of the keys at hand.
        keys: PathBuf,
        /// Whose metadata.
        role: Role,
        /// How many signatures are wanted.
        threshold: u64,
        /// How many the keys at hand give.
        valid: u64,
    },
    /// A rotation of keys was begun, and only its end renews the root.
    #[error("the publication's keys are being replaced, and the root that ends this is still missing")]
    Rotating,
    /// Signing now would be before the last signing, whose time machines have seen.
    #[error("the publication was last signed at {issued}, which is after {now}")]
    TimeWentBack {
        /// When the present timestamp was signed.
        issued: Timestamp,
        /// When the next was to be signed.
        now: Timestamp,
    },
    /// A time or version that is to be signed lies outside what can be written.
    #[error("the {what} to be signed is out of range")]
    OutOfRange {
        /// Which value.
        what: &'static str,
    },
}

impl TrustError {
    /// Whether the publication could not be reached or lacks something (try again later), as against being refused.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Missing { .. } | Self::NoRelease { .. })
    }

    /// Whether the local disk or filesystem is at fault, and neither the publication nor its signatures.
    ///
    /// What was last seen being damaged is not among these: it is a matter of trust.
    pub fn is_local(&self) -> bool {
        matches!(self, Self::Local { .. })
    }

    pub(super) fn local(action: &'static str, path: &Path, source: impl Into<io::Error>) -> Self {
        Self::Local { action, path: path.to_owned(), source: source.into() }
    }

    pub(super) fn damaged(path: PathBuf, reason: impl fmt::Display) -> Self {
        Self::LocalDamaged { path, reason: reason.to_string() }
    }

    pub(super) fn malformed(
        path: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Malformed { path: path.into(), source: source.into() }
    }
}

impl From<DiskError> for TrustError {
    fn from(DiskError { action, path, source }: DiskError) -> Self {
        Self::Local { action, path, source }
    }
}
