//! What a release offers: bundles, packs and where their documents are.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Status;
use crate::types::{BundleName, Digest, Version};

/// A bundle manifest, or a search index, by digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestName {
    /// SHA-256 of the plain form.
    pub sha256: Digest,
    /// Length of the plain form in bytes.
    pub length: u64,
    /// Length in bytes of the compressed form, which is the file.
    pub wire_bytes: u64,
}

/// A bundle in a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleOffer {
    /// One line for people.
    pub title: String,
    /// More for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// How ready it is.
    #[serde(default)]
    pub status: Status,
    /// Bundles that come with it; `os-core` goes without saying.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub includes: BTreeSet<BundleName>,
    /// Bundles that `bundle-add` adds too, unless told not to.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub also_add: BTreeSet<BundleName>,
    /// Its manifest.
    pub manifest: ManifestName,
    /// Files in it.
    pub files: u64,
    /// Bytes of their content.
    pub disk_bytes: u64,
    /// Bytes of its pack from nothing.
    pub download_bytes: u64,
}

/// A pack on offer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackOffer {
    /// The release that a machine must be at; none for a pack from nothing.
    pub from: Option<Version>,
    /// The bundle it is for: no machine without it needs the pack. None when it is for all machines.
    pub bundle: Option<BundleName>,
    /// Where it lies in the publication.
    pub path: String,
    /// Digest and length of its head, which names the digests of all its blocks.
    pub head: HeadName,
    /// Length of the whole pack in bytes.
    pub length: u64,
}

impl PackOffer {
    /// A pack that is not longer than this comes whole: a second request costs more than what may be fetched in vain.
    const WHOLE_BYTES: u64 = 64 << 10;

    /// How much of the pack comes with its head, from its beginning on.
    pub fn first_bytes(&self) -> u64 {
        if self.length <= Self::WHOLE_BYTES { self.length } else { self.head.length }
    }

    /// Whether it is of use to a machine with these bundles.
    pub fn serves(&self, bundles: &BTreeSet<BundleName>) -> bool {
        self.bundle.as_ref().is_none_or(|bundle| bundles.contains(bundle))
    }
}

/// The head of a pack by digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadName {
    /// SHA-256 of the head.
    pub sha256: Digest,
    /// Length of the head in bytes.
    pub length: u64,
}
