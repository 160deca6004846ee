//! Documents as deltas to those of older releases: manifests, which travel in packs, and release documents, which lie
//! beside the whole ones and which the signed metadata gives a hint of.
//!
//! Each is made and at once proved with the client's own decoder, and proved again by `check`.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::PublishError;
use super::notes::Notes;
use super::published::{History, PublishedRelease, Releases, release_document};
use super::references::document_deltas;
use crate::manifest::{Predecessor, Release};
use crate::pack::{ManifestDelta, PackError, apply_text_delta, make_text_delta};
use crate::site::Site;
use crate::trust::{NewestRelease, Reference};
use crate::types::{BundleName, Digest, Version};

/// Every manifest that changed since `old`, for the pack at `path`.
///
/// # Errors
/// When one does not make what it should.
pub fn of_manifests(
    path: &str,
    old: &PublishedRelease,
    texts: &BTreeMap<BundleName, Vec<u8>>,
) -> Result<Vec<ManifestDelta>, PublishError> {
    let changed: Vec<(&BundleName, &Vec<u8>, &Vec<u8>)> = texts
        .iter()
        .filter_map(|(bundle, text)| Some((bundle, old.texts.get(bundle)?, text)))
        .filter(|(_, old_text, text)| old_text != text)
        .collect();
    let make = |(bundle, old_text, text): &(&BundleName, &Vec<u8>, &Vec<u8>)| {
        let frame = proved("a manifest", old_text, text)?;
        Ok(ManifestDelta { bundle: (*bundle).clone(), base: Digest::of(old_text), frame })
    };
    let deltas: Result<Vec<ManifestDelta>, _> = changed.par_iter().with_max_len(1).map(make).collect();
    deltas.map_err(|source| PublishError::Pack { path: path.to_owned(), source })
}

/// Writes the document of release `version` as a delta to that of each of these older releases, and says what clients
/// are told of it. A delta that is not shorter than the document is not made.
///
/// # Errors
/// When one does not make what it should, or the disk refuses.
pub fn publish_document<'a>(
    site: &Site,
    version: Version,
    document: &[u8],
    past: impl Iterator<Item = &'a PublishedRelease>,
) -> Result<NewestRelease, PublishError> {
    let mut newest = NewestRelease::new(version, Reference::to(document));
    for old in past {
        let from = old.release.version;
        let path = Release::delta_path(version, newest.reference.digest, from);
        let delta = proved("a release document", &old.document, document)
            .map_err(|source| PublishError::Pack { path: path.clone(), source })?;
        if delta.len() < document.len() {
            site.replace(&path, &delta)?;
            newest.deltas.insert(from, delta.len() as u64);
        }
    }
    Ok(newest)
}

/// Proves those of release documents: all that lie there, and that those which the metadata names are among them. What one
/// makes that leads from a release which was dropped cannot be seen; clients that do not like it take the whole document.
pub(super) fn check_documents(
    site: &Site,
    newest: Option<&NewestRelease>,
    (releases, history): (&Releases, &History),
    files: &BTreeSet<String>,
    notes: &Notes,
) {
    for (path, name, from) in document_deltas(files, releases) {
        if let Some((old, _)) = releases.get(&from) {
            check_document(site, path, name, old, notes);
        }
    }
    let Some(NewestRelease { version, reference, deltas, .. }) = newest else { return };
    for (from, length) in deltas {
        let path = Release::delta_path(*version, reference.digest, *from);
        match site.length(&path) {
            _ if !releases.contains_key(from) && history.keeps(*from) => {
                notes.found(&path, format!("it leads from release {from}, which is not published"));
            }
            Ok(Some(found)) if found == *length => {}
            Ok(Some(found)) => notes.found(&path, format!("it has {found} bytes instead of {length}")),
            Ok(None) => notes.found(&path, "it is missing"),
            Err(error) => notes.failed(&path, &error),
        }
    }
}

fn check_document(site: &Site, path: &str, name: &Predecessor, old: &Predecessor, notes: &Notes) {
    // A document that cannot be read is a finding already.
    let Ok((_, old)) = release_document(site, old) else { return };
    let delta = match site.read(path, name.length) {
        Ok(delta) => delta,
        Err(error) => return notes.failed(path, &error),
    };
    match apply_text_delta(&old, &delta, name.length) {
        Ok(made) if Digest::of(&made) == name.sha256 => {}
        Ok(_) => notes.found(path, "it makes another document"),
        Err(error) => notes.failed(path, &error),
    }
}

/// The delta that makes `new` out of `old`, and does.
fn proved(what: &'static str, old: &[u8], new: &[u8]) -> Result<Vec<u8>, PackError> {
    let delta = make_text_delta(old, new)?;
    let (expected, found) = (Digest::of(new), Digest::of(&apply_text_delta(old, &delta, new.len() as u64)?));
    if found == expected { Ok(delta) } else { Err(PackError::WrongDigest { what, expected, found }) }
}
