//! Making packs: deltas on all cores, blocks on all cores, each block proved with the client's decoder before it
//! counts.
//!
//! Work goes in waves of a few blocks per core: first all deltas of a wave, then its blocks. So all cores have work
//! also where there is only one block, and memory stays bounded: the deltas of one wave, and for each core one block or
//! one delta under way. What the deltas under way take together is bounded too ([`Budget`]). Nothing in the result
//! depends on who was faster. Blocks that the release before has already are taken over.

use std::collections::HashMap;
use std::io::BufWriter;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use rayon::prelude::*;

use super::PublishError;
use super::contents::Contents;
use super::grouping::{PlannedBuild, Way};
use super::making::{self, BlockError, Made as MadeDelta};
use super::planning::PackPlan;
use super::reuse::OldBlocks;
use crate::manifest::{HeadName, PackOffer};
use crate::pack::{self, BLOCK_PLAIN_BYTES, Block, BlockWriter, ManifestDelta, PackError, PackWriter};
use crate::report::{Progress, Reporter, Step};
use crate::site::{Batch, ClosedDraft, Site};
use crate::types::{Digest, Version};

/// Larger files are not made from old ones: both would have to be in memory.
const MAX_DELTA_BYTES: u64 = 256 << 20;
/// What all deltas that are being made may take together. One alone may always be made.
const DELTA_MEMORY_BYTES: u64 = 3 << 29;
/// Blocks per core in one wave.
const WAVE_BLOCKS: usize = 4;

/// A pack that is to be made, with what goes in front of its blocks.
#[derive(Debug)]
pub struct PackOrder {
    /// What it makes.
    pub plan: PackPlan,
    /// Manifests as deltas.
    pub manifest_deltas: Vec<ManifestDelta>,
    /// The level at which it is compressed.
    pub level: i32,
}

/// What was published.
#[derive(Debug)]
pub struct Packs {
    /// The packs.
    pub offers: Vec<PackOffer>,
    /// Blocks of packs from nothing.
    pub blocks: u64,
    /// Those of them that the release before had already.
    pub blocks_reused: u64,
}

/// A finished block.
type Made = (Block<Digest>, ClosedDraft);

/// Makes and publishes packs that lead to release `to`. One that would hold nothing is not made, but for the first of a step:
/// where a release changes nothing that packs are for, the routes lead over it all the same.
///
/// # Errors
/// When contents cannot be read, or the disk refuses, or a block is not what it was made to be.
pub fn publish(
    site: &Site,
    contents: &Contents<'_>,
    to: Version,
    orders: Vec<PackOrder>,
    old: OldBlocks,
    reporter: &dyn Reporter,
) -> Result<Packs, PublishError> {
    let orders: Vec<PackOrder> = orders.into_iter().filter(PackOrder::is_wanted).collect();
    let progress = Progress::new(reporter, Step::Packs, orders.iter().map(|order| order.plan.new_bytes()).sum());
    let batch = site.batch();
    let from_nothing = || orders.iter().filter(|order| order.plan.from.is_none());
    let blocks = from_nothing().map(|order| order.plan.blocks.len() as u64).sum();
    let level = from_nothing().map(|order| order.level).next().unwrap_or_default();
    let old = old.if_alike(from_nothing().flat_map(|order| &order.plan.blocks), contents, level)?;
    let (budget, reused) = (Budget::new(DELTA_MEMORY_BYTES), AtomicU64::new(0));
    let maker = Maker { site, batch: &batch, contents, old, reused, budget, progress };
    let mut offers = Vec::new();
    let mut made: Vec<Vec<Made>> = orders.iter().map(|_| Vec::new()).collect();
    let mut waiting = orders.into_iter().enumerate().peekable();
    let mut open: Vec<(usize, PackOrder)> = Vec::new();
    let mut wave: Vec<(usize, usize)> = Vec::new();
    let (wave_blocks, mut wave_bytes) = (WAVE_BLOCKS * rayon::current_num_threads(), 0);
    while let Some((number, order)) = waiting.next() {
        let blocks = order.plan.blocks.len();
        open.push((number, order));
        for block in 0..blocks {
            wave.push((open.len() - 1, block));
            wave_bytes += open[open.len() - 1].1.plan.blocks[block].iter().map(|build| build.size).sum::<u64>();
            if wave.len() >= wave_blocks || wave_bytes >= wave_blocks as u64 * BLOCK_PLAIN_BYTES {
                maker.wave(&open, &wave, &mut made)?;
                wave.clear();
                wave_bytes = 0;
            }
        }
        if waiting.peek().is_none() {
            maker.wave(&open, &wave, &mut made)?;
            wave.clear();
        }
        // Packs whose blocks are all made are put together at once, so that their parts need not wait on the disk.
        if wave.is_empty() {
            for (number, order) in open.drain(..) {
                offers.push(assemble(&batch, to, order, std::mem::take(&mut made[number]))?);
            }
        }
    }
    let blocks_reused = maker.reused.load(Ordering::Relaxed);
    batch.publish()?;
    Ok(Packs { offers, blocks, blocks_reused })
}

