//! Which builds go into which block of a pack, and in which order: pure.
//!
//! Blobs that the same machines want lie together, so that a machine reads only blocks that it needs; within such a
//! group like lies with like, because that compresses best.
//!
//! Blocks of packs from nothing end where the contents say so ([`Cut::ByContent`], as in content-defined chunking, of
//! which Muthitacharoen, Chen and Mazieres, "A low-bandwidth network file system", 2001, is the classic): a blob that
//! comes or goes then changes its own block, and the others are those of the release before.

use super::bases::Base;
use super::ownership::BundleSet;
use crate::pack::BLOCK_PLAIN_BYTES;
use crate::site::ContentKind;
use crate::types::{Digest, TreePath};

/// From here on a block ends at the next blob that may begin one.
const HALF_FULL_BYTES: u64 = BLOCK_PLAIN_BYTES / 2;
/// How far apart blobs that may begin a block lie on average. The rarer they are, the sooner two releases that were cut at
/// different places agree again; but one block in seven becomes full without having met one. Of the distances tried on
/// a real tree and on drawn sizes, this one had the fewest changed blocks for a blob more or less: 1.0 and 1.1.
const BETWEEN_CUTS_BYTES: u64 = 4 << 20;

/// Files with an xz stream of at least this length are offered in two ways, each in a block of its own: what is inside them
/// takes a client long to make, and with smaller ones the blocks would cost what they save.
const TWO_WAYS_BYTES: u64 = 1 << 20;

/// One blob that a pack makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedBuild {
    /// The blob.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// The old blob to try a delta from.
    pub base: Option<Base>,
    /// How it is made.
    pub way: Way,
}

/// What a build may cost the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Little: for every client.
    Cheap,
    /// Much time and memory: by what is inside the file, and only where that saves much.
    Inside,
}

/// A build with what decides its place.
#[derive(Clone, Debug)]
pub struct Candidate<'a> {
    /// The machines that want it, told by their bundles.
    pub group: &'a BundleSet,
    /// What it looks like.
    pub kind: ContentKind,
    /// Where it lies in the release, the first of its paths.
    pub path: &'a TreePath,
    /// The build.
    pub build: PlannedBuild,
}

/// Where blocks end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// When they are full.
    WhenFull,
    /// Before a blob whose digest says so, once they are half full.
    ByContent,
}

/// Builds in the order of a pack, cut into blocks; those that are offered in two ways come last, one in a block.
pub fn blocks(mut candidates: Vec<Candidate<'_>>, cut: Cut) -> Vec<Vec<PlannedBuild>> {
    // What most machines want comes first; within a kind, names that are alike come from the same package.
    let width = |candidate: &Candidate<'_>| std::cmp::Reverse(candidate.group.len());
    candidates.sort_by(|a, b| {
        (width(a), a.group, a.kind, a.path, a.build.digest).cmp(&(width(b), b.group, b.kind, b.path, b.build.digest))
    });
    let (two_ways, candidates): (Vec<_>, Vec<_>) = candidates.into_iter().partition(Candidate::has_two_ways);
    let mut blocks: Vec<Vec<PlannedBuild>> = Vec::new();
    let (mut group, mut bytes) = (None, 0u64);
    for Candidate { group: its_group, build, .. } in candidates {
        let ends = cut == Cut::ByContent && bytes >= HALF_FULL_BYTES && begins_block(&build);
        let fits = !ends && bytes.saturating_add(build.size) <= BLOCK_PLAIN_BYTES;
        match blocks.last_mut().filter(|_| fits && group == Some(its_group)) {
            Some(block) => {
                bytes += build.size;
                block.push(build);
            }
            None => {
                bytes = build.size;
                blocks.push(vec![build]);
            }
        }
        group = Some(its_group);
    }
    let ways = |build: PlannedBuild| [Way::Cheap, Way::Inside].map(|way| vec![PlannedBuild { way, ..build.clone() }]);
    blocks.extend(two_ways.into_iter().flat_map(|candidate| ways(candidate.build)));
    blocks
}

impl Candidate<'_> {
    fn has_two_ways(&self) -> bool {
        self.kind == ContentKind::Xz && self.build.base.is_some() && self.build.size >= TWO_WAYS_BYTES
    }
}

/// Whether a block may begin with this build: with one in each [`BETWEEN_CUTS_BYTES`] of contents, decided by the digest
/// alone, and the likelier the larger the blob.
fn begins_block(build: &PlannedBuild) -> bool {
    let (first, _) = build.digest.as_bytes().split_first_chunk().expect("a digest has 32 bytes");
    let drawn = u128::from(u32::from_be_bytes(*first)) * u128::from(BETWEEN_CUTS_BYTES);
    drawn < u128::from(build.size) << 32
}

#[cfg(test)]
mod tests {
    use super::super::bases::Reason;
    use super::super::ownership::Names;
    use super::*;
    use crate::types::BundleName;

