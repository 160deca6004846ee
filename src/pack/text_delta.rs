//! A text as a zstd frame that refers to the text before: what documents do best with. For manifests and release
//! documents.

use std::io::{self, Write};

use zstd::stream::write;
use zstd::zstd_safe::{self, DCtx};

use super::frame;
use super::{LEVEL, PackError, WHOLE_WINDOW_LOG};

/// Two texts that are together longer than this are not made into a delta: 128 MiB, the largest window.
const MAX_BYTES: u64 = 1 << WHOLE_WINDOW_LOG;

/// The frame that makes `new` out of `old`.
///
/// # Errors
/// When both together are longer than 128 MiB.
pub fn make_text_delta(old: &[u8], new: &[u8]) -> Result<Vec<u8>, PackError> {
    let window_log = checked_window_log(old, new.len() as u64)?;
    let make = || {
        let mut encoder = write::Encoder::with_ref_prefix(Vec::new(), LEVEL, old)?;
        frame::set_up(&mut encoder, Some(new.len() as u64), window_log)?;
        encoder.long_distance_matching(true)?;
        encoder.write_all(new)?;
        encoder.finish()
    };
    make().map_err(|source| PackError::Make { action: "compress a text", source })
}

/// The new text, which has `new_length` bytes by what is signed. It is made at one go, so that it is its own window:
/// memory is the text and next to nothing more.
///
/// The caller checks the digest of the result against the signed one before it believes a word of it.
///
/// # Errors
/// When the frame is broken, or makes more or less than `new_length` bytes.
pub fn apply_text_delta(old: &[u8], frame: &[u8], new_length: u64) -> Result<Vec<u8>, PackError> {
    const NAME: &str = "text delta";
    checked_window_log(old, new_length)?;
    if new_length == 0 && frame.is_empty() {
        return Ok(Vec::new());
    }
    frame::check_alone(NAME, frame)?;
    // Not more than `MAX_BYTES`, by the check above, and the decoder never makes it grow.
    let mut new = Vec::with_capacity(new_length as usize);
    let mut decoder = DCtx::create();
    let made = decoder.ref_prefix(old).and_then(|_| decoder.decompress(&mut new, frame));
    let failed = |code| PackError::Decode { stream: NAME, source: io::Error::other(zstd_safe::get_error_name(code)) };
    made.map_err(failed)?;
    if new.len() as u64 != new_length {
        return Err(PackError::BadStream { stream: NAME, what: "it decodes to less than its declared length" });
    }
    Ok(new)
}

fn checked_window_log(old: &[u8], new_length: u64) -> Result<u32, PackError> {
    let value = new_length.saturating_add(old.len() as u64);
    if value > MAX_BYTES {
        return Err(PackError::TooLarge { what: "length of old and new text", value, limit: MAX_BYTES });
    }
    Ok(frame::window_log(value, WHOLE_WINDOW_LOG))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn manifest(lines: u32, odd: u32) -> Vec<u8> {
        let line = |n: u32| {
            format!("{{\"path\":\"usr/lib/{n}\",\"sha256\":\"{:08x}\"}}\n", (n ^ odd).wrapping_mul(0x9e37_79b9))
        };
        (0..lines).map(line).collect::<String>().into_bytes()
    }

    #[test]
    fn a_small_change_is_a_small_delta() {
        let old = manifest(50_000, 0);
        let mut new = old.clone();
        new.splice(1_000_000..1_000_010, *b"changed");
        let frame = make_text_delta(&old, &new).expect("small");
        assert!(frame.len() < 300, "{}", frame.len());
        assert!(apply_text_delta(&old, &frame, new.len() as u64).expect("own frame") == new);
        assert_eq!(make_text_delta(&old, &new).expect("small"), frame, "same input, same bytes");
    }

    #[test]
    fn lengths_are_believed_only_when_they_fit() {
        let (old, new) = (manifest(100, 0), manifest(101, 1));
        let frame = make_text_delta(&old, &new).expect("small");
        let length = new.len() as u64;
        for wrong in [0, length - 1, length + 1, u64::MAX] {
            assert!(apply_text_delta(&old, &frame, wrong).is_err(), "{wrong}");
        }
        assert!(apply_text_delta(&old, &frame[..frame.len() - 1], length).is_err());
        assert!(apply_text_delta(&old, &[&frame[..], b"x"].concat(), length).is_err());
        for (old, new) in [(&b""[..], &b"new"[..]), (b"old", b""), (b"", b"")] {
            let frame = make_text_delta(old, new).expect("small");
            assert_eq!(apply_text_delta(old, &frame, new.len() as u64).expect("own frame"), new);
        }
    }

    proptest! {
        #[test]
        fn broken_frames_never_make_more(
            at: prop::sample::Index,
            bit in 0u8..8,
            cut: prop::sample::Index,
            noise in vec(any::<u8>(), 0..50),
        ) {
            let (old, new) = (manifest(30, 0), manifest(31, 1));
            let good = make_text_delta(&old, &new).expect("small");
            let mut flipped = good.clone();
            flipped[at.index(good.len())] ^= 1 << bit;
            for frame in [&flipped[..], &good[..cut.index(good.len())], &noise[..]] {
                if let Ok(made) = apply_text_delta(&old, frame, new.len() as u64) {
                    prop_assert_eq!(made.len(), new.len());
                }
            }
        }
    }
}
