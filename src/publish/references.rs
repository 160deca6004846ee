//! Which files of a publication something refers to: what its releases consist of, and metadata.

use std::collections::{BTreeSet, HashSet};

use super::published::Releases;
use crate::manifest::{OldestRelease, Predecessor, Release};
use crate::types::{Digest, Version};

/// Those of `files` that nothing refers to, where these are the releases, and their blobs.
pub(super) fn unreferenced<'a>(
    files: &'a BTreeSet<String>,
    releases: &Releases,
    blobs: impl IntoIterator<Item = Digest>,
) -> Vec<&'a str> {
    let mut referenced: HashSet<String> = HashSet::from([OldestRelease::PATH.to_owned()]);
    for (name, release) in releases.values() {
        referenced.insert(Release::path(name.version, name.sha256));
        referenced.extend(release.search.iter().map(|index| Release::search_path(index.sha256)));
        referenced.extend(release.bundles.values().map(|offer| Release::manifest_path(offer.manifest.sha256)));
        referenced.extend(release.packs.iter().map(|pack| pack.path.clone()));
    }
    referenced.extend(blobs.into_iter().map(Release::object_path));
    // Those from releases that were dropped, too: machines that have one of them are told of it.
    referenced.extend(document_deltas(files, releases).map(|(path, ..)| path.to_owned()));
    files.iter().map(|path| &**path).filter(|path| !referenced.contains(*path) && !is_metadata(path)).collect()
}

/// The documents of these releases that lie there as deltas: each with its path, the document that it makes and the release
/// that it starts from.
pub(super) fn document_deltas<'a>(
    files: &'a BTreeSet<String>,
    releases: &'a Releases,
) -> impl Iterator<Item = (&'a str, &'a Predecessor, Version)> {
    releases.values().flat_map(|(name, _)| {
        let prefix = Release::delta_prefix(name.version, name.sha256);
        let alike = files.range(prefix.clone()..).map_while(move |path| Some((&**path, path.strip_prefix(&prefix)?)));
        alike.filter_map(move |(path, from)| Some((path, name, from.parse().ok()?)))
    })
}

/// Metadata of the past stays for clients that are reading it.
fn is_metadata(path: &str) -> bool {
    let Some(name) = path.strip_prefix("metadata/") else { return false };
    let numbered = name.split_once('.').is_some_and(|(number, role)| {
        number.bytes().all(|byte| byte.is_ascii_digit())
            && ["root.json", "targets.json", "snapshot.json"].contains(&role)
    });
    numbered || name == "timestamp.json"
}
