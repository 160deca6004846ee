//! Old content, read through a window.

use std::io;

use super::{DeltaError, ReadAt};

/// Old content is read in pieces of at least this many bytes where there are as many.
const AHEAD_BYTES: usize = 16 * 1024;

/// The part of the old content around the last read: what is read is short, and mostly follows what was read before.
pub(super) struct OldWindow<'a> {
    old: &'a dyn ReadAt,
    length: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl<'a> OldWindow<'a> {
    pub(super) fn new(old: &'a dyn ReadAt) -> Result<Self, DeltaError> {
        let length = old.length().map_err(|source| DeltaError::Old { offset: 0, source })?;
        Ok(Self { old, length, start: 0, bytes: Vec::new() })
    }

    /// Length of the whole content in bytes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Copies the bytes from `at` on. The window grows to as many.
    pub(super) fn copy(&mut self, at: u64, to: &mut [u8]) -> Result<(), DeltaError> {
        let inside = at.checked_sub(self.start).and_then(|skip| self.bytes.get(skip as usize..)?.get(..to.len()));
        if let Some(bytes) = inside {
            to.copy_from_slice(bytes);
            return Ok(());
        }
        let ended = || DeltaError::Old { offset: at, source: io::ErrorKind::UnexpectedEof.into() };
        let left = self.length.checked_sub(at).filter(|left| *left >= to.len() as u64).ok_or_else(ended)?;
        let count = left.min(to.len().max(AHEAD_BYTES) as u64) as usize;
        self.start = at;
        self.bytes.resize(count, 0);
        if let Err(source) = self.old.read_exact_at(&mut self.bytes, at) {
            self.bytes.clear();
            return Err(DeltaError::Old { offset: at, source });
        }
        to.copy_from_slice(&self.bytes[..to.len()]);
        Ok(())
    }

    /// The two bytes from `at` on as a number, lowest first; so are the next.
    pub(super) fn u16_at(&mut self, at: usize) -> Result<u16, DeltaError> {
        self.array(at).map(u16::from_le_bytes)
    }

    pub(super) fn u32_at(&mut self, at: usize) -> Result<u32, DeltaError> {
        self.array(at).map(u32::from_le_bytes)
    }

    pub(super) fn u64_at(&mut self, at: usize) -> Result<u64, DeltaError> {
        self.array(at).map(u64::from_le_bytes)
    }

    fn array<const N: usize>(&mut self, at: usize) -> Result<[u8; N], DeltaError> {
        let mut bytes = [0; N];
        self.copy(at as u64, &mut bytes)?;
        Ok(bytes)
    }
}
