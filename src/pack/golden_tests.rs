//! The golden pack of format 1, in `fixtures/golden/pack-1`: it is never written again, and read for ever.
//!
//! It was made by the ignored test `write_the_golden_pack`, which refuses to write over it.

use std::fs;
use std::path::PathBuf;

use super::sample::{decode, inputs, sample};
use super::*;
use crate::types::Digest;

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/golden/pack-1"))
}

#[test]
#[ignore = "writes the golden pack of a new format, once"]
fn write_the_golden_pack() {
    assert!(!folder().exists(), "a golden pack is never written again");
    let sample = sample();
    fs::create_dir_all(folder()).expect("a folder");
    for (name, content) in inputs() {
        fs::write(folder().join(name), content).expect("a file");
    }
    fs::write(folder().join("pack"), &sample.pack).expect("a file");
    fs::write(folder().join("head-length"), format!("{}\n", sample.summary.head_length)).expect("a file");
}

#[test]
fn the_golden_pack_is_read() {
    let read = |name: &str| fs::read(folder().join(name)).expect(name);
    let pack = read("pack");
    let head_length: usize = String::from_utf8(read("head-length")).expect("text").trim().parse().expect("a number");
    let names = ["old-text", "old-numbers", "new-text", "new-numbers", "whole-text", "whole-empty"];
    let blobs = names.map(|name| (Digest::of(&read(name)), read(name))).into_iter().collect();
    let mut sorted = names.map(|name| Digest::of(&read(name)));
    sorted.sort_unstable();

    let index = Index::parse(&pack[..head_length]).expect("the golden head");
    assert_eq!(index.from().map(|version| version.number()), Some(10));
    assert_eq!(index.to().number(), 20);
    let made = decode(&pack, head_length, &blobs, &sorted).expect("the golden pack");
    let expected = ["whole-text", "new-text", "whole-empty", "new-numbers", "new-text"];
    assert_eq!(made, expected.map(read));
    let ids = index.blocks().iter().flat_map(|placed| &placed.block.builds).map(|build| build.id.resolve(&sorted));
    assert!(ids.eq(expected.map(|name| Some(Digest::of(&read(name))))));

    let [manifest] = index.manifest_deltas() else { panic!("one manifest delta") };
    let (old, new) = (read("old-manifest"), read("new-manifest"));
    assert!(manifest.bundle.as_str() == "editors" && manifest.starts_from(&Digest::of(&old)));
    let frame = &pack[manifest.offset as usize..][..manifest.length as usize];
    assert_eq!(apply_text_delta(&old, frame, new.len() as u64).expect("the golden frame"), new);
}

#[test]
fn same_input_same_bytes() {
    assert!(sample().pack == sample().pack);
}
