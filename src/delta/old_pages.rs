//! Old content, read page by page.

use std::io;

use super::{DeltaError, ReadAt};

/// Old content is read in pages of this many bytes.
const PAGE_BYTES: usize = 16 * 1024;
/// So many of them are kept, 2 MiB: each in the place that its number leads to.
const PAGES: usize = 128;

/// Old content and the pages that were read last: a delta goes forward in it on the whole, and to and fro on the way.
pub(super) struct OldPages<'a> {
    old: &'a dyn ReadAt,
    length: u64,
    pages: Vec<Page>,
}

#[derive(Clone, Default)]
struct Page {
    number: u64,
    /// Empty when nothing was read.
    bytes: Vec<u8>,
}

impl<'a> OldPages<'a> {
    pub(super) fn new(old: &'a dyn ReadAt) -> Result<Self, DeltaError> {
        let length = old.length().map_err(|source| DeltaError::Old { offset: 0, source })?;
        Ok(Self { old, length, pages: vec![Page::default(); PAGES] })
    }

    /// Length of the whole content in bytes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Copies the bytes from `at` on.
    pub(super) fn copy(&mut self, mut at: u64, mut to: &mut [u8]) -> Result<(), DeltaError> {
        while !to.is_empty() {
            let bytes = self.page(at)?;
            let count = bytes.len().min(to.len());
            let (now, later) = to.split_at_mut(count);
            now.copy_from_slice(&bytes[..count]);
            to = later;
            at += count as u64;
        }
        Ok(())
    }

    /// At least one byte: those from `at` on to the end of its page.
    fn page(&mut self, at: u64) -> Result<&[u8], DeltaError> {
        let (number, inside) = (at / PAGE_BYTES as u64, (at % PAGE_BYTES as u64) as usize);
        let page = &mut self.pages[(number % PAGES as u64) as usize];
        if page.number != number || page.bytes.len() <= inside {
            let start = at - inside as u64;
            let count = self.length.saturating_sub(start).min(PAGE_BYTES as u64) as usize;
            page.bytes.resize(count, 0);
            page.number = number;
            let read = match inside < count {
                true => self.old.read_exact_at(&mut page.bytes, start),
                false => Err(io::ErrorKind::UnexpectedEof.into()),
            };
            if let Err(source) = read {
                page.bytes.clear();
                return Err(DeltaError::Old { offset: at, source });
            }
        }
        Ok(&page.bytes[inside..])
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
        if let Some(bytes) = self.page(at as u64)?.first_chunk() {
            return Ok(*bytes);
        }
        let mut bytes = [0; N];
        self.copy(at as u64, &mut bytes)?;
        Ok(bytes)
    }
}
