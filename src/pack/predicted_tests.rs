//! The golden pack with predicted references, in `fixtures/golden/pack-3`: it is never written again, and read for
//! ever. It shows that guesses never change.
//!
//! It was made by the ignored test `write_the_golden_pack`, which refuses to write over it.

use std::fs;
use std::path::PathBuf;

use super::sample::decode;
use super::*;
use crate::delta::Delta;
use crate::delta::predict::sample::{module, program};
use crate::types::{Digest, Version};

const NAMES: [&str; 4] = ["old-program", "new-program", "old-module", "new-module"];

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/golden/pack-3"))
}

#[test]
#[ignore = "writes the golden pack, once"]
fn write_the_golden_pack() {
    assert!(!folder().exists(), "a golden pack is never written again");
    let blobs = [program(0), program(1), module(0), module(1)];
    let mut writer = BlockWriter::new(Vec::new(), LEVEL);
    for [old, new] in [[0, 1], [2, 3]] {
        let delta = Delta::smallest(&blobs[old], &blobs[new]);
        writer.delta(Digest::of(&blobs[new]), Digest::of(&blobs[old]), &delta);
    }
    let (block, bytes) = writer.finish().expect("memory");
    let writer =
        PackWriter::new(Version::new(10), Version::new(20).expect("not 0"), blobs.iter().map(|b| Digest::of(b)));
    let mut pack = Vec::new();
    let summary = writer.finish(vec![(block, &bytes[..])], &mut pack).expect("memory");
    fs::create_dir_all(folder()).expect("a folder");
    for (name, blob) in NAMES.iter().zip(&blobs) {
        fs::write(folder().join(name), blob).expect("a file");
    }
    fs::write(folder().join("pack"), &pack).expect("a file");
    fs::write(folder().join("head-length"), format!("{}\n", summary.head_length)).expect("a file");
}

#[test]
fn the_golden_pack_is_read() {
    let read = |name: &str| fs::read(folder().join(name)).expect(name);
    let pack = read("pack");
    let head_length: usize = String::from_utf8(read("head-length")).expect("text").trim().parse().expect("a number");
    let blobs = NAMES.map(|name| (Digest::of(&read(name)), read(name))).into_iter().collect();
    let mut sorted = NAMES.map(|name| Digest::of(&read(name)));
    sorted.sort_unstable();
    let index = Index::parse(&pack[..head_length]).expect("the golden head");
    let builds = index.blocks().iter().flat_map(|placed| &placed.block.builds);
    assert!(builds.map(|build| build.method.number()).eq([4, 4]));
    let made = decode(&pack, head_length, &blobs, &sorted).expect("the golden pack");
    assert_eq!(made, ["new-program", "new-module"].map(read));
}
