//! A pack's head and the index in it: what the pack holds, and where.
//!
//! The index is laid out in columns, because like compresses best with like; places follow from lengths.

use std::io::Read;

use super::block::{STREAM_NAMES, STREAMS};
use super::frame::{self, FrameReader, Section};
use super::lzma::Content;
use super::short_id::{MAX_LENGTH, MIN_LENGTH};
use super::{
    Block, Build, FORMAT, LEVEL, MAX_BLOCKS, MAX_BUILDS, MAX_HEAD_BYTES, MAX_INDEX_BYTES, MAX_MANIFEST_DELTAS,
    MAX_PLAIN_BYTES, MAX_TEXT_BYTES, Method, PackError, ShortId, StreamLengths, WHOLE_WINDOW_LOG,
};
use crate::delta::{Role, varint};
use crate::types::{BundleName, Digest, Version};
use crate::{gzip, xz};

/// The first bytes of every pack; two decimal digits of the format's number follow.
const MAGIC: &[u8; 6] = b"SUPACK";
/// How much of a base manifest's digest the index gives.
const BASE_PREFIX: usize = 8;
/// The highest number of a method.
const LAST_METHOD: u64 = 6;

/// What a pack holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    pub(super) from: Option<Version>,
    pub(super) to: Version,
    pub(super) id_length: usize,
    pub(super) manifest_deltas: Vec<ManifestDeltaPlace>,
    pub(super) blocks: Vec<PlacedBlock>,
}

/// Where a bundle's manifest lies as a delta.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestDeltaPlace {
    /// The bundle.
    pub bundle: BundleName,
    /// The first bytes of the digest of the manifest that it starts from.
    pub base_prefix: [u8; BASE_PREFIX],
    /// Where the frame begins in the pack.
    pub offset: u64,
    /// Length of the frame in bytes.
    pub length: u64,
}

/// A block and where it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedBlock {
    /// Where the block begins in the pack.
    pub offset: u64,
    /// What it holds.
    pub block: Block<ShortId>,
}

impl ManifestDeltaPlace {
    /// Whether the delta starts from the manifest with this digest.
    pub fn starts_from(&self, manifest: &Digest) -> bool {
        manifest.as_bytes().starts_with(&self.base_prefix)
    }
}

impl Index {
    /// The index in a pack's head, which the caller has verified against the signed digest and length.
    ///
    /// # Errors
    /// [`PackError::UnknownFormat`] and [`PackError::UnknownMethod`] for what a newer publisher may have made; others
    /// for what none would make.
    pub fn parse(head: &[u8]) -> Result<Self, PackError> {
        let numbers = head.strip_prefix(MAGIC).and_then(|rest| rest.split_first_chunk::<2>());
        let Some((digits, rest)) = numbers.filter(|(digits, _)| digits.iter().all(u8::is_ascii_digit)) else {
            return Err(PackError::NotAPack);
        };
        let format = u32::from(digits[0] - b'0') * 10 + u32::from(digits[1] - b'0');
        if format != FORMAT {
            return Err(PackError::UnknownFormat { format });
        }
        at_most("length of the head", head.len() as u64, MAX_HEAD_BYTES)?;
        let mut columns = Columns { rest };
        let packed = columns.number("length of the packed index", MAX_HEAD_BYTES)?;
        let plain = columns.number("length of the index", MAX_INDEX_BYTES)?;
        if packed != columns.rest.len() as u64 {
            return Err(PackError::BadIndex { what: "the head is not as long as it says" });
        }
        const NAME: &str = "index";
        let mut reader = FrameReader::new(NAME, Section::new(&columns.rest, 0, packed), plain, WHOLE_WINDOW_LOG)?;
        let mut index = Vec::new();
        reader.read_to_end(&mut index).map_err(|source| PackError::Decode { stream: NAME, source })?;
        reader.finish()?;
        Self::parse_plain(&index, head.len() as u64)
    }

    /// The release that the pack starts from; none when it needs nothing.
    pub fn from(&self) -> Option<Version> {
        self.from
    }

