//! Decoding: the wanted blobs of blocks that lie in the store.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;

use super::{FetchError, Fetcher};
use crate::delta::DeltaError;
use crate::disk::DiskError;
use crate::pack::{BlockReader, PackError};
use crate::plan::{Base, BlockWork, Make};
use crate::store::{Shelf, StoreError};
use crate::types::{Digest, Slot};

/// Decoders that are at work at once, whatever the doors allow. Each holds a thread of the runtime's pool for blocking
/// work to the end, of which copies, local files and names of hosts need some, too: without any they would wait for the
/// decoders, and those for them. Tokio's pool has 512.
const MAX_DECODERS: usize = 256;

/// Why a block did not make what it should.
#[derive(Debug, thiserror::Error)]
enum BlockError {
    #[error(transparent)]
    Pack(#[from] PackError),
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file that a delta starts from is not there any more, or cannot be read.
    #[error(transparent)]
    Base(DiskError),
}

impl Fetcher {
    /// Decodes `count` blocks as they come, on as many threads as the doors allow. Each thread stays to the end, so that
    /// what the allocator keeps for it serves the next block.
    pub(super) async fn decode_all(
        &self,
        blocks: UnboundedReceiver<BlockWork>,
        count: usize,
    ) -> Result<(), FetchError> {
        let blocks = Arc::new(Mutex::new(blocks));
        let mut running = JoinSet::new();
        for _ in 0..decoders(self.doors.jobs, count) {
            let (fetcher, blocks) = (self.clone(), blocks.clone());
            let next = move || blocks.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
            running.spawn_blocking(move || std::iter::from_fn(next).try_for_each(|block| fetcher.decode(&block)));
        }
        while let Some(done) = running.join_next().await {
            done.map_err(FetchError::Decoder)??;
        }
        Ok(())
    }

    /// Makes the wanted blobs of a block that lies in the store; forgets the block after its last use.
    fn decode(&self, work: &BlockWork) -> Result<(), FetchError> {
        let digest = work.block.block.digest;
        match self.make(work) {
            Ok(()) => {}
            // Disk trouble is not the block's fault.
            Err(BlockError::Store(StoreError::Disk(error)) | BlockError::Disk(error)) => return Err(error.into()),
            Err(BlockError::Pack(
                PackError::Write { source, .. } | PackError::Delta { source: DeltaError::Write { source }, .. },
            )) => {
                let path = self.doors.store.directory().path().to_owned();
                return Err(DiskError { action: "write to", path, source }.into());
            }
            Err(error) => {
                tracing::warn!(%digest, %error, "a block does not make what it should");
                self.strike(digest);
            }
        }
        if self.was_last_use(digest) { Ok(self.doors.store.remove(Shelf::Block, digest)?) } else { Ok(()) }
    }

    fn was_last_use(&self, block: Digest) -> bool {
        let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        let left = uses.entry(block).or_default();
        *left = left.saturating_sub(1);
        *left == 0
    }

    fn make(&self, work: &BlockWork) -> Result<(), BlockError> {
        let (store, live) = (&self.doors.store, self.doors.trees.get(&Slot::Live));
        let content = store.open_content(Shelf::Block, work.block.block.digest)?;
        let mut reader = BlockReader::open(&work.block.block, &content, 0)?;
        for (make, build) in work.makes.iter().zip(&work.block.block.builds) {
            let Some(digest) = make.digest() else {
                reader.skip()?;
                continue;
            };
            let base = match make {
                Make::Delta(_, Base::Live(from)) => {
                    live.map(|live| live.open_file(from.beneath_usr())).transpose().map_err(BlockError::Base)?
                }
                Make::Delta(_, Base::Stored(base)) => Some(store.open_content(Shelf::Blob, *base)?),
                Make::Skip | Make::Whole(_) => None,
            };
            let mut incoming = store.incoming()?;
            reader.build(base.as_ref().map(|base| base as _), &mut incoming)?;
            incoming.finish(Shelf::Blob, digest)?;
            self.built.advance(build.size);
        }
        // Each build has its make, so all were asked for.
        Ok(reader.finish()?)
    }
}

/// How many decoders are started for so many blocks.
fn decoders(jobs: usize, blocks: usize) -> usize {
    jobs.clamp(1, MAX_DECODERS).min(blocks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoders_never_take_the_whole_pool() {
        for (jobs, blocks, wanted) in
            [(0, 5, 1), (1, 5, 1), (4, 2, 2), (600, 0, 0), (600, 3, 3), (600, 10_000, MAX_DECODERS)]
        {
            assert_eq!(decoders(jobs, blocks), wanted, "{jobs} jobs for {blocks} blocks");
        }
    }
}
