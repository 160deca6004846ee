//! The tree's own record: which release and which bundles it is, kept in the tree itself so that it changes with it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::each_once::each_once;
use super::{DocumentError, Format, read_document, write_document};
use crate::types::{BundleName, Digest, Version};

/// A release by number and by the digest and length of its document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseName {
    /// The number.
    pub version: Version,
    /// SHA-256 of the release document.
    pub sha256: Digest,
    /// Length of the release document in bytes.
    pub length: u64,
}

/// `installed.json`: what a tree says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstalledRecord {
    format: Format<{ InstalledRecord::FORMAT }>,
    /// The release.
    pub release: ReleaseName,
    /// Counts the trees of this machine: each new tree has one more than the newest before it.
    pub sequence: u64,
    /// The bundles that were asked for by name.
    pub subscriptions: BTreeSet<BundleName>,
    /// Every bundle in the tree, with the digest of its manifest.
    #[serde(deserialize_with = "each_once")]
    pub bundles: BTreeMap<BundleName, Digest>,
    /// Where the publication is read from, the first that answers.
    pub origin: Vec<String>,
}

impl InstalledRecord {
    const FORMAT: u32 = 1;

    /// A record for a new tree.
    pub fn new(
        release: ReleaseName,
        sequence: u64,
        subscriptions: BTreeSet<BundleName>,
        bundles: BTreeMap<BundleName, Digest>,
        origin: Vec<String>,
    ) -> Self {
        Self { format: Format, release, sequence, subscriptions, bundles, origin }
    }

    /// The version of the tree.
    pub fn version(&self) -> Version {
        self.release.version
    }

    /// Reads the JSON.
    ///
    /// # Errors
    /// When it is damaged or of a later format.
    pub fn parse(json: &[u8]) -> Result<Self, DocumentError> {
        read_document("the record of the tree (installed.json)", Self::FORMAT, json)
    }

    /// The JSON.
    pub fn to_json(&self) -> Vec<u8> {
        write_document(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_that_is_there_twice_is_refused() {
        let release =
            ReleaseName { version: Version::new(10).expect("not zero"), sha256: Digest::of(b"release"), length: 7 };
        let bundles = [(BundleName::core(), Digest::of(b"manifest"))].into();
        let record = InstalledRecord::new(release, 1, BTreeSet::new(), bundles, Vec::new());
        let json = String::from_utf8(record.to_json()).expect("text");
        assert_eq!(InstalledRecord::parse(json.as_bytes()).expect("its own output"), record);
        let entry = format!("\"os-core\": \"{}\"", Digest::of(b"manifest"));
        let twice = json.replace(&entry, &format!("\"os-core\": \"{}\", {entry}", Digest::of(b"another")));
        let error = InstalledRecord::parse(twice.as_bytes()).expect_err("twice");
        let said = std::error::Error::source(&error).expect("the parser's").to_string();
        assert!(said.contains("`os-core` comes twice"), "{said}");
    }
}