    /// The release that the pack leads to.
    pub fn to(&self) -> Version {
        self.to
    }

    /// Manifests as deltas, ordered by bundle.
    pub fn manifest_deltas(&self) -> &[ManifestDeltaPlace] {
        &self.manifest_deltas
    }

    /// All blocks, in the order of the file.
    pub fn blocks(&self) -> &[PlacedBlock] {
        &self.blocks
    }

    fn parse_plain(index: &[u8], head_length: u64) -> Result<Self, PackError> {
        let mut columns = Columns { rest: index };
        let from = columns.number("version", u32::MAX.into())?;
        let to = columns.number("version", u32::MAX.into())?;
        let to = Version::new(to as u32).ok_or(PackError::BadIndex { what: "it leads to version 0" })?;
        let id_length = columns.number("length of a short id", MAX_LENGTH as u64)? as usize;
        if id_length < MIN_LENGTH {
            return Err(PackError::BadIndex { what: "short ids have fewer than 4 bytes" });
        }
        let mut offset = head_length;
        let manifest_deltas = columns.manifest_deltas(&mut offset)?;
        let blocks = columns.blocks(&mut offset, id_length)?;
        if !columns.rest.is_empty() {
            return Err(PackError::BadIndex { what: "bytes follow its last column" });
        }
        Ok(Self { from: Version::new(from as u32), to, id_length, manifest_deltas, blocks })
    }

    /// The head of a pack with this index; all offsets are ignored.
    pub(super) fn to_head(&self) -> Result<Vec<u8>, PackError> {
        let plain = self.to_plain();
        let mut packed = Vec::new();
        frame::compress(&plain, LEVEL, Content::Bytes, WHOLE_WINDOW_LOG, &mut packed)
            .map_err(|source| PackError::Make { action: "compress the index", source })?;
        let mut head = format!("SUPACK{FORMAT:02}").into_bytes();
        varint::push(&mut head, packed.len() as u64);
        varint::push(&mut head, plain.len() as u64);
        head.extend_from_slice(&packed);
        Ok(head)
    }

    fn to_plain(&self) -> Vec<u8> {
        let mut out = Vec::new();
        varint::push(&mut out, self.from.map_or(0, Version::number).into());
        varint::push(&mut out, self.to.number().into());
        varint::push(&mut out, self.id_length as u64);

        let deltas = &self.manifest_deltas;
        varint::push(&mut out, deltas.len() as u64);
        deltas.iter().for_each(|delta| varint::push(&mut out, delta.bundle.as_str().len() as u64));
        deltas.iter().for_each(|delta| out.extend_from_slice(delta.bundle.as_str().as_bytes()));
        deltas.iter().for_each(|delta| out.extend_from_slice(&delta.base_prefix));
        deltas.iter().for_each(|delta| varint::push(&mut out, delta.length));

        let blocks = || self.blocks.iter().map(|placed| &placed.block);
        varint::push(&mut out, self.blocks.len() as u64);
        blocks().for_each(|block| varint::push(&mut out, block.builds.len() as u64));
        for stream in 0..STREAMS {
            blocks().for_each(|block| varint::push(&mut out, block.streams[stream].packed));
            blocks().for_each(|block| varint::push(&mut out, block.streams[stream].plain));
        }
        blocks().for_each(|block| out.extend_from_slice(block.digest.as_bytes()));

        let builds = || blocks().flat_map(|block| &block.builds);
        builds().for_each(|build| varint::push(&mut out, build.method.number()));
        builds().for_each(|build| varint::push(&mut out, build.size));
        builds().filter_map(|build| build.method.inner()).for_each(|inner| varint::push(&mut out, inner));
        builds().for_each(|build| out.extend_from_slice(build.id.as_bytes()));
        builds().filter_map(|build| build.method.base()).for_each(|base| out.extend_from_slice(base.as_bytes()));
        out
    }
}

/// What is left of the plain index.
struct Columns<'a> {
    rest: &'a [u8],
}

