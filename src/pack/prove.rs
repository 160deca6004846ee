//! Proof, before a block is published, that clients will make of it what they should.

use super::{Block, BlockReader, PackError};
use crate::delta::ReadAt;
use crate::types::{Digest, Hasher};

/// Decodes a block, which begins at `offset` of `content`, with the client's decoder and compares every digest. `base`
/// gives the old content with a digest; none makes the proof fail.
///
/// # Errors
/// Those of the decoder, and [`PackError::WrongDigest`] for the block or a blob that is not what it was made from.
pub fn prove<B: ReadAt>(
    block: &Block<Digest>,
    content: &dyn ReadAt,
    offset: u64,
    mut base: impl FnMut(Digest) -> Option<B>,
) -> Result<(), PackError> {
    let read = |source| PackError::Make { action: "read a block back", source };
    let (digest, length) =
        Digest::of_reader(super::frame::Section::new(content, offset, block.length())).map_err(read)?;
    debug_assert_eq!(length, block.length());
    compare("a block", block.digest, digest)?;
    let mut reader = BlockReader::open(block, content, offset)?;
    while let Some(build) = reader.next_build() {
        let old = build.method.base().and_then(&mut base);
        let mut hasher = Hasher::default();
        reader.build(old.as_ref().map(|old| old as &dyn ReadAt), &mut hasher)?;
        compare("a blob", build.id, hasher.finish())?;
    }
    reader.finish()
}

fn compare(what: &'static str, expected: Digest, found: Digest) -> Result<(), PackError> {
    if expected == found { Ok(()) } else { Err(PackError::WrongDigest { what, expected, found }) }
}
