//! The move from the publication to the store: brings every blob that a plan wants, verified.
//!
//! Downloading, verifying and decoding overlap: blocks of packs are hashed while they arrive, get their name in the
//! store when they are whole, and are decoded by other threads meanwhile. Memory is bounded by the decoders' windows, not
//! by the size of files. What a stopped run leaves in the store is what the next plan need not fetch: it continues after
//! its last verified block.
//!
//! A plan's work comes in stages, each of which may need what those before it bring: blobs of releases on the way.
//!
//! A block that is bad is fetched again from every other origin. One that stays bad, is missing, or does not make what it
//! should, is reported as struck; the caller plans again without it. A file of the live tree from which a block makes
//! something wrong is hashed then: where the file is wrong, only what is made from it is to be had elsewhere. An object
//! that is bad is fetched again, elsewhere first; one that stays bad or is nowhere is reported with its error, for a pack
//! may have the blob, too.

mod decode;
mod error;
mod object;
mod splitter;
#[cfg(test)]
mod testing;

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::{StreamExt, TryStreamExt, stream};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

pub use error::FetchError;
pub use object::read_object;
use object::{again, decoded, wrong};
use splitter::Splitter;

use crate::disk::{Directory, DiskError};
use crate::plan::{BlockWork, Need, RangeWork, UpdatePlan, Work, join};
use crate::report::{Progress, Reporter, Step};
use crate::store::{Shelf, Store, StoreError};
use crate::transport::Transport;
use crate::types::{Digest, Slot, TreePath};

/// Where from and where to.
#[derive(Clone, Debug)]
pub struct Doors {
    /// The publication.
    pub transport: Arc<Transport>,
    /// The store.
    pub store: Arc<Store>,
    /// The machine's trees, as far as it has them: deltas start from files of the live one.
    pub trees: HashMap<Slot, Arc<Directory>>,
    /// Threads that decode.
    pub jobs: usize,
    /// Requests under way at once.
    pub parallel: usize,
}

/// What was brought.
#[derive(Debug, Default)]
pub struct Fetched {
    /// Blocks that are missing or bad: what they should have made is not in the store.
    pub struck: HashSet<Digest>,
    /// Blobs that files of the machine do not have after all.
    pub uncopied: HashSet<Digest>,
    /// Blobs whose objects are missing or bad everywhere, and why.
    pub failed: Vec<(Digest, FetchError)>,
    /// Blobs whose objects were not asked for any more, since none came of those that were.
    pub unasked: Vec<Digest>,
    /// Objects that came.
    objects: u64,
}

/// So many objects that fail, and none that comes, say enough of the others.
const FAILED_OBJECTS: usize = 16;

impl Fetched {
    /// Whether all that the plan wanted is there.
    pub fn is_complete(&self) -> bool {
        self.struck.is_empty() && self.uncopied.is_empty() && self.failed.is_empty()
    }

    /// Blobs that are not to be had by their objects.
    pub fn without_object(&self) -> impl Iterator<Item = Digest> {
        self.failed.iter().map(|(blob, _)| *blob).chain(self.unasked.iter().copied())
    }

    fn has_no_objects(&self) -> bool {
        self.objects == 0 && self.failed.len() >= FAILED_OBJECTS
    }
}

type Bar = Arc<Progress<Arc<dyn Reporter>>>;

/// Brings everything that the plan wants into the store, except what is missing or bad, and what comes after a stage in
/// which something was.
///
/// # Errors
/// When the publication cannot be reached, or the disk is full. What was brought stays.
pub async fn fetch(plan: &UpdatePlan, doors: &Doors, reporter: &Arc<dyn Reporter>) -> Result<Fetched, FetchError> {
    let fetcher = Fetcher {
        doors: doors.clone(),
        fetched: Arc::default(),
        uses: Arc::new(Mutex::new(uses(plan))),
        downloaded: Arc::new(Progress::new(reporter.clone(), Step::Download, plan.download_bytes)),
        built: Arc::new(Progress::new(reporter.clone(), Step::Build, plan.build_bytes)),
    };
    for stage in &plan.work {
        let (sender, receiver) = unbounded_channel();
        let decoding = fetcher.decode_all(receiver, stage.iter().flat_map(Work::blocks).count());
        let downloading = fetcher.download_all(stage, sender);
        let (downloaded, decoded) = tokio::join!(downloading, decoding);
        decoded?;
        downloaded?;
        let fetched = std::mem::take(&mut *fetcher.fetched());
        if !fetched.is_complete() {
            return Ok(fetched);
        }
    }
    Ok(Fetched::default())
}