impl<'a> Columns<'a> {
    fn number(&mut self, what: &'static str, limit: u64) -> Result<u64, PackError> {
        let bad = |_| PackError::BadIndex { what: "a number is cut off or not in its shortest form" };
        at_most(what, varint::read(&mut self.rest).map_err(bad)?, limit)
    }

    fn bytes(&mut self, count: usize) -> Result<&'a [u8], PackError> {
        let (bytes, rest) = self.rest.split_at_checked(count).ok_or(PackError::BadIndex { what: "it is cut off" })?;
        self.rest = rest;
        Ok(bytes)
    }

    /// A column of numbers; so many that the index can hold them.
    fn numbers(&mut self, count: u64, what: &'static str, limit: u64) -> Result<Vec<u64>, PackError> {
        if count > self.rest.len() as u64 {
            return Err(PackError::BadIndex { what: "it is shorter than one of its columns" });
        }
        (0..count).map(|_| self.number(what, limit)).collect()
    }

    fn manifest_deltas(&mut self, offset: &mut u64) -> Result<Vec<ManifestDeltaPlace>, PackError> {
        let count = self.number("number of manifest deltas", MAX_MANIFEST_DELTAS)?;
        let name_lengths = self.numbers(count, "length of a bundle's name", 64)?;
        let name = |length: u64| {
            let text = std::str::from_utf8(self.bytes(length as usize)?).ok().and_then(|text| text.parse().ok());
            text.ok_or(PackError::BadIndex { what: "a bundle's name is none" })
        };
        let names = name_lengths.into_iter().map(name).collect::<Result<Vec<BundleName>, _>>()?;
        if !names.is_sorted_by(|a, b| a < b) {
            return Err(PackError::BadIndex { what: "manifest deltas are not ordered by bundle" });
        }
        let prefixes = self.bytes(names.len() * BASE_PREFIX)?.as_chunks::<BASE_PREFIX>().0;
        let lengths = self.numbers(count, "length of a manifest delta", MAX_PLAIN_BYTES)?;
        let mut places = Vec::with_capacity(names.len());
        for ((bundle, base_prefix), length) in names.into_iter().zip(prefixes).zip(lengths) {
            places.push(ManifestDeltaPlace { bundle, base_prefix: *base_prefix, offset: *offset, length });
            *offset = at_most("length", offset.saturating_add(length), MAX_PLAIN_BYTES)?;
        }
        Ok(places)
    }

    fn blocks(&mut self, offset: &mut u64, id_length: usize) -> Result<Vec<PlacedBlock>, PackError> {
        let count = self.number("number of blocks", MAX_BLOCKS)?;
        let build_counts = self.numbers(count, "number of builds", MAX_BUILDS)?;
        let mut streams = vec![[StreamLengths::default(); STREAMS]; build_counts.len()];
        for stream in 0..STREAMS {
            for lengths in &mut streams {
                lengths[stream].packed = self.number("length of a stream", MAX_PLAIN_BYTES)?;
            }
            for lengths in &mut streams {
                lengths[stream].plain = self.number("length of a stream", MAX_PLAIN_BYTES)?;
            }
        }
        let digests = self.bytes(build_counts.len() * 32)?.as_chunks::<32>().0;
        let mut builds = self.builds(build_counts.iter().sum(), id_length)?.into_iter();

        let mut blocks = Vec::with_capacity(build_counts.len());
        let mut new_bytes = 0u64;
        for ((streams, digest), build_count) in streams.into_iter().zip(digests).zip(build_counts) {
            let builds = builds.by_ref().take(build_count as usize).collect();
            let block = Block { digest: Digest::from_bytes(*digest), streams, builds };
            check_block(&block)?;
            new_bytes = at_most("length of all blobs", new_bytes.saturating_add(block.new_bytes()), MAX_PLAIN_BYTES)?;
            let length = block.length();
            blocks.push(PlacedBlock { offset: *offset, block });
            *offset = at_most("length", offset.saturating_add(length), MAX_PLAIN_BYTES)?;
        }
        Ok(blocks)
    }

    fn builds(&mut self, count: u64, id_length: usize) -> Result<Vec<Build<ShortId>>, PackError> {
        at_most("number of builds", count, MAX_BUILDS)?;
        let methods = self.numbers(count, "number of a method", u64::MAX)?;
        if let Some(build) = methods.iter().position(|method| *method > LAST_METHOD) {
            return Err(PackError::UnknownMethod { method: methods[build], build: build as u64 });
        }
        let sizes = self.numbers(count, "length of a blob", MAX_PLAIN_BYTES)?;
        let inner = methods.iter().filter(|method| matches!(method, 2 | 3 | 5 | 6)).count() as u64;
        let inner = self.numbers(inner, "length of a form or frame", xz::MAX_BYTES)?;
        let ids = self.bytes(methods.len() * id_length)?.chunks_exact(id_length).map(ShortId::from_bytes);
        let deltas = methods.iter().filter(|method| matches!(method, 1 | 3..=6)).count();
        let mut bases = self.bytes(deltas * id_length)?.chunks_exact(id_length).map(ShortId::from_bytes);
        let mut inner = inner.into_iter();
        // Both columns were read as long as the methods want them.
        let mut base = || bases.next().ok_or(PackError::BadIndex { what: "it is cut off" });
        let mut inner = || inner.next().ok_or(PackError::BadIndex { what: "it is cut off" });
        let builds = methods.iter().zip(sizes).zip(ids).map(|((method, size), id)| {
            let method = match method {
                0 => Method::Whole,
                1 => Method::Delta { base: base()? },
                2 => Method::WholeForm { form: inner()? },
                3 => Method::DeltaForm { base: base()?, form: inner()? },
                4 => Method::Predicted { base: base()? },
                5 => Method::XzForm { base: base()?, form: inner()? },
                _ => Method::Text { base: base()?, frame: inner()? },
            };
            Ok(Build { id, size, method })
        });
        builds.collect()
    }
}