    #[test]
    fn blocks_are_cut_by_group_and_size() {
        let names: Vec<BundleName> = ["a", "b"].map(|name| name.parse().expect(name)).to_vec();
        let names = Names::new(&names);
        let (mut all, mut one) = (names.empty(), names.empty());
        all.insert(0);
        all.insert(1);
        one.insert(1);
        let paths: Vec<TreePath> = (0..9).map(|number| format!("usr/{number}").parse().expect("path")).collect();
        let candidate = |number: usize, group, kind, mib: u64| Candidate {
            group,
            kind,
            path: &paths[number],
            build: PlannedBuild { digest: Digest::of(&[number as u8]), size: mib << 20, base: None, way: Way::Cheap },
        };
        let candidates = vec![
            candidate(0, &one, ContentKind::Elf, 1),
            candidate(1, &all, ContentKind::Text, 1),
            candidate(2, &all, ContentKind::Elf, 10),
            candidate(3, &all, ContentKind::Elf, 5),
            candidate(4, &all, ContentKind::Text, 1),
            candidate(5, &one, ContentKind::Elf, 40),
            candidate(6, &one, ContentKind::Elf, 1),
        ];
        let number =
            |build: &PlannedBuild| (0..9).find(|number| build.digest == Digest::of(&[*number])).expect("known");
        let cut: Vec<Vec<u8>> =
            blocks(candidates, Cut::WhenFull).iter().map(|block| block.iter().map(number).collect()).collect();
        assert_eq!(cut, [vec![2, 3, 1], vec![4], vec![0], vec![5], vec![6]]);
        assert!(blocks(Vec::new(), Cut::ByContent).is_empty());
    }

    #[test]
    fn what_is_offered_in_two_ways_lies_alone() {
        let names: Vec<BundleName> = vec!["a".parse().expect("a name")];
        let mut group = Names::new(&names).empty();
        group.insert(0);
        let paths: Vec<TreePath> = (0..9).map(|number| format!("usr/{number}").parse().expect("path")).collect();
        let old = Some(Base { digest: Digest::of(b"old"), size: 1, reason: Reason::SamePath });
        let candidate = |number: usize, kind, size: u64, base| Candidate {
            group: &group,
            kind,
            path: &paths[number],
            build: PlannedBuild { digest: Digest::of(&[number as u8]), size, base, way: Way::Cheap },
        };
        let candidates = vec![
            candidate(0, ContentKind::Xz, 2 << 20, old),
            candidate(1, ContentKind::Xz, 1 << 10, old),
            candidate(2, ContentKind::Xz, 2 << 20, None),
            candidate(3, ContentKind::Elf, 2 << 20, old),
        ];
        let number =
            |build: &PlannedBuild| (0..9).find(|number| build.digest == Digest::of(&[*number])).expect("known");
        let cut: Vec<Vec<(u8, Way)>> = blocks(candidates, Cut::WhenFull)
            .iter()
            .map(|block| block.iter().map(|build| (number(build), build.way)).collect())
            .collect();
        let together = vec![(3, Way::Cheap), (1, Way::Cheap), (2, Way::Cheap)];
        assert_eq!(cut, [together, vec![(0, Way::Cheap)], vec![(0, Way::Inside)]]);
    }

    #[test]
    fn a_blob_more_or_less_changes_only_its_surroundings() {
        let names: Vec<BundleName> = vec!["a".parse().expect("a name")];
        let mut group = Names::new(&names).empty();
        group.insert(0);
        let paths: Vec<TreePath> = (0..4001).map(|number| format!("usr/{number:04}").parse().expect("path")).collect();
        // From 1 byte to 4 MiB, most of them small.
        let build = |number: usize| {
            let digest = Digest::of(&number.to_le_bytes());
            let drawn = digest.as_bytes()[9];
            PlannedBuild {
                digest,
                size: 1 << ((u32::from(drawn) * u32::from(drawn) * 23) >> 16),
                base: None,
                way: Way::Cheap,
            }
        };
        let cut = |numbers: &mut dyn Iterator<Item = usize>| {
            let candidate = |number: usize| Candidate {
                group: &group,
                kind: ContentKind::Elf,
                path: &paths[number],
                build: build(number),
            };
            blocks(numbers.map(candidate).collect(), Cut::ByContent)
        };
        let bytes = |block: &Vec<PlannedBuild>| block.iter().map(|build| build.size).sum::<u64>();
        let all = cut(&mut (0..4001));
        assert!(all.len() > 20, "{} blocks", all.len());
        let short = all[..all.len() - 1].iter().filter(|block| bytes(block) < HALF_FULL_BYTES).count();
        assert!(short <= all.len() / 4, "a large blob may close a block early, but seldom: {short} of {}", all.len());
        assert!(all.iter().all(|block| bytes(block) <= BLOCK_PLAIN_BYTES || block.len() == 1));
        let mut changed: Vec<usize> = (0..4001)
            .step_by(40)
            .map(|missing| {
                let without = cut(&mut (0..4001).filter(|number| *number != missing));
                all.iter().filter(|block| !without.contains(block)).count()
            })
            .collect();
        changed.sort_unstable();
        assert!(changed[changed.len() * 9 / 10] <= 2, "{changed:?}");
        assert!(changed.iter().sum::<usize>() <= changed.len() * 5 / 4, "{changed:?}");
    }
}