#[derive(Clone)]
struct Fetcher {
    doors: Doors,
    fetched: Arc<Mutex<Fetched>>,
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

    async fn copy(&self, tree: Slot, from: TreePath, need: Need) -> Result<(), FetchError> {
        let (doors, built) = (self.doors.clone(), self.built.clone());
        let copy = move || -> Result<bool, FetchError> {
            let Some(file) = doors.trees.get(&tree).map(|tree| tree.open_file(from.beneath_usr())) else {
                return Ok(false);
            };
            let file = match file {
                Ok(file) => file,
                Err(error) => {
                    tracing::debug!(%error, "not copied");
                    return Ok(false);
                }
            };
            let mut incoming = doors.store.incoming()?;
            let path = doors.store.directory().path();
            let failed = |source| DiskError { action: "write to", path: path.to_owned(), source };
            io::copy(&mut AsFarAsReadable(file), &mut incoming).map_err(failed)?;
            match incoming.finish(Shelf::Blob, need.digest) {
                Err(StoreError::OtherContent { .. }) => return Ok(false),
                other => other?,
            }
            built.advance(need.size);
            Ok(true)
        };
        // What is known of a file may be out of date, and the disk may not give it back: its content is what counts.
        if !tokio::task::spawn_blocking(copy).await.map_err(FetchError::Decoder)?? {
            self.fetched().uncopied.insert(need.digest);
        }
        Ok(())
    }

    async fn object(&self, need: Need) -> Result<(), FetchError> {
        if self.fetched().has_no_objects() {
            self.fetched().unasked.push(need.digest);
            return Ok(());
        }
        let transport = &self.doors.transport;
        let done = again(transport, async || {
            let store = &self.doors.store;
            let out = (store.incoming()?, store.directory().path());
            let (incoming, served) = decoded(transport, need, out, |count| self.downloaded.advance(count)).await?;
            match incoming.finish(Shelf::Blob, need.digest) {
                Err(error @ StoreError::OtherContent { .. }) => Err(wrong(transport, served, need, error.into())),
                other => Ok(other?),
            }
        })
        .await;
        match done {
            Err(error) if error.is_about_the_object() => self.fetched().failed.push((need.digest, error)),
            other => {
                other?;
                self.fetched().objects += 1;
                self.built.advance(need.size);
            }
        }
        Ok(())
    }

    /// Brings the blocks of a part of a pack. Those that come bad are asked for again at the other origins; not at the same
    /// one, as objects are, for what is struck is to be had as objects, too, and a pack that lies there damaged is large.
    async fn range(&self, range: &RangeWork, decode: &UnboundedSender<BlockWork>) -> Result<(), FetchError> {
        let mut bad = self.stream(range, decode).await?;
        for _ in 0..self.doors.transport.others() {
            let mut still_bad = Vec::new();
            for range in join(&range.path, bad) {
                still_bad.extend(self.stream(&range, decode).await?);
            }
            bad = still_bad;
        }
        bad.iter().for_each(|work| self.strike(work.block.block.digest));
        Ok(())
    }

    /// Streams a part of a pack into the store, block by block. Gives those that came bad.
    async fn stream(
        &self,
        range: &RangeWork,
        decode: &UnboundedSender<BlockWork>,
    ) -> Result<Vec<BlockWork>, FetchError> {
        let mut splitter = Splitter::new(self, range, decode);
        let mut sink = |bytes: &[u8]| splitter.take(bytes);
        match self.doors.transport.range(&range.path, range.offset, range.length, &mut sink).await {
            // Blocks that came before stay, and are found when the caller plans again.
            Err(error) if error.is_about_the_file() => splitter.rest().for_each(|block| self.strike(block)),
            Ok(served) if splitter.has_bad() => self.doors.transport.doubt(served),
            other => drop(other?),
        }
        Ok(splitter.into_bad())
    }

    fn strike(&self, block: Digest) {
        self.fetched().struck.insert(block);
    }

    fn fetched(&self) -> MutexGuard<'_, Fetched> {
        self.fetched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A file that ends where it cannot be read: what came of it then has another digest.
struct AsFarAsReadable(File);

impl Read for AsFarAsReadable {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                tracing::debug!(%error, "copied as far as it can be read");
                Ok(0)
            }
            other => other,
        }
    }
}

/// How often a plan decodes each block.
fn uses(plan: &UpdatePlan) -> HashMap<Digest, usize> {
    let mut uses = HashMap::new();
    for work in plan.work.iter().flatten().flat_map(Work::blocks) {
        *uses.entry(work.block.block.digest).or_default() += 1;
    }
    uses
}
