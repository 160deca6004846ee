//! The bytes of a pack as they come, cut into blocks.

use std::io::Write;

use tokio::sync::mpsc::UnboundedSender;

use super::Fetcher;
use crate::plan::{BlockWork, RangeWork};
use crate::store::{Incoming, Shelf, StoreError};
use crate::transport::SinkError;
use crate::types::Digest;

/// Cuts a stream of bytes of a pack into blocks.
pub(super) struct Splitter<'a> {
    fetcher: &'a Fetcher,
    range: &'a RangeWork,
    decode: &'a UnboundedSender<BlockWork>,
    /// Place in the pack of the next byte.
    at: u64,
    /// Index of the block that is coming or comes next.
    next: usize,
    bad: Vec<BlockWork>,
    incoming: Option<Incoming<'a>>,
}

impl<'a> Splitter<'a> {
    /// At the beginning of a range.
    pub(super) fn new(fetcher: &'a Fetcher, range: &'a RangeWork, decode: &'a UnboundedSender<BlockWork>) -> Self {
        Self { fetcher, range, decode, at: range.offset, next: 0, bad: Vec::new(), incoming: None }
    }

    /// Whether a block that came was bad.
    pub(super) fn has_bad(&self) -> bool {
        !self.bad.is_empty()
    }

    /// The blocks that came and were bad, in order.
    pub(super) fn into_bad(self) -> Vec<BlockWork> {
        self.bad
    }

    /// The blocks that have not come.
    pub(super) fn rest(&self) -> impl Iterator<Item = Digest> {
        self.range.blocks[self.next..].iter().map(|work| work.block.block.digest)
    }

    /// Takes the next bytes: blocks that are whole go to the store and are decoded from there.
    pub(super) fn take(&mut self, mut bytes: &[u8]) -> Result<(), SinkError> {
        self.fetcher.downloaded.advance(bytes.len() as u64);
        while let Some(work) = self.range.blocks.get(self.next).filter(|_| !bytes.is_empty()) {
            let (start, digest) = (work.block.offset, work.block.block.digest);
            let end = start + work.block.block.length();
            // Bytes between two blocks are nobody's.
            let gap = start.saturating_sub(self.at).min(bytes.len() as u64);
            self.at += gap;
            bytes = &bytes[gap as usize..];
            let (mine, rest) = bytes.split_at(end.saturating_sub(self.at).min(bytes.len() as u64) as usize);
            let mut incoming = match self.incoming.take() {
                Some(incoming) => incoming,
                None => self.fetcher.doors.store.incoming()?,
            };
            incoming.write_all(mine)?;
            self.at += mine.len() as u64;
            bytes = rest;
            if self.at < end {
                self.incoming = Some(incoming);
                continue;
            }
            match incoming.finish(Shelf::Block, digest) {
                Ok(()) => drop(self.decode.send(work.clone())),
                Err(StoreError::OtherContent { .. }) => self.bad.push(work.clone()),
                Err(error) => return Err(error.into()),
            }
            self.next += 1;
        }
        Ok(())
    }
}
