//! Tests only: a small pack with all that a pack can hold, and what it was made from.

use std::collections::BTreeMap;

use super::*;
use crate::delta::{Delta, ReadAt};
use crate::types::{Digest, Version};

/// A pack and its contents.
pub(super) struct Sample {
    pub(super) pack: Vec<u8>,
    pub(super) summary: PackSummary,
    /// All blobs, old and new.
    pub(super) blobs: BTreeMap<Digest, Vec<u8>>,
    /// All blobs' digests, in order.
    pub(super) sorted: Vec<Digest>,
}

/// What the golden pack is made from: two old blobs, their new versions, and two new blobs.
pub(super) fn inputs() -> BTreeMap<&'static str, Vec<u8>> {
    let numbers = |from: u32, to: u32| (from..to).flat_map(|n| (n * n % 65_521).to_le_bytes()).collect::<Vec<u8>>();
    let mut new_numbers = numbers(50, 700);
    new_numbers[300] ^= 7;
    new_numbers.splice(900..910, *b"something new in the middle");
    let text = "The publisher ships defaults, the administrator overrides only what differs.\n".repeat(20);
    let manifest = |digits: &str| {
        format!("{{\"bundle\":\"editors\",\"entries\":[{{\"path\":\"usr\",\"sha256\":\"{digits}\"}}]}}\n")
    };
    BTreeMap::from([
        ("old-numbers", numbers(0, 600)),
        ("new-numbers", new_numbers),
        ("old-text", text.clone().into_bytes()),
        ("new-text", text.replace("overrides", "changes").into_bytes()),
        ("whole-text", b"All of this is new.\n".repeat(9).to_vec()),
        ("whole-empty", Vec::new()),
        ("old-manifest", manifest("0123456789abcdef").into_bytes()),
        ("new-manifest", manifest("fedcba9876543210").into_bytes()),
    ])
}

/// The pack of [`inputs`]: two blocks and a manifest delta.
pub(super) fn sample() -> Sample {
    let inputs = inputs();
    let id = |name: &str| Digest::of(&inputs[name]);
    let whole = |writer: &mut BlockWriter<_>, name: &str| {
        writer.whole(id(name), inputs[name].len() as u64, &inputs[name][..]).expect("memory");
    };
    let delta = |writer: &mut BlockWriter<_>, old: &str, new: &str| {
        writer.delta(id(new), id(old), &Delta::make(&inputs[old], &inputs[new]));
    };
    let mut first = BlockWriter::new(Vec::new(), LEVEL);
    whole(&mut first, "whole-text");
    delta(&mut first, "old-text", "new-text");
    whole(&mut first, "whole-empty");
    delta(&mut first, "old-numbers", "new-numbers");
    let mut second = BlockWriter::new(Vec::new(), LEVEL);
    delta(&mut second, "old-text", "new-text");
    let blocks: Vec<_> = [first, second].into_iter().map(|writer| writer.finish().expect("memory")).collect();

    let blobs: BTreeMap<_, _> = inputs.values().map(|blob| (Digest::of(blob), blob.clone())).collect();
    for (block, bytes) in &blocks {
        proved(block, bytes, |digest| &blobs[&digest][..]).expect("a good block");
    }
    let mut writer = PackWriter::new(Version::new(10), Version::new(20).expect("not 0"), blobs.keys().copied());
    let frame = make_text_delta(&inputs["old-manifest"], &inputs["new-manifest"]).expect("small");
    writer.manifest_delta(ManifestDelta {
        bundle: "editors".parse().expect("a name"),
        base: id("old-manifest"),
        frame,
    });
    let mut pack = Vec::new();
    let blocks = blocks.iter().map(|(block, bytes)| (block.clone(), &bytes[..])).collect();
    let summary = writer.finish(blocks, &mut pack).expect("memory");
    let sorted = blobs.keys().copied().collect();
    Sample { pack, summary, blobs, sorted }
}

/// Proves a block that starts from those blobs which `old` gives.
pub(super) fn proved<B: ReadAt>(
    block: &Block<Digest>,
    bytes: &[u8],
    old: impl Fn(Digest) -> B,
) -> Result<(), PackError> {
    prove(block, &bytes, 0, |build| Ok(build.id), |digest| Ok(old(digest)))
}

/// Everything that a pack makes, in order, as a client would make it from `blobs`; nothing is checked but what the
/// decoder checks.
pub(super) fn decode(
    pack: &[u8],
    head_length: usize,
    blobs: &BTreeMap<Digest, Vec<u8>>,
    sorted: &[Digest],
) -> Result<Vec<Vec<u8>>, PackError> {
    let index = Index::parse(&pack[..head_length])?;
    let mut made = Vec::new();
    for PlacedBlock { offset, block } in index.blocks() {
        let mut reader = BlockReader::open(block, &pack, *offset)?;
        while let Some(build) = reader.next_build() {
            let base = build.method.base().and_then(|base| base.resolve(sorted)).map(|digest| &blobs[&digest]);
            let mut out = Vec::new();
            reader.build(base.map(|base| base as &dyn ReadAt), &mut out)?;
            made.push(out);
        }
        reader.finish()?;
    }
    Ok(made)
}
