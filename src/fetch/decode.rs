//! Decoding: the wanted blobs of blocks that lie in the store.

use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;

use super::{FetchError, Fetcher};
use crate::delta::DeltaError;
use crate::disk::DiskError;
use crate::pack::{Block, BlockReader, PackError, ShortId};
use crate::plan::{Base, BlockWork, Make};
use crate::store::{Shelf, StoreError};
use crate::types::{Digest, Slot, TreePath};

/// Decoders that are at work at once, whatever the doors allow. Each holds a thread of the runtime's pool for blocking
/// work to the end, of which copies, local files and names of hosts need some, too: without any they would wait for the
/// decoders, and those for them. Tokio's pool has 512.
const MAX_DECODERS: usize = 256;

/// Why a block did not make what it should.
#[derive(Debug, thiserror::Error)]
enum BlockError {
    /// The block, or what a build of it starts from, is not what it should be.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// A build makes another blob.
    #[error(transparent)]
    OtherBlob(StoreError),
    /// Disk trouble, which is not the block's fault.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl From<StoreError> for BlockError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Disk(error) => Self::Disk(error),
            StoreError::OtherContent { .. } => Self::OtherBlob(error),
        }
    }
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
            Err(BlockError::Disk(error)) => return Err(error.into()),
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

    /// Makes what is wanted of a block. A file that a build starts from, and that turns out not to have the content that is
    /// known of it, costs the blobs that are made from it and no others.
    fn make(&self, work: &BlockWork) -> Result<(), BlockError> {
        let store = &self.doors.store;
        let block = &work.block.block;
        let content = store.open_content(Shelf::Block, block.digest)?;
        let mut reader = behind(block, &content, 0)?;
        for (number, (make, build)) in work.makes.iter().zip(&block.builds).enumerate() {
            let Some(digest) = make.digest() else {
                reader.skip()?;
                continue;
            };
            let base = match make {
                Make::Delta(_, Base::Live(path, known)) => match self.live_file(path, *known) {
                    None => {
                        self.fetched().uncopied.insert(*known);
                        reader.skip()?;
                        continue;
                    }
                    file => file,
                },
                Make::Delta(_, Base::Stored(base)) => Some(store.open_content(Shelf::Blob, *base)?),
                Make::Skip | Make::Whole(_) => None,
            };
            match (self.build(&mut reader, base.as_ref(), digest), make, &base) {
                (Ok(()), ..) => self.built.advance(build.size),
                (Err(error @ BlockError::Disk(_)), ..) => return Err(error),
                // What a good file does not make right is wrong in the block: else a bad one could strike every file.
                (Err(error), Make::Delta(_, Base::Live(path, known)), Some(file)) if !has(file, *known) => {
                    tracing::warn!(%path, %error, "a file does not have the content that is known of it");
                    self.fetched().uncopied.insert(*known);
                    // After a whole blob, though a wrong one, the streams are in step.
                    if !matches!(error, BlockError::OtherBlob(_)) {
                        reader = behind(block, &content, number + 1)?;
                    }
                }
                (Err(error), ..) => return Err(error),
            }
        }
        // Each build has its make, so all were asked for.
        Ok(reader.finish()?)
    }

    /// A file of the live tree that is said to have this content; none where it is gone or turned out to have another.
    fn live_file(&self, path: &TreePath, known: Digest) -> Option<File> {
        if self.fetched().uncopied.contains(&known) {
            return None;
        }
        let file = self.doors.trees.get(&Slot::Live)?.open_file(path.beneath_usr());
        file.inspect_err(|error| tracing::debug!(%error, "nothing is made from it")).ok()
    }

    /// Makes the next build of a block, which is this blob.
    fn build(
        &self,
        reader: &mut BlockReader<'_, ShortId>,
        base: Option<&File>,
        digest: Digest,
    ) -> Result<(), BlockError> {
        let store = &self.doors.store;
        let mut incoming = store.incoming()?;
        reader.build(base.map(|base| base as _), &mut incoming).map_err(|error| match error {
            PackError::Write { source, .. } | PackError::Delta { source: DeltaError::Write { source }, .. } => {
                let path = store.directory().path().to_owned();
                DiskError { action: "write to", path, source }.into()
            }
            error => BlockError::Pack(error),
        })?;
        Ok(incoming.finish(Shelf::Blob, digest)?)
    }
}

/// A reader of a block that has passed over so many builds.
fn behind<'a>(
    block: &'a Block<ShortId>,
    content: &'a File,
    builds: usize,
) -> Result<BlockReader<'a, ShortId>, PackError> {
    let mut reader = BlockReader::open(block, content, 0)?;
    (0..builds).try_for_each(|_| reader.skip())?;
    Ok(reader)
}

/// Whether a file has this content. One that cannot be read to its end has not.
fn has(file: &File, content: Digest) -> bool {
    matches!(Digest::of_reader(file), Ok((found, _)) if found == content)
}

/// How many decoders are started for so many blocks.
fn decoders(jobs: usize, blocks: usize) -> usize {
    jobs.clamp(1, MAX_DECODERS).min(blocks)
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
