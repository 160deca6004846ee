//! Why nothing was published, or what could not be read of what is.

use std::io;
use std::path::PathBuf;

use super::compose::ComposeError;
use super::installable::NotInstallable;
use crate::manifest::{Conflict, DocumentError, ManifestError, OldestRelease, ReleaseError};
use crate::pack::PackError;
use crate::site::{InputError, SiteError};
use crate::trust::TrustError;
use crate::types::{BundleName, Digest, Version};

/// Why an operation on a publication failed.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// Keys inside the publication would be served to everybody.
    #[error("the keys' directory {} lies inside the publication {}", keys.display(), site.display())]
    KeysInside {
        /// Where the keys are to be.
        keys: PathBuf,
        /// The publication.
        site: PathBuf,
    },
    /// Releases are published in the order of their numbers.
    #[error("release {version} is not newer than release {newest}, the newest that is published")]
    NotNewer {
        /// The version that was asked for.
        version: Version,
        /// The newest release.
        newest: Version,
    },
    /// The floor must lie between the one before and the release itself.
    #[error("the floor cannot be {floor}: it must be at least {least} (it never falls) and at most {version}")]
    BadFloor {
        /// The floor that was asked for.
        floor: Version,
        /// The floor of the release before, or the lowest there is.
        least: Version,
        /// The release.
        version: Version,
    },
    /// A time that cannot be signed.
    #[error("{0} seconds since 1970 is no time that can be signed")]
    BadTime(i64),
    /// The input cannot be read or cannot be published.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The input is no release.
    #[error(transparent)]
    Compose(#[from] ComposeError),
    /// A bundle that no machine could have.
    #[error(transparent)]
    NotInstallable(#[from] NotInstallable),
    /// The publication's directory.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// Signatures and keys.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The keys at hand are those of a rotation that is not at its end: so far others signed what is published.
    #[error("a replacing of the keys was begun and is not at its end")]
    RotationUnfinished(#[source] TrustError),
    /// The signed metadata of the publication refers to something that is not there as signed.
    #[error("{path} is not what the publication's signed metadata says it is")]
    NotAsSigned {
        /// The file.
        path: String,
    },
    /// A release document that is published.
    #[error("the published {path} cannot be used")]
    Release {
        /// The file.
        path: String,
        /// Why.
        source: ReleaseError,
    },
    /// What the publication says of its past.
    #[error("the published {} cannot be used", OldestRelease::PATH)]
    History {
        /// Why.
        source: DocumentError,
    },
    /// The oldest release that the publication says it has is none that its newest leads to.
    #[error(
        "{} says that release {oldest} is the oldest, and the newest release does not lead to that",
        OldestRelease::PATH
    )]
    NoOldest {
        /// The release.
        oldest: Version,
    },
    /// A release that was begun, or whose metadata was replaced by older metadata.
    #[error("release {version} lies there, and the newest release that the metadata names is {newest}")]
    NotSignedFor {
        /// The release.
        version: Version,
        /// The newest one.
        newest: Version,
    },
    /// A manifest that is published.
    #[error("the published {path} cannot be used")]
    Manifest {
        /// The file.
        path: String,
        /// Why.
        source: ManifestError,
    },
    /// The bundles of a published release disagree.
    #[error("release {version} is published with bundles that disagree")]
    Conflict {
        /// The release.
        version: Version,
        /// Where.
        source: Conflict,
    },
    /// The new manifest of a bundle is not one that a client would take.
    #[error("bundle {bundle}: its manifest would be refused by clients")]
    NewManifest {
        /// The bundle.
        bundle: BundleName,
        /// Why.
        source: ManifestError,
    },
    /// The new release document is not one that a client would take.
    #[error("the document of release {version} would be refused by clients")]
    NewRelease {
        /// The release.
        version: Version,
        /// Why.
        source: ReleaseError,
    },
    /// A release that says more of its bundles than fits into a document.
    #[error(
        "the document of release {version} has {bytes} bytes, and clients take {limit}: shorten the descriptions in the \
         definitions"
    )]
    ReleaseTooLong {
        /// The release.
        version: Version,
        /// How long its document is.
        bytes: usize,
        /// How long it may be.
        limit: u64,
    },
    /// A blob cannot be read.
    #[error("cannot read blob {digest}")]
    Blob {
        /// The blob.
        digest: Digest,
        /// Why.
        source: io::Error,
    },
    /// An object cannot be made or read.
    #[error("{path} cannot be made, or not be decoded")]
    Object {
        /// The object.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// An object, a manifest or a search index holds something else than it is called after.
    #[error("{path} does not hold the content that it is named after")]
    Misnamed {
        /// The file.
        path: String,
    },
    /// An object that is lost, and that is another when it is made again.
    #[error(
        "{path} is missing; releases are signed that say it has {signed} bytes, and made again it has {made}: bring it back \
         from a copy of the publication, or make it with the --level, and by the program, that made it"
    )]
    OtherObject {
        /// The object.
        path: String,
        /// How long it was.
        signed: u64,
        /// How long it would be.
        made: u64,
    },
    /// A pack cannot be made.
    #[error("cannot make {path}")]
    Pack {
        /// The pack.
        path: String,
        /// Why.
        source: PackError,
    },
}

