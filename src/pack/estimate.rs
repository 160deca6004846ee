//! About what contents take in a block, to choose between ways of sending them.

use std::io;

use super::lzma::Content;
use super::{DELTA_WINDOW_LOG, frame};

/// Quick, and close enough to tell which of two is smaller.
const LEVEL: i32 = 3;

/// About how many bytes streams add to those of a block. The same streams always give the same number.
pub fn estimate<'a>(streams: impl IntoIterator<Item = &'a [u8]>) -> u64 {
    let one = |plain: &[u8]| {
        let mut packed = Count(0);
        // Nothing can fail here but zstd itself; then there is no gain.
        let made = frame::compress(plain, LEVEL, Content::Bytes, DELTA_WINDOW_LOG, &mut packed);
        let length = plain.len() as u64;
        made.map_or(length, |()| packed.0.min(length))
    };
    streams.into_iter().map(one).sum()
}

struct Count(u64);

impl io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