/// Checks that a block's streams are no longer than its builds can use.
fn check_block<I: Copy>(block: &Block<I>) -> Result<(), PackError> {
    if block.builds.is_empty() {
        return Err(PackError::BadIndex { what: "a block makes nothing" });
    }
    let (mut whole, mut made) = (0u64, 0u64);
    for build in &block.builds {
        let sum = if build.method.is_in_whole() { &mut whole } else { &mut made };
        let streamed = build.method.inner().unwrap_or(build.size);
        *sum = at_most("length of a block's blobs", sum.saturating_add(streamed), MAX_PLAIN_BYTES)?;
        let limit = match build.method {
            Method::Whole | Method::Delta { .. } | Method::Predicted { .. } => continue,
            Method::WholeForm { .. } | Method::DeltaForm { .. } => gzip::MAX_BYTES,
            Method::XzForm { .. } => xz::MAX_BYTES,
            Method::Text { .. } => MAX_TEXT_BYTES,
        };
        at_most("length of a form or frame, or its file", streamed.max(build.size), limit)?;
    }
    let numbers = made * varint::MAX_BYTES;
    let first_runs = block.builds.len() as u64;
    let limits = [whole, numbers, numbers, numbers, numbers + first_runs, made, made];
    debug_assert_eq!(limits.len(), 1 + Role::ALL.len());
    for ((stream, limit), name) in block.streams.iter().zip(limits).zip(STREAM_NAMES) {
        at_most(name, stream.plain, limit)?;
        if (stream.packed == 0) != (stream.plain == 0) {
            return Err(PackError::BadStream { stream: name, what: "only one of its lengths is zero" });
        }
    }
    if block.streams[0].plain != whole {
        return Err(PackError::BadStream { stream: STREAM_NAMES[0], what: "it is shorter than its builds" });
    }
    Ok(())
}

fn at_most(what: &'static str, value: u64, limit: u64) -> Result<u64, PackError> {
    if value <= limit { Ok(value) } else { Err(PackError::TooLarge { what, value, limit }) }
}
