//! Chooses where each missing blob comes from: another place in the live tree, a block of a pack, or its object.
//!
//! A block is taken when it is cheaper than what it replaces, the objects of the blobs that only it would bring. Blocks
//! that lie next to each other in a pack become one request.

use std::collections::{HashMap, HashSet};

use super::{Memory, Need, Offer, Present};
use crate::pack::PlacedBlock;
use crate::types::{Digest, Seen, TreePath};

/// What one more request counts for, in bytes: so many are better spent than asking once more. It is what a line of 20
/// Mbit/s brings while one of eight connections waits 50 ms for an answer.
///
/// So a machine that wants a whole block takes it, and not some hundred objects that are together a little smaller;
/// and blocks of one pack that are no further apart than this are fetched with what lies between.
pub(super) const REQUEST_BYTES: u64 = 16 << 10;

/// One thing to do so that blobs get into the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// Copy a file of the live tree: the same content is wanted elsewhere or with other metadata.
    Copy {
        /// The file.
        from: TreePath,
        /// Its content.
        need: Need,
    },
    /// Fetch a part of a pack.
    Range(RangeWork),
    /// Decode a block that is in the store already.
    Block(BlockWork),
    /// Fetch one blob alone.
    Object(Need),
}

/// A part of a pack, one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeWork {
    /// The pack.
    pub path: String,
    /// Where the part begins.
    pub offset: u64,
    /// Its length in bytes.
    pub length: u64,
    /// The blocks in it, in order, perhaps with unwanted bytes between.
    pub blocks: Vec<BlockWork>,
}

/// A block and what to make of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockWork {
    /// The block.
    pub block: PlacedBlock,
    /// For each build of the block, in order, what to do with it.
    pub makes: Vec<Make>,
}

/// What to do with one build of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Make {
    /// Pass over it.
    Skip,
    /// Make this blob from the block alone.
    Whole(Digest),
    /// Make this blob with the content of a file of the live tree.
    Delta(Digest, TreePath),
}

impl Work {
    /// Bytes that come over the wire.
    pub fn wire_bytes(&self) -> u64 {
        match self {
            Self::Copy { .. } | Self::Block(_) => 0,
            Self::Range(range) => range.length,
            Self::Object(need) => need.object_bytes,
        }
    }

    /// The blob, when it is fetched alone.
    pub fn object(&self) -> Option<Digest> {
        match self {
            Self::Object(need) => Some(need.digest),
            Self::Copy { .. } | Self::Range(_) | Self::Block(_) => None,
        }
    }

    /// Requests that it takes.
    pub fn requests(&self) -> u64 {
        match self {
            Self::Copy { .. } | Self::Block(_) => 0,
            Self::Range(_) | Self::Object(_) => 1,
        }
    }
}

pub(super) fn choose(present: Present<'_>, needs: &[Need], offers: &[Offer<'_>], memory: &Memory) -> Vec<Work> {
    let here = intact_files(present);
    let mut open: HashMap<Digest, &Need> = needs.iter().map(|need| (need.digest, need)).collect();
    open.retain(|digest, _| !memory.blobs.contains(digest));
    let mut work: Vec<Work> = Vec::new();
    for need in needs {
        if let (Some(from), true) = (here.get(&need.digest), open.contains_key(&need.digest)) {
            open.remove(&need.digest);
            work.push(Work::Copy { from: (*from).clone(), need: *need });
        }
    }
    let mut here_sorted: Vec<Digest> = here.keys().copied().collect();
    here_sorted.sort_unstable();
    for offer in offers {
        let mut wanted: Vec<Digest> = open.keys().copied().collect();
        wanted.sort_unstable();
        let mut taken: Vec<BlockWork> = Vec::new();
        for placed in offer.index.blocks().iter().filter(|placed| !memory.struck.contains(&placed.block.digest)) {
            let makes = makes(placed, &open, &wanted, &here, &here_sorted);
            let made = makes.iter().filter_map(Make::digest).collect::<HashSet<_>>();
            let alone: u64 = made.iter().map(|digest| open[digest].object_bytes + REQUEST_BYTES).sum();
            let held = memory.blocks.contains(&placed.block.digest);
            if made.is_empty() || !held && placed.block.length() >= alone {
                continue;
            }
            open.retain(|digest, _| !made.contains(digest));
            let block = BlockWork { block: placed.clone(), makes };
            match held {
                true => work.push(Work::Block(block)),
                false => taken.push(block),
            }
        }
        work.extend(join(&offer.pack.path, taken).into_iter().map(Work::Range));
    }
    work.extend(needs.iter().filter(|need| open.contains_key(&need.digest)).copied().map(Work::Object));
    work
}

/// For each content that is intact in the live tree, a path that has it.
fn intact_files(present: Present<'_>) -> HashMap<Digest, &TreePath> {
    let intact = present.tree.entries().iter().zip(present.seen).filter(|(_, seen)| **seen == Seen::Same);
    intact.filter_map(|(entry, _)| Some((entry.kind.digest()?, &entry.path))).collect()
}

fn makes(
    placed: &PlacedBlock,
    open: &HashMap<Digest, &Need>,
    wanted: &[Digest],
    here: &HashMap<Digest, &TreePath>,
    here_sorted: &[Digest],
) -> Vec<Make> {
    let mut seen = HashSet::new();
    let make = |build: &crate::pack::Build<crate::pack::ShortId>| {
        let digest =
            build.id.resolve(wanted).filter(|digest| open.get(digest).is_some_and(|need| need.size == build.size))?;
        let make = match build.method.base() {
            None => Make::Whole(digest),
            Some(base) => Make::Delta(digest, (*here.get(&base.resolve(here_sorted)?)?).clone()),
        };
        seen.insert(digest).then_some(make)
    };
    placed.block.builds.iter().map(make).map(|make| make.unwrap_or(Make::Skip)).collect()
}

/// Joins places (offset, length) of one file, in order of offset, that lie so close together that one request for all is
/// cheaper than several.
pub fn joined(places: impl IntoIterator<Item = (u64, u64)>) -> Vec<(u64, u64)> {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for (start, length) in places {
        match ranges.last_mut() {
            Some((first, so_far)) if start.saturating_sub(*first + *so_far) <= REQUEST_BYTES => {
                *so_far = start + length - *first;
            }
            _ => ranges.push((start, length)),
        }
    }
    ranges
}

/// Makes one request of blocks that lie close together. The blocks are in the order of the pack.
fn join(path: &str, blocks: Vec<BlockWork>) -> Vec<RangeWork> {
    let ranges = joined(blocks.iter().map(|work| (work.block.offset, work.block.block.length())));
    let mut blocks = blocks.into_iter().peekable();
    ranges
        .into_iter()
        .map(|(offset, length)| {
            let inside = std::iter::from_fn(|| blocks.next_if(|work| work.block.offset < offset + length));
            RangeWork { path: path.to_owned(), offset, length, blocks: inside.collect() }
        })
        .collect()
}

impl Make {
    fn digest(&self) -> Option<Digest> {
        match self {
            Self::Skip => None,
            Self::Whole(digest) | Self::Delta(digest, _) => Some(*digest),
        }
    }
}
