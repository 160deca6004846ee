//! Documents that travel compressed: one zstd frame of a length that is signed for.

use std::io::{Error, ErrorKind, Read, Result};

/// The level for what is made once and fetched often.
const LEVEL: i32 = 19;
/// The largest window that is taken, as a logarithm to base 2.
const MAX_WINDOW_LOG: u32 = 27;

/// What the frame makes, which must be exactly `length` bytes and not more than `limit`. No more than `length` bytes are
/// ever made.
pub(super) fn expand(compressed: &[u8], length: u64, limit: u64) -> Result<Vec<u8>> {
    let invalid = |text: &str| Error::new(ErrorKind::InvalidData, text);
    if length > limit {
        return Err(invalid("that is more than any document may have"));
    }
    // Room for all of it at once: a buffer that grows would hold twice as much.
    let plain = read(compressed, length, Vec::with_capacity(length as usize + 1))?;
    if plain.len() as u64 == length { Ok(plain) } else { Err(invalid("it makes another number of bytes")) }
}

/// What the frame makes, cut off after one byte more than `limit`.
pub(super) fn up_to(compressed: &[u8], limit: u64) -> Result<Vec<u8>> {
    read(compressed, limit, Vec::new())
}

fn read(compressed: &[u8], limit: u64, mut plain: Vec<u8>) -> Result<Vec<u8>> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(compressed)?;
    decoder.window_log_max(MAX_WINDOW_LOG)?;
    decoder.take(limit + 1).read_to_end(&mut plain)?;
    Ok(plain)
}

/// The frame.
pub(super) fn compress(plain: &[u8]) -> Vec<u8> {
    zstd::encode_all(plain, LEVEL).expect("compressing memory to memory")
}
