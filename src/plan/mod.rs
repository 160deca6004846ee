//! Decides how a machine gets from what it has to what it shall have. Pure: no clock, disk, network or log; equal inputs
//! give equal plans.
//!
//! The plan is computed from what is really on disk, what the target is, what the publication offers and what an earlier
//! run left in the store. Resuming is planning again; a pack that turned out to be missing or bad is planned again
//! without that offer; so neither needs code of its own.

mod bundles;
mod carried;
mod route;
mod sources;
mod work;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use crate::manifest::{PackOffer, Tree};
use crate::pack::Index;
use crate::types::{Digest, Entry, Kind, Metadata, Seen, Slot, TreePath};

pub use bundles::{BundleError, closure, dependents, dependents_tree, similar, with_recommended};
pub use carried::{Carried, goes_along, is_shared, may_be_carried, taken_over};
pub use route::{Found, Offered, Route};
use sources::Chosen;
pub use work::{Base, BlockWork, Make, REQUEST_BYTES, RangeWork, Work, join, joined};

/// What is on disk.
#[derive(Clone, Copy, Debug)]
pub struct Present<'a> {
    /// The tree as its record says it should be.
    pub tree: &'a Tree,
    /// For each entry, by index, what was found.
    pub seen: &'a [Seen],
    /// The topmost paths that no release owns, or that were [`taken_over`], relative to the tree's top; in place of a directory
    /// that [`is_shared`] with the target, what is in it.
    pub extra: &'a [PathBuf],
}

/// A pack whose head has been read.
#[derive(Clone, Copy, Debug)]
pub struct Offer<'a> {
    /// Where it lies.
    pub pack: &'a PackOffer,
    /// What it holds.
    pub index: &'a Index,
    /// The blobs of the release that it leads from, smallest digest first, when that is one on the way; empty when it is
    /// the one that the live tree is of, or nothing.
    pub before: &'a [Need],
}

/// What there is besides the live tree, and what turned out to be useless.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// Blobs that an earlier run left in the store.
    pub blobs: HashSet<Digest>,
    /// Blocks that an earlier run left in the store.
    pub blocks: HashSet<Digest>,
    /// Files that have content that is wanted, beside the intact ones of the live tree: altered ones of it, and any of the
    /// other two trees.
    pub elsewhere: HashMap<Digest, (Slot, TreePath)>,
    /// Blocks that are missing or bad, and blobs that files turned out not to have.
    pub struck: HashSet<Digest>,
    /// Blobs whose objects are missing or bad: they are asked for again only where nothing else makes them.
    pub without_object: HashSet<Digest>,
}

impl Memory {
    /// What it costs to have a blob by its object, in bytes, the request included.
    fn price(&self, need: &Need) -> u64 {
        match self.without_object.contains(&need.digest) {
            true => UNAVAILABLE_BYTES,
            false => need.object_bytes + REQUEST_BYTES,
        }
    }
}

/// What is dearer to the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preference {
    /// Time: nothing is done that saves bytes at the cost of many seconds.
    #[default]
    Time,
    /// Bytes.
    Bytes,
}

/// On which terms blocks are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// What is dearer.
    pub prefer: Preference,
    /// The most memory that decoding a block may take, in bytes; none when there is no limit.
    pub memory: Option<u64>,
}

/// How many files and symlinks come, change and go, as compared with what is on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// New ones.
    pub added: u64,
    /// Those that differ.
    pub changed: u64,
    /// Those that are gone afterwards.
    pub removed: u64,
}

/// All that has to be done, and what it costs.
#[derive(Clone, Debug)]
pub struct UpdatePlan {
    /// For each entry of the target, by index: whether the live tree has it already.
    pub kept: Vec<bool>,
    /// What no release owns and goes along.
    pub carried: Carried,
    /// How each missing blob comes into the store: lists of work, each of which may need what those before it bring.
    pub work: Vec<Vec<Work>>,
    /// Files that are damaged and that the target has as they should be: the other trees may share the damaged inodes.
    pub damaged: Vec<TreePath>,
    /// What changes for whoever looks.
    pub counts: Counts,
    /// Whether anything in the tree differs from the target, directories and unowned paths included.
    pub tree_differs: bool,
    /// Bytes of new content that is made.
    pub build_bytes: u64,
    /// Bytes that come over the wire.
    pub download_bytes: u64,
    /// Requests that it takes.
    pub requests: u64,
    /// The most bytes on disk beyond what is there now.
    pub disk_bytes: u64,
    /// Inodes beyond what is there now.
    pub inodes: u64,
}

