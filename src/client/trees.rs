//! What a transition starts from and what it goes to, as trees: manifests are read, fetched and composed here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::elsewhere::kept_text;
use super::pack_heads::{ReadPack, part};
use super::route::Step as RouteStep;
use super::session::{KnownRelease, Session};
use super::{ClientError, Thoroughness};
use crate::manifest::{BundleManifest, Conflict, ManifestName, Release, Tree, Union};
use crate::pack::apply_text_delta;
use crate::plan::{Need, Present, blobs, is_shared, joined, taken_over};
use crate::report::{Event, Step};
use crate::tree::{Depth, Fingerprints, scan, split_up};
use crate::types::{BundleName, Difference, Digest, Entry, Seen, Slot, Version};

/// What is installed and what is really on disk.
#[derive(Debug, Default)]
pub(super) struct Installed {
    pub tree: Tree,
    pub seen: Vec<Seen>,
    pub extra: Vec<std::path::PathBuf>,
    pub fingerprints: Fingerprints,
}

/// The tree of a target, the contents of each of its bundles, and those manifests that the live tree's record does not
/// have, or no longer whole, compressed.
#[derive(Debug)]
pub(super) struct TargetTree {
    pub tree: Tree,
    pub blobs: BTreeMap<BundleName, Vec<Digest>>,
    pub fresh: Vec<(Digest, Vec<u8>)>,
    /// For each step, the blobs of the release that it leads from, as far as they are known; empty for the installed one.
    pub before: Vec<Vec<Need>>,
}

impl Installed {
    /// This tree, as long as nobody has looked at the disk.
    pub fn of(tree: Tree) -> Self {
        let seen = vec![Seen::Same; tree.entries().len()];
        Self { tree, seen, extra: Vec::new(), fingerprints: Fingerprints::default() }
    }

    pub fn present(&self) -> Present<'_> {
        Present { tree: &self.tree, seen: &self.seen, extra: &self.extra }
    }

    /// Entries of which only the metadata is known to differ, so that the content may be what it should be.
    pub fn altered(&self) -> Vec<&Entry> {
        use Difference::{Attributes, Mode, Owner, Time};
        let is_altered = |seen: &Seen| matches!(seen, Seen::Differs(Mode | Owner | Time | Attributes));
        let all = self.tree.entries().iter().zip(&self.seen);
        all.filter(|(_, seen)| is_altered(seen)).map(|(entry, _)| entry).collect()
    }
}

impl Session {
    /// The tree that the live tree's record describes.
    pub async fn installed(&self) -> Result<Installed, ClientError> {
        let Some(record) = &self.record else { return Ok(Installed::default()) };
        let mut union = Union::default();
        for bundle in record.installed.bundles.keys() {
            let manifest = match self.installed_manifest(bundle).await {
                // Its publisher may have dropped the release, and a newer one is what helps.
                Err(ClientError::Transport(error)) if error.is_surely_not_found() => {
                    self.tell_lost(bundle);
                    continue;
                }
                manifest => manifest?,
            };
            union.add(manifest).map_err(|source| contradiction(record.installed.version(), source))?;
        }
        let tree = union.finish().map_err(|source| contradiction(record.installed.version(), source))?;
        Ok(Installed::of(tree))
    }

    /// The manifest of an installed bundle, from the record; one that is damaged there comes from the other trees' records, or
    /// is fetched.
    pub async fn installed_manifest(&self, bundle: &BundleName) -> Result<BundleManifest, ClientError> {
        let record = self.record()?;
        let (release, _) = record.release()?;
        let name = manifest_name(&release, bundle)?;
        if let Some(json) = record.manifest_json(bundle, name.length) {
            return Ok(BundleManifest::parse(bundle, &json)?);
        }
        let told = format!("the tree's own manifest of bundle {bundle} is missing or damaged: `repair` puts it right");
        self.reporter.report(Event::Warning(told));
        let json = match kept_text(&self.other_records()?, bundle, name) {
            Some(json) => json,
            None => self.fetch_manifest(&release, bundle, name).await?.0,
        };
        Ok(BundleManifest::parse(bundle, &json)?)
    }

    /// Tells what it means that the manifest of an installed bundle is nowhere to be had.
    pub fn tell_lost(&self, bundle: &BundleName) {
        let told = format!("the manifest of bundle {bundle} is lost: its files count as what no release owns");
        self.reporter.report(Event::Warning(told));
    }

