//! The heads of packs, which say what a pack has: read before a plan, with what of a small pack comes along.

use futures::{StreamExt, TryStreamExt, stream};

use super::ClientError;
use super::session::Session;
use crate::fetch::FetchError;
use crate::manifest::PackOffer;
use crate::pack::Index;
use crate::plan::Memory;
use crate::report::Event;
use crate::store::{Shelf, Store};
use crate::types::Digest;

/// A pack and its index.
#[derive(Debug)]
pub(super) struct ReadPack {
    pub offer: PackOffer,
    pub index: Index,
    /// What came of it so far, from its beginning on.
    pub begun: Vec<u8>,
}

impl ReadPack {
    /// A part of the pack, if it has come.
    pub fn part(&self, offset: u64, length: u64) -> Option<&[u8]> {
        part(&self.begun, offset, length)
    }

    /// The blocks that came with the head and are what the index says, with their bytes.
    pub fn blocks(&self) -> impl Iterator<Item = (Digest, &[u8])> {
        let blocks = self.index.blocks().iter();
        blocks.filter_map(|placed| {
            let bytes = self.part(placed.offset, placed.block.length())?;
            (Digest::of(bytes) == placed.block.digest).then_some((placed.block.digest, bytes))
        })
    }
}

impl Session {
    /// Reads the heads of packs, several at once. What cannot be used is left out.
    pub async fn read_packs(&self, offers: Vec<PackOffer>) -> Result<Vec<ReadPack>, ClientError> {
        let read = offers.iter().map(|offer| self.read_pack(offer));
        let read: Vec<Option<ReadPack>> =
            stream::iter(read).buffered(self.settings.limits.parallel.max(1)).try_collect().await?;
        Ok(read.into_iter().flatten().collect())
    }

    /// Reads the head of a pack. One that is missing or of a later format is no offer; that is said and no error.
    async fn read_pack(&self, offer: &PackOffer) -> Result<Option<ReadPack>, ClientError> {
        let skipped = |why: String| {
            self.reporter.report(Event::Warning(format!("pack {} is not used: {why}", offer.path)));
            Ok(None)
        };
        if offer.head.length > crate::pack::MAX_HEAD_BYTES {
            return skipped("its head is too long".to_owned());
        }
        let mut chances = self.transport.chances();
        loop {
            let mut begun = Vec::new();
            let mut sink = |bytes: &[u8]| {
                begun.extend_from_slice(bytes);
                Ok(())
            };
            let served = match self.transport.range(&offer.path, 0, offer.first_bytes(), &mut sink).await {
                Err(error) if error.is_about_the_file() => return skipped(error.to_string()),
                other => other?,
            };
            // Not above `MAX_HEAD_BYTES`, and the pack is not shorter than its head.
            let head = &begun[..offer.head.length as usize];
            match (Digest::of(head) == offer.head.sha256, chances) {
                (true, _) => {
                    return match Index::parse(head) {
                        Ok(index) => Ok(Some(ReadPack { offer: offer.clone(), index, begun })),
                        Err(error) => skipped(error.to_string()),
                    };
                }
                (false, 0) => return skipped("its head is damaged".to_owned()),
                (false, _) => self.transport.doubt(served),
            }
            chances -= 1;
        }
    }
}

/// A part of some bytes, if they reach so far.
pub(super) fn part(bytes: &[u8], offset: u64, length: u64) -> Option<&[u8]> {
    bytes.get(usize::try_from(offset).ok()?..)?.get(..usize::try_from(length).ok()?)
}

/// Blocks that came with the heads of their packs count as fetched, and are where there is a store.
pub(super) fn keep_blocks<'a>(
    packs: impl IntoIterator<Item = &'a ReadPack>,
    store: Option<&Store>,
    memory: &mut Memory,
) -> Result<(), ClientError> {
    for (digest, bytes) in packs.into_iter().flat_map(ReadPack::blocks) {
        if let (true, Some(store)) = (memory.blocks.insert(digest), store) {
            store.add(Shelf::Block, digest, bytes).map_err(FetchError::from)?;
        }
    }
    Ok(())
}
