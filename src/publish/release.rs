//! Publishing a release: from trees to signed metadata, content first and metadata last.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use jiff::Timestamp;

use super::compose::{Composition, InputBundle, compose};
use super::contents::Contents;
use super::installable::check_bundles;
use super::ownership::Bundles;
use super::packs::PackOrder;
use super::planning::{self, Needs, NewRelease, OldRelease, PackPlan};
use super::published::{History, PublishedRelease, name_of, newest_releases, predecessors_after};
use super::reuse::OldBlocks;
use super::routes::{PackRoute, routes_to};
use super::signing::{Signed, current_metadata, not_signed, write_documents};
use super::similar::Comparer;
use super::sources::Sources;
use super::texts::{MANIFEST, manifest_texts};
use super::{PublishError, objects, packs, read, search, text_deltas};
use crate::manifest::{BundleDefinition, BundleOffer, ManifestName, Release};
use crate::pack::LEVEL;
use crate::report::{Event, Reporter};
use crate::site::{Access, InputTrees, Owners, Site, Spool};
use crate::trust::{KeyDirectory, Lifetimes, sign_release};
use crate::types::{BundleName, Digest, Entry, Kind, Version};

/// What is to be released.
#[derive(Clone, Debug)]
pub struct ReleaseRequest {
    /// The publication.
    pub site: PathBuf,
    /// The private keys.
    pub keys: PathBuf,
    /// The release's number.
    pub version: Version,
    /// The bundle definitions.
    pub definitions: PathBuf,
    /// The bundles' trees: `BUNDLE/usr` or `BUNDLE.tar`.
    pub trees: PathBuf,
    /// Whose the published entries are that come from directories.
    pub owners: Owners,
    /// From how many releases before there is a pack.
    pub deltas: usize,
    /// Below this no client goes; none for the floor of the release before.
    pub floor: Option<Version>,
    /// How hard things are compressed.
    pub levels: Levels,
    /// When the release is published and signed, in seconds since 1970.
    pub published: i64,
    /// Times in the trees after this become this, in seconds since 1970.
    pub latest_mtime: Option<i64>,
}

/// Levels of zstd, 1 to 22. Packs are made by LZMA2 from [`crate::pack::LEVEL`] on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Levels {
    /// For objects, which are only the fallback.
    pub objects: i32,
    /// For packs from nothing.
    pub from_nothing: i32,
    /// For packs from a release before.
    pub steps: i32,
}

/// What was released.
#[derive(Clone, Debug)]
pub struct Released {
    /// The release document.
    pub release: Release,
    /// Entries of the whole release.
    pub entries: u64,
    /// Distinct contents.
    pub blobs: u64,
    /// New objects.
    pub objects_added: u64,
    /// Their bytes.
    pub objects_bytes: u64,
    /// Blocks of packs from nothing.
    pub blocks: u64,
    /// Those of them that the release before had already.
    pub blocks_reused: u64,
    /// For each pack of a step, by its path, from what its contents are made.
    pub sources: Vec<(String, Sources)>,
    /// For releases before this one, newest first, the cheapest route to it.
    pub routes: Vec<PackRoute>,
    /// The metadata that was signed, and until when clients take it: it is to be signed again before.
    pub signed: Signed,
}

impl Default for Levels {
    fn default() -> Self {
        Self { objects: 6, from_nothing: LEVEL, steps: LEVEL }
    }
}

