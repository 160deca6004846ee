//! What is published already, read as strictly as a client reads it: nothing is built on what is not signed for.

use std::collections::BTreeMap;

use super::PublishError;
use crate::delta::ReadAt;
use crate::manifest::{BundleManifest, ManifestName, OldestRelease, PackOffer, Predecessor, Release, Tree};
use crate::pack::{Index, MAX_HEAD_BYTES};
use crate::site::{Site, SiteError};
use crate::trust::{NewestRelease, Reference};
use crate::types::{BundleName, Digest, Version};

/// One published release with all that it consists of.
#[derive(Clone, Debug)]
pub struct PublishedRelease {
    /// The release document, as it was signed for.
    pub document: Vec<u8>,
    /// What it says.
    pub release: Release,
    /// The manifests' JSON text.
    pub texts: BTreeMap<BundleName, Vec<u8>>,
    /// The manifests.
    pub manifests: BTreeMap<BundleName, BundleManifest>,
    /// All bundles together.
    pub tree: Tree,
}

/// Release documents by their numbers, each with its name.
pub type Releases = BTreeMap<Version, (Predecessor, Release)>;

/// How far back a publication goes: `prune` drops all releases before some one, and what is missing of others is damage.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The oldest release that is kept; none where nothing was dropped.
    pub oldest: Option<Predecessor>,
}

impl History {
    /// That of a publication with this newest release. What it says is not signed for: the release that it names must be one that
    /// the newest leads to, lest releases that are there count as dropped.
    ///
    /// # Errors
    /// When it does not say, or names another release; when a document on the way to that one is missing or not as signed.
    pub fn of(site: &Site, newest: &Predecessor) -> Result<Self, PublishError> {
        let history = Self::read(site)?;
        if let Some(oldest) = &history.oldest {
            let mut name = newest.clone();
            while name != *oldest {
                let document = release(site, &name)?;
                let older = document.predecessors.into_iter().filter(|older| older.version >= oldest.version);
                let furthest = older.min_by_key(|older| older.version);
                name = furthest.ok_or(PublishError::NoOldest { oldest: oldest.version })?;
            }
        }
        Ok(history)
    }

    /// What a publication says, whether or not it can be true.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(site: &Site) -> Result<Self, PublishError> {
        let json = match site.read(OldestRelease::PATH, OldestRelease::MAX_BYTES) {
            Ok(json) => json,
            Err(SiteError::Missing(_)) => return Ok(Self::default()),
            Err(error) => return Err(error.into()),
        };
        let OldestRelease { oldest, .. } =
            OldestRelease::parse(&json).map_err(|source| PublishError::History { source })?;
        Ok(Self { oldest: Some(oldest) })
    }

    /// Whether a release was not dropped.
    pub fn keeps(&self, version: Version) -> bool {
        self.oldest.as_ref().is_none_or(|oldest| version >= oldest.version)
    }

    /// The release before this one, unless it was dropped.
    pub fn before<'a>(&self, release: &'a Release) -> Option<&'a Predecessor> {
        release.before().filter(|before| self.keeps(before.version))
    }
}

/// The name of the newest release's document.
pub fn name_of(newest: &NewestRelease) -> Predecessor {
    let Reference { digest, length } = newest.reference;
    Predecessor { version: newest.version, sha256: digest, length }
}

/// Reads the release document with this name.
///
/// # Errors
/// When it is missing, or is not the document of that name.
pub fn release(site: &Site, name: &Predecessor) -> Result<Release, PublishError> {
    Ok(release_document(site, name)?.0)
}

/// Reads the release document with this name: what it says and its JSON.
///
/// # Errors
/// As [`release`].
pub fn release_document(site: &Site, name: &Predecessor) -> Result<(Release, Vec<u8>), PublishError> {
    let path = Release::path(name.version, name.sha256);
    let bytes = site.read(&path, name.length.min(Release::MAX_BYTES))?;
    if bytes.len() as u64 != name.length || Digest::of(&bytes) != name.sha256 {
        return Err(PublishError::NotAsSigned { path });
    }
    let release = Release::parse(name.version, &bytes).map_err(|source| PublishError::Release { path, source })?;
    Ok((release, bytes))
}

