//! Bits in the order of deflate: the lowest of a byte first.

use std::io::Write;

use super::GzipError;

/// Output is handed on in pieces of about this many bytes.
const PIECE_BYTES: usize = 32 << 10;

/// Reads bits; beyond the end there are none.
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    rest: &'a [u8],
    bits: u64,
    count: u32,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, rest: bytes, bits: 0, count: 0 }
    }

    /// The next bits, as many as there are up to 32, filled up with zeros; and how many are real.
    pub(super) fn peek(&mut self) -> (u32, u32) {
        while self.count <= 56
            && let Some((byte, rest)) = self.rest.split_first()
        {
            self.bits |= u64::from(*byte) << self.count;
            self.count += 8;
            self.rest = rest;
        }
        (self.bits as u32, self.count)
    }

    /// Passes over bits that [`Self::peek`] has shown.
    pub(super) fn consume(&mut self, count: u32) {
        self.bits >>= count;
        self.count -= count;
    }

    /// The next `count` bits, at most 16.
    pub(super) fn take(&mut self, count: u32) -> Option<u32> {
        let (bits, real) = self.peek();
        if count > real {
            return None;
        }
        self.consume(count);
        Some(bits & ((1 << count) - 1))
    }

    /// Passes over the rest of the byte that was begun, and gives what follows it.
    pub(super) fn align(&mut self) -> &'a [u8] {
        let unread = (self.count / 8) as usize;
        &self.bytes[self.bytes.len() - self.rest.len() - unread..]
    }
}

/// Writes bits, and no more bytes than were said.
pub(super) struct BitWriter<'a> {
    out: &'a mut dyn Write,
    size: u64,
    left: u64,
    bytes: Vec<u8>,
    bits: u64,
    count: u32,
}

impl<'a> BitWriter<'a> {
    pub(super) fn new(out: &'a mut dyn Write, size: u64) -> Self {
        Self { out, size, left: size, bytes: Vec::with_capacity(PIECE_BYTES + 8), bits: 0, count: 0 }
    }

    /// Appends the lowest `count` bits, at most 16; the others are zero.
    pub(super) fn put(&mut self, bits: u32, count: u32) -> Result<(), GzipError> {
        self.bits |= u64::from(bits) << self.count;
        self.count += count;
        if self.count >= 32 {
            self.bytes.extend_from_slice(&(self.bits as u32).to_le_bytes());
            self.bits >>= 32;
            self.count -= 32;
            if self.bytes.len() >= PIECE_BYTES {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Fills up the byte that was begun with zeros.
    pub(super) fn align(&mut self) {
        let count = self.count.div_ceil(8) as usize;
        self.bytes.extend_from_slice(&self.bits.to_le_bytes()[..count]);
        (self.bits, self.count) = (0, 0);
    }

    /// Appends bytes, after [`Self::align`].
    pub(super) fn put_bytes(&mut self, bytes: &[u8]) -> Result<(), GzipError> {
        debug_assert_eq!(self.count, 0);
        self.flush()?;
        self.write(bytes)
    }

    /// Checks that as much was written as was said.
    pub(super) fn finish(mut self) -> Result<(), GzipError> {
        self.align();
        self.flush()?;
        if self.left == 0 { Ok(()) } else { Err(GzipError::WrongSize { size: self.size }) }
    }

    fn flush(&mut self) -> Result<(), GzipError> {
        let bytes = std::mem::take(&mut self.bytes);
        self.write(&bytes)?;
        self.bytes = bytes;
        self.bytes.clear();
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), GzipError> {
        self.left = self.left.checked_sub(bytes.len() as u64).ok_or(GzipError::WrongSize { size: self.size })?;
        self.out.write_all(bytes).map_err(|source| GzipError::Write { source })
    }
}