/// Publishes a release.
///
/// # Errors
/// When the input is refused, the publication cannot be built on, or the disk refuses. The publication is then as it was,
/// but for files that nothing refers to.
pub fn release(request: &ReleaseRequest, reporter: &dyn Reporter) -> Result<Released, PublishError> {
    let signing_time =
        Timestamp::from_second(request.published).map_err(|_| PublishError::BadTime(request.published))?;
    let site = Site::open(&request.site, Access::Write)?;
    let keys = KeyDirectory::open(&request.keys);
    let current = current_metadata(&site)?;
    let newest = current.newest()?.map(|newest| name_of(&newest));
    if let Some(newest) = newest.as_ref().filter(|newest| newest.version >= request.version) {
        return Err(PublishError::NotNewer { version: request.version, newest: newest.version });
    }
    let lifetimes = Lifetimes::default();
    // What is signed at the end takes the same keys at the same time: whether they do is better known before hours of work.
    current.check_signing(&keys, &lifetimes, signing_time).map_err(|error| not_signed(error, &current))?;
    let history = newest.as_ref().map_or_else(|| Ok(History::default()), |newest| History::of(&site, newest))?;
    let (past, predecessors) = match newest.as_ref().map(|newest| (newest, &history)) {
        Some(known) => (newest_releases(&site, known, request.deltas.max(1))?, predecessors_after(&site, known)?),
        None => (Vec::new(), Vec::new()),
    };
    let floor = floor(request, past.first())?;

    let input = InputTrees::new(&request.definitions, &request.trees, request.owners, Spool::beside(&site)?);
    let (bundles, digests) = read::read(&input, past.first(), reporter)?;
    let before = past.first().map(|past| &past.tree);
    warn_of_dropped(past.first(), &bundles, reporter);
    let mut composition = compose(request.version, &bundles, &digests, before, request.latest_mtime)?;

    let contents = Contents { site: &site, input: Some((&input, &composition.blobs)) };
    let objects = objects::publish(&contents, &composition.blobs, &past, request.levels.objects, reporter)?;
    fill_object_bytes(&mut composition.bundles, &objects.lengths);

    let texts = manifest_texts(&composition)?;
    let mut release = Release::new(request.version, request.published, floor);
    let batch = site.batch();
    for (bundle, text) in &texts {
        let manifest = MANIFEST.publish(&site, &batch, text)?;
        let entries = &composition.bundles[bundle];
        release.bundles.insert(bundle.clone(), offer(&bundles[bundle].definition, entries, manifest));
    }
    check_bundles(&release, |bundle| composition.bundles[bundle].len())?;
    // What is still to come is short: a document that is too long is better known before hours of work.
    document(&release)?;
    let bundles_of_index = composition.bundles.iter().map(|(bundle, entries)| (bundle, &entries[..]));
    release.search = search::publish(&site, &batch, bundles_of_index, reporter)?;
    batch.publish()?;

    let contents = Contents { site: &site, input: Some((&input, &composition.blobs)) };
    let mut comparer = Comparer::new(&contents, reporter);
    let orders = pack_orders(request, &composition, &bundles, &texts, &past, &mut comparer)?;
    let steps = orders.iter().map(|order| &order.plan).filter(|plan| plan.from.is_some());
    let sources = steps.map(|plan| (plan.path.clone(), Sources::of(plan))).collect();
    let old = OldBlocks::of(&site, past.first(), reporter);
    let packs = packs::publish(&site, &contents, request.version, orders, old, reporter)?;
    let mut offers = packs.offers;
    offers.sort_by(|a, b| (b.from, &a.bundle).cmp(&(a.from, &b.bundle)));

    release.predecessors = predecessors;
    release.packs = offers;
    for pack in release.packs.iter().filter(|pack| pack.from.is_none()) {
        if let Some(offer) = pack.bundle.as_ref().and_then(|bundle| release.bundles.get_mut(bundle)) {
            offer.download_bytes = pack.length;
        }
    }
    let routes = routes_to(&site, &release, &history)?;
    let document = document(&release)?;
    site.replace(&Release::path(request.version, Digest::of(&document)), &document)?;
    let newest = text_deltas::publish_document(&site, request.version, &document, past.iter().take(request.deltas))?;
    let documents = sign_release(&current, &keys, &newest, &lifetimes, signing_time)?;
    let signed = write_documents(&site, &documents)?;
    Ok(Released {
        entries: composition.bundles.values().flatten().map(|entry| &entry.path).collect::<BTreeSet<_>>().len() as u64,
        blobs: composition.blobs.len() as u64,
        objects_added: objects.added,
        objects_bytes: objects.added_bytes,
        blocks: packs.blocks,
        blocks_reused: packs.blocks_reused,
        sources,
        routes,
        signed,
        release,
    })
}

/// The JSON of a release, proved to be a document that clients take.
fn document(release: &Release) -> Result<Vec<u8>, PublishError> {
    let (version, document) = (release.version, release.to_json());
    if document.len() as u64 > Release::MAX_BYTES {
        return Err(PublishError::ReleaseTooLong { version, bytes: document.len(), limit: Release::MAX_BYTES });
    }
    Release::parse(version, &document).map_err(|source| PublishError::NewRelease { version, source })?;
    Ok(document)
}

