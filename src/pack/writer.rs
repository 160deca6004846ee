//! Making a pack: head, manifest deltas and blocks become one file.

use std::io::{self, Read, Write};

use super::index::{Index, ManifestDeltaPlace, PlacedBlock};
use super::{Block, Build, PackError, ShortId, short_id_length};
use crate::types::{BundleName, Digest, Hasher, Version};

/// Puts a pack together.
pub struct PackWriter {
    from: Option<Version>,
    to: Version,
    known: Vec<Digest>,
    manifest_deltas: Vec<ManifestDelta>,
}

/// A bundle's manifest as a delta.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestDelta {
    /// The bundle.
    pub bundle: BundleName,
    /// Digest of the manifest that it starts from.
    pub base: Digest,
    /// What [`super::make_text_delta`] gave.
    pub frame: Vec<u8>,
}

/// A finished pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackSummary {
    /// SHA-256 of the head, to be signed.
    pub head_digest: Digest,
    /// Length of the head in bytes, to be signed.
    pub head_length: u64,
    /// Length of the whole pack in bytes.
    pub total_length: u64,
}

impl PackWriter {
    /// A pack that leads from one release, or from nothing, to another. `known` are the digests of all blobs of both:
    /// short ids are made long enough to tell them apart.
    pub fn new(from: Option<Version>, to: Version, known: impl IntoIterator<Item = Digest>) -> Self {
        Self { from, to, known: known.into_iter().collect(), manifest_deltas: Vec::new() }
    }

    /// Adds a manifest; in any order, each bundle once.
    pub fn manifest_delta(&mut self, delta: ManifestDelta) {
        self.manifest_deltas.push(delta);
    }

    /// Writes the pack. Each block comes with its bytes as [`super::BlockWriter`] wrote them; they are checked on the
    /// way.
    ///
    /// # Errors
    /// When a limit of the format is exceeded, a block's bytes are not those that were written, or reading or writing
    /// fails.
    pub fn finish<R: Read>(
        mut self,
        blocks: Vec<(Block<Digest>, R)>,
        mut out: impl Write,
    ) -> Result<PackSummary, PackError> {
        self.manifest_deltas.sort_by(|a, b| a.bundle.cmp(&b.bundle));
        let head = self.index(blocks.iter().map(|(block, _)| block)).to_head()?;
        let index = Index::parse(&head)?;
        let mut write =
            |bytes: &[u8]| out.write_all(bytes).map_err(|source| PackError::Make { action: "write the pack", source });
        write(&head)?;
        self.manifest_deltas.iter().try_for_each(|delta| write(&delta.frame))?;
        let mut total_length = head.len() as u64;
        total_length += index.manifest_deltas.iter().map(|place| place.length).sum::<u64>();
        for (block, content) in blocks {
            copy_block(&block, content, &mut write)?;
            total_length += block.length();
        }
        out.flush().map_err(|source| PackError::Make { action: "write the pack", source })?;
        Ok(PackSummary { head_digest: Digest::of(&head), head_length: head.len() as u64, total_length })
    }

    fn index<'a>(&self, blocks: impl Iterator<Item = &'a Block<Digest>> + Clone) -> Index {
        let built = blocks.clone().flat_map(|block| &block.builds);
        let built = built.flat_map(|build| [build.id, build.method.base().unwrap_or(build.id)]);
        let id_length = short_id_length(self.known.iter().copied().chain(built));
        let short = |digest: &Digest| ShortId::of(digest, id_length);
        let build = |build: &Build<Digest>| Build {
            id: short(&build.id),
            size: build.size,
            method: build.method.map(|base| short(&base)),
        };
        let place = |block: &Block<Digest>| Block {
            digest: block.digest,
            streams: block.streams,
            builds: block.builds.iter().map(build).collect(),
        };
        Index {
            from: self.from,
            to: self.to,
            id_length,
            manifest_deltas: self.manifest_deltas.iter().map(ManifestDelta::place).collect(),
            blocks: blocks.map(|block| PlacedBlock { offset: 0, block: place(block) }).collect(),
        }
    }
}

impl ManifestDelta {
    fn place(&self) -> ManifestDeltaPlace {
        let (base_prefix, _) = self.base.as_bytes().split_first_chunk().expect("a digest has 32 bytes");
        let length = self.frame.len() as u64;
        ManifestDeltaPlace { bundle: self.bundle.clone(), base_prefix: *base_prefix, offset: 0, length }
    }
}

/// Hands on a block's bytes, and checks that they are those that were written.
fn copy_block(
    block: &Block<Digest>,
    content: impl Read,
    write: &mut impl FnMut(&[u8]) -> Result<(), PackError>,
) -> Result<(), PackError> {
    let (mut hasher, mut found, mut buffer) = (Hasher::default(), 0, vec![0; 128 * 1024]);
    let mut content = content.take(block.length() + 1);
    loop {
        match content.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => {
                hasher.update(&buffer[..count]);
                write(&buffer[..count])?;
                found += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(source) => return Err(PackError::Make { action: "read a block", source }),
        }
    }
    if found != block.length() {
        return Err(PackError::WrongLength { what: "a block", expected: block.length(), found });
    }
    let digest = hasher.finish();
    if digest != block.digest {
        return Err(PackError::WrongDigest { what: "a block", expected: block.digest, found: digest });
    }
    Ok(())
}
