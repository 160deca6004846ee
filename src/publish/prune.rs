//! Dropping old releases: first the publication says how far back it goes, then everything is removed that the releases
//! which it keeps do not need. A run that is cut off in between is gone on with by the next one; until then some files are
//! of no use, and that is all.
//!
//! Nothing is signed, so no keys are needed: no document changes, clients at a kept release see no difference, and those at
//! a dropped one still take the packs that lead from it to a kept one, which that one names.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use super::PublishError;
use super::published::{History, Releases, manifest, name_of, release};
use super::references::unreferenced;
use super::signing::current_metadata;
use crate::manifest::{OldestRelease, Predecessor, Release};
use crate::site::{Access, Site};
use crate::trust::{NewestRelease, Trusted};
use crate::types::{Digest, Version};

/// Where the content of releases lies; what lies elsewhere is somebody else's.
const CONTENT: [&str; 5] = ["manifests", "objects", "packs", "releases", "search"];

/// What is to be dropped.
#[derive(Clone, Debug)]
pub struct PruneRequest {
    /// The publication.
    pub site: PathBuf,
    /// So many releases stay, the newest.
    pub keep: NonZeroUsize,
    /// Only look what would be dropped.
    pub dry_run: bool,
}

/// What was dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// The releases that stay, oldest first.
    pub kept: Vec<Version>,
    /// Those whose documents were removed, oldest first.
    pub dropped: Vec<Version>,
    /// Files that were removed.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// The releases that stay, and what is in them.
#[derive(Default)]
struct Kept {
    releases: Releases,
    blobs: BTreeSet<Digest>,
    /// The oldest of them, where there are older ones and the publication does not say so yet.
    new_oldest: Option<Predecessor>,
}

/// Drops all but the newest releases, and what no release needs.
///
/// # Errors
/// When metadata, or a document or manifest of a release that stays, is missing or not as signed; when a release newer than
/// those signed for was begun; when the disk refuses. Only the last may come after something was removed.
pub fn prune(request: &PruneRequest) -> Result<Pruned, PublishError> {
    let site = Site::open(&request.site, if request.dry_run { Access::Read } else { Access::Write })?;
    let Some(newest) = current_metadata(&site)?.newest()?.map(Trusted::into_inner) else {
        return Ok(Pruned::default());
    };
    let kept = Kept::read(&site, &newest, request.keep)?;
    let is_content = |path: &str| path.split('/').next().is_some_and(|directory| CONTENT.contains(&directory));
    let listing = site.list();
    if let Some((_, error)) = listing.unreadable.into_iter().find(|(path, _)| path == "." || is_content(path)) {
        return Err(error.into());
    }
    let content: BTreeSet<String> = listing.files.into_iter().filter(|path| is_content(path)).collect();
    let (mut unneeded, mut bytes) = (Vec::new(), 0);
    for path in unreferenced(&content, &kept.releases, kept.blobs) {
        // A symlink is the administrator's: what is needed may lie behind it.
        if let Some(length) = site.length(path)? {
            unneeded.push(path);
            bytes += length;
        }
    }
    let documents = unneeded.iter().filter_map(|path| Release::version_at(path));
    // A run that was killed may have left another document of a release that stays.
    let dropped: BTreeSet<Version> = documents.filter(|version| !kept.releases.contains_key(version)).collect();
    if let Some(version) = dropped.last().copied().filter(|version| *version > newest.version) {
        return Err(PublishError::NotSignedFor { version, newest: newest.version });
    }
    let files = unneeded.len() as u64;
    let pruned =
        Pruned { kept: kept.releases.keys().copied().collect(), dropped: dropped.into_iter().collect(), files, bytes };
    if !request.dry_run {
        if let Some(oldest) = kept.new_oldest {
            site.replace(OldestRelease::PATH, &OldestRelease::new(oldest).to_json())?;
        }
        site.remove(&unneeded)?;
    }
    Ok(pruned)
}

impl Kept {
    /// Reads the newest releases, as many as are to be kept: whatever is not as signed might be what others need.
    fn read(site: &Site, newest: &NewestRelease, keep: NonZeroUsize) -> Result<Self, PublishError> {
        let newest = name_of(newest);
        let history = History::of(site, &newest)?;
        let mut kept = Self::default();
        let mut seen = BTreeSet::new();
        let mut next = Some(newest);
        while let Some(name) = next.filter(|_| kept.releases.len() < keep.get()) {
            let release = release(site, &name)?;
            for (bundle, offer) in &release.bundles {
                if seen.insert(offer.manifest.sha256) {
                    kept.blobs.extend(manifest(site, bundle, &offer.manifest)?.1.tree.digests());
                }
            }
            let is_new = release.before().is_some() && history.oldest.as_ref() != Some(&name);
            kept.new_oldest = is_new.then(|| name.clone());
            next = history.before(&release).cloned();
            kept.releases.insert(name.version, (name, release));
        }
        Ok(kept)
    }
}
