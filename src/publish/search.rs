//! The search index of a release: made of what its manifests say, so `check` can make it again and compare.

use std::collections::BTreeMap;

use super::PublishError;
use super::notes::Notes;
use super::texts::SEARCH_INDEX;
use crate::manifest::{BundleManifest, ManifestName, Release, SearchError, SearchIndex};
use crate::report::{Event, Reporter};
use crate::site::{Batch, Site};
use crate::types::{BundleName, Digest, Entry};

/// Publishes the index of these bundles. One that clients would refuse is left out, with a warning: it would take the release
/// with it, which machines can do without being searched.
///
/// # Errors
/// As [`super::texts::TextForm::publish`].
pub fn publish<'a>(
    site: &Site,
    batch: &Batch<'_>,
    bundles: impl IntoIterator<Item = (&'a BundleName, &'a [Entry])>,
    reporter: &dyn Reporter,
) -> Result<Option<ManifestName>, PublishError> {
    let index = index(bundles);
    if let Err(refusal) = prove(&index) {
        let text = format!("the release gets no search index, since clients would refuse it: {refusal}");
        reporter.report(Event::Warning(text));
        return Ok(None);
    }
    SEARCH_INDEX.publish(site, batch, &index).map(Some)
}

/// Proves that the published index of a release is the one that its manifests make, and one that clients take.
pub(super) fn check(site: &Site, release: &Release, manifests: &[BundleManifest], notes: &Notes) {
    let Some(name) = &release.search else { return };
    let path = Release::search_path(name.sha256);
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
    if let Err(error) = prove(&plain) {
        return notes.failed(&path, &error);
    }
    let complete = manifests.len() == release.bundles.len();
    let entries = manifests.iter().map(|manifest| (&manifest.bundle, manifest.tree.entries()));
    if complete && index(entries) != plain {
        notes.found(&path, "it does not say what the manifests say");
    }
}

/// The plain index of these bundles: their files and symlinks. Nobody looks for a directory.
fn index<'a>(bundles: impl IntoIterator<Item = (&'a BundleName, &'a [Entry])>) -> Vec<u8> {
    let paths = |entries: &'a [Entry]| {
        entries.iter().filter(|entry| !entry.is_directory()).map(|entry| &entry.path).collect::<Vec<_>>()
    };
    let bundles: BTreeMap<_, _> = bundles.into_iter().map(|(bundle, entries)| (bundle, paths(entries))).collect();
    SearchIndex::make(&bundles)
}

/// Reads an index to its end, as a client does.
fn prove(plain: &[u8]) -> Result<(), SearchError> {
    SearchIndex::parse(plain.to_vec())?.visit(|_, _| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Warnings;
    use crate::types::{Kind, Metadata};

    /// A huge distribution is published and cannot be searched, rather than refused after hours.
    #[test]
    fn an_index_that_clients_would_refuse_is_left_out() {
        let place = tempfile::tempdir().expect("a directory");
        let site = Site::create(place.path()).expect("empty");
        let (core, batch) = (BundleName::core(), site.batch());
        let long = format!("/{}", "p".repeat(250)).repeat(15);
        let entry = |number: u32| Entry {
            path: format!("usr/{number:0250}{long}").parse().expect("a path"),
            kind: Kind::Symlink { target: "x".into() },
            metadata: Metadata::default(),
        };
        let entries: Vec<Entry> = (0..18_000).map(entry).collect();
        for (count, is_there) in [(1, true), (entries.len(), false)] {
            let warnings = Warnings::default();
            let made = publish(&site, &batch, [(&core, &entries[..count])], &warnings).expect("a disk");
            let told = warnings.told().join("\n");
            assert_eq!((made.is_some(), told.is_empty()), (is_there, is_there), "{told}");
            assert!(is_there || told.contains("no search index") && told.contains("longer than 64 MiB"), "{told}");
        }
    }
}
