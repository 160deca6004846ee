//! Proof that clients make of a block what they should: of one that is about to be published, and of one that is.

use super::{Block, BlockReader, Build, PackError};
use crate::delta::ReadAt;
use crate::types::{Digest, Hasher};

/// Compares the bytes of a block, which begins at `offset` of `content`, with its digest.
///
/// # Errors
/// [`PackError::WrongDigest`], or when they cannot be read.
pub fn check_digest<I>(block: &Block<I>, content: &dyn ReadAt, offset: u64) -> Result<(), PackError> {
    let read = |source| PackError::Make { action: "read a block back", source };
    let (found, length) =
        Digest::of_reader(super::frame::Section::new(content, offset, block.length())).map_err(read)?;
    debug_assert_eq!(length, block.length());
    match found == block.digest {
        true => Ok(()),
        false => Err(PackError::WrongDigest { what: "a block", expected: block.digest, found }),
    }
}

/// Decodes a block, which begins at `offset` of `content`, with the client's decoder and compares every digest: `expected`
/// names the blob that a build is to make, `base` gives the old content that one starts from.
///
/// # Errors
/// Those of the decoder and of both closures; [`PackError::WrongDigest`] for the block and [`PackError::WrongBlob`] for a
/// blob that is not what it was made from.
pub fn prove<I: Copy, B: ReadAt, E: From<PackError>>(
    block: &Block<I>,
    content: &dyn ReadAt,
    offset: u64,
    expected: impl Fn(&Build<I>) -> Result<Digest, E>,
    mut base: impl FnMut(I) -> Result<B, E>,
) -> Result<(), E> {
    check_digest(block, content, offset)?;
    let mut reader = BlockReader::open(block, content, offset)?;
    while let Some(build) = reader.next_build() {
        let expected = expected(&build)?;
        let old = build.method.base().map(&mut base).transpose()?;
        let mut hasher = Hasher::default();
        reader.build(old.as_ref().map(|old| old as &dyn ReadAt), &mut hasher)?;
        let found = hasher.finish();
        if found != expected {
            return Err(PackError::WrongBlob { expected, found }.into());
        }
    }
    Ok(reader.finish()?)
}