/// What a failure means for whoever asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    /// What was asked for, or the input, cannot be published: to be put right by whoever asks.
    Usage,
    /// The publication, or its signatures, are not what they must be.
    Integrity,
    /// The disk.
    Disk,
    /// Another run is at work.
    Locked,
    /// Our own fault.
    Bug,
}

impl PublishError {
    /// What the failure means.
    pub fn category(&self) -> Category {
        match self {
            Self::KeysInside { .. } | Self::NotNewer { .. } | Self::BadFloor { .. } | Self::BadTime(_) => {
                Category::Usage
            }
            Self::NotSignedFor { .. } => Category::Usage,
            Self::Compose(_) | Self::NotInstallable(_) | Self::ReleaseTooLong { .. } | Self::RotationUnfinished(_) => {
                Category::Usage
            }
            Self::Input(error) => match error {
                InputError::Read { .. } | InputError::Changed { .. } => Category::Disk,
                _ => Category::Usage,
            },
            Self::Site(error) => match error {
                SiteError::NoDirectory(_) | SiteError::NoPublication(_) | SiteError::NotEmpty(_) => Category::Usage,
                SiteError::Locked(_) => Category::Locked,
                SiteError::Missing(_) | SiteError::TooLong { .. } => Category::Integrity,
                SiteError::Io { .. } => Category::Disk,
            },
            Self::Trust(error) => match error {
                TrustError::KeyMissing { .. }
                | TrustError::KeyExists { .. }
                | TrustError::KeyUnusable { .. }
                | TrustError::CannotSign { .. }
                | TrustError::Rotating
                // What clients would refuse is a finding of `check`; here it is a root that must be signed again first.
                | TrustError::Expired { .. }
                | TrustError::Threshold { .. }
                | TrustError::TimeWentBack { .. }
                | TrustError::OutOfRange { .. } => Category::Usage,
                TrustError::Local { .. } | TrustError::KeyGeneration => Category::Disk,
                _ => Category::Integrity,
            },
            Self::NotAsSigned { .. }
            | Self::Release { .. }
            | Self::History { .. }
            | Self::NoOldest { .. }
            | Self::Manifest { .. }
            | Self::Conflict { .. }
            | Self::Misnamed { .. }
            | Self::OtherObject { .. } => Category::Integrity,
            // What no system call said is said by the decoder.
            Self::Object { source, .. } if source.raw_os_error().is_none() => Category::Integrity,
            Self::Blob { .. } | Self::Object { .. } => Category::Disk,
            Self::Pack { source, .. } => match source {
                PackError::Make { .. } => Category::Disk,
                PackError::TooLarge { .. } => Category::Usage,
                _ => Category::Bug,
            },
            Self::NewManifest { .. } | Self::NewRelease { .. } => Category::Bug,
        }
    }
}
