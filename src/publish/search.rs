//! The search index of a release: made of what its manifests say, so `check` can make it again and compare.

use std::collections::BTreeMap;

use super::notes::Notes;
use crate::manifest::{BundleManifest, Release, SearchIndex};
use crate::site::Site;
use crate::types::{BundleName, Digest, Entry};

/// The plain index of these bundles: their files and symlinks. Nobody looks for a directory.
pub fn index<'a>(bundles: impl IntoIterator<Item = (&'a BundleName, &'a [Entry])>) -> Vec<u8> {
    let paths = |entries: &'a [Entry]| {
        entries.iter().filter(|entry| !entry.is_directory()).map(|entry| &entry.path).collect::<Vec<_>>()
    };
    let bundles: BTreeMap<_, _> = bundles.into_iter().map(|(bundle, entries)| (bundle, paths(entries))).collect();
    SearchIndex::make(&bundles)
}

/// Proves that the published index of a release is the one that its manifests make.
pub(super) fn check(site: &Site, release: &Release, manifests: &[BundleManifest], notes: &Notes) {
    let Some(name) = &release.search else { return };
    let path = Release::search_path(name.sha256);
    notes.refers(&path);
    let compressed = match site.read(&path, name.wire_bytes) {
        Ok(compressed) => compressed,
        Err(error) => return notes.failed(&path, &error),
    };
    let plain = match SearchIndex::expand(&compressed, name.length) {
        Ok(plain) => plain,
        Err(error) => return notes.failed(&path, &error),
    };
    if compressed.len() as u64 != name.wire_bytes || Digest::of(&plain) != name.sha256 {
        return notes.found(&path, "it is not the one that is signed for");
    }
    let complete = manifests.len() == release.bundles.len();
    let entries = manifests.iter().map(|manifest| (&manifest.bundle, manifest.tree.entries()));
    if complete && index(entries) != plain {
        notes.found(&path, "it does not say what the manifests say");
    }
}
