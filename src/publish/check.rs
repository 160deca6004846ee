//! Proving a publication complete and consistent, from its metadata down to every byte.
//!
//! One finding does not end the work: what can still be looked at is looked at. Memory is bounded by one release's
//! manifests, a few words for every distinct blob, and for each core one block or object that is being decoded.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use rayon::prelude::*;

use super::check_packs::{CheckedRelease, PackChecker, Start};
use super::check_trust::look;
use super::contents::{Contents, prove_object};
use super::installable::check_bundles;
use super::notes::{Finding, Notes};
use super::published::{History, Releases, manifest, name_of, release};
use super::references::unreferenced;
use super::signing::{current_metadata, refusal};
use super::text_deltas::check_documents;
use super::warnings::{some_of, warn_of_each};
use super::{PublishError, search};
use crate::manifest::{BundleManifest, OldestRelease, Predecessor, Release, Tree};
use crate::report::{Event, Progress, Reporter, Step};
use crate::site::{Access, Listing, Site};
use crate::trust::NewestRelease;
use crate::types::{BundleName, Digest, Kind, Version};

/// What is to be proved.
#[derive(Clone, Debug)]
pub struct CheckRequest {
    /// The publication.
    pub site: PathBuf,
    /// The root of trust that machines are given; none for the publication's own first root.
    pub trust: Option<PathBuf>,
    /// The time by which metadata must not have ended, in seconds since 1970.
    pub now: i64,
}

/// What was looked at and found.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// Release documents.
    pub releases: u64,
    /// Distinct manifests.
    pub manifests: u64,
    /// Objects.
    pub objects: u64,
    /// Packs.
    pub packs: u64,
    /// What is not as it must be, in order.
    pub findings: Vec<Finding>,
    /// The oldest release, where older ones were dropped.
    pub oldest: Option<Version>,
    /// Files that nothing refers to.
    pub unreferenced: Vec<String>,
    /// Whether a rotation of keys was begun and is not at its end: the keys that it replaces still count.
    pub is_rotating: bool,
}

/// What the manifests say of a blob.
#[derive(Clone, Copy, Debug)]
struct BlobFacts {
    size: u64,
    object_bytes: u64,
}

/// Proves a publication. Everything that is wrong with it is a finding, not an error, also what cannot be read.
///
/// # Errors
/// When there is no publication, another run is writing it, or there is no place for what a look needs.
pub fn check(request: &CheckRequest, reporter: &dyn Reporter) -> Result<Checked, PublishError> {
    let site = Site::open(&request.site, Access::Read)?;
    site.check_published()?;
    let notes = Notes::default();
    let newest = look(&site, request.trust.as_deref(), request.now, &notes)?;
    let history = History::read(&site).unwrap_or_else(|error| {
        notes.failed(OldestRelease::PATH, &error);
        History::default()
    });
    let releases = reachable(&site, newest.as_ref(), &history, &notes);
    let oldest = history.oldest.as_ref();
    if let Some(oldest) = oldest.filter(|oldest| releases.get(&oldest.version).is_none_or(|(name, _)| name != *oldest))
    {
        notes.failed(OldestRelease::PATH, &PublishError::NoOldest { oldest: oldest.version });
    }
    let oldest = oldest.map(|oldest| oldest.version);
    let mut checked = Checked { releases: releases.len() as u64, oldest, ..Checked::default() };
    let mut facts: BTreeMap<Digest, BlobFacts> = BTreeMap::new();
    let mut manifests = BTreeSet::new();
    for (name, release) in releases.values() {
        manifests.extend(release.bundles.values().map(|offer| offer.manifest.sha256));
        check_release(&site, name, release, &mut facts, &notes);
    }
    checked.manifests = manifests.len() as u64;
    checked.objects = facts.len() as u64;
    check_objects(&site, &facts, reporter, &notes);
    checked.packs = check_packs(&site, (&releases, &history), reporter, &notes);
    // What cannot be read of metadata and release is a finding already.
    if let Ok(current) = current_metadata(&site) {
        checked.is_rotating = current.is_rotating().is_ok_and(|is| is);
        let path = newest.as_ref().map(|newest| newest.path()).unwrap_or_default();
        refusal(&site, &current).ok().flatten().into_iter().for_each(|why| notes.found(&path, why));
    }
    let Listing { files, unreadable, private } = site.list();
    unreadable.iter().for_each(|(path, error)| notes.failed(path, error));
    if !private.is_empty() {
        let text = "not everybody may read these, so a web server that runs as somebody else cannot serve them";
        reporter.report(Event::Warning(format!("{text}: {}", some_of(&private))));
    }
    check_documents(&site, newest.as_ref(), (&releases, &history), &files, &notes);
    checked.findings = notes.into_findings();
    let mut strays = unreferenced(&files, &releases, facts.into_keys());
    // A document that cannot be read is told of already.
    let told: BTreeSet<&str> = checked.findings.iter().map(|finding| &*finding.path).collect();
    strays.retain(|path| !told.contains(path));
    warn_of_each(strays.iter().map(|path| format!("nothing refers to {path}")), "nothing refers to", reporter);
    checked.unreferenced = strays.into_iter().map(str::to_owned).collect();
    Ok(checked)
}

/// All release documents that the newest one leads to, but for those that were dropped.
fn reachable(site: &Site, newest: Option<&NewestRelease>, history: &History, notes: &Notes) -> Releases {
    let mut found = Releases::new();
    let mut open: Vec<Predecessor> = newest.map(name_of).into_iter().collect();
    let mut seen = BTreeSet::new();
    while let Some(name) = open.pop() {
        if !seen.insert((name.version, name.sha256)) {
            continue;
        }
        let path = Release::path(name.version, name.sha256);
        match release(site, &name) {
            Ok(document) => {
                open.extend(document.predecessors.iter().filter(|older| history.keeps(older.version)).cloned());
                if let Some((other, _)) = found.insert(name.version, (name.clone(), document)) {
                    notes.found(&path, format!("release {} has another document, too: {}", name.version, other.sha256));
                }
            }
            Err(error) => notes.failed(&path, &error),
        }
    }
    found
}