impl PackOrder {
    fn is_wanted(&self) -> bool {
        let is_first = self.plan.from.is_some() && self.plan.bundle.is_none();
        is_first || !self.plan.blocks.is_empty() || !self.manifest_deltas.is_empty()
    }
}

struct Maker<'a> {
    batch: &'a Batch<'a>,
    contents: &'a Contents<'a>,
    site: &'a Site,
    old: OldBlocks,
    reused: AtomicU64,
    budget: Budget,
    progress: Progress<&'a dyn Reporter>,
}

impl Maker<'_> {
    /// Makes the blocks of one wave: places in `orders`, and in the blocks of each.
    fn wave(
        &self,
        orders: &[(usize, PackOrder)],
        wave: &[(usize, usize)],
        made: &mut [Vec<Made>],
    ) -> Result<(), PublishError> {
        let builds = |&(order, block): &(usize, usize)| &orders[order].1.plan.blocks[block];
        let mut wanted: Vec<(usize, &PlannedBuild)> = Vec::new();
        for (place, block) in wave.iter().enumerate() {
            wanted.extend(builds(block).iter().filter(|build| build.base.is_some()).map(|build| (place, build)));
        }
        // The largest first, so that no core is left alone with one at the end.
        wanted.sort_by_key(|(_, build)| std::cmp::Reverse(build.size));
        let deltas: Vec<(usize, Digest, Option<MadeDelta>)> = wanted
            .par_iter()
            .with_max_len(1)
            .map(|(place, build)| Ok((*place, build.digest, self.delta(build)?)))
            .collect::<Result<_, PublishError>>()?;
        let mut by_block: Vec<HashMap<Digest, MadeDelta>> = wave.iter().map(|_| HashMap::new()).collect();
        for (place, digest, delta) in deltas {
            if let Some(delta) = delta {
                by_block[place].insert(digest, delta);
            }
        }
        let blocks: Vec<Option<Made>> = wave
            .par_iter()
            .zip(by_block)
            .with_max_len(1)
            .map(|(place, deltas)| {
                let order = &orders[place.0].1;
                let failed = |source| PublishError::Pack { path: order.plan.path.clone(), source };
                let reused = if order.plan.from.is_none() { self.reused(builds(place)) } else { Ok(None) };
                let made = reused.and_then(|reused| match reused {
                    Some(made) => Ok(Some(made)),
                    None => self.block(builds(place), &deltas, order.level),
                });
                made.map_err(|error| error.named(failed))
            })
            .collect::<Result<_, PublishError>>()?;
        for ((order, _), block) in wave.iter().zip(blocks) {
            made[orders[*order].0].extend(block);
        }
        Ok(())
    }

    /// The delta for a build that has a base; none when it does not pay or would take too much memory.
    fn delta(&self, build: &PlannedBuild) -> Result<Option<MadeDelta>, PublishError> {
        let Some(base) = build.base.filter(|base| base.size.max(build.size) <= MAX_DELTA_BYTES) else {
            return Ok(None);
        };
        let memory = match build.way {
            Way::Inside => making::memory_inside(base.size, build.size),
            Way::Cheap => {
                let gzip = making::looks_like_gzip(self.contents, build.digest, build.size)?;
                making::memory(base.size, build.size, gzip)
            }
        };
        let _share = self.budget.take(memory);
        let old = self.contents.bytes(base.digest, base.size)?;
        let new = self.contents.bytes(build.digest, build.size)?;
        Ok(match build.way {
            Way::Cheap => MadeDelta::best(&old, &new),
            Way::Inside => MadeDelta::inside(&old, &new),
        })
    }

    /// The block as the release before has it.
    fn reused(&self, builds: &[PlannedBuild]) -> Result<Option<Made>, BlockError> {
        let Some(old) = self.old.find(builds) else { return Ok(None) };
        let mut draft = self.batch.draft().map_err(PublishError::from)?;
        let Some(block) = old.copy(self.site, &mut draft)? else { return Ok(None) };
        self.reused.fetch_add(1, Ordering::Relaxed);
        self.progress.advance(block.new_bytes());
        Ok(Some((block, draft.close())))
    }

    /// Writes one block and proves it; none when all that it was for is better made without it.
    fn block(
        &self,
        builds: &[PlannedBuild],
        deltas: &HashMap<Digest, MadeDelta>,
        level: i32,
    ) -> Result<Option<Made>, BlockError> {
        let new_bytes = builds.iter().map(|build| build.size).sum();
        if builds.iter().all(|build| build.way == Way::Inside && !deltas.contains_key(&build.digest)) {
            self.progress.advance(new_bytes);
            return Ok(None);
        }
        let mut writer = BlockWriter::new(BufWriter::new(self.batch.draft().map_err(PublishError::from)?), level);
        for build in builds {
            match (deltas.get(&build.digest), build.base) {
                (Some(MadeDelta::Blob(delta)), Some(base)) => writer.delta(build.digest, base.digest, delta),
                (Some(MadeDelta::Form(delta)), Some(base)) => {
                    writer.delta_form(build.digest, build.size, base.digest, delta);
                }
                (Some(MadeDelta::XzForm(delta)), Some(base)) => {
                    writer.xz_form(build.digest, build.size, base.digest, delta);
                }
                (Some(MadeDelta::Text(frame)), Some(base)) => {
                    writer.text(build.digest, build.size, base.digest, frame)?;
                }
                _ => making::whole(&mut writer, self.contents, build.digest, build.size)?,
            }
        }
        let (block, out) = writer.finish()?;
        let written = |source| PackError::Make { action: "write a block", source };
        let draft = out.into_inner().map_err(|error| written(error.into_error()))?;
        let sizes: HashMap<Digest, u64> =
            builds.iter().filter_map(|build| build.base).map(|base| (base.digest, base.size)).collect();
        let old = |digest: Digest| Ok(self.contents.bytes(digest, sizes[&digest])?);
        match pack::prove(&block, draft.file(), 0, |build| Ok(build.id), old) {
            // It was packed as it was read, so the input is another than it was.
            Err(BlockError::Pack(PackError::WrongBlob { expected, .. })) if !deltas.contains_key(&expected) => {
                return Err(self.contents.changed(expected).into());
            }
            proved => proved?,
        }
        self.progress.advance(new_bytes);
        Ok(Some((block, draft.close())))
    }
}

