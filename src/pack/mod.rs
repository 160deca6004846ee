//! The container of one step: many deltas and blobs, laid out so that a client reads only its part.
//!
//! Promises: equal inputs give equal bytes; a reader allocates at most [`DECODER_MEMORY_BYTES`] for a block and
//! [`MAX_HEAD_BYTES`] + [`MAX_INDEX_BYTES`] and their parsed form for an index, whatever the bytes say, and hostile
//! bytes end in an error. Needs: a head whose digest and length are signed (`Index::parse` is given verified bytes), a
//! block whose digest is in that index, old content by positional reads. Leaves to others: fetching, checking digests
//! of head and blocks, grouping of builds into blocks, and the digest of every blob and manifest that comes out: what a
//! pack says is a hint.
//!
//! ```text
//! head             magic, length, compressed index          verified as one string by the signed digest
//! manifest deltas  one zstd frame each                       verified by the signed digest of their result
//! blocks           up to seven compressed streams each       verified by the digest in the index
//! ```
//!
//! The format is in `docs/formats.md`, "Pack". A pack holds no paths: it cannot put anything anywhere.

mod block;
mod block_reader;
mod block_writer;
mod error;
mod estimate;
mod frame;
mod index;
mod lzma;
mod object;
mod prove;
mod short_id;
mod text_delta;
mod writer;

use crate::xz;

#[cfg(test)]
mod form_tests;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod golden_tests;
#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod lzma_tests;
#[cfg(test)]
mod predicted_tests;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod text_tests;
#[cfg(test)]
mod xz_tests;

pub use block::{Block, Build, Method, STREAMS, StreamLengths};
pub use block_reader::BlockReader;
pub use block_writer::BlockWriter;
pub use error::PackError;
pub use estimate::estimate;
pub use index::{Index, ManifestDeltaPlace, PlacedBlock};
pub use object::{ObjectDecoder, write_object};
pub use prove::{check_digest, prove};
pub use short_id::{ShortId, short_id_length};
pub use text_delta::{apply_text_delta, make_text_delta};
pub use writer::{ManifestDelta, PackSummary, PackWriter};

/// The format that this code writes and the only one that it reads.
pub const FORMAT: u32 = 1;
/// A caller that groups builds into blocks stops at this many bytes of new content; one larger blob is a block of its
/// own.
pub const BLOCK_PLAIN_BYTES: u64 = 16 << 20;
/// The level for packs that are made once and fetched often: from here on LZMA2 makes the streams, below it zstd.
pub const LEVEL: i32 = 19;

/// The longest head.
pub const MAX_HEAD_BYTES: u64 = 64 << 20;
/// The longest index, uncompressed.
pub const MAX_INDEX_BYTES: u64 = 128 << 20;
/// The most blocks in a pack.
pub const MAX_BLOCKS: u64 = 1 << 16;
/// The most builds in a pack.
pub const MAX_BUILDS: u64 = 1 << 20;
/// The most manifest deltas in a pack.
pub const MAX_MANIFEST_DELTAS: u64 = 1 << 16;
/// The most plain bytes in one stream, the most that the builds of one pack make, and the longest pack.
pub const MAX_PLAIN_BYTES: u64 = 1 << 40;
/// The largest window of a manifest delta and of the stream of whole blobs: 128 MiB.
pub const WHOLE_WINDOW_LOG: u32 = 27;
/// The largest window of any other stream: 16 MiB.
pub const DELTA_WINDOW_LOG: u32 = 24;
/// The longest text, old or new, that is made by a text delta inside a block.
pub const MAX_TEXT_BYTES: u64 = 8 << 20;
/// The most memory that the decoder of one block takes: seven windows or dictionaries, 1 MiB for each stream's and the
/// delta's buffers, and for a form what is inside the old and the new file, the fields of a prediction, or the
/// compressor. What takes much is made one at a time, however many blocks are decoded. [`Block::decoder_memory`] says what
/// one block takes: without costly builds at most 424 MiB.
///
/// A window is never larger than the next power of two of its stream, so this is reached only by blobs above 64 MiB.
pub const DECODER_MEMORY_BYTES: u64 =
    (1 << WHOLE_WINDOW_LOG) + 6 * (1 << DELTA_WINDOW_LOG) + 8 * (1 << 20) + 2 * xz::MAX_BYTES + xz::CODER_MEMORY_BYTES;
