//! Which packs a release gets and what each makes: pure.
//!
//! A blob goes into a step pack when some machine needs it: one that has a bundle in both releases, and whose bundles
//! do not bring the blob in the old one. It is made from an old blob only when every such machine has that old blob.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::bases::{Base, OldFile, OldFiles, Reason};
use super::compose::{Blob, closure};
use super::grouping::{Candidate, Cut, PlannedBuild, Way, blocks};
use super::ownership::{BundleSet, Bundles, Holders, Names, includes};
use super::similar::{Alike, may_be_alike};
use crate::manifest::Tree;
use crate::plan::REQUEST_BYTES;
use crate::types::{BundleName, Digest, Entry, Version};

/// So many builds that only machines with one bundle want make a pack of their own. A build takes 11 bytes of its pack's
/// head, which whoever wants anything of the pack reads whole: these are worth one more request to those who want them.
const OWN_PACK_BUILDS: usize = (REQUEST_BYTES / 11) as usize;

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
    /// The blobs of both releases, in order: one list for all packs that have it in common.
    pub known: Arc<[Digest]>,
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
    let known: Arc<[Digest]> = new.blobs.keys().copied().collect();
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
            known: Arc::clone(&known),
        }
    };
    new.bundles.iter().map(plan).collect()
}

/// What machines need for one step, each content with the old file that is best by its path.
pub struct Needs<'a> {
    old: OldRelease<'a>,
    new: NewRelease<'a>,
    before: Holders,
    after: Holders,
    needs: Vec<Need<'a>>,
}

struct Need<'a> {
    digest: Digest,
    blob: &'a Blob,
    bundles: BundleSet,
    named: Option<(OldFile<'a>, Reason)>,
}

impl<'a> Needs<'a> {
    /// Those of the step from `old` to `new`.
    pub fn of(old: OldRelease<'a>, new: NewRelease<'a>) -> Self {
        let names = Names::new(old.bundles.keys().chain(new.bundles.keys()).copied());
        let (before, after) = (names.holders(old.bundles), names.holders(new.bundles));
        let machines = before.bundles.and(&after.bundles);
        let files = OldFiles::new(old.tree);
        let mut needs = Vec::new();
        for (&digest, blob) in new.blobs {
            let bundles = after.of(digest).and(&machines).without(before.of(digest));
            if bundles.is_empty() {
                continue;
            }
            let mut need = Need { digest, blob, bundles, named: None };
            need.named =
                files.best(&blob.paths, blob.size, |file| need.may_use(&before, file)).filter(|_| blob.size > 0);
            needs.push(need);
        }
        Self { old, new, before, after, needs }
    }

    /// The contents about which paths say too little, and the old files that may be like one of them, each content once:
    /// the shortest first.
    pub fn to_compare(&self) -> (Vec<(Digest, u64)>, Vec<OldFile<'a>>) {
        let open = || self.needs.iter().filter(|need| need.is_open());
        let mut lengths: BTreeMap<&BundleSet, BTreeSet<u64>> = BTreeMap::new();
        for need in open() {
            lengths.entry(&need.bundles).or_default().insert(need.blob.size);
        }
        let wanted = |file: &OldFile<'_>| {
            lengths.iter().any(|(bundles, lengths)| {
                bundles.is_subset_of(self.before.of(file.digest)) && has_near(lengths, file.size)
            })
        };
        let files = self.old.tree.entries().iter().filter_map(OldFile::of).filter(wanted);
        let files: BTreeMap<(u64, Digest), OldFile<'a>> = files.map(|file| ((file.size, file.digest), file)).collect();
        let lengths = files.keys().map(|(size, _)| *size).collect();
        let new = open().filter(|need| has_near(&lengths, need.blob.size)).map(|need| (need.digest, need.blob.size));
        (new.collect(), files.into_values().collect())
    }

    /// The packs of the step: first that for all machines, then those for bundles that have much of their own. `alike`
    /// tells for contents that were to be compared the old files that are like them; what is so counts more than a name.
    pub fn packs(&self, alike: &Alike<'a>) -> Vec<PackPlan> {
        let (old, new) = (self.old, self.new);
        let candidate = |need: &Need<'a>| {
            let mut alike = alike.get(&need.digest).into_iter().flatten().filter(|_| need.is_open());
            let similar = alike.find(|file| need.may_use(&self.before, **file)).map(|file| (*file, Reason::Similar));
            let named =
                need.named.filter(|(named, _)| similar.is_none_or(|(similar, _)| similar.digest == named.digest));
            let base = named.or(similar);
            let (path, from) = (&need.blob.paths[0], base.map(|(file, reason)| (file.path.as_str(), reason.name())));
            tracing::debug!(%path, ?from, release = %old.version, "chosen");
            candidate(new, &self.after, need.digest, base.map(|(file, reason)| file.base(reason)))
        };
        let mut by_group: BTreeMap<&BundleSet, Vec<Candidate<'_>>> = BTreeMap::new();
        for candidate in self.needs.iter().map(candidate) {
            by_group.entry(candidate.group).or_default().push(candidate);
        }
        let mut by_pack: BTreeMap<Option<&BundleName>, Vec<Candidate<'_>>> = [(None, Vec::new())].into();
        for (group, candidates) in by_group {
            let bundle = self.after.bundle_of(group).filter(|bundle| !bundle.is_core());
            let bundle = bundle.filter(|_| candidates.len() >= OWN_PACK_BUILDS);
            by_pack.entry(bundle).or_default().extend(candidates);
        }
        let known: BTreeSet<Digest> = new.blobs.keys().copied().chain(old.tree.digests()).collect();
        let known: Arc<[Digest]> = known.into_iter().collect();
        let plan = |(bundle, candidates): (Option<&BundleName>, _)| {
            let name = bundle.map_or("all".to_owned(), |bundle| format!("bundles/{bundle}"));
            PackPlan {
                from: Some(old.version),
                bundle: bundle.cloned(),
                path: format!("packs/{}-{}/{name}", old.version, new.version),
                blocks: blocks(candidates, Cut::WhenFull),
                known: Arc::clone(&known),
            }
        };
        by_pack.into_iter().map(plan).collect()
    }
}

