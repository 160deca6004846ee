//! The move from the publication to the store: brings every blob that a plan wants, verified.
//!
//! Downloading, verifying and decoding overlap: blocks of packs are hashed while they arrive, get their name in the
//! store when they are whole, and are decoded by other threads meanwhile. Memory is bounded by the decoders' windows, not
//! by the size of files. What a stopped run leaves in the store is what the next plan need not fetch: it continues after
//! its last verified block.
//!
//! A plan's work comes in stages, each of which may need what those before it bring: blobs of releases on the way.
//!
//! A block that is missing, bad, or does not make what it should, is reported as struck; the caller plans again without
//! it. An object that is bad is fetched again, elsewhere first; there is nothing to fall back to, so one that stays bad is
//! an error.

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use futures::{StreamExt, TryStreamExt, stream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use crate::delta::DeltaError;
use crate::disk::{Directory, DiskError};
use crate::manifest::Release;
use crate::pack::{BlockReader, ObjectDecoder, PackError};
use crate::plan::{Base, BlockWork, Make, Need, Place, RangeWork, UpdatePlan, Work};
use crate::report::{Progress, Reporter, Step};
use crate::store::{Incoming, Shelf, Store, StoreError};
use crate::transport::{Served, SinkError, Transport, TransportError};
use crate::types::{Digest, TreePath};

/// Where from and where to.
#[derive(Clone, Debug)]
pub struct Doors {
    /// The publication.
    pub transport: Arc<Transport>,
    /// The store.
    pub store: Arc<Store>,
    /// The machine's trees, as far as it has them: deltas start from files of the live one.
    pub trees: HashMap<Place, Arc<Directory>>,
    /// Threads that decode.
    pub jobs: usize,
    /// Requests under way at once.
    pub parallel: usize,
}

/// What was brought.
#[derive(Debug, Default)]
pub struct Fetched {
    /// Blocks that are missing or bad, and blobs that files do not have after all: what they should have made is not in
    /// the store.
    pub struck: HashSet<Digest>,
}

/// Why the blobs could not be brought.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The publication cannot be read.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The store cannot be written.
    #[error("cannot write to the store")]
    Store(#[from] StoreError),
    /// The disk says no.
    #[error("cannot write to the store")]
    Disk(#[from] DiskError),
    /// An object is not what its name says.
    #[error("the object of blob {digest} is damaged or forged")]
    BadObject {
        /// The blob.
        digest: Digest,
        /// What was wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A thread that decodes ended without a result.
    #[error("decoding ended unexpectedly")]
    Decoder(#[source] tokio::task::JoinError),
}

/// Why a block did not make what it should.
#[derive(Debug, thiserror::Error)]
enum BlockError {
    #[error(transparent)]
    Pack(#[from] PackError),
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

type Bar = Arc<Progress<Arc<dyn Reporter>>>;

/// Brings everything that the plan wants into the store, except what only struck blocks would have made, and what comes
/// after a stage with such blocks.
///
/// # Errors
/// When the publication cannot be reached, an object is bad, or the disk is full. What was brought stays.
pub async fn fetch(plan: &UpdatePlan, doors: &Doors, reporter: &Arc<dyn Reporter>) -> Result<Fetched, FetchError> {
    let fetcher = Fetcher {
        doors: doors.clone(),
        struck: Arc::default(),
        uses: Arc::new(Mutex::new(uses(plan))),
        downloaded: Arc::new(Progress::new(reporter.clone(), Step::Download, plan.download_bytes)),
        built: Arc::new(Progress::new(reporter.clone(), Step::Build, plan.build_bytes)),
    };
    for stage in &plan.work {
        let (sender, receiver) = unbounded_channel();
        let decoding = fetcher.decode_all(receiver);
        let downloading = fetcher.download_all(stage, sender);
        let (downloaded, decoded) = tokio::join!(downloading, decoding);
        decoded?;
        downloaded?;
        let struck = std::mem::take(&mut *fetcher.struck.lock().unwrap_or_else(PoisonError::into_inner));
        if !struck.is_empty() {
            return Ok(Fetched { struck });
        }
    }
    Ok(Fetched::default())
}

#[derive(Clone)]
struct Fetcher {
    doors: Doors,
    struck: Arc<Mutex<HashSet<Digest>>>,
    /// How often each block is still to be decoded: packs of several steps may have the same one.
    uses: Arc<Mutex<HashMap<Digest, usize>>>,
    downloaded: Bar,
    built: Bar,
}

impl Fetcher {
    async fn download_all(&self, work: &[Work], decode: UnboundedSender<BlockWork>) -> Result<(), FetchError> {
        stream::iter(work)
            .map(|work| self.download(work, &decode))
            .buffer_unordered(self.doors.parallel.max(1))
            .try_collect()
            .await
    }

    async fn download(&self, work: &Work, decode: &UnboundedSender<BlockWork>) -> Result<(), FetchError> {
        match work {
            Work::Copy { tree, from, need } => self.copy(*tree, from.clone(), *need).await,
            Work::Block(block) => {
                // Only fails when decoding has ended with an error, which is then the one to report.
                let _ = decode.send(block.clone());
                Ok(())
            }
            Work::Range(range) => self.range(range, decode).await,
            Work::Object(need) => self.object(*need).await,
        }
    }

    async fn copy(&self, tree: Place, from: TreePath, need: Need) -> Result<(), FetchError> {
        let (doors, built) = (self.doors.clone(), self.built.clone());
        let copy = move || -> Result<bool, FetchError> {
            let Some(tree) = doors.trees.get(&tree) else { return Ok(false) };
            let mut incoming = doors.store.incoming()?;
            let path = from.beneath_usr();
            io::copy(&mut tree.open_file(path)?, &mut incoming).map_err(|source| DiskError {
                action: "copy",
                path: tree.path().join(path),
                source,
            })?;
            match incoming.finish(Shelf::Blob, need.digest) {
                Err(StoreError::OtherContent { .. }) => return Ok(false),
                other => other?,
            }
            built.advance(need.size);
            Ok(true)
        };
        // What is known of a file may be out of date; its content is what counts.
        if !tokio::task::spawn_blocking(copy).await.map_err(FetchError::Decoder)?? {
            self.strike(need.digest);
        }
        Ok(())
    }

    async fn object(&self, need: Need) -> Result<(), FetchError> {
        let transport = &self.doors.transport;
        again(transport, async || {
            let incoming = self.doors.store.incoming()?;
            let (incoming, served) = decoded(transport, need, incoming, |count| self.downloaded.advance(count)).await?;
            match incoming.finish(Shelf::Blob, need.digest) {
                Err(error @ StoreError::OtherContent { .. }) => Err(wrong(transport, served, need, error.into())),
                other => Ok(other?),
            }
        })
        .await?;
        self.built.advance(need.size);
        Ok(())
    }

    /// Streams a part of a pack into the store, block by block.
    async fn range(&self, range: &RangeWork, decode: &UnboundedSender<BlockWork>) -> Result<(), FetchError> {
        let mut splitter =
            Splitter { fetcher: self, range, decode, at: range.offset, next: 0, struck: false, incoming: None };
        let mut sink = |bytes: &[u8]| splitter.take(bytes);
        match self.doors.transport.range(&range.path, range.offset, range.length, &mut sink).await {
            // Blocks that came before stay, and are found when the caller plans again.
            Err(error) if error.is_about_the_file() => {
                splitter.rest().for_each(|block| self.strike(block));
                Ok(())
            }
            Ok(served) if splitter.struck => {
                self.doors.transport.doubt(served);
                Ok(())
            }
            other => Ok(other.map(drop)?),
        }
    }

    fn strike(&self, block: Digest) {
        self.struck.lock().unwrap_or_else(PoisonError::into_inner).insert(block);
    }

    /// Decodes blocks as they come, on as many threads as the doors allow. Each thread stays to the end, so that what the
    /// allocator keeps for it serves the next block.
    async fn decode_all(&self, blocks: UnboundedReceiver<BlockWork>) -> Result<(), FetchError> {
        let blocks = Arc::new(Mutex::new(blocks));
        let mut running = JoinSet::new();
        for _ in 0..self.doors.jobs.max(1) {
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
        let (store, live) = (&self.doors.store, self.doors.trees.get(&Place::Live));
        let content = store.open_content(Shelf::Block, work.block.block.digest)?;
        let mut reader = BlockReader::open(&work.block.block, &content, 0)?;
        for (make, build) in work.makes.iter().zip(&work.block.block.builds) {
            let Some(digest) = make.digest() else {
                reader.skip()?;
                continue;
            };
            let base = match make {
                Make::Delta(_, Base::Live(from)) => live.map(|live| live.open_file(from.beneath_usr())).transpose()?,
                Make::Delta(_, Base::Stored(base)) => Some(store.open_content(Shelf::Blob, *base)?),
                Make::Skip | Make::Whole(_) => None,
            };
            let mut incoming = store.incoming()?;
            reader.build(base.as_ref().map(|base| base as _), &mut incoming)?;
            incoming.finish(Shelf::Blob, digest)?;
            self.built.advance(build.size);
        }
        Ok(())
    }
}

/// The content of one blob by its object, in memory.
///
/// # Errors
/// As [`fetch`] has them.
pub async fn read_object(transport: &Transport, need: Need) -> Result<Vec<u8>, FetchError> {
    again(transport, async || {
        let (bytes, served) = decoded(transport, need, Vec::new(), |_| {}).await?;
        match Digest::of(&bytes) == need.digest {
            true => Ok(bytes),
            false => Err(wrong(transport, served, need, "it has another content".into())),
        }
    })
    .await
}

/// Does something once more for each chance that there is, as long as an object is bad.
async fn again<T>(transport: &Transport, once: impl AsyncFn() -> Result<T, FetchError>) -> Result<T, FetchError> {
    let mut chances = transport.chances();
    loop {
        match once().await {
            Err(FetchError::BadObject { .. }) if chances > 0 => chances -= 1,
            done => return done,
        }
    }
}

/// Decodes an object into `out` while it comes, and says who gave it. Its digest is not looked at.
async fn decoded<W: Write + Send>(
    transport: &Transport,
    need: Need,
    out: W,
    downloaded: impl Fn(u64) + Sync,
) -> Result<(W, Served), FetchError> {
    let bad = |source: SinkError| FetchError::BadObject { digest: need.digest, source };
    let mut decoder = ObjectDecoder::new(need.size, out).map_err(|error| bad(error.into()))?;
    let mut sink = |bytes: &[u8]| -> Result<(), SinkError> {
        decoder.write_all(bytes)?;
        downloaded(bytes.len() as u64);
        Ok(())
    };
    let served = match transport.object(&Release::object_path(need.digest), need.object_bytes, &mut sink).await {
        Err(TransportError::Sink { source, .. }) => return Err(bad(source)),
        other => other?,
    };
    let out = decoder.finish().map_err(|error| wrong(transport, served, need, error.into()))?;
    Ok((out, served))
}

/// A bad object, whose origin is asked last from now on.
fn wrong(transport: &Transport, served: Served, need: Need, source: SinkError) -> FetchError {
    transport.doubt(served);
    FetchError::BadObject { digest: need.digest, source }
}

/// How often a plan decodes each block.
fn uses(plan: &UpdatePlan) -> HashMap<Digest, usize> {
    let mut uses = HashMap::new();
    for work in plan.work.iter().flatten().flat_map(Work::blocks) {
        *uses.entry(work.block.block.digest).or_default() += 1;
    }
    uses
}

/// Cuts a stream of bytes of a pack into blocks.
struct Splitter<'a> {
    fetcher: &'a Fetcher,
    range: &'a RangeWork,
    decode: &'a UnboundedSender<BlockWork>,
    /// Place in the pack of the next byte.
    at: u64,
    /// Index of the block that is coming or comes next.
    next: usize,
    /// Whether one of those that came was bad.
    struck: bool,
    incoming: Option<Incoming<'a>>,
}

impl Splitter<'_> {
    /// The blocks that have not come.
    fn rest(&self) -> impl Iterator<Item = Digest> {
        self.range.blocks[self.next..].iter().map(|work| work.block.block.digest)
    }

    fn take(&mut self, mut bytes: &[u8]) -> Result<(), SinkError> {
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
                Err(StoreError::OtherContent { .. }) => {
                    self.struck = true;
                    self.fetcher.strike(digest);
                }
                Err(error) => return Err(error.into()),
            }
            self.next += 1;
        }
        Ok(())
    }
}
