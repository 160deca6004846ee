//! Documents that travel compressed: one zstd frame of a length that is signed for.

use std::io::{Error, ErrorKind, Read, Result};

/// The level for what is made once and fetched often.
const LEVEL: i32 = 19;
/// The first four bytes of a zstd frame; skippable frames and those of formats before it have others.
const MAGIC: [u8; 4] = zstd::zstd_safe::MAGICNUMBER.to_le_bytes();
/// The largest window that is taken, as a logarithm to base 2.
const MAX_WINDOW_LOG: u32 = 27;

/// What the frame makes, which must be exactly `length` bytes and not more than `limit`. No more than `length` bytes are
/// ever made.
pub(super) fn expand(compressed: &[u8], length: u64, limit: u64) -> Result<Vec<u8>> {
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
    if !compressed.starts_with(&MAGIC) {
        return Err(invalid("it does not begin as a zstd frame"));
    }
    let mut decoder = zstd::stream::read::Decoder::with_buffer(compressed)?.single_frame();
    decoder.window_log_max(MAX_WINDOW_LOG)?;
    // Beyond the limit nothing more is read, and what is there is too long already.
    let made = decoder.by_ref().take(limit + 1).read_to_end(&mut plain)?;
    if made as u64 <= limit && !decoder.finish().is_empty() {
        return Err(invalid("bytes follow its frame"));
    }
    Ok(plain)
}

fn invalid(text: &str) -> Error {
    Error::new(ErrorKind::InvalidData, text)
}

/// The frame.
pub(super) fn compress(plain: &[u8]) -> Vec<u8> {
    zstd::encode_all(plain, LEVEL).expect("compressing memory to memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_plain_frame_is_a_document() {
        let good = compress(b"good");
        assert_eq!(expand(&good, 4, 100).expect("its own"), b"good");
        let skippable = [0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4];
        let legacy = [0x27, 0xb5, 0x2f, 0xfd, 0, 0, 0, 0];
        let (begins, follows) = ("does not begin as a zstd frame", "bytes follow its frame");
        let cases: [(&[&[u8]], u64, &str); 6] = [
            (&[&skippable, &good], 4, begins),
            (&[&skippable], 0, begins),
            (&[&legacy], 4, begins),
            (&[&good, &good], 8, follows),
            (&[&good, &skippable], 4, follows),
            (&[&good, b"more"], 4, follows),
        ];
        for (parts, length, wanted) in cases {
            let bytes = parts.concat();
            for error in [expand(&bytes, length, 100), up_to(&bytes, 100)].map(|made| made.expect_err(wanted)) {
                assert!(error.to_string().contains(wanted), "{error}, not {wanted}");
            }
        }
        assert!(expand(&good[..good.len() - 1], 4, 100).is_err(), "it is cut off");
    }
}
