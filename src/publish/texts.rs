//! Texts that are published under their own digest: the manifests and the search index of a release.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::PublishError;
use super::compose::Composition;
use crate::manifest::{BundleManifest, ManifestError, ManifestName, Release, SearchIndex, Tree};
use crate::site::{Batch, Site};
use crate::types::{BundleName, Digest, Entry};

/// How a kind of text travels.
pub struct TextForm {
    path: fn(Digest) -> String,
    compress: fn(&[u8]) -> Vec<u8>,
    expand: fn(&[u8], u64) -> Option<Vec<u8>>,
    max_bytes: u64,
}

/// A bundle's manifest.
pub const MANIFEST: TextForm = TextForm {
    path: Release::manifest_path,
    compress: BundleManifest::compress,
    expand: |compressed, length| BundleManifest::expand(compressed, length).ok(),
    max_bytes: BundleManifest::MAX_BYTES,
};

/// A release's search index.
pub const SEARCH_INDEX: TextForm = TextForm {
    path: Release::search_path,
    compress: SearchIndex::compress,
    expand: |compressed, length| SearchIndex::expand(compressed, length).ok(),
    max_bytes: SearchIndex::MAX_BYTES,
};

impl TextForm {
    /// Publishes a text, compressed, unless it is there. Then it is read: its length on the wire is what is signed for.
    ///
    /// # Errors
    /// [`PublishError::Misnamed`] when something else is there under its name; when the disk refuses.
    pub fn publish(&self, site: &Site, batch: &Batch<'_>, text: &[u8]) -> Result<ManifestName, PublishError> {
        let (sha256, length) = (Digest::of(text), text.len() as u64);
        let path = (self.path)(sha256);
        let wire_bytes = if site.length(&path)?.is_none() {
            batch.add_bytes(&path, &(self.compress)(text))?
        } else {
            let compressed = site.read(&path, self.max_bytes)?;
            if (self.expand)(&compressed, length).is_none_or(|there| there != text) {
                return Err(PublishError::Misnamed { path });
            }
            compressed.len() as u64
        };
        Ok(ManifestName { sha256, length, wire_bytes })
    }
}

/// The JSON text of every manifest, each proved to be one that a client takes.
///
/// # Errors
/// [`PublishError::NewManifest`] when one is not.
pub fn manifest_texts(composition: &Composition) -> Result<BTreeMap<BundleName, Vec<u8>>, PublishError> {
    let text = |(bundle, entries): (&BundleName, &Vec<Entry>)| {
        let refused = |source| PublishError::NewManifest { bundle: bundle.clone(), source };
        let tree = Tree::from_sorted(entries.clone())
            .map_err(|source| refused(ManifestError::BadTree { bundle: bundle.clone(), source }))?;
        let text = BundleManifest { bundle: bundle.clone(), tree }.to_json();
        BundleManifest::parse(bundle, &text).map_err(refused)?;
        Ok((bundle.clone(), text))
    };
    composition.bundles.par_iter().map(text).collect()
}
