//! Proving one pack: head, blocks, every blob that it makes, every manifest that it makes.

use std::collections::BTreeMap;
use std::error::Error;

use rayon::prelude::*;

use super::contents::Contents;
use super::notes::Notes;
use super::published;
use crate::delta::ReadAt;
use crate::manifest::{PackOffer, Release};
use crate::pack::{Build, Index, PlacedBlock, ShortId, apply_text_delta, check_digest, prove};
use crate::types::{BundleName, Digest, Version};

/// A release's bundles as far as they can be read.
pub(super) struct CheckedRelease {
    /// The manifests' JSON text.
    pub texts: BTreeMap<BundleName, Vec<u8>>,
    /// Length in bytes of each blob, in order.
    pub blobs: Vec<(Digest, u64)>,
}

/// What a pack leads from.
pub(super) enum Start {
    /// A pack from nothing.
    Nothing,
    /// A published release.
    Release(CheckedRelease),
    /// A release that was dropped, or is lost: what its blobs were nobody can say, so nothing that starts from them is made
    /// again. The bytes are compared with their digests all the same.
    Unpublished,
}

/// One pack and what it refers to.
pub(super) struct PackChecker<'a> {
    pub contents: Contents<'a>,
    pub offer: &'a PackOffer,
    pub version: Version,
    pub from: &'a Start,
    /// The release that it leads to.
    pub to: &'a CheckedRelease,
    pub release: &'a Release,
    pub notes: &'a Notes,
}

impl PackChecker<'_> {
    /// Keeps everything that is wrong with it as findings.
    pub(super) fn check(&self) {
        let path = &self.offer.path;
        match self.contents.site.length(path) {
            Ok(Some(length)) if length == self.offer.length => {}
            Ok(Some(length)) => return self.found(format!("it has {length} bytes instead of {}", self.offer.length)),
            Ok(None) => return self.found("it is missing"),
            Err(error) => return self.notes.failed(path, &error),
        }
        let file = match self.contents.site.open_file(path) {
            Ok(file) => file,
            Err(error) => return self.notes.failed(path, &error),
        };
        let index = match published::pack_index(&file, self.offer) {
            Ok(index) => index,
            Err(error) => return self.notes.failed(path, &*error),
        };
        if (index.from(), index.to()) != (self.offer.from, self.version) {
            self.found("it leads from or to another release than it is offered for");
        }
        let parts = index.manifest_deltas().iter().map(|delta| delta.length);
        let parts = parts.chain(index.blocks().iter().map(|placed| placed.block.length()));
        if self.offer.head.length + parts.sum::<u64>() != self.offer.length {
            self.found("its parts are together not as long as the pack");
        }
        self.check_manifest_deltas(&index, &file);
        index.blocks().par_iter().with_max_len(1).enumerate().for_each(|(number, placed)| {
            if let Err(error) = self.check_block(placed, &file) {
                let cause = error.source().map(|source| format!(": {source}")).unwrap_or_default();
                self.found(format!("block {number}: {error}{cause}"));
            }
        });
    }

    fn found(&self, problem: impl Into<String>) {
        self.notes.found(&self.offer.path, problem);
    }

    fn check_manifest_deltas(&self, index: &Index, file: &(impl ReadAt + Sync)) {
        for place in index.manifest_deltas() {
            let bundle = &place.bundle;
            let old = match self.from {
                Start::Nothing => None,
                Start::Release(from) => from.texts.get(bundle),
                Start::Unpublished => continue,
            };
            let (Some(old), Some(offer)) = (old, self.release.bundles.get(bundle)) else {
                self.found(format!("it has a manifest delta for bundle {bundle}, which is not in both releases"));
                continue;
            };
            let made = (|| {
                if !place.starts_from(&Digest::of(old)) {
                    return Err("it starts from another manifest".into());
                }
                let mut frame = vec![0; usize::try_from(place.length)?];
                file.read_exact_at(&mut frame, place.offset)?;
                let new = apply_text_delta(old, &frame, offer.manifest.length)?;
                Ok::<_, Box<dyn Error>>(Digest::of(&new))
            })();
            match made {
                Ok(digest) if digest == offer.manifest.sha256 => {}
                Ok(_) => self.found(format!("the manifest delta of {bundle} makes another manifest")),
                Err(error) => self.found(format!("the manifest delta of {bundle}: {error}")),
            }
        }
    }

    fn check_block(&self, placed: &PlacedBlock, file: &(impl ReadAt + Sync)) -> Result<(), Box<dyn Error>> {
        let expected = |build: &Build<ShortId>| {
            let (wanted, size) = resolve(build.id, &self.to.blobs).ok_or("it makes a blob that the release lacks")?;
            match size == build.size {
                true => Ok(wanted),
                false => Err(format!("it makes blob {wanted} with {} bytes instead of {size}", build.size).into()),
            }
        };
        let old = |id| {
            let known = match self.from {
                Start::Release(from) => resolve(id, &from.blobs),
                Start::Nothing | Start::Unpublished => None,
            };
            let (digest, size) = known.ok_or("it starts from a blob that the old release lacks")?;
            Ok(self.contents.bytes(digest, size)?)
        };
        match self.from {
            Start::Unpublished => Ok(check_digest(&placed.block, file, placed.offset)?),
            _ => prove(&placed.block, file, placed.offset, expected, old),
        }
    }
}

/// The only blob that the short id names.
fn resolve(id: ShortId, blobs: &[(Digest, u64)]) -> Option<(Digest, u64)> {
    let first = blobs.partition_point(|(digest, _)| &digest.as_bytes()[..id.as_bytes().len()] < id.as_bytes());
    let mut alike = blobs[first..].iter().take_while(|(digest, _)| id.matches(digest));
    let only = alike.next().copied();
    if alike.next().is_some() { None } else { only }
}
