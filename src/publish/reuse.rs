//! Blocks that the release before has already: a pack from nothing takes their bytes over instead of compressing the
//! same contents again.
//!
//! A block is taken over when it makes the same blobs in the same order. That its bytes are those that were proved when
//! it was made is told by its digest, which stands in a head that is signed for. How hard it was compressed no pack
//! says, so that is tried ([`OldBlocks::if_alike`]): a release at another level, or with other coders, takes over
//! nothing. What is damaged is not taken over either.

use std::collections::HashMap;
use std::io::{self, Write};

use super::PublishError;
use super::contents::Contents;
use super::grouping::PlannedBuild;
use super::making;
use super::published::{self, PublishedRelease};
use crate::delta::ReadAt;
use crate::manifest::PackOffer;
use crate::pack::{Block, BlockWriter, Build, Index, Method, PackError, PlacedBlock};
use crate::report::{Event, Reporter};
use crate::site::Site;
use crate::types::{Digest, Hasher};

/// A block of fewer plain bytes may come out the same at several levels.
const SAMPLE_BYTES: u64 = 1 << 20;
/// Read at a time.
const PIECE_BYTES: usize = 256 << 10;

/// The blocks of the packs from nothing of one release, to be found by what they make.
#[derive(Debug, Default)]
pub struct OldBlocks {
    by_blobs: HashMap<Vec<Digest>, OldBlock>,
}

/// A block that is published.
#[derive(Debug)]
pub struct OldBlock {
    path: String,
    offset: u64,
    block: Block<Digest>,
}

impl OldBlocks {
    /// Those of a release; none when there is none. A pack that cannot be used is left out, with a warning.
    pub fn of(site: &Site, release: Option<&PublishedRelease>, reporter: &dyn Reporter) -> Self {
        let mut blocks = Self::default();
        let Some(release) = release else { return blocks };
        let mut known: Vec<Digest> = release.tree.digests().collect();
        known.sort_unstable();
        known.dedup();
        for offer in release.release.packs.iter().filter(|offer| offer.from.is_none()) {
            match index(site, offer) {
                Ok(index) => {
                    let resolved = index.blocks().iter().filter_map(|placed| OldBlock::of(offer, placed, &known));
                    blocks.by_blobs.extend(resolved.map(|old| (old.blobs(), old)));
                }
                Err(error) => {
                    let text = format!("{} cannot be used, so nothing is taken over from it: {error}", offer.path);
                    reporter.report(Event::Warning(text));
                }
            }
        }
        blocks
    }

    /// The block that makes just this.
    pub fn find(&self, builds: &[PlannedBuild]) -> Option<&OldBlock> {
        self.by_blobs.get(&builds.iter().map(|build| build.digest).collect::<Vec<_>>())
    }

    /// These blocks if they are what `level` would make of the same contents today, otherwise none: one that is wanted is
    /// made again and compared.
    ///
    /// # Errors
    /// When contents cannot be read.
    pub fn if_alike<'a>(
        self,
        wanted: impl Iterator<Item = &'a Vec<PlannedBuild>>,
        contents: &Contents<'_>,
        level: i32,
    ) -> Result<Self, PublishError> {
        let known = wanted.filter_map(|builds| self.find(builds));
        // The smallest that says something, or else the largest.
        let rank = |old: &&OldBlock| match old.block.new_bytes() {
            bytes if bytes >= SAMPLE_BYTES => (0, bytes),
            bytes => (1, u64::MAX - bytes),
        };
        let Some(sample) = known.min_by_key(rank) else { return Ok(Self::default()) };
        let failed = |source| PublishError::Pack { path: sample.path.clone(), source };
        let mut writer = BlockWriter::new(io::sink(), level);
        for build in &sample.block.builds {
            making::whole(&mut writer, contents, build.id, build.size).map_err(|error| error.named(failed))?;
        }
        let (again, _) = writer.finish().map_err(failed)?;
        Ok(if again == sample.block { self } else { Self::default() })
    }
}

impl OldBlock {
    fn of(offer: &PackOffer, placed: &PlacedBlock, known: &[Digest]) -> Option<Self> {
        let builds = placed.block.builds.iter().map(|build| {
            let method = match build.method {
                Method::Whole => Method::Whole,
                Method::WholeForm { form } => Method::WholeForm { form },
                // All others start from an old blob.
                _ => return None,
            };
            Some(Build { id: build.id.resolve(known)?, size: build.size, method })
        });
        let builds = builds.collect::<Option<Vec<_>>>()?;
        let block = Block { digest: placed.block.digest, streams: placed.block.streams, builds };
        Some(Self { path: offer.path.clone(), offset: placed.offset, block })
    }

    fn blobs(&self) -> Vec<Digest> {
        self.block.builds.iter().map(|build| build.id).collect()
    }

    /// Writes the block to `out` and says what it is; nothing when it is not there any more as it was made.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn copy(&self, site: &Site, mut out: impl Write) -> Result<Option<Block<Digest>>, PackError> {
        let Ok(file) = site.open_file(&self.path) else { return Ok(None) };
        let (mut hasher, mut offset, mut left) = (Hasher::default(), self.offset, self.block.length());
        let mut buffer = vec![0; PIECE_BYTES];
        while left > 0 {
            let piece = &mut buffer[..left.min(PIECE_BYTES as u64) as usize];
            if ReadAt::read_exact_at(&file, piece, offset).is_err() {
                return Ok(None);
            }
            hasher.update(piece);
            out.write_all(piece).map_err(|source| PackError::Make { action: "write a block", source })?;
            offset += piece.len() as u64;
            left -= piece.len() as u64;
        }
        Ok((hasher.finish() == self.block.digest).then(|| self.block.clone()))
    }
}

fn index(site: &Site, offer: &PackOffer) -> Result<Index, Box<dyn std::error::Error>> {
    published::pack_index(&site.open_file(&offer.path)?, offer)
}