    /// Compares the live tree with its manifests.
    pub fn scan_live(&self, installed: &mut Installed, thoroughness: Thoroughness) -> Result<(), ClientError> {
        let Some(live) = self.machine.tree(Slot::Live)? else { return Ok(()) };
        let known = match thoroughness {
            Thoroughness::Changed => Fingerprints::parse(&self.machine.cached_fingerprints()?),
            Thoroughness::Quick | Thoroughness::Full => Fingerprints::default(),
        };
        let depth = if thoroughness == Thoroughness::Quick { Depth::Metadata } else { Depth::Content(&known) };
        let progress = (Step::Scan, &*self.reporter);
        let found = scan(&live, &installed.tree, depth, self.writer.ownership, progress)?;
        (installed.seen, installed.extra, installed.fingerprints) = (found.seen, found.extra, found.fingerprints);
        Ok(())
    }

    /// Counts what the administrator has in place of something of the release as his, too, and in place of a directory of his that
    /// the target shares, names what he has in it.
    pub fn split_shared(&self, installed: &mut Installed, target: &Tree) -> Result<(), ClientError> {
        if let Some(live) = self.machine.tree(Slot::Live)? {
            let taken = taken_over(&installed.tree, &installed.seen).map(Path::to_owned);
            installed.extra.extend(taken);
            installed.extra.sort();
            installed.extra = split_up(&live, &installed.extra, &|path| is_shared(path, target))?;
        }
        Ok(())
    }

    /// The tree of `bundles` in a release: known manifests come from the records, others as deltas in the packs of
    /// `steps`, or whole. Paths that `installed` has, too, are in memory once.
    pub async fn target_tree(
        &self,
        target: &KnownRelease,
        bundles: &BTreeSet<BundleName>,
        steps: &[RouteStep],
        installed: &Tree,
    ) -> Result<TargetTree, ClientError> {
        let release = &*target.release;
        release.check_manifests(bundles)?;
        let (mut union, mut contents, mut fresh) = (Union::default(), BTreeMap::new(), Vec::new());
        let mut entries = 0;
        let mut before = vec![Vec::new(); steps.len()];
        let mut deltas = self.deltas_along(bundles, steps).await?;
        let others = self.other_records()?;
        for bundle in bundles {
            let name = manifest_name(release, bundle)?;
            let has = self.record.as_ref().and_then(|record| record.installed.bundles.get(bundle));
            let json = match steps {
                [] => None,
                [_] if has == Some(&name.sha256) => None,
                _ => self.text_along(bundle, steps, &mut deltas, &mut before),
            };
            let own = self.record.as_ref().filter(|_| has == Some(&name.sha256));
            let own = own.and_then(|record| record.manifest_json(bundle, name.length));
            let json = match own {
                Some(json) => json,
                None => {
                    let (json, compressed) = match json.or_else(|| kept_text(&others, bundle, name)) {
                        Some(json) => {
                            let compressed = BundleManifest::compress_quickly(&json);
                            (json, compressed)
                        }
                        None => self.fetch_manifest(release, bundle, name).await?,
                    };
                    fresh.push((name.sha256, compressed));
                    json
                }
            };
            let mut manifest = BundleManifest::parse(bundle, &json)?;
            manifest.tree.share_paths(installed);
            entries += manifest.tree.entries().len();
            BundleManifest::check_count(bundle, entries)?;
            contents.insert(bundle.clone(), manifest.tree.digests().collect());
            union.add(manifest).map_err(|source| contradiction(release.version, source))?;
        }
        let tree = union.finish().map_err(|source| contradiction(release.version, source))?;
        for blobs in &mut before {
            blobs.sort_unstable_by_key(|need: &Need| need.digest);
            blobs.dedup_by_key(|need| need.digest);
        }
        Ok(TargetTree { tree, blobs: contents, fresh, before })
    }

    /// For each step, the manifest deltas that its packs have for these bundles, as they came.
    async fn deltas_along(
        &self,
        bundles: &BTreeSet<BundleName>,
        steps: &[RouteStep],
    ) -> Result<Vec<BTreeMap<BundleName, Vec<u8>>>, ClientError> {
        let installed = self.record.as_ref().map(|record| record.installed.bundles.clone()).unwrap_or_default();
        let mut has = installed;
        let mut all = Vec::new();
        for step in steps {
            let mut frames = BTreeMap::new();
            for pack in &step.packs {
                frames.extend(self.manifest_deltas(&step.release, bundles, &has, pack).await?);
            }
            all.push(frames);
            let digests = step.release.bundles.iter().map(|(bundle, offer)| (bundle.clone(), offer.manifest.sha256));
            has = digests.collect();
        }
        Ok(all)
    }