fn check_release(
    site: &Site,
    name: &Predecessor,
    release: &Release,
    facts: &mut BTreeMap<Digest, BlobFacts>,
    notes: &Notes,
) {
    let mut manifests = Vec::new();
    let document = Release::path(name.version, name.sha256);
    for (bundle, offer) in &release.bundles {
        let path = Release::manifest_path(offer.manifest.sha256);
        match manifest(site, bundle, &offer.manifest) {
            Ok((_, manifest)) => {
                let (files, bytes) = figures(&manifest);
                if (files, bytes) != (offer.files, offer.disk_bytes) {
                    let said = (offer.files, offer.disk_bytes);
                    let problem =
                        format!("bundle {bundle} has {files} files of {bytes} bytes, not {} of {}", said.0, said.1);
                    notes.found(&document, problem);
                }
                manifests.push(manifest);
            }
            Err(error) => notes.failed(&path, &error),
        }
    }
    if let Err(conflict) = Tree::compose(&manifests) {
        notes.failed(&document, &conflict);
    }
    let entries = |bundle: &BundleName| {
        let manifest = manifests.iter().find(|manifest| manifest.bundle == *bundle);
        manifest.map_or(0, |manifest| manifest.tree.entries().len())
    };
    if let Err(error) = check_bundles(release, entries) {
        notes.failed(&document, &error);
    }
    search::check(site, release, &manifests, notes);
    for entry in manifests.iter().flat_map(|manifest| manifest.tree.entries()) {
        if let Kind::File { size, digest, object_bytes, .. } = entry.kind {
            let known = facts.entry(digest).or_insert(BlobFacts { size, object_bytes });
            if (known.size, known.object_bytes) != (size, object_bytes) {
                let problem =
                    format!("release {}: {} says another length than other manifests", name.version, entry.path);
                notes.found(&Release::object_path(digest), problem);
            }
        }
    }
}

fn figures(manifest: &BundleManifest) -> (u64, u64) {
    let sizes = manifest.tree.entries().iter().filter_map(|entry| match entry.kind {
        Kind::File { size, .. } => Some(size),
        Kind::Directory | Kind::Symlink { .. } => None,
    });
    (sizes.clone().count() as u64, sizes.sum())
}

fn check_objects(site: &Site, facts: &BTreeMap<Digest, BlobFacts>, reporter: &dyn Reporter, notes: &Notes) {
    let progress = Progress::new(reporter, Step::Decode, facts.values().map(|facts| facts.size).sum());
    let mut objects: Vec<(&Digest, &BlobFacts)> = facts.iter().collect();
    // The largest first, so that no core is left alone with one at the end.
    objects.sort_by_key(|(_, facts)| std::cmp::Reverse(facts.size));
    objects.into_par_iter().with_max_len(16).for_each(|(digest, facts)| {
        let path = Release::object_path(*digest);
        match site.length(&path) {
            Ok(Some(length)) if length == facts.object_bytes => {
                if let Err(error) = prove_object(site, *digest, facts.size) {
                    notes.failed(&path, &error);
                }
            }
            Ok(Some(length)) => {
                notes.found(&path, format!("it has {length} bytes instead of {}", facts.object_bytes));
            }
            Ok(None) => notes.found(&path, "it is missing"),
            Err(error) => notes.failed(&path, &error),
        }
        progress.advance(facts.size);
    });
}

fn check_packs(site: &Site, (releases, history): (&Releases, &History), reporter: &dyn Reporter, notes: &Notes) -> u64 {
    let offers = releases.values().flat_map(|(_, release)| &release.packs);
    let progress = Progress::new(reporter, Step::Unpack, offers.clone().map(|offer| offer.length).sum());
    let contents = Contents { site, input: None };
    for (_, release) in releases.values() {
        let to = readable(site, release);
        // One old release at a time: the packs from it are checked together.
        let mut packs: Vec<_> = release.packs.iter().collect();
        packs.sort_by_key(|pack| pack.from);
        let mut from: (Option<Version>, Start) = (None, Start::Nothing);
        for pack in packs {
            if pack.from != from.0 {
                let start = pack.from.map_or(Start::Nothing, |version| match releases.get(&version) {
                    Some((_, release)) => Start::Release(readable(site, release)),
                    None => Start::Unpublished,
                });
                from = (pack.from, start);
            }
            if let (Some(version), Start::Unpublished) = &from
                && history.keeps(*version)
            {
                notes.found(&pack.path, format!("it leads from release {version}, which is not published"));
            }
            let checker =
                PackChecker { contents, offer: pack, version: release.version, from: &from.1, to: &to, release, notes };
            checker.check();
            progress.advance(pack.length);
        }
    }
    offers.count() as u64
}

/// What can be read of a release; what cannot is a finding already.
fn readable(site: &Site, release: &Release) -> CheckedRelease {
    let mut texts = BTreeMap::new();
    let mut blobs = BTreeMap::new();
    for (bundle, offer) in &release.bundles {
        if let Ok((text, manifest)) = manifest(site, bundle, &offer.manifest) {
            for entry in manifest.tree.entries() {
                if let Kind::File { size, digest, .. } = entry.kind {
                    blobs.insert(digest, size);
                }
            }
            texts.insert(bundle.clone(), text);
        }
    }
    CheckedRelease { texts, blobs: blobs.into_iter().collect() }
}