/// A blob that the target needs and the live tree does not have in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// Which.
    pub digest: Digest,
    /// Length of the content in bytes.
    pub size: u64,
    /// Length of the object in bytes.
    pub object_bytes: u64,
}

/// What is not to be had costs more than any pack. Of so many there can be 2^26 before the sum is too large.
const UNAVAILABLE_BYTES: u64 = 1 << 38;

/// File systems give out space in units of this size.
const DISK_UNIT_BYTES: u64 = 4096;

/// Computes the plan. Offers are used in their order, so the cheapest kind comes first; of packs that lead over several
/// releases the one that leads to the target comes first.
pub fn plan(present: Present<'_>, target: &Tree, offers: &[Offer<'_>], memory: &Memory, terms: Terms) -> UpdatePlan {
    let kept = kept(present, target);
    let needs = needs(target, &kept);
    let carried = Carried::new(present, target);
    let Chosen { work, between } = sources::choose(present, &needs, offers, memory, terms);
    let counts = count(present, target, &carried.paths);
    let rounded = |bytes: u64| bytes.div_ceil(DISK_UNIT_BYTES) * DISK_UNIT_BYTES;
    let unmade: Vec<&Need> = needs.iter().filter(|need| !memory.blobs.contains(&need.digest)).chain(&between).collect();
    let fresh = target.entries().iter().zip(&kept).filter(|(entry, kept)| !**kept && !entry.is_directory()).count();
    let all_same = present.seen.iter().all(|seen| *seen == Seen::Same);
    UpdatePlan {
        tree_differs: !all_same
            || dropped(present.extra, &carried.paths).next().is_some()
            || !same_tree(present.tree, target),
        damaged: damaged(present, target),
        carried,
        counts,
        build_bytes: unmade.iter().map(|need| need.size).sum(),
        download_bytes: work.iter().flatten().map(Work::wire_bytes).sum(),
        requests: work.iter().flatten().map(Work::requests).sum(),
        disk_bytes: unmade.iter().map(|need| rounded(need.size)).sum::<u64>()
            + copies(target, &kept).map(rounded).sum::<u64>()
            + work.iter().flatten().map(|work| rounded(work.wire_bytes())).sum::<u64>(),
        inodes: (fresh + between.len()) as u64,
        work,
        kept,
    }
}

/// All blobs of a release as a plan names them, smallest digest first, of the entries of its manifests.
pub fn blobs<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Vec<Need> {
    let mut needs: Vec<Need> = entries
        .into_iter()
        .filter_map(|entry| match entry.kind {
            Kind::File { size, digest, object_bytes, .. } => Some(Need { digest, size, object_bytes }),
            Kind::Directory | Kind::Symlink { .. } => None,
        })
        .collect();
    needs.sort_unstable_by_key(|need| need.digest);
    needs.dedup_by_key(|need| need.digest);
    needs
}

impl UpdatePlan {
    /// How many blocks may be decoded at once, at most `jobs`: so many that their decoders fit into the memory that the terms
    /// allow.
    pub fn decoders(&self, jobs: usize, terms: Terms) -> usize {
        let blocks = self.work.iter().flatten().flat_map(Work::blocks);
        match (terms.memory, blocks.map(|work| work.block.block.decoder_memory()).max()) {
            (Some(memory), Some(largest)) => {
                usize::try_from(memory / largest.max(1)).unwrap_or(usize::MAX).clamp(1, jobs.max(1))
            }
            _ => jobs,
        }
    }
}

/// The blobs that are needed to get from what is on disk to the target, smallest digest first.
pub fn missing_blobs(present: Present<'_>, target: &Tree) -> Vec<Need> {
    needs(target, &kept(present, target))
}