impl Need<'_> {
    /// Whether the old file is on all machines that need the content.
    fn may_use(&self, before: &Holders, file: OldFile<'_>) -> bool {
        file.digest != self.digest && self.bundles.is_subset_of(before.of(file.digest))
    }

    /// Whether its path says too little: it names no old file, or only one of the same name.
    fn is_open(&self) -> bool {
        self.named.is_none_or(|(_, reason)| reason == Reason::SameName)
    }
}

/// Whether contents of one of these lengths may be like one of this length: if any, then those of the nearest.
fn has_near(lengths: &BTreeSet<u64>, length: u64) -> bool {
    let nearest = [lengths.range(..length).next_back(), lengths.range(length..).next()];
    nearest.into_iter().flatten().any(|near| may_be_alike(*near, length))
}

fn candidate<'a>(new: NewRelease<'a>, holders: &'a Holders, digest: Digest, base: Option<Base>) -> Candidate<'a> {
    let blob = &new.blobs[&digest];
    Candidate {
        group: holders.of(digest),
        kind: blob.kind,
        path: &blob.paths[0],
        build: PlannedBuild { digest, size: blob.size, base, way: Way::Cheap },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::site::{ContentKind, FileId};
    use crate::types::{Kind, Metadata, TreePath};

    /// So much is in each bundle that a step has a pack for it.
    #[test]
    fn packs_that_have_blobs_in_common_share_one_list_of_them() {
        let top = Entry { path: TreePath::top(), kind: Kind::Directory, metadata: Metadata::default() };
        let names = ["os-core", "one", "two"].map(|name| name.parse::<BundleName>().expect(name));
        let [core, one, two] = &names;
        let version = Version::new(20).expect("not zero");
        let mut blobs = BTreeMap::new();
        let mut files_of = |bundle: &BundleName| {
            let mut entries = vec![top.clone()];
            for number in 0..OWN_PACK_BUILDS {
                let path = TreePath::top().join(&format!("{bundle}-{number}")).expect("a path");
                let digest = Digest::of(path.as_str().as_bytes());
                let kind = Kind::File { size: 1, digest, object_bytes: 1, since: version };
                let file = FileId::OnDisk { device: 1, inode: number as u64 };
                let (bundle, paths) = (bundle.clone(), vec![path.clone()]);
                blobs.insert(digest, Blob { size: 1, kind: ContentKind::Text, bundle, file, paths });
                entries.push(Entry { path, kind, metadata: Metadata::default() });
            }
            entries
        };
        let (in_one, in_two) = (files_of(one), files_of(two));
        let only_top = [top];
        let bundles = |one_has, two_has| -> Bundles<'_> {
            BTreeMap::from([(core, (&only_top[..], vec![])), (one, (one_has, vec![])), (two, (two_has, vec![]))])
        };
        let (before, after) = (bundles(&only_top, &only_top), bundles(&in_one, &in_two));
        let new = NewRelease { version, bundles: &after, blobs: &blobs };
        let tree = Tree::from_sorted(only_top.to_vec()).expect("a tree");
        let old = OldRelease { version: Version::new(10).expect("not zero"), bundles: &before, tree: &tree };
        for plans in [from_nothing(new), Needs::of(old, new).packs(&HashMap::new())] {
            assert_eq!((plans.len(), plans[0].known.len()), (3, 2 * OWN_PACK_BUILDS));
            assert!(plans.iter().all(|plan| Arc::ptr_eq(&plan.known, &plans[0].known)));
        }
    }
}
