//! The golden pack of format 1, in `fixtures/golden/pack-1`: it is never written again, and read for ever.
//!
//! It was made by the ignored test `write_the_golden_pack`, which refuses to write over it.

use super::golden::Golden;
use super::sample::{inputs, sample};
use super::*;
use crate::types::Digest;

fn golden() -> Golden {
    Golden::new("pack-1")
}

#[test]
#[ignore = "writes the golden pack of a new format, once"]
fn write_the_golden_pack() {
    let (sample, inputs) = (sample(), inputs());
    let files: Vec<_> = inputs.iter().map(|(name, content)| (*name, &content[..])).collect();
    golden().write(&files, &sample.pack, sample.summary.head_length);
}

#[test]
fn the_golden_pack_is_read() {
    let read = |name: &str| golden().read(name);
    let names = ["old-text", "old-numbers", "new-text", "new-numbers", "whole-text", "whole-empty"];
    let (pack, index, made) = golden().made(&names);
    let sorted: Vec<Digest> = golden().blobs(&names).into_keys().collect();

    assert_eq!(index.from().map(|version| version.number()), Some(10));
    assert_eq!(index.to().number(), 20);
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