    /// The manifest deltas that a pack has for these bundles, as they came.
    async fn manifest_deltas(
        &self,
        release: &Release,
        bundles: &BTreeSet<BundleName>,
        has: &BTreeMap<BundleName, Digest>,
        pack: &ReadPack,
    ) -> Result<BTreeMap<BundleName, Vec<u8>>, ClientError> {
        let mut frames = BTreeMap::new();
        let wanted: Vec<_> = pack
            .index
            .manifest_deltas()
            .iter()
            .filter(|place| bundles.contains(&place.bundle))
            .filter(|place| {
                let has = has.get(&place.bundle);
                let wants = release.bundles.get(&place.bundle).map(|offer| &offer.manifest);
                // One that is longer than the whole manifest is no help, and may be without end.
                let pays = wants.is_some_and(|wants| place.length <= wants.wire_bytes);
                pays && has.is_some_and(|has| place.starts_from(has)) && has != wants.map(|wants| &wants.sha256)
            })
            .collect();
        for (start, length) in joined(wanted.iter().map(|place| (place.offset, place.length))) {
            let mut fetched = Vec::new();
            let bytes = match pack.part(start, length) {
                Some(bytes) => bytes,
                None => {
                    let mut sink = |piece: &[u8]| {
                        fetched.extend_from_slice(piece);
                        Ok(())
                    };
                    if let Err(error) = self.transport.range(&pack.offer.path, start, length, &mut sink).await {
                        self.reporter.report(Event::Warning(format!("manifest deltas are not used: {error}")));
                        return Ok(frames);
                    }
                    &fetched
                }
            };
            for place in &wanted {
                let inside = place.offset.checked_sub(start).and_then(|from| part(bytes, from, place.length));
                if let Some(frame) = inside {
                    frames.insert(place.bundle.clone(), frame.to_vec());
                }
            }
        }
        Ok(frames)
    }

    /// The manifest of a bundle in the target, made of the installed one by the deltas of all steps; what the releases on
    /// the way have goes into `before`. None when a delta is missing or does not make what is signed for.
    fn text_along(
        &self,
        bundle: &BundleName,
        steps: &[RouteStep],
        deltas: &mut [BTreeMap<BundleName, Vec<u8>>],
        before: &mut [Vec<Need>],
    ) -> Option<Vec<u8>> {
        let record = self.record.as_ref()?;
        let name = record.release().ok()?.0.bundles.get(bundle)?.manifest.clone();
        let (mut digest, mut json) = (name.sha256, record.manifest_json(bundle, name.length)?);
        for (index, step) in steps.iter().enumerate() {
            let name = &step.release.bundles.get(bundle)?.manifest;
            if digest != name.sha256 {
                json = apply_text_delta(&json, &deltas[index].remove(bundle)?, name.length).ok()?;
                digest = Digest::of(&json);
                if digest != name.sha256 {
                    return None;
                }
            }
            if let Some(before) = before.get_mut(index + 1) {
                before.extend(blobs(BundleManifest::parse(bundle, &json).ok()?.tree.entries()));
            }
        }
        Some(json)
    }

    /// A whole manifest: its plain JSON and its compressed form.
    async fn fetch_manifest(
        &self,
        release: &Release,
        bundle: &BundleName,
        name: &ManifestName,
    ) -> Result<(Vec<u8>, Vec<u8>), ClientError> {
        let expand = |compressed: Vec<u8>| {
            let json = BundleManifest::expand(&compressed, name.length)?;
            match Digest::of(&json) == name.sha256 {
                true => Ok((json, compressed)),
                false => Err(ClientError::WrongManifest { version: release.version, bundle: bundle.clone() }),
            }
        };
        self.transport.get_checked(&Release::manifest_path(name.sha256), name.wire_bytes, expand).await
    }
}

/// The bundles of a release do not fit together.
pub(super) fn contradiction(version: Version, source: Conflict) -> ClientError {
    ClientError::Contradiction { version, source }
}

fn manifest_name<'a>(release: &'a Release, bundle: &BundleName) -> Result<&'a ManifestName, ClientError> {
    let unknown = || crate::plan::BundleError::Unknown {
        version: release.version,
        name: bundle.clone(),
        similar: crate::plan::similar(bundle, release),
    };
    Ok(&release.bundles.get(bundle).ok_or_else(unknown)?.manifest)
}
