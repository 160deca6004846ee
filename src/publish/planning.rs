//! Which packs a release gets and what each makes: pure.
//!
//! A blob goes into a step pack when some machine needs it: one that has a bundle in both releases, and whose bundles
//! do not bring the blob in the old one. It is made from an old blob only when every such machine has that old blob.

use std::collections::{BTreeMap, BTreeSet};

use super::bases::OldFiles;
use super::compose::{Blob, closure};
use super::grouping::{Candidate, Cut, PlannedBuild, Way, blocks};
use super::ownership::{Holders, Names};
use crate::manifest::Tree;
use crate::types::{BundleName, Digest, Entry, Version};

/// The bundles of one release: entries and includes of each.
pub type Bundles<'a> = BTreeMap<&'a BundleName, (&'a [Entry], Vec<&'a BundleName>)>;

/// One pack that is to be made.
#[derive(Clone, Debug)]
pub struct PackPlan {
    /// The release that it leads from.
    pub from: Option<Version>,
    /// The bundle that it is for.
    pub bundle: Option<BundleName>,
    /// Where it goes.
    pub path: String,
    /// What it makes, block by block.
    pub blocks: Vec<Vec<PlannedBuild>>,
    /// The blobs of both releases.
    pub known: Vec<Digest>,
}

/// The release that is being made.
#[derive(Clone, Copy, Debug)]
pub struct NewRelease<'a> {
    /// Its number.
    pub version: Version,
    /// Its bundles.
    pub bundles: &'a Bundles<'a>,
    /// Its blobs.
    pub blobs: &'a BTreeMap<Digest, Blob>,
}

/// An old release that machines come from.
#[derive(Clone, Copy, Debug)]
pub struct OldRelease<'a> {
    /// Its number.
    pub version: Version,
    /// Its bundles.
    pub bundles: &'a Bundles<'a>,
    /// All of them together.
    pub tree: &'a Tree,
}

impl PackPlan {
    /// Bytes of all files that the pack makes.
    pub fn new_bytes(&self) -> u64 {
        self.blocks.iter().flatten().map(|build| build.size).sum()
    }
}

/// The packs from nothing: for each bundle, what it has and none of those that it includes.
pub fn from_nothing(new: NewRelease<'_>) -> Vec<PackPlan> {
    let names = Names::new(new.bundles.keys().copied());
    let holders = names.holders(new.bundles);
    let known: Vec<Digest> = new.blobs.keys().copied().collect();
    let plan = |(&bundle, (entries, _)): (&&BundleName, &(&[Entry], Vec<&BundleName>))| {
        let mut wanted: BTreeSet<Digest> = entries.iter().filter_map(|entry| entry.kind.digest()).collect();
        for included in closure(bundle, |name| includes(new.bundles, name)).iter().filter(|name| *name != bundle) {
            for entry in new.bundles.get(included).iter().flat_map(|(entries, _)| entries.iter()) {
                entry.kind.digest().map(|digest| wanted.remove(&digest));
            }
        }
        let candidates = wanted.into_iter().map(|digest| candidate(new, &holders, digest, None)).collect();
        PackPlan {
            from: None,
            bundle: Some(bundle.clone()),
            path: format!("packs/nothing-{}/{bundle}", new.version),
            blocks: blocks(candidates, Cut::ByContent),
            known: known.clone(),
        }
    };
    new.bundles.iter().map(plan).collect()
}

/// The pack of one step.
pub fn step(old: OldRelease<'_>, new: NewRelease<'_>) -> PackPlan {
    let names = Names::new(old.bundles.keys().chain(new.bundles.keys()).copied());
    let (before, after) = (names.holders(old.bundles), names.holders(new.bundles));
    let machines = before.bundles.and(&after.bundles);
    let files = OldFiles::new(old.tree);
    let mut candidates = Vec::new();
    for (&digest, blob) in new.blobs {
        let in_need = after.of(digest).and(&machines).without(before.of(digest));
        if in_need.is_empty() {
            continue;
        }
        let usable = |base: super::bases::Base| base.digest != digest && in_need.is_subset_of(before.of(base.digest));
        let base = files.best(&blob.paths, blob.size, usable).filter(|_| blob.size > 0);
        candidates.push(candidate(new, &after, digest, base));
    }
    let old_blobs = old.tree.entries().iter().filter_map(|entry| entry.kind.digest());
    let known: BTreeSet<Digest> = new.blobs.keys().copied().chain(old_blobs).collect();
    PackPlan {
        from: Some(old.version),
        bundle: None,
        path: format!("packs/{}-{}/all", old.version, new.version),
        blocks: blocks(candidates, Cut::WhenFull),
        known: known.into_iter().collect(),
    }
}

/// What a bundle of a release names as included.
pub fn includes(bundles: &Bundles<'_>, bundle: &BundleName) -> Vec<BundleName> {
    bundles.get(bundle).map(|(_, includes)| includes.iter().map(|name| (*name).clone()).collect()).unwrap_or_default()
}

fn candidate<'a>(
    new: NewRelease<'a>,
    holders: &'a Holders,
    digest: Digest,
    base: Option<super::bases::Base>,
) -> Candidate<'a> {
    let blob = &new.blobs[&digest];
    Candidate {
        group: holders.of(digest),
        kind: blob.kind,
        path: &blob.paths[0],
        build: PlannedBuild { digest, size: blob.size, base, way: Way::Cheap },
    }
}
