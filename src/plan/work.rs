//! What a plan consists of: single things to do so that blobs get into the store.

use super::Need;
use crate::pack::PlacedBlock;
use crate::types::{Digest, Slot, TreePath};

/// What one more request counts for, in bytes: so many are better spent than asking once more. It is what a line of 20
/// Mbit/s brings while one of eight connections waits 50 ms for an answer.
///
/// So a machine that wants a whole block takes it, and not some hundred objects that are together a little smaller;
/// and blocks of one pack that are no further apart than this are fetched with what lies between.
pub const REQUEST_BYTES: u64 = 16 << 10;

/// One thing to do so that blobs get into the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// Copy a file of one of the machine's trees: the same content is wanted elsewhere or with other metadata.
    Copy {
        /// The tree.
        tree: Slot,
        /// The file in it.
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
    /// Make this blob with the content of another.
    Delta(Digest, Base),
}

/// Where the content is that a delta starts from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Base {
    /// In this file of the live tree, by what is known of it.
    Live(TreePath, Digest),
    /// In the store: a blob of a release on the way.
    Stored(Digest),
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

    /// The blocks that it decodes.
    pub fn blocks(&self) -> &[BlockWork] {
        match self {
            Self::Range(range) => &range.blocks,
            Self::Block(block) => std::slice::from_ref(block),
            Self::Copy { .. } | Self::Object(_) => &[],
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
pub fn join(path: &str, blocks: Vec<BlockWork>) -> Vec<RangeWork> {
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
    /// The blob that is made.
    pub fn digest(&self) -> Option<Digest> {
        match self {
            Self::Skip => None,
            Self::Whole(digest) | Self::Delta(digest, _) => Some(*digest),
        }
    }

    /// The blob and the one that it starts from, when that is a blob of the store.
    pub(super) fn on_stored(&self) -> Option<(Digest, Digest)> {
        match self {
            Self::Delta(digest, Base::Stored(base)) => Some((*digest, *base)),
            Self::Skip | Self::Whole(_) | Self::Delta(_, Base::Live(..)) => None,
        }
    }
}
