//! Looking inside gzip files: the plain text and a short recipe travel instead of the compressed bytes.
//!
//! A compressed file changes everywhere when its text changes anywhere, so neither a delta nor a solid stream gains on
//! it. Its *form* is what it was compressed from, preceded by what the compressor did: almost nothing, because the
//! client runs the same compressor again. Forms are what is sent whole or by delta; a delta starts from the old file's
//! text in turn ([`base_form`]).
//!
//! Promises: [`rewrap`] makes exactly what [`unwrap`] was given, or `unwrap` gives nothing; equal inputs give equal
//! forms; on hostile input `rewrap` ends in an error, after at most the blob's length of output, [`MAX_STEPS`]
//! comparisons and at most [`CODER_MEMORY_BYTES`] besides the form. Needs: contents of at most [`MAX_BYTES`] in memory.
//! Leaves to others: whether a form is smaller, and the digest of what comes out.
//!
//! The compressor is that of gzip and zlib at levels 4 to 9 (Jean-loup Gailly and Mark Adler; `deflate.c`, `trees.c`):
//! the search for matches is repeated and only what the file does otherwise is written down, one exception per token;
//! Huffman codes are made again from the tokens. Files of other compressors have too many exceptions, or other codes, and
//! stay as they are. The idea is preflate's (Dirk Steinke), the formats are RFC 1951, RFC 1952, and `docs/formats.md`,
//! "Form".
//!
//! ```text
//! file   header | deflate stream                          | CRC-32, length
//! form   header | level | blocks | exceptions | plain text
//! ```

mod bits;
mod chains;
mod encoder;
mod error;
mod form;
mod huffman;
mod inflate;
mod matcher;
mod member;
mod replay;
mod tokens;

#[cfg(test)]
mod tests;

pub use error::GzipError;
pub(crate) use form::Compare;
pub use form::{base_form, unwrap};
pub use replay::rewrap;

/// How much [`looks_like_gzip`] looks at.
pub const MAGIC_BYTES: usize = member::MAGIC.len();
/// The longest form, and the longest file that is made from one or whose text a delta may start from: 8 MiB. The largest
/// changelog of Debian 12 has 3.7 MB.
pub const MAX_BYTES: u64 = 8 << 20;
/// What making a file takes at most besides its form: what the compressor remembers of the text, and the tokens of a block.
pub const CODER_MEMORY_BYTES: u64 = 2 << 20;
/// The most candidates for matches that are looked at for one file: seconds. The largest changelog of Debian 12 needs a
/// sixteenth.
pub const MAX_STEPS: u64 = 1 << 30;
/// The most tokens in one block; gzip ends blocks at half of them, zlib at a quarter.
const MAX_BLOCK_TOKENS: usize = 1 << 16;

/// Whether a file that begins so may be one that [`unwrap`] takes.
pub fn looks_like_gzip(start: &[u8]) -> bool {
    start.starts_with(&member::MAGIC)
}