fn assemble(batch: &Batch<'_>, to: Version, order: PackOrder, blocks: Vec<Made>) -> Result<PackOffer, PublishError> {
    let PackPlan { from, bundle, path, known, .. } = order.plan;
    let mut writer = PackWriter::new(from, to, known.iter().copied());
    order.manifest_deltas.into_iter().for_each(|delta| writer.manifest_delta(delta));
    let mut draft = batch.draft()?;
    let (blocks, files): (Vec<Block<Digest>>, Vec<ClosedDraft>) = blocks.into_iter().unzip();
    let contents = blocks.into_iter().zip(files.iter().map(ClosedDraft::reader)).collect();
    let summary = writer
        .finish(contents, BufWriter::with_capacity(1 << 20, &mut draft))
        .map_err(|source| PublishError::Pack { path: path.clone(), source })?;
    let length = batch.add(&path, draft)?;
    debug_assert_eq!(length, summary.total_length);
    let head = HeadName { sha256: summary.head_digest, length: summary.head_length };
    Ok(PackOffer { from, bundle, path, head, length })
}

/// Memory that threads share: each waits until its part is free.
struct Budget {
    limit: u64,
    used: Mutex<u64>,
    freed: Condvar,
}

struct Share<'a> {
    budget: &'a Budget,
    bytes: u64,
}

impl Budget {
    fn new(limit: u64) -> Self {
        Self { limit, used: Mutex::new(0), freed: Condvar::new() }
    }

    /// Waits until `bytes` are free. Whoever holds a share must not wait for other threads' work.
    fn take(&self, bytes: u64) -> Share<'_> {
        let bytes = bytes.min(self.limit);
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |used: &mut u64| *used + bytes > self.limit;
        let mut used = self.freed.wait_while(used, full).unwrap_or_else(PoisonError::into_inner);
        *used += bytes;
        Share { budget: self, bytes }
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        *self.budget.used.lock().unwrap_or_else(PoisonError::into_inner) -= self.bytes;
        self.budget.freed.notify_all();
    }
}