fn floor(request: &ReleaseRequest, before: Option<&PublishedRelease>) -> Result<Version, PublishError> {
    let version = request.version;
    let carried = before.map(|before| before.release.floor);
    let floor = request.floor.or(carried).unwrap_or(version);
    let least = carried.unwrap_or(Version::new(1).expect("not zero"));
    if floor < least || floor > version {
        return Err(PublishError::BadFloor { floor, least, version });
    }
    Ok(floor)
}

fn warn_of_dropped(
    before: Option<&PublishedRelease>,
    bundles: &BTreeMap<BundleName, InputBundle>,
    reporter: &dyn Reporter,
) {
    if let Some(before) = before {
        for bundle in before.release.bundles.keys().filter(|bundle| !bundles.contains_key(*bundle)) {
            let version = before.release.version;
            let text = format!("bundle {bundle} of release {version} is gone: machines that have it drop it");
            reporter.report(Event::Warning(text));
        }
    }
}

fn fill_object_bytes(bundles: &mut BTreeMap<BundleName, Vec<Entry>>, lengths: &std::collections::HashMap<Digest, u64>) {
    for entry in bundles.values_mut().flatten() {
        if let Kind::File { digest, object_bytes, .. } = &mut entry.kind {
            *object_bytes = lengths[digest];
        }
    }
}

fn pack_orders(
    request: &ReleaseRequest,
    composition: &Composition,
    bundles: &BTreeMap<BundleName, InputBundle>,
    texts: &BTreeMap<BundleName, Vec<u8>>,
    past: &[PublishedRelease],
    comparer: &mut Comparer<'_>,
) -> Result<Vec<PackOrder>, PublishError> {
    let new_bundles: Bundles<'_> = composition
        .bundles
        .iter()
        .map(|(bundle, entries)| (bundle, (&entries[..], bundles[bundle].definition.includes.iter().collect())))
        .collect();
    let new = NewRelease { version: request.version, bundles: &new_bundles, blobs: &composition.blobs };
    let order = |plan: PackPlan| PackOrder { plan, manifest_deltas: Vec::new(), level: request.levels.from_nothing };
    let mut orders = Vec::new();
    for old in past.iter().take(request.deltas) {
        let old_bundles: Bundles<'_> = old
            .release
            .bundles
            .iter()
            .map(|(bundle, offer)| (bundle, (old.manifests[bundle].tree.entries(), offer.includes.iter().collect())))
            .collect();
        let before = OldRelease { version: old.release.version, bundles: &old_bundles, tree: &old.tree };
        let needs = Needs::of(before, new);
        let (new_contents, files) = needs.to_compare();
        let plans = needs.packs(&comparer.compare(&new_contents, &files)?);
        let mut manifest_deltas = text_deltas::of_manifests(&plans[0].path, old, texts)?;
        for plan in plans {
            // Together they are one range, which machines with many bundles read at one go.
            let manifest_deltas = if plan.bundle.is_none() { std::mem::take(&mut manifest_deltas) } else { Vec::new() };
            orders.push(PackOrder { plan, manifest_deltas, level: request.levels.steps });
        }
    }
    orders.extend(planning::from_nothing(new).into_iter().map(order));
    Ok(orders)
}

/// What the release says of a bundle; what its pack from nothing takes is known when that is made.
fn offer(definition: &BundleDefinition, entries: &[Entry], manifest: ManifestName) -> BundleOffer {
    let sizes = entries.iter().filter_map(|entry| match entry.kind {
        Kind::File { size, .. } => Some(size),
        Kind::Directory | Kind::Symlink { .. } => None,
    });
    BundleOffer {
        title: definition.title.clone(),
        description: definition.description.clone(),
        status: definition.status,
        includes: definition.includes.iter().filter(|name| !name.is_core()).cloned().collect(),
        also_add: definition.also_add.iter().cloned().collect(),
        manifest,
        files: sizes.clone().count() as u64,
        disk_bytes: sizes.sum(),
        download_bytes: 0,
    }
}