/// Reads a manifest: its JSON text and what it says.
///
/// # Errors
/// When it is missing, or is not the manifest of that name.
pub fn manifest(
    site: &Site,
    bundle: &BundleName,
    name: &ManifestName,
) -> Result<(Vec<u8>, BundleManifest), PublishError> {
    let path = Release::manifest_path(name.sha256);
    let compressed = site.read(&path, name.wire_bytes)?;
    if compressed.len() as u64 != name.wire_bytes {
        return Err(PublishError::NotAsSigned { path });
    }
    let unusable = |source| PublishError::Manifest { path: path.clone(), source };
    let text = BundleManifest::expand(&compressed, name.length).map_err(unusable)?;
    if Digest::of(&text) != name.sha256 {
        return Err(PublishError::NotAsSigned { path });
    }
    let manifest = BundleManifest::parse(bundle, &text).map_err(unusable)?;
    Ok((text, manifest))
}

/// Reads the index of a pack that is offered.
///
/// # Errors
/// When its head cannot be read, is not the one that is signed for, or holds no index.
pub fn pack_index(pack: &impl ReadAt, offer: &PackOffer) -> Result<Index, Box<dyn std::error::Error>> {
    let length = offer.head.length;
    if length > MAX_HEAD_BYTES {
        return Err("its head is longer than any may be".into());
    }
    let mut head = vec![0; usize::try_from(length)?];
    pack.read_exact_at(&mut head, 0)?;
    if Digest::of(&head) != offer.head.sha256 {
        return Err("its head is not the one that is signed for".into());
    }
    Ok(Index::parse(&head)?)
}

/// Reads a whole release.
///
/// # Errors
/// When a part of it is missing or not as signed, or its bundles disagree.
pub fn whole_release(site: &Site, name: &Predecessor) -> Result<PublishedRelease, PublishError> {
    let (release, document) = release_document(site, name)?;
    let (mut texts, mut manifests) = (BTreeMap::new(), BTreeMap::new());
    for (bundle, offer) in &release.bundles {
        let (text, manifest) = manifest(site, bundle, &offer.manifest)?;
        texts.insert(bundle.clone(), text);
        manifests.insert(bundle.clone(), manifest);
    }
    let tree = Tree::compose(manifests.values())
        .map_err(|source| PublishError::Conflict { version: release.version, source })?;
    Ok(PublishedRelease { document, release, texts, manifests, tree })
}

/// The newest `count` releases, newest first; fewer where there are no more.
///
/// # Errors
/// As [`whole_release`].
pub fn newest_releases(
    site: &Site,
    (newest, history): (&Predecessor, &History),
    count: usize,
) -> Result<Vec<PublishedRelease>, PublishError> {
    let mut releases: Vec<PublishedRelease> = Vec::new();
    let mut next = Some(newest.clone());
    while let Some(name) = next.filter(|_| releases.len() < count) {
        let release = whole_release(site, &name)?;
        next = history.before(&release.release).cloned();
        releases.push(release);
    }
    Ok(releases)
}

/// The releases 1, 2, 4, 8 ... before the one that comes after `newest`, newest first.
///
/// Each release names its own, so that 2n before is n before the one that is n before: few documents are read.
///
/// # Errors
/// When a release document is missing or not as signed.
pub fn predecessors_after(
    site: &Site,
    (newest, history): (&Predecessor, &History),
) -> Result<Vec<Predecessor>, PublishError> {
    let mut predecessors = vec![newest.clone()];
    loop {
        let step = predecessors.len() - 1;
        let name = &predecessors[step];
        // The one that lies 2^step before the release that is 2^step before the new one.
        match release(site, name)?.predecessors.get(step).filter(|further| history.keeps(further.version)) {
            Some(further) => predecessors.push(further.clone()),
            None => return Ok(predecessors),
        }
    }
}