/// Which of these packs from nothing are worth reading the head of, given the blobs that are still missing and what is
/// known of their objects.
///
/// A head costs bytes and a request. It pays when a good part of the pack is wanted; a few files come cheaper alone. A
/// pack that comes whole has cost all that it costs then.
pub fn worth_a_look<'a>(
    packs: &'a [(PackOffer, BTreeSet<Digest>)],
    missing: &[Need],
    memory: &Memory,
) -> Vec<&'a PackOffer> {
    let pays = |(pack, blobs): &&(PackOffer, BTreeSet<Digest>)| {
        let wanted = missing.iter().filter(|need| blobs.contains(&need.digest));
        let alone: u64 = wanted.map(|need| memory.price(need)).sum();
        let first = pack.first_bytes();
        alone > if first == pack.length { first } else { first.saturating_mul(2) }
    };
    packs.iter().filter(pays).map(|(pack, _)| pack).collect()
}

fn kept(present: Present<'_>, target: &Tree) -> Vec<bool> {
    let is_there = |entry: &Entry| {
        let index = present.tree.position(&entry.path)?;
        let same = present.seen[index] == Seen::Same && present.tree.entries()[index].same_on_disk(entry);
        Some(same)
    };
    target.entries().iter().map(|entry| is_there(entry).unwrap_or(false)).collect()
}

fn damaged(present: Present<'_>, target: &Tree) -> Vec<TreePath> {
    let wrong = present.tree.entries().iter().zip(present.seen).filter(|(_, seen)| **seen != Seen::Same);
    let stays = |entry: &Entry| target.find(&entry.path).is_some_and(|new| new.same_on_disk(entry));
    let files = wrong.filter(|(entry, _)| !entry.is_directory() && stays(entry));
    files.map(|(entry, _)| entry.path.clone()).collect()
}

fn needs(target: &Tree, kept: &[bool]) -> Vec<Need> {
    blobs(target.entries().iter().zip(kept).filter(|(_, kept)| !**kept).map(|(entry, _)| entry))
}

/// Lengths of the files that are copies of others that are made: same content, but an inode has one mode, owner and time.
fn copies<'a>(target: &'a Tree, kept: &'a [bool]) -> impl Iterator<Item = u64> + 'a {
    let mut first: HashMap<Digest, &Metadata> = HashMap::new();
    target.entries().iter().zip(kept).filter_map(move |(entry, kept)| match entry.kind {
        Kind::File { digest, size, .. } if !kept => {
            (**first.entry(digest).or_insert(&entry.metadata) != entry.metadata).then_some(size)
        }
        _ => None,
    })
}

fn same_tree(a: &Tree, b: &Tree) -> bool {
    a.entries().len() == b.entries().len()
        && a.entries().iter().zip(b.entries()).all(|(a, b)| a == b || a.path == b.path && a.same_on_disk(b))
}

fn count(present: Present<'_>, target: &Tree, carried: &[PathBuf]) -> Counts {
    let mut counts = Counts::default();
    let mut seen = present.seen.iter();
    for (old, new) in present.tree.pairs(target) {
        let found = old.and_then(|_| seen.next()).copied().unwrap_or(Seen::Missing);
        let old = old.filter(|old| found != Seen::Missing && !old.is_directory());
        let new = new.filter(|new| !new.is_directory());
        match (old, new) {
            (None, None) => {}
            (None, Some(_)) => counts.added += 1,
            (Some(_), None) => counts.removed += 1,
            (Some(old), Some(new)) => counts.changed += u64::from(found != Seen::Same || !old.same_on_disk(new)),
        }
    }
    let gone = dropped(present.extra, carried).filter(|path| target.find_beneath_usr(path).is_none());
    counts.removed += gone.count() as u64;
    counts
}

/// Paths that no release owns and that do not go along.
fn dropped<'a>(extra: &'a [PathBuf], carried: &'a [PathBuf]) -> impl Iterator<Item = &'a PathBuf> {
    let carried: HashSet<&Path> = carried.iter().map(PathBuf::as_path).collect();
    extra.iter().filter(move |path| !carried.contains(path.as_path()))
}

#[cfg(test)]
mod tests;
